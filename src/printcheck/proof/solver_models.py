"""A printed regression table as constraints on a block: the joint counts of its terms under which its P values come out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from printcheck.printed.cells import SolverError
from printcheck.printed.claims import Claim
from printcheck.printed.patterns import Table, joint_counts, joint_tables
from printcheck.proof.solver_tests import margin, one_of
from studyfile.errors import CohortbookError
from studyfile.study.study import NO_YES

if TYPE_CHECKING:
    from printcheck.proof.solver import Block

#: So many numbers of patients with the outcome are tried, where it is not laid down.
MOST_SIZES = 20


def add_model(block: Block, claim: Claim, literal: Any, *, denied: bool = False) -> None:
    """Hold the joint counts of a printed model's terms to those under which its P values come out, or to the others.

    Where the printed counts leave too many joint tables, a proof allows any.

    Raises
    ------
    SolverError
        When they do and a cohort is to be held to the model.
    """
    # Tables are sought among those with the printed margins; where one of these falls, a proof allows any table.
    used: dict[str, Any] = {}
    try:
        tables = [table for sizes in _sizes(block, claim, used) for table in _tables(block, claim, sizes, used, denied)]
    except CohortbookError as error:
        if block.lenient:
            return
        raise SolverError(f"{claim.figures[0].source}: {error}") from None
    shown = list(itertools.chain(*_shown(block, claim)))
    options = [[(e, n, n) for e, n in zip(shown, itertools.chain(*table), strict=True)] for table in tables]
    one_of(block, [literal, *used.values()], options, claim.id)


def _laid_down(block: Block, claim: Claim) -> bool:
    """Say whether the roster tells who has the outcome; otherwise it is a variable of the block like others."""
    return claim.by in block.roster.groups


def _shown(block: Block, claim: Claim) -> Iterator[list[Any]]:
    """Yield, with the outcome and without, expressions of how many show each pattern of the terms."""
    for answer in NO_YES[::-1]:
        units, rest = block.group({claim.by: answer})
        yield [
            block.meeting(units, dict(zip(claim.terms, (NO_YES[bit] for bit in row), strict=True)), rest)
            for row in itertools.product((0, 1), repeat=len(claim.terms))
        ]


def _sizes(block: Block, claim: Claim, used: dict[str, Any]) -> list[tuple[int, int]]:
    """Return how many patients may be with the outcome and without it; note the literals of what prints it."""
    study, patients = block.study, block.roster.size
    if _laid_down(block, claim):
        true = len(block.roster.members(study, {claim.by: NO_YES[1]}))
        return [(true, patients - true)]
    least, most = 0, patients
    for other in block.claims:
        of = other.condition or other.where
        if other.kind != "count" or list(of) != [claim.by] or (other.condition and other.where):
            continue
        low, high = other.interval.whole()
        if of[claim.by] in (NO_YES[0], NO_YES[:1]):
            low, high = patients - high, patients - low
        elif of[claim.by] not in (NO_YES[1], NO_YES[1:]):
            continue
        least, most = max(least, low), min(most, high)
        used[other.id] = block.kept[other.id]
    if most - least >= MOST_SIZES:
        raise SolverError(f"no printed figure gives the number of patients with {study.label(claim.by)}")
    return [(true, patients - true) for true in range(least, most + 1)]


def _tables(block: Block, claim: Claim, sizes: tuple[int, int], used: dict[str, Any], denied: bool) -> list[Table]:
    margins = [[_shows(block, claim, term, k, sizes, used) for term in claim.terms] for k in (1, 0)]
    printed = [[f for f in claim.figures if f.variable == term] for term in claim.terms]
    tables = joint_counts(sizes, margins, printed, block.study.plan("model").max_iterations)
    return list(set(joint_tables(sizes, margins, claim.terms)).difference(tables)) if denied else tables


def _shows(
    block: Block, claim: Claim, term: str, outcome: int, sizes: tuple[int, int], used: dict[str, Any]
) -> tuple[int, int]:
    """Return how many patients with the outcome (1), or without it, may show a term; note the literals of what prints it."""
    answer = NO_YES[outcome]
    if _laid_down(block, claim):
        return margin(block, term, claim.by, answer, used)
    where = ({claim.by: answer}, {claim.by: (answer,)})
    low, high = 0, sizes[1 - outcome]
    for other in block.claims:
        if other.kind == "count" and other.condition == {term: NO_YES[1:]} and other.where in where:
            least, most = other.interval.whole()
            low, high = max(low, least), min(high, most)
            used[other.id] = block.kept[other.id]
    return low, high
