"""Log-rank tests of survival between groups, weighted, stratified and for trend, from counts of (entry, exit, event)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from tallystats.results import NAN, Result, result, warn_undefined
from tallystats.statistics.counts import coded
from tallystats.survival.lifetable import LifeTable, event_table
from tallystats.tally import Tally
from tallystats.tolerance import APART as LEAST

Weight = Literal["log-rank", "gehan", "tarone-ware", "peto-peto", "fleming-harrington"]
#: What each weight is called.
NAMES = {
    "log-rank": "log-rank",
    "gehan": "Gehan-Breslow",
    "tarone-ware": "Tarone-Ware",
    "peto-peto": "Peto-Peto",
    "fleming-harrington": "Fleming-Harrington",
}
#: Why a test of groups that do not meet is undefined.
APART = "a group is never at risk beside another when the event comes"
WEIGHTLESS = "the weight is 0 whenever the event comes"


@result
class LogRank(Result):
    """A log-rank test.

    Attributes
    ----------
    by : str
    groups : tuple
        The levels that anybody has, in their order.
    n, observed : tuple of int
        Patients and events of each group.
    expected : tuple of float
        Events of each group if survival were the same in all.
    excess : tuple of float
        Observed less expected, each event weighted as the test does: what it compares.
    statistic, p_value : float
        Chi-square and its P; NaN when undefined.
    df : int
    n_missing : int
    reason : str or None
        Why the test is undefined.
    method, provenance : str
    """

    by: str
    groups: tuple[Any, ...]
    n: tuple[int, ...]
    observed: tuple[int, ...]
    expected: tuple[float, ...]
    excess: tuple[float, ...]
    statistic: float
    df: int
    p_value: float
    n_missing: int
    reason: str | None
    method: str
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a group: `group, n, observed, expected, excess`, and the test."""
        columns = ("n", "observed", "expected", "excess")
        frame = pd.DataFrame({"group": self.groups, **{name: getattr(self, name) for name in columns}})
        return frame.assign(term=self.by, statistic=self.statistic, df=self.df, p_value=self.p_value, method=self.method)


def log_rank(
    tally: Tally,
    *,
    time: str,
    event: str,
    by: str,
    entry: str | float | None = None,
    strata: str | Sequence[str] = (),
    weight: Weight = "log-rank",
    rho: float = 0.0,
    gamma: float = 0.0,
) -> LogRank:
    """Compare survival between groups by the log-rank test or a weighted one.

    Parameters
    ----------
    tally, time, event, entry
        As for `tallystats.survival.curves.kaplan_meier`. Patients who lack any column named are left out and counted.
    by : str
        The groups: boolean or categorical; empty levels do not count.
    strata : str or sequence of str
        Columns within whose patterns the groups are compared; the differences add up.
    weight : {"log-rank", "gehan", "tarone-ware", "peto-peto", "fleming-harrington"}
        What an event counts for. To be chosen before the data are seen.
    rho, gamma : float
        Of Fleming and Harrington's weight, 0 or more; with both 0 it is the log-rank test.

    Returns
    -------
    LogRank
        NaN with a reason, and a warning, when fewer than two groups are there, nobody has the event, or no two groups are
        at risk together when it comes with a weight that is not 0.

    Raises
    ------
    ValueError
        As `tallystats.survival.curves.kaplan_meier`; when a column of the groups or strata is not there; for an unknown
        weight, or `rho` or `gamma` negative or with another weight.

    Notes
    -----
    Mantel's test [1]_: observed less expected events, with the hypergeometric variance at each event time. A group that
    is not at risk at any event expects none and takes no degree of freedom. Weights, of n at risk in all groups of a
    stratum together: n (Gehan and Breslow; early events count more), sqrt(n) (Tarone and Ware), prod(1 - d/(n + 1)) up to
    and at the event (Peto and Peto, which censoring moves less), S(t-)^rho (1 - S(t-))^gamma with the Kaplan-Meier curve
    just before (Fleming and Harrington; gamma > rho: late events count more) [2]_.

    R: ``survdiff(Surv(time, event) ~ by + strata(strata))``, which has no delayed entry; there the score test of
    ``coxph(ties = "exact")`` is the same. ``survdiff(rho = 1)`` is Fleming and Harrington's with rho 1, which its help
    calls Peto and Peto's; all weights are in ``survMisc::comp``. Where no two groups are at risk together R prints a
    chi-square of 0 and P = 1, which would pass for a finding; here it is undefined. SPSS: KM /TEST LOGRANK BRESLOW TARONE
    /STRATA.

    References
    ----------
    .. [1] Mantel N. Evaluation of survival data and two new rank order statistics arising in its consideration. Cancer
       Chemother Rep 1966; 50: 163-170.
    .. [2] Klein JP, Moeschberger ML. Survival analysis: techniques for censored and truncated data. 2nd ed. Springer, 2003:
       chapter 7.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"days": [5.0, 8, 12, 20, 3, 4, 9, 10], "died": [True] * 3 + [False] + [True] * 4,
    ...                      "cement": [False] * 4 + [True] * 4})
    >>> test = log_rank(Tally.from_rows(rows), time="days", event="died", by="cement")
    >>> round(test.statistic, 4), round(test.p_value, 4)
    (1.5842, 0.2082)
    >>> round(log_rank(Tally.from_rows(rows), time="days", event="died", by="cement", weight="gehan").p_value, 4)
    0.2482
    """
    found = _compare(tally, time, event, by, entry, strata, weight, rho, gamma)
    groups, kept, variance = found["groups"], found.pop("kept"), found.pop("variance")
    but_one = np.eye(len(groups))[kept[1:]]
    return _tested(found, but_one, variance, _reason(groups, found["observed"], kept), f"{time} by {by}")


