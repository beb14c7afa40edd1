"""What a printed P value says in whole numbers: the counts, rank sums and sums of squares that print it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from statistics import NormalDist

from tallystats.interval import Interval

#: Whole numbers that a CP-SAT constraint may hold.
_LARGEST = 2**62
#: Different weights of tables that an exact test counts, at most.
MOST_TABLES = 100_000


def pearson_p_value(a: int, n1: int, b: int, n0: int) -> float:
    """Return P of Pearson's chi-square, uncorrected, for a of n1 against b of n0; NaN for a constant or an empty group.

    The closed form of `tallystats.statistics.two_groups.pearson_chi_square`, for thousands of tables at a time.

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


def yates_p_value(a: int, n1: int, b: int, n0: int) -> float:
    """Return P of the chi-square with Yates's continuity correction, for a of n1 against b of n0.

    R: ``chisq.test(table)``. SPSS: "Continuity Correction". NaN as for `pearson_p_value`.

    Examples
    --------
    >>> round(yates_p_value(3, 3, 18, 69), 4)
    0.035
    """
    shown, total = a + b, n1 + n0
    if shown in (0, total) or not n1 or not n0:
        return math.nan
    apart = max(abs(a * (n0 - b) - b * (n1 - a)) - total / 2, 0)
    return math.erfc(math.sqrt(total * apart**2 / (n1 * n0 * shown * (total - shown)) / 2))


def likelihood_ratio_p_value(a: int, n1: int, b: int, n0: int) -> float:
    """Return P of the likelihood ratio chi-square (G), for a of n1 against b of n0; NaN as for `pearson_p_value`.

    Examples
    --------
    >>> round(likelihood_ratio_p_value(3, 3, 18, 69), 4)
    0.0055
    """
    return likelihood_ratio_of_table((n1 - a, a), (n0 - b, b))


def n_minus_1_p_value(a: int, n1: int, b: int, n0: int) -> float:
    """Return P of the N - 1 chi-square: Pearson's times (N - 1) / N; NaN as for `pearson_p_value`.

    Of two levels it is SPSS's "Linear-by-Linear Association" too.

    Examples
    --------
    >>> round(n_minus_1_p_value(3, 3, 18, 69), 4)
    0.0062
    """
    return linear_by_linear_of_table((n1 - a, a), (n0 - b, b))


@lru_cache(maxsize=4096)
def _exact_p_values(shown: int, n1: int, n0: int) -> tuple[int, tuple[float, ...], tuple[float, ...]]:
    """Return the least count that n1 can have of those shown, and Fisher's P and the mid-P of each count from there on.

    In whole numbers, so that equally probable tables are equal.
    """
    first, last = max(0, shown - n0), min(shown, n1)
    weight = math.comb(n1, first) * math.comb(n0, shown - first)
    weights = [weight]
    for k in range(first, last):
        weight = weight * (n1 - k) * (shown - k) // ((k + 1) * (n0 - shown + k + 1))
        weights.append(weight)
    total, below, at_most = sum(weights), {}, {}
    summed = 0
    for value, alike in itertools.groupby(sorted(weights)):
        below[value] = summed
        summed += value * len(list(alike))
        at_most[value] = summed
    two_sided = tuple(at_most[w] / total for w in weights)
    return first, two_sided, tuple((at_most[w] + below[w]) / (2 * total) for w in weights)


def fisher_p_value(a: int, n1: int, b: int, n0: int) -> float:
    """Return the two-sided P of Fisher's exact test for a of n1 against b of n0; NaN for a constant or an empty group.

    Examples
    --------
    >>> round(fisher_p_value(3, 3, 18, 69), 4)
    0.0223
    """
    if a + b in (0, n1 + n0) or not n1 or not n0:
        return math.nan
    first, p_values, _ = _exact_p_values(a + b, n1, n0)
    return p_values[a - first]


def fisher_mid_p_value(a: int, n1: int, b: int, n0: int) -> float:
    """Return the two-sided mid-P of Fisher's exact test: less probable tables, and half of those equally probable.

    R: ``p <- dhyper(0:k, n1, n0, k); sum(p[p < p0]) + sum(p[p == p0]) / 2``. NaN as for `fisher_p_value`.

    Examples
    --------
    >>> round(fisher_mid_p_value(3, 3, 18, 69), 4)
    0.0112
    """
    if a + b in (0, n1 + n0) or not n1 or not n0:
        return math.nan
    first, _, p_values = _exact_p_values(a + b, n1, n0)
    return p_values[a - first]


#: test of two levels -> its P for a of n1 against b of n0
COUNTED = {
    "pearson_chi_square": pearson_p_value,
    "fisher_exact": fisher_p_value,
    "yates_chi_square": yates_p_value,
    "likelihood_ratio": likelihood_ratio_p_value,
    "fisher_mid_p": fisher_mid_p_value,
    "n_minus_1_chi_square": n_minus_1_p_value,
}


def margins(ones: Sequence[int], zeros: Sequence[int]) -> tuple[list[int], int, int, bool]:
    """Return how many show each level, the sizes of the groups, and whether there is anything to test."""
    shown, n1, n0 = [a + b for a, b in zip(ones, zeros, strict=True)], sum(ones), sum(zeros)
    return shown, n1, n0, bool(n1 and n0 and sum(map(bool, shown)) > 1)


def _chi_square(statistic: float, df: int) -> float:
    from scipy import special

    return math.erfc(math.sqrt(statistic / 2)) if df == 1 else float(special.chdtrc(df, statistic))


