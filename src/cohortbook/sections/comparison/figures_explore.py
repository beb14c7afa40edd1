"""A figure of one variable in groups, whole or by strata."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cohortbook.display.figures import COLOURS, INK, MUTED, Plot, axes
from cohortbook.display.tables import decimal, p_value
from cohortbook.sections.comparison.stratified import Stratified
from tallystats.statistics.compare import Comparison
from tallystats.tally import Tally

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_groups(result: Stratified) -> Plot:
    """Draw a variable in groups: every value beside the median and quartiles, or the share of each level."""
    numeric = not hasattr(result.parts[0][1].groups[0], "levels")
    figure, grid = axes(2.9, 1, len(result.parts), sharey=True, squeeze=False)
    for axis, (stratum, part), tally in zip(grid.flat, result.parts, result.tallies, strict=True):
        (_values if numeric else _shares)(axis, part, tally, result)
        title = f"{stratum}: " if stratum else ""
        axis.set_title(f"{title}P {p_value(part.test.p_value)}" if part.test.p_value == part.test.p_value else f"{title}no P")
        axis.set_xlabel(result.by_label)
    grid.flat[0].set_ylabel(result.label if numeric else "%")
    if not numeric:
        grid.flat[-1].legend(loc="center left", bbox_to_anchor=(1, 0.5), title=result.label, reverse=True, fontsize=8)
    shown = "Each value, with the median and the quartiles of its group." if numeric else "Share of each level in the groups."
    where = f", by {result.strata.replace('_', ' ')}" if result.strata else ""
    alt = "; ".join(f"{stratum or 'all'}: {_told(part, numeric, result)}" for stratum, part in result.parts)
    return Plot(
        name=f"{result.variable}-by-{result.by}",
        figure=figure,
        alt=f"{result.label}{where}. {alt}.",
        caption=f"{result.label} by {result.by_label.lower()}{where}. {shown}",
    )


def _told(part: Comparison, numeric: bool, result: Stratified) -> str:
    def one(group) -> str:
        return (
            f"median {decimal(group.median, 1)}"
            if numeric
            else f"{decimal(group.percents[-1], 1)} % {_level(group.levels[-1])}"
        )

    return " v ".join(f"{label} {one(group)}" for label, group in zip(result.group_labels, part.groups, strict=True))


def _values(axis: Axes, part: Comparison, tally: Tally, result: Stratified) -> None:
    rows = tally.complete([result.variable, result.by]).expand()
    flags = _group_of(rows[result.by], result)
    for x, group in enumerate(part.groups):
        colour = COLOURS[x % len(COLOURS)]
        values = np.sort(rows.loc[flags == x, result.variable].to_numpy(float))
        # Spread by rank, not by chance, so that the figure is the same on every run.
        shift = 0.28 * (((np.arange(len(values)) * 0.618) % 1) - 0.5)
        axis.plot(x + shift, values, "o", color=colour, markersize=3.5, alpha=0.6, markeredgewidth=0)
        axis.plot([x - 0.25, x + 0.25], [group.median] * 2, color=INK, linewidth=1.8)
        axis.plot([x, x], [group.q1, group.q3], color=INK, linewidth=1.2)
    _name(axis, part, result)


def _shares(axis: Axes, part: Comparison, tally: Tally, result: Stratified) -> None:
    for x, group in enumerate(part.groups):
        bottom = 0.0
        for k, (level, share) in enumerate(zip(group.levels, group.percents, strict=True)):
            axis.bar(x, share, 0.6, bottom=bottom, color=COLOURS[k % len(COLOURS)], label=_level(level) if x == 0 else None)
            if share >= 8:
                axis.text(x, bottom + share / 2, decimal(share, 0), ha="center", va="center", color="white", fontsize=8)
            bottom += share
    _name(axis, part, result)


def _group_of(column, result: Stratified):
    """Return for each row where its group stands: 0, 1 and so on."""
    return column.astype(int) if pd.api.types.is_bool_dtype(column) else column.cat.codes


def _name(axis: Axes, part: Comparison, result: Stratified) -> None:
    sizes = [getattr(group, "n", None) or getattr(group, "total", 0) for group in part.groups]
    many = len(sizes) > 4
    named = [f"{label}, n = {n}" if many else f"{label}\nn = {n}" for label, n in zip(result.group_labels, sizes, strict=True)]
    axis.set_xticks(range(len(sizes)), named, rotation=35 if many else 0, ha="right" if many else "center")
    axis.set_xlim(-0.6, len(sizes) - 0.4)
    axis.tick_params(axis="x", length=0, labelcolor=MUTED)


def _level(level: object) -> str:
    return {True: "yes", False: "no"}[level] if isinstance(level, bool) else str(level)
