"""Which counts of a cohort are hidden: levels, missing values, bars of histograms, the eligibility flow."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from studyfile.privacy.cells import suppress
from studyfile.study.study import LEVELLED, NUMERIC, Study
from tallystats.results import HIDDEN
from tallystats.tally import Tally

if TYPE_CHECKING:
    from studyfile.cohort.cohort import FlowStep

ALL, RECORDED, MISSING = "all", "recorded", "missing"
#: Bars of a histogram are about so many.
BARS = 12


@dataclass(frozen=True, eq=False)
class Protection:
    """What may be shown of a cohort whose small counts are hidden.

    Attributes
    ----------
    below : int
        Counts from 1 to one less are small.
    hidden : frozenset
        Counts that are hidden: (variable, level), (variable, RECORDED), (variable, MISSING), (variable, (bar's edges)).
    count : callable
        Tallies variables.
    study : Study
    """

    below: int
    hidden: frozenset
    count: Callable[..., Tally]
    study: Study

    def of(self, name: str, what: Hashable, n: Any) -> Any:
        """Return a count of a variable, or that it is hidden."""
        return HIDDEN if (name, what) in self.hidden else n

    def hides(self, name: str) -> bool:
        """Say whether anything of a variable is hidden: a level, the missing, or how many have a value."""
        return any(key[0] == name and not isinstance(key[1], tuple) for key in self.hidden)

    def drawn(self, name: str) -> bool:
        """Say whether a number has a histogram: times to events have curves, whose times its bars would divide."""
        return name not in self.study.times

    def bars(self, name: str) -> list[tuple[float, float, Any]]:
        """Return the bars of a number's histogram: lower and upper edge, and the count, which may be hidden."""
        frame = self.count(name).complete().frame
        found = []
        for low, high in itertools.pairwise(bars(frame[name].tolist())):
            inside = (frame[name] >= low) & (frame[name] < high)
            found.append((low, high, self.of(name, (low, high), int(frame.loc[inside, "n"].sum()))))
        return found

    def small(self, *names: str) -> bool:
        """Say whether a cell of the cross table of some variables is small; those who lack a value have cells too.

        Of a number, only whether it is recorded counts.
        """
        names = tuple(dict.fromkeys(names))
        frame = self.count(*names).frame
        numbers = [name for name in names if self.study.kind(name) not in LEVELLED]
        known = frame.assign(**{name: frame[name].notna() for name in numbers})
        cells = known.groupby(list(names), dropna=False, observed=True)["n"].sum()
        return bool(((cells > 0) & (cells < self.below)).any())

    def loses_few(self, outcome: str, terms: Sequence[str]) -> bool:
        """Say whether a model leaves out few patients for a missing value, among those with or without the outcome."""
        frame = self.count(*dict.fromkeys([outcome, *terms])).frame
        whole = frame[[outcome, *terms]].notna().all(axis=1)
        lost = frame[~whole].groupby(outcome, dropna=False, observed=True)["n"].sum()
        return any(0 < n < self.below for n in (*lost, lost.sum()))


def protection(study: Study, count: Callable[..., Tally], below: int) -> Protection:
    """Decide which counts of single variables are hidden, so that none is revealed by another.

    Notes
    -----
    Variables that are made from the same recorded ones are decided together: a band, a level of a recode and a bar of
    the histogram may each be the sum of others. What crosses two variables is no part of this: see `Protection.small`.
    """
    hidden: set = set()
    for names in _families(study):
        hidden |= _of_family(study, count(*names), names, below)
    return Protection(below, frozenset(hidden), count, study)


def _families(study: Study) -> list[list[str]]:
    """Group the variables that rest on the same recorded ones."""
    families: list[tuple[set, list[str]]] = []
    for name in study.names:
        bases, names = set(study.bases(name)), [name]
        for other in [family for family in families if family[0] & bases]:
            families.remove(other)
            bases, names = bases | other[0], [*other[1], *names]
        families.append((bases, names))
    return [names for _, names in families]


def _of_family(study: Study, tally: Tally, names: Sequence[str], below: int) -> frozenset:
    frame = tally.frame
    sizes = frame["n"].tolist()
    counts: dict[Hashable, set[int]] = {ALL: set(range(len(sizes)))}

    def add(key: Hashable, holds: Any) -> None:
        counts[key] = {i for i, held in enumerate(holds) if held}

    for name in names:
        values = frame[name]
        known = values.notna().tolist()
        listed = study.kind(name) in LEVELLED or name in _listed(study)
        for value in dict.fromkeys(values.dropna().tolist()) if listed else ():
            add((name, value), [k and v == value for k, v in zip(known, values, strict=True)])
        if study.kind(name) in NUMERIC and name not in study.times and any(known):
            edges = bars(values.dropna().tolist())
            for low, high in itertools.pairwise(edges):
                add((name, (low, high)), [k and low <= v < high for k, v in zip(known, values, strict=True)])
        add((name, RECORDED), known)
        add((name, MISSING), [not k for k in known])
    return suppress(sizes, counts, below, fixed=[ALL])


def _listed(study: Study) -> set[str]:
    """Return the numbers whose values tables list as levels."""
    return {row.variable for table in study.file.tables.values() for row in table.rows if row.levels}


def bars(values: Sequence[float]) -> tuple[float, ...]:
    """Return the edges of a histogram's bars: round numbers, so that none of them is a patient's.

    Examples
    --------
    >>> bars([3.0, 4, 7]), bars([19.0, 88.0])[:3]
    ((2.5, 3.5, 4.5, 5.5, 6.5, 7.5), (15.0, 20.0, 25.0))
    """
    low, high = min(values), max(values)
    if high - low <= 20 and all(float(value).is_integer() for value in values):
        return tuple(low - 0.5 + i for i in range(int(high - low) + 2))
    step = round_step((high - low) / BARS)
    first = math.floor(low / step)
    return tuple(step * (first + i) for i in range(math.floor(high / step) - first + 2))


def round_step(about: float) -> float:
    """Return a round number near another, such as 20 for 22.

    Examples
    --------
    >>> round_step(22), round_step(0.6), round_step(1)
    (20.0, 0.5, 1.0)
    """
    size = 10.0 ** math.floor(math.log10(about))
    return size * min((1, 2, 2.5, 5, 10), key=lambda part: abs(math.log(part * size / about)))


def protected_flow(flow: Sequence[FlowStep], below: int) -> tuple[FlowStep, ...]:
    """Hide small exclusions of an eligibility flow, and the numbers remaining that would reveal them."""
    counted = [i for i, step in enumerate(flow) if step.remaining is not None]
    if not counted:
        return tuple(flow)
    last = counted[-1]
    # Two cells a step: excluded for a missing value, and for another reason; then those who are left.
    sizes = [n for i in counted for n in (flow[i].excluded_missing, flow[i].excluded - flow[i].excluded_missing)]
    sizes.append(flow[last].remaining)
    counts: dict[Hashable, set[int]] = {}
    for at, i in enumerate(counted):
        counts["missing", i] = {2 * at}
        counts["other", i] = {2 * at + 1}
        counts["excluded", i] = {2 * at, 2 * at + 1}
        counts["remaining", i] = set(range(2 * at + 2, len(sizes)))
    hidden = suppress(sizes, counts, below, fixed=[("remaining", last)])

    def shown(i: int, step: FlowStep) -> FlowStep:
        if i not in counted:
            small = step.excluded is not None and 0 < step.excluded < below
            return replace(step, excluded=HIDDEN) if small else step
        excluded = HIDDEN if ("excluded", i) in hidden else step.excluded
        # How an exclusion splits is told where both of its parts may be.
        split = excluded is HIDDEN or {("missing", i), ("other", i)} & hidden
        return replace(
            step,
            excluded=excluded,
            excluded_missing=0 if split else step.excluded_missing,
            remaining=HIDDEN if ("remaining", i) in hidden else step.remaining,
        )

    return tuple(shown(i, step) for i, step in enumerate(flow))
