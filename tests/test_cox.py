"""cox.py and partial_likelihood.py against R, refusals, and under row order, sums of tallies and turned terms."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from alike import assert_alike, near
from survival_cases import rows_of, survival_rows, survival_tally
from survival_comparisons import comparisons, cox_rows
from tallystats.results import UndefinedWarning
from tallystats.survival import cox
from tallystats.survival.cox import cox_regression
from tallystats.survival.cox_checks import concordance
from tallystats.survival.partial_likelihood import (
    RiskRows,
    derivatives,
    is_maximum,
    lack_of_maximum,
    proportional_hazards,
    score_residuals,
)
from tallystats.tally import Tally

WHERE = {"time": "time", "event": "event"}


@pytest.mark.filterwarnings("ignore::tallystats.results.UndefinedWarning")
@pytest.mark.parametrize("comparison", [*comparisons("cox"), *comparisons("cox_tests")], ids=str)
def test_models_equal_r(comparison):
    assert comparison.difference() < comparison.tolerance


def test_strata_and_clusters_are_named_and_counted():
    rows = cox_rows("drawn")
    rows.loc[0, "ward"], rows.loc[1, "stratum"] = np.nan, None
    fit = cox_regression(Tally.from_rows(rows), **WHERE, terms=["x2"], strata="stratum", robust="ward")
    assert (fit.n, fit.n_missing, fit.clusters) == (88, 2, 17)
    assert fit.method == "Cox, Efron's ties, stratified by stratum, robust variance by ward, Wald"
    assert 0 < fit.concordance < 1
    each = cox_regression(Tally.from_rows(rows), **WHERE, terms=["x2"], robust=True)
    assert (each.clusters, each.method) == (90, "Cox, Efron's ties, robust variance, Wald")


def test_a_stratum_for_every_patient_compares_nobody():
    rows = rows_of("drawn").assign(own=lambda d: np.arange(len(d), dtype=float))
    fit = cox_regression(Tally.from_rows(rows), **WHERE, terms=["x2"], strata="own")
    assert fit.refused == "flat likelihood: those at risk at the events do not tell the effects of x2 apart"


def test_one_stratum_changes_nothing():
    rows = rows_of("drawn").assign(own="all")
    plain = cox_regression(Tally.from_rows(rows), **WHERE, terms=["x1", "x2"])
    strata = cox_regression(Tally.from_rows(rows), **WHERE, terms=["x1", "x2"], strata="own")
    assert_allclose(strata.estimates, plain.estimates, rtol=1e-9)
    assert_allclose(strata.ph_statistics, plain.ph_statistics, rtol=1e-9)


def test_too_few_clusters_are_refused():
    fit = cox_regression(Tally.from_rows(rows_of("drawn")), **WHERE, terms=["x1", "x2"], robust="stratum")
    assert fit.refused == "2 clusters for 2 columns; a robust variance needs more clusters"


def test_patients_doubled_into_clusters_have_the_variance_of_one():
    rows = rows_of("drawn").assign(own=lambda d: np.arange(len(d), dtype=float))
    once = cox_regression(Tally.from_rows(rows), **WHERE, terms=["x2"], robust=True)
    own = cox_regression(Tally.from_rows(rows), **WHERE, terms=["x2"], robust="own")
    assert_allclose(own.std_errors, once.std_errors, rtol=1e-12)
    untied = rows.assign(time=rows["time"] * 1000 + np.arange(len(rows)))
    twice = cox_regression(Tally.from_rows(pd.concat([untied, untied])), **WHERE, terms=["x2"], robust="own")
    assert twice.clusters == 90
    assert_allclose(
        twice.std_errors, cox_regression(Tally.from_rows(untied), **WHERE, terms=["x2"], robust=True).std_errors, rtol=0.02
    )


def test_score_residuals_add_up_to_the_score():
    rows, beta = small_rows(), np.array([0.3, -0.2])
    score, _ = derivatives(rows, beta, np.zeros(len(rows.exit)))
    assert_allclose(score_residuals(rows, beta).sum(axis=0), score[:2], rtol=1e-10)


def test_names_of_columns_are_kept_however_odd():
    rows = rows_of("drawn").rename(columns={"x2": "age, years (log) ~ 1"})
    fit = cox_regression(Tally.from_rows(rows), **WHERE, terms=["age, years (log) ~ 1", "x3"])
    assert fit.terms == ("age, years (log) ~ 1", "x3: b", "x3: c")
    assert fit.frame["term"].tolist() == list(fit.terms)


def test_terms_that_say_nothing_are_dropped_by_name():
    rows = rows_of("drawn").assign(constant=1.0, again=lambda d: 2 * d["x2"])
    fit = cox_regression(Tally.from_rows(rows), **WHERE, terms=["constant", "x2", "again"])
    assert fit.terms == ("x2",)
    assert fit.dropped == {"constant": "every patient has the same value", "again": "the terms before it determine it"}


def test_one_entry_time_for_all_changes_nothing():
    tally = Tally.from_rows(rows_of("drawn").assign(time=lambda d: d["time"] + 90))
    plain, late = (cox_regression(tally, **WHERE, terms=["x2"], entry=entry) for entry in (None, 90))
    assert plain == near(late)


def test_a_change_that_nobody_could_show_is_not_tested():
    # z differs among those at risk at the first event only; R's cox.zph stops with an error.
    with pytest.warns(UndefinedWarning, match="^proportional hazards of z: those at risk differ at too few") as caught:
        fit = cox_regression(Tally.from_rows(rows_of("early_carrier")), **WHERE, terms=["x", "z"], events_per_column=4)
    assert [warning.filename for warning in caught] == [__file__]
    assert np.isnan(fit.ph_p_values).tolist() == [False, True]
    assert math.isnan(fit.ph_global_statistic)
    assert math.isnan(fit.ph_global_p_value)


def test_unit_of_time_changes_nothing():
    rows = rows_of("drawn")
    days = cox_regression(Tally.from_rows(rows), **WHERE, terms=["x1", "x2"], entry="entry")
    weeks = rows.assign(time=rows["time"] / 8, entry=rows["entry"] / 8)
    found = cox_regression(Tally.from_rows(weeks), **WHERE, terms=["x1", "x2"], entry="entry")
    assert found.residuals.values == near(days.residuals.values)
    assert dataclasses.replace(found, residuals=days.residuals) == near(days)


def test_missing_values_are_left_out_and_counted():
    rows = rows_of("drawn")
    rows.loc[0, "time"], rows.loc[1, "event"], rows.loc[2, "x3"], rows.loc[3, "entry"] = np.nan, None, None, np.nan
    tally = Tally.from_rows(rows)
    fit = cox_regression(tally, **WHERE, terms=["x2", "x3"], entry="entry")
    assert (fit.n, fit.n_missing) == (86, 4)
    complete = Tally.from_rows(rows.dropna())
    assert fit.estimates == near(cox_regression(complete, **WHERE, terms=["x2", "x3"], entry="entry").estimates)
    assert cox_regression(tally, **WHERE, terms=["x2"]).n_missing == 2


def ten(**columns):
    """Tally ten patients who had the event one after another."""
    return survival_tally(range(1, 11), [True] * 10, **columns)


#: The first to have the event is always the one with the highest sum.
A, B = [9, 1, 8, 2, 6, 3, 5, 1, 2, 0], [0, 8, 0, 6, 1, 3, 0, 3, 1, 0]
X = [3.0, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5]
REFUSED = {
    "no event": (survival_tally([1, 2, 3], [False] * 3, x=[1.0, 2, 3]), ["x"], "nobody has the event"),
    "one patient": (survival_tally([1], [True], x=[1.0]), ["x"], "no term varies among the complete patients"),
    "constant": (ten(x=[4.0] * 10), ["x"], "no term varies among the complete patients"),
    "few events": (
        survival_tally(range(1, 6), [True] * 4 + [False], x=[1.0, 3, 2, 5, 4]),
        ["x"],
        "4 events for 1 estimated column; at least 5 for each are needed",
    ),
    "many columns": (
        survival_tally(range(1, 10), [True] * 9, x=[1.0, 3, 2, 5, 4, 1, 2, 6, 3], g=list("abcabcabc")),
        ["x", "g"],
        "9 events for 3 estimated columns; at least 5 for each are needed",
    ),
    "one value has all events": (
        survival_tally(range(1, 9), [True] * 6 + [False] * 2, x=pd.array([True] * 6 + [False] * 2, dtype="boolean")),
        ["x"],
        "monotone likelihood: every event has the same value of x",
    ),
    "always the highest": (
        ten(x=np.arange(10.0, 0, -1)),
        ["x"],
        "monotone likelihood: at every event, who has it is extreme among those at risk in x",
    ),
    "always the lowest": (
        ten(x=np.arange(10.0)),
        ["x"],
        "monotone likelihood: at every event, who has it is extreme among those at risk in x",
    ),
    "a sum is always the highest": (
        ten(a=np.array(A, float), b=np.array(B, float)),
        ["a", "b"],
        "monotone likelihood: at every event, who has it is extreme among those at risk in a, b",
    ),
    "differs only in who left before": (
        survival_tally(range(1, 11), [False, False] + [True] * 8, x=[7.0, 5, *[1.0] * 8]),
        ["x"],
        "flat likelihood: those at risk at the events do not tell the effects of x apart",
    ),
    "equal once the first has left": (
        survival_tally(range(1, 13), [False] + [True] * 11, a=[0.0, *X], b=[9.0, *X]),
        ["a", "b"],
        "flat likelihood: those at risk at the events do not tell the effects of a, b apart",
    ),
}


@pytest.mark.parametrize("tally, terms, reason", REFUSED.values(), ids=REFUSED)
def test_refusal_says_why(tally, terms, reason):
    fit = cox_regression(tally, **WHERE, terms=terms)
    assert fit.refused == reason
    assert (fit.terms, fit.estimates, fit.p_values, len(fit.frame)) == ((), (), (), 0)
    assert math.isnan(fit.log_likelihood)
    assert fit.n == tally.total


def test_extreme_but_finite_is_fitted():
    order = [10.0, 9, 8, 7, 6, 5, 4, 2, 3, 1]
    fit = cox_regression(ten(x=np.array(order)), **WHERE, terms=["x"])
    assert fit.refused is None
    assert fit.estimates[0] > 1


def test_a_fit_that_stops_early_is_refused(monkeypatch):
    real = cox._fit

    def stopped(rows, late, alpha):
        fitter, failure = real(rows, late, alpha)
        fitter.params_ = fitter.params_ + 0.01
        return fitter, failure

    monkeypatch.setattr(cox, "_fit", stopped)
    assert cox_regression(Tally.from_rows(rows_of("drawn")), **WHERE, terms=["x2"]).refused == "the fit did not converge"


def test_what_lifelines_gives_up_on_is_refused(monkeypatch):
    from lifelines import CoxPHFitter
    from lifelines.exceptions import ConvergenceError

    def gives_up(*_, **__):
        raise ConvergenceError("delta contains nan")

    monkeypatch.setattr(CoxPHFitter, "fit", gives_up)
    fit = cox_regression(Tally.from_rows(rows_of("drawn")), **WHERE, terms=["x2"])
    assert fit.refused == "the fit did not converge (ConvergenceError)"


def test_the_floor_of_events_is_a_parameter():
    tally, reason, terms = REFUSED["few events"][0], REFUSED["few events"][2], ["x"]
    assert cox_regression(tally, **WHERE, terms=terms, events_per_column=5).refused == reason
    assert cox_regression(tally, **WHERE, terms=terms, events_per_column=4).refused is None


@pytest.mark.parametrize(
    "options, message",
    [
        ({"terms": ["y"]}, "terms: 'y' is not in the tally; expected one of time, event, x"),
        ({"event": "x"}, "event: 'x' is of type float64; expected boolean"),
        ({"time": "event"}, "time: 'event' is of type boolean; expected numbers"),
        ({"strata": "ward"}, "strata: 'ward' is not in the tally; expected one of time, event, x"),
        ({"robust": "ward"}, "robust: 'ward' is not in the tally; expected one of time, event, x"),
        ({"entry": 2}, "entry: 1 of 6 patients have 'time' before 2; expected no earlier exit"),
        ({"confidence_level": 2}, "confidence_level: 2; expected a number between 0 and 1"),
    ],
)
def test_errors_name_the_argument_and_the_expectation(options, message):
    tally = survival_tally(range(1, 7), [True] * 6, x=[1.0, 3, 2, 5, 4, 1])
    with pytest.raises(ValueError, match=f"^{message}"):
        cox_regression(tally, **{**WHERE, "terms": ["x"], **options})


def test_nobody_complete_is_an_error():
    with pytest.raises(ValueError, match="tally: no patient has a value of all of event, x, time"):
        cox_regression(survival_tally([1, None], [True, True], x=[None, 1.0]), **WHERE, terms=["x"])


def test_frame_is_tidy():
    frame = cox_regression(Tally.from_rows(rows_of("drawn")), **WHERE, terms=["x1"]).frame
    tidy = {
        "term",
        "estimate",
        "std_error",
        "statistic",
        "p_value",
        "conf_low",
        "conf_high",
        "n",
        "events",
        "n_missing",
        "method",
    }
    assert tidy <= set(frame.columns)
    assert_allclose(frame["hazard_ratio"], np.exp(frame["estimate"]))


# The partial likelihood itself.
def small_rows(seed=1, size=30):
    draw = np.random.default_rng(seed)
    exits = draw.integers(5, 15, size).astype(float)
    return RiskRows(
        x=draw.normal(size=(size, 2)),
        entry=np.minimum(draw.integers(0, 9, size), exits - 1),
        exit=exits,
        event=draw.random(size) < 0.7,
    )


def efron(rows, beta):
    """Log partial likelihood by the definition of Efron's ties."""
    total, eta = 0.0, rows.x @ beta
    for t in set(rows.exit[rows.event].tolist()):
        dead = (rows.exit == t) & rows.event
        at_risk = np.exp(eta[(rows.entry < t) & (rows.exit >= t)]).sum()
        total += eta[dead].sum()
        for k in range(dead.sum()):
            total -= np.log(at_risk - k / dead.sum() * np.exp(eta[dead]).sum())
    return total


