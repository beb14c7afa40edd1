"""Why printed figures cannot stand, and how they may have come about: other rounding, other tests, other summaries."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from string import ascii_lowercase

from cohortbook.audit_case import Case, Explained
from cohortbook.audit_words import between, span, unprintable
from cohortbook.prover import Prover, UndecidedError
from cohortbook.published import Figure, Interval
from cohortbook.statements import Proof, Statement
from cohortbook.verdicts import Conflict, Repair


def explain(case: Case) -> None:
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


def number(case: Case) -> None:
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
