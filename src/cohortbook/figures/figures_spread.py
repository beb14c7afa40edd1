"""Figures of many cohorts that print the same: where a curve can run, instead of one of the courses that it can take.

Each function stands for the one of its name elsewhere, when that is given many cohorts' results instead of one's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from cohortbook.figures.figures import COLOURS, INK, MUTED, Plot, axes, bare, named_rows, wrapped
from cohortbook.figures.figures_survival import finish_survival, shade_entry, time_axis, with_risk
from cohortbook.figures.figures_worth import FOREST, LEAST, MOST, forest_bar, ratio_of
from cohortbook.plan.endpoints import FEW
from cohortbook.results import Absent, Spread, uncapital
from cohortbook.tables.layouts_survival import level_name
from cohortbook.tables.layouts_visits import percents
from cohortbook.tables.spread import joined_text, ranges_note, spread_of
from cohortbook.tables.style import general
from cohortbook.tables.tables import decimal, interval, significant

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cohortbook.plan.endpoints import CompetingStudy, SurvivalStudy
    from cohortbook.plan.model_rows import ModelRow, ModelRows, OddsRatio
    from cohortbook.plan.visits import VisitStudy

#: Points at which a curve is read for its envelope.
POINTS = 400
#: Said in every caption.
_ENDS = f"The time axis ends where half of the cohorts have fewer than {FEW} at risk."


def plot_survival(result: Spread) -> Plot:
    """Draw where the overall curve can run, with the least and the greatest number at risk."""
    studies: tuple[SurvivalStudy, ...] = result.parts
    first, curves = studies[0], [study.overall for study in studies]
    plan = first.plan
    figure, axis, risk = with_risk(3, head=0)
    shade_entry(axis, first)
    grid = _grid_of(studies)
    found = _envelope(axis, grid, [curve.at(grid)["estimate"] for curve in curves], COLOURS[0], "")
    finish_survival(axis, first)
    tables = [curve.table for curve in curves]
    rows = [("At risk", tables, None), ("Events", tables, "events"), ("Censored", tables, "censored")]
    time_axis(axis, risk, rows, plan.origin, plan.unit, last=grid[-1])
    _mark(figure, len(curves))
    return Plot(
        name="survival", figure=figure,
        alt=f"Where the Kaplan-Meier curve can run, {uncapital(plan.label)}: {_at_end(grid, found, plan.unit)}.",
        caption=f"{plan.label}, Kaplan-Meier: a line a cohort, shaded from the least to the greatest. Below: the number at "
        f"risk, and events and censored so far, likewise. {_ENDS} {ranges_note(len(curves), intervals=False)}",
    )  # fmt: skip


def plot_strata(result: Spread) -> tuple[Plot, ...]:
    """Draw where the curves of each stratifying variable's levels can run."""
    return tuple(_plot_stratum(result.parts, k) for k, stratum in enumerate(result.parts[0].strata) if stratum.curves)


def _plot_stratum(studies: Sequence[SurvivalStudy], k: int) -> Plot:
    first, strata = studies[0], [study.strata[k] for study in studies]
    levels = _by_level(strata, lambda stratum: ((curve.group, curve) for curve in stratum.curves))
    p = spread_of([stratum.test.p_value for stratum in strata])
    figure, words = _by_group(
        levels, _grid_of(studies), strata[0].label, first.plan.origin, first.plan.unit,
        finish=lambda axis: finish_survival(axis, first), n=len(studies),
    )  # fmt: skip
    return Plot(
        name=f"survival-{strata[0].name.replace('_', '-')}", figure=figure, alt=f"Where Kaplan-Meier curves can run. {words}.",
        caption=f"{first.plan.label} by {strata[0].label}, Kaplan-Meier: a line a cohort and level, shaded from the least to "
        f"the greatest. P between the levels: {p}. Below: numbers at risk, and events and censored so far. "
        f"{_ENDS} {ranges_note(len(studies), intervals=False)}",
    )  # fmt: skip


