"""What leaves patients in a study of competing events: their times, causes and late entries, counted."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studyfile.cohort.cohort import Cohort
from studyfile.study.schema import Competing
from tallystats.tally import Tally


def competing_causes(cohort: Cohort) -> tuple[str, str]:
    """Return what the event and the death without it are called.

    Where the event is itself a death, as death of one cause among deaths of any, what competes are the others.
    """
    survival, label = cohort.study.plan("survival"), cohort.study.label
    plan = survival.competing
    frame = cohort.tally(*dict.fromkeys([plan.event, plan.time, survival.event, survival.time])).frame
    had = frame[frame[plan.event].fillna(False).to_numpy(bool)]
    dead = had[survival.event].fillna(False) & (had[plan.time] == had[survival.time]).fillna(False)
    other = " (other)" if len(had) and dead.all() else ""
    return plan.label, label(survival.event) + other


def competing_tally(cohort: Cohort, *terms: str) -> Tally:
    """Count patients by `time` and `cause` of leaving (censored, the event, or death before it), and by further terms.

    Where each patient enters at a time of their own, its column is there too; the time of who had the event by then is
    missing, so that these are counted as left out: they were never at risk of it under observation. R's `Surv` makes them
    missing as well.
    """
    survival, late = cohort.study.plan("survival"), late_entry(cohort)
    plan = survival.competing
    terms = tuple(dict.fromkeys([*filter(None, [late]), *terms]))
    tally = cohort.tally(*dict.fromkeys([plan.event, plan.time, survival.event, survival.time, *terms]))
    frame = tally.frame
    levels = ["censored", *competing_causes(cohort)]
    had = frame[plan.event].fillna(False).to_numpy(bool)
    died = frame[survival.event].fillna(False).to_numpy(bool)
    unknown = frame[[plan.event, survival.event]].isna().any(axis=1).to_numpy()
    code = np.where(unknown, -1, np.where(had, 1, np.where(died, 2, 0)))
    time = np.where(had & ~_before_entry(frame, plan, late), frame[plan.time], np.where(had, np.nan, frame[survival.time]))
    cause = pd.Categorical.from_codes(code, categories=levels)
    counts = pd.DataFrame({"time": time, "cause": cause, **{term: frame[term] for term in terms}, "n": frame["n"]})
    return Tally(counts, tally.provenance)


def late_entry(cohort: Cohort) -> str | None:
    """Name the variable that holds when each patient entered; the same entry for all changes no set of those at risk."""
    entry = cohort.study.plan("survival").entry
    return entry if isinstance(entry, str) else None


def had_before_entry(cohort: Cohort) -> int:
    """Count who had the event by the time they entered, and so are left out."""
    plan, late = cohort.study.plan("survival").competing, late_entry(cohort)
    frame = cohort.tally(*dict.fromkeys([plan.event, plan.time, *filter(None, [late])])).frame
    return int(frame["n"][_before_entry(frame, plan, late)].sum())


def _before_entry(frame: pd.DataFrame, plan: Competing, late: str | None) -> np.ndarray:
    if late is None:
        return np.zeros(len(frame), bool)
    return (frame[plan.event].fillna(False).astype(bool) & (frame[plan.time] <= frame[late]).fillna(False)).to_numpy(bool)


def marked(tally: Tally, cause: str) -> Tally:
    """Add whether a cause came about as `event`."""
    event = (tally.frame["cause"] == cause).astype("boolean").mask(tally.frame["cause"].isna())
    return Tally(tally.frame.assign(event=event), tally.provenance)
