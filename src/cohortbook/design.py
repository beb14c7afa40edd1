"""Design matrices of covariate patterns: coding, complete cases, and columns that say nothing new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cohortbook.counts import coded, is_numeric

if TYPE_CHECKING:
    import numpy as np

    from cohortbook.tally import Tally


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Design:
    """Complete covariate patterns, coded.

    Attributes
    ----------
    x : numpy.ndarray, shape (patterns, 1 + columns)
        The intercept, then the columns of the terms.
    y, n : numpy.ndarray, shape (patterns,)
        The outcome (0 or 1) and how many patients show the pattern.
    columns : tuple of str
        Names of the columns after the intercept: the term, or `term: level` against the first level.
    blocks : dict
        Term -> positions of its columns in `x`.
    dropped : dict
        Term or column -> why it is left out.
    n_missing : int
        Patients who lack the outcome or a term.
    """

    x: np.ndarray
    y: np.ndarray
    n: np.ndarray
    columns: tuple[str, ...]
    blocks: dict[str, tuple[int, ...]]
    dropped: dict[str, str]
    n_missing: int

    @property
    def total(self) -> int:
        """Complete patients."""
        return int(self.n.sum())

    @property
    def events(self) -> int:
        """Complete patients with the outcome."""
        return int(self.n[self.y == 1].sum())

    def positions(self, terms: Sequence[str]) -> list[int]:
        """Return the columns of some terms, the intercept first."""
        return [0, *(k for term in terms for k in self.blocks.get(term, ()))]


def make_design(tally: Tally, *, outcome: str, terms: Sequence[str], complete_on: Sequence[str] = ()) -> Design:
    """Code the terms of a model.

    Parameters
    ----------
    tally : Tally
        Patterns of the outcome and the terms.
    outcome : str
        A boolean column.
    terms : sequence of str
        Boolean or numeric columns enter as they are; a categorical as indicators against its first level in use.
    complete_on : sequence of str
        Further columns on which patients must be complete (all candidates of a selection).

    Returns
    -------
    Design
        Without constant columns, empty levels and columns that the ones before them determine: named in `dropped`.

    Raises
    ------
    ValueError
        When the outcome is not boolean, a column is not there, or no complete patient is left.
    """
    import numpy as np
    import pandas as pd

    wanted = list(dict.fromkeys([outcome, *terms, *complete_on]))
    for name in wanted:
        if name not in tally.columns:
            raise ValueError(f"terms: {name!r} is not in the tally; expected one of {', '.join(tally.columns)}")
    if not pd.api.types.is_bool_dtype(tally.frame[outcome].dtype):
        raise ValueError(f"outcome: {outcome!r} is of type {tally.frame[outcome].dtype}; expected boolean")
    complete = tally.complete(wanted)
    if not complete.total:
        raise ValueError(f"tally: no patient has a value of all of {', '.join(wanted)}; expected at least one")
    columns, blocks, dropped = [np.ones(len(complete.frame))], {}, {}
    names: list[str] = []
    for term in dict.fromkeys(terms):
        for name, column in _coded_columns(complete, term):
            if np.ptp(column) == 0:
                dropped[name] = "every patient has the same value"
            elif np.linalg.matrix_rank(np.column_stack([*columns, column])) <= len(columns):
                dropped[name] = "the terms before it determine it"
            else:
                blocks.setdefault(term, []).append(len(columns))
                columns.append(column)
                names.append(name)
    return Design(
        x=np.column_stack(columns),
        y=complete.frame[outcome].to_numpy(dtype=float),
        n=complete.frame["n"].to_numpy(dtype=float),
        columns=tuple(names),
        blocks={term: tuple(positions) for term, positions in blocks.items()},
        dropped=dropped,
        n_missing=tally.total - complete.total,
    )


def _coded_columns(tally: Tally, term: str) -> list[tuple[str, np.ndarray]]:
    import numpy as np

    if is_numeric(tally, term):
        return [(term, tally.frame[term].to_numpy(dtype=float))]
    levels, codes = coded(tally, term, "terms")
    if levels == (False, True):
        return [(term, codes.astype(float))]
    used = [k for k in range(len(levels)) if (codes == k).any()]
    return [(f"{term}: {levels[k]}", (codes == k).astype(float)) for k in used[1:]] or [(term, np.zeros(len(codes)))]
