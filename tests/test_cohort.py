"""cohort.py and values.py: patients are read and typed alike from every kind of frame; bad data are told by row."""

import os
import re

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studies import COLUMNS, ROWS, changed, write_rows, write_study
from studyfile.cohort.cohort import CohortError, load_cohort
from studyfile.cohort.values import clean, derive, is_missing, meets, read_value
from studyfile.study.study import StudyError, load_study
from tallystats.tally import Tally

VARIABLES = COLUMNS[1:]
DERIVED = ("age_band", "where", "high", "change", "course", "followed", "followed_band", "long")


@pytest.fixture
def study(tmp_path):
    return load_study(write_study(tmp_path))


def as_dict(tally):
    return {
        tuple(None if pd.isna(v) else v for v in pattern[:-1]): pattern[-1] for pattern in tally.frame.itertuples(index=False)
    }


def message(study, data=None):
    """Return the lines of the message about data that do not fit, without the folder."""
    with pytest.raises(CohortError) as caught:
        load_cohort(study, data)
    assert caught.value._render_traceback_() == str(caught.value).splitlines()
    return str(caught.value).replace(f"{study.folder}{os.sep}", "").splitlines()


def keeping(tmp_path, *criteria):
    """Write a study whose criteria are given as text, and its rows; return the cohort."""
    listed = "".join(f"  - {{label: step {i}, {text}}}\n" for i, text in enumerate(criteria, start=1))
    write_rows(tmp_path)
    return load_cohort(write_study(tmp_path, extra=f"eligibility:\n{listed}"))


def frames(path):
    """Yield the same patients in every kind of frame that can be had here, typed and as text."""
    text = pd.read_csv(path, dtype=str, keep_default_na=False)
    typed = pd.read_csv(path, na_values=["NA", ""], keep_default_na=False, parse_dates=["surgery", "seen"])
    yield "text", text
    yield "typed", typed
    yield "nullable", typed.convert_dtypes()
    yield "categories", text.astype("category")
    yield "DuckDB text", duckdb.read_csv(str(path), all_varchar=True)
    yield "DuckDB typed", duckdb.sql(f"select * from read_csv('{path}', nullstr=['', 'NA'])")
    try:
        import polars
    except ImportError:
        return
    yield "Polars text", polars.from_dicts(text.to_dict("records"))
    yield "Polars typed", polars.read_csv(path, null_values=["", "NA"], try_parse_dates=True)
    yield "Polars lazy", polars.scan_csv(path, null_values=["", "NA"], try_parse_dates=True)


# --- reading


def test_types_and_levels(study):
    write_rows(study.folder)
    cohort = load_cohort(study)
    assert cohort.size == 4
    assert cohort.source == "rows.csv"
    frame = cohort.tally("age", "grade", "smoker", "surgery").frame
    assert [str(t) for t in frame.dtypes] == ["float64", "category", "boolean", "datetime64[s]", "int64"]
    assert list(frame["grade"].cat.categories) == ["low", "mid", "high"]
    assert frame["grade"].cat.ordered
    assert as_dict(cohort.tally("smoker")) == {(True,): 2, (False,): 2}
    assert as_dict(cohort.tally("age")) == {(30.0,): 1, (41.0,): 1, (90.0,): 1, (None,): 1}
    assert cohort.missing("age") == cohort.missing("site") == 1
    assert cohort.missing("high") == 1
    assert cohort.missing("days") == 0


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("age_band", {("young",): 1, ("old",): 2, (None,): 1}),
        ("where", {("here",): 1, ("elsewhere",): 2, (None,): 1}),
        ("high", {(False,): 2, (True,): 1, (None,): 1}),
        ("change", {("improved",): 1, ("unchanged",): 1, ("worse",): 1, (None,): 1}),
        ("course", {("low to high",): 1, ("mid to mid",): 1, ("high to low",): 1, (None,): 1}),
        ("followed", {(365.0,): 1, (30.0,): 1, (1096.0,): 1, (None,): 1}),
        ("followed_band", {("short",): 1, ("long",): 2, (None,): 1}),
        ("long", {(False,): 1, (True,): 2, (None,): 1}),
    ],
)
def test_derived_variables_with_missing_values(study, name, expected):
    write_rows(study.folder)
    tally = load_cohort(study).tally(name)
    assert as_dict(tally) == expected
    levels = study.levels(name)
    if study.kind(name) in ("ordered", "category"):
        assert tuple(tally.frame[name].cat.categories) == levels


