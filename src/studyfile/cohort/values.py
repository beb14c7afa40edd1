"""Values: what a recorded value stands for, what is derived from it, and whether it meets a condition.

All of it works on distinct values or patterns; nothing here sees a row.
"""

from __future__ import annotations

import contextlib
import datetime
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from studyfile.study.schema import Band
from studyfile.study.study import NO_YES, NUMERIC, Study, nearest

_ORDERS = {"ymd": "year-month-day (2019-12-31)", "dmy": "day, month, year (31.12.2019)", "mdy": "month, day, year (12/31/2019)"}


def is_missing(study: Study, value: Any, name: str = "") -> bool:
    """Say whether a recorded value stands for a missing one: an empty cell, or a mark that the study file declares.

    Parameters
    ----------
    study : Study
    value : object
    name : str
        The variable; it may have marks of its own. Empty: the value is an id, which no mark that is a number can be.
    """
    if value is None or str(value) in ("NaT", "<NA>") or bool(value != value):
        return True
    text = str(value).strip()
    if not text:
        return True
    marks = study.file.study.missing + (study.file.variables[name].missing if name else ())
    return any(text == mark if number is None else name and _number(text) == number for mark, number in map(_mark, marks))


def _mark(mark: str) -> tuple[str, float | None]:
    return mark, _number(mark)


def _number(text: str) -> float | None:
    try:
        number = float(text.replace("_", "x"))  # Python reads 1_000, nobody else does
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None


def read_value(study: Study, name: str, value: Any) -> tuple[Any, str]:
    """Read one recorded value.

    Returns
    -------
    object
        What it stands for: a float, a level (of a binary variable "no" or "yes"), a day; None when missing or wrong.
    str
        What is wrong with it and what was expected; empty when nothing is.
    """
    if is_missing(study, value, name):
        return None, ""
    variable = study.file.variables[name]
    text = str(value).strip()
    if not isinstance(value, str):  # 1.0 is the code "1"
        text = text.removesuffix(".0")
    text = variable.codes.get(text, text)
    if variable.kind in NUMERIC:
        return _read_number(study, name, text)
    if variable.kind == "date":
        order = variable.date_order if isinstance(value, str) else "ymd"
        day = read_day(text, order)
        return day, "" if day else f"expected a date, {_ORDERS[order]}"
    if variable.kind == "binary" and type(value).__name__ in ("bool", "bool_"):
        text = NO_YES[bool(value)]
    levels = study.levels(name)
    if text in levels:
        return text, ""
    return None, f"not a level; expected {', '.join(levels)}{nearest(text, levels)}"


def read_day(text: str, order: str) -> datetime.datetime | None:
    """Read a date written in an order, or as year-month-day; None when it is none. Days are counted: the time goes.

    Examples
    --------
    >>> read_day("31.12.2019", "dmy"), read_day("12/31/2019", "dmy")
    (datetime.datetime(2019, 12, 31, 0, 0), None)
    """
    parts = re.fullmatch(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})(\s.*)?", text) if order != "ymd" else None
    try:
        if parts:
            day, month = (parts[1], parts[3]) if order == "dmy" else (parts[3], parts[1])
            return datetime.datetime(int(parts[4]), int(month), int(day))
        return datetime.datetime.combine(datetime.datetime.fromisoformat(text), datetime.time())
    except ValueError:
        return None


def _read_number(study: Study, name: str, text: str) -> tuple[float | None, str]:
    variable = study.file.variables[name]
    number = _number(text)
    if number is None:
        with contextlib.suppress(ValueError):
            float(text.replace("_", "x"))
            return None, "not a finite number"
        hint = "; write a decimal point, not a comma" if re.fullmatch(r"[+-]?\d*,\d+", text) else ""
        return None, f"not a number{hint}"
    if number < 0 and name in study.times:
        return None, "a time cannot be negative"
    step = study.step(name)
    if step and abs(number / step - round(number / step)) > 1e-6:
        return None, "expected a whole number" if step == 1 else f"expected at most {variable.decimals} decimals"
    if variable.range and not variable.range[0] <= number <= variable.range[1]:
        low, high = variable.range
        return (None, f"outside the plausible range {low:g} to {high:g} of {study.path.name}; correct it or widen the range")
    return number, ""


