"""How numbers are shortened for print, and which numbers print as a figure does under each rule."""

from __future__ import annotations

import math
from fractions import Fraction

from printcheck.printed.published import Figure, fixed
from tallystats.interval import Interval

#: Rules under which programs and people shorten a number, the usual one first.
RULES = ("half away from zero", "half to even", "half towards zero", "truncated")


def middle(interval: Interval) -> Fraction:
    """Return the number that was printed, of the numbers that print so when rounded."""
    return (interval.low + interval.high) / 2


def unit_of(interval: Interval) -> Fraction:
    """Return what the last digit that was printed is worth; 0 for a number that is exact."""
    return interval.high - interval.low


def with_ties(interval: Interval) -> Interval:
    """Let a half be rounded either way."""
    return Interval(interval.low, interval.high)


def if_cut(interval: Interval) -> Interval:
    """Return the numbers that print so when cut off after the last digit."""
    value, unit = middle(interval), unit_of(interval)
    return Interval(value, value + unit, has_high=False) if value >= 0 else Interval(value - unit, value, has_low=False)


def loose(interval: Interval) -> Interval:
    """Return the numbers that print so, rounded or cut off."""
    shortened = if_cut(interval)
    return Interval(min(interval.low, shortened.low), max(interval.high, shortened.high))


def exceeds(one: Interval, other: Interval) -> bool:
    """Say whether a number is above another however they were rounded; rounding alike keeps their order."""
    if unit_of(one) == unit_of(other):
        return middle(one) > middle(other)
    low, high = loose(one).low, loose(other).high
    # What was cut off is below the next number.
    return low > high or (low == high and middle(other) >= 0 and unit_of(other) > 0)


def shown_number(interval: Interval) -> str:
    """Write the number that was printed."""
    value, unit = middle(interval), unit_of(interval)
    return fixed(value, max(0, round(-math.log10(unit)))) if unit else f"{float(value):g}"


def rounding_rules(figure: Figure, count: int, total: int) -> tuple[str, ...]:
    """Return the rules under which a count prints as a percentage does.

    Parameters
    ----------
    figure : Figure
        A printed percentage.
    count, total : int
        100 count / total is what is shortened.

    Returns
    -------
    tuple of str
        Those of `RULES` that print it, the usual one first; none where the percentage is of another count.

    Notes
    -----
    The rules differ at halves alone, but for truncation. R: ``janitor::round_half_up`` and ``round`` (half to even where
    the half is exact in binary).
    """
    printed = figure.parts["percent"]
    unit = unit_of(printed)
    scaled, shown = Fraction(100 * count, total) / unit, middle(printed) / unit
    floor, half = math.floor(scaled), scaled % 1 == Fraction(1, 2)
    nearest = floor + (scaled % 1 >= Fraction(1, 2))
    given = (nearest, floor + floor % 2 if half else nearest, floor if half else nearest, floor)
    return tuple(rule for rule, value in zip(RULES, given, strict=True) if value == shown)


def counts_by_rule(figure: Figure, total: int) -> dict[str, tuple[int, ...]]:
    """Return, for each rule of rounding, the counts of a total that print a percentage."""
    printed = figure.parts["percent"]
    unit = unit_of(printed)
    first = max(0, math.floor((middle(printed) - unit) * total / 100))
    last = min(total, math.ceil((middle(printed) + unit) * total / 100))
    found = {k: rounding_rules(figure, k, total) for k in range(first, last + 1)}
    return {rule: tuple(k for k, rules in found.items() if rule in rules) for rule in RULES}
