"""Every survival statistic on inputs at the edge: a right answer, or a refusal that says why."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from survival_cases import reference
from tallystats.results import UndefinedWarning
from tallystats.survival.competing import aalen_johansen
from tallystats.survival.cox import cox_regression
from tallystats.survival.cox_firth import firth_cox
from tallystats.survival.curves import kaplan_meier, reverse_kaplan_meier
from tallystats.survival.fine_gray import cause_specific_cox, fine_gray
from tallystats.survival.gray import gray_test
from tallystats.survival.logrank import log_rank, trend_log_rank
from tallystats.survival.rate import event_rate
from tallystats.survival.restricted_mean import restricted_mean, restricted_mean_difference
from tallystats.tally import Tally

WHERE = {"time": "time", "event": "event"}
CAUSE = {"time": "time", "cause": "cause"}
WEIGHTS = {"gehan": {}, "tarone-ware": {}, "peto-peto": {}, "fleming-harrington": {"gamma": 1}}


def people(times, causes, groups, counts=None, entries=None):
    """Tally patients; cause 0 is censored, the groups are letters, and x differs in all."""
    frame = pd.DataFrame({"time": pd.Series(times, dtype=float)})
    frame["cause"] = pd.Categorical.from_codes(causes, ["censored", "one", "two"])
    frame["event"] = (frame["cause"] != "censored").astype("boolean")
    frame["group"] = pd.Categorical(list(groups), categories=["a", "b"])
    frame["x"] = [float(k * 7 % len(frame)) for k in range(len(frame))]
    frame["entry"] = 0.5 if entries is None else pd.Series(entries, dtype=float)
    frame["n"] = [1] * len(frame) if counts is None else counts
    return Tally(frame)


TIMES = (2, 3, 5, 5, 7, 8, 9, 11, 12, 14)
CAUSES_ = (1, 0, 2, 1, 1, 0, 2, 1, 2, 0)
CASES = {
    "no events": people(TIMES, [0] * 10, "ababababab"),
    "all events": people(TIMES, [1] * 10, "ababababab"),
    "one group": people(TIMES, CAUSES_, "a" * 10),
    "a group of one": people(TIMES, CAUSES_, "aaaabaaaaa"),
    "all tied": people([4] * 10, CAUSES_, "ababababab"),
    "nobody followed": people([0] * 10, CAUSES_, "ababababab"),
    "one patient": people([4], [1], "a"),
}


def _curve(curve):
    return curve.survival[-1], curve.std_error[-1], curve.median


def _test(test):
    return test.reason or (test.statistic, test.df, test.p_value)


def _model(fit):
    return fit.refused or (fit.estimates[0], fit.p_values[0])


def _mean(mean):
    return mean.reason or (mean.estimate, mean.std_error)


def _difference(found):
    return found.reason or (found.estimates[0], found.p_value)


def _rate(rate):
    return (rate.events, rate.time_at_risk, rate.estimate, rate.conf_high)


def _incidence(found):
    return *(curve.incidence[-1] for curve in found.values()), found["one"].std_error[-1]


def _quantiles(curve):
    return tuple(curve.quantiles([0.25, 0.75])["estimate"])


STATISTICS = {
    "kaplan_meier": lambda t, **o: _curve(kaplan_meier(t, **WHERE, **o)),
    "quantiles": lambda t, **o: _quantiles(kaplan_meier(t, **WHERE, **o)),
    "reverse": lambda t, **o: _curve(reverse_kaplan_meier(t, **WHERE, **o)),
    "rate": lambda t, **o: _rate(event_rate(t, **WHERE, **o)),
    "restricted_mean": lambda t, **o: _mean(restricted_mean(t, **WHERE, **o)),
    "difference": lambda t, **o: _difference(restricted_mean_difference(t, **WHERE, by="group", **o)),
    "log_rank": lambda t, **o: _test(log_rank(t, **WHERE, by="group", **o)),
    **{
        weight: lambda t, w=weight, p=powers, **o: _test(log_rank(t, **WHERE, by="group", weight=w, **p, **o))
        for weight, powers in WEIGHTS.items()
    },
    "trend": lambda t, **o: _test(trend_log_rank(t, **WHERE, by="group", **o)),
    "aalen_johansen": lambda t, **o: _incidence(aalen_johansen(t, **CAUSE, **o)),
    "aalen": lambda t, **o: _incidence(aalen_johansen(t, **CAUSE, variance="aalen", **o)),
    "gray": lambda t, **o: _test(gray_test(t, **CAUSE, by="group", **o)["one"]),
    "cox": lambda t, **o: _model(cox_regression(t, **WHERE, terms=["x"], events_per_column=1, **o)),
    "cox of a group": lambda t, **o: _model(cox_regression(t, **WHERE, terms=["group"], events_per_column=1, **o)),
    "firth_cox": lambda t, **o: _model(firth_cox(t, **WHERE, terms=["group"], **o)),
    "cause_specific": lambda t, **o: _model(cause_specific_cox(t, **CAUSE, terms=["x"], events_per_column=1, **o)["one"]),
    "fine_gray": lambda t, **o: _model(fine_gray(t, **CAUSE, of="one", terms=["x"], events_per_column=1, **o)),
}


def outcome(name, tally):
    """Return the numbers of a statistic, or the words why there are none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedWarning)
        return STATISTICS[name](tally)


