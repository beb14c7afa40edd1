"""multiplicity.py against R's p.adjust."""

import doctest
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from groups import numbers, reference
from tallystats.statistics import multiplicity
from tallystats.statistics.multiplicity import adjust_p_values

R = reference("compare")["adjust"]
METHODS = {"bonferroni": "bonferroni", "holm": "holm", "benjamini-hochberg": "BH"}


@pytest.mark.parametrize("data", R)
@pytest.mark.parametrize("method", METHODS)
def test_adjusted_p_values_equal_r(data, method):
    p_values = numbers(data)
    result = adjust_p_values(p_values, method=method)
    expected = [R[data][f"{METHODS[method]}_{k}"] for k in range(1, len(p_values) + 1)]
    assert_allclose(result.adjusted, expected, rtol=1e-12)
    assert result.n_tests == sum(not math.isnan(p) for p in p_values)
    assert_array_equal(result.frame["p_adjusted"], result.adjusted)


@pytest.mark.parametrize("p_values", [[], [math.nan, math.nan]])
def test_no_defined_test_is_nothing_to_adjust(p_values):
    result = adjust_p_values(p_values)
    assert result.n_tests == 0
    assert_array_equal(result.adjusted, p_values)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"p_values": [0.5, 1.5]}, r"p_values: \[0.5, 1.5\]; expected numbers between 0 and 1, or NaN"),
        ({"p_values": [-0.1]}, r"p_values: \[-0.1\]; expected numbers between 0 and 1"),
        ({"p_values": [0.5], "method": "sidak"}, "method: 'sidak'; expected one of bonferroni, holm, benjamini-hochberg"),
    ],
)
def test_errors_name_the_argument_and_the_expectation(arguments, message):
    with pytest.raises(ValueError, match=message):
        adjust_p_values(**arguments)


@settings(max_examples=15)  # statsmodels collects garbage at every Holm
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_methods_are_ordered_by_their_strictness(p_values):
    bonferroni, holm, rate = (adjust_p_values(p_values, method=method).adjusted for method in METHODS)
    for p, strict, middle, mild in zip(p_values, bonferroni, holm, rate, strict=True):
        assert 1 >= strict >= middle - 1e-12 >= mild - 2e-12
        assert mild >= p - 1e-12


def test_examples_run():
    tested = doctest.testmod(multiplicity)
    assert tested.attempted > 0
    assert tested.failed == 0