def test_every_kind_of_frame_gives_the_same_tallies(tmp_path):
    path = write_rows(tmp_path)
    study = load_study(
        write_study(tmp_path, extra="eligibility: [{label: adults seen, keep: {days: {min: 0}, high: [yes, no]}}]")
    )
    expected = load_cohort(study, path)
    assert (expected.size, expected.flow[-1].excluded_missing) == (3, 1)
    for kind, frame in frames(path):
        cohort = load_cohort(study, frame)
        assert [(s.excluded, s.excluded_missing, s.remaining) for s in cohort.flow] == [
            (s.excluded, s.excluded_missing, s.remaining) for s in expected.flow
        ], kind
        for names in [*((name,) for name in (*VARIABLES, *DERIVED)), ("smoker", "long", "age"), ("course", "days")]:
            pd.testing.assert_frame_equal(cohort.tally(*names).frame, expected.tally(*names).frame, obj=f"{kind} {names}")


def test_a_patient_can_be_looked_up(study):
    write_rows(study.folder)
    for _, frame in frames(study.folder / "rows.csv"):
        assert as_dict(load_cohort(study, frame).patient("P2", "days", "high")) == {(365.5, False): 1}
    with pytest.raises(CohortError, match=r"rows.csv: no eligible patient has id 'P9'"):
        load_cohort(study).patient("P9", "days")


def test_truth_values_and_numbers_keep_their_meaning(study):
    rows = pd.DataFrame([dict(zip(COLUMNS, row, strict=True)) for row in ROWS])
    rows["died"] = [True, False, True, True]
    rows["smoker"] = [1, 0, 1, 1]
    rows["days"] = [3999.987654, 0.1, 2.0, None]
    cohort = load_cohort(study, rows)
    assert as_dict(cohort.tally("died")) == {(True,): 3, (False,): 1}
    assert as_dict(cohort.tally("smoker")) == {(True,): 3, (False,): 1}
    assert as_dict(cohort.tally("days")) == {(3999.987654,): 1, (0.1,): 1, (2.0,): 1, (None,): 1}


@pytest.mark.parametrize("dtype", ["float32", "float64", "Float64", "int64", "Int64", object])
def test_numbers_of_every_type(study, dtype):
    values = [1234567, 4, 0, 7] if dtype != "float32" else [123, 4, 0, 7]
    rows = pd.DataFrame([dict(zip(COLUMNS, row, strict=True)) for row in ROWS]).assign(visits=pd.Series(values, dtype=dtype))
    assert as_dict(load_cohort(study, rows).tally("visits")) == {(float(v),): 1 for v in values}


@pytest.mark.parametrize("value", [None, float("nan"), pd.NA, pd.NaT, "", " ", "NA", " NA "])
def test_what_counts_as_missing(study, value):
    assert is_missing(study, value)
    assert read_value(study, "age", value) == (None, "")


@pytest.mark.parametrize("value", [0, 0.0, False, "0", "no", "None", "nan", "."])
def test_what_does_not_count_as_missing(study, value):
    assert not is_missing(study, value)


def test_values_are_stripped_and_blank_lines_passed_over(study):
    path = write_rows(study.folder)
    lines = path.read_text().splitlines()
    lines[1] = lines[1].replace("low", " low ").replace("30", " 30")
    path.write_text("\n".join([lines[0].replace("age", " age "), "", lines[1], ",,,,,,,,,,", *lines[2:], "", ""]))
    cohort = load_cohort(study)
    assert cohort.size == 4
    assert as_dict(cohort.tally("grade")) == {("low",): 1, ("mid",): 1, ("high",): 1, (None,): 1}


def test_a_file_from_a_spreadsheet_on_windows(study):
    path = write_rows(study.folder)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert load_cohort(study).size == 4


def test_other_columns_are_let_be(study):
    write_rows(study.folder, [(*row, "x", "y", "z") for row in ROWS], (*COLUMNS, "n", "", ""))
    assert as_dict(load_cohort(study).tally("grade"))[("low",)] == 1


