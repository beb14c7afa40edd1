"""survival.py and lifetable.py against R, lifelines, at their edges, and under row order and sums of tallies."""

import math
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from survival_cases import reference, rows_of, survival_rows, survival_tally
from survival_comparisons import comparisons
from tallystats.results import UndefinedWarning
from tallystats.survival.curves import kaplan_meier, kaplan_meier_by, reverse_kaplan_meier
from tallystats.survival.rate import event_rate
from tallystats.tally import Tally

R = reference()
CASES = [(case, prefix) for case in R for prefix in ("", "late_") if f"{prefix}survival" in R[case]]
WHERE = {"time": "time", "event": "event"}


def options(prefix):
    """Return the columns of a variant: with delayed entry, or from the start."""
    return {**WHERE, "entry": "entry" if prefix else None}


@pytest.mark.parametrize("comparison", comparisons("curves"), ids=str)
def test_curves_quantiles_follow_up_and_rates_equal_r(comparison):
    assert comparison.difference() < comparison.tolerance


def test_quantiles_by_hand():
    curve = kaplan_meier(survival_tally([5, 8, 8, 12, 20], [True, True, False, True, False]), **WHERE)
    frame = curve.quantiles([0.2, 0.5, 0.7, 0.9])
    # 0.8 from 5 on, 0.6 from 8, 0.3 from 12: where the curve equals the level, halfway to its next fall, or the last exit.
    assert frame["estimate"].fillna(-1).tolist() == [6.5, 12, 16, -1]
    assert frame["estimate"][1] == curve.median
    with pytest.raises(ValueError, match="probabilities: 1; expected numbers between 0 and 1"):
        curve.quantiles([0.5, 1])


def test_follow_up_takes_the_interval_asked_for():
    tally = Tally.from_rows(rows_of("remission"))
    plain = reverse_kaplan_meier(tally, **WHERE, conf_type="plain")
    assert plain.method == "reverse Kaplan-Meier, plain interval"
    assert not np.array_equal(plain.conf_low, reverse_kaplan_meier(tally, **WHERE).conf_low, equal_nan=True)


@pytest.mark.parametrize("case", [case for case, prefix in CASES if not prefix])
def test_read_at_times_equals_r_up_to_the_last_exit(case):
    expected = R[case]
    curve = kaplan_meier(Tally.from_rows(rows_of(case)), **WHERE)
    frame = curve.at(expected["at_time"])
    for name in ("n_risk", "n_events", "n_censored"):
        assert_array_equal(frame[name], expected[f"at_{name}"], err_msg=name)
    unknown = (expected["at_time"] > curve.times[-1]) & (curve.survival[-1] > 0)
    assert_allclose(frame["estimate"], np.where(unknown, math.nan, expected["at_survival"]), rtol=1e-12)


def test_at_risk_between_entries():
    curve = kaplan_meier(survival_tally([5, 8, 9], [True] * 3, entry=[0.0, 4, 6]), **WHERE, entry="entry")
    assert curve.at([0, 1, 4, 4.5, 5, 6, 6.5, 9, 9.5])["n_risk"].tolist() == [1, 1, 1, 2, 2, 1, 2, 1, 0]


def test_a_curve_that_fell_to_zero_stays_there():
    fallen = kaplan_meier(survival_tally([3, 4], [True, True]), **WHERE).at([4, 100])
    assert fallen["estimate"].tolist() == [0, 0]
    assert fallen[["std_error", "conf_low", "conf_high"]].isna().all(axis=None)
    assert kaplan_meier(survival_tally([3, 4], [True, False]), **WHERE).at([4, 100])["estimate"].isna().tolist() == [
        False,
        True,
    ]


