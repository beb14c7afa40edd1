"""An event looked for at one visit: whether it had come by then is known, when is not; with or without competing ones."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from tallystats.results import NAN, Result, require_confidence_level, result, warn_undefined
from tallystats.survival.competing import causes_of
from tallystats.survival.interval_mass import IntervalMass, binomial_limits, greatest, holds, indeterminate, is_unique
from tallystats.survival.lifetable import LifeTable, event_table, life_table
from tallystats.tally import Tally


@result(eq=False)
class CurrentStatus(Result):
    """The probability that an event has come by a time, of patients examined once each.

    Attributes
    ----------
    cause : str
        The event.
    times : numpy.ndarray
        Distinct times of examination.
    n_examined, n_events : numpy.ndarray of int
        Examined at each, and those of them who had had the event.
    estimate : numpy.ndarray
        By each time: the estimate of maximum likelihood, of all causes together where there are several.
    naive : numpy.ndarray
        The same of this cause alone, as if the other causes had not come; alike where there are none.
    masses : IntervalMass
        Intervals of indeterminacy of the estimate.
    neighbours : int
        How many examinations next to a time the interval rests on, to each side.
    log_likelihood, gap : float
        Of all causes together; the log-likelihood lies within the gap of its maximum.
    unique : bool
        Whether no other estimate has the same likelihood.
    n, events, n_missing : int
    reason : str or None
        Why there is no estimate.
    method, provenance : str
    """

    cause: str
    times: np.ndarray
    n_examined: np.ndarray
    n_events: np.ndarray
    estimate: np.ndarray
    naive: np.ndarray
    masses: IntervalMass
    neighbours: int
    log_likelihood: float
    gap: float
    unique: bool
    confidence_level: float
    n: int
    events: int
    n_missing: int
    reason: str | None
    method: str
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a distinct time of examination."""
        return self.at(self.times).assign(term=self.cause, n=self.n, n_missing=self.n_missing, method=self.method)

    def at(self, times: Sequence[float]) -> pd.DataFrame:
        """Read the estimate at some times.

        Returns
        -------
        pandas.DataFrame
            `time`; `n_examined` and `n_events` up to and at it; `estimate`, the least that the masses allow, as
            `at_least`, and `at_most`; `naive`; `conf_low, conf_high`, NaN when nobody is complete.
        """
        when = np.asarray(times, float)
        at = np.searchsorted(self.times, when, side="right")
        at_least, at_most = self.masses.between(when)
        low, high = self.limits(when, self.confidence_level)
        values = {
            "estimate": at_least,
            "at_least": at_least,
            "at_most": at_most,
            "naive": np.concatenate([[0.0], self.naive])[at],
            "conf_low": low,
            "conf_high": high,
        }
        if not self.n:
            values = dict.fromkeys(values, NAN)
        counts = {name: np.concatenate([[0], getattr(self, name).cumsum()])[at] for name in ("n_examined", "n_events")}
        return pd.DataFrame({"time": when, **counts, **values})

    def limits(self, times: Sequence[float], confidence_level: float) -> tuple[np.ndarray, np.ndarray]:
        """Return Kim, Fay and Proschan's limits at some times; see Notes of `current_status`."""
        when, level = np.asarray(times, float), 1 - (1 - confidence_level) / 2
        seen, had = (np.concatenate([[0], counts.cumsum()]) for counts in (self.n_examined, self.n_events))
        # From the last examination such that enough lie up to the time: who was examined on one day goes in or out
        # together, so that their order has no part in it.
        upto = np.searchsorted(self.times, when, side="right")
        first = np.maximum(np.searchsorted(seen, seen[upto] - self.neighbours, side="right") - 1, 0)
        low, _ = binomial_limits(had[upto] - had[first], seen[upto] - seen[first], level)
        start = np.searchsorted(self.times, when, side="left")
        last = np.minimum(np.searchsorted(seen, seen[start] + self.neighbours, side="left"), len(self.times))
        _, high = binomial_limits(had[last] - had[start], seen[last] - seen[start], level)
        at_least, at_most = self.masses.between(when)
        return np.minimum(low, at_least), np.maximum(high, at_most)


