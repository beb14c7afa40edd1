"""What results have in common: a tidy frame, and one way to say that a statistic is undefined."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, dataclass_transform

if TYPE_CHECKING:
    import pandas as pd


NAN = float("nan")
CONSTANT = "every patient has the same value"


#: What a short `repr` shows of a result: fields, numbers of one field, characters of a text; significant digits.
FIELDS_SHOWN, NUMBERS_SHOWN, CHARACTERS_SHOWN, DIGITS_SHOWN = 6, 3, 40, 4


def short_number(value: float) -> str:
    """Write a number with four significant digits, the same on every processor: its last digits are not looked at.

    Examples
    --------
    >>> short_number(0.1 + 0.2), short_number(1e-17), short_number(1234567.0), short_number(72)
    ('0.3', '0', '1.235e+06', '72')
    """
    if isinstance(value, int):
        return str(value)
    settled = 0.0 if abs(value) < 1e-12 else float(f"{value:.12g}")
    return f"{settled:.{DIGITS_SHOWN}g}"


def short_repr(result: Any) -> str:
    """Name a result, its first texts and numbers, its estimates and P values, and how many patients it is about."""
    shown: dict[str, str] = {}
    estimates = ""  # the first field of numbers: what follows, such as standard errors and limits, is left out
    for name in (one.name for one in fields(result) if one.repr):
        value = getattr(result, name)
        if isinstance(value, str) and 0 < len(value) <= CHARACTERS_SHOWN:
            shown[name] = repr(value)
        elif isinstance(value, int | float) and not math.isnan(value):
            shown[name] = short_number(value)
        elif isinstance(value, tuple) and value:
            if all(isinstance(one, float) for one in value):
                estimates = estimates or name
                if name in (estimates, "p_values"):
                    few = [*map(short_number, value[:NUMBERS_SHOWN]), *["…"] * (len(value) > NUMBERS_SHOWN)]
                    shown[name] = f"({', '.join(few)})"
            elif len(value) <= NUMBERS_SHOWN and all(type(one) is int for one in value):
                shown[name] = str(value)
            else:
                shown[name] = f"<{len(value)}>"
    first = dict(list(shown.items())[:FIELDS_SHOWN]) | {name: shown[name] for name in ("p_value", "n") if name in shown}
    return f"{type(result).__name__}({', '.join(f'{name}={text}' for name, text in first.items())})"


@dataclass_transform(frozen_default=True, kw_only_default=True)
def result(cls: type | None = None, /, *, eq: bool = True, kw_only: bool = True) -> Any:
    """Make a class a frozen dataclass with a short `repr`, which reads the same wherever it was computed.

    Examples
    --------
    >>> @result
    ... class Mean:
    ...     term: str
    ...     estimate: float
    ...     n: int
    >>> Mean(term="age", estimate=61.40000000000001, n=72)
    Mean(term='age', estimate=61.4, n=72)
    """

    def made(cls: type) -> type:
        if "__repr__" not in vars(cls):
            cls.__repr__ = short_repr  # type: ignore[method-assign]
        return dataclass(frozen=True, slots=True, kw_only=kw_only, eq=eq, repr=False)(cls)

    return made if cls is None else made(cls)


#: What stands where a number is hidden: a small count, or a number that would reveal one.
MARK = "[hidden]"


class Hidden:
    """A number that is not shown: to arithmetic no number, and its results are hidden too; to a reader a mark.

    No float, as pandas would make a plain NaN of it.

    Examples
    --------
    >>> f"{HIDDEN} of 72", 100 * HIDDEN / 72, HIDDEN < 5, bool(HIDDEN)
    ('[hidden] of 72', [hidden], False, True)
    """

    __slots__ = ()

    def __float__(self) -> float:
        return NAN

    def __eq__(self, other: object) -> bool:
        return False

    def __ne__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return id(Hidden)

    def __repr__(self) -> str:
        return MARK

    def __format__(self, how: str) -> str:
        return MARK

    def __reduce__(self) -> tuple:
        return (Hidden, ())

    def _itself(self, *_: object) -> Hidden:
        return self

    def _never(self, other: object) -> bool:
        return False

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _itself
    __neg__ = __abs__ = __copy__ = __deepcopy__ = _itself
    __lt__ = __le__ = __gt__ = __ge__ = _never


HIDDEN = Hidden()


class UndefinedWarning(RuntimeWarning):
    """A statistic that these data do not define is NaN; the warning says why."""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep undefined statistics from warning: they carry their reason into the table."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedWarning)
        yield


def warn_undefined(what: str, reason: str | None, *, depth: int = 1) -> None:
    """Warn that `what` is undefined, when there is a reason; `depth` calls lie between here and the user's line."""
    if reason:
        warnings.warn(f"{what}: {reason}", UndefinedWarning, stacklevel=depth + 2)


class Result:
    """A result that has a table: what shows results, as a notebook does, lays it out."""

    __slots__ = ()


class OneRow(Result):
    """A result whose fields are the columns of a tidy frame of one row."""

    __slots__ = ()

    @property
    def frame(self) -> pd.DataFrame:
        """One row with a column for every field."""
        import pandas as pd

        return pd.DataFrame([{field.name: getattr(self, field.name) for field in fields(self)}])


def require_confidence_level(confidence_level: float) -> None:
    """Raise ValueError unless 0 < confidence_level < 1."""
    if not 0 < confidence_level < 1:
        raise ValueError(f"confidence_level: {confidence_level!r}; expected a number between 0 and 1, such as 0.95")


@dataclass(frozen=True, slots=True)
class NotPlanned:
    """A result that is not there, and why: the study file does not plan it, or the data give nothing to compute.

    `hidden` says that it is there and not shown, as it would reveal a small count.
    """

    reason: str
    hidden: bool = field(default=False, repr=False)

    def __bool__(self) -> bool:
        return False

    def __iter__(self) -> Iterator[NotPlanned]:
        """Stand for each of several results that are not there: the reason is told once."""
        yield self

    def _repr_markdown_(self) -> str:
        return self.reason


def listed(names: Sequence[str]) -> str:
    """Join names for a sentence: a, b and c."""
    *others, last = names or [""]
    return f"{', '.join(others)} and {last}" if others else last


def lower_first(label: str) -> str:
    """Write a label as it stands within a sentence: its first letter small, unless a name or an abbreviation begins it.

    Examples
    --------
    >>> lower_first("Tumour grade III"), lower_first("AIS C or worse")
    ('tumour grade III', 'AIS C or worse')
    """
    return label[:1].lower() + label[1:] if label[1:2].islower() else label
