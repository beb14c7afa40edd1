"""published.py and claims.py: printed figures are read, told wrong by row, bounded by their digits, and recomputed."""

import csv
import math
import os
import random
import re
import statistics
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from alike import near
from cohortbook.sections.model.models import full_model
from printcheck.printed.claims import claims, patients_of, planned_tests, unstated
from printcheck.printed.published import (
    ABOUT,
    COLUMNS,
    STATISTICS,
    Figure,
    Interval,
    PublishedError,
    levels_of,
    numbers_in,
    prints,
    prints_as,
    read_published,
    round_half_away,
)
from printcheck.reconstruct.reprint import reprint
from studies import COLUMNS as COHORT
from studies import write_rows, write_study
from studyfile.cohort.cohort import load_cohort
from studyfile.study.study import bundled_studies, load_study
from tallystats.statistics.compare import SUITED
from tallystats.statistics.effects import odds_ratio
from tallystats.statistics.printed_tests import COUNTED, TABLED

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
    return Figure(
        id="f",
        source="Table 1",
        about=about,
        variable=variable,
        level=level,
        group=group,
        statistic=statistic,
        value=value,
        denominator=denominator,
        claim="",
        note="",
    )


# --- reading


def test_figures_are_read(study):
    write_figures(
        study,
        {"statistic": "n", "variable": "smoker", "level": "yes", "value": "2", "denominator": "4"},
        {"statistic": "mean", "variable": "age", "group": "dead", "value": "41.50"},
        {"about": "literature", "statistic": "anything", "variable": "rate", "value": "high"},
        {"statistic": "p", "variable": "days", "group": "test", "value": "<0.001"},
    )
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
        (
            {"group": "ded"},
            "unknown group 'ded'; did you mean 'dead'?; groups stand under published: groups: in the study file",
        ),
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
        (
            {"statistic": "mean", "variable": "age", "value": "41,5"},
            "value is '41,5'; expected a number as printed; write a decimal point, not a comma, and nothing between thousands",
        ),
        ({"statistic": "mean", "variable": "age", "value": "4e1"}, "value is '4e1'; expected a number as printed"),
        ({"statistic": "mean", "variable": "age", "value": ""}, "value is ''; expected a number as printed"),
        ({"statistic": "percent", "variable": "smoker", "value": "101"}, "value is '101'; expected 0 to 100"),
        ({"statistic": "p", "variable": "days", "group": "test", "value": "1.2"}, "value is '1.2'; expected 0 to 1"),
        (
            {"statistic": "percent", "variable": "smoker", "group": "dead", "value": "50"},
            "a percentage in a group needs its denominator",
        ),
        (
            {"statistic": "n", "variable": "grade", "level": "lo", "value": "1"},
            "'grade' has no level 'lo'; its levels: low, mid, high; did you mean 'low'?",
        ),
        (
            {"statistic": "n", "variable": "grade", "level": "low or hi", "value": "1"},
            "'grade' has no level 'hi'; its levels: low, mid, high; did you mean 'high'?",
        ),
        ({"statistic": "n", "variable": "grade", "value": "1"}, "'grade' is ordered; say under level: what was counted"),
        (
            {"statistic": "n", "variable": "visits", "level": "few", "value": "1"},
            "'visits' is numeric; a level of it is a number, found 'few'",
        ),
        ({"statistic": "sd", "variable": "grade", "value": "1"}, "a sd needs a numeric variable; 'grade' is ordered"),
        (
            {"statistic": "n", "variable": "surgery", "level": "x", "value": "1"},
            "'surgery' is a date; nothing printed of it can be checked",
        ),
        (
            {"statistic": "value", "variable": "grade", "group": "second", "value": "lo"},
            "'grade' has no level 'lo'; its levels: low, mid, high; did you mean 'low'?",
        ),
        (
            {"statistic": "value", "variable": "age", "group": "second", "value": "old"},
            "value is 'old'; expected a number as printed",
        ),
        (
            {"statistic": "p", "variable": "age_band", "group": "model", "value": "0.5"},
            "'age_band' is no term of the model; its terms: smoker, high",
        ),
        (
            {"about": "design", "claim": "sign."},
            "claim is 'sign.'; expected nothing, significant, not significant or the paper's star",
        ),
        (
            {"statistic": "OR", "variable": "smoker", "group": "test", "value": "2"},
            "unknown statistic 'OR'; did you mean 'odds_ratio'?; known: " + ", ".join(STATISTICS),
        ),
        (
            {"statistic": "percent", "variable": "smoker", "value": "50%"},
            "value is '50%'; expected a number as printed; leave out the % sign",
        ),
        (
            {"statistic": "n", "variable": "smoker", "value": "2 (50.0)"},
            "value is '2 (50.0)'; expected a number as printed; one row for each number",
        ),
        (
            {"statistic": "mean", "variable": "age", "value": "41.5 ± 3"},
            "value is '41.5 ± 3'; expected a number as printed; one row for each number",
        ),
        (
            {"statistic": "mean", "variable": "age", "level": "41", "value": "41"},
            "a mean has no level; say under group: of whom it is printed",
        ),
        ({"statistic": "sd", "variable": "age", "value": "-1"}, "value is '-1'; expected 0 or more"),
        ({"statistic": "n/N", "variable": "smoker", "value": "2"}, "value is '2'; expected two counts, such as 12/72"),
        (
            {"statistic": "n/N", "variable": "smoker", "value": "2/4", "denominator": "3"},
            "value is '2/4', but denominator is '3'; leave the denominator empty",
        ),
        ({"statistic": "n/N", "variable": "grade", "value": "2/4"}, "'grade' is ordered; say under level: what was counted"),
        ({"statistic": "range", "variable": "age", "value": "25"}, "value is '25'; expected two numbers, such as 25–90"),
        (
            {"statistic": "iqr", "variable": "age", "value": "1,5–2,5"},
            "value is '1,5–2,5'; expected two numbers, such as "
            "25–90; write a decimal point, not a comma, and nothing between thousands",
        ),
        (
            {"statistic": "p", "variable": "days", "group": "test", "value": "about 0.05"},
            "value is 'about 0.05'; expected a number as printed, or such as <0.001, >0.05 or NS",
        ),
        (
            {"statistic": "odds_ratio", "variable": "smoker", "group": "test", "value": "2 to 3"},
            "value is '2 to 3'; expected a number, alone or with its interval, such as 2.31 (1.05–5.07)",
        ),
        (
            {"statistic": "odds_ratio", "variable": "smoker", "group": "test", "value": "-2"},
            "value is '-2'; expected 0 or more",
        ),
        (
            {"statistic": "odds_ratio", "variable": "smoker", "value": "2"},
            "a figure 'odds_ratio' is said of a comparison or a model; 'all' is a group of patients",
        ),
        (
            {"statistic": "odds_ratio", "variable": "grade", "group": "test", "value": "2"},
            "the odds_ratio of a comparison "
            "needs a variable of two levels; 'grade' has 3: make one under derived: (member, recode, bands)",
        ),
        (
            {"statistic": "risk_ratio", "variable": "age", "group": "test", "value": "2"},
            "the risk_ratio of a comparison needs "
            "a variable of two levels; 'age' has numbers: make one under derived: (member, recode, bands)",
        ),
        (
            {"statistic": "risk_ratio", "variable": "smoker", "group": "model", "value": "2"},
            "a figure 'risk_ratio' is said of a comparison; 'model' is a model",
        ),
        (
            {"statistic": "survival", "variable": "age", "level": "365", "value": "80"},
            "survival is printed of 'days', the time under survival:; found 'age'",
        ),
        (
            {"statistic": "survival", "variable": "days", "value": "80"},
            "level is ''; expected the time at which survival is printed, in days",
        ),
        ({"statistic": "survival", "variable": "days", "level": "365", "value": "101"}, "value is '101'; expected 0 to 100"),
        (
            {"statistic": "hazard_ratio", "variable": "days", "level": "1", "group": "test", "value": "2"},
            "level is '1'; the hazard ratio of a comparison has none",
        ),
        (
            {"statistic": "hazard_ratio", "variable": "smoker", "group": "model", "value": "2"},
            "'smoker' is no term under survival: cox:; its terms: none",
        ),
    ],
)
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


