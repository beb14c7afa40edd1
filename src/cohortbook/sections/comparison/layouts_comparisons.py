"""What goes beyond the table of a comparison: pairs of groups, pairs of times, a linear model, clusters.

`table_of` of `cohortbook.display.layouts` learns them here.
"""

from __future__ import annotations

from cohortbook.display.layouts import MARKS, NOT_RECORDED, provenance_notes, table_of
from cohortbook.display.style import spanned
from cohortbook.display.tables import UNDEFINED, DisplayTable, Row, count_percent, decimal, interval, p_value, significant
from cohortbook.sections.comparison.comparisons import GroupPairs, LinearStudy, PairedRow, PairedStudy
from cohortbook.sections.missing.centres import ClusterStudy
from tallystats.statistics.pairwise import PairwiseComparisons

__all__ = ["table_of"]


def adjustment_in_words(adjustment: str) -> str:
    """Name a way to adjust P: Holm's, Bonferroni's, Benjamini and Hochberg's, Tukey's."""
    return {"benjamini-hochberg": "Benjamini and Hochberg's"}.get(adjustment, f"{adjustment.capitalize()}'s")


@table_of.register
def _(result: GroupPairs) -> DisplayTable:
    rows, tests = [], {}
    apart = any(_of_means(row) for row in result.rows)
    for label, whole, found in zip(result.labels, result.p_values, result.rows, strict=True):
        mark = tests.setdefault((found.method, found.adjustment), MARKS[len(tests)])
        means, blank = _of_means(found), [""] * (4 if apart else 2)
        rows.append(Row((f"{label} (all groups: P {p_value(whole)}) {mark}", *blank), "heading"))
        for pair in found.pairs:
            name = f"{result.heads[pair.group]} v {result.heads[pair.reference]}"
            difference = significant(pair.estimate) if means else UNDEFINED
            size = [difference, interval(pair.conf_low, pair.conf_high, None)] * apart
            rows.append(Row((name, *size, p_value(pair.p_value), p_value(pair.p_adjusted)), "level"))
    level = decimal(100 * result.rows[0].confidence_level, 0)
    notes = []
    for (method, adjustment), mark in tests.items():
        way = "" if adjustment == "tukey" else f"; P adjusted by {adjustment_in_words(adjustment)} method"
        notes.append(f"{mark} {method}{way}.")
    notes += ["Adjusted for the pairs within each variable, not for the number of variables."]
    reasons = dict.fromkeys(pair.reason for row in result.rows for pair in row.pairs if pair.reason)
    notes += [f"{UNDEFINED} no P: {'; '.join(reasons)}."] * bool(reasons)
    return DisplayTable(
        name="pairwise",
        title="Every two groups",
        rows=tuple(rows),
        frame=result.frame,
        head=("", *["Difference of means", f"{level}% interval"] * apart, "P", "P adjusted"),
        notes=(*notes, *provenance_notes(result.provenance)),
    )


def _of_means(found: PairwiseComparisons) -> bool:
    """Say whether pairs are told as differences of means: not of ranks, nor of levels."""
    return found.method != "Dunn's z" and any(pair.estimate == pair.estimate for pair in found.pairs)


@table_of.register
def _(result: PairedStudy) -> DisplayTable:
    rows, tests, notes, beside = [], {}, [], []
    for row in result.rows:
        test = row.test
        mark = tests.setdefault(test.method, MARKS[len(tests)]) if test.reason is None else ""
        p = p_value(test.p_value) + f" {mark}" * bool(mark)
        rows += _paired_rows(row, p)
        if test.n_missing:
            notes.append(f"{row.label}: {test.n} with both values; {test.n_missing} without one are left out.")
        if test.reason:
            notes.append(f"{UNDEFINED} no test of {row.label}: {test.reason}.")
        if said := [
            f"{t.method}, chi-square {decimal(t.statistic, 2)} on {decimal(t.df, 0)}, P {p_value(t.p_value)}"
            for t in row.beside
            if not t.reason
        ]:
            beside.append(f"{row.label}: {'; '.join(said)}.")
    ranked = any(test.startswith("Wilcoxon") for test in tests)
    if ranked and any(row.kind == "ordered" for row in result.rows):
        notes.append("Signed ranks take the levels of an ordered variable as equally spaced; who stays is left out of them.")
    elif ranked:
        notes.append("Who stays the same is left out of the signed ranks.")
    if beside:
        beside.append(
            "Stuart-Maxwell asks whether the levels are as frequent after as before, Bowker whether as many move one "
            "way as the other, from any level to any other."
        )
    return DisplayTable(
        name="paired",
        title=f"Before and after {result.procedure}, in the same patients",
        frame=result.frame,
        head=("", "Before", "After", "Change", "P"),
        rows=tuple(rows),
        notes=(*(f"{mark} {name}." for name, mark in tests.items()), *notes, *beside, *provenance_notes(result.provenance)),
    )


def _paired_rows(row: PairedRow, p: str) -> list[Row]:
    test, places = row.test, row.plan.decimals
    sides = (row.before, row.after)
    if not hasattr(row.before, "levels"):
        if test.method == "Paired t":
            change = f"{significant(test.estimate)} ({interval(test.conf_low, test.conf_high, None)})"
            cells = [f"{decimal(s.mean, places)} ({decimal(s.std_dev, places)})" for s in sides]
            return [Row((f"{row.label}, mean (SD)", *cells, change, p))]
        cells = [f"{decimal(s.median, places)} [{interval(s.q1, s.q3, places)}]" for s in sides]
        return [Row((f"{row.label}, median [quartiles]", *cells, moves(row), p))]
    cells = [[count_percent(n, s.total, places) for n in s.counts] for s in sides]
    if row.kind == "binary":
        return [Row((f"{row.label}, n (%)", cells[0][1], cells[1][1], moves(row), p))]
    shown = [
        Row((str(level), before, after, "", ""), "level")
        for level, before, after in zip(row.before.levels, *cells, strict=True)
    ]
    return [Row((f"{row.label}, n (%)", "", "", moves(row), p), "heading"), *shown]


