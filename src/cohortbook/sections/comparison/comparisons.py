"""What goes beyond the table of a comparison: every two groups, the same patients at two times, a model of a number."""

from __future__ import annotations

from functools import partial

import pandas as pd

from cohortbook.sections.comparison.analysis import compare_groups, not_planned, protected, with_unit
from studyfile.cohort.cohort import Cohort
from studyfile.study.schema import ComparisonPlan, PairPlan
from studyfile.study.schema import Linear as LinearPlan
from studyfile.study.study import NUMERIC
from tallystats.regression.linear import LinearFit, linear_regression
from tallystats.results import NotPlanned, Result, quiet, result
from tallystats.statistics.compare_several import PAIRS
from tallystats.statistics.describe import Frequencies, ShapiroWilk, Summary, frequencies, shapiro_wilk, summarise
from tallystats.statistics.paired import PairedTest, bowker, mcnemar, paired_t, stuart_maxwell, wilcoxon_signed_rank
from tallystats.statistics.pairwise import PairwiseComparisons, pairwise_comparisons
from tallystats.tally import Tally, weakest
from tallystats.tolerance import below


class _Shown(Result):
    """A result that shows itself as its table."""

    __slots__ = ()


@result
class GroupPairs(_Shown):
    """Every two groups of the study's comparison, row by row.

    Attributes
    ----------
    plan : ComparisonPlan
    labels : tuple of str
        Each row's label.
    heads : dict
        Level of the groups -> what the group is called.
    rows : tuple of PairwiseComparisons
    p_values : tuple of float
        P of each row's test of all groups.
    provenance : str
    """

    plan: ComparisonPlan
    labels: tuple[str, ...]
    heads: dict
    rows: tuple[PairwiseComparisons, ...]
    p_values: tuple[float, ...]
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a pair of groups in a variable, in the tidy vocabulary."""
        frames = [row.frame.assign(label=label) for label, row in zip(self.labels, self.rows, strict=True)]
        return pd.concat(frames, ignore_index=True)


@protected
@quiet()
def compare_pairs(cohort: Cohort, *, confidence_level: float = 0.95) -> GroupPairs | NotPlanned:
    """Compare every two groups of the study's comparison, by the test that belongs to that of all groups.

    Parameters
    ----------
    cohort : Cohort
    confidence_level : float
        Of intervals of differences of means.

    Returns
    -------
    GroupPairs or NotPlanned
        Adjusted within each variable as `comparison: pairwise:` says; under `tukey`, ranks and levels by Holm's way.
    """
    plan = cohort.study.file.comparison
    if plan is None or not plan.pairwise:
        return not_planned("comparison of every two groups (comparison: pairwise:)")
    whole = compare_groups(cohort, confidence_level=confidence_level)
    rows = []
    for row in whole.rows:
        method = PAIRS[row.choice.test]
        means = method in ("anova", "welch_anova")
        adjustment = "holm" if plan.pairwise == "tukey" and not means else plan.pairwise
        rows.append(
            pairwise_comparisons(
                cohort.tally(row.term, plan.groups),
                row.term,
                plan.groups,
                method=method,
                adjustment=adjustment,
                confidence_level=confidence_level,
            )
        )
    return GroupPairs(
        plan=plan,
        labels=whole.labels,
        rows=tuple(rows),
        provenance=whole.provenance,
        heads=dict(zip(cohort.study.levels(plan.groups), cohort.study.group_labels, strict=True)),
        p_values=tuple(row.test.p_value for row in whole.rows),
    )


@result
class PairedRow:
    """One variable before and after, in the patients who have both values.

    Attributes
    ----------
    plan : PairPlan
    label, kind : str
    before, after : Summary or Frequencies
    test : PairedTest
    test_name : str
        As the plan calls it.
    reason : str
        Why this test.
    normality : ShapiroWilk or None
        Of the changes of a number.
    beside : tuple of PairedTest
        Of more than two levels: tests of their frequencies and of symmetry, where they are not the test itself.
    """

    plan: PairPlan
    label: str
    kind: str
    before: Summary | Frequencies
    after: Summary | Frequencies
    test: PairedTest
    test_name: str
    reason: str
    normality: ShapiroWilk | None
    beside: tuple[PairedTest, ...]


@result
class PairedStudy(_Shown):
    """What the study file compares before and after."""

    rows: tuple[PairedRow, ...]
    unit: str
    units: str
    procedure: str
    significance: float
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a test, those beside included, in the tidy vocabulary."""
        frames = [test.frame.assign(label=row.label) for row in self.rows for test in (row.test, *row.beside)]
        return pd.concat(frames, ignore_index=True)


def paired_tests() -> dict:
    """Return the tests of pairs by the names that a study's plan gives them."""
    return {
        "paired_t": paired_t,
        "wilcoxon_signed_rank": wilcoxon_signed_rank,
        "wilcoxon_signed_rank_continuity": partial(wilcoxon_signed_rank, continuity=True),
        "wilcoxon_signed_rank_exact": partial(wilcoxon_signed_rank, exact=True),
        "mcnemar_exact": mcnemar,
        "mcnemar": partial(mcnemar, exact=False),
        "mcnemar_continuity": partial(mcnemar, exact=False, continuity=True),
        "stuart_maxwell": stuart_maxwell,
        "bowker": bowker,
    }


