"""Questions about the printed figures of one block, put to the solver: what can hold together, and what follows.

Variables that figures, rules or criteria tie together form a block (`printcheck.proof.conflicts.blocks_of`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from printcheck.printed.claims import Claim
from printcheck.proof.conflicts import blocks_of, of_block, proving_solver, short_solver
from printcheck.proof.proof_block import ProofBlock
from printcheck.proof.solver import Roster, deterministic_solver
from printcheck.proof.statements import Core, Dispute, Proof, Statement, cost_of, preference
from studyfile.study.study import Study

#: Deterministic time (CP-SAT's own unit) that one question may take.
EFFORT = 8.0
#: The share of it that a first search takes.
SHORT = 8
#: After so many short looks in a row that told nothing of a block, none is taken.
MOST_UNSETTLED = 2
#: Kinds of claims that mostly follow from counts and means, where they follow.
_COUNTED = ("count", "value", "test")
#: More alternatives of one conflict than this are not listed.
MOST_REPAIRS = 60


class UndecidedError(Exception):
    """A question that the solver did not settle within its limits."""


@dataclass
class Prover:
    """Questions about one block, each asked of the solver once.

    Parameters
    ----------
    study, roster, variables, statements, rules
        The block and what is said of it; statements are the claims of a block with no repetition.
    effort : float
        Deterministic time that one question may take.
    """

    study: Study
    roster: Roster
    variables: tuple[str, ...]
    statements: tuple[Statement, ...]
    rules: Sequence
    tests: dict[str, tuple[str, ...]]
    effort: float = EFFORT
    block: ProofBlock = field(init=False)
    _cores: list[Core] = field(init=False, default_factory=list)
    _smallest: list[frozenset[str]] = field(init=False, default_factory=list)
    _supports: dict[str, frozenset[str]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.known = {s.id: s for s in self.statements}
        self.block = self.part(self.known, self.rules)

    def part(self, ids: Collection[str], rules: Sequence, *, others: Sequence[Claim] = ()) -> ProofBlock:
        """Return a model of some of the statements, and of other claims."""
        said = [*(claim for id in ids for claim in self.known[id].claims), *others]
        return ProofBlock(self.study, self.roster, self.variables, said, rules, self.tests)

    def holds(self, block: ProofBlock, held: Collection[str], denied: str = "") -> tuple[bool, tuple[str, ...]]:
        """Say whether statements can hold together, with one denied; and which of them cannot when they cannot.

        Raises
        ------
        UndecidedError
            When the solver reached its limit.
        """
        block.model.clear_assumptions()
        asked = [literal if id in held else ~literal for id, literal in block.kept.items() if id in held or not denied]
        block.model.add_assumptions([*asked, *([block.deny(denied)] if denied else [])])
        # Most patients are found in a short search; what speaks against any, by adding up; at last both are tried together.
        for adding in (True, False) if block.unsettled < MOST_UNSETTLED else ():
            status = block.search(short_solver(self.effort, adding=adding), hinted=True)
            block.unsettled = block.unsettled + (not adding) if status == "UNKNOWN" else 0
            if status == "FOUND":
                return True, ()
            if status != "UNKNOWN":
                break
        solver = proving_solver(self.effort / SHORT)
        status = block.search(solver)
        if status == "UNKNOWN":
            solver = proving_solver(self.effort)
            status = block.search(solver, hinted=True)
        if status == "FOUND":
            return True, ()
        if status != "INFEASIBLE":
            raise UndecidedError
        indices = set(solver.sufficient_assumptions_for_infeasibility())
        # What was given up is no part of a conflict, though the solver may name it among what it assumed.
        mine = {id: literal for id, literal in block.kept.items() if id in held}
        return False, tuple(id for id, literal in mine.items() if literal.index in indices) or tuple(mine)

    def minimal(self, core: Sequence[str]) -> Core:
        """Leave out of a conflict what it does not need, text before tables; then name the rules that it hangs on."""
        kept = list(core)
        for id in sorted(core, key=self._worth):
            fewer = [other for other in kept if other != id]
            try:
                possible, smaller = self.holds(self.part(fewer, self.rules), fewer)
            except UndecidedError:
                continue
            if not possible:
                kept = [other for other in fewer if other in smaller] if smaller else fewer
        return Core(tuple(id for id in self.known if id in kept), self._hangs_on(kept))

    def _worth(self, id: str) -> tuple:
        first = self.known[id].claims[0].figures[0]
        return tuple(not worse for worse in preference(first))

    def _hangs_on(self, core: Sequence[str]) -> tuple[str, ...]:
        """Return the reasons of the rules without each of which the statements can hold together."""
        if not self.rules or not self.holds(self.part(core, ()), core)[0]:
            return ()
        found = []
        for rule in self.rules:
            others = [other for other in self.rules if other is not rule]
            if self.holds(self.part(core, others), core)[0]:
                found.append(rule.why or "a rule of the study file")
        return tuple(found)

    def prove(self, *, most: float = math.inf) -> Proof | None:
        """Find the conflicts and every smallest repair; None when these give up more than `most` printed places.

        Asked again with more places, it goes on from where it stopped.
        """
        cores, smallest, support = self._cores, self._smallest, self._supports
        try:
            while True:
                given_up = _cheapest(self.statements, cores, smallest, support)
                if given_up is None or (smallest and self._cost(given_up, support) > self._cost(smallest[0], support)):
                    break
                if self._cost(given_up, support) > most:
                    return None
                held = [id for id in self.known if id not in given_up]
                possible, core = self.holds(self.block, held)
                if possible and given_up:  # tables of a test are told by all that is printed: now by what is left
                    possible, core = self.holds(self.part(held, self.rules), held)
                if possible:
                    smallest.append(given_up)
                    if not given_up or len(smallest) == MOST_REPAIRS:
                        break
                else:
                    cores.append(self.minimal(core))
                    support.update((id, self._support(id)) for id in cores[-1].statements if id not in support)
        except UndecidedError:
            return Proof(self.statements, decided=False)
        cost = self._cost(smallest[0], support) if smallest else 0
        return Proof(self.statements, tuple(_apart(cores, smallest)), support, cost)

    def _cost(self, given_up: Iterable[str], support: dict[str, frozenset[str]]) -> int:
        return cost_of([self.known[id] for id in given_up], support)

    def _support(self, id: str) -> frozenset[str]:
        """Return what is printed of the groups of a test, if its P follows from that alone."""
        claim = self.known[id].claims[0]
        if claim.kind != "test":
            return frozenset()
        said = [o for o in self.statements if o.claims[0].variables == claim.variables and claim.by in o.claims[0].where]
        ids = [o.id for o in said if o.id != id]
        block = self.part([*ids, id], self.rules)
        follows = self.holds(block, ids)[0] and not self.holds(block, ids, denied=id)[0]
        return frozenset(ids) if follows else frozenset()

    def following(self, disputed: Collection[str]) -> tuple[dict[str, tuple[str, ...]], frozenset[str]]:
        """Find which statements follow from others, none of them disputed.

        Returns
        -------
        dict
            Statement -> the statements it follows from; none for one that is printed twice. A model's are not asked:
            `printcheck.audit.printed_model` counts the tables that print it.
        frozenset of str
            Statements that could not be decided.
        """
        held = [id for id in self.known if id not in disputed]
        plain = [id for id in held if not self.known[id].test]
        fewer = self._apart(plain)
        follows: dict[str, tuple[str, ...]] = {}
        undecided = set()
        for id in held:
            if len(self.known[id].figures) > 1 and not self.known[id].test:
                follows[id] = ()
            elif self.known[id].claims[0].kind != "model":
                try:
                    follows |= self._follows_from(id, fewer.get(id), None if len(plain) == len(held) else held)
                except UndecidedError:
                    undecided.add(id)
        return follows, frozenset(undecided)

    def _apart(self, plain: Sequence[str]) -> dict[str, tuple[tuple[str, ...], ProofBlock]]:
        """Return for each of some statements those of them that share variables with it, and a model of these alone.

        Without tests and models, variables of a block mostly fall apart; what is said of some tells nothing of the others.
        """
        claims, found = [claim for id in plain for claim in self.known[id].claims], {}
        for names in blocks_of(self.study, self.roster, claims):
            mine, rules = of_block(self.study, self.roster, names, claims)
            ids = tuple(id for id in plain if self.known[id].claims[0] in mine)
            if ids:
                part = ids, ProofBlock(self.study, self.roster, names, mine, rules, self.tests)
                found |= dict.fromkeys(ids, part)
        return found

    def _follows_from(
        self, id: str, fewer: tuple[Sequence[str], ProofBlock] | None, held: Sequence[str] | None
    ) -> dict[str, tuple[str, ...]]:
        """Return what a statement follows from: those that are no test where these are enough, else all that are held.

        Counts mostly follow from counts, which are asked first; numbers seldom follow at all, so all are.
        """
        few = self._follows(id, *fewer) if fewer and (not held or self.known[id].claims[0].kind in _COUNTED) else {}
        if few or not held:
            return few
        found = self._follows(id, held, self.block)
        return (fewer and self._follows(id, *fewer)) or found if found else {}

    def _follows(self, id: str, held: Sequence[str], block: ProofBlock) -> dict[str, tuple[str, ...]]:
        """Return what a statement follows from; nothing where it does not, or where the block does not know it."""
        if id not in block.kept:
            return {}
        possible, core = self.holds(block, [other for other in held if other != id], denied=id)
        return {} if possible else {id: core}

    def limits(self, id: str, held: Collection[str]) -> tuple[Fraction, Fraction] | None:
        """Return the least and the largest count or mean that other statements leave; None where neither is asked.

        Of a narrated fact: 0 where it cannot be, 1 where it must.
        """
        claim, held = self.known[id].claims[0], [other for other in held if other != id]
        if claim.kind not in ("count", "mean", "value"):
            return None
        block = self.part([*held, id], self.rules)
        units, rest = block.group(claim.where)
        if claim.kind == "value":
            asked, parts = (
                block.meeting([u for u, unit in enumerate(block.units) if claim.patient - 1 in unit], claim.condition),
                1,
            )
        elif claim.kind == "count":
            asked, parts = block.meeting(units, claim.condition, rest), 1
        elif rest:
            return None
        else:
            parts = sum(len(block.units[u]) for u in units) * block.parts[claim.variable]
            asked = block.total(claim.variable, units)
        for other in held:
            block.model.add(block.kept[other] == 1)
        ends = []
        for extreme in (block.model.minimize, block.model.maximize):
            extreme(asked)
            solver = proving_solver(self.effort)
            if solver.status_name(solver.solve(block.model)) != "OPTIMAL":
                return None
            ends.append(Fraction(solver.value(asked), parts))
        return ends[0], ends[1]


def _cheapest(
    said: Sequence[Statement], cores: Sequence[Core], found: Sequence[frozenset[str]], support: dict[str, frozenset[str]]
) -> frozenset[str] | None:
    """Return the cheapest statements that take one from every conflict and contain no repair found; None for none."""
    from ortools.sat.python import cp_model

    blamed = {id for core in cores for id in core.statements}
    if not blamed:
        return None if found else frozenset()
    model = cp_model.CpModel()
    mine = [s for s in said if s.id in blamed]
    taken = {s.id: model.new_bool_var(s.id) for s in mine}
    for core in cores:
        model.add_bool_or([taken[id] for id in core.statements])
    for repair in found:
        model.add_bool_or([~taken[id] for id in repair])
    places: dict[tuple, list] = {}
    for s in mine:
        paid = model.new_bool_var("")
        free = [taken[id] for id in support.get(s.id, ()) if id in taken]
        model.add_bool_or([~taken[s.id], paid, *free])
        for cell in s.cells:
            places.setdefault(cell, []).append(paid)
    paid_places = []
    for literals in places.values():
        place = model.new_bool_var("")
        model.add_max_equality(place, literals)
        paid_places.append(place)
    # Among equals, as few statements as can be: nothing is given up that need not be.
    model.minimize(1000 * sum(paid_places) + sum(taken.values()))
    solver = deterministic_solver(1)
    if solver.status_name(solver.solve(model)) != "OPTIMAL":
        return None
    return frozenset(id for id, literal in taken.items() if solver.boolean_value(literal))


def _apart(cores: Sequence[Core], repairs: Sequence[frozenset[str]]) -> Iterator[Dispute]:
    """Yield conflicts that share statements together, with what the repairs give up of them."""
    groups: list[list[Core]] = []
    for core in cores:
        touching = [group for group in groups if any(set(core.statements) & set(other.statements) for other in group)]
        groups = [group for group in groups if group not in touching]
        groups.append([*(other for group in touching for other in group), core])
    for group in groups:
        mine = {id for core in group for id in core.statements}
        yield Dispute(tuple(group), tuple(dict.fromkeys(frozenset(repair & mine) for repair in repairs)))
