"""spread.py: what many cohorts say in one table, one text and one figure; and that no number in it is any other."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cohortbook as cb
from cohortbook.results import MARK, Absent, Spread
from cohortbook.tables.spread import joined_table, joined_text, ranges_note, spread_of
from cohortbook.tables.style import journal_style
from cohortbook.tables.tables import PROVENANCE_NOTES, DisplayTable, Row, decimal, interval, p_value, significant
from cohortbook.text.findings import JOINT_COUNTS, ranged
from cohortbook.text.paragraph import Text
from tiny import load


def table(*rows, notes=(), frame=None, **more):
    made = [Row(tuple(cells), kind) for kind, *cells in rows]
    frame = pd.DataFrame([{"estimate": 1.0}]) if frame is None else frame
    return DisplayTable(name="t", title="T", head=("", "x", "y"), rows=tuple(made), frame=frame, notes=tuple(notes), **more)


def cells(joined):
    return [list(row.cells) for row in joined.rows]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["12"], "12"),
        (["0.5", "0.25"], "0.25 to 0.5"),
        (["5.0 (1.0 to 9.0)", "4.0 (2.0 to 11.0)"], "4.0 to 5.0 (1.0 to 11.0)"),
        (["5.0 (1.0 to 9.0)", "–"], "5.0 (1.0 to 9.0)"),
        (["100.0 (–)", "90.0 (80.0 to 95.0)"], "90.0 to 100.0 (80.0 to 95.0)"),
        (["573 (279 to 693)", "not reached"], "573 to not reached (279 to 693)"),
        (["−218", "27"], "−218 to 27"),
        (["<0.001", "0.001", ">0.99"], "<0.001 to >0.99"),
        (["∞", "3.1e+09", "0.002"], "0.002 to ∞"),
        (["3 to 5", "1"], "1 to 5"),
        (["–", "–"], "–"),
        ([MARK, "7"], MARK),
        (["53 of 72", "54 of 72"], "53 to 54 of 72"),
        (["7–12", "7–12"], "7–12"),
        (["yes", "no"], "yes / no"),
        (["yes", "no", "both"], "differs"),
        (["reference", "reference"], "reference"),
        (["", ""], ""),
    ],
)
def test_a_cell_shows_the_least_and_the_greatest(texts, expected):
    joined = joined_table([table(("plain", "row", "1", text)) for text in texts])
    assert cells(joined) == [["row", "1", expected]]


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=6), st.integers(0, 3))
def test_the_range_of_rounded_numbers_is_the_rounded_range(values, places):
    shown = joined_table([table(("plain", "row", decimal(v, places), "")) for v in values]).rows[0].cells[1]
    ends = list(dict.fromkeys(decimal(end, places) for end in (min(values), max(values))))
    assert shown == " to ".join(ends)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_the_range_of_p_values_holds_all(values):
    order = sorted(values)
    assert spread_of(values) == " to ".join(dict.fromkeys(p_value(end) for end in (order[0], order[-1])))


@given(st.lists(st.tuples(st.floats(0.01, 1e4), st.floats(1, 1e3)), min_size=2, max_size=5))
def test_intervals_reach_from_the_least_limit_to_the_greatest(pairs):
    lows, highs = [low for low, _ in pairs], [low + wide for low, wide in pairs]
    texts = [interval(low, high, None) for low, high in zip(lows, highs, strict=True)]
    shown = joined_table([table(("plain", "row", text, "")) for text in texts]).rows[0].cells[1]
    assert shown == f"{significant(min(lows))} to {significant(max(highs))}"


@pytest.mark.parametrize(("journal", "expected"), [("lancet", "0·20–0·50"), ("jama", ".20-.50")])
def test_ranges_are_written_in_the_style_of_the_journal(journal, expected):
    with journal_style(journal):
        assert spread_of([0.2, 0.5]) == expected


def test_rows_are_brought_together_by_heading_and_name_not_by_place():
    fitted = table(("heading", "Deaths: 9 events", "", ""), ("level", "age", "1.5", ""), ("level", "all", "0.5", ""))
    refused = table(("heading", "Deaths: 1 event", "", ""), ("level", "not fitted", "–", ""), ("heading", "Firth", "", ""),
                    ("level", "age", "2.5", ""))  # fmt: skip
    for order in ([fitted, refused], [refused, fitted]):
        found = cells(joined_table(order))
        assert sorted(found[1:4]) == [["age", "1.5", ""], ["all", "0.5", ""], ["not fitted", "–", ""]]
        assert found[0][0] == "Deaths: 1 to 9 events"
        assert found[4:] == [["Firth", "", ""], ["age", "2.5", ""]]


def test_every_column_without_numbers_names_the_rows():
    one = table(("plain", "no", "yes", "2"), ("plain", "yes", "yes", "3"))
    two = table(("plain", "yes", "yes", "4"), ("plain", "yes", "no", "1"))
    assert cells(joined_table([one, two])) == [["no", "yes", "2"], ["yes", "yes", "3 to 4"], ["yes", "no", "1"]]


def test_a_finding_over_cohorts_says_once_that_it_is_of_many(cohorts):
    texts = [Text(f"> **No maximum** ({k}). {JOINT_COUNTS}") for k in (3, 4)]
    assert str(ranged(texts)) == "> *Over 2 cohorts that print the same figures:* **No maximum** (3 to 4)."
    assert repr(cohorts) == "Cohort of each of 2 cohorts"


def test_notes_that_only_some_have_are_counted_and_what_it_rests_on_is_said_once():
    tables = [table(notes=("All.", "2 events are few.", PROVENANCE_NOTES["assumed"])),
              table(notes=("All.", PROVENANCE_NOTES["assumed"])),
              table(notes=("All.", "1 event is few.", PROVENANCE_NOTES["assumed"]))]  # fmt: skip
    counted = ("1 event is few (in 1 of 3).", "2 events are few (in 1 of 3).")
    assert joined_table(tables).notes == ("All.", *counted, ranges_note(3))


def test_the_frame_holds_the_least_and_the_greatest_unrounded():
    frames = [pd.DataFrame({"term": ["a", "b"], "estimate": values}) for values in ([1.25, 2.0], [0.5, float("nan")])]
    joined = joined_table([table(frame=frame) for frame in frames]).frame
    assert joined.to_dict("list") == {"term": ["a", "b"] * 2, "estimate": [0.5, 2.0, 1.25, 2.0],
                                      "over": ["least"] * 2 + ["greatest"] * 2}  # fmt: skip
    unlike = joined_table([table(frame=frames[0]), table(frame=frames[1].head(1))]).frame
    assert unlike["cohort"].tolist() == [1, 1, 2]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["Alike.", "Alike."], "Alike."),
        (["P 0.03. It holds.", "P 0.5."], "P 0.03 to 0.5. It holds (in 1 of 2)."),
        (["Not made: 1 event for each; 5 are needed.", "Made."],
         "Made (in 1 of 2). Not made: 1 event for each; 5 are needed (in 1 of 2)."),
        (["In 1 patient.", "In 3 patients."], "In 1 to 3 patients."),
        (["Levels 7–12: P 0.2.", "Levels 7–12: P 0.1."], "Levels 7–12: P 0.1 to 0.2."),
    ],
)  # fmt: skip
def test_a_text_is_joined_sentence_by_sentence(texts, expected):
    assert joined_text(texts) == expected


@pytest.fixture
def cohorts(tmp_path):
    """Return two cohorts of the four patients, alive or dead."""
    parts = []
    for name, rows in (("one", ROWS), ("two", ROWS.replace(",2,yes", ",2,no"))):
        (tmp_path / name).mkdir()
        parts.append(load(tmp_path / name, rows=rows))
    return Spread(tuple(parts))


ROWS = """\
id,dose,ill,kind,failed,weeks,died,late
1,10,yes,x,yes,2,yes,0
2,20,no,y,no,3,no,1
3,15,yes,x,no,5,yes,4
4,40,no,x,yes,8,no,2
"""


def test_notebooks_run_an_analysis_in_every_cohort_and_join_what_comes_out(cohorts):
    survival = cb.study_survival(cohorts)
    assert [part.overall.events for part in survival.parts] == [2, 1]
    joined = cb.rate_table(survival)
    assert joined.rows[0].cells[1:4] == ("1 to 2", "0.3", "2.889 to 5.778")
    assert joined.notes[-1] == ranges_note(2)
    assert cb.table_of(survival).strings == cb.landmark_table(survival).strings
    text = str(cb.finding(survival))
    assert text.startswith("*Over 2 cohorts that print the same figures:* Survival: 75.0 to 100.0 % at 3 weeks")
    assert cb.study_competing(cohorts) == Absent("The study file plans no competing event.")


def test_figures_show_where_curves_can_run(cohorts):
    survival = cb.study_survival(cohorts)
    plot = cb.plot_survival(survival)
    assert plot.name == "survival"
    assert ranges_note(2, intervals=False) in plot.caption
    assert "75.0 to 100.0 % at 3 weeks" in plot.alt
    assert [plot.name for plot in cb.plot_strata(survival)] == ["survival-ill"]
    shown = " ".join(text.get_text() for text in plot.figure.findobj(lambda one: hasattr(one, "get_text")))
    assert "RANGES over 2 cohorts" in shown
    assert isinstance(cb.plot_histograms(cohorts), Absent)


def test_what_is_given_only_once_is_the_same_in_every_cohort(cohorts):
    assert all(part.overall.confidence_level == 0.9 for part in cb.study_survival(cohorts, confidence_level=0.9).parts)
