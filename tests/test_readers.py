"""readers*.py: the same patients from every kind of file; what can be read in two ways is refused with a reason."""

import csv
import datetime
import gzip
import io
import os
import zipfile
from pathlib import Path

import duckdb
import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyreadstat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from cohortbook.sections.comparison.analysis import descriptive_tables, numeric_summaries
from studyfile.cohort.cohort import CohortError, load_cohort
from studyfile.cohort.readers import plain, read_source, with_point
from studyfile.study.study import StudyError, load_study

# --- the same patients from every kind of file

STUDY = """\
study: {title: Hips, id: hip, data: DATA, missing: ["", NA]}
variables:
  age: {label: Age, kind: continuous, unit: years, decimals: 0, missing: [999]}
  weight: {label: Weight, kind: continuous, unit: kg, decimals: 1}
  edema: {label: Edema, kind: ordered, levels: ["0", "0.5", "1"]}
  sex: {label: Sex, kind: category, levels: [female, male]}
  smoker: {label: Smoker, kind: binary, codes: {"1": "yes", "0": "no"}}
  visits: {label: Visits, kind: count}
  seen: {label: Seen, kind: date}
tables:
  t: {number: "1", title: Hips, rows: [{variable: age}, {variable: weight}, {variable: edema}, {variable: sex},
      {variable: smoker, levels: ["yes"]}, {variable: visits, levels: [0, 1, 2]}]}
"""
LABELS = {1: "female", 2: "male"}


def patients(n=60, seed=3):
    """Make patients with whole numbers, decimals, levels, dates, empty cells and a declared mark of a missing value."""
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "hip": [f"H{i:02d}" for i in range(n)],
            "age": draw.integers(30, 90, n).astype(float),
            "weight": np.round(draw.normal(75, 12, n), 1),
            "edema": draw.choice([0, 0.5, 1], n),
            "sex": draw.choice([1.0, 2.0], n),
            "smoker": draw.choice([0.0, 1.0], n),
            "visits": draw.integers(0, 3, n).astype(float),
            "seen": [datetime.date(2019, 1, 1) + datetime.timedelta(days=int(k)) for k in draw.integers(0, 700, n)],
        }
    )
    frame.loc[[4, 9], "age"] = 999
    frame.loc[[1, 2, 3], ["weight", "smoker"]] = np.nan
    frame.loc[7, "sex"] = np.nan
    return frame


def texts(frame, decimal="."):
    """Return the cells as a spreadsheet writes them."""

    def cell(value):
        if value is None or value != value:
            return ""
        if isinstance(value, float):
            return f"{value:.10g}".replace(".", decimal)
        return str(value)

    words = frame.assign(sex=frame["sex"].map(LABELS))
    return [list(frame.columns), *([cell(value) for value in row] for row in words.itertuples(index=False, name=None))]


def write_csv(path, frame, *, delimiter=",", decimal=".", encoding="utf-8"):
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter).writerows(texts(frame, decimal))
    path.write_bytes(stream.getvalue().encode(encoding))


def write_xlsx(path, frame):
    book = openpyxl.Workbook()
    for row in [list(frame.columns), *frame.assign(sex=frame["sex"].map(LABELS)).itertuples(index=False, name=None)]:
        book.active.append([None if value != value else value for value in row])
    book.save(path)


def write_parquet(path, frame):
    frame.assign(sex=pd.Categorical(frame["sex"].map(LABELS)), weight=frame["weight"].astype("float32")).to_parquet(path)


WRITERS = {
    "rows.csv": write_csv,
    "semicolon.csv": lambda path, frame: write_csv(path, frame, delimiter=";", decimal=","),
    "windows.csv": lambda path, frame: write_csv(path, frame, delimiter=";", decimal=",", encoding="cp1252"),
    "tab.tsv": lambda path, frame: write_csv(path, frame, delimiter="\t", encoding="utf-16"),
    "book.xlsx": write_xlsx,
    "spss.sav": lambda path, frame: pyreadstat.write_sav(
        frame, path, variable_value_labels={"sex": LABELS}, missing_ranges={"age": [999]}
    ),
    "packed.zsav": lambda path, frame: pyreadstat.write_sav(frame, path, variable_value_labels={"sex": LABELS}, compress=True),
    "stata.dta": lambda path, frame: pyreadstat.write_dta(frame, path, variable_value_labels={"sex": LABELS}),
    "float.dta": lambda path, frame: frame.assign(
        weight=frame["weight"].astype("float32"), seen=pd.to_datetime(frame["seen"])
    ).to_stata(path, write_index=False, value_labels={"sex": LABELS}, convert_dates={"seen": "td"}),
    "sas.xpt": lambda path, frame: pyreadstat.write_xport(frame.assign(sex=frame["sex"].map(LABELS).fillna("")), path),
    "frame.parquet": write_parquet,
}


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return tables_of(tmp_path_factory.mktemp("frame"), "rows.csv")


