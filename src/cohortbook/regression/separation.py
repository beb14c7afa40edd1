"""Separation: whether the covariates tell the outcome so well that its likelihood has no finite maximum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cohortbook.regression.design import Design, make_design
from cohortbook.results import OneRow
from cohortbook.statistics.counts import cross_tabulate, is_numeric

if TYPE_CHECKING:
    import pandas as pd

    from cohortbook.tally import Tally

#: Above the tolerance to which the linear programmes keep their constraints, of columns with standard deviation 1.
FEASIBLE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Separation:
    """Whether covariates separate the outcome, so that likelihood has no finite maximum.

    Attributes
    ----------
    kind : {"none", "quasi-complete", "complete"}
    directions : dict
        Column -> +1 or -1, the sign of its infinite estimate.
    cells : tuple of str
        What separates, in words: the values at which everybody, or nobody, has the outcome.
    provenance : str
    """

    kind: str
    directions: dict[str, int]
    cells: tuple[str, ...]
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a column with an infinite estimate."""
        import pandas as pd

        rows = [{"term": term, "direction": sign, "kind": self.kind} for term, sign in self.directions.items()]
        return pd.DataFrame(rows, columns=["term", "direction", "kind"])

    _repr_html_ = OneRow._repr_html_


def detect_separation(tally: Tally, *, outcome: str, terms: Sequence[str]) -> Separation:
    """Decide by linear programming whether the terms separate the outcome.

    Parameters
    ----------
    tally, outcome, terms
        As for `fit_logistic`.

    Returns
    -------
    Separation
        `complete` when a combination of the terms tells every patient's outcome, `quasi-complete` when one tells some
        patients' and errs for none.

    Notes
    -----
    Two linear programmes, after Konis [1]_, in b with s = (2y - 1) x'b >= 0 for every pattern, x with columns
    standardised. The first maximises the sum of min(s, 1): as b may grow, every pattern that any b tells apart reaches 1,
    and any such pattern is separation. The second finds the b of -1 <= b <= 1 that tells all of them by the widest margin:
    estimates with b other than 0 are infinite, with its sign. Konis maximises the sum of s over -1 <= b <= 1, which
    decides the same, but does not find every infinite estimate: its b may leave out a pattern, and a column, to gain on
    others. Some data allow an infinite estimate of either sign; the widest margin's is then given.
    R: ``detectseparation::detect_separation`` (Konis's programme). SPSS stops with a warning or after its last iteration.

    References
    ----------
    .. [1] Konis K. Linear programming algorithms for detecting separated data in binary logistic regression models.
       DPhil thesis, University of Oxford, 2007.

    Examples
    --------
    >>> import pandas as pd
    >>> from cohortbook.tally import Tally
    >>> cells = pd.DataFrame({"cement": [False, True, True], "failed": [False, False, True], "n": [51, 18, 3]})
    >>> found = detect_separation(Tally(cells), outcome="failed", terms=["cement"])
    >>> found.kind, found.directions, found.cells
    ('quasi-complete', {'intercept': -1, 'cement': 1}, ('cement = no: 0 of 51 with failed',))
    """
    design = make_design(tally, outcome=outcome, terms=terms)
    kind, directions = separated_columns(design)
    names = ("intercept", *design.columns)
    found = {names[k]: sign for k, sign in directions.items()}
    cells = tuple(cell for term in design.blocks for cell in _empty_cells(tally, outcome, term, terms)) if found else ()
    return Separation(kind=kind, directions=found, cells=cells, provenance=tally.provenance)


def separated_columns(design: Design) -> tuple[str, dict[int, int]]:
    """Return the kind of separation, and the sign of each infinite estimate by the place of its column."""
    import numpy as np
    from scipy import sparse
    from scipy.optimize import linprog

    # The programme's tolerances are absolute: years, or days since an epoch, would drown what separates in them.
    centre, spread = design.x.mean(axis=0), design.x.std(axis=0)
    centre[0], spread[0] = 0.0, 1.0
    signed = (design.x - centre) / spread * np.where(design.y == 1, 1.0, -1.0)[:, None]
    patterns, width = signed.shape
    apart = linprog([*[0.0] * width, *[-1.0] * patterns], A_ub=sparse.hstack([-signed, sparse.eye_array(patterns)]),
                    b_ub=np.zeros(patterns), bounds=[*[(-1 / FEASIBLE, 1 / FEASIBLE)] * width, *[(0, 1)] * patterns],
                    method="highs")  # fmt: skip
    if apart.status != 0:
        raise ArithmeticError(f"separation was not decided: {apart.message}")
    told = apart.x[width:] > 0.5
    if not told.any():
        return "none", {}
    margin = linprog([*[0.0] * width, -1.0], A_ub=np.column_stack([-signed, told]), b_ub=np.zeros(patterns),
                     bounds=[*[(-1, 1)] * width, (0, 1)], method="highs")  # fmt: skip
    if margin.status != 0:
        raise ArithmeticError(f"the direction of separation was not found: {margin.message}")
    direction = margin.x[:-1]
    shift = direction * centre / spread
    infinite = {k: int(np.sign(b)) for k, b in enumerate(direction) if k and abs(b) > FEASIBLE}
    intercept = direction[0] - shift.sum()  # of the columns as they were
    if abs(intercept) > FEASIBLE * (1 + np.abs(shift).sum()):
        infinite = {0: int(np.sign(intercept)), **infinite}
    return ("complete" if told.all() else "quasi-complete"), infinite


def _empty_cells(tally: Tally, outcome: str, term: str, terms: Sequence[str]) -> list[str]:
    """Name the values of a term at which nobody, or everybody, has the outcome."""
    if is_numeric(tally, term):
        return []
    table = cross_tabulate(tally.complete([outcome, *terms]), term, outcome)
    words = {False: "no", True: "yes"}
    return [
        f"{term} = {words.get(level, level)}: {with_it} of {without + with_it} with {outcome}"
        for level, (without, with_it) in zip(table.levels, table.counts.tolist(), strict=True)
        if without + with_it and 0 in (without, with_it)
    ]
