"""Whether percentages are those of their counts, and how they were rounded."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterator
from fractions import Fraction

from printcheck.audit.checks import Cells, Check, Sheet, covers, listed, number_of, told
from printcheck.printed.published import Figure, fixed
from printcheck.printed.rounding import RULES, counts_by_rule, middle, rounding_rules, unit_of


def check_percentages(sheet: Sheet, suspects: set[str]) -> Iterator[Check]:
    """Yield what is odd about each percentage against its count, or against every count of its denominator."""
    others: dict[tuple[str, str, int], list[Figure]] = defaultdict(list)
    for figure in sheet.figures:
        of, size = sheet.denominator(figure), sheet.size(figure.group)
        if figure.statistic != "percent" or not of:
            continue
        if size and of > size:
            others["", figure.group, of].append(figure)
        known, counts = _same(sheet, figure), counts_by_rule(figure, of)
        fits = [rounding_rules(figure, number_of(other), of) for other in known if number_of(other) <= of]
        if any(RULES[0] in rules for rules in fits) or (not known and counts[RULES[0]]):
            if figure.denominator and size and of < size and _levels_sum(sheet, figure) == of:
                others[figure.variable, figure.group, of].append(figure)
            continue
        rules = next((rules for rules in fits if rules), ()) if known else tuple(r for r in RULES if counts[r])
        check = _oddly_rounded(sheet, figure, of, known, rules, suspects)
        if check:
            yield check
        else:
            others[figure.variable, figure.group, _levels_sum(sheet, figure)].append(figure)
    for (variable, group, of), figures in others.items():
        yield _of_others(sheet, figures, of, group, fewer=bool(variable))


def _oddly_rounded(
    sheet: Sheet, figure: Figure, of: int, known: list[Figure], rules: tuple[str, ...], suspects: set[str]
) -> Check | None:
    """Say how a percentage came about that its count does not print when halves are rounded up; None: of those with a value."""

    def percent(count: int, more: int) -> str:
        return fixed(Fraction(100 * count, of), figure.decimals + more)

    said, counts = sheet.said(figure), [number_of(other) for other in known] or _sums(sheet, figure)
    exact = f"; {counts[0]} of {of} is {percent(counts[0], 2)} %" if counts else ""
    given = percent(counts[0], 1) if counts else ""
    if rules and rules[0] != RULES[3]:
        reason = f"{said}: rounded {rules[0]}{exact}"
        return told("rounding", [figure], reason, holds=True, method=rules[0], recomputed=given)
    if found := _sum_of_parts(sheet, figure, counts or range(of + 1)):
        less, parts = found
        method = f"{'100 less' if less else 'sum of'} rounded parts"
        reason = f"{said}: {'100 less' if less else 'the sum of'} rounded percentages ({sheet.named(parts)}){exact}"
        return told("rounding", [figure, *parts], reason, holds=True, method=method, recomputed=given)
    if rules:
        habit = "; other percentages are rounded" if _does_not_truncate(sheet) else ""
        reason = f"{said}: cut off after the last digit, not rounded{exact}{habit}"
        return told("rounding", [figure], reason, holds=True, method=rules[0], recomputed=given)
    if not known:
        low = math.floor(middle(figure.parts["percent"]) * of / 100)
        near = listed([f"{count} gives {percent(count, 1)}" for count in (low, low + 1) if count <= of])
        return told("rounding", [figure], f"{said}: no count of {of} prints so: {near}", recomputed=given)
    count = counts[0]
    fewer = next((d for d in range(of, max(count, 1) - 1, -1) if rounding_rules(figure, count, d)), None)
    if fewer and _levels_sum(sheet, figure) == fewer:
        return None
    reason = f"{said}: not {count} of {of}, which is {percent(count, 2)} % ({sheet.named(known[:1])})"
    reason += f"; {count} of {fewer} would print so" if fewer else ""
    if fewer and not figure.denominator:
        return told("levels", [figure, *known], reason, holds=None, method=f"of {fewer}", recomputed=given)
    # A count that does not add up elsewhere either is blamed first.
    first = sorted([figure, *known], key=lambda other: other.id not in suspects)
    return told("rounding", first, reason, recomputed=given)


def _of_others(sheet: Sheet, figures: list[Figure], of: int, group: str, *, fewer: bool) -> Check:
    """Say that percentages are of fewer than the group, whose levels add up to so many; or of more."""
    size, more = sheet.size(group), f" and {len(figures) - 1} more" if len(figures) > 1 else ""
    method = f"of the {of} {sheet.unit} with a value" if fewer else ""
    what = f"{method}, not of all {size}" if fewer else f"of {of}, but there are only {size}"
    reason = f"{sheet.said(figures[0])}{more}: {what}{sheet.among(group)}"
    figures = [*figures, *sheet.totals.get(group, [])[:1]]
    return told("levels" if fewer else "subtotal", figures, reason, holds=True if fewer else None, method=method)


def _same(sheet: Sheet, figure: Figure) -> list[Figure]:
    """Return the counts printed of what a percentage is of, those of the same place first."""
    places = sheet.places(figure.variable, figure.level)
    found = [c.figure for c in sheet.counts if c.exact and c.group == figure.group and (c.space, c.cells) in places]
    found = [other for other in dict.fromkeys(found) if other.denominator in (None, sheet.denominator(figure))]
    return sorted(found, key=lambda other: other.source != figure.source)


def _sums(sheet: Sheet, figure: Figure) -> list[int]:
    """Return what the printed counts of the parts of a percentage add up to."""
    found = []
    for space, cells in sheet.places(figure.variable, figure.level):
        parts = sheet.parts(space, figure.group, exact=True)
        found += [sum(parts[part].low for part in cover) for cover in covers(cells, [p for p in parts if p != cells])]
    return found


def _levels_sum(sheet: Sheet, figure: Figure) -> int | None:
    """Return what the counts of all levels of a figure's variable add up to; None where some are not printed."""
    for space, _ in sheet.places(figure.variable, figure.level):
        parts = sheet.parts(space, figure.group, exact=True)
        whole = sheet.whole(space)
        for cover in covers(whole, [p for p in parts if p != whole]) if whole else ():
            return sum(parts[part].low for part in cover)
    return None


