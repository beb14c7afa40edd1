"""Printed figures recomputed from a cohort, by the same statistics as the notebooks."""

from __future__ import annotations

import functools
import math

from printcheck.printed.printed_effects import estimate_of
from printcheck.printed.published import Figure, PublishedError, levels_of
from studyfile.cohort.cohort import Cohort
from studyfile.cohort.values import meets
from studyfile.plan import compare_row, planned_model
from studyfile.study.study import NUMERIC
from tallystats.regression.logistic import LogisticFit
from tallystats.results import NAN
from tallystats.statistics.describe import summarise
from tallystats.survival.cox import CoxFit, cox_regression
from tallystats.survival.curves import kaplan_meier
from tallystats.tally import Tally

#: What `tallystats.statistics.describe.summarise` calls a statistic.
_NAMES = {"sd": "std_dev", "min": "minimum", "max": "maximum"}


def reprint(figure: Figure, cohort: Cohort) -> float | str | tuple[float, ...]:
    """Recompute a figure from a cohort by the same statistics as the notebooks.

    Returns
    -------
    float, str or tuple of float
        The unrounded value; the level of a named patient as text; several numbers in the order of `Figure.parts`. NaN where
        the statistic is undefined.

    Raises
    ------
    PublishedError
        For a figure that is not about the cohort.

    Notes
    -----
    Quartiles interpolate at rank (n + 1) p, as SPSS does (HAVERAGE). Intervals: Woolf's of a crude odds ratio, Katz's of a
    risk ratio, Wald's of a risk difference and in models, on the log-log scale of survival. The hazard ratio of a
    comparison is that of its groups alone; of a model, that of all terms under survival: cox:. A model's P and odds ratio
    are those of all its candidates, without selection.
    """
    if figure.about != "cohort":
        raise PublishedError(f"{figure.id}: a figure about {figure.about} cannot be recomputed from a cohort")
    group = cohort.study.plan("published").groups.get(figure.group)
    match group and group.meaning:
        case "patient":
            return _patient_value(figure, cohort, group.patient)
        case "compare":
            return _compared(figure, cohort, group.compare)
        case "model":
            return _of_model(figure, cohort)
    where = group.where if group else {}
    if figure.statistic == "total":
        return float(_members(cohort, where).total) if where else float(cohort.size)
    if figure.statistic == "survival":
        return _survival(figure, cohort, where)
    tally = _members(cohort, where, figure.variable)
    if figure.statistic in ("n", "percent", "n/N"):
        return _counted(figure, cohort, tally)
    found = summarise(tally, figure.variable)
    if figure.statistic == "se":
        return found.std_dev / math.sqrt(found.n) if found.n else NAN
    values = tuple(getattr(found, _NAMES.get(part, part)) for part in figure.texts)
    return values if len(values) > 1 else values[0]


def _counted(figure: Figure, cohort: Cohort, tally: Tally) -> float | tuple[float, float]:
    study = cohort.study
    wanted = tuple(levels_of(study, figure.variable, figure.level)) or "yes"
    frame = tally.complete([figure.variable]).frame
    meeting = [meets(study, figure.variable, value, wanted) for value in frame[figure.variable]]
    count, total = float(frame.loc[meeting, "n"].sum()), float(frame["n"].sum())
    if figure.statistic == "n/N":
        return count, total
    of = figure.denominator or total
    return count if figure.statistic == "n" else 100 * count / of if of else math.nan


def _members(cohort: Cohort, where: dict, *names: str) -> Tally:
    """Tally variables among the members of a group."""
    tally = cohort.tally(*dict.fromkeys([*names, *where])).complete(list(where))
    frame = tally.frame
    for name, wanted in where.items():
        frame = frame[[meets(cohort.study, name, value, wanted) for value in frame[name]]]
    return Tally(frame.reset_index(drop=True), tally.provenance)


def _patient_value(figure: Figure, cohort: Cohort, number: int) -> float | str:
    study = cohort.study
    identifier = study.plan("reconstruction").id_format.format(number)
    found = cohort.patient(identifier, figure.variable).complete().frame[figure.variable]
    if study.kind(figure.variable) in NUMERIC:
        return float(found.iloc[0]) if len(found) else math.nan
    if found.empty:
        return ""
    return ("yes" if found.iloc[0] else "no") if study.kind(figure.variable) == "binary" else str(found.iloc[0])