def moves(row: PairedRow) -> str:
    """Say how many rise, fall and stay, in the words of the variable's kind."""
    test = row.test
    if row.kind == "binary":
        return f"to yes {test.n_up}, to no {test.n_down}"
    if row.kind == "category":
        return f"changed {test.n_up + test.n_down}, same {test.n_same}"
    if row.kind == "ordered":
        first, *_, last = row.before.levels
        return f"towards {last} {test.n_up}, towards {first} {test.n_down}, same {test.n_same}"
    return f"higher {test.n_up}, lower {test.n_down}, same {test.n_same}"


@table_of.register
def _(result: LinearStudy) -> DisplayTable:
    fit, plan, rows = result.fit, result.plan, []
    tests = {test.term: test for test in fit.tests}

    def cells(at: int) -> tuple[str, str, str]:
        shown = [
            significant(x) if plan.decimals is None else decimal(x, plan.decimals)
            for x in (fit.estimates[at], fit.conf_low[at], fit.conf_high[at])
        ]
        ends = spanned(*shown[1:]) if fit.conf_low[at] == fit.conf_low[at] else UNDEFINED
        return shown[0], ends, p_value(fit.p_values[at], plan.p_decimals)

    for term in plan.terms:
        own = [at for at, name in enumerate(fit.terms) if at and (name == term or name.startswith(f"{term}: "))]
        label = result.labels[term] + " †" * (term in result.after)
        if len(own) > 1:
            p = p_value(tests[term].p_value, plan.p_decimals) if term in tests else UNDEFINED
            rows.append(Row((label, "", "", p), "heading"))
        for at in own:
            level = fit.terms[at].removeprefix(f"{term}: ") if ": " in fit.terms[at] else ""
            name = level if len(own) > 1 else f"{label}: {level}" if level else label
            rows.append(Row((name, *cells(at)), "level" if len(own) > 1 else "plain"))
    rows.append(Row(("Intercept", *cells(0))))
    level = decimal(100 * fit.confidence_level, 0)
    notes = [
        f"Coefficients: difference of {result.outcome_label}, for one unit more, yes against no, or a level against the first.",
        f"R² {decimal(fit.r_squared, 3)}, adjusted {decimal(fit.adjusted_r_squared, 3)}; residual SD "
        f"{significant(fit.residual_sd)}; F {decimal(fit.statistic, 2)} on {decimal(fit.df, 0)} and "
        f"{decimal(fit.df_error, 0)}, P {p_value(fit.p_value)}; {fit.n} complete {result.units}, {fit.n_missing} left out.",
    ]
    if any(len(columns_of(fit.terms, term)) > 1 for term in plan.terms):
        notes.append("P in the line of a variable with levels is of all its levels together.")
    notes += [f"{left_out(result, name)} is left out: {why}." for name, why in fit.dropped.items()]
    notes += [f"{UNDEFINED} no interval and no P: {fit.reason}."] * bool(fit.reason)
    notes += [f"† Known only after {result.procedure}: it cannot predict what it follows."] * bool(result.after)
    return DisplayTable(
        name=f"table-{plan.number}",
        number=plan.number,
        title=plan.title,
        rows=tuple(rows),
        frame=result.frame,
        head=("", "Coefficient", f"{level}% interval", "P"),
        notes=(*notes, *plan.notes, *provenance_notes(result.provenance)),
    )


def columns_of(names: tuple[str, ...], term: str) -> list[str]:
    """Return the columns that a term has among those of a model."""
    return [name for name in names if name == term or name.startswith(f"{term}: ")]


def left_out(result: LinearStudy, name: str) -> str:
    """Return what a column that is in no model is called: its term's label, and its level."""
    term, _, level = name.partition(": ")
    return f"{result.labels.get(term, term)}: {level}" if level else result.labels.get(term, term)


@table_of.register
def _(result: ClusterStudy) -> DisplayTable:
    outcome, rows = bool(result.outcome_label), []
    total = sum(row.size for row in result.rows)
    for row in result.rows:
        known = row.size - row.unknown
        counted = [count_percent(row.events, known) if known else UNDEFINED] * outcome
        lacking = count_percent(row.missing, row.size * result.variables) if row.size else UNDEFINED
        rows.append(Row((row.name or NOT_RECORDED, count_percent(row.size, total), *counted, lacking)))
    found, notes = result.correlation, []
    if found:
        notes.append(
            f"No intracluster correlation of {result.outcome_label}: {found.reason}."
            if found.reason
            else f"Intracluster correlation of {result.outcome_label} {decimal(found.estimate, 3)} "
            f"({interval(found.conf_low, found.conf_high, 3)}), by analysis of variance, with Searle's interval; design effect "
            f"{decimal(found.design_effect, 2)} at {decimal(found.mean_size, 1)} {result.units} a cluster."
        )
    notes.append(f"Missing: of {result.variables} recorded variables of each {result.unit}.")
    return DisplayTable(
        name="clusters",
        title=f"{result.label}: {result.units}, outcome and missing values",
        rows=tuple(rows),
        head=(
            result.label,
            f"{result.units.capitalize()}, n (%)",
            *[f"{result.outcome_label}, n (%)"] * outcome,
            "Values missing, n (%)",
        ),
        frame=result.frame,
        notes=(*notes, *provenance_notes(result.provenance)),
    )