def tables_of(folder, name):
    """Write the patients in a format, and return what the report shows of them."""
    WRITERS[name](folder / name, patients())
    (folder / "study.yml").write_text(STUDY.replace("DATA", name), encoding="utf-8")
    cohort = load_cohort(folder)
    (table,) = descriptive_tables(cohort)
    dates = cohort.tally("seen").frame
    return (table.frame, numeric_summaries(cohort).frame, dates, {name: cohort.missing(name) for name in cohort.study.names})


@pytest.mark.parametrize("name", WRITERS)
def test_the_same_patients_from_every_format_give_the_same_tables(tmp_path, name, expected):
    found = tables_of(tmp_path, name)
    for ours, theirs in zip(found[:3], expected[:3], strict=True):
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    assert found[3] == {"age": 2, "weight": 3, "edema": 0, "sex": 1, "smoker": 3, "visits": 0, "seen": 0}


@pytest.mark.parametrize(
    ("name", "notes"),
    [
        ("rows.csv", ("text in UTF-8", "columns separated by a comma")),
        ("semicolon.csv", ("text in UTF-8", "columns separated by a semicolon", "decimal comma")),
        ("tab.tsv", ("text in UTF-16", "columns separated by a tab")),
        ("book.xlsx", ("sheet 'Sheet'",)),
        ("spss.sav", ("SPSS file", "codes declared missing in 1 column")),
        ("stata.dta", ("Stata file",)),
        ("frame.parquet", ("Parquet file",)),
    ],
)
def test_what_was_found_is_told(tmp_path, name, notes):
    WRITERS[name](tmp_path / name, patients())
    (tmp_path / "study.yml").write_text(STUDY.replace("DATA", name), encoding="utf-8")
    assert load_cohort(tmp_path).notes == notes


def test_labels_levels_and_missing_codes_of_a_file(tmp_path):
    path = tmp_path / "a.sav"
    frame = pd.DataFrame({"q": [1.0, 2.0, 9.0, 97.0, 98.5], "t": ["a", "", "b", "a", "zz"], "plain": [1.5, 2, 3, 4, None]})
    pyreadstat.write_sav(
        frame,
        path,
        column_labels={"q": "A question"},
        variable_value_labels={"q": {1.0: "Yes", 2.0: "No", 9.0: "Refused"}},
        missing_ranges={"q": [9, {"lo": 97, "hi": 99}], "t": ["zz"]},
    )
    source = read_source(path)
    assert source.frame["q"].tolist() == [1.0, 2.0, 9.0, 97.0, 98.5]
    assert source.frame["t"].tolist() == ["a", None, "b", "a", "zz"]
    assert source.frame["plain"].tolist()[:4] == [1.5, 2, 3, 4]
    assert source.frame["plain"][4] is None
    assert source.rows == (1, 2, 3, 4, 5)
    assert source.labels == {"q": "A question"}
    assert source.levels == {"q": {"1": "Yes", "2": "No", "9": "Refused"}}
    assert [source.is_missing("q", value) for value in source.frame["q"]] == [False, False, True, True, True]
    assert [source.is_missing("t", value) for value in source.frame["t"]] == [False, True, False, False, True]


def test_labels_that_say_yes_and_no_serve_a_binary_variable(tmp_path):
    pyreadstat.write_sav(
        pd.DataFrame({"id": [1.0, 2.0, 3.0], "died": [1.0, 2.0, 2.0]}),
        tmp_path / "a.sav",
        variable_value_labels={"died": {1.0: "Yes", 2.0: "No"}},
    )
    (tmp_path / "study.yml").write_text(
        "study: {title: A, id: id, data: a.sav}\nvariables: {died: {label: D, kind: binary}}\n", encoding="utf-8"
    )
    cohort = load_cohort(tmp_path)
    assert cohort.tally("died").frame.to_dict("list") == {"died": [False, True], "n": [2, 1]}
    assert cohort.patient("3", "died").frame["died"].tolist() == [False]


def test_a_code_that_is_no_level_is_told_with_its_row(tmp_path):
    pyreadstat.write_sav(
        pd.DataFrame({"id": [1.0, 2.0], "sex": [1.0, 3.0]}),
        tmp_path / "a.sav",
        variable_value_labels={"sex": {1.0: "female", 3.0: "femal"}},
    )
    (tmp_path / "study.yml").write_text(
        "study: {title: A, id: id, data: a.sav}\nvariables: {sex: {label: S, kind: category, levels: [female, male]}}\n",
        encoding="utf-8",
    )
    with pytest.raises(CohortError) as caught:
        load_cohort(tmp_path)
    assert str(caught.value).splitlines()[1:] == [
        "  row 2, column 'sex': 3: not a level; expected female, male; did you mean 'female'?"
    ]


