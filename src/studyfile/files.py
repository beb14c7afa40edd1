"""Files, written whole or not at all, and what JSON ones hold."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from tallystats.results import MARK, Hidden


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file under another name and move it there when it is whole; a text in UTF-8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def plain(value: Any) -> Any:
    """Give a value that JSON holds: undefined becomes null, infinite a word, what is hidden its mark.

    Examples
    --------
    >>> plain({"interval": (0.5, float("inf")), "p_value": float("nan")})
    {'interval': [0.5, 'inf'], 'p_value': None}
    """
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if isinstance(value, Hidden):
        return MARK
    if isinstance(value, float):
        return None if value != value else ("inf" if value > 0 else "-inf") if math.isinf(value) else value
    return value if value is None or isinstance(value, bool | int | str) else str(value)
