"""published.py and claims.py: printed figures are read, told wrong by row, bounded by their digits, and recomputed."""

import csv
import math
import os
import re
import statistics
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cohortbook.claims import claims
from cohortbook.cohort import load_cohort
from cohortbook.published import (
    ABOUT,
    COLUMNS,
    STATISTICS,
    Figure,
    PublishedError,
    levels_of,
    prints_as,
    read_published,
    reprint,
    round_half_away,
)
from cohortbook.study import load_study
from studies import write_rows, write_study

PLAN = """\
comparison: {number: "7", title: C, groups: died, rows: [{variable: days, test: mann_whitney}, {variable: smoker}]}
model: {number: "8", title: M, outcome: died, candidates: [smoker, high]}
published:
  groups:
    dead: {where: {died: yes}}
    old_dead: {where: {died: yes, age: {min: 41}}}
    test: {compare: died}
    model: {model: true}
    second: {patient: 2}
    fourth: {patient: 4}
reconstruction: {seed: 1, patients: 4, id_format: "P{}"}
"""
FIGURE = dict.fromkeys(COLUMNS, "") | {"id": "f1", "source": "Table 1", "about": "cohort", "group": "all"}


@pytest.fixture
def study(tmp_path):
    return load_study(write_study(tmp_path, extra=PLAN))


def write_figures(study, *rows):
    with (study.folder / "published.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({**FIGURE, "id": f"f{i}", **row} for i, row in enumerate(rows, start=1))


def errors(study, *rows):
    if rows:
        write_figures(study, *rows)
    with pytest.raises(PublishedError) as caught:
        read_published(study)
    return str(caught.value).replace(f"{study.folder}{os.sep}", "").splitlines()


def figure(statistic, value, variable="", level="", group="all", denominator=None, about="cohort"):
    return Figure(id="f", source="Table 1", about=about, variable=variable, level=level, group=group, statistic=statistic,
                  value=value, denominator=denominator, claim="", note="")  # fmt: skip


# --- reading


def test_figures_are_read(study):
    write_figures(
        study, {"statistic": "n", "variable": "smoker", "level": "yes", "value": "2", "denominator": "4"},
        {"statistic": "mean", "variable": "age", "group": "dead", "value": "41.50"},
        {"about": "literature", "statistic": "anything", "variable": "rate", "value": "high"},
        {"statistic": "p", "variable": "days", "group": "test", "value": "<0.001"},
    )  # fmt: skip
    counted, mean, elsewhere, p_value = read_published(study)
    assert (counted.denominator, mean.denominator, mean.decimals) == (4, None, 2)
    assert counted.in_words == "Table 1: smoker [yes], all: n 2"
    assert mean.in_words == "Table 1: age, dead: mean 41.50"
    assert elsewhere.about == "literature"
    assert p_value.interval.high == Fraction(1, 1000)


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"about": "cohorts"}, "about is 'cohorts'; expected cohort, narrative, design, literature"),
        ({"about": "design", "denominator": "0"}, "denominator is '0'; expected a whole number above 0"),
        ({"about": "design", "denominator": "x"}, "denominator is 'x'; expected a whole number above 0"),
        ({"group": "ded"}, "unknown group 'ded'; did you mean 'dead'?; groups stand under published: groups: in the "
         "study file"),
        ({"statistic": "men"}, "unknown statistic 'men'; did you mean 'mean'?; known: " + ", ".join(STATISTICS)),
        ({"statistic": "n", "group": "test"}, "a figure 'n' is said of a group of patients; 'test' is a comparison"),
        ({"statistic": "mean", "group": "second"}, "a figure 'mean' is said of a group of patients; 'second' is one patient"),
        ({"statistic": "value", "group": "dead"}, "a figure 'value' is said of one patient; 'dead' is a group of patients"),
        ({"statistic": "value"}, "a figure 'value' is said of one patient; 'all' is a group of patients"),
        ({"statistic": "p"}, "a figure 'p' is said of a comparison or a model; 'all' is a group of patients"),
        ({"statistic": "n", "variable": "smokes", "value": "1"}, "unknown variable 'smokes'; did you mean 'smoker'?"),
        ({"statistic": "n", "variable": "smoker", "value": "1.5"}, "value is '1.5'; expected a count"),
        ({"statistic": "n", "variable": "smoker", "value": "<1"}, "value is '<1'; expected a number as printed"),
        ({"statistic": "total", "value": "-1"}, "value is '-1'; expected a count"),
        ({"statistic": "mean", "variable": "age", "value": "41,5"},
         "value is '41,5'; expected a number as printed; write a decimal point, not a comma, and nothing between thousands"),
        ({"statistic": "mean", "variable": "age", "value": "4e1"}, "value is '4e1'; expected a number as printed"),
        ({"statistic": "mean", "variable": "age", "value": ""}, "value is ''; expected a number as printed"),
        ({"statistic": "percent", "variable": "smoker", "value": "101"}, "value is '101'; expected 0 to 100"),
        ({"statistic": "p", "variable": "days", "group": "test", "value": "1.2"}, "value is '1.2'; expected 0 to 1"),
        ({"statistic": "percent", "variable": "smoker", "group": "dead", "value": "50"},
         "a percentage in a group needs its denominator"),
        ({"statistic": "n", "variable": "grade", "level": "lo", "value": "1"},
         "'grade' has no level 'lo'; its levels: low, mid, high; did you mean 'low'?"),
        ({"statistic": "n", "variable": "grade", "level": "low or hi", "value": "1"},
         "'grade' has no level 'hi'; its levels: low, mid, high; did you mean 'high'?"),
        ({"statistic": "n", "variable": "grade", "value": "1"}, "'grade' is ordered; say under level: what was counted"),
        ({"statistic": "n", "variable": "visits", "level": "few", "value": "1"},
         "'visits' is numeric; a level of it is a number, found 'few'"),
        ({"statistic": "sd", "variable": "grade", "value": "1"}, "a sd needs a numeric variable; 'grade' is ordered"),
        ({"statistic": "n", "variable": "surgery", "level": "x", "value": "1"},
         "'surgery' is a date; nothing printed of it can be checked"),
        ({"statistic": "value", "variable": "grade", "group": "second", "value": "lo"},
         "'grade' has no level 'lo'; its levels: low, mid, high; did you mean 'low'?"),
        ({"statistic": "value", "variable": "age", "group": "second", "value": "old"},
         "value is 'old'; expected a number as printed"),
        ({"statistic": "p", "variable": "age_band", "group": "model", "value": "0.5"},
         "'age_band' is no term of the model; its terms: smoker, high"),
    ],
)  # fmt: skip
def test_a_wrong_row_is_named(study, row, text):
    assert errors(study, row) == ["published.csv: 1 error", f"  row 2 (f1): {text}"]


