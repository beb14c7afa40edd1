"""A printed regression table, searched: every joint table of its terms, and which method and limit print it."""

from __future__ import annotations

import functools
import itertools
import warnings
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import field, replace
from typing import Any

import numpy as np
import pandas as pd

from printcheck.audit.model_methods import FIRTH_RATIO, RATIO, STEPS, WALD, printouts_both_ways, wald_by_step
from printcheck.audit.model_tables import allowed_tables, printed_tables
from printcheck.printed.claims import claims
from printcheck.printed.patterns import Table, design_of, printing
from printcheck.printed.published import Figure
from studyfile.errors import CohortbookError
from studyfile.study.study import Study
from tallystats.regression.block_tests import REMOVAL_TESTS
from tallystats.regression.selection import select_terms
from tallystats.regression.separation import detect_separation
from tallystats.results import Result, UndefinedWarning, result
from tallystats.tally import Tally

#: Method, whether all terms together, limit, step, possible tables and tables in all that print the model.
_Counted = tuple[str, bool, str, int | None, int, int]
#: Selections are followed in at most so many of the tables that print the model, spread evenly over them.
MOST_FOLLOWED = 50


@result
class Reading:
    """A method that may have printed the table.

    Attributes
    ----------
    method : str
        In words.
    together : bool
        All terms in one model; False when each stands alone.
    limit : str
        Where it stops, in words.
    steps : tuple of int
        The step limits meant; none where the method has no such limit.
    tables : int
        The joint tables in which it prints every figure, among those that the other figures leave.
    searched : int
        The same among all that have the printed margins.
    """

    method: str
    together: bool
    limit: str
    steps: tuple[int, ...]
    tables: int
    searched: int


@result
class JointTable:
    """One joint table of the terms that prints the model, and what other methods say of it.

    Attributes
    ----------
    with_outcome, without_outcome : tuple of int
        Patients of each pattern, in the order of `itertools.product((0, 1), repeat=terms)`.
    p_values, ratio_p_values, firth_p_values : dict
        Term -> P: Wald's at the stated limit; by likelihood ratio; by Firth's penalised likelihood ratio.
    firth_odds_ratios : dict
        Term -> odds ratio by Firth's penalised likelihood.
    separation : {"none", "quasi-complete", "complete"}
    infinite : dict
        Term -> +1 or -1, the sign of its infinite estimate.
    selections : dict
        Test for removal -> (selected terms, why the selection ended); empty where it was not followed.
    """

    with_outcome: tuple[int, ...]
    without_outcome: tuple[int, ...]
    p_values: dict[str, float]
    ratio_p_values: dict[str, float]
    firth_p_values: dict[str, float]
    firth_odds_ratios: dict[str, float]
    separation: str
    infinite: dict[str, int]
    selections: dict[str, tuple[tuple[str, ...], str]]


