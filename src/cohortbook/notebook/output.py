"""What notebooks do with results: show several at once, say a finding in words, save what the report needs."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from cohortbook.display.all_layouts import table_of
from cohortbook.display.figures import Plot
from cohortbook.display.paragraph import Text
from cohortbook.display.tables import DisplayTable
from printcheck.audit.verdicts import Audit
from studyfile.files import plain, write_whole
from tallystats.results import NotPlanned


def _shown(thing: Any) -> Any:
    """Return a thing that can show and save itself: a plot, a text or a table."""
    if isinstance(thing, NotPlanned):
        return Text(thing.reason)
    return thing if isinstance(thing, DisplayTable | Plot | Text) else table_of(thing)


def show(*things: Any) -> None:
    """Display results, tables, plots and texts one below another; a result is laid out as its table.

    Texts that say the same, as results do that are absent for one reason, are shown once.
    """
    from IPython.display import display

    told: set[str] = set()
    for thing in map(_shown, things):
        if isinstance(thing, Text):
            if str(thing) in told:
                continue
            told.add(str(thing))
        display(thing)


def save(output_dir: str | Path, *things: Any) -> None:
    """Save tables (CSV and JSON) and plots (PNG and SVG) under a folder; an empty `output_dir` saves nothing.

    Parameters
    ----------
    output_dir : str or Path
        Gets the folders `tables` and `figures`.
    *things
        Results, tables or plots; a result is laid out as its table.
    """
    if not str(output_dir):
        return
    for thing in map(_shown, things):
        if not isinstance(thing, Text):
            thing.save(Path(output_dir) / ("figures" if isinstance(thing, Plot) else "tables"))


def save_audit(output_dir: str | Path, audit: Audit) -> None:
    """Write the verdicts to `audit.csv` and `audit.json` in a folder; an empty `output_dir` writes nothing.

    Parameters
    ----------
    output_dir : str or Path
    audit : Audit
        Its `frame` is the CSV file. The JSON file holds the same beside the conflicts, the repairs and what follows.
    """
    if not str(output_dir):
        return
    folder = Path(output_dir)
    write_whole(folder / "audit.csv", audit.frame.to_csv(index=False, lineterminator="\n"))
    said = {
        "study": audit.study.file.study.title,
        "verdicts": audit.frame.to_dict("records"),
        **{
            part: [dataclasses.asdict(one) for one in getattr(audit, part)]
            for part in ("conflicts", "repairs", "consequences", "checks", "tests")
        },
        "thresholds": audit.thresholds,
    }
    write_whole(folder / "audit.json", json.dumps(plain(said), ensure_ascii=False, indent=1) + "\n")
