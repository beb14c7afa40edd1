"""Arithmetic on printed figures that needs no patients and no solver: counts, percentages and what they add up to.

Numbers (means, intervals, claims of significance) are checked in `cohortbook.printed_intervals`.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from cohortbook.published import Figure, Interval, levels_of
from cohortbook.study import NUMERIC, Study

#: Rules under which programs and people shorten a number, the usual one first.
RULES = ("half away from zero", "half to even", "half towards zero", "truncated")
#: Steps after which the search for printed parts of a set ends.
_MOST_STEPS = 5000

#: The variable that was counted, or the one before and the one after; and which of their levels.
Space = tuple[str, ...]
Cells = frozenset[tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What arithmetic says of printed figures.

    Attributes
    ----------
    kind : {"rounding", "levels", "subtotal", "grim", "grimmer", "order", "interval", "p_of_interval", "threshold", \
"comparisons", "undefined_test", "expected_counts"}
    figures : tuple of str
        Ids of what it is about, the one to blame first.
    holds : bool or None
        False: cannot be. True: holds in the way that `method` says. None: a warning, which no other figure refutes.
    method : str
        Such as "truncated" or "sum of rounded parts"; empty where there is none to name.
    recomputed : str
        What it would print, with a digit more.
    reason : str
        One line in plain words.
    """

    kind: str
    figures: tuple[str, ...]
    holds: bool | None
    method: str = ""
    recomputed: str = ""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many patients of a group have certain levels, as one figure prints it: `low` to `high`."""

    figure: Figure
    space: Space
    cells: Cells
    group: str
    low: int
    high: int
    exact: bool = True
    lifted: bool = False  # of one time, told by both


def told(
    kind: str,
    figures: Iterable[Figure],
    reason: str,
    *,
    holds: bool | None = False,
    method: str = "",
    recomputed: str = "",
) -> Check:
    """Make a check of figures, each named once."""
    ids = tuple(dict.fromkeys(figure.id for figure in figures))
    return Check(kind=kind, figures=ids, holds=holds, method=method, recomputed=recomputed, reason=reason)


def check_figures(study: Study, figures: Sequence[Figure]) -> tuple[Check, ...]:
    """Check printed figures against each other by arithmetic alone.

    Parameters
    ----------
    study : Study
        Its dictionary and groups; neither a plan nor a cohort is needed.
    figures : sequence of Figure
        From `cohortbook.published.read_published`.

    Returns
    -------
    tuple of Check
        Only what is worth telling: what cannot be, what holds in an unusual way, and warnings.

    Notes
    -----
    Whatever is `holds=False` allows a half to be rounded either way, and other rules where none says otherwise.
    """
    from cohortbook.printed_intervals import check_numbers, check_tests

    sheet = Sheet(study, figures)
    added = [*_sizes(sheet), *_added_up(sheet), *_groups_added_up(sheet)]
    suspects = {id for check in added if check.holds is False for id in check.figures}
    rounded = list(_percentages(sheet, suspects))
    odd = {id for check in rounded if check.holds is False for id in check.figures}
    added = [replace(c, figures=tuple(sorted(c.figures, key=lambda id: id not in odd))) for c in added]
    found = (*rounded, *added, *check_numbers(sheet), *check_tests(sheet))
    return tuple(dict.fromkeys(found))


class Sheet:
    """The printed figures of the cohort, looked up by what they count."""

    def __init__(self, study: Study, figures: Sequence[Figure]) -> None:
        self.study = study
        self.everything = tuple(figures)
        self.figures = tuple(figure for figure in figures if figure.about == "cohort")
        self.groups = study.file.published.groups if study.file.published else {}
        self.totals: dict[str, list[Figure]] = defaultdict(list)
        for figure in self.figures:
            if figure.statistic == "total":
                self.totals[figure.group].append(figure)
        self._pairs = _pairs(study)
        self.counts = list(self._counts())
        #: groups that share all patients out among them
        self.partitions = list(self._partitions())
        self.unit = f"{study.file.study.unit}s"

    def size(self, group: str) -> int | None:
        """Return how many patients a group has, as printed; None where that is not printed."""
        if self.totals.get(group):
            return number_of(self.totals[group][0])
        if group == "all":
            plan = self.study.file.reconstruction
            return plan.patients if plan else None
        where = self.groups[group].where if group in self.groups else {}
        if len(where) == 1:
            for place in self._condition(where):
                for figure in self.figures:
                    same = figure.statistic in ("n", "n/N") and figure.group == "all"
                    if same and place in self.places(figure.variable, figure.level):
                        return number_of(figure)
        return None

    def denominator(self, figure: Figure) -> int | None:
        """Return what a figure is said of: its stated denominator, or the size of its group."""
        if figure.statistic == "n/N":
            return math.floor(middle(figure.parts["total"]))
        return figure.denominator or self.size(figure.group)

    def places(self, variable: str, level: str) -> list[tuple[Space, Cells]]:
        """Return what a figure counts, in terms of recorded levels; of both times where a variable has two."""
        kind = self.study.kind(variable)
        levels = levels_of(self.study, variable, level) or (["yes"] if kind == "binary" else [])
        if not levels or kind == "date":
            return []
        space, cells = _recorded(self.study, variable, levels)
        if len(space) == 1 and self._pairs.get(space[0]):
            return [(pair, self._lift(pair, space[0], cells)) for pair in self._pairs[space[0]]]
        return [(space, cells)]

    def whole(self, space: Space) -> Cells | None:
        """Return every combination of levels; None for numbers, of which there is no list."""
        if any(self.study.kind(name) in NUMERIC for name in space):
            return None
        return frozenset(itertools.product(*map(self.study.levels, space)))

    def _partitions(self) -> Iterator[tuple[str, ...]]:
        by_space: dict[Space, dict[Cells, str]] = defaultdict(dict)
        for name, group in self.groups.items():
            if len(group.where) == 1:
                for space, cells in self._condition(group.where):
                    by_space[space].setdefault(cells, name)
        for space, named in by_space.items():
            whole = self.whole(space)
            for cover in covers(whole, named) if whole else ():
                if len(cover) > 1:
                    yield tuple(named[cells] for cells in cover)

    def named(self, figures: Iterable[Figure]) -> str:
        """Name figures by where they stand and what is printed: 'Table 4: 44.4 and 36.1'."""
        by_source: dict[str, list[str]] = defaultdict(list)
        for figure in sorted(figures, key=self.everything.index):
            by_source[figure.source].append(figure.value)
        return "; ".join(f"{source}: {listed(values)}" for source, values in by_source.items())

    def said(self, figure: Figure) -> str:
        """Say a figure and what it is of: 'Table 4: 44.4 % (Location T7-T12)'."""
        sign = " %" if figure.statistic in ("percent", "survival") else ""
        return f"{figure.source}: {figure.value}{sign} ({self.about(figure)})"

    def about(self, figure: Figure) -> str:
        """Say what a figure is of, and in which group."""
        label = self.study.label(figure.variable) if figure.variable in self.study.names else "total"
        level = f" {figure.level}" if figure.level not in ("", "yes") else ""
        return f"{label}{level}{self.among(figure.group)}"

    def among(self, group: str) -> str:
        """Say which group; nothing for everybody."""
        return "" if group == "all" else f", {group.replace('_', ' ')}"

    def _condition(self, where: dict) -> list[tuple[Space, Cells]]:
        ((variable, wanted),) = where.items()
        if isinstance(wanted, dict) or variable not in self.study.names:
            return []
        return self.places(variable, " or ".join(map(str, wanted if isinstance(wanted, tuple) else (wanted,))))

    def _lift(self, pair: Space, name: str, cells: Cells) -> Cells:
        at = pair.index(name)
        return frozenset(c for c in itertools.product(*map(self.study.levels, pair)) if (c[at],) in cells)

    def _counts(self) -> Iterator[Count]:
        for figure in self.figures:
            group, name = figure.group, figure.variable
            if figure.statistic == "total" and group in self.groups and len(self.groups[group].where) == 1:
                (name,) = self.groups[group].where
                places, group = self._condition(self.groups[group].where), "all"
            elif figure.statistic in ("n", "n/N", "percent"):
                places = self.places(name, figure.level)
            else:
                continue
            fits = [number_of(figure)]
            if figure.statistic == "percent":
                of = self.denominator(figure)
                fits = sorted(k for counts in counts_that_print(figure, of).values() for k in counts) if of else []
            for space, cells in places if fits else ():
                yield Count(
                    figure=figure, space=space, cells=cells, group=group, low=fits[0], high=fits[-1],
                    exact=figure.statistic != "percent", lifted=len(self.study.bases(name)) < len(space),
                )  # fmt: skip


def _pairs(study: Study) -> dict[str, list[Space]]:
    """Return the pairs (before, after) that a derived variable compares, by each of their two."""
    found: dict[str, list[Space]] = defaultdict(list)
    for rule in study.file.derived.values():
        pair = rule.change or rule.transition
        for name in pair or ():
            if pair not in found[name]:
                found[name].append(pair)
    return found


def _recorded(study: Study, name: str, levels: Sequence[str]) -> tuple[Space, Cells]:
    """Follow derived levels back to the levels that they are made of; bands of numbers stay as they are."""
    from cohortbook.values import derive_value

    rule = study.file.derived.get(name)
    if rule and rule.rule in ("change", "transition"):
        every = itertools.product(*map(study.levels, rule.parents))
        return rule.parents, frozenset(pair for pair in every if derive_value(study, name, *pair) in levels)
    if rule and rule.rule in ("member", "recode") and study.kind(rule.from_) not in NUMERIC:
        made_of = [level for level in study.levels(rule.from_) if derive_value(study, name, level) in levels]
        return _recorded(study, rule.from_, made_of)
    numeric = study.kind(name) in NUMERIC
    return (name,), frozenset((str(Fraction(level)) if numeric else level,) for level in levels)


def middle(interval: Interval) -> Fraction:
    """Return the number that was printed, of the numbers that print so."""
    return (interval.low + interval.high) / 2


def number_of(figure: Figure) -> int:
    """Return the count that a figure prints."""
    return math.floor(middle(figure.parts["n" if figure.statistic == "n/N" else figure.statistic]))


def listed(words: Sequence[str]) -> str:
    """Join words: 'a, b and c'."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def span(low: object, high: object) -> str:
    """Write two ends, or one where they read alike."""
    return " to ".join(dict.fromkeys((str(low), str(high))))


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
    unit = printed.high - printed.low
    scaled, shown = Fraction(100 * count, total) / unit, middle(printed) / unit
    floor, half = math.floor(scaled), scaled % 1 == Fraction(1, 2)
    nearest = floor + (scaled % 1 >= Fraction(1, 2))
    given = (nearest, floor + floor % 2 if half else nearest, floor if half else nearest, floor)
    return tuple(rule for rule, value in zip(RULES, given, strict=True) if value == shown)


