"""What the tables of survival show; `table_of` of `cohortbook.display.layouts` learns them here."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cohortbook.display.layouts import provenance_notes, table_of
from cohortbook.display.level_methods import of_group_means, of_group_tests, of_landmarks, of_strata, of_times
from cohortbook.display.level_notes import level_notes
from cohortbook.display.style import spanned
from cohortbook.display.tables import UNDEFINED, DisplayTable, Row, decimal, interval, p_value, significant
from cohortbook.sections.survival.endpoints import CompetingStudy, SurvivalStudy
from studyfile.privacy.guard import SMALL, withheld
from tallystats.results import Hidden, NotPlanned, lower_first
from tallystats.survival.curves import SurvivalCurve

__all__ = [
    "group_incidence_table",
    "group_mean_table",
    "group_test_table",
    "landmark_table",
    "rate_table",
    "stratum_table",
    "table_of",
    "times_table",
]

#: Said where patients enter late and groups are compared.
NO_GRAY = (
    "Gray’s test of the incidence supposes that all are at risk from the start and has no form for late entries: the "
    "log-rank test compares the hazard of each cause among those still free of both."
)


@table_of.register
def _(result: SurvivalStudy) -> DisplayTable:
    return landmark_table(result)


def _estimate(row: Any) -> str:
    return f"{decimal(100 * row['estimate'], 1)} ({interval(100 * row['conf_low'], 100 * row['conf_high'], 1)})"


def landmark_table(result: SurvivalStudy) -> DisplayTable:
    """Lay out survival at the plan's times beside what the printed bands give."""
    rows, bands = [], bool(result.plan.bands)
    for row in result.landmarks.to_dict("records"):
        printed = [f"{decimal(100 * row['printed'], 1)} ({decimal(row['printed_n'], 0)} of {result.size})"] * bands
        rows.append(Row((row["label"], decimal(row["n_risk"], 0), _estimate(row), *printed)))
    level = decimal(100 * result.overall.confidence_level, 0)
    notes = (
        *[
            "The bands count everybody who was followed longer, and so take the living who were followed for less for dead; "
            "the curve takes them for censored."
        ]
        * bands,
        *result.notes,
        *level_notes(of_landmarks(result), result.overall.events),
        *provenance_notes(result.provenance),
    )
    return DisplayTable(
        name="survival",
        title=f"{result.plan.label} at fixed times",
        head=("", "At risk", f"Kaplan-Meier, % ({level}% interval)", *["Followed longer, by the bands, % (n)"] * bands),
        rows=tuple(rows),
        frame=result.landmarks,
        notes=notes,
    )


def _median(curve: SurvivalCurve) -> str:
    if isinstance(curve.median, Hidden):
        return decimal(curve.median, 0)
    if curve.median != curve.median:
        return "not reached"
    low, high = (decimal(v, 0) if v == v else "not reached" for v in (curve.median_low, curve.median_high))
    return f"{decimal(curve.median, 0)} ({spanned(low, high)})"


def times_table(result: SurvivalStudy) -> DisplayTable:
    """Lay out the times by which given shares have had the event, the restricted mean, and how long patients were followed."""
    plan, mean = result.plan, result.mean
    quantiles, follow_up = result.quantiles, result.followed
    rows = [
        Row((f"{decimal(100 * row['probability'], 0)} % have had the event", *_time(row)))
        for row in quantiles.to_dict("records")
    ]
    rows.append(
        Row(
            (
                f"Mean up to {decimal(mean.tau, 0)} {plan.unit}",
                decimal(mean.estimate, 0),
                interval(mean.conf_low, mean.conf_high, 0),
            )
        )
    )
    rows += [Row(("Follow-up, median", *_time(row))) for row in follow_up.to_dict("records")]
    frames = [
        quantiles.assign(term="quantile"),
        follow_up.assign(term="follow-up", method=result.follow_up.method),
        mean.frame.assign(term="restricted mean"),
    ]
    level = decimal(100 * result.overall.confidence_level, 0)
    reason = f" {UNDEFINED} Mean: {mean.reason}." if mean.reason else ""
    return DisplayTable(
        name="times",
        title=f"{plan.label} in {plan.unit}",
        head=("", plan.unit.capitalize(), f"{level}% interval"),
        rows=tuple(rows),
        frame=pd.concat(frames, ignore_index=True),
        notes=(
            f"Quantiles where the curve and its {result.conf_type} limits fall so far; not reached: they do not. Mean: the "
            f"area under the curve up to then, Wald's interval; it counts nothing that comes later.{reason}",
            *level_notes(of_times(result), result.overall.events),
            *provenance_notes(result.provenance),
        ),
    )


