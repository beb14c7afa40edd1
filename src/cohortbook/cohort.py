"""The cohort: patients read, checked against the dictionary, and taken through the eligibility flow.

Nothing here keeps patients apart for long: columns are checked, cleaned and derived on their distinct values, and rows
are looked up only to say where an error stands.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cohortbook.errors import CohortbookError
from cohortbook.study import NO_YES, NUMERIC, Study, load_study, nearest
from cohortbook.tally import Tally, count_patterns

if TYPE_CHECKING:
    import pandas as pd

    from cohortbook.schema import Condition

#: How many offending rows an error lists before it gives the count of the rest.
LISTED = 20


class CohortError(CohortbookError):
    """Data that do not fit the study file; the message names file, rows, columns and what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowStep:
    """One step of the eligibility flow; None stands for a count that was not reported."""

    label: str
    excluded: int | None
    excluded_missing: int
    remaining: int | None


@dataclass(frozen=True, eq=False)
class Cohort:
    """The eligible patients of a study.

    Attributes
    ----------
    study : Study
        The study file that the data were checked against.
    data : frame
        One row an eligible patient, columns as recorded: any frame that narwhals reads.
    source : str
        Name of the file, or of the kind of object, that the data came from.
    flow : tuple of FlowStep
        The eligibility flow; the last step's `remaining` is the cohort's size.
    """

    study: Study
    data: Any
    source: str
    flow: tuple[FlowStep, ...]

    @property
    def size(self) -> int:
        """The number of eligible patients."""
        return self.flow[-1].remaining

    def tally(self, *names: str) -> Tally:
        """Count the patterns of variables, recorded or derived.

        Recorded columns are grouped where the data live; cleaning and deriving then cost what the distinct patterns
        cost.
        """
        bases = self.study.bases(*names)
        patterns = clean(self.study, count_patterns(self.data, bases), bases)
        counts = derive(self.study, patterns, names).groupby(list(names), dropna=False, observed=True, sort=True)["n"]
        return Tally(counts.sum().reset_index(), self.study.provenance(*names))

    def missing(self, name: str) -> int:
        """Return how many eligible patients have no value of a variable."""
        tally = self.tally(name)
        return tally.total - tally.complete().total


def load_cohort(study: Study | str | Path, data: Any = None) -> Cohort:
    """Read the patients of a study, check every value, and apply the eligibility criteria.

    Parameters
    ----------
    study : Study, str or Path
        A study, or what `load_study` takes.
    data : frame or path, optional
        One row a patient: a path to a CSV file, a pandas or Polars frame, a DuckDB relation or any other frame that
        narwhals reads. Default: the file that the study file names.

    Raises
    ------
    CohortError
        When the data do not fit the study file: all offending rows and columns in one message.
    """
    if not isinstance(study, Study):
        study = load_study(study)
    if data is None:
        data = study.folder / study.file.study.data
    source = Path(data).name if isinstance(data, str | Path) else type(data).__name__
    frame = _read_csv(Path(data), study) if isinstance(data, str | Path) else data
    _check(study, frame, source)
    return _eligible(study, frame, source)


def _read_csv(path: Path, study: Study) -> pd.DataFrame:
    """Read a CSV file as text, so that an error can show a value as it stands in the file."""
    import pandas as pd

    if not path.is_file():
        raise CohortError(f"{path}: no such file; {study.path.name} names it under study: data:")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file), [])
        if not any(header):
            raise CohortError(f"{path}: the file is empty; expected a header line and one line a {study.file.study.unit}")
        wanted = {*study.file.variables, study.file.study.id}
        if len(header) == 1 and (found := next((c for c in ";\t|" if c in header[0]), None)):
            raise CohortError(f"{path}: columns are separated by {found!r}; expected a comma. Save the file as CSV (comma)")
        if twice := sorted({name for name in header if header.count(name) > 1}):
            raise CohortError(f"{path}: line 1: the column {twice[0]!r} stands twice; give each column its own name")
        if absent := [name for name in sorted(wanted) if name not in header]:
            listed = "\n".join(f"  {name!r}{nearest(name, set(header) - wanted)}" for name in absent)
            raise CohortError(f"{path}: line 1: no column for these variables of {study.path.name}:\n{listed}")
        _check_ragged(path, len(header))
        rows = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", skip_blank_lines=True)
    except UnicodeDecodeError as error:
        raise CohortError(f"{path}: not UTF-8 text at byte {error.start}; save the file as CSV UTF-8") from None
    if rows.empty:
        raise CohortError(f"{path}: a header and no {study.file.study.unit}; expected one line a {study.file.study.unit}")
    return rows


