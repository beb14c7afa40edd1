"""What the study file's analyses lose to missing values, and what becomes of a rate and a comparison at the worst."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from cohortbook.sections.comparison.analysis import not_planned, protected, with_unit
from cohortbook.sections.model.models import screen_candidates
from studyfile.cohort.cohort import Cohort
from studyfile.plan import compare_row
from tallystats.missing.extremes import ExtremeRates, assume_outcome, extreme_rates
from tallystats.missing.patterns import (
    CompleteCases,
    MissingByOutcome,
    MissingPatterns,
    complete_cases,
    missing_by_outcome,
    missing_patterns,
)
from tallystats.results import NotPlanned, Result, quiet, result
from tallystats.statistics.compare import Comparison, compare_variable
from tallystats.statistics.counts import coded


@result
class MissingStudy(Result):
    """What is missing of the variables that the planned analyses use, and whom each loses for it.

    Attributes
    ----------
    unit : str
    n, complete : int
        Eligible patients; those of them who lack none of these variables.
    losses : tuple of (str, CompleteCases)
        An analysis in words, and its variables in the order of the plan.
    patterns : MissingPatterns
        Of the recorded variables that the analyses rest on.
    by_outcome : tuple of MissingByOutcome
        Each variable that somebody lacks, by the study's outcome; empty without one.
    outcome_label : str
    labels : dict
        Variable -> its label.
    """

    unit: str
    n: int
    complete: int
    losses: tuple[tuple[str, CompleteCases], ...]
    patterns: MissingPatterns
    by_outcome: tuple[MissingByOutcome, ...]
    outcome_label: str
    labels: dict[str, str]
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row an analysis and variable."""
        return pd.concat([cases.frame.assign(analysis=name) for name, cases in self.losses], ignore_index=True)


def planned_analyses(cohort: Cohort) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield every planned analysis that takes several variables at once: its name, and what it asks of a patient."""
    file = cohort.study.file
    if file.model and (terms := screen_candidates(cohort).candidates):
        yield f"Logistic model of {cohort.study.label(file.model.outcome)}", (file.model.outcome, *terms)
    if plan := file.survival:
        needed = (plan.time, plan.event, *([plan.entry] if isinstance(plan.entry, str) else []))
        yield plan.label, needed
        for name in plan.strata:
            yield f"{plan.label} by {cohort.study.label(name)}", (*needed, name)
        if plan.cox:
            yield f"Cox model of {plan.label}", tuple(dict.fromkeys([*needed, *plan.cox]))


@protected
@quiet()
def missing_study(cohort: Cohort) -> MissingStudy | NotPlanned:
    """Count whom the planned analyses lose to missing values, what is missing together, and whether by outcome.

    Returns
    -------
    MissingStudy or NotPlanned
        NotPlanned where nobody lacks a value of a variable that the plan uses.
    """
    study, file = cohort.study, cohort.study.file
    unit = file.study.unit
    asked = dict(planned_analyses(cohort))
    compared = [file.comparison.groups, *(row.variable for row in file.comparison.rows)] if file.comparison else []
    outcome = next(
        (
            plan
            for plan in (
                file.outcome and file.outcome.variable,
                file.model and file.model.outcome,
                file.survival and file.survival.event,
            )
            if plan
        ),
        "",
    )
    every = tuple(dict.fromkeys([*([outcome] if outcome else []), *compared, *(n for names in asked.values() for n in names)]))
    if not every:
        return not_planned("analysis")
    bases = study.bases(*every)
    whole = {name: not cohort.missing(name) for name in (*every, *bases)}
    if all(whole.values()):
        return NotPlanned(
            f"No {unit} lacks a value of the {len(bases)} variables that the analyses use: each takes all "
            f"{cohort.size} {unit}s."
        )
    losses = [(name, complete_cases(cohort.tally(*names), names)) for name, names in asked.items()]
    if compared:
        losses.insert(0, ("Comparison, each variable with the groups", _each_with(cohort, compared)))
    patterns = missing_patterns(cohort.tally(*bases), bases)
    by_outcome = []
    for name in patterns.terms if outcome else ():
        if name not in study.bases(outcome):
            by_outcome.append(missing_by_outcome(cohort.tally(name, outcome), name, outcome))
    # Without both outcomes there is nothing to compare.
    groups = cohort.tally(outcome).complete() if outcome else None
    if groups is not None and len(set(coded(groups, outcome)[1].tolist())) < 2:
        by_outcome = []
    return MissingStudy(
        unit=unit,
        n=cohort.size,
        complete=dict(zip(patterns.patterns, patterns.counts, strict=True)).get((), 0),
        losses=tuple(losses),
        patterns=patterns,
        by_outcome=tuple(by_outcome),
        outcome_label=file.outcome.label if file.outcome else study.label(outcome) if outcome else "",
        labels={name: with_unit(cohort, name) for name in whole},
        provenance=study.provenance(*every),
    )


def _each_with(cohort: Cohort, names: list[str]) -> CompleteCases:
    """Count, for each variable compared, the patients who have it and a group."""
    groups, *rows = dict.fromkeys(names)
    alone = complete_cases(cohort.tally(groups), [groups])
    pairs = [complete_cases(cohort.tally(groups, name), [groups, name]) for name in rows]
    return CompleteCases(
        terms=(groups, *rows),
        n=alone.n,
        provenance=cohort.study.provenance(groups, *rows),
        n_missing=(*alone.n_missing, *(pair.n_missing[1] for pair in pairs)),
        n_only=(*alone.n_only, *(pair.n_only[1] for pair in pairs)),
        remaining=(*alone.remaining, *(pair.remaining[1] for pair in pairs)),
    )


@result
class OutcomeExtremes(Result):
    """The rate of the study's outcome among those in whom it is known, and at its best and worst."""

    label: str
    unit: str
    rates: ExtremeRates
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a case."""
        return self.rates.frame


@protected
@quiet()
def outcome_extremes(cohort: Cohort, *, confidence_level: float = 0.95) -> OutcomeExtremes | NotPlanned:
    """Bound the rate of the study's outcome: as if none, or all, of those in whom it is not known had had it."""
    plan, unit = cohort.study.file.outcome, cohort.study.file.study.unit
    if plan is None:
        return not_planned("outcome")
    tally = cohort.tally(plan.variable)
    found = extreme_rates(tally, plan.variable, confidence_level=confidence_level)
    if not found.unknown:
        return NotPlanned(f"Of no {unit} is the outcome unknown: the rate has no better and no worse case.")
    return OutcomeExtremes(label=plan.label, unit=unit, rates=found, provenance=tally.provenance)


