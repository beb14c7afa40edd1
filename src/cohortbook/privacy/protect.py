"""Results with their small counts hidden: one rule for each kind of result; what has no rule is withheld."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pandas as pd

from cohortbook.sections.comparison.analysis import (
    ADJUSTMENTS,
    DescriptiveTable,
    GroupComparison,
    NumericSummaries,
    OutcomeRate,
)
from cohortbook.sections.comparison.stratified import Stratified
from cohortbook.sections.model.model_methods import ModelMethods
from cohortbook.sections.model.models import ModelStudy, Screening
from cohortbook.sections.scenarios.questions import KeyResults, questions
from cohortbook.sections.survival.competing import had_before_entry
from cohortbook.sections.survival.endpoints import CompetingStudy, SurvivalStudy
from cohortbook.sections.survival.hazards import CompetingModels, CoxStudy
from studyfile.cohort.cohort import Cohort, load_cohort
from studyfile.privacy.counts import MISSING, RECORDED, Protection, round_step
from studyfile.privacy.guard import NO_RULE, SMALL, withheld
from studyfile.study.study import load_study
from tallystats.results import HIDDEN, NotPlanned
from tallystats.statistics.describe import Frequencies, ShapiroWilk, Summary
from tallystats.statistics.multiplicity import adjust_p_values
from tallystats.survival.competing import CumulativeIncidence
from tallystats.survival.curves import SurvivalCurve

#: A curve is read at about so many times at most.
READINGS = 24


@functools.singledispatch
def protect(result: Any, cohort: Cohort) -> Any:
    """Return a result in which no small count of a cohort can be seen, or the result that says why there is none."""
    return withheld(NO_RULE)


def _hidden_numbers(result: Any, *names: str) -> Any:
    """Return a result without some of its numbers, or without all."""
    names = names or tuple(
        field.name
        for field in fields(result)
        if isinstance(getattr(result, field.name), float | int)
        and not isinstance(getattr(result, field.name), bool)
        and field.name not in ("quantile_type", "confidence_level")
    )
    return replace(result, **dict.fromkeys(names, HIDDEN))


# --- single variables


def summary(found: Summary, held: Protection) -> Summary:
    """Hide of a summary what single patients determine.

    The extremes are values of one patient each. A quartile needs `below` patients in each quarter, a median in each half,
    mean and standard deviation in all.
    """
    n = found.n
    if n < held.below:
        return _hidden_numbers(found)
    names = ["minimum", "maximum"]
    names += ["q1", "q3"] if n < 4 * held.below else []
    names += ["median"] if n < 2 * held.below else []
    return replace(_hidden_numbers(found, *names), **_recorded(found, held))


def _recorded(found: Any, held: Protection, n: str = "n") -> dict[str, Any]:
    """Return how many have a value and how many have none, as they may be shown."""
    return {n: held.of(found.term, RECORDED, getattr(found, n)), "n_missing": held.of(found.term, MISSING, found.n_missing)}


def frequencies(found: Frequencies, held: Protection) -> Frequencies:
    """Hide counts and percentages of levels; where the number of those with a value is hidden, every percentage is."""
    counts = tuple(held.of(found.term, level, n) for level, n in zip(found.levels, found.counts, strict=True))
    total = held.of(found.term, RECORDED, found.total)
    percents = tuple(HIDDEN if HIDDEN in (n, total) else percent for n, percent in zip(counts, found.percents, strict=True))
    return replace(found, counts=counts, percents=percents, **_recorded(found, held, "total"))


@protect.register
def _(result: DescriptiveTable, cohort: Cohort) -> DescriptiveTable:
    held, blocks = cohort.protection, []
    for row, found in result.blocks:
        rule = frequencies if isinstance(found, Frequencies) else summary
        blocks.append((row, found and rule(found, held)))
    return replace(result, blocks=tuple(blocks))


@protect.register
def _(result: tuple, cohort: Cohort) -> tuple:
    return tuple(protect(part, cohort) for part in result)


@protect.register
def _(result: NumericSummaries, cohort: Cohort) -> NumericSummaries:
    held = cohort.protection

    def normality(found: ShapiroWilk) -> ShapiroWilk:
        return replace(_hidden_numbers(found) if found.n < held.below else found, **_recorded(found, held))

    return replace(result, parts=tuple((summary(s, held), normality(w)) for s, w in result.parts))


@protect.register
def _(result: OutcomeRate, cohort: Cohort) -> OutcomeRate | NotPlanned:
    return withheld() if cohort.protection.hides(cohort.study.file.outcome.variable) else result


# --- groups


@protect.register
def _(result: GroupComparison, cohort: Cohort) -> GroupComparison | NotPlanned:
    """Leave out the variables of which a group, crossed with a level or with the missing, is small.

    A test, a mean or an odds ratio of a group tells its counts, where the others of the table are known.
    """
    held, plan = cohort.protection, result.plan
    if held.hides(plan.groups):
        return withheld()
    kept = [i for i, row in enumerate(result.rows) if not held.small(row.term, plan.groups)]
    if not kept:
        return withheld("every comparison has a count that is too small")
    rows = tuple(_groups_protected(result.rows[i], held) for i in kept)
    gone = [result.labels[i] for i in range(len(result.rows)) if i not in kept]
    notes = (*plan.notes, f"Not shown, as {SMALL}: {'; '.join(gone)}.") if gone else plan.notes
    # Adjusted anew: by how many patients' tests, the hidden ones included, would tell their P.
    adjusted = {method: adjust_p_values([row.test.p_value for row in rows], method=method) for method in ADJUSTMENTS}
    overall = tuple(
        summary(found, replace(held, hidden=frozenset())) if isinstance(found, Summary) else found
        for i in kept
        for found in result.overall[i : i + 1]
    )
    return replace(
        result,
        rows=rows,
        labels=tuple(result.labels[i] for i in kept),
        overall=overall,
        plan=plan.model_copy(update={"rows": tuple(plan.rows[i] for i in kept), "notes": notes}),
        adjusted={method: found.adjusted for method, found in adjusted.items()},
        n_tests=adjusted[ADJUSTMENTS[0]].n_tests,
        withheld=tuple(gone),
    )


def _groups_protected(row: Any, held: Protection) -> Any:
    """Hide the extremes, and quartiles of small groups; every count of the groups is known to be large."""
    below = replace(held, hidden=frozenset())
    return replace(row, groups=tuple(summary(g, below) if isinstance(g, Summary) else g for g in row.groups))


@protect.register
def _(result: Stratified, cohort: Cohort) -> Stratified | NotPlanned:
    held = cohort.protection
    crossed = [result.variable, result.by, *([result.strata] if result.strata else [])]
    if held.small(*crossed) or any(held.hides(name) for name in crossed if cohort.study.levels(name)):
        return withheld()
    return replace(
        result,
        parts=tuple((name, _groups_protected(part, held)) for name, part in result.parts),
        # Without the values, of which a figure draws one a patient.
        tallies=tuple(type(tally)(tally.frame.iloc[:0], tally.provenance) for tally in result.tallies),
    )


# --- models


def _unsafe(held: Protection, outcome: str, terms: Sequence[str]) -> bool:
    """Say whether the outcome is rare, or rare or nearly certain at a level of a term: an odds ratio tells such counts."""
    return held.hides(outcome) or any(held.small(outcome, term) for term in terms)


@protect.register
def _(result: Screening, cohort: Cohort) -> Screening | NotPlanned:
    held, plan, file = cohort.protection, cohort.study.plan("model"), cohort.study.file
    groups = [plan.outcome, *([] if plan.candidates or not file.comparison else [file.comparison.groups])]
    kept = [i for i, term in enumerate(result.terms) if not any(_unsafe(held, group, [term]) for group in groups)]
    if not kept or not {*result.candidates} <= {result.terms[i] for i in kept}:
        return withheld()
    return replace(result, **{name: tuple(getattr(result, name)[i] for i in kept) for name in ("terms", "labels", "p_values")})


@protect.register
def _(result: ModelStudy, cohort: Cohort) -> ModelStudy | NotPlanned:
    held, outcome, terms = cohort.protection, result.plan.outcome, result.screening.candidates
    if _unsafe(held, outcome, terms):
        return withheld()
    screening = protect(result.screening, cohort)
    if not screening:
        return screening
    # Combinations of values that separate may be of single patients.
    separation = replace(
        result.full.separation,
        combined=(),
        **({"margins": (), "n_told": HIDDEN} if result.full.separation.combined or held.loses_few(outcome, terms) else {}),
    )
    result = replace(result, tally=None, full=replace(result.full, separation=separation))
    if not held.loses_few(outcome, terms):
        return replace(result, screening=screening)

    def bare(fit: Any) -> Any:
        names = {field.name for field in fields(fit)}
        return _hidden_numbers(fit, *(name for name in ("n", "events", "n_missing") if name in names))

    def bare_selection(one: Any) -> Any:
        return bare(replace(one, fits=tuple(map(bare, one.fits))) if "fits" in {f.name for f in fields(one)} else one)

    chosen = {id(one): bare_selection(one) for one in (result.selection, *result.alternatives)}
    return replace(
        result,
        screening=screening,
        full=bare(result.full),
        firth=bare(result.firth),
        univariable=tuple(tuple(map(bare, fits)) for fits in result.univariable),
        selection=chosen[id(result.selection)],
        alternatives=tuple(chosen[id(one)] for one in result.alternatives),
    )


@protect.register
def _(result: ModelMethods, cohort: Cohort) -> ModelMethods | NotPlanned:
    held, outcome, terms = cohort.protection, result.model.plan.outcome, result.model.screening.candidates
    if _unsafe(held, outcome, terms):
        return withheld()
    model = protect(result.model, cohort)
    if not model:
        return model
    parts: dict[str, Any] = {"tests": result.tests, "exact": result.exact}
    if held.loses_few(outcome, terms):
        parts = {name: part and _hidden_numbers(part, "n", "events", "n_missing") for name, part in parts.items()}
    # How many show a pattern of values may be very few.
    return replace(result, model=model, predictions=withheld(), **parts)


@protect.register
def _(result: CoxStudy, cohort: Cohort) -> CoxStudy | NotPlanned:
    held, plan = cohort.protection, result.plan
    crossed = [*plan.cox, *plan.cox_strata, *([plan.cluster] if plan.cluster else [])]
    if _unsafe(held, plan.event, crossed):
        return withheld()
    few = held.loses_few(plan.event, [plan.time, *crossed])
    # A residual is the event of one patient.
    fit = replace(_uncounted(result.fit, few), residuals=None)
    # The competing event's model stands with its other one, by the rule for both.
    return replace(result, fit=fit, cause_specific=(), firth=result.firth and _uncounted(result.firth, few))


@protect.register
def _(result: CompetingModels, cohort: Cohort) -> CompetingModels | NotPlanned:
    held, plan = cohort.protection, result.plan
    events = [plan.competing.event, plan.event]
    if any(_unsafe(held, event, plan.cox) for event in events) or held.small(*events):
        return withheld()
    few = held.loses_few(plan.competing.event, [plan.event, plan.time, *plan.cox])
    few = few or 0 < had_before_entry(cohort) < held.below
    causes = [
        replace(
            one,
            own=replace(_uncounted(one.own, few), residuals=None),
            sub=_uncounted(one.sub, few),
            firth=one.firth and _uncounted(one.firth, few),
        )
        for one in result.causes
    ]
    return replace(result, causes=tuple(causes))


def _uncounted(fit: Any, hidden: bool) -> Any:
    """Return a fit without its counts of patients, where these would tell how few lack a value."""
    names = {field.name for field in fields(fit)} & {"n", "events", "competing", "n_missing"}
    return _hidden_numbers(fit, *sorted(names)) if hidden else fit


# --- curves


@protect.register
def _(result: SurvivalStudy, cohort: Cohort) -> SurvivalStudy | NotPlanned:
    held, plan = cohort.protection, result.plan
    if held.hides(plan.event) or held.small(plan.event, plan.time):
        return withheld()
    marks = [mark.time for mark in plan.landmarks]
    known = _edges(cohort, plan.time)
    times = safe_times([result.overall], marks, held.below, known=known)
    if not len(times):
        return withheld("too few patients leave between any two times")
    few = held.loses_few(plan.event, [plan.time])
    strata, gone = [], []
    for stratum in result.strata:
        shown = safe_times(stratum.curves, marks, held.below, known=known)
        if held.hides(stratum.name) or held.small(stratum.name, plan.event) or not len(shown):
            gone.append(stratum.label)
        else:
            within = [name for name in plan.test_strata if name != stratum.name]
            # Tests within strata come after the others, and cross one more variable.
            told = len(stratum.tests) // 2 if within and held.small(stratum.name, plan.event, *within) else None
            strata.append(
                replace(stratum, curves=tuple(read_at(curve, shown) for curve in stratum.curves), tests=stratum.tests[:told])
            )
    overall, naive, follow_up = (read_at(_few(curve, few), times) for curve in (result.overall, result.naive, result.follow_up))
    notes = [
        f"Curves are read at times between which at least {held.below} patients leave for each reason, or none does; a median "
        "is the time of one patient, and hidden."
    ]
    notes += [f"Not shown, as {SMALL}: {'; '.join(gone)}."] if gone else []
    return replace(
        result,
        overall=overall,
        naive=naive,
        follow_up=follow_up,
        rate=_few(result.rate, few),
        naive_rate=_few(result.naive_rate, few),
        mean=_few(result.mean, few),
        strata=tuple(strata),
        notes=tuple(notes),
        landmarks=_landmarks(result.landmarks, times, plan, held),
    )


def _few(result: Any, hidden: bool) -> Any:
    return _hidden_numbers(result, "n", "n_missing") if hidden else result


def _landmarks(frame: pd.DataFrame, times: np.ndarray, plan: Any, held: Protection) -> pd.DataFrame:
    """Hide what is read at other times, and sums of bands of which a count is hidden."""
    told = frame["time"].isin(times).tolist()
    bands = not plan.bands or not held.hides(plan.bands)
    return frame.assign(
        **{
            name: _hidden_where([not (bands if name.startswith("printed") else may) for may in told], frame[name])
            for name in frame.columns
            if name not in ("time", "label")
        }
    )


@protect.register
def _(result: CompetingStudy, cohort: Cohort) -> CompetingStudy | NotPlanned:
    held, plan = cohort.protection, result.plan
    events = [plan.event, result.survival.event]
    if any(map(held.hides, events)) or held.small(*events):
        return withheld()
    known = _edges(cohort, plan.time, result.survival.time)
    times = safe_times([result.event, result.death], list(plan.landmarks), held.below, known=known)
    if not len(times):
        return withheld("too few patients leave between any two times")
    few = held.loses_few(plan.event, [result.survival.event, result.survival.time]) or 0 < result.before_entry < held.below
    groups, gone = [], []
    for group in result.groups:
        curves = [curve for _, *both in group.curves for curve in both]
        shown = safe_times(curves, list(plan.landmarks), held.below, known=known)
        if held.hides(group.name) or any(held.small(group.name, event) for event in events) or not len(shown):
            gone.append(group.label)
        else:
            groups.append(
                replace(
                    group, curves=tuple((level, *(read_at(curve, shown) for curve in both)) for level, *both in group.curves)
                )
            )
    return replace(
        result,
        event=read_at(_few(result.event, few), times),
        death=read_at(_few(result.death, few), times),
        groups=tuple(groups),
        withheld=tuple(gone),
        before_entry=HIDDEN if few and result.before_entry else result.before_entry,
    )


def _hidden_where(hidden: Sequence[bool], column: pd.Series) -> pd.Series:
    """Return a column of which some values are hidden."""
    if not any(hidden):
        return column
    return pd.Series([HIDDEN if h else value for h, value in zip(hidden, column, strict=True)], column.index, dtype=object)


def _edges(cohort: Cohort, *times: str) -> list[float]:
    """Return the limits of bands of times: how many leave up to them may be known from a table."""
    bands = [band for rule in cohort.study.file.derived.values() if rule.from_ in times for band in rule.bands]
    return [edge for band in bands for edge in (band.to, band.below, band.from_) if edge is not None]


def safe_times(curves: Sequence[Any], marks: Sequence[float], below: int, *, known: Sequence[float] = ()) -> np.ndarray:
    """Choose the times at which curves may be read: from one to the next, few leave in no curve and for no reason.

    Parameters
    ----------
    curves : sequence of SurvivalCurve or CumulativeIncidence
    marks : sequence of float
        Times to read at before all others, where they may be; the rest are round.
    below : int
        Of each event, of censoring and of late entry, nobody or at least so many in each interval and after the last
        time; and at least so many remain at risk.
    known : sequence of float
        Times up to which the number of those who leave is known.
    """
    tables = [curve.table for curve in curves]
    last = max(float(table.times[-1]) for table in tables if len(table.times))
    step = round_step(last / READINGS)
    moments = []
    for table in tables:
        reasons = [(table.times, column) for column in (*table.events.T, table.n_censored)]
        # Everybody who is not late enters at 0.
        moments += [*reasons, (np.maximum(table.entry, 0.0), table.weight)]

    def few(low: float, high: float) -> bool:
        return any(0 < weight[(at > low) & (at <= high)].sum() < below for at, weight in moments)

    exits = [(table.exit, table.weight) for table in tables]

    def few_leave(low: float, high: float) -> bool:
        return any(0 < weight[(at > low) & (at <= high)].sum() < below for at, weight in exits)

    def remains(time: float) -> bool:
        return all(((table.exit > time) * table.weight).sum() >= below for table in tables) and not few(time, np.inf)

    chosen: list[float] = []
    for time in (0.0, *sorted(marks), *(step * i for i in range(1, READINGS * 2) if step * i < last)):
        sides = []
        for told, times in ((few, chosen), (few_leave, [*chosen, *known])):
            sides.append(told(max([t for t in times if t < time], default=-np.inf), time))
            sides.append(told(time, min([t for t in times if t > time], default=np.inf)))
        if time not in chosen and remains(time) and not any(sides):
            chosen.append(float(time))
    return np.array(sorted(chosen)) if any(chosen) else np.array([])


def read_at(curve: SurvivalCurve | CumulativeIncidence, times: np.ndarray) -> Any:
    """Return a curve that is known at some times alone, with what happened from one to the next."""
    table = curve.table
    at = np.searchsorted(table.times, times, side="right")

    def between(counts: np.ndarray) -> np.ndarray:
        return np.diff(np.concatenate([[0], counts.cumsum()])[at], prepend=0)

    def value(values: np.ndarray, start: float) -> np.ndarray:
        return np.concatenate([[start], values])[at]

    # Who enters or leaves between two of the times is taken to the last, or to the next, of them.
    entered, left = np.searchsorted(times, table.entry, side="right"), np.searchsorted(times, table.exit, side="left")
    coarse = replace(
        table,
        times=times,
        n_censored=between(table.n_censored),
        shown=times,
        events=np.column_stack([between(column) for column in table.events.T]),
        entry=np.concatenate([[-np.inf], times])[entered],
        exit=np.concatenate([times, [np.inf]])[left],
    )
    coarse = replace(coarse, n_risk=coarse.at_risk(times))
    new = {
        "times": times,
        "n_risk": coarse.n_risk,
        "n_events": between(curve.n_events),
        "table": coarse,
        "conf_low": value(curve.conf_low, np.nan),
        "conf_high": value(curve.conf_high, np.nan),
        "std_error": value(curve.std_error, 0.0),
    }
    if hasattr(curve, "incidence"):
        return replace(curve, **new, incidence=value(curve.incidence, 0.0), naive=value(curve.naive, 0.0))
    # A median is the time of one patient; that there is none tells no more than the curve.
    medians = {name: HIDDEN for name in ("median", "median_low", "median_high") if getattr(curve, name) == getattr(curve, name)}
    return replace(curve, **new, **medians, survival=value(curve.survival, 1.0), n_censored=np.zeros(len(times), int))


# --- conclusions


@protect.register
def _(result: KeyResults, cohort: Cohort) -> KeyResults:
    if 0 < abs(_planned_size(cohort) - cohort.size) < cohort.suppress_below:
        # Set beside the results of the study as planned, these would describe the few who are left out.
        return replace(result, size=HIDDEN, rows=tuple(replace(row, value=HIDDEN, words="") for row in result.rows))
    return replace(result, rows=tuple(_safe(result, cohort)))


def _planned_size(cohort: Cohort) -> int:
    """Return how many patients the study has as planned, where a scenario leaves others out."""
    planned = load_study(cohort.study.path)
    return cohort.size if planned.file.eligibility == cohort.study.file.eligibility else load_cohort(planned).size


def _safe(result: KeyResults, cohort: Cohort) -> Iterator[Any]:
    """Yield the results whose counts are large; of the others, that they are hidden."""
    held, file = cohort.protection, cohort.study.file
    terms = file.model.rows or file.model.candidates if file.model else ()
    needs = {name: asked.variables for asked in questions(cohort.study, terms) for name in asked.names}
    if file.outcome:
        needs["rate"] = (file.outcome.variable,)
    if file.model:
        screened = tuple(row.variable for row in file.comparison.rows) if file.comparison else ()
        needs["selected"] = (file.model.outcome, *(file.model.candidates or screened))
    outcomes = {part.groups for part in [file.comparison] if part} | {part.outcome for part in [file.model] if part}
    outcomes |= {file.outcome.variable} if file.outcome else set()
    if file.survival:
        outcomes |= {file.survival.event, *([file.survival.competing.event] if file.survival.competing else [])}
    for row in result.rows:
        names = needs.get(row.name, ())
        among = [name for name in names if name in outcomes]
        unsafe = not among or any(_unsafe(held, name, [other for other in names if other != name]) for name in among)
        # A median, or survival at a time, is that of a few patients; it stands, read as it may be, in the notebook of survival.
        single = row.name.startswith(("survival ", "incidence "))
        yield replace(row, value=HIDDEN, words="") if unsafe or single else row
