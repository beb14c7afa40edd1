"""One variable compared between groups of one's own choice, whole or stratum by stratum."""

from __future__ import annotations

import pandas as pd

from cohortbook.sections.comparison.analysis import protected, with_unit
from studyfile.cohort.cohort import Cohort
from tallystats.results import Result, quiet, result
from tallystats.statistics.compare import Comparison, compare_variable
from tallystats.statistics.compare_several import TRENDS
from tallystats.statistics.counts import split
from tallystats.tally import Tally


@result
class Stratified(Result):
    """A variable compared between groups, stratum by stratum.

    Attributes
    ----------
    variable, by, strata : str
        Names; `strata` is empty where all patients are taken together.
    label, by_label : str
    group_labels : tuple of str
        The groups in their order.
    parts : tuple of (str, Comparison)
        The stratum's name (empty for all) and its comparison.
    tallies : tuple of Tally
        The counts of each part, for drawing.
    provenance : str
    """

    variable: str
    by: str
    strata: str
    label: str
    by_label: str
    group_labels: tuple[str, ...]
    parts: tuple[tuple[str, Comparison], ...]
    tallies: tuple[Tally, ...]
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a stratum, in the tidy vocabulary of a comparison."""
        return pd.concat([part.frame.assign(stratum=name) for name, part in self.parts], ignore_index=True)


@protected
@quiet()
def compare_between(
    cohort: Cohort, variable: str, *, by: str, test: str = "auto", strata: str = "", confidence_level: float = 0.95
) -> Stratified:
    """Compare a variable between the groups of another, whole or stratum by stratum.

    Parameters
    ----------
    cohort : Cohort
    variable : str
        Any variable of the study file.
    by : str
        The groups: a variable with levels.
    test : str
        "auto", or a test that suits the variable (`tallystats.statistics.compare.SUITED`; of three or more groups,
        `tallystats.statistics.compare_several.SUITED`).
    strata : str
        A variable with levels, each compared apart; empty: all patients together.
    confidence_level : float

    Returns
    -------
    Stratified

    Raises
    ------
    ValueError
        When `by` or `strata` has no levels, a variable is named twice, or the test does not suit (one of a
        trend needs groups in an order).
    """
    study = cohort.study
    levels = study.levels(by)
    if not levels:
        raise ValueError(f"by: {study.label(by)} has no levels; expected a variable that makes groups")
    if len(levels) > 2 and test in TRENDS and study.kind(by) != "ordered":
        raise ValueError(f"test: {test!r} is of a trend, and {study.label(by)} has no order")
    if strata and not study.levels(strata):
        raise ValueError(f"strata: {study.label(strata)} is a number; expected a variable with levels")
    if len({variable, by, strata}) < 3:
        raise ValueError("variable, by, strata: expected three different variables")
    whole = cohort.tally(variable, by, *([strata] if strata else []))
    tallies = {"": whole}
    if strata:
        names = {level: f"{study.label(strata)}: {text}" for level, text in ((False, "no"), (True, "yes"))}
        binary = study.kind(strata) == "binary"
        tallies = {names[level] if binary else str(level): part for level, part in split(whole, strata).items()}
    parts = tuple(
        (
            level,
            compare_variable(
                tally,
                variable,
                by,
                kind=study.kind(variable),
                test=test,
                confidence_level=confidence_level,
                group_labels=levels,
            ),
        )
        for level, tally in tallies.items()
        if tally.complete([variable, by]).frame[by].nunique() > 1
    )
    if not parts:
        where = "one of the groups" if len(levels) == 2 else "more than one of the groups"
        raise ValueError(f"by: nobody with {study.label(variable)} is in {where} of {study.label(by)}")
    return Stratified(
        variable=variable,
        by=by,
        strata=strata,
        label=with_unit(cohort, variable),
        by_label=study.label(by),
        group_labels=levels,
        parts=parts,
        tallies=tuple(tallies[level] for level, _ in parts),
        provenance=whole.provenance,
    )
