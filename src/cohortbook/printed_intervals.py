"""Arithmetic on printed numbers: means, SD, quartiles, intervals, and claims of significance.

Counts and percentages are checked in `cohortbook.arithmetic`, whose `check_figures` calls what is here.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist
from typing import TYPE_CHECKING

from cohortbook.arithmetic import Check, Sheet, listed, middle, span, told
from cohortbook.claims import planned_tests
from cohortbook.published import Figure, Interval
from cohortbook.study import NUMERIC

if TYPE_CHECKING:
    from cohortbook.arithmetic import Count

#: Summaries in the order in which their values stand.
ORDER = ("min", "q1", "median", "q3", "max")
SUMMARIES = (*ORDER, "mean", "sd")
#: P values are this far apart, in standard deviations of the normal, before two tests of one effect are told apart...
_FAR = 0.5
#: ... and before no honest pair of tests is thought of.
_TOO_FAR = 1.0
_USUAL = Fraction(1, 20)
_LEAST_P = 1e-300

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


def implied_p(
    estimate: Interval, low: Interval, high: Interval, *, ratio: bool = True, level: float = 0.95
) -> tuple[float, float]:
    """Return the least and the greatest two-sided P of the Wald test whose interval prints so.

    Parameters
    ----------
    estimate, low, high : Interval
        What prints as the estimate and the ends of its interval.
    ratio : bool
        The interval is symmetric for the logarithm, and 1 is no effect; otherwise 0 is.
    level : float
        Of the interval.

    Returns
    -------
    tuple of float
        0 and 1 where an end of a ratio prints as 0 or the interval has no width.

    Notes
    -----
    z = estimate / SE with SE = (high - low) / (2 z_level), logarithms for a ratio (Altman and Bland, BMJ 2011; 343: d2304).

    Examples
    --------
    >>> from fractions import Fraction
    >>> about = lambda text: Interval(Fraction(text) - Fraction("0.005"), Fraction(text) + Fraction("0.005"))
    >>> [round(p, 3) for p in implied_p(about("2.31"), about("1.05"), about("5.07"))]
    [0.036, 0.038]
    """
    if ratio and min(estimate.low, low.low, high.low) <= 0:
        return 0.0, 1.0
    ends = [float(end) for interval in (estimate, low, high) for end in (interval.low, interval.high)]
    e1, e2, l1, l2, h1, h2 = map(math.log, ends) if ratio else ends
    if h1 <= l2:
        return 0.0, 1.0
    per_se = 2 * NormalDist().inv_cdf((1 + level) / 2)
    nearest = 0.0 if e1 <= 0 <= e2 else min(abs(e1), abs(e2))
    return _p(max(abs(e1), abs(e2)) * per_se / (h1 - l2)), _p(nearest * per_se / (h2 - l1))


def check_numbers(sheet: Sheet) -> Iterator[Check]:
    """Yield what is odd about printed means, SD, quartiles, ranges and intervals."""
    numbers: dict[tuple[str, str], Numbers] = defaultdict(lambda: defaultdict(list))
    for figure in sheet.figures:
        if figure.variable in sheet.study.names and sheet.study.kind(figure.variable) in NUMERIC:
            for name, interval in figure.parts.items():
                if name in SUMMARIES and not figure.level:
                    recorded = _recorded(sheet, figure, interval) if name in ("min", "max") else interval
                    numbers[figure.variable, figure.group][name].append((figure, recorded))
    for (variable, group), found in numbers.items():
        yield from _whole_numbers(sheet, variable, found)
        yield from _in_order(sheet, variable, found)
        yield from _spread(sheet, found)
        if group != "all":
            yield from _within(sheet, found, numbers.get((variable, "all"), {}))
    for figure in sheet.figures:
        if figure.statistic == "value" and "value" in figure.parts:
            value = (figure, _recorded(sheet, figure, figure.parts["value"]))
            given: Numbers = {"min": [value], "max": [value]}
            yield from _within(sheet, given, numbers.get((figure.variable, "all"), {}), alone=True)
    for variable in dict.fromkeys(variable for variable, _ in numbers):
        yield from _means(sheet, variable, numbers)
    for figure in sheet.figures:
        if {"estimate", "low", "high"} <= set(figure.parts):
            yield from _interval(sheet, figure)
    yield from _survival(sheet)


def _sums(mean: Interval, n: int, step: Fraction | float) -> tuple[int, int]:
    step = Fraction(str(step))
    return Interval(mean.low * n / step, mean.high * n / step, mean.has_low, mean.has_high).whole()


def _p(z: float) -> float:
    return math.erfc(z / math.sqrt(2))


def _unit(interval: Interval) -> Fraction:
    return interval.high - interval.low


def _closed(interval: Interval) -> Interval:
    """Let a half be rounded either way."""
    return Interval(interval.low, interval.high)


def _cut(interval: Interval) -> Interval:
    """Return the numbers that print so when cut off after the last digit."""
    value, unit = middle(interval), _unit(interval)
    return Interval(value, value + unit, has_high=False) if value >= 0 else Interval(value - unit, value, has_low=False)


def _loose(interval: Interval) -> Interval:
    """Return the numbers that print so, rounded or cut off."""
    cut = _cut(interval)
    return Interval(min(interval.low, cut.low), max(interval.high, cut.high))


def _recorded(sheet: Sheet, figure: Figure, interval: Interval) -> Interval:
    """Return a recorded value itself where it is printed as it was recorded."""
    value = middle(interval)
    return Interval(value, value) if _unit(interval) <= Fraction(str(sheet.study.step(figure.variable))) else interval


def _exceeds(one: Interval, other: Interval) -> bool:
    """Say whether a number is above another however they were rounded; rounding alike keeps their order."""
    if _unit(one) == _unit(other):
        return middle(one) > middle(other)
    low, high = _loose(one).low, _loose(other).high
    # What was cut off is below the next number.
    return low > high or (low == high and middle(other) >= 0 and _unit(other) > 0)


def _whole_numbers(sheet: Sheet, variable: str, found: Numbers) -> Iterator[Check]:
    """Yield means, medians and SD that no recorded values have (GRIM, GRIMMER)."""
    step = Fraction(str(sheet.study.step(variable)))
    recorded = "whole values" if step == 1 else f"values recorded to {float(step):g}"
    for figure, mean in found.get("mean", ()) if step else ():
        if not (n := sheet.denominator(figure)):
            continue
        said = sheet.said(figure)
        # Where the row does not say how many had a value, some may have had none.
        holds, tail = (False, "") if figure.denominator else (None, ", unless some have none")
        if not grim(_closed(mean), n, step=step):
            below = math.floor(mean.low * n / step)
            near = [f"{float(total * step / n):.{figure.decimals + 1}f}" for total in (below, below + 1)]
            if grim(_cut(mean), n, step=step):
                reason = f"{said}: cut off after the last digit, not rounded; the mean is {near[1]}"
                yield told("grim", [figure], reason, holds=True, method="truncated", recomputed=near[1])
            else:
                reason = f"{said}: no {n} {recorded} have this mean{tail}; the nearest are {listed(near)}"
                yield told("grim", [figure], reason, holds=holds, recomputed=" or ".join(near))
            continue
        for other, sd in found.get("sd", ()):
            if n < 2 or sheet.denominator(other) != n or grimmer(_closed(mean), _closed(sd), n, step=step):
                continue
            said, method = f"{sheet.said(other)} beside the mean {figure.value}", ""
            if grimmer(_closed(mean), _cut(sd), n, step=step):
                method, reason = "truncated", f"{said}: cut off after the last digit, not rounded"
            elif grimmer(_closed(mean), _closed(sd), n, step=step, divisor=n):
                method, reason = "divided by n", f"{said}: squares divided by {n}, not by {n - 1}"
            else:
                reason = f"{said}: no {n} {recorded} have this SD{tail}"
            yield told("grimmer", [other, figure], reason, holds=True if method else holds, method=method)
    for figure, median in found.get("median", ()) if step else ():
        # A value, or the mean of two.
        n = sheet.denominator(figure)
        if not grim(_loose(median), 1 if n and n % 2 else 2, step=step):
            reason = (
                f"{sheet.said(figure)}: neither a value recorded to {float(step):g} nor, of an even number, halfway"
            )
            yield told("grim", [figure], reason, holds=False if figure.denominator or not n or n % 2 == 0 else None)


def _in_order(sheet: Sheet, variable: str, found: Numbers) -> Iterator[Check]:
    """Yield summaries that stand in the wrong order, differ from themselves, or leave the range of the dictionary."""
    pairs = [*itertools.combinations(ORDER, 2), ("min", "mean"), ("mean", "max")]
    for less, more in pairs:
        for (one, low), (other, high) in itertools.product(found.get(less, ()), found.get(more, ())):
            if _exceeds(low, high):
                words = f"{_word(less)} {_shown(low)}, above the {_word(more)} {_shown(high)} ({other.source})"
                yield told("order", [one, other], f"{sheet.said(one)}: {words}")
    limits = sheet.study.range(variable)
    for name, printed in found.items():
        first, before = printed[0]
        for one, value in printed[1:]:
            alike = sheet.denominator(one) == sheet.denominator(first)
            if alike and (_exceeds(value, before) or _exceeds(before, value)):
                reason = f"{sheet.said(one)}: another {_word(name)} than {sheet.named([first])}"
                yield told("order", [one, first], reason, recomputed=_shown(before))
        for figure, value in printed if limits and name != "sd" else ():
            if _loose(value).high < Fraction(str(limits[0])) or _loose(value).low > Fraction(str(limits[1])):
                reason = f"{sheet.said(figure)}: outside {limits[0]:g} to {limits[1]:g}, the values that there can be"
                yield told("order", [figure], reason)


def _spread(sheet: Sheet, found: Numbers) -> Iterator[Check]:
    """Yield SD that are too large, or too small, for the least and the greatest value."""
    for (sd, spread), (low, least), (high, most) in itertools.product(
        *(found.get(k, ()) for k in ("sd", "min", "max"))
    ):
        n = sheet.denominator(sd)
        if not n or n < 2:
            continue
        ends = f"{n} values from {_shown(least)} to {_shown(most)}"
        for mean, centre in found.get("mean", ())[:1]:
            limit = largest_sd(_loose(least), _loose(most), _loose(centre), n)
            if spread.low > Fraction(limit) * (1 + Fraction(1, 10**9)):
                reason = f"{sheet.said(sd)}: {ends} with mean {_shown(centre)} have an SD of at most {limit:.4g}"
                yield told("order", [sd, low, high, mean], reason, recomputed=f"{limit:.4g}")
        # All others half-way between the two.
        limit = float(max(_loose(most).low - _loose(least).high, 0)) / math.sqrt(2 * (n - 1))
        if float(_loose(spread).high) < limit * (1 - 1e-9):
            reason = f"{sheet.said(sd)}: {ends} have an SD of at least {limit:.4g}"
            yield told("order", [sd, low, high], reason, recomputed=f"{limit:.4g}")


def _within(sheet: Sheet, found: Numbers, everybody: Numbers, *, alone: bool = False) -> Iterator[Check]:
    """Yield extremes of a group, or values of a patient, beyond the extremes of all."""
    for name, side in (("min", "below"), ("max", "above")):
        for (one, value), (other, limit) in itertools.product(found.get(name, ()), everybody.get(name, ())):
            if _exceeds(limit, value) if name == "min" else _exceeds(value, limit):
                words = f"{'value' if alone else _word(name)} {side} the {_word(name)} of all, {_shown(limit)}"
                yield told("order", [one, other], f"{sheet.said(one)}: a {words} ({other.source})")


def _word(name: str) -> str:
    words = {"min": "least", "max": "greatest", "q1": "first quartile", "q3": "third quartile", "sd": "SD"}
    return words.get(name, name)


def _shown(interval: Interval) -> str:
    """Write the number that was printed."""
    value, unit = middle(interval), _unit(interval)
    return f"{float(value):.{max(0, round(-math.log10(unit)))}f}" if unit else f"{float(value):g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bound:
    """What figures say of the mean of a group of n: from `low` to `high`."""

    figures: tuple[Figure, ...]
    low: Fraction
    high: Fraction
    n: int
    parts: tuple[_Bound, ...] = ()


def _means(sheet: Sheet, variable: str, numbers: dict[tuple[str, str], Numbers]) -> Iterator[Check]:
    """Yield means against the counts of their values and bands, and against the means of groups that share all out."""
    for group in ("all", *sheet.groups):
        for mean in _printed_means(sheet, variable, group, numbers):
            for counted in _counted_means(sheet, variable, group, numbers):
                if mean.n == counted.n and (mean.low > counted.high or mean.high < counted.low):
                    yield _other_mean(sheet, mean, counted)
    evidence = [*_printed_means(sheet, variable, "all", numbers), *_counted_means(sheet, variable, "all", numbers)]
    for groups in sheet.partitions:
        parts = [next(_printed_means(sheet, variable, group, numbers), None) for group in groups]
        n = sum(part.n for part in parts if part)
        if None in parts or not n:
            continue
        pooled = _Bound(
            figures=tuple(f for part in sorted(parts, key=lambda part: -part.n) for f in part.figures),
            low=sum(part.low * part.n for part in parts) / n, high=sum(part.high * part.n for part in parts) / n, n=n,
            parts=tuple(sorted(parts, key=lambda part: -part.n)),
        )  # fmt: skip
        for whole in evidence:
            if whole.n == n and (pooled.low > whole.high or pooled.high < whole.low):
                yield _other_mean(sheet, pooled, whole)
                break


def _other_mean(sheet: Sheet, mean: _Bound, counted: _Bound) -> Check:
    """Say that a printed mean, or means of groups together, are not what others give; the largest group is blamed first."""
    rest = mean.parts[1:]
    n = mean.parts[0].n if mean.parts else mean.n
    low = (counted.low * counted.n - sum(part.high * part.n for part in rest)) / n
    high = (counted.high * counted.n - sum(part.low * part.n for part in rest)) / n
    given = span(*(f"{float(end):.{mean.figures[0].decimals + 1}f}" for end in (low, high)))
    others = sheet.named((*counted.figures, *mean.figures[1:]))
    reason = (
        f"{sheet.said(mean.figures[0])}: by the others it would be {given} ({others}; {counted.n} {sheet.unit} in all)"
    )
    return told("order", [*mean.figures, *counted.figures], reason, recomputed=given)


def _printed_means(
    sheet: Sheet, variable: str, group: str, numbers: dict[tuple[str, str], Numbers]
) -> Iterator[_Bound]:
    for figure, mean in numbers.get((variable, group), {}).get("mean", ()):
        if n := sheet.denominator(figure):
            yield _Bound(figures=(figure,), low=_loose(mean).low, high=_loose(mean).high, n=n)


def _counted_means(
    sheet: Sheet, variable: str, group: str, numbers: dict[tuple[str, str], Numbers]
) -> Iterator[_Bound]:
    """Yield what counts of all values, or of all bands, of a variable say of its mean."""
    low, high = sheet.study.range(variable) or (-math.inf, math.inf)
    ends: list[Figure] = []
    for figure, value in numbers.get((variable, group), {}).get("min", ()):
        if _loose(value).low > low:
            low, ends = float(_loose(value).low), [*ends, figure]
    for figure, value in numbers.get((variable, group), {}).get("max", ()):
        if _loose(value).high < high:
            high, ends = float(_loose(value).high), [*ends, figure]
    spans = {}
    for name, rule in sheet.study.file.derived.items():
        for band in rule.bands if rule.from_ == variable else ():
            tops = [top for top in (band.to, band.below) if top is not None]
            spans[name, band.label] = (max(low, band.from_ if band.from_ is not None else low), min([high, *tops]))
    for name in dict.fromkeys([variable, *(name for name, _ in spans)]):
        counts: dict[str, Count] = {}
        for count in sheet.counts:
            if count.space == (name,) and count.group == group and len(count.cells) == 1 and count.exact:
                counts.setdefault(next(iter(count.cells))[0], count)
        n = sum(count.low for count in counts.values())
        values = [spans[name, level] if name != variable else (Fraction(level),) * 2 for level in counts]
        used = [(value, count.low) for value, count in zip(values, counts.values(), strict=True) if count.low]
        if not n or n != sheet.size(group) or any(math.inf in map(abs, value) for value, _ in used):
            continue
        bounds = [sum(Fraction(str(value[at])) * count for value, count in used) / n for at in (0, 1)]
        figures = (*(count.figure for count in counts.values()), *(ends if name != variable else ()))
        yield _Bound(figures=figures, low=bounds[0], high=bounds[1], n=n)


def _interval(sheet: Sheet, figure: Figure) -> Iterator[Check]:
    """Yield what is odd about an estimate and its interval, and about P beside them."""
    estimate, low, high = (figure.parts[name] for name in ("estimate", "low", "high"))
    said, ratio = sheet.said(figure), figure.statistic.endswith("ratio")
    if _exceeds(low, estimate) or _exceeds(estimate, high):
        yield told("interval", [figure], f"{said}: the estimate lies outside its interval")
        return
    if figure.statistic == "survival":  # symmetric on no scale in particular
        return
    ends = [_loose(end) for end in (estimate, low, high)]
    if not ratio or min(end.low for end in ends) > 0:
        scale = math.log if ratio else float
        least, centre_least, most, centre_most = (
            scale(ends[0].low), (scale(ends[1].low) + scale(ends[2].low)) / 2,
            scale(ends[0].high), (scale(ends[1].high) + scale(ends[2].high)) / 2,
        )  # fmt: skip
        if centre_least > most + 1e-9 or centre_most < least - 1e-9:
            centre = (centre_least + centre_most) / 2
            given = f"{math.exp(centre) if ratio else centre:.4g}"
            where = "on the scale of logarithms, " if ratio else ""
            reason = f"{said}: the middle of the interval is {where}{given}, where Wald's has its estimate; profile and"
            reason += " exact intervals need not"
            yield told("interval", [figure], reason, holds=None, recomputed=given)
    same = [p for p in sheet.figures if p.statistic == "p" and (p.variable, p.group) == (figure.variable, figure.group)]
    same = [p for p in same if "p" in p.parts and (p.level == figure.level or not (p.level and figure.level))]
    for p in sorted(same, key=lambda p: p.source != figure.source)[:1]:
        yield from _p_of_interval(sheet, figure, p, ratio=ratio)


def _survival(sheet: Sheet) -> Iterator[Check]:
    """Yield survival that rises."""
    read = [figure for figure in sheet.figures if figure.statistic == "survival" and "estimate" in figure.parts]
    for early, late in itertools.permutations(read, 2):
        later = Fraction(early.level) < Fraction(late.level)
        same = (early.variable, early.group) == (late.variable, late.group)
        if later and same and _exceeds(late.parts["estimate"], early.parts["estimate"]):
            reason = f"{sheet.said(late)}: survival rises from {sheet.named([early])} at {early.level}"
            yield told("order", [late, early], reason)


def _p_of_interval(sheet: Sheet, figure: Figure, p: Figure, *, ratio: bool) -> Iterator[Check]:
    """Yield a printed P value that is far from the one that the interval beside it gives."""
    noted = re.search(r"(\d{2}(?:\.\d+)?) ?% ?(?:CI|confidence|interval)", figure.note)
    level = float(noted[1]) / 100 if noted else 0.95
    estimate, low, high = (_loose(figure.parts[name]) for name in ("estimate", "low", "high"))
    least, most = implied_p(estimate, low, high, ratio=ratio, level=level)
    printed = _loose(p.parts["p"]) if p.value[:1] in "0123456789." else p.parts["p"]
    bottom, top = max(float(printed.low), _LEAST_P), min(float(printed.high), 1.0)
    if bottom <= most and top >= least:
        return
    gap = abs(_z(bottom) - _z(most)) if bottom > most else abs(_z(top) - _z(least))
    nothing = 1 if ratio else 0
    outside = low.low > nothing or high.high < nothing
    disagree = (outside and bottom > 1 - level) or (low.high < nothing < high.low and top < 1 - level)
    if disagree or gap > _FAR:
        given = span(*(f"{end:.2g}" for end in (least, most)))
        side = f"; the interval {'excludes' if outside else 'includes'} {nothing}" if disagree else ""
        reason = f"{sheet.said(figure)}: this interval gives P {given}, and {p.value} is printed ({p.source}){side}"
        holds = False if disagree and gap > _TOO_FAR else None
        yield told("p_of_interval", [p, figure], reason, holds=holds, recomputed=given)


def _z(p: float) -> float:
    return -NormalDist().inv_cdf(max(p, _LEAST_P) / 2) if p < 1 else 0.0


def check_tests(sheet: Sheet) -> Iterator[Check]:
    """Yield what is odd about claims of significance and about the tests that printed P values stand for."""
    printed: dict[str, list[Figure]] = defaultdict(list)
    for figure in sheet.figures:
        if figure.statistic == "p" and "p" in figure.parts and figure.group in sheet.groups:
            printed[figure.group].append(figure)
    for name, figures in printed.items():
        yield from _claims(sheet, name, figures)
        if sheet.groups[name].compare:
            every = len({(_term(sheet, p), p.group) for others in printed.values() for p in others})
            yield from _comparisons(sheet, name, figures, every)
            for figure in figures:
                yield from _undefined(sheet, figure) or _expected(sheet, figure)


def _term(sheet: Sheet, figure: Figure) -> tuple[str, str]:
    """Return what a P value is of: a variable, or one of its levels."""
    return figure.variable, "" if sheet.study.kind(figure.variable) == "binary" else figure.level


def _threshold(sheet: Sheet, name: str) -> tuple[Fraction, str, Figure | None]:
    """Return the threshold of significance stated for P values of a group, what it is called, and the figure that states it."""
    plan, compare = sheet.study.file.comparison, sheet.groups[name].compare
    usual = Fraction(str(plan.significance)) if plan else _USUAL
    if not compare:
        return usual, "", None
    stated = [
        f for f in sheet.everything if (f.about, f.statistic, f.variable) == ("design", "threshold", "significance")
    ]
    found = next(((f, number[0]) for f in stated if (number := re.search(r"\d*\.?\d+", f.value))), None)
    figure, value = found or (None, usual)
    label = f"{figure.level} {figure.note} {figure.claim}" if figure else ""
    if plan and plan.threshold and plan.groups == compare:
        return Fraction(str(plan.threshold)), f"{plan.threshold_label} {label}", figure
    return Fraction(value), label, figure


def _claimed(figure: Figure) -> bool | None:
    """Say whether a figure is called significant, in words or by a mark; None where nothing is said of it."""
    claim = (figure.claim or figure.value).lower().replace(".", "")
    if claim.startswith(("not ", "non", "ns", "insignificant")):
        return False
    return True if "significant" in claim or set(claim) <= set("*†‡§¶#") else None


def _claims(sheet: Sheet, name: str, figures: Sequence[Figure]) -> Iterator[Check]:
    """Yield claims of significance that the stated threshold does not bear out."""
    threshold, _, _ = _threshold(sheet, name)
    starred = {figure.source for figure in figures if _claimed(figure)}
    for figure in figures:
        p, claimed = figure.parts["p"], _claimed(figure)
        stated = f"below the stated threshold of {float(threshold):g}"
        if claimed and p.low >= threshold:
            usual = "; it is below 0.05" if threshold < _USUAL and p.high <= _USUAL else ""
            yield told("threshold", [figure], f"{sheet.said(figure)}: called significant, but not {stated}{usual}")
        elif not claimed and p.high <= threshold and (claimed is False or figure.source in starred):
            words = "called not significant" if claimed is False else "not marked as significant, as others are"
            yield told("threshold", [figure], f"{sheet.said(figure)}: {words}, but {stated}", holds=None)


def _comparisons(sheet: Sheet, name: str, figures: Sequence[Figure], every: int) -> Iterator[Check]:
    """Yield what the number of comparisons makes of the stated threshold and of the claims of significance."""
    threshold, label, stated = _threshold(sheet, name)
    first: dict[tuple[str, str], Figure] = {}
    for figure in figures:
        first.setdefault(_term(sheet, figure), figure)
    number = len(first)
    if number < 2:
        return
    given = f"{float(_USUAL / number):.2g}"
    if "onferroni" in label:
        digits = len(f"{float(threshold):.12f}".rstrip("0").partition(".")[2])
        half = Fraction(1, 2 * 10**digits)
        low, high = _USUAL / (threshold + half), _USUAL / (threshold - half)
        if not (low <= number <= high or low <= every <= high):
            reason = f"{stated.source if stated else 'Stated'}: {float(threshold):g} is Bonferroni's threshold for "
            reason += f"{float(_USUAL / threshold):.4g} comparisons; {number} are printed, for which it is {given}"
            yield told("comparisons", [stated] if stated else first.values(), reason, holds=None, recomputed=given)
    lost = [figure for figure in first.values() if _claimed(figure) and figure.parts["p"].low >= _USUAL / number]
    if lost:
        kept = _holm(list(first.values()))
        still = [figure for figure in lost if figure in kept]
        reason = f"{sheet.named(lost)}: called significant; not so by Bonferroni's threshold for {number} comparisons, "
        reason += f"0.05 / {number} = {given}; by Holm's, {sheet.named(still) if still else 'none of them'} would be"
        yield told("comparisons", lost, reason, holds=None, method="Bonferroni", recomputed=given)


def _holm(figures: list[Figure]) -> list[Figure]:
    """Return what Holm's procedure calls significant at 0.05, taking P at the low end of what prints so."""
    ordered = sorted(figures, key=lambda figure: figure.parts["p"].low)
    below = [figure.parts["p"].low < _USUAL / (len(ordered) - at) for at, figure in enumerate(ordered)]
    return ordered[: [*below, False].index(False)]


