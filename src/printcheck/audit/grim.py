"""Means and SD that no recorded values have: GRIM, GRIMMER and the largest SD between two limits."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

from printcheck.audit.checks import Check, Sheet, listed, told
from printcheck.printed.published import Figure, fixed
from printcheck.printed.rounding import if_cut, loose, with_ties
from tallystats.interval import Interval

#: Summary -> what is printed of it: each figure, and the numbers that print so.
Numbers = dict[str, list[tuple[Figure, Interval]]]


def grim(mean: Interval, n: int, *, step: Fraction | float = 1) -> bool:
    """Say whether n recorded values can have a mean that prints so (GRIM test).

    Parameters
    ----------
    mean : Interval
        The means that print so.
    n : int
        Values.
    step : float
        The smallest difference between two recorded values; 1 for whole numbers.

    Notes
    -----
    The sum of n multiples of `step` is one too [1]_. R: ``scrutiny::grim``.

    References
    ----------
    .. [1] Brown NJL, Heathers JAJ. The GRIM test. Soc Psychol Personal Sci 2017; 8: 363-369.

    Examples
    --------
    >>> from fractions import Fraction
    >>> grim(Interval(Fraction("2.325"), Fraction("2.335")), 3), grim(Interval(Fraction("2.345"), Fraction("2.355")), 3)
    (True, False)
    """
    least, most = _sums(mean, n, step)
    return least <= most


def grimmer(mean: Interval, sd: Interval, n: int, *, step: Fraction | float = 1, divisor: int | None = None) -> bool:
    """Say whether n recorded values can have a mean and an SD that print so (GRIMMER test).

    Parameters
    ----------
    mean, sd : Interval
        What prints so.
    n : int
        Values, at least 2.
    step : float
        The smallest difference between two recorded values.
    divisor : int, optional
        Of the sum of squared deviations: n - 1 unless given.

    Notes
    -----
    In steps, the sum S and the sum of squares Q are whole numbers with Q - S^2 / n = (n - 1) SD^2, and S and Q are both
    even or both odd [1]_ [2]_. `reachable` says which of them n whole numbers have.

    References
    ----------
    .. [1] Anaya J. The GRIMMER test: a method for testing the validity of reported measures of variability.
       PeerJ Preprints 2016; 4: e2400v1.
    .. [2] Allard A. Analytic-GRIMMER: a new way of testing the possibility of standard deviations. 2018.

    Examples
    --------
    >>> from fractions import Fraction
    >>> mean = Interval(Fraction("3.435"), Fraction("3.445"))
    >>> grimmer(mean, Interval(Fraction("2.465"), Fraction("2.475")), 18)
    False
    """
    step, divisor = Fraction(str(step)), n - 1 if divisor is None else divisor
    least, most = (end * end * divisor / step**2 for end in (max(sd.low, Fraction(0)), sd.high))
    first, last = _sums(mean, n, step)
    for total in range(first, last + 1):
        shift = Fraction(total * total, n)
        for squares in range(math.ceil(least + shift), math.floor(most + shift) + 1):
            if reachable(n, total, squares):
                return True
    return False


def reachable(n: int, total: int, squares: int) -> bool:
    """Say whether n whole numbers can have this sum and this sum of squares.

    Notes
    -----
    Four numbers of sum S and squares Q are half the sums and differences of S / 2 and three others whose squares add up to
    Q - S^2 / 4: for an even S these exist unless that is 4^a (8 b + 7) (Legendre), and for an odd S always (Cauchy's lemma).
    Of five or more, one can be chosen next to the mean so that the others leave an odd sum.

    Examples
    --------
    >>> reachable(3, 0, 2), reachable(3, 0, 4)
    (True, False)
    """
    if (total - squares) % 2:
        return False
    # Moved so that the mean lies near 0.
    near = round(Fraction(total, n))
    total, squares = total - n * near, squares - 2 * near * total + n * near * near
    if squares < abs(total):
        return False
    if n > 4 or (n == 4 and total % 2):
        return True
    if n == 4:
        rest = squares - total * total // 4
        while rest and rest % 4 == 0:
            rest //= 4
        return rest % 8 != 7
    if n == 1:
        return squares == total * total
    if n == 2:
        rest = 2 * squares - total * total
        return rest >= 0 and math.isqrt(rest) ** 2 == rest
    most = math.isqrt(squares)
    return any(reachable(2, total - value, squares - value * value) for value in range(-most, most + 1))


def _sums(mean: Interval, n: int, step: Fraction | float) -> tuple[int, int]:
    step = Fraction(str(step))
    return Interval(mean.low * n / step, mean.high * n / step, mean.has_low, mean.has_high).whole()


def largest_sd(low: Interval, high: Interval, mean: Interval, n: int) -> float:
    """Return the largest SD of n values between two limits with a mean, all as printed.

    Notes
    -----
    sqrt((high - mean) (mean - low) n / (n - 1)): all values at the limits (Bhatia and Davis 2000).

    Examples
    --------
    >>> from fractions import Fraction
    >>> exactly = lambda value: Interval(Fraction(value), Fraction(value))
    >>> round(largest_sd(exactly(0), exactly(10), exactly(5), 2), 3)
    7.071
    """
    bottom, top = low.low, high.high
    centre = min(max((bottom + top) / 2, mean.low), mean.high)
    return math.sqrt(max(0, (top - centre) * (centre - bottom)) * n / (n - 1))


def check_recordable(sheet: Sheet, variable: str, found: Numbers) -> Iterator[Check]:
    """Yield means, medians and SD of one variable and group that no recorded values have (GRIM, GRIMMER)."""
    step = Fraction(str(sheet.study.step(variable)))
    recorded = "whole values" if step == 1 else f"values recorded to {float(step):g}"
    for figure, mean in found.get("mean", ()) if step else ():
        if not (n := sheet.denominator(figure)):
            continue
        said = sheet.said(figure)
        # Where the row does not say how many had a value, some may have had none.
        holds, tail = (False, "") if figure.denominator else (None, ", unless some have none")
        if not grim(with_ties(mean), n, step=step):
            below = math.floor(mean.low * n / step)
            near = [fixed(total * step / n, figure.decimals + 1) for total in (below, below + 1)]
            if grim(if_cut(mean), n, step=step):
                reason = f"{said}: cut off after the last digit, not rounded; the mean is {near[1]}"
                yield told("grim", [figure], reason, holds=True, method="truncated", recomputed=near[1])
            else:
                reason = f"{said}: no {n} {recorded} have this mean{tail}; the nearest are {listed(near)}"
                yield told("grim", [figure], reason, holds=holds, recomputed=" or ".join(near))
            continue
        for other, sd in found.get("sd", ()):
            if n < 2 or sheet.denominator(other) != n or grimmer(with_ties(mean), with_ties(sd), n, step=step):
                continue
            said, method = f"{sheet.said(other)} beside the mean {figure.value}", ""
            if grimmer(with_ties(mean), if_cut(sd), n, step=step):
                method, reason = "truncated", f"{said}: cut off after the last digit, not rounded"
            elif grimmer(with_ties(mean), with_ties(sd), n, step=step, divisor=n):
                method, reason = "divided by n", f"{said}: squares divided by {n}, not by {n - 1}"
            else:
                reason = f"{said}: no {n} {recorded} have this SD{tail}"
            yield told("grimmer", [other, figure], reason, holds=True if method else holds, method=method)
    for figure, median in found.get("median", ()) if step else ():
        # A value, or the mean of two.
        n = sheet.denominator(figure)
        if not grim(loose(median), 1 if n and n % 2 else 2, step=step):
            reason = f"{sheet.said(figure)}: neither a value recorded to {float(step):g} nor, of an even number, halfway"
            yield told("grim", [figure], reason, holds=False if figure.denominator or not n or n % 2 == 0 else None)
