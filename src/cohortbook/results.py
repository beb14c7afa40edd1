"""What results have in common: a tidy frame, and one way to say that a statistic is undefined."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

NAN = float("nan")
CONSTANT = "every patient has the same value"


class UndefinedWarning(RuntimeWarning):
    """A statistic that these data do not define is NaN; the warning says why."""


def warn_undefined(what: str, reason: str | None, *, depth: int = 1) -> None:
    """Warn that `what` is undefined, when there is a reason; `depth` calls lie between here and the user's line."""
    if reason:
        warnings.warn(f"{what}: {reason}", UndefinedWarning, stacklevel=depth + 2)


class OneRow:
    """A result whose fields are the columns of a tidy frame of one row."""

    __slots__ = ()

    @property
    def frame(self) -> pd.DataFrame:
        """One row with a column for every field."""
        import pandas as pd

        return pd.DataFrame([{field.name: getattr(self, field.name) for field in fields(self)}])

    def _repr_html_(self) -> str:
        from cohortbook.tables.tables import render

        return render(self)


def require_confidence_level(confidence_level: float) -> None:
    """Raise ValueError unless 0 < confidence_level < 1."""
    if not 0 < confidence_level < 1:
        raise ValueError(f"confidence_level: {confidence_level!r}; expected a number between 0 and 1, such as 0.95")


@dataclass(frozen=True, slots=True)
class Absent:
    """A result that is not there, and why: the study file does not plan it, or the data give nothing to compute."""

    reason: str

    def __bool__(self) -> bool:
        return False

    def _repr_markdown_(self) -> str:
        return self.reason
