"""What a notebook shows of a result: its table, laid out as its reader expects it."""

from __future__ import annotations

from typing import Any

from cohortbook.display.all_layouts import table_of
from tallystats.results import Result


def render(result: Any) -> str:
    """Return the HTML of a result."""
    return table_of(result).html


def register_formatters(shell: Any) -> None:
    """Let an IPython shell show results as tables; the packages below know nothing of display."""
    shell.display_formatter.formatters["text/html"].for_type(Result, render)
