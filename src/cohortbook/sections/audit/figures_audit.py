"""Figures of the audit: every printed figure as a tile, and what the paper leaves open as ranges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cohortbook.display.figures import COLOURS, ILLUSTRATION, INK, MUTED, WIDTH, Plot, axes, bare, wrapped
from cohortbook.display.style import general
from cohortbook.sections.audit.layouts_audit import is_p, range_shown, sources_of
from cohortbook.sections.audit.undetermined import Range
from printcheck.audit.audit_words import in_words, listed
from printcheck.audit.verdicts import VERDICTS, Audit, Verdict
from tallystats.results import NotPlanned

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


#: Verdict -> fill, edge, width and style of the edge: told apart by lightness and edge too, for those who print in grey.
TILES: dict[str, tuple[str, str, float, Any]] = {
    "reproduced": ("#66c5ab", "white", 0.6, "-"),
    "compatible": ("#cfe8f7", "white", 0.6, "-"),
    "reproduced by another method": ("#E69F00", INK, 0.9, (0, (3, 1.5))),
    "rounded otherwise": ("#F0E442", INK, 0.9, (0, (1, 1.5))),
    "contradicted": ("#D55E00", "black", 1.8, "-"),
    "not decided": ("white", INK, 0.7, "-"),
    "not checkable": ("#ececec", "#a8a8a8", 0.6, "-"),
}
#: These tiles show their printed value.
LABELLED = ("reproduced by another method", "rounded otherwise", "contradicted")
#: Inches: the size of a tile, the step from one to the next, the height of a line, and the text in a tile per letter.
TILE, STEP, LINE, LETTER = 0.19, 0.214, 0.218, 0.066
#: P values below this are drawn as arrows.
LEAST_P = 1e-4


def plot_verdicts(audit: Audit) -> Plot | NotPlanned:
    """Draw every printed figure as a tile, in rows by place, coloured by its verdict."""
    if not audit.verdicts:
        return NotPlanned("No figure is printed.")
    figure, axis = axes(1.0)
    axis.set_position((0, 0, 1, 1))  # inches are counted here, not laid out
    axis.axis("off")
    sources = sources_of(audit)
    names = [wrapped(source, 24) for source in sources]
    left = max(_width(figure, name) for name in names) + 0.18
    room = WIDTH - left - 0.42
    y = _legend(axis, audit) - 0.06
    axis.text(WIDTH - 0.05, y - 0.08, "All", fontsize=8, color=MUTED, ha="right", va="center")
    y -= 0.14
    for source, name in zip(sources, names, strict=True):
        mine = [v for v in audit.verdicts if v.figure.source == source]
        bottom = _row(axis, mine, left, y, room)
        used = min(bottom, y - 0.145 * (name.count("\n") + 1) - 0.05)
        axis.text(left - 0.12, y - LINE / 2 + 0.07, name, fontsize=8, ha="right", va="top", linespacing=1.2)
        axis.text(WIDTH - 0.05, y - LINE / 2, str(len(mine)), fontsize=8, ha="right", va="center")
        y = used - 0.03
    figure.set_figheight(-y + 0.05)
    axis.set(xlim=(0, WIDTH), ylim=(y - 0.05, 0))
    return Plot(name="verdicts", figure=figure, caption=_verdict_caption(audit), alt=_verdict_alt(audit, sources))


def _width(figure: Figure, text: str, size: float = 8) -> float:
    """Measure a text in inches."""
    drawn = figure.text(0, 0, text, fontsize=size)
    extent = drawn.get_window_extent(figure.canvas.get_renderer())
    drawn.remove()
    return extent.width / figure.dpi


def _legend(axis: Axes, audit: Audit) -> float:
    """Draw a tile for each verdict with its count, in as few lines as hold them; return where it ends."""
    x, y = 0.05, -0.05
    for verdict, n in audit.counts.items():
        if not n and verdict != "contradicted":
            continue
        words = f"{verdict}: {n}"
        width = TILE + 0.08 + _width(axis.figure, words, 8.5)
        if x + width > WIDTH:
            x, y = 0.05, y - LINE
        _tile(axis, x, y, verdict)
        weight = "bold" if verdict == "contradicted" and n else "normal"
        axis.text(x + TILE + 0.07, y - LINE / 2, words, fontsize=8.5, va="center", fontweight=weight)
        x += width + 0.24
    return y - LINE


def _row(axis: Axes, verdicts: Sequence[Verdict], left: float, y: float, room: float) -> float:
    """Draw the tiles of one place, line under line; return where they end."""
    x = 0.0
    for verdict in verdicts:
        text = verdict.figure.value if verdict.verdict in LABELLED else ""
        steps = max(1, math.ceil((LETTER * len(text) + 0.05 - TILE) / STEP) + 1)
        if x and x + steps * STEP > room:
            x, y = 0.0, y - LINE
        _tile(axis, left + x, y, verdict.verdict, text, steps)
        x += steps * STEP
    return y - LINE


def _tile(axis: Axes, x: float, y: float, verdict: str, text: str = "", steps: int = 1) -> None:
    from matplotlib.patches import Rectangle

    fill, edge, width, style = TILES[verdict]
    long = TILE + (steps - 1) * STEP
    low = y - LINE + (LINE - TILE) / 2
    tile = Rectangle(
        (x, low),
        long,
        TILE,
        facecolor=fill,
        edgecolor=edge,
        linewidth=width,
        linestyle=style,
        zorder=3 if verdict in LABELLED else 2,
    )
    axis.add_patch(tile)
    text = "?" if verdict == "not decided" else text
    weight = "bold" if verdict == "contradicted" else "normal"
    axis.text(
        x + long / 2,
        low + TILE / 2 - 0.008,
        text,
        fontsize=6.8,
        ha="center",
        va="center",
        color="black",
        fontweight=weight,
        zorder=4,
    )


def _verdict_caption(audit: Audit) -> str:
    counts = audit.counts
    checked = len(audit.verdicts) - counts["not checkable"]
    against = f"{counts['contradicted']} of {checked}" if counts["contradicted"] else f"None of {checked}"
    shown = [verdict for verdict in LABELLED if counts[verdict]]
    text = (
        f"Every printed figure, a tile each, in the order of the paper: tables, then text. {against} that can be checked "
        f"{'are' if counts['contradicted'] > 1 else 'is'} contradicted by others."
    )
    return text + (f" Tiles that show what is printed: {'; '.join(shown)}." if shown else "")


def _verdict_alt(audit: Audit, sources: Sequence[str]) -> str:
    parts = []
    for source in sources:
        given = [v.verdict for v in audit.verdicts if v.figure.source == source]
        parts.append(f"{source}: " + ", ".join(f"{given.count(v)} {v}" for v in VERDICTS if v in given))
    against = [in_words(audit.study, v.figure) for v in audit.verdicts if v.verdict == "contradicted"]
    text = f"Tiles by place. {'; '.join(parts)}."
    return text + (f" Contradicted: {listed(against, 12)}." if against else "")


def plot_ranges(ranges: Sequence[Range] | NotPlanned) -> Plot | NotPlanned:
    """Draw results over many cohorts that print the same: a dot where all agree, else a range with its median."""
    if isinstance(ranges, NotPlanned):
        return ranges
    drawn = [r for r in ranges if r.low == r.low]
    if not drawn:
        return NotPlanned("No result is defined in the cohorts that were drawn.")
    panels: dict[tuple[str, bool, bool], list[Range]] = {}
    for r in sorted(drawn, key=lambda r: r.rests_on_assumed):
        panels.setdefault((r.group, is_p(r), r.rests_on_assumed), []).append(r)
    ordered = {key: _side_by_side(rows) for key, rows in panels.items()}
    names = [[_row_name(r) for r in rows] for rows in ordered.values()]
    values = [[_row_value(r) for r in rows] for rows in ordered.values()]
    figure, grid = axes(1.0, len(panels), 1, squeeze=False)
    left = 0.12 + max(_width(figure, name) for rows in names for name in rows)
    right = 0.2 + max(1.04 * _width(figure, text, 7.5) for rows in values for text in rows)
    # Inches above and below the rows of a panel: title, words of illustration, thresholds; ticks and the name of the axis.
    above = [0.24 + 0.16 * assumed + 0.13 * p for _, p, assumed in panels]
    inside = [sum(max(0.25, 0.1 + 0.14 * (name.count("\n") + 1)) for name in rows) for rows in names]
    below = [0.38 if p else 0.24 for _, p, _ in panels]
    height = sum(above) + sum(inside) + sum(below) + 0.1 * (len(panels) - 1) + 0.06
    figure.set_figheight(height)
    top = height - 0.06
    limits = _p_limits([r for r in drawn if is_p(r)])
    for k, (axis, ((group, p, assumed), rows)) in enumerate(zip(grid.flat, ordered.items(), strict=True)):
        bottom = top - above[k] - inside[k]
        axis.set_position((left / WIDTH, bottom / height, (WIDTH - left - right) / WIDTH, inside[k] / height))
        _title(axis, group, top / height, assumed=assumed, gap=0.17 / height)
        _panel(axis, rows, names[k], values[k], limits=limits if p else None)
        top = bottom - below[k] - 0.1
    return Plot(name="undetermined", figure=figure, caption=_range_caption(drawn), alt=_range_alt(drawn))


def _side_by_side(rows: Sequence[Range]) -> list[Range]:
    """Put the same result under several sets of figures together."""
    first = {r.label: k for k, r in reversed(list(enumerate(rows)))}
    return sorted(rows, key=lambda r: first[r.label])


def _row_name(r: Range) -> str:
    return wrapped(r.label, 34) + (f"\n{wrapped(r.set, 36)}" if r.set else "")


def _row_value(r: Range) -> str:
    return range_shown(r) + (f"\nundefined in {r.undefined} of {r.n}" if r.undefined else "")


def _title(axis: Axes, group: str, top: float, *, assumed: bool, gap: float) -> None:
    """Name a panel above it, where it rests on assumed values loudly."""
    left = axis.get_position().x0
    axis.figure.text(left, top, group, fontsize=9, fontweight="bold", va="top")
    if assumed:
        axis.figure.text(left, top - gap, ILLUSTRATION, fontsize=8, fontweight="bold", color=COLOURS[1], va="top")


def _p_limits(ranges: Sequence[Range]) -> tuple[float, float]:
    """Return the limits of the axis of P values, the same in all panels."""
    least = min((r.low for r in ranges), default=1.0)
    return min(max(least / 1.5, LEAST_P), 0.02), 1.15


def _panel(
    axis: Axes, rows: Sequence[Range], names: Sequence[str], values: Sequence[str], *, limits: tuple[float, float] | None
) -> None:
    """Draw the rows of one panel, from top to bottom; with `limits` on the axis of P values."""
    for y, (r, value) in enumerate(zip(rows, values, strict=True)):
        colour = MUTED if r.rests_on_assumed else COLOURS[1] if r.crosses else COLOURS[0]
        low, high, median = (max(v, LEAST_P) if limits else v for v in (r.low, r.high, r.median))
        if r.determined:
            axis.plot(low, y, "o", color=MUTED if r.rests_on_assumed else INK, markersize=5.5)
        else:
            style = (0, (2, 1)) if r.rests_on_assumed else "-"
            axis.plot([low, high], [y, y], color=colour, linewidth=3.5, linestyle=style, solid_capstyle="butt")
            axis.plot([median, median], [y - 0.3, y + 0.3], color=INK, linewidth=1.4)
        if limits and r.low < LEAST_P:
            axis.plot(LEAST_P, y, "<", color=colour, markersize=5.5, clip_on=False)
        axis.annotate(
            value,
            (1, y),
            (6, 0),
            xycoords=axis.get_yaxis_transform(),
            fontsize=7.5,
            va="center",
            textcoords="offset points",
            annotation_clip=False,
        )
    axis.set_yticks(range(len(rows)), names, fontsize=8)
    axis.set_ylim(len(rows) - 0.5, -0.5)
    bare(axis)
    axis.tick_params(axis="x", labelsize=8)
    if not limits:
        reach = max(r.high for r in rows)
        # From nothing on, so that a narrow range looks narrow.
        axis.set_xlim(*((0, reach * 1.05 or 1) if min(r.low for r in rows) >= 0 else axis.get_xlim()))
        return
    axis.set_xscale("log")
    axis.set_xlim(*limits)
    axis.xaxis.set_major_formatter(lambda value, _: general(value))
    for limit in sorted({r.threshold for r in rows}):
        axis.axvline(limit, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
        axis.annotate(
            general(limit),
            (limit, 1),
            (0, 1),
            xycoords=axis.get_xaxis_transform(),
            fontsize=7.5,
            color=MUTED,
            textcoords="offset points",
            ha="center",
            va="bottom",
        )
    axis.set_xlabel("P (logarithmic scale)", fontsize=8, labelpad=1)


def _range_caption(ranges: Sequence[Range]) -> str:
    settled = [r for r in ranges if not r.rests_on_assumed]
    fixed, crossing = sum(r.determined for r in settled), [r for r in settled if r.crosses]
    text = (
        f"Results over {_cohorts(ranges)} that print the same figures: a dot where all agree, else from the least to the "
        f"greatest, with the median."
    )
    text += f" {fixed} of {len(settled)} results are determined" if settled else ""
    text += (
        f"; P of {len(crossing) or 'none'} {'lie' if len(crossing) > 1 else 'lies'} on both sides of a threshold (dashed)."
        if any(map(is_p, settled))
        else "." * bool(settled)
    )
    return text + (" Broken grey lines rest on assumed values." if any(r.rests_on_assumed for r in ranges) else "")


def _cohorts(ranges: Sequence[Range]) -> str:
    """Say how many cohorts were drawn, for one set of figures or for each."""
    sets = {r.set for r in ranges if r.set}
    return f"{max(r.n for r in ranges)} cohorts" + (f" for each of {len(sets)} sets of figures" if len(sets) > 1 else "")


def _range_alt(ranges: Sequence[Range]) -> str:
    several = len({r.set for r in ranges}) > 1
    parts = [
        f"{r.group}, {r.label}{f' ({r.set})' if several else ''}: {range_shown(r)}"
        + (", illustration" if r.rests_on_assumed else "")
        for r in ranges
    ]
    return f"Ranges. {'; '.join(parts)}."
