"""Results that take a while, kept by the hash of what they were made from.

Only results are kept, never patients: columns that are kept were drawn from printed figures. The folder is what the
environment variable COHORTBOOK_CACHE names, which `make` sets; without it nothing is written.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
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
    A file that cannot be read is made anew. A process that wants what another is making waits for it, so that notebooks
    that run side by side do the work once.
    """
    from cohortbook.files import write_whole

    folder = os.environ.get(FOLDER, "")
    if not folder:
        return make()
    path = Path(folder) / f"{name}-{_digest([*parts, *_code()])}.json"
    with contextlib.suppress(OSError, ValueError):
        return json.loads(path.read_text(encoding="utf-8"))
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path.with_suffix(".lock")):
        with contextlib.suppress(OSError, ValueError):  # made while we waited
            return json.loads(path.read_text(encoding="utf-8"))
        text = json.dumps(make())
        write_whole(path, text)
    # What comes back is what a later run will read.
    return json.loads(text)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let one process at a time go on, where the system can lock a file; a process that dies lets go."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _digest(parts: Sequence[str | bytes]) -> str:
    total = hashlib.sha256()
    for part in parts:
        one = part.encode() if isinstance(part, str) else part
        total.update(len(one).to_bytes(8, "big") + one)
    return total.hexdigest()[:20]


def _code() -> list[bytes]:
    """Return the source of the package: another version may compute otherwise."""
    return [path.read_bytes() for path in sorted(Path(__file__).parent.rglob("*.py"))]
