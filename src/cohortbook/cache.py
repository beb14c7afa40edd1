"""Results that take a while, kept by the hash of what they were made from.

Only results are kept, never patients. The folder is what the environment variable COHORTBOOK_CACHE names, which `make`
sets; without it nothing is written.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

FOLDER = "COHORTBOOK_CACHE"


def cached(name: str, parts: Sequence[str | bytes], make: Callable[[], Any]) -> Any:
    """Return what `make` makes, from the cache if it was made of the same parts before, by the same code.

    Parameters
    ----------
    name : str
        Begins the file's name.
    parts : sequence of str or bytes
        All that the result depends on besides the package's code: files' contents, parameters.
    make : callable
        Makes a value that JSON holds.

    Notes
    -----
    A file that cannot be read is made anew; two processes that write at once each write whole.
    """
    from cohortbook.files import write_whole

    folder = os.environ.get(FOLDER, "")
    if not folder:
        return make()
    path = Path(folder) / f"{name}-{_digest([*parts, *_code()])}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        value = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(value)
    write_whole(path, text)
    # What comes back is what a later run will read.
    return json.loads(text)


def _digest(parts: Sequence[str | bytes]) -> str:
    total = hashlib.sha256()
    for part in parts:
        one = part.encode() if isinstance(part, str) else part
        total.update(len(one).to_bytes(8, "big") + one)
    return total.hexdigest()[:20]


def _code() -> list[bytes]:
    """Return the source of the package: another version may compute otherwise."""
    return [path.read_bytes() for path in sorted(Path(__file__).parent.rglob("*.py"))]
