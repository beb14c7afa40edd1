"""stability.py: repeated selections against the selection of each table by itself, and what they are counted to."""

import doctest
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from logistic_cases import birthwt, infert, separated
from tallystats.regression import stability
from tallystats.regression.design import make_design
from tallystats.regression.selection import select_terms
from tallystats.regression.stability import resampled_counts, select_many, selection_stability
from tallystats.tally import Tally

RULES = [(method, test) for method in ("forward", "backward") for test in ("wald", "lr", "conditional")]
LOW = {"outcome": "low", "candidates": ["smoke", "ht", "ui", "ptl", "lwt", "race"]}
CASE = {"outcome": "case", "candidates": ["education", "age", "parity", "spontaneous", "induced"]}
FAILED = {"outcome": "failed", "candidates": ["cement", "late", "weak"], "entry": 0.1}


def alone(tally, counts, options):
    """Select in one table of counts by itself."""
    kept = tally.frame[counts > 0].assign(n=counts[counts > 0].astype(int))
    return select_terms(Tally(kept.reset_index(drop=True)), **options).selected


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::tallystats.results.UndefinedWarning")
@pytest.mark.parametrize(("method", "test"), RULES)
@pytest.mark.parametrize(("data", "options"), [(birthwt, LOW), (infert, CASE), (separated, FAILED)])
def test_many_at_once_select_what_each_selects_alone(data, options, method, test):
    options = options | {"method": method, "removal_test": test}
    tally = data()
    rules = select_terms(tally, **options)
    design = make_design(tally, outcome=options["outcome"], terms=options["candidates"], keep_determined=True)
    counts = resampled_counts(design, 4, 7)
    for (terms, _), row in zip(select_many(design, counts, rules), counts, strict=True):
        if terms is not None:
            assert terms == alone(tally, row, options)
        else:
            assert row @ design.y in (0, row.sum())


def test_levels_that_a_table_lacks_are_left_out():
    tally = birthwt()
    design = make_design(tally, outcome="low", terms=LOW["candidates"], keep_determined=True)
    race = tally.frame["race"].to_numpy()
    for gone in (["black"], ["white"], ["black", "other"]):
        counts = np.where(np.isin(race, gone), 0.0, design.n)
        for method in ("forward", "backward"):
            options = LOW | {"method": method, "entry": 0.5, "removal": 0.6}
            ((terms, _),) = select_many(design, counts[None, :], select_terms(tally, **options))
            assert terms == alone(tally, counts, options)


@pytest.mark.filterwarnings("ignore::tallystats.results.UndefinedWarning")
@pytest.mark.parametrize(("data", "options"), [pytest.param(birthwt, LOW, marks=pytest.mark.slow), (separated, FAILED)])
def test_each_patient_is_left_out_in_turn(data, options):
    tally = data()
    found = selection_stability(tally, select_terms(tally, **options), resamples=1)
    rows = tally.expand()
    sets = {}
    # Without any one of several patients who are alike, the same is selected.
    for alike in rows.groupby(list(rows.columns), dropna=False, observed=True).groups.values():
        terms = select_terms(Tally.from_rows(rows.drop(index=alike[0])), **options).selected
        sets[terms] = sets.get(terms, 0) + len(alike)
    assert dict(found.left_out) == sets
    assert found.changing == len(rows) - sets[found.selected]
    expected = [sum(n for terms, n in sets.items() if term in terms) / len(rows) for term in options["candidates"]]
    assert_allclose(found.left_out_inclusion, expected)


def test_shares_follow_from_the_sets():
    found = selection_stability(birthwt(), select_terms(birthwt(), **LOW), resamples=80, seed=3)
    assert sum(n for _, n in found.sets) == found.usable == 80
    for term, share in zip(found.candidates, found.inclusion, strict=True):
        assert share == sum(n for terms, n in found.sets if term in terms) / 80
    assert [n for _, n in found.sets] == sorted((n for _, n in found.sets), reverse=True)
    assert found.same == dict(found.sets).get(found.selected, 0) / 80
    frame = found.frame
    assert_allclose(frame["std_error"], np.sqrt(frame["estimate"] * (1 - frame["estimate"]) / 80))
    assert found.set_frame["resamples"].sum() == 80
    assert found.set_frame["left_out"].sum() == found.n == 189


