"""Findings of survival in words; `finding` of `cohortbook.display.findings` learns them here."""

from __future__ import annotations

import numpy as np

from cohortbook.display.findings import ILLUSTRATION, caution, listed, several
from cohortbook.display.paragraph import Text
from cohortbook.display.style import general, spanned
from cohortbook.display.tables import decimal, interval, p_value, significant
from cohortbook.sections.model.findings_worth import finding
from cohortbook.sections.survival.endpoints import FEW, CompetingStudy, Stratum, SurvivalStudy
from cohortbook.sections.survival.hazards import CompetingModels, CoxStudy
from cohortbook.sections.survival.layouts_survival import NO_GRAY, level_name, no_groups
from printcheck.printed.published import sure
from studyfile.privacy.guard import withheld
from tallystats.results import Hidden, NotPlanned, lower_first
from tallystats.survival.cox import CoxFit
from tallystats.survival.cox_firth import FirthCoxFit
from tallystats.survival.curves import SurvivalCurve
from tallystats.survival.logrank import LogRank
from tallystats.tolerance import below

__all__ = [
    "caution",
    "finding",
    "follow_up_finding",
    "group_finding",
    "group_incidence_finding",
    "immortal_finding",
    "survival_finding",
]


def _median(curve: SurvivalCurve, unit: str) -> str:
    if isinstance(curve.median, Hidden):
        return decimal(curve.median, 0)
    if curve.median != curve.median:
        return "not reached"
    low, high = (decimal(v, 0) if v == v else "not reached" for v in (curve.median_low, curve.median_high))
    return f"{decimal(curve.median, 0)} {unit} ({spanned(low, high)})"


@finding.register
def _(result: SurvivalStudy, *, significance: float = 0.05) -> Text:
    plan, marks = result.plan, result.landmarks.to_dict("records")
    parts = [f"{decimal(100 * r['estimate'], 1)} % at {r['label']}" for r in marks]
    text = f"{plan.label}: {listed(parts)}; median {_median(result.overall, plan.unit)}." if parts else ""
    apart = [r for r in marks if r["printed"] == r["printed"] and sure(abs(r["printed"] - r["estimate"])) > 0.005]
    if apart:
        worst = max(apart, key=lambda r: sure(abs(r["printed"] - r["estimate"])))
        text += (
            f" The bands give {decimal(100 * worst['printed'], 1)} % at {worst['label']}, "
            f"{decimal(100 * abs(worst['estimate'] - worst['printed']), 1)} points off the curve: they count as dead whoever "
            "was followed for less."
        )
    return caution(result.provenance, text)


def follow_up_finding(result: SurvivalStudy) -> Text:
    """Say for how long patients were followed, and up to when the curve rests on enough of them."""
    plan, curve = result.plan, result.overall
    enough = curve.times[curve.n_risk >= FEW]
    text = f"Median follow-up (reverse Kaplan-Meier) {_median(result.follow_up, plan.unit)}."
    if len(enough) and enough[-1] < curve.times[-1]:
        text += (
            f" Beyond {decimal(enough[-1], 0)} {plan.unit} fewer than {FEW} patients are at risk: what the curve does there "
            "hangs on single patients."
        )
    return caution(result.provenance, text)


def group_finding(result: SurvivalStudy, *, significance: float = 0.05) -> Text:
    """Say what the tests between groups, and the restricted means, find."""
    if not result.strata:
        return Text(no_groups(result).reason)
    said = [_group_words(result, stratum, significance) for stratum in result.strata]
    return caution(result.provenance, " ".join(said))


def _group_words(result: SurvivalStudy, stratum: Stratum, significance: float) -> str:
    defined = [test for test in stratum.tests if not test.reason]
    if not defined:
        return f"{stratum.label}: no test is defined, as {stratum.test.reason}."
    text = f"{stratum.label}: {_test_words(defined[0])} P {p_value(defined[0].p_value)}"
    means = stratum.means
    reference = level_name(means.means[0].group)
    differences = zip(means.means[1:], means.estimates, means.conf_low, means.conf_high, strict=True)
    apart = [
        f"{level_name(mean.group)} {decimal(difference, 0)} ({interval(low, high, 0)})"
        for mean, difference, low, high in differences
        if low == low
    ]
    if apart:
        text += (
            f"; mean up to {decimal(means.tau, 0)} {result.plan.unit}, difference from {reference} in {result.plan.unit}: "
            f"{listed(apart)}"
        )
    others = [test for test in defined[1:] if below(test.p_value, significance) != below(defined[0].p_value, significance)]
    if others:
        words = listed([f"{_test_words(test)} P {p_value(test.p_value)}" for test in others])
        text += f". Otherwise at {general(significance)}: {words}; only the test planned first counts"
    return text + "."


