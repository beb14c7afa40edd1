"""Findings of a model's worth in words: whether the data carry it, whether its selection holds, what it predicts."""

from __future__ import annotations

from cohortbook.display.findings import listed, several
from cohortbook.display.paragraph import Text
from cohortbook.display.tables import decimal, interval, percent
from cohortbook.sections.model.findings_logistic import finding
from cohortbook.sections.model.layouts_models import separating_cells
from cohortbook.sections.model.model_checks import RULE_OF_FIVE, RULE_OF_TEN, PerformanceStudy, StabilityStudy
from cohortbook.sections.model.model_rows import ModelRows
from cohortbook.sections.model.models import ModelStudy
from tallystats.results import Hidden, NotPlanned

__all__ = ["finding", "verdict_finding"]

#: A selection that fewer than this share of resamples repeat is chance's as much as the data's.
REPEATED = 0.5
#: A corrected calibration slope below this means predictions that new patients would not bear out.
SLOPE = 0.8
#: A corrected c-statistic below this hardly tells patients apart.
CHANCE = 0.6


@finding.register
def _(result: StabilityStudy, *, significance: float = 0.05) -> Text:
    found, names = result.stability, result.model.names
    if not found.usable:
        return Text("No resample has patients with and without the outcome: the selection cannot be repeated.")
    kept = listed([names[t] for t in found.selected]) or "nothing"
    again = dict(found.sets).get(found.selected, 0)
    text = f"Of {found.usable} resamples, {percent(again, found.usable, 0)} % select {kept}, as the patients themselves do"
    if found.sets[0][0] != found.selected:
        most = listed([names[t] for t in found.sets[0][0]]) or "nothing"
        text += f"; most often they select {most} ({percent(found.sets[0][1], found.usable, 0)} %)"
    text += f"; {several(len(found.sets), 'set')} of terms came up. "
    text += (
        f"Leaving out one patient changes the selection for {found.changing} of {found.n} patients."
        if found.changing
        else "Leaving out any one patient changes nothing."
    )
    if found.tied:
        text += f" In {several(found.tied, 'resample')}, the order of the list broke a tie."
    return Text(text)


@finding.register
def _(result: PerformanceStudy, *, significance: float = 0.05) -> Text:
    parts = []
    for part in result.parts:
        area, corrected, slope = part.concordance, part.optimism.of("c_statistic"), part.optimism.of("slope")
        ends = f" ({interval(area.conf_low, area.conf_high, 2)})" if area.reason is None else ""
        said = f"{part.name}: c-statistic {decimal(area.estimate, 2)}{ends}, {decimal(corrected, 2)} corrected for optimism"
        said += f"; calibration slope {decimal(slope, 2)}" if slope == slope else ""
        if slope < SLOPE:
            said += ", so that predictions for new patients would be too extreme"
        parts.append(said)
    return Text(". ".join(parts) + ".")


@finding.register
def _(result: ModelRows, *, significance: float = 0.05) -> Text:
    wide = [r for row in result.rows for r in (row.firth,) if r and r.conf_high > 20 * r.conf_low]
    told = [r for row in result.rows for r in (row.firth,) if r]
    endless = [r for row in result.rows for r in (row.multivariable,) if r and r.infinite]
    text = f"{several(len(told), 'estimate')} from {several(result.model.full.events, 'event')}"
    text += f"; {several(len(endless), 'odds ratio')} without a finite maximum" if endless else ""
    text += f"; {len(wide)} of Firth's intervals span more than a factor of 20" if wide else ""
    return Text(text + ".")


def verdict_finding(
    model: ModelStudy | NotPlanned, stability: StabilityStudy | NotPlanned, performance: PerformanceStudy | NotPlanned
) -> Text:
    """Say in plain words whether the data can carry the model, with every reason that speaks against it.

    Notes
    -----
    The rule of ten events for each estimate is Peduzzi's [1]_, that of five Vittinghoff's and McCulloch's [2]_; van Smeden
    and others found that no such rule holds everywhere [3]_, so both stand here as what they are: rules of thumb.

    References
    ----------
    .. [1] Peduzzi P, Concato J, Kemper E, Holford TR, Feinstein AR. A simulation study of the number of events per
       variable in logistic regression analysis. J Clin Epidemiol 1996; 49: 1373-1379.
    .. [2] Vittinghoff E, McCulloch CE. Relaxing the rule of ten events per variable in logistic and Cox regression. Am J
       Epidemiol 2007; 165: 710-718.
    .. [3] van Smeden M, de Groot JAH, Moons KGM, et al. No rationale for 1 variable per 10 events criterion for binary
       logistic regression analysis. BMC Med Res Methodol 2016; 16: 163.
    """
    if not model:
        return Text(model.reason)
    fatal, grave = _against(model)
    if stability and stability.stability.usable:
        found = stability.stability
        if found.same < REPEATED:
            grave.append(f"only {decimal(100 * found.same, 0)} % of resamples repeat the selection")
        if found.changing and found.changing <= found.n / 10:
            grave.append(f"the selection hangs on {several(found.changing, 'single patient')}")
    if performance:
        part = performance.parts[-1]  # the one that would be used
        slope, area = part.optimism.of("slope"), part.optimism.of("c_statistic")
        if slope < SLOPE:
            grave.append(
                f"corrected for optimism, the calibration slope is {decimal(slope, 2)}: about "
                f"{decimal(100 * (1 - slope), 0)} % of the effects are noise"
            )
        if area < CHANCE:
            grave.append(f"corrected for optimism, the c-statistic is {decimal(area, 2)}, where a coin has 0.50")
    late = [model.names[t] for t in model.screening.after]
    if late:
        grave.append(
            f"{listed(late)} {'is' if len(late) == 1 else 'are'} known only after {model.screening.procedure}: no "
            f"predictor{'' if len(late) == 1 else 's'}"
        )
    if not fatal and not grave:
        return Text("> **Nothing here speaks against reading the model**, within its intervals and for patients like these.")
    head = "These data cannot carry this model" if fatal else "Read this model with caution"
    return Text(f"> **{head}.**\n>\n" + "\n".join(f"> - {reason[:1].upper()}{reason[1:]}." for reason in [*fatal, *grave]))


def _against(model: ModelStudy) -> tuple[list[str], list[str]]:
    """Return what forbids the model, and what speaks against it: events for each estimate, separation, what is left out."""
    full = model.full
    columns, ratio = len(full.terms) - 1, full.events_per_variable
    fatal, grave = [], []
    if not isinstance(ratio, Hidden) and ratio < RULE_OF_TEN:
        others = full.n - full.events
        fewer = several(full.events, "event") if full.events <= others else f"{several(others, 'patient')} without the outcome"
        said = (
            f"{fewer} for {several(columns, 'estimate')}, {decimal(ratio, 1)} for each: the rule of ten asks for "
            f"{RULE_OF_TEN * columns} events"
        )
        if ratio < RULE_OF_FIVE:
            fatal.append(f"{said}, and even the rule of five for {RULE_OF_FIVE * columns}")
        else:
            grave.append(f"{said}; a rule of thumb, which five for each would meet")
    if full.separation.kind != "none":
        fatal.append(
            f"{full.separation.kind} separation ({listed(separating_cells(model)[:3]) or 'no single value tells'}): "
            "maximum likelihood has no estimate"
        )
    for column, why in full.dropped.items():
        grave.append(f"{model.labels.get(column, column)} is left out: {why}")
    return fatal, grave
