"""two_groups.py against R, at its edges, and under swapped groups, row order and sums of tallies."""

import doctest
import math
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from alike import assert_alike, near
from groups import numbers, reference, rows_of, table, table_of, tally_of
from tallystats.results import UndefinedWarning
from tallystats.statistics import two_groups
from tallystats.statistics.two_groups import fisher_exact, mann_whitney, pearson_chi_square, student_t, welch_t
from tallystats.tally import Tally

R = reference("compare")
SAMPLES = {case: data for case in R if "|" in (data := next(iter(R[case])))}
TABLES = [*R["2x2"], *R["rxc"]]
NUMERIC_TESTS = (student_t, welch_t, mann_whitney)
TESTS = (*NUMERIC_TESTS, pearson_chi_square, fisher_exact)


@pytest.mark.parametrize("case", SAMPLES)
def test_numeric_tests_equal_r(case):
    expected = R[case][SAMPLES[case]]
    tally = tally_of(*map(numbers, SAMPLES[case].split("|")))
    tests = {"student": student_t(tally, "value", "group")}
    if "welch_t" in expected:
        tests["welch"] = welch_t(tally, "value", "group")
    for name, test in tests.items():
        for quantity in ("t", "df", "p"):
            found = {"t": test.statistic, "df": test.df, "p": test.p_value}[quantity]
            assert_allclose(found, expected[f"{name}_{quantity}"], rtol=1e-9, atol=1e-15, err_msg=f"{name} {quantity}")
    plain = mann_whitney(tally, "value", "group")
    assert plain.statistic == expected["mann_whitney_u"]
    assert_allclose(plain.p_value, expected["mann_whitney_p"], rtol=1e-12)
    assert_allclose(2 * stats.norm.sf(abs(plain.z)), expected["mann_whitney_p"], rtol=1e-12)
    corrected = mann_whitney(tally, "value", "group", continuity=True)
    assert_allclose(corrected.p_value, expected["mann_whitney_continuity_p"], rtol=1e-12)
    assert corrected.z == plain.z
    if "mann_whitney_exact_p" in expected:
        exact = mann_whitney(tally, "value", "group", exact=True)
        assert_allclose(exact.p_value, expected["mann_whitney_exact_p"], rtol=1e-12)


def test_z_has_the_sign_of_the_group_compared():
    assert mann_whitney(tally_of([5, 6], [1, 2]), "value", "group").z > 0
    assert mann_whitney(tally_of([1, 2], [5, 6]), "value", "group").z < 0


@pytest.mark.parametrize("data", TABLES)
def test_chi_square_and_fisher_equal_r(data):
    expected = R["2x2"].get(data) or R["rxc"][data]
    tally = table_of(table(data))
    test = pearson_chi_square(tally, "value", "group")
    found = (test.statistic, test.df, test.p_value, test.expected_minimum, test.share_below_5)
    names = ("chi_square", "df", "p", "expected_minimum", "share_below_5")
    assert_allclose(found, [expected[name] for name in names], rtol=1e-10, atol=1e-15)
    if "fisher_p" in expected:
        assert_allclose(fisher_exact(tally, "value", "group").p_value, expected["fisher_p"], rtol=1e-9)


def test_empty_levels_do_not_count():
    with_empty = table_of([[10, 5], [0, 0], [20, 9]])
    assert_allclose(
        pearson_chi_square(with_empty, "value", "group").p_value,
        stats.chi2_contingency([[10, 5], [20, 9]], correction=False).pvalue,
    )
    assert_allclose(fisher_exact(with_empty, "value", "group").p_value, stats.fisher_exact([[10, 5], [20, 9]]).pvalue)