def plot_competing(result: Spread) -> Plot:
    """Draw where the cumulative incidences of the event and of death before it can run."""
    studies: tuple[CompetingStudy, ...] = result.parts
    first, events = studies[0], [study.event for study in studies]
    causes = [wrapped(cause, 20) for cause in (first.event.cause, first.death.cause)]
    figure, axis, risk = with_risk(4 + sum(cause.count("\n") for cause in causes), head=0)
    grid, words = _grid(events, max(first.plan.landmarks, default=0)), []
    for curves, colour in (([study.death for study in studies], MUTED), (events, COLOURS[1])):
        found = _envelope(axis, grid, [curve.at(grid)["estimate"] for curve in curves], colour, curves[0].cause)
        words.append(f"{curves[0].cause}, {_at_end(grid, found, first.survival.unit)}")
    axis.legend(fontsize=8, frameon=False, loc="upper left")
    axis.set(ylim=(0, 1), ylabel="Cumulative incidence")
    tables = [curve.table for curve in events]
    rows = [("At risk", tables, None), (causes[0], tables, "events"), (causes[1], tables, "other events"),
            ("Censored", tables, "censored")]  # fmt: skip
    time_axis(axis, risk, rows, first.survival.origin, first.survival.unit, last=grid[-1])
    _mark(figure, len(studies))
    return Plot(
        name="incidence", figure=figure, alt=f"Where cumulative incidence can run: {'; '.join(words)}.",
        caption=f"Cumulative incidence of {uncapital(first.plan.label)} with death competing (Aalen-Johansen): a line a "
        "cohort, shaded from the least to the greatest. The event counts when it was seen. Below: the number at risk, and "
        f"events and censored so far, likewise. {_ENDS} {ranges_note(len(studies), intervals=False)}",
    )  # fmt: skip


def plot_competing_groups(result: Spread) -> tuple[Plot, ...]:
    """Draw where the cumulative incidence of the event can run in the levels of each stratifying variable."""
    return tuple(_plot_competing_group(result.parts, k) for k, group in enumerate(result.parts[0].groups) if group.curves)


def _plot_competing_group(studies: Sequence[CompetingStudy], k: int) -> Plot:
    first, groups = studies[0], [study.groups[k] for study in studies]
    levels = _by_level(groups, lambda group: ((level, event) for level, event, _ in group.curves))
    grid = _grid([study.event for study in studies], max(first.plan.landmarks, default=0))
    highest = max(float(curve.incidence[curve.times <= grid[-1]].max(initial=0)) for curves in levels.values()
                  for curve in curves)  # fmt: skip

    def finish(axis: Axes) -> None:
        label = wrapped(f"Cumulative incidence: {first.event.cause}", 34)
        axis.set(ylim=(0, min(1.0, max(0.1, 1.45 * highest))), ylabel=label)

    figure, words = _by_group(
        levels, grid, groups[0].label, first.survival.origin, first.survival.unit, finish=finish, n=len(studies),
    )  # fmt: skip
    return Plot(
        name=f"incidence-{groups[0].name.replace('_', '-')}", figure=figure,
        alt=f"Where cumulative incidence can run. {words}.",
        caption=f"Cumulative incidence of {uncapital(first.plan.label)} by {groups[0].label}, death competing "
        "(Aalen-Johansen): a line a cohort and level, shaded from the least to the greatest. The vertical axis ends where "
        f"the curves do. Below: the number at risk, and events and censored so far. "
        f"{_ENDS} {ranges_note(len(studies), intervals=False)}",
    )  # fmt: skip


