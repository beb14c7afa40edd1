"""seen_at_visits.py against R, by hand, at its edges, and beside the curve of the day of detection."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.stats import binomtest

from survival_comparisons import comparisons
from tallystats.survival.current_status import current_status
from tallystats.survival.curves import kaplan_meier
from tallystats.survival.seen_at_visits import seen_at_visits
from tallystats.survival.turnbull import turnbull
from tallystats.tally import Tally
from visit_comparisons import visit_rows

DEATH = {"time": "days", "death": "died"}


def rows(patients):
    """Return patients from (ct, failed, days, died)."""
    frame = pd.DataFrame(patients, columns=["ct", "failed", "days", "died"])
    return frame.astype({"ct": float, "days": float, "failed": "boolean", "died": "boolean"})


def fit(patients, **options):
    tally = Tally.from_rows(rows(patients))
    return seen_at_visits(current_status(tally, time="ct", event="failed"), tally, **DEATH, **options)


@pytest.mark.parametrize("comparison", comparisons("visits"), ids=str)
def test_incidence_equals_r(comparison):
    assert comparison.difference() < comparison.tolerance


PATIENTS = [(1, 0, 1.5, 1), (2, 1, 5, 0), (3, 0, 6, 1), (4, 1, 7, 0)]


def test_incidence_by_hand():
    # Half fail in (1, 2], half in (3, 4]; a quarter die at 1.5, half of the last two at 6.
    read = fit(PATIENTS).at([1, 1.8, 2, 3.5, 4, 6, 8])
    assert_allclose(read["at_least"], [0, 0, 0.375, 0.375, 0.75, 0.75, 0.75])
    assert_allclose(read["at_most"], [0, 0.5, 0.5, 0.875, 0.875, 0.875, 0.875])
    assert_allclose(read["alive"], [1, 0.75, 0.75, 0.75, 0.75, 0.375, np.nan])


def test_without_deaths_it_is_the_share_of_the_living():
    patients = [(ct, failed, days, 0) for ct, failed, days, _ in PATIENTS]
    found = fit(patients)
    columns = ["at_least", "at_most", "conf_high"]
    assert_allclose(found.at([2, 3.5, 4])[columns], found.among_living.at([2, 3.5, 4])[columns])


def test_delayed_entry_goes_to_death():
    late = fit([(ct, failed, days + 2, died) for ct, failed, days, died in PATIENTS], entry=3.0)
    curve = kaplan_meier(
        Tally.from_rows(rows(PATIENTS).assign(days=lambda f: f["days"] + 2)), time="days", event="died", entry=3.0
    )
    assert_allclose(late.at([4])["alive"], curve.at([4])["estimate"])
    assert_allclose(late.at([2])[["at_least", "at_most"]], [[0.5, 0.5]])


def test_limits_by_hand():
    rng = np.random.default_rng(4)
    ct = rng.uniform(0, 100, 60)
    failed, died = rng.random(60) < ct / 200, rng.random(60) < 0.7
    found = fit(list(zip(ct, failed, ct + rng.exponential(80, 60), died, strict=True)), confidence_level=0.9)
    read = found.at([50]).iloc[0]
    # Half of the tail of 5 % to each lower limit, the whole of it to the upper.
    assert_allclose(found.wider.confidence_level, 0.95)
    living = found.among_living
    low = living.limits([50], 0.95)[0][0] * found.wider.at([50])["conf_low"][0]
    assert 0 < low < read["at_least"]
    assert_allclose(read["conf_low"], low)
    assert_allclose(read["conf_high"], living.limits([50], 0.9)[1][0])


def test_limit_of_survival_while_nobody_has_died():
    patients = [(k, 1, 50, 0) for k in range(1, 21)] + [(k, 0, 60, 1) for k in range(1, 21)]
    read = fit(patients).at([20]).iloc[0]
    near = [failed for ct, failed, *_ in patients if ct > 14]
    living = binomtest(sum(near), len(near), alternative="greater").proportion_ci(1 - 0.0125).low
    assert_allclose(read["conf_low"], living * binomtest(40, 40, alternative="greater").proportion_ci(1 - 0.0125).low)


def test_between_visits_it_takes_turnbulls_estimate():
    frame = rows(PATIENTS).assign(left=[1.0, 1, 3, 3], right=[np.inf, 2, np.inf, 4])
    tally = Tally.from_rows(frame)
    found = seen_at_visits(turnbull(tally, left="left", right="right"), tally, **DEATH)
    living = found.among_living.at([2, 4])["estimate"].to_numpy()
    assert_allclose(found.at([2, 4])["at_least"], [living[0] * 0.75, living[1] * 0.75])
    assert found.method == "Turnbull of visits, Kaplan-Meier of death, limits of both"


@pytest.mark.parametrize("failed", [0, 1])
def test_nobody_or_everybody_fails(failed):
    read = fit([(ct, failed, days, died) for ct, _, days, died in PATIENTS]).at([0.5, 4])
    assert_allclose(read["at_least"], [0, failed])
    assert_allclose(read["at_most"], [failed, failed])
    assert (read["conf_low"] <= read["conf_high"]).all()


@pytest.mark.filterwarnings("ignore::tallystats.results.UndefinedWarning")
def test_nobody_complete_is_undefined():
    found = fit([(None, 1, 5, 0)])
    assert found.at([1])[["estimate", "conf_low"]].isna().all(axis=None)
    assert len(found.frame) == 0


def test_provenance_and_frame():
    tally = Tally.from_rows(visit_rows("with_death"), provenance="assumed")
    living = current_status(Tally(tally.frame), time="time", event="event")
    found = seen_at_visits(living, tally, **DEATH)
    assert found.provenance == "assumed"
    frame = found.frame
    assert {"term", "time", "estimate", "conf_low", "conf_high", "n", "method"} <= set(frame)
    assert (frame["at_least"] <= frame["at_most"]).all()


def test_deaths_leave_less_incidence():
    patients = visit_rows("with_death")
    living = current_status(Tally.from_rows(patients), time="time", event="event")
    some = seen_at_visits(living, Tally.from_rows(patients), **DEATH).at(living.times)
    nobody = Tally.from_rows(patients.assign(died=pd.array([False] * len(patients), dtype="boolean")))
    none = seen_at_visits(living, nobody, **DEATH).at(living.times)
    assert (some["at_least"] <= none["at_least"] + 1e-12).all()
    assert some["at_least"].iloc[-1] < none["at_least"].iloc[-1]


def test_wrong_level_is_refused():
    with pytest.raises(ValueError, match="confidence_level: 2; expected a number between 0 and 1"):
        fit(PATIENTS, confidence_level=2)