def test_a_file_of_sas(tmp_path):
    """Written by R's haven: tests/reference/readers.R."""
    packed = Path(__file__).parent / "reference" / "readers.sas7bdat.gz"
    path = tmp_path / "rows.sas7bdat"
    path.write_bytes(gzip.decompress(packed.read_bytes()))
    source = read_source(path)
    assert source.frame.to_dict("list") == {
        "id": [1, 2, 3],
        "weight": [1.5, None, 2.0],
        "word": ["a", "b", None],
        "seen": [datetime.date(2019, 1, 2), None, datetime.date(2020, 2, 29)],
    }
    assert source.notes == ("SAS file",)


def test_whole_numbers_and_days_become_pythons_own():
    assert plain([np.float32(3.2), None]) == [3.2, None]
    assert plain([1.0, np.nan, 2.0]) == [1, None, 2]
    assert plain([1.0, 2.5]) == [1.0, 2.5]
    assert plain([pd.Timestamp("2019-01-02"), pd.NaT]) == [datetime.date(2019, 1, 2), None]
    assert plain([pd.Timestamp("2019-01-02 10:30")]) == [datetime.datetime(2019, 1, 2, 10, 30)]
    assert plain([" ", "a", True]) == [None, "a", True]


def test_files_that_cannot_be_read(tmp_path):
    def message(name, content=None, **options):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(CohortError) as caught:
            read_source(path, **options)
        return str(caught.value).replace(f"{tmp_path}{os.sep}", "")

    assert message("no.csv") == "no.csv: no such file"
    assert message("a.doc", b"x").startswith("a.doc: cannot tell what .doc is; expected one of .csv, ")
    assert message("a.xls", b"x").endswith("; save it as .xlsx")
    assert message("noending", b"x").startswith("noending: cannot tell what a file without an ending is; ")
    assert (
        message("a.csv", b"a,b\n1,2\n", sheet="S")
        == "a.csv: has no sheets; sheet 'S' was asked for. Only an Excel file has sheets"
    )
    assert message("a.sav", b"nonsense").startswith("a.sav: cannot be read as a file of SPSS: ")
    assert message("a.dta", b"nonsense").startswith("a.dta: cannot be read as a file of Stata: ")
    assert message("a.sas7bdat", b"nonsense").startswith("a.sas7bdat: cannot be read as a file of SAS: ")
    assert message("a.parquet", b"nonsense").startswith("a.parquet: cannot be read as a Parquet file: ")
    broken = "not an Excel workbook, or damaged; open it in Excel and save it anew as .xlsx"
    assert message("a.xlsx", b"nonsense") == f"a.xlsx: {broken}"
    assert message("b.xlsx", b"\xd0\xcf\x11\xe0nonsense") == (
        "b.xlsx: protected by a password, or an old .xls; save it as .xlsx without a password"
    )
    assert message("c.csv", b"PK\x03\x04") == (
        "c.csv: not a text file but an Excel workbook or another archive; give it the ending that says so"
    )
    assert message("a.sav", b"x", dictionary="d.csv") == "a.sav: a REDCap data dictionary goes with REDCap's export as CSV"


