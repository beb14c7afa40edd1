"""The audit: a verdict for every printed figure, from proofs, arithmetic and the tests that may have printed it.

python -m cohortbook.audit spinal-metastases
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from string import ascii_lowercase
from typing import TYPE_CHECKING

from cohortbook.audit_words import between, in_words, listed, span, unprintable
from cohortbook.claims import claims, patients_of, unstated
from cohortbook.errors import command
from cohortbook.published import Figure, Interval, read_published
from cohortbook.repairs import Dispute, Proof, Prover, Statement, UndecidedError, provers
from cohortbook.study import Study, load_study
from cohortbook.verdicts import Audit, Conflict, Consequence, Repair, Verdict

if TYPE_CHECKING:
    from cohortbook.arithmetic import Check
    from cohortbook.printed_model import PrintedModel
    from cohortbook.which_test import PrintedTest

#: What a P value is held against where the study file names nothing else.
USUAL_THRESHOLD = 0.05


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

    def __post_init__(self) -> None:
        self.by_id = {figure.id: figure for figure in self.figures}

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
            figure for _, proof, dispute in self.disputes if dispute is not without
            for figure in self.figures_of(proof, self.chosen(dispute))
        )  # fmt: skip

    def chosen(self, dispute: Dispute) -> frozenset[str]:
        """Return the repair that explains all that it gives up, where there is one; else the first."""
        return next((r for r in dispute.repairs if all(id in self.explained for id in r)), dispute.repairs[0])

    def words(self, ids: Collection[str], most: int = 3) -> str:
        """Say figures in words."""
        return listed([in_words(self.study, self.by_id[id]) for id in ids], most)


def audit_study(study: Study | str | Path, *, step: Callable[[], None] = lambda: None) -> Audit:
    """Audit the printed figures of a study; no cohort is needed.

    Parameters
    ----------
    study : Study, str or Path
        A study that plans its section `published`, or where one is (`cohortbook.study.load_study`).
    step : callable
        Called now and then, to show that work goes on.

    Returns
    -------
    Audit

    Raises
    ------
    PublishedError
        When the printed figures cannot be read.

    Notes
    -----
    Every figure is first put into what it says of the patients (`cohortbook.claims`); a half may have been rounded either
    way. The solver proves, block by block, which cannot hold together, and which follow from which; conflicts that
    another rule of rounding, another summary or another test would settle are told apart from those that nothing settles.
    """
    from cohortbook.arithmetic import check_figures
    from cohortbook.printed_model import study_printed_model
    from cohortbook.which_test import which_tests

    study = study if isinstance(study, Study) else load_study(study)
    figures = read_published(study)
    study = _whole(study, figures)
    case = Case(study, figures, check_figures(study, figures))
    _, case.proven = provers(study, claims(study, figures, ties=True), step=step)
    _explain(case)
    _number(case)
    tests = which_tests(study, figures, out=case.out(), progress=step)
    case.model = study_printed_model(study, figures, out=case.out())
    step()
    verdicts = tuple(_verdicts(case, tests))
    return Audit(
        study=study, verdicts=verdicts, checks=case.checks, conflicts=tuple(case.conflicts), repairs=tuple(case.repairs),
        consequences=tuple(_consequences(case)), tests=tests, models=(case.model,) if case.model else (),
        thresholds=thresholds(study),
    )  # fmt: skip


def _whole(study: Study, figures: Sequence[Figure]) -> Study:
    """Give a study that plans no reconstruction what the proofs need of one: the number of patients as printed."""
    if study.file.reconstruction:
        return study
    from cohortbook.schema import Reconstruction

    made = Reconstruction(seed=1, patients=patients_of(study, figures))
    return Study(study.path, study.file.model_copy(update={"reconstruction": made}))


def thresholds(study: Study) -> tuple[float, ...]:
    """Return the thresholds of significance: the study's own, and 0.05."""
    own = study.file.comparison.threshold if study.file.comparison else None
    return tuple(dict.fromkeys(t for t in (own, USUAL_THRESHOLD) if t))


def _explain(case: Case) -> None:
    """Find, for every statement in dispute, another method that prints it; then say what the verdicts hold against."""
    for prover, proof, dispute in case.disputes:
        known = {s.id: s for s in proof.statements}
        for repair in dispute.repairs:
            for id in repair - case.explained.keys():
                found = _rounding(case, known[id])
                if not found and prover:
                    other = _other_test if known[id].claims[0].kind == "test" else _other_summary
                    found = other(case, prover, known[id], repair)
                if found:
                    case.explained[id] = found
    for _, _, dispute in case.disputes:
        settled = all(id in case.explained for id in case.chosen(dispute))
        case.blamed |= case.chosen(dispute) if settled else dispute.disputed


