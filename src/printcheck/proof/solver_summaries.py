"""Printed medians, quartiles, standard deviations and effects as constraints on a block."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from printcheck.printed.cells import SolverError
from printcheck.printed.claims import Claim
from printcheck.printed.printed_effects import pairs_that_print
from printcheck.proof.solver_tests import one_of
from studyfile.study.schema import Condition
from studyfile.study.study import NO_YES
from tallystats.interval import Interval

if TYPE_CHECKING:
    from printcheck.proof.solver import Block

#: What bounds an expression: (expression, least, most); several hold together.
Bounds = list[tuple[Any, int, int]]
#: Whole numbers that a constraint may hold.
LARGEST = 2**60


def add_summary(block: Block, claim: Claim, literal: Any) -> None:
    """Hold a median, a quartile, a standard deviation or a standard error when the literal is true."""
    if claim.kind in ("median", "q1", "q3"):
        units, rest = block.group(claim.where)
        low, high, parts = _quantile(block, claim)
        least, most = claim.interval.whole(parts * block.parts[claim.variable])
        if rest:
            block.between(block.meeting(units, rest), 1, block.roster.size, literal)
        # A proof allows what some values of the cells print; a cohort, only cells all of whose values do.
        exact = not block.lenient and not (rest and claim.kind != "median")
        block.between(high if exact else low, -LARGEST, most, literal)
        block.between(low if exact else high, least, LARGEST, literal)
        if least > most and (exact or claim.kind == "median"):
            block.model.add(literal == 0)  # else it may lie between two values
        return
    ways = list(spread_ways(block, claim, outside=False))
    if [] not in ways:
        one_of(block, [literal], ways, claim.id)


def _prefixes(block: Block, name: str, units: Sequence[int], rest: Condition) -> list[Any]:
    """Return how many patients of a group have a value in a cell or below it, for each cell."""
    key = (name, tuple(units), str(rest))
    if key not in block.prefixes:
        here: dict[Any, list[int]] = {cell: [] for cell in block.cells[name]}
        for k, pattern in enumerate(block.patterns):
            if all(block.shows(pattern, *item) for item in rest.items()):
                here[pattern[name]].append(k)
        size, found, below = sum(len(block.units[u]) for u in units), [], 0
        for cell, patterns in here.items():
            count = block.model.new_int_var(0, size, f"{name} up to {cell}")
            block.model.add(count == below + sum(block.n[u][k] for u in units for k in patterns if k in block.n[u]))
            found.append(count)
            below = count
        block.prefixes[key] = found
    return block.prefixes[key]


def _ranked(block: Block, name: str, units: Sequence[int], rest: Condition, times: int, least: Any) -> tuple[Any, Any]:
    """Return the first and last value of the cell of the lowest patient so that `times` as many up to him are `least`."""
    cells, low, high = block.cells[name], block.cells[name][0][0], block.cells[name][0][1]
    counts = _prefixes(block, name, units, rest)
    for k in range(len(cells) - 1):
        later = block.model.new_bool_var("")
        block.model.add(times * counts[k] <= least - 1).only_enforce_if(later)
        block.model.add(times * counts[k] >= least).only_enforce_if(~later)
        low += (cells[k + 1][0] - cells[k][0]) * later
        high += (cells[k + 1][1] - cells[k][1]) * later
    return low, high


def _quantile(block: Block, claim: Claim) -> tuple[Any, Any, int]:
    """Return the least and the largest that a median or quartile can be, in parts of a step, and how many parts.

    Notes
    -----
    The median is exact where every value has a cell. A proof allows a quartile to be whatever one of the usual
    definitions makes of it (Hyndman and Fan's nine, Tukey's hinges): none lies outside the ranks n/4, rounded down, and
    (n + 3)/4, rounded up, or their mirror images. A cohort's is SPSS's, at rank (n + 1) p.
    """
    name, (units, rest) = claim.variable, block.group(claim.where)
    size = block.meeting(units, rest) if rest else sum(len(block.units[u]) for u in units)

    def ranked(times: int, least: Any) -> tuple[Any, Any]:
        return _ranked(block, name, units, rest, times, least)

    if claim.kind == "median":
        below, above = ranked(2, size), ranked(2, size + 1)
        return below[0] + above[0], below[1] + above[1], 2
    if not rest and not block.lenient:
        rank, part = divmod((size + 1) * (1 if claim.kind == "q1" else 3), 4)
        if not 1 <= rank < size:
            rank, part = min(max(rank, 1), size), 0
        at, following = ranked(1, rank), ranked(1, rank + 1 if part else rank)
        return (*((4 - part) * at[k] + part * following[k] for k in (0, 1)), 4)
    if rest:
        first, last = ((4, size - 3), (4, size + 3)) if claim.kind == "q1" else ((4, 3 * size - 2), (4, 3 * size + 7))
    else:
        first, last = (1, max(1, size // 4)), (1, min(size, -(-(size + 3) // 4)))
        if claim.kind == "q3":
            first, last = (1, size + 1 - last[1]), (1, size + 1 - first[1])
    return ranked(*first)[0], ranked(*last)[1], 1


def rank_ways(block: Block, claim: Claim) -> list[Bounds]:
    """Return the ways in which a median can lie outside what is printed; one that is always open for quartiles."""
    if claim.kind != "median":
        return [[]]
    low, high, parts = _quantile(block, claim)
    least, most = claim.interval.whole(parts * block.parts[claim.variable])
    units, rest = block.group(claim.where)
    none = [[(block.meeting(units, rest), 0, 0)]] if rest else []
    return [[(low, -LARGEST, least - 1)], [(high, most + 1, LARGEST)], *none] if least <= most else [[]]


def spread_ways(block: Block, claim: Claim, *, outside: bool) -> list[Bounds]:
    """Return the ways in which a standard deviation, or error, prints so, or does not: bounds that hold together.

    Notes
    -----
    n Q - S^2 = n (n - 1) s^2, with S the sum and Q the sum of squares of the values in steps, counted from the least.
    """
    name, (units, rest) = claim.variable, block.group(claim.where)
    cells = block.cells[name]
    single = all(low == high for low, high in cells)
    most, top = sum(len(block.units[u]) for u in units), cells[-1][1] - cells[0][0]
    if (not single and (rest or outside)) or (most * top) ** 2 > LARGEST:
        return [[]]
    if not rest and most < 2:
        return [[]] if outside else []
    total, squares = _moments(block, name, units, rest, single)
    squared = block.model.new_int_var(0, (most * top) ** 2, "")
    block.model.add_multiplication_equality(squared, total, total)
    ways: list[Bounds] = []
    for size in range(2, most + 1) if rest else (most,):
        of = [(block.meeting(units, rest), size, size)] if rest else []
        spread = size * squares - squared
        least, largest = spread_limits(block, claim, size)
        if outside:
            ways += [[*of, (spread, 0, least - 1)], [*of, (spread, largest + 1, LARGEST)]]
        elif least <= largest:
            ways.append([*of, (spread, least, largest)])
    if outside and rest:
        ways.append([(block.meeting(units, rest), 0, 1)])
    return ways


def spread_limits(block: Block, claim: Claim, size: int) -> tuple[int, int]:
    """Return the least and the largest n Q - S^2 that prints."""
    printed = claim.interval
    if printed.high < 0:
        return 1, 0
    factor = block.parts[claim.variable] ** 2 * size * (size - 1) * (size if claim.kind == "se" else 1)
    low, has_low = (printed.low, printed.has_low) if printed.low >= 0 else (Fraction(0), True)
    return Interval(low**2 * factor, printed.high**2 * factor, has_low, printed.has_high).whole()


def _moments(block: Block, name: str, units: Sequence[int], rest: Condition, single: bool) -> tuple[Any, Any]:
    """Return the sum and the sum of squares of the values of a group, counted from the variable's least value."""
    origin, most = block.cells[name][0][0], sum(len(block.units[u]) for u in units)
    top = block.cells[name][-1][1] - origin
    good = {k for k, p in enumerate(block.patterns) if all(block.shows(p, *item) for item in rest.items())}
    counts = [(block.patterns[k][name], n) for u in units for k, n in block.n[u].items() if k in good]
    total = block.model.new_int_var(0, most * top, f"{name} sum")
    if single:
        block.model.add(total == sum((cell[0] - origin) * n for cell, n in counts))
        return total, sum((cell[0] - origin) ** 2 * n for cell, n in counts)
    block.model.add(total == block.total(name, units) - origin * most)
    squares = block.model.new_int_var(0, most * top**2, f"{name} sum of squares")
    block.model.add(squares >= sum((cell[0] - origin) ** 2 * n for cell, n in counts))
    block.model.add(squares <= sum((cell[1] - origin) ** 2 * n for cell, n in counts))
    return total, squares


def add_effect(block: Block, said: Sequence[Claim], literal: Any) -> None:
    """Hold the counts of two groups to those that print an effect, and its interval, when the literal is true."""
    if said[0].by in block.roster.groups:
        counts, printing, _ = effect_counts(block, said, corrected=block.lenient)
        ways = [[(counts[0], a, a), (counts[1], first, last)] for a, first, last in printing]
        one_of(block, [literal], ways, said[0].id)
    elif not block.lenient:
        raise SolverError(f"{said[0].id}: no printed figure gives the number with {said[0].by} = yes")


def effect_counts(
    block: Block, said: Sequence[Claim], *, corrected: bool
) -> tuple[list[Any], list[tuple[int, int, int]], list[int]]:
    """Return the counts of an effect's two groups, the runs of them that print it, and the sizes of the groups."""
    groups = [block.group({said[0].by: answer})[0] for answer in NO_YES[::-1]]
    sizes = [sum(len(block.units[u]) for u in units) for units in groups]
    printed = {claim.part: claim.interval for claim in said}
    counts = [block.meeting(units, said[0].condition) for units in groups]
    return counts, list(pairs_that_print(said[0].kind, *sizes, printed, corrected=corrected)), sizes
