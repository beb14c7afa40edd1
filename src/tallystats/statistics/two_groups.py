"""Tests of a variable between groups, computed from the counts of its values in each."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tallystats.results import CONSTANT, NAN, OneRow, result, warn_undefined
from tallystats.statistics.counts import CrossTable, cross_tabulate, moments, require_numbers
from tallystats.tally import Tally
from tallystats.tolerance import TIE, at_most_one


@result
class TestResult(OneRow):
    """A test of `term` between the groups of `by`; what a method has not, or the data leave undefined, is NaN.

    Attributes
    ----------
    statistic, df, p_value : float
        t, U or chi-square (Fisher's exact test has none); degrees of freedom; two-sided P.
    z : float
        Of Mann and Whitney's test: U less its expectation, in standard deviations.
    expected_minimum, share_below_5 : float
        Of Pearson's chi-square: the smallest expected count, and the share (0 to 1) of cells that expect fewer than 5.
    n, n_missing : int
        Patients with both values, and without.
    reason : str or None
        Why P is undefined.
    """

    __test__ = False  # not for pytest to collect

    term: str
    by: str
    method: str
    statistic: float = NAN
    z: float = NAN
    df: float = NAN
    p_value: float = NAN
    expected_minimum: float = NAN
    share_below_5: float = NAN
    n: int
    n_missing: int
    reason: str | None
    provenance: str


def _result(method: str, table: CrossTable, reason: str | None, depth: int = 2, **numbers: float) -> TestResult:
    """Build a public function's result, and warn for it (`depth` as in `warn_undefined`)."""
    warn_undefined(f"{method} of {table.variable} by {table.by}", reason, depth=depth)
    return TestResult(
        term=table.variable,
        by=table.by,
        method=method,
        reason=reason,
        n=table.n,
        n_missing=table.n_missing,
        provenance=table.provenance,
        **at_most_one(numbers),
    )


def undefined(table: CrossTable) -> str | None:
    """Say why no comparison of the groups is defined, or None."""
    if not table.n:
        return "no patient has both values"
    levels, groups = table.used.shape
    return "a group is empty" if groups < 2 else CONSTANT if levels < 2 else None


def two_groups(tally: Tally, variable: str, by: str) -> CrossTable:
    """Cross-tabulate a variable by a column of two groups; the second (True, or the last level) is the one compared."""
    table = cross_tabulate(tally, variable, by)
    dtype = tally.frame[by].dtype
    if len(table.groups) != 2 or not (isinstance(dtype, pd.CategoricalDtype) or pd.api.types.is_bool_dtype(dtype)):
        raise ValueError(
            f"by: {by!r} is of type {dtype} with {len(table.groups)} levels; expected a boolean or a categorical of two"
        )
    return table


def two_by_two(tally: Tally, variable: str, by: str) -> CrossTable:
    """Cross-tabulate two variables that have at most two levels in use."""
    table = cross_tabulate(tally, variable, by)
    if max(table.used.shape) > 2:
        shape = " x ".join(map(str, table.used.shape))
        raise ValueError(f"variable, by: {variable!r} by {by!r} is a table of {shape}; expected 2 x 2")
    return table


def difference_of_means(table: CrossTable, *, equal_variance: bool) -> tuple[float, float, float, str | None]:
    """Return the second group's mean less the first's, its standard error, degrees of freedom, and why they are NaN."""
    values = np.array(table.levels, dtype=float)
    (n0, mean0, squares0), (n1, mean1, squares1) = (moments(values, counts) for counts in table.counts.T)
    estimate, reason, df = mean1 - mean0, undefined(table), n1 + n0 - 2
    if not reason and squares0 + squares1 == 0:
        reason = "neither group varies"
    elif not reason and not equal_variance and min(n0, n1) < 2:
        reason = "a group of one patient has no variance"
    if reason:
        return estimate, NAN, NAN, reason
    if equal_variance:
        return estimate, ((squares0 + squares1) / df * (1 / n0 + 1 / n1)) ** 0.5, df, None
    share0, share1 = squares0 / (n0 - 1) / n0, squares1 / (n1 - 1) / n1
    df = (share0 + share1) ** 2 / (share0**2 / (n0 - 1) + share1**2 / (n1 - 1))
    return estimate, (share0 + share1) ** 0.5, df, None


def _t_test(method: str, tally: Tally, variable: str, by: str, *, equal_variance: bool) -> TestResult:
    from scipy import stats

    require_numbers(tally, variable)
    table = two_groups(tally, variable, by)
    estimate, std_error, df, reason = difference_of_means(table, equal_variance=equal_variance)
    if reason:
        return _result(method, table, reason, depth=3)
    t = estimate / std_error
    return _result(method, table, None, statistic=t, df=df, p_value=2 * stats.t.sf(abs(t), df))


def student_t(tally: Tally, variable: str, by: str) -> TestResult:
    """Compare two means by Student's t test, equal variances assumed.

    Parameters
    ----------
    tally : Tally
        Holds both columns. Patients who lack either value are left out and counted.
    variable : str
        A numeric column.
    by : str
        The groups: a boolean, or a categorical of two levels. t is positive when the mean is higher where `by` is
        True (or its last level).

    Returns
    -------
    TestResult
        NaN with a `reason` when a group is empty or neither group varies; one group may be a single patient.

    Raises
    ------
    ValueError
        If a column is not there, `variable` holds no numbers or `by` is not two groups.

    Notes
    -----
    R: ``t.test(x1, x0, var.equal = TRUE)``. SPSS: T-TEST, "equal variances assumed".

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"age": [50.0, 60, 70, 61, 71, 81], "failed": [False] * 3 + [True] * 3})
    >>> test = student_t(Tally.from_rows(rows), "age", "failed")
    >>> round(test.statistic, 4), test.df, round(test.p_value, 4)
    (1.3472, 4.0, 0.2492)
    """
    return _t_test("Student's t", tally, variable, by, equal_variance=True)


def welch_t(tally: Tally, variable: str, by: str) -> TestResult:
    """Compare two means by Welch's t test, whose variances may differ.

    Parameters
    ----------
    tally, variable, by
        As for `student_t`.

    Returns
    -------
    TestResult
        Undefined also for a group of one patient.

    Raises
    ------
    ValueError
        As `student_t`.

    Notes
    -----
    Degrees of freedom after Welch and Satterthwaite [1]_. R: ``t.test(x1, x0)``. SPSS: T-TEST, "equal variances not
    assumed".

    References
    ----------
    .. [1] Welch BL. The generalization of Student's problem. Biometrika 1947; 34: 28-35.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"age": [50.0, 60, 70, 64, 66], "failed": [False] * 3 + [True] * 2})
    >>> test = welch_t(Tally.from_rows(rows), "age", "failed")
    >>> round(test.statistic, 4), round(test.df, 4), round(test.p_value, 4)
    (0.8533, 2.118, 0.479)
    """
    return _t_test("Welch's t", tally, variable, by, equal_variance=False)


def mann_whitney(tally: Tally, variable: str, by: str, *, continuity: bool = False, exact: bool = False) -> TestResult:
    """Compare the ranks of two groups by the test of Mann and Whitney (Wilcoxon's rank sum).

    Parameters
    ----------
    tally, variable, by
        As for `student_t`; `variable` may also be an ordered categorical.
    continuity : bool
        Bring U half a unit nearer its expectation before P (not z) is read from the normal distribution.
    exact : bool
        Take P from the permutations of the ranks. They are tabulated for untied ranks, so with a tie P is NaN.

    Returns
    -------
    TestResult
        `statistic` is U of the group where `by` is True (or its last level): the pairs of patients in which that group
        has the higher value, ties counting half; `z` has its sign. SPSS prints the smaller U and z <= 0; P is the same.

    Raises
    ------
    ValueError
        As `student_t`; for an unordered variable; or if both options are set.

    Notes
    -----
    With midranks, var U = n1 n0 / 12 (N + 1 - sum(t^3 - t) / (N (N - 1))), t the sizes of the ties [1]_. The default is
    SPSS's "Asymp. Sig. (2-tailed)" and R's ``wilcox.test(x1, x0, exact = FALSE, correct = FALSE)``.

    References
    ----------
    .. [1] Lehmann EL. Nonparametrics: statistical methods based on ranks. Holden-Day, 1975.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"days": [1.0, 2, 2, 3, 2, 5, 8], "failed": [False] * 4 + [True] * 3})
    >>> test = mann_whitney(Tally.from_rows(rows), "days", "failed")
    >>> test.statistic, round(test.z, 4), round(test.p_value, 4)
    (10.0, 1.4676, 0.1422)
    """
    from scipy import stats

    if continuity and exact:
        raise ValueError("continuity, exact: both True; an exact P takes no correction, expected one at most")
    table = two_groups(tally, variable, by)
    if not getattr(tally.frame[variable].dtype, "ordered", False):
        require_numbers(tally, variable)
    method = "Mann-Whitney U" + (", continuity-corrected" if continuity else ", exact" if exact else "")
    reason = undefined(table)
    if reason:
        return _result(method, table, reason)
    (n0, n1), tied = table.counts.sum(axis=0).tolist(), table.counts.sum(axis=1).astype(float)
    midranks = tied.cumsum() - (tied - 1) / 2
    u = table.counts[:, 1] @ midranks - n1 * (n1 + 1) / 2
    variance = n1 * n0 / 12 * (table.n + 1 - (tied**3 - tied).sum() / (table.n * (table.n - 1)))
    excess, sd = u - n1 * n0 / 2, variance**0.5
    if not exact:
        p_value = 2 * stats.norm.sf(max(abs(excess) - continuity / 2, 0) / sd)
    elif tied.max() > 1:
        p_value, reason = NAN, "tied values have no exact distribution of U"
    else:
        first, second = (np.repeat(midranks, counts) for counts in table.counts.T)
        p_value = stats.mannwhitneyu(second, first, method="exact").pvalue
    return _result(method, table, reason, statistic=u, z=excess / sd, p_value=p_value)


def pearson_chi_square(tally: Tally, variable: str, by: str) -> TestResult:
    """Test two variables for independence by Pearson's chi-square, without continuity correction.

    Parameters
    ----------
    tally : Tally
        Holds both columns. Patients who lack either value are left out and counted.
    variable, by : str
        Columns of any number of levels; empty ones do not count.

    Returns
    -------
    TestResult
        With the smallest expected count and the share of cells under 5; NaN with a `reason` when either is constant.

    Raises
    ------
    ValueError
        If a column is not there.

    Notes
    -----
    R: ``chisq.test(table, correct = FALSE)``. SPSS: CROSSTABS /STATISTICS=CHISQ, "Pearson Chi-Square".

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cells = pd.DataFrame({"cement": [False, False, True, True], "failed": [False, True] * 2, "n": [51, 0, 18, 3]})
    >>> test = pearson_chi_square(Tally(cells), "cement", "failed")
    >>> round(test.statistic, 4), test.df, round(test.p_value, 4), test.expected_minimum, test.share_below_5
    (7.6025, 1.0, 0.0058, 0.875, 0.5)
    """
    from scipy import stats

    table = cross_tabulate(tally, variable, by)
    reason = undefined(table)
    if reason:
        return _result("Pearson chi-square", table, reason)
    statistic, p_value, df, expected = stats.chi2_contingency(table.used, correction=False)
    return _result(
        "Pearson chi-square",
        table,
        None,
        statistic=statistic,
        df=df,
        p_value=p_value,
        expected_minimum=expected.min(),
        share_below_5=(expected < 5).mean(),
    )


def fisher_exact(tally: Tally, variable: str, by: str) -> TestResult:
    """Test two variables of two levels each for independence by Fisher's exact test, two-sided.

    Parameters
    ----------
    tally, variable, by
        As for `pearson_chi_square`, of two levels each; further ones must be empty.

    Returns
    -------
    TestResult
        P alone, the test has no statistic; NaN with a `reason` when either variable is constant.

    Raises
    ------
    ValueError
        If a column is not there, or either variable has more than two levels in use.

    Notes
    -----
    P sums the tables, of the same margins, that are no more probable than the one seen. R: ``fisher.test(table)``.
    SPSS: CROSSTABS, "Fisher's Exact Test, Exact Sig. (2-sided)".

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cells = pd.DataFrame({"cement": [False, False, True, True], "failed": [False, True] * 2, "n": [51, 0, 18, 3]})
    >>> round(fisher_exact(Tally(cells), "cement", "failed").p_value, 4)
    0.0223
    """

    table = two_by_two(tally, variable, by)
    reason = undefined(table)
    return _result("Fisher's exact", table, reason, p_value=NAN if reason else _fisher(table.used))


def _fisher(used: np.ndarray) -> float:
    """Return the two-sided P of a table; tables as probable as the one seen, but for rounding, count as such.

    scipy's own test sets apart what differs by 1e-14, which of some hundred patients is rounding.
    """
    from scipy import stats

    (a, b), (c, d) = used.tolist()
    support = np.arange(max(0, a - d), min(a + b, a + c) + 1)
    weights = stats.hypergeom.logpmf(support, a + b + c + d, a + b, a + c)
    here = weights[a - support[0]]
    return min(1.0, float(np.exp(weights[weights <= here + TIE]).sum()))
