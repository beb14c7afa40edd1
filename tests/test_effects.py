"""effects.py against R, at its edges, and under swapped groups."""

import doctest
import math
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from groups import numbers, reference, table, table_of, tally_of
from tallystats.results import UndefinedWarning
from tallystats.statistics import effects
from tallystats.statistics.effects import mean_difference, odds_ratio, standardised_difference
from tallystats.tally import Tally

R = reference("compare")
SAMPLES = {case: data for case in R if "|" in (data := next(iter(R[case])))}


@pytest.mark.parametrize("case", SAMPLES)
def test_mean_and_standardised_differences_equal_r(case):
    expected = R[case][SAMPLES[case]]
    tally = tally_of(*map(numbers, SAMPLES[case].split("|")))
    student = mean_difference(tally, "value", "group")
    found = (student.estimate, student.conf_low, student.conf_high, student.std_error)
    names = ("student_difference", "student_low", "student_high", "student_se")
    assert_allclose(found, [expected[name] for name in names], rtol=1e-9, atol=1e-15)
    if "welch_t" in expected:
        welch = mean_difference(tally, "value", "group", method="welch", confidence_level=0.9)
        found = (welch.conf_low, welch.conf_high, welch.std_error)
        assert_allclose(found, [expected[name] for name in ("welch_low", "welch_high", "welch_se")], rtol=1e-9)
        distance = standardised_difference(tally, "value", "group").estimate
        assert_allclose(distance, expected["standardised"], rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("data", R["2x2"])
def test_odds_ratios_equal_r(data):
    expected, tally = R["2x2"][data], table_of(table(data))
    exact = odds_ratio(tally, "value", "group", method="exact")
    found = (exact.estimate, exact.conf_low, exact.conf_high)
    assert_allclose(found, [expected[f"exact_{name}"] for name in ("estimate", "low", "high")], rtol=1e-8)
    if "woolf_se" in expected:
        woolf = odds_ratio(tally, "value", "group")
        found = (woolf.estimate, woolf.conf_low, woolf.conf_high, woolf.std_error)
        assert_allclose(found, [expected[name] for name in ("odds_ratio", "woolf_low", "woolf_high", "woolf_se")], rtol=1e-8)


@pytest.mark.parametrize("data", [*R["2x2"], *R["rxc"]])
def test_standardised_differences_of_levels_equal_r(data):
    expected = (R["2x2"].get(data) or R["rxc"][data]).get("standardised", math.nan)
    if not math.isnan(expected):
        found = standardised_difference(table_of(table(data)), "value", "group").estimate
        assert_allclose(found, expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize(("cells", "estimate"), [([[5, 0], [3, 2]], math.inf), ([[5, 3], [2, 0]], 0.0)])
def test_odds_ratio_with_an_empty_cell(cells, estimate):
    with pytest.warns(UndefinedWarning, match="a cell is empty, so Woolf's interval does not exist"):
        woolf = odds_ratio(table_of(cells), "value", "group")
    assert woolf.estimate == estimate
    assert math.isnan(woolf.conf_low)
    assert math.isnan(woolf.conf_high)
    exact = odds_ratio(table_of(cells), "value", "group", method="exact")
    assert exact.estimate == estimate
    assert estimate in (exact.conf_low, exact.conf_high)
    assert exact.conf_low < exact.conf_high
    assert exact.reason is None


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ([[3, 5], [0, 0]], "every patient has the same value"),
        ([[3, 0], [4, 0]], "a group is empty"),
        ([[0, 0], [0, 0]], "no patient has both values"),
    ],
)
@pytest.mark.parametrize("effect", [odds_ratio, standardised_difference])
def test_effects_of_no_variation_are_undefined(cells, reason, effect):
    with pytest.warns(UndefinedWarning, match=reason):
        result = effect(table_of(cells), "value", "group")
    assert result.reason == reason
    assert math.isnan(result.estimate)


@pytest.mark.parametrize("cells", [[[10, 0], [0, 7]], [[10, 0], [0, 4], [0, 7]]])
def test_groups_without_a_common_level_are_infinitely_apart(cells):
    with pytest.warns(UndefinedWarning, match="the groups have no level in common"):
        assert math.isnan(standardised_difference(table_of(cells), "value", "group").estimate)


