"""exact.py and sufficient.py against Fisher's test, strata and enumeration; at their edges; invariants."""

import doctest
import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from logistic_cases import birthwt, separated, table
from logistic_comparisons import comparisons, exact_case
from survival_cases import reference
from tallystats.regression import exact
from tallystats.regression.design import make_design
from tallystats.regression.exact import exact_logistic
from tallystats.regression.sufficient import conditional_distribution, sufficient_statistics
from tallystats.results import UndefinedWarning
from tallystats.tally import Tally


@pytest.mark.filterwarnings("ignore::tallystats.results.UndefinedWarning")
@pytest.mark.parametrize("comparison", comparisons("exact"), ids=str)
def test_equals_r(comparison):
    assert comparison.difference() < comparison.tolerance


#: Levels of CD4 and CD8, infants with HIV, and all.
INFANTS = [(0, 0, 4, 7), (0, 2, 1, 1), (1, 0, 2, 7), (1, 1, 4, 12), (1, 2, 2, 2), (2, 0, 0, 2), (2, 1, 0, 13), (2, 2, 1, 3)]


def hutto():
    """HIV in 47 infants by levels of CD4 and CD8 (Hutto et al. 1991, in Mehta and Patel 1995)."""
    rows = [(cd4, cd8, hiv, hiv * k + (1 - hiv) * (n - k)) for cd4, cd8, k, n in INFANTS for hiv in (0, 1)]
    frame = pd.DataFrame(rows, columns=["cd4", "cd8", "hiv", "n"])
    return frame.astype({"cd4": float, "cd8": float, "hiv": bool})


@pytest.mark.parametrize("column", [0, 1])
def test_infants_by_enumeration(column):
    # Every way in which each cell could have had HIV, from the definition: 800,000 of them.
    cd4, cd8, had, n = np.array(INFANTS).T
    ways = np.stack(np.meshgrid(*(np.arange(k + 1) for k in n), indexing="ij"), axis=-1).reshape(-1, len(n))
    count = np.prod([np.array([math.comb(k, j) for j in range(k + 1)], float)[ways[:, c]] for c, k in enumerate(n)], axis=0)
    sums, seen = ways @ np.array([np.ones_like(cd4), cd4, cd8]).T, np.array([had.sum(), had @ cd4, had @ cd8])
    same = (np.delete(sums, column + 1, axis=1) == np.delete(seen, column + 1)).all(axis=1)
    values, count = sums[same, column + 1], count[same]
    fit = exact_logistic(Tally(hutto()), outcome="hiv", terms=["cd4", "cd8"])

    def mean(of, beta):
        weight = count * np.exp(beta * (values - seen[column + 1]))
        return (of * weight).sum() / weight.sum()

    assert_allclose(mean(values, fit.estimates[column]), seen[column + 1], rtol=1e-8)
    assert_allclose(mean(values >= seen[column + 1], fit.conf_low[column]), 0.025, rtol=1e-6)
    assert_allclose(mean(values <= seen[column + 1], fit.conf_high[column]), 0.025, rtol=1e-6)


def test_infants_in_numbers():
    """What the test above holds, to be read; the manual of Stata's exlogistic has these data, but its page was not at hand."""
    fit = exact_logistic(Tally(hutto()), outcome="hiv", terms=["cd4", "cd8"])
    assert_allclose(fit.estimates, [-2.387632, 1.592366], rtol=0, atol=5e-7)
    assert_allclose(fit.conf_low, [-4.699633, -0.0137905], rtol=0, atol=5e-7)
    assert_allclose(fit.conf_high, [-0.8221807, 3.907876], rtol=0, atol=5e-7)
    assert_allclose(fit.tail_p_values, [0.0004, 0.0528], rtol=0, atol=5e-5)
    assert_allclose(fit.tests["model"].statistic, 13.34655, rtol=0, atol=5e-6)
    assert_allclose(fit.tests["model"].score_p_value, 0.0006, rtol=0, atol=5e-5)