def clean(study: Study, patterns: pd.DataFrame, bases: Sequence[str]) -> pd.DataFrame:
    """Give raw columns their types: float64, ordered categoricals with every level, nullable booleans, days.

    Values were checked when the cohort was loaded; a missing value becomes NaN, NA or NaT.
    """

    def read(name: str) -> list:
        seen: dict = {}  # a value is read once, however many patterns have it; True is not 1
        for key in (values := [(type(value), value) for value in patterns[name]]):
            if key not in seen:
                seen[key] = read_value(study, name, key[1])[0]
        return [seen[key] for key in values]

    typed = {name: _typed(study, name, read(name), patterns.index) for name in bases}
    return pd.DataFrame({**typed, "n": patterns["n"]})


def _typed(study: Study, name: str, values: Sequence, index: pd.Index) -> pd.Series:
    match study.kind(name):
        case "continuous" | "count":
            return pd.Series(values, index=index, dtype="float64")
        case "binary":
            return pd.Series([None if v is None else v == "yes" for v in values], index=index, dtype="boolean")
        case "date":
            return pd.Series(np.array(values, dtype="datetime64[s]"), index=index)
    return pd.Series(pd.Categorical(values, categories=study.levels(name), ordered=True), index=index)


def derive(study: Study, patterns: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Add derived variables to clean patterns; missing where a variable they are made from is missing.

    Parameters
    ----------
    study : Study
        The study file that declares them.
    patterns : pandas.DataFrame
        Clean recorded columns, and `n`; a derived column that is there already is taken as it is.
    names : sequence of str
        The variables wanted, recorded or derived.

    Returns
    -------
    pandas.DataFrame
        The named columns in order, then `n`.
    """
    return pd.DataFrame({**{name: _column(study, patterns, name) for name in names}, "n": patterns["n"]})


def _column(study: Study, patterns: pd.DataFrame, name: str) -> pd.Series:
    if name in patterns:
        return patterns[name]
    rule = study.file.derived[name]
    parents = [_column(study, patterns, parent) for parent in rule.parents]
    if rule.rule == "days_between":
        return (parents[1] - parents[0]).dt.days.astype("float64")
    known = ~parents[0].isna() if len(parents) == 1 else ~(parents[0].isna() | parents[1].isna())
    values = [
        derive_value(study, name, *pattern) if whole else None
        for whole, pattern in zip(known, zip(*parents, strict=True), strict=True)
    ]
    return _typed(study, name, values, patterns.index)


def derive_value(study: Study, name: str, *values: Any) -> str | None:
    """Return the level of a derived variable for the values of the variables it is made from, none of them missing."""
    rule = study.file.derived[name]
    match rule.rule:
        case "bands":
            return next((band.label for band in rule.bands if _in_band(band, values[0])), None)
        case "recode":
            return next(level for level, members in rule.recode.items() if values[0] in members)
        case "member":
            return NO_YES[values[0] in rule.member]
        case "change":
            order = study.levels(rule.change[0])
            better = order.index(values[1]) - order.index(values[0])
            return rule.change_levels[0 if better > 0 else 1 if better == 0 else 2]
    return f"{values[0]} to {values[1]}"


def _in_band(band: Band, value: float) -> bool:
    return (
        (band.from_ is None or value >= band.from_)
        and (band.to is None or value <= band.to)
        and (band.below is None or value < band.below)
    )


def meets(study: Study, name: str, value: Any, wanted: Any) -> bool:
    """Say whether a value of a variable, not missing, meets what a condition wants of it."""
    if isinstance(wanted, dict):
        return bool(wanted.get("min", value) <= value <= wanted.get("max", value))
    levels = wanted if isinstance(wanted, tuple) else (wanted,)
    if study.kind(name) in NUMERIC:
        return any(value == float(level) for level in levels)
    shown = NO_YES[bool(value)] if study.kind(name) == "binary" and not isinstance(value, str) else value
    return shown in {str(level) for level in levels}
