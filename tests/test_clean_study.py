"""A study whose tables hold no error audits with no finding, also where values are missing or little is planned."""

import csv
import shutil
import subprocess
from pathlib import Path

import pytest

from printcheck.audit.audit import audit_study
from printcheck.printed.published import COLUMNS, read_published
from studyfile.study.study import load_study

BIRTHS = Path(__file__).parents[1] / "data" / "birthwt"
AGAINST = ("contradicted", "rounded otherwise", "reproduced by another method", "not decided")
#: Race of 9 and smoking of 9 others left out, in every table alike; P is Pearson's of what is left.
MISSING = {
    "t1_race_white_n": "92",
    "t1_race_white_pct": "51.1",
    "t1_race_black_n": "24",
    "t1_race_black_pct": "13.3",
    "t1_race_other_n": "64",
    "t1_race_other_pct": "35.6",
    "t2_race_white_low_n": "22",
    "t2_race_white_low_pct": "38.6",
    "t2_race_black_low_n": "10",
    "t2_race_black_low_pct": "17.5",
    "t2_race_other_low_n": "25",
    "t2_race_other_low_pct": "43.9",
    "t2_race_white_normal_n": "70",
    "t2_race_white_normal_pct": "56.9",
    "t2_race_black_normal_n": "14",
    "t2_race_black_normal_pct": "11.4",
    "t2_race_other_normal_n": "39",
    "t2_race_other_normal_pct": "31.7",
    "t2_race_p": "0.071",
    "t1_smoke_yes_n": "70",
    "t1_smoke_yes_pct": "38.9",
    "text_smoke_pct": "38.9",
    "t2_smoke_yes_low_n": "29",
    "t2_smoke_yes_low_pct": "50.9",
    "t2_smoke_yes_normal_n": "41",
    "t2_smoke_yes_normal_pct": "33.3",
    "t2_smoke_p": "0.025",
    "text_smoke_p": "0.025",
    "text_smoke_low_pct": "50.9",
    "text_smoke_normal_pct": "33.3",
}
#: Group -> who of it has a value.
KNOWN = {"all": 180, "low": 57, "normal": 123}


def written(folder, changed=(), *, known=None, study=lambda text: text):
    """Write the births with figures changed and denominators of those who are known; return the study."""
    (folder / "study.yml").write_text(study((BIRTHS / "study.yml").read_text(encoding="utf-8")), encoding="utf-8")
    with (folder / "published.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for figure in read_published(load_study(BIRTHS)):
            row = {name: getattr(figure, name) for name in COLUMNS}
            if figure.id in changed:
                row["value"] = changed[figure.id]
                if known and figure.denominator:
                    row["denominator"] = known[figure.group]
            writer.writerow("" if value is None else value for value in row.values())
    return load_study(folder)


def against(audit):
    """Return what an audit holds against a study."""
    found = [(v.figure.id, v.verdict) for v in audit.verdicts if v.verdict in AGAINST]
    return found + [(check.figures, check.kind) for check in audit.checks if check.holds is False]


@pytest.fixture(scope="module")
def clean():
    return audit_study(BIRTHS)


def test_clean_tables_have_no_finding(clean):
    audit = clean
    assert against(audit) == []
    assert audit.conflicts == audit.repairs == audit.consequences == ()
    assert len(audit.verdicts) == len(read_published(audit.study))
    assert audit.counts["reproduced"] > 70
    # Every P comes from the test that the study file states.
    methods = {v.figure.id: v.method for v in audit.verdicts if v.figure.statistic == "p"}
    assert methods["t2_age_p"] == "Student's t test"
    assert methods["t2_ht_p"] == "Fisher's exact test"
    assert methods["t2_race_p"] == "Pearson's chi-square test"
    assert {t.test for t in audit.tests if t.figure == "t2_age_p" and t.prints == "never"} == {"welch_t"}


def test_a_study_that_plans_no_reconstruction_audits_alike(tmp_path, clean):
    study = written(tmp_path, study=lambda text: text.replace("reconstruction: {seed: 1, patients: 189}\n", ""))
    assert study.file.reconstruction is None
    audit = audit_study(study)
    assert against(audit) == []
    assert audit.counts == clean.counts


def not_checked(audit):
    """Assert that nothing is said of variables with missing values but that; return all verdicts."""
    verdicts = {v.figure.id: v for v in audit.verdicts}
    for id in ("t1_race_white_n", "t2_race_p", "text_smoke_p", "t2_smoke_yes_low_pct"):
        assert verdicts[id].verdict == "not checkable"
        assert verdicts[id].reason.startswith("values are missing: fewer patients are printed than are in the group")
    assert not [t for t in audit.tests if t.figure == "t2_race_p"]
    return verdicts


@pytest.mark.slow
def test_missing_values_are_no_contradiction(tmp_path):
    audit = audit_study(written(tmp_path, MISSING, known=KNOWN))
    assert against(audit) == []
    assert not_checked(audit)["t2_ui_p"].verdict == "reproduced"


@pytest.mark.slow
def test_missing_values_hide_no_error_of_other_variables(tmp_path):
    audit = audit_study(written(tmp_path, {**MISSING, "t2_ui_p": "0.027"}, known={**KNOWN, "low_v_normal": ""}))
    assert [verdict for verdict in against(audit) if isinstance(verdict[0], str)] == [
        ("t2_ui_p", "reproduced by another method")
    ]
    not_checked(audit)


def r_has(package):
    """Say whether R is here with a package, whatever language its messages are in."""
    asked = ["Rscript", "-e", f"quit(status = !requireNamespace('{package}', quietly = TRUE))"]
    return bool(shutil.which("Rscript")) and not subprocess.run(asked, capture_output=True, check=False).returncode


def test_the_tables_are_those_that_r_prints():
    if not r_has("MASS"):
        pytest.skip("needs R and its package MASS")
    printed = subprocess.run(["Rscript", str(BIRTHS / "tables.R")], capture_output=True, text=True, check=False)
    assert printed.stdout == (BIRTHS / "published.csv").read_text(encoding="utf-8")
