"""What a column of an unknown file seems to be, each guess with its reason and with what looks wrong."""

from __future__ import annotations

import datetime
import difflib
import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from studyfile.cohort.readers import Source, masked, with_point
from studyfile.cohort.values import read_day
from studyfile.draft import draft_words as words

#: More levels than this are not a category unless the file labels them.
MOST_LEVELS = 20
#: What is missing by default, as the study file has it.
DEFAULT_MARKS = ("", "NA")


@dataclass(frozen=True, kw_only=True)
class Guess:
    """A drafted variable; `left_out` says why it is none, `looks` what may be wrong with it."""

    name: str
    label: str
    kind: str = ""
    unit: str = ""
    levels: tuple[str, ...] = ()
    codes: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    date_order: str = "ymd"
    decimals: int | None = None
    reason: str = ""
    looks: tuple[str, ...] = ()
    left_out: str = ""
    empty: int = 0
    numbers: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a source: the text of each value as a study file names it, with the row where it stands first."""

    name: str
    counts: Counter[str]
    rows: dict[str, int]
    total: int
    days: bool = False
    truths: bool = False

    @property
    def known(self) -> int:
        """How many rows have a value."""
        return self.counts.total()

    def without(self, texts: Sequence[str]) -> Column:
        """Return the column with some texts counted as missing."""
        return replace(self, counts=Counter({text: n for text, n in self.counts.items() if text not in set(texts)}))


def read_column(source: Source, name: str) -> Column:
    """Collect the distinct values of a column."""
    values = source.frame[name].tolist()
    keys = list(zip(map(type, values), values, strict=True))  # 1 and True are equal, but not the same
    first = dict(zip(reversed(keys), reversed(source.rows), strict=True))
    counts: Counter[str] = Counter()
    rows: dict[str, int] = {}
    kinds = set()
    for (kind, value), n in Counter(keys).items():
        if source.is_missing(name, value):
            continue
        text = str(value).strip()
        text = (with_point(text) if source.decimal == "," else text) if kind is str else text.removesuffix(".0")
        if text in DEFAULT_MARKS:
            continue
        counts[text] += n
        rows[text] = min(rows.get(text, first[kind, value]), first[kind, value])
        kinds.add(kind)
    dated = bool(kinds) and all(issubclass(kind, datetime.date) for kind in kinds)
    return Column(name=name, counts=counts, rows=rows, total=len(source.rows), days=dated, truths=kinds == {bool})


def guess(source: Source, name: str) -> Guess:
    """Guess what a column is.

    The first of these that fits: empty, labelled by the file, true or false, dates, numbers, yes or no, levels.
    """
    column = read_column(source, name)
    label, unit = words.label_and_unit(source.labels.get(name, name))
    if name not in source.labels or not unit:
        unit = unit or words.label_and_unit(name)[1]
    base = Guess(name=name, label=label, unit=unit, empty=column.total - column.known)
    found = _guessed(source, column, base)
    if found.kind not in ("continuous", "count"):
        found = replace(found, unit="")
    reason = found.reason + (f"; unit {found.unit!r} from the name" if found.unit else "")
    if found.empty:
        reason += f"; {found.empty} missing"
    looks = found.looks
    if not found.left_out and found.empty > column.total / 2:
        looks = (*looks, f"mostly missing: {found.empty} of {column.total}")
    return replace(found, reason=reason.removeprefix("; "), looks=looks)


def _guessed(source: Source, column: Column, base: Guess) -> Guess:
    if column.name == "n":
        return replace(base, kind="count", left_out="the name 'n' is taken by the counts; rename the column")
    if not column.known:
        return replace(base, left_out="empty: no row has a value")
    if words.PERSON.fullmatch(column.name):
        return replace(base, left_out="its name says that it may identify people; leave it out of the file altogether")
    if labelled := source.levels.get(column.name):
        found = _labelled(column, base, labelled)
        if found:
            return found
        base = replace(
            base,
            looks=tuple(
                f"the file labels {code} as {label!r}; if it means missing, add missing: [{code}]"
                for code, label in labelled.items()
                if code in column.counts
            ),
        )
    if len(column.counts) == 1:
        return _constant(column, base)
    if column.truths:
        return replace(base, kind="binary", reason="true and false")
    for attempt in (_dates, _numbers, _binary):
        if found := attempt(column, base):
            return found
    return _levels(column, base)


def _constant(column: Column, base: Guess) -> Guess:
    (text,) = column.counts
    return replace(base, left_out=f"constant: every value is {_cell(text)}" + (f", {base.empty} missing" if base.empty else ""))


def _labelled(column: Column, base: Guess, labels: Mapping[str, str]) -> Guess | None:
    """Take the labels of values as levels; None when they name only a few codes of a column of numbers."""
    bare = [text for text in column.counts if text not in labels]
    if len(bare) > 2 and all(map(is_number, bare)):
        return None
    used = {code: label for code, label in labels.items() if label not in DEFAULT_MARKS}
    looks = tuple(f"{_cell(text)} has no label in the file (first in row {column.rows[text]})" for text in bare)
    if len(used) == 2 and not bare and (answers := words.yes_no(list(used.values()))):
        codes = {code: answers[label] for code, label in used.items()}
        return replace(base, kind="binary", codes=codes, reason="labels of the file say yes and no")
    levels = tuple(dict.fromkeys([*used.values(), *bare]))
    if len(levels) < 2:
        return None
    ordered, why = words.in_order(levels)
    codes = {code: label for code, label in used.items() if code != label}
    reason = "labels of the file, in the order of their codes"
    if ordered:
        reason = f"labels of the file; ordered by {why}"
    return replace(
        base,
        kind="ordered" if ordered else "category",
        levels=tuple(ordered or levels),
        codes=codes,
        reason=reason,
        looks=looks,
    )


# --- dates


def looks_like_day(text: str) -> bool:
    """Say whether a text has the form of a date: three numbers with a dot, slash or hyphen between them."""
    return bool(re.match(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}(\D|$)", text))


def _dates(column: Column, base: Guess) -> Guess | None:
    texts = list(column.counts)
    if column.days:
        return _dated(column, base, "ymd", "dates of the file")
    shaped = [text for text in texts if looks_like_day(text)]
    marks = [text for text in texts if text.casefold() in words.MARKS]
    if 2 * len(shaped) < len(texts) or len(shaped) + len(marks) < 0.8 * len(texts):
        return None
    column = column.without(marks)
    texts = list(column.counts)
    base = replace(base, kind="date", missing=tuple(marks), empty=column.total - column.known)
    wrong = {order: [text for text in texts if read_day(text, order) is None] for order in ("ymd", "dmy", "mdy")}
    best = min(wrong, key=lambda order: len(wrong[order]))
    if len(wrong[best]) > len(texts) / 2:
        return replace(base, left_out="dates in a form that is not read; write year-month-day (2019-12-31)")
    base = replace(base, date_order=best)
    if wrong[best]:
        rows = ", ".join(str(column.rows[text]) for text in wrong[best][:5])
        return replace(
            base,
            left_out=f"{counted(len(wrong[best]), 'impossible date')}, first in row {rows}; correct them, then remove the #",
        )
    if best == "dmy" and not wrong["mdy"] and not all("." in text for text in texts):
        return replace(base, left_out="dates that may be day-month-year or month-day-year; set date_order, then remove the #")
    why = {"ymd": "year-month-day", "dmy": "day before month: a dot, or a first number above 12"}
    found = _dated(column, base, best, f"dates, {why.get(best, 'month before day: a second number above 12')}")
    return replace(found, reason=found.reason + _told_marks(marks))


def _dated(column: Column, base: Guess, order: str, reason: str) -> Guess:
    days = {text: read_day(text, order) for text in column.counts}
    early, late = datetime.datetime(1900, 1, 1), datetime.datetime.now()
    looks = tuple(
        f"{_cell(day.date())} (row {column.rows[text]}) lies {'in the future' if day > late else 'before 1900'}"
        for text, day in days.items()
        if day and not early <= day <= late
    )
    span = "" if masked() else f"; {min(days.values()):%Y-%m-%d} to {max(days.values()):%Y-%m-%d}"
    return replace(base, kind="date", date_order=order, reason=f"{reason}{span}", looks=looks[:5])


def _told_marks(marks: Sequence[str]) -> str:
    if not marks:
        return ""
    them = "them" if len(marks) > 1 else "it"
    return f"; {', '.join(map(repr, marks))} can be no value here, so missing: counts {them} as missing"


# --- numbers


def is_number(text: str) -> bool:
    """Say whether a text is a number with a decimal point, or a whole one."""
    return bool(re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text))


def _numbers(column: Column, base: Guess) -> Guess | None:
    numeric = [text for text in column.counts if is_number(text)]
    marks = [text for text in column.counts if not is_number(text) and text.casefold() in words.MARKS]
    known = {*numeric, *marks}
    others = [text for text in column.counts if text not in known]
    if len(numeric) < 0.8 * (len(numeric) + len(others)) or (others and len(numeric) < 5):
        return None
    if others:
        rows = ", ".join(str(column.rows[text]) for text in others[:5])
        return replace(
            base,
            kind="continuous",
            missing=tuple(marks),
            left_out=f"numbers, but for {counted(len(others), 'value')}, first in row {rows}; correct them, then remove the #",
        )
    column = column.without(marks)
    base = replace(base, missing=tuple(marks), empty=column.total - column.known)
    values = {float(text): n for text, n in sorted(column.counts.items(), key=lambda item: float(item[0]))}
    if len(values) == 1:
        return _constant(column.without(list(column.counts)[1:]), base)
    if set(values) == {0.0, 1.0} and words.SEX.fullmatch(column.name):
        reason = "0 and 1: name what they stand for in levels and codes"
        return replace(base, kind="category", levels=tuple(sorted(column.counts)), reason=reason + _told_marks(marks))
    if set(values) == {0.0, 1.0}:
        codes = {text: "yes" if float(text) else "no" for text in sorted(column.counts)}
        return replace(base, kind="binary", codes=codes, reason="only 0 and 1, read as no and yes" + _told_marks(marks))
    whole = all(value.is_integer() for value in values)
    found = _coded(column, base, values) if whole or words.STEPS.fullmatch(column.name) else None
    found = found or _measured(column, base, values, whole)
    return replace(found, reason=found.reason + _told_marks(marks))


def _coded(column: Column, base: Guess, values: Mapping[float, int]) -> Guess | None:
    """Take a few whole numbers from 1, or the steps of a scale, as levels."""
    texts = sorted(column.counts, key=float)
    steps = bool(words.STEPS.fullmatch(column.name))
    if words.COUNTS.fullmatch(column.name) or len(texts) != len(values) or len(values) > (10 if steps else 6):
        return None
    if set(values) == {1.0, 2.0}:
        reason = "1 and 2: name what they stand for in levels and codes; of yes and no, kind: binary"
        return replace(base, kind="category", levels=tuple(texts), reason=reason)
    if steps:
        reason = f"{len(values)} whole numbers; the name says steps of a scale; if they are amounts, kind: count"
        return replace(base, kind="ordered", levels=tuple(texts), reason=reason)
    if words.CODED.fullmatch(column.name):
        reason = f"{len(values)} whole numbers; the name says codes: name them in levels and codes"
        return replace(base, kind="category", levels=tuple(texts), reason=reason)
    consecutive = list(values) == [float(i) for i in range(1, len(values) + 1)]
    if consecutive and column.known >= 5 * len(values):
        reason = f"whole numbers 1 to {len(values)}, taken as codes: name them; if they count something, kind: count"
        return replace(base, kind="category", levels=tuple(texts), reason=reason)
    return None


def _measured(column: Column, base: Guess, values: Mapping[float, int], whole: bool) -> Guess:
    low, high = min(values), max(values)
    span = "" if masked() else f", {low:g} to {high:g}"
    codes = _sentinels(values)
    looks = [
        f"{_of(code)} stands {_times(values[code])}, far from the rest; if it means missing, add "
        + ("it to missing:" if masked() else f"missing: [{_of(code)}]")
        for code in codes
    ]
    rest = [value for value in values if value not in codes]
    if base.looks:  # labels of the file say it better
        looks = list(base.looks)
    looks += _implausible(column, rest)
    if len(values) <= (2 if whole else 5) and column.known >= 10 * len(values):
        told = "" if masked() else f", {', '.join(map(_of, values))}"
        looks.append(f"only {len(values)} different values{told}: if they are codes, kind: category with levels")
    if whole and low >= 0 and (words.COUNTS.fullmatch(column.name) or (high <= 30 and len(values) <= 15)) and not base.unit:
        kind, reason = "count", f"whole numbers{span}, few of them"
        if words.COUNTS.fullmatch(column.name):
            reason = f"whole numbers{span}; the name says a count"
    else:
        kind, reason = "continuous", f"{'whole numbers' if whole else 'numbers'}{span}"
        if low > 20000 and high < 60000 and whole and "date" in column.name.casefold():
            looks.append("may be dates as Excel counts them; format the column as a date and export it again")
    decimals = None if kind == "count" else _decimals(list(values))
    numbers = tuple(itertools.chain.from_iterable([value] * n for value, n in values.items()))
    return replace(base, kind=kind, decimals=decimals, reason=reason, looks=tuple(looks), numbers=numbers)


def counted(n: int, noun: str) -> str:
    """Return a count and its noun.

    Examples
    --------
    >>> counted(1, "row"), counted(3, "row")
    ('1 row', '3 rows')
    """
    return f"{n} {noun}{'s' * (n != 1)}"


def _cell(value: object) -> str:
    """Show a value of a patient in a comment, or say that it is not shown; levels and codes are the dictionary's own."""
    return "a value (not shown)" if masked() else repr(value) if isinstance(value, str) else str(value)


