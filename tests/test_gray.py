"""gray.py against cmprsk, at its edges, and under permuted groups and sums of tallies."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from alike import assert_alike, near
from survival_cases import rows_of
from survival_comparisons import comparisons
from tallystats.results import UndefinedWarning
from tallystats.survival.gray import gray_test
from tallystats.survival.logrank import log_rank
from tallystats.tally import Tally

WHERE = {"time": "time", "cause": "cause", "by": "group"}
LEVELS = ["censored", "one", "two"]


def rows(times, causes, groups, **columns):
    cause = pd.Categorical.from_codes([-1 if code is None else code for code in causes], LEVELS)
    return pd.DataFrame({"time": pd.Series(times, dtype=float), "cause": cause, "group": list(groups), **columns})


def tally(*args, **columns):
    return Tally.from_rows(rows(*args, **columns))


@pytest.mark.parametrize("comparison", comparisons("gray"), ids=str)
def test_test_equals_cmprsk(comparison):
    assert comparison.difference() < comparison.tolerance


def test_p_and_degrees_of_freedom():
    test = gray_test(Tally.from_rows(rows_of("biliary", "gray")), **WHERE)["two"]
    assert (test.df, test.n_missing, sum(test.n), test.reason, test.groups[0]) == (3, 0, 412, None, "s1")
    assert_allclose(test.p_value, 3.9090952697051762e-13, rtol=1e-3)  # R's 1 - pchisq has lost the other digits
    assert_allclose(sum(test.excess), 0, atol=1e-9)


def test_without_competing_events_it_estimates_what_the_log_rank_test_does():
    patients = rows_of("drawn")
    patients["cause"] = patients["cause"].where(patients["cause"] != "two", "censored")
    patients["event"] = (patients["cause"] == "one").astype("boolean")
    with pytest.warns(UndefinedWarning, match="^Gray's test of two by group: nobody has the event"):
        gray = gray_test(Tally.from_rows(patients), **WHERE)["one"]
    plain = log_rank(Tally.from_rows(patients), time="time", event="event", by="group")
    assert_allclose(gray.excess, np.array(plain.observed) - plain.expected, rtol=1e-9)
    assert gray.statistic == pytest.approx(plain.statistic, rel=0.1)  # another estimate of the variance


def test_those_with_the_other_cause_stay_at_risk_until_their_group_has_left():
    # At 2 and 3 b's patient with the other cause counts; at 4 nobody of b is left, and a's case is certain.
    test = gray_test(tally([1, 2, 3, 4], [2, 1, 1, 1], "baba"), **WHERE)["one"]
    assert_allclose(test.excess[0], 2 - 2 / 4 - 1 / 3 - 1, rtol=1e-12)


UNDEFINED = {
    "one group": (tally([1, 2], [1, 1], "aa"), "fewer than two groups"),
    "nobody": (tally([None], [1], "a"), "fewer than two groups"),
    "no event": (tally([1, 2], [0, 0], "ab"), "nobody has the event"),
    "another cause only": (tally([1, 2], [2, 2], "ab"), "nobody has the event"),
    "one left": (tally([1, 2, 3], [0, 1, 1], "abb"), "a group is never at risk beside another when the event comes"),
    "everybody at once": (tally([2, 2], [1, 1], "ab"), "a group is never at risk beside another when the event comes"),
}


@pytest.mark.filterwarnings("ignore:Gray's test of two")
@pytest.mark.parametrize("counts, reason", UNDEFINED.values(), ids=UNDEFINED)
def test_undefined_is_nan_with_a_reason(counts, reason):
    with pytest.warns(UndefinedWarning, match=f"^Gray's test of one by group: {reason}") as caught:
        test = gray_test(counts, **WHERE)["one"]
    assert {warning.filename for warning in caught} == {__file__}
    assert test.reason == reason
    assert math.isnan(test.statistic)
    assert math.isnan(test.p_value)


@pytest.mark.filterwarnings("ignore:Gray's test of two")
def test_a_group_left_alone_is_compared_no_longer():
    # cmprsk stops with an error: the incidence of all together comes to 1 before the last case.
    test = gray_test(tally([1, 1, 3, 4], [1] * 4, "bbaa"), **WHERE)["one"]
    assert_allclose(test.excess, [-1, 1])
    assert (test.df, test.reason) == (1, None)
    assert test.statistic > 0


@pytest.mark.filterwarnings("ignore:Gray's test of two")
def test_an_incidence_of_one_while_groups_are_compared_is_refused():
    # The half of c at once, then a quarter of the other half each time.
    with pytest.warns(UndefinedWarning, match="^Gray's test of one by group: the incidence of all groups together"):
        test = gray_test(tally([1, 1, 1, 1, 2, 3, 4, 5], [1] * 8, "ccccabab"), **WHERE)["one"]
    assert math.isnan(test.p_value)


@pytest.mark.filterwarnings("ignore:Gray's test of two")
def test_zero_length_follow_up_counts():
    test = gray_test(tally([0, 0, 3, 5], [1, 0, 1, 2], "abab"), **WHERE)["one"]
    assert_allclose(test.excess[0], 2 - 2 / 4 - 1 * (1 - 1 / 2) / (1 / 2) / (1 + 1))


def test_missing_values_are_left_out_and_counted():
    patients = rows_of("drawn")
    patients.loc[0, "time"], patients.loc[1, "cause"], patients.loc[2, "group"] = np.nan, None, None
    patients.loc[3, "stratum"] = None
    assert gray_test(Tally.from_rows(patients), **WHERE)["one"].n_missing == 3
    test = gray_test(Tally.from_rows(patients), **WHERE, strata="stratum")["one"]
    complete = gray_test(Tally.from_rows(patients.dropna()), **WHERE, strata="stratum")["one"]
    assert (test.n_missing, test.statistic, test.n) == near((4, complete.statistic, complete.n))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"by": "ward"}, "by: 'ward' is not in the tally; expected one of time, cause"),
        ({"strata": "ward"}, "strata: 'ward' is not in the tally; expected one of time, cause"),
        ({"cause": "time"}, "cause: 'time' is of type float64; expected a categorical, its first level censored"),
        ({"cause": "why"}, "cause: 'why' is not in the tally; expected one of time, cause"),
        ({"time": "late"}, "time: 'late' is not in the tally"),
        ({"rho": math.nan}, "rho: nan; expected a finite number"),
    ],
)
def test_errors_name_the_argument_and_the_expectation(options, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        gray_test(tally([1, 2], [1, 2], "ab"), **{**WHERE, **options})


def test_frame_has_a_row_a_group():
    frame = gray_test(Tally.from_rows(rows_of("drawn")), **WHERE)["two"].frame
    assert frame["group"].tolist() == ["a", "b", "c"]
    assert {"term", "cause", "n", "observed", "excess", "statistic", "df", "p_value", "method"} <= set(frame.columns)


patients = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2), st.sampled_from("abc")), min_size=4, max_size=30)


@pytest.mark.filterwarnings("ignore::tallystats.results.UndefinedWarning")
@given(patients, patients)
def test_names_of_groups_hospitals_and_the_unit_of_time_do_not_matter(one, two):
    together = gray_test(tally(*zip(*one, *two, strict=True)), **WHERE)
    added = gray_test(tally(*zip(*one, strict=True)) + tally(*zip(*two, strict=True)), **WHERE)
    assert_alike(added, together)
    renamed = [(t / 8, c, {"a": "z"}.get(g, g)) for t, c, g in one + two]
    other = gray_test(tally(*zip(*renamed, strict=True)), **WHERE)
    for name, test in together.items():
        assert (other[name].reason, other[name].df) == (test.reason, test.df)
        assert_allclose(other[name].statistic, test.statistic, rtol=1e-7, atol=1e-9)
        assert_allclose(sum(test.excess), 0, atol=1e-9)
