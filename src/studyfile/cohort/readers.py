"""Data files as they come: CSV, Excel, SPSS, Stata, SAS, Parquet and REDCap, each read into one kind of source."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studyfile.errors import CohortbookError

if TYPE_CHECKING:
    import pandas as pd

#: end of a file's name -> what it is
FORMATS = {
    ".csv": "CSV",
    ".txt": "CSV",
    ".tsv": "CSV",
    ".xlsx": "Excel",
    ".xlsm": "Excel",
    ".sav": "SPSS",
    ".zsav": "SPSS",
    ".dta": "Stata",
    ".sas7bdat": "SAS",
    ".xpt": "SAS",
    ".parquet": "Parquet",
    ".pq": "Parquet",
}
_INSTEAD = {".xls": ".xlsx", ".ods": ".xlsx", ".numbers": ".xlsx", ".rds": ".csv", ".rdata": ".csv", ".por": ".sav"}


class CohortError(CohortbookError):
    """Data that do not fit the study file; the message names file, rows, columns and what was expected."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """A data file as it was found, before a study file says what its columns mean.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    frame : pandas.DataFrame
        One row a record, raw values as found: texts of a CSV file, Python's numbers, texts and dates of the others;
        missing is None.
    rows : tuple of int
        The number of each row as a spreadsheet shows it; cases from 1 in files without a header line.
    header : int
        The row of the header; 0 where there is none.
    labels : mapping
        Column -> its label, where the file has one.
    levels : mapping
        Column -> {code as text: label of the value}.
    missing : mapping
        Column -> what the file itself declares missing: codes, and ranges as pairs.
    decimal : str
        The decimal sign of numbers that are texts.
    found : mapping
        Key of the study file (sheet, encoding, delimiter, decimal) -> what was found in this file.
    notes : tuple of str
        What was found out about the file, in words.
    """

    path: Path
    frame: pd.DataFrame
    rows: tuple[int, ...]
    header: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    levels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    missing: Mapping[str, tuple] = field(default_factory=dict)
    decimal: str = "."
    found: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """The file, and the row of its header where it has one."""
        return f"{self.path}: row {self.header}" if self.header else str(self.path)

    def is_missing(self, column: str, value: Any) -> bool:
        """Say whether a cell is empty, or holds what the file itself declares missing."""
        if value is None:
            return True
        for declared in self.missing.get(column, ()):
            if isinstance(declared, tuple):
                if isinstance(value, int | float) and declared[0] <= value <= declared[1]:
                    return True
            elif value == declared:
                return True
        return False


def read_source(
    path: str | Path,
    *,
    sheet: str = "",
    dictionary: str | Path = "",
    encoding: str = "",
    delimiter: str = "",
    decimal: str = "",
) -> Source:
    """Read a data file of any kind; the end of its name tells which.

    Parameters
    ----------
    path : str or Path
        CSV, Excel (.xlsx), SPSS (.sav), Stata (.dta), SAS (.sas7bdat, .xpt) or Parquet.
    sheet : str
        The sheet of an Excel file; not needed where one alone is filled.
    dictionary : str or Path
        REDCap's data dictionary (CSV), which gives the columns of its export their labels and levels.
    encoding, delimiter, decimal : str
        Of a CSV file; empty: found in the file. `delimiter` is a comma, semicolon, bar or the word tab.

    Raises
    ------
    CohortError
        When the file is missing, of no known kind, broken, or can be read in more than one way.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "rows.csv"
    ...     _ = path.write_text("id;weight\\nP1;70,5\\n")
    ...     source = read_source(path)
    >>> source.frame.to_dict("records"), source.decimal, source.rows
    ([{'id': 'P1', 'weight': '70,5'}], ',', (2,))
    """
    path = Path(path)
    if not path.is_file():
        raise CohortError(f"{path}: no such file")
    suffix = path.suffix.lower()
    kind = FORMATS.get(suffix)
    if kind is None:
        instead = f"; save it as {_INSTEAD[suffix]}" if suffix in _INSTEAD else ""
        raise CohortError(
            f"{path}: cannot tell what {suffix or 'a file without an ending'} is; expected one of {', '.join(FORMATS)}{instead}"
        )
    if sheet and kind != "Excel":
        raise CohortError(f"{path}: has no sheets; sheet {sheet!r} was asked for. Only an Excel file has sheets")
    if dictionary and kind != "CSV":
        raise CohortError(f"{path}: a REDCap data dictionary goes with REDCap's export as CSV")
    match kind:
        case "CSV":
            from studyfile.cohort.readers_csv import read_csv

            source = read_csv(path, encoding=encoding, delimiter=delimiter, decimal=decimal)
        case "Excel":
            from studyfile.cohort.readers_excel import read_excel

            source = read_excel(path, sheet=sheet)
        case _:
            from studyfile.cohort.readers_statistics import read_statistics

            source = read_statistics(path, kind)
    if not dictionary:
        return source
    from studyfile.cohort.readers_redcap import with_dictionary

    return with_dictionary(source, Path(dictionary))


def plain(values: Iterable[Any]) -> list[Any]:
    """Return the values of a column as Python's own: whole numbers without a fraction, days without a time, else None.

    Examples
    --------
    >>> plain([1.0, 2.0, float("nan")]), plain([1.0, 2.5])
    ([1, 2, None], [1.0, 2.5])
    """
    found = [_plain(value) for value in values]
    if all(not isinstance(value, float) or value.is_integer() for value in found):
        found = [int(value) if isinstance(value, float) and abs(value) < 2**53 else value for value in found]
    days = [value for value in found if isinstance(value, datetime.datetime)]
    if all(value.time() == datetime.time() for value in days):
        found = [value.date() if isinstance(value, datetime.datetime) else value for value in found]
    return found


def _plain(value: Any) -> Any:
    if type(value) in (int, bool):
        return value
    if type(value) is float:
        return value if value == value else None
    if type(value) is str:
        return value if value.strip() else None
    if value is None or str(value) in ("NaT", "<NA>"):
        return None
    if hasattr(value, "to_pydatetime"):
        return value.to_pydatetime()
    if type(value).__name__ == "float32":  # 3.2, not the 3.2000000476837 that it is stored as
        value = float(str(value))
    elif hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and value != value else value


def table(columns: Mapping[str, Iterable[Any]] | Sequence[tuple[str, Iterable[Any]]]) -> pd.DataFrame:
    """Make a frame of raw values: every column keeps the objects that it is given."""
    import pandas as pd

    given = dict(columns)
    return pd.DataFrame({name: pd.Series(list(values), dtype=object) for name, values in given.items()})


def check_names(path: Path, row: int, header: Sequence[str]) -> None:
    """Check that no name stands twice in a header.

    Raises
    ------
    CohortError
        Naming those that do.
    """
    if twice := [name for name in dict.fromkeys(header) if name and header.count(name) > 1]:
        # Of a file without a header, the first patient stands where the names are looked for.
        names = "a name (not shown)" if masked() else ", ".join(map(repr, twice))
        raise CohortError(f"{path}: row {row}: {names} stands twice in the header; give each column its own name")


def masked() -> bool:
    """Say whether values of patients are kept out of messages: the environment variable COHORTBOOK_MASK is set."""
    return os.environ.get("COHORTBOOK_MASK", "").strip().lower() not in ("", "0", "no", "false")


def shown(value: Any) -> str:
    """Show a cell in a message, or say that it is not shown."""
    if masked():
        return "value not shown"
    return "empty" if value is None else repr(value) if isinstance(value, str) else str(value)


_NUMBER = re.compile(r"[+-]?(\d+,?\d*|,\d+)([eE][+-]?\d+)?")


def with_point(text: str) -> str:
    """Write a number with a decimal comma with a point; any other text as it is.

    Examples
    --------
    >>> with_point("3,5"), with_point("a,b"), with_point("1,2,3")
    ('3.5', 'a,b', '1,2,3')
    """
    return text.replace(",", ".") if _NUMBER.fullmatch(text.strip()) else text
