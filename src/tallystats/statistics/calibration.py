"""How methods keep their level where events are few: what `benchmarks/calibration.py` found, looked up."""

from __future__ import annotations

import csv
import functools
import re
from fractions import Fraction
from pathlib import Path
from typing import Literal

from tallystats.results import result

Kind = Literal["interval", "test"]

#: Written by benchmarks/calibration.py, one row a method and number of events.
PATH = Path(__file__).with_name("calibration.csv")
#: How many patients were simulated.
PATIENTS = 72
#: With more events than this, no result stands near those that were simulated.
MOST_EVENTS = 30
LEVEL = {"interval": 0.95, "test": 0.05}
#: Shares within which a level of 95 % (coverage) or 5 % (rejection) counts as kept.
KEPT = {"interval": (0.93, 0.975), "test": (0.025, 0.065)}
#: What results add to a method's name and is no other method: by which variable it is stratified, scores, weights.
_VARYING = re.compile(r" \(rho[^)]*\)|(?<=, stratified) by .*|(?<=, trend) by scores .*")


@result
class Calibration:
    """What one method does at one number of events, at a nominal level of 95 % (intervals) or 5 % (tests).

    Attributes
    ----------
    kind : {"interval", "test"}
    what : str
        What it estimates or tests.
    method : str
        As results call it.
    events : int
        Events expected in 72 patients.
    share : float
        Of samples with a result, those whose interval holds the truth, or whose test rejects a true null hypothesis.
    std_error : float
        Of that share, from the number of draws; 0 where all tables were gone through.
    undefined : float
        Share of samples without a result.
    draws : int
        How many samples; 0 where all tables were gone through, each with its probability.
    """

    kind: Kind
    what: str
    method: str
    events: int
    share: float
    std_error: float
    undefined: float
    draws: int

    @property
    def cautious(self) -> bool:
        """Whether it errs on the safe side: intervals too wide, tests that reject too seldom."""
        return (self.share > LEVEL[self.kind]) == (self.kind == "interval")

    @property
    def kept(self) -> bool:
        """Whether the level is kept, beyond what the draws leave uncertain."""
        low, high = KEPT[self.kind]
        return low - 2 * self.std_error <= self.share <= high + 2 * self.std_error


@functools.cache
def calibrations() -> tuple[Calibration, ...]:
    """Return all that was found, what belongs together side by side."""
    with PATH.open(encoding="utf-8") as file:
        found = [
            Calibration(
                kind=row["kind"],
                what=row["what"],
                method=row["method"],
                events=int(row["events"]),
                share=float(row["share"]),
                std_error=float(row["std_error"]),
                undefined=float(row["undefined"]),
                draws=int(row["draws"]),
            )
            for row in csv.DictReader(file)
        ]
    groups = list(dict.fromkeys((c.kind, c.what) for c in found))
    return tuple(sorted(found, key=lambda c: groups.index((c.kind, c.what))))


def calibration_of(method: str, events: float, *, kind: Kind | Literal[""] = "") -> Calibration | None:
    """Look up what a method does at about so many events.

    Parameters
    ----------
    method : str
        As results call it.
    events : float
        Events, or patients in the smaller of two groups.
    kind : {"interval", "test"}, optional

    Returns
    -------
    Calibration or None
        The row with the nearest number of events on a logarithmic scale, and of several the one that misses its level by most;
        None where the method was not tried, or where there are no events or more than any that was.

    Examples
    --------
    >>> calibration_of("Pearson chi-square", 4).events
    5
    >>> calibration_of("Pearson chi-square", 400) is None
    True
    """
    if not 0 < events <= MOST_EVENTS:
        return None
    method = _VARYING.sub("", method)
    found = [c for c in calibrations() if c.method == method and kind in ("", c.kind) and c.share == c.share]
    # As fractions: 4 and 9 lie equally far from 6, which logarithms know to the last digit but one.
    times = {c.events: max(c.events / Fraction(events), Fraction(events) / c.events) for c in found}
    found = [c for c in found if times[c.events] == min(times.values())]
    return min(found, key=lambda c: (c.kept, -round(abs(c.share - LEVEL[c.kind]), 12)), default=None)
