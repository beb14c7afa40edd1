"""What is said of a Cox model as a whole: tests of all its columns, its concordance, its Schoenfeld residuals."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tallystats.results import NAN, result
from tallystats.survival.partial_likelihood import RiskRows, derivatives, log_likelihood_of
from tallystats.tolerance import SAME, settled, vary_apart

#: Degrees of freedom of the smooth through Schoenfeld residuals, and at how many points it is read: R's defaults.
SMOOTH, POINTS = 4, 40


@result
class ModelTest:
    """A test that no column of a model matters: `name` is likelihood ratio, score or Wald."""

    name: str
    statistic: float
    df: int
    p_value: float


def model_tests(rows: RiskRows, beta: np.ndarray, log_likelihood: float, variance: np.ndarray) -> tuple[ModelTest, ...]:
    """Test that all log hazard ratios are 0, in three ways.

    Parameters
    ----------
    rows : RiskRows
    beta : numpy.ndarray, shape (columns,)
        Where the partial likelihood is highest.
    log_likelihood : float
        There.
    variance : numpy.ndarray, shape (columns, columns)
        Of `beta`; a robust one makes Wald's test robust.

    Returns
    -------
    tuple of ModelTest
        Likelihood ratio, score and Wald; NaN where the information at 0 is singular.

    Notes
    -----
    R: ``summary(coxph(...))``: logtest, sctest and waldtest. With ties, the score test is not the log-rank test, whose
    variance differs. SPSS: COXREG, "overall (score)" and "change from previous step".
    """
    from scipy.stats import chi2

    p, zero = len(beta), np.zeros(len(beta))
    score, information = derivatives(rows, zero, np.zeros(len(rows.exit)))
    found = {
        "likelihood ratio": 2 * (log_likelihood - log_likelihood_of(rows, zero)),
        "score": _quadratic(score[:p], information[:p, :p]),
        "Wald": _quadratic(beta, variance),
    }
    return tuple(ModelTest(name=name, statistic=value, df=p, p_value=float(chi2.sf(value, p))) for name, value in found.items())


def _quadratic(vector: np.ndarray, covariance: np.ndarray) -> float:
    """Return v' S^-1 v; NaN where S is singular."""
    if not vary_apart(covariance):
        return NAN
    return float(vector @ np.linalg.solve(covariance, vector))


def concordance(rows: RiskRows, predictor: np.ndarray, clusters: np.ndarray | None = None) -> tuple[float, float]:
    """Say how often, of two patients, the one with the higher predictor has the event first.

    Parameters
    ----------
    rows : RiskRows
        Pairs are compared within strata: one has the event while the other is at risk and has it later, if at all.
    predictor : numpy.ndarray, shape (patients,)
        Higher: earlier.
    clusters : numpy.ndarray of int, shape (patients,), optional
        Patients who may be alike.

    Returns
    -------
    concordance, std_error : float
        Equal predictors count one half. NaN where no pair can be compared.

    Notes
    -----
    Harrell's C; the standard error is the infinitesimal jackknife, sum over patients (or clusters) of the squared
    derivative of C by the patient's weight. R: ``concordance(fit)``, there with ``cluster`` too.
    """
    predictor = settled(predictor)
    ahead, pairs = np.zeros(len(predictor)), np.zeros(len(predictor))  # of the pairs that each patient is in
    for at_risk, dead in rows.risk_sets():
        later = at_risk & ~dead
        for one in np.flatnonzero(dead):
            won = np.where(predictor[one] > predictor, 1.0, np.where(predictor[one] == predictor, 0.5, 0.0)) * later
            ahead += won
            pairs += later
            ahead[one] += won.sum()
            pairs[one] += later.sum()
    total = pairs.sum() / 2
    if not total:
        return NAN, NAN
    found = ahead.sum() / 2 / total
    influence = (ahead - found * pairs) / total
    if clusters is not None:
        influence = np.bincount(clusters, weights=influence)
    return float(found), float(np.sqrt((influence**2).sum()))


