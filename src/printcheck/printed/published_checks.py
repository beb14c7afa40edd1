"""What is wrong with a row of `published.csv`, against the dictionary and the plan of the study."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from printcheck.printed.published import ABOUT, ESTIMATES, NUMBER, STATISTICS, levels_of, numbers_in
from studyfile.study.study import NUMERIC, Study, nearest

#: Statistics of a numeric variable.
SUMMARIES = ("mean", "sd", "se", "median", "q1", "q3", "min", "max", "range", "iqr")
_GROUPS = {"where": "a group of patients", "compare": "a comparison", "model": "a model", "patient": "one patient"}
#: What papers call a statistic, where no spelling is near.
_ALSO = {
    "or": "odds_ratio",
    "rr": "risk_ratio",
    "hr": "hazard_ratio",
    "rd": "risk_difference",
    "count": "n",
    "%": "percent",
    "n (%)": "n",
    "std": "sd",
    "sem": "se",
    "average": "mean",
    "p_value": "p",
    "p value": "p",
    "minimum": "min",
    "maximum": "max",
    "quartiles": "iqr",
    "relative_risk": "risk_ratio",
    "number": "n",
    "size": "total",
}
_EXPECTED = {
    "n/N": "two counts, such as 12/72",
    **dict.fromkeys(("range", "iqr"), "two numbers, such as 25–90"),
    **dict.fromkeys(ESTIMATES, "a number, alone or with its interval, such as 2.31 (1.05–5.07)"),
    "p": "a number as printed, or such as <0.001, >0.05 or NS",
}
_CLAIM = re.compile(r"|significant|not significant|ns|n\.s\.|[*†‡§¶#]+", re.IGNORECASE)


def problems_of(study: Study, row: dict[str, str]) -> Iterator[str]:
    """Yield what is wrong with one row of the file, given by its columns."""
    if row["about"] not in ABOUT:
        yield f"about is {row['about']!r}; expected {', '.join(ABOUT)}"
    if row["denominator"] and not (row["denominator"].isdecimal() and int(row["denominator"])):
        yield f"denominator is {row['denominator']!r}; expected a whole number above 0"
    if not _CLAIM.fullmatch(row["claim"]):
        yield f"claim is {row['claim']!r}; expected nothing, significant, not significant or the paper's star"
    if row["about"] != "cohort":
        return
    statistic, variable = row["statistic"], row["variable"]
    groups = study.plan("published").groups
    if row["group"] not in ("all", *groups):
        where = "; groups stand under published: groups: in the study file"
        yield f"unknown group {row['group']!r}{nearest(row['group'], ('all', *groups))}{where}"
        return
    if statistic not in STATISTICS:
        also = _ALSO.get(statistic.lower())
        hint = f"; did you mean {also!r}?" if also else nearest(statistic, STATISTICS)
        yield f"unknown statistic {statistic!r}{hint}; known: {', '.join(STATISTICS)}"
        return
    kind = "where" if row["group"] == "all" else groups[row["group"]].meaning
    compare = groups[row["group"]].compare if kind == "compare" else None
    if compare and statistic != "p" and (study.kind(compare) != "binary"):
        yield f"the {statistic} of a comparison needs two groups, yes and no; {compare!r} has {len(study.levels(compare))}"
        return
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
        yield from _wrong_variable(study, row, kind)


def _wrong_value(study: Study, row: dict[str, str]) -> Iterator[str]:
    statistic, value = row["statistic"], row["value"]
    if statistic == "value" and study.kind(row["variable"]) not in NUMERIC:
        return
    texts = numbers_in(statistic, value)
    if texts is None:
        yield f"value is {value!r}; expected {_EXPECTED.get(statistic, 'a number as printed')}{_hint(statistic, value)}"
        return
    numbers = {name: float(text.lstrip("<>")) for name, text in texts.items() if text != "NS"}
    least = 0 if statistic in ("sd", "se", "odds_ratio", "risk_ratio", "hazard_ratio") else -math.inf
    if statistic in ("n", "total") and not value.isdecimal():
        yield f"value is {value!r}; expected a count"
    elif statistic in ("p", "percent", "survival"):
        most = 1 if statistic == "p" else 100
        if not all(0 <= number <= most for number in numbers.values()):
            yield f"value is {value!r}; expected 0 to {most}"
    elif min(numbers.values()) < least:
        yield f"value is {value!r}; expected 0 or more"
    elif statistic == "n/N" and row["denominator"] not in ("", texts["total"]):
        yield f"value is {value!r}, but denominator is {row['denominator']!r}; leave the denominator empty"


def _hint(statistic: str, value: str) -> str:
    """Say what a value that cannot be read may need."""
    if "%" in value:
        return "; leave out the % sign"
    if re.search(r"\d,\d", value):
        return "; write a decimal point, not a comma, and nothing between thousands"
    if re.search(r"\d\s*(±|\(|\+/-)", value) and statistic not in ESTIMATES:
        return "; one row for each number"
    return ""


def _wrong_variable(study: Study, row: dict[str, str], of: str) -> Iterator[str]:
    """Yield what is wrong with the variable and the level that a figure is printed of."""
    statistic, variable, level = row["statistic"], row["variable"], row["level"]
    kind = study.kind(variable)
    if kind == "date":
        yield f"{variable!r} is a date; nothing printed of it can be checked"
        return
    if statistic in ("survival", "hazard_ratio"):
        yield from _wrong_endpoint(study, row, of)
        return
    yield from _wrong_levels(study, variable, row["value"] if statistic == "value" and kind not in NUMERIC else level)
    if statistic in SUMMARIES:
        if kind not in NUMERIC:
            yield f"a {statistic} needs a numeric variable; {variable!r} is {kind}"
        elif level:
            yield f"a {statistic} has no level; say under group: of whom it is printed"
    elif statistic in ("n", "percent", "n/N") and not level and kind != "binary":
        yield f"{variable!r} is {kind}; say under level: what was counted"
    elif of == "model":
        if (terms := study.plan("model").candidates) and variable not in terms:
            yield f"{variable!r} is no term of the model; its terms: {', '.join(terms)}"
    elif statistic in ESTIMATES and len(study.levels(variable)) != 2:
        yield (
            f"the {statistic} of a comparison needs a variable of two levels; {variable!r} has "
            f"{len(study.levels(variable)) or 'numbers'}: make one under derived: (member, recode, bands)"
        )


def _wrong_endpoint(study: Study, row: dict[str, str], of: str) -> Iterator[str]:
    """Yield what is wrong with a figure of the survival endpoint."""
    statistic, variable, level, plan = row["statistic"], row["variable"], row["level"], study.file.survival
    if plan is None:
        yield f"{statistic} needs the section survival: in the study file"
    elif of == "model":
        if variable not in plan.cox:
            yield f"{variable!r} is no term under survival: cox:; its terms: {', '.join(plan.cox) or 'none'}"
        yield from _wrong_levels(study, variable, level)
    elif variable != plan.time:
        yield f"{statistic} is printed of {plan.time!r}, the time under survival:; found {variable!r}"
    elif statistic == "survival" and not NUMBER.fullmatch(level):
        yield f"level is {level!r}; expected the time at which survival is printed, in {plan.unit}"
    elif statistic == "hazard_ratio" and level:
        yield f"level is {level!r}; the hazard ratio of a comparison has none"


def _wrong_levels(study: Study, variable: str, text: str) -> Iterator[str]:
    if study.kind(variable) in NUMERIC:
        levels = [level for level in levels_of(study, variable, text) if not NUMBER.fullmatch(level)]
        yield from (f"{variable!r} is numeric; a level of it is a number, found {level!r}" for level in levels)
        return
    known = study.levels(variable)
    for level in levels_of(study, variable, text):
        if level not in known:
            yield f"{variable!r} has no level {level!r}; its levels: {', '.join(known)}{nearest(level, known)}"
