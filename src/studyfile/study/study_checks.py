"""What the sections of a study file say wrongly of each other: unknown variables and levels, bands with gaps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from studyfile.study.comparison_checks import SUITED, Problem, check_comparison, check_paired
from studyfile.study.comparison_checks import check_name as _check_name
from studyfile.study.schema import YEAR, Band, Condition, Derived, Rule
from studyfile.study.study import LEVELLED, NUMERIC, Key, Study, nearest

__all__ = ["SUITED", "Problem", "cross_checks"]


def cross_checks(study: Study) -> Iterator[Problem]:
    """Yield the key and the text of every problem, derived variables first.

    What rests on a broken variable would only repeat the message, so the plan is checked when the variables are sound.
    """
    problems = [*_check_names(study), *_check_recorded(study), *_check_derived(study)]
    yield from problems
    if not problems:
        yield from _check_plan(study)


def _check_names(study: Study) -> Iterator[Problem]:
    file = study.file
    for section, names in (("variables", file.variables), ("derived", file.derived)):
        for name in names:
            if name == "n":
                yield (section, name), "the name 'n' is taken by the counts; choose another"
            if section == "derived" and name in file.variables:
                yield (section, name), "is a recorded variable too; a name stands for one variable"
            if name == file.study.id:
                yield (section, name), f"is the id (study: id: {name}), which is no variable"


def _check_recorded(study: Study) -> Iterator[Problem]:
    marks = set(study.file.study.missing)
    for name, variable in study.file.variables.items():
        levels = study.levels(name)
        for key, declared in (("study: missing:", marks), ("missing:", set(variable.missing))):
            for level in sorted(declared & {*levels, *variable.codes}):
                text = f"{level!r} marks a missing value ({key}); it cannot be a level or code too"
                yield ("variables", name), text
        if variable.date_order != "ymd" and variable.kind != "date":
            yield ("variables", name, "date_order"), f"is of dates; {name!r} is {variable.kind}"
        for code, level in variable.codes.items():
            at = ("variables", name, "codes", code)
            if variable.kind in LEVELLED and level not in levels:
                yield at, f"has no level {level!r}; its levels: {', '.join(levels)}{nearest(level, levels)}"
            elif variable.kind == "date" or (variable.kind in NUMERIC and not _is_number(level)):
                yield at, f"a {variable.kind} variable has no level {level!r}; codes stand for levels"


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).lstrip("-").isdigit()


def _check_derived(study: Study) -> Iterator[Problem]:
    derived = study.file.derived
    if circles := [name for name in derived if _in_circle(study, name)]:
        for name in circles:
            yield ("derived", name), "is made from itself"
        return
    for name, rule in derived.items():
        at = ("derived", name)
        problems = [problem for parent in rule.parents for problem in _check_name(study, parent, at)]
        kinds = {
            "bands": NUMERIC,
            "change": ("ordered",),
            "transition": ("category", "ordered"),
            "days_between": ("date",),
        }.get(rule.rule, ("category", "ordered"))
        problems = problems or [
            (at, f"{rule.rule} needs {' or '.join(kinds)}; {parent!r} is {study.kind(parent)}")
            for parent in rule.parents
            if study.kind(parent) not in kinds
        ]
        yield from problems or _check_rule(study, rule, at)


def _in_circle(study: Study, name: str) -> bool:
    derived, seen, next_up = study.file.derived, set(), [name]
    while next_up:
        parents = [p for n in next_up for p in derived[n].parents if p in derived and p not in study.file.variables]
        if name in parents:
            return True
        next_up = [p for p in parents if p not in seen]
        seen |= set(parents)
    return False


def _check_rule(study: Study, derived: Derived, at: Key) -> Iterator[Problem]:
    match derived.rule:
        case "bands":
            yield from _check_bands(study, derived, (*at, "bands"))
        case "recode" | "member":
            known = study.levels(derived.from_)
            used = list(derived.member) or [level for levels in derived.recode.values() for level in levels]
            for level in dict.fromkeys(used):
                if level not in known:
                    yield (*at, derived.rule), _no_level(derived.from_, level, known)
                elif used.count(level) > 1:
                    yield (*at, derived.rule), f"the level {level!r} stands twice"
            if derived.recode and (left := [level for level in known if level not in used]):
                yield (*at, "recode"), f"leaves out the level{'s' * (len(left) > 1)} {', '.join(map(repr, left))}"
        case "change":
            if len({study.levels(parent) for parent in derived.parents}) > 1:
                yield (*at, "change"), "both variables need the same levels in the same order"
            if len(set(derived.change_levels)) < 3:
                yield (*at, "change_levels"), "a level stands twice"


def _no_level(name: str, level: Any, known: Sequence[str]) -> str:
    return f"{name!r} has no level {level!r}; its levels: {', '.join(known)}{nearest(level, known)}"


def _check_bands(study: Study, derived: Derived, at: Key) -> Iterator[Problem]:
    """Yield bands that overlap, leave a gap, or leave out a part of the variable's range."""
    step, (low, high) = study.step(derived.from_), study.range(derived.from_) or (None, None)
    bands, name = derived.bands, derived.from_
    problems = [((*at, i), text) for i, band in enumerate(bands) for text in _check_band(bands, i, band, step)]
    yield from problems
    if problems:
        return
    if bands[0].from_ is not None and (low is None or bands[0].from_ > low):
        yield (*at, 0), f"leaves out values below {bands[0].from_:g}, which the range of {name!r} allows"
    last = bands[-1]
    end = last.below if last.to is None else last.to
    if end is not None and (high is None or end < high or (last.to is None and end <= high)):
        yield (*at, len(bands) - 1), f"leaves out values above {end:g}, which the range of {name!r} allows"
    for i, (before, after) in enumerate(itertools.pairwise(bands), start=1):
        # Without a smallest step, the next value after an inclusive limit has no name.
        wanted = before.below if before.to is None else before.to + step
        if after.from_ > wanted + 1e-9:
            hint = "" if step or before.to is None else "; end a band with 'below', or give the variable its decimals"
            yield (*at, i), f"leaves out values between {before.label!r} and {after.label!r}{hint}"
        elif after.from_ < wanted - 1e-9 or (before.to is not None and not step):
            yield (*at, i), f"overlaps the band {before.label!r}; a value belongs to one band"


