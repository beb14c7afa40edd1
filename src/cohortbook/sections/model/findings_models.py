"""Findings of models in words; `finding` of `cohortbook.display.findings` learns them here."""

from __future__ import annotations

from cohortbook.display.findings import JOINT_COUNTS, listed, several
from cohortbook.display.paragraph import Text
from cohortbook.display.style import general
from cohortbook.display.tables import decimal, interval, p_value, significant
from cohortbook.sections.comparison.findings_comparisons import finding
from cohortbook.sections.model.layouts_models import columns_of, removal_in_words, separating_cells
from cohortbook.sections.model.model_checks import RULE_OF_TEN
from cohortbook.sections.model.models import ModelStudy, Screening
from tallystats.results import Hidden, NotPlanned
from tallystats.tolerance import below

__all__ = ["carrying_finding", "finding", "selection_finding", "separation_finding"]


@finding.register
def _(result: Screening, *, significance: float = 0.05) -> Text:
    names = [label for term, label in zip(result.terms, result.labels, strict=True) if term in result.candidates]
    late = [label for term, label in zip(result.terms, result.labels, strict=True) if term in result.after]
    text = f"{several(len(names), 'candidate')}: {listed(names) or 'none'}."
    if late:
        text += f" {listed(late)} is known only after {result.procedure}, and can predict nothing that may come before it."
    return Text(text)


def carrying_finding(result: ModelStudy | NotPlanned) -> Text:
    """Say how many events there are for each estimate, and whether the data carry the model."""
    if not result:
        return Text(result.reason)
    full = result.full
    columns = len(full.terms) - 1
    ratio = full.events_per_variable
    if isinstance(ratio, Hidden):
        return Text(f"How many events there are for {several(columns, 'estimate')} is not shown, to protect patients.")
    verdict = (
        f"far below the {RULE_OF_TEN} of the common rule: the data do not carry this model"
        if ratio < RULE_OF_TEN / 2
        else f"below the {RULE_OF_TEN} of the common rule"
        if ratio < RULE_OF_TEN
        else f"at least the {RULE_OF_TEN} of the common rule"
    )
    return Text(
        f"{several(full.events, 'event')} in {full.n} patients for {several(columns, 'estimate')}: "
        f"{decimal(ratio, 1)} for each, {verdict}. Left out for missing values: {several(full.n_missing, 'patient')}."
    )


def separation_finding(result: ModelStudy | NotPlanned) -> Text:
    """Say, loudly, whether the likelihood has a finite maximum, and what separates."""
    if not result:
        return Text(result.reason)
    full = result.full
    found = full.separation
    if found.kind == "none":
        how = f"converged after {several(full.iterations, 'step')}"
        how = how if full.converged else f"did not converge within its limit of {several(full.limit, 'step')}"
        return Text(f"No separation: every estimate is finite, and the fit {how}.")
    infinite = [f"{result.labels[c]} ({'+' if sign > 0 else '−'}∞)" for c, sign in found.directions.items() if c != "intercept"]
    cells = separating_cells(result)
    printed = [f"{result.labels[c]} {p_value(full.p_value(c), result.plan.p_decimals)}" for c in columns_of(result)]
    return Text(
        f"> **The likelihood has no finite maximum** ({found.kind} separation){': ' * bool(cells)}{listed(cells)}. "
        f"The estimate of {listed(infinite)} is infinite. The program stopped after {full.iterations} steps, its default "
        f"limit: the last one still moved an estimate by {significant(full.last_step)}, while the slope of the likelihood had "
        f"fallen to {significant(full.gradient, 1)}. It printed P = {listed(printed)}. The P of what separates hangs on that "
        f"limit alone, and says nothing of the strength of an association."
    )


def selection_finding(result: ModelStudy | NotPlanned) -> Text:
    """Say what the planned selection ended with, and whether another test for removal would end elsewhere."""
    if not result:
        return Text(result.reason)

    def kept(terms: tuple[str, ...]) -> str:
        return listed([result.names[t] for t in terms]) or "nothing"

    chosen = result.selection
    if chosen.method == "enter":
        return Text("The plan enters all candidates at once: nothing is selected.")
    text = (
        f"Removal by {removal_in_words(chosen.removal_test)} keeps {kept(chosen.selected)} "
        f"(after {several(len(chosen.steps) - 1, 'step')}; it ended because {chosen.stopped})."
    )
    last = chosen.steps[-1]
    if last.action == "remove" and "had before" in chosen.stopped:
        text += f" A program that stops before it returns to an earlier model would keep {kept((last.term,))} in it."
    for step in chosen.steps:
        if step.tied:
            did = "entered" if step.action == "enter" else "left"
            text += (
                f" At step {step.number}, {kept((step.term, *step.tied))} had the same P: {kept((step.term,))} {did} only "
                "because it stands first in the list."
            )
    others = [s for s in result.alternatives if s is not chosen and set(s.selected) != set(chosen.selected)]
    if others:
        text += " " + " ".join(f"Removal by {removal_in_words(s.removal_test)} keeps {kept(s.selected)}." for s in others)
        text += " **The conclusion hangs on which test the program takes for removal.**"
    else:
        text += " So do the other tests for removal."
    return Text(text)


@finding.register
def _(result: ModelStudy, *, significance: float = 0.05) -> Text:
    firth = result.firth
    rows = firth.frame.set_index("term").to_dict("index")
    shown = [
        f"{result.labels[c]} {significant(rows[c]['odds_ratio'])} "
        f"({interval(rows[c]['odds_ratio_low'], rows[c]['odds_ratio_high'], None)}; P {p_value(rows[c]['p_value'])})"
        for c in columns_of(result)
    ]
    clear = [result.labels[c] for c in columns_of(result) if below(firth.p_value(c), significance)]
    text = f"Firth's odds ratios: {listed(shown)}. "
    text += f"{listed(clear)}: P below {general(significance)}" if clear else f"None has P below {general(significance)}"
    if firth.problems:
        text += "; not found: " + listed(list(firth.problems.values()))
    wide = [c for c in columns_of(result) if rows[c]["odds_ratio_high"] > 20 * rows[c]["odds_ratio_low"]]
    if result.provenance == "implied":
        text += f". {JOINT_COUNTS.removesuffix('.')}"
    text += ". Intervals this wide leave open whether an association is weak or overwhelming" if wide else ""
    return Text(text + ".")
