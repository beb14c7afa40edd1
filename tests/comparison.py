"""A statistic beside its counterpart: what the tests hold, and the tables in tests/reference/README.md show."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

#: Relative differences allowed, of closed forms and of iterative fits.
CLOSED, ITERATIVE = 1e-8, 1e-6


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One statistic of one data set: how it is found here, and what the counterpart gives."""

    topic: str
    statistic: str
    counterpart: str
    data: str
    found: Callable
    expected: np.ndarray
    tolerance: float = CLOSED

    def __str__(self):
        return f"{self.statistic}, {self.counterpart}, {self.data}"

    def difference(self):
        """Return the largest relative difference; absolute where 0 is expected, infinite where only one is undefined."""
        found, expected = np.ravel(np.asarray(self.found(), float)), np.ravel(self.expected)
        if found.shape != expected.shape or (np.isnan(found) != np.isnan(expected)).any():
            return np.inf
        known = ~np.isnan(expected) & (found != expected)  # equal infinities do not differ
        size = np.where(expected[known] == 0, 1.0, np.abs(expected[known]))
        return float((np.abs(found[known] - expected[known]) / size).max(initial=0.0))
