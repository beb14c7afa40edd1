"""What a planned model is worth: its selection repeated, its predictions held against what happened."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pandas as pd

from cohortbook.sections.model.models import ModelStudy
from studyfile.cache import cached
from studyfile.privacy.guard import NO_RULE, withheld
from studyfile.progress import Progress
from tallystats.regression.collinearity import Inflation, variance_inflation
from tallystats.regression.design import make_design
from tallystats.regression.logistic import LogisticFit
from tallystats.regression.performance import (
    Concordance,
    HosmerLemeshow,
    ModelCalibration,
    calibration,
    concordance,
    hosmer_lemeshow,
    predictions,
    pseudo_r2,
)
from tallystats.regression.stability import Stability, selection_stability
from tallystats.regression.validation import Optimism, bootstrap_optimism
from tallystats.results import NotPlanned, Result, quiet, result

#: Events for each estimated coefficient that rules of thumb ask for (Peduzzi 1996; Vittinghoff and McCulloch 2007).
RULE_OF_TEN, RULE_OF_FIVE = 10, 5


@result
class StabilityStudy(Result):
    """The planned selection, repeated.

    Attributes
    ----------
    model : ModelStudy
    stability : Stability
    """

    model: ModelStudy
    stability: Stability
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a candidate."""
        return self.stability.frame


@result
class Worth:
    """How well one model fits, and how much of that is its own data.

    Attributes
    ----------
    name : str
        "All candidates" or "Selected".
    terms : tuple of str
    fit : LogisticFit
    cox_snell, nagelkerke : float
    concordance : Concordance
    hosmer_lemeshow : HosmerLemeshow
    calibration : Calibration
    inflation : Inflation
    optimism : Optimism
        Of the selected model with the selection repeated in every resample.
    """

    name: str
    terms: tuple[str, ...]
    fit: LogisticFit
    cox_snell: float
    nagelkerke: float
    concordance: Concordance
    hosmer_lemeshow: HosmerLemeshow
    calibration: ModelCalibration
    inflation: Inflation
    optimism: Optimism

    @property
    def shrinkage(self) -> float:
        """By what the effects would have to be multiplied to hold for other patients: (chi-square - df) / chi-square.

        Notes
        -----
        van Houwelingen JC, le Cessie S. Predictive value of statistical models. Stat Med 1990; 9: 1303-1325.
        """
        chi, df, _ = self.fit.likelihood_ratio
        return (chi - df) / chi if chi > 0 else float("nan")