def _rounding(case: Case, statement: Statement) -> Explained | None:
    for check in case.checks:
        if check.kind == "rounding" and check.holds is not False and check.figures[0] in statement.figures:
            return Explained("rounded otherwise", check.method, check.reason)
    return None


def _other_test(case: Case, prover: Prover, statement: Statement, repair: frozenset[str]) -> Explained | None:
    """Ask which other test, or other coding, prints a P value beside the figures that are kept."""
    from cohortbook.which_test import WORDS, which_tests

    out = {figure for s in prover.statements if s.id in repair for figure in s.figures}
    figure = statement.figures[0]
    rows = which_tests(case.study, case.figures, out=out, only={figure})
    stated = [t for t in rows if t.stated and not t.coding]
    found = [t for t in rows if t.prints in ("always", "sometimes") and not (t.stated and not t.coding)]
    if not found or any(t.prints not in ("never", "undefined") for t in stated):
        return None
    # What prints it whatever the patients; then the stated tests of another coding; then the recorded coding.
    usual = [t.test for t in stated]
    best = min(found, key=lambda t: (t.prints != "always", t.test not in usual, bool(t.coding)))
    method = WORDS.get(best.test, best.test) + (f" of {best.coding}" if best.coding else "")
    names = " or ".join(WORDS.get(t.test, t.test) for t in stated)
    verb = "prints it" if best.prints == "always" else "can print it"
    return Explained("reproduced by another method", method, f"{names} cannot print it; {method} {verb}")


def _other_summary(case: Case, prover: Prover, statement: Statement, repair: frozenset[str]) -> Explained | None:
    """Ask whether the figures that are kept allow the printed number as another summary, or rounded by truncation."""
    held = [id for id in prover.known if id not in repair]
    claim = statement.claims[0]
    for verdict, method, other in _readings(claim):
        block = prover.part(held, prover.rules, others=[other])
        try:
            if prover.holds(block, [*held, other.id])[0]:
                verb = "rounds" if verdict == "rounded otherwise" else "is"
                return Explained(verdict, method, f"the figures that are kept allow it if it {verb} {method}")
        except UndecidedError:
            continue
    return None


def _readings(claim) -> Iterator[tuple]:
    """Yield other readings of a printed mean, SD or percentage: (verdict, method, claim)."""
    figure = claim.figures[0]
    if claim.kind == "mean":
        yield "rounded otherwise", "by truncation", replace(claim, interval=_truncated(figure))
        yield "reproduced by another method", "the median", replace(claim, kind="median")
    if claim.kind == "sd" and figure.denominator:
        wider = [end * Fraction(figure.denominator**0.5) for end in (claim.interval.low, claim.interval.high)]
        yield "reproduced by another method", "the standard error", replace(claim, interval=Interval(*wider))


def _truncated(figure: Figure) -> Interval:
    value, last = Fraction(figure.value), Fraction(1, 10**figure.decimals)
    return Interval(value, value + last, has_high=False) if value >= 0 else Interval(value - last, value, has_low=False)


def _number(case: Case) -> None:
    """Give conflicts and repairs their ids, in the order of the paper."""
    for k, (prover, proof, dispute) in enumerate(case.disputes, start=1):
        ids = []
        for core in dispute.cores:
            ids.append(f"C{len(case.conflicts) + 1}")
            figures = tuple(s.figures[0] for id in core.statements for s in proof.statements if s.id == id)
            variables = tuple(dict.fromkeys(f.variable for f in map(case.by_id.get, figures) if f.variable))
            why = _why(case, prover, proof, core.statements)
            case.conflicts.append(Conflict(id=ids[-1], figures=figures, variables=variables, rules=core.rules, why=why))
        for letter, repair in zip(ascii_lowercase, dispute.repairs, strict=False):
            follow = [id for id in repair if proof.support.get(id, frozenset()) & repair]
            name = f"R{k}" + (letter if len(dispute.repairs) > 1 else "")
            case.repairs.append(Repair(id=name, conflicts=tuple(ids), figures=case.figures_of(proof, repair),
                                       follow=case.figures_of(proof, follow)))  # fmt: skip


def _why(case: Case, prover: Prover | None, proof: Proof, core: Sequence[str]) -> str:
    """Say of a conflict what its other figures give for one of them."""
    known = {s.id: s for s in proof.statements}
    if len(core) == 1 and (nearest := unprintable(known[core[0]].claims[0])):
        return f"{case.words(core)}: {nearest}"
    # Of a P value, what the test gives; else of the figure that is blamed.
    for id in (
        sorted(core, key=lambda id: (known[id].claims[0].kind != "test", id not in case.blamed)) if prover else ()
    ):
        others = case.words([known[other].figures[0] for other in core if other != id], most=6)
        asked = case.words(known[id].figures[:1])
        if given := _given(case, prover, known[id], core):
            return f"{others}: these {given}, not {asked}"
    return f"cannot hold together: {case.words([known[id].figures[0] for id in core], most=6)}"


