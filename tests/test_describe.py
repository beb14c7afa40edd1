"""describe.py against R, at its edges, and under row order and sums of tallies."""

import doctest
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from groups import numbers, reference
from tallystats.results import UndefinedWarning
from tallystats.statistics import describe
from tallystats.statistics.describe import frequencies, proportion_interval, shapiro_wilk, summarise
from tallystats.tally import Tally

R = reference("describe")
SAMPLES = [(case, data) for case in R for data in R[case] if case != "proportion"]
STATISTICS = ("n", "n_missing", "mean", "std_dev", "median", "q1", "q3", "minimum", "maximum")


def column(values, dtype="float64"):
    return Tally.from_rows(pd.DataFrame({"x": pd.Series(values, dtype=dtype)}))


@pytest.mark.parametrize(("case", "data"), SAMPLES, ids=[case for case, _ in SAMPLES])
def test_summary_and_shapiro_wilk_equal_r(case, data):
    expected = R[case][data]
    tally = column(numbers(data))
    for quantile_type in (6, 7):
        summary = summarise(tally, "x", quantile_type=quantile_type)
        for name in ("n", "mean", "std_dev", "minimum", "maximum"):
            assert_allclose(getattr(summary, name), expected[name], rtol=1e-12, err_msg=name)
        for name in ("q1", "median", "q3"):
            assert_allclose(getattr(summary, name), expected[f"{name}_{quantile_type}"], rtol=1e-14, err_msg=name)
    test = shapiro_wilk(tally, "x")
    assert_allclose(test.statistic, expected["shapiro_w"], rtol=1e-8)
    assert_allclose(test.p_value, expected["shapiro_p"], rtol=1e-6)  # R and scipy approximate a quantile differently


@pytest.mark.parametrize("data", R["proportion"])
@pytest.mark.parametrize("method", ["wilson", "clopper-pearson"])
def test_proportion_equals_r(data, method):
    count, total, level = numbers(data)
    result = proportion_interval(count, total, method=method, confidence_level=level)
    expected = R["proportion"][data]
    assert (result.events, result.total, result.estimate, result.method) == (count, total, count / total, method)
    assert_allclose(result.conf_low, expected[f"{method}_low"], rtol=1e-8, atol=1e-15)
    assert_allclose(result.conf_high, expected[f"{method}_high"], rtol=1e-8)


@pytest.mark.parametrize("method", ["wilson", "clopper-pearson"])
def test_proportion_limits_are_exact_at_the_ends(method):
    assert proportion_interval(0, 7, method=method).conf_low == 0
    assert proportion_interval(7, 7, method=method).conf_high == 1


def test_proportion_of_nobody_is_undefined():
    with pytest.warns(UndefinedWarning, match="there is no patient"):
        result = proportion_interval(0, 0)
    assert all(map(math.isnan, (result.estimate, result.conf_low, result.conf_high)))


@pytest.mark.parametrize(
    ("values", "reason", "n", "mean", "std_dev"),
    [
        ([], "no patient has a value", 0, math.nan, math.nan),
        ([None, None], "no patient has a value", 0, math.nan, math.nan),
        ([4.0, None], "one patient has no standard deviation", 1, 4.0, math.nan),
        ([0.1] * 3, None, 3, 0.1, 0.0),
    ],
    ids=["empty", "all missing", "one patient", "all tied"],
)
def test_summary_at_the_edges(values, reason, n, mean, std_dev, recwarn):
    summary = summarise(column(values), "x")
    assert (summary.n, summary.n_missing, summary.reason) == (n, len(values) - n, reason)
    assert_allclose((summary.mean, summary.std_dev), (mean, std_dev), rtol=0)
    assert_allclose((summary.q1, summary.median, summary.q3, summary.minimum, summary.maximum), [mean] * 5, rtol=0)
    assert [str(warning.message) for warning in recwarn] == ([f"summary of x: {reason}"] if reason else [])


@pytest.mark.parametrize(
    ("values", "reason"),
    [([1.0, 2.0, None], "fewer than three patients have a value"), ([3.0] * 9, "every patient has the same value")],
)
def test_shapiro_wilk_is_undefined_without_variation(values, reason):
    with pytest.warns(UndefinedWarning, match=reason):
        test = shapiro_wilk(column(values), "x")
    assert math.isnan(test.statistic)
    assert math.isnan(test.p_value)
    assert test.reason == reason


