"""The planned model by every method that small numbers call for: tests side by side, exact inference, predictions."""

from __future__ import annotations

import pandas as pd

from cohortbook.sections.comparison.analysis import protected
from cohortbook.sections.model.models import ModelStudy
from studyfile.cohort.cohort import Cohort
from studyfile.plan import model_tally
from tallystats.regression.exact import ExactFit, exact_logistic
from tallystats.regression.flic import Predictions, firth_predictions
from tallystats.regression.term_tests import TermTests, term_tests
from tallystats.results import NotPlanned, Result, quiet, result


@result
class ModelMethods(Result):
    """The model of all candidates by methods beyond maximum likelihood.

    Attributes
    ----------
    model : ModelStudy
    tests : TermTests
        Wald's, score and likelihood-ratio tests of the whole model and each term.
    exact : ExactFit or NotPlanned
        NotPlanned when the plan has `exact: false`, or numbers have no common unit.
    predictions : Predictions or NotPlanned
        Of every covariate pattern, by Firth's method and its corrections; absent where small counts are hidden.
    """

    model: ModelStudy
    tests: TermTests
    exact: ExactFit | NotPlanned
    predictions: Predictions | NotPlanned
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a term and method: `term, statistic, df, p_value, n, method`."""
        rows = [
            {"term": term, "statistic": statistic, "df": df, "p_value": p, "method": "firth", "n": self.model.firth.n}
            for term, (statistic, df, p) in self.model.firth.tests.items()
        ]
        for test in self.exact.tests.values() if self.exact else ():
            for method, p in (("exact", test.p_value), ("exact mid-P", test.mid_p_value)):
                rows.append(
                    {
                        "term": test.term,
                        "statistic": test.statistic,
                        "df": test.df,
                        "p_value": p,
                        "method": method,
                        "n": self.exact.n,
                    }
                )
        return pd.concat([self.tests.frame, pd.DataFrame(rows)], ignore_index=True)


@protected
@quiet()
def model_methods(cohort: Cohort, model: ModelStudy | NotPlanned) -> ModelMethods | NotPlanned:
    """Carry the model of all candidates through the methods that stand beside maximum likelihood.

    Parameters
    ----------
    cohort : Cohort
    model : ModelStudy or NotPlanned
        What `study_model` found in this cohort.

    Returns
    -------
    ModelMethods or NotPlanned
        NotPlanned when the model is.
    """
    if not model:
        return model
    plan, terms = model.plan, model.screening.candidates
    where = {"outcome": plan.outcome, "terms": terms}
    tally = model_tally(cohort, terms)
    exact: ExactFit | NotPlanned = NotPlanned("The study file leaves exact inference out (model: exact: false).")
    if plan.exact:
        try:
            exact = exact_logistic(tally, confidence_level=model.full.confidence_level, **where)
        except ValueError as refused:  # values without a common unit
            exact = NotPlanned(f"No exact inference. {refused}.")
    return ModelMethods(
        model=model,
        tests=term_tests(tally, max_iterations=plan.max_iterations, **where),
        exact=exact,
        predictions=firth_predictions(tally, fit=model.firth, **where),
        provenance=model.provenance,
    )
