"""paired.py against R, at its edges, and under swapped times, row order and sums of tallies."""

import doctest
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from alike import near
from several import R, cases, counts_of, table_of
from tallystats.results import UndefinedWarning
from tallystats.statistics import paired
from tallystats.statistics.paired import bowker, mcnemar, paired_t, stuart_maxwell, wilcoxon_signed_rank
from tallystats.tally import Tally

COLUMNS = ("first", "last")


def numbers(before, after):
    return Tally.from_rows(pd.DataFrame({"first": np.array(before, float), "last": np.array(after, float)}))


def pairs_of(case):
    return numbers(*([float(x) for x in side.split()] for side in R[case]["data"].split("|")))


@pytest.mark.parametrize("case", cases("paired_t"))
def test_pairs_of_numbers_equal_r(case):
    tally, expected = pairs_of(case), R[case]
    t = paired_t(tally, *COLUMNS)
    found = (t.statistic, t.df, t.p_value, t.estimate, t.conf_low, t.conf_high)
    assert_allclose(found, [expected[f"paired_{q}"] for q in ("t", "df", "p", "mean", "low", "high")], rtol=1e-9)
    ranks = wilcoxon_signed_rank(tally, *COLUMNS)
    assert ranks.statistic == expected["wilcoxon_w"]
    assert_allclose(ranks.p_value, expected["wilcoxon_p"], rtol=1e-9)
    corrected = wilcoxon_signed_rank(tally, *COLUMNS, continuity=True)
    assert_allclose(corrected.p_value, expected["wilcoxon_continuity_p"], rtol=1e-9)
    exact = wilcoxon_signed_rank(tally, *COLUMNS, exact=True).p_value
    for name in ("wilcoxon_exact_p", "wilcoxon_r_exact_p"):
        if name in expected:
            assert_allclose(exact, expected[name], rtol=1e-9)


@pytest.mark.parametrize("case", cases("stuart"))
def test_square_tables_equal_r(case):
    tally, expected = table_of(counts_of(case), COLUMNS), R[case]
    for test, name in ((stuart_maxwell, "stuart"), (bowker, "bowker")):
        found = test(tally, *COLUMNS)
        assert_allclose(
            (found.statistic, found.df, found.p_value), [expected[q] for q in (name, f"{name}_df", f"{name}_p")], rtol=1e-9
        )
    if "mcnemar" in expected:
        plain, exact = mcnemar(tally, *COLUMNS, exact=False), mcnemar(tally, *COLUMNS)
        assert_allclose((plain.statistic, plain.p_value), (expected["mcnemar"], expected["mcnemar_p"]), rtol=1e-9)
        corrected = mcnemar(tally, *COLUMNS, exact=False, continuity=True)
        assert_allclose(corrected.p_value, expected["mcnemar_corrected_p"], rtol=1e-9)
        assert_allclose(exact.p_value, expected["mcnemar_exact_p"], rtol=1e-9)
        assert_allclose(
            (exact.estimate, exact.conf_low, exact.conf_high),
            [expected[q] for q in ("odds", "odds_low", "odds_high")],
            rtol=1e-8,
        )
        assert_allclose(stuart_maxwell(tally, *COLUMNS).statistic, plain.statistic, rtol=1e-12)


def test_published_values_of_unaided_vision():
    # Stuart 1953; Agresti, Categorical Data Analysis: marginal homogeneity 11.96 on 3, symmetry 19.11 on 6.
    tally = table_of(counts_of("vision"), COLUMNS)
    assert round(stuart_maxwell(tally, *COLUMNS).statistic, 2) == 11.96
    assert (round(bowker(tally, *COLUMNS).statistic, 2), bowker(tally, *COLUMNS).df) == (19.11, 6)


def test_ordered_levels_are_ranked_by_how_far_they_move():
    levels = pd.CategoricalDtype(["A", "B", "C", "D"], ordered=True)
    rows = pd.DataFrame({"first": list("AABCDD"), "last": list("BDBDCD")}).astype(levels)
    coded = numbers([0, 0, 1, 2, 3, 3], [1, 3, 1, 3, 2, 3])
    found = wilcoxon_signed_rank(Tally.from_rows(rows), *COLUMNS)
    assert found.p_value == near(wilcoxon_signed_rank(coded, *COLUMNS).p_value)
    assert (found.n_up, found.n_down, found.n_same) == (3, 1, 2)


