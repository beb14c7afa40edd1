"""What each table shows: results laid out as a reader expects them, formatted by `cohortbook.display.tables`."""

from __future__ import annotations

import functools
import math
from typing import Any

import pandas as pd

from cohortbook.display.level_notes import level_notes
from cohortbook.display.tables import (
    PROVENANCE_NOTES,
    UNDEFINED,
    DisplayTable,
    Row,
    count_percent,
    decimal,
    frame_table,
    interval,
    p_value,
    percent,
    plain_cell,
)
from cohortbook.sections.comparison.analysis import DescriptiveTable, NumericSummaries, OutcomeRate, with_unit
from printcheck.printed.published import Figure, read_published
from studyfile.cohort.cohort import Cohort
from tallystats.results import Hidden, NotPlanned

MARKS = "abcdefghijklmnopqrst"
NOT_RECORDED = "Not recorded"


@functools.singledispatch
def table_of(result: Any) -> DisplayTable:
    """Turn a result into the table that a reader expects of it; one without a layout shows its tidy frame."""
    frame = result if hasattr(result, "to_dict") else result.frame
    title = "" if frame is result else type(result).__name__
    columns = [(name, str(name), plain_cell) for name in frame.columns]
    return frame_table(frame, name=title.lower() or "frame", title=title, columns=columns)


@table_of.register
def _(result: DisplayTable) -> DisplayTable:
    return result


def provenance_notes(*provenances: str) -> tuple[str, ...]:
    """Return the footnote that says what a table rests on; observed data need none."""
    return tuple(PROVENANCE_NOTES[p] for p in provenances if p in PROVENANCE_NOTES)


@table_of.register
def _(result: DescriptiveTable) -> DisplayTable:
    rows: list[Row] = []
    below_heading = False
    for row, found in result.blocks:
        if row.heading and (found is None or not hasattr(found, "levels") or not row.flat):
            rows.append(Row((row.heading, "", ""), "heading"))
            below_heading = True
        if found is None:
            continue
        if not hasattr(found, "levels"):
            rows += _numeric_rows(row.label or result.labels[found.term], found)
            continue
        shown = [_level_name(level) for level in row.levels] or [_level_name(level) for level in found.levels]
        counts = dict(zip(map(_level_name, found.levels), found.counts, strict=True))
        single = len(shown) == 1
        if not single and not row.heading and not row.flat:
            rows.append(Row((row.label or result.labels[found.term], "", ""), "heading"))
        for level in shown:
            text = row.labels.get(level, (row.label or result.labels[found.term]) if single else level)
            indented = "level" if below_heading or not single else "plain"
            n = counts.get(level, 0)
            rows.append(Row((text, decimal(n, 0), percent(n, found.total, result.plan.decimals)), indented))
        if found.n_missing:
            rows.append(Row((NOT_RECORDED, decimal(found.n_missing, 0), ""), "level"))
        below_heading = below_heading and (single or row.flat)
    return DisplayTable(
        name=result.name,
        number=result.plan.number,
        title=result.plan.title,
        head=(f"N = {result.total}", "n", "%"),
        rows=tuple(rows),
        frame=result.frame,
        notes=(*result.plan.notes, *provenance_notes(result.provenance)),
    )


def _level_name(level: Any) -> str:
    if isinstance(level, bool):
        return "yes" if level else "no"
    return f"{level:g}" if isinstance(level, float) else str(level)


def _range(found: Any) -> str:
    """Return the smallest and the largest value: whole where both are, else with a decimal, as 0.3 is not 0."""
    ends = (found.minimum, found.maximum)
    whole = all(isinstance(end, str) or not math.isfinite(end) or float(end).is_integer() for end in ends)
    return interval(*ends, 0 if whole else 1)


def _numeric_rows(label: str, found: Any) -> list[Row]:
    rows = [
        Row((label, "", ""), "heading"),
        Row(("Mean (SD)", f"{decimal(found.mean, 1)} ({decimal(found.std_dev, 1)})", ""), "level"),
        Row(("Median (quartiles)", f"{decimal(found.median, 1)} ({interval(found.q1, found.q3, 1)})", ""), "level"),
        Row(("Range", _range(found), ""), "level"),
    ]
    return rows + ([Row((NOT_RECORDED, decimal(found.n_missing, 0), ""), "level")] if found.n_missing else [])


@table_of.register
def _(result: NumericSummaries) -> DisplayTable:
    columns = [
        ("label", "", None),
        ("n", "n", 0),
        ("n_missing", "Missing", 0),
        ("mean", "Mean", 1),
        ("std_dev", "SD", 1),
        ("median", "Median", 1),
        ("quartiles", "Quartiles", None),
        ("range", "Range", None),
        ("w", "W", 3),
        ("shapiro_p_value", "P", p_value),
    ]
    frame = result.frame
    shown = frame.assign(
        quartiles=[interval(s.q1, s.q3, 1) for s, _ in result.parts], range=[_range(s) for s, _ in result.parts]
    )
    notes = (
        "Quartiles by SPSS's definition (R type 6). W, P: Shapiro-Wilk; a small P speaks against normality.",
        *provenance_notes(result.provenance),
    )
    return frame_table(shown, name="numeric-variables", title="Numeric variables", columns=columns, notes=notes)