@protected
@quiet()
def study_paired(cohort: Cohort, *, confidence_level: float = 0.95) -> PairedStudy | NotPlanned:
    """Compare what the study file names under `paired:` before and after, in the same patients.

    Parameters
    ----------
    cohort : Cohort
    confidence_level : float
        Of the mean change, and of McNemar's odds ratio.

    Returns
    -------
    PairedStudy or NotPlanned
    """
    study = cohort.study
    if not study.file.paired:
        return not_planned("comparison of the same patients at two times (paired:)")
    significance = study.file.comparison.significance if study.file.comparison else 0.05
    normality = study.file.comparison.normality if study.file.comparison else 0.05
    rows = tuple(_paired(cohort, plan, normality, confidence_level) for plan in study.file.paired)
    return PairedStudy(
        rows=rows,
        unit=study.file.study.unit,
        units=study.units,
        significance=significance,
        procedure=study.file.study.procedure,
        provenance=weakest([row.test.provenance for row in rows]),
    )


def _paired(cohort: Cohort, plan: PairPlan, normality: float, confidence_level: float) -> PairedRow:
    study, tests = cohort.study, paired_tests()
    tally = cohort.tally(plan.before, plan.after)
    both, kind, shapiro = tally.complete(), study.kind(plan.before), None
    if kind in NUMERIC:
        changes = Tally(both.frame.assign(change=both.frame[plan.after] - both.frame[plan.before]), tally.provenance)
        shapiro = shapiro_wilk(changes, "change")
    test, reason = plan.test, "the analysis plan names the test"
    if test == "auto":
        test, reason = _auto(kind, shapiro, normality)
    options = {"confidence_level": confidence_level} if test == "paired_t" or test.startswith("mcnemar") else {}
    describe = summarise if kind in NUMERIC else frequencies
    names = ("stuart_maxwell", "bowker") if len(study.levels(plan.before)) > 2 else ()
    return PairedRow(
        plan=plan,
        label=plan.label or with_unit(cohort, plan.before),
        kind=kind,
        before=describe(both, plan.before),
        after=describe(both, plan.after),
        test=tests[test](tally, plan.before, plan.after, **options),
        test_name=test,
        reason=reason,
        normality=shapiro,
        beside=tuple(tests[name](tally, plan.before, plan.after) for name in names if name != test),
    )


def _auto(kind: str, shapiro: ShapiroWilk | None, normality: float) -> tuple[str, str]:
    """Choose the test of a pair, and say why."""
    if kind in NUMERIC:
        if below(shapiro.p_value, normality):
            return "wilcoxon_signed_rank", "Shapiro-Wilk rejects normality of the changes"
        told = "does not reject" if shapiro.p_value == shapiro.p_value else "says nothing of"
        return "paired_t", f"Shapiro-Wilk {told} normality of the changes"
    if kind == "ordered":
        return "wilcoxon_signed_rank", "the levels are ordered"
    return ("mcnemar_exact", "yes or no") if kind == "binary" else ("stuart_maxwell", "levels without an order")


@result
class LinearStudy(_Shown):
    """The linear model of the study file, fitted.

    Attributes
    ----------
    plan : LinearPlan
    fit : LinearFit
    outcome_label : str
        With its unit.
    unit, units : str
        What a row of the data is, and what several are.
    labels : dict
        Term -> its label, with its unit.
    after : tuple of str
        Terms that are known only after the procedure.
    procedure : str
    """

    plan: LinearPlan
    fit: LinearFit
    outcome_label: str
    unit: str
    units: str
    labels: dict[str, str]
    after: tuple[str, ...]
    procedure: str
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a column of the model, in the tidy vocabulary."""
        return self.fit.frame


@protected
@quiet()
def study_linear(cohort: Cohort, *, confidence_level: float = 0.95) -> LinearStudy | NotPlanned:
    """Fit the linear model that the study file plans.

    Parameters
    ----------
    cohort : Cohort
    confidence_level : float
        Of the coefficients' intervals.

    Returns
    -------
    LinearStudy or NotPlanned
    """
    study, plan = cohort.study, cohort.study.file.linear
    if plan is None:
        return not_planned("linear model (linear:)")
    tally = cohort.tally(*dict.fromkeys([plan.outcome, *plan.terms]))
    if not tally.complete().total:
        return NotPlanned(f"No {study.file.study.unit} has a value of all that the linear model takes.")
    fit = linear_regression(tally, outcome=plan.outcome, terms=plan.terms, confidence_level=confidence_level)
    return LinearStudy(
        plan=plan,
        fit=fit,
        outcome_label=with_unit(cohort, plan.outcome),
        unit=study.file.study.unit,
        units=study.units,
        provenance=fit.provenance,
        labels={term: with_unit(cohort, term) for term in plan.terms},
        procedure=study.file.study.procedure,
        after=tuple(term for term in plan.terms if study.measured(term) == "after" != study.measured(plan.outcome)),
    )
