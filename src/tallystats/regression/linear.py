"""Linear regression of a number by least squares, from covariate patterns and their counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tallystats.regression.coefficients import Coefficients
from tallystats.regression.design import Design, make_design
from tallystats.results import CONSTANT, NAN, OneRow, require_confidence_level, result, warn_undefined
from tallystats.tally import Tally

#: The first of the columns' names.
INTERCEPT = "intercept"


@result
class TermTest(OneRow):
    """Whether a term says something beside all others: F of its columns, taken out together."""

    term: str
    statistic: float
    df: float
    df_error: float
    p_value: float


@result
class LinearFit(Coefficients):
    """A linear model, fitted.

    Beside what `tallystats.regression.coefficients.Coefficients` holds:

    Attributes
    ----------
    estimates, std_errors, statistics, p_values, conf_low, conf_high : tuple of float
        One a column, in units of the outcome for each unit of the column; t and its two-sided P.
    tests : tuple of TermTest
        One a term that is in the model.
    r_squared, adjusted_r_squared, residual_sd : float
        Shares of the outcome's variance (0 to 1); the residual standard deviation is in the outcome's unit.
    statistic, df, df_error, p_value : float
        F of the model against the mean alone.
    reason : str or None
        Why standard errors and tests are NaN.
    """

    outcome: str
    tests: tuple[TermTest, ...]
    r_squared: float
    adjusted_r_squared: float
    residual_sd: float
    statistic: float
    df: float
    df_error: float
    p_value: float
    reason: str | None


def linear_regression(tally: Tally, *, outcome: str, terms: Sequence[str], confidence_level: float = 0.95) -> LinearFit:
    """Fit a linear model by least squares.

    Parameters
    ----------
    tally : Tally
        Patterns of the outcome and the terms. Patients who lack any of them are left out and counted.
    outcome : str
        A numeric column.
    terms : sequence of str
        Coded as `tallystats.regression.design.make_design` says: a categorical against its first level in use.
    confidence_level : float
        Of the intervals, by Student's t.

    Returns
    -------
    LinearFit
        Constant columns, and those that the ones before them determine, are left out and named. With no patient more than
        columns, or without any residual, standard errors and tests are NaN, with a `reason`.

    Raises
    ------
    ValueError
        When the outcome holds no numbers, a column is not there, or no complete patient is left.

    Notes
    -----
    Columns are centred and scaled before they are solved, so that years since an epoch are as good as decades. R:
    ``lm(y ~ ...)``, ``drop1(fit, test = "F")``; SPSS: REGRESSION /METHOD=ENTER, UNIANOVA (type III, without interactions).

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"days": [3.0, 4, 6, 8, 9, 13], "age": [50.0, 60, 65, 70, 80, 85], "ill": [False] * 4 + [True] * 2})
    >>> fit = linear_regression(Tally.from_rows(rows), outcome="days", terms=["age", "ill"])
    >>> [round(b, 3) for b in fit.estimates], round(fit.r_squared, 3)
    ([-11.635, 0.276, -0.108], 0.923)
    """
    from scipy import stats

    require_confidence_level(confidence_level)
    design = make_design(tally, outcome=outcome, terms=terms, numeric=True)
    total, k = design.total, len(design.columns)
    centre = design.n @ design.x[:, 1:] / total
    x, mean = design.x[:, 1:] - centre, design.n @ design.y / total
    scale = np.sqrt(design.n @ x**2)
    root = np.sqrt(design.n)
    q, r = np.linalg.qr(root[:, None] * x / scale)
    y = root * (design.y - mean)
    slopes = np.linalg.solve(r, q.T @ y) / scale
    everything = float(y @ y)
    residual = float(((y - q @ (q.T @ y)) ** 2).sum())
    df_error = total - 1 - k
    reason = CONSTANT if np.ptp(design.y) == 0 else None
    if not reason and df_error < 1:
        reason = f"{total} patients are too few for {k + 1} columns"
    elif not reason and residual <= 1e-24 * everything:
        reason = "the columns determine the outcome"
    warn_undefined(f"linear regression of {outcome}", reason)
    estimates = np.r_[mean - centre @ slopes, slopes]
    variance = NAN if reason else residual / df_error
    inverse = np.linalg.inv(r) / scale[:, None]
    covariance = inverse @ inverse.T
    std_errors = np.sqrt(variance * np.r_[1 / total + centre @ covariance @ centre, np.diag(covariance)])
    wide = NAN if reason else stats.t.isf((1 - confidence_level) / 2, df_error) * std_errors
    with np.errstate(invalid="ignore"):
        t = estimates / std_errors
    explained = everything - residual
    f = explained / k / variance if k and not reason else NAN
    r_squared = explained / everything if everything else NAN
    return LinearFit(
        outcome=outcome,
        terms=(INTERCEPT, *design.columns),
        estimates=_floats(estimates),
        std_errors=_floats(std_errors),
        statistics=_floats(t),
        p_values=_floats(2 * stats.t.sf(abs(t), df_error)),
        conf_low=_floats(estimates - wide),
        conf_high=_floats(estimates + wide),
        confidence_level=confidence_level,
        tests=() if reason else _tests(design, slopes, covariance, variance, df_error),
        r_squared=r_squared,
        adjusted_r_squared=NAN if reason else 1 - variance / (everything / (total - 1)),
        residual_sd=variance**0.5,
        statistic=f,
        df=k,
        df_error=df_error,
        p_value=float(stats.f.sf(f, k, df_error)),
        n=total,
        n_missing=design.n_missing,
        dropped=design.dropped,
        reason=reason,
        method="Least squares",
        provenance=tally.provenance,
    )


def _floats(values: np.ndarray) -> tuple[float, ...]:
    return tuple(map(float, values))


def _tests(design: Design, slopes: np.ndarray, covariance: np.ndarray, variance: float, df_error: int) -> tuple[TermTest, ...]:
    """Test each term by Wald's F, which of a linear model is that of leaving it out."""
    from scipy import stats

    found = []
    for term, positions in design.blocks.items():
        at = np.array(positions) - 1
        f = float(slopes[at] @ np.linalg.solve(covariance[np.ix_(at, at)], slopes[at])) / len(at) / variance
        p_value = float(stats.f.sf(f, len(at), df_error))
        found.append(TermTest(term=term, statistic=f, df=len(at), df_error=df_error, p_value=p_value))
    return tuple(found)
