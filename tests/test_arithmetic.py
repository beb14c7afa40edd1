"""arithmetic.py: nothing is said of tables that patients print, and what was altered is named."""

import math
import random
import re
import statistics
from collections import defaultdict
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from printcheck.audit.arithmetic import check_figures
from printcheck.audit.checks import Check
from printcheck.printed.published import read_published
from printed_figures import figure, one, printed, printed_study, total
from studyfile.cohort.values import derive_value
from studyfile.study.study import load_study


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return printed_study(tmp_path_factory.mktemp("study"))


def test_bundled_study():
    study = load_study("spinal-metastases")
    found = check_figures(study, read_published(study))
    assert {(c.kind, c.holds, c.figures[0]) for c in found if c.kind != "expected_counts"} == {
        ("rounding", True, "text_location_t7_s1_pct"),
        ("order", False, "t7_levels_no_failure_mean"),
        ("undefined_test", False, "t7_percutaneous_screws_p"),
        ("threshold", False, "t7_ais_c_or_worse_p"),
        ("threshold", False, "t7_kyphoplasty_p"),
        ("threshold", False, "t7_postop_complications_p"),
        ("comparisons", None, "text_bonferroni_threshold"),
        ("comparisons", None, "t7_ais_c_or_worse_p"),
    }
    by_first = {c.figures[0]: c for c in found}
    assert by_first["text_location_t7_s1_pct"].recomputed == "80.56"
    assert by_first["t7_levels_no_failure_mean"].recomputed == "2.942"
    # Table 5 gives 210 levels to 72 patients; 7 of them to three with a mean of 2.33.
    assert printed(Fraction(39 * 2 + 6 * 3 + 22 * 4 + 4 * 5 + 6 - 7, 69), 3) == "2.942"
    warned = {c.figures[0] for c in found if c.kind == "expected_counts"}
    assert len(warned) == 6
    assert all(c.holds is None for c in found if c.kind == "expected_counts")


def test_clean_study():
    study = load_study("birthwt")
    figures = read_published(study)
    assert check_figures(study, figures) == ()
    # The same P called significant without a threshold for seven tests is warned of.
    boldly = [replace(f, claim="significant") if f.statistic == "p" and f.id == "t2_smoke_p" else f for f in figures]
    assert [(c.kind, c.holds, c.figures) for c in check_figures(study, boldly)] == [
        ("threshold", False, ("t2_smoke_p",)),
        ("comparisons", None, ("t2_smoke_p",)),
    ]


def cut(value, decimals):
    return f"{math.floor(value * 10**decimals) / 10**decimals:.{decimals}f}"


def tables(study, rows, shorten):
    """Print tables of patients as a paper would: counts, percentages, summaries, P values."""
    figures = []

    def summarise(chosen, group):
        n = len(chosen)
        figures.append(total(n, group))
        for variable in ("grade", "later", "site", "smoker", "high", "where", "age_band", "change", "course"):
            for level in study.levels(variable):
                count = sum(row[variable] == level for row in chosen)
                figures.append(figure(variable, "n", count, level=level, group=group, of=n))
                figures.append(
                    figure(variable, "percent", shorten(Fraction(100 * count, n), 1), level=level, group=group, of=n)
                )
        for variable in ("age", "visits"):
            values = [row[variable] for row in chosen]
            numbers = {"mean": Fraction(sum(values), n), "median": statistics.median(values)}
            if n > 1:
                numbers["sd"] = statistics.stdev(values)
            figures.extend(figure(variable, name, shorten(Fraction(v), 1), group=group, of=n) for name, v in numbers.items())
            figures.extend(figure(variable, k, f(values), group=group, of=n) for k, f in (("min", min), ("max", max)))
        counts = defaultdict(int)
        for row in chosen:
            counts[row["visits"]] += 1
        figures.extend(figure("visits", "n", k, level=str(v), group=group, of=n) for v, k in counts.items())

    summarise(rows, "all")
    for group, died in (("dead", "yes"), ("alive", "no")):
        if chosen := [row for row in rows if row["died"] == died]:
            summarise(chosen, group)
    return figures


@pytest.mark.slow
@given(st.integers(0, 10**9), st.integers(1, 60), st.sampled_from([printed, cut]))
def test_no_false_alarm_on_tables_that_patients_print(study, seed, n, shorten):
    draw, rows = random.Random(seed), []
    for _ in range(n):
        row = {name: draw.choice(study.levels(name)) for name in ("grade", "later", "site", "smoker", "died")}
        row |= {"age": draw.randint(18, 100), "visits": min(30, int(draw.expovariate(0.5)))}
        for name in ("high", "where", "age_band", "change", "course"):
            row[name] = derive_value(study, name, *(row[parent] for parent in study[name].parents))
        rows.append(row)
    found = check_figures(study, tables(study, rows, shorten))
    assert not [check for check in found if check.holds is not True]
    if shorten is printed:
        assert not found


def test_what_cannot_be_names_the_figure_that_was_altered():
    study = load_study("birthwt")
    figures, draw, found = list(read_published(study)), random.Random(5), 0
    for at, old in enumerate(figures):
        if old.about != "cohort" or old.statistic not in ("n", "percent", "total", "mean", "min", "max"):
            continue
        digit = draw.choice([k for k, c in enumerate(old.value) if c.isdigit()])
        new = str(int(old.value[digit]) + 1)[-1]
        altered = replace(old, value=old.value[:digit] + new + old.value[digit + 1 :])
        wrong = [check for check in check_figures(study, [*figures[:at], altered, *figures[at + 1 :]]) if check.holds is False]
        assert all(old.id in check.figures for check in wrong), (altered, wrong)
        found += bool(wrong)
    assert found > 70  # of 77; a mean or an extreme can be another


def test_figures_of_other_things_are_left_alone(study):
    others = [figure("anything", "n", 3, about=about, group="elsewhere") for about in ("literature", "narrative", "design")]
    patient = [figure("smoker", "value", "yes", group="second"), figure("surgery", "n", 3, level="2015-01-01")]
    assert check_figures(study, [*others, *patient]) == ()
    assert check_figures(study, []) == ()


def test_checks_name_their_figures_in_plain_words(study):
    figures = [total(10), figure("site", "n", 5, level="north", group="dead"), total(4, "dead")]
    check = one(check_figures(study, figures))
    assert isinstance(check, Check)
    assert re.fullmatch(r"Table 1: 5 \(Site north, dead\): more than 4", check.reason)
