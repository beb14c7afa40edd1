"""What the tables of the comparison of groups show; `table_of` of `cohortbook.display.layouts` learns them here."""

from __future__ import annotations

from collections.abc import Sequence

from cohortbook.display.layouts import MARKS, provenance_notes, table_of
from cohortbook.display.level_methods import of_comparison, of_effects
from cohortbook.display.level_notes import level_notes
from cohortbook.display.style import general
from cohortbook.display.tables import UNDEFINED, DisplayTable, Row, count_percent, decimal, interval, p_value, significant
from cohortbook.sections.comparison.analysis import GroupComparison
from printcheck.printed.published import sure
from tallystats.results import NAN
from tallystats.statistics.compare import Comparison
from tallystats.statistics.describe import Frequencies, Summary
from tallystats.tolerance import below

__all__ = ["adjusted_table", "effects_table", "of_level", "random_notes", "table_of", "tests_table"]


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
            rows += [Row((str(level), *cells, ""), "level") for level, *cells in zip(groups[0].levels, *shares, strict=True)]
    heads = [*zip(result.heads, result.sizes, strict=True)]
    heads = [("All", sum(result.sizes)), *heads] if result.overall else heads
    head = ("", *(f"{label} (n = {n})" for label, n in heads), "P")
    notes = [f"{mark} {name}." for name, mark in tests.items()]
    notes += [
        f"{UNDEFINED} no test of {label}: {row.test.reason}."
        for label, row in zip(result.labels, result.rows, strict=True)
        if row.test.reason
    ]
    if any(row.expected_below_5 for row in result.rows):
        exact = "Fisher's exact test" if len(result.heads) == 2 else "the exact test"
        notes.append(f"‡ A cell of the table expects fewer than 5 patients: read {exact} beside it.")
    notes += random_notes(result, tests=True)
    lacking = [
        f"{label} {n}"
        for label, row in zip(result.labels, result.rows, strict=True)
        if (n := sum(group.n_missing for group in row.groups)) and plan.cells == "full"
    ]
    notes += [f"Without a value: {', '.join(lacking)}."] * bool(lacking)
    if result.after:
        notes.append(f"† Known only after {result.procedure}: it cannot predict what it follows.")
    if result.exceptions:
        named = dict(zip((row.variable for row in plan.rows), result.labels, strict=True))
        printed = [f"{named[name]}, {' and '.join(words)}" for name, words in result.exceptions.items() if name in named]
        notes.append(f"§ Printed otherwise, and cannot hold together with the other figures: {'; '.join(printed)}.")
    notes += level_notes(of_comparison(result, beside=False), min(result.sizes))
    return DisplayTable(
        name=f"table-{plan.number}",
        number=plan.number,
        title=plan.title,
        head=head,
        rows=tuple(rows),
        frame=result.frame,
        notes=(*notes, *plan.notes, *provenance_notes(result.provenance)),
    )


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
        rows.append(Row((label, test.method, why, shapiro, decimal(test.statistic, 2), df, p_value(test.p_value), fisher)))
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
        name="tests",
        title="Which test, and why",
        head=("", "Test", "Why", "Shapiro-Wilk P *", "Statistic", "df", "P", "Fisher's P" if two else "Exact P"),
        rows=tuple(rows),
        frame=result.frame,
        notes=(
            f"* Overall, {', '.join(inside)}. Any below {general(result.plan.normality)} leads from {leads}.",
            f"Statistic: {statistic}",
            *random_notes(result, tests=False),
            *level_notes(of_comparison(result), min(result.sizes)),
        ),
    )


def _why(found: Comparison, normality: float) -> str:
    """Say in few words why a test was taken."""
    if not found.choice.evidence:
        return "levels" if "plan" not in found.choice.reason else "planned"
    if "plan" in found.choice.reason:
        return "planned"
    rejected = sum(below(w.p_value, normality) for w in found.choice.evidence)
    return f"not normal ({rejected} of {len(found.choice.evidence)})" if rejected else "normality not rejected"


def effects_table(result: GroupComparison) -> DisplayTable:
    """Lay out sizes of effects: mean difference or odds ratio with its interval, and the standardised difference."""
    rows, two = [], len(result.heads) == 2
    for label, found in zip(result.labels, result.rows, strict=True):
        effect = _effect(found) if two else _effect(found)[:2]
        rows.append(
            Row((of_level(label, found) if two else label, *effect, decimal(found.standardised_difference.estimate, 2)))
        )
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
        name="effects",
        title="Sizes of effects",
        head=("", "Effect", "Estimate", *[f"{level}% interval"] * two, "Standardised difference" + ", largest" * (not two)),
        rows=tuple(rows),
        frame=result.frame,
        notes=(note, *level_notes(of_effects(result), min(result.sizes)), *provenance_notes(result.provenance)),
    )


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
    order = sorted(
        range(len(result.rows)), key=lambda i: (result.rows[i].test.reason is not None, sure(result.rows[i].test.p_value))
    )
    limits = [plan.significance, *([plan.threshold] if plan.threshold else [])]
    for i in order:
        p = result.rows[i].test.p_value
        verdicts = ["yes" if below(p, limit) else "no" if p == p else UNDEFINED for limit in limits]
        rows.append(Row((result.labels[i], p_value(p), *(p_value(v[i]) for v in result.adjusted.values()), *verdicts)))
    heads = [f"P < {general(plan.significance)}", *([f"P < {general(plan.threshold)}"] if plan.threshold else [])]
    one = result.n_tests == 1
    notes = ["1 test is defined, and so counts." if one else f"{result.n_tests} tests are defined, and so count."]
    if plan.threshold_label:
        notes.append(f"{general(plan.threshold)}: {plan.threshold_label}.")
    return DisplayTable(
        name="adjusted",
        title="P values adjusted for their number",
        head=("", "P", "Bonferroni", "Holm", "Benjamini-Hochberg", *heads),
        rows=tuple(rows),
        frame=result.frame,
        notes=tuple(notes),
    )
