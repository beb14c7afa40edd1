"""Draft a study file from a table of patients: every guess stands beside its reason, nothing is decided silently.

python -m studyfile.draft studies/mine patients.xlsx
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from studyfile.cohort.cohort import ROW_NUMBER, load_cohort
from studyfile.cohort.readers import FORMATS, Source, read_source
from studyfile.cohort.readers_redcap import is_dictionary
from studyfile.draft.draft_columns import Guess, counted, guess
from studyfile.draft.draft_ids import Identifier, identifiers, likely
from studyfile.draft.draft_words import CENSORING, EVENT, FATAL, TIME
from studyfile.errors import CohortbookError, command
from studyfile.files import write_whole
from studyfile.study.study import LEVELLED, NUMERIC

_PLAIN = re.compile(r"[^\W\d][\w .()/%+-]*[\w.()/%+]|[^\W\d]")
_WORDS = ("yes", "no", "on", "off", "true", "false", "null", "none", "y", "n", "na", "nan")


class DraftError(CohortbookError):
    """A draft that cannot be written: the study is there already, or the data hold nothing to describe."""


def draft_study(folder: str | Path, data: str | Path, *, sheet: str = "", dictionary: str | Path = "") -> Path:
    """Draft `study.yml` from a data file and put a copy of the data beside it.

    Parameters
    ----------
    folder : str or Path
        Where the study goes; it may exist, a study file in it may not.
    data : str or Path
        What `read_source` reads. A file that is in the folder already is not copied.
    sheet : str
        The sheet of an Excel file.
    dictionary : str or Path
        REDCap's data dictionary. Empty: one that lies beside the data, if one alone does.

    Returns
    -------
    pathlib.Path
        The study file. It can be used as it stands: the patients load, and the tables describe every variable.

    Raises
    ------
    DraftError
        When the folder holds a study file, or another file of the data's name; when no column can be described.
    CohortError
        When the data cannot be read.
    """
    folder, data = Path(folder).expanduser(), Path(data).expanduser()
    path = folder / "study.yml"
    if path.exists():
        raise DraftError(f"{path}: is there already and is not overwritten; name another folder, or move it away first")
    dictionary = Path(dictionary).expanduser() if dictionary else _dictionary_beside(data)
    source = read_source(data, sheet=sheet, dictionary=dictionary or "")
    text = draft_text(source, data=_name(data, folder), dictionary=_name(dictionary, folder) if dictionary else "")
    copies = [(file, folder / _name(file, folder)) for file in (data, dictionary) if file]
    copies = [(file, copy) for file, copy in copies if not (copy.exists() and copy.samefile(file))]
    for file, copy in copies:
        if copy.exists() and copy.read_bytes() != file.read_bytes():
            raise DraftError(f"{copy}: another file of this name is there already; move it away, or name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    for file, copy in copies:
        shutil.copyfile(file, copy)
    write_whole(path, text)
    load_cohort(path)
    return path


def _dictionary_beside(data: Path) -> Path | None:
    """Find the data dictionary of REDCap that lies beside a CSV file; none where several do."""
    if FORMATS.get(data.suffix.lower()) != "CSV" or not data.is_file():
        return None
    found = [path for path in sorted(data.parent.glob("*.csv")) if path != data and is_dictionary(path)]
    try:
        return found[0] if len(found) == 1 and read_source(data, dictionary=found[0]) else None
    except CohortbookError:  # of another project, or the data are what is wrong
        return None


def _name(file: Path, folder: Path) -> str:
    """Return the name of a file in the study's folder: without spaces, which make could not follow."""
    there = folder / file.name
    return file.name if there.exists() and there.samefile(file) else re.sub(r"[^\w.+-]+", "_", file.name)