def test_columns_of_lists_are_refused(tmp_path):
    pd.DataFrame({"a": [[1, 2], [3]]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(CohortError, match=r"a.parquet: column 'a' holds list<.*>; expected one value a cell"):
        read_source(tmp_path / "a.parquet")


def test_columns_of_one_name_are_refused(tmp_path):
    table = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(CohortError, match=r"a\.parquet: 'a' names two columns; give each column its own name"):
        read_source(tmp_path / "a.parquet")


# --- CSV in every dialect

WORDS = st.text(alphabet="abzé;,|\t \"'-x", min_size=1, max_size=6).map(lambda text: f"w{text}w")
NUMBERS = st.decimals(min_value=-999, max_value=99999, places=2, allow_nan=False).map(str)


@given(
    words=st.lists(WORDS, min_size=1, max_size=6),
    numbers=st.lists(NUMBERS, min_size=6, max_size=6),
    delimiter=st.sampled_from(",;\t|"),
    decimal=st.sampled_from(".,"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    newline=st.sampled_from(["\n", "\r\n"]),
)
def test_any_dialect_is_read_back(tmp_path_factory, words, numbers, delimiter, decimal, encoding, quoting, newline):
    path = tmp_path_factory.mktemp("dialect") / "rows.csv"
    rows = [["id", "word", "number"], *([str(i + 1), *pair] for i, pair in enumerate(zip(words, numbers, strict=False)))]
    written = [rows[0], *([a, b, c.replace(".", decimal)] for a, b, c in rows[1:])]
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter, quoting=quoting, lineterminator=newline).writerows(written)
    path.write_bytes(stream.getvalue().encode(encoding))
    source = read_source(path)
    assert source.found["delimiter"].replace("tab", "\t") == delimiter
    assert source.decimal == decimal
    assert source.frame["word"].tolist() == [row[1] for row in rows[1:]]
    assert [with_point(c) if decimal == "," else c for c in source.frame["number"]] == [row[2] for row in rows[1:]]
    assert source.rows == tuple(range(2, len(rows) + 1))


@given(
    columns=st.lists(
        st.lists(st.from_regex(r"[1-9]?[0-9]{0,3}([.,][0-9]{1,3})?", fullmatch=True), min_size=3, max_size=3),
        min_size=1,
        max_size=3,
    ),
    delimiter=st.sampled_from(",;\t|"),
)
def test_numbers_are_read_in_one_way_or_refused(tmp_path_factory, columns, delimiter):
    """Whatever is not refused has one decimal sign: no cell that could be thousands, and none with the other sign."""
    columns = [[cell or "0" for cell in cells] for cells in columns]
    path = tmp_path_factory.mktemp("numbers") / "rows.csv"
    stream = io.StringIO()
    header = ["id", *(f"c{i}" for i in range(len(columns)))]
    csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([header, *zip("123", *columns, strict=True)])
    path.write_text(stream.getvalue(), encoding="utf-8")
    cells = [cell for column in columns for cell in column]
    found = attempt(path)
    if isinstance(found, str):
        assert "declare study: decimal:" in found
        assert any("," in cell for cell in cells) or delimiter != ","
        assert read_source(path, decimal=".").decimal == "."
    elif found.decimal == ",":
        assert not [cell for cell in cells if "." in cell]
    elif delimiter != ",":  # where commas separate columns, a cell such as 1,5 beside 2.5 is told by its row
        assert not [cell for cell in cells if "," in cell]


def attempt(path):
    """Return a source, or the message of its refusal."""
    try:
        return read_source(path)
    except CohortError as error:
        return str(error)


def source_of(tmp_path, text, *, encoding="utf-8", **options):
    path = tmp_path / "rows.csv"
    path.write_bytes(text.encode(encoding))
    return read_source(path, **options)


def refused(tmp_path, text, **options):
    with pytest.raises(CohortError) as caught:
        source_of(tmp_path, text, **options)
    return str(caught.value).replace(f"{tmp_path}{os.sep}", "")


HINT = "; save numbers without signs for thousands, or declare study: decimal: ',' or '.'"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a;b\nx;1,5\ny;2.5\n", "'1,5' (row 2, column 'b') has a decimal comma and '2.5' (row 3, column 'b') a decimal point"),
        ("a;b\nx;1,234\n", "'1,234' (row 2, column 'b') may be a thousand or a fraction"),
        ("a;b\nx;1.234\n", "'1.234' (row 2, column 'b') may be a thousand or a fraction"),
        ("a;b;c\nx;1.234;1,5\n", "'1,5' (row 2, column 'c') has a decimal comma, so '1.234' (row 2, column 'b') is unclear"),
        ("a;b;c\nx;1,234;1.5\n", "'1,234' (row 2, column 'b') may be a thousand or a fraction"),
        ('a,b\nx,"1,234"\n', "'1,234' (row 2, column 'b') may be a thousand or a fraction"),
        ('a,b\nx,"1,234,567"\n', "'1,234,567' (row 2, column 'b') has signs for thousands"),
        ("a;b\nx;1.234,5\n", "'1.234,5' (row 2, column 'b') has signs for thousands"),
    ],
)
def test_unclear_numbers_are_refused_once(tmp_path, monkeypatch, text, message):
    assert refused(tmp_path, text) == f"rows.csv: {message}{HINT}"
    monkeypatch.setenv("COHORTBOOK_MASK", "1")
    masked = refused(tmp_path, text)
    assert "value not shown (row 2, column" in masked
    assert not any(cell in masked for cell in ("1,5", "2.5", "1,234", "1.234"))


@pytest.mark.parametrize(
    ("text", "decimal"),
    [
        ("a,b\nx,1.234\n", "."),  # commas separate: a point is no sign for thousands
        ("a;b;c\nx;1,234;0,5\n", ","),
        ("a;b;c\nx;1.234;0.5\n", "."),
        ("a;b\nx;12\n", "."),
        ("a;b;c\nx;n/a;1,5\ny;2,5;\nz;3,25;2\n", ","),
        ('a,b\nx,"1,5"\n', ","),
        ('a,b,c\nx,"1,5",2.5\n', "."),  # a slip, told by its row when the study file calls it a number
        ("a;b\nx;one, two\ny;three\n", "."),
        ("a;b;c\n1;free. text;1,5\n2;1.5 mg;2,5\n", ","),
    ],
)
def test_what_is_clear_is_read(tmp_path, text, decimal):
    assert source_of(tmp_path, text).decimal == decimal


