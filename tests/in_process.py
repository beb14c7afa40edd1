"""Notebooks run in the test's own process: the same cells and outputs without a kernel to start for each.

nbval and tests/test_run.py run notebooks in kernels, as `make report` does; tests of what is in the outputs need none.
"""

from __future__ import annotations

import ast
import copy
import fcntl
import functools
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from cohortbook import run
from cohortbook.display.figures import Plot
from cohortbook.display.formatters import register_formatters
from cohortbook.display.style import use_journal
from cohortbook.notebook.notebook import read_notebook, source_of
from cohortbook.report.report import main as report_main

#: Pixels an inch of figures, of which no test here looks at one.
SMALL = 20
NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


def numbered(pattern: str = "[0-9]*") -> list[Path]:
    """Return the numbered notebooks whose names match."""
    return sorted(NOTEBOOKS.glob(f"{pattern}.ipynb"))


def execute(notebook: Path, *, parameters: dict[str, Any], cwd: Path, failed: Path | None = None) -> dict[str, Any]:
    """Do what `cohortbook.run.execute` does."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    register_formatters(InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}})))
    source, cells, names = read_notebook(notebook), [], {}
    for cell in source["cells"]:
        cells.append(copy.deepcopy(cell))
        if "parameters" in cell["metadata"].get("tags", []) and parameters:
            given = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
            cells.append({"cell_type": "code", "metadata": {"tags": ["injected-parameters"]}, "source": given})
    try:
        for count, cell in enumerate((cell for cell in cells if cell["cell_type"] == "code"), start=1):
            cell |= {"execution_count": count, "outputs": _outputs(source_of(cell), names)}
    finally:
        use_journal("plain")
    return run._normalised({**source, "cells": cells}, source, parameters)


def _outputs(source: str, names: dict[str, Any]) -> list[dict[str, Any]]:
    """Run a cell; return what it prints and displays, its last value included."""
    from IPython.display import display
    from IPython.utils.capture import capture_output

    body = ast.parse(source).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    with capture_output() as captured:
        exec(compile(ast.Module(body, []), "<cell>", "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
            if value is not None:
                display(value)
    streams = {"stdout": captured.stdout, "stderr": captured.stderr}
    return [
        *({"output_type": "stream", "name": name, "text": text} for name, text in streams.items() if text),
        *({"output_type": "display_data", "data": one.data, "metadata": {}} for one in captured.outputs),
    ]


def run_notebook(notebook: Path, target: Path, **options: Any) -> str:
    """Do what `cohortbook.run.run_notebook` does."""
    small = mock.patch.object(Plot, "rendered", lambda plot, form, dpi=SMALL: _small(plot.figure, plot, form))
    with mock.patch("cohortbook.run.execute", execute), small:
        return run.run_notebook(notebook, target, **options)


_rendered = Plot.rendered


@functools.cache
def _small(figure: Any, plot: Plot, form: str) -> bytes:
    return _rendered(plot, form, SMALL)


def build(study: Path, target: Path, notebooks: Sequence[Path], *, page: str = "report.html", **given: str) -> str:
    """Run notebooks for a study into a folder and build the report of them; return its page."""
    run_notebooks(study, target, notebooks, **given)
    return report_of(study, target, notebooks, page=page)


def run_notebooks(study: Path, target: Path, notebooks: Sequence[Path], **given: str) -> None:
    """Run notebooks for a study into a folder."""
    for notebook in notebooks:
        run_notebook(notebook, target / "notebooks" / notebook.name, study=str(study), output_dir=str(target), given=given)


def report_of(study: Path, target: Path, notebooks: Sequence[Path], *, page: str = "report.html") -> str:
    """Build the report of notebooks that were run into a folder; return its page."""
    executed = [target / "notebooks" / notebook.name for notebook in notebooks]
    assert report_main(["--study", str(study), "--output", str(target / page), *map(str, executed)]) == 0
    return (target / page).read_text(encoding="utf-8")


def shared(factory: Any, name: str, make: Callable[[Path], Any]) -> Path:
    """Return a folder that one of the parallel workers makes, once for all tests of the session."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "whole").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            (folder / "whole").touch()
    return folder
