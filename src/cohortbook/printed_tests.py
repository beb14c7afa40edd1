"""What a printed P value says in whole numbers: the counts, rank sums and sums of squares that print it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

from cohortbook.published import Interval

#: Whole numbers that a CP-SAT constraint may hold.
_LARGEST = 2**62


def pearson_p_value(a: int, n1: int, b: int, n0: int) -> float:
    """Return P of Pearson's chi-square, uncorrected, for a of n1 against b of n0; NaN for a constant or an empty group.

    The closed form of `cohortbook.two_groups.pearson_chi_square`, for thousands of tables at a time.

    Examples
    --------
    >>> round(pearson_p_value(3, 3, 18, 69), 4)
    0.0058
    """
    shown, total = a + b, n1 + n0
    if shown in (0, total) or not n1 or not n0:
        return math.nan
    chi_square = total * (a * (n0 - b) - b * (n1 - a)) ** 2 / (n1 * n0 * shown * (total - shown))
    return math.erfc(math.sqrt(chi_square / 2))


def fisher_p_value(a: int, n1: int, b: int, n0: int) -> float:
    """Return the two-sided P of Fisher's exact test for a of n1 against b of n0; NaN for a constant or an empty group.

    Examples
    --------
    >>> round(fisher_p_value(3, 3, 18, 69), 4)
    0.0223
    """
    from scipy import stats

    if a + b in (0, n1 + n0) or not n1 or not n0:
        return math.nan
    return float(stats.fisher_exact([[a, b], [n1 - a, n0 - b]])[1])


#: test of two levels -> its P for a of n1 against b of n0
COUNTED = {"pearson_chi_square": pearson_p_value, "fisher_exact": fisher_p_value}


def counts_that_print(test: str, n1: int, n0: int, printed: Interval) -> Iterator[tuple[int, int, int]]:
    """Yield, for each count in the first group, the runs (first, last) of counts in the second that print P."""
    p_value = COUNTED[test]
    for a in range(n1 + 1):
        start = None
        for b in range(n0 + 2):
            inside = b <= n0 and p_value(a, n1, b, n0) in printed
            if inside and start is None:
                start = b
            elif not inside and start is not None:
                yield a, start, b - 1
                start = None


def tie_window(u2: int, n1: int, n0: int, printed: Interval) -> tuple[int, int] | None:
    """Return the least and the largest sum of t^3 - t under which twice U = u2 prints P; None where there is none.

    Notes
    -----
    P is asymptotic, corrected for ties, without continuity correction (SPSS's "Asymp. Sig. (2-tailed)"):
    z = (U - n1 n0 / 2) / sqrt(n1 n0 / 12 (N + 1 - T / (N (N - 1)))), where T sums t^3 - t. P falls as T grows, so the
    sums that print it are an interval.
    """
    from statistics import NormalDist

    total = n1 + n0
    if not n1 or not n0:
        return None
    distance = abs(u2 - n1 * n0) / 2
    normal = NormalDist()
    most = (total - 1) ** 3 - (total - 1)  # when all are tied, there is no P

    def p_value(ties: int) -> float:
        variance = n1 * n0 / 12 * (total + 1 - ties / (total * (total - 1)))
        return math.erfc(distance / math.sqrt(2 * variance))

    def ties_at(p: Fraction) -> float:
        """Return the sum of ties at which P is p, kept among whole numbers that can be."""
        if p >= 1:
            return -1.0
        if p <= 0:
            return float(most)
        z = normal.inv_cdf(1 - float(p) / 2) or 1e-300
        return min(max(total * (total - 1) * (total + 1 - 12 * distance**2 / (z * z * n1 * n0)), -1.0), float(most))

    if not distance:
        return (0, most) if 1 in printed else None
    low, high = max(0, math.floor(ties_at(printed.high)) + 1), math.floor(ties_at(printed.low))
    # The ends are read from inverted floats; P itself decides.
    if low > 0 and p_value(low - 1) in printed:
        low -= 1
    while low <= high and p_value(low) not in printed:
        low += 1
    while low <= high and p_value(high) not in printed:
        high -= 1
    return (low, high) if low <= high else None


def student_limits(total: int, largest: int, printed: Interval, *, outward: bool) -> tuple[int, int | None, int] | None:
    """Return limits of t^2 that print P, as whole numbers: least and most in units of 1 / scale, and the scale.

    Parameters
    ----------
    total : int
        Patients in both groups.
    largest : int
        The largest number that the limits will be multiplied by.
    printed : Interval
    outward : bool
        Round the limits so that nothing is lost (a proof), or so that nothing is let in (a cohort).

    Returns
    -------
    tuple or None
        (least, most, scale); most is None where nothing bounds it. None when the numbers grow too large to state.
    """
    from scipy import stats

    least, most = (
        float(stats.t.isf(float(p) / 2, total - 2)) ** 2 if 0 < p < 1 else 0.0 if p >= 1 else math.inf
        for p in (printed.high, printed.low)
    )
    scale = 10**6
    while scale * largest * max(1.0, least, most if most < math.inf else 0.0) > _LARGEST:
        scale //= 10
        if scale < 100:
            return None
    down, up = (math.floor, math.ceil) if outward else (math.ceil, math.floor)
    return down(least * scale), None if most == math.inf else up(most * scale), scale
