"""The verdict on each printed figure, from what was proven of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

from printcheck.audit.audit_case import Case
from printcheck.audit.audit_words import recomputed_p, span
from printcheck.audit.candidate_tests import PrintedTest
from printcheck.audit.checks import Sheet
from printcheck.audit.printed_model import PrintedModel
from printcheck.audit.several_groups import is_of_several, recompute
from printcheck.audit.verdicts import Consequence, Verdict
from printcheck.printed.claims import unstated
from printcheck.printed.published import Figure
from printcheck.proof.prover import Prover
from printcheck.proof.statements import Proof, Statement
from tallystats.registry import words_of

#: Why a figure is held against nothing.
MISSING = "values are missing: fewer patients are printed than are in the group, and who lacks one is not modelled"


def verdicts(case: Case, tests: Sequence[PrintedTest], consequences: Sequence[Consequence]) -> Iterator[Verdict]:
    """Yield one verdict a printed figure, in their order."""
    given: dict[str, Verdict] = {}
    for prover, proof in case.proven:
        for verdict in _of_proof(case, prover, proof, tests, consequences):
            given[verdict.figure.id] = verdict
    for figure in case.figures:
        yield given.get(figure.id) or _outside(case, figure)


def _outside(case: Case, figure: Figure) -> Verdict:
    """Judge a figure that no constraint states."""
    why = {
        "literature": "a figure of other literature",
        "design": "part of the study's design: nothing of the patients follows from it",
        "narrative": "a fact that is not among the variables of the study file",
    }
    if figure.about != "cohort":
        return Verdict(figure=figure, verdict="not checkable", reason=why[figure.about])
    if is_of_several(case.study, figure):
        found = recompute(Sheet(case.study, case.figures), figure)
        return Verdict(figure=figure, **asdict(found))
    return Verdict(figure=figure, verdict="not decided", reason=unstated(case.study, figure) or "nothing states it")


def _of_proof(
    case: Case, prover: Prover | None, proof: Proof, tests: Sequence[PrintedTest], consequences: Sequence[Consequence]
) -> Iterator[Verdict]:
    """Yield the verdicts on the figures of one block."""
    follows, undecided = _followed(case, prover, proof)
    for statement in proof.statements:
        for id in statement.figures:
            figure = case.by_id[id]
            conflicts = tuple(c.id for c in case.conflicts if statement.figures[0] in c.figures)
            if statement.id in proof.unasked:
                yield Verdict(figure=figure, verdict="not checkable", reason=MISSING)
            elif not proof.decided or statement.id in undecided:
                yield Verdict(figure=figure, verdict="not decided", reason="the search reached its limit")
            elif statement.id in case.blamed:
                given = [(c.low, c.high) for c in consequences if c.figure == figure.id and _gives_up(case, c)]
                yield _against_the_paper(case, prover, statement, figure, conflicts, given)
            elif statement.claims[0].kind == "model" and case.model:
                yield _of_model(case.model, figure)
            elif statement.id in follows:
                yield _follows(case, prover, proof, statement, figure, follows[statement.id], tests)
            else:
                yield _compatible(figure, tests)


def _followed(case: Case, prover: Prover | None, proof: Proof) -> tuple[dict[str, tuple[str, ...]], frozenset[str]]:
    blamed = {s.id for s in proof.statements} & case.blamed
    if prover is None:
        right = [s for s in proof.statements if s.id not in blamed]
        return {
            s.id: tuple(o.id for o in right if o is not s) for s in right if len(s.figures) > 1 or len(right) > 1
        }, frozenset()
    return prover.following(blamed) if proof.decided else ({}, frozenset())


def _gives_up(case: Case, consequence: Consequence) -> bool:
    return any(r.id == consequence.repair and consequence.figure in r.figures for r in case.repairs)


def _against_the_paper(
    case: Case,
    prover: Prover | None,
    statement: Statement,
    figure: Figure,
    conflicts: tuple[str, ...],
    given: Sequence[tuple[float, float]],
) -> Verdict:
    """Judge a figure that is held against the paper; `given`: P after each repair that gives it up."""
    found = case.explained.get(statement.id)
    recomputed = _limits(case, prover, statement, figure, _kept(case, prover, statement)) if prover else ""
    recomputed = recomputed or _p_span(figure, given)
    if found:
        return Verdict(
            figure=figure,
            verdict=found.verdict,
            recomputed=recomputed,
            method=found.method,
            conflicts=conflicts,
            reason=found.reason,
        )
    first = next((c.why for c in case.conflicts if c.id in conflicts), "")
    return Verdict(figure=figure, verdict="contradicted", recomputed=recomputed, conflicts=conflicts, reason=first)


def _limits(case: Case, prover: Prover, statement: Statement, figure: Figure, held: Sequence[str]) -> str:
    """Say what count or mean other statements leave; an empty text for anything else."""
    claim = replace(statement.claims[0], figures=(figure,))
    ends = prover.limits(statement.id, held) if claim.kind in ("count", "mean") else None
    return span(*ends, claim) if ends else ""


def _p_span(figure: Figure, given: Sequence[tuple[float, float]]) -> str:
    """Say the least and the largest of some P values; an empty text where none is defined."""
    known = [(low, high) for low, high in given if low == low]
    return recomputed_p(figure, min(low for low, _ in known), max(high for _, high in known)) if known else ""


def _kept(case: Case, prover: Prover, statement: Statement) -> list[str]:
    """Return the statements that the first repair that gives up this one keeps."""
    mine = next(proof for other, proof in case.proven if other is prover)
    given_up = {
        id for dispute in mine.disputes for id in next((r for r in dispute.repairs if statement.id in r), case.chosen(dispute))
    }
    return [id for id in prover.known if id not in given_up]


def _follows(
    case: Case,
    prover: Prover | None,
    proof: Proof,
    statement: Statement,
    figure: Figure,
    source: Sequence[str],
    tests: Sequence[PrintedTest],
) -> Verdict:
    known = {s.id: s for s in proof.statements}
    twins = [id for id in statement.figures if id != figure.id]
    other = next((c for c in case.checks if c.kind == "rounding" and c.holds and c.figures[0] == figure.id), None)
    claim = statement.claims[0]
    if claim.kind in ("count", "mean") and claim.interval.low == claim.interval.high:
        recomputed = span(claim.interval.low, claim.interval.high, replace(claim, figures=(figure,)))
    elif claim.kind == "mean" and prover and source:
        recomputed = _limits(case, prover, statement, figure, source)
    elif claim.kind == "test":
        recomputed = _p_span(figure, _ends(figure, tests))
    else:
        recomputed = case.by_id[twins[0]].value if twins else figure.value if claim.kind == "value" else ""
    if other:
        return Verdict(
            figure=figure, verdict="rounded otherwise", recomputed=recomputed, method=other.method, reason=other.reason
        )
    if statement.test:
        source, twins = [id for id in source if id != statement.id], []
    words = case.words(twins, 2) if twins else case.words([known[id].figures[0] for id in source], 3)
    reason = f"the same as {words}" if twins else f"follows from {words}"
    return Verdict(figure=figure, verdict="reproduced", recomputed=recomputed, method=_stated(figure, tests), reason=reason)


def _compatible(figure: Figure, tests: Sequence[PrintedTest]) -> Verdict:
    reason = "it contradicts nothing that is printed, and nothing else printed settles it"
    recomputed = _p_span(figure, _ends(figure, tests))
    return Verdict(figure=figure, verdict="compatible", recomputed=recomputed, method=_stated(figure, tests), reason=reason)


def _of_model(model: PrintedModel, figure: Figure) -> Verdict:
    """Judge what a printed model says by the joint counts under which it comes out."""
    if not model.tables:
        return Verdict(figure=figure, verdict="not decided", reason=model.reason or "no joint counts print the model")
    method = f"{model.readings[0].method}, {model.readings[0].limit}"
    every = len(model.tables) == model.possible
    reason = f"{len(model.tables):,} of {model.possible:,} joint counts that all other figures leave print the model"
    return Verdict(figure=figure, verdict="reproduced" if every else "compatible", method=method, reason=reason)


def _stated(figure: Figure, tests: Sequence[PrintedTest]) -> str:
    """Return the stated tests that print a P value, in words."""
    return " or ".join(words_of(t.test) for t in _printing(figure, tests))


def _ends(figure: Figure, tests: Sequence[PrintedTest]) -> list[tuple[float, float]]:
    """Return the least and the largest P that the other figures leave, by each stated test that prints it."""
    return [(t.low, t.high) for t in _printing(figure, tests)]


def _printing(figure: Figure, tests: Sequence[PrintedTest]) -> list[PrintedTest]:
    found = [t for t in tests if t.figure == figure.id and t.stated and t.prints in ("always", "sometimes")]
    return [t for t in found if not t.coding]
