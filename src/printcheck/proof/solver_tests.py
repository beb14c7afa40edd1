"""Printed P values as constraints on a block: tests of counts, of ranks and of means."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from printcheck.printed.cells import SolverError
from printcheck.printed.claims import Claim
from studyfile.study.study import NO_YES, NUMERIC
from tallystats.interval import Interval
from tallystats.statistics.printed_tests import COUNTED, TABLED, counts_that_print, student_limits, tie_window
from tallystats.statistics.rank_and_t_tests import NUMBERED

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

    from printcheck.proof.solver import Block

#: What a pair of equal values adds to the sum of t^3 - t; drawn values are expected to hold no more than one in three.
TIED = 6
#: Tables of counts of several levels that are tried one by one.
MOST_TABLES = 20_000


def add_test(block: Block, claim: Claim, literal: Any) -> None:
    """Hold a test to its printed P when the literal is true."""
    (_add_numbers if block.study.kind(claim.variable) in NUMERIC else _add_counts)(block, claim, literal)


def one_of(block: Block, literals: list[Any], options: Iterable[list[tuple[Any, int, int]]], name: str) -> None:
    """Hold one of several conjunctions of (expression, low, high) when all the literals are true."""
    chosen = []
    for k, bounds in enumerate(options):
        option = block.model.new_bool_var(f"{name}#{k}")
        chosen.append(option)
        for expression, low, high in bounds:
            block.between(expression, low, high, option)
    block.model.add(sum(chosen) >= 1).only_enforce_if(literals)


def _add_counts(block: Block, claim: Claim, literal: Any) -> None:
    """Hold the counts of levels to those that print P by a test that the plan may take."""
    levels = block.study.levels(claim.variable)
    tests = block.tests.get(claim.variable, ("pearson_chi_square",))
    if len(levels) > 2:
        _add_tables(block, claim, literal, tests)
        return
    groups = [block.group({claim.by: answer})[0] for answer in NO_YES[::-1]]
    sizes = [sum(len(block.units[u]) for u in units) for units in groups]
    counts = [block.meeting(units, {claim.variable: levels[-1]}) for units in groups]
    options = [
        [(counts[0], a, a), (counts[1], first, last)]
        for test in tests
        if test in COUNTED
        for a, first, last in counts_that_print(test, *sizes, claim.interval)
    ]
    one_of(block, [literal], options, claim.id)


def _add_tables(block: Block, claim: Claim, literal: Any, tests: Sequence[str]) -> None:
    """Hold the counts of several levels to those that print P, among the tables that the printed counts allow."""
    tables, counts, used = tables_of(block, claim)
    if tables is None or any(test not in TABLED for test in tests):
        if not block.lenient:
            block.model.add(literal == 0)
        return
    options = [
        [(e, n, n) for e, n in zip(counts, table, strict=True)]
        for table, printing in tables.items()
        if printing.intersection(tests)
    ]
    one_of(block, [literal, *used.values()], options, claim.id)


def tables_of(block: Block, claim: Claim) -> tuple[dict[tuple[int, ...], set[str]] | None, list[Any], dict[str, Any]]:
    """Return the tables that the printed counts of a test allow, each with the tests that print P of it.

    Returns
    -------
    dict or None
        The counts of the levels in the first group and in the second, together -> tests; None for too many tables.
    list
        The expressions of these counts.
    dict
        The literals of the printed counts that this rests on.
    """
    levels, used = block.study.levels(claim.variable), {}
    groups = [block.group({claim.by: answer})[0] for answer in NO_YES[::-1]]
    limits = [
        [margin(block, claim.variable, claim.by, answer, used, level=level) for level in levels] for answer in NO_YES[::-1]
    ]
    everyone = [margin(block, claim.variable, "", "", used, level=level) for level in levels]
    sizes = [sum(len(block.units[u]) for u in units) for units in groups]
    counts = [block.meeting(units, {claim.variable: level}) for units in groups for level in levels]
    tables = _tables(sizes, limits, everyone)
    if tables is None:
        return None, counts, used
    tests = [test for test in block.tests.get(claim.variable, ("pearson_chi_square",)) if test in TABLED]
    return (
        {(*ones, *zeros): {test for test in tests if TABLED[test](ones, zeros) in claim.interval} for ones, zeros in tables},
        counts,
        used,
    )


def _tables(
    sizes: Sequence[int], limits: Sequence[Sequence[tuple[int, int]]], everyone: Sequence[tuple[int, int]]
) -> list[tuple[tuple[int, ...], tuple[int, ...]]] | None:
    """Return the tables of two groups within limits of each count and of the counts of both; None for too many."""
    lines = [*zip(*limits, everyone, strict=True)]
    # The most that the lines further down can hold of each group: what does not fit into them is not begun.
    room = [tuple(sum(line[g][1] for line in lines[k:]) for g in (0, 1)) for k in range(1, len(lines) + 1)]
    found: dict[tuple, None] = {((), (), *sizes): None}  # counts so far, and patients left in each group
    for (first, second, both), (room1, room0) in zip(lines, room, strict=True):
        further: dict[tuple, None] = {}
        for ones, zeros, left1, left0 in found:
            for a in range(max(first[0], left1 - room1), min(first[1], left1) + 1):
                for b in range(max(second[0], both[0] - a, left0 - room0), min(second[1], left0, both[1] - a) + 1):
                    further[(*ones, a), (*zeros, b), left1 - a, left0 - b] = None
            if len(further) > MOST_TABLES:
                return None
        found = further
    return [(ones, zeros) for ones, zeros, left1, left0 in found if not left1 and not left0]


def _add_numbers(block: Block, claim: Claim, literal: Any) -> None:
    groups = [block.group({claim.by: answer})[0] for answer in NO_YES[::-1]]
    state = {
        "mann_whitney": _add_ranks,
        "mann_whitney_continuity": partial(_add_ranks, continuity=True),
        "mann_whitney_exact": partial(_add_ranks, exact=True),
        "student_t": _add_student,
    }
    tests = block.tests.get(claim.variable, ("mann_whitney", "student_t"))
    chosen = {test: block.model.new_bool_var(f"{claim.id} by {test}") for test in tests}
    for test, by in chosen.items():
        if test in state:
            state[test](block, claim, *groups, by)
        elif not block.lenient:
            block.model.add(by == 0)  # no constraint states Welch's t: a proof allows it, a cohort is not drawn by it
    block.model.add(sum(chosen.values()) >= 1).only_enforce_if(literal)


def rank_sums(block: Block, name: str, true: list[int], false: list[int], literal: Any = None) -> tuple[Any, Any]:
    """Return twice Mann and Whitney's U of the true group, and the sum of t^3 - t over the values with a cell each.

    Values of one run cannot be ranked among each other. A proof allows any rank; a cohort keeps the groups apart, when
    the literal is true.
    """
    model, cells = block.model, block.cells[name]
    n0 = sum(len(block.units[u]) for u in false)
    twice = []
    for k, cell in enumerate(cells):
        below = _counted(block, f"{name} below {cell}", n0, block.count(false, lambda p, k=cell: p[name][1] < k[0]))
        equal = _counted(block, f"{name} in {cell}", n0, block.count(false, lambda p, k=cell: p[name] == k))
        for u in true:
            here = block.count([u], lambda p, k=cell: p[name] == k)
            here = _counted(block, f"{name} of unit {u} in {cell}", len(block.units[u]), here)
            lower, tied = (model.new_int_var(0, len(block.units[u]) * n0, "") for _ in range(2))
            model.add_multiplication_equality(lower, here, below)
            model.add_multiplication_equality(tied, here, equal)
            if cell[0] == cell[1]:
                twice += [lower, lower, tied]
                continue
            spare = model.new_int_var(0, 2 * len(block.units[u]) * n0, "")
            model.add(spare <= 2 * tied)
            if not block.lenient:
                model.add(tied == 0).only_enforce_if(literal)
            twice += [lower, lower, spare]
    return sum(twice), _ties(block, name)


def _add_ranks(
    block: Block,
    claim: Claim,
    true: list[int],
    false: list[int],
    literal: Any,
    *,
    continuity: bool = False,
    exact: bool = False,
) -> None:
    """Hold twice U, and the ties, to what prints P."""
    name = claim.variable
    n1, n0 = (sum(len(block.units[u]) for u in units) for units in (true, false))
    twice, ties = rank_sums(block, name, true, false, literal)
    # Of the ties within runs of values, a proof allows any; a cohort, as many as drawing them makes.
    runs = any(first != last for first, last in block.cells[name])
    least, spare = (math.inf, 0) if block.lenient else (0, TIED * ((n1 + n0) // 3))
    if exact:
        windows = _untied_windows(n1, n0, claim.interval, lenient=block.lenient)
    else:
        windows = {
            u2: window
            for u2 in range(2 * n1 * n0 + 1)
            if (window := tie_window(u2, n1, n0, claim.interval, continuity=continuity))
        }
    if runs:
        windows = {u2: (max(0, low - least), high - spare) for u2, (low, high) in windows.items()}
    if block.lenient and windows:
        _in_window(block.model, twice, ties, windows, literal)
        return
    options = [[(twice, u2, u2), (ties, *window)] for u2, window in windows.items()]
    one_of(block, [literal], options, claim.id)


def _untied_windows(n1: int, n0: int, printed: Interval, *, lenient: bool) -> dict[int, tuple[int, int]]:
    """Return the sums of ties under which twice U prints an exact P: none tied; a proof allows any ties."""
    values, most = range(n1 + n0), (n1 + n0) ** 3
    windows = {}
    for u2 in range(2 * n1 * n0 + 1):
        prints = False
        if u2 % 2 == 0 and n1 and n0:
            low, rest = divmod(u2 // 2, n0)  # so many of the first group lie above all of the second, one above `rest`
            order = [0] * (n1 - low - (rest > 0)) + [1] * n0
            if rest:
                order.insert(n1 - low - 1 + rest, 0)
            order += [0] * low
            ones = [1 - bit for bit in order]
            prints = NUMBERED["mann_whitney_exact"](values, ones, order) in printed
        if lenient:
            windows[u2] = (0 if prints else TIED, most)
        elif prints:
            windows[u2] = (0, 0)
    return windows


def _in_window(model: cp_model.CpModel, twice: Any, ties: Any, windows: dict[int, tuple[int, int]], literal: Any) -> None:
    """Hold the ties to the window that belongs to twice U: a table is refuted faster than options."""
    from ortools.sat.python import cp_model

    most = max(high for _, high in windows.values())
    at = model.new_int_var_from_domain(cp_model.Domain.from_values(list(windows)), "")
    low, high = (model.new_int_var(0, most, "") for _ in range(2))
    for k, end in enumerate((low, high)):
        model.add_element(at, [windows.get(u2, (0, 0))[k] for u2 in range(max(windows) + 1)], end)
    for bound in (twice == at, ties >= low, ties <= high):
        model.add(bound).only_enforce_if(literal)


def _counted(block: Block, name: str, most: int, expression: Any) -> Any:
    variable = block.model.new_int_var(0, most, name)
    block.model.add(variable == expression)
    return variable


def _ties(block: Block, name: str) -> Any:
    """Return the sum of t^3 - t over the values that have a cell of their own."""
    model, size, terms = block.model, block.roster.size, []
    cubes = [t**3 - t for t in range(size + 1)]
    for cell in block.cells[name]:
        if cell[0] == cell[1]:
            total = _counted(
                block, f"{name}={cell} in all", size, block.count(range(len(block.units)), lambda p, k=cell: p[name] == k)
            )
            terms.append(cube := model.new_int_var(0, cubes[-1], f"{name}={cell} ties"))
            model.add_element(total, cubes, cube)
    return sum(terms)


def _add_student(block: Block, claim: Claim, true: list[int], false: list[int], literal: Any) -> None:
    """Bound Student's t; where values are runs, a proof does without, and a cohort is held to it when they are drawn."""
    cells = block.cells[claim.variable]
    if any(low != high for low, high in cells):
        return
    sizes = [sum(len(block.units[u]) for u in units) for units in (true, false)]
    sums, squares = _moments(block, claim.variable, true, false)
    top = cells[-1][0] - cells[0][0]
    hold_student(block.model, sums, squares, sizes, top, claim, literal, outward=block.lenient)


