"""What the printed figures leave of a model's joint tables: sizes, margins, and each table that the solver allows."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence

from printcheck.printed.claims import Claim, planned_tests
from printcheck.printed.patterns import LIMIT, Table, joint_tables
from printcheck.proof.conflicts import _told, blocks_of, of_block
from printcheck.proof.solver import Block, Roster, deterministic_solver
from studyfile.cohort.values import meets
from studyfile.errors import CohortbookError
from studyfile.study.schema import Condition
from studyfile.study.study import NO_YES, Study

#: How often the solver is asked for one more way in which the figures leave the terms of one block.
MOST_SOLVED = 400


class UncountableError(CohortbookError):
    """Joint tables of which the solver did not settle whether the other figures leave them."""


def printed_tables(study: Study, said: Sequence[Claim], outcome: str, terms: Sequence[str]) -> list[Table]:
    """List every joint table of a model's terms that has the printed margins, whatever else is printed.

    Raises
    ------
    CohortbookError
        When the figures do not give the number of patients with the outcome, or leave more tables than `LIMIT`.
    """
    tables: list[Table] = []
    for sizes in printed_sizes(study, said, outcome):
        margins = [printed_margins(study, said, outcome, term, sizes) for term in terms]
        halves = [[margin[k] for margin in margins] for k in (0, 1)]
        found = joint_tables(sizes, halves, [study.label(term) for term in terms])
        tables += [table for table in found if _has_totals(table, [margin[2] for margin in margins])]
    return tables


def _has_totals(table: Table, totals: Sequence[tuple[int, int]]) -> bool:
    """Say whether as many patients of both groups together show each term as is printed."""
    bits = itertools.product((0, 1), repeat=len(totals))
    rows = [(row, a + b) for row, a, b in zip(bits, *table, strict=True)]
    return all(low <= sum(n for row, n in rows if row[t]) <= high for t, (low, high) in enumerate(totals))


def allowed_tables(
    study: Study, said: Sequence[Claim], outcome: str, terms: Sequence[str], tables: Sequence[Table]
) -> tuple[set[Table], bool]:
    """Return the tables that all other figures leave, and whether the solver settled it; all of them where it did not."""
    said = [claim for claim in said if claim.kind != "test" or claim.by == outcome]
    left: set[Table] = set()
    try:
        for sizes in printed_sizes(study, said, outcome):
            left |= tables_left(study, roster_of(study, said, outcome, sizes), said, terms)
    except CohortbookError:  # what cannot be put to the solver excludes nothing
        return set(tables), False
    return left & set(tables), True


def printed_sizes(study: Study, said: Sequence[Claim], outcome: str) -> list[tuple[int, int]]:
    """Return how many patients may be with and without the outcome, as the printed figures give it.

    Raises
    ------
    CohortbookError
        When they do not, or contradict each other.
    """
    found: dict[frozenset[str], list[set[int]]] = {}
    for claim in said:
        of = claim.where or claim.condition
        if claim.kind == "count" and set(of) <= {outcome} and not (claim.where and claim.condition):
            least, most = claim.interval.whole()
            found.setdefault(_answers(study, outcome, of), []).append(set(range(max(least, 0), most + 1)))
    if study.file.reconstruction:
        found.setdefault(frozenset(NO_YES), []).append({study.file.reconstruction.patients})
    true, false, all_ = (
        set.intersection(*found.get(frozenset(of), [])) if found.get(frozenset(of)) else None
        for of in ({NO_YES[1]}, {NO_YES[0]}, set(NO_YES))
    )
    if sum(known is None for known in (true, false, all_)) > 1:
        raise CohortbookError(f"no printed figure gives the number of patients with {study.label(outcome)}")
    if all_ is None:
        all_ = {a + b for a in true for b in false}
    pairs = [(a, n - a) for n in sorted(all_) for a in (sorted(true) if true is not None else range(n + 1))]
    if not (pairs := [(a, b) for a, b in pairs if b >= 0 and (false is None or b in false)]):
        raise CohortbookError(f"the printed numbers of patients with {study.label(outcome)} contradict each other")
    return pairs


def printed_margins(
    study: Study, said: Sequence[Claim], outcome: str, term: str, sizes: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Return how many patients show a binary term, least and most: with the outcome, without it, and in all."""
    limits = [[0, sizes[0]], [0, sizes[1]], [0, sum(sizes)]]
    for claim in said:
        if claim.kind != "count" or set(claim.condition) != {term} or not set(claim.where) <= {outcome}:
            continue
        group, shown = _answers(study, outcome, claim.where), _answers(study, term, claim.condition)
        if not group or len(shown) != 1:
            continue
        k = 2 if len(group) == 2 else 0 if NO_YES[1] in group else 1
        least, most = claim.interval.whole()
        if NO_YES[0] in shown:
            size = (*sizes, sum(sizes))[k]
            least, most = size - most, size - least
        limits[k] = [max(limits[k][0], least), min(limits[k][1], most)]
    true, false, both = limits
    return (
        (max(true[0], both[0] - false[1]), min(true[1], both[1] - false[0])),
        (max(false[0], both[0] - true[1]), min(false[1], both[1] - true[0])),
        (both[0], both[1]),
    )


