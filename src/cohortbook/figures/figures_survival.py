"""Figures of survival: drawn, like all, with the style and the frame of `cohortbook.figures.figures`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cohortbook.figures.figures import COLOURS, MUTED, PALE, Plot, axes, mark_illustration, wrapped
from cohortbook.privacy.guard import withheld
from cohortbook.results import HIDDEN, Absent
from cohortbook.tables.layouts_survival import level_name
from cohortbook.tables.style import general
from cohortbook.tables.tables import decimal, p_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cohortbook.plan.endpoints import CompetingStudy, Stratum, SurvivalStudy
    from cohortbook.survival.curves import SurvivalCurve
    from cohortbook.survival.lifetable import LifeTable

#: More curves than this hide each other's bands, and their legend stands beside them.
MANY = 4


def plot_survival(result: SurvivalStudy) -> Plot:
    """Draw the overall curve with its band, number at risk, and the time in which nobody could have the event."""
    curve, plan = result.overall, result.plan
    figure, axis, risk = _with_risk(1)
    if isinstance(result.entry, float | int):
        axis.axvspan(0, result.entry, color=PALE, alpha=0.6, linewidth=0)
        said = f" first {general(result.entry)} {plan.unit}: no event possible\n by the rule of eligibility"
        axis.text(result.entry, 0.02, said,
                  fontsize=7.5, color=MUTED, va="bottom")  # fmt: skip
    _draw_curve(axis, curve, COLOURS[0], "")
    _finish_survival(axis, result, [("", curve.table)], risk)
    mark_illustration(figure, result.provenance)
    marks = result.landmarks
    words = "; ".join(f"{r['label']} {decimal(100 * r['estimate'], 1)} %" for r in marks.to_dict("records"))
    level = decimal(100 * curve.confidence_level, 0)
    return Plot(
        name="survival", figure=figure, alt=f"Kaplan-Meier curve, {plan.label.lower()}: {words}.",
        caption=f"{plan.label}, Kaplan-Meier with {level}% log-log band, ticks where patients were censored, and the number "
        f"at risk. {curve.events} events in {curve.n} patients. Conditional on what eligibility required.{_read(result)}",
    )  # fmt: skip


def plot_strata(result: SurvivalStudy) -> tuple[Plot | Absent, ...]:
    """Draw the curves of each stratifying variable, with numbers at risk and the log-rank P."""
    return tuple(_plot_stratum(result, stratum) for stratum in result.strata if stratum.curves)


def _read(result: SurvivalStudy) -> str:
    return f" {result.notes[0]}" if result.notes else ""


def _told(median: float) -> str:
    return "not reached" if median != median and median is not HIDDEN else decimal(median, 0)


def _plot_stratum(result: SurvivalStudy, stratum: Stratum) -> Plot | Absent:
    if stratum.curves[0].table.shown is not None and not any(curve.n_events.any() for curve in stratum.curves):
        return withheld(f"curves by {stratum.label} could be read at no time after an event")
    names = [wrapped(level_name(curve.group), 24) for curve in stratum.curves]
    many = len(names) > MANY
    lines = sum(name.count("\n") + 1 for name in names)
    figure, axis, risk = _with_risk(lines, height=max(3.1, 0.18 * lines + 0.6) if many else 3.1)
    rows = []
    for k, (curve, name) in enumerate(zip(stratum.curves, names, strict=True)):
        style = ("-", (0, (4, 2)), (0, (1, 1)))[k // len(COLOURS) % 3]
        _draw_curve(axis, curve, COLOURS[k % len(COLOURS)], name, style=style, band=not many)
        rows.append((name, curve.table))
    _finish_survival(axis, result, rows, risk)
    where = {"loc": "upper left", "bbox_to_anchor": (1, 1)} if many else {"loc": "upper right"}
    axis.legend(title=wrapped(stratum.label, 24 if many else 34), fontsize=8, title_fontsize=8, frameon=False, **where)
    axis.text(0.02, 0.04, f"Log-rank P = {p_value(stratum.test.p_value)}".replace("= <", "< ").replace("= >", "> "),
              transform=axis.transAxes, fontsize=8.5)  # fmt: skip
    mark_illustration(figure, result.provenance)
    words = "; ".join(f"{level_name(c.group)}: {c.events} events in {c.n}, median "
                      f"{_told(c.median)}" for c in stratum.curves)  # fmt: skip
    return Plot(name=f"survival-{stratum.name.replace('_', '-')}", figure=figure, alt=f"Kaplan-Meier curves. {words}.",
                caption=f"{result.plan.label} by {stratum.label}, Kaplan-Meier with "
                f"{'' if many else 'log-log bands, '}censoring ticks and numbers at risk.{_read(result)}")  # fmt: skip


def plot_competing(result: CompetingStudy | Absent) -> Plot | Absent:
    """Draw the cumulative incidence of the event and of death before it, and what one less Kaplan-Meier would say."""
    if not result:
        return result
    figure, axis, risk = _with_risk(1)
    words = []
    for curve, colour in ((result.death, MUTED), (result.event, COLOURS[1])):
        times = [0, *curve.times]
        axis.step(times, [0, *curve.incidence], where="post", color=colour, linewidth=1.8, label=curve.cause)
        axis.fill_between(times, [0, *curve.conf_low], [0, *curve.conf_high], step="post", color=colour, alpha=0.13,
                          linewidth=0)  # fmt: skip
        words.append(f"{curve.cause} {decimal(100 * curve.incidence[-1], 1)} % at the end")
    axis.step([0, *result.event.times], [0, *result.event.naive], where="post", color=COLOURS[1], linewidth=1,
              linestyle=(0, (3, 2)), label=f"{result.event.cause}: one less Kaplan-Meier")  # fmt: skip
    axis.legend(fontsize=8, frameon=False, loc="upper left")
    axis.set(ylim=(0, 1), ylabel="Cumulative incidence")
    _time_axis(axis, risk, [("", result.event.table)], result.survival.origin, result.survival.unit)
    mark_illustration(figure, result.provenance)
    return Plot(
        name="incidence", figure=figure, alt=f"Cumulative incidence curves: {'; '.join(words)}.",
        caption=f"Cumulative incidence of {result.plan.label.lower()} with death competing (Aalen-Johansen, log-log bands). "
        "The dashed curve takes the dead for censored, and is too high. The event counts when it was seen.",
    )  # fmt: skip


def _with_risk(rows: int, height: float = 3.1) -> tuple[Any, Axes, Axes]:
    """Make a figure of two parts: the curves, and below them the numbers at risk."""
    heights = [height, 0.3 + 0.2 * rows]
    figure, (axis, risk) = axes(sum(heights) + 0.35, 2, 1, height_ratios=heights)
    risk.axis("off")
    return figure, axis, risk


def _draw_curve(
    axis: Axes, curve: SurvivalCurve, colour: str, label: str, *, style: Any = "-", band: bool = True
) -> None:
    times = [0, *curve.times]
    axis.step(times, [1, *curve.survival], where="post", color=colour, linewidth=1.8, linestyle=style, label=label)
    if band:
        axis.fill_between(
            times, [1, *curve.conf_low], [1, *curve.conf_high], step="post", color=colour, alpha=0.15, linewidth=0
        )
    censored = curve.n_censored > 0
    axis.plot(curve.times[censored], curve.survival[censored], "|", color=colour, markersize=6, markeredgewidth=1)


def _finish_survival(axis: Axes, result: SurvivalStudy, rows: Sequence[tuple[str, LifeTable]], risk: Axes) -> None:
    axis.set(ylim=(0, 1.02), ylabel=wrapped(result.plan.label, 40))
    _time_axis(axis, risk, rows, result.plan.origin, result.plan.unit)


def _time_axis(axis: Axes, risk: Axes, rows: Sequence[tuple[str, LifeTable]], origin: str, unit: str) -> None:
    """Label the time axis and print the numbers at risk under its ticks."""
    last = max(float(table.times[-1]) for _, table in rows)
    axis.set_xlim(0, last * 1.02)
    ticks = [t for t in axis.get_xticks() if 0 <= t <= last]
    if (shown := rows[0][1].shown) is not None:  # the only times of which numbers may be told
        ticks = [t for k, t in enumerate(shown) if not any(0 < t - s < 0.08 * last for s in shown[:k])]
    axis.set_xticks(ticks)
    axis.set_xlabel(f"{unit.capitalize()} since {origin}")
    lines = [name.count("\n") + 1 for name, _ in rows]
    risk.set(xlim=axis.get_xlim(), ylim=(-sum(lines) - 0.2, 0.9))
    risk.text(0, 0.35, "Number at risk", fontsize=8, fontweight="bold", va="center")
    for k, (name, table) in enumerate(rows):
        y = -sum(lines[:k]) - lines[k] / 2 - 0.05
        if name:
            risk.annotate(name, (0, y), (-16, 0), textcoords="offset points", fontsize=8, ha="right",
                          va="center", annotation_clip=False)  # fmt: skip
        for tick, n in zip(ticks, table.at_risk(ticks), strict=True):
            # Nobody has left at time 0 yet: those who enter then are counted there.
            shown = n if tick or table.shown is not None else int(((table.entry <= 0) * table.weight).sum())
            risk.text(tick, y, str(shown), fontsize=8, ha="center", va="center")
