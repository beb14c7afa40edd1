"""Bounds of P of tests of numbers over all patients that the other printed figures allow.

From relaxations that are linear in the counts of cells and in their sums: what the bounds exclude is impossible.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from printcheck.proof.conflicts import proving_solver, short_solver
from printcheck.proof.proof_block import ProofBlock
from printcheck.proof.solver import Block
from printcheck.proof.solver_summaries import spread_limits
from printcheck.proof.solver_tests import rank_sums
from tallystats.statistics.rank_and_t_tests import t_p_value

if TYPE_CHECKING:
    from printcheck.audit.candidate_question import PrintedP

#: Deterministic time for a bound.
EFFORT = 0.5
#: Bounds this close to what is found, as a share of it, are as good as met.
CLOSE = 1e-6


class NoneLeftError(Exception):
    """No patients are left: the other figures contradict each other."""


@dataclass(frozen=True)
class GroupBounds:
    """What is known of one group: its size, its sum of values, in steps, and its sum of squares about the mean."""

    n: int
    sum: tuple[int, int]
    squares: tuple[float, float]


def groups_of(question: PrintedP) -> list[GroupBounds]:
    """Return what is known of the two groups; nothing where one of them is empty.

    Raises
    ------
    NoneLeftError
        When the other figures allow no patients at all.
    """
    if not all(question.sizes):
        return []
    block = question.block(lenient=True)
    return [_group(block, question.variable, units, n) for units, n in zip(question.groups(block), question.sizes, strict=True)]


def bounds_of_ranks(question: PrintedP) -> dict[str, tuple[float, float]]:
    """Return least and largest P of the tests of ranks; errors as `groups_of`."""
    name, (n1, n0) = question.variable, question.sizes
    ranked, block = question.block(lenient=True), question.block(lenient=True)
    twice, tied = rank_sums(ranked, name, *question.groups(ranked))
    u2 = _ends(ranked.model, twice, (0, 2 * n1 * n0))
    size = n1 + n0
    most = size**3 - size
    least_ties = _ends(ranked.model, tied, (0, most), maximum=False)[0]
    most_ties = _ends(block.model, _all_tied(block, name, size), (0, most), minimum=False)[1]
    found = {}
    for test, corrected in (("mann_whitney", 0), ("mann_whitney_continuity", 1)):
        apart = [max(end - corrected, 0) / 2 for end in _distance(u2[0] - n1 * n0, u2[1] - n1 * n0)]
        high, low = (
            rank_p_value(distance, ties, n1, n0) for distance, ties in zip(apart, (least_ties, most_ties), strict=True)
        )
        found[test] = (low, high)
    return found


def _distance(low: float, high: float) -> tuple[float, float]:
    """Return the least and the largest absolute value between two numbers."""
    return (0 if low <= 0 <= high else min(abs(low), abs(high))), max(abs(low), abs(high))


def rank_p_value(distance: float, ties: float, n1: int, n0: int) -> float:
    """Return the asymptotic P of ranks for a distance of U from its expectation and a sum of t^3 - t."""
    size = n1 + n0
    variance = n1 * n0 / 12 * (size + 1 - ties / (size * (size - 1)))
    if variance <= 1e-9:
        return 0.0 if distance else 1.0
    return math.erfc(distance / math.sqrt(2 * variance))


def bounds_of_means(one: GroupBounds, two: GroupBounds) -> dict[str, tuple[float, float]]:
    """Return bounds of P of Student's and Welch's t from those of the sums and of the sums of squares."""
    n1, n0 = one.n, two.n
    if n1 + n0 < 3:
        return {}
    near, far = _distance(one.sum[0] / n1 - two.sum[1] / n0, one.sum[1] / n1 - two.sum[0] / n0)

    def student(apart: float, end: int) -> float:
        squares = one.squares[end] + two.squares[end]
        if squares <= 0:
            return 0.0 if apart else 1.0
        return t_p_value(n1, n0, apart, one.squares[end], two.squares[end], equal_variance=True)

    found = {"student_t": (student(far, 0), student(near, 1))}
    if min(n1, n0) > 1:
        found["welch_t"] = tuple(_welch(one, two, apart, end) for apart, end in ((far, 0), (near, 1)))
    return found


def _welch(one: GroupBounds, two: GroupBounds, apart: float, end: int) -> float:
    """Return the least (end 0) or the largest P of Welch's t for a distance of the means."""
    from scipy import special

    shares = [[squares / (g.n - 1) / g.n for squares in g.squares] for g in (one, two)]
    variance = shares[0][end] + shares[1][end]
    if variance <= 0:
        return 0.0 if apart else 1.0
    # Degrees of freedom, by the first group's part w of the variance: 1 / df is a parabola in w.
    first, last = (
        a / (a + b) if a + b else end_of
        for a, b, end_of in ((shares[0][0], shares[1][1], 0.0), (shares[0][1], shares[1][0], 1.0))
    )
    best = min(max((one.n - 1) / (one.n + two.n - 2), first), last)
    freedom = [1 / (w**2 / (one.n - 1) + (1 - w) ** 2 / (two.n - 1)) for w in (first, best, last)]
    df = min(freedom) if end else max(freedom)
    return min(2 * float(special.stdtr(df, -apart / math.sqrt(variance))), 1.0)