@result
class PerformanceStudy(Result):
    """Performance of the model of all candidates, and of the selected one where it is another.

    Attributes
    ----------
    model : ModelStudy
    parts : tuple of Worth
    """

    model: ModelStudy
    parts: tuple[Worth, ...]
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a model and measure: `estimate` corrected for optimism, `apparent`."""
        frames = [part.optimism.frame.assign(model=part.name) for part in self.parts]
        return pd.concat(frames, ignore_index=True)


@quiet()
def model_stability(model: ModelStudy | NotPlanned, *, resamples: int = 500, seed: int = 1) -> StabilityStudy | NotPlanned:
    """Repeat the planned selection in resampled patients, and without each patient in turn.

    Parameters
    ----------
    model : ModelStudy or NotPlanned
        What `study_model` returns.
    resamples : int
        Bootstrap samples; 0 for none.
    seed : int

    Returns
    -------
    StabilityStudy or NotPlanned
        NotPlanned when there is no model, or the plan selects nothing.
    """
    if not model:
        return model
    if model.tally is None:
        return withheld(NO_RULE)
    if model.selection.method == "enter":
        return NotPlanned("The plan enters all candidates at once: no selection can be unstable.")
    if not resamples:
        return NotPlanned("No resamples were asked for.")

    def make(step: Any) -> Stability:
        return selection_stability(model.tally, model.selection, resamples=resamples, seed=seed, on_progress=step)

    total = resamples + int((model.tally.complete().frame["n"] > 0).sum())
    stability = Stability(**_kept("stability", model, f"{resamples} {seed}", total, "selection repeated", make))
    return StabilityStudy(model=model, stability=stability, provenance=model.provenance)


@quiet()
def model_performance(model: ModelStudy | NotPlanned, *, resamples: int = 200, seed: int = 1) -> PerformanceStudy | NotPlanned:
    """Measure the model of all candidates, and the selected one, and correct both for optimism.

    Parameters
    ----------
    model : ModelStudy or NotPlanned
        What `study_model` returns.
    resamples : int
        Bootstrap samples; 0 for none.
    seed : int

    Returns
    -------
    PerformanceStudy or NotPlanned
    """
    if not model:
        return model
    if model.tally is None:
        return withheld(NO_RULE)
    if not resamples:
        return NotPlanned("No resamples were asked for.")
    if not model.full.blocks:
        return NotPlanned("No candidate varies: there is nothing to measure.")
    chosen, everything = model.selection, tuple(model.full.blocks)
    parts = [_worth(model, "All candidates", everything, model.full, None, resamples, seed)]
    if chosen.selected and set(chosen.selected) != set(everything):
        fit = chosen.steps[-1].model
        parts.append(_worth(model, "Selected", chosen.selected, fit, chosen, resamples, seed))
    return PerformanceStudy(model=model, parts=tuple(parts), provenance=model.provenance)


def _worth(
    model: ModelStudy, name: str, terms: tuple[str, ...], fit: LogisticFit, selection: Any, resamples: int, seed: int
) -> Worth:
    outcome, candidates = model.plan.outcome, model.screening.candidates
    complete = model.tally.complete([outcome, *candidates])
    design = make_design(complete, outcome=outcome, terms=terms)
    predicted = predictions(complete, design, fit.estimates, outcome=outcome)
    cox_snell, nagelkerke = pseudo_r2(fit.log_likelihood, fit.null_log_likelihood, fit.n)
    where = {"outcome": outcome, "prediction": "prediction"}

    def make(step: Any) -> Optimism:
        if selection is not None:
            return bootstrap_optimism(
                model.tally, outcome=outcome, selection=selection, resamples=resamples, seed=seed, on_progress=step
            )
        return bootstrap_optimism(
            model.tally,
            outcome=outcome,
            terms=candidates,
            resamples=resamples,
            seed=seed,
            max_iterations=model.plan.max_iterations,
            on_progress=step,
        )

    kept = _kept("optimism", model, f"{name} {terms} {resamples} {seed}", resamples, f"optimism, {name.lower()}", make)
    return Worth(
        name=name,
        terms=terms,
        fit=fit,
        cox_snell=float(cox_snell),
        nagelkerke=float(nagelkerke),
        concordance=concordance(predicted, **where, confidence_level=fit.confidence_level),
        hosmer_lemeshow=hosmer_lemeshow(predicted, **where),
        calibration=calibration(predicted, **where),
        inflation=variance_inflation(complete, outcome=outcome, terms=terms),
        optimism=Optimism(**kept),
    )


def _kept(name: str, model: ModelStudy, asked: str, total: int, label: str, make: Any) -> dict[str, Any]:
    """Return the fields of a result that takes a while, from the cache where it was made of the same counts before."""

    def fresh() -> dict[str, Any]:
        with Progress(total, label) as bar:
            return asdict(make(bar.step))

    rules = [
        model.selection.method,
        model.selection.removal_test,
        model.selection.entry,
        model.selection.removal,
        model.plan.max_iterations,
        model.plan.outcome,
        model.screening.candidates,
        model.selection.selected,
    ]
    frame = model.tally.frame
    levels = {c: list(frame[c].cat.categories) for c in frame if hasattr(frame[c], "cat")}
    return _tuples(cached(name, [frame.to_csv(), model.tally.provenance, repr(rules), repr(levels), asked], fresh))


def _tuples(value: Any) -> Any:
    """Give back the tuples that JSON holds as lists."""
    if isinstance(value, dict):
        return {key: _tuples(one) for key, one in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value
