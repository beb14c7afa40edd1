"""Counts under the statistics: a tally's levels, value counts, moments and two-way tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tallystats.results import NAN, result
from tallystats.tally import Tally


@result(eq=False)
class CrossTable:
    """Patients with both values by level of `variable` (rows) and group of `by` (columns), empty ones included."""

    variable: str
    by: str
    levels: tuple
    groups: tuple
    counts: np.ndarray
    n_missing: int
    provenance: str

    @property
    def n(self) -> int:
        """The number of patients in the table."""
        return int(self.counts.sum())

    @property
    def used(self) -> np.ndarray:
        """The counts without empty rows and columns, which no statistic sees."""
        rows, columns = self.counts.any(axis=1), self.counts.any(axis=0)
        return self.counts[rows][:, columns]


def coded(tally: Tally, column: str, argument: str = "variable") -> tuple[tuple, np.ndarray]:
    """Return the levels of a column in order, and each pattern's position among them (-1: missing).

    A categorical keeps its empty levels, a boolean has False and True, any other column its distinct values, sorted.
    """
    if column not in tally.columns:
        raise ValueError(f"{argument}: {column!r} is not in the tally; expected one of {', '.join(tally.columns)}")
    values = tally.frame[column]
    if isinstance(values.dtype, pd.CategoricalDtype):
        return tuple(values.cat.categories.tolist()), values.cat.codes.to_numpy()
    if pd.api.types.is_bool_dtype(values.dtype):
        return (False, True), values.astype("Int8").fillna(-1).to_numpy(dtype="int8")
    codes, levels = pd.factorize(values, sort=True)
    return tuple(levels.tolist()), codes


def is_numeric(tally: Tally, variable: str) -> bool:
    """Say whether a column holds numbers (booleans and levels are none)."""
    dtype = tally.frame[variable].dtype
    return pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype)


def require_numbers(tally: Tally, variable: str) -> None:
    """Raise ValueError unless a column holds numbers; that it is there is for `coded` to check."""
    if variable in tally.columns and not is_numeric(tally, variable):
        raise ValueError(f"variable: {variable!r} is of type {tally.frame[variable].dtype}; expected numbers")


def value_counts(tally: Tally, variable: str) -> tuple[tuple, np.ndarray, int]:
    """Return the levels of a variable, the count of each, and the number missing."""
    levels, codes = coded(tally, variable)
    n = tally.frame["n"].to_numpy()
    counts = np.bincount(codes[codes >= 0], weights=n[codes >= 0], minlength=len(levels)).astype(np.int64)
    return levels, counts, int(n[codes < 0].sum())


def moments(values: np.ndarray, counts: np.ndarray) -> tuple[int, float, float]:
    """Return n, the mean and the sum of squared deviations of counted values (exactly 0 when they are all equal)."""
    n = int(counts.sum())
    if not n:
        return 0, NAN, NAN
    origin = values[counts.argmax()]  # deviations from a value of the data keep a constant constant
    mean = origin + counts @ (values - origin) / n
    return n, float(mean), float(counts @ (values - mean) ** 2)


def split(tally: Tally, by: str) -> dict[Any, Tally]:
    """Return the patients of each level of `by` as tallies of their own; empty levels stay, missing values go."""
    levels, codes = coded(tally, by, "by")
    return {level: type(tally)(tally.frame[codes == at], tally.provenance) for at, level in enumerate(levels)}


def cross_tabulate(tally: Tally, variable: str, by: str) -> CrossTable:
    """Count the patients of each level of `variable` in each group of `by`; those missing either are counted apart."""
    levels, row = coded(tally, variable)
    groups, column = coded(tally, by, "by")
    n, known = tally.frame["n"].to_numpy(), (row >= 0) & (column >= 0)
    counts = np.zeros((len(levels), len(groups)), dtype=np.int64)
    np.add.at(counts, (row[known], column[known]), n[known])
    return CrossTable(
        variable=variable,
        by=by,
        levels=levels,
        groups=groups,
        counts=counts,
        n_missing=int(n[~known].sum()),
        provenance=tally.provenance,
    )
