"""Survival from counts of (entry, exit, event): Kaplan-Meier, its quantiles, log-rank, follow-up, rates.

One table of counts, the life table, serves every estimator here and in `cohortbook.competing`; delayed entry is a matter
of who is at risk. lifelines, which would take the same counts as weights, is held against these numbers in the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cohortbook.results import NAN, OneRow, require_confidence_level

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from cohortbook.tally import Tally


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
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
    n, n_missing : int
        Complete patients; patients who lack a value.
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

    def at_risk(self, times: Sequence[float]) -> np.ndarray:
        """Return how many are at risk just before each of some times: entered before, not out before."""
        return _before(self.entry, self.weight, times) - _before(self.exit, self.weight, times)


def _before(moments: np.ndarray, weight: np.ndarray, times: Sequence[float]) -> np.ndarray:
    """Count the patients whose moment lies before each of some times."""
    import numpy as np

    order = np.argsort(moments, kind="stable")
    so_far = np.concatenate([[0], weight[order].cumsum()])
    return so_far[np.searchsorted(moments[order], np.asarray(times, float), side="left")].astype(int)


def life_table(tally: Tally, *, time: str, causes: Sequence[np.ndarray], complete_on: Sequence[str],
               entry: str | float | None = None) -> LifeTable:  # fmt: skip
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
        Columns on which patients must be complete; others are left out and counted.
    entry : str or float, optional
        Column of entry times, or one time for all: at risk from then on. Default: from the start.

    Raises
    ------
    ValueError
        For a negative time, or an exit not after its entry: how many.

    Notes
    -----
    At risk at t are those with entry < t <= exit, as in R's ``Surv(entry, exit, event)``. One entry time for all stands
    for a condition such as "followed for at least 90 days": who leaves on that very day was at risk then.
    """
    import numpy as np

    columns = [time, *complete_on, *([entry] if isinstance(entry, str) else [])]
    for name in columns:
        if name not in tally.columns:
            raise ValueError(f"time, event, entry: {name!r} is not in the tally; expected {', '.join(tally.columns)}")
    keep = tally.frame[columns].notna().all(axis=1).to_numpy()
    frame = tally.frame[keep]
    weight = frame["n"].to_numpy()
    exits = frame[time].to_numpy(dtype=float)
    if isinstance(entry, str):
        entries = frame[entry].to_numpy(dtype=float)
    else:
        entries = np.full(len(frame), -np.inf if entry is None else np.nextafter(entry, -np.inf))
    if negative := int(weight[exits < 0].sum()):
        raise ValueError(f"time: {negative} of {weight.sum()} patients have a negative {time!r}; expected 0 or more")
    if late := int(weight[exits <= entries].sum()):
        raise ValueError(
            f"entry: {late} of {weight.sum()} patients leave no later than they enter; expected entry < exit"
        )
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
        n=int(weight.sum()),
        n_missing=tally.total - int(weight.sum()),
    )


