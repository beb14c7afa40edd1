"""What the tables of the audit show; `table_of` of `cohortbook.display.layouts` learns them here."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

import pandas as pd

from cohortbook.display.style import general
from cohortbook.display.tables import UNDEFINED, DisplayTable, Row, interval, significant
from cohortbook.sections.audit.layouts_printed_audit import (
    frame_of,
    p_shown,
    p_span,
    printed_model_tables,
    printed_test_tables,
    said,
    table_of,
)
from cohortbook.sections.audit.undetermined import Range
from printcheck.audit.checks import Check
from printcheck.audit.verdicts import VERDICTS, Audit, Consequence, Repair
from tallystats.results import NotPlanned

__all__ = [
    "check_table",
    "conflict_table",
    "consequence_table",
    "printed_model_tables",
    "printed_test_tables",
    "range_table",
    "table_of",
    "verdict_table",
]

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


@table_of.register
def _(result: Audit) -> DisplayTable:
    """Count the verdicts by place."""
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
        name="verdicts",
        title="Verdicts by place",
        head=("", "Figures", *(verdict.capitalize() for verdict in shown)),
        rows=tuple(rows),
        frame=frame,
        notes=tuple(f"{verdict.capitalize()}: {VERDICTS[verdict]}." for verdict in shown),
    )


def verdict_table(audit: Audit) -> DisplayTable:
    """Lay out the verdict on every printed figure, in the order of `published.csv`."""
    frame = audit.frame
    rows = tuple(Row(tuple(map(str, cells))) for cells in frame.itertuples(index=False))
    head = ("ID", "Where", "Printed", "Recomputed", "Verdict", "Method", "Conflict", "Reason")
    return DisplayTable(name="audit", title="Every printed figure", head=head, rows=rows, frame=frame)


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
        name="conflicts",
        title="Printed figures that cannot hold together",
        head=head,
        rows=tuple(rows),
        frame=frame_of(audit.conflicts, "id", "figures", "variables", "rules", "why"),
        notes=("Each is minimal: any one of its figures left out, the others can hold together.",)
        if rows
        else ("None: all printed figures can hold together.",),
    )


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
    limits = " and ".join(general(t) for t in audit.thresholds)
    note = f"P after the repair: by the stated test, over all {audit.study.units} that the repair leaves. Thresholds: {limits}."
    return DisplayTable(
        name="consequences",
        title="What each repair does to the P values",
        head=head,
        rows=tuple(rows),
        frame=frame_of(audit.consequences, "repair", "figure", "printed", "low", "high", "test", "crosses"),
        notes=(note if rows else "None: nothing has to be given up.",),
    )


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
    crossed = ", ".join(general(t) for t in c.crosses) or ("no" if c.low == c.low else UNDEFINED)
    return c.printed, c.test, after, crossed


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
        name="arithmetic",
        title="What arithmetic alone says",
        head=("", "Recomputed", "Says", "Why"),
        rows=tuple(rows),
        frame=frame_of(audit.checks, "kind", "figures", "holds", "method", "recomputed", "reason"),
        notes=() if rows else ("Nothing to remark.",),
    )


def _gravity(check: Check) -> int:
    return (False, True, None).index(check.holds)


def _how(check: Check) -> str:
    if check.holds is None:
        return "warning" + (f" ({check.method})" if check.method else "")
    return (f"holds: {check.method}" if check.method else "holds") if check.holds else _NO.get(check.kind, "cannot be")


def range_table(ranges: Sequence[Range] | NotPlanned) -> DisplayTable | NotPlanned:
    """Lay out results over many cohorts that print the same: the value that all give, or its range."""
    if isinstance(ranges, NotPlanned):
        return ranges
    rows = []
    for group, same in itertools.groupby(ranges, key=lambda r: r.group):
        rows.append(Row((group, *[""] * 3), "heading"))
        for r in same:
            crossed = general(r.threshold) if r.crosses else "" if r.threshold is None else "no"
            label = ", ".join(filter(None, (r.label, r.set))) + f" {ASSUMED}" * r.rests_on_assumed
            undefined = f" (undefined in {r.undefined})" if 0 < r.undefined < r.n else ""
            shown = f"{range_shown(r)}{undefined}" if r.undefined < r.n else "undefined"
            rows.append(Row((label, shown, "" if r.determined else value_shown(r, r.median), crossed), "level"))
    notes = [
        f"Over {max((r.n for r in ranges), default=0)} cohorts each. One value: the same in all of them. A range: what is "
        "printed does not determine it."
    ]
    if any(r.set for r in ranges):
        notes.append("A result that hangs on which figures are given up has a row for each choice.")
    if any(r.rests_on_assumed for r in ranges):
        notes.append(f"{ASSUMED} Illustration: rests on assumed values.")
    return DisplayTable(
        name="undetermined",
        title="What the printed figures determine, and what not",
        rows=tuple(rows),
        notes=tuple(notes),
        head=("", "Value or range", "Median", "Crosses"),
        frame=frame_of(
            ranges,
            "name",
            "label",
            "group",
            "set",
            "n",
            "low",
            "high",
            "median",
            "determined",
            "threshold",
            "crosses",
            "rests_on_assumed",
            "undefined",
        ),
    )


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
