"""The printed figures: how they are written down, how precise they are, and whether a cohort prints them again.

What a figure says of the patients stands in `cohortbook.claims`, once; `reprint` recomputes it by the same statistics as
the notebooks.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

from cohortbook.csvfile import read_records, several
from cohortbook.errors import CohortbookError
from cohortbook.study import NUMERIC, Study, nearest
from cohortbook.values import meets

if TYPE_CHECKING:
    from cohortbook.cohort import Cohort
    from cohortbook.tally import Tally

COLUMNS = ("id", "source", "about", "variable", "level", "group", "statistic", "value", "denominator", "claim", "note")
#: What a figure can be about: this cohort, facts of it outside the dictionary, the study's design, other literature.
ABOUT = ("cohort", "narrative", "design", "literature")
#: statistic -> the kinds of group that it can be said of
STATISTICS = {
    **dict.fromkeys(("n", "percent", "total", "mean", "sd", "median", "min", "max"), ("where",)),
    "p": ("compare", "model"),
    "value": ("patient",),
}
_GROUPS = {"where": "a group of patients", "compare": "a comparison", "model": "a model", "patient": "one patient"}
_NUMBER = re.compile(r"-?\d*\.?\d+")


class PublishedError(CohortbookError):
    """A `published.csv` that cannot be read; the message lists every offending row."""


@dataclass(frozen=True, slots=True)
class Interval:
    """The numbers from `low` to `high`, each end included or not."""

    low: Fraction
    high: Fraction
    has_low: bool = True
    has_high: bool = True

    def __contains__(self, value: float | Fraction) -> bool:
        if value != value:
            return False
        exact = Fraction(value)
        above = exact >= self.low if self.has_low else exact > self.low
        return above and (exact <= self.high if self.has_high else exact < self.high)

    def whole(self, parts: int = 1) -> tuple[int, int]:
        """Return the least and the greatest whole number of parts, each 1/parts, inside; least above greatest for none."""
        least, most = math.ceil(self.low * parts), math.floor(self.high * parts)
        least += not self.has_low and least == self.low * parts
        most -= not self.has_high and most == self.high * parts
        return least, most


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
        As printed: the digits are the precision. A P value may be "<0.001".
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
    def interval(self) -> Interval:
        """The values that print so, halves rounded away from zero."""
        if self.value.startswith("<"):
            return Interval(Fraction(0), Fraction(self.value[1:]), has_high=False)
        value, half = Fraction(self.value), Fraction(1, 2 * 10**self.decimals)
        return Interval(value - half, value + half, has_low=value > 0, has_high=value < 0)

    @property
    def with_ties(self) -> Interval:
        """The values that print so by any rule for halves: away from zero, to even, or as binary floating point has it."""
        if not self.value[:1].isdigit() and self.value[:1] not in ".-":
            return self.interval
        return Interval(self.interval.low, self.interval.high)

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
        All offending rows in one message, the first of them listed.
    """
    path = study.folder / study.plan("published").file
    if not path.is_file():
        raise PublishedError(f"{path}: no such file; {study.path.name} names it under published: file:")
    records = read_records(path, PublishedError)
    if not records or tuple(name.strip() for name in records[0][1]) != COLUMNS:
        raise PublishedError(f"{path}: row 1: expected the columns {','.join(COLUMNS)}")
    problems, figures, seen = [], [], set()
    for number, cells in records[1:]:
        if len(cells) != len(COLUMNS):
            problems.append(f"row {number}: {len(cells)} values; expected {len(COLUMNS)}")
            continue
        row = dict(zip(COLUMNS, (cell.strip() for cell in cells), strict=True))
        wrong = list(_wrong(study, row))
        if row["id"] in seen or not row["id"]:
            wrong.append("the id stands twice" if row["id"] else "no id")
        seen.add(row["id"])
        at = f"row {number} ({row['id']})" if row["id"] else f"row {number}"
        problems += [f"{at}: {text}" for text in wrong]
        if not wrong:
            figures.append(Figure(**{**row, "denominator": int(row["denominator"]) if row["denominator"] else None}))
    if problems:
        raise PublishedError(several(path, problems))
    return tuple(figures)


def levels_of(study: Study, variable: str, text: str) -> list[str]:
    """Read a figure's levels: one, or several joined by " or "; none for an empty text."""
    if not text or (study.kind(variable) not in NUMERIC and text in study.levels(variable)):
        return [text] if text else []
    return [part.strip() for part in text.split(" or ")]


def _wrong(study: Study, row: dict[str, str]) -> Iterator[str]:
    """Yield what is wrong with one row of the file."""
    if row["about"] not in ABOUT:
        yield f"about is {row['about']!r}; expected {', '.join(ABOUT)}"
    if row["denominator"] and not (row["denominator"].isdecimal() and int(row["denominator"])):
        yield f"denominator is {row['denominator']!r}; expected a whole number above 0"
    if row["about"] != "cohort":
        return
    statistic, variable = row["statistic"], row["variable"]
    groups = study.plan("published").groups
    if row["group"] not in ("all", *groups):
        where = "; groups stand under published: groups: in the study file"
        yield f"unknown group {row['group']!r}{nearest(row['group'], ('all', *groups))}{where}"
        return
    if statistic not in STATISTICS:
        yield f"unknown statistic {statistic!r}{nearest(statistic, STATISTICS)}; known: {', '.join(STATISTICS)}"
        return
    kind = "where" if row["group"] == "all" else groups[row["group"]].meaning
    if kind not in STATISTICS[statistic]:
        expected = " or ".join(_GROUPS[group] for group in STATISTICS[statistic])
        yield f"a figure {statistic!r} is said of {expected}; {row['group']!r} is {_GROUPS[kind]}"
        return
    if statistic == "percent" and not row["denominator"] and row["group"] != "all":
        yield "a percentage in a group needs its denominator"
    if statistic != "total" and variable not in study.names:
        yield f"unknown variable {variable!r}{nearest(variable, study.names)}"
        return
    yield from _wrong_value(study, row)
    if statistic != "total":
        yield from _wrong_level(study, row)
    if kind == "model" and (terms := study.plan("model").candidates) and variable not in terms:
        yield f"{variable!r} is no term of the model; its terms: {', '.join(terms)}"


