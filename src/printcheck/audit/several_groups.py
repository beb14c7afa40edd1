"""P values of three or more groups, recomputed from the counts that are printed of every level in every group."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import pandas as pd

from printcheck.audit.audit_words import recomputed_p
from printcheck.audit.checks import Sheet
from printcheck.printed.published import Figure
from studyfile.study.comparison_checks import SUITED_SEVERAL, TRENDS
from studyfile.study.study import NUMERIC, Study
from tallystats.registry import words_of
from tallystats.results import result
from tallystats.statistics.compare_several import TESTS
from tallystats.tally import Tally

#: So many tables that print the same percentages are tried.
MOST_TABLES = 500


@result
class Recomputed:
    """What the printed counts say of a P value: a verdict, P with a digit more, the test that prints it, and why."""

    verdict: str
    recomputed: str = ""
    method: str = ""
    reason: str


def is_of_several(study: Study, figure: Figure) -> bool:
    """Say whether a figure is a P value of three or more groups."""
    group = study.file.published.groups.get(figure.group) if study.file.published else None
    compare = group.compare if group else None
    return figure.statistic == "p" and bool(compare) and len(study.levels(compare)) > 2


def recompute(sheet: Sheet, figure: Figure) -> Recomputed:
    """Recompute a P value of three or more groups from printed counts, by every test that suits the variable.

    Parameters
    ----------
    sheet : Sheet
    figure : Figure
        A P value for which `is_of_several` holds.

    Returns
    -------
    Recomputed
        "not checkable" for a number, whose P needs the values of all patients, and where a count is not printed.
    """
    study, by = sheet.study, sheet.groups[figure.group].compare
    words = sheet.said(figure)
    if study.kind(figure.variable) in NUMERIC:
        return Recomputed(
            verdict="not checkable",
            reason=f"{words}: P of a number in three or more groups is not recomputed "
            "from what is printed: it needs every patient's value",
        )
    tables = list(itertools.islice(_tables(sheet, figure, by), MOST_TABLES + 1))
    if not tables or len(tables) > MOST_TABLES:
        why = "not every count of its table is printed" if not tables else "too many tables print the same percentages"
        return Recomputed(verdict="not checkable", reason=f"{words}: P of three or more groups; {why}")
    stated, others = _tests(study, figure.variable, by)
    found: dict[str, list[float]] = {}
    for test in (*stated, *others):
        found[test] = [TESTS[test](_tally(study, figure.variable, by, t), figure.variable, by).p_value for t in tables]
        if test in stated or len(tables) == 1:
            prints = [p == p and p in figure.parts["p"] for p in found[test]]
            if any(prints):
                return _printed(figure, words, test, found[test], prints, stated)
    given = _span(figure, found[stated[0]])
    reason = f"{words}: from the printed counts, {words_of(stated[0])} gives {given}"
    reason += "" if len(tables) > 1 else ", and no other test of such a table prints it"
    return Recomputed(verdict="contradicted", recomputed=given, reason=reason)


def _printed(
    figure: Figure, words: str, test: str, values: Sequence[float], prints: Sequence[bool], stated: Sequence[str]
) -> Recomputed:
    verdict = "reproduced" if all(prints) else "compatible"
    if test not in stated:
        verdict = "reproduced by another method"
    reason = f"{words}: from the printed counts, {words_of(test)} gives {_span(figure, values)}"
    return Recomputed(verdict=verdict, recomputed=_span(figure, values), method=words_of(test), reason=reason)


def _span(figure: Figure, values: Sequence[float]) -> str:
    known = sorted(p for p in values if p == p)
    return recomputed_p(figure, known[0], known[-1]) if known else "no P"


def _tests(study: Study, variable: str, by: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the tests that the study file states, or `auto` may choose, and the others that suit the variable."""
    rows = study.file.comparison.rows if study.file.comparison else ()
    planned = next((row.test for row in rows if row.variable == variable), "auto")
    stated = ("pearson_chi_square",) if planned == "auto" else (planned,)
    kind, ordered = study.kind(variable), study.kind(by) == "ordered"
    suited = [test for test, kinds in SUITED_SEVERAL.items() if kind in kinds and (ordered or test not in TRENDS)]
    return stated, tuple(test for test in suited if test not in stated)


def _tables(sheet: Sheet, figure: Figure, by: str) -> Iterator[list[list[int]]]:
    """Yield every table of counts, levels by groups, that prints as the paper's does; none where a count is missing."""
    from printcheck.audit.significance import compared, counts_of

    study = sheet.study
    levels, names = study.levels(figure.variable), compared(sheet, figure)
    if len(names) < 3 or study.levels(by) != tuple(level for name in names for level in _wanted(sheet, name, by)):
        names = tuple(sorted(names, key=lambda name: [study.levels(by).index(w) for w in _wanted(sheet, name, by)]))
    cells = [[counts_of(sheet, figure.variable, level, name) for name in names] for level in levels]
    if len(names) != len(study.levels(by)) or not all(all(row) for row in cells):
        return
    sizes = [next(cell[1] for cell in column) for column in zip(*cells, strict=True)]
    if math.prod(len(cell[0]) for row in cells for cell in row) > MOST_TABLES**2:
        yield from ([] for _ in range(MOST_TABLES + 1))
        return
    for counts in itertools.product(*(cell[0] for row in cells for cell in row)):
        table = [list(counts[k * len(names) : (k + 1) * len(names)]) for k in range(len(levels))]
        if [sum(column) for column in zip(*table, strict=True)] == sizes:
            yield table


def _wanted(sheet: Sheet, name: str, by: str) -> tuple[str, ...]:
    wanted = sheet.groups[name].where.get(by, ())
    return wanted if isinstance(wanted, tuple) else (wanted,)


def _tally(study: Study, variable: str, by: str, table: list[list[int]]) -> Tally:
    levels, groups = study.levels(variable), study.levels(by)
    rows = [(a, b, n) for a, row in zip(levels, table, strict=True) for b, n in zip(groups, row, strict=True)]
    frame = pd.DataFrame(rows, columns=[variable, by, "n"])
    kinds = {name: pd.CategoricalDtype(study.levels(name), ordered=True) for name in (variable, by)}
    return Tally(frame.astype({**kinds, "n": "int64"}))
