"""analysis.py: descriptive tables, summaries, rate and comparison of small studies counted by hand."""

import math

import pytest

import cohortbook as cb
from second_study import PLAIN, hips, write_hips
from studyfile.plan import compare_row
from studyfile.study.study import StudyError
from tiny import load


def test_levels_are_counted_of_those_known(tmp_path):
    table = cb.descriptive_table(load(tmp_path), "first")
    frame = table.frame.set_index(["term", "level"])
    assert table.total == 4
    assert frame.loc[("kind", "x"), ["n", "percent", "total", "n_missing"]].tolist() == [2, pytest.approx(200 / 3), 3, 1]
    assert frame.loc[("kind", "z"), "n"] == 0
    shown = {row.cells[0]: row.cells[1:] for row in cb.table_of(table).rows}
    assert shown["x"] == ("2", "66.7")
    assert shown["z"] == ("0", "0.0")
    assert shown["Not recorded"] == ("1", "")
    assert shown["Ill"] == ("2", "50.0")


def test_numbers_are_summarised_by_hand(tmp_path):
    table = cb.descriptive_table(load(tmp_path), "first")
    summary = next(found for row, found in table.blocks if row.variable == "dose")
    assert (summary.n, summary.n_missing, summary.mean, summary.minimum, summary.maximum) == (
        3,
        1,
        pytest.approx(70 / 3),
        10,
        40,
    )
    assert summary.median == 20
    rows = [row.cells for row in cb.table_of(table).rows]
    at = rows.index(("Dose, mg", "", ""))
    assert rows[at + 1] == ("Mean (SD)", "23.3 (15.3)", "")
    assert rows[at + 3] == ("Range", "10 to 40", "")
    assert rows[at + 4] == ("Not recorded", "1", "")


def test_unknown_table_is_named_with_the_nearest(tmp_path):
    with pytest.raises(StudyError, match=r"no table 'frist'.*first"):
        cb.descriptive_table(load(tmp_path), "frist")


def test_numeric_summaries_take_every_recorded_number(tmp_path):
    result = cb.numeric_summaries(load(tmp_path))
    assert result.frame["term"].tolist() == ["dose", "weeks", "late"]
    assert result.labels["dose"] == "Dose, mg"
    row = cb.table_of(result).rows[0].cells
    assert row[:5] == ("Dose, mg", "3", "1", "23.3", "15.3")


def test_study_without_numbers_has_an_empty_table(tmp_path):
    text = """\
study: {title: T, id: id, data: d.csv}
variables: {ill: {label: Ill, kind: binary}}
"""
    cohort = load(tmp_path, text=text, rows="id,ill\n1,yes\n2,no\n", name="d.csv")
    result = cb.numeric_summaries(cohort)
    assert cb.table_of(result).rows == ()
    assert not cb.plot_histograms(cohort)
    assert "No numeric variable" in cb.plot_histograms(cohort).reason
    assert str(cb.finding(result)) == "There is no numeric variable."


def test_outcome_rate_by_hand(tmp_path):
    result = cb.outcome_rate(load(tmp_path), confidence_level=0.9)
    exact = result.intervals[0]
    assert (exact.events, exact.total, exact.estimate) == (2, 4, 0.5)
    # The lower limit p holds: P(X >= 2 of 4) = 0.05.
    p = exact.conf_low
    assert 6 * p**2 * (1 - p) ** 2 + 4 * p**3 * (1 - p) + p**4 == pytest.approx(0.05)
    assert result.elsewhere == (("Elsewhere", 0.1, 30), ("Nowhere", 0.5, None))
    assert cb.table_of(result).head[3] == "90% interval, %"
    assert [row.cells[1] for row in cb.table_of(result).rows] == ["2 of 4", "2 of 4", "of 30", "–"]


