"""draft*.py: a study file from an unknown table, usable as it stands, every guess beside its reason."""

import contextlib
import csv
import datetime
import os
import re
import subprocess

import openpyxl
import pandas as pd
import pyreadstat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohortbook.sections.comparison.analysis import descriptive_tables, numeric_summaries
from studyfile.cohort.cohort import load_cohort
from studyfile.cohort.readers import CohortError, read_source
from studyfile.draft import draft
from studyfile.draft.draft import DraftError, draft_study, draft_text, main
from studyfile.draft.draft_words import in_order, label_and_unit, yes_no
from studyfile.study.study import load_study


def write(folder, columns, name="patients.csv"):
    """Write columns of equal length as CSV."""
    path = folder / name
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


def drafted(folder, columns, **options):
    return draft_study(folder / "study", write(folder, columns), **options).read_text(encoding="utf-8")


def line(text, name):
    """Return the drafted line of a variable, and the lines of LOOK above it."""
    lines = text.splitlines()
    at = next(i for i, found in enumerate(lines) if re.match(rf'  (# |## )?"?{re.escape(name)}"?: ', found))
    looks, above = [], at - 1
    while lines[above].startswith("  ## LOOK "):
        looks.insert(0, lines[above].removeprefix("  ## LOOK "))
        above -= 1
    return lines[at].strip(), looks


def with_proposals(text):
    """Take the # from every proposal."""
    return re.sub(r"^( *)# (?!LOOK)(?=[\w\"' -])", r"\1", text.split("\n", 4)[4], flags=re.M)


IDS = {"id": [f"P{i}" for i in range(40)]}


def of(values, n=40):
    """Repeat values to the number of patients."""
    return [values[i % len(values)] for i in range(n)]


