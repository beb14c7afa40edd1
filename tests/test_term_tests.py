"""term_tests.py and profile.py against R, at their edges, and against each other."""

import doctest
import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import chi2

from alike import near
from logistic_cases import birthwt, separated, table
from logistic_comparisons import comparisons
from tallystats.regression import profile, term_tests
from tallystats.regression.logistic import EXACT_CHANGE, EXACT_ITERATIONS, fit_logistic
from tallystats.results import UndefinedWarning
from tallystats.tally import Tally

EXACT = {"max_iterations": EXACT_ITERATIONS, "tolerance": EXACT_CHANGE}


@pytest.mark.parametrize("comparison", comparisons("term_tests"), ids=str)
def test_equals_r(comparison):
    assert comparison.difference() < comparison.tolerance


def test_both_intervals_of_a_fit_are_there():
    options = {"outcome": "low", "terms": ["smoke", "ht"], "confidence_level": 0.9, **EXACT}
    wald, profiled = (fit_logistic(birthwt(), intervals=how, **options) for how in ("wald", "profile"))
    assert (wald.intervals, profiled.intervals) == ("wald", "profile")
    assert wald.wald_interval == near(profiled.wald_interval)
    assert_allclose(wald.wald_interval, (wald.conf_low, wald.conf_high), rtol=1e-12)
    assert_allclose(wald.conf_low, profiled.conf_low, rtol=0.3)
    assert profiled.method == "maximum likelihood, Wald's P, profile intervals, at most 100 Newton steps"
    with pytest.raises(ValueError, match="intervals: 'score'; expected wald or profile"):
        fit_logistic(birthwt(), intervals="score", **options)


def test_how_a_fit_ended_is_told():
    reached = fit_logistic(birthwt(), outcome="low", terms=["smoke"], **EXACT)
    assert (reached.converged, reached.limit) == (True, 100)
    assert max(reached.last_step, reached.gradient) < 1e-8
    stopped = fit_logistic(separated(), outcome="failed", terms=["cement"])
    assert (stopped.converged, stopped.iterations, stopped.limit) == (False, 20, 20)
    assert_allclose(stopped.last_step, 1, rtol=1e-6)  # so far goes an infinite estimate at every step
    assert stopped.gradient < 1e-6  # while the likelihood hardly rises


@pytest.mark.parametrize("sign", [1, -1])
def test_an_infinite_estimate_has_half_an_interval(sign):
    """Its end: where everybody without cement surely has no failure, and twice the log-likelihood has fallen by 3.84."""
    cells = [(int(sign < 0), 0, 51), (int(sign > 0), 0, 18), (int(sign > 0), 1, 3)]
    fit = fit_logistic(table(cells, "x", "y"), outcome="y", terms=["x"], intervals="profile")
    ends = (fit.conf_low[1], fit.conf_high[1])
    assert ends[sign > 0] == sign * math.inf
    top = 3 * math.log(3 / 21) + 18 * math.log(18 / 21)

    def height(b):  # the intercept by golden section
        grid = np.linspace(-12, 3, 200_001)
        return (-51 * np.logaddexp(0, grid) - 18 * np.logaddexp(0, grid + b) + 3 * (grid + b - np.logaddexp(0, grid + b))).max()

    assert_allclose(2 * (top - height(sign * ends[sign < 0])), chi2.isf(0.05, 1), rtol=1e-6)


@given(st.lists(st.integers(1, 9), min_size=8, max_size=8))
@settings(max_examples=10)
def test_interval_and_likelihood_ratio_agree(counts):
    cells = [(a, b, y, n) for (a, b, y), n in zip(itertools.product((0, 1), repeat=3), counts, strict=True)]
    tally = table(cells, "a", "b", "y")
    fit = fit_logistic(tally, outcome="y", terms=["a", "b"], intervals="profile", **EXACT)
    tests = term_tests.term_tests(tally, outcome="y", terms=["a", "b"])
    for name in ("a", "b"):
        low, high = (ends[fit.terms.index(name)] for ends in (fit.conf_low, fit.conf_high))
        p = tests.p_value(name, "lr")
        assert low < fit.estimates[fit.terms.index(name)] < high
        assert abs(p - 0.05) < 1e-6 or (p < 0.05) == (not low <= 0 <= high)
    assert_allclose(tests.p_value("model", "lr"), fit.likelihood_ratio[2], rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize(("unit", "origin"), [(0.001, 0.0), (365.25, 2015.0), (86400.0, 1.4e9)])
def test_units_and_origin_of_a_number_do_not_matter(unit, origin):
    rows = birthwt().expand()
    options = {"outcome": "low", "terms": ["smoke", "lwt"], "intervals": "profile"}
    plain = fit_logistic(birthwt(), **options)
    fit = fit_logistic(Tally.from_rows(rows.assign(lwt=rows["lwt"] * unit + origin)), **options)
    assert_allclose([fit.conf_low[2] * unit, fit.conf_high[2] * unit], [plain.conf_low[2], plain.conf_high[2]], rtol=1e-6)
    assert_allclose(fit.conf_low[1], plain.conf_low[1], rtol=1e-6)


def test_an_end_that_is_not_found_is_said(monkeypatch):
    monkeypatch.setattr(profile, "REACH", 0.1)
    with pytest.warns(UndefinedWarning, match="no lower end of the profile interval was found"):
        fit = fit_logistic(birthwt(), outcome="low", terms=["ht"], intervals="profile")
    assert fit.problems["ht"].endswith("no upper end of the profile interval was found")
    assert math.isnan(fit.conf_low[1])


def test_terms_with_infinite_estimates_are_named():
    found = term_tests.term_tests(separated(), outcome="failed", terms=["cement", "late"])
    assert found.separated == ("cement",)
    assert found.p_value("cement", "wald") > 0.99
    assert found.p_value("cement", "lr") < 0.05
    assert math.isnan(found.p_value("weak", "lr"))
    assert set(found.frame["method"]) == {"wald", "lr", "score"}
    assert found.frame["n"].unique().tolist() == [72]


def test_without_columns_there_is_nothing_to_test():
    found = term_tests.term_tests(table([(1, 0, 6), (1, 1, 3)], "x", "y"), outcome="y", terms=["x"])
    assert found.tests == ()
    with pytest.raises(ValueError, match="'y' is the same in all 6 complete patients"):
        term_tests.term_tests(table([(1, 0, 6)], "x", "y"), outcome="y", terms=["x"])


def test_patients_without_a_value_are_counted():
    rows = pd.DataFrame({"x": [0.0, 1, 2, 3, None, 5], "y": pd.array([0, 1, 0, 1, 1, None], dtype="boolean")})
    found = term_tests.term_tests(Tally.from_rows(rows), outcome="y", terms=["x"])
    assert (found.n, found.events, found.n_missing) == (4, 2, 2)


def test_examples():
    assert doctest.testmod(term_tests).failed == 0
