"""From printed figures to a cohort: synthetic patients who satisfy them jointly, or the figures that stand in the way.

Variables that no figure ties together are solved apart; each such block is one CP-SAT model (`cohortbook.solver`). The
first solution settles levels and intervals; a second, for numeric variables, the values within them, close to the
shape that the study file declares. Everything is deterministic under the lock: one worker, one seed, limits in
deterministic time.
"""

from __future__ import annotations

import csv
import math
import os
import random
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

from cohortbook.errors import CohortbookError
from cohortbook.published import Claim, claims, prints_as, read_published, reprint
from cohortbook.solver import Block, Roster
from cohortbook.study import NO_YES, NUMERIC, Study, load_study

#: Deterministic time (CP-SAT's own unit) that one model may take.
EFFORT = 60.0
#: What leaving a figure out costs beside the one that every figure costs: tables before text before narrated facts.
_WORTH = {"count": 40, "mean": 30, "min": 30, "max": 30, "model": 20, "test": 10, "value": 0}


class ReconstructionError(CohortbookError):
    """Printed figures that no cohort can show, or that the search did not settle within its limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exceptions:
    """The shortest list of figures to leave out of one block so that all the others hold together.

    Attributes
    ----------
    variables : tuple of str
        The block's recorded variables.
    figures : tuple of str
        The claims to leave out.
    cost : int
        Their number, in thousands, and what they are worth; two lists of equal cost are equally short.
    """

    variables: tuple[str, ...]
    figures: tuple[str, ...]
    cost: int


def blocks_of(study: Study, said: Sequence[Claim]) -> list[tuple[str, ...]]:
    """Return the recorded variables in blocks: two stand together when a claim or a rule ties them."""
    parent = {name: name for name in study.file.variables}

    def root(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    ties: list[Iterable[str]] = [study.bases(*claim.variables) for claim in said if any(claim.variables)]
    ties += [_ruled(study, rule) for rule in study.plan("reconstruction").rules]
    for names in ties:
        first, *others = names
        for other in others:
            parent[root(other)] = root(first)
    together: dict[str, list[str]] = {}
    for name in study.file.variables:
        together.setdefault(root(name), []).append(name)
    return [tuple(names) for names in together.values()]


def _ruled(study: Study, rule: Any) -> list[str]:
    """Return the recorded variables that a rule ties: not the grouping, which is laid down before them."""
    names = (*rule.when, *rule.then, *(rule.not_after or ()))
    if rule.sum_at_most:
        names = (*rule.sum_at_most[0], rule.sum_at_most[1])
    grouping = study.bases(study.file.comparison.groups) if study.file.comparison else ()
    return [base for base in study.bases(*names) if base not in grouping]


def roster_of(study: Study, said: Sequence[Claim]) -> Roster:
    """Lay down who the patients are: how many, which are narrated, and in whom the comparison's grouping is true."""
    plan = study.plan("reconstruction")
    narrated = max([g.patient for g in study.plan("published").groups.values() if g.patient], default=0)
    grouping = study.file.comparison.groups if study.file.comparison else None
    if grouping is None:
        return Roster(plan.patients, narrated, {})
    sizes = [int(c.low) for c in said if c.kind == "count" and not c.condition and c.where == {grouping: "yes"}]
    sizes += [int(c.low) for c in said if c.kind == "count" and c.condition == {grouping: ("yes",)} and not c.where]
    if not sizes:
        raise ReconstructionError(
            f"{study.path}: no printed figure gives the number with {grouping} = yes; "
            "the comparison cannot be laid out"
        )
    told = {c.patient - 1 for c in said if c.kind == "value" and set(study.bases(grouping)) == set(c.variables)}
    order = [*sorted(told), *(i for i in range(plan.patients) if i not in told and i >= narrated)]
    return Roster(plan.patients, narrated, {grouping: frozenset(order[: sizes[0]])})


