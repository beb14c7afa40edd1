"""Time `make report` against notebooks that only import the full stack, run by the same make, side by side.

python benchmarks/notebooks.py            (--rounds 5)

Everything is warm and nothing is built: what is timed is checking, running and writing all notebooks, and the report.
The import-only notebooks are as many, run as many at once, and get no report. Rounds alternate, so that a machine that
slows down slows both.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STACK = "import lifelines\nimport matplotlib.pyplot\nimport pandas\nimport seaborn\nimport statsmodels.api"


def import_only_notebook() -> str:
    """Return a notebook with one cell that imports the full stack."""
    cell = {"cell_type": "code", "id": "stack", "metadata": {}, "source": STACK, "outputs": [], "execution_count": None}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def project(folder: Path) -> Path:
    """Make a project whose notebooks can be replaced and whose build is its own; the rest is this checkout's."""
    folder.mkdir()
    for name in ("Makefile", "src", "data", "requirements.lock", "pyproject.toml"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    return folder


def seconds(folder: Path, *goals: str) -> float:
    """Time one make from nothing built."""
    shutil.rmtree(folder / "build", ignore_errors=True)
    settings = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL", "CONDA_PREFIX")}
    start = time.perf_counter()
    done = subprocess.run(
        ["make", *goals], cwd=folder, env=settings | {"VIRTUAL_ENV": sys.prefix}, capture_output=True, text=True
    )
    took = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"make {' '.join(goals)} failed:\n{done.stdout}{done.stderr}")
    return took


def main() -> None:
    """Run both sides in turn and print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="cohortbook-benchmark-") as name:
        real, bare = project(Path(name) / "real"), project(Path(name) / "bare")
        names = sorted(path.name for path in (bare / "notebooks").glob("[0-9]*.ipynb"))
        if not names:
            sys.exit("no notebooks to time")
        for notebook in names:
            (bare / "notebooks" / notebook).write_text(import_only_notebook(), encoding="utf-8")
        targets = [f"build/spinal-metastases/notebooks/{notebook}" for notebook in names]
        times: dict[str, list[float]] = {"make report": [], "imports only": []}
        for round_ in range(rounds + 1):  # the first warms the caches of the disk and of Python
            taken = {"make report": seconds(real, "report"), "imports only": seconds(bare, f"-j{os.cpu_count()}", *targets)}
            for what, took in taken.items():
                times[what] += [took] if round_ else []
                print(f"{'warm-up' if not round_ else f'round {round_}':<8} {what:<13} {took:6.2f} s", flush=True)
    for what, taken in times.items():
        print(f"{what:<13} median {statistics.median(taken):6.2f} s, {min(taken):.2f} to {max(taken):.2f} s")
    ratio = statistics.median(times["make report"]) / statistics.median(times["imports only"])
    print(f"{len(names)} notebooks and the report take {ratio:.2f} times as long as {len(names)} that only import")


if __name__ == "__main__":
    main()
