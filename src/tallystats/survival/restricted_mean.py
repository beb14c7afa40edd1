"""Restricted mean survival time: the area under a Kaplan-Meier curve up to a time, and its difference between groups."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from tallystats.results import NAN, OneRow, Result, require_confidence_level, result, warn_undefined
from tallystats.statistics.counts import split
from tallystats.survival.lifetable import LifeTable, event_table
from tallystats.tally import Tally

#: Why there is an area but no interval: nobody has the event, or everybody at risk has it at once.
NO_SPREAD = "the curve's variance is estimated as 0"


@result
class RestrictedMean(OneRow):
    """A restricted mean survival time.

    Attributes
    ----------
    group : Any
        The group it is of; None for everybody.
    tau : float
        The time up to which survival counts.
    estimate, std_error, conf_low, conf_high : float
        In the unit of time. NaN where undefined: see `reason`.
    lost : float
        Restricted mean time lost: tau less the estimate.
    n, events, n_missing : int
        `events` are those up to tau.
    reason : str or None
        Why the mean, or its interval, is undefined.
    method, provenance : str
    """

    group: Any
    tau: float
    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    lost: float
    confidence_level: float
    n: int
    events: int
    n_missing: int
    reason: str | None
    method: str
    provenance: str


def restricted_mean(
    tally: Tally,
    *,
    time: str,
    event: str,
    tau: float | None = None,
    entry: str | float | None = None,
    confidence_level: float = 0.95,
    group: Any = None,
) -> RestrictedMean:
    """Estimate the mean survival time up to a time tau.

    Parameters
    ----------
    tally, time, event, entry
        As for `tallystats.survival.curves.kaplan_meier`.
    tau : float, optional
        Above 0. Default: the last exit, which depends on the data; better a time that was planned.
    confidence_level : float
    group : Any
        Says whom the mean is of.

    Returns
    -------
    RestrictedMean
        NaN with a reason, and a warning, where the curve is not known up to tau. Where its variance is estimated as 0 (nobody
        has the event, or all at risk have it at once), that is the standard error, and no interval is given.

    Raises
    ------
    ValueError
        As `tallystats.survival.curves.kaplan_meier`, or when tau is not above 0.

    Notes
    -----
    The area under the Kaplan-Meier curve from 0 to tau; variance sum A^2 d / (n (n - d)) over the events up to tau, A the
    area from the event to tau [1]_. The interval is on the scale of time, kept between 0 and tau. With delayed entry the
    curve starts at 1 from time 0. R: ``print(survfit(Surv(time, event) ~ 1), rmean = tau)``, which goes on with the
    last value where the curve is not known up to tau; ``survRM2::rmst2``.

    References
    ----------
    .. [1] Royston P, Parmar MKB. Restricted mean survival time: an alternative to the hazard ratio for the design and
       analysis of randomized trials with a time-to-event outcome. BMC Med Res Methodol 2013; 13: 152.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"days": [5.0, 8, 8, 12, 20], "died": [True, True, False, True, False]})
    >>> mean = restricted_mean(Tally.from_rows(rows), time="days", event="died", tau=15)
    >>> round(mean.estimate, 4), round(mean.std_error, 4), round(mean.lost, 4)
    (10.7, 1.7138, 4.3)
    """
    require_confidence_level(confidence_level)
    _require_tau(tau)
    table = event_table(tally, time, event, entry)
    if tau is None:
        tau = float(table.times[-1]) if table.n else NAN
    mean = _mean(table, tau, confidence_level, group, tally.provenance)
    warn_undefined(f"restricted mean of {time}", mean.reason)
    return mean


def _require_tau(tau: float | None) -> None:
    if tau is not None and not (tau > 0 and math.isfinite(tau)):
        raise ValueError(f"tau: {tau!r}; expected a time above 0")


def _mean(table: LifeTable, tau: float, confidence_level: float, group: Any, provenance: str) -> RestrictedMean:
    from scipy.stats import norm

    estimate = error = low = high = NAN
    had = table.times <= tau
    times, n, d = table.times[had], table.n_risk[had], table.events[had, 0]
    if not table.n:
        reason = "no patient has a time and an event"
    elif not tau > 0:
        reason = "nobody is followed beyond 0"
    elif tau > table.times[-1] and not table.exhausted:
        reason = f"nobody is followed to {tau:g}; the last exit is at {table.times[-1]:g}"
    else:
        survival = np.cumprod(1 - d / n)
        areas = np.diff(np.concatenate([[0.0], times, [tau]])) * np.concatenate([[1.0], survival])
        estimate = float(areas.sum())
        later = areas[1:][::-1].cumsum()[::-1]
        left = (d > 0) & (n > d)
        error = float(np.sqrt((later[left] ** 2 * d[left] / (n[left] * (n[left] - d[left]))).sum()))
        reason = None if error > 0 else NO_SPREAD
        if not reason:
            z = norm.isf((1 - confidence_level) / 2)
            low, high = max(estimate - z * error, 0.0), min(estimate + z * error, tau)
    return RestrictedMean(
        group=group,
        tau=tau,
        estimate=estimate,
        std_error=error,
        conf_low=low,
        conf_high=high,
        lost=tau - estimate,
        confidence_level=confidence_level,
        n=table.n,
        events=int(d.sum()),
        n_missing=table.n_missing,
        reason=reason,
        method="restricted mean survival time, Wald interval",
        provenance=provenance,
    )


@result
class RestrictedMeanDifference(Result):
    """Restricted mean survival times of groups, each compared with the first.

    Attributes
    ----------
    by : str
    means : tuple of RestrictedMean
        Of each level that anybody has, in their order; all up to the same tau.
    estimates, std_errors, statistics, p_values, conf_low, conf_high : tuple of float
        Each other group's mean less that of the first, Wald's z and P, and interval.
    ratios, ratio_low, ratio_high : tuple of float
        Each other group's mean over that of the first; interval on the log scale.
    statistic, p_value : float
        Chi-square of all groups alike, and its P.
    df : int
    n_missing : int
    reason : str or None
        Why the joint test is undefined.
    method, provenance : str
    """

    by: str
    tau: float
    means: tuple[RestrictedMean, ...]
    estimates: tuple[float, ...]
    std_errors: tuple[float, ...]
    statistics: tuple[float, ...]
    p_values: tuple[float, ...]
    conf_low: tuple[float, ...]
    conf_high: tuple[float, ...]
    ratios: tuple[float, ...]
    ratio_low: tuple[float, ...]
    ratio_high: tuple[float, ...]
    statistic: float
    df: int
    p_value: float
    confidence_level: float
    n_missing: int
    reason: str | None
    method: str
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a comparison with the first group, in the tidy vocabulary, with the ratio."""
        return pd.DataFrame(
            {
                "term": [f"{self.by}: {mean.group}" for mean in self.means[1:]],
                "estimate": self.estimates,
                "std_error": self.std_errors,
                "statistic": self.statistics,
                "p_value": self.p_values,
                "conf_low": self.conf_low,
                "conf_high": self.conf_high,
                "ratio": self.ratios,
                "ratio_low": self.ratio_low,
                "ratio_high": self.ratio_high,
                "n": [self.means[0].n + mean.n for mean in self.means[1:]],
            }
        ).assign(tau=self.tau, method=self.method)


