"""Exact conditional logistic regression: tests, estimates and intervals that rest on no large sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from tallystats.regression.coefficients import EventModel
from tallystats.regression.design import make_design
from tallystats.regression.sufficient import (
    MAX_STATES,
    SufficientStatistics,
    TooManyStates,
    conditional_distribution,
    sufficient_statistics,
)
from tallystats.results import NAN, require_confidence_level, result, warn_undefined
from tallystats.tally import Tally
from tallystats.tolerance import TIE

#: Of a covariance, the share of its largest eigenvalue below which a direction does not vary.
RANK = 1e-9
ALONE = "the other terms leave one value of its sufficient statistic: these data say nothing of it"


@result
class ExactTest:
    """Exact conditional tests of a whole term, given all others.

    Attributes
    ----------
    term : str
        The term, or `model`: all together, given the number of events.
    statistic : float
        The conditional score statistic: the distance of the sufficient statistics from their mean, in their covariance.
    df : int
        The rank of that covariance: how many columns are tested, less those that the others determine here.
    p_value, mid_p_value : float
        Of the probability test, which adds up all that is no likelier than what was observed; mid-P counts what is
        exactly as likely by half.
    score_p_value, score_mid_p_value : float
        Of the score test, which adds up what has a statistic as large.
    """

    term: str
    statistic: float
    df: int
    p_value: float
    mid_p_value: float
    score_p_value: float
    score_mid_p_value: float


@result
class ExactFit(EventModel):
    """Exact conditional inference on a logistic model; one entry a column, the intercept apart.

    Beside what `tallystats.regression.coefficients.EventModel` holds:

    Attributes
    ----------
    estimates : tuple of float
        Log odds ratio: the conditional maximum-likelihood estimate; where that is infinite, the median-unbiased one.
    estimators : tuple of {"conditional maximum likelihood", "median unbiased", ""}
    median_unbiased : tuple of float
    std_errors : tuple of float
        From the conditional information; NaN where the estimate is median unbiased.
    statistics, p_values, mid_p_values : tuple of float
        Score statistic, and P of the probability test, of the column given all others.
    tail_p_values : tuple of float
        Twice the smaller tail, at most 1: the P that the interval inverts.
    conf_low, conf_high, mid_p_low, mid_p_high : tuple of float
        Exact interval from two one-sided tests, and the shorter one from mid-P; infinite at an end of the distribution.
    tests : dict
        Term -> its ExactTest; `model` -> that of all.
    problems : dict
        Column or term -> why it was not computed.
    """

    FURTHER: ClassVar[tuple[str, ...]] = (
        "mid_p_values",
        "tail_p_values",
        "mid_p_low",
        "mid_p_high",
        "median_unbiased",
        "estimators",
    )

    estimators: tuple[str, ...]
    median_unbiased: tuple[float, ...]
    mid_p_values: tuple[float, ...]
    tail_p_values: tuple[float, ...]
    mid_p_low: tuple[float, ...]
    mid_p_high: tuple[float, ...]
    tests: dict[str, ExactTest]
    problems: dict[str, str]
    blocks: dict[str, tuple[str, ...]]


def exact_logistic(
    tally: Tally, *, outcome: str, terms: Sequence[str], confidence_level: float = 0.95, max_states: int = MAX_STATES
) -> ExactFit:
    """Test and estimate each term of a logistic model from its exact distribution given all others.

    Parameters
    ----------
    tally, outcome, terms
        As for `tallystats.regression.logistic.fit_logistic`. Numbers must be multiples of a common unit.
    confidence_level : float
        Of the intervals.
    max_states : int
        States of the network of one distribution beyond which it is not computed.

    Returns
    -------
    ExactFit
        A distribution that takes more than `max_states`, or that has one value alone, leaves its column NaN, with a
        warning, and `problems` says why.

    Raises
    ------
    ValueError
        When a column is not there, the outcome is not boolean or the same in all, no patient is complete, or a number has
        no common unit.

    Notes
    -----
    Given the sufficient statistics of all other coefficients, that of one, T = sum of y x, has a distribution
    c(t) exp(b t) / sum of c(u) exp(b u) that hangs on its own coefficient b alone [1]_ [2]_; c counts the outcomes with
    these statistics, found by convolution over covariate patterns (see `tallystats.regression.sufficient`). The estimate
    has E(T) = t; where t is the least or the greatest value it is infinite, and the median-unbiased one stands in: the
    mean of the b with P(T >= t) = 1/2 and of that with P(T <= t) = 1/2, or the one that exists [3]_. The interval's ends
    have a tail of (1 - level) / 2, as Clopper and Pearson's. With one binary term all this is Fisher's exact test. R:
    ``fisher.test``; with strata for a factor, ``mantelhaen.test(exact = TRUE)``. SAS: PROC LOGISTIC, EXACT ... /
    ESTIMATE. Stata: exlogistic, whose P is `tail_p_values`. SPSS has none.

    References
    ----------
    .. [1] Cox DR, Snell EJ. Analysis of Binary Data. 2nd ed. Chapman and Hall, 1989.
    .. [2] Mehta CR, Patel NR. Exact logistic regression: theory and examples. Stat Med 1995; 14: 2143-60.
    .. [3] Hirji KF, Tsiatis AA, Mehta CR. Median unbiased estimation for binary data. Am Stat 1989; 43: 7-11.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cells = pd.DataFrame({"cement": [False, True, True], "failed": [False, False, True], "n": [51, 18, 3]})
    >>> fit = exact_logistic(Tally(cells), outcome="failed", terms=["cement"])
    >>> fit.estimators, fit.frame["odds_ratio"].round(2).tolist(), round(fit.p_values[0], 4)
    (('median unbiased',), [10.18], 0.0223)
    """
    require_confidence_level(confidence_level)
    design = make_design(tally, outcome=outcome, terms=terms)
    if design.events in (0, design.total):
        raise ValueError(f"outcome: {outcome!r} is the same in all {design.total} complete patients; expected both values")
    statistics = sufficient_statistics(design)
    names = design.columns
    blocks = {term: tuple(names[k - 1] for k in positions) for term, positions in design.blocks.items()}
    groups = {name: (k,) for k, name in enumerate(names)}
    groups |= {term: tuple(names.index(column) for column in columns) for term, columns in blocks.items()}
    groups |= {"model": tuple(range(len(names)))} if names else {}
    found = {name: _Column() for name in names}
    tests: dict[str, ExactTest] = {}
    problems: dict[str, str] = {}
    for name, at in groups.items():
        try:
            support, log_counts = conditional_distribution(statistics, at, max_states=max_states)
            problem = ALONE if len(support) == 1 else None
        except TooManyStates as refused:
            problem = str(refused)
        if problem:
            problems[name] = problem
        elif name in names:
            found[name] = _column(statistics, at[0], support, log_counts, confidence_level)
        if name in blocks or name == "model":
            tests[name] = _undefined(name, at) if problem else _test(statistics, name, at, support, log_counts)
    reasons = {reason: [name for name in problems if problems[name] == reason] for reason in problems.values()}
    said = "; ".join(f"{', '.join(about)}: {reason}" for reason, about in reasons.items())
    warn_undefined(f"exact logistic model of {outcome}", said)
    columns = {key: tuple(getattr(found[name], key) for name in names) for key in _Column.__slots__}
    return ExactFit(
        terms=names,
        **columns,
        confidence_level=confidence_level,
        tests=tests,
        problems=problems,
        blocks=blocks,
        dropped=design.dropped,
        n=design.total,
        events=design.events,
        n_missing=design.n_missing,
        method="exact conditional likelihood, probability test",
        provenance=tally.provenance,
    )


@result
class _Column:
    """What is found of one column; NaN before it is."""

    estimates: float = NAN
    estimators: str = ""
    median_unbiased: float = NAN
    std_errors: float = NAN
    statistics: float = NAN
    p_values: float = NAN
    mid_p_values: float = NAN
    tail_p_values: float = NAN
    conf_low: float = NAN
    conf_high: float = NAN
    mid_p_low: float = NAN
    mid_p_high: float = NAN


def _column(
    statistics: SufficientStatistics, at: int, support: np.ndarray, log_counts: np.ndarray, confidence_level: float
) -> _Column:
    law = _Law(support[:, 0] - statistics.observed[at], log_counts)
    unit, tail = float(statistics.units[at]), (1 - confidence_level) / 2
    lowest, highest = law.values[0] == 0, law.values[-1] == 0
    # At an end of the distribution one of the tails is 1 whatever the coefficient.
    halves = [law.solve(side, 0.5) for side, at_end in (("upper", lowest), ("lower", highest)) if not at_end]
    median = float(np.mean(halves))
    infinite = lowest or highest
    estimate = median if infinite else law.solve("mean", 0.0)
    probability, mid, statistic, *_ = _p_values(law.at(0.0), law.values[:, None], law.values == 0)
    low, high = law.at(0.0)[law.values <= 0].sum(), law.at(0.0)[law.values >= 0].sum()
    return _Column(
        estimates=estimate / unit,
        estimators="median unbiased" if infinite else "conditional maximum likelihood",
        median_unbiased=median / unit,
        std_errors=NAN if infinite else 1 / law.spread(estimate) / unit,
        statistics=statistic,
        p_values=probability,
        mid_p_values=mid,
        tail_p_values=float(min(1.0, 2 * min(low, high))),
        conf_low=-np.inf if lowest else law.solve("upper", tail) / unit,
        conf_high=np.inf if highest else law.solve("lower", tail) / unit,
        mid_p_low=-np.inf if lowest else law.solve("upper", tail, middle=0.5) / unit,
        mid_p_high=np.inf if highest else law.solve("lower", tail, middle=0.5) / unit,
    )


def _undefined(term: str, at: tuple[int, ...]) -> ExactTest:
    return ExactTest(
        term=term, statistic=NAN, df=len(at), p_value=NAN, mid_p_value=NAN, score_p_value=NAN, score_mid_p_value=NAN
    )


def _test(
    statistics: SufficientStatistics, term: str, at: tuple[int, ...], support: np.ndarray, log_counts: np.ndarray
) -> ExactTest:
    probabilities = np.exp(log_counts - np.logaddexp.reduce(log_counts))
    observed = (support == statistics.observed[list(at)]).all(axis=1)
    p, mid, score, score_p, score_mid, rank = _p_values(probabilities, support, observed)
    return ExactTest(
        term=term, statistic=score, df=rank, p_value=p, mid_p_value=mid, score_p_value=score_p, score_mid_p_value=score_mid
    )


def _p_values(
    probabilities: np.ndarray, support: np.ndarray, observed: np.ndarray
) -> tuple[float, float, float, float, float, int]:
    """Return P and mid-P of the probability test, the score statistic, P and mid-P of the score test, and its rank."""
    away = support - probabilities @ support
    sizes, directions = np.linalg.eigh((away.T * probabilities) @ away)
    kept = sizes > RANK * sizes[-1]
    scores = ((away @ directions[:, kept]) ** 2 / sizes[kept]).sum(axis=1)
    own, score = probabilities[observed][0], scores[observed][0]
    found = []
    for extreme, same in (
        (probabilities <= own * (1 + TIE), np.isclose(probabilities, own, rtol=TIE, atol=0)),
        (scores >= score * (1 - TIE), np.isclose(scores, score, rtol=TIE, atol=0)),
    ):
        p = min(1.0, float(probabilities[extreme].sum()))
        found.append((p, p - float(probabilities[extreme & same].sum()) / 2))
    return *found[0], float(score), *found[1], int(kept.sum())


class _Law:
    """The distribution of one sufficient statistic, less its observed value, as its coefficient moves."""

    def __init__(self, values: np.ndarray, log_counts: np.ndarray) -> None:
        order = np.argsort(values)
        self.values, self.log_counts = values[order].astype(float), log_counts[order]

    def at(self, b: float) -> np.ndarray:
        """Return the probabilities at a coefficient."""
        weights = self.log_counts + b * self.values
        weights = np.exp(weights - weights.max())
        return weights / weights.sum()

    def spread(self, b: float) -> float:
        """Return the standard deviation at a coefficient."""
        p = self.at(b)
        return float((p @ (self.values - p @ self.values) ** 2) ** 0.5)

    def solve(self, what: str, level: float, *, middle: float = 1.0) -> float:
        """Find the coefficient where the mean, or a tail, is at a level; what was observed counts `middle` in a tail."""
        from scipy.optimize import brentq

        tail = {"upper": self.values > 0, "lower": self.values < 0}.get(what)
        own = self.values == 0

        def height(b: float) -> float:
            p = self.at(b)
            if tail is None:
                return float(p @ self.values)
            rises = 1 if what == "upper" else -1
            return rises * float(p[tail].sum() + middle * p[own][0] - level)

        low = high = 0.0
        scale = 1 / abs(self.values).max()
        step = scale
        while height(low) > 0:
            low, step = low - step, 2 * step
        step = scale
        while height(high) < 0:
            high, step = high + step, 2 * step
        return float(brentq(height, low, high, xtol=1e-15 * scale, rtol=1e-14)) if low < high else low
