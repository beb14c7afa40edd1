"""What the tables of hazard models show; `table_of` of `cohortbook.display.layouts` learns them here."""

from __future__ import annotations

from cohortbook.display.layouts import provenance_notes, table_of
from cohortbook.display.level_methods import methods_told, of_cox
from cohortbook.display.level_notes import level_notes
from cohortbook.display.tables import UNDEFINED, DisplayTable, Row, decimal, interval, p_value, significant
from cohortbook.sections.survival.hazards import CauseModels, CompetingModels, CoxStudy
from tallystats.results import lower_first
from tallystats.survival.cox import CoxFit
from tallystats.survival.cox_firth import FirthCoxFit

__all__ = ["table_of"]

#: Fewer clusters than this make a robust variance too small.
FEW_CLUSTERS = 30

#: Said where each patient enters at a time of their own.
LATE = (
    "Both models count as at risk from the entry; who had one of the events by then is left out. Late entries weigh in the "
    "subdistribution as Geskus has it, its variance taking the weights as known."
)


def _ratio(fit: CoxFit | FirthCoxFit, k: int) -> tuple[str, str, str]:
    row = fit.frame.iloc[k]
    ends = interval(row["hazard_ratio_low"], row["hazard_ratio_high"], None)
    return significant(row["hazard_ratio"]), ends, p_value(row["p_value"])


@table_of.register
def _(result: CoxStudy) -> DisplayTable:
    fit, rows = result.fit, []
    rows.append(Row((f"{result.plan.label}: {fit.events} events in {fit.n} patients", "", "", "", ""), "heading"))
    if fit.refused:
        rows.append(Row(("not fitted", *[UNDEFINED] * 4), "level"))
    for k, column in enumerate(fit.terms):
        rows.append(Row((result.labels[column], *_ratio(fit, k), p_value(fit.ph_p_values[k])), "level"))
    if fit.terms:
        rows.append(Row(("all terms", "", "", p_value(fit.tests[0].p_value), p_value(fit.ph_global_p_value)), "level"))
    if result.firth:
        rows.append(Row(("By Firth’s penalised likelihood", "", "", "", ""), "heading"))
        rows += [
            Row((result.labels[column], *_ratio(result.firth, k), UNDEFINED), "level")
            for k, column in enumerate(result.firth.terms)
        ]
        rows += [Row(("not fitted", *[UNDEFINED] * 4), "level")] * bool(result.firth.refused)
    level = decimal(100 * fit.confidence_level, 0)
    return DisplayTable(
        name="cox",
        title="Cox regression",
        head=("", "Hazard ratio", f"{level}% interval", "P", "PH P"),
        rows=tuple(rows),
        frame=result.frame,
        notes=(*_told(result), *level_notes(of_cox(result), fit.events), *provenance_notes(result.provenance)),
    )


def _told(result: CoxStudy) -> list[str]:
    fit = result.fit
    notes = [
        "Hazard ratios by Cox regression, Efron's ties. PH P: Schoenfeld residuals against ranked time; a small P speaks "
        "against proportional hazards."
    ]
    if result.strata:
        notes.append(f"A baseline hazard for each level of {result.strata}.")
    if result.cluster:
        notes.append(
            f"Variance robust against patients of one {lower_first(result.cluster)} being alike"
            + (
                f" ({fit.clusters} clusters: with fewer than {FEW_CLUSTERS} it is too small)."
                if 0 < fit.clusters < FEW_CLUSTERS
                else "."
            )
        )
    if fit.refused:
        notes.append(f"{result.plan.label}, not fitted: {fit.refused}.")
    else:
        said = "; ".join(f"{test.name} {significant(test.statistic)} (P {p_value(test.p_value)})" for test in fit.tests)
        notes.append(
            f"All terms at once, {fit.tests[0].df} df: {said}. Concordance {decimal(fit.concordance, 3)} "
            f"(SE {decimal(fit.concordance_std_error, 3)})."
        )
    if result.firth:
        notes.append(
            f"Firth: Efron's ties, profile intervals, likelihood-ratio P; {result.firth.events} events do not become "
            "more by it, as the width of the intervals shows."
        )
        notes += [f"Firth, not fitted: {result.firth.refused}."] if result.firth.refused else []
        notes += [f"{result.labels.get(c, c)}: {text}." for c, text in result.firth.problems.items()]
    return [*notes, *_dropped(result.labels, fit.dropped)]


def _dropped(labels: dict[str, str], dropped: dict[str, str]) -> list[str]:
    return [f"{labels.get(column, column)} is left out: {why}." for column, why in dropped.items()]


@table_of.register
def _(result: CompetingModels) -> DisplayTable:
    rows, notes = [], []
    for one in result.causes:
        own = one.firth if one.own.refused and one.firth and not one.firth.refused else one.own
        rows.append(
            Row(
                (f"{one.cause}: {one.sub.events} events, {one.sub.competing} of the other, in {one.sub.n}", "", "", "", ""),
                "heading",
            )
        )
        notes += _refusals(one)
        columns = dict.fromkeys([*own.terms, *one.sub.terms])
        rows += [Row(("not fitted", *[UNDEFINED] * 4), "level")] * (not columns)
        for column in columns:
            cells = []
            for fit, kind in ((own, "hazard_ratio"), (one.sub, "subhazard_ratio")):
                found = fit.frame.set_index("term").to_dict("index").get(column)
                cells += (
                    [UNDEFINED, UNDEFINED]
                    if found is None
                    else [
                        f"{significant(found[kind])} ({interval(found[f'{kind}_low'], found[f'{kind}_high'], None)})",
                        p_value(found["p_value"]),
                    ]
                )
            firth = ", Firth" if own is one.firth else ""
            rows.append(Row((result.labels[column] + firth, *cells), "level"))
    level = decimal(100 * result.causes[0].own.confidence_level, 0)
    return DisplayTable(
        name="competing-models",
        title="Competing events, modelled in both ways",
        head=(
            "",
            f"Cause-specific hazard ratio ({level}% interval)",
            "P",
            f"Subdistribution hazard ratio ({level}% interval)",
            "P",
        ),
        rows=tuple(rows),
        frame=result.frame,
        notes=(
            "Cause-specific: how a term acts on those still free of both events (Cox, Efron’s ties). Subdistribution: how "
            "it moves the share that comes to have this one (Fine and Gray).",
            *dict.fromkeys(notes),
            *dict.fromkeys(note for events, used in methods_told(result) for note in level_notes(used, events)),
            *[LATE] * isinstance(result.plan.entry, str),
            *provenance_notes(result.provenance),
        ),
    )


def _refusals(one: CauseModels) -> list[str]:
    said = {}
    for name, fit in (("cause-specific", one.own), ("Firth’s", one.firth), ("Fine and Gray’s", one.sub)):
        if fit and fit.refused:
            said.setdefault(fit.refused, []).append(name)
    return [f"{one.cause}, {' and '.join(names)} model not fitted: {why}." for why, names in said.items()]
