"""counts.py and results.py: what the statistics stand on."""

import math

import numpy as np
import pandas as pd
import pytest

from tallystats.results import UndefinedWarning, warn_undefined
from tallystats.statistics.counts import cross_tabulate, moments, split
from tallystats.tally import Tally

GRADE = pd.CategoricalDtype(["I", "II", "III"], ordered=True)
ROWS = pd.DataFrame(
    {
        "grade": pd.Series(["III", "I", None, "I", "III"], dtype=GRADE),
        "failed": pd.array([True, False, False, None, True], dtype="boolean"),
        "site": ["a", "b", "a", "b", "b"],
    }
)


def test_cross_table_keeps_empty_levels_and_counts_the_missing():
    table = cross_tabulate(Tally.from_rows(ROWS), "grade", "failed")
    assert (table.levels, table.groups) == (("I", "II", "III"), (False, True))
    assert table.counts.tolist() == [[1, 0], [0, 0], [0, 2]]
    assert table.used.tolist() == [[1, 0], [0, 2]]
    assert (table.n, table.n_missing) == (3, 2)


@pytest.mark.parametrize("by", ["grade", "failed", "site"])
def test_split_gives_every_level_its_patients(by):
    parts = split(Tally.from_rows(ROWS, provenance="implied"), by)
    levels = {"grade": ["I", "II", "III"], "failed": [False, True], "site": ["a", "b"]}[by]
    assert list(parts) == levels
    assert [part.total for part in parts.values()] == [int((ROWS[by] == level).sum()) for level in levels]
    assert {part.provenance for part in parts.values()} == {"implied"}


def test_moments_of_a_constant_have_no_rounding():
    assert moments(np.array([0.1]), np.array([7])) == (7, 0.1, 0.0)
    assert moments(np.array([5.0, 0.1]), np.array([0, 7])) == (7, 0.1, 0.0)


def test_moments_of_nobody_are_undefined():
    n, mean, squares = moments(np.array([]), np.array([], dtype=int))
    assert n == 0
    assert math.isnan(mean)
    assert math.isnan(squares)


def test_no_reason_no_warning(recwarn):
    warn_undefined("mean", None)
    assert not recwarn.list
    with pytest.warns(UndefinedWarning, match="mean: nobody"):
        warn_undefined("mean", "nobody")
