"""Figures of survival: drawn, like all, with the style and the frame of `cohortbook.display.figures`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cohortbook.display.figures import COLOURS, INK, MUTED, PALE, Plot, axes, mark_illustration, wrapped
from cohortbook.display.style import general
from cohortbook.display.tables import decimal, p_value
from cohortbook.sections.survival.endpoints import CompetingGroups, CompetingStudy, Stratum, SurvivalStudy
from cohortbook.sections.survival.layouts_survival import level_name, test_name
from studyfile.privacy.guard import withheld
from tallystats.results import HIDDEN, NotPlanned, lower_first
from tallystats.survival.curves import SurvivalCurve
from tallystats.survival.lifetable import LifeTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes


#: More curves than this hide each other's bands, and their legend stands beside them.
MANY = 4


def plot_survival(result: SurvivalStudy) -> Plot:
    """Draw the overall curve with its band, number at risk, and the time in which nobody could have the event."""
    curve, plan = result.overall, result.plan
    figure, axis, risk = with_risk(3, head=0)
    shade_entry(axis, result)
    _draw_curve(axis, curve, COLOURS[0], "")
    finish_survival(axis, result)
    table = (curve.table,)
    rows = [("At risk", table, None), ("Events", table, "events"), ("Censored", table, "censored")]
    time_axis(axis, risk, rows, plan.origin, plan.unit)
    mark_illustration(figure, result.provenance)
    marks = result.landmarks
    words = "; ".join(f"{r['label']} {decimal(100 * r['estimate'], 1)} %" for r in marks.to_dict("records"))
    level = decimal(100 * curve.confidence_level, 0)
    return Plot(
        name="survival",
        figure=figure,
        alt=f"Kaplan-Meier curve, {lower_first(plan.label)}: {words}.",
        caption=f"{plan.label}, Kaplan-Meier with {level}% {result.conf_type} band, ticks where patients were censored, the "
        f"number at risk, and events and censored so far. {curve.events} events in {curve.n} patients."
        + (" Conditional on what eligibility required." if result.entry else "")
        + _read(result),
    )


def plot_strata(result: SurvivalStudy) -> tuple[Plot | NotPlanned, ...]:
    """Draw the curves of each stratifying variable, with numbers at risk and the log-rank P."""
    return tuple(_plot_stratum(result, stratum) for stratum in result.strata if stratum.curves)


def _read(result: SurvivalStudy) -> str:
    return f" {result.notes[0]}" if result.notes else ""


def _told(median: float) -> str:
    return "not reached" if median != median and median is not HIDDEN else decimal(median, 0)


def _plot_stratum(result: SurvivalStudy, stratum: Stratum) -> Plot | NotPlanned:
    if stratum.curves[0].table.shown is not None and not any(curve.n_events.any() for curve in stratum.curves):
        return withheld(f"curves by {stratum.label} could be read at no time after an event")
    names = [wrapped(level_name(curve.group), 24) for curve in stratum.curves]
    many = len(names) > MANY
    lines = sum(name.count("\n") + 1 for name in names)
    figure, axis, risk = with_risk(lines + len(names), height=max(3.1, 0.18 * lines + 0.6) if many else 3.1)
    rows = []
    for k, (curve, name) in enumerate(zip(stratum.curves, names, strict=True)):
        style = ("-", (0, (4, 2)), (0, (1, 1)))[k // len(COLOURS) % 3]
        _draw_curve(axis, curve, COLOURS[k % len(COLOURS)], name, style=style, band=not many)
        rows.append((name, (curve.table,), None))
    finish_survival(axis, result)
    time_axis(axis, risk, rows, result.plan.origin, result.plan.unit, below=True)
    where = {"loc": "upper left", "bbox_to_anchor": (1, 1)} if many else {"loc": "upper right"}
    axis.legend(title=wrapped(stratum.label, 24 if many else 34), fontsize=8, title_fontsize=8, frameon=False, **where)
    _say_p(axis, test_name(stratum.test), stratum.test.p_value)
    mark_illustration(figure, result.provenance)
    words = "; ".join(f"{level_name(c.group)}: {c.events} events in {c.n}, median {_told(c.median)}" for c in stratum.curves)
    return Plot(
        name=f"survival-{stratum.name.replace('_', '-')}",
        figure=figure,
        alt=f"Kaplan-Meier curves. {words}.",
        caption=f"{result.plan.label} by {stratum.label}, Kaplan-Meier with "
        f"{'' if many else f'{result.conf_type} bands, '}censoring ticks, numbers at risk, and below them events and "
        f"censored so far.{_read(result)}",
    )


def _say_p(axis: Axes, name: str, p: float, where: tuple[float, float] = (0.02, 0.04), **how: Any) -> None:
    """Print the P of a test between the curves, where they leave room."""
    text = f"{name} P = {p_value(p)}".replace("= <", "< ").replace("= >", "> ")
    axis.text(*where, text, transform=axis.transAxes, fontsize=8.5, **how)


def plot_competing(result: CompetingStudy | NotPlanned) -> Plot | NotPlanned:
    """Draw the cumulative incidence of the event and of death before it, and what one less Kaplan-Meier would say."""
    if not result:
        return result
    causes = [wrapped(curve.cause, 20) for curve in (result.event, result.death)]
    figure, axis, risk = with_risk(4 + sum(cause.count("\n") for cause in causes), head=0)
    words = []
    for curve, colour in ((result.death, MUTED), (result.event, COLOURS[1])):
        times = [0, *curve.times]
        axis.step(times, [0, *curve.incidence], where="post", color=colour, linewidth=1.8, label=curve.cause)
        axis.fill_between(
            times, [0, *curve.conf_low], [0, *curve.conf_high], step="post", color=colour, alpha=0.13, linewidth=0
        )
        words.append(f"{curve.cause} {decimal(100 * curve.incidence[-1], 1)} % at the end")
    axis.step(
        [0, *result.event.times],
        [0, *result.event.naive],
        where="post",
        color=COLOURS[1],
        linewidth=1,
        linestyle=(0, (3, 2)),
        label=f"{result.event.cause}: one less Kaplan-Meier",
    )
    axis.legend(fontsize=8, frameon=False, loc="upper left")
    axis.set(ylim=(0, 1), ylabel="Cumulative incidence")
    table = (result.event.table,)
    rows = [
        ("At risk", table, None),
        (causes[0], table, "events"),
        (causes[1], table, "other events"),
        ("Censored", table, "censored"),
    ]
    time_axis(axis, risk, rows, result.survival.origin, result.survival.unit)
    mark_illustration(figure, result.provenance)
    return Plot(
        name="incidence",
        figure=figure,
        alt=f"Cumulative incidence curves: {'; '.join(words)}.",
        caption=f"Cumulative incidence of {lower_first(result.plan.label)} with death competing (Aalen-Johansen, log-log "
        "bands). The dashed curve takes the dead for censored, and is too high. The event counts when it was seen. Below: the "
        "number at risk, and events and censored so far.",
    )


def plot_competing_groups(result: CompetingStudy | NotPlanned) -> tuple[Plot, ...]:
    """Draw the cumulative incidence of the event by the levels of each stratifying variable, with Gray's P."""
    return tuple(_plot_competing_group(result, group) for group in (result.groups if result else ()) if group.curves)


