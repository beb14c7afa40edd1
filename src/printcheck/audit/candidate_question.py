"""One printed P value, and the patients that the other printed figures allow: which tests can print it."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from printcheck.audit.candidate_codings import codings
from printcheck.audit.candidate_search import ranges
from printcheck.audit.candidate_tables import MOST_CHECKS, UNKNOWN, Answer, Table, feasible, p_of_table, tables_of
from printcheck.printed.cells import SolverError
from printcheck.printed.claims import Claim, planned_tests
from printcheck.proof.conflicts import blocks_of, of_block, ruled_by, tied_by
from printcheck.proof.proof_block import ProofBlock
from printcheck.proof.solver import Block, Roster
from studyfile.study.study import NO_YES, NUMERIC, Study
from tallystats.statistics.printed_tests import COUNTED, TABLED
from tallystats.statistics.rank_and_t_tests import NUMBERED

#: Tests whose P may be too much work, so that NaN says nothing of the data; and a test that is defined when they are.
_LONG = {"mann_whitney_exact": "mann_whitney", "fisher_freeman_halton": "pearson_chi_square"}
#: Levels or values whose counts are told one by one.
MOST_LINES = 24
#: What a block states exactly: what it allows, patients can show.
_EXACT = ("count", "mean", "min", "max", "value")


def suited(study: Study, variable: str) -> tuple[str, ...]:
    """Return the tests that suit a variable as it is recorded."""
    if study.kind(variable) in NUMERIC:
        return tuple(NUMBERED)
    of_levels = tuple(COUNTED if len(study.levels(variable)) == 2 else TABLED)
    ranks = tuple(test for test in NUMBERED if test.startswith("mann_whitney"))
    return of_levels + ranks if study.kind(variable) == "ordered" and len(study.levels(variable)) > 2 else of_levels


@dataclass
class PrintedP:
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
        self.own = [
            c for c in self.mine if c.kind not in ("test", "model") and set(tied_by(self.study, self.roster, c)) <= inside
        ]
        self.own_rules = [r for r in self.rules if set(ruled_by(self.study, self.roster, r)) <= inside]
        self.exact = all(c.kind in _EXACT for c in self.mine)
        self.alone = self.exact and len(self.own) == len(self.mine) and len(self.own_rules) == len(self.rules)
        self.sizes = [len(self.roster.members(self.study, {self.asked.by: answer})) for answer in NO_YES[::-1]]

    def block(
        self,
        *,
        lenient: bool,
        own: bool = False,
        kind: type[Block] | None = None,
        tests: dict | None = None,
        more: Sequence[Claim] = (),
        **options: Any,
    ) -> Block:
        """Return a block of the variable, alone or with all that is tied to it, in which every claim holds."""
        variables, said, rules = (self.bases, self.own, self.own_rules) if own else (self.variables, self.mine, self.rules)
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
        found = tables_of(block, self.counts(block, name))
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

    def judge(
        self, name: str, tables: Sequence[Table], test: str, *, lines: Sequence = (), codes: Sequence[int] = ()
    ) -> Answer:
        """Return least and largest P of a test over tables, and whether it prints the printed P."""
        p_values = {table: p_of_table(test, table, lines, codes) for table in tables}
        undefined = [table for table, p in p_values.items() if p != p]
        if not tables or (test in _LONG and any(_defined(_LONG[test], t, lines, codes) for t in undefined)):
            return UNKNOWN
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

    def answer(self, stated: Collection[str], *, bounds: bool = False) -> dict[tuple[str, str], Answer]:
        """Return, for codings and tests, the least and the largest P and whether it is printed.

        Other codings are told where no stated test can print P of the variable as it is recorded, and theirs can; with
        `bounds`, neither they nor patients are sought.
        """
        name, numbers = self.variable, self.study.kind(self.variable) in NUMERIC
        tables = self.tables(name)
        values = self._values() if tables else []
        found: dict[tuple[str, str], Answer] = {}
        if tables is not None:
            for test in suited(self.study, name):
                found["", test] = self.judge(name, tables, test, lines=values if numbers else range(len(values)))
        elif numbers:
            found |= {("", test): range_ for test, range_ in ranges(self, stated, bounds=bounds).items()}
        if found and not bounds and all(found.get(("", test), UNKNOWN)[2] in ("never", "undefined") for test in stated):
            for coding in codings(self.study, name, values, tables or []):
                counted = self.tables(coding.derived) if coding.derived else tables
                for test in coding.tests if counted else ():
                    told = self.judge(coding.derived or name, counted, test, codes=coding.codes)
                    if told[2] in ("always", "sometimes"):
                        found[coding.words, test] = told
        return found

    def _values(self) -> list[Any]:
        """Return the levels of the variable, or its values where each has a cell."""
        block = self.block(lenient=True, own=True)
        steps = block.parts.get(self.variable)
        lines = self.lines(block, self.variable)
        return [line / steps for line in lines] if steps else lines


def _defined(test: str, table: Table, lines: Sequence, codes: Sequence[int]) -> bool:
    p_value = p_of_table(test, table, lines, codes)
    return p_value == p_value
