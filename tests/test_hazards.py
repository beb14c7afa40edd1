"""plan/hazards.py and what shows it: Cox models by plan, Firth beside a refused one, both models of competing events."""

import numpy as np
import pytest

import cohortbook as cb
from alike import near
from second_study import FULL, hips, write_hips
from studyfile.study.study import StudyError
from tallystats.results import MARK
from tallystats.survival.cox import cox_regression
from tallystats.survival.cox_firth import firth_cox
from tallystats.survival.fine_gray import fine_gray
from tiny import load


def test_cox_model_takes_entry_strata_and_clusters(tmp_path):
    more = ("  cox: [weight, diabetic]\n", "  cox: [weight, diabetic]\n  cox_strata: [gender]\n  cluster: pain\n")
    cohort = cb.load_cohort(write_hips(tmp_path, more))
    result = cb.study_cox(cohort, confidence_level=0.9)
    tally = cohort.tally("months", "dead", "first_seen", "gender", "pain", "weight", "diabetic")
    options = {"time": "months", "event": "dead", "terms": ("weight", "diabetic"), "confidence_level": 0.9}
    assert result.fit == near(cox_regression(tally, **options, entry="first_seen", strata="gender", robust="pain"))
    assert result.fit.estimates != cox_regression(tally, **options, strata="gender", robust="pain").estimates
    assert result.labels == {"weight": "Body weight, kg", "diabetic": "Diabetes"}
    table = cb.table_of(result)
    assert table.head[2] == "90% interval"
    assert "A baseline hazard for each level of Gender." in table.notes
    said = f"Variance robust against patients of one pain score being alike ({result.fit.clusters} clusters: with fewer than"
    assert any(note.startswith(said) for note in table.notes)
    assert table.rows[-1].cells[0] == "all terms"
    words = str(cb.methods_text(cohort, result))
    assert "baseline hazards for each level of gender, and a variance robust against likeness within pain score" in words


def test_cox_is_refused_with_its_reason_and_firth_stands_beside(tmp_path):
    cohort = load(tmp_path, ("  strata: [ill]\n", "  strata: [ill]\n  cox: [ill, dose]\n"))
    result = cb.study_cox(cohort)
    assert result.fit.refused
    assert result.fit.refused in str(cb.finding(result))
    table = cb.table_of(result)
    assert table.rows[1].cells == ("not fitted", "\u2013", "\u2013", "\u2013", "\u2013")
    assert table.rows[2].cells[0] == "By Firth\u2019s penalised likelihood"
    assert f"Survival, not fitted: {result.fit.refused}." in table.notes
    assert result.frame["refused"].dropna().tolist()[0] == result.fit.refused
    assert cb.plot_schoenfeld(result).reason.endswith(f"{result.fit.refused}.")


def test_monotone_likelihood_is_answered_by_firth(tmp_path):
    # Only those with diabetes die.
    rows = [{**row, "dead": "yes" if row["diabetic"] == "1" else "no"} for row in hips()]
    cohort = cb.load_cohort(write_hips(tmp_path, ("cox: [weight, diabetic]", "cox: [diabetic]"), rows=rows))
    result = cb.study_cox(cohort)
    assert result.fit.refused == "monotone likelihood: every event has the same value of diabetes"
    tally = cohort.tally("months", "dead", "first_seen", "diabetic")
    assert result.firth == near(firth_cox(tally, time="months", event="dead", entry="first_seen", terms=["diabetic"]))
    assert result.firth.frame["hazard_ratio"][0] > 1
    assert "Firth\u2019s method gives finite estimates: Diabetes " in str(cb.finding(result))
    assert "Firth's penalised likelihood was used" in str(cb.methods_text(cohort, result))


def test_nobody_dies_and_nothing_is_modelled(tmp_path):
    rows = [{**row, "dead": "no"} for row in hips()]
    result = cb.study_cox(cb.load_cohort(write_hips(tmp_path, rows=rows)))
    assert (result.fit.refused, result.firth) == ("nobody has the event", None)
    assert result.shown is result.fit


def test_competing_models_stand_side_by_side(tmp_path):
    cohort = cb.load_cohort(write_hips(tmp_path, ("  cox: [weight, diabetic]\n", "  cox: [diabetic]\n")))
    result = cb.study_competing_models(cohort)
    revision, death = result.causes
    assert (revision.cause, death.cause) == ("Revision", "Dead")
    from cohortbook.sections.survival.competing import competing_tally

    tally = competing_tally(cohort, "diabetic")
    late = {"entry": "first_seen", "weights": "finegray"}
    assert revision.sub == near(fine_gray(tally, time="time", cause="cause", of="Revision", terms=["diabetic"], **late))
    assert "at risk from the entry" in " ".join(cb.table_of(result).notes)
    assert revision.firth is None
    row = revision.own.frame.iloc[0]
    cells = cb.table_of(result).rows[1].cells
    assert cells[0] == "Diabetes"
    assert cells[1].startswith(f"{row['hazard_ratio']:.3g}"[:4])
    # At the estimate the score of the cause's own hazard, counted by hand without ties, is zero.
    rows = [row for row in hips() if row["weight"] and float(row["weight"]) >= 40]
    rows = [{**r, "time": float(r["months_to_revision"] if r["revised"] == "yes" else r["months"])} for r in rows]
    rows = [r for r in rows if r["time"] > float(r["first_seen"])]  # who was revised before being seen is not at risk
    assert revision.own.n == len(rows)
    times, entries = (np.array([float(r[name]) for r in rows]) for name in ("time", "first_seen"))
    had = np.array([r["revised"] == "yes" for r in rows])
    x = np.array([r["diabetic"] == "1" for r in rows], float)
    risk = np.exp(x * revision.own.estimates[0])
    there = [(times >= t) & (entries < t) for t in times]
    score = sum(x[i] - (x * risk)[there[i]].sum() / risk[there[i]].sum() for i in np.flatnonzero(had))
    np.testing.assert_allclose(score, 0, atol=1e-4)
    assert "models say the same at 0.05" in str(cb.finding(result)) or "disagree on" in str(cb.finding(result))