def _test_words(test: LogRank) -> str:
    name = test.method.partition(", ")[0] + " for trend" * (", trend" in test.method)
    return name + " within strata" * ("stratified by" in test.method)


def immortal_finding(result: SurvivalStudy) -> Text:
    """Say what the follow-up that eligibility required does to the curve and to the rate."""
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
    parts = [
        f"{decimal(100 * r['estimate'], 1)} % ({interval(100 * r['conf_low'], 100 * r['conf_high'], 1)}) at "
        f"{decimal(r['time'], 0)} {result.survival.unit}"
        for r in marks
    ]
    text = (
        f"Cumulative incidence of {lower_first(result.plan.label)} ({several(result.event.events, 'event')}): {listed(parts)}."
    )
    if marks:
        last = marks[-1]
        text += f" One less Kaplan-Meier would say {decimal(100 * last['naive'], 1)} % at the last."
    return caution(result.provenance, text)


def group_incidence_finding(result: CompetingStudy | NotPlanned, *, significance: float = 0.05) -> Text:
    """Say what Gray's tests find (where patients enter late, log-rank tests), and whether there are events enough."""
    if not result:
        return Text(result.reason)
    if not result.groups:
        planned = "The study file plans no comparison of the competing event between groups."
        return Text(withheld().reason if result.withheld else planned)
    tests = [f"{group.label} P {p_value(group.event.p_value)}" for group in result.groups if not group.refusal(group.event)]
    refused = {group.refusal(group.event): None for group in result.groups}
    name = f"{'Log-rank' if result.entry else 'Gray’s'} test of {lower_first(result.plan.label)}"
    parts = [f"{name}: {listed(tests)}."] * bool(tests)
    parts += [f"{name} is not made: {why}." for why in refused if why]
    parts += [NO_GRAY] * bool(result.entry)
    text = " ".join(parts)
    return caution(result.provenance, text)


@finding.register
def _(result: CoxStudy, *, significance: float = 0.05) -> Text:
    fit, name = result.fit, result.plan.label
    if fit.refused:
        text = f"{name} was not fitted: {fit.refused}."
        if result.firth and not result.firth.refused:
            text += f" Firth’s method gives finite estimates: {listed(_ratios(result.firth, result.labels))}."
        return caution(result.provenance, text)
    bent = [result.labels[c] for c, p in zip(fit.terms, fit.ph_p_values, strict=True) if below(p, significance)]
    untested = [result.labels[c] for c, p in zip(fit.terms, fit.ph_p_values, strict=True) if p != p]
    said = f"hazards are not proportional for {listed(bent)}" if bent else "nothing speaks against proportional hazards"
    said += f", which cannot be tested for {listed(untested)}" if untested else ""
    text = (
        f"{name}, hazard ratios: {listed(_ratios(fit, result.labels))}. {said[:1].upper()}{said[1:]} "
        f"(all terms P {p_value(fit.ph_global_p_value)}). Concordance {decimal(fit.concordance, 2)}."
    )
    if bent:
        text += " One ratio for all times is then an average over the follow-up; the residuals show how it changes."
    return caution(result.provenance, text)


def _ratios(fit: CoxFit | FirthCoxFit, labels: dict[str, str]) -> list[str]:
    return [
        f"{labels[row['term']]} {significant(row['hazard_ratio'])} "
        f"({interval(row['hazard_ratio_low'], row['hazard_ratio_high'], None)}; P {p_value(row['p_value'])})"
        for row in fit.frame.to_dict("records")
    ]


@finding.register
def _(result: CompetingModels, *, significance: float = 0.05) -> Text:
    parts = []
    for one in result.causes:
        refused = {fit.refused for fit in (one.own, one.sub) if fit.refused}
        if refused:
            beside = one.firth and not one.firth.refused
            parts.append(
                f"{one.cause} was not modelled: {listed(sorted(refused))}"
                + (f". What Firth’s method gives beside hangs on {several(one.own.events, 'event')}." if beside else ".")
            )
            continue
        told = []
        for column, own, sub in zip(one.own.terms, one.own.p_values, one.sub.p_values, strict=True):
            if below(own, significance) != below(sub, significance):
                told.append(result.labels[column])
        parts.append(
            f"{one.cause}: the two models disagree on {listed(told)} at {general(significance)}; what moves a hazard need not "
            "move the share."
            if told
            else f"{one.cause}: both models say the same at {general(significance)}."
        )
    return caution(result.provenance, " ".join(parts))


def survival_finding(result: SurvivalStudy, *, significance: float = 0.05) -> Text:
    """Sum up what can be said of survival, for the end of the notebook and for a manuscript."""
    parts = [finding(result), follow_up_finding(result)]
    if result.strata:
        parts.append(group_finding(result, significance=significance))
    plain = [str(part).removeprefix(ILLUSTRATION + " ") for part in parts]
    return caution(result.provenance, " ".join(plain))