def test_a_seed_gives_the_same_and_another_does_not():
    chosen = select_terms(birthwt(), **LOW)
    first, second, third = (selection_stability(birthwt(), chosen, resamples=40, seed=s) for s in (5, 5, 6))
    assert first == second
    assert first.sets != third.sets


def test_resamples_are_drawn_from_patients_not_from_patterns():
    tally = separated()
    design = make_design(tally, outcome="failed", terms=["cement", "late", "weak"])
    drawn = resampled_counts(design, 4000, 2)
    assert (drawn.sum(axis=1) == 72).all()
    error = np.sqrt(design.n * (1 - design.n / 72) / 4000)
    assert (np.abs(drawn.mean(axis=0) - design.n) < 5 * error).all()
    # Without any failure nothing can be selected: with three of 72, (69/72)^72 of all.
    found = selection_stability(tally, select_terms(tally, **FAILED), resamples=400)
    assert 0 < found.unusable < 400 * 0.12
    assert found.left_out_unusable == 0


@settings(max_examples=3)
@given(st.permutations(range(189)))
def test_the_order_of_the_patients_does_not_matter(order):
    rows = birthwt().expand().iloc[order]
    found = selection_stability(Tally.from_rows(rows), select_terms(birthwt(), **LOW), resamples=2)
    assert found.left_out == selection_stability(birthwt(), select_terms(birthwt(), **LOW), resamples=2).left_out


@pytest.mark.filterwarnings("ignore::tallystats.results.UndefinedWarning")
def test_one_event_leaves_nothing_without_its_patient():
    rows = pd.DataFrame({"x": [0.0, 1, 2, 3, 4], "y": [False, False, False, False, True]})
    tally = Tally.from_rows(rows)
    found = selection_stability(tally, select_terms(tally, outcome="y", candidates=["x"], entry=0.2), resamples=50)
    assert found.left_out_unusable == 1
    assert found.changing >= 1
    assert found.unusable > 5


def test_ties_are_counted():
    cells = pd.DataFrame(
        {"x": [True, False, True, False], "z": [True, False, True, False], "y": [True, True, False, False], "n": [9, 3, 3, 9]}
    )
    tally = Tally(cells)
    found = selection_stability(tally, select_terms(tally, outcome="y", candidates=["x", "z"], removal=1), resamples=60)
    assert found.inclusion[1] == 0
    assert found.tied == sum(n for terms, n in found.sets if terms)


def test_progress_counts_every_table():
    done = []
    selection_stability(birthwt(), select_terms(birthwt(), **LOW), resamples=30, on_progress=done.append)
    assert sum(done) == 30 + len(birthwt().frame)


def test_errors():
    chosen = select_terms(birthwt(), **LOW)
    with pytest.raises(ValueError, match="resamples: 0; expected at least 1"):
        selection_stability(birthwt(), chosen, resamples=0)
    entered = select_terms(birthwt(), method="enter", **LOW)
    with pytest.raises(ValueError, match="its method is 'enter', which selects nothing; expected 'forward' or 'backward'"):
        selection_stability(birthwt(), entered)


def test_nothing_usable_is_undefined():
    rows = pd.DataFrame({"x": [0.0, 1], "y": [False, True]})
    tally = Tally.from_rows(rows)
    found = selection_stability(tally, select_terms(tally, outcome="y", candidates=["x"]), resamples=1, seed=3)
    assert found.unusable == 1
    assert math.isnan(found.same)
    assert math.isnan(found.inclusion[0])


def test_examples():
    tested = doctest.testmod(stability)
    assert tested.attempted > 0
    assert tested.failed == 0
