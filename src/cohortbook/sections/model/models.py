"""The study file's logistic model carried out: candidates, full model, selection, and penalised estimates beside them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cohortbook.sections.comparison.analysis import compare_groups, protected, with_unit
from studyfile.cohort.cohort import Cohort
from studyfile.plan import candidate_terms, model_tally, planned_model, small_enough
from studyfile.study.schema import Model
from tallystats.regression.block_tests import REMOVAL_TESTS
from tallystats.regression.firth import FirthFit, firth_logistic
from tallystats.regression.logistic import LogisticFit, fit_logistic
from tallystats.regression.selection import Selection, select_terms
from tallystats.results import NotPlanned, Result, quiet, result
from tallystats.tally import Tally, weakest


@result
class Screening(Result):
    """Which variables are candidates for the model, and why.

    Attributes
    ----------
    terms, labels : tuple of str
        Every variable considered, and its label.
    p_values : tuple of float
        Univariate P; NaN where the plan names the candidates without a test.
    candidates : tuple of str
    threshold : float or None
        P below which a variable is a candidate; None when the plan names them.
    after : tuple of str
        Candidates that are known only after the procedure.
    procedure : str
        What they are known after.
    """

    terms: tuple[str, ...]
    labels: tuple[str, ...]
    p_values: tuple[float, ...]
    candidates: tuple[str, ...]
    threshold: float | None
    after: tuple[str, ...]
    procedure: str
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a variable considered: `term, label, p_value, candidate`."""
        frame = pd.DataFrame({"term": self.terms, "label": self.labels, "p_value": self.p_values})
        return frame.assign(candidate=[term in self.candidates for term in self.terms])


@result
class ModelStudy(Result):
    """A planned logistic model, whole: what the plan says, and every fit that belongs to it.

    Attributes
    ----------
    plan : Model
    screening : Screening
    labels, names : dict
        Column of the model, and term -> its label.
    full : LogisticFit
        All candidates by maximum likelihood under the plan's limits.
    firth : FirthFit
        All candidates by Firth's penalised likelihood.
    univariable : tuple of (LogisticFit, FirthFit)
        Each candidate alone.
    selection : Selection
        The planned selection.
    alternatives : tuple of Selection
        The same under each test for removal.
    tally : Tally or None
        What all of it is computed from; None where small counts are hidden.
    """

    plan: Model
    outcome_label: str
    screening: Screening
    labels: dict[str, str]
    names: dict[str, str]
    full: LogisticFit
    firth: FirthFit
    univariable: tuple[tuple[LogisticFit, FirthFit], ...]
    selection: Selection
    alternatives: tuple[Selection, ...]
    tally: Tally | None
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """The coefficients of the full model by both methods, one row a column and method."""
        return pd.concat([self.full.frame, self.firth.frame], ignore_index=True)


@protected
def screen_candidates(cohort: Cohort) -> Screening:
    """Find the candidates of the model: those that the plan names, or those whose univariate P is small enough."""
    study, plan = cohort.study, cohort.study.plan("model")
    if plan.candidates:
        terms, p_values, threshold = plan.candidates, tuple(float("nan") for _ in plan.candidates), None
        candidates = plan.candidates
    else:
        compared = compare_groups(cohort)
        terms = tuple(row.term for row in compared.rows)
        p_values = tuple(row.test.p_value for row in compared.rows)
        threshold = plan.candidate_p
        candidates = small_enough(compared.rows, threshold)
    return Screening(
        terms=terms,
        labels=tuple(with_unit(cohort, term) for term in terms),
        p_values=p_values,
        candidates=candidates,
        threshold=threshold,
        after=tuple(term for term in candidates if study.measured(term) == "after"),
        procedure=study.file.study.procedure,
        provenance=study.provenance(plan.outcome, *terms),
    )


@protected
def full_model(cohort: Cohort, *, confidence_level: float = 0.95) -> LogisticFit:
    """Fit the model of all candidates by maximum likelihood under the limits that the plan states."""
    return planned_model(cohort, confidence_level=confidence_level)


