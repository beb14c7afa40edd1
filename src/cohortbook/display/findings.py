"""Findings in words: sentences rendered from results, never typed, so that they hold under any parameters."""

from __future__ import annotations

import functools
from typing import Any

from cohortbook.display.paragraph import Text
from cohortbook.display.style import general
from cohortbook.display.tables import decimal, p_value, percent
from cohortbook.sections.comparison.analysis import GroupComparison, NumericSummaries, OutcomeRate
from studyfile.cohort.cohort import Cohort
from tallystats.results import NotPlanned, listed
from tallystats.tolerance import below


def provenance_finding(cohort: Cohort) -> Text:
    """Say how many recorded variables rest on what."""
    study = cohort.study
    by: dict[str, list[str]] = {}
    for name in study.file.variables:
        by.setdefault(study.provenance(name), []).append(study.label(name))
    parts = [f"{len(names)} of {len(study.file.variables)} recorded variables are {kind}" for kind, names in by.items()]
    text = "; ".join(parts) + "."
    if "assumed" in by:
        text += f" Assumed, so that nothing that rests on them is a finding: {listed(by['assumed'])}."
    return Text(text)


@functools.singledispatch
def finding(result: Any, *, significance: float = 0.05) -> Text:
    """Say in a sentence or two what a result shows."""
    raise TypeError(f"result: no finding is written for {type(result).__name__}")


#: What stands before words on results that rest on assumed values.
ILLUSTRATION = "*Illustration, not a finding: it rests on assumed values.*"

#: What is said of a reconstruction's model, where it stands for all.
JOINT_COUNTS = "Which values occur together is not printed: other joint counts that print the same tables give other numbers."


def caution(provenance: str, text: str) -> Text:
    """Keep a result that rests on assumed values from reading like a finding."""
    return Text(f"{ILLUSTRATION} {text}" if provenance == "assumed" else text)


def several(n: int, one: str, many: str = "") -> str:
    """Count something in words: 1 patient, 2 patients; 2 women."""
    return f"{n} {one if n == 1 else many or f'{one}s'}"


def synthetic_banner(cohort: Cohort) -> Text:
    """Say loudly that the rows are not real patients, where the study file says so."""
    words = cohort.study.file.study.synthetic
    text = f"> **Synthetic patients.** {words}" if words else f"Data: {cohort.source}."
    if cohort.suppress_below:
        text += (
            f" Counts from 1 to {cohort.suppress_below - 1} are not shown, nor what would reveal them; nor are extremes of "
            "numbers, each the value of one patient."
        )
    return Text(text)


@finding.register
def _(result: NotPlanned, *, significance: float = 0.05) -> Text:
    return Text(result.reason)


@finding.register
def _(result: Cohort, *, significance: float = 0.05) -> Text:
    study = result.study
    units = (study.file.study.unit, study.units)
    unknown = sum(step.excluded is None for step in result.flow)
    known = sum(step.excluded or 0 for step in result.flow if step.remaining is not None)
    incomplete = [study.label(name) for name in study.file.variables if result.missing(name)]
    text = f"{several(result.size, *units)} are analysed; {several(known, *units)} in the file were not eligible."
    if unknown:
        text += f" How many were left out at {unknown} earlier steps was not reported."
    text += f" Values are missing in {listed(incomplete)}." if incomplete else " No value is missing."
    return Text(text)


@finding.register
def _(result: NumericSummaries, *, significance: float = 0.05) -> Text:
    if not result.parts:
        return Text("There is no numeric variable.")
    skewed = [result.labels[s.term] for s, t in result.parts if below(t.p_value, significance)]
    others = [result.labels[s.term] for s, t in result.parts if t.p_value == t.p_value and not below(t.p_value, significance)]
    text = f"Shapiro-Wilk rejects a normal distribution (P < {general(significance)}) for {listed(skewed) or 'none'}"
    return Text(text + (f"; not for {listed(others)}." if others else "."))


@finding.register
def _(result: OutcomeRate, *, significance: float = 0.05) -> Text:
    exact = next(p for p in result.intervals if p.method == "clopper-pearson")
    low, high = 100 * exact.conf_low, 100 * exact.conf_high
    outside = [label for label, share, _ in result.elsewhere if not low <= 100 * share <= high]
    inside = [label for label, share, _ in result.elsewhere if low <= 100 * share <= high]
    text = (
        f"{result.label}: {exact.events} of {exact.total} ({percent(exact.events, exact.total)} %). The data are compatible "
        f"with any rate from {decimal(low, 1)} to {decimal(high, 1)} %"
    )
    if inside:
        text += f", so the study cannot be told apart from {listed(inside)}"
    if outside:
        text += f"; the rate of {listed(outside)} lies outside"
    return Text(text + ".")


@finding.register
def _(result: GroupComparison, *, significance: float = 0.05) -> Text:
    plan = result.plan
    small = [
        (label, row)
        for label, row in zip(result.labels, result.rows, strict=True)
        if below(row.test.p_value, plan.significance)
    ]
    text = "1 test is defined. " if result.n_tests == 1 else f"{result.n_tests} tests are defined. "
    hidden = f" Not shown, to protect patients: {listed(result.withheld)}." if result.withheld else ""
    if not small:
        return Text(text + f"None has P < {general(plan.significance)}.{hidden}")
    text += f"P < {general(plan.significance)} unadjusted: " + listed(
        [f"{label} ({p_value(row.test.p_value)})" for label, row in small]
    )
    kept = {method: sum(below(p, plan.significance) for p in values) for method, values in result.adjusted.items()}
    text += ". After adjustment there remain " + ", ".join(f"{n} by {_method(method)}" for method, n in kept.items())
    if plan.threshold:
        kept = sum(below(row.test.p_value, plan.threshold) for row in result.rows)
        text += f"; {kept} by {plan.threshold_label or 'the stated threshold'} (P < {general(plan.threshold)})"
    doubtful = [label for label, row in small if row.expected_below_5]
    if doubtful:
        whose = "Fisher's exact" if len(result.heads) == 2 else "exact"
        exact = [f"{label} {p_value(row.fisher.p_value)}" for label, row in small if row.expected_below_5 and row.fisher]
        text += f". Expected counts under 5 put the chi-square of {listed(doubtful)} in doubt; {whose} P: " + listed(exact)
    late = [label for label, row in small if row.term in result.after]
    if late:
        text += f". {listed(late)}: known only after {result.procedure}, so no predictor of what may precede it"
    return Text(f"{text}.{hidden}")


def _method(method: str) -> str:
    return "-".join(part.capitalize() for part in method.split("-"))