def _check_ragged(path: Path, width: int) -> None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        ragged = [(reader.line_num, len(row)) for row in reader if row and len(row) != width]
    if ragged:
        _fail(path.name, [f"line {line}: {found} values; the header has {width}" for line, found in ragged])


def _fail(source: str, problems: list[str]) -> None:
    """Raise one error that lists the first offending rows and counts the rest."""
    shown = "\n".join(f"  {text}" for text in problems[:LISTED])
    more = f"\n  and {len(problems) - LISTED} more" if len(problems) > LISTED else ""
    raise CohortError(f"{source}: {len(problems)} error{'s' * (len(problems) > 1)} in the data\n{shown}{more}")


def _check(study: Study, frame: Any, source: str) -> None:
    """Check every column on its distinct values; look up rows only for values that do not fit."""
    import narwhals as nw

    lazy = nw.from_native(frame).lazy()
    found = lazy.collect_schema().names()
    identifier = study.file.study.id
    if absent := [name for name in (identifier, *study.file.variables) if name not in found]:
        raise CohortError(f"{source}: no column {absent[0]!r}{nearest(absent[0], found)}")
    problems: list[tuple[int, str]] = []
    counts = count_patterns(frame, [identifier])
    doubtful = {value: f"the id stands {n} times; an id is one {study.file.study.unit}"
                for value, n in zip(counts[identifier], counts["n"], strict=True) if n > 1}  # fmt: skip
    doubtful |= {value: "no id" for value in counts[identifier] if _is_missing(value, study)}
    if doubtful:
        problems += _locate(lazy, identifier, doubtful)
    for name in study.file.variables:
        values = count_patterns(frame, [name])[name]
        wrong = {value: reason for value in values if (reason := _read_value(study, name, value)[1])}
        if wrong:
            problems += _locate(lazy, name, wrong)
    if problems:
        _fail(source, [text for _, text in sorted(problems)])


def _locate(lazy: Any, column: str, wrong: dict[Any, str]) -> list[tuple[int, str]]:
    """Find the rows of wrong values; row 2 is the first below the header, as a spreadsheet counts."""
    values = lazy.select(column).collect("pandas").to_pandas()[column]
    return [
        (row, f"row {row}, column {column!r}: {_shown(value)}: {wrong[value]}")
        for row, value in enumerate(values, start=2)
        if value in wrong
    ]


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str) else str(value)


def _is_missing(value: Any, study: Study) -> bool:
    if isinstance(value, str):
        return value.strip() in study.file.study.missing
    return value is None or value != value or str(value) in ("NaT", "<NA>")


def _read_value(study: Study, name: str, value: Any) -> tuple[Any, str]:
    """Read one recorded value: what it stands for (None when missing), and what is wrong with it ('' when nothing)."""
    variable = study.file.variables[name]
    if _is_missing(value, study):
        return None, ""
    text = f"{value:g}" if isinstance(value, float) else str(value).strip()
    if text in variable.codes:
        text, value = variable.codes[text], variable.codes[text]
    if variable.kind in NUMERIC:
        return _read_number(study, name, text)
    if variable.kind == "date":
        import datetime

        try:
            return datetime.datetime.fromisoformat(text), ""
        except ValueError:
            return None, "expected a date, year-month-day (2019-12-31)"
    if variable.kind == "binary" and isinstance(value, bool | type(None)) or type(value).__name__ == "bool_":
        text = NO_YES[bool(value)]
    levels = study.levels(name)
    if text in levels:
        return text, ""
    return None, f"not a level; expected {', '.join(levels)}{nearest(text, levels)}"