def _event_table(tally: Tally, time: str, event: str, entry: str | float | None, reverse: bool = False) -> LifeTable:
    import pandas as pd

    if event not in tally.columns:
        raise ValueError(f"event: {event!r} is not in the tally; expected one of {', '.join(tally.columns)}")
    if not pd.api.types.is_bool_dtype(tally.frame[event].dtype):
        raise ValueError(f"event: {event!r} is of type {tally.frame[event].dtype}; expected boolean")
    had = tally.frame[event].fillna(False).to_numpy(dtype=bool)
    return life_table(tally, time=time, causes=[~had if reverse else had], complete_on=[event], entry=entry)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SurvivalCurve:
    """A Kaplan-Meier curve.

    Attributes
    ----------
    group : Any
        The group it is of; None for everybody.
    times : numpy.ndarray
        Distinct exit times.
    n_risk, n_events, n_censored : numpy.ndarray of int
    survival, std_error, conf_low, conf_high : numpy.ndarray
        Just after each time.
    median, median_low, median_high : float
        NaN where the curve, or the limit, does not fall to one half.
    n, events, n_missing : int
    method, provenance : str
    """

    group: Any
    times: np.ndarray
    n_risk: np.ndarray
    n_events: np.ndarray
    n_censored: np.ndarray
    survival: np.ndarray
    std_error: np.ndarray
    conf_low: np.ndarray
    conf_high: np.ndarray
    confidence_level: float
    median: float
    median_low: float
    median_high: float
    table: LifeTable
    n: int
    events: int
    n_missing: int
    method: str
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a distinct exit time."""
        import pandas as pd

        return pd.DataFrame({
            "time": self.times, "n_risk": self.n_risk, "n_events": self.n_events, "n_censored": self.n_censored,
            "estimate": self.survival, "std_error": self.std_error, "conf_low": self.conf_low,
            "conf_high": self.conf_high,
        }).assign(group=self.group, method=self.method)  # fmt: skip

    def at(self, times: Sequence[float]) -> pd.DataFrame:
        """Read the curve at some times; NaN beyond the last exit.

        Returns
        -------
        pandas.DataFrame
            `time, n_risk, estimate, std_error, conf_low, conf_high`, as R's ``summary(survfit, times = )``.
        """
        return read_steps(self.times, times, {"estimate": (self.survival, 1.0), "std_error": (self.std_error, 0.0),
                                              "conf_low": (self.conf_low, 1.0), "conf_high": (self.conf_high, 1.0)},
                          self.table)  # fmt: skip

    _repr_html_ = OneRow._repr_html_


def read_steps(steps: np.ndarray, times: Sequence[float], columns: dict, table: LifeTable) -> pd.DataFrame:
    """Read right-continuous step functions at some times: each column with its value before the first step."""
    import numpy as np
    import pandas as pd

    when = np.asarray(times, float)
    at = np.searchsorted(steps, when, side="right")
    last = steps[-1] if len(steps) else -np.inf
    read = {name: np.where(when > last, np.nan, np.concatenate([[start], values])[at])
            for name, (values, start) in columns.items()}  # fmt: skip
    return pd.DataFrame({"time": when, "n_risk": table.at_risk(when), **read})


def kaplan_meier(
    tally: Tally, *, time: str, event: str, entry: str | float | None = None, confidence_level: float = 0.95,
    conf_type: Literal["log-log", "log", "plain"] = "log-log", group: Any = None,
) -> SurvivalCurve:  # fmt: skip
    """Estimate survival by Kaplan and Meier's product-limit method.

    Parameters
    ----------
    tally : Tally
        Patterns of the columns named; patients who lack a value are left out and counted.
    time, event : str
        Exit time (not negative) and whether the event came then (boolean; False: censored).
    entry : str or float, optional
        Delayed entry: a column, or one time for all.
    confidence_level : float
    conf_type : {"log-log", "log", "plain"}
        Scale of the pointwise interval.
    group : Any
        Says whom the curve is of.

    Returns
    -------
    SurvivalCurve

    Raises
    ------
    ValueError
        As `life_table`; or for an unknown column, event type or `conf_type`.

    Notes
    -----
    S(t) = prod(1 - d/n); Greenwood's variance. The median is the first time at which S is at most one half, halfway to
    the next event where it is exactly one half; its interval is where the limits of the curve cross one half. R:
    ``survfit(Surv(time, event) ~ 1, conf.type = "log-log")``. SPSS: KM, which prints Greenwood's standard error and no
    interval of the curve. Where S is 1 the interval is taken as 1 to 1; where it is 0 it is undefined.

    Examples
    --------
    >>> import pandas as pd
    >>> from cohortbook.tally import Tally
    >>> rows = pd.DataFrame({"days": [5.0, 8, 8, 12, 20], "died": [True, True, False, True, False]})
    >>> curve = kaplan_meier(Tally.from_rows(rows), time="days", event="died")
    >>> curve.survival.round(4).tolist(), curve.median
    ([0.8, 0.6, 0.3, 0.3], 12.0)
    """
    import numpy as np
    from scipy.stats import norm

    require_confidence_level(confidence_level)
    if conf_type not in ("log-log", "log", "plain"):
        raise ValueError(f"conf_type: {conf_type!r}; expected log-log, log or plain")
    table = _event_table(tally, time, event, entry)
    n, d = table.n_risk, table.events[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        survival = np.cumprod(1 - d / n)
        variance = np.cumsum(np.where(d > 0, d / (n * (n - d)), 0.0))
        std_error = np.where(survival > 0, survival * np.sqrt(variance), np.nan)
    low, high = _limits(survival, variance, norm.isf((1 - confidence_level) / 2), conf_type)
    return SurvivalCurve(
        group=group, times=table.times, n_risk=n, n_events=d, n_censored=table.n_censored, survival=survival,
        std_error=std_error, conf_low=low, conf_high=high, confidence_level=confidence_level,
        median=_crossing(table.times, survival, d), median_low=_crossing(table.times, low, d),
        median_high=_crossing(table.times, high, d), table=table, n=table.n, events=int(d.sum()),
        n_missing=table.n_missing, method=f"Kaplan-Meier, {conf_type} interval", provenance=tally.provenance,
    )  # fmt: skip


def _limits(survival: np.ndarray, variance: np.ndarray, z: float, conf_type: str) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore"):
        error = z * np.sqrt(variance)
        if conf_type == "plain":
            low, high = survival * (1 - error), survival * (1 + error)
        elif conf_type == "log":
            low, high = survival * np.exp(-error), survival * np.exp(error)
        else:
            spread = np.exp(error / np.abs(np.log(survival)))
            low, high = survival**spread, survival ** (1 / spread)
    low, high = np.clip(low, 0, 1), np.clip(high, 0, 1)
    certain = survival == 1
    low, high = np.where(certain, 1.0, low), np.where(certain, 1.0, high)
    return np.where(survival == 0, np.nan, low), np.where(survival == 0, np.nan, high)


def _crossing(times: np.ndarray, curve: np.ndarray, events: np.ndarray, level: float = 0.5) -> float:
    """Return the first time at which a falling curve is at most `level`; halfway to its next fall where it equals it."""
    import numpy as np

    near = 1e-9
    below = np.flatnonzero(np.nan_to_num(curve, nan=-1.0 if np.isnan(curve).any() else 0.0) <= level + near)
    below = below[~np.isnan(curve[below])]
    if not len(below):
        return NAN
    first = below[0]
    if abs(curve[first] - level) > near:
        return float(times[first])
    later = np.flatnonzero((curve < level - near) & (np.arange(len(curve)) > first))
    return float((times[first] + times[later[0]]) / 2) if len(later) else float(times[first])


def kaplan_meier_by(tally: Tally, *, by: str, **options: Any) -> tuple[SurvivalCurve, ...]:
    """Estimate a Kaplan-Meier curve for each level of a column that anybody has; options as `kaplan_meier`."""
    from cohortbook.counts import split

    return tuple(kaplan_meier(part, group=level, **options) for level, part in split(tally, by).items() if part.total)


def reverse_kaplan_meier(
    tally: Tally, *, time: str, event: str, entry: str | float | None = None, confidence_level: float = 0.95
) -> SurvivalCurve:
    """Estimate follow-up by Kaplan-Meier with events and censoring exchanged: death hides how long it would have been.

    Parameters and errors as `kaplan_meier`. R: ``survfit(Surv(time, !event) ~ 1)``.
    """
    from dataclasses import replace

    flipped = tally.frame.assign(**{event: ~tally.frame[event]})
    curve = kaplan_meier(replace(tally, frame=flipped), time=time, event=event, entry=entry,
                         confidence_level=confidence_level)  # fmt: skip
    return replace(curve, method="reverse Kaplan-Meier")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRank:
    """A log-rank test: observed and expected events of each group, chi-square and P.

    `reason` says why P is undefined; then it is NaN.
    """

    by: str
    groups: tuple[Any, ...]
    n: tuple[int, ...]
    observed: tuple[int, ...]
    expected: tuple[float, ...]
    statistic: float
    df: int
    p_value: float
    n_missing: int
    reason: str | None
    method: str
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a group: `group, n, observed, expected`, and the test."""
        import pandas as pd

        frame = pd.DataFrame({"group": self.groups, "n": self.n, "observed": self.observed, "expected": self.expected})
        return frame.assign(
            term=self.by, statistic=self.statistic, df=self.df, p_value=self.p_value, method=self.method
        )

    _repr_html_ = OneRow._repr_html_


