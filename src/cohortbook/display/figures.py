"""Figures: what draws. Each function takes a result and returns a `Plot` with its caption and alt text."""

from __future__ import annotations

import base64
import io
import os
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cohortbook.display.style import PLAIN, current, general, worded
from cohortbook.display.tables import decimal, interval, p_value, percent, significant
from cohortbook.sections.comparison.analysis import GroupComparison, OutcomeRate, numeric_summaries, with_unit
from cohortbook.sections.comparison.layouts_groups import of_level
from printcheck.printed.published import sure
from studyfile.cohort.cohort import Cohort
from tallystats.results import Hidden, NotPlanned
from tallystats.statistics.describe import Summary
from tallystats.tolerance import SAME

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


#: Okabe and Ito's colours, told apart by the colour-blind; black first, the pale yellow left out.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
INK, MUTED, PALE = "#222222", "#6b6b6b", "#d9d9d9"
WIDTH = 7.0
ILLUSTRATION = "ILLUSTRATION - rests on assumed values"

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.linewidth": 0.8,
    "legend.frameon": False,
    "svg.hashsalt": "cohortbook",
    "svg.fonttype": "path",
    "figure.constrained_layout.use": True,
}


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A figure with its caption and a text for those who cannot see it.

    Attributes
    ----------
    name : str
        Names the files.
    caption : str
        What is shown, and what to see.
    alt : str
        What a reader would see, in words.
    figure : matplotlib.figure.Figure
    """

    name: str
    caption: str
    alt: str
    figure: Figure

    def __post_init__(self) -> None:
        if current() is PLAIN:
            return
        object.__setattr__(self, "caption", worded(self.caption))
        object.__setattr__(self, "alt", worded(self.alt))
        from matplotlib.text import Text

        for text in self.figure.findobj(Text):
            text.set_text(worded(text.get_text(), head=text.get_text().startswith("P ")))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {
            "image/png": base64.b64encode(self.rendered("png", dpi=110)).decode("ascii"),
            "text/plain": f"Figure: {self.caption}\n{self.alt}",
            "application/vnd.cohortbook.figure+json": {"name": self.name, "caption": self.caption, "alt": self.alt},
        }

    def rendered(self, form: str, dpi: int = 300) -> bytes:
        """Return the figure as bytes of PNG or SVG, the same at every run."""
        import matplotlib as mpl
        from matplotlib.layout_engine import PlaceHolderLayoutEngine

        buffer = io.BytesIO()
        metadata = {"Date": None} if form == "svg" else {"Software": None}
        with mpl.rc_context(_STYLE):
            # The layout is settled once: each further drawing would move it a little.
            if not isinstance(self.figure.get_layout_engine(), PlaceHolderLayoutEngine):
                self.figure.draw_without_rendering()
                if current().point != ".":
                    _point_ticks(self.figure)
                self.figure.set_layout_engine("none")
            self.figure.savefig(buffer, format=form, dpi=dpi, metadata=metadata)
        return buffer.getvalue()

    def save(self, folder: Path) -> None:
        """Write the figure as PNG at 300 dpi and as SVG, each whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        for form in ("png", "svg"):
            part = folder / f".{self.name}.{form}.part"
            part.write_bytes(self.rendered(form))
            os.replace(part, folder / f"{self.name}.{form}")


def _point_ticks(figure: Figure) -> None:
    """Write the numbers along the axes with the journal's decimal point."""
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            places = [place for place in axis.get_majorticklocs() if low <= place <= high]
            labels = axis.get_major_formatter().format_ticks(places)
            if any(re.search(r"\d\.\d", label) for label in labels):
                axis.set_ticks(places, [re.sub(r"(?<=\d)\.(?=\d)", current().point, label) for label in labels])


