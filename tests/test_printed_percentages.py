"""rounding.py and printed_percentages.py: every rule is told, and what no rule prints."""

import decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from printcheck.audit.arithmetic import check_figures
from printcheck.printed.rounding import RULES, counts_by_rule, rounding_rules
from printed_figures import figure, one, percent, printed, printed_study, total


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return printed_study(tmp_path_factory.mktemp("study"))


DECIMAL = {
    RULES[0]: decimal.ROUND_HALF_UP,
    RULES[1]: decimal.ROUND_HALF_EVEN,
    RULES[2]: decimal.ROUND_HALF_DOWN,
    RULES[3]: decimal.ROUND_DOWN,
}


@given(st.data(), st.integers(1, 400), st.integers(0, 2))
def test_rules_are_those_of_decimal_arithmetic(data, of, decimals):
    count = data.draw(st.integers(0, of))
    with decimal.localcontext(prec=60):
        exact = decimal.Decimal(100 * count) / of
        by_rule = {rule: str(exact.quantize(decimal.Decimal(1).scaleb(-decimals), how)) for rule, how in DECIMAL.items()}
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
        (
            [percent("16.6", 6), figure("died", "n", 4), figure("died", "percent", "66.7", of=6)],
            True,
            "truncated",
            "other percentages are rounded",
        ),
        ([percent("17.1", 6)], False, "", "no count of 6 prints so: 1 gives 16.67 and 2 gives 33.33"),
        ([percent("17.1", 6), figure("smoker", "n", 1, of=6)], False, "", "not 1 of 6, which is 16.667 % (Table 1: 1)"),
        ([percent("25.0", 8), figure("smoker", "n", 1, of=8)], False, "", "1 of 4 would print so"),
    ],
)
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
    parts = [
        figure("site", "percent", "44.4", level="north", of=72, source="Table 4"),
        figure("site", "percent", "36.1", level="south", of=72, source="Table 4"),
    ]
    check = one(check_figures(study, [figure("site", "percent", "80.5", level="north or south", of=72), *parts]))
    assert (check.kind, check.holds, check.method) == ("rounding", True, "sum of rounded parts")
    assert set(check.figures) == {"site_north or south_all_percent", "site_north_all_percent", "site_south_all_percent"}
    assert "Table 4: 44.4 and 36.1" in check.reason
    counts = [figure("site", "n", 32, level="north"), figure("site", "n", 26, level="south")]
    check = one(check_figures(study, [figure("site", "percent", "80.5", level="north or south", of=72), *parts, *counts]))
    assert check.recomputed == "80.56"
    # what is left of 100, derived variables followed to what they are made of
    left = [figure("where", "percent", "33.4", level="elsewhere", of=6), figure("site", "percent", "66.6", level="north", of=6)]
    found = {check.figures[0]: check for check in check_figures(study, left)}
    assert found["where_elsewhere_all_percent"].method == "100 less rounded parts"


def test_percentage_of_those_with_a_value(study):
    counts = [figure("site", "n", n, level=level) for level, n in (("north", 20), ("south", 4), ("off", 30))]
    shares = [
        figure("site", "percent", share, level=level) for level, share in (("north", "37.0"), ("south", "7.4"), ("off", "55.6"))
    ]
    found = check_figures(study, [total(60), *counts, *shares])
    assert {(c.kind, c.holds, c.method) for c in found} == {
        ("levels", True, "of the 54 patients with a value"),
        ("levels", None, ""),
    }
    stated = [figure("site", "percent", f.value, level=f.level, of=54) for f in shares]
    found = check_figures(study, [total(60), *counts, *stated])
    assert {c.method for c in found if c.holds} == {"of the 54 patients with a value"}
    # one share that fits another number: a warning where no row says of how many, an error where it does
    check = one(check_figures(study, [total(60), figure("smoker", "n", 6), figure("smoker", "percent", "12.0")]))
    assert (check.kind, check.holds, check.method) == ("levels", None, "of 50")
    check = one(check_figures(study, [total(60), figure("smoker", "n", 6), percent("12.0", 60)]))
    assert (check.kind, check.holds) == ("rounding", False)
