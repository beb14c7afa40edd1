"""Solutions that are committed with a study: cohorts that print the same are put together from them, and none is drawn.

A study's file `compatible.json.gz` holds, for every block of variables and every set of figures that is kept, solutions under
the hash of all that they depend on. Where the study changes, hashes no longer agree, and cohorts are drawn until `make cohort`
has made the file anew.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from printcheck.audit.verdicts import Audit
from studyfile.cache import digest
from studyfile.files import write_whole
from studyfile.study.study import Study

FILE = "compatible.json.gz"
#: Sections of a study file that no solution depends on.
_WORDS = {"study", "scenarios"}

#: Recorded variable -> its values, as a file holds them, in the order of the roster.
Solution = dict[str, list]


def key_of(study: Study, parts: Sequence[str]) -> str:
    """Return the hash under which the solutions of a block are kept."""
    return digest([study.file.model_dump_json(exclude=_WORDS), *parts])


def committed_solutions(study: Study) -> dict[str, list[Solution]]:
    """Return what is committed with a study; nothing where there is no file."""
    path = study.folder / FILE
    return json.loads(gzip.decompress(path.read_bytes())) if path.is_file() else {}


def solutions_text(solutions: Mapping[str, Sequence[Solution]]) -> str:
    """Return the solutions as the file holds them before compression: a block a line."""
    lines = [f"{json.dumps(key)}: {json.dumps(solutions[key], ensure_ascii=False)}" for key in sorted(solutions)]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def draw_solutions(audit: Audit, step: Callable[[], None] = lambda: None) -> dict[str, list[Solution]]:
    """Draw the solutions that the audit's ranges need, whether they are committed or not.

    Parameters
    ----------
    audit : Audit
        Its repairs say which figures can hold together.
    step : callable
        Called after each block.
    """
    from printcheck.reconstruct.possible import Drawer, figure_sets

    drawer = Drawer(audit.study, [v.figure for v in audit.verdicts], 1, step, committed={})
    for one in figure_sets(audit.repairs):
        drawer.possible(one)
    return drawer.drawn


def write_solutions(study: Study, solutions: Mapping[str, Sequence[Solution]]) -> Path:
    """Write the file, without the time at which it was made."""
    path = study.folder / FILE
    write_whole(path, gzip.compress(solutions_text(solutions).encode(), mtime=0))
    return path