def _of_block(study: Study, variables: tuple[str, ...], said: Sequence[Claim]) -> tuple[list[Claim], list]:
    """Return the claims and rules of a block."""
    inside = set(variables)
    mine = [c for c in said if any(c.variables) and set(study.bases(*c.variables)) <= inside]
    rules = [rule for rule in study.plan("reconstruction").rules if inside & set(_ruled(study, rule))]
    return mine, rules


def _solver(seed: int, effort: float = EFFORT):
    from ortools.sat.python import cp_model

    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = seed
    solver.parameters.max_deterministic_time = effort
    return solver


def shortest_exceptions(study: Study) -> list[Exceptions]:
    """Find, block by block, the shortest list of printed figures to leave out so that all the others hold together.

    Raises
    ------
    ReconstructionError
        When a block is not decided within the limits: never taken for consistent.

    Notes
    -----
    Every claim stands behind a literal; the cheapest set of false literals is proven optimal by CP-SAT. P values of
    ranks are allowed under any ties, so what is proven impossible is impossible.
    """
    said = claims(study, read_published(study))
    roster = roster_of(study, said)
    found = []
    for variables in blocks_of(study, said):
        mine, rules = _of_block(study, variables, said)
        if not mine:
            continue
        block = Block(study, roster, variables, mine, rules, lenient=True)
        cost = {c.id: 1000 + _worth(c) for c in mine}
        block.model.minimize(sum(cost[id] * (1 - literal) for id, literal in block.kept.items()))
        solver = _solver(study.plan("reconstruction").seed)
        if solver.status_name(solver.solve(block.model)) != "OPTIMAL":
            raise ReconstructionError(f"not decided within the limits: the figures of {', '.join(variables)}")
        out = tuple(id for id, literal in block.kept.items() if not solver.boolean_value(literal))
        if out:
            found.append(Exceptions(variables=variables, figures=out, cost=sum(cost[id] for id in out)))
    return found


def _worth(claim: Claim) -> int:
    return _WORTH[claim.kind] + 100 * claim.figures[0].source.startswith("Table")


def check_left_out(study: Study) -> list[Exceptions]:
    """Prove that the study file's list of figures left out is as short as any, and that no entry can be put back.

    Returns
    -------
    list of Exceptions
        The shortest list, as the solver finds it: the study file's own may differ where several are equally short.
    """
    said = claims(study, read_published(study))
    listed = {entry.figure for entry in study.plan("reconstruction").left_out}
    unknown = listed - {c.id for c in said}
    if unknown:
        raise ReconstructionError(f"{study.path}: reconstruction: left_out: no printed figure {sorted(unknown)[0]!r}")
    shortest = shortest_exceptions(study)
    needed = sum(e.cost for e in shortest)
    cost = sum(1000 + _worth(c) for c in said if c.id in listed)
    if cost != needed:
        names = ", ".join(id for e in shortest for id in e.figures)
        raise ReconstructionError(
            f"{study.path}: reconstruction: left_out: {len(listed)} figures; the shortest list is: {names or 'empty'}"
        )
    for id in sorted(listed):
        if _feasible(study, [c for c in said if c.id not in listed or c.id == id], id):
            raise ReconstructionError(f"{study.path}: reconstruction: left_out: {id!r} can hold with the others")
    return shortest


def _feasible(study: Study, said: Sequence[Claim], id: str) -> bool:
    """Say whether claims can hold together in the block of one of them."""
    roster = roster_of(study, said)
    claim = next(c for c in said if c.id == id)
    variables = next(b for b in blocks_of(study, said) if set(study.bases(*claim.variables)) <= set(b))
    mine, rules = _of_block(study, variables, said)
    block = Block(study, roster, variables, mine, rules, lenient=True)
    for literal in block.kept.values():
        block.model.add(literal == 1)
    solver = _solver(study.plan("reconstruction").seed)
    status = solver.status_name(solver.solve(block.model))
    if status not in ("OPTIMAL", "FEASIBLE", "INFEASIBLE"):
        raise ReconstructionError(f"not decided within the limits: {id}")
    return status != "INFEASIBLE"


