"""Where probability can lie when times are known to an interval only, and how much of it maximises the likelihood."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tallystats.results import result
from tallystats.tolerance import SAME

#: Steps after which a fit stops, converged or not; constrained Newton steps take about ten.
MOST_STEPS = 500
#: The log-likelihood lies within this of its maximum, for each patient, when a fit stops.
CLOSE = 1e-11


@result(eq=False)
class IntervalMass:
    """Probability in intervals within which nothing says where it lies.

    Attributes
    ----------
    left, right : numpy.ndarray
        Ends of the intervals of indeterminacy, ascending: without `left`, with `right`; an exact time has both alike.
    mass : numpy.ndarray
        Probability in each; intervals with none are left out.
    """

    left: np.ndarray
    right: np.ndarray
    mass: np.ndarray

    def between(self, times: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
        """Return the least and the greatest probability up to each of some times, wherever the mass lies."""
        when = np.asarray(times, float)[:, None]
        begun = np.where(self.left == self.right, when >= self.left, when > self.left)
        least, most = (when >= self.right) @ self.mass, begun @ self.mass
        return np.minimum(least, 1.0), np.minimum(most, 1.0)


def indeterminate(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the intervals of indeterminacy of observed ones: each from a left end to a right end, none between.

    Parameters
    ----------
    left, right : numpy.ndarray
        Ends of (left, right], or of the exact time left = right; -inf and inf where there is none.
    """
    # At one time an exact one begins first, then intervals end, then others begin, as they do not hold their left end.
    ends = np.concatenate([left, right])
    opens = np.repeat([True, False], len(left))
    kind = np.concatenate([np.where(left == right, 0, 2), np.ones(len(right), int)])
    order = np.lexsort((kind, ends))
    starts = np.flatnonzero(opens[order][:-1] & ~opens[order][1:])
    found = np.unique(np.column_stack([ends[order][starts], ends[order][starts + 1]]), axis=0)
    return found[:, 0], found[:, 1]


def holds(left: np.ndarray, right: np.ndarray, inner_left: np.ndarray, inner_right: np.ndarray) -> np.ndarray:
    """Say which intervals (rows) hold which intervals of indeterminacy (columns)."""
    exact = inner_left == inner_right
    begun = (left[:, None] < inner_left) | ((left[:, None] == inner_left) & (~exact | (left == right)[:, None]))
    return begun & (inner_right <= right[:, None])


def gap_of(cover: np.ndarray, weight: np.ndarray, mass: np.ndarray) -> float:
    """Return by how much the log-likelihood of some mass may at most be increased (Kuhn and Tucker's gradient)."""
    with_mass = cover @ mass
    if (with_mass <= 0).any():
        return float("inf")
    return float((cover.T @ (weight / with_mass)).max() - weight.sum())


def greatest(cover: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, float, int]:
    """Return the mass that maximises sum weight log(cover mass), the gap that is left, and the steps taken.

    Notes
    -----
    Constrained Newton: the quadratic of the log-likelihood is maximised over all distributions by non-negative least
    squares, then a step is taken towards it that increases the likelihood [1]_. Mass that should be 0 is 0, not small.
    As the log-likelihood is concave, it lies within the largest gradient less n of its maximum: that gap is the proof.

    References
    ----------
    .. [1] Wang Y. On fast computation of the non-parametric maximum likelihood estimate of a mixing distribution. J R
       Stat Soc B 2007; 69: 185-198.
    """
    from scipy.optimize import nnls

    cover, n, root = cover.astype(float), weight.sum(), np.sqrt(weight)
    mass = np.full(cover.shape[1], 1 / cover.shape[1])
    gap, steps = np.inf, 0
    while steps < MOST_STEPS:
        share = cover / (cover @ mass)[:, None]
        gradient = weight @ share
        gap = gradient.max() - n
        if gap <= CLOSE * n:
            break
        steps += 1
        mean = mass * gradient / n  # a step of EM, which cannot lower the likelihood
        aim, _ = nnls(
            np.vstack([root[:, None] * (share - 2), np.ones(len(mass))]),
            np.append(np.zeros(len(root)), 1.0),
            maxiter=30 * len(mass) + 100,
        )
        best, value = (mean, weight @ np.log(cover @ mean)), weight @ np.log(cover @ mass)
        for size in 0.5 ** np.arange(12):
            trial = mass + size * (aim / aim.sum() - mass)
            if (cover @ trial).min() <= 0:
                continue
            reached = weight @ np.log(cover @ trial)
            # Close to the maximum the likelihood is level up to rounding; the gradient still tells which is better.
            if reached > best[1] or (reached > value - 1e-13 * abs(value) and gap_of(cover, weight, trial) < gap):
                best = trial, reached
                break
        if best[0] is mean and gap < 1e-6 and gap_of(cover, weight, mean) >= gap:  # nothing is left but rounding
            break
        mass = best[0]
    mass = np.where(mass < 1e-12, 0.0, mass)
    mass = mass / mass.sum()
    return mass, max(gap_of(cover, weight, mass), 0.0), steps


def is_unique(cover: np.ndarray, weight: np.ndarray, mass: np.ndarray) -> bool:
    """Say whether no other mass has the same likelihood."""
    from scipy.optimize import linprog

    # All maxima give every pattern the same probability, and mass only to columns where the gradient is full.
    full = cover.T @ (weight / (cover @ mass)) > weight.sum() * (1 - 1e-7)
    inside = cover[:, full].astype(float)
    if np.linalg.matrix_rank(inside, rtol=SAME) == inside.shape[1]:
        return True
    for column in range(inside.shape[1]):
        for sign in (1, -1):
            goal = np.zeros(inside.shape[1])
            goal[column] = sign
            found = linprog(goal, A_eq=np.vstack([inside, np.ones(len(goal))]), b_eq=np.append(inside @ mass[full], 1.0))
            if found.success and abs(found.x[column] - mass[full][column]) > 1e-6:
                return False
    return True


def binomial_limits(events: np.ndarray, of: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return Clopper and Pearson's lower and upper limits, each one-sided of a level; 0 and 1 of nobody."""
    from scipy.stats import beta

    events, of = np.asarray(events, float), np.asarray(of, float)
    low = beta.ppf(1 - level, np.maximum(events, 1), of - events + 1)
    high = beta.ppf(level, events + 1, np.maximum(of - events, 1))
    return np.where(events > 0, low, 0.0), np.where(events < of, high, 1.0)