def _sum_of_parts(sheet: Sheet, figure: Figure, counts: Collection[int]) -> tuple[bool, list[Figure]] | None:
    """Return the printed percentages that add up to one of these counts' percentage, or what 100 less them leaves (True)."""
    of, shown = sheet.denominator(figure), figure.parts["percent"]
    unit = unit_of(shown)
    for space, cells in sheet.places(figure.variable, figure.level):
        printed: dict[Cells, Figure] = {}
        for count in sheet.counts:
            other = count.figure
            if (
                (count.space, count.group) == (space, figure.group)
                and other.statistic == "percent"
                and sheet.denominator(other) == of
                and other.id != figure.id
            ):
                printed.setdefault(count.cells, other)
        whole = sheet.whole(space)
        for less, target in ((False, cells), (True, whole - cells if whole else frozenset())):
            for cover in covers(target, [p for p in printed if p != cells]) if target else ():
                total = sum(middle(printed[part].parts["percent"]) for part in cover)
                given = 100 - total if less else total
                # Parts bring an error of a digit each at most: what is further away is no sum of them.
                near = any(abs(Fraction(100 * k, of) - given) <= len(cover) * unit for k in counts)
                printed_so = math.floor(given / unit + Fraction(1, 2)) * unit == middle(shown)
                if near and printed_so:
                    return less, [printed[part] for part in cover]
    return None


def _does_not_truncate(sheet: Sheet) -> bool:
    """Say whether some percentage is rounded, which shows that not all are cut off."""
    for figure in sheet.figures:
        of = sheet.denominator(figure) if figure.statistic == "percent" else None
        for other in _same(sheet, figure) if of else ():
            rules = rounding_rules(figure, number_of(other), of)
            if RULES[0] in rules and RULES[3] not in rules:
                return True
    return False
