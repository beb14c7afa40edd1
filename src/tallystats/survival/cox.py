"""Cox regression by lifelines (Efron's ties), a test of proportional hazards, and a refusal where events do not allow it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from tallystats.regression.coefficients import EventModel
from tallystats.regression.design import Design, make_design
from tallystats.results import NAN, require_confidence_level, result, warn_undefined
from tallystats.statistics.counts import coded
from tallystats.survival.cox_checks import ModelTest, Schoenfeld, concordance, model_tests, schoenfeld
from tallystats.survival.lifetable import event_table
from tallystats.survival.partial_likelihood import (
    RiskRows,
    flatness,
    is_maximum,
    lack_of_maximum,
    proportional_hazards,
    score_residuals,
)
from tallystats.tally import Tally

if TYPE_CHECKING:
    from lifelines import CoxPHFitter


#: Events for each estimated column below which a model is refused: see the Notes of `cox_regression`.
EVENTS_PER_COLUMN = 5
#: Linear predictors further apart than this (a hazard ratio of 22,000) are examined for monotone likelihood.
FAR = 10.0
#: Shares of Newton's step to try in turn: lifelines' own overshoots where the carriers of a rare term have the event early.
STEPS = (0.95, 0.5, 0.1)


@result
class CoxFit(EventModel):
    """A Cox model, or why there is none.

    Beside what `tallystats.regression.coefficients.EventModel` holds:

    Attributes
    ----------
    refused : str or None
        Why the data do not carry the model; then every tuple is empty and every number NaN.
    estimates, std_errors, statistics, p_values, conf_low, conf_high : tuple of float
        Log hazard ratio, its standard error, Wald's z and P, Wald's interval.
    ph_statistics, ph_p_values : tuple of float
        Test of proportional hazards: Schoenfeld residuals against the rank of time; chi-square with 1 degree of freedom.
        NaN, with a warning, where a column differs among those at risk at one event time only.
    ph_global_statistic, ph_global_p_value : float
        The same for all columns at once, with as many degrees of freedom.
    model_std_errors : tuple of float
        Standard errors that suppose the model and independent patients; those of `std_errors` unless they are robust.
    clusters : int
        How many the robust variance rests on; 0 without one.
    covariance : tuple of tuple of float
        Of the estimates, supposing the model; a row a column.
    log_likelihood : float
    concordance, concordance_std_error : float
        Harrell's C within strata, of patients at risk together.
    tests : tuple of ModelTest
        Likelihood-ratio, score and Wald's test of all columns at once, the last robust where the variance is.
    residuals : Schoenfeld or None
        What the test of proportional hazards rests on.
    """

    RATIO: ClassVar[str] = "hazard_ratio"
    FURTHER: ClassVar[tuple[str, ...]] = ("ph_statistics", "ph_p_values")

    refused: str | None
    method: str = "Cox, Efron's ties, Wald"
    model_std_errors: tuple[float, ...] = ()
    clusters: int = 0
    covariance: tuple[tuple[float, ...], ...] = ()
    ph_statistics: tuple[float, ...] = ()
    ph_p_values: tuple[float, ...] = ()
    ph_global_statistic: float = NAN
    ph_global_p_value: float = NAN
    log_likelihood: float = NAN
    concordance: float = NAN
    concordance_std_error: float = NAN
    tests: tuple[ModelTest, ...] = ()
    residuals: Schoenfeld | None = None


def cox_regression(
    tally: Tally,
    *,
    time: str,
    event: str,
    terms: Sequence[str],
    entry: str | float | None = None,
    strata: str | Sequence[str] = (),
    robust: bool | str = False,
    confidence_level: float = 0.95,
    events_per_column: float = EVENTS_PER_COLUMN,
) -> CoxFit:
    """Fit a Cox model, unless the events do not carry it.

    Parameters
    ----------
    tally, time, event, entry
        As for `tallystats.survival.curves.kaplan_meier`.
    terms : sequence of str
        Boolean, numeric or categorical columns (indicators against the first level in use).
    strata : str or sequence of str
        Columns each of whose patterns has a baseline hazard of its own.
    robust : bool or str
        Whether the variance is robust against a wrong model; a column (a hospital, say), also against patients of its
        levels being alike.
    confidence_level : float
    events_per_column : float
        Fewer events for each estimated column are refused.

    Returns
    -------
    CoxFit
        With `refused` set when nobody has the event, no term varies, there are too few events, the partial likelihood is
        monotone (a combination of the terms is highest in whoever has the event, each time) or flat, the fit does not
        converge, or there are no more clusters than columns.

    Raises
    ------
    ValueError
        As `tallystats.regression.design.make_design` and `tallystats.survival.lifetable.life_table`; when a column of
        the strata or clusters is not there.

    Notes
    -----
    Fewer than 5 events for each column are refused: simulations found estimates and intervals often wrong with 2 to 4,
    seldom from 5 on [1]_. That is a floor, not a licence. One entry time for all changes nothing here: nobody leaves
    before it, so that everybody is at risk at every event.

    Efron's weights are no frequencies, so the tally is expanded to rows. The test of proportional hazards is the score
    test of term x rank of time [2]_; with few events a large P says little. R: ``coxph(Surv(time, event) ~ terms)`` and
    ``cox.zph(fit, "rank", terms = FALSE)`` of survival 3.0 and later; before, cox.zph was an approximation to it. SPSS:
    COXREG, whose ties are Breslow's.

    The robust variance is the sandwich of score residuals, summed within clusters [3]_, with no correction for few: with
    fewer than some 30 clusters it is too small. R: ``coxph(Surv(time, event) ~ terms + strata(strata), cluster = cluster)``.

    References
    ----------
    .. [1] Vittinghoff E, McCulloch CE. Relaxing the rule of ten events per variable in logistic and Cox regression. Am J
       Epidemiol 2007; 165: 710-718.
    .. [2] Grambsch PM, Therneau TM. Proportional hazards tests and diagnostics based on weighted residuals. Biometrika
       1994; 81: 515-526.
    .. [3] Lin DY, Wei LJ. The robust inference for the Cox proportional hazards model. J Am Stat Assoc 1989; 84:
       1074-1078.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"days": [5.0, 8, 12, 20, 3, 4, 9, 10, 15, 30], "died": [True] * 3 + [False] + [True] * 6,
    ...                      "cement": [False] * 5 + [True] * 5})
    >>> fit = cox_regression(Tally.from_rows(rows), time="days", event="died", terms=["cement"])
    >>> round(float(fit.frame.loc[0, "hazard_ratio"]), 4), round(fit.p_values[0], 4), round(fit.ph_p_values[0], 4)
    (0.7504, 0.6874, 0.4657)
    >>> cox_regression(Tally.from_rows(rows), time="days", event="died", terms=["cement"], events_per_column=10).refused
    '9 events for 1 estimated column; at least 10 for each are needed'
    """
    require_confidence_level(confidence_level)
    late = isinstance(entry, str)
    strata = [strata] if isinstance(strata, str) else list(strata)
    event_table(tally, time, event, entry)  # refuses columns and times that cannot be
    cluster = [robust] if isinstance(robust, str) else []
    for argument, name in [*(("strata", name) for name in strata), *(("robust", name) for name in cluster)]:
        coded(tally, name, argument)
    where = [time, *([entry] if late else []), *strata, *cluster]
    design = make_design(tally, outcome=event, terms=terms, complete_on=where)
    method = "Cox, Efron's ties" + (f", stratified by {', '.join(strata)}" if strata else "")
    if robust:
        method += ", robust variance" + (f" by {robust}" if cluster else "")
    known = {
        "confidence_level": confidence_level,
        "dropped": design.dropped,
        "n": design.total,
        "events": design.events,
        "n_missing": design.n_missing,
        "provenance": tally.provenance,
        "method": f"{method}, Wald",
    }
    if refused := refusal(design, events_per_column):
        return CoxFit(refused=refused, **known)
    each = np.repeat(np.arange(len(design.n)), design.n.astype(int))
    rows = risk_rows(tally, design, [event, *terms, *where], each, time, entry if late else None, strata)
    if flat := flatness(rows, design.columns):
        return CoxFit(refused=flat, **known)
    fitter, failure = _fit(rows, late, 1 - confidence_level)
    if not failure and not is_maximum(rows, fitter.params_.to_numpy()):
        failure = "the fit did not converge"
    if failure or np.ptp(rows.x @ fitter.params_.to_numpy()) > FAR:
        failure = lack_of_maximum(rows, design.columns) or failure
    clusters = np.arange(len(each))
    if cluster:
        clusters = coded(tally.complete([event, *terms, *where]), robust)[1][each]
    clusters = np.unique(clusters, return_inverse=True)[1]
    if not failure and robust and clusters.max() < len(design.columns):
        failure = f"{clusters.max() + 1} clusters for {len(design.columns)} columns; a robust variance needs more clusters"
    if failure:
        return CoxFit(refused=failure, **known)
    numbers, variance = _numbers(fitter, rows, design.columns), fitter.variance_matrix_.to_numpy()
    if robust:
        changed, variance = _robust(rows, fitter, clusters, confidence_level)
        numbers |= changed
    beta = fitter.params_.to_numpy()
    numbers["tests"] = model_tests(rows, beta, numbers["log_likelihood"], variance)
    numbers["concordance"], numbers["concordance_std_error"] = concordance(rows, rows.x @ beta, clusters if robust else None)
    untested = [name for name, chi_square in zip(design.columns, numbers["ph_statistics"], strict=True) if np.isnan(chi_square)]
    untested = untested or ["all columns at once"] * bool(np.isnan(numbers["ph_global_statistic"]))
    warn_undefined(
        f"proportional hazards of {', '.join(untested)}", "those at risk differ at too few event times" if untested else None
    )
    return CoxFit(refused=None, terms=design.columns, **numbers, **known)


def risk_rows(
    tally: Tally,
    design: Design,
    complete_on: Sequence[str],
    each: np.ndarray,
    time: str,
    entry: str | None,
    strata: Sequence[str],
) -> RiskRows:
    """Return one row a patient: `each` says which complete pattern of the tally shows them."""
    frame = tally.complete(complete_on).frame
    stratum = frame.groupby(list(strata), observed=True).ngroup().to_numpy()[each] if strata else None
    return RiskRows(
        x=design.x[each, 1:],
        exit=frame[time].to_numpy(dtype=float)[each],
        event=design.y[each] == 1,
        entry=np.full(len(each), -np.inf) if entry is None else frame[entry].to_numpy(dtype=float)[each],
        stratum=stratum,
    )


def refusal(design: Design, events_per_column: float) -> str | None:
    columns = len(design.columns)
    if not design.events:
        return "nobody has the event"
    if not columns:
        return "no term varies among the complete patients"
    if design.events < events_per_column * columns:
        return (
            f"{design.events} events for {columns} estimated column{'s' * (columns > 1)}; "
            f"at least {events_per_column:g} for each are needed"
        )
    for k, name in enumerate(design.columns, start=1):
        column = design.x[:, k]
        if len(set(column.tolist())) == 2 and len(set(column[design.y == 1].tolist())) == 1:
            return f"monotone likelihood: every event has the same value of {name}"
    return None


def _fit(rows: RiskRows, late: bool, alpha: float) -> tuple[CoxPHFitter, str | None]:
    """Fit by lifelines; return its fitter and, if it gave up, that it did."""
    from lifelines import CoxPHFitter
    from lifelines.exceptions import ConvergenceError

    names = [f"x{k}" for k in range(rows.x.shape[1])]  # a formula would read a level's name
    frame = pd.DataFrame(rows.x, columns=names).assign(time=rows.exit, event=rows.event)
    if late:
        frame["entry"] = rows.entry
    if rows.stratum is not None:
        frame["stratum"] = rows.stratum
    # Its rule for the relative change of the likelihood would stop at seven digits.
    tight = {"precision": 1e-16, "r_precision": 0.0, "max_steps": 500}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # it guesses at separation; `lack_of_maximum` decides
        for step in STEPS:
            fitter = CoxPHFitter(alpha=alpha)
            try:
                fitter.fit(
                    frame,
                    "time",
                    "event",
                    entry_col="entry" if late else None,
                    strata=None if rows.stratum is None else ["stratum"],
                    fit_options={**tight, "step_size": step},
                )
            except (ConvergenceError, ArithmeticError, np.linalg.LinAlgError) as error:
                failure = f"the fit did not converge ({type(error).__name__})"
            else:
                return fitter, None
    return fitter, failure


def _robust(
    rows: RiskRows, fitter: CoxPHFitter, clusters: np.ndarray, confidence_level: float
) -> tuple[dict[str, Any], np.ndarray]:
    """Return the numbers that a robust variance changes, and that variance."""
    from scipy.stats import norm

    beta = fitter.params_.to_numpy()
    summed = np.zeros((clusters.max() + 1, len(beta)))
    np.add.at(summed, clusters, score_residuals(rows, beta))
    moved = summed @ fitter.variance_matrix_.to_numpy()
    error, z = np.sqrt((moved**2).sum(axis=0)), norm.isf((1 - confidence_level) / 2)
    columns = {
        "std_errors": error,
        "statistics": beta / error,
        "p_values": 2 * norm.sf(np.abs(beta / error)),
        "conf_low": beta - z * error,
        "conf_high": beta + z * error,
    }
    numbers = {name: tuple(values.tolist()) for name, values in columns.items()}
    return {**numbers, "clusters": len(summed)}, moved.T @ moved


def _numbers(fitter: CoxPHFitter, rows: RiskRows, columns: tuple[str, ...]) -> dict[str, Any]:
    from scipy.stats import chi2

    summary, beta = fitter.summary, fitter.params_.to_numpy()
    low, high = (name for name in summary.columns if name.startswith("coef "))
    names = {
        "estimates": "coef",
        "std_errors": "se(coef)",
        "statistics": "z",
        "p_values": "p",
        "conf_low": low,
        "conf_high": high,
    }
    tests, together = proportional_hazards(rows, beta)
    return {
        **{name: tuple(summary[column].tolist()) for name, column in names.items()},
        "model_std_errors": tuple(summary["se(coef)"].tolist()),
        "covariance": tuple(map(tuple, fitter.variance_matrix_.to_numpy().tolist())),
        "ph_statistics": tuple(tests.tolist()),
        "ph_p_values": tuple(chi2.sf(tests, 1).tolist()),
        "ph_global_statistic": together,
        "ph_global_p_value": float(chi2.sf(together, len(tests))),
        "log_likelihood": float(fitter.log_likelihood_),
        "residuals": schoenfeld(rows, beta, columns),
    }
