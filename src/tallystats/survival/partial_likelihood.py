"""Cox's partial likelihood with Efron's ties: derivatives, whether it has a maximum, test of proportional hazards.

lifelines fits; what is here tells whether there was something to fit, and tests proportional hazards: lifelines breaks
ties by the order of rows in its own test, which refuses delayed entry and is the approximation that R has given up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tallystats.results import result
from tallystats.tolerance import APART, vary_apart


@result(eq=False)
class RiskRows:
    """One row a patient.

    Attributes
    ----------
    x : numpy.ndarray, shape (patients, columns)
        The columns of the terms.
    entry, exit : numpy.ndarray
        At risk at t when entry < t <= exit.
    event : numpy.ndarray of bool
        Whether the event came at exit.
    stratum : numpy.ndarray of int, optional
        Patients are compared with those of their own.
    """

    x: np.ndarray
    entry: np.ndarray
    exit: np.ndarray
    event: np.ndarray
    stratum: np.ndarray | None = None

    def risk_sets(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield who is at risk, and who has the event, at each time of an event in each stratum."""
        stratum = np.zeros(len(self.exit), int) if self.stratum is None else self.stratum
        for s, t in np.unique(np.column_stack([stratum, self.exit])[self.event], axis=0):
            here = stratum == s
            yield here & (self.entry < t) & (self.exit >= t), here & (self.exit == t) & self.event


