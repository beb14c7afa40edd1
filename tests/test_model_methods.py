"""model_methods.py with its tables and findings: separation, tests side by side, exact odds ratios, predictions."""

import math

import pytest

import cohortbook as cb
from alike import near
from cohortbook.display.tables import interval, p_value, significant
from cohortbook.sections.model.layouts_worth import ratio_in_words
from second_study import hips, write_hips
from studyfile.study.study import StudyError
from tallystats.regression.exact import exact_logistic
from tallystats.regression.flic import firth_predictions
from tallystats.regression.term_tests import term_tests
from test_models import fourfold
from tiny import load

WEIGHT = "  candidates: [weight, stem, diabetic]\n"


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    changes = ((WEIGHT, "  candidates: [stem, diabetic, gender]\n  rows: [diabetic]\n"),)
    return cb.load_cohort(write_hips(tmp_path_factory.mktemp("hips"), *changes))


@pytest.fixture(scope="module")
def model(cohort):
    return cb.study_model(cohort, confidence_level=0.9)


@pytest.fixture(scope="module")
def methods(cohort, model):
    return cb.model_methods(cohort, model)


@pytest.fixture(scope="module")
def weighed(tmp_path_factory):
    """Methods of a model that weights to a tenth of a kilogram are in."""
    cohort = cb.load_cohort(write_hips(tmp_path_factory.mktemp("weighed")))
    return cb.model_methods(cohort, cb.study_model(cohort))


def cells(table):
    return [row.cells for row in table.rows]


def test_methods_are_the_statistics_at_the_models_level(cohort, methods):
    where = {"outcome": "limp", "terms": ("stem", "diabetic", "gender")}
    tally = cohort.tally("limp", "stem", "diabetic", "gender")
    assert methods.exact == near(exact_logistic(tally, confidence_level=0.9, **where))
    assert methods.tests == near(term_tests(tally, **where))
    assert methods.predictions.flac == firth_predictions(tally, **where).flac
    assert set(methods.frame["method"]) == {"wald", "lr", "score", "firth", "exact", "exact mid-P"}
    assert set(methods.frame["term"]) == {"stem", "diabetic", "gender", "model"}


def test_tests_stand_side_by_side_in_the_planned_order(methods):
    table = cb.table_of(methods)
    assert [row[0] for row in cells(table)] == ["Diabetes", "Stem", "Gender", "All together"]
    stem = methods.exact.tests["stem"]
    wanted = [methods.tests.p_value("stem", method) for method in ("wald", "score", "lr")]
    wanted += [methods.model.firth.tests["stem"][2], stem.p_value, stem.mid_p_value]
    assert cells(table)[1][1:] == tuple(map(p_value, wanted))
    assert methods.model.firth.tests["stem"][1] == stem.df == 2


def test_exact_odds_ratios_stand_below_the_others(methods):
    table = cb.full_model_table(methods.model, methods)
    exact = methods.exact.frame.set_index("term").loc["diabetic"]
    row = next(row for row in cells(table) if row[0] == "all candidates, exact")
    assert row[1:] == (
        significant(exact["odds_ratio"]),
        interval(exact["odds_ratio_low"], exact["odds_ratio_high"], None),
        p_value(exact["p_value"]),
    )
    assert sum(row[0] == "all candidates, exact" for row in cells(table)) == 4
    assert len(table.frame) == len(methods.model.frame) + 4
    assert any(note.startswith("Exact: conditional maximum likelihood given all others.") for note in table.notes)


def test_predictions_end_in_their_means(methods):
    table = cb.prediction_table(methods)
    assert table.head == ("Diabetes", "Stem", "Gender", "n", "Observed", "Firth", "FLIC", "FLAC")
    assert len(table.rows) == len(methods.predictions.patterns) + 1 == 13
    *_, n, observed, firth, flic, flac = cells(table)[-1]
    assert (int(n), observed) == (methods.predictions.n, flic)
    assert flic == flac
    assert f"Firth's method predicts {firth} % on average, FLIC {flic} %" in str(cb.prediction_finding(methods))
    assert {row[0] for row in cells(table)[:-1]} == {"yes", "no"}


def test_rare_patterns_of_numbers_are_counted_not_shown(weighed):
    methods = weighed
    table = cb.prediction_table(methods)
    shared = methods.predictions.frame["n"] > 1
    assert 0 < shared.sum() < len(shared)
    assert [int(row[-5]) for row in cells(table)[:-1]] == list(methods.predictions.frame.loc[shared, "n"])
    assert (table.frame["n"] > 1).all()
    left = len(methods.predictions.patterns) - shared.sum()
    assert f"{left} rarer patterns are not shown." in table.notes