def _check_band(bands: Sequence[Band], i: int, band: Band, step: float) -> Iterator[str]:
    if band.to is not None and band.below is not None:
        yield "takes 'to' (inclusive) or 'below' (exclusive), not both"
    if i and band.from_ is None:
        yield "needs 'from'"
    if i < len(bands) - 1 and band.to is None and band.below is None:
        yield "needs 'to' or 'below'"
    if band.label in [other.label for other in bands[:i]]:
        yield f"the label {band.label!r} stands twice"
    limits = [limit for limit in (band.from_, band.to, band.below) if limit is not None]
    if band.from_ is not None and len(limits) > 1 and (limits[-1] < band.from_ or band.below == band.from_):
        yield "holds no value: it ends before it begins"
    for limit in limits:
        if step and abs(limit / step - round(limit / step)) > 1e-6:
            yield f"the limit {limit:g} lies between two values as they are recorded, in steps of {step:g}"


def _check_levels(study: Study, name: str, levels: Iterable, at: Key) -> Iterator[Problem]:
    kind = study.kind(name)
    for level in levels:
        if kind in NUMERIC and not isinstance(level, int | float):
            yield at, f"{name!r} is {kind}; expected numbers, found {level!r}"
        elif kind == "date":
            yield at, f"{name!r} is a date, which has no levels; expected limits {{min: ..., max: ...}}"
        elif kind in LEVELLED and str(level) not in study.levels(name):
            yield at, _no_level(name, level, study.levels(name))


def _check_condition(study: Study, condition: Condition, at: Key) -> Iterator[Problem]:
    for name, wanted in condition.items():
        if unknown := list(_check_name(study, name, (*at, name))):
            yield from unknown
        elif not isinstance(wanted, dict):
            yield from _check_levels(study, name, wanted if isinstance(wanted, tuple) else (wanted,), (*at, name))
        elif study.kind(name) not in (*NUMERIC, "date"):
            yield (*at, name), f"{name!r} is {study.kind(name)}; limits (min, max) need numbers or dates"
        elif (study.kind(name) == "date") != all(isinstance(limit, datetime) for limit in wanted.values()):
            expected = "dates (2019-12-31)" if study.kind(name) == "date" else "numbers"
            yield (*at, name), f"{name!r} is {study.kind(name)}; expected limits that are {expected}"


