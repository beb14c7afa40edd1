"""The event of the survival plan that is seen only at visits: what they bound, beside the curve of the day of detection."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cohortbook.sections.comparison.analysis import not_planned, protected
from cohortbook.sections.survival.competing import competing_tally, late_entry
from studyfile.cohort.cohort import Cohort
from studyfile.study.schema import Competing, Survival
from tallystats.results import NotPlanned, Result, lower_first, quiet, result
from tallystats.survival.competing import CumulativeIncidence, aalen_johansen
from tallystats.survival.current_status import CurrentStatus, current_status, current_status_causes
from tallystats.survival.seen_at_visits import SeenAtVisits, seen_at_visits
from tallystats.survival.turnbull import turnbull
from tallystats.tally import Tally


@result(eq=False)
class VisitStudy(Result):
    """The incidence of an event that is seen only at visits, with death competing.

    Attributes
    ----------
    plan : Competing
    survival : Survival
    incidence : SeenAtVisits
        With the share of the living who have had the event, and the survival of all.
    detected : CumulativeIncidence
        Aalen and Johansen's estimate with the day of detection for that of the event.
    landmarks : pandas.DataFrame
        At the plan's times: `time`; the columns of `incidence.among_living.at`, those of the share with `living_` before their
        names; `at_least, at_most, conf_low, conf_high` of the incidence; `detected`.
    kinds : tuple of CurrentStatus
        The share of the living with each kind of the event, all kinds together; empty where the plan names none.
    visit_label : str
        What the time of the visit is called.
    unit : str
        What a row is.
    size : int
    provenance : str
    """

    plan: Competing
    survival: Survival
    incidence: SeenAtVisits
    detected: CumulativeIncidence
    landmarks: pd.DataFrame
    kinds: tuple[CurrentStatus, ...]
    visit_label: str
    unit: str
    size: int
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a landmark."""
        return self.landmarks.assign(
            term=self.plan.label, estimate=self.landmarks["at_least"], n=self.size, method=self.incidence.method
        )


@protected
@quiet()
def study_visits(cohort: Cohort, *, confidence_level: float = 0.95) -> VisitStudy | NotPlanned:
    """Estimate the incidence of the planned event where it is seen only at visits, with death competing.

    Notes
    -----
    Where each patient had one visit, the share of the living with the event is estimated by isotonic regression; where it
    came between two, by Turnbull's method: see `tallystats.survival.seen_at_visits` for what both assume.
    """
    survival, study = cohort.study.plan("survival"), cohort.study
    plan, entry = survival.competing, survival.entry
    if plan is None:
        return not_planned("competing event")
    if plan.seen == "exact":
        known = f"The study file says that the day of {lower_first(plan.label)} is known"
        return NotPlanned(f"{known}, so that no visit has to bound it.")
    if plan.seen == "visit":
        tally = cohort.tally(plan.event, plan.time)
        living = current_status(tally, time=plan.time, event=plan.event, confidence_level=confidence_level)
    else:
        living = turnbull(interval_tally(cohort), left="left", right="right", confidence_level=confidence_level)
    needed = [survival.time, survival.event, *([entry] if isinstance(entry, str) else [])]
    incidence = seen_at_visits(
        living, cohort.tally(*needed), time=survival.time, death=survival.event, entry=entry, confidence_level=confidence_level
    )
    tally = competing_tally(cohort)
    detected = aalen_johansen(tally, time="time", cause="cause", entry=late_entry(cohort), confidence_level=confidence_level)[
        plan.label
    ]
    own = ("estimate", "naive", "at_least", "at_most", "conf_low", "conf_high")
    share = living.at(plan.landmarks).rename(columns={name: f"living_{name}" for name in own})
    together = share.join(incidence.at(plan.landmarks).drop(columns=["time", "estimate"]))
    return VisitStudy(
        plan=plan,
        survival=survival,
        incidence=incidence,
        detected=detected,
        landmarks=together.assign(detected=detected.at(plan.landmarks)["estimate"]),
        kinds=_kinds(cohort, confidence_level) if plan.kinds else (),
        visit_label=study.label(plan.time),
        unit=study.file.study.unit,
        size=cohort.size,
        provenance=incidence.provenance,
    )


def _kinds(cohort: Cohort, confidence_level: float) -> tuple[CurrentStatus, ...]:
    """Estimate the share with each kind of the event, all together.

    Raises
    ------
    ValueError
        When patients have the event and no kind, or a kind without it: how many.
    """
    plan = cohort.study.plan("survival").competing
    tally = cohort.tally(plan.event, plan.time, plan.kinds)
    both = tally.complete([plan.event, plan.kinds]).frame
    none = cohort.study.levels(plan.kinds)[0]
    if wrong := int(both.loc[both[plan.event].to_numpy(bool) != (both[plan.kinds] != none).to_numpy(bool), "n"].sum()):
        raise ValueError(
            f"survival: competing: kinds: {wrong} of {tally.total} patients have {plan.event!r} and the level {none!r} of "
            f"{plan.kinds!r}, or neither; expected one of the two"
        )
    return tuple(current_status_causes(tally, time=plan.time, cause=plan.kinds, confidence_level=confidence_level).values())


def interval_tally(cohort: Cohort) -> Tally:
    """Count patients by `left` and `right`, the times between which the event came; missing where it is not known to.

    Raises
    ------
    ValueError
        When patients without the event have a time at which it was first seen, or it was last not seen after that: how
        many, and such as.
    """
    plan = cohort.study.plan("survival").competing
    names = (plan.event, plan.time, plan.last_negative, plan.first_positive)
    tally = cohort.tally(*dict.fromkeys(names))
    frame, n = tally.frame, tally.frame["n"].to_numpy()
    had = frame[plan.event].fillna(False).to_numpy(bool)
    known = frame[plan.event].notna().to_numpy()
    last, free, seen = (frame[name].to_numpy(float) for name in names[1:])
    for wrong, text in (
        (known & ~had & ~np.isnan(seen), f"a time in {plan.first_positive!r} without {plan.event!r}"),
        (had & (free > seen), f"{plan.last_negative!r} after {plan.first_positive!r}"),
    ):
        if wrong.any():
            first = np.flatnonzero(wrong)[0]
            raise ValueError(
                f"survival: competing: {n[wrong].sum()} of {tally.total} patients have {text}, such as {free[first]:g} and "
                f"{seen[first]:g}; expected none"
            )
    left = np.where(had, np.nan_to_num(free), np.where(np.isnan(free), last, free))
    right = np.where(had, seen, np.inf)
    counts = pd.DataFrame({"left": np.where(known, left, np.nan), "right": np.where(known, right, np.nan), "n": n})
    return Tally(counts, tally.provenance)