def test_other_marks_of_missing_values(tmp_path):
    study = load_study(write_study(tmp_path, ("  data: rows.csv", "  data: rows.csv\n  missing: ['', '999', unknown]")))
    write_rows(tmp_path, changed("site", "unknown", 4, changed("age", "999", 2)))
    cohort = load_cohort(study)
    assert cohort.missing("age") == 2
    assert cohort.missing("site") == 1


# --- errors


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("age", "old", "'old': not a number"),
        ("age", "41,5", "'41,5': not a number; write a decimal point, not a comma"),
        ("age", "1_0", "'1_0': not a number"),
        ("age", "nan", "'nan': not a finite number"),
        ("days", "inf", "'inf': not a finite number"),
        ("age", "41.5", "'41.5': expected a whole number"),
        ("visits", "2.5", "'2.5': expected a whole number"),
        ("age", "17", "'17': outside the plausible range 18 to 100 of study.yml; correct it or widen the range"),
        ("age", "101", "'101': outside the plausible range 18 to 100 of study.yml; correct it or widen the range"),
        ("days", "-1", "'-1': a time cannot be negative"),
        ("grade", "hihg", "'hihg': not a level; expected low, mid, high; did you mean 'high'?"),
        ("grade", "unheard of", "'unheard of': not a level; expected low, mid, high"),
        ("smoker", "2", "'2': not a level; expected no, yes"),
        ("died", "Yes", "'Yes': not a level; expected no, yes; did you mean 'yes'?"),
        ("surgery", "1.5.2015", "'1.5.2015': expected a date, year-month-day (2019-12-31)"),
        ("surgery", "2015-02-30", "'2015-02-30': expected a date, year-month-day (2019-12-31)"),
        ("id", "", "empty: no id"),
    ],
)
def test_a_wrong_value_names_row_and_column(study, column, value, text):
    write_rows(study.folder, changed(column, value, 3))
    assert message(study) == ["rows.csv: 1 error in the data", f"  row 4, column '{column}': {text}"]


def test_more_decimals_than_recorded(tmp_path):
    study = load_study(write_study(tmp_path, ("range: [-10, 4000]", "range: [-10, 4000], decimals: 1")))
    write_rows(tmp_path, changed("days", "0.55", 3))
    assert message(study) == ["rows.csv: 1 error in the data", "  row 4, column 'days': '0.55': expected at most 1 decimals"]


def test_a_time_that_is_no_endpoint_may_be_negative(tmp_path):
    study = load_study(write_study(tmp_path, ("{time: days", "{time: visits")))
    write_rows(tmp_path, changed("days", "-5", 3))
    assert load_cohort(study).size == 4


def test_a_time_between_two_dates_cannot_be_negative(tmp_path):
    study = load_study(write_study(tmp_path, ("{time: days", "{time: followed")))
    path = write_rows(tmp_path, changed("seen", "2014-12-30", 1))
    text = "row {}, columns 'surgery', 'seen': {}: 'followed' is negative; a time cannot be"
    assert message(study) == ["rows.csv: 1 error in the data", "  " + text.format(2, "'2015-01-01', '2014-12-30'")]
    typed = pd.read_csv(path, parse_dates=["surgery", "seen"], na_values=["NA", ""], keep_default_na=False)
    assert text.format(1, "2015-01-01 00:00:00, 2014-12-30 00:00:00") in message(study, typed)[1]


def test_all_errors_are_listed_in_the_order_of_the_rows(study):
    rows = changed("grade", "lo", 4, changed("age", "x", 2, changed("days", "-3", 2, changed("id", "P1", 3))))
    write_rows(study.folder, rows)
    assert message(study) == [
        "rows.csv: 5 errors in the data",
        "  row 2, column 'id': 'P1': the id stands 2 times; an id is one patient",
        "  row 3, column 'age': 'x': not a number",
        "  row 3, column 'days': '-3': a time cannot be negative",
        "  row 4, column 'id': 'P1': the id stands 2 times; an id is one patient",
        "  row 5, column 'grade': 'lo': not a level; expected low, mid, high; did you mean 'low'?",
    ]


def test_ids_that_differ_by_a_space_are_the_same(study):
    write_rows(study.folder, changed("id", "P1 ", 3))
    assert [line.split(": ")[0] for line in message(study)[1:]] == ["  row 2, column 'id'", "  row 4, column 'id'"]


