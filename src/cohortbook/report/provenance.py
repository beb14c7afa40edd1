"""What a report rests on: files, seed, revision of the code, versions; nothing that changes while these stay."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

from cohortbook.notebook.notebook import FILES, at_key
from cohortbook.report.document import Section
from studyfile.study.study import Study


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def provenance(study: Study) -> dict[str, list[tuple[str, str]]]:
    """Collect what the report rests on: files, seed, revision of the code, and versions.

    Nothing in it changes from one run to the next when the inputs do not.
    """
    wanted = [study.path.name, study.file.study.data]
    if study.file.published:
        wanted.append(study.file.published.file)
    files = [(name, sha256(study.folder / name)) for name in wanted if (study.folder / name).is_file()]
    made = [("Code", revision())]
    if study.file.reconstruction:
        made.append(("Seed of the reconstruction", str(study.file.reconstruction.seed)))
    made.append(("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"))
    try:
        required = [line for line in metadata.requires("cohortbook") or () if "extra ==" not in line]
        names = ["cohortbook", *sorted(re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in required)]
        packages = [(name, metadata.version(name)) for name in names]
    except metadata.PackageNotFoundError as error:
        packages = [(str(error.name), "not installed")]
    return {"files": files, "made": made, "packages": packages}


def revision() -> str:
    """Return the git revision of this code with the day of its commit, and whether files were changed since."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(Path(__file__).parent), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        commit, day = git("log", "-1", "--format=%H %cs").split()
        changed = git("status", "--porcelain", ":/")
    except (OSError, ValueError, subprocess.CalledProcessError):
        return "not in a git checkout"
    return f"git {commit} of {day}" + (", with changes that are not committed" if changed else "")


def not_run(study: Study, section: Section) -> tuple[str, str, str]:
    """Say why a section was not run: the words before the name of what it lacks, that name, and the words behind it."""
    name = at_key(study.file, section.lacks)
    if section.lacks in FILES and name:
        return f"{section.name} needs {FILES[section.lacks]}: there is no ", name, " in the study's folder."
    return "the study file has no section ", section.lacks, f", which {section.name} needs."


def changed_parameters(section: Section) -> list[tuple[str, str, bool]]:
    """Return the parameters of a section as `name = value`, with whether each differs from its default."""
    return [
        (name, json.dumps(value, ensure_ascii=False), section.defaults.get(name) != value)
        for name, value in section.parameters.items()
        if name != "output_dir" and not section.lacks
    ]