def _of(value: float) -> str:
    return _cell(value) if masked() else f"{value:.10g}"


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"


def _sentinels(values: Mapping[float, int]) -> list[float]:
    """Return values that look like codes of missing ones: 99, 999 and such above all others, -1, -9 and such below."""
    rest = [value for value in values if value not in words.CODES and value >= 0]
    if len(rest) < 2:
        return []
    low, high = min(rest), max(rest)
    above = [value for value in values if value in words.CODES and value > high + max(1.0, 0.5 * (high - low))]
    negative = [value for value in values if value < 0]
    below = negative if set(negative) <= {-1.0, -2.0, -7.0, -8.0, -9.0, *(-float(code) for code in words.CODES)} else []
    return [*below, *above]


def _implausible(column: Column, values: Sequence[float]) -> list[str]:
    """Return what a quantity of this name cannot be, and values more than three times the next."""
    first = {float(text): row for text, row in column.rows.items() if is_number(text)}
    limits = next((limits for pattern, limits in words.PLAUSIBLE if pattern.fullmatch(column.name)), None)
    if limits:
        wrong = [value for value in values if not limits[0] <= value <= limits[1]]
        if wrong:
            return [f"{_of(value)} (row {first[value]}) is outside {limits[0]:g} to {limits[1]:g}" for value in wrong[:5]]
    ordered = sorted(values)
    for k in (1, 2):
        if len(ordered) > 10 and ordered[-k] > 3 * ordered[-k - 1] > 0:
            return [f"{_of(value)} (row {first[value]}) is more than three times the next largest" for value in ordered[-k:]]
    return []


