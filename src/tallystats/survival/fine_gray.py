"""Regression where another event forestalls the one of interest: Fine and Gray's model, and cause-specific Cox models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from tallystats.regression.coefficients import EventModel
from tallystats.regression.design import make_design
from tallystats.results import NAN, require_confidence_level, result
from tallystats.survival.competing import causes_of
from tallystats.survival.cox import EVENTS_PER_COLUMN, FAR, CoxFit, cox_regression, refusal
from tallystats.survival.lifetable import life_table
from tallystats.survival.partial_likelihood import flatness, lack_of_maximum
from tallystats.tally import Tally
from tallystats.tolerance import uphill, vary_apart

MAX_ITERATIONS = 100
#: What each choice of weights is called.
NAMES = {"crr": "variance with estimated weights", "finegray": "robust variance, weights taken as known"}


@result
class FineGrayFit(EventModel):
    """A model of the subdistribution hazard of one cause, or why there is none.

    Beside what `tallystats.regression.coefficients.EventModel` holds:

    Attributes
    ----------
    cause : str
    refused : str or None
        Why the data do not carry the model; then every tuple is empty and every number NaN.
    estimates, std_errors, statistics, p_values, conf_low, conf_high : tuple of float
        Log subdistribution hazard ratio, its standard error, Wald's z and P, Wald's interval.
    log_likelihood : float
        Of the weighted partial likelihood, which is none of independent patients: not to be tested with.
    competing : int
        Events of any other cause; `events` are those of this one.
    """

    RATIO: ClassVar[str] = "subhazard_ratio"
    REPEATED: ClassVar[tuple[str, ...]] = ("cause", "n", "events", "competing", "n_missing", "method")

    cause: str
    refused: str | None
    log_likelihood: float = NAN
    competing: int


def fine_gray(
    tally: Tally,
    *,
    time: str,
    cause: str,
    of: str,
    terms: Sequence[str],
    entry: str | None = None,
    weights: Literal["crr", "finegray"] = "crr",
    confidence_level: float = 0.95,
    events_per_column: float = EVENTS_PER_COLUMN,
) -> FineGrayFit:
    """Fit Fine and Gray's model of one cause's subdistribution hazard, unless the events do not carry it.

    Parameters
    ----------
    tally, time, cause
        As for `tallystats.survival.competing.aalen_johansen`. Patients who lack any column named are left out and counted.
    of : str
        The cause, a level of `cause`.
    terms : sequence of str
        Boolean, numeric or categorical columns (indicators against the first level in use).
    entry : str, optional
        Column of delayed entries; with ``weights="finegray"`` only.
    weights : {"crr", "finegray"}
        Whose weights and variance: see Notes.
    confidence_level : float
    events_per_column : float
        Fewer events of the cause for each estimated column are refused, as by `tallystats.survival.cox.cox_regression`.

    Returns
    -------
    FineGrayFit
        With `refused` set when nobody has the event, no term varies, there are too few events, the likelihood is monotone or
        flat, the fit does not converge, or later entries cannot be weighed.

    Raises
    ------
    ValueError
        As `tallystats.survival.competing.aalen_johansen` and `tallystats.regression.design.make_design`; when `of` is
        no cause; for unknown weights, or `entry` with those of crr.

    Notes
    -----
    Who had another cause stays at risk with the weight G(t-) / G(T-), G the Kaplan-Meier curve of censoring [1]_; ties are
    Breslow's. A ratio says how a term moves the cumulative incidence, not how it acts: a term that only kills lowers the
    incidence of failure. So fit the cause-specific models (`cause_specific_cox`) beside it [2]_.

    ``crr``: whoever has an event at the time of a censoring is at risk of it, and the variance counts that G is estimated;
    R: ``cmprsk::crr(time, cause, x, failcode)``. ``finegray``: censoring follows events at the same time, which makes the
    weighted incidence the Aalen-Johansen one, delayed entry weighs likewise [3]_, and the variance is the sandwich with
    the weights taken as known; R: ``coxph(Surv(fgstart, fgstop, fgstatus) ~ x, finegray(...), weights = fgwt, ties =
    "breslow", cluster = id)``. Without ties both have the same estimates.

    References
    ----------
    .. [1] Fine JP, Gray RJ. A proportional hazards model for the subdistribution of a competing risk. J Am Stat Assoc
       1999; 94: 496-509.
    .. [2] Latouche A, Allignol A, Beyersmann J, et al. A competing risks analysis should report results on all
       cause-specific hazards and cumulative incidence functions. J Clin Epidemiol 2013; 66: 648-653.
    .. [3] Geskus RB. Cause-specific cumulative incidence estimation and the Fine and Gray model under both left truncation
       and right censoring. Biometrics 2011; 67: 39-49.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cause = pd.Categorical(["failed", "died", "alive", "failed"] * 4, categories=["alive", "failed", "died"])
    >>> rows = pd.DataFrame({"days": [5.0, 8, 9, 12, 2, 3, 15, 16, 18, 4, 20, 7, 6, 1, 11, 10], "cause": cause,
    ...                      "cement": [False, True, True, False, True, False, False, True] * 2})
    >>> fit = fine_gray(Tally.from_rows(rows), time="days", cause="cause", of="failed", terms=["cement"])
    >>> round(float(fit.frame["subhazard_ratio"][0]), 4), round(fit.std_errors[0], 4)
    (1.0444, 0.6384)
    """
    from scipy.stats import norm

    require_confidence_level(confidence_level)
    if weights not in NAMES:
        raise ValueError(f"weights: {weights!r}; expected crr or finegray")
    if entry is not None and weights == "crr":
        raise ValueError(f"entry: {entry!r} with weights 'crr', which have no delayed entry; expected weights 'finegray'")
    levels, causes = causes_of(tally, cause)
    if of not in levels:
        raise ValueError(f"of: {of!r} is no cause of {cause!r}; expected one of {', '.join(map(str, levels))}")
    life_table(tally, time=time, causes=causes, complete_on=[cause], entry=entry)  # refuses times that cannot be
    outcome = f"{cause} is {of}"
    marked = type(tally)(tally.frame.assign(**{outcome: _had(tally, cause, of)}), tally.provenance)
    where = [time, cause, *([entry] if entry else [])]
    design = make_design(marked, outcome=outcome, terms=terms, complete_on=where)
    frame = marked.complete([outcome, *terms, *where]).frame
    free = (frame[cause].cat.codes == 0).to_numpy()
    method = "Fine-Gray, Breslow's ties, Wald; " + NAMES[weights]
    known = {
        "cause": of,
        "confidence_level": confidence_level,
        "dropped": design.dropped,
        "n": design.total,
        "events": design.events,
        "n_missing": design.n_missing,
        "provenance": tally.provenance,
        "method": method,
        "competing": int(design.n[~free & (design.y == 0)].sum()),
    }
    if refused := refusal(design, events_per_column):
        return FineGrayFit(refused=refused, **known)
    rows = _Rows(
        x=design.x[:, 1:] - design.x[:, 1:].mean(axis=0),
        n=design.n,
        exit=frame[time].to_numpy(dtype=float),
        entry=frame[entry].to_numpy(dtype=float) if entry else np.full(len(frame), -np.inf),
        event=design.y == 1,
        free=free,
        after_events=weights == "finegray",
    )
    if not np.isfinite(rows.weight).all():
        return FineGrayFit(refused="at some time nobody was at risk but who had just entered: nothing weighs them", **known)
    if flat := flatness(rows, design.columns):
        return FineGrayFit(refused=flat, **known)
    beta, log_likelihood, failure = rows.maximise()
    if failure or np.ptp(rows.x @ beta) > FAR:
        failure = lack_of_maximum(rows, design.columns) or failure
    if failure:
        return FineGrayFit(refused=failure, **known)
    error, z = rows.std_errors(beta), norm.isf((1 - confidence_level) / 2)
    numbers = {
        "estimates": beta,
        "std_errors": error,
        "statistics": beta / error,
        "p_values": 2 * norm.sf(np.abs(beta / error)),
        "conf_low": beta - z * error,
        "conf_high": beta + z * error,
    }
    return FineGrayFit(
        refused=None,
        terms=design.columns,
        **{name: tuple(values.tolist()) for name, values in numbers.items()},
        log_likelihood=log_likelihood,
        **known,
    )


def cause_specific_cox(tally: Tally, *, time: str, cause: str, terms: Sequence[str], **options: Any) -> dict[str, CoxFit]:
    """Fit a Cox model of each cause's own hazard, other causes ending the observation.

    Parameters
    ----------
    tally, time, cause
        As for `tallystats.survival.competing.aalen_johansen`.
    terms
        As for `tallystats.survival.cox.cox_regression`.
    **options
        Further ones of `tallystats.survival.cox.cox_regression`.

    Returns
    -------
    dict of str to CoxFit
        One a cause, in the order of the levels; each may be refused.

    Raises
    ------
    ValueError
        As `tallystats.survival.competing.aalen_johansen` and `tallystats.survival.cox.cox_regression`.

    Notes
    -----
    R: ``coxph(Surv(time, cause == k) ~ terms)`` for each k.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cause = pd.Categorical(["failed", "died", "alive", "failed"] * 4, categories=["alive", "failed", "died"])
    >>> rows = pd.DataFrame({"days": [5.0, 8, 9, 12, 2, 3, 15, 16, 18, 4, 20, 7, 6, 1, 11, 10], "cause": cause,
    ...                      "cement": [False, True, True, False, True, False, False, True] * 2})
    >>> fits = cause_specific_cox(Tally.from_rows(rows), time="days", cause="cause", terms=["cement"])
    >>> round(float(fits["failed"].frame["hazard_ratio"][0]), 4), fits["died"].refused
    (0.9628, '4 events for 1 estimated column; at least 5 for each are needed')
    """
    levels, _ = causes_of(tally, cause)
    found = {}
    for level in levels:
        event = f"{cause} is {level}"
        marked = type(tally)(tally.frame.assign(**{event: _had(tally, cause, level)}), tally.provenance)
        found[level] = cox_regression(marked, time=time, event=event, terms=terms, **options)
    return found


def _had(tally: Tally, cause: str, level: str) -> pd.Series:
    """Return whether each pattern has a cause; missing where its cause is."""
    column = tally.frame[cause]
    return (column == level).astype("boolean").mask(column.isna())


class _Rows:
    """Patterns of patients with their weights in the risk sets of the subdistribution (events' times x patterns)."""

    def __init__(
        self,
        *,
        x: np.ndarray,
        n: np.ndarray,
        entry: np.ndarray,
        exit: np.ndarray,
        event: np.ndarray,
        free: np.ndarray,
        after_events: bool,
    ) -> None:
        self.x, self.n, self.exit, self.event, self.free = x, n, exit, event, free
        self.after_events = after_events
        self.times = np.unique(exit[event])
        other = ~event & ~free
        # Times of censoring, how many are censored then, and how many might have been.
        self.censored = np.unique(exit[free])
        self.out = np.array([n[free & (exit == u)].sum() for u in self.censored])
        self.might = np.array(
            [n[(entry < u) & (exit >= u) & (free | (exit > u) | (not after_events))].sum() for u in self.censored]
        )
        # By how much the curves of being uncensored and of having entered change since an exit, as a logarithm.
        with np.errstate(divide="ignore", invalid="ignore"):
            entries = np.unique(entry[np.isfinite(entry)])[1:]  # the first opens what follows
            share = np.array([n[entry == u].sum() / n[(entry <= u) & (exit > u)].sum() for u in entries])
            grown = _since(self.censored, np.log1p(-self.out / self.might), self.times, exit)
            grown = grown + _since(entries, -np.log1p(-share), self.times, exit)
        there = (entry < self.times[:, None]) & (exit >= self.times[:, None])
        stays = other & (exit < self.times[:, None])
        self.weight = np.where(there, 1.0, np.where(stays, np.exp(np.where(stays, grown, 0.0)), 0.0))
        self.dead = np.array([event & (exit == t) for t in self.times])

    def risk_sets(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield who is at risk, and who has the event, at each time of an event."""
        yield from zip(self.weight > 0, self.dead, strict=True)

    def _sums(self, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the hazard ratio of each pattern, and at each event time the weighted total and mean."""
        hazard = np.exp(self.x @ beta - (self.x @ beta).max())
        total = self.weight @ (self.n * hazard)
        return hazard, total, self.weight @ ((self.n * hazard)[:, None] * self.x) / total[:, None]

    def _information(self, hazard: np.ndarray, total: np.ndarray, mean: np.ndarray) -> np.ndarray:
        deaths = self.dead @ self.n
        each = (self.weight.T @ (deaths / total)) * self.n * hazard
        return (self.x.T * each) @ self.x - np.einsum("t,tj,tk->jk", deaths, mean, mean)

    def value(self, beta: np.ndarray) -> float:
        _, total, _ = self._sums(beta)
        top = (self.x @ beta).max()
        with np.errstate(divide="ignore"):
            each = self.dead @ (self.n * (self.x @ beta)) - (self.dead @ self.n) * (np.log(total) + top)
        return float(each.sum()) if np.isfinite(each).all() else -np.inf

    def maximise(self) -> tuple[np.ndarray, float, str | None]:
        """Return the coefficients by Newton's method, the log-likelihood there, and what went wrong."""
        failure = "the fit did not converge"
        beta = np.zeros(self.x.shape[1])
        now, deaths = self.value(beta), self.dead @ self.n
        for _ in range(MAX_ITERATIONS):
            hazard, total, mean = self._sums(beta)
            score = (self.event * self.n) @ self.x - deaths @ mean
            information = self._information(hazard, total, mean)
            if not vary_apart(information):
                return beta, now, failure
            step = np.linalg.solve(information, score)
            if score @ step < 1e-16 * (1 + abs(now)):
                return beta + step, self.value(beta + step), None
            for _ in range(40):
                if uphill(after := self.value(beta + step), now, score @ step):
                    break
                step /= 2
            else:
                # Rounding hides the gain: at the maximum as far as can be told.
                return beta, now, None if score @ step < 1e-10 else failure
            beta, now = beta + step, after
        return beta, now, failure

    def std_errors(self, beta: np.ndarray) -> np.ndarray:
        """Return the standard errors: the sandwich, in the convention of the weights."""
        hazard, total, mean = self._sums(beta)
        inverse = np.linalg.inv(self._information(hazard, total, mean))
        step = (self.dead @ self.n) / total  # of the baseline hazard
        at = np.minimum(np.searchsorted(self.times, self.exit), len(self.times) - 1)
        added = np.where(self.event[:, None], self.x - mean[at], 0.0)
        # Patterns x times x columns: what each adds at each event time by being at risk.
        spent = (self.weight * hazard * step[:, None]).T[:, :, None] * (self.x[:, None] - mean)
        added = added - spent.sum(axis=1)
        if not self.after_events and len(self.censored):
            added = added + self._of_censoring(spent)
        return np.sqrt(np.diag(inverse @ (added.T * self.n) @ added @ inverse))

    def _of_censoring(self, spent: np.ndarray) -> np.ndarray:
        """Return what each pattern adds by being, or not being, censored: the weights are estimated from that."""
        other = ~self.event & ~self.free
        after = np.concatenate([spent[:, ::-1].cumsum(axis=1)[:, ::-1], np.zeros_like(spent[:, :1])], axis=1)
        later = after[:, np.searchsorted(self.times, self.censored, side="left")]  # patterns x censorings x columns
        had = other[:, None] & (self.exit[:, None] < self.censored)
        moved = np.einsum("i,ik,ikj->kj", self.n, had, later) / self.might[:, None]
        passed = np.concatenate([np.zeros((1, moved.shape[1])), np.cumsum(moved * (self.out / self.might)[:, None], axis=0)])
        at = np.minimum(np.searchsorted(self.censored, self.exit), len(self.censored) - 1)
        return np.where(self.free[:, None], moved[at], 0.0) - passed[np.searchsorted(self.censored, self.exit, side="right")]


def _since(moments: np.ndarray, steps: np.ndarray, times: np.ndarray, exits: np.ndarray) -> np.ndarray:
    """Sum the steps from each exit on to just before each time (times x exits); infinite if one of these is."""
    known = np.isfinite(steps)
    sums, ends = (np.concatenate([[0.0], np.cumsum(part)]) for part in (np.where(known, steps, 0.0), ~known))
    at, start = np.searchsorted(moments, times, side="left")[:, None], np.searchsorted(moments, exits, side="left")
    return np.where(ends[at] > ends[start], np.sum(steps[~known][:1]), sums[at] - sums[start])
