"""Figures of models: drawn, like all, with the style and the frame of `cohortbook.figures.figures`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cohortbook.figures.figures import COLOURS, INK, Plot, axes, bare, mark_illustration, wrapped
from cohortbook.results import Absent, uncapital
from cohortbook.tables.style import general
from cohortbook.tables.tables import decimal, interval, significant

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cohortbook.plan.models import ModelStudy

#: Odds ratios beyond these limits are drawn as arrows: no plot holds thousands beside one.
LEAST, MOST = 0.02, 500.0


def plot_odds_ratios(result: ModelStudy | Absent) -> Plot | Absent:
    """Draw a forest of odds ratios: each term by maximum likelihood, where it has an estimate, and by Firth's method."""
    if not result:
        return result
    full, firth = result.full.frame.set_index("term"), result.firth.frame.set_index("term")
    terms = [term for term in result.full.terms if term != "intercept"]
    figure, axis = axes(0.85 * len(terms) + 1.1)
    words = []
    for k, term in enumerate(terms):
        for row, y, colour, shape, name in ((full.loc[term], k - 0.18, COLOURS[1], "s", "maximum likelihood"),
                                            (firth.loc[term], k + 0.18, COLOURS[0], "o", "Firth")):  # fmt: skip
            if name != "Firth" and term in result.full.separation.directions:
                axis.text(1.05, y, "no finite estimate", color=colour, va="center", fontsize=8, style="italic")
                words.append(f"{result.labels[term]}, {name}: no finite estimate")
                continue
            ratio, low, high = (float(row[c]) for c in ("odds_ratio", "odds_ratio_low", "odds_ratio_high"))
            _bar(axis, y, ratio, low, high, colour, shape)
            axis.text(MOST * 1.25, y, f"{significant(ratio)} ({interval(low, high, None)})", va="center", fontsize=8)
            words.append(f"{result.labels[term]}, {name}: {significant(ratio)} ({interval(low, high, None)})")
    axis.axvline(1, color=INK, linewidth=0.8)
    axis.set_xscale("log")
    axis.set_xlim(LEAST, MOST)
    axis.set_ylim(len(terms) - 0.5, -0.5)
    ticks = [0.1, 1, 10, 100]
    axis.set_xticks(ticks, [general(t) for t in ticks])
    axis.set_yticks(range(len(terms)), [wrapped(result.labels[term], 26) for term in terms])
    axis.set_xlabel("Odds ratio (logarithmic scale)")
    bare(axis)
    handles = [axis.plot([], [], marker, color=colour, label=label)[0] for marker, colour, label in
               (("s", COLOURS[1], "maximum likelihood"), ("o", COLOURS[0], "Firth, profile interval"))]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower left", ncols=2, fontsize=8, frameon=False)
    mark_illustration(figure, result.provenance)
    level = decimal(100 * result.full.confidence_level, 0)
    few = ": every interval is wide" if result.full.events_per_variable < 5 else ""
    return Plot(
        name="odds-ratios", figure=figure, alt="; ".join(words) + ".",
        caption=f"Odds ratios of {uncapital(result.outcome_label)} in the model of all candidates, {level}% intervals; arrows "
        f"leave the plot. {result.full.events} events for {len(terms)} estimates{few}.",
    )  # fmt: skip


def _bar(axis: Axes, y: float, value: float, low: float, high: float, colour: str, shape: str) -> None:
    """Draw an estimate with its interval; an end outside the axis is an arrow."""
    left, right = max(low, LEAST), min(high, MOST)
    axis.plot([left, right], [y, y], color=colour, linewidth=1.6, solid_capstyle="butt")
    for end, limit, mark in ((low, LEAST, "<"), (high, MOST, ">")):
        if (end < limit) if mark == "<" else (end > limit):
            axis.plot(limit, y, mark, color=colour, markersize=6, clip_on=False)
    if LEAST <= value <= MOST:
        axis.plot(value, y, shape, color=colour, markersize=6)