def _read_number(study: Study, name: str, text: str) -> tuple[float | None, str]:
    variable = study.file.variables[name]
    plan = study.file.survival
    try:
        number = float(text)
    except ValueError:
        hint = "; write a decimal point, not a comma" if text.replace(",", "", 1).lstrip("+-").isdigit() else ""
        return None, f"not a number{hint}"
    if number in (float("inf"), float("-inf")) or number != number:
        return None, "not a finite number"
    times = (plan.time, plan.entry, plan.competing and plan.competing.time) if plan else ()
    if number < 0 and name in study.bases(*(t for t in times if isinstance(t, str))):
        return None, "a time cannot be negative"
    if (variable.decimals == 0 or variable.kind == "count") and number != int(number):
        return None, "expected a whole number"
    if variable.range and not variable.range[0] <= number <= variable.range[1]:
        low, high = variable.range
        return None, f"outside the plausible range {low:g} to {high:g} of {study.path.name}; correct it or widen the range"
    return number, ""


def clean(study: Study, patterns: pd.DataFrame, bases: Sequence[str]) -> pd.DataFrame:
    """Give raw columns their types: float64, ordered categoricals with every level, nullable booleans, dates.

    Values were checked when the cohort was loaded; a missing value becomes NaN, NA or NaT.
    """
    import pandas as pd

    typed = {}
    for name in bases:
        distinct = {value: _read_value(study, name, value)[0] for value in patterns[name].unique()}
        values = [distinct[value] for value in patterns[name]]
        typed[name] = _typed(study, name, values, patterns.index)
    return pd.DataFrame({**typed, "n": patterns["n"]})


def _typed(study: Study, name: str, values: Sequence, index: pd.Index) -> pd.Series:
    import pandas as pd

    match study.kind(name):
        case "continuous" | "count":
            return pd.Series(values, index=index, dtype="float64")
        case "binary":
            return pd.Series([None if v is None else v == "yes" for v in values], index=index, dtype="boolean")
        case "date":
            return pd.Series(pd.to_datetime(pd.Series(values, index=index)))
    return pd.Series(pd.Categorical(values, categories=study.levels(name), ordered=True), index=index)


