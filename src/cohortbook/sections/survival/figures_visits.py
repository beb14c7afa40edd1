"""The figure of an event seen only at visits: what they bound, and what they leave open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cohortbook.display.figures import COLOURS, MUTED, Plot, axes, mark_illustration
from cohortbook.display.tables import decimal
from cohortbook.sections.survival.layouts_visits import percents
from cohortbook.sections.survival.visits import VisitStudy
from tallystats.results import NotPlanned, lower_first

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_visits(result: VisitStudy | NotPlanned) -> Plot | NotPlanned:
    """Draw the share of the living with the event, its interval and its intervals of indeterminacy, and the other curves."""
    if not result:
        return result
    living, plan = result.incidence.among_living, result.plan
    if living.reason:
        return NotPlanned(living.reason)
    looked = _looks(result)
    last = max(float(ends.max(initial=0)) for ends in looked)
    figure, (axis, strip) = axes(4.3, 2, 1, height_ratios=[3.4, 0.5], sharex=True)
    grid = np.unique([0.0, *np.concatenate(looked), *np.linspace(0, last, 400)])
    read = living.at(grid)
    axis.fill_between(
        grid,
        read["conf_low"],
        read["conf_high"],
        step="post",
        color=COLOURS[0],
        alpha=0.12,
        linewidth=0,
        label=f"{decimal(100 * living.confidence_level, 0)}% interval",
    )
    _boxes(axis, result, last)
    incidence = result.incidence.at(grid)
    axis.fill_between(
        grid,
        incidence["at_least"],
        incidence["at_most"],
        step="post",
        color=COLOURS[2],
        alpha=0.5,
        linewidth=1.2,
        edgecolor=COLOURS[2],
        label="with death competing: least to most",
    )
    times = [0, *result.detected.times, max(last, result.detected.times.max(initial=0))]
    curve = [0, *result.detected.incidence, result.detected.incidence[-1] if len(result.detected.incidence) else 0]
    axis.step(times, curve, where="post", color=COLOURS[1], linewidth=1.4, linestyle=(0, (3, 2)), label="by day of detection")
    axis.set(ylim=(0, 1), xlim=(0, 1.02 * last), ylabel=f"{plan.label}, share")
    axis.legend(fontsize=8, frameon=False, loc="upper left")
    for y, (ends, colour, name) in enumerate(zip(looked, (COLOURS[1], MUTED), ("with it", "without"), strict=True)):
        strip.plot(ends, np.full(len(ends), -y), "|", color=colour, markersize=8, markeredgewidth=1.6 if y == 0 else 1)
        strip.text(-0.01, -y, name, ha="right", va="center", fontsize=8, color=colour, transform=strip.get_yaxis_transform())
    strip.set(ylim=(-1.6, 0.6), yticks=[], xlabel=f"{result.survival.unit.capitalize()} since {result.survival.origin}")
    for side in ("left", "bottom"):
        strip.spines[side].set_visible(side == "bottom")
    mark_illustration(figure, result.provenance)
    words = "; ".join(
        f"{decimal(r['time'], 0)} {result.survival.unit}: {percents(r['living_at_least'], r['living_at_most'])} % of the "
        f"living, {percents(r['at_least'], r['at_most'])} % with death competing, {decimal(100 * r['detected'], 1)} % by day "
        "of detection"
        for r in result.landmarks.to_dict("records")
    )
    ticks = "each examination" if plan.seen == "visit" else "the first visit with it and the last without"
    return Plot(
        name="visits",
        figure=figure,
        alt=f"{plan.label}. {words}.",
        caption=f"Share of the living with {lower_first(plan.label)} by a time. Within a box it climbs, nobody knows where: "
        "the box is an interval of indeterminacy. The incidence with death competing lies within its band; the dashed curve "
        f"takes the day of detection for that of the event. Each limit holds at its time, not for the whole curve. "
        f"Ticks: {ticks}.",
    )


def _looks(result: VisitStudy) -> tuple[np.ndarray, np.ndarray]:
    """Return the times at which the event was seen, and was looked for and not seen."""
    living = result.incidence.among_living
    if result.plan.seen == "visit":
        return living.times[living.n_events > 0], living.times[living.n_examined > living.n_events]
    return living.right[np.isfinite(living.right)], living.left[living.left > 0]


def _boxes(axis: Axes, result: VisitStudy, last: float) -> None:
    """Draw the level stretches of the share, and between them the boxes in which it climbs."""
    masses = result.incidence.among_living.masses
    level, start = 0.0, 0.0
    for left, right, mass in zip(masses.left, masses.right, masses.mass, strict=True):
        first = level == 0.0 and start == 0.0
        axis.plot(
            [start, min(left, last)],
            [level, level],
            color=COLOURS[0],
            linewidth=2,
            solid_capstyle="butt",
            label="of the living" if first else None,
        )
        if right > last:  # what comes later than all that was seen
            return
        axis.fill(
            [left, right, right, left],
            [level, level, level + mass, level + mass],
            facecolor=COLOURS[0],
            alpha=0.45,
            edgecolor=COLOURS[0],
            linewidth=1.2,
        )
        level, start = level + mass, right
    axis.plot([start, last], [level, level], color=COLOURS[0], linewidth=2, solid_capstyle="butt")
