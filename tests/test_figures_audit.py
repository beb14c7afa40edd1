"""figures_audit.py: a tile for every printed figure, a range for every result; what is drawn is what the audit says."""

from dataclasses import replace

import pytest

from cohortbook.display.figures import WIDTH
from cohortbook.sections.audit.figures_audit import LABELLED, TILES, plot_ranges, plot_verdicts
from printcheck.audit.audit_words import in_words
from printcheck.audit.verdicts import VERDICTS
from tallystats.results import NotPlanned
from test_layouts_audit import audit_of, disputed, range_of


def texts_of(plot):
    """Return every text that is drawn, with its box in pixels, and the box of the figure."""
    plot.rendered("png", dpi=100)
    renderer = plot.figure.canvas.get_renderer()
    found = [*plot.figure.texts, *(t for axis in plot.figure.axes for t in axis.texts)]
    for axis in plot.figure.axes:
        if axis.axison:
            found += [*axis.get_yticklabels(), axis.xaxis.label]
            low, high = sorted(axis.get_xlim())
            found += [
                t for t, at in zip(axis.get_xticklabels(), axis.get_xticks(), strict=True) if low <= at <= high and t.get_text()
            ]
    return [(t.get_text(), t.get_window_extent(renderer)) for t in found if t.get_text()], plot.figure.bbox


def clipped(plot):
    texts, page = texts_of(plot)
    assert texts
    return [text for text, box in texts if box.x0 < page.x0 or box.x1 > page.x1 or box.y0 < page.y0 - 1 or box.y1 > page.y1 + 1]


def overprinted(plot):
    texts, _ = texts_of(plot)
    return [
        (a, b)
        for k, (a, one) in enumerate(texts)
        for b, other in texts[:k]
        if one.shrunk(0.8, 0.7).overlaps(other.shrunk(0.8, 0.7))
    ]


def tiles(plot, verdict):
    from matplotlib.colors import to_hex

    fill = TILES[verdict][0]
    colour = to_hex(fill)
    return [t for t in plot.figure.axes[0].patches if to_hex(t.get_facecolor()) == colour]


def test_every_verdict_has_its_tile():
    assert list(TILES) == list(VERDICTS)
    assert set(LABELLED) < set(TILES)
    assert len({fill for fill, *_ in TILES.values()}) == len(TILES)


def test_as_many_tiles_as_figures():
    audit = disputed()
    plot = plot_verdicts(audit)
    for verdict, n in audit.counts.items():
        legend = bool(n or verdict == "contradicted")
        assert len(tiles(plot, verdict)) == n + legend, verdict


def test_contradicted_tiles_show_what_is_printed():
    audit = disputed()
    plot = plot_verdicts(audit)
    drawn = [text for text, _ in texts_of(plot)[0]]
    assert {"96", "50.8", "23.2", "?"} <= set(drawn)
    assert "contradicted: 2" in drawn
    assert drawn.count("45") == 1  # the figures of Table 2
    assert f"2 of {len(audit.verdicts)} that can be checked are contradicted" in plot.caption
    assert "; ".join(in_words(audit.study, v.figure) for v in audit.verdicts if v.verdict == "contradicted") in plot.alt


def test_nothing_contradicted_is_said():
    plot = plot_verdicts(audit_of())
    assert "None of 94 that can be checked is contradicted by others." in plot.caption
    assert "contradicted: 0" in [text for text, _ in texts_of(plot)[0]]
    assert isinstance(plot_verdicts(replace(audit_of(), verdicts=())), NotPlanned)


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 4])
@pytest.mark.parametrize("worst", ["compatible", "contradicted"])
def test_tiles_fit_the_page(times, worst):
    audit = disputed()
    verdicts = [replace(v, verdict=worst) for v in audit.verdicts] * times
    plot = plot_verdicts(replace(audit, verdicts=tuple(verdicts)))
    assert plot.figure.get_figwidth() == WIDTH
    assert clipped(plot) == []
    assert overprinted(plot) == []
    axis = plot.figure.axes[0]
    low = min(tile.get_y() for tile in axis.patches)
    right = max(tile.get_x() + tile.get_width() for tile in axis.patches)
    assert low >= axis.get_ylim()[0]
    assert low - axis.get_ylim()[0] < 0.3  # no empty page below
    assert right < WIDTH


def test_few_figures_make_a_small_plot():
    audit = disputed()
    plot = plot_verdicts(replace(audit, verdicts=audit.verdicts[:5]))
    assert plot.figure.get_figheight() < 1.2
    assert clipped(plot) == []


RANGES = (
    range_of("age", 0.2, 0.2, threshold=0.05),
    range_of("smoking during the whole of the pregnancy and before", 0.02, 0.3, threshold=0.05, crosses=True, undefined=12),
    range_of("odds", 2.0, 3.0, group="Odds ratios"),
    range_of("deaths", 1e-9, 0.8, group="Survival", threshold=0.05, crosses=True, rests_on_assumed=True),
)


@pytest.mark.slow
@pytest.mark.parametrize("ranges", [RANGES, RANGES[:1], tuple(RANGES) * 6])
def test_ranges_fit_the_page(ranges):
    plot = plot_ranges(ranges)
    assert clipped(plot) == []
    assert overprinted(plot) == []


def test_a_range_is_a_line_and_what_is_determined_a_dot():
    plot = plot_ranges(RANGES[:2])
    [axis] = plot.figure.axes
    assert axis.get_xscale() == "log"
    dots = [line for line in axis.lines if line.get_marker() == "o"]
    assert [line.get_xdata()[0] for line in dots] == [0.2]
    assert [0.02, 0.3] in [list(line.get_xdata()) for line in axis.lines]
    assert [0.16, 0.16] in [list(line.get_xdata()) for line in axis.lines]
    assert [0.05, 0.05] in [list(line.get_xdata()) for line in axis.lines]
    assert "1 of 2 results are determined; P of 1 lies on both sides of a threshold" in plot.caption


def test_what_rests_on_assumed_values_is_an_illustration():
    plot = plot_ranges(RANGES)
    assert [t for t, _ in texts_of(plot)[0]].count("ILLUSTRATION - rests on assumed values") == 1
    assert "1 of 3 results are determined" in plot.caption
    assert "Survival, Deaths: <0.0001 to 0.800, illustration" in plot.alt
    arrows = [line for line in plot.figure.axes[-1].lines if line.get_marker() == "<"]
    assert [line.get_xdata()[0] for line in arrows] == [1e-4]
    assert "ILLUSTRATION" not in str([t for t, _ in texts_of(plot_ranges(RANGES[:3]))[0]])


def test_sets_of_figures_stand_side_by_side():
    again = [range_of("age", 0.1, 0.1, threshold=0.05, set=f"without Table {k}") for k in (1, 2)]
    plot = plot_ranges([again[0], RANGES[1], again[1]])
    names = [label.get_text() for label in plot.figure.axes[0].get_yticklabels()]
    assert names[:2] == ["Age\nwithout Table 1", "Age\nwithout Table 2"]
    assert "200 cohorts for each of 2 sets of figures" in plot.caption


def test_undefined_results_are_not_drawn():
    nan = float("nan")
    assert isinstance(plot_ranges([range_of("age", nan, nan)]), NotPlanned)
    assert isinstance(plot_ranges(()), NotPlanned)
    assert len(plot_ranges([range_of("age", nan, nan), RANGES[0]]).figure.axes[0].get_yticks()) == 1