def test_declared_decimals(tmp_path):
    source = source_of(tmp_path, "a;b\nx;1,234\n", decimal=",")
    assert (source.decimal, source.notes[-1]) == (",", "decimal comma, as declared")
    study = "study: {title: A, id: a, data: rows.csv, decimal: ','}\nvariables: {b: {label: B, kind: continuous}}\n"
    (tmp_path / "study.yml").write_text(study, encoding="utf-8")
    assert load_cohort(tmp_path).tally("b").frame["b"].tolist() == [1.234]
    (tmp_path / "rows.csv").write_text("a;b\nx;1,234\ny;1.234\n", encoding="utf-8")
    with pytest.raises(CohortError) as caught:
        load_cohort(tmp_path)
    assert str(caught.value).splitlines()[1:] == ["  row 3, column 'b': '1.234': a decimal point, in a file of decimal commas"]


def test_errors_show_a_value_as_it_stands_in_the_file(tmp_path):
    (tmp_path / "rows.csv").write_text("a;b\nx;1,5\ny;20,5\n", encoding="utf-8")
    study = "study: {title: A, id: a, data: rows.csv}\nvariables: {b: {label: B, kind: continuous, range: [0, 10]}}\n"
    (tmp_path / "study.yml").write_text(study, encoding="utf-8")
    with pytest.raises(CohortError, match=r"row 3, column 'b': '20,5': outside the plausible range 0 to 10"):
        load_cohort(tmp_path)


def test_two_delimiters_that_fit_are_refused(tmp_path):
    text = "a,b;c\n1,2;3\n"
    message = "columns may be separated by a comma or a semicolon: both divide every line alike; declare study: delimiter:"
    assert refused(tmp_path, text) == f"rows.csv: {message}"
    assert list(source_of(tmp_path, text, delimiter=";").frame) == ["a,b", "c"]


def test_excels_line_of_the_delimiter_is_no_row(tmp_path):
    source = source_of(tmp_path, "sep=;\r\na;b\r\n1;2\r\n")
    assert (source.frame.to_dict("records"), source.rows) == ([{"a": "1", "b": "2"}], (2,))


def test_encodings(tmp_path):
    text = "a,b\nMüller,1\n"
    assert source_of(tmp_path, text).notes[0] == "text in UTF-8"
    windows = source_of(tmp_path, text, encoding="cp1252")
    assert windows.frame["a"][0] == "Müller"
    assert windows.found["encoding"] == "cp1252"
    assert windows.notes[0].startswith("text in Windows-1252, since it is not UTF-8: look at letters with accents")
    path = tmp_path / "rows.csv"
    path.write_bytes("a,b\nŁódź,1\n".encode("iso8859-2"))
    assert read_source(path, encoding="iso8859-2").frame["a"][0] == "Łódź"
    path.write_bytes(b"a,b\n\x81\x8d,1\n")
    with pytest.raises(CohortError, match="line 2: text neither in UTF-8 nor in Windows-1252; save the file as CSV UTF-8, or"):
        read_source(path)
    with pytest.raises(CohortError, match="line 2: not text in utf-8; save the file as CSV UTF-8"):
        read_source(path, encoding="utf-8")
    with pytest.raises(CohortError, match="study: encoding: 'latin-99' is unknown; expected such as utf-8, cp1252 or utf-16"):
        read_source(path, encoding="latin-99")


def test_a_column_without_a_name_is_left_out_and_told(tmp_path):
    source = source_of(tmp_path, '"",a,b\n1,x,2\n')
    assert list(source.frame) == ["a", "b"]
    assert source.notes[-1] == "1 column without a name left out"


# --- Excel


def book(tmp_path, *rows, change=None):
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    made.active.title = "Data"
    if change:
        change(made)
    made.save(tmp_path / "book.xlsx")
    return tmp_path / "book.xlsx"


def excel_message(path, **options):
    with pytest.raises(CohortError) as caught:
        read_source(path, **options)
    return str(caught.value).replace(f"{path.parent}{os.sep}", "").splitlines()


ROWS = (["id", "age", "seen"], ["a", 30, datetime.datetime(2019, 5, 1)], [None, None, None], ["b", 41.5, None])


