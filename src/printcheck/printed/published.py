"""The printed figures: how they are written down, how precise they are, and whether a cohort prints them again.

What a figure says of the patients stands in `printcheck.printed.claims`, once; `printcheck.reconstruct.reprint` recomputes
it by the same statistics as the notebooks. What each statistic means, with examples, stands in data/README.md.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

from studyfile.cohort.csvfile import read_records, several
from studyfile.errors import CohortbookError
from studyfile.study.study import NUMERIC, Study
from tallystats.interval import KNOWN, Interval

if TYPE_CHECKING:
    pass

COLUMNS = ("id", "source", "about", "variable", "level", "group", "statistic", "value", "denominator", "claim", "note")
#: What a figure can be about: this cohort, facts of it outside the dictionary, the study's design, other literature.
ABOUT = ("cohort", "narrative", "design", "literature")
#: statistic -> the kinds of group that it can be said of
STATISTICS = {
    **dict.fromkeys(("n", "percent", "total", "n/N"), ("where",)),
    **dict.fromkeys(("mean", "sd", "se", "median", "q1", "q3", "min", "max", "range", "iqr"), ("where",)),
    "survival": ("where",),
    **dict.fromkeys(("p", "odds_ratio", "hazard_ratio"), ("compare", "model")),
    **dict.fromkeys(("risk_ratio", "risk_difference"), ("compare",)),
    "value": ("patient",),
}
#: Statistics that stand alone or with their interval.
ESTIMATES = ("odds_ratio", "risk_ratio", "hazard_ratio", "risk_difference", "survival")
#: statistic of several numbers -> what they are, in order
_SEVERAL = {
    "n/N": ("n", "total"),
    "range": ("min", "max"),
    "iqr": ("q1", "q3"),
    **dict.fromkeys(ESTIMATES, ("estimate", "low", "high")),
}
#: A number as it is printed.
NUMBER = re.compile(r"-?\d*\.?\d+")
_PAIR = rf"({NUMBER.pattern})\s*(?:to|[-–—,;])\s*({NUMBER.pattern})"
_WITH_INTERVAL = rf"({NUMBER.pattern})(?:\s*[(\[]\s*(?:95\s*%\s*CI\s*[:,]?\s*)?{_PAIR}\s*[)\]])?"
#: statistic -> how its numbers are written
_FORMS = {
    "n/N": re.compile(r"(\d+)\s*/\s*(\d+)"),
    **dict.fromkeys(("range", "iqr"), re.compile(_PAIR)),
    **dict.fromkeys(ESTIMATES, re.compile(_WITH_INTERVAL)),
    "risk_difference": re.compile(_WITH_INTERVAL.replace(f"({NUMBER.pattern})", f"({NUMBER.pattern})%?")),
    "p": re.compile(rf"([<>]?\s*{NUMBER.pattern})"),
}
_NOT_SIGNIFICANT = ("ns", "n.s.", "not significant")


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
        As printed: the digits are the precision. A P value may be "<0.001"; several numbers may stand together, as in
        "2.31 (1.05–5.07)": see `STATISTICS` and `texts`.
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

    @cached_property
    def texts(self) -> dict[str, str]:
        """The digits of each number that is printed, by what it is; none where no number is."""
        return numbers_in(self.statistic, self.value) or {}

    @cached_property
    def parts(self) -> dict[str, Interval]:
        """The values of each number that print so, halves rounded away from zero.

        By what they are: {"n", "total"} of n/N, {"min", "max"} of a range, {"q1", "q3"} of an iqr, {"estimate", "low",
        "high"} or {"estimate"} of a ratio, a difference or a survival, else {the statistic}. None for a level.
        """
        return self.intervals()

    def intervals(self, *, ties: bool = False) -> dict[str, Interval]:
        """Return the values of each number that print so, as `parts`.

        Parameters
        ----------
        ties : bool
            Include both ends of what was rounded: halves may go away from zero, to even, or as binary floating point has
            them.
        """
        return {name: _interval(text, ties) for name, text in self.texts.items()}

    @property
    def decimals(self) -> int:
        """How many decimals are printed, of the first number."""
        return len(next(iter(self.texts.values()), "").partition(".")[2])

    @property
    def interval(self) -> Interval:
        """The values of the first number that print so, halves rounded away from zero."""
        if not self.parts:
            raise PublishedError(f"{self.id}: {self.value!r} is no number")
        return next(iter(self.parts.values()))

    @property
    def in_points(self) -> bool:
        """Whether a risk difference is printed in percentage points: with a % sign."""
        return self.statistic == "risk_difference" and bool(re.match(rf"{NUMBER.pattern}%", self.value))

    @property
    def in_words(self) -> str:
        """The figure in words, for people."""
        what = " ".join(part for part in (self.variable, self.level and f"[{self.level}]") if part)
        return f"{self.source}: {what}, {self.group}: {self.statistic} {self.value}"


def numbers_in(statistic: str, value: str) -> dict[str, str] | None:
    """Return the digits of each number that a value holds, by what it is; None when it is not written so.

    Examples
    --------
    >>> numbers_in("odds_ratio", "2.31 (1.05 to 5.07)")
    {'estimate': '2.31', 'low': '1.05', 'high': '5.07'}
    """
    value = value.replace("−", "-")
    if statistic == "p" and value.lower() in _NOT_SIGNIFICANT:
        return {"p": "NS"}
    found = _FORMS.get(statistic, re.compile(f"({NUMBER.pattern})")).fullmatch(value)
    if not found:
        return None
    names = _SEVERAL.get(statistic, (statistic,))
    return {name: text.replace(" ", "") for name, text in zip(names, found.groups(), strict=True) if text is not None}


def _interval(text: str, ties: bool) -> Interval:
    if text == "NS":
        return Interval(Fraction(1, 20), Fraction(1))
    if text.startswith("<"):
        return Interval(Fraction(0), Fraction(text[1:]), has_high=False)
    if text.startswith(">"):
        return Interval(Fraction(text[1:]), Fraction(1), has_low=False)
    value, half = Fraction(text), Fraction(1, 2 * 10 ** len(text.partition(".")[2]))
    return Interval(value - half, value + half, has_low=ties or value > 0, has_high=ties or value < 0)


def read_published(study: Study) -> tuple[Figure, ...]:
    """Read the printed figures of a study and check every row against the dictionary.

    Raises
    ------
    PublishedError
        All offending rows in one message, the first of them listed.
    """
    from printcheck.printed.published_checks import problems_of

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
        wrong = list(problems_of(study, row))
        if row["id"] in seen or not row["id"]:
            wrong.append("the id stands twice" if row["id"] else "no id")
        seen.add(row["id"])
        at = f"row {number} ({row['id']})" if row["id"] else f"row {number}"
        problems += [f"{at}: {text}" for text in wrong]
        if not wrong:
            row["value"] = row["value"].replace("−", "-")
            figures.append(Figure(**{**row, "denominator": int(row["denominator"]) if row["denominator"] else None}))
    if problems:
        raise PublishedError(several(path, problems))
    return tuple(figures)


def levels_of(study: Study, variable: str, text: str) -> list[str]:
    """Read a figure's levels: one, or several joined by " or "; none for an empty text."""
    if not text or (study.kind(variable) not in NUMERIC and text in study.levels(variable)):
        return [text] if text else []
    return [part.strip() for part in text.split(" or ")]