def _wrong_value(study: Study, row: dict[str, str]) -> Iterator[str]:
    statistic, value = row["statistic"], row["value"]
    if statistic == "value" and study.kind(row["variable"]) not in NUMERIC:
        return
    if statistic == "p" and value.startswith("<"):
        value = value[1:].strip()
    if not _NUMBER.fullmatch(value):
        yield f"value is {row['value']!r}; expected a number as printed"
    elif statistic in ("n", "total") and not value.isdecimal():
        yield f"value is {value!r}; expected a count"
    elif statistic in ("p", "percent") and not 0 <= float(value) <= (most := 1 if statistic == "p" else 100):
        yield f"value is {value!r}; expected 0 to {most}"


def _wrong_level(study: Study, row: dict[str, str]) -> Iterator[str]:
    statistic, variable = row["statistic"], row["variable"]
    kind = study.kind(variable)
    if kind == "date":
        yield f"{variable!r} is a date; nothing printed of it can be checked"
    elif kind in NUMERIC:
        levels = [level for level in levels_of(study, variable, row["level"]) if not _NUMBER.fullmatch(level)]
        yield from (f"{variable!r} is numeric; a level of it is a number, found {level!r}" for level in levels)
    else:
        known = study.levels(variable)
        for level in [row["value"]] if statistic == "value" else levels_of(study, variable, row["level"]):
            if level not in known:
                yield f"{variable!r} has no level {level!r}; its levels: {', '.join(known)}{nearest(level, known)}"
    if statistic in ("mean", "sd", "median", "min", "max") and kind not in NUMERIC:
        yield f"a {statistic} needs a numeric variable; {variable!r} is {kind}"
    if statistic in ("n", "percent") and not row["level"] and kind != "binary":
        yield f"{variable!r} is {kind}; say under level: what was counted"


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
    if value != value or value in (math.inf, -math.inf):
        return False
    if figure.value.startswith("<"):
        return value in figure.interval
    return round_half_away(value, figure.decimals) == Fraction(figure.value)


def reprint(figure: Figure, cohort: Cohort) -> float | str:
    """Recompute a figure from a cohort by the same statistics as the notebooks.

    Returns
    -------
    float or str
        The unrounded value; the level of a named patient as text; NaN where the statistic is undefined.

    Raises
    ------
    PublishedError
        For a figure that is not about the cohort.
    """
    if figure.about != "cohort":
        raise PublishedError(f"{figure.id}: a figure about {figure.about} cannot be recomputed from a cohort")
    study = cohort.study
    group = study.plan("published").groups.get(figure.group)
    match group and group.meaning:
        case "patient":
            return _patient_value(figure, cohort, group.patient)
        case "compare":
            from cohortbook.analysis import compare_row

            return compare_row(cohort, figure.variable).test.p_value
        case "model":
            from cohortbook.models import full_model

            return full_model(cohort).p_value(figure.variable)
    where = group.where if group else {}
    if figure.statistic == "total":
        return float(_members(cohort, where).total) if where else float(cohort.size)
    tally = _members(cohort, where, figure.variable)
    if figure.statistic in ("n", "percent"):
        wanted = tuple(levels_of(study, figure.variable, figure.level)) or "yes"
        frame = tally.complete([figure.variable]).frame
        meeting = [meets(study, figure.variable, value, wanted) for value in frame[figure.variable]]
        count, total = float(frame.loc[meeting, "n"].sum()), figure.denominator or frame["n"].sum()
        return count if figure.statistic == "n" else 100 * count / total if total else math.nan
    from cohortbook.describe import summarise

    names = {"sd": "std_dev", "min": "minimum", "max": "maximum"}
    return getattr(summarise(tally, figure.variable), names.get(figure.statistic, figure.statistic))


def _members(cohort: Cohort, where: dict, *names: str) -> Tally:
    """Tally variables among the members of a group."""
    from cohortbook.tally import Tally

    tally = cohort.tally(*dict.fromkeys([*names, *where])).complete(list(where))
    frame = tally.frame
    for name, wanted in where.items():
        frame = frame[[meets(cohort.study, name, value, wanted) for value in frame[name]]]
    return Tally(frame.reset_index(drop=True), tally.provenance)


def _patient_value(figure: Figure, cohort: Cohort, number: int) -> float | str:
    study = cohort.study
    identifier = study.plan("reconstruction").id_format.format(number)
    found = cohort.patient(identifier, figure.variable).complete().frame[figure.variable]
    if study.kind(figure.variable) in NUMERIC:
        return float(found.iloc[0]) if len(found) else math.nan
    if found.empty:
        return ""
    return ("yes" if found.iloc[0] else "no") if study.kind(figure.variable) == "binary" else str(found.iloc[0])
