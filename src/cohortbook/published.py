"""The printed figures: how they are written down, how precise they are, and what each says of a cohort.

A figure says one thing, a claim, which is stated once here and used twice: `Claim` objects become constraints in
`cohortbook.reconstruct`, and `reprint` recomputes the figure from a cohort to see whether it prints the same.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

from cohortbook.errors import CohortbookError
from cohortbook.study import LEVELLED, NUMERIC, Study, nearest

if TYPE_CHECKING:
    from cohortbook.schema import Condition

COLUMNS = ("id", "source", "about", "variable", "level", "group", "statistic", "value", "denominator", "claim", "note")
#: What a figure can be about: this cohort, facts of it outside the dictionary, the study's design, other literature.
ABOUT = ("cohort", "narrative", "design", "literature")
STATISTICS = ("n", "percent", "total", "mean", "sd", "median", "min", "max", "p", "value")


class PublishedError(CohortbookError):
    """A `published.csv` that cannot be read; the message lists every offending row."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One printed figure.

    Attributes
    ----------
    id, source : str
        A name of its own, and where it is printed ("Table 7", "Results: surgery").
    about : {"cohort", "narrative", "design", "literature"}
        Only figures about the cohort, in terms of the dictionary, can be checked against it.
    variable, level, group, statistic : str
        What is printed: of which variable, of which level (several joined by " or "), in which group.
    value : str
        As printed: the digits are the precision.
    denominator : int or None
        What a percentage is a percentage of.
    """

    id: str
    source: str
    about: str
    variable: str
    level: str
    group: str
    statistic: str
    value: str
    denominator: int | None
    claim: str
    note: str

    @property
    def decimals(self) -> int:
        """How many decimals are printed."""
        return len(self.value.partition(".")[2])

    @cached_property
    def bounds(self) -> tuple[Fraction, Fraction]:
        """The values that print so: from the first (included) to the second (excluded), halves rounded away from zero."""
        half = Fraction(1, 2 * 10**self.decimals)
        return Fraction(self.value) - half, Fraction(self.value) + half

    @property
    def in_words(self) -> str:
        """The figure in words, for people."""
        what = " ".join(part for part in (self.variable, self.level and f"[{self.level}]") if part)
        return f"{self.source}: {what}, {self.group}: {self.statistic} {self.value}"


def read_published(study: Study) -> tuple[Figure, ...]:
    """Read the printed figures of a study and check every row against the dictionary.

    Raises
    ------
    PublishedError
        All offending rows in one message.
    """
    path = study.folder / study.plan("published").file
    if not path.is_file():
        raise PublishedError(f"{path}: no such file; {study.path.name} names it under published: file:")
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise PublishedError(f"{path}: line 1: expected the columns {','.join(COLUMNS)}")
        rows = list(reader)
    problems, figures, seen = [], [], set()
    for number, row in enumerate(rows, start=2):
        wrong = list(_wrong(study, row))
        if row["id"] in seen:
            wrong.append(f"the id {row['id']!r} stands twice")
        seen.add(row["id"])
        problems += [f"  row {number} ({row['id']}): {text}" for text in wrong]
        if not wrong:
            figures.append(Figure(**{**row, "denominator": int(row["denominator"]) if row["denominator"] else None}))
    if problems:
        raise PublishedError(f"{path}: {len(problems)} error{'s' * (len(problems) > 1)}\n" + "\n".join(problems[:20]))
    return tuple(figures)


def _wrong(study: Study, row: dict[str, str]) -> Iterable[str]:
    """Yield what is wrong with one row of the file."""
    if None in row or None in row.values():
        yield f"expected {len(COLUMNS)} values"
        return
    if row["about"] not in ABOUT:
        yield f"about is {row['about']!r}; expected {', '.join(ABOUT)}"
    if row["denominator"] and not row["denominator"].isdigit():
        yield f"denominator is {row['denominator']!r}; expected a whole number"
    if row["about"] != "cohort":
        return
    groups = ("all", *study.plan("published").groups)
    variable, statistic, group = row["variable"], row["statistic"], row["group"]
    if group not in groups:
        yield f"unknown group {group!r}{nearest(group, groups)}; groups stand under published: groups: in the study file"
        return
    if statistic not in STATISTICS:
        yield f"unknown statistic {statistic!r}{nearest(statistic, STATISTICS)}; known: {', '.join(STATISTICS)}"
    elif statistic != "value" and not _is_number(row["value"]):
        yield f"value is {row['value']!r}; expected a number as printed"
    if statistic == "total":
        return
    if variable not in study.names:
        yield f"unknown variable {variable!r}{nearest(variable, study.names)}"
        return
    if study.kind(variable) in NUMERIC:
        levels = [level for level in _levels(row["level"]) if not _is_number(level)]
        yield from (f"{variable!r} is numeric; a level of it is a number, found {level!r}" for level in levels)
    else:
        known = study.levels(variable)
        asked = [row["value"]] if statistic == "value" else _levels(row["level"])
        for level in asked:
            if level not in known:
                yield f"{variable!r} has no level {level!r}{nearest(level, known)}; its levels: {', '.join(known)}"
    if statistic in ("mean", "min", "max", "sd", "median") and study.kind(variable) not in NUMERIC:
        yield f"a {statistic} needs a numeric variable; {variable!r} is {study.kind(variable)}"


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _levels(text: str) -> list[str]:
    return [part.strip() for part in text.split(" or ")] if text else []


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What one figure, or one printed model, says of the patients.

    Attributes
    ----------
    figures : tuple of Figure
        The figures that say it: one, or every P value of a printed model.
    kind : {"count", "mean", "min", "max", "value", "test", "model"}
        What `low` and `high` bound: how many patients meet `condition`; the mean or an extreme of `variable`; nothing
        for the value of a patient; the P value of a test, or of each term of a model.
    condition : dict
        Variable -> level or levels.
    where : dict
        The group it is said of; empty for everybody.
    by : str
        The grouping variable of a test, the outcome of a model.
    low, high : Fraction
        From `low` (included) to `high` (excluded; included for a count).
    """

    figures: tuple[Figure, ...]
    kind: str
    variable: str = ""
    condition: Condition = None
    where: Condition = None
    patient: int | None = None
    by: str = ""
    low: Fraction = Fraction(0)
    high: Fraction = Fraction(0)

    @property
    def id(self) -> str:
        """The id of its figure, or of its figures."""
        return "+".join(figure.id for figure in self.figures)

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables it constrains together, the group aside."""
        if self.kind == "model":
            return tuple(figure.variable for figure in self.figures)
        return tuple(self.condition) if self.condition else (self.variable,)


def claims(study: Study, figures: Sequence[Figure]) -> list[Claim]:
    """Turn printed figures about the cohort into what they say of its patients.

    Figures that say nothing of patients (design, literature) give no claim; the P values of one printed model give one
    claim together.
    """
    groups = study.plan("published").groups
    found, model = [], []
    for figure in figures:
        if figure.about != "cohort" or figure.statistic in ("sd", "median"):
            continue
        group = groups.get(figure.group)
        if group and group.model:
            model.append(figure)
        elif claim := _claim(study, figure, group):
            found.append(claim)
    if model:
        found.append(Claim(figures=tuple(model), kind="model", by=study.plan("model").outcome))
    return found


def _claim(study: Study, figure: Figure, group) -> Claim | None:
    where = group.where if group else {}
    low, high = figure.bounds if figure.statistic != "value" else (Fraction(0), Fraction(0))
    condition = {figure.variable: tuple(_levels(figure.level)) or "yes"}
    common = {"figures": (figure,), "where": where}
    match figure.statistic:
        case "total":
            return Claim(kind="count", condition={}, low=Fraction(figure.value), high=Fraction(figure.value), **common)
        case "n":
            return Claim(kind="count", condition=condition, low=Fraction(figure.value), high=Fraction(figure.value),
                         **common)  # fmt: skip
        case "percent":
            of = figure.denominator or study.plan("reconstruction").patients
            fits = [k for k in range(of + 1) if low <= Fraction(100 * k, of) < high]
            # No whole number prints so: a claim that nobody can meet.
            bounds = (fits[0], fits[-1]) if fits else (1, 0)
            return Claim(kind="count", condition=condition, low=Fraction(bounds[0]), high=Fraction(bounds[1]), **common)
        case "mean" | "min" | "max":
            return Claim(kind=figure.statistic, variable=figure.variable, low=low, high=high, **common)
        case "value":
            value = (float(figure.value),) if study.kind(figure.variable) in NUMERIC else (figure.value,)
            return Claim(figures=(figure,), kind="value", condition={figure.variable: value}, patient=group.patient)
        case "p" if group and group.compare:
            return Claim(figures=(figure,), kind="test", variable=figure.variable, by=group.compare, low=low, high=high)
    return None


def round_half_away(value: float, decimals: int) -> Fraction:
    """Round half away from zero, as SPSS and SAS print.

    A value within 1e-12 of a half, relative to the last digit, counts as the half: what binary floating point makes of
    12.5 % must not decide the last digit.
    """
    scaled = Fraction(value) * 10**decimals
    sign = -1 if scaled < 0 else 1
    return Fraction(sign * math.floor(abs(scaled) + Fraction(1, 2) + Fraction(1, 10**12)), 10**decimals)


def prints_as(figure: Figure, value: float) -> bool:
    """Say whether a recomputed value prints as the figure does."""
    return value == value and round_half_away(value, figure.decimals) == Fraction(figure.value)


def reprint(figure: Figure, cohort) -> float | str:
    """Recompute a figure from a cohort by the same statistics as the notebooks.

    Returns
    -------
    float or str
        The unrounded value; the level or value of a named patient as text; NaN where the statistic is undefined.

    Raises
    ------
    PublishedError
        For a figure that is not about the cohort.
    """
    from cohortbook.values import meets

    study = cohort.study
    group = study.plan("published").groups.get(figure.group)
    if figure.about != "cohort":
        raise PublishedError(f"{figure.id}: a figure about {figure.about} cannot be recomputed from a cohort")
    if figure.statistic == "value":
        return _patient_value(figure, cohort, group.patient)
    if group and group.compare:
        from cohortbook.analysis import compare_row

        return compare_row(cohort, figure.variable).test.p_value
    if group and group.model:
        from cohortbook.models import full_model

        return full_model(cohort).p_value(figure.variable)
    where = group.where if group else {}
    names = list(dict.fromkeys([*([] if figure.statistic == "total" else [figure.variable]), *where]))
    frame = cohort.tally(*names).complete().frame if names else None
    if frame is None:
        return float(cohort.size)
    for name, wanted in where.items():
        frame = frame[[meets(study, name, value, wanted) for value in frame[name]]]
    total = frame["n"].sum()
    match figure.statistic:
        case "total":
            return float(total)
        case "mean":
            return float((frame[figure.variable] * frame["n"]).sum() / total) if total else math.nan
        case "min" | "max":
            return float(frame[figure.variable].agg(figure.statistic))
    wanted = tuple(_levels(figure.level)) or "yes"
    count = frame.loc[[meets(study, figure.variable, value, wanted) for value in frame[figure.variable]], "n"].sum()
    return float(count) if figure.statistic == "n" else 100 * float(count) / (figure.denominator or total)


def _patient_value(figure: Figure, cohort, number: int) -> str:
    study = cohort.study
    identifier = study.plan("reconstruction").id_format.format(number)
    tally = cohort.patient(identifier, figure.variable)
    value = tally.frame[figure.variable].iloc[0]
    if study.kind(figure.variable) in LEVELLED:
        return ("yes" if value else "no") if study.kind(figure.variable) == "binary" else str(value)
    return f"{value:g}"
