"""selection.py against R: its tests one by one, and whole selections step by step."""

import doctest
import math

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from logistic_cases import birthwt, number, reference, separated, table
from performance_comparisons import CASES, _stepwise, logged
from tallystats.regression import selection
from tallystats.regression.block_tests import removal_tests, score_tests
from tallystats.regression.design import make_design
from tallystats.regression.logistic import EXACT_CHANGE, EXACT_ITERATIONS, fit_many
from tallystats.regression.selection import select_terms
from tallystats.tally import Tally

EXACT = {"max_iterations": EXACT_ITERATIONS, "tolerance": EXACT_CHANGE}
ALL = ["smoke", "ht", "race", "lwt", "ui", "ptl"]


def fitted(inside):
    design = make_design(birthwt(), outcome="low", terms=ALL)
    return design, fit_many(design.x[:, design.positions(inside)], design.y, design.n, **EXACT)


@pytest.mark.parametrize("term", ["race", "lwt", "ui", "ptl"])
def test_score_tests_equal_rao(term):
    design, fit = fitted(["smoke", "ht"])
    (test,) = score_tests(design, ["smoke", "ht"], [term], fit)
    assert_allclose(test.statistic, number("enter", f"{term}:statistic"), rtol=1e-8)
    assert_allclose(test.p_value, number("enter", f"{term}:p_value"), rtol=1e-8)
    assert test.df == (2 if term == "race" else 1)


@pytest.mark.parametrize("method", ["wald", "lr", "conditional"])
@pytest.mark.parametrize("term", ["smoke", "ht", "race", "lwt"])
def test_removal_tests_equal_r(method, term):
    inside = ["smoke", "ht", "race", "lwt"]
    design, fit = fitted(inside)
    found = {t.term: t for t in removal_tests(design, inside, fit, method=method, **EXACT)}
    assert_allclose(found[term].statistic, number("leave", f"{term}:{method}"), rtol=1e-7)


STEPWISE = reference("selection")


@pytest.mark.parametrize("one", list(_stepwise()), ids=str)
def test_selections_equal_r_at_every_step(one):
    assert one.difference() < one.tolerance


@pytest.mark.parametrize("case", [case for case in STEPWISE if " " in case])
def test_selections_take_the_steps_that_r_takes(case):
    outcome, method, test, entry, removal = case.split()
    data, _, candidates = CASES["birthwt" if outcome == "low" else "infert"]
    found = select_terms(
        data(),
        outcome=outcome,
        candidates=candidates,
        method=method,
        entry=float(entry),
        removal=float(removal),
        removal_test=test,
        **EXACT,
    )
    signs = {"enter": "+", "remove": "-"}
    assert [signs[step.action] + step.term for step in found.steps[1:]] == STEPWISE[case]["log"].split()
    assert set(logged(found.steps)) == set(STEPWISE[case]) - {"log"}


def test_single_columns_of_a_factor_outside_equal_r():
    found = select_terms(birthwt(), outcome="low", candidates=["smoke", "race"], entry=1e-9, method="forward", **EXACT)
    assert {t.term for t in found.steps[0].columns} == {"race: other", "race: white"}
    design, fit = fitted(["smoke"])
    tests = selection._further_tests(design, ["smoke"], ["race"], fit)["columns"]
    assert_allclose([t.statistic for t in tests], [float(STEPWISE["columns"][t.term]) for t in tests], rtol=1e-8)
    assert [t.df for t in tests] == [1, 1]


def test_under_separation_the_removal_test_decides():
    options = {"outcome": "failed", "candidates": ["cement", "late", "weak"], "entry": 0.1, "removal": 0.1}
    by = {method: select_terms(separated(), removal_test=method, **options) for method in ("wald", "lr", "conditional")}
    assert [(s.action, s.term) for s in by["wald"].steps] == [("start", ""), ("enter", "cement"), ("remove", "cement")]
    assert by["wald"].selected == ()
    assert by["wald"].stopped == "the model is one it had before"
    assert by["lr"].selected == by["conditional"].selected == ("cement", "weak")


def test_listwise_deletion_over_all_candidates():
    rows = birthwt().expand()
    rows.loc[:9, "lwt"] = None
    found = select_terms(Tally.from_rows(rows), outcome="low", candidates=["smoke", "ht", "lwt"])
    assert (found.n, found.n_missing) == (179, 10)
    assert all(step.model is None or step.model.n == 179 for step in found.steps)


