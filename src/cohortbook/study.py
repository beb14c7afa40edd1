"""The study file, read and checked: dictionary, derived variables, eligibility and analysis plan of one study."""

from __future__ import annotations

import difflib
import functools
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cohortbook.errors import CohortbookError
from cohortbook.tally import weakest

if TYPE_CHECKING:
    import yaml

    from cohortbook.schema import Derived, StudyFile, Variable

NUMERIC = ("continuous", "count")
LEVELLED = ("binary", "category", "ordered")
NO_YES = ("no", "yes")
_MEASURED = ("before", "during", "after")

Key = tuple[str | int, ...]


class StudyError(CohortbookError):
    """A study file that cannot be used; the message names every key, its line and what was expected."""


@dataclass(frozen=True, eq=False)
class Study:
    """A checked study file.

    Attributes
    ----------
    path : pathlib.Path
        The study file; data files are looked for beside it.
    file : StudyFile
        Its sections, as `cohortbook.schema` defines them.
    """

    path: Path
    file: StudyFile

    @property
    def folder(self) -> Path:
        """The folder of the study."""
        return self.path.parent

    @property
    def title(self) -> str:
        """The study's title."""
        return self.file.study.title

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
            parents = () if name in self.file.variables else self[name].parents
            found |= dict.fromkeys(self.bases(*parents) if parents else (name,))
        return tuple(found)

    def provenance(self, *names: str) -> str:
        """Return the weakest provenance among the variables."""
        derived = [self.file.derived[n].provenance for n in names if n in self.file.derived and self.file.derived[n].provenance]
        own = [n for n in names if n not in self.file.derived or not self.file.derived[n].provenance]
        return weakest([*derived, *(self.file.variables[base].provenance for base in self.bases(*own))])

    def measured(self, name: str) -> str | None:
        """Return when a variable is known: the latest among what it is made from; None where the file does not say."""
        times = [self.file.variables[base].measured for base in self.bases(name)]
        return None if None in times else max(times, key=_MEASURED.index)

    def plan(self, section: str):
        """Return a section of the plan; an error that names the key where the study file lacks it."""
        found = getattr(self.file, section)
        if not found:
            raise StudyError(f"{self.path}: this needs the section {section!r}, which the study file does not have")
        return found


def bundled_studies() -> Path:
    """Return the folder of the studies that come with the project."""
    return Path(__file__).resolve().parents[2] / "data"


@functools.lru_cache(maxsize=8)
def _read(path: Path, _modified: int) -> Study:
    return Study(path, _validated(path))


def load_study(study: str | Path) -> Study:
    """Read and check a study file.

    Parameters
    ----------
    study : str or Path
        A study file, the folder that holds `study.yml`, or the name of a study that comes with the project.

    Raises
    ------
    StudyError
        When there is no such file, or it holds errors: all of them at once, each with its key and line.
    """
    asked = Path(study).expanduser()
    candidates = [asked, asked / "study.yml", bundled_studies() / asked / "study.yml"]
    path = next((p for p in candidates if p.is_file()), None)
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
    import yaml
    from pydantic import ValidationError

    from cohortbook.schema import StudyFile

    text = path.read_text(encoding="utf-8")
    try:
        root = yaml.compose(text, Loader=_loader())
        content = _loader()(text).get_single_data()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise StudyError(f"{path}:{where} not YAML: {getattr(error, 'problem', None) or error}") from None
    if not isinstance(content, dict):
        raise StudyError(f"{path}: expected keys such as study:, variables:, tables:; found {type(content).__name__}")
    try:
        file = StudyFile.model_validate(content)
    except ValidationError as error:
        problems = [(_plain_key(e["loc"]), _in_words(e, StudyFile)) for e in error.errors()]
        raise StudyError(_report(path, root, problems)) from None
    problems = list(_cross_checks(Study(path, file)))
    if problems:
        raise StudyError(_report(path, root, problems))
    return file


