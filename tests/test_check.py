"""check.py: a study and its data checked at once, and summed up."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cohortbook.check import SECTIONS, check_study, in_words, main
from studies import COLUMNS, ROWS, changed, write_rows, write_study
from studyfile.cohort.cohort import CohortError, load_cohort
from studyfile.study.schema import StudyFile
from studyfile.study.study import StudyError, bundled_studies

pytestmark = pytest.mark.build

KEEP = "eligibility: [{label: Registered, excluded: null}, {label: Aged 40 or more, keep: {age: {min: 40}}}]\n"
TABLES = 'tables: {a: {number: "1", title: T, rows: [{variable: age}]}}\n'


def test_what_is_there_and_what_is_not(tmp_path, monkeypatch):
    path = write_study(tmp_path, extra=KEEP + TABLES)
    write_rows(tmp_path, [(*row, "x") for row in ROWS], (*COLUMNS, "further"))
    checked = check_study(str(tmp_path))
    assert (checked.study, checked.data, checked.units, checked.size) == (str(path), "rows.csv", "patients", 2)
    assert [(step.label, step.excluded, step.excluded_missing) for step in checked.flow] == [
        ("Registered", None, 0),
        ("In rows.csv", 0, 0),
        ("Aged 40 or more", 2, 1),
    ]
    assert checked.kinds == {
        "continuous": ("age", "days"),
        "ordered": ("grade", "later"),
        "category": ("site",),
        "binary": ("smoker", "died"),
        "count": ("visits",),
        "date": ("surgery", "seen"),
    }
    assert checked.derived == ("age_band", "where", "high", "change", "course", "followed", "followed_band", "long")
    assert checked.missing == ()
    assert checked.unused == ("further",)
    assert checked.present == ("eligibility", "tables", "survival")
    assert checked.not_planned == (
        *("outcome", "comparison", "paired", "linear", "model", "missing_data", "published", "scenarios"),
    )
    monkeypatch.chdir(tmp_path)
    assert in_words(checked).splitlines() == [
        "study.yml: no errors",
        "  Data       rows.csv: no errors; text in UTF-8; columns separated by a comma",
        "  Patients   2 eligible",
        "             Registered: not reported",
        "             Aged 40 or more: 2 excluded, 1 of them for a missing value; 2 remain",
        "  Variables  2 continuous, 2 ordered, 1 category, 2 binary, 1 count, 2 date, 8 derived",
        "  Missing    none",
        "  Not used   columns 'further'",
        "  Plan has   eligibility, tables, survival",
        "  Plan lacks outcome: the rate of an event",
        "             comparison: tests of groups",
        "             paired: the same patients before and after",
        "             linear: linear regression",
        "             model: logistic regression",
        "             missing_data: multiple imputation",
        "             published: the audit of printed figures",
        "             scenarios: the study under other choices",
    ]


def test_missing_values_are_counted_among_the_eligible(tmp_path):
    write_rows(tmp_path)
    checked = check_study(str(write_study(tmp_path)))
    counts = {one.variable: one.count for one in checked.missing}
    cohort = load_cohort(tmp_path)
    assert counts == {name: n for name in cohort.study.names if (n := cohort.missing(name))}
    assert [one.count for one in checked.missing] == sorted(counts.values(), reverse=True)
    text = in_words(checked)
    assert "  Missing    age: 1 of 4 (25.0 %)\n" in text
    assert f"             none in the other {len(cohort.study.names) - len(counts)}\n" in text


def test_sections_are_those_of_the_study_file():
    assert set(SECTIONS) <= set(StudyFile.model_fields)


def test_a_study_of_printed_figures_alone(tmp_path):
    checked = check_study("birthwt")
    assert (checked.data, checked.size, checked.flow, checked.missing) == ("", 0, (), ())
    assert "  Data       none; printed figures alone can be audited\n" in in_words(checked)


@pytest.mark.parametrize("study", sorted(path.parent.name for path in bundled_studies().glob("*/study.yml")))
def test_the_bundled_studies_hold(study):
    assert ": no errors\n" in in_words(check_study(study))


def test_a_file_that_is_named_must_be_there(tmp_path):
    with pytest.raises(CohortError, match=r"rows\.csv: no such file; study\.yml names it under study: data:"):
        check_study(str(write_study(tmp_path)))


def test_an_unknown_key_suggests_the_nearest(tmp_path, capsys):
    write_rows(tmp_path)
    path = write_study(tmp_path, ("survival: {time: days, event: died}", "survivl: {time: days, event: died}"))
    with pytest.raises(StudyError, match="survivl: unknown key; did you mean 'survival'"):
        check_study(str(path))
    assert main([str(path)]) == 1
    found = capsys.readouterr()
    assert (found.out, "did you mean 'survival'?" in found.err) == ("", True)


def test_wrong_values_are_told_or_masked(tmp_path, capsys, monkeypatch):
    write_study(tmp_path)
    write_rows(tmp_path, changed("grade", "hihg", 2, changed("age", "old", 1)))
    assert main([str(tmp_path)]) == 1
    assert "row 2, column 'age': 'old': not a number" in capsys.readouterr().err
    monkeypatch.setenv("COHORTBOOK_MASK", "1")
    assert main([str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert "row 2, column 'age': value not shown: not a number" in told
    assert "hihg" not in told
    assert "did you mean" not in told


def make(*words):
    root = Path(__file__).resolve().parents[1]
    foreign = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "CONDA_PREFIX", "COHORTBOOK_MASK")
    environment = {key: value for key, value in os.environ.items() if key not in foreign}
    environment["VIRTUAL_ENV"] = sys.prefix
    return subprocess.run(["make", *words], cwd=root, env=environment, capture_output=True, text=True, timeout=120)


def test_make_drafts_checks_and_masks(tmp_path):
    data = tmp_path / "my patients.csv"
    data.write_text("id,age\n" + "".join(f"P{i},{i + 20}\n" for i in range(30)), encoding="utf-8")
    study = f"STUDY={tmp_path / 'mine'}"
    assert make("new", study).stderr.splitlines()[0] == "make new needs STUDY=studies/mine DATA=patients.xlsx"
    assert make("new", f"DATA={data}").returncode == 2
    done = make("new", study, f"DATA={data}")
    assert (done.returncode, done.stderr) == (0, "")
    done = make("check", study)
    assert "  Patients   30 eligible\n" in done.stdout
    again = make("new", study, f"DATA={data}")
    assert "is there already and is not overwritten" in again.stderr
    copy = tmp_path / "mine" / "my_patients.csv"
    copy.write_text(copy.read_text().replace("P3,23", "P3,SECRET"))
    assert "'SECRET': not a number" in make("check", study).stderr
    masked = make("check", study, "MASK=1")
    assert "row 5, column 'age': value not shown: not a number" in masked.stderr
    assert "SECRET" not in masked.stderr + masked.stdout
