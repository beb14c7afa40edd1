"""What each method of logistic regression prints for many tables of counts at once: estimates and P values.

One table at a time, with intervals and a report of what could not be computed: `tallystats.regression.logistic`,
`tallystats.regression.firth`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tallystats.regression.logistic import BCON, _derivatives, _inverse, _solve, fit_many, log_likelihood
from tallystats.results import result

#: Newton's steps after which a program may have stopped.
STEPS = 50
#: R's `glm`: scoring steps (maxit), and the relative change of the deviance below which it stops (epsilon).
R_STEPS, R_CHANGE = 25, 1e-8
#: Firth's method: Newton's steps, the change of every estimate below which the last is done, and the longest step.
FIRTH_STEPS, FIRTH_CHANGE, LONGEST_STEP = 200, 1e-8, 5.0

WALD = "maximum likelihood, Wald"
WALD_BEFORE = "maximum likelihood, Wald with the standard errors of the step before"
WALD_R = "maximum likelihood, Wald, by R's glm"
RATIO, SCORE = "likelihood ratio", "score"
FIRTH_RATIO, FIRTH_WALD = "Firth's penalised likelihood, likelihood ratio", "Firth's penalised likelihood, Wald"


@result(eq=False)
class Printout:
    """What one method prints for many tables; NaN where it is undefined.

    Attributes
    ----------
    method : str
    limit : str
        Where it stops, in words; empty for a number of steps.
    step : int or None
        After how many of Newton's steps it stops.
    estimates, std_errors, p_values : numpy.ndarray, shape (tables, columns)
        Of the columns after the intercept.
    """

    method: str
    limit: str
    step: int | None
    estimates: np.ndarray
    std_errors: np.ndarray
    p_values: np.ndarray


def printouts(x: np.ndarray, y: np.ndarray, counts: np.ndarray) -> Iterator[Printout]:
    """Yield what each method prints for each table of counts.

    Parameters
    ----------
    x, y, counts
        As for `tallystats.regression.logistic.fit_many`.

    Yields
    ------
    Printout
        Maximum likelihood with Wald's test after 1 to `STEPS` steps of Newton's, the standard errors from the last
        estimates (SPSS) and from those before (as PSPP and R have them); R's `glm` with its defaults; the likelihood ratio
        and the score test of each column given the others; Firth's method by penalised likelihood ratio and by Wald's test.

    Examples
    --------
    Three failures of 72, all with cement: where no estimate exists, P is what the last step makes it.

    >>> import numpy as np
    >>> x, y = np.array([[1.0, 0], [1, 1], [1, 0], [1, 1]]), np.array([1.0, 1, 0, 0])
    >>> found = {(p.method, p.step): float(p.p_values[0, 0]) for p in printouts(x, y, np.array([[0.0, 3, 51, 18]]))}
    >>> [round(found[WALD, step], 3) for step in (3, 10, 20)], round(found[FIRTH_RATIO, None], 3)
    ([0.068, 0.804, 0.997], 0.013)
    """
    # Many tables have the same counts where a term stands alone.
    counts, position = np.unique(counts, axis=0, return_inverse=True)
    position = position.reshape(-1)
    top = np.full(len(counts), -np.inf)
    for step, (exact, errors, before) in enumerate(newton_steps(x, y, counts), 1):
        yield _wald(WALD, "", step, exact, errors, position)
        yield _wald(WALD_BEFORE, "", step, exact, before, position)
        top = np.fmax(top, log_likelihood(x, y, counts, exact))
    yield _wald(WALD_R, f"at most {R_STEPS} steps", None, *r_glm(x, y, counts), position)
    ratio, score = np.full(exact.shape, np.nan), np.full(exact.shape, np.nan)
    for k in range(1, x.shape[1]):
        others = np.delete(x, k, axis=1)
        with np.errstate(invalid="ignore"):  # no likelihood at all where there are no estimates
            ratio[:, k] = _upper(2 * (top - highest(others, y, counts)))
        score[:, k] = _score_test(x, y, counts, k)
    for method, p in ((RATIO, ratio), (SCORE, score)):
        yield _printout(method, "at convergence", None, exact, errors, p, position)
    beta, errors, p = firth_many(x, y, counts)
    yield _printout(FIRTH_RATIO, "at convergence", None, beta, errors, p, position)
    yield _wald(FIRTH_WALD, "at convergence", None, beta, errors, position)


def printouts_both_ways(x: np.ndarray, y: np.ndarray, counts: np.ndarray) -> Iterator[tuple[bool, Printout]]:
    """Yield what each method prints of all columns together (True), then of each alone (False); as `printouts`.

    The columns after the intercept are of 0 and 1.
    """
    for printout in printouts(x, y, counts):
        yield True, printout
    if x.shape[1] <= 2:
        return
    alone = []
    for column in x.T[1:]:
        # Four cells: with the outcome and without, each without the term and with it.
        cells = np.array([(y == outcome) & (column == shows) for outcome in (1, 0) for shows in (0, 1)], float)
        design = np.array([[1.0, 0], [1, 1]] * 2)
        alone.append(printouts(design, np.array([1.0, 1, 0, 0]), counts @ cells.T))
    for parts in zip(*alone, strict=True):
        joined = {name: np.hstack([getattr(part, name) for part in parts]) for name in ("estimates", "std_errors", "p_values")}
        yield False, replace(parts[0], **joined)


def _printout(method, limit, step, beta, errors, p, position) -> Printout:
    part = [values[:, 1:][position] for values in (beta, errors, p)]
    return Printout(method=method, limit=limit, step=step, estimates=part[0], std_errors=part[1], p_values=part[2])


def _wald(method, limit, step, beta, errors, position) -> Printout:
    from scipy.special import erfc

    with np.errstate(all="ignore"):
        p = erfc(np.abs(beta / errors) / np.sqrt(2))
    return _printout(method, limit, step, beta, errors, p, position)


def _upper(statistic: np.ndarray) -> np.ndarray:
    """Return P of chi-square values of one degree of freedom, those below 0 by rounding taken for 0."""
    from scipy.special import erfc

    return erfc(np.sqrt(np.maximum(statistic, 0.0) / 2))


def _errors(information: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.sqrt(np.diagonal(_inverse(information), axis1=1, axis2=2))


def newton_steps(
    x: np.ndarray, y: np.ndarray, counts: np.ndarray, *, steps: int = STEPS
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield, after each of Newton's steps from zero, the estimates, their standard errors, and those of the step before.

    What `fit_many` gives under each limit of steps, without starting anew for each.
    """
    beta = np.zeros((len(counts), x.shape[1]))
    going = np.arange(len(counts))
    score, information = _derivatives(x, y, counts, beta)
    errors = before = _errors(information)
    for _ in range(steps):
        if len(going):
            step = _solve(information, score)
            beta, errors, before = beta.copy(), errors.copy(), before.copy()
            beta[going] += step
            before[going] = errors[going]
            score, information = _derivatives(x, y, counts[going], beta[going])
            errors[going] = _errors(information)
            on = np.abs(step).max(axis=1) >= BCON  # what is not a number remains so
            going, score, information = going[on], score[on], information[on]
        yield beta, errors, before


