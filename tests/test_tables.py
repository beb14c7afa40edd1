"""tables.py: rounding and formatting, once and alike everywhere, and tables as HTML, CSV and JSON."""

import csv
import decimal as exact
import json
import os
from html.parser import HTMLParser

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cohortbook.display import tables
from cohortbook.display.formatters import render
from cohortbook.display.tables import (
    DisplayTable,
    Row,
    count_percent,
    decimal,
    frame_table,
    interval,
    p_value,
    percent,
    plain_cell,
    significant,
)

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (0.5, 0, "1"),
        (1.5, 0, "2"),
        (2.5, 0, "3"),
        (-2.5, 0, "−3"),
        (0.125, 2, "0.13"),
        (-0.125, 2, "−0.13"),
        (2.675, 2, "2.68"),
        (1.005, 2, "1.01"),
        (80.55, 1, "80.6"),
        (9.995, 2, "10.00"),
        (0.05, 1, "0.1"),
        (0, 2, "0.00"),
        (-0.0, 1, "0.0"),
        (-0.004, 2, "0.00"),
        (1234567.5, 0, "1234568"),
        (7, 1, "7.0"),
        (None, 1, "–"),
        (NAN, 2, "–"),
        (INF, 2, "∞"),
        (-INF, 0, "−∞"),
    ],
)
def test_decimal(value, places, text):
    assert decimal(value, places) == text


@given(st.decimals(-(10**6), 10**6, places=6), st.integers(0, 4))
@example(exact.Decimal("0.285"), 2)
def test_decimal_rounds_halves_away_from_zero_as_written(number, places):
    shown = exact.Decimal(decimal(float(number), places).replace("−", "-"))
    assert shown == number.quantize(exact.Decimal(1).scaleb(-places), exact.ROUND_HALF_UP)


@given(st.floats(-1e6, 1e6), st.integers(0, 4))
def test_decimal_takes_a_minus_only_from_a_number_that_shows_it(value, places):
    text = decimal(value, places)
    assert "-" not in text
    assert text.startswith("−") == (value < 0 and any(digit in text for digit in "123456789"))
    assert len(text.partition(".")[2]) == places


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (12345.6, "12346"),
        (99.95, "100"),
        (9.995, "10.0"),
        (0.9996, "1.00"),
        (999.6, "1000"),
        (9.94, "9.94"),
        (0.000123, "0.000123"),
        (-0.5, "−0.500"),
        (3.1e9, "3.1e+09"),
        (1e-7, "1e-07"),
        (-4.2e8, "−4.2e+08"),
        (NAN, "–"),
        (None, "–"),
        (INF, "∞"),
        (-INF, "−∞"),
    ],
)
def test_significant(value, text):
    assert significant(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "<0.001"),
        (0.00099, "<0.001"),
        (0.001, "0.001"),
        (0.0058, "0.006"),
        (0.00999, "0.010"),
        (0.01, "0.01"),
        (0.0449, "0.04"),
        (0.0495, "0.050"),
        (0.04951, "0.050"),
        (0.0499, "0.050"),
        (0.05, "0.050"),
        (0.0505, "0.051"),
        (0.0486, "0.049"),
        (0.055, "0.06"),
        (0.99, "0.99"),
        (0.991, ">0.99"),
        (0.999, ">0.99"),
        (1.0, ">0.99"),
        (NAN, "–"),
        (None, "–"),
    ],
)
def test_p_value_as_journals_print_it(value, text):
    assert p_value(value) == text


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (1.0, 2, "1.00"),
        (0.999, 2, "1.00"),
        (0.999, 3, "0.999"),
        (0.0495, 2, "0.05"),
        (0.225, 2, "0.23"),
        (0.0004, 3, "<0.001"),
        (0.0005, 3, "0.001"),
        (0.001, 3, "0.001"),
        (0.001, 2, "<0.01"),
        (0.005, 2, "0.01"),
        (0.0, 3, "<0.001"),
        (NAN, 3, "–"),
    ],
)
def test_p_value_as_a_paper_prints_it(value, places, text):
    assert p_value(value, places) == text


@given(st.floats(0, 1))
def test_p_value_stands_on_the_side_of_the_number(value):
    text = p_value(value)
    shown = float(text.lstrip("<>"))
    if text.startswith("<"):
        assert value < shown
    elif text.startswith(">"):
        assert value > shown
    else:
        assert abs(value - shown) <= 0.0050000001
        assert (shown < 0.05) == (value < 0.0495)


def test_percent_is_of_the_counts_not_of_a_float():
    # 23 of 160 is 14.375 %: a half, which binary shares may miss.
    assert percent(23, 160, 2) == "14.38"
    assert [percent(n, 72) for n in (0, 17, 58, 72)] == ["0.0", "23.6", "80.6", "100.0"]
    assert percent(0, 0) == "–"
    assert count_percent(58, 72) == "58 (80.6)"
    assert count_percent(0, 0) == "0 (–)"


def test_interval():
    assert interval(-1.25, INF, 1) == "−1.3 to ∞"
    assert interval(0.00123, 1234, None) == "0.00123 to 1234"
    assert interval(NAN, NAN) == "–"
    assert interval(NAN, 2.0, 1) == "– to 2.0"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (0.12345, "0.123"),
        (NAN, "–"),
        (None, "–"),
        ("word", "word"),
        (True, "True"),
        (12, "12"),
        (pd.Series([4.0]).iloc[0], "4"),
    ],
)
def test_plain_cell(value, text):
    assert plain_cell(value) == text


