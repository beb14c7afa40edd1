"""Check a study file and its data at once, and sum up what is there and what is not.

python -m cohortbook.check studies/mine
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence

from cohortbook.sections.missing.missing import planned_analyses
from studyfile.cohort.cohort import ROW_NUMBER, Cohort, FlowStep, load_cohort
from studyfile.errors import command
from studyfile.study.study import Study, load_study
from tallystats.results import Hidden, result

#: Sections of the plan, and what each gives the report.
SECTIONS = {
    "eligibility": "who is kept",
    "outcome": "the rate of an event",
    "tables": "descriptive tables",
    "comparison": "tests of groups",
    "paired": "the same patients before and after",
    "linear": "linear regression",
    "model": "logistic regression",
    "survival": "survival curves and Cox regression",
    "missing_data": "multiple imputation",
    "published": "the audit of printed figures",
    "scenarios": "the study under other choices",
}
_NO_PLAN = ("study", "variables", "derived", "reconstruction")


@result
class Missing:
    """How many of the eligible patients have no value of a variable."""

    variable: str
    count: int
    total: int


@result
class Checked:
    """What a check of a study found; without a data file, `flow`, `missing` and `notes` are empty.

    Attributes
    ----------
    study : str
        The study file.
    data : str
        The data file; empty where there is none.
    size : int
        The number of eligible patients.
    flow : tuple of FlowStep
        The eligibility flow.
    kinds : dict
        Kind -> names of the recorded variables of this kind.
    derived : tuple of str
        Names of the derived variables.
    missing : tuple of Missing
        The variables with missing values, most first.
    complete : tuple of Missing
        Of each planned analysis that needs several variables: how many lack one, where some do.
    unused : tuple of str
        Columns of the file that the study file does not declare.
    present, not_planned : tuple of str
        Sections of the plan that the study file has, and lacks.
    notes : tuple of str
        What was found out about the file: delimiter, encoding, sheet.
    """

    study: str
    data: str
    units: str
    size: int
    flow: tuple[FlowStep, ...]
    kinds: dict[str, tuple[str, ...]]
    derived: tuple[str, ...]
    missing: tuple[Missing, ...]
    complete: tuple[Missing, ...]
    unused: tuple[str, ...]
    present: tuple[str, ...]
    not_planned: tuple[str, ...]
    notes: tuple[str, ...]


def check_study(study: Study | str) -> Checked:
    """Check a study file, its data and what one says of the other.

    Parameters
    ----------
    study : Study or str
        A study, or what `load_study` takes.

    Returns
    -------
    Checked

    Raises
    ------
    StudyError
        When the study file holds errors: all of them, with their lines; an unknown key with the nearest known one.
    CohortError
        When the data do not fit: all offending rows and columns.
    """
    study = study if isinstance(study, Study) else load_study(study)
    file = study.file
    about = file.study
    # A study of printed figures alone may have none; one that names its file must have it.
    there = (study.folder / about.data).is_file() or "data" in about.model_fields_set
    cohort = load_cohort(study) if there else None
    kinds: dict[str, tuple[str, ...]] = {}
    for name, variable in file.variables.items():
        kinds[variable.kind] = (*kinds.get(variable.kind, ()), name)
    sections = dict.fromkeys([*SECTIONS, *(name for name in type(file).model_fields if name not in _NO_PLAN)])
    present = tuple(section for section in sections if getattr(file, section, None))
    return Checked(
        study=str(study.path),
        data=about.data if cohort else "",
        units=study.units,
        size=cohort.size if cohort else 0,
        flow=cohort.flow if cohort else (),
        kinds=kinds,
        derived=tuple(file.derived),
        missing=_missing(cohort) if cohort else (),
        complete=_incomplete(cohort) if cohort else (),
        unused=_unused(cohort) if cohort else (),
        present=present,
        not_planned=tuple(section for section in SECTIONS if section not in present),
        notes=cohort.notes if cohort else (),
    )


def _missing(cohort: Cohort) -> tuple[Missing, ...]:
    found = [Missing(variable=name, count=cohort.missing(name), total=cohort.size) for name in cohort.study.names]
    known = [one for one in found if one.count and not isinstance(one.count, Hidden)]
    known.sort(key=lambda one: -one.count)
    return (*known, *(one for one in found if isinstance(one.count, Hidden)))


def _incomplete(cohort: Cohort) -> tuple[Missing, ...]:
    if cohort.suppress_below:  # how many are left out tells how many lack a value
        return ()
    found = []
    for name, variables in planned_analyses(cohort):
        tally = cohort.tally(*variables)
        found.append(Missing(variable=name, count=tally.total - tally.complete().total, total=tally.total))
    return tuple(one for one in found if one.count)


def _unused(cohort: Cohort) -> tuple[str, ...]:
    known = {cohort.study.file.study.id, ROW_NUMBER, *cohort.study.file.variables}
    return tuple(str(name) for name in cohort.data.columns if name not in known)


def in_words(checked: Checked) -> str:
    """Sum up a check in lines for a terminal."""
    path = os.path.relpath(checked.study)
    lines = [f"{checked.study if path.startswith('..') else path}: no errors"]
    if checked.data:
        lines.append(_row("Data", f"{checked.data}: no errors" + "".join(f"; {note}" for note in checked.notes)))
        lines += _flow(checked)
    else:
        lines.append(_row("Data", "none; printed figures alone can be audited"))
    declared = [f"{len(names)} {kind}" for kind, names in checked.kinds.items()]
    if checked.derived:
        declared.append(f"{len(checked.derived)} derived")
    lines.append(_row("Variables", ", ".join(declared)))
    if checked.data:
        whole = sum(map(len, checked.kinds.values())) + len(checked.derived) - len(checked.missing)
        lines += [_row("Missing" if i == 0 else "", text) for i, text in enumerate(_told_missing(checked, whole))]
        lines += [
            _row("Complete" if i == 0 else "", f"{one.variable}: {one.total - one.count} of {one.total}")
            for i, one in enumerate(checked.complete)
        ]
    if checked.unused:
        lines.append(_row("Not used", f"columns {_some(checked.unused)}"))
    lines.append(_row("Plan has", ", ".join(checked.present) or "nothing"))
    lines += [_row("Plan lacks" if i == 0 else "", f"{name}: {SECTIONS[name]}") for i, name in enumerate(checked.not_planned)]
    return "\n".join(lines)


def _row(head: str, text: str) -> str:
    return f"  {head:<11}{text}".rstrip()


def _flow(checked: Checked) -> Iterator[str]:
    yield _row(checked.units.capitalize(), f"{checked.size} eligible")
    for step in checked.flow:
        count = "not reported" if step.excluded is None else f"{step.excluded} excluded"
        missing = f", {step.excluded_missing} of them for a missing value" if step.excluded_missing else ""
        left = "" if step.remaining is None else f"; {step.remaining} remain"
        if step.excluded is None or step.excluded or step.remaining is None or not step.label.startswith("In "):
            yield _row("", f"{step.label}: {count}{missing}{left}")


def _told_missing(checked: Checked, whole: int) -> Iterator[str]:
    if not checked.missing:
        yield "none"
        return
    for one in checked.missing[:20]:
        share = "" if isinstance(one.count, Hidden) else f" ({100 * one.count / one.total:.1f} %)"
        yield f"{one.variable}: {one.count} of {one.total}{share}"
    if len(checked.missing) > 20:
        yield f"and {len(checked.missing) - 20} more variables"
    yield f"none in the other {whole}"


def _some(names: Sequence[str]) -> str:
    listed = ", ".join(map(repr, names[:10]))
    return listed if len(names) <= 10 else f"{listed} and {len(names) - 10} more"


@command
def main(arguments: Sequence[str] | None = None) -> int | None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m cohortbook.check", description=__doc__.splitlines()[0])
    parser.add_argument("study", help="folder of the study, or the name of a bundled one")
    print(in_words(check_study(parser.parse_args(arguments).study)))
    return None


if __name__ == "__main__":
    sys.exit(main())