def reconstruct(study: Study) -> list[dict[str, Any]]:
    """Make synthetic patients who satisfy every printed figure that the study file does not leave out.

    Returns
    -------
    list of dict
        One patient each: the id, then every recorded variable as it is written in the file.

    Raises
    ------
    ReconstructionError
        When no cohort satisfies them, or the search was not settled.

    Notes
    -----
    Where the plan leaves the test to the data (`auto`), the ranks are tried first; a variable that then turns out
    normal is made anew, so that the test that the plan takes is the one that prints its P.
    """
    rows = study.file.comparison.rows if study.file.comparison else ()
    numeric = {row.variable: row.test for row in rows if study.kind(row.variable) in NUMERIC}
    tests = {name: "mann_whitney" if test == "auto" else test for name, test in numeric.items()}
    for attempt in range(4):
        patients = _made(study, tests, random.Random(study.plan("reconstruction").seed + attempt))
        taken = _tests_taken(study, patients, [name for name, test in numeric.items() if test == "auto"])
        if taken.items() <= tests.items():
            return patients
        tests |= taken
    raise ReconstructionError(f"no cohort was found whose planned tests ({tests}) print the P values")


def _tests_taken(study: Study, patients: Sequence[dict[str, Any]], names: Sequence[str]) -> dict[str, str]:
    """Return the test that the plan takes for each variable of the patients."""
    import pandas as pd

    from cohortbook.analysis import compare_row
    from cohortbook.cohort import load_cohort

    cohort = load_cohort(study, pd.DataFrame(patients))
    return {name: compare_row(cohort, name).choice.test for name in names}


def _made(study: Study, tests: dict[str, str], rng: random.Random) -> list[dict[str, Any]]:
    plan = study.plan("reconstruction")
    out = {entry.figure for entry in plan.left_out}
    said = [c for c in claims(study, read_published(study)) if c.id not in out]
    roster = roster_of(study, said)
    columns: dict[str, list] = {}
    for variables in _in_order(plan, blocks_of(study, said)):
        settled = _settled(study, roster, variables, said, tests, rng)
        claimed = any(_of_block(study, variables, said))
        columns |= _arranged(study, roster, settled, columns, claimed, rng)
    identifier = study.file.study.id
    return [
        {identifier: plan.id_format.format(i + 1), **{name: columns[name][i] for name in study.file.variables}}
        for i in range(roster.size)
    ]


def _shaped(plan: Any, name: str) -> bool:
    return name in plan.shapes and plan.shapes[name].distribution is not None


def _follows(plan: Any, name: str) -> dict[str, float]:
    return plan.shapes[name].follows if name in plan.shapes else {}


def _in_order(plan: Any, blocks: list[tuple[str, ...]]) -> Iterable[tuple[str, ...]]:
    """Yield the blocks, each after those that its variables follow; a circle is broken where it was written first."""
    left = list(blocks)
    while left:
        waiting = {name for block in left for name in block}
        free = (b for b in left if not any((waiting - set(b)) & set(_follows(plan, name)) for name in b))
        left.remove(block := next(free, left[0]))
        yield block


