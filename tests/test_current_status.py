"""current_status.py against R, at its edges, and against what must hold of any examinations; seen_at_visits.py with it."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from survival_comparisons import comparisons
from tallystats.results import UndefinedWarning
from tallystats.survival.current_status import current_status, current_status_causes
from tallystats.survival.turnbull import turnbull
from tallystats.tally import Tally

LEVELS = ["none", "loose", "broken"]


def rows(patients):
    """Return patients from pairs of time and code: 0 none, 1 loose, 2 broken, None missing."""
    times, codes = zip(*patients, strict=True) if patients else ((), ())
    cause = pd.Categorical.from_codes([-1 if code is None else code for code in codes], LEVELS)
    event = pd.array([None if code is None else code > 0 for code in codes], dtype="boolean")
    return pd.DataFrame({"time": pd.Series(times, dtype=float), "event": event, "cause": cause})


def one(patients, **options):
    return current_status(Tally.from_rows(rows(patients)), time="time", event="event", **options)


def causes(patients, **options):
    return current_status_causes(Tally.from_rows(rows(patients)), time="time", cause="cause", **options)


@pytest.mark.parametrize("comparison", comparisons("current_status"), ids=str)
def test_estimate_and_interval_equal_r(comparison):
    assert comparison.difference() < comparison.tolerance


EDGES = {
    "nobody has it": ([(2, 0), (5, 0)], [0, 0], [(5, math.inf, 1.0)]),
    "all have it": ([(2, 1), (5, 1)], [1, 1], [(0, 2, 1.0)]),
    "all at one time": ([(3, 1), (3, 0), (3, 0), (3, 1)], [0.5], [(0, 3, 0.5), (3, math.inf, 0.5)]),
    "one patient with it": ([(4, 1)], [1], [(0, 4, 1.0)]),
    "one patient without": ([(4, 0)], [0], [(4, math.inf, 1.0)]),
    "examined at once": ([(0, 1), (0, 0)], [0.5], [(0, 0, 0.5), (0, math.inf, 0.5)]),
    "first with, last without": ([(1, 1), (9, 0)], [0.5, 0.5], [(0, 1, 0.5), (9, math.inf, 0.5)]),
}


@pytest.mark.parametrize(("patients", "estimate", "masses"), EDGES.values(), ids=EDGES)
def test_edges_by_hand(patients, estimate, masses):
    found = one(patients)
    assert_allclose(found.estimate, estimate)
    assert list(zip(found.masses.left, found.masses.right, found.masses.mass, strict=True)) == masses
    assert (found.gap, found.unique) == (0, True)
    assert_allclose(causes(patients)["loose"].estimate, estimate, atol=1e-9)


def test_nobody_complete_is_undefined():
    with pytest.warns(UndefinedWarning, match="current status of event: no patient has a time and a status"):
        found = one([(None, 1), (2, None)])
    assert (found.n, found.n_missing, len(found.frame)) == (0, 2, 0)
    assert math.isnan(found.gap)
    assert found.at([1])[["estimate", "conf_high"]].isna().all(axis=None)
    with pytest.warns(UndefinedWarning, match="current status of loose, broken"):
        assert causes([(2, None)])["broken"].reason


def test_patterns_of_nobody_count_for_nothing():
    frame = rows([(1, 0), (2, 1), (3, 0)]).assign(n=[2, 0, 1])
    found = current_status(Tally(frame), time="time", event="event")
    assert (found.times.tolist(), found.estimate.tolist(), found.n) == ([1, 3], [0, 0], 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"time": "ct"}, "time: 'ct' is not in the tally; expected one of time, event, cause"),
        ({"event": "cause"}, "event: 'cause' is of type category; expected boolean"),
        ({"neighbours": 0}, "neighbours: 0; expected 1 or more"),
        ({"confidence_level": 1}, "confidence_level: 1; expected a number between 0 and 1"),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        current_status(Tally.from_rows(rows([(1, 0)])), **{"time": "time", "event": "event", **options})


def test_negative_times_are_refused():
    with pytest.raises(ValueError, match="time: 1 of 2 patients have a negative or infinite 'time'; expected 0 or more"):
        one([(-1, 0), (2, 1)])


def test_causes_need_levels():
    with pytest.raises(ValueError, match="cause: 'event' is of type boolean; expected a categorical"):
        current_status_causes(Tally.from_rows(rows([(1, 0)])), time="time", cause="event")


def test_between_examinations_nothing_is_known():
    read = one([(2, 0), (4, 1), (6, 1), (8, 0)]).at([1, 2, 3, 4, 7, 8, 9])
    assert_allclose(read["at_least"], [0, 0, 0, 2 / 3, 2 / 3, 2 / 3, 2 / 3])
    assert_allclose(read["at_most"], [0, 0, 2 / 3, 2 / 3, 2 / 3, 2 / 3, 1])
    assert read["n_examined"].tolist() == [0, 1, 1, 2, 3, 4, 4]
    assert read["n_events"].tolist() == [0, 0, 0, 1, 2, 2, 2]


def test_limits_by_hand():
    from scipy.stats import binomtest

    patients = [(1, 0), (2, 0), (2, 1), (3, 0), (5, 1), (6, 0), (7, 1), (7, 1), (9, 1)]
    read = one(patients, neighbours=3, confidence_level=0.9).at([4, 0, 10])
    # Up to 4 the last three are those at 3 and both at 2; after it, those at 5, at 6 and, as both came at 7, four.
    assert_allclose(read["conf_low"][0], binomtest(1, 3, alternative="greater").proportion_ci(0.95).low)
    assert_allclose(read["conf_high"][0], binomtest(3, 4, alternative="less").proportion_ci(0.95).high)
    assert_allclose(read["conf_low"][1:], [0, binomtest(3, 3, alternative="greater").proportion_ci(0.95).low])
    assert read["conf_high"][2] == 1


def test_limits_rest_on_as_many_as_kim_fay_and_proschan_take():
    assert [one([(k, 0) for k in range(n)]).neighbours for n in (1, 8, 27, 72, 1000)] == [1, 4, 9, 18, 100]


def test_two_causes_by_hand():
    found = causes([(1, 0), (2, 1), (3, 2), (4, 1)])
    # Likelihood loose(2) broken(3) loose(4): two thirds and one.
    assert_allclose(found["loose"].estimate, [0, 2 / 3, 2 / 3, 2 / 3], atol=1e-9)
    assert_allclose(found["broken"].estimate, [0, 0, 1 / 3, 1 / 3], atol=1e-9)
    assert_allclose(found["loose"].log_likelihood, 2 * math.log(2 / 3) + math.log(1 / 3))
    assert found["loose"].naive.tolist() == [0, 0.5, 0.5, 1]
    assert found["broken"].masses.left.tolist() == [1]


def test_what_comes_after_the_last_examination_may_be_of_any_cause():
    found = causes([(1, 1), (2, 2), (3, 0)])
    for cause in ("loose", "broken"):
        assert_allclose(found[cause].at([9])[["at_least", "at_most"]], [[1 / 3, 2 / 3]], atol=1e-9)


def test_frame_is_tidy():
    frame = one([(1, 0), (2, 1)]).frame
    assert {"term", "time", "estimate", "naive", "conf_low", "conf_high", "n", "method"} <= set(frame)
    assert frame["term"].tolist() == ["event", "event"]


examinations = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), min_size=1, max_size=25)
WHEN = np.arange(22) / 2


@given(examinations, st.randoms())
def test_what_holds_of_any_examinations(patients, random):
    found = causes(patients)
    estimate = np.array([fit.estimate for fit in found.values()])
    assert found["loose"].gap < 1e-8 * len(patients)
    assert (np.diff(estimate, axis=1) >= -1e-12).all()
    assert estimate.sum(axis=0).max() <= 1 + 1e-12
    again = patients * 2
    random.shuffle(again)
    for name, fit in causes(again).items():
        if found[name].unique:
            assert_allclose(fit.estimate, found[name].estimate, atol=1e-6)
    bent = causes([(math.exp(time / 3), code) for time, code in patients])
    for name, fit in bent.items():
        assert_allclose(fit.naive, found[name].naive)
        assert_allclose(fit.log_likelihood, found[name].log_likelihood, atol=1e-8)
        read, was = fit.at(np.exp(WHEN[1:] / 3)), found[name].at(WHEN[1:])
        if found[name].unique:
            assert_allclose(read[["at_least", "at_most", "conf_low"]], was[["at_least", "at_most", "conf_low"]], atol=1e-6)
        assert (was["conf_low"] <= was["at_least"] + 1e-12).all()
        assert (was["at_most"] <= was["conf_high"] + 1e-12).all()
    # Another name of the causes changes their order, and nothing else.
    swapped = causes([(time, (0, 2, 1)[code]) for time, code in patients])
    assert_allclose(swapped["loose"].naive, found["broken"].naive)
    assert_allclose(swapped["loose"].log_likelihood, found["loose"].log_likelihood, atol=1e-8)


@given(examinations)
def test_isotonic_regression_is_turnbulls_estimate_and_one_cause(patients):
    patients = [(time + 1, min(code, 1)) for time, code in patients]
    found = one(patients)
    ends = pd.DataFrame([(0.0, float(t)) if code else (float(t), math.inf) for t, code in patients], columns=["left", "right"])
    other = turnbull(Tally.from_rows(ends), left="left", right="right")
    columns = ["at_least", "at_most"]
    assert_allclose(other.at(WHEN)[columns], found.at(WHEN)[columns], atol=1e-6)
    assert_allclose(other.log_likelihood, found.log_likelihood, atol=1e-8)
    assert_allclose(causes(patients)["loose"].estimate, found.estimate, atol=1e-6)
    half = len(patients) // 2
    both = Tally.from_rows(rows(patients[:half])) + Tally.from_rows(rows(patients[half:]))
    assert_allclose(current_status(both, time="time", event="event").at(WHEN), found.at(WHEN))
