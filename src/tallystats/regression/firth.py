"""Firth's penalised logistic regression: finite estimates under separation, profile intervals, likelihood-ratio tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tallystats.regression.coefficients import EventModel
from tallystats.regression.design import make_design
from tallystats.regression.logistic import log_likelihood
from tallystats.results import NAN, require_confidence_level, result
from tallystats.tally import Tally
from tallystats.tolerance import uphill

#: Newton's limits: steps, the gain of a step (of the log-likelihood's size) below which it is the last, and the longest
#: step, as the change of the log odds of any pattern, which keeps the first ones from running away.
MAX_ITERATIONS, GAIN, LONGEST_STEP = 200, 1e-14, 5.0
#: How far from an estimate, in standard errors, an end of a profile interval is looked for.
REACH = 60.0


@result
class FirthFit(EventModel):
    """A logistic model fitted by Firth's penalised likelihood; one entry a column, the intercept first.

    Beside what `tallystats.regression.coefficients.EventModel` holds:

    Attributes
    ----------
    estimates, std_errors : tuple of float
        Penalised log odds ratio; standard error from the information at the estimate.
    statistics, p_values : tuple of float
        Penalised likelihood-ratio chi-square and P of each column.
    conf_low, conf_high : tuple of float
        Profile penalised-likelihood interval; NaN where the profile was not found (see `problems`).
    tests : dict
        Term, and `model` for all: penalised likelihood-ratio chi-square, df and P.
    penalised_log_likelihood : float
    converged : bool
    problems : dict
        Column -> what could not be computed, and why.
    """

    tests: dict[str, tuple[float, int, float]]
    penalised_log_likelihood: float
    converged: bool
    iterations: int
    problems: dict[str, str]
    blocks: dict[str, tuple[str, ...]]


def firth_logistic(tally: Tally, *, outcome: str, terms: Sequence[str], confidence_level: float = 0.95) -> FirthFit:
    """Fit a logistic model by Firth's penalised likelihood, whose maximum exists under separation too.

    Parameters
    ----------
    tally, outcome, terms
        As for `tallystats.regression.logistic.fit_logistic`.
    confidence_level : float
        Of the profile penalised-likelihood intervals.

    Returns
    -------
    FirthFit
        An interval end or a test that was not found is NaN, and `problems` says why.

    Raises
    ------
    ValueError
        When a column is not there, the outcome is not boolean, or no patient is complete.

    Notes
    -----
    Maximises l(b) + log|I(b)| / 2 [1]_ by Newton's method: the score with h(1/2 - p) added, h the leverages, and its
    exact derivatives. Intervals and tests profile the same function, its penalty with the information of all columns [2]_. R:
    ``logistf::logistf(pl = TRUE)``. SPSS: extension STATS FIRTHLOG.

    References
    ----------
    .. [1] Firth D. Bias reduction of maximum likelihood estimates. Biometrika 1993; 80: 27-38.
    .. [2] Heinze G, Schemper M. A solution to the problem of separation in logistic regression. Stat Med 2002; 21:
       2409-19.

    Examples
    --------
    With one binary term, Firth's estimate adds a half to each cell.

    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cells = pd.DataFrame({"cement": [False, True, True], "failed": [False, False, True], "n": [51, 18, 3]})
    >>> fit = firth_logistic(Tally(cells), outcome="failed", terms=["cement"])
    >>> round(float(fit.frame["odds_ratio"][1]), 4), round(3.5 / 18.5 / (0.5 / 51.5), 4)
    (19.4865, 19.4865)
    """
    from scipy.stats import chi2

    require_confidence_level(confidence_level)
    design = make_design(tally, outcome=outcome, terms=terms)
    names = ("intercept", *design.columns)
    basis, triangle = np.linalg.qr(design.x)
    best, _, converged, steps = _Penalised(basis, design.y, design.n).maximise()
    log_odds = basis @ best
    drop = chi2.isf(1 - confidence_level, 1) / 2
    problems: dict[str, str] = {} if converged else {"model": f"not converged after {steps} steps"}
    beta, errors, statistics, p_values, low, high = (np.full(len(names), NAN) for _ in range(6))
    for k, name in enumerate(names):
        own, others = split_basis(design.x, k)
        length = np.linalg.norm(own)
        model = _Penalised(np.column_stack([own / length, others]), design.y, design.n)
        peak = model.x.T @ log_odds
        top, covariance = model.value(peak), np.linalg.inv(model.information(peak))
        beta[k], errors[k] = peak[0] / length, np.sqrt(covariance[0, 0]) / length
        course = covariance[0] / covariance[0, 0]  # where the others go, to first order, as this one moves
        _, value, found, _ = model.maximise(fixed=1, start=model.moved(peak, course, -peak[0]))
        if found:
            statistics[k] = max(0.0, 2 * (top - value))
            p_values[k] = chi2.sf(statistics[k], 1)
        else:
            problems[name] = "the model without it did not converge"
        for side, sign, ends in (("lower", -1, low), ("upper", 1, high)):
            ends[k] = model.profile_end(peak, course, np.sqrt(covariance[0, 0]), top - drop, sign) / length
            if ends[k] != ends[k]:
                said = f"{problems[name]}; " if name in problems else ""
                problems[name] = f"{said}no {side} end of the profile interval was found"
    tests = {}
    for term, at in (design.blocks | {"model": range(1, len(names))} if names[1:] else {}).items():
        if len(at) == 1:
            statistic = statistics[at[0]]
        elif (statistic := _without_block(design.x, design.y, design.n, list(at), log_odds)) != statistic:
            problems[term] = "the model without it did not converge"
        tests[term] = (float(statistic), len(at), float(chi2.sf(statistic, len(at))))
    # Of the columns as they are: log|I| there and in the basis differ by a constant.
    top = _Penalised(basis, design.y, design.n).value(best) + np.log(np.abs(np.diag(triangle))).sum()
    return FirthFit(
        terms=names,
        estimates=tuple(beta.tolist()),
        std_errors=tuple(errors.tolist()),
        statistics=tuple(statistics.tolist()),
        p_values=tuple(p_values.tolist()),
        conf_low=tuple(low.tolist()),
        conf_high=tuple(high.tolist()),
        confidence_level=confidence_level,
        tests=tests,
        penalised_log_likelihood=float(top),
        converged=converged,
        iterations=steps,
        problems=problems,
        blocks={term: tuple(names[k] for k in positions) for term, positions in design.blocks.items()},
        dropped=design.dropped,
        n=design.total,
        events=design.events,
        n_missing=design.n_missing,
        method="Firth's penalised likelihood, profile intervals, likelihood-ratio P",
        provenance=tally.provenance,
    )


def firth_many(x: np.ndarray, y: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Maximise the penalised likelihood of one design for many tables of counts.

    Parameters
    ----------
    x, y, counts
        As for `tallystats.regression.logistic.fit_many`.

    Returns
    -------
    coefficients : numpy.ndarray, shape (tables, columns)
    covariances : numpy.ndarray, shape (tables, columns, columns)
        The inverse of the information at the estimates.
    converged : numpy.ndarray of bool
    """
    basis, triangle = np.linalg.qr(x)
    back = np.linalg.inv(triangle)
    found = []
    for n in counts:
        shown = n > 0
        model = _Penalised(basis[shown], y[shown], n[shown])
        best, _, converged, _ = model.maximise()
        found.append((back @ best, back @ np.linalg.inv(model.information(best)) @ back.T, converged))
    return tuple(map(np.array, zip(*found, strict=True)))