def test_a_sheet_is_read_with_its_rows(tmp_path):
    source = read_source(book(tmp_path, *ROWS))
    assert source.frame.to_dict("list") == {"id": ["a", "b"], "age": [30.0, 41.5], "seen": [datetime.date(2019, 5, 1), None]}
    assert (source.rows, source.header, source.where) == ((2, 4), 1, f"{tmp_path / 'book.xlsx'}: row 1")


def test_rows_and_columns_around_the_table(tmp_path):
    source = read_source(book(tmp_path, [None], *([None, *row, None] for row in ROWS)))
    assert list(source.frame) == ["id", "age", "seen"]
    assert (source.header, source.rows) == (2, (3, 5))


def test_hidden_rows_are_told(tmp_path):
    def hide(made):
        made.active.row_dimensions[2].hidden = True

    assert read_source(book(tmp_path, *ROWS, change=hide)).notes == (
        "sheet 'Data'",
        "1 hidden or filtered rows, read as the others",
    )


def test_percentages_are_told(tmp_path):
    def shown(made):
        made.active["B2"].number_format = "0.0%"

    source = read_source(book(tmp_path, ["id", "share"], ["a", 0.45], change=shown))
    assert source.frame["share"].tolist() == [0.45]
    assert source.notes[-1] == "percentages read as fractions (45 % as 0.45) in 'share'"


def test_sheets(tmp_path):
    path = book(tmp_path, *ROWS, change=lambda made: made.create_sheet("Empty"))
    assert read_source(path).notes == ("sheet 'Data'",)
    path = book(tmp_path, *ROWS, change=lambda made: made.create_sheet("Notes").append(["x"]))
    assert excel_message(path) == ["book.xlsx: 2 sheets hold data: 'Data', 'Notes'; name one under study: sheet:"]
    assert list(read_source(path, sheet="Data").frame) == ["id", "age", "seen"]
    assert excel_message(path, sheet="data") == [
        "book.xlsx: no sheet 'data'; did you mean 'Data'?; its sheets: 'Data', 'Notes'"
    ]
    assert excel_message(book(tmp_path)) == ["book.xlsx: every sheet is empty; expected a header row and one row a patient"]
    path = book(tmp_path, *ROWS, change=lambda made: made.create_sheet("Empty"))
    assert excel_message(path, sheet="Empty") == [
        "book.xlsx: sheet 'Empty' is empty; expected a header row and one row a patient"
    ]


def test_merged_cells_are_refused(tmp_path):
    def merge(made):
        made.active.merge_cells("B1:C1")
        made.active.merge_cells("A2:A3")

    assert excel_message(book(tmp_path, *ROWS, change=merge)) == [
        "book.xlsx: 2 errors in sheet 'Data'",
        "  cells B1:C1: merged, in the header; unmerge them and fill each cell",
        "  cells A2:A3: merged, in the data; unmerge them and fill each cell",
    ]


def test_columns_without_a_name_are_refused(tmp_path):
    assert excel_message(book(tmp_path, ["A title"], *ROWS)) == [
        "book.xlsx: 2 errors in sheet 'Data'",
        *(
            f"  cell {cell}1: the column has values and no name; the first filled row holds the names "
            "(is there a title above them?)"
            for cell in "BC"
        ),
    ]


def test_names_that_stand_twice_are_refused(tmp_path):
    assert excel_message(book(tmp_path, ["id", "age", "age "], ["a", 1, 2])) == [
        "book.xlsx: row 1: 'age' stands twice in the header; give each column its own name"
    ]


def test_formulas_without_a_value_are_refused(tmp_path):
    assert excel_message(book(tmp_path, ["id", "sum"], ["a", "=1+1"])) == [
        "book.xlsx: 1 error in sheet 'Data'",
        "  cell B2: a formula without a stored value; open the file in Excel, save it, or paste values",
    ]


def test_formulas_with_a_value_are_read(tmp_path):
    path = book(tmp_path, ["id", "sum"], ["a", "=1+1"])
    changed = tmp_path / "changed.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(changed, "w") as new:
        for item in old.infolist():
            content = old.read(item)
            new.writestr(
                item,
                content.replace(b"<f>1+1</f><v />", b"<f>1+1</f><v>2</v>").replace(b"<f>1+1</f><v></v>", b"<f>1+1</f><v>2</v>"),
            )
    assert read_source(changed).frame["sum"].tolist() == [2]


def test_references_to_drawings_that_are_not_there_do_no_harm(tmp_path):
    """R's openxlsx writes them into every workbook."""
    path = book(tmp_path, *ROWS)
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    rels = (
        '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="rId1" Type="{kinds}/drawing" Target="../drawings/drawing1.xml"/></Relationships>'
    )
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/worksheets/_rels/sheet1.xml.rels", rels)
    with pytest.raises(KeyError):
        openpyxl.load_workbook(path)
    assert read_source(path).rows == (2, 4)


