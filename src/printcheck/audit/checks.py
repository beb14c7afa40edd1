"""What arithmetic says of printed figures, and the figures looked up by what they count."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from fractions import Fraction

from printcheck.printed.published import Figure, levels_of
from printcheck.printed.rounding import counts_by_rule, middle
from studyfile.cohort.values import derive_value
from studyfile.study.study import NUMERIC, Study
from tallystats.results import result

#: Steps after which the search for printed parts of a set ends.
_MOST_STEPS = 5000
#: The variable that was counted, or the one before and the one after; and which of their levels.
Space = tuple[str, ...]
Cells = frozenset[tuple[str, ...]]


@result
class Check:
    """What arithmetic says of printed figures.

    Attributes
    ----------
    kind : {"rounding", "levels", "subtotal", "grim", "grimmer", "order", "interval", "p_of_interval", "threshold", \
"comparisons", "undefined_test", "expected_counts", "several_groups"}
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


def told(
    kind: str, figures: Iterable[Figure], reason: str, *, holds: bool | None = False, method: str = "", recomputed: str = ""
) -> Check:
    """Make a check of figures, each named once."""
    ids = tuple(dict.fromkeys(figure.id for figure in figures))
    return Check(kind=kind, figures=ids, holds=holds, method=method, recomputed=recomputed, reason=reason)


@result
class Count:
    """How many patients of a group have certain levels, as one figure prints it: `low` to `high`.

    A count at one of two times is told as a count of every pair (before, after) with that level: it is `lifted`.
    """

    figure: Figure
    space: Space
    cells: Cells
    group: str
    low: int
    high: int
    exact: bool = True
    lifted: bool = False


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
        self.unit = study.units

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

    def parts(self, space: Space, group: str, *, exact: bool) -> dict[Cells, Count]:
        """Return one count for each set of levels printed of a group: of counts and percentages, or of counts alone."""
        found: dict[Cells, Count] = {}
        for count in self.counts:
            asked = (count.space, count.group) == (space, group) and (count.exact or not exact)
            if asked and (count.cells not in found or (count.exact and not found[count.cells].exact)):
                found[count.cells] = count
        return found

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
                fits = sorted(k for counts in counts_by_rule(figure, of).values() for k in counts) if of else []
            for space, cells in places if fits else ():
                yield Count(
                    figure=figure,
                    space=space,
                    cells=cells,
                    group=group,
                    low=fits[0],
                    high=fits[-1],
                    exact=figure.statistic != "percent",
                    lifted=len(self.study.bases(name)) < len(space),
                )


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
    rule = study.file.derived.get(name)
    if rule and rule.rule in ("change", "transition"):
        every = itertools.product(*map(study.levels, rule.parents))
        return rule.parents, frozenset(pair for pair in every if derive_value(study, name, *pair) in levels)
    if rule and rule.rule in ("member", "recode") and study.kind(rule.from_) not in NUMERIC:
        made_of = [level for level in study.levels(rule.from_) if derive_value(study, name, level) in levels]
        return _recorded(study, rule.from_, made_of)
    numeric = study.kind(name) in NUMERIC
    return (name,), frozenset((str(Fraction(level)) if numeric else level,) for level in levels)


def number_of(figure: Figure) -> int:
    """Return the count that a figure prints."""
    return math.floor(middle(figure.parts["n" if figure.statistic == "n/N" else figure.statistic]))


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


def listed(words: Sequence[str]) -> str:
    """Join words: 'a, b and c'."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def span(low: object, high: object) -> str:
    """Write two ends, or one where they read alike."""
    return " to ".join(dict.fromkeys((str(low), str(high))))
