"""Scenarios: a study under another choice of patients or of plan, as its file names them under `scenarios:`."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from studyfile.study.schema import StudyFile
from studyfile.study.study import NUMERIC, Study, StudyError, nearest
from studyfile.study.study_checks import cross_checks
from studyfile.study.study_yaml import schema_problems

#: Stands between a study's name and that of a scenario: `spinal-metastases@no_myeloma`.
MARK = "@"
#: Sections that a scenario cannot change: what the data are.
FIXED = ("study", "variables", "derived", "published", "reconstruction", "scenarios")


def under_scenario(study: Study, name: str) -> Study:
    """Return the study as it is under one of its scenarios.

    Parameters
    ----------
    study : Study
    name : str
        A key under `scenarios:`.

    Raises
    ------
    StudyError
        When there is no such scenario, or what it changes makes no sense; with the keys.

    Notes
    -----
    Patients are left out by further steps of the eligibility flow, where they are counted; one whose value is missing is
    left out too.
    """
    known = study.file.scenarios
    where = f"{study.path}: scenarios: {name}"
    if name not in known:
        told = f"known: {', '.join(known)}" if known else "the study file has no section scenarios:"
        raise StudyError(f"{study.path}: no scenario {name!r}{nearest(name, known)}; {told}")
    scenario = known[name]
    label = scenario.label or name.replace("_", " ")
    content: dict[str, Any] = study.file.model_dump(by_alias=True, exclude_unset=True)
    content.pop("scenarios")
    for section, keys in scenario.plan.items():
        if section in FIXED or not content.get(section):
            parts = [part for part in content if part not in FIXED]
            told = f"{where}: plan: {section}: expected a section of the plan: "
            raise StudyError(f"{told}{', '.join(parts)}{nearest(section, parts)}")
        content[section] = {**content[section], **keys}
    steps = [scenario.keep] if scenario.keep else []
    steps += [{variable: _others(study, where, variable, out)} for variable, out in scenario.drop.items()]
    content["eligibility"] = [*content.get("eligibility", ()), *({"label": label, "keep": keep} for keep in steps)]
    content["study"]["title"] += f" ({label})"
    problems: list[tuple[Any, str]] = []
    try:
        file = StudyFile.model_validate(content)
        problems += cross_checks(Study(study.path, file))
    except ValidationError as error:
        problems += schema_problems(error, StudyFile, content)
    if problems:
        raise StudyError("\n".join(f"{where}: {': '.join(map(str, key))}: {text}" for key, text in problems))
    return Study(study.path, file)


def _others(study: Study, where: str, variable: str, out: Any) -> tuple[str, ...]:
    """Return the levels of a variable that are not left out."""
    gone = {str(level) for level in (out if isinstance(out, tuple) else (out,))}
    if study.kind(variable) in NUMERIC or isinstance(out, dict):
        raise StudyError(f"{where}: drop: {variable}: takes levels; for numbers, say whom to keep with min and max")
    levels = study.levels(variable)
    if unknown := [level for level in gone if level not in levels]:
        raise StudyError(f"{where}: drop: {variable}: no level {unknown[0]!r}{nearest(unknown[0], levels)}")
    return tuple(level for level in levels if level not in gone)
