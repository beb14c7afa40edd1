"""Results that take a while, kept by the hash of what they were made from.

Only results are kept, never patients: columns that are kept were drawn from printed figures. The folder is what the
environment variable COHORTBOOK_CACHE names, which `make` sets; without it nothing is written.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studyfile.files import write_whole

FOLDER = "COHORTBOOK_CACHE"
#: Whose code results depend on.
PACKAGES = ("tallystats", "studyfile", "printcheck", "cohortbook")


@dataclass(frozen=True)
class Form:
    """How a value is kept: the ending of its file, and how it becomes bytes and comes back."""

    ending: str
    write: Callable[[Any], bytes]
    read: Callable[[bytes], Any]


JSON = Form("json", lambda value: json.dumps(value).encode(), json.loads)
#: For results of this package alone: the folder is the user's own, and another version's files have another name.
PICKLE = Form("pickle", pickle.dumps, pickle.loads)


def cached(name: str, parts: Sequence[str | bytes], make: Callable[[], Any], form: Form = JSON) -> Any:
    """Return what `make` makes, from the cache if it was made of the same parts before, by the same code.

    Parameters
    ----------
    name : str
        Begins the file's name.
    parts : sequence of str or bytes
        All that the result depends on besides the package's code: files' contents, parameters.
    make : callable
        Makes a value that the form holds.
    form : Form

    Notes
    -----
    A file that cannot be read is made anew. A process that wants what another is making waits for it, so that notebooks
    that run side by side do the work once.
    """
    (found,) = cached_each(name, [(parts, make)], form)
    return found


def cached_each(name: str, asked: Sequence[tuple[Sequence[str | bytes], Callable[[], Any]]], form: Form = JSON) -> list[Any]:
    """Return several results as `cached` does; what another process is making is left to it while there is other work.

    Parameters
    ----------
    name : str
        Begins the files' names.
    asked : sequence of (parts, make)
        As `cached` takes them, none based on another.
    form : Form
    """
    folder = os.environ.get(FOLDER, "")
    if not folder:
        return [make() for _, make in asked]
    Path(folder).mkdir(parents=True, exist_ok=True)
    code = _code()
    found: dict[int, Any] = {}
    left = {k: Path(folder) / f"{name}-{digest([*parts, *code])}.{form.ending}" for k, (parts, _) in enumerate(asked)}
    wait = False
    while left:
        made = []
        for k, path in left.items():
            with contextlib.suppress(BlockingIOError):
                found[k] = _kept(path, asked[k][1], form, wait=wait)
                made.append(k)
                if wait:
                    break
        left = {k: path for k, path in left.items() if k not in made}
        wait = not made
    return [found[k] for k, _ in enumerate(asked)]


def _kept(path: Path, make: Callable[[], Any], form: Form, *, wait: bool) -> Any:
    """Return what a file holds, or make it; a BlockingIOError where another process does and nobody waits."""
    unreadable = (OSError, ValueError, EOFError, pickle.UnpicklingError)
    with contextlib.suppress(*unreadable):
        return form.read(path.read_bytes())
    with _alone(path.with_suffix(".lock"), wait=wait):
        with contextlib.suppress(*unreadable):  # made while we waited
            return form.read(path.read_bytes())
        content = form.write(make())
        write_whole(path, content)
    # What comes back is what a later run will read.
    return form.read(content)


@contextlib.contextmanager
def _alone(path: Path, *, wait: bool) -> Iterator[None]:
    """Let one process at a time go on, where the system can lock a file; a process that dies lets go."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def digest(parts: Sequence[str | bytes]) -> str:
    """Return a short hash of several texts; texts that are cut elsewhere have another."""
    total = hashlib.sha256()
    for part in parts:
        one = part.encode() if isinstance(part, str) else part
        total.update(len(one).to_bytes(8, "big") + one)
    return total.hexdigest()[:20]


def _code() -> list[bytes]:
    """Return the source of the packages: another version may compute otherwise."""
    folder = Path(__file__).parents[1]
    return [path.read_bytes() for name in PACKAGES for path in sorted((folder / name).rglob("*.py"))]