def round_half_away(value: float, decimals: int) -> Fraction:
    """Round half away from zero, as SPSS and SAS print.

    A computed value is first rounded to `KNOWN` significant digits, and one within 1e-12 of a half, relative to the last
    digit, counts as the half: what binary floating point makes of 12.5 %, on one processor or another, must not decide the
    last digit. Fractions and whole numbers are exact.

    Examples
    --------
    >>> [float(round_half_away(value, 0)) for value in (12.5, 12.499999999999998, 1234.4999999999986, 12.49999)]
    [13.0, 13.0, 1235.0, 12.0]
    """
    scaled = Fraction(f"{value:.{KNOWN}g}" if isinstance(value, float) else value) * Fraction(10) ** decimals
    sign = -1 if scaled < 0 else 1
    return sign * math.floor(abs(scaled) + Fraction(1, 2) + Fraction(1, 10**12)) / Fraction(10) ** decimals


def sure(value: float) -> float:
    """Return the digits of a number that every processor computes: for thresholds of what is shown.

    Examples
    --------
    >>> sure(0.045000000000000005), sure(1 / 3)
    (0.045, 0.333333333333)
    """
    return float(f"{value:.{KNOWN}g}") if isinstance(value, float) else value


def magnitude(value: float | Fraction) -> int:
    """Return the power of ten of a number's first digit.

    Examples
    --------
    >>> magnitude(0.1), magnitude(0.09999999999999999), magnitude(0.0999)
    (-1, -1, -2)
    """
    return int(f"{float(value):.{KNOWN - 1}e}".partition("e")[2])


def fixed(value: float | Fraction, decimals: int) -> str:
    """Write a number with fixed decimals, a point and a plain minus sign; see `round_half_away`.

    Examples
    --------
    >>> fixed(0.125, 2), fixed(-2.5, 0), fixed(-1e-17, 1), fixed(Fraction(1, 3), 3)
    ('0.13', '-3', '0.0', '0.333')
    """
    if value != value or value in (math.inf, -math.inf):
        return str(value)
    rounded = round_half_away(value, decimals)
    digits = str(int(abs(rounded) * 10**decimals)).zfill(decimals + 1)
    text = f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits
    return f"-{text}" if rounded < 0 else text


def to_digits(value: float | Fraction, digits: int) -> str:
    """Write a number with so many significant digits, as format `g` does, halves away from zero.

    Examples
    --------
    >>> to_digits(0.012345, 3), to_digits(0.0125, 2), to_digits(2.5, 1), to_digits(12345.0, 3), to_digits(0.99999, 2)
    ('0.0123', '0.013', '3', '1.23e+04', '1')
    """
    if not value or value != value or value in (math.inf, -math.inf):
        return f"{float(value):g}"
    return f"{float(round_half_away(value, digits - 1 - magnitude(value))):.{digits}g}"


def prints_as(figure: Figure, value: float, part: str = "") -> bool:
    """Say whether a recomputed value prints as the figure does, or as a part of it."""
    if value != value or value in (math.inf, -math.inf):
        return False
    part = part or next(iter(figure.texts))
    text = figure.texts[part]
    if not text[-1:].isdigit() or text[0] in "<>":
        return value in figure.parts[part]
    return round_half_away(value, len(text.partition(".")[2])) == Fraction(text)


def prints(figure: Figure, found: float | str | tuple[float, ...]) -> bool:
    """Say whether what `reprint` recomputed prints as the figure does, every number of it."""
    if isinstance(found, str):
        return found == figure.value
    values = found if isinstance(found, tuple) else (found,)
    return len(values) == len(figure.texts) and all(
        prints_as(figure, value, part) for part, value in zip(figure.texts, values, strict=True)
    )
