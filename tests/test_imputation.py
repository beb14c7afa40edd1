"""missing/chained.py and conditional.py: what is drawn, from whom, with which spread, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from missing_cases import STAGES, pbc
from tallystats.missing.chained import ImputationError, Passive, impute
from tallystats.missing.conditional import draw_levels, draw_numbers
from tallystats.tally import Tally

COLUMNS = ["died", "age", "chol", "hepato", "stage"]


def drawn(rows=None, **options):
    return impute(Tally.from_rows(pbc()[COLUMNS] if rows is None else rows), **{"imputations": 3, "iterations": 2, **options})


def test_what_is_known_stays_and_nothing_is_missing():
    found = drawn(ordered=["stage"])
    known = pbc()[COLUMNS].dropna()
    for tally in found.tallies:
        assert tally.total == tally.complete().total == 418
        assert tally.frame.dtypes[COLUMNS].to_dict() == pbc()[COLUMNS].dtypes.to_dict()
        both = pd.concat([tally.frame.assign(n=tally.frame["n"]), Tally.from_rows(known).frame.assign(n=-1)])
        assert (both.groupby(COLUMNS, observed=True)["n"].sum() >= 0).all()  # each complete patient is there
        assert set(tally.frame["chol"]) <= set(known["chol"]) | set(pbc()["chol"].dropna())
    assert found.n_missing == {"stage": 6, "hepato": 106, "chol": 134}
    assert (found.n, found.incomplete) == (418, 134)
    assert found.methods == {
        "stage": "continuation-ratio logistic regression",
        "hepato": "logistic regression",
        "chol": "predictive mean matching (5 donors)",
    }
    assert drawn().methods["stage"] == "multinomial logistic regression"
    assert found.chain_means["chol"].shape == (3, 2)


def test_the_seed_decides_and_the_order_of_rows_does_not():
    rows = pbc()[COLUMNS]
    first, again, other = drawn(seed=7), drawn(rows.sample(frac=1, random_state=1), seed=7), drawn(seed=8)
    for a, b, c in zip(first.tallies, again.tallies, other.tallies, strict=True):
        pd.testing.assert_frame_equal(a.frame, b.frame)
        assert not a.frame.equals(c.frame)
    assert len({tally.frame.to_csv() for tally in first.tallies}) == 3


def test_counts_and_rows_give_the_same():
    tally = Tally.from_rows(pbc()[["died", "hepato", "stage"]])
    ones = Tally(tally.expand().assign(n=1))
    for a, b in zip(impute(tally, imputations=2).tallies, impute(ones, imputations=2).tallies, strict=True):
        pd.testing.assert_frame_equal(a.frame, b.frame)


def test_nothing_missing_gives_the_same_each_time():
    found = drawn(pbc()[COLUMNS].dropna())
    assert found.methods == {}
    assert found.incomplete == 0
    for tally in found.tallies:
        pd.testing.assert_frame_equal(tally.frame, Tally.from_rows(pbc()[COLUMNS].dropna()).frame)


def test_derived_variables_are_made_again():
    def high(frame):
        return (frame["chol"] > 300).astype("boolean")

    found = drawn(passive={"high": Passive(("chol",), high)}, wanted=["died", "high"])
    for tally in found.tallies:
        assert tally.columns == ["died", "high"]
        assert tally.total == tally.complete().total == 418
    whole = drawn(passive={"high": Passive(("chol",), high)})
    for tally in whole.tallies:
        assert (tally.frame["high"] == (tally.frame["chol"] > 300)).all()


def test_a_variable_that_says_another_perfectly_is_told():
    rng = np.random.default_rng(1)
    x = rng.normal(size=80)
    rows = pd.DataFrame({"x": x, "y": pd.array(x > 0, dtype="boolean"), "z": rng.normal(size=80)})
    rows.loc[:9, "y"] = None
    found = impute(Tally.from_rows(rows), imputations=5)
    assert found.separated == {"y": ("yes",)}
    right = [(t.frame["y"] == (t.frame["x"] > 0)).mean() for t in found.tallies]
    assert np.mean(right) > 0.95
    assert drawn().separated == {"hepato": ("yes",), "stage": ("1",)}  # nobody of stage 1 has hepatomegaly
    assert drawn(pbc()[["died", "age", "hepato"]]).separated == {}


@pytest.mark.parametrize(
    ("rows", "options", "error", "message"),
    [
        (
            pbc()[["age", "chol"]].assign(chol=[1.0] * 9 + [None] * 409),
            {},
            ImputationError,
            "'chol': 9 of 418 patients have a value; at least 10 are needed to draw the others from",
        ),
        (
            pd.DataFrame(np.eye(12)).rename(columns=str).assign(y=[None, *range(11)]),
            {},
            ImputationError,
            "'y': 11 of 12 patients have a value; its regression on the other variables has 13 parameters, and needs more",
        ),
        (
            pbc()[["age", "chol"]],
            {"imputations": 1},
            ValueError,
            "imputations, iterations: 1, 2; expected at least 2 data sets",
        ),
        (pbc()[["age", "chol"]], {"iterations": 0}, ValueError, "imputations, iterations: 3, 0; expected .* and 1 round"),
    ],
)
def test_refusals(rows, options, error, message):
    with pytest.raises(error, match=message):
        drawn(rows, **options)


@given(st.integers(0, 10**6), st.integers(6, 40), st.integers(1, 3), st.integers(1, 5))
def test_matching_takes_the_nearest(seed, n, width, donors):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, width))
    y = x @ np.arange(1.0, width + 1)  # exactly linear, so that estimates and draws are the same
    missing = rng.random(n) < 0.3
    missing[: donors + width + 1] = False
    found = draw_numbers(x, y, missing, rng, donors=donors)
    for wanted, value in zip(y[missing], found, strict=True):
        nearer = (np.abs(y[~missing] - wanted) < np.abs(value - wanted) - 1e-3).sum()
        assert nearer < donors


def levels_of(probabilities, ordered=False, seed=0):
    """Draw 4000 levels from 4000 patients of whom each level has its share, without a column."""
    rng = np.random.default_rng(seed)
    counts = np.round(4000 * np.array(probabilities)).astype(int)
    codes = np.r_[rng.permutation(np.repeat(np.arange(len(counts)), counts)), np.full(4000, -1)]
    found = draw_levels(np.zeros((len(codes), 0)), codes, codes < 0, rng, ordered=ordered)
    return np.bincount(found, minlength=len(probabilities)) / 4000


@pytest.mark.parametrize("probabilities", [(0.3, 0.7), (0.2, 0.3, 0.5), (0.1, 0.2, 0.3, 0.4)])
@pytest.mark.parametrize("ordered", [False, True])
def test_levels_keep_their_shares(probabilities, ordered):
    np.testing.assert_allclose(levels_of(probabilities, ordered), probabilities, atol=0.04)


def test_draws_of_levels_vary_as_their_parameters_do():
    """Of n patients, a share p is known to within p (1 - p) / n: the drawn shares spread as a sum of that and of chance."""
    rng = np.random.default_rng(2)
    codes = np.r_[np.repeat([0, 1], [30, 20]), np.full(100, -1)]
    shares = [draw_levels(np.zeros((150, 0)), codes, codes < 0, rng).mean() for _ in range(1500)]
    np.testing.assert_allclose(np.std(shares), np.sqrt(0.24 / 50 + 0.24 / 100), rtol=0.08)


def test_of_one_level_there_is_nothing_to_draw():
    codes = np.array([1, 1, -1, -1])
    assert draw_levels(np.zeros((4, 1)), codes, codes < 0, np.random.default_rng(0)).tolist() == [1, 1]


def test_an_empty_level_is_never_drawn():
    rows = pbc()[["died", "age"]].assign(stage=pd.Categorical(pbc()["stage"], [*STAGES, "5"], ordered=True))
    for tally in drawn(rows).tallies:
        assert tally.frame["stage"].dtype.categories.tolist() == [*STAGES, "5"]
        assert "5" not in set(tally.frame["stage"])