def counts_that_print(figure: Figure, total: int) -> dict[str, tuple[int, ...]]:
    """Return, for each rule of rounding, the counts of a total that print a percentage."""
    printed = figure.parts["percent"]
    unit = printed.high - printed.low
    first = max(0, math.floor((middle(printed) - unit) * total / 100))
    last = min(total, math.ceil((middle(printed) + unit) * total / 100))
    found = {k: rounding_rules(figure, k, total) for k in range(first, last + 1)}
    return {rule: tuple(k for k, rules in found.items() if rule in rules) for rule in RULES}


def covers(target: Cells, sets: Collection[Cells]) -> Iterator[tuple[Cells, ...]]:
    """Yield the ways of putting a set together from others that do not overlap, as far as they are found quickly."""
    inside = sorted((s for s in sets if s and s <= target), key=lambda s: (-len(s), sorted(s)))
    steps = itertools.count()

    def rest(left: Cells) -> Iterator[tuple[Cells, ...]]:
        if not left:
            yield ()
        elif next(steps) < _MOST_STEPS:
            first = min(left)
            for part in inside:
                if first in part and part <= left:
                    yield from ((part, *more) for more in rest(left - part))

    if target <= frozenset().union(*inside):
        yield from rest(target)


def _packings(target: Cells, sets: Collection[Cells]) -> Iterator[list[Cells]]:
    """Yield two families of parts that do not overlap, found greedily: from the small ones up, from the large ones down."""
    for order in (len, lambda s: -len(s)):
        taken: list[Cells] = []
        for part in sorted((s for s in sets if s < target), key=lambda s: (order(s), sorted(s))):
            if not any(part & other for other in taken):
                taken.append(part)
        yield taken


