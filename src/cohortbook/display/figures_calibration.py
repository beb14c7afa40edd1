"""The figure of how methods keep their level where events are few."""

from __future__ import annotations

from cohortbook.display.figures import COLOURS, MUTED, Plot, axes, bare, named_rows
from cohortbook.display.level_notes import NAMES
from tallystats.statistics.calibration import KEPT, LEVEL, PATIENTS, Calibration, calibrations

#: Shares further out are drawn at the edge.
_SPAN = {"interval": (75.0, 100.0), "test": (0.0, 15.0)}
_SAYS = {
    "interval": "Samples whose 95 % interval holds the truth, %",
    "test": "Samples whose test rejects a true null hypothesis at 0.05, %",
}


def plot_calibration() -> Plot:
    """Draw the coverage of every interval and the rejection of every test, a row a method, a mark a number of events."""
    found = calibrations()
    lines = {kind: _lines([c for c in found if c.kind == kind]) for kind in _SPAN}
    counts = [len(rows) for rows in lines.values()]
    figure, both = axes(0.22 * sum(counts) + 2.0, rows=2, height_ratios=counts)
    numbers = sorted({c.events for c in found})
    for axis, (kind, rows) in zip(both, lines.items(), strict=True):
        low, high = _SPAN[kind]
        for y, (_, marks) in enumerate(rows):
            for c in marks:
                k = numbers.index(c.events)
                place = min(max(100 * c.share, low), high)
                axis.plot(place, y + 0.12 * (1.5 - k), "o", color=COLOURS[k], markersize=4)
        axis.axvspan(*(100 * end for end in KEPT[kind]), color=COLOURS[2], alpha=0.12, linewidth=0)
        axis.axvline(100 * LEVEL[kind], color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
        axis.set_xlim(low - 0.03 * (high - low), high + 0.03 * (high - low))
        axis.set_ylim(-0.8, len(rows) - 0.2)
        named_rows(axis, [name for name, _ in rows], width=60)
        for label, (_, marks) in zip(axis.get_yticklabels(), rows, strict=True):
            label.set_fontweight("normal" if marks else "bold")
        axis.set_xlabel(_SAYS[kind])
        bare(axis)
    handles = [both[0].plot([], [], "o", color=COLOURS[k], label=f"{n} events")[0] for k, n in enumerate(numbers)]
    figure.legend(handles=handles, loc="outside upper right", ncols=len(numbers), fontsize=8, frameon=False)
    off = [c for c in found if not c.kept]
    return Plot(
        name="calibration",
        figure=figure,
        caption=f"Coverage of intervals and rejection of tests in {PATIENTS} patients, by the number of events expected. "
        "Shaded: the level is kept. Marks at the edge lie beyond it.",
        alt=f"{len(found)} shares, of which {len(off)} miss their level.",
    )


def _lines(found: list[Calibration]) -> list[tuple[str, list[Calibration]]]:
    """Return rows from the bottom up: methods with their marks, and above them, without marks, what they estimate or test."""
    rows = []
    for what in dict.fromkeys(c.what for c in found):
        rows.append((what, []))
        for method in dict.fromkeys(c.method for c in found if c.what == what):
            marks = [c for c in found if (c.what, c.method) == (what, method) and c.share == c.share]
            rows.append((NAMES.get(method, method), marks))
    return rows[::-1]