def test_competing_models_are_refused_where_events_are_few(tmp_path):
    rows = [{**row, "revised": "yes" if k < 3 else "no", "months_to_revision": row["months"]} for k, row in enumerate(hips())]
    result = cb.study_competing_models(cb.load_cohort(write_hips(tmp_path, rows=rows)))
    revision = result.causes[0]
    why = "3 events for 2 estimated columns; at least 5 for each are needed"
    assert (revision.own.refused, revision.sub.refused) == (why, why)
    table = cb.table_of(result)
    assert f"Revision, cause-specific and Fine and Gray\u2019s model not fitted: {why}." in table.notes
    assert table.rows[1].cells[0] == "Body weight, kg, Firth"
    assert table.rows[1].cells[3:] == ("\u2013", "\u2013")
    said = f"Revision was not modelled: {why}. What Firth\u2019s method gives beside hangs on 3 events."
    assert said in str(cb.finding(result))


@pytest.mark.parametrize("terms", ["[weight, diabetic]", "[stem]"])
def test_schoenfeld_panels_show_line_and_model(tmp_path, terms):
    cohort = cb.load_cohort(write_hips(tmp_path, ("cox: [weight, diabetic]", f"cox: {terms}")))
    result = cb.study_cox(cohort)
    figure = cb.plot_schoenfeld(result).figure
    panels = [axis for axis in figure.axes if axis.lines]
    assert len(panels) == len(result.fit.terms)
    for axis, column, estimate in zip(panels, result.fit.terms, result.fit.estimates, strict=True):
        points, line, model = axis.lines
        assert len(points.get_xdata()) == result.fit.events
        np.testing.assert_allclose(line.get_ydata(), result.fit.residuals.smooth(column)["estimate"])
        assert model.get_ydata()[0] == estimate


def test_references_are_those_of_the_plan(tmp_path):
    more = ("  cox: [weight, diabetic]\n", "  cox: [stem]\n  references: {stem: hybrid}\n")
    cohort = cb.load_cohort(write_hips(tmp_path, more))
    assert cb.study_cox(cohort).fit.terms == ("stem: cemented", "stem: press-fit")
    assert cb.study_competing_models(cohort).causes[1].own.terms == ("stem: cemented", "stem: press-fit")
    first = cb.study_cox(cb.load_cohort(write_hips(tmp_path, ("  cox: [weight, diabetic]\n", "  cox: [stem]\n"))))
    np.testing.assert_allclose(
        first.fit.estimates[1], -cb.study_cox(cohort).fit.estimates[0], rtol=1e-6
    )  # hybrid against cemented, turned round


@pytest.mark.parametrize(
    "line, message",
    [
        ("references: {gender: man}", "'gender' is no term under cox:; its terms: weight, diabetic"),
        ("references: {weight: '80'}", "'weight' is continuous; expected a variable with levels"),
        ("cox_strata: [diabetic]", "'diabetic' is a term under cox: too; expected one or the other"),
        ("cluster: hospital", "'hospital'"),
        ("test_strata: [weight]", "weight"),
        ("tests: [logrank]", "tests"),
        ("tests: []", "tests"),
        ("conf_type: loglog", "conf_type"),
        ("quantiles: [50]", "quantiles"),
        ("restricted_mean: 0", "restricted_mean"),
        ("fleming_harrington: [-1, 0]", "fleming_harrington"),
    ],
)
def test_plan_is_checked(tmp_path, line, message):
    with pytest.raises(StudyError) as caught:
        cb.load_cohort(write_hips(tmp_path, ("  cox: [weight, diabetic]\n", f"  cox: [weight, diabetic]\n  {line}\n")))
    assert message in str(caught.value)


def test_small_counts_hide_what_single_patients_determine(tmp_path):
    text = FULL.replace("  cox: [weight, diabetic]\n", "  cox: [weight]\n") + "privacy: {suppress_below: 3}\n"
    cohort = cb.load_cohort(write_hips(tmp_path, text=text))
    survival, cox = cb.study_survival(cohort), cb.study_cox(cohort)
    times = cb.times_table(survival)
    assert [row.cells[1] for row in times.rows if "%" in row.cells[0]] == [MARK] * 3
    assert times.rows[-1].cells[1] == MARK
    assert cox.fit.residuals is None
    assert "each point is the event of one patient" in cb.plot_schoenfeld(cox).reason
    competing = cb.study_competing(cohort)
    assert not competing or all(
        event.table.shown is not None and death.table.shown is not None
        for group in competing.groups
        for _, event, death in group.curves
    )
    for shown in (cb.group_test_table(survival), cb.group_mean_table(survival), cb.group_incidence_table(competing)):
        assert shown or "to protect" in shown.reason
