"""Gray's test of cumulative incidence between groups, where another event forestalls the one of interest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tallystats.results import NAN, Result, result, warn_undefined
from tallystats.statistics.counts import coded
from tallystats.survival.competing import causes_of
from tallystats.survival.lifetable import LifeTable, life_table
from tallystats.survival.logrank import APART
from tallystats.tally import Tally

#: Why a test is undefined although its groups meet.
EXHAUSTED = "the incidence of all groups together comes to 1 while some are still compared"


@result
class GrayTest(Result):
    """Gray's test for one cause.

    Attributes
    ----------
    cause, by : str
    groups : tuple
        The levels that anybody has, in their order.
    n, observed : tuple of int
        Patients, and events of the cause, of each group.
    excess : tuple of float
        Weighted events of the cause less those expected of equal incidence: what is compared.
    statistic, p_value : float
        Chi-square and its P; NaN when undefined.
    df : int
    n_missing : int
    reason : str or None
        Why the test is undefined.
    method, provenance : str
    """

    cause: str
    by: str
    groups: tuple[Any, ...]
    n: tuple[int, ...]
    observed: tuple[int, ...]
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
        """One row a group: `group, n, observed, excess`, and the test."""
        frame = pd.DataFrame({"group": self.groups, **{name: getattr(self, name) for name in ("n", "observed", "excess")}})
        return frame.assign(
            term=self.by, cause=self.cause, statistic=self.statistic, df=self.df, p_value=self.p_value, method=self.method
        )


def gray_test(
    tally: Tally, *, time: str, cause: str, by: str, strata: str | Sequence[str] = (), rho: float = 0.0
) -> dict[str, GrayTest]:
    """Compare the cumulative incidence of each of several competing causes between groups.

    Parameters
    ----------
    tally, time, cause
        As for `tallystats.survival.competing.aalen_johansen`. Patients who lack any column named are left out and counted.
    by : str
        The groups: boolean or categorical; empty levels do not count.
    strata : str or sequence of str
        Columns within whose patterns the groups are compared; the differences add up.
    rho : float
        Weight (1 - F)^rho of the incidence of all groups together; above 0, early events count more.

    Returns
    -------
    dict of str to GrayTest
        One a cause, in the order of the levels. NaN with a reason, and a warning, when fewer than two groups are there,
        nobody has the cause, no two groups are at risk together when it comes, or the estimated incidence of all together
        comes to 1 before.

    Raises
    ------
    ValueError
        As `tallystats.survival.competing.aalen_johansen`; when a column of the groups or strata is not there; when `rho` is not
        finite.

    Notes
    -----
    A log-rank test on the hazard of the subdistribution [1]_: who had another cause stays at risk, as far as censoring
    would have let them, so that n patients at risk count for n (1 - F(t-)) / S(t-), F the group's incidence and S its
    Kaplan-Meier curve of any event. Unlike a log-rank test of the cause, which compares its hazard among those still free
    of any, it compares what the curves of incidence show. A group counts until its last patient has left. There is no
    delayed entry here: the variance supposes that all are at risk from the start.

    R: ``cmprsk::cuminc(time, cause, by, strata, rho)$Tests``; where no two groups are at risk together it gives -1 or too
    many degrees of freedom, and it stops with an error where the incidence comes to 1 before the last event.

    References
    ----------
    .. [1] Gray RJ. A class of K-sample tests for comparing the cumulative incidence of a competing risk. Ann Stat 1988;
       16: 1141-1154.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cause = pd.Categorical(["failed", "died", "alive", "failed"] * 3, categories=["alive", "failed", "died"])
    >>> rows = pd.DataFrame({"days": [5.0, 8, 9, 12, 2, 3, 15, 16, 18, 4, 20, 7], "cause": cause, "cement": [False, True] * 6})
    >>> test = gray_test(Tally.from_rows(rows), time="days", cause="cause", by="cement")["failed"]
    >>> round(test.statistic, 4), round(test.p_value, 4)
    (0.0031, 0.9556)
    """
    from scipy.stats import chi2

    if not math.isfinite(rho):
        raise ValueError(f"rho: {rho!r}; expected a finite number")
    strata = [strata] if isinstance(strata, str) else list(strata)
    levels, causes = causes_of(tally, cause)
    life_table(tally, time=time, causes=causes, complete_on=[cause])  # refuses times that cannot be
    for argument, name in [("by", by), *(("strata", name) for name in strata)]:
        coded(tally, name, argument)
    complete = tally.complete([time, cause, by, *strata])
    groups, codes = coded(complete, by, "by")
    used = np.unique(codes)
    stratum = np.zeros(len(codes), int)
    if strata:
        stratum = complete.frame.groupby(strata, observed=True).ngroup().to_numpy()
    tables: list[list[LifeTable]] = []
    for s in np.unique(stratum):
        parts = [type(tally)(complete.frame[(stratum == s) & (codes == g)]) for g in used]
        tables.append([life_table(p, time=time, causes=causes_of(p, cause)[1], complete_on=[cause]) for p in parts])
    n = complete.frame["n"].to_numpy()
    found = {}
    for k, level in enumerate(levels):
        sums = [_compare(within, k, rho) for within in tables]
        observed, excess, variance = (sum(part[i] for part in sums) for i in range(3)) if sums else (np.zeros(0),) * 3
        kept = np.flatnonzero(np.diag(variance) > 0) if sums else used[:0]
        chosen, covariance = excess[kept[1:]], variance[np.ix_(kept[1:], kept[1:])] if sums else variance
        statistic, p_value, reason = NAN, NAN, None
        if len(used) < 2:
            reason = "fewer than two groups"
        elif not observed.sum():
            reason = "nobody has the event"
        elif np.isnan(variance).any():
            reason = EXHAUSTED
        elif len(kept) < 2 or np.linalg.matrix_rank(covariance) < len(chosen):
            reason = APART
        else:
            statistic = float(chosen @ np.linalg.solve(covariance, chosen))
            p_value = float(chi2.sf(statistic, len(chosen)))
        warn_undefined(f"Gray's test of {level} by {by}", reason)
        method = "Gray" + (f" (rho {rho:g})" if rho else "") + (f", stratified by {', '.join(strata)}" if strata else "")
        found[level] = GrayTest(
            cause=level,
            by=by,
            groups=tuple(groups[g] for g in used),
            n=tuple(int(n[codes == g].sum()) for g in used),
            observed=tuple(np.asarray(observed, int).tolist()),
            excess=tuple(excess.tolist()),
            statistic=statistic,
            df=max(len(kept) - 1, 0),
            p_value=p_value,
            n_missing=tally.total - complete.total,
            reason=reason,
            method=method,
            provenance=tally.provenance,
        )
    return found


def _compare(tables: Sequence[LifeTable], k: int, rho: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return events of cause k and their weighted excess in each group, and the excesses' covariance."""
    whole = np.unique(np.concatenate([table.times[table.events.any(axis=1)] for table in tables]))
    n = np.array([table.at_risk(whole) for table in tables], float)  # groups x times, as all that follow
    d, other = np.zeros_like(n), np.zeros_like(n)
    for g, table in enumerate(tables):
        had = table.events.any(axis=1)
        at = np.searchsorted(whole, table.times[had])
        d[g, at] = table.events[had, k]
        other[g, at] = table.events[had].sum(axis=1) - d[g, at]
    there = n > 0
    patients = np.maximum(n, 1)
    after = np.cumprod(1 - (d + other) / patients, axis=1)  # event-free in each group, and just before:
    before = np.hstack([np.ones((len(n), 1)), after])[:, :-1]
    incidence_before = _shifted(np.cumsum(before * d / patients, axis=1))
    # Patients as they were at the start, less those censored: the group's risk set of the subdistribution is of this
    # size times what is left of its incidence.
    size = np.divide(n, before, out=np.zeros_like(n), where=there)
    total, cases = size.sum(axis=0), d.sum(axis=0)
    pooled = np.cumsum(cases / total)
    pooled_before = _shifted(pooled[None])[0]
    # Where one group is left nothing is compared, and rounding or division by 0 must not say otherwise.
    compared = (there.sum(axis=0) > 1) & (cases > 0)
    exhausted = (pooled_before[compared] > 1 - 1e-12).any()
    left_before = np.where(compared & ~exhausted, 1 - pooled_before, 1.0)
    weight = np.where(compared, left_before**rho, 0.0)
    at_risk = size * (1 - incidence_before)
    excess = (d - at_risk * np.divide(cases, at_risk.sum(axis=0), out=np.zeros_like(total), where=cases > 0)) @ weight

    # What an event in group j adds to the excess of group i: at once, and by its part in the incidences later on.
    at_once = weight * (np.eye(len(n))[:, :, None] * size - size[:, None] * size / total)
    step = cases / (total * left_before)
    later = np.cumsum(at_once * step, axis=2)
    later = later[:, :, -1:] - later
    left = np.divide(1 - pooled, after, out=np.zeros_like(n), where=after > 0)
    ties = np.divide(cases - 1, total * before - 1, out=np.zeros_like(n), where=there & (cases > 1))
    own = np.where(there, (1 - ties) * before * cases / (total * patients), 0.0)
    ties = np.divide(other - 1, n - 1, out=np.zeros_like(n), where=other > 1)
    others = np.where(after > 0, (1 - ties) * before**2 * other / patients**2, 0.0)
    by_own, by_others = at_once + (1 - left) * later, left * later
    parts = ((by_own, own), (by_others, others))
    covariance = sum(np.einsum("ikt,jkt,kt->ij", added, added, variance) for added, variance in parts)
    return d.sum(axis=1), excess, np.full_like(covariance, NAN) if exhausted else covariance


def _shifted(values: np.ndarray) -> np.ndarray:
    """Return each row just before its steps: 0 at first, and the last value nowhere."""
    return np.hstack([np.zeros((len(values), 1)), values])[:, :-1]
