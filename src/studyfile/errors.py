"""Errors that the user can mend: they are shown their message, never a traceback."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence


class CohortbookError(Exception):
    """Something that the user can mend; the message says what, where, and what was expected."""

    def _render_traceback_(self) -> list[str]:
        """Show a notebook's reader the message alone (IPython calls this)."""
        return str(self).splitlines()


def command(main: Callable[[Sequence[str] | None], int | None]) -> Callable[..., int]:
    """Turn a function of command-line arguments into a command: an exit status, and messages instead of tracebacks.

    Examples
    --------
    >>> @command
    ... def main(arguments=None):
    ...     print("done")
    >>> main([])
    done
    0
    """

    @functools.wraps(main)
    def wrapped(arguments: Sequence[str] | None = None) -> int:
        try:
            return main(arguments) or 0
        except CohortbookError as error:
            print(error, file=sys.stderr)
            return 1
        except OSError as error:
            print(f"{error.filename or main.__module__}: {error.strerror or error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("interrupted", file=sys.stderr)
            return 130

    return wrapped
