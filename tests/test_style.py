"""style.py: numbers as each journal prints them, in tables, sentences and figures."""

import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cohortbook as cb
from cohortbook.display.paragraph import Text
from cohortbook.display.style import PLAIN, STYLES, JournalError, current, general, journal_style, remarked, use_journal, worded
from cohortbook.display.tables import DisplayTable, Row, count_percent, decimal, interval, p_value, significant
from cohortbook.notebook.notebook import declared_parameters, read_notebook
from cohortbook.sections.audit.layouts_printed_audit import p_shown, p_span
from in_process import run_notebook

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
P_VALUES = (0.56, 0.0486, 0.0058, 0.00042, 0.00004, 0.999, 0.9)


@pytest.fixture(autouse=True)
def plainly():
    """Leave the style as it was."""
    yield
    use_journal("plain")


@pytest.mark.parametrize(
    ("journal", "printed"),
    [
        ("plain", ["0.56", "0.049", "0.006", "<0.001", "<0.001", ">0.99", "0.90"]),
        ("jama", [".56", ".049", ".006", "<.001", "<.001", ">.99", ".90"]),
        ("lancet", ["0·56", "0·049", "0·0058", "0·00042", "<0·0001", ">0·99", "0·90"]),
        ("nejm", ["0.56", "0.049", "0.006", "<0.001", "<0.001", ">0.99", "0.90"]),
        ("bmj", ["0.56", "0.049", "0.006", "<0.001", "<0.001", ">0.99", "0.90"]),
    ],
)
def test_p_values(journal, printed):
    with journal_style(journal):
        assert [p_value(p) for p in P_VALUES] == printed
        assert p_value(float("nan")) == "–"


@pytest.mark.parametrize(
    ("journal", "numbers"),
    [
        ("plain", ["0.50 to 2.25", "−1.0 to 2.0", "2.0 to ∞", "17 (23.6)", "0.05", "0.0123", "1.25e+09"]),
        ("jama", ["0.50-2.25", "−1.0 to 2.0", "2.0 to ∞", "17 (23.6)", "0.05", "0.0123", "1.25e+09"]),
        ("lancet", ["0·50–2·25", "−1·0 to 2·0", "2·0 to ∞", "17 (23·6%)", "0·05", "0·0123", "1·25e+09"]),
        ("nejm", ["0.50 to 2.25", "−1.0 to 2.0", "2.0 to ∞", "17 (23.6)", "0.05", "0.0123", "1.25e+09"]),
    ],
)
def test_numbers_and_ranges(journal, numbers):
    with journal_style(journal):
        ranges = [interval(0.5, 2.25), interval(-1, 2, 1), interval(2, float("inf"), 1)]
        assert [*ranges, count_percent(17, 72), general(0.05), significant(0.012345), significant(1.25e9)] == numbers


@pytest.mark.parametrize(
    ("journal", "said"),
    [
        ("plain", "Age (P 0.006) or P <0.001 with P < 0.05 in 4.2 %; P = 0.03. The P of it lies there: P below 0.05."),
        ("jama", "Age (*P* = .006) or *P* < .001 with *P* < .05 in 4.2%; *P* = .03. The *P* of it lies there: *P* below .05."),
        ("lancet", "Age (p=0·006) or p<0·001 with p<0·05 in 4.2%; p=0·03. The p of it lies there: p below 0·05."),
        ("nejm", "Age (P=0.006) or P<0.001 with P<0.05 in 4.2%; P=0.03. The P of it lies there: P below 0.05."),
        ("bmj", "Age (P=0.006) or P<0.001 with P<0.05 in 4.2%; P=0.03. The P of it lies there: P below 0.05."),
    ],
)
def test_what_is_said_around_numbers(journal, said):
    plain = "Age (P 0.006) or P <0.001 with P < 0.05 in 4.2 %; P = 0.03. The P of it lies there: P below 0.05."
    with journal_style(journal):
        assert str(Text(plain)) == said
        assert worded(said, markdown=True) == said, "done twice, it is the same"


LABELS = ["Substance P, ng/l", "P wave, ms", "P-selectin", "Group P", "Serum P (mg/dl)", "pH 7.35", "v1.2.3"]


@pytest.mark.parametrize("label", LABELS)
def test_a_label_is_nobodys_p_value(label):
    for journal in STYLES:
        with journal_style(journal):
            assert worded(label) == label
            assert worded(f"{label} (n = 12)", head=True) == f"{label} (n = 12)"


def example():
    return DisplayTable(
        name="t",
        title="P values of 2",
        head=("", "Mean", "P"),
        frame=pd.DataFrame(),
        rows=(
            Row(("Age † §, mean", "61.4", f"{p_value(0.034)} b‡")),
            Row(("Sex, %", "", f"{p_value(0.5)} a"), "heading"),
            Row(("women †", "5", ""), "level"),
        ),
        notes=("a Pearson.", "b Student.", "– no test.", "‡ Few.", "† After.", "§ Printed otherwise.", "All of P < 0.05."),
    )


