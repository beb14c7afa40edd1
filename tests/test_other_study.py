"""Another study than the bundled one, with other names and gaps, runs through the same notebooks to a report."""

import csv
import io
import json
import re

import pandas as pd
import pytest

import cohortbook as cb
from cohortbook.display.tables import interval
from cohortbook.report.report import build_report
from in_process import build as build_report_of
from in_process import numbered, run_notebook
from second_study import PLAIN, planted_build, write_hips

pytestmark = pytest.mark.build

NOTEBOOKS = numbered("0[1-5]*")


def rows(build, table):
    """Read a saved table: the cells of each row by its head."""
    with (build / "tables" / f"{table}.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row[0]: row[1:] for row in csv.reader(file)}


def words(notebook):
    """Return everything that a notebook displays as text."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    assert not [output for output in outputs if output["output_type"] == "stream"], "a notebook warns"
    return "\n".join("".join(v) for o in outputs for kind, v in o["data"].items() if kind.startswith("text/"))


@pytest.fixture(scope="module")
def hips_built(tmp_path_factory):
    """Return the second study, the folder it was built in, and the page of its report."""
    folder = planted_build(tmp_path_factory)
    return folder / "hips", folder / "build", (folder / "build" / "report.html").read_text(encoding="utf-8")


def test_report_speaks_of_the_other_study(hips_built):
    _, build, page = hips_built
    assert "Revision of hip implants" in page
    assert "Body weight" in page
    for word in ("Implant failure", "Overall survival", "SINS", "Illustration", "ILLUSTRATION", "Synthetic"):
        assert word not in re.sub(r"<script.*?</script>|base64,[^\"']*", "", page, flags=re.S), word
    for notebook in NOTEBOOKS:
        assert words(build / "notebooks" / notebook.name)


def test_documents_speak_of_the_other_study(hips_built):
    import docx
    import openpyxl

    study, build, _ = hips_built
    notebooks, figures = [build / "notebooks" / path.name for path in NOTEBOOKS], build / "figures"
    forms = (".docx", ".xlsx", ".pdf")
    made = {form: build_report(cb.load_study(study), notebooks, figures=figures, form=form) for form in forms}
    word = docx.Document(io.BytesIO(made[".docx"]))
    text = "\n".join([paragraph.text for paragraph in word.paragraphs] + [table.cell(0, 0).text for table in word.tables])
    assert text.startswith("Revision of hip implants\nTables\nThe cohort")
    for said in ("Implant failure", "SINS", "Illustration", "Synthetic"):
        assert said not in text
    book = openpyxl.load_workbook(io.BytesIO(made[".xlsx"]))
    by_label = {row[0].value: row[1].value for row in book["Table 1"].iter_rows(min_row=4)}
    assert {level: str(by_label[level]) for level in ("cemented", "press-fit")} == {
        level: rows(build, "table-a")[level][0] for level in ("cemented", "press-fit")
    }
    assert made[".pdf"].startswith(b"%PDF")


def test_saved_tables_show_the_numbers_of_the_data(hips_built):
    study, build, _ = hips_built
    patients = cb.load_cohort(study)
    frame = patients.data.assign(**{name: pd.to_numeric(patients.data[name]) for name in ("weight", "months", "first_seen")})
    assert rows(build, "eligibility")["Weight known and at least 40 kg"] == ["3 (2 for a missing value)", "61"]
    table = rows(build, "table-a")
    assert table["N = 61"] == ["n", "%"]
    assert table["Body weight, kg"] == ["", ""]
    assert table["Mean (SD)"] == [f"{frame['weight'].mean():.1f} ({frame['weight'].std():.1f})", ""]
    for level in ("cemented", "press-fit", "hybrid"):
        n = int((frame["stem"] == level).sum())
        assert table[level] == [str(n), f"{100 * n / (frame['stem'].fillna('') != '').sum():.1f}"]
    assert rows(build, "missing")["Stem"] == ["3 (4.9)"]
    limps = frame["limp"] == "yes"
    compared = rows(build, "table-2")
    assert compared[""] == [f"Limp (n = {limps.sum()})", f"No limp (n = {(~limps).sum()})", "P"]
    assert compared["Body weight, kg, mean"][:2] == [
        f"{frame.loc[limps, 'weight'].mean():.1f}",
        f"{frame.loc[~limps, 'weight'].mean():.1f}",
    ]
    assert compared["Diabetes, %"][2].startswith(f"{cb.compare_groups(patients).rows[4].fisher.p_value:.2f}")
    assert list(rows(build, "table-3")) == ["", "Body weight, kg", "Stem: press-fit", "Stem: hybrid", "Diabetes"]
    fit = cb.full_model(patients)
    assert rows(build, "odds-ratios")["all candidates, maximum likelihood"][0] == f"{fit.frame['odds_ratio'].iloc[-1]:.2f}"
    curve = cb.study_survival(patients)
    first = rows(build, "survival")["1 year"]
    assert first[1].startswith(f"{100 * curve.landmarks['estimate'][0]:.1f} (")
    assert len(first) == 2, "no bands, no column for them"
    assert rows(build, "rate")["From the entry, as planned"][1] == f"{(frame['months'] - frame['first_seen']).sum() / 12:.1f}"


def test_notebooks_tell_whose_entry_was_late(hips_built):
    text = words(hips_built[1] / "notebooks" / "05_survival.ipynb")
    assert "before the entry (First seen)" in text
    assert re.search(r"The curve moves by up to \d+\.\d points", text)
    assert "years at risk count" in text
    assert "first_seen" not in text


def test_figures_are_saved(hips_built):
    found = {path.name for path in (hips_built[1] / "figures").iterdir()}
    names = (
        "flow",
        "histograms",
        "outcome-rate",
        "standardised-differences",
        "p-values",
        "survival",
        "survival-stem",
        "survival-heavy",
        "incidence",
        "incidence-stem",
        "incidence-heavy",
        "schoenfeld",
        "missing",
        "stability",
        "calibration",
        "model-forest",
    )
    assert found == {f"{name}.{form}" for name in names for form in ("png", "svg")}


@pytest.mark.slow
def test_notebooks_take_parameters_other_than_the_defaults(hips_built, tmp_path):
    study, _, _ = hips_built
    changes = {"04_logistic": {"removal": "lr", "resamples": "20"}, "03_univariate": {"confidence_level": "0.99"}}
    for notebook, given in changes.items():
        (path,) = numbered(notebook)
        run_notebook(path, tmp_path / path.name, study=str(study), output_dir=str(tmp_path), given=given)
    logistic = words(tmp_path / "04_logistic.ipynb")
    assert "Removal by the likelihood ratio keeps" in logistic
    assert "in the model, likelihood ratio" in logistic
    assert rows(tmp_path, "effects")[""][2] == "99% interval"
    effect = cb.compare_groups(cb.load_cohort(study), confidence_level=0.99).rows[0].effect
    assert rows(tmp_path, "effects")["Body weight, kg"][2] == interval(effect.conf_low, effect.conf_high, None)


def test_study_of_tables_alone_skips_the_rest(tmp_path):
    study, build = write_hips(tmp_path / "hips", text=PLAIN), tmp_path / "build"
    page = build_report_of(study, build, NOTEBOOKS)
    for section in ("comparison", "model", "survival"):
        assert re.search(rf"Not run: [^.]*<code>{section}</code>", page), section
    assert {path.stem for path in (build / "tables").glob("*.csv")} == {
        "eligibility",
        "missing",
        "dictionary",
        "table-a",
        "numeric-variables",
    }
    assert "The study file plans no outcome." in words(build / "notebooks" / "02_descriptives.ipynb")
