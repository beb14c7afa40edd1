"""arithmetic.py and what it calls: what numbers cannot be is found, and nothing is said of tables that data print."""

import decimal
import itertools
import math
import random
import re
import statistics
from collections import defaultdict
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cohortbook.arithmetic import check_figures
from cohortbook.checks import Check, covers
from cohortbook.grim import grim, grimmer, largest_sd, reachable
from cohortbook.printed_intervals import implied_p
from cohortbook.published import COLUMNS, Figure, Interval, read_published, round_half_away
from cohortbook.rounding import RULES, counts_by_rule, rounding_rules
from cohortbook.study import load_study
from cohortbook.values import derive_value
from studies import write_study

PLAN = """\
comparison:
  number: "7"
  title: C
  groups: died
  rows: [{variable: grade}, {variable: smoker}, {variable: where, test: fisher_exact}, {variable: visits}]
published:
  groups:
    dead: {where: {died: "yes"}}
    alive: {where: {died: "no"}}
    test: {compare: died}
    model: {model: true}
    second: {patient: 2}
model: {number: "8", title: M, outcome: died, candidates: [smoker, high]}
"""
RANGED = ("visits: {label: Visits, kind: count}", "visits: {label: Visits, kind: count, range: [0, 30]}")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return load_study(write_study(tmp_path_factory.mktemp("study"), RANGED, extra=PLAN))


def figure(variable, statistic, value, *, level="", group="all", of=None, id="", source="Table 1", **more):
    row = dict.fromkeys(COLUMNS, "") | {"about": "cohort", "source": source, "value": str(value)} | more
    return Figure(**row | {"id": id or f"{variable}_{level}_{group}_{statistic}", "variable": variable, "level": level,
                           "group": group, "statistic": statistic, "denominator": of})  # fmt: skip


def total(value, group="all", **more):
    return figure("", "total", value, group=group, **more)


def percent(value, of, **more):
    return figure("smoker", "percent", value, of=of, **more)


def one(found, kind=None):
    """Return the only check, of a kind where one is given."""
    found = [check for check in found if kind in (None, check.kind)]
    assert len(found) == 1, found
    return found[0]


def about(text):
    unit = Fraction(1, 10 ** len(text.partition(".")[2]))
    return Interval(Fraction(text) - unit / 2, Fraction(text) + unit / 2)


def printed(value, decimals):
    return f"{float(round_half_away(value, decimals)):.{decimals}f}"


# Rounding ------------------------------------------------------------------------------------------------------------

DECIMAL = {RULES[0]: decimal.ROUND_HALF_UP, RULES[1]: decimal.ROUND_HALF_EVEN, RULES[2]: decimal.ROUND_HALF_DOWN,
           RULES[3]: decimal.ROUND_DOWN}  # fmt: skip


@given(st.data(), st.integers(1, 400), st.integers(0, 2))
def test_rules_are_those_of_decimal_arithmetic(data, of, decimals):
    count = data.draw(st.integers(0, of))
    with decimal.localcontext(prec=60):
        exact = decimal.Decimal(100 * count) / of
        by_rule = {
            rule: str(exact.quantize(decimal.Decimal(1).scaleb(-decimals), how)) for rule, how in DECIMAL.items()
        }
    for value in by_rule.values():
        expected = tuple(rule for rule in RULES if by_rule[rule] == value)
        assert rounding_rules(percent(value, of), count, of) == expected
        assert all(count in counts_by_rule(percent(value, of), of)[rule] for rule in expected)


@given(st.integers(1, 60), st.integers(0, 1000), st.integers(0, 1))
def test_counts_by_rule_are_all_there_are(of, shown, decimals):
    text = printed(Fraction(min(shown, 100 * 10**decimals), 10**decimals), decimals)
    found = counts_by_rule(percent(text, of), of)
    for rule in RULES:
        assert found[rule] == tuple(k for k in range(of + 1) if rule in rounding_rules(percent(text, of), k, of))


