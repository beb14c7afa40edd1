"""compare.py: the choice of a test, and a comparison that agrees with the statistics it is made of."""

import csv
import doctest
import math
from typing import get_args

import pandas as pd
import pytest

import cohortbook as cb
import tiny
from alike import assert_alike, near
from groups import REFERENCE, rows_of, table_of, tally_of
from studyfile.study import study_checks
from studyfile.study.schema import ComparisonRow
from tallystats.results import UndefinedWarning
from tallystats.statistics import compare, compare_several
from tallystats.statistics.compare import SUITED, TESTS, choose_test, compare_variable
from tallystats.statistics.describe import shapiro_wilk, summarise
from tallystats.statistics.effects import mean_difference, odds_ratio, standardised_difference
from tallystats.statistics.printed_tests import COUNTED, TABLED
from tallystats.statistics.rank_and_t_tests import NUMBERED
from tallystats.tally import Tally

NORMAL = [float(k) for k in (-17, -12, -8, -5, -3, -1, 1, 3, 5, 8, 12, 17)]
SKEWED = [0.0, 0, 1, 1, 2, 2, 3, 5, 8, 13, 40, 300]
ZERO_CELL = [[51, 0], [18, 3]]
LARGE = [[250, 300], [410, 90]]


@pytest.mark.parametrize(
    ("compared", "other", "test", "reason"),
    [
        (
            NORMAL,
            NORMAL,
            "student_t",
            "Shapiro-Wilk does not reject normality overall, in group no and in group yes, hence Student's t test",
        ),
        (SKEWED, NORMAL, "mann_whitney", "Shapiro-Wilk rejects normality overall and in group yes, hence Mann-Whitney's test"),
        (
            [k / 100 for k in NORMAL],
            [500 + k / 100 for k in NORMAL],
            "mann_whitney",
            "Shapiro-Wilk rejects normality overall, hence Mann-Whitney's test",
        ),
        (
            [1.0, 2.0],
            NORMAL,
            "student_t",
            "Shapiro-Wilk does not reject normality overall and in group no, "
            "hence Student's t test; Shapiro-Wilk is undefined in group yes",
        ),
        (
            [1.0],
            [1.0, 1.0],
            "student_t",
            "nothing speaks against Student's t test; Shapiro-Wilk is undefined overall, in group no and in group yes",
        ),
    ],
    ids=["normal", "a skewed group", "skewed overall only", "a group of two", "constant"],
)
@pytest.mark.filterwarnings("ignore::tallystats.results.UndefinedWarning")
def test_normality_chooses_between_t_and_ranks(compared, other, test, reason):
    tally = tally_of(compared, other)
    choice = choose_test(tally, "value", "group", "continuous")
    assert (choice.test, choice.reason) == (test, reason)
    assert [result.group for result in choice.evidence] == [None, False, True]
    assert [result.n for result in choice.evidence] == [len(compared) + len(other), len(other), len(compared)]
    assert_alike(choice.evidence[0], shapiro_wilk(tally, "value"))
    assert len(choice.frame) == 3


def test_significance_moves_the_choice():
    tally = tally_of(SKEWED, NORMAL)
    assert choose_test(tally, "value", "group", "count", significance=1e-12).test == "student_t"


def test_sentence_takes_the_labels_of_the_groups():
    choice = choose_test(tally_of(SKEWED, NORMAL), "value", "group", "count", group_labels=("held", "failed"))
    assert "overall and in group failed" in choice.reason


def test_evidence_leaves_out_patients_without_a_group():
    rows = rows_of(SKEWED, NORMAL)
    extra = rows.tail(2).assign(group=pd.NA).astype(rows.dtypes)
    evidence = choose_test(Tally.from_rows(pd.concat([rows, extra])), "value", "group", "continuous").evidence
    assert evidence[0].n == len(rows)


@pytest.mark.parametrize("kind", ["binary", "category", "ordered"])
def test_levels_are_compared_by_chi_square(kind):
    choice = choose_test(table_of(LARGE), "value", "group", kind)
    assert (choice.test, choice.evidence) == ("pearson_chi_square", ())
    assert choice.frame.empty


