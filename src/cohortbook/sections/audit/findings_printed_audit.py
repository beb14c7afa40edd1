"""Findings of printed regression tables, and of what the printed figures leave open, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from cohortbook.display.findings import listed, several
from cohortbook.display.paragraph import Text
from cohortbook.display.style import general
from cohortbook.sections.audit.layouts_audit import is_p, range_shown
from cohortbook.sections.audit.layouts_printed_audit import p_span, printed_terms
from cohortbook.sections.audit.undetermined import Range
from cohortbook.sections.missing.findings_missing import finding
from cohortbook.sections.model.layouts_models import removal_in_words
from printcheck.audit.printed_model import PrintedModel
from tallystats.results import NotPlanned
from tallystats.tolerance import below

#: So many of a kind are named, the others counted.
MOST = 3


def sentence(text: str) -> str:
    """Make a sentence of a reason."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}" if text else ""


def joined(parts: Iterable[str]) -> str:
    """Join sentences, those that are empty left out."""
    return " ".join(part for part in parts if part)


@finding.register
def _(result: PrintedModel, *, significance: float = 0.05) -> Text:
    """Say what prints the model, whether its estimates exist, and whether the conclusion hangs on the method."""
    if result.reason:
        return Text(sentence(result.reason))
    return Text(joined([printing(result), separation(result), selection(result), _penalised(result, significance)]))


def printing(model: PrintedModel) -> str:
    """Say which methods print the table, and in how many joint tables."""
    where = listed(model.sources)
    good = sorted((r for r in model.readings if r.tables), key=lambda r: not r.together)
    if not good:
        elsewhere = "" if any(r.searched for r in model.readings) else f", nor for any of the {model.searched} with its margins"
        return (
            f"No method that was tried prints {where} for any of the {model.possible} joint tables of its terms that the "
            f"other figures leave{elsewhere}."
        )
    ways = [
        f"{r.method}{'' if r.together else ', each term alone'}{f', {r.limit}' if r.limit else ''} "
        f"(in {r.tables} of {model.possible})"
        for r in good[: MOST + 1]
    ]
    more = f"; and {several(len(good) - MOST - 1, 'further way')}" if len(good) > MOST + 1 else ""
    unsure = "" if model.decided else " Which joint tables the other figures leave was not fully decided."
    return f"{where} is printed, in joint tables that the other figures leave, by {'; by '.join(ways)}{more}.{unsure}"


def separation(model: PrintedModel) -> str:
    """Say which estimates do not exist, and what their printed P shows then; nothing where all exist."""
    if not model.separated_in_some:
        return ""
    always = [model.labels[t] for t in model.separated_in_all]
    some = [model.labels[t] for t in model.separated_in_some if t not in model.separated_in_all]
    where = listed(model.sources)
    if not always:
        return f"In some joint tables that print {where} the estimate of {listed(some)} would be infinite."
    tables = (
        f"in each of the {len(model.tables)} joint tables that print it"
        if len(model.tables) > 1
        else "in the one joint table that prints it"
    )
    text = f"**{where}: the estimate of {listed(always)} does not exist** (the data separate {tables})"
    if model.limits:
        limits = f"{model.limits[0]} to {model.limits[-1]}" if len(model.limits) > 1 else f"{model.limits[0]}"
        text += f"; its printed P shows only where the program stopped ({limits} steps)"
    text += f"; in some tables {listed(some)} is infinite too" if some else ""
    return f"{text}."


def endings(model: PrintedModel) -> set[tuple[str, ...]]:
    """Return every list of terms with which a selection ends."""
    return {terms for ends in model.selections.values() for terms in ends}