def trend_log_rank(
    tally: Tally,
    *,
    time: str,
    event: str,
    by: str,
    scores: Mapping[Any, float] | None = None,
    entry: str | float | None = None,
    strata: str | Sequence[str] = (),
    weight: Weight = "log-rank",
    rho: float = 0.0,
    gamma: float = 0.0,
) -> LogRank:
    """Test whether survival falls or rises along ordered groups, with one degree of freedom.

    Parameters
    ----------
    tally, time, event, by, entry, strata, weight, rho, gamma
        As for `log_rank`; the levels of `by` in their order.
    scores : mapping of level to number, optional
        Where each group stands. Default: 1, 2, 3, ... for those that anybody has.

    Returns
    -------
    LogRank
        With `df` 1. NaN with a reason, and a warning, as `log_rank`, or when all scores are equal.

    Raises
    ------
    ValueError
        As `log_rank`; or when a level has no score, or one that is not finite.

    Notes
    -----
    (sum a U)^2 / a' V a: U the weighted excesses of `log_rank`, V their covariance, a the scores [1]_; the sign of sum a U
    says the direction. R: ``survMisc::comp``, "tft". SPSS: KM /TREND.

    References
    ----------
    .. [1] Tarone RE. Tests for trend in life table analysis. Biometrika 1975; 62: 679-682.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"days": [9.0, 8, 12, 20, 7, 6, 3, 4, 5], "died": True, "stage": list("aaabbbccc")})
    >>> test = trend_log_rank(Tally.from_rows(rows), time="days", event="died", by="stage")
    >>> round(test.statistic, 4), test.df, round(test.p_value, 4)
    (4.0291, 1, 0.0447)
    """
    found = _compare(tally, time, event, by, entry, strata, weight, rho, gamma)
    groups, kept, variance = found["groups"], found.pop("kept"), found.pop("variance")
    if scores is None:
        scores = dict(zip(groups, range(1, len(groups) + 1), strict=True))
    if wrong := [level for level in groups if not math.isfinite(scores.get(level, NAN))]:
        raise ValueError(f"scores: {scores.get(wrong[0])!r} for {wrong[0]!r}; expected a number for each level of {by!r}")
    along = np.array([scores[level] for level in groups], float)
    reason = _reason(groups, found["observed"], kept)
    if not reason and np.ptp(along[kept]) == 0:
        reason = "the groups have equal scores"
    along -= along.sum() / max(len(along), 1)  # the excesses add up to 0: an origin is free, and this one keeps digits
    found["method"] += f", trend by scores {', '.join(f'{scores[level]:g}' for level in groups)}"
    return _tested(found, along[None], variance, reason, f"{time} by {by}")


def _reason(groups: Sequence[Any], observed: Sequence[int], kept: np.ndarray) -> str | None:
    if len(groups) < 2:
        return "fewer than two groups"
    if not sum(observed):
        return "nobody has the event"
    return None if len(kept) > 1 else APART


def _tested(found: dict[str, Any], contrasts: np.ndarray, variance: np.ndarray, reason: str | None, what: str) -> LogRank:
    """Finish a test that some sums of the groups' excesses are 0; each row of `contrasts` makes one."""
    from scipy.stats import chi2

    if reason == APART and sum(expected > 0 for expected in found["expected"]) > 1 and not variance.any():
        reason = WEIGHTLESS
    excess, covariance = contrasts @ np.array(found["excess"]), contrasts @ variance @ contrasts.T
    size = np.sqrt(contrasts**2 @ np.diag(variance))
    if not reason and not (size.all() and np.linalg.eigvalsh(covariance / np.outer(size, size))[0] > LEAST):
        reason = APART
    statistic = NAN if reason else float(excess @ np.linalg.solve(covariance, excess))
    p_value = NAN if reason else float(chi2.sf(statistic, len(excess)))
    warn_undefined(f"{found['method'].split(',')[0]} of {what}", reason, depth=2)
    return LogRank(**found, statistic=statistic, df=len(excess), p_value=p_value, reason=reason)