NOBODY, ALONE, SURE = "nobody has the event", "fewer than two groups", "the curve's variance is estimated as 0"
WEIGHTLESS = "the weight is 0 whenever the event comes"
CONSTANT = "no term varies among the complete patients"
TESTS = ("log_rank", *WEIGHTS, "trend", "gray")
MODELS = ("cox", "cox of a group", "firth_cox", "cause_specific", "fine_gray")
#: Case -> statistic -> why it has no numbers; every other has.
REFUSED = {
    "no events": {**dict.fromkeys((*TESTS, *MODELS), NOBODY), "restricted_mean": SURE, "difference": f"a: {SURE}"},
    "all events": {},
    "one group": {**dict.fromkeys((*TESTS, "difference"), ALONE), "cox of a group": CONSTANT, "firth_cox": CONSTANT},
    "a group of one": {"difference": f"b: {SURE}"},
    "all tied": {"restricted_mean": SURE, "difference": f"a: {SURE}", "fleming-harrington": WEIGHTLESS},
    "nobody followed": {
        "restricted_mean": "nobody is followed beyond 0",
        "difference": "a: nobody is followed beyond 0",
        "fleming-harrington": WEIGHTLESS,
    },
    "one patient": {**dict.fromkeys((*TESTS, "difference"), ALONE), **dict.fromkeys(MODELS, CONSTANT), "restricted_mean": SURE},
}
#: Numbers that are undefined without a reason of their own: a time that the curve does not reach, or its error at 0.
OPEN = ("kaplan_meier", "quantiles", "reverse", "rate")


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("case", CASES)
def test_right_answer_or_clear_refusal(case, name):
    found = outcome(name, CASES[case])
    if name in REFUSED[case]:
        assert found == REFUSED[case][name]
        return
    assert not isinstance(found, str), found
    known = reference("degenerate").get(case, {})
    if name in known:
        assert_allclose(found, known[name], rtol=1e-6, atol=1e-12)
    assert name in OPEN or np.isfinite(found).all()


def test_r_has_a_value_wherever_it_says_something():
    said = {(case, name) for case, values in reference("degenerate").items() for name in values}
    assert len(said) > 50
    # Only a restricted mean without spread is a number in R and a reason here.
    assert {name for case, name in said if name in REFUSED[case]} == {"restricted_mean"}


def test_with_one_event_time_weights_change_nothing():
    tied = [outcome(name, CASES["all tied"]) for name in ("log_rank", "gehan", "tarone-ware", "peto-peto", "trend")]
    assert_allclose(tied, [tied[0]] * len(tied), rtol=1e-12)


@pytest.mark.parametrize("name", STATISTICS)
def test_patterns_that_nobody_shows_change_nothing(name):
    patients = people(TIMES, CAUSES_, "ababababab")
    ghosts = people((*TIMES, 1, 6, 99), (*CAUSES_, 1, 0, 2), "ababababab" + "aba", counts=[1] * 10 + [0] * 3)
    ghosts.frame.loc[:9, "x"] = patients.frame["x"]
    assert_allclose(outcome(name, ghosts), outcome(name, patients), rtol=1e-9)


@pytest.mark.parametrize("name", STATISTICS)
def test_nothing_but_patterns_that_nobody_shows(name):
    nobody = people(TIMES, CAUSES_, "ababababab", counts=[0] * 10)
    if name in MODELS:
        with pytest.raises(ValueError, match="no patient has a value of all of"):
            outcome(name, nobody)
    elif name in TESTS:
        assert outcome(name, nobody) == ALONE
    elif name in ("restricted_mean", "difference"):
        assert outcome(name, nobody) in ("no patient has a time and an event", ALONE)
    else:
        with pytest.warns(UndefinedWarning, match="no patient has a time|nobody spends time at risk"):
            nothing(name, nobody)


def nothing(name, tally):
    """Run a statistic whose arrays are empty."""
    if "aalen" in name:
        assert not len(aalen_johansen(tally, **CAUSE)["one"].times)
    elif name == "rate":
        assert np.isnan(event_rate(tally, **WHERE).estimate)
    else:
        estimate = reverse_kaplan_meier if name == "reverse" else kaplan_meier
        assert np.isnan(estimate(tally, **WHERE).quantiles([0.5])["estimate"][0])


@pytest.mark.parametrize("name", [name for name in STATISTICS if name not in ("gray", "fine_gray")])
def test_entry_after_exit_is_refused(name):
    late = people(TIMES, CAUSES_, "ababababab", entries=[1, 1, 1, 6, 1, 8, 1, 1, 1, 1])
    with pytest.raises(ValueError, match="entry: 2 of 10 patients have 'time' no later than 'entry'; expected entry < exit"):
        STATISTICS[name](late, entry="entry")


def test_fine_gray_refuses_entry_after_exit():
    late = people(TIMES, CAUSES_, "ababababab", entries=[1, 1, 1, 6, 1, 1, 1, 1, 1, 1])
    with pytest.raises(ValueError, match="entry: 1 of 10 patients have 'time' no later than 'entry'"):
        STATISTICS["fine_gray"](late, entry="entry", weights="finegray")
