"""Figures of hazard models: whether one hazard ratio holds at all times."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from cohortbook.display.figures import COLOURS, INK, MUTED, Plot, axes, mark_illustration, wrapped
from cohortbook.display.tables import decimal, p_value, significant
from cohortbook.sections.survival.hazards import CoxStudy
from printcheck.printed.published import to_digits
from studyfile.privacy.guard import withheld
from tallystats.results import NotPlanned
from tallystats.survival.cox_checks import Schoenfeld

if TYPE_CHECKING:
    from matplotlib.axes import Axes


#: How many times label the axis at most.
TICKS = 4


def plot_schoenfeld(result: CoxStudy | NotPlanned) -> Plot | NotPlanned:
    """Draw the scaled Schoenfeld residuals of each column of the Cox model against ranked time, with a smooth line."""
    if not result:
        return result
    fit = result.fit
    if fit.residuals is None and not fit.refused:
        return withheld("each point is the event of one patient")
    if fit.residuals is None:
        return NotPlanned(f"No Cox model was fitted, so no hazards can be told proportional or not: {fit.refused}.")
    columns = fit.residuals.columns
    wide = min(len(columns), 2 if len(columns) < 5 else 3)
    tall = -(-len(columns) // wide)
    figure, grid = axes(2.3 * tall + 0.4, tall, wide, squeeze=False)
    for axis in grid.flat[len(columns) :]:
        axis.axis("off")
    for k, (axis, column) in enumerate(zip(grid.flat, columns, strict=False)):
        _draw(axis, fit.residuals, column, fit.estimates[k])
        axis.set_title(
            f"{wrapped(result.labels[column], 66 // wide)}\nPH P = {p_value(fit.ph_p_values[k])}".replace("= <", "< ").replace(
                "= >", "> "
            ),
            loc="left",
            fontsize=8.5,
        )
    for axis in grid[:, 0]:
        axis.set_ylabel("Log hazard ratio")
    figure.supxlabel(f"{result.plan.unit.capitalize()} since {result.plan.origin} (scale of ranks)", fontsize=9, color=INK)
    mark_illustration(figure, result.provenance)
    words = "; ".join(
        f"{result.labels[c]}: log hazard ratio {significant(b)}, PH P {p_value(p)}"
        for c, b, p in zip(columns, fit.estimates, fit.ph_p_values, strict=True)
    )
    return Plot(
        name="schoenfeld",
        figure=figure,
        alt=f"Scaled Schoenfeld residuals. {words}.",
        caption="Scaled Schoenfeld residuals: a point an event, about what the log hazard ratio is then. Line: natural spline "
        "with 4 degrees of freedom and a band of two standard errors; dashes: the model’s ratio, one for all times. Where the "
        f"line leaves them, the ratio changes with time.{_beyond(grid.flat)}",
    )


def _beyond(panels: Iterable[Axes]) -> str:
    """Say how many residuals lie outside of the panels: the line is to be read, and those of a rare level lie far out."""
    points = [(axis, line.get_ydata()) for axis in panels for line in axis.lines if line.get_marker() == "o"]
    out = sum(int(((y < axis.get_ylim()[0]) | (y > axis.get_ylim()[1])).sum()) for axis, y in points)
    all_of_them = sum(np.isfinite(y).sum() for _, y in points)
    return f" {out} of {all_of_them} residuals lie outside of the panels." if out else ""


def _draw(axis: Axes, residuals: Schoenfeld, column: str, estimate: float) -> None:
    values = np.array(residuals.values[residuals.columns.index(column)])
    axis.plot(residuals.ranks, values, "o", markersize=2.6, color=MUTED, alpha=0.55, markeredgewidth=0)
    line = residuals.smooth(column)
    axis.fill_between(line["rank"], line["conf_low"], line["conf_high"], color=COLOURS[0], alpha=0.15, linewidth=0)
    axis.plot(line["rank"], line["estimate"], color=COLOURS[0], linewidth=1.8)
    axis.axhline(estimate, color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
    if len(line):
        reach = np.nanquantile(values, [0.1, 0.9])
        low, high = min(line["conf_low"].min(), reach[0]), max(line["conf_high"].max(), reach[1])
        axis.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
    # Round times, evenly set on the scale of ranks.
    ranks, first = np.unique(residuals.ranks, return_index=True)
    times = np.array(residuals.times)[first]
    even = np.interp(np.linspace(ranks[0], ranks[-1], 2 * TICKS + 1)[1::2], ranks, times)
    shown = list(dict.fromkeys(float(to_digits(time, 2)) for time in even))
    axis.set_xticks(np.interp(shown, times, ranks), [decimal(time, 0) for time in shown])
