"""Conflicts among printed figures, each minimal and proven, every smallest repair, and what follows from what.

The variables that figures tie together form blocks (`cohortbook.proof.conflicts.blocks_of`), which are proven one by one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from cohortbook.printed.claims import Claim, planned_tests
from cohortbook.proof.conflicts import blocks_of, of_block, rosters, tied_by
from cohortbook.proof.prover import EFFORT, Prover
from cohortbook.proof.solver import Roster
from cohortbook.proof.statements import Core, Dispute, Proof, Statement, cost_of, statements
from cohortbook.study.study import NUMERIC, Study

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
    open_ = list(rosters(study, said))
    short = incomplete(study, open_, said)
    best: tuple[Roster, list[tuple[Prover | None, Proof]]] | None = None
    least = math.inf

    def contradicted(roster: Roster) -> int:
        return _sizes(study, roster, [c for c in said if not tied_by(study, roster, c)]).cost

    # The sizes that contradict least come first: others are left as soon as no less is to be given up.
    for roster in sorted(open_, key=contradicted):
        found = _proven(study, roster, said, short, effort, step, least - 1)
        if found is not None:
            best, least = (roster, found), sum(proof.cost for _, proof in found)
    return best


def _proven(
    study: Study, roster: Roster, said: Sequence[Claim], short: frozenset[str], effort: float, step: Callable[[], None],
    most: float,
) -> list[tuple[Prover | None, Proof]] | None:  # fmt: skip
    """Prove every block for one layout of the groups; None as soon as more than `most` places are to be given up."""
    settled = [c for c in said if not tied_by(study, roster, c)]
    found: list[tuple[Prover | None, Proof]] = [(None, _sizes(study, roster, settled))] if settled else []
    tests = {c.variable: stated_tests(study, roster, c.variable, said) for c in said if c.kind == "test"}
    for variables in blocks_of(study, roster, said):
        left = most - sum(proof.cost for _, proof in found)
        if left < 0:
            return None
        mine, rules = of_block(study, roster, variables, said)
        if mine:
            prover = Prover(study, roster, variables, tuple(statements(mine)), rules, tests, effort)
            proof = prover.prove(most=left)
            if proof is None:
                return None
            if missing := short & _disputed_variables(study, prover, proof):
                prover, proof = _without(study, prover, proof, missing)
            found.append((prover, proof))
        step()
    return found


def _without(study: Study, prover: Prover, proof: Proof, missing: frozenset[str]) -> tuple[Prover, Proof]:
    """Prove a block anew without what is said of variables of which values are missing."""
    unasked = [s for s in proof.statements if missing & set(study.bases(*s.claims[0].variables))]
    kept = tuple(s for s in proof.statements if s not in unasked)
    prover = replace(prover, statements=kept)
    return prover, replace(
        prover.prove(), statements=(*kept, *unasked), unasked=frozenset(s.id for s in unasked)
    )  # fmt: skip


def incomplete(study: Study, open_: Sequence[Roster], said: Sequence[Claim]) -> frozenset[str]:
    """Return the recorded variables of which values are missing: figures print fewer patients than their group has.

    All counts of a variable that stand together have that smaller denominator; one of several is a part of the group.
    """
    printed: dict[tuple, set[int | None]] = {}
    for claim in said:
        figure = claim.figures[0]
        if claim.variables and claim.kind not in ("value", "test", "model") and not claim.part:
            where = tuple(sorted((name, str(wanted)) for name, wanted in claim.where.items()))
            counted = claim.kind == "count"
            key = (figure.source, figure.variable, where, "" if counted else figure.id)
            least = [len(r.members(study, claim.where)) for r in open_ if not r.unsettled(claim.where)]
            of = figure.denominator if least and figure.denominator and figure.denominator < min(least) else None
            printed.setdefault(key, set()).add(of)
    names = [key[1] for key, found in printed.items() if len(found) == 1 and None not in found]
    return frozenset(base for name in names for base in study.bases(name))


def _disputed_variables(study: Study, prover: Prover, proof: Proof) -> frozenset[str]:
    ids = {id for dispute in proof.disputes for core in dispute.cores for id in core.statements}
    return frozenset(base for id in ids for base in study.bases(*prover.known[id].claims[0].variables))


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

    from cohortbook.statistics.describe import shapiro_wilk
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