@pytest.mark.parametrize("case, prefix", [c for c in CASES if c[0] in ("remission", "small", "drawn")])
def test_curve_equals_lifelines_with_weights(case, prefix):
    from lifelines import KaplanMeierFitter

    tally = Tally.from_rows(rows_of(case)[["time", "event", "entry"] if prefix else ["time", "event"]])
    frame, curve = tally.frame, kaplan_meier(tally, **options(prefix))
    entry = frame["entry"] if prefix else None
    fitter = KaplanMeierFitter().fit(frame["time"], frame["event"].astype(bool), entry=entry, weights=frame["n"])
    assert_allclose(curve.survival, fitter.survival_function_.loc[curve.times, "KM_estimate"], rtol=1e-8, atol=1e-12)
    inner = (curve.survival > 0) & (curve.survival < 1)
    limits = fitter.confidence_interval_.loc[curve.times].to_numpy()
    assert_allclose(np.column_stack([curve.conf_low, curve.conf_high])[inner], limits[inner], rtol=1e-8)


def test_one_entry_time_for_all_is_that_column_and_who_leaves_on_the_day_was_at_risk():
    times, events = [90, 120, 300, 400], [True, False, True, False]
    one = kaplan_meier(survival_tally(times, events), **WHERE, entry=90)
    column = kaplan_meier(survival_tally(times, events, entry=[89.9] * 4), **WHERE, entry="entry")
    assert_array_equal(one.survival, column.survival)
    assert one.n_risk[0] == 4
    assert one.at([0, 89, 90, 91])["n_risk"].tolist() == [0, 0, 4, 3]
    start = kaplan_meier(survival_tally(times, events), **WHERE)
    assert_array_equal(start.survival, one.survival)
    assert start.at([0])["n_risk"].tolist() == [4]
    rates = [event_rate(survival_tally(times, events), **WHERE, entry=entry) for entry in (None, 0, 90)]
    assert [rate.time_at_risk for rate in rates] == [910, 910, 550]


def test_groups_have_curves_of_their_own():
    tally = Tally.from_rows(rows_of("remission"))
    curves = kaplan_meier_by(tally, by="group", **WHERE)
    assert [(c.group, c.n, c.events, c.median) for c in curves] == [("a", 21, 9, 23), ("b", 21, 21, 8)]
    alone = kaplan_meier(Tally(tally.frame[tally.frame["group"] == "a"]), **WHERE)
    assert_array_equal(curves[0].survival, alone.survival)
    with_empty = tally.frame.assign(group=tally.frame["group"].cat.add_categories("c"))
    assert len(kaplan_meier_by(Tally(with_empty), by="group", **WHERE)) == 2


def test_boolean_groups_one_of_a_single_patient():
    group = pd.array([True, False, False, None], dtype="boolean")
    curves = kaplan_meier_by(survival_tally([7, 3, 5, 9], [True, True, False, True], group=group), by="group", **WHERE)
    assert [(c.group, c.n, c.survival.tolist()) for c in curves] == [(False, 2, [0.5, 0.5]), (True, 1, [0])]


def test_missing_values_are_left_out_and_counted():
    rows = survival_rows([5, None, 8, 9, 9], [True, True, None, False, True], entry=[1.0, 2, 3, None, 4])
    known, entered = (kaplan_meier(Tally.from_rows(rows), **WHERE), kaplan_meier(Tally.from_rows(rows), **WHERE, entry="entry"))
    assert (known.n, known.n_missing, entered.n, entered.n_missing) == (3, 2, 2, 3)
    assert_array_equal(known.survival, kaplan_meier(survival_tally([5, 9, 9], [True, False, True]), **WHERE).survival)
    assert event_rate(Tally.from_rows(rows), **WHERE).n_missing == 2
    # Who lacks the event is not taken for censored, the event of the reverse curve.
    follow_up = reverse_kaplan_meier(Tally.from_rows(rows), **WHERE)
    assert (follow_up.n, follow_up.n_missing, follow_up.events, follow_up.times.tolist()) == (3, 2, 1, [5, 9])


def test_before_the_first_exit_everybody_lives_and_beyond_the_last_nobody_knows():
    frame = kaplan_meier(survival_tally([5, 8], [True, False]), **WHERE).at([0, 4.9, 5, 8, 8.1])
    assert frame["estimate"].fillna(-1).tolist() == [1, 1, 0.5, 0.5, -1]
    assert frame["std_error"].isna().tolist() == [False] * 4 + [True]