def current_status(
    tally: Tally, *, time: str, event: str, neighbours: int | None = None, confidence_level: float = 0.95
) -> CurrentStatus:
    """Estimate the probability that an event has come by a time, of patients examined once each.

    Parameters
    ----------
    tally : Tally
        Patterns of both columns; patients who lack a value are left out and counted.
    time : str
        Time of the examination, not negative.
    event : str
        Boolean: the event had come by then.
    neighbours : int, optional
        Examinations that each limit of the interval rests on. Default: n to the power of 2/3, rounded up.
    confidence_level : float

    Returns
    -------
    CurrentStatus
        Without times, with a warning, when nobody is complete.

    Raises
    ------
    ValueError
        As `tallystats.survival.lifetable.event_table`; or for `neighbours` below 1.

    Notes
    -----
    The likelihood prod F(time)^event (1 - F(time))^(1 - event) is maximised by the isotonic regression of the event on
    time, in closed form by pooling adjacent violators [1]_. Only its values at examinations are determined: between two,
    it may climb anywhere (`at_least`, `at_most`).

    Interval [2]_: of the m examinations last before or at t, the number with the event is at most binomial (m, F(t)), as
    F climbs: Clopper and Pearson's lower limit; the m next at or after t give the upper. Where fewer lie on a side, all do.
    It holds its level whatever n and F, if examinations tell nothing of the event, and is widened to hold the estimate. The
    ordinary bootstrap has no theory here, as the estimate moves by n^(-1/3) and has no normal limit [3]_, and fails where
    events are few: `benchmarks/current_status_coverage.txt` has the numbers.

    R: ``isoreg(event[order(time)])$yf`` without ties; ``csci::CSCI(time, event, type = "VALID")``.

    References
    ----------
    .. [1] Ayer M, Brunk HD, Ewing GM, Reid WT, Silverman E. An empirical distribution function for sampling with
       incomplete information. Ann Math Stat 1955; 26: 641-647.
    .. [2] Kim S, Fay MP, Proschan MA. Valid and approximately valid confidence intervals for current status data.
       arXiv:1805.06488, 2020.
    .. [3] Groeneboom P, Jongbloed G. Nonparametric estimation under shape constraints. Cambridge University Press, 2014.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> failed = pd.array([False, True, False, True], dtype="boolean")
    >>> rows = Tally.from_rows(pd.DataFrame({"ct": [1.0, 2, 3, 4], "failed": failed}))
    >>> found = current_status(rows, time="ct", event="failed")
    >>> found.estimate.tolist(), found.masses.left.tolist(), found.masses.right.tolist()
    ([0.0, 0.5, 0.5, 1.0], [1.0, 3.0], [2.0, 4.0])
    """
    table = event_table(tally, time, event)
    return _examined(table, [event], tally, neighbours, confidence_level)[event]


def current_status_causes(
    tally: Tally, *, time: str, cause: str, neighbours: int | None = None, confidence_level: float = 0.95
) -> dict[str, CurrentStatus]:
    """Estimate the cumulative incidence of several competing events, of patients examined once each.

    Parameters
    ----------
    tally, time, neighbours, confidence_level
        As of `current_status`.
    cause : str
        A categorical whose first level says that nothing had come by the examination, whatever it is called; each other
        level is the event that had come first.

    Returns
    -------
    dict of str to CurrentStatus
        One a cause, in the order of the levels.

    Raises
    ------
    ValueError
        As `current_status`; or when `cause` is not a categorical of two levels or more.

    Notes
    -----
    The likelihood prod F_k(time) over those with cause k, times prod (1 - sum F_k(time)) over those with none, is maximised
    over all increasing F_k together whose sum is at most 1 [1]_ [2]_; after the last examination without event nothing says
    which cause comes, nor whether one does. Found by constrained Newton steps over intervals of indeterminacy and
    proven by `gap`. `naive` takes one cause alone, by isotonic regression: its sum over causes may pass 1, and it is no
    maximum, though it is consistent [2]_. The interval is that of `current_status`, of the cause against all else.

    It is for events of which it is known at the examination which came first. A patient who dies before it is not examined;
    where death is known exactly and the other event at a visit alone, see `tallystats.survival.seen_at_visits`.

    R: ``MLEcens::computeMLE`` of rectangles; here tested against EM from the definition.

    References
    ----------
    .. [1] Hudgens MG, Satten GA, Longini IM. Nonparametric maximum likelihood estimation for competing risks survival data
       subject to interval censoring and truncation. Biometrics 2001; 57: 74-80.
    .. [2] Groeneboom P, Maathuis MH, Wellner JA. Current status data with competing risks: consistency and rates of
       convergence of the MLE. Ann Stat 2008; 36: 1031-1063.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cause = pd.Categorical(["none", "loose", "broken", "loose"], categories=["none", "loose", "broken"])
    >>> rows = Tally.from_rows(pd.DataFrame({"ct": [1.0, 2, 3, 4], "cause": cause}))
    >>> {k: f.estimate.tolist() for k, f in current_status_causes(rows, time="ct", cause="cause").items()}
    {'loose': [0.0, 0.666..., 0.666..., 0.666...], 'broken': [0.0, 0.0, 0.333..., 0.333...]}
    """
    levels, causes = causes_of(tally, cause)
    return _examined(
        life_table(tally, time=time, causes=causes, complete_on=[cause]), levels, tally, neighbours, confidence_level
    )


