"""Printed figures as constraints: one CP-SAT model for a set of variables that figures and rules tie together.

A model is a tally: how many patients show each joint pattern of the variables, counted apart for patients who are
described one by one, and together for all who are alike. A variable's part of a pattern is a cell (`printcheck.printed.cells`).
So most figures are linear in the counts, and no two solutions differ by the order of the patients alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from printcheck.printed.cells import Cell, SolverError, cells_of, parts, single_values
from printcheck.printed.claims import Claim, planned_tests
from printcheck.proof.denials import add_denial
from printcheck.proof.solver_models import add_model
from printcheck.proof.solver_summaries import add_effect, add_summary
from printcheck.proof.solver_tests import add_test
from studyfile.cohort.values import derive_value, meets
from studyfile.errors import CohortbookError
from studyfile.study.schema import Condition
from studyfile.study.study import NO_YES, NUMERIC, Study

if TYPE_CHECKING:
    from ortools.sat.python import cp_model


Pattern = dict[str, Cell]

#: Deterministic time (CP-SAT's own unit) that one model may take.
EFFORT = 60.0
#: Joint patterns that one model can hold.
MOST_PATTERNS = 20_000
#: Into how many pieces a range is cut where groups of patients who are not described one by one are ranked by them.
PIECES = 24


class ReconstructionError(CohortbookError):
    """Printed figures that no cohort can show, or that the search did not settle within its limits."""


class UnsatisfiedError(ReconstructionError):
    """Printed figures of some variables that a try did not meet; `final` when no other draw can."""

    def __init__(self, message: str, variables: Sequence[str], *, final: bool) -> None:
        super().__init__(message)
        self.variables = tuple(variables)
        self.final = final


def deterministic_solver(seed: int, effort: float = EFFORT) -> cp_model.CpSolver:
    """Return a solver that takes the same way on every run: one worker, one seed, limits in deterministic time."""
    from ortools.sat.python import cp_model

    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = seed
    solver.parameters.max_deterministic_time = effort
    return solver


@dataclass(frozen=True)
class Roster:
    """Who the patients of a reconstruction are before anything is known of them.

    Attributes
    ----------
    size : int
        How many patients.
    narrated : int
        The first so many are described one by one.
    groups : dict
        Binary variable -> the patients (by index) in whom it is true. Patients are exchangeable, so the grouping of a
        comparison is laid down first.
    """

    size: int
    narrated: int
    groups: dict[str, frozenset[int]]

    def members(self, study: Study, where: Condition) -> list[int]:
        """Return the patients of a group, as far as the roster settles it."""
        kept = set(range(self.size))
        for name, wanted in where.items():
            if name in self.groups:
                without, having = (meets(study, name, answer, wanted) for answer in NO_YES)
                true = self.groups[name]
                kept = {i for i in kept if (having if i in true else without)}
        return sorted(kept)

    def unsettled(self, where: Condition) -> Condition:
        """Return the part of a group's condition that the roster does not settle."""
        return {name: wanted for name, wanted in where.items() if name not in self.groups}


