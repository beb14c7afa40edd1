"""Firth's penalised logistic regression: finite estimates under separation, profile intervals, likelihood-ratio tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cohortbook.design import make_design
from cohortbook.logistic import coefficient_frame, log_likelihood
from cohortbook.results import NAN, OneRow, require_confidence_level

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from cohortbook.tally import Tally

#: Newton's limits, and the longest step, which keeps the first ones from running away.
MAX_ITERATIONS, TOLERANCE, LONGEST_STEP = 200, 1e-9, 5.0
#: How far from an estimate, in standard errors, an end of a profile interval is looked for.
REACH = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FirthFit:
    """A logistic model fitted by Firth's penalised likelihood; one entry a column, the intercept first.

    Attributes
    ----------
    terms : tuple of str
        `intercept`, then the columns.
    estimates, std_errors : tuple of float
        Penalised log odds ratio; standard error from the information at the estimate.
    statistics, p_values : tuple of float
        Penalised likelihood-ratio chi-square and P of each column.
    conf_low, conf_high : tuple of float
        Profile penalised-likelihood interval; NaN where the profile was not found (see `problems`).
    penalised_log_likelihood : float
    converged : bool
    problems : dict
        Column -> what could not be computed, and why.
    n, events, n_missing : int
    """

    terms: tuple[str, ...]
    estimates: tuple[float, ...]
    std_errors: tuple[float, ...]
    statistics: tuple[float, ...]
    p_values: tuple[float, ...]
    conf_low: tuple[float, ...]
    conf_high: tuple[float, ...]
    confidence_level: float
    penalised_log_likelihood: float
    converged: bool
    iterations: int
    problems: dict[str, str]
    blocks: dict[str, tuple[str, ...]]
    dropped: dict[str, str]
    n: int
    events: int
    n_missing: int
    method: str
    provenance: str

    def p_value(self, column: str) -> float:
        """Return the penalised likelihood-ratio P of a column; NaN when it is not in the model."""
        return self.p_values[self.terms.index(column)] if column in self.terms else NAN

    @property
    def frame(self) -> pd.DataFrame:
        """One row a column, in the tidy vocabulary; estimates are log odds ratios, `odds_ratio` their exponentials."""
        return coefficient_frame(self)

    _repr_html_ = OneRow._repr_html_


def firth_logistic(tally: Tally, *, outcome: str, terms: Sequence[str], confidence_level: float = 0.95) -> FirthFit:
    """Fit a logistic model by Firth's penalised likelihood, whose maximum exists under separation too.

    Parameters
    ----------
    tally, outcome, terms
        As for `cohortbook.logistic.fit_logistic`.
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
    Maximises l(b) + log|I(b)| / 2 [1]_ by Newton's method on the score with h(1/2 - p) added, h the leverages. Intervals
    and tests profile the same function, its penalty with the information of all columns [2]_. R:
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
    >>> from cohortbook.tally import Tally
    >>> cells = pd.DataFrame({"cement": [False, True, True], "failed": [False, False, True], "n": [51, 18, 3]})
    >>> fit = firth_logistic(Tally(cells), outcome="failed", terms=["cement"])
    >>> round(float(fit.frame["odds_ratio"][1]), 4), round(3.5 / 18.5 / (0.5 / 51.5), 4)
    (19.4865, 19.4865)
    """
    import numpy as np
    from scipy.stats import chi2

    require_confidence_level(confidence_level)
    design = make_design(tally, outcome=outcome, terms=terms)
    model = _Penalised(design.x, design.y, design.n)
    beta, top, converged, steps = model.maximise()
    names = ("intercept", *design.columns)
    size = len(names)
    errors = np.sqrt(np.diag(np.linalg.inv(model.information(beta))))
    drop = chi2.isf(1 - confidence_level, 1) / 2
    problems: dict[str, str] = {} if converged else {"model": f"not converged after {steps} steps"}
    statistics, p_values, low, high = (np.full(size, NAN) for _ in range(4))
    for k, name in enumerate(names):
        _, value, found, _ = model.maximise(fixed={k: 0.0}, start=beta)
        if found:
            statistics[k] = max(0.0, 2 * (top - value))
            p_values[k] = chi2.sf(statistics[k], 1)
        else:
            problems[name] = "the model without it did not converge"
        for sign, ends in ((-1, low), (1, high)):
            ends[k] = model.profile_end(k, beta, errors[k], top - drop, sign)
            if ends[k] != ends[k]:
                problems[name] = f"no {'lower' if sign < 0 else 'upper'} end of the profile interval was found"
    return FirthFit(
        terms=names, estimates=tuple(beta.tolist()), std_errors=tuple(errors.tolist()),
        statistics=tuple(statistics.tolist()), p_values=tuple(p_values.tolist()), conf_low=tuple(low.tolist()),
        conf_high=tuple(high.tolist()), confidence_level=confidence_level, penalised_log_likelihood=float(top),
        converged=converged, iterations=steps, problems=problems,
        blocks={term: tuple(names[k] for k in positions) for term, positions in design.blocks.items()},
        dropped=design.dropped, n=design.total, events=design.events, n_missing=design.n_missing,
        method="Firth's penalised likelihood, profile intervals, likelihood-ratio P", provenance=tally.provenance,
    )  # fmt: skip


class _Penalised:
    """The penalised log-likelihood of one table of counts, and its maxima under fixed coefficients."""

    def __init__(self, x: np.ndarray, y: np.ndarray, n: np.ndarray) -> None:
        self.x, self.y, self.n = x, y, n

    def information(self, beta: np.ndarray) -> np.ndarray:
        from scipy.special import expit

        p = expit(self.x @ beta)
        return (self.x.T * (self.n * p * (1 - p))) @ self.x

    def score(self, beta: np.ndarray) -> np.ndarray:
        import numpy as np
        from scipy.special import expit

        p = expit(self.x @ beta)
        weights = self.n * p * (1 - p)
        leverage = weights * np.einsum("pi,ij,pj->p", self.x, np.linalg.inv((self.x.T * weights) @ self.x), self.x)
        return self.x.T @ (self.n * (self.y - p) + leverage * (0.5 - p))

    def value(self, beta: np.ndarray) -> float:
        import numpy as np

        sign, logdet = np.linalg.slogdet(self.information(beta))
        return float(log_likelihood(self.x, self.y, self.n, beta)) + logdet / 2 if sign > 0 else -np.inf

    def maximise(
        self, fixed: dict[int, float] | None = None, start: np.ndarray | None = None
    ) -> tuple[np.ndarray, float, bool, int]:
        """Maximise over the coefficients that are not fixed; return them, the value, whether it converged, the steps."""
        import numpy as np

        beta = np.zeros(self.x.shape[1]) if start is None else start.copy()
        for k, value in (fixed or {}).items():
            beta[k] = value
        free = [k for k in range(len(beta)) if k not in (fixed or {})]
        now = self.value(beta)
        for step_number in range(1, MAX_ITERATIONS + 1):
            if not free:
                return beta, now, True, 0
            try:
                score, within = self.score(beta)[free], self.information(beta)[free][:, free]
                step = np.linalg.solve(within, score)
                step *= min(1.0, LONGEST_STEP / max(np.abs(step).max(), 1e-300))
                # The information is not the curvature of the penalised likelihood: where patients are few a step
                # overshoots, and would swing for ever. Where the slope along it has turned, go to where it is level.
                tried = beta.copy()
                tried[free] += step
                slope, beyond = score @ step, self.score(tried)[free] @ step
                step *= slope / (slope - beyond) if beyond < 0 < slope else 1.0
            except np.linalg.LinAlgError:
                return beta, now, False, step_number
            for _ in range(40):
                tried = beta.copy()
                tried[free] += step
                after = self.value(tried)
                if after >= now - 1e-13 * (1 + abs(now)):
                    break
                step /= 2
            beta, now = tried, after
            if np.abs(step).max() < TOLERANCE:
                return beta, now, True, step_number
        return beta, now, False, MAX_ITERATIONS

    def profile_end(self, k: int, beta: np.ndarray, error: float, level: float, sign: int) -> float:
        """Find where the profile of a coefficient falls to a level, on one side of its estimate; NaN if nowhere."""
        from scipy.optimize import brentq

        near, where = beta, 0.0

        def height(distance: float) -> float:
            nonlocal near
            near, value, found, _ = self.maximise(fixed={k: beta[k] + sign * distance}, start=near)
            return value - level if found else NAN

        distance = error
        while (now := height(distance)) > 0 and distance < REACH * error:
            where, distance = distance, distance * 1.6
        if not now <= 0:
            return NAN
        near = beta
        try:
            return float(beta[k] + sign * brentq(height, where, distance, xtol=1e-10, rtol=1e-12))
        except ValueError:  # a maximum on the way was not found
            return NAN
