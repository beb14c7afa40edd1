"""Many cohorts that print the same: patients drawn as far apart as the printed figures let them be.

Where some figures must be given up, cohorts are drawn for each largest set of figures that can hold together. The solver
settles each block of variables many times, towards another corner of what is possible each time; a cohort takes one
solution of every block, and hands them to patients who are alike in another order. What is printed stays as it is.
"""

from __future__ import annotations

import functools
import itertools
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from printcheck.audit.verdicts import Repair
from printcheck.printed.cells import SolverError
from printcheck.printed.claims import Claim, claims, planned_tests
from printcheck.printed.published import Figure, prints_as
from printcheck.proof.conflicts import blocks_of, of_block, proving_solver, rosters
from printcheck.proof.solver import PIECES, Block, Roster, UnsatisfiedError
from printcheck.reconstruct.compatible import Solution, committed_solutions, key_of
from printcheck.reconstruct.reconstruct import columns_of, written
from printcheck.reconstruct.reprint import reprint
from printcheck.reconstruct.shapes import fill, scores
from studyfile.cache import cached_each
from studyfile.cohort.cohort import Cohort, FlowStep
from studyfile.study.study import Study

#: Solutions of one block; cohorts combine them.
MOST_SOLUTIONS = 24
#: Largest sets of figures that cohorts are drawn for; where there are more, each repair is taken beside the first of others.
MOST_SETS = 12
#: So many solutions in a row that were known already, or a third as many that did not print what they should, end the search.
MOST_FRUITLESS = 12
#: With at most so many joint patterns, corners are few, and half of the solutions are sought between them.
FEW_PATTERNS = 40
#: Deterministic time (CP-SAT's own unit) of one solution.
EFFORT = 2.0
#: How strongly the order of a block's patients follows that of all others, from one cohort to the next.
_ALONG = (-1.0, -0.6, 0.0, 0.0, 0.6, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureSet:
    """A largest set of printed figures that can hold together.

    Attributes
    ----------
    name : str
        What is given up, where there is a choice: "without R3b"; empty where there is none.
    out : frozenset of str
        Ids of the figures given up.
    """

    name: str
    out: frozenset[str]


def figure_sets(repairs: Sequence[Repair]) -> list[FigureSet]:
    """Return the largest sets of figures that can hold together, by what they give up.

    Parameters
    ----------
    repairs : sequence of Repair
        As the audit lists them: those that settle the same conflicts are alternatives.

    Returns
    -------
    list of FigureSet
        Every combination; where there are more than `MOST_SETS`, each alternative beside the first of all others.

    Examples
    --------
    >>> from printcheck.audit.verdicts import Repair
    >>> [s.name for s in figure_sets([Repair(id="R1a", conflicts=("C1",), figures=("x",)),
    ...                               Repair(id="R1b", conflicts=("C1",), figures=("y",))])]
    ['without R1a', 'without R1b']
    """
    disputes: dict[tuple[str, ...], list[Repair]] = {}
    for repair in repairs:
        disputes.setdefault(repair.conflicts, []).append(repair)
    choices = list(disputes.values())
    if math.prod(map(len, choices)) <= MOST_SETS:
        taken = [list(one) for one in itertools.product(*choices)]
    else:
        firsts = [alternatives[0] for alternatives in choices]
        taken = [firsts] + [
            [*firsts[:k], other, *firsts[k + 1 :]] for k, alternatives in enumerate(choices) for other in alternatives[1:]
        ]
    found = []
    for one in taken:
        free = [repair.id for repair in one if len(disputes[repair.conflicts]) > 1]
        name = f"without {', '.join(free)}" if free else ""
        found.append(FigureSet(name=name, out=frozenset(id for repair in one for id in repair.figures)))
    return found


@dataclass(frozen=True)
class Pool:
    """Solutions of one block of variables, each checked.

    Attributes
    ----------
    variables : tuple of str
    claimed : bool
        Whether any printed figure is about them.
    solutions : tuple of dict
        Recorded variable -> its values, as a file holds them, in the order of the roster. Empty where none was found.
    """

    variables: tuple[str, ...]
    claimed: bool
    solutions: tuple[dict[str, list], ...]


@dataclass(frozen=True)
class Possible:
    """Cohorts that print one set of figures: a pool of solutions for every block of variables."""

    study: Study
    roster: Roster
    pools: tuple[Pool, ...]

    def pools_of(self, names: Sequence[str]) -> tuple[Pool, ...]:
        """Return the pools that some variables, recorded or derived, come from."""
        bases = set(self.study.bases(*names))
        return tuple(pool for pool in self.pools if bases & set(pool.variables))

    def cohort(self, number: int, seed: int) -> Cohort:
        """Draw one cohort: a solution of every block, in an order of its own."""
        rng = random.Random(f"{seed} {number}")
        common = [rng.gauss(0, 1) for _ in range(self.roster.size)]
        columns: dict[str, list] = {}
        for k, pool in enumerate(self.pools):
            if not pool.solutions:
                continue
            # Strides without a common factor: each solution comes up as often, and meets others each time.
            solution = pool.solutions[(number * (2 * k + 1) + number // len(pool.solutions)) % len(pool.solutions)]
            columns |= self._ordered(solution, common, rng)
        return cohort_of(self.study, columns, self.roster.size)

    def _ordered(self, solution: dict[str, list], common: Sequence[float], rng: random.Random) -> dict[str, list]:
        """Hand the rows of a block to patients who are alike, so that one of its variables follows the common order."""
        along, name = rng.choice(_ALONG), rng.choice(list(solution))
        ordered = {other: list(values) for other, values in solution.items()}
        for members in alike(self.roster):
            own = scores(self.study, name, [solution[name][i] for i in members], rng)
            wanted = [along * common[i] + math.sqrt(1 - along**2) * rng.gauss(0, 1) for i in members]
            to = sorted(range(len(members)), key=wanted.__getitem__)
            source = sorted(range(len(members)), key=own.__getitem__)
            for t, s in zip(to, source, strict=True):
                for other, values in solution.items():
                    ordered[other][members[t]] = values[members[s]]
        return ordered


def alike(roster: Roster) -> list[list[int]]:
    """Return the patients of a roster whom nothing tells apart: those not described one by one, by the grouping."""
    true = frozenset().union(*roster.groups.values())
    rest = range(roster.narrated, roster.size)
    return [[i for i in rest if i in true], [i for i in rest if i not in true]]


def cohort_of(study: Study, columns: dict[str, list], size: int) -> Cohort:
    """Make a cohort of columns; a variable without one is missing in all patients."""
    ids = [study.plan("reconstruction").id_format.format(i + 1) for i in range(size)]
    every = {name: columns.get(name, [None] * size) for name in study.file.variables}
    step = FlowStep(label="Drawn", excluded=0, excluded_missing=0, remaining=size)
    return Cohort(study, pd.DataFrame({study.file.study.id: ids, **every}), "drawn", (step,))


@dataclass
class Drawer:
    """Settles sets of figures; blocks of which the same figures are kept are settled once.

    Parameters
    ----------
    study : Study
    figures : sequence of Figure
        All that is printed.
    seed : int
    step : callable
        Called after each block.
    committed : mapping, optional
        Solutions that need not be drawn; default: those committed with the study.
    drawn : dict
        All solutions that were asked for, by the hash of what they depend on.
    """

    study: Study
    figures: Sequence[Figure]
    seed: int
    step: Callable[[], None] = lambda: None
    committed: Mapping[str, list[Solution]] | None = None
    drawn: dict[str, list[Solution]] = field(default_factory=dict)
    _known: dict[tuple, Pool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.committed is None:
            self.committed = committed_solutions(self.study)

    def possible(self, kept: FigureSet) -> Possible:
        """Settle every block for a set of figures."""
        said = claims(self.study, [figure for figure in self.figures if figure.id not in kept.out])
        roster = next(iter(rosters(self.study, said)))
        grouping = set(self.study.bases(*roster.groups))
        blocks = blocks_of(self.study, roster, said)
        # The grouping first: what others print is recomputed beside it.
        first = [variables for variables in blocks if grouping & set(variables)]
        beside: dict[str, list] = {}
        pools = self._pools(roster, said, first, beside)
        for pool in pools:
            beside |= pool.solutions[0] if pool.solutions else {}
        pools += self._pools(roster, said, [variables for variables in blocks if variables not in first], beside)
        return Possible(self.study, roster, tuple(pools))

    def _pools(
        self, roster: Roster, said: Sequence[Claim], blocks: Sequence[tuple[str, ...]], beside: dict[str, list]
    ) -> list[Pool]:
        """Settle blocks that do not rest on each other."""
        asked, keys = [], []
        for variables in blocks:
            mine, rules = of_block(self.study, roster, variables, said)
            keys.append(key := (roster.size, roster.narrated, *roster.groups.items(), variables, *(claim.id for claim in mine)))
            if key not in self._known:
                search = _PoolSearch(self.study, roster, variables, tuple(mine), rules, dict(beside), self.seed)
                name = key_of(self.study, [repr([c.figures for c in mine]), repr((key, beside, self.seed))])
                asked.append((key, variables, bool(mine), name, functools.partial(self._settle, search)))
        self.drawn |= {name: self.committed[name] for *_, name, _ in asked if name in self.committed}
        missing = {name: make for *_, name, make in asked if name not in self.drawn}
        self.drawn |= zip(missing, cached_each("drawn", [([name], make) for name, make in missing.items()]), strict=True)
        for key, variables, claimed, name, _ in asked:
            self._known[key] = Pool(variables, claimed, tuple(self.drawn[name]))
        return [self._known[key] for key in keys]

    def _settle(self, search: _PoolSearch) -> list[dict[str, list]]:
        solutions = list(search.solutions())
        self.step()
        return solutions


@dataclass
class _PoolSearch:
    """The search for different solutions of one block, each recomputed beside the grouping's columns."""

    study: Study
    roster: Roster
    variables: tuple[str, ...]
    said: tuple[Claim, ...]
    rules: Sequence
    beside: dict[str, list]
    seed: int

    def solutions(self) -> Iterator[dict[str, list]]:
        """Yield solutions that print what is said, towards another corner of what is possible each time."""
        rng = random.Random(f"{self.seed} {' '.join(self.variables)}")
        seen: set = set()
        # Each choice of tests in turn, until it brings nothing new.
        blocks = dict(enumerate(self._blocks()))
        fruitless = dict.fromkeys(blocks, 0)
        while fruitless and len(seen) < MOST_SOLUTIONS:
            for k in list(fruitless):
                solution = self._solution(blocks[k], rng)
                rows = self._rows(solution) if solution else None
                if solution is None or fruitless[k] >= MOST_FRUITLESS:
                    del fruitless[k]
                elif rows in seen:
                    fruitless[k] += 1
                elif not solution or not self._prints(solution):
                    fruitless[k] += 3  # what is not known already cost more to find out
                else:
                    fruitless[k] = 0
                    seen.add(rows)
                    yield solution

    def _blocks(self) -> list[Block]:
        """Return a model for every choice of the tests that the plan leaves open; none where the block is too large."""
        tested = dict.fromkeys(claim.variable for claim in self.said if claim.kind == "test")
        ways = itertools.product(*(planned_tests(self.study, name) for name in tested))
        found = []
        for way in ways:
            tests = {name: (test,) for name, test in zip(tested, way, strict=True)}
            try:
                block = Block(self.study, self.roster, self.variables, self.said, self.rules, tests, pieces=PIECES)
            except SolverError:
                return []
            for literal in block.kept.values():
                block.model.add(literal == 1)
            found.append(block)
        return found

    def _solution(self, block: Block, rng: random.Random) -> dict[str, list] | None:
        """Return one solution; nothing when its values were not found; None when there is none by these tests."""
        solver = proving_solver(EFFORT)
        solver.parameters.relative_gap_limit = 0.2  # towards a corner; which point of it does not matter
        solver.parameters.random_seed = rng.randrange(1_000_000)
        if solver.status_name(solver.solve(self._towards(block, rng))) not in ("OPTIMAL", "FEASIBLE"):
            return None
        columns = columns_of(block, solver, rng)
        try:
            if block.parts:
                fill(block, columns, rng, shaped=False, effort=EFFORT / 4)
        except UnsatisfiedError:
            return {}
        return {name: [written(self.study, name, value) for value in columns[name]] for name in self.variables}

    def _towards(self, block: Block, rng: random.Random) -> Any:
        """Return the block's model with something to strive for: a corner, or, between few corners, a point inside."""
        model, counts = block.model.clone(), [n for unit in block.n for n in unit.values()]
        if len(block.patterns) > FEW_PATTERNS or rng.random() < 0.5:
            model.minimize(sum(rng.randrange(-20, 21) * n for n in counts))
            return model
        misses = []
        for n in counts:
            wanted = rng.randrange(self.roster.size + 1)
            misses.append(model.new_int_var(0, self.roster.size, ""))
            model.add_abs_equality(misses[-1], n - wanted)
        model.minimize(sum(misses))
        return model

    def _rows(self, solution: dict[str, list]) -> tuple:
        """Return what tells two solutions apart: the rows of those described, and the counts of rows of those alike."""
        rows = list(zip(*solution.values(), strict=True))
        told = tuple(rows[: self.roster.narrated])
        return told, *(tuple(sorted(rows[i] for i in members)) for members in alike(self.roster))

    def _prints(self, solution: dict[str, list]) -> bool:
        """Recompute the figures of the block by the notebooks' own statistics."""
        cohort = cohort_of(self.study, {**self.beside, **solution}, self.roster.size)
        for figure in dict.fromkeys(figure for claim in self.said for figure in claim.figures):
            found = reprint(figure, cohort)
            if not (found == figure.value if isinstance(found, str) else prints_as(figure, found)):
                return False
        return True