@pytest.mark.parametrize(
    ("figures", "holds", "method", "words"),
    [
        ([percent("12.5", 40), figure("smoker", "n", 5, of=40)], "plain", "", ""),
        ([percent("12", 40), figure("smoker", "n", 5, of=40)], True, "half to even", "half to even; 5 of 40 is 12.50 %"),
        ([percent("37", 40), figure("smoker", "n", 15, of=40)], True, "half towards zero", "rounded half towards zero"),
        ([percent("16.6", 6), figure("smoker", "n", 1, of=6)], True, "truncated", "cut off after the last digit, not rounded"),
        ([percent("16.6", 6)], True, "truncated", "cut off"),
        ([percent("16.6", 6), figure("died", "n", 5), figure("died", "percent", "83.3", of=6)], True, "truncated", "cut off"),
        ([percent("16.6", 6), figure("died", "n", 4), figure("died", "percent", "66.7", of=6)], True, "truncated",
         "other percentages are rounded"),
        ([percent("17.1", 6)], False, "", "no count of 6 prints so: 1 gives 16.67 and 2 gives 33.33"),
        ([percent("17.1", 6), figure("smoker", "n", 1, of=6)], False, "", "not 1 of 6, which is 16.667 % (Table 1: 1)"),
        ([percent("25.0", 8), figure("smoker", "n", 1, of=8)], False, "", "1 of 4 would print so"),
    ],
)  # fmt: skip
def test_percentages(study, figures, holds, method, words):
    found = check_figures(study, figures)
    if holds == "plain":
        assert not found
        return
    check = one(found, "rounding")
    assert (check.holds, check.method) == (holds, method)
    assert check.figures[0] == figures[0].id
    assert words in check.reason


def test_sum_of_rounded_percentages(study):
    parts = [figure("site", "percent", "44.4", level="north", of=72, source="Table 4"),
             figure("site", "percent", "36.1", level="south", of=72, source="Table 4")]  # fmt: skip
    check = one(check_figures(study, [figure("site", "percent", "80.5", level="north or south", of=72), *parts]))
    assert (check.kind, check.holds, check.method) == ("rounding", True, "sum of rounded parts")
    assert set(check.figures) == {"site_north or south_all_percent", "site_north_all_percent", "site_south_all_percent"}
    assert "Table 4: 44.4 and 36.1" in check.reason
    counts = [figure("site", "n", 32, level="north"), figure("site", "n", 26, level="south")]
    check = one(
        check_figures(study, [figure("site", "percent", "80.5", level="north or south", of=72), *parts, *counts])
    )
    assert check.recomputed == "80.56"
    # what is left of 100, derived variables followed to what they are made of
    left = [
        figure("where", "percent", "33.4", level="elsewhere", of=6),
        figure("site", "percent", "66.6", level="north", of=6),
    ]
    found = {check.figures[0]: check for check in check_figures(study, left)}
    assert found["where_elsewhere_all_percent"].method == "100 less rounded parts"


def test_percentage_of_those_with_a_value(study):
    counts = [figure("site", "n", n, level=level) for level, n in (("north", 20), ("south", 4), ("off", 30))]
    shares = [
        figure("site", "percent", share, level=level)
        for level, share in (("north", "37.0"), ("south", "7.4"), ("off", "55.6"))
    ]
    found = check_figures(study, [total(60), *counts, *shares])
    assert {(c.kind, c.holds, c.method) for c in found} == {("levels", True, "of the 54 patients with a value"),
                                                           ("levels", None, "")}  # fmt: skip
    stated = [figure("site", "percent", f.value, level=f.level, of=54) for f in shares]
    found = check_figures(study, [total(60), *counts, *stated])
    assert {c.method for c in found if c.holds} == {"of the 54 patients with a value"}
    # one share that fits another number: a warning where no row says of how many, an error where it does
    check = one(check_figures(study, [total(60), figure("smoker", "n", 6), figure("smoker", "percent", "12.0")]))
    assert (check.kind, check.holds, check.method) == ("levels", None, "of 50")
    check = one(check_figures(study, [total(60), figure("smoker", "n", 6), percent("12.0", 60)]))
    assert (check.kind, check.holds) == ("rounding", False)


# Adding up -----------------------------------------------------------------------------------------------------------


