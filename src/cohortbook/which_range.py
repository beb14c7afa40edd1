"""Between which bounds P of tests of numbers lies where their values are runs, and patients that print it.

Bounds come from relaxations, so what they exclude is impossible; patients are found among some of the values, and told in
full, so what they show is possible.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cohortbook.cells import Cell, SolverError
from cohortbook.printed_tests import NUMBERED, dealt, t_p_value
from cohortbook.solver import Block, deterministic_solver
from cohortbook.solver_tests import rank_sums

if TYPE_CHECKING:
    from cohortbook.which_test import Question, Table

#: Least and largest P, and whether it is printed, as `cohortbook.which_test` has them.
Range = tuple[float, float, str]

#: Deterministic time for a bound, and for a search.
EFFORT = 1.0
SEARCH = 4.0
#: Tests that a block states; those of ranks of runs of values too.
STATED = ("mann_whitney", "mann_whitney_continuity", "student_t")
#: A variable with fewer values has each of them told apart in a proof.
FEW = 48
#: How many values of a variable patients are drawn from.
DRAWN = 28
#: Steps and parts in which sums of squares are tried, and values of U.
STEPS, FINE, PARTS, NEAR, TRIES, REACH = 40, 2000, 4, 2, 3, 12
#: Tangents to the square in a run of values.
TANGENTS = 12
UNKNOWN: Range = (math.nan, math.nan, "unknown")


class _NoneLeft(Exception):
    """No patients are left: the other figures contradict each other."""


@dataclass
class Drawn(Block):
    """A block in which some variables take only certain values, so that a solution tells them."""

    values: dict[str, list[int]] = field(default_factory=dict)

    def _cells(self, name: str) -> list[Cell]:
        return [(v, v) for v in self.values[name]] if name in self.values else super()._cells(name)


def ranges(question: Question) -> dict[str, Range]:
    """Return, for each test of numbers, bounds of P, and whether it prints the printed P."""
    try:
        groups, bounds = _bounds(question)
    except _NoneLeft:
        return dict.fromkeys(NUMBERED, UNKNOWN)
    printed = question.asked.interval
    found: dict[str, Range] = {}
    open_ = {}
    for test in NUMBERED:
        low, high = bounds.get(test, (0.0, 1.0))
        if (
            high < printed.low
            or low > printed.high
            or (not printed.has_high and low >= printed.high)
            or (not printed.has_low and high <= printed.low)
        ):
            found[test] = (low, high, "never")
        elif low in printed and high in printed:
            found[test] = (low, high, "always")
        else:
            open_[test] = (low, high)
    if open_:
        printing = _printing(question, groups, open_)
        for test, ends in open_.items():
            prints = "sometimes" if test in printing else "never" if _refuted(question, test) else "unknown"
            found[test] = (*(ends if test in bounds else (math.nan, math.nan)), prints)
    return {test: found[test] for test in NUMBERED}


def _refuted(question: Question, test: str) -> bool:
    """Say whether the solver proves that a test cannot print P: a t test only where every value can be told apart."""
    from cohortbook.which_test import feasible

    options = {"lenient": True, "more": [question.asked], "tests": {question.variable: (test,)}}
    cells = question.block(lenient=True).cells[question.variable]
    if cells[-1][1] - cells[0][0] < FEW:
        every = [v for low, high in cells for v in range(low, high + 1)]
        return test in STATED and feasible(
            question.block(kind=Drawn, values={question.variable: every}, **options).model, SEARCH
        ) is False  # fmt: skip
    return test in STATED[:2] and feasible(question.block(**options).model, SEARCH) is False


# --- bounds


@dataclass(frozen=True)
class _Group:
    """What is known of one group: its size, its sum of values, in steps, and its sum of squares about the mean."""

    n: int
    sum: tuple[int, int]
    squares: tuple[float, float]


def _steps(ends: tuple[float, float], steps: int) -> list[float]:
    return [ends[0] + (ends[1] - ends[0]) * k / steps for k in range(steps + 1)]


def _bounds(question: Question) -> tuple[list[_Group], dict[str, tuple[float, float]]]:
    name, (n1, n0) = question.variable, question.sizes
    block = question.block(lenient=True)
    if not n1 or not n0:
        return [], {}
    groups = [_group(block, name, units, n) for units, n in zip(question.groups(block), (n1, n0), strict=True)]
    ranked = question.block(lenient=True)
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
            _rank_p_value(distance, ties, n1, n0) for distance, ties in zip(apart, (least_ties, most_ties), strict=True)
        )
        found[test] = (low, high)
    if n1 + n0 > 2:
        found |= _of_means(*groups)
    return groups, found


def _distance(low: float, high: float) -> tuple[float, float]:
    """Return the least and the largest absolute value between two numbers."""
    return (0 if low <= 0 <= high else min(abs(low), abs(high))), max(abs(low), abs(high))


def _rank_p_value(distance: float, ties: float, n1: int, n0: int) -> float:
    size = n1 + n0
    variance = n1 * n0 / 12 * (size + 1 - ties / (size * (size - 1)))
    if variance <= 1e-9:
        return 0.0 if distance else 1.0
    return math.erfc(distance / math.sqrt(2 * variance))


def _of_means(one: _Group, two: _Group) -> dict[str, tuple[float, float]]:
    """Return bounds of P of Student's and Welch's t from those of the sums and of the sums of squares."""
    n1, n0 = one.n, two.n
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


def _welch(one: _Group, two: _Group, apart: float, end: int) -> float:
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


def _group(block: Block, name: str, units: list[int], n: int) -> _Group:
    """Bound the sum and the sum of squares of a group's values: linear in counts and sums of the cells."""
    model, parts = block.model, []
    for low, high in block.cells[name]:
        count = block.count(units, lambda p, cell=(low, high): p[name] == cell)
        if low == high:
            parts.append((low, high, count, low * count))
            continue
        total = model.new_int_var(min(low * n, 0), max(high * n, 0), "")
        model.add(total >= low * count)
        model.add(total <= high * count)
        parts.append((low, high, count, total))
    whole = sum(total for *_, total in parts)
    model.add(whole == block.total(name, units))
    limit = n * max(abs(end) for low, high, *_ in parts for end in (low, high))
    sums = _ends(model, whole, (-limit, limit))
    centre = round((sums[0] + sums[1]) / 2 / n)
    # (x - low) (x - high) <= 0 bounds x^2 from above, tangents between neighbouring whole numbers from below.
    above = sum(
        (low + high - 2 * centre) * total + (centre**2 - low * high) * count for low, high, count, total in parts
    )
    below = []
    for low, high, count, total in parts:
        if low == high:
            below.append((low - centre) ** 2 * count)
            continue
        ends = max((low - centre) ** 2, (high - centre) ** 2)
        below.append(square := model.new_int_var(0, n * ends, ""))
        at = {low + (high - 1 - low) * k // TANGENTS for k in range(TANGENTS + 1)}
        at |= {x for x in (centre - 1, centre) if low <= x < high}
        for m in at:
            model.add(square >= (2 * m + 1 - 2 * centre) * total + (centre**2 - m * (m + 1)) * count)
    largest = n * max((end - centre) ** 2 for low, high, *_ in parts for end in (low, high))
    most = _ends(model, above, (0, largest), minimum=False)[1]
    least = _ends(model, sum(below), (0, largest), maximum=False)[0]
    near, far = _distance(sums[0] - centre * n, sums[1] - centre * n)
    return _Group(n, sums, (max(least - far**2 / n, 0.0), max(most - near**2 / n, 0.0)))


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
    model: Any, expression: Any, known: tuple[int, int], *, minimum: bool = True, maximum: bool = True
) -> tuple[int, int]:
    """Bound an expression; where the search stops early, by what is proven so far."""
    low, high = known
    if isinstance(expression, int):
        return expression, expression
    for wanted, optimise in ((minimum, model.minimize), (maximum, model.maximize)):
        if not wanted:
            continue
        optimise(expression)
        solver = deterministic_solver(1, EFFORT)
        solver.parameters.linearization_level = 2
        status = solver.status_name(solver.solve(model))
        model.clear_objective()
        if status == "INFEASIBLE":
            raise _NoneLeft
        if status == "UNKNOWN" or not math.isfinite(solver.best_objective_bound):
            continue
        if optimise == model.minimize:
            low = max(low, math.ceil(solver.best_objective_bound - 1e-3))
        else:
            high = min(high, math.floor(solver.best_objective_bound + 1e-3))
    return low, high


