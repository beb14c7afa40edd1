"""A progress bar for people who wait: on a terminal, or in a notebook that a person has open; nowhere else."""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Any

from tqdm import tqdm


class Progress:
    """Count steps, and show them where somebody looks.

    Parameters
    ----------
    total : int or None
        How many steps there will be; None when nobody knows.
    label : str

    Notes
    -----
    Committed notebooks hold no bar: a kernel shows one only on the terminal that started it, or when JupyterLab has the
    notebook open (it sets JPY_SESSION_NAME), where it is cleared at the end.
    """

    def __init__(self, total: int | None, label: str) -> None:
        self.total, self.label, self.bar = total, label, None

    def __enter__(self) -> Progress:
        stream = self._stream()
        if stream is not None:
            form = None if self.total else "{desc}: {n_fmt} steps, {elapsed}"
            self.bar = tqdm(total=self.total, desc=self.label, leave=False, file=stream, bar_format=form, mininterval=0.5)
        return self

    def __exit__(self, kind: type | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self.bar is not None:
            self.bar.close()

    def step(self, n: int = 1) -> None:
        """Say that one step more is done."""
        if self.bar is not None:
            self.bar.update(n)

    @staticmethod
    def _stream() -> Any:
        """Return where a bar can be seen, or None."""
        terminal = sys.__stderr__
        if terminal is not None and not terminal.closed and terminal.isatty():
            return terminal
        return sys.stderr if "JPY_SESSION_NAME" in os.environ else None