@pytest.mark.parametrize("tally", [survival_tally([None], [True]), survival_tally([], [])], ids=["all missing", "nobody"])
def test_nobody_has_an_empty_curve_with_a_warning(tally):
    for estimate, name in ((kaplan_meier, "Kaplan-Meier"), (reverse_kaplan_meier, "reverse Kaplan-Meier")):
        with pytest.warns(UndefinedWarning, match=f"^{name}.* of time: no patient has a time and an event") as caught:
            curve = estimate(tally, **WHERE)
        assert [warning.filename for warning in caught] == [__file__]
        assert (len(curve.frame), curve.n, curve.n_missing) == (0, 0, tally.total)
        assert math.isnan(curve.median)
        assert curve.at([0, 5])["estimate"].isna().all()
    with pytest.warns(UndefinedWarning, match="rate of event: nobody spends time at risk"):
        assert math.isnan(event_rate(tally, **WHERE).estimate)


def test_exit_at_zero_has_no_time_at_risk():
    with pytest.warns(UndefinedWarning, match="rate of event: nobody spends time at risk"):
        rate = event_rate(survival_tally([0, 0], [True, False]), **WHERE)
    assert rate.events == 1
    assert all(map(math.isnan, (rate.estimate, rate.conf_low, rate.conf_high)))