def test_covers_are_every_partition():
    cells = {name: frozenset((c,) for c in name) for name in ("a", "b", "c", "ab", "bc", "abc", "cd")}
    found = {frozenset(cover) for cover in covers(cells["abc"], cells.values())}
    expected = {frozenset(cells[n] for n in names.split()) for names in ("abc", "ab c", "a bc", "a b c")}
    assert found == expected
    assert not list(covers(cells["cd"], [cells["c"]]))


@pytest.mark.parametrize(
    ("counts", "kind", "holds", "words"),
    [
        ([("site", "north", 5), ("site", "south", 3), ("site", "off", 2)], None, None, ""),
        ([("site", "north", 5), ("site", "south", 3), ("site", "off", 3)], "levels", False,
         "levels that exclude each other (Table 1: 5, 3 and 3) are 11 patients, but there are 10"),
        ([("site", "north", 5), ("site", "south", 6)], "levels", False, "are 11 patients"),
        ([("site", "north", 5), ("site", "south", 3)], None, None, ""),
        ([("site", "north", 5), ("site", "south", 3), ("site", "off", 1)], "levels", None,
         "all levels (Table 1: 5, 3 and 1) are 9 of 10 patients; 1 would have no value"),
        ([("site", "south", 3), ("site", "off", 2), ("site", "south or off", 6)], "subtotal", False,
         "its parts (Table 1: 3 and 2) make 5"),
        ([("site", "south", 3), ("where", "elsewhere", 2)], "subtotal", False, "its parts (Table 1: 3) make 3"),
        ([("visits", "0", 7), ("visits", "1", 4)], "levels", False, "are 11 patients"),
        ([("visits", "0", 6), ("visits", "1", 3)], None, None, ""),
        # before and after: five of grade low cannot be six who went from low to high
        ([("grade", "low", 5), ("course", "low to high", 6)], "subtotal", False, "make 6"),
        ([("course", "low to high", 2), ("course", "low to mid", 1), ("course", "mid to high", 2), ("change", "improved", 6)],
         "subtotal", False, "make 5"),
        ([("course", "low to high", 2), ("course", "low to mid", 1), ("course", "low to low", 1), ("grade", "low", 5)],
         "subtotal", None, "make 4"),
        ([("grade", "low", 5), ("change", "improved or unchanged", 4)], "subtotal", None, "make 5"),
        ([("site", "north or south", 9), ("site", "north", 1), ("site", "off", 2)], "levels", False, "are 11 patients"),
        # nobody can improve from the highest level
        ([("grade", "high", 7), ("change", "improved", 4)], "levels", False, "are 11 patients"),
        ([("smoker", "", 11)], "subtotal", False, "more than 10"),
    ],
)  # fmt: skip
def test_levels_and_subtotals(study, counts, kind, holds, words):
    found = check_figures(study, [total(10), *(figure(v, "n", n, level=level) for v, level, n in counts)])
    if kind is None:
        assert not found
        return
    check = next(c for c in found if c.kind == kind)
    assert check.holds is holds
    assert words in check.reason


def test_parts_are_counted_though_their_sum_is_printed_roughly(study):
    rough = figure("site", "percent", "50", level="north or south", of=400)
    counts = [figure("site", "n", n, level=level) for level, n in (("north", 150), ("south", 53), ("off", 198))]
    assert "are 401 patients" in one(check_figures(study, [total(400), rough, *counts])).reason


def test_one_error_is_told_once(tmp_path):
    again = ("  where: {label", "  back: {label: Back, transition: [later, grade]}\n  where: {label")
    study = load_study(write_study(tmp_path, RANGED, again, extra=PLAN))
    counts = [figure("grade", "n", n, level=level) for level, n in (("low", 5), ("mid", 6))]
    assert one(check_figures(study, [total(10), *counts])).kind == "levels"


def test_counts_of_others_are_left_alone(study):
    assert not check_figures(study, [percent("50.0", 10), figure("smoker", "n", 4, of=8)])
    assert not check_figures(
        study, [figure("visits", "mean", "5.0", of=20), figure("visits", "mean", "5.2", of=18, id="b")]
    )
    counts = [figure("visits", "n", n, level=level) for level, n in (("0", 2), ("4", 3), ("6", 5))]
    assert not check_figures(study, [total(10), *counts, figure("visits", "mean", "4.4", of=9)])
    assert not check_figures(study, [total(12), *counts, figure("visits", "mean", "4.4", of=10)])


