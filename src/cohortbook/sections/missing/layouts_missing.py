"""What the tables of missing values show; `table_of` of `cohortbook.display.layouts` learns them here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

import pandas as pd

from cohortbook.display.layouts import provenance_notes, table_of
from cohortbook.display.level_methods import methods_told
from cohortbook.display.level_notes import level_notes
from cohortbook.display.tables import (
    UNDEFINED,
    DisplayTable,
    Row,
    count_percent,
    decimal,
    interval,
    p_value,
    percent,
    significant,
)
from cohortbook.sections.comparison.layouts_groups import of_level
from cohortbook.sections.missing.imputed import HAZARD, ImputedCox, ImputedFit, ImputedModel
from cohortbook.sections.missing.missing import ComparisonExtremes, MissingStudy, OutcomeExtremes
from tallystats.missing.pooled import PooledFit
from tallystats.regression.firth import FirthFit
from tallystats.regression.logistic import LogisticFit
from tallystats.results import NotPlanned, lower_first
from tallystats.statistics.compare import Comparison
from tallystats.survival.cox import CoxFit

__all__ = ["missing_by_outcome_table", "table_of"]


@table_of.register
def _(result: MissingStudy) -> DisplayTable:
    """Who is left out of each analysis, variable by variable."""
    rows = []
    for name, cases in result.losses:
        lost = [row for row in zip(cases.terms, cases.n_missing, cases.n_only, cases.remaining, strict=True) if row[1]]
        if not lost:
            rows.append(Row((name, "0", "", str(cases.n))))
            continue
        rows.append(Row((name, "", "", ""), "heading"))
        rows += [
            Row((result.labels[term], count_percent(n, cases.n), str(only), str(left)), "level") for term, n, only, left in lost
        ]
    notes = (
        f"Of {result.n} eligible {result.unit}s; variables that nobody lacks are not shown. Missing: who lacks the variable. "
        "Alone: who lacks it and nothing else that the analysis needs, and would be gained without it. Left: who has it and "
        "all variables above it; in the comparison, it and a group.",
    )
    return DisplayTable(
        name="complete-cases",
        title="Who is left out of each analysis for a missing value",
        head=("", "Missing, n (%)", "Alone", "Left"),
        rows=tuple(rows),
        frame=result.frame,
        notes=notes,
    )


def missing_by_outcome_table(result: MissingStudy | NotPlanned) -> DisplayTable | NotPlanned:
    """Lay out how often each variable is missing in patients without and with the outcome."""
    if not result:
        return result
    if not result.by_outcome:
        return NotPlanned("No variable is missing that could be set beside an outcome that both came about and did not.")
    rows = []
    for one in result.by_outcome:
        cells = [count_percent(n, total) for n, total in zip(one.n_missing, one.totals, strict=True)]
        rows.append(Row((result.labels[one.term], *cells[::-1], p_value(one.test.p_value))))
    without, with_it = result.by_outcome[0].totals
    return DisplayTable(
        name="missing-by-outcome",
        title=f"Missing values by {lower_first(result.outcome_label)}",
        head=("Missing, n (%)", f"{result.outcome_label} (n = {with_it})", f"Without (n = {without})", "Fisher's P"),
        rows=tuple(rows),
        frame=pd.concat([one.frame for one in result.by_outcome], ignore_index=True),
        notes=(
            "A small P speaks against values that are missing completely at random; a large one speaks for nothing where "
            "few are missing.",
        ),
    )


@table_of.register
def _(result: OutcomeExtremes) -> DisplayTable:
    found, unit = result.rates, result.unit
    cases = (
        (f"Known {unit}s", found.observed),
        ("As if none of the others had it", found.none),
        ("As if all of the others had it", found.everybody),
    )
    rows = tuple(
        Row((label, f"{p.events} of {p.total}", percent(p.events, p.total), interval(100 * p.conf_low, 100 * p.conf_high, 1)))
        for label, p in cases
    )
    level = decimal(100 * found.observed.confidence_level, 0)
    return DisplayTable(
        name="outcome-extremes",
        title=f"{result.label} at its best and worst",
        head=("", f"{unit.capitalize()}s", "%", f"{level}% interval, %"),
        rows=rows,
        frame=result.frame,
        notes=(
            f"In {found.unknown} {unit}s it is not known whether the outcome came about. Whatever became of them, the rate "
            "of all lies between the last two.",
            *provenance_notes(result.provenance),
        ),
    )


def _case_labels(result: ComparisonExtremes, label: str) -> dict[str, str]:
    true, false = result.group_labels
    return {
        "known": "known",
        "all": f"all the others “{true}”",
        "none": f"all the others “{false}”",
        "with": f"with it “{true}”, without “{false}”",
        "without": f"without it “{true}”, with “{false}”",
    }


@table_of.register
def _(result: ComparisonExtremes) -> DisplayTable:
    rows = []
    for label, cases in result.rows:
        rows.append(Row((of_level(label, cases["known"]), "", "", ""), "heading"))
        said = _case_labels(result, label)
        rows += [Row((said[case], *_effect(found), p_value(found.test.p_value)), "level") for case, found in cases.items()]
    level = next((found.effect.confidence_level for _, cases in result.rows for found in cases.values() if found.effect), 0.95)
    return DisplayTable(
        name="comparison-extremes",
        title="The comparison at its best and worst",
        head=("", "Effect", f"{decimal(100 * level, 0)}% interval", "P"),
        rows=tuple(rows),
        frame=result.frame,
        notes=(
            f"The group of {result.unknown} {result.unit}s is not known (“the others”). Who lacks the variable stays left "
            f"out. Tests as taken of the known. Effect: odds ratio, or mean difference, {result.group_labels[0]} less "
            f"{result.group_labels[1]}.",
            *provenance_notes(result.provenance),
        ),
    )


def _effect(found: Comparison) -> tuple[str, str]:
    effect = found.effect
    return (
        (UNDEFINED, UNDEFINED)
        if effect is None
        else (significant(effect.estimate), interval(effect.conf_low, effect.conf_high, None))
    )


def _pooled_row(label: str, fit: PooledFit, column: str) -> Row:
    """Show a pooled ratio; the share of information that is missing stands behind it."""
    if column not in fit.terms:
        return Row((label, UNDEFINED, UNDEFINED, UNDEFINED, UNDEFINED), "level")
    row = fit.frame.set_index("term").loc[column]
    ends = interval(row[f"{fit.scale}_low"], row[f"{fit.scale}_high"], None)
    return Row(
        (label, significant(row[fit.scale]), ends, p_value(row["p_value"]), decimal(100 * row["missing_information"], 0)),
        "level",
    )


def _complete_row(label: str, fit: LogisticFit | FirthFit | CoxFit, column: str, scale: str) -> Row:
    if column not in fit.terms:  # nobody complete is at this level, or none at the one that others are compared with
        return Row((label, UNDEFINED, UNDEFINED, UNDEFINED, ""), "level")
    row = fit.frame.set_index("term").loc[column]
    ends = interval(row[f"{scale}_low"], row[f"{scale}_high"], None)
    return Row((label, significant(row[scale]), ends, p_value(row["p_value"]), ""), "level")


def _joint_rows(fit: PooledFit, labels: Mapping[str, str], kind: Literal["plain", "level"] = "plain") -> list[Row]:
    return [
        Row(
            (
                f"{labels[term]}: all levels together",
                "",
                f"F({test.df}, {decimal(test.df_denominator, 0)}) = {decimal(test.statistic, 2)}",
                p_value(test.p_value),
                "",
            ),
            kind,
        )
        for term, test in fit.joint.items()
    ]


@table_of.register
def _(result: ImputedModel) -> DisplayTable:
    study, whole = result.study, result.whole
    separated = study.full.separation.kind != "none"
    rows = []
    for term in dict.fromkeys([*study.plan.rows, *study.screening.candidates]):
        for column in columns_of_term(term, whole.fit.terms or study.full.terms):
            rows.append(Row((result.labels[column], "", "", "", ""), "heading"))
            rows.append(_pooled_row("alone, imputed", result.univariable[term], column))
            rows.append(
                _complete_row(
                    f"all candidates, complete{', Firth' if separated else ''}",
                    study.firth if separated else study.full,
                    column,
                    "odds_ratio",
                )
            )
            rows.append(_pooled_row("all candidates, imputed", whole.fit, column))
    rows += _joint_rows(whole.fit, result.labels)
    level = decimal(100 * study.full.confidence_level, 0)
    return DisplayTable(
        name="odds-ratios-imputed",
        title=f"Odds ratios of {lower_first(study.outcome_label)}, missing values imputed",
        head=("", "Odds ratio", f"{level}% interval", "P", "Missing information, %"),
        rows=tuple(rows),
        frame=result.frame,
        notes=(
            f"Complete: the {whole.complete} {result.unit}s who lack nothing. Imputed: {whole.fit.n} {result.unit}s, "
            f"{whole.fit.method}.",
            *imputation_notes(whole, result.labels),
            *(note for events, used in methods_told(result) for note in level_notes(used, events)),
            *provenance_notes(result.provenance),
        ),
    )


def columns_of_term(term: str, columns: Iterable[str]) -> list[str]:
    """Return the columns of a model that stand for a term."""
    return [column for column in columns if column == term or column.startswith(f"{term}: ")]


def imputation_notes(one: ImputedFit, labels: Mapping[str, str]) -> Iterator[str]:
    """Say what was imputed how, what it hangs on, and what to be wary of."""
    found = one.imputation
    by: dict[str, list[str]] = {}
    for name, method in found.methods.items():
        by.setdefault(method, []).append(f"{labels.get(name, name)} ({found.n_missing[name]})")
    said = "; ".join(f"by {method}: {', '.join(names)}" for method, names in by.items())
    if said:
        yield f"Values drawn, {said}. {found.iterations} rounds, seed {found.seed}."
    if one.left_out:
        yield f"Times and events are not imputed: {one.left_out} left out of {one.label}."
    for name, levels in found.separated.items():
        yield (
            f"The other variables tell perfectly, in some, whether {labels.get(name, name)} is {' or '.join(levels)}: how "
            "surely it is drawn there hangs on an augmentation."
        )
    if one.fit.refused:
        yield f"{one.label}, not pooled: {one.fit.refused}."
    yield (
        "Valid if the chance that a value is missing hangs on nothing but what the imputation model holds. Missing "
        "information: the share of what the estimate would rest on that is not there."
    )


@table_of.register
def _(result: ImputedCox) -> DisplayTable:
    rows, notes, known = [], [], dict(result.study.models)
    for one in result.models:
        complete = known[one.label]
        rows.append(
            Row(
                (
                    f"{one.label}: {one.fit.events[0]} events in {one.fit.n} {result.unit}s, {one.complete} complete",
                    "",
                    "",
                    "",
                    "",
                ),
                "heading",
            )
        )
        for column in one.fit.terms or complete.terms:
            label = result.labels[column]
            if not complete.refused:
                rows.append(_complete_row(f"{label}, complete", complete, column, "hazard_ratio"))
            rows.append(_pooled_row(f"{label}, imputed", one.fit, column))
        rows += _joint_rows(one.fit, result.labels, "level")
        if one.fit.refused:
            rows.append(_pooled_row("not pooled", one.fit, ""))
        labels = {**result.labels, **{name: name for name in one.imputation.methods if name.startswith(HAZARD)}}
        notes += [note for note in imputation_notes(one, labels) if note not in notes]
    head = ("", "Hazard ratio", f"{decimal(100 * result.confidence_level, 0)}% interval", "P", "Missing information, %")
    first = result.models[0].fit
    return DisplayTable(
        name="cox-imputed",
        title="Cox regression, missing values imputed",
        head=head,
        rows=tuple(rows),
        frame=result.frame,
        notes=(f"Imputed: {first.method}.", *notes, *provenance_notes(result.provenance)),
    )
