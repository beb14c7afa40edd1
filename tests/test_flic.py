"""flic.py against its definitions in R, at its edges, and in what both corrections are for: the observed rate."""

import doctest
import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from alike import near
from logistic_cases import birthwt, separated, table
from logistic_comparisons import comparisons
from tallystats.regression import flic
from tallystats.regression.firth import firth_logistic
from tallystats.regression.flic import firth_predictions
from tallystats.results import UndefinedWarning
from tallystats.tally import Tally


@pytest.mark.parametrize("comparison", [c for c in comparisons("firth") if c.statistic.startswith("FL")], ids=str)
def test_equals_r(comparison):
    assert comparison.difference() < comparison.tolerance


@given(st.lists(st.integers(0, 6), min_size=8, max_size=8))
@settings(max_examples=12)
def test_mean_of_the_corrected_is_the_observed_rate(counts):
    """Whatever the data, separated or not."""
    cells = [(a, b, y, n) for (a, b, y), n in zip(itertools.product((0, 1), repeat=3), counts, strict=True)]
    if len({y for *_, y, n in cells if n}) < 2:
        return
    found = firth_predictions(table(cells, "a", "b", "y"), outcome="y", terms=["a", "b"])
    rate = found.events / found.n
    assert not found.problems
    assert_allclose([found.mean("flic"), found.mean("flac")], rate, rtol=1e-8)
    assert found.patterns[["n", "events"]].sum().tolist() == [found.n, found.events]
    assert found.patterns[list(flic.METHODS)].gt(0).all(axis=None)
    rows = firth_predictions(Tally.from_rows(table(cells, "a", "b", "y").expand()), outcome="y", terms=["a", "b"])
    assert_allclose(rows.patterns[list(flic.METHODS)], found.patterns[list(flic.METHODS)], rtol=1e-8)


def test_slopes_are_firths_in_flic_and_others_in_flac():
    terms = ["smoke", "race"]
    fit = firth_logistic(birthwt(), outcome="low", terms=terms)
    found = firth_predictions(birthwt(), outcome="low", terms=terms, fit=fit)
    assert found.firth == near(fit.estimates)
    assert found.flic[1:] == fit.estimates[1:]
    assert not np.allclose(found.flac[1:], fit.estimates[1:], rtol=1e-4)
    assert found.terms == ("intercept", "smoke", "race: other", "race: white")
    assert len(found.patterns) == 6
    assert_allclose(found.frame["observed"], found.patterns["events"] / found.patterns["n"])


def test_without_terms_every_probability_is_the_rate():
    found = firth_predictions(table([(1, 0, 6), (1, 1, 3)], "x", "y"), outcome="y", terms=["x"])
    assert found.dropped == {"x": "every patient has the same value"}
    assert_allclose(found.patterns[["flic", "flac"]].to_numpy(), [[1 / 3, 1 / 3]], rtol=1e-10)
    assert_allclose(found.patterns["firth"], 3.5 / 10, rtol=1e-8)


@pytest.mark.parametrize("value", [0, 1])
def test_one_outcome_is_refused(value):
    with pytest.raises(ValueError, match="outcome: 'y' is the same in all 8 complete patients; expected both values"):
        firth_predictions(table([(0, value, 5), (1, value, 3)], "x", "y"), outcome="y", terms=["x"])


def test_a_group_of_one_patient_has_a_probability():
    found = firth_predictions(table([(0, 0, 9), (0, 1, 2), (1, 1, 1)], "x", "y"), outcome="y", terms=["x"])
    odds = (1.5 / 0.5) / (2.5 / 9.5)  # a half is added to each cell
    assert_allclose(math.exp(found.flic[1]), odds, rtol=1e-6)
    assert found.patterns["n"].tolist() == [11, 1]


def test_patients_without_a_value_are_counted():
    rows = pd.DataFrame({"x": [0.0, 1, 0, 1, None, 1], "y": pd.array([0, 1, 0, 0, 1, None], dtype="boolean")})
    found = firth_predictions(Tally.from_rows(rows), outcome="y", terms=["x"])
    assert (found.n, found.events, found.n_missing) == (4, 1, 2)


def test_a_fit_that_does_not_converge_is_undefined_and_says_why(monkeypatch):
    monkeypatch.setattr(flic, "EXACT_ITERATIONS", 1)
    with pytest.warns(UndefinedWarning, match="predictions of failed: flac: its fit to the augmented data did not converge"):
        found = firth_predictions(separated(), outcome="failed", terms=["cement"])
    assert found.problems == {"flac": "its fit to the augmented data did not converge"}
    assert np.isnan(found.patterns["flac"]).all()
    assert found.patterns["flic"].notna().all()


def test_examples():
    assert doctest.testmod(flic).failed == 0
