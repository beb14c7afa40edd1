"""What notebooks do with results: show several at once, say a finding in words, save what the report needs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cohortbook.results import Absent


@dataclass(frozen=True)
class Text:
    """A sentence or two rendered from results, so that it stays true under other parameters."""

    markdown: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/markdown": self.markdown, "text/plain": self.markdown}

    def __str__(self) -> str:
        return self.markdown


def _shown(thing: Any) -> Any:
    """Return a thing that can show and save itself: a plot, a text or a table."""
    from cohortbook.figures import Plot
    from cohortbook.layouts_models import table_of
    from cohortbook.tables import DisplayTable

    if isinstance(thing, Absent):
        return Text(thing.reason)
    return thing if isinstance(thing, DisplayTable | Plot | Text) else table_of(thing)


def show(*things: Any) -> None:
    """Display results, tables, plots and texts one below another; a result is laid out as its table."""
    from IPython.display import display

    for thing in things:
        display(_shown(thing))


def save(output_dir: str | Path, *things: Any) -> None:
    """Save tables (CSV and JSON) and plots (PNG and SVG) under a folder; an empty `output_dir` saves nothing.

    Parameters
    ----------
    output_dir : str or Path
        Gets the folders `tables` and `figures`.
    *things
        Results, tables or plots; a result is laid out as its table.
    """
    from cohortbook.figures import Plot

    if not str(output_dir):
        return
    for thing in map(_shown, things):
        if not isinstance(thing, Text):
            thing.save(Path(output_dir) / ("figures" if isinstance(thing, Plot) else "tables"))