def _moments(block: Block, name: str, true: list[int], false: list[int]) -> tuple[list, list]:
    """Return sums and sums of squares of the values in two groups, counted from the variable's least value."""
    origin = block.cells[name][0][0]
    sums, squares = (
        [
            sum((block.patterns[k][name][0] - origin) ** power * n for u in units for k, n in block.n[u].items())
            for units in (true, false)
        ]
        for power in (1, 2)
    )
    return sums, squares


def student_sums(block: Block, name: str, true: list[int], false: list[int]) -> tuple[Any, Any, int]:
    """Return D^2 and W of `hold_student`, and the largest number that limits of t^2 are multiplied by."""
    sizes = [sum(len(block.units[u]) for u in units) for units in (true, false)]
    top = block.cells[name][-1][0] - block.cells[name][0][0]
    distance, within = _distances(block.model, *_moments(block, name, true, false), sizes, top)
    return distance, within, sum(sizes) * (sizes[0] * sizes[1] * top) ** 2


def margin(block: Block, term: str, by: str, answer: str, used: dict[str, Any], *, level: str = NO_YES[1]) -> tuple[int, int]:
    """Return how many patients of a group the printed counts give a level, least and most; note their literals.

    Everybody, where `by` is empty.
    """
    members = block.roster.members(block.study, {by: answer} if by else {})
    low, high = 0, len(members)
    for claim in block.claims:
        if claim.kind != "count" or claim.condition != {term: (level,)} or block.roster.unsettled(claim.where):
            continue
        if block.roster.members(block.study, claim.where) == members:
            least, most = claim.interval.whole()
            low, high = max(low, least), min(high, most)
            used[claim.id] = block.kept[claim.id]
    return low, high