def _time(row: Any) -> tuple[str, str]:
    """Format a time and its interval; what is not reached is said so."""
    value, *ends = (_reached(row[name]) for name in ("estimate", "conf_low", "conf_high"))
    return value, spanned(*ends) if ends[0] != ends[1] else ends[0]


def _reached(value: float) -> str:
    return "not reached" if value != value and not isinstance(value, Hidden) else decimal(value, 0)


def rate_table(result: SurvivalStudy) -> DisplayTable:
    """Lay out the event rate with and without the time in which nobody could have the event."""
    rows = []
    for label, rate in (("From the start, naive", result.naive_rate), ("From the entry, as planned", result.rate)):
        scale = result.units_per_year
        rows.append(
            Row(
                (
                    label,
                    str(rate.events),
                    decimal(rate.time_at_risk / scale, 1),
                    decimal(rate.estimate * scale, 3),
                    interval(rate.conf_low * scale, rate.conf_high * scale, 3),
                )
            )
        )
    frame = pd.concat([result.naive_rate.frame, result.rate.frame], ignore_index=True)
    return DisplayTable(
        name="rate",
        title="Events per year at risk",
        head=("", "Events", "Years at risk", "Events per year", f"{decimal(100 * result.rate.confidence_level, 0)}% interval"),
        rows=tuple(rows),
        frame=frame,
        notes=(
            "Exact Poisson intervals.",
            *level_notes([("interval", result.rate.method)], result.rate.events),
            *provenance_notes(result.provenance),
        ),
    )


def stratum_table(result: SurvivalStudy) -> DisplayTable:
    """Lay out median survival by group and the log-rank test of each stratifying variable."""
    rows, first = [], "Log-rank"
    for stratum in result.strata:
        test = stratum.test
        first = test_name(test)
        rows.append(Row((stratum.label, "", "", "", "", p_value(test.p_value)), "heading"))
        expected = dict(zip(test.groups, test.expected, strict=True))
        for curve in stratum.curves:
            rows.append(
                Row(
                    (
                        level_name(curve.group),
                        str(curve.n),
                        str(curve.events),
                        decimal(expected.get(curve.group), 1),
                        _median(curve),
                        "",
                    ),
                    "level",
                )
            )
    reasons = [f"{UNDEFINED} {s.label}: {s.test.reason}." for s in result.strata if s.test.reason]
    frame = pd.concat([s.test.frame for s in result.strata], ignore_index=True) if result.strata else pd.DataFrame()
    level = decimal(100 * result.overall.confidence_level, 0)
    return DisplayTable(
        name="strata",
        title=f"{result.plan.label} by group",
        head=("", "n", "Events", "Expected", f"Median, {result.plan.unit} ({level}% interval)", f"{first} P"),
        rows=tuple(rows),
        frame=frame,
        notes=(*reasons, *level_notes(of_strata(result), result.overall.events), *provenance_notes(result.provenance)),
    )


def no_groups(result: SurvivalStudy) -> NotPlanned:
    """Say why nothing is compared: no groups are planned, or none may be shown."""
    return withheld() if result.plan.strata else NotPlanned("The study file plans no comparison of survival between groups.")


def test_name(test: Any) -> str:
    """Name a test between groups as it stands at the head of a line."""
    name = test.method.partition(", ")[0] + " for trend" * (", trend" in test.method)
    return name[:1].upper() + name[1:]


