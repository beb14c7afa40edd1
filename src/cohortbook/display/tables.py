"""Results as tables: the only place that rounds and formats.

A `DisplayTable` holds strings, as a journal prints them, and the unrounded frame they were made from. It shows itself in
a notebook, and `save` writes it as CSV and LaTeX (the strings) and JSON (the numbers).
"""

from __future__ import annotations

import csv
import functools
import html
import io
import json
import math
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cohortbook.display.latex import latex_of
from cohortbook.display.style import PLAIN, current, probability, remarked, spanned, worded
from printcheck.printed.published import fixed, magnitude, round_half_away, sure, to_digits
from studyfile.files import plain
from tallystats.results import MARK, Hidden

if TYPE_CHECKING:
    import pandas as pd

#: What stands where a number is undefined.
UNDEFINED = "–"
HIDDEN_NOTE = f"{MARK}: a small count (privacy: suppress_below in the study file), or a number that would reveal one."
PROVENANCE_NOTES = {
    "printed": "Counts as printed.",
    "implied": "Rests on values drawn to fit the printed figures.",
    "assumed": "Illustration: rests on assumed values.",
}


def decimal(value: float | None, places: int) -> str:
    """Format a number with fixed decimals, halves away from zero; undefined and infinite values in signs.

    Examples
    --------
    >>> decimal(12.5, 0), decimal(-0.125, 2), decimal(float("nan"), 1), decimal(float("inf"), 1)
    ('13', '−0.13', '–', '∞')
    """
    if isinstance(value, Hidden):
        return MARK
    if value is None or value != value:
        return UNDEFINED
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return fixed(value, places).replace("-", "−").replace(".", current().point)


def significant(value: float | None, digits: int = 3) -> str:
    """Format a number with so many significant digits, without exponent where people can read it.

    Examples
    --------
    >>> significant(1234.6), significant(0.012345), significant(9.996), significant(3.1e9), significant(0.0)
    ('1235', '0.0123', '10.0', '3.1e+09', '0')
    """
    if value is None or value != value or math.isinf(value):
        return decimal(value, 0)
    if value == 0:
        return "0"
    size = magnitude(value)
    if size >= 7 or size < -5:
        text = to_digits(value, digits).replace(".", current().point)
        return text.replace("-", "−", 1) if value < 0 else text
    places = max(0, digits - 1 - size)
    carried = abs(round_half_away(value, places)) >= 10 ** (size + 1)  # 9.996 is 10.0, not 10.00
    return decimal(value, max(0, places - carried))


def p_value(value: float | None, places: int | None = None) -> str:
    """Format a P value: as many decimals as asked, or in the style of the journal (`cohortbook.display.style`).

    Parameters
    ----------
    value : float
        From 0 to 1; NaN when the test is undefined.
    places : int, optional
        Decimals as a paper prints them. Default, where no journal is chosen: two from 0.01 on, three below or where two
        would read 0.05, and <0.001.

    Examples
    --------
    >>> p_value(0.0058), p_value(0.56), p_value(0.00004), p_value(0.9969, 3), p_value(0.0004, 3), p_value(0.999)
    ('0.006', '0.56', '<0.001', '0.997', '<0.001', '>0.99')
    >>> p_value(0.0486), p_value(0.0513)
    ('0.049', '0.051')
    """
    if value is None or value != value:
        return decimal(value, 0)
    value = sure(value)
    if places is None:
        style = current()
        if value < style.p_smallest:
            return probability(f"<{style.p_smallest:.{3 if style.p_smallest >= 0.001 else 4}f}")
        if value > 0.99:
            return probability(">0.99")
        if style.p_digits:
            return probability(significant(value, style.p_digits))
        places = 3 if value < 0.01 or 0.045 <= value < 0.055 else 2
    none_left = value < 10**-places and round_half_away(value, places) == 0
    return probability(f"<{10**-places:.{places}f}" if none_left else decimal(value, places))


def percent(count: float, total: float, places: int = 1) -> str:
    """Format a count as a percentage of a total, without the sign.

    Examples
    --------
    >>> percent(17, 72), percent(0, 0)
    ('23.6', '–')
    """
    if isinstance(count, Hidden) or isinstance(total, Hidden):
        return MARK
    return decimal(Fraction(100 * int(count), int(total)), places) if total else UNDEFINED


