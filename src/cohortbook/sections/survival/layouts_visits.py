"""What the table of an event seen only at visits shows; `table_of` of `cohortbook.display.layouts` learns it here."""

from __future__ import annotations

from typing import Any

import pandas as pd

from cohortbook.display.layouts import provenance_notes, table_of
from cohortbook.display.style import spanned
from cohortbook.display.tables import UNDEFINED, DisplayTable, Row, decimal, interval
from cohortbook.sections.survival.visits import VisitStudy
from tallystats.results import NotPlanned, lower_first

__all__ = ["kind_table", "percents", "table_of", "within"]


def percents(low: float, high: float) -> str:
    """Format a share known to lie between two: one number where they print alike."""
    ends = [decimal(100 * value, 1) for value in (low, high)]
    return ends[0] if ends[0] == ends[1] else spanned(*ends)


def within(row: Any, prefix: str = "") -> str:
    """Format what a row says of a share: where it lies, and its interval."""
    if row[f"{prefix}at_least"] != row[f"{prefix}at_least"]:
        return UNDEFINED
    ends = interval(100 * row[f"{prefix}conf_low"], 100 * row[f"{prefix}conf_high"], 1)
    return f"{percents(row[f'{prefix}at_least'], row[f'{prefix}at_most'])} ({ends})"


@table_of.register
def _(result: VisitStudy) -> DisplayTable:
    plan, level = result.plan, decimal(100 * result.incidence.confidence_level, 0)
    name, once = lower_first(plan.label), plan.seen == "visit"
    seen, other = ("n_events", "n_examined") if once else ("n_positive", "n_negative")
    heads = ("Seen", "Looked for") if once else ("Known with it", "Known without")
    rows = [
        Row(
            (
                f"{decimal(row['time'], 0)} {result.survival.unit}",
                str(row[seen]),
                str(row[other]),
                within(row, "living_"),
                within(row),
                decimal(100 * row["detected"], 1),
            )
        )
        for row in result.landmarks.to_dict("records")
    ]
    notes = [
        f"Seen and looked for up to then, once a {result.unit} ({lower_first(result.visit_label)}). An examination tells "
        f"whether {name} has come, not when; two numbers are the least and the most that examinations allow."
        if once
        else f"{plan.label} came between two visits; two numbers are the least and the most that visits allow.",
        "Of the living: isotonic regression, with Kim, Fay and Proschan's interval, which holds its level however few the "
        "events; the bootstrap's does not."
        if once
        else "Of the living: Turnbull's estimate, with binomial limits of what is known, which hold their level in any sample.",
        "Death competing: it is assumed that the event does not change the hazard of death, and visits tell nothing of it.",
        "By day of detection: Aalen-Johansen, which takes all time after the last look for free of the event.",
    ]
    return DisplayTable(
        name="visits",
        title=f"{plan.label} by a time, seen only at visits",
        head=(
            "",
            *heads,
            f"Of the living, % ({level}% interval)",
            f"With death competing, % ({level}% interval)",
            "By day of detection, %",
        ),
        rows=tuple(rows),
        frame=result.frame,
        notes=(*notes, *provenance_notes(result.provenance)),
    )


def kind_table(result: VisitStudy | NotPlanned) -> DisplayTable | NotPlanned:
    """Lay out the share of the living with each kind of the event: of all kinds together, and of each alone."""
    if not result:
        return result
    seen = [kind for kind in result.kinds if kind.events]
    if not seen:
        return NotPlanned(
            "The study file plans no kinds of the event." if not result.kinds else "No kind of the event was seen."
        )
    rows = []
    for kind in seen:
        rows.append(Row((f"{kind.cause}: seen in {kind.events} of {kind.n}", "", ""), "heading"))
        for row in kind.at(result.plan.landmarks).to_dict("records"):
            name = f"{decimal(row['time'], 0)} {result.survival.unit}"
            rows.append(Row((name, within(row), decimal(100 * row["naive"], 1)), "level"))
    never = [kind.cause for kind in result.kinds if not kind.events]
    level = decimal(100 * result.incidence.confidence_level, 0)
    notes = [
        "All kinds: maximum likelihood of competing kinds seen at one examination (Hudgens, Satten and Longini). A kind alone: "
        "isotonic regression, as if there were no others. Neither need add up to the share of the event of any kind.",
        *[f"Not seen: {', '.join(never)}."] * bool(never),
        *["Other shares have the same likelihood."] * (not seen[0].unique),
    ]
    return DisplayTable(
        name="visit-kinds",
        title=f"Kinds of {lower_first(result.plan.label)} among the living, seen only at visits",
        head=("", f"All kinds, % ({level}% interval)", "Kind alone, %"),
        rows=tuple(rows),
        frame=pd.concat([kind.frame for kind in seen], ignore_index=True),
        notes=(*notes, *provenance_notes(seen[0].provenance)),
    )
