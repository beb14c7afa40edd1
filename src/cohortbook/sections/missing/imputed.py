"""The study file's regressions with missing values imputed: which variables, from what, and what the data sets pool to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from cohortbook.sections.comparison.analysis import protected, with_unit
from cohortbook.sections.model.models import ModelStudy
from cohortbook.sections.survival.competing import competing_tally
from cohortbook.sections.survival.hazards import CoxStudy
from studyfile.cohort.cohort import Cohort
from studyfile.cohort.values import derive
from studyfile.privacy.guard import withheld
from studyfile.study.schema import MissingData
from studyfile.study.study import Study
from tallystats.missing.chained import Imputation, ImputationError, Passive, impute
from tallystats.missing.pooled import PooledFit, pooled_cox, pooled_logistic
from tallystats.regression.design import with_references
from tallystats.results import NotPlanned, Result, quiet, result
from tallystats.survival.lifetable import LifeTable, event_table
from tallystats.tally import Tally, weakest

#: Columns of the imputation model of survival that are no variables: cumulative hazards.
HAZARD = "cumulative hazard"


@result(eq=False)
class ImputedFit:
    """A regression of imputed data sets, with the imputation that it rests on.

    Attributes
    ----------
    label : str
        What is modelled.
    fit : PooledFit
    imputation : Imputation
    left_out : int
        Patients whose survival or event is not known: these are never imputed.
    complete : int
        Patients who lack nothing that the model needs.
    """

    label: str
    fit: PooledFit
    imputation: Imputation
    left_out: int
    complete: int


@result(eq=False)
class ImputedModel(Result):
    """The planned logistic model with missing values imputed, beside the one of complete patients.

    Attributes
    ----------
    study : ModelStudy
        The model of complete patients.
    whole : ImputedFit
        All candidates together.
    univariable : dict
        Term -> pooled fit of it alone.
    plan : MissingData
    labels : dict
        Variable and column -> label.
    """

    study: ModelStudy
    whole: ImputedFit
    univariable: dict[str, PooledFit]
    plan: MissingData
    labels: dict[str, str]
    unit: str
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """The pooled coefficients, one row a column, of the model and of each term alone."""
        alone = [fit.frame.assign(model="alone") for fit in self.univariable.values()]
        return pd.concat([self.whole.fit.frame.assign(model="all candidates"), *alone], ignore_index=True)


@result(eq=False)
class ImputedCox(Result):
    """The planned Cox models with missing values imputed, beside those of complete patients."""

    study: CoxStudy
    models: tuple[ImputedFit, ...]
    plan: MissingData
    labels: dict[str, str]
    unit: str
    confidence_level: float
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """The pooled coefficients, one row a model and column."""
        return pd.concat([one.fit.frame.assign(outcome=one.label) for one in self.models], ignore_index=True)


def _parents(study: Study, name: str, asked: Sequence[str]) -> tuple[str, ...]:
    """Return what is imputed for a variable: itself where it is recorded, else what it is made from.

    A span of days is imputed itself, and so are levels put together from a recorded variable that nobody asks for: its many
    levels would only cost parameters.
    """
    if name in study.file.variables or study[name].rule == "days_between":
        return (name,)
    if study[name].rule in ("recode", "member") and not set(study.bases(name)) & set(asked):
        return (name,)
    found = [_parents(study, parent, asked) for parent in study[name].parents]
    return tuple(dict.fromkeys(one for parents in found for one in parents))


def _atoms(study: Study, names: Sequence[str]) -> tuple[str, ...]:
    """Return what is imputed for some variables, each once."""
    return tuple(dict.fromkeys(one for name in names for one in _parents(study, name, names)))


def _passive(study: Study, names: Sequence[str]) -> dict[str, Passive]:
    """Return how each variable that is not imputed itself is made."""
    parents = {name: _parents(study, name, names) for name in names}
    return {name: Passive(of, _maker(study, name, of)) for name, of in parents.items() if of != (name,)}


def _maker(study: Study, name: str, parents: Sequence[str]) -> Callable[[pd.DataFrame], pd.Series]:
    """Return what makes a variable of its parents: on their distinct patterns, which are few beside the patients."""

    def make(frame: pd.DataFrame) -> pd.Series:
        patterns = frame.groupby(list(parents), sort=False, observed=True).ngroup()
        distinct = frame[~patterns.duplicated()].assign(n=1)
        return derive(study, distinct, [name])[name].take(patterns.to_numpy()).set_axis(frame.index)

    return make


def _imputed(cohort: Cohort, tally: Tally, names: Sequence[str], carried: Sequence[str], wanted: Sequence[str]) -> Imputation:
    """Impute by the plan: the tally holds what is imputed and what helps, `names` all variables of the analysis."""
    study, plan = cohort.study, cohort.study.file.missing_data
    ordered = [name for name in tally.columns if name in study.names and study.kind(name) == "ordered"]
    return impute(
        tally,
        wanted=wanted,
        passive=_passive(study, names),
        ordered=ordered,
        carried=carried,
        imputations=plan.imputations,
        iterations=plan.iterations,
        seed=plan.seed,
    )


def _nothing_to_do(cohort: Cohort, names: Sequence[str], what: str) -> NotPlanned | None:
    """Say why nothing is imputed: nothing is missing, or it is not planned."""
    unit, plan = cohort.study.file.study.unit, cohort.study.file.missing_data
    tally = cohort.tally(*dict.fromkeys(names))
    complete = tally.complete().total
    if complete == tally.total:
        return NotPlanned(f"No {unit} lacks a value that {what} needs: there is nothing to impute.")
    if plan is None or plan.method == "complete":
        if cohort.suppress_below:
            return NotPlanned("Values are missing; the study file plans no imputation (`missing_data: {method: imputation}`).")
        return NotPlanned(
            f"{what[:1].upper()}{what[1:]} rests on the {complete} of {tally.total} {unit}s who have all its values; the study "
            f"file plans no imputation (`missing_data: {{method: imputation}}`)."
        )
    return None


def _labels(cohort: Cohort, names: Sequence[str], terms: Sequence[str], columns: Sequence[str]) -> dict[str, str]:
    """Label variables, and the columns of a model, as the models of complete patients do."""
    labels = {name: with_unit(cohort, name) for name in names}
    for term in terms:
        for column in columns:
            if column.startswith(f"{term}: "):
                labels[column] = f"{cohort.study.label(term)}: {column.removeprefix(f'{term}: ')}"
    return labels


def _not_imputed(cohort: Cohort, error: Exception) -> NotPlanned:
    """Say why values were not imputed; the reason counts patients, which may be too few to show."""
    return withheld() if cohort.suppress_below else NotPlanned(f"Missing values were not imputed: {error}.")


@protected
@quiet()
def imputed_model(
    cohort: Cohort, model: ModelStudy | NotPlanned, *, confidence_level: float = 0.95
) -> ImputedModel | NotPlanned:
    """Fit the planned logistic model, and each candidate alone, in imputed data sets, and pool them.

    Parameters
    ----------
    cohort : Cohort
    model : ModelStudy or NotPlanned
        The model of complete patients, whose candidates are taken: they are not chosen again.
    confidence_level : float

    Returns
    -------
    ImputedModel or NotPlanned
        NotPlanned where nothing is missing, imputation is not planned, or the values cannot be imputed: why.

    Notes
    -----
    The imputation model holds the outcome, all candidates and the auxiliary variables of the study file. Bands and changes
    are made from what is imputed; spans of days, and levels put together from a variable that the model does not hold, are
    imputed themselves. Missing outcomes are imputed as well.
    """
    if not model:
        return model
    study, plan = cohort.study, cohort.study.file.missing_data
    outcome, terms = model.plan.outcome, model.screening.candidates
    if (why := _nothing_to_do(cohort, [outcome, *terms], "the logistic model")) is not None:
        return why
    names = [outcome, *terms, *plan.auxiliary]
    tally = cohort.tally(*_atoms(study, names))
    try:
        imputation = _imputed(cohort, tally, names, (), [outcome, *terms])
    except ImputationError as error:
        return _not_imputed(cohort, error)
    options = {"outcome": outcome, "confidence_level": confidence_level}
    pooled = pooled_logistic(imputation.tallies, terms=terms, **options)
    return ImputedModel(
        study=model,
        plan=plan,
        unit=study.file.study.unit,
        whole=ImputedFit(label=model.outcome_label, fit=pooled, imputation=imputation, left_out=0, complete=model.full.n),
        univariable={term: pooled_logistic(imputation.tallies, terms=[term], **options) for term in terms},
        labels=_labels(cohort, (*tally.columns, *names), terms, pooled.terms) | model.labels,
        provenance=model.provenance,
    )


@protected
@quiet()
def imputed_cox(cohort: Cohort, cox: CoxStudy | NotPlanned, *, confidence_level: float = 0.95) -> ImputedCox | NotPlanned:
    """Fit the planned Cox models in imputed data sets, and pool them.

    Parameters
    ----------
    cohort : Cohort
    cox : CoxStudy or NotPlanned
        The models of complete patients.
    confidence_level : float

    Returns
    -------
    ImputedCox or NotPlanned
        As `imputed_model`.

    Notes
    -----
    The imputation model holds the event and, for the time, the cumulative hazard at it (Nelson and Aalen's, from entry on)
    [1]_; of competing events the cause and both hazards. Times and events that are missing are not imputed.

    References
    ----------
    .. [1] White IR, Royston P. Imputing missing covariate values for the Cox model. Stat Med 2009; 28: 1982-1998.
    """
    if not cox:
        return cox
    study, plan = cohort.study, cohort.study.plan("survival")
    if plan.cox_strata or plan.cluster:
        return NotPlanned(
            "No imputed Cox model is fitted: none heeds the strata or clusters that are planned for the Cox model."
        )
    late = [plan.entry] if isinstance(plan.entry, str) else []
    if (why := _nothing_to_do(cohort, [plan.time, plan.event, *late, *plan.cox], "the Cox model")) is not None:
        return why
    missing_data = study.file.missing_data
    names = list(dict.fromkeys([*plan.cox, *missing_data.auxiliary]))
    atoms = [name for name in _atoms(study, names) if name not in (plan.time, plan.event, *late)]
    found = []
    try:
        tally = cohort.tally(*dict.fromkeys([plan.time, plan.event, *late, *atoms]))
        found.append(_imputed_cox(cohort, plan.label, tally, plan.time, [plan.event], late, names, confidence_level))
        if plan.competing:
            counts = competing_tally(cohort, *atoms)
            causes = {
                cause: (counts.frame["cause"] == cause).astype("boolean").mask(counts.frame["cause"].isna())
                for cause in counts.frame["cause"].cat.categories[1:]
            }
            events = {f"had {k}": column for k, column in enumerate(causes.values())}
            counts = Tally(counts.frame.drop(columns="cause").assign(**events), counts.provenance)
            found.append(
                _imputed_cox(
                    cohort,
                    f"{plan.competing.label}, cause-specific",
                    counts,
                    "time",
                    list(events),
                    late,
                    names,
                    confidence_level,
                )
            )
    except ImputationError as error:
        return _not_imputed(cohort, error)
    return ImputedCox(
        study=cox,
        models=tuple(found),
        plan=missing_data,
        unit=study.file.study.unit,
        confidence_level=confidence_level,
        labels=_labels(cohort, (*atoms, *names), plan.cox, [c for one in found for c in one.fit.terms]) | cox.labels,
        provenance=weakest([one.imputation.provenance for one in found]),
    )


def _imputed_cox(
    cohort: Cohort,
    label: str,
    tally: Tally,
    time: str,
    events: Sequence[str],
    late: Sequence[str],
    names: Sequence[str],
    confidence_level: float,
) -> ImputedFit:
    """Impute the terms of a Cox model of the first of some events, and pool its fits."""
    cox = cohort.study.plan("survival").cox
    known = tally.complete([time, *late, *events])
    entry = late[0] if late else None
    hazards = {f"{HAZARD} {k}": _hazard(event_table(known, time, event, entry)) for k, event in enumerate(events)}
    imputation = _imputed(
        cohort, Tally(known.frame.assign(**hazards), tally.provenance), names, [time], [time, events[0], *late, *cox]
    )
    tallies = [with_references(one, cohort.study.plan("survival").references) for one in imputation.tallies]
    fit = pooled_cox(tallies, time=time, event=events[0], terms=cox, entry=entry, confidence_level=confidence_level)
    everything = [time, *late, *events, *(n for n in _atoms(cohort.study, cox) if n in tally.columns)]
    return ImputedFit(
        label=label,
        fit=fit,
        imputation=imputation,
        left_out=tally.total - known.total,
        complete=tally.complete(everything).total,
    )


def _hazard(table: LifeTable) -> np.ndarray:
    """Return each pattern's cumulative hazard between its entry and its exit, by Nelson and Aalen's estimate."""
    risen = np.concatenate([[0.0], (table.events[:, 0] / table.n_risk).cumsum()])
    before, until = (np.searchsorted(table.times, moment, side="right") for moment in (table.entry, table.exit))
    return risen[until] - risen[before]