def test_all_wrong_rows_are_told_the_first_twenty_listed(study):
    found = errors(study, *[{"about": "x"}] * 23, {"id": "f1", "about": "design"}, {"id": "", "about": "design"})
    assert found[0] == "published.csv: 25 errors"
    assert found[1] == "  row 2 (f1): about is 'x'; expected cohort, narrative, design, literature"
    assert found[20].startswith("  row 21 (f20)")
    assert found[21:] == ["  and 5 more"]


def test_ids_stand_once(study):
    found = errors(study, {"about": "design"}, {"id": "f1", "about": "design"}, {"id": " ", "about": "design"})
    assert found == ["published.csv: 2 errors", "  row 3 (f1): the id stands twice", "  row 4: no id"]


def test_several_errors_of_one_row(study):
    found = errors(study, {"statistic": "mean", "variable": "grade", "value": "x", "denominator": "y"})
    assert found == [
        "published.csv: 3 errors",
        "  row 2 (f1): denominator is 'y'; expected a whole number above 0",
        "  row 2 (f1): value is 'x'; expected a number as printed",
        "  row 2 (f1): a mean needs a numeric variable; 'grade' is ordered",
    ]


def test_rows_with_too_few_values(study):
    write_figures(study, {"about": "design"})
    path = study.folder / "published.csv"
    path.write_text(path.read_text() + "f2,Table 1\n")
    assert errors(study) == ["published.csv: 1 error", "  row 3: 2 values; expected 11"]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", ",".join(COLUMNS[:-1]) + "\n"])
def test_another_header(study, text):
    (study.folder / "published.csv").write_text(text)
    assert errors(study) == [f"published.csv: row 1: expected the columns {','.join(COLUMNS)}"]


def test_a_missing_file(study):
    assert errors(study) == ["published.csv: no such file; study.yml names it under published: file:"]


def test_another_encoding(study):
    write_figures(study, {"about": "design", "note": "n"})
    path = study.folder / "published.csv"
    path.write_bytes(path.read_bytes().replace(b",n\r\n", b",\xe9\r\n"))
    assert errors(study) == ["published.csv: line 2: not UTF-8 text; save the file as CSV UTF-8"]