def _group(block: ProofBlock, name: str, units: list[int], n: int) -> GroupBounds:
    """Bound the sum and the sum of squares of a group's values."""
    origin, top = block.cells[name][0][0], block.cells[name][-1][1] - block.cells[name][0][0]
    group = block.of_group(name, units)
    sums = _ends(block.model, group.sum, (0, n * top))
    said = [c for c in block.claims if c.variable == name and c.kind in ("sd", "se")]
    # A printed SD leaves little that a long search could take away.
    printed = [spread_limits(block, claim, n) for claim in said if block.group(claim.where) == (units, {})]
    lows, highs = zip((0, (n * top) ** 2 // 4), *printed, strict=True)
    if max(lows) > min(highs):
        raise NoneLeftError
    spread = _ends(block.model, group.spread, (max(lows), min(highs)), long=not printed)
    return GroupBounds(n, (sums[0] + origin * n, sums[1] + origin * n), (spread[0] / n, spread[1] / n))


def _all_tied(block: Block, name: str, size: int) -> Any:
    """Return the sum of t^3 - t when all of a cell are tied."""
    cubes, terms = [t**3 - t for t in range(size + 1)], []
    for cell in block.cells[name]:
        count = block.model.new_int_var(0, size, "")
        block.model.add(count == block.count(range(len(block.units)), lambda p, cell=cell: p[name] == cell))
        terms.append(cube := block.model.new_int_var(0, cubes[-1], ""))
        block.model.add_element(count, cubes, cube)
    return sum(terms)


def _ends(
    model: Any, expression: Any, known: tuple[int, int], *, minimum: bool = True, maximum: bool = True, long: bool = True
) -> tuple[int, int]:
    """Bound an expression; where the search stops early, by what is proven so far; `long`: search on beyond a short search."""
    low, high = known
    if isinstance(expression, int):
        return expression, expression
    for wanted, optimise in ((minimum, model.minimize), (maximum, model.maximize)):
        if not wanted:
            continue
        optimise(expression)
        for solver in _looks() if long else itertools.islice(_looks(), 1):
            solver.parameters.relative_gap_limit = CLOSE
            status = solver.status_name(solver.solve(model))
            if status in ("OPTIMAL", "INFEASIBLE"):
                break
        model.clear_objective()
        if status == "INFEASIBLE":
            raise NoneLeftError
        if status == "UNKNOWN" or not math.isfinite(solver.best_objective_bound):
            continue
        if optimise == model.minimize:
            low = max(low, math.ceil(solver.best_objective_bound - 1e-3))
        else:
            high = min(high, math.floor(solver.best_objective_bound + 1e-3))
    return low, high


def _looks() -> Iterator[Any]:
    """Yield solvers for a bound: a short one, then two that add up, the second for longer."""
    yield short_solver(EFFORT)
    for effort in (EFFORT / 2, EFFORT):
        yield proving_solver(effort)
