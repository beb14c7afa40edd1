"""Which test printed a P value: what each can be over all patients that the other printed figures allow."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

from cohortbook.cells import SolverError
from cohortbook.claims import Claim, claims, planned_tests
from cohortbook.conflicts import blocks_of, of_block, rosters, ruled_by, tied_by
from cohortbook.printed_tests import COUNTED, TABLED
from cohortbook.proof_block import ProofBlock
from cohortbook.published import Figure, Interval
from cohortbook.rank_and_t_tests import NUMBERED
from cohortbook.solver import Block, ReconstructionError, Roster, deterministic_solver
from cohortbook.study import NO_YES, NUMERIC, Study
from cohortbook.values import derive_value

WORDS = {
    "pearson_chi_square": "Pearson's chi-square",
    "yates_chi_square": "the chi-square with Yates's correction",
    "likelihood_ratio": "the likelihood ratio chi-square",
    "fisher_exact": "Fisher's exact test",
    "fisher_mid_p": "Fisher's exact test, mid-P",
    "n_minus_1_chi_square": "the N - 1 chi-square (linear-by-linear association)",
    "fisher_freeman_halton": "the exact test of Fisher, Freeman and Halton",
    "linear_by_linear": "the linear-by-linear association",
    "mann_whitney": "Mann-Whitney's test",
    "mann_whitney_continuity": "Mann-Whitney's test with continuity correction",
    "mann_whitney_exact": "Mann-Whitney's exact test",
    "student_t": "Student's t test",
    "welch_t": "Welch's t test",
}
#: Tests whose P may be too much work, so that NaN says nothing of the data; and a test that is defined when they are.
_LONG = {"mann_whitney_exact": "mann_whitney", "fisher_freeman_halton": "pearson_chi_square"}
#: Tests of a coding that the study file does not declare: a cut in two at a value.
_OF_CUTS = ("pearson_chi_square", "yates_chi_square", "fisher_exact")
#: Tables of counts that are looked at one by one; solutions seen on the way; tables that are put to the whole block.
MOST_TABLES, MOST_SOLUTIONS, MOST_CHECKS = 400, 10_000, 150
#: Levels or values whose counts are told one by one.
MOST_LINES = 24
#: What a block states exactly: what it allows, patients can show.
_EXACT = ("count", "mean", "min", "max", "value")
#: What a P that lies on the border of two printed values may be off by.
_SLACK = Fraction(1, 10**12)

#: The counts of each level or value in the group that is compared, and in the other.
Table = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedTest:
    """Whether a test prints a printed P value.

    Attributes
    ----------
    figure, variable : str
        The id of the P value, and what it is printed of.
    coding : str
        Empty for the variable as recorded; else another coding of it in words, its variable's name in brackets.
    test : str
        A key of `WORDS`.
    stated : bool
        Whether it is the test that the study file plans.
    low, high : float
        Least and largest P over the patients that the other figures allow: exact where their counts can be told one by
        one, bounds otherwise; NaN where P is undefined or nothing is known.
    prints : {"always", "sometimes", "never", "undefined", "unknown"}
        Whether P prints so: for all these patients, for some that were found, for none (proven), without a P for any.
    """

    figure: str
    variable: str
    coding: str = ""
    test: str
    stated: bool
    low: float = math.nan
    high: float = math.nan
    prints: str


def which_tests(
    study: Study,
    figures: Sequence[Figure],
    *,
    out: Collection[str] = frozenset(),
    only: Collection[str] | None = None,
    progress: Callable[[], None] | None = None,
) -> tuple[PrintedTest, ...]:
    """Ask of every printed P of a comparison which tests print it, and under which coding.

    Parameters
    ----------
    study : Study
        Its `reconstruction` says how many patients there are.
    figures : sequence of Figure
        Every printed figure.
    out : collection of str
        Ids of figures that are given up: their P values are asked about, but they are not held.
    only : collection of str, optional
        Ask of these P values alone.
    progress : callable, optional
        Called after each P value.

    Returns
    -------
    tuple of PrintedTest
        For each P value the variable as recorded under every test that suits it; then other codings, where none of the
        stated tests can print P of the recorded one, and they do.

    Notes
    -----
    All other figures are held (`cohortbook.solver`). "never" and "always" are proofs; "sometimes" has a witness. Where the
    other figures contradict each other, or the groups cannot be told, everything is "unknown".
    """
    groups, found = study.plan("published").groups, []
    for figure in figures:
        group = groups.get(figure.group)
        if figure.about != "cohort" or not (group and group.compare) or (only is not None and figure.id not in only):
            continue
        held = [f for f in figures if f.id != figure.id and f.id not in out]
        found += _of_figure(study, figure, group.compare, held)
        if progress:
            progress()
    return tuple(found)


def suited(study: Study, variable: str) -> tuple[str, ...]:
    """Return the tests that suit a variable as it is recorded."""
    if study.kind(variable) in NUMERIC:
        return tuple(NUMBERED)
    of_levels = tuple(COUNTED if len(study.levels(variable)) == 2 else TABLED)
    ranks = tuple(test for test in NUMBERED if test.startswith("mann_whitney"))
    return of_levels + ranks if study.kind(variable) == "ordered" and len(study.levels(variable)) > 2 else of_levels


def _of_figure(study: Study, figure: Figure, by: str, held: Sequence[Figure]) -> list[PrintedTest]:
    variable, stated = figure.variable, planned_tests(study, figure.variable)
    printed = next(iter(figure.intervals(ties=True).values()))
    low, high = (end + slack * has for end, slack, has in (
        (printed.low, -_SLACK, printed.has_low), (printed.high, _SLACK, printed.has_high)))  # fmt: skip
    wide = Interval(low, high, printed.has_low, printed.has_high)
    asked = Claim(figures=(figure,), kind="test", variable=variable, by=by, interval=wide)
    answers = []
    try:
        said = claims(study, held, ties=True)
        for roster in rosters(study, [*said, asked]):
            if by in roster.groups:
                answers.append(Question(study, roster, said, asked).answer(stated))
    except (SolverError, ReconstructionError):
        answers = []
    keys = dict.fromkeys([("", test) for test in suited(study, variable)])
    keys |= dict.fromkeys(key for answer in answers for key in answer)
    return [
        PrintedTest(
            figure=figure.id, variable=variable, coding=coding, test=test, stated=not coding and test in stated,
            **dict(zip(("low", "high", "prints"), _joined([a.get((coding, test)) for a in answers]), strict=True)),
        )
        for coding, test in keys
    ]  # fmt: skip


def _joined(answers: Sequence[tuple[float, float, str] | None]) -> tuple[float, float, str]:
    """Join what is found for each roster that may be."""
    known = [a or (math.nan, math.nan, "unknown") for a in answers]
    if len(known) == 1:
        return known[0]
    said = {prints for *_, prints in known}
    if not said or said == {"unknown"}:
        return math.nan, math.nan, "unknown"
    defined = [(low, high) for low, high, prints in known if prints != "undefined"]
    ends = (min(low for low, _ in defined), max(high for _, high in defined)) if defined else (math.nan, math.nan)
    if len(said) == 1:
        return *ends, said.pop()
    if said <= {"never", "undefined"}:
        return *ends, "never"
    return *ends, "sometimes" if said & {"always", "sometimes"} else "unknown"


@dataclass
class Question:
    """One P value, and the patients that the other figures allow for one layout of the groups."""

    study: Study
    roster: Roster
    said: Sequence[Claim]
    asked: Claim
    _sure: dict[tuple[str, Table], bool | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.variable = self.asked.variable
        self.bases = self.study.bases(self.variable)
        blocks = blocks_of(self.study, self.roster, self.said)
        self.variables = tuple(name for block in blocks if set(block) & set(self.bases) for name in block)
        self.mine, self.rules = of_block(self.study, self.roster, self.variables, self.said)
        self.tests = {c.variable: planned_tests(self.study, c.variable) for c in self.mine if c.kind == "test"}
        inside = set(self.bases)
        self.own = [c for c in self.mine if c.kind not in ("test", "model")
                    and set(tied_by(self.study, self.roster, c)) <= inside]  # fmt: skip
        self.own_rules = [r for r in self.rules if set(ruled_by(self.study, self.roster, r)) <= inside]
        self.exact = all(c.kind in _EXACT for c in self.mine)
        self.alone = self.exact and len(self.own) == len(self.mine) and len(self.own_rules) == len(self.rules)
        self.sizes = [len(self.roster.members(self.study, {self.asked.by: answer})) for answer in NO_YES[::-1]]

    def block(self, *, lenient: bool, own: bool = False, kind: type[Block] | None = None, tests: dict | None = None,
              more: Sequence[Claim] = (), **options: Any) -> Block:  # fmt: skip
        """Return a block of the variable, alone or with all that is tied to it, in which every claim holds."""
        variables, said, rules = (
            (self.bases, self.own, self.own_rules) if own else (self.variables, self.mine, self.rules)
        )
        kind = kind or (ProofBlock if lenient else Block)
        tests = {**self.tests, **(tests or {})}
        made = kind(self.study, self.roster, variables, [*said, *more], rules, tests, lenient=lenient, **options)
        for literal in made.kept.values():
            made.model.add(literal == 1)
        return made

    def groups(self, block: Block) -> list[list[int]]:
        """Return the units of a block in the group that is compared, and in the other."""
        return [block.group({self.asked.by: answer})[0] for answer in NO_YES[::-1]]

    def lines(self, block: Block, name: str) -> list[Any]:
        """Return the levels of a variable, or its values where each has a cell; nothing where values are runs."""
        if self.study.kind(name) not in NUMERIC:
            return list(self.study.levels(name))
        cells = block.cells.get(name, [(0, 1)])
        return [first for first, _ in cells] if all(first == last for first, last in cells) else []

    def counts(self, block: Block, name: str) -> list[list[Any]]:
        """Return expressions of how many in each group show each of `lines`."""
        numbers = self.study.kind(name) in NUMERIC

        def shows(pattern: dict, line: Any) -> bool:
            return pattern[name] == (line, line) if numbers else block.shows(pattern, name, line)

        return [
            [block.count(units, lambda p, line=line: shows(p, line)) for line in self.lines(block, name)]
            for units in self.groups(block)
        ]

    def tables(self, name: str) -> list[Table] | None:
        """Return the counts of a variable's levels or values that the other figures may allow; None for too many.

        No table that they allow is missing. Where other variables are tied to this one, those that they forbid are left
        out as far as they can be told in time.
        """
        block = self.block(lenient=True, own=True)
        if not 0 < len(self.lines(block, name)) <= MOST_LINES:
            return None
        found = _enumerated(block, self.counts(block, name))
        if found is None or self.alone or not 1 < len(found) <= MOST_CHECKS:
            return found
        return [table for table in found if self._allowed(name, table, lenient=True) is not False]

    def _allowed(self, name: str, table: Table, *, lenient: bool) -> bool | None:
        """Say whether the whole block allows a table; None when that is not settled."""
        key = (f"{name} {lenient}", table)
        if key not in self._sure:
            try:
                block = self._whole[lenient]
            except SolverError:  # too many joint patterns to look at
                self._sure[key] = None
                return None
            model = block.model.clone()
            for shown, wanted in zip(self.counts(block, name), table, strict=True):
                for expression, count in zip(shown, wanted, strict=True):
                    model.add(expression == count)
            self._sure[key] = feasible(model)
        return self._sure[key]

    @cached_property
    def _whole(self) -> dict[bool, Block]:
        proof = self.block(lenient=True)
        return {True: proof, False: proof if self.exact else self.block(lenient=False)}

    def sure(self, name: str, table: Table) -> bool:
        """Say whether patients can be found who show a table."""
        return self.alone or bool(self._allowed(name, table, lenient=False))

    def judge(self, name: str, tables: Sequence[Table], test: str, of: Callable[[Table], float],
              defined: Callable[[Table], float]) -> tuple[float, float, str]:  # fmt: skip
        """Return least and largest P of a test over tables, and whether it prints the printed P."""
        p_values = {table: of(table) for table in tables}
        if not tables or (test in _LONG and any(p != p and defined(t) == defined(t) for t, p in p_values.items())):
            return math.nan, math.nan, "unknown"
        known = [p for p in p_values.values() if p == p]
        if not known:
            return math.nan, math.nan, "undefined"
        printing = [table for table, p in p_values.items() if p in self.asked.interval]
        if not printing:
            prints = "never"
        elif len(printing) == len(tables):
            prints = "always"
        else:
            prints = "sometimes" if any(self.sure(name, table) for table in printing[:MOST_CHECKS]) else "unknown"
        return min(known), max(known), prints

    def answer(self, stated: Collection[str]) -> dict[tuple[str, str], tuple[float, float, str]]:
        """Return, for codings and tests, the least and the largest P and whether it is printed."""
        name, numbers = self.variable, self.study.kind(self.variable) in NUMERIC
        tables = self.tables(name)
        found: dict[tuple[str, str], tuple[float, float, str]] = {}
        if tables is not None:
            lines = self.lines(self._own, name) if numbers else list(range(len(self.study.levels(name))))
            for test in suited(self.study, name):
                found["", test] = self.judge(name, tables, test, _by(test, lines), _by(_LONG.get(test, test), lines))
        elif numbers:
            from cohortbook.which_search import ranges

            found |= {("", test): range_ for test, range_ in ranges(self, stated).items()}
        if found and all(found.get(("", test), ("", "", ""))[2] in ("never", "undefined") for test in stated):
            for coding, derived, codes, tests in self._codings(tables):
                known = self.tables(derived) if derived else tables
                self._add_coding(found, coding, derived, codes, tests, known)
        return found

    @cached_property
    def _own(self) -> Block:
        return self.block(lenient=True, own=True)

    def _add_coding(self, found: dict, coding: str, derived: str, codes: list[int], tests: Iterable[str],
                    tables: Sequence[Table] | None) -> None:  # fmt: skip
        if not tables:
            return
        levels = max(codes) + 1 if codes else len(tables[0][0])

        def coded(table: Table) -> Table:
            return tuple(_summed(group, codes, levels) for group in table) if codes else table

        for test in tests:
            of, sure = _by(test, []), _by(_LONG.get(test, test), [])
            answer = self.judge(
                derived or self.variable, tables, test, lambda t, of=of: of(coded(t)), lambda t, of=sure: of(coded(t))
            )
            if answer[2] in ("always", "sometimes"):
                found[coding, test] = answer

    def _codings(self, tables: Sequence[Table] | None) -> Iterator[tuple[str, str, list[int], tuple[str, ...]]]:
        """Yield other codings: in words, then a derived variable to count anew, or the code of each line; and tests."""
        name, study = self.variable, self.study
        seen = set()
        lines = []
        if tables:
            block = self._own
            scale = block.parts.get(name, 1)
            lines = [v / scale for v in self.lines(block, name)] if name in block.parts else self.lines(block, name)
        for derived, rule in study.file.derived.items():
            if derived == name or rule.rule not in ("bands", "recode", "member") or not self._comes_from(derived):
                continue
            levels = study.levels(derived)
            if study.kind(name) not in (*NUMERIC, "ordered") and len(levels) != 2:
                continue
            tests = tuple(COUNTED if len(levels) == 2 else TABLED)
            words = f"{study.label(derived)} ({derived})"
            if not lines:
                yield words, derived, [], tests
                continue
            found = [self._code(derived, line) for line in lines]
            if None not in found:
                codes = [levels.index(level) for level in found]
                seen.add(_partition(codes))
                if max(codes) > 0:
                    yield words, "", codes, tests
        if (
            lines
            and len(lines) > 2
            and (study.kind(name) == "ordered" or (study.kind(name) in NUMERIC and study.step(name) == 1))
        ):
            for k in range(1, len(lines)):
                codes = [int(i >= k) for i in range(len(lines))]
                if (
                    _partition(codes) not in seen
                    and any(any(group[i] for group in t for i in range(k)) for t in tables)
                    and any(any(group[i] for group in t for i in range(k, len(lines))) for t in tables)
                ):
                    shown = [f"{line:g}" if isinstance(line, float) else line for line in lines[k - 1 : k + 1]]
                    yield (
                        f"{study.label(name)} ({name}), up to {shown[0]} against {shown[1]} and above",
                        "",
                        codes,
                        _OF_CUTS,
                    )

    def _comes_from(self, derived: str) -> bool:
        parents = self.study.file.derived[derived].parents
        return parents == (self.variable,) or (
            len(parents) == 1 and parents[0] in self.study.file.derived and self._comes_from(parents[0])
        )

    def _code(self, derived: str, line: Any) -> str | None:
        (parent,) = self.study.file.derived[derived].parents
        value = line if parent == self.variable else self._code(parent, line)
        return None if value is None else derive_value(self.study, derived, value)


def _by(test: str, lines: Sequence) -> Callable[[Table], float]:
    """Return what computes P of a test from a table."""

    def p_value(table: Table) -> float:
        ones, zeros = table
        if test in NUMBERED:
            return NUMBERED[test](lines, ones, zeros)
        if len(ones) == 2 and test in COUNTED:
            return COUNTED[test](ones[1], sum(ones), zeros[1], sum(zeros))
        return TABLED[test](ones, zeros)

    return p_value


def _summed(counts: Sequence[int], codes: Sequence[int], levels: int) -> tuple[int, ...]:
    return tuple(sum(n for n, code in zip(counts, codes, strict=True) if code == level) for level in range(levels))


def _partition(codes: Sequence[int]) -> frozenset:
    return frozenset(frozenset(i for i, code in enumerate(codes) if code == wanted) for wanted in codes)


def feasible(model: Any, effort: float = 4.0) -> bool | None:
    """Say whether a model has a solution; None when that is not settled within its limit."""
    solver = deterministic_solver(1, effort)
    solver.parameters.linearization_level = 2
    return {"OPTIMAL": True, "FEASIBLE": True, "INFEASIBLE": False}.get(solver.status_name(solver.solve(model)))


def _enumerated(block: Block, counts: list[list[Any]]) -> list[Table] | None:
    """Return every table of counts of a block, or None when there are too many to tell."""
    from ortools.sat.python import cp_model

    class Seen(cp_model.CpSolverSolutionCallback):
        def __init__(self) -> None:
            super().__init__()
            self.tables: dict[Table, None] = {}
            self.seen = 0

        def on_solution_callback(self) -> None:
            self.tables[tuple(tuple(int(self.value(e)) for e in group) for group in counts)] = None
            self.seen += 1
            if len(self.tables) > MOST_TABLES or self.seen > MOST_SOLUTIONS:
                self.stop_search()

    seen, solver = Seen(), deterministic_solver(1, 4.0)
    solver.parameters.enumerate_all_solutions = True
    status = solver.status_name(solver.solve(block.model, seen))
    if status == "INFEASIBLE":
        return []
    if status == "OPTIMAL":
        return list(seen.tables)
    return None if len(seen.tables) > MOST_CHECKS else _projected(block.model.clone(), counts)


def _projected(model: Any, counts: list[list[Any]]) -> list[Table] | None:
    """Return every table of counts, one by one: for blocks in which many solutions show the same."""
    found: list[Table] = []
    flat = list(itertools.chain(*counts))
    while len(found) <= MOST_CHECKS:
        solver = deterministic_solver(1, 4.0)
        status = solver.status_name(solver.solve(model))
        if status == "INFEASIBLE":
            return found
        if status not in ("OPTIMAL", "FEASIBLE"):
            return None
        values = [int(solver.value(e)) for e in flat]
        found.append((tuple(values[: len(counts[0])]), tuple(values[len(counts[0]) :])))
        apart = []
        for expression, value in zip(flat, values, strict=True):
            for sign in (1, -1):
                apart.append(other := model.new_bool_var(""))
                model.add(sign * (expression - value) >= 1).only_enforce_if(other)
        model.add_bool_or(apart)
    return None
