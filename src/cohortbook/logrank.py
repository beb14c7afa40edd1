"""The log-rank test of survival between groups, from counts of (entry, exit, event)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cohortbook.lifetable import LifeTable, event_table
from cohortbook.results import NAN, OneRow, warn_undefined

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from cohortbook.tally import Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRank:
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


def log_rank(
    tally: Tally, *, time: str, event: str, by: str, entry: str | float | None = None,
    strata: str | Sequence[str] = (),
) -> LogRank:  # fmt: skip
    """Compare survival between groups by the log-rank test.

    Parameters
    ----------
    tally, time, event, entry
        As for `cohortbook.survival.kaplan_meier`. Patients who lack any column named are left out and counted.
    by : str
        The groups: boolean or categorical; empty levels do not count.
    strata : str or sequence of str
        Columns within whose patterns the groups are compared; the differences add up.

    Returns
    -------
    LogRank
        NaN with a reason, and a warning, when fewer than two groups are there, nobody has the event, or no two groups are
        at risk together when it comes.

    Raises
    ------
    ValueError
        As `cohortbook.survival.kaplan_meier`, or when a column of the groups or strata is not there.

    Notes
    -----
    Mantel's test [1]_: observed less expected events, with the hypergeometric variance at each event time. A group that
    is not at risk at any event expects none and takes no degree of freedom. R: ``survdiff(Surv(time, event) ~ by +
    strata(strata))``, which has no delayed entry; there the score test of ``coxph(ties = "exact")`` is the same. Where no two
    groups are at risk together R prints a chi-square of 0 and P = 1, which would pass for a finding; here it is
    undefined. SPSS: KM /TEST LOGRANK /STRATA.

    References
    ----------
    .. [1] Mantel N. Evaluation of survival data and two new rank order statistics arising in its consideration. Cancer
       Chemother Rep 1966; 50: 163-170.

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

    from cohortbook.counts import coded

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
    observed, expected, variance = np.zeros(len(used)), np.zeros(len(used)), np.zeros((len(used), len(used)))
    for s in np.unique(stratum):
        parts = [type(tally)(complete.frame[(stratum == s) & (codes == g)]) for g in used]
        for total, part in zip((observed, expected, variance), _excess([event_table(p, time, event, entry) for p in parts]),
                               strict=True):  # fmt: skip
            total += part
    kept = np.flatnonzero(expected > 0)
    excess, spread = (observed - expected)[kept[1:]], variance[np.ix_(kept[1:], kept[1:])]
    statistic, p_value, reason = NAN, NAN, None
    if len(used) < 2:
        reason = "fewer than two groups"
    elif not observed.sum():
        reason = "nobody has the event"
    elif len(kept) < 2 or np.linalg.matrix_rank(spread) < len(excess):
        reason = "a group is never at risk beside another when the event comes"
    else:
        statistic = float(excess @ np.linalg.solve(spread, excess))
        p_value = float(chi2.sf(statistic, len(excess)))
    warn_undefined(f"log-rank of {time} by {by}", reason)
    n = complete.frame["n"].to_numpy()
    return LogRank(
        by=by, groups=tuple(levels[g] for g in used), n=tuple(int(n[codes == g].sum()) for g in used),
        observed=tuple(observed.astype(int).tolist()), expected=tuple(expected.tolist()), statistic=statistic,
        df=max(len(kept) - 1, 0), p_value=p_value, n_missing=tally.total - complete.total, reason=reason,
        method=f"log-rank, stratified by {', '.join(strata)}" if strata else "log-rank", provenance=tally.provenance,
    )  # fmt: skip


def _excess(tables: Sequence[LifeTable]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return observed and expected events of each group, and their covariance."""
    import numpy as np

    whole = np.unique(np.concatenate([table.times[table.events[:, 0] > 0] for table in tables]))
    at_risk = np.array([table.at_risk(whole) for table in tables], float)
    events = np.zeros_like(at_risk)
    for g, table in enumerate(tables):
        had = table.events[:, 0] > 0
        events[g, np.searchsorted(whole, table.times[had])] = table.events[had, 0]
    n, d = at_risk.sum(axis=0), events.sum(axis=0)
    each = np.divide(d * (n - d), n**2 * (n - 1), out=np.zeros_like(d), where=n > 1)
    covariance = np.diag((at_risk * n * each).sum(axis=1)) - (at_risk * each) @ at_risk.T
    return events.sum(axis=1), (at_risk * d / n).sum(axis=1), covariance
