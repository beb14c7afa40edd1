"""Cumulative incidence where another event forestalls the one of interest (Aalen-Johansen)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from tallystats.results import NAN, Result, require_confidence_level, result, warn_undefined
from tallystats.survival.lifetable import LifeTable, life_table, read_steps
from tallystats.tally import Tally

#: What each variance is called.
NAMES = {"delta": "delta-method", "aalen": "Aalen's"}


@result(eq=False)
class CumulativeIncidence(Result):
    """The cumulative incidence of one cause among competing ones.

    Attributes
    ----------
    cause : str
    times : numpy.ndarray
        Distinct exit times.
    n_risk, n_events : numpy.ndarray of int
        At risk just before, and events of this cause at, each time.
    incidence, std_error, conf_low, conf_high : numpy.ndarray
        Just after each time; no interval is defined where the incidence is 0 or 1.
    naive : numpy.ndarray
        One less the Kaplan-Meier curve that takes other causes for censoring: too high, shown to be compared.
    table : LifeTable
        The counts behind it.
    n, events, n_missing : int
    method, provenance : str
    """

    cause: str
    times: np.ndarray
    n_risk: np.ndarray
    n_events: np.ndarray
    incidence: np.ndarray
    std_error: np.ndarray
    conf_low: np.ndarray
    conf_high: np.ndarray
    naive: np.ndarray
    confidence_level: float
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
                "term": self.cause,
                "time": self.times,
                "n_risk": self.n_risk,
                "n_events": self.n_events,
                "estimate": self.incidence,
                "std_error": self.std_error,
                "conf_low": self.conf_low,
                "conf_high": self.conf_high,
                "naive": self.naive,
            }
        ).assign(n=self.n, n_missing=self.n_missing, method=self.method)

    def at(self, times: Sequence[float]) -> pd.DataFrame:
        """Read the incidence at some times: columns and counts as `SurvivalCurve.at`, and `naive`."""
        columns = {
            "estimate": (self.incidence, 0.0),
            "std_error": (self.std_error, 0.0),
            "conf_low": (self.conf_low, NAN),
            "conf_high": (self.conf_high, NAN),
            "naive": (self.naive, 0.0),
        }
        return read_steps(self.table, times, self.n_events, columns)


def aalen_johansen(
    tally: Tally,
    *,
    time: str,
    cause: str,
    entry: str | float | None = None,
    confidence_level: float = 0.95,
    variance: Literal["delta", "aalen"] = "delta",
) -> dict[str, CumulativeIncidence]:
    """Estimate the cumulative incidence of each of several competing causes.

    Parameters
    ----------
    tally : Tally
        Patterns of the columns; patients who lack a value are left out and counted.
    time : str
        Exit time, not negative. Ties are taken as they are: nothing is jittered.
    cause : str
        A categorical whose first level is "censored", whatever it is called; each other level is a cause.
    entry : str or float, optional
        Delayed entry, as for `tallystats.survival.curves.kaplan_meier`.
    confidence_level : float
        Of the log-log interval.
    variance : {"delta", "aalen"}
        Which of two estimates of it, see Notes.

    Returns
    -------
    dict of str to CumulativeIncidence
        One a cause, in the order of the levels; empty, with a warning, when nobody is complete.

    Raises
    ------
    ValueError
        As `tallystats.survival.lifetable.life_table`; or when `cause` is not a categorical of two levels or more.

    Notes
    -----
    F_k(t) = sum S(s-) d_k / n, S the Kaplan-Meier curve of any event, so the incidences and S sum to one [1]_. Variance
    of Greenwood's type, by the delta method [2]_:
    sum (F(t) - F(s))^2 d / (n (n - d)) + sum S(s-)^2 (n - d_k) d_k / n^3 - 2 sum (F(t) - F(s)) S(s-) d_k / n^2.
    Without competing events it is Greenwood's. Aalen's, of variance = "aalen", is
    sum b_k (1 - (F(t) - F(s)) / S(s))^2 + sum b_l ((F(t) - F(s)) / S(s))^2, l the other causes as one and
    b_k = S(s-)^2 d_k (n - d_k) / (n^2 (n - 1)); it is a little larger where few are at risk [3]_. The interval is made on
    the scale of log(-log F), F itself and not 1 - F.

    R: ``survfit(Surv(time, cause) ~ 1, conf.type = "log-log")``, all of it; with delayed entry the variance is that of
    ``etm``, whereas survfit's is then an infinitesimal jackknife. ``cmprsk::cuminc`` has the same incidence and Aalen's
    variance, and no delayed entry. lifelines' AalenJohansenFitter jitters ties.

    References
    ----------
    .. [1] Aalen OO, Johansen S. An empirical transition matrix for non-homogeneous Markov chains based on censored
       observations. Scand J Stat 1978; 5: 141-150.
    .. [2] Marubini E, Valsecchi MG. Analysing survival data from clinical trials and observational studies. Wiley, 1995.
    .. [3] Aalen OO. Nonparametric estimation of partial transition probabilities in multiple decrement models. Ann Stat
       1978; 6: 534-545.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cause = pd.Categorical(["failed", "died", "alive", "died"], categories=["alive", "failed", "died"])
    >>> rows = pd.DataFrame({"days": [5.0, 8, 9, 12], "cause": cause})
    >>> found = aalen_johansen(Tally.from_rows(rows), time="days", cause="cause")
    >>> {name: curve.incidence.tolist() for name, curve in found.items()}
    {'failed': [0.25, 0.25, 0.25, 0.25], 'died': [0.0, 0.25, 0.25, 0.75]}
    """
    from scipy.stats import norm

    require_confidence_level(confidence_level)
    if variance not in ("delta", "aalen"):
        raise ValueError(f"variance: {variance!r}; expected delta or aalen")
    levels, causes = causes_of(tally, cause)
    table = life_table(tally, time=time, causes=causes, complete_on=[cause], entry=entry)
    warn_undefined(f"cumulative incidence of {cause}", None if table.n else "no patient has a time and a cause")
    n, every = table.n_risk, table.events.sum(axis=1)
    before = np.concatenate([[1.0], np.cumprod(1 - every / n)[:-1]]) if len(n) else np.ones(0)
    z = norm.isf((1 - confidence_level) / 2)
    estimate = _aalen if variance == "aalen" else _variance
    found = {}
    for k, level in enumerate(levels):
        d = table.events[:, k]
        incidence = np.minimum(np.cumsum(before * d / n), 1.0)
        sure = incidence > 1 - 1e-12  # where the sums of the variance cancel and leave rounding
        std_error = np.where(sure, 0.0, np.sqrt(estimate(incidence, before, d, every, n)))
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.exp(z * std_error / np.abs(incidence * np.log(incidence)))  # NaN or infinite at 0 and 1
            low, high = incidence**spread, incidence ** (1 / spread)
        certain = sure | (incidence == 0)
        found[level] = CumulativeIncidence(
            cause=level,
            times=table.times,
            n_risk=n,
            n_events=d,
            incidence=incidence,
            std_error=std_error,
            conf_low=np.where(certain, NAN, low),
            conf_high=np.where(certain, NAN, high),
            naive=1 - np.cumprod(1 - d / n),
            confidence_level=confidence_level,
            table=table,
            n=table.n,
            events=int(d.sum()),
            n_missing=table.n_missing,
            method=f"Aalen-Johansen, {NAMES[variance]} variance, log-log interval",
            provenance=tally.provenance,
        )
    return found


def causes_of(tally: Tally, cause: str) -> tuple[list[str], list[np.ndarray]]:
    """Return the causes, which are the levels of a categorical but its first, and which patterns have each.

    Raises
    ------
    ValueError
        When the column is not there or not a categorical of two levels or more.
    """
    if cause not in tally.columns:
        raise ValueError(f"cause: {cause!r} is not in the tally; expected one of {', '.join(tally.columns)}")
    column = tally.frame[cause]
    if not isinstance(column.dtype, pd.CategoricalDtype) or len(column.cat.categories) < 2:
        raise ValueError(f"cause: {cause!r} is of type {column.dtype}; expected a categorical, its first level censored")
    levels = column.cat.categories.tolist()[1:]
    return levels, [(column == level).to_numpy() for level in levels]


def _variance(incidence: np.ndarray, before: np.ndarray, d: np.ndarray, every: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return the delta-method variance at each time, by running sums of the powers of F(s)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        a = np.where((every > 0) & (n > every), every / (n * (n - every)), 0.0)
    b = before**2 * (n - d) * d / n**3
    c = before * d / n**2
    f = incidence
    return np.maximum(
        f**2 * np.cumsum(a)
        - 2 * f * np.cumsum(a * f)
        + np.cumsum(a * f**2)
        + np.cumsum(b)
        - 2 * (f * np.cumsum(c) - np.cumsum(c * f)),
        0.0,
    )


def _aalen(incidence: np.ndarray, before: np.ndarray, d: np.ndarray, every: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Return Aalen's variance at each time, by running sums of the powers of F(s)."""

    def of(events: np.ndarray) -> np.ndarray:
        return before**2 * events * (n - events) / (n**2 * np.maximum(n - 1, 1))

    with np.errstate(divide="ignore", invalid="ignore"):
        free = np.where((n > every) & (before > 0), n / (before * (n - every)), 0.0)  # 1 / S(s)
    # Of the cause: (1 - (F(t) - F(s)) / S(s))^2; of another: ((F(t) - F(s)) / S(s))^2, nothing where nobody is left.
    own, other = np.where(n == 1, before**2 * d, of(d)), of(every - d)
    one, square, f = own * free, (own + other) * free**2, incidence
    return np.maximum(
        np.cumsum(own)
        - 2 * (f * np.cumsum(one) - np.cumsum(one * f))
        + f**2 * np.cumsum(square)
        - 2 * f * np.cumsum(square * f)
        + np.cumsum(square * f**2),
        0.0,
    )