@functools.cache
def _loader() -> type[yaml.SafeLoader]:
    """Return a safe loader in which yes, no, on and off stay words and a key that stands twice is an error."""
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node, deep=False):
            seen = set()
            for key, _ in node.value:
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} stands twice", key.start_mark
                    )
                seen.add(key.value)
            return super().construct_mapping(node, deep)

    # YAML 1.1 reads yes/no/on/off as truth values, which are levels here.
    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return Loader


def _plain_key(loc: Key) -> Key:
    """Drop what pydantic adds to a location for unions and for the keys of a mapping."""
    return tuple(part for part in loc if not (isinstance(part, str) and ("[" in part or part in ("str", "float"))))


def _known_keys(model, key: Key) -> list[str]:
    """Return the keys that a section knows, following `key` from the top of the study file."""
    from typing import get_args

    from pydantic import BaseModel

    def models(annotation):
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return [annotation]
        return [found for part in get_args(annotation) for found in models(part)]

    for part in key:
        if not model:
            return []
        field = next((f for name, f in model.model_fields.items() if part in (name, f.alias)), None)
        if field is not None:
            model = next(iter(models(field.annotation)), None)
    return [field.alias or name for name, field in model.model_fields.items()] if model else []


def _in_words(error: dict, top) -> str:
    """Say in plain words what pydantic found."""
    key = _plain_key(error["loc"])
    found = error["input"]
    match error["type"]:
        case "extra_forbidden":
            known = _known_keys(top, key[:-1])
            return f"unknown key{nearest(key[-1], known) or '; known here: ' + ', '.join(known)}"
        case "missing":
            return "is missing and must be given"
        case "value_error":
            return str(error["ctx"]["error"])
        case "literal_error":
            return f"expected {error['ctx']['expected']}; found {found!r}"
    message = error["msg"][0].lower() + error["msg"][1:]
    return f"{message}; found {found!r}" if not isinstance(found, dict | list) else message


def _report(path: Path, root: yaml.Node, problems: list[tuple[Key, str]]) -> str:
    """List every problem with its line, in the order of the file, once."""
    lines = {(_line(root, key), ".".join(map(str, key)), text) for key, text in problems}
    listed = "\n".join(f"  line {line}, {key}: {text}" for line, key, text in sorted(lines))
    return f"{path}: {len(lines)} error{'s' * (len(lines) > 1)}\n{listed}"


def _line(node: yaml.Node, key: Key) -> int:
    """Find the line of a key; of the nearest key above it where it is missing itself."""
    line = node.start_mark.line
    for part in key:
        if isinstance(part, int) and node.id == "sequence" and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line
        elif node.id == "mapping":
            entry = next((pair for pair in node.value if pair[0].value == str(part)), None)
            if entry is None:
                break
            line, node = entry[0].start_mark.line, entry[1]
        else:
            break
    return line + 1


def _cross_checks(study: Study) -> Iterator[tuple[Key, str]]:
    """Yield what one section says wrongly of another: unknown variables and levels, bands with gaps."""
    file = study.file
    for name in file.derived.keys() & file.variables.keys():
        yield ("derived", name), "is a recorded variable too; a name stands for one variable"
    problems = list(_check_derived(study))
    yield from problems
    if problems:  # what rests on a broken variable would only repeat the message
        return
    for i, row in enumerate(file.eligibility):
        yield from _check_condition(study, row.keep, ("eligibility", i, "keep"))
    for key, table in file.tables.items():
        for i, row in enumerate(table.rows):
            at = ("tables", key, "rows", i)
            if row.variable is None:
                if not row.heading:
                    yield at, "a row shows a variable or a heading"
                continue
            yield from _check_levels(study, row.variable, (*row.levels, *row.labels), at)
    yield from _check_plans(study)


