"""Shapes: values within the cells that the solver settled, spread as the study file declares, with the printed means.

Where the printed figures leave values open, they are drawn so that they look like a clinic's and not like a solver's.
Everything is counted in steps of a variable's precision (`printcheck.printed.cells`).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

from printcheck.proof.solver import EFFORT, Block, Roster, UnsatisfiedError, deterministic_solver
from printcheck.proof.solver_tests import hold_student
from studyfile.study.study import NO_YES, NUMERIC, Study

#: Decimals of a target, in steps, that every processor computes: it is rounded to them before it is made whole.
DIGITS = 9


def declared(study: Study, name: str) -> Any:
    """Return the declared shape of a variable that has a distribution, or None."""
    shape = study.plan("reconstruction").shapes.get(name)
    return shape if shape and shape.distribution else None


def followed(study: Study, name: str) -> dict[str, float]:
    """Return the variables that a variable follows, each with the rank correlation to aim at."""
    shapes = study.plan("reconstruction").shapes
    return shapes[name].follows if name in shapes else {}


class Spread:
    """The declared distribution of a numeric variable, in its steps, moved so that a printed mean comes out."""

    def __init__(self, shape: Any, parts: int, move: float = 0.0) -> None:
        self.log = shape.distribution == "lognormal"
        centre = math.log(shape.centre * parts) if self.log else shape.centre * parts
        spread = shape.spread if self.log else shape.spread * parts
        self.normal = NormalDist(centre + move * spread, spread)

    def below(self, value: float) -> float:
        """Return the share of the distribution below a value."""
        if self.log:
            return self.normal.cdf(math.log(value)) if value > 0 else 0.0
        return self.normal.cdf(value)

    def within(self, low: float, high: float, share: float) -> float:
        """Return the value with `share` of the distribution between `low` and `high` below it."""
        under, over = self.below(low), self.below(high)
        p = min(max(under + share * (over - under), 1e-15), 1 - 1e-15)
        value = self.normal.inv_cdf(p)
        return min(max(math.exp(value) if self.log else value, low), high)


def shape_costs(block: Block, name: str) -> list:
    """Return costs that grow with the square of a cell's distance from the count that the shape expects."""
    costs = []
    for cell, expected in zip(block.cells[name], _expected(block, name), strict=True):
        total = block.count(range(len(block.units)), lambda p, cell=cell: p[name] == cell)
        table = [round(round(20 * (n - expected) ** 2 / (expected + 1), DIGITS)) for n in range(block.roster.size + 1)]
        at = block.model.new_int_var(0, block.roster.size, "")
        cost = block.model.new_int_var(0, max(table), "")
        block.model.add(at == total)
        block.model.add_element(at, table, cost)
        costs.append(cost)
    return costs


def _expected(block: Block, name: str) -> list[float]:
    shape, cells = declared(block.study, name), block.cells[name]
    if shape.distribution == "levels":
        weights = [shape.weights.get(cell, 0.0) for cell in cells]
    elif shape.distribution == "uniform":
        weights = [cell[1] - cell[0] + 1 for cell in cells]
    else:
        spread = Spread(shape, block.parts[name])
        weights = [spread.below(cell[1] + 0.5) - spread.below(cell[0] - 0.5) for cell in cells]
    return [block.roster.size * weight / (sum(weights) or 1) for weight in weights]


