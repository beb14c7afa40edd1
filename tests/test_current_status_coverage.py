"""benchmarks/current_status_coverage.py: its cohorts are what it says, and its figures are those that the README tells."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

ROOT = Path(__file__).parents[1]
SCRIPT = runpy.run_path(str(ROOT / "benchmarks" / "current_status_coverage.py"))


@pytest.fixture(scope="module")
def coverage():
    """Return the coverage of each method in the committed figures."""
    found = {}
    text = (ROOT / "benchmarks" / "current_status_coverage.txt").read_text(encoding="utf-8").partition("More patients")[0]
    for line in text.splitlines():
        if row := re.match(r" +(\d+) +(\d+) +[\d.]+  (\D+?) +([\d.]+) +([\d.]+) +([\d.]+)", line):
            found.setdefault(row[3], []).append(float(row[4]))
    assert {len(values) for values in found.values()} == {9}, "three landmarks for each of three numbers of events"
    return found


def test_intervals_here_hold_their_level_and_others_do_not(coverage):
    assert set(coverage) == set(SCRIPT["METHODS"])
    for name in ("valid", "with death", "between visits"):
        assert min(coverage[name]) >= 95, name
    for name in ("bootstrap", "detection", "likelihood ratio"):
        assert min(coverage[name]) < 90, name


def test_readme_tells_these_figures(coverage):
    told = (ROOT / "README.md").read_text(encoding="utf-8").replace("\n", " ")
    here = min(min(coverage[name]) for name in ("valid", "with death", "between visits"))
    least, most = ([f(coverage[name]) for name in ("bootstrap", "detection")] for f in (min, max))
    assert f"hold the truth in at least {here:g} % of them" in told
    assert f"the bootstrap's in {least[0]:g} to {most[0]:g} %" in told
    assert f"of the day of detection in {least[1]:g} to {most[1]:g} %" in told


def test_cohorts_are_what_they_are_said_to_be():
    hazard = SCRIPT["hazard_for"](8)
    rows = SCRIPT["draw"](np.random.default_rng(3), hazard, size=20_000)
    assert (rows["ct"] < rows["days"]).all()
    assert rows["days"].min() > SCRIPT["ENTRY"]
    assert_allclose(rows["failed"].mean() * SCRIPT["PATIENTS"], 8, rtol=0.05)
    # The truth, by patients whose death and event are both known.
    rng, (living, incidence) = np.random.default_rng(4), SCRIPT["truths"](hazard)
    event, death = rng.exponential(1 / hazard, 10**6), SCRIPT["ENTRY"] + rng.exponential(1 / SCRIPT["DEATH"], 10**6)
    for k, day in enumerate(SCRIPT["LANDMARKS"]):
        assert_allclose((event <= day)[death > day].mean(), living[k], rtol=0.02)
        assert_allclose(((event <= day) & (event < death)).mean(), incidence[k], rtol=0.02)


def test_ratio_of_likelihoods_is_0_at_the_estimate_and_grows_away_from_it():
    rows = SCRIPT["draw"](np.random.default_rng(5), SCRIPT["hazard_for"](20))
    estimate = SCRIPT["estimates"](rows)[1]
    ratio = SCRIPT["likelihood_ratio"]
    assert_allclose(ratio(rows, 365, estimate), 0, atol=1e-9)
    assert 0 < ratio(rows, 365, estimate + 0.05) < ratio(rows, 365, estimate + 0.2)


def test_simulation_counts_what_is_missed():
    found = SCRIPT["simulate"](8, cohorts=2, resamples=20, seed=1)
    assert set(found) == set(SCRIPT["METHODS"])
    assert all(((values[:2] >= 0) & (values[:2] <= 1)).all() for values in found.values())
