"""Cox regression by lifelines (Efron's ties), its proportional-hazards test, and a refusal where events do not allow it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cohortbook.design import make_design
from cohortbook.results import OneRow, require_confidence_level

if TYPE_CHECKING:
    import pandas as pd

    from cohortbook.tally import Tally

#: Events for each estimated column below which a model is refused: fewer than five bias it beyond use [1]_.
EVENTS_PER_COLUMN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class CoxFit:
    """A Cox model, or why there is none.

    Attributes
    ----------
    refused : str or None
        Why the data do not carry the model; then every tuple is empty.
    terms : tuple of str
        The columns.
    estimates, std_errors, statistics, p_values, conf_low, conf_high : tuple of float
        Log hazard ratio, its standard error, Wald's z and P, Wald's interval.
    ph_statistics, ph_p_values : tuple of float
        Test of proportional hazards: Schoenfeld residuals against the rank of time.
    log_likelihood, concordance : float
    n, events, n_missing : int
    """

    refused: str | None
    terms: tuple[str, ...]
    estimates: tuple[float, ...]
    std_errors: tuple[float, ...]
    statistics: tuple[float, ...]
    p_values: tuple[float, ...]
    conf_low: tuple[float, ...]
    conf_high: tuple[float, ...]
    ph_statistics: tuple[float, ...]
    ph_p_values: tuple[float, ...]
    confidence_level: float
    log_likelihood: float
    concordance: float
    dropped: dict[str, str]
    n: int
    events: int
    n_missing: int
    method: str
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a column, in the tidy vocabulary, with `hazard_ratio` and the proportional-hazards P."""
        import numpy as np
        import pandas as pd

        frame = pd.DataFrame({
            "term": self.terms, "estimate": self.estimates, "std_error": self.std_errors, "statistic": self.statistics,
            "p_value": self.p_values, "conf_low": self.conf_low, "conf_high": self.conf_high,
            "ph_statistic": self.ph_statistics, "ph_p_value": self.ph_p_values,
        })  # fmt: skip
        ratios = np.exp(frame[["estimate", "conf_low", "conf_high"]].astype(float))
        frame[["hazard_ratio", "hazard_ratio_low", "hazard_ratio_high"]] = ratios
        return frame.assign(n=self.n, events=self.events, n_missing=self.n_missing, method=self.method)

    _repr_html_ = OneRow._repr_html_


def cox_regression(
    tally: Tally, *, time: str, event: str, terms: Sequence[str], entry: str | float | None = None,
    confidence_level: float = 0.95, events_per_column: float = EVENTS_PER_COLUMN,
) -> CoxFit:  # fmt: skip
    """Fit a Cox model, unless the events do not carry it.

    Parameters
    ----------
    tally, time, event, entry
        As for `cohortbook.survival.kaplan_meier`.
    terms : sequence of str
        Boolean, numeric or categorical columns (indicators against the first level in use).
    confidence_level : float
    events_per_column : float
        Fewer events for each estimated column are refused.

    Returns
    -------
    CoxFit
        With `refused` set when nobody has the event, no term varies, there are too few events, or the partial
        likelihood is monotone (one value of a term holds all events or none).

    Raises
    ------
    ValueError
        As `cohortbook.design.make_design`; for a negative time, or an exit not after its entry.

    Notes
    -----
    Efron's weights are no frequencies, so the tally is expanded to rows. R: ``coxph(Surv(time, event) ~ terms)`` and
    ``cox.zph(fit, "rank")``; R since survival 3.0 takes a score test for the latter, lifelines the approximation that
    R took before. SPSS: COXREG, whose ties are Breslow's.

    References
    ----------
    .. [1] Vittinghoff E, McCulloch CE. Relaxing the rule of ten events per variable in logistic and Cox regression. Am J
       Epidemiol 2007; 165: 710-8.
    """
    import pandas as pd

    from cohortbook.survival import _event_table

    require_confidence_level(confidence_level)
    design = make_design(tally, outcome=event, terms=terms, complete_on=[time])
    needed = [event, *dict.fromkeys(terms), time, *([entry] if isinstance(entry, str) else [])]
    complete = tally.complete(needed)
    _event_table(complete, time, event, entry)  # refuses times that cannot be
    refused = _refusal(design, events_per_column)
    if refused:
        return _result(tally, design, confidence_level, refused)
    from lifelines import CoxPHFitter
    from lifelines.statistics import proportional_hazard_test

    names = [f"x{k}" for k in range(len(design.columns))]  # a formula would read a level's name
    rows = pd.DataFrame(design.x[:, 1:], columns=names)
    rows = rows.assign(time=complete.frame[time].to_numpy(dtype=float), event=design.y)
    if isinstance(entry, str):
        rows["entry"] = complete.frame[entry].to_numpy(dtype=float)
    rows = rows.loc[rows.index.repeat(design.n.astype(int))].reset_index(drop=True)
    fitter = CoxPHFitter(alpha=1 - confidence_level)
    tight = {"precision": 1e-12, "r_precision": 1e-14, "max_steps": 500}
    try:
        fitter.fit(rows, "time", "event", entry_col="entry" if isinstance(entry, str) else None, fit_options=tight)
        test = proportional_hazard_test(fitter, rows, time_transform="rank").summary
    except Exception as error:  # lifelines raises several kinds when it does not converge
        return _result(tally, design, confidence_level, f"the fit did not converge ({type(error).__name__})")
    return _result(tally, design, confidence_level, None, fitter, test, names)


def _refusal(design, events_per_column: float) -> str | None:
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
    with_event = design.n[design.y == 1] > 0
    for k, name in enumerate(design.columns, start=1):
        column = design.x[:, k]
        hit = column[design.y == 1][with_event]
        if len(set(column.tolist())) == 2 and len(set(hit.tolist())) == 1:
            return f"monotone likelihood: every event has the same value of {name}"
    return None


def _result(tally: Tally, design, level: float, refused: str | None, fitter=None, test=None, names=()) -> CoxFit:
    def values(name: str) -> tuple[float, ...]:
        return tuple(fitter.summary.loc[list(names), name].tolist()) if fitter is not None else ()

    bounds = [name for name in fitter.summary.columns if name.startswith("coef ")] if fitter is not None else ["", ""]
    ph = test.loc[list(names)] if test is not None else None
    return CoxFit(
        refused=refused, terms=design.columns if fitter is not None else (), estimates=values("coef"),
        std_errors=values("se(coef)"), statistics=values("z"), p_values=values("p"), conf_low=values(bounds[0]),
        conf_high=values(bounds[1]), ph_statistics=tuple(ph["test_statistic"].tolist()) if ph is not None else (),
        ph_p_values=tuple(ph["p"].tolist()) if ph is not None else (), confidence_level=level,
        log_likelihood=float(fitter.log_likelihood_) if fitter is not None else float("nan"),
        concordance=float(fitter.concordance_index_) if fitter is not None else float("nan"), dropped=design.dropped,
        n=design.total, events=design.events, n_missing=design.n_missing, method="Cox, Efron's ties, Wald",
        provenance=tally.provenance,
    )  # fmt: skip