# --- one column


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        (
            "age_years",
            range(20, 60),
            "{label: Age, kind: continuous, unit: years, decimals: 0}  # whole numbers, 20 to 59; unit 'years' from the name",
        ),
        (
            "Tumour size (mm)",
            [f"{i}.5" for i in range(40)],
            "{label: Tumour size, kind: continuous, unit: mm, decimals: 1}  # numbers, 0.5 to 39.5; unit 'mm' from the name",
        ),
        ("visits", of([0, 1, 2, 5]), "{label: Visits, kind: count}  # whole numbers, 0 to 5; the name says a count"),
        ("ptl", of([0, 0, 1, 2, 3]), "{label: Ptl, kind: count}  # whole numbers, 0 to 3, few of them"),
        (
            "smoke",
            of([0, 1]),
            '{label: Smoke, kind: binary, codes: {"0": "no", "1": "yes"}}  # only 0 and 1, read as no and yes',
        ),
        (
            "sex",
            of([0, 1]),
            '{label: Sex, kind: category, levels: ["0", "1"]}  # 0 and 1: name what they stand for in levels and codes',
        ),
        (
            "arm",
            of([1, 2]),
            '{label: Arm, kind: category, levels: ["1", "2"]}  # 1 and 2: name what they stand for in levels '
            "and codes; of yes and no, kind: binary",
        ),
        (
            "race",
            of([1, 2, 3, 3]),
            '{label: Race, kind: category, levels: ["1", "2", "3"]}  # 3 whole numbers; the name says '
            "codes: name them in levels and codes",
        ),
        (
            "group3",
            of([1, 2, 3, 3]),
            '{label: Group3, kind: category, levels: ["1", "2", "3"]}  # whole numbers 1 to 3, taken '
            "as codes: name them; if they count something, kind: count",
        ),
        (
            "stage",
            of([1, 2, 4]),
            '{label: Stage, kind: ordered, levels: ["1", "2", "4"]}  # 3 whole numbers; the name says '
            "steps of a scale; if they are amounts, kind: count",
        ),
        ("smoker", of(["Sì", "no"]), "{label: Smoker, kind: binary, codes: {Sì: \"yes\"}}  # 'Sì', 'no' say yes and no"),
        (
            "smoker",
            of(["ja", "nein", ""]),
            "{label: Smoker, kind: binary, codes: {ja: \"yes\", nein: \"no\"}}  # 'ja', 'nein' say yes and no; 13 missing",
        ),
        (
            "alive",
            of(["TRUE", "FALSE"]),
            '{label: Alive, kind: binary, codes: {"TRUE": "yes", "FALSE": "no"}}  # \'TRUE\', \'FALSE\' say yes and no',
        ),
        (
            "sex",
            of(["male", "female", "female"]),
            "{label: Sex, kind: category, levels: [female, male]}  # 2 levels, the most frequent first",
        ),
        (
            "pain",
            of(["severe", "mild", "none"]),
            '{label: Pain, kind: ordered, levels: ["none", mild, severe]}  # 3 levels, ordered by words of a scale',
        ),
        (
            "grade",
            of(["III", "I", "II"]),
            "{label: Grade, kind: ordered, levels: [I, II, III]}  # 3 levels, ordered by numbered steps",
        ),
        (
            "centre",
            of(["other", "Rome", "Oslo", "Rome", "other", "other"]),
            "{label: Centre, kind: category, levels: [Rome, Oslo, other]}  # 3 levels, the most frequent first",
        ),
        (
            "seen",
            [f"2019-01-{i % 28 + 1:02d}" for i in range(40)],
            "{label: Seen, kind: date}  # dates, year-month-day; 2019-01-01 to 2019-01-28",
        ),
        (
            "seen",
            [f"{i % 28 + 1}.1.2019" for i in range(40)],
            "{label: Seen, kind: date, date_order: dmy}  # dates, day before "
            "month: a dot, or a first number above 12; 2019-01-01 to 2019-01-28",
        ),
        (
            "seen",
            [f"1/{i % 28 + 1}/2019" for i in range(40)],
            "{label: Seen, kind: date, date_order: mdy}  # dates, month before "
            "day: a second number above 12; 2019-01-01 to 2019-01-28",
        ),
        (
            "weight_kg",
            ["n/a", *(f"{i}.25" for i in range(1, 40))],
            "{label: Weight, kind: continuous, unit: kg, missing: [n/a], "
            "decimals: 2}  # numbers, 1.25 to 39.25; 'n/a' can be no value here, so missing: counts it as missing; "
            "unit 'kg' from the name; 1 missing",
        ),
        ("ratio", [f"{i / 7:.12f}" for i in range(40)], "{label: Ratio, kind: continuous}  # numbers, 0 to 5.57143"),
    ],
)
def test_a_guess_and_its_reason(tmp_path, name, values, expected):
    found, looks = line(drafted(tmp_path, IDS | {name: list(values)}), name)
    assert found.partition(": ")[2] == expected
    assert not looks


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("age", [999, 999, *range(20, 58)], ["999 stands 2 times, far from the rest; if it means missing, add missing: [999]"]),
        ("score_sum", [-1, *range(21, 60)], ["-1 stands once, far from the rest; if it means missing, add missing: [-1]"]),
        ("age", [140, *range(20, 59)], ["140 (row 2) is outside 0 to 120"]),
        ("crp", [900, *range(20, 59)], ["900 (row 2) is more than three times the next largest"]),
        ("prior", of([0, 10]), ["only 2 different values, 0, 10: if they are codes, kind: category with levels"]),
        ("edema", of([0, 0.5, 1]), ["only 3 different values, 0, 0.5, 1: if they are codes, kind: category with levels"]),
        (
            "sex",
            of(["Male", "male ", "Female", "Male"]),
            ["'male' (10 times) is read as 'Male': they differ in capitals or spaces alone"],
        ),
        ("sex", of(["male", "female", "femal", "female"]), ["'femal' and 'female' are alike: one level or two?"]),
        (
            "site",
            of(["north", "south", "unknown"]),
            ["if 'unknown' means missing, take it out of levels and add missing: [unknown]"],
        ),
        (
            "seen",
            ["2109-01-01", "1819-01-01", *["2019-05-05", "2019-05-06"] * 19],
            ["2109-01-01 (row 2) lies in the future", "1819-01-01 (row 3) lies before 1900"],
        ),
        ("marker", [*["", "", ""] * 10, *range(10)], ["mostly missing: 30 of 40"]),
        (
            "admission_date",
            range(43000, 43040),
            ["may be dates as Excel counts them; format the column as a date and export it again"],
        ),
    ],
)
def test_what_looks_wrong_is_told(tmp_path, name, values, expected):
    text = drafted(tmp_path, IDS | {name: list(values)})
    assert line(text, name)[1] == expected
    assert f"LOOK says what may be wrong ({len(expected)} place" in text


