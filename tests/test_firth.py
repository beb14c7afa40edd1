"""firth.py against a maximum found by R's optimisers from the definition, firthmodels, and the closed form of 2 x 2."""

import doctest
import math
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from logistic_cases import birthwt, endometrial, number, separated, table
from logistic_comparisons import comparisons
from tallystats.regression import firth
from tallystats.regression.firth import firth_logistic
from tallystats.tally import Tally

CASES = {
    "firth_separated": (separated, "failed", ["cement", "late", "weak"], 0.95),
    "firth_birthwt": (birthwt, "low", ["smoke", "ht", "ui"], 0.9),
}


@pytest.mark.parametrize("case", list(CASES))
@pytest.mark.parametrize("quantity", ["estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"])
def test_penalised_likelihood_equals_r_from_the_definition(case, quantity):
    data, outcome, terms, level = CASES[case]
    fit = firth_logistic(data(), outcome=outcome, terms=terms, confidence_level=level)
    wanted = [number(case, f"{name}:{quantity}") for name in ("intercept", *terms)]
    assert_allclose(fit.frame[quantity], wanted, rtol=1e-6)
    assert fit.converged
    assert not fit.problems


@pytest.mark.parametrize("case", list(CASES))
def test_maximum_equals_r(case):
    data, outcome, terms, _ = CASES[case]
    fit = firth_logistic(data(), outcome=outcome, terms=terms)
    assert_allclose(fit.penalised_log_likelihood, number(case, "penalised_log_likelihood"), rtol=1e-10)


@pytest.mark.parametrize("comparison", [c for c in comparisons("firth") if c.statistic.startswith("Firth")], ids=str)
def test_equals_brglm2(comparison):
    assert comparison.difference() < comparison.tolerance


def test_published_example():
    """Heinze and Schemper (2002), table 3: estimates and profile intervals of endometrial cancer, as printed."""
    fit = firth_logistic(endometrial(), outcome="hg", terms=["nv", "pi", "eh"])
    assert_allclose(fit.estimates[1:], [2.929, -0.035, -2.604], rtol=0, atol=5e-4)
    assert_allclose(fit.conf_low[1:], [0.610, -0.124, -4.365], rtol=0, atol=5e-4)
    assert_allclose(fit.conf_high[1:], [7.855, 0.040, -1.233], rtol=0, atol=5e-4)


def test_equals_firthmodels():
    from firthmodels import FirthLogisticRegression

    rows = separated().expand()
    peer = FirthLogisticRegression(max_iter=200, gtol=1e-10, xtol=1e-10)
    with warnings.catch_warnings():  # it is asked for more digits than its last step can show
        warnings.simplefilter("ignore")
        peer.fit(rows[["cement", "late", "weak"]].to_numpy(float), rows["failed"].to_numpy(int))
    fit = firth_logistic(separated(), outcome="failed", terms=["cement", "late", "weak"])
    assert_allclose(fit.estimates[1:], peer.coef_, rtol=1e-6)
    assert_allclose(fit.estimates[0], peer.intercept_, rtol=1e-6)


@given(st.lists(st.integers(0, 25), min_size=4, max_size=4).filter(lambda c: c[0] + c[1] and c[2] + c[3]))
def test_one_binary_term_adds_a_half_to_each_cell(counts):
    a, b, c, d = (k + 0.5 for k in counts)
    cells = [(x, y, n) for (x, y), n in zip([(0, 0), (0, 1), (1, 0), (1, 1)], counts, strict=True) if n]
    fit = firth_logistic(table(cells, "x", "y"), outcome="y", terms=["x"])
    assert_allclose(fit.estimates[1], math.log(a * d / (b * c)), rtol=1e-6, atol=1e-8)
    assert fit.conf_low[1] < fit.estimates[1] < fit.conf_high[1]
    # The test and the interval come from one profile: P is below 0.05 exactly when 0 lies outside.
    if abs(fit.p_values[1] - 0.05) > 1e-6:
        assert (fit.p_values[1] < 0.05) == (not fit.conf_low[1] <= 0 <= fit.conf_high[1])


def test_recoding_inverts():
    cells = [(0, 0, 51), (1, 0, 18), (1, 1, 3)]
    fit = firth_logistic(table(cells, "x", "y"), outcome="y", terms=["x"])
    turned = firth_logistic(table([(1 - x, y, n) for x, y, n in cells], "x", "y"), outcome="y", terms=["x"])
    assert_allclose(turned.estimates[1], -fit.estimates[1], rtol=1e-8)
    assert_allclose(turned.conf_low[1], -fit.conf_high[1], rtol=1e-6)
    assert_allclose(turned.p_values[1], fit.p_values[1], rtol=1e-8)


def test_a_profile_that_is_not_found_is_said(monkeypatch):
    monkeypatch.setattr(firth, "REACH", 0.5)
    fit = firth_logistic(separated(), outcome="failed", terms=["cement"])
    assert np.isnan(fit.conf_high[1])
    assert fit.problems["cement"].startswith("no ")