def _compared(sheet: Sheet, figure: Figure) -> tuple[str, ...]:
    """Return the printed groups that a P value compares; none where they are not all there."""
    by = sheet.groups[figure.group].compare
    return next((names for names in sheet.partitions if all(set(sheet.groups[n].where) == {by} for n in names)), ())


def _undefined(sheet: Sheet, figure: Figure) -> list[Check]:
    """Return what is wrong with a P value of a variable that all patients share."""
    if sheet.study.kind(figure.variable) in NUMERIC:
        return []
    levels = sheet.study.levels(figure.variable)
    for names, level in itertools.product((("all",), _compared(sheet, figure)), levels):
        counts = [_count(sheet, figure.variable, level, name) for name in names]
        sizes = [count and _size(sheet, count) for count in counts]
        if not names or not all(sizes):
            continue
        shared = all(count.low == size for count, size in zip(counts, sizes, strict=True))
        if shared or (len(levels) == 2 and not any(count.high for count in counts)):
            words = f"all {sum(sizes)} {sheet.unit} are the same ({sheet.named(count.figure for count in counts)})"
            reason = f"{sheet.said(figure)}: {words}, so no test compares them and there is no P"
            figures = [figure, *(count.figure for count in counts)]
            return [told("undefined_test", figures, reason, recomputed="undefined")]
    return []


