"""Profile-likelihood intervals of a logistic model: skewed where the likelihood is, and half open where it never falls."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tallystats.regression.firth import split_basis
from tallystats.regression.logistic import log_likelihood
from tallystats.results import NAN
from tallystats.tolerance import uphill

#: Newton's steps, and the gain (of the log-likelihood's size) below which one is the last.
MAX_ITERATIONS, GAIN = 200, 1e-14
#: How far an end is looked for, as the standard deviation of the log odds that the column then makes.
REACH = 200.0


def profile_limits(
    x: np.ndarray, y: np.ndarray, n: np.ndarray, *, infinite: Mapping[int, int], confidence_level: float
) -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
    """Return both ends of every coefficient's profile-likelihood interval.

    Parameters
    ----------
    x : numpy.ndarray, shape (patterns, columns)
    y, n : numpy.ndarray, shape (patterns,)
        Outcome and count of each pattern.
    infinite : mapping
        Column -> the sign of its infinite estimate, where it has one.
    confidence_level : float

    Returns
    -------
    low, high : numpy.ndarray, shape (columns,)
        Infinite on the side of an infinite estimate; NaN where an end was not found.
    problems : dict
        Column -> which end was not found.

    Notes
    -----
    The values at which twice the log-likelihood, the other coefficients at their best, lies less than the quantile of
    chi-square with 1 degree of freedom below its maximum [1]_. Under separation the likelihood has no maximum but a
    supremum, which serves as well: an infinite estimate has a finite end on its other side. R: ``confint(fit)``, which reads
    the ends off a spline. SAS: CLODDS=PL. SPSS has none.

    References
    ----------
    .. [1] Venzon DJ, Moolgavkar SH. A method for computing profile-likelihood-based confidence intervals. Appl Stat 1988;
       37: 87-94.
    """
    from scipy.stats import chi2

    basis, _ = np.linalg.qr(x)
    offset = np.zeros(len(y))
    best, top = _highest(basis, y, n, offset, np.zeros(x.shape[1]))
    drop = chi2.isf(1 - confidence_level, 1) / 2
    low, high = np.full(x.shape[1], NAN), np.full(x.shape[1], NAN)
    problems: dict[int, str] = {}
    for k in range(x.shape[1]):
        own, others = split_basis(x, k)
        length = np.linalg.norm(own)
        own = own / length
        log_odds = basis @ best
        unit = 1 / np.sqrt(n @ own**2 / n.sum())
        for sign, ends in ((-1, low), (1, high)):
            if infinite.get(k) == sign:
                ends[k] = sign * np.inf
                continue
            found = _end(own, others, y, n, log_odds, top - drop, sign * unit)
            if found is None and k in infinite:  # these data allow an infinite estimate of either sign
                ends[k] = sign * np.inf
            elif found is None:
                side = "lower" if sign < 0 else "upper"
                problems[k] = "; ".join(filter(None, [problems.get(k), f"no {side} end of the profile interval was found"]))
            else:
                ends[k] = found / length
    return low, high, problems


def _end(
    own: np.ndarray, others: np.ndarray, y: np.ndarray, n: np.ndarray, log_odds: np.ndarray, level: float, unit: float
) -> float | None:
    """Find where the profile of one coefficient falls to a level on one side; None if nowhere within reach."""
    from scipy.optimize import brentq

    peak, rest = float(own @ log_odds), others.T @ log_odds

    def height(distance: float) -> float:
        _, value = _highest(others, y, n, own * (peak + distance), rest)
        return value - level

    near, far = 0.0, unit / 4
    while height(far) > 0:
        near, far = far, 2 * far
        if abs(far) > REACH * abs(unit):
            return None
    return peak + brentq(height, near, far, xtol=1e-11 * abs(unit), rtol=1e-12)


def _highest(x: np.ndarray, y: np.ndarray, n: np.ndarray, offset: np.ndarray, start: np.ndarray) -> tuple[np.ndarray, float]:
    """Maximise the log-likelihood, or come as near to its supremum as doubles tell; return the estimates and the value."""
    from scipy.special import expit

    def value_of(beta: np.ndarray) -> float:
        return float(log_likelihood(np.column_stack([x, offset]), y, n, np.append(beta, 1.0)))

    beta, value = start.copy(), value_of(start)
    for _ in range(MAX_ITERATIONS if x.shape[1] else 0):
        p = expit(x @ beta + offset)
        slope = x.T @ (n * (y - p))
        step, *_ = np.linalg.lstsq((x.T * (n * p * (1 - p))) @ x, slope, rcond=1e-15)
        if slope @ step < GAIN * (1 + abs(value)):
            return beta + step, max(value, value_of(beta + step))
        for _ in range(60):
            after = value_of(beta + step)
            if uphill(after, value, slope @ step):
                break
            step = step / 2
        else:
            break
        beta, value = beta + step, after
    return beta, value
