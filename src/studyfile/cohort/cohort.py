"""The cohort: patients read, checked against the dictionary, and taken through the eligibility flow.

Nothing here keeps patients apart for long: columns are checked, cleaned and derived on their distinct values, and rows
are looked up only to say where an error stands.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import narwhals as nw
import pandas as pd
from narwhals.exceptions import DuplicateError

from studyfile.cohort.csvfile import several
from studyfile.cohort.readers import CohortError, Source, masked, read_source, shown, with_point
from studyfile.cohort.values import clean, derive, is_missing, meets, read_value
from studyfile.privacy.counts import Protection, protected_flow, protection
from studyfile.privacy.guard import require_rule
from studyfile.study.schema import Condition
from studyfile.study.study import LEVELLED, NO_YES, NUMERIC, Study, load_study, nearest
from tallystats.tally import Tally, count_patterns, in_memory

_SEPARATOR = "\x1f"
#: The id of a study whose patients have none: rows are counted instead.
ROW_NUMBER = "row_number"
_SUGGESTION = re.compile(r"; did you mean .*")  # is close to the value


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowStep:
    """One step of the eligibility flow; None stands for a count that was not reported.

    `excluded_missing` of the excluded had no value of what the step asks for.
    """

    label: str
    excluded: int | None
    excluded_missing: int
    remaining: int | None


@dataclass(frozen=True, eq=False, repr=False)
class Cohort:
    """The eligible patients of a study.

    Attributes
    ----------
    study : Study
        The study file that the data were checked against.
    data : frame
        One row an eligible patient, columns as recorded: any frame that narwhals reads. It is not to be changed: tallies
        are counted once.
    source : str
        Name of the file, or of the kind of object, that the data came from.
    flow : tuple of FlowStep
        The eligibility flow; the last step's `remaining` is the cohort's size.
    notes : tuple of str
        What was found out about the file: delimiter, encoding, decimal sign, sheet.
    suppress_below : int
        Counts from 1 to one less are hidden in all that is shown, with what would reveal them; 0: none is.
    """

    study: Study
    data: Any
    source: str
    flow: tuple[FlowStep, ...]
    notes: tuple[str, ...] = ()
    suppress_below: int = 0
    _tallies: dict[tuple[str, ...], Tally] = field(default_factory=dict, init=False, repr=False)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.study.file.study.title!r}, source={self.source!r}, n={self.size})"

    @functools.cached_property
    def protection(self) -> Protection | None:
        """What is hidden of single variables; None where nothing is."""
        return protection(self.study, lambda *names: self._counted(names), self.suppress_below) if self.suppress_below else None

    @property
    def size(self) -> int:
        """The number of eligible patients."""
        return next(step.remaining for step in reversed(self.flow) if step.remaining is not None)

    def tally(self, *names: str) -> Tally:
        """Count the patterns of variables, recorded or derived.

        Recorded columns are grouped where the data live; cleaning and deriving then cost what the distinct patterns
        cost.

        Raises
        ------
        NotShown
            When small counts are hidden, and what asks has no rule for them.
        """
        if self.suppress_below:
            require_rule()
        return self._counted(names)

    def patient(self, identifier: str, *names: str) -> Tally:
        """Tally one patient: a single pattern.

        Raises
        ------
        CohortError
            When no eligible patient has this id.
        """
        column = self.study.file.study.id
        found = nw.from_native(self.data).filter(nw.col(column).cast(nw.String) == identifier).to_native()
        tally = self._tally(found, names)
        if not tally.total:
            asked = "this id (not shown)" if masked() else f"{column} {identifier!r}"
            raise CohortError(f"{self.source}: no eligible {self.study.file.study.unit} has {asked}")
        return tally

    def _counted(self, names: tuple[str, ...]) -> Tally:
        """Count once: a plan asks for the same patterns again and again."""
        if names not in self._tallies:
            self._tallies[names] = self._tally(self.data, names)
        return self._tallies[names]

    def _tally(self, data: Any, names: Sequence[str]) -> Tally:
        bases = self.study.bases(*names)
        patterns = derive(self.study, clean(self.study, count_patterns(data, bases), bases), names)
        counts = patterns.groupby(list(names), dropna=False, observed=True, sort=True)["n"].sum()
        return Tally(counts.reset_index().astype(patterns.dtypes), self.study.provenance(*names))

    def missing(self, name: str) -> int:
        """Return how many eligible patients have no value of a variable; hidden where the count is too small."""
        tally = self._counted((name,))
        n = tally.total - tally.complete().total
        return self.protection.of(name, "missing", n) if self.protection else n


def load_cohort(study: Study | str | Path, data: Any = None, *, suppress_below: int = 0) -> Cohort:
    """Read the patients of a study, check every value, and apply the eligibility criteria.

    Parameters
    ----------
    study : Study, str or Path
        A study, or what `load_study` takes.
    data : frame or path, optional
        One row a patient: a path to a file that `read_source` reads, a pandas or Polars frame, a DuckDB relation or any
        other frame that narwhals reads. Default: the file that the study file names.
    suppress_below : int
        Hide counts from 1 to one less, and what would reveal them; the study file's `privacy: suppress_below:` where that
        is more.

    Raises
    ------
    CohortError
        When the data do not fit the study file: all offending rows and columns in one message, the first of them
        listed. A row of a file is numbered as a spreadsheet shows it, below the header from 2; a row of a frame from 1.
        With the environment variable COHORTBOOK_MASK=1, messages show no values.

    Notes
    -----
    Values of SPSS, Stata, SAS and REDCap that have labels are read by their labels where these are levels of the study
    file, and by their codes where the codes are.
    """
    if not isinstance(study, Study):
        study = load_study(study)
    if data is None:
        data = study.folder / study.file.study.data
    below = max(suppress_below, study.file.privacy.suppress_below if study.file.privacy else 0)
    if isinstance(data, str | Path):
        path = Path(data)
        found = study_source(study, path)
        frame = _recorded(study, found)
        _check(study, frame, str(path), found.rows, found.frame)
        return _protected(replace(_eligible(study, frame, path.name), notes=found.notes), below)
    source = type(data).__name__
    data = _numbered(study, data)
    _check_frame(study, data, source)
    _check(study, data, source, None)
    return _protected(_eligible(study, data, source), below)


def _protected(cohort: Cohort, below: int) -> Cohort:
    """Hide the small counts of a cohort, its flow's first."""
    if below < 2:
        return cohort
    if cohort.size < below:
        raise CohortError(
            f"{cohort.source}: {cohort.study.file.study.unit}s who are eligible are fewer than {below}, so nothing can be "
            "shown of them (privacy: suppress_below)"
        )
    return replace(cohort, flow=protected_flow(cohort.flow, below), suppress_below=below)


