"""Whether claims of significance bear out, and whether the tests that printed P values stand for exist."""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction

from printcheck.audit.audit_words import recomputed_p
from printcheck.audit.checks import Check, Count, Sheet, span, told
from printcheck.audit.several_groups import is_of_several, recompute
from printcheck.printed.claims import planned_tests
from printcheck.printed.published import Figure, to_digits
from studyfile.study.study import NUMERIC
from tallystats.statistics.printed_tests import fisher_p_value, pearson_p_value

_USUAL = Fraction(1, 20)


def check_tests(sheet: Sheet) -> Iterator[Check]:
    """Yield what is odd about claims of significance and about the tests that printed P values stand for."""
    printed: dict[str, list[Figure]] = defaultdict(list)
    for figure in sheet.figures:
        if figure.statistic == "p" and "p" in figure.parts and figure.group in sheet.groups:
            printed[figure.group].append(figure)
    for name, figures in printed.items():
        yield from _against_threshold(sheet, name, figures)
        if sheet.groups[name].compare:
            every = len({(_term(sheet, p), p.group) for others in printed.values() for p in others})
            yield from _comparisons(sheet, name, figures, every)
            for figure in figures:
                several = _several(sheet, figure) if is_of_several(sheet.study, figure) else ()
                yield from _undefined(sheet, figure) or (several or _expected(sheet, figure))


def _several(sheet: Sheet, figure: Figure) -> list[Check]:
    """Return what is wrong with a P value of three or more groups, where the printed counts tell."""
    found = recompute(sheet, figure)
    if found.verdict != "contradicted":
        return []
    return [told("several_groups", [figure], found.reason, recomputed=found.recomputed)]


def _term(sheet: Sheet, figure: Figure) -> tuple[str, str]:
    """Return what a P value is of: a variable, or one of its levels."""
    return figure.variable, "" if sheet.study.kind(figure.variable) == "binary" else figure.level


def _threshold(sheet: Sheet, name: str) -> tuple[Fraction, str, Figure | None]:
    """Return the threshold of significance stated for P values of a group, what it is called, and the figure that states it."""
    plan, compare = sheet.study.file.comparison, sheet.groups[name].compare
    usual = Fraction(str(plan.significance)) if plan else _USUAL
    if not compare:
        return usual, "", None
    stated = [f for f in sheet.everything if (f.about, f.statistic, f.variable) == ("design", "threshold", "significance")]
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


def _against_threshold(sheet: Sheet, name: str, figures: Sequence[Figure]) -> Iterator[Check]:
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
    given = to_digits(_USUAL / number, 2)
    if "onferroni" in label:
        digits = len(f"{float(threshold):.12f}".rstrip("0").partition(".")[2])
        half = Fraction(1, 2 * 10**digits)
        low, high = _USUAL / (threshold + half), _USUAL / (threshold - half)
        if not (low <= number <= high or low <= every <= high):
            reason = f"{stated.source if stated else 'Stated'}: {float(threshold):g} is Bonferroni's threshold for "
            reason += f"{to_digits(_USUAL / threshold, 4)} comparisons; {number} are printed, for which it is {given}"
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


def compared(sheet: Sheet, figure: Figure) -> tuple[str, ...]:
    """Return the printed groups that a P value compares; none where they are not all there."""
    by = sheet.groups[figure.group].compare
    return next((names for names in sheet.partitions if all(set(sheet.groups[n].where) == {by} for n in names)), ())


def _undefined(sheet: Sheet, figure: Figure) -> list[Check]:
    """Return what is wrong with a P value of a variable that all patients share."""
    if sheet.study.kind(figure.variable) in NUMERIC:
        return []
    levels = sheet.study.levels(figure.variable)
    for names, level in itertools.product((("all",), compared(sheet, figure)), levels):
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
    variable, names, plan = figure.variable, compared(sheet, figure), sheet.study.file.comparison
    if sheet.study.kind(variable) in NUMERIC or len(names) != 2:
        return
    levels = sheet.study.levels(variable)
    two = len(levels) == 2 or figure.level in levels
    asked = [figure.level if figure.level in levels else levels[1]] if two else levels
    columns = [[counts_of(sheet, variable, level, name) for level in asked] for name in names]
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
    reason += f"{span(to_digits(min(expected), 2), to_digits(max(expected), 2))} {sheet.unit} in a cell, fewer than 5"
    given = ""
    if two:
        exact = [fisher_p_value(one[0], sum(one), other[0], sum(other)) for one, other in tables]
        given = recomputed_p(figure, min(exact), max(exact))
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


def counts_of(sheet: Sheet, variable: str, level: str, group: str) -> tuple[range, int] | None:
    """Return the counts that a level can have, as printed of it or, of two levels, of the other; and of how many."""
    if (count := _count(sheet, variable, level, group)) and (size := _size(sheet, count)):
        return range(count.low, count.high + 1), size
    others = [other for other in sheet.study.levels(variable) if other != level]
    if len(others) == 1 and (count := _count(sheet, variable, others[0], group)) and (size := _size(sheet, count)):
        return range(size - count.high, size - count.low + 1), size
    return None


def _smallest_expected(table: Sequence[Sequence[int]]) -> Fraction:
    """Return the smallest expected count of a table of two columns, rows without patients left out."""
    total = sum(map(sum, table))
    rows = [sum(row) for row in zip(*table, strict=True) if sum(row)]
    return min(Fraction(sum(column) * row, total) for column in table for row in rows)
