"""Printed figures as constraints: one CP-SAT model for a set of variables that figures and rules tie together.

A model is a tally: how many patients show each joint pattern of the variables, counted apart for patients who are
described one by one, and together for all who are alike. A variable's part of a pattern is a cell: a level, or an
interval of a numeric variable, cut wherever a figure, a band or a rule could tell two values apart. So most figures are
linear in the counts, and no two solutions differ by the order of the patients alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from cohortbook.values import derive_value, meets
from cohortbook.study import NO_YES, NUMERIC, Study

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

    from cohortbook.published import Claim
    from cohortbook.schema import Condition

Cell = str | tuple[int, int]

#: Joint patterns that one model can hold.
MOST_PATTERNS = 20_000
#: A numeric variable with at most this many whole values gets a cell for each of them.
FEW_VALUES = 20
#: Ties of up to this many patients at one value are allowed for in the P value of ranks when values are intervals.
TIED = 14


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

    def members(self, study: Study, where: Condition) -> list[int] | None:
        """Return the patients of a group; None where the roster does not settle it."""
        kept = set(range(self.size))
        for name, wanted in (where or {}).items():
            if name not in self.groups:
                return None
            true = self.groups[name]
            kept &= {i for i in kept if meets(study, name, NO_YES[i in true], wanted)}
        return sorted(kept)


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
        Numeric variable -> the test that printed its P (`mann_whitney` or `student_t`); any other may be by either.
    lenient : bool
        For proofs: what the model cannot state exactly is allowed, so that an infeasible model proves a conflict.
    """

    study: Study
    roster: Roster
    variables: tuple[str, ...]
    claims: Sequence[Claim]
    rules: Sequence
    tests: dict[str, str] = field(default_factory=dict)
    lenient: bool = False
    model: cp_model.CpModel = field(init=False)
    kept: dict[str, Any] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        from ortools.sat.python import cp_model

        self.model = cp_model.CpModel()
        self.units = self._units()
        self.cells = {name: cells_of(self.study, name, self.claims, self.rules) for name in self.variables}
        size = math.prod(map(len, self.cells.values()))
        if size > MOST_PATTERNS:
            raise ValueError(
                f"{', '.join(self.variables)} have {size:,} joint patterns; at most {MOST_PATTERNS:,} can be settled together"
            )
        self.patterns = [dict(zip(self.cells, cells, strict=True)) for cells in itertools.product(*self.cells.values())]
        self.n: list[dict[int, Any]] = []
        for u, unit in enumerate(self.units):
            possible = [k for k, pattern in enumerate(self.patterns) if self._possible(pattern, unit[0])]
            self.n.append({k: self.model.new_int_var(0, len(unit), f"unit {u}, pattern {k}") for k in possible})
            self.model.add(sum(self.n[u].values()) == len(unit))
        for claim in self.claims:
            # Every claim stands behind a literal of its own: fixed true to build, free to prove.
            self.kept[claim.id] = literal = self.model.new_bool_var(claim.id)
            self._add_claim(claim, literal)

    def _units(self) -> list[list[int]]:
        true = frozenset().union(*self.roster.groups.values())
        alone = sorted(set(range(self.roster.narrated)) | true)
        rest = [i for i in range(self.roster.size) if i not in alone]
        return [[i] for i in alone] + ([rest] if rest else [])

    def _possible(self, pattern: dict[str, Cell], patient: int) -> bool:
        """Say whether a patient can show a pattern: the grouping, eligibility and the rules allow it."""
        for name, true in self.roster.groups.items():
            if self._knows(name) and self.shows(pattern, name, "yes") != (patient in true):
                return False
        for criterion in self.study.file.eligibility:
            if not all(self.shows(pattern, name, w) for name, w in criterion.keep.items() if self._knows(name)):
                return False
        return all(self._obeys(pattern, rule, patient) for rule in self.rules)

    def _obeys(self, pattern: dict[str, Cell], rule: Any, patient: int) -> bool:
        if rule.not_after:
            first, second = rule.not_after
            return pattern[first][0] <= pattern[second][1]
        if rule.sum_at_most:
            names, limit = rule.sum_at_most
            parts = [pattern[n][0] if isinstance(pattern[n], tuple) else pattern[n] == NO_YES[1] for n in names]
            return sum(parts) <= pattern[limit][1]
        given, wanted = (
            all(self.shows(pattern, name, level) if self._knows(name)
                else patient in self.roster.members(self.study, {name: level})
                for name, level in part.items())
            for part in (rule.when, rule.then)
        )  # fmt: skip
        return wanted or not given

    def _knows(self, name: str) -> bool:
        return set(self.study.bases(name)) <= set(self.variables)

    def shows(self, pattern: dict[str, Cell], name: str, wanted: Any) -> bool:
        """Say whether a pattern meets what is wanted of a variable, recorded or derived."""
        found = [pattern[base] for base in self.study.bases(name)]
        values = [cell[0] if isinstance(cell, tuple) else cell for cell in found]
        if name in self.study.file.derived:
            return meets(self.study, name, derive_value(self.study, name, *values), wanted)
        exact = isinstance(wanted, dict) or not isinstance(found[0], tuple) or found[0][0] == found[0][1]
        return exact and meets(self.study, name, values[0], wanted)

    def count(self, units: Iterable[int], wanted: Callable[[dict[str, Cell]], bool]) -> Any:
        """Return the number of patients of some units whose pattern is wanted."""
        good = {k for k, pattern in enumerate(self.patterns) if wanted(pattern)}
        return sum(n for u in units for k, n in self.n[u].items() if k in good)

    def meeting(self, condition: Condition, units: Iterable[int]) -> Any:
        """Return the number of patients of some units who meet a condition."""
        return self.count(units, lambda p: all(self.shows(p, name, wanted) for name, wanted in condition.items()))

    def _sum(self, name: str, units: Iterable[int], end: int) -> Any:
        """Return the least (end 0) or largest (end 1) sum of a numeric variable over some units."""
        return sum(self._limits(self.patterns[k], name)[end] * n for u in units for k, n in self.n[u].items())

    def _limits(self, pattern: dict[str, Cell], name: str) -> tuple[int, int]:
        low, high = pattern[name]
        for rule in self.rules:
            if rule.not_after and rule.not_after[0] == name:
                high = min(high, pattern[rule.not_after[1]][1])
            elif rule.not_after and rule.not_after[1] == name:
                low = max(low, pattern[rule.not_after[0]][0])
        return low, high

    def _members(self, where: Condition) -> list[int]:
        """Return the units of a group that the roster settles."""
        members = self.roster.members(self.study, where)
        if members is None:
            raise ValueError(f"the group {where!r} is not one that the comparison settles; expected its grouping variable")
        return [u for u, unit in enumerate(self.units) if unit[0] in members]

    def _add_claim(self, claim: Claim, literal: Any) -> None:
        low, high = claim.low, claim.high
        match claim.kind:
            case "count":
                self._between(self.meeting(claim.condition, self._members(claim.where)), low, high, literal)
            case "mean":
                units = self._members(claim.where)
                size = sum(len(self.units[u]) for u in units)
                least, most = math.ceil(low * size), math.ceil(high * size) - 1
                self.model.add(self._sum(claim.variable, units, 1) >= least).only_enforce_if(literal)
                self.model.add(self._sum(claim.variable, units, 0) <= most).only_enforce_if(literal)
                if least > most:
                    self.model.add(literal == 0)
            case "min" | "max":
                self._extreme(claim, math.ceil(low), math.ceil(high) - 1, literal)
            case "value":
                unit = next(u for u, unit in enumerate(self.units) if claim.patient - 1 in unit)
                self._between(self.meeting(claim.condition, [unit]), 1, 1, literal)
            case "test":
                self._add_test(claim, literal)
            case "model":
                self._add_model(claim, literal)

    def _between(self, expression: Any, low: Any, high: Any, literal: Any) -> None:
        if low > high:
            self.model.add(literal == 0)
        else:
            self.model.add(expression >= int(low)).only_enforce_if(literal)
            self.model.add(expression <= int(high)).only_enforce_if(literal)

    def _extreme(self, claim: Claim, low: int, high: int, literal: Any) -> None:
        units, name = self._members(claim.where), claim.variable
        beyond = (lambda p: p[name][0] < low) if claim.kind == "min" else (lambda p: p[name][1] > high)
        self._between(self.count(units, beyond), 0, 0, literal)
        inside = self.count(units, lambda p: low <= p[name][0] and p[name][1] <= high)
        self._between(inside, 1, self.roster.size, literal)

    def _one_of(self, literal: Any, options: Iterable[list[tuple[Any, int, int]]], name: str) -> None:
        """Hold one of several conjunctions of (expression, low, high) when the literal is true."""
        chosen = []
        for k, bounds in enumerate(options):
            option = self.model.new_bool_var(f"{name}#{k}")
            chosen.append(option)
            for expression, low, high in bounds:
                self._between(expression, low, high, option)
        self.model.add(sum(chosen) >= 1).only_enforce_if(literal)

    def _add_test(self, claim: Claim, literal: Any) -> None:
        groups = [self._members({claim.by: answer}) for answer in ("yes", "no")]
        if self.study.kind(claim.variable) in NUMERIC:
            printed_by = {
                "mann_whitney": lambda by: self._add_ranks(claim, *groups, by),
                "student_t": lambda by: self._add_student(claim, *groups, by),
            }
            asked = self.tests.get(claim.variable)
            chosen = [self.model.new_bool_var(f"{claim.id} by {test}") for test in printed_by if asked in (None, test)]
            for by, test in zip(chosen, [test for test in printed_by if asked in (None, test)], strict=True):
                printed_by[test](by)
            self.model.add(sum(chosen) >= 1).only_enforce_if(literal)
            return
        n1, n0 = (sum(len(self.units[u]) for u in units) for units in groups)
        counts = [self.meeting({claim.variable: "yes"}, units) for units in groups]
        options = [
            [(counts[0], a, a), (counts[1], b, b)]
            for a, b in itertools.product(range(n1 + 1), range(n0 + 1))
            if _within(pearson_p_value(a, n1, b, n0), claim)
        ]
        self._one_of(literal, options, claim.id)

    def _add_ranks(self, claim: Claim, true: list[int], false: list[int], literal: Any) -> None:
        """Bound twice Mann-Whitney's U of the true group: linear in counts below and at each of its values."""
        name, model = claim.variable, self.model
        cells = self.cells[name]
        n1, n0 = len(true), sum(len(self.units[u]) for u in false)
        below = [self.count(false, lambda p, k=cell: p[name][1] < k[0]) for cell in cells]
        equal = [self.count(false, lambda p, k=cell: p[name] == k) for cell in cells]
        twice = []
        for u in true:
            less = model.new_int_var(0, 2 * n0, f"{name} of unit {u}, ranked")
            twice.append(less)
            for k, cell in enumerate(cells):
                here = model.new_bool_var(f"{name} of unit {u} in {cell}")
                model.add(self.count([u], lambda p, k=cell: p[name] == k) == here)
                # Values of one interval cannot be ranked among each other: a proof allows any rank, a cohort needs
                # values that narrated facts give a cell of their own.
                spare = 0 if cell[0] == cell[1] else equal[k]
                model.add(less >= 2 * below[k] + equal[k] - spare).only_enforce_if(here)
                model.add(less <= 2 * below[k] + equal[k] + spare).only_enforce_if(here)
                if cell[0] != cell[1] and not self.lenient:
                    model.add(here == 0).only_enforce_if(literal)
        ties, most = self._ties(name)
        options = [
            [(sum(twice), u2, u2), *([(ties, *window)] if ties is not None else [])]
            for u2 in range(2 * n1 * n0 + 1)
            if (window := tie_window(u2, n1, n0, claim, most, ties is not None or self.lenient))
        ]
        self._one_of(literal, options, claim.id)

    def _add_student(self, claim: Claim, true: list[int], false: list[int], literal: Any) -> None:
        """Bound Student's t: t^2 = D^2 (N - 2) / (N W), in whole numbers made of the groups' sums and sums of squares.

        D = n0 S1 - n1 S0; W = n1 n0 (Q1 + Q0) - n0 S1^2 - n1 S0^2, with S the sums and Q the sums of squares.
        """
        from scipy import stats

        name, model = claim.variable, self.model
        if any(low != high for low, high in self.cells[name]):
            if not self.lenient:
                raise ValueError(f"{name!r}: Student's t needs a cell for each value; it has more than {FEW_VALUES}")
            return
        sizes = [sum(len(self.units[u]) for u in units) for units in (true, false)]
        top = max(high for _, high in self.cells[name])
        sums = [self._sum(name, units, 0) for units in (true, false)]
        squares = [sum(self.patterns[k][name][0] ** 2 * n for u in units for k, n in self.n[u].items())
                   for units in (true, false)]  # fmt: skip

        def squared(expression: Any, bound: int) -> Any:
            root = model.new_int_var(-bound, bound, "")
            square = model.new_int_var(0, bound**2, "")
            model.add(root == expression)
            model.add_multiplication_equality(square, root, root)
            return square

        (n1, n0), total = sizes, sum(sizes)
        distance = squared(n0 * sums[0] - n1 * sums[1], n1 * n0 * top)
        within = n1 * n0 * sum(squares) - n0 * squared(sums[0], n1 * top) - n1 * squared(sums[1], n0 * top)
        least, most = (float(stats.t.isf(float(p) / 2, total - 2)) ** 2 if 0 < p < 1 else 0.0 if p >= 1 else math.inf
                       for p in (claim.high, claim.low))  # fmt: skip
        scale = 10**5
        model.add((total - 2) * scale * distance >= math.ceil(least * scale * total) * within).only_enforce_if(literal)
        if most < math.inf:
            model.add((total - 2) * scale * distance <= math.floor(most * scale * total) * within).only_enforce_if(literal)
        model.add(within >= 1).only_enforce_if(literal)

    def _ties(self, name: str) -> tuple[Any, int]:
        """Return the sum of t^3 - t over tied values, where every value has its cell, and its largest value."""
        cells, model, size = self.cells[name], self.model, self.roster.size
        if any(cell[0] != cell[1] for cell in cells):
            return None, size**3 - size if self.lenient else TIED**3 - TIED
        cubes = [t**3 - t for t in range(size + 1)]
        terms = []
        for cell in cells:
            total = model.new_int_var(0, size, f"{name}={cell} in all")
            model.add(total == self.count(range(len(self.units)), lambda p, k=cell: p[name] == k))
            terms.append(cube := model.new_int_var(0, cubes[-1], f"{name}={cell} ties"))
            model.add_element(total, cubes, cube)
        return sum(terms), cubes[-1]

    def _add_model(self, claim: Claim, literal: Any) -> None:
        """Hold the joint counts of a printed model's terms to those under which its P values come out."""
        from cohortbook.patterns import joint_counts

        terms = claim.variables
        groups = [self._members({claim.by: answer}) for answer in NO_YES[::-1]]
        shown = [
            [self.meeting(dict(zip(terms, (NO_YES[bit] for bit in bits), strict=True)), units)
             for bits in itertools.product((0, 1), repeat=len(terms))]
            for units in groups
        ]  # fmt: skip
        margins = [[self._margin(term, claim.by, answer) for term in terms] for answer in NO_YES[::-1]]
        sizes = [sum(len(self.units[u]) for u in units) for units in groups]
        options = [
            [(e, n, n) for g in (0, 1) for e, n in zip(shown[g], table[g], strict=True)]
            for table in joint_counts(sizes, margins, claim.figures, self.study.plan("model").max_iterations)
        ]
        self._one_of(literal, options, claim.id)

    def _margin(self, term: str, by: str, answer: str) -> tuple[int, int]:
        """Return how many patients of a group the printed counts give a binary term: least and most."""
        members = self.roster.members(self.study, {by: answer})
        low, high = 0, len(members)
        for claim in self.claims:
            same = claim.kind == "count" and claim.condition == {term: ("yes",)}
            if same and self.roster.members(self.study, claim.where) == members and claim.low <= claim.high:
                low, high = max(low, int(claim.low)), min(high, int(claim.high))
        return low, high


