"""Firth's penalised Cox regression: finite hazard ratios where the partial likelihood is monotone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from tallystats.regression.coefficients import EventModel
from tallystats.regression.design import make_design
from tallystats.results import NAN, require_confidence_level, result
from tallystats.statistics.counts import coded
from tallystats.survival.cox import risk_rows
from tallystats.survival.lifetable import event_table
from tallystats.survival.partial_likelihood import RiskRows, flat_words, flatness
from tallystats.tally import Tally
from tallystats.tolerance import uphill, vary_apart

#: Newton's limits: steps, the gain of a step below which it is the last, and the longest step, as the change of the log
#: hazard ratio between any patient and the average.
MAX_ITERATIONS, GAIN, LONGEST_STEP = 200, 1e-14, 5.0
#: How far from an estimate, in standard errors, an end of a profile interval is looked for.
REACH = 60.0
#: The eigenvalue of the columns' information, of unit spread, below which it is lost in the rounding of their squares.
FLAT = 1e-10


@result
class FirthCoxFit(EventModel):
    """A Cox model fitted by Firth's penalised likelihood, or why there is none; one entry a column.

    Beside what `tallystats.regression.coefficients.EventModel` holds:

    Attributes
    ----------
    refused : str or None
        Why the data do not carry the model; then every tuple is empty.
    estimates, std_errors : tuple of float
        Penalised log hazard ratio; standard error from the information at the estimate.
    statistics, p_values : tuple of float
        Penalised likelihood-ratio chi-square and P of each column.
    conf_low, conf_high : tuple of float
        Profile penalised-likelihood interval; NaN where an end was not found (see `problems`).
    penalised_log_likelihood : float
    problems : dict
        Column -> what could not be computed, and why.
    """

    RATIO: ClassVar[str] = "hazard_ratio"

    refused: str | None
    penalised_log_likelihood: float = NAN
    problems: dict[str, str]


def firth_cox(
    tally: Tally,
    *,
    time: str,
    event: str,
    terms: Sequence[str],
    entry: str | float | None = None,
    strata: str | Sequence[str] = (),
    confidence_level: float = 0.95,
) -> FirthCoxFit:
    """Fit a Cox model by Firth's penalised likelihood, whose maximum exists where the likelihood is monotone too.

    Parameters
    ----------
    tally, time, event, terms, entry, strata
        As for `tallystats.survival.cox.cox_regression`.
    confidence_level : float
        Of the profile penalised-likelihood intervals.

    Returns
    -------
    FirthCoxFit
        With `refused` set when nobody has the event, no term varies, the likelihood is flat (those at risk at the events do
        not tell the effects apart), or no maximum was found. A test or an end of an interval not found is NaN, and
        `problems` says so.

    Raises
    ------
    ValueError
        As `tallystats.survival.cox.cox_regression`.

    Notes
    -----
    Maximises l(b) + log|I(b)| / 2, l the log partial likelihood with Efron's ties and I its information [1]_, [2]_.
    Intervals and tests profile the same function, its penalty with the information of all columns. No floor of events is
    set: that estimates are finite does not make them precise, which the profile intervals show. R: ``coxphf::coxphf``, whose
    ties are Breslow's.

    References
    ----------
    .. [1] Firth D. Bias reduction of maximum likelihood estimates. Biometrika 1993; 80: 27-38.
    .. [2] Heinze G, Schemper M. A solution to the problem of monotone likelihood in Cox regression. Biometrics 2001; 57:
       114-119.

    Examples
    --------
    All events are among those with cement; the hazard ratio is finite and its interval is open only to what is unlikely.

    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"days": [3.0, 4, 9, 10, 15, 12, 20], "died": [True, True, False, True, False, False, False],
    ...                      "cement": [True] * 4 + [False] * 3})
    >>> fit = firth_cox(Tally.from_rows(rows), time="days", event="died", terms=["cement"])
    >>> fit.frame[["hazard_ratio", "hazard_ratio_low", "p_value"]].round(3).values.tolist()
    [[11.36, 0.956, 0.055]]
    """
    from scipy.stats import chi2

    require_confidence_level(confidence_level)
    strata = [strata] if isinstance(strata, str) else list(strata)
    late = entry if isinstance(entry, str) else None
    event_table(tally, time, event, entry)  # refuses columns and times that cannot be
    for name in strata:
        coded(tally, name, "strata")
    where = [time, *([late] if late else []), *strata]
    design = make_design(tally, outcome=event, terms=terms, complete_on=where)
    columns = design.columns
    problems: dict[str, str] = {}
    method = "Firth's penalised Cox, Efron's ties" + (f", stratified by {', '.join(strata)}" if strata else "")
    known = {
        "confidence_level": confidence_level,
        "dropped": design.dropped,
        "n": design.total,
        "events": design.events,
        "n_missing": design.n_missing,
        "provenance": tally.provenance,
        "problems": problems,
        "method": f"{method}, profile intervals, likelihood-ratio P",
    }
    if not design.events or not columns:
        refused = "no term varies among the complete patients" if design.events else "nobody has the event"
        return FirthCoxFit(refused=refused, **known)
    each = np.repeat(np.arange(len(design.n)), design.n.astype(int))
    rows = risk_rows(tally, design, [event, *terms, *where], each, time, late, strata)
    unit = rows.x.std(axis=0)
    model = _PenalisedCox(rows, (rows.x - rows.x.mean(axis=0)) / unit)
    start = np.zeros(len(columns))
    # The information is a difference of sums: where it should be 0 it is rounding, so that the columns are asked first.
    flat = flatness(rows, columns, least=FLAT)
    if flat or not vary_apart(model.information(start), least=FLAT):
        return FirthCoxFit(refused=flat or flat_words(columns), **known)
    best, top, found = model.maximise(start)
    if not found:
        return FirthCoxFit(refused="the fit did not converge", **known)
    error = np.sqrt(np.diag(np.linalg.inv(model.information(best))))
    drop = chi2.isf(1 - confidence_level, 1) / 2
    statistics, low, high = (np.full(len(columns), NAN) for _ in range(3))
    for k, name in enumerate(columns):
        _, value, found = model.maximise(np.where(np.arange(len(columns)) == k, 0.0, best), fixed=k)
        if found:
            statistics[k] = max(0.0, 2 * (top - value))
        else:
            problems[name] = "the model without it did not converge"
        for side, sign, ends in (("lower", -1, low), ("upper", 1, high)):
            ends[k] = model.profile_end(best, k, error[k], top - drop, sign)
            if ends[k] != ends[k]:
                said = f"{problems[name]}; " if name in problems else ""
                problems[name] = f"{said}no {side} end of the profile interval was found"
    numbers = {
        "estimates": best / unit,
        "std_errors": error / unit,
        "statistics": statistics,
        "p_values": chi2.sf(statistics, 1),
        "conf_low": low / unit,
        "conf_high": high / unit,
    }
    return FirthCoxFit(
        refused=None,
        terms=columns,
        **{name: tuple(values.tolist()) for name, values in numbers.items()},
        penalised_log_likelihood=top + float(np.log(unit).sum()),
        **known,
    )


class _PenalisedCox:
    """The penalised partial likelihood of columns of mean 0 and unit spread."""

    def __init__(self, rows: RiskRows, x: np.ndarray) -> None:
        n, p = x.shape
        shares = [
            (at_risk - share * dead, dead) for at_risk, dead in rows.risk_sets() for share in np.arange(dead.sum()) / dead.sum()
        ]
        # One row an event: who is at risk, those tied with it by Efron's share; and the columns of those tied, on average.
        self.at_risk = np.array([weight for weight, _ in shares])
        self.dead = np.array([x[dead].mean(axis=0) for _, dead in shares])
        self.x = x
        squares = np.einsum("ij,ik->ijk", x, x).reshape(n, p * p)
        cubes = np.einsum("ij,ik,il->ijkl", x, x, x, optimize=True).reshape(n, p**3)
        self.powers = np.hstack([np.ones((n, 1)), x, squares, cubes])

    def _means(self, beta: np.ndarray, degree: int) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return log sum exp of the predictor in each risk set, and the weighted means of the columns' first powers."""
        p, predictor = len(beta), self.x @ beta
        ends = np.cumsum([1, *(p**power for power in range(1, degree + 1))])
        with np.errstate(divide="ignore", invalid="ignore"):  # a step too far: all of a risk set vanish beside others
            sums = self.at_risk @ (np.exp(predictor - predictor.max())[:, None] * self.powers[:, : ends[-1]])
            means = sums / sums[:, :1]
            return np.log(sums[:, 0]) + predictor.max(), np.split(means, ends[:-1], axis=1)[1:]

    def moments(self, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return score, information, and the derivatives of the information."""
        p = len(beta)
        _, (mean, square, cube) = self._means(beta, 3)
        square = square.reshape(-1, p, p)
        mixed = np.einsum("tjk,tl->jkl", square, mean)
        third = cube.sum(axis=0).reshape(p, p, p) - mixed - mixed.transpose(0, 2, 1) - mixed.transpose(2, 1, 0)
        third += 2 * np.einsum("tj,tk,tl->jkl", mean, mean, mean, optimize=True)
        return (self.dead - mean).sum(axis=0), square.sum(axis=0) - mean.T @ mean, third

    def information(self, beta: np.ndarray) -> np.ndarray:
        return self.moments(beta)[1]

    def slope(self, beta: np.ndarray) -> np.ndarray:
        """Return the first derivatives of the penalised likelihood."""
        score, information, third = self.moments(beta)
        return score + np.einsum("jk,jkl->l", np.linalg.inv(information), third) / 2

    def value(self, beta: np.ndarray) -> float:
        log_total, (mean, square) = self._means(beta, 2)
        if not np.isfinite(log_total).all():
            return -np.inf
        sign, logdet = np.linalg.slogdet(square.sum(axis=0).reshape(len(beta), -1) - mean.T @ mean)
        return float((self.dead @ beta - log_total).sum() + logdet / 2) if sign > 0 else -np.inf

    def maximise(self, start: np.ndarray, *, fixed: int | None = None) -> tuple[np.ndarray, float, bool]:
        """Maximise over all coefficients but the fixed one; return them, the value, and whether it converged."""
        beta, free = start.copy(), np.flatnonzero(np.arange(len(start)) != fixed)
        now = self.value(beta)
        if not len(free):
            return beta, now, True
        for _ in range(MAX_ITERATIONS):
            try:
                slope = self.slope(beta)[free]
                step, concave = self._uphill(beta, free, slope)
            except np.linalg.LinAlgError:
                return beta, now, False
            if concave and slope @ step < GAIN * (1 + abs(now)):  # Newton's last step: its error is that squared
                beta[free] += step
                return beta, self.value(beta), True
            step *= min(1.0, LONGEST_STEP / np.abs(self.x[:, free] @ step).max())
            for _ in range(40):
                tried = beta.copy()
                tried[free] += step
                after = self.value(tried)
                if uphill(after, now, slope @ step):
                    break
                step /= 2
            else:
                return beta, now, False
            beta, now = tried, after
        return beta, now, False

    def _uphill(self, beta: np.ndarray, free: np.ndarray, slope: np.ndarray) -> tuple[np.ndarray, bool]:
        """Return Newton's step where the function is concave; else the scoring step, which leads up everywhere."""
        # Differences of the exact slope are good enough for a step; where it ends is where the slope is 0.
        near = 1e-5 * np.eye(len(beta))[free]
        curvature = -np.array([(self.slope(beta + h) - self.slope(beta - h))[free] for h in near]) / 2e-5
        curvature = (curvature + curvature.T) / 2
        try:
            np.linalg.cholesky(curvature)
        except np.linalg.LinAlgError:
            return np.linalg.solve(self.information(beta)[np.ix_(free, free)], slope), False
        return np.linalg.solve(curvature, slope), True

    def profile_end(self, peak: np.ndarray, k: int, error: float, level: float, sign: int) -> float:
        """Find where the profile of a coefficient falls to a level, on one side of its peak; NaN if nowhere."""
        from scipy.optimize import brentq

        near, where = peak, 0.0

        def height(distance: float) -> float:
            nonlocal near
            for origin in (near, peak):
                start = np.where(np.arange(len(peak)) == k, peak[k] + sign * distance, origin)
                here, value, found = self.maximise(start, fixed=k)
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
            return float(peak[k] + sign * brentq(height, where, distance, xtol=1e-11 * error, rtol=1e-12))
        except ValueError:  # a maximum on the way was not found
            return NAN
