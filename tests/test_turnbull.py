"""turnbull.py against R, Finkelstein and Wolfe's example, its edges, and what must hold of any intervals."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from survival_comparisons import comparisons
from tallystats.results import UndefinedWarning
from tallystats.survival.curves import kaplan_meier
from tallystats.survival.interval_mass import greatest, is_unique
from tallystats.survival.turnbull import turnbull
from tallystats.tally import Tally
from visit_comparisons import visit_rows

INF = math.inf
ENDS = {"left": "left", "right": "right"}


def rows(intervals):
    return pd.DataFrame(intervals, columns=["left", "right"], dtype=float)


def fit(intervals, **options):
    return turnbull(Tally.from_rows(rows(intervals)), **ENDS, **options)


@pytest.mark.parametrize("comparison", comparisons("turnbull"), ids=str)
def test_estimate_equals_r(comparison):
    assert comparison.difference() < comparison.tolerance


def test_breast_retraction():
    # Finkelstein and Wolfe (Biometrics 1985; 41: 933-945), radiotherapy alone. No page was found that prints these masses:
    # the EM of visits.R, held to 1e-6 above, gives them too; here they stand to be read.
    found = turnbull(Tally.from_rows(visit_rows("cosmesis")), **ENDS)
    assert list(zip(found.masses.left, found.masses.right, found.masses.mass.round(4), strict=True)) == [
        (4, 5, 0.0463),
        (6, 7, 0.0334),
        (7, 8, 0.0887),
        (11, 12, 0.0708),
        (24, 25, 0.0926),
        (33, 34, 0.0818),
        (38, 40, 0.1209),
        (46, 48, 0.4656),
    ]
    assert (found.n, found.events, found.exact, found.unique) == (46, 21, 0, True)
    assert found.gap < 1e-9


EDGES = {
    "nobody has it": ([(5, INF), (3, INF)], [(5, INF, 1.0)], (0, 0)),
    "all have it": ([(0, 4), (2, 6)], [(2, 4, 1.0)], (2, 0)),
    "all at one time": ([(3, 3)] * 4, [(3, 3, 1.0)], (4, 4)),
    "one patient": ([(1, 2)], [(1, 2, 1.0)], (1, 0)),
    "one patient without": ([(0, INF)], [(0, INF, 1.0)], (0, 0)),
    "at the start": ([(0, 0), (0, INF)], [(0, 0, 0.5), (0, INF, 0.5)], (1, 1)),
    "end and start meet": ([(1, 2), (2, 3)], [(1, 2, 0.5), (2, 3, 0.5)], (2, 0)),
    "exact at an end": ([(1, 2), (2, 2)], [(2, 2, 1.0)], (2, 1)),
    "exact at a start": ([(2, 3), (2, 2)], [(2, 2, 0.5), (2, 3, 0.5)], (2, 1)),
    "free on the day of an exact one": ([(2, INF), (2, 2)], [(2, 2, 0.5), (2, INF, 0.5)], (1, 1)),
}


@pytest.mark.parametrize(("intervals", "masses", "counts"), EDGES.values(), ids=EDGES)
def test_edges_by_hand(intervals, masses, counts):
    found = fit(intervals)
    assert_allclose(found.frame[["left", "right", "mass"]].to_numpy(), masses, atol=1e-9)
    assert (found.events, found.exact) == counts
    assert found.gap < 1e-9
    assert found.unique


def test_nobody_complete_is_undefined():
    with pytest.warns(UndefinedWarning, match="distribution of right: no patient has both ends"):
        found = fit([(1, None), (None, 2)])
    assert (found.n, found.n_missing, found.reason, len(found.frame)) == (0, 2, "no patient has both ends", 0)
    assert found.at([1])[["estimate", "conf_low", "conf_high"]].isna().all(axis=None)


def test_missing_and_counts_of_zero_are_left_out():
    frame = pd.DataFrame({"left": [1.0, 2, 5, 9], "right": [4.0, 3, np.nan, 1], "n": [2, 1, 3, 0]})
    found = turnbull(Tally(frame), **ENDS)  # the pattern of nobody, though it ends before it begins, is no error
    assert (found.n, found.n_missing) == (3, 3)
    assert found.frame[["left", "right"]].to_numpy().tolist() == [[2, 3]]


@pytest.mark.parametrize(
    ("intervals", "message"),
    [
        ([(1, 2), (5, 3), (5, 3)], "left: 2 of 3 patients have 'left' after 'right', such as 5 to 3; expected left <= right"),
        ([(-1, 2)], "left: 1 of 1 patients have a negative or infinite 'left', such as -1 to 2; expected 0 or more"),
        ([(INF, INF)], "left: 1 of 1 patients have a negative or infinite 'left', such as inf to inf; expected 0 or more"),
    ],
)
def test_impossible_intervals_are_refused(intervals, message):
    with pytest.raises(ValueError, match=message):
        fit(intervals)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"left": "start"}, "left: 'start' is not in the tally; expected one of left, right"),
        ({"confidence_level": 95}, "confidence_level: 95; expected a number between 0 and 1"),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        turnbull(Tally.from_rows(rows([(1, 2)])), **{**ENDS, **options})


def test_words_are_no_ends():
    with pytest.raises(ValueError, match=r"right: 'right' is of type .*; expected numbers"):
        turnbull(Tally.from_rows(rows([(1, 2)]).astype({"right": "string"})), **ENDS)


def test_where_the_mass_lies_is_not_told():
    read = fit([(0, 4), (2, 6), (6, INF)]).at([2, 3, 4, 6, 7])
    assert_allclose(read["at_least"], [0, 0, 2 / 3, 2 / 3, 2 / 3], atol=1e-9)
    assert_allclose(read["at_most"], [0, 2 / 3, 2 / 3, 2 / 3, 1], atol=1e-9)
    assert read["n_positive"].tolist() == [0, 0, 1, 2, 2]
    assert read["n_negative"].tolist() == [2, 1, 1, 1, 0]


def test_limits_by_hand():
    from scipy.stats import binomtest

    intervals = [(0, 2)] * 3 + [(1, 6)] * 2 + [(3, INF)] * 4 + [(8, INF)] * 6
    read = fit(intervals, confidence_level=0.9).at([4]).iloc[0]
    # By 4: of 15, 3 had it. Of all but the four last looked at before: 2 more may have had it.
    assert_allclose(read["conf_low"], binomtest(3, 15, alternative="greater").proportion_ci(0.95).low)
    assert_allclose(read["conf_high"], binomtest(5, 11, alternative="less").proportion_ci(0.95).high)


def test_times_known_exactly_give_kaplan_and_meiers_curve():
    rng = np.random.default_rng(2)
    time, event = rng.integers(1, 12, 40).astype(float), rng.random(40) < 0.6
    curve = kaplan_meier(
        Tally.from_rows(pd.DataFrame({"time": time, "event": pd.array(event, dtype="boolean")})), time="time", event="event"
    )
    found = fit(list(zip(time, np.where(event, time, INF), strict=True)))
    assert_allclose(1 - found.at(curve.times)["estimate"], curve.survival, atol=1e-9)


def test_mass_that_is_not_unique_is_said_so():
    cover = np.array(
        [[True, True, False, False], [False, False, True, True], [True, False, True, False], [False, True, False, True]]
    )
    mass, gap, _ = greatest(cover, np.ones(4))
    assert gap < 1e-9
    assert not is_unique(cover, np.ones(4), mass)
    assert is_unique(cover[:2, ::2], np.ones(2), np.array([0.5, 0.5]))


ends = st.tuples(st.integers(0, 12), st.integers(0, 6), st.booleans()).map(
    lambda drawn: (drawn[0], INF if drawn[2] else drawn[0] + drawn[1])
)
patients = st.lists(ends, min_size=1, max_size=25)
WHEN = np.arange(20.0)


@given(patients, st.randoms())
def test_what_holds_of_any_intervals(intervals, random):
    found = fit(intervals)
    read = found.at(WHEN)
    assert found.gap < 1e-8 * len(intervals)
    assert_allclose(found.masses.mass.sum(), 1)
    # Doubled, shuffled, in another unit, bent: the same.
    again = intervals * 2
    random.shuffle(again)
    assert_allclose(fit(again).at(WHEN)["at_least"], read["at_least"], atol=1e-6)
    bent = [(math.exp(left / 5), math.exp(right / 5)) for left, right in intervals]
    assert_allclose(
        fit(bent).at(np.exp(WHEN / 5))[["at_least", "at_most", "conf_low", "conf_high"]],
        read[["at_least", "at_most", "conf_low", "conf_high"]],
        atol=1e-6,
    )
    assert (read["conf_low"] <= read["at_least"] + 1e-12).all()
    assert (read["at_most"] <= read["conf_high"] + 1e-12).all()
    # From the tallies of two hospitals as from the rows of both.
    half = len(intervals) // 2
    both = Tally.from_rows(rows(intervals[:half])) + Tally.from_rows(rows(intervals[half:])) if half else None
    if both:
        assert_allclose(turnbull(both, **ENDS).at(WHEN)["at_least"], read["at_least"], atol=1e-6)


@given(patients, st.integers(0, 24), st.integers(1, 5))
def test_a_narrower_interval_never_raises_the_likelihood(intervals, which, by):
    which %= len(intervals)
    left, right = intervals[which]
    narrower = (left, max(left, right - by)) if right < INF else (left, left + by)
    if narrower[0] == narrower[1] and left != right:
        return
    before = fit(intervals).log_likelihood
    assert fit([*intervals[:which], narrower, *intervals[which + 1 :]]).log_likelihood <= before + 1e-8
