"""models.py: screening, full model and selection of small studies, against cross-products and against their parts."""

import math

import pytest

import cohortbook as cb
from alike import assert_alike, near
from second_study import hips, write_hips
from tallystats.regression.firth import firth_logistic
from tallystats.regression.selection import select_terms
from tiny import STUDY, load

CANDIDATES = "  candidates: [weight, stem, diabetic]\n"


def fourfold(a, b, c, d, missing=0):
    """Write patients: ill and failed a, ill only b, failed only c, neither d; `missing` have no illness."""
    counts = {("yes", "yes"): a, ("yes", "no"): b, ("no", "yes"): c, ("no", "no"): d, ("", "yes"): missing}
    lines = [f"10,{ill},x,{failed},5,no,0" for (ill, failed), n in counts.items() for _ in range(n)]
    return "id,dose,ill,kind,failed,weeks,died,late\n" + "".join(f"{k},{line}\n" for k, line in enumerate(lines))


def test_one_binary_candidate_gives_the_cross_product(tmp_path):
    cohort = load(tmp_path, rows=fourfold(12, 8, 5, 15, missing=3))
    result = cb.study_model(cohort, confidence_level=0.9)
    row = result.full.frame.set_index("term").loc["ill"]
    assert row["odds_ratio"] == pytest.approx(12 * 15 / (8 * 5), rel=1e-6)
    error = math.sqrt(1 / 12 + 1 / 8 + 1 / 5 + 1 / 15)
    assert row["std_error"] == pytest.approx(error, rel=1e-5)
    assert row["odds_ratio_low"] == pytest.approx(4.5 * math.exp(-1.6448536269514722 * error), rel=1e-5)
    assert (result.full.n, result.full.n_missing, result.full.events) == (40, 3, 17)
    # Firth's estimate of a fourfold table adds a half to each cell.
    firth = result.firth.frame.set_index("term").loc["ill"]
    assert firth["odds_ratio"] == pytest.approx(12.5 * 15.5 / (8.5 * 5.5), rel=1e-5)
    assert result.labels == {"intercept": "Intercept", "ill": "Ill"}
    assert "3 patients" in str(cb.carrying_finding(result))


def test_model_is_made_of_the_statistics(tmp_path):
    cohort = cb.load_cohort(write_hips(tmp_path))
    result = cb.study_model(cohort, removal="conditional", confidence_level=0.8)
    terms = ("weight", "stem", "diabetic")
    tally = cohort.tally("limp", *terms)
    assert result.screening.candidates == terms
    assert result.firth.estimates == near(firth_logistic(tally, outcome="limp", terms=terms, confidence_level=0.8).estimates)
    again = select_terms(
        tally,
        outcome="limp",
        candidates=terms,
        entry=0.2,
        removal=0.25,
        removal_test="conditional",
        max_iterations=20,
        confidence_level=0.8,
    )
    assert_alike(result.selection.frame, again.frame)
    assert [s.removal_test for s in result.alternatives] == ["wald", "lr", "conditional"]
    assert result.full.estimates == near(cb.full_model(cohort, confidence_level=0.8).estimates)
    assert list(result.labels) == ["intercept", "weight", "stem: press-fit", "stem: hybrid", "diabetic"]
    assert result.labels["stem: hybrid"] == "Stem: hybrid"
    assert [len(fits[0].terms) for fits in result.univariable] == [2, 3, 2]


def test_plan_decides_the_test_for_removal_unless_another_is_asked_for(tmp_path):
    cohort = cb.load_cohort(write_hips(tmp_path, ("removal: 0.25\n", "removal: 0.25\n  removal_test: lr\n")))
    assert cb.study_model(cohort).selection.removal_test == "lr"
    assert cb.study_model(cohort, removal="wald").selection.removal_test == "wald"
    with pytest.raises(ValueError, match="removal: 'score'; expected wald, lr, conditional"):
        cb.study_model(cohort, removal="score")


def test_plan_decides_which_way_the_selection_goes(tmp_path):
    for method, title in (("backward", "Backward selection, removal by Wald's test"), ("enter", "All candidates entered")):
        cohort = cb.load_cohort(write_hips(tmp_path, ("removal: 0.25\n", f"removal: 0.25\n  method: {method}\n")))
        result = cb.study_model(cohort)
        table = cb.selection_table(result)
        assert (result.selection.method, table.title) == (method, title)
        assert table.rows[0].cells[0].startswith("Step 0: all candidates; −2 log likelihood ")
    assert result.selection.selected == ("weight", "stem", "diabetic")
    assert str(cb.selection_finding(result)) == "The plan enters all candidates at once: nothing is selected."
    assert "All were entered together; a fit stopped after 20 iterations." in str(cb.methods_text(cohort, result))
    assert table.notes[0] == "All candidates enter; nothing is selected."


