"""Whether means, SD, quartiles and ranges of one variable agree with each other and with its counts."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from printcheck.audit.checks import Check, Count, Sheet, span, told
from printcheck.audit.grim import Numbers, check_recordable, largest_sd
from printcheck.printed.published import Figure, fixed, to_digits
from printcheck.printed.rounding import exceeds, loose, middle, shown_number, unit_of
from studyfile.study.study import NUMERIC
from tallystats.interval import Interval

#: Summaries in the order in which their values stand.
ORDER = ("min", "q1", "median", "q3", "max")
SUMMARIES = (*ORDER, "mean", "sd")


def check_summaries(sheet: Sheet) -> Iterator[Check]:
    """Yield what is odd about printed means, SD, quartiles and ranges, and about the values of single patients."""
    numbers: dict[tuple[str, str], Numbers] = defaultdict(lambda: defaultdict(list))
    for figure in sheet.figures:
        if figure.variable in sheet.study.names and sheet.study.kind(figure.variable) in NUMERIC:
            for name, interval in figure.parts.items():
                if name in SUMMARIES and not figure.level:
                    recorded = _recorded(sheet, figure, interval) if name in ("min", "max") else interval
                    numbers[figure.variable, figure.group][name].append((figure, recorded))
    for (variable, group), found in numbers.items():
        yield from check_recordable(sheet, variable, found)
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


def _recorded(sheet: Sheet, figure: Figure, interval: Interval) -> Interval:
    """Return a recorded value itself where it is printed as it was recorded."""
    value = middle(interval)
    return Interval(value, value) if unit_of(interval) <= Fraction(str(sheet.study.step(figure.variable))) else interval


def _in_order(sheet: Sheet, variable: str, found: Numbers) -> Iterator[Check]:
    """Yield summaries that stand in the wrong order, differ from themselves, or leave the range of the dictionary."""
    pairs = [*itertools.combinations(ORDER, 2), ("min", "mean"), ("mean", "max")]
    for less, more in pairs:
        for (one, low), (other, high) in itertools.product(found.get(less, ()), found.get(more, ())):
            if exceeds(low, high):
                words = f"{_word(less)} {shown_number(low)}, above the {_word(more)} {shown_number(high)} ({other.source})"
                yield told("order", [one, other], f"{sheet.said(one)}: {words}")
    limits = sheet.study.range(variable)
    for name, printed in found.items():
        first, before = printed[0]
        for one, value in printed[1:]:
            alike = sheet.denominator(one) == sheet.denominator(first)
            if alike and (exceeds(value, before) or exceeds(before, value)):
                reason = f"{sheet.said(one)}: another {_word(name)} than {sheet.named([first])}"
                yield told("order", [one, first], reason, recomputed=shown_number(before))
        for figure, value in printed if limits and name != "sd" else ():
            if loose(value).high < Fraction(str(limits[0])) or loose(value).low > Fraction(str(limits[1])):
                reason = f"{sheet.said(figure)}: outside {limits[0]:g} to {limits[1]:g}, the values that there can be"
                yield told("order", [figure], reason)


def _spread(sheet: Sheet, found: Numbers) -> Iterator[Check]:
    """Yield SD that are too large, or too small, for the least and the greatest value."""
    for (sd, spread), (low, least), (high, most) in itertools.product(*(found.get(k, ()) for k in ("sd", "min", "max"))):
        n = sheet.denominator(sd)
        if not n or n < 2:
            continue
        ends = f"{n} values from {shown_number(least)} to {shown_number(most)}"
        for mean, centre in found.get("mean", ())[:1]:
            limit = largest_sd(loose(least), loose(most), loose(centre), n)
            if spread.low > Fraction(limit) * (1 + Fraction(1, 10**9)):
                given = to_digits(limit, 4)
                reason = f"{sheet.said(sd)}: {ends} with mean {shown_number(centre)} have an SD of at most {given}"
                yield told("order", [sd, low, high, mean], reason, recomputed=given)
        # All others half-way between the two.
        limit = float(max(loose(most).low - loose(least).high, 0)) / math.sqrt(2 * (n - 1))
        if float(loose(spread).high) < limit * (1 - 1e-9):
            reason = f"{sheet.said(sd)}: {ends} have an SD of at least {to_digits(limit, 4)}"
            yield told("order", [sd, low, high], reason, recomputed=to_digits(limit, 4))


def _within(sheet: Sheet, found: Numbers, everybody: Numbers, *, alone: bool = False) -> Iterator[Check]:
    """Yield extremes of a group, or values of a patient, beyond the extremes of all."""
    for name, side in (("min", "below"), ("max", "above")):
        for (one, value), (other, limit) in itertools.product(found.get(name, ()), everybody.get(name, ())):
            if exceeds(limit, value) if name == "min" else exceeds(value, limit):
                words = f"{'value' if alone else _word(name)} {side} the {_word(name)} of all, {shown_number(limit)}"
                yield told("order", [one, other], f"{sheet.said(one)}: a {words} ({other.source})")


def _word(name: str) -> str:
    words = {"min": "least", "max": "greatest", "q1": "first quartile", "q3": "third quartile", "sd": "SD"}
    return words.get(name, name)


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
            low=sum(part.low * part.n for part in parts) / n,
            high=sum(part.high * part.n for part in parts) / n,
            n=n,
            parts=tuple(sorted(parts, key=lambda part: -part.n)),
        )
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
    given = span(*(fixed(end, mean.figures[0].decimals + 1) for end in (low, high)))
    others = sheet.named((*counted.figures, *mean.figures[1:]))
    reason = f"{sheet.said(mean.figures[0])}: by the others it would be {given} ({others}; {counted.n} {sheet.unit} in all)"
    return told("order", [*mean.figures, *counted.figures], reason, recomputed=given)


def _printed_means(sheet: Sheet, variable: str, group: str, numbers: dict[tuple[str, str], Numbers]) -> Iterator[_Bound]:
    for figure, mean in numbers.get((variable, group), {}).get("mean", ()):
        if n := sheet.denominator(figure):
            yield _Bound(figures=(figure,), low=loose(mean).low, high=loose(mean).high, n=n)


def _counted_means(sheet: Sheet, variable: str, group: str, numbers: dict[tuple[str, str], Numbers]) -> Iterator[_Bound]:
    """Yield what counts of all values, or of all bands, of a variable say of its mean."""
    low, high = sheet.study.range(variable) or (-math.inf, math.inf)
    ends: list[Figure] = []
    for figure, value in numbers.get((variable, group), {}).get("min", ()):
        if loose(value).low > low:
            low, ends = float(loose(value).low), [*ends, figure]
    for figure, value in numbers.get((variable, group), {}).get("max", ()):
        if loose(value).high < high:
            high, ends = float(loose(value).high), [*ends, figure]
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
