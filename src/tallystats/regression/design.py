"""Design matrices of covariate patterns: coding, complete cases, and columns that say nothing new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from tallystats.results import CONSTANT, result
from tallystats.statistics.counts import coded, is_numeric
from tallystats.tally import Tally

EMPTY = "no complete patient has it"
#: The part of a column, in units of its spread, that the columns before it must leave for it to say something new.
DETERMINED = 1e-9


@result(eq=False)
class Design:
    """Complete covariate patterns, coded.

    Attributes
    ----------
    x : numpy.ndarray, shape (patterns, 1 + columns)
        The intercept, then the columns of the terms.
    y, n : numpy.ndarray, shape (patterns,)
        The outcome (0 or 1, or a number) and how many patients show the pattern.
    columns : tuple of str
        Names of the columns after the intercept: the term, or `term: level` against the first level.
    blocks : dict
        Term -> positions of its columns in `x`.
    dropped : dict
        Term or column -> why it is left out: constants, empty levels, columns that the terms before them determine.
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


def make_design(
    tally: Tally,
    *,
    outcome: str,
    terms: Sequence[str],
    complete_on: Sequence[str] = (),
    keep_determined: bool = False,
    numeric: bool = False,
) -> Design:
    """Code the terms of a model.

    Parameters
    ----------
    tally : Tally
        Patterns of the outcome and the terms.
    outcome : str
        A boolean column; a numeric one where `numeric` says so.
    terms : sequence of str
        Boolean or numeric columns enter as they are; a categorical as indicators against its first level in use (see
        `with_references`).
    complete_on : sequence of str
        Further columns on which patients must be complete (all candidates of a selection).
    keep_determined : bool
        Keep columns that the ones before them determine: candidates that will not all be in one model.
    numeric : bool
        The outcome is a number.

    Returns
    -------
    Design
        Without constant columns, empty levels and columns that the ones before them determine: named in `dropped`.
        Patients who lack the outcome, a term or a column of `complete_on` are left out and counted in `n_missing`; patterns
        that no patient shows are as if they were not there.

    Raises
    ------
    ValueError
        When the outcome is not of its type, a column is not there, or no complete patient is left.

    Notes
    -----
    Indicators compare with the first level in use, as R's ``contr.treatment`` and SPSS's
    ``/CONTRAST(term)=INDICATOR(1)`` do. R's ``glm`` leaves determined columns as NA, SPSS removes them as redundant.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> stage = pd.Categorical(["I", "II", "II", "IV"], categories=["I", "II", "III", "IV"])
    >>> cells = pd.DataFrame({"stage": stage, "late": [0.0, 0, 0, 1], "died": [False, False, True, True], "n": 5})
    >>> design = make_design(Tally(cells), outcome="died", terms=["stage", "late"])
    >>> design.columns, design.dropped
    (('stage: II', 'stage: IV'), {'stage: III': 'no complete patient has it', 'late': 'the terms before it determine it'})
    """
    wanted = list(dict.fromkeys([outcome, *terms, *complete_on]))
    for name in wanted:
        if name not in tally.columns:
            argument = "outcome" if name == outcome else "terms" if name in terms else "complete_on"
            raise ValueError(f"{argument}: {name!r} is not in the tally; expected one of {', '.join(tally.columns)}")
    if not (is_numeric(tally, outcome) if numeric else pd.api.types.is_bool_dtype(tally.frame[outcome].dtype)):
        expected = "numbers" if numeric else "boolean"
        raise ValueError(f"outcome: {outcome!r} is of type {tally.frame[outcome].dtype}; expected {expected}")
    complete = complete_patterns(tally, wanted)
    if not complete.total:
        raise ValueError(f"tally: no patient has a value of all of {', '.join(wanted)}; expected at least one")
    columns, blocks, dropped = [np.ones(len(complete.frame))], {}, {}
    names: list[str] = []
    spanned = np.zeros((len(complete.frame), 0))  # directions of the columns so far, the intercept's apart
    for term in dict.fromkeys(terms):
        for name, column, reason in _coded_columns(complete, term):
            if np.ptp(column) == 0:
                dropped[name] = reason
                continue
            new = column - column.mean()  # in no unit, so that years and days since an epoch are as good as decades
            new /= np.linalg.norm(new)
            for _ in range(2):  # once more, for what rounding left
                new = new - spanned @ (spanned.T @ new)
            if (length := np.linalg.norm(new)) < DETERMINED and not keep_determined:
                dropped[name] = "the terms before it determine it"
            else:
                if length >= DETERMINED:
                    spanned = np.column_stack([spanned, new / length])
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


def complete_patterns(tally: Tally, columns: Sequence[str]) -> Tally:
    """Keep the patterns that at least one patient shows, with a value of all columns."""
    kept = tally.complete(columns)
    return type(tally)(kept.frame[kept.frame["n"] > 0].reset_index(drop=True), tally.provenance)


def with_references(tally: Tally, references: Mapping[str, str]) -> Tally:
    """Put the reference level of some categorical columns first, where a design takes it.

    Parameters
    ----------
    tally : Tally
    references : mapping
        Column -> the level with which the others are compared. Columns that the tally has not are passed over.

    Raises
    ------
    ValueError
        When the column has no levels, or not this one.

    Notes
    -----
    R: ``relevel(x, ref)``. SPSS: ``/CONTRAST(x)=INDICATOR(k)`` counts levels from 1.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> stage = pd.Categorical(["I", "II", "III"], categories=["I", "II", "III"])
    >>> tally = Tally(pd.DataFrame({"stage": stage, "died": [True, False, True], "n": [2, 3, 4]}))
    >>> moved = with_references(tally, {"stage": "II"})
    >>> moved.frame["stage"].cat.categories.tolist()
    ['II', 'I', 'III']
    """
    frame = tally.frame.copy()
    for name, reference in references.items():
        if name not in frame:
            continue
        dtype = frame[name].dtype
        levels = list(dtype.categories) if isinstance(dtype, pd.CategoricalDtype) else []
        if reference not in levels:
            raise ValueError(
                f"references: {name!r} has no level {reference!r}; expected one of {', '.join(map(str, levels)) or 'none'}"
            )
        frame[name] = frame[name].cat.reorder_categories([reference, *(level for level in levels if level != reference)])
    return type(tally)(frame, tally.provenance)


def _coded_columns(tally: Tally, term: str) -> list[tuple[str, np.ndarray, str]]:
    """Return a term's columns: the name, the values, and why the column says nothing where it is constant."""
    if is_numeric(tally, term):
        return [(term, tally.frame[term].to_numpy(dtype=float), CONSTANT)]
    levels, codes = coded(tally, term, "terms")
    if levels == (False, True):
        return [(term, codes.astype(float), CONSTANT)]
    used = [k for k in range(len(levels)) if (codes == k).any()]
    if len(used) < 2:
        return [(term, np.zeros(len(codes)), CONSTANT)]
    instead = f"{EMPTY}; the others are compared with {levels[used[0]]}"
    return [
        (f"{term}: {level}", (codes == k).astype(float), EMPTY if k else instead)
        for k, level in enumerate(levels)
        if k != used[0]
    ]