def test_infants_with_levels():
    """The same with levels against the highest: no infant of the highest CD4 but one had HIV."""
    levels = ["two", "none", "one"]
    frame = hutto()
    for name in ("cd4", "cd8"):
        values = frame[name].map({0.0: "none", 1.0: "one", 2.0: "two"})
        frame[name] = pd.Categorical(values, categories=levels)
    fit = exact_logistic(Tally(frame), outcome="hiv", terms=["cd4", "cd8"])
    ratios = fit.frame.set_index("term")["odds_ratio"]
    assert_allclose([ratios["cd4: none"], ratios["cd8: one"]], [18.82831, 0.0983388], rtol=3e-7)
    assert dict(zip(fit.terms, fit.estimators, strict=True))["cd4: none"] == "median unbiased"


@pytest.mark.parametrize("case", ["weak", "few", "separated"])
def test_what_has_one_value_is_undefined_and_named(case):
    exact_case.cache_clear()
    names = [q.partition(":degenerate")[0] for q in reference("exact")[case] if q.endswith("degenerate")]
    with pytest.warns(UndefinedWarning, match=f"exact logistic model of y: {names[0]}.*: the other terms leave one value"):
        fit = exact_case(case)
    assert {name for name in fit.problems if name in fit.terms} == set(names)
    for name in names:
        at = fit.terms.index(name)
        assert all(math.isnan(getattr(fit, key)[at]) for key in ("estimates", "p_values", "conf_low", "conf_high"))
        assert fit.estimators[at] == ""
    exact_case.cache_clear()


def test_too_many_states_are_refused_by_name():
    with pytest.warns(UndefinedWarning, match="more than 50 states"):
        fit = exact_logistic(birthwt(), outcome="low", terms=["smoke", "ht", "race"], max_states=50)
    assert fit.problems["smoke"] == (
        "its exact distribution takes more than 50 states (11 covariate patterns of 189 patients); "
        "take fewer terms, or bands of numbers"
    )
    assert math.isnan(fit.p_value("smoke"))
    assert math.isnan(fit.tests["race"].p_value)


def test_numbers_without_a_common_unit_are_refused():
    rows = pd.DataFrame({"x": [math.pi * k for k in range(6)], "y": [False, True, False, True, True, False]})
    with pytest.raises(ValueError, match="terms: 'x' has values that are not multiples of 1e-06; expected recorded"):
        exact_logistic(Tally.from_rows(rows), outcome="y", terms=["x"])


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ([(0, 0, 5), (1, 0, 5)], "'y' is the same in all 10 complete patients; expected both values"),
        ([(0, 1, 5), (1, 1, 1)], "'y' is the same in all 6 complete patients; expected both values"),
        ([(1, 1, 1)], "'y' is the same in all 1 complete patients; expected both values"),
    ],
)
def test_no_events_or_nothing_else_is_refused(cells, text):
    with pytest.raises(ValueError, match=text):
        exact_logistic(table(cells, "x", "y"), outcome="y", terms=["x"])


def test_a_group_of_one_patient_has_half_an_interval():
    fit = exact_logistic(table([(0, 0, 9), (0, 1, 2), (1, 1, 1)], "x", "y"), outcome="y", terms=["x"])
    assert (fit.estimators, fit.conf_high) == (("median unbiased",), (math.inf,))
    assert_allclose(fit.p_values, [0.25])  # 3 events in 12: the one patient has the event in a quarter of all outcomes
    assert_allclose(fit.tail_p_values, [0.5])


def test_a_constant_term_and_one_pattern_leave_nothing_to_test():
    fit = exact_logistic(table([(1, 0, 6), (1, 1, 3)], "x", "y"), outcome="y", terms=["x"])
    assert (fit.terms, fit.tests, fit.dropped) == ((), {}, {"x": "every patient has the same value"})


def test_patients_without_a_value_are_counted():
    rows = pd.DataFrame({"x": [0.0, 1, 2, 3, None, 5], "y": pd.array([0, 1, 0, 1, 1, None], dtype="boolean")})
    fit = exact_logistic(Tally.from_rows(rows), outcome="y", terms=["x"])
    assert (fit.n, fit.events, fit.n_missing) == (4, 2, 2)


def test_confidence_level_is_checked():
    with pytest.raises(ValueError, match="confidence_level: 95; expected a number between 0 and 1"):
        exact_logistic(separated(), outcome="failed", terms=["weak"], confidence_level=95)