def _examined(
    table: LifeTable, levels: Sequence[str], tally: Tally, neighbours: int | None, confidence_level: float
) -> dict[str, CurrentStatus]:
    """Estimate from how many were examined at each time, and how many of them had each event."""
    from scipy.optimize import isotonic_regression

    require_confidence_level(confidence_level)
    if neighbours is not None and neighbours < 1:
        raise ValueError(f"neighbours: {neighbours!r}; expected 1 or more")
    examined = table.n_censored + table.events.sum(axis=1)
    seen = examined > 0  # patterns that nobody shows have a time too
    times, events, none, examined = table.times[seen], table.events[seen], table.n_censored[seen], examined[seen]
    reason = None if len(times) else "no patient has a time and a status"
    warn_undefined(f"current status of {', '.join(levels)}", reason)
    naive = np.zeros((len(times), len(levels)))
    for k in range(len(levels) if len(times) else 0):
        naive[:, k] = isotonic_regression(events[:, k] / examined, weights=examined).x
    inner = [_inner(times, events[:, k], none) for k in range(len(levels))]
    estimate, unique = (naive, True) if len(levels) == 1 else _together(times, events, none, inner)
    later = max(1 - estimate[-1].sum(), 0.0) if len(times) else 0.0
    masses = [_masses(times, estimate[:, k], *ends, later) for k, ends in enumerate(inner)]
    likelihood, gap = _proof(times, events, none, estimate, inner) if len(times) else (NAN, NAN)
    return {
        level: CurrentStatus(
            cause=level,
            times=times,
            n_examined=examined,
            n_events=events[:, k],
            estimate=estimate[:, k],
            naive=naive[:, k],
            masses=masses[k],
            neighbours=neighbours or math.ceil(table.n ** (2 / 3) - 1e-9),
            log_likelihood=likelihood,
            gap=gap,
            unique=unique,
            confidence_level=confidence_level,
            n=table.n,
            events=int(events[:, k].sum()),
            n_missing=table.n_missing,
            reason=reason,
            method=("isotonic regression" if len(levels) == 1 else "maximum likelihood of competing causes")
            + ", Kim, Fay and Proschan's interval",
            provenance=tally.provenance,
        )
        for k, level in enumerate(levels)
    }


def _inner(times: np.ndarray, events: np.ndarray, none: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the intervals of indeterminacy of one cause: from an examination without event to one with it."""
    without, with_event = times[none > 0], times[events > 0]
    return indeterminate(
        np.concatenate([without, np.full(len(with_event), -np.inf)]),
        np.concatenate([np.full(len(without), np.inf), with_event]),
    )


def _together(
    times: np.ndarray, events: np.ndarray, none: np.ndarray, inner: Sequence[tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, bool]:
    """Return the estimate of all causes by each time, and whether it is unique."""
    # A column an interval of each cause, and a last one for whatever comes after the last examination without event.
    sizes = [int((right < np.inf).sum()) for _, right in inner]
    last = times[none > 0].max(initial=-np.inf)
    left = np.concatenate([*(ends[0][:n] for ends, n in zip(inner, sizes, strict=True)), [last]])
    right = np.concatenate([*(ends[1][:n] for ends, n in zip(inner, sizes, strict=True)), [np.inf]])
    of = np.append(np.repeat(np.arange(len(inner)), sizes), -1)
    without = holds(times[none > 0], np.full((none > 0).sum(), np.inf), left, right)
    rows, weight = [without], [none[none > 0]]
    for k in range(events.shape[1]):
        had = events[:, k] > 0
        rows.append(holds(np.full(had.sum(), -np.inf), times[had], left, right) & (of == k))
        weight.append(events[had, k])
    cover, count = np.vstack(rows), np.concatenate(weight)
    if not len(count):
        return np.zeros(events.shape), False
    mass, _, _ = greatest(cover, count)
    upto = right <= times[:, None]
    estimate = np.column_stack([(upto & (of == k)) @ mass for k in range(events.shape[1])])
    return np.minimum(estimate, 1.0), is_unique(cover, count, mass)


def _masses(times: np.ndarray, estimate: np.ndarray, left: np.ndarray, right: np.ndarray, later: float) -> IntervalMass:
    """Return the climbs of an estimate; what comes after the last examination without event may be of any cause."""
    values = np.concatenate([[0.0], estimate])
    mass = values[np.searchsorted(times, right, side="right")] - values[np.searchsorted(times, left, side="right")]
    mass = np.where(np.isinf(right), later, mass)
    kept = mass > 1e-12
    return IntervalMass(left=np.maximum(left[kept], 0.0), right=right[kept], mass=mass[kept])


def _proof(
    times: np.ndarray,
    events: np.ndarray,
    none: np.ndarray,
    estimate: np.ndarray,
    inner: Sequence[tuple[np.ndarray, np.ndarray]],
) -> tuple[float, float]:
    """Return the log-likelihood, and by how much it may at most be increased (Kuhn and Tucker's gradient)."""
    from scipy.special import xlogy

    free = 1 - estimate.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        had, without = np.where(events > 0, events / estimate, 0.0), np.where(none > 0, none / free, 0.0)
    before = np.concatenate([[0.0], without.cumsum()])
    gradients = [before[-1]]
    for k, (left, right) in enumerate(inner):
        after = np.concatenate([had[::-1, k].cumsum()[::-1], [0.0]])
        gradients.extend(after[np.searchsorted(times, right, side="left")] + before[np.searchsorted(times, left, side="right")])
    likelihood = float(xlogy(events, estimate).sum() + xlogy(none, free).sum())
    return likelihood, max(float(max(gradients) - events.sum() - none.sum()), 0.0)
