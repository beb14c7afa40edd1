"""REDCap: its data dictionary gives the columns of an export their labels and levels."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from pathlib import Path

from studyfile.cohort.readers import CohortError, Source
from studyfile.cohort.readers_csv import read_csv

_FIRST = "Variable / Field Name"
_TYPE, _LABEL, _CHOICES = "Field Type", "Field Label", "Choices, Calculations, OR Slider Labels"
_FIXED = {"yesno": {"1": "yes", "0": "no"}, "truefalse": {"1": "yes", "0": "no"}}
_COMPLETE = {"0": "Incomplete", "1": "Unverified", "2": "Complete"}
_LISTS = ("dropdown", "radio", "select")


def is_dictionary(path: Path) -> bool:
    """Say whether a CSV file is a data dictionary of REDCap: its first column has the name that REDCap gives it."""
    with path.open("rb") as file:
        start = file.read(200).removeprefix(b"\xef\xbb\xbf").lstrip(b'"')
    return start.startswith(_FIRST.encode()) or start.startswith(b"field_name,form_name")


def with_dictionary(source: Source, path: Path) -> Source:
    """Give the columns of an export the labels and levels of its data dictionary.

    A checkbox is a column a choice, such as `illness___2`; each becomes a binary one, labelled with its choice.

    Raises
    ------
    CohortError
        When the file is no data dictionary, or knows none of the columns.
    """
    if not path.is_file():
        raise CohortError(f"{path}: no such file; study: dictionary: names it")
    fields = read_csv(path, decimal=".").frame
    if _FIRST not in fields and "field_name" in fields:  # as REDCap's API names them
        api = {
            "field_name": _FIRST,
            "field_type": _TYPE,
            "field_label": _LABEL,
            "select_choices_or_calculations": _CHOICES,
            "form_name": "Form Name",
        }
        fields = fields.rename(columns=api)
    if absent := [name for name in (_FIRST, _TYPE, _LABEL, _CHOICES) if name not in fields]:
        raise CohortError(f"{path}: no column {absent[0]!r}; expected a data dictionary as REDCap exports it")
    labels, levels, known = dict(source.labels), dict(source.levels), 0
    for name, kind, label, choices in fields[[_FIRST, _TYPE, _LABEL, _CHOICES]].itertuples(index=False, name=None):
        label = _text(label) or str(name)
        listed = _FIXED.get(kind) or (_choices(choices) if kind in (*_LISTS, "checkbox") else {})
        if kind == "checkbox":
            for code, choice in listed.items():
                column = f"{name}___{re.sub(r'[^a-z0-9]', '_', code.lower())}"
                if column in source.frame:
                    known += 1
                    labels[column], levels[column] = f"{label}: {choice}", dict(_FIXED["yesno"])
        elif name in source.frame:
            known += 1
            labels[name] = label
            if listed:
                levels[name] = listed
    if not known:
        raise CohortError(f"{path}: describes none of the columns of {source.path.name}; expected its own dictionary")
    if "Form Name" in fields:
        for form in fields["Form Name"].dropna().unique():
            if (column := f"{form}_complete") in source.frame:
                labels[column], levels[column] = f"{form.replace('_', ' ').capitalize()}: form", dict(_COMPLETE)
    for column, found in levels.items():
        if set(source.frame[column].dropna().unique()) - set(found) and set(source.frame[column].dropna()) <= set(
            found.values()
        ):
            levels[column] = {}  # an export of labels, not of codes
    notes = (*source.notes, f"REDCap data dictionary {path.name}: {known} of {source.frame.shape[1]} columns described")
    return replace(source, labels=labels, levels={k: v for k, v in levels.items() if v}, notes=notes)


def _text(value: str | None) -> str:
    """Return a label without the markup that REDCap allows in it."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", value or "")).split())


def _choices(text: str | None) -> dict[str, str]:
    """Read `1, Male | 2, Female`; a label may hold further commas."""
    pairs = [part.partition(",") for part in (text or "").split("|")]
    return {code.strip(): _text(label) or code.strip() for code, _, label in pairs if code.strip()}