@pytest.mark.parametrize("test", ["auto", "student_t", "welch_t", "mann_whitney"])
def test_numeric_comparison_is_made_of_the_statistics(test):
    tally = Tally(tally_of(SKEWED, NORMAL).frame, "implied")
    result = compare_variable(tally, "value", "group", kind="continuous", test=test, confidence_level=0.9)
    name = "mann_whitney" if test == "auto" else test
    interval = "student" if test == "student_t" else "welch"
    assert result.choice.test == name
    assert len(result.choice.evidence) == 3
    assert ("analysis plan" in result.choice.reason) == (test != "auto")
    assert result.test == TESTS[name](tally, "value", "group") or test in ("student_t", "welch_t", "mann_whitney", "auto")
    assert result.test.p_value == TESTS[name](tally, "value", "group").p_value
    assert result.effect == mean_difference(tally, "value", "group", method=interval, confidence_level=0.9)
    assert result.standardised_difference.estimate == near(standardised_difference(tally, "value", "group").estimate)
    assert [group.mean for group in result.groups] == [sum(NORMAL) / 12, sum(SKEWED) / 12]
    assert [group.group for group in result.groups] == [False, True]
    assert (result.fisher, result.expected_below_5, result.provenance) == (None, False, "implied")


def test_missing_values_are_counted_in_each_group():
    tally = tally_of([*SKEWED, None], [*NORMAL, None, None])
    result = compare_variable(tally, "value", "group", kind="continuous")
    assert [group.n_missing for group in result.groups] == [2, 1]
    assert (result.test.n, result.test.n_missing) == (24, 3)


@pytest.mark.parametrize(("cells", "interval", "below"), [(LARGE, "Woolf", False), (ZERO_CELL, "conditional exact", True)])
def test_two_levels_get_fisher_and_an_odds_ratio(cells, interval, below, recwarn):
    tally = table_of(cells)
    result = compare_variable(tally, "value", "group", kind="binary")
    assert [group.counts for group in result.groups] == list(zip(*cells, strict=True))
    assert result.test.p_value == TESTS["pearson_chi_square"](tally, "value", "group").p_value
    assert result.fisher.p_value == TESTS["fisher_exact"](tally, "value", "group").p_value
    assert result.effect.method == interval
    assert result.effect == near(odds_ratio(tally, "value", "group", method="woolf" if interval == "Woolf" else "exact"))
    assert result.expected_below_5 is below
    assert not recwarn.list


def test_fisher_may_be_the_test_itself():
    result = compare_variable(table_of(ZERO_CELL), "value", "group", kind="binary", test="fisher_exact")
    assert result.test.p_value == result.fisher.p_value
    assert result.test.method == "Fisher's exact"
    assert result.expected_below_5


def test_more_levels_have_no_single_effect():
    result = compare_variable(table_of([[10, 5], [20, 5], [30, 5]]), "value", "group", kind="category")
    assert (result.effect, result.fisher, result.expected_below_5) == (None, None, True)
    frame = result.frame
    assert math.isnan(frame.at[0, "estimate"])
    assert frame.at[0, "standardised_difference"] > 0


@pytest.mark.parametrize(
    ("tally", "kind", "reasons"),
    [
        (table_of([[0, 0], [69, 3]]), "binary", "every patient has the same value"),
        (table_of([[9, 0], [69, 0]]), "binary", "a group is empty"),
        (tally_of([2.0] * 3, [2.0] * 9), "count", "every patient has the same value"),
        (tally_of([None], [None]), "count", "no patient has both values"),
        (tally_of([1.0], [2.0, 3, 4, 90]), "continuous", "a group of one patient has no variance"),
    ],
    ids=["constant levels", "empty group", "constant number", "all missing", "one patient"],
)
def test_one_warning_says_what_is_undefined(tally, kind, reasons, recwarn):
    result = compare_variable(tally, "value", "group", kind=kind)
    assert [str(warning.message) for warning in recwarn] == [f"comparison of value by group: {reasons}"]
    assert recwarn[0].category is UndefinedWarning
    assert recwarn[0].filename == __file__
    assert math.isnan(result.standardised_difference.estimate)
    assert len(result.frame) == 1