def test_levels_that_hold_the_word_or(tmp_path):
    study = load_study(write_study(tmp_path, ("[north, south, off]", "[north, south or east, off]"), ("[south, off]",
                                   "[south or east, off]")))  # fmt: skip
    assert levels_of(study, "site", "south or east") == ["south or east"]
    assert levels_of(study, "site", "north or off") == ["north", "off"]
    assert levels_of(study, "age", "30 or 41") == ["30", "41"]
    assert levels_of(study, "age", "") == []


# --- rounding


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [(0.5, 0, 1), (-0.5, 0, -1), (2.5, 0, 3), (12.45, 1, 12.5), (1.005, 2, 1.01), (0.285, 2, 0.29), (0.125, 2, 0.13),
     (-12.45, 1, -12.5), (0.49999, 0, 0), (200 / 3, 1, 66.7), (0.0049, 2, 0)],
)  # fmt: skip
def test_halves_are_rounded_away_from_zero(value, decimals, expected):
    assert float(round_half_away(value, decimals)) == expected


@given(st.integers(-(10**6), 10**6), st.integers(0, 4), st.integers(1, 99))
def test_what_rounds_to_a_figure_is_its_interval(digits, decimals, part):
    text = f"{digits / 10**decimals:.{decimals}f}"
    printed = figure("mean", text)
    value = Fraction(digits, 10**decimals) + Fraction(part - 50, 100 * 10**decimals)
    assert (value in printed.interval) == prints_as(printed, value)
    half = Fraction(1, 2 * 10**decimals)
    for end in (Fraction(text) - half, Fraction(text) + half):
        assert (end in printed.interval) == prints_as(printed, end)


@pytest.mark.parametrize(
    ("printed", "value", "same"),
    [("0.05", 0.0549, True), ("0.05", 0.055, False), ("0.050", 0.0504, True), ("<0.001", 0.0009, True),
     ("<0.001", 0.001, False), ("<0.001", 0.0, True), (".05", 0.05, True), ("1", math.nan, False), ("1", math.inf, False)],
)  # fmt: skip
def test_prints_as(printed, value, same):
    assert prints_as(figure("p", printed), value) is same


# --- claims


def claim(study, *args, **kwargs):
    (found,) = claims(study, [figure(*args, **kwargs)])
    return found


def test_what_counts_say(study):
    found = claim(study, "n", "2", "smoker")
    assert (found.kind, found.condition, found.where, found.interval.whole()) == (
        "count",
        {"smoker": ("yes",)},
        {},
        (2, 2),
    )
    found = claim(study, "n", "1", "grade", "low or high", "dead")
    assert (found.condition, found.where) == ({"grade": ("low", "high")}, {"died": "yes"})
    found = claim(study, "total", "3", group="dead")
    assert (found.condition, found.where, found.variables, found.interval.whole()) == ({}, {"died": "yes"}, (), (3, 3))


@pytest.mark.parametrize(
    ("value", "of", "fits"),
    [("66.7", 3, (2, 2)), ("0.0", 69, (0, 0)), ("100", 4, (4, 4)), ("50", None, (2, 2)), ("10", 1000, (95, 104)),
     ("0", 1000, (0, 4)), ("80.5", 72, (1, 0)), ("12.5", 8, (1, 1)), ("13", 8, (1, 1)), ("12", 8, (1, 0))],
)  # fmt: skip
def test_percentages_say_which_counts_print_so(study, value, of, fits):
    assert claim(study, "percent", value, "smoker", denominator=of).interval.whole() == fits


def test_what_other_figures_say(study):
    found = claim(study, "mean", "41.5", "age", group="old_dead")
    assert (found.kind, found.variable, found.where) == ("mean", "age", {"died": "yes", "age": {"min": 41}})
    assert found.interval.whole(20) == (829, 830)
    found = claim(study, "value", "41", "age", group="second")
    assert (found.kind, found.condition, found.patient) == ("value", {"age": (41.0,)}, 2)
    assert claim(study, "value", "mid", "grade", group="second").condition == {"grade": ("mid",)}
    found = claim(study, "p", "0.05", "days", group="test")
    assert (found.kind, found.variable, found.by) == ("test", "days", "died")


def test_a_printed_model_says_one_thing(study):
    printed = [figure("p", "0.2", "high", group="model"), figure("p", "0.3", "smoker", group="model")]
    (found,) = claims(study, printed)
    assert (found.kind, found.by, found.terms, found.id) == ("model", "died", ("smoker", "high"), "f+f")
    assert found.variables == found.terms