def test_a_wrong_cell_is_told_by_its_row_in_the_sheet(tmp_path):
    book(tmp_path, *ROWS, ["c", "old", datetime.datetime(2020, 1, 1)])
    (tmp_path / "study.yml").write_text(
        "study: {title: A, id: id, data: book.xlsx, sheet: Data}\n"
        "variables: {age: {label: A, kind: continuous}, seen: {label: S, kind: date}}\n",
        encoding="utf-8",
    )
    with pytest.raises(CohortError) as caught:
        load_cohort(tmp_path)
    assert str(caught.value).splitlines()[1:] == ["  row 5, column 'age': 'old': not a number"]


# --- REDCap

DICTIONARY = """\
"Variable / Field Name","Form Name","Section Header","Field Type","Field Label","Choices, Calculations, OR Slider Labels"
record_id,base,,text,Record,
sex,base,,radio,"<b>Sex</b> at birth","1, Female | 2, Male"
illness,base,,checkbox,Illness,"1, Diabetes | 2, Heart, any | -1, Other"
smoker,base,,yesno,Smoker,
age,base,,text,Age &amp; more,
"""
EXPORT = """\
record_id,sex,illness___1,illness___2,illness____1,smoker,age,base_complete
1,1,0,1,0,1,30,2
2,2,1,0,0,0,41,2
3,1,0,0,1,,55,0
"""


def write_redcap(folder, export=EXPORT, dictionary=DICTIONARY):
    (folder / "export.csv").write_text(export, encoding="utf-8")
    (folder / "dictionary.csv").write_text(dictionary, encoding="utf-8")
    return folder / "export.csv", folder / "dictionary.csv"


def test_a_dictionary_gives_labels_and_levels(tmp_path):
    data, dictionary = write_redcap(tmp_path)
    source = read_source(data, dictionary=dictionary)
    answers = {"1": "yes", "0": "no"}
    assert source.labels == {
        "record_id": "Record",
        "sex": "Sex at birth",
        "illness___1": "Illness: Diabetes",
        "illness___2": "Illness: Heart, any",
        "illness____1": "Illness: Other",
        "smoker": "Smoker",
        "age": "Age & more",
        "base_complete": "Base: form",
    }
    assert source.levels == {
        "sex": {"1": "Female", "2": "Male"},
        "illness___1": answers,
        "illness___2": answers,
        "illness____1": answers,
        "smoker": answers,
        "base_complete": {"0": "Incomplete", "1": "Unverified", "2": "Complete"},
    }
    assert source.notes[-1] == "REDCap data dictionary dictionary.csv: 7 of 8 columns described"


def test_a_study_of_a_redcap_export(tmp_path):
    write_redcap(tmp_path)
    (tmp_path / "study.yml").write_text(
        "study: {title: A, id: record_id, data: export.csv, dictionary: dictionary.csv}\n"
        "variables:\n  sex: {label: Sex, kind: category, levels: [Female, Male]}\n"
        "  illness___2: {label: Heart, kind: binary}\n  smoker: {label: Smoker, kind: binary}\n",
        encoding="utf-8",
    )
    cohort = load_cohort(tmp_path)
    assert cohort.tally("sex").frame["n"].tolist() == [2, 1]
    assert cohort.tally("illness___2").frame["n"].tolist() == [2, 1]
    assert cohort.missing("smoker") == 1


def test_an_export_of_labels(tmp_path):
    data, dictionary = write_redcap(
        tmp_path, EXPORT.replace("\n1,1,", "\n1,Female,").replace("\n2,2,", "\n2,Male,").replace("\n3,1,", "\n3,Female,")
    )
    assert "sex" not in read_source(data, dictionary=dictionary).levels


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "no column 'Variable / Field Name'; expected a data dictionary as REDCap exports it"),
        (
            DICTIONARY.splitlines()[0] + "\nother,base,,text,Other,\n",
            "describes none of the columns of export.csv; expected its own dictionary",
        ),
    ],
)
def test_a_file_that_is_no_dictionary(tmp_path, text, message):
    data, dictionary = write_redcap(tmp_path, dictionary=text)
    with pytest.raises(CohortError, match=message):
        read_source(data, dictionary=dictionary)
    with pytest.raises(CohortError, match="study: dictionary: names it"):
        read_source(data, dictionary=tmp_path / "nowhere.csv")


# --- missing values, dates and rows as the study file declares them


def study_of(tmp_path, variables, rows, about="id: id"):
    (tmp_path / "rows.csv").write_text(rows, encoding="utf-8")
    (tmp_path / "study.yml").write_text(
        f"study: {{title: A, data: rows.csv, {about}}}\nvariables:\n{variables}", encoding="utf-8"
    )
    return tmp_path