def split_basis(x: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the part of a column that the others do not span, and an orthonormal basis of the others.

    With these for columns, the first coefficient is still that of the column, and nothing hangs on units and origins.
    """
    others, _ = np.linalg.qr(np.delete(x, k, axis=1))
    own = x[:, k]
    for _ in range(2):  # once more, for what rounding left
        own = own - others @ (others.T @ own)
    return own, others


def _without_block(x: np.ndarray, y: np.ndarray, n: np.ndarray, block: list[int], log_odds: np.ndarray) -> float:
    """Return twice the fall of the penalised likelihood when a block of coefficients is 0; NaN when it was not found."""
    others, _ = np.linalg.qr(np.delete(x, block, axis=1))
    own = x[:, block] - others @ (others.T @ x[:, block])
    own, _ = np.linalg.qr(own)
    model = _Penalised(np.column_stack([own, others]), y, n)
    peak = model.x.T @ log_odds
    start = peak.copy()
    start[: len(block)] = 0
    _, value, found, _ = model.maximise(fixed=len(block), start=start)
    return max(0.0, 2 * (model.value(peak) - value)) if found else NAN


class _Penalised:
    """The penalised log-likelihood of one table of counts, on columns that form an orthonormal basis."""

    def __init__(self, x: np.ndarray, y: np.ndarray, n: np.ndarray) -> None:
        self.x, self.y, self.n = x, y, n

    def information(self, beta: np.ndarray) -> np.ndarray:
        from scipy.special import expit

        p = expit(self.x @ beta)
        return (self.x.T * (self.n * p * (1 - p))) @ self.x

    def slope_and_curvature(self, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return first derivatives, minus the second ones, and the information of the likelihood alone."""
        from scipy.special import expit

        x, p = self.x, expit(self.x @ beta)
        weights = self.n * p * (1 - p)
        information = (x.T * weights) @ x
        inverse = np.linalg.inv(information)
        leverage = weights * np.einsum("pi,ij,pj->p", x, inverse, x)
        slope = x.T @ (self.n * (self.y - p) + leverage * (0.5 - p))
        # Of log|I| / 2: its second derivatives have a part from those of the weights, and one from I's own change.
        change = (x.T[:, None] * x.T * (weights * (1 - 2 * p))) @ x
        turned = inverse @ change
        penalty = (x.T * (leverage * ((1 - 2 * p) ** 2 / 2 - p * (1 - p)))) @ x
        penalty -= np.einsum("jab,kba->jk", turned, turned) / 2
        return slope, information - penalty, information

    def value(self, beta: np.ndarray) -> float:
        sign, logdet = np.linalg.slogdet(self.information(beta))
        return float(log_likelihood(self.x, self.y, self.n, beta)) + logdet / 2 if sign > 0 else -np.inf

    def maximise(self, *, fixed: int = 0, start: np.ndarray | None = None) -> tuple[np.ndarray, float, bool, int]:
        """Maximise over all coefficients but the first few; return them, the value, whether it converged, the steps."""
        beta = np.zeros(self.x.shape[1]) if start is None else start.copy()
        free = slice(fixed, None)
        now = self.value(beta)
        if not len(beta[free]):
            return beta, now, True, 0
        for number in range(1, MAX_ITERATIONS + 1):
            try:
                slope, *matrices = (part[free] for part in self.slope_and_curvature(beta))
                step, concave = self._uphill(slope, *(matrix[:, free] for matrix in matrices))
            except np.linalg.LinAlgError:
                return beta, now, False, number
            if concave and slope @ step < GAIN * (1 + abs(now)):  # Newton's last step: its error is that squared
                beta[free] += step
                return beta, self.value(beta), True, number
            step *= min(1.0, LONGEST_STEP / np.abs(self.x[:, free] @ step).max())
            for _ in range(40):
                tried = beta.copy()
                tried[free] += step
                after = self.value(tried)
                if uphill(after, now, slope @ step):
                    break
                step /= 2
            else:
                return beta, now, False, number
            beta, now = tried, after
        return beta, now, False, MAX_ITERATIONS

    @staticmethod
    def _uphill(slope: np.ndarray, curvature: np.ndarray, information: np.ndarray) -> tuple[np.ndarray, bool]:
        """Return Newton's step where the function is concave; else the scoring step, which leads up everywhere."""
        try:
            np.linalg.cholesky(curvature)
        except np.linalg.LinAlgError:
            return np.linalg.solve(information, slope), False
        return np.linalg.solve(curvature, slope), True

    def moved(self, beta: np.ndarray, course: np.ndarray, distance: float) -> np.ndarray:
        """Move the first coefficient by a distance, and the others with it where that is likelier."""
        together, alone = beta + distance * course, beta.copy()
        alone[0] += distance
        return max(together, alone, key=lambda b: np.nan_to_num(self.value(b), nan=-np.inf))

    def profile_end(self, peak: np.ndarray, course: np.ndarray, error: float, level: float, sign: int) -> float:
        """Find where the profile of the first coefficient falls to a level, on one side of its peak; NaN if nowhere."""
        from scipy.optimize import brentq

        near, where = peak, 0.0

        def height(distance: float) -> float:
            nonlocal near
            for origin in (near, peak):
                start = self.moved(origin, course, peak[0] + sign * distance - origin[0])
                here, value, found, _ = self.maximise(fixed=1, start=start)
                if found:
                    near = here
                    return value - level
            return NAN

        distance = error
        while (now := height(distance)) > 0 and distance < REACH * error:
            where, distance = distance, distance * 1.6
        if not now <= 0:
            return NAN
        try:
            return float(peak[0] + sign * brentq(height, where, distance, xtol=1e-10 * error, rtol=1e-12))
        except ValueError:  # a maximum on the way was not found
            return NAN