def test_survival_needs_its_section(tmp_path):
    study = load_study(write_study(tmp_path, ("survival: {time: days, event: died}\n", ""), extra=PLAN))
    assert errors(study, {"statistic": "survival", "variable": "days", "level": "9", "value": "80"}) == [
        "published.csv: 1 error",
        "  row 2 (f1): survival needs the section survival: in the study file",
    ]


@pytest.mark.parametrize("claim", ["", "significant", "Not significant", "*", "**", "†", "NS"])
def test_claims_of_significance(study, claim):
    write_figures(study, {"statistic": "p", "variable": "days", "group": "test", "value": "NS", "claim": claim})
    assert [figure.claim for figure in read_published(study)] == [claim]


RATIO = {"estimate": "2.31", "low": "1.05", "high": "5.07"}


@pytest.mark.parametrize(
    ("statistic", "value", "texts"),
    [
        ("mean", "−3.10", {"mean": "-3.10"}),
        ("mean", "3.1.2", None),
        ("mean", "", None),
        ("median", "3 (1-5)", None),
        ("n/N", "12/72", {"n": "12", "total": "72"}),
        ("n/N", "12 / 72", {"n": "12", "total": "72"}),
        ("n/N", "1.5/2", None),
        ("p", "0.04", {"p": "0.04"}),
        ("p", "< 0.001", {"p": "<0.001"}),
        ("p", ">.05", {"p": ">.05"}),
        ("p", "N.S.", {"p": "NS"}),
        ("p", "not significant", {"p": "NS"}),
        ("p", "n", None),
        *(("range", text, {"min": "25", "max": "90"}) for text in ("25-90", "25–90", "25 to 90", "25, 90", "25 — 90", "25;90")),
        ("range", "-5--2", {"min": "-5", "max": "-2"}),
        ("range", "−5 to 2", {"min": "-5", "max": "2"}),
        ("range", "1 2", None),
        ("iqr", "1.5–2", {"q1": "1.5", "q3": "2"}),
        *(
            ("odds_ratio", f"2.31 {text}", RATIO)
            for text in ("(1.05–5.07)", "[1.05, 5.07]", "(95% CI 1.05 to 5.07)", "(95 % CI: 1.05-5.07)")
        ),
        ("hazard_ratio", "2.31(1.05-5.07)", RATIO),
        ("risk_ratio", "2.31", {"estimate": "2.31"}),
        ("odds_ratio", "2.31 (1.05)", None),
        ("odds_ratio", "2.31%", None),
        ("risk_difference", "12.5% (-3.1% to 28%)", {"estimate": "12.5", "low": "-3.1", "high": "28"}),
        ("survival", "80.5 (70–90)", {"estimate": "80.5", "low": "70", "high": "90"}),
    ],
)
def test_how_numbers_are_written(statistic, value, texts):
    assert numbers_in(statistic, value) == texts
    if texts:
        assert figure(statistic, value).texts == texts