def axes(height: float, rows: int = 1, columns: int = 1, width: float = WIDTH, **options: Any) -> tuple[Figure, Any]:
    """Make a figure that belongs to no window and no pyplot state."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(rows, columns, **options)
    return figure, axes


def mark_illustration(figure: Figure, provenance: str) -> None:
    """Say on the face of a figure that it rests on assumed values."""
    if provenance == "assumed":
        figure.suptitle(ILLUSTRATION, fontsize=8.5, color=COLOURS[1], fontweight="bold", x=0.01, ha="left")


def bare(axis: Axes) -> None:
    """Leave of the frame only the horizontal axis."""
    for side in ("left", "top", "right"):
        axis.spines[side].set_visible(False)
    axis.tick_params(axis="y", length=0)


def wrapped(text: str, width: int) -> str:
    """Break a label into lines."""
    return "\n".join(textwrap.wrap(text, width, break_long_words=False)) or text


def named_rows(axis: Axes, names: Sequence[str], width: int = 36) -> None:
    """Name the rows of a plot, broken into lines, in a figure that grows until the names stand apart."""
    lines = [wrapped(name, width) for name in names]
    axis.set_yticks(range(len(names)), lines)
    most = max(name.count("\n") + 1 for name in lines)
    axis.figure.set_figheight(axis.figure.get_figheight() + max(0, 0.16 * most - 0.28) * len(names))


def plot_flow(cohort: Cohort) -> Plot:
    """Draw the eligibility flow: a box a step, exclusions to the right, unknown counts as not reported."""
    steps = cohort.flow
    names = [wrapped(step.label, 42) for step in steps]
    # Down the page in inches: as much for a step as its lines take.
    heights = [max(0.85, 0.17 * (name.count("\n") + 2) + 0.45) for name in names]
    tops = [-sum(heights[:k]) for k in range(len(steps))]
    figure, axis = axes(sum(heights) + 0.1)
    axis.set(xlim=(0, 10), ylim=(-sum(heights), 0))
    axis.axis("off")
    box = {"boxstyle": "round,pad=0.45", "facecolor": "white", "edgecolor": MUTED, "linewidth": 0.9}
    units = cohort.study.units
    for k, (step, name, top, height) in enumerate(zip(steps, names, tops, heights, strict=True)):
        middle = top - height / 2
        left = "number not reported" if step.remaining is None else f"{step.remaining} {units}"
        last = {"edgecolor": COLOURS[0], "linewidth": 1.6} if k == len(steps) - 1 else {}
        axis.text(
            3.0, middle, f"{name}\n{left}", ha="center", va="center", bbox={**box, **last}, fontsize=8.5, linespacing=1.35
        )
        if k:
            axis.annotate("", (3.0, top - 0.13), (3.0, top + 0.13), arrowprops={"arrowstyle": "->", "color": MUTED})
        if step.remaining is None or (k and steps[k - 1].remaining is not None):
            out = "excluded: not reported" if step.excluded is None else f"excluded: {step.excluded}"
            if step.excluded_missing:
                out += f" ({step.excluded_missing} with a missing value)"
            axis.annotate(
                out,
                (5.6, middle),
                (6.6, middle),
                va="center",
                fontsize=8.5,
                color=MUTED,
                arrowprops={"arrowstyle": "<-", "color": PALE},
            )
    words = "; ".join(
        f"{s.label}: {'not reported' if s.excluded is None else s.excluded} excluded, "
        f"{'not reported' if s.remaining is None else s.remaining} remaining"
        for s in steps
    )
    return Plot(
        name="flow",
        figure=figure,
        alt=f"Flow diagram. {words}.",
        caption=f"Eligibility: {cohort.size} {units} are analysed. Steps taken before the file was made are shown "
        "as they were reported.",
    )


def plot_histograms(cohort: Cohort) -> Plot | NotPlanned:
    """Draw a histogram of every recorded numeric variable, with its mean and median."""
    import seaborn as sns

    parts = [part for part in numeric_summaries(cohort).parts if part[0].n]
    if cohort.protection:
        parts = [part for part in parts if cohort.protection.drawn(part[0].term)]
    if not parts:
        return NotPlanned("No numeric variable has a value.")
    columns = 3 if len(parts) > 4 else 2
    rows = -(-len(parts) // columns)
    figure, grid = axes(1.75 * rows + 0.2, rows, columns, squeeze=False)
    for axis in grid.flat[len(parts) :]:
        axis.axis("off")
    words = []
    for axis, (summary, _) in zip(grid.flat, parts, strict=False):
        if cohort.protection:
            _safe_bars(axis, cohort, summary)
            words.append(f"{cohort.study.label(summary.term)}: median {significant(summary.median)}")
            axis.set_xlabel(wrapped(with_unit(cohort, summary.term), 28))
            continue
        tally = cohort.tally(summary.term).complete().frame
        values = tally[summary.term].to_numpy()
        whole = np.ptp(values) <= 20 and (values == np.round(values)).all()
        bins = np.arange(values.min() - 0.5, values.max() + 1).tolist() if whole else 20
        sns.histplot(
            data=tally,
            x=summary.term,
            weights="n",
            bins=bins,
            ax=axis,
            color=COLOURS[4],
            edgecolor="white",
            linewidth=0.5,
            alpha=1,
        )
        axis.set_ylabel("")
        axis.axvline(summary.mean, color=COLOURS[1], linewidth=1.2, label="mean")
        axis.axvline(summary.median, color=INK, linewidth=1.2, linestyle=(0, (3, 2)), label="median")
        if whole:
            axis.xaxis.get_major_locator().set_params(integer=True)
        axis.set_xlabel(wrapped(with_unit(cohort, summary.term), 28))
        if axis in grid[:, 0]:
            axis.set_ylabel(cohort.study.units.capitalize())
        words.append(
            f"{cohort.study.label(summary.term)}: from {significant(summary.minimum)} to "
            f"{significant(summary.maximum)}, median {significant(summary.median)}"
        )
    figure.legend(*grid.flat[0].get_legend_handles_labels(), loc="outside upper right", ncols=2, fontsize=8, frameon=False)
    return Plot(
        name="histograms",
        figure=figure,
        alt="Histograms. " + "; ".join(words) + ".",
        caption="Numeric variables. Where mean (solid) and median (dashed) part, the distribution is skewed and a "
        "mean says little of the typical patient." + " Bars whose height would tell a small count are hatched, and "
        "times to events are not drawn." * bool(cohort.protection),
    )


def _safe_bars(axis: Axes, cohort: Cohort, summary: Summary) -> None:
    """Draw a histogram whose bars are hatched, all as high, where their count is hidden."""
    for low, high, n in cohort.protection.bars(summary.term):
        hidden = isinstance(n, Hidden)
        look = {"color": "none", "edgecolor": MUTED, "hatch": "////"} if hidden else {"color": COLOURS[4], "edgecolor": "white"}
        axis.bar(low, cohort.protection.below if hidden else n, high - low, align="edge", linewidth=0.5, **look)
    axis.axvline(summary.mean, color=COLOURS[1], linewidth=1.2, label="mean")
    if not isinstance(summary.median, Hidden):
        axis.axvline(summary.median, color=INK, linewidth=1.2, linestyle=(0, (3, 2)), label="median")


def plot_outcome_rate(result: OutcomeRate | NotPlanned) -> Plot | NotPlanned:
    """Draw the rate of the outcome with its intervals beside rates reported elsewhere."""
    if not result:
        return result
    lines = [
        (
            f"This study, {p.method.replace('clopper-pearson', 'Clopper-Pearson').replace('wilson', 'Wilson')}",
            100 * p.estimate,
            100 * p.conf_low,
            100 * p.conf_high,
        )
        for p in result.intervals
    ]
    cited = [(label, 100 * share) for label, share, _ in result.elsewhere]
    figure, axis = axes(0.36 * (len(lines) + len(cited)) + 0.8)
    for y, (_, rate, low, high) in enumerate(lines):
        axis.plot([low, high], [y, y], color=COLOURS[0], linewidth=2, solid_capstyle="butt")
        axis.plot(rate, y, "o", color=COLOURS[0], markersize=6)
        axis.text(high, y, f"  {decimal(rate, 1)} % ({interval(low, high, 1)})", va="center", fontsize=8.5)
    for y, (_, rate) in enumerate(cited, start=len(lines)):
        axis.plot(rate, y, "D", markerfacecolor="white", markeredgecolor=MUTED, markersize=5.5)
        axis.text(rate, y, f"   {decimal(rate, 1)} %", va="center", fontsize=8.5, color=MUTED)
    named_rows(axis, [*(line[0] for line in lines), *(label for label, _ in cited)])
    axis.set_ylim(len(lines) + len(cited) - 0.4, -0.6)
    right = max([line[3] for line in lines] + [rate for _, rate in cited])
    axis.set_xlim(0, right * 1.4)
    axis.set_xlabel(wrapped(f"{result.label}, % of patients", 50))
    bare(axis)
    first = result.intervals[0]
    words = ", ".join(f"{label} {decimal(rate, 1)} %" for label, rate in cited)
    inside = [label for label, rate in cited if lines[0][2] <= rate <= lines[0][3]]
    return Plot(
        name="outcome-rate",
        figure=figure,
        caption=f"{result.label} in {first.events} of {first.total} patients with "
        f"{decimal(100 * first.confidence_level, 0)}% intervals (circles)"
        + (
            f", and rates reported elsewhere (diamonds). {len(inside)} of {len(cited)} of these lie within the exact interval."
            if cited
            else "."
        ),
        alt=f"This study: {percent(first.events, first.total)} %, interval {interval(lines[0][2], lines[0][3], 1)} %. "
        f"Elsewhere: {words or 'none cited'}.",
    )


def plot_effects(result: GroupComparison) -> Plot | NotPlanned:
    """Draw the standardised difference of every compared variable, largest first."""
    two = len(result.heads) == 2
    found = [
        (
            (of_level(label, part) if two else label) + " †" * (row.variable in result.after),
            part.standardised_difference.estimate,
        )
        for label, row, part in zip(result.labels, result.plan.rows, result.rows, strict=True)
    ]
    drawn = sorted((f for f in found if f[1] == f[1]), key=lambda f: abs(sure(f[1])))
    absent = [label for label, value in found if value != value]
    if not drawn:
        return NotPlanned("No difference between the groups is defined.")
    figure, axis = axes(0.3 * len(drawn) + 0.9)
    for y, (_, value) in enumerate(drawn):
        axis.plot([0, value], [y, y], color=PALE, linewidth=2, zorder=1)
        right = value > SAME  # what rounding makes of no difference has no side
        axis.plot(value, y, "o", color=COLOURS[1] if right else COLOURS[0], markersize=6, zorder=2)
        axis.text(value, y, f"  {decimal(value, 2)}  ", va="center", ha="left" if right else "right", fontsize=8)
    axis.axvline(0, color=INK, linewidth=0.8)
    named_rows(axis, [label for label, _ in drawn])
    axis.set_ylim(-0.6, len(drawn) - 0.4)
    reach = max([abs(value) for _, value in drawn], default=1) * 1.25
    axis.set_xlim(-reach if any(v < 0 for _, v in drawn) else 0, reach)
    last = result.heads[result.shown.index(len(result.heads) - 1)]
    what = f"higher in “{last}” to the right" if two else "of the two groups furthest apart"
    axis.set_xlabel(wrapped(f"Standardised difference: {what}", 56))
    bare(axis)
    mark_illustration(figure, result.provenance)
    notes = f" † Known only after {result.procedure}." if result.after else ""
    notes += f" Not drawn, as nobody differs: {', '.join(absent)}." if absent else ""
    words = "; ".join(f"{label} {decimal(value, 2)}" for label, value in drawn[::-1])
    return Plot(
        name="standardised-differences",
        figure=figure,
        alt=f"Standardised differences: {words}.",
        caption="How far the groups lie apart, in standard deviations. With "
        f"{' against '.join(map(str, result.sizes))} patients, a large difference may be chance.{notes}",
    )


def plot_adjusted(result: GroupComparison) -> Plot | NotPlanned:
    """Draw P values, unadjusted and by Holm's method, against the thresholds."""
    order = sorted(
        (i for i, row in enumerate(result.rows) if row.test.reason is None), key=lambda i: -sure(result.rows[i].test.p_value)
    )
    if not order:
        return NotPlanned("No test is defined.")
    figure, axis = axes(0.3 * len(order) + 1.2)
    for y, i in enumerate(order):
        raw, holm = result.rows[i].test.p_value, result.adjusted["holm"][i]
        axis.plot([raw, holm], [y, y], color=PALE, linewidth=2, zorder=1)
        axis.plot(raw, y, "o", color=COLOURS[0], markersize=6, label="unadjusted" if not y else None)
        axis.plot(
            holm, y, "s", markerfacecolor="white", markeredgecolor=COLOURS[1], markersize=5.5, label="Holm" if not y else None
        )
    limits = [result.plan.significance, *([result.plan.threshold] if result.plan.threshold else [])]
    for limit in limits:
        axis.axvline(limit, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        axis.text(limit, len(order) - 0.35, general(limit), ha="center", va="bottom", fontsize=8, color=MUTED)
    axis.set_xscale("log")
    named_rows(axis, [result.labels[i] for i in order])
    axis.set_ylim(-0.6, len(order) - 0.4)
    axis.set_xlabel("P (logarithmic scale)")
    figure.legend(loc="outside lower left", ncols=2, fontsize=8, frameon=False)
    bare(axis)
    below = [result.labels[i] for i in order if result.adjusted["holm"][i] < result.plan.significance]
    words = "; ".join(
        f"{result.labels[i]} {p_value(result.rows[i].test.p_value)}, Holm {p_value(result.adjusted['holm'][i])}"
        for i in order[::-1]
    )
    return Plot(
        name="p-values",
        figure=figure,
        alt=f"P values: {words}.",
        caption=f"P before and after Holm's adjustment for {result.n_tests} tests, against the thresholds (dashed). "
        f"{len(below)} remain below {general(result.plan.significance)} once adjusted.",
    )
