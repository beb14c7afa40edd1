"""The study file's survival plan carried out: curves, landmarks, groups, immortal time, competing risks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import field
from functools import partial
from typing import Any

import pandas as pd

from cohortbook.sections.comparison.analysis import not_planned, protected
from cohortbook.sections.survival.competing import competing_causes, competing_tally, had_before_entry, late_entry, marked
from studyfile.cohort.cohort import Cohort
from studyfile.study.schema import Competing, Landmark, Survival
from studyfile.study.study import Study
from tallystats.results import HIDDEN, NotPlanned, Result, quiet, result
from tallystats.statistics.counts import split
from tallystats.survival.competing import CumulativeIncidence, aalen_johansen
from tallystats.survival.cox import EVENTS_PER_COLUMN
from tallystats.survival.curves import SurvivalCurve, kaplan_meier, kaplan_meier_by, reverse_kaplan_meier
from tallystats.survival.gray import GrayTest, gray_test
from tallystats.survival.logrank import LogRank, log_rank, trend_log_rank
from tallystats.survival.rate import EventRate, event_rate
from tallystats.survival.restricted_mean import (
    RestrictedMean,
    RestrictedMeanDifference,
    restricted_mean,
    restricted_mean_difference,
)

#: Patients at risk below which a curve hangs on single ones.
FEW = 10
#: When curves are usually read, in years.
USUAL = {
    "1 month": 1 / 12,
    "3 months": 1 / 4,
    "6 months": 1 / 2,
    "1 year": 1,
    "2 years": 2,
    "5 years": 5,
    "10 years": 10,
    "20 years": 20,
}


@result(eq=False)
class Stratum:
    """Survival by the levels of one variable.

    Attributes
    ----------
    name, label : str
    curves : tuple of SurvivalCurve
    tests : tuple of LogRank
        The planned ones in their order, then the same within strata, as far as planned.
    means : RestrictedMeanDifference
        Restricted means of the levels, each compared with the first.
    """

    name: str
    label: str
    curves: tuple[SurvivalCurve, ...]
    tests: tuple[LogRank, ...]
    means: RestrictedMeanDifference

    @property
    def test(self) -> LogRank:
        """The test that is planned first."""
        return self.tests[0]


@result(eq=False)
class SurvivalStudy(Result):
    """A planned survival endpoint, whole.

    Attributes
    ----------
    plan : Survival
    entry : float, str or None
        Delayed entry as taken, the plan's or another: a time for all, or the label of the variable that holds it.
    overall : SurvivalCurve
        With delayed entry where there is one.
    naive : SurvivalCurve
        At risk from the start, as if nobody had been left out for dying early.
    follow_up : SurvivalCurve
        By the reverse Kaplan-Meier method.
    rate, naive_rate : EventRate
        Events over time at risk, with and without delayed entry.
    landmarks : pandas.DataFrame
        `label, time, n_risk, estimate, conf_low, conf_high, printed, printed_n`: the curve at the plan's times, and the
        share that the printed bands give of patients followed longer.
    mean : RestrictedMean
        Up to the planned time, or to the last landmark to which anybody is followed.
    strata : tuple of Stratum
    notes : tuple of str
        What is not shown, or only at some times, to hide small counts.
    """

    plan: Survival
    conf_type: str
    entry: str | float | None
    overall: SurvivalCurve
    naive: SurvivalCurve
    follow_up: SurvivalCurve
    rate: EventRate
    naive_rate: EventRate
    landmarks: pd.DataFrame
    mean: RestrictedMean
    strata: tuple[Stratum, ...]
    size: int
    units_per_year: float
    provenance: str
    notes: tuple[str, ...] = field(default=(), repr=False)

    @property
    def frame(self) -> pd.DataFrame:
        """The overall curve, one row a distinct exit time."""
        return self.overall.frame

    @property
    def quantiles(self) -> pd.DataFrame:
        """The times by which the planned shares have had the event: `probability, estimate, conf_low, conf_high`."""
        return _quantiles(self.overall, self.plan.quantiles)

    @property
    def followed(self) -> pd.DataFrame:
        """The same of the median follow-up."""
        return _quantiles(self.follow_up, (0.5,))


@protected
@quiet()
def study_survival(
    cohort: Cohort, *, entry: str | float = "plan", conf_type: str = "plan", confidence_level: float = 0.95
) -> SurvivalStudy:
    """Carry out the planned survival analysis.

    Parameters
    ----------
    cohort : Cohort
    entry : "plan", or float
        Delayed entry: as planned, or this time for all (0: from the start).
    conf_type : {"plan", "log-log", "log", "plain"}
        Scale of the curves' intervals.
    confidence_level : float
    """
    plan, study = cohort.study.plan("survival"), cohort.study
    read = plan.model_copy(update={"landmarks": reading_times(cohort)})
    late = _entry(plan, entry)
    tally = cohort.tally(plan.time, plan.event, *([late] if isinstance(late, str) else []))
    options = {"time": plan.time, "event": plan.event, "entry": late, "confidence_level": confidence_level}
    from_start, scale = {**options, "entry": None}, {"conf_type": plan.conf_type if conf_type == "plan" else conf_type}
    overall = kaplan_meier(tally, **options, **scale)
    return SurvivalStudy(
        plan=read,
        **scale,
        entry=study.label(late) if isinstance(late, str) else late,
        overall=overall,
        naive=kaplan_meier(tally, **from_start, **scale),
        follow_up=reverse_kaplan_meier(tally, **options, **scale),
        rate=event_rate(tally, **options),
        naive_rate=event_rate(tally, **from_start),
        landmarks=_landmarks(cohort, read, overall),
        mean=restricted_mean(tally, **options, tau=_tau(plan, [overall])),
        strata=tuple(_stratum(cohort, plan, name, options, scale) for name in plan.strata),
        size=cohort.size,
        units_per_year=study.file.units_per_year,
        provenance=tally.provenance,
    )


def reading_times(cohort: Cohort) -> tuple[Landmark, ...]:
    """Return the times at which curves are read: the plan's, else the usual ones that enough patients were followed to.

    Without any, a table of survival would be empty: then the last three of the months and years at which clinicians read
    a curve are taken, as far as `FEW` patients are still at risk.
    """
    plan, year = cohort.study.plan("survival"), cohort.study.file.units_per_year
    if plan.landmarks:
        return plan.landmarks
    times = cohort.tally(plan.time, plan.event).complete().frame.sort_values(plan.time, ascending=False)
    followed = times.loc[times["n"].cumsum() >= FEW, plan.time].max()  # NaN: fewer patients than that
    usual = [Landmark(label=label, time=share * year) for label, share in USUAL.items() if share * year <= followed]
    return tuple(usual[-3:])


def _stratum(cohort: Cohort, plan: Survival, name: str, options: dict[str, Any], scale: dict[str, str]) -> Stratum:
    late = [options["entry"]] if isinstance(options["entry"], str) else []
    needed = dict.fromkeys([plan.time, plan.event, *late, name])
    tally = cohort.tally(*needed)
    curves = kaplan_meier_by(tally, by=name, **options, **scale)
    within = [(tally, ())]
    if others := [other for other in plan.test_strata if other != name]:
        within.append((cohort.tally(*dict.fromkeys([*needed, *others])), others))
    where = {"time": plan.time, "event": plan.event, "entry": options["entry"], "by": name}
    tests = [
        planned_test(plan, test)(part, **where, strata=strata)
        for part, strata in within
        for test in planned_tests(cohort.study, name)
    ]
    return Stratum(
        name=name,
        label=cohort.study.label(name),
        curves=curves,
        tests=tuple(tests),
        means=restricted_mean_difference(tally, by=name, **options, tau=_tau(plan, curves)),
    )


def planned_tests(study: Study, name: str) -> tuple[str, ...]:
    """Return the tests that the plan has for a variable: a trend only along three ordered levels or more."""
    plan = study.plan("survival")
    ordered = study.kind(name) == "ordered" and len(study.levels(name)) > 2
    return tuple(test for test in plan.tests if test != "trend" or ordered) or ("log-rank",)


def planned_test(plan: Survival, test: str) -> Callable[..., LogRank]:
    """Return the function of a test between groups, its weight set."""
    if test == "trend":
        return trend_log_rank
    rho, gamma = plan.fleming_harrington if test == "fleming-harrington" else (0, 0)
    return partial(log_rank, weight=test, rho=rho, gamma=gamma)


def _quantiles(curve: SurvivalCurve, probabilities: Sequence[float]) -> pd.DataFrame:
    """Read quantiles of a curve; each is the time of one patient, and hidden where those are."""
    frame = curve.quantiles(probabilities)
    if curve.table.shown is None:
        return frame
    return frame.astype(object).assign(**dict.fromkeys(["estimate", "conf_low", "conf_high"], HIDDEN))


def _tau(plan: Survival, curves: Sequence[SurvivalCurve]) -> float | None:
    """Return the time up to which means are taken: planned, or the last landmark to which all curves are known."""
    if plan.restricted_mean:
        return plan.restricted_mean
    known = [math.inf if curve.table.exhausted else curve.times[-1] for curve in curves if curve.n]
    return max((mark.time for mark in plan.landmarks if mark.time <= min(known, default=0)), default=None)


def _entry(plan: Survival, asked: str | float) -> str | float | None:
    try:
        return (plan.entry if asked == "plan" else float(asked)) or None
    except ValueError:
        raise ValueError(f"entry: {asked!r}; expected 'plan' or a time in {plan.unit}") from None


def _landmarks(cohort: Cohort, plan: Survival, curve: SurvivalCurve) -> pd.DataFrame:
    frame = curve.at([mark.time for mark in plan.landmarks]).assign(label=[mark.label for mark in plan.landmarks])
    if not plan.bands or not plan.landmarks:
        return frame.assign(printed=float("nan"), printed_n=float("nan"))
    bands = cohort.tally(plan.bands).complete().frame
    counts = [bands.loc[bands[plan.bands].isin(mark.longer), "n"].sum() for mark in plan.landmarks]
    return frame.assign(printed=[n / bands["n"].sum() for n in counts], printed_n=counts)


@result(eq=False)
class CompetingGroups:
    """Cumulative incidence by the levels of one variable.

    Attributes
    ----------
    name, label : str
    curves : tuple of (level, CumulativeIncidence, CumulativeIncidence)
        Of the event and of death, in each level that anybody has.
    event, death : GrayTest or LogRank
        Gray's test of the incidence; with late entries, for which it has no form, the log-rank test of the cause's own
        hazard.
    """

    name: str
    label: str
    curves: tuple[tuple[Any, CumulativeIncidence, CumulativeIncidence], ...]
    event: GrayTest | LogRank
    death: GrayTest | LogRank

    def refusal(self, test: GrayTest | LogRank) -> str | None:
        """Say why the P of one of the tests is not shown: it is undefined, or there are too few events for it."""
        events, df = sum(test.observed), max(test.df, 1)
        if test.reason or events >= EVENTS_PER_COLUMN * df:
            return test.reason
        freedom = f"{df} degree{'s' * (df > 1)} of freedom"
        return f"{events} event{'s' * (events > 1)} for {freedom}; at least {EVENTS_PER_COLUMN} for each are needed"


@result(eq=False)
class CompetingStudy(Result):
    """Time to an event that death can forestall.

    Attributes
    ----------
    plan : Competing
    event, death : CumulativeIncidence
    groups : tuple of CompetingGroups
        The same by the levels of each variable that the survival plan names under `strata:`.
    size : int
    entry : str or None
        Label of the variable that holds when each patient entered, where there is one.
    before_entry : int
        Left out, as they had the event by then.
    withheld : tuple of str
        Labels of variables whose groups are not shown, to hide small counts.
    """

    plan: Competing
    survival: Survival
    event: CumulativeIncidence
    death: CumulativeIncidence
    groups: tuple[CompetingGroups, ...]
    size: int
    provenance: str
    entry: str | None = None
    before_entry: int = 0
    withheld: tuple[str, ...] = ()

    @property
    def test(self) -> str:
        """What the groups are compared by."""
        return "log-rank" if self.entry else "Gray"

    @property
    def frame(self) -> pd.DataFrame:
        """Both incidences, one row a cause and distinct exit time."""
        return pd.concat([self.event.frame, self.death.frame], ignore_index=True)


@protected
@quiet()
def study_competing(cohort: Cohort, *, confidence_level: float = 0.95) -> CompetingStudy | NotPlanned:
    """Estimate the cumulative incidence of an event with death competing.

    Notes
    -----
    The event counts at its own time; without it, death or the last follow-up ends the observation. That takes the event
    to have happened when it was seen, and not to have happened in those never seen with it: naive where it is looked
    for only at visits.
    """
    survival, study = cohort.study.plan("survival"), cohort.study
    plan = survival.competing
    if plan is None:
        return not_planned("competing event")
    plan = plan.model_copy(update={"landmarks": plan.landmarks or tuple(mark.time for mark in reading_times(cohort))})
    tally = competing_tally(cohort)
    causes = competing_causes(cohort)
    late = late_entry(cohort)
    where, options = {"time": "time", "cause": "cause"}, {"entry": late, "confidence_level": confidence_level}
    event, death = map(aalen_johansen(tally, **where, **options).get, causes)
    groups = []
    for name in survival.strata:
        by = competing_tally(cohort, name)
        curves = tuple(
            (level, *map(aalen_johansen(part, **where, **options).get, causes))
            for level, part in split(by, name).items()
            if part.total
        )
        if late:
            tests = [log_rank(marked(by, cause), time="time", event="event", by=name, entry=late) for cause in causes]
        else:
            tests = map(gray_test(by, **where, by=name).get, causes)
        groups.append(
            CompetingGroups(
                name=name, label=study.label(name), curves=curves, **dict(zip(("event", "death"), tests, strict=True))
            )
        )
    return CompetingStudy(
        plan=plan,
        survival=survival,
        event=event,
        death=death,
        groups=tuple(groups),
        size=cohort.size,
        provenance=tally.provenance,
        entry=study.label(late) if late else None,
        before_entry=had_before_entry(cohort),
    )
