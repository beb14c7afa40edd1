"""The opposite of a claim as constraints: that a printed figure is not what a cohort prints.

For proofs that a figure follows from others. What cannot be stated exactly is allowed, so an infeasible model is a proof.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from printcheck.printed.claims import Claim
from printcheck.proof.solver_models import add_model
from printcheck.proof.solver_summaries import effect_counts, rank_ways, spread_ways
from printcheck.proof.solver_tests import one_of, rank_sums, student_sums, tables_of
from studyfile.study.study import NO_YES, NUMERIC
from tallystats.statistics.printed_tests import COUNTED, TABLED, counts_that_print, student_limits, tie_window

if TYPE_CHECKING:
    from printcheck.proof.solver import Block

#: What bounds an expression: (expression, least, most); several hold together.
Bounds = list[tuple[Any, int, int]]
ANYTHING: Bounds = []
#: Tables of several levels that are told one by one.
MOST_OTHERS = 1000


def add_denial(block: Block, said: Sequence[Claim], literal: Any) -> None:
    """Let no cohort print all of some claims when the literal is true."""
    if len(said) == 1 and said[0].kind == "model":
        add_model(block, said[0], literal, denied=True)
        return
    effect = bool(said[0].part)
    ways = [*_other_effect(block, said)] if effect else [way for claim in said for way in ways_to_fail(block, claim)]
    if ANYTHING not in ways:
        one_of(block, [literal], ways, f"not {said[0].id}")


def ways_to_fail(block: Block, claim: Claim) -> Iterator[Bounds]:
    """Yield the ways in which a cohort does not print a claim; an empty list of bounds is a way that is always open."""
    match claim.kind:
        case "count":
            units, rest = block.group(claim.where)
            yield from _outside(block.meeting(units, claim.condition, rest), *claim.interval.whole(), block.roster.size)
        case "mean":
            yield from _other_mean(block, claim)
        case "median" | "q1" | "q3":
            yield from rank_ways(block, claim)
        case "sd" | "se":
            yield from spread_ways(block, claim, outside=True)
        case "min" | "max":
            yield from _other_extreme(block, claim)
        case "value":
            unit = next(u for u, unit in enumerate(block.units) if claim.patient - 1 in unit)
            yield [(block.meeting([unit], claim.condition), 0, 0)]
        case "test":
            numbers = block.study.kind(claim.variable) in NUMERIC
            yield from (_other_numbers if numbers else _other_counts)(block, claim)
        case _:
            yield ANYTHING


def _outside(expression: Any, least: int, most: int, largest: int) -> Iterator[Bounds]:
    if least > most:
        yield ANYTHING
        return
    yield [(expression, -largest, least - 1)]
    yield [(expression, most + 1, largest)]


def _other_mean(block: Block, claim: Claim) -> Iterator[Bounds]:
    name, (units, rest) = claim.variable, block.group(claim.where)
    if rest:  # how many there are is open, and the sum with it
        yield ANYTHING
        return
    size = sum(len(block.units[u]) for u in units)
    largest = size * max((abs(end) for cell in block.cells[name] for end in cell), default=0)
    yield from _outside(block.total(name, units), *claim.interval.whole(size * block.parts[name]), largest)


def _other_extreme(block: Block, claim: Claim) -> Iterator[Bounds]:
    """Someone beyond the printed extreme, or nobody at it."""
    name, (units, rest) = claim.variable, block.group(claim.where)
    low, high = claim.interval.whole(block.parts[name])
    if low > high:
        yield ANYTHING
        return

    def among(wanted) -> Any:
        return block.count(units, lambda p: wanted(p[name]) and all(block.shows(p, *item) for item in rest.items()))

    if claim.kind == "min":
        yield [(among(lambda cell: cell[0] < low), 1, block.roster.size)]
        yield [(among(lambda cell: cell[1] <= high), 0, 0)]
    else:
        yield [(among(lambda cell: cell[1] > high), 1, block.roster.size)]
        yield [(among(lambda cell: cell[0] >= low), 0, 0)]


def _groups(block: Block, claim: Claim) -> tuple[list[list[int]], list[int]]:
    """Return the units with and without what a test compares, and their sizes."""
    groups = [block.group({claim.by: answer})[0] for answer in NO_YES[::-1]]
    return groups, [sum(len(block.units[u]) for u in units) for units in groups]


def _other_counts(block: Block, claim: Claim) -> Iterator[Bounds]:
    """Counts of two levels that no test of the plan prints so."""
    tests = [test for test in block.tests.get(claim.variable, ("pearson_chi_square",)) if test in COUNTED]
    levels = block.study.levels(claim.variable)
    if len(levels) > 2:
        yield from _other_tables(block, claim)
        return
    if len(levels) != 2 or not tests:
        yield ANYTHING
        return
    groups, sizes = _groups(block, claim)
    counts = [block.meeting(units, {claim.variable: levels[-1]}) for units in groups]
    printing = {
        (a, b)
        for test in tests
        for a, first, last in counts_that_print(test, *sizes, claim.interval)
        for b in range(first, last + 1)
    }
    for a in range(sizes[0] + 1):
        others = [b for b in range(sizes[1] + 1) if (a, b) not in printing]
        for _, run in itertools.groupby(enumerate(others), lambda item: item[1] - item[0]):
            found = [b for _, b in run]
            yield [(counts[0], a, a), (counts[1], found[0], found[-1])]


def _other_tables(block: Block, claim: Claim) -> Iterator[Bounds]:
    """Counts of several levels that the test does not print so, or that differ from what is printed of them."""
    tables, counts, used = tables_of(block, claim)
    others = [table for table, printing in (tables or {}).items() if not printing]
    if tables is None or len(others) > MOST_OTHERS or any(test not in TABLED for test in block.tests.get(claim.variable, ())):
        yield ANYTHING
        return
    for table in others:
        yield [(e, n, n) for e, n in zip(counts, table, strict=True)]
    for held in used.values():
        yield [(held, 0, 0)]


def _other_effect(block: Block, said: Sequence[Claim]) -> Iterator[Bounds]:
    """Counts of two groups that do not print an effect with its interval."""
    if said[0].by not in block.roster.groups:
        yield ANYTHING
        return
    counts, printing, sizes = effect_counts(block, said, corrected=False)
    for a in range(sizes[0] + 1):
        start = 0
        for first, last in [run[1:] for run in printing if run[0] == a] + [(sizes[1] + 1, None)]:
            if start < first:
                yield [(counts[0], a, a), (counts[1], start, first - 1)]
            start = (last or 0) + 1


def _other_numbers(block: Block, claim: Claim) -> Iterator[Bounds]:
    """Numbers that none of the tests of the plan prints so: only where every value has a cell, and one test is planned."""
    tests = block.tests.get(claim.variable, ())
    if len(tests) != 1 or any(low != high for low, high in block.cells[claim.variable]):
        yield ANYTHING
        return
    groups, sizes = _groups(block, claim)
    if tests[0] == "mann_whitney":
        twice, ties = rank_sums(block, claim.variable, *groups)
        most = sum(sizes) ** 3
        for u2 in range(2 * sizes[0] * sizes[1] + 1):
            window = tie_window(u2, *sizes, claim.interval)
            if window is None:
                yield [(twice, u2, u2)]
            else:
                yield [(twice, u2, u2), (ties, 0, window[0] - 1)]
                yield [(twice, u2, u2), (ties, window[1] + 1, most)]
    elif tests[0] == "student_t" and all(sizes) and sum(sizes) > 2:
        distance, within, largest = student_sums(block, claim.variable, *groups)
        limits = student_limits(sum(sizes), largest, claim.interval, outward=False)
        if limits is None:
            yield ANYTHING
            return
        least, most, scale = limits
        yield [(within, 0, 0)]
        total, far = sum(sizes), 2**62
        yield [(least * total * within - (total - 2) * scale * distance, 0, far)]
        if most is not None:
            yield [((total - 2) * scale * distance - most * total * within, 0, far)]
    else:
        yield ANYTHING
