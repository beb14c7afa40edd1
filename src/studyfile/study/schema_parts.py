"""What the sections of a study file are made of: parts that know their keys, words, numbers and conditions."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

from studyfile.study.study_yaml import shown


class Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, protected_namespaces=(), allow_inf_nan=False
    )


def _mark(value: Any) -> Any:
    """Take the mark of a missing value as it is written in a data file: 999 and "999" are one mark."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Mark = Annotated[str, BeforeValidator(_mark)]


def _word_or_number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        quotes = "; put it in quotes" if isinstance(value, bool | date) else ""
        raise ValueError(f"expected a word or a number; found {shown(value)}{quotes}")
    return value


def _wanted(value: Any) -> Any:
    """Check what a condition wants, once for all its forms, so that an error does not name each of them."""
    if isinstance(value, dict) and value and set(value) <= {"min", "max"}:
        days = {end: datetime.combine(v, time()) for end, v in value.items() if isinstance(v, date)}
        if len(days) == len(value) or all(isinstance(v, int | float) and not isinstance(v, bool) for v in value.values()):
            limits = {end: days.get(end, v) for end, v in value.items()}
            if "min" in limits and "max" in limits and limits["min"] > limits["max"]:
                raise ValueError("nothing lies between these limits: min is above max")
            return limits
    elif isinstance(value, list | tuple) and value:
        return tuple(map(_word_or_number, value))
    elif isinstance(value, str | int | float):
        return _word_or_number(value)
    raise ValueError("expected a level, a list of levels, or limits {min: ..., max: ...} that are numbers or dates")


WordOrNumber = Annotated[str | float, BeforeValidator(_word_or_number)]
#: variable -> a level, several levels, or limits {min:, max:} (both inclusive; of a date, a day)
Condition = dict[str, Annotated[Any, BeforeValidator(_wanted)]]