@pytest.mark.parametrize(
    ("journal", "cells", "notes", "head"),
    [
        ("plain", ["Age † §, mean", "0.03 b‡", "0.50 a", "women †"], example().notes, "P"),
        (
            "jama",
            ["Ageᵃ,ᵇ, mean", ".03ᶜ,ᵈ", ".50ᵉ", "womenᵃ"],
            ("ᵃAfter.", "ᵇPrinted otherwise.", "ᶜStudent.", "ᵈFew.", "ᵉPearson.", "– no test.", "All of P < .05."),
            "P",
        ),
        (
            "lancet",
            ["Age*†, mean", "0·034‡§", "0·50¶", "women*"],
            ("* After.", "† Printed otherwise.", "‡ Student.", "§ Few.", "¶ Pearson.", "– no test.", "All of p<0·05."),
            "p",
        ),
        (
            "bmj",
            ["Age*†, mean", "0.03‡§", "0.50¶", "women*"],
            ("* After.", "† Printed otherwise.", "‡ Student.", "§ Few.", "¶ Pearson.", "– no test.", "All of P<0.05."),
            "P",
        ),
    ],
)
def test_footnotes_have_the_journals_marks_in_the_order_they_are_met(journal, cells, notes, head):
    with journal_style(journal):
        table = example()
        rows = table.rows
        assert [rows[0].cells[0], rows[0].cells[2], rows[1].cells[2], rows[2].cells[0]] == cells
        assert table.notes == tuple(notes)
        assert table.head[2] == head
        assert [row.kind for row in rows] == ["plain", "heading", "level"]
        import dataclasses

        assert dataclasses.replace(table, name="u").strings == table.strings, "made again, it is the same"


def test_more_footnotes_than_marks_keep_their_own():
    notes = [f"{mark} x" for mark in "abcdefgh"]
    with journal_style("nejm"):
        _, rows, found = remarked([""], [[f"1 {mark}"] for mark in "abcdefgh"], notes)
    assert [row[0] for row in rows] == ["1*", "1†", "1‡", "1§", "1¶", "1‖", "1**", "1††"]
    assert found[-1] == "†† x"


@given(st.text("P 0.05<=>()%abc†‡*§n–·", max_size=30), st.sampled_from(sorted(STYLES)))
def test_words_are_put_into_a_style_once(text, journal):
    with journal_style(journal):
        once = worded(text)
        assert worded(once) == once
        if current() is PLAIN:
            assert once == text


@given(st.floats(0, 1), st.sampled_from(sorted(STYLES)))
def test_p_rounds_to_what_it_is(value, journal):
    with journal_style(journal):
        text = p_value(value)
        number = float(text.lstrip("<>").replace("·", "."))
        assert value < number if text[0] == "<" else value > number if text[0] == ">" else abs(value - number) <= 0.005000001
        assert ("0" + text.lstrip("<>")).count(current().point) == 1
        assert text.lstrip("<>").startswith("0") == current().leading_zero


def test_the_audit_follows():
    with journal_style("lancet"):
        assert (p_shown(0.00342), p_shown(0.00001), p_span(0.01, 0.25)) == ("0·00342", "<0·0001", "0·0100–0·250")
    with journal_style("jama"):
        assert (p_shown(0.5), p_shown(0.99999)) == (".500", ">.999")


def test_figures_follow():
    patients = cb.load_cohort("spinal-metastases")
    comparison = cb.compare_groups(patients)
    with journal_style("lancet"):
        plot = cb.plot_adjusted(comparison)
        axis = plot.figure.axes[0]
        assert axis.get_xlabel() == "p (logarithmic scale)"
        assert "0·006" in plot.alt
        rate = cb.plot_outcome_rate(cb.outcome_rate(patients))
        assert "4·2% (" in rate.alt.replace(", interval ", " (") or "4·2%" in rate.alt
        rate.rendered("svg")
        ticks = [label.get_text() for label in rate.figure.axes[0].get_xticklabels()]
        assert "2·5" in ticks
    assert cb.plot_adjusted(comparison).figure.axes[0].get_xlabel() == "P (logarithmic scale)"


def test_study_file_and_parameter_choose_the_journal(tmp_path):
    path = tmp_path / "study.yml"
    path.write_text("study: {title: A, id: patient, journal: jama}\nvariables:\n  age: {label: Age, kind: continuous}\n")
    use_journal("", path)
    assert current() is STYLES["jama"]
    use_journal("bmj", path)
    assert current() is STYLES["bmj"]
    use_journal("", "spinal-metastases")
    assert current() is PLAIN


def test_an_unknown_journal_is_named_with_the_nearest():
    expected = r"journal: 'lancett': expected plain, jama, lancet, nejm or bmj; did you mean 'lancet'\?"
    with pytest.raises(JournalError, match=expected):
        use_journal("lancett")
    assert current() is PLAIN


def test_every_notebook_takes_the_journal():
    paths = [*sorted(NOTEBOOKS.glob("0*.ipynb")), NOTEBOOKS / "scenarios/all.ipynb"]
    for path in paths:
        notebook = read_notebook(path)
        assert declared_parameters(notebook)["journal"] == "", path.name
        sources = "".join("".join(cell["source"]) for cell in notebook["cells"])
        assert "cb.use_journal(journal, study)\n" in sources, path.name


def test_a_run_with_a_journal_prints_in_its_style(tmp_path):
    target = tmp_path / "notebooks/07_manuscript.ipynb"
    run_notebook(NOTEBOOKS / "07_manuscript.ipynb", target, study="spinal-metastases", given={"journal": "lancet"})
    said = json.dumps(read_notebook(target), ensure_ascii=False)
    assert "p=0·00" in said
    assert "p<0·05" in said
    assert "4·2%" in said
    assert "P < 0.05" not in said.replace("*P < 0.05*", "")


def test_plain_is_what_it_was():
    table = example()
    assert table.strings[1] == ["Age † §, mean", "61.4", "0.03 b‡"]
    assert decimal(-0.125, 2) == "−0.13"
