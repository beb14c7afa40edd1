"""Survival from counts of (entry, exit, event): Kaplan-Meier, its quantiles, follow-up.

One table of counts, the life table, serves every estimator here, in `tallystats.survival.logrank` and in
`tallystats.survival.competing`; delayed entry is a matter of who is at risk. lifelines takes the same counts as weights
and gives the same curve (the tests hold it against this one), but no standard error, another median where the curve is
exactly one half, and its import costs more than all curves of a study.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from tallystats.results import NAN, Result, require_confidence_level, result, warn_undefined
from tallystats.statistics.counts import split
from tallystats.survival.lifetable import LifeTable, event_table, read_steps
from tallystats.tally import Tally

#: The scale on which an interval of a curve is made.
ConfType = Literal["log-log", "log", "plain"]


@result(eq=False)
class SurvivalCurve(Result):
    """A Kaplan-Meier curve.

    Attributes
    ----------
    group : Any
        The group it is of; None for everybody.
    times : numpy.ndarray
        Distinct exit times.
    n_risk, n_events, n_censored : numpy.ndarray of int
    survival, std_error, conf_low, conf_high : numpy.ndarray
        Just after each time. Where survival is 1 or 0 some of them are NaN: see `kaplan_meier`.
    median, median_low, median_high : float
        NaN where the curve, or the limit, does not fall to one half.
    table : LifeTable
        The counts behind it.
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
        return pd.DataFrame(
            {
                "time": self.times,
                "n_risk": self.n_risk,
                "n_events": self.n_events,
                "n_censored": self.n_censored,
                "estimate": self.survival,
                "std_error": self.std_error,
                "conf_low": self.conf_low,
                "conf_high": self.conf_high,
            }
        ).assign(group=self.group, n=self.n, n_missing=self.n_missing, method=self.method)

    def at(self, times: Sequence[float]) -> pd.DataFrame:
        """Read the curve at some times.

        Parameters
        ----------
        times : sequence of float

        Returns
        -------
        pandas.DataFrame
            `time`; `n_risk`, the patients at risk just before it; `n_events` and `n_censored`, those who left up to and at
            it; `estimate, std_error, conf_low, conf_high`, NaN beyond the last exit unless the curve fell to 0.

        Notes
        -----
        R: ``summary(fit, times = times, extend = TRUE)``, which at a time between two exits counts those who enter before
        the second as at risk already, counts events since the time before, and carries the last value on.
        """
        columns = {
            "estimate": (self.survival, 1.0),
            "std_error": (self.std_error, 0.0),
            "conf_low": (self.conf_low, NAN),
            "conf_high": (self.conf_high, NAN),
        }
        return read_steps(self.table, times, self.n_events, columns)

    def quantiles(self, probabilities: Sequence[float]) -> pd.DataFrame:
        """Read the times by which given shares of the patients have had the event.

        Parameters
        ----------
        probabilities : sequence of float
            Each between 0 and 1; 0.5 is the median.

        Returns
        -------
        pandas.DataFrame
            `probability, estimate, conf_low, conf_high`; NaN where the curve, or its limit, does not fall so far.

        Raises
        ------
        ValueError
            When a probability is not between 0 and 1.

        Notes
        -----
        As the median in `kaplan_meier`, at the level 1 - p. R: ``quantile(fit, probabilities)``.
        """
        if wrong := [p for p in probabilities if not 0 < p < 1]:
            raise ValueError(f"probabilities: {wrong[0]!r}; expected numbers between 0 and 1, such as 0.5")
        curves = {"estimate": self.survival, "conf_low": self.conf_low, "conf_high": self.conf_high}
        read = {name: [_first_at_most(self.times, curve, 1 - p) for p in probabilities] for name, curve in curves.items()}
        return pd.DataFrame({"probability": list(probabilities), **read}, dtype=float)


