"""Why printed figures cannot stand, and how they may have come about: other rounding, other tests, other summaries."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from string import ascii_lowercase

from printcheck.audit.audit_case import Case, Explained
from printcheck.audit.audit_words import STATISTICS, between, counted, digits, instead, span, unprintable
from printcheck.audit.candidate_tests import PrintedTest
from printcheck.audit.verdicts import Conflict, Repair
from printcheck.printed.published import Figure, sure
from printcheck.proof.prover import Prover, UndecidedError
from printcheck.proof.statements import Core, Dispute, Proof, Statement
from tallystats.interval import Interval
from tallystats.registry import words_of


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
    out = {figure for s in prover.statements if s.id in repair for figure in s.figures}
    rows = case.asked(statement.figures[0], out)
    stated = [t for t in rows if t.stated and not t.coding]
    found = [t for t in rows if t.prints in ("always", "sometimes") and not (t.stated and not t.coding)]
    if not found or any(t.prints not in ("never", "undefined") for t in stated):
        return None
    # What prints it whatever the patients; then the stated tests of another coding; then what says most.
    usual = [t.test for t in stated]
    best = min(found, key=lambda t: (t.prints != "always", t.test not in usual, bool(t.coding), sure(_width(t))))
    method = words_of(best.test) + (f" of {best.coding}" if best.coding else "")
    verb = "prints it" if best.prints == "always" else "can print it"
    return Explained("reproduced by another method", method, f"{_by_stated(stated)}; {method} {verb}")


def _width(test: PrintedTest) -> float:
    return test.high - test.low if test.low == test.low else 1.0


def _by_stated(stated: Sequence[PrintedTest]) -> str:
    """Say what the stated tests give."""
    said = [(words_of(t.test), t) for t in stated]
    if any(t.low != t.low for t in stated):
        return f"{' or '.join(words for words, _ in said)} cannot print it"
    return " and ".join(f"{words} gives {between(t.low, t.high)}" for words, t in said)


def _other_summary(case: Case, prover: Prover, statement: Statement, repair: frozenset[str]) -> Explained | None:
    """Ask whether the figures that are kept allow the printed number as another summary, or rounded by truncation."""
    held = [id for id in prover.known if id not in repair]
    claim = statement.claims[0]
    for verdict, method, other in _readings(claim):
        block = prover.part(held, prover.rules, others=[other])
        try:
            if not prover.holds(block, [*held, other.id])[0]:
                continue
            sure = not prover.holds(block, held, denied=other.id)[0]
        except UndecidedError:
            continue
        ends = prover.limits(statement.id, held)
        would = f"as a {STATISTICS[claim.kind]} it would be {span(*ends, claim)}; " if ends else ""
        if verdict == "rounded otherwise":
            return Explained(verdict, method, f"{would}cut off after the last digit it is {digits(claim.figures[0])}")
        verb = "is" if sure else "can be"
        return Explained(verdict, method, f"{would}{method} {verb} {digits(claim.figures[0])}")
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
        for core in _telling(case, proof, dispute):
            ids.append(f"C{len(case.conflicts) + 1}")
            figures = tuple(s.figures[0] for id in core.statements for s in proof.statements if s.id == id)
            variables = tuple(dict.fromkeys(f.variable for f in map(case.by_id.get, figures) if f.variable))
            why = _why(case, prover, proof, dispute, core.statements)
            case.conflicts.append(Conflict(id=ids[-1], figures=figures, variables=variables, rules=core.rules, why=why))
        for letter, repair in zip(ascii_lowercase, dispute.repairs, strict=False):
            follow = [id for id in repair if proof.support.get(id, frozenset()) & repair]
            name = f"R{k}" + (letter if len(dispute.repairs) > 1 else "")
            case.repairs.append(
                Repair(
                    id=name, conflicts=tuple(ids), figures=case.figures_of(proof, repair), follow=case.figures_of(proof, follow)
                )
            )


def _telling(case: Case, proof: Proof, dispute: Dispute) -> list[Core]:
    """Return as few conflicts as hold all that is disputed: what is held against its own groups first, then the shortest."""
    left, told, known = set(dispute.disputed), [], {s.id: s for s in proof.statements}

    def worth(core: Core) -> tuple:
        parts = [known[id].claims[0] for id in core.statements]
        own = any(test.kind == "test" and all(test.by in c.where for c in parts if c is not test) for test in parts)
        return (-len(left.intersection(core.statements)), not own, len(parts))

    while left:
        told.append(min(dispute.cores, key=worth))
        left -= set(told[-1].statements)
    return [core for core in dispute.cores if core in told]


def _why(case: Case, prover: Prover | None, proof: Proof, dispute: Dispute, core: Sequence[str]) -> str:
    """Say of a conflict what its other figures give for one of them."""
    known = {s.id: s for s in proof.statements}

    def said(ids: Collection[str]) -> str:
        return case.words([known[id].figures[0] for id in known if id in ids], most=6)

    if len(core) == 1 and (nearest := unprintable(known[core[0]].claims[0])):
        return f"{said(core)}: {nearest}"
    # Of a P value, what the test gives from all that is printed of the groups; else of the figure that is blamed.
    order = sorted(core, key=lambda id: (known[id].claims[0].kind != "test", id not in case.blamed)) if prover else ()
    for id in order:
        others = set(core) - {id}
        for held in dict.fromkeys([frozenset(others | _of_groups(proof, known[id]) - dispute.disputed), frozenset(others)]):
            if given := _given(case, prover, proof, known[id], held):
                return f"{said(held)}: {given}"
    return f"{said(core)}: these cannot hold together"


def _of_groups(proof: Proof, statement: Statement) -> set[str]:
    """Return what else is printed of the groups that a test compares."""
    test = statement.claims[0]
    if test.kind != "test":
        return set()
    return {s.id for s in proof.statements if s.claims[0].variables == test.variables and test.by in s.claims[0].where}


def _given(case: Case, prover: Prover, proof: Proof, statement: Statement, held: Collection[str]) -> str:
    """Say what other statements give instead of one; an empty text where that cannot be told."""
    claim, (this, s) = statement.claims[0], ("this", "s") if len(held) == 1 else ("these", "")
    printed = instead(case.study, case.by_id[statement.figures[0]])
    if claim.kind == "test":
        given = _p_values(case, proof, statement, held)
        if given == "":
            return f"{this} leave{s} everybody alike, so that there is no P of {printed}"
        return f"{this} give{s} P {given}, not {printed}" if given else ""
    ends = prover.limits(statement.id, held)
    if ends is None or (claim.kind == "value" and ends[1]):
        return ""
    if claim.kind == "value":
        return f"{this} leave{s} anything but {printed}"
    if ends[0] <= claim.interval.high and ends[1] >= claim.interval.low:
        return ""  # what is left lies on both sides
    return f"{this} leave{s} {counted(*ends, claim)}, not {printed}"


def _p_values(case: Case, proof: Proof, statement: Statement, held: Collection[str]) -> str | None:
    """Say what P the stated tests give from some statements; an empty text for none, None where that cannot be told."""
    out = {figure for s in proof.statements if s.id not in held for figure in s.figures}
    rows = case.asked(statement.figures[0], out, bounds=True)
    if any(t.prints == "undefined" for t in rows):
        return ""
    if any(t.low != t.low or t.prints not in ("never", "unknown") for t in rows):
        return None
    printed, words = statement.claims[0].interval, []
    for t in rows:
        if t.low <= printed.high and t.high >= printed.low:
            return None  # the bounds are too wide to say more
        words.append(f"{between(t.low, t.high)} by {words_of(t.test)}")
    return " or ".join(words) or None
