"""The study file's survival plan carried out: curves, landmarks, strata, immortal time, competing risks, Cox model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cohortbook.cohort.cohort import Cohort
from cohortbook.plan.analysis import not_planned, protected, quiet, with_unit
from cohortbook.results import Absent, OneRow
from cohortbook.tally import Tally, weakest

if TYPE_CHECKING:
    import pandas as pd

    from cohortbook.study.schema import Competing, Survival
    from cohortbook.survival.competing import CumulativeIncidence
    from cohortbook.survival.cox import CoxFit
    from cohortbook.survival.curves import SurvivalCurve
    from cohortbook.survival.logrank import LogRank
    from cohortbook.survival.rate import EventRate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stratum:
    """Curves by the levels of one variable, and their log-rank test."""

    name: str
    label: str
    curves: tuple[SurvivalCurve, ...]
    test: LogRank


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SurvivalStudy:
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
    strata : tuple of Stratum
    notes : tuple of str
        What is not shown, or only at some times, to hide small counts.
    """

    plan: Survival
    entry: str | float | None
    overall: SurvivalCurve
    naive: SurvivalCurve
    follow_up: SurvivalCurve
    rate: EventRate
    naive_rate: EventRate
    landmarks: pd.DataFrame
    strata: tuple[Stratum, ...]
    size: int
    units_per_year: float
    provenance: str
    notes: tuple[str, ...] = field(default=(), repr=False)

    @property
    def frame(self) -> pd.DataFrame:
        """The overall curve, one row a distinct exit time."""
        return self.overall.frame

    _repr_html_ = OneRow._repr_html_


@protected
@quiet()
def study_survival(cohort: Cohort, *, entry: str | float = "plan", confidence_level: float = 0.95) -> SurvivalStudy:
    """Carry out the planned survival analysis.

    Parameters
    ----------
    cohort : Cohort
    entry : "plan", or float
        Delayed entry: as planned, or this time for all (0: from the start).
    confidence_level : float
    """
    from cohortbook.survival.curves import kaplan_meier, kaplan_meier_by, reverse_kaplan_meier
    from cohortbook.survival.logrank import log_rank
    from cohortbook.survival.rate import event_rate

    plan, study = cohort.study.plan("survival"), cohort.study
    late = _entry(plan, entry)
    needed = [plan.time, plan.event, *([late] if isinstance(late, str) else [])]
    tally = cohort.tally(*needed)
    where = {"time": plan.time, "event": plan.event}
    options = {**where, "entry": late, "confidence_level": confidence_level}
    strata = []
    for name in plan.strata:
        by = cohort.tally(*needed, name)
        strata.append(Stratum(name=name, label=study.label(name), curves=kaplan_meier_by(by, by=name, **options),
                              test=log_rank(by, by=name, **where, entry=late)))  # fmt: skip
    overall = kaplan_meier(tally, **options)
    return SurvivalStudy(
        plan=plan, entry=study.label(late) if isinstance(late, str) else late, overall=overall,
        naive=kaplan_meier(tally, **{**options, "entry": None}),
        follow_up=reverse_kaplan_meier(tally, **options), rate=event_rate(tally, **options),
        naive_rate=event_rate(tally, **{**options, "entry": None}), landmarks=_landmarks(cohort, plan, overall),
        strata=tuple(strata), size=cohort.size, units_per_year=study.file.study.units_per_year,
        provenance=tally.provenance,
    )  # fmt: skip


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CompetingStudy:
    """Time to an event that death can forestall.

    Attributes
    ----------
    plan : Competing
    event, death : CumulativeIncidence
    size : int
    """

    plan: Competing
    survival: Survival
    event: CumulativeIncidence
    death: CumulativeIncidence
    size: int
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """Both incidences, one row a cause and distinct exit time."""
        import pandas as pd

        return pd.concat([self.event.frame, self.death.frame], ignore_index=True)

    _repr_html_ = OneRow._repr_html_


