"""Figures of a model's worth: the forest beside its table, the selection repeated, calibration."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from cohortbook.display.figures import COLOURS, INK, MUTED, PALE, Plot, axes, bare, mark_illustration, named_rows, wrapped
from cohortbook.display.tables import decimal
from cohortbook.sections.model.layouts_worth import lines_of, names_of, ratio_in_words
from cohortbook.sections.model.model_checks import PerformanceStudy, StabilityStudy, Worth
from cohortbook.sections.model.model_rows import ModelRow, ModelRows, OddsRatio
from tallystats.results import NotPlanned, lower_first
from tallystats.statistics.describe import proportion_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Odds ratios beyond these limits are drawn as arrows: no plot holds thousands beside one.
LEAST, MOST = 0.02, 500.0
#: Inches a line of the forest takes, and the relative widths of names, patients, forest and numbers.
LINE, PARTS = 0.27, (2.5, 1.25, 3.0, 1.7, 1.7)
#: A smoothed line needs as many distinct predictions, and as many patients of either outcome.
LEAST_POINTS, LEAST_EVENTS = 10, 10
#: What the forest shows of each line: the method, its colour and its mark.
FOREST = (("maximum likelihood", COLOURS[1], "s"), ("Firth", COLOURS[0], "o"), ("exact", COLOURS[2], "^"))


def plot_model(result: ModelRows | NotPlanned) -> Plot | NotPlanned:
    """Draw the forest of all candidates together, a line for every line of the table, its numbers beside it."""
    if not result:
        return result
    names, lines, model = names_of(result), lines_of(result), result.model
    broken = [wrapped(name, 34 if heading else 30) for name, heading in names]
    bars = 0.12 * result.exact  # room for a third interval
    heights = [LINE + 0.15 * name.count("\n") + bars * (line is not None) for name, line in zip(broken, lines, strict=True)]
    tops = [sum(heights[:k]) for k in range(len(lines) + 1)]
    middles = [top + height / 2 for top, height in zip(tops, heights, strict=False)]
    parts = PARTS + PARTS[-1:] * result.exact
    figure, (left, patients, axis, *texts) = axes(
        tops[-1] + 1.35, 1, len(parts), width=sum(parts) * 1.05, sharey=True, width_ratios=parts
    )
    figure.get_layout_engine().set(wspace=0.0, w_pad=0.02)
    low, high = _limits(result)
    for other in (left, patients, *texts):
        other.axis("off")
        other.set_xlim(0, 1)
    level = decimal(100 * model.full.confidence_level, 0)
    methods = [(name, colour, mark, place) for (name, colour, mark), place in zip(FOREST, texts, strict=False)]
    for other, title in ((left, ""), (patients, "with outcome / all"), *((place, name) for name, _, _, place in methods)):
        other.text(
            0 if other is left else 0.5,
            -0.1,
            title,
            ha="center",
            va="bottom",
            fontsize=8,
            color=MUTED,
            transform=other.get_yaxis_transform(),
        )
    axis.text(
        0.5,
        -0.1,
        f"Odds ratio, {level}% interval",
        ha="center",
        va="bottom",
        fontsize=8,
        color=MUTED,
        transform=axis.get_yaxis_transform(),
    )
    words = []
    for (_, heading), name, line, y, top, height in zip(names, broken, lines, middles, tops, heights, strict=False):
        left.text(
            0.0 if heading or not line.level else 0.06,
            y,
            name,
            va="center",
            fontsize=8.5,
            fontweight="bold" if heading else "normal",
        )
        if line is None:
            continue
        if len(words) % 2 == 0:
            for other in (left, patients, axis, *texts):
                other.axhspan(top, top + height, color=PALE, alpha=0.25, linewidth=0)
        patients.text(0.5, y, _patients(line), ha="center", va="center", fontsize=8)
        label = f"{model.names[line.term]} {line.level}".strip()
        if line.reference:
            axis.plot(1, y, "D", markerfacecolor="white", markeredgecolor=INK, markersize=4.5)
            texts[0].text(0.5, y, "reference", ha="center", va="center", fontsize=8, color=MUTED)
            words.append(f"{label}: reference")
            continue
        said = []
        for k, (name, colour, mark, place) in enumerate(methods):
            ratio = ratio_of(line, name)
            _draw(axis, ratio, y + 0.12 * (k - (len(methods) - 1) / 2), colour, mark, low, high)
            said.append(f"{name} {ratio_in_words(ratio)}")
            shown = ratio_in_words(ratio, p=False) if ratio else line.reason and "left out"
            place.text(
                0.5,
                y,
                shown or "",
                ha="center",
                va="center",
                fontsize=8,
                style="italic" if ratio is None or ratio.infinite else "normal",
            )
        words.append(f"{label}: {', '.join(said)}")
    axis.axvline(1, color=INK, linewidth=0.8)
    axis.set_xscale("log")
    axis.set_xlim(low, high)
    axis.set_ylim(tops[-1] + 0.02, -0.02)
    ticks = [t for t in (0.02, 0.1, 0.5, 1, 2, 5, 10, 100, 500) if low <= t <= high]
    wide = math.log10(high / low) > 2.5
    ticks = [t for t in ticks if t in (0.1, 1, 10, 100)] if wide else ticks
    axis.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axis.minorticks_off()
    axis.set_yticks([])
    axis.set_xlabel("Odds ratio (logarithmic scale)")
    bare(axis)
    own = "profile interval" if model.full.intervals == "profile" else "Wald"
    intervals = (own, "profile interval", "interval of two one-sided tests")
    handles = [
        axis.plot([], [], mark, color=colour, label=f"{name}, {interval}")[0]
        for (name, colour, mark, _), interval in zip(methods, intervals, strict=False)
    ]
    figure.legend(handles=handles, loc="outside lower right", ncols=len(handles), fontsize=8, frameon=False)
    mark_illustration(figure, result.provenance)
    beyond = any(
        r and not r.infinite and (r.conf_low < low or r.conf_high > high)
        for line in lines
        if line
        for r in (line.multivariable, line.firth, line.exact)
    )
    endless = any(r and r.infinite for line in lines if line for r in (line.multivariable,))
    caption = f"Odds ratios of {lower_first(model.outcome_label)}, all candidates together, beside the patients of each level"
    caption += ". An arrow: the interval leaves the axis" * beyond
    caption += ". ∞ or 0: likelihood has no maximum there, the estimate runs away" * endless
    late = f". † Known only after {model.screening.procedure}" if model.screening.after else ""
    return Plot(name="model-forest", figure=figure, caption=f"{caption}{late}.", alt="; ".join(words) + ".")


def ratio_of(line: ModelRow, method: str) -> OddsRatio | None:
    """Return a row's odds ratio by a method of `FOREST`."""
    return {"maximum likelihood": line.multivariable, "Firth": line.firth, "exact": line.exact}[method]