def _given(case: Case, prover: Prover, statement: Statement, held: Collection[str]) -> str:
    """Say what other statements give for one; an empty text where that cannot be told."""
    from cohortbook.which_test import WORDS, which_tests

    if statement.claims[0].kind == "test":
        # All but the figures held; the sizes of the groups stay known.
        out = {figure for other, proof in case.proven if other for s in proof.statements if s.id not in held
               for figure in s.figures}  # fmt: skip
        rows = which_tests(case.study, case.figures, out=out | set(statement.figures), only={statement.figures[0]})
        stated = [t for t in rows if t.stated and not t.coding]
        if any(t.prints == "undefined" for t in stated):
            return "leave nothing to test, as everybody is alike"
        words = [f"{between(t.low, t.high)} by {WORDS.get(t.test, t.test)}" for t in stated if t.low == t.low]
        return f"give P {' or '.join(words)}" if words else ""
    ends = prover.limits(statement.id, held)
    if ends is None:
        return ""
    if statement.claims[0].kind == "value":
        return "leave something else" if not ends[1] else ""
    return f"leave {span(*ends, statement.claims[0])}"


def _consequences(case: Case) -> Iterator[Consequence]:
    """Yield what each repair does to the P values that some repair gives up."""
    from cohortbook.which_test import WORDS, which_tests

    names = iter(case.repairs)
    for _, proof, dispute in case.disputes:
        tested = [s for s in proof.statements if s.id in dispute.disputed and s.claims[0].kind == "test"]
        for repair, name in zip(dispute.repairs[: len(ascii_lowercase)], names, strict=False):
            out = case.out(without=dispute) | set(case.figures_of(proof, repair))
            for id in (figure for s in tested for figure in s.figures):
                figure = case.by_id[id]
                rows = which_tests(case.study, case.figures, out=out, only={id})
                stated = [t for t in rows if t.figure == id and t.stated and not t.coding]
                low, high = float(figure.interval.low), float(figure.interval.high)
                if id in out:
                    low, high = min(t.low for t in stated), max(t.high for t in stated)
                crosses = tuple(t for t in thresholds(case.study) if _crosses(figure, low, high, t))
                test = " or ".join(WORDS.get(t.test, t.test) for t in stated)
                yield Consequence(
                    repair=name.id, figure=id, printed=figure.value, low=low, high=high, test=test, crosses=crosses
                )


def _crosses(figure: Figure, low: float, high: float, threshold: float) -> bool:
    if low != low:
        return False
    sides = {float(end) < threshold for end in (figure.interval.low, figure.interval.high)}
    return len(sides) == 1 and sides != {low < threshold, high < threshold}


def _verdicts(case: Case, tests: Sequence[PrintedTest]) -> Iterator[Verdict]:
    """Yield one verdict a printed figure, in their order."""
    given: dict[str, Verdict] = {}
    for prover, proof in case.proven:
        for verdict in _of_proof(case, prover, proof, tests):
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
    return Verdict(figure=figure, verdict="not decided", reason=unstated(case.study, figure) or "nothing states it")


def _of_proof(case: Case, prover: Prover | None, proof: Proof, tests: Sequence[PrintedTest]) -> Iterator[Verdict]:
    """Yield the verdicts on the figures of one block."""
    follows, undecided = _followed(case, prover, proof)
    for statement in proof.statements:
        for id in statement.figures:
            figure = case.by_id[id]
            conflicts = tuple(c.id for c in case.conflicts if statement.figures[0] in c.figures)
            if not proof.decided or statement.id in undecided:
                yield Verdict(figure=figure, verdict="not decided", reason="the search reached its limit")
            elif statement.id in case.blamed:
                yield _against_the_paper(case, prover, statement, figure, conflicts)
            elif statement.claims[0].kind == "model" and case.model:
                yield _of_model(case.model, figure)
            elif statement.id in follows:
                yield _follows(case, proof, statement, figure, follows[statement.id], tests)
            else:
                yield _compatible(case, statement, figure, tests)


def _followed(case: Case, prover: Prover | None, proof: Proof) -> tuple[dict[str, tuple[str, ...]], frozenset[str]]:
    blamed = {s.id for s in proof.statements} & case.blamed
    if prover is None:
        right = [s for s in proof.statements if s.id not in blamed]
        return {s.id: tuple(o.id for o in right if o is not s) for s in right
                if len(s.figures) > 1 or len(right) > 1}, frozenset()  # fmt: skip
    return prover.following(blamed) if proof.decided else ({}, frozenset())