def _answers(study: Study, name: str, condition: Condition) -> frozenset[str]:
    """Return which of no and yes a condition allows a binary variable."""
    return frozenset(a for a in NO_YES if name not in condition or meets(study, name, a, condition[name]))


def roster_of(study: Study, said: Sequence[Claim], outcome: str, sizes: tuple[int, int]) -> Roster:
    """Return who the patients may be when the outcome is laid down first: the narrated as they are told.

    Raises
    ------
    UndecidedError
        When the outcome of a narrated patient is not told, and the numbers do not settle it.
    """
    narrated = max((claim.patient for claim in said if claim.kind == "value"), default=0)
    told = [_told(study, outcome, i, said) for i in range(narrated)]
    true = [i for i in range(narrated) if told[i]]
    if len(true) > sizes[0] or (None in told and len(true) < sizes[0]) or narrated > sum(sizes):
        raise UncountableError(f"{study.label(outcome)} of the patients described one by one is not settled")
    patients = sum(sizes)
    return Roster(patients, narrated, {outcome: frozenset([*true, *range(narrated, patients)][: sizes[0]])})


def tables_left(study: Study, roster: Roster, said: Sequence[Claim], terms: Sequence[str]) -> set[Table]:
    """Find every joint table of binary terms that all the other printed figures leave.

    Parameters
    ----------
    study : Study
    roster : Roster
        The patients; its first grouping is the outcome.
    said : sequence of Claim
        What the other figures say.
    terms : sequence of str

    Raises
    ------
    UndecidedError
        When the solver did not settle it within its limits.
    CohortbookError
        When the figures cannot be put to the solver, or leave more tables than `LIMIT`.

    Notes
    -----
    Terms that no figure ties together are settled apart: the solver lists all ways in which the terms of one block can
    show in each unit of patients (the narrated one by one, the others with all who are alike). Within a unit what one
    block settles and what another settles can meet in any way, so every joint table of theirs is possible. What the
    solver's model cannot state exactly is allowed: a table that is missing is proven impossible.
    """
    (outcome,) = roster.groups
    # A derived term ties the variables that it is made from, whatever else is said of it.
    tied = [Claim(figures=(), kind="count", condition={term: ("yes",)}) for term in terms]
    found = []
    for variables in blocks_of(study, roster, [*said, *tied]):
        here = [term for term in terms if set(study.bases(term)) <= set(variables)]
        if here:
            found.append((here, _ways(study, roster, variables, said, here)))
    order = [term for here, _ in found for term in here]
    bits = list(itertools.product((0, 1), repeat=len(terms)))
    position = [bits.index(tuple(row[order.index(term)] for term in terms)) for row in bits]
    units = _units_by_outcome(roster, outcome)
    tables: set[Table] = set()
    for ways in itertools.product(*(ways for _, ways in found)):
        halves = [_met(tuple(tuple(way[u] for way in ways) for u in mine)) for mine in units]
        tables.update(itertools.product(*halves))
        if len(tables) > LIMIT:
            raise CohortbookError(f"the other figures leave more than {LIMIT:,} joint tables of {', '.join(terms)}")

    def arranged(counts: tuple[int, ...]) -> tuple[int, ...]:
        row = [0] * len(bits)
        for k, n in zip(position, counts, strict=True):
            row[k] = n
        return tuple(row)

    return {(arranged(with_it), arranged(without)) for with_it, without in tables}


