"""Which intervals and tests a result tells, as the calibration calls them, and of how many events: for footnotes and text."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch
from typing import Any

from cohortbook.sections.comparison.analysis import GroupComparison, OutcomeRate
from cohortbook.sections.missing.imputed import ImputedModel
from cohortbook.sections.model.model_checks import PerformanceStudy
from cohortbook.sections.model.models import ModelStudy
from cohortbook.sections.survival.endpoints import CompetingStudy, SurvivalStudy
from cohortbook.sections.survival.hazards import CauseModels, CompetingModels, CoxStudy
from tallystats.regression.exact import ExactFit
from tallystats.statistics.calibration import Kind

#: Not only for who checks types: `singledispatch` reads them.
Methods = Iterator[tuple[Kind, str]]
Told = Iterator[tuple[Any, tuple[tuple[Kind, str], ...]]]


@singledispatch
def methods_told(result: Any) -> Told:
    """Yield numbers of events with the (kind, method) that a result tells of them; nothing of a result that has none.

    Events are those of the rarer outcome, or the patients of the smallest group.
    """
    yield from ()


@methods_told.register
def _(result: OutcomeRate) -> Told:
    yield result.intervals[0].events, tuple(("interval", p.method) for p in result.intervals)


@methods_told.register
def _(result: GroupComparison) -> Told:
    yield min(result.sizes), (*of_comparison(result), *of_effects(result))


@methods_told.register
def _(result: ModelStudy) -> Told:
    yield rarer(result), tuple(of_model(result))


@methods_told.register
def _(result: ImputedModel) -> Told:
    if not result.whole.fit.refused:
        yield rarer(result.study), tuple(of_pooled())


@methods_told.register
def _(result: PerformanceStudy) -> Told:
    yield rarer(result.model), tuple(of_performance())


@methods_told.register
def _(result: SurvivalStudy) -> Told:
    found = [*of_landmarks(result)]
    if result.strata:
        found += [*of_group_tests(result), *of_group_means()]
    yield result.overall.events, tuple(found)


@methods_told.register
def _(result: CompetingStudy) -> Told:
    gray = any(not group.refusal(group.event) for group in result.groups)
    yield result.event.events, (("interval", "Aalen-Johansen"), *[("test", "Gray")] * gray)


@methods_told.register
def _(result: CoxStudy) -> Told:
    yield result.fit.events, tuple(of_cox(result))


@methods_told.register
def _(result: CompetingModels) -> Told:
    for one in result.causes:
        yield one.sub.events, tuple(of_cause(one))


def rarer(result: ModelStudy) -> Any:
    """Return how many patients have the rarer outcome."""
    return min(result.full.events, result.full.n - result.full.events)


def of_comparison(result: GroupComparison, *, beside: bool = True) -> Methods:
    """Yield the tests that were made between groups, and the exact ones beside them."""
    for found in result.rows:
        tests = (found.test, found.fisher) if beside else (found.test,)
        yield from (("test", test.method) for test in tests if test and test.reason is None)


def of_effects(result: GroupComparison) -> Methods:
    """Yield the intervals of the sizes of effects, which two groups have."""
    for found in result.rows if len(result.heads) == 2 else ():
        if found.effect and found.effect.reason is None:
            yield "interval", found.effect.method


def of_model(result: ModelStudy, exact: ExactFit | None = None) -> Methods:
    """Yield what is told of the odds ratios of a logistic model."""
    own = "profile" if result.full.intervals == "profile" else "Wald"
    yield from (("interval", f"maximum likelihood, {own} interval"), ("test", "maximum likelihood, Wald's test"))
    yield from (("interval", "Firth, profile interval"), ("test", "Firth, likelihood-ratio test"))
    if exact:
        yield from (("interval", "exact conditional interval"), ("test", "exact conditional test"))


def of_terms(exact: ExactFit | None) -> Methods:
    """Yield the tests of the terms of a logistic model."""
    yield from (("test", f"maximum likelihood, {name} test") for name in ("Wald's", "score", "likelihood-ratio"))
    yield "test", "Firth, likelihood-ratio test"
    if exact:
        yield from (("test", "exact conditional test"), ("test", "exact conditional test, mid-P"))


def of_selection(removal: str) -> Methods:
    """Yield the tests by which terms enter a model and leave it."""
    yield "test", "maximum likelihood, score test"
    known = {"wald": "maximum likelihood, Wald's test", "lr": "maximum likelihood, likelihood-ratio test"}
    yield from [("test", known[removal])] * (removal in known)


def of_performance() -> Methods:
    """Yield what is told of a model's worth."""
    yield from (
        ("test", "maximum likelihood, likelihood-ratio test"),
        ("interval", "c-statistic, DeLong's interval"),
        ("test", "Hosmer-Lemeshow"),
    )


def of_pooled() -> Methods:
    """Yield what is told of estimates that are pooled over imputed values."""
    yield from (("interval", "pooled by Rubin's rules"), ("test", "pooled by Rubin's rules"))


def of_landmarks(result: SurvivalStudy) -> Methods:
    """Yield the interval of survival at a time."""
    yield "interval", f"Kaplan-Meier, {result.conf_type} interval"


def of_times(result: SurvivalStudy) -> Methods:
    """Yield the intervals of times by which shares have the event, and of the restricted mean."""
    yield "interval", f"quantile of Kaplan-Meier, {result.conf_type} interval"
    yield "interval", result.mean.method


def of_strata(result: SurvivalStudy) -> Methods:
    """Yield the tests that stand beside the medians of groups, and the intervals of these."""
    yield "interval", f"quantile of Kaplan-Meier, {result.conf_type} interval"
    yield from (("test", stratum.test.method) for stratum in result.strata if not stratum.test.reason)


def of_group_tests(result: SurvivalStudy) -> Methods:
    """Yield all tests between groups."""
    yield from (("test", test.method) for stratum in result.strata for test in stratum.tests if not test.reason)


def of_group_means() -> Methods:
    """Yield what compares restricted means."""
    name = "difference of restricted mean survival times, Wald"
    yield from (("interval", name), ("test", name))


def of_cox(result: CoxStudy) -> Methods:
    """Yield what is told of a Cox model, and of Firth's beside it."""
    if not result.fit.refused:
        yield "interval", "Cox, Wald interval"
        yield from (("test", f"Cox, {name} test") for name in ("Wald's", "score", "likelihood-ratio"))
        yield "test", "Schoenfeld's residuals"
    if result.firth and not result.firth.refused:
        yield from _FIRTH


def of_cause(one: CauseModels) -> Methods:
    """Yield what is told of one of several competing events."""
    if not one.own.refused:
        yield from (("interval", "Cox, Wald interval"), ("test", "Cox, Wald's test"))
    elif one.firth and not one.firth.refused:
        yield from _FIRTH
    if not one.sub.refused:
        yield from (("interval", "Fine and Gray, Wald interval"), ("test", "Fine and Gray, Wald's test"))


_FIRTH: tuple[tuple[Kind, str], ...] = (
    ("interval", "Firth's Cox, profile interval"),
    ("test", "Firth's Cox, likelihood-ratio test"),
)