def study_source(study: Study, path: Path | None = None) -> Source:
    """Read the data file of a study as the study file says: its sheet, encoding, delimiter, decimal sign.

    Parameters
    ----------
    study : Study
    path : Path, optional
        Another file, read in the same way where its kind allows.

    Raises
    ------
    CohortError
        When there is no such file, nobody in it, or a column of the study file is not.
    """
    about = study.file.study
    path = study.folder / about.data if path is None else path
    if not path.is_file():
        raise CohortError(f"{path}: no such file; {study.path.name} names it under study: data:")
    own = path == study.folder / about.data
    source = read_source(
        path,
        sheet=about.sheet if own else "",
        dictionary=study.folder / about.dictionary if own and about.dictionary else "",
        encoding=about.encoding,
        delimiter=about.delimiter,
        decimal=about.decimal,
    )
    if about.id == ROW_NUMBER not in source.frame:
        source = replace(source, frame=source.frame.assign(**{ROW_NUMBER: list(source.rows)}))
    _check_columns(source.where, list(source.frame), study)
    if source.frame.empty:
        raise CohortError(f"{path}: a header and no {about.unit}; expected one line a {about.unit}")
    return source


def _recorded(study: Study, source: Source) -> pd.DataFrame:
    """Give the raw values the form in which the study file names them: decimal points, labels, declared missing codes."""
    about, frame, unclear = study.file.study, source.frame.copy(), []
    for name in (about.id, *study.file.variables):
        values = frame[name].tolist()
        keys = list(zip(map(type, values), values, strict=True))  # 1 and True are equal, but not the same
        forms = {
            key: None if source.is_missing(name, key[1]) else _form(study, source, name, key[1]) for key in dict.fromkeys(keys)
        }
        if source.decimal == "," and name in study.file.variables and study.kind(name) in NUMERIC:
            points = {value for kind, value in forms if kind is str and re.fullmatch(r"[+-]?\d*\.\d+", value.strip())}
            reason = "a decimal point, in a file of decimal commas"
            unclear += _locate(study, frame, [name], {(value,): reason for value in points}, source.rows)
        frame[name] = pd.Series([forms[key] for key in keys], index=frame.index, dtype=object)
    if unclear:
        raise CohortError(several(source.path, [text for _, text in sorted(unclear)], " in the data"))
    return frame


