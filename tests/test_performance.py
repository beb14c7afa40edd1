"""performance.py and collinearity.py against R, by hand, at their edges."""

import doctest
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from logistic_cases import birthwt, separated
from performance_comparisons import _performance, predicted, values
from tallystats.regression import collinearity, performance
from tallystats.regression.collinearity import variance_inflation
from tallystats.regression.performance import calibration, concordance, hosmer_lemeshow
from tallystats.results import UndefinedWarning
from tallystats.tally import Tally


@pytest.mark.parametrize("one", list(_performance()), ids=str)
def test_equals_r(one):
    assert one.difference() < one.tolerance


def tally(*cells):
    return Tally(pd.DataFrame(cells, columns=["died", "prediction", "n"]).astype({"died": bool}))


def test_concordance_of_a_small_tied_case_equals_r():
    known = values("tied")
    found = concordance(tally((0, 1.0, 6), (1, 1.0, 2), (0, 2.0, 3), (1, 2.0, 4)), outcome="died", prediction="prediction")
    assert_allclose([found.estimate, found.conf_low, found.conf_high], list(known.values()), rtol=1e-10)


@st.composite
def predicted_patients(draw):
    cells = draw(st.lists(st.tuples(st.booleans(), st.integers(1, 19), st.integers(1, 4)), min_size=2, max_size=12))
    return tally(*((died, at / 20, n) for died, at, n in [(True, 3, 1), (False, 5, 1), *cells]))


@given(predicted_patients())
@pytest.mark.filterwarnings("ignore::tallystats.results.UndefinedWarning")
def test_from_tally_equals_from_rows(patients):
    rows = patients.expand()
    one = Tally(rows.assign(n=1))  # patterns need not be counted together
    for statistic in (concordance, hosmer_lemeshow, calibration):
        options = {"outcome": "died", "prediction": "prediction"}
        for a, b in zip(numbers(statistic(patients, **options)), numbers(statistic(one, **options)), strict=True):
            assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def numbers(result):
    """Return every number of a result."""
    found = [getattr(result, name) for name in result.__dataclass_fields__]
    return [value for value in found if isinstance(value, float | int | tuple)]


@given(predicted_patients())
@pytest.mark.filterwarnings("ignore::tallystats.results.UndefinedWarning")
def test_concordance_is_the_share_of_pairs(patients):
    rows = patients.expand()
    with_it = rows.loc[rows["died"], "prediction"].to_numpy()[:, None]
    without = rows.loc[~rows["died"], "prediction"].to_numpy()[None, :]
    share = ((with_it > without) + 0.5 * (with_it == without)).mean()
    found = concordance(patients, outcome="died", prediction="prediction")
    assert found.estimate == pytest.approx(share, abs=1e-12)
    turned = Tally(patients.frame.assign(died=~patients.frame["died"]))
    assert concordance(turned, outcome="died", prediction="prediction").estimate == pytest.approx(1 - share, abs=1e-12)


@given(predicted_patients(), st.sampled_from(["blocks", "quantiles"]))
@pytest.mark.filterwarnings("ignore::tallystats.results.UndefinedWarning")
def test_equal_predictions_stay_together(patients, binning):
    found = hosmer_lemeshow(patients, outcome="died", binning=binning)
    assert sum(found.totals) == patients.total
    assert sum(found.events) == patients.frame.loc[patients.frame["died"], "n"].sum()
    assert all(high < low for high, low in zip(found.high, found.low[1:], strict=False))
    assert found.df == max(len(found.totals) - 2, 0)
    assert_allclose(sum(found.expected), (patients.frame["prediction"] * patients.frame["n"]).sum())


def test_calibration_of_the_fitted_model_is_perfect_by_construction():
    found = calibration(predicted("birthwt")[1], outcome="low")
    assert_allclose([found.in_the_large, found.intercept, found.slope], [0, 0, 1], atol=1e-8)


def test_brier_score_is_told_against_the_rate_for_everybody():
    with pytest.warns(UndefinedWarning, match="the predictions are all the same"):
        found = calibration(tally((0, 0.25, 6), (1, 0.25, 2)), outcome="died")
    assert (found.brier, found.brier_max, found.scaled_brier) == (0.1875, 0.1875, 0.0)
    assert math.isnan(found.slope)
    assert found.reason == "the predictions are all the same"