def test_the_same_patients_counted_twice(study):
    check = one(check_figures(study, [figure("smoker", "n", 4), figure("smoker", "n", 5, level="yes", id="text")]))
    assert (check.kind, check.holds, check.figures) == ("subtotal", False, ("text", "smoker__all_n"))
    check = one(check_figures(study, [total(10), total(11, id="other")]))
    assert check.figures == ("other", "__all_total")
    assert not check_figures(study, [percent("75", 72, id="text"), percent("75.0", 72)])
    assert one(check_figures(study, [percent("75", 72), percent("76.4", 72, id="b")])).kind == "subtotal"


def test_groups_add_up_to_all(study):
    sizes = [total(10), total(4, "dead"), total(6, "alive")]
    groups = [percent("25.0", 4, group="dead"), percent("50.0", 6, group="alive")]
    assert not check_figures(study, [*sizes, *groups, figure("smoker", "n", 4)])
    for wrong in (3, 5):
        check = one(check_figures(study, [*sizes, *groups, figure("smoker", "n", wrong)]))
        assert (check.kind, check.holds, check.figures[0]) == ("subtotal", False, "smoker__all_n")
        assert "make 4" in check.reason
    # without all patients in the groups, only too many is wrong
    fewer = [total(12), *sizes[1:]]
    assert one(check_figures(study, [*fewer, *groups, figure("smoker", "n", 5)]), "subtotal").holds is None
    assert one(check_figures(study, [*fewer, *groups, figure("smoker", "n", 3)]), "subtotal").holds is False
    # the sizes are counts of the variable that makes the groups
    found = check_figures(study, [total(10), total(4, "dead"), total(7, "alive")])
    assert one(found).kind == "levels"
    assert one(check_figures(study, [total(4, "dead"), figure("died", "n", 3)])).kind == "subtotal"


def test_a_percentage_of_more_than_there_are_is_told(study):
    check = one(check_figures(study, [total(4, "dead"), percent("20.0", 5, group="dead")]))
    assert (check.kind, check.holds, check.figures[1]) == ("subtotal", None, "__dead_total")
    assert ": of 5, but there are only 4, dead" in check.reason


def test_the_count_that_does_not_add_up_is_blamed_first(study):
    shares = [percent("40.0", 10), figure("smoker", "percent", "60.0", level="no", of=10)]
    right, wrong = figure("smoker", "n", 6, level="no"), figure("smoker", "n", 5, level="yes")
    found = check_figures(study, [total(10), *shares, right, wrong])
    assert one(found, "rounding").figures[0] == wrong.id
    assert one(found, "levels").figures[0] == wrong.id
    found = check_figures(study, [total(10), percent("50.0", 10), right, figure("smoker", "n", 4, level="yes")])
    assert one(found).figures[0] == "smoker__all_percent"


# GRIM and GRIMMER ----------------------------------------------------------------------------------------------------


@given(st.integers(1, 40), st.integers(0, 999), st.integers(0, 2), st.sampled_from([1, 0.5, 0.1]))
def test_grim_is_the_search_of_every_sum(n, shown, decimals, step):
    text = printed(Fraction(shown, 10**decimals), decimals)
    interval, step_ = about(text), Fraction(str(step))
    sums = range(int(interval.low * n / step_) - 1, int(interval.high * n / step_) + 2)
    assert grim(interval, n, step=step) == any(interval.low <= s * step_ / n <= interval.high for s in sums)


def test_reachable_is_the_search_of_every_list():
    for n, most in ((1, 9), (2, 9), (3, 8), (4, 6), (5, 4), (6, 3)):
        made = {
            (sum(x), sum(v * v for v in x)) for x in itertools.combinations_with_replacement(range(-most, most + 1), n)
        }
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
    for m, s in itertools.product(
        range(3 * 10**decimals + 1, 4 * 10**decimals), range(0, 11 * 10 ** (decimals - 1), 3)
    ):
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
)  # fmt: skip
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


