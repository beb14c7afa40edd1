"""What the tables of a model's worth show: its rows as researchers expect them, its selection repeated, its performance."""

from __future__ import annotations

from cohortbook.display.layouts import provenance_notes, table_of
from cohortbook.display.level_methods import of_model, of_performance, rarer
from cohortbook.display.level_notes import level_notes
from cohortbook.display.tables import (
    UNDEFINED,
    DisplayTable,
    Row,
    count_percent,
    decimal,
    interval,
    p_value,
    percent,
    significant,
)
from cohortbook.sections.model.model_checks import PerformanceStudy, StabilityStudy, Worth
from cohortbook.sections.model.model_rows import ModelRow, ModelRows, OddsRatio

#: So many sets of terms are shown.
SETS = 6
INFINITE = {1: "∞, no finite estimate", -1: "0, no finite estimate"}


def ratio_in_words(ratio: OddsRatio | None, *, p: bool = True) -> str:
    """Write an odds ratio as a table holds it: estimate (interval; P)."""
    if ratio is None:
        return UNDEFINED
    ends = interval(ratio.conf_low, ratio.conf_high, None)
    if ratio.infinite:
        said = INFINITE[ratio.infinite]
        if ends == UNDEFINED:
            return said
        return f"{said} ({ends})" if p else f"{said.split(',')[0]} ({ends})"
    return f"{significant(ratio.estimate)} ({ends}{f'; {p_value(ratio.p_value)}' if p else ''})"


def names_of(result: ModelRows) -> list[tuple[str, bool]]:
    """Name the rows as table and forest show them, a line for a variable with levels and one for each level."""
    late = result.model.screening.after
    named = []
    for row in result.rows:
        name = result.model.names[row.term] if row.level else result.model.labels.get(row.term, result.model.names[row.term])
        label = name + (" †" if row.term in late else "")
        if row.first and row.level:
            named.append((label, True))
        named.append((row.level or label, False))
    return named


def lines_of(result: ModelRows) -> list[ModelRow | None]:
    """Return the rows beside `names_of`: None for a line that only names a variable."""
    return [line for row in result.rows for line in ([None] if row.first and row.level else []) + [row]]


@table_of.register
def _(result: ModelRows) -> DisplayTable:
    rows, model = [], result.model
    numeric = any(not row.level for row in result.rows)
    for (name, _), row in zip(names_of(result), lines_of(result), strict=True):
        if row is None:
            rows.append(Row((name, *[""] * (5 + result.exact)), "heading"))
            continue
        if row.level:
            total = row.without[0] + row.with_it[0]
            counts = [count_percent(n[0], total) for n in (row.without, row.with_it)]
        else:
            counts = [f"{significant(mean)} ({significant(sd)})" for mean, sd, _ in (row.without, row.with_it)]
        ratios = (row.univariable, row.multivariable, row.firth, *[row.exact] * result.exact)
        cells = ["reference" if row.reference else ratio_in_words(ratio) for ratio in ratios]
        rows.append(Row((name, *counts, *cells), "level" if row.level else "plain"))
    level = decimal(100 * model.full.confidence_level, 0)
    left = [
        f"{model.names.get(r.term, r.term)}{f', {r.level}' if r.level else ''}: left out of the model, {r.reason}."
        for r in result.rows
        if r.reason
    ]
    own = "profile interval, Wald's P" if model.full.intervals == "profile" else "Wald's interval and P"
    notes = [
        f"Odds ratios with {level}% interval and P. Alone and together: maximum likelihood, {own}. Firth: all together by "
        "penalised likelihood, profile interval, likelihood-ratio P." + " Exact: given all others, P of the probability test, "
        "interval of two one-sided ones." * result.exact,
        "Patients: n (% of the row)" + ("; of a number, mean (standard deviation)." if numeric else "."),
        f"Together: the {model.full.n} patients with all values, {model.full.events} of them with the outcome.",
        *left,
    ]
    if model.screening.after:
        notes.append(f"† Known only after {model.screening.procedure}: no predictor.")
    notes += level_notes(of_model(model), rarer(model))
    outcome = model.outcome_label
    return DisplayTable(
        name="model-results",
        title=f"{outcome}: each variable alone and all together",
        head=(
            "",
            f"{outcome}: no",
            f"{outcome}: yes",
            "Alone",
            "Together",
            "Together, Firth",
            *["Together, exact"] * result.exact,
        ),
        rows=tuple(rows),
        frame=result.frame,
        notes=(*notes, *provenance_notes(result.provenance)),
    )


@table_of.register
def _(result: StabilityStudy) -> DisplayTable:
    found, names = result.stability, result.model.names
    rows = []
    for k, term in enumerate(found.candidates):
        rows.append(
            Row(
                (
                    names[term],
                    "yes" if term in found.selected else "no",
                    _share(found.inclusion[k]),
                    _share(found.left_out_inclusion[k]),
                ),
                "plain",
            )
        )
    rows.append(Row(("Selected together", "", "", ""), "heading"))
    sets = found.set_frame
    for record in sets.head(SETS).to_dict("records"):
        label = ", ".join(names[t] for t in record["terms"]) or "nothing"
        rows.append(
            Row(
                (
                    label,
                    "yes" if record["selected"] else "no",
                    percent(record["resamples"], found.usable),
                    percent(record["left_out"], found.n),
                ),
                "level",
            )
        )
    rest = sets[SETS:]
    if len(rest):
        rows.append(
            Row(
                (
                    f"{len(rest)} other sets",
                    "",
                    percent(rest["resamples"].sum(), found.usable),
                    percent(rest["left_out"].sum(), found.n),
                ),
                "level",
            )
        )
    notes = [
        f"The selection repeated in {found.usable} bootstrap samples of the {found.n} complete patients"
        + (f" ({found.unusable} more had nobody, or nobody without, the outcome)" if found.unusable else "")
        + f", seed {found.seed}, and without each patient in turn."
    ]
    if found.tied:
        notes.append(f"In {found.tied} of {found.usable} samples two terms were tied somewhere: the first in the list entered.")
    if found.left_out_unusable:
        notes.append(
            f"Without any one of {found.left_out_unusable} patients nothing can be selected: nobody else has the "
            "outcome, or lacks it."
        )
    return DisplayTable(
        name="stability",
        title="How stable the selection is",
        head=("", "Selected", "Of resamples, %", "Of patients left out, %"),
        rows=tuple(rows),
        frame=result.frame,
        notes=(*notes, *provenance_notes(result.provenance)),
    )