def _printed_parts(figure: Figure, estimate: float, low: float, high: float) -> float | tuple[float, ...]:
    """Return an estimate, with its interval where one is printed."""
    return (estimate, low, high) if len(figure.texts) > 1 else estimate


def _compared(figure: Figure, cohort: Cohort, by: str) -> float | tuple[float, ...]:
    if figure.statistic == "p":
        return compare_row(cohort, figure.variable).test.p_value
    if figure.statistic == "hazard_ratio":
        return _hazard(figure, cohort, (by,), by)
    study = cohort.study
    level = figure.level or study.levels(figure.variable)[-1]
    counts = []
    for answer in ("yes", "no"):
        frame = _members(cohort, {by: answer}, figure.variable).complete([figure.variable]).frame
        shown = [meets(study, figure.variable, value, level) for value in frame[figure.variable]]
        counts += [int(frame.loc[shown, "n"].sum()), int(frame["n"].sum())]
    scale = 100 if figure.in_points else 1
    return _printed_parts(figure, *(scale * float(x) for x in estimate_of(figure.statistic, *counts)))


def _of_model(figure: Figure, cohort: Cohort) -> float | tuple[float, ...]:
    if figure.statistic == "hazard_ratio":
        return _hazard(figure, cohort, cohort.study.plan("survival").cox, figure.variable)
    fit = _fitted(cohort)
    at = _column(figure, fit, figure.variable)
    if at is None:
        return NAN if figure.statistic == "p" else _printed_parts(figure, NAN, NAN, NAN)
    return fit.p_values[at] if figure.statistic == "p" else _printed_parts(figure, *_exponentials(fit, at))


@functools.lru_cache(maxsize=1)
def _fitted(cohort: Cohort) -> LogisticFit:
    """Fit the printed model once for all its figures."""
    return planned_model(cohort)


def _hazard(figure: Figure, cohort: Cohort, terms: tuple[str, ...], variable: str) -> float | tuple[float, ...]:
    plan = cohort.study.plan("survival")
    late = [plan.entry] if isinstance(plan.entry, str) else []
    tally = cohort.tally(*dict.fromkeys([plan.time, plan.event, *late, *terms]))
    # The ratio is recomputed however few the events are: the paper printed it too.
    fit = cox_regression(
        tally, time=plan.time, event=plan.event, terms=terms, entry=late[0] if late else None, events_per_column=0
    )
    at = _column(figure, fit, variable)
    return _printed_parts(figure, *(_exponentials(fit, at) if at is not None else (NAN, NAN, NAN)))


def _column(figure: Figure, fit: LogisticFit | CoxFit, variable: str) -> int | None:
    """Return which column of a model a figure is of: a variable's only one, or that of a level; None for neither."""
    own = [name for name in fit.terms if name == variable or name.startswith(f"{variable}: ")]
    wanted = f"{variable}: {figure.level}"
    if wanted in own:
        return fit.terms.index(wanted)
    return fit.terms.index(own[0]) if len(own) == 1 and (own[0] == variable or not figure.level) else None


def _exponentials(fit: LogisticFit | CoxFit, at: int) -> tuple[float, float, float]:
    logs = (fit.estimates[at], fit.conf_low[at], fit.conf_high[at])
    return tuple(math.exp(x) if x < 700 else math.inf for x in logs)


def _survival(figure: Figure, cohort: Cohort, where: dict) -> float | tuple[float, ...]:
    plan = cohort.study.plan("survival")
    late = [plan.entry] if isinstance(plan.entry, str) else []
    tally = _members(cohort, where, plan.time, plan.event, *late)
    curve = kaplan_meier(tally, time=plan.time, event=plan.event, entry=plan.entry or None)
    row = curve.at([float(figure.level)]).iloc[0]
    return _printed_parts(figure, *(100 * float(row[name]) for name in ("estimate", "conf_low", "conf_high")))
