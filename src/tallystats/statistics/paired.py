"""Tests of the same patients before and after, computed from the counts of pairs of values."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from tallystats.results import NAN, OneRow, require_confidence_level, result, warn_undefined
from tallystats.statistics.counts import coded, is_numeric
from tallystats.tally import Tally
from tallystats.tolerance import at_most_one

NO_PAIR = "no patient has both values"
SAME = "nobody changed"
#: The share of a covariance's largest eigenvalue below which a direction does not vary.
RANK = 1e-9


@result
class PairedTest(OneRow):
    """A test of whether `after` differs from `before` in the same patients.

    Attributes
    ----------
    statistic, z, df, p_value : float
        t, the positive rank sum W or chi-square; z of the ranks, above 0 where values rise; degrees of freedom; two-sided P.
    estimate, std_error, conf_low, conf_high : float
        Of the t test: the mean change with its interval. Of McNemar's: the odds ratio of the changes, those who become true
        to those who cease to be, with its exact interval.
    n, n_missing : int
        Patients with both values, and without.
    n_up, n_down, n_same : int
        Patients whose value rises (or becomes true, or moves to a later level), falls, stays.
    reason : str or None
        Why P is NaN.
    """

    term: str
    before: str
    method: str
    estimate: float = NAN
    std_error: float = NAN
    statistic: float = NAN
    z: float = NAN
    df: float = NAN
    p_value: float = NAN
    conf_low: float = NAN
    conf_high: float = NAN
    n: int
    n_missing: int
    n_up: int
    n_down: int
    n_same: int
    reason: str | None
    provenance: str


@result(eq=False)
class _Pairs:
    """Patients with both values: change of position or of number with its count, and the square table of levels."""

    before: str
    after: str
    change: np.ndarray
    n: np.ndarray
    table: np.ndarray | None
    n_missing: int
    provenance: str


def _pairs(tally: Tally, before: str, after: str, *, order: bool) -> _Pairs:
    """Read the pairs of a tally: numbers, or two columns of the same levels."""
    first, second = (coded(tally, name, which) for name, which in ((before, "before"), (after, "after")))
    n = tally.frame["n"].to_numpy()
    numbers = is_numeric(tally, before) and is_numeric(tally, after)
    known = (first[1] >= 0) & (second[1] >= 0)
    table = None
    if numbers:
        # In decimals, as they are on paper: 70.1 - 70 is as much as 0.3 - 0.2.
        ends = (tally.frame[name].to_numpy(dtype=float)[known].tolist() for name in (after, before))
        change = np.array([float(Decimal(repr(a)) - Decimal(repr(b))) for a, b in zip(*ends, strict=True)], dtype=float)
    elif first[0] != second[0]:
        raise ValueError(f"before, after: {before!r} has the levels {first[0]}, {after!r} {second[0]}; expected the same")
    else:
        if order and first[0] != (False, True) and not getattr(tally.frame[before].dtype, "ordered", False):
            raise ValueError(f"before: the levels of {before!r} have no order; expected numbers or an ordered categorical")
        change = (second[1].astype(int) - first[1])[known].astype(float)
        table = np.zeros((len(first[0]),) * 2, dtype=np.int64)
        np.add.at(table, (first[1][known], second[1][known]), n[known])
    return _Pairs(
        before=before,
        after=after,
        change=change,
        n=n[known],
        table=table,
        n_missing=int(n[~known].sum()),
        provenance=tally.provenance,
    )


def _result(method: str, pairs: _Pairs, reason: str | None, **numbers: float) -> PairedTest:
    warn_undefined(f"{method} of {pairs.before} and {pairs.after}", reason, depth=2)
    up, down, same = (int(pairs.n[kept].sum()) for kept in (pairs.change > 0, pairs.change < 0, pairs.change == 0))
    return PairedTest(
        term=pairs.after,
        before=pairs.before,
        method=method,
        n=int(pairs.n.sum()),
        n_missing=pairs.n_missing,
        n_up=up,
        n_down=down,
        n_same=same,
        reason=reason,
        provenance=pairs.provenance,
        **at_most_one(numbers),
    )


def paired_t(tally: Tally, before: str, after: str, *, confidence_level: float = 0.95) -> PairedTest:
    """Test whether a number's mean differs between two times, by the paired t test.

    Parameters
    ----------
    tally : Tally
        Holds both columns, numeric and in the same unit. Patients who lack either value are left out and counted.
    before, after : str
        The columns; the change is `after` less `before`.
    confidence_level : float
        Of the interval of the mean change.

    Returns
    -------
    PairedTest
        NaN with a `reason` for fewer than two patients, or when all change by the same.

    Raises
    ------
    ValueError
        If a column is not there, holds no numbers, or the level is not between 0 and 1.

    Notes
    -----
    R: ``t.test(after, before, paired = TRUE)``. SPSS: T-TEST PAIRS, which takes the first less the second.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"first": [5.0, 6, 7, 8, 4], "last": [4.0, 6, 4, 5, 3]})
    >>> test = paired_t(Tally.from_rows(rows), "first", "last")
    >>> test.estimate, round(test.conf_low, 3), round(test.conf_high, 3), round(test.p_value, 4)
    (-1.6, -3.266, 0.066, 0.056)
    """
    from scipy import stats

    require_confidence_level(confidence_level)
    pairs = _pairs(tally, before, after, order=True)
    if pairs.table is not None:
        raise ValueError(f"before, after: {before!r} and {after!r} have levels; expected numbers")
    n = int(pairs.n.sum())
    if n < 2:
        return _result("Paired t", pairs, NO_PAIR if not n else "one patient has no standard deviation")
    mean = pairs.n @ pairs.change / n
    squares = pairs.n @ (pairs.change - mean) ** 2
    if (pairs.change == pairs.change[0]).all():
        return _result("Paired t", pairs, "all patients change by the same", estimate=mean)
    se = (squares / (n - 1) / n) ** 0.5
    t, wide = mean / se, stats.t.isf((1 - confidence_level) / 2, n - 1) * se
    return _result(
        "Paired t",
        pairs,
        None,
        estimate=mean,
        std_error=se,
        statistic=t,
        df=n - 1,
        conf_low=mean - wide,
        conf_high=mean + wide,
        p_value=2 * stats.t.sf(abs(t), n - 1),
    )


def wilcoxon_signed_rank(tally: Tally, before: str, after: str, *, continuity: bool = False, exact: bool = False) -> PairedTest:
    """Test whether values rise or fall between two times, by the signed ranks of Wilcoxon.

    Parameters
    ----------
    tally : Tally
        Holds both columns. Patients who lack either value are left out and counted.
    before, after : str
        Numbers, or ordered levels, which are taken as equally spaced.
    continuity : bool
        Bring W half a unit nearer its expectation before P (not z) is read from the normal distribution.
    exact : bool
        Take P from all signs that the ranks, tied ones too, can have.

    Returns
    -------
    PairedTest
        Patients whose value stays are left out of the ranks, as SPSS and R do it, and counted in `n_same`. `statistic` is
        the sum of the ranks of those who rise; ties of the changes have midranks. NaN with a `reason` when nobody changed.

    Raises
    ------
    ValueError
        If a column is not there, the levels differ or have no order, or both options are set.

    Notes
    -----
    var W = (m (m + 1) (2m + 1) - sum(t^3 - t) / 2) / 24 of the m who change. The default is SPSS's NPAR TESTS /WILCOXON,
    "Asymp. Sig. (2-tailed)", and R's ``wilcox.test(after, before, paired = TRUE, exact = FALSE, correct = FALSE)``; R's own
    default is with `continuity`, or exact below 50 patients without ties and zeros.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"first": [5.0, 6, 7, 8, 4], "last": [4.0, 6, 4, 5, 3]})
    >>> test = wilcoxon_signed_rank(Tally.from_rows(rows), "first", "last")
    >>> test.statistic, round(test.z, 4), round(test.p_value, 4), test.n_same
    (0.0, -1.857, 0.0633, 1)
    """
    from scipy import stats

    if continuity and exact:
        raise ValueError("continuity, exact: both True; an exact P takes no correction, expected one at most")
    pairs = _pairs(tally, before, after, order=True)
    method = "Wilcoxon signed rank" + (", continuity-corrected" if continuity else ", exact" if exact else "")
    moved = pairs.change != 0
    if not moved.any():
        return _result(method, pairs, SAME if len(pairs.n) else NO_PAIR)
    # Changes that differ in the last bit alone are tied.
    sizes = np.array([float(f"{abs(x):.12g}") for x in pairs.change[moved]])
    signs, n = pairs.change[moved] > 0, pairs.n[moved]
    levels, at = np.unique(sizes, return_inverse=True)
    tied = np.bincount(at, weights=n)
    up = np.bincount(at, weights=n * signs, minlength=len(levels))
    ranks = tied.cumsum() - (tied - 1) / 2
    w, m = float(up @ ranks), float(tied.sum())
    variance = m * (m + 1) * (2 * m + 1) / 24 - float((tied**3 - tied).sum()) / 48
    excess, sd = w - m * (m + 1) / 4, variance**0.5
    if exact:
        p_value = _signs_p_value(np.round(2 * ranks).astype(int), tied.astype(int), abs(2 * excess))
    else:
        p_value = 2 * stats.norm.sf(max(abs(excess) - continuity / 2, 0) / sd)
    return _result(method, pairs, None, statistic=w, z=excess / sd, p_value=min(p_value, 1))


def _signs_p_value(twice_ranks: np.ndarray, tied: np.ndarray, excess: float) -> float:
    """Return the share of all signs whose doubled rank sum lies at least so far from its expectation."""
    top = int(twice_ranks @ tied)
    ways = np.zeros(top + 1)
    ways[0] = 1.0
    for rank, times in zip(twice_ranks, tied, strict=True):
        for _ in range(times):
            ways[rank:] = (ways[rank:] + ways[: top + 1 - rank]) / 2
            ways[:rank] /= 2
    return float(ways[np.abs(np.arange(top + 1) - top / 2) >= excess - 1e-9].sum())


def mcnemar(
    tally: Tally, before: str, after: str, *, exact: bool = True, continuity: bool = False, confidence_level: float = 0.95
) -> PairedTest:
    """Test whether a share differs between two times by McNemar's test.

    Parameters
    ----------
    tally : Tally
        Holds both columns. Patients who lack either value are left out and counted.
    before, after : str
        Booleans, or categoricals of the same two levels.
    exact : bool
        P of the binomial distribution; else of chi-square.
    continuity : bool
        Of chi-square: with the correction of Edwards.
    confidence_level : float
        Of the interval of the odds ratio.

    Returns
    -------
    PairedTest
        `estimate` is the odds ratio of the changes, with the exact interval of Clopper and Pearson; infinite when nobody
        ceases to be true. NaN with a `reason` when nobody changed.

    Raises
    ------
    ValueError
        If a column is not there, the columns have not the same two levels, or `exact` and `continuity` are both set.

    Notes
    -----
    R: ``binom.test(c(up, down))``, ``mcnemar.test(table, correct = FALSE)``. SPSS: NPAR TESTS /MCNEMAR is exact up to 25
    changes, and corrected for continuity above.

    References
    ----------
    .. [1] McNemar Q. Note on the sampling error of the difference between correlated proportions or percentages.
       Psychometrika 1947; 12: 153-157.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cells = pd.DataFrame({"first": [True, True, False, False], "last": [True, False] * 2, "n": [20, 3, 11, 40]})
    >>> test = mcnemar(Tally(cells), "first", "last")
    >>> round(test.estimate, 3), round(test.p_value, 4)
    (3.667, 0.0574)
    """
    from scipy import stats

    if exact and continuity:
        raise ValueError("exact, continuity: both True; an exact P takes no correction, expected one at most")
    require_confidence_level(confidence_level)
    pairs = _pairs(tally, before, after, order=False)
    if pairs.table is None or len(pairs.table) != 2:
        raise ValueError(f"before, after: {before!r} and {after!r} have not the same two levels, as McNemar's test needs")
    method = "McNemar exact" if exact else "McNemar, continuity-corrected" if continuity else "McNemar chi-square"
    up, down = int(pairs.table[0, 1]), int(pairs.table[1, 0])
    if not up + down:
        return _result(method, pairs, SAME if len(pairs.n) else NO_PAIR)
    tail = (1 - confidence_level) / 2
    low = stats.beta.ppf(tail, up, down + 1) if up else 0.0
    high = stats.beta.isf(tail, up + 1, down) if down else 1.0
    odds = {
        "estimate": up / down if down else float("inf"),
        "conf_low": low / (1 - low),
        "conf_high": high / (1 - high) if high < 1 else float("inf"),
    }
    if exact:
        return _result(method, pairs, None, p_value=stats.binomtest(up, up + down).pvalue, **odds)
    statistic = max(abs(up - down) - continuity, 0) ** 2 / (up + down)
    return _result(method, pairs, None, statistic=statistic, df=1, p_value=stats.chi2.sf(statistic, 1), **odds)


def stuart_maxwell(tally: Tally, before: str, after: str) -> PairedTest:
    """Test whether levels are as frequent at one time as at the other: marginal homogeneity, by Stuart and Maxwell.

    Parameters
    ----------
    tally, before, after
        As for `mcnemar`, of any number of levels, the same in both.

    Returns
    -------
    PairedTest
        `statistic` is chi-square with one degree of freedom less than the levels whose frequency can have changed; of two
        levels it is McNemar's. Levels that nobody leaves or reaches do not count.

    Raises
    ------
    ValueError
        If a column is not there, or the levels differ.

    Notes
    -----
    d' S^-1 d, d the differences of the margins but one and S their estimated covariance [1]_ [2]_. Where levels fall apart
    into parts between which nobody moves, S has no inverse; its rank gives the degrees of freedom. SPSS's "Marginal
    Homogeneity" is another test: of scores of ordered levels. R: ``DescTools::StuartMaxwellTest``, ``coin::mh_test``.

    References
    ----------
    .. [1] Stuart A. A test for homogeneity of the marginal distributions in a two-way classification. Biometrika 1955; 42:
       412-416.
    .. [2] Maxwell AE. Comparing the classification of subjects by two independent judges. Br J Psychiatry 1970; 116: 651-655.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cells = pd.DataFrame({"first": list("AAABBBCCC"), "last": list("ABC") * 3, "n": [20, 10, 5, 3, 30, 15, 0, 5, 40]})
    >>> test = stuart_maxwell(Tally(cells), "first", "last")
    >>> round(test.statistic, 4), test.df, round(test.p_value, 4)
    (13.7647, 2.0, 0.001)
    """
    from scipy import stats

    pairs, method = _square(tally, before, after), "Stuart-Maxwell"
    t = pairs.table
    moved = t - np.diag(np.diag(t))
    if not moved.any():
        return _result(method, pairs, SAME if t.any() else NO_PAIR)
    d = (t.sum(axis=0) - t.sum(axis=1)).astype(float)
    covariance = np.diag((moved.sum(axis=0) + moved.sum(axis=1)).astype(float)) - (moved + moved.T)
    # The covariance has one null direction for each part of the levels between which people move.
    df = int(np.linalg.matrix_rank(covariance, hermitian=True, rtol=RANK))
    statistic = float(d @ np.linalg.pinv(covariance, hermitian=True, rtol=RANK) @ d)
    return _result(method, pairs, None, statistic=statistic, df=df, p_value=stats.chi2.sf(statistic, df))


def bowker(tally: Tally, before: str, after: str) -> PairedTest:
    """Test whether as many move from one level to another as back: symmetry, by Bowker.

    Parameters
    ----------
    tally, before, after
        As for `stuart_maxwell`.

    Returns
    -------
    PairedTest
        `statistic` is chi-square; pairs of levels between which nobody moves do not count among the degrees of freedom.

    Raises
    ------
    ValueError
        As `stuart_maxwell`.

    Notes
    -----
    R: ``mcnemar.test(table)`` of more than two levels, which is undefined where nobody moves between two levels. SPSS:
    CROSSTABS /STATISTICS=MCNEMAR, "McNemar-Bowker Test", which leaves such pairs out too.

    References
    ----------
    .. [1] Bowker AH. A test for symmetry in contingency tables. JASA 1948; 43: 572-574.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cells = pd.DataFrame({"first": list("AAABBBCCC"), "last": list("ABC") * 3, "n": [20, 10, 5, 3, 30, 15, 0, 5, 40]})
    >>> test = bowker(Tally(cells), "first", "last")
    >>> round(test.statistic, 4), test.df, round(test.p_value, 4)
    (13.7692, 3.0, 0.0032)
    """
    from scipy import stats

    pairs = _square(tally, before, after)
    upper = np.triu_indices(len(pairs.table), 1)
    there, back = pairs.table[upper].astype(float), pairs.table.T[upper].astype(float)
    moved = there + back > 0
    if not moved.any():
        return _result("Bowker", pairs, SAME if pairs.table.any() else NO_PAIR)
    there, back = there[moved], back[moved]
    statistic, df = float(((there - back) ** 2 / (there + back)).sum()), int(moved.sum())
    return _result("Bowker", pairs, None, statistic=statistic, df=df, p_value=stats.chi2.sf(statistic, df))


def _square(tally: Tally, before: str, after: str) -> _Pairs:
    pairs = _pairs(tally, before, after, order=False)
    if pairs.table is None:
        raise ValueError(f"before, after: {before!r} and {after!r} are numbers; expected columns of the same levels")
    return pairs
