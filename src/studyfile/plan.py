"""Single steps of a study file's plan, by which reported values are recomputed too: a comparison, the full model."""

from __future__ import annotations

from collections.abc import Sequence

from studyfile.cohort.cohort import Cohort
from studyfile.study.schema import ComparisonRow
from tallystats.regression.design import with_references
from tallystats.regression.logistic import LogisticFit, fit_logistic
from tallystats.results import quiet
from tallystats.statistics.compare import Comparison, compare_variable
from tallystats.tally import Tally
from tallystats.tolerance import below


def compare_row(cohort: Cohort, variable: str, *, test: str = "", confidence_level: float = 0.95) -> Comparison:
    """Compare one variable between the groups of the study's comparison, by its planned test or another."""
    plan = cohort.study.plan("comparison")
    row = next((row for row in plan.rows if row.variable == variable), ComparisonRow(variable=variable))
    with quiet():
        return compare_variable(
            cohort.tally(variable, plan.groups),
            variable,
            plan.groups,
            kind=cohort.study.kind(variable),
            test=test or row.test,
            significance=plan.normality,
            confidence_level=confidence_level,
            group_labels=cohort.study.group_labels,
        )


def small_enough(rows: Sequence[Comparison], limit: float) -> tuple[str, ...]:
    """Return the variables whose P lies below a limit."""
    return tuple(row.term for row in rows if below(row.test.p_value, limit))


def candidate_terms(cohort: Cohort) -> tuple[str, ...]:
    """Return the candidates of the model: those that the plan names, or those whose univariable P is small enough."""
    plan = cohort.study.plan("model")
    if plan.candidates:
        return plan.candidates
    return small_enough([compare_row(cohort, row.variable) for row in cohort.study.plan("comparison").rows], plan.candidate_p)


def model_tally(cohort: Cohort, terms: Sequence[str]) -> Tally:
    """Tally the outcome and some terms of the model, the reference levels that the plan names first."""
    plan = cohort.study.plan("model")
    return with_references(cohort.tally(plan.outcome, *terms), plan.reference)


def planned_model(cohort: Cohort, *, confidence_level: float = 0.95) -> LogisticFit:
    """Fit the model of all candidates by maximum likelihood under the limits that the plan states."""
    plan, terms = cohort.study.plan("model"), candidate_terms(cohort)
    return fit_logistic(
        model_tally(cohort, terms),
        outcome=plan.outcome,
        terms=terms,
        intervals=plan.intervals,
        max_iterations=plan.max_iterations,
        confidence_level=confidence_level,
    )