def test_ranks_of_an_ordered_categorical_are_those_of_its_levels():
    levels = [["C", "B", "A"][k] for k in (0, 0, 1, 2, 1, 2, 2)]
    rows = pd.DataFrame({"grade": pd.Categorical(levels, ["C", "B", "A"], ordered=True), "group": [True] * 3 + [False] * 4})
    by_numbers = mann_whitney(tally_of([0, 0, 1], [2, 1, 2, 2]), "value", "group")
    by_levels = mann_whitney(Tally.from_rows(rows), "grade", "group")
    assert (by_levels.statistic, by_levels.p_value) == near((by_numbers.statistic, by_numbers.p_value))


def test_groups_may_be_a_categorical_of_two_levels():
    rows = rows_of([1, 5, 9], [2, 2, 3])
    named = rows.assign(group=rows["group"].map({True: "late", False: "early"}).astype(pd.CategoricalDtype(["early", "late"])))
    for test in TESTS[:4]:
        by_name, by_boolean = (test(Tally.from_rows(frame), "value", "group") for frame in (named, rows))
        assert by_name == by_boolean


UNDEFINED = {
    "empty group": ([1, 2, 2], [], TESTS, "a group is empty"),
    "all missing": ([None, None], [None], TESTS, "no patient has both values"),
    "nobody": ([], [], TESTS, "no patient has both values"),
    "one patient": ([1], [], TESTS, "a group is empty"),
    "all tied": ([0.1, 0.1, 0.1], [0.1] * 7, TESTS, "every patient has the same value"),
    "constant groups": ([0.1] * 3, [0.3] * 7, NUMERIC_TESTS[:2], "neither group varies"),
    "two patients": ([1], [2], NUMERIC_TESTS[:1], "neither group varies"),
    "one patient in a group": ([1], [2, 3, 4], NUMERIC_TESTS[1:2], "a group of one patient has no variance"),
}


@pytest.mark.parametrize(
    ("compared", "other", "test", "reason"),
    [(a, b, test, reason) for a, b, tests, reason in UNDEFINED.values() for test in tests],
    ids=[f"{case}-{test.__name__}" for case, (_, _, tests, _) in UNDEFINED.items() for test in tests],
)
def test_undefined_is_nan_with_a_reason(compared, other, test, reason):
    with pytest.warns(UndefinedWarning, match=f" of value by group: {reason}") as caught:
        result = test(tally_of(compared, other), "value", "group")
    assert [warning.filename for warning in caught] == [__file__]
    assert result.reason == reason
    assert all(map(math.isnan, (result.statistic, result.z, result.df, result.p_value)))
    known = [value for value in (*compared, *other) if value is not None]
    assert (result.n, result.n_missing) == (len(known), len(compared) + len(other) - len(known))


def test_missing_values_are_left_out_and_counted():
    rows = rows_of([1, 4, None, 6], [2, 2, 3])
    rows = pd.concat([rows, rows.tail(1).assign(group=pd.NA).astype(rows.dtypes)])
    complete = tally_of([1, 4, 6], [2, 2, 3])
    for test in NUMERIC_TESTS:
        result, expected = test(Tally.from_rows(rows), "value", "group"), test(complete, "value", "group")
        assert (result.n, result.n_missing) == (6, 2)
        assert (result.statistic, result.p_value) == near((expected.statistic, expected.p_value))


def test_exact_ranks_need_untied_values():
    with pytest.warns(UndefinedWarning, match="tied values have no exact distribution of U"):
        result = mann_whitney(tally_of([1, 2], [2, 3]), "value", "group", exact=True)
    assert math.isnan(result.p_value)
    assert result.statistic == 0.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: student_t(t, "age", "group"), "variable: 'age' is not in the tally; expected one of value, group"),
        (lambda t: student_t(t, "value", "sex"), "by: 'sex' is not in the tally; expected one of value, group"),
        (lambda t: welch_t(t, "group", "group"), "variable: 'group' is of type boolean; expected numbers"),
        (lambda t: mann_whitney(t, "group", "group"), "variable: 'group' is of type boolean; expected numbers"),
        (lambda t: student_t(t, "value", "value"), "by: 'value' is of type float64 with 4 levels; expected a boolean or"),
        (lambda t: mann_whitney(t, "value", "group", exact=True, continuity=True), "continuity, exact: both True"),
        (lambda t: pearson_chi_square(t, "age", "group"), "variable: 'age' is not in the tally"),
        (lambda t: fisher_exact(t, "value", "group"), "'value' by 'group' is a table of 4 x 2; expected 2 x 2"),
    ],
)
def test_errors_name_the_argument_and_the_expectation(call, message):
    with pytest.raises(ValueError, match=message):
        call(tally_of([1, 2], [3, 4]))