def test_the_first_twenty_errors_are_listed_and_the_others_counted(study):
    write_rows(study.folder, [(f"Q{i}", "x", *ROWS[0][2:]) for i in range(25)])
    found = message(study)
    assert found[0] == "rows.csv: 25 errors in the data"
    assert found[1:21] == [f"  row {row}, column 'age': 'x': not a number" for row in range(2, 22)]
    assert found[21:] == ["  and 5 more"]


def test_rows_are_numbered_as_a_spreadsheet_shows_them(study):
    path = write_rows(study.folder, changed("age", "x", 3))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], "", lines[1].replace("north", '"north"'), "", "", *lines[2:]]))
    assert message(study)[1:] == ["  row 7, column 'age': 'x': not a number"]


def test_rows_of_a_frame_are_numbered_from_one(study):
    path = write_rows(study.folder, changed("age", "x", 3, changed("id", "P2", 1)))
    for kind, frame in [("text", pd.read_csv(path, dtype=str)), ("DuckDB text", duckdb.read_csv(str(path)))]:
        assert message(study, frame) == [
            f"{type(frame).__name__}: 3 errors in the data",
            "  row 1, column 'id': 'P2': the id stands 2 times; an id is one patient",
            "  row 2, column 'id': 'P2': the id stands 2 times; an id is one patient",
            "  row 3, column 'age': 'x': not a number",
        ], kind


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA])
def test_a_frame_without_ids(study, missing):
    rows = pd.DataFrame([dict(zip(COLUMNS, row, strict=True)) for row in ROWS])
    rows["id"] = pd.Series([missing, 1, missing, 2], dtype=object)
    found = message(study, rows)
    assert [line.split(": ")[0] for line in found[1:]] == ["  row 1, column 'id'", "  row 3, column 'id'"]
    assert all(line.endswith(": no id") for line in found[1:])


def test_a_missing_file(study):
    assert message(study) == ["rows.csv: no such file; study.yml names it under study: data:"]
    assert message(study, study.folder) == [f"{study.folder}: no such file; study.yml names it under study: data:"]


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff", " , ,\n"])
def test_an_empty_file(study, text):
    (study.folder / "rows.csv").write_text(text, encoding="utf-8")
    assert message(study) == ["rows.csv: the file is empty; expected a header line and one line a patient"]


def test_a_header_and_nobody(study):
    write_rows(study.folder, [])
    assert message(study) == ["rows.csv: a header and no patient; expected one line a patient"]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_another_delimiter(study, delimiter):
    path = write_rows(study.folder, changed("days", "0.5"))
    path.write_text(path.read_text().replace(",", delimiter).replace(".", ","))
    cohort = load_cohort(study)
    assert as_dict(cohort.tally("days")) == {(0.5,): 1, (365.5,): 1, (0.0,): 1, (7.0,): 1}
    name = {";": "semicolon", "\t": "tab", "|": "bar"}[delimiter]
    assert cohort.notes == ("text in UTF-8", f"columns separated by a {name}", "decimal comma")


def test_a_column_that_stands_twice(study):
    write_rows(study.folder, [(*row, "1", "2") for row in ROWS], (*COLUMNS, "age", "site "))
    assert message(study) == ["rows.csv: row 1: 'age', 'site' stands twice in the header; give each column its own name"]


def test_missing_columns_suggest_the_nearest(study):
    write_rows(study.folder, ROWS, ("ID", "age", "grade", "latter", "Site", *COLUMNS[5:]))
    assert message(study) == [
        "rows.csv: row 1: no column for what study.yml declares:",
        "  'id'",
        "  'later'; did you mean 'latter'?",
        "  'site'; did you mean 'Site'?",
    ]


def test_ragged_rows(study):
    write_rows(study.folder, [ROWS[0], ROWS[1][:-1], ROWS[2], (*ROWS[3], "more")])
    assert message(study) == [
        "rows.csv: 2 errors in the data",
        "  row 3: 10 values; the header has 11",
        "  row 5: 12 values; the header has 11",
    ]


def test_another_encoding(study):
    path = write_rows(study.folder, changed("site", "nörth", 2))
    path.write_bytes(path.read_bytes().decode().encode("latin-1"))
    assert message(study)[1:] == [
        "  row 3, column 'site': 'nörth': not a level; expected north, south, off; did you mean 'north'?"
    ]