def fill(
    block: Block, columns: dict[str, list], rng: random.Random, *, shaped: bool = True, effort: float = EFFORT / 12
) -> None:
    """Replace cells of numbers by values: near to targets drawn from the declared shape, and with what is printed.

    Parameters
    ----------
    block, columns, rng
        The model, what it gave each patient, and where chance comes from.
    shaped : bool
        Draw from the declared shapes; otherwise values lean to either end of each run of numbers, as chance will have it.
    effort : float
        Deterministic time of the search.

    Raises
    ------
    UnsatisfiedError
        When no values within the cells were found that give what is printed.
    """
    from ortools.sat.python import cp_model

    size, parts = block.roster.size, block.parts
    pairs = [rule.not_after for rule in block.rules if rule.not_after]
    numeric = sorted(parts, key=lambda name: _depth(name, pairs))
    cells = {name: list(columns[name]) for name in numeric}
    model, values, misses = cp_model.CpModel(), {}, []
    targets: dict[str, list[float]] = {}
    for name in numeric:
        limits = [_left(name, i, cells, targets, pairs, parts) for i in range(size)]
        targets[name] = _targets(block, columns, name, limits, rng, shaped)
        for i, ((low, high), target) in enumerate(zip(cells[name], targets[name], strict=True)):
            values[name, i] = x = model.new_int_var(low, high, f"{name}[{i}]")
            misses.append(miss := model.new_int_var(0, high - low + 1, ""))
            aim = round(round(target, DIGITS))
            model.add(miss >= x - aim)
            model.add(miss >= aim - x)
            model.add_hint(x, aim)
    _obey(block, columns, model, values)
    _hold(block, columns, cells, model, values)
    # No patient pays for all: the largest miss counts most, so a mean is met by many small moves.
    worst = model.new_int_var(0, max(high - low + 1 for name in numeric for low, high in cells[name]), "")
    model.add_max_equality(worst, misses)
    model.minimize(sum(misses) + len(misses) * worst)
    solver = deterministic_solver(block.study.plan("reconstruction").seed, effort=effort)
    if solver.status_name(solver.solve(model)) not in ("OPTIMAL", "FEASIBLE"):
        names = ", ".join(numeric)
        message = f"{block.study.path}: no values within their bands were found that give the printed figures of {names}"
        raise UnsatisfiedError(message, numeric, final=False)
    for name in numeric:
        columns[name] = [solver.value(values[name, i]) for i in range(size)]


def _depth(name: str, pairs: Sequence[tuple[str, str]], seen: tuple[str, ...] = ()) -> int:
    """Return how many variables stand, one after the other, after a variable."""
    later = [second for first, second in pairs if first == name and second not in (*seen, name)]
    return max((1 + _depth(second, pairs, (*seen, name)) for second in later), default=0)


def _left(name: str, i: int, cells: dict, targets: dict, pairs: Sequence, parts: dict) -> tuple[int, int]:
    """Return the limits of a patient's value beside the variables that stand before and after it."""
    low, high = cells[name][i]
    for first, second in pairs:
        if second == name:
            low = max(low, math.ceil(cells[first][i][0] * parts[name] / parts[first]))
    for first, second in pairs:
        if first == name and second in targets:
            high = max(low, int(round(min(high, targets[second][i] * parts[name] / parts[second]), DIGITS)))
    return low, high


