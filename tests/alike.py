"""Results of the same patients, whichever way they were counted: equal but for rounding."""

import dataclasses
from collections.abc import Mapping
from numbers import Real

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose

#: Sums in another order differ by some units in the last place; what is solved for, by more.
RELATIVE, ABSOLUTE = 1e-9, 1e-12
#: A P value of a statistic that is 0 but for rounding differs from 1 by the root of that.
OF_P = 1e-7


def near(expected):
    """Return what equals any result that is alike, as `pytest.approx` does for numbers: `assert found == near(expected)`."""
    return _Near(expected)


def assert_alike(one, two, where="result"):
    """Compare results field by field: numbers with a tolerance, all else exactly."""
    if dataclasses.is_dataclass(one):
        assert type(one) is type(two), where
        for field in dataclasses.fields(one):
            assert_alike(getattr(one, field.name), getattr(two, field.name), f"{where}.{field.name}")
    elif isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, two, rtol=RELATIVE, atol=ABSOLUTE)
    elif isinstance(one, np.ndarray | float) or (isinstance(one, Real) and not isinstance(one, bool)):
        assert_allclose(one, two, rtol=RELATIVE, atol=OF_P if ".p_value" in where else ABSOLUTE, err_msg=where)
    elif isinstance(one, Mapping):
        assert list(one) == list(two), where
        for key in one:
            assert_alike(one[key], two[key], f"{where}[{key!r}]")
    elif isinstance(one, tuple | list):
        assert len(one) == len(two), where
        for k, pair in enumerate(zip(one, two, strict=True)):
            assert_alike(*pair, f"{where}[{k}]")
    else:
        assert one == two, where


class _Near:
    __array_ufunc__ = None  # arrays leave the comparison to it

    def __init__(self, expected) -> None:
        self.expected = expected

    def __eq__(self, found) -> bool:
        assert_alike(found, self.expected)
        return True

    __hash__ = None
