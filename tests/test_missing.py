"""missing/: who lacks what, pooling by Rubin's rules, and best and worst cases, held to R and to what must hold."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from missing_cases import imputed, pbc
from missing_comparisons import comparisons
from survival_cases import reference
from tallystats.missing.extremes import assume_outcome, extreme_rates
from tallystats.missing.patterns import complete_cases, missing_by_outcome, missing_patterns
from tallystats.missing.pooled import pooled_cox, pooled_logistic
from tallystats.missing.rubin import pool, pooled_test
from tallystats.tally import Tally

ASKED = ("age", "stage", "platelet", "hepato", "chol")


def observed():
    return Tally.from_rows(pbc())


@pytest.mark.parametrize("one", comparisons("pooled"), ids=str)
def test_pooled_regressions_are_those_of_r(one):
    assert one.difference() <= one.tolerance


def test_complete_cases_are_those_of_r():
    found, expected = complete_cases(observed(), ASKED), reference("missing")["patterns"]
    assert found.n == 418
    assert list(found.n_missing) == expected["missing"].tolist()
    assert list(found.remaining) == expected["remaining"].tolist()
    assert found.complete == found.frame["remaining"].iloc[-1] == 280


def test_patterns_are_those_of_r():
    expected = reference("missing")["patterns"]
    there = expected["there"].reshape(-1, len(ASKED)) == 1
    wanted = {frozenset(np.array(ASKED)[~row]): int(n) for row, n in zip(there, expected["counts"], strict=True)}
    found = missing_patterns(observed(), ASKED)
    assert {frozenset(p): n for p, n in zip(found.patterns, found.counts, strict=True)} == wanted
    assert found.terms == ("chol", "hepato", "platelet", "stage")
    assert found.n == 418
    assert list(found.counts) == sorted(found.counts, reverse=True)
    assert found.frame["chol"].tolist() == ["chol" in pattern for pattern in found.patterns]


def test_missing_by_outcome_is_fishers_test_of_r():
    for name, p in zip(ASKED[1:], reference("missing")["patterns"]["fisher"], strict=True):
        found = missing_by_outcome(observed(), name, "died")
        np.testing.assert_allclose(found.test.p_value, p, rtol=1e-8)
        assert found.totals == (257, 161)
        assert sum(found.n_missing) + found.unknown == pbc()[name].isna().sum()


def test_those_without_an_outcome_are_in_neither_group():
    rows = pd.DataFrame({"x": [None, None, 1.0, 2, 3], "y": pd.array([None, True, False, True, None], dtype="boolean")})
    found = missing_by_outcome(Tally.from_rows(rows), "x", "y")
    assert (found.n_missing, found.totals, found.unknown) == ((0, 1), (1, 2), 1)


@given(st.lists(st.tuples(*[st.sampled_from([None, 1.0, 2.0])] * 3), min_size=1, max_size=30), st.permutations([0, 1, 2]))
def test_counts_of_missing_values_hold_together(rows, order):
    tally = Tally.from_rows(pd.DataFrame(rows, columns=["a", "b", "c"], dtype=float))
    names = [("a", "b", "c")[k] for k in order]
    found, patterns = complete_cases(tally, names), missing_patterns(tally, names)
    assert found.complete == tally.complete().total == dict(zip(patterns.patterns, patterns.counts, strict=True)).get((), 0)
    assert sorted(found.remaining, reverse=True) == list(found.remaining)
    assert patterns.n == len(rows) == found.n
    assert found.n_missing == tuple(
        sum(n for p, n in zip(patterns.patterns, patterns.counts, strict=True) if name in p) for name in names
    )
    assert found.n_only == tuple(dict(zip(patterns.patterns, patterns.counts, strict=True)).get((name,), 0) for name in names)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ([], "variables: none; expected at least one"),
        (["age", "size"], "variables: 'size' is not in the tally; expected some of .*age"),
    ],
)
def test_variables_that_are_not_there(variables, message):
    for count in (complete_cases, missing_patterns):
        with pytest.raises(ValueError, match=message):
            count(observed(), variables)


# Rubin's rules


def test_data_sets_that_agree_pool_to_themselves():
    found = pool([[0.5]] * 4, [[0.04]] * 4, df_complete=30)
    assert (found.between, found.total) == ((0.0,), (0.04,))
    np.testing.assert_allclose(found.df[0], 31 / 33 * 30)
    assert found.simulation_errors == (0.0,)
    alone = pool([[0.5]] * 4, [[0.04]] * 4)
    np.testing.assert_allclose(alone.p_values[0], 0.0124193306515517, rtol=1e-12)  # 2 (1 - Phi(2.5))


def test_without_degrees_of_freedom_of_complete_data_they_are_rubins():
    found = pool([[1.0], [1.2], [1.4]], [[0.04], [0.05], [0.06]])
    share = 4 / 3 * 0.04 / found.total[0]
    np.testing.assert_allclose(found.df[0], 2 / share**2)


def test_of_one_coefficient_the_joint_test_is_the_square():
    rng = np.random.default_rng(4)
    apart, variances = rng.normal(1, 0.2, (6, 1)), rng.uniform(0.1, 0.2, (6, 1))
    t = pool(apart, variances)
    joint = pooled_test(apart, variances[:, :, None])
    np.testing.assert_allclose(joint.statistic, t.statistics[0] ** 2)


@given(st.integers(2, 8), st.integers(1, 3), st.integers(0, 10**6), st.floats(0.1, 50))
def test_pooling_knows_no_unit_and_no_order(m, k, seed, unit):
    rng = np.random.default_rng(seed)
    apart, root = rng.normal(0, 1, (m, k)), rng.normal(0, 1, (m, k, k))
    covariances = root @ root.transpose(0, 2, 1) + np.eye(k)
    here = pool(apart, np.diagonal(covariances, axis1=1, axis2=2), df_complete=50)
    order = rng.permutation(m)
    scaled = covariances[order] * unit**2
    there = pool(apart[order] * unit, np.diagonal(scaled, axis1=1, axis2=2), df_complete=50)
    np.testing.assert_allclose(there.p_values, here.p_values, rtol=1e-9)
    np.testing.assert_allclose(np.array(there.std_errors), unit * np.array(here.std_errors), rtol=1e-9)
    first, again = (pooled_test(a, c, df_complete=50) for a, c in ((apart, covariances), (apart[order] * unit, scaled)))
    np.testing.assert_allclose(again.p_value, first.p_value, rtol=1e-7)
    assert (np.array(here.total) >= np.array(here.within)).all()
    assert 0 < first.p_value <= 1


@pytest.mark.parametrize(("estimates", "variances"), [([[1.0]], [[1.0]]), ([1.0, 2], [1.0, 2]), ([[1.0]] * 2, [[1.0, 2]] * 2)])
def test_too_few_data_sets_or_unequal_shapes(estimates, variances):
    with pytest.raises(ValueError, match=r"estimates, variances: of shape .*; expected the same, at least two data sets"):
        pool(estimates, variances)


def test_covariances_that_do_not_fit():
    with pytest.raises(ValueError, match=r"estimates, covariances: of shape .*expected at least two data sets, and a square"):
        pooled_test([[1.0, 2]] * 3, [[[1.0]]] * 3)


def test_singular_covariances_give_no_joint_test():
    found = pooled_test([[1.0, 2.0]] * 3, [[[1.0, 1.0], [1.0, 1.0]]] * 3)
    assert np.isnan([found.statistic, found.p_value]).all()


def test_few_patients_leave_reiters_expansion_its_limit():
    assert pooled_test([[1.0, 2.0], [0.0, 5.0], [3.0, 1.0], [9.0, 1.0]], [np.eye(2)] * 4, df_complete=5).df_denominator == 4


# Regressions of imputed data sets


@pytest.mark.slow
def test_rows_and_counts_pool_to_the_same():
    sets = [Tally.from_rows(tally.expand().sample(frac=1, random_state=3)) for tally in imputed()]
    ones = [Tally(tally.expand().assign(n=1)) for tally in imputed()]
    for fit, where in ((pooled_logistic, {"outcome": "died"}), (pooled_cox, {"time": "time", "event": "died"})):
        here, there = (fit(one, terms=["age", "stage"], **where) for one in (sets, ones))
        np.testing.assert_allclose(here.pooled.estimates, there.pooled.estimates, rtol=1e-8)
        np.testing.assert_allclose(here.joint["stage"].p_value, there.joint["stage"].p_value, rtol=1e-7)
        assert "stage (joint)" in here.frame["term"].tolist()


def cells(*counts, columns=("old", "died")):
    patterns = pd.DataFrame({columns[0]: [False, False, True, True], columns[1]: [False, True] * 2})
    return [Tally(patterns.assign(n=n)) for n in counts]


def test_a_data_set_that_is_separated_is_pooled_by_firth():
    found = pooled_logistic(cells([20, 0, 10, 15], [20, 1, 10, 14]), outcome="died", terms=["old"])
    assert found.method == "Firth's penalised likelihood in 2 imputed data sets, pooled by Rubin's rules"
    ends = [np.log(15.5 * 20.5 / (10.5 * 0.5)), np.log(14.5 * 20.5 / (10.5 * 1.5))]  # a half added to each cell
    np.testing.assert_allclose(found.pooled.estimates[1], np.mean(ends), rtol=1e-6)
    assert found.events == (15, 15)


def test_no_outcome_in_a_data_set_is_refused():
    found = pooled_logistic(cells([20, 0, 10, 0], [20, 0, 9, 1]), outcome="died", terms=["old"])
    assert found.refused == "died is the same in all patients of an imputed data set"
    assert found.frame.to_dict("records") == [{"refused": found.refused, "n": 30}]


def test_a_cox_model_that_one_data_set_does_not_carry_is_refused():
    rows = pbc(1).assign(rare=pd.array([False] * 417 + [True], dtype="boolean"))
    rows["rare"] = rows["rare"] & ~rows["died"]
    found = pooled_cox([Tally.from_rows(rows)] * 2, time="time", event="died", terms=["age", "rare"])
    assert found.refused.startswith("in an imputed data set, monotone likelihood: every event has the same value of rare")


# Best and worst cases


def unknown(yes, no, lacking):
    return Tally(pd.DataFrame({"failed": pd.array([True, False, None], dtype="boolean"), "n": [yes, no, lacking]}))


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_the_truth_lies_between_best_and_worst(yes, no, lacking):
    if not yes + no:
        return
    found = extreme_rates(unknown(yes, no, lacking), "failed")
    for more in range(lacking + 1):
        assert found.none.estimate <= (yes + more) / (yes + no + lacking) <= found.everybody.estimate
    assert found.none.estimate <= found.observed.estimate <= found.everybody.estimate
    assert found.unknown == lacking


def test_groups_may_be_supposed_to_differ_most():
    rows = pd.DataFrame(
        {
            "old": pd.array([True, True, False, False, None, None], dtype="boolean"),
            "failed": pd.array([True, None, False, None, None, True], dtype="boolean"),
        }
    )
    tally = Tally.from_rows(rows)

    def shown(**options):
        frame = assume_outcome(tally, "failed", **options).expand()
        return sorted((str(old), str(failed)) for old, failed in frame.itertuples(index=False))

    known = [("<NA>", "True"), ("False", "False"), ("True", "True")]
    assert shown(yes=True) == sorted([*known, ("<NA>", "True"), ("False", "True"), ("True", "True")])
    assert shown(yes=True, by="old", level=True) == sorted([*known, ("<NA>", "<NA>"), ("False", "False"), ("True", "True")])
    assert shown(yes=True, by="old", level=False) == sorted([*known, ("<NA>", "<NA>"), ("False", "True"), ("True", "False")])


def test_what_cannot_be_supposed():
    with pytest.raises(ValueError, match="outcome: 'age' is of type float64; expected boolean"):
        assume_outcome(observed(), "age", yes=True)
    with pytest.raises(ValueError, match="outcome: 'stage' is of type category; expected boolean"):
        extreme_rates(observed(), "stage")
    with pytest.raises(ValueError, match="level: '9' is no level of 'stage'; expected one of 1, 2, 3, 4"):
        assume_outcome(observed(), "died", yes=True, by="stage", level="9")