LATE = survival_tally([5, 9, 9], [True, False, True], entry=[5.0, 9, 2], group=list("aab"))


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: kaplan_meier(LATE, time="days", event="event"), "time: 'days' is not in the tally; expected one of time, "),
        (lambda: kaplan_meier(LATE, time="group", event="event"), "time: 'group' is of type object; expected numbers"),
        (lambda: kaplan_meier(LATE, time="time", event="died"), "event: 'died' is not in the tally; expected one of time, "),
        (lambda: kaplan_meier(LATE, time="time", event="entry"), "event: 'entry' is of type float64; expected boolean"),
        (lambda: reverse_kaplan_meier(LATE, time="time", event="died"), "event: 'died' is not in the tally"),
        (lambda: kaplan_meier(LATE, **WHERE, entry="came"), "entry: 'came' is not in the tally; expected one of time, "),
        (lambda: kaplan_meier(LATE, **WHERE, entry="group"), "entry: 'group' is of type object; expected numbers"),
        (
            lambda: kaplan_meier(LATE, **WHERE, entry="entry"),
            "entry: 2 of 3 patients have 'time' no later than 'entry'; expected entry < exit",
        ),
        (
            lambda: kaplan_meier(LATE, **WHERE, entry=9.5),
            r"entry: 3 of 3 patients have 'time' before 9\.5; expected no earlier exit",
        ),
        (lambda: kaplan_meier(LATE, **WHERE, entry=-1), "entry: -1; expected a column, or a time of 0 or more"),
        (lambda: event_rate(LATE, **WHERE, entry=math.nan), "entry: nan; expected a column, or a time of 0 or more"),
        (
            lambda: kaplan_meier(survival_tally([-1, -1, 4, math.inf], [True] * 4), **WHERE),
            "time: 3 of 4 patients have a negative or infinite 'time'; expected 0 or more",
        ),
        (
            lambda: kaplan_meier(survival_tally([3, 4], [True] * 2, entry=[-2.0, 1]), **WHERE, entry="entry"),
            "entry: 1 of 2 patients have a negative or infinite 'entry'; expected 0 or more",
        ),
        (lambda: kaplan_meier(LATE, **WHERE, conf_type="logit"), "conf_type: 'logit'; expected log-log, log or plain"),
        (lambda: kaplan_meier(LATE, **WHERE, confidence_level=95), "confidence_level: 95; expected a number between"),
        (lambda: event_rate(LATE, **WHERE, confidence_level=0), "confidence_level: 0; expected a number between"),
        (lambda: kaplan_meier_by(LATE, by="ward", **WHERE), "by: 'ward' is not in the tally"),
    ],
)
def test_errors_name_the_argument_and_the_expectation(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()


def test_frames_are_tidy():
    tally = Tally(survival_tally([5, 9, 9], [True, False, True]).frame, "assumed")
    curve = kaplan_meier(tally, **WHERE, group="everyone")
    frame = curve.frame
    tidy = {"time", "n_risk", "n_events", "estimate", "std_error", "conf_low", "conf_high", "n", "n_missing", "method"}
    assert tidy <= set(frame.columns)
    assert frame["group"].tolist() == ["everyone"] * 2
    assert_array_equal(frame["estimate"], curve.survival)
    assert (
        curve.provenance
        == event_rate(tally, **WHERE).provenance
        == reverse_kaplan_meier(tally, **WHERE).provenance
        == "assumed"
    )
    assert event_rate(tally, **WHERE).frame.loc[0, ["events", "time_at_risk"]].tolist() == [2, 23]


def test_a_million_patients_are_counted_by_their_days():
    day = np.repeat(np.arange(1.0, 3001), 2)
    frame = pd.DataFrame({"time": day, "event": pd.array([True, False] * 3000, dtype="boolean"), "n": [100, 234] * 3000})
    curve = kaplan_meier(Tally(frame), **WHERE)
    assert (curve.n, len(curve.times), curve.n_risk[0]) == (1_002_000, 3000, 1_002_000)


patients = st.lists(
    st.tuples(st.integers(0, 12), st.integers(1, 10), st.booleans()).map(lambda p: (p[0], p[0] + p[1], p[2])),
    min_size=1,
    max_size=25,
)


def delayed(drawn):
    entry, times, events = zip(*drawn, strict=True)
    return survival_rows(times, events, entry=np.array(entry, float))


@given(patients, st.randoms(use_true_random=False))
def test_tally_equals_rows_in_any_order(drawn, random):
    tally = Tally.from_rows(delayed(random.sample(drawn, len(drawn))))
    curve = kaplan_meier(tally, **WHERE, entry="entry")
    survival = 1.0
    for k, t in enumerate(curve.times):
        at_risk = sum(entry < t <= exits for entry, exits, _ in drawn)
        had = sum(exits == t and event for _, exits, event in drawn)
        survival *= 1 - had / at_risk
        assert (curve.n_risk[k], curve.n_events[k]) == (at_risk, had)
        assert_allclose(curve.survival[k], survival, atol=1e-12)
    assert_array_equal(curve.at(curve.times)["n_risk"], curve.n_risk)


@given(patients, patients)
def test_sum_of_two_hospitals_is_the_cohort(one, two):
    added = Tally.from_rows(delayed(one)) + Tally.from_rows(delayed(two))
    together = Tally.from_rows(delayed(one + two))
    for estimate in (kaplan_meier, reverse_kaplan_meier):
        pd.testing.assert_frame_equal(*(estimate(t, **WHERE, entry="entry").frame for t in (added, together)))
    assert event_rate(added, **WHERE) == event_rate(together, **WHERE)


@given(patients)
def test_curve_falls_inside_its_limits(drawn):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        curve = kaplan_meier(Tally.from_rows(delayed(drawn)), **WHERE, entry="entry")
    assert (np.diff(curve.survival) <= 0).all()
    known = ~np.isnan(curve.conf_low)
    assert_array_equal(known, (curve.survival > 0) & (curve.survival < 1))
    assert (curve.conf_low[known] <= curve.survival[known]).all()
    assert (curve.survival[known] <= curve.conf_high[known]).all()


@given(patients)
def test_unit_of_time_and_twice_the_patients(drawn):
    rows = delayed(drawn)
    once = kaplan_meier(Tally.from_rows(rows), **WHERE, entry="entry")
    scaled = rows.assign(time=rows["time"] / 8, entry=rows["entry"] / 8)
    scaled = kaplan_meier(Tally.from_rows(scaled), **WHERE, entry="entry")
    for name in ("survival", "std_error", "conf_low", "conf_high"):
        assert_array_equal(getattr(scaled, name), getattr(once, name))
    assert_array_equal([8 * scaled.median, 8 * scaled.median_high], [once.median, once.median_high])
    tally = Tally.from_rows(rows)
    twice = kaplan_meier(tally + tally, **WHERE, entry="entry")
    assert_allclose(twice.survival, once.survival, rtol=1e-12)
    assert_allclose(2 * twice.std_error**2, once.std_error**2, rtol=1e-10)
