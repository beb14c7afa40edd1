"""Where methods keep their level: the file, its page, the footnotes, and a few of its numbers by other means."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import cohortbook as cb
from cohortbook.display.level_methods import methods_told
from cohortbook.display.level_notes import calibration_page, calibration_table, level_notes
from cohortbook.display.levels import level_sentences
from tallystats.results import HIDDEN
from tallystats.statistics import compare, compare_several
from tallystats.statistics.calibration import MOST_EVENTS, PATIENTS, Calibration, calibration_of, calibrations
from tallystats.tally import Tally

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("calibration", ROOT / "benchmarks/calibration.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_page_is_that_of_the_file():
    assert (ROOT / "docs/calibration.md").read_text(encoding="utf-8") == calibration_page()


@pytest.mark.parametrize("events", [3, 5, 10, 20])
def test_clopper_and_pearson_s_coverage_by_scipy(events):
    covered = 0.0
    for k in range(PATIENTS + 1):
        found = stats.binomtest(k, PATIENTS).proportion_ci(0.95, method="exact")
        covered += (found.low <= events / PATIENTS <= found.high) * stats.binom.pmf(k, PATIENTS, events / PATIENTS)
    assert calibration_of("clopper-pearson", events).share == pytest.approx(covered, abs=5e-5)


@pytest.mark.parametrize("events", [3, 20])
def test_fisher_s_rejections_by_scipy(script, events):
    rejected = defined = 0.0
    p, others = events / PATIENTS, PATIENTS - script.EXPOSED
    for a in range(script.EXPOSED + 1):
        for b in range(others + 1):
            chance = stats.binom.pmf(a, script.EXPOSED, p) * stats.binom.pmf(b, others, p)
            if chance > script.NEGLIGIBLE and 0 < a + b < PATIENTS:
                defined += chance
                p_value = stats.fisher_exact([[a, script.EXPOSED - a], [b, others - b]])[1]
                rejected += chance * (p_value < 0.05)
    assert calibration_of("Fisher's exact", events).share == pytest.approx(rejected / defined, abs=1e-4)


@pytest.mark.slow
def test_the_script_gives_the_file_s_numbers_again(script):
    first = [script.of_times(10, 1), script.of_models(5, 1), script.of_imputed(20, 0)]
    assert first == [script.of_times(10, 1), script.of_models(5, 1), script.of_imputed(20, 0)]
    first += [script.of_times(10, seed) for seed in (0, 2)]
    first += [script.of_table((3, 5)), script.of_numbers(5, 1), script.of_models(20, 2)]
    first += [script.of_imputed(3, 0), script.of_grades((2, 3, 5))]
    known = {(c.kind, c.what, c.method) for c in calibrations()}
    assert {key for marks in first for key in marks} == known - {(c.kind, c.what, c.method) for c in rates()}


def rates():
    return [c for c in calibrations() if c.what in ("proportion", "rate of an event in time")]


def test_rates_are_those_of_the_script(script):
    again = {(row["method"], row["events"]): float(row["share"]) for row in script.over_rates()}
    assert again == {(c.method, c.events): c.share for c in rates()}


@pytest.mark.parametrize("events", [3, 20])
def test_pearson_s_rejections_of_three_levels_by_its_formula(script, events):
    n = script.GRADE
    had = np.indices((n + 1,) * 3).reshape(3, -1)
    chance = stats.binom.pmf(had, n, events / PATIENTS).prod(axis=0)
    total = had.sum(axis=0)
    known = (chance > script.NEGLIGIBLE) & (total > 0)
    p = total[known] / PATIENTS
    statistic = ((had[:, known] - n * p) ** 2).sum(axis=0) / (n * p * (1 - p))
    rejected = chance[known] @ (stats.chi2.sf(statistic, 2) < 0.05) / chance[known].sum()
    (found,) = [
        c
        for c in calibrations()
        if (c.what, c.method, c.events) == ("association with three levels", "Pearson chi-square", events)
    ]
    assert found.share == pytest.approx(rejected, abs=1e-4)


@pytest.mark.parametrize("events", [5, 20])
def test_score_and_ratio_tests_of_one_binary_variable_are_those_of_its_table(events):
    found = {(c.method, c.events): c.share for c in calibrations() if "one of" not in c.what and "three" not in c.what}
    for model, table in (("score", "Pearson chi-square"), ("likelihood-ratio", "Likelihood ratio chi-square")):
        assert found[f"maximum likelihood, {model} test", events] == pytest.approx(found[table, events], abs=2e-4)


def known_methods():
    return {(c.kind, c.method) for c in calibrations()}


@pytest.mark.parametrize(("tests", "groups"), [(compare, 2), (compare_several, 3)])
def test_every_test_that_a_study_can_plan_between_groups_is_calibrated(tests, groups):
    rows = pd.DataFrame(
        {
            "by": pd.Categorical(np.arange(24) % groups, ordered=True),
            "x": np.arange(24) * 7 % 10 * 1.0,
            "y": pd.array(np.arange(24) % 5 < 2, dtype="boolean"),
        }
    )
    tally, known = Tally.from_rows(rows), known_methods()
    numeric, binary = tests.SUITED["continuous"], tests.SUITED["binary"]
    for names, variable in ((numeric, "x"), (binary, "y")):
        for name in names:
            assert ("test", tests.TESTS[name](tally, variable, "by").method) in known, name


@pytest.fixture(scope="module")
def results():
    patients = cb.load_cohort("spinal-metastases")
    model = cb.study_model(patients)
    return (
        cb.outcome_rate(patients),
        cb.compare_groups(patients),
        model,
        cb.model_performance(model, resamples=5),
        cb.study_survival(patients),
        cb.study_competing(patients),
        cb.study_cox(patients),
        cb.study_competing_models(patients),
    )


def test_every_method_that_a_report_tells_is_calibrated(results):
    for result in results:
        told = list(methods_told(result))
        assert told, type(result)
        for _, used in told:
            for kind, method in used:
                assert calibration_of(method, 10, kind=kind), (kind, method)


def test_a_manuscript_names_what_misses_its_level_and_passes_over_what_is_assumed(results):
    (said,) = level_sentences(results[0])
    assert said == "In simulations of 72 patients with 3 events expected, the 95 % interval of Clopper and Pearson is too wide."
    survival = next(result for result in results if getattr(result, "overall", None) and hasattr(result, "strata"))
    assert survival.provenance == "assumed"
    assert not list(level_sentences(survival))
    (both,) = level_sentences(*results[:3])
    assert "Clopper and Pearson" in both
    assert "Fisher's exact test" in both
    assert both.count("too wide") == 1


@pytest.mark.parametrize(
    ("method", "known"),
    [
        ("log-rank, stratified by sex, age group", "log-rank, stratified"),
        ("log-rank, trend by scores 0, 1, 2", "log-rank, trend"),
        ("Fleming-Harrington (rho 0; gamma 1)", "Fleming-Harrington"),
    ],
)
def test_what_varies_in_a_method_s_name_does_not_hide_it(method, known):
    assert calibration_of(method, 5).method == known


def test_times_have_the_events_that_are_asked(script):
    rows = [script.drawn_times(10, seed)[0] for seed in range(200)]
    mean = sum(int(one["event"].sum()) for one in rows) / len(rows)
    assert abs(mean - 10) < 4 * math.sqrt(10 / len(rows))


@pytest.mark.parametrize(
    ("mark", "expected"),
    [((0.0, 1.0, 0.5), True), ((0.6, 1.0, 0.5), False), ((math.nan, math.nan, 1), None), ((-math.inf, 2.0, 0), True)],
)
def test_coverage(script, mark, expected):
    assert script.covers(*mark) is expected


def test_nothing_is_said_of_other_methods_other_numbers_and_hidden_ones():
    for events in (0, MOST_EVENTS + 1, 400, math.nan, HIDDEN):
        assert list(level_notes([("test", "Fisher's exact")], events)) == []
    assert list(level_notes([("test", "a test that nobody tried")], 3)) == []
    assert list(level_notes([("interval", "Fisher's exact")], 3)) == []


def test_a_method_that_misses_its_level_is_told_once():
    (note,) = level_notes([("test", "Fisher's exact"), ("interval", "clopper-pearson"), ("test", "Fisher's exact")], 3)
    fisher, clopper = calibration_of("Fisher's exact", 3), calibration_of("clopper-pearson", 3)
    assert note == (
        "Simulated with 3 events expected in 72 patients (docs/calibration.md): the 95 % interval of Clopper and Pearson is "
        f"too wide, holding the truth in {100 * clopper.share:.1f} % of samples; Fisher's exact test rejects a true null "
        f"hypothesis too seldom, in {100 * fisher.share:.1f} % of samples, not 5 %."
    )


def test_methods_that_err_alike_share_a_clause():
    (note,) = level_notes([("interval", "Woolf"), ("interval", "conditional exact"), ("interval", "clopper-pearson")], 3)
    assert "the 95 % intervals of Woolf, exact conditional odds ratios and Clopper and Pearson are too wide" in note
    assert "holding the truth in 99.0 to 100.0 % of samples with a result." in note


def test_of_several_truths_the_one_furthest_from_the_level_is_told():
    (note,) = level_notes([("test", "Welch's t")], 3)
    assert "Welch's t test with skewed numbers rejects a true null hypothesis too often, in 2" in note


@pytest.mark.parametrize(
    ("kind", "share", "std_error", "kept"),
    [
        ("interval", 0.95, 0, True),
        ("interval", 0.92, 0, False),
        ("interval", 0.92, 0.006, True),
        ("interval", 0.98, 0, False),
        ("test", 0.05, 0, True),
        ("test", 0.08, 0, False),
        ("test", 0.01, 0, False),
    ],
)
def test_a_level_is_kept_within_limits_and_the_draws_error(kind, share, std_error, kept):
    one = Calibration(kind=kind, what="", method="", events=3, share=share, std_error=std_error, undefined=0, draws=0)
    assert one.kept is kept


def test_the_table_holds_every_row_and_marks_those_off():
    table = calibration_table()
    shown = [cell for row in table.rows if row.kind == "level" for cell in row.cells[1:]]
    assert len(table.frame) == len(calibrations())
    assert sum("‡" in cell for cell in shown) == sum(not c.kept for c in calibrations() if c.share == c.share)