@dataclass
class Block:
    """A CP-SAT model of some recorded variables, and the handles to read its solution.

    Parameters
    ----------
    study : Study
        The dictionary.
    roster : Roster
        The patients.
    variables : sequence of str
        The recorded variables that the block settles.
    claims, rules : sequence
        What is said of them.
    tests : dict
        Variable -> the tests that may have printed its P, as `tallystats.statistics.compare` names them.
    lenient : bool
        For proofs: what the model cannot state exactly is allowed, so that an infeasible model proves a conflict.
        Otherwise it is forbidden, so that a solution is a cohort.
    pieces : int
        Into how many pieces a range is cut where a cohort's groups are ranked.
    """

    study: Study
    roster: Roster
    variables: tuple[str, ...]
    claims: Sequence[Claim]
    rules: Sequence
    tests: dict[str, tuple[str, ...]] = field(default_factory=dict)
    lenient: bool = False
    pieces: int = PIECES
    model: cp_model.CpModel = field(init=False)
    kept: dict[str, Any] = field(init=False, default_factory=dict)
    denied: dict[str, Any] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        from ortools.sat.python import cp_model

        self.model = cp_model.CpModel()
        self.units = self._units()
        self.cells = {name: self._cells(name) for name in self.variables}
        for name in filter(self._needs_values, self.variables):
            cells = single_values(self.study, name)
            others = math.prod(len(self.cells[other]) for other in self.variables if other != name)
            if cells and len(cells) * others <= MOST_PATTERNS // 4:
                self.cells[name] = cells
        self.parts = {name: parts(self.study, name) for name in self.variables if self.study.kind(name) in NUMERIC}
        size = math.prod(map(len, self.cells.values()))
        if size > MOST_PATTERNS:
            raise SolverError(
                f"{self.study.path}: printed figures and rules tie {', '.join(self.variables)} together, which have {size:,} "
                f"joint patterns; at most {MOST_PATTERNS:,} can be settled at once"
            )
        self.patterns = [dict(zip(self.cells, cells, strict=True)) for cells in itertools.product(*self.cells.values())]
        self.n: list[dict[int, Any]] = []
        for u, unit in enumerate(self.units):
            possible = [k for k, pattern in enumerate(self.patterns) if self._possible(pattern, unit[0])]
            self.n.append({k: self.model.new_int_var(0, len(unit), f"unit {u}, pattern {k}") for k in possible})
            self.model.add(sum(self.n[u].values()) == len(unit))
        # Every claim stands behind a literal of its own: fixed true to build, free to prove.
        self.kept = {id: self.model.new_bool_var(id) for id in dict.fromkeys(claim.id for claim in self.claims)}
        self._totals: dict[tuple[str, int], Any] = {}
        self.prefixes: dict[tuple, list[Any]] = {}
        for claim in self.claims:
            self._add_claim(claim, self.kept[claim.id])
        self._keep_order()

    def _units(self) -> list[list[int]]:
        """Return the patients in units: the narrated one by one, the others with all who are alike."""
        true = frozenset().union(*self.roster.groups.values())
        alike = [[], []]
        for i in range(self.roster.narrated, self.roster.size):
            alike[i not in true].append(i)
        return [[i] for i in range(self.roster.narrated)] + [unit for unit in alike if unit]

    def _cells(self, name: str) -> list[Cell]:
        """Return a variable's cells, cut finely where a cohort's groups are to be ranked by them."""
        true = frozenset().union(*self.roster.groups.values())
        tested = any(c.kind == "test" and c.variable == name for c in self.claims)
        fine = tested and self.tests.get(name) == ("mann_whitney",) and max(true, default=-1) >= self.roster.narrated
        return cells_of(self.study, name, self.claims, self.rules, pieces=self.pieces if fine and not self.lenient else 0)

    def _needs_values(self, name: str) -> bool:
        """Say whether a figure needs the values of a variable told apart: one of squares, of which runs say little."""
        said = [claim for claim in self.claims if claim.variable == name]
        if any(claim.kind == "test" for claim in said) and planned_tests(self.study, name) == ("student_t",):
            return True
        return any(claim.kind in ("sd", "se") for claim in said)

    def _possible(self, pattern: Pattern, patient: int) -> bool:
        """Say whether a patient can show a pattern: the grouping, eligibility and the rules allow it."""
        for name, true in self.roster.groups.items():
            if self._knows(name) and self.shows(pattern, name, "yes") != (patient in true):
                return False
        for criterion in self.study.file.eligibility:
            if not all(self.shows(pattern, name, w) for name, w in criterion.keep.items() if self._knows(name)):
                return False
        return all(self._obeys(pattern, rule, patient) for rule in self.rules)

    def _obeys(self, pattern: Pattern, rule: Any, patient: int) -> bool:
        if rule.not_after:
            first, second = rule.not_after
            return self._end(pattern, first, 0) <= self._end(pattern, second, 1)
        if rule.sum_at_most:
            names, limit = rule.sum_at_most
            return sum(self._end(pattern, name, 0) for name in names) <= self._end(pattern, limit, 1)
        given, wanted = (
            all(
                self.shows(pattern, name, level)
                if self._knows(name)
                else patient in self.roster.members(self.study, {name: level})
                for name, level in part.items()
            )
            for part in (rule.when, rule.then)
        )
        return wanted or not given

    def _end(self, pattern: Pattern, name: str, end: int) -> Fraction | int:
        """Return the first (0) or last (1) value of a pattern's numeric cell; 1 for yes, 0 for no."""
        cell = pattern[name]
        return Fraction(cell[end], self.parts[name]) if isinstance(cell, tuple) else int(cell == NO_YES[1])

    def _knows(self, name: str) -> bool:
        return set(self.study.bases(name)) <= set(self.variables)

    def _value(self, pattern: Pattern, name: str) -> Any:
        """Return the level of a variable, or the first value of its cell."""
        if name not in pattern:
            return derive_value(self.study, name, *(self._value(pattern, p) for p in self.study.file.derived[name].parents))
        cell = pattern[name]
        return cell[0] / self.parts[name] if isinstance(cell, tuple) else cell

    def shows(self, pattern: Pattern, name: str, wanted: Any) -> bool:
        """Say whether a pattern meets what is wanted of a variable, recorded or derived."""
        cell = pattern.get(name)
        if isinstance(cell, tuple) and cell[0] != cell[1] and not isinstance(wanted, dict):
            return False  # a wanted value has a cell of its own
        return meets(self.study, name, self._value(pattern, name), wanted)

    def overlap(self, pattern: Pattern, first: str, second: str) -> bool:
        """Say whether a value in the first variable's cell can lie above one in the second's."""
        return self._end(pattern, first, 1) >= self._end(pattern, second, 0)

    def count(self, units: Iterable[int], wanted: Callable[[Pattern], bool]) -> Any:
        """Return the number of patients of some units whose pattern is wanted."""
        good = {k for k, pattern in enumerate(self.patterns) if wanted(pattern)}
        return sum(n for u in units for k, n in self.n[u].items() if k in good)

    def meeting(self, units: Iterable[int], *conditions: Condition) -> Any:
        """Return the number of patients of some units who meet every condition."""
        wanted = [item for condition in conditions for item in condition.items()]
        return self.count(units, lambda p: all(self.shows(p, name, level) for name, level in wanted))

    def group(self, where: Condition) -> tuple[list[int], Condition]:
        """Return the units of a group as far as the roster settles it, and the rest of its condition."""
        settled = set(self.roster.members(self.study, where))
        return [u for u, unit in enumerate(self.units) if unit[0] in settled], self.roster.unsettled(where)

    def _limits(self, pattern: Pattern, name: str) -> tuple[int, int]:
        """Return the first and last value of a cell that the rules leave beside the others of the pattern."""
        low, high = pattern[name]
        for rule in self.rules:
            if rule.not_after and rule.not_after[0] == name:
                high = min(high, math.floor(self._end(pattern, rule.not_after[1], 1) * self.parts[name]))
            elif rule.not_after and rule.not_after[1] == name:
                low = max(low, math.ceil(self._end(pattern, rule.not_after[0], 0) * self.parts[name]))
        return low, high

    def _add_claim(self, claim: Claim, literal: Any) -> None:
        match claim.kind:
            case "count":
                units, rest = self.group(claim.where)
                self.between(self.meeting(units, claim.condition, rest), *claim.interval.whole(), literal)
            case "mean":
                self._add_mean(claim, literal)
            case "min" | "max":
                self._add_extreme(claim, literal)
            case "value":
                unit = next(u for u, unit in enumerate(self.units) if claim.patient - 1 in unit)
                self.between(self.meeting([unit], claim.condition), 1, 1, literal)
            case "test":
                add_test(self, claim, literal)
            case "model":
                add_model(self, claim, literal)
            case "sd" | "se" | "median" | "q1" | "q3":
                add_summary(self, claim, literal)
            case "odds_ratio" | "risk_ratio" | "risk_difference":
                parts = [other for other in self.claims if other.id == claim.id]
                if claim is parts[0]:  # an estimate and its interval bound the counts together
                    add_effect(self, parts, literal)

    def between(self, expression: Any, low: int, high: int, literal: Any) -> None:
        if low > high:
            self.model.add(literal == 0)
        else:
            self.model.add(expression >= low).only_enforce_if(literal)
            self.model.add(expression <= high).only_enforce_if(literal)

    def deny(self, id: str) -> Any:
        """Return a literal that, when true, makes the claim of that id false: for proofs that it follows from others.

        What cannot be denied exactly may be anything then, so only an infeasible model proves something.
        """
        if id not in self.denied:
            self.denied[id] = self.model.new_bool_var(f"not {id}")
            add_denial(self, [claim for claim in self.claims if claim.id == id], self.denied[id])
        return self.denied[id]

    def _sums(self, name: str, units: Iterable[int], wanted: Callable[[Pattern], bool]) -> tuple[Any, Any]:
        """Return the least and the largest sum of a numeric variable over the wanted of some units, in its steps."""
        limits = {k: self._limits(pattern, name) for k, pattern in enumerate(self.patterns) if wanted(pattern)}
        return tuple(sum(limits[k][end] * n for u in units for k, n in self.n[u].items() if k in limits) for end in (0, 1))

    def total(self, name: str, units: Iterable[int]) -> Any:
        """Return the sum of a numeric variable over some units: a choice of its own where values are runs."""
        if all(first == last for first, last in self.cells[name]):
            return self._sums(name, units, lambda _: True)[0]
        for u in units:
            if (name, u) not in self._totals:
                self._totals[name, u] = self._between_sums(f"{name} of unit {u}", name, [u], lambda _: True)
        return sum(self._totals[name, u] for u in units)

    def _between_sums(self, label: str, name: str, units: list[int], wanted: Callable[[Pattern], bool]) -> Any:
        bound = self.roster.size * max(abs(end) for cell in self.cells[name] for end in cell)
        total = self.model.new_int_var(-bound, bound, label)
        least, most = self._sums(name, units, wanted)
        self.model.add(total >= least)
        self.model.add(total <= most)
        return total

    def _keep_order(self) -> None:
        """Bound the difference of two sums whose values keep an order in every patient."""
        for first, second in (rule.not_after for rule in self.rules if rule.not_after):
            for u in range(len(self.units)):
                if not {(first, u), (second, u)} <= self._totals.keys() or self.parts[first] != self.parts[second]:
                    continue
                apart = self._totals[second, u] - self._totals[first, u]
                cells = [(self.patterns[k][first], self.patterns[k][second], n) for k, n in self.n[u].items()]
                self.model.add(apart >= sum(max(0, later[0] - sooner[1]) * n for sooner, later, n in cells))
                self.model.add(apart <= sum((later[1] - sooner[0]) * n for sooner, later, n in cells))

    def _add_mean(self, claim: Claim, literal: Any) -> None:
        """Hold the sum of a variable to size times the printed mean; the size may be open too."""
        name, (units, rest) = claim.variable, self.group(claim.where)
        if not rest:
            size = sum(len(self.units[u]) for u in units)
            self.between(self.total(name, units), *claim.interval.whole(size * self.parts[name]), literal)
            return

        def inside(pattern: Pattern) -> bool:
            return all(self.shows(pattern, *item) for item in rest.items())

        size = self.meeting(units, rest)
        total = self._between_sums(f"{claim.id} sum", name, units, inside)
        least, most = self._sums(name, units, lambda pattern: not inside(pattern))
        low, high = (limit * self.parts[name] for limit in (claim.interval.low, claim.interval.high))
        open_low, open_high = not claim.interval.has_low, not claim.interval.has_high
        for constraint in (
            size >= 1,
            self.total(name, units) - total >= least,
            self.total(name, units) - total <= most,
            low.denominator * total >= low.numerator * size + open_low,
            high.denominator * total <= high.numerator * size - open_high,
        ):
            self.model.add(constraint).only_enforce_if(literal)

    def _add_extreme(self, claim: Claim, literal: Any) -> None:
        name, (units, rest) = claim.variable, self.group(claim.where)
        low, high = claim.interval.whole(self.parts[name])

        def among(cell: Callable[[tuple[int, int]], bool]) -> Any:
            return self.count(units, lambda p: cell(p[name]) and all(self.shows(p, *item) for item in rest.items()))

        beyond = (lambda cell: cell[0] < low) if claim.kind == "min" else (lambda cell: cell[1] > high)
        self.between(among(beyond), 0, 0, literal)
        self.between(among(lambda cell: low <= cell[0] and cell[1] <= high), 1, self.roster.size, literal)