def _check_name(study: Study, name: str, at: Key, kinds: tuple[str, ...] = ()) -> Iterator[tuple[Key, str]]:
    if name not in study.names:
        yield at, f"unknown variable {name!r}{nearest(name, study.names)}"
    elif kinds and study.kind(name) not in kinds:
        yield at, f"{name!r} is {study.kind(name)}; expected {' or '.join(kinds)}"


def _check_levels(study: Study, name: str, levels: Iterable, at: Key) -> Iterator[tuple[Key, str]]:
    unknown = list(_check_name(study, name, (*at, "variable")))
    yield from unknown
    if unknown or study.kind(name) in (*NUMERIC, "date"):
        return
    known = study.levels(name)
    for level in levels:
        if str(level) not in known:
            yield at, f"{name!r} has no level {level!r}{nearest(level, known)}; its levels: {', '.join(known)}"


def _check_condition(study: Study, condition: dict, at: Key) -> Iterator[tuple[Key, str]]:
    for name, wanted in condition.items():
        unknown = list(_check_name(study, name, (*at, name)))
        yield from unknown
        if unknown:
            continue
        limits = isinstance(wanted, dict)
        if limits and study.kind(name) not in NUMERIC:
            yield (*at, name), f"{name!r} is {study.kind(name)}; limits (min, max) need a numeric variable"
        elif not limits:
            values = wanted if isinstance(wanted, tuple) else (wanted,)
            yield from ((key[:-1] if key[-1] == "variable" else key, text)
                        for key, text in _check_levels(study, name, values, (*at, name)))  # fmt: skip


def _check_derived(study: Study) -> Iterator[tuple[Key, str]]:
    file = study.file
    for name, derived in file.derived.items():
        at = ("derived", name)
        unknown = [text for parent in derived.parents for _, text in _check_name(study, parent, at)]
        yield from ((at, text) for text in unknown)
        chained = [p for p in derived.parents if p in file.derived]
        if chained:
            yield at, f"is made from {chained[0]!r}, itself derived; make it from a recorded variable"
        if unknown or chained:
            continue
        kinds = {"bands": NUMERIC, "change": ("ordered",), "transition": ("category", "ordered"),
                 "days_between": ("date",)}.get(derived.rule, ("category", "ordered"))  # fmt: skip
        wrong = [p for p in derived.parents if file.variables[p].kind not in kinds]
        for parent in wrong:
            yield at, f"{derived.rule} needs {' or '.join(kinds)}; {parent!r} is {file.variables[parent].kind}"
        if wrong:
            continue
        parent = file.variables[derived.parents[0]]
        if derived.rule == "bands":
            yield from _check_bands(derived, parent, (*at, "bands"))
        elif derived.rule in ("recode", "member"):
            used = derived.member or [level for levels in derived.recode.values() for level in levels]
            for level in used:
                if level not in parent.levels:
                    yield ((*at, derived.rule),
                           f"{derived.from_!r} has no level {level!r}{nearest(level, parent.levels)}")  # fmt: skip
                elif list(used).count(level) > 1:
                    yield (*at, derived.rule), f"the level {level!r} stands twice"
            if derived.recode and (left := [level for level in parent.levels if level not in used]):
                yield (*at, "recode"), f"leaves out the level{'s' * (len(left) > 1)} {', '.join(map(repr, left))}"
        elif derived.rule == "change" and len({file.variables[p].levels for p in derived.parents}) > 1:
            yield (*at, "change"), "both variables need the same levels in the same order"


