"""several_groups.py, trend.py and exact_tables.py against R, at their edges, and under other orders and codings."""

import doctest
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from several import R, cases, counts_of, groups_of, rows_of, table_of
from tallystats.results import UndefinedWarning
from tallystats.statistics import exact_tables, several_groups, trend
from tallystats.statistics.exact_tables import LEVEL, exact_p_value, fisher_freeman_halton, random_p_value
from tallystats.statistics.several_groups import anova, kruskal_wallis, welch_anova
from tallystats.statistics.trend import cochran_armitage, jonckheere_terpstra, linear_by_linear
from tallystats.statistics.two_groups import mann_whitney, student_t, welch_t
from tallystats.tally import Tally

NUMBERS = cases("anova_f")
TABLES = cases("fisher_p")
TESTS = (anova, welch_anova, kruskal_wallis, jonckheere_terpstra)


@pytest.mark.parametrize("case", NUMBERS)
def test_numbers_equal_r(case):
    tally, expected = groups_of(case), R[case]
    for name, method, statistic in (("anova", anova, "f"), ("welch", welch_anova, "f"), ("kw", kruskal_wallis, "h")):
        found = method(tally, "value", "group")
        assert_allclose(found.statistic, expected[f"{name}_{statistic}"], rtol=1e-9)
        assert_allclose((found.df, found.p_value), (expected[f"{name}_df"], expected[f"{name}_p"]), rtol=1e-9)
        if name != "kw":
            assert_allclose(found.df_error, expected[f"{name}_df_error"], rtol=1e-9)
    trend = jonckheere_terpstra(tally, "value", "group")
    assert trend.statistic == expected["jt_j"]
    assert_allclose((trend.z, trend.p_value), (expected["jt_z"], expected["jt_p"]), rtol=1e-9)


@pytest.mark.parametrize("case", TABLES)
def test_tables_equal_r(case):
    tally, expected = table_of(counts_of(case)), R[case]
    trend = linear_by_linear(tally, "value", "group")
    assert_allclose((trend.statistic, trend.p_value), (expected["lbl"], expected["lbl_p"]), rtol=1e-9)
    if "trend" in expected:
        armitage = cochran_armitage(tally, "value", "group")
        assert_allclose((armitage.statistic, armitage.p_value), (expected["trend"], expected["trend_p"]), rtol=1e-9)
    if not math.isnan(expected["fisher_p"]):
        found = fisher_freeman_halton(tally, "value", "group")
        assert (found.method, found.draws) == ("Fisher-Freeman-Halton exact", 0)
        assert_allclose(found.p_value, expected["fisher_p"], rtol=1e-7)  # fisher.test itself takes ties within 1e-7


def test_past_its_bound_exact_p_comes_from_random_tables():
    tally = table_of(counts_of("HairEyeColor"))
    found = fisher_freeman_halton(tally, "value", "group")
    assert (found.method, found.draws) == ("Fisher-Freeman-Halton, random tables", 10_000)
    assert found.p_low <= found.p_value <= found.p_high
    assert found == fisher_freeman_halton(tally, "value", "group")
    with pytest.warns(UndefinedWarning, match="an exact P would take more than 500 steps"):
        refused = fisher_freeman_halton(tally, "value", "group", most_steps=500, draws=0)
    assert math.isnan(refused.p_value)


def test_the_interval_of_random_tables_holds_the_exact_p():
    table = np.array(counts_of("Job"))
    exact = exact_p_value(tuple(map(tuple, table.tolist())))
    inside = [low <= exact <= high for _, low, high in (random_p_value(table, 2_000, seed) for seed in range(40))]
    assert sum(inside) >= 40 * LEVEL - 2


@given(st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=2, max_size=4))
def test_exact_p_by_hand(counts):
    table = np.array(counts)
    table = table[table.any(axis=1)][:, table.any(axis=0)]
    if min(table.shape, default=0) < 2:
        return
    rows, columns = table.sum(axis=1), table.sum(axis=0)

    def deals(left, size):
        if len(left) == 1:
            if size <= left[0]:
                yield (size,)
            return
        for k in range(min(left[0], size) + 1):
            yield from ((k, *rest) for rest in deals(left[1:], size - k))

    def weights(left, sizes):
        if not len(sizes):
            yield 1
            return
        for deal in deals(left, sizes[0]):
            own = math.prod(math.comb(have, k) for have, k in zip(left, deal, strict=True))
            for rest in weights([h - k for h, k in zip(left, deal, strict=True)], sizes[1:]):
                yield own * rest

    every = list(weights(list(columns), list(rows)))
    left, seen = list(columns), 1
    for line in table:
        seen *= math.prod(math.comb(have, k) for have, k in zip(left, line, strict=True))
        left = [h - k for h, k in zip(left, line, strict=True)]
    expected = sum(w for w in every if w <= seen) / sum(every)
    assert_allclose(exact_p_value(tuple(map(tuple, table.tolist()))), expected, rtol=1e-9)
    assert_allclose(exact_p_value(tuple(map(tuple, table.T[::-1].tolist()))), expected, rtol=1e-9)


