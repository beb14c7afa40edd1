"""The finding of an event seen only at visits, in words; `finding` of `cohortbook.display.findings` learns it here."""

from __future__ import annotations

from cohortbook.display.findings import several
from cohortbook.display.paragraph import Text
from cohortbook.display.tables import decimal, interval
from cohortbook.sections.survival.findings_survival import caution, finding
from cohortbook.sections.survival.layouts_visits import percents
from cohortbook.sections.survival.visits import VisitStudy

__all__ = ["finding"]


@finding.register
def _(result: VisitStudy, *, significance: float = 0.05) -> Text:
    plan, living, unit = result.plan, result.incidence.among_living, result.unit
    if living.reason:
        return Text(f"{plan.label} cannot be bounded: {living.reason}.")
    how = "looked for once in each" if plan.seen == "visit" else "looked for at visits"
    text = f"{plan.label} was {how} and seen in {living.events} of {several(living.n, unit)}; the day it came is not known."
    if not len(result.landmarks):
        return caution(result.provenance, text)
    row = result.landmarks.iloc[-1]
    text += (
        f" Of those alive at {decimal(row['time'], 0)} {result.survival.unit}, {_share(row, 'living_')} have it; with death "
        f"competing, its incidence is {_share(row)}."
    )
    detected = row["detected"]
    if detected == detected and detected < row["at_least"] - 5e-4:
        text += (
            f" The curve of the day of detection says {decimal(100 * detected, 1)} %, as if all the time after the last look "
            "were known to be free of it."
        )
    if plan.seen == "visit":
        later = int(living.n - row["n_examined"])
        text += f" {later or 'Nobody'} of {several(living.n, unit)} {'was' if later < 2 else 'were'} examined later than that"
        text += ": the upper limit rests on them alone." if later else ", so that there is no upper limit."
    return caution(result.provenance, text)


def _share(row: dict, prefix: str = "") -> str:
    low, high = (100 * row[f"{prefix}conf_{end}"] for end in ("low", "high"))
    ends = interval(low, high, 1)
    return f"{percents(row[f'{prefix}at_least'], row[f'{prefix}at_most'])} % ({ends})"
