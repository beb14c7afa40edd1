"""What the tables of models show; `table_of` of `cohortbook.display.layouts` learns them here."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cohortbook.display.layouts import provenance_notes, table_of
from cohortbook.display.level_methods import of_model, of_selection, rarer
from cohortbook.display.level_notes import level_notes
from cohortbook.display.style import general
from cohortbook.display.tables import UNDEFINED, DisplayTable, Row, decimal, interval, p_value, significant
from cohortbook.sections.model.model_methods import ModelMethods
from cohortbook.sections.model.models import ModelStudy, Screening
from tallystats.regression.block_tests import BlockTest
from tallystats.regression.exact import ExactFit
from tallystats.regression.firth import FirthFit
from tallystats.regression.logistic import LogisticFit
from tallystats.regression.selection import Selection
from tallystats.results import NotPlanned, lower_first

__all__ = ["full_model_table", "selection_table", "table_of"]

TESTS = {"score": "score", "wald": "Wald", "lr": "likelihood ratio", "conditional": "conditional"}
INFINITE = "no finite estimate"


@table_of.register
def _(result: Screening) -> DisplayTable:
    rows = []
    for term, label, p in zip(result.terms, result.labels, result.p_values, strict=True):
        mark = " †" if term in result.after else ""
        rows.append(Row((label + mark, p_value(p), "yes" if term in result.candidates else "no")))
    notes = [
        f"A candidate has a univariate P below {general(result.threshold)}."
        if result.threshold is not None
        else "The plan names the candidates."
    ]
    if result.after:
        notes.append(f"† Known only after {result.procedure}: no predictor.")
    return DisplayTable(
        name="candidates",
        title="Candidates for the model",
        head=("", "Univariate P", "Candidate"),
        rows=tuple(rows),
        frame=result.frame,
        notes=tuple(notes),
    )


def columns_of(result: ModelStudy) -> list[str]:
    """Return the model's columns without the intercept, in the order that the paper's table shows."""
    terms = [*result.plan.rows, *result.screening.candidates]
    shown = [column for term in dict.fromkeys(terms) for column in result.full.blocks.get(term, ())]
    return list(dict.fromkeys(shown))


def _marked(result: ModelStudy, column: str) -> str:
    late = any(column in result.full.blocks.get(term, ()) for term in result.screening.after)
    return result.labels[column] + (" †" if late else "")


@table_of.register
def _(result: ModelStudy) -> DisplayTable:
    """The full model as the journal prints it: P values alone."""
    full, plan = result.full, result.plan
    rows = [Row((_marked(result, c), p_value(full.p_value(c), plan.p_decimals))) for c in columns_of(result)]
    notes = [
        f"Wald's P of the model of all {len(result.screening.candidates)} candidates, maximum likelihood.",
        *_dropped(result),
    ]
    if not full.converged:
        notes.append(
            f"Stopped by its limit of {full.iterations} steps, not converged: the likelihood has no finite maximum "
            f"({'; '.join(separating_cells(result)) or 'separation'}), so these numbers hang on the program's default."
        )
    notes += [f"Not computed, {name}: {why}." for name, why in full.problems.items()]
    if result.screening.after:
        notes.append(f"† Known only after {result.screening.procedure}: no predictor.")
    notes += level_notes([("test", "maximum likelihood, Wald's test")], rarer(result))
    return DisplayTable(
        name=f"table-{plan.number}",
        number=plan.number,
        title=plan.title,
        head=("", "P"),
        rows=tuple(rows),
        frame=full.frame,
        notes=(*notes, *plan.notes, *provenance_notes(result.provenance)),
    )


def _odds_ratio(fit: LogisticFit | FirthFit | ExactFit, column: str) -> tuple[str, str, str]:
    """Return the odds ratio, its interval and P; an estimate that maximum likelihood does not have is said so."""
    row = fit.frame.set_index("term").loc[column]
    separated = getattr(fit, "separation", None)
    ends = interval(row["odds_ratio_low"], row["odds_ratio_high"], None)
    if separated and column in separated.directions:
        return INFINITE, ends if fit.intervals == "profile" else UNDEFINED, p_value(row["p_value"])
    return significant(row["odds_ratio"]), ends, p_value(row["p_value"])


def separating_cells(result: ModelStudy) -> list[str]:
    """Say which values separate, by label: `Kyphoplasty = no: 0 of 51 with the outcome`."""
    found = result.full.separation
    return [margin.words(lower_first(result.outcome_label), result.labels) for margin in found.separating]


def _dropped(result: ModelStudy) -> list[str]:
    """Name what is in no model, and why."""
    return [f"{result.labels[column]} is left out: {why}." for column, why in result.full.dropped.items()]


def full_model_table(
    result: ModelStudy | NotPlanned, methods: ModelMethods | NotPlanned | None = None
) -> DisplayTable | NotPlanned:
    """Lay out odds ratios: each candidate alone and all together, by maximum likelihood, Firth's method, and exactly."""
    if not result:
        return result
    level = decimal(100 * result.full.confidence_level, 0)
    alone = {c: fits for fits in result.univariable for c in fits[0].terms[1:]}
    exact = methods.exact if methods else None
    rows = []
    for column in columns_of(result):
        rows.append(Row((_marked(result, column), "", "", ""), "heading"))
        fits = {"alone": alone[column], "all candidates": (result.full, result.firth)}
        for when, (likelihood, firth) in fits.items():
            rows.append(Row((f"{when}, maximum likelihood", *_odds_ratio(likelihood, column)), "level"))
            rows.append(Row((f"{when}, Firth", *_odds_ratio(firth, column)), "level"))
        if exact:
            rows.append(Row(("all candidates, exact", *_odds_ratio(exact, column)), "level"))
    problems = dict(result.firth.problems)
    problems |= {c: why for c, why in exact.problems.items() if c in exact.terms} if exact else {}
    own = "profile-likelihood interval, Wald's P" if result.full.intervals == "profile" else "Wald's interval and P"
    notes = (
        f"Maximum likelihood: {own}. Firth: penalised likelihood, profile interval, likelihood-ratio P.",
        *_exact_notes(result, exact),
        *(f"No finite estimate: {cell}." for cell in separating_cells(result)),
        *problem_notes(problems, result.labels),
        *_dropped(result),
        *level_notes(of_model(result, exact), rarer(result)),
        *provenance_notes(result.provenance),
    )
    return DisplayTable(
        name="odds-ratios",
        title=f"Odds ratios of {lower_first(result.outcome_label)}",
        head=("", "Odds ratio", f"{level}% interval", "P"),
        rows=tuple(rows),
        frame=pd.concat([result.frame, exact.frame], ignore_index=True) if exact else result.frame,
        notes=notes,
    )


