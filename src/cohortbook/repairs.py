"""Conflicts among printed figures, each minimal and proven, every smallest repair, and what follows from what.

The variables that figures tie together form blocks (`cohortbook.conflicts.blocks_of`), which are proven one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from cohortbook.claims import Claim, planned_tests
from cohortbook.conflicts import blocks_of, of_block, rosters, tied_by
from cohortbook.prover import EFFORT, Prover
from cohortbook.solver import Roster
from cohortbook.statements import Core, Dispute, Proof, Statement, cost_of, statements
from cohortbook.study import NUMERIC, Study

#: Below this P, the plan's `auto` takes a variable for not normal.
SIGNIFICANT = 0.05


def provers(
    study: Study, said: Sequence[Claim], *, effort: float = EFFORT, step: Callable[[], None] = lambda: None
) -> tuple[Roster, list[tuple[Prover | None, Proof]]]:
    """Prove every block, for the sizes of the groups under which least must be given up.

    Parameters
    ----------
    study, said
        The dictionary, and what the printed figures say.
    effort : float
        Deterministic time that one question may take.
    step : callable
        Called after each block.

    Returns
    -------
    Roster
        How many patients, and in whom the grouping is true.
    list of (Prover or None, Proof)
        One a block; the first, where figures print any, is about the sizes of groups and needs no prover.
    """
    tried = [(roster, list(_proven(study, roster, said, effort, step))) for roster in rosters(study, said)]
    return min(tried, key=lambda found: sum(proof.cost for _, proof in found[1]))


def _proven(
    study: Study, roster: Roster, said: Sequence[Claim], effort: float, step: Callable[[], None]
) -> Iterator[tuple[Prover | None, Proof]]:
    settled = [c for c in said if not tied_by(study, roster, c)]
    if settled:
        yield None, _sizes(study, roster, settled)
    tests = {c.variable: stated_tests(study, roster, c.variable, said) for c in said if c.kind == "test"}
    for variables in blocks_of(study, roster, said):
        mine, rules = of_block(study, roster, variables, said)
        if mine:
            prover = Prover(study, roster, variables, tuple(statements(mine)), rules, tests, effort)
            yield prover, prover.prove()
        step()


def stated_tests(study: Study, roster: Roster, name: str, said: Sequence[Claim]) -> tuple[str, ...]:
    """Return the tests that the plan lets compare a variable: of those `auto` chooses from, the one that it must choose.

    Where the printed counts give every patient's value, Shapiro and Wilk's test of them decides.
    """
    planned = planned_tests(study, name)
    if len(planned) == 1 or study.kind(name) not in NUMERIC:
        return planned
    counted: dict[float, int] = {}
    for claim in said:
        levels = claim.condition.get(name, ()) if claim.kind == "count" and not claim.where else ()
        if len(levels) == 1 and len(claim.condition) == 1 and claim.interval.low == claim.interval.high:
            counted[float(levels[0])] = int(claim.interval.low)
    if sum(counted.values()) != roster.size:
        return planned
    import pandas as pd

    from cohortbook.describe import shapiro_wilk
    from cohortbook.tally import Tally

    tally = Tally(pd.DataFrame({name: list(counted), "n": list(counted.values())}))
    return ("mann_whitney",) if shapiro_wilk(tally, name).p_value < SIGNIFICANT else planned


def _sizes(study: Study, roster: Roster, settled: Sequence[Claim]) -> Proof:
    """Judge the figures that give the size of a group, by the sizes under which most of them hold."""
    mine = tuple(statements(settled))

    def right(statement: Statement) -> bool:
        return all(len(roster.members(study, c.where)) in c.interval for c in statement.claims)

    wrong = [s for s in mine if not right(s)]
    right_ones = [s for s in mine if s not in wrong]
    disputes = tuple(Dispute((Core((s.id, *_against(s, right_ones))),), (frozenset([s.id]),)) for s in wrong)
    return Proof(mine, disputes, cost=cost_of(wrong, {}))


def _against(wrong: Statement, right: Sequence[Statement]) -> tuple[str, ...]:
    """Return what a wrong size stands against: the same size printed otherwise, else all sizes."""
    same = [s.id for s in right if s.claims[0].where == wrong.claims[0].where]
    return tuple(same[:1] or [s.id for s in right])
