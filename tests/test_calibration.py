"""Where methods keep their level: the file, its page, the footnotes, and a few of its numbers by other means."""

import importlib.util
import math
from pathlib import Path

import pytest
from scipy import stats

from cohortbook.results import HIDDEN
from cohortbook.statistics.calibration import MOST_EVENTS, PATIENTS, Calibration, calibration_of, calibrations
from cohortbook.tables.level_notes import calibration_page, calibration_table, level_notes

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


def test_the_script_gives_the_file_s_numbers_again(script):
    seeds = range(5)
    first = [script.of_times(10, seed) for seed in seeds]
    assert first == [script.of_times(10, seed) for seed in seeds]
    known = {(c.kind, c.what, c.method) for c in calibrations()}
    assert {key for marks in first for key in marks} <= known
    assert set(script.of_table((3, 5))) | set(script.of_numbers(5, 1)) <= known


def test_times_have_the_events_that_are_asked(script):
    rows = [script.drawn_times(10, seed)[0] for seed in range(200)]
    mean = sum(int(one["event"].sum()) for one in rows) / len(rows)
    assert abs(mean - 10) < 4 * math.sqrt(10 / len(rows))


@pytest.mark.parametrize(("mark", "expected"), [((0.0, 1.0, 0.5), True), ((0.6, 1.0, 0.5), False),
                                                ((math.nan, math.nan, 1), None), ((-math.inf, 2.0, 0), True)])  # fmt: skip
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
        f"With 3 events expected in 72 patients, Fisher's exact rejects a true null hypothesis in {100 * fisher.share:.1f} % "
        f"of samples, not in 5 %; the 95 % interval of Clopper-Pearson holds the truth in {100 * clopper.share:.1f} % "
        "(docs/calibration.md)."
    )


def test_of_several_truths_the_one_furthest_from_the_level_is_told():
    (note,) = level_notes([("test", "Welch's t")], 3)
    assert "Welch's t (skewed numbers in two groups) rejects a true null hypothesis in 2" in note


@pytest.mark.parametrize(("kind", "share", "std_error", "kept"), [
    ("interval", 0.95, 0, True), ("interval", 0.92, 0, False), ("interval", 0.92, 0.006, True),
    ("interval", 0.98, 0, False), ("test", 0.05, 0, True), ("test", 0.08, 0, False), ("test", 0.01, 0, False),
])  # fmt: skip
def test_a_level_is_kept_within_limits_and_the_draws_error(kind, share, std_error, kept):
    one = Calibration(kind=kind, what="", method="", events=3, share=share, std_error=std_error, undefined=0, draws=0)
    assert one.kept is kept


def test_the_table_holds_every_row_and_marks_those_off():
    table = calibration_table()
    shown = [cell for row in table.rows if row.kind == "level" for cell in row.cells[1:]]
    assert len(table.frame) == len(calibrations())
    assert sum("‡" in cell for cell in shown) == sum(not c.kept for c in calibrations() if c.share == c.share)