def test_a_fit_that_does_not_converge_is_said(monkeypatch):
    monkeypatch.setattr(firth, "MAX_ITERATIONS", 1)
    fit = firth_logistic(separated(), outcome="failed", terms=["cement"])
    assert not fit.converged
    assert fit.problems["model"] == "not converged after 1 steps"


def test_second_failure_does_not_hide_the_first(monkeypatch):
    monkeypatch.setattr(firth, "REACH", 0.5)
    fit = firth_logistic(separated(), outcome="failed", terms=["weak"])
    assert fit.problems["weak"] == (
        "no lower end of the profile interval was found; no upper end of the profile interval was found"
    )


@pytest.mark.parametrize("origin", [0.0, 2015.0, 45_000.0])
@pytest.mark.parametrize("unit", [0.001, 1.0, 400.0])
@pytest.mark.parametrize("y", [[0, 1, 0, 1, 1, 0], [0, 0, 0, 1, 1, 1]], ids=["overlapping", "separated"])
def test_nothing_hangs_on_units(origin, unit, y):
    def fitted(origin, unit):
        rows = pd.DataFrame({"x": [origin + unit * k for k in range(6)], "y": pd.array(y, dtype="boolean")})
        return firth_logistic(Tally.from_rows(rows), outcome="y", terms=["x"])

    fit, plain = fitted(origin, unit), fitted(0.0, 1.0)
    assert not fit.problems
    for name in ("estimates", "std_errors", "conf_low", "conf_high"):
        assert_allclose(getattr(fit, name)[1] * unit, getattr(plain, name)[1], rtol=1e-5)
    assert_allclose(fit.p_values[1], plain.p_values[1], rtol=1e-6)
    # Of the raw columns: log|I| grows by twice the logarithm of the unit.
    assert_allclose(fit.penalised_log_likelihood - math.log(unit), plain.penalised_log_likelihood, rtol=1e-8)


def test_curvature_is_the_slopes_derivative():
    rng = np.random.default_rng(1)
    x = np.column_stack([np.ones(12), rng.normal(size=(12, 2))])
    model = firth._Penalised(x, (rng.random(12) < 0.5).astype(float), rng.integers(1, 5, 12).astype(float))
    at, width = rng.normal(size=3), 1e-6
    around = [(at + width * side, at - width * side) for side in np.eye(3)]
    slope, curvature, _ = model.slope_and_curvature(at)
    assert_allclose([(model.value(a) - model.value(b)) / (2 * width) for a, b in around], slope, rtol=1e-6)
    found = [(model.slope_and_curvature(a)[0] - model.slope_and_curvature(b)[0]) / (2 * width) for a, b in around]
    assert_allclose(found, -curvature, rtol=1e-5)


@given(st.integers(0, 10_000))
@settings(max_examples=15)
def test_profile_ends_lie_where_the_likelihood_has_fallen(seed):
    """Also where the terms nearly separate, which makes the profile anything but a parabola."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"a": rng.integers(-10, 10, 30).astype(float), "b": rng.random(30) < 0.4})
    rows["y"] = rng.random(30) < 1 / (1 + np.exp(-2 * (rows["a"] * 0.3 + rows["b"])))
    fit = firth_logistic(Tally.from_rows(rows), outcome="y", terms=["a", "b"])
    assert fit.converged
    for k, name in enumerate(fit.terms):
        assert name in fit.problems or fit.conf_low[k] < fit.estimates[k] < fit.conf_high[k]
        if name not in fit.problems and abs(fit.p_values[k] - 0.05) > 1e-4:
            assert (fit.p_values[k] < 0.05) == (not fit.conf_low[k] <= 0 <= fit.conf_high[k])


def test_a_constant_term_and_patients_without_a_value_are_named():
    rows = pd.DataFrame({"same": [1.0] * 6, "x": [0.0, 1, None, 0, 1, 1], "y": [True, False, True, False, True, True]})
    fit = firth_logistic(Tally.from_rows(rows), outcome="y", terms=["same", "x"])
    assert fit.dropped == {"same": "every patient has the same value"}
    assert (fit.terms, fit.n, fit.n_missing) == (("intercept", "x"), 5, 1)
    assert math.isnan(fit.p_value("same"))


def test_one_patient_and_no_events_have_estimates():
    """The penalised likelihood has its maximum where the plain one has none."""
    one = firth_logistic(table([(1, 1, 1)], "x", "y"), outcome="y", terms=["x"])
    assert (one.terms, one.n) == (("intercept",), 1)
    assert_allclose(one.estimates[0], math.log(1.5 / 0.5), rtol=1e-8)
    none = firth_logistic(table([(0, 0, 10), (1, 0, 4)], "x", "y"), outcome="y", terms=["x"])
    assert_allclose(none.estimates[1], math.log((0.5 / 4.5) / (0.5 / 10.5)), rtol=1e-8)


def test_confidence_level_is_checked():
    with pytest.raises(ValueError, match="confidence_level: 1; expected a number between 0 and 1"):
        firth_logistic(separated(), outcome="failed", terms=["weak"], confidence_level=1)


def test_examples():
    assert doctest.testmod(firth).failed == 0
