"""Printed figures, conflicts and reasons in plain words, as a reader of the paper would say them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from printcheck.printed.claims import Claim
from printcheck.printed.published import Figure, fixed, sure, to_digits
from studyfile.study.study import NO_YES, NUMERIC, Study
from tallystats.results import lower_first

STATISTICS = {
    "n": "number",
    "percent": "percent",
    "n/N": "number",
    "total": "number",
    "mean": "mean",
    "sd": "SD",
    "se": "standard error",
    "median": "median",
    "q1": "first quartile",
    "q3": "third quartile",
    "iqr": "quartiles",
    "min": "least",
    "max": "greatest",
    "range": "range",
    "p": "P",
    "odds_ratio": "odds ratio",
    "risk_ratio": "risk ratio",
    "risk_difference": "risk difference",
    "hazard_ratio": "hazard ratio",
    "survival": "survival",
}
#: What its digits tell.
_COUNTED = ("n", "percent", "n/N")


def group_words(study: Study, name: str) -> str:
    """Return a group of the published figures in words; an empty text for everybody."""
    published = study.file.published
    group = published.groups.get(name) if published else None
    if group is None:
        return ""
    if group.patient:
        return f"narrated {study.file.study.unit} {group.patient}"
    if group.model:
        return "model"
    if group.compare:
        return f"{lower_first(study.label(group.compare))} v none" if study.kind(group.compare) == "binary" else ""
    comparison = study.file.comparison
    parts = []
    for variable, wanted in group.where.items():
        levels = study.levels(variable)
        if comparison and variable == comparison.groups and wanted in levels:
            parts.append(study.group_labels[levels.index(wanted)])
        else:
            parts.append(f"{study.label(variable)}: {wanted if isinstance(wanted, str) else ' or '.join(map(str, wanted))}")
    return ", ".join(parts)


def in_words(study: Study, figure: Figure) -> str:
    """Say a printed figure as a reader would: where it stands, what it is of, its digits.

    Table 5: Smoking 12 of 40; Table 7: Age, mean 63.1 (Implant failure).
    """
    group = group_words(study, figure.group)
    if figure.statistic == "value":
        return f"{figure.source}: {group}, {what(study, figure)}: {figure.value}"
    compared = figure.statistic == "p" or not group
    # "Levels 3 6 of 72" would read as one number.
    colon = ":" if figure.statistic in _COUNTED and _level(figure) else ""
    return f"{figure.source}: {what(study, figure)}{colon} {digits(figure)}" + ("" if compared else f" ({group})")


def what(study: Study, figure: Figure) -> str:
    """Say what a printed figure is of: a variable, its level, and the statistic where its digits do not tell it."""
    if figure.statistic == "total":
        return "all"
    label = study.label(figure.variable) if figure.variable in study.names else figure.variable.replace("_", " ")
    statistic = STATISTICS.get(figure.statistic, figure.statistic)
    return f"{label}{_level(figure)}" + ("" if figure.statistic in (*_COUNTED, "value") else f", {statistic}")


def _level(figure: Figure) -> str:
    return "" if figure.level in ("", NO_YES[1]) else f" {figure.level}"


def digits(figure: Figure) -> str:
    """Return what is printed, with its denominator or its sign."""
    if figure.statistic == "n" and figure.denominator:
        return f"{figure.value} of {figure.denominator}"
    return figure.value + (" %" if figure.statistic in ("percent", "survival") else "")


def instead(study: Study, figure: Figure) -> str:
    """Say a printed figure after what others give for it: 8.3 % (Table 5: Smoking)."""
    group = group_words(study, figure.group)
    where = f", {group}" if group and figure.statistic not in ("p", "value") else ""
    if figure.statistic == "value":
        return f"{figure.value} ({figure.source}: {group}, {what(study, figure)})"
    return f"{digits(figure)} ({figure.source}: {what(study, figure)}{where})"


def listed(words: Sequence[str], most: int = 3) -> str:
    """Join figures in words, the first few by name and the others by number."""
    more = len(words) - most
    return "; ".join(words[:most]) + (f"; and {more} more" if more > 0 else "")


def span(low: Fraction, high: Fraction, claim: Claim) -> str:
    """Say what the other figures give for a count or a mean, in the terms in which it is printed."""
    figure = claim.figures[0]
    if figure.statistic == "percent" and figure.denominator:
        low, high = (100 * end / figure.denominator for end in (low, high))
    digits = figure.decimals + 1 if figure.statistic not in ("n", "n/N", "total") else 0
    words = [fixed(end, digits) for end in (low, high)]
    sign = " %" if figure.statistic == "percent" else ""
    return f"{words[0]}{sign}" if words[0] == words[1] else f"{words[0]} to {words[1]}{sign}"


def counted(low: Fraction, high: Fraction, claim: Claim) -> str:
    """Say what the other figures give for a count with its denominator, and as a percentage where one is printed."""
    figure = claim.figures[0]
    if claim.kind == "mean":
        return f"a mean of {span(low, high, claim)}"
    if claim.kind != "count" or not figure.denominator:
        return span(low, high, claim)
    counts = f"{low}" if low == high else f"{low} to {high}"
    percent = [fixed(100 * end / figure.denominator, figure.decimals) for end in map(Fraction, (low, high))]
    given = " to ".join(dict.fromkeys(percent))
    return f"{counts} of {figure.denominator}" + (f" ({given} %)" if figure.statistic == "percent" else "")


def between(low: float, high: float, digits: int = 3) -> str:
    """Say a P value, or two, with so many significant digits; the smallest as being so.

    Examples
    --------
    >>> between(0.398, 0.398), between(2.85e-06, 0.159)
    ('0.398', '<0.0001 to 0.159')
    """
    words = ["<0.0001" if sure(end) < 0.0001 else to_digits(end, digits) for end in (low, high)]
    return words[0] if words[0] == words[1] else f"{words[0]} to {words[1]}"


def recomputed_p(figure: Figure, low: float, high: float) -> str:
    """Say P, or two, beside a printed one: with a significant digit more, and at least three."""
    printed = figure.value.lstrip("<>=≤≥ 0.")
    return between(low, high, max(3, 1 + sum(map(str.isdigit, printed))))


def unprintable(claim: Claim) -> str:
    """Say which counts come nearest to a percentage that no count prints; an empty text where one does."""
    figure = claim.figures[0]
    if figure.statistic != "percent" or not figure.denominator:
        return ""
    least, most = claim.interval.whole()
    if least <= most:
        return ""
    near = int(Fraction(figure.value) * figure.denominator / 100)
    counts = [
        f"{count} gives {fixed(Fraction(100 * count, figure.denominator), figure.decimals + 1)} %" for count in (near, near + 1)
    ]
    return f"no count of {figure.denominator} prints so: {' and '.join(counts)}"


def numeric(study: Study, name: str) -> bool:
    """Say whether a variable holds numbers."""
    return name in study.names and study.kind(name) in NUMERIC