def _percentages(sheet: Sheet, suspects: set[str]) -> Iterator[Check]:
    """Yield what is odd about each percentage against its count, or against every count of its denominator."""
    others: dict[tuple[str, str, int], list[Figure]] = defaultdict(list)
    for figure in sheet.figures:
        of, size = sheet.denominator(figure), sheet.size(figure.group)
        if figure.statistic != "percent" or not of:
            continue
        if size and of > size:
            others["", figure.group, of].append(figure)
        known, counts = _same(sheet, figure), counts_that_print(figure, of)
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
        return f"{float(Fraction(100 * count, of)):.{figure.decimals + more}f}"

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


def _parts(sheet: Sheet, space: Space, group: str, *, exact: bool) -> dict[Cells, Count]:
    """Return one count for each set of levels printed of a group."""
    found: dict[Cells, Count] = {}
    for count in sheet.counts:
        asked = (count.space, count.group) == (space, group) and (count.exact or not exact)
        if asked and (count.cells not in found or (count.exact and not found[count.cells].exact)):
            found[count.cells] = count
    return found


def _sums(sheet: Sheet, figure: Figure) -> list[int]:
    """Return what the printed counts of the parts of a percentage add up to."""
    found = []
    for space, cells in sheet.places(figure.variable, figure.level):
        parts = _parts(sheet, space, figure.group, exact=True)
        found += [sum(parts[part].low for part in cover) for cover in covers(cells, [p for p in parts if p != cells])]
    return found