# Order ---------------------------------------------------------------------------------------------------------------


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
    found = check_figures(study, [total(20), *(figure("visits", statistic, value, id=f"f{i}") for i, (statistic, value)
                                               in enumerate(figures))])  # fmt: skip
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


# Intervals -----------------------------------------------------------------------------------------------------------


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
)  # fmt: skip
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
    one_year, two_years = (
        figure("days", "survival", v, level=t) for v, t in (("73.6 (60.1–83.0)", "365"), ("50.0", "730"))
    )
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


# Tests and claims ----------------------------------------------------------------------------------------------------


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
    assert check.recomputed == f"{stats.fisher_exact([[3, 0], [18, 51]])[1]:.4g}"
    # those with a value: 3 of 3 and 18 of 60
    fewer = [counts[0], percent("30.0", 60, group="alive")]
    check = one(check_figures(study, [*sizes, *fewer, p_value("smoker", "0.006")]))
    assert check.recomputed == f"{stats.fisher_exact([[3, 0], [18, 42]])[1]:.4g}"
    # the other level is printed, and all or none may have it
    others = [
        figure("smoker", "percent", v, level="no", of=of, group=g)
        for v, of, g in (("100", 3, "dead"), ("100", 690, "alive"))
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
    assert "expects 3.5 to 4.2 patients" in one(found).reason


def test_expected_counts_of_three_levels(study):
    sizes = [total(30), total(6, "dead"), total(24, "alive")]
    table = {"low": (1, 9), "mid": (2, 8), "high": (3, 7)}
    counts = [figure("grade", "n", k, level=level, group=g) for level, pair in table.items()
              for g, k in zip(("dead", "alive"), pair, strict=True)]  # fmt: skip
    check = one(check_figures(study, [*sizes, *counts, p_value("grade", "0.5")]))
    assert check.kind == "expected_counts"
    assert "expects 2 patients" in check.reason
    # one level against the others
    check = one(check_figures(study, [*sizes, *counts, p_value("grade", "0.5", level="high")]))
    assert check.recomputed == f"{stats.fisher_exact([[3, 3], [7, 17]])[1]:.4g}"


def test_where_no_test_is_stated_only_a_chi_square_that_prints_p_is_told(study):
    figures = [total(72), total(3, "dead"), total(69, "alive"), figure("high", "n", 3, level="yes", group="dead"),
               figure("high", "n", 18, level="yes", group="alive")]  # fmt: skip
    assert one(check_figures(study, [*figures, p_value("high", "0.006")])).kind == "expected_counts"
    assert not check_figures(study, [*figures, p_value("high", "0.02")])


# Whole papers --------------------------------------------------------------------------------------------------------


def test_bundled_study():
    study = load_study("spinal-metastases")
    found = check_figures(study, read_published(study))
    assert {(c.kind, c.holds, c.figures[0]) for c in found if c.kind != "expected_counts"} == {
        ("rounding", True, "text_location_t7_s1_pct"),
        ("order", False, "t7_levels_no_failure_mean"),
        ("undefined_test", False, "t7_percutaneous_screws_p"),
        ("threshold", False, "t7_ais_c_or_worse_p"),
        ("threshold", False, "t7_kyphoplasty_p"),
        ("threshold", False, "t7_postop_complications_p"),
        ("comparisons", None, "text_bonferroni_threshold"),
        ("comparisons", None, "t7_ais_c_or_worse_p"),
    }
    by_first = {c.figures[0]: c for c in found}
    assert by_first["text_location_t7_s1_pct"].recomputed == "80.56"
    assert by_first["t7_levels_no_failure_mean"].recomputed == "2.942"
    # Table 5 gives 210 levels to 72 patients; 7 of them to three with a mean of 2.33.
    assert printed(Fraction(39 * 2 + 6 * 3 + 22 * 4 + 4 * 5 + 6 - 7, 69), 3) == "2.942"
    warned = {c.figures[0] for c in found if c.kind == "expected_counts"}
    assert len(warned) == 6
    assert all(c.holds is None for c in found if c.kind == "expected_counts")


def test_clean_study():
    study = load_study("birthwt")
    found = check_figures(study, read_published(study))
    assert [(c.kind, c.holds) for c in found] == [("comparisons", None)]


def cut(value, decimals):
    return f"{math.floor(value * 10**decimals) / 10**decimals:.{decimals}f}"


def tables(study, rows, shorten):
    """Print tables of patients as a paper would: counts, percentages, summaries, P values."""
    figures = []

    def summarise(chosen, group):
        n = len(chosen)
        figures.append(total(n, group))
        for variable in ("grade", "later", "site", "smoker", "high", "where", "age_band", "change", "course"):
            for level in study.levels(variable):
                count = sum(row[variable] == level for row in chosen)
                figures.append(figure(variable, "n", count, level=level, group=group, of=n))
                figures.append(
                    figure(variable, "percent", shorten(Fraction(100 * count, n), 1), level=level, group=group, of=n)
                )
        for variable in ("age", "visits"):
            values = [row[variable] for row in chosen]
            numbers = {"mean": Fraction(sum(values), n), "median": statistics.median(values)}
            if n > 1:
                numbers["sd"] = statistics.stdev(values)
            figures.extend(
                figure(variable, name, shorten(Fraction(v), 1), group=group, of=n) for name, v in numbers.items()
            )
            figures.extend(figure(variable, k, f(values), group=group, of=n) for k, f in (("min", min), ("max", max)))
        counts = defaultdict(int)
        for row in chosen:
            counts[row["visits"]] += 1
        figures.extend(figure("visits", "n", k, level=str(v), group=group, of=n) for v, k in counts.items())

    summarise(rows, "all")
    for group, died in (("dead", "yes"), ("alive", "no")):
        if chosen := [row for row in rows if row["died"] == died]:
            summarise(chosen, group)
    return figures


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 60), st.sampled_from([printed, cut]))
def test_no_false_alarm_on_tables_that_patients_print(study, seed, n, shorten):
    draw, rows = random.Random(seed), []
    for _ in range(n):
        row = {name: draw.choice(study.levels(name)) for name in ("grade", "later", "site", "smoker", "died")}
        row |= {"age": draw.randint(18, 100), "visits": min(30, int(draw.expovariate(0.5)))}
        for name in ("high", "where", "age_band", "change", "course"):
            row[name] = derive_value(study, name, *(row[parent] for parent in study[name].parents))
        rows.append(row)
    found = check_figures(study, tables(study, rows, shorten))
    assert not [check for check in found if check.holds is not True]
    if shorten is printed:
        assert not found


