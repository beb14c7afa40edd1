"""One audit under way: what was read of a study, and what was found of it so far."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from printcheck.audit.arithmetic import Check
from printcheck.audit.audit_words import in_words, listed
from printcheck.audit.candidate_tests import PrintedTest, candidate_tests
from printcheck.audit.printed_model import PrintedModel
from printcheck.audit.verdicts import Conflict, Repair
from printcheck.printed.published import Figure
from printcheck.proof.prover import Prover
from printcheck.proof.statements import Dispute, Proof
from studyfile.study.study import Study


@dataclass(frozen=True)
class Explained:
    """How a figure that cannot stand by the stated method may have come about."""

    verdict: str
    method: str
    reason: str


@dataclass
class Case:
    """One audit under way: what was read, and what was found of it so far."""

    study: Study
    figures: tuple[Figure, ...]
    checks: tuple[Check, ...] = ()
    proven: list[tuple[Prover | None, Proof]] = field(default_factory=list)
    explained: dict[str, Explained] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    repairs: list[Repair] = field(default_factory=list)
    #: Statements that the verdicts hold against the paper.
    blamed: set[str] = field(default_factory=set)
    model: PrintedModel | None = None
    _asked: dict[tuple, tuple[PrintedTest, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.by_id = {figure.id: figure for figure in self.figures}

    @property
    def _blocks(self) -> Iterator[tuple[str, ...]]:
        """The figures of every block of variables that are tied together; the sizes of groups are tied to all."""
        sizes = tuple(id for prover, proof in self.proven if not prover for s in proof.statements for id in s.figures)
        return ((*sizes, *(id for s in proof.statements for id in s.figures)) for prover, proof in self.proven if prover)

    @property
    def unasked(self) -> frozenset[str]:
        """Figures of variables of which values are missing, so that they contradict nothing."""
        return frozenset(id for _, proof in self.proven for id in self.figures_of(proof, proof.unasked))

    @property
    def disputes(self) -> Iterator[tuple[Prover | None, Proof, Dispute]]:
        """Every dispute, with its proof."""
        return ((prover, proof, dispute) for prover, proof in self.proven for dispute in proof.disputes)

    def figures_of(self, proof: Proof, ids: Collection[str]) -> tuple[str, ...]:
        """Return the ids of the figures that make some statements."""
        return tuple(figure for s in proof.statements if s.id in ids for figure in s.figures)

    def out(self, without: Dispute | None = None) -> frozenset[str]:
        """Return the figures that the cheapest repairs give up, one dispute aside."""
        return frozenset(
            figure
            for _, proof, dispute in self.disputes
            if dispute is not without
            for figure in self.figures_of(proof, self.chosen(dispute))
        )

    def chosen(self, dispute: Dispute) -> frozenset[str]:
        """Return the repair that explains all that it gives up, where there is one; else the first."""
        return next((r for r in dispute.repairs if all(id in self.explained for id in r)), dispute.repairs[0])

    def asked(self, id: str, out: Collection[str], *, bounds: bool = False) -> tuple[PrintedTest, ...]:
        """Return which tests print a P value beside all figures but some; `bounds`: what the stated tests give, no more."""
        block = next((set(ids) for ids in self._blocks if id in ids), {id})
        beside = frozenset(block.intersection(out) - {id})
        if bounds and (told := self._asked.get((id, beside, False))) is not None:
            return tuple(t for t in told if t.stated)
        key = (id, beside, bounds)
        if key not in self._asked:
            self._asked[key] = candidate_tests(self.study, self.figures, out={*out, *self.unasked}, only={id}, bounds=bounds)
        return self._asked[key]

    def words(self, ids: Collection[str], most: int = 3) -> str:
        """Say figures in words."""
        return listed([in_words(self.study, self.by_id[id]) for id in ids], most)
