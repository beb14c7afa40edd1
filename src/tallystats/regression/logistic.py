"""Logistic regression by maximum likelihood: Newton's method under stated limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from tallystats.regression.coefficients import EventModel
from tallystats.regression.design import Design, make_design
from tallystats.regression.separation import Separation, detect_separation
from tallystats.results import NAN, require_confidence_level, result, warn_undefined
from tallystats.tally import Tally

#: SPSS's limits: Newton's steps (ITERATE), and the change of every estimate below which it stops (BCON).
ITERATE, BCON = 20, 0.001
#: Limits under which an estimate that exists is exact to the last digits of a double.
EXACT_ITERATIONS, EXACT_CHANGE = 100, 1e-10
#: The intervals, and how a fit with them is called.
METHODS = {"wald": "Wald", "profile": "Wald's P, profile intervals"}
INTERVALS = tuple(METHODS)
#: An information matrix of a larger condition number, its columns in units of their own information, is singular.
WORST_CONDITION = 1e15


@result(eq=False)
class ManyFits:
    """Fits of one design to many tables of counts.

    Attributes
    ----------
    coefficients, std_errors, p_values : numpy.ndarray, shape (tables, columns)
        At the last step; NaN where the information is singular.
    log_likelihood : numpy.ndarray, shape (tables,)
    iterations : numpy.ndarray of int
        Steps taken.
    converged : numpy.ndarray of bool
        The last step moved no estimate by `tolerance` or more.
    last_step, gradient : numpy.ndarray, shape (tables,)
        The largest change of an estimate in the last step, and the largest derivative of the log-likelihood after it.
    covariance : numpy.ndarray, shape (tables, columns, columns)
        The inverse of the information at the estimates.
    """

    coefficients: np.ndarray
    std_errors: np.ndarray
    p_values: np.ndarray
    log_likelihood: np.ndarray
    iterations: np.ndarray
    converged: np.ndarray
    last_step: np.ndarray
    gradient: np.ndarray
    covariance: np.ndarray


def fit_many(
    x: np.ndarray, y: np.ndarray, counts: np.ndarray, *, max_iterations: int = ITERATE, tolerance: float = BCON
) -> ManyFits:
    """Fit one design to many tables of counts by Newton's method from zero.

    Parameters
    ----------
    x : numpy.ndarray, shape (patterns, columns)
        The design, intercept included.
    y : numpy.ndarray, shape (patterns,)
        The outcome of each pattern, 0 or 1.
    counts : numpy.ndarray, shape (tables, patterns)
        How many patients of each table show each pattern.
    max_iterations : int
        Newton's steps after which a fit stops, converged or not.
    tolerance : float
        A fit stops when a step moves no estimate by this much.

    Returns
    -------
    ManyFits
        Standard errors come from the information at the last estimates, as SPSS and R report them.

    Notes
    -----
    SPSS LOGISTIC REGRESSION with its defaults ITERATE(20) BCON(0.001) LCON(0). LCON, a limit on the change of the
    log-likelihood, is off by default in SPSS. Under separation only ITERATE ends the fit: each step adds about 1 to an
    infinite estimate, which BCON never meets, while the log-likelihood settles: LCON would
    stop it many steps sooner, with other numbers. The standard errors belong to the last estimates, after the last step.
    R's `glm` starts elsewhere, stops on the deviance, and reports the standard errors of the step before: under
    separation it prints other numbers.
    """
    from scipy.special import erfc

    counts = np.atleast_2d(np.asarray(counts, float))
    tables, columns = len(counts), x.shape[1]
    beta = np.zeros((tables, columns))
    steps, last = np.zeros(tables, int), np.zeros(tables)
    going = np.ones(tables, bool)
    for _ in range(max_iterations):
        if not going.any():
            break
        score, information = _derivatives(x, y, counts[going], beta[going])
        step = _solve(information, score)
        beta[going] += step
        steps[going] += 1
        last[going] = np.abs(step).max(axis=1)
        going[going] = ~(last[going] < tolerance)  # NaN goes on, to the limit
    score, information = _derivatives(x, y, counts, beta)
    covariance = _inverse(information)
    with np.errstate(invalid="ignore", divide="ignore"):
        std_errors = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
        p_values = erfc(np.abs(beta / std_errors) / np.sqrt(2))
    return ManyFits(
        coefficients=beta,
        std_errors=std_errors,
        p_values=p_values,
        log_likelihood=log_likelihood(x, y, counts, beta),
        iterations=steps,
        converged=~going,
        last_step=last,
        gradient=np.abs(score).max(axis=1),
        covariance=covariance,
    )


def log_likelihood(x: np.ndarray, y: np.ndarray, counts: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Return the log-likelihood of each table of counts, without loss for probabilities near 0 and 1."""
    with np.errstate(invalid="ignore"):  # NaN estimates of a singular table give NaN
        return -(counts * np.logaddexp(0, np.where(y == 1, -1, 1) * (beta @ x.T))).sum(axis=-1)


