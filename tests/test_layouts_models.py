"""layouts_models.py and layouts_survival.py: what the tables of models and of survival show."""

import pytest

import cohortbook as cb
from cohortbook.display.tables import decimal, interval, p_value, significant
from cohortbook.sections.model.layouts_models import problem_notes
from second_study import hips, write_hips


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return cb.load_cohort(write_hips(tmp_path_factory.mktemp("hips")))


@pytest.fixture(scope="module")
def model(cohort):
    return cb.study_model(cohort, removal="lr", confidence_level=0.99)


@pytest.fixture(scope="module")
def survival(cohort):
    return cb.study_survival(cohort, confidence_level=0.9)


def cells(table):
    return [row.cells for row in table.rows]


def test_full_model_shows_wald_p_in_the_planned_order(model, tmp_path):
    rows = cells(cb.table_of(model))
    assert rows == [(model.labels[c], p_value(model.full.p_value(c))) for c in model.full.terms[1:]]
    study = write_hips(tmp_path, ("  entry: 0.2\n", "  entry: 0.2\n  rows: [diabetic, stem]\n  p_decimals: 3\n"))
    table = cb.table_of(cb.study_model(cb.load_cohort(study)))
    assert [row[0] for row in cells(table)] == ["Diabetes", "Stem: press-fit", "Stem: hybrid", "Body weight, kg"]
    assert cells(table)[0][1] == f"{model.full.p_value('diabetic'):.3f}"
    assert table.name == "table-3"


def test_odds_ratios_alone_and_together(model):
    table = cb.full_model_table(model)
    assert table.head == ("", "Odds ratio", "99% interval", "P")
    assert len(table.rows) == 5 * 4
    together = model.firth.frame.set_index("term").loc["diabetic"]
    alone = model.univariable[2][0].frame.set_index("term").loc["diabetic"]
    assert cells(table)[-1] == (
        "all candidates, Firth",
        significant(together["odds_ratio"]),
        interval(together["odds_ratio_low"], together["odds_ratio_high"], None),
        p_value(together["p_value"]),
    )
    assert cells(table)[-4] == (
        "alone, maximum likelihood",
        significant(alone["odds_ratio"]),
        interval(alone["odds_ratio_low"], alone["odds_ratio_high"], None),
        p_value(alone["p_value"]),
    )


def test_every_step_shows_what_is_in_and_what_is_not(model):
    table = cb.selection_table(model)
    steps = model.selection.steps
    assert next(row.cells[0] for row in table.rows if row.kind == "heading") == (
        f"Step 0: intercept alone; −2 log likelihood {decimal(-2 * steps[0].log_likelihood, 3)}"
    )
    assert sum(row.kind == "heading" for row in table.rows) == len(steps)
    assert sum(row.kind == "level" for row in table.rows) == sum(
        len(s.inside) + len(s.outside) + len(s.columns) + (len(s.outside) > 1) for s in steps
    )
    assert [row.cells[0] for row in table.rows if row.cells[0].startswith("…")][:2] == ["… press-fit", "… hybrid"]
    for row in table.rows:
        assert row.kind == "heading" or row.cells[1] in ("in the model, likelihood ratio", "not in the model, score")
    kept = [model.names[t] for t in model.selection.selected]
    assert all(name in table.notes[0] for name in kept)
    assert "below P = 0.2" in table.notes[0]
    assert "above P = 0.25" in table.notes[0]
    assert table.title.endswith("removal by the likelihood ratio")


def test_constant_candidate_is_left_out_by_its_name(tmp_path):
    rows = [{**row, "diabetic": "0"} for row in hips()]
    result = cb.study_model(cb.load_cohort(write_hips(tmp_path, rows=rows)))
    for table in (cb.table_of(result), cb.full_model_table(result)):
        assert "Diabetes is left out: every patient has the same value." in table.notes
        assert not any("diabetic" in note for note in table.notes)
    assert "Diabetes" not in [row[0] for row in cells(cb.table_of(result))]
    assert "diabetic" not in cb.plot_model(cb.model_rows(result)).alt


def test_landmarks_medians_and_rates(survival):
    table = cb.landmark_table(survival)
    assert table.head == ("", "At risk", "Kaplan-Meier, % (90% interval)")
    mark = survival.landmarks.iloc[1]
    assert cells(table)[1] == (
        "5 years",
        decimal(mark["n_risk"], 0),
        f"{decimal(100 * mark['estimate'], 1)} ({interval(100 * mark['conf_low'], 100 * mark['conf_high'], 1)})",
    )
    rates = cb.rate_table(survival)
    assert rates.head[4] == "90% interval"
    assert [row[3] for row in cells(rates)] == [decimal(12 * rate.estimate, 3) for rate in (survival.naive_rate, survival.rate)]


def test_strata_show_events_expected_and_log_rank(survival):
    table = cb.stratum_table(survival)
    assert [row.cells[0] for row in table.rows] == [
        "Stem",
        "cemented",
        "press-fit",
        "hybrid",
        "Weight",
        "under 80 kg",
        "80 kg or more",
    ]
    for stratum, at in ((survival.strata[0], 0), (survival.strata[1], 4)):
        assert table.rows[at].cells[5] == p_value(stratum.test.p_value)
        for curve, row, expected in zip(stratum.curves, cells(table)[at + 1 :], stratum.test.expected, strict=False):
            assert row[1:4] == (str(curve.n), str(curve.events), decimal(expected, 1))
    observed = sum(curve.events for curve in survival.strata[1].curves)
    assert sum(survival.strata[1].test.expected) == pytest.approx(observed)


def test_study_without_strata_has_an_empty_table(tmp_path):
    study = write_hips(tmp_path, ("  strata: [stem, heavy]\n", ""))
    result = cb.study_survival(cb.load_cohort(study))
    assert cb.stratum_table(result).rows == ()
    assert cb.plot_strata(result) == ()
    cb.save(tmp_path / "out", cb.stratum_table(result))
    for absent in (cb.group_test_table(result), cb.group_mean_table(result), cb.group_finding(result)):
        assert "plans no comparison of survival between groups" in str(getattr(absent, "reason", absent))


def test_incidence_stands_beside_one_less_kaplan_meier(cohort):
    result = cb.study_competing(cohort, confidence_level=0.9)
    table = cb.table_of(result)
    assert table.head[2] == "Aalen-Johansen, % (90% interval)"
    assert [row[0] for row in cells(table)] == ["Revision", "12 months", "60 months", "Dead", "12 months", "60 months"]
    for row in cells(table):
        if row[1]:
            assert float(row[3]) >= float(row[2].split()[0])


def test_cox_rows(cohort):
    result = cb.study_cox(cohort)
    fit = result.fit
    row = fit.frame.iloc[0]
    assert cells(cb.table_of(result))[:2] == [
        (f"Survival of the patient: {fit.events} events in {fit.n} patients", "", "", "", ""),
        (
            "Body weight, kg",
            significant(row["hazard_ratio"]),
            interval(row["hazard_ratio_low"], row["hazard_ratio_high"], None),
            p_value(row["p_value"]),
            p_value(row["ph_p_value"]),
        ),
    ]


def test_a_reason_that_terms_share_is_given_once():
    assert problem_notes({"a": "too many", "b": "none", "c": "too many"}, {"a": "Age", "c": "Sex: man"}) == [
        "Each of Age; Sex: man: too many.",
        "b: none.",
    ]
