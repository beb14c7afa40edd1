"""Files of SPSS, Stata and SAS, and Parquet: values with the labels and missing codes that the files declare."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from studyfile.cohort.readers import CohortError, Source, plain, table

_PROGRAMS = {"SPSS": "read_sav", "Stata": "read_dta", "SAS": "read_sas7bdat"}


def read_statistics(path: Path, kind: str) -> Source:
    """Read a file of SPSS, Stata or SAS, or a Parquet file.

    Parameters
    ----------
    path : Path
    kind : {"SPSS", "Stata", "SAS", "Parquet"}

    Raises
    ------
    CohortError
        When the file is damaged or of another kind.

    Notes
    -----
    Codes that SPSS declares user-missing stay in the frame and stand in `missing`; Stata's and SAS's own missing values
    (`.`, `.a` to `.z`) are None. Labels of SAS live in a catalog: one beside the file, of the same name with the ending
    .sas7bcat, is read too.
    """
    return _parquet(path) if kind == "Parquet" else _labelled(path, kind)


def _labelled(path: Path, kind: str) -> Source:
    import pyreadstat

    name = "read_xport" if path.suffix.lower() == ".xpt" else _PROGRAMS[kind]
    options: dict[str, Any] = {"user_missing": True} if kind == "SPSS" else {}
    notes = [f"{kind} file"]
    catalog = path.with_suffix(".sas7bcat")
    if name == "read_sas7bdat" and catalog.is_file():
        options["catalog_file"] = str(catalog)
        notes.append(f"labels of values from {catalog.name}")
    try:
        frame, meta = getattr(pyreadstat, name)(str(path), **options)
    except (pyreadstat.PyreadstatError, pyreadstat.ReadstatError, ValueError, OverflowError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CohortError(f"{path}: cannot be read as a file of {kind}: {reason}") from None
    types = meta.readstat_variable_types
    columns = {
        column: plain(frame[column].to_numpy("float32") if types.get(column) == "float" else frame[column])
        for column in frame.columns
    }
    given = {name: (label or "").strip() for name, label in meta.column_names_to_labels.items()}
    labels = {name: label for name, label in given.items() if label and label != name}
    levels = {name: _levels(found) for name, found in meta.variable_value_labels.items() if found}
    missing = {name: _missing(found) for name, found in getattr(meta, "missing_ranges", {}).items() if found}
    if missing:
        notes.append(f"codes declared missing in {len(missing)} column{'s' * (len(missing) > 1)}")
    return Source(
        path=path,
        frame=table(columns),
        rows=tuple(range(1, len(frame) + 1)),
        labels=labels,
        levels=levels,
        missing=missing,
        notes=tuple(notes),
    )


def _levels(found: Mapping[Any, str]) -> dict[str, str]:
    codes = plain(found)
    return {str(code): str(label).strip() for code, label in zip(codes, found.values(), strict=True) if code is not None}


def _missing(found: list[dict[str, Any]]) -> tuple:
    """Return single codes as they are, and ranges as pairs."""
    return tuple(plain([part["lo"]])[0] if part["lo"] == part["hi"] else (part["lo"], part["hi"]) for part in found)


def _parquet(path: Path) -> Source:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        names = parquet.read_schema(path).names
        if twice := ", ".join(sorted({repr(name) for name in names if names.count(name) > 1})):
            raise CohortError(f"{path}: {twice} names two columns; give each column its own name")
        read = parquet.read_table(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise CohortError(f"{path}: cannot be read as a Parquet file: {' '.join(str(error).split())}") from None
    columns = {}
    for name, column in zip(read.column_names, read.columns, strict=True):
        if name.startswith("__index_level_"):  # row names that pandas keeps
            continue
        if pa.types.is_nested(column.type):
            raise CohortError(f"{path}: column {name!r} holds {column.type}; expected one value a cell")
        columns[name] = plain(column.to_numpy() if pa.types.is_float32(column.type) else column.to_pylist())
    return Source(path=path, frame=table(columns), rows=tuple(range(1, read.num_rows + 1)), notes=("Parquet file",))