@result
class Schoenfeld:
    """Scaled Schoenfeld residuals: about what the log hazard ratio of each column is at each event.

    Attributes
    ----------
    columns : tuple of str
    times, ranks : tuple of float
        Of each event, and the rank of its time among all exits.
    values : tuple of tuple of float
        For each column, one an event; NaN where the column is the same in the event's whole stratum.
    variances : tuple of float
        For each column, of one residual.
    """

    columns: tuple[str, ...]
    times: tuple[float, ...]
    ranks: tuple[float, ...]
    values: tuple[tuple[float, ...], ...]
    variances: tuple[float, ...]

    @property
    def frame(self) -> pd.DataFrame:
        """One row a column and event: `term, time, rank, residual`."""
        return pd.concat(
            [
                pd.DataFrame({"term": name, "time": self.times, "rank": self.ranks, "residual": values})
                for name, values in zip(self.columns, self.values, strict=True)
            ],
            ignore_index=True,
        )

    def smooth(self, column: str) -> pd.DataFrame:
        """Draw a smooth line through the residuals of a column.

        Returns
        -------
        pandas.DataFrame
            `rank, estimate, conf_low, conf_high` at points from the first event to the last; empty where the events lie at
            too few distinct times. The band is two standard errors wide to each side, if hazards are proportional.

        Notes
        -----
        Least squares on a natural cubic spline with 4 degrees of freedom. R: ``plot(cox.zph(fit, "rank"))``.
        """
        at = self.columns.index(column)
        values = np.array(self.values[at])
        known = ~np.isnan(values)
        x = np.array(self.ranks)
        grid = np.linspace(x.min(), x.max(), POINTS)
        basis = _natural_spline(np.concatenate([grid, x]))
        line, rows = basis[:POINTS], basis[POINTS:][known]
        if np.linalg.matrix_rank(rows, rtol=SAME) < SMOOTH:
            return pd.DataFrame({"rank": [], "estimate": [], "conf_low": [], "conf_high": []}, dtype=float)
        estimate = line @ np.linalg.lstsq(rows, values[known], rcond=None)[0]
        covariance = np.einsum("ij,jk,ik->i", line, np.linalg.inv(rows.T @ rows), line)
        width = 2 * np.sqrt(self.variances[at] * covariance)
        return pd.DataFrame({"rank": grid, "estimate": estimate, "conf_low": estimate - width, "conf_high": estimate + width})


def _natural_spline(x: np.ndarray) -> np.ndarray:
    """Return a basis of natural cubic splines with 4 degrees of freedom, of columns of unit spread, knots at quantiles."""
    low, high = x.min(), x.max()
    if low == high:
        return np.ones((len(x), 1))
    u = (x - low) / (high - low)
    knots = np.quantile(u, np.linspace(0, 1, SMOOTH))

    def beyond(k: int) -> np.ndarray:
        return (np.maximum(u - knots[k], 0) ** 3 - np.maximum(u - knots[-1], 0) ** 3) / (knots[-1] - knots[k])

    if len(set(knots)) < SMOOTH:
        return np.column_stack([np.ones(len(u)), u])
    return np.column_stack([np.ones(len(u)), u, *(beyond(k) - beyond(SMOOTH - 2) for k in range(SMOOTH - 2))])


def schoenfeld(rows: RiskRows, beta: np.ndarray, columns: tuple[str, ...]) -> Schoenfeld:
    """Return the scaled Schoenfeld residuals of a Cox model.

    Parameters
    ----------
    rows : RiskRows
    beta : numpy.ndarray, shape (columns,)
        Where the partial likelihood is highest.
    columns : tuple of str

    Notes
    -----
    A column's value in who has the event, less its mean in those at risk (with Efron's ties, the mean over their shares),
    over the mean information of an event, and the log hazard ratio added [1]_. R (survival 3.0 and later):
    ``cox.zph(fit, "rank", terms = FALSE)``: time, x, y and var.

    References
    ----------
    .. [1] Grambsch PM, Therneau TM. Proportional hazards tests and diagnostics based on weighted residuals. Biometrika
       1994; 81: 515-526.
    """
    from scipy.stats import rankdata

    hazard = np.exp(rows.x @ beta - (rows.x @ beta).max())
    stratum = np.zeros(len(rows.exit), int) if rows.stratum is None else rows.stratum
    varies = np.array([np.ptp(rows.x[stratum == s], axis=0) > 0 for s in range(stratum.max() + 1)])
    information, informed = np.zeros((len(beta),) * 2), np.zeros((len(beta),) * 2)
    residuals, who = [], []
    for at_risk, dead in rows.risk_sets():
        means = []
        for share in np.arange(dead.sum()) / dead.sum():
            weight = hazard * (at_risk - share * dead)
            means.append(weight @ rows.x / weight.sum())
            information += (rows.x - means[-1]).T @ ((rows.x - means[-1]) * (weight / weight.sum())[:, None])
        residuals.append(rows.x[dead] - np.mean(means, axis=0))
        who.append(np.flatnonzero(dead))
        known = varies[stratum[who[-1][0]]]
        informed += dead.sum() * np.outer(known, known)
    information /= np.maximum(informed, 1)
    who, raw = np.concatenate(who), np.concatenate(residuals)
    scaled = np.full(raw.shape, np.nan)
    for s, known in enumerate(varies):
        here = stratum[who] == s
        if known.any() and here.any():
            inner = information[np.ix_(known, known)]
            scaled[np.ix_(here, known)] = np.linalg.solve(inner, raw[np.ix_(here, known)].T).T + beta[known]
    order = np.argsort(rows.exit[who], kind="stable")
    return Schoenfeld(
        columns=columns,
        times=tuple(rows.exit[who][order].tolist()),
        ranks=tuple(rankdata(rows.exit)[who][order].tolist()),
        values=tuple(map(tuple, scaled[order].T.tolist())),
        variances=tuple(np.diag(np.linalg.inv(information)).tolist()),
    )