MEANT = """\
study: {title: T, id: id}
variables:
  age: {label: Age, kind: count}
  days: {label: Days, kind: count}
  sex: {label: Sex, kind: category, levels: [male, female]}
  died: {label: Died, kind: binary}
  treated: {label: Treated, kind: binary}
comparison: {number: "1", title: C, groups: treated, rows: []}
survival: {time: days, event: died, cox: [treated]}
published:
  groups: {treated: {where: {treated: yes}}, treated_v_not: {compare: treated}, patient_1: {patient: 1}}
"""


def test_the_description_names_every_statistic_and_its_examples_are_read(tmp_path):
    text = (bundled_studies() / "README.md").read_text(encoding="utf-8")
    table = text[text.index("### Statistics") : text.index("How numbers are written")]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line.startswith("| `")]
    said_of = {name: cells[2] for cells in rows for name in re.findall("`([^`]+)`", cells[0])}
    assert said_of == {name: ", ".join(groups) for name, groups in STATISTICS.items()}
    study = load_study(write_study(tmp_path, text=MEANT))
    names = ("variable", "level", "group", "statistic", "value", "denominator")
    examples = [dict(zip(names, cells[3].strip("`").split(","), strict=True)) for cells in rows]
    write_figures(study, *examples)
    assert [figure.statistic for figure in read_published(study)] == [re.findall("`([^`]+)`", cells[0])[0] for cells in rows]