def _settled(
    study: Study, roster: Roster, variables: tuple[str, ...], said: Sequence[Claim], tests: dict, rng: random.Random
) -> dict:
    """Solve one block and return its columns, one value a patient."""
    plan = study.plan("reconstruction")
    mine, rules = _of_block(study, variables, said)
    block = Block(study, roster, variables, mine, rules, tests)
    for literal in block.kept.values():
        block.model.add(literal == 1)
    costs = [20 * cost for name in variables if _shaped(plan, name) for cost in _shape_costs(study, block, name)]
    # What is told of nobody is drawn: without this, the solver would give the narrated patients its favourite pattern.
    costs += [rng.randrange(20) * n for unit, counts in zip(block.units, block.n, strict=True) if len(unit) == 1
              for n in counts.values()]  # fmt: skip
    # Values crowd where one interval must not pass another that it overlaps; such pairs are kept few.
    crowded = [rule.not_after for rule in rules if rule.not_after]
    costs += [15 * block.count(range(len(block.units)), lambda p, a=a, b=b: p[a][1] >= p[b][0]) for a, b in crowded]
    block.model.minimize(sum(costs))
    solver = _solver(plan.seed, effort=EFFORT / 6)
    status = solver.status_name(solver.solve(block.model))
    if status == "INFEASIBLE":
        raise ReconstructionError(f"no cohort shows all the printed figures of {', '.join(variables)} together")
    if status not in ("OPTIMAL", "FEASIBLE"):
        raise ReconstructionError(f"not decided within the limits: the figures of {', '.join(variables)}")
    columns: dict[str, list] = {name: [None] * roster.size for name in variables}
    for unit, counts in zip(block.units, block.n, strict=True):
        drawn = [block.patterns[k] for k, n in counts.items() for _ in range(solver.value(n))]
        rng.shuffle(drawn)
        for i, pattern in zip(unit, drawn, strict=True):
            for name in variables:
                columns[name][i] = pattern[name]
    if any(isinstance(cell, tuple) for name in variables for cell in columns[name]):
        _fill(study, roster, columns, mine, rules, rng)
    return columns


def _shape_costs(study: Study, block: Block, name: str) -> list:
    """Return costs that grow with the square of a cell's distance from the count that the shape expects."""
    costs = []
    for k, expected in enumerate(_expected(study, block, name)):
        cell = block.cells[name][k]
        total = block.count(range(len(block.units)), lambda p, cell=cell: p[name] == cell)
        table = [round(20 * (n - expected) ** 2 / (expected + 1)) for n in range(block.roster.size + 1)]
        at = block.model.new_int_var(0, block.roster.size, "")
        cost = block.model.new_int_var(0, max(table), "")
        block.model.add(at == total)
        block.model.add_element(at, table, cost)
        costs.append(cost)
    return costs


def _expected(study: Study, block: Block, name: str) -> list[float]:
    shape = study.plan("reconstruction").shapes[name]
    cells = block.cells[name]
    if shape.distribution == "levels":
        weights = [shape.weights.get(str(cell), 0.0) for cell in cells]
    elif shape.distribution == "uniform":
        weights = [cell[1] - cell[0] + 1 for cell in cells]
    else:
        spread = _Spread(shape)
        weights = [spread.below(cell[1] + 0.5) - spread.below(cell[0] - 0.5) for cell in cells]
    return [block.roster.size * weight / sum(weights) for weight in weights]


class _Spread:
    """The declared distribution of a numeric variable, its location moved so that a printed mean comes out."""

    def __init__(self, shape: Any, move: float = 0.0) -> None:
        self.log = shape.distribution == "lognormal"
        centre = math.log(shape.centre) if self.log else shape.centre
        self.normal = NormalDist(centre + move * shape.spread, shape.spread)

    def below(self, value: float) -> float:
        if self.log:
            return self.normal.cdf(math.log(value)) if value > 0 else 0.0
        return self.normal.cdf(value)

    def within(self, low: float, high: float, share: float) -> float:
        """Return the value with `share` of the distribution between `low` and `high` below it."""
        under, over = self.below(low), self.below(high)
        p = min(max(under + share * (over - under), 1e-15), 1 - 1e-15)
        value = self.normal.inv_cdf(p)
        return min(max(math.exp(value) if self.log else value, low), high)


