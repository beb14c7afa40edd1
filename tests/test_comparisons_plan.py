"""Three groups and more, two times, a number as outcome and clusters: what the plan computes, shows and says."""

import pytest
from numpy.testing import assert_allclose

import births
import cohortbook as cb
from alike import near
from cohortbook.display.formatters import render
from tallystats.regression.linear import linear_regression
from tallystats.results import NotPlanned
from tallystats.statistics.clusters import intracluster_correlation
from tallystats.statistics.paired import mcnemar, paired_t, stuart_maxwell, wilcoxon_signed_rank


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return births.load(tmp_path_factory.mktemp("births"))


@pytest.fixture(scope="module")
def comparison(cohort):
    return cb.compare_groups(cohort)


@pytest.fixture(scope="module")
def pairs(cohort):
    return cb.compare_pairs(cohort)


def cells(table):
    return [row.cells for row in table.rows]


def test_every_table_is_rectangular(cohort, comparison, pairs):
    results = (pairs, cb.study_paired(cohort), cb.study_linear(cohort), cb.study_clusters(cohort))
    tables = [comparison, cb.tests_table(comparison), cb.effects_table(comparison), cb.adjusted_table(comparison), *results]
    for table in map(cb.table_of, tables):
        assert {len(row) for row in cells(table)} == {len(table.head)}, table.name
        assert not any(word in cell for row in cells(table) for cell in row for word in ("nan", "None")), table.name
        assert not table.frame.empty
    for result in results:
        assert "<table" in render(result)


def test_three_groups_have_a_column_each_after_that_of_all(comparison):
    table = cb.table_of(comparison)
    assert table.head == ("", "All (n = 189)", "white (n = 96)", "black (n = 26)", "other (n = 67)", "P")
    shown = {row[0]: row[1:] for row in cells(table)}
    assert shown["Age, years, median [quartiles]"][-1] == "0.03 a"
    assert shown["Birth weight, g †, mean (SD)"][:4] == ("2945 (729)", "3103 (728)", "2720 (639)", "2805 (722)")
    assert shown["Smoking, n (%)"][:4] == ("74 (39.2)", "52 (54.2)", "10 (38.5)", "12 (17.9)")
    assert shown["heavy"][0].endswith("(26.5)")
    assert "Without a value: Age, years 2." in table.notes
    assert "‡ A cell of the table expects fewer than 5 patients: read the exact test beside it." in table.notes


def test_short_cells_and_own_labels(tmp_path):
    changes = (("  cells: full\n", ""), ("  overall: true\n", "  group_labels: [White, Black, Other]\n"))
    table = cb.table_of(cb.compare_groups(births.load(tmp_path, *changes)))
    assert table.head == ("", "White (n = 96)", "Black (n = 26)", "Other (n = 67)", "P")
    shown = {row[0]: row[1:] for row in cells(table)}
    assert shown["Smoking, %"][:3] == ("54.2", "38.5", "17.9")
    assert shown["Birth weight, g †, mean"][:3] == ("3103", "2720", "2805")


def test_a_category_of_two_levels_makes_groups_in_its_order(tmp_path):
    changes = (
        ("groups: race", "groups: centre"),
        ("levels: [north, south, closed]", "levels: [north, south]"),
        ("  pairwise: tukey\n", ""),
        ("test: welch_anova", "test: welch_t"),
    )
    found = cb.compare_groups(births.load(tmp_path, *changes))
    assert cb.table_of(found).head[2:4] == ("north (n = 125)", "south (n = 63)")
    assert "Mean difference: south less north" in cb.effects_table(found).notes[0]
    assert "north and south" not in str(cb.finding(found))


def test_tests_and_effects_of_three_groups(comparison):
    tests = cb.tests_table(comparison)
    shown = {row[0]: row[1:] for row in cells(tests)}
    assert shown["Birth weight, g"][0] == "Welch's ANOVA"
    assert shown["Birth weight, g"][4].startswith("2; ")
    assert tests.head[-1] == "Exact P"
    assert "in “white”, in “black”, in “other”" in tests.notes[0]
    effects = cb.effects_table(comparison)
    assert effects.head == ("", "Effect", "Estimate", "Standardised difference, largest")
    assert {row[1] for row in cells(effects)} == {"Eta squared", "Cramér's V"}
    assert "96 against 26 against 67" in cb.plot_effects(comparison).caption
    assert "exact P: " not in str(cb.finding(comparison)) or "Fisher" not in str(cb.finding(comparison))