def _against_the_paper(
    case: Case, prover: Prover | None, statement: Statement, figure: Figure, conflicts: tuple[str, ...]
) -> Verdict:
    found = case.explained.get(statement.id)
    ends = prover.limits(statement.id, _kept(case, prover, statement)) if prover else None
    claim = replace(statement.claims[0], figures=(figure,))
    recomputed = span(*ends, claim) if ends and claim.kind != "value" else ""
    if found:
        return Verdict(figure=figure, verdict=found.verdict, recomputed=recomputed, method=found.method,
                       conflicts=conflicts, reason=found.reason)  # fmt: skip
    first = next((c.why for c in case.conflicts if c.id in conflicts), "")
    return Verdict(figure=figure, verdict="contradicted", recomputed=recomputed, conflicts=conflicts, reason=first)


def _kept(case: Case, prover: Prover, statement: Statement) -> list[str]:
    """Return the statements that the first repair that gives up this one keeps."""
    mine = next(proof for other, proof in case.proven if other is prover)
    given_up = {
        id for dispute in mine.disputes
        for id in next((r for r in dispute.repairs if statement.id in r), case.chosen(dispute))
    }  # fmt: skip
    return [id for id in prover.known if id not in given_up]


def _follows(
    case: Case, proof: Proof, statement: Statement, figure: Figure, source: Sequence[str], tests: Sequence[PrintedTest]
) -> Verdict:
    known = {s.id: s for s in proof.statements}
    twins = [id for id in statement.figures if id != figure.id]
    other = next((c for c in case.checks if c.kind == "rounding" and c.holds and c.figures[0] == figure.id), None)
    claim = statement.claims[0]
    recomputed = ""
    if claim.kind in ("count", "mean") and claim.interval.low == claim.interval.high:
        recomputed = span(claim.interval.low, claim.interval.high, replace(claim, figures=(figure,)))
    if other:
        return Verdict(figure=figure, verdict="rounded otherwise", recomputed=recomputed, method=other.method,
                       reason=other.reason)  # fmt: skip
    if statement.test:
        source, twins = [id for id in source if id != statement.id], []
    words = case.words(twins, 2) if twins else case.words([known[id].figures[0] for id in source], 3)
    reason = f"the same as {words}" if twins else f"follows from {words}"
    return Verdict(figure=figure, verdict="reproduced", recomputed=recomputed, method=_stated(figure, tests),
                   reason=reason)  # fmt: skip


def _compatible(case: Case, statement: Statement, figure: Figure, tests: Sequence[PrintedTest]) -> Verdict:
    reason = "patients can be found who print it, and others who print all but it"
    return Verdict(figure=figure, verdict="compatible", method=_stated(figure, tests), reason=reason)


def _of_model(model: PrintedModel, figure: Figure) -> Verdict:
    """Judge what a printed model says by the joint counts under which it comes out."""
    if not model.tables:
        return Verdict(figure=figure, verdict="not decided", reason=model.reason or "no joint counts print the model")
    method = f"{model.readings[0].method}, {model.readings[0].limit}"
    every = len(model.tables) == model.possible
    reason = f"{len(model.tables):,} of {model.possible:,} joint counts that all other figures leave print the model"
    return Verdict(figure=figure, verdict="reproduced" if every else "compatible", method=method, reason=reason)


def _stated(figure: Figure, tests: Sequence[PrintedTest]) -> str:
    """Return the stated test that prints a P value."""
    from cohortbook.which_test import WORDS

    found = [t for t in tests if t.figure == figure.id and t.stated and t.prints in ("always", "sometimes")]
    return " or ".join(WORDS.get(t.test, t.test) for t in found if not t.coding)


@command
def main(arguments: Sequence[str] | None = None) -> None:
    """Audit the printed figures of a study and print the verdicts that are against it."""
    from cohortbook.progress import Progress

    parser = argparse.ArgumentParser(prog="python -m cohortbook.audit", description=main.__doc__)
    parser.add_argument("study", nargs="?", default="spinal-metastases", help="a study's folder, file or name")
    study = load_study(parser.parse_args(arguments).study)
    with Progress(None, "audit") as bar:
        audit = audit_study(study, step=bar.step)
    print("; ".join(f"{n} {verdict}" for verdict, n in audit.counts.items() if n))
    for v in audit.verdicts:
        if v.verdict not in ("reproduced", "compatible", "not checkable"):
            print(f"{in_words(study, v.figure)}: {v.verdict}{f' ({v.method})' if v.method else ''}: {v.reason}")


if __name__ == "__main__":
    raise SystemExit(main())