def plot_model(result: Spread) -> Plot | Absent:
    """Draw where the odds ratio of each term can lie by each method, and how far its interval can reach."""
    found: list[ModelRows] = [one for one in result.parts if one]
    if not found:
        return result.parts[0]
    names = found[0].model.names
    lines: dict[str, list[ModelRow]] = {}
    for row in (row for one in found for row in one.rows if not row.reference):
        lines.setdefault(f"{names[row.term]}: {row.level}" if row.level else names[row.term], []).append(row)
    methods = [way for way in FOREST if any(ratio_of(row, way[0]) for rows in lines.values() for row in rows)]
    figure, axis = axes(0.27 * len(methods) * len(lines) + 1.3)
    words, step = [], 0.8 / len(methods)
    for y, (name, rows) in enumerate(lines.items()):
        for k, (method, colour, _) in enumerate(methods):
            at = y + step * (k - (len(methods) - 1) / 2)
            said = _odds_ratios(axis, at, [r for row in rows if (r := ratio_of(row, method))], colour)
            axis.text(MOST * 1.3, at, said, va="center", fontsize=8, color=colour)
            words.append(f"{name}, {method}: {said}")
    axis.axvline(1, color=INK, linewidth=0.8)
    axis.set_xscale("log")
    axis.set_xlim(LEAST, MOST)
    axis.set_ylim(len(lines) - 0.5, -0.5)
    ticks = [0.1, 1, 10, 100]
    axis.set_xticks(ticks, [general(t) for t in ticks])
    axis.minorticks_off()
    named_rows(axis, list(lines), 30)
    axis.set_xlabel("Odds ratio (logarithmic scale)")
    bare(axis)
    handles = [axis.plot([], [], color=colour, linewidth=5, label=method)[0] for method, colour, _ in methods]
    figure.legend(handles=handles, loc="outside lower right", ncols=len(handles), fontsize=8, frameon=False)
    _mark(figure, len(found))
    level = decimal(100 * found[0].model.full.confidence_level, 0)
    return Plot(
        name="model-forest", figure=figure, alt=f"Odds ratios: {'; '.join(words)}.",
        caption=f"Odds ratios of {uncapital(found[0].model.outcome_label)}, all candidates together. Thick: from the least "
        f"to the greatest estimate; thin: as far as the {level}% intervals of all cohorts reach, an arrow where they leave "
        f"the axis. {ranges_note(len(found), intervals=False)}",
    )  # fmt: skip


def _odds_ratios(axis: Axes, y: float, ratios: Sequence[OddsRatio], colour: str) -> str:
    """Draw the range of odds ratios and of their intervals, and say it; an infinite one is only said."""
    import numpy as np

    if any(ratio.infinite for ratio in ratios) or not ratios:
        return "no finite estimate" if ratios else "left out"
    low, high = min(r.estimate for r in ratios), max(r.estimate for r in ratios)
    ends = np.nanmin([r.conf_low for r in ratios]), np.nanmax([r.conf_high for r in ratios])
    forest_bar(axis, y, ends, (LEAST, MOST), colour)
    axis.plot([low, high], [y, y], color=colour, linewidth=6, solid_capstyle="butt")
    axis.plot([low, high], [y, y], "|", color=colour, markersize=8, markeredgewidth=2)
    return f"{joined_text([significant(low), significant(high)])} ({interval(*ends, None)})"


def plot_visits(result: Spread) -> Plot | Absent:
    """Draw where the share of the living with the event can lie, and what the day of detection says."""
    import numpy as np

    studies: tuple[VisitStudy, ...] = result.parts
    if reason := next((study.incidence.among_living.reason for study in studies if study.incidence.among_living.reason), ""):
        return Absent(reason)
    first = studies[0]
    grid = _grid([study.detected for study in studies], max(first.plan.landmarks, default=0))
    figure, axis = axes(3.6)
    reads = {
        "of the living": ([study.incidence.among_living.at(grid) for study in studies], COLOURS[0]),
        "with death competing": ([study.incidence.at(grid) for study in studies], COLOURS[2]),
    }
    words = []
    for name, (read, colour) in reads.items():
        low = np.nanmin([one["at_least"] for one in read], axis=0)
        high = np.nanmax([one["at_most"] for one in read], axis=0)
        axis.fill_between(grid, low, high, step="post", color=colour, alpha=0.3, linewidth=1, label=name)
        words.append(f"{name}, {_at_end(grid, np.array([low, high]), first.survival.unit)}")
    detected = [study.detected.at(grid)["estimate"] for study in studies]
    found = _envelope(axis, grid, detected, COLOURS[1], "by day of detection")
    words.append(f"by day of detection, {_at_end(grid, found, first.survival.unit)}")
    axis.set(ylim=(0, 1), xlim=(0, 1.02 * grid[-1]), ylabel=f"{first.plan.label}, share",
             xlabel=f"{first.survival.unit.capitalize()} since {first.survival.origin}")  # fmt: skip
    axis.legend(fontsize=8, frameon=False, loc="upper left")
    _mark(figure, len(studies))
    return Plot(
        name="visits", figure=figure, alt=f"{first.plan.label}. {'; '.join(words)}.",
        caption=f"Share with {uncapital(first.plan.label)} by a time, from the least that visits allow in any cohort to the "
        "most that they allow in any; uncertainty of sampling comes on top. Day of detection: a line a cohort. "
        f"{_ENDS} {ranges_note(len(studies), intervals=False)}",
    )  # fmt: skip