def group_test_table(result: SurvivalStudy) -> DisplayTable | NotPlanned:
    """Lay out the planned tests between the groups of each stratifying variable."""
    if not result.strata:
        return no_groups(result)
    rows, reasons = [], {}
    for stratum in result.strata:
        rows.append(Row((stratum.label, "", "", ""), "heading"))
        for test in stratum.tests:
            name = test_name(test) + " within strata" * ("stratified by" in test.method)
            df = str(test.df) if not test.reason else UNDEFINED
            rows.append(Row((name, significant(test.statistic), df, p_value(test.p_value)), "level"))
            if test.reason:
                reasons[f"{UNDEFINED} {stratum.label}: {test.reason}."] = None
    frame = pd.concat([test.frame for stratum in result.strata for test in stratum.tests], ignore_index=True)
    return DisplayTable(
        name="group-tests",
        title=f"{result.plan.label}: tests between groups",
        head=("", "Chi-square", "df", "P"),
        rows=tuple(rows),
        frame=frame,
        notes=(
            *_told_tests(result),
            *reasons,
            *level_notes(of_group_tests(result), result.overall.events),
            *provenance_notes(result.provenance),
        ),
    )


def _told_tests(result: SurvivalStudy) -> list[str]:
    plan = result.plan
    told = {
        "gehan": "Gehan-Breslow weighs early differences most",
        "tarone-ware": "Tarone-Ware lies between that and the log-rank test",
        "peto-peto": "Peto-Peto weighs early differences and is moved little by censoring",
        "fleming-harrington": "Fleming-Harrington weighs by S^rho (1 − S)^gamma",
        "trend": "a trend has one degree of freedom along the order of the levels",
    }
    said = [told[test] for test in plan.tests if test in told]
    if plan.test_strata:
        said.append("within strata: patients are compared with those of their own")
    notes = ["The log-rank test weighs all events alike" + "".join(f"; {text}" for text in said) + "."]
    if len(plan.tests) > 1:
        notes.append("Each test asks another question: which one counts is to be chosen before the data are seen.")
    return notes


def group_mean_table(result: SurvivalStudy) -> DisplayTable | NotPlanned:
    """Lay out restricted mean survival of each group, and its difference from the first."""
    if not result.strata:
        return no_groups(result)
    rows, reasons = [], []
    for stratum in result.strata:
        found = stratum.means
        rows.append(Row((f"{stratum.label}, up to {decimal(found.tau, 0)} {result.plan.unit}", "", "", "", ""), "heading"))
        for k, mean in enumerate(found.means):
            ends = interval(mean.conf_low, mean.conf_high, 0)
            own = decimal(mean.estimate, 0) + (f" ({ends})" if ends != UNDEFINED else "")
            against = ("reference", "")
            if k:
                difference = decimal(found.estimates[k - 1], 0)
                ends = interval(found.conf_low[k - 1], found.conf_high[k - 1], 0)
                against = (f"{difference} ({ends})" if ends != UNDEFINED else UNDEFINED, p_value(found.p_values[k - 1]))
            rows.append(Row((level_name(mean.group), own, decimal(mean.std_error, 1), *against), "level"))
        if len(found.means) > 2:
            rows.append(Row(("all alike", "", "", "", p_value(found.p_value)), "level"))
        reasons += [f"{UNDEFINED} {stratum.label}: {found.reason}."] if found.reason else []
    level = decimal(100 * result.overall.confidence_level, 0)
    frames = [s.means.frame.assign(by=s.name) for s in result.strata]
    frames += [mean.frame.assign(by=s.name) for s in result.strata for mean in s.means.means]
    return DisplayTable(
        name="group-means",
        title=f"{result.plan.label}: restricted mean by group",
        head=("", f"Mean, {result.plan.unit} ({level}% interval)", "SE", f"Difference ({level}% interval)", "P"),
        rows=tuple(rows),
        frame=pd.concat(frames, ignore_index=True),
        notes=(
            "The area under each curve up to the time named: how much of it patients have before the event, on average. It "
            "supposes no proportional hazards.",
            *reasons,
            *level_notes(of_group_means(), result.overall.events),
            *provenance_notes(result.provenance),
        ),
    )


def level_name(level: Any) -> str:
    """Name a level of a group: yes and no for a boolean."""
    return {True: "yes", False: "no"}.get(level, str(level)) if isinstance(level, bool) else str(level)