def test_an_open_quotation_mark(study):
    path = write_rows(study.folder)
    path.write_text(path.read_text().replace("south", '"south'))
    assert message(study) == ["rows.csv: line 5: not CSV: unexpected end of data; is a quotation mark left open?"]


def test_a_frame_with_missing_columns(study):
    rows = pd.DataFrame([dict(zip(COLUMNS, row, strict=True)) for row in ROWS])
    expected = ["DataFrame: no column for what study.yml declares:", "  'age'; did you mean 'Age'?", "  'died'"]
    assert message(study, rows.rename(columns={"age": "Age"}).drop(columns="died")) == expected


def test_a_frame_with_a_column_twice(study):
    rows = pd.DataFrame([dict(zip(COLUMNS, row, strict=True)) for row in ROWS])
    found = message(study, pd.concat([rows, rows[["age"]]], axis="columns"))
    assert found[0].startswith("DataFrame: ")
    assert "age" in found[0]
    assert found[0].endswith("; give each column its own name")


def test_a_frame_of_nobody(study):
    rows = pd.DataFrame(columns=COLUMNS)
    assert message(study, rows) == ["DataFrame: no patient; expected one row a patient"]
    assert message(study, duckdb.from_df(rows.astype(str))) == ["DuckDBPyRelation: no patient; expected one row a patient"]


@pytest.mark.parametrize("data", [{"id": [1]}, [1, 2], 3])
def test_data_of_another_kind(study, data):
    expected = f"{type(data).__name__}: expected the path of a data file, or a frame that narwhals reads"
    assert message(study, data) == [expected]


def test_an_unknown_variable(study):
    write_rows(study.folder)
    with pytest.raises(StudyError, match=r"no variable 'agee'; did you mean 'age'\?"):
        load_cohort(study).tally("agee")


# --- eligibility


def test_every_exclusion_is_counted(tmp_path):
    cohort = keeping(
        tmp_path, "excluded: null", "excluded: 12", "keep: {days: {min: 1}}", "keep: {grade: [low, mid], site: [north, south]}"
    )
    assert [(s.label, s.excluded, s.excluded_missing, s.remaining) for s in cohort.flow] == [
        ("step 1", None, 0, None),
        ("step 2", 12, 0, None),
        ("In rows.csv", 0, 0, 4),
        ("step 3", 1, 0, 3),
        ("step 4", 1, 1, 2),
    ]
    assert cohort.size == 2
    assert as_dict(cohort.tally("site")) == {("north",): 1, ("south",): 1}


CRITERIA = [
    ("{age: {min: 30, max: 41}}", 2, 1),
    ("{age: {max: 30}}", 3, 1),
    ("{age: [30, 90]}", 2, 1),
    ("{age: 41}", 3, 1),
    ("{smoker: yes}", 2, 0),
    ("{smoker: [yes, no]}", 0, 0),
    ("{site: [north, off]}", 2, 1),
    ("{age_band: old}", 2, 1),
    ("{where: elsewhere}", 2, 1),
    ("{high: no}", 2, 1),
    ("{change: [improved, worse]}", 2, 1),
    ("{course: low to high}", 3, 1),
    ("{followed: {min: 31}}", 2, 1),
    ("{followed: 30}", 3, 1),
    ("{long: yes}", 2, 1),
    ("{surgery: {min: 2015-03-01, max: 2015-12-31}}", 2, 1),
    ("{seen: {min: 2015-07-01}}", 1, 0),
]


@pytest.mark.parametrize(("keep", "excluded", "missing"), CRITERIA)
def test_criteria_on_every_kind_of_variable(tmp_path, keep, excluded, missing):
    cohort = keeping(tmp_path, f"keep: {keep}")
    assert (cohort.flow[-1].excluded, cohort.flow[-1].excluded_missing) == (excluded, missing)


@pytest.mark.parametrize(
    ("keep", "excluded", "missing"),
    [pytest.param(*case, marks=pytest.mark.slow if k % 4 else ()) for k, case in enumerate(CRITERIA)],
)
def test_criteria_on_every_kind_of_frame(tmp_path, keep, excluded, missing):
    cohort = keeping(tmp_path, f"keep: {keep}")
    for kind, frame in frames(tmp_path / "rows.csv"):
        step = load_cohort(cohort.study, frame).flow[-1]
        assert (step.excluded, step.excluded_missing) == (excluded, missing), kind


