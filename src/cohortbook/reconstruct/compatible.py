"""Cohorts that print what the bundled one prints: what its printed figures leave open is computed in each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cohortbook.audit.audit_patients import has_patients
from cohortbook.cohort.cohort import load_cohort
from cohortbook.printed.published import read_published
from cohortbook.reconstruct.possible import Drawer, FigureSet
from cohortbook.results import Spread
from cohortbook.study.study import load_study

if TYPE_CHECKING:
    from cohortbook.cohort.cohort import Cohort
    from cohortbook.study.study import Study

#: Sections that ask which values of several variables occur together.
JOINT = ("model",)


def compatible_cohorts(
    patients: Cohort, *, section: str, cohorts: int = 100, seed: int = 1, step: Callable[[], None] | None = None
) -> Cohort | Spread:
    """Draw cohorts that print what this one prints, if a section of the plan asks for what is not printed.

    Parameters
    ----------
    patients : Cohort
    section : str
        Of the study file's plan, such as "survival". A model asks for joint counts of its terms, which printed figures do
        not tell even where each term's own are printed.
    cohorts : int
        To be drawn.
    seed : int
        Of the draws.
    step : callable, optional
        Called now and then, to show that work goes on; by default a progress bar shows it.

    Returns
    -------
    Spread of Cohort, or Cohort
        The patients themselves where they are real, or where nothing that the section names is assumed and it is no model.

    Raises
    ------
    ValueError
        When fewer than 2 cohorts are asked for.

    Notes
    -----
    They print every figure but those that the reconstruction leaves out, each recomputed by the statistics of the
    notebooks, and differ as far as they can in what is not printed (`cohortbook.reconstruct.possible`). Ranges over them
    tell what is possible, not what is likely; the true limits may lie beyond. Under a scenario, each is drawn as the study
    is without it, and then loses whom the scenario leaves out.
    """
    from cohortbook.progress import Progress

    if cohorts < 2:
        raise ValueError(f"cohorts: {cohorts}; expected 2 or more")
    study = patients.study
    names = _named(study, study.plan(section).model_dump())
    drawable = study.file.reconstruction and study.file.published and not has_patients(study)
    if not drawable or (study.provenance(*names) != "assumed" and section not in JOINT):
        return patients
    whole = load_study(study.path)
    out = frozenset(one.figure for one in whole.plan("reconstruction").left_out)
    with Progress(None, "cohorts that print the same") as bar:
        told = step or bar.step
        possible = Drawer(whole, read_published(whole), seed, told).possible(FigureSet(name="", out=out))
        drawn = [possible.cohort(number, seed) for number in range(cohorts)]
        if study is not whole:
            drawn = [load_cohort(study, cohort.data) for cohort in drawn]
    if patients.suppress_below:
        drawn = [replace(cohort, suppress_below=patients.suppress_below) for cohort in drawn]
    return Spread(tuple(drawn))


def _named(study: Study, plan: Any) -> Iterator[str]:
    """Yield the variables that a part of the plan names."""
    if isinstance(plan, dict):
        for key, value in plan.items():
            yield from _named(study, key)
            yield from _named(study, value)
    elif isinstance(plan, list | tuple):
        for one in plan:
            yield from _named(study, one)
    elif isinstance(plan, str) and plan in study.names:
        yield plan