#: How a case is called, and what it supposes of those whose group is not known: None for nothing.
CASES = {"known": None, "all": {"yes": True}, "none": {"yes": False}}


@result
class ComparisonExtremes(Result):
    """The comparison of two groups under extreme suppositions of who belongs to which.

    Attributes
    ----------
    group_labels : tuple of (str, str)
        Of the group true, and false.
    unknown : int
        Patients whose group is not known.
    rows : tuple of (str, dict)
        Label, and the comparison by case: `known`, `all`, `none` and, of a variable that is yes or no, `with` and `without`,
        where all those with, or all those without it, are supposed to belong to the group true, and the others not.
    """

    group_labels: tuple[str, str]
    unit: str
    unknown: int
    rows: tuple[tuple[str, dict[str, Comparison]], ...]
    significance: float
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a variable and case, in the tidy vocabulary."""
        return pd.concat(
            [found.frame.assign(label=label, case=case) for label, cases in self.rows for case, found in cases.items()],
            ignore_index=True,
        )


@protected
@quiet()
def comparison_extremes(cohort: Cohort, *, confidence_level: float = 0.95) -> ComparisonExtremes | NotPlanned:
    """Compare the groups as if all, or none, of those whose group is not known belonged to the first of them.

    Notes
    -----
    Of a variable that is yes or no, also as if they were in it by this variable, one way and the other: no other supposition
    makes the groups differ more. The test is the one taken of the known.
    """
    study, plan = cohort.study, cohort.study.plan("comparison")
    unknown, unit = cohort.missing(plan.groups), study.file.study.unit
    if study.kind(plan.groups) != "binary":
        return NotPlanned("Best and worst cases are of two groups, yes and no.")
    if not unknown:
        return NotPlanned(f"Of no {unit} is the group unknown: the comparison has no better and no worse case.")
    rows = []
    for row in plan.rows:
        name, kind = row.variable, study.kind(row.variable)
        tally = cohort.tally(name, plan.groups)
        known = compare_row(cohort, name, confidence_level=confidence_level)
        cases = {case: assume_outcome(tally, plan.groups, **supposed) for case, supposed in CASES.items() if supposed}
        if kind == "binary":
            cases |= {
                case: assume_outcome(tally, plan.groups, yes=True, by=name, level=level)
                for case, level in (("with", True), ("without", False))
            }
        found = {
            case: compare_variable(
                supposed, name, plan.groups, kind=kind, test=known.choice.test, confidence_level=confidence_level
            )
            for case, supposed in cases.items()
        }
        rows.append((row.label or with_unit(cohort, name), {"known": known, **found}))
    return ComparisonExtremes(
        group_labels=study.group_labels[::-1],
        unit=unit,
        unknown=unknown,
        rows=tuple(rows),
        significance=plan.significance,
        provenance=study.provenance(plan.groups, *(row.variable for row in plan.rows)),
    )