@result
class PrintedModel(Result):
    """A printed regression table, searched over the joint tables of its terms.

    Attributes
    ----------
    outcome : str
    terms : tuple of str
    labels : dict
        Name of the outcome or of a term -> its label.
    sources : tuple of str
        Where it is printed.
    printed : dict
        Term -> what is printed of it: P as printed, other statistics after their name.
    max_iterations : int
        The plan's limit.
    reason : str
        Why it was not searched, in plain words; empty when it was.
    searched, possible : int
        Joint tables with the printed margins, and those among them that all other figures leave.
    decided : bool
        False where the solver did not settle which the other figures leave: then all that have the margins count as
        possible.
    tables : tuple of JointTable
        The possible ones that print the model by maximum likelihood and Wald's test under the plan's limit.
    readings : tuple of Reading
        Every method tried, the stated one first; neighbouring limits with the same count together.
    limits : tuple of int
        Step limits under which at least one possible table prints the model by the stated method.
    p_by_step : dict
        Term -> least and greatest P over `tables` by the stated method after 1, 2 and so on to `STEPS` steps; NaN where
        the information is singular.
    removal_tests : tuple of str
        The rules for removal, the plan's first.
    selections : dict
        Test for removal -> {selected terms, in the order of `terms` -> number of tables}.
    ends_with_printed : dict
        Test for removal -> in how many tables the stated selection ends with the printed terms.
    followed : int
        In how many of the tables the selections were followed.
    separated_in_all, separated_in_some : tuple of str
        Terms with an infinite estimate in all, or in at least one, of `tables`.
    firth_range, ratio_range : dict
        Term -> least and greatest P over `tables`, by Firth's method and by likelihood ratio; NaN where there is none.
    firth_range_possible, ratio_range_possible : dict
        The same over all possible tables, whether they print the model or not.
    """

    outcome: str
    terms: tuple[str, ...]
    labels: dict[str, str]
    sources: tuple[str, ...]
    printed: dict[str, tuple[str, ...]]
    max_iterations: int
    reason: str = ""
    searched: int = 0
    possible: int = 0
    decided: bool = True
    tables: tuple[JointTable, ...] = ()
    readings: tuple[Reading, ...] = ()
    limits: tuple[int, ...] = ()
    p_by_step: dict[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    removal_tests: tuple[str, ...] = ()
    selections: dict[str, dict[tuple[str, ...], int]] = field(default_factory=dict)
    ends_with_printed: dict[str, int] = field(default_factory=dict)
    followed: int = 0
    separated_in_all: tuple[str, ...] = ()
    separated_in_some: tuple[str, ...] = ()
    firth_range: dict[str, tuple[float, float]] = field(default_factory=dict)
    firth_range_possible: dict[str, tuple[float, float]] = field(default_factory=dict)
    ratio_range: dict[str, tuple[float, float]] = field(default_factory=dict)
    ratio_range_possible: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def frame(self) -> pd.DataFrame:
        """One row a printing table and term."""
        rows = [
            {
                "table": number,
                "term": term,
                "label": self.labels[term],
                "p_value": table.p_values[term],
                "ratio_p_value": table.ratio_p_values[term],
                "firth_p_value": table.firth_p_values[term],
                "firth_odds_ratio": table.firth_odds_ratios[term],
                "infinite": table.infinite.get(term, 0),
                "separation": table.separation,
            }
            for number, table in enumerate(self.tables, 1)
            for term in self.terms
        ]
        columns = [
            "table",
            "term",
            "label",
            "p_value",
            "ratio_p_value",
            "firth_p_value",
            "firth_odds_ratio",
            "infinite",
            "separation",
        ]
        return pd.DataFrame(rows, columns=columns)


def study_printed_model(study: Study, figures: Sequence[Figure], *, out: Collection[str] = frozenset()) -> PrintedModel | None:
    """Search a printed regression table over every joint table of its terms.

    Parameters
    ----------
    study : Study
    figures : sequence of Figure
        All printed figures of the study.
    out : collection of str
        Ids of figures given up, because they cannot hold together with others. Those of the model itself are searched all
        the same.

    Returns
    -------
    PrintedModel or None
        None when no figure is of a model. With a `reason` when it could not be searched.

    Notes
    -----
    Every joint table with the printed margins is taken, and the solver says which of them the other figures leave; each
    is then fitted by every method of `printcheck.audit.model_methods`. So a method that prints the model in no table did not
    print it, whatever the patients were, as long as the margins hold.
    """
    groups = study.file.published.groups if study.file.published else {}
    mine = [f for f in figures if f.about == "cohort" and (group := groups.get(f.group)) and group.model]
    if not mine:
        return None
    plan = study.plan("model")
    terms = plan.candidates or tuple(dict.fromkeys(figure.variable for figure in mine))
    model = PrintedModel(
        outcome=plan.outcome,
        terms=terms,
        labels={name: study.label(name) for name in (plan.outcome, *terms)},
        sources=tuple(dict.fromkeys(figure.source for figure in mine)),
        printed={t: tuple(_as_printed(f) for f in mine if f.variable == t) for t in terms},
        max_iterations=plan.max_iterations,
    )
    if other := [model.labels[term] for term in terms if study.kind(term) != "binary"]:
        reason = f"not searched: only models of terms that are yes or no are, and {', '.join(other)} is another kind"
        return replace(model, reason=reason)
    ids = {figure.id for figure in mine}
    try:
        return _searched(study, model, mine, [f for f in figures if f.id not in ids and f.id not in out])
    except CohortbookError as error:
        return replace(model, reason=f"not searched: {error}")


def _as_printed(figure: Figure) -> str:
    return figure.value if figure.statistic == "p" else f"{figure.statistic} {figure.value}"


def _searched(study: Study, model: PrintedModel, mine: Sequence[Figure], others: Sequence[Figure]) -> PrintedModel:
    said = claims(study, others, ties=True)
    tables = printed_tables(study, said, model.outcome, model.terms)
    if not tables:
        return replace(model, reason="not searched: the printed counts of its terms contradict each other")
    left, decided = allowed_tables(study, said, model.outcome, model.terms, tables)
    model = replace(model, searched=len(tables), possible=len(left), decided=decided)
    return _read(study, model, mine, tables, [table in left for table in tables])


def _read(
    study: Study, model: PrintedModel, mine: Sequence[Figure], tables: Sequence[Table], possible: Sequence[bool]
) -> PrintedModel:
    """Fit every table by every method and note which print the model."""
    design = design_of(len(model.terms))
    counts, left = np.array([(*with_it, *without) for with_it, without in tables], float), np.array(possible)
    printed = [[figure for figure in mine if figure.variable == term] for term in model.terms]
    found, kept = [], {}
    for together, printout in printouts_both_ways(*design, counts):
        good = printing(printed, printout.estimates, printout.std_errors, printout.p_values)
        count = int((good & left).sum()), int(good.sum())
        found.append((printout.method, together, printout.limit, printout.step, *count))
        if together and printout.method in (RATIO, FIRTH_RATIO):
            kept[printout.method] = printout
        elif together and (printout.method, printout.step) == (WALD, min(model.max_iterations, STEPS)):
            kept[WALD], chosen = printout, np.flatnonzero(good & left)
    ratio, firth = kept[RATIO].p_values, kept[FIRTH_RATIO].p_values
    values = [kept[WALD].p_values, ratio, firth, np.exp(kept[FIRTH_RATIO].estimates)]
    spread = np.linspace(0, len(chosen) - 1, min(len(chosen), MOST_FOLLOWED)).round().astype(int)
    followed = set(chosen[spread].tolist())
    shown = tuple(_joint_table(study, model, tables[k], [rows[k] for rows in values], k in followed) for k in chosen.tolist())
    steps = [_ranges(model, p_values) for p_values in wald_by_step(*design, counts[chosen])] if shown else []
    return replace(
        model,
        tables=shown,
        p_by_step={term: tuple(step[term] for step in steps) for term in model.terms},
        readings=tuple(_readings(found)),
        limits=tuple(step for method, together, _, step, n, _ in found if method == WALD and together and n),
        separated_in_all=tuple(t for t in model.terms if shown and all(t in table.infinite for table in shown)),
        separated_in_some=tuple(t for t in model.terms if any(t in table.infinite for table in shown)),
        firth_range=_ranges(model, firth[chosen]),
        firth_range_possible=_ranges(model, firth[left]),
        ratio_range=_ranges(model, ratio[chosen]),
        ratio_range_possible=_ranges(model, ratio[left]),
        **_selected(study, model, shown),
    )


def _readings(found: Sequence[_Counted]) -> Iterator[Reading]:
    """Join neighbouring step limits that print the model in as many tables; those that print it in none only if none does."""
    for method, together in dict.fromkeys(row[:2] for row in found):
        rows = [row for row in found if row[:2] == (method, together)]
        for (tables, searched), run in itertools.groupby(rows, key=lambda row: row[4:]):
            same = list(run)
            if not searched and any(row[5] for row in rows):
                continue
            steps = tuple(row[3] for row in same if row[3])
            yield Reading(
                method=method,
                together=together,
                limit=same[0][2] or _in_words(steps),
                steps=steps,
                tables=tables,
                searched=searched,
            )


def _in_words(steps: Sequence[int]) -> str:
    first, last = steps[0], steps[-1]
    return f"after {first} to {last} steps" if last > first else f"after {first} step{'s' * (first > 1)}"


def _ranges(model: PrintedModel, p_values: np.ndarray) -> dict[str, tuple[float, float]]:
    """Return the least and the greatest P of each term, those not defined left out."""
    found = {}
    for term, column in zip(model.terms, p_values.T, strict=True):
        defined = column[column == column]
        found[term] = (float(defined.min()), float(defined.max())) if len(defined) else (float("nan"),) * 2
    return found


def _joint_table(study: Study, model: PrintedModel, table: Table, values: Sequence[np.ndarray], follow: bool) -> JointTable:
    tally = _tally(model.outcome, model.terms, table)
    kind, directions = _separation(model.outcome, model.terms, tuple(tuple(map(bool, counts)) for counts in table))
    wald, ratio, firth, odds = (dict(zip(model.terms, row.tolist(), strict=True)) for row in values)
    return JointTable(
        with_outcome=table[0],
        without_outcome=table[1],
        p_values=wald,
        ratio_p_values=ratio,
        firth_p_values=firth,
        firth_odds_ratios=odds,
        separation=kind,
        infinite={term: sign for term, sign in directions.items() if term in model.terms},
        selections=_selections(study, model, tally) if follow else {},
    )


@functools.lru_cache(maxsize=4096)
def _separation(outcome: str, terms: tuple[str, ...], shown: tuple[tuple[bool, ...], ...]) -> tuple[str, dict[str, int]]:
    """Return the kind of separation and the infinite estimates: they hang on which patterns there are, not on how many."""
    found = detect_separation(_tally(outcome, terms, shown), outcome=outcome, terms=terms)
    return found.kind, found.directions


def _tally(outcome: str, terms: Sequence[str], table: Sequence[Sequence[int]]) -> Tally:
    """Return the patients of a joint table as patterns."""
    bits = list(itertools.product((False, True), repeat=len(terms)))
    rows = [
        {outcome: answer, **dict(zip(terms, row, strict=True)), "n": int(n)}
        for answer, counts in zip((True, False), table, strict=True)
        for row, n in zip(bits, counts, strict=True)
        if n
    ]
    return Tally(pd.DataFrame(rows))


def _selections(study: Study, model: PrintedModel, tally: Tally) -> dict[str, tuple[tuple[str, ...], str]]:
    """Follow the stated selection under each test for removal, the plan's first."""
    plan, found = study.plan("model"), {}
    for test in dict.fromkeys((plan.removal_test, *REMOVAL_TESTS)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UndefinedWarning)
            ended = select_terms(
                tally,
                outcome=model.outcome,
                candidates=model.terms,
                method=plan.method,
                entry=plan.entry,
                removal=plan.removal,
                removal_test=test,
                max_iterations=plan.max_iterations,
            )
        found[test] = (tuple(term for term in model.terms if term in ended.selected), ended.stopped)
    return found


def _selected(study: Study, model: PrintedModel, shown: Sequence[JointTable]) -> dict[str, Any]:
    """Count the tables in which each selection ends with each list of terms."""
    followed = [table.selections for table in shown if table.selections]
    tests = tuple(followed[0]) if followed else ()
    with_figures = tuple(term for term in model.terms if model.printed[term])
    ends = {test: Counter(selections[test][0] for selections in followed) for test in tests}
    return {
        "removal_tests": tests,
        "selections": {test: dict(counted.most_common()) for test, counted in ends.items()},
        "ends_with_printed": {test: counted[with_figures] for test, counted in ends.items()},
        "followed": len(followed),
    }