def test_empty_levels_do_not_count():
    found, expected = (
        standardised_difference(table_of(cells), "value", "group").estimate
        for cells in ([[0, 0], [10, 5], [0, 0], [20, 9], [1, 3]], [[10, 5], [20, 9], [1, 3]])
    )
    assert found == pytest.approx(expected)
    assert found > 0


@pytest.mark.parametrize(
    ("compared", "other", "method", "reason", "estimate"),
    [
        ([0.1] * 3, [0.3] * 7, "student", "neither group varies", -0.2),
        ([0.1] * 3, [0.1] * 7, "student", "every patient has the same value", 0.0),
        ([1], [2, 3, 4], "welch", "a group of one patient has no variance", -2.0),
        ([1], [2], "student", "neither group varies", -1.0),
        ([1, 2], [], "student", "a group is empty", math.nan),
        ([], [None], "welch", "no patient has both values", math.nan),
    ],
)
def test_mean_difference_at_the_edges(compared, other, method, reason, estimate):
    with pytest.warns(UndefinedWarning, match=reason):
        result = mean_difference(tally_of(compared, other), "value", "group", method=method)
    assert_allclose(result.estimate, estimate, rtol=1e-12)
    assert math.isnan(result.conf_low)
    assert math.isnan(result.conf_high)
    with pytest.warns(UndefinedWarning):
        assert math.isnan(standardised_difference(tally_of(compared, other), "value", "group").estimate)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: mean_difference(t, "value", "group", method="z"), "method: 'z'; expected one of student, welch"),
        (lambda t: mean_difference(t, "value", "group", confidence_level=1), "confidence_level: 1; expected a number"),
        (lambda t: mean_difference(t, "group", "group"), "variable: 'group' is of type boolean; expected numbers"),
        (lambda t: mean_difference(t, "value", "value"), "by: 'value' is of type float64 with 4 levels"),
        (lambda t: odds_ratio(t, "value", "group"), "'value' by 'group' is a table of 4 x 2; expected 2 x 2"),
        (lambda t: odds_ratio(t, "group", "group", method="wald"), "method: 'wald'; expected one of woolf, exact"),
        (lambda t: odds_ratio(t, "group", "group", confidence_level=0), "confidence_level: 0; expected a number"),
        (lambda t: standardised_difference(t, "age", "group"), "variable: 'age' is not in the tally"),
        (lambda t: standardised_difference(t, "group", "value"), "by: 'value' is of type float64 with 4 levels"),
    ],
)
def test_errors_name_the_argument_and_the_expectation(call, message):
    with pytest.raises(ValueError, match=message):
        call(tally_of([1, 2], [3, 4]))


def test_provenance_travels():
    tally = Tally(table_of([[1, 2], [3, 4]]).frame, "implied")
    for effect in (odds_ratio, standardised_difference):
        assert effect(tally, "value", "group").frame.at[0, "provenance"] == "implied"


counts = st.integers(0, 40)


@given(counts, counts, counts, counts, st.sampled_from(["woolf", "exact"]))
def test_swapped_groups_invert_the_odds_ratio(a, b, c, d, method):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedWarning)
        one, two = (odds_ratio(table_of(t), "value", "group", method=method) for t in ([[a, b], [c, d]], [[b, a], [d, c]]))
        apart, back = (standardised_difference(table_of(t), "value", "group") for t in ([[a, b], [c, d]], [[b, a], [d, c]]))
    inverse = [math.inf if value == 0 else 1 / value for value in (two.estimate, two.conf_high, two.conf_low)]
    assert_allclose((one.estimate, one.conf_low, one.conf_high), inverse, rtol=1e-7)
    assert_allclose(apart.estimate, -back.estimate, rtol=1e-9, atol=1e-12)
    assert one.reason == two.reason


def test_examples_run():
    tested = doctest.testmod(effects)
    assert tested.attempted > 0
    assert tested.failed == 0