@table_of.register
def _(result: OutcomeRate) -> DisplayTable:
    first = result.intervals[0]
    rows = [
        Row(
            (
                f"{result.label}, this study",
                f"{p.events} of {p.total}",
                percent(p.events, p.total),
                interval(100 * p.conf_low, 100 * p.conf_high, 1),
                p.method.replace("clopper-pearson", "Clopper-Pearson").replace("wilson", "Wilson"),
            )
        )
        for p in result.intervals
    ]
    for label, share, total in result.elsewhere:
        of = f"of {total}" if total else UNDEFINED
        rows.append(Row((f"{label}, reported elsewhere", of, decimal(100 * share, 1), UNDEFINED, UNDEFINED)))
    level = decimal(100 * first.confidence_level, 0)
    return DisplayTable(
        name="outcome-rate",
        title=f"{result.label}: how often{', here and elsewhere' if result.elsewhere else ''}",
        head=("", "Patients", "%", f"{level}% interval, %", "Method"),
        rows=tuple(rows),
        frame=result.frame,
        notes=(
            "Clopper-Pearson's interval is exact and wide; Wilson's is nearer its nominal level.",
            *level_notes((("interval", p.method) for p in result.intervals), first.events),
        ),
    )


@table_of.register
def _(result: Cohort) -> DisplayTable:
    return flow_table(result)


def flow_table(cohort: Cohort) -> DisplayTable:
    """Lay out the eligibility flow: who was excluded at each step, and who remained."""
    rows = []
    for step in cohort.flow:
        excluded = "not reported" if step.excluded is None else decimal(step.excluded, 0)
        if step.excluded_missing:
            excluded += f" ({step.excluded_missing} for a missing value)"
        remaining = "not reported" if step.remaining is None else decimal(step.remaining, 0)
        rows.append(Row((step.label, excluded, remaining)))
    frame = pd.DataFrame(
        [
            {"label": s.label, "excluded": s.excluded, "excluded_missing": s.excluded_missing, "remaining": s.remaining}
            for s in cohort.flow
        ],
        dtype=object,
    )
    units = cohort.study.units.capitalize()
    return DisplayTable(
        name="eligibility",
        title="Eligibility",
        head=("Criterion", "Excluded", f"{units} remaining"),
        rows=tuple(rows),
        frame=frame,
    )


def left_out_table(cohort: Cohort) -> DisplayTable | NotPlanned:
    """Lay out the printed figures that no cohort can show together with the others, and why."""
    plan = cohort.study.file.reconstruction
    if plan is None or not plan.left_out:
        return NotPlanned("No printed figure is left out.")
    figures = {figure.id: figure for figure in read_published(cohort.study)}
    frame = pd.DataFrame(
        [
            {
                "figure": e.figure,
                "source": figures[e.figure].source,
                "what": _in_words(cohort, figures[e.figure]),
                "printed": figures[e.figure].value,
                "reason": e.reason,
            }
            for e in plan.left_out
        ]
    )
    columns = [
        ("source", "Where", None),
        ("what", "What", None),
        ("printed", "Printed", None),
        ("reason", "Why it cannot hold", None),
    ]
    return frame_table(
        frame,
        name="left-out",
        title="Printed figures that cannot hold together with the others",
        columns=columns,
        notes=("The shortest such list, proven by the solver (make cohort).",),
    )


def _in_words(cohort: Cohort, figure: Figure) -> str:
    level = f", {figure.level}" if figure.level and figure.level != "yes" else ""
    return f"{cohort.study.label(figure.variable)}{level}: {figure.statistic}, {figure.group.replace('_', ' ')}"


def missing_table(cohort: Cohort) -> DisplayTable:
    """Lay out how many eligible patients lack a value of each recorded variable."""
    names = list(cohort.study.file.variables)
    missing = [cohort.missing(name) for name in names]
    labels = [with_unit(cohort, name) for name in names]
    hidden = [isinstance(n, Hidden) for n in missing]
    counts = pd.Series(missing, dtype=object if any(hidden) else None)
    frame = pd.DataFrame({"term": names, "label": labels, "n_missing": counts, "total": cohort.size})
    # Most first; hidden ones last, in the order of the file.
    order = sorted(range(len(names)), key=lambda i: (hidden[i], 0 if hidden[i] else -missing[i]))
    rows = [Row((labels[i], count_percent(missing[i], cohort.size))) for i in order if missing[i]]
    complete = len(names) - len(rows)
    rows.append(Row((f"No value missing: {complete} of {len(frame)} variables", count_percent(0, cohort.size))))
    return DisplayTable(
        name="missing", title="Missing values", head=("Variable", "Missing, n (%)"), rows=tuple(rows), frame=frame
    )


def dictionary_table(cohort: Cohort) -> DisplayTable:
    """Lay out the data dictionary: what each variable is, when it is known, and where its values come from."""
    study, records = cohort.study, []
    for name in study.names:
        derived = name in study.file.derived
        levels = study.levels(name)
        values = ", ".join(levels) if len(levels) <= 20 else f"{len(levels)} levels"
        if not derived and study[name].range:
            values = interval(*study[name].range, 0)
        made = f"made from {', '.join(study.bases(name))}: " if derived else ""
        records.append(
            {
                "term": name,
                "label": with_unit(cohort, name),
                "values": f"{study.kind(name)}; {made}{values}",
                "measured": study.measured(name) or "not said",
                "provenance": study.provenance(name),
            }
        )
    columns = [
        ("label", "Variable", None),
        ("term", "Name in the file", None),
        ("values", "Kind; levels or range", None),
        ("measured", "Known", None),
        ("provenance", "Provenance", None),
    ]
    notes = (
        f"Known before, during or after {study.file.study.procedure}.",
        "Provenance: observed in patients; printed: the paper prints the whole distribution; implied: printed figures hold "
        "the values within limits; assumed: nothing printed determines them.",
    )
    return frame_table(pd.DataFrame(records), name="dictionary", title="Data dictionary", columns=columns, notes=notes)
