"""figures, figures_worth, figures_survival: each says what it shows, keeps its text apart and inside, and saves alike."""

import random
import struct

import pytest

import cohortbook as cb
from cohortbook.display.figures import _STYLE, Plot
from second_study import hips, write_hips


def plots(cohort):
    """Draw every figure of a study that there is something to draw of."""
    comparison, survival, competing = cb.compare_groups(cohort), cb.study_survival(cohort), cb.study_competing(cohort)
    drawn = (
        cb.plot_flow(cohort),
        cb.plot_histograms(cohort),
        cb.plot_outcome_rate(cb.outcome_rate(cohort)),
        cb.plot_effects(comparison),
        cb.plot_adjusted(comparison),
        cb.plot_model(cb.model_rows(cb.study_model(cohort))),
        cb.plot_survival(survival),
        *cb.plot_strata(survival),
        cb.plot_competing(competing),
        *cb.plot_competing_groups(competing),
        cb.plot_schoenfeld(cb.study_cox(cohort)),
    )
    assert all(plot or plot.reason for plot in drawn)
    return [plot for plot in drawn if plot]


def changed(**columns):
    """Simulate hips and change columns by functions of the row's number and values."""
    return [{**row, **{name: make(k, row) for name, make in columns.items()}} for k, row in enumerate(hips())]


LONG = [f"a kind of stem with a name of more than forty letters, number {k}" for k in range(12)]
DRAW = random.Random(11)
CASES = {
    "whole": {},
    "one patient": {"rows": hips(1)},
    "no group": {"rows": changed(stem=lambda k, row: "")},
    "nobody dies": {"rows": changed(dead=lambda k, row: "no")},
    "everybody dies": {"rows": changed(dead=lambda k, row: "yes")},
    "nobody has the outcome": {"rows": changed(limp=lambda k, row: "no")},
    "constant number": {"rows": changed(weight=lambda k, row: "80.5")},
    "number of nobody": {"rows": changed(pain=lambda k, row: "")},
    "infinite above": {"rows": changed(diabetic=lambda k, row: str(int(row["limp"] == "yes" and k % 2)))},
    "infinite below": {"rows": changed(diabetic=lambda k, row: str(int(row["limp"] == "no" and k % 2)))},
    "long names and twelve levels": {
        "rows": changed(stem=lambda k, row: DRAW.choice(LONG)),
        "changes": (
            ("label: Stem", "label: The fixation of the femoral stem at the index operation"),
            ("[cemented, press-fit, hybrid]", str(LONG)),
            ("label: Body weight", "label: Body weight measured on the day before the index operation"),
            ("label: Limping", "label: A limp a year after the operation as the patient says it"),
            ("label: Survival of the patient", "label: Survival of the patient until the last day of the observation"),
            ("label: Revision", "label: Revision of the stem or of the cup or of both at the same time"),
            ("label: Weight known", "label: A long list of what a registry may ask before it lets a hip in with weight known"),
        ),
    },
    "thousands": {"rows": [{**row, "hip": f"{k}-{row['hip']}"} for k in range(20) for row in hips()]},
}


#: Drawn in every run of the tests; the others by `make test-all`.
QUICK = {"whole", "one patient", "long names and twelve levels"}


@pytest.fixture(
    scope="module", params=[pytest.param(name, id=name, marks=[] if name in QUICK else pytest.mark.slow) for name in CASES]
)
def drawn(request, tmp_path_factory):
    case = CASES[request.param]
    folder = tmp_path_factory.mktemp("figures")
    return plots(cb.load_cohort(write_hips(folder, *case.get("changes", ()), rows=case.get("rows"))))


def texts(plot):
    """Every text that drawing a figure draws, with its box in pixels; the layout is settled first."""
    import matplotlib as mpl
    from matplotlib.text import Text

    drawn, draw = [], Text.draw

    def recorded(self, renderer):
        if self.get_visible() and self.get_text().strip():
            drawn.append(self)
        draw(self, renderer)

    with mpl.rc_context(_STYLE), pytest.MonkeyPatch.context() as patch:
        plot.figure.draw_without_rendering()
        plot.figure.set_layout_engine("none")
        patch.setattr(Text, "draw", recorded)
        plot.figure.draw_without_rendering()
    return [(text.get_text(), text.get_window_extent()) for text in drawn]


def test_every_plot_says_what_it_shows(drawn):
    assert len({plot.name for plot in drawn}) == len(drawn) >= 4
    for plot in drawn:
        assert plot.caption.endswith(".")
        assert plot.alt.endswith(".")
        assert "nan" not in plot.caption + plot.alt
        assert "None" not in plot.caption + plot.alt


