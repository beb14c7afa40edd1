"""Findings of survival in words; `finding` of `cohortbook.text.findings` learns them here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohortbook.plan.endpoints import CompetingStudy, CoxStudy, SurvivalStudy
from cohortbook.results import Hidden
from cohortbook.tables.style import general, spanned
from cohortbook.tables.tables import decimal, interval, p_value
from cohortbook.text.findings import listed, several
from cohortbook.text.findings_models import finding
from cohortbook.text.paragraph import Text

if TYPE_CHECKING:
    from cohortbook.survival.curves import SurvivalCurve

__all__ = ["caution", "finding", "immortal_finding"]


def _median(curve: SurvivalCurve, unit: str) -> str:
    if isinstance(curve.median, Hidden):
        return decimal(curve.median, 0)
    if curve.median != curve.median:
        return "not reached"
    low, high = (decimal(v, 0) if v == v else "not reached" for v in (curve.median_low, curve.median_high))
    return f"{decimal(curve.median, 0)} {unit} ({spanned(low, high)})"


def caution(provenance: str, text: str) -> Text:
    """Keep a result that rests on assumed values from reading like a finding."""
    return Text(
        f"*Illustration, not a finding: it rests on assumed values.* {text}" if provenance == "assumed" else text
    )


@finding.register
def _(result: SurvivalStudy, *, significance: float = 0.05) -> Text:
    plan, marks = result.plan, result.landmarks.to_dict("records")
    parts = [f"{decimal(100 * r['estimate'], 1)} % at {r['label']}" for r in marks]
    text = f"{plan.label}: {listed(parts)}; median {_median(result.overall, plan.unit)}." if parts else ""
    apart = [r for r in marks if r["printed"] == r["printed"] and abs(r["printed"] - r["estimate"]) > 0.005]
    if apart:
        worst = max(apart, key=lambda r: abs(r["printed"] - r["estimate"]))
        text += (
            f" The bands give {decimal(100 * worst['printed'], 1)} % at {worst['label']}, "
            f"{decimal(100 * abs(worst['estimate'] - worst['printed']), 1)} points off the curve: they count as dead whoever "
            "was followed for less."
        )
    text += f" Median follow-up (reverse Kaplan-Meier) {_median(result.follow_up, plan.unit)}."
    tests = [f"{s.label} P {p_value(s.test.p_value)}" for s in result.strata]
    return caution(result.provenance, text + (f" Log-rank: {listed(tests)}." if tests else ""))


def immortal_finding(result: SurvivalStudy) -> Text:
    """Say what the follow-up that eligibility required does to the curve and to the rate."""
    import numpy as np

    plan, late, naive = result.plan, result.rate, result.naive_rate
    if not result.entry or late.time_at_risk == naive.time_at_risk:
        return Text("Nobody enters late: every patient is at risk from the start.")
    moved = np.nanmax(np.abs(result.overall.survival - result.naive.survival))
    scale = result.units_per_year
    text = (
        f"Whoever had the event, or was lost, before the entry ({result.entry}) is not in the file. "
        if isinstance(result.entry, str)
        else f"Whoever had the event, or was lost, in the first {general(result.entry)} {plan.unit} is not in the file. "
    )
    text += (
        f"Taken from the start, {decimal(naive.time_at_risk / scale, 1)} years at risk count "
        f"{decimal((naive.time_at_risk - late.time_at_risk) / scale, 1)} in which nobody could have the event: the rate reads "
        f"{decimal(naive.estimate * scale, 2)} a year instead of {decimal(late.estimate * scale, 2)}. "
    )
    text += (
        "The curve does not move, but it means something else: survival of those who had already come so far, not survival "
        f"from {plan.origin} on."
        if moved < 1e-12
        else f"The curve moves by up to {decimal(100 * moved, 1)} points."
    )
    return caution(result.provenance, text)


@finding.register
def _(result: CompetingStudy, *, significance: float = 0.05) -> Text:
    marks = result.event.at(result.plan.landmarks).to_dict("records")
    parts = [f"{decimal(100 * r['estimate'], 1)} % ({interval(100 * r['conf_low'], 100 * r['conf_high'], 1)}) at "
             f"{decimal(r['time'], 0)} {result.survival.unit}" for r in marks]  # fmt: skip
    text = f"Cumulative incidence of {result.plan.label.lower()} ({several(result.event.events, 'event')}): {listed(parts)}."
    if marks:
        last = marks[-1]
        text += f" One less Kaplan-Meier would say {decimal(100 * last['naive'], 1)} % at the last."
    return caution(result.provenance, text)


@finding.register
def _(result: CoxStudy, *, significance: float = 0.05) -> Text:
    parts, assumed = [], result.provenance
    for name, fit in result.models:
        if fit.refused:
            parts.append(f"{name} was not fitted: {fit.refused}.")
            continue
        bent = [result.labels[c] for c, p in zip(fit.terms, fit.ph_p_values, strict=True) if p < significance]
        untested = [result.labels[c] for c, p in zip(fit.terms, fit.ph_p_values, strict=True) if p != p]
        said = (
            f"hazards are not proportional for {listed(bent)}"
            if bent
            else "nothing speaks against proportional hazards"
        )
        said += f", which cannot be tested for {listed(untested)}" if untested else ""
        parts.append(f"{name}: {said}.")
    return caution(assumed, " ".join(parts))