@pytest.mark.parametrize(("unit", "origin"), [(0.001, 0.0), (1.0, 2015.0), (400.0, 45_000.0)])
def test_units_and_origin_of_a_number_do_not_matter(unit, origin):
    frame = hutto()
    plain = exact_logistic(Tally(frame), outcome="hiv", terms=["cd4", "cd8"])
    moved = Tally(frame.assign(cd4=frame["cd4"] * unit + origin))
    fit = exact_logistic(moved, outcome="hiv", terms=["cd4", "cd8"])
    for name in ("estimates", "std_errors", "conf_low", "conf_high", "mid_p_low"):
        assert_allclose(getattr(fit, name)[0] * unit, getattr(plain, name)[0], rtol=1e-8)
        assert_allclose(getattr(fit, name)[1], getattr(plain, name)[1], rtol=1e-8)
    assert_allclose(fit.p_values, plain.p_values, rtol=1e-10)


COUNTS = st.lists(st.integers(0, 4), min_size=8, max_size=8)


@given(COUNTS)
@pytest.mark.filterwarnings("ignore::tallystats.results.UndefinedWarning")
def test_distribution_counts_every_outcome(counts):
    """Without anything held but the number of events, all choices of patients are counted; and held parts add up to it."""
    cells = [(a, b, y, n) for (a, b, y), n in zip(itertools.product((0, 1), repeat=3), counts, strict=True)]
    if len({y for *_, y, n in cells if n}) < 2:
        return
    design = make_design(table(cells, "a", "b", "y"), outcome="y", terms=["a", "b"])
    found = sufficient_statistics(design)
    width = found.values.shape[1]
    support, logs = conditional_distribution(found, tuple(range(width)))
    assert_allclose(np.exp(logs).sum(), math.comb(design.total, design.events), rtol=1e-10)
    if width == 2:
        held, some = conditional_distribution(found, (0,))
        at = support[:, 1] == found.observed[1]
        assert held[:, 0].tolist() == support[at, 0].tolist()
        assert_allclose(np.exp(some), np.exp(logs[at]), rtol=1e-10)


@given(COUNTS)
@pytest.mark.filterwarnings("ignore::tallystats.results.UndefinedWarning")
def test_recoding_inverts_and_rows_equal_their_tally(counts):
    cells = [(a, b, y, n) for (a, b, y), n in zip(itertools.product((0, 1), repeat=3), counts, strict=True) if n]
    if len({y for *_, y, _ in cells}) < 2:
        return
    fit = exact_logistic(table(cells, "a", "b", "y"), outcome="y", terms=["a", "b"])
    turned = exact_logistic(table([(1 - a, b, y, n) for a, b, y, n in cells], "a", "b", "y"), outcome="y", terms=["a", "b"])
    rows = exact_logistic(Tally.from_rows(table(cells, "a", "b", "y").expand()), outcome="y", terms=["a", "b"])
    assert fit.terms == turned.terms == rows.terms
    for k, name in enumerate(fit.terms):
        sign = -1 if name == "a" else 1
        assert_allclose(turned.estimates[k], sign * fit.estimates[k], rtol=1e-8, atol=1e-10)
        assert_allclose(turned.p_values[k], fit.p_values[k], rtol=1e-8)
        ends = (fit.conf_low[k], fit.conf_high[k])
        assert_allclose((turned.conf_low[k], turned.conf_high[k]), ends if sign == 1 else (-ends[1], -ends[0]), rtol=1e-8)
        for key in ("estimates", "p_values", "mid_p_values", "tail_p_values", "conf_low", "conf_high"):
            assert_allclose(getattr(rows, key)[k], getattr(fit, key)[k], rtol=1e-10, atol=1e-12)
        if fit.estimators[k]:  # the interval is of the tails: it leaves out 0 exactly when their P is small
            assert (fit.conf_low[k] <= 1e-9 and fit.conf_high[k] >= -1e-9) == (fit.tail_p_values[k] >= 0.05 - 1e-12)
            assert fit.mid_p_low[k] >= fit.conf_low[k] - 1e-9
            assert fit.mid_p_values[k] <= fit.p_values[k] <= 1


def test_examples():
    assert doctest.testmod(exact).failed == 0