def draft_text(source: Source, *, data: str = "", dictionary: str = "") -> str:
    """Write a study file for a source, whose file has the name `data` beside it.

    Lines that begin with one # are proposals, valid as they stand without it; those with ## are words about them.
    """
    columns = list(source.frame)
    key = identifiers(source, columns)
    guesses = [guess(source, name) for name in columns if name != key.name]
    guesses = [replace(g, left_out="its name says an id, and it repeats") if g.name in key.repeated else g for g in guesses]
    kept = [found for found in guesses if not found.left_out]
    if not kept:
        reasons = "".join(f"\n  {found.name!r}: {found.left_out}" for found in guesses)
        raise DraftError(f"{source.path}: no column that a study could describe{reasons}")
    doubts = len(key.looks) + sum(len(found.looks) for found in guesses)
    lines = [
        f"# Drafted from {source.path.name}: {counted(len(source.rows), 'row')}, {counted(len(columns), 'column')}; "
        f"{'; '.join(source.notes)}.",
        f"# A comment gives the reason of the guess on its line; LOOK says what may be wrong ({counted(doubts, 'place')}).",
        "# A line with one # is a proposal: take the # away to use it. A line with ## is about those below it.",
        "# Look at every line, then run make check and make report.",
        "",
        *_about(source, key, data or source.path.name, dictionary),
        "",
        "variables:",
    ]
    for found in guesses:
        lines += _variable(found)
    lines += ["", *_table(kept), "", *_one_row(source, key, kept), *_proposals(kept)]
    return "\n".join(lines) + "\n"


def _about(source: Source, key: Identifier, data: str, dictionary: str) -> Iterator[str]:
    yield "study:"
    yield f"  title: {_q(source.path.stem.replace('_', ' '))}  # the file's name; say what the study is about"
    yield "  unit: patient  # what a row is; such as birth, hip, admission"
    yield from (f"  ## LOOK {_line(look)}" for look in key.looks)
    yield f"  id: {_q(key.name or ROW_NUMBER)}  # {key.why}"
    yield f"  data: {_q(data)}"
    if "sheet" in source.found:
        yield f"  sheet: {_q(source.found['sheet'])}  # the sheet that was read"
    if dictionary:
        yield f"  dictionary: {_q(dictionary)}  # describes the columns of this file"
    if source.found.get("encoding", "utf-8") not in ("utf-8", "utf-16"):
        yield f"  encoding: {_q(source.found['encoding'])}  # the file is not UTF-8; look at letters with accents"
    if source.found.get("delimiter", ",") != ",":
        yield f"  delimiter: {_q(source.found['delimiter'])}  # divides every line into as many columns"
    if source.decimal == ",":
        yield '  decimal: ","  # numbers such as 3,5 in the file'
    yield '  # missing: ["", NA]  # marks of a missing value in every column, as it stands; add such as 999'


def _variable(found: Guess) -> Iterator[str]:
    keys: dict[str, Any] = {"label": found.label, "kind": found.kind or "category", "unit": found.unit}
    if found.kind in ("category", "ordered"):
        keys |= {"levels": list(found.levels)}
    keys |= {"codes": dict(found.codes), "missing": list(found.missing), "decimals": found.decimals}
    if found.date_order != "ymd":
        keys["date_order"] = found.date_order
    text = f"{_q(found.name)}: {_q({key: value for key, value in keys.items() if value not in ('', [], {}, None)})}"
    if found.left_out:
        ready = found.kind in ("date", "continuous")
        yield (
            f"  # {text}  # left out: {_line(found.left_out)}"
            if ready
            else f"  ## {_q(found.name)}: left out: {_line(found.left_out)}"
        )
        return
    yield from (f"  ## LOOK {_line(look)}" for look in found.looks)
    yield f"  {text}  # {_line(found.reason)}"


def _table(kept: Sequence[Guess]) -> Iterator[str]:
    shown = [found for found in kept if found.kind != "date"]
    if not shown:
        yield "## tables: needs variables that are no dates"
        return
    yield "tables:"
    yield "  table-1:"
    yield '    number: "1"'
    yield "    title: Characteristics"
    yield "    rows:"
    for found in shown:
        levels = ', levels: ["yes"]' if found.kind == "binary" else ""
        yield f"      - {{variable: {_q(found.name)}{levels}}}"