def test_missing_codes_are_those_declared(tmp_path):
    variables = "  a: {label: A, kind: continuous, missing: [999, n/a]}\n  b: {label: B, kind: continuous}\n"
    folder = study_of(tmp_path, variables, "id,a,b\n999,999,999\n2,n/a,1\n3,999.0,2\n4,,\n")
    cohort = load_cohort(folder)
    assert cohort.missing("a") == 4
    assert cohort.tally("b").complete().frame["b"].tolist() == [1.0, 2.0, 999.0]
    assert cohort.patient("999", "b").frame["b"].tolist() == [999.0]
    everywhere = study_of(tmp_path, variables, "id,a,b\n999,999,999\n2,n/a,1\n", 'id: id, missing: [999, "n/a"]')
    assert load_cohort(everywhere).missing("b") == 1


def test_a_missing_code_is_no_level(tmp_path):
    folder = study_of(tmp_path, "  a: {label: A, kind: category, levels: [x, y, unknown], missing: [unknown]}\n", "id,a\n1,x\n")
    with pytest.raises(StudyError, match=r"variables.a: 'unknown' marks a missing value \(missing:\); it cannot be a level"):
        load_study(folder)


@pytest.mark.parametrize(
    ("order", "text"), [("dmy", "31.12.2019"), ("dmy", "31/12/2019"), ("mdy", "12/31/2019"), ("dmy", "2019-12-31")]
)
def test_dates_in_a_declared_order(tmp_path, order, text):
    folder = study_of(tmp_path, f"  d: {{label: D, kind: date, date_order: {order}}}\n", f"id,d\n1,{text}\n")
    assert load_cohort(folder).tally("d").frame["d"].tolist() == [pd.Timestamp("2019-12-31")]


def test_dates_out_of_order_are_told(tmp_path):
    folder = study_of(tmp_path, "  d: {label: D, kind: date, date_order: dmy}\n", "id,d\n1,12/31/2019\n")
    with pytest.raises(CohortError, match=r"row 2, column 'd': '12/31/2019': expected a date, day, month, year \(31.12.2019\)"):
        load_cohort(folder)
    folder = study_of(tmp_path, "  d: {label: D, kind: count, date_order: dmy}\n", "id,d\n1,1\n")
    with pytest.raises(StudyError, match=r"variables.d.date_order: is of dates; 'd' is count"):
        load_study(folder)


def test_rows_are_counted_where_there_are_no_ids(tmp_path):
    folder = study_of(tmp_path, "  a: {label: A, kind: count}\n", "a\n1\n1\n2\n", "id: row_number")
    cohort = load_cohort(folder)
    assert cohort.size == 3
    assert cohort.patient("4", "a").frame["a"].tolist() == [2.0]
    frame = load_cohort(folder, pd.DataFrame({"a": [1, 1, 2]}))
    assert frame.patient("3", "a").frame["a"].tolist() == [2.0]
    with pytest.raises(CohortError, match=r"no column for what study\.yml declares:\n  'row_number'"):
        load_cohort(folder, duckdb.sql("select 1 as a"))


# --- masks


def test_masked_messages_show_no_value(tmp_path, monkeypatch):
    folder = study_of(
        tmp_path,
        "  a: {label: A, kind: continuous}\n  s: {label: S, kind: category, levels: [female, male]}\n",
        "id,a,s\nSMITH1,old,femal\nSMITH2,1,male\nSMITH2,secret,male\n",
    )
    monkeypatch.setenv("COHORTBOOK_MASK", "1")
    with pytest.raises(CohortError) as caught:
        load_cohort(folder)
    assert str(caught.value).splitlines()[1:] == [
        "  row 2, column 'a': value not shown: not a number",
        "  row 2, column 's': value not shown: not a level; expected female, male",
        "  row 3, column 'id': value not shown: the id stands 2 times; an id is one patient",
        "  row 4, column 'id': value not shown: the id stands 2 times; an id is one patient",
        "  row 4, column 'a': value not shown: not a number",
    ]
    (tmp_path / "rows.csv").write_text("id,a,s\nSMITH1,1,male\n", encoding="utf-8")
    with pytest.raises(CohortError, match=r"no eligible patient has this id \(not shown\)"):
        load_cohort(folder).patient("SMITH9", "a")


@pytest.mark.parametrize("value", ["", "0", "no", "False"])
def test_masks_are_off_unless_asked_for(tmp_path, monkeypatch, value):
    monkeypatch.setenv("COHORTBOOK_MASK", value)
    folder = study_of(tmp_path, "  a: {label: A, kind: continuous}\n", "id,a\n1,old\n")
    with pytest.raises(CohortError, match="'old': not a number"):
        load_cohort(folder)