def test_what_exact_inference_cannot_do_is_said(weighed):
    """Weights to a tenth of a kilogram tell every outcome apart: the number of events alone is not enough."""
    methods = weighed
    assert set(methods.exact.problems) >= {"stem", "diabetic"}
    table = cb.full_model_table(methods.model, methods)
    assert any(
        "Diabetes: its exact distribution takes more than" in note or "Diabetes: the other terms leave one value" in note
        for note in table.notes
    )
    rows = {row[0]: row for row in cells(cb.table_of(methods))}
    assert rows["Diabetes"][5:] == ("–", "–")
    assert "by Firth's and the exact test" in str(cb.finding(methods))


def test_plan_can_leave_exact_inference_out(tmp_path):
    cohort = cb.load_cohort(write_hips(tmp_path, (WEIGHT, "  candidates: [stem, diabetic]\n  exact: false\n")))
    methods = cb.model_methods(cohort, cb.study_model(cohort))
    table = cb.table_of(methods)
    assert not methods.exact
    assert table.head[-1] == "Firth"
    assert "The study file leaves exact inference out (model: exact: false)." in table.notes
    assert "all candidates, exact" not in [row[0] for row in cells(cb.full_model_table(methods.model, methods))]
    assert "by Firth's test" in str(cb.finding(methods))


@pytest.mark.parametrize(("counts", "sign", "level"), [((6, 4, 0, 9), "+∞", "no"), ((0, 9, 6, 4), "−∞", "yes")])
def test_empty_cell_and_infinite_estimate_are_marked(tmp_path, counts, sign, level):
    cohort = load(tmp_path, rows=fourfold(*counts))
    model = cb.study_model(cohort)
    table = cb.separation_table(model)
    a, b, c, d = counts
    rows = {row.cells[0]: row.cells[1:] for row in table.rows}
    assert rows["Ill"] == ("", "", sign)
    assert rows["yes"][:2] == (str(a), str(b))
    assert rows["no"][:2] == (str(c), str(d))
    assert [rows["yes"][2], rows["no"][2]].count("nobody has it") == 1
    assert rows[level][2] == "nobody has it"
    assert table.notes[0].startswith(
        f"Quasi-complete separation, decided by linear programming before any fit: the terms tell the outcome of "
        f"{max(b if not a else 0, d if not c else 0)} of 19 patients."
    )
    said = str(cb.finding(cb.model_methods(cohort, model)))
    assert "by Wald's test, which an infinite estimate breaks" in said
    assert "the last one still moved an estimate by 1.00" in str(cb.separation_finding(model))


def test_levels_without_separation_are_finite(model):
    table = cb.separation_table(model)
    assert table.notes[0] == "No separation, decided by linear programming before any fit."
    rows = cells(table)
    assert rows[0] == ("Diabetes", "", "", "finite")
    stem = rows.index(("Stem", "", "", ""))
    assert [row[3] for row in rows[stem + 1 : stem + 4]] == ["", "finite", "finite"]
    total = sum(int(row[1]) + int(row[2]) for row in rows[stem + 1 : stem + 4])
    assert total == model.full.n
    assert "converged after" in str(cb.separation_finding(model))


def test_a_number_shows_its_ranges(tmp_path):
    rows = [{**row, "limp": "yes" if row["weight"] and float(row["weight"]) > 78 else "no"} for row in hips()]
    result = cb.study_model(cb.load_cohort(write_hips(tmp_path, (WEIGHT, "  candidates: [weight]\n"), rows=rows)))
    table = cb.separation_table(result)
    assert table.rows[0].cells[3] == "+∞"
    assert " to " in table.rows[0].cells[1]
    assert table.notes[0].startswith("Complete separation")
    assert "Body weight, kg: 78." in str(cb.separation_finding(result))


