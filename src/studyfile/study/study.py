"""The study file, read and checked: dictionary, derived variables, eligibility and analysis plan of one study."""

from __future__ import annotations

import difflib
import functools
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from studyfile.errors import CohortbookError
from tallystats.tally import weakest

if TYPE_CHECKING:
    from studyfile.study.schema import Derived, StudyFile, Variable

NUMERIC = ("continuous", "count")
LEVELLED = ("binary", "category", "ordered")
NO_YES = ("no", "yes")
_MEASURED = ("before", "during", "after")

Key = tuple[str | int, ...]


class StudyError(CohortbookError):
    """A study file that cannot be used; the message names every key, its line and what was expected."""


@dataclass(frozen=True, eq=False, repr=False)
class Study:
    """A checked study file.

    Attributes
    ----------
    path : pathlib.Path
        The study file; data files are looked for beside it.
    file : StudyFile
        Its sections, as `studyfile.study.schema` defines them.
    """

    path: Path
    file: StudyFile

    def __repr__(self) -> str:
        return f"Study({self.title!r}, {len(self.file.variables)} variables)"

    @property
    def folder(self) -> Path:
        """The folder of the study."""
        return self.path.parent

    @property
    def title(self) -> str:
        """The study's title."""
        return self.file.study.title

    @property
    def units(self) -> str:
        """What several rows are called."""
        return self.file.study.plural or f"{self.file.study.unit}s"

    @property
    def names(self) -> tuple[str, ...]:
        """Every variable, recorded or derived."""
        return (*self.file.variables, *self.file.derived)

    def __getitem__(self, name: str) -> Variable | Derived:
        """Return a recorded or derived variable; an unknown name is an error that suggests the nearest."""
        found = self.file.variables.get(name) or self.file.derived.get(name)
        if found is None:
            raise StudyError(f"{self.path}: no variable {name!r}{nearest(name, self.names)}")
        return found

    def kind(self, name: str) -> str:
        """Return the kind: continuous, count, binary, category, ordered or date."""
        return self[name].kind

    def label(self, name: str) -> str:
        """Return the label, without the unit."""
        return self[name].label

    def unit(self, name: str) -> str:
        """Return the unit, empty where there is none."""
        return self[name].unit if name in self.file.variables or self.file.derived[name].unit else ""

    def range(self, name: str) -> tuple[float, float] | None:
        """Return the plausible range of a numeric variable; None where the study file gives none."""
        return self.file.variables[name].range if name in self.file.variables else None

    def step(self, name: str) -> float:
        """Return the smallest difference between two values of a numeric variable; 0 where any number may be one."""
        if name in self.file.derived:
            return 1.0  # days
        variable = self.file.variables[name]
        return 1.0 if variable.kind == "count" else 0.0 if variable.decimals is None else 10.0**-variable.decimals

    def levels(self, name: str) -> tuple[str, ...]:
        """Return the levels in order; no and yes for a binary variable; none for a numeric one."""
        variable = self[name]
        if name in self.file.variables:
            return NO_YES if variable.kind == "binary" else variable.levels
        match variable.rule:
            case "bands":
                return tuple(band.label for band in variable.bands)
            case "recode":
                return tuple(variable.recode)
            case "member":
                return NO_YES
            case "change":
                return variable.change_levels
            case "transition":
                before, after = map(self.levels, variable.transition)
                return tuple(f"{a} to {b}" for a, b in itertools.product(before, after))
        return ()

    def bases(self, *names: str) -> tuple[str, ...]:
        """Return the recorded variables that the named ones rest on, each once, in order."""
        found: dict[str, None] = {}
        for name in names:
            found |= dict.fromkeys((name,) if name in self.file.variables else self.bases(*self[name].parents))
        return tuple(found)

    def provenance(self, *names: str) -> str:
        """Return the weakest provenance among the variables; a derived one may have one of its own."""
        found = []
        for name in names:
            own = self[name].provenance
            found.append(self.provenance(*self[name].parents) if own is None else own)
        return weakest(found)

    def measured(self, name: str) -> str | None:
        """Return when a variable is known: the latest among what it is made from; None where the file does not say."""
        times = [self.file.variables[base].measured for base in self.bases(name)]
        return None if None in times else max(times, key=_MEASURED.index)

    @property
    def group_labels(self) -> tuple[str, ...]:
        """What the groups of the comparison are called, in the order of their levels (of a binary variable: no, yes)."""
        plan = self.plan("comparison")
        if self.kind(plan.groups) == "binary":
            return plan.group_labels[::-1] or NO_YES
        return plan.group_labels or self.levels(plan.groups)

    @property
    def times(self) -> frozenset[str]:
        """The variables that the survival endpoint counts as times, none of which can be negative."""
        plan = self.file.survival
        event = plan and plan.competing
        bounds = (event.time, event.last_negative, event.first_positive) if event else ()
        times = (plan.time, plan.entry, *bounds) if plan else ()
        return frozenset(time for time in times if isinstance(time, str))

    def plan(self, section: str):
        """Return a section of the plan; an error that names the key where the study file lacks it."""
        found = getattr(self.file, section)
        if not found:
            raise StudyError(f"{self.path}: this needs the section {section!r}, which the study file does not have")
        return found


def bundled_studies() -> Path:
    """Return the folder of the studies that come with the project."""
    return Path(__file__).resolve().parents[3] / "data"


@functools.lru_cache(maxsize=8)
def _read(path: Path, _modified: int) -> Study:
    return Study(path, _validated(path))


def load_study(study: str | Path) -> Study:
    """Read and check a study file.

    Parameters
    ----------
    study : str or Path
        A study file, the folder that holds `study.yml`, or the name of a study that comes with the project; with
        `@name` at its end, as it is under one of its scenarios.

    Raises
    ------
    StudyError
        When there is no such file, or it holds errors: all of them at once, each with its key and line.
    """
    asked = Path(study).expanduser()
    candidates = [asked, asked / "study.yml", bundled_studies() / asked / "study.yml"]
    path = next((p for p in candidates if p.is_file()), None)
    folder, mark, scenario = str(study).rpartition("@")
    if path is None and mark:
        from studyfile.study.study_scenarios import under_scenario

        return under_scenario(load_study(folder), scenario)
    if path is None:
        known = sorted(p.parent.name for p in bundled_studies().glob("*/study.yml"))
        raise StudyError(
            f"no study at {str(study)!r}: expected a study file, a folder that holds study.yml, "
            f"or the name of a bundled study ({', '.join(known) or 'none found'})"
        )
    return _read(path.resolve(), path.stat().st_mtime_ns)


def nearest(name: object, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the nearest known name, or nothing."""
    match = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.6)
    return f"; did you mean {match[0]!r}?" if match else ""


def _validated(path: Path) -> StudyFile:
    """Read a study file and check it: each section by itself, then what the sections say of each other."""
    from studyfile.study.schema import StudyFile
    from studyfile.study.study_checks import cross_checks
    from studyfile.study.study_yaml import YamlFile, schema_problems

    text = YamlFile(path)
    content, wrong = text.content(), []
    try:
        file = StudyFile.model_validate(content)
    except ValidationError as error:
        for key, problem in schema_problems(error, StudyFile, content):
            text.problem(key, problem)
            wrong.append(key)
        try:  # without its unknown keys, the file may be whole enough to look further
            file = StudyFile.model_validate(content)
        except ValidationError:
            text.stop()
    for key, problem in cross_checks(Study(path, file)):
        if not any(other[: len(key)] == key for other in wrong):
            text.problem(key, problem)
    text.stop_if_wrong()
    return file
