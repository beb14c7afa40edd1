"""Tallies: distinct values, or patterns of several columns, each with its count `n`.

The only room that touches rows. Every statistic is computed from a `Tally`, so it costs what the distinct values cost,
and the tallies of two hospitals add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tallystats.results import result

if TYPE_CHECKING:
    import narwhals as nw
    import pandas as pd
    from narwhals.typing import IntoFrame

#: Where a number comes from, strongest first; a result inherits the weakest of its inputs.
PROVENANCE = ("observed", "printed", "implied", "assumed")


def weakest(provenances: Sequence[str]) -> str:
    """Return the weakest of several provenances (`observed` when there is none)."""
    return max(provenances, key=PROVENANCE.index, default=PROVENANCE[0])


@result(kw_only=False)
class Tally:
    """Distinct patterns of one or more columns with their counts.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a distinct pattern: the columns, then `n` (int64, how many patients show it). Numeric columns are
        float64 with NaN for missing; binary columns pandas' nullable boolean; level columns ordered categoricals that
        keep empty levels; missing is NA.
    provenance : str
        The weakest provenance among the columns.
    """

    frame: pd.DataFrame
    provenance: str = "observed"

    def __repr__(self) -> str:
        return f"Tally({', '.join(self.columns)}: {len(self.frame)} patterns, n={self.total})"

    @classmethod
    def from_rows(cls, rows: pd.DataFrame, columns: Sequence[str] | None = None, provenance: str = "observed") -> Tally:
        """Count the distinct patterns of `columns` (default: all) in a frame of one row a patient."""
        columns = list(rows.columns if columns is None else columns)
        if not columns or "n" in columns:
            raise ValueError(f"columns: {columns!r}; expected at least one, none of them called 'n', which is the count")
        if absent := [name for name in columns if name not in rows.columns]:
            raise ValueError(f"columns: no column {absent[0]!r}; expected some of {', '.join(map(str, rows.columns))}")
        counts = rows.groupby(columns, dropna=False, observed=True, sort=True).size()
        # Grouping nobody forgets the types.
        return cls(counts.rename("n").reset_index().astype({**rows[columns].dtypes, "n": "int64"}), provenance)

    @property
    def columns(self) -> list[str]:
        """The tallied columns, without `n`."""
        return [name for name in self.frame.columns if name != "n"]

    @property
    def total(self) -> int:
        """How many patients the tally counts, those with missing values included."""
        return int(self.frame["n"].sum())

    def __add__(self, other: Tally) -> Tally:
        """Add the tallies of two sites: the counts of equal patterns add up.

        Raises
        ------
        ValueError
            When the columns differ, or the levels of one do.
        """
        import pandas as pd

        if set(self.columns) != set(other.columns):
            raise ValueError(f"other: a tally of {other.columns}; expected one of {self.columns}")
        for name in self.columns:
            ours, theirs = self.frame[name].dtype, other.frame[name].dtype
            if ours != theirs and isinstance(ours, pd.CategoricalDtype):
                raise ValueError(f"other: {name!r} has other levels, or in another order; expected {list(ours.categories)}")
        both = pd.concat([self.frame, other.frame[self.frame.columns]], ignore_index=True)
        counts = both.groupby(self.columns, dropna=False, observed=True, sort=True)["n"].sum()
        return Tally(counts.reset_index().astype(self.frame.dtypes), weakest([self.provenance, other.provenance]))

    def complete(self, columns: Sequence[str] | None = None) -> Tally:
        """Keep the patterns with no missing value in `columns` (default: all), and that anybody shows: complete cases."""
        kept = self.frame[self.frame["n"] > 0].dropna(subset=list(self.columns if columns is None else columns))
        return Tally(kept.reset_index(drop=True), self.provenance)

    def expand(self) -> pd.DataFrame:
        """Give one row a patient again, for estimators whose weights are not frequencies."""
        return self.frame.loc[self.frame.index.repeat(self.frame["n"]), self.columns].reset_index(drop=True)


def count_patterns(data: IntoFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Count the distinct patterns of raw columns in a frame of one row a patient.

    Parameters
    ----------
    data : pandas.DataFrame, polars.DataFrame, duckdb.DuckDBPyRelation or another frame that narwhals reads
        One row a patient. It is grouped where it lives: a database sends back counts, not rows.
    columns : sequence of str
        The columns whose patterns are counted; missing values are a value of their own.

    Returns
    -------
    pandas.DataFrame
        The columns as found, then `n`.
    """
    import narwhals as nw
    import pandas as pd

    if isinstance(data, pd.DataFrame):  # the same in half the time
        return data.groupby(list(columns), dropna=False, observed=True, sort=False).size().reset_index(name="n")
    counts = nw.from_native(data).lazy().group_by(list(columns)).agg(nw.len().alias("n"))
    return in_memory(counts).astype({"n": "int64"})


def in_memory(frame: nw.LazyFrame) -> pd.DataFrame:
    """Bring a small frame of any backend into memory."""
    import pandas as pd

    if frame.implementation.is_polars():  # its own way to pandas needs a further package
        return pd.DataFrame(frame.collect().to_dict(as_series=False))
    return frame.collect("pandas").to_pandas()