def test_every_number_keeps_its_own_precision():
    ratio = figure("odds_ratio", "2.3 (1.05–5)")
    ends = {name: (float(part.low), float(part.high)) for name, part in ratio.parts.items()}
    assert ends == {"estimate": (2.25, 2.35), "low": (1.045, 1.055), "high": (4.5, 5.5)}
    assert (ratio.interval, ratio.decimals) == (ratio.parts["estimate"], 1)
    assert [figure("risk_difference", text).in_points for text in ("12% (3–21)", "0.12 [95% CI 0.03 to 0.21]")] == [True, False]
    assert prints(ratio, (2.31, 1.05, 5.07))
    assert not prints(ratio, (2.31, 1.056, 5.07))
    assert not prints(ratio, (2.31, 1.05, math.nan))
    assert not prints(ratio, 2.31)
    level = figure("value", "mid", "grade", group="second")
    assert (level.parts, level.decimals, prints(level, "mid"), prints(level, "low")) == ({}, 0, True, False)
    with pytest.raises(PublishedError, match="f: 'mid' is no number"):
        _ = level.interval


@pytest.mark.parametrize(
    ("value", "inside", "outside"),
    [("<0.05", (0, 0.0499), (0.05, -0.1)), (">0.05", (0.0501, 1), (Fraction(1, 20), 1.01)), ("NS", (0.05, 1), (0.0499, 1.01))],
)
def test_p_values_with_a_sign(value, inside, outside):
    printed = figure("p", value)
    for ties in (False, True):
        assert all(p in printed.intervals(ties=ties)["p"] for p in inside)
        assert not any(p in printed.intervals(ties=ties)["p"] for p in outside)
    assert all(prints(printed, p) for p in inside)


@pytest.mark.parametrize("value", ["12.5", "-12.5", "0.0", "0"])
def test_a_half_may_be_rounded_either_way(value):
    printed, half = figure("mean", value), Fraction(1, 20 if "." in value else 2)
    ends = [Fraction(value) - half, Fraction(value) + half]
    assert all(end in printed.intervals(ties=True)["mean"] for end in ends)
    assert sum(end in printed.interval for end in ends) == (0 if float(value) == 0 else 1)


def test_levels_that_hold_the_word_or(tmp_path):
    study = load_study(
        write_study(tmp_path, ("[north, south, off]", "[north, south or east, off]"), ("[south, off]", "[south or east, off]"))
    )
    assert levels_of(study, "site", "south or east") == ["south or east"]
    assert levels_of(study, "site", "north or off") == ["north", "off"]
    assert levels_of(study, "age", "30 or 41") == ["30", "41"]
    assert levels_of(study, "age", "") == []