def pearson_of_table(ones: Sequence[int], zeros: Sequence[int]) -> float:
    """Return P of Pearson's chi-square for the counts of each level in two groups; empty levels do not count.

    NaN where a group is empty, or all patients show one level.

    Examples
    --------
    >>> round(pearson_of_table((2, 1, 0), (37, 5, 27)), 4)
    0.1643
    """
    shown, n1, n0, defined = margins(ones, zeros)
    if not defined:
        return math.nan
    # (a n0 - b n1)^2 / (n1 n0 m) is what a level of m patients adds.
    terms = [(a * n0 - b * n1) ** 2 / (n1 * n0 * m) for a, b, m in zip(ones, zeros, shown, strict=True) if m]
    return _chi_square(math.fsum(terms), len(terms) - 1)


def likelihood_ratio_of_table(ones: Sequence[int], zeros: Sequence[int]) -> float:
    """Return P of the likelihood ratio chi-square, G = 2 sum O log(O / E); as `pearson_of_table`.

    SPSS: CROSSTABS /STATISTICS=CHISQ, "Likelihood Ratio".

    Examples
    --------
    >>> round(likelihood_ratio_of_table((2, 1, 0), (37, 5, 27)), 4)
    0.1528
    """
    shown, n1, n0, defined = margins(ones, zeros)
    if not defined:
        return math.nan
    total = n1 + n0
    terms = [
        count * math.log(count * total / (m * size))
        for group, size in ((ones, n1), (zeros, n0))
        for count, m in zip(group, shown, strict=True)
        if count
    ]
    return _chi_square(max(2 * math.fsum(terms), 0.0), sum(map(bool, shown)) - 1)


def linear_by_linear_of_table(ones: Sequence[int], zeros: Sequence[int]) -> float:
    """Return P of the linear-by-linear association of two groups with the order of the levels.

    (N - 1) r^2, r Pearson's correlation of the group with the scores 1, 2, 3 and so on; one degree of freedom. SPSS:
    "Linear-by-Linear Association". NaN as for `pearson_of_table`.

    Examples
    --------
    >>> round(linear_by_linear_of_table((2, 1, 0), (37, 5, 27)), 4)
    0.3515
    """
    shown, n1, n0, defined = margins(ones, zeros)
    if not defined:
        return math.nan
    total = n1 + n0
    first = sum(k * m for k, m in enumerate(shown))
    spread = total * sum(k * k * m for k, m in enumerate(shown)) - first**2
    apart = n0 * sum(k * a for k, a in enumerate(ones)) - n1 * sum(k * b for k, b in enumerate(zeros))
    return _chi_square((total - 1) * apart**2 / (n1 * n0 * spread), 1)


@lru_cache(maxsize=1024)
def freeman_halton_of_table(ones: tuple[int, ...], zeros: tuple[int, ...]) -> float:
    """Return P of the exact test of Fisher, Freeman and Halton for the counts of each level in two groups.

    The tables of the same margins that are no more probable, counted in whole numbers. R: ``fisher.test(table)``. NaN
    as for `pearson_of_table`, and where more than `MOST_TABLES` tables would be counted.

    Examples
    --------
    >>> round(freeman_halton_of_table((2, 1, 0), (37, 5, 27)), 4)
    0.1758
    """
    shown, n1, n0, defined = margins(ones, zeros)
    if not defined:
        return math.nan
    if n1 > n0:
        n1, ones = n0, zeros
    # patients so far in the smaller group -> weight of a table so far -> tables of that weight
    found: dict[int, dict[int, int]] = {0: {1: 1}}
    for m in shown:
        ways = [math.comb(m, k) for k in range(min(m, n1) + 1)]
        further: dict[int, dict[int, int]] = {}
        for so_far, weights in found.items():
            for k, way in enumerate(ways[: n1 - so_far + 1]):
                of = further.setdefault(so_far + k, {})
                for weight, tables in weights.items():
                    of[weight * way] = of.get(weight * way, 0) + tables
        found = further
        if sum(map(len, found.values())) > MOST_TABLES:
            return math.nan
    here = math.prod(math.comb(m, a) for m, a in zip(shown, ones, strict=True))
    return sum(weight * tables for weight, tables in found[n1].items() if weight <= here) / math.comb(sum(shown), n1)


#: test of several levels -> its P for the counts of the levels in the first group and in the second
TABLED = {
    "pearson_chi_square": pearson_of_table,
    "likelihood_ratio": likelihood_ratio_of_table,
    "fisher_freeman_halton": freeman_halton_of_table,
    "linear_by_linear": linear_by_linear_of_table,
}


@lru_cache(maxsize=256)
def counts_that_print(test: str, n1: int, n0: int, printed: Interval) -> tuple[tuple[int, int, int], ...]:
    """Return, for each count in the first group, the runs (first, last) of counts in the second that print P."""
    p_value, found = COUNTED[test], []
    for a in range(n1 + 1):
        start = None
        for b in range(n0 + 2):
            inside = b <= n0 and p_value(a, n1, b, n0) in printed
            if inside and start is None:
                start = b
            elif not inside and start is not None:
                found.append((a, start, b - 1))
                start = None
    return tuple(found)


def tie_window(u2: int, n1: int, n0: int, printed: Interval, *, continuity: bool = False) -> tuple[int, int] | None:
    """Return the least and the largest sum of t^3 - t under which twice U = u2 prints P; None where there is none.

    With `continuity`, U is first brought half a unit nearer its expectation.

    Notes
    -----
    P is asymptotic, corrected for ties, without continuity correction (SPSS's "Asymp. Sig. (2-tailed)"):
    z = (U - n1 n0 / 2) / sqrt(n1 n0 / 12 (N + 1 - T / (N (N - 1)))), where T sums t^3 - t. P falls as T grows, so the
    sums that print it are an interval.
    """
    total = n1 + n0
    if not n1 or not n0:
        return None
    distance = max(abs(u2 - n1 * n0) - continuity, 0) / 2
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