pairs = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=12)


@given(pairs)
@pytest.mark.filterwarnings("ignore::tallystats.results.UndefinedWarning")
def test_swapped_times_and_sums_of_tallies(values):
    levels = pd.CategoricalDtype(range(4), ordered=True)
    rows = pd.DataFrame(values, columns=list(COLUMNS))
    half = len(rows) // 2
    for frame, tests in (
        (rows.astype(float), (paired_t, wilcoxon_signed_rank)),
        (rows.astype(levels), (wilcoxon_signed_rank, stuart_maxwell, bowker)),
    ):
        tally = Tally.from_rows(frame)
        added = Tally.from_rows(frame[half:]) + Tally.from_rows(frame[:half])
        for test in tests:
            found, back = test(tally, *COLUMNS), test(tally, *COLUMNS[::-1])
            assert_allclose(back.p_value, found.p_value, rtol=1e-8, atol=1e-14)
            assert (back.n_up, back.n_down) == (found.n_down, found.n_up)
            assert_allclose(test(added, *COLUMNS).p_value, found.p_value, rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize(
    ("test", "tally", "reason"),
    [
        (paired_t, numbers([1], [2]), "one patient has no standard deviation"),
        (paired_t, numbers([1, 2], [2, 3]), "all patients change by the same"),
        (paired_t, numbers([math.nan], [2]), "no patient has both values"),
        (wilcoxon_signed_rank, numbers([1, 2], [1, 2]), "nobody changed"),
        (mcnemar, table_of([[3, 0], [0, 4]], COLUMNS), "nobody changed"),
        (stuart_maxwell, table_of([[3, 0], [0, 4]], COLUMNS), "nobody changed"),
        (bowker, table_of([[0, 0], [0, 0]], COLUMNS), "no patient has both values"),
    ],
)
def test_undefined_is_nan_with_a_reason(test, tally, reason):
    with pytest.warns(UndefinedWarning, match=reason):
        found = test(tally, *COLUMNS)
    assert math.isnan(found.p_value)
    assert found.reason == reason


def test_missing_values_are_counted():
    found = wilcoxon_signed_rank(numbers([1, 2, math.nan, 4], [2, 2, 3, math.nan]), *COLUMNS)
    assert (found.n, found.n_missing, found.n_same) == (2, 2, 1)


def test_open_ends_of_the_odds_ratio():
    found = mcnemar(table_of([[20, 6], [0, 40]], COLUMNS), *COLUMNS)
    assert (found.estimate, found.conf_high) == (math.inf, math.inf)
    assert 1 < found.conf_low < 2


def test_errors_name_what_is_wrong():
    levels = Tally.from_rows(pd.DataFrame({"first": list("ab"), "last": list("bc")}))
    with pytest.raises(ValueError, match=r"'first' has the levels \('a', 'b'\), 'last' \('b', 'c'\); expected the same"):
        stuart_maxwell(levels, *COLUMNS)
    plain = Tally.from_rows(pd.DataFrame({"first": list("abc"), "last": list("bca")}))
    with pytest.raises(ValueError, match="levels of 'first' have no order; expected numbers or an ordered categorical"):
        wilcoxon_signed_rank(plain, *COLUMNS)
    with pytest.raises(ValueError, match="have not the same two levels, as McNemar's test needs"):
        mcnemar(plain, *COLUMNS)
    with pytest.raises(ValueError, match="expected numbers"):
        paired_t(table_of([[1, 2], [3, 4]], COLUMNS), *COLUMNS)
    with pytest.raises(ValueError, match="are numbers; expected columns of the same levels"):
        bowker(numbers([1, 2], [2, 1]), *COLUMNS)
    for test, options in ((wilcoxon_signed_rank, {"exact": True, "continuity": True}), (mcnemar, {"continuity": True})):
        with pytest.raises(ValueError, match="an exact P takes no correction"):
            test(numbers([1, 2], [2, 1]), *COLUMNS, **options)


def test_examples_run():
    tested = doctest.testmod(paired)
    assert tested.attempted
    assert not tested.failed