def _limits(result: ModelRows) -> tuple[float, float]:
    """Return the ends of the axis: what the intervals need, within what a reader can compare."""
    ends = [
        v
        for row in result.rows
        for r in (row.multivariable, row.firth, row.exact)
        if r and not r.infinite
        for v in (r.conf_low, r.conf_high, r.estimate)
        if v == v and 0 < v < math.inf
    ]
    low, high = min([0.5, *ends]) / 1.25, max([2.0, *ends]) * 1.25
    return max(low, LEAST), min(high, MOST)


def _patients(line: ModelRow) -> str:
    if line.level:
        return f"{decimal(line.with_it[0], 0)} / {decimal(line.with_it[0] + line.without[0], 0)}"
    return f"{decimal(line.with_it[2], 0)} / {decimal(line.with_it[2] + line.without[2], 0)}"


def _draw(axis: Axes, ratio: OddsRatio | None, y: float, colour: str, mark: str, low: float, high: float) -> None:
    """Draw an odds ratio with its interval; what leaves the axis ends in an arrow."""
    if ratio is None:
        return
    if ratio.infinite:
        edge, arrow = (high, ">") if ratio.infinite > 0 else (low, "<")
        ends = [v for v in (ratio.conf_low, ratio.conf_high) if v == v and 0 < v < math.inf]
        start = min(max(ends[0], low), high) if ends else 1
        axis.plot([start, edge], [y, y], color=colour, linewidth=1.2, linestyle=(0, (1, 2)))
        axis.plot(edge, y, arrow, color=colour, markersize=5.5, clip_on=False, markerfacecolor="white")
        return
    forest_bar(axis, y, (ratio.conf_low, ratio.conf_high), (low, high), colour)
    if low <= ratio.estimate <= high:
        axis.plot(ratio.estimate, y, mark, color=colour, markersize=5)


def forest_bar(axis: Axes, y: float, ends: tuple[float, float], limits: tuple[float, float], colour: str) -> None:
    """Draw an interval within the limits of an axis; an end beyond them is an arrow, an unknown one reaches them."""
    low, high = (limit if end != end else end for end, limit in zip(ends, limits, strict=True))
    axis.plot([max(low, limits[0]), min(high, limits[1])], [y, y], color=colour, linewidth=1.6, solid_capstyle="butt")
    for beyond, edge, arrow in ((low < limits[0], limits[0], "<"), (high > limits[1], limits[1], ">")):
        if beyond:
            axis.plot(edge, y, arrow, color=colour, markersize=5.5, clip_on=False)


