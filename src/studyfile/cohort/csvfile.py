"""CSV files, read whole as text: records numbered as a spreadsheet shows them, and every problem told at once."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from studyfile.errors import CohortbookError

#: How many problems a message lists before it gives the count of the rest.
LISTED = 20


def read_records(path: Path, error: type[CohortbookError]) -> list[tuple[int, list[str]]]:
    """Read the records of a CSV file, each with its row; rows that hold nothing are passed over.

    Parameters
    ----------
    path : Path
    error : type of CohortbookError
        Raised when the file is not UTF-8 or not CSV.
    """
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as found:
        line = content[: found.start].count(b"\n") + 1
        raise error(f"{path}: line {line}: not UTF-8 text; save the file as CSV UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records = []
    try:
        records.extend(enumerate(reader, start=1))
    except csv.Error as found:
        raise error(f"{path}: line {reader.line_num}: not CSV: {found}; is a quotation mark left open?") from None
    return [(row, cells) for row, cells in records if any(cell.strip() for cell in cells)]


def several(source: str | Path, problems: Sequence[str], what: str = "") -> str:
    """Return one message that lists the first problems and counts the rest.

    Examples
    --------
    >>> print(several("rows.csv", ["row 2: 'x': not a number"], " in the data"))
    rows.csv: 1 error in the data
      row 2: 'x': not a number
    """
    shown = "\n".join(f"  {text}" for text in problems[:LISTED])
    more = f"\n  and {len(problems) - LISTED} more" if len(problems) > LISTED else ""
    return f"{source}: {len(problems)} error{'s' * (len(problems) > 1)}{what}\n{shown}{more}"