def test_tie_at_entry_is_told(tmp_path):
    text = STUDY.replace("  late:", "  twin: {label: Twin, kind: binary}\n  late:")
    rows = fourfold(12, 8, 5, 15)
    lines = [line + ("," + line.split(",")[2] if k else ",twin") for k, line in enumerate(rows.splitlines())]
    text = text.replace("candidates: [ill]", "candidates: [ill, twin]")
    result = cb.study_model(load(tmp_path, text=text, rows="\n".join(lines) + "\n"))
    said = "At step 1, Ill and Twin had the same P: Ill entered only because it stands first in the list."
    assert said in str(cb.selection_finding(result))
    assert "Step 1: Twin had the same P as Ill, which stands first in the list." in cb.selection_table(result).notes


def test_candidates_come_from_the_comparison_when_the_plan_names_none(tmp_path):
    cohort = cb.load_cohort(write_hips(tmp_path, (CANDIDATES, "  candidate_p: 0.3\n")))
    found = cb.screen_candidates(cohort)
    p_values = [row.test.p_value for row in cb.compare_groups(cohort).rows]
    assert found.p_values == tuple(p_values)
    assert found.candidates == tuple(t for t, p in zip(found.terms, p_values, strict=True) if p < 0.3)
    assert 0 < len(found.candidates) < len(found.terms)
    table = cb.table_of(found)
    assert [row.cells[2] for row in table.rows] == ["yes" if p < 0.3 else "no" for p in p_values]
    assert table.notes[0] == "A candidate has a univariate P below 0.3."


def test_candidate_known_too_late_is_flagged(tmp_path):
    cohort = cb.load_cohort(
        write_hips(
            tmp_path,
            ("kind: count, range: [0, 10], measured: before", "kind: count, range: [0, 10], measured: after"),
            ("[weight, stem, diabetic]", "[weight, pain]"),
        )
    )
    result = cb.study_model(cohort)
    assert result.screening.after == ("pain",)
    assert "Pain score is known only after the operation" in str(cb.finding(result.screening))
    assert [row.cells[0] for row in cb.table_of(result).rows] == ["Body weight, kg", "Pain score †"]


def test_no_candidate_is_an_absent_model_that_every_layout_passes_on(tmp_path):
    cohort = cb.load_cohort(write_hips(tmp_path, (CANDIDATES, "  candidate_p: 1.0e-9\n")))
    result = cb.study_model(cohort)
    assert result.reason == "No variable has a univariate P below 1e-09: there is nothing to model."
    for passed_on in (cb.full_model_table, cb.selection_table, cb.model_rows, cb.plot_model):
        assert passed_on(result) is result
    for said in (cb.carrying_finding, cb.separation_finding, cb.selection_finding, cb.finding):
        assert str(said(result)) == result.reason
    assert str(cb.finding(cb.screen_candidates(cohort))) == "0 candidates: none."


@pytest.mark.parametrize("value", ["yes", "no"])
def test_constant_outcome_is_an_absent_model(tmp_path, value):
    cohort = cb.load_cohort(write_hips(tmp_path, rows=[{**row, "limp": value} for row in hips()]))
    assert cb.study_model(cohort).reason == "Limping a year later is the same in all 58 complete patients: no model."


def test_outcome_constant_only_among_the_complete_is_an_absent_model(tmp_path):
    result = cb.study_model(load(tmp_path, rows=fourfold(0, 5, 0, 5, missing=4)))
    assert result.reason == "Failed is the same in all 10 complete patients: no model."


@pytest.mark.parametrize(("cells", "direction"), [((6, 4, 0, 9), "+∞"), ((0, 9, 6, 4), "−∞")])
def test_infinite_estimate_is_said_and_drawn_as_such(tmp_path, cells, direction):
    result = cb.study_model(load(tmp_path, rows=fourfold(*cells)))
    assert result.full.separation.kind == "quasi-complete"
    said = str(cb.separation_finding(result))
    assert "no finite maximum" in said
    assert f"Ill ({direction})" in said
    empty = "Ill = no: 0 of 9" if direction == "+∞" else "Ill = yes: 0 of 9"
    assert f"{empty} with failed" in said
    table = {row.cells[0]: row.cells[1:] for row in cb.full_model_table(result).rows}
    assert table["all candidates, maximum likelihood"][:2] == ("no finite estimate", "–")
    a, b, c, d = (n + 0.5 for n in cells)
    assert float(table["all candidates, Firth"][0]) == pytest.approx(a * d / (b * c), rel=6e-3)
    assert "no finite estimate" in cb.plot_model(cb.model_rows(result)).alt


def test_provenance_of_a_model_is_never_printed(tmp_path):
    # Which values occur together is printed nowhere.
    text = STUDY.replace("kind: binary", "kind: binary, provenance: printed")
    assert cb.study_model(load(tmp_path, text=text, rows=fourfold(12, 8, 5, 15))).provenance == "implied"
    assert cb.study_model(load(tmp_path, rows=fourfold(12, 8, 5, 15))).provenance == "observed"
