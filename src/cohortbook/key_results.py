"""The numbers that a study's conclusions hang on, each a question that can be asked of any cohort of the study."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cohortbook.analysis import compare_row
from cohortbook.endpoints import competing_tally
from cohortbook.results import NAN

if TYPE_CHECKING:
    from cohortbook.cohort import Cohort
    from cohortbook.study import Study
    from cohortbook.survival import SurvivalCurve

#: What P is held against where the study file names nothing else.
USUAL_THRESHOLD = 0.05


@dataclass(frozen=True, kw_only=True)
class Question:
    """Something that is asked of every cohort; one analysis may answer several.

    Attributes
    ----------
    names, labels : tuple of str
        One an answer.
    group : str
        The analysis.
    variables : tuple of str
        All that the answers hang on.
    ask : callable
        Takes a cohort, returns one number an answer; NaN where undefined.
    thresholds : tuple of (float or None)
        One an answer.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    group: str
    variables: tuple[str, ...]
    ask: Callable[[Cohort], Sequence[float]]
    thresholds: tuple[float | None, ...]


def questions(study: Study, printed_terms: Sequence[str] = ()) -> list[Question]:
    """Return what is asked of every cohort of a study, by its plan.

    Parameters
    ----------
    study : Study
    printed_terms : sequence of str
        The variables of the printed model.
    """
    found = []
    if study.file.comparison:
        found += _comparisons(study)
    if study.file.model and (terms := study.file.model.candidates or tuple(dict.fromkeys(printed_terms))):
        found.append(_firth(study, terms))
    if study.file.survival:
        found += _survival(study)
    return found


def _comparisons(study: Study) -> Iterator[Question]:
    plan = study.plan("comparison")
    for row in plan.rows:
        if row.variable:
            yield Question(
                names=(f"compare {row.variable}",), labels=(study.label(row.variable),), group=plan.title or "Comparison",
                variables=(plan.groups, row.variable), thresholds=(plan.threshold or USUAL_THRESHOLD,),
                ask=lambda c, name=row.variable: [compare_row(c, name).test.p_value],
            )  # fmt: skip


def _firth(study: Study, terms: tuple[str, ...]) -> Question:
    from cohortbook.firth import firth_logistic

    outcome = study.plan("model").outcome

    # A variable of several levels has a column for each but the first.
    columns = {term: study.label(term) for term in terms if len(study.levels(term)) <= 2}
    columns |= {f"{term}: {level}": f"{study.label(term)}: {level}"
                for term in terms for level in study.levels(term)[1:] if term not in columns}  # fmt: skip

    def ask(cohort: Cohort) -> Iterator[float]:
        fit = firth_logistic(cohort.tally(outcome, *terms), outcome=outcome, terms=terms)
        for column in columns:
            known = column in fit.terms
            yield fit.p_value(column)
            yield math.exp(fit.estimates[fit.terms.index(column)]) if known else NAN

    return Question(
        names=tuple(f"firth {what} {column}" for column in columns for what in ("p", "odds ratio")),
        labels=tuple(text for label in columns.values() for text in (label, f"Odds ratio: {label}")),
        group="Firth’s penalised logistic regression", variables=(outcome, *terms), ask=ask,
        thresholds=(USUAL_THRESHOLD, None) * len(columns),
    )  # fmt: skip


def _survival(study: Study) -> Iterator[Question]:
    from cohortbook.logrank import log_rank
    from cohortbook.survival import kaplan_meier

    plan = study.plan("survival")
    late = (plan.entry,) if isinstance(plan.entry, str) else ()
    needed = (plan.time, plan.event, *late)
    where = {"time": plan.time, "event": plan.event, "entry": plan.entry or None}

    def curve(cohort: Cohort) -> SurvivalCurve:
        return kaplan_meier(cohort.tally(*needed), **where)

    yield Question(
        names=("survival median",), labels=(f"Median, {plan.unit}",), group=f"{plan.label}: median", variables=needed,
        ask=lambda c: [curve(c).median], thresholds=(None,),
    )  # fmt: skip
    if marks := plan.landmarks:
        yield Question(
            names=tuple(f"survival {mark.label}" for mark in marks), group=plan.label, variables=needed,
            labels=tuple(f"At {mark.label}, %" for mark in marks), thresholds=(None,) * len(marks),
            ask=lambda c: 100 * curve(c).at([mark.time for mark in marks])["estimate"],
        )  # fmt: skip
    for name in plan.strata:
        yield Question(
            names=(f"log-rank {name}",), labels=(f"Log-rank test: {study.label(name)}",), group=plan.label,
            variables=(*needed, name), thresholds=(USUAL_THRESHOLD,),
            ask=lambda c, name=name: [log_rank(c.tally(*needed, name), by=name, **where).p_value],
        )  # fmt: skip
    if plan.competing and plan.competing.landmarks:
        yield _competing(study)


def _competing(study: Study) -> Question:
    from cohortbook.competing import aalen_johansen

    survival = study.plan("survival")
    plan = survival.competing

    def ask(cohort: Cohort) -> list[float]:
        found = aalen_johansen(competing_tally(cohort), time="time", cause="cause")[plan.label]
        return list(100 * found.at(plan.landmarks)["estimate"])

    return Question(
        names=tuple(f"incidence {time:g}" for time in plan.landmarks),
        labels=tuple(f"By {time:g} {survival.unit}, %" for time in plan.landmarks),
        group=f"{plan.label}: cumulative incidence, death competing",
        variables=(plan.event, plan.time, survival.event, survival.time), ask=ask,
        thresholds=(None,) * len(plan.landmarks),
    )  # fmt: skip