def _fill(study: Study, roster: Roster, columns: dict, mine: Sequence[Claim], rules: Sequence, rng: random.Random) -> None:
    """Replace intervals by values: near to targets drawn from the declared shape, and with the printed means."""
    from ortools.sat.python import cp_model

    numeric = [name for name in columns if study.kind(name) in NUMERIC]
    later = {rule.not_after[0]: rule.not_after[1] for rule in rules if rule.not_after}
    numeric.sort(key=lambda name: name in later)
    cells = {name: list(columns[name]) for name in numeric}
    model, values, misses = cp_model.CpModel(), {}, []
    targets: dict[str, list[float]] = {}
    for name in numeric:
        ceiling = targets.get(later.get(name), [math.inf] * roster.size)
        floor = next((cells[first] for first, second in later.items() if second == name), cells[name])
        limits = [
            (max(low, least), max(low, least, int(min(high, top))))
            for (low, high), (least, _), top in zip(cells[name], floor, ceiling, strict=True)
        ]
        targets[name] = _targets(study, roster, name, limits, mine, rng)
        for i, ((low, high), target) in enumerate(zip(cells[name], targets[name], strict=True)):
            values[name, i] = x = model.new_int_var(low, high, f"{name}[{i}]")
            misses.append(miss := model.new_int_var(0, high - low + 1, ""))
            model.add(miss >= x - round(target))
            model.add(miss >= round(target) - x)
            model.add_hint(x, round(target))
    for first, second in later.items():
        for i in range(roster.size):
            model.add(values[first, i] <= values[second, i])
    for claim in mine:
        if claim.kind == "mean" and claim.variable in cells:
            members = roster.members(study, claim.where)
            total = sum(values[claim.variable, i] for i in members)
            model.add(total >= math.ceil(claim.low * len(members)))
            model.add(total <= math.ceil(claim.high * len(members)) - 1)
    # No patient pays for all: the largest miss counts most, so a mean is met by many small moves.
    worst = model.new_int_var(0, 10_000, "")
    model.add_max_equality(worst, misses)
    model.minimize(sum(misses) + len(misses) * worst)
    solver = _solver(study.plan("reconstruction").seed, effort=EFFORT / 12)
    if solver.status_name(solver.solve(model)) not in ("OPTIMAL", "FEASIBLE"):
        raise ReconstructionError(f"no values within the intervals give the printed means of {', '.join(numeric)}")
    for name in numeric:
        columns[name] = [solver.value(values[name, i]) for i in range(roster.size)]


def _targets(
    study: Study, roster: Roster, name: str, limits: list[tuple[int, int]], mine: Sequence[Claim], rng: random.Random
) -> list[float]:
    """Draw a target for each patient within its limits; move the distribution until the printed mean comes out."""
    shape = study.plan("reconstruction").shapes.get(name)
    share = _stratified(limits, rng)

    def drawn(move: float) -> list[float]:
        if shape is None or shape.distribution not in ("normal", "lognormal"):
            return [low + s * (high - low) for (low, high), s in zip(limits, share, strict=True)]
        spread = _Spread(shape, move)
        return [float(low) if low == high else spread.within(low - 0.5, high + 0.5, s)
                for (low, high), s in zip(limits, share, strict=True)]  # fmt: skip

    targets = drawn(0.0)
    for claim in mine:
        if claim.kind != "mean" or claim.variable != name:
            continue
        members = roster.members(study, claim.where)
        wanted = float(claim.low + claim.high) / 2 * len(members)
        low, high = -6.0, 6.0
        for _ in range(60):
            move = (low + high) / 2
            now = drawn(move)
            low, high = (move, high) if sum(now[i] for i in members) < wanted else (low, move)
        for i in members:
            targets[i] = now[i]
    return targets


def _stratified(limits: list[tuple[int, int]], rng: random.Random) -> list[float]:
    """Draw one share in (0, 1) a patient, spread evenly within each interval, in random order."""
    share = [0.0] * len(limits)
    by_cell: dict[tuple[int, int], list[int]] = {}
    for i, cell in enumerate(limits):
        by_cell.setdefault(cell, []).append(i)
    for members in by_cell.values():
        rng.shuffle(members)
        for k, i in enumerate(members):
            share[i] = (k + rng.random()) / len(members)
    return share


