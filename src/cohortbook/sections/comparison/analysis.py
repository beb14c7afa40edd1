"""The plan of a study file carried out on its cohort: each function takes a cohort and returns a result, unrounded."""

from __future__ import annotations

from dataclasses import field

import pandas as pd

from printcheck.printed.published import read_published
from studyfile.cohort.cohort import Cohort
from studyfile.plan import compare_row
from studyfile.privacy.guard import protecting
from studyfile.study.schema import ComparisonPlan, TablePlan, TableRow
from studyfile.study.study import NUMERIC, StudyError, nearest
from tallystats.results import NotPlanned, Result, quiet, result
from tallystats.statistics.compare import Comparison
from tallystats.statistics.describe import (
    Frequencies,
    Proportion,
    ShapiroWilk,
    Summary,
    frequencies,
    proportion_interval,
    shapiro_wilk,
    summarise,
)
from tallystats.statistics.multiplicity import adjust_p_values
from tallystats.tally import weakest

#: Passes what is returned through the rules for small counts, where the study file asks for it.
protected = protecting("cohortbook.privacy.protect")
ADJUSTMENTS = ("bonferroni", "holm", "benjamini-hochberg")


@result
class DescriptiveTable(Result):
    """A descriptive table of the study file, counted.

    Attributes
    ----------
    name : str
        Its key in the study file.
    plan : Table
        Its rows as declared.
    blocks : tuple of (TableRow, Frequencies or Summary or None)
        What each declared row shows; None for a heading alone.
    labels : dict
        Label, with unit, of each variable shown.
    total : int
        The patients of the cohort.
    provenance : str
    """

    name: str
    plan: TablePlan
    blocks: tuple[tuple[TableRow, Frequencies | Summary | None], ...]
    labels: dict[str, str]
    total: int
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a level (`term, level, n, percent, total, n_missing`) or a numeric variable."""
        rows = []
        for _, found in self.blocks:
            if hasattr(found, "levels"):
                rows += [
                    {
                        "term": found.term,
                        "level": str(level),
                        "n": n,
                        "percent": percent,
                        "total": found.total,
                        "n_missing": found.n_missing,
                    }
                    for level, n, percent in zip(found.levels, found.counts, found.percents, strict=True)
                ]
            elif found is not None:
                rows += found.frame.to_dict("records")
        return pd.DataFrame(rows)


@protected
@quiet()
def descriptive_table(cohort: Cohort, name: str) -> DescriptiveTable:
    """Count the rows of one descriptive table of the study file.

    Parameters
    ----------
    cohort : Cohort
    name : str
        The table's key under `tables:`.

    Returns
    -------
    DescriptiveTable
        Frequencies of levels; mean, SD, median, quartiles and range of a numeric variable without declared levels.
    """
    tables = cohort.study.plan("tables")
    if name not in tables:
        raise StudyError(f"{cohort.study.path}: no table {name!r}{nearest(name, tables)}; known: {', '.join(tables)}")
    plan, blocks, provenances = tables[name], [], []
    for row in plan.rows:
        found = None
        if row.variable:
            tally = cohort.tally(row.variable)
            numeric = cohort.study.kind(row.variable) in NUMERIC and not row.levels
            found = (summarise if numeric else frequencies)(tally, row.variable)
            provenances.append(tally.provenance)
        blocks.append((row, found))
    return DescriptiveTable(
        name=name,
        plan=plan,
        blocks=tuple(blocks),
        total=cohort.size,
        provenance=weakest(provenances),
        labels={row.variable: with_unit(cohort, row.variable) for row in plan.rows if row.variable},
    )


@protected
def descriptive_tables(cohort: Cohort) -> tuple[DescriptiveTable, ...]:
    """Count every descriptive table of the study file, in its order."""
    return tuple(descriptive_table(cohort, name) for name in cohort.study.plan("tables"))


@result
class NumericSummaries(Result):
    """Every numeric variable of a cohort: its summary and its Shapiro-Wilk test."""

    labels: dict[str, str]
    parts: tuple[tuple[Summary, ShapiroWilk], ...]
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a variable: the summary's columns, then `w` and `shapiro_p_value`."""
        frames = [s.frame.assign(w=t.statistic, shapiro_p_value=t.p_value, label=self.labels[s.term]) for s, t in self.parts]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


@protected
def numeric_summaries(cohort: Cohort) -> NumericSummaries:
    """Summarise every recorded numeric variable and test it for normality by Shapiro and Wilk's test."""
    study, parts, provenances, labels = cohort.study, [], [], {}
    for name in study.file.variables:
        if study.kind(name) in NUMERIC:
            tally = cohort.tally(name)
            with quiet():
                parts.append((summarise(tally, name), shapiro_wilk(tally, name)))
            labels[name] = with_unit(cohort, name)
            provenances.append(tally.provenance)
    return NumericSummaries(labels=labels, parts=tuple(parts), provenance=weakest(provenances))


def not_planned(section: str) -> NotPlanned:
    """Say that the study file lacks a section."""
    return NotPlanned(f"The study file plans no {section}.")


def with_unit(cohort: Cohort, name: str) -> str:
    """Return a variable's label with its unit."""
    unit = cohort.study.unit(name)
    return f"{cohort.study.label(name)}, {unit}" if unit else cohort.study.label(name)


