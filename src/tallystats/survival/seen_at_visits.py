"""The cumulative incidence of an event that is seen at visits only, where death, known to the day, forestalls it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tallystats.results import NAN, Result, require_confidence_level, result
from tallystats.survival.current_status import CurrentStatus
from tallystats.survival.curves import SurvivalCurve, kaplan_meier
from tallystats.survival.turnbull import Turnbull
from tallystats.tally import Tally, weakest


@result(eq=False)
class SeenAtVisits(Result):
    """The incidence of an event seen at visits only, with death competing.

    Attributes
    ----------
    among_living : CurrentStatus or Turnbull
        The probability that whoever is alive at a time has had the event by then.
    survival, wider : SurvivalCurve
        Of death; the second with the limits that the interval takes.
    confidence_level : float
    method, provenance : str
    """

    among_living: CurrentStatus | Turnbull
    survival: SurvivalCurve
    wider: SurvivalCurve
    confidence_level: float
    method: str
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row the end of an interval of indeterminacy."""
        ends = np.unique(self.among_living.masses.right)
        return self.at(ends[np.isfinite(ends)]).assign(
            term="event", n=self.among_living.n, n_missing=self.among_living.n_missing, method=self.method
        )

    def at(self, times: Sequence[float]) -> pd.DataFrame:
        """Read the incidence at some times.

        Returns
        -------
        pandas.DataFrame
            `time`; `alive`, the probability to live longer, NaN beyond the last exit; `estimate`, the least that the
            masses allow, as `at_least`, and `at_most`; `conf_low, conf_high`. NaN where nobody is complete.
        """
        when = np.asarray(times, float)
        masses, alive = self.among_living.masses, self.survival.at(when)["estimate"].to_numpy()
        # The event comes to the living: mass counts by who lives to its end at the least, past its start at the most.
        least = (when[:, None] >= masses.right) @ (masses.mass * _living(self.survival, masses.right, "left"))
        begun = np.where(masses.left == masses.right, when[:, None] >= masses.left, when[:, None] > masses.left)
        exact = masses.left == masses.right
        most = np.where(exact, _living(self.survival, masses.left, "left"), _living(self.survival, masses.left, "right"))
        at_most = np.minimum(begun @ (masses.mass * most), 1.0)
        tail = (1 - self.confidence_level) / 2
        low = self.among_living.limits(when, 1 - tail)[0] * self._least_alive(when, tail / 2)
        high = self.among_living.limits(when, self.confidence_level)[1]
        values = {
            "alive": alive,
            "estimate": least,
            "at_least": least,
            "at_most": at_most,
            "conf_low": np.minimum(low, least),
            "conf_high": np.maximum(high, at_most),
        }
        if not (self.among_living.n and self.survival.n):
            values = dict.fromkeys(values, NAN)
        return pd.DataFrame({"time": when, **values})

    def _least_alive(self, when: np.ndarray, tail: float) -> np.ndarray:
        """Return the lower limit of survival; while nobody has died, that of none of those still at risk."""
        read = self.wider.at(when)
        low, risk = read["conf_low"].to_numpy(), read["n_risk"].to_numpy()
        none_died = tail ** (1 / np.maximum(risk, 1)) * (risk > 0)
        return np.where(np.isnan(low), np.where(read["estimate"] == 1, none_died, 0.0), low)


def _living(curve: SurvivalCurve, times: np.ndarray, side: str) -> np.ndarray:
    """Return survival just before ("left") or at ("right") some times; after the last exit it stays."""
    return np.concatenate([[1.0], curve.survival])[np.searchsorted(curve.times, times, side=side)]


def seen_at_visits(
    among_living: CurrentStatus | Turnbull,
    tally: Tally,
    *,
    time: str,
    death: str,
    entry: str | float | None = None,
    confidence_level: float = 0.95,
) -> SeenAtVisits:
    """Estimate the cumulative incidence of an event that is seen at visits only, with death competing.

    Parameters
    ----------
    among_living : CurrentStatus or Turnbull
        Of the event, from visits: `tallystats.survival.current_status` where each patient has one,
        `tallystats.survival.turnbull` where it came between two.
    tally : Tally
        Patterns of time and death of the same patients.
    time : str
        Time of death, or of the last follow-up.
    death : str
        Boolean: died then.
    entry : str or float, optional
        Delayed entry, as for `tallystats.survival.curves.kaplan_meier`.
    confidence_level : float

    Raises
    ------
    ValueError
        As `tallystats.survival.curves.kaplan_meier`.

    Notes
    -----
    What is seen: a living patient at a visit, with the event or without; and the day of death, or of the last follow-up.
    What came between the last visit and death is not seen. An event and a death without it cannot both be told apart from
    such data without an assumption [1]_; here it is that the event does not change the hazard of death, and that visits
    tell nothing of either. Then a visit at c has the probability G(c) = 1 - exp(-A(c)) to see the event, A the cumulative
    hazard of the event in those alive without it, and the likelihood is that of G from visits times that of survival S
    from deaths. Each has its own maximum: isotonic regression or Turnbull's estimate, and Kaplan and Meier's. The
    cumulative incidence is F(t) = int S(u-) dG(u). Within an interval of indeterminacy S falls, so that F is known to lie
    between `at_least` and `at_most`. If the event hastens death, the living show too little of it, and F is too low.

    As S falls, S(t) G(t) <= F(t) <= G(t): the upper limit is that of G, the lower the product of the lower limits of G
    and S, each with half the tail. It holds its level as far as the log-log limit of S does.

    Taking the day of the visit for the day of the event, as Aalen and Johansen's estimate does where it is given that day,
    counts all the time after a last visit as free of the event, which nobody has seen: it is too low and late.

    References
    ----------
    .. [1] Frydman H, Szarek M. Nonparametric estimation in a Markov "illness-death" process from interval censored
       observations with missing intermediate transition status. Biometrics 2009; 65: 143-151.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.survival.current_status import current_status
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"ct": [1.0, 2, 3, 4], "failed": pd.array([False, True, False, True], dtype="boolean"),
    ...                      "days": [1.5, 5, 6, 7], "died": pd.array([True, False, True, False], dtype="boolean")})
    >>> rows = Tally.from_rows(rows)
    >>> found = seen_at_visits(current_status(rows, time="ct", event="failed"), rows, time="days", death="died")
    >>> found.at([2, 4])[["at_least", "at_most"]].to_numpy().tolist()
    [[0.375, 0.5], [0.75, 0.875]]
    """
    require_confidence_level(confidence_level)
    curve, wider = (
        kaplan_meier(tally, time=time, event=death, entry=entry, confidence_level=level)
        for level in (confidence_level, 1 - (1 - confidence_level) / 2)
    )
    return SeenAtVisits(
        among_living=among_living,
        survival=curve,
        wider=wider,
        confidence_level=confidence_level,
        method=f"{among_living.method.split(',')[0]} of visits, Kaplan-Meier of death, limits of both",
        provenance=weakest([among_living.provenance, tally.provenance]),
    )