@pytest.mark.parametrize("about", [about for about in ABOUT if about != "cohort"])
def test_figures_about_other_things_say_nothing_of_patients(study, about):
    assert claims(study, [figure("n", "2", "smoker", about=about)]) == []


# --- recomputing

DAYS = [1, 2, 2, 3, 5, 8, 13, 21, 34, 400]
DEAD, ALIVE = [1, 3, 8, 34], [2, 2, 5, 13, 21, 400]


def ranked(one, two):
    return stats.mannwhitneyu(one, two, use_continuity=False, method="asymptotic").pvalue


PEOPLE = [(f"P{i}", str(20 + i), "low" if i % 3 else "high", "mid", "north", str(i % 2), str(days), "1",
           "yes" if i in (1, 4, 6, 9) else "no", "2015-01-01", "2016-01-01")
          for i, days in enumerate(DAYS, start=1)]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (figure("total", "10"), 10),
        (figure("total", "4", group="dead"), 4),
        (figure("n", "5", "smoker"), 5),
        (figure("n", "2", "smoker", "no", "dead"), 2),
        (figure("n", "10", "grade", "low or high"), 10),
        (figure("n", "2", "days", "2"), 2),
        (figure("n", "3", "days", "2 or 3"), 3),
        (figure("percent", "50", "smoker", "yes", "dead", 4), 50),
        (figure("percent", "12.5", "smoker", "yes", denominator=40), 12.5),
        (figure("percent", "30", "high"), 30),
        (figure("mean", "1", "days"), 48.9),
        (figure("mean", "1", "days", group="dead"), 11.5),
        (figure("mean", "1", "days", group="old_dead"), math.nan),
        (figure("median", "1", "days"), 6.5),
        (figure("sd", "1", "days"), statistics.stdev(DAYS)),
        (figure("min", "1", "days", group="dead"), 1),
        (figure("max", "1", "days", group="dead"), 34),
        (figure("p", "1", "days", group="test"), ranked(DEAD, ALIVE)),
        (figure("p", "1", "smoker", group="test"), 1.0),
        (figure("value", "1", "days", group="second"), 2),
        (figure("value", "yes", "smoker", group="second"), "no"),
        (figure("value", "low", "grade", group="second"), "low"),
        (figure("value", "yes", "high", group="second"), "no"),
    ],
    ids=lambda value: value.in_words if isinstance(value, Figure) else "",
)  # fmt: skip
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_statistic_can_be_recomputed(study, asked, expected):
    write_rows(study.folder, PEOPLE)
    found = reprint(asked, load_cohort(study))
    if isinstance(expected, str):
        assert found == expected
    else:
        assert found == pytest.approx(expected, abs=5e-5, nan_ok=True)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_p_values_of_the_model_are_recomputed(study):
    from cohortbook.models import full_model

    write_rows(study.folder, PEOPLE)
    cohort = load_cohort(study)
    for term in ("smoker", "high"):
        found = reprint(figure("p", "1", term, group="model"), cohort)
        assert 0 <= found <= 1
        assert found == full_model(cohort).p_value(term)


def test_missing_values_are_left_out(study):
    write_rows(study.folder)
    cohort = load_cohort(study)
    assert reprint(figure("n", "1", "high"), cohort) == 1
    assert reprint(figure("percent", "33", "high"), cohort) == pytest.approx(100 / 3)
    assert reprint(figure("mean", "1", "age"), cohort) == pytest.approx(161 / 3)
    assert reprint(figure("total", "1", group="old_dead"), cohort) == 1
    assert math.isnan(reprint(figure("value", "1", "age", group="fourth"), cohort))
    assert reprint(figure("value", "north", "site", group="fourth"), cohort) == ""
    assert math.isnan(
        reprint(figure("percent", "1", "smoker", group="old_dead"), load_cohort(study, frame_of_nobody_old(study)))
    )


def frame_of_nobody_old(study):
    import pandas as pd

    return pd.read_csv(study.folder / "rows.csv", dtype=str, keep_default_na=False).assign(age="20")


def test_a_figure_about_something_else_cannot_be_recomputed(study):
    write_rows(study.folder)
    with pytest.raises(PublishedError, match=re.escape("f: a figure about design cannot be recomputed from a cohort")):
        reprint(figure("n", "1", "smoker", about="design"), load_cohort(study))


def test_the_bundled_figures_are_sound():
    study = load_study("spinal-metastases")
    figures = read_published(study)
    assert {f.about for f in figures} == set(ABOUT)
    assert sum(f.about == "cohort" for f in figures) == sum(len(c.figures) for c in claims(study, figures))