# --- rounding


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [
        (0.5, 0, 1),
        (-0.5, 0, -1),
        (2.5, 0, 3),
        (12.45, 1, 12.5),
        (1.005, 2, 1.01),
        (0.285, 2, 0.29),
        (0.125, 2, 0.13),
        (-12.45, 1, -12.5),
        (0.49999, 0, 0),
        (200 / 3, 1, 66.7),
        (0.0049, 2, 0),
    ],
)
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
    [
        ("0.05", 0.0549, True),
        ("0.05", 0.055, False),
        ("0.050", 0.0504, True),
        ("<0.001", 0.0009, True),
        ("<0.001", 0.001, False),
        ("<0.001", 0.0, True),
        (".05", 0.05, True),
        ("1", math.nan, False),
        ("1", math.inf, False),
    ],
)
def test_prints_as(printed, value, same):
    assert prints_as(figure("p", printed), value) is same


# --- claims


def claim(study, *args, **kwargs):
    (found,) = claims(study, [figure(*args, **kwargs)])
    return found


def test_what_counts_say(study):
    found = claim(study, "n", "2", "smoker")
    assert (found.kind, found.condition, found.where, found.interval.whole()) == ("count", {"smoker": ("yes",)}, {}, (2, 2))
    found = claim(study, "n", "1", "grade", "low or high", "dead")
    assert (found.condition, found.where) == ({"grade": ("low", "high")}, {"died": "yes"})
    found = claim(study, "total", "3", group="dead")
    assert (found.condition, found.where, found.variables, found.interval.whole()) == ({}, {"died": "yes"}, (), (3, 3))


@pytest.mark.parametrize(
    ("value", "of", "fits"),
    [
        ("66.7", 3, (2, 2)),
        ("0.0", 69, (0, 0)),
        ("100", 4, (4, 4)),
        ("50", None, (2, 2)),
        ("10", 1000, (95, 104)),
        ("0", 1000, (0, 4)),
        ("80.5", 72, (1, 0)),
        ("12.5", 8, (1, 1)),
        ("13", 8, (1, 1)),
        ("12", 8, (1, 0)),
    ],
)
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


def test_figures_of_several_numbers_say_several_things(study):
    counted, size = claims(study, [figure("n/N", "1/3", "smoker", group="dead")])
    assert (counted.condition, counted.interval.whole()) == ({"smoker": ("yes",)}, (1, 1))
    assert (size.condition, size.where, size.interval.whole(), size.id) == ({}, {"died": "yes"}, (3, 3), counted.id)
    kinds = [(c.kind, c.interval.whole()) for c in claims(study, [figure("range", "20–41", "age")])]
    assert kinds == [("min", (20, 20)), ("max", (41, 41))]
    assert [c.kind for c in claims(study, [figure("iqr", "20–41", "age")])] == ["q1", "q3"]
    found = claims(study, [figure("risk_difference", "12% (−3 to 27)", "smoker", group="test")])
    assert [(c.kind, c.part, c.by, c.condition) for c in found] == [
        ("risk_difference", part, "died", {"smoker": ("yes",)}) for part in ("estimate", "low", "high")
    ]
    assert (found[0].interval.low, found[0].interval.high) == (Fraction(115, 1000), Fraction(125, 1000))
    (ratio,) = claims(study, [figure("odds_ratio", "2", "smoker", "no", group="test")])
    assert ratio.condition == {"smoker": ("no",)}


def test_ties_widen_what_is_said(study):
    half = [figure("percent", "12", "smoker", denominator=8)]
    assert [claims(study, half, ties=ties)[0].interval.whole() for ties in (False, True)] == [(1, 0), (1, 1)]
    (exact,), (wide,) = (claims(study, [figure("mean", "41", "age")], ties=ties) for ties in (False, True))
    assert (exact.interval.has_high, wide.interval.has_high) == (False, True)


