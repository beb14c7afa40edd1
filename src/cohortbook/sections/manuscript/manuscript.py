"""Methods and Results as paragraphs, written from what was really run, and where each STROBE item stands."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pandas as pd

from cohortbook.display.findings import listed, several
from cohortbook.display.levels import level_sentences
from cohortbook.display.paragraph import Text
from cohortbook.display.style import general
from cohortbook.display.tables import DisplayTable, Row, decimal, p_value, percent
from cohortbook.notebook.notebook import at_key
from cohortbook.sections.comparison.analysis import GroupComparison, OutcomeRate, compare_groups, outcome_rate
from cohortbook.sections.comparison.comparisons import (
    GroupPairs,
    LinearStudy,
    PairedStudy,
    compare_pairs,
    study_linear,
    study_paired,
)
from cohortbook.sections.comparison.layouts_comparisons import adjustment_in_words
from cohortbook.sections.missing.findings_missing import finding
from cohortbook.sections.missing.imputed import ImputedCox, ImputedModel, imputed_cox, imputed_model
from cohortbook.sections.missing.missing import (
    ComparisonExtremes,
    MissingStudy,
    OutcomeExtremes,
    comparison_extremes,
    missing_study,
    outcome_extremes,
)
from cohortbook.sections.model.layouts_models import removal_in_words
from cohortbook.sections.model.model_checks import PerformanceStudy, StabilityStudy, model_performance, model_stability
from cohortbook.sections.model.models import ModelStudy, study_model
from cohortbook.sections.survival.endpoints import CompetingStudy, SurvivalStudy, study_competing, study_survival
from cohortbook.sections.survival.findings_survival import survival_finding
from cohortbook.sections.survival.hazards import CompetingModels, CoxStudy, study_competing_models, study_cox
from cohortbook.sections.survival.visits import VisitStudy, study_visits
from studyfile.cohort.cohort import Cohort
from tallystats.registry import words_of
from tallystats.results import NotPlanned, lower_first
from tallystats.tolerance import below

#: What computes; the versions are those of this run.
SOFTWARE = ("cohortbook", "numpy", "scipy", "pandas", "statsmodels", "lifelines")


def planned_results(
    cohort: Cohort, *, removal: str = "", entry: str | float = "plan", confidence_level: float = 0.95, resamples: int = 500
) -> tuple[Any, ...]:
    """Run every analysis that the study file plans, under the parameters of the notebooks.

    Parameters
    ----------
    cohort : Cohort
    removal : {"", "wald", "lr", "conditional"}
        Test for removal; empty: as planned.
    entry : "plan", or float
        Delayed entry.
    confidence_level : float
        Of all intervals.
    resamples : int
        Bootstrap samples of what the model is worth; 0 for none.

    Returns
    -------
    tuple
        What is missing, rate, comparison, pairs of groups, pairs of times, linear model, model and what it is worth, survival,
        competing risks, Cox model, models of competing events, as far as planned; beside rate and comparison their best and
        worst cases, beside models those of imputed values.
    """
    file, level = cohort.study.file, {"confidence_level": confidence_level}
    found = [missing_study(cohort)]
    if file.outcome:
        found += [outcome_rate(cohort, **level), outcome_extremes(cohort, **level)]
    if file.comparison:
        found += [compare_groups(cohort, **level), comparison_extremes(cohort, **level)]
    parts = [part(cohort, **level) for part in (compare_pairs, study_paired, study_linear)]
    found += [part for part in parts if not isinstance(part, NotPlanned)]
    if file.model:
        model = study_model(cohort, removal=removal, **level)
        found += [model, imputed_model(cohort, model, **level)]
        found += [check(model, resamples=resamples) for check in (model_stability, model_performance)]
    if file.survival:
        cox = study_cox(cohort, **level)
        found += [
            study_survival(cohort, entry=entry, **level),
            study_competing(cohort, **level),
            study_visits(cohort, **level),
            cox,
            imputed_cox(cohort, cox, **level),
            study_competing_models(cohort, **level),
        ]
    return tuple(found)


def methods_text(cohort: Cohort, *results: Any) -> Text:
    """Write the statistical methods of the results given, and of no others, with thresholds and software versions.

    Parameters
    ----------
    cohort : Cohort
    *results
        A rate, a comparison, a model, a survival or competing-risks analysis, Cox models; what is absent is passed over.

    Returns
    -------
    Text
        A paragraph; every word of it follows from the results, under any parameters.
    """
    parts = [*_patients(cohort)]
    for result in results:
        if not isinstance(result, NotPlanned | MissingStudy):  # what is missing, `_patients` tells
            parts += _METHODS[type(result)](cohort, result)
    return Text(" ".join([*parts, *level_sentences(*results), _software()]))


def _patients(cohort: Cohort) -> Iterator[str]:
    criteria = [criterion.label for criterion in cohort.study.file.eligibility]
    if criteria:
        yield f"Criteria of eligibility were: {'; '.join(criteria)}."
    incomplete = [name for name in cohort.study.file.variables if cohort.missing(name)]
    yield (
        f"Each analysis takes the {cohort.study.units} who have all values that it needs; values are missing in "
        f"{len(incomplete)} of {len(cohort.study.file.variables)} variables."
        if incomplete
        else f"No value is missing, so every analysis takes all {cohort.study.units}."
    )
    if by := cohort.study.file.study.cluster:
        yield (
            f"Tests and intervals take {cohort.study.units} as independent; clusters by "
            f"{lower_first(cohort.study.label(by))} are described, not modelled."
        )
    yield (
        "Levels are given as numbers and percentages, numeric variables as mean and standard deviation or median and quartiles."
    )


def _of_rate(cohort: Cohort, result: OutcomeRate) -> Iterator[str]:
    names = {"clopper-pearson": "Clopper and Pearson's exact method", "wilson": "Wilson's method"}
    level = decimal(100 * result.intervals[0].confidence_level, 0)
    used = listed([names.get(p.method, p.method) for p in result.intervals])
    yield f"The proportion with {lower_first(result.label)} has {level} % intervals by {used}."


def _of_comparison(cohort: Cohort, result: GroupComparison) -> Iterator[str]:
    plan, labels = result.plan, dict(zip((row.term for row in result.rows), result.labels, strict=True))
    used: dict[str, list[str]] = {}
    for row in result.rows:
        used.setdefault(row.choice.test, []).append(labels[row.term])
    said = listed([f"{words_of(test)} ({'; '.join(names)})" for test, names in used.items()])
    yield f"Groups were compared by {said}."
    means = "the t test" if len(result.heads) == 2 else "analysis of variance"
    if any(row.test == "auto" and cohort.study.kind(row.variable) in ("continuous", "count") for row in plan.rows):
        yield (
            "For numeric variables without a planned test, the rank test was taken where Shapiro and Wilk's test rejected "
            f"a normal distribution, overall or in a group, with P < {general(plan.normality)}, {means} otherwise."
        )
    yield f"P values are two-sided; P < {general(plan.significance)} is called significant"
    methods = listed(["-".join(part.capitalize() for part in method.split("-")) for method in result.adjusted])
    stated = (
        f", and held against {plan.threshold_label or 'the stated threshold'} of {general(plan.threshold)}"
        if plan.threshold
        else ""
    )
    yield (
        f"{stated.removeprefix(', ')}; they were also adjusted for {result.n_tests} tests by {methods}."
        if stated
        else (f"and adjusted for {result.n_tests} tests by {methods}.")
    )


def _of_pairs(cohort: Cohort, result: GroupPairs) -> Iterator[str]:
    methods: dict[str, list[str]] = {}
    for label, row in zip(result.labels, result.rows, strict=True):
        way = "" if row.adjustment == "tukey" else f" adjusted by {adjustment_in_words(row.adjustment)} method"
        methods.setdefault(f"{row.method}{way}", []).append(label)
    said = "; ".join(f"{method} ({'; '.join(labels)})" for method, labels in methods.items())
    yield f"Within each variable every two groups were compared: {said}."


def _of_paired(cohort: Cohort, result: PairedStudy) -> Iterator[str]:
    used: dict[str, list[str]] = {}
    for row in result.rows:
        used.setdefault(words_of(row.test_name), []).append(row.label)
    said = listed([f"{test} ({'; '.join(labels)})" for test, labels in used.items()])
    yield f"The same {result.units} were compared before and after {result.procedure} by {said}, where both values are known."


def _of_linear(cohort: Cohort, result: LinearStudy) -> Iterator[str]:
    terms = "; ".join(result.labels[term] for term in result.plan.terms)
    level = decimal(100 * result.fit.confidence_level, 0)
    yield (
        f"A linear model of {lower_first(result.outcome_label)} was fitted by least squares, with all terms at once ({terms}); "
        f"coefficients have {level} % intervals by Student's t."
    )


def _of_model(cohort: Cohort, result: ModelStudy) -> Iterator[str]:
    plan, chosen = result.plan, result.selection
    candidates = [cohort.study.label(term) for term in result.screening.candidates]
    why = f"variables with univariate P < {general(plan.candidate_p)}" if not plan.candidates else "named beforehand"
    yield f"Candidates of the logistic regression of {lower_first(result.outcome_label)} were {why} ({listed(candidates)})."
    if chosen.method == "enter":
        yield f"All were entered together; a fit stopped after {plan.max_iterations} iterations."
    else:
        yield (
            f"{chosen.method.capitalize()} selection took terms by the score test (entry P < {general(chosen.entry)}) and "
            f"removed them by {removal_in_words(chosen.removal_test)} (P > {general(chosen.removal)}); a fit stopped after "
            f"{plan.max_iterations} iterations."
        )
    yield (
        "Separation was decided by linear programming; odds ratios are also given by Firth's penalised likelihood, with "
        "profile intervals and penalised likelihood-ratio tests."
    )


def _of_stability(cohort: Cohort, result: StabilityStudy) -> Iterator[str]:
    yield (
        f"The selection was repeated in {result.stability.resamples} bootstrap samples, and without each "
        f"{cohort.study.file.study.unit} in turn."
    )


def _of_performance(cohort: Cohort, result: PerformanceStudy) -> Iterator[str]:
    anew = ", in each of which the selection was repeated" if len(result.parts) > 1 else ""
    yield (
        "Discrimination is given as the c-statistic with DeLong's interval; it and the calibration slope were corrected for "
        f"optimism by {result.parts[0].optimism.resamples} bootstrap samples{anew}."
    )


def _of_survival(cohort: Cohort, result: SurvivalStudy) -> Iterator[str]:
    plan = result.plan
    level = decimal(100 * result.overall.confidence_level, 0)
    entry = ""
    if result.entry:
        entry = (
            f", entering at {general(result.entry)} {plan.unit}"
            if not isinstance(result.entry, str)
            else f", entering at {result.entry}"
        )
    scale = {"log-log": "on the log-log scale", "log": "on the log scale", "plain": "on the scale of survival"}
    yield (
        f"{plan.label} was counted from {plan.origin}{entry} and estimated by Kaplan and Meier's method ({level} % "
        f"intervals {scale[result.conf_type]}); follow-up is the median of the reverse estimate."
    )
    if result.strata:
        tests = [_TESTS_OF_SURVIVAL[test] for test in plan.tests]
        labels = listed([cohort.study.label(name) for name in plan.test_strata])
        within = f", also within levels of {labels}" if plan.test_strata else ""
        yield (
            f"Groups were compared by {listed(tests)}{within} ({'; '.join(s.label for s in result.strata)}), and by restricted "
            "mean survival time."
        )


_TESTS_OF_SURVIVAL = {
    "log-rank": "the log-rank test",
    "gehan": "the test of Gehan and Breslow",
    "tarone-ware": "the test of Tarone and Ware",
    "peto-peto": "the test of Peto and Peto",
    "fleming-harrington": "the test of Fleming and Harrington",
    "trend": "the log-rank test for trend where levels are ordered",
}


def _of_competing(cohort: Cohort, result: CompetingStudy) -> Iterator[str]:
    test = "the log-rank test of each cause's own hazard" if result.entry else "Gray's test"
    yield (
        f"The cumulative incidence of {lower_first(result.plan.label)} was estimated by Aalen and Johansen's method, with "
        f"{lower_first(result.death.cause)} as a competing event"
        + (f" and entry at {lower_first(result.entry)}" if result.entry else "")
        + (f", and compared between groups by {test}." if any(not g.refusal(g.event) for g in result.groups) else ".")
    )


def _of_visits(cohort: Cohort, result: VisitStudy) -> Iterator[str]:
    once = result.plan.seen == "visit"
    how = "isotonic regression, with Kim, Fay and Proschan's limits" if once else "Turnbull's method, with binomial limits"
    yield (
        f"As {lower_first(result.plan.label)} is seen only at visits, its share among the living was estimated by {how}, and "
        "its cumulative incidence from that share and from survival, on the assumption that it does not change the hazard of "
        "death."
    )


def _of_cox(cohort: Cohort, result: CoxStudy) -> Iterator[str]:
    if not result.fit.refused:
        more = f", baseline hazards for each level of {lower_first(result.strata)}" if result.strata else ""
        more += f", and a variance robust against likeness within {lower_first(result.cluster)}" if result.cluster else ""
        yield (
            f"The Cox model of {lower_first(result.plan.label)} used Efron's treatment of ties{more}; proportional hazards "
            "were tested by Schoenfeld's residuals."
        )
    elif result.firth and not result.firth.refused:
        yield f"The events do not carry a Cox model of {lower_first(result.plan.label)}; Firth's penalised likelihood was used."


def _of_competing_models(cohort: Cohort, result: CompetingModels) -> Iterator[str]:
    fitted = [lower_first(one.cause) for one in result.causes if not one.own.refused and not one.sub.refused]
    if fitted:
        yield f"Cause-specific Cox models and Fine and Gray's models were fitted side by side ({listed(fitted)})."


def _of_extremes(cohort: Cohort, result: OutcomeExtremes | ComparisonExtremes) -> Iterator[str]:
    unit, about = cohort.study.file.study.unit, isinstance(result, OutcomeExtremes)
    of = "The rate was also computed" if about else "Comparisons were also made"
    known = f"{unit}s whose {'outcome' if about else 'group'} is not known"
    supposed = f"had {'it' if about else f'belonged to “{result.group_labels[0]}”'}"
    yield f"{of} as if none, and as if all, of the {known} {supposed}."


def _of_imputed(cohort: Cohort, result: ImputedModel | ImputedCox) -> Iterator[str]:
    plan = result.plan
    one = result.whole if isinstance(result, ImputedModel) else result.models[0]
    what = "this regression" if isinstance(result, ImputedModel) else "the Cox models"
    drawn = [result.labels.get(name, name) for name in one.imputation.methods]
    held = (
        "the outcome and all terms"
        if isinstance(result, ImputedModel)
        else ("the event, the cumulative hazard at its time, and all terms")
    )
    more = f", with {listed([cohort.study.label(name) for name in plan.auxiliary])} as auxiliary" if plan.auxiliary else ""
    methods = listed(list(dict.fromkeys(one.imputation.methods.values())))
    joint = ", and several levels of a variable tested at once by D1" if _joint(result) else ""
    yield (
        f"For {what}, missing values ({'; '.join(drawn)}) were also imputed by chained equations ({methods}; "
        f"{plan.imputations} data sets, {plan.iterations} iterations), whose models held {held}{more}; estimates were pooled "
        f"by Rubin's rules with Barnard and Rubin's degrees of freedom{joint}."
    )


def _joint(result: ImputedModel | ImputedCox) -> bool:
    fits = [result.whole] if isinstance(result, ImputedModel) else result.models
    return any(one.fit.joint for one in fits)


_METHODS = {
    OutcomeRate: _of_rate,
    GroupComparison: _of_comparison,
    GroupPairs: _of_pairs,
    PairedStudy: _of_paired,
    LinearStudy: _of_linear,
    ModelStudy: _of_model,
    SurvivalStudy: _of_survival,
    CompetingStudy: _of_competing,
    VisitStudy: _of_visits,
    CoxStudy: _of_cox,
    CompetingModels: _of_competing_models,
    OutcomeExtremes: _of_extremes,
    ComparisonExtremes: _of_extremes,
    ImputedModel: _of_imputed,
    ImputedCox: _of_imputed,
    StabilityStudy: _of_stability,
    PerformanceStudy: _of_performance,
}


def _software() -> str:
    found = []
    for name in SOFTWARE:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:  # the package runs from its source
            continue
    return f"Computed with Python {platform.python_version()} and {listed(found)}."


def results_text(cohort: Cohort, *results: Any, significance: float = 0.05) -> Text:
    """Write the results given as a paragraph, with their numbers.

    Parameters
    ----------
    cohort : Cohort
    *results
        As for `methods_text`.
    significance : float

    Returns
    -------
    Text
    """
    units = (cohort.study.file.study.unit, cohort.study.units)
    parts = [f"{several(cohort.size, *units).capitalize()} were analysed."]
    if any(isinstance(result, NotPlanned) and result.hidden for result in results):
        parts.append("Some results are not shown, to protect patients.")
    known = [result for result in results if not isinstance(result, NotPlanned)]
    assumed = [result for result in known if getattr(result, "provenance", "") == "assumed"]
    for result in known:
        if result in assumed:
            continue
        parts.append(
            _compared(result)
            if isinstance(result, GroupComparison)
            else str(survival_finding(result, significance=significance))
            if isinstance(result, SurvivalStudy)
            else str(finding(result, significance=significance))
        )
    if assumed:
        names = listed(list(dict.fromkeys(lower_first(result.plan.label) for result in assumed)))
        parts.append(f"No number is told of {names}, as the study file marks values that these rest on as assumed.")
    return Text(" ".join(parts))


def _compared(result: GroupComparison) -> str:
    """Say what differs between the groups, with the numbers of both."""
    plan = result.plan
    told = [
        (label, row)
        for label, row in zip(result.labels, result.rows, strict=True)
        if below(row.test.p_value, plan.significance)
    ]
    if not told:
        return f"No variable differed with P < {general(plan.significance)}."
    said = [f"{lower_first(label)} ({_sides(row, result.shown)}; P {_p(row.test.p_value)})" for label, row in told]
    # The levels of a variable are names, such as those of drugs, and stand as they are written.
    heads = [result.heads[0], *map(lower_first if plan.group_labels else str, result.heads[1:])]
    return f"{listed(heads)} differed in {listed(said)}."


def _sides(row: Any, order: tuple[int, ...]) -> str:
    """Return what the groups show, in the order of the table's columns."""
    shown = []
    for group in (row.groups[at] for at in order):
        if hasattr(group, "levels") and len(group.levels) > 2:
            shares = zip(group.levels, group.counts, strict=True)
            shown.append("; ".join(f"{level}: {percent(n, group.total)} %" for level, n in shares))
        elif hasattr(group, "levels"):
            share = f"{group.counts[-1]} of {group.total}, {percent(group.counts[-1], group.total)} %"
            shown.append(share if shown or group.levels[-1] in (True, "yes") else f"{group.levels[-1]}: {share}")
        else:
            shown.append(f"mean {decimal(group.mean, 1)}")
    return " v ".join(shown)


