"""printed_intervals.py: the P that an interval implies, and estimates that do not belong to theirs."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from printcheck.audit.arithmetic import check_figures
from printcheck.audit.printed_intervals import implied_p
from printed_figures import about, figure, one, printed, printed_study


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return printed_study(tmp_path_factory.mktemp("study"))


@given(st.floats(-2, 2), st.floats(0.05, 1.0), st.sampled_from([0.9, 0.95, 0.99]), st.booleans())
def test_implied_p_holds_the_p_of_the_test(effect, error, level, ratio):
    z = stats.norm.isf((1 - level) / 2)
    ends = [effect, effect - z * error, effect + z * error]
    texts = [printed(math.exp(end) if ratio else end, 2) for end in ends]
    least, most = implied_p(*map(about, texts), ratio=ratio, level=level)
    assert least <= 2 * stats.norm.sf(abs(effect) / error) * (1 + 1e-9)
    assert most >= 2 * stats.norm.sf(abs(effect) / error) * (1 - 1e-9)


def test_implied_p_without_a_scale():
    assert implied_p(about("0.1"), about("0.0"), about("2.1")) == (0.0, 1.0)
    assert implied_p(about("1.0"), about("1.0"), about("1.0")) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("statistic", "value", "p", "kind", "holds", "words"),
    [
        ("odds_ratio", "2.31 (1.05–5.07)", "0.037", None, None, ""),
        ("odds_ratio", "2.31 (1.05–5.07)", "0.04", None, None, ""),
        ("odds_ratio", "5.31 (1.05–5.07)", "", "interval", False, "the estimate lies outside its interval"),
        ("odds_ratio", "0.99 (1.05–5.07)", "", "interval", False, "outside"),
        ("odds_ratio", "3.06 (1.05–5.07)", "", "interval", None, "is on the scale of logarithms, 2.311"),
        ("risk_difference", "0.10 (0.02–0.18)", "0.014", None, None, ""),
        ("risk_difference", "0.07 (0.02–0.18)", "", "interval", None, "the middle of the interval is 0.1"),
        ("hazard_ratio", "2.31 (1.05–5.07)", "0.37", "p_of_interval", False, "the interval excludes 1"),
        ("hazard_ratio", "2.31 (1.05–5.07)", "0.073", "p_of_interval", None, "the interval excludes 1"),
        ("hazard_ratio", "2.31 (1.05–5.07)", "0.003", "p_of_interval", None, "this interval gives P"),
        ("hazard_ratio", "1.50 (0.75–3.00)", "0.001", "p_of_interval", False, "the interval includes 1"),
        ("hazard_ratio", "1.50 (0.75–3.00)", "<0.05", "p_of_interval", None, "the interval includes 1"),
        ("hazard_ratio", "2.31 (1.05–5.07)", "0.051", "p_of_interval", None, "the interval excludes 1"),
    ],
)
def test_intervals(study, statistic, value, p, kind, holds, words):
    figures = [figure("smoker", statistic, value, group="model")]
    found = check_figures(study, [*figures, *([figure("smoker", "p", p, group="model")] if p else [])])
    if kind is None:
        assert not found
        return
    check = one(found)
    assert (check.kind, check.holds) == (kind, holds)
    assert words in check.reason


def test_survival(study):
    one_year, two_years = (figure("days", "survival", v, level=t) for v, t in (("73.6 (60.1–83.0)", "365"), ("50.0", "730")))
    assert not check_figures(study, [one_year, two_years])
    check = one(check_figures(study, [one_year, figure("days", "survival", "73.7", level="730")]))
    assert (check.kind, check.holds) == ("order", False)
    assert "survival rises from Table 1: 73.6 (60.1–83.0) at 365" in check.reason
    check = one(check_figures(study, [figure("days", "survival", "83.6 (60.1–83.0)", level="365")]))
    assert (check.kind, check.holds) == ("interval", False)


def test_the_level_of_an_interval_is_read_from_its_note(study):
    ratio = figure("smoker", "hazard_ratio", "2.31 (1.05–5.07)", group="model", note="90 % CI; 95 % of patients seen")
    assert not check_figures(study, [ratio, figure("smoker", "p", "0.08", group="model")])
    assert not check_figures(study, [ratio, figure("smoker", "p", ".08", group="model")])
