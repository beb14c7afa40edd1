"""layouts_audit.py: what the tables of the audit show, of an audit made by hand from a study whose tables R made."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from cohortbook.display.formatters import render
from cohortbook.display.tables import DisplayTable
from cohortbook.sections.audit.layouts_audit import (
    check_table,
    conflict_table,
    consequence_table,
    p_shown,
    p_span,
    printed_model_tables,
    printed_test_tables,
    range_table,
    sources_of,
    table_of,
    verdict_table,
)
from printcheck.audit.arithmetic import Check
from printcheck.audit.audit_words import in_words
from printcheck.audit.candidate_tests import PrintedTest
from printcheck.audit.printed_model import JointTable, PrintedModel, Reading
from printcheck.audit.verdicts import VERDICTS, Audit, Conflict, Consequence, Repair, Verdict
from printcheck.printed.published import read_published
from studyfile.study.study import load_study

N, PERCENT, MEAN, P, OTHER = "t1_race_white_n", "t1_race_white_pct", "t1_age_mean", "t2_smoke_p", "t2_lwt_p"
NAN = float("nan")


def audit_of(**given):
    """Return an audit of the bundled tables of births in which every figure is compatible, and what is given besides."""
    study = load_study("birthwt")
    figures = read_published(study)
    verdicts = {f.id: Verdict(figure=f, verdict="compatible", reason="a cohort prints it") for f in figures}
    for id, other in given.pop("verdicts", {}).items():
        verdicts[id] = replace(verdicts[id], **other)
    empty = dict.fromkeys(("checks", "conflicts", "repairs", "consequences", "tests", "models"), ())
    return Audit(study=study, verdicts=tuple(verdicts.values()), **{"thresholds": (0.01, 0.05), **empty, **given})


def disputed(**given):
    """Return an audit with one conflict of two repairs, one of which takes a P value across a threshold."""
    changed = {
        N: {"verdict": "contradicted", "conflicts": ("C1",), "recomputed": "97", "reason": "the others leave 97"},
        PERCENT: {"verdict": "contradicted", "conflicts": ("C1",), "reason": "the others leave 51.3 %"},
        MEAN: {"verdict": "rounded otherwise", "method": "truncated", "reason": "cut off, not rounded"},
        OTHER: {"verdict": "not decided", "reason": "the search reached its limit"},
    }
    settings = {
        "verdicts": changed,
        "conflicts": (Conflict(id="C1", figures=(N, PERCENT), variables=("race",), why="these leave 97, not 96"),),
        "repairs": (
            Repair(id="R1a", conflicts=("C1",), figures=(N,)),
            Repair(id="R1b", conflicts=("C1",), figures=(PERCENT, P), follow=(P,)),
        ),
        "checks": (Check(kind="subtotal", figures=(N,), holds=False, recomputed="97", reason="the races give 190"),),
        "consequences": (
            Consequence(repair="R1a", figure=P, printed="0.026", low=0.0255, high=0.0265, test="Pearson's chi-square"),
            Consequence(
                repair="R1b", figure=P, printed="0.026", low=0.051234, high=0.2, test="Pearson's chi-square", crosses=(0.05,)
            ),
        ),
    }
    return audit_of(**{**settings, **given})


def printed_by(figure, variable, **p):
    """Return tests of one figure: name -> (low, high, prints)."""
    return tuple(
        PrintedTest(figure=figure, variable=variable, test=test, stated=not k, low=low, high=high, prints=prints)
        for k, (test, (low, high, prints)) in enumerate(p.items())
    )


def model_of(**given):
    """Return a searched model of two terms, one of which separates."""
    joint = JointTable(
        with_outcome=(0, 0, 1, 2),
        without_outcome=(40, 3, 20, 6),
        p_values={"ht": 0.03, "ui": 0.99},
        ratio_p_values={"ht": 0.02, "ui": 0.004},
        firth_p_values={"ht": 0.04, "ui": 0.02},
        firth_odds_ratios={"ht": 6.0, "ui": 20.0},
        separation="quasi-complete",
        infinite={"ui": 1},
        selections={"wald": (("ht",), "nothing enters"), "lr": (("ht", "ui"), "nothing enters")},
    )
    settings = {
        "outcome": "low",
        "terms": ("ht", "ui"),
        "sources": ("Table 3",),
        "max_iterations": 20,
        "tables": (joint,),
        "labels": {"low": "Low birth weight", "ht": "Hypertension", "ui": "Irritability"},
        "printed": {"ht": ("0.03",), "ui": ("0.99",)},
        "searched": 12,
        "possible": 5,
        "followed": 1,
        "readings": (
            Reading(
                method="maximum likelihood, Wald",
                together=True,
                limit="after 18 to 20 steps",
                steps=(18, 19, 20),
                tables=1,
                searched=2,
            ),
            Reading(method="score", together=True, limit="", steps=(), tables=0, searched=0),
        ),
        "limits": (18, 19, 20),
        "removal_tests": ("wald", "lr"),
        "selections": {"wald": {("ht",): 1}, "lr": {("ht", "ui"): 1}},
        "ends_with_printed": {"wald": 0, "lr": 1},
        "separated_in_all": ("ui",),
        "separated_in_some": ("ui",),
        "firth_range": {"ht": (0.04, 0.06), "ui": (0.02, 0.02)},
        "firth_range_possible": {"ht": (0.03, 0.2), "ui": (NAN, NAN)},
        "ratio_range": {"ht": (0.02, 0.02), "ui": (0.004, 0.004)},
    }
    return PrintedModel(**{**settings, **given})


def range_of(name, low, high, **given):
    """Return a result over cohorts, with the fields of `cohortbook.sections.audit.undetermined.Range`."""
    settings = {
        "name": name,
        "label": name.capitalize(),
        "group": "Comparison",
        "set": "",
        "n": 200,
        "low": low,
        "high": high,
        "median": (low + high) / 2,
        "values": (low, high),
        "determined": low == high,
        "threshold": None,
        "crosses": False,
        "rests_on_assumed": False,
        "undefined": 0,
    }
    return SimpleNamespace(**{**settings, **given})


def cells(table):
    return [row.cells for row in table.rows]


def test_p_is_told_from_a_threshold():
    assert [p_shown(v) for v in (0.0486, 0.00342, 0.1, 0.00001, 1.0)] == ["0.0486", "0.00342", "0.100", "<0.0001", "1.000"]
    assert p_span(0.02, 0.020001) == "0.0200"
    assert p_span(0.02, 0.3) == "0.0200 to 0.300"
    assert p_span(NAN, NAN) == "–"


def test_verdicts_are_counted_by_place_tables_first():
    audit = disputed()
    table = table_of(audit)
    assert sources_of(audit) == ["Table 1", "Table 2", "Results"]
    assert table.head == ("", "Figures", "Reproduced", "Compatible", "Rounded otherwise", "Contradicted", "Not decided")
    assert cells(table)[0] == ("Table 1", "39", "", "36", "1", "2", "")
    assert cells(table)[1] == ("Table 2", "45", "", "44", "", "", "1")
    assert cells(table)[-1] == ("All", str(len(audit.verdicts)), "0", str(len(audit.verdicts) - 4), "1", "2", "1")
    assert int(table.frame[list(VERDICTS)].to_numpy().sum()) == len(audit.verdicts)
    assert "Contradicted" in table_of(audit_of()).head
    assert render(audit) == table.html


def test_tables_come_before_text_in_the_order_of_the_paper():
    audit = audit_of()
    text = [v for v in audit.verdicts if v.figure.source == "Results"]
    moved = replace(audit, verdicts=(*text, *(v for v in audit.verdicts if v not in text)))
    assert sources_of(moved) == ["Table 1", "Table 2", "Results"]


def test_every_figure_has_its_row():
    audit = disputed()
    table = verdict_table(audit)
    assert table.name == "audit"
    assert table.frame.equals(audit.frame)
    row = next(row for row in cells(table) if row[0] == N)
    assert row == (N, "Table 1", "96", "97", "contradicted", "", "C1", "the others leave 97")
    assert len(table.rows) == len(audit.verdicts)


def test_conflicts_say_their_figures_in_words():
    audit = disputed()
    [row] = cells(conflict_table(audit))
    words = "; ".join(in_words(audit.study, audit.figure(id)) for id in (N, PERCENT))
    assert row == ("C1", words, "these leave 97, not 96", "R1a, R1b")
    ruled = replace(audit, conflicts=(replace(audit.conflicts[0], rules=("one race each",)),))
    assert cells(conflict_table(ruled))[0][3:] == ("one race each", "R1a, R1b")
    assert conflict_table(audit_of()).notes == ("None: all printed figures can hold together.",)
    assert consequence_table(audit_of()).notes == ("None: nothing has to be given up.",)


def test_a_repair_says_what_it_gives_up_and_what_it_moves():
    audit = disputed()
    heading, first, second = cells(consequence_table(audit))
    p, n, percent = (in_words(audit.study, audit.figure(id)) for id in (P, N, PERCENT))
    assert heading[0] == "To settle C1: 2 ways, each enough by itself"
    assert first == ("R1a", n, p, "0.026", "Pearson's chi-square", "as printed", "no")
    assert second == ("R1b", f"{percent}, and with it {p}", p, "0.026", "Pearson's chi-square", "0.0512 to 0.200", "0.05")
    assert cells(consequence_table(replace(audit, consequences=())))[1][2] == "no printed P value rests on it"
    assert "0.01 and 0.05" in consequence_table(audit).notes[0]


def test_tests_stand_beside_the_p_value_that_they_may_have_printed():
    first = printed_by(P, "smoke", pearson_chi_square=(0.0264, 0.0264, "always"), fisher_exact=(0.03, 0.04, "never"))
    second = printed_by(OTHER, "lwt", student_t=(0.01, 0.03, "sometimes"), welch_t=(NAN, NAN, "unknown"))
    cut = replace(first[0], figure=OTHER, coding="lwt above 120", stated=False)
    idle = replace(cut, coding="lwt above 100", prints="never")
    audit = audit_of(tests=(*first, *second, cut, idle))
    counts, numbers = printed_test_tables(audit)
    assert counts.head == ("", "Printed", "Pearson's chi-square test", "Fisher's exact test")
    assert cells(counts) == [(in_words(audit.study, audit.figure(P)), "0.026", "0.0264 ● †", "0.0300 to 0.0400")]
    assert numbers.head == ("", "Printed", "Pearson's chi-square test", "Student's t test", "Welch's t test")
    assert cells(numbers)[0][2:] == ("", "0.0100 to 0.0300 ○ †", "?")
    assert cells(numbers)[1:] == [("lwt above 120", "", "0.0264 ●", "", "")]
    assert (counts.name, numbers.name) == ("printed-tests-1", "printed-tests-2")
    assert any(note.startswith("? Not known") for note in numbers.notes)
    assert not any(note.startswith("? Not known") for note in counts.notes)
    assert printed_test_tables(audit_of()) == ()


def test_a_model_shows_its_readings_its_terms_and_where_selection_ends():
    readings, terms, selection = printed_model_tables(audit_of(models=(model_of(),)))
    assert cells(readings)[0] == ("maximum likelihood, Wald", "all terms together", "after 18 to 20 steps", "1", "2")
    assert "12 have the printed margins, and 5 of them" in readings.notes[0]
    assert cells(terms) == [
        ("Hypertension", "0.03", "no", "0.0200", "0.0400 to 0.0600", "0.0300 to 0.200"),
        ("Irritability", "0.99", "always", "0.00400", "0.0200", "–"),
    ]
    assert [row[0] for row in cells(selection)] == [
        "Removal by Wald's test, as planned",
        "Hypertension",
        "Removal by the likelihood ratio",
        "Hypertension, Irritability",
    ]
    assert [row[2] for row in cells(selection)] == ["", "no", "", "yes"]


def test_a_model_that_was_not_searched_says_why():
    unsearched = model_of(reason="not searched: no margins", readings=())
    [table] = printed_model_tables(audit_of(models=(unsearched,)))
    assert table.notes == ("Not searched: no margins.",)
    undecided = table_of(model_of(decided=False))
    assert any("not decided" in note for note in undecided.notes)
    assert printed_model_tables(audit_of()) == ()
    both = printed_model_tables(audit_of(models=(model_of(), unsearched)))
    assert [t.name for t in both] == ["printed-model", "printed-model-terms", "printed-model-selection", "printed-model-2"]


def test_arithmetic_tells_what_cannot_be_first():
    checks = (
        Check(kind="threshold", figures=(P,), holds=None, reason="a warning"),
        Check(kind="threshold", figures=(OTHER,), holds=False, reason="cannot"),
        Check(kind="rounding", figures=(PERCENT, N), holds=True, method="truncated", recomputed="50.79", reason="cut"),
    )
    audit = audit_of(checks=checks)
    shown = cells(check_table(audit))
    assert [row[0] for row in shown if not row[3]] == ["Percentages and their counts", "Claims of significance"]
    assert shown[1] == (in_words(audit.study, audit.figure(PERCENT)), "50.79", "holds: truncated", "cut")
    assert [row[2] for row in shown[3:]] == ["not borne out", "warning"]
    assert check_table(audit_of()).notes == ("Nothing to remark.",)


def test_ranges_show_one_value_or_both_ends():
    ranges = (
        range_of("age", 0.2, 0.2, threshold=0.05),
        range_of("smoking", 0.02, 0.3, threshold=0.05, crosses=True),
        range_of("deaths", 3.0, 12.5, group="Survival", rests_on_assumed=True, undefined=4),
    )
    table = range_table(ranges)
    assert cells(table)[1:3] == [("Age", "0.200", "", "no"), ("Smoking", "0.0200 to 0.300", "0.160", "0.05")]
    assert cells(table)[4] == ("Deaths ‡", "3.00 to 12.5 (undefined in 4)", "7.75", "")
    assert table.notes[0].startswith("Over 200 cohorts each.")
    assert any("assumed" in note for note in table.notes)
    assert not any("assumed" in note for note in range_table(ranges[:2]).notes)
    other = range_table([*ranges, range_of("age", 0.1, 0.1, set="without Table 2")])
    assert cells(other)[-1][0] == "Age, without Table 2"
    assert any("a row for each choice" in note for note in other.notes)
    never = range_table([range_of("age", NAN, NAN, undefined=200, determined=False)])
    assert cells(never)[1][1] == "undefined"


@pytest.mark.parametrize("table", [verdict_table, table_of, conflict_table, consequence_table, check_table])
def test_tables_save_whole(table, tmp_path):
    made = table(disputed())
    made.save(tmp_path)
    assert (tmp_path / f"{made.name}.json").exists()
    assert {len(row.cells) for row in made.rows} == {len(made.head)}
    assert isinstance(made, DisplayTable)