def _one_row(source: Source, key: Identifier, kept: Sequence[Guess]) -> Iterator[str]:
    """Yield a criterion that leaves one row a patient, where the level of some variable does."""
    for name, found in itertools.product(key.repeated if key.visits else (), kept):
        plain = found.kind in ("category", "ordered") and not (found.codes or found.empty or source.frame[name].isna().any())
        rows = source.frame.groupby(found.name, dropna=False)[name] if plain else None
        if plain and rows.nunique().eq(rows.size()).all():
            yield f"## {name!r} repeats, but never within a level of {found.name!r}. To keep the rows of one level:"
            yield f"# eligibility: [{{label: One row a patient, keep: {{{_q(found.name)}: {_q(found.levels[0])}}}}}]"
            return


def _proposals(kept: Sequence[Guess]) -> Iterator[str]:
    """Yield the plan as comments: which outcome and which times a study has is not in its file."""
    times = likely(kept, TIME, lambda found: found.kind in NUMERIC and min(found.numbers, default=-1) >= 0)
    event = _event(kept, EVENT, bool(times))
    if event is None:
        yield "## The rest of the plan needs a binary variable as outcome; none was found, and none of two levels."
        yield "## derived: makes one, by bands: of numbers or member: of levels."
        return
    yield f"## Outcome, comparison of two groups, regression: with {event.name!r} ({event.reason})."
    yield from event.derived
    other = {event.name, event.source, *(found.name for found in times)}
    rows = [found.name for found in kept if found.kind in (*NUMERIC, *LEVELLED) and found.name not in other]
    yield f"# outcome: {{variable: {_q(event.name)}, label: {_q(event.label)}}}"
    if rows:
        yield "# comparison:"
        yield '#   number: "2"'
        yield f"#   title: {_q(f'Patients with and without: {event.label}')}"
        yield f"#   groups: {_q(event.name)}"
        yield f"#   group_labels: [{_q(event.label)}, {'Others' if event.derived else _q(f'No {event.label}')}]"
        yield "#   rows:"
        yield from (f"#     - {{variable: {_q(name)}}}" for name in rows)
        yield "# model:"
        yield '#   number: "3"'
        yield f"#   title: {_q(f'Logistic regression of: {event.label}')}"
        yield f"#   outcome: {_q(event.name)}"
        yield "#   candidates:  # keep those that are known before the outcome"
        yield from (f"#     - {_q(name)}" for name in rows)
    if not times:
        yield "## survival: needs the time to the event or the end of follow-up; no column's name says it."
        return
    fatal = _event(kept, FATAL, True) or event
    time, fatal = times[0], event if event.derived else fatal
    rows = [name for name in rows if name not in (fatal.name, fatal.source)]
    strata = next((found.name for found in kept if found.name in rows and found.kind in LEVELLED), "")
    yield f"## Survival: {time.name!r} as the time (its name says so, and none is negative), {fatal.name!r} as the event."
    yield "# survival:"
    yield f"#   time: {_q(time.name)}"
    yield f"#   event: {_q(fatal.name)}"
    yield f"#   unit: {_q(time.unit)}" if time.unit else "#   unit: days  # a guess: no name tells it"
    if strata:
        yield f"#   strata: [{_q(strata)}]"
    if rows:
        yield f"#   cox: [{', '.join(map(_q, rows[:3]))}]"
    source = next((found for found in kept if found.name == fatal.source and len(found.levels) > 2), None)
    if source:
        yield f"## Does one level of {source.name!r} forestall another, as death of another cause does?"
        yield "## Derive death of any cause as the event: above, and the event in question, with its label, for"
        yield f"##   competing: {{label: ..., event: ..., time: {_q(time.name)}}}"


@dataclass(frozen=True, kw_only=True)
class _Event:
    """A binary variable that may be the outcome; one that is derived says so in lines of its own."""

    name: str
    label: str
    reason: str
    source: str = ""
    derived: tuple[str, ...] = ()