@result
class OutcomeRate(Result):
    """How often the outcome came about, by two intervals, beside rates reported elsewhere."""

    label: str
    intervals: tuple[Proportion, ...]
    elsewhere: tuple[tuple[str, float, int | None], ...]
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row an interval of this study, then one a rate elsewhere (percent as a share, no interval)."""
        rows = [{"source": self.label, **p.frame.iloc[0].to_dict()} for p in self.intervals]
        rows += [{"source": label, "estimate": share, "total": n} for label, share, n in self.elsewhere]
        return pd.DataFrame(rows)


@protected
@quiet()
def outcome_rate(cohort: Cohort, *, confidence_level: float = 0.95) -> OutcomeRate | NotPlanned:
    """Estimate the rate of the study's outcome with Clopper-Pearson's and Wilson's intervals."""
    plan = cohort.study.file.outcome
    if plan is None:
        return not_planned("outcome")
    tally = cohort.tally(plan.variable)
    found = frequencies(tally, plan.variable)
    if not found.total:
        return NotPlanned(f"No patient has a value of {plan.label}.")
    intervals = tuple(
        proportion_interval(
            found.counts[1], found.total, method=method, confidence_level=confidence_level, provenance=tally.provenance
        )
        for method in ("clopper-pearson", "wilson")
    )
    elsewhere = tuple((rate.label, rate.percent / 100, rate.denominator) for rate in plan.elsewhere)
    return OutcomeRate(label=plan.label, intervals=intervals, elsewhere=elsewhere, provenance=tally.provenance)


@result
class GroupComparison(Result):
    """The comparison of groups that the study file plans, row by row.

    Attributes
    ----------
    plan : ComparisonPlan
    labels : tuple of str
        Each row's label, with its unit.
    rows : tuple of Comparison
    heads : tuple of str
        What the groups are called, in the order of the table's columns.
    shown : tuple of int
        Where each column's group stands in `Comparison.groups`: true before false, levels in their order.
    sizes : tuple of int
        Patients in each column's group.
    overall : tuple of (Summary or Frequencies)
        Each row's variable in all groups together; empty where no such column is planned.
    after : tuple of str
        Variables that are known only after the procedure.
    procedure : str
        What they are known after.
    adjusted : dict
        Method -> adjusted P of each row; NaN where the test is undefined.
    n_tests : int
        How many tests are defined, and so count.
    exceptions : dict
        Variable -> what the paper prints of it that cannot hold together with the rest.
    provenance : str
    withheld : tuple of str
        Labels of rows that are not here, as a count in them is too small to be shown.
    """

    plan: ComparisonPlan
    labels: tuple[str, ...]
    rows: tuple[Comparison, ...]
    heads: tuple[str, ...]
    shown: tuple[int, ...]
    sizes: tuple[int, ...]
    overall: tuple[Summary | Frequencies, ...]
    after: tuple[str, ...]
    procedure: str
    adjusted: dict[str, tuple[float, ...]]
    n_tests: int
    exceptions: dict[str, tuple[str, ...]]
    provenance: str
    withheld: tuple[str, ...] = field(default=(), repr=False)

    @property
    def frame(self) -> pd.DataFrame:
        """One row a variable, in the tidy vocabulary, with adjusted P values."""
        frame = pd.concat([row.frame for row in self.rows], ignore_index=True)
        adjusted = {f"p_{method.replace('-', '_')}": values for method, values in self.adjusted.items()}
        return frame.assign(label=self.labels, **adjusted)


@protected
@quiet()
def compare_groups(cohort: Cohort, *, confidence_level: float = 0.95) -> GroupComparison:
    """Compare the groups of the study file on every planned variable and adjust P for their number.

    Parameters
    ----------
    cohort : Cohort
    confidence_level : float
        Of the intervals of effects.

    Returns
    -------
    GroupComparison
        P values are unadjusted in `rows`; adjusted by Bonferroni, Holm, Benjamini-Hochberg in `adjusted`.
    """
    study, plan = cohort.study, cohort.study.plan("comparison")
    rows = tuple(compare_row(cohort, row.variable, confidence_level=confidence_level) for row in plan.rows)
    p_values = [row.test.p_value for row in rows]
    found = {method: adjust_p_values(p_values, method=method) for method in ADJUSTMENTS}
    sizes = frequencies(cohort.tally(plan.groups), plan.groups).counts
    shown = tuple(range(len(sizes)))[:: -1 if study.kind(plan.groups) == "binary" else 1]
    overall = tuple(
        (summarise if study.kind(row.variable) in NUMERIC else frequencies)(
            cohort.tally(row.variable, plan.groups).complete([plan.groups]), row.variable
        )
        for row in plan.rows
        if plan.overall
    )
    return GroupComparison(
        plan=plan,
        labels=tuple(row.label or with_unit(cohort, row.variable) for row in plan.rows),
        rows=rows,
        heads=tuple(study.group_labels[at] for at in shown),
        shown=shown,
        sizes=tuple(sizes[at] for at in shown),
        overall=overall,
        after=tuple(row.variable for row in plan.rows if study.measured(row.variable) == "after"),
        procedure=study.file.study.procedure,
        adjusted={method: result.adjusted for method, result in found.items()},
        n_tests=found[ADJUSTMENTS[0]].n_tests,
        exceptions=_exceptions(cohort, plan.number),
        provenance=weakest([row.provenance for row in rows]),
    )


def _exceptions(cohort: Cohort, number: str) -> dict[str, tuple[str, ...]]:
    """Return what a printed table says that was left out of the reconstruction, by variable."""
    study, found = cohort.study, {}
    if not study.file.published or not study.file.reconstruction:
        return {}
    left_out = {entry.figure for entry in study.file.reconstruction.left_out}
    for figure in read_published(study):
        if figure.id in left_out and figure.source == f"Table {number}":
            what = "P" if figure.statistic == "p" else f"{figure.statistic} ({figure.group.replace('_', ' ')})"
            found[figure.variable] = (*found.get(figure.variable, ()), f"{what} {figure.value}")
    return found