def _obey(block: Block, columns: dict, model: Any, values: dict) -> None:
    """Hold the rules that compare values."""
    for rule in block.rules:
        for i in range(block.roster.size):
            if rule.not_after:
                first, second = rule.not_after
                model.add(values[first, i] * block.parts[second] <= values[second, i] * block.parts[first])
            elif rule.sum_at_most:
                names, limit = rule.sum_at_most
                common = math.lcm(*(block.parts.get(name, 1) for name in (*names, limit)))
                terms = [
                    values[name, i] * (common // block.parts[name])
                    if name in block.parts
                    else common * (columns[name][i] == NO_YES[1])
                    for name in names
                ]
                model.add(sum(terms) <= values[limit, i] * (common // block.parts[limit]))


def _members(block: Block, columns: dict, where: dict) -> list[int]:
    rest = block.roster.unsettled(where)
    return [
        i
        for i in block.roster.members(block.study, where)
        if all(block.shows({v: columns[v][i] for v in block.variables}, *item) for item in rest.items())
    ]


def _hold(block: Block, columns: dict, cells: dict, model: Any, values: dict) -> None:
    """Hold the printed means, and the P values of Student's t that the cells could not be held to."""
    for claim in block.claims:
        name = claim.variable
        if claim.kind == "mean":
            members = _members(block, columns, claim.where)
            least, most = claim.interval.whole(len(members) * block.parts[name])
            total = sum(values[name, i] for i in members)
            model.add(total >= least)
            model.add(total <= most)
        elif claim.kind == "test" and block.tests.get(name) == ("student_t",):
            if all(low == high for low, high in block.cells[name]):
                continue
            origin = block.cells[name][0][0]
            sums, squares, sizes = [], [], []
            for answer in NO_YES[::-1]:
                members = block.roster.members(block.study, {claim.by: answer})
                sums.append(sum(values[name, i] - origin for i in members))
                squares.append(sum(_square(model, values[name, i] - origin, cells[name][i], origin) for i in members))
                sizes.append(len(members))
            hold_student(model, sums, squares, sizes, block.cells[name][-1][1] - origin, claim, None, outward=False)


def _square(model: Any, expression: Any, cell: tuple[int, int], origin: int) -> Any:
    low, high = cell[0] - origin, cell[1] - origin
    root = model.new_int_var(low, high, "")
    square = model.new_int_var(low**2, high**2, "")
    model.add(root == expression)
    model.add_multiplication_equality(square, root, root)
    return square


def _targets(
    block: Block, columns: dict, name: str, limits: list[tuple[int, int]], rng: random.Random, shaped: bool
) -> list[float]:
    """Draw a target for each patient within its limits; move the distribution until the printed mean comes out."""
    shape, parts = declared(block.study, name), block.parts[name]
    share = _stratified(limits, rng)
    bends = [] if shaped else _bends(block, limits, rng)

    def drawn(move: float) -> list[float]:
        if not shaped:
            return [
                low + (0.5 + width * (s - 0.5)) ** (bend * 2**-move) * (high - low)
                for (low, high), s, (bend, width) in zip(limits, share, bends, strict=True)
            ]
        if shape is None or shape.distribution not in ("normal", "lognormal"):
            return [low + s * (high - low) for (low, high), s in zip(limits, share, strict=True)]
        spread = Spread(shape, parts, move)
        return [
            float(low) if low == high else spread.within(low - 0.5, high + 0.5, s)
            for (low, high), s in zip(limits, share, strict=True)
        ]

    targets = drawn(0.0)
    for claim in block.claims:
        if claim.kind != "mean" or claim.variable != name:
            continue
        members = _members(block, columns, claim.where)
        wanted = float(claim.interval.low + claim.interval.high) / 2 * len(members) * parts
        low, high = -6.0, 6.0
        for _ in range(60):
            move = (low + high) / 2
            now = drawn(move)
            low, high = (move, high) if sum(now[i] for i in members) < wanted else (low, move)
        for i in members:
            targets[i] = now[i]
    return targets


def _bends(block: Block, limits: list[tuple[int, int]], rng: random.Random) -> list[tuple[float, float]]:
    """Draw, for those alike in the same cell, to which end values lean, and over how much of the cell they spread."""
    unit = {i: u for u, members in enumerate(block.units) for i in members}
    keys = [(unit[i], cell) for i, cell in enumerate(limits)]
    drawn = {key: (rng.lognormvariate(0, 2), rng.choice((1.0, 1.0, 0.6, 0.2))) for key in dict.fromkeys(keys)}
    return [drawn[key] for key in keys]


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


def arrange(study: Study, roster: Roster, block: dict, columns: dict, claimed: bool, rng: random.Random) -> dict:
    """Hand the rows of a block to patients who are alike, so that a variable follows another as declared.

    Where nothing is claimed of a block, all patients are alike.
    """
    wanted = [(name, other, rho) for name in block for other, rho in followed(study, name).items() if other in columns]
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
        order = scores(study, other, [columns[other][i] for i in members], rng)
        noise = [rng.gauss(0, 1) for _ in members]
        score = [rho * order[k] + math.sqrt(1 - rho * rho) * noise[k] for k in range(len(members))]
        rows = scores(study, name, [block[name][i] for i in members], rng)
        to = sorted(range(len(members)), key=score.__getitem__)
        source = sorted(range(len(members)), key=rows.__getitem__)
        for t, s in zip(to, source, strict=True):
            for n in block:
                arranged[n][members[t]] = block[n][members[s]]
    return arranged


def scores(study: Study, name: str, values: list, rng: random.Random) -> list[float]:
    """Return normal scores of values in their order, ties broken at random."""
    order = (lambda v: v) if study.kind(name) in NUMERIC else study.levels(name).index
    by = sorted(range(len(values)), key=lambda i: (order(values[i]), rng.random()))
    normal = NormalDist()
    scores = [0.0] * len(values)
    for rank, i in enumerate(by):
        scores[i] = normal.inv_cdf((rank + 0.5) / len(values))
    return scores
