"""The same patients in SPSS, Excel, CSV and Parquet give the same tables, to the byte, through notebooks and report."""

import re

import pandas as pd
import pytest

import cohortbook as cb
from in_process import build, numbered
from second_study import FULL, hips, write_hips

NOTEBOOKS = [*numbered("02*"), *numbered("03*")]
FORMS = ("hips.csv", "hips.xlsx", "hips.sav", "hips.parquet")
NUMBERS = ("weight", "pain", "first_seen", "months", "months_to_revision")
STEMS = {1: "cemented", 2: "press-fit", 3: "hybrid"}


def patients():
    """Return hips with numbers as numbers, and with 999 and 888 where a value is missing: they are declared, not empty."""
    frame = pd.DataFrame(hips()).replace({"": None, "NA": None})
    for name in (*NUMBERS, "diabetic"):
        frame[name] = pd.to_numeric(frame[name])
    frame["weight"] = frame["weight"].fillna(999)
    frame["pain"] = frame["pain"].fillna(888).astype(int)
    return frame


def write(frame, path):
    """Write patients in the form that the name's end tells, each as its programs do."""
    match path.suffix:
        case ".csv":
            frame.to_csv(path, index=False)
        case ".xlsx":
            frame.to_excel(path, index=False)
        case ".parquet":
            frame.to_parquet(path, index=False)
        case ".sav":
            import pyreadstat

            codes = {label: code for code, label in STEMS.items()}
            coded = frame.assign(stem=frame["stem"].map(codes), limp=(frame["limp"] == "yes").astype(int))
            pyreadstat.write_sav(
                coded,
                str(path),
                variable_value_labels={"stem": STEMS, "limp": {0: "No", 1: "Yes"}},
                missing_ranges={"weight": [999], "pain": [888]},
                column_labels={"weight": "Weight on admission"},
            )


def study_of(folder, name):
    """Write the study with its data in one form."""
    changes = [("data: hips.csv", f"data: {name}")]
    if name != "hips.sav":  # SPSS itself says which codes are missing
        changes += [
            ("{label: Body weight,", "{label: Body weight, missing: [999],"),
            ("{label: Pain score,", "{label: Pain score, missing: [888],"),
        ]
    study = write_hips(folder / name, *changes, text=FULL)
    (study / "hips.csv").unlink()
    write(patients(), study / name)
    return study


def test_every_form_of_the_data_gives_the_same_tables(tmp_path):
    found = {}
    for name in FORMS:
        cohort = cb.load_cohort(study_of(tmp_path, name))
        results = (*cb.descriptive_tables(cohort), cb.numeric_summaries(cohort), cb.compare_groups(cohort))
        found[name] = [cb.table_of(one).strings for one in (*results, cb.missing_table(cohort))]
    assert all(found[name] == found["hips.csv"] for name in FORMS[1:])
    assert all(label in str(found["hips.csv"]) for label in STEMS.values())


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build tables and report from each form of the data."""
    folder = tmp_path_factory.mktemp("forms")
    for name in FORMS:
        build(study_of(folder, name), folder / f"build-{name}", NOTEBOOKS)
    return {name: folder / f"build-{name}" for name in FORMS}


def shown(build):
    """Return the tables and the findings of a report, and what was saved of every table."""
    page = (build / "report.html").read_text(encoding="utf-8")
    saved = {path.name: path.read_bytes() for path in sorted((build / "tables").iterdir())}
    # What the report was made from, its files with their hashes, is all that differs.
    return re.findall(r'<table\b(?! class="facts").*?</table>|<figcaption.*?</figcaption>', page, re.DOTALL), saved


@pytest.mark.slow
def test_the_tables_hold_levels_and_missing_values(built):
    tables, saved = shown(built["hips.csv"])
    assert len(tables) > 10
    page = "".join(tables)
    assert all(label in page for label in STEMS.values())
    assert "Not recorded" in page
    assert {"table-a.csv", "table-2.json", "effects.csv"} <= set(saved)
    assert b'"maximum": 999' not in saved["numeric-variables.json"]


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMS[1:])
def test_every_form_of_the_data_gives_the_same_bytes(built, name):
    expected, found = shown(built["hips.csv"]), shown(built[name])
    assert found[0] == expected[0]
    assert found[1] == expected[1]
    figures = [{p.name: p.read_bytes() for p in (built[one] / "figures").iterdir()} for one in ("hips.csv", name)]
    assert figures[0] == figures[1]
