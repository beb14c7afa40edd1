"""Whether a test of numbers can print a P: by bounds, by proof, or by patients who print it.

Patients are sought among some of the values of a variable, and told in full, so what they show is possible.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from printcheck.audit.candidate_ranges import (
    GroupBounds,
    NoneLeftError,
    bounds_of_means,
    bounds_of_ranks,
    groups_of,
    rank_p_value,
)
from printcheck.audit.candidate_tables import UNKNOWN, Answer, Table, feasible
from printcheck.audit.candidate_values import alone, means_printed, ranks_printed
from printcheck.printed.cells import Cell, SolverError
from printcheck.printed.claims import planned_tests
from printcheck.printed.published import sure
from printcheck.proof.solver import Block, deterministic_solver
from printcheck.proof.solver_tests import rank_sums
from tallystats.statistics.rank_and_t_tests import NUMBERED, dealt, t_p_value

if TYPE_CHECKING:
    from printcheck.audit.candidate_question import PrintedP

#: Deterministic time for a search.
SEARCH = 4.0
#: Deterministic time for a search among large groups, and for all searches of one P value.
LARGE_SEARCH, LARGE_SEARCHES = 0.3, 1.5
#: Tests that a block states; those of ranks of runs of values too.
STATED = ("mann_whitney", "mann_whitney_continuity", "student_t")
#: Tests of means, and of ranks; pairs of patients above which the latter are asked of only where they are needed.
MEANS, RANKS = ("student_t", "welch_t"), tuple(test for test in NUMBERED if test.startswith("mann_whitney"))
LARGE = 2000
#: A variable with fewer values has each of them told apart in a proof.
FEW = 48
#: How many values of a variable patients are drawn from.
DRAWN = 28
#: Steps and parts in which sums of squares are tried, and values of U.
STEPS, FINE, PARTS, NEAR, TRIES, REACH = 40, 2000, 4, 2, 3, 12


@dataclass
class Drawn(Block):
    """A block in which some variables take only certain values, so that a solution tells them."""

    values: dict[str, list[int]] = field(default_factory=dict)

    def _cells(self, name: str) -> list[Cell]:
        return [(v, v) for v in self.values[name]] if name in self.values else super()._cells(name)

    def _needs_values(self, name: str) -> bool:
        return name not in self.values and super()._needs_values(name)


def ranges(question: PrintedP, stated: Collection[str], *, bounds: bool = False) -> dict[str, Answer]:
    """Return, for each test of numbers, bounds of P, and whether it prints the printed P.

    Of large groups whose P a stated test prints, nothing is said of tests of ranks that are not stated: it would take long.
    With `bounds`, only the stated tests are told, and patients are not sought.
    """
    found = dict.fromkeys(NUMBERED, UNKNOWN)
    try:
        if not (groups := groups_of(question)):
            return found
        if not bounds or set(stated) & set(MEANS):
            found |= _answers(question, groups, MEANS, bounds_of_means(*groups), search=not bounds)
        printed = any(found[test][2] in ("always", "sometimes") for test in stated if test in MEANS)
        ranked = set(stated) & set(RANKS)
        if ranked or not (bounds or (printed and _large(question))):
            known = bounds_of_ranks(question) if ranked or not _large(question) else {}
            found |= _answers(question, groups, RANKS, known, search=not bounds)
    except NoneLeftError:
        return dict.fromkeys(NUMBERED, UNKNOWN)
    return found


def _large(question: PrintedP) -> bool:
    return math.prod(question.sizes) > LARGE


def _answers(
    question: PrintedP,
    groups: Sequence[GroupBounds],
    tests: Sequence[str],
    bounds: dict[str, tuple[float, float]],
    *,
    search: bool,
) -> dict[str, Answer]:
    """Return what some tests can print, from their bounds, then, with a search, by patients, then by proof."""
    printed = question.asked.interval
    found: dict[str, Answer] = {}
    open_ = {}
    for test in tests:
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
        printing = _printing(question, groups, open_) if search else ()
        for test, ends in open_.items():
            refuted = search and test in bounds and test not in printing and _refuted(question, test)
            prints = "sometimes" if test in printing else "never" if refuted else "unknown"
            found[test] = (*(ends if test in bounds else (math.nan, math.nan)), prints)
    return found


def _refuted(question: PrintedP, test: str) -> bool:
    """Say whether the solver proves that a test cannot print P: a t test only where every value can be told apart."""
    options = {"lenient": True, "more": [question.asked], "tests": {question.variable: (test,)}}
    cells = question.block(lenient=True).cells[question.variable]
    if cells[-1][1] - cells[0][0] < FEW:
        every = [v for low, high in cells for v in range(low, high + 1)]
        return (
            test in STATED
            and feasible(question.block(kind=Drawn, values={question.variable: every}, **options).model, SEARCH) is False
        )
    return test in STATED[:2] and feasible(question.block(**options).model, SEARCH) is False


# --- patients who print it


def _printing(question: PrintedP, groups: Sequence[GroupBounds], tests: dict[str, tuple[float, float]]) -> set[str]:
    """Return the tests among some for which patients are found whose P prints so."""
    found = means_printed(question, groups, [test for test in tests if test in MEANS])
    ranked = [test for test in tests if test in RANKS]
    if ranked and _large(question) and alone(question):
        found |= ranks_printed(question, [test for test in ranked if test != "mann_whitney_exact"])
        # No program prints exact P of so many patients unless it is asked to; solver and deals take long.
        if "mann_whitney_exact" not in planned_tests(question.study, question.variable):
            return found
    if found == set(tests):
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


def _steps(ends: tuple[float, float], steps: int) -> list[float]:
    return [ends[0] + (ends[1] - ends[0]) * k / steps for k in range(steps + 1)]


def _drawn(question: PrintedP, groups: Sequence[GroupBounds]) -> list[int]:
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
    question: PrintedP, values: list[int], groups: Sequence[GroupBounds], tests: Collection[str], found: set[str]
) -> Iterator[Table]:
    """Yield patients that the other figures allow, as counts of the values, sought where the tests still miss."""
    search = _Search(question, values)
    first = search.solve(search.block.model)
    if first is None:
        return
    yield first
    for test in MEANS:
        if test in tests:
            for table in search.by_squares(test, first, groups):
                if test in found:
                    break
                yield table
    if any(test in RANKS for test in tests):
        for table in search.by_ranks(first):
            yield table
            if found.issuperset(test for test in tests if test in RANKS):
                break
    for test in STATED:
        if test in tests and test not in found:
            more = search.made(more=[question.asked], tests={question.variable: (test,)})
            if (table := search.solve(more.model)) is not None:
                yield table


@dataclass
class _Search:
    """A search for patients among certain values of the variable."""

    question: PrintedP
    values: list[int]
    left: float = LARGE_SEARCHES

    def __post_init__(self) -> None:
        self.block = self.made()
        self.counts = self.question.counts(self.block, self.question.variable)

    def made(self, **options: Any) -> Drawn:
        """Return a block of the values; its patterns and counts are in the same order each time."""
        drawn = {self.question.variable: self.values}
        return self.question.block(lenient=False, kind=Drawn, values=drawn, **options)

    def solve(self, model: Any) -> Table | None:
        """Return the counts of the values in both groups of a solution; None when none is found in time."""
        effort = min(LARGE_SEARCH, self.left) if _large(self.question) else SEARCH
        if effort <= 0:
            return None
        solver = deterministic_solver(1, effort)
        status = solver.status_name(solver.solve(model))
        self.left -= solver.response_proto.deterministic_time
        if status not in ("OPTIMAL", "FEASIBLE"):
            return None
        return tuple(tuple(int(solver.value(e)) for e in group) for group in self.counts)

    def total(self, counts: Sequence) -> Any:
        return sum(v * n for v, n in zip(self.values, counts, strict=True))

    def by_squares(self, test: str, first: Table, groups: Sequence[GroupBounds]) -> Iterator[Table]:
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

    def _p_value(self, test: str, totals: Sequence[int], groups: Sequence[GroupBounds], squares: Sequence[float]) -> float:
        apart = totals[0] / groups[0].n - totals[1] / groups[1].n
        return t_p_value(groups[0].n, groups[1].n, apart, *squares, equal_variance=test == "student_t")

    def _passes(self, test: str, totals: Sequence[int], groups: Sequence[GroupBounds], x: float, steps: list[float]) -> bool:
        """Say whether P passes what is printed as the second group's sum of squares takes its steps."""
        printed = self.question.asked.interval
        # Student's P rises with it, so that its ends tell; Welch's need not.
        ends = steps if test == "welch_t" else (steps[0], steps[-1])
        p_values = [p for y in ends if (p := self._p_value(test, totals, groups, (x, y))) == p]
        return bool(p_values) and min(p_values) <= printed.high and max(p_values) >= printed.low

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
            return lambda far: sure(abs(rank_p_value(max(far - corrected, 0) / 2, ties, n1, n0) - middle))

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