def plot_stability(result: StabilityStudy | NotPlanned) -> Plot | NotPlanned:
    """Draw how often each candidate is selected again."""
    if not result:
        return result
    found, names = result.stability, result.model.names
    if not found.usable:
        return NotPlanned("No resample has patients with and without the outcome.")
    order = sorted(range(len(found.candidates)), key=lambda k: found.inclusion[k])
    figure, axis = axes(0.36 * len(order) + 1.0)
    for y, k in enumerate(order):
        share, chosen = 100 * found.inclusion[k], found.candidates[k] in found.selected
        axis.barh(y, share, height=0.55, color=COLOURS[0] if chosen else PALE, edgecolor=COLOURS[0], linewidth=0.9)
        axis.text(share, y, f"  {decimal(share, 0)} %", va="center", fontsize=8.5)
    named_rows(axis, [names[found.candidates[k]] for k in order])
    axis.set(xlim=(0, 108), ylim=(-0.6, len(order) - 0.4))
    axis.set_xticks([0, 25, 50, 75, 100])
    axis.set_xlabel(f"Selected in % of {found.usable} bootstrap samples")
    bare(axis)
    mark_illustration(figure, result.provenance)
    words = "; ".join(
        f"{names[t]} {decimal(100 * s, 0)} %" + (", selected" if t in found.selected else "")
        for t, s in zip(found.candidates, found.inclusion, strict=True)
    )
    return Plot(
        name="stability",
        figure=figure,
        alt=f"Shares of resamples that select: {words}.",
        caption="How often the same selection, made in resampled patients, keeps each candidate; filled: kept in the "
        "patients themselves. A bar far from 0 and from 100 means that chance decides.",
    )


def _smoothed(part: Worth) -> bool:
    """Say whether a smoothed line has enough to stand on: distinct predictions, and patients of either outcome."""
    found = part.calibration
    return len(found.points) >= LEAST_POINTS and min(found.events, found.n - found.events) >= LEAST_EVENTS


def plot_calibration(result: PerformanceStudy | NotPlanned) -> Plot | NotPlanned:
    """Draw what happened against what was predicted: groups with intervals, and a smoothed line."""
    if not result:
        return result
    many = len(result.parts) > 1
    figure, grid = axes(4.0 if many else 4.4, 1, len(result.parts), width=7.4 if many else 4.4, squeeze=False, sharey=True)
    words, level = [], result.model.full.confidence_level
    for axis, part in zip(grid.flat, result.parts, strict=True):
        groups = part.hosmer_lemeshow
        for mean, n, events in zip(groups.mean, groups.totals, groups.events, strict=True):
            p = proportion_interval(events, n, confidence_level=level)
            axis.plot([mean, mean], [p.conf_low, p.conf_high], color=COLOURS[0], linewidth=1.4)
            axis.plot(mean, p.estimate, "o", color=COLOURS[0], markersize=5)
        axis.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        if _smoothed(part):
            axis.plot(part.calibration.points, part.calibration.smooth, color=COLOURS[1], linewidth=1.6)
        axis.plot(part.calibration.points, np.full(len(part.calibration.points), -0.035), "|", color=INK, markersize=6)
        axis.set(xlim=(-0.03, 1.03), ylim=(-0.06, 1.03), xlabel="Predicted probability", aspect="equal")
        axis.set_title(part.name, fontsize=9.5)
        slope, area = part.optimism.of("slope"), part.optimism.of("c_statistic")
        axis.text(
            0.04,
            0.97,
            f"c {decimal(part.concordance.estimate, 2)}, corrected {decimal(area, 2)}\nslope 1, corrected {decimal(slope, 2)}",
            transform=axis.transAxes,
            va="top",
            fontsize=8,
        )
        shown = "; ".join(
            f"predicted {decimal(100 * m, 0)} %, observed {e} of {n}"
            for m, n, e in zip(groups.mean, groups.totals, groups.events, strict=True)
        )
        words.append(f"{part.name}: {shown}")
    grid.flat[0].set_ylabel(f"Observed share with\n{wrapped(lower_first(result.model.outcome_label), 40)}")
    mark_illustration(figure, result.provenance)
    smooth = any(map(_smoothed, result.parts))
    return Plot(
        name="calibration",
        figure=figure,
        alt=". ".join(words) + ".",
        caption="Calibration in the patients that the model was fitted to: groups by prediction with "
        f"{decimal(100 * level, 0)}% Wilson intervals"
        + (", a smoothed line" if smooth else "")
        + ", and below the predictions there are. The fit to its own data flatters; the corrected slope says what new patients "
        "would show.",
    )