def _compare(
    tally: Tally,
    time: str,
    event: str,
    by: str,
    entry: str | float | None,
    strata: str | Sequence[str],
    weight: str,
    rho: float,
    gamma: float,
) -> dict[str, Any]:
    """Return a test's fields but for its outcome; `kept`, which groups are compared; and the excesses' covariance."""
    if weight not in NAMES:
        raise ValueError(f"weight: {weight!r}; expected {', '.join(NAMES)}")
    for argument, power in (("rho", rho), ("gamma", gamma)):
        if not (power >= 0 and math.isfinite(power)):
            raise ValueError(f"{argument}: {power!r}; expected 0 or more")
        if power and weight != "fleming-harrington":
            raise ValueError(f"{argument}: {power!r} with weight {weight!r}; expected weight 'fleming-harrington'")
    strata = [strata] if isinstance(strata, str) else list(strata)
    event_table(tally, time, event, entry)  # refuses columns and times that cannot be
    for argument, name in [("by", by), *(("strata", name) for name in strata)]:
        coded(tally, name, argument)
    complete = tally.complete([time, event, by, *strata, *([entry] if isinstance(entry, str) else [])])
    levels, codes = coded(complete, by, "by")
    used = np.unique(codes)
    stratum = np.zeros(len(codes), int)
    if strata:
        stratum = complete.frame.groupby(strata, observed=True).ngroup().to_numpy()
    observed, expected, excess, size = (np.zeros(len(used)) for _ in range(4))
    variance = np.zeros((len(used), len(used)))
    for s in np.unique(stratum):
        parts = [type(tally)(complete.frame[(stratum == s) & (codes == g)]) for g in used]
        sums = _excess([event_table(p, time, event, entry) for p in parts], weight, rho, gamma)
        for total, part in zip((observed, expected, excess, size, variance), sums, strict=True):
            total += part
    n = complete.frame["n"].to_numpy()
    name = NAMES[weight] + (f" (rho {rho:g}; gamma {gamma:g})" if weight == "fleming-harrington" else "")
    return {
        "by": by,
        "groups": tuple(levels[g] for g in used),
        "n": tuple(int(n[codes == g].sum()) for g in used),
        "observed": tuple(observed.astype(int).tolist()),
        "expected": tuple(expected.tolist()),
        "excess": tuple(excess.tolist()),
        "n_missing": tally.total - complete.total,
        "method": f"{name}, stratified by {', '.join(strata)}" if strata else name,
        "provenance": tally.provenance,
        "kept": np.flatnonzero(size > 0),
        "variance": variance,
    }


def _excess(tables: Sequence[LifeTable], weight: str, rho: float, gamma: float) -> tuple[np.ndarray, ...]:
    """Return observed, expected, weighted excess and weighted expected events of each group, and the covariance."""
    whole = np.unique(np.concatenate([table.times[table.events[:, 0] > 0] for table in tables]))
    at_risk = np.array([table.at_risk(whole) for table in tables], float)
    events = np.zeros_like(at_risk)
    for g, table in enumerate(tables):
        had = table.events[:, 0] > 0
        events[g, np.searchsorted(whole, table.times[had])] = table.events[had, 0]
    n, d = at_risk.sum(axis=0), events.sum(axis=0)
    w = _weights(n, d, weight, rho, gamma)
    each = np.divide(w**2 * d * (n - d), n**2 * (n - 1), out=np.zeros_like(d), where=n > 1)
    covariance = -(at_risk * each) @ at_risk.T
    # Of a group alone exactly 0, which a difference of two sums is up to rounding only.
    covariance[np.diag_indices_from(covariance)] = (at_risk * (n - at_risk) * each).sum(axis=1)
    expected = at_risk * d / n
    return events.sum(axis=1), expected.sum(axis=1), (events - expected) @ w, expected @ w, covariance


def _weights(n: np.ndarray, d: np.ndarray, weight: str, rho: float, gamma: float) -> np.ndarray:
    """Return what an event counts for at each time."""
    if weight == "gehan":
        return n
    if weight == "tarone-ware":
        return np.sqrt(n)
    if weight == "peto-peto":
        return np.cumprod(1 - d / (n + 1))
    if weight == "fleming-harrington":
        before = np.concatenate([[1.0], np.cumprod(1 - d / n)])[: len(n)]
        return before**rho * (1 - before) ** gamma
    return np.ones_like(n)
