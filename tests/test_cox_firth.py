"""cox_firth.py against an R script from the definition, against closed forms, refusals and invariants."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import approx_fprime

from alike import assert_alike
from survival_cases import rows_of, survival_rows, survival_tally
from survival_comparisons import FIRTH_COX, comparisons, cox_rows
from tallystats.survival import cox_firth
from tallystats.survival.cox import cox_regression
from tallystats.survival.cox_firth import _PenalisedCox, firth_cox
from tallystats.survival.partial_likelihood import RiskRows
from tallystats.tally import Tally

WHERE = {"time": "time", "event": "event"}


@pytest.mark.parametrize("comparison", comparisons("cox_firth"), ids=str)
def test_model_equals_the_definition(comparison):
    assert comparison.difference() < comparison.tolerance


def test_cases_are_monotone_where_they_say_so():
    for case, _, terms, options in FIRTH_COX:
        fit = cox_regression(Tally.from_rows(cox_rows(case)), **WHERE, terms=terms, events_per_column=1, **options)
        assert (fit.refused is None) == (case != "monotone")


def test_one_event_has_a_closed_form():
    # One event among a carriers and b others: l + log|I|/2 is highest where the odds of the carrier are 3 to 1.
    fit = firth_cox(survival_tally([1, 2, 2, 2], [True, False, False, False], x=[1.0, 1, 0, 0]), **WHERE, terms=["x"])
    assert_allclose(fit.estimates[0], np.log(3), rtol=1e-9)
    assert fit.problems == {}
    assert (fit.n, fit.events, fit.refused) == (4, 1, None)


def test_all_tied_everybody_with_the_event_is_flat():
    # Efron's likelihood of all at once changes with x nevertheless; of one patient at risk it does not.
    fit = firth_cox(survival_tally([3], [True], x=[1.0]), **WHERE, terms=["x"])
    assert fit.refused == "no term varies among the complete patients"
    fit = firth_cox(survival_tally([3] * 4, [True] * 4, x=[1.0, 1, 0, 0]), **WHERE, terms=["x"])
    assert_allclose(fit.estimates[0], 0, atol=1e-8)  # symmetric


REFUSED = {
    "no event": (survival_tally([1, 2], [False, False], x=[1.0, 2]), "nobody has the event"),
    "constant": (survival_tally([1, 2], [True, True], x=[2.0, 2]), "no term varies among the complete patients"),
    "differs only in who left before": (
        survival_tally([1, 2, 3, 4], [False, True, True, True], x=[7.0, 1, 1, 1]),
        "flat likelihood: those at risk at the events do not tell the effects of x apart",
    ),
}


@pytest.mark.parametrize("tally, reason", REFUSED.values(), ids=REFUSED)
def test_refusal_says_why(tally, reason):
    fit = firth_cox(tally, **WHERE, terms=["x"])
    assert (fit.refused, fit.terms, len(fit.frame)) == (reason, (), 0)


def test_what_is_not_found_is_said(monkeypatch):
    tally = Tally.from_rows(cox_rows("monotone"))
    monkeypatch.setattr(cox_firth, "MAX_ITERATIONS", 0)
    assert firth_cox(tally, **WHERE, terms=["x"]).refused == "the fit did not converge"
    monkeypatch.undo()
    monkeypatch.setattr(cox_firth, "REACH", 0)
    fit = firth_cox(tally, **WHERE, terms=["x"])
    assert fit.problems["x"].startswith("no lower end of the profile interval was found")
    assert math.isnan(fit.conf_low[0])
    monkeypatch.undo()
    real = _PenalisedCox.maximise
    monkeypatch.setattr(
        _PenalisedCox, "maximise", lambda self, start, fixed=None: real(self, start) if fixed is None else (start, 0.0, False)
    )
    fit = firth_cox(tally, **WHERE, terms=["x"])
    assert fit.problems["x"].startswith("the model without it did not converge; no lower end")
    assert math.isnan(fit.p_values[0])


def test_slope_is_the_derivative_of_the_value():
    draw = np.random.default_rng(3)
    x = draw.normal(size=(40, 3))
    rows = RiskRows(
        x=x,
        entry=np.full(40, -np.inf),
        exit=draw.integers(1, 9, 40).astype(float),
        event=draw.random(40) < 0.5,
        stratum=draw.integers(0, 2, 40),
    )
    model, beta = _PenalisedCox(rows, x), np.array([0.4, -0.3, 0.9])
    assert_allclose(model.slope(beta), approx_fprime(beta, model.value, 1e-7), rtol=1e-5)


def test_a_reflected_and_scaled_term():
    rows = cox_rows("monotone")
    plain = firth_cox(Tally.from_rows(rows), **WHERE, terms=["x", "z"])
    turned = firth_cox(Tally.from_rows(rows.assign(x=1 - rows["x"], z=rows["z"] * 100 + 7)), **WHERE, terms=["x", "z"])
    assert_allclose(turned.estimates, np.array(plain.estimates) * [-1, 0.01], rtol=1e-7)
    assert_allclose(turned.conf_low, [-plain.conf_high[0], plain.conf_low[1] / 100], rtol=1e-7)
    assert_allclose(turned.p_values, plain.p_values, rtol=1e-7)


def test_much_data_gives_what_maximum_likelihood_gives():
    rows = pd.concat([rows_of("drawn")] * 8)
    firth, plain = (fit(Tally.from_rows(rows), **WHERE, terms=["x1", "x2"]) for fit in (firth_cox, cox_regression))
    assert_allclose(firth.estimates, plain.estimates, rtol=0.02)
    assert_allclose(firth.std_errors, plain.std_errors, rtol=0.01)


def test_missing_values_and_terms_that_say_nothing():
    rows = rows_of("drawn").assign(again=lambda d: 2 * d["x2"])
    rows.loc[0, "time"], rows.loc[1, "x2"], rows.loc[2, "stratum"] = np.nan, np.nan, None
    fit = firth_cox(Tally.from_rows(rows), **WHERE, terms=["x2", "again"], strata="stratum")
    assert (fit.n, fit.n_missing) == (87, 3)
    assert fit.dropped == {"again": "the terms before it determine it"}
    assert fit.method == "Firth's penalised Cox, Efron's ties, stratified by stratum, profile intervals, likelihood-ratio P"


@pytest.mark.parametrize(
    "options, message",
    [
        ({"terms": ["y"]}, "terms: 'y' is not in the tally; expected one of time, event, x"),
        ({"strata": "ward"}, "strata: 'ward' is not in the tally; expected one of time, event, x"),
        ({"entry": "x"}, "entry: 1 of 2 patients have 'time' no later than 'x'"),
        ({"confidence_level": 0}, "confidence_level: 0; expected a number between 0 and 1"),
    ],
)
def test_errors_name_the_argument_and_the_expectation(options, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        firth_cox(survival_tally([1, 2], [True, True], x=[1.0, 1]), **{**WHERE, "terms": ["x"], **options})


def test_frame_is_tidy():
    frame = firth_cox(Tally.from_rows(cox_rows("monotone")), **WHERE, terms=["x"]).frame
    assert {"term", "estimate", "std_error", "p_value", "conf_low", "conf_high", "n", "method"} <= set(frame.columns)
    assert_allclose(frame["hazard_ratio"], np.exp(frame["estimate"]))


patients = st.lists(st.tuples(st.integers(1, 6), st.booleans(), st.integers(0, 1)), min_size=4, max_size=16)


@given(patients, patients)
def test_a_finite_estimate_between_its_limits_whoever_adds_up(one, two):
    def of(drawn):
        times, events, x = zip(*drawn, strict=True)
        return Tally.from_rows(survival_rows(times, events, x=pd.Series(x, dtype=float)))

    fit = firth_cox(of(one + two), **WHERE, terms=["x"])
    assert_alike(firth_cox(of(one) + of(two), **WHERE, terms=["x"]), fit)
    if not fit.refused and not fit.problems:
        assert np.isfinite(fit.estimates[0])
        assert fit.conf_low[0] < fit.estimates[0] < fit.conf_high[0]
