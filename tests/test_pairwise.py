"""pairwise.py against R, at its edges."""

import doctest
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import chi, norm

from several import R, cases, counts_of, groups_of, rows_of, table_of
from tallystats.results import UndefinedWarning
from tallystats.statistics import pairwise
from tallystats.statistics.pairwise import pairwise_comparisons, range_p_value, range_quantile
from tallystats.tally import Tally


def column(found, name):
    return [getattr(pair, name) for pair in found.pairs]


def expected(case, name, found):
    return [R[case][f"{name}_{k}"] for k in range(1, len(found.pairs) + 1)]


@pytest.mark.parametrize("case", cases("anova_f"))
def test_pairs_of_numbers_equal_r(case):
    tally = groups_of(case)
    for method, name, adjustment, adjusted in (
        ("anova", "t", "holm", "holm"),
        ("welch_anova", "welch", "bonferroni", "bonferroni"),
        ("kruskal_wallis", "dunn", "holm", "holm"),
    ):
        found = pairwise_comparisons(tally, "value", "group", method=method, adjustment=adjustment)
        assert_allclose(column(found, "p_value"), expected(case, f"{name}_p", found), rtol=1e-8)
        assert_allclose(column(found, "p_adjusted"), expected(case, f"{name}_{adjusted}", found), rtol=1e-8)
    assert_allclose(column(found, "statistic"), expected(case, "dunn_z", found), rtol=1e-9)


@pytest.mark.parametrize("case", ["birthwt_bwt_race", "PlantGrowth", "warpbreaks", "small"])
def test_tukey_and_games_howell_equal_r(case):
    tally = groups_of(case)
    found = pairwise_comparisons(tally, "value", "group", method="anova", adjustment="tukey")
    assert_allclose(column(found, "estimate"), expected(case, "tukey_difference", found), rtol=1e-9)
    for name, quantity in (("p_adjusted", "tukey_p"), ("conf_low", "tukey_low"), ("conf_high", "tukey_high")):
        assert_allclose(column(found, name), expected(case, quantity, found), rtol=1e-6, atol=1e-9)
    assert all(math.isnan(p) for p in column(found, "p_value"))
    if case == "small":
        return  # of 2.56 degrees of freedom, ptukey is right to five digits: see below
    found = pairwise_comparisons(tally, "value", "group", method="welch_anova", adjustment="tukey")
    for name, quantity in (("p_adjusted", "howell_p"), ("conf_low", "howell_low"), ("conf_high", "howell_high")):
        assert_allclose(column(found, name), expected(case, quantity, found), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("case", cases("pair_p_1"))
def test_pairs_of_levels_equal_r(case):
    counts = counts_of(case)
    with pytest.warns() if math.isnan(sum(v for k, v in R[case].items() if k.startswith("pair_p"))) else _nothing():
        found = pairwise_comparisons(table_of(counts), "value", "group", method="pearson_chi_square")
    assert_allclose(column(found, "p_value"), expected(case, "pair_p", found), rtol=1e-9)
    assert_allclose(column(found, "p_adjusted"), expected(case, "pair_holm", found), rtol=1e-9)


def _nothing():
    import contextlib

    return contextlib.nullcontext()


def test_exact_pairs_are_fishers():
    tally = table_of([[3, 1, 0], [0, 4, 2]])
    found = pairwise_comparisons(tally, "value", "group", method="fisher_freeman_halton")
    assert_allclose(column(found, "p_value"), [1 / 7, 0.1, 1.0], rtol=1e-9)


def test_studentised_range_and_its_quantile_are_inverse():
    assert_allclose(range_p_value(range_quantile(0.95, 4, 11.5), 4, 11.5), 0.05, rtol=1e-6)


@pytest.mark.slow
def test_studentised_range_of_few_degrees_of_freedom_by_integration():
    df, q = 2.56, 4.5
    spread, z = np.linspace(0, 9, 4001), np.linspace(-9, 9, 2001)
    of_normals = [3 * np.trapezoid(norm.pdf(z) * (norm.cdf(z) - norm.cdf(z - q * s)) ** 2, z) for s in spread]
    inside = np.trapezoid(chi.pdf(spread * df**0.5, df) * df**0.5 * of_normals, spread)
    assert_allclose(range_p_value(q, 3, df), 1 - inside, rtol=1e-6)


def test_an_undefined_pair_does_not_count():
    tally = Tally.from_rows(rows_of([[1, 2, 5], [3, 4, 4], [9]]))
    with pytest.warns(UndefinedWarning, match="a group of one patient has no variance"):
        found = pairwise_comparisons(tally, "value", "group", method="welch_anova", adjustment="bonferroni")
    assert [pair.reason for pair in found.pairs[1:]] == ["a group of one patient has no variance"] * 2
    assert found.pairs[0].p_adjusted == found.pairs[0].p_value
    assert len(found.frame) == 3


def test_errors_name_what_was_expected():
    tally = table_of([[1, 2, 3], [3, 2, 1]])
    with pytest.raises(ValueError, match="'tukey' is of means; after pearson_chi_square expected holm, bonferroni"):
        pairwise_comparisons(tally, "value", "group", method="pearson_chi_square", adjustment="tukey")
    with pytest.raises(ValueError, match="adjustment: 'scheffe'; expected one of holm, bonferroni"):
        pairwise_comparisons(tally, "value", "group", method="anova", adjustment="scheffe")
    with pytest.raises(ValueError, match="method: 'student_t'; expected one of anova"):
        pairwise_comparisons(tally, "value", "group", method="student_t")
    with pytest.raises(ValueError, match="expected numbers"):
        pairwise_comparisons(tally, "value", "group", method="anova")


def test_examples_run():
    tested = doctest.testmod(pairwise)
    assert tested.attempted
    assert not tested.failed
