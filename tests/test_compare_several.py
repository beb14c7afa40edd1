"""compare_several.py: which test is chosen, what stands beside it, and what is refused."""

import doctest
import math

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from alike import near
from several import counts_of, groups_of, rows_of, table_of
from studyfile.study import comparison_checks
from tallystats.results import UndefinedWarning
from tallystats.statistics import compare_several
from tallystats.statistics.compare import compare_variable
from tallystats.statistics.compare_several import SUITED, TESTS, TRENDS, largest_difference, likelihood_ratio
from tallystats.statistics.effects import standardised_difference
from tallystats.tally import Tally

NORMAL = [[1, 2, 3, 4, 5], [2, 4, 5, 6, 8], [3, 5, 7, 8, 9]]
SKEWED = [[1, 2, 3, 4, 500], [2, 4, 5, 6, 8], [3, 5, 7, 8, 9]]


def compared(values, **options):
    return compare_variable(Tally.from_rows(rows_of(values)), "value", "group", kind="continuous", **options)


def test_normality_chooses_between_means_and_ranks():
    plain, ranked = compared(NORMAL), compared(SKEWED, group_labels=["low", "mid", "high"])
    assert plain.choice.test == "anova"
    assert plain.choice.reason.endswith("hence analysis of variance")
    assert ranked.choice.test == "kruskal_wallis"
    assert ranked.choice.reason == "Shapiro-Wilk rejects normality overall and in group low, hence Kruskal-Wallis's test"
    assert len(plain.choice.evidence) == 4
    assert_allclose(plain.effect.estimate, stats.f_oneway(*NORMAL).statistic * 2 / (stats.f_oneway(*NORMAL).statistic * 2 + 12))


def test_levels_are_compared_by_chi_square_with_the_exact_test_beside():
    tally = table_of(counts_of("ptl_race"))
    found = compare_variable(tally, "value", "group", kind="ordered")
    assert (found.choice.test, found.expected_below_5) == ("pearson_chi_square", True)
    assert_allclose(found.fisher.p_value, TESTS["fisher_freeman_halton"](tally, "value", "group").p_value)
    counts = np.array(counts_of("ptl_race"))
    assert_allclose(found.effect.estimate, stats.contingency.association(counts, method="cramer"))
    exact = compare_variable(tally, "value", "group", kind="ordered", test="fisher_freeman_halton")
    assert not exact.expected_below_5  # nothing exact need be read beside it
    wide = compare_variable(table_of(counts_of("HairEyeColor")), "value", "group", kind="category")
    assert wide.fisher is None


def test_likelihood_ratio_is_g():
    counts = np.array(counts_of("infert_induced"))
    expected = stats.chi2_contingency(counts, correction=False, lambda_="log-likelihood")
    found = likelihood_ratio(table_of(counts.tolist()), "value", "group")
    assert_allclose((found.statistic, found.p_value), expected[:2])


def test_the_largest_difference_is_that_of_the_groups_furthest_apart():
    rows = rows_of(NORMAL)
    ends = rows[rows["group"] != "a01"]
    two = ends.assign(group=(ends["group"] == "a02").astype("boolean"))
    expected = standardised_difference(Tally.from_rows(two), "value", "group").estimate
    assert largest_difference(Tally.from_rows(rows), "value", "group").estimate == near(abs(expected))


@pytest.mark.parametrize(("kind", "test"), [(kind, test) for kind, tests in SUITED.items() for test in tests])
def test_every_planned_test_runs(kind, test):
    tally = groups_of("small") if kind in ("continuous", "count") else table_of([[5, 1, 2], [3, 4, 6]])
    found = compare_variable(tally, "value", "group", kind=kind, test=test)
    assert found.choice.test == test
    assert 0 < found.test.p_value <= 1
    assert list(found.frame["p_value"]) == [found.test.p_value]


def test_the_study_file_knows_the_same_tests():
    assert {(test, kind) for test, kinds in comparison_checks.SUITED_SEVERAL.items() for kind in kinds} == {
        (test, kind) for kind, tests in SUITED.items() for test in tests
    }
    assert comparison_checks.TRENDS == TRENDS


def test_what_is_undefined_says_why():
    with pytest.warns(UndefinedWarning, match="comparison of value by group: every patient has the same value"):
        found = compared([[1, 1], [1], [1, 1]])
    assert math.isnan(found.test.p_value)
    assert math.isnan(found.effect.estimate)


def test_an_empty_group_is_shown_and_does_not_count():
    found = compared([*NORMAL, []])
    assert len(found.groups) == 4
    assert_allclose(found.test.p_value, compared(NORMAL).test.p_value)


def test_errors_name_what_was_expected():
    with pytest.raises(ValueError, match="'student_t' of a variable of kind 'continuous' in three or more groups"):
        compared(NORMAL, test="student_t")
    rows = rows_of(NORMAL)
    rows["group"] = pd.Categorical(rows["group"].astype(str))
    with pytest.raises(ValueError, match="'jonckheere_terpstra' is of a trend, and the groups of 'group' have no order"):
        compare_variable(Tally.from_rows(rows), "value", "group", kind="continuous", test="jonckheere_terpstra")


def test_examples_run():
    tested = doctest.testmod(compare_several)
    assert tested.attempted
    assert not tested.failed
