"""grim.py: means and SD are recordable exactly where a search of every list finds values."""

import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from printcheck.audit.arithmetic import check_figures
from printcheck.audit.grim import grim, grimmer, largest_sd, reachable
from printed_figures import about, figure, one, printed, printed_study, total
from tallystats.interval import Interval


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return printed_study(tmp_path_factory.mktemp("study"))


@given(st.integers(1, 40), st.integers(0, 999), st.integers(0, 2), st.sampled_from([1, 0.5, 0.1]))
def test_grim_is_the_search_of_every_sum(n, shown, decimals, step):
    text = printed(Fraction(shown, 10**decimals), decimals)
    interval, step_ = about(text), Fraction(str(step))
    sums = range(int(interval.low * n / step_) - 1, int(interval.high * n / step_) + 2)
    assert grim(interval, n, step=step) == any(interval.low <= s * step_ / n <= interval.high for s in sums)


def test_reachable_is_the_search_of_every_list():
    for n, most in ((1, 9), (2, 9), (3, 8), (4, 6), (5, 4), (6, 3)):
        made = {(sum(x), sum(v * v for v in x)) for x in itertools.combinations_with_replacement(range(-most, most + 1), n)}
        for s, q in itertools.product(range(-n, n + 1), range(most * most + 1)):
            assert reachable(n, s, q) == ((s, q) in made), (n, s, q)


@pytest.mark.parametrize(("n", "decimals"), [(2, 2), (3, 1), (4, 2), (5, 2), (6, 1), (7, 2)])
def test_grimmer_is_the_search_of_every_list(n, decimals):
    # Means from 3 to 4 and SD up to 1.1 need no value outside 3.5 -+ (0.5 + 1.1 sqrt(n - 1)).
    reach = math.ceil(0.5 + 1.15 * math.sqrt(n - 1))
    unit, made = Fraction(1, 10**decimals), set()
    for x in itertools.combinations_with_replacement(range(3 - reach, 5 + reach), n):
        mean = Fraction(sum(x), n)
        if 3 <= mean <= 4:
            variance = (sum(v * v for v in x) - n * mean * mean) / (n - 1)
            root = math.isqrt(math.floor(variance / unit**2 * 4))  # 2 SD / unit, cut off
            exact = Fraction(root * root, 4) * unit**2 == variance
            scaled = mean / unit
            means = {math.floor(scaled + Fraction(1, 2)), math.ceil(scaled - Fraction(1, 2))}
            made |= {(m, (root + 1) // 2) for m in means} | ({(m, root // 2) for m in means} if exact else set())
    for m, s in itertools.product(range(3 * 10**decimals + 1, 4 * 10**decimals), range(0, 11 * 10 ** (decimals - 1), 3)):
        mean, sd = (Interval(k * unit - unit / 2, k * unit + unit / 2) for k in (m, s))
        assert (grim(mean, n) and grimmer(mean, sd, n)) == ((m, s) in made), (m, s)


@given(st.lists(st.integers(-300, 300), min_size=2, max_size=30), st.integers(0, 3), st.sampled_from([1, 0.5, 0.1]))
def test_numbers_that_were_printed_pass(values, decimals, step):
    exact = [Fraction(str(step)) * value for value in values]
    n, mean = len(exact), sum(exact) / len(exact)
    variance = sum((v - mean) ** 2 for v in exact) / (n - 1)
    texts = printed(mean, decimals), printed(float(variance) ** 0.5, decimals)
    mean_, sd = (Interval(about(t).low - Fraction(1, 10**9), about(t).high + Fraction(1, 10**9)) for t in texts)
    assert grim(mean_, n, step=step)
    assert grimmer(mean_, sd, n, step=step)
    ends = [Interval(end, end) for end in (min(exact), max(exact))]
    assert float(variance) ** 0.5 <= largest_sd(*ends, mean_, n) + 1e-9


def test_published_examples_of_grim_and_grimmer():
    # Brown and Heathers 2017: 5.19 of 28 whole numbers. Allard 2018: 18 values, mean 3.44, SD 2.47.
    assert not grim(about("5.19"), 28)
    assert grim(about("5.18"), 28)
    assert grim(about("3.44"), 18)
    assert not grimmer(about("3.44"), about("2.47"), 18)
    assert grimmer(about("3.44"), about("2.48"), 18)


@pytest.mark.parametrize(
    ("figures", "kind", "holds", "method", "words"),
    [
        ([("mean", "5.19", 28)], "grim", False, "", "no 28 whole values have this mean; the nearest are 5.179 and 5.214"),
        ([("mean", "5.17", 28)], "grim", True, "truncated", "cut off after the last digit, not rounded; the mean is 5.179"),
        ([("mean", "3.44", 18), ("sd", "1.00", 18)], "grimmer", False, "", "no 18 whole values have this SD"),
        ([("mean", "2.33", 3), ("sd", "0.47", 3)], "grimmer", True, "divided by n", "squares divided by 3, not by 2"),
        ([("mean", "3.00", 2), ("sd", "1.41", 2), ("median", "3", 2)], None, None, "", ""),
        ([("mean", "2.50", 2), ("sd", "0.70", 2)], "grimmer", True, "truncated", "cut off"),
        ([("median", "2.5", 4)], None, None, "", ""),
        ([("median", "2.3", 4)], "grim", False, "", "neither a value recorded to 1 nor, of an even number, halfway"),
        ([("median", "2.5", 5)], "grim", False, "", "neither"),
    ],
)
def test_whole_numbers(study, figures, kind, holds, method, words):
    found = check_figures(study, [figure("visits", statistic, value, of=of) for statistic, value, of in figures])
    if kind is None:
        assert not found
        return
    check = one(found)
    assert (check.kind, check.holds, check.method) == (kind, holds, method)
    assert words in check.reason


def test_without_a_stated_number_grim_only_warns(study):
    check = one(check_figures(study, [total(28), figure("visits", "mean", "5.19")]))
    assert (check.kind, check.holds) == ("grim", None)
    assert "unless some have none" in check.reason
    assert not check_figures(study, [figure("visits", "mean", "5.19")])
    assert not check_figures(study, [figure("days", "mean", "5.19", of=28)])  # recorded to no known step