def _check_plan(study: Study) -> Iterator[Problem]:
    file = study.file
    for i, criterion in enumerate(file.eligibility):
        yield from _check_condition(study, criterion.keep, ("eligibility", i, "keep"))
    for key, table in file.tables.items():
        for i, row in enumerate(table.rows):
            at = ("tables", key, "rows", i)
            if row.variable is None and not row.heading:
                yield at, "a row shows a variable or a heading"
            elif row.variable is not None:
                unknown = list(_check_name(study, row.variable, (*at, "variable")))
                yield from unknown or _check_levels(study, row.variable, row.levels, (*at, "levels"))
                if not unknown and study.kind(row.variable) in LEVELLED:
                    yield from _check_levels(study, row.variable, row.labels, (*at, "labels"))
    if file.outcome:
        yield from _check_name(study, file.outcome.variable, ("outcome", "variable"), ("binary",))
    yield from _check_statistics(study)
    for name, scenario in file.scenarios.items():
        for part in ("keep", "drop"):
            yield from _check_condition(study, getattr(scenario, part), ("scenarios", name, part))
    if file.published:
        for name, group in file.published.groups.items():
            at = ("published", "groups", name)
            yield from _check_condition(study, group.where, (*at, "where"))
            if group.compare:
                wrong = list(_check_name(study, group.compare, (*at, "compare"), LEVELLED))
                yield from wrong
                if not wrong and len(study.levels(group.compare)) == 2 and study.kind(group.compare) != "binary":
                    text = f"{group.compare!r} is {study.kind(group.compare)} of two levels; expected a binary variable"
                    yield (*at, "compare"), f"{text}: make one under derived: (member)"
                if file.comparison is None or file.comparison.groups != group.compare:
                    yield ((*at, "compare"), "expected the variable of comparison: groups:, whose tests printed the P values")
            if group.model and file.model is None:
                yield (*at, "model"), "needs the section model:"
            if group.patient and file.reconstruction and group.patient > file.reconstruction.patients:
                yield ((*at, "patient"), f"is {group.patient}; reconstruction: patients: is {file.reconstruction.patients}")
    if file.reconstruction:
        yield from _check_reconstruction(study)


def _check_statistics(study: Study) -> Iterator[Problem]:
    """Check the comparisons, the models and the survival endpoint."""
    file = study.file
    if file.comparison:
        yield from check_comparison(study)
    yield from check_paired(study)
    if plan := file.linear:
        yield from _check_name(study, plan.outcome, ("linear", "outcome"), NUMERIC)
        for i, name in enumerate(plan.terms):
            yield from _check_name(study, name, ("linear", "terms", i), (*NUMERIC, *LEVELLED))
            if name == plan.outcome:
                yield ("linear", "terms", i), f"{name!r} is the outcome; it is no term of its own model"
    if file.study.cluster:
        yield from _check_name(study, file.study.cluster, ("study", "cluster"), LEVELLED)
    if plan := file.model:
        yield from _check_name(study, plan.outcome, ("model", "outcome"), ("binary",))
        for i, name in enumerate(plan.candidates):
            yield from _check_name(study, name, ("model", "candidates", i), (*NUMERIC, *LEVELLED))
        for name, level in plan.reference.items():
            at = ("model", "reference", name)
            unknown = list(_check_name(study, name, at, ("category", "ordered")))
            yield from unknown or _check_levels(study, name, (level,), at)
        for i, name in enumerate(plan.rows):
            yield from _check_name(study, name, ("model", "rows", i))
        if not plan.candidates and not file.comparison:
            yield ("model",), "needs candidates, or a comparison to take them from"
        elif not plan.candidates and file.comparison.groups in study.names and len(study.levels(file.comparison.groups)) > 2:
            yield ("model",), "needs candidates: a comparison of three or more groups does not screen for two outcomes"
    if plan := file.missing_data:
        for i, name in enumerate(plan.auxiliary):
            yield from _check_name(study, name, ("missing_data", "auxiliary", i), (*NUMERIC, *LEVELLED))
    if plan := file.survival:
        yield from _check_name(study, plan.time, ("survival", "time"), NUMERIC)
        yield from _check_name(study, plan.event, ("survival", "event"), ("binary",))
        of_levels = ("strata", "test_strata", "cox_strata")
        for key, kinds in (*((key, LEVELLED) for key in of_levels), ("cox", (*NUMERIC, *LEVELLED))):
            for i, name in enumerate(getattr(plan, key)):
                yield from _check_name(study, name, ("survival", key, i), kinds)
        for name, level in plan.references.items():
            if name not in plan.cox:
                terms = ", ".join(plan.cox) or "none"
                yield ("survival", "references", name), f"{name!r} is no term under cox:; its terms: {terms}"
            elif study.kind(name) not in ("ordered", "category"):
                yield ("survival", "references", name), f"{name!r} is {study.kind(name)}; expected a variable with levels"
            else:
                yield from _check_levels(study, name, (level,), ("survival", "references", name))
        if math.isnan(study.file.units_per_year):
            yield (
                ("survival", "unit"),
                f"{plan.unit!r} is none of {', '.join(YEAR)}; expected study: units_per_year:, how many of them make a year",
            )
        if plan.cluster:
            yield from _check_name(study, plan.cluster, ("survival", "cluster"), (*NUMERIC, *LEVELLED))
        for i, name in enumerate(plan.cox_strata):
            if name in plan.cox:
                yield ("survival", "cox_strata", i), f"{name!r} is a term under cox: too; expected one or the other"
        if isinstance(plan.entry, str):
            yield from _check_name(study, plan.entry, ("survival", "entry"), NUMERIC)
        longer = [(i, mark.longer) for i, mark in enumerate(plan.landmarks) if mark.longer]
        if plan.bands:
            unknown = list(_check_name(study, plan.bands, ("survival", "bands"), ("ordered",)))
            yield from unknown
            for i, levels in [] if unknown else longer:
                yield from _check_levels(study, plan.bands, levels, ("survival", "landmarks", i, "longer"))
        elif longer:
            yield ("survival", "landmarks", longer[0][0], "longer"), "names bands; say of which variable under bands:"
        if plan.competing and plan.competing.event == plan.event:
            yield (
                ("survival", "competing", "event"),
                f"{plan.event!r} is survival: event: too; expected the event that it can forestall",
            )
        if plan.competing and plan.competing.label == study.label(plan.event):
            yield (
                ("survival", "competing", "label"),
                f"{plan.competing.label!r} is the label of {plan.event!r} too; expected another, as both stand in one table",
            )
        if plan.competing:
            yield from _check_name(study, plan.competing.event, ("survival", "competing", "event"), ("binary",))
            if plan.competing.kinds:
                yield from _check_name(study, plan.competing.kinds, ("survival", "competing", "kinds"), ("category", "ordered"))
            for key in ("time", "last_negative", "first_positive"):
                if name := getattr(plan.competing, key):
                    yield from _check_name(study, name, ("survival", "competing", key), NUMERIC)


