"""Draws of one variable's missing values given the others: the steps of chained equations.

Every draw is proper: the parameters of the regression are drawn first, from their (approximate) posterior, then the values.
Columns come standardised, so that a ridge and an augmentation mean the same in every unit.
"""

from __future__ import annotations

import numpy as np

from tallystats.tolerance import settled, uphill

#: How many patients with the nearest predictions may give their value.
DONORS = 5
#: What is added to the diagonal of X'X, as a share of it, so that columns that determine each other stop nothing.
RIDGE = 1e-5
#: Newton's steps, and the gain of a step below which it is the last.
STEPS, GAIN = 100, 1e-9


def draw_numbers(
    x: np.ndarray, y: np.ndarray, missing: np.ndarray, rng: np.random.Generator, *, donors: int = DONORS
) -> np.ndarray:
    """Draw numbers by predictive mean matching: each is the value of a patient who has one and a like prediction.

    Parameters
    ----------
    x : numpy.ndarray, shape (patients, columns)
        Standardised columns, no intercept.
    y : numpy.ndarray, shape (patients,)
        The variable; what stands where it is missing is not used.
    missing : numpy.ndarray of bool, shape (patients,)
    rng : numpy.random.Generator
    donors : int

    Returns
    -------
    numpy.ndarray
        The drawn values, in the order of the missing ones.

    Notes
    -----
    Linear regression with parameters drawn from their posterior; predictions by the estimate for donors and by the draw for
    the others ("type 1" matching), ties in random order [1]_. R: ``mice::mice.impute.pmm``.

    References
    ----------
    .. [1] van Buuren S. Flexible Imputation of Missing Data. 2nd ed. Boca Raton: CRC Press, 2018: section 3.4.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.array([[-1.0], [-0.9], [0.9], [1.0], [-1.0]]), np.array([3.0, 3.0, 8.0, 8.0, np.nan])
    >>> draw_numbers(x, y, np.isnan(y), np.random.default_rng(1), donors=2).tolist()
    [3.0]
    """
    x = np.column_stack([np.ones(len(x)), x])
    seen, values = x[~missing], y[~missing]
    inner = seen.T @ seen
    inner[np.diag_indices_from(inner)] *= 1 + RIDGE
    best = np.linalg.solve(inner, seen.T @ values)
    squares = ((values - seen @ best) ** 2).sum()
    sigma = np.sqrt(squares / rng.chisquare(max(len(values) - x.shape[1], 1)))
    drawn = best + sigma * _normal(inner, rng)
    # Patients of one pattern have one prediction; which of them gives the value is drawn, not decided by the last digit.
    both = settled(np.concatenate([seen @ best, x[missing] @ drawn]))
    predicted, wanted = both[: len(values)], both[len(values) :]
    order = rng.permutation(len(values))
    order = order[np.argsort(predicted[order], kind="stable")]
    predicted = predicted[order]
    donors = min(donors, len(values))
    # The nearest lie within `donors` places to either side.
    near = np.searchsorted(predicted, wanted)[:, None] + np.arange(-donors, donors)
    outside = (near < 0) | (near >= len(values))
    near = near.clip(0, len(values) - 1)
    distance = settled(np.where(outside, np.inf, np.abs(predicted[near] - wanted[:, None])).ravel()).reshape(near.shape)
    chosen = np.argsort(distance, axis=1, kind="stable")[np.arange(len(wanted)), rng.integers(0, donors, len(wanted))]
    return values[order[near[np.arange(len(wanted)), chosen]]]


def draw_levels(
    x: np.ndarray, codes: np.ndarray, missing: np.ndarray, rng: np.random.Generator, *, ordered: bool = False
) -> np.ndarray:
    """Draw levels by logistic regression: of two, of several (multinomial), or of an order (continuation ratios).

    Parameters
    ----------
    x, missing, rng
        As for `draw_numbers`.
    codes : numpy.ndarray of int, shape (patients,)
        Level of each patient; what stands where it is missing is not used.
    ordered : bool
        Whether one coefficient a column moves all levels along their order.

    Returns
    -------
    numpy.ndarray of int
        Levels among those that somebody has.

    Notes
    -----
    Parameters are drawn from the normal approximation at the maximum. Each column adds, for each level, a fraction of a
    patient to either side of its mean, all of them together as many as there are parameters of a level, so that the maximum
    exists where the columns tell the level perfectly [1]_. R: ``mice::mice.impute.logreg``, with the same augmentation; its
    polyreg and polr draw no parameters, which makes between-imputation variance too small.

    An order is modelled by continuation ratios, log odds of lying above a level among those at or above it, with one
    coefficient a column [2]_: a binary regression of stacked patients.

    References
    ----------
    .. [1] White IR, Daniel R, Royston P. Avoiding bias due to perfect prediction in multiple imputation of incomplete
       categorical variables. Comput Stat Data Anal 2010; 54: 2267-2275.
    .. [2] Agresti A. Categorical Data Analysis. 3rd ed. Hoboken: Wiley, 2013: section 8.3.

    Examples
    --------
    >>> import numpy as np
    >>> x, codes = np.array([[-1.0]] * 40 + [[1.0]] * 41), np.array([0] * 40 + [1] * 40 + [-1])
    >>> draw_levels(x, codes, codes < 0, np.random.default_rng(1)).tolist()
    [1]
    """
    levels, at = np.unique(codes[~missing], return_inverse=True)
    if len(levels) == 1:
        return np.full(missing.sum(), levels[0])
    seen, at, weights = _augmented(x[~missing], at, len(levels))
    wanted = x[missing]
    if ordered and len(levels) > 2:
        probability = _continued(seen, at, weights, wanted, len(levels), rng)
    else:
        seen = np.column_stack([np.ones(len(seen)), seen])
        drawn = _drawn_logits(seen, at, weights, len(levels), rng)
        probability = _softmax(np.column_stack([np.ones(len(wanted)), wanted]) @ drawn.T)
    above = rng.random(len(wanted))[:, None] > probability.cumsum(axis=1)[:, :-1]
    return levels[above.sum(axis=1)]


