"""No row, no id and no free text of a patient stands in anything that a study builds, nor in masked messages."""

import csv
import subprocess
import zipfile
from pathlib import Path

import pytest

from cohortbook.check import main as check
from cohortbook.run import main as run_command
from in_process import numbered, run_notebook
from sample_notebooks import runnable
from sample_notebooks import write as write_notebook
from second_study import ID, PERSON, VALUES, WORDS, hips, planted, planted_build, write_hips
from studyfile.draft.draft import draft_study

pytestmark = pytest.mark.build

ROOT = Path(__file__).resolve().parents[1]


def parts(path):
    """Yield the name and the bytes of a file, and of every file packed in it."""
    content = path.read_bytes()
    yield str(path), content
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from ((f"{path}: {name}", archive.read(name)) for name in archive.namelist())
    if content.startswith(b"%PDF"):
        text = subprocess.run(["pdftotext", str(path), "-"], capture_output=True, check=True).stdout
        yield f"{path}: text", text


def told(folder, texts):
    """Return where any of some texts stands below a folder."""
    found = [part for path in sorted(folder.rglob("*")) if path.is_file() for part in parts(path)]
    assert found, f"{folder} is empty: nothing was searched"
    return [(name, text) for name, content in found for text in texts if text.encode() in content]


@pytest.mark.parametrize("stages", [1, 2, 3, 4, 5])
def test_no_id_no_name_and_no_free_text_is_in_any_output(tmp_path_factory, stages):
    folder = planted_build(tmp_path_factory, stages)
    assert told(folder / "build", [ID, WORDS, PERSON, "Xyzzyville"]) == []


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = planted_build(tmp_path_factory)
    return folder / "hips", folder / "build"


def test_the_search_finds_what_is_there(built):
    study, build = built
    assert len(told(study, [f"{ID}0021", f"{WORDS} 20", f"{PERSON} 20", *VALUES.values()])) == 5
    assert told(build, ["Body weight", "Hips with and without a limp"])
    assert {path.suffix for path in build.rglob("*")} >= {".html", ".csv", ".json", ".ipynb", ".svg", ".png"}


def test_no_value_that_one_patient_alone_has_is_in_any_output(built):
    rows = planted()
    for name, value in VALUES.items():
        numbers = sorted(float(row[name]) for row in rows if row[name])
        assert numbers[0] < float(value) < numbers[-1]
        assert numbers.count(float(value)) == 1
    assert told(built[1], list(VALUES.values())) == []


def test_git_ignores_studies_and_what_is_built():
    for path in ("studies/mine/study.yml", "studies/mine/patients.xlsx", "build/mine/report.html"):
        done = subprocess.run(["git", "check-ignore", "-q", path], cwd=ROOT, check=False)
        assert done.returncode == 0, path


# --- masked messages


def write(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


SECRETS = ("SECRET", "2019-12-05", "987654", "1877", "-7", "4.56789")
COLUMNS = {
    "constant": ["SECRET"] * 40,
    "visit": [*(f"20{k % 9 + 10}-01-{k % 28 + 1:02d}" for k in range(38)), "1877-01-01", "2019-12-05"],
    "age": [*(str(20 + k) for k in range(38)), "987654", "-7"],
    "value": [*(f"{k * 1.1:.2f}" for k in range(39)), "4.56789"],
    "few": ["1.5", "4.56789"] * 20,
    "notes": [f"SECRET {k}" for k in range(40)],
}


def test_a_draft_quotes_no_value_where_it_is_masked(tmp_path, monkeypatch, capsys):
    rows = [["id", *COLUMNS], *([f"P{k}", *row] for k, row in enumerate(zip(*COLUMNS.values(), strict=True)))]
    data = write(tmp_path / "rows.csv", rows)
    plain = draft_study(tmp_path / "plain", data).read_text()
    assert all(secret in plain for secret in SECRETS), "each is quoted where nothing is masked"
    monkeypatch.setenv("COHORTBOOK_MASK", "1")
    masked = draft_study(tmp_path / "masked", data).read_text()
    assert [secret for secret in SECRETS if secret in masked] == []
    assert "constant: every value is a value (not shown)" in masked
    assert "a value (not shown) (row 40) is outside 0 to 120" in masked
    assert check([str(tmp_path / "masked")]) == 0
    assert "SECRET" not in capsys.readouterr().out


def test_a_file_without_a_header_shows_no_patient_where_it_is_masked(tmp_path, monkeypatch, capsys):
    study = write_hips(tmp_path)
    names, *rows = [list(hips()[0]), *(list(row.values()) for row in hips())]
    rows.insert(0, ["weigth" if name == "weight" else name for name in names])
    write(study / "hips.csv", rows)
    assert check([str(study)]) == 1
    assert "'weight'; did you mean 'weigth'?" in capsys.readouterr().err
    monkeypatch.setenv("COHORTBOOK_MASK", "1")
    assert check([str(study)]) == 1
    assert "weigth" not in capsys.readouterr().err
    rows[0][:2] = ["SECRET", "SECRET"]  # as if the first patient were the names
    write(study / "hips.csv", rows)
    assert check([str(study)]) == 1
    told = capsys.readouterr().err
    assert "a name (not shown) stands twice in the header" in told
    assert "SECRET" not in told


@pytest.mark.parametrize("mask", ["", "1"])
def test_an_unforeseen_error_of_a_notebook_may_quote_a_value(tmp_path, monkeypatch, capsys, mask):
    monkeypatch.setenv("COHORTBOOK_MASK", mask)
    path, target = tmp_path / "one.ipynb", tmp_path / "build" / "one.ipynb"
    write_notebook(path, runnable("value = 'SEC' + 'RET'\nfloat(value)"))
    options = ["--output-dir", str(tmp_path / "build")]
    assert run_command(["notebook", str(path), str(target), *options]) == 1
    said = capsys.readouterr().err
    if mask:
        assert "ValueError: its message is not shown, as it may quote a value" in said
        assert not (tmp_path / "build").exists() or told(tmp_path, ["SECRET"]) == []
    assert ("SECRET" in said) == (not mask)


@pytest.mark.slow
def test_every_notebook_runs_to_its_end_with_small_counts_hidden(tmp_path):
    study, build = write_hips(tmp_path / "hips"), tmp_path / "build"
    for notebook in numbered("0[1-57]*"):
        target = build / "notebooks" / notebook.name
        given = {"suppress_below": "5", "resamples": "20"}
        run_notebook(notebook, target, study=str(study), output_dir=str(build), given=given)
        text = target.read_text(encoding="utf-8")
        assert "Counts from 1 to 4 are not shown" in text
        assert "Traceback" not in text
    assert told(build, ["[hidden]"])
    assert told(build, ["Not shown, to protect patients"])
