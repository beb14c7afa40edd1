"""What a model is worth, as notebooks show it: plan, tables, figures and sentences of small studies, against their parts."""

import math
from dataclasses import replace

import pytest

import cohortbook as cb
from alike import near
from cohortbook.display.tables import decimal
from cohortbook.sections.model.layouts_worth import lines_of, names_of, ratio_in_words
from cohortbook.sections.model.model_rows import OddsRatio
from second_study import hips, write_hips
from tallystats.regression.selection import select_terms
from tallystats.regression.stability import selection_stability
from tallystats.regression.validation import bootstrap_optimism
from test_models import fourfold
from tiny import load


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return cb.study_model(cb.load_cohort(write_hips(tmp_path_factory.mktemp("hips"))))


@pytest.fixture(scope="module")
def stability(model):
    return cb.model_stability(model, resamples=60)


@pytest.fixture(scope="module")
def performance(model):
    return cb.model_performance(model, resamples=40)


@pytest.fixture(scope="module")
def separated(tmp_path_factory):
    return cb.study_model(load(tmp_path_factory.mktemp("ill"), rows=fourfold(6, 4, 0, 9)))


def unchecked(model):
    """Return what there is where no resamples are asked for."""
    return cb.model_stability(model, resamples=0), cb.model_performance(model, resamples=0)


def test_plan_is_made_of_the_statistics(model, stability, performance):
    assert stability.stability == near(selection_stability(model.tally, model.selection, resamples=60))
    every, *selected = performance.parts
    options = {"outcome": "limp", "resamples": 40}
    assert every.optimism == near(bootstrap_optimism(model.tally, terms=every.terms, max_iterations=20, **options))
    assert every.name == "All candidates"
    kept = model.selection.selected
    assert [part.terms for part in selected] == ([kept] if kept and set(kept) != set(every.terms) else [])
    for part in selected:
        assert part.optimism == near(bootstrap_optimism(model.tally, selection=model.selection, **options))
    chi, df, _ = model.full.likelihood_ratio
    assert every.shrinkage == near((chi - df) / chi)


def test_a_result_from_the_cache_is_the_same(model, stability, performance, tmp_path, monkeypatch):
    monkeypatch.setenv("COHORTBOOK_CACHE", str(tmp_path))
    for _ in range(2):
        assert cb.model_stability(model, resamples=60).stability == near(stability.stability)
        again = cb.model_performance(model, resamples=40)
        assert [p.optimism for p in again.parts] == near([p.optimism for p in performance.parts])
    assert len(list(tmp_path.iterdir())) == 1 + len(performance.parts)


def test_stability_table_shows_terms_then_sets(stability):
    table = cb.table_of(stability)
    found = stability.stability
    terms = [row for row in table.rows if row.kind == "plain"]
    assert [row.cells[2] for row in terms] == [decimal(100 * share, 1) for share in found.inclusion]
    sets = [row for row in table.rows if row.kind == "level"]
    assert sum(float(row.cells[2]) for row in sets) == pytest.approx(100, abs=0.5)
    assert sum(float(row.cells[3]) for row in sets) == pytest.approx(100, abs=0.5)
    assert "60 bootstrap samples" in table.notes[0]
    said = str(cb.finding(stability))
    assert said.startswith(f"Of {found.usable} resamples, {decimal(100 * found.same, 0)} % select ")
    plot = cb.plot_stability(stability)
    for term in found.candidates:
        assert stability.model.names[term] in plot.alt


def test_performance_table_shows_apparent_and_corrected(performance):
    table = cb.table_of(performance)
    part = performance.parts[0]
    rows = {row.cells[0]: row.cells[1:] for row in table.rows}
    area = next(cells for name, cells in rows.items() if name.startswith("c-statistic (95% interval)"))
    assert area[0].startswith(decimal(part.concordance.estimate, 3))
    assert area[1] == decimal(part.optimism.of("c_statistic"), 3)
    assert rows["Calibration slope"][:2] == ("1.00", decimal(part.optimism.of("slope"), 2))
    assert len(table.head) == 1 + 2 * len(performance.parts)
    assert decimal(part.optimism.of("c_statistic"), 2) in str(cb.finding(performance))
    plot = cb.plot_calibration(performance)
    assert "observed" in plot.alt
    assert len(plot.figure.axes) == len(performance.parts)