@pytest.mark.parametrize(
    "values", [range(0, 80, 2), [*range(50, 89), 99], of([1.5, 2.25, 8.5, 30.5, 20.5, 11, 12, 13.5, 14.5])]
)
def test_ordinary_numbers_do_not_look_wrong(tmp_path, values):
    assert line(drafted(tmp_path, IDS | {"x": list(values)}), "x")[1] == []


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("site", of(["Rome"]), "## site: left out: constant: every value is 'Rome'"),
        (
            "notes",
            [f"note {i * i}" for i in range(40)],
            "## notes: left out: free text or names: 40 different values in 40 rows",
        ),
        (
            "Surname",
            of(["A", "B"]),
            "## Surname: left out: its name says that it may identify people; leave it out of the file altogether",
        ),
        ("n", of([1, 2]), "## \"n\": left out: the name 'n' is taken by the counts; rename the column"),
        ("blank", of([""]), "## blank: left out: empty: no row has a value"),
        (
            "crp",
            ["<0.5", *range(39)],
            "# crp: {label: Crp, kind: continuous}  # left out: numbers, but for 1 value, first in row 2; "
            "correct them, then remove the #",
        ),
        (
            "seen",
            ["30.02.2019", *["01.02.2019", "13.02.2019"] * 19, "1.1.2020"],
            "# seen: {label: Seen, kind: date, date_order: dmy}  # left out: 1 impossible date, first in row 2; "
            "correct them, then remove the #",
        ),
        (
            "seen",
            of(["01/02/2019", "03/04/2019"]),
            "# seen: {label: Seen, kind: date, date_order: dmy}  # left out: dates that may "
            "be day-month-year or month-day-year; set date_order, then remove the #",
        ),
        (
            "seen",
            of(["01/02/19", "31/04/20"]),
            "# seen: {label: Seen, kind: date}  # left out: dates in a form that is not read; "
            "write year-month-day (2019-12-31)",
        ),
    ],
)
def test_what_is_left_out_says_why(tmp_path, name, values, expected):
    text = drafted(tmp_path, IDS | {"age": list(range(20, 60)), name: list(values)})
    assert line(text, name)[0] == expected
    assert name not in load_study(tmp_path / "study").names


# --- ids

NO_ID = "id: row_number  # no column is different in every row and named as an id, so rows are counted"


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"Patient ID": range(40)}, "id: Patient ID  # different in every row, and its name says an id"),
        ({"code7": [f"c{i}" for i in range(40)]}, "id: code7  # the first column, different in every row"),
        (
            {"x": of([1.5, 2.5])},
            "id: row_number  # no column is different in every row and named as an id, so rows are counted",
        ),
        ({"nr1": range(7, 47)}, "id: nr1  # the first column, different in every row"),
        ({"weight": [i * i for i in range(40)]}, NO_ID),
        ({"Surname": [f"c{i}" for i in range(40)]}, NO_ID),
        ({"seen": [f"{i // 20 + 1}.{i % 20 + 1}.2019" for i in range(40)]}, NO_ID),
        ({"x": of([1, 2]), "record_id": range(40)}, "id: record_id  # different in every row, and its name says an id"),
    ],
)
def test_ids(tmp_path, columns, expected):
    text = drafted(tmp_path, {name: list(values) for name, values in columns.items()} | {"age": list(range(20, 60))})
    assert f"\n  {expected}\n" in text
    assert load_cohort(tmp_path / "study").size == 40


def test_ids_that_repeat_are_told_and_are_no_variable(tmp_path):
    text = drafted(tmp_path, {"id": ["a", "a", *range(38)], "age": list(range(40))})
    assert (
        "  ## LOOK 'id' repeats (first in row 2; 1 id in several rows): is one row one patient? "
        "When it is mended, it can be the id\n"
        "  id: row_number  #"
    ) in text
    assert line(text, "id")[0].startswith("id: row_number") or "## id: left out: its name says an id, and it repeats" in text
    assert "eligibility" not in text