@protected
@quiet()
def study_competing(cohort: Cohort, *, confidence_level: float = 0.95) -> CompetingStudy | Absent:
    """Estimate the cumulative incidence of an event with death competing.

    Notes
    -----
    The event counts at its own time; without it, death or the last follow-up ends the observation. That takes the event
    to have happened when it was seen, and not to have happened in those never seen with it: naive where it is looked
    for only at visits.
    """
    from cohortbook.survival.competing import aalen_johansen

    survival, study = cohort.study.plan("survival"), cohort.study
    plan = survival.competing
    if plan is None:
        return not_planned("competing event")
    tally = competing_tally(cohort)
    found = aalen_johansen(tally, time="time", cause="cause", confidence_level=confidence_level)
    return CompetingStudy(
        plan=plan, survival=survival, event=found[plan.label], death=found[study.label(survival.event)],
        size=cohort.size, provenance=tally.provenance,
    )  # fmt: skip


def competing_tally(cohort: Cohort, *terms: str) -> Tally:
    """Count patients by `time` and `cause` of leaving (censored, the event, or death before it), and by further terms."""
    import numpy as np
    import pandas as pd

    survival, study = cohort.study.plan("survival"), cohort.study
    plan = survival.competing
    tally = cohort.tally(*dict.fromkeys([plan.event, plan.time, survival.event, survival.time, *terms]))
    frame = tally.frame
    levels = ["censored", plan.label, study.label(survival.event)]
    had = frame[plan.event].fillna(False).to_numpy(bool)
    died = frame[survival.event].fillna(False).to_numpy(bool)
    unknown = frame[[plan.event, survival.event]].isna().any(axis=1).to_numpy()
    code = np.where(unknown, -1, np.where(had, 1, np.where(died, 2, 0)))
    time = np.where(had, frame[plan.time], frame[survival.time])
    cause = pd.Categorical.from_codes(code, categories=levels)
    counts = pd.DataFrame({"time": time, "cause": cause, **{term: frame[term] for term in terms}, "n": frame["n"]})
    return Tally(counts, tally.provenance)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoxStudy:
    """The planned Cox models: of survival and, where there is one, of the competing event."""

    models: tuple[tuple[str, CoxFit], ...]
    labels: dict[str, str]
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """The models' coefficients, one row a column; a refused model gives one row with its reason."""
        import pandas as pd

        frames = [fit.frame.assign(outcome=name) if not fit.refused
                  else pd.DataFrame([{"outcome": name, "refused": fit.refused, "n": fit.n, "events": fit.events}])
                  for name, fit in self.models]  # fmt: skip
        return pd.concat(frames, ignore_index=True)

    _repr_html_ = OneRow._repr_html_


@protected
@quiet()
def study_cox(cohort: Cohort, *, confidence_level: float = 0.95) -> CoxStudy | Absent:
    """Fit the planned Cox model of survival, and the cause-specific one of the competing event, or refuse."""
    from cohortbook.survival.cox import cox_regression

    plan = cohort.study.plan("survival")
    if not plan.cox:
        return not_planned("Cox model")
    # The same entry for all changes no risk set; one of each patient's own does.
    late = [plan.entry] if isinstance(plan.entry, str) else []
    tally = cohort.tally(*dict.fromkeys([plan.time, plan.event, *late, *plan.cox]))
    asked = [(plan.label, tally, {"time": plan.time, "event": plan.event, "entry": late[0] if late else None})]
    if plan.competing:
        counts = competing_tally(cohort, *plan.cox)
        event = (counts.frame["cause"] == plan.competing.label).astype("boolean").mask(counts.frame["cause"].isna())
        counts = Tally(counts.frame.assign(event=event), counts.provenance)
        asked.append((f"{plan.competing.label}, cause-specific", counts, {"time": "time", "event": "event"}))
    models = [(label, cox_regression(t, terms=plan.cox, confidence_level=confidence_level, **where))
              for label, t, where in asked]  # fmt: skip
    labels = {}
    for _, fit in models:
        for column in fit.terms:
            name, _, level = column.partition(": ")
            labels[column] = f"{cohort.study.label(name)}: {level}" if level else with_unit(cohort, name)
    return CoxStudy(models=tuple(models), labels=labels, provenance=weakest([t.provenance for _, t, _ in asked]))