def test_every_step_shows_the_variables_outside():
    found = select_terms(birthwt(), outcome="low", candidates=ALL, entry=0.2, removal=0.25)
    for step in found.steps:
        inside, outside = {t.term for t in step.inside}, {t.term for t in step.outside}
        assert inside | outside == set(ALL)
        assert not inside & outside
    assert set(found.frame["where"]) == {
        "in the model",
        "not in the model",
        "not in the model, its columns",
        "not in the model, all",
    }


def rows_with_sum():
    rng = np.random.default_rng(4)
    rows = pd.DataFrame({"a": rng.normal(size=80), "b": rng.normal(size=80)})
    rows["sum"] = rows["a"] + rows["b"]
    rows["y"] = rng.random(80) < 1 / (1 + 2.718281828 ** (-1.5 * rows["sum"]))
    return rows.assign(same=1.0)


@pytest.mark.parametrize("candidates", [["a", "b", "sum", "same"], ["same", "sum", "b", "a"]])
def test_an_aliased_candidate_competes_wherever_it_stands(candidates):
    found = select_terms(Tally.from_rows(rows_with_sum()), outcome="y", candidates=candidates)
    assert found.steps[1].term == "sum"
    assert found.dropped == {"same": "every patient has the same value"}
    assert all("same" not in {t.term for t in step.outside} for step in found.steps)


def test_what_the_model_determines_has_no_score_test():
    found = select_terms(Tally.from_rows(rows_with_sum()), outcome="y", candidates=["a", "b", "sum"], entry=1, removal=1)
    last = found.steps[-1]
    assert len(last.inside) == 2
    assert [math.isnan(test.p_value) for test in last.outside] == [True]
    assert found.stopped == "no term outside the model has P < 1"


def test_without_changes_in_order_the_selection_is_the_same():
    forwards = select_terms(birthwt(), outcome="low", candidates=ALL, entry=0.2, removal=0.15)
    backwards = select_terms(birthwt(), outcome="low", candidates=ALL[::-1], entry=0.2, removal=0.15)
    assert [(s.action, s.term) for s in forwards.steps] == [(s.action, s.term) for s in backwards.steps]
    assert_allclose([s.test.p_value for s in forwards.steps[1:]], [s.test.p_value for s in backwards.steps[1:]], rtol=1e-6)


def test_nothing_enters():
    found = select_terms(table([(0, 0, 9), (0, 1, 9), (1, 0, 9), (1, 1, 9)], "x", "y"), outcome="y", candidates=["x"])
    assert (found.selected, len(found.steps)) == ((), 1)
    assert found.stopped == "no term outside the model has P < 0.05"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"method": "stepwise"}, "method: 'stepwise'; expected one of forward, backward, enter"),
        ({"removal_test": "score"}, "removal_test: 'score'; expected one of wald, lr, conditional"),
        ({"entry": 0}, "entry: 0; expected a P value above 0 and at most 1"),
        ({"removal": 2}, "removal: 2; expected a P value above 0 and at most 1"),
    ],
)
def test_errors(options, text):
    with pytest.raises(ValueError, match=text):
        select_terms(birthwt(), outcome="low", candidates=["smoke"], **options)


def test_all_enter_and_nothing_is_selected():
    found = select_terms(birthwt(), outcome="low", candidates=ALL, method="enter")
    assert (found.selected, len(found.steps), found.stopped) == (tuple(ALL), 1, "the plan enters all terms")


def test_backwards_starts_without_what_others_determine():
    found = select_terms(Tally.from_rows(rows_with_sum()), outcome="y", candidates=["a", "b", "sum", "same"], method="backward")
    assert {t.term for t in found.steps[0].inside} == {"a", "b"}
    assert math.isnan(found.steps[0].outside[0].p_value)


@pytest.mark.parametrize("method", ["forward", "backward"])
def test_tied_terms_are_named_and_the_first_is_taken(method):
    cells = table([(1, 1, 1, 9), (0, 0, 0, 9), (1, 0, 1, 4), (0, 1, 1, 4), (1, 0, 0, 4), (0, 1, 0, 4)], "x", "z", "y")
    for order in (["x", "z"], ["z", "x"]):
        found = select_terms(cells, outcome="y", candidates=order, method=method, entry=0.9, removal=0.001)
        assert found.steps[1].term == order[0]
        assert found.steps[1].tied == (order[1],)


def test_an_outcome_without_events_is_an_error():
    rows = pd.DataFrame({"x": [0.0, 1], "y": [False, False]})
    with pytest.raises(ValueError, match="'y' is the same in all 2 complete patients"):
        select_terms(Tally.from_rows(rows), outcome="y", candidates=["x"])


def test_examples():
    tested = doctest.testmod(selection)
    assert tested.attempted > 0
    assert tested.failed == 0