@protected
@quiet()
def study_model(cohort: Cohort, *, removal: str = "", confidence_level: float = 0.95) -> ModelStudy | NotPlanned:
    """Carry out the planned logistic model: screening, full model, selection, Firth's estimates beside.

    Parameters
    ----------
    cohort : Cohort
    removal : {"", "wald", "lr", "conditional"}
        Test for removal; empty: the plan's.
    confidence_level : float
        Of all intervals.

    Returns
    -------
    ModelStudy or NotPlanned
        NotPlanned when there is no candidate, or the outcome is the same in all complete patients.
    """
    study, plan = cohort.study, cohort.study.plan("model")
    screening = screen_candidates(cohort)
    terms = screening.candidates
    tally = _to_model(cohort, terms)
    if isinstance(tally, NotPlanned):
        return tally
    full = fit_logistic(
        tally,
        outcome=plan.outcome,
        terms=terms,
        intervals=plan.intervals,
        max_iterations=plan.max_iterations,
        confidence_level=confidence_level,
    )
    alternatives = tuple(_select(plan, tally, terms, test, confidence_level) for test in REMOVAL_TESTS)
    wanted = removal or plan.removal_test
    selection = next((s for s in alternatives if s.removal_test == wanted), None)
    if selection is None:
        raise ValueError(f"removal: {removal!r}; expected {', '.join(REMOVAL_TESTS)}")
    alone = {"outcome": plan.outcome, "confidence_level": confidence_level}
    return ModelStudy(
        plan=plan,
        outcome_label=study.label(plan.outcome),
        screening=screening,
        labels=_labels(cohort, full),
        names={term: study.label(term) for term in terms},
        full=full,
        firth=firth_logistic(tally, outcome=plan.outcome, terms=terms, confidence_level=confidence_level),
        univariable=tuple(
            (
                fit_logistic(tally, terms=[t], max_iterations=plan.max_iterations, intervals=plan.intervals, **alone),
                firth_logistic(tally, terms=[t], **alone),
            )
            for t in terms
        ),
        selection=selection,
        alternatives=alternatives,
        tally=tally,
        # Which values occur together is printed nowhere, even where the counts of each are.
        provenance=weakest([tally.provenance, *(["implied"] if tally.provenance == "printed" else [])]),
    )


@quiet()
def planned_selection(cohort: Cohort) -> Selection | NotPlanned:
    """Select among the candidates as the plan states; NotPlanned as for `study_model`, of which this is the selection alone."""
    plan, terms = cohort.study.plan("model"), candidate_terms(cohort)
    tally = _to_model(cohort, terms)
    return tally if isinstance(tally, NotPlanned) else _select(plan, tally, terms, plan.removal_test, 0.95)


def _to_model(cohort: Cohort, terms: Sequence[str]) -> Tally | NotPlanned:
    """Tally the outcome and the candidates, or say why there is nothing to model."""
    plan = cohort.study.plan("model")
    if not terms:
        return NotPlanned(f"No variable has a univariate P below {plan.candidate_p:g}: there is nothing to model.")
    tally = model_tally(cohort, terms)
    complete = tally.complete()
    if complete.frame[plan.outcome].nunique() < 2:
        label = cohort.study.label(plan.outcome)
        return NotPlanned(f"{label} is the same in all {complete.total} complete patients: no model.")
    return tally


def _select(plan: Model, tally: Tally, terms: Sequence[str], removal_test: str, confidence_level: float) -> Selection:
    """Select terms as the plan states, but for the test for removal."""
    return select_terms(
        tally,
        outcome=plan.outcome,
        candidates=terms,
        method=plan.method,
        entry=plan.entry,
        removal=plan.removal,
        removal_test=removal_test,
        max_iterations=plan.max_iterations,
        confidence_level=confidence_level,
    )


def _labels(cohort: Cohort, fit: LogisticFit) -> dict[str, str]:
    """Label the columns of a model: the variable's label, and the level it stands for."""
    labels = {"intercept": "Intercept"}
    # What is left out is named too.
    blocks = [*fit.blocks.items(), *((column.partition(": ")[0], (column,)) for column in fit.dropped)]
    for term, columns in blocks:
        for column in columns:
            level = column.removeprefix(f"{term}: ") if column != term else ""
            labels[column] = f"{cohort.study.label(term)}: {level}" if level else with_unit(cohort, term)
    return labels