def test_what_cannot_be_names_the_figure_that_was_altered():
    study = load_study("birthwt")
    figures, draw, found = list(read_published(study)), random.Random(5), 0
    for at, old in enumerate(figures):
        if old.about != "cohort" or old.statistic not in ("n", "percent", "total", "mean", "min", "max"):
            continue
        digit = draw.choice([k for k, c in enumerate(old.value) if c.isdigit()])
        new = str(int(old.value[digit]) + 1)[-1]
        altered = replace(old, value=old.value[:digit] + new + old.value[digit + 1 :])
        wrong = [
            check
            for check in check_figures(study, [*figures[:at], altered, *figures[at + 1 :]])
            if check.holds is False
        ]
        assert all(old.id in check.figures for check in wrong), (altered, wrong)
        found += bool(wrong)
    assert found > 70  # of 77; a mean or an extreme can be another


def test_figures_of_other_things_are_left_alone(study):
    others = [
        figure("anything", "n", 3, about=about, group="elsewhere") for about in ("literature", "narrative", "design")
    ]
    patient = [figure("smoker", "value", "yes", group="second"), figure("surgery", "n", 3, level="2015-01-01")]
    assert check_figures(study, [*others, *patient]) == ()
    assert check_figures(study, []) == ()


def test_checks_name_their_figures_in_plain_words(study):
    figures = [total(10), figure("site", "n", 5, level="north", group="dead"), total(4, "dead")]
    check = one(check_figures(study, figures))
    assert isinstance(check, Check)
    assert re.fullmatch(r"Table 1: 5 \(Site north, dead\): more than 4", check.reason)
