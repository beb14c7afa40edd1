"""Findings of pairs of groups, pairs of times, a linear model and clusters in words.

`finding` of `cohortbook.display.findings` learns them here.
"""

from __future__ import annotations

from cohortbook.display.findings import caution, finding, listed, several
from cohortbook.display.paragraph import Text
from cohortbook.display.style import general
from cohortbook.display.tables import decimal, interval, p_value, significant
from cohortbook.sections.comparison.comparisons import GroupPairs, LinearStudy, PairedRow, PairedStudy
from cohortbook.sections.comparison.layouts_comparisons import adjustment_in_words, moves
from cohortbook.sections.missing.centres import ClusterStudy
from tallystats.results import lower_first
from tallystats.tolerance import below

__all__ = ["finding"]


@finding.register
def _(result: GroupPairs, *, significance: float = 0.05) -> Text:
    limit, told = result.plan.significance, []
    for label, row in zip(result.labels, result.rows, strict=True):
        apart = [
            f"{result.heads[pair.group]} from {result.heads[pair.reference]} ({p_value(pair.p_adjusted)})"
            for pair in row.pairs
            if below(pair.p_adjusted, limit)
        ]
        told += [f"in {label}, {listed(apart)}"] * bool(apart)
    ways = listed(list(dict.fromkeys(adjustment_in_words(row.adjustment) for row in result.rows)))
    if not told:
        return caution(result.provenance, f"No two groups differ with P < {general(limit)}, adjusted by {ways} method.")
    return caution(result.provenance, f"With P < {general(limit)}, adjusted by {ways} method, there differ {'; '.join(told)}.")


@finding.register
def _(result: PairedStudy, *, significance: float = 0.05) -> Text:
    return caution(result.provenance, " ".join(_paired(row, result) for row in result.rows))


def _paired(row: PairedRow, result: PairedStudy) -> str:
    test = row.test
    if test.reason:
        return f"{row.label}: no test, as {test.reason}."
    verdict = "differs" if below(test.p_value, result.significance) else "does not differ"
    text = f"{row.label} {verdict} between before and after {result.procedure} with P < {general(result.significance)} "
    text += f"({test.method}, P {p_value(test.p_value)}) in {several(test.n, result.unit, result.units)}: "
    if test.method == "Paired t":
        text += f"mean change {significant(test.estimate)} ({interval(test.conf_low, test.conf_high, None)})"
    else:
        text += moves(row)
    clear = below(test.p_value, result.significance)
    other = [t for t in row.beside if not t.reason and below(t.p_value, result.significance) != clear]
    if other:
        text += "; otherwise by " + listed([f"{t.method} (P {p_value(t.p_value)})" for t in other])
    return text + "."


@finding.register
def _(result: LinearStudy, *, significance: float = 0.05) -> Text:
    fit = result.fit
    if fit.reason:
        return Text(f"The coefficients have no tests: {fit.reason}.")
    small = [test for test in fit.tests if below(test.p_value, significance)]
    text = f"The terms explain {decimal(100 * fit.r_squared, 1)} % of the variance of {result.outcome_label} in "
    text += several(fit.n, result.unit, result.units)
    named = [f"{result.labels[test.term]} ({p_value(test.p_value)})" for test in small]
    limit = f"P < {general(significance)}"
    text += f"; {limit}, all others held: {'; '.join(named)}" if named else f"; no term has {limit}"
    late = [result.labels[test.term] for test in small if test.term in result.after]
    text += f". {listed(late)}: known only after {result.procedure}, so no predictor of what may precede it" * bool(late)
    return caution(result.provenance, text + ".")


@finding.register
def _(result: ClusterStudy, *, significance: float = 0.05) -> Text:
    there = [row for row in result.rows if row.size and row.name]
    sizes = [row.size for row in there]
    if not there:
        return Text(f"No {result.unit} has a value of {result.label}.")
    text = f"{several(len(there), 'cluster')} of {min(sizes)} to {max(sizes)} {result.units} ({result.label})"
    nowhere = sum(row.size for row in result.rows if not row.name)
    text += f"; of {nowhere} it is not recorded" * bool(nowhere) + "."
    found = result.correlation
    if found and not found.reason:
        text += f" The intracluster correlation of {result.outcome_label} is {decimal(found.estimate, 3)} "
        text += f"({interval(found.conf_low, found.conf_high, 3)})."
    text += f" All tests and intervals take {result.units} as independent of each other, also within "
    text += f"{lower_first(result.label)}: where patients of one are alike, P and intervals are too small."
    return caution(result.provenance, text)
