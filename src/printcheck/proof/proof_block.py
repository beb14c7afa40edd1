"""Blocks for proofs: what is printed of numbers, held by their sums and sums of squares instead of value by value.

A mean, a standard deviation and Student's P depend on the values of a group only through their number, sum and sum of squares.
So a proof needs no cell for each value: a few runs of values bound these, whatever the range.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from printcheck.printed.cells import Cell
from printcheck.printed.claims import Claim
from printcheck.proof.solver import Block
from printcheck.proof.solver_summaries import LARGEST, spread_limits
from printcheck.proof.solver_tests import add_test, one_of
from studyfile.study.study import NO_YES, NUMERIC
from tallystats.statistics.printed_tests import student_limits

#: What bounds an expression: (expression, least, most); several hold together.
Bounds = list[tuple[Any, int, int]]
#: Beyond any number that the solver may meet.
FAR = 2**62
#: Tangents to the square in a run of values.
TANGENTS = 12
#: Ranges in which a square is bounded.
RANGES = 64


@dataclass(frozen=True)
class SummedGroup:
    """Size, sum, sum of squares and n Q - S^2 of the values of some units, in steps from the variable's least value."""

    size: int
    sum: Any
    squares: Any
    spread: Any


@dataclass
class ProofBlock(Block):
    """A block whose numbers are held by sums and sums of squares; what it excludes is impossible.

    Notes
    -----
    Within a run from a to b, n values with the sum S have a sum of squares Q of at most (a + b) S - n a b; between
    neighbouring whole numbers m and m + 1 lies none, so Q is at least (2 m + 1) S - n m (m + 1); and Q - S is even. What
    meets this can mostly be shown by values, and what does not meet it cannot.
    """

    lenient: bool = True
    shown: Sequence[int] = field(init=False, default=())
    #: Short looks in a row that told nothing.
    unsettled: int = field(init=False, default=0)
    _units_of: dict[tuple[str, int], tuple[Any, Any]] = field(init=False, default_factory=dict)
    _runs: dict[tuple[str, int], list] = field(init=False, default_factory=dict)
    _groups: dict[tuple[str, tuple[int, ...]], SummedGroup] = field(init=False, default_factory=dict)
    _apart: dict[tuple, tuple[Any, Any] | None] = field(init=False, default_factory=dict)

    def search(self, solver: Any, *, hinted: bool = False) -> str:
        """Search for patients, on demand from those found before; return FOUND, or the solver's word for what it found."""
        for k, value in enumerate(self.shown if hinted else ()):
            self.model.add_hint(self.model.get_int_var_from_proto_index(k), value)
        status = solver.status_name(solver.solve(self.model))
        self.model.clear_hints()
        if status not in ("OPTIMAL", "FEASIBLE"):
            return status
        # A copy: the solver's own list goes with it.
        self.shown = list(solver.response_proto.solution)
        return "FOUND"

    def _needs_values(self, name: str) -> bool:
        """Only where squares are asked of a group whose members are open."""
        said = [c for c in self.claims if c.variable == name and c.kind in ("sd", "se")]
        return any(self.roster.unsettled(c.where) for c in said)

    def _add_claim(self, claim: Claim, literal: Any) -> None:
        if self._by_spread(claim):
            units, _ = self.group(claim.where)
            size = sum(len(self.units[u]) for u in units)
            if size > 1:
                least, most = spread_limits(self, claim, size)
                self.between(self.of_group(claim.variable, units).spread, least, most, literal)
        elif self._by_student(claim):
            chosen = []
            for test in self.tests.get(claim.variable, ()):
                chosen.append(by := self.model.new_bool_var(f"{claim.id} by {test}"))
                if test == "student_t":
                    one_of(self, [by], [self.student(claim, outward=True)], claim.id)
                else:
                    known, self.tests = self.tests, {**self.tests, claim.variable: (test,)}
                    add_test(self, claim, by)
                    self.tests = known
            self.model.add(sum(chosen) >= 1).only_enforce_if(literal)
        else:
            super()._add_claim(claim, literal)

    def _by_spread(self, claim: Claim) -> bool:
        return claim.kind in ("sd", "se") and not self.roster.unsettled(claim.where) and self._fits(claim.variable)

    def _by_student(self, claim: Claim) -> bool:
        planned = self.tests.get(claim.variable, ())
        return (
            claim.kind == "test"
            and "student_t" in planned
            and claim.by in self.roster.groups
            and (self.study.kind(claim.variable) in NUMERIC and self._fits(claim.variable))
        )

    def _fits(self, name: str) -> bool:
        """Say whether the squares of sums are small enough for the solver."""
        return (self.roster.size * (self.cells[name][-1][1] - self.cells[name][0][0])) ** 2 < LARGEST

    def deny(self, id: str) -> Any:
        """Return a literal that, when true, makes the claim of that id false; what is denied here is denied exactly."""
        said = [claim for claim in self.claims if claim.id == id]
        if id in self.denied or len(said) != 1:
            return super().deny(id)
        ways: list[Bounds] = []
        if self._by_spread(said[0]):
            units, _ = self.group(said[0].where)
            size = sum(len(self.units[u]) for u in units)
            if size > 1:
                spread, (least, most) = (self.of_group(said[0].variable, units).spread, spread_limits(self, said[0], size))
                ways = [[(spread, 0, least - 1)], [(spread, most + 1, LARGEST)]]
        elif self._by_student(said[0]) and self.tests[said[0].variable] == ("student_t",):
            for expression, least, _ in self.student(said[0], outward=False):
                ways.append([(expression, -FAR, least - 1)])
        if not ways:
            return super().deny(id)
        self.denied[id] = self.model.new_bool_var(f"not {id}")
        one_of(self, [self.denied[id]], ways, f"not {id}")
        return self.denied[id]

    def of_group(self, name: str, units: Sequence[int]) -> SummedGroup:
        """Return sum, sum of squares and spread of the values of some units."""
        key = (name, tuple(units))
        if key not in self._groups:
            size, top = sum(len(self.units[u]) for u in units), self.cells[name][-1][1] - self.cells[name][0][0]
            parts = [self._of_unit(name, u) for u in units]
            total, square = self._variable(size * top), self._variable((size * top) ** 2)
            spread = self._variable((size * top) ** 2 // 4)
            squares = sum(q for _, q in parts)
            self.model.add(total == sum(s for s, _ in parts))
            self.model.add_multiplication_equality(square, total, total)
            self.model.add(spread == size * squares - square)
            self._groups[key] = SummedGroup(size, total, squares, spread)
            self._bend(total, square, size * top)
            sides = [[u for u in units if self.units[u][0] in true] for true in self._sides()]
            if all(sides):
                self._distance(name, sides)
        return self._groups[key]

    def _sides(self) -> list[set[int]]:
        true = set().union(*self.roster.groups.values())
        return [true, set(range(self.roster.size)) - true]

    def _bend(self, root: Any, square: Any, most: int) -> None:
        """Bound a square by chords, range by range, so that a search need not try value by value."""
        chosen, ends = [], [most * k // RANGES for k in range(RANGES + 1)]
        for low, high in itertools.pairwise(dict.fromkeys(ends)):
            chosen.append(inside := self.model.new_bool_var(""))
            self.between(root, low, high, inside)
            self.model.add(square <= (low + high) * root - low * high).only_enforce_if(inside)
        if chosen:
            self.model.add_exactly_one(chosen)

    def _variable(self, most: int) -> Any:
        return self.model.new_int_var(0, most, "")

    def _of_unit(self, name: str, u: int) -> tuple[Any, Any]:
        """Return the sum and the sum of squares of one unit's values, from the variable's least."""
        if (name, u) not in self._units_of:
            origin, size = self.cells[name][0][0], len(self.units[u])
            total = self.total(name, [u]) - origin * size
            sums, squares, runs = [], [], []
            for low, high in self.cells[name]:
                count = self.count([u], lambda p, cell=(low, high): p[name] == cell)
                if low == high:
                    sums.append((low - origin) * count)
                    squares.append((low - origin) ** 2 * count)
                elif not isinstance(count, int):
                    of_run = self._of_run(low - origin, high - origin, count, size)
                    sums.append(of_run[0])
                    squares.append(of_run[1])
                runs.append(((low, high), (count, sums[-1] if not isinstance(count, int) else 0)))
            self._runs[name, u] = runs
            top = self.cells[name][-1][1] - origin
            square, half = self._variable(size * top**2), self._variable(size * top**2 // 2)
            self.model.add(sum(sums) == total)
            self.model.add(sum(squares) == square)
            self.model.add(square == total + 2 * half)
            if size == 1:
                one = self._variable(top)
                self.model.add(one == total)
                self.model.add_multiplication_equality(square, one, one)
            self._units_of[name, u] = total, square
        return self._units_of[name, u]

    def runs(self, name: str, u: int) -> list[tuple[Cell, tuple[Any, Any]]]:
        """Return the cells of a variable, each with the number and the sum of one unit's values in it."""
        self._of_unit(name, u)
        return self._runs[name, u]

    def _of_run(self, low: int, high: int, count: Any, size: int) -> tuple[Any, Any]:
        """Return the sum and the sum of squares of so many values between two, bounded by each other."""
        total, square = self._variable(size * high), self._variable(size * high**2)
        self.model.add(total >= low * count)
        self.model.add(total <= high * count)
        self.model.add(square <= (low + high) * total - low * high * count)
        for m in {low + (high - 1 - low) * k // TANGENTS for k in range(TANGENTS + 1)}:
            self.model.add(square >= (2 * m + 1) * total - m * (m + 1) * count)
        return total, square

    def student(self, claim: Claim, *, outward: bool) -> Bounds:
        """Return the bounds under which Student's t prints P; none where its numbers are too large.

        Notes
        -----
        t^2 = D^2 (N - 2) / (N W), with D = n0 S1 - n1 S0, W = n0 V1 + n1 V0 and V the spreads of the groups.
        """
        groups = [self.group({claim.by: answer})[0] for answer in NO_YES[::-1]]
        one, two = (self.of_group(claim.variable, units) for units in groups)
        n1, n0, total = one.size, two.size, one.size + two.size
        if not n1 or not n0 or total < 3:
            return [(0, 1, 1)] if outward else []
        top = self.cells[claim.variable][-1][1] - self.cells[claim.variable][0][0]
        limits = student_limits(total, total * (n1 * n0 * top) ** 2, claim.interval, outward=outward)
        if limits is None:
            return []
        distance = self._distance(claim.variable, groups)
        within, (least, most, scale) = n0 * one.spread + n1 * two.spread, limits
        bounds = [((total - 2) * scale * distance - least * total * within, 0, FAR), (within, 1, FAR)]
        if most is not None:
            bounds.append((most * total * within - (total - 2) * scale * distance, 0, FAR))
        return bounds

    def _distance(self, name: str, groups: Sequence[Sequence[int]]) -> Any:
        """Return (n0 S1 - n1 S0)^2, tied to the spreads of the groups and of both together."""
        key = (name, *map(tuple, groups))
        if key not in self._apart:
            one, two = (self.of_group(name, units) for units in groups)
            both = self.of_group(name, sorted(u for units in groups for u in units))
            most = one.size * two.size * (self.cells[name][-1][1] - self.cells[name][0][0])
            apart, square = self.model.new_int_var(-most, most, ""), self._variable(most**2)
            self.model.add(apart == two.size * one.sum - one.size * two.sum)
            self.model.add_multiplication_equality(square, apart, apart)
            within = two.size * one.spread + one.size * two.spread
            self.model.add(one.size * two.size * both.spread == both.size * within + square)
            self._apart[key] = square
        return self._apart[key]