def test_derivatives_are_those_of_the_likelihood():
    rows, beta, step = small_rows(), np.array([0.3, -0.2]), 1e-5
    clock = np.log(rows.exit)
    # The products with the clock change within a risk set, so only the columns themselves are differentiated here.
    score, information = derivatives(rows, beta, clock)
    for k in range(2):
        move = step * np.eye(2)[k]
        assert_allclose(score[k], (efron(rows, beta + move) - efron(rows, beta - move)) / (2 * step), rtol=1e-6)
        ahead, behind = (derivatives(rows, beta + sign * move, clock)[0] for sign in (1, -1))
        assert_allclose(information[:2, k], -(ahead - behind)[:2] / (2 * step), rtol=1e-6)
        assert_allclose(information[2:, k], -(ahead - behind)[2:] / (2 * step), rtol=1e-6)
    assert_allclose(information, information.T)


def test_shift_and_scale_of_the_clock_change_no_test():
    rows, beta = small_rows(), np.array([0.3, -0.2])
    each, together = proportional_hazards(rows, beta)
    later = RiskRows(x=rows.x, entry=rows.entry * 3 + 100, exit=rows.exit * 3 + 100, event=rows.event)
    assert_allclose([*each, together], [*proportional_hazards(later, beta)[0], proportional_hazards(later, beta)[1]])