def _decimals(values: Sequence[float]) -> int | None:
    """Return how many decimals are recorded, at most 6; None for numbers that were calculated."""
    for decimals in range(7):
        step = 10.0**-decimals
        if all(abs(value / step - round(value / step)) <= 1e-7 for value in values):
            return decimals
    return None


# --- words


def _binary(column: Column, base: Guess) -> Guess | None:
    answers = words.yes_no(list(column.counts))
    if not answers:
        return None
    codes = {text: answer for text, answer in answers.items() if text != answer}
    return replace(base, kind="binary", codes=codes, reason=f"{_listed(answers)} say yes and no")


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(map(repr, texts))


def _levels(column: Column, base: Guess) -> Guess:
    groups: dict[str, list[str]] = {}
    for text in sorted(column.counts, key=lambda text: (-column.counts[text], text)):
        groups.setdefault(" ".join(re.sub(r"[\s_-]+", " ", text.casefold()).split()), []).append(text)
    codes = {other: same[0] for same in groups.values() for other in same[1:]}
    levels = [same[0] for same in groups.values()]
    if len(levels) < 2:
        return _constant(column.without([text for text in column.counts if text != levels[0]]), base)
    if len(levels) > MOST_LEVELS or (len(levels) > 5 and len(levels) > 0.7 * column.known):
        return replace(base, left_out=f"free text or names: {len(levels)} different values in {column.known} rows")
    ordered, why = words.in_order(levels)
    reason = f"{len(levels)} levels, ordered by {why}" if ordered else f"{len(levels)} levels, the most frequent first"
    if not ordered:
        last = {text for text in levels if text.casefold() in {*words.UNSAID, "other", "others"}}
        levels = [*(text for text in levels if text not in last), *(text for text in levels if text in last)]
    looks = []
    for other, kept in codes.items():
        looks.append(f"{other!r} ({_times(column.counts[other])}) is read as {kept!r}: they differ in capitals or spaces alone")
    looks += [f"{b!r} and {a!r} are alike: one level or two?" for a, b in itertools.combinations(levels, 2) if _alike(a, b)][:5]
    looks += [
        f"if {text!r} means missing, take it out of levels and add missing: [{text}]"
        for text in levels
        if text.casefold() in words.UNSAID
    ]
    return replace(
        base,
        kind="ordered" if ordered else "category",
        levels=tuple(ordered or levels),
        codes=codes,
        reason=reason,
        looks=tuple(looks),
    )


def _alike(a: str, b: str) -> bool:
    """Say whether two levels may be one, written differently; they are not when numbers alone tell them apart."""
    letters = [re.sub(r"[\d.]+|\b[ivx]+\b", "#", text.casefold()) for text in (a, b)]
    if min(map(len, (a, b))) < 4 or letters[0] == letters[1]:
        return False
    return difflib.SequenceMatcher(None, *letters).ratio() >= 0.85