def test_rate_of_an_outcome_that_nobody_has_a_value_of_is_absent(tmp_path):
    rows = [{**row, "limp": ""} for row in hips(6)]
    result = cb.outcome_rate(cb.load_cohort(write_hips(tmp_path, rows=rows)))
    assert result.reason == "No patient has a value of Limping."
    assert cb.plot_outcome_rate(result) is result
    assert str(cb.finding(result)) == result.reason


def test_what_is_not_planned_is_absent_or_an_error(tmp_path):
    cohort = cb.load_cohort(write_hips(tmp_path, text=PLAIN))
    assert cb.outcome_rate(cohort).reason == "The study file plans no outcome."
    with pytest.raises(StudyError, match="comparison"):
        cb.compare_groups(cohort)


def test_comparison_by_hand(tmp_path):
    result = cb.compare_groups(load(tmp_path))
    assert result.sizes == (2, 2)
    dose, kind, ill = result.rows
    # t of (10, 40) against (20): 25 against 20, pooled variance 450 on 1 degree of freedom.
    assert dose.test.statistic == pytest.approx(5 / math.sqrt(450 * (1 / 2 + 1)))
    assert (dose.test.n, dose.test.n_missing) == (3, 1)
    # Kind: x and x among the failed, y among the others: chi-square of a table that is all on its diagonal is n.
    assert kind.test.statistic == pytest.approx(3)
    assert ill.test.statistic == pytest.approx(0)
    assert result.n_tests == 3
    adjusted = dict(zip(("dose", "kind", "ill"), result.adjusted["bonferroni"], strict=True))
    assert adjusted["kind"] == pytest.approx(3 * kind.test.p_value)
    assert adjusted["ill"] == 1
    assert result.after == ("kind",)
    assert result.procedure == "the cure"


def test_other_test_may_be_asked_for(tmp_path):
    cohort = load(tmp_path)
    assert compare_row(cohort, "ill").test.method == "Pearson chi-square"
    assert compare_row(cohort, "ill", test="fisher_exact").test.p_value == pytest.approx(1)
    assert compare_row(cohort, "weeks").term == "weeks", "a variable outside the plan"


def test_undefined_tests_count_for_nothing_and_warn_nobody(tmp_path, recwarn):
    rows = [{**row, "weight": "80", "stem": "hybrid"} for row in hips()]
    result = cb.compare_groups(cb.load_cohort(write_hips(tmp_path, rows=rows)))
    assert result.n_tests == 3
    assert [math.isnan(p) for p in result.adjusted["holm"]] == [True, False, True, False, False]
    notes = cb.table_of(result).notes
    assert "– no test of Body weight, kg: every patient has the same value." in notes
    assert not recwarn.list


@pytest.mark.parametrize(
    ("provenance", "mark"),
    [
        ("observed", ""),
        ("printed", "Counts as printed."),
        ("implied", "Rests on values drawn to fit the printed figures."),
        ("assumed", "Illustration: rests on assumed values."),
    ],
)
def test_provenance_goes_from_variable_to_table_figure_and_finding(tmp_path, provenance, mark):
    cohort = load(
        tmp_path,
        ("label: Weeks, kind: count", f"label: Weeks, kind: count, provenance: {provenance}"),
        ("label: Dose, kind: continuous", f"label: Dose, kind: continuous, provenance: {provenance}"),
    )
    survival, comparison = cb.study_survival(cohort), cb.compare_groups(cohort)
    for result, table in (
        (survival, cb.landmark_table(survival)),
        (comparison, cb.table_of(comparison)),
        (cb.descriptive_table(cohort, "first"), None),
    ):
        assert result.provenance == provenance
        notes = (table or cb.table_of(result)).notes
        assert (mark in notes) if mark else not any("values" in note or "printed" in note for note in notes)
    face = cb.plot_survival(survival).figure
    assert ("ILLUSTRATION" in (face._suptitle.get_text() if face._suptitle else "")) == (provenance == "assumed")
    assert ("Illustration" in str(cb.finding(survival))) == (provenance == "assumed")
    other = cb.descriptive_table(cohort, "second")
    assert other.provenance == "observed", "a table of other variables is not marked"