def test_frame_is_one_tidy_row():
    result = compare_variable(table_of(LARGE), "value", "group", kind="binary")
    row = result.frame.iloc[0]
    assert len(result.frame) == 1
    for name, value in {
        "term": "value",
        "method": "Pearson chi-square",
        "p_value": result.test.p_value,
        "df": 1,
        "n": 1050,
        "effect": "odds ratio",
        "estimate": result.effect.estimate,
        "conf_low": result.effect.conf_low,
        "conf_high": result.effect.conf_high,
        "effect_method": "Woolf",
        "fisher_p_value": result.fisher.p_value,
        "standardised_difference": result.standardised_difference.estimate,
        "expected_below_5": 0,
    }.items():
        assert row[name] == value, name


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda t: choose_test(t, "value", "group", "date"), "kind: 'date'; expected one of continuous, count, binary"),
        (lambda t: choose_test(t, "value", "value", "count"), "by: 'value' is of type float64 with 4 levels"),
        (lambda t: choose_test(t, "group", "group", "count"), "variable: 'group' is of type boolean; expected numbers"),
        (lambda t: compare_variable(t, "age", "group", kind="count"), "variable: 'age' is not in the tally"),
        (lambda t: compare_variable(t, "value", "group", kind="dates"), "kind: 'dates'; expected one of continuous"),
        (
            lambda t: compare_variable(t, "value", "group", kind="continuous", test="fisher_exact"),
            "test: 'fisher_exact' of a variable of kind 'continuous'; expected auto, mann_whitney",
        ),
        (
            lambda t: compare_variable(t, "value", "group", kind="category", test="mann_whitney"),
            "test: 'mann_whitney' of a variable of kind 'category'; expected auto, pearson_chi_square, yates_chi_square",
        ),
        (lambda t: compare_variable(t, "value", "group", kind="count", confidence_level=95), "confidence_level: 95"),
    ],
)
def test_errors_name_the_argument_and_the_expectation(call, message):
    with pytest.raises(ValueError, match=message):
        call(tally_of([1.0, 2.0], [3.0, 4.0]))


with (REFERENCE / "candidate_tests.csv").open(encoding="utf-8") as file:
    BY_R = list(csv.DictReader(file))


@pytest.mark.parametrize("row", BY_R, ids=lambda row: f"{row['test']}, {row['case']}")
def test_every_test_that_a_plan_may_name_is_as_r_has_it(row):
    kind, _, text = row["case"].partition(" ")
    if kind == "numbers":
        ones, zeros = ([float(x) for x in part.split()] for part in text.split("|"))
        tally = tally_of(ones, zeros)
    elif kind == "levels":
        ones, zeros = ([int(n) for n in part.split()] for part in text.split("|"))
        tally = table_of([[b, a] for a, b in zip(ones, zeros, strict=True)])
    else:
        a, n1, b, n0 = map(int, text.split())
        tally = table_of([[n0 - b, n1 - a], [b, a]])
    assert TESTS[row["test"]](tally, "value", "group").p_value == pytest.approx(float(row["p"]), rel=1e-8)


def test_a_plan_may_name_what_can_be_computed_and_audited():
    named = set(get_args(ComparisonRow.model_fields["test"].annotation)) - {"auto"}
    assert named == {*TESTS, *compare_several.TESTS}
    assert set(TESTS) == {*COUNTED, *TABLED, *NUMBERED} == {test for tests in SUITED.values() for test in tests}
    assert {(test, kind) for test, kinds in study_checks.SUITED.items() for kind in kinds} == {
        (test, kind) for kind, tests in SUITED.items() for test in tests
    }


PLANNED = [("dose", test) for test in SUITED["continuous"]] + [("ill", test) for test in SUITED["binary"]]


@pytest.mark.filterwarnings("ignore::tallystats.results.UndefinedWarning")
@pytest.mark.parametrize(("variable", "test"), PLANNED)
def test_a_study_that_names_a_test_is_compared_by_it(tmp_path, variable, test):
    wanted = f"{{variable: dose}}, {{variable: ill, test: {test}}}"
    wanted = f"{{variable: dose, test: {test}}}, {{variable: ill}}" if variable == "dose" else wanted
    cohort = tiny.load(tmp_path, ("{variable: dose, test: student_t}, {variable: kind}, {variable: ill}", wanted))
    row = next(row for row in cb.compare_groups(cohort).rows if row.term == variable)
    assert row.choice.test == test
    assert 0 < row.test.p_value <= 1 or row.test.reason


def test_a_test_of_two_levels_is_refused_for_three(tmp_path):
    named = ("{variable: kind}, {variable: ill}]\nmodel", "{variable: kind, test: yates_chi_square}]\nmodel")
    cohort = tiny.load(tmp_path, named, rows=tiny.ROWS + "5,30,no,z,no,4,no,1\n")
    with pytest.raises(ValueError, match="variable, by: 'kind' by 'failed' is a table of 3 x 2; expected 2 x 2"):
        cb.compare_groups(cohort)


def test_sum_of_two_hospitals_is_the_cohort():
    added = tally_of(SKEWED, NORMAL) + tally_of(NORMAL, SKEWED[:5])
    together = tally_of(SKEWED + NORMAL, NORMAL + SKEWED[:5])
    assert_alike(
        compare_variable(added, "value", "group", kind="count"), compare_variable(together, "value", "group", kind="count")
    )
    assert summarise(added, "value") == summarise(together, "value")


def test_examples_run():
    tested = doctest.testmod(compare)
    assert tested.attempted > 0
    assert tested.failed == 0