def selection(model: PrintedModel) -> str:
    """Say where the stated selection ends under each test for removal."""
    if not model.selections:
        return ""
    by_ways: dict[str, list[str]] = {}
    for test, ends in model.selections.items():
        ways = [
            f"{listed([model.labels[t] for t in terms]) or 'nothing'}"
            + (f" (in {n} of {model.followed})" if len(ends) > 1 else "")
            for terms, n in ends.items()
        ]
        by_ways.setdefault(" or ".join(ways), []).append(removal_in_words(test))
    parts = [f"with {ways} where removal is by {' or '.join(tests)}" for ways, tests in by_ways.items()]
    ended = endings(model)
    shown = printed_terms(model)
    if len(ended) == 1:
        kept = listed([model.labels[t] for t in next(iter(ended))]) or "nothing"
        same = ", as printed" if ended == {shown} else ""
        return f"The stated selection ends with {kept} under every test for removal{same}."
    return f"The stated selection ends {'; '.join(parts)}: **the conclusion hangs on that choice.**"


def _penalised(model: PrintedModel, significance: float) -> str:
    """Say what Firth's method makes of the terms."""
    known = {t: ends for t, ends in model.firth_range.items() if ends[0] == ends[0]}
    if not known:
        return ""
    parts = [f"{model.labels[t]} {p_span(*ends)}" for t, ends in known.items()]
    clear = [model.labels[t] for t, (_, high) in known.items() if below(high, significance)]
    split = [model.labels[t] for t, (low, high) in known.items() if below(low, significance) and not below(high, significance)]
    text = f"Firth's method, which always has estimates, gives P of {listed(parts)}: {listed(clear) or 'none'} below "
    text += f"{general(significance)} in all of these tables"
    return text + (f", {listed(split)} in some." if split else ".")


@finding.register
def _(result: tuple, *, significance: float = 0.05) -> Text:
    """Say what regression tables show, one after another, or what ranges do."""
    if not result:
        return Text("No regression table is printed.")
    if isinstance(result[0], PrintedModel):
        return Text("\n\n".join(str(finding(model, significance=significance)) for model in result))
    return range_finding(result)


def range_finding(ranges: Sequence[Range] | NotPlanned) -> Text:
    """Say which conclusions the printed figures leave open, and which they determine."""
    if isinstance(ranges, NotPlanned):
        return Text(ranges.reason)
    known = [r for r in ranges if r.low == r.low]
    if not known:
        return Text("No result is defined in the cohorts that were drawn.")
    real, assumed = [r for r in known if not r.rests_on_assumed], [r for r in known if r.rests_on_assumed]

    def shown(some: Iterable[Range]) -> str:
        return listed([f"{r.label} ({r.set}{': ' * bool(r.set)}{range_shown(r)})" for r in some])

    text = _split(real, shown) if real else ""
    if assumed:
        text += f" *Illustration, not a finding, as it rests on assumed values:* {shown(assumed)}."
    return Text(text.strip())


def _split(ranges: Sequence[Range], shown: Callable[[Iterable[Range]], str]) -> str:
    """Tell results that cross a threshold, that stay on one side, that vary, and that are the same in all cohorts."""
    crossing = [r for r in ranges if r.crosses]
    loose = [r for r in ranges if not r.determined and not r.crosses]
    same_side, varying = [r for r in loose if is_p(r)], [r for r in loose if not is_p(r)]
    fixed = [r for r in ranges if r.determined]
    n = max(r.n for r in ranges)
    parts = []
    if crossing:
        parts.append(f"**What is printed does not determine on which side of its threshold P lies: {shown(crossing)}.**")
    elif any(map(is_p, ranges)):
        parts.append(f"No P value crosses its threshold in the {n} cohorts that were drawn.")
    if same_side:
        parts.append(f"P varies, but on one side of its threshold in all cohorts that were drawn: {shown(same_side)}.")
    if varying:
        parts.append(f"Not determined{' either' if crossing else ''}: {shown(varying)}.")
    parts.append(f"The same in all: {shown(fixed)}." if fixed else "Nothing is the same in all cohorts.")
    return " ".join(parts)
