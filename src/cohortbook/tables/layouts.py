"""What each table shows: results laid out as a reader expects them, formatted by `cohortbook.tables.tables`."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cohortbook.cohort.cohort import Cohort
from cohortbook.plan.analysis import DescriptiveTable, GroupComparison, NumericSummaries, OutcomeRate, with_unit
from cohortbook.results import NAN, Absent, Hidden
from cohortbook.tables.level_notes import level_notes
from cohortbook.tables.style import general
from cohortbook.tables.tables import (
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
    significant,
)

if TYPE_CHECKING:
    from cohortbook.printed.published import Figure
    from cohortbook.statistics.compare import Comparison
    from cohortbook.statistics.describe import Frequencies, Summary

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
        name=result.name, number=result.plan.number, title=result.plan.title,
        head=(f"N = {result.total}", "n", "%"), rows=tuple(rows), frame=result.frame,
        notes=(*result.plan.notes, *provenance_notes(result.provenance)),
    )  # fmt: skip


def _level_name(level: Any) -> str:
    if isinstance(level, bool):
        return "yes" if level else "no"
    return f"{level:g}" if isinstance(level, float) else str(level)


def _numeric_rows(label: str, found: Any) -> list[Row]:
    rows = [
        Row((label, "", ""), "heading"),
        Row(("Mean (SD)", f"{decimal(found.mean, 1)} ({decimal(found.std_dev, 1)})", ""), "level"),
        Row(("Median (quartiles)", f"{decimal(found.median, 1)} ({interval(found.q1, found.q3, 1)})", ""), "level"),
        Row(("Range", interval(found.minimum, found.maximum, 0), ""), "level"),
    ]
    return rows + ([Row((NOT_RECORDED, decimal(found.n_missing, 0), ""), "level")] if found.n_missing else [])


@table_of.register
def _(result: NumericSummaries) -> DisplayTable:
    columns = [
        ("label", "", None), ("n", "n", 0), ("n_missing", "Missing", 0), ("mean", "Mean", 1), ("std_dev", "SD", 1),
        ("median", "Median", 1), ("quartiles", "Quartiles", None), ("range", "Range", None), ("w", "W", 3),
        ("shapiro_p_value", "P", p_value),
    ]  # fmt: skip
    frame = result.frame
    shown = frame.assign(
        quartiles=[interval(s.q1, s.q3, 1) for s, _ in result.parts],
        range=[interval(s.minimum, s.maximum, 0) for s, _ in result.parts],
    )
    notes = ("Quartiles by SPSS's definition (R type 6). W, P: Shapiro-Wilk; a small P speaks against normality.",
             *provenance_notes(result.provenance))  # fmt: skip
    return frame_table(shown, name="numeric-variables", title="Numeric variables", columns=columns, notes=notes)


@table_of.register
def _(result: OutcomeRate) -> DisplayTable:
    first = result.intervals[0]
    rows = [
        Row((f"{result.label}, this study", f"{p.events} of {p.total}", percent(p.events, p.total),
             interval(100 * p.conf_low, 100 * p.conf_high, 1), p.method.replace("clopper-pearson", "Clopper-Pearson")
             .replace("wilson", "Wilson")))
        for p in result.intervals
    ]  # fmt: skip
    for label, share, total in result.elsewhere:
        of = f"of {total}" if total else UNDEFINED
        rows.append(Row((f"{label}, reported elsewhere", of, decimal(100 * share, 1), UNDEFINED, UNDEFINED)))
    level = decimal(100 * first.confidence_level, 0)
    return DisplayTable(
        name="outcome-rate", title=f"{result.label}: how often{', here and elsewhere' if result.elsewhere else ''}",
        head=("", "Patients", "%", f"{level}% interval, %", "Method"), rows=tuple(rows), frame=result.frame,
        notes=("Clopper-Pearson's interval is exact and wide; Wilson's is nearer its nominal level.",
               *level_notes((("interval", p.method) for p in result.intervals), first.events)),
    )  # fmt: skip


@table_of.register
def _(result: Cohort) -> DisplayTable:
    return flow_table(result)


def flow_table(cohort: Cohort) -> DisplayTable:
    """Lay out the eligibility flow: who was excluded at each step, and who remained."""
    import pandas as pd

    rows = []
    for step in cohort.flow:
        excluded = "not reported" if step.excluded is None else decimal(step.excluded, 0)
        if step.excluded_missing:
            excluded += f" ({step.excluded_missing} for a missing value)"
        remaining = "not reported" if step.remaining is None else decimal(step.remaining, 0)
        rows.append(Row((step.label, excluded, remaining)))
    frame = pd.DataFrame(
        [{"label": s.label, "excluded": s.excluded, "excluded_missing": s.excluded_missing, "remaining": s.remaining}
         for s in cohort.flow], dtype=object,
    )  # fmt: skip
    units = cohort.study.units.capitalize()
    return DisplayTable(name="eligibility", title="Eligibility", head=("Criterion", "Excluded", f"{units} remaining"),
                        rows=tuple(rows), frame=frame)  # fmt: skip


def left_out_table(cohort: Cohort) -> DisplayTable | Absent:
    """Lay out the printed figures that no cohort can show together with the others, and why."""
    import pandas as pd

    from cohortbook.printed.published import read_published

    plan = cohort.study.file.reconstruction
    if plan is None or not plan.left_out:
        return Absent("No printed figure is left out.")
    figures = {figure.id: figure for figure in read_published(cohort.study)}
    frame = pd.DataFrame([
        {"figure": e.figure, "source": figures[e.figure].source, "what": _in_words(cohort, figures[e.figure]),
         "printed": figures[e.figure].value, "reason": e.reason}
        for e in plan.left_out
    ])  # fmt: skip
    columns = [("source", "Where", None), ("what", "What", None), ("printed", "Printed", None), ("reason", "Why it cannot hold",
                                                                                                None)]  # fmt: skip
    return frame_table(frame, name="left-out", title="Printed figures that cannot hold together with the others",
                       columns=columns, notes=("The shortest such list, proven by the solver (make cohort).",))  # fmt: skip


def _in_words(cohort: Cohort, figure: Figure) -> str:
    level = f", {figure.level}" if figure.level and figure.level != "yes" else ""
    return f"{cohort.study.label(figure.variable)}{level}: {figure.statistic}, {figure.group.replace('_', ' ')}"


def missing_table(cohort: Cohort) -> DisplayTable:
    """Lay out how many eligible patients lack a value of each recorded variable."""
    import pandas as pd

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
    return DisplayTable(name="missing", title="Missing values", head=("Variable", "Missing, n (%)"), rows=tuple(rows),
                        frame=frame)  # fmt: skip


def dictionary_table(cohort: Cohort) -> DisplayTable:
    """Lay out the data dictionary: what each variable is, when it is known, and where its values come from."""
    import pandas as pd

    study, records = cohort.study, []
    for name in study.names:
        derived = name in study.file.derived
        levels = study.levels(name)
        values = ", ".join(levels) if len(levels) <= 20 else f"{len(levels)} levels"
        if not derived and study[name].range:
            values = interval(*study[name].range, 0)
        made = f"made from {', '.join(study.bases(name))}: " if derived else ""
        records.append({
            "term": name, "label": with_unit(cohort, name), "values": f"{study.kind(name)}; {made}{values}",
            "measured": study.measured(name) or "not said", "provenance": study.provenance(name),
        })  # fmt: skip
    columns = [("label", "Variable", None), ("term", "Name in the file", None), ("values", "Kind; levels or range", None),
               ("measured", "Known", None), ("provenance", "Provenance", None)]  # fmt: skip
    notes = (
        f"Known before, during or after {study.file.study.procedure}.",
        "Provenance: observed in patients; printed: the paper prints the whole distribution; implied: printed figures hold "
        "the values within limits; assumed: nothing printed determines them.",
    )
    return frame_table(pd.DataFrame(records), name="dictionary", title="Data dictionary", columns=columns, notes=notes)


@table_of.register
def _(result: GroupComparison) -> DisplayTable:
    """The comparison as the journal prints it."""
    plan, rows, tests = result.plan, [], {}
    for at, (row, label, found) in enumerate(zip(plan.rows, result.labels, result.rows, strict=True)):
        mark = tests.setdefault(found.test.method, MARKS[len(tests)]) if found.test.reason is None else ""
        mark = mark + ("‡" if found.expected_below_5 else "")
        text = label + " †" * (row.variable in result.after) + " §" * (row.variable in result.exceptions)
        p = p_value(found.test.p_value, row.p_decimals) + (f" {mark}" if mark else "")
        groups = [*result.overall[at : at + 1], *(found.groups[k] for k in result.shown)]
        if not hasattr(groups[0], "levels"):
            what, cells = _numbers(found, groups, plan.cells, row.decimals)
            rows.append(Row((f"{text}, {what}", *cells, p)))
            continue
        what, shares = _shares(groups, plan.cells, row.decimals)
        if groups[0].levels == (False, True):
            rows.append(Row((f"{text}, {what}", *(cells[1] for cells in shares), p)))
        else:
            rows.append(Row((f"{text}, {what}", *[""] * len(groups), p), "heading"))
            rows += [Row((str(level), *cells, ""), "level")
                     for level, *cells in zip(groups[0].levels, *shares, strict=True)]  # fmt: skip
    heads = [*zip(result.heads, result.sizes, strict=True)]
    heads = [("All", sum(result.sizes)), *heads] if result.overall else heads
    head = ("", *(f"{label} (n = {n})" for label, n in heads), "P")
    notes = [f"{mark} {name}." for name, mark in tests.items()]
    notes += [f"{UNDEFINED} no test of {label}: {row.test.reason}."
              for label, row in zip(result.labels, result.rows, strict=True) if row.test.reason]  # fmt: skip
    if any(row.expected_below_5 for row in result.rows):
        exact = "Fisher's exact test" if len(result.heads) == 2 else "the exact test"
        notes.append(f"‡ A cell of the table expects fewer than 5 patients: read {exact} beside it.")
    notes += random_notes(result, tests=True)
    lacking = [f"{label} {n}" for label, row in zip(result.labels, result.rows, strict=True)
               if (n := sum(group.n_missing for group in row.groups)) and plan.cells == "full"]  # fmt: skip
    notes += [f"Without a value: {', '.join(lacking)}."] * bool(lacking)
    if result.after:
        notes.append(f"† Known only after {result.procedure}: it cannot predict what it follows.")
    if result.exceptions:
        named = dict(zip((row.variable for row in plan.rows), result.labels, strict=True))
        printed = [
            f"{named[name]}, {' and '.join(words)}" for name, words in result.exceptions.items() if name in named
        ]
        notes.append(f"§ Printed otherwise, and cannot hold together with the other figures: {'; '.join(printed)}.")
    return DisplayTable(
        name=f"table-{plan.number}", number=plan.number, title=plan.title, head=head, rows=tuple(rows),
        frame=result.frame, notes=(*notes, *plan.notes, *provenance_notes(result.provenance)),
    )  # fmt: skip


def _numbers(found: Comparison, groups: Sequence[Summary], cells: str, decimals: int) -> tuple[str, list[str]]:
    """Say what the cells of a number show, and return them: the mean, or what belongs to the test."""
    if cells == "short":
        return "mean", [decimal(group.mean, decimals) for group in groups]
    if found.choice.test in _OF_MEANS:
        return "mean (SD)", [f"{decimal(g.mean, decimals)} ({decimal(g.std_dev, decimals)})" for g in groups]
    return "median [quartiles]", [
        f"{decimal(g.median, decimals)} [{interval(g.q1, g.q3, decimals)}]" if g.n else UNDEFINED for g in groups
    ]


#: Tests beside which means are shown; beside others, medians.
_OF_MEANS = ("student_t", "welch_t", "anova", "welch_anova")


def _shares(groups: Sequence[Frequencies], cells: str, decimals: int) -> tuple[str, list[list[str]]]:
    """Say what the cells of levels show, and return those of each group."""
    if cells == "short":
        return "%", [[decimal(share, decimals) for share in group.percents] for group in groups]
    return "n (%)", [[count_percent(n, group.total, decimals) for n in group.counts] for group in groups]


def random_notes(result: GroupComparison, *, tests: bool) -> list[str]:
    """Say which exact P values come from random tables, with their intervals: of the tests, or of those beside them."""
    said = []
    for label, row in zip(result.labels, result.rows, strict=True):
        test = row.test if tests else row.fisher
        if getattr(test, "draws", 0):
            said.append(f"{label} {p_value(test.p_value)} ({interval(test.p_low, test.p_high, 3)})")
    draws = next((t.draws for row in result.rows for t in (row.test, row.fisher) if getattr(t, "draws", 0)), 0)
    return [f"Exact P from {draws} random tables, with its 99% interval: {'; '.join(said)}."] * bool(said)


def tests_table(result: GroupComparison) -> DisplayTable:
    """Lay out which test was taken, why, and what it found."""
    rows, two = [], len(result.heads) == 2
    for label, found in zip(result.labels, result.rows, strict=True):
        test = found.test
        shapiro = ", ".join(p_value(w.p_value) for w in found.choice.evidence) or UNDEFINED
        fisher = p_value(found.fisher.p_value) if found.fisher else UNDEFINED
        whole = test.method.startswith("Pearson") or not (two or test.df % 1)
        df = decimal(test.df, 0 if whole else 1)
        if not two and (error := getattr(test, "df_error", NAN)) == error:
            df += f"; {decimal(error, 1 if error % 1 else 0)}"
        why = _why(found, result.plan.normality)
        rows.append(
            Row((label, test.method, why, shapiro, decimal(test.statistic, 2), df, p_value(test.p_value), fisher))
        )
    inside = [f"in “{head}”" for head, _ in sorted(zip(result.heads, result.shown, strict=True), key=lambda pair: pair[1])]
    statistic = (
        "t, Mann-Whitney's U of the group with the outcome, or chi-square without continuity correction. Fisher's: exact, "
        "two-sided."
        if two
        else "F, Kruskal-Wallis's H, Jonckheere's J, or chi-square without continuity correction. Exact P: Fisher, Freeman and "
        "Halton's, where a cell expects fewer than 5."
    )
    leads = "Student's t to Mann-Whitney's test" if two else "analysis of variance to Kruskal-Wallis's test"
    return DisplayTable(
        name="tests", title="Which test, and why",
        head=("", "Test", "Why", "Shapiro-Wilk P *", "Statistic", "df", "P", "Fisher's P" if two else "Exact P"),
        rows=tuple(rows), frame=result.frame,
        notes=(f"* Overall, {', '.join(inside)}. Any below {general(result.plan.normality)} leads from {leads}.",
               f"Statistic: {statistic}", *random_notes(result, tests=False)),
    )  # fmt: skip


def _why(found: Comparison, normality: float) -> str:
    """Say in few words why a test was taken."""
    if not found.choice.evidence:
        return "levels" if "plan" not in found.choice.reason else "planned"
    if "plan" in found.choice.reason:
        return "planned"
    rejected = sum(w.p_value < normality for w in found.choice.evidence)
    return f"not normal ({rejected} of {len(found.choice.evidence)})" if rejected else "normality not rejected"


def effects_table(result: GroupComparison) -> DisplayTable:
    """Lay out sizes of effects: mean difference or odds ratio with its interval, and the standardised difference."""
    rows, two = [], len(result.heads) == 2
    for label, found in zip(result.labels, result.rows, strict=True):
        effect = _effect(found) if two else _effect(found)[:2]
        rows.append(Row((of_level(label, found) if two else label, *effect,
                         decimal(found.standardised_difference.estimate, 2))))  # fmt: skip
    level = decimal(100 * next((r.effect.confidence_level for r in result.rows if r.effect), 0.95), 0)
    last, first = (result.heads[result.shown.index(at)] for at in (len(result.heads) - 1, 0))
    note = (
        f"Odds ratio with Woolf's interval; with an empty cell, the conditional exact interval. Mean difference: {last} less "
        f"{first}, with the interval of Student beside Student's test and else of Welch: very wide where a group is tiny, as "
        "its own variance is all it has."
        if two
        else "Eta squared is the share of a number's variance, Cramér's V the strength of an association (0 none, 1 complete); "
        "the standardised difference is that of the two groups furthest apart."
    )
    return DisplayTable(
        name="effects", title="Sizes of effects",
        head=("", "Effect", "Estimate", *[f"{level}% interval"] * two, "Standardised difference" + ", largest" * (not two)),
        rows=tuple(rows), frame=result.frame, notes=(note, *provenance_notes(result.provenance)),
    )  # fmt: skip


def of_level(label: str, found: Comparison) -> str:
    """Add to a label the level whose effect is told, where a variable has two and they are not yes and no."""
    levels = getattr(found.groups[0], "levels", ())
    return f"{label}: {levels[1]}" if len(levels) == 2 and not isinstance(levels[1], bool) else label


def _effect(found: Comparison) -> tuple[str, str, str]:
    effect = found.effect
    if effect is None:
        return UNDEFINED, UNDEFINED, UNDEFINED
    name = effect.effect[0].upper() + effect.effect[1:]
    return name, significant(effect.estimate), interval(effect.conf_low, effect.conf_high, None)


def adjusted_table(result: GroupComparison) -> DisplayTable:
    """Lay out P values unadjusted and adjusted for their number, and what each threshold says of them."""
    plan, rows = result.plan, []
    order = sorted(range(len(result.rows)), key=lambda i: (result.rows[i].test.reason is not None,
                                                           result.rows[i].test.p_value))  # fmt: skip
    limits = [plan.significance, *([plan.threshold] if plan.threshold else [])]
    for i in order:
        p = result.rows[i].test.p_value
        verdicts = ["yes" if p < limit else "no" if p == p else UNDEFINED for limit in limits]
        rows.append(Row((result.labels[i], p_value(p), *(p_value(v[i]) for v in result.adjusted.values()), *verdicts)))
    heads = [f"P < {general(plan.significance)}", *([f"P < {general(plan.threshold)}"] if plan.threshold else [])]
    one = result.n_tests == 1
    notes = ["1 test is defined, and so counts." if one else f"{result.n_tests} tests are defined, and so count."]
    if plan.threshold_label:
        notes.append(f"{general(plan.threshold)}: {plan.threshold_label}.")
    return DisplayTable(
        name="adjusted", title="P values adjusted for their number",
        head=("", "P", "Bonferroni", "Holm", "Benjamini-Hochberg", *heads), rows=tuple(rows), frame=result.frame,
        notes=tuple(notes),
    )  # fmt: skip
