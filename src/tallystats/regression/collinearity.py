"""Variance inflation: how much of what a term could tell the other terms tell already."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tallystats.regression.design import make_design
from tallystats.regression.logistic import EXACT_CHANGE, EXACT_ITERATIONS, fit_many
from tallystats.regression.separation import detect_separation
from tallystats.results import NAN, Result, result, warn_undefined
from tallystats.tally import Tally


@result
class Inflation(Result):
    """Generalised variance inflation of each term of a logistic model.

    Attributes
    ----------
    terms : tuple of str
    df : tuple of int
        Columns of each.
    estimates : tuple of float
        GVIF; for a term of one column the familiar VIF. NaN where `reason` says why.
    scaled : tuple of float
        GVIF^(1 / (2 df)): by how much the others widen the term's interval, comparable between terms.
    """

    terms: tuple[str, ...]
    df: tuple[int, ...]
    estimates: tuple[float, ...]
    scaled: tuple[float, ...]
    n: int
    n_missing: int
    method: str
    reason: str | None
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a term."""
        return pd.DataFrame(
            {
                "term": self.terms,
                "df": self.df,
                "estimate": self.estimates,
                "scaled": self.scaled,
                "n": self.n,
                "n_missing": self.n_missing,
                "method": self.method,
            }
        )


def variance_inflation(tally: Tally, *, outcome: str, terms: Sequence[str]) -> Inflation:
    """Compute generalised variance inflation factors of a logistic model.

    Parameters
    ----------
    tally, outcome, terms
        As for `fit_logistic`.

    Returns
    -------
    Inflation
        NaN, with a warning, under separation: infinite estimates have no variance to inflate.

    Raises
    ------
    ValueError
        As `fit_logistic`; or when no term has a column left.

    Notes
    -----
    det(R11) det(R22) / det(R), R the correlation of the coefficients without the intercept, R11 of the term's columns,
    R22 of the others [1]_. R: ``car::vif(glm(...))``. The correlations are those of the fitted model: its weights make
    them differ from those of the columns alone, which linear VIFs take (SPSS: REGRESSION, /STATISTICS TOL).

    References
    ----------
    .. [1] Fox J, Monette G. Generalized collinearity diagnostics. J Am Stat Assoc 1992; 87: 178-183.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cells = pd.DataFrame({"old": [False, False, True, True] * 2, "tall": [False] * 4 + [True] * 4,
    ...                       "died": [False, True] * 4, "n": [20, 5, 10, 15, 2, 4, 9, 33]})
    >>> [round(value, 3) for value in variance_inflation(Tally(cells), outcome="died", terms=["old", "tall"]).estimates]
    [1.067, 1.067]
    """

    design = make_design(tally, outcome=outcome, terms=terms)
    if not design.blocks:
        raise ValueError(f"terms: no column of {', '.join(terms)} is left; expected one that varies")
    reason = None
    if design.events in (0, design.total):
        raise ValueError(f"outcome: {outcome!r} is the same in all {design.total} complete patients; expected both values")
    if detect_separation(tally, outcome=outcome, terms=terms).kind != "none":
        reason = "the terms separate the outcome: an infinite estimate has no variance"
    names, blocks = list(design.blocks), list(design.blocks.values())
    values = [NAN] * len(names)
    if reason is None:
        fit = fit_many(design.x, design.y, design.n[None, :], max_iterations=EXACT_ITERATIONS, tolerance=EXACT_CHANGE)
        values = _inflation(fit.covariance[0][1:, 1:], [[k - 1 for k in block] for block in blocks])
    warn_undefined(f"variance inflation in the model of {outcome}", reason)
    df = tuple(len(block) for block in blocks)
    return Inflation(
        terms=tuple(names),
        df=df,
        estimates=tuple(values),
        scaled=tuple(v ** (1 / (2 * k)) for v, k in zip(values, df, strict=True)),
        n=design.total,
        n_missing=design.n_missing,
        method="GVIF from the correlation of the coefficients",
        reason=reason,
        provenance=tally.provenance,
    )


def _inflation(covariance: np.ndarray, blocks: Sequence[Sequence[int]]) -> list[float]:
    """Return det(R11) det(R22) / det(R) of each block of a covariance matrix."""
    unit = np.sqrt(np.diag(covariance))
    correlation = covariance / unit / unit[:, None]
    every, whole = set(range(len(unit))), np.linalg.slogdet(correlation)[1]
    found = []
    for block in blocks:
        parts = [sorted(block), sorted(every - set(block))]
        logs = [np.linalg.slogdet(correlation[np.ix_(part, part)])[1] for part in parts if part]
        found.append(float(np.exp(sum(logs) - whole)))
    return found
