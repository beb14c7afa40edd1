"""Findings of missing values in words; `finding` of `cohortbook.display.findings` learns them here."""

from __future__ import annotations

from cohortbook.display.findings import listed, several
from cohortbook.display.paragraph import Text
from cohortbook.display.tables import interval, p_value, percent, significant
from cohortbook.sections.missing.imputed import ImputedCox, ImputedModel
from cohortbook.sections.missing.missing import ComparisonExtremes, MissingStudy, OutcomeExtremes
from cohortbook.sections.survival.findings_visits import finding
from tallystats.results import lower_first
from tallystats.tolerance import below

__all__ = ["finding"]


@finding.register
def _(result: MissingStudy, *, significance: float = 0.05) -> Text:
    unit = result.unit
    text = (
        f"{result.complete} of {several(result.n, unit)} ({percent(result.complete, result.n)} %) lack nothing that the "
        "analyses use."
    )
    lost = [
        (name, cases)
        for name, cases in result.losses
        if cases.complete < cases.n and len(cases.terms) > 1 and not name.startswith("Comparison")
    ]
    if lost:
        text += " Complete are: " + "; ".join(f"{name}, {cases.complete}" for name, cases in lost) + "."
        costly = {term: only for _, cases in lost for term, only in zip(cases.terms, cases.n_only, strict=True) if only}
        if costly:
            worst = max(costly, key=lambda term: costly[term])
            text += f" {result.labels[worst]} alone costs up to {several(costly[worst], unit)}."
    apart = [one for one in result.by_outcome if below(one.test.p_value, significance)]
    if apart:
        names = listed([f"{result.labels[one.term]} (P {p_value(one.test.p_value)})" for one in apart])
        text += f" How often a value is missing differs by {_low(result.outcome_label)} for {names}: complete {unit}s are no "
        text += "sample of all."
    return Text(text)


def _low(name: str) -> str:
    return name if name.startswith("Cox") else lower_first(name)


@finding.register
def _(result: OutcomeExtremes, *, significance: float = 0.05) -> Text:
    found = result.rates
    ends = [f"{p.events} of {p.total} ({percent(p.events, p.total)} %)" for p in (found.none, found.everybody)]
    return Text(
        f"In {several(found.unknown, result.unit)} it is not known whether the outcome came about. If in none of them, the "
        f"rate is {ends[0]}; if in all, {ends[1]}."
    )


@finding.register
def _(result: ComparisonExtremes, *, significance: float = 0.05) -> Text:
    limit = result.significance
    moved, stand = [], 0
    for label, cases in result.rows:
        sides = {below(found.test.p_value, limit) for found in cases.values() if found.test.p_value == found.test.p_value}
        p_values = [found.test.p_value for found in cases.values() if found.test.p_value == found.test.p_value]
        if len(sides) > 1:
            moved.append(f"{label} (P {p_value(min(p_values))} to {p_value(max(p_values))})")
        stand += len(sides) == 1
    text = f"The group of {several(result.unknown, result.unit)} is not known. "
    if not moved:
        return Text(f"{text}Whatever it is, no P crosses {limit:g} in the cases that were tried.")
    verb = "hangs" if len(moved) == 1 else "hang"
    more = f"; {stand} others stand in all of them" if stand else ""
    return Text(f"{text}On it {verb} whether P lies below {limit:g} for {listed(moved)}{more}.")


@finding.register
def _(result: ImputedModel, *, significance: float = 0.05) -> Text:
    whole, fit, study = result.whole, result.whole.fit, result.study
    if fit.refused:
        return Text(f"The imputed data sets were not pooled: {fit.refused}.")
    complete = study.firth if study.full.separation.kind != "none" else study.full
    rows = fit.frame.set_index("term").to_dict("index")
    columns = [term for term in fit.terms if term != "intercept"]
    name = f"the logistic model of {lower_first(study.outcome_label)}"
    return Text(_moved(name, "Odds ratios", rows, columns, complete, result, whole, significance))


def _moved(what: str, ratios: str, rows: dict, columns: list[str], complete, result, one, significance: float) -> str:
    """Say on whom a model rests with and without imputation, its estimates, and what crosses the threshold."""
    scale = one.fit.scale
    shown = []
    for column in columns:
        row = rows[column]
        ends = interval(row[f"{scale}_low"], row[f"{scale}_high"], None)
        shown.append(f"{result.labels[column]} {significant(row[scale])} ({ends}; P {p_value(row['p_value'])})")
    before = dict(zip(complete.terms, complete.p_values, strict=True))
    crossed = [
        result.labels[c]
        for c in columns
        if c in before and below(rows[c]["p_value"], significance) != below(before[c], significance)
    ]
    text = (
        f"With missing values imputed, {what} rests on {one.fit.n} {result.unit}s instead of the {one.complete} complete ones. "
        f"{ratios}: {listed(shown)}. "
    )
    verdict = f"{listed(crossed)}: P lies on the other side of {significance:g} than in complete {result.unit}s"
    return text + (f"**{verdict}.**" if crossed else f"No P crosses {significance:g} for it.")


@finding.register
def _(result: ImputedCox, *, significance: float = 0.05) -> Text:
    parts, known = [], dict(result.study.models)
    for one in result.models:
        if one.fit.refused:
            parts.append(f"{one.label}: the imputed data sets were not pooled ({one.fit.refused}).")
            continue
        rows = one.fit.frame.set_index("term").to_dict("index")
        parts.append(
            _moved(
                f"the Cox model of {_low(one.label)}",
                "Hazard ratios",
                rows,
                list(one.fit.terms),
                known[one.label],
                result,
                one,
                significance,
            )
        )
    return Text(" ".join(parts))
