"""Counts of who enters, is at risk, has which event and is censored: what every survival estimator is computed from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import field

import numpy as np
import pandas as pd

from tallystats.results import HIDDEN, result
from tallystats.statistics.counts import is_numeric
from tallystats.tally import Tally


@result(eq=False)
class LifeTable:
    """Counts at each distinct exit time.

    Attributes
    ----------
    times : numpy.ndarray
        Distinct exit times, ascending.
    n_risk : numpy.ndarray
        Patients at risk just before each: entered earlier, and not yet out.
    events : numpy.ndarray, shape (times, causes)
        Patients with each event at each time.
    n_censored : numpy.ndarray
        Patients who leave without an event.
    entry, exit, weight : numpy.ndarray
        Of each complete pattern: entry (minus infinity where there is none), exit, and how many patients show it.
    n, n_missing : int
        Complete patients; patients who lack a value.
    shown : numpy.ndarray, optional
        The only times of which anything may be told, where small counts are hidden.
    """

    times: np.ndarray
    n_risk: np.ndarray
    events: np.ndarray
    n_censored: np.ndarray
    entry: np.ndarray
    exit: np.ndarray
    weight: np.ndarray
    n: int
    n_missing: int
    shown: np.ndarray | None = field(default=None, repr=False)

    @property
    def exhausted(self) -> bool:
        """Say whether everybody at risk had an event at some time: nothing can happen to the curve afterwards."""
        return bool((self.events.sum(axis=1) == self.n_risk).any())

    def at_risk(self, times: Sequence[float]) -> np.ndarray:
        """Return how many are at risk just before each of some times; who enters at 0 is there at 0."""
        entered = np.where(self.entry <= 0, -np.inf, self.entry)
        found = _before(entered, self.weight, times) - _before(self.exit, self.weight, times)
        if self.shown is None:
            return found
        told = np.isin(times, self.shown)
        # Who leaves at a shown time is gone by then: the count just before would tell how many do.
        left = _before(entered, self.weight, times) - _before(self.exit, self.weight, np.nextafter(times, np.inf))
        return np.array([n if may else HIDDEN for n, may in zip(left, told, strict=True)], dtype=object)


def _before(moments: np.ndarray, weight: np.ndarray, times: Sequence[float]) -> np.ndarray:
    """Count the patients whose moment lies before each of some times."""
    order = np.argsort(moments, kind="stable")
    so_far = np.concatenate([[0], weight[order].cumsum()])
    return so_far[np.searchsorted(moments[order], np.asarray(times, float), side="left")].astype(int)


def life_table(
    tally: Tally, *, time: str, causes: Sequence[np.ndarray], complete_on: Sequence[str], entry: str | float | None = None
) -> LifeTable:
    """Count who is at risk, who has which event and who is censored at each distinct exit time.

    Parameters
    ----------
    tally : Tally
        Patterns of the time, the event and, perhaps, the entry.
    time : str
        Column of exit times, not negative.
    causes : sequence of numpy.ndarray of bool
        For each cause, which patterns of the tally have it.
    complete_on : sequence of str
        Further columns on which patients must be complete; others are left out and counted.
    entry : str or float, optional
        Column of entry times, or one time for all: at risk from then on. Default: from the start.

    Raises
    ------
    ValueError
        For a column that is not there or holds no numbers; for a negative or infinite time, or an exit not after its
        entry: how many.

    Notes
    -----
    At risk at t are those with entry < t <= exit, as in R's ``Surv(entry, exit, event)``; censored at t, one is still at
    risk for an event at t. One entry time for all stands for a condition such as "followed for at least 90 days": who
    leaves on that very day was at risk then. Without entry an exit at 0 counts, as in R. Times are equal when their
    numbers are (R: ``timefix = FALSE``).
    """
    late = isinstance(entry, str)
    for argument, name in (("time", time), ("entry", entry))[: 1 + late]:
        require_times(tally, name, argument)
    columns = [time, *complete_on, *([entry] if late else [])]
    keep = (tally.frame[columns].notna().all(axis=1) & (tally.frame["n"] > 0)).to_numpy()
    frame = tally.frame[keep]
    weight = frame["n"].to_numpy()
    n = int(weight.sum())
    exits = frame[time].to_numpy(dtype=float)
    _refuse("time", time, weight[~((exits >= 0) & np.isfinite(exits))].sum(), n)
    if late:
        entries = frame[entry].to_numpy(dtype=float)
        _refuse("entry", entry, weight[~((entries >= 0) & np.isfinite(entries))].sum(), n)
        if wrong := int(weight[exits <= entries].sum()):
            raise ValueError(f"entry: {wrong} of {n} patients have {time!r} no later than {entry!r}; expected entry < exit")
    else:
        if entry is not None and not (math.isfinite(entry) and entry >= 0):
            raise ValueError(f"entry: {entry!r}; expected a column, or a time of 0 or more")
        entries = np.full(len(frame), -np.inf if entry is None else np.nextafter(entry, -np.inf))
        if wrong := int(weight[exits <= entries].sum()):
            raise ValueError(f"entry: {wrong} of {n} patients have {time!r} before {entry:g}; expected no earlier exit")
    times, at = np.unique(exits, return_inverse=True)
    events = np.zeros((len(times), len(causes)), int)
    for k, cause in enumerate(causes):
        np.add.at(events[:, k], at, weight * cause[keep])
    out = np.bincount(at, weights=weight, minlength=len(times)).astype(int)
    return LifeTable(
        times=times,
        n_risk=_before(entries, weight, times) - _before(exits, weight, times),
        events=events,
        n_censored=out - events.sum(axis=1),
        entry=entries,
        exit=exits,
        weight=weight,
        n=n,
        n_missing=tally.total - n,
    )


def require_times(tally: Tally, name: str, argument: str) -> None:
    if name not in tally.columns:
        raise ValueError(f"{argument}: {name!r} is not in the tally; expected one of {', '.join(tally.columns)}")
    if not is_numeric(tally, name):
        raise ValueError(f"{argument}: {name!r} is of type {tally.frame[name].dtype}; expected numbers")


def _refuse(argument: str, name: str, wrong: int, n: int) -> None:
    if wrong:
        raise ValueError(f"{argument}: {wrong} of {n} patients have a negative or infinite {name!r}; expected 0 or more")


def event_table(tally: Tally, time: str, event: str, entry: str | float | None = None, *, reverse: bool = False) -> LifeTable:
    """Return the life table of one event, a boolean column (False: censored); `reverse` exchanges the two.

    Parameters and errors as `life_table`; also ValueError when `event` is not there or not boolean.
    """
    if event not in tally.columns:
        raise ValueError(f"event: {event!r} is not in the tally; expected one of {', '.join(tally.columns)}")
    if not pd.api.types.is_bool_dtype(tally.frame[event].dtype):
        raise ValueError(f"event: {event!r} is of type {tally.frame[event].dtype}; expected boolean")
    had = tally.frame[event].fillna(False).to_numpy(dtype=bool)
    return life_table(tally, time=time, causes=[~had if reverse else had], complete_on=[event], entry=entry)


def read_steps(
    table: LifeTable, times: Sequence[float], n_events: np.ndarray, columns: dict[str, tuple[np.ndarray, float]]
) -> pd.DataFrame:
    """Read right-continuous step functions at some times.

    Parameters
    ----------
    table : LifeTable
        Its times are where the functions step.
    times : sequence of float
    n_events : numpy.ndarray
        Events at each of the table's times.
    columns : dict
        Name -> values just after each step, and the value before the first.

    Returns
    -------
    pandas.DataFrame
        `time`; `n_risk` just before it; `n_events` and `n_censored` up to and at it; the columns, which are NaN beyond
        the last exit unless everybody at risk had had the event: then they stay.
    """
    when = np.asarray(times, float)
    at = np.searchsorted(table.times, when, side="right")
    last = table.times[-1] if table.n else -np.inf
    unknown = np.zeros(when.shape, bool) if table.exhausted else when > last
    so_far = {"n_events": n_events, "n_censored": table.n_censored}
    counts = {name: np.concatenate([[0], values.cumsum()])[at] for name, values in so_far.items()}
    read = {name: np.where(unknown, np.nan, np.concatenate([[start], values])[at]) for name, (values, start) in columns.items()}
    frame = pd.DataFrame({"time": when, "n_risk": table.at_risk(when), **counts, **read})
    if table.shown is not None:
        told = np.isin(when, table.shown)
        hidden = {
            name: pd.Series([v if may else HIDDEN for v, may in zip(frame[name], told, strict=True)], dtype=object)
            for name in frame.columns
            if name != "time"
        }
        frame = frame.assign(**hidden)
    return frame