def wald_by_step(x: np.ndarray, y: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return Wald's P after each of `STEPS` steps of Newton's, shape (steps, tables, columns after the intercept)."""
    everyone = np.arange(len(counts))
    return np.array([_wald(WALD, "", None, beta, errors, everyone).p_values for beta, errors, _ in newton_steps(x, y, counts)])


def r_glm(x: np.ndarray, y: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return estimates and standard errors as R's `glm` prints them for one row a patient.

    Notes
    -----
    ``glm(family = binomial)`` starts from probabilities of 1/4 and 3/4, stops when the deviance changes by less than
    1e-8 of itself (and 0.1), and takes the standard errors from the weights of its last step, which are those of the estimates
    before it.
    """
    with np.errstate(all="ignore"):
        start = np.where(y == 1, 1.0, -1.0) * np.log(3)
        weights = counts * 0.1875
        working = start + (y - np.where(y == 1, 0.75, 0.25)) / 0.1875
        information = np.einsum("bp,pi,pj->bij", weights, x, x, optimize=True)
        beta = _solve(information, (weights * working) @ x)
        errors = _errors(information)
        deviance = -2 * (counts * np.log(0.75)).sum(axis=1)
        going = np.ones(len(counts), bool)
        for number in range(R_STEPS):
            now = -2 * log_likelihood(x, y, counts, beta)
            going &= ~(np.abs(now - deviance) / (np.abs(now) + 0.1) < R_CHANGE)
            deviance = now
            if number == R_STEPS - 1 or not going.any():
                break
            score, information = _derivatives(x, y, counts[going], beta[going])
            errors[going] = _errors(information)
            beta[going] += _solve(information, score)
    return beta, errors


def highest(x: np.ndarray, y: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the highest log-likelihood that Newton's method reaches; it has a limit where estimates have none."""
    best, last = np.full(len(counts), -np.inf), None
    for beta, _, _ in newton_steps(x, y, counts):
        if beta is last:
            break
        best, last = np.fmax(best, log_likelihood(x, y, counts, beta)), beta
    return best


def _score_test(x: np.ndarray, y: np.ndarray, counts: np.ndarray, k: int) -> np.ndarray:
    """Return P of Rao's score test of one column given the others."""
    others = [j for j in range(x.shape[1]) if j != k]
    beta = np.zeros((len(counts), x.shape[1]))
    beta[:, others] = fit_many(x[:, others], y, counts).coefficients
    score, information = _derivatives(x, y, counts, beta)
    with np.errstate(all="ignore"):
        # The corner of the inverse is the column's variance given the others.
        return _upper(score[:, k] ** 2 * np.diagonal(_inverse(information), axis1=1, axis2=2)[:, k])


def firth_many(x: np.ndarray, y: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fit Firth's penalised likelihood to many tables.

    Returns
    -------
    tuple of numpy.ndarray, shape (tables, columns)
        Estimates, their standard errors, and the penalised likelihood-ratio P of each column, the intercept's NaN; NaN
        where the steps did not converge.

    Notes
    -----
    `tallystats.regression.firth.firth_logistic` for many tables, without intervals.
    """
    beta, top = _penalised(x, y, counts, list(range(x.shape[1])), np.zeros((len(counts), x.shape[1])))
    p_values = np.full(beta.shape, np.nan)
    for k in range(1, x.shape[1]):
        start = np.nan_to_num(beta)
        start[:, k] = 0
        _, value = _penalised(x, y, counts, [j for j in range(x.shape[1]) if j != k], start)
        p_values[:, k] = _upper(2 * (top - value))
    return beta, _errors(_derivatives(x, y, counts, beta)[1]), p_values


def _penalised(
    x: np.ndarray, y: np.ndarray, counts: np.ndarray, free: list[int], start: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Maximise the penalised likelihood over some columns; return estimates and value, NaN where it did not converge."""
    from scipy.special import expit

    def value(rows: np.ndarray, beta: np.ndarray) -> np.ndarray:
        _, information = _derivatives(x, y, counts[rows], beta)
        with np.errstate(invalid="ignore"):
            sign, logdet = np.linalg.slogdet(information)
        return np.where(sign > 0, log_likelihood(x, y, counts[rows], beta) + logdet / 2, np.nan)

    beta, going = start.copy(), np.arange(len(counts))
    now = value(going, beta)
    cubes = np.einsum("pi,pj,pk->pkij", x, x, x)
    for _ in range(FIRTH_STEPS):
        if not len(going):
            break
        old, n = beta[going], counts[going]
        p = expit(old @ x.T)
        weights = n * p * (1 - p)
        information = np.einsum("bp,pi,pj->bij", weights, x, x, optimize=True)
        inverse = _inverse(information)
        leverage = weights * np.einsum("pi,bij,pj->bp", x, inverse, x, optimize=True)
        slope = ((n * (y - p) + leverage * (0.5 - p)) @ x)[:, free]
        # Minus the second derivatives, as in Firth's fit; where they lead nowhere, the information alone does.
        turned = inverse[:, None] @ np.tensordot(weights * (1 - 2 * p), cubes, 1)
        penalty = np.einsum("bp,pi,pj->bij", leverage * ((1 - 2 * p) ** 2 / 2 - p * (1 - p)), x, x, optimize=True)
        curvature = information - penalty + np.einsum("bjac,bkca->bjk", turned, turned, optimize=True) / 2
        curvature, information = (matrix[:, free][:, :, free] for matrix in (curvature, information))
        whole = np.isfinite(curvature).all(axis=(1, 2))
        concave = whole.copy()
        concave[whole] = np.linalg.eigvalsh(curvature[whole])[:, 0] > 0
        step = np.zeros_like(old)
        step[:, free] = _solve(np.where(concave[:, None, None], curvature, information), slope)
        longest = np.abs(step).max(axis=1, keepdims=True)
        step *= np.minimum(1.0, LONGEST_STEP / np.maximum(longest, 1e-300))
        after = value(going, old + step)
        for _ in range(30):  # a step that leads down, or out of all sense, is halved
            down = ~(after >= now[going] - 1e-10)
            if not down.any():
                break
            step[down] /= 2
            after[down] = value(going[down], old[down] + step[down])
        beta[going], now[going] = old + step, after
        last = np.abs(step).max(axis=1)
        going = going[~(last < FIRTH_CHANGE) & np.isfinite(last)]
    beta[going], now[going] = np.nan, np.nan
    return beta, np.where(np.isfinite(beta).all(axis=1), now, np.nan)
