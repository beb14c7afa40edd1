"""A notebook as plain data: read it, find and check its parameters, write it whole or not at all."""

from __future__ import annotations

import ast
import contextlib
import json
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from studyfile.errors import CohortbookError
from studyfile.files import write_whole
from studyfile.study.study import Study, nearest

#: Parameters that the command line sets by options of their own.
RESERVED = ("study", "output_dir")
#: Keys of the study file that name a file beside it, and what that file is. A file that is not there counts as missing.
FILES = {"study.data": "a cohort file", "published.file": "a file of printed figures"}


class NotebookError(CohortbookError):
    """A file that is not a notebook, or parameters that no notebook takes."""


def read_notebook(path: str | Path) -> dict[str, Any]:
    """Read a notebook as plain JSON, without the cost of a validator.

    Raises
    ------
    NotebookError
        When the file is missing or is not a notebook of format 4.
    """
    try:
        notebook = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise NotebookError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:
        raise NotebookError(f"{path}: not a notebook: {error}") from None
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4 or "cells" not in notebook:
        raise NotebookError(f"{path}: not a notebook of format 4")
    return notebook


def source_of(cell: Mapping[str, Any]) -> str:
    """Return a cell's source as one text."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def declared_parameters(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """Return the names and defaults that the cell tagged `parameters` assigns.

    Examples
    --------
    >>> cell = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": "level = 0.95  # confidence"}
    >>> declared_parameters({"cells": [cell]})
    {'level': 0.95}
    """
    found: dict[str, Any] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code" or "parameters" not in cell["metadata"].get("tags", ()):
            continue
        try:
            for statement in ast.parse(source_of(cell)).body:
                if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                    found[statement.targets[0].id] = ast.literal_eval(statement.value)
        except (SyntaxError, ValueError) as error:
            raise NotebookError(f"the parameters cell holds more than plain literals: {error}") from None
    return found


def parse_assignments(texts: Iterable[str]) -> dict[str, str]:
    """Read `name=value` pairs, several in one text if separated by spaces; quotes keep a space in a value.

    Examples
    --------
    >>> parse_assignments(["removal=lr title='two words'"])
    {'removal': 'lr', 'title': 'two words'}
    """
    found: dict[str, str] = {}
    for text in texts:
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise NotebookError(f"parameters: {text!r}: {error}; expected name=value, with spaces in quotes") from None
        for word in words:
            name, equals, value = word.partition("=")
            if not equals or not name.isidentifier():
                raise NotebookError(f"parameters: {word!r}: expected name=value without spaces around the =")
            if name in RESERVED:
                instead = "make report STUDY=folder" if name == "study" else "--output-dir"
                raise NotebookError(f"parameters: {name!r} is not given here; use {instead}")
            if name in found:
                raise NotebookError(f"parameters: {name!r} is given twice")
            found[name] = value
    return found


def at_key(file: Any, key: str) -> Any:
    """Return what stands in a study file at a key such as `survival.competing`; None where nothing does.

    Examples
    --------
    >>> at_key({"survival": {"time": "days"}}, "survival.time"), at_key({}, "survival.time")
    ('days', None)
    """
    for part in key.split("."):
        file = file.get(part) if isinstance(file, Mapping) else getattr(file, part, None)
    return file


def missing_need(notebook: Mapping[str, Any], study: Study) -> str:
    """Return the first key that a notebook needs and the study lacks, or an empty text.

    A notebook names its needs in its metadata, `cohortbook: needs:`, as one key of the study file or a list of them. A
    section must be there; of a key that names a file (`FILES`), the file must be there too.
    """
    needs = notebook["metadata"].get("cohortbook", {}).get("needs", ())
    for key in [needs] if isinstance(needs, str) else needs:
        found = at_key(study.file, key)
        if not found or (key in FILES and not (study.folder / found).is_file()):
            return key
    return ""


def lack_in_words(study: Study, key: str) -> str:
    """Say what a study lacks, by the key that a notebook needs."""
    name = at_key(study.file, key)
    if key in FILES and name:
        return f"needs {FILES[key]}: there is no {name} in the study's folder"
    return f"the study file has no section {key!r}"


def _scalar(text: str) -> Any:
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return {"true": True, "false": False, "null": None}.get(text.lower(), text)


def parse_value(name: str, text: str, default: Any) -> Any:
    """Read a parameter's value; what the notebook has by default says what kind is expected.

    A text stays as typed. Numbers, `true`, `false` and lists (`[1, 2]`, or one item) are read as YAML reads them, save
    that `yes`, `no`, `on` and `off` stay words.

    Examples
    --------
    >>> parse_value("level", "0.9", 0.95), parse_value("at", "[180, 365]", [90]), parse_value("show", "no", "yes")
    (0.9, [180, 365], 'no')
    """
    if isinstance(default, str):
        return text
    try:
        loaded = yaml.load(text, yaml.BaseLoader)
    except yaml.YAMLError:
        loaded = {}
    is_list = isinstance(loaded, list) and all(isinstance(item, str) for item in loaded)
    if not isinstance(loaded, str) and not is_list:
        raise NotebookError(f"parameters: {name}={text}: expected a word, a number, true, false or a list such as [1, 2]")
    value = [_scalar(item) for item in loaded] if is_list else _scalar(loaded)
    match default:
        case bool():
            fits, wanted = isinstance(value, bool), "true or false"
        case int():
            fits, wanted = isinstance(value, int) and not isinstance(value, bool), "a whole number"
        case float():
            fits, wanted = isinstance(value, int | float) and not isinstance(value, bool), "a number"
        case list() | tuple():
            return value if is_list else [value]
        case _:
            return value
    if not fits:
        raise NotebookError(f"parameters: {name}={text}: expected {wanted}, such as the default {name}={default}")
    return float(value) if isinstance(default, float) else value


def check_parameters(notebooks: Iterable[str | Path], given: Mapping[str, str]) -> None:
    """Check that each parameter is declared by a notebook and that its value is of the kind expected there.

    Raises
    ------
    NotebookError
        Naming every parameter that no notebook declares, with the nearest name, and every value that does not fit.
    """
    declared = [declared_parameters(read_notebook(path)) for path in notebooks]
    known = sorted({name for names in declared for name in names if name not in RESERVED})
    problems: dict[str, None] = {}
    for name, text in given.items():
        if name not in known:
            hint = nearest(name, known) or f"; declared: {', '.join(known) or 'none'}"
            problems[f"parameters: no notebook declares {name!r}{hint}"] = None
        for defaults in declared:
            if name in defaults:
                try:
                    parse_value(name, text, defaults[name])
                except NotebookError as error:
                    problems[str(error)] = None
    if problems:
        raise NotebookError("\n".join(problems))


def notebook_text(notebook: Mapping[str, Any]) -> str:
    """Return a notebook as Jupyter writes it."""
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # see run.execute
    import nbformat

    return nbformat.writes(nbformat.from_dict(notebook)).rstrip("\n") + "\n"


def write_notebook(notebook: Mapping[str, Any], path: Path) -> None:
    """Write a notebook, whole or not at all."""
    write_whole(path, notebook_text(notebook))