def _plot_competing_group(result: CompetingStudy, group: CompetingGroups) -> Plot:
    names = [wrapped(level_name(level), 24) for level, _, _ in group.curves]
    many = len(names) > MANY
    lines = sum(name.count("\n") + 1 for name in names)
    figure, axis, risk = with_risk(lines + len(names), height=max(2.6, 0.18 * lines + 0.6) if many else 2.6)
    highest, rows = 0.0, []
    for k, ((_, event, _), name) in enumerate(zip(group.curves, names, strict=True)):
        colour, style = COLOURS[k % len(COLOURS)], ("-", (0, (4, 2)), (0, (1, 1)))[k // len(COLOURS) % 3]
        times = [0, *event.times]
        axis.step(times, [0, *event.incidence], where="post", color=colour, linewidth=1.8, linestyle=style, label=name)
        if not many:
            axis.fill_between(
                times, [0, *event.conf_low], [0, *event.conf_high], step="post", color=colour, alpha=0.13, linewidth=0
            )
        highest = max(highest, *event.incidence, *(h for h in event.conf_high if h == h and not many))
        rows.append((name, (event.table,), None))
    axis.set(ylim=(0, min(1.0, max(0.1, 1.45 * highest))), ylabel=wrapped(f"Cumulative incidence: {result.event.cause}", 34))
    where = {"loc": "upper left", "bbox_to_anchor": (1, 1)} if many else {"loc": "upper left"}
    axis.legend(
        title=wrapped(group.label, 24 if many else 60), fontsize=8, title_fontsize=8, frameon=False, alignment="left", **where
    )
    if not group.refusal(group.event):
        _say_p(axis, result.test, group.event.p_value, (0.98, 0.95), ha="right", va="top")
    time_axis(axis, risk, rows, result.survival.origin, result.survival.unit, below=True)
    mark_illustration(figure, result.provenance)
    words = "; ".join(
        f"{level_name(level)}: {event.events} events in {event.n}, {decimal(100 * event.incidence[-1], 1)} % at the end"
        for level, event, _ in group.curves
    )
    return Plot(
        name=f"incidence-{group.name.replace('_', '-')}",
        figure=figure,
        alt=f"Cumulative incidence curves. {words}.",
        caption=f"Cumulative incidence of {lower_first(result.plan.label)} by {group.label}, death competing (Aalen-Johansen"
        f"{'' if many else ', log-log bands'}). The vertical axis ends where the curves do. Below: the number at risk, and "
        "events and censored so far.",
    )


def with_risk(rows: int, height: float = 3.1, head: float = 0.3) -> tuple[Any, Axes, Axes]:
    """Make a figure of two parts: the curves, and below them the numbers at risk, under a head of some height."""
    heights = [height, head + 0.2 * rows]
    figure, (axis, risk) = axes(sum(heights) + 0.35, 2, 1, height_ratios=heights)
    risk.axis("off")
    return figure, axis, risk


def _draw_curve(axis: Axes, curve: SurvivalCurve, colour: str, label: str, *, style: Any = "-", band: bool = True) -> None:
    times = [0, *curve.times]
    axis.step(times, [1, *curve.survival], where="post", color=colour, linewidth=1.8, linestyle=style, label=label)
    if band:
        axis.fill_between(
            times, [1, *curve.conf_low], [1, *curve.conf_high], step="post", color=colour, alpha=0.15, linewidth=0
        )
    censored = curve.n_censored > 0
    axis.plot(curve.times[censored], curve.survival[censored], "|", color=colour, markersize=6, markeredgewidth=1)


def shade_entry(axis: Axes, result: SurvivalStudy) -> None:
    """Shade the time in which nobody could have the event, where all enter at one time."""
    if isinstance(result.entry, float | int):
        axis.axvspan(0, result.entry, color=PALE, alpha=0.6, linewidth=0)
        said = f" first {general(result.entry)} {result.plan.unit}: no event possible\n by the rule of eligibility"
        axis.text(result.entry, 0.02, said, fontsize=7.5, color=MUTED, va="bottom")


def finish_survival(axis: Axes, result: SurvivalStudy) -> None:
    axis.set(ylim=(0, 1.02), ylabel=wrapped(result.plan.label, 40))


def time_axis(
    axis: Axes,
    risk: Axes,
    rows: Sequence[tuple[str, Sequence[LifeTable], str | None]],
    origin: str,
    unit: str,
    *,
    below: bool = False,
    last: float | None = None,
) -> None:
    """Label the time axis and print counts under its ticks.

    Parameters
    ----------
    axis, risk : Axes
        The curves, and the part of the figure below them.
    rows : sequence of (name, tables, what)
        What is counted: None for those at risk, else "events", "other events" or "censored", up to and at the tick. Of
        several tables the least and the greatest count are printed.
    origin, unit : str
    below : bool
        Print events and censored so far under each number at risk, small.
    last : float, optional
        Where the axis ends; by default where the last patient leaves.
    """
    last = last or max(float(table.times[-1]) for _, tables, _ in rows for table in tables)
    axis.set_xlim(0, last * 1.02)
    ticks = [t for t in axis.get_xticks() if 0 <= t <= last]
    if (shown := rows[0][1][0].shown) is not None:  # the only times of which numbers may be told
        ticks = [t for k, t in enumerate(shown) if not any(0 < t - s < 0.08 * last for s in shown[:k])]
    axis.set_xticks(ticks)
    axis.set_xlabel(f"{unit.capitalize()} since {origin}")
    lines = [name.count("\n") + 1 + below for name, _, _ in rows]
    risk.set(xlim=axis.get_xlim(), ylim=(-sum(lines) - 0.2, 0.9) if below else (-sum(lines) + 0.3, 0.5))
    if below:
        head = risk.text(0, 0.35, "Number at risk ", fontsize=8, fontweight="bold", va="center")
        risk.annotate("and, below, events; censored so far", (1, 0), xycoords=head, fontsize=7, color=MUTED, va="bottom")
    for k, (name, tables, what) in enumerate(rows):
        y = -sum(lines[:k]) - lines[k] / 2 - 0.05 + (0 if below else 0.5)
        risk.annotate(
            name,
            (0, y),
            (-16, 0),
            textcoords="offset points",
            fontsize=8,
            ha="right",
            va="center",
            annotation_clip=False,
            color=INK if what is None else MUTED,
        )
        counts = _ranges(tables, ticks, what)
        more = zip(_ranges(tables, ticks, "any events"), _ranges(tables, ticks, "censored"), strict=True)
        for tick, n, (events, censored) in zip(ticks, counts, more, strict=True):
            up = 0.3 if below else 0
            risk.text(tick, y + up, n, fontsize=8, ha="center", va="center", color=INK if what is None else MUTED)
            if below:
                risk.text(tick, y - 0.5, f"{events}; {censored}", fontsize=6.5, ha="center", va="center", color=MUTED)


def _ranges(tables: Sequence[LifeTable], times: Sequence[float], what: str | None) -> list[str]:
    """Count in several tables: at each time one number, or the least and the greatest."""
    every = zip(*(_counts(table, times, what) for table in tables), strict=True)
    return [str(found[0]) if len(set(found)) == 1 else f"{min(found)}–{max(found)}" for found in every]


def _counts(table: LifeTable, times: Sequence[float], what: str | None) -> list[int]:
    """Count those at risk just before each time, or those who left in some way up to and at it."""
    if what is None:
        found = list(table.at_risk(times))
        if table.shown is None and len(times) and times[0] == 0:
            # Nobody has left at time 0 yet: those who enter then are counted there.
            found[0] = int(((table.entry <= 0) * table.weight).sum())
        return found
    left = {
        "events": table.events[:, 0],
        "other events": table.events[:, 1:].sum(axis=1),
        "any events": table.events.sum(axis=1),
        "censored": table.n_censored,
    }[what]
    return np.concatenate([[0], left.cumsum()])[np.searchsorted(table.times, times, side="right")].astype(int).tolist()
