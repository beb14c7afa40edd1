"""Tests of a trend over ordered groups."""

from __future__ import annotations

import numpy as np

from tallystats.statistics.counts import cross_tabulate, require_numbers
from tallystats.statistics.several_groups import SeveralGroupsTest, several_result
from tallystats.statistics.two_groups import undefined
from tallystats.tally import Tally


def linear_by_linear(tally: Tally, variable: str, by: str) -> SeveralGroupsTest:
    """Test whether levels go up or down with ordered groups: the linear-by-linear association.

    Parameters
    ----------
    tally : Tally
        Holds both columns. Patients who lack either value are left out and counted.
    variable, by : str
        Columns whose levels have an order (two levels always have one); their scores are 1, 2, 3 and so on, empty levels
        counted.

    Returns
    -------
    SeveralGroupsTest
        `statistic` is chi-square with one degree of freedom; `z`, its root, is above 0 where levels go up with the groups.

    Raises
    ------
    ValueError
        If a column is not there.

    Notes
    -----
    By statsmodels: (N - 1) r^2, r Pearson's correlation of the scores [1]_. SPSS: CROSSTABS, "Linear-by-Linear Association". R:
    ``(sum(t) - 1) * cor(x, g)^2``; ``coin::lbl_test``.

    References
    ----------
    .. [1] Mantel N. Chi-square tests with one degree of freedom. JASA 1963; 58: 690-700.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cells = pd.DataFrame({"stage": ["I", "I", "II", "II", "III", "III"], "died": [False, True] * 3,
    ...                       "n": [20, 2, 15, 5, 8, 7]})
    >>> test = linear_by_linear(Tally(cells), "died", "stage")
    >>> round(test.statistic, 4), round(test.p_value, 4), test.z > 0
    (6.624, 0.0101, True)
    """
    return _linear(tally, variable, by, "Linear-by-linear association", 1)


def cochran_armitage(tally: Tally, variable: str, by: str) -> SeveralGroupsTest:
    """Test the trend of a proportion over ordered groups by the test of Cochran and Armitage.

    Parameters
    ----------
    tally, variable, by
        As for `linear_by_linear`; one of them has at most two levels in use.

    Returns
    -------
    SeveralGroupsTest
        As of `linear_by_linear`, with N r^2 in place of (N - 1) r^2.

    Raises
    ------
    ValueError
        If a column is not there, or both have more than two levels in use.

    Notes
    -----
    R: ``prop.trend.test(x, n)`` [1]_. SPSS has the linear-by-linear association in its place.

    References
    ----------
    .. [1] Armitage P. Tests for linear trends in proportions and frequencies. Biometrics 1955; 11: 375-386.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cells = pd.DataFrame({"stage": ["I", "I", "II", "II", "III", "III"], "died": [False, True] * 3,
    ...                       "n": [20, 2, 15, 5, 8, 7]})
    >>> round(cochran_armitage(Tally(cells), "died", "stage").p_value, 4)
    0.0094
    """
    table = cross_tabulate(tally, variable, by)
    if min(table.used.shape) > 2:
        shape = " x ".join(map(str, table.used.shape))
        raise ValueError(f"variable, by: {variable!r} by {by!r} is a table of {shape}; expected two levels on one side")
    return _linear(tally, variable, by, "Cochran-Armitage trend", 0)


def _linear(tally: Tally, variable: str, by: str, method: str, lost: int) -> SeveralGroupsTest:
    from scipy import stats
    from statsmodels.stats.contingency_tables import Table

    table = cross_tabulate(tally, variable, by)
    reason = undefined(table)
    if reason:
        return several_result(method, table, reason, depth=3)
    scores = [np.arange(1.0, size + 1) for size in table.counts.shape]
    # Its variance is that of N - 1 patients.
    mantel = Table(table.counts, shift_zeros=False).test_ordinal_association(*scores).zscore
    z = float(mantel) * ((table.n - lost) / (table.n - 1)) ** 0.5
    return several_result(method, table, None, statistic=z**2, z=z, df=1, p_value=2 * stats.norm.sf(abs(z)))


def jonckheere_terpstra(tally: Tally, variable: str, by: str) -> SeveralGroupsTest:
    """Test whether values rise or fall with ordered groups by the test of Jonckheere and Terpstra.

    Parameters
    ----------
    tally : Tally
        Holds both columns. Patients who lack either value are left out and counted.
    variable : str
        A numeric or ordered column.
    by : str
        The groups, in the order of their levels.

    Returns
    -------
    SeveralGroupsTest
        `statistic` is J, the pairs of patients of different groups in which the later group has the higher value, ties
        counting half; `z` is J less its expectation, in standard deviations corrected for ties; P is normal.

    Raises
    ------
    ValueError
        If a column is not there, or `variable` holds neither numbers nor ordered levels.

    Notes
    -----
    The variance under ties is that of Lehmann [1]_. SPSS: NPAR TESTS /J-T, "Asymp. Sig. (2-tailed)". Of two groups it is
    Mann and Whitney's test. R: ``clinfun::jonckheere.test`` (which takes no account of ties).

    References
    ----------
    .. [1] Lehmann EL. Nonparametrics: statistical methods based on ranks. Holden-Day, 1975.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"score": [1.0, 2, 2, 2, 3, 4, 3, 5, 6], "stage": list("IIIJJJKKK")})
    >>> test = jonckheere_terpstra(Tally.from_rows(rows), "score", "stage")
    >>> test.statistic, round(test.z, 4), round(test.p_value, 4)
    (24.5, 2.5013, 0.0124)
    """
    from scipy import stats

    table = cross_tabulate(tally, variable, by)
    if not getattr(tally.frame[variable].dtype, "ordered", False):
        require_numbers(tally, variable)
    reason = undefined(table)
    if reason:
        return several_result("Jonckheere-Terpstra", table, reason)
    counts = table.counts.astype(float)
    earlier = counts.cumsum(axis=1) - counts  # patients of the same value in earlier groups
    below = earlier.cumsum(axis=0) - earlier  # and of lower values
    j = float((counts * (below + earlier / 2)).sum())
    n, sizes, tied = float(table.n), counts.sum(axis=0), counts.sum(axis=1)

    def third(x: object) -> float:
        return float((x * (x - 1) * (x - 2)).sum())

    def second(x: object) -> float:
        return float((x * (x - 1)).sum())

    def first(x: object) -> float:
        return float((x * (x - 1) * (2 * x + 5)).sum())

    variance = (n * (n - 1) * (2 * n + 5) - first(sizes) - first(tied)) / 72
    variance += second(sizes) * second(tied) / (8 * n * (n - 1))
    if n > 2:
        variance += third(sizes) * third(tied) / (36 * n * (n - 1) * (n - 2))
    z = (j - (n**2 - (sizes**2).sum()) / 4) / variance**0.5
    return several_result("Jonckheere-Terpstra", table, None, statistic=j, z=z, p_value=2 * stats.norm.sf(abs(z)))