def _within(p_value: float, claim: Claim) -> bool:
    return p_value == p_value and claim.low <= Fraction(p_value) < claim.high


def pearson_p_value(a: int, n1: int, b: int, n0: int) -> float:
    """Return P of Pearson's chi-square, uncorrected, for a of n1 against b of n0; NaN for a constant.

    The closed form of `cohortbook.two_groups.pearson_chi_square`, for thousands of tables at a time.
    """
    shown, total = a + b, n1 + n0
    if shown in (0, total):
        return math.nan
    chi_square = total * (a * (n0 - b) - b * (n1 - a)) ** 2 / (n1 * n0 * shown * (total - shown))
    return math.erfc(math.sqrt(chi_square / 2))


def tie_window(u2: int, n1: int, n0: int, claim: Claim, most: int, any_tie: bool) -> tuple[int, int] | None:
    """Return the sums of t^3 - t under which twice U = u2 prints the claim's P; None where there is none.

    Notes
    -----
    P is asymptotic, corrected for ties, without continuity correction (SPSS's "Asymp. Sig. (2-tailed)"):
    z = (U - n1 n0 / 2) / sqrt(n1 n0 / 12 (N + 1 - T / (N (N - 1)))), where T sums t^3 - t. P falls as T grows, so the
    sums that print it are an interval. Unless `any_tie`, it must print at no tie and at `most` alike.
    """
    from statistics import NormalDist

    total = n1 + n0
    distance = abs(u2 - n1 * n0) / 2
    normal = NormalDist()

    def p_value(ties: float) -> float:
        variance = n1 * n0 / 12 * (total + 1 - ties / (total * (total - 1)))
        return 2 * normal.cdf(-distance / math.sqrt(variance)) if variance > 0 else math.nan

    def ties_at(p: Fraction) -> float:
        """Return the sum of ties at which P is p."""
        if not distance or p >= 1:
            return -math.inf if distance else math.inf
        if p <= 0:
            return math.inf
        z = normal.inv_cdf(1 - float(p) / 2)
        return total * (total - 1) * (total + 1 - 12 * distance**2 / (z * z * n1 * n0)) if z else -math.inf

    if not any_tie:
        return (0, most) if _within(p_value(0), claim) and _within(p_value(most), claim) else None
    if not distance:
        return (0, most) if claim.low <= 1 < claim.high else None
    low, high = max(0, math.floor(ties_at(claim.high)) + 1), min(most, math.floor(ties_at(claim.low)))
    return (low, high) if low <= high else None


