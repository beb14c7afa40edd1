"""What scenarios show, in words."""

from __future__ import annotations

from collections.abc import Sequence

from cohortbook.display.findings import listed
from cohortbook.display.paragraph import Text
from cohortbook.display.style import general
from cohortbook.display.tables import p_value
from cohortbook.sections.scenarios.layouts_scenarios import moved
from cohortbook.sections.scenarios.questions import KeyResult, KeyResults


def scenario_finding(results: Sequence[KeyResults]) -> Text:
    """Say which conclusions move under which scenario, and which stand under all."""
    planned, *others = results
    base = {row.name: row for row in planned.rows}
    parts, touched = [], set()
    for other in others:
        changed = [row for row in other.rows if moved(row, base.get(row.name))]
        touched |= {row.name for row in changed}
        if changed:
            said = [
                f"{row.label} ({_told(base[row.name], row)} as planned, {_told(row, base[row.name])} here)" for row in changed
            ]
            parts.append(f"**{other.label}** ({other.size} patients): {listed(said)}.")
    stand = [row.label for row in planned.rows if (row.threshold is not None or row.words) and row.name not in touched]
    if not parts:
        return Text("No conclusion moves under any of the scenarios.")
    text = "Conclusions move: " + " ".join(parts)
    return Text(f"{text} {len(stand)} others stand under every scenario.")


def _told(result: KeyResult, other: KeyResult) -> str:
    """Say a result; with its threshold where another moved it."""
    if result.words:
        return result.words
    against = f" against {general(result.threshold)}" if result.threshold != other.threshold else ""
    return f"P {p_value(result.value)}{against}"
