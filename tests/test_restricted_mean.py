"""restricted_mean.py against R, at its edges, and under units, shifts and sums of tallies."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from alike import assert_alike, near
from survival_cases import rows_of, survival_rows, survival_tally
from survival_comparisons import comparisons
from tallystats.results import UndefinedWarning
from tallystats.survival.restricted_mean import restricted_mean, restricted_mean_difference
from tallystats.tally import Tally

WHERE = {"time": "time", "event": "event"}


@pytest.mark.filterwarnings("ignore:restricted mean of time. the curve's variance")
@pytest.mark.parametrize("comparison", comparisons("restricted_mean"), ids=str)
def test_mean_and_difference_equal_r(comparison):
    assert comparison.difference() < comparison.tolerance


def test_uncensored_it_is_the_mean_of_the_times_cut_at_tau():
    times = np.array([2, 3, 5, 5, 9, 12])
    mean = restricted_mean(survival_tally(times, [True] * 6), **WHERE, tau=8)
    cut = np.minimum(times, 8)
    assert_allclose((mean.estimate, mean.std_error), (cut.mean(), cut.std() / np.sqrt(6)))
    assert (mean.events, mean.n, mean.reason) == (4, 6, None)
    assert_allclose(mean.lost, 8 - cut.mean())


def test_a_curve_at_zero_is_known_for_ever():
    tally = survival_tally([2, 4, 6], [True] * 3)
    at_last, later = (restricted_mean(tally, **WHERE, tau=tau) for tau in (6, 60))
    assert (at_last.estimate, at_last.std_error) == near((later.estimate, later.std_error))


def test_tau_beyond_the_last_exit_is_undefined():
    with pytest.warns(UndefinedWarning, match=r"^restricted mean of time: nobody is followed to 9; the last exit is at 6"):
        mean = restricted_mean(survival_tally([2, 6], [True, False]), **WHERE, tau=9)
    assert np.isnan([mean.estimate, mean.std_error, mean.conf_low]).all()


@pytest.mark.parametrize(
    "times, events, tau, estimate",
    [
        ([4, 7, 9], [False] * 3, 6, 6),
        ([6] * 5, [True] * 5, 8, 6),
        ([5], [True], 5, 5),
        ([5], [False], 4, 4),
        ([0, 0], [True, True], 3, 0),
    ],
    ids=["no events", "all tied", "one patient", "one censored", "everybody at zero"],
)
def test_without_variance_there_is_no_interval(times, events, tau, estimate):
    with pytest.warns(UndefinedWarning, match="^restricted mean of time: the curve's variance is estimated as 0") as caught:
        mean = restricted_mean(survival_tally(times, events), **WHERE, tau=tau)
    assert [warning.filename for warning in caught] == [__file__]
    assert (mean.estimate, mean.std_error) == (estimate, 0)
    assert math.isnan(mean.conf_low)


@pytest.mark.parametrize(
    "times, reason", [([None], "no patient has a time and an event"), ([0.0], "nobody is followed beyond 0")]
)
def test_nothing_to_measure(times, reason):
    with pytest.warns(UndefinedWarning, match=f"^restricted mean of time: {reason}"):
        assert math.isnan(restricted_mean(survival_tally(times, [True]), **WHERE).estimate)


def test_interval_stays_between_zero_and_tau():
    mean = restricted_mean(survival_tally([1, 9, 10], [True, True, False]), **WHERE, tau=10)
    assert mean.conf_high == 10
    assert 0 < mean.conf_low < mean.estimate


def test_difference_of_two_is_that_of_their_means():
    rows = rows_of("remission")
    found = restricted_mean_difference(Tally.from_rows(rows), **WHERE, by="group", tau=20)
    a, b = (restricted_mean(Tally.from_rows(part), **WHERE, tau=20) for _, part in rows.groupby("group", observed=True))
    assert_allclose(found.estimates, b.estimate - a.estimate)
    assert_allclose(found.std_errors[0] ** 2, a.std_error**2 + b.std_error**2)
    assert_allclose(found.statistic, found.statistics[0] ** 2)
    assert_allclose(found.p_value, found.p_values[0])
    assert [mean.group for mean in found.means] == ["a", "b"]
    assert found.frame["term"].tolist() == ["group: b"]


def test_default_tau_is_the_earliest_of_the_last_exits():
    assert restricted_mean_difference(Tally.from_rows(rows_of("remission")), **WHERE, by="group").tau == 23


@pytest.mark.parametrize(
    "tally, reason",
    [
        (survival_tally([1, 2], [True, False], group=["a", "a"]), "fewer than two groups"),
        (survival_tally([None], [True], group=["a"]), "fewer than two groups"),
        (survival_tally([1, 2, 3, 4], [True, True, False, False], group=list("aabb")), "b: the curve's variance is"),
        (survival_tally([1, 2, 3], [True, True, True], group=list("aab")), "b: the curve's variance is estimated as 0"),
    ],
    ids=["one group", "nobody", "a group without events", "a group of one patient"],
)
def test_undefined_difference_is_nan_with_a_reason(tally, reason):
    with pytest.warns(UndefinedWarning, match=f"^restricted mean of time by group: {reason}") as caught:
        found = restricted_mean_difference(tally, **WHERE, by="group")
    assert [warning.filename for warning in caught] == [__file__]
    assert math.isnan(found.p_value)
    assert np.isnan(found.p_values).all()


def test_a_group_not_followed_to_tau_leaves_the_other_comparisons():
    tally = survival_tally([3, 9, 2, 4, 5, 8], [True, False] * 3, group=list("aabbcc"))
    with pytest.warns(UndefinedWarning, match="^restricted mean of time by group: b: nobody is followed to 7"):
        found = restricted_mean_difference(tally, **WHERE, by="group", tau=7)
    assert np.isnan(found.p_values).tolist() == [True, False]
    assert math.isnan(found.p_value)


def test_missing_values_are_left_out_and_counted():
    rows = rows_of("drawn")
    rows.loc[0, "time"], rows.loc[1, "event"], rows.loc[2, "group"], rows.loc[3, "entry"] = np.nan, None, None, np.nan
    tally = Tally.from_rows(rows)
    assert restricted_mean(tally, **WHERE, tau=50).n_missing == 2
    found = restricted_mean_difference(tally, **WHERE, by="group", tau=50, entry="entry")
    assert found.n_missing == 4
    assert sum(mean.n for mean in found.means) == len(rows) - 4


@pytest.mark.parametrize(
    "options, message",
    [
        ({"tau": 0}, "tau: 0; expected a time above 0"),
        ({"tau": math.inf}, "tau: inf; expected a time above 0"),
        ({"by": "ward"}, "by: 'ward' is not in the tally"),
        ({"entry": "late"}, "entry: 2 of 2 patients have 'time' no later than 'late'"),
        ({"confidence_level": 95}, "confidence_level: 95; expected a number between 0 and 1"),
    ],
)
def test_errors_name_the_argument_and_the_expectation(options, message):
    tally = survival_tally([1, 2], [True, True], group=["a", "b"], late=[1.0, 5.0])
    with pytest.raises(ValueError, match=f"^{message}"):
        restricted_mean_difference(tally, **WHERE, **{"by": "group", **options})


patients = st.lists(st.tuples(st.integers(1, 9), st.booleans(), st.sampled_from("ab")), min_size=2, max_size=25)


@pytest.mark.filterwarnings("ignore::tallystats.results.UndefinedWarning")
@given(patients, patients, st.integers(1, 9))
def test_unit_order_of_groups_and_hospitals(one, two, tau):
    def of(drawn, unit=1.0):
        times, events, groups = zip(*drawn, strict=True)
        return Tally.from_rows(survival_rows(np.array(times) * unit, events, group=list(groups)))

    together = restricted_mean_difference(of(one + two), **WHERE, by="group", tau=tau)
    added = restricted_mean_difference(of(one) + of(two), **WHERE, by="group", tau=tau)
    assert_alike(together, added)
    scaled = restricted_mean_difference(of(one + two, 4.0), **WHERE, by="group", tau=4 * tau)
    assert_allclose(scaled.estimates, np.multiply(together.estimates, 4), rtol=1e-10, atol=1e-12)
    assert_allclose(scaled.p_value, together.p_value, rtol=1e-8)
    turned = [(t, e, {"a": "b", "b": "a"}[g]) for t, e, g in one + two]
    other = restricted_mean_difference(of(turned), **WHERE, by="group", tau=tau)
    assert_allclose(other.estimates, np.negative(together.estimates), rtol=1e-10, atol=1e-12)
    for mean in together.means:
        assert not mean.estimate > tau