def test_result_frame_is_one_tidy_row():
    frame = pearson_chi_square(Tally(table_of([[1, 2], [3, 4]]).frame, "assumed"), "value", "group").frame
    assert {"term", "statistic", "df", "p_value", "n", "n_missing", "method", "provenance"} <= set(frame.columns)
    assert frame.loc[0, ["term", "method", "n", "provenance"]].tolist() == ["value", "Pearson chi-square", 10, "assumed"]


values = st.lists(st.integers(-8, 8).map(lambda k: k / 2), min_size=2, max_size=14)


@given(values, values, st.randoms(use_true_random=False))
def test_tally_equals_rows_in_any_order(compared, other, random):
    rows = rows_of(compared, other)
    order = random.sample(range(len(rows)), len(rows))
    tally = Tally.from_rows(rows.iloc[order])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        student, welch, ranks = (test(tally, "value", "group") for test in NUMERIC_TESTS)
        by_rows = [stats.ttest_ind(compared, other, equal_var=equal) for equal in (True, False)]
        by_ranks = stats.mannwhitneyu(compared, other, use_continuity=False, method="asymptotic")
    for found, expected in zip((student, welch), by_rows, strict=True):
        if found.reason is None:
            assert_allclose((found.statistic, found.p_value), tuple(expected), rtol=1e-8, atol=1e-12)
        else:
            assert max(np.std(compared), np.std(other)) == 0
    if ranks.reason is None:
        assert_allclose((ranks.statistic, ranks.p_value), tuple(by_ranks), rtol=1e-9, atol=1e-12)
    else:
        assert len({*compared, *other}) == 1


@given(values, values)
def test_swapped_groups_turn_the_sign(compared, other):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedWarning)
        for test in NUMERIC_TESTS:
            one, two = (test(tally_of(compared, other), "value", "group"), test(tally_of(other, compared), "value", "group"))
            assert_allclose(one.p_value, two.p_value, rtol=1e-9)
            if test is mann_whitney:
                assert_allclose((one.z, one.statistic), (-two.z, len(compared) * len(other) - two.statistic))
            else:
                assert_allclose(one.statistic, -two.statistic, rtol=1e-9, atol=1e-12)


@given(values, values, values, values)
def test_sum_of_two_hospitals_is_the_cohort(a, b, c, d):
    added, together = tally_of(a, b) + tally_of(c, d), tally_of(a + c, b + d)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedWarning)
        for test in (*NUMERIC_TESTS, pearson_chi_square):
            assert_alike(test(added, "value", "group"), test(together, "value", "group"))


@given(st.lists(st.lists(st.integers(0, 30), min_size=3, max_size=3), min_size=2, max_size=4))
def test_chi_square_of_the_transpose_is_the_same(cells):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedWarning)
        one, two = (pearson_chi_square(table_of(np.array(t).tolist()), "value", "group") for t in (cells, np.transpose(cells)))
    assert_allclose((one.statistic, one.df, one.p_value), (two.statistic, two.df, two.p_value), rtol=1e-9, atol=1e-12)
    assert (one.reason is None) == (two.reason is None)


def test_examples_run():
    tested = doctest.testmod(two_groups)
    assert tested.attempted > 0
    assert tested.failed == 0
