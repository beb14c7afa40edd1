"""The study file's models of hazards: Cox regression of survival, and both kinds of regression of competing events."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from cohortbook.sections.comparison.analysis import not_planned, protected, with_unit
from cohortbook.sections.survival.competing import competing_causes, competing_tally, late_entry, marked
from studyfile.cohort.cohort import Cohort
from studyfile.study.schema import Survival
from tallystats.regression.design import with_references
from tallystats.results import NotPlanned, Result, lower_first, quiet, result
from tallystats.survival.cox import CoxFit, cox_regression
from tallystats.survival.cox_firth import FirthCoxFit, firth_cox
from tallystats.survival.fine_gray import FineGrayFit, fine_gray
from tallystats.tally import Tally

if TYPE_CHECKING:
    Fit = CoxFit | FirthCoxFit | FineGrayFit


@result
class CoxStudy(Result):
    """The planned Cox model of survival.

    Attributes
    ----------
    plan : Survival
    fit : CoxFit
        May be refused.
    firth : FirthCoxFit or None
        The same model by Firth's method where `fit` is refused although there are events.
    labels : dict
        Column -> what tables call it.
    strata, cluster : str
        Labels; empty where none are planned.
    cause_specific : tuple of (str, CoxFit)
        The Cox model of the competing event's own hazard, where one is planned: what imputed models are set beside.
    """

    plan: Survival
    fit: CoxFit
    firth: FirthCoxFit | None
    labels: dict[str, str]
    strata: str
    cluster: str
    provenance: str
    cause_specific: tuple[tuple[str, CoxFit], ...] = ()

    @property
    def models(self) -> tuple[tuple[str, CoxFit], ...]:
        """Name and fit of each Cox model of complete patients."""
        return ((self.plan.label, self.fit), *self.cause_specific)

    @property
    def shown(self) -> CoxFit | FirthCoxFit:
        """The fit that has estimates, if one has."""
        return self.firth if self.fit.refused and self.firth else self.fit

    @property
    def frame(self) -> pd.DataFrame:
        """The model's coefficients, one row a column; a refused model gives a row with its reason."""
        return _frame([(self.plan.label, fit) for fit in (self.fit, self.firth) if fit])


@result
class CauseModels:
    """One cause, modelled in both ways.

    Attributes
    ----------
    cause : str
    own : CoxFit
        Cox regression of the cause's own hazard, other causes ending the observation.
    firth : FirthCoxFit or None
        The same by Firth's method where `own` is refused although there are events.
    sub : FineGrayFit
        Fine and Gray's regression of the hazard of the subdistribution, thus of the cumulative incidence.
    """

    cause: str
    own: CoxFit
    firth: FirthCoxFit | None
    sub: FineGrayFit


@result
class CompetingModels(Result):
    """The models of each of the competing events, side by side."""

    plan: Survival
    causes: tuple[CauseModels, ...]
    labels: dict[str, str]
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """The coefficients of all models, one row a cause, model and column."""
        return _frame([(one.cause, fit) for one in self.causes for fit in (one.own, one.firth, one.sub) if fit])


def _frame(fits: Iterable[tuple[str, Fit]]) -> pd.DataFrame:
    frames = [
        fit.frame.assign(outcome=name)
        if not fit.refused
        else pd.DataFrame([{"outcome": name, "refused": fit.refused, "n": fit.n, "events": fit.events, "method": fit.method}])
        for name, fit in fits
    ]
    return pd.concat(frames, ignore_index=True)