def test_no_text_is_clipped_or_overlaps(drawn):
    for plot in drawn:
        width, height = plot.figure.canvas.get_width_height()
        boxes = texts(plot)
        assert boxes
        for text, box in boxes:
            assert box.x0 >= -1, (plot.name, text)
            assert box.y0 >= -1, (plot.name, text)
            assert box.x1 <= width + 1, (plot.name, text)
            assert box.y1 <= height + 1, (plot.name, text)
        for k, (text, box) in enumerate(boxes):
            for other, its in boxes[k + 1 :]:
                across = min(box.x1, its.x1) - max(box.x0, its.x0)
                down = min(box.y1, its.y1) - max(box.y0, its.y0)
                assert min(across, down) <= 1.5, (plot.name, text, other)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return cb.load_cohort(write_hips(tmp_path_factory.mktemp("whole")))


def test_a_clipped_text_would_be_seen(whole):
    plot = cb.plot_survival(cb.study_survival(whole))
    plot.figure.text(0.95, 0.5, "far too far to the right")
    width, _ = plot.figure.canvas.get_width_height()
    assert any(box.x1 > width for _, box in texts(plot))


def test_figures_are_saved_alike_at_300_dpi(whole, tmp_path):
    survival, rate = cb.study_survival(whole), cb.outcome_rate(whole)
    for draw, result in ((cb.plot_survival, survival), (cb.plot_outcome_rate, rate)):
        plot, again = draw(result), draw(result)
        plot.save(tmp_path)
        png = (tmp_path / f"{plot.name}.png").read_bytes()
        svg = (tmp_path / f"{plot.name}.svg").read_bytes()
        size = struct.unpack(">II", png[16:24])
        assert size == tuple(round(300 * inches) for inches in plot.figure.get_size_inches()), plot.name
        at = png.index(b"pHYs")
        assert struct.unpack(">II", png[at + 4 : at + 12]) == (11811, 11811), "pixels a metre"
        assert svg.startswith(b"<?xml")
        assert again.rendered("svg") == svg, plot.name
    assert again.rendered("png") == png
    assert not list(tmp_path.glob(".*"))


def test_plot_shows_itself_with_caption_and_alt(whole):
    plot = cb.plot_survival(cb.study_survival(whole))
    bundle = plot._repr_mimebundle_()
    assert bundle["application/vnd.cohortbook.figure+json"] == {"name": "survival", "caption": plot.caption, "alt": plot.alt}
    assert bundle["text/plain"] == f"Figure: {plot.caption}\n{plot.alt}"
    assert bundle == plot._repr_mimebundle_()


def test_a_failed_drawing_leaves_the_last_good_figure(whole, tmp_path, monkeypatch):
    plot = cb.plot_survival(cb.study_survival(whole))
    plot.save(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    broken = Plot(name="survival", caption="c.", alt="a.", figure=None)
    with pytest.raises(AttributeError):
        broken.save(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_numbers_at_risk_are_those_of_the_life_table(whole):
    result = cb.study_survival(whole, entry=0)
    plot = cb.plot_survival(result)
    risk = [text.get_text() for text in plot.figure.axes[1].texts]
    rows = [row for row in hips() if row["weight"] and float(row["weight"]) >= 40]
    ticks = plot.figure.axes[0].get_xticks().tolist()
    left = {
        died: [sum(float(row["months"]) <= tick for row in rows if row["dead"] == died) for tick in ticks]
        for died in ("yes", "no")
    }
    at_risk = [sum(float(row["months"]) >= tick for row in rows) for tick in ticks]
    assert risk == ["At risk", *map(str, at_risk), "Events", *map(str, left["yes"]), "Censored", *map(str, left["no"])]


def test_counts_stand_under_each_group(whole):
    result = cb.study_survival(whole, entry=0)
    stratum = result.strata[1]
    plot = cb.plot_strata(result)[1]
    texts = [text.get_text() for text in plot.figure.axes[1].texts]
    tick = plot.figure.axes[0].get_xticks()[2]
    for curve in stratum.curves:
        read = curve.at([tick]).iloc[0]
        assert f"{read['n_risk']:.0f}" in texts
        assert f"{read['n_events']:.0f}; {read['n_censored']:.0f}" in texts


def test_standardised_differences_say_whose_level(whole):
    plot = cb.plot_effects(cb.compare_groups(whole))
    labels = [label.get_text() for label in plot.figure.axes[0].get_yticklabels()]
    assert "Gender: man" in labels
    assert "Body weight, kg" in labels
    values = sorted(float(p.standardised_difference.estimate) for p in cb.compare_groups(whole).rows)
    dots = sorted(line.get_xdata()[-1] for line in plot.figure.axes[0].lines if line.get_marker() == "o")
    assert dots == pytest.approx(values)


def test_rates_elsewhere_are_told_only_where_there_are_any(whole, tmp_path):
    assert "elsewhere" not in cb.plot_outcome_rate(cb.outcome_rate(whole)).caption
    study = write_hips(
        tmp_path, ("label: Limping}", "label: Limping, elsewhere: [{label: A, percent: 40}, {label: B, percent: 1}]}")
    )
    caption = cb.plot_outcome_rate(cb.outcome_rate(cb.load_cohort(study))).caption
    assert "1 of 2 of these lie within" in caption