def hold_student(
    model: cp_model.CpModel,
    sums: Sequence,
    squares: Sequence,
    sizes: Sequence[int],
    top: int,
    claim: Claim,
    literal: Any,
    *,
    outward: bool,
) -> None:
    """Hold Student's t of two groups to its printed P: t^2 = D^2 (N - 2) / (N W), in whole numbers.

    Parameters
    ----------
    model : CpModel
    sums, squares, sizes : pair
        Of the values in the two groups, which lie between 0 and `top`.
    claim : Claim
        Whose P is held.
    literal : literal or None
        What it depends on.
    outward : bool
        As for `student_limits`.

    Notes
    -----
    D = n0 S1 - n1 S0; W = n1 n0 (Q1 + Q0) - n0 S1^2 - n1 S0^2, with S the sums and Q the sums of squares.
    """
    (n1, n0), total = sizes, sum(sizes)
    held = [] if literal is None else [literal]
    if not n1 or not n0 or total < 3:
        model.add(sum(held) <= len(held) - 1)
        return
    limits = student_limits(total, total * (n1 * n0 * top) ** 2, claim.interval, outward=outward)
    if limits is None:
        if not outward:
            raise SolverError(f"{claim.id}: the numbers of {claim.variable!r} are too large to hold Student's t to its P")
        return

    least, most, scale = limits
    distance, within = _distances(model, sums, squares, sizes, top)
    bounds = [(total - 2) * scale * distance >= least * total * within, within >= 1]
    if most is not None:
        bounds.append((total - 2) * scale * distance <= most * total * within)
    for bound in bounds:
        model.add(bound).only_enforce_if(held)


def _distances(model: cp_model.CpModel, sums: Sequence, squares: Sequence, sizes: Sequence[int], top: int) -> tuple[Any, Any]:
    """Return D^2 and W of two groups, as `hold_student` names them."""
    n1, n0 = sizes

    def squared(expression: Any, low: int, high: int) -> Any:
        root = model.new_int_var(low, high, "")
        square = model.new_int_var(0, max(-low, high) ** 2, "")
        model.add(root == expression)
        model.add_multiplication_equality(square, root, root)
        return square

    distance = squared(n0 * sums[0] - n1 * sums[1], -n1 * n0 * top, n1 * n0 * top)
    within = n1 * n0 * sum(squares) - n0 * squared(sums[0], 0, n1 * top) - n1 * squared(sums[1], 0, n0 * top)
    return distance, within
