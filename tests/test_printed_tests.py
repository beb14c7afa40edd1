"""printed_tests.py and rank_and_t_tests.py: held to R and to the package's own tests, and what is undefined."""

import csv
import itertools
import math
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from tallystats.interval import Interval
from tallystats.statistics import printed_tests, rank_and_t_tests, two_groups
from tallystats.statistics.printed_tests import COUNTED, TABLED, tie_window
from tallystats.statistics.rank_and_t_tests import NUMBERED
from tallystats.tally import Tally

REFERENCE = Path(__file__).parent / "reference" / "candidate_tests.csv"
with REFERENCE.open(encoding="utf-8") as file:
    ROWS = list(csv.DictReader(file))


def tabled(ones, zeros):
    """Return the distinct values, and their counts in each group."""
    values = sorted({*ones, *zeros})
    return values, [ones.count(v) for v in values], [zeros.count(v) for v in values]


def p_value(case, test):
    kind, _, text = case.partition(" ")
    if kind == "counts":
        return COUNTED[test](*map(int, text.split()))
    groups = [part.split() for part in text.split("|")]
    if kind == "levels":
        return TABLED[test](*(tuple(map(int, group)) for group in groups))
    return NUMBERED[test](*tabled(*([float(x) for x in group] for group in groups)))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['test']}, {row['case']}")
def test_p_as_r_has_it(row):
    assert_allclose(p_value(row["case"], row["test"]), float(row["p"]), rtol=1e-9)


def test_r_has_every_test():
    found = {(row["case"].split()[0], row["test"]) for row in ROWS}
    assert found == {
        (kind, test) for kind, tests in (("counts", COUNTED), ("levels", TABLED), ("numbers", NUMBERED)) for test in tests
    }


def tally_of(values, ones, zeros):
    rows = [(v, g, n) for v, a, b in zip(values, ones, zeros, strict=True) for g, n in ((True, a), (False, b))]
    return Tally(pd.DataFrame(rows, columns=["x", "g", "n"]).astype({"g": "boolean"}))


groups = st.tuples(st.lists(st.integers(0, 6), min_size=2, max_size=9), st.lists(st.integers(0, 6), min_size=2, max_size=9))


@pytest.mark.filterwarnings("ignore")
@given(groups)
def test_p_as_the_notebooks_have_it(drawn):
    values, ones, zeros = tabled(*drawn)
    tally = tally_of([float(v) for v in values], ones, zeros)
    for test, options in {
        "student_t": {},
        "welch_t": {},
        "mann_whitney": {},
        "mann_whitney_continuity": {"continuity": True},
    }.items():
        expected = getattr(two_groups, test.removesuffix("_continuity"))(tally, "x", "g", **options).p_value
        assert_allclose(NUMBERED[test](values, ones, zeros), expected, rtol=1e-8)
    assert_allclose(
        TABLED["pearson_chi_square"](ones, zeros), two_groups.pearson_chi_square(tally, "x", "g").p_value, rtol=1e-9
    )


@given(groups)
def test_exact_p_of_ranks_is_that_of_all_deals(drawn):
    ones, zeros = drawn
    pooled = sorted(ones + zeros)
    if len(set(pooled)) == 1:
        assert math.isnan(NUMBERED["mann_whitney_exact"](*tabled(ones, zeros)))
        return
    ranks = {v: 2 * pooled.index(v) + pooled.count(v) + 1 for v in pooled}  # doubled
    ones, zeros = ones[:4], zeros + ones[4:]

    def distance(some):
        return abs(sum(ranks[v] for v in some) - len(ones) * (len(pooled) + 1))

    deals = [distance(deal) for deal in itertools.combinations(pooled, len(ones))]
    expected = sum(d >= distance(ones) for d in deals) / len(deals)
    assert_allclose(NUMBERED["mann_whitney_exact"](*tabled(ones, zeros)), expected, rtol=1e-12)


@given(groups)
def test_freeman_halton_is_fisher_for_two_levels_and_the_sum_of_all_deals_for_more(drawn):
    ones, zeros = (tuple(min(v, 3) for v in group[:5]) for group in drawn)
    values, a, b = tabled(ones, zeros)
    pooled = ones + zeros
    if len(values) == 1:
        assert math.isnan(TABLED["fisher_freeman_halton"](tuple(a), tuple(b)))
        return
    deals = Counter(tuple(sorted(pooled[i] for i in deal)) for deal in itertools.combinations(range(len(pooled)), len(ones)))
    expected = sum(n for n in deals.values() if n <= deals[tuple(sorted(ones))]) / sum(deals.values())
    assert_allclose(TABLED["fisher_freeman_halton"](tuple(a), tuple(b)), expected, rtol=1e-12)
    if len(values) == 2:
        assert_allclose(COUNTED["fisher_exact"](a[1], sum(a), b[1], sum(b)), expected, rtol=1e-12)


@given(st.integers(0, 8), st.integers(0, 9))
def test_swapping_groups_or_levels_changes_no_p(a, b):
    for test, of in COUNTED.items():
        assert_allclose(of(a, 8, b, 9), of(b, 9, a, 8), rtol=1e-12, err_msg=test)
        assert_allclose(of(a, 8, b, 9), of(8 - a, 8, 9 - b, 9), rtol=1e-12, err_msg=test)
        assert math.isnan(of(a, 8, b, 9)) == (a + b in (0, 17))


@pytest.mark.parametrize("test", COUNTED)
def test_a_constant_or_an_empty_group_has_no_p(test):
    for table in ((0, 3, 0, 5), (3, 3, 5, 5), (0, 0, 2, 5), (2, 5, 0, 0)):
        assert math.isnan(COUNTED[test](*table))


def test_numbers_without_p():
    for test, of in NUMBERED.items():
        assert math.isnan(of([1.0], [2], [3])), test
        assert math.isnan(of([1.0, 2.0], [0, 0], [3, 1])), test
    assert math.isnan(NUMBERED["welch_t"]([1.0, 2.0, 3.0], [1, 0, 0], [0, 2, 3]))


def test_too_much_to_count_is_left_alone(monkeypatch):
    monkeypatch.setattr(printed_tests, "MOST_TABLES", 5)
    monkeypatch.setattr(rank_and_t_tests, "MOST_STEPS", 100)
    assert math.isnan(TABLED["fisher_freeman_halton"]((4, 5, 6, 1), (7, 8, 9, 1)))
    assert math.isnan(NUMBERED["mann_whitney_exact"]([1, 2, 3], [4, 5, 7], [7, 8, 9]))


@pytest.mark.parametrize("text", ["0.05", "0.31", "0.74", "1.00"])
def test_ties_that_print_p_with_continuity_correction(text):
    from fractions import Fraction

    value = Fraction(text)
    printed = Interval(value - Fraction(1, 200), value + Fraction(1, 200), has_high=False)
    for ones, zeros in itertools.product(itertools.combinations_with_replacement(range(4), 3), repeat=2):
        values, a, b = tabled(ones, zeros)
        if len(values) == 1:
            continue
        u2 = sum((x > y) * 2 + (x == y) for x in ones for y in zeros)
        ties = sum((m + n) ** 3 - (m + n) for m, n in zip(a, b, strict=True))
        window = tie_window(u2, 3, 3, printed, continuity=True)
        inside = window is not None and window[0] <= ties <= window[1]
        assert inside == (NUMBERED["mann_whitney_continuity"](values, a, b) in printed)
