"""How often an event comes: events over time at risk."""

from __future__ import annotations

from tallystats.results import NAN, OneRow, require_confidence_level, result, warn_undefined
from tallystats.survival.lifetable import event_table
from tallystats.tally import Tally


@result
class EventRate(OneRow):
    """Events per unit of time at risk, with an exact Poisson interval.

    Attributes
    ----------
    events : int
    time_at_risk : float
        Sum over patients of exit less entry, in the unit of time.
    estimate, conf_low, conf_high : float
        Events per unit of time.
    confidence_level : float
    n, n_missing : int
    method, provenance : str
    """

    events: int
    time_at_risk: float
    estimate: float
    conf_low: float
    conf_high: float
    confidence_level: float
    n: int
    n_missing: int
    method: str
    provenance: str


def event_rate(
    tally: Tally, *, time: str, event: str, entry: str | float | None = None, confidence_level: float = 0.95
) -> EventRate:
    """Estimate the rate of an event: events over time at risk, from entry to exit.

    Parameters
    ----------
    tally, time, event, entry
        As for `tallystats.survival.curves.kaplan_meier`.
    confidence_level : float
        Of the exact Poisson interval.

    Returns
    -------
    EventRate
        Per unit of `time`; NaN, with a warning, when nobody spends time at risk.

    Raises
    ------
    ValueError
        As `tallystats.survival.curves.kaplan_meier`.

    Notes
    -----
    R: ``poisson.test(events, time)``.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"years": [0.5, 1.5, 2, 4], "died": [True, True, False, False]})
    >>> rate = event_rate(Tally.from_rows(rows), time="years", event="died")
    >>> rate.time_at_risk, rate.estimate, round(rate.conf_low, 4), round(rate.conf_high, 4)
    (8.0, 0.25, 0.0303, 0.9031)
    """
    from scipy.stats import chi2

    require_confidence_level(confidence_level)
    table = event_table(tally, time, event, entry)
    begin = 0.0 if entry is None else table.entry if isinstance(entry, str) else float(entry)
    exposure = float(((table.exit - begin) * table.weight).sum())
    events, tail = int(table.events.sum()), (1 - confidence_level) / 2
    estimate = low = high = NAN
    if exposure:
        estimate, low = events / exposure, float(chi2.ppf(tail, 2 * events)) / 2 / exposure if events else 0.0
        high = float(chi2.isf(tail, 2 * events + 2)) / 2 / exposure
    warn_undefined(f"rate of {event}", None if exposure else "nobody spends time at risk")
    return EventRate(
        events=events,
        time_at_risk=exposure,
        estimate=estimate,
        conf_low=low,
        conf_high=high,
        confidence_level=confidence_level,
        n=table.n,
        n_missing=table.n_missing,
        method="events over time at risk, exact Poisson interval",
        provenance=tally.provenance,
    )
