"""What the tables of separation, of tests side by side, and of predictions show."""

from __future__ import annotations

import pandas as pd

from cohortbook.display.layouts import provenance_notes, table_of
from cohortbook.display.level_methods import of_terms, rarer
from cohortbook.display.level_notes import level_notes
from cohortbook.display.tables import UNDEFINED, DisplayTable, Row, decimal, p_value
from cohortbook.sections.model.layouts_models import problem_notes
from cohortbook.sections.model.model_methods import ModelMethods
from cohortbook.sections.model.models import ModelStudy
from studyfile.privacy.guard import withheld
from tallystats.regression.separation import Margin, span
from tallystats.results import NotPlanned

__all__ = ["prediction_table", "separation_table", "table_of", "terms_of"]

#: Covariate patterns that a table shows; numbers make thousands.
PATTERNS = 16
KINDS = {"none": "No separation", "quasi-complete": "Quasi-complete separation", "complete": "Complete separation"}


def terms_of(result: ModelStudy) -> list[str]:
    """Return the model's terms in the order that the paper's table shows."""
    return [term for term in dict.fromkeys([*result.plan.rows, *result.names]) if term in result.full.blocks]


def separation_table(result: ModelStudy | NotPlanned) -> DisplayTable | NotPlanned:
    """Lay out the outcome at every level of every term: which cells are empty, and which estimates that makes infinite."""
    if not result:
        return result
    if result.full.terms[1:] and not result.full.separation.margins:
        return withheld()
    found, rows, title = result.full.separation, [], ""
    order = [*terms_of(result), *result.names]
    for margin in (*sorted(found.margins, key=lambda margin: order.index(margin.terms[0])), *found.combined):
        name = " and ".join(result.names[term] for term in margin.terms)
        counts = (str(margin.events), str(margin.n - margin.events))
        if not margin.levels:
            rows.append(Row((name, span(margin.with_it), span(margin.without), _estimate(result, margin))))
            continue
        if name != title:
            whole = len(margin.terms) == 1 and margin.terms[0] in result.full.terms
            rows.append(Row((name, "", "", _estimate(result, margin, margin.terms[0]) if whole else ""), "heading"))
            title = name
        said = "everybody has it" if margin.told and margin.events else "nobody has it" if margin.told else ""
        own = _estimate(result, margin, f"{margin.terms[0]}: {margin.levels[0]}") if len(margin.terms) == 1 else ""
        rows.append(Row((", ".join(margin.levels), *counts, "; ".join(filter(None, [own, said]))), "level"))
    notes = [f"{KINDS[found.kind]}, decided by linear programming before any fit."]
    if found.kind != "none":
        notes = [
            f"{KINDS[found.kind]}, decided by linear programming before any fit: the terms tell the outcome of "
            f"{found.n_told} of {result.full.n} patients. Where everybody or nobody has the outcome, the estimate that "
            "maximum likelihood looks for is infinite."
        ]
    return DisplayTable(
        name="separation",
        title=f"{result.outcome_label} by the terms of the model, and which estimates exist",
        head=("", result.outcome_label, "Without", "Estimate"),
        rows=tuple(rows),
        frame=found.frame,
        notes=(*notes, *provenance_notes(result.provenance)),
    )


def _estimate(result: ModelStudy, margin: Margin, column: str = "") -> str:
    """Say whether the estimate of a column exists; nothing for what is no column."""
    column = column or margin.terms[0]
    if column not in result.full.terms:
        return ""
    sign = result.full.separation.directions.get(column, 0)
    return {1: "+∞", -1: "−∞"}.get(sign, "finite")


@table_of.register
def _(result: ModelMethods) -> DisplayTable:
    """The P values of each term by every test, from the one that fails under separation to the one that cannot."""
    exact = result.exact.tests if result.exact else {}
    rows = []
    for term in (*terms_of(result.model), "model"):
        name = result.model.names.get(term, "All together")
        cells = [p_value(result.tests.p_value(term, method)) for method in ("wald", "score", "lr")]
        cells.append(p_value(result.model.firth.tests[term][2]))
        if result.exact:
            cells += [p_value(exact[term].p_value), p_value(exact[term].mid_p_value)]
        late = " †" if term in result.model.screening.after else ""
        rows.append(Row((name + late, *cells)))
    notes = [
        "Wald, score, ratio: maximum likelihood. Firth: ratio of penalised likelihoods. Exact: probability test given "
        "all other terms; mid-P counts what is exactly as likely by half."
    ]
    infinite = [result.model.names[term] for term in result.tests.separated]
    if infinite:
        notes.append(f"Wald's P says nothing of {', '.join(infinite)}: the estimate is infinite.")
    problems = result.exact.problems if result.exact else {}
    refused = {result.model.names.get(k, "All together"): why for k, why in problems.items() if k in exact}
    notes += [f"{UNDEFINED} {note}" for note in problem_notes(refused, {})]
    notes += [result.exact.reason] if not result.exact else []
    if result.model.screening.after:
        notes.append(f"† Known only after {result.model.screening.procedure}: no predictor.")
    notes += level_notes(of_terms(result.exact or None), rarer(result.model))
    return DisplayTable(
        name="model-tests",
        title="P values of the same terms in the same model, by test",
        head=("", "Wald", "Score", "Likelihood ratio", "Firth", *["Exact", "Mid-P"] * bool(result.exact)),
        rows=tuple(rows),
        frame=result.frame,
        notes=(*notes, *provenance_notes(result.provenance)),
    )


def prediction_table(result: ModelMethods | NotPlanned) -> DisplayTable | NotPlanned:
    """Lay out what the model predicts for each covariate pattern, by Firth's method and with its intercept put right."""
    if not result or not result.predictions:
        return result and result.predictions
    found, terms = result.predictions, terms_of(result.model)
    frame = found.frame
    if any(pd.api.types.is_float_dtype(frame[term]) for term in terms):
        frame = frame[frame["n"] > 1]  # numbers that one patient alone has are that patient's row
    shown = frame.sort_values(["n", *terms], ascending=False, kind="stable").head(PATTERNS)
    rows = []
    for row in shown.to_dict("records"):
        values = [_value(row[term]) for term in terms]
        chances = [decimal(100 * row[method], 1) for method in ("observed", "firth", "flic", "flac")]
        rows.append(Row((*values, str(row["n"]), *chances)))
    means = [decimal(100 * mean, 1) for mean in (found.events / found.n, *map(found.mean, ("firth", "flic", "flac")))]
    rows.append(Row(("All", *[""] * (len(terms) - 1), str(found.n), *means)))
    left = len(found.patterns) - len(shown)
    notes = [
        "Firth's penalty draws predictions towards a half, above the observed rate where an outcome is rare. FLIC refits "
        "the intercept, FLAC keeps the penalty off it: both predict, on average, what was observed.",
        *[f"{left} rarer patterns are not shown."] * bool(left),
    ]
    return DisplayTable(
        name="predictions",
        title=f"{result.model.outcome_label}: observed and predicted, %",
        head=(*(result.model.names[term] for term in terms), "n", "Observed", "Firth", "FLIC", "FLAC"),
        rows=tuple(rows),
        frame=frame,
        notes=(*notes, *provenance_notes(result.provenance)),
    )


def _value(value: object) -> str:
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