def test_how_many_patients_there_are(tmp_path):
    plan = PLAN.replace('reconstruction: {seed: 1, patients: 4, id_format: "P{}"}\n', "")
    alone = load_study(write_study(tmp_path, extra=plan))
    totals = [figure("total", "8"), figure("total", "9"), figure("total", "9"), figure("total", "3", group="dead")]
    assert patients_of(alone, totals) == 9
    assert claims(alone, [*totals, figure("percent", "33", "smoker")])[-1].interval.whole() == (3, 3)
    with pytest.raises(PublishedError) as caught:
        claims(alone, [totals[-1], figure("percent", "33", "smoker")])
    assert str(caught.value) == (
        f"{alone.path}: nothing says how many patients there are; add a row to published.csv with the statistic 'total' of "
        "the group 'all'"
    )


def test_the_reconstruction_says_how_many_patients_there_are(study):
    assert patients_of(study, [figure("total", "9")]) == 4


def test_a_printed_model_says_one_thing(study):
    printed = [figure("p", "0.2", "high", group="model"), figure("p", "0.3", "smoker", group="model")]
    (found,) = claims(study, printed)
    assert (found.kind, found.by, found.terms, found.id) == ("model", "died", ("smoker", "high"), "f+f")
    assert found.variables == found.terms


@pytest.mark.parametrize(
    ("variable", "stated", "words"),
    [
        ("days", ("mann_whitney", "mann_whitney_continuity", "mann_whitney_exact", "student_t"), ""),
        ("smoker", tuple(COUNTED), ""),
        ("grade", tuple(TABLED), " of more than two levels"),
    ],
)
def test_a_p_value_is_stated_by_the_tests_that_the_solver_knows(study, tmp_path, variable, stated, words):
    suited = SUITED[study.kind(variable)]
    assert set(stated) <= set(suited)
    for test in suited:
        plan = PLAN.replace(
            "rows: [{variable: days, test: mann_whitney}, {variable: smoker}]",
            f"rows: [{{variable: {variable}, test: {test}}}]",
        )
        study = load_study(write_study(tmp_path, extra=plan))
        asked = figure("p", "0.5", variable, group="test")
        assert planned_tests(study, variable) == (test,)
        assert unstated(study, asked) == ("" if test in stated else f"no constraint states the test {test}{words}")
        assert len(claims(study, [asked])) == (test in stated)


def test_auto_chooses_from_what_it_always_did(study):
    assert planned_tests(study, "age") == ("mann_whitney", "student_t")
    assert planned_tests(study, "smoker") == planned_tests(study, "grade") == ("pearson_chi_square",)


@pytest.mark.parametrize("about", [about for about in ABOUT if about != "cohort"])
def test_figures_about_other_things_say_nothing_of_patients(study, about):
    assert claims(study, [figure("n", "2", "smoker", about=about)]) == []


# --- recomputing

DAYS = [1, 2, 2, 3, 5, 8, 13, 21, 34, 400]
DEAD, ALIVE = [1, 3, 8, 34], [2, 2, 5, 13, 21, 400]


def ranked(one, two):
    return stats.mannwhitneyu(one, two, use_continuity=False, method="asymptotic").pvalue


PEOPLE = [
    (
        f"P{i}",
        str(20 + i),
        "low" if i % 3 else "high",
        "mid",
        "north",
        str(i % 2),
        str(days),
        "1",
        "yes" if i in (1, 4, 6, 9) else "no",
        "2015-01-01",
        "2016-01-01",
    )
    for i, days in enumerate(DAYS, start=1)
]


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
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_statistic_can_be_recomputed(study, asked, expected):
    write_rows(study.folder, PEOPLE)
    found = reprint(asked, load_cohort(study))
    if isinstance(expected, str):
        assert found == expected
    else:
        assert found == pytest.approx(expected, abs=5e-5, nan_ok=True)


SMOKING = """\
comparison: {number: "7", title: C, groups: smoker, rows: [{variable: days}]}
model: {number: "8", title: M, outcome: died, candidates: [smoker, grade]}
published:
  groups: {test: {compare: smoker}, model: {model: true}, north: {where: {site: north}}, nobody: {where: {age: {min: 99}}}}
"""