def test_the_plan_chooses_reference_levels_and_intervals(tmp_path, model):
    changes = (WEIGHT, "  candidates: [stem, diabetic, gender]\n  reference: {stem: hybrid}\n  intervals: profile\n")
    cohort = cb.load_cohort(write_hips(tmp_path, changes))
    found = cb.study_model(cohort, confidence_level=0.9)
    assert found.full.blocks["stem"] == ("stem: cemented", "stem: press-fit")
    before = dict(zip(model.full.terms, model.full.estimates, strict=True))
    after = dict(zip(found.full.terms, found.full.estimates, strict=True))
    assert after["stem: cemented"] == pytest.approx(-before["stem: hybrid"], abs=1e-5)
    assert found.full.intervals == found.univariable[0][0].intervals == "profile"
    assert cb.full_model(cohort).intervals == "profile"
    methods = cb.model_methods(cohort, found)
    assert methods.exact.terms[:2] == ("stem: cemented", "stem: press-fit")
    note = cb.full_model_table(found).notes[0]
    assert note.startswith("Maximum likelihood: profile-likelihood interval, Wald's P.")
    named = [row.name for row in cb.key_results(cohort).rows]
    assert "firth p stem: cemented" in named
    assert "firth p stem: hybrid" not in named


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("reference: {stem: rusty}", "'stem' has no level 'rusty'; its levels: cemented, press-fit, hybrid"),
        ("reference: {diabetic: 'no'}", "'diabetic' is binary; expected category or ordered"),
        ("reference: {shoe: left}", "unknown variable 'shoe'"),
        ("intervals: score", "intervals"),
    ],
)
def test_a_wrong_reference_or_interval_is_an_error_of_the_study_file(tmp_path, line, text):
    with pytest.raises(StudyError, match=text):
        cb.load_cohort(write_hips(tmp_path, (WEIGHT, WEIGHT + f"  {line}\n")))


def test_an_infinite_estimate_has_a_profile_interval_where_the_plan_asks_for_it(tmp_path):
    rows = [{**row, "limp": "no" if row["diabetic"] == "0" else row["limp"]} for row in hips()]
    changes = (WEIGHT, "  candidates: [diabetic]\n  intervals: profile\n")
    result = cb.study_model(cb.load_cohort(write_hips(tmp_path, changes, rows=rows)))
    row = next(row for row in cells(cb.full_model_table(result)) if row[0] == "all candidates, maximum likelihood")
    low = math.exp(result.full.conf_low[1])
    assert row[1:3] == ("no finite estimate", f"{significant(low)} to ∞")


def test_an_absent_model_has_no_methods(tmp_path):
    cohort = cb.load_cohort(write_hips(tmp_path, (WEIGHT, "  candidate_p: 1.0e-9\n")))
    absent = cb.study_model(cohort)
    assert cb.model_methods(cohort, absent) is absent
    for passed_on in (cb.separation_table, cb.prediction_table):
        assert passed_on(absent) is absent
    assert str(cb.prediction_finding(absent)) == absent.reason


def test_patterns_of_few_patients_are_not_shown_where_small_counts_are_hidden(tmp_path):
    write_hips(tmp_path, (WEIGHT, "  candidates: [gender]\n"))
    cohort = cb.load_cohort(tmp_path, suppress_below=4)
    model = cb.study_model(cohort)
    methods = cb.model_methods(cohort, model)
    assert not methods.predictions
    for hidden in (cb.prediction_table(methods), cb.prediction_finding(methods)):
        assert "Not shown, to protect patients" in getattr(hidden, "reason", str(hidden))
    plain = cb.load_cohort(tmp_path)
    assert cells(cb.table_of(methods)) == cells(cb.table_of(cb.model_methods(plain, cb.study_model(plain))))
    strict = cb.load_cohort(tmp_path, suppress_below=15)
    assert cb.study_model(strict).hidden
    assert cb.model_methods(strict, cb.study_model(strict)).hidden


def test_exact_odds_ratios_stand_in_table_and_forest(methods):
    found = cb.model_rows(methods.model, methods)
    exact = methods.exact.frame.set_index("term")
    rows = [row for row in found.rows if not row.reference]
    assert found.exact
    assert [row.exact.estimate for row in rows if row.term == "diabetic"] == [exact.loc["diabetic", "odds_ratio"]]
    assert len(found.frame) == 4 * len(found.rows)
    assert cb.table_of(found).head[-1] == "Together, exact"
    plot = cb.plot_model(found)
    drawn = [text.get_text() for text in plot.figure.axes[-1].texts]
    assert drawn[0] == "exact"
    assert drawn[1:] == [ratio_in_words(row.exact, p=False) for row in rows if row.exact]
    plain = cb.model_rows(methods.model)
    assert not plain.exact
    assert len(cb.plot_model(plain).figure.axes) == len(plot.figure.axes) - 1


def test_an_interval_without_an_end_is_drawn_as_an_arrow():
    from matplotlib import pyplot

    from cohortbook.sections.model.figures_worth import _draw
    from cohortbook.sections.model.model_rows import OddsRatio

    _, axis = pyplot.subplots()
    _draw(axis, OddsRatio(estimate=8.0, conf_low=0.8, conf_high=math.inf, p_value=0.04), 1.0, "k", "^", 0.1, 100)
    assert [(line.get_marker(), *line.get_xdata()) for line in axis.lines[1:]] == [(">", 100), ("^", 8.0)]
    assert list(axis.lines[0].get_xdata()) == [0.8, 100]
    pyplot.close()