def _units_by_outcome(roster: Roster, outcome: str) -> list[list[int]]:
    """Return the units of a block, numbered as it numbers them, with and without the outcome."""
    true = roster.groups[outcome]
    with_it = [i for i in range(roster.narrated) if i in true]
    without = [i for i in range(roster.narrated) if i not in true]
    next_unit = roster.narrated
    for mine, many in ((with_it, len(true)), (without, roster.size - len(true))):
        if many > len(mine):
            mine.append(next_unit)
            next_unit += 1
    return [with_it, without]


def _ways(
    study: Study, roster: Roster, variables: Sequence[str], said: Sequence[Claim], terms: Sequence[str]
) -> list[tuple[tuple[int, ...], ...]]:
    """List all ways in which the terms of one block can show: in each unit, how many patients show each pattern."""
    mine, rules = of_block(study, roster, variables, said)
    tests = {c.variable: planned_tests(study, c.variable) for c in mine if c.kind == "test"}
    block = Block(study, roster, tuple(variables), mine, rules, tests, lenient=True)
    model = block.model
    for literal in block.kept.values():
        model.add(literal == 1)
    bits = list(itertools.product((0, 1), repeat=len(terms)))
    counted = []
    for u, unit in enumerate(block.units):
        counted.append([model.new_int_var(0, len(unit), "") for _ in bits])
        for n, row in zip(counted[-1], bits, strict=True):
            wanted = dict(zip(terms, (NO_YES[bit] for bit in row), strict=True))
            model.add(n == block.meeting([u], wanted))
    ways = []
    while True:
        solver = deterministic_solver(0)
        match solver.status_name(solver.solve(model)):
            case "INFEASIBLE":
                return ways
            case "OPTIMAL" | "FEASIBLE" if len(ways) < MOST_SOLVED:
                ways.append(tuple(tuple(solver.value(n) for n in unit) for unit in counted))
            case _:
                raise UncountableError(f"not decided within the limits: the joint counts of {', '.join(terms)}")
        differs = []
        for unit, values in zip(counted, ways[-1], strict=True):
            for n, value in zip(unit[1:], values[1:], strict=True):  # the first is what the others leave
                differs.append(model.new_bool_var(""))
                model.add(n != value).only_enforce_if(differs[-1])
        model.add_bool_or(differs)


@functools.lru_cache(maxsize=1024)
def _met(units: tuple[tuple[tuple[int, ...], ...], ...]) -> frozenset[tuple[int, ...]]:
    """Return every joint count of a group in whose units each block shows as it does: in a unit they meet in any way."""
    sums = None
    for blocks in units:
        joint = {blocks[0]}
        for other in blocks[1:]:
            joint = {table for counts in joint for table in _crossed(counts, other)}
        sums = joint if sums is None else {tuple(map(sum, zip(a, b, strict=True))) for a in sums for b in joint}
    return frozenset(sums or ())


def _crossed(rows: tuple[int, ...], columns: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield every table of whole numbers with these sums of rows and columns, row after row."""
    if not rows:
        yield ()
        return

    def split(size: int, room: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if len(room) == 1:
            if size <= room[0]:
                yield (size,)
            return
        for n in range(min(size, room[0]) + 1):
            yield from ((n, *rest) for rest in split(size - n, room[1:]))

    for row in split(rows[0], columns):
        left = tuple(room - n for room, n in zip(columns, row, strict=True))
        yield from ((*row, *rest) for rest in _crossed(rows[1:], left))