def _check_bands(derived: Derived, parent: Variable, at: Key) -> Iterator[tuple[Key, str]]:
    """Yield bands that overlap, leave a gap, or leave out a part of the variable's range."""
    step = 10 ** -(parent.decimals or 0) if parent.decimals is not None or parent.kind == "count" else 0
    low, high = parent.range or (None, None)
    bands = derived.bands
    for i, band in enumerate(bands):
        if band.to is not None and band.below is not None:
            yield (*at, i), "takes 'to' (inclusive) or 'below' (exclusive), not both"
        if i and band.from_ is None:
            yield (*at, i), "needs 'from'"
        if i < len(bands) - 1 and band.to is None and band.below is None:
            yield (*at, i), "needs 'to' or 'below'"
    if bands[0].from_ is not None and (low is None or bands[0].from_ > low):
        yield (*at, 0), f"leaves out values below {bands[0].from_:g}, which the range of {derived.from_!r} allows"
    last = bands[-1]
    end = last.below if last.to is None else last.to
    if end is not None and (high is None or end < high or (last.to is None and end <= high)):
        yield (*at, len(bands) - 1), f"leaves out values above {end:g}, which the range of {derived.from_!r} allows"
    for i, (before, after) in enumerate(itertools.pairwise(bands), start=1):
        if after.from_ is None or (before.to is None and before.below is None):
            continue
        wanted = before.below if before.to is None else before.to + step
        if after.from_ > wanted + 1e-9 or (before.to is not None and not step and after.from_ != before.to):
            yield (*at, i), f"leaves out values between {before.label!r} and {after.label!r}"
        elif after.from_ < wanted - 1e-9 or (before.to is not None and not step):
            yield (*at, i), f"overlaps the band {before.label!r}; a value belongs to one band"


def _check_plans(study: Study) -> Iterator[tuple[Key, str]]:
    file = study.file
    if file.outcome:
        yield from _check_name(study, file.outcome.variable, ("outcome", "variable"), ("binary",))
    if plan := file.comparison:
        yield from _check_name(study, plan.groups, ("comparison", "groups"), ("binary",))
        for i, row in enumerate(plan.rows):
            yield from _check_name(study, row.variable, ("comparison", "rows", i, "variable"), (*NUMERIC, *LEVELLED))
    if plan := file.model:
        yield from _check_name(study, plan.outcome, ("model", "outcome"), ("binary",))
        for i, name in enumerate(plan.candidates):
            yield from _check_name(study, name, ("model", "candidates", i))
        if not plan.candidates and not file.comparison:
            yield ("model",), "needs candidates, or a comparison to take them from"
    if plan := file.survival:
        yield from _check_name(study, plan.time, ("survival", "time"), NUMERIC)
        yield from _check_name(study, plan.event, ("survival", "event"), ("binary",))
        for key in ("strata", "cox"):
            for i, name in enumerate(getattr(plan, key)):
                kinds = LEVELLED if key == "strata" else ()
                yield from _check_name(study, name, ("survival", key, i), kinds)
        if isinstance(plan.entry, str):
            yield from _check_name(study, plan.entry, ("survival", "entry"), NUMERIC)
        if plan.bands:
            yield from _check_name(study, plan.bands, ("survival", "bands"), ("ordered",))
            for i, mark in enumerate(plan.landmarks):
                yield from _check_levels(study, plan.bands, mark.longer, ("survival", "landmarks", i, "longer"))
        if plan.competing:
            yield from _check_name(study, plan.competing.event, ("survival", "competing", "event"), ("binary",))
            yield from _check_name(study, plan.competing.time, ("survival", "competing", "time"), NUMERIC)
    if file.published:
        for name, group in file.published.groups.items():
            yield from _check_condition(study, group.where, ("published", "groups", name, "where"))
            if group.compare:
                yield from _check_name(study, group.compare, ("published", "groups", name, "compare"), ("binary",))
    if plan := file.reconstruction:
        for i, rule in enumerate(plan.rules):
            for part in ("when", "then"):
                yield from _check_condition(study, getattr(rule, part), ("reconstruction", "rules", i, part))
            of = rule.not_after or ((*rule.sum_at_most[0], rule.sum_at_most[1]) if rule.sum_at_most else ())
            for name in of:
                yield from _check_name(study, name, ("reconstruction", "rules", i))
        for name in plan.shapes:
            yield from _check_name(study, name, ("reconstruction", "shapes", name))