@protected
@quiet()
def study_cox(cohort: Cohort, *, confidence_level: float = 0.95) -> CoxStudy | NotPlanned:
    """Fit the planned Cox model of survival, or refuse it and fit it by Firth's method.

    Parameters
    ----------
    cohort : Cohort
    confidence_level : float
    """
    plan, study = cohort.study.plan("survival"), cohort.study
    if not plan.cox:
        return not_planned("Cox model")
    late = late_entry(cohort)
    others = [late, *plan.cox_strata, plan.cluster]
    tally = cohort.tally(*dict.fromkeys([plan.time, plan.event, *filter(None, others), *plan.cox]))
    tally = with_references(tally, plan.references)
    options = {
        "time": plan.time,
        "event": plan.event,
        "terms": plan.cox,
        "entry": late,
        "strata": plan.cox_strata,
        "confidence_level": confidence_level,
    }
    fit = _in_words(cohort, cox_regression(tally, **options, robust=plan.cluster or False))
    firth = _in_words(cohort, _firth(fit, tally, **options))
    own = ()
    if plan.competing:
        counts = with_references(competing_tally(cohort, *plan.cox), plan.references)
        where = {"time": "time", "event": "event", "terms": plan.cox, "entry": late, "confidence_level": confidence_level}
        fitted = cox_regression(marked(counts, plan.competing.label), **where)
        own = ((f"{plan.competing.label}, cause-specific", _in_words(cohort, fitted)),)
    return CoxStudy(
        plan=plan,
        fit=fit,
        firth=firth,
        labels=_labels(cohort, [fit, firth, *(one for _, one in own)]),
        cause_specific=own,
        strata=", ".join(map(study.label, plan.cox_strata)),
        cluster=study.label(plan.cluster) if plan.cluster else "",
        provenance=tally.provenance,
    )


@protected
@quiet()
def study_competing_models(cohort: Cohort, *, confidence_level: float = 0.95) -> CompetingModels | NotPlanned:
    """Model each of the competing events by its own hazard and by its cumulative incidence, or refuse.

    Parameters
    ----------
    cohort : Cohort
    confidence_level : float

    Notes
    -----
    With the terms of the Cox model. One says how a term acts on those still free of any event, the other how it moves the
    share that comes to have this one: both are needed.
    """
    plan = cohort.study.plan("survival")
    if not plan.competing:
        return not_planned("competing event")
    if not plan.cox:
        return not_planned("models of the competing events")
    tally = with_references(competing_tally(cohort, *plan.cox), plan.references)
    late, found = late_entry(cohort), []
    options = {"terms": plan.cox, "entry": late, "confidence_level": confidence_level}
    for cause in competing_causes(cohort):
        counts, where = marked(tally, cause), {"time": "time", "event": "event", **options}
        own = cox_regression(counts, **where)
        sub = fine_gray(tally, time="time", cause="cause", of=cause, weights="finegray" if late else "crr", **options)
        fits = (own, _firth(own, counts, **where), sub)
        own, firth, sub = (_in_words(cohort, fit) for fit in fits)
        found.append(CauseModels(cause=cause, own=own, firth=firth, sub=sub))
    fits = [fit for one in found for fit in (one.own, one.firth, one.sub)]
    return CompetingModels(plan=plan, causes=tuple(found), labels=_labels(cohort, fits), provenance=tally.provenance)


def _firth(fit: CoxFit, tally: Tally, **options: object) -> FirthCoxFit | None:
    return firth_cox(tally, **options) if fit.refused and fit.events else None


def _in_words(cohort: Cohort, fit: Fit | None) -> Fit | None:
    """Call variables by their labels where a model says why it was refused."""
    if fit is None or not fit.refused:
        return fit
    said = fit.refused
    for name in sorted(cohort.study.plan("survival").cox, key=len, reverse=True):
        said = re.sub(rf"\b{re.escape(name)}\b", lower_first(cohort.study.label(name)), said)
    return replace(fit, refused=said)


def _labels(cohort: Cohort, fits: Iterable[Fit | None]) -> dict[str, str]:
    labels = {}
    for column in (column for fit in fits if fit for column in fit.terms):
        name, _, level = column.partition(": ")
        labels[column] = f"{cohort.study.label(name)}: {level}" if level else with_unit(cohort, name)
    return labels
