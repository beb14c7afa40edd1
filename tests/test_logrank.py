"""logrank.py against R, at its edges, and under permuted groups and sums of tallies."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from alike import assert_alike, near
from survival_cases import rows_of, survival_rows, survival_tally
from survival_comparisons import WEIGHTS, comparisons
from tallystats.results import UndefinedWarning
from tallystats.survival.logrank import log_rank, trend_log_rank
from tallystats.tally import Tally

WHERE = {"time": "time", "event": "event", "by": "group"}


@pytest.mark.parametrize("comparison", [*comparisons("survdiff"), *comparisons("logrank")], ids=str)
def test_tests_equal_r(comparison):
    assert comparison.difference() < comparison.tolerance


def test_degrees_of_freedom_count_the_groups_at_risk():
    assert log_rank(Tally.from_rows(rows_of("drawn")), **WHERE).df == 2
    assert log_rank(Tally.from_rows(rows_of("left_early")), **WHERE).df == 1


def test_one_entry_time_for_all_changes_nothing():
    rows = rows_of("drawn")
    rows["time"] += 90
    plain, late = (log_rank(Tally.from_rows(rows), **WHERE, entry=entry) for entry in (None, 90))
    assert plain == near(late)


def test_several_strata_are_those_of_their_patterns():
    rows = rows_of("drawn")
    rows["both"] = rows["stratum"].astype(str) + rows["x1"].astype(str)
    one = log_rank(Tally.from_rows(rows), **WHERE, strata="both")
    two = log_rank(Tally.from_rows(rows), **WHERE, strata=["stratum", "x1"])
    assert (one.statistic, one.expected) == near((two.statistic, two.expected))
    assert one.method == "log-rank, stratified by both"


def test_boolean_groups_and_empty_levels_are_those_of_their_patients():
    rows = rows_of("remission")
    plain = log_rank(Tally.from_rows(rows), **WHERE)
    boolean = log_rank(Tally.from_rows(rows.assign(group=(rows["group"] == "b").astype("boolean"))), **WHERE)
    empty = log_rank(Tally.from_rows(rows.assign(group=rows["group"].cat.set_categories(["z", "a", "m", "b"]))), **WHERE)
    assert (boolean.groups, empty.groups) == ((False, True), ("a", "b"))
    for test in (boolean, empty):
        assert (test.statistic, test.p_value, test.df, test.n) == near((plain.statistic, plain.p_value, 1, (21, 21)))


def test_a_group_of_one_patient_by_the_definition():
    # At 2, 3 and 5 the lone b is one of 4, 3 and 2 at risk; it has the event at 3.
    test = log_rank(survival_tally([2, 3, 4, 5], [True, True, False, True], group=list("abaa")), **WHERE)
    assert test.n == (3, 1)
    assert_allclose(test.expected[1], 1 / 4 + 1 / 3)
    assert_allclose(test.statistic, (1 - 7 / 12) ** 2 / (3 / 16 + 2 / 9))


def test_unit_of_time_changes_nothing():
    rows = rows_of("drawn")
    weeks = rows.assign(time=rows["time"] / 8, entry=rows["entry"] / 8)
    days, weeks = (log_rank(Tally.from_rows(r), **WHERE, entry="entry", strata="stratum") for r in (rows, weeks))
    assert weeks == near(days)


UNDEFINED = {
    "one group": (survival_tally([1, 2], [True, True], group=["a", "a"]), "fewer than two groups"),
    "one patient": (survival_tally([1], [True], group=["a"]), "fewer than two groups"),
    "nobody": (survival_tally([None], [True], group=["a"]), "fewer than two groups"),
    "no event": (survival_tally([1, 2], [False, False], group=["a", "b"]), "nobody has the event"),
    "one left": (
        survival_tally([1, 2, 3], [False, True, True], group=["a", "b", "b"]),
        "a group is never at risk beside another when the event comes",
    ),
    "everybody at once": (
        survival_tally([2, 2, 2], [True] * 3, group=["a", "b", "b"]),
        "a group is never at risk beside another when the event comes",
    ),
}


@pytest.mark.parametrize("tally, reason", UNDEFINED.values(), ids=UNDEFINED)
def test_undefined_is_nan_with_a_reason(tally, reason):
    with pytest.warns(UndefinedWarning, match=f"^log-rank of time by group: {reason}") as caught:
        test = log_rank(tally, **WHERE)
    assert [warning.filename for warning in caught] == [__file__]
    assert test.reason == reason
    assert math.isnan(test.statistic)
    assert math.isnan(test.p_value)


@pytest.mark.parametrize("tally, reason", UNDEFINED.values(), ids=UNDEFINED)
def test_undefined_trend_is_nan_with_a_reason(tally, reason):
    with pytest.warns(UndefinedWarning, match=f"^Gehan-Breslow of time by group: {reason}") as caught:
        test = trend_log_rank(tally, **WHERE, weight="gehan")
    assert [warning.filename for warning in caught] == [__file__]
    assert (test.reason, test.df) == (reason, 1)
    assert math.isnan(test.p_value)


def test_a_weight_of_zero_leaves_nothing_to_compare():
    # All events at the first time, where S(t-) is 1.
    tally = survival_tally([2, 2, 3, 3], [True, True, False, False], group=list("abab"))
    assert log_rank(tally, **WHERE).statistic == 0
    with pytest.warns(UndefinedWarning, match=r"^Fleming-Harrington \(rho 0; gamma 1\) of time by group: the weight is 0"):
        test = log_rank(tally, **WHERE, weight="fleming-harrington", gamma=1)
    assert math.isnan(test.statistic)


def test_all_tied_with_some_censored_is_the_hypergeometric_score():
    # One event time: of 3 + 3 at risk 2 + 0 have it, whatever the weight.
    tally = survival_tally([4] * 6, [True, True, False] + [False] * 3, group=list("aaabbb"))
    for _, options in WEIGHTS.values():
        if options.get("gamma", 0) == 0:
            assert_allclose(log_rank(tally, **WHERE, **options).statistic, 1 / (2 * 0.25 * 4 / 5))


def test_zero_length_follow_up_counts():
    tally = survival_tally([0, 0, 3, 5], [True, False, True, True], group=list("abab"))
    assert_allclose(log_rank(tally, **WHERE).expected[0], 2 / 4 + 1 / 2)


def test_two_groups_trend_is_the_test_itself_and_origin_and_unit_of_scores_are_free():
    two, three = (Tally.from_rows(rows_of(case)) for case in ("remission", "drawn"))
    assert_allclose(trend_log_rank(two, **WHERE).statistic, log_rank(two, **WHERE).statistic)
    plain = trend_log_rank(three, **WHERE)
    moved = trend_log_rank(three, **WHERE, scores={"a": 90, "b": 80, "c": 70})
    assert_allclose(plain.statistic, moved.statistic)
    assert moved.method == "log-rank, trend by scores 90, 80, 70"


def test_equal_scores_are_no_trend():
    with pytest.warns(UndefinedWarning, match="^log-rank of time by group: the groups have equal scores"):
        trend_log_rank(Tally.from_rows(rows_of("drawn")), **WHERE, scores={"a": 1, "b": 1, "c": 1})


def test_default_scores_pass_over_empty_levels():
    rows = rows_of("drawn")
    wider = rows.assign(group=rows["group"].cat.set_categories(["a", "z", "b", "c"]))
    assert trend_log_rank(Tally.from_rows(wider), **WHERE) == near(trend_log_rank(Tally.from_rows(rows), **WHERE))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"weight": "wilcoxon"}, "weight: 'wilcoxon'; expected log-rank, gehan, tarone-ware"),
        ({"rho": -1, "weight": "fleming-harrington"}, "rho: -1; expected 0 or more"),
        ({"gamma": math.inf, "weight": "fleming-harrington"}, "gamma: inf; expected 0 or more"),
        ({"rho": 1}, "rho: 1 with weight 'log-rank'; expected weight 'fleming-harrington'"),
        ({"scores": {"a": 1}}, "scores: None for 'b'; expected a number for each level of 'group'"),
        ({"scores": {"a": 1, "b": math.inf}}, "scores: inf for 'b'; expected a number"),
    ],
)
def test_errors_of_weights_and_scores(options, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        trend_log_rank(survival_tally([1, 2], [True, True], group=["a", "b"]), **WHERE, **options)


def test_missing_values_are_left_out_and_counted():
    rows = rows_of("drawn")
    rows.loc[0, "time"], rows.loc[1, "event"], rows.loc[2, "group"] = np.nan, None, None
    rows.loc[3, "entry"], rows.loc[4, "stratum"] = np.nan, None
    tally = Tally.from_rows(rows)
    assert log_rank(tally, **WHERE).n_missing == 3
    assert log_rank(tally, **WHERE, entry="entry").n_missing == 4
    test = log_rank(tally, **WHERE, entry="entry", strata="stratum")
    assert test.n_missing == 5
    complete = log_rank(Tally.from_rows(rows.dropna()), **WHERE, entry="entry", strata="stratum")
    assert (test.statistic, test.n) == near((complete.statistic, complete.n))


@pytest.mark.parametrize(
    "options, message",
    [
        ({"by": "ward"}, "by: 'ward' is not in the tally; expected one of time, event"),
        ({"strata": "ward"}, "strata: 'ward' is not in the tally; expected one of time, event"),
        ({"event": "group"}, "event: 'group' is of type object; expected boolean"),
        ({"entry": "late"}, "entry: 'late' is not in the tally"),
    ],
)
def test_errors_name_the_argument_and_the_expectation(options, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        log_rank(survival_tally([1, 2], [True, True], group=["a", "b"]), **{**WHERE, **options})


def test_frame_has_a_row_a_group():
    frame = log_rank(Tally.from_rows(rows_of("remission")), **WHERE).frame
    assert frame["group"].tolist() == ["a", "b"]
    assert frame["observed"].tolist() == [9, 21]
    assert {"term", "n", "expected", "excess", "statistic", "df", "p_value", "method"} <= set(frame.columns)


patients = st.lists(st.tuples(st.integers(1, 9), st.booleans(), st.sampled_from("abc")), min_size=4, max_size=30)


def rows(drawn):
    times, events, groups = zip(*drawn, strict=True)
    return survival_rows(times, events, group=list(groups))


@pytest.mark.filterwarnings("ignore::tallystats.results.UndefinedWarning")
@given(patients, patients)
def test_names_of_groups_and_hospitals_do_not_matter(one, two):
    together = log_rank(Tally.from_rows(rows(one + two)), **WHERE)
    added = log_rank(Tally.from_rows(rows(one)) + Tally.from_rows(rows(two)), **WHERE)
    assert_alike(added, together)
    renamed = rows([(t, e, {"a": "z"}.get(g, g)) for t, e, g in one + two])
    other = log_rank(Tally.from_rows(renamed), **WHERE)
    assert (other.reason, other.df) == (together.reason, together.df)
    assert_allclose((other.statistic, other.p_value), (together.statistic, together.p_value), rtol=1e-8, atol=1e-10)
    assert_allclose(sum(together.expected), sum(together.observed))