def _share(value: float) -> str:
    return decimal(100 * value, 1)


def _measures(part: Worth, estimates: int) -> list[tuple[str, str, str]]:
    """Return label, apparent and corrected value of every measure of a model; `estimates` were tried to find it."""
    fit, area, brier = part.fit, part.concordance, part.calibration
    corrected = dict(zip(part.optimism.measures, part.optimism.corrected, strict=True))
    chi, df, p = fit.likelihood_ratio
    fitted = part.hosmer_lemeshow
    worst = max(zip(part.inflation.scaled, part.inflation.estimates, part.inflation.terms, strict=True), default=None)
    worst_v = decimal(worst[1], 2) if worst and worst[1] == worst[1] else UNDEFINED
    hosmer = f"{decimal(fitted.statistic, 2)} (df {fitted.df}; {p_value(fitted.p_value)})" if fitted.df else UNDEFINED
    ends = interval(area.conf_low, area.conf_high, 3)
    level = decimal(100 * area.confidence_level, 0)
    saved = 1 - corrected["brier"] / brier.brier_max if brier.brier_max else float("nan")
    return [
        ("Events for each estimate tried", decimal(min(fit.events, fit.n - fit.events) / estimates, 1), ""),
        ("Likelihood-ratio chi-square (df; P)", f"{decimal(chi, 2)} (df {df}; {p_value(p)})", ""),
        ("Cox and Snell's R²", decimal(part.cox_snell, 3), ""),
        ("Nagelkerke's R²", decimal(part.nagelkerke, 3), decimal(corrected["nagelkerke"], 3)),
        (
            f"c-statistic ({level}% interval)",
            decimal(area.estimate, 3) + (f" ({ends})" if ends != UNDEFINED else ""),
            decimal(corrected["c_statistic"], 3),
        ),
        ("Brier score", decimal(brier.brier, 4), decimal(corrected["brier"], 4)),
        ("Brier score, scaled, %", decimal(100 * brier.scaled_brier, 1), decimal(100 * saved, 1)),
        ("Calibration slope", decimal(1.0, 2), decimal(corrected["slope"], 2)),
        ("Calibration intercept", decimal(0.0, 2), decimal(corrected["intercept"], 2)),
        ("Shrinkage that its chi-square asks for", "", decimal(part.shrinkage, 2)),
        ("Hosmer-Lemeshow chi-square (df; P)", hosmer, ""),
        ("Largest variance inflation", worst_v, ""),
    ]


@table_of.register
def _(result: PerformanceStudy) -> DisplayTable:
    columns = [_measures(part, len(result.model.full.terms) - 1) for part in result.parts]
    rows = [Row((same[0][0], *(cell for one in same for cell in one[1:]))) for same in zip(*columns, strict=True)]
    head = [cell for part in result.parts for cell in (f"{part.name}: apparent", f"{part.name}: corrected")]
    drawn, binned = result.parts[0].optimism, result.parts[0].hosmer_lemeshow
    notes = [
        f"Corrected for optimism by {drawn.resamples} bootstrap samples (Harrell), seed {drawn.seed}"
        + ("; the selection was repeated in each." if len(result.parts) > 1 else "."),
        *(
            f"{part.name}: {part.optimism.unusable} samples could not be fitted."
            for part in result.parts
            if part.optimism.unusable
        ),
        *(
            f"{part.name}: nothing was selected in {part.optimism.empty} samples."
            for part in result.parts
            if part.optimism.empty
        ),
        "Apparent slope and intercept are 1 and 0 by construction; a corrected slope below 1 means predictions too extreme.",
        f"Hosmer-Lemeshow: up to ten groups of about equal size by prediction, equal predictions together (here "
        f"{len(binned.totals)}).",
        *dict.fromkeys(
            f"{UNDEFINED} Variance inflation: {part.inflation.reason}." for part in result.parts if part.inflation.reason
        ),
        *dict.fromkeys(
            f"{UNDEFINED} Interval of the c-statistic: {part.concordance.reason}."
            for part in result.parts
            if part.concordance.reason
        ),
        *dict.fromkeys(
            f"{UNDEFINED} Hosmer-Lemeshow: {part.hosmer_lemeshow.reason}."
            for part in result.parts
            if part.hosmer_lemeshow.reason
        ),
        *level_notes(of_performance(), rarer(result.model)),
    ]
    return DisplayTable(
        name="performance",
        title="What the model is worth",
        head=("", *head),
        rows=tuple(rows),
        frame=result.frame,
        notes=(*notes, *provenance_notes(result.provenance)),
    )
