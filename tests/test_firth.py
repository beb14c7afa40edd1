"""firth.py against a maximum found by R's optimisers from the definition, firthmodels, and the closed form of 2 x 2."""

import doctest
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from cohortbook import firth
from cohortbook.firth import firth_logistic
from logistic_cases import birthwt, number, separated, table

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


def test_equals_firthmodels():
    from firthmodels import FirthLogisticRegression

    rows = separated().expand()
    peer = FirthLogisticRegression(max_iter=200, gtol=1e-10, xtol=1e-10)
    peer.fit(rows[["cement", "late", "weak"]].to_numpy(float), rows["failed"].to_numpy(int))
    fit = firth_logistic(separated(), outcome="failed", terms=["cement", "late", "weak"])
    assert_allclose(fit.estimates[1:], peer.coef_, rtol=1e-6)
    assert_allclose(fit.estimates[0], peer.intercept_, rtol=1e-6)


@given(st.lists(st.integers(0, 25), min_size=4, max_size=4).filter(lambda c: c[0] + c[1] and c[2] + c[3]))
@settings(max_examples=60, deadline=None)
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


def test_examples():
    assert doctest.testmod(firth).failed == 0