def derivatives(rows: RiskRows, beta: np.ndarray, clock: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return score and information of a model of the columns and of the columns x `clock`.

    Parameters
    ----------
    rows : RiskRows
    beta : numpy.ndarray, shape (columns,)
        Log hazard ratios of the columns; those of the products are 0.
    clock : numpy.ndarray, shape (patients,)
        A function of each patient's exit.

    Returns
    -------
    score : numpy.ndarray, shape (2 * columns,)
    information : numpy.ndarray, shape (2 * columns, 2 * columns)
    """
    hazard = np.exp(rows.x @ beta - (rows.x @ beta).max())
    size = 2 * rows.x.shape[1]
    score, information = np.zeros(size), np.zeros((size, size))
    for at_risk, dead in rows.risk_sets():
        now = np.array([1.0, clock[dead][0]])
        ahead = rows.x - rows.x[dead][0]  # exactly 0 in a column that is equal in all at risk, as its covariance then is
        for share in np.arange(dead.sum()) / dead.sum():  # Efron: of those tied, a growing share is gone
            weight = hazard * (at_risk - share * dead)
            weight = weight / weight.sum()
            mean = weight @ ahead
            covariance = (ahead - mean).T @ ((ahead - mean) * weight[:, None])
            score += np.kron(now, ahead[dead].mean(axis=0) - mean)
            information += np.kron(np.outer(now, now), covariance)
    return score, information


def log_likelihood_of(rows: RiskRows, beta: np.ndarray) -> float:
    """Return the log partial likelihood, with Efron's ties."""
    predictor = rows.x @ beta
    top = predictor.max()
    hazard, total = np.exp(predictor - top), 0.0
    for at_risk, dead in rows.risk_sets():
        shares = np.arange(dead.sum()) / dead.sum()
        total += (predictor[dead] - top).sum() - np.log(hazard[at_risk].sum() - shares * hazard[dead].sum()).sum()
    return float(total)


def score_residuals(rows: RiskRows, beta: np.ndarray) -> np.ndarray:
    """Return what each patient adds to the score: they sum to it, to 0 at the maximum.

    Notes
    -----
    R: ``residuals(fit, "score")``, with Efron's ties.
    """
    hazard = np.exp(rows.x @ beta - (rows.x @ beta).max())
    residuals = np.zeros_like(rows.x, dtype=float)
    for at_risk, dead in rows.risk_sets():
        for share in np.arange(dead.sum()) / dead.sum():
            weight = hazard * (at_risk - share * dead)
            weight = weight / weight.sum()
            ahead = rows.x - weight @ rows.x
            residuals += (dead / dead.sum() - weight)[:, None] * ahead
    return residuals


def is_maximum(rows: RiskRows, beta: np.ndarray) -> bool:
    """Say whether a further step of Newton's method would change nothing that is seen."""
    p = len(beta)
    score, information = derivatives(rows, beta, np.zeros(len(rows.exit)))
    if not vary_apart(information[:p, :p]):
        return False
    return bool(score[:p] @ np.linalg.solve(information[:p, :p], score[:p]) < 1e-12)


def flat_words(columns: Sequence[str]) -> str:
    """Say why a flat likelihood has no one maximum."""
    return f"flat likelihood: those at risk at the events do not tell the effects of {', '.join(columns)} apart"


def flatness(rows: RiskRows, columns: Sequence[str], *, least: float = APART) -> str | None:
    """Say that some combination of the columns is equal in all at risk, at each event; None where none is."""
    covariance = np.zeros((len(columns), len(columns)))
    for at_risk, dead in rows.risk_sets():
        ahead = rows.x[at_risk] - rows.x[dead][0]  # exactly 0 in a column that is equal in all of them
        covariance += ahead.T @ ahead
    return None if vary_apart(covariance, least=least) else flat_words(columns)


def lack_of_maximum(rows: RiskRows, columns: Sequence[str]) -> str | None:
    """Decide by linear programming whether the partial likelihood has one finite maximum.

    Returns
    -------
    str or None
        Why it has none: it is flat (some combination of the columns is equal in all at risk, at each event), or monotone
        (some combination is highest, at each event, in those who have it), so that an estimate is infinite.

    Notes
    -----
    The programme of `tallystats.regression.separation.detect_separation`, with the differences between who has an event
    and who is at risk then in the place of covariates [1]_.

    References
    ----------
    .. [1] Heinze G, Schemper M. A solution to the problem of monotone likelihood in Cox regression. Biometrics 2001; 57:
       114-119.
    """
    from scipy.optimize import linprog

    if flat := flatness(rows, columns):
        return flat
    ahead = [one - rows.x[at_risk] for at_risk, dead in rows.risk_sets() for one in np.unique(rows.x[dead], axis=0)]
    ahead = np.unique(np.concatenate(ahead), axis=0)
    ahead = ahead / np.abs(ahead).max(axis=0)
    most = linprog(-ahead.sum(axis=0), A_ub=-ahead, b_ub=np.zeros(len(ahead)), bounds=(-1, 1), method="highs")
    if most.status != 0:
        raise ArithmeticError(f"monotone likelihood was not decided: {most.message}")
    infinite = [name for name, b in zip(columns, most.x, strict=True) if abs(b) > 1e-9]
    if -most.fun < 1e-9 or not infinite:
        return None
    return f"monotone likelihood: at every event, who has it is extreme among those at risk in {', '.join(infinite)}"


def proportional_hazards(rows: RiskRows, beta: np.ndarray) -> tuple[np.ndarray, float]:
    """Test each column, and all at once, for a log hazard ratio that changes with the rank of time.

    Parameters
    ----------
    rows : RiskRows
    beta : numpy.ndarray, shape (columns,)
        Where the partial likelihood is highest.

    Returns
    -------
    each : numpy.ndarray, shape (columns,)
        Chi-square with 1 degree of freedom; NaN where a column differs among those at risk at one event time only, so that
        nothing is known of a change.
    together : float
        Chi-square with as many as there are columns; NaN where the columns' changes cannot be told apart.

    Notes
    -----
    Score tests of column x rank of exit; the rank is centred, which changes no result and keeps digits. R (survival 3.0
    and later): ``cox.zph(fit, "rank", terms = FALSE)``.
    """
    from scipy.stats import rankdata

    p = len(beta)
    clock = rankdata(rows.exit)
    score, information = derivatives(rows, beta, clock - clock[rows.event].mean())
    score[:p] = 0  # at the maximum

    def chi_square(tested: list[int]) -> float:
        kept = [*range(p), *tested]
        inner = information[np.ix_(kept, kept)]
        if not vary_apart(inner):
            return float("nan")
        # Between columns of unit length; a singular matrix of other scales is solved to rounding noise.
        size = np.sqrt(np.diag(inner))
        return float(score[kept] / size @ np.linalg.solve(inner / np.outer(size, size), score[kept] / size))

    return np.array([chi_square([p + k]) for k in range(p)]), chi_square(list(range(p, 2 * p)))