def test_events_are_counted_for_every_estimate_that_was_tried(performance):
    table = cb.table_of(performance)
    tried = next(row.cells for row in table.rows if row.cells[0] == "Events for each estimate tried")
    assert len({cell for cell in tried[1:] if cell}) == 1


def test_rows_count_patients_and_carry_the_estimates(model):
    found = cb.model_rows(model)
    cells = model.tally.frame
    for row in found.rows:
        if not row.level:
            group = cells[cells["limp"].eq(True) & cells[row.term].notna()]
            assert row.with_it[0] == pytest.approx((group[row.term] * group["n"]).sum() / group["n"].sum())
            continue
        level = row.level == "yes" if row.level in ("yes", "no") else row.level
        has = cells[row.term].eq(level).fillna(False)
        assert row.with_it == (cells.loc[has & cells["limp"].eq(True), "n"].sum(),)
        assert row.without == (cells.loc[has & cells["limp"].eq(False), "n"].sum(),)
        if not row.reference:
            column = row.term if row.level == "yes" else f"{row.term}: {row.level}"
            ratio = model.full.frame.set_index("term").loc[column]
            assert (row.multivariable.estimate, row.multivariable.conf_low, row.multivariable.p_value) == (
                ratio["odds_ratio"],
                ratio["odds_ratio_low"],
                ratio["p_value"],
            )
    assert [row.level for row in found.rows if row.reference] == ["cemented", "no"]
    assert len(found.frame) == 3 * len(found.rows)


def test_table_and_forest_stand_on_the_same_lines(model):
    found = cb.model_rows(model)
    table, plot = cb.table_of(found), cb.plot_model(found)
    assert [row.cells[0] for row in table.rows] == [name for name, _ in names_of(found)]
    assert [row.kind == "heading" for row in table.rows] == [line is None for line in lines_of(found)]
    left = [text.get_text().replace("\n", " ") for text in plot.figure.axes[0].texts][1:]
    assert left == [row.cells[0] for row in table.rows]
    # Every line has its place: no two texts at one height, all in the order of the table.
    heights = [text.get_position()[1] for text in plot.figure.axes[0].texts][1:]
    assert heights == sorted(set(heights))
    assert table.rows[0].cells[0] == "Body weight, kg"


def test_infinite_estimates_are_said_and_drawn(separated):
    found = cb.model_rows(separated)
    yes = found.rows[-1]
    assert (yes.multivariable.infinite, yes.univariable.infinite) == (1, 1)
    assert cb.table_of(found).rows[-1].cells[3:5] == ("∞, no finite estimate",) * 2
    plot = cb.plot_model(found)
    assert "∞, no finite estimate" in plot.alt
    assert "the estimate runs away" in plot.caption
    assert str(cb.finding(found)).startswith("1 estimate from 6 events; 1 odds ratio without a finite maximum")


def test_profile_intervals_keep_the_end_that_exists(tmp_path):
    change = ("candidates: [ill]}", "candidates: [ill], intervals: profile}")
    model = cb.study_model(load(tmp_path, change, rows=fourfold(6, 4, 0, 9)))
    found = cb.model_rows(model)
    ratio = found.rows[-1].multivariable
    assert ratio.infinite == 1
    assert 1 < ratio.conf_low < math.inf == ratio.conf_high
    assert cb.table_of(found).rows[-1].cells[4].startswith("∞, no finite estimate (")
    assert "profile interval, Wald's P" in cb.table_of(found).notes[0]
    assert "no finite estimate (" in cb.plot_model(found).alt


def test_odds_ratios_in_words():
    assert ratio_in_words(None) == "–"
    assert ratio_in_words(OddsRatio(infinite=-1)) == "0, no finite estimate"
    ratio = OddsRatio(estimate=2, conf_low=1, conf_high=4, p_value=0.03)
    assert ratio_in_words(ratio) == "2.00 (1.00 to 4.00; 0.03)"
    assert ratio_in_words(ratio, p=False) == "2.00 (1.00 to 4.00)"


def test_verdict_names_what_forbids_the_model(separated):
    said = str(
        cb.verdict_finding(
            separated, cb.model_stability(separated, resamples=20), cb.model_performance(separated, resamples=20)
        )
    )
    assert said.startswith("> **These data cannot carry this model.**")
    assert "Quasi-complete separation (Ill = no: 0 of 9 with failed)" in said
    assert "6 events for 1 estimate, 6.0 for each: the rule of ten asks for 10 events; a rule of thumb" in said


