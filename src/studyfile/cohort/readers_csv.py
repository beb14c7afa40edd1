"""CSV files of any spreadsheet: encoding, delimiter and decimal sign are found in the file, or the file is refused."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from studyfile.cohort.csvfile import several
from studyfile.cohort.readers import CohortError, Source, check_names, shown, table

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_OTHERS = (
    (b"PK\x03\x04", "an Excel workbook or another archive"),
    (b"$FL", "an SPSS file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file"),
)
_NAMES = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8 with a mark", "utf-16": "UTF-16", "cp1252": "Windows-1252"}

#: What a cell is: a whole number, one with a decimal point or comma, one whose point or comma may stand before
#: thousands, and one whose points or commas do.
_FORMS = tuple(
    (form, re.compile(pattern))
    for form, pattern in (
        ("whole", r"[+-]?\d+([eE][+-]?\d+)?"),
        ("point?", r"[+-]?[1-9]\d{0,2}\.\d{3}"),
        ("comma?", r"[+-]?[1-9]\d{0,2},\d{3}"),
        ("point", r"[+-]?(\d+\.\d*|\.\d+)([eE][+-]?\d+)?"),
        ("comma", r"[+-]?(\d+,\d*|,\d+)([eE][+-]?\d+)?"),
        ("thousands", r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?|[+-]?\d{1,3}(\.\d{3})+(,\d+)?"),
    )
)


def read_csv(path: Path, *, encoding: str = "", delimiter: str = "", decimal: str = "") -> Source:
    """Read a CSV file as text, so that an error can show a value as it stands.

    Parameters
    ----------
    path : Path
    encoding, delimiter, decimal : str
        What the study file declares; empty: found in the file.

    Raises
    ------
    CohortError
        When the file is no CSV, or can be read in more than one way; the message says which key decides.
    """
    text, encoding = _decoded(path, encoding)
    notes = [f"text in {_NAMES.get(encoding, encoding)}"]
    if encoding == "cp1252":
        notes[0] += ", since it is not UTF-8: look at letters with accents; study: encoding: says another"
    declared = "\t" if delimiter == "tab" else delimiter
    first = re.match(r"sep=(.)\r?\n", text)  # a line for Excel, which it does not show
    if first:
        text, declared = text[first.end() :], declared or first[1]
    delimiter = declared or _delimiter(path, text)
    records = _records(path, text, delimiter)
    notes.append(f"columns separated by a {DELIMITERS.get(delimiter, delimiter)}")
    records = [(row, cells) for row, cells in records if any(cell.strip() for cell in cells)]
    if not records:
        raise CohortError(f"{path}: the file is empty; expected a header line and one line a patient")
    (at, header), *records = records
    header = [name.strip() for name in header]
    check_names(path, at, header)
    if ragged := [(row, len(cells)) for row, cells in records if len(cells) != len(header)]:
        problems = [f"row {row}: {found} values; the header has {len(header)}" for row, found in ragged]
        raise CohortError(several(path, problems, " in the data"))
    if "" in header:
        notes.append(f"{header.count('')} column{'s' * (header.count('') > 1)} without a name left out")
    rows = tuple(row for row, _ in records)
    columns = {name: [cells[i] for _, cells in records] for i, name in enumerate(header) if name}
    if decimal:
        notes.append(f"decimal {_sign(decimal)}, as declared")
    else:
        decimal = _decimal(path, columns, rows, delimiter)
        if decimal == ",":
            notes.append("decimal comma")
    kept = {name: [cell if cell.strip() else None for cell in cells] for name, cells in columns.items()}
    found = {
        "encoding": encoding.removesuffix("-sig"),
        "delimiter": "tab" if delimiter == "\t" else delimiter,
        "decimal": decimal,
    }
    return Source(path=path, frame=table(kept), rows=rows, header=at, decimal=decimal, found=found, notes=tuple(notes))


def _sign(decimal: str) -> str:
    return "comma" if decimal == "," else "point"


def _decoded(path: Path, encoding: str) -> tuple[str, str]:
    """Return the text of a file and its encoding."""
    content = path.read_bytes()
    if kind := next((kind for start, kind in _OTHERS if content.startswith(start)), None):
        raise CohortError(f"{path}: not a text file but {kind}; give it the ending that says so")
    marked = next((name for mark, name in _MARKS if content.startswith(mark)), None)
    tried = encoding or marked or _zeros(content) or "utf-8"
    try:
        return content.decode("utf-8-sig" if tried.lower().replace("_", "-") == "utf-8" else tried), tried
    except LookupError:
        raise CohortError(
            f"{path}: study: encoding: {encoding!r} is unknown; expected such as utf-8, cp1252 or utf-16"
        ) from None
    except UnicodeDecodeError as found:
        line = content[: found.start].count(b"\n") + 1
        if encoding or tried != "utf-8":
            raise CohortError(f"{path}: line {line}: not text in {tried}; save the file as CSV UTF-8") from None
    try:
        return content.decode("cp1252"), "cp1252"
    except UnicodeDecodeError:
        raise CohortError(
            f"{path}: line {line}: text neither in UTF-8 nor in Windows-1252; "
            "save the file as CSV UTF-8, or declare study: encoding:"
        ) from None


def _zeros(content: bytes) -> str:
    """Tell UTF-16 without a mark by where its zeros stand; text in other encodings has none."""
    start = content[:2000]
    for offset, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        half = start[offset::2]
        if half and half.count(0) > len(half) / 2:
            return name
    return ""


def _records(path: Path, text: str, delimiter: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records = []
    try:
        records.extend(enumerate(reader, start=1))
    except csv.Error as found:
        raise CohortError(f"{path}: line {reader.line_num}: not CSV: {found}; is a quotation mark left open?") from None
    return records


def _delimiter(path: Path, text: str) -> str:
    """Find what separates the columns: the sign that divides every line into as many parts as the header."""
    widths: dict[str, Counter[int]] = {}
    headers = {}
    for sign in DELIMITERS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=sign, strict=True)
        try:
            headers[sign] = next((len(cells) for cells in reader if any(cell.strip() for cell in cells)), 0)
        except csv.Error:
            continue
    found = [sign for sign, width in headers.items() if width > 1]
    if len(found) < 2:
        return found[0] if found else ","
    for sign in found:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=sign, strict=True)
        try:
            widths[sign] = Counter(len(cells) for cells in reader if any(cell.strip() for cell in cells))
        except csv.Error:
            continue
    even = [sign for sign, counts in widths.items() if len(counts) == 1]
    if len(even) > 1:
        names = " or a ".join(DELIMITERS[sign] for sign in even)
        raise CohortError(
            f"{path}: columns may be separated by a {names}: both divide every line alike; declare study: delimiter:"
        )
    return even[0] if even else max(found, key=lambda sign: headers[sign])


def _form(cell: str) -> str:
    return next((form for form, pattern in _FORMS if pattern.fullmatch(cell)), "")


def _decimal(path: Path, columns: dict[str, list[str]], rows: Sequence[int], delimiter: str) -> str:
    """Find the decimal sign of a file in its columns of numbers.

    Two signs, or numbers such as 1,234 that are one thing with and another without a decimal comma, are refused. Where
    commas separate the columns, a point is the decimal sign unless numbers in quotation marks alone say otherwise.
    """
    forms: dict[str, dict[str, tuple[int, str]]] = {}  # form -> column -> where it is seen first
    for name, cells in columns.items():
        first = {}
        for row, cell in zip(rows, map(str.strip, cells), strict=True):
            if cell:
                first.setdefault(cell, row)
        kinds = {cell: _form(cell) for cell in first}
        if 2 * sum(map(bool, kinds.values())) > len(kinds):  # a column of numbers, some marks of missing values aside
            for cell, kind in kinds.items():
                forms.setdefault(kind, {}).setdefault(name, (first[cell], cell))

    def seen(*kinds: str) -> str:
        name, (row, cell) = next(item for kind in kinds for item in forms.get(kind, {}).items())
        return f"{shown(cell)} (row {row}, column {name!r})"

    refuse = "; save numbers without signs for thousands, or declare study: decimal: ',' or '.'"
    if "thousands" in forms:
        raise CohortError(f"{path}: {seen('thousands')} has signs for thousands{refuse}")
    comma, point = "comma" in forms, "point" in forms
    if comma and point and delimiter != ",":
        raise CohortError(f"{path}: {seen('comma')} has a decimal comma and {seen('point')} a decimal point{refuse}")
    if comma and not point:
        if "point?" in forms and delimiter != ",":
            raise CohortError(f"{path}: {seen('comma')} has a decimal comma, so {seen('point?')} is unclear{refuse}")
        return "," if "point?" not in forms else "."
    if "comma?" in forms:
        raise CohortError(f"{path}: {seen('comma?')} may be a thousand or a fraction{refuse}")
    if "point?" in forms and not point and delimiter != ",":
        raise CohortError(f"{path}: {seen('point?')} may be a thousand or a fraction{refuse}")
    return "."
