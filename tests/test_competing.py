"""competing.py against R (survival, etm, cmprsk), at its edges, and against what must hold of any incidence."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from survival_cases import reference, rows_of
from survival_comparisons import comparisons
from tallystats.results import UndefinedWarning
from tallystats.survival.competing import aalen_johansen
from tallystats.survival.curves import kaplan_meier
from tallystats.tally import Tally

R = reference()
CASES = [case for case in R if "incidence1" in R[case]]
CAUSES = {"one": 1, "two": 2}
WHERE = {"time": "time", "cause": "cause"}


def rows(times, causes, entries=None):
    """Patients; cause 0 is censored, None missing."""
    cause = pd.Categorical.from_codes([-1 if c is None else c for c in causes], ["censored", "one", "two"])
    frame = pd.DataFrame({"time": pd.Series(times, dtype=float), "cause": cause})
    return frame if entries is None else frame.assign(entry=np.array(entries, float))


def test_read_at_times_equals_r():
    expected = R["pbc"]
    found = aalen_johansen(Tally.from_rows(rows_of("pbc")), **WHERE)
    for name, k in CAUSES.items():
        frame = found[name].at(expected[f"at_time{k}"])
        assert_allclose(frame["estimate"], expected[f"at_incidence{k}"], rtol=1e-12)
        assert_allclose(frame["estimate"], expected[f"at_cuminc{k}"], rtol=1e-12)
        for column, quantity in (("std_error", "se"), ("conf_low", "low"), ("conf_high", "high")):
            assert_allclose(frame[column], expected[f"at_{quantity}{k}"], rtol=1e-10, err_msg=column)


@pytest.mark.parametrize("comparison", [*comparisons("incidence"), *comparisons("competing")], ids=str)
def test_incidence_and_variances_equal_r(comparison):
    assert comparison.difference() < comparison.tolerance


def test_aalens_variance_with_delayed_entry_is_finite():
    for case in ("small", "early_zero"):
        for curve in aalen_johansen(Tally.from_rows(rows_of(case)), **WHERE, entry="entry", variance="aalen").values():
            assert np.isfinite(curve.std_error).all()


def test_variances_change_nothing_else():
    delta, aalen = (aalen_johansen(Tally.from_rows(rows_of("drawn")), **WHERE, variance=v)["one"] for v in ("delta", "aalen"))
    assert_array_equal(delta.incidence, aalen.incidence)
    assert (delta.std_error[5:] < aalen.std_error[5:]).all()
    assert aalen.method == "Aalen-Johansen, Aalen's variance, log-log interval"


@pytest.mark.parametrize("case", CASES)
def test_aalens_variance_of_cmprsk_is_another_and_no_smaller(case):
    for name, k in CAUSES.items():
        ours = aalen_johansen(Tally.from_rows(rows_of(case)), **WHERE)[name].std_error ** 2
        theirs = R[case][f"cuminc_var{k}"]
        assert (theirs >= ours - 1e-12).all()
        assert theirs[0] == ours[0] == 0 or not np.allclose(theirs, ours, rtol=1e-6)


@pytest.mark.parametrize("case", ["small", "drawn"])
@pytest.mark.parametrize("entry", [None, "entry"])
def test_without_competing_events_it_is_one_less_kaplan_meier(case, entry):
    patients = rows_of(case)
    patients["cause"] = patients["cause"].where(patients["cause"] != "two", "one")
    tally = Tally.from_rows(patients)
    found, curve = (aalen_johansen(tally, **WHERE, entry=entry), kaplan_meier(tally, time="time", event="event", entry=entry))
    assert_allclose(found["one"].incidence, 1 - curve.survival, rtol=1e-12, atol=1e-12)
    assert_allclose(found["one"].naive, 1 - curve.survival, rtol=1e-12, atol=1e-12)
    inner = curve.survival > 0
    assert_allclose(found["one"].std_error[inner], curve.std_error[inner], rtol=1e-9, atol=1e-12)
    assert not found["two"].incidence.any()
    assert np.isnan(found["two"].conf_high).all()


def test_read_at_times():
    curve = aalen_johansen(Tally.from_rows(rows([2, 4, 4, 6, 8], [1, 0, 2, 1, 0])), **WHERE)["one"]
    frame = curve.at([0, 2, 4, 5, 9])
    assert_allclose(frame["estimate"], [0, 0.2, 0.2, 0.2, np.nan])
    assert frame["n_risk"].tolist() == [5, 5, 4, 2, 0]
    assert frame["n_events"].tolist() == [0, 1, 1, 1, 2]
    assert frame["n_censored"].tolist() == [0, 0, 1, 1, 2]
    assert_allclose(frame["naive"], [0, 0.2, 0.2, 0.2, np.nan])
    done = aalen_johansen(Tally.from_rows(rows([2, 4], [1, 2])), **WHERE)["one"].at([4, 50])
    assert done["estimate"].tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    "times, causes, expected",
    [
        ([5], [1], {"one": [1], "two": [0]}),
        ([5], [0], {"one": [0], "two": [0]}),
        ([5, 5, 5, 5], [1, 2, 2, 0], {"one": [0.25], "two": [0.5]}),
        ([0, 5], [2, 1], {"one": [0, 0.5], "two": [0.5, 0.5]}),
    ],
    ids=["one event", "one censored", "all tied", "exit at zero"],
)
def test_edges(times, causes, expected):
    found = aalen_johansen(Tally.from_rows(rows(times, causes)), **WHERE)
    assert {name: curve.incidence.tolist() for name, curve in found.items()} == expected
    for curve in found.values():
        assert_array_equal(np.isnan(curve.conf_low), (curve.incidence == 0) | (curve.incidence == 1))


def test_an_incidence_of_one_is_exactly_one_and_certain():
    # The sum of these five fifths exceeds 1 in floating point.
    curve = aalen_johansen(Tally.from_rows(rows(range(1, 6), [1] * 5)), **WHERE)["one"]
    assert curve.incidence.max() <= 1
    assert (curve.incidence[-1], curve.std_error[-1]) == (pytest.approx(1, abs=1e-12), 0)
    assert np.isnan([curve.conf_low[-1], curve.conf_high[-1]]).all()
    assert (curve.std_error[:-1] > 0).all()


def test_unit_of_time_and_twice_the_patients():
    frame = rows_of("drawn")
    once = aalen_johansen(Tally.from_rows(frame), **WHERE, entry="entry")["two"]
    scaled = aalen_johansen(
        Tally.from_rows(frame.assign(time=frame["time"] / 8, entry=frame["entry"] / 8)), **WHERE, entry="entry"
    )["two"]
    twice = aalen_johansen(Tally.from_rows(pd.concat([frame, frame])), **WHERE, entry="entry")["two"]
    assert_array_equal(scaled.times, once.times / 8)
    assert_array_equal(scaled.incidence, once.incidence)
    assert_array_equal(scaled.std_error, once.std_error)
    assert_allclose(twice.incidence, once.incidence, rtol=1e-12)
    assert_allclose(2 * twice.std_error**2, once.std_error**2, rtol=1e-9)


def test_missing_values_are_left_out_and_counted():
    tally = Tally.from_rows(rows([5, None, 7, 8], [1, 2, None, 2], [1, 1, 1, np.nan]))
    known, entered = (aalen_johansen(tally, **WHERE, entry=entry)["two"] for entry in (None, "entry"))
    assert (known.n, known.n_missing, entered.n, entered.n_missing) == (2, 2, 1, 3)


def test_nobody_has_an_empty_incidence_with_a_warning():
    with pytest.warns(UndefinedWarning, match="cumulative incidence of cause: no patient has a time and a cause") as caught:
        found = aalen_johansen(Tally.from_rows(rows([None], [1])), **WHERE)
    assert [warning.filename for warning in caught] == [__file__]
    assert len(found["one"].frame) == 0
    assert found["one"].at([5])["estimate"].isna().all()


@pytest.mark.parametrize(
    "options, message",
    [
        ({"cause": "why"}, "cause: 'why' is not in the tally; expected one of time, cause"),
        ({"cause": "time"}, "cause: 'time' is of type float64; expected a categorical, its first level censored"),
        ({"time": "cause"}, "time: 'cause' is of type category; expected numbers"),
        ({"entry": 6}, "entry: 1 of 2 patients have 'time' before 6; expected no earlier exit"),
        ({"variance": "greenwood"}, "variance: 'greenwood'; expected delta or aalen"),
        ({"confidence_level": 1}, "confidence_level: 1; expected a number between 0 and 1"),
    ],
)
def test_errors_name_the_argument_and_the_expectation(options, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        aalen_johansen(Tally.from_rows(rows([5, 7], [1, 2])), **{**WHERE, **options})


def test_frame_is_tidy():
    curve = aalen_johansen(Tally(Tally.from_rows(rows([5, 7], [1, 2])).frame, "assumed"), **WHERE)["two"]
    tidy = {"term", "time", "n_risk", "n_events", "estimate", "std_error", "conf_low", "conf_high", "n", "n_missing", "method"}
    assert tidy <= set(curve.frame.columns)
    assert curve.frame["term"].tolist() == ["two", "two"]
    assert (curve.cause, curve.provenance) == ("two", "assumed")


patients = st.lists(
    st.tuples(st.integers(0, 9), st.integers(1, 8), st.integers(0, 2)).map(lambda p: (p[0], p[0] + p[1], p[2])),
    min_size=1,
    max_size=25,
)


def delayed(drawn):
    entries, times, causes = zip(*drawn, strict=True)
    return rows(times, causes, entries)


@given(patients, st.randoms(use_true_random=False))
def test_incidences_and_event_free_survival_sum_to_one(drawn, random):
    tally = Tally.from_rows(delayed(drawn))
    found = aalen_johansen(tally, **WHERE, entry="entry")
    frame = tally.frame.assign(event=(tally.frame["cause"] != "censored").astype("boolean"))
    free = kaplan_meier(Tally(frame), time="time", event="event", entry="entry")
    assert_allclose(sum(curve.incidence for curve in found.values()) + free.survival, 1, rtol=1e-12)
    shuffled = aalen_johansen(Tally.from_rows(delayed(random.sample(drawn, len(drawn)))), **WHERE, entry="entry")
    for name, curve in found.items():
        pd.testing.assert_frame_equal(curve.frame, shuffled[name].frame)
        assert (curve.incidence <= curve.naive + 1e-12).all()
        known = ~np.isnan(curve.conf_low)
        assert (curve.conf_low[known] <= curve.incidence[known] + 1e-12).all()
        assert (curve.incidence[known] <= curve.conf_high[known] + 1e-12).all()


@given(patients, patients)
def test_sum_of_two_hospitals_is_the_cohort(one, two):
    added = Tally.from_rows(delayed(one)) + Tally.from_rows(delayed(two))
    together = Tally.from_rows(delayed(one + two))
    for name in CAUSES:
        frames = [aalen_johansen(tally, **WHERE, entry="entry")[name].frame for tally in (added, together)]
        pd.testing.assert_frame_equal(*frames)