def derive(study: Study, patterns: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Add derived variables to clean patterns; missing where a variable they are made from is missing.

    Parameters
    ----------
    study : Study
        The study file that declares them.
    patterns : pandas.DataFrame
        Clean recorded columns, and `n`.
    names : sequence of str
        The variables wanted, recorded or derived.

    Returns
    -------
    pandas.DataFrame
        The named columns in order, then `n`.
    """
    import pandas as pd

    columns = {name: patterns[name] if name in study.file.variables else _derived(study, patterns, name)
               for name in names}  # fmt: skip
    return pd.DataFrame({**columns, "n": patterns["n"]})


def _derived(study: Study, patterns: pd.DataFrame, name: str) -> pd.Series:
    rule = study.file.derived[name]
    parents = [patterns[parent] for parent in rule.parents]
    if rule.rule == "days_between":
        return (parents[1] - parents[0]).dt.total_seconds() / 86400
    values = [
        None if any(_is_missing(v, study) for v in pattern) else derive_value(study, name, *pattern)
        for pattern in zip(*parents, strict=True)
    ]
    return _typed(study, name, values, patterns.index)


def derive_value(study: Study, name: str, *values: Any) -> str:
    """Return the level of a derived variable for the values of the variables it is made from, none of them missing."""
    rule = study.file.derived[name]
    match rule.rule:
        case "bands":
            return next(
                (band.label for band in rule.bands if _in_band(band, values[0])),
                None,
            )
        case "recode":
            return next(level for level, members in rule.recode.items() if values[0] in members)
        case "member":
            return NO_YES[values[0] in rule.member]
        case "change":
            order = study.levels(rule.change[0])
            better = order.index(values[1]) - order.index(values[0])
            return rule.change_levels[0 if better > 0 else 1 if better == 0 else 2]
    return f"{values[0]} to {values[1]}"


def _in_band(band: Any, value: float) -> bool:
    return (
        (band.from_ is None or value >= band.from_)
        and (band.to is None or value <= band.to)
        and (band.below is None or value < band.below)
    )


def meets(study: Study, name: str, value: Any, wanted: Any) -> bool:
    """Say whether a value of a variable, not missing, meets what a condition wants of it."""
    if isinstance(wanted, dict):
        return wanted.get("min", value) <= value <= wanted.get("max", value)
    levels = wanted if isinstance(wanted, tuple) else (wanted,)
    if study.kind(name) in NUMERIC:
        return any(value == float(level) for level in levels)
    shown = NO_YES[bool(value)] if study.kind(name) == "binary" and not isinstance(value, str) else value
    return shown in {str(level) for level in levels}


def _eligible(study: Study, frame: Any, source: str) -> Cohort:
    """Take the patients through the eligibility criteria, counting every exclusion."""
    import narwhals as nw

    lazy = nw.from_native(frame).lazy()
    native_eager = hasattr(nw.from_native(frame), "shape")
    flow: list[FlowStep] = []
    for criterion in study.file.eligibility:
        if not criterion.keep:
            flow.append(FlowStep(label=criterion.label, excluded=criterion.excluded, excluded_missing=0, remaining=None))
    remaining = _rows(lazy)
    flow.append(FlowStep(label=f"In {source}", excluded=0, excluded_missing=0, remaining=remaining))
    for criterion in study.file.eligibility:
        if criterion.keep:
            lazy, missing = _keep(study, lazy, criterion.keep)
            before, remaining = remaining, _rows(lazy)
            flow.append(FlowStep(label=criterion.label, excluded=before - remaining, excluded_missing=missing,
                                 remaining=remaining))  # fmt: skip
    if remaining == 0:
        counts = "; ".join(f"{s.label}: {s.excluded} excluded" for s in flow if s.remaining is not None)
        raise CohortError(f"{source}: no {study.file.study.unit} is eligible ({counts})")
    data = (lazy.collect() if native_eager else lazy).to_native()
    return Cohort(study, data, source, tuple(flow))


def _rows(lazy: Any) -> int:
    import narwhals as nw

    return int(lazy.select(nw.len().alias("n")).collect("pandas")["n"].to_list()[0])


def _keep(study: Study, lazy: Any, condition: Condition) -> tuple[Any, int]:
    """Filter rows by a condition on distinct patterns; also count those left out for a missing value."""
    import narwhals as nw

    missing = 0
    for name, wanted in condition.items():
        bases = study.bases(name)
        raw = count_patterns(lazy.to_native(), bases)
        values = derive(study, clean(study, raw, bases), [name])
        unknown = values[name].isna()
        missing += int(values.loc[unknown, "n"].sum())
        kept = raw[[not u and meets(study, name, v, wanted) for u, v in zip(unknown, values[name], strict=True)]]
        keep = nw.any_horizontal(
            *(nw.all_horizontal(*(nw.col(b) == row[i] for i, b in enumerate(bases)), ignore_nulls=True)
              for row in kept[list(bases)].itertuples(index=False)),
            ignore_nulls=True,
        ) if len(bases) > 1 else nw.col(bases[0]).is_in(list(kept[bases[0]]))  # fmt: skip
        lazy = lazy.filter(keep)
    return lazy, missing
