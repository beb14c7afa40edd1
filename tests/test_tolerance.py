"""Decisions at a knife edge: what is equal in exact arithmetic is so whatever the last digits say."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from cohortbook.display.tables import decimal, interval, p_value, plain_cell, significant
from printcheck.printed.published import fixed, sure, to_digits
from survival_cases import survival_tally
from tallystats.interval import Interval
from tallystats.missing.conditional import draw_numbers
from tallystats.missing.rubin import pool, pooled_test
from tallystats.regression.performance import hosmer_lemeshow
from tallystats.regression.selection import ENTER, STOP, next_changes
from tallystats.statistics.calibration import calibration_of, calibrations
from tallystats.statistics.multiplicity import adjust_p_values
from tallystats.statistics.paired import paired_t, stuart_maxwell, wilcoxon_signed_rank
from tallystats.statistics.printed_tests import fisher_p_value
from tallystats.statistics.two_groups import fisher_exact
from tallystats.survival.cox import cox_regression
from tallystats.survival.cox_checks import concordance
from tallystats.survival.cox_firth import firth_cox
from tallystats.survival.logrank import log_rank
from tallystats.survival.partial_likelihood import RiskRows, derivatives, flatness
from tallystats.tally import Tally
from tallystats.tolerance import SAME, below, settled, uphill, vary_apart

UP, DOWN = (lambda x: np.nextafter(x, np.inf)), (lambda x: np.nextafter(x, -np.inf))


def nudged(value):
    """Return a number and its neighbors some units in the last place away."""
    return [value, value * (1 + 4e-16), value * (1 - 4e-16), UP(value), DOWN(value)]


@pytest.mark.parametrize(
    "value, places, shown",
    [(12.5, 0, "13"), (0.125, 2, "0.13"), (2.675, 2, "2.68"), (-0.5, 0, "−1"), (1234.5, 0, "1235"), (0.0, 2, "0.00")],
)
def test_a_half_is_shown_alike(value, places, shown):
    assert {decimal(one, places) for one in nudged(value)} == {shown}
    assert {fixed(one, places) for one in nudged(value)} == {shown.replace("−", "-")}
    assert fixed(Fraction(str(value)), places) == shown.replace("−", "-")


def test_what_rounding_leaves_of_nothing_is_nothing():
    assert {decimal(one, 2) for one in (0.0, 1e-17, -1e-17)} == {"0.00"}
    assert {interval(one, 1, 1) for one in (0.0, 1e-17, -1e-17)} == {"0.0 to 1.0"}


@pytest.mark.parametrize(
    "value, shown", [(0.001, "0.001"), (0.045, "0.045"), (0.055, "0.06"), (0.01, "0.01"), (0.99, "0.99"), (0.125, "0.13")]
)
def test_p_at_a_limit_is_shown_alike(value, shown):
    assert {p_value(one) for one in nudged(value)} == {shown}


def test_significant_digits_and_whole_numbers_are_shown_alike():
    assert {significant(one) for one in nudged(0.1)} == {"0.100"}
    assert {significant(one) for one in nudged(999.5)} == {"1000"}
    assert {significant(one, 2) for one in nudged(0.125)} == {"0.13"}
    assert {significant(one, 2) for one in nudged(1.25e8)} == {"1.3e+08"}
    assert {plain_cell(one) for one in nudged(3.0)} == {"3"}
    assert {to_digits(one, 2) for one in nudged(0.0425)} == {"0.043"}
    assert {sure(one) for one in nudged(0.05)} == {0.05}


def test_the_end_of_what_prints_so_holds_its_neighbors_or_none():
    printed = Interval(Fraction("0.125"), Fraction("0.135"), has_high=False)
    assert all(one in printed for one in nudged(0.125))
    assert not any(one in printed for one in nudged(0.135))


def test_p_at_a_threshold_is_not_below_it():
    assert not any(below(one, 0.05) for one in nudged(0.05))
    assert below(0.0499999, 0.05)
    assert not below(math.nan, 0.05)


def test_settled():
    values = np.array([0.3, 0.1 + 0.2, math.inf, -math.inf, math.inf, 1e-17, 0.0])
    assert settled(values).tolist() == [0.3, 0.3, math.inf, -math.inf, math.inf, 0, 0]
    assert len(settled(np.zeros(0))) == 0
    assert settled(np.array([3e-10, 1e-10])).tolist() == [3e-10, 1e-10]  # of their own size
    assert np.isnan(settled(np.array([1.0, np.nan]))[1])


def test_steps_and_ranks():
    assert uphill(-1000 - 1e-12, -1000.0, 1e-13)  # all that is left at the top of a likelihood
    assert not uphill(-1000 - 1e-6, -1000.0, 1e-13)
    assert vary_apart(np.diag([1e-30, 1e30]))
    assert not vary_apart(np.array([[1.0, 1 - 1e-15], [1 - 1e-15, 1]]))


def test_a_column_equal_in_all_at_risk_has_no_information_exactly():
    x = np.array([7.7, 0.1, 0.1, 0.1, 0.1])[:, None]
    rows = RiskRows(x=x, entry=np.full(5, -np.inf), exit=np.arange(1.0, 6), event=np.array([False, True, True, True, False]))
    score, information = derivatives(rows, np.array([0.3]), np.zeros(5))
    assert (score[0], information[0, 0]) == (0, 0)
    assert flatness(rows, ["x"]).startswith("flat likelihood")
    tally = survival_tally([1, 1, 3, 4, 5, 6, 7], [False] * 2 + [True] * 5, x=[7.7, 9.1] + [0.1] * 5)
    for fit in (
        firth_cox(tally, time="time", event="event", terms=["x"]),
        cox_regression(tally, time="time", event="event", terms=["x"]),
    ):
        assert fit.refused == "flat likelihood: those at risk at the events do not tell the effects of x apart"


def test_equal_predictors_are_tied_in_concordance():
    rows = RiskRows(x=np.zeros((3, 1)), entry=np.full(3, -np.inf), exit=np.array([1.0, 2, 3]), event=np.array([True] * 3))
    assert concordance(rows, np.array([0.1234567890125, 0.12345678901250005, 0.1234567890124999]))[0] == 0.5


def test_a_group_alone_adds_nothing_to_the_log_rank():
    # While the groups meet, nobody has the event.
    tally = survival_tally([1, 1, 2, 3, 4], [False, False, True, True, True], by=["a", "a", "b", "b", "b"])
    assert log_rank(tally, time="time", event="event", by="by").reason.startswith("a group is never at risk")


def test_fisher_counts_tables_as_probable_as_the_one_seen():
    for size in range(50, 400, 7):
        a, b = size // 3, size - size // 3  # mirrored, so that the other side is exactly as probable
        frame = pd.DataFrame({"by": [False, False, True, True], "shown": [False, True] * 2, "n": [size - a, a, size - b, b]})
        found = fisher_exact(Tally(frame), "shown", "by").p_value
        assert_allclose(found, fisher_p_value(a, size, b, size), rtol=1e-9)
        _, alone = stats.fisher_exact([[size - a, a], [size - b, b]], alternative="greater")
        assert_allclose(found, 2 * alone, rtol=1e-9)


def test_pairs_are_told_apart_in_decimals():
    rows = pd.DataFrame({"first": [70.0, 0.2, 0.7], "last": [70.1, 0.3, 0.8]})
    assert paired_t(Tally.from_rows(rows), "first", "last").reason == "all patients change by the same"
    moved = wilcoxon_signed_rank(Tally.from_rows(rows.assign(first=[70.2, 0.2, 0.7])), "first", "last")
    assert moved.statistic == 4.0  # ranks 2, 2, 2


def test_levels_between_which_nobody_moves_cost_a_degree_of_freedom():
    cells = pd.DataFrame({"first": list("AABBCCDD"), "last": list("ABABCDCD"), "n": [5, 7, 3, 9, 4, 11, 2, 8]})
    assert stuart_maxwell(Tally(cells), "first", "last").df == 2


def test_the_nearest_number_of_events_is_found_in_fractions():
    method = next(c.method for c in calibrations() if c.share == c.share)
    known = sorted({c.events for c in calibrations() if c.method == method and c.share == c.share})
    for one, other in itertools.pairwise(known):
        between = calibration_of(method, math.sqrt(one * other))
        if math.sqrt(one * other).is_integer():  # both as near
            both = [c for c in calibrations() if c.method == method and c.events in (one, other) and c.share == c.share]
            assert between.kept == min(c.kept for c in both)


def test_one_and_a_hair_is_one():
    assert adjust_p_values([1 + 4e-16, 0.01], method="holm").adjusted == (1.0, 0.02)
    with pytest.raises(ValueError, match="p_values"):
        adjust_p_values([1.001])


def test_data_sets_that_differ_in_the_last_digit_are_the_same():
    same, hair = np.ones((5, 2)), 1 + 1e-15 * np.arange(10.0).reshape(5, 2)
    covariance = np.repeat(np.diag([0.1, 0.2])[None], 5, axis=0)
    for df in (40.0, math.inf):
        exact, found = (pooled_test(e, covariance, df_complete=df) for e in (same, hair))
        assert (found.df_denominator, exact.df_denominator) == (df, df)
        exact, found = (pool(e, np.full((5, 2), 0.1), df_complete=df) for e in (same, hair))
        assert (found.between, found.df) == (exact.between, exact.df)


def test_donors_do_not_hang_on_the_last_digit():
    # Of two patterns, each of twenty patients, every prediction is one of two numbers, whatever rounding says of the rows.
    x = np.repeat([[0.1, 0.7], [0.3, 0.2]], 20, axis=0)
    y, missing = np.arange(40.0), np.arange(40) % 4 == 0
    drawn = [draw_numbers(x * scale, y, missing, np.random.default_rng(3)).tolist() for scale in (1.0, 1 + 2e-16)]
    assert drawn[0] == drawn[1]


def test_groups_are_cut_in_whole_numbers():
    # 31 patients: the cuts of ten groups fall on every third one, which belongs to the group below the cut.
    p = np.linspace(0.1, 0.9, 31)
    frame = pd.DataFrame({"y": np.arange(31) % 2 == 0, "prediction": p, "n": 1})
    found = hosmer_lemeshow(Tally(frame), outcome="y", binning="quantiles")
    assert found.totals == (4, *[3] * 9)


def test_p_at_the_limit_of_entry_neither_enters_nor_leaves():
    at = stats.chi2.isf(0.05, 1)
    none = np.zeros((1, 0))
    for statistic in nudged(at):
        (action,), *_ = next_changes(none, [], np.array([[statistic]]), [1], entry=0.05, removal=0.1)
        assert action == STOP
    (action,), *_ = next_changes(none, [], np.array([[at + 1e-6]]), [1], entry=0.05, removal=0.1)
    assert action == ENTER
    (action,), *_ = next_changes(none, [], np.array([[1e-24]]), [1], entry=1.0, removal=1.0)
    assert action == STOP
    assert SAME == 1e-9