def _expected(sheet: Sheet, figure: Figure) -> Iterator[Check]:
    """Yield a warning where Pearson's chi-square was planned and expects fewer than 5 patients."""
    from cohortbook.printed_tests import fisher_p_value, pearson_p_value

    variable, names, plan = figure.variable, _compared(sheet, figure), sheet.study.file.comparison
    if sheet.study.kind(variable) in NUMERIC or len(names) != 2:
        return
    levels = sheet.study.levels(variable)
    two = len(levels) == 2 or figure.level in levels
    asked = [figure.level if figure.level in levels else levels[1]] if two else levels
    columns = [[_range(sheet, variable, level, name) for level in asked] for name in names]
    if not all(all(column) for column in columns) or "pearson_chi_square" not in planned_tests(sheet.study, variable):
        return
    if two:
        (first, n1), (second, n0) = (column[0] for column in columns)
        tables = [((a, n1 - a), (b, n0 - b)) for a, b in itertools.product(first, second) if 0 < a + b < n1 + n0]
    else:
        tables = [tuple(tuple(counts[0] for counts, _ in column) for column in columns)]
        if any(len(counts) > 1 for column in columns for counts, _ in column):
            return
    if variable not in {row.variable for row in plan.rows}:
        # No test is stated: the chi-square is blamed only for what it can have printed.
        p_values = [pearson_p_value(one[0], sum(one), other[0], sum(other)) for one, other in tables if two]
        if not any(p in figure.parts["p"] for p in p_values):
            return
    expected = [_smallest_expected(table) for table in tables]
    if not expected or max(expected) >= 5:
        return
    reason = f"{sheet.said(figure)}: a chi-square that expects "
    reason += f"{span(f'{min(expected):.2g}', f'{max(expected):.2g}')} {sheet.unit} in a cell, fewer than 5"
    given = ""
    if two:
        exact = [fisher_p_value(one[0], sum(one), other[0], sum(other)) for one, other in tables]
        given = span(f"{min(exact):.4g}", f"{max(exact):.4g}")
        reason += f"; Fisher's exact test gives P {given}"
    method = "Fisher's exact test" if given else ""
    yield told("expected_counts", [figure], reason, holds=None, method=method, recomputed=given)