def problem_notes(problems: Mapping[str, str], names: Mapping[str, str]) -> list[str]:
    """Say why what is missing could not be computed: once for all terms that share the reason."""
    shared: dict[str, list[str]] = {}
    for term, why in problems.items():
        shared.setdefault(why, []).append(names.get(term, term))
    return [f"{'Each of ' * (len(who) > 1)}{'; '.join(who)}: {why}." for why, who in shared.items()]


def _exact_notes(result: ModelStudy, exact: ExactFit | None) -> list[str]:
    """Say what the exact estimates are."""
    if not exact:
        return []
    median = [result.labels[c] for c, how in zip(exact.terms, exact.estimators, strict=True) if how == "median unbiased"]
    text = (
        "Exact: conditional maximum likelihood given all others. P is of the probability test, the interval of two one-sided "
        "ones: it can hold 1 beside a P below 0.05."
    )
    return [text + f" Median-unbiased, as the other is infinite: {', '.join(median)}." * bool(median)]


def selection_table(result: ModelStudy | NotPlanned) -> DisplayTable | NotPlanned:
    """Lay out the step log of the planned selection, with the variables not in the model at every step."""
    if not result:
        return result
    chosen, rows = result.selection, []
    names = result.names
    for step in chosen.steps:
        what = "all candidates" if step.inside else "intercept alone"
        if step.term:
            what = f"{names[step.term]} {'enters' if step.action == 'enter' else 'leaves'}"
        what += f"; −2 log likelihood {decimal(-2 * step.log_likelihood, 3)}"
        rows.append(Row((f"Step {step.number}: {what}", "", "", "", ""), "heading"))
        for where, tests in (("in the model", step.inside), ("not in the model", step.outside)):
            for t in tests:
                rows.append(_test_row(names[t.term], where, t))
                own = [s for s in step.columns if where.startswith("not") and s.term.startswith(f"{t.term}: ")]
                rows += [_test_row(f"… {s.term.removeprefix(f'{t.term}: ')}", where, s) for s in own]
        if step.overall and len(step.outside) > 1:
            rows.append(_test_row("All of these", "not in the model", step.overall))
    kept = ", ".join(names[t] for t in chosen.selected) or "none"
    tied = [
        f"Step {s.number}: {', '.join(names[t] for t in s.tied)} had the same P as {names[s.term]}, which stands first "
        "in the list."
        for s in chosen.steps
        if s.tied
    ]
    rule = (
        f"A term enters below P = {general(chosen.entry)} by the score test and leaves above P = "
        f"{general(chosen.removal)}. It ended because {chosen.stopped}. Selected: {kept}."
    )
    return DisplayTable(
        name="selection",
        title=selection_in_words(chosen),
        head=("", "Test", "Statistic", "df", "P"),
        rows=tuple(rows),
        frame=chosen.frame,
        notes=(
            "All candidates enter; nothing is selected." if chosen.method == "enter" else rule,
            *tied,
            f"{chosen.n} complete patients; {chosen.n_missing} left out.",
            *level_notes(of_selection(chosen.removal_test), rarer(result)),
        ),
    )


def _test_row(label: str, where: str, test: BlockTest) -> Row:
    cells = (f"{where}, {TESTS[test.method]}", significant(test.statistic), str(test.df), p_value(test.p_value))
    return Row((label, *cells), "level")


def selection_in_words(chosen: Selection) -> str:
    """Name a selection: which way it goes, and by which test terms leave."""
    if chosen.method == "enter":
        return "All candidates entered"
    return f"{chosen.method.capitalize()} selection, removal by {removal_in_words(chosen.removal_test)}"


def removal_in_words(test: str) -> str:
    """Name a test for removal."""
    return {"wald": "Wald's test", "lr": "the likelihood ratio", "conditional": "the conditional statistic"}[test]
