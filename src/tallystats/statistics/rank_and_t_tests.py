"""P of tests of numbers, from the distinct values and their counts in two groups: thousands of tables at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache, partial

import numpy as np

from tallystats.statistics.printed_tests import margins

#: Steps that an exact test of ranks takes, at most.
MOST_STEPS = 10**9


def mann_whitney_p_value(
    values: Sequence[float], ones: Sequence[int], zeros: Sequence[int], *, continuity: bool = False
) -> float:
    """Return the asymptotic P of Mann and Whitney's test for the counts of each value, ascending, in two groups.

    As `tallystats.statistics.two_groups.mann_whitney`. NaN where a group is empty or nothing varies.

    Examples
    --------
    >>> round(mann_whitney_p_value((2, 3, 4), (2, 1, 0), (37, 5, 27)), 4)
    0.3913
    """
    shown, n1, n0, defined = margins(ones, zeros)
    if not defined:
        return math.nan
    total = n1 + n0
    excess = abs(_twice_u(ones, zeros) - n1 * n0)
    variance = n1 * n0 / 12 * (total + 1 - sum(t**3 - t for t in shown) / (total * (total - 1)))
    return math.erfc(max(excess - continuity, 0) / 2 / math.sqrt(2 * variance))


def _twice_u(ones: Sequence[int], zeros: Sequence[int]) -> int:
    twice, below = 0, 0
    for a, b in zip(ones, zeros, strict=True):
        twice += a * (2 * below + b)
        below += b
    return twice


def mann_whitney_exact_p_value(values: Sequence[float], ones: Sequence[int], zeros: Sequence[int]) -> float:
    """Return the exact P of Mann and Whitney's test, over all ways to deal the ranks, ties and all, to the two groups.

    The share of deals whose U lies at least as far from its expectation. Untied: R's ``wilcox.test(x1, x0, exact =
    TRUE)``; tied: ``coin::wilcox_test(distribution = "exact")``, SPSS's "Exact Sig. (2-tailed)". NaN as for
    `mann_whitney_p_value`, and where more than `MOST_STEPS` steps would be taken.

    Examples
    --------
    >>> round(mann_whitney_exact_p_value((2, 3, 4), (2, 1, 0), (37, 5, 27)), 4)
    0.5485
    """
    shown, n1, n0, defined = margins(ones, zeros)
    if not defined:
        return math.nan
    if n1 > n0:
        ones, zeros = zeros, ones
        n1, n0 = n0, n1
    return dealt(tuple(m for m in shown if m), n1, abs(_twice_u(ones, zeros) - n1 * n0))


@lru_cache(maxsize=1024)
def dealt(shown: tuple[int, ...], n1: int, excess: int) -> float:
    """Return the share of deals of n1 patients whose twice U lies at least so far from its expectation."""
    n0 = sum(shown) - n1
    top = 2 * n1 * n0
    if sum(min(m, n1) for m in shown) * (n1 + 1) * top > MOST_STEPS:
        return math.nan
    # ways[j, s]: deals of j patients so far whose midranks, doubled and counted from 0, sum up to s
    ways = np.zeros((n1 + 1, top + n1 * (n1 - 1) + 1))
    ways[0, 0] = 1
    below = 0
    for m in shown:
        rank = 2 * below + m - 1  # of the tied values
        further = ways.copy()
        for k in range(1, min(m, n1) + 1):
            shift = k * rank
            if shift < ways.shape[1]:
                further[k:, shift:] += math.comb(m, k) * ways[: n1 + 1 - k, : ways.shape[1] - shift]
        ways, below = further, below + m
    sums = np.arange(ways.shape[1]) - n1 * (n1 - 1) - n1 * n0
    return min(float(ways[n1, np.abs(sums) >= excess].sum() / math.comb(n1 + n0, n1)), 1.0)


def _moments(values: Sequence[float], counts: Sequence[int]) -> tuple[int, float, float]:
    n = sum(counts)
    mean = math.fsum(v * c for v, c in zip(values, counts, strict=True)) / n
    return n, mean, math.fsum(c * (v - mean) ** 2 for v, c in zip(values, counts, strict=True))


def t_p_value(n1: int, n0: int, apart: float, squares1: float, squares0: float, *, equal_variance: bool) -> float:
    """Return P of Student's t, or Welch's, from the difference of two means and the sums of squares about them.

    As `tallystats.statistics.two_groups.student_t` and `welch_t`; NaN where they are undefined.
    """
    from scipy import special

    if not n1 or not n0 or n1 + n0 < 3 or not squares1 + squares0 or (not equal_variance and min(n1, n0) < 2):
        return math.nan
    if equal_variance:
        df, variance = n1 + n0 - 2, (squares1 + squares0) / (n1 + n0 - 2) * (1 / n1 + 1 / n0)
    else:
        shares = squares1 / (n1 - 1) / n1, squares0 / (n0 - 1) / n0
        variance = sum(shares)
        df = variance**2 / (shares[0] ** 2 / (n1 - 1) + shares[1] ** 2 / (n0 - 1))
    return min(2 * float(special.stdtr(df, -abs(apart) / math.sqrt(variance))), 1.0)


def student_p_value(values: Sequence[float], ones: Sequence[int], zeros: Sequence[int]) -> float:
    """Return P of Student's t test for the counts of each value in two groups.

    Examples
    --------
    >>> round(student_p_value((2, 3, 4), (2, 1, 0), (37, 5, 27)), 4)
    0.3551
    """
    return _t_of(values, ones, zeros, equal_variance=True)


def welch_p_value(values: Sequence[float], ones: Sequence[int], zeros: Sequence[int]) -> float:
    """Return P of Welch's t test for the counts of each value in two groups.

    Examples
    --------
    >>> round(welch_p_value((2, 3, 4), (2, 1, 0), (37, 5, 27)), 4)
    0.2525
    """
    return _t_of(values, ones, zeros, equal_variance=False)


def _t_of(values: Sequence[float], ones: Sequence[int], zeros: Sequence[int], *, equal_variance: bool) -> float:
    if not sum(ones) or not sum(zeros):
        return math.nan
    (n1, mean1, squares1), (n0, mean0, squares0) = _moments(values, ones), _moments(values, zeros)
    return t_p_value(n1, n0, mean1 - mean0, squares1, squares0, equal_variance=equal_variance)


#: test of numbers -> its P for the values, ascending, and their counts in the first group and in the second
NUMBERED = {
    "mann_whitney": mann_whitney_p_value,
    "student_t": student_p_value,
    "welch_t": welch_p_value,
    "mann_whitney_continuity": partial(mann_whitney_p_value, continuity=True),
    "mann_whitney_exact": mann_whitney_exact_p_value,
}