def test_several_rows_a_patient_are_kept_by_a_level(tmp_path):
    columns = {"id": [i // 2 for i in range(80)], "visit": of(["first", "last"], 80), "x": [i * 1.5 for i in range(80)]}
    text = drafted(tmp_path, columns)
    assert "## 'id' repeats, but never within a level of 'visit'. To keep the rows of one level:\n" in text
    (tmp_path / "study" / "study.yml").write_text(with_proposals(text), encoding="utf-8")
    cohort = load_cohort(tmp_path / "study")
    assert (cohort.flow[0].remaining, cohort.size) == (80, 40)


# --- the whole file

WHOLE = IDS | {
    "age_years": list(range(20, 60)),
    "sex": of(["f", "m", "f"]),
    "grade": of(["I", "II"]),
    "stent": of([0, 1, 1, 0, 0]),
    "died": of(["yes", "no", "no"]),
    "follow_up_months": [f"{i}.5" for i in range(40)],
    "seen": of(["2019-05-05", "2019-06-05"]),
}


def test_a_draft_is_a_study_as_it_stands(tmp_path):
    text = drafted(tmp_path, WHOLE)
    cohort = load_cohort(tmp_path / "study")
    assert cohort.size == 40
    (table,) = descriptive_tables(cohort)
    assert set(table.frame["term"]) == set(WHOLE) - {"id", "seen"}
    assert len(numeric_summaries(cohort).parts) == 2
    assert (tmp_path / "study" / "patients.csv").read_bytes() == (tmp_path / "patients.csv").read_bytes()
    # Every variable's line gives a reason.
    lines = text[text.index("\nvariables:\n") : text.index("\ntables:\n")].strip().splitlines()[1:]
    assert len(lines) == 7
    assert all("  # " in found for found in lines)


def test_the_proposals_are_a_plan_once_their_marks_are_removed(tmp_path):
    text = drafted(tmp_path, WHOLE)
    (tmp_path / "study" / "study.yml").write_text(with_proposals(text), encoding="utf-8")
    file = load_study(tmp_path / "study").file
    assert file.study.missing == ("", "NA")
    assert file.units_per_year == 12
    assert (file.outcome.variable, file.outcome.label) == ("died", "Died")
    assert file.comparison.groups == "died"
    assert file.comparison.group_labels == ("Died", "No Died")
    assert [row.variable for row in file.comparison.rows] == ["age_years", "sex", "grade", "stent"]
    assert file.model.candidates == ("age_years", "sex", "grade", "stent")
    assert (file.survival.time, file.survival.event, file.survival.unit) == ("follow_up_months", "died", "months")
    assert (file.survival.strata, file.survival.cox) == (("sex",), ("age_years", "sex", "grade"))


def test_a_status_of_several_levels_proposes_a_derived_event(tmp_path):
    text = drafted(tmp_path, IDS | {"status": of([0, 1, 2]), "time": list(range(1, 41)), "trt": of([0, 1])})
    assert "## Which levels of 'status' are the event? Its last one stands here as an example.\n" in text
    (tmp_path / "study" / "study.yml").write_text(with_proposals(text), encoding="utf-8")
    study = load_study(tmp_path / "study")
    assert study.file.derived["status_event"].member == ("2",)
    assert study.file.survival.event == study.file.model.outcome == "status_event"
    assert study.file.model.candidates == ("trt",)
    assert study.file.outcome.label == "Status 2"
    assert study.file.comparison.group_labels == ("Status 2", "Others")
    assert "## Does one level of 'status' forestall another, as death of another cause does?\n" in text


def test_a_column_named_for_censoring_is_the_event_and_says_that_it_may_be_the_reverse(tmp_path):
    text = drafted(tmp_path, IDS | {"hand": of([0, 1]), "time": list(range(1, 41)), "cens": of([0, 1])})
    assert "with 'cens' (its name says an event or its absence: look which of them yes stands for)." in text
    (tmp_path / "study" / "study.yml").write_text(with_proposals(text), encoding="utf-8")
    assert load_study(tmp_path / "study").file.survival.event == "cens"


def test_without_an_outcome_or_a_time_the_plan_says_so(tmp_path):
    text = drafted(tmp_path, IDS | {"x": [i * 1.5 for i in range(40)]})
    assert "## The rest of the plan needs a binary variable as outcome; none was found, and none of two levels." in text
    text = draft_text(read_source(write(tmp_path, IDS | {"hand": of(["left", "right"])})))
    assert "# derived: {hand is right: {label: Hand right, from: hand, member: [right]}}" in text
    text = draft_text(read_source(write(tmp_path, IDS | {"x": of([0, 1])})))
    assert "with 'x' (no name says an outcome; it stands as an example)." in text
    assert "## survival: needs the time to the event or the end of follow-up; no column's name says it." in text


def test_labels_of_a_statistics_file_become_levels(tmp_path):
    frame = pd.DataFrame({"id": range(9), "sex": [1.0, 2, 1, 2, 1, 2, 1, 2, 1], "q": [1.0, 2, 2, 1, 1, 1, 2, 2, 9]})
    pyreadstat.write_sav(
        frame,
        tmp_path / "a.sav",
        column_labels={"q": "Any pain (0-10)"},
        missing_ranges={"q": [9]},
        variable_value_labels={"sex": {1.0: "Male", 2.0: "Female"}, "q": {1.0: "Yes", 2.0: "No", 9.0: "Refused"}},
    )
    text = draft_study(tmp_path / "study", tmp_path / "a.sav").read_text(encoding="utf-8")
    assert line(text, "sex")[0] == (
        'sex: {label: Sex, kind: category, levels: [Male, Female], codes: {"1": Male, "2": Female}}'
        "  # labels of the file, in the order of their codes"
    )
    assert load_cohort(tmp_path / "study").missing("q") == 1


def test_a_labelled_code_among_numbers_is_told(tmp_path):
    frame = pd.DataFrame({"id": range(12), "age": [*range(30, 41), 120]})
    pyreadstat.write_sav(frame, tmp_path / "a.sav", variable_value_labels={"age": {120: "not known", 121: "refused"}})
    text = draft_study(tmp_path / "study", tmp_path / "a.sav").read_text(encoding="utf-8")
    assert line(text, "age")[1] == ["the file labels 120 as 'not known'; if it means missing, add missing: [120]"]


def test_excel_keeps_dates_and_names_its_sheet(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "All - 2024"
    book.active.append(["id", "seen", "weight (kg)"])
    for i in range(12):
        book.active.append([f"a{i}", datetime.datetime(2019, 1, 1 + i), 60.5 + i])
    book.create_sheet("Notes").append(["x"])
    path = tmp_path / "My book (1).xlsx"
    book.save(path)
    with pytest.raises(CohortError, match="2 sheets hold data: 'All - 2024', 'Notes'"):
        draft_study(tmp_path / "study", path)
    assert not (tmp_path / "study").exists()
    text = draft_study(tmp_path / "study", path, sheet="All - 2024").read_text(encoding="utf-8")
    assert "  data: My_book_1_.xlsx\n" in text  # make could not follow a name with spaces
    assert "  sheet: All - 2024  # the sheet that was read\n" in text
    assert line(text, "seen")[0] == "seen: {label: Seen, kind: date}  # dates of the file; 2019-01-01 to 2019-01-12"
    assert load_cohort(tmp_path / "study").size == 12


def test_what_was_found_of_a_csv_file_is_declared(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("id;größe;ort\nä;1,5;Köln\nb;2,25;Bonn\nc;3;Köln\n".encode("cp1252"))
    text = draft_study(tmp_path / "study", path).read_text(encoding="utf-8")
    for key in ("encoding: cp1252  # the file is not UTF-8", 'delimiter: ";"  # divides', 'decimal: ","  # numbers such as'):
        assert f"\n  {key}" in text
    assert load_cohort(tmp_path / "study").tally("größe").frame["größe"].tolist() == [1.5, 2.25, 3.0]


def test_a_redcap_dictionary_beside_the_data_is_used(tmp_path):
    data = write(tmp_path, {"record_id": list(range(10)), "sex": of([1, 2], 10), "ill___1": of([0, 1, 1], 10)}, "export.csv")
    head = ["Variable / Field Name", "Form Name", "Field Type", "Field Label", "Choices, Calculations, OR Slider Labels"]
    fields = [["sex", "base", "radio", "Sex", "1, Female | 2, Male"], ["ill", "base", "checkbox", "Illness", "1, Diabetes"]]
    with (tmp_path / "the dictionary.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, *fields])
    text = draft_study(tmp_path / "study", data).read_text(encoding="utf-8")
    assert "  dictionary: the_dictionary.csv  # describes the columns of this file\n" in text
    assert line(text, "ill___1")[0].startswith('ill___1: {label: "Illness: Diabetes", kind: binary, codes: {')
    assert load_cohort(tmp_path / "study").tally("sex").frame["sex"].tolist() == ["Female", "Male"]


# --- never over what is there


def test_a_study_file_is_never_overwritten(tmp_path):
    drafted(tmp_path, WHOLE)
    path = tmp_path / "study" / "study.yml"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(DraftError, match=r"study\.yml: is there already and is not overwritten; name another folder, or move"):
        drafted(tmp_path, WHOLE)
    assert path.read_text(encoding="utf-8") == "mine"


def test_another_file_of_the_datas_name_is_never_overwritten(tmp_path):
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "patients.csv").write_text("other", encoding="utf-8")
    with pytest.raises(DraftError, match=r"patients\.csv: another file of this name is there already"):
        drafted(tmp_path, WHOLE)
    assert not (tmp_path / "study" / "study.yml").exists()


def test_data_in_the_folder_stay_where_they_are(tmp_path):
    path = write(tmp_path, WHOLE, "my patients.csv")
    text = draft_study(tmp_path, path).read_text(encoding="utf-8")
    assert "  data: my patients.csv\n" in text
    assert sorted(found.name for found in tmp_path.iterdir()) == ["my patients.csv", "study.yml"]


def test_nothing_to_describe_is_an_error(tmp_path):
    with pytest.raises(DraftError) as caught:
        drafted(tmp_path, IDS | {"notes": [f"note {i * i}" for i in range(40)]})
    assert str(caught.value).replace(f"{tmp_path}{os.sep}", "").splitlines() == [
        "patients.csv: no column that a study could describe",
        "  'notes': free text or names: 40 different values in 40 rows",
    ]
    assert not (tmp_path / "study").exists()


def test_the_command_tells_what_to_do_next(tmp_path, capsys):
    data = write(tmp_path, {"x": of([0, 1]), "age": [999, *range(39)]})
    assert main([str(tmp_path / "study"), str(data)]) == 0
    folder = tmp_path / "study"
    assert capsys.readouterr().out.splitlines() == [
        f"{folder / 'study.yml'}: drafted from {data}",
        "  40 patients, 2 variables, 0 columns left out; text in UTF-8; columns separated by a comma",
        "  no column of ids was found: rows are counted",
        "  1 place to look at: lines with LOOK",
        f"Next: read {folder / 'study.yml'}, then run",
        f"  make check STUDY={folder}",
        f"  make report STUDY={folder}",
    ]
    assert main([str(folder), str(data)]) == 1
    assert "is there already" in capsys.readouterr().err


def test_a_folder_that_git_would_keep_is_told(tmp_path, capsys):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("/studies/\n", encoding="utf-8")
    data = write(tmp_path, WHOLE)
    assert main([str(tmp_path / "studies" / "mine"), str(data)]) == 0
    assert "git would keep" not in capsys.readouterr().out
    assert main([str(tmp_path / "open"), str(data)]) == 0
    assert f"  git would keep {tmp_path / 'open'}: do not commit patients" in capsys.readouterr().out


def test_the_project_keeps_studies_out_of_git():
    lines = (draft.Path(draft.__file__).parents[3] / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "/studies/" in lines


# --- words


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        (["III", "I", "II"], ["I", "II", "III"]),
        (["T2", "T1", "T4a", "T3"], ["T1", "T2", "T3", "T4a"]),
        (["Stage IIIa", "Stage I", "Stage IIIb"], ["Stage I", "Stage IIIa", "Stage IIIb"]),
        ([">60", "<40", "40-60"], ["<40", "40-60", ">60"]),
        (["70 or more", "under 50", "50 to 69"], ["under 50", "50 to 69", "70 or more"]),
        (["High", "low", "Medium"], ["low", "Medium", "High"]),
        (["Hospital 2", "Hospital 1"], []),
        (["north", "south"], []),
        (["2", "1"], []),
        (["T1", "N1"], []),
    ],
)
def test_levels_that_tell_their_order(levels, expected):
    assert in_order(levels)[0] == expected


def test_words_of_yes_and_no():
    for yes, no in (("yes", "no"), ("Y", "N"), ("TRUE", "FALSE"), ("sì", "no"), ("SI", "NO"), ("ja", "nein"), ("oui", "non")):
        assert yes_no([no, yes]) == {no: "no", yes: "yes"}
    assert yes_no(["yes"]) == yes_no(["male", "female"]) == yes_no(["yes", "no", "maybe"]) == {}


def test_units_in_names():
    assert label_and_unit("CRP [mg/L]") == ("CRP", "mg/L")
    assert label_and_unit("glucose_mmol_l") == ("Glucose", "mmol/L")
    assert label_and_unit("days") == ("Days", "")
    assert label_and_unit("Pain (0-10)") == ("Pain (0-10)", "")
    assert label_and_unit("Smoker (y/n)") == ("Smoker (y/n)", "")
    assert label_and_unit("Sex (1=m)") == ("Sex (1=m)", "")


# --- any table at all

CELL = st.one_of(
    st.integers(-5, 2000).map(str),
    st.decimals(min_value=-9, max_value=99, places=2, allow_nan=False).map(str),
    st.sampled_from(
        [
            "",
            "NA",
            "n/a",
            "yes",
            "No",
            "y",
            "0",
            "1",
            "2",
            "999",
            "Male",
            "male ",
            "I",
            "II",
            "<50",
            "50-59",
            "true",
            "null",
            "~",
            "- x",
            "a: b",
            "# c",
            "[d",
            "{e}",
            "'f",
            '"g"',
            "2019-01-02",
            "31.12.2019",
            "30.02.2019",
            "é",
            "%",
            "@",
            "&h",
        ]
    ),
    st.text(alphabet="ab :#-,'\"{}[]&*!|>%@`?\\\u00e9\u2028\t", max_size=6),
)
NAME = st.one_of(
    st.sampled_from(
        ["id", "status", "time", "died", "age (years)", "n", "yes", "null", "1", "a: b", "# c", "x_days", "stage", "- y"]
    ),
    st.text(alphabet="ab :#-,'\"{}[]&*!|>%@`?\\\u00e9", min_size=1, max_size=8).map(lambda text: f"c{text}".strip()),
)


@given(data=st.data(), n=st.integers(1, 25))
def test_whatever_the_table_the_draft_can_be_used(tmp_path_factory, data, n):
    """It loads as it stands; so does every proposal; and its patients are those of the table."""
    folder = tmp_path_factory.mktemp("any")
    names = data.draw(st.lists(NAME, min_size=2, max_size=6, unique=True))
    columns = {}
    for name in names:
        pool = data.draw(st.lists(CELL, min_size=1, max_size=4))
        columns[name] = data.draw(st.lists(st.one_of(st.sampled_from(pool), CELL), min_size=n, max_size=n))
    frame = pd.DataFrame(columns)
    frame.to_parquet(folder / "rows.parquet")
    with contextlib.suppress(DraftError):
        draft_study(folder / "study", folder / "rows.parquet")
    path = folder / "study" / "study.yml"
    if not path.exists():
        with pytest.raises(DraftError, match="no column that a study could describe"):
            draft_study(folder / "study", folder / "rows.parquet")
        return
    cohort = load_cohort(path)
    assert cohort.size == n
    for name in cohort.study.file.variables:
        assert cohort.tally(name).total == n
        assert cohort.missing(name) < n
    if cohort.study.file.tables:
        assert descriptive_tables(cohort)
    path.write_text(with_proposals(path.read_text(encoding="utf-8")), encoding="utf-8")
    os.utime(path, (1, 1))
    assert load_study(path).file.study.title == "rows"
