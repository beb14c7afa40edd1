"""What the tables of the audit show; `table_of` of `cohortbook.layouts` learns them here."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from cohortbook.audit_words import in_words, listed
from cohortbook.layouts import table_of
from cohortbook.layouts_models import removal_in_words
from cohortbook.printed_model import PrintedModel
from cohortbook.tables import UNDEFINED, DisplayTable, Row, decimal, interval, significant
from cohortbook.verdicts import VERDICTS, Audit

if TYPE_CHECKING:
    import pandas as pd

    from cohortbook.arithmetic import Check
    from cohortbook.undetermined import Range
    from cohortbook.verdicts import Consequence, Repair
    from cohortbook.which_test import PrintedTest

__all__ = [
    "check_table", "conflict_table", "consequence_table", "printed_model_tables", "printed_test_tables", "range_table",
    "table_of", "verdict_table",
]  # fmt: skip

#: How sure it is that a test prints the printed digits -> the mark behind its P.
PRINTS = {"always": "●", "sometimes": "○"}
STATED = "†"
ASSUMED = "‡"
KINDS = {
    "rounding": "Percentages and their counts",
    "levels": "Levels that share out a group",
    "subtotal": "Sums and subtotals",
    "grim": "Means of whole numbers",
    "grimmer": "Standard deviations of whole numbers",
    "order": "Means, bands and limits",
    "interval": "Intervals and their estimates",
    "p_of_interval": "P values and their intervals",
    "threshold": "Claims of significance",
    "comparisons": "Number of comparisons",
    "undefined_test": "Tests that do not exist",
    "expected_counts": "Small expected counts",
}
_NO = {"threshold": "not borne out"}
_NUMBERED = re.compile(r"\b(table|figure|fig\.|box)\s*\w*\d", re.IGNORECASE)


def sources_of(audit: Audit) -> list[str]:
    """Return the places where figures are printed, in the order of the paper: tables, then text."""
    found = dict.fromkeys(v.figure.source for v in audit.verdicts)
    return sorted(found, key=lambda source: not _NUMBERED.search(source))


def p_shown(value: float | None) -> str:
    """Format P so that it can be told from a threshold: three decimals, below 0.1 three significant digits.

    Examples
    --------
    >>> p_shown(0.00342), p_shown(0.5), p_shown(0.00001), p_shown(0.99999), p_shown(float("nan"))
    ('0.00342', '0.500', '<0.0001', '>0.999', '–')
    """
    if value is None or value != value:
        return UNDEFINED
    if value < 0.0001:
        return "<0.0001"
    if value > 0.9995:
        return "1.000" if value == 1 else ">0.999"
    return decimal(value, 3) if value >= 0.1 else significant(value)


def p_span(low: float, high: float) -> str:
    """Format a range of P values; one value where its ends read alike."""
    ends = list(dict.fromkeys(p_shown(end) for end in (low, high)))
    return " to ".join(ends)


@table_of.register
def _(result: Audit) -> DisplayTable:
    """Count the verdicts by place."""
    import pandas as pd

    given = [(v.figure.source, v.verdict) for v in result.verdicts]
    total = result.counts
    # What nobody got needs no column; that nothing is contradicted does.
    shown = [verdict for verdict in VERDICTS if total[verdict] or verdict in ("reproduced", "contradicted")]
    sources = sources_of(result)
    counted = {source: [given.count((source, verdict)) for verdict in VERDICTS] for source in sources}
    rows = []
    for source in sources:
        cells = dict(zip(VERDICTS, counted[source], strict=True))
        rows.append(Row((source, str(sum(counted[source])), *(str(cells[v] or "") for v in shown))))
    rows.append(Row(("All", str(len(given)), *(str(total[v]) for v in shown))))
    frame = pd.DataFrame(list(counted.values()), columns=list(VERDICTS)).astype(int)
    frame.insert(0, "source", sources)
    return DisplayTable(
        name="verdicts", title="Verdicts by place", head=("", "Figures", *(verdict.capitalize() for verdict in shown)),
        rows=tuple(rows), frame=frame,
        notes=tuple(f"{verdict.capitalize()}: {VERDICTS[verdict]}." for verdict in shown),
    )  # fmt: skip


def verdict_table(audit: Audit) -> DisplayTable:
    """Lay out the verdict on every printed figure, in the order of `published.csv`."""
    frame = audit.frame
    rows = tuple(Row(tuple(map(str, cells))) for cells in frame.itertuples(index=False))
    head = ("ID", "Where", "Printed", "Recomputed", "Verdict", "Method", "Conflict", "Reason")
    return DisplayTable(name="audit", title="Every printed figure", head=head, rows=rows, frame=frame)


def said(audit: Audit, ids: Sequence[str], most: int = 6) -> str:
    """Say printed figures in words, by their ids; `most` of them by name."""
    return listed([in_words(audit.study, audit.figure(id)) for id in ids], most)


def numbers(ids: Sequence[str]) -> str:
    """Join the ids of conflicts or repairs that follow each other.

    Examples
    --------
    >>> numbers(["C1"]), numbers(["C1", "C2"]), numbers(["C1", "C2", "C3"])
    ('C1', 'C1 and C2', 'C1 to C3')
    """
    return f"{ids[0]} to {ids[-1]}" if len(ids) > 2 else " and ".join(ids)


def conflict_table(audit: Audit) -> DisplayTable:
    """Lay out the conflicts: figures that cannot hold together, and why."""
    ruled = any(c.rules for c in audit.conflicts)
    rows = []
    for c in audit.conflicts:
        repairs = ", ".join(r.id for r in audit.repairs if c.id in r.conflicts)
        rules = ("; ".join(c.rules),) if ruled else ()
        rows.append(Row((c.id, said(audit, c.figures), c.why, *rules, repairs)))
    head = ("Conflict", "Printed figures", "Why", *(["By the rule"] if ruled else []), "Repairs")
    return DisplayTable(
        name="conflicts", title="Printed figures that cannot hold together", head=head, rows=tuple(rows),
        frame=_frame(audit.conflicts, "id", "figures", "variables", "rules", "why"),
        notes=("Each is minimal: any one of its figures left out, the others can hold together.",) if rows else
        ("None: all printed figures can hold together.",),
    )  # fmt: skip


def _frame(results: Sequence, *names: str) -> pd.DataFrame:
    """Return fields of results as a frame, a row for each."""
    import pandas as pd

    return pd.DataFrame([[getattr(result, name) for name in names] for result in results], columns=list(names))


def consequence_table(audit: Audit) -> DisplayTable:
    """Lay out what each repair gives up, and what it does to the printed P values."""
    rows = []
    for conflicts, same in itertools.groupby(audit.repairs, key=lambda repair: repair.conflicts):
        repairs = list(same)
        ways = f": {len(repairs)} ways, each enough by itself" if len(repairs) > 1 else ""
        rows.append(Row((f"To settle {numbers(conflicts)}{ways}", *[""] * 6), "heading"))
        for repair in repairs:
            changed = [c for c in audit.consequences if c.repair == repair.id]
            cells = [(said(audit, [c.figure]), *_changed(audit, repair, c)) for c in changed]
            for k, row in enumerate(cells or [("no printed P value rests on it", *[""] * 4)]):
                rows.append(Row((*((repair.id, given_up(audit, repair)) if not k else ("", "")), *row), "level"))
    head = ("Repair", "Given up", "P value", "Printed", "Test", "P after the repair", "Crosses")
    limits = " and ".join(f"{t:g}" for t in audit.thresholds)
    return DisplayTable(
        name="consequences", title="What each repair does to the P values", head=head, rows=tuple(rows),
        frame=_frame(audit.consequences, "repair", "figure", "printed", "low", "high", "test", "crosses"),
        notes=(f"P after the repair: by the stated test, over all patients that the repair leaves. Thresholds: {limits}.",),
    )  # fmt: skip


def given_up(audit: Audit, repair: Repair, most: int = 6) -> str:
    """Say what a repair gives up, and what falls with it."""
    first = [id for id in repair.figures if id not in repair.follow]
    text = said(audit, first or repair.figures, most)
    return f"{text}, and with it {said(audit, repair.follow, most)}" if first and repair.follow else text


def stays(audit: Audit, repair: Repair, consequence: Consequence) -> bool:
    """Say whether a repair leaves a P value as it is printed."""
    printed = audit.figure(consequence.figure).interval
    ends = float(printed.low), float(printed.high)
    return consequence.figure not in repair.figures and (consequence.low, consequence.high) == ends


def _changed(audit: Audit, repair: Repair, c: Consequence) -> tuple[str, str, str, str]:
    after = "as printed" if stays(audit, repair, c) else p_span(c.low, c.high)
    crossed = ", ".join(f"{t:g}" for t in c.crosses) or ("no" if c.low == c.low else UNDEFINED)
    return c.printed, c.test, after, crossed


def printed_test_tables(audit: Audit) -> tuple[DisplayTable, ...]:
    """Lay out which test prints each printed P value: a table for each family of tests, such as those of counts."""
    families = _families(audit.tests)
    return tuple(
        _test_table(audit, figures, f"-{k}" if len(families) > 1 else "") for k, figures in enumerate(families, 1)
    )


def _families(tests: Sequence[PrintedTest]) -> list[list[str]]:
    """Put printed P values together whose variables, as they are recorded, suit the same tests."""
    families: dict[tuple[str, ...], list[str]] = {}
    for id in dict.fromkeys(t.figure for t in tests):
        families.setdefault(tuple(t.test for t in tests if t.figure == id and not t.coding), []).append(id)
    return list(families.values())


def _test_table(audit: Audit, figures: Sequence[str], suffix: str) -> DisplayTable:
    from cohortbook.which_test import WORDS

    mine = [t for t in audit.tests if t.figure in figures]
    columns = [test for test in dict.fromkeys([*WORDS, *(t.test for t in mine)]) if any(t.test == test for t in mine)]
    rows = []
    for id in figures:
        figure = audit.figure(id)
        for coding in dict.fromkeys(t.coding for t in sorted(mine, key=lambda t: bool(t.coding)) if t.figure == id):
            found = {t.test: t for t in mine if (t.figure, t.coding) == (id, coding)}
            if coding and not any(t.prints in PRINTS for t in found.values()):
                continue  # Another coding is of interest where it explains the digits.
            cells = [_test_cell(found.get(test)) for test in columns]
            head = (coding, "") if coding else (said(audit, [id]), figure.value)
            rows.append(Row((*head, *cells), "level" if coding else "plain"))
    notes = [f"P over all patients that the other figures allow. {PRINTS['always']} Prints the printed digits for all of them; "
             f"{PRINTS['sometimes']} for some; no mark: for none."]  # fmt: skip
    if any(t.stated for t in mine):
        notes.append(f"{STATED} The stated test.")
    if any(t.prints == "unknown" for t in mine):
        notes.append("? Not known: the search reached its limit, or the other figures do not tell the groups apart.")
    if any(row.kind == "level" for row in rows):
        notes.append("Below a P value: other codings of its variable under which a test prints it.")
    return DisplayTable(
        name=f"printed-tests{suffix}", title="Which test printed which P value", rows=tuple(rows), notes=tuple(notes),
        head=("", "Printed", *(_capital(WORDS.get(test, test).removeprefix("the ")) for test in columns)),
        frame=_frame(mine, "figure", "variable", "coding", "test", "stated", "low", "high", "prints"),
    )  # fmt: skip


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _test_cell(test: PrintedTest | None) -> str:
    if test is None:
        return ""
    if test.prints == "unknown" and test.low != test.low:
        return "?"
    marks = [PRINTS.get(test.prints, ""), STATED if test.stated else ""]
    return " ".join(filter(None, [p_span(test.low, test.high), *marks]))


@table_of.register
def _(result: PrintedModel) -> DisplayTable:
    """Show the methods and limits that print the table, and in how many joint tables."""
    rows = [
        Row((r.method, "all terms together" if r.together else "each term alone", r.limit, str(r.tables), str(r.searched)))
        for r in result.readings
    ]  # fmt: skip
    terms = ", ".join(result.labels[t] for t in result.terms)
    notes = [_capital(result.reason) + "."] if result.reason else [
        f"Joint tables of {terms} with {result.labels[result.outcome].lower()}: {result.searched} have the printed margins, "
        f"and {result.possible} of them are left by all other figures."]  # fmt: skip
    if not result.decided:
        notes.append("Which of them the other figures leave was not decided within the limits: all count as left.")
    return DisplayTable(
        name="printed-model", title=f"Which method printed {' and '.join(result.sources)}", rows=tuple(rows),
        head=("Method", "Terms", "Stops", "Tables left that it prints", "Of all with the margins"),
        frame=_frame(result.readings, "method", "together", "limit", "steps", "tables", "searched"), notes=tuple(notes),
    )  # fmt: skip


def printed_model_tables(audit: Audit) -> tuple[DisplayTable, ...]:
    """Lay out each searched regression table: what prints it, its terms, and where the stated selection ends."""
    found = []
    for k, model in enumerate(audit.models):
        tables = [table_of(model), *([] if model.reason else [_term_table(model), _selection_table(model)])]
        found += [replace(table, name=f"{table.name}-{k + 1}") if k else table for table in tables]
    return tuple(found)


def _term_table(model: PrintedModel) -> DisplayTable:
    rows = []
    for term in model.terms:
        infinite = (
            "always" if term in model.separated_in_all else "for some" if term in model.separated_in_some else "no"
        )
        cells = [p_span(*found[term]) if term in found else UNDEFINED
                 for found in (model.ratio_range, model.firth_range, model.firth_range_possible)]  # fmt: skip
        rows.append(Row((model.labels[term], ", ".join(model.printed[term]) or UNDEFINED,
                         infinite if model.tables else UNDEFINED, *cells)))  # fmt: skip
    return DisplayTable(
        name="printed-model-terms", title=f"The terms of {' and '.join(model.sources)} by methods that exist under separation",
        head=("", "Printed P", "Infinite estimate", "P, likelihood ratio", "P, Firth", "P, Firth, all tables left"),
        rows=tuple(rows), frame=model.frame,
        notes=(f"Ranges over the {len(model.tables)} joint tables that print the model by the stated method; the last column "
               f"over all {model.possible} that the other figures leave.",),
    )  # fmt: skip


def _selection_table(model: PrintedModel) -> DisplayTable:
    import pandas as pd

    rows, records = [], []
    for k, test in enumerate(model.removal_tests):
        planned = ", as planned" if not k else ""
        rows.append(Row((f"Removal by {removal_in_words(test)}{planned}", "", ""), "heading"))
        for terms, tables in model.selections[test].items():
            kept = ", ".join(model.labels[t] for t in terms) or "no term at all"
            printed = "yes" if terms == printed_terms(model) else "no"
            rows.append(Row((kept, str(tables), printed), "level"))
            records.append((test, terms, tables))
    some = f" (spread evenly over the {len(model.tables)})" if model.followed < len(model.tables) else ""
    return DisplayTable(
        name="printed-model-selection", title=f"Where the stated selection ends, for {' and '.join(model.sources)}",
        head=("Ends with", "Tables", "As printed"), rows=tuple(rows),
        frame=pd.DataFrame(records, columns=["removal_test", "selected", "tables"]),
        notes=(f"Followed in {model.followed} joint tables that print the model{some}.",),
    )  # fmt: skip


def printed_terms(model: PrintedModel) -> tuple[str, ...]:
    """Return the terms of which the printed table shows a figure."""
    return tuple(term for term in model.terms if model.printed[term])


def check_table(audit: Audit) -> DisplayTable:
    """Lay out what arithmetic says: what cannot be first, then what holds in an unusual way, then warnings."""
    rows = []
    for kind in dict.fromkeys([*KINDS, *(c.kind for c in audit.checks)]):
        mine = sorted((c for c in audit.checks if c.kind == kind), key=_gravity)
        if mine:
            rows.append(Row((KINDS.get(kind, kind), "", "", ""), "heading"))
        for c in mine:
            rows.append(Row((said(audit, c.figures[:1]), c.recomputed, _how(c), c.reason), "level"))
    return DisplayTable(
        name="arithmetic", title="What arithmetic alone says", head=("", "Recomputed", "Says", "Why"), rows=tuple(rows),
        frame=_frame(audit.checks, "kind", "figures", "holds", "method", "recomputed", "reason"),
        notes=() if rows else ("Nothing to remark.",),
    )  # fmt: skip


def _gravity(check: Check) -> int:
    return (False, True, None).index(check.holds)


def _how(check: Check) -> str:
    if check.holds is None:
        return "warning" + (f" ({check.method})" if check.method else "")
    return (f"holds: {check.method}" if check.method else "holds") if check.holds else _NO.get(check.kind, "cannot be")


def range_table(ranges: Sequence[Range]) -> DisplayTable:
    """Lay out results over many cohorts that print the same: the value that all give, or its range."""
    sets = list(dict.fromkeys(r.set for r in ranges))
    several = len(sets) > 1
    rows = []
    for group, same in itertools.groupby(ranges, key=lambda r: r.group):
        rows.append(Row((group, *[""] * (5 + several)), "heading"))
        for r in same:
            crossed = f"{r.threshold:g}" if r.crosses else "" if r.threshold is None else "no"
            mark = f" {ASSUMED}" if r.rests_on_assumed else ""
            median = "" if r.determined else value_shown(r, r.median)
            cells = (
                r.label + mark,
                *([r.set] if several else []),
                range_shown(r),
                median,
                crossed,
                str(r.n),
                str(r.undefined),
            )
            rows.append(Row(cells, "level"))
    notes = ["One value: the same in all these cohorts. A range: what is printed does not determine it."]
    if any(r.rests_on_assumed for r in ranges):
        notes.append(f"{ASSUMED} Illustration: rests on assumed values.")
    head = (
        "",
        *(["Set of figures"] if several else []),
        "Value or range",
        "Median",
        "Crosses",
        "Cohorts",
        "Undefined in",
    )
    return DisplayTable(
        name="undetermined", title="What the printed figures determine, and what not", head=head, rows=tuple(rows),
        frame=_frame(ranges, "name", "label", "group", "set", "n", "low", "high", "median", "determined", "threshold",
                     "crosses", "rests_on_assumed", "undefined"), notes=tuple(notes),
    )  # fmt: skip


def is_p(result: Range) -> bool:
    """Say whether a result is a P value: it has a threshold."""
    return result.threshold is not None


def value_shown(result: Range, value: float) -> str:
    """Format one value of a result."""
    return p_shown(value) if is_p(result) else significant(value)


def range_shown(result: Range) -> str:
    """Format a result: its value where all cohorts agree, else from the least to the greatest."""
    if result.determined:
        return value_shown(result, result.low)
    if is_p(result):
        return p_span(result.low, result.high)
    return interval(result.low, result.high, None)