@pytest.fixture
def smokers(tmp_path):
    draw = random.Random(3)
    rows = [
        (
            f"P{i}",
            str(draw.randrange(20, 80)),
            draw.choice(["low", "mid", "high"]),
            "mid",
            draw.choice(["north", "south"]),
            str(int(draw.random() < 0.4)),
            str(draw.randrange(1, 400)),
            "1",
            draw.choice(["yes", "no"]),
            "2015-01-01",
            "2016-01-01",
        )
        for i in range(60)
    ]
    write_study(tmp_path, ("event: died}", "event: died, cox: [smoker, grade]}"), extra=SMOKING)
    write_rows(tmp_path, rows)
    return load_cohort(load_study(tmp_path)), [dict(zip(COHORT, row, strict=True)) for row in rows]


def of(rows, smoker, test=lambda row: True):
    return sum(row["smoker"] == smoker and test(row) for row in rows)


def test_effects_are_recomputed(smokers):
    cohort, rows = smokers
    a, n1, b, n0 = (of(rows, s, test) for s in "10" for test in (lambda r: r["died"] == "yes", lambda r: True))
    z = stats.norm.ppf(0.975)
    relative = stats.contingency.relative_risk(a, n1, b, n0)
    low, high = relative.confidence_interval()
    assert reprint(figure("risk_ratio", "1 (1-1)", "died", group="test"), cohort) == pytest.approx(
        (relative.relative_risk, low, high)
    )
    p1, p0 = a / n1, b / n0
    reach = z * math.sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)
    difference = (p1 - p0, p1 - p0 - reach, p1 - p0 + reach)
    assert reprint(figure("risk_difference", "1 (1-1)", "died", group="test"), cohort) == pytest.approx(difference)
    assert reprint(figure("risk_difference", "1%", "died", group="test"), cohort) == pytest.approx(100 * (p1 - p0))
    crude = odds_ratio(cohort.tally("died", "smoker"), "died", "smoker")
    found = reprint(figure("odds_ratio", "1 (1-1)", "died", group="test"), cohort)
    assert found == pytest.approx((crude.estimate, crude.conf_low, crude.conf_high))
    assert reprint(figure("odds_ratio", "1", "died", "no", group="test"), cohort) == pytest.approx(1 / crude.estimate)


def test_figures_of_models_are_recomputed(smokers):
    cohort, _ = smokers
    fit = full_model(cohort)
    at = fit.terms.index("grade: high")
    asked = figure("odds_ratio", "1 (1-1)", "grade", "high", group="model")
    assert reprint(asked, cohort) == pytest.approx([math.exp(x[at]) for x in (fit.estimates, fit.conf_low, fit.conf_high)])
    assert reprint(figure("p", "1", "grade", "high", group="model"), cohort) == near(fit.p_values[at])
    assert reprint(figure("p", "1", "smoker", group="model"), cohort) == near(fit.p_value("smoker"))
    assert math.isnan(reprint(figure("p", "1", "grade", group="model"), cohort))  # of two columns, none is meant
    assert math.isnan(reprint(figure("odds_ratio", "1", "grade", "low", group="model"), cohort))  # the reference


def test_hazard_ratios_are_recomputed(smokers):
    from statsmodels.duration.hazard_regression import PHReg

    cohort, rows = smokers
    days, status = [float(row["days"]) for row in rows], [row["died"] == "yes" for row in rows]
    alone = [[float(row["smoker"])] for row in rows]
    grades = [[*x, float(row["grade"] == "mid"), float(row["grade"] == "high")] for x, row in zip(alone, rows, strict=True)]
    for asked, columns, at in (
        (figure("hazard_ratio", "1 (1-1)", "days", group="test"), alone, 0),
        (figure("hazard_ratio", "1 (1-1)", "smoker", group="model"), grades, 0),
        (figure("hazard_ratio", "1 (1-1)", "grade", "high", group="model"), grades, 2),
    ):
        fit = PHReg(np.array(days), np.array(columns), status=np.array(status), ties="efron").fit()
        expected = [fit.params[at], *fit.conf_int()[at]]
        assert reprint(asked, cohort) == pytest.approx([math.exp(x) for x in expected], rel=1e-4)


