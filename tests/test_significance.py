"""significance.py: claims of significance, the number of comparisons, and tests that do not exist."""

import pytest
from scipy import stats

from printcheck.audit.arithmetic import check_figures
from printed_figures import figure, one, percent, printed_study, total


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return printed_study(tmp_path_factory.mktemp("study"))


def p_value(variable, value, claim="", **more):
    return figure(variable, "p", value, group="test", claim=claim, **more)


@pytest.mark.parametrize(
    ("value", "claim", "holds", "words"),
    [
        ("0.03", "significant", "plain", ""),
        ("0.05", "*", "plain", ""),
        ("0.06", "significant", False, "called significant, but not below the stated threshold of 0.05"),
        ("<0.001", "*", "plain", ""),
        ("0.06", "**", False, "called significant"),
        ("0.06", "statistically significant", False, "called significant"),
        ("0.06", "a trend", "plain", ""),
        ("0.04", "a trend", "plain", ""),
        ("0.04", "not significant", None, "called not significant, but below"),
        ("0.04", "n.s.", None, "called not significant, but below"),
        ("0.04", "", "plain", ""),
    ],
)
def test_claims_of_significance(study, value, claim, holds, words):
    found = check_figures(study, [p_value("smoker", value, claim)])
    if holds == "plain":
        assert not found
        return
    check = one(found)
    assert (check.kind, check.holds) == ("threshold", holds)
    assert words in check.reason


def test_a_star_left_out_is_told_where_others_have_one(study):
    check = one(check_figures(study, [p_value("smoker", "0.001", "*"), p_value("grade", "0.01")]))
    assert (check.kind, check.holds, check.figures) == ("threshold", None, ("grade__test_p",))
    assert "not marked as significant, as others are" in check.reason


def test_threshold_of_the_paper(study):
    stated = figure("significance", "threshold", "0.01", about="design", level="Bonferroni", id="stated")
    rows = [p_value(v, p, "*") for v, p in (("smoker", "0.02"), ("grade", "0.008"))]
    found = check_figures(study, [stated, *rows, *(p_value(v, "0.5") for v in ("site", "where", "high"))])
    claim = one(found, "threshold")
    assert claim.figures == ("smoker__test_p",)
    assert "threshold of 0.01; it is below 0.05" in claim.reason
    modelled = [figure(v, "p", "0.5", group="model") for v in ("smoker", "high", "grade")]
    assert not [c for c in check_figures(study, [stated, *rows, *modelled]) if "stated" in c.figures]
    # five comparisons: 0.05 / 5 is the threshold stated
    assert one(found, "comparisons").figures == ("smoker__test_p",)
    found = check_figures(study, [stated, *rows])
    named = next(check for check in found if check.figures == ("stated",))
    assert (named.kind, named.holds, named.recomputed) == ("comparisons", None, "0.025")
    assert "0.01 is Bonferroni's threshold for 5 comparisons; 2 are printed, for which it is 0.025" in named.reason


def test_comparisons_by_bonferroni_and_holm(study):
    rows = [p_value("smoker", "0.001", "*"), p_value("grade", "0.021", "*"), p_value("site", "0.5")]
    check = one(check_figures(study, rows))
    assert (check.kind, check.holds, check.figures) == ("comparisons", None, ("grade__test_p",))
    assert "3 comparisons, 0.05 / 3 = 0.017; by Holm's, Table 1: 0.021 would be" in check.reason
    again = figure("smoker", "p", "0.001", group="test", level="yes", claim="*", id="text")
    assert check_figures(study, [*rows, again]) == (check,)


def test_a_p_value_of_what_all_share_does_not_exist(study):
    for shared in (
        [total(10), figure("smoker", "n", 10)],
        [total(10), percent("0.0", 10)],
        [total(4, "dead"), total(6, "alive"), percent("100", 4, group="dead"), percent("100", 6, group="alive")],
        [total(10), figure("grade", "n", 10, level="mid"), p_value("grade", "0.5")],
    ):
        check = one(check_figures(study, [*shared, p_value("smoker", "1.00")]), "undefined_test")
        assert (check.holds, check.recomputed) == (False, "undefined")
        assert "all 10 patients are the same" in check.reason
    assert not check_figures(study, [total(1000), percent("100", 1000), p_value("smoker", "1.00")])
    assert not check_figures(study, [total(10), figure("grade", "n", 0, level="mid"), p_value("grade", "1.00")])


