"""Conflicts among printed figures, each minimal and proven, every smallest repair, and what follows from what.

The variables that figures tie together form blocks (`printcheck.proof.conflicts.blocks_of`), which are proven one by one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from printcheck.printed.cells import SolverError
from printcheck.printed.claims import Claim, planned_tests
from printcheck.proof.conflicts import blocks_of, of_block, rosters, tied_by
from printcheck.proof.prover import EFFORT, Prover
from printcheck.proof.solver import Roster
from printcheck.proof.statements import Core, Dispute, Proof, Statement, cost_of, statements
from studyfile.study.study import NUMERIC, Study
from tallystats.statistics.describe import shapiro_wilk
from tallystats.tally import Tally

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
        One a block; the first, where figures print any, is about the sizes of groups and needs no prover. A block with more
        joint patterns than can be looked at has none either: nothing of it is decided.
    """
    open_ = list(rosters(study, said))
    short = incomplete(study, open_, said)
    layouts = [_Layout(study, roster, said, short, effort) for roster in open_]
    # The sizes that contradict least come first; among several, a place more is given up only when none does with fewer.
    layouts.sort(key=lambda layout: layout.cost)
    most: float = layouts[0].cost if len(layouts) > 1 else math.inf
    while not (proven := next((layout for layout in layouts if layout.prove(most, step)), None)):
        most += 1
    return proven.roster, proven.found


@dataclass
class _Layout:
    """The proofs of every block for one layout of the groups, as far as they have come."""

    study: Study
    roster: Roster
    said: Sequence[Claim]
    short: frozenset[str]
    effort: float
    found: list[tuple[Prover | None, Proof]] = field(init=False, default_factory=list)
    _prover: Prover | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        settled = [c for c in self.said if not tied_by(self.study, self.roster, c)]
        if settled:
            self.found.append((None, _sizes(self.study, self.roster, settled)))
        self._blocks = list(blocks_of(self.study, self.roster, self.said))
        self._tests = {
            c.variable: stated_tests(self.study, self.roster, c.variable, self.said) for c in self.said if c.kind == "test"
        }

    @property
    def cost(self) -> int:
        """How many printed places are given up so far."""
        return sum(proof.cost for _, proof in self.found)

    def prove(self, most: float, step: Callable[[], None]) -> bool:
        """Go on until every block is proven; say False as soon as more than `most` places are to be given up."""
        while self._blocks and self.cost <= most:
            mine, rules = of_block(self.study, self.roster, self._blocks[0], self.said)
            if mine:
                said = tuple(statements(mine))
                try:
                    self._prover = prover = self._prover or Prover(
                        self.study, self.roster, self._blocks[0], said, rules, self._tests, self.effort
                    )
                    proof = prover.prove(most=most - self.cost)
                except SolverError:  # more joint patterns than can be looked at
                    prover, proof = None, Proof(said, decided=False)
                if proof is None:
                    return False
                if prover and (missing := self.short & _disputed_variables(self.study, prover, proof)):
                    prover, proof = _without(self.study, prover, proof, missing)
                self.found.append((prover, proof))
            self._prover = None
            del self._blocks[0]
            step()
        return self.cost <= most


def _without(study: Study, prover: Prover, proof: Proof, missing: frozenset[str]) -> tuple[Prover, Proof]:
    """Prove a block anew without what is said of variables of which values are missing."""
    unasked = [s for s in proof.statements if missing & set(study.bases(*s.claims[0].variables))]
    kept = tuple(s for s in proof.statements if s not in unasked)
    prover = replace(prover, statements=kept)
    return prover, replace(prover.prove(), statements=(*kept, *unasked), unasked=frozenset(s.id for s in unasked))


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