def _derivatives(x: np.ndarray, y: np.ndarray, counts: np.ndarray, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return score and information of each table."""
    from scipy.special import expit

    p = expit(beta @ x.T)
    weights = counts * p * (1 - p)
    return (counts * (y - p)) @ x, (weights[:, None] * x.T) @ x


def _solve(information: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Solve for Newton's step; a table whose information is singular gives NaN and spoils no other."""
    return np.einsum("bij,bj->bi", _inverse(information), score)


def _inverse(information: np.ndarray) -> np.ndarray:
    """Invert each table's information; NaN where it is singular, or so nearly that the inverse is noise."""
    with np.errstate(all="ignore"):
        # In units of each column's own information: years, or seconds since an epoch, are not singular for their size.
        unit = np.sqrt(np.diagonal(information, axis1=1, axis2=2))
        unit = unit[:, :, None] * unit[:, None, :]
        scaled = information / unit
        inverse = np.full(information.shape, np.nan)
        good = np.isfinite(scaled).all(axis=(1, 2))
        try:
            inverse[good] = np.linalg.inv(scaled[good])
        except np.linalg.LinAlgError:  # one is exactly singular and numpy gives none: singular values tell which
            good[good] &= np.linalg.cond(scaled[good]) < WORST_CONDITION
            inverse[good] = np.linalg.inv(scaled[good])
        condition = np.linalg.norm(scaled, 1, axis=(1, 2)) * np.linalg.norm(inverse, 1, axis=(1, 2))
        inverse[~(condition < WORST_CONDITION)] = np.nan
        return inverse / unit


@result
class LogisticFit(EventModel):
    """A logistic model fitted by maximum likelihood; one entry a column, the intercept first.

    Beside what `tallystats.regression.coefficients.EventModel` holds:

    Attributes
    ----------
    estimates, std_errors, statistics, p_values, conf_low, conf_high : tuple of float
        Log odds ratio at the last step, its standard error, Wald's chi-square and P, Wald's interval or the profile's.
    intervals : {"wald", "profile"}
        Which interval it is.
    log_likelihood, null_log_likelihood : float
    iterations : int
    limit : int
        Newton's steps after which it would have stopped, converged or not.
    last_step, gradient : float
        The largest change of an estimate in the last step, and the largest derivative of the log-likelihood after it: both
        are all but 0 where the maximum was reached.
    converged : bool
        False under separation: the printed numbers then depend on where the program stopped.
    separation : Separation
    problems : dict
        `model`, or a column -> what could not be computed, and why; empty when all could.
    blocks : dict
        Term -> its columns.
    """

    intervals: str
    log_likelihood: float
    null_log_likelihood: float
    iterations: int
    limit: int
    last_step: float
    gradient: float
    converged: bool
    separation: Separation
    problems: dict[str, str]
    blocks: dict[str, tuple[str, ...]]

    @property
    def events_per_variable(self) -> float:
        """The smaller outcome's patients for each estimated column."""
        columns = len(self.terms) - 1
        return min(self.events, self.n - self.events) / columns if columns else NAN

    @property
    def likelihood_ratio(self) -> tuple[float, int, float]:
        """Chi-square, df and P of the model against the intercept alone; NaN without terms.

        It exists under separation too. SPSS: "Omnibus Tests of Model Coefficients". R: ``anova(null, fit, test = "LRT")``.
        """
        from scipy.stats import chi2

        df = len(self.terms) - 1
        statistic = max(0.0, 2 * (self.log_likelihood - self.null_log_likelihood)) if df else NAN
        return statistic, df, float(chi2.sf(statistic, df)) if df else NAN

    @property
    def wald_interval(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Both ends of Wald's intervals, whichever `conf_low` and `conf_high` are; of no meaning under separation."""
        from scipy.stats import norm

        reach = norm.isf((1 - self.confidence_level) / 2)
        pairs = list(zip(self.estimates, self.std_errors, strict=True))
        return tuple(b - reach * error for b, error in pairs), tuple(b + reach * error for b, error in pairs)


def fit_logistic(
    tally: Tally,
    *,
    outcome: str,
    terms: Sequence[str],
    max_iterations: int = ITERATE,
    tolerance: float = BCON,
    confidence_level: float = 0.95,
    intervals: Literal["wald", "profile"] = "wald",
) -> LogisticFit:
    """Fit a logistic model by maximum likelihood under stated limits.

    Parameters
    ----------
    tally : Tally
        Patterns of the outcome and the terms. Patients who lack any are left out and counted.
    outcome : str
        A boolean column.
    terms : sequence of str
        Boolean, numeric or categorical columns (indicators against the first level in use).
    max_iterations, tolerance
        Newton's limits; the defaults are SPSS's.
    confidence_level : float
        Of the intervals.
    intervals : {"wald", "profile"}
        Wald's, symmetric about the log odds ratio; or the profile likelihood's (see `tallystats.regression.profile`), which
        exist under separation too.

    Returns
    -------
    LogisticFit
        With a report of separation: then the likelihood has no finite maximum, and estimates, standard errors and P
        of the separated columns depend on where the iterations stopped. Where the information is singular, estimates or
        standard errors are NaN, with a warning, and `problems` says why.

    Raises
    ------
    ValueError
        When a column is not there, the outcome is not boolean or the same in all, no patient is complete, or for another
        kind of interval.

    Notes
    -----
    SPSS: LOGISTIC REGRESSION /METHOD=ENTER with its default limits (see `fit_many`). R: ``glm(family = binomial)``;
    where the maximum exists both agree to the tolerance.
    PSPP's LOGISTIC REGRESSION has SPSS's limits by name, but starts from the intercept's estimate, ends when a step lowers
    the likelihood, and reports the standard errors of the step before: with few events it may stop at its second step.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cells = pd.DataFrame({"old": [False, False, True, True], "died": [False, True] * 2, "n": [20, 5, 10, 15]})
    >>> fit = fit_logistic(Tally(cells), outcome="died", terms=["old"])
    >>> fit.frame["odds_ratio"].round(4).tolist(), round(fit.p_values[1], 4), fit.converged
    ([0.25, 6.0], 0.0055, True)
    """
    require_confidence_level(confidence_level)
    if intervals not in INTERVALS:
        raise ValueError(f"intervals: {intervals!r}; expected {' or '.join(INTERVALS)}")
    design = make_design(tally, outcome=outcome, terms=terms)
    if design.events in (0, design.total):
        raise ValueError(f"outcome: {outcome!r} is the same in all {design.total} complete patients; expected both values")
    fit = fit_many(design.x, design.y, design.n, max_iterations=max_iterations, tolerance=tolerance)
    return _as_fit(tally, outcome, terms, design, fit, max_iterations, confidence_level, intervals)


def _as_fit(
    tally: Tally,
    outcome: str,
    terms: Sequence[str],
    design: Design,
    fit: ManyFits,
    limit: int,
    confidence_level: float,
    intervals: str,
) -> LogisticFit:
    from scipy.stats import norm

    from tallystats.regression.profile import profile_limits

    beta, errors = fit.coefficients[0], fit.std_errors[0]
    reach = norm.isf((1 - confidence_level) / 2) * errors
    low, high = beta - reach, beta + reach
    events, total = design.events, design.total
    names = ("intercept", *design.columns)
    with np.errstate(invalid="ignore", divide="ignore"):
        statistics = (beta / errors) ** 2
    problems = {}
    if np.isnan(beta).any():
        problems["model"] = f"the information was singular before {limit} Newton steps were done: no estimates"
    elif np.isnan(errors).any():
        problems["model"] = f"the information at the last of {limit} Newton steps is singular: no standard errors"
    separation = detect_separation(tally, outcome=outcome, terms=terms)
    if intervals == "profile":
        infinite = {names.index(column): sign for column, sign in separation.directions.items()}
        low, high, ends = profile_limits(design.x, design.y, design.n, infinite=infinite, confidence_level=confidence_level)
        problems |= {names[k]: problem for k, problem in ends.items()}
    warn_undefined(f"logistic model of {outcome}", "; ".join(problems.values()), depth=2)
    return LogisticFit(
        terms=names,
        estimates=tuple(beta.tolist()),
        std_errors=tuple(errors.tolist()),
        statistics=tuple(statistics.tolist()),
        p_values=tuple(fit.p_values[0].tolist()),
        conf_low=tuple(low.tolist()),
        conf_high=tuple(high.tolist()),
        confidence_level=confidence_level,
        intervals=intervals,
        log_likelihood=float(fit.log_likelihood[0]),
        null_log_likelihood=float(events * np.log(events / total) + (total - events) * np.log1p(-events / total)),
        iterations=int(fit.iterations[0]),
        limit=limit,
        last_step=float(fit.last_step[0]),
        gradient=float(fit.gradient[0]),
        converged=bool(fit.converged[0]),
        separation=separation,
        problems=problems,
        blocks={term: tuple(names[k] for k in positions) for term, positions in design.blocks.items()},
        dropped=design.dropped,
        n=total,
        events=events,
        n_missing=design.n_missing,
        method=f"maximum likelihood, {METHODS[intervals]}, at most {limit} Newton steps",
        provenance=tally.provenance,
    )
