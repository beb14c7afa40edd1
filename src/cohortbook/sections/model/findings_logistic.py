"""Findings of the methods that stand beside maximum likelihood, in words."""

from __future__ import annotations

from cohortbook.display.findings import JOINT_COUNTS, listed
from cohortbook.display.paragraph import Text
from cohortbook.display.tables import decimal, p_value
from cohortbook.sections.model.findings_models import finding
from cohortbook.sections.model.layouts_logistic import terms_of
from cohortbook.sections.model.model_methods import ModelMethods
from tallystats.results import NotPlanned
from tallystats.tolerance import below

__all__ = ["finding", "prediction_finding"]


@finding.register
def _(result: ModelMethods, *, significance: float = 0.05) -> Text:
    model, parts, clear = result.model, [], []
    for term in terms_of(model):
        bearing = _bearing(result, term)
        wald = result.tests.p_value(term, "wald")
        both = [result.tests.p_value(term, method) for method in ("score", "lr")] + list(bearing.values())
        known = [p for p in both if p == p]
        if term in result.tests.separated:
            parts.append(
                f"{model.names[term]} has P {p_value(wald)} by Wald's test, which an infinite estimate breaks, and "
                f"{_span(known)} by the tests that bear one"
            )
        else:
            parts.append(f"{model.names[term]} has P {_span([*known, wald])}")
        if bearing and all(below(p, significance) for p in bearing.values()):
            clear.append(model.names[term])
    if not parts:
        return Text("No term is in the model: there is nothing to test.")
    methods = "Firth's and the exact test" if result.exact else "Firth's test"
    said = f"P below {significance:g} by {methods}" if clear else f"No term has P below {significance:g} by {methods}"
    text = f"{'; '.join(parts)}. **{f'{listed(clear)}: {said}' if clear else said}.**"
    late = [model.names[term] for term in model.screening.after if model.names[term] in clear]
    if late:
        text += f" {listed(late)} is known only after {model.screening.procedure}: it predicts nothing."
    if model.provenance == "implied":
        text += f" {JOINT_COUNTS}"
    return Text(text)


def _bearing(result: ModelMethods, term: str) -> dict[str, float]:
    """Return the P values of the tests that neither separation nor small numbers break; the exact one where it exists."""
    found = {"firth": result.model.firth.tests[term][2]}
    if result.exact and (p := result.exact.tests[term].p_value) == p:
        found["exact"] = p
    return found


def _span(values: list[float]) -> str:
    low, high = p_value(min(values)), p_value(max(values))
    return low if low == high else f"{low} to {high}"


def prediction_finding(result: ModelMethods | NotPlanned) -> Text:
    """Say how far Firth's mean prediction lies from the observed rate, and what the corrections make of it."""
    if not result or not result.predictions:
        return Text(result.predictions.reason if result else result.reason)
    found = result.predictions
    firth, flic, flac = (decimal(100 * found.mean(method), 1) for method in ("firth", "flic", "flac"))
    widest = (found.patterns["flic"] - found.patterns["flac"]).abs().max()
    return Text(
        f"Observed: {decimal(100 * found.events / found.n, 1)} %. Firth's method predicts {firth} % on average, FLIC {flic} % "
        f"and FLAC {flac} %. The two corrections lie at most {decimal(100 * widest, 1)} points apart in any pattern. No "
        f"prediction is worth more than the {found.events} events it rests on."
    )
