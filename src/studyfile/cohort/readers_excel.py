"""Excel workbooks: one sheet, its first filled row the header, every value as the sheet shows it or a reason why not."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

from studyfile.cohort.csvfile import several
from studyfile.cohort.readers import CohortError, Source, check_names, plain, table
from studyfile.study.study import nearest

_PICTURES = re.compile(rb'<Relationship\b[^>]*Type="[^"]*/(drawing|comments|pivotTable)"[^>]*?(/>|>\s*</Relationship>)')


def read_excel(path: Path, *, sheet: str = "") -> Source:
    """Read one sheet of an Excel file (.xlsx).

    Parameters
    ----------
    path : Path
    sheet : str
        Its name; empty: the only sheet that holds anything.

    Raises
    ------
    CohortError
        When there is no such sheet or more than one to choose from; when cells are merged, a column has values and no
        name, or a formula has no stored value: each with its cell.
    """
    copy = _without_pictures(path)
    book = _book(path, copy, data_only=True)
    page = _sheet(path, book, sheet)
    cells = {row[0].row: row for row in page.iter_rows() if any(_filled(cell.value) for cell in row)}
    if not cells:
        raise CohortError(f"{path}: sheet {page.title!r} is empty; expected a header row and one row a patient")
    at, *rows = cells
    _check_merged(path, page, at)
    width = max(cell.column for row in cells.values() for cell in row if _filled(cell.value))
    header = ["" if cell.value is None else str(cell.value).strip() for cell in cells[at]][:width]
    problems = [
        f"cell {cells[at][i].coordinate}: the column has values and no name; the first filled row holds the names "
        "(is there a title above them?)"
        for i, name in enumerate(header)
        if not name and any(_filled(cells[row][i].value) for row in rows)
    ]
    if problems:
        raise CohortError(several(path, problems, f" in sheet {page.title!r}"))
    check_names(path, at, header)
    _check_formulas(path, copy, page, cells)
    columns = {name: plain(_value(cells[row][i].value) for row in rows) for i, name in enumerate(header) if name}
    notes = [f"sheet {page.title!r}"]
    if hidden := sum(page.row_dimensions[row].hidden for row in rows if row in page.row_dimensions):
        notes.append(f"{hidden} hidden or filtered rows, read as the others")
    if percents := [name for i, name in enumerate(header) if name and any(_percent(cells[row][i]) for row in rows)]:
        listed = ", ".join(map(repr, percents))
        notes.append(f"percentages read as fractions (45 % as 0.45) in {listed}")
    return Source(path=path, frame=table(columns), rows=tuple(rows), header=at, found={"sheet": page.title}, notes=tuple(notes))


def _filled(value: Any) -> bool:
    return value is not None and (not isinstance(value, str) or bool(value.strip()))


def _percent(cell: Any) -> bool:
    return isinstance(cell.value, int | float) and "%" in (cell.number_format or "")


def _value(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) or hasattr(value, "isoformat") else str(value or "")


def _sheet(path: Path, book: Any, sheet: str) -> Any:
    pages = {page.title: page for page in book.worksheets}
    names = ", ".join(map(repr, pages))
    if sheet:
        if sheet not in pages:
            raise CohortError(f"{path}: no sheet {sheet!r}{nearest(sheet, pages)}; its sheets: {names}")
        return pages[sheet]
    filled = [page for page in pages.values() if any(_filled(v) for row in page.iter_rows(values_only=True) for v in row)]
    if not filled:
        raise CohortError(f"{path}: every sheet is empty; expected a header row and one row a patient")
    if len(filled) > 1:
        names = ", ".join(repr(page.title) for page in filled)
        raise CohortError(f"{path}: {len(filled)} sheets hold data: {names}; name one under study: sheet:")
    return filled[0]


def _check_merged(path: Path, page: Any, at: int) -> None:
    """Refuse merged cells: only the first of them holds the value, the others look empty."""
    problems = []
    for merged in sorted(page.merged_cells.ranges, key=lambda area: (area.min_row, area.min_col)):
        if merged.max_row >= at:
            part = "the header" if merged.min_row <= at else "the data"
            problems.append(f"cells {merged.coord}: merged, in {part}; unmerge them and fill each cell")
    if problems:
        raise CohortError(several(path, problems, f" in sheet {page.title!r}"))


def _check_formulas(path: Path, copy: io.BytesIO, page: Any, cells: dict[int, tuple]) -> None:
    """Refuse formulas whose value the file does not hold: a program wrote them and no spreadsheet has reckoned them."""
    with zipfile.ZipFile(copy) as archive:
        sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
        if not any(mark in archive.read(name) for name in sheets for mark in (b"<f>", b"<f ")):
            return
    twin = _book(path, copy, data_only=False)[page.title]
    problems = [
        f"cell {cell.coordinate}: a formula without a stored value; open the file in Excel, save it, or paste values"
        for row in cells.values()
        for cell in row
        if cell.value is None and twin[cell.coordinate].data_type == "f"
    ]
    if problems:
        raise CohortError(several(path, problems, f" in sheet {page.title!r}"))


def _book(path: Path, copy: io.BytesIO, *, data_only: bool) -> Any:
    import openpyxl

    copy.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tells of parts of a workbook that nobody asks for here
            return openpyxl.load_workbook(copy, data_only=data_only)
    except Exception:  # openpyxl raises what its parts raise: zip, XML, keys and values
        raise _damaged(path) from None


def _damaged(path: Path) -> CohortError:
    return CohortError(f"{path}: not an Excel workbook, or damaged; open it in Excel and save it anew as .xlsx")


def _without_pictures(path: Path) -> io.BytesIO:
    """Copy a workbook without references to drawings, comments and pivot tables.

    Values need none of them, and writers such as R's openxlsx refer to drawings that they leave out.
    """
    if path.read_bytes()[:4] == b"\xd0\xcf\x11\xe0":
        raise CohortError(f"{path}: protected by a password, or an old .xls; save it as .xlsx without a password")
    copy = io.BytesIO()
    try:
        with zipfile.ZipFile(path) as archive, zipfile.ZipFile(copy, "w") as plain_copy:
            for item in archive.infolist():
                content = archive.read(item)
                if re.fullmatch(r"xl/(work|chart)sheets/_rels/.*\.rels", item.filename):
                    content = _PICTURES.sub(b"", content)
                plain_copy.writestr(item.filename, content)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError):
        raise _damaged(path) from None
    return copy