def test_every_two_groups(pairs):
    methods = {row.term: (row.method, row.adjustment) for row in pairs.rows}
    assert methods["bwt"] == ("Games-Howell", "tukey")
    assert methods["age"] == ("Dunn's z", "holm")
    table = cb.table_of(pairs)
    assert table.head == ("", "Difference of means", "95% interval", "P", "P adjusted")
    named = [row.cells[0] for row in table.rows if row.kind == "level"]
    assert named[:3] == ["black v white", "other v white", "other v black"]
    assert len(pairs.frame) == 3 * 5
    text = str(cb.finding(pairs))
    assert text.startswith("With P < 0.05, adjusted by Holm's and Tukey's method, there differ ")
    assert "in Birth weight, g, black from white (0.03)" in text


def test_pairs_without_means_have_no_columns_for_them(tmp_path):
    changes = (("    - {variable: age}\n    - {variable: bwt, test: welch_anova, decimals: 0}\n", ""), ("tukey", "holm"))
    assert cb.table_of(cb.compare_pairs(births.load(tmp_path, *changes))).head == ("", "P", "P adjusted")


def test_pairs_of_times_are_tested_by_kind(cohort):
    rows = cb.study_paired(cohort).rows
    named = [row.test_name for row in rows]
    assert named == ["wilcoxon_signed_rank", "wilcoxon_signed_rank", "mcnemar_exact", "stuart_maxwell"]
    tests = (wilcoxon_signed_rank, wilcoxon_signed_rank, mcnemar, stuart_maxwell)
    for row, test in zip(rows, tests, strict=True):
        tally = cohort.tally(row.plan.before, row.plan.after)
        assert_allclose(row.test.p_value, test(tally, row.plan.before, row.plan.after).p_value)
    assert (rows[0].test.n, rows[0].test.n_missing) == (187, 2)
    assert rows[0].before.n == rows[0].after.n == 187
    assert [test.method for test in rows[1].beside] == ["Stuart-Maxwell", "Bowker"]
    assert [test.method for test in rows[3].beside] == ["Bowker"]


def test_a_named_test_of_a_pair_is_taken(tmp_path):
    cohort = births.load(tmp_path, ("label: Weight}\n  - {before: band", "label: Weight, test: paired_t}\n  - {before: band"))
    row = cb.study_paired(cohort, confidence_level=0.9).rows[0]
    expected = paired_t(cohort.tally("lwt", "later"), "lwt", "later", confidence_level=0.9)
    assert row.test == expected
    assert row.reason == "the analysis plan names the test"
    shown = cells(cb.table_of(cb.study_paired(cohort)))[0]
    assert shown[0] == "Weight, mean (SD)"
    assert "mean change" in str(cb.finding(cb.study_paired(cohort)))


def test_paired_table_says_who_moved(cohort):
    table = cb.table_of(cb.study_paired(cohort))
    shown = {row[0]: row[1:] for row in cells(table)}
    assert shown["Smoking, n (%)"][2].startswith("to yes ")
    assert shown["Weight, n (%)"][2].startswith("towards heavy ")
    assert shown["Race, n (%)"][2].startswith("changed ")
    assert "Weight: 187 with both values; 2 without one are left out." in table.notes
    text = str(cb.finding(cb.study_paired(cohort)))
    assert "between before and after the visit" in text
    assert "in 187 births" in text


def test_linear_model_of_the_plan(cohort):
    found = cb.study_linear(cohort)
    terms = ["age", "race", "smoke", "later"]
    expected = linear_regression(cohort.tally("bwt", *terms), outcome="bwt", terms=terms)
    assert found.fit.estimates == near(expected.estimates)
    assert found.after == ()  # the outcome is known after the visit too
    table = cb.table_of(found)
    assert [row[0] for row in cells(table)] == [
        "Age, years",
        "Race",
        "black",
        "other",
        "Smoking",
        "Weight later, pounds",
        "Intercept",
    ]
    assert "187 complete births, 2 left out" in table.notes[1]
    text = str(cb.finding(found))
    assert "% of the variance of Birth weight, g in 187 births" in text
    assert "Smoking" in text