def test_expected_counts(study):
    sizes = [total(72), total(3, "dead"), total(69, "alive")]
    counts = [figure("smoker", "n", 3, group="dead"), percent("26.1", 69, group="alive")]
    check = one(check_figures(study, [*sizes, *counts, p_value("smoker", "0.006")]))
    assert (check.kind, check.holds, check.method) == ("expected_counts", None, "Fisher's exact test")
    expected = stats.contingency.expected_freq([[3, 0], [18, 51]]).min()
    assert f"expects {expected:.2g} patients" in check.reason
    assert check.recomputed == f"{stats.fisher_exact([[3, 0], [18, 51]])[1]:.3g}"
    # those with a value: 3 of 3 and 18 of 60
    fewer = [counts[0], percent("30.0", 60, group="alive")]
    check = one(check_figures(study, [*sizes, *fewer, p_value("smoker", "0.006")]))
    assert check.recomputed == f"{stats.fisher_exact([[3, 0], [18, 42]])[1]:.3g}"
    # the other level is printed, and all or none may have it
    others = [
        figure("smoker", "percent", v, level="no", of=of, group=g) for v, of, g in (("100", 3, "dead"), ("100", 690, "alive"))
    ]
    found = check_figures(study, [*sizes[1:2], total(690, "alive"), *others, p_value("smoker", "0.006")])
    assert one(found).recomputed == "1"
    # Fisher's test was planned
    counts = [figure("where", "n", k, level="here", group=g) for g, k in (("dead", 3), ("alive", 18))]
    assert not check_figures(study, [*sizes, *counts, p_value("where", "0.006")])
    large = [
        total(100),
        total(40, "dead"),
        total(60, "alive"),
        percent("50", 40, group="dead"),
        percent("50", 60, group="alive"),
    ]
    assert not check_figures(study, [*large, p_value("smoker", "1.00")])
    # 2 % of 300 may be 8, and 20 of 400 then make 5 expected of 100
    large = [total(400), total(100, "dead"), total(300, "alive"), percent("12", 100, group="dead")]
    assert not check_figures(study, [*large, percent("2", 300, group="alive"), p_value("smoker", "0.001")])
    found = check_figures(study, [*large, percent("1", 300, group="alive"), p_value("smoker", "0.001")])
    assert "expects 3.5 to 4.3 patients" in one(found).reason


def test_expected_counts_of_three_levels(study):
    sizes = [total(30), total(6, "dead"), total(24, "alive")]
    table = {"low": (1, 9), "mid": (2, 8), "high": (3, 7)}
    counts = [
        figure("grade", "n", k, level=level, group=g)
        for level, pair in table.items()
        for g, k in zip(("dead", "alive"), pair, strict=True)
    ]
    check = one(check_figures(study, [*sizes, *counts, p_value("grade", "0.5")]))
    assert check.kind == "expected_counts"
    assert "expects 2 patients" in check.reason
    # one level against the others
    check = one(check_figures(study, [*sizes, *counts, p_value("grade", "0.5", level="high")]))
    assert check.recomputed == f"{stats.fisher_exact([[3, 3], [7, 17]])[1]:.3g}"


def test_where_no_test_is_stated_only_a_chi_square_that_prints_p_is_told(study):
    figures = [
        total(72),
        total(3, "dead"),
        total(69, "alive"),
        figure("high", "n", 3, level="yes", group="dead"),
        figure("high", "n", 18, level="yes", group="alive"),
    ]
    assert one(check_figures(study, [*figures, p_value("high", "0.006")])).kind == "expected_counts"
    assert not check_figures(study, [*figures, p_value("high", "0.02")])
