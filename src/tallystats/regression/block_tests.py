"""Tests of whole terms, for many tables of counts at once: score to enter, Wald, likelihood ratio, conditional to leave."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tallystats.regression.design import Design
from tallystats.regression.logistic import BCON, ITERATE, ManyFits, _derivatives, _inverse, fit_many, log_likelihood
from tallystats.results import NAN, result

REMOVAL_TESTS = ("wald", "lr", "conditional")
#: The share of a column's information below which the model determines the column (SPSS: EPS).
REDUNDANT = 1e-8


@result
class BlockTest:
    """A test of a whole term: score (to enter), or Wald, likelihood ratio, conditional (to remove)."""

    term: str
    statistic: float
    df: int
    p_value: float
    method: str


def block_test(term: str, statistic: float, df: int, method: str) -> BlockTest:
    """Return a chi-square statistic with its P; undefined without a column."""
    from scipy.stats import chi2

    p = float(chi2.sf(statistic, df)) if df else NAN
    return BlockTest(term=term, statistic=float(statistic) if df else NAN, df=df, p_value=p, method=method)


def score_statistics(
    x: np.ndarray, y: np.ndarray, counts: np.ndarray, fit: ManyFits, here: Sequence[int], blocks: Sequence[Sequence[int]]
) -> np.ndarray:
    """Return Rao's score statistics of blocks of columns outside of a model, for each table of counts.

    Parameters
    ----------
    x, y, counts
        As for `fit_many`; `x` holds all columns.
    fit : ManyFits
        The model's fits, of the columns `here`.
    here : sequence of int
        The columns of the model.
    blocks : sequence of sequences of int
        The columns of each tested block.

    Returns
    -------
    numpy.ndarray, shape (tables, blocks)
        U'V^-1 U with U the score of the block at the model's estimates and V its information given the model; NaN for a
        block that the model determines, in whole or in part, and for one without columns.
    """
    here = list(here)
    beta = np.zeros((len(counts), x.shape[1]))
    beta[:, here] = fit.coefficients
    score, information = _derivatives(x, y, counts, beta)
    found = np.full((len(counts), len(blocks)), NAN)
    known = _inverse(information[:, here][:, :, here])
    plain = _inverse(information[:, :1, :1])
    for k, block in enumerate(map(list, blocks)):
        if not block:
            continue
        given = _given(information, block, here, known)
        # What is left of each column's information, beside what the intercept alone leaves of it.
        with np.errstate(all="ignore"):
            unit = np.sqrt(np.diagonal(_given(information, block, [0], plain), axis1=1, axis2=2))
            left = given / unit[:, :, None] / unit[:, None, :]
        good = np.isfinite(left).all(axis=(1, 2))
        good[good] = np.linalg.eigvalsh(left[good])[:, 0] > REDUNDANT
        own = score[good][:, block]
        found[good, k] = np.einsum("bi,bi->b", own, np.linalg.solve(given[good], own[:, :, None])[:, :, 0])
    return found


def _given(information: np.ndarray, block: list[int], others: list[int], inverse: np.ndarray) -> np.ndarray:
    """Return the information of a block of columns given others, the inverse of whose information is known."""
    cross = information[:, others][:, :, block]
    return information[:, block][:, :, block] - cross.swapaxes(1, 2) @ inverse @ cross


def removal_statistics(
    x: np.ndarray,
    y: np.ndarray,
    counts: np.ndarray,
    fit: ManyFits,
    here: Sequence[int],
    blocks: Sequence[Sequence[int]],
    *,
    method: str,
    max_iterations: int = ITERATE,
    tolerance: float = BCON,
) -> np.ndarray:
    """Return statistics for the removal of blocks of columns from a model, for each table of counts.

    Parameters
    ----------
    x, y, counts, fit, here
        As for `score_statistics`.
    blocks : sequence of sequences of int
        The columns of each tested block, all of the model.
    method : {"wald", "lr", "conditional"}
        As for `removal_tests`.

    Returns
    -------
    numpy.ndarray, shape (tables, blocks)
    """
    here = list(here)
    found = np.full((len(counts), len(blocks)), NAN)
    for k, block in enumerate(blocks):
        out = [here.index(column) for column in block]
        stay = [at for at in range(len(here)) if at not in out]
        if not out:
            continue
        own = fit.coefficients[:, out]
        within = np.einsum("bij,bj->bi", _inverse(fit.covariance[:, out][:, :, out]), own)
        if method == "wald":
            found[:, k] = np.einsum("bi,bi->b", own, within)
            continue
        kept = x[:, [here[at] for at in stay]]
        if method == "lr":
            less = fit_many(kept, y, counts, max_iterations=max_iterations, tolerance=tolerance).log_likelihood
        else:
            moved = np.einsum("bij,bj->bi", fit.covariance[:, stay][:, :, out], within)
            less = log_likelihood(kept, y, counts, fit.coefficients[:, stay] - moved)
        found[:, k] = np.maximum(0.0, 2 * (fit.log_likelihood - less))
    return found


def score_tests(design: Design, inside: Sequence[str], candidates: Sequence[str], fit: ManyFits) -> list[BlockTest]:
    """Test whether terms outside a model would improve it, by Rao's score test.

    Parameters
    ----------
    design : Design
        Holds all terms.
    inside : sequence of str
        The terms of the model.
    candidates : sequence of str
        The terms tested, each as a block.
    fit : ManyFits
        The model's fit.

    Notes
    -----
    See `score_statistics`. R: ``anova(small, large, test = "Rao")``. SPSS: "Variables not in the Equation".
    """
    blocks = [design.blocks.get(term, ()) for term in candidates]
    counts = design.n[None, :]
    (found,) = score_statistics(design.x, design.y, counts, fit, design.positions(inside), blocks)
    return [
        block_test(term, value, len(block), "score")
        for term, value, block in zip(candidates, found.tolist(), blocks, strict=True)
    ]


def removal_tests(
    design: Design, inside: Sequence[str], fit: ManyFits, *, method: str, max_iterations: int = ITERATE, tolerance: float = BCON
) -> list[BlockTest]:
    """Test each term of a model for removal.

    Parameters
    ----------
    design, inside, fit
        As for `score_tests`.
    method : {"wald", "lr", "conditional"}
        Wald's chi-square of the block; twice the fall of the log-likelihood when the model is fitted without it; or the
        fall at conditional estimates of the others, without fitting anew.

    Notes
    -----
    The conditional estimates are b1 - V12 V22^-1 b2, with b2 and V22 of the block, b1 of the other columns, and V the
    covariance at the model's estimates: where the others would go, were the likelihood quadratic, when b2 is set to 0
    [1]_. R: ``drop1(fit, test = "LRT")`` for "lr". SPSS: "Model if Term Removed".

    References
    ----------
    .. [1] Lawless JF, Singhal K. Efficient screening of nonnormal regression models. Biometrics 1978; 34: 318-27.
    """
    blocks = [design.blocks[term] for term in inside]
    (found,) = removal_statistics(
        design.x,
        design.y,
        design.n[None, :],
        fit,
        design.positions(inside),
        blocks,
        method=method,
        max_iterations=max_iterations,
        tolerance=tolerance,
    )
    return [
        block_test(term, value, len(block), method) for term, value, block in zip(inside, found.tolist(), blocks, strict=True)
    ]
