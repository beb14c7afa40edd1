"""What a comparison of one variable shows, whole or by strata; `table_of` of `cohortbook.display.layouts` learns it here."""

from __future__ import annotations

from typing import Any

from cohortbook.display.layouts import provenance_notes, table_of
from cohortbook.display.tables import UNDEFINED, DisplayTable, Row, count_percent, decimal, interval, p_value, significant
from cohortbook.sections.comparison.layouts_groups import of_level
from cohortbook.sections.comparison.stratified import Stratified


@table_of.register
def _(result: Stratified) -> DisplayTable:
    rows, two = [], len(result.group_labels) == 2
    for stratum, part in result.parts:
        shown = tuple(map(_group, part.groups))
        effect = part.effect
        size = (
            UNDEFINED
            if effect is None
            else significant(effect.estimate) + f" ({interval(effect.conf_low, effect.conf_high, None)})" * two
        )
        name = stratum or (of_level(result.label, part) if two else result.label)
        if isinstance(shown[0], str):
            rows.append(Row((name, *shown, part.test.method, p_value(part.test.p_value), size)))
            continue
        rows.append(Row((name, *[""] * len(shown), part.test.method, p_value(part.test.p_value), size)))
        rows += [
            Row((str(level), *cells, "", "", ""), "level") for level, *cells in zip(part.groups[0].levels, *shown, strict=True)
        ]
    numeric = not hasattr(result.parts[0][1].groups[0], "levels")
    notes = ["Groups: mean (SD); median [quartiles]." if numeric else "Groups: number (%)."]
    effects = dict.fromkeys(part.effect.effect for _, part in result.parts if part.effect)
    notes += [f"Effect: {', '.join(effects)}{', with its interval' * two}."] * bool(effects)
    notes += [f"{stratum or result.label}: no P, as {part.test.reason}." for stratum, part in result.parts if part.test.reason]
    if any(part.expected_below_5 for _, part in result.parts):
        whose = "Fisher's exact" if two else "exact"
        exact = [f"{stratum or 'all'} {p_value(part.fisher.p_value)}" for stratum, part in result.parts if part.fisher]
        told = f"; {whose} P: {'; '.join(exact)}" if exact else ""
        notes.append(f"A cell of the table expects fewer than 5 patients{told}.")
    groups = [f"{result.by_label}: {label}" for label in result.group_labels]
    head = (result.label if result.strata else "", *groups, "Test", "P", "Effect")
    return DisplayTable(
        name=f"{result.variable}-by-{result.by}" + f"-in-{result.strata}" * bool(result.strata),
        title=f"{result.label} by {result.by_label.lower()}",
        head=head,
        rows=tuple(rows),
        frame=result.frame,
        notes=(*notes, *provenance_notes(result.provenance)),
    )


def _group(group: Any) -> str | tuple[str, ...]:
    """Return what a group shows: one text of a number or of yes, else one a level."""
    if not hasattr(group, "levels"):
        return (
            f"{decimal(group.mean, 1)} ({decimal(group.std_dev, 1)}); {significant(group.median)} "
            f"[{interval(group.q1, group.q3, None)}]"
        )
    counted = tuple(count_percent(n, group.total) for n in group.counts)
    return counted[1] if len(counted) == 2 else counted