def _levels_sum(sheet: Sheet, figure: Figure) -> int | None:
    """Return what the counts of all levels of a figure's variable add up to; None where some are not printed."""
    for space, _ in sheet.places(figure.variable, figure.level):
        parts = _parts(sheet, space, figure.group, exact=True)
        whole = sheet.whole(space)
        for cover in covers(whole, [p for p in parts if p != whole]) if whole else ():
            return sum(parts[part].low for part in cover)
    return None


def _sum_of_parts(sheet: Sheet, figure: Figure, counts: Collection[int]) -> tuple[bool, list[Figure]] | None:
    """Return the printed percentages that add up to one of these counts' percentage, or what 100 less them leaves (True)."""
    of, shown = sheet.denominator(figure), figure.parts["percent"]
    unit = shown.high - shown.low
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
        parts = _parts(sheet, space, group, exact=False)
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
            reason = (
                f"{sheet.about(replace(figures[0], level=''))}: levels that exclude each other ({sheet.named(figures)})"
            )
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
            within = [_parts(sheet, space, group, exact=False) for group in groups]
            for cells, count in _parts(sheet, space, "all", exact=False).items():
                known = [parts[cells] for parts in within if cells in parts]
                if sum(part.low for part in known) > count.high:
                    yield _misfit(sheet, count, known, holds=False)
                elif len(known) == len(groups) and sum(part.high for part in known) < count.low:
                    yield _misfit(sheet, count, known, holds=False if shared else None)
