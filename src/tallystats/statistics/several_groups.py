"""Tests of a variable between three or more groups, computed from the counts of its values in each."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystats.results import NAN, result, warn_undefined
from tallystats.statistics.counts import CrossTable, cross_tabulate, moments, require_numbers
from tallystats.statistics.two_groups import TestResult, undefined
from tallystats.tally import Tally
from tallystats.tolerance import at_most_one


@result
class SeveralGroupsTest(TestResult):
    """A test of `term` between any number of groups.

    Attributes
    ----------
    df_error : float
        The second degrees of freedom of an F test.
    draws : int
        Random tables drawn for P; 0 where P is computed.
    p_low, p_high : float
        Of a P from random tables: its interval, of 99 %.
    """

    df_error: float = NAN
    draws: int = 0
    p_low: float = NAN
    p_high: float = NAN


def several_result(method: str, table: CrossTable, reason: str | None, depth: int = 2, **numbers: Any) -> SeveralGroupsTest:
    """Build a public function's result, and warn for it (`depth` as in `warn_undefined`)."""
    warn_undefined(f"{method} of {table.variable} by {table.by}", reason, depth=depth)
    draws = int(numbers.pop("draws", 0))
    return SeveralGroupsTest(
        term=table.variable,
        by=table.by,
        method=method,
        reason=reason,
        n=table.n,
        n_missing=table.n_missing,
        provenance=table.provenance,
        draws=draws,
        **at_most_one(numbers),
    )


