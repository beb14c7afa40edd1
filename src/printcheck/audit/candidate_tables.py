"""Tables of counts that the other printed figures allow, told one by one, and P of a test of each."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from printcheck.proof.conflicts import proving_solver
from printcheck.proof.solver import Block, deterministic_solver
from tallystats.statistics.printed_tests import COUNTED, TABLED
from tallystats.statistics.rank_and_t_tests import NUMBERED

#: Tables of counts that are looked at one by one, and those that are put to the whole block.
MOST_TABLES, MOST_CHECKS = 400, 150
#: Solutions that are seen, at first and for each table found: more show the same tables again and again.
FIRST_SOLUTIONS, SOLUTIONS = 500, 25
#: The counts of each level or value in the group that is compared, and in the other.
Table = tuple[tuple[int, ...], tuple[int, ...]]

#: Least and largest P, and whether it is printed: as `PrintedTest` of `printcheck.audit.candidate_tests` has them.
Answer = tuple[float, float, str]
UNKNOWN: Answer = (math.nan, math.nan, "unknown")


def p_of_table(test: str, table: Table, lines: Sequence = (), codes: Sequence[int] = ()) -> float:
    """Return P of a test for a table of counts.

    Parameters
    ----------
    test : str
        A key of `COUNTED`, `TABLED` or `NUMBERED`.
    table : Table
    lines : sequence
        The value of each line, ascending, for tests of numbers.
    codes : sequence of int
        The code of each line, from 0, where lines are put together first.
    """
    if codes:
        table = tuple(_summed(group, codes) for group in table)
    ones, zeros = table
    if test in NUMBERED:
        return NUMBERED[test](lines, ones, zeros)
    if len(ones) == 2 and test in COUNTED:
        return COUNTED[test](ones[1], sum(ones), zeros[1], sum(zeros))
    return TABLED[test](ones, zeros)


def _summed(counts: Sequence[int], codes: Sequence[int]) -> tuple[int, ...]:
    found = [0] * (max(codes) + 1)
    for n, code in zip(counts, codes, strict=True):
        found[code] += n
    return tuple(found)


def feasible(model: Any, effort: float = 4.0) -> bool | None:
    """Say whether a model has a solution; None when that is not settled within its limit."""
    solver = proving_solver(effort)
    return {"OPTIMAL": True, "FEASIBLE": True, "INFEASIBLE": False}.get(solver.status_name(solver.solve(model)))


def tables_of(block: Block, counts: list[list[Any]]) -> list[Table] | None:
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
            if len(self.tables) > MOST_TABLES or self.seen > FIRST_SOLUTIONS + SOLUTIONS * len(self.tables):
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
