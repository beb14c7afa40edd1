"""printed_summaries.py: summaries of one variable that contradict each other are told."""

import pytest

from printcheck.audit.arithmetic import check_figures
from printed_figures import figure, one, percent, printed_study, total


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return printed_study(tmp_path_factory.mktemp("study"))


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ([("min", 2), ("max", 9), ("median", 5), ("mean", "5.5"), ("q1", 4), ("q3", 7)], ""),
        ([("min", 6), ("median", 5)], "least 6, above the median 5"),
        ([("q1", "5.5"), ("q3", "5.0")], "first quartile 5.5, above the third quartile 5.0"),
        ([("max", 9), ("mean", "9.6")], "mean 9.6, above the greatest 9"),
        ([("min", 9), ("mean", "8.2")], "least 9, above the mean 8.2"),
        ([("max", 31)], "outside 0 to 30"),
        ([("mean", "-1.0")], "outside 0 to 30"),
        ([("min", 0), ("max", 10), ("mean", "5.0"), ("sd", "6.1")], "have an SD of at most"),
        ([("min", 0), ("max", 10), ("sd", "0.9")], "have an SD of at least"),
        ([("mean", "5.0"), ("mean", "5.2")], "another mean than Table 1: 5.0"),
        ([("mean", "5.04"), ("mean", "5.0")], ""),
    ],
)
def test_order(study, figures, words):
    found = check_figures(
        study, [total(20), *(figure("visits", statistic, value, id=f"f{i}") for i, (statistic, value) in enumerate(figures))]
    )
    found = [check for check in found if check.kind != "grim"]
    if not words:
        assert not found
        return
    check = one(found)
    assert (check.kind, check.holds) == ("order", False)
    assert words in check.reason


def test_figures_of_two_numbers(study):
    assert not check_figures(study, [figure("smoker", "n/N", "5/10"), percent("50.0", 10)])
    assert one(check_figures(study, [figure("smoker", "n/N", "5/10"), percent("51.0", 10)])).kind == "rounding"
    assert "more than 10" in one(check_figures(study, [figure("smoker", "n/N", "11/10")])).reason
    pairs = [figure("visits", "range", "2–9"), figure("visits", "iqr", "4–7")]
    assert not check_figures(study, [*pairs, figure("visits", "median", 5)])
    check = one(check_figures(study, [*pairs, figure("visits", "median", 8)]))
    assert "median 8, above the third quartile 7" in check.reason
    assert one(check_figures(study, [figure("visits", "range", "9–2")])).figures == ("visits__all_range",)


def test_a_part_stays_within_the_whole(study):
    whole = [figure("age", "min", 25), figure("age", "max", 90)]
    assert not check_figures(
        study, [*whole, figure("age", "min", 25, group="dead"), figure("age", "value", 90, group="second")]
    )
    check = one(check_figures(study, [*whole, figure("age", "min", 24, group="dead")]))
    assert "a least below the least of all, 25" in check.reason
    check = one(check_figures(study, [*whole, figure("age", "value", 91, group="second")]))
    assert "a value above the greatest of all, 90" in check.reason


def test_means_of_groups_and_of_counts(study):
    sizes = [total(10), total(4, "dead"), total(6, "alive")]
    groups = [figure("visits", "mean", "2.5", group="dead"), figure("visits", "mean", "5.0", group="alive")]
    assert not check_figures(study, [*sizes, *groups, figure("visits", "mean", "4.0")])
    check = one(check_figures(study, [*sizes, *groups, figure("visits", "mean", "4.5")]))
    assert (check.kind, check.holds) == ("order", False)
    assert check.figures == ("visits__alive_mean", "visits__dead_mean", "visits__all_mean")
    assert check.recomputed == "5.68 to 6.03"  # (44.5 - 4 x 2.6) / 6 to (46 - 4 x 2.45) / 6
    counts = [figure("visits", "n", n, level=level) for level, n in (("0", 2), ("4", 3), ("6", 5))]
    assert not check_figures(study, [*sizes, *counts, figure("visits", "mean", "4.2")])
    check = one(check_figures(study, [*sizes, *counts, figure("visits", "mean", "4.4")]))
    assert (check.figures[0], check.recomputed) == ("visits__all_mean", "4.20")
    found = check_figures(study, [*sizes, *counts, *groups])
    assert not [check for check in found if check.holds is False and "alive" not in check.figures[0]]


def test_means_against_bands(study):
    bands = [figure("age_band", "n", 6, level="young"), figure("age_band", "n", 4, level="old")]
    ends = [figure("age", "min", 20), figure("age", "max", 80)]
    # from 6 x 20 + 4 x 41 to 6 x 40 + 4 x 80
    for mean, holds in (("28.4", True), ("56.0", True), ("28.0", False), ("57.0", False)):
        found = check_figures(study, [total(10), *bands, *ends, figure("age", "mean", mean)])
        assert (not found) == holds, found
    assert "28.40 to 56.00" in found[0].reason
