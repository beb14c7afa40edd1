"""Footnotes that say where a method does not keep its level with so few events, and the table of all that was tried."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from cohortbook.statistics.calibration import PATIENTS, Calibration, calibration_of, calibrations
from cohortbook.tables.tables import UNDEFINED, DisplayTable, Row, decimal

if TYPE_CHECKING:
    from cohortbook.statistics.calibration import Kind

NAMES = {"clopper-pearson": "Clopper-Pearson", "wilson": "Wilson"}
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
    if not isinstance(events, int | float):
        return
    found = [calibration_of(method, events, kind=kind) for kind, method in dict.fromkeys(methods)]
    missed = [c for c in found if c and not c.kept]
    for number in dict.fromkeys(c.events for c in missed):
        told = "; ".join(_told(c) for c in missed if c.events == number)
        yield f"With {number} events expected in {PATIENTS} patients, {told} (docs/calibration.md)."


def _told(c: Calibration) -> str:
    shown, name = decimal(100 * c.share, 1), NAMES.get(c.method, c.method)
    if len({other.what for other in calibrations() if (other.kind, other.method) == (c.kind, c.method)}) > 1:
        name += f" ({c.what})"
    if c.kind == "test":
        return f"{name} rejects a true null hypothesis in {shown} % of samples, not in 5 %"
    return f"the 95 % interval of {name} holds the truth in {shown} %"


def calibration_table() -> DisplayTable:
    """Lay out how every method that was tried keeps its level, one column a number of events."""
    import pandas as pd

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
        name="calibration", title=f"How methods keep their level in {PATIENTS} patients, % of samples",
        head=("", *(f"{number} events" for number in numbers)), rows=tuple(rows), frame=pd.DataFrame(found),
        notes=("Tests: rejection of a true null hypothesis at 0.05. Intervals: coverage of the truth by the 95 % interval. "
               "Among samples with a result; in brackets, the share without one where it is 5 % or more.",
               "‡ The level is not kept: below 93 % or above 97.5 % (intervals), below 2.5 % or above 6.5 % (tests), beyond "
               "twice the standard error of the draws."),
    )  # fmt: skip


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
    "possible table, of numbers and times over seeded draws. A method that misses its level is told beside the numbers of",
    "a report whose events are about as few (`cohortbook.statistics.calibration`). Intervals of what is seen only at a",
    "visit have a simulation of their own (`benchmarks/current_status_coverage.txt`), and so have imputed data",
    "(`benchmarks/missing_data.txt`).",
    "",
    "![Coverage and rejection by method and number of events](calibration.png)",
    "",
)