def _p(value: float) -> str:
    text = p_value(value)
    return text if text[:1] in "<>" else f"= {text}"


#: STROBE, item by item (cohort studies): number, topic, which part of the report holds it; authors write what is empty.
_STROBE = (
    ("1", "Title and abstract", "", ""),
    ("2", "Background and rationale", "", ""),
    ("3", "Objectives", "study", "The question at the head of the report"),
    ("4", "Study design", "", ""),
    ("5", "Setting: locations and dates", "", ""),
    ("6", "Eligibility, sources of participants", "eligibility", "01, eligibility flow; Methods text"),
    ("7", "Variables: outcomes, exposures, confounders", "variables", "01, dictionary"),
    ("8", "Data sources and measurement", "variables", "01, dictionary: kind, unit, when measured"),
    ("9", "Bias", "", ""),
    ("10", "Study size", "outcome", "02, rate and its intervals; 04, events for each estimate"),
    ("11", "Handling of quantitative variables", "derived", "01, dictionary: bands and how they were made"),
    ("12a", "Statistical methods", "", "Methods text"),
    ("12b", "Subgroups and interactions", "survival.strata", "05, by group"),
    (
        "12c",
        "Missing data",
        "",
        "01, missing values and complete cases; 02 and 03, best and worst cases; 04 and 05, imputation; Methods text",
    ),
    ("12d", "Loss to follow-up", "survival", "05, numbers at risk and censored"),
    ("12e", "Sensitivity analyses", "scenarios", "Scenarios: conclusions under other choices"),
    ("13", "Participants: numbers at each stage", "eligibility", "01, eligibility flow"),
    ("14", "Descriptive data", "tables", "02, descriptive tables"),
    ("15", "Outcome data", "outcome", "02, rate; 05, cumulative incidence"),
    ("16a", "Main results: unadjusted and adjusted estimates", "comparison", "03, tests and effects; 04, model"),
    ("16b", "Category boundaries", "derived", "01, dictionary"),
    ("16c", "Absolute risks", "outcome", "02, rate; 05, cumulative incidence"),
    ("17", "Other analyses", "scenarios", "Scenarios; 06, audit"),
    ("18", "Key results", "", "Results text"),
    ("19", "Limitations", "", ""),
    ("20", "Interpretation", "", ""),
    ("21", "Generalisability", "", ""),
    ("22", "Funding", "", ""),
)


def strobe_table(cohort: Cohort) -> DisplayTable:
    """Lay out the STROBE checklist for cohort studies: where each item stands, and which the authors must write.

    Notes
    -----
    von Elm E, Altman DG, Egger M, Pocock SJ, Gotzsche PC, Vandenbroucke JP. The Strengthening the Reporting of
    Observational Studies in Epidemiology (STROBE) statement. Lancet 2007; 370: 1453-1457. Topics are named in short.
    """
    rows = []
    for number, topic, needs, where in _STROBE:
        there = where and (not needs or at_key(cohort.study.file, needs))
        rows.append(
            (number, topic, where if there else f"the study file has no {needs}" if where else "for the authors to write")
        )
    frame = pd.DataFrame(rows, columns=["item", "topic", "where"])
    return DisplayTable(
        name="strobe",
        title="STROBE checklist: where each item stands",
        head=("Item", "Topic", "Where"),
        rows=tuple(map(Row, rows)),
        frame=frame,
        notes=("Numbers are those of the notebooks, which head the sections.",),
    )