def test_what_the_model_leaves_out_is_named(tmp_path):
    again = ("derived:\n", "derived:\n  white: {label: White, from: race, member: [white]}\n")
    table = cb.table_of(cb.study_linear(births.load(tmp_path, again, ("terms: [age, race,", "terms: [age, race, white,"))))
    assert "White is left out: the terms before it determine it." in table.notes
    assert "White" not in [row[0] for row in cells(table)]


def test_clusters_count_patients_outcomes_and_missing_values(cohort):
    found = cb.study_clusters(cohort)
    assert [(row.name, row.size, row.missing) for row in found.rows] == [
        ("north", 125, 4),
        ("south", 63, 0),
        ("closed", 0, 0),
        ("", 1, 0),
    ]
    assert sum(row.events for row in found.rows) == 12
    expected = intracluster_correlation(cohort.tally("ht", "centre"), "ht", "centre")
    assert found.correlation == expected
    table = cb.table_of(found)
    assert cells(table)[2][1:] == ("0 (0.0)", "–", "–")
    assert cells(table)[3][0] == "Not recorded"
    text = str(cb.finding(found))
    assert text.startswith("2 clusters of 63 to 125 births (Centre); of 1 it is not recorded.")
    assert "All tests and intervals take births as independent of each other" in text


def test_what_is_not_planned_is_said_in_a_line(tmp_path):
    cut = births.STUDY[births.STUDY.index("paired:") : births.STUDY.index("linear:")]
    linear = births.STUDY[births.STUDY.index("linear:") :]
    changes = [("  pairwise: tukey\n", ""), (cut, ""), (linear, ""), (", cluster: centre", "")]
    cohort = births.load(tmp_path, *changes)
    absent = [cb.compare_pairs(cohort), cb.study_paired(cohort), cb.study_linear(cohort), cb.study_clusters(cohort)]
    assert [str(cb.finding(one)) for one in absent] == [
        "The study file plans no comparison of every two groups (comparison: pairwise:).",
        "The study file plans no comparison of the same patients at two times (paired:).",
        "The study file plans no linear model (linear:).",
        "The study file names no variable of clusters, such as a hospital (study: cluster:).",
    ]
    assert all(isinstance(one, NotPlanned) for one in absent)


def test_a_result_is_shown_once_where_its_finding_repeats_it(capsys):
    one = NotPlanned("Nothing is planned.")
    cb.show(one, cb.finding(one))
    assert capsys.readouterr().out.count("Nothing is planned.") == 1


def test_both_paragraphs_tell_what_was_run(cohort):
    results = cb.planned_results(cohort)
    methods, said = str(cb.methods_text(cohort, *results)), str(cb.results_text(cohort, *results))
    for words in (
        "the Kruskal-Wallis test (Age, years)",
        "analysis of variance otherwise",
        "every two groups were compared",
        "Games-Howell (Birth weight, g)",
        "compared before and after the visit by the Wilcoxon signed-rank test",
        "the Stuart-Maxwell test of marginal homogeneity (Race)",
        "by least squares",
        "clusters by centre are described, not modelled",
    ):
        assert words in methods, words
    assert "White, black and other" not in said
    assert "white, black and other differed in" in said
    assert "(52 of 96, 54.2 % v 10 of 26, 38.5 % v 12 of 67, 17.9 %" in said


def test_the_bundled_study_tests_ais_before_and_after():
    found = cb.study_paired(cb.load_cohort("spinal-metastases"))
    (row,) = found.rows
    assert (row.test.n, row.test.n_up, row.test.n_down, row.test.n_same) == (72, 25, 1, 46)
    assert found.provenance == "printed"  # the paper prints every transition
    assert "towards E 25, towards A 1, same 46" in str(cb.finding(found))
