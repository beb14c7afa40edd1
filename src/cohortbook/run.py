"""Run notebooks with papermill: in a private place, with checked parameters, all or nothing.

python -m cohortbook.run notebook notebooks/01_cohort.ipynb build/x/notebooks/01_cohort.ipynb --study data/x
python -m cohortbook.run inplace notebooks/*.ipynb
python -m cohortbook.run check notebooks/*.ipynb --study data/x --parameters "removal=lr"
python -m cohortbook.run scenarios --study data/x
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from traitlets.config import Config

from cohortbook.notebook.notebook import (
    check_parameters,
    declared_parameters,
    lack_in_words,
    missing_need,
    notebook_text,
    parse_assignments,
    parse_value,
    read_notebook,
    write_notebook,
    write_whole,
)
from studyfile.cohort.readers import masked
from studyfile.errors import CohortbookError, command
from studyfile.study.study import load_study

_STARTUP = """\
import warnings
warnings.formatwarning = lambda message, category, *_, **__: f"{category.__name__}: {message}\\n"
del warnings
"""


class RunError(CohortbookError):
    """A notebook that failed."""


def check_needs(notebooks: Sequence[Path], study: str) -> None:
    """Check the study file, and that a study has what at least one of the notebooks needs.

    Raises
    ------
    RunError
        When every notebook would be skipped: a report without a result would look like one.
    """
    read = load_study(study)
    lacks = [missing_need(read_notebook(path), read) for path in notebooks]
    if lacks and all(lacks):
        reasons = dict.fromkeys(lack_in_words(read, key) for key in lacks)
        raise RunError("\n".join([f"{read.path}: there is nothing that a notebook could be run on", *reasons]))


@contextlib.contextmanager
def private_kernel() -> Iterator[Path]:
    """Give a short-lived folder where Jupyter finds this interpreter as kernel `python3`, and nothing of the user's.

    Sockets live there too. A socket's path may have about 100 characters, which macOS's usual temporary folder
    nearly fills, so the folder stands directly in /tmp where there is one.
    """
    base = next((folder for folder in ("/tmp",) if os.access(folder, os.W_OK | os.X_OK)), None)
    with tempfile.TemporaryDirectory(prefix="cohortbook-", dir=base, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        spec = folder / "jupyter" / "kernels" / "python3" / "kernel.json"
        startup = folder / "ipython" / "profile_default" / "startup" / "00-warnings.py"
        for path in (spec, startup):
            path.parent.mkdir(parents=True)
        # What is written to sys.__stderr__, such as a bar of progress, goes to the terminal and not into the notebook.
        options = ["--HistoryManager.enabled=False", "--IPKernelApp.capture_fd_output=False"]
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", *options]
        spec.write_text(json.dumps({"argv": argv, "display_name": "Python 3 (ipykernel)", "language": "python"}))
        startup.write_text(_STARTUP)
        settings = {
            "JUPYTER_PATH": str(folder / "jupyter"),  # searched before any folder of the user or the system
            "JUPYTER_RUNTIME_DIR": str(folder),
            "IPYTHONDIR": str(folder / "ipython"),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            # One thread a kernel, unless the user says otherwise: parallel notebooks do not crowd each other.
            **{name: os.environ.get(name, "1") for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")},
        }
        before = {key: os.environ.get(key) for key in (*settings, "JPY_SESSION_NAME")}
        os.environ.update(settings)
        os.environ.pop("JPY_SESSION_NAME", None)  # by which a kernel would take itself for one that a person looks at
        try:
            yield folder
        finally:
            for key, value in before.items():
                os.environ.pop(key, None) if value is None else os.environ.update({key: value})


def execute(notebook: Path, *, parameters: Mapping[str, Any], cwd: Path, failed: Path | None = None) -> dict[str, Any]:
    """Run a notebook from top to bottom and return it with its outputs, free of timings, paths and random ids.

    Parameters
    ----------
    notebook : Path
        The notebook; the file is not changed.
    parameters : mapping
        Values for parameters that the notebook declares.
    cwd : Path
        The working directory of its cells.
    failed : Path, optional
        Where to keep the half-run notebook when a cell fails.

    Raises
    ------
    RunError
        When a cell fails: the notebook, the cell, its line and the error. An error meant for the user is shown as its
        message alone.
    """
    source = read_notebook(notebook)
    # jsonschema compiles a grammar of internationalised addresses on import, if it can: two thirds of papermill's
    # start-up, for nothing that a notebook holds.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    import papermill

    logging.getLogger("papermill").setLevel(logging.CRITICAL)  # what matters is raised
    with private_kernel() as private:
        scratch = private / notebook.name
        sockets = Config({"KernelManager": {"transport": "ipc", "ip": str(private / "k")}})
        try:
            executed = papermill.execute_notebook(
                str(notebook),
                str(scratch),
                parameters=dict(parameters) or None,
                kernel_name="python3",
                language="python",
                cwd=str(cwd),
                progress_bar=False,
                request_save_on_cell_execute=False,
                record_timing=False,
                coalesce_streams=True,
                shutdown_kernel="immediate",
                config=sockets,
            )
        except papermill.PapermillExecutionError as error:
            failed = None if masked() else failed  # a half-run notebook holds the whole message
            if failed:
                failed.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(scratch, failed)
            raise RunError(_failure(notebook, error, failed)) from None
        except RuntimeError as error:  # nbclient's DeadKernelError, or a kernel that does not answer
            raise RunError(f"{notebook}: {error}; perhaps the machine ran out of memory") from None
    return _normalised(executed, source, parameters)


def _failure(notebook: Path, error: Any, failed: Path | None) -> str:
    """Say where a notebook failed and why, in a few lines."""
    trace = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback))
    lines = error.source.splitlines()
    told = re.findall(rf"Cell In\[{error.exec_count}\], line (\d+)", trace)
    line = lines[int(told[0]) - 1].strip() if told and int(told[0]) <= len(lines) else ""
    for_user = bool(trace) and "Traceback" not in trace and f"{error.ename}:" not in trace
    reason = trace if for_user else f"{error.ename}: {error.evalue}".removesuffix(": ")
    if masked() and not for_user:
        reason = f"{error.ename}: its message is not shown, as it may quote a value"
    kept = f"\n  half-run notebook: {failed}" if failed else ""
    return f"{notebook}: cell In [{error.exec_count}] failed{f': {line}' if line else ''}\n{reason}{kept}"


def _normalised(executed: Any, source: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Keep only what is the same on every run: no timings, no random ids, no version of Python."""
    notebook = json.loads(json.dumps(executed))
    cells = iter(enumerate(source["cells"], start=1))
    for cell in notebook["cells"]:
        tags = cell["metadata"].get("tags", [])
        if "injected-parameters" in tags:
            cell["id"] = "injected-parameters"
        else:
            number, original = next(cells)
            cell["id"] = original.get("id", f"cell-{number:02d}")
        cell["metadata"] = {
            key: value
            for key, value in cell["metadata"].items()
            if key not in ("papermill", "execution", "ExecuteTime", "collapsed", "scrolled")
            and not (key == "tags" and not tags)
        }
    metadata = {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}}
    metadata["language_info"] = {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    }
    if own := dict(source["metadata"].get("cohortbook", {})):
        metadata["cohortbook"] = own
    if parameters:
        metadata["cohortbook"] = own | {"parameters": declared_parameters(source) | dict(parameters)}
    return {"cells": notebook["cells"], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _skipped(source: Mapping[str, Any], lacks: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a notebook that was not run, which says why."""
    copy = json.loads(json.dumps(source))
    for cell in copy["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    copy = _normalised(copy, source, parameters)
    copy["metadata"]["cohortbook"] = {**copy["metadata"].get("cohortbook", {}), "skipped": lacks}
    return copy


def _not_run(source: Mapping[str, Any], target: Path, study: str, output_dir: str, own: Mapping[str, Any]) -> str:
    """Skip a notebook whose needs the study does not meet, and say why; return an empty text where it meets them."""
    about = source["metadata"].get("cohortbook", {})
    if not study or not about.get("needs"):
        return ""
    read = load_study(study)
    lacks = missing_need(source, read)
    if not lacks:
        return ""
    if output_dir:
        for name in about.get("writes", ()):
            (Path(output_dir) / name).unlink(missing_ok=True)
    write_notebook(_skipped(source, lacks, own), target)
    return f"skipped: {lack_in_words(read, lacks)}"


def run_notebook(
    notebook: Path,
    target: Path,
    *,
    study: str = "",
    output_dir: str = "",
    given: Mapping[str, str] | None = None,
    unless_same: bool = False,
) -> str:
    """Run a notebook for a study into `target`; return a word on what was done.

    A notebook that needs a section or a file which the study lacks is not run: its copy says so in its metadata, and what
    it says that it writes (`cohortbook: writes:`, names of files directly in `output_dir`) is removed.

    Parameters
    ----------
    notebook, target : Path
        The notebook, and where its executed copy goes.
    study : str
        The study's folder or name, given to a notebook that declares `study`.
    output_dir : str
        Where the notebook saves tables and figures, given to a notebook that declares `output_dir`.
    given : mapping, optional
        Further parameters as text, for several notebooks: each takes those that it declares.
    unless_same : bool
        Keep the copy if there is one that was run with the same parameters.
    """
    source = read_notebook(notebook)
    defaults = declared_parameters(source)
    own = {name: value for name, value in (("study", study), ("output_dir", output_dir)) if value and name in defaults}
    own |= {name: parse_value(name, text, defaults[name]) for name, text in (given or {}).items() if name in defaults}
    if unless_same and target.exists():
        before = read_notebook(target)["metadata"].get("cohortbook", {}).get("parameters")
        if before == (defaults | own if own else None):
            os.utime(target)
            return "unchanged"
    if told := _not_run(source, target, study, output_dir, own):
        return told
    failed = Path(output_dir) / "failed" / notebook.name if output_dir else None
    try:
        executed = execute(notebook, parameters=own, cwd=Path.cwd(), failed=failed)
    except RunError as error:
        raise RunError(_said_once(str(error), notebook, failed)) from None
    write_notebook(executed, target)
    if failed:
        for trace in (failed, failed.with_suffix(".txt")):
            trace.unlink(missing_ok=True)
    return "done"


def _said_once(message: str, notebook: Path, failed: Path | None) -> str:
    """Shorten a message whose reason another notebook of the same run has given in full."""
    if failed is None or not failed.exists():
        return message
    reason = "\n".join(message.splitlines()[1:-1])
    for other in sorted(failed.parent.glob("*.txt")):
        if other.stem != failed.stem and other.read_text(encoding="utf-8") == reason:
            return f"{notebook}: failed for the same reason as {other.stem}"
    write_whole(failed.with_suffix(".txt"), reason)
    return message


def scenario_names(study: str) -> list[str]:
    """Return the names of a study's scenarios, each checked, after `as-planned`."""
    names = list(load_study(study).plan("scenarios"))
    for name in names:
        load_study(f"{study}@{name}")
    return ["as-planned", *names]


@command
def main(arguments: Sequence[str] | None = None) -> int | None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m cohortbook.run", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("notebook", help="run one notebook for a study")
    one.add_argument("notebook", type=Path)
    one.add_argument("target", type=Path)
    one.add_argument("--output-dir", default="", help="where the notebook saves tables and figures")
    one.add_argument(
        "--shared",
        action="append",
        default=[],
        metavar="NAME=VALUE ...",
        help="as --parameters, for several notebooks: taken if this one declares it",
    )
    one.add_argument("--unless-same", action="store_true", help="keep a copy that was run with the same parameters")
    check = commands.add_parser("check", help="check the study file, and that parameters are declared by a notebook")
    check.add_argument("notebooks", nargs="*", type=Path)
    scenarios = commands.add_parser("scenarios", help="check and name the scenarios of a study, the study as planned first")
    for sub in (one, check, scenarios):
        sub.add_argument("--study", default="", help="folder of the study, or the name of a bundled one")
    for sub in (one, check):
        sub.add_argument("-p", "--parameters", action="append", default=[], metavar="NAME=VALUE ...")
    inplace = commands.add_parser("inplace", help="run notebooks with their defaults, replacing their outputs")
    inplace.add_argument("notebooks", nargs="+", type=Path)
    options = parser.parse_args(arguments)

    match options.command:
        case "check":
            given = parse_assignments(options.parameters)
            if options.study:
                check_needs(options.notebooks, options.study)
            check_parameters(options.notebooks, given)
        case "scenarios":
            print(*scenario_names(options.study))
        case "notebook":
            given = parse_assignments(options.parameters)
            check_parameters([options.notebook], given)
            given |= parse_assignments(options.shared)
            start = time.monotonic()
            told = run_notebook(
                options.notebook,
                options.target,
                study=options.study,
                output_dir=options.output_dir,
                given=given,
                unless_same=options.unless_same,
            )
            if told != "unchanged":
                _say(options.notebook, told, start)
        case "inplace":
            for notebook in options.notebooks:
                start = time.monotonic()
                executed = execute(notebook, parameters={}, cwd=notebook.parent.resolve())
                changed = notebook_text(executed) != notebook.read_text(encoding="utf-8")
                if changed:
                    write_notebook(executed, notebook)
                _say(notebook, "changed" if changed else "unchanged", start)
    return None


def _say(notebook: Path, told: str, start: float) -> None:
    print(f"{notebook.stem:<20} {told}  {time.monotonic() - start:.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
