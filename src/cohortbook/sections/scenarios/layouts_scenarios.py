"""What tables of scenarios show; `table_of` of `cohortbook.display.layouts` learns them here."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pandas as pd

from cohortbook.display.layouts import table_of
from cohortbook.display.tables import UNDEFINED, DisplayTable, Row, decimal, p_value, significant
from cohortbook.sections.scenarios.questions import KeyResult, KeyResults
from tallystats.results import lower_first

#: Marks a result that leads to another conclusion than the study as planned.
MOVED, ASSUMED = "*", "‡"


@table_of.register
def _(result: KeyResults) -> DisplayTable:
    return _table([result], "key-results", f"Key results: {result.label}")


def scenario_table(results: Sequence[KeyResults]) -> DisplayTable:
    """Lay out the key results of several scenarios side by side, the study as planned first.

    A conclusion that moves is marked: P on another side of its threshold, or a procedure that ends otherwise.
    """
    return _table(results, "scenarios", "Key results under each scenario")


def _table(results: Sequence[KeyResults], name: str, title: str) -> DisplayTable:
    first, *_ = results
    rows = [Row(("Patients", *(str(result.size) for result in results)))]
    by_name = [{row.name: row for row in result.rows} for result in results]
    order = dict.fromkeys(row.name for result in results for row in result.rows)
    known = {row.name: row for result in reversed(results) for row in result.rows}
    for group, names in itertools.groupby(order, key=lambda name: known[name].group):
        rows.append(Row((group, *[""] * len(results)), "heading"))
        for one in names:
            base = by_name[0].get(one)
            cells = tuple(_shown(rows_of.get(one), base) for rows_of in by_name)
            mark = f" {ASSUMED}" if known[one].rests_on_assumed else ""
            rows.append(Row((known[one].label + mark, *cells), "level"))
    notes = []
    if any(MOVED in cell for row in rows for cell in row.cells[1:]):
        notes.append(
            f"{MOVED} Another conclusion than {lower_first(first.label)}: on another side of its threshold, or another end."
        )
    if any(row.rests_on_assumed for row in known.values()):
        notes.append(f"{ASSUMED} Not told: rests on assumed values.")
    return DisplayTable(
        name=name,
        title=title,
        head=("", *(result.label for result in results)),
        rows=tuple(rows),
        notes=tuple(notes),
        frame=pd.concat([result.frame for result in results], ignore_index=True),
    )


def moved(result: KeyResult | None, planned: KeyResult | None) -> bool:
    """Say whether a result leads to another conclusion than the same of the study as planned.

    A threshold that moves counts: each P is held against its own scenario's.
    """
    if result is None or planned is None:
        return False
    if result.threshold is None:
        return result.words != planned.words
    sides = [one.value < one.threshold if one.value == one.value else None for one in (result, planned)]
    return None not in sides and sides[0] != sides[1]


def _shown(result: KeyResult | None, planned: KeyResult | None) -> str:
    if result is None:
        return UNDEFINED
    if result.value != result.value and not result.words:
        return decimal(result.value, 0)
    text = result.words or (significant if result.threshold is None else p_value)(result.value)
    return f"{text} {MOVED}" if moved(result, planned) else text