def _event(kept: Sequence[Guess], pattern: re.Pattern, timed: bool) -> _Event | None:
    """Choose the outcome: a binary variable named as one, levels named as one, else the first binary variable."""
    named = likely(kept, pattern, lambda found: found.kind == "binary")
    coded = likely(kept, pattern, lambda found: found.kind in ("category", "ordered"))
    if named and not (timed and coded and not likely(named, FATAL, bool)):
        reason = "its name says so"
        if CENSORING.fullmatch(named[0].name):
            reason = "its name says an event or its absence: look which of them yes stands for"
        return _Event(name=named[0].name, label=named[0].label, reason=reason)
    if coded:  # a status beside a time, such as 0 alive, 1 transplanted, 2 dead
        return _derived(coded[0], f"{coded[0].name}_event", "its name says so")
    reason = "no name says an outcome; it stands as an example"
    if binary := next((found for found in kept if found.kind == "binary"), None):
        return _Event(name=binary.name, label=binary.label, reason=reason)
    two = next((found for found in kept if len(found.levels) == 2), None)
    return two and _derived(two, f"{two.name} is {two.levels[-1]}", reason)


def _derived(found: Guess, name: str, reason: str) -> _Event:
    level = found.levels[-1]
    label = level if " " in level else f"{found.label} {level}"
    rule = f"{{label: {_q(label)}, from: {_q(found.name)}, member: [{_q(level)}]}}"
    lines = (
        f"## Which levels of {found.name!r} are the event? Its last one stands here as an example.",
        f"# derived: {{{_q(name)}: {rule}}}",
    )
    return _Event(name=name, label=label, reason=reason, source=found.name, derived=lines)


def _line(text: str) -> str:
    """Keep a comment on its line."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _q(value: Any) -> str:
    """Write a value as YAML in one line.

    Examples
    --------
    >>> print(_q({"label": "Age", "levels": ["yes", "Lev+5FU", "a: b"], "decimals": 0}))
    {label: Age, levels: ["yes", Lev+5FU, "a: b"], decimals: 0}
    """
    match value:
        case dict():
            return f"{{{', '.join(f'{_q(key)}: {_q(part)}' for key, part in value.items())}}}"
        case list():
            return f"[{', '.join(map(_q, value))}]"
        case str():
            plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS and value.isprintable()
            return value if plain else json.dumps(value, ensure_ascii=not value.isprintable())
    return str(value)


def _kept_by_git(folder: Path) -> bool:
    """Say whether git would keep the files of a folder; no where git or a repository is not there."""
    try:
        inside = subprocess.run(["git", "-C", str(folder), "rev-parse"], capture_output=True, check=False).returncode == 0
        ignored = subprocess.run(
            ["git", "-C", str(folder), "check-ignore", "-q", "study.yml"], capture_output=True, check=False
        )
    except OSError:
        return False
    return inside and ignored.returncode == 1


@command
def main(arguments: Sequence[str] | None = None) -> int | None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m studyfile.draft", description=__doc__.splitlines()[0])
    parser.add_argument("study", type=Path, help="folder of the new study")
    parser.add_argument("data", type=Path, help=f"table of patients: {', '.join(FORMATS)}")
    parser.add_argument("--sheet", default="", help="sheet of an Excel file; not needed where one alone is filled")
    parser.add_argument("--dictionary", default="", help="REDCap's data dictionary (CSV)")
    options = parser.parse_args(arguments)
    path = draft_study(options.study, options.data, sheet=options.sheet, dictionary=options.dictionary)
    text = path.read_text(encoding="utf-8")
    left, doubts = len(re.findall(r"^  ##? .*[ :] left out: ", text, re.M)), text.count("  ## LOOK ")
    cohort = load_cohort(path)
    print(f"{path}: drafted from {options.data}")
    columns = f"{counted(len(cohort.study.file.variables), 'variable')}, {counted(left, 'column')} left out"
    print(f"  {cohort.size} patients, {columns}; {'; '.join(cohort.notes)}")
    if cohort.study.file.study.id == ROW_NUMBER:
        print("  no column of ids was found: rows are counted")
    if doubts:
        print(f"  {counted(doubts, 'place')} to look at: lines with LOOK")
    if _kept_by_git(path.parent):
        print(f"  git would keep {path.parent}: do not commit patients; folders in studies/ are ignored")
    print(f"Next: read {path}, then run\n  make check STUDY={options.study}\n  make report STUDY={options.study}")
    return None
