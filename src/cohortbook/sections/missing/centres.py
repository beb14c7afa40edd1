"""The clusters that a study file names, such as hospitals: how many patients, outcomes and missing values each has."""

from __future__ import annotations

import pandas as pd

from cohortbook.sections.comparison.analysis import protected
from studyfile.cohort.cohort import Cohort
from tallystats.results import NotPlanned, Result, quiet, result
from tallystats.statistics.clusters import IntraclusterCorrelation, intracluster_correlation
from tallystats.statistics.counts import cross_tabulate, value_counts
from tallystats.tally import weakest


@result
class Cluster:
    """One cluster: its patients, those with the outcome and those of whom it is not known, and missing values of all."""

    name: str
    size: int
    events: int
    unknown: int
    missing: int


@result
class ClusterStudy(Result):
    """The clusters of a study.

    Attributes
    ----------
    label : str
        Of the variable of clusters.
    outcome_label : str
        Of the outcome; empty where the study has none.
    rows : tuple of Cluster
        In the order of the levels, those without patients too; patients without a value come last, named "".
    variables : int
        Recorded variables, of which values may be missing.
    correlation : IntraclusterCorrelation or None
        Of the outcome.
    """

    label: str
    unit: str
    units: str
    outcome_label: str
    rows: tuple[Cluster, ...]
    variables: int
    correlation: IntraclusterCorrelation | None
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a cluster."""
        columns = ("name", "size", "events", "unknown", "missing")
        return pd.DataFrame([{column: getattr(row, column) for column in columns} for row in self.rows])


@protected
@quiet()
def study_clusters(cohort: Cohort, *, confidence_level: float = 0.95) -> ClusterStudy | NotPlanned:
    """Count patients, outcomes and missing values by cluster, and estimate how alike patients of a cluster are.

    Parameters
    ----------
    cohort : Cohort
        Its study names the variable of clusters under `study: cluster:`.
    confidence_level : float
        Of the interval of the intracluster correlation.

    Returns
    -------
    ClusterStudy or NotPlanned
    """
    study, by = cohort.study, cohort.study.file.study.cluster
    if not by:
        return NotPlanned("The study file names no variable of clusters, such as a hospital (study: cluster:).")
    names = study.levels(by)
    _, sizes, nowhere = value_counts(cohort.tally(by), by)
    sizes = [*map(int, sizes), nowhere]
    outcome, provenances = study.file.outcome, [study.provenance(by)]
    events, unknown, correlation = [0] * len(sizes), [0] * len(sizes), None
    if outcome:
        tally = cohort.tally(outcome.variable, by)
        counts = cross_tabulate(tally, outcome.variable, by).counts
        events[:-1] = map(int, counts[1])
        frame = tally.frame[tally.frame[by].isna()]
        events[-1] = int(frame.loc[frame[outcome.variable].fillna(False), "n"].sum())
        unknown[:-1] = [size - int(known) for size, known in zip(sizes, counts.sum(axis=0), strict=False)]
        unknown[-1] = int(frame.loc[frame[outcome.variable].isna(), "n"].sum())
        correlation = intracluster_correlation(tally, outcome.variable, by, confidence_level=confidence_level)
        provenances.append(tally.provenance)
    missing = [0] * len(sizes)
    others = [name for name in study.file.variables if name != by]
    for name in others:
        frame = cohort.tally(name, by).frame
        absent = frame[frame[name].isna()]
        codes = _codes(absent[by], names)
        for code, n in zip(codes, absent["n"], strict=True):
            missing[code] += int(n)
    rows = tuple(
        Cluster(name=name, size=sizes[k], events=events[k], unknown=unknown[k], missing=missing[k])
        for k, name in enumerate([*names, ""])
        if name or sizes[k]
    )
    return ClusterStudy(
        label=study.label(by),
        unit=study.file.study.unit,
        units=study.units,
        rows=rows,
        outcome_label=outcome.label if outcome else "",
        variables=len(others),
        correlation=correlation,
        provenance=weakest(provenances),
    )


def _codes(values: pd.Series, names: tuple[str, ...]) -> list[int]:
    """Return where each value stands among the names of the clusters; -1 where it is missing."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values.cat.codes.tolist()
    return [-1 if pd.isna(value) else int(value) for value in values]
