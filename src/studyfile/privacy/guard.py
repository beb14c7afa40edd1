"""Nothing is counted for display without a rule: what has none is withheld, in one line."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import importlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from studyfile.errors import CohortbookError
from tallystats.results import NotPlanned

if TYPE_CHECKING:
    from studyfile.cohort.cohort import Cohort

#: Says that a result is withheld, for what reason it may.
WITHHELD = "Not shown, to protect patients: {reason} (privacy: suppress_below)."
SMALL = "a count in it is too small, or would be revealed by what is shown elsewhere"
NO_RULE = "no rule says yet how to keep small counts out of this result"

_counting = contextvars.ContextVar("counting", default=False)


class NotShown(CohortbookError):
    """A result that has no rule for small counts, asked for of a cohort whose small counts are hidden."""


def withheld(reason: str = SMALL) -> NotPlanned:
    """Return the result that says why nothing is shown."""
    return NotPlanned(WITHHELD.format(reason=reason), hidden=True)


@contextlib.contextmanager
def counting() -> Iterator[None]:
    """Let patients of a protected cohort be counted: whoever does sees to it that nothing small is shown."""
    token = _counting.set(True)
    try:
        yield
    finally:
        _counting.reset(token)


def require_rule() -> None:
    """Raise NotShown unless an analysis that hides small counts is at work."""
    if not _counting.get():
        raise NotShown(WITHHELD.format(reason=NO_RULE))


def protecting(protect: str) -> Callable[[Callable], Callable]:
    """Pass what an analysis of a cohort returns through the rules for small counts, where the cohort hides them.

    Parameters
    ----------
    protect : str
        The module that holds the rules, as a function `protect(result, cohort)`; imported when it is needed.

    Notes
    -----
    An analysis inside another sees the numbers as they are; what the outermost returns is protected.
    """

    def decorate(analysis: Callable) -> Callable:
        @functools.wraps(analysis)
        def wrapped(cohort: Cohort, *arguments: Any, **options: Any) -> Any:
            if not cohort.suppress_below or _counting.get():
                return analysis(cohort, *arguments, **options)
            with counting():
                result = analysis(cohort, *arguments, **options)
                return result if isinstance(result, NotPlanned) else importlib.import_module(protect).protect(result, cohort)

        return wrapped

    return decorate