def test_frequencies_keep_order_and_empty_levels():
    levels = pd.CategoricalDtype(["low", "middle", "high"], ordered=True)
    result = frequencies(column(["high", "low", "high", None], levels), "x")
    assert (result.levels, result.counts, result.total, result.n_missing) == (("low", "middle", "high"), (1, 0, 2), 3, 1)
    assert_allclose(result.percents, (100 / 3, 0, 200 / 3))
    assert result.frame[["level", "count", "n"]].to_numpy().tolist() == [["low", 1, 3], ["middle", 0, 3], ["high", 2, 3]]


@pytest.mark.parametrize("dtype", ["bool", "boolean"])
def test_frequencies_of_a_boolean_are_false_and_true(dtype):
    result = frequencies(column([True, True], dtype), "x")
    assert (result.levels, result.counts) == ((False, True), (0, 2))


def test_frequencies_of_numbers_are_their_distinct_values():
    result = frequencies(column([4, 2, None, 4]), "x")
    assert (result.levels, result.counts, result.n_missing) == ((2.0, 4.0), (1, 2), 1)


def test_percents_of_nobody_are_undefined():
    with pytest.warns(UndefinedWarning, match="percents of x: no patient has a value"):
        result = frequencies(column([None], "boolean"), "x")
    assert result.counts == (0, 0)
    assert all(map(math.isnan, result.percents))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: summarise(column([1.0]), "y"), "variable: 'y' is not in the tally; expected one of x"),
        (lambda: summarise(column(["a"], "category"), "x"), "variable: 'x' is of type category; expected numbers"),
        (lambda: shapiro_wilk(column([True], "boolean"), "x"), "variable: 'x' is of type boolean; expected numbers"),
        (lambda: summarise(column([1.0]), "x", quantile_type=8), r"quantile_type: 8; expected 6 \(SPSS\) or 7 \(R\)"),
        (lambda: frequencies(column([1.0]), "y"), "variable: 'y' is not in the tally; expected one of x"),
        (lambda: proportion_interval(3, 2), "count, total: 3, 2; expected whole numbers with 0 <= count <= total"),
        (lambda: proportion_interval(0.5, 2), "count, total: 0.5, 2; expected whole numbers"),
        (lambda: proportion_interval(-1, 2), "count, total: -1, 2; expected whole numbers"),
        (lambda: proportion_interval(1, 2, method="wald"), "method: 'wald'; expected one of wilson, clopper-pearson"),
        (lambda: proportion_interval(1, 2, confidence_level=95), "confidence_level: 95; expected a number between 0 and"),
    ],
)
def test_errors_name_the_argument_and_the_expectation(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_provenance_and_group_travel():
    tally = Tally(column([1.0, 2, 3]).frame, "assumed")
    for statistic in (summarise, shapiro_wilk, frequencies):
        result = statistic(tally, "x", group="treated")
        assert (result.provenance, result.group) == ("assumed", "treated")
        assert set(result.frame["provenance"]) == {"assumed"}
    assert proportion_interval(1, 2, provenance="printed").frame.at[0, "provenance"] == "printed"


samples = st.lists(st.one_of(st.none(), st.integers(-9, 9).map(lambda k: k / 4)), min_size=3, max_size=25).filter(
    lambda values: len([value for value in values if value is not None]) > 1
)


@given(samples, st.randoms(use_true_random=False))
def test_tally_equals_rows_in_any_order(values, random):
    rows = pd.Series(values, dtype=float).dropna().to_numpy()
    shuffled = random.sample(values, len(values))
    summary = summarise(column(shuffled), "x")
    by_rows = (
        len(rows),
        len(values) - len(rows),
        rows.mean(),
        rows.std(ddof=1),
        np.median(rows),
        *np.quantile(rows, [0.25, 0.75], method="weibull"),
        rows.min(),
        rows.max(),
    )
    assert_allclose([getattr(summary, name) for name in STATISTICS], by_rows, rtol=1e-12, atol=1e-13)
    assert summary == summarise(column(values), "x")


@given(samples, samples)
def test_sum_of_two_hospitals_is_the_cohort(first, second):
    added = column(first) + column(second)
    assert summarise(added, "x") == summarise(column(first + second), "x")
    assert frequencies(added, "x") == frequencies(column(first + second), "x")


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.5, 0.999), st.sampled_from(["wilson", "clopper-pearson"]))
def test_proportion_mirrors_its_complement(events, others, level, method):
    if events + others == 0:
        return
    yes, no = (proportion_interval(k, events + others, method=method, confidence_level=level) for k in (events, others))
    assert yes.conf_low <= yes.estimate <= yes.conf_high
    assert_allclose((yes.conf_low, yes.conf_high), (1 - no.conf_high, 1 - no.conf_low), rtol=1e-9, atol=1e-12)


def test_examples_run():
    tested = doctest.testmod(describe)
    assert tested.attempted > 0
    assert tested.failed == 0