@table_of.register
def _(result: CompetingStudy) -> DisplayTable:
    rows, frames = [], []
    for curve in (result.event, result.death):
        rows.append(Row((curve.cause, "", "", ""), "heading"))
        read = curve.at(result.plan.landmarks)
        # Not the whole curve: its steps are the times of single patients.
        frames.append(read.assign(term=curve.cause, n=curve.n, n_missing=curve.n_missing, method=curve.method))
        for row in read.to_dict("records"):
            rows.append(
                Row(
                    (
                        f"{decimal(row['time'], 0)} {result.survival.unit}",
                        decimal(row["n_risk"], 0),
                        _estimate(row),
                        decimal(100 * row["naive"], 1),
                    ),
                    "level",
                )
            )
    level = decimal(100 * result.event.confidence_level, 0)
    return DisplayTable(
        name="incidence",
        title=f"Cumulative incidence of {lower_first(result.plan.label)}, death competing",
        head=("", "At risk", f"Aalen-Johansen, % ({level}% interval)", "One less Kaplan-Meier, %"),
        rows=tuple(rows),
        frame=pd.concat(frames, ignore_index=True),
        notes=(
            "One less Kaplan-Meier takes a competing death for censoring, as if the dead could still have the event: it is "
            "too high.",
            "An event counts when it was seen; one that was there and not looked for is missed.",
            *_entered(result),
            *level_notes([("interval", "Aalen-Johansen")], result.event.events),
            *provenance_notes(result.provenance),
        ),
    )


def _entered(result: CompetingStudy) -> list[str]:
    """Say that patients count as at risk from their entry, and who is left out for it."""
    if not result.entry:
        return []
    said = [f"At risk from the entry ({result.entry})."]
    if isinstance(result.before_entry, Hidden) or result.before_entry:
        said.append(f"Left out, as they had {lower_first(result.plan.label)} by then: {result.before_entry}.")
    return said


def group_incidence_table(result: CompetingStudy | NotPlanned) -> DisplayTable | NotPlanned:
    """Lay out the cumulative incidence of the event in each group, and Gray's tests of it and of death."""
    if not result:
        return result
    if not (result.groups or result.withheld) or not result.plan.landmarks:
        return NotPlanned("The study file plans no comparison of the competing event between groups.")
    if result.withheld and not result.groups:
        return withheld()
    last, rows, reasons, frames = max(result.plan.landmarks), [], {}, []
    for group in result.groups:
        tests = [UNDEFINED if group.refusal(test) else p_value(test.p_value) for test in (group.event, group.death)]
        rows.append(Row((group.label, "", "", "", *tests), "heading"))
        for level, event, death in group.curves:
            row = event.at([last]).to_dict("records")[0]
            rows.append(Row((level_name(level), str(event.n), str(event.events), _known(row), "", ""), "level"))
            # Not the whole curves: their steps are the times of single patients.
            frames += [
                curve.at([last]).assign(
                    term=curve.cause, by=group.name, group=level, n=curve.n, n_missing=curve.n_missing, method=curve.method
                )
                for curve in (event, death)
            ]
        for test, cause in ((group.event, result.event.cause), (group.death, result.death.cause)):
            if why := group.refusal(test):
                reasons[f"{UNDEFINED} {group.label}, {lower_first(cause)}: {why}."] = None
    level = decimal(100 * result.event.confidence_level, 0)
    when = f"{decimal(last, 0)} {result.survival.unit}"
    gone = [f"Not shown, as {SMALL}: {'; '.join(result.withheld)}."] if result.withheld else []
    return DisplayTable(
        name="incidence-groups",
        title=f"Cumulative incidence of {lower_first(result.plan.label)} by group",
        head=(
            "",
            "n",
            "Events",
            f"At {when}, % ({level}% interval)",
            *(f"{result.test.capitalize()} P: {lower_first(one.cause)}" for one in (result.event, result.death)),
        ),
        rows=tuple(rows),
        frame=pd.concat(frames, ignore_index=True),
        notes=(
            NO_GRAY
            if result.entry
            else "Gray’s test compares cumulative incidence; a log-rank test that censors the dead compares something else.",
            *_entered(result),
            *level_notes([("test", result.test)] * bool(result.groups), result.event.events),
            *reasons,
            *gone,
            *provenance_notes(result.provenance),
        ),
    )


def _known(row: Any) -> str:
    """Format an incidence; where nobody is followed so far, or no interval is defined, say so by a sign."""
    if row["estimate"] != row["estimate"]:
        return decimal(row["estimate"], 0)
    ends = interval(100 * row["conf_low"], 100 * row["conf_high"], 1)
    return decimal(100 * row["estimate"], 1) + (f" ({ends})" if ends != UNDEFINED else "")