class Tree(HTMLParser):
    """Check that tags nest, and keep the text of each cell and its attributes."""

    def __init__(self, text):
        super().__init__()
        self.open, self.cells, self.heads = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")
            self.heads.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        assert self.open
        if "td" in self.open or "th" in self.open:
            self.cells[-1] += data


def table(*rows, head=("", "n", "P"), frame=None, **about):
    about = {"name": "t", "title": "A <title> & more", **about}
    made = tuple(row if isinstance(row, Row) else Row(row) for row in rows)
    return DisplayTable(head=head, rows=made, frame=pd.DataFrame() if frame is None else frame, **about)


def test_html_is_well_formed_and_escaped():
    shown = table(
        Row(("Group <b>", "", ""), "heading"),
        Row(("a & b", "12", "<0.001 a‡"), "level"),
        ("c", "–", ">0.99"),
        number="2",
        notes=("P < 0.05 & more",),
        head=("N & m", "n", "P"),
    )
    tree = Tree(shown.html)
    assert tree.cells == ["N & m", "n", "P", "Group <b>", "a & b", "12", "<0.001 a‡", "c", "–", ">0.99", "P < 0.05 & more"]
    assert "Table 2. A &lt;title&gt; &amp; more" in shown.html
    assert tree.heads[3] == ("th", {"scope": "rowgroup", "colspan": "3", "style": "text-align:left"})
    assert [attributes.get("class") for _, attributes in tree.heads[4:7]] == [None, "number", "number"]


def test_only_columns_of_numbers_are_set_as_numbers():
    tree = Tree(table(("a", "1", "yes"), ("b", "2", "0.05")).html)
    assert [attributes.get("class") for _, attributes in tree.heads[:3]] == [None, "number", None]


def test_number_is_the_journals_or_nobodys():
    assert "Table" not in table(("a", "1", "2")).html
    bundle = table(("a", "1", "2"), number="7")._repr_mimebundle_()
    assert bundle["application/vnd.cohortbook.table+json"] == {"name": "t", "number": "7", "title": "A <title> & more"}
    assert bundle["text/plain"].splitlines() == ["A <title> & more", "   n  P", "a  1  2"]


@pytest.mark.parametrize("cell", ['=HYPERLINK("x")', "=1+1", "+1 a", "-x", "@sum", "\tx", "-1+cmd|' /C calc'!A0", "-2+3"])
def test_text_cannot_become_a_formula(tmp_path, cell):
    table((cell, "1", "2"), head=(cell, "n", "P")).save(tmp_path)
    with (tmp_path / "t.csv").open(encoding="utf-8-sig", newline="") as file:
        head, row = csv.reader(file)
    assert head[0] == row[0] == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "-1", "-0.5", "+3", "12.5", "−3", "–", "<0.001", "a=b", ">2 years", 'a, "b"\nc'])
def test_other_cells_are_saved_as_shown(tmp_path, cell):
    table((cell, "1", "2")).save(tmp_path)
    with (tmp_path / "t.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [["", "n", "P"], [cell, "1", "2"]]


def test_json_holds_unrounded_numbers_and_nothing_that_json_lacks(tmp_path):
    third = 1 / 3
    frame = pd.DataFrame(
        {
            "term": ["a", "b", None],
            "estimate": [third, NAN, INF],
            "conf_low": [-INF, 0.1 + 0.2, 0.0],
            "n": [1, 2, 3],
            "flag": [True, False, True],
            "pair": [(1, NAN), (), (2.5, "x")],
            "when": pd.Timestamp("2020-01-02"),
        }
    )
    table(("a", "1", "2"), frame=frame, number="4", notes=("a ≥ b",)).save(tmp_path)

    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    content = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"), parse_constant=refuse)
    first, second, last = content["results"]
    assert (first["estimate"], second["estimate"], last["estimate"]) == (third, None, "inf")
    assert (first["conf_low"], second["conf_low"]) == ("-inf", 0.1 + 0.2)
    assert (first["pair"], last["pair"], last["term"]) == ([1, None], [2.5, "x"], None)
    assert (first["flag"], first["n"], first["when"]) == (True, 1, "2020-01-02 00:00:00")
    assert (content["name"], content["number"], content["notes"]) == ("t", "4", ["a ≥ b"])


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_json_gives_every_number_back(value):
    text = tables._as_json(table(("a", "1", "2"), frame=pd.DataFrame({"x": [value]})))
    assert json.loads(text)["results"] == [{"x": value}]


def test_save_leaves_the_last_good_file_and_nothing_half_written(tmp_path, monkeypatch):
    table(("old", "1", "2")).save(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(before) == {"t.csv", "t.json", "t.tex"}
    lone = table(("a surrogate that no file can hold: \ud800", "1", "2"))
    with pytest.raises(UnicodeEncodeError):
        lone.save(tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    assert set(os.listdir(tmp_path)) == set(before), "a half-written file is left"


def test_frame_table_formats_by_column():
    frame = pd.DataFrame({"term": ["a", "b"], "x": [1.25, NAN], "p": [0.0004, 0.2], "more": [1, 2]})
    made = frame_table(
        frame, name="n", title="T", columns=[("term", "", None), ("x", "X", 1), ("p", "P", p_value), ("absent", "?", None)]
    )
    assert made.strings == [["", "X", "P", "?"], ["a", "1.3", "<0.001", "–"], ["b", "–", "0.20", "–"]]
    assert list(made.frame.columns) == ["term", "x", "p", "more"]


def test_render_lays_out_a_result_without_a_layout_as_its_frame():
    html = render(pd.DataFrame({"x": [1.0, 2.5], "y": ["<", None]}))
    assert Tree(html).cells == ["x", "y", "1", "<", "2.50", "–"]