def _arranged(study: Study, roster: Roster, block: dict, columns: dict, claimed: bool, rng: random.Random) -> dict:
    """Hand the rows of a block to patients who are alike, so that a variable follows another as declared.

    Where nothing is claimed of a block, all patients are alike.
    """
    plan = study.plan("reconstruction")
    wanted = [(name, other, rho) for name in block for other, rho in _follows(plan, name).items() if other in columns]
    if not wanted and not claimed:
        order = rng.sample(range(roster.size), roster.size)
        return {name: [values[i] for i in order] for name, values in block.items()}
    if not wanted:
        return block
    name, other, rho = wanted[0]
    true = frozenset().union(*roster.groups.values())
    arranged = {n: list(values) for n, values in block.items()}
    for members in (
        [i for i in range(roster.narrated, roster.size) if i in true],
        [i for i in range(roster.narrated, roster.size) if i not in true],
    ):
        order = _ranks(study, other, [columns[other][i] for i in members], rng)
        noise = [rng.gauss(0, 1) for _ in members]
        score = [rho * order[k] + math.sqrt(1 - rho * rho) * noise[k] for k in range(len(members))]
        rows = _ranks(study, name, [block[name][i] for i in members], rng)
        to = sorted(range(len(members)), key=score.__getitem__)
        source = sorted(range(len(members)), key=rows.__getitem__)
        for t, s in zip(to, source, strict=True):
            for n in block:
                arranged[n][members[t]] = block[n][members[s]]
    return arranged


def _ranks(study: Study, name: str, values: list, rng: random.Random) -> list[float]:
    """Return normal scores of values in their order, ties broken at random."""
    order = (lambda v: v) if study.kind(name) in NUMERIC else study.levels(name).index
    by = sorted(range(len(values)), key=lambda i: (order(values[i]), rng.random()))
    normal = NormalDist()
    scores = [0.0] * len(values)
    for rank, i in enumerate(by):
        scores[i] = normal.inv_cdf((rank + 0.5) / len(values))
    return scores


def write_cohort(study: Study, patients: Sequence[dict[str, Any]], path: Path) -> None:
    """Write patients as CSV, whole or not at all."""
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(patients[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(patients)
    os.replace(part, path)


def verify(study: Study, patients: Sequence[dict[str, Any]]) -> list[str]:
    """Recompute every printed figure from the patients by the notebooks' own statistics; return those that differ."""
    import pandas as pd

    from cohortbook.cohort import load_cohort

    cohort = load_cohort(study, pd.DataFrame(patients))
    out = {entry.figure for entry in study.plan("reconstruction").left_out}
    differ = []
    for claim in claims(study, read_published(study)):
        if claim.id in out:
            continue
        for figure in claim.figures:
            found = reprint(figure, cohort)
            same = found == figure.value if isinstance(found, str) else prints_as(figure, found)
            if not same:
                differ.append(f"{figure.id}: printed {figure.value}, recomputed {found}")
    return differ


def main(arguments: Sequence[str] | None = None) -> int:
    """Prove the list of figures left out, make the cohort, verify it, write it: `make cohort`."""
    asked = list(sys.argv[1:] if arguments is None else arguments)
    try:
        study = load_study(asked[0] if asked else "spinal-metastases")
        shortest = check_left_out(study)
        print(f"left out, and proven the shortest list: {sum(len(e.figures) for e in shortest)} printed figures")
        patients = reconstruct(study)
        if differ := verify(study, patients):
            raise ReconstructionError("the cohort does not print:\n" + "\n".join(f"  {line}" for line in differ))
        path = study.folder / study.file.study.data
        write_cohort(study, patients, path)
    except CohortbookError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{path.name}: {len(patients)} synthetic {study.file.study.unit}s who print every other figure")
    return 0


if __name__ == "__main__":
    sys.exit(main())
