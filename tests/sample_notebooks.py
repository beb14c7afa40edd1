"""Small notebooks for the tests of what runs and shows notebooks."""

from __future__ import annotations

import json
from pathlib import Path

PARAMETERS = """\
study = "spinal-metastases"  # folder or name of the study
output_dir = ""  # folder to save into; empty saves nothing
level = 0.95  # confidence level"""


def code(source, *outputs, tags=()):
    """Return a code cell; outputs are mimebundles."""
    return {
        "cell_type": "code",
        "id": f"code-{abs(hash(source)) % 10**8}",
        "metadata": {"tags": list(tags)} if tags else {},
        "source": source,
        "execution_count": 1 if outputs else None,
        "outputs": [
            output
            if "output_type" in output
            else {"output_type": "execute_result", "data": output, "metadata": {}, "execution_count": 1}
            for output in outputs
        ],
    }


def markdown(source):
    """Return a markdown cell."""
    return {"cell_type": "markdown", "id": f"text-{abs(hash(source)) % 10**8}", "metadata": {}, "source": source}


def notebook(*cells, **about):
    """Return a notebook; keywords are its metadata for cohortbook."""
    metadata = {"cohortbook": about} if about else {}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": list(cells)}


def runnable(*sources, parameters=PARAMETERS, title="A notebook", **about):
    """Return a notebook with a title, a parameters cell and code."""
    cells = [code(source) for source in sources]
    return notebook(markdown(f"# {title}"), code(parameters, tags=["parameters"]), *cells, **about)


def write(path: Path, content) -> Path:
    """Write a notebook and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