def _grid_of(studies: Sequence[SurvivalStudy]) -> np.ndarray:
    """Return the times at which survival is read, up to the last landmark at least."""
    return _grid([study.overall for study in studies], max((mark.time for mark in studies[0].plan.landmarks), default=0))


def _grid(curves: Sequence[Any], at_least: float) -> np.ndarray:
    """Return the times at which curves are read: as long as half of the cohorts have enough patients at risk."""
    import numpy as np

    last = max(float(curve.times[-1]) for curve in curves)
    grid = np.linspace(0, last, POINTS)
    enough = grid[np.median([curve.table.at_risk(grid) for curve in curves], axis=0) >= FEW]
    return np.linspace(0, min(last, max(enough.max(initial=0), at_least)) or last, POINTS)


def _envelope(axis: Axes, grid: np.ndarray, values: Sequence[Any], colour: str, label: str) -> np.ndarray:
    """Draw a thin line a cohort, and shade from the least to the greatest; return these two, where any cohort has one."""
    import numpy as np

    every = np.array([np.asarray(one, float) for one in values])
    known = ~np.isnan(every).all(axis=0)
    low, high = np.full((2, len(grid)), np.nan)
    low[known], high[known] = np.nanmin(every[:, known], axis=0), np.nanmax(every[:, known], axis=0)
    axis.fill_between(grid, low, high, step="post", color=colour, alpha=0.25, linewidth=0, label=label)
    axis.step(grid, every.T, where="post", color=colour, linewidth=0.5, alpha=0.45)
    return np.array([low, high])


def _by_level(parts: Sequence[Any], curves: Callable[[Any], Iterator[tuple[Any, Any]]]) -> dict[Any, list[Any]]:
    """Bring together the curves of each level; a level that nobody has in some cohort has fewer."""
    found: dict[Any, list[Any]] = {}
    for part in parts:
        for level, curve in curves(part):
            found.setdefault(level, []).append(curve)
    return found


def _by_group(
    levels: dict[Any, list[Any]], grid: np.ndarray, label: str, origin: str, unit: str, *,
    finish: Callable[[Axes], None], n: int,
) -> tuple[Figure, str]:  # fmt: skip
    """Draw envelopes by level over one table of numbers at risk, and say where they end."""
    names = [wrapped(level_name(level), 24) for level in levels]
    lines = sum(name.count("\n") + 1 for name in names)
    figure, axis, risk = with_risk(lines + len(names))
    rows, words = [], []
    for k, (name, curves) in enumerate(zip(names, levels.values(), strict=True)):
        colour = COLOURS[k % len(COLOURS)]
        found = _envelope(axis, grid, [curve.at(grid)["estimate"] for curve in curves], colour, name)
        rows.append((name, [curve.table for curve in curves], None))
        words.append(f"{name}, {_at_end(grid, found, unit)}")
    finish(axis)
    axis.legend(title=wrapped(label, 24), fontsize=8, title_fontsize=8, frameon=False, loc="upper left",
                bbox_to_anchor=(1, 1), alignment="left")  # fmt: skip
    time_axis(axis, risk, rows, origin, unit, below=True, last=grid[-1])
    _mark(figure, n)
    return figure, "; ".join(words)


def _at_end(grid: np.ndarray, found: np.ndarray, unit: str) -> str:
    """Say where an envelope ends."""
    import numpy as np

    last = int(np.flatnonzero(~np.isnan(found[0]))[-1])
    return f"{percents(*found[:, last])} % at {decimal(grid[last], 0)} {unit}"


def _mark(figure: Figure, n: int) -> None:
    """Say on the face of a figure that it is no finding of patients."""
    figure.suptitle(f"RANGES over {n} cohorts that print the same figures", fontsize=8.5, color=COLOURS[1], fontweight="bold",
                    x=0.01, ha="left")  # fmt: skip