# --- patients that print it


def _printing(question: Question, groups: Sequence[_Group], tests: dict[str, tuple[float, float]]) -> set[str]:
    """Return the tests among some for which patients are found whose P prints so."""
    found: set[str] = set()
    if not groups:
        return found
    values = _drawn(question, groups)
    try:
        for table in _solutions(question, values, groups, tests, found):
            for test in tests:
                if test not in found and NUMBERED[test](values, *table) in question.asked.interval:
                    found.add(test)
            if found == set(tests):
                break
    except SolverError:  # too many joint patterns: what was found stays
        pass
    return found


def _drawn(question: Question, groups: Sequence[_Group]) -> list[int]:
    """Return the values that patients are drawn from: ends of cells, some between, and those next to the means."""
    cells = question.block(lenient=True, own=True).cells[question.variable]
    cells = question.block(lenient=True).cells[question.variable] if len(cells) < 2 else cells
    each = max(2, DRAWN // len(cells))
    values = set()
    for low, high in cells:
        values |= {low + (high - low) * k // (each - 1) for k in range(each)}
        if low < high:
            values |= {low + 1, high - 1}
    for group in groups:
        mean = math.floor(group.sum[0] / group.n)
        values |= {v for v in (mean - 1, mean, mean + 1, mean + 2) if cells[0][0] <= v <= cells[-1][1]}
    return sorted(values)


def _solutions(
    question: Question, values: list[int], groups: Sequence[_Group], tests: Collection[str], found: set[str]
) -> Iterator[Table]:
    """Yield patients that the other figures allow, as counts of the values, sought where the tests still miss."""
    search = _Search(question, values)
    first = search.solve(search.block.model)
    if first is None:
        return
    yield first
    for test in ("student_t", "welch_t"):
        if test in tests:
            for table in search.by_squares(test, first, groups):
                if test in found:
                    break
                yield table
    for table in search.by_ranks(first):
        if not {test for test in tests if test.startswith("mann_whitney")} - found:
            break
        yield table
    for test in STATED:
        if test in tests and test not in found:
            more = search.made(more=[question.asked], tests={question.variable: (test,)})
            if (table := search.solve(more.model)) is not None:
                yield table


@dataclass
class _Search:
    """A search for patients among certain values of the variable."""

    question: Question
    values: list[int]

    def __post_init__(self) -> None:
        self.block = self.made()
        self.counts = self.question.counts(self.block, self.question.variable)

    def made(self, **options: Any) -> Drawn:
        """Return a block of the values; its patterns and counts are in the same order each time."""
        drawn = {self.question.variable: self.values}
        return self.question.block(lenient=False, kind=Drawn, values=drawn, **options)

    def solve(self, model: Any) -> Table | None:
        """Return the counts of the values in both groups of a solution."""
        solver = deterministic_solver(1, SEARCH)
        if solver.status_name(solver.solve(model)) not in ("OPTIMAL", "FEASIBLE"):
            return None
        return tuple(tuple(int(solver.value(e)) for e in group) for group in self.counts)

    def total(self, counts: Sequence) -> Any:
        return sum(v * n for v, n in zip(self.values, counts, strict=True))

    def by_squares(self, test: str, first: Table, groups: Sequence[_Group]) -> Iterator[Table]:
        """Yield patients whose sums of squares print P of a t test beside their means: the first group, then both."""
        sums = [g.sum for g in groups]
        own = tuple(self.total(counts) for counts in first)
        for totals in dict.fromkeys([own, (sums[0][0], sums[1][1]), (sums[0][1], sums[1][0])]):
            firsts, seconds = (_steps(g.squares, STEPS) for g in groups)
            inside = [x for x in firsts if self._passes(test, totals, groups, x, seconds)]
            if not inside:
                continue
            known = [first] if totals == own else []
            width, step = (inside[-1] - inside[0]) / PARTS, firsts[1] - firsts[0]
            for part in range(PARTS + bool(known)):
                if known:
                    table = known.pop()
                else:
                    low = inside[0] + (part - (totals == own)) * width
                    model = self.block.model.clone()
                    self._hold(model, 0, totals[0], (low - step, low + width + step))
                    model.add(self.total(self.counts[1]) == totals[1])
                    if (table := self.solve(model)) is None:
                        continue
                    yield table
                squares = self._squares(table[0])
                of_second = [
                    y
                    for y in _steps(groups[1].squares, FINE)
                    if self._p_value(test, totals, groups, (squares, y)) in self.question.asked.interval
                ]
                if of_second:
                    model = self.block.model.clone()
                    for expression, count in zip(self.counts[0], table[0], strict=True):
                        model.add(expression == count)
                    self._hold(model, 1, totals[1], (of_second[0], of_second[-1]))
                    if (table := self.solve(model)) is not None:
                        yield table

    def _p_value(self, test: str, totals: Sequence[int], groups: Sequence[_Group], squares: Sequence[float]) -> float:
        apart = totals[0] / groups[0].n - totals[1] / groups[1].n
        return t_p_value(groups[0].n, groups[1].n, apart, *squares, equal_variance=test == "student_t")

    def _passes(self, test: str, totals: Sequence[int], groups: Sequence[_Group], x: float, steps: list[float]) -> bool:
        """Say whether P passes what is printed as the second group's sum of squares takes its steps."""
        printed = self.question.asked.interval
        p_values = [self._p_value(test, totals, groups, (x, y)) for y in steps]
        return any(
            min(pair) <= printed.high and max(pair) >= printed.low for pair in itertools.pairwise(p_values)
        )  # fmt: skip

    def _squares(self, counts: Sequence[int]) -> float:
        mean = self.total(counts) / sum(counts)
        return sum(n * (v - mean) ** 2 for v, n in zip(self.values, counts, strict=True))

    def _hold(self, model: Any, group: int, total: int, squares: tuple[float, float]) -> None:
        """Hold the sum of a group, and its sum of squares about the mean between two limits."""
        n = self.question.sizes[group]
        centre = round(total / n)
        model.add(self.total(self.counts[group]) == total)
        about = sum((v - centre) ** 2 * e for v, e in zip(self.values, self.counts[group], strict=True))
        shift = (total - centre * n) ** 2 / n
        model.add(about >= math.ceil(squares[0] + shift - 1e-6))
        model.add(about <= math.floor(squares[1] + shift + 1e-6))

    def by_ranks(self, first: Table) -> Iterator[Table]:
        """Yield patients whose U is about what prints P of a test of ranks: as if tied like those of a table."""
        (n1, n0), printed = self.question.sizes, self.question.asked.interval
        shown = tuple(a + b for a, b in zip(*first, strict=True) if a + b)
        ties = sum(t**3 - t for t in shown)
        middle = float(printed.low + printed.high) / 2

        def off(corrected: int) -> Callable[[int], float]:
            return lambda far: abs(_rank_p_value(max(far - corrected, 0) / 2, ties, n1, n0) - middle)

        fars = [far for corrected in (0, 1) for far in sorted(range(n1 * n0 + 1), key=off(corrected))[:NEAR]]
        block = self.made()
        twice, _ = rank_sums(block, self.question.variable, *self.question.groups(block))
        last = first
        # An exact P goes by how the values are tied: each try starts from the ties of the one before.
        for far in (*dict.fromkeys(fars), *[None] * TRIES):
            if far is None:
                shown = tuple(a + b for a, b in zip(*last, strict=True) if a + b)
                around = sorted(range(max(fars[0] - REACH, 0), min(fars[0] + REACH, n1 * n0) + 1), key=off(0))
                far = next((f for f in around if dealt(shown, min(n1, n0), f) in printed), None)
                if far is None:
                    return
            for u2 in dict.fromkeys((n1 * n0 - far, n1 * n0 + far)):
                model = block.model.clone()
                model.add(twice == u2)
                if (table := self.solve(model)) is not None:
                    yield (last := table)