def test_many_patterns_of_dates_can_be_kept(tmp_path):
    days = pd.date_range("2010-01-01", periods=3000, freq="D")
    rows = pd.DataFrame([dict(zip(COLUMNS, ROWS[0], strict=True))] * 3000)
    rows = rows.assign(id=range(3000), surgery=days, seen=days + pd.to_timedelta(range(3000), unit="D"))
    study = load_study(write_study(tmp_path, extra="eligibility: [{label: a, keep: {followed: {min: 1000}}}]"))
    assert load_cohort(study, rows).size == load_cohort(study, duckdb.from_df(rows)).size == 2000


def test_nobody_eligible(tmp_path):
    with pytest.raises(CohortError) as caught:
        keeping(tmp_path, "excluded: 7", "keep: {age: {min: 91}}", "keep: {smoker: yes}")
    expected = "rows.csv: no patient is eligible (In rows.csv: 0 excluded; step 2: 4 excluded; step 3: 0 excluded)"
    assert str(caught.value) == expected
    for _, frame in frames(tmp_path / "rows.csv"):
        with pytest.raises(CohortError, match=r"no patient is eligible .*step 2: 4 excluded; step 3: 0 excluded"):
            load_cohort(tmp_path / "study.yml", frame)


def test_data_stay_where_they_live(study):
    path = write_rows(study.folder)
    relation = duckdb.read_csv(str(path))
    assert isinstance(load_cohort(study, relation).data, duckdb.DuckDBPyRelation)
    assert isinstance(load_cohort(study, pd.read_csv(path)).data, pd.DataFrame)


# --- values


def test_meets(study):
    assert meets(study, "age", 30.0, {"min": 30})
    assert not meets(study, "age", 30.0, {"max": 29})
    assert meets(study, "age", 30.0, (29, 30))
    assert meets(study, "died", True, "yes")
    assert meets(study, "died", "no", ("no",))
    assert meets(study, "grade", "low", ("low", "mid"))
    assert not meets(study, "grade", "low", "mid")


PATIENT = st.fixed_dictionaries(
    {
        "age": st.sampled_from(["", "18", "40", "41", "100"]),
        "grade": st.sampled_from(["", "low", "mid", "high"]),
        "later": st.sampled_from(["NA", "low", "mid", "high"]),
        "site": st.sampled_from(["", "north", "south", "off"]),
        "smoker": st.sampled_from(["", "0", "1", "yes"]),
        "days": st.sampled_from(["", "0", "0.5", "1e2"]),
        "visits": st.sampled_from(["", "3"]),
        "died": st.sampled_from(["", "no", "yes"]),
        "surgery": st.sampled_from(["", "2015-01-01", "2016-02-29"]),
        "seen": st.sampled_from(["", "2016-02-29", "2018-01-01"]),
    }
)


@settings(max_examples=settings.default.max_examples // 3)
@given(patients=st.lists(PATIENT, min_size=2, max_size=12), cut=st.integers(1, 11))
def test_from_rows_from_tallies_and_from_two_sites_is_the_same(study, patients, cut):
    rows = pd.DataFrame(patients).assign(id=[f"P{i}" for i in range(len(patients))])
    whole = load_cohort(study, rows)
    names = ("age_band", "high", "change", "followed_band", "smoker")
    ones = rows[list(VARIABLES)].assign(n=1)
    by_row = derive(study, clean(study, ones, VARIABLES), names).drop(columns="n")
    pd.testing.assert_frame_equal(whole.tally(*names).frame, Tally.from_rows(by_row).frame)
    cut = min(cut, len(rows) - 1)
    sites = load_cohort(study, rows[:cut]).tally(*names) + load_cohort(study, duckdb.from_df(rows[cut:])).tally(*names)
    pd.testing.assert_frame_equal(sites.frame, whole.tally(*names).frame)
    assert whole.tally(*names).provenance == "assumed"
    shuffled = load_cohort(study, rows.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(shuffled.tally(*names).frame, whole.tally(*names).frame)


def test_messages_name_the_file_with_its_folder(study):
    path = write_rows(study.folder, changed("age", "x"))
    with pytest.raises(CohortError, match=re.escape(f"{path}: 1 error in the data")):
        load_cohort(study)
