"""linear.py against R, at its edges, and under shifted and scaled columns."""

import doctest
import math

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from several import REFERENCE, R
from tallystats.regression import linear
from tallystats.regression.linear import linear_regression
from tallystats.results import UndefinedWarning
from tallystats.tally import Tally

#: data set -> outcome, terms, and levels of its categoricals
MODELS = {
    "birthwt": ("bwt", ["age", "lwt", "race", "smoke", "ht", "ui"], {"race": ["white", "black", "other"]}),
    "mtcars": ("mpg", ["wt", "cyl", "late"], {"cyl": ["four", "six", "eight"]}),
    "warpbreaks": ("breaks", ["wool", "tension", "twice"], {"wool": ["A", "B"], "tension": ["L", "M", "H"]}),
}


def rows(name):
    frame = pd.read_csv(REFERENCE / f"linear_{name}.csv")
    levels = MODELS[name][2]
    return frame.astype({c: pd.CategoricalDtype(levels[c]) if c in levels else float for c in frame})


def fit(name, frame=None):
    outcome, terms, _ = MODELS[name]
    return linear_regression(Tally.from_rows(rows(name) if frame is None else frame), outcome=outcome, terms=terms)


@pytest.mark.parametrize("name", MODELS)
def test_fit_equals_r(name):
    found, expected = fit(name), R[f"linear_{name}"]
    for k, term in enumerate(found.terms):
        theirs = "(Intercept)" if k == 0 else term.replace(": ", "")
        columns = (found.estimates, found.std_errors, found.statistics, found.p_values, found.conf_low, found.conf_high)
        for column, quantity in zip(columns, ("estimate", "std_error", "t", "p", "low", "high"), strict=True):
            assert_allclose(column[k], expected[f"{theirs} {quantity}"], rtol=1e-8, err_msg=f"{term} {quantity}")
    model = (found.r_squared, found.adjusted_r_squared, found.residual_sd, found.statistic, found.p_value)
    assert_allclose(model, [expected[q] for q in ("r_squared", "adjusted", "residual_sd", "f", "f_p")], rtol=1e-8)
    for test in found.tests:
        if f"drop {test.term} f" in expected:
            both = [expected[f"drop {test.term} {q}"] for q in ("f", "p")]
            assert_allclose((test.statistic, test.p_value), both, rtol=1e-7)


def test_what_other_columns_determine_is_left_out_and_named():
    assert fit("warpbreaks").dropped == {"twice": "the terms before it determine it"}


def test_units_move_no_test():
    frame = rows("birthwt")
    moved = frame.assign(age=frame["age"] * 365.25 + 1e6, bwt=frame["bwt"] / 1000)
    plain, other = fit("birthwt"), fit("birthwt", moved)
    assert_allclose(other.p_values[1:], plain.p_values[1:], rtol=1e-6)
    assert_allclose((other.r_squared, other.residual_sd * 1000), (plain.r_squared, plain.residual_sd), rtol=1e-8)


def test_a_sum_of_tallies_is_the_whole_and_missing_values_are_counted():
    frame = rows("birthwt")
    frame.loc[3, "age"] = math.nan
    both = Tally.from_rows(frame[:90]) + Tally.from_rows(frame[90:])
    found = linear_regression(both, outcome="bwt", terms=MODELS["birthwt"][1])
    assert_allclose(found.estimates, fit("birthwt", frame).estimates, rtol=1e-9)
    assert (found.n, found.n_missing) == (188, 1)


@pytest.mark.parametrize(
    ("y", "x", "reason"),
    [
        ([1.0, 2.0], [1.0, 2.0], "2 patients are too few for 2 columns"),
        ([1.0, 2.0, 3.0], [2.0, 4.0, 6.0], "the columns determine the outcome"),
        ([4.0, 4.0, 4.0], [1.0, 2.0, 4.0], "every patient has the same value"),
    ],
)
def test_undefined_is_nan_with_a_reason(y, x, reason):
    with pytest.warns(UndefinedWarning, match=reason):
        found = linear_regression(Tally.from_rows(pd.DataFrame({"y": y, "x": x})), outcome="y", terms=["x"])
    assert found.reason == reason
    assert np.isnan(found.std_errors).all()
    assert np.isnan(found.p_value)


def test_without_columns_the_mean_is_left():
    found = linear_regression(Tally.from_rows(pd.DataFrame({"y": [1.0, 2, 6], "x": [1.0] * 3})), outcome="y", terms=["x"])
    assert (found.terms, found.estimates) == (("intercept",), (3.0,))
    assert found.dropped == {"x": "every patient has the same value"}
    assert_allclose(found.std_errors[0], np.std([1, 2, 6], ddof=1) / 3**0.5, rtol=1e-12)


def test_errors_name_the_outcome():
    tally = Tally.from_rows(pd.DataFrame({"y": [True, False], "x": [1.0, 2]}))
    with pytest.raises(ValueError, match="outcome: 'y' is of type bool; expected numbers"):
        linear_regression(tally, outcome="y", terms=["x"])


def test_examples_run():
    tested = doctest.testmod(linear)
    assert tested.attempted
    assert not tested.failed
