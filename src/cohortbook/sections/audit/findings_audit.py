"""Findings of the audit in words; `finding` of `cohortbook.display.findings` learns them here."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from cohortbook.display.findings import listed, several
from cohortbook.display.paragraph import Text
from cohortbook.display.style import general
from cohortbook.sections.audit.findings_printed_audit import (
    MOST,
    endings,
    finding,
    joined,
    printing,
    range_finding,
    selection,
    sentence,
    separation,
)
from cohortbook.sections.audit.layouts_audit import given_up, numbers, stays
from cohortbook.sections.audit.layouts_printed_audit import p_span
from printcheck.audit.audit_words import in_words
from printcheck.audit.candidate_tests import PrintedTest
from printcheck.audit.checks import Check
from printcheck.audit.verdicts import Audit, Conflict, Consequence, Repair, Verdict
from printcheck.printed.published import Figure

__all__ = ["audit_findings", "finding", "range_finding"]

#: The order in which findings are told, by their consequence.
CONCLUSION, CONTRADICTION, METHOD, CLAIM, OPEN = range(5)
#: Kinds of checks that no conflict tells.
CLAIMS = ("threshold", "comparisons", "expected_counts")
OTHERWISE = ("reproduced by another method", "rounded otherwise")


@finding.register
def _(result: Audit, *, significance: float = 0.05) -> Text:
    """Say in two or three sentences what the audit found."""
    counts = result.counts
    checked = len(result.verdicts) - counts["not checkable"]
    if not result.verdicts:
        return Text("No figure is printed.")
    every = len(result.verdicts)
    text = f"Of {several(every, 'printed figure')}, {'all' if checked == every else checked} can be checked. "
    n = counts["contradicted"]
    if n:
        ways = several(len(result.conflicts), "conflict") if result.conflicts else "by arithmetic"
        text += f"**{_are(n)} contradicted by others** ({ways})"
    else:
        text += "Nothing that is printed contradicts anything else" + (
            " as far as it was decided" * (counts["not decided"] > 0)
        )
    follow = f"{counts['reproduced']} {'follows' if counts['reproduced'] == 1 else 'follow'} from other figures"
    text += f": {follow}, {_are(counts['compatible'])} compatible with them"
    for verdict in ("reproduced by another method", "rounded otherwise"):
        if counts[verdict]:
            text += f", {_are(counts[verdict])} {verdict}"
    text += f", {counts['not decided']} could not be decided." if counts["not decided"] else "."
    crossing = list(dict.fromkeys(c.figure for c in result.consequences if c.crosses))
    if crossing:
        words = [in_words(result.study, result.figure(id)) for id in crossing]
        text += f" How a conflict is settled decides on which side of a threshold P lies: {_counted(words)}."
    return Text(text)


def _are(n: int) -> str:
    return f"{n} {'is' if n == 1 else 'are'}"


def audit_findings(audit: Audit) -> Text:
    """Say every finding in a few sentences, numbered, in the order of its consequence.

    Parameters
    ----------
    audit : Audit

    Returns
    -------
    Text
        First what changes a conclusion or crosses a threshold; then contradictions; then other methods and other rounding;
        then claims of significance, and tests that lean on small expected counts; last what was not decided.
    """
    found = [*_of_conflicts(audit), *_of_methods(audit), *_of_models(audit), *_of_checks(audit), *_undecided(audit)]
    if not found:
        return Text(
            "Nothing that is printed contradicts anything else, and no test or claim of significance calls for a remark."
        )
    told = [text for _, text in sorted(found, key=lambda ranked: ranked[0])]
    return Text("\n".join(f"{number}. {text}" for number, text in enumerate(told, 1)))


def _of_conflicts(audit: Audit) -> Iterator[tuple[int, str]]:
    """Tell conflicts that the same repairs settle together."""
    told: set[str] = set()
    for ids, same in itertools.groupby(audit.repairs, key=lambda repair: repair.conflicts):
        told.update(ids)
        yield _conflict(audit, [c for c in audit.conflicts if c.id in ids], list(same))
    for conflict in audit.conflicts:
        if conflict.id not in told:
            yield _conflict(audit, [conflict], [])


def _conflict(audit: Audit, conflicts: Sequence[Conflict], repairs: Sequence[Repair]) -> tuple[int, str]:
    inside = {id for conflict in conflicts for id in conflict.figures}
    names = numbers([c.id for c in conflicts])
    mine = [v for v in audit.verdicts if v.figure.id in inside or {c.id for c in conflicts} & set(v.conflicts)]
    blamed = [v for v in mine if v.verdict == "contradicted"]
    other = [v for v in mine if v.verdict in OTHERWISE]
    changed = [c for c in audit.consequences if c.repair in {r.id for r in repairs}]
    rank = CONCLUSION if any(c.crosses for c in changed) else CONTRADICTION if blamed or not other else METHOD
    if other and not blamed:
        return rank, joined([*(_otherwise(audit, v, names) for v in other), _effect(audit, repairs, changed)])
    many = len(blamed) != 1
    words = _counted(
        [in_words(audit.study, v.figure) for v in blamed]
        or [in_words(audit.study, audit.figure(id)) for id in conflicts[0].figures]
    )
    lone = next((c for c in audit.checks if c.kind == "undefined_test" and c.figures[0] in inside), None)
    why = _bare(lone.reason, audit.figure(lone.figures[0])) if lone else conflicts[0].why
    shared = _shared(audit, blamed) or f"{words}:"
    head = f"**{shared} {'cannot all be true' if many else 'contradicted by other figures'} ({names}).**"
    also = [sentence(f"{in_words(audit.study, v.figure)}: {_bare(v.reason, v.figure)}") for v in other]
    return rank, joined([head, sentence(why), *also, _effect(audit, repairs, changed), _remedy(audit, repairs)])


def _shared(audit: Audit, verdicts: Sequence[Verdict]) -> str:
    """Say several figures of one variable together, by where they stand; nothing where they are of several."""
    variables = {v.figure.variable for v in verdicts}
    if len(verdicts) <= MOST or len(variables) > 1:
        return ""
    sources = list(dict.fromkeys(v.figure.source for v in verdicts))
    return f"{_label(audit, verdicts[0].figure.id)}: {len(verdicts)} figures of {listed(sources)}"


def _bare(reason: str, figure: Figure) -> str:
    """Leave out of a reason the name of its figure, which stands before it."""
    name, found, why = reason.partition("): ")
    return why if found and name.startswith(f"{figure.source}: {figure.value}") else reason


def _counted(words: Sequence[str]) -> str:
    """Join figures in words, the first few by name."""
    more = f"; and {len(words) - MOST} more" if len(words) > MOST else ""
    return "; ".join(words[:MOST]) + more


def _remedy(audit: Audit, repairs: Sequence[Repair]) -> str:
    """Say what would settle a conflict."""
    if not repairs:
        return ""
    if len(repairs) == 1:
        return f"All others can hold together without {given_up(audit, repairs[0], MOST)}."
    ways = [f"\n   - {repair.id}: {given_up(audit, repair, 2 * MOST)}" for repair in repairs[: 2 * MOST]]
    more = f"\n   - and {len(repairs) - 2 * MOST} more ways" if len(repairs) > 2 * MOST else ""
    return f"Give up any one of these, and all others can hold together:{''.join(ways)}{more}"


def _effect(audit: Audit, repairs: Sequence[Repair], changed: Sequence[Consequence]) -> str:
    """Say what the repairs do to the printed P values."""
    by_id = {repair.id: repair for repair in repairs}
    parts = []
    for id in dict.fromkeys(c.figure for c in changed):
        mine = [c for c in changed if c.figure == id]
        kept = [c.repair for c in mine if stays(audit, by_id[c.repair], c)]
        moved = [c for c in mine if c.repair not in kept and c.low == c.low]
        if not moved:
            continue
        ends = (
            _alike({c.repair: p_span(c.low, c.high) for c in moved})
            if len(repairs) > 1
            else p_span(moved[0].low, moved[0].high)
        )
        text = f"P of {_label(audit, id)} by {moved[0].test}, printed {mine[0].printed}, would be {ends}"
        crossed = sorted({t for c in moved for t in c.crosses})
        text += f", across {listed([general(t) for t in crossed])}" if crossed else ", on the same side of every threshold"
        parts.append(text + (f"; after {numbers(kept)} it stays as printed" if kept else ""))
    return sentence("; ".join(parts[:MOST]) + (f"; and so on for {len(parts) - MOST} more" if len(parts) > MOST else ""))


def _alike(values: dict[str, str]) -> str:
    """Say values of repairs, those that are alike together: 0.02 after R1a and R1b."""
    by_value: dict[str, list[str]] = {}
    for id, value in values.items():
        by_value.setdefault(value, []).append(id)
    return listed([f"{value} after {numbers(ids)}" for value, ids in by_value.items()][: MOST + 1])


def _label(audit: Audit, id: str) -> str:
    figure = audit.figure(id)
    return audit.study.label(figure.variable) if figure.variable in audit.study.names else figure.variable


def _otherwise(audit: Audit, verdict: Verdict, names: str = "") -> str:
    """Say how a figure came about that the stated method does not print."""
    how = "; ".join(filter(None, [verdict.method, names]))
    return (
        f"**{in_words(audit.study, verdict.figure)}: {verdict.verdict}{f' ({how})' if how else ''}.** "
        f"{sentence(_bare(verdict.reason, verdict.figure))}{_given(verdict)}"
    )


def _given(verdict: Verdict) -> str:
    """Say what the other figures give, where neither the reason nor, of a P value, its repairs do."""
    told = verdict.verdict == "rounded otherwise" or verdict.figure.statistic == "p"
    told = told or verdict.recomputed in verdict.reason
    return "" if told else f" The other figures give {verdict.recomputed}."


def _of_methods(audit: Audit) -> Iterator[tuple[int, str]]:
    """Tell what another method or another rounding prints, where no conflict told it; the same method once."""
    told = {id for conflict in audit.conflicts for id in conflict.figures}
    alike: dict[tuple[str, str], list[Verdict]] = {}
    for v in audit.verdicts:
        if v.verdict in OTHERWISE and not v.conflicts and v.figure.id not in told:
            alike.setdefault((v.verdict, v.method), []).append(v)
    for first, *others in alike.values():
        so = f" So too: {_counted([in_words(audit.study, v.figure) for v in others])}." if others else ""
        yield METHOD, _otherwise(audit, first) + so


def _of_models(audit: Audit) -> Iterator[tuple[int, str]]:
    for model in audit.models:
        if model.reason:
            continue
        text = joined([separation(model) or ("" if model.tables else printing(model)), selection(model)])
        hangs = len(endings(model)) > 1
        if text and (hangs or model.separated_in_some or not model.tables):
            yield (CONCLUSION if hangs else METHOD if model.tables else CONTRADICTION), text


def _of_checks(audit: Audit) -> Iterator[tuple[int, str]]:
    """Tell claims of significance and small expected counts, and whatever no conflict told."""
    told = {id for conflict in audit.conflicts for id in conflict.figures}
    told |= {v.figure.id for v in audit.verdicts if v.verdict in OTHERWISE}
    claims: dict[str, list[str]] = {}
    for check in audit.checks:
        figure = audit.figure(check.figures[0])
        if check.kind == "threshold":
            claims.setdefault(_bare(check.reason, figure), []).append(in_words(audit.study, figure))
        elif check.kind not in CLAIMS and check.holds is not True and not told & set(check.figures):
            remark = "contradicted by arithmetic" if check.holds is False else "to be asked about"
            text = f"**{in_words(audit.study, figure)}: {remark}.** {sentence(_bare(check.reason, figure))}"
            yield (CONTRADICTION if check.holds is False else CLAIM), text
    for why, words in claims.items():
        yield CLAIM, f"**{'; '.join(words)}: {why}.**"
    yield from ((CLAIM, sentence(c.reason)) for c in audit.checks if c.kind == "comparisons")
    small = [c for c in audit.checks if c.kind == "expected_counts"]
    turned = [c for c in small if _exact_turns(audit, c)]
    for rank, some in ((CONCLUSION, turned), (CLAIM, [c for c in small if c not in turned])):
        if some:
            yield rank, _small(audit, some, turned=rank == CONCLUSION)


def _small(audit: Audit, checks: Sequence[Check], *, turned: bool) -> str:
    """Say which chi-square tests lean on few patients, and what the exact test gives."""
    lean = f"{several(len(checks), 'P value')} {'leans' if len(checks) == 1 else 'lean'} on a chi-square that expects"
    text = f"**{lean} fewer than 5 {audit.study.units} in a cell"
    text += ", and the exact test ends on the other side of a threshold.**" if turned else ".**"
    exact = [
        f"{_label(audit, c.figures[0])} {_exact(audit, c)} ({audit.figure(c.figures[0]).value} is printed)"
        for c in checks
        if c.recomputed
    ]
    without = [_label(audit, c.figures[0]) for c in checks if not c.recomputed]
    text += f" Fisher's exact test gives: {'; '.join(exact)}." if exact else ""
    return text + (f" So too: {listed(without)}." if without else "")


def _fisher(audit: Audit, id: str) -> list[PrintedTest]:
    return [t for t in audit.tests if t.figure == id and t.test == "fisher_exact" and not t.coding and t.low == t.low]


def _exact(audit: Audit, check: Check) -> str:
    """Return P of Fisher's exact test, from the tests where it is among them."""
    found = _fisher(audit, check.figures[0])
    return p_span(found[0].low, found[0].high) if found else check.recomputed


def _exact_turns(audit: Audit, check: Check) -> bool:
    """Say whether Fisher's exact test puts P on the other side of a threshold than what is printed."""
    figure = audit.figure(check.figures[0])
    return any(_turned(figure, t.low, t.high, limit) for t in _fisher(audit, figure.id) for limit in audit.thresholds)


def _turned(figure: Figure, low: float, high: float, limit: float) -> bool:
    printed = {float(end) < limit for end in (figure.interval.low, figure.interval.high)}
    return len(printed) == 1 and {low < limit, high < limit} == {not printed.copy().pop()}


def _undecided(audit: Audit) -> Iterator[tuple[int, str]]:
    n = audit.counts["not decided"]
    if n:
        yield (OPEN, f"{several(n, 'figure')} could not be decided; nothing is said of {'it' if n == 1 else 'them'} here.")