def _form(study: Study, source: Source, name: str, value: Any) -> Any:
    pointed = with_point(value) if source.decimal == "," and isinstance(value, str) else value
    if name not in study.file.variables or study.kind(name) not in LEVELLED:
        return pointed if name in study.file.variables else value
    known = {*study.levels(name), *study.file.variables[name].codes}
    texts = [str(value).strip(), str(pointed).strip()]
    label = source.levels.get(name, {}).get(texts[0], "")
    if study.kind(name) == "binary" and label not in known and label.lower() in NO_YES:
        label = label.lower()
    return next((text for text in (*texts, label) if text in known), label or value)


def _check_columns(where: str, found: Sequence[str], study: Study) -> None:
    wanted = [study.file.study.id, *study.file.variables]
    if absent := [name for name in wanted if name not in found]:
        spare = [name for name in found if name not in wanted]
        # Of a file without a header, the first patient stands where the names are looked for.
        listed = "\n".join(f"  {name!r}{'' if masked() else nearest(name, spare)}" for name in absent)
        raise CohortError(f"{where}: no column for what {study.path.name} declares:\n{listed}")


def _numbered(study: Study, data: Any) -> Any:
    """Number the rows of a frame in memory, where the study file says that they have no ids."""
    if study.file.study.id != ROW_NUMBER:
        return data
    frame = nw.from_native(data, pass_through=True)
    if not isinstance(frame, nw.DataFrame) or ROW_NUMBER in frame.columns:
        return data
    return frame.with_row_index(ROW_NUMBER).with_columns(nw.col(ROW_NUMBER) + 1).to_native()


def _check_frame(study: Study, data: Any, source: str) -> None:
    try:
        lazy = nw.from_native(data).lazy()
        _check_columns(source, lazy.collect_schema().names(), study)
        empty = not _rows(lazy)
    except TypeError:
        raise CohortError(f"{source}: expected the path of a data file, or a frame that narwhals reads") from None
    except DuplicateError as error:
        raise CohortError(f"{source}: {' '.join(str(error).split())}; give each column its own name") from None
    if empty:
        unit = study.file.study.unit
        raise CohortError(f"{source}: no {unit}; expected one row a {unit}")


def _check(study: Study, frame: Any, source: str, rows: Sequence[int] | None, raw: Any = None) -> None:
    """Check every column on its distinct values; look up rows only for values that do not fit.

    Messages show the values of `raw`, where it is given.
    """
    identifier = study.file.study.id
    counts = count_patterns(frame, [identifier])
    patients: dict[str, int] = {}
    for value, n in zip(counts[identifier], counts["n"], strict=True):
        patients[str(value).strip()] = patients.get(str(value).strip(), 0) + n
    wrong = {
        (_key(study, value),): "no id"
        if is_missing(study, value)
        else f"the id stands {patients[str(value).strip()]} times; an id is one {study.file.study.unit}"
        for value in counts[identifier]
        if is_missing(study, value) or patients[str(value).strip()] > 1
    }
    problems = _locate(study, frame, [identifier], wrong, rows, raw)
    for name in study.file.variables:
        values = count_patterns(frame, [name])[name]
        wrong = {(value,): reason for value in values if (reason := read_value(study, name, value)[1])}
        problems += _locate(study, frame, [name], wrong, rows, raw)
    if not problems:
        for name in study.times & set(study.file.derived):
            problems += _locate(study, frame, study.bases(name), _negative(study, frame, name), rows, raw)
    if problems:
        listed = [text for _, text in sorted(problems, key=lambda problem: problem[0])]
        raise CohortError(several(source, listed, " in the data"))


