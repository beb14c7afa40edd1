"""reconstruct.py on the bundled study: the file rebuilt, its sense, and the list of what cannot hold."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from printcheck.proof.conflicts import check_left_out
from printcheck.proof.solver import ReconstructionError
from printcheck.reconstruct.reconstruct import kept_figures, main, verify
from studyfile.cohort.cohort import load_cohort
from studyfile.study.study import bundled_studies, load_study

FOLDER = bundled_studies() / "spinal-metastases"


@pytest.fixture(scope="module")
def study():
    return load_study(FOLDER)


@pytest.fixture(scope="module")
def patients():
    return pd.read_csv(FOLDER / "cohort.csv", dtype=str, keep_default_na=False)


@pytest.mark.slow
def test_rebuilt_file_is_the_same_to_the_byte(study):
    """In another process, under another order of hashes."""
    code = (
        "import sys; from printcheck.reconstruct.reconstruct import cohort_text, load_study, reconstruct; "
        "sys.stdout.write(cohort_text(reconstruct(load_study(sys.argv[1]))))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(FOLDER)], capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": "7"}
    )
    assert run.stdout == (FOLDER / "cohort.csv").read_bytes()


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.slow)], ids=["every third", "every"])
def test_every_other_figure_is_printed(study, patients, monkeypatch, every):
    held = kept_figures(study)[::every]
    monkeypatch.setattr("printcheck.reconstruct.reconstruct.kept_figures", lambda study: held)
    differ, free = verify(study, patients.to_dict("records"))
    assert (differ, free) == ([], [])


def test_a_changed_patient_is_noticed(study, patients, monkeypatch):
    told = [figure for figure in kept_figures(study) if figure.variable == "kyphoplasty"]
    monkeypatch.setattr("printcheck.reconstruct.reconstruct.kept_figures", lambda study: told)
    changed = patients.copy()
    changed.loc[10, "kyphoplasty"] = "no" if changed.loc[10, "kyphoplasty"] == "yes" else "yes"
    differ, _ = verify(study, changed.to_dict("records"))
    assert any(line.startswith("t5_kyphoplasty_n: printed 21, recomputed 2") for line in differ)


@pytest.mark.slow
def test_the_list_left_out_is_proven_the_shortest(study):
    listed = {entry.figure for entry in study.plan("reconstruction").left_out}
    found = check_left_out(study)
    assert sum(len(e.figures) for e in found) == len(listed) == 6
    # Each list of exceptions takes one figure from every proven conflict.
    assert all(listed & set(conflict) for e in found for conflict in e.conflicts)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("    - figure: t7_levels_p\n", "    - figure: t7_sins_p\n", "left_out"),
        ("    - figure: t7_levels_p\n", "    - figure: t7_level_p\n", "t7_level_p"),
    ],
    ids=["another figure", "unknown"],
)
def test_a_wrong_list_is_an_error(tmp_path, old, new, text):
    shutil.copytree(FOLDER, tmp_path / "study")
    path = tmp_path / "study" / "study.yml"
    words = path.read_text(encoding="utf-8")
    assert old in words
    path.write_text(words.replace(old, new), encoding="utf-8")
    with pytest.raises(ReconstructionError, match=text):
        check_left_out(load_study(path))


def test_plain_clinical_sense(patients):
    days = patients[["days_to_final_imaging", "survival_days", "time_diagnosis_to_sm_days"]].astype(int)
    assert (days["days_to_final_imaging"] <= days["survival_days"]).all()
    assert (days[["days_to_final_imaging", "survival_days"]] >= 90).all(axis=None)
    assert (patients.loc[patients["intraop_complication"] == "dural tear", "separation_surgery"] == "yes").all()
    assert patients.loc[patients["postop_complication_type"] == "paraplegia", "postop_ais"].tolist() == ["A"]
    assert (patients.loc[patients["primary_tumor"].isin(["breast", "uterine"]), "sex"] == "female").all()
    assert (patients.loc[patients["primary_tumor"] == "prostate", "sex"] == "male").all()
    unknown = patients["cancer_known_when_sm_identified"] == "no"
    assert (days.loc[unknown, "time_diagnosis_to_sm_days"] == 0).all()
    assert patients["patient_id"].str.startswith("SYNTHETIC-").all()


@pytest.mark.parametrize("name", ["age_years", "survival_days", "days_to_final_imaging", "time_diagnosis_to_sm_days"])
def test_no_spikes(study, patients, name):
    """No value stands for more than a few patients, but for the times of 0 that the paper implies."""
    values = patients[name].astype(int)
    assert values[values > 0].value_counts().max() <= 5
    edges = [b.to for d in study.file.derived.values() if d.from_ == name for b in d.bands if b.to is not None]
    for edge in edges:
        around = [(values == edge + step).sum() for step in (-2, -1, 1, 2)]
        assert (values == edge).sum() <= max(around) + 2


def test_the_command_writes_nothing_on_failure(tmp_path, capsys):
    shutil.copytree(FOLDER, tmp_path / "study")
    path = tmp_path / "study" / "published.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("t2_sex_female_n,", "t2_sex_female_n,,", 1), encoding="utf-8")
    before = (tmp_path / "study" / "cohort.csv").read_bytes()
    assert main([str(tmp_path / "study")]) != 0
    assert "row" in capsys.readouterr().err
    assert (tmp_path / "study" / "cohort.csv").read_bytes() == before
    assert not [p for p in Path(tmp_path / "study").iterdir() if "part" in p.name]


def test_eligibility_keeps_every_patient(study):
    cohort = load_cohort(study)
    assert (cohort.size, cohort.flow[-1].excluded) == (72, 0)
