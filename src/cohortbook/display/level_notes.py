"""Footnotes that say where a method does not keep its level with so few events, and the table of all that was tried."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from cohortbook.display.tables import UNDEFINED, DisplayTable, Row, decimal
from tallystats.registry import BY_TITLE
from tallystats.results import listed
from tallystats.statistics.calibration import PATIENTS, Calibration, Kind, calibration_of, calibrations

#: How the table and the figure name a method, where not as results call it.
NAMES = {
    "clopper-pearson": "Clopper-Pearson",
    "wilson": "Wilson",
    "events over time at risk, exact Poisson interval": "exact Poisson interval",
}
#: How sentences name a method: an interval is that "of" it. What is not here is called as results call it.
_WORDS = {
    "clopper-pearson": "Clopper and Pearson",
    "events over time at risk, exact Poisson interval": "the rate (exact Poisson)",
    "conditional exact": "exact conditional odds ratios",
    "exact conditional interval": "the exact method",
    "exact conditional, mid-P interval": "the exact method (mid-P)",
    "exact conditional test": "the exact test",
    "exact conditional test, mid-P": "the exact test (mid-P)",
    "maximum likelihood, Wald interval": "Wald (maximum likelihood)",
    "maximum likelihood, profile interval": "the profile likelihood",
    "maximum likelihood, Wald's test": "Wald's test (maximum likelihood)",
    "maximum likelihood, score test": "the score test",
    "maximum likelihood, likelihood-ratio test": "the likelihood-ratio test",
    "Firth, profile interval": "Firth",
    "Firth, likelihood-ratio test": "Firth's test",
    "c-statistic, DeLong's interval": "the c-statistic (DeLong)",
    "Hosmer-Lemeshow": "Hosmer and Lemeshow's test",
    **{f"Kaplan-Meier, {scale} interval": f"Kaplan-Meier survival ({scale})" for scale in ("plain", "log", "log-log")},
    **{
        f"quantile of Kaplan-Meier, {scale} interval": f"Kaplan-Meier quantiles ({scale})"
        for scale in ("plain", "log", "log-log")
    },
    "Aalen-Johansen": "cumulative incidence",
    "restricted mean survival time, Wald interval": "the restricted mean",
    "log-rank": "the log-rank test",
    "log-rank, stratified": "the stratified log-rank test",
    "log-rank, trend": "the log-rank test for trend",
    "Gehan-Breslow": "the Gehan-Breslow test",
    "Tarone-Ware": "the Tarone-Ware test",
    "Peto-Peto": "the Peto-Peto test",
    "Fleming-Harrington": "the Fleming-Harrington test",
    "Gray": "Gray's test",
    "Cox, Wald interval": "Wald (Cox)",
    "Cox, Wald's test": "Wald's test (Cox)",
    "Cox, score test": "the score test (Cox)",
    "Cox, likelihood-ratio test": "the likelihood-ratio test (Cox)",
    "Schoenfeld's residuals": "the test of proportional hazards",
    "Firth's Cox, profile interval": "Firth (Cox)",
    "Firth's Cox, likelihood-ratio test": "Firth's test (Cox)",
    "Fine and Gray, Wald interval": "Fine and Gray",
    "Fine and Gray, Wald's test": "Fine and Gray's Wald test",
}
#: A method that bears two names, by kind.
_BOTH = {
    ("interval", "difference of restricted mean survival times, Wald"): "differences of restricted means",
    ("test", "difference of restricted mean survival times, Wald"): "the test of restricted means",
    ("interval", "pooled by Rubin's rules"): "pooled odds ratios",
    ("test", "pooled by Rubin's rules"): "the pooled test",
}
#: What of several truths or data one is told, by a part of its name.
_WITH = {
    "skewed": " with skewed numbers",
    "three levels": " of three levels",
    "three groups": " of three groups",
    "all of three": " of all terms",
}
#: A share of samples without a result from which it is told.
OFTEN = 0.05


def level_notes(methods: Iterable[tuple[Kind, str]], events: Any) -> Iterator[str]:
    """Yield a footnote on the methods that do not keep their level with about so many events.

    Parameters
    ----------
    methods : iterable of (kind, method)
        "test" or "interval", and what results call it; one that was not tried is passed over.
    events : float
        Events, or patients in the smaller of two groups. Nothing is said of a number that is hidden.
    """
    missed = list(missed_levels(methods, events))
    for number in dict.fromkeys(c.events for c in missed):
        told = "; ".join(clauses([c for c in missed if c.events == number]))
        yield f"Simulated with {number} events expected in {PATIENTS} patients (docs/calibration.md): {told}."


def missed_levels(methods: Iterable[tuple[Kind, str]], events: Any) -> Iterator[Calibration]:
    """Yield what is known of the methods that do not keep their level with about so many events, each once."""
    if not isinstance(events, int | float):
        return
    found = [calibration_of(method, events, kind=kind) for kind, method in dict.fromkeys(methods)]
    yield from dict.fromkeys(c for c in found if c and not c.kept)


def clauses(missed: list[Calibration], *, shares: bool = True) -> Iterator[str]:
    """Say of intervals and of tests which err, to which side, and by what `shares`; one clause each."""
    for kind, cautious in (("interval", True), ("interval", False), ("test", True), ("test", False)):
        group = [c for c in missed if (c.kind, c.cautious) == (kind, cautious)]
        if not group:
            continue
        names, many = listed([name_in_words(c) for c in group]), len(group) > 1
        found = sorted(c.share for c in group)
        defined = " with a result" * any(c.undefined >= OFTEN for c in group)
        ends = " to ".join(dict.fromkeys(decimal(100 * share, 1) for share in (found[0], found[-1])))
        if kind == "interval":
            said = f"the 95 % interval{'s' * many} of {names} {'are' if many else 'is'} too {'wide' if cautious else 'narrow'}"
            yield said + f", holding the truth in {ends} % of samples{defined}" * shares
        else:
            said = f"{names} reject{'s' * (not many)} a true null hypothesis too {'seldom' if cautious else 'often'}"
            yield said + f", in {ends} % of samples{defined}, not 5 %" * shares


def name_in_words(c: Calibration) -> str:
    """Name a method within a sentence, and of what it is told where that is not all that it was tried on."""
    name = (
        _BOTH.get((c.kind, c.method))
        or _WORDS.get(c.method)
        or (BY_TITLE[c.method].words if c.method in BY_TITLE else c.method)
    )
    tried = {other.what for other in calibrations() if (other.kind, other.method) == (c.kind, c.method)}
    return name + next((said for part, said in _WITH.items() if part in c.what and len(tried) > 1), "")


def calibration_table() -> DisplayTable:
    """Lay out how every method that was tried keeps its level, one column a number of events."""
    found = calibrations()
    numbers = sorted({c.events for c in found})
    cells = {(c.kind, c.what, c.method, c.events): c for c in found}
    rows, head = [], None
    for kind, what, method in dict.fromkeys((c.kind, c.what, c.method) for c in found):
        if (kind, what) != head:
            head = (kind, what)
            rows.append(Row((f"{kind.capitalize()}s: {what}", *[""] * len(numbers)), "heading"))
        shown = [_cell(cells.get((kind, what, method, number))) for number in numbers]
        rows.append(Row((NAMES.get(method, method), *shown), "level"))
    return DisplayTable(
        name="calibration",
        title=f"How methods keep their level in {PATIENTS} patients, % of samples",
        head=("", *(f"{number} events" for number in numbers)),
        rows=tuple(rows),
        frame=pd.DataFrame(found),
        notes=(
            "Tests: rejection of a true null hypothesis at 0.05. Intervals: coverage of the truth by the 95 % interval. "
            "Among samples with a result; in brackets, the share without one where it is 5 % or more.",
            _errors(found),
            "‡ The level is not kept: below 93 % or above 97.5 % (intervals), below 2.5 % or above 6.5 % (tests), beyond "
            "twice the standard error of the draws.",
        ),
    )


def _errors(found: tuple[Calibration, ...]) -> str:
    """Say how many samples were drawn, and what chance that leaves."""
    largest: dict[int, float] = {}
    for c in found:
        if c.draws:
            largest[c.draws] = max(largest.get(c.draws, 0.0), c.std_error)
    said = listed([f"{decimal(100 * largest[n], 1)} points of {n}" for n in sorted(largest, reverse=True)])
    return f"Tables of counts and rates: exact. Others: the standard error of draws is at most {said} samples."


def _cell(c: Calibration | None) -> str:
    if c is None or c.share != c.share:
        return UNDEFINED
    gone = f" [{decimal(100 * c.undefined, 0)}]" if c.undefined >= OFTEN else ""
    return f"{decimal(100 * c.share, 1)}{'' if c.kept else ' ‡'}{gone}"


def calibration_page() -> str:
    """Write docs/calibration.md."""
    table = calibration_table()
    lines = ["| " + " | ".join(table.head) + " |", "|---" * len(table.head) + "|"]
    for row in table.rows:
        first = f"**{row.cells[0]}**" if row.kind == "heading" else row.cells[0]
        lines.append("| " + " | ".join([first, *row.cells[1:]]) + " |")
    return "\n".join([*_HEAD, *lines, "", *table.notes, ""])


_HEAD = (
    "# How methods keep their level where events are few",
    "",
    "Small clinical cohorts have few events, and most methods are justified by large numbers.",
    f"`python benchmarks/calibration.py` counts what they do with {PATIENTS} patients: of two by two tables over every",
    "possible table, of numbers, times and models of several variables over seeded draws. A method that misses its level is",
    "told in a footnote of every table that shows it where events are about as few, and in the Methods of the manuscript",
    "(`tallystats.statistics.calibration`). A footnote names the worst of several truths that were tried.",
    "",
    "Intervals of what is seen only at a visit have a simulation of their own (`benchmarks/current_status_coverage.txt`), and",
    "so have imputed values in larger samples (`benchmarks/missing_data.txt`). Not simulated: comparisons of the same patients",
    "before and after and linear models, whose level does not hang on the number of events; comparisons of every two groups;",
    "corrections for optimism; robust variances and stratified Cox models; Fine and Gray's and Cox's models of several terms;",
    "and tests after a selection, which keep no level at all.",
    "",
    "![Coverage and rejection by method and number of events](calibration.png)",
    "",
)
