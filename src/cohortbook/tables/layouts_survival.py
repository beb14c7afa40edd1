"""What the tables of survival show; `table_of` of `cohortbook.tables.layouts` learns them here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cohortbook.plan.endpoints import CompetingStudy, CoxStudy, SurvivalStudy
from cohortbook.results import Hidden
from cohortbook.tables.layouts import provenance_notes, table_of
from cohortbook.tables.style import spanned
from cohortbook.tables.tables import UNDEFINED, DisplayTable, Row, decimal, interval, p_value, significant

if TYPE_CHECKING:
    from cohortbook.survival.curves import SurvivalCurve

__all__ = ["landmark_table", "rate_table", "stratum_table", "table_of"]


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
        f"Median survival {_median(result.overall)}; median follow-up by the reverse Kaplan-Meier method "
        f"{_median(result.follow_up)} {result.plan.unit}.",
        *result.notes,
        *provenance_notes(result.provenance),
    )
    return DisplayTable(
        name="survival", title=f"{result.plan.label} at fixed times",
        head=("", "At risk", f"Kaplan-Meier, % ({level}% interval)", *["Followed longer, by the bands, % (n)"] * bands),
        rows=tuple(rows),
        frame=result.landmarks, notes=notes,
    )  # fmt: skip


def _median(curve: SurvivalCurve) -> str:
    if isinstance(curve.median, Hidden):
        return decimal(curve.median, 0)
    if curve.median != curve.median:
        return "not reached"
    low, high = (decimal(v, 0) if v == v else "not reached" for v in (curve.median_low, curve.median_high))
    return f"{decimal(curve.median, 0)} ({spanned(low, high)})"


def rate_table(result: SurvivalStudy) -> DisplayTable:
    """Lay out the event rate with and without the time in which nobody could have the event."""
    import pandas as pd

    rows = []
    for label, rate in (("From the start, naive", result.naive_rate), ("From the entry, as planned", result.rate)):
        scale = result.units_per_year
        rows.append(Row((label, str(rate.events), decimal(rate.time_at_risk / scale, 1), decimal(rate.estimate * scale, 3),
                         interval(rate.conf_low * scale, rate.conf_high * scale, 3))))  # fmt: skip
    frame = pd.concat([result.naive_rate.frame, result.rate.frame], ignore_index=True)
    return DisplayTable(
        name="rate", title="Events per year at risk",
        head=("", "Events", "Years at risk", "Events per year", f"{decimal(100 * result.rate.confidence_level, 0)}% interval"),
        rows=tuple(rows), frame=frame,
        notes=("Exact Poisson intervals.", *provenance_notes(result.provenance)),
    )  # fmt: skip


def stratum_table(result: SurvivalStudy) -> DisplayTable:
    """Lay out median survival by group and the log-rank test of each stratifying variable."""
    import pandas as pd

    rows = []
    for stratum in result.strata:
        test = stratum.test
        rows.append(Row((stratum.label, "", "", "", "", p_value(test.p_value)), "heading"))
        expected = dict(zip(test.groups, test.expected, strict=True))
        for curve in stratum.curves:
            rows.append(Row((level_name(curve.group), str(curve.n), str(curve.events), decimal(expected.get(curve.group), 1),
                             _median(curve), ""), "level"))  # fmt: skip
    reasons = [f"{UNDEFINED} {s.label}: {s.test.reason}." for s in result.strata if s.test.reason]
    frame = pd.concat([s.test.frame for s in result.strata], ignore_index=True) if result.strata else pd.DataFrame()
    level = decimal(100 * result.overall.confidence_level, 0)
    return DisplayTable(
        name="strata", title=f"{result.plan.label} by group",
        head=("", "n", "Events", "Expected", f"Median, {result.plan.unit} ({level}% interval)", "Log-rank P"),
        rows=tuple(rows), frame=frame, notes=(*reasons, *provenance_notes(result.provenance)),
    )  # fmt: skip


def level_name(level: Any) -> str:
    """Name a level of a group: yes and no for a boolean."""
    return {True: "yes", False: "no"}.get(level, str(level)) if isinstance(level, bool) else str(level)


@table_of.register
def _(result: CompetingStudy) -> DisplayTable:
    import pandas as pd

    rows, frames = [], []
    for curve in (result.event, result.death):
        rows.append(Row((curve.cause, "", "", ""), "heading"))
        read = curve.at(result.plan.landmarks)
        # Not the whole curve: its steps are the times of single patients.
        frames.append(read.assign(term=curve.cause, n=curve.n, n_missing=curve.n_missing, method=curve.method))
        for row in read.to_dict("records"):
            rows.append(Row((f"{decimal(row['time'], 0)} {result.survival.unit}", decimal(row["n_risk"], 0), _estimate(row),
                             decimal(100 * row["naive"], 1)), "level"))  # fmt: skip
    level = decimal(100 * result.event.confidence_level, 0)
    return DisplayTable(
        name="incidence", title=f"Cumulative incidence of {result.plan.label.lower()}, death competing",
        head=("", "At risk", f"Aalen-Johansen, % ({level}% interval)", "One less Kaplan-Meier, %"), rows=tuple(rows),
        frame=pd.concat(frames, ignore_index=True),
        notes=("One less Kaplan-Meier takes a competing death for censoring, as if the dead could still have the event: it is "
               "too high.", "An event counts when it was seen; one that was there and not looked for is missed.",
               *provenance_notes(result.provenance)),
    )  # fmt: skip


@table_of.register
def _(result: CoxStudy) -> DisplayTable:
    rows, notes = [], ["Hazard ratios by Cox regression, Efron's ties. PH P: Schoenfeld residuals against ranked time; a small "
                       "P speaks against proportional hazards."]  # fmt: skip
    for name, fit in result.models:
        rows.append(Row((f"{name}: {fit.events} events in {fit.n} patients", "", "", "", ""), "heading"))
        if fit.refused:
            rows.append(Row(("not fitted", UNDEFINED, UNDEFINED, UNDEFINED, UNDEFINED), "level"))
            notes.append(f"{name}, not fitted: {fit.refused}.")
        for row in fit.frame.to_dict("records"):
            rows.append(Row((result.labels[row["term"]], significant(row["hazard_ratio"]),
                             interval(row["hazard_ratio_low"], row["hazard_ratio_high"], None), p_value(row["p_value"]),
                             p_value(row["ph_p_value"])), "level"))  # fmt: skip
    level = decimal(100 * result.models[0][1].confidence_level, 0)
    return DisplayTable(name="cox", title="Cox regression", head=("", "Hazard ratio", f"{level}% interval", "P", "PH P"),
                        rows=tuple(rows), frame=result.frame, notes=(*notes, *provenance_notes(result.provenance)))  # fmt: skip
