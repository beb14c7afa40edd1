"""Time to an event known to an interval only, as between two visits: Turnbull's estimate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tallystats.results import NAN, Result, require_confidence_level, result, warn_undefined
from tallystats.survival.interval_mass import IntervalMass, binomial_limits, gap_of, greatest, holds, indeterminate, is_unique
from tallystats.survival.lifetable import require_times
from tallystats.tally import Tally


@result(eq=False)
class Turnbull(Result):
    """The distribution of a time that is known to intervals.

    Attributes
    ----------
    masses : IntervalMass
        Probability in the intervals of indeterminacy; one that ends at infinity holds what was not seen to come.
    left, right, weight : numpy.ndarray
        Of each pattern: ends of the interval, and how many patients show it.
    log_likelihood : float
    gap : float
        The log-likelihood lies within it of its maximum: the largest of Kuhn and Tucker's gradients, less `n`.
    steps : int
    unique : bool
        Whether no other distribution has the same likelihood.
    n, events, exact, n_missing : int
        Complete patients; those with the event; those of them whose time is exact; patients without an end.
    reason : str or None
        Why there is no estimate.
    method, provenance : str
    """

    masses: IntervalMass
    left: np.ndarray
    right: np.ndarray
    weight: np.ndarray
    log_likelihood: float
    gap: float
    steps: int
    unique: bool
    confidence_level: float
    n: int
    events: int
    exact: int
    n_missing: int
    reason: str | None
    method: str
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row an interval with mass; `estimate` is the probability up to its end."""
        return pd.DataFrame(
            {
                "term": "event",
                "left": self.masses.left,
                "right": self.masses.right,
                "mass": self.masses.mass,
                "estimate": np.cumsum(self.masses.mass),
            }
        ).assign(n=self.n, n_missing=self.n_missing, method=self.method)

    def at(self, times: Sequence[float]) -> pd.DataFrame:
        """Read the probability of the event up to some times.

        Returns
        -------
        pandas.DataFrame
            `time`; `n_positive` and `n_negative`, how many are known to have had the event by then, and not to;
            `estimate`, the least that the masses allow, as `at_least`; `at_most`, the greatest; `conf_low, conf_high`,
            see Notes of `turnbull`. NaN when nobody is complete.
        """
        when = np.asarray(times, float)
        had, free, _ = self._known(when)
        at_least, at_most = self.masses.between(when)
        low, high = self.limits(when, self.confidence_level)
        values = {"estimate": at_least, "at_least": at_least, "at_most": at_most, "conf_low": low, "conf_high": high}
        if not self.n:
            values = dict.fromkeys(values, NAN)
        return pd.DataFrame({"time": when, "n_positive": had, "n_negative": free, **values})

    def _known(self, when: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return how many are known to have had the event by each time; not to; neither, though it was seen later."""
        day = when[:, None]
        had = self.right <= day
        free = (self.left >= day) & ~had
        return had @ self.weight, free @ self.weight, (~had & ~free & np.isfinite(self.right)) @ self.weight

    def limits(self, times: Sequence[float], confidence_level: float) -> tuple[np.ndarray, np.ndarray]:
        """Return pointwise limits at some times; see Notes of `turnbull`."""
        when, level = np.asarray(times, float), 1 - (1 - confidence_level) / 2
        had, free, between = self._known(when)
        at_least, at_most = self.masses.between(when)
        low, _ = binomial_limits(had, np.full(len(when), self.n), level)
        _, high = binomial_limits(had + between, had + between + free, level)
        return np.minimum(low, at_least), np.maximum(high, at_most)


def turnbull(tally: Tally, *, left: str, right: str, confidence_level: float = 0.95) -> Turnbull:
    """Estimate the distribution of a time that is known to an interval (left, right] only.

    Parameters
    ----------
    tally : Tally
        Patterns of the two ends; patients who lack one are left out and counted.
    left : str
        The last time at which the event had not come: 0 where it was never looked for before `right`.
    right : str
        The first time at which it had come; infinite where it was never seen. A time known exactly has both alike.
    confidence_level : float
        Of the pointwise limits.

    Returns
    -------
    Turnbull
        Without masses, with a warning, when nobody is complete.

    Raises
    ------
    ValueError
        For a column that is not there or holds no numbers; for a negative end, an infinite left one, or one after the
        right: how many patients, and such as.

    Notes
    -----
    The likelihood prod (F(right) - F(left)), for an exact time the mass at it, is maximised by mass in intervals of
    indeterminacy alone, which go from some left end to some right end with no other end between [1]_, and says nothing
    of where in them it lies. The mass is found by constrained Newton steps and proven by `gap`; whether it is unique by
    rank and, where that does not tell, by linear programming [2]_. It is assumed that visits tell nothing of the event.

    The interval holds its level whatever n, and is wider than need be. At t, whoever is seen with the event by t had it,
    so their number is at most binomial (n, F(t)): Clopper and Pearson's lower limit. Of all but those last looked at before t
    without it, count whoever is not known to be free at t as having it: their share is at least F(t), hence the upper.
    Both are widened to hold the estimate. The bootstrap fails where events are few; see `tallystats.survival.current_status`.

    R: ``survival::survfit(Surv(left, right, type = "interval2") ~ 1)``, by EM until no value moves by 5e-5, its steps at
    the middle of each interval; ``interval::icfit``.

    References
    ----------
    .. [1] Turnbull BW. The empirical distribution function with arbitrarily grouped, censored and truncated data. J R Stat
       Soc B 1976; 38: 290-295.
    .. [2] Gentleman R, Geyer CJ. Maximum likelihood for interval censored data: consistency and computation. Biometrika
       1994; 81: 618-623.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"last_free": [0.0, 5, 7, 12], "first_seen": [6.0, 9, 7, float("inf")]})
    >>> found = turnbull(Tally.from_rows(rows), left="last_free", right="first_seen")
    >>> found.frame[["left", "right", "mass"]].round(9).to_numpy().tolist()
    [[5.0, 6.0, 0.375], [7.0, 7.0, 0.375], [12.0, inf, 0.25]]
    """
    require_confidence_level(confidence_level)
    starts, ends, weight, missing = intervals_of(tally, left, right)
    n = int(weight.sum())
    reason = None if n else "no patient has both ends"
    warn_undefined(f"distribution of {right}", reason)
    inner = indeterminate(starts, ends) if n else (np.zeros(0), np.zeros(0))
    mass, gap, steps, likelihood, unique = np.zeros(0), NAN, 0, NAN, False
    if n:
        cover = holds(starts, ends, *inner)
        mass, gap, steps = greatest(cover, weight)
        gap, likelihood = max(gap_of(cover, weight, mass), 0.0), float(weight @ np.log(cover @ mass))
        unique = is_unique(cover, weight, mass)
    kept = mass > 0
    return Turnbull(
        masses=IntervalMass(left=inner[0][kept], right=inner[1][kept], mass=mass[kept]),
        left=starts,
        right=ends,
        weight=weight,
        log_likelihood=likelihood,
        gap=gap,
        steps=steps,
        unique=unique,
        confidence_level=confidence_level,
        n=n,
        events=int(weight[np.isfinite(ends)].sum()),
        exact=int(weight[starts == ends].sum()),
        n_missing=missing,
        reason=reason,
        method="Turnbull, binomial limits of what is known",
        provenance=tally.provenance,
    )


def intervals_of(tally: Tally, left: str, right: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Return both ends and the count of each complete pattern, and how many patients lack an end.

    Raises
    ------
    ValueError
        As `turnbull`.
    """
    for argument, name in (("left", left), ("right", right)):
        require_times(tally, name, argument)
    frame = tally.frame[tally.frame["n"] > 0]
    starts, ends = (frame[name].to_numpy(dtype=float) for name in (left, right))
    weight = frame["n"].to_numpy()
    keep = ~(np.isnan(starts) | np.isnan(ends))
    starts, ends, missing = starts[keep], ends[keep], int(weight[~keep].sum())
    weight = weight[keep]
    for wrong, text, expected in (
        ((starts < 0) | np.isinf(starts), f"a negative or infinite {left!r}", "0 or more"),
        (ends < starts, f"{left!r} after {right!r}", f"{left} <= {right}"),
    ):
        if wrong.any():
            first = np.flatnonzero(wrong)[0]
            raise ValueError(
                f"left: {weight[wrong].sum()} of {weight.sum()} patients have {text}, such as {starts[first]:g} to "
                f"{ends[first]:g}; expected {expected}"
            )
    return starts, ends, weight, missing