def count_percent(count: float, total: float, places: int = 1) -> str:
    """Format `n (%)`.

    Examples
    --------
    >>> count_percent(17, 72)
    '17 (23.6)'
    """
    if isinstance(count, Hidden):
        return MARK
    sign = "%" if total and current().percent_sign else ""
    return f"{decimal(count, 0)} ({percent(count, total, places)}{sign})"


def interval(low: float, high: float, places: int | None = 2) -> str:
    """Format an interval; with `places=None`, each end with three significant digits.

    Examples
    --------
    >>> interval(0.5, 2.25), interval(-1, float("inf"), 1)
    ('0.50 to 2.25', '−1.0 to ∞')
    """
    if low != low and high != high:
        return decimal(low, 0)
    return spanned(*(significant(v) if places is None else decimal(v, places) for v in (low, high)))


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: its cells, and whether it is a heading, a level below one, or stands alone."""

    cells: tuple[str, ...]
    kind: Literal["plain", "heading", "level"] = "plain"


@dataclass(frozen=True, kw_only=True)
class DisplayTable:
    """A table as it is printed.

    Attributes
    ----------
    name : str
        Names the files: `table-2` becomes `table-2.csv` and `table-2.json`.
    number : str or None
        As the journal numbers it ("2"); None leaves numbering to the report.
    title : str
    head : tuple of str
        Column heads; the first column names the rows.
    rows : tuple of Row
    notes : tuple of str
        Footnotes: tests, definitions, where the numbers come from.
    frame : pandas.DataFrame
        The unrounded results behind it.
    """

    name: str
    title: str
    head: tuple[str, ...]
    rows: tuple[Row, ...]
    frame: pd.DataFrame
    number: str | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Put words and marks into the journal's style; say what the mark of a hidden number means, where there is one."""
        shown = [*self.head, *(cell for row in self.rows for cell in row.cells), *self.notes]
        if HIDDEN_NOTE not in self.notes and any(MARK in text for text in shown):
            object.__setattr__(self, "notes", (*self.notes, HIDDEN_NOTE))
        if current() is PLAIN:
            return
        head, rows, notes = remarked(self.head, [row.cells for row in self.rows], self.notes)
        put = functools.partial(object.__setattr__, self)
        put("head", tuple(worded(cell, head=True) for cell in head))
        put("rows", tuple(Row(tuple(map(worded, cells)), row.kind) for cells, row in zip(rows, self.rows, strict=True)))
        put("notes", tuple(map(worded, notes)))
        put("title", worded(self.title))

    @property
    def strings(self) -> list[list[str]]:
        """The displayed strings, head first."""
        return [list(self.head), *(list(row.cells) for row in self.rows)]

    @property
    def html(self) -> str:
        """A semantic table: caption, row heads, footnotes; no style of its own."""
        width = len(self.head)
        number = f"Table {self.number}. " if self.number else ""
        flush_left = marked(self.rows)
        numeric = [not flush_left and all(_NUMBER.match(row.cells[k]) for row in self.rows) for k in range(width)]
        head = "".join(f'<th scope="col"{_CLASS[n]}>{_escaped(c)}</th>' for c, n in zip(self.head, numeric, strict=True))
        body = "".join(_html_row(row, numeric) for row in self.rows)
        notes = "".join(f"<p>{_escaped(note)}</p>" for note in self.notes)
        foot = f'<tfoot><tr><td colspan="{width}"{_LEFT}>{notes}</td></tr></tfoot>' if notes else ""
        return (
            f'<table class="cohortbook" id="{self.name}"><caption{_LEFT}>{number}{_escaped(self.title)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>{foot}</table>"
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {
            "text/html": self.html,
            "text/plain": str(self),
            "application/vnd.cohortbook.table+json": {"name": self.name, "number": self.number, "title": self.title},
        }

    def __str__(self) -> str:
        lines = self.strings
        widths = [max(len(line[k]) for line in lines) for k in range(len(self.head))]
        shown = ["  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines]
        return "\n".join([self.title, *shown, *self.notes])

    def save(self, folder: Path) -> None:
        """Write the strings as CSV and LaTeX and the unrounded results as JSON, each whole or not at all."""
        shown = io.StringIO(newline="")
        csv.writer(shown, lineterminator="\n").writerows([_inert(c) for c in line] for line in self.strings)
        contents = {
            "csv": shown.getvalue().encode("utf-8-sig"),
            "json": _as_json(self).encode("utf-8"),
            "tex": latex_of(self).encode("utf-8"),
        }
        folder.mkdir(parents=True, exist_ok=True)
        for form, content in contents.items():
            part = folder / f".{self.name}.{form}.part"
            try:
                part.write_bytes(content)
                os.replace(part, folder / f"{self.name}.{form}")
            finally:
                part.unlink(missing_ok=True)


#: How sure it is that a test prints the printed digits -> the mark behind its P.
PRINTS = {"always": "●", "sometimes": "○"}
#: A cell of a column of numbers, right-aligned: a number, a sign for one that is undefined, or nothing.
_NUMBER = re.compile(r"^[<>]?−?([\d.,·]*[–∞]?|\[hidden\])( [a-t]?‡?|[ᵃ-ᶻⁱⁿ*†‡§¶‖]+)?$")
#: Text is set flush left where a page's own style would not (JupyterLab sets every cell flush right).
_LEFT = ' style="text-align:left"'
_CLASS = (_LEFT, ' class="number"')


def marked(rows: Iterable[Row]) -> bool:
    """Say whether some numbers carry a mark: then all stand flush left, so that marked and unmarked ones stand alike."""
    return any(mark in cell for row in rows for cell in row.cells for mark in PRINTS.values())


def _html_row(row: Row, numeric: Sequence[bool]) -> str:
    if row.kind == "heading" and not any(row.cells[1:]):
        return f'<tr class="heading"><th scope="rowgroup" colspan="{len(row.cells)}"{_LEFT}>{_escaped(row.cells[0])}</th></tr>'
    first = f'<th scope="row"{_LEFT}>{_escaped(row.cells[0])}</th>'
    rest = "".join(f"<td{_CLASS[n]}>{_escaped(c)}</td>" for c, n in zip(row.cells[1:], numeric[1:], strict=True))
    return f'<tr class="{row.kind}">{first}{rest}</tr>'


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)


def _inert(cell: str) -> str:
    """Keep a text cell from becoming a formula in a spreadsheet; numbers stay as they are."""
    formula = cell.startswith(("=", "+", "-", "@", "\t", "\r")) and not re.fullmatch(r"[+-]?\d+(\.\d+)?", cell)
    return f"'{cell}" if formula else cell


def _as_json(table: DisplayTable) -> str:
    records = plain(table.frame.to_dict("records"))
    content = {"name": table.name, "number": table.number, "title": table.title, "notes": list(table.notes), "results": records}
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def frame_table(
    frame: pd.DataFrame, *, name: str, title: str, columns: Sequence[tuple[str, str, Any]], notes: Iterable[str] = ()
) -> DisplayTable:
    """Lay out a tidy frame: for each column its name, its head, and the function or decimals that format it."""
    rows = []
    for record in frame.to_dict("records"):
        cells = [_formatted(record.get(key), how) for key, _, how in columns]
        rows.append(Row(tuple(cells)))
    return DisplayTable(
        name=name, title=title, head=tuple(head for _, head, _ in columns), rows=tuple(rows), frame=frame, notes=tuple(notes)
    )


def _formatted(value: Any, how: Any) -> str:
    if callable(how):
        return how(value)
    if how is None or isinstance(value, str):
        return plain_cell(value)
    return decimal(value, how)


def plain_cell(value: Any) -> str:
    """Format a value of which nothing is known: three significant digits for what is not whole."""
    if hasattr(value, "item"):
        value = value.item()
    if value is None or value != value:
        return decimal(value, 0)
    if isinstance(value, float):
        return decimal(value, 0) if sure(value).is_integer() else significant(value)
    return str(value)