def test_verdict_without_reasons(tmp_path):
    model = cb.study_model(load(tmp_path, rows=fourfold(90, 60, 50, 150)))
    checks = cb.model_stability(model, resamples=30), cb.model_performance(model, resamples=30)
    assert str(cb.verdict_finding(model, *checks)).startswith("> **Nothing here speaks against reading the model**")


def test_verdict_counts_the_rarer_side(tmp_path):
    model = cb.study_model(load(tmp_path, rows=fourfold(50, 2, 40, 6)))
    said = str(cb.verdict_finding(model, *unchecked(model)))
    assert "8 patients without the outcome for 1 estimate, 8.0 for each" in said


def test_predictor_known_too_late_is_named(tmp_path):
    cohort = cb.load_cohort(
        write_hips(
            tmp_path,
            ("kind: count, range: [0, 10], measured: before", "kind: count, range: [0, 10], measured: after"),
            ("[weight, stem, diabetic]", "[weight, pain]"),
        )
    )
    model = cb.study_model(cohort)
    said = str(cb.verdict_finding(model, *unchecked(model)))
    assert "Pain score is known only after the operation: no predictor." in said
    assert "Pain score †" in [row.cells[0] for row in cb.table_of(cb.model_rows(model)).rows]


def test_what_is_not_there_is_passed_on(tmp_path, model):
    absent = cb.study_model(cb.load_cohort(write_hips(tmp_path, ("[weight, stem, diabetic]\n", "[]\n  candidate_p: 1.0e-9\n"))))
    for passed in (cb.model_stability(absent), cb.model_performance(absent), cb.model_rows(absent)):
        assert passed is absent
    for plot in (cb.plot_stability, cb.plot_calibration, cb.plot_model):
        assert plot(absent) is absent
    assert str(cb.verdict_finding(absent, absent, absent)) == absent.reason
    assert cb.model_stability(model, resamples=0).reason == "No resamples were asked for."
    assert cb.model_performance(model, resamples=0).reason == "No resamples were asked for."


def test_entering_all_has_no_stability(tmp_path):
    cohort = cb.load_cohort(write_hips(tmp_path, ("removal: 0.25\n", "removal: 0.25\n  method: enter\n")))
    model = cb.study_model(cohort)
    assert cb.model_stability(model).reason == "The plan enters all candidates at once: no selection can be unstable."
    assert [part.name for part in cb.model_performance(model, resamples=5).parts] == ["All candidates"]


def test_constant_candidate_stays_in_the_table_and_out_of_the_model(tmp_path):
    rows = [{**row, "diabetic": "0"} for row in hips()]
    model = cb.study_model(cb.load_cohort(write_hips(tmp_path, rows=rows)))
    found = cb.model_rows(model)
    assert "Diabetes" in [row.cells[0] for row in cb.table_of(found).rows]
    assert [row.level for row in found.rows if row.term == "diabetic"] == ["no"]
    assert cb.plot_model(found)
    said = str(cb.verdict_finding(model, *unchecked(model)))
    assert "Diabetes is left out: every patient has the same value." in said


def test_methods_and_results_tell_what_was_run(tmp_path, model, stability, performance):
    cohort = cb.load_cohort(write_hips(tmp_path))
    said = str(cb.methods_text(cohort, model, stability, performance))
    assert "repeated in 60 bootstrap samples, and without each hip in turn" in said
    assert "corrected for optimism by 40 bootstrap samples" in said
    assert "c-statistic" in str(cb.results_text(cohort, model, stability, performance))


def test_what_may_be_small_is_withheld(model, stability):
    hidden = replace(model, tally=None)
    for found in (cb.model_stability(hidden), cb.model_performance(hidden), cb.model_rows(hidden)):
        assert "Not shown, to protect patients" in found.reason
        assert found.hidden


def test_no_selection_in_a_resample_is_nan_not_an_error(tmp_path):
    model = cb.study_model(load(tmp_path, rows=fourfold(1, 0, 0, 1)))
    found = cb.model_stability(model, resamples=4)
    assert found.stability.n == 2
    assert found.stability.left_out_unusable == 2
    if not found.stability.usable:
        assert math.isnan(found.stability.same)
    assert cb.table_of(found).rows
    assert cb.table_of(cb.model_performance(model, resamples=4)).rows
    assert select_terms(model.tally, outcome="failed", candidates=["ill"]).n == 2