def test_maximum_is_known_when_seen():
    flat = RiskRows(x=np.ones((4, 1)), entry=np.full(4, -np.inf), exit=np.arange(1.0, 5), event=np.ones(4, bool))
    assert not is_maximum(flat, np.zeros(1))
    assert not is_maximum(small_rows(), np.array([5.0, 5.0]))
    assert lack_of_maximum(small_rows(), ["a", "b"]) is None
    assert np.isnan(proportional_hazards(flat, np.zeros(1))[1])


patients = st.lists(st.tuples(st.integers(1, 9), st.booleans(), st.integers(0, 5)), min_size=12, max_size=30).filter(
    lambda drawn: sum(event for _, event, _ in drawn) >= 5
)


def rows(drawn, sign=1.0):
    times, events, x = zip(*drawn, strict=True)
    return survival_rows(times, events, x=sign * np.array(x, float))


@settings(max_examples=settings.default.max_examples // 2)
@given(patients, st.integers(1, 11), st.randoms(use_true_random=False))
def test_order_hospitals_and_sign_do_not_matter(drawn, cut, random):
    fit = cox_regression(Tally.from_rows(rows(drawn)), **WHERE, terms=["x"])
    shuffled = random.sample(drawn, len(drawn))
    added = Tally.from_rows(rows(shuffled[:cut])) + Tally.from_rows(rows(shuffled[cut:]))
    assert_alike(cox_regression(added, **WHERE, terms=["x"]), fit)
    turned = cox_regression(Tally.from_rows(rows(drawn, -1.0)), **WHERE, terms=["x"])
    assert turned.refused == fit.refused
    assert_allclose(turned.estimates, -np.array(fit.estimates), rtol=1e-6, atol=1e-8)
    assert_allclose(turned.ph_p_values, fit.ph_p_values, rtol=1e-6, atol=1e-8)


def test_concordance_of_the_turned_predictor_is_the_rest():
    rows = small_rows()
    predictor = rows.x @ np.array([0.4, 0.1])
    (found, error), (turned, same) = concordance(rows, predictor), concordance(rows, -predictor)
    assert_allclose([found + turned, error], [1, same], rtol=1e-12)
    assert concordance(rows, np.zeros(len(predictor))) == (0.5, 0.0)


def test_concordance_needs_a_pair():
    rows = RiskRows(x=np.ones((2, 1)), entry=np.full(2, -np.inf), exit=np.array([3.0, 3]), event=np.array([True, True]))
    assert np.isnan(concordance(rows, np.array([1.0, 2]))).all()


def test_scaled_residuals_are_the_estimate_on_average():
    fit = cox_regression(Tally.from_rows(rows_of("drawn")), **WHERE, terms=["x1", "x2"])
    assert_allclose(np.mean(fit.residuals.values, axis=1), fit.estimates, rtol=1e-6)
    assert list(fit.residuals.frame) == ["term", "time", "rank", "residual"]
    assert len(fit.residuals.frame) == 2 * fit.events


def test_smooth_needs_events_at_distinct_times():
    tied = rows_of("drawn").assign(time=lambda d: np.where(d["time"] > 100, 2.0, 1.0))
    fit = cox_regression(Tally.from_rows(tied), **WHERE, terms=["x2"])
    assert fit.residuals.smooth("x2").empty


def test_a_column_constant_in_a_stratum_has_no_residual_there():
    rows = rows_of("drawn").assign(x9=lambda d: np.where(d["stratum"] == "u", 0.0, d["x2"]))
    fit = cox_regression(Tally.from_rows(rows), **WHERE, terms=["x9"], strata="stratum")
    stratum = rows.loc[rows["event"].to_numpy(bool)].sort_values("time", kind="stable")["stratum"]
    assert np.isnan(fit.residuals.values[0]).sum() == (stratum == "u").sum() > 0
    assert_allclose(np.nanmean(fit.residuals.values[0]), fit.estimates[0], rtol=1e-6)
