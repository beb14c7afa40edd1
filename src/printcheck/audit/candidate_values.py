"""Values that print a P of means, or of ranks: made from sums and sums of squares that a proof leaves, then exchanged.

The sums that `printcheck.proof.proof_block` allows nearly always belong to values; these are made here, so that they are shown.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from printcheck.audit.candidate_ranges import GroupBounds
from printcheck.printed.claims import Claim
from printcheck.proof.proof_block import ProofBlock
from printcheck.proof.solver import deterministic_solver
from studyfile.cohort.values import meets
from studyfile.study.study import NO_YES
from tallystats.statistics.rank_and_t_tests import NUMBERED, t_p_value

if TYPE_CHECKING:
    from printcheck.audit.candidate_question import PrintedP

#: Deterministic time for one set of sums, and how many of them are tried for a test.
EFFORT, TRIES = 1.0, 6
#: Parts in which the sums of squares of two groups are tried.
PARTS = 8
#: Exchanges that values are given to meet their sum of squares, and those in a row that may bring nothing.
EXCHANGES, IDLE = 20_000, 1_000
#: Exchanges towards a P of ranks, how long they may be, and how often one that leads away is taken.
STEPS, LONG, ASTRAY = 12_000, 8, 0.02


def means_printed(question: PrintedP, groups: Sequence[GroupBounds], tests: Sequence[str]) -> set[str]:
    """Return the t tests among some for which values are found that print P, beside all that is printed of the variable.

    Nothing is said where other variables or single patients are tied to it.
    """
    if not alone(question):
        return set()
    found = set()
    for test in tests:
        for block in itertools.islice(_blocks(question, groups, test), TRIES):
            shown = _values(question, block)
            if shown and NUMBERED[test](*_counted(shown)) in question.asked.interval:
                found.add(test)
                break
    return found


def alone(question: PrintedP) -> bool:
    """Say whether neither other variables nor single patients are tied to the variable, so that its values are free."""
    tied = len(question.own) < len(question.mine) or len(question.own_rules) < len(question.rules)
    elsewhere = any(set(c.where) - {question.asked.by} for c in question.own)
    return not (tied or question.rules or question.roster.narrated or elsewhere)


def ranks_printed(question: PrintedP, tests: Sequence[str]) -> set[str]:
    """Return the tests of ranks among some for which values are found that print P; the variable stands alone (`alone`).

    Notes
    -----
    From values that print all else, one patient's goes up and another's of the same group and run as far down: means and
    counts stay, and standard deviations are held. Exchanges that bring P nearer are kept, and now and then another.
    """
    block = question.block(lenient=True)
    units = [u for group in question.groups(block) for u in group]
    # As few as can be at a run of a single value, such as the least that is printed: those could not be exchanged.
    block.model.minimize(sum(n for u in units for (low, high), (n, _) in block.runs(question.variable, u) if low == high))
    shown = _values(question, block)
    if shown is None:
        return set()
    spreads = [
        _Spread.of(claim, question, block.parts[question.variable]) for claim in question.own if claim.kind in ("sd", "se")
    ]
    return {test for test in tests if _exchanged(question, block.cells[question.variable], shown, spreads, test)}


@dataclass(frozen=True, slots=True)
class _Spread:
    """What a printed SD or standard error says of the sum of squares of some groups: more than `least`, less than `most`."""

    groups: tuple[int, ...]
    least: float
    most: float

    @classmethod
    def of(cls, claim: Claim, question: PrintedP, parts: int) -> _Spread:
        by = question.asked.by
        groups = tuple(
            k for k, answer in enumerate(NO_YES[::-1]) if meets(question.study, by, answer, claim.where.get(by, answer))
        )
        n = sum(question.sizes[k] for k in groups)
        scale = parts * parts * (n - 1) * (n if claim.kind == "se" else 1)
        low, high = (float(end) ** 2 * scale for end in (claim.interval.low, claim.interval.high))
        return cls(groups, low * (1 + 1e-9), high * (1 - 1e-9))

    def holds(self, values: Sequence[Sequence[int]], squares: Sequence[int]) -> bool:
        n = sum(len(values[k]) for k in self.groups)
        about = sum(squares[k] for k in self.groups) - sum(sum(values[k]) for k in self.groups) ** 2 / n
        return self.least < about < self.most


def _exchanged(
    question: PrintedP, cells: Sequence[tuple[int, int]], shown: Sequence[Sequence[int]], spreads: Sequence[_Spread], test: str
) -> bool:
    """Say whether exchanges lead to values that print P of a test."""
    rng, printed = random.Random(1), question.asked.interval
    values = [list(group) for group in shown]
    squares = [sum(v * v for v in group) for group in values]
    line = range(min(map(min, values)), max(map(max, values)) + 1)
    counts = [[group.count(v) for v in line] for group in values]
    run = {v: cell for cell in cells for v in range(max(cell[0], line[0]), min(cell[1], line[-1]) + 1)}
    wanted = math.log(max(float(printed.low + printed.high) / 2, 1e-12))

    def off() -> float:
        p = NUMBERED[test](line, *counts)
        return 0.0 if p in printed else round(abs(math.log(max(p, 1e-12)) - wanted), 12)  # ties are no gain

    def put(k: int, at: int, value: int) -> None:
        counts[k][values[k][at] - line[0]] -= 1
        counts[k][value - line[0]] += 1
        values[k][at] = value

    def exchange(k: int) -> list[tuple[int, int, int]]:
        """Return one change up and one as far down, as (place, before, after); nothing where a run would be left."""
        a, b, step = rng.randrange(len(values[k])), rng.randrange(len(values[k])), rng.randint(1, LONG)
        moves = [(a, values[k][a], values[k][a] + step), (b, values[k][b], values[k][b] - step)]
        return moves if a != b and all(run.get(after) == run[before] for _, before, after in moves) else []

    now = off()
    for _ in range(STEPS):
        if not now:
            return all(_in_order(claim, question, values) for claim in question.own)
        k = rng.randrange(2)
        # Two at once: where the standard deviation leaves little room, the second takes back what the first adds to it.
        moves = [move for _ in range(rng.randint(1, 2)) for move in exchange(k)]
        if not moves or len({place for place, _, _ in moves}) < len(moves):
            continue
        change = sum(after * after - before * before for _, before, after in moves)
        squares[k] += change
        if not all(spread.holds(values, squares) for spread in spreads if k in spread.groups):
            squares[k] -= change
            continue
        for place, _, after in moves:
            put(k, place, after)
        if (then := off()) <= now or rng.random() < ASTRAY:
            now = then
            continue
        squares[k] -= change
        for place, before, _ in moves:
            put(k, place, before)
    return False


def _blocks(question: PrintedP, groups: Sequence[GroupBounds], test: str) -> Iterator[ProofBlock]:
    """Yield blocks whose sums and sums of squares print P of a test, or nearly so."""
    if test == "student_t":
        yield question.block(lenient=True, more=[question.asked], tests={question.variable: (test,)})
        return
    one, two = groups
    sums = [(one.sum[0], two.sum[1]), (one.sum[1], two.sum[0]), tuple(sum(g.sum) // 2 for g in groups)]
    squares = [[g.squares[0] + (g.squares[1] - g.squares[0]) * k / PARTS for k in range(PARTS + 1)] for g in groups]
    for totals in dict.fromkeys(sums):
        apart = totals[0] / one.n - totals[1] / two.n
        for cell in itertools.product(*map(itertools.pairwise, squares)):
            ends = [t_p_value(one.n, two.n, apart, *both, equal_variance=False) for both in itertools.product(*cell)]
            printed = question.asked.interval
            if min(ends) <= printed.high and max(ends) >= printed.low and (len(set(ends)) > 1 or ends[0] in printed):
                yield from _at(question, totals, apart, cell)


def _at(question: PrintedP, totals: Sequence[int], apart: float, cell: Sequence[tuple[float, float]]) -> Iterator[ProofBlock]:
    """Yield a block with given sums whose sums of squares, within a cell, print P of Welch's test."""
    n1, n0 = question.sizes

    def p_value(share: float) -> float:
        both = [low + (high - low) * share for low, high in cell]
        return t_p_value(n1, n0, apart, *both, equal_variance=False)

    low, high = 0.0, 1.0
    wanted = float(question.asked.interval.low + question.asked.interval.high) / 2
    if not p_value(low) <= wanted <= p_value(high):
        return
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if p_value(middle) < wanted else (low, middle)
    block = question.block(lenient=True)
    for units, n, total, (first, last) in zip(question.groups(block), (n1, n0), totals, cell, strict=True):
        group, origin = block.of_group(question.variable, units), block.cells[question.variable][0][0]
        about = (first + (last - first) * low) * n
        slack = max(n * n // 2, int(about / 500))
        block.model.add(group.sum == total - origin * n)
        block.model.add(group.spread >= math.floor(about) - slack)
        block.model.add(group.spread <= math.ceil(about) + slack)
    yield block


def _values(question: PrintedP, block: ProofBlock) -> list[list[int]] | None:
    """Return the values of both groups that have the sums of a solution; None when there is none, or none are found."""
    name = question.variable
    units = [u for group in question.groups(block) for u in group]
    for u in units:
        block.of_group(name, [u])
    solver = deterministic_solver(1, EFFORT)
    if solver.status_name(solver.solve(block.model)) not in ("OPTIMAL", "FEASIBLE"):
        return None
    shown = []
    for u in units:
        parts = [(cell, *map(solver.value, of_run)) for cell, of_run in block.runs(name, u)]
        values = made(parts, solver.value(block.of_group(name, [u]).squares), block.cells[name][0][0])
        if values is None:
            return None
        shown.append(values)
    return shown if all(_in_order(claim, question, shown) for claim in question.own) else None


def made(parts: Sequence[tuple[tuple[int, int], int, int]], squares: int, origin: int) -> list[int] | None:
    """Return values in given runs, each run's number and sum kept, with a sum of squares; None when none are found.

    Parameters
    ----------
    parts : sequence
        A run's first and last value, how many values are in it, and their sum above `origin`.
    squares : int
        The sum of squares of all values above `origin`.

    Examples
    --------
    >>> sorted(made([((0, 9), 3, 12)], 56, 0))
    [2, 4, 6]
    """
    values, runs = [], []
    for (low, high), n, total in parts:
        if n:
            each, more = divmod(total, n)
            start = len(values)
            values += [each + (k < more) for k in range(n)]
            runs += [(low - origin, high - origin, start, n)] * (n > 1 and low < high)
    rng, gap = random.Random(1), squares - sum(v * v for v in values)
    if gap and not runs:
        return None
    idle = 0
    for _ in range(EXCHANGES):
        if not gap:
            return [v + origin for v in values]
        if (idle := idle + 1) > IDLE:
            return None
        low, high, start, n = rng.choices(runs, weights=[run[3] for run in runs])[0]
        a, b = start + rng.randrange(n), start + rng.randrange(n)
        if a == b:
            continue
        # A step up and one down, as long as may be: the sum stays.
        most = min(high - values[a], values[b] - low)
        step = rng.randint(1, max(1, most // 2)) if gap > 1000 else 1
        change = 2 * step * (values[a] - values[b]) + 2 * step * step
        if step <= most and abs(gap - change) < abs(gap):
            values[a], values[b], gap, idle = values[a] + step, values[b] - step, gap - change, 0
    return None


def _in_order(claim: Claim, question: PrintedP, shown: Sequence[Sequence[int]]) -> bool:
    """Say whether values print a median or quartile; what else is printed, their sums and runs do."""
    if claim.kind not in ("median", "q1", "q3"):
        return True
    wanted = claim.where.get(question.asked.by)
    groups = [
        values
        for answer, values in zip(NO_YES[::-1], shown, strict=True)
        if wanted is None or meets(question.study, question.asked.by, answer, wanted)
    ]
    values = sorted(itertools.chain(*groups))
    share = {"q1": 1, "median": 2, "q3": 3}[claim.kind]
    rank, part = divmod((len(values) + 1) * share, 4)
    at = [values[min(max(k, 1), len(values)) - 1] for k in (rank, rank + 1)]
    scale = 4 * question.block(lenient=True).parts[question.variable]
    least, most = claim.interval.whole(scale)
    return least <= (4 - part) * at[0] + part * at[1] <= most


def _counted(shown: Sequence[Sequence[int]]) -> tuple[list[int], Any, Any]:
    """Return the distinct values, and how many in each group have them."""
    values = sorted(set(itertools.chain(*shown)))
    ones, zeros = ([group.count(v) for v in values] for group in shown)
    return values, tuple(ones), tuple(zeros)
