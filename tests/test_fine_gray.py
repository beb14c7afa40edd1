"""fine_gray.py against cmprsk and survival, against Aalen and Johansen's estimate, refusals and invariants."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from alike import assert_alike, near
from survival_cases import rows_of
from survival_comparisons import comparisons
from tallystats.survival import fine_gray as module
from tallystats.survival.competing import aalen_johansen
from tallystats.survival.cox import cox_regression
from tallystats.survival.fine_gray import cause_specific_cox, fine_gray
from tallystats.tally import Tally

WHERE = {"time": "time", "cause": "cause"}
ONE = {**WHERE, "of": "one"}
LEVELS = ["censored", "one", "two"]


def rows(times, causes, x, **columns):
    cause = pd.Categorical.from_codes([-1 if code is None else code for code in causes], LEVELS)
    return pd.DataFrame({"time": pd.Series(times, dtype=float), "cause": cause, "x": pd.Series(x, dtype=float), **columns})


def tally(*args, **columns):
    return Tally.from_rows(rows(*args, **columns))


@pytest.mark.parametrize("comparison", comparisons("fine_gray"), ids=str)
def test_model_equals_r(comparison):
    assert comparison.difference() < comparison.tolerance


@pytest.mark.parametrize("case, source", [("drawn", "survival"), ("entered", "fine_gray"), ("small", "survival")])
@pytest.mark.parametrize("late", [False, True])
def test_weights_of_finegray_give_aalen_and_johansens_incidence(case, source, late):
    patients = rows_of(case, source)
    codes, entry = patients["cause"].cat.codes.to_numpy(), patients["entry"].to_numpy(float)
    made = module._Rows(
        x=np.zeros((len(codes), 1)),
        n=np.ones(len(codes)),
        exit=patients["time"].to_numpy(float),
        entry=entry if late else np.full(len(codes), -np.inf),
        event=codes == 1,
        free=codes == 0,
        after_events=True,
    )
    if not np.isfinite(made.weight).all():
        pytest.fail("expected finite weights")
    curve = aalen_johansen(Tally.from_rows(patients), **WHERE, entry="entry" if late else None)["one"]
    incidence = 1 - np.cumprod(1 - made.dead.sum(axis=1) / made.weight.sum(axis=1))
    assert_allclose(incidence, curve.incidence[np.searchsorted(curve.times, made.times)], rtol=1e-10)


def test_without_competing_events_it_is_a_cox_model_with_breslows_ties():
    patients = rows_of("untied", "fine_gray")
    patients["cause"] = patients["cause"].where(patients["cause"] != "two", "censored")
    patients["event"] = (patients["cause"] == "one").astype("boolean")
    counts = Tally.from_rows(patients)
    fit = fine_gray(counts, **ONE, terms=["x1", "x2"], weights="finegray")
    plain = cox_regression(counts, time="time", event="event", terms=["x1", "x2"], robust=True)
    assert_allclose(fit.estimates, plain.estimates, rtol=1e-8)
    assert_allclose(fit.std_errors, plain.std_errors, rtol=1e-8)
    assert fit.competing == 0


def test_uncensored_all_who_had_the_other_cause_stay():
    # Their time is then as good as endless.
    patients = rows_of("uncensored", "fine_gray")
    endless = patients.assign(time=patients["time"].where(patients["cause"] == "one", 1e6))
    fit, late = (fine_gray(Tally.from_rows(frame), **ONE, terms=["x2"]) for frame in (patients, endless))
    assert_allclose(fit.estimates, late.estimates, rtol=1e-9)
    assert_allclose(fit.std_errors, late.std_errors, rtol=1e-9)


REFUSED = {
    "no event": (tally([1, 2, 3], [0, 2, 0], [1, 2, 3]), "nobody has the event"),
    "one patient": (tally([1], [1], [1]), "no term varies among the complete patients"),
    "constant": (tally([1, 2], [1, 1], [3, 3]), "no term varies among the complete patients"),
    "few events": (tally([1, 2, 3], [1, 1, 0], [1, 3, 2]), "2 events for 1 estimated column; at least 5 for each are needed"),
    "one value has all events": (
        tally(range(8), [1, 1, 1, 1, 1, 0, 2, 0], [1, 1, 1, 1, 1, 0, 0, 1]),
        "monotone likelihood: every event has the same value of x",
    ),
    "always the highest": (
        tally(range(1, 9), [1, 1, 1, 1, 1, 2, 0, 0], [9, 8, 7, 6, 5, 4, 3, 2]),
        "monotone likelihood: at every event, who has it is extreme among those at risk in x",
    ),
    "differs only in who left before": (
        tally(range(1, 9), [0, 0, 1, 1, 1, 1, 1, 2], [3, 4, 1, 1, 1, 1, 1, 1]),
        "flat likelihood: those at risk at the events do not tell the effects of x apart",
    ),
}


@pytest.mark.parametrize("weights", ["crr", "finegray"])
@pytest.mark.parametrize("counts, reason", REFUSED.values(), ids=REFUSED)
def test_refusal_says_why(counts, reason, weights):
    fit = fine_gray(counts, **ONE, terms=["x"], weights=weights)
    assert fit.refused == reason
    assert (fit.terms, fit.p_values, len(fit.frame)) == ((), (), 0)
    assert math.isnan(fit.log_likelihood)


def test_who_left_with_the_other_cause_still_tells():
    # As in the last refusal, but those who left had the other cause, and so are at risk for ever.
    counts = tally(range(1, 9), [2, 2, 1, 1, 1, 1, 1, 1], [0, 2, 1, 0, 2, 1, 1, 2])
    assert fine_gray(counts, **ONE, terms=["x"]).refused is None


def test_entries_into_an_empty_risk_set_cannot_be_weighed():
    counts = tally([2, 3, 9, 10, 11, 12], [1, 2, 1, 1, 1, 1], [1, 2, 1, 3, 2, 1], late=[0.0, 0, 5, 6, 6, 7])
    fit = fine_gray(counts, **ONE, terms=["x"], entry="late", weights="finegray")
    assert fit.refused == "at some time nobody was at risk but who had just entered: nothing weighs them"


def test_a_fit_that_does_not_converge_is_refused(monkeypatch):
    monkeypatch.setattr(module, "MAX_ITERATIONS", 1)
    fit = fine_gray(Tally.from_rows(rows_of("drawn")), **ONE, terms=["x2"])
    assert fit.refused == "the fit did not converge"


def test_all_tied_and_zero_length_follow_up():
    patients = rows([4] * 12, [1, 1, 1, 0, 2, 0, 1, 1, 1, 2, 0, 0], [1, 0, 1, 0, 1, 0, 1, 1, 0, 0, 1, 0])
    fit = fine_gray(Tally.from_rows(patients), **ONE, terms=["x"])
    # One event time: the events' mean of x is that of all at risk, weighted.
    odds = np.exp(fit.estimates[0])
    assert_allclose(6 * odds / (6 * odds + 6), 4 / 6, rtol=1e-9)
    zero = fine_gray(Tally.from_rows(patients.assign(time=0.0)), **ONE, terms=["x"])
    assert zero.estimates == near(fit.estimates)


def test_missing_values_and_terms_that_say_nothing():
    patients = rows_of("drawn").assign(again=lambda d: 2 * d["x2"])
    patients.loc[0, "time"], patients.loc[1, "x2"], patients.loc[2, "cause"] = np.nan, np.nan, None
    fit = fine_gray(Tally.from_rows(patients), **ONE, terms=["x2", "again"])
    assert (fit.n, fit.n_missing) == (87, 3)
    assert fit.events + fit.competing == (patients.dropna()["cause"] != "censored").sum()
    assert fit.dropped == {"again": "the terms before it determine it"}
    own = cause_specific_cox(Tally.from_rows(patients), **WHERE, terms=["x2"])
    assert (own["one"].n, own["one"].n_missing, own["one"].events) == (87, 3, fit.events)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"of": "three"}, "of: 'three' is no cause of 'cause'; expected one of one, two"),
        ({"of": "censored"}, "of: 'censored' is no cause of 'cause'"),
        ({"cause": "time"}, "cause: 'time' is of type float64; expected a categorical"),
        ({"terms": ["y"]}, "terms: 'y' is not in the tally; expected one of time, cause, x"),
        ({"weights": "geskus"}, "weights: 'geskus'; expected crr or finegray"),
        ({"entry": "x"}, "entry: 'x' with weights 'crr', which have no delayed entry; expected weights 'finegray'"),
        ({"entry": "x", "weights": "finegray"}, "entry: 1 of 2 patients have 'time' no later than 'x'; expected entry < exit"),
        ({"confidence_level": 0}, "confidence_level: 0; expected a number between 0 and 1"),
    ],
)
def test_errors_name_the_argument_and_the_expectation(options, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        fine_gray(tally([1, 2], [1, 2], [0, 2]), **{**ONE, "terms": ["x"], **options})


def test_frame_is_tidy():
    frame = fine_gray(Tally.from_rows(rows_of("drawn")), **ONE, terms=["x1"]).frame
    assert {"term", "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high", "n", "cause"} <= set(frame)
    assert_allclose(frame["subhazard_ratio"], np.exp(frame["estimate"]))


patients = st.lists(st.tuples(st.integers(1, 8), st.integers(0, 2), st.integers(0, 3)), min_size=8, max_size=25)


@given(patients, patients, st.sampled_from(["crr", "finegray"]))
def test_hospitals_sign_and_unit_of_time_do_not_matter(one, two, weights):
    options = {**ONE, "terms": ["x"], "weights": weights, "events_per_column": 1}

    def of(drawn, unit=1.0, turn=1):
        times, causes, x = zip(*drawn, strict=True)
        return tally(np.array(times) / unit, causes, np.array(x) * turn)

    fit = fine_gray(of(one + two), **options)
    assert_alike(fine_gray(of(one) + of(two), **options), fit)
    weeks, turned = fine_gray(of(one + two, 8.0), **options), fine_gray(of(one + two, 1.0, -1), **options)
    assert weeks == near(fit)
    assert turned.refused == fit.refused
    assert_allclose(turned.estimates, np.negative(fit.estimates), rtol=1e-6, atol=1e-8)
    assert_allclose(turned.std_errors, fit.std_errors, rtol=1e-6)