def restricted_mean_difference(
    tally: Tally,
    *,
    time: str,
    event: str,
    by: str,
    tau: float | None = None,
    entry: str | float | None = None,
    confidence_level: float = 0.95,
) -> RestrictedMeanDifference:
    """Compare restricted mean survival times between groups.

    Parameters
    ----------
    tally, time, event, entry, confidence_level
        As for `restricted_mean`. Patients who lack any column named are left out and counted.
    by : str
        The groups: boolean or categorical; empty levels do not count. The first that anybody has is the reference.
    tau : float, optional
        Above 0. Default: the earliest of the groups' last exits, which depends on the data.

    Returns
    -------
    RestrictedMeanDifference
        NaN with a reason, and a warning, when fewer than two groups are there; a comparison is NaN where a mean is not known,
        or a variance is estimated as 0.

    Raises
    ------
    ValueError
        As `restricted_mean`, or when `by` is not in the tally.

    Notes
    -----
    Difference with the sum of both variances, ratio by the delta method on the log scale: those of ``survRM2::rmst2``
    [1]_. Unlike the hazard ratio it needs no proportional hazards. The test of all groups is Wald's, with one degree of
    freedom fewer than groups.

    References
    ----------
    .. [1] Uno H, Claggett B, Tian L, et al. Moving beyond the hazard ratio in quantifying the between-group difference in
       survival analysis. J Clin Oncol 2014; 32: 2380-2385.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"days": [5.0, 8, 12, 20, 3, 4, 9, 10], "died": [True] * 3 + [False] + [True] * 4,
    ...                      "cement": [False] * 4 + [True] * 4})
    >>> found = restricted_mean_difference(Tally.from_rows(rows), time="days", event="died", by="cement", tau=10)
    >>> [mean.estimate for mean in found.means], found.estimates, round(found.p_values[0], 4)
    ([8.25, 6.5], (-1.75,), 0.3397)
    """
    from scipy.stats import chi2, norm

    require_confidence_level(confidence_level)
    _require_tau(tau)
    event_table(tally, time, event, entry)  # refuses columns and times that cannot be
    known = [time, event, *([entry] if isinstance(entry, str) else [])]
    parts = {level: part.complete(known) for level, part in split(tally, by).items()}
    tables = {level: event_table(part, time, event, entry) for level, part in parts.items() if part.total}
    if tau is None:
        tau = float(min((table.times[-1] for table in tables.values()), default=NAN))
    means = tuple(_mean(table, tau, confidence_level, level, tally.provenance) for level, table in tables.items())
    area = np.array([mean.estimate for mean in means])
    variance = np.array([NAN if mean.reason else mean.std_error**2 for mean in means])
    difference, covariance = area[1:] - area[:1], np.diag(variance[1:]) + variance[:1]
    error, z = np.sqrt(np.diag(covariance)), norm.isf((1 - confidence_level) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):  # a mean of 0, whose variance is not known either
        ratio = area[1:] / area[:1]
        factor = np.exp(z * np.sqrt(variance[1:] / area[1:] ** 2 + variance[:1] / area[:1] ** 2))
    statistic = p_value = NAN
    reason = "fewer than two groups" if len(means) < 2 else None
    reason = reason or next((f"{mean.group}: {mean.reason}" for mean in means if mean.reason), None)
    if not reason:
        statistic = float(difference @ np.linalg.solve(covariance, difference))
        p_value = float(chi2.sf(statistic, len(difference)))
    warn_undefined(f"restricted mean of {time} by {by}", reason)
    columns = {
        "estimates": difference,
        "std_errors": error,
        "statistics": difference / error,
        "p_values": 2 * norm.sf(np.abs(difference / error)),
        "conf_low": difference - z * error,
        "conf_high": difference + z * error,
        "ratios": ratio,
        "ratio_low": ratio / factor,
        "ratio_high": ratio * factor,
    }
    return RestrictedMeanDifference(
        by=by,
        tau=tau,
        means=means,
        **{name: tuple(values.tolist()) for name, values in columns.items()},
        statistic=statistic,
        df=max(len(means) - 1, 0),
        p_value=p_value,
        confidence_level=confidence_level,
        n_missing=tally.total - sum(mean.n for mean in means),
        reason=reason,
        method="difference of restricted mean survival times, Wald",
        provenance=tally.provenance,
    )