UNDEFINED = [
    (concordance, ((1, 0.2, 3),), "died is the same in all 3 patients"),
    (concordance, ((1, 0.2, 1), (0, 0.1, 4)), "one patient alone has the outcome, or lacks it: no variance"),
    (concordance, ((1, 0.9, 2), (0, 0.1, 4)), "the predictions tell all patients with the outcome from those without"),
    (hosmer_lemeshow, ((1, 0.9, 2), (0, 0.1, 4)), "equal predictions leave 2 groups; at least 3 are needed"),
    (calibration, ((1, 0.2, 3),), "died is the same in all 3 patients"),
    (calibration, ((1, 1.0, 3), (0, 0.5, 4)), "a prediction is exactly 0 or 1"),
    (calibration, ((1, 0.9, 3), (0, 0.5, 4)), "the predictions separate the outcome"),
]


@pytest.mark.parametrize(("statistic", "cells", "text"), UNDEFINED)
def test_undefined_says_why(statistic, cells, text):
    with pytest.warns(UndefinedWarning, match=text):
        found = statistic(tally(*cells), outcome="died", prediction="prediction")
    assert text in found.reason


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"prediction": "age"}, "prediction: 'age' is not in the tally; expected one of died, prediction"),
        ({"outcome": "prediction"}, "outcome: 'prediction' is of type float64; expected boolean"),
        ({"confidence_level": 95}, "confidence_level: 95; expected a number between 0 and 1"),
    ],
)
def test_errors(options, text):
    with pytest.raises(ValueError, match=text):
        concordance(tally((1, 0.2, 1)), **{"outcome": "died", "prediction": "prediction"} | options)


def test_errors_of_groups_spans_and_probabilities():
    good = tally((1, 0.2, 1), (0, 0.3, 2))
    with pytest.raises(ValueError, match="groups: 2; expected at least 3"):
        hosmer_lemeshow(good, outcome="died", groups=2)
    with pytest.raises(ValueError, match="binning: 'deciles'; expected blocks or quantiles"):
        hosmer_lemeshow(good, outcome="died", binning="deciles")
    with pytest.raises(ValueError, match="span: 0; expected a share above 0 and at most 1"):
        calibration(good, outcome="died", span=0)
    with pytest.raises(ValueError, match=r"'prediction' holds 1\.2; expected probabilities from 0 to 1"):
        calibration(tally((1, 1.2, 1)), outcome="died")
    with pytest.raises(ValueError, match="no patient has both 'died' and 'prediction'"):
        concordance(tally((1, math.nan, 1)), outcome="died", prediction="prediction")


def test_missing_predictions_are_counted():
    found = concordance(tally((1, 0.2, 2), (0, 0.1, 3), (0, 0.3, 2), (1, math.nan, 4)), outcome="died", prediction="prediction")
    assert (found.n, found.events, found.n_missing) == (7, 2, 4)


def test_inflation_of_one_term_is_one():
    assert variance_inflation(birthwt(), outcome="low", terms=["race"]).estimates == pytest.approx((1.0,))


def test_inflation_is_undefined_under_separation():
    with pytest.warns(UndefinedWarning, match="the terms separate the outcome: an infinite estimate has no variance"):
        found = variance_inflation(separated(), outcome="failed", terms=["cement", "late"])
    assert np.isnan(found.estimates).all()
    assert list(found.frame["df"]) == [1, 1]


def test_inflation_needs_a_column_and_both_outcomes():
    rows = Tally.from_rows(pd.DataFrame({"x": [1.0, 1.0], "y": [True, False]}))
    with pytest.raises(ValueError, match="no column of x is left; expected one that varies"):
        variance_inflation(rows, outcome="y", terms=["x"])
    rows = Tally.from_rows(pd.DataFrame({"x": [1.0, 2.0], "y": [True, True]}))
    with pytest.raises(ValueError, match="'y' is the same in all 2 complete patients"):
        variance_inflation(rows, outcome="y", terms=["x"])


def test_inflation_does_not_hang_on_units():
    frame = birthwt().frame
    terms = ["smoke", "lwt", "race"]
    other = variance_inflation(Tally(frame.assign(lwt=1e6 + 0.45 * frame["lwt"])), outcome="low", terms=terms)
    assert_allclose(other.estimates, variance_inflation(birthwt(), outcome="low", terms=terms).estimates, rtol=1e-6)


@pytest.mark.parametrize("module", [performance, collinearity])
def test_examples(module):
    tested = doctest.testmod(module)
    assert tested.attempted > 0
    assert tested.failed == 0
