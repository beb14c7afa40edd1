"""manuscript.py: paragraphs that say what was run, under any parameters, and nothing else."""

import re
from importlib.metadata import version

import pytest

import cohortbook as cb
from cohortbook.sections.manuscript.manuscript import methods_text, planned_results, results_text, strobe_table
from second_study import hips, write_hips
from tiny import STUDY, load


@pytest.fixture(scope="module")
def patients():
    return cb.load_cohort("spinal-metastases")


@pytest.fixture(scope="module")
def told(patients):
    return texts(patients)


def texts(cohort, **options):
    results = planned_results(cohort, **options)
    return str(methods_text(cohort, *results)), str(results_text(cohort, *results))


def test_methods_name_the_tests_that_were_taken(patients, told):
    methods, _ = told
    for row in cb.compare_groups(patients).rows:
        name = {"mann_whitney": "Mann-Whitney U test", "pearson_chi_square": "Pearson's chi-square test"}[row.choice.test]
        listed = re.search(rf"{name} \(([^)]*(?:\([^)]*\))?[^)]*)\)", methods).group(1)
        assert patients.study.label(row.term).split(",")[0] in listed, row.term
    assert f"numpy {version('numpy')}" in methods


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"removal": "lr", "entry": 0}, ["the likelihood ratio", "counted from surgery and estimated"]),
        (
            {"entry": 30, "confidence_level": 0.9},
            ["entering at 30 days", "has 90 % intervals", "(90 % intervals on the log-log scale)"],
        ),
    ],
)
def test_methods_follow_the_parameters(patients, told, options, said):
    methods, _ = texts(patients, **options)
    assert all(part in methods for part in said), methods
    assert not any(part in told[0] for part in said)


def test_methods_without_parameters_are_those_of_the_study_file(told):
    assert all(part in told[0] for part in ("Wald's test", "entering at 90 days", "95 % intervals"))


def test_thresholds_are_those_of_the_study_file(tmp_path):
    extra = (
        "rows: [{variable: dose, test: student_t}",
        "significance: 0.02\n  threshold: 0.004\n  rows: [{variable: dose, test: welch_t}",
    )
    methods, _ = texts(load(tmp_path, extra))
    assert "Welch's t test (Dose, mg)" in methods
    assert "P < 0.02 is called significant and held against the stated threshold of 0.004" in methods
    assert "Shapiro" not in methods  # no test of a number was left open
    assert "Candidates of the logistic regression of failed were named beforehand (Ill)." in methods


def test_missing_values_are_said(tmp_path):
    methods, results = texts(load(tmp_path))
    assert "values are missing in 2 of 7 variables" in methods
    assert results.startswith("4 patients were analysed.")
    assert "Failure: 2 of 4 (50.0 %)" in results


def test_what_is_not_planned_is_not_told(tmp_path):
    only = STUDY[: STUDY.index("outcome:")]
    methods, results = texts(load(tmp_path, text=only))
    for word in ("compared", "logistic", "Kaplan", "Cox", "cumulative"):
        assert word not in methods
    assert results == "4 patients were analysed."


def test_numbers_of_results_are_those_of_the_tables(patients, told):
    _, results = told
    row = next(r for r in cb.compare_groups(patients).rows if r.term == "kyphoplasty")
    without, failed = row.groups
    assert f"{failed.counts[1]} of {failed.total}, {100 * failed.counts[1] / failed.total:.1f} %" in results
    assert f"{without.counts[1]} of {without.total}, {100 * without.counts[1] / without.total:.1f} %" in results
    # Deaths are assumed: no number of them reads like a result.
    assert "No number is told of overall survival and implant failure, as the study file marks values" in results
    assert "Overall survival:" not in results
    assert "umulative incidence" not in results


def compared(cohort):
    return str(results_text(cohort, cb.compare_groups(cohort)))


def test_results_name_the_level_whose_share_is_told(tmp_path):
    found = {"yes": {"gender": "man", "stem": "hybrid"}, "no": {"gender": "woman", "stem": "cemented"}}
    rows = [row | found[row["limp"]] for row in hips()]
    said = compared(cb.load_cohort(write_hips(tmp_path, rows=rows)))
    assert "gender (man: " in said
    assert "cemented: 0.0 %; press-fit: 0.0 %; hybrid: 100.0 %" in said


def test_levels_stand_in_results_as_they_are_written(tmp_path):
    groups = ("  groups: limp\n  group_labels: [Limp, No limp]\n", "  groups: gender\n")
    levels = ("levels: [woman, man]", "levels: [Woman, Man], codes: {woman: Woman, man: Man}")
    rows = [{**row, "diabetic": str(int(row["gender"] == "man"))} for row in hips()]
    said = compared(cb.load_cohort(write_hips(tmp_path, groups, levels, ("    - {variable: gender}\n", ""), rows=rows)))
    assert "Woman and Man differed in" in said


def test_strobe_says_where_each_item_stands(patients, tmp_path):
    table = strobe_table(patients)
    assert len(table.rows) == 28
    where = {row.cells[0]: row.cells[2] for row in table.rows}
    assert where["13"] == "01, eligibility flow"
    assert where["22"] == "for the authors to write"
    bare = {row.cells[0]: row.cells[2] for row in strobe_table(load(tmp_path, text=STUDY[: STUDY.index("tables:")])).rows}
    assert bare["14"] == "the study file has no tables"
    assert bare["16a"] == "the study file has no comparison"