def _count(sheet: Sheet, variable: str, level: str, group: str) -> Count | None:
    places = sheet.places(variable, level)
    found = [count for count in sheet.counts if count.group == group and (count.space, count.cells) in places]
    return min(found, key=lambda count: (not count.exact, count.high - count.low), default=None)


def _size(sheet: Sheet, count: Count) -> int | None:
    """Return of how many patients a count is: those with a value, where a row says how many that are."""
    stated = count.figure.statistic in ("percent", "n/N")
    return sheet.denominator(count.figure) if stated else sheet.size(count.group)


def _range(sheet: Sheet, variable: str, level: str, group: str) -> tuple[range, int] | None:
    """Return the counts that a level can have, as printed of it or, of two levels, of the other; and of how many."""
    if (count := _count(sheet, variable, level, group)) and (size := _size(sheet, count)):
        return range(count.low, count.high + 1), size
    others = [other for other in sheet.study.levels(variable) if other != level]
    if len(others) == 1 and (count := _count(sheet, variable, others[0], group)) and (size := _size(sheet, count)):
        return range(size - count.high, size - count.low + 1), size
    return None


def _smallest_expected(table: Sequence[Sequence[int]]) -> float:
    """Return the smallest expected count of a table of two columns, rows without patients left out."""
    total = sum(map(sum, table))
    rows = [sum(row) for row in zip(*table, strict=True) if sum(row)]
    return min(sum(column) * row / total for column in table for row in rows)