def log_rank(tally: Tally, *, time: str, event: str, by: str, entry: str | float | None = None) -> LogRank:
    """Compare survival between groups by the log-rank test.

    Parameters
    ----------
    tally, time, event, entry
        As for `kaplan_meier`.
    by : str
        The groups: boolean or categorical; empty levels do not count.

    Returns
    -------
    LogRank
        NaN with a reason when fewer than two groups are there or nobody has the event.

    Notes
    -----
    Hypergeometric variance at each event time. R: ``survdiff(Surv(time, event) ~ by)``. SPSS: KM /TEST LOGRANK.

    Examples
    --------
    >>> import pandas as pd
    >>> from cohortbook.tally import Tally
    >>> rows = pd.DataFrame({"days": [5.0, 8, 12, 20, 3, 4, 9, 10], "died": [True] * 3 + [False] + [True] * 4,
    ...                      "cement": [False] * 4 + [True] * 4})
    >>> test = log_rank(Tally.from_rows(rows), time="days", event="died", by="cement")
    >>> round(test.statistic, 4), round(test.p_value, 4)
    (1.5842, 0.2082)
    """
    import numpy as np
    from scipy.stats import chi2

    from cohortbook.counts import split

    parts = {level: part for level, part in split(tally.complete([time, event, by]), by).items() if part.total}
    tables = [_event_table(part, time, event, entry) for part in parts.values()]
    whole = sorted({t for table in tables for t in table.times[table.events[:, 0] > 0].tolist()})
    at_risk = np.array([table.at_risk(whole) for table in tables], float).reshape(len(tables), len(whole))
    events = np.zeros_like(at_risk)
    for g, table in enumerate(tables):
        events[g, np.searchsorted(whole, table.times[table.events[:, 0] > 0])] = table.events[table.events[:, 0] > 0, 0]
    n, d = at_risk.sum(axis=0), events.sum(axis=0)
    reason = "fewer than two groups" if len(tables) < 2 else None if d.sum() else "nobody has the event"
    statistic, p = NAN, NAN
    expected = np.divide(at_risk * d, n, out=np.zeros_like(at_risk), where=n > 0).sum(axis=1)
    if not reason:
        spread = np.divide(d * (n - d), n**2 * (n - 1), out=np.zeros_like(d), where=n > 1)
        variance = np.diag((at_risk * n * spread).sum(axis=1)) - (at_risk * spread) @ at_risk.T
        excess = (events.sum(axis=1) - expected)[1:]
        if np.linalg.matrix_rank(variance[1:, 1:]) < len(excess):
            reason = "a group is never at risk beside another when the event comes"
        else:
            statistic = float(excess @ np.linalg.solve(variance[1:, 1:], excess))
            p = float(chi2.sf(statistic, len(excess)))
    return LogRank(
        by=by, groups=tuple(parts), n=tuple(table.n for table in tables),
        observed=tuple(int(v) for v in events.sum(axis=1)), expected=tuple(expected.tolist()), statistic=statistic,
        df=max(len(tables) - 1, 0), p_value=p, n_missing=tally.total - tally.complete([time, event, by]).total,
        reason=reason, method="log-rank", provenance=tally.provenance,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRate(OneRow):
    """Events per unit of time at risk, with an exact Poisson interval."""

    events: int
    time_at_risk: float
    estimate: float
    conf_low: float
    conf_high: float
    confidence_level: float
    n: int
    n_missing: int
    method: str
    provenance: str


def event_rate(
    tally: Tally, *, time: str, event: str, entry: str | float | None = None, confidence_level: float = 0.95
) -> EventRate:
    """Estimate the rate of an event: events over time at risk, from entry to exit.

    Parameters and errors as `kaplan_meier`. R: ``poisson.test(events, time)``.
    """
    import numpy as np
    from scipy.stats import chi2

    require_confidence_level(confidence_level)
    table = _event_table(tally, time, event, entry)
    begin = 0.0 if entry is None else table.entry if isinstance(entry, str) else float(entry)
    exposure = float(((table.exit - begin) * table.weight).sum())
    events, tail = int(table.events.sum()), (1 - confidence_level) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        low = chi2.ppf(tail, 2 * events) / 2 / exposure if events else 0.0
        high = np.float64(chi2.isf(tail, 2 * events + 2) / 2) / exposure
        estimate = np.float64(events) / exposure
    return EventRate(events=events, time_at_risk=exposure, estimate=float(estimate), conf_low=float(low),
                     conf_high=float(high), confidence_level=confidence_level, n=table.n, n_missing=table.n_missing,
                     method="events over time at risk, exact Poisson interval", provenance=tally.provenance)  # fmt: skip