def test_survival_is_recomputed(smokers):
    cohort, rows = smokers
    north = sorted((float(row["days"]), row["died"] == "yes") for row in rows if row["site"] == "north")
    curve = 1.0
    for time in sorted({time for time, died in north if died and time <= 200}):
        curve *= 1 - sum(t == time and died for t, died in north) / sum(t >= time for t, _ in north)
    assert reprint(figure("survival", "1", "days", "200", group="north"), cohort) == pytest.approx(100 * curve)
    estimate, low, high = reprint(figure("survival", "1 (1-1)", "days", "200", group="north"), cohort)
    assert low < estimate < high
    assert estimate == pytest.approx(100 * curve)


def test_summaries_of_several_numbers_are_recomputed(smokers):
    cohort, rows = smokers
    ages = sorted(float(row["age"]) for row in rows)
    assert reprint(figure("range", "1-1", "age"), cohort) == (ages[0], ages[-1])
    quartiles = statistics.quantiles(ages, n=4, method="exclusive")
    assert reprint(figure("iqr", "1-1", "age"), cohort) == pytest.approx((quartiles[0], quartiles[2]))
    assert reprint(figure("q1", "1", "age"), cohort) == pytest.approx(quartiles[0])
    assert reprint(figure("se", "1", "age"), cohort) == pytest.approx(statistics.stdev(ages) / math.sqrt(60))
    assert reprint(figure("n/N", "1/1", "smoker", group="north"), cohort) == (
        sum(row["site"] == "north" and row["smoker"] == "1" for row in rows),
        sum(row["site"] == "north" for row in rows),
    )


@pytest.mark.filterwarnings("ignore::tallystats.results.UndefinedWarning")
def test_nothing_is_printed_of_nobody(smokers):
    cohort, _ = smokers
    for asked in (
        figure("iqr", "1-1", "age", group="nobody"),
        figure("se", "1", "age", group="nobody"),
        figure("survival", "80 (70-90)", "days", "9", group="nobody"),
    ):
        assert not prints(asked, reprint(asked, cohort))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_p_values_of_the_model_are_recomputed(study):
    write_rows(study.folder, PEOPLE)
    cohort = load_cohort(study)
    for term in ("smoker", "high"):
        found = reprint(figure("p", "1", term, group="model"), cohort)
        assert 0 <= found <= 1
        assert found == near(full_model(cohort).p_value(term))


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


# --- intervals

ends = st.fractions(-5, 5, max_denominator=40)


@given(ends, ends, st.booleans(), st.booleans(), st.one_of(st.floats(-6, 6), ends.map(float)))
def test_a_float_is_in_an_interval_exactly_when_its_fraction_is(a, b, has_low, has_high, value):
    low, high = min(a, b), max(a, b)
    # What differs from an end in the last digits is the end.
    exact = next((end for end in (low, high) if abs(Fraction(value) - end) <= abs(end) / 10**12), Fraction(value))
    above = exact >= low if has_low else exact > low
    below = exact <= high if has_high else exact < high
    assert (value in Interval(low, high, has_low, has_high)) == (above and below)


@given(ends, ends, st.booleans(), st.booleans(), st.integers(1, 30))
def test_whole_parts_of_a_hundred_are_those_inside(a, b, has_low, has_high, parts):
    interval = Interval(min(a, b), max(a, b), has_low, has_high)
    inside = [k for k in range(-200, 201) if Fraction(100 * k, parts) in interval]
    least, most = interval.whole(parts, of=100)
    assert list(range(least, most + 1)) == inside