def kaplan_meier(
    tally: Tally,
    *,
    time: str,
    event: str,
    entry: str | float | None = None,
    confidence_level: float = 0.95,
    conf_type: ConfType = "log-log",
    group: Any = None,
) -> SurvivalCurve:
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
        Empty, with a warning, when nobody is complete.

    Raises
    ------
    ValueError
        As `tallystats.survival.lifetable.life_table`; or for an unknown column, event type or `conf_type`.

    Notes
    -----
    S(t) = prod(1 - d/n); Greenwood's variance [1]_. The median is the first time at which S is at most one half, halfway
    to the next fall (or, if none comes, to the last exit) where it is exactly one half; its interval is where the limits
    of the curve reach one half [2]_. R: ``survfit(Surv(time, event) ~ 1, conf.type = "log-log")`` and ``quantile``. SPSS:
    KM, which prints Greenwood's standard error and no interval of the curve. As in R, the log-log interval is undefined
    where S is 1, no interval and no standard error are defined where S is 0.

    References
    ----------
    .. [1] Kaplan EL, Meier P. Nonparametric estimation from incomplete observations. J Am Stat Assoc 1958; 53: 457-481.
    .. [2] Brookmeyer R, Crowley J. A confidence interval for the median survival time. Biometrics 1982; 38: 29-41.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"days": [5.0, 8, 8, 12, 20], "died": [True, True, False, True, False]})
    >>> curve = kaplan_meier(Tally.from_rows(rows), time="days", event="died")
    >>> curve.survival.round(4).tolist(), curve.median
    ([0.8, 0.6, 0.3, 0.3], 12.0)
    """
    _require(confidence_level, conf_type)
    table = event_table(tally, time, event, entry)
    method = f"Kaplan-Meier, {conf_type} interval"
    return _curve(table, tally.provenance, time, method, confidence_level, conf_type, group)


def _require(confidence_level: float, conf_type: str) -> None:
    require_confidence_level(confidence_level)
    if conf_type not in get_args(ConfType):
        raise ValueError(f"conf_type: {conf_type!r}; expected log-log, log or plain")


def _curve(
    table: LifeTable, provenance: str, time: str, method: str, confidence_level: float, conf_type: str, group: Any = None
) -> SurvivalCurve:
    from scipy.stats import norm

    warn_undefined(f"{method} of {time}", None if table.n else "no patient has a time and an event", depth=2)
    n, d = table.n_risk, table.events[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        survival = np.cumprod(1 - d / n)
        variance = np.cumsum(np.where(d > 0, d / (n * (n - d)), 0.0))
        std_error = np.where(survival > 0, survival * np.sqrt(variance), NAN)
    low, high = _limits(survival, variance, norm.isf((1 - confidence_level) / 2), conf_type)
    return SurvivalCurve(
        group=group,
        times=table.times,
        n_risk=n,
        n_events=d,
        n_censored=table.n_censored,
        survival=survival,
        std_error=std_error,
        conf_low=low,
        conf_high=high,
        confidence_level=confidence_level,
        median=_first_at_most(table.times, survival),
        median_low=_first_at_most(table.times, low),
        median_high=_first_at_most(table.times, high),
        table=table,
        n=table.n,
        events=int(d.sum()),
        n_missing=table.n_missing,
        method=method,
        provenance=provenance,
    )


def _limits(survival: np.ndarray, variance: np.ndarray, z: float, conf_type: str) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(divide="ignore", invalid="ignore"):
        error = z * np.sqrt(variance)
        if conf_type == "plain":
            low, high = survival * (1 - error), survival * (1 + error)
        elif conf_type == "log":
            low, high = survival * np.exp(-error), survival * np.exp(error)
        else:
            inner = np.where(survival < 1, survival, NAN)
            spread = np.exp(error / np.abs(np.log(inner)))
            low, high = inner**spread, inner ** (1 / spread)
    return tuple(np.where(survival == 0, NAN, np.clip(limit, 0, 1)) for limit in (low, high))


def _first_at_most(times: np.ndarray, curve: np.ndarray, level: float = 0.5) -> float:
    """Return the time of the highest point at most `level`; halfway to the next fall where it equals it."""
    near = np.sqrt(np.finfo(float).eps)  # R's tolerance

    def highest(points: np.ndarray) -> int:
        # A limit may rise again: like R, take the point closest to the level, and the first of equals.
        return points[np.argmax(curve[points] >= curve[points].max() - near)]

    reached = np.flatnonzero(curve <= level + near)
    if not len(reached):
        return NAN
    first = highest(reached)
    if curve[first] < level - near:
        return float(times[first])
    later = np.flatnonzero(curve < level - near)
    return float((times[first] + (times[highest(later)] if len(later) else times[-1])) / 2)


def kaplan_meier_by(tally: Tally, *, by: str, **options: Any) -> tuple[SurvivalCurve, ...]:
    """Estimate a Kaplan-Meier curve for each level of a column that anybody has, in their order.

    Parameters
    ----------
    tally : Tally
    by : str
        A boolean or categorical column. Patients who lack it are in no curve; `tallystats.survival.logrank.log_rank`
        counts them.
    **options
        As `kaplan_meier`.

    Returns
    -------
    tuple of SurvivalCurve
        Each with its level as `group`; empty levels have none.

    Raises
    ------
    ValueError
        As `kaplan_meier`, or when `by` is not in the tally.

    Notes
    -----
    R: ``survfit(Surv(time, event) ~ by, conf.type = "log-log")``. SPSS: KM time BY by.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"days": [5.0, 8, 12, 3], "died": [True, False, True, True], "cement": [True, True, False, False]})
    >>> [(c.group, c.n, c.median) for c in kaplan_meier_by(Tally.from_rows(rows), by="cement", time="days", event="died")]
    [(False, 2, 7.5), (True, 2, 6.5)]
    """
    return tuple(kaplan_meier(part, group=level, **options) for level, part in split(tally, by).items() if part.total)


def reverse_kaplan_meier(
    tally: Tally,
    *,
    time: str,
    event: str,
    entry: str | float | None = None,
    confidence_level: float = 0.95,
    conf_type: ConfType = "log-log",
) -> SurvivalCurve:
    """Estimate how long patients are followed: Kaplan-Meier with event and censoring exchanged.

    Parameters
    ----------
    tally, time, event, entry, confidence_level, conf_type
        As for `kaplan_meier`.

    Returns
    -------
    SurvivalCurve
        Its events are the censored, its censored are those who had the event; `median` is the median follow-up.

    Raises
    ------
    ValueError
        As `kaplan_meier`.

    Notes
    -----
    Death hides how long a patient would have been followed; to take its time for follow-up would be too short [1]_. R:
    ``survfit(Surv(time, !event) ~ 1, conf.type = "log-log")``.

    References
    ----------
    .. [1] Schemper M, Smith TL. A note on quantifying follow-up in studies of failure time. Control Clin Trials 1996; 17:
       343-346.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"days": [5.0, 8, 8, 12, 20], "died": [True, True, False, True, False]})
    >>> reverse_kaplan_meier(Tally.from_rows(rows), time="days", event="died").median
    20.0
    """
    _require(confidence_level, conf_type)
    table = event_table(tally, time, event, entry, reverse=True)
    method = f"reverse Kaplan-Meier, {conf_type} interval"
    return _curve(table, tally.provenance, time, method, confidence_level, conf_type)