def cells_of(study: Study, name: str, claims: Sequence[Claim], rules: Sequence) -> list[Cell]:
    """Return the levels of a variable, or intervals of it that no claim, band or rule can tell values apart within."""
    variable = study.file.variables[name]
    if variable.kind == "date":
        raise ValueError(f"{name!r} is a date; a reconstruction needs days")
    if variable.kind not in NUMERIC:
        return list(study.levels(name))
    low, high = (int(limit) for limit in variable.range or (0, 10_000))
    if high - low < FEW_VALUES:
        return [(value, value) for value in range(low, high + 1)]
    starts = {low}
    for derived in study.file.derived.values():
        if derived.from_ == name:
            starts |= {int(b.from_) for b in derived.bands if b.from_ is not None}
    conditions = [c.condition or {} for c in claims] + [part for rule in rules for part in (rule.when, rule.then)]
    conditions += [criterion.keep for criterion in study.file.eligibility]
    for condition in conditions:
        wanted = condition.get(name)
        if isinstance(wanted, dict):
            starts |= {int(wanted["min"])} if "min" in wanted else set()
            starts |= {int(wanted["max"]) + 1} if "max" in wanted else set()
        elif wanted is not None:
            for value in wanted if isinstance(wanted, tuple) else (wanted,):
                starts |= {int(float(value)), int(float(value)) + 1}
    for claim in claims:
        if claim.kind in ("min", "max") and claim.variable == name:
            starts |= {math.ceil(claim.low), math.ceil(claim.high)}
    cuts = sorted(start for start in starts if low <= start <= high)
    return [(a, b - 1) for a, b in itertools.pairwise([*cuts, high + 1])]