def test_of_two_groups_they_are_the_tests_of_two():
    rows = rows_of([[1, 2, 2, 5, 7.5], [2, 3, 6, 9]])
    tally = Tally.from_rows(rows)
    for several, two in ((anova, student_t), (welch_anova, welch_t), (kruskal_wallis, mann_whitney)):
        found, pair = several(tally, "value", "group"), two(tally, "value", "group")
        root = pair.z if two is mann_whitney else pair.statistic
        assert_allclose((found.statistic, found.p_value), (root**2, pair.p_value), rtol=1e-12)
    pair = mann_whitney(tally, "value", "group")
    trend = jonckheere_terpstra(tally, "value", "group")
    assert_allclose((trend.statistic, trend.z), (pair.statistic, pair.z), rtol=1e-12)


groups = st.lists(st.lists(st.integers(0, 6), min_size=2, max_size=6), min_size=3, max_size=4)


@given(groups, st.randoms())
@settings(max_examples=20)
@pytest.mark.filterwarnings("ignore::tallystats.results.UndefinedWarning")
def test_rows_in_any_order_sums_of_tallies_and_groups_in_any_order(values, random):
    rows = rows_of(values)
    tally = Tally.from_rows(rows)
    mixed = rows.sample(frac=1, random_state=random.randrange(2**32))
    half = len(mixed) // 2
    added = Tally.from_rows(mixed[:half]) + Tally.from_rows(mixed[half:])
    for test in TESTS:
        assert_allclose(test(added, "value", "group").p_value, test(tally, "value", "group").p_value, rtol=1e-9)
    turned = Tally.from_rows(rows_of(values[::-1]))
    for test in (anova, welch_anova, kruskal_wallis):
        assert_allclose(test(turned, "value", "group").p_value, test(tally, "value", "group").p_value, rtol=1e-9)
    back = jonckheere_terpstra(turned, "value", "group")
    assert_allclose(back.z, -jonckheere_terpstra(tally, "value", "group").z, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("values", "test", "reason"),
    [
        ([[1, 1], [1], [1, 1]], anova, "every patient has the same value"),
        ([[1, 1], [2], [3, 3]], anova, "no group varies"),
        ([[1, 2], [2], [3, 4]], welch_anova, "a group of one patient has no variance"),
        ([[1, 2], [2, 2], [3, 4]], welch_anova, "a group does not vary"),
        ([[1, 2], [], []], kruskal_wallis, "a group is empty"),
        ([[], [], []], jonckheere_terpstra, "no patient has both values"),
        ([[3], [3], [3]], linear_by_linear, "every patient has the same value"),
        ([[3], [3], [3]], fisher_freeman_halton, "every patient has the same value"),
    ],
)
def test_undefined_is_nan_with_a_reason(values, test, reason):
    with pytest.warns(UndefinedWarning, match=reason):
        found = test(Tally.from_rows(rows_of(values)), "value", "group")
    assert math.isnan(found.p_value)
    assert found.reason == reason


def test_an_empty_group_does_not_count():
    whole, without = [[1, 2, 4], [], [3, 5, 5]], [[1, 2, 4], [3, 5, 5]]
    for test in TESTS:
        found = [test(Tally.from_rows(rows_of(v)), "value", "group").p_value for v in (whole, without)]
        assert_allclose(*found, rtol=1e-12)


def test_missing_values_are_counted():
    rows = rows_of([[1, 2], [3, math.nan], [5, 7]])
    found = kruskal_wallis(Tally.from_rows(rows), "value", "group")
    assert (found.n, found.n_missing) == (5, 1)


def test_errors_name_what_is_wrong():
    tally = table_of([[1, 2, 3], [3, 2, 1], [1, 1, 1]])
    with pytest.raises(ValueError, match="'value' is of type category; expected numbers"):
        anova(tally, "value", "group")
    with pytest.raises(ValueError, match="'value' by 'group' is a table of 3 x 3; expected two levels on one side"):
        cochran_armitage(tally, "value", "group")
    plain = Tally.from_rows(pd.DataFrame({"value": list("abc"), "group": list("xyz")}))
    with pytest.raises(ValueError, match="expected numbers"):
        jonckheere_terpstra(plain, "value", "group")


@pytest.mark.parametrize("module", [exact_tables, several_groups, trend])
def test_examples_run(module):
    tested = doctest.testmod(module)
    assert tested.attempted
    assert not tested.failed