def _check_reconstruction(study: Study) -> Iterator[Problem]:
    plan = study.file.reconstruction
    recorded = study.file.variables
    for i, rule in enumerate(plan.rules):
        at = ("reconstruction", "rules", i)
        for part in ("when", "then"):
            yield from _check_condition(study, getattr(rule, part), (*at, part))
        for name, kinds in _compared(rule):
            unknown = list(_check_name(study, name, at, kinds))
            yield from unknown
            if not unknown and name not in recorded:
                yield at, f"{name!r} is derived; expected a recorded variable"
    for name, shape in plan.shapes.items():
        at = ("reconstruction", "shapes", name)
        unknown = list(_check_name(study, name, at))
        yield from unknown
        if not unknown and name not in recorded:
            yield at, "is derived; give a shape to the variable it is made from"
        elif not unknown:
            numeric = study.kind(name) in NUMERIC
            if shape.distribution in ("normal", "lognormal", "uniform") and not numeric:
                yield at, f"{name!r} is {study.kind(name)}; its shape is levels with weights"
            elif shape.distribution == "levels" and numeric:
                yield at, f"{name!r} is {study.kind(name)}; its shape is normal, lognormal or uniform"
            yield from _check_levels(study, name, shape.weights if not numeric else (), (*at, "weights"))
        for other in shape.follows:
            missing = list(_check_name(study, other, (*at, "follows", other)))
            yield from missing
            if not missing and (other not in recorded or other == name):
                yield (*at, "follows", other), "expected another recorded variable"
    listed = [entry.figure for entry in plan.left_out]
    for i, figure in enumerate(listed):
        if figure in listed[:i]:
            yield ("reconstruction", "left_out", i), f"{figure!r} stands twice"


def _compared(rule: Rule) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the variables that a rule compares by size, with the kinds that it can compare."""
    for name in rule.not_after or ():
        yield name, NUMERIC
    if rule.sum_at_most:
        parts, limit = rule.sum_at_most
        yield from ((name, (*NUMERIC, "binary")) for name in parts)
        yield limit, NUMERIC
