"""Predicted probabilities after Firth's penalty, corrected so that their mean is the observed rate: FLIC and FLAC."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tallystats.regression.design import Design, complete_patterns, make_design
from tallystats.regression.firth import FirthFit, firth_logistic
from tallystats.regression.logistic import EXACT_CHANGE, EXACT_ITERATIONS, fit_many
from tallystats.results import NAN, Result, result, warn_undefined
from tallystats.tally import Tally

#: The columns of probabilities, in the order of the frame.
METHODS = ("firth", "flic", "flac")


@result(eq=False)
class Predictions(Result):
    """Predicted probabilities of each covariate pattern by Firth's method and by its two corrections.

    Attributes
    ----------
    outcome : str
    terms : tuple of str
        `intercept`, then the columns.
    firth, flic, flac : tuple of float
        The coefficients by each method.
    patterns : pandas.DataFrame
        One row a covariate pattern: the terms, `n`, `events`, and the probabilities `firth`, `flic` and `flac`.
    problems : dict
        Method -> why it has no probabilities.
    n, events, n_missing : int
    """

    outcome: str
    terms: tuple[str, ...]
    firth: tuple[float, ...]
    flic: tuple[float, ...]
    flac: tuple[float, ...]
    patterns: pd.DataFrame
    problems: dict[str, str]
    dropped: dict[str, str]
    n: int
    events: int
    n_missing: int
    method: str
    provenance: str

    def mean(self, method: str) -> float:
        """Return the mean predicted probability of all patients by a method: `firth`, `flic` or `flac`."""
        return float(self.patterns[method] @ self.patterns["n"] / self.n)

    @property
    def frame(self) -> pd.DataFrame:
        """One row a covariate pattern."""
        return self.patterns.assign(observed=self.patterns["events"] / self.patterns["n"])


def firth_predictions(tally: Tally, *, outcome: str, terms: Sequence[str], fit: FirthFit | None = None) -> Predictions:
    """Predict the outcome of every covariate pattern after Firth's penalty, with the intercept put right.

    Parameters
    ----------
    tally, outcome, terms
        As for `tallystats.regression.firth.firth_logistic`.
    fit : FirthFit, optional
        Firth's fit of the same model, if it is there already.

    Returns
    -------
    Predictions
        The means by FLIC and FLAC are the observed rate; Firth's own is too high where the outcome is rare.

    Raises
    ------
    ValueError
        As `firth_logistic`; or when the outcome is the same in all: a rate of 0 or 1 has no finite intercept.

    Notes
    -----
    Firth's penalty draws probabilities towards a half, which matters for a rare outcome [1]_. FLIC keeps its slopes and
    refits the intercept by maximum likelihood: R: ``glm(y ~ 1, offset = x %*% b, family = binomial)``, or ``logistf::flic``.
    FLAC solves Firth's equations as maximum likelihood of data with each patient added twice, as they are and with the other
    outcome, each with half of the patient's leverage for a weight, and gives what was added an indicator of its own:
    ``logistf::flac``.

    References
    ----------
    .. [1] Puhr R, Heinze G, Nold M, Lusa L, Geroldinger A. Firth's logistic regression with rare events: accurate effect
       estimates and predictions? Stat Med 2017; 36: 2302-17.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cells = pd.DataFrame({"cement": [False, True, True], "failed": [False, False, True], "n": [51, 18, 3]})
    >>> found = firth_predictions(Tally(cells), outcome="failed", terms=["cement"])
    >>> [round(found.mean(method), 4) for method in ("firth", "flic", "flac")], round(3 / 72, 4)
    ([0.0532, 0.0417, 0.0417], 0.0417)
    """
    from scipy.special import expit

    design = make_design(tally, outcome=outcome, terms=terms)
    if design.events in (0, design.total):
        raise ValueError(f"outcome: {outcome!r} is the same in all {design.total} complete patients; expected both values")
    fit = fit or firth_logistic(tally, outcome=outcome, terms=terms)
    firth = np.array(fit.estimates)
    flic = firth.copy()
    flic[0] = _intercept(design, design.x[:, 1:] @ firth[1:])
    flac, converged = _augmented(design, firth)
    problems = {} if converged else {"flac": "its fit to the augmented data did not converge"}
    if not fit.converged:
        problems |= {"firth": fit.problems["model"], "flic": fit.problems["model"]}
    warn_undefined(f"predictions of {outcome}", "; ".join(f"{k}: {v}" for k, v in problems.items()))
    by_method = dict(zip(METHODS, (firth, flic, flac), strict=True))
    shown = complete_patterns(tally, [outcome, *terms]).frame[list(dict.fromkeys(terms))]
    shown = shown.assign(n=design.n, events=design.n * design.y)
    shown = shown.assign(**{name: expit(design.x @ beta) for name, beta in by_method.items()})
    how = {"n": "sum", "events": "sum", **dict.fromkeys(METHODS, "first")}
    patterns = shown.groupby(list(dict.fromkeys(terms)), observed=True, sort=True).agg(how).reset_index()
    return Predictions(
        outcome=outcome,
        terms=("intercept", *design.columns),
        **{name: tuple(beta.tolist()) for name, beta in by_method.items()},
        patterns=patterns.astype({"n": int, "events": int}),
        problems=problems,
        dropped=design.dropped,
        n=design.total,
        events=design.events,
        n_missing=design.n_missing,
        method="Firth's penalised likelihood, FLIC and FLAC",
        provenance=tally.provenance,
    )


def _intercept(design: Design, offset: np.ndarray) -> float:
    """Return the intercept with which the probabilities add up to the events."""
    from scipy.optimize import brentq
    from scipy.special import expit, logit

    rate = logit(design.events / design.total)  # the root lies where no patient's offset can push it beyond
    low, high = rate - offset.max() - 1e-9, rate - offset.min() + 1e-9

    def excess(a: float) -> float:
        return float(design.n @ expit(a + offset) - design.events)

    return float(brentq(excess, low, high, xtol=1e-14, rtol=4 * np.finfo(float).eps))


def _augmented(design: Design, firth: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return FLAC's coefficients without that of the indicator, and whether the fit converged."""
    from scipy.special import expit

    p = expit(design.x @ firth)
    weights = p * (1 - p)
    information = (design.x.T * (design.n * weights)) @ design.x
    leverage = weights * np.einsum("pi,ij,pj->p", design.x, np.linalg.inv(information), design.x)  # of each patient
    added, zero = np.ones((len(p), 1)), np.zeros((len(p), 1))
    x = np.vstack([np.hstack([design.x, zero]), *[np.hstack([design.x, added])] * 2])
    y = np.concatenate([design.y, design.y, 1 - design.y])
    counts = np.concatenate([design.n, *[design.n * leverage / 2] * 2])
    fits = fit_many(x, y, counts, max_iterations=EXACT_ITERATIONS, tolerance=EXACT_CHANGE)
    found = fits.coefficients[0, :-1]
    return (found, True) if fits.converged[0] else (np.full(len(firth), NAN), False)