def _negative(study: Study, frame: Any, name: str) -> dict[tuple, str]:
    """Return the patterns of days that lie the wrong way round."""
    bases = study.bases(name)
    raw = count_patterns(frame, bases)
    negative = derive(study, clean(study, raw, bases), [name])[name] < 0
    patterns = raw.loc[negative, list(bases)].itertuples(index=False, name=None)
    return dict.fromkeys(patterns, f"{name!r} is negative; a time cannot be")


def _key(study: Study, value: Any) -> Hashable:
    """Return what a value is looked up by: missing values differ from themselves."""
    return None if is_missing(study, value) else value


def _locate(
    study: Study, frame: Any, columns: Sequence[str], wrong: Mapping[tuple, str], rows: Sequence[int] | None, raw: Any = None
) -> list[tuple[int, str]]:
    """Find the rows of wrong patterns; show their values as they stand in `raw`, or not at all where they are masked."""
    if not wrong:
        return []
    values = in_memory(nw.from_native(frame).lazy().select(list(columns)))
    named = f"column{'s' * (len(columns) > 1)} {', '.join(map(repr, columns))}"
    found = []
    for position, pattern in enumerate(values.itertuples(index=False, name=None)):
        reason = wrong.get(tuple(_key(study, value) for value in pattern))
        if reason:
            row = position + 1 if rows is None else rows[position]
            told = pattern if raw is None else [raw[column].iloc[position] for column in columns]
            if masked():
                found.append((row, f"row {row}, {named}: value not shown: {_SUGGESTION.sub('', reason)}"))
            else:
                found.append((row, f"row {row}, {named}: {', '.join(map(shown, told))}: {reason}"))
    return found


def _eligible(study: Study, frame: Any, source: str) -> Cohort:
    """Take the patients through the eligibility criteria, counting every exclusion."""
    lazy = nw.from_native(frame).lazy()
    eager = isinstance(nw.from_native(frame), nw.DataFrame)
    before = [criterion for criterion in study.file.eligibility if not criterion.keep]
    flow = [FlowStep(label=c.label, excluded=c.excluded, excluded_missing=0, remaining=None) for c in before]
    remaining = _rows(lazy)
    flow.append(FlowStep(label=f"In {source}", excluded=0, excluded_missing=0, remaining=remaining))
    for criterion in study.file.eligibility:
        if criterion.keep:
            lazy, missing = _keep(study, lazy, criterion.keep)
            excluded, remaining = remaining - (left := _rows(lazy)), left
            flow.append(FlowStep(label=criterion.label, excluded=excluded, excluded_missing=missing, remaining=left))
    if remaining == 0:
        counts = "; ".join(f"{s.label}: {s.excluded} excluded" for s in flow if s.remaining is not None)
        raise CohortError(f"{source}: no {study.file.study.unit} is eligible ({counts})")
    data = (lazy.collect() if eager else lazy).to_native()
    return Cohort(study, data, source, tuple(flow))


def _rows(lazy: Any) -> int:
    return int(in_memory(lazy.select(nw.len().alias("n")))["n"].iloc[0])


def _keep(study: Study, lazy: Any, condition: Condition) -> tuple[Any, int]:
    """Filter rows by a condition on distinct patterns; also count those left out for a missing value.

    The patterns to keep are named by their text where the data live, so that no value travels there and back.
    """
    missing = 0
    for name, wanted in condition.items():
        bases = study.bases(name)
        key = nw.concat_str([nw.col(base).cast(nw.String) for base in bases], separator=_SEPARATOR)
        counts = lazy.with_columns(key.alias(_SEPARATOR)).group_by([*bases, _SEPARATOR]).agg(nw.len().alias("n"))
        raw = in_memory(counts)
        values = derive(study, clean(study, raw, bases), [name])
        unknown = values[name].isna()
        missing += int(values.loc[unknown, "n"].sum())
        kept = [not u and meets(study, name, v, wanted) for u, v in zip(unknown, values[name], strict=True)]
        lazy = lazy.filter(key.is_in(raw.loc[kept, _SEPARATOR].to_list()))
    return lazy, missing