def group_moments(table: CrossTable) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return size, mean and sum of squared deviations of each group; an empty one has NaN."""
    values = np.array(table.levels, dtype=float)
    return tuple(np.array(column) for column in zip(*(moments(values, c) for c in table.counts.T), strict=True))


def anova(tally: Tally, variable: str, by: str) -> SeveralGroupsTest:
    """Compare the means of several groups by one-way analysis of variance (equal variances).

    Parameters
    ----------
    tally : Tally
        Holds both columns. Patients who lack either value are left out and counted.
    variable : str
        A numeric column.
    by : str
        The groups; empty ones do not count.

    Returns
    -------
    SeveralGroupsTest
        `statistic` is F on `df` and `df_error` degrees of freedom; of two groups, the square of Student's t. NaN with a
        `reason` when fewer than two groups are there, or none varies.

    Raises
    ------
    ValueError
        If a column is not there, or `variable` holds no numbers.

    Notes
    -----
    By statsmodels. R: ``oneway.test(x ~ g, var.equal = TRUE)``. SPSS: ONEWAY.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"age": [50.0, 60, 70, 61, 71, 81, 40, 44], "stage": list("IIIJJJKK")})
    >>> test = anova(Tally.from_rows(rows), "age", "stage")
    >>> round(test.statistic, 4), test.df, test.df_error, round(test.p_value, 4)
    (6.188, 2.0, 5.0, 0.0444)
    """
    require_numbers(tally, variable)
    table = cross_tabulate(tally, variable, by)
    reason = undefined(table)
    if not reason:
        n, mean, squares = (column[table.counts.any(axis=0)] for column in group_moments(table))
        if not squares.sum():
            reason = "no group varies"
    if reason:
        return several_result("One-way ANOVA", table, reason)
    return several_result("One-way ANOVA", table, None, **_anova(n, mean, squares / np.maximum(n - 1, 1), "equal"))


def welch_anova(tally: Tally, variable: str, by: str) -> SeveralGroupsTest:
    """Compare the means of several groups by Welch's analysis of variance, which does without equal variances.

    Parameters
    ----------
    tally, variable, by
        As for `anova`.

    Returns
    -------
    SeveralGroupsTest
        `statistic` is F on `df` and `df_error` (no whole number) degrees of freedom; of two groups, the square of Welch's
        t. NaN with a `reason` when a group has one patient or does not vary.

    Raises
    ------
    ValueError
        As `anova`.

    Notes
    -----
    By statsmodels, with weights w = n / s^2 [1]_. R: ``oneway.test(x ~ g)``. SPSS: ONEWAY /STATISTICS=WELCH.

    References
    ----------
    .. [1] Welch BL. On the comparison of several mean values: an alternative approach. Biometrika 1951; 38: 330-336.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"age": [50.0, 60, 70, 61, 71, 81, 40, 44], "stage": list("IIIJJJKK")})
    >>> test = welch_anova(Tally.from_rows(rows), "age", "stage")
    >>> round(test.statistic, 4), test.df, round(test.df_error, 4), round(test.p_value, 4)
    (11.7598, 2.0, 3.1252, 0.0351)
    """
    require_numbers(tally, variable)
    table = cross_tabulate(tally, variable, by)
    reason = undefined(table)
    if not reason:
        n, mean, squares = (column[table.counts.any(axis=0)] for column in group_moments(table))
        if n.min() < 2:
            reason = "a group of one patient has no variance"
        elif not squares.all():
            reason = "a group does not vary"
    if reason:
        return several_result("Welch's ANOVA", table, reason)
    return several_result("Welch's ANOVA", table, None, **_anova(n, mean, squares / (n - 1), "unequal"))


def _anova(n: np.ndarray, mean: np.ndarray, variance: np.ndarray, use_var: str) -> dict[str, float]:
    """Return F, its degrees of freedom and P."""
    from statsmodels.stats.oneway import anova_generic

    found = anova_generic(mean, variance, n, use_var=use_var)
    df, df_error = map(float, found.df)
    return {"statistic": float(found.statistic), "df": df, "df_error": df_error, "p_value": float(found.pvalue)}


def midranks(table: CrossTable) -> tuple[np.ndarray, float]:
    """Return the midrank of each level among all patients of a table, and the sum of t^3 - t over its ties."""
    tied = table.counts.sum(axis=1).astype(float)
    return tied.cumsum() - (tied - 1) / 2, float((tied**3 - tied).sum())


def kruskal_wallis(tally: Tally, variable: str, by: str) -> SeveralGroupsTest:
    """Compare the ranks of several groups by the test of Kruskal and Wallis, corrected for ties.

    Parameters
    ----------
    tally, variable, by
        As for `anova`; `variable` may also be an ordered categorical.

    Returns
    -------
    SeveralGroupsTest
        `statistic` is H, chi-square with one degree of freedom less than groups; of two groups, the square of Mann and
        Whitney's z.

    Raises
    ------
    ValueError
        As `anova`; or for an unordered variable.

    Notes
    -----
    R: ``kruskal.test(x, g)``. SPSS: NPAR TESTS /K-W, "Asymp. Sig.".

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"age": [50.0, 60, 70, 61, 71, 81, 40, 44], "stage": list("IIIJJJKK")})
    >>> test = kruskal_wallis(Tally.from_rows(rows), "age", "stage")
    >>> round(test.statistic, 4), test.df, round(test.p_value, 4)
    (5.3611, 2.0, 0.0685)
    """
    from scipy import stats

    table = cross_tabulate(tally, variable, by)
    if not getattr(tally.frame[variable].dtype, "ordered", False):
        require_numbers(tally, variable)
    reason = undefined(table)
    if reason:
        return several_result("Kruskal-Wallis H", table, reason)
    ranks, ties = midranks(table)
    counts = table.counts[:, table.counts.any(axis=0)]
    sizes = counts.sum(axis=0)
    n, apart = table.n, counts.T @ ranks / sizes - (table.n + 1) / 2
    h = 12 * (sizes @ apart**2) / (n * (n + 1)) / (1 - ties / (n**3 - n))
    df = len(sizes) - 1
    return several_result("Kruskal-Wallis H", table, None, statistic=h, df=df, p_value=stats.chi2.sf(h, df))