def _augmented(x: np.ndarray, codes: np.ndarray, levels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Add the fractions of patients that keep every maximum finite; return columns, levels and weights."""
    width = x.shape[1]
    if not width:
        return x, codes, np.ones(len(codes))
    added = np.zeros((width, levels, 2, width))
    for k in range(width):
        # Half a standard deviation from the mean, but no further out than anybody is.
        added[k, :, :, k] = np.clip([-0.5, 0.5], x[:, k].min(), x[:, k].max())
    added = added.reshape(-1, width)
    of_level = np.tile(np.repeat(np.arange(levels), 2), width)
    weights = np.r_[np.ones(len(codes)), np.full(len(added), (width + 1) / len(added))]
    return np.vstack([x, added]), np.r_[codes, of_level], weights


def _continued(
    x: np.ndarray, codes: np.ndarray, weights: np.ndarray, wanted: np.ndarray, levels: int, rng: np.random.Generator
) -> np.ndarray:
    """Return each wanted patient's probabilities of the levels of an order."""
    from scipy.special import expit

    def stacked(part: np.ndarray, level: int) -> np.ndarray:
        return np.column_stack([np.tile(np.arange(levels - 1) == level, (len(part), 1)).astype(float), part])

    there = [codes >= level for level in range(levels - 1)]
    rows = np.vstack([stacked(x[here], level) for level, here in enumerate(there)])
    above = np.concatenate([codes[here] > level for level, here in enumerate(there)]).astype(int)
    drawn = _drawn_logits(rows, above, np.concatenate([weights[here] for here in there]), 2, rng)[0]
    go_on = np.column_stack([expit(stacked(wanted, level) @ drawn) for level in range(levels - 1)])
    reached = np.column_stack([np.ones(len(wanted)), go_on.cumprod(axis=1)])
    return reached * np.column_stack([1 - go_on, np.ones(len(wanted))])


def _drawn_logits(x: np.ndarray, codes: np.ndarray, weights: np.ndarray, levels: int, rng: np.random.Generator) -> np.ndarray:
    """Fit a multinomial logistic regression against the first level and draw its coefficients, a row a further level."""
    width, others = x.shape[1], levels - 1
    hit = codes[:, None] == np.arange(1, levels)
    beta = np.zeros((others, width))

    def value(b: np.ndarray) -> float:
        log_odds = np.column_stack([np.zeros(len(x)), x @ b.T])
        return float(weights @ (log_odds[np.arange(len(x)), codes] - np.logaddexp.reduce(log_odds, axis=1)))

    now = value(beta)
    for _ in range(STEPS):
        score, information = _multinomial(x, hit, weights, beta)
        step = np.linalg.solve(information, score.ravel()).reshape(beta.shape)
        while not uphill(after := value(beta + step), now, 0.0) and np.abs(step).max() > 1e-12:
            step /= 2
        beta, gain, now = beta + step, after - now, after
        if gain < GAIN:
            break
    _, information = _multinomial(x, hit, weights, beta)
    return beta + _normal(information, rng).reshape(beta.shape)


def _multinomial(x: np.ndarray, hit: np.ndarray, weights: np.ndarray, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return score and information, with a ridge of the smallest size on its diagonal."""
    p = _softmax(x @ beta.T)[:, 1:]
    score = ((hit - p) * weights[:, None]).T @ x
    blocks = [[(x.T * (weights * p[:, a] * ((a == b) - p[:, b]))) @ x for b in range(len(beta))] for a in range(len(beta))]
    information = np.block(blocks)
    information[np.diag_indices_from(information)] *= 1 + RIDGE
    return score, information


def _softmax(log_odds: np.ndarray) -> np.ndarray:
    """Return the probabilities of all levels from the log odds of each further one against the first."""
    log_odds = np.column_stack([np.zeros(len(log_odds)), log_odds])
    return np.exp(log_odds - np.logaddexp.reduce(log_odds, axis=1, keepdims=True))


def _normal(precision: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw from the normal distribution around 0 with the inverse of a matrix for its covariance."""
    from scipy.linalg import solve_triangular

    return solve_triangular(np.linalg.cholesky(precision).T, rng.standard_normal(len(precision)))
