"""The tables as a spreadsheet: one sheet a table, numbers as numbers, and an index in front."""

from __future__ import annotations

import io
import re
from typing import Any

from cohortbook.report.arrange import SYNTHETIC, arranged
from cohortbook.report.document import Document, TableBlock, across
from cohortbook.report.office import printable, stable
from studyfile.study.study import Study

#: A cell that is one number, as it is displayed: minus sign, whole part, decimal point of any style, decimals, exponent.
_NUMBER = re.compile(r"(?P<sign>[−-]?)(?P<whole>0|[1-9]\d*)?(?:[.·](?P<decimals>\d+))?(?P<exponent>e[+-]\d+)?")
#: Digits that a spreadsheet holds; a longer number stays text.
DIGITS = 15
#: Letters of a cell that a spreadsheet holds, and of a column as it is shown.
LONGEST, WIDEST = 32767, 60
INDEX = "Tables"


def workbook_of(study: Study, document: Document) -> bytes:
    """Return the tables of the document as a spreadsheet, in the order of `arranged`."""
    import openpyxl
    from openpyxl.styles import Alignment, Font

    about = study.file.study
    book = openpyxl.Workbook()
    book.properties.title, book.properties.creator = printable(about.title), "cohortbook"
    index = book.active
    index.title = INDEX
    _write(index.cell(1, 1), about.title).font = Font(bold=True, size=14)
    if about.synthetic:
        _write(index.cell(2, 1), f"{SYNTHETIC}.").font = Font(bold=True, color="B34700")
    for k, head in enumerate(("Sheet", "Title", "Notebook")):
        _write(index.cell(4, k + 1), head).font = Font(bold=True)
    names = {INDEX.lower()}
    where = {
        block.id: section.name for section in document.sections for block in section.blocks if isinstance(block, TableBlock)
    }
    tables = [piece for piece in arranged(study, document) if isinstance(piece, TableBlock) and piece.number]
    for k, table in enumerate(tables, start=5):
        sheet = book.create_sheet(sheet_name(f"Table {table.number}", names))
        _fill(sheet, table)
        link = _write(index.cell(k, 1), sheet.title)
        link.hyperlink = f"#'{sheet.title}'!A1"
        link.style = "Hyperlink"
        _write(index.cell(k, 2), table.title).alignment = Alignment(wrap_text=True, vertical="top")
        _write(index.cell(k, 3), where[table.id])
    for letter, width in (("A", 14), ("B", 80), ("C", 18)):
        index.column_dimensions[letter].width = width
    held = io.BytesIO()
    book.save(held)
    return stable(held.getvalue())


def sheet_name(wanted: str, taken: set[str]) -> str:
    """Return a name that a spreadsheet allows and that is not taken, and take it.

    Examples
    --------
    >>> taken = set()
    >>> sheet_name("Table 2/3", taken), sheet_name("table 2:3", taken)
    ('Table 2-3', 'table 2-3 (2)')
    """
    base = re.sub(r"[\[\]:*?/\\]", "-", printable(wanted)).strip("' ")[:25] or "Table"
    name, again = base, 1
    while name.lower() in taken:
        again += 1
        name = f"{base} ({again})"
    taken.add(name.lower())
    return name


def _fill(sheet: Any, table: TableBlock) -> None:
    """Write a table from its caption to its notes."""
    from openpyxl.styles import Alignment, Border, Font, Side
    from openpyxl.utils import get_column_letter

    _write(sheet.cell(1, 1), f"Table {table.number}. {table.title}").font = Font(bold=True)
    line = Border(top=Side("thin"), bottom=Side("thin"))
    for k, head in enumerate(table.head, start=1):
        cell = _write(sheet.cell(3, k), head)
        cell.font, cell.border = Font(bold=True), line
        cell.alignment = Alignment(wrap_text=True, vertical="bottom", horizontal="right" if table.numeric[k - 1] else "left")
    for at, row in enumerate(table.rows, start=4):
        for k, text in enumerate(row.cells, start=1):
            cell = _write(sheet.cell(at, k), text, number=k > 1)
            right = "right" if table.numeric[k - 1] else "left"
            cell.alignment = Alignment(
                wrap_text=True, vertical="top", horizontal=right, indent=int(k == 1 and row.kind == "level")
            )
            cell.font = Font(bold=k == 1 and row.kind == "heading")
    for k, note in enumerate(table.notes, start=len(table.rows) + 5):
        _write(sheet.cell(k, 1), note).font = Font(size=9)
    shown = [table.head, *(row.cells for row in table.rows if not across(row))]
    for k, column in enumerate(zip(*shown, strict=True), start=1):
        width = max(max(map(len, text.splitlines()), default=0) for text in column)
        sheet.column_dimensions[get_column_letter(k)].width = min(max(width + 2, 8), WIDEST)
    sheet.freeze_panes = "B4"
    sheet.page_setup.orientation = "landscape" if len(table.head) > 6 else "portrait"
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.print_title_rows = "3:3"


def _write(cell: Any, text: str, *, number: bool = False) -> Any:
    """Write a text as a text, whatever it begins with, and one number as a number that shows the same digits."""
    found = _NUMBER.fullmatch(text) if number else None
    digits = len(re.sub(r"\D", "", text))
    if found and digits and digits <= DIGITS:
        cell.value = float(text.replace("−", "-").replace("·", "."))
        cell.number_format = number_format(text)
        if cell.value.is_integer() and not found["decimals"] and not found["exponent"]:
            cell.value = int(cell.value)
        return cell
    text = printable(text)[:LONGEST]
    cell.value = text or None
    if text:
        cell.data_type = "s"  # never a formula
        cell.quotePrefix = text.startswith(("=", "+", "-", "@", "\t", "\r"))  # nor once somebody edits it
    return cell


def number_format(text: str) -> str:
    """Return the format that displays a number as it is written.

    Examples
    --------
    >>> number_format("23.60"), number_format(".03"), number_format("−2"), number_format("3.1e+09")
    ('0.00', '.00', '0;"−"0', '0.0E+00')
    """
    found = _NUMBER.fullmatch(text)
    decimals = f".{'0' * len(found['decimals'])}" if found and found["decimals"] else ""
    form = ("0" if found and found["whole"] else "") + decimals + ("E+00" if found and found["exponent"] else "")
    return f'{form};"−"{form}' if "−" in text else form
