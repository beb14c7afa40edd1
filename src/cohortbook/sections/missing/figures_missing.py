"""The figure of missing values: which are missing together, and in how many patients."""

from __future__ import annotations

from cohortbook.display.figures import COLOURS, MUTED, PALE, Plot, axes, wrapped
from cohortbook.display.tables import percent
from cohortbook.sections.missing.missing import MissingStudy
from tallystats.results import NotPlanned

#: Rarer patterns than these are drawn in one row, as "others".
MOST = 14


def plot_missing(result: MissingStudy | NotPlanned) -> Plot | NotPlanned:
    """Draw the patterns of missing values: a row a pattern, a column a variable that somebody lacks."""
    if not result:
        return result
    found = result.patterns
    shown = list(zip(found.patterns, found.counts, strict=True))[:MOST]
    rest = found.n - sum(n for _, n in shown)
    labels = [result.labels[term] for term in found.terms]
    missing = {term: sum(n for p, n in zip(found.patterns, found.counts, strict=True) if term in p) for term in found.terms}
    figure, axis = axes(0.27 * (len(shown) + bool(rest)) + 2.0)
    for y, (pattern, _) in enumerate(shown):
        for x, term in enumerate(found.terms):
            lacking = term in pattern
            axis.add_patch(_square(x, y, COLOURS[1] if lacking else PALE))
    rows = [f"{n} ({percent(n, found.n)} %)" for _, n in shown]
    if rest:
        others = len(found.patterns) - len(shown)
        rows.append(f"{rest} ({percent(rest, found.n)} %)")
        axis.text(
            len(labels) / 2 - 0.5,
            len(shown),
            f"{others} rarer pattern{'s' * (others > 1)}",
            ha="center",
            va="center",
            color=MUTED,
            fontsize=8,
        )
    axis.set(xlim=(-0.5, len(labels) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    axis.set_yticks(range(len(rows)), rows)
    few = len(labels) <= 6
    axis.set_xticks(
        range(len(labels)),
        [
            f"{wrapped(label, 16 if few else 30)}\n{missing[term]} missing"
            for term, label in zip(found.terms, labels, strict=True)
        ],
        rotation=0 if few else 60,
        ha="center" if few else "left",
        rotation_mode="anchor",
    )
    axis.xaxis.tick_top()
    axis.tick_params(length=0, labelsize=8)
    for side in axis.spines.values():
        side.set_visible(False)
    words = "; ".join(f"{' and '.join(result.labels[t] for t in p) or 'nothing'} missing in {n}" for p, n in shown)
    return Plot(
        name="missing",
        figure=figure,
        alt=f"Patterns of missing values: {words}.",
        caption=f"What is missing together: a row a pattern with the {result.unit}s who show it, dark where the variable is "
        f"missing. {result.complete} of {result.n} {result.unit}s lack nothing.",
    )


def _square(x: float, y: float, colour: str):
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.46, y - 0.42), 0.92, 0.84, facecolor=colour, linewidth=0)
