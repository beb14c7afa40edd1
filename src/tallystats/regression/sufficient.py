"""Distributions of the sufficient statistics of a logistic model, by convolution over covariate patterns."""

from __future__ import annotations

import math

import numpy as np

from tallystats.regression.design import Design
from tallystats.results import result

#: States of a network, over all its stages: some seconds of work and some hundred megabytes.
MAX_STATES = 1_000_000
#: The finest unit, as decimals, of which the values of a number may be multiples.
DECIMALS = 6


class TooManyStates(ArithmeticError):
    """A distribution takes more states than the bound allows."""


@result(eq=False)
class SufficientStatistics:
    """The sufficient statistics of a model in whole numbers.

    Attributes
    ----------
    values : numpy.ndarray of int, shape (patterns, columns)
        The columns, each from its least value in its own unit: the shift changes no coefficient but the intercept's.
    n, events : numpy.ndarray of int, shape (patterns,)
        Patients who show the covariates of the pattern, and those with the outcome.
    units : numpy.ndarray, shape (columns,)
        What one step is in the column as it was.
    """

    values: np.ndarray
    n: np.ndarray
    events: np.ndarray
    units: np.ndarray

    @property
    def observed(self) -> np.ndarray:
        """The statistic of each column: its values added up over the patients with the outcome."""
        return self.events @ self.values


def sufficient_statistics(design: Design) -> SufficientStatistics:
    """Merge a design into covariate patterns, its columns in whole numbers.

    Raises
    ------
    ValueError
        When the values of a column are not multiples of a common unit of at most six decimals: their sums then tell
        nearly every outcome from every other, and conditioning on them leaves nothing to infer from.
    """
    patterns, of = np.unique(design.x[:, 1:], axis=0, return_inverse=True)
    of = of.reshape(-1)
    n = np.bincount(of, weights=design.n, minlength=len(patterns)).round().astype(np.int64)
    events = np.bincount(of, weights=design.n * design.y, minlength=len(patterns)).round().astype(np.int64)
    values, units = np.zeros(patterns.shape, np.int64), np.ones(patterns.shape[1])
    for k, name in enumerate(design.columns):
        shifted = patterns[:, k] - patterns[:, k].min()
        steps = np.rint(shifted * 10**DECIMALS)
        if np.abs(shifted * 10**DECIMALS - steps).max() > 1e-3:
            raise ValueError(
                f"terms: {name!r} has values that are not multiples of {10.0**-DECIMALS:g}; expected recorded numbers, "
                "or bands of them: sums of others tell every outcome apart, and leave nothing to infer from"
            )
        common = np.gcd.reduce(steps.astype(np.int64))
        values[:, k], units[k] = steps.astype(np.int64) // common, common / 10**DECIMALS
    return SufficientStatistics(values=values, n=n, events=events, units=units)


def conditional_distribution(
    statistics: SufficientStatistics, free: tuple[int, ...], *, max_states: int = MAX_STATES
) -> tuple[np.ndarray, np.ndarray]:
    """Count the outcomes for every value of some sufficient statistics, given the number of events and all others.

    Parameters
    ----------
    statistics : SufficientStatistics
    free : tuple of int
        The columns whose statistics vary; the others are held at their observed values.
    max_states : int
        States of the network, over all stages, beyond which it gives up.

    Returns
    -------
    support : numpy.ndarray of int, shape (values, free)
    log_counts : numpy.ndarray, shape (values,)
        Logarithm of how many outcomes of the patients have these statistics.

    Raises
    ------
    TooManyStates

    Notes
    -----
    The multivariate shift algorithm [1]_, a pattern at a time: k of a pattern's n patients with the outcome add k times its
    values, in n-choose-k ways. A state from which the held statistics cannot be reached any more is dropped at once: with m
    events left, each must lie between the sums of the m smallest and of the m largest values that are left.

    References
    ----------
    .. [1] Hirji KF, Mehta CR, Patel NR. Computing distributions for exact logistic regression. J Am Stat Assoc 1987; 82:
       1110-17.
    """
    from scipy.special import gammaln

    held = [k for k in range(statistics.values.shape[1]) if k not in free]
    # Those held come first, so that their sums are settled early.
    columns = statistics.values[:, [*free, *held]].T
    order = np.lexsort(columns) if len(columns) else np.arange(len(statistics.values))
    values, n = statistics.values[order], statistics.n[order]
    events, goal = int(statistics.events.sum()), statistics.observed
    # The state: events so far, the held statistics, the free ones.
    shift = np.column_stack([np.ones(len(values), np.int64), values[:, held], values[:, list(free)]])
    states, logs = np.zeros((1, shift.shape[1]), np.int64), np.zeros(1)
    visited = 0
    for stage, many in enumerate(n):
        limits = _reachable(values[stage + 1 :][:, held], n[stage + 1 :])
        ways = gammaln(many + 1) - gammaln(np.arange(many + 1) + 1) - gammaln(many - np.arange(many + 1) + 1)
        parts, weights, kept = [], [], 0
        for k in range(min(int(many), events) + 1):
            after = states + k * shift[stage]
            good = _can_reach(after, events, goal[held], limits)
            parts.append(after[good])
            weights.append(logs[good] + ways[k])
            kept += int(good.sum())
            if visited + kept > 4 * max_states:  # of which equal ones are not yet merged
                break
        states, logs = _merged(np.concatenate(parts), np.concatenate(weights))
        visited += len(states)
        if visited > max_states or visited + kept > 4 * max_states:
            raise TooManyStates(
                f"its exact distribution takes more than {max_states:,} states ({len(n)} covariate patterns of "
                f"{int(n.sum())} patients); take fewer terms, or bands of numbers"
            )
    return states[:, 1 + len(held) :], logs


def _merged(states: np.ndarray, logs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Add up the counts of equal states."""
    spans = [int(span) + 1 for span in states.max(axis=0)]
    if math.prod(spans) < 2**62:  # one number a state sorts faster than its parts do
        order = np.argsort(np.ravel_multi_index(states.T, spans), kind="stable")
    else:
        order = np.lexsort(states.T[::-1])
    states = states[order]
    starts = np.flatnonzero(np.concatenate([[True], (states[1:] != states[:-1]).any(axis=1)]))
    return states[starts], np.logaddexp.reduceat(logs[order], starts)


def _reachable(values: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the greatest sum of each column over m of the patients left, for m from 0 to all."""
    ends = []
    for direction in (1, -1):
        ordered = np.sort(direction * np.repeat(values, n, axis=0), axis=0)
        ends.append(direction * np.concatenate([np.zeros((1, values.shape[1]), np.int64), np.cumsum(ordered, axis=0)]))
    return ends[0], ends[1]


def _can_reach(states: np.ndarray, events: int, goal: np.ndarray, limits: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    least, greatest = limits
    left = events - states[:, 0]
    possible = (left >= 0) & (left < len(least))
    row = np.clip(left, 0, len(least) - 1)
    wanted = goal - states[:, 1 : 1 + len(goal)]
    return possible & (least[row] <= wanted).all(axis=1) & (wanted <= greatest[row]).all(axis=1)
