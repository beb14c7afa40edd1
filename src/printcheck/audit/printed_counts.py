"""Whether printed counts add up: levels, subtotals, and groups that share all patients out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from printcheck.audit.checks import Cells, Check, Count, Sheet, covers, number_of, span, told


def check_counts(sheet: Sheet) -> Iterator[Check]:
    """Yield counts and percentages that do not add up: within their group, and over groups that share all patients out."""
    yield from _sizes(sheet)
    yield from _added_up(sheet)
    yield from _groups_added_up(sheet)


def _sizes(sheet: Sheet) -> Iterator[Check]:
    """Yield totals of one group that differ, and counts above what they are counts of."""
    for first, *others in sheet.totals.values():
        for other in others:
            if number_of(other) != number_of(first):
                reason = f"{sheet.said(other)} and {sheet.said(first)} are the same {sheet.unit}"
                yield told("subtotal", [other, first], reason, recomputed=first.value)
    for figure in sheet.figures:
        if figure.statistic in ("n", "n/N"):
            limits = [of for of in (sheet.denominator(figure), sheet.size(figure.group)) if of is not None]
            if limits and number_of(figure) > min(limits):
                totals = [] if figure.denominator == min(limits) else sheet.totals.get(figure.group, [])[:1]
                yield told("subtotal", [figure, *totals], f"{sheet.said(figure)}: more than {min(limits)}")


def _added_up(sheet: Sheet) -> Iterator[Check]:
    """Yield levels and subtotals that do not add up to what they are parts of, group by group."""
    for space, group in dict.fromkeys((count.space, count.group) for count in sheet.counts):
        parts = sheet.parts(space, group, exact=False)
        for other in sheet.counts:
            count = parts.get(other.cells)
            if (other.space, other.group) == (space, group) and other.exact == count.exact and _apart(other, count):
                reason = f"{sheet.said(other.figure)} and {sheet.said(count.figure)} are the same {sheet.unit}"
                yield told("subtotal", [other.figure, count.figure], reason)
        whole, size = sheet.whole(space), sheet.size(group)
        for count in parts.values():
            yield from _subtotal(sheet, count, parts)
        if size is not None:
            yield from _levels(sheet, group, whole, size, parts)


def _apart(one: Count, other: Count) -> bool:
    return one.low > other.high or other.low > one.high


def _subtotal(sheet: Sheet, count: Count, parts: dict[Cells, Count]) -> Iterator[Check]:
    """Yield the first reason why a count is not the sum of its parts."""
    for family in _packings(count.cells, parts):
        taken = [parts[part] for part in family]
        if sum(part.low for part in taken) > count.high:
            # A patient whose second value is missing is counted at the first time, and in no change.
            missing = not count.lifted and any(part.lifted for part in taken)
            yield _misfit(sheet, count, taken, holds=None if missing else False)
            return
    for cover in covers(count.cells, [part for part in parts if part != count.cells]):
        taken = [parts[part] for part in cover]
        if sum(part.high for part in taken) < count.low:
            missing = count.lifted and not all(part.lifted for part in taken)
            yield _misfit(sheet, count, taken, holds=None if missing else False)
            return


def _misfit(sheet: Sheet, count: Count, taken: Sequence[Count], *, holds: bool | None) -> Check:
    total = span(sum(part.low for part in taken), sum(part.high for part in taken))
    figures = [part.figure for part in taken]
    reason = f"{sheet.said(count.figure)}: its parts ({sheet.named(figures)}) make {total}"
    if not count.exact:
        reason += f", and it stands for {span(count.low, count.high)}"
    return told("subtotal", [count.figure, *figures], reason, holds=holds, recomputed=total)


def _levels(sheet: Sheet, group: str, whole: Cells | None, size: int, parts: dict[Cells, Count]) -> Iterator[Check]:
    """Yield levels of a variable that are more than all patients; or fewer, where no level is left out."""
    totals = sheet.totals.get(group, [])[:1]
    for family in _packings((whole or frozenset().union(*parts)) | {()}, parts):
        taken = [parts[part] for part in family]
        figures, total = [part.figure for part in taken], sum(part.low for part in taken)
        if total > size and (len(figures) > 1 or figures[0].statistic == "total"):
            reason = f"{sheet.about(replace(figures[0], level=''))}: levels that exclude each other ({sheet.named(figures)})"
            reason += f" are {total} {sheet.unit}, but there are {size}"
            yield told("levels", [*figures, *totals], reason, recomputed=str(total))
            return
    for cover in covers(whole, [part for part in parts if part != whole]) if whole else ():
        taken = [parts[part] for part in cover]
        figures, total = [part.figure for part in taken], sum(part.high for part in taken)
        if total < size and not all(figure.denominator and figure.denominator <= total for figure in figures):
            reason = f"{sheet.about(replace(figures[0], level=''))}: all levels ({sheet.named(figures)}) are {total} of"
            reason += f" {size} {sheet.unit}; {size - total} would have no value"
            yield told("levels", [*figures, *totals], reason, holds=None, recomputed=str(total))
        return


def _groups_added_up(sheet: Sheet) -> Iterator[Check]:
    """Yield counts of groups that share out all patients and do not add up to the count of all."""
    for groups in sheet.partitions:
        sizes = [sheet.size(group) for group in groups]
        shared = None not in sizes and sum(sizes) == sheet.size("all")
        for space in dict.fromkeys(count.space for count in sheet.counts):
            within = [sheet.parts(space, group, exact=False) for group in groups]
            for cells, count in sheet.parts(space, "all", exact=False).items():
                known = [parts[cells] for parts in within if cells in parts]
                if sum(part.low for part in known) > count.high:
                    yield _misfit(sheet, count, known, holds=False)
                elif len(known) == len(groups) and sum(part.high for part in known) < count.low:
                    yield _misfit(sheet, count, known, holds=False if shared else None)


def _packings(target: Cells, sets: Collection[Cells]) -> Iterator[list[Cells]]:
    """Yield two families of parts that do not overlap, found greedily: from the small ones up, from the large ones down."""
    for order in (len, lambda s: -len(s)):
        taken: list[Cells] = []
        for part in sorted((s for s in sets if s < target), key=lambda s: (order(s), sorted(s))):
            if not any(part & other for other in taken):
                taken.append(part)
        yield taken
