"""plan/missing.py and plan/imputed.py: what a study loses to missing values, its extremes, and its imputed regressions."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

import cohortbook as cb
from alike import near
from cohortbook.check import check_study, in_words
from cohortbook.display.all_layouts import table_of
from cohortbook.sections.manuscript.manuscript import methods_text, results_text
from cohortbook.sections.missing.imputed import ImputedCox, ImputedModel
from cohortbook.sections.missing.missing import ComparisonExtremes, MissingStudy, OutcomeExtremes
from missing_cases import pbc
from studies import write_study
from studyfile.study.study import StudyError
from tallystats.missing.pooled import pooled_logistic
from tallystats.results import NotPlanned

matplotlib.use("Agg")

STUDY = """\
study: {title: Cirrhosis, id: row_number, data: pbc.csv}
variables:
  time: {label: Days, kind: count, unit: days}
  died: {label: Death, kind: binary}
  age: {label: Age, kind: continuous, unit: years}
  chol: {label: Cholesterol, kind: count}
  platelet: {label: Platelets, kind: count}
  hepato: {label: Hepatomegaly, kind: binary}
  stage: {label: Stage, kind: ordered, levels: ["1", "2", "3", "4"]}
  swollen: {label: Swollen, kind: binary}
derived:
  high: {label: Cholesterol, from: chol, bands: [{label: low, below: 300}, {label: high, from: 300}]}
  late: {label: Late, from: stage, member: ["3", "4"]}
outcome: {variable: swollen, label: Swelling}
comparison:
  {number: "1", title: T, groups: swollen, group_labels: [Swollen, Not], rows: [{variable: hepato}, {variable: age}]}
model: {number: "2", title: Death, outcome: died, candidates: [age, high, stage]}
survival: {time: time, event: died, label: Survival, cox: [age, hepato, late], strata: [hepato]}
"""
IMPUTE = "missing_data: {method: imputation, imputations: 3, iterations: 2, seed: 4, auxiliary: [platelet]}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("pbc")
    rows = pbc().copy()
    # The outcome is unknown in every twentieth patient.
    rows["swollen"] = rows["hepato"].fillna(False) ^ (np.arange(len(rows)) % 3 == 0)
    rows.loc[::20, "swollen"] = None
    yes = {True: "yes", False: "no"}
    for name in ("died", "hepato", "swollen"):
        rows[name] = [yes.get(v, "") if v is not pd.NA else "" for v in rows[name]]
    rows.to_csv(path / "pbc.csv", index=False)
    return path


def study(folder, *changes, extra=IMPUTE):
    write_study(folder, *changes, extra=extra, text=STUDY)
    return cb.load_cohort(folder)


@pytest.fixture(scope="module")
def cohort(folder):
    return study(folder)


@pytest.fixture(scope="module")
def model(cohort):
    return cb.imputed_model(cohort, cb.study_model(cohort))


@pytest.fixture(scope="module")
def cox(cohort):
    return cb.imputed_cox(cohort, cb.study_cox(cohort))


def test_losses_are_counted_step_by_step(cohort):
    found = cb.missing_study(cohort)
    assert isinstance(found, MissingStudy)
    rows = cohort.tally("died", "age", "chol", "stage", "hepato", "swollen").expand()
    losses = dict(found.losses)
    logistic = losses["Logistic model of Death"]
    assert logistic.terms == ("died", "age", "high", "stage")
    assert logistic.remaining == (418, 418, 284, len(rows.dropna(subset=["chol", "stage"])))
    assert logistic.n_only[-1] == (rows["stage"].isna() & rows["chol"].notna()).sum()
    compared = losses["Comparison, each variable with the groups"]
    assert compared.remaining == (397, len(rows.dropna(subset=["swollen", "hepato"])), 397)
    assert compared.n_only == (21, (rows["hepato"].isna() & rows["swollen"].notna()).sum(), 0)
    assert found.complete == len(rows.dropna())
    assert [one.term for one in found.by_outcome] == ["chol", "hepato", "stage"]


def test_losses_are_shown_and_told(cohort):
    found = cb.missing_study(cohort)
    table = table_of(found)
    assert ("Cholesterol", "134 (32.1)", "128", "284") in [row.cells for row in table.rows]
    assert [row.cells for row in table.rows if row.cells[0] == "Survival"] == [("Survival", "0", "", "418")]
    assert table.head == ("", "Missing, n (%)", "Alone", "Left")
    assert "of 418 patients" in str(cb.finding(found))
    assert "Logistic model of Death, 284" in str(cb.finding(found))
    by_outcome = cb.missing_by_outcome_table(found)
    assert by_outcome.title == "Missing values by swelling"
    assert len(by_outcome.rows) == 3
    plot = cb.plot_missing(found)
    assert plot.caption.endswith(f"{found.complete} of 418 patients lack nothing.")
    assert "nothing missing in" in plot.alt
    plot.rendered("png", dpi=50)


def test_rare_patterns_share_a_row(cohort, monkeypatch):
    monkeypatch.setattr("cohortbook.sections.missing.figures_missing.MOST", 2)
    labels = [text.get_text() for text in cb.plot_missing(cb.missing_study(cohort)).figure.axes[0].get_yticklabels()]
    assert len(labels) == 3
    assert sum(int(label.split(" ")[0]) for label in labels) == 418


def test_nothing_missing_is_said_in_one_line(tmp_path, capsys):
    rows = pbc(1).assign(
        swollen="no",
        died=pbc()["died"].map({True: "yes", False: "no"}),
        hepato=pbc(1)["hepato"].map({True: "yes", False: "no"}),
    )
    rows.loc[:9, "swollen"] = "yes"
    rows.to_csv(tmp_path / "pbc.csv", index=False)
    cohort = study(tmp_path)
    losses = cb.missing_study(cohort)
    assert losses == NotPlanned(
        "No patient lacks a value of the 7 variables that the analyses use: each takes all 418 patients."
    )
    cb.show(cb.finding(losses), losses, cb.plot_missing(losses), cb.missing_by_outcome_table(losses))
    assert capsys.readouterr().out.count("No patient lacks") == 1
    assert str(cb.outcome_extremes(cohort).reason).startswith("Of no patient is the outcome unknown")
    assert str(cb.comparison_extremes(cohort).reason).startswith("Of no patient is the group unknown")
    assert cb.imputed_model(cohort, cb.study_model(cohort)).reason == (
        "No patient lacks a value that the logistic model needs: there is nothing to impute."
    )
    assert cb.imputed_cox(cohort, cb.study_cox(cohort)).reason == (
        "No patient lacks a value that the Cox model needs: there is nothing to impute."
    )
    assert "Complete" not in in_words(check_study(cohort.study))


def test_complete_cases_are_the_default(folder, tmp_path):
    (tmp_path / "pbc.csv").write_text((folder / "pbc.csv").read_text())
    cohort = study(tmp_path, extra="")
    found = cb.imputed_model(cohort, cb.study_model(cohort))
    assert found.reason == (
        "The logistic model rests on the 284 of 418 patients who have all its values; the study file plans no imputation "
        "(`missing_data: {method: imputation}`)."
    )
    assert cb.imputed_cox(cohort, cb.study_cox(cohort)).reason.startswith("The Cox model rests on the 312 of 418 patients")
    assert cb.imputed_model(cohort, NotPlanned("no model")).reason == "no model"
    assert cb.imputed_cox(cohort, NotPlanned("no model")).reason == "no model"


def test_best_and_worst_cases_bound_rate_and_comparison(cohort):
    rate = cb.outcome_extremes(cohort)
    assert isinstance(rate, OutcomeExtremes)
    assert rate.rates.unknown == 21
    assert [row.cells[1] for row in table_of(rate).rows][1:] == [
        f"{rate.rates.observed.events} of 418",
        f"{rate.rates.observed.events + 21} of 418",
    ]
    assert "In 21 patients it is not known" in str(cb.finding(rate))
    compared = cb.comparison_extremes(cohort)
    assert isinstance(compared, ComparisonExtremes)
    (label, cases), (other, numeric) = compared.rows
    assert (label, list(cases), other, list(numeric)) == (
        "Hepatomegaly",
        ["known", "all", "none", "with", "without"],
        "Age, years",
        ["known", "all", "none"],
    )
    assert cases["without"].effect.estimate < cases["known"].effect.estimate < cases["with"].effect.estimate
    assert {found.test.method for found in numeric.values()} == {numeric["known"].test.method}
    # Whoever has the variable counts now; each case puts all of them somewhere.
    assert sum(sum(group.counts) for group in cases["all"].groups) == 418 - cohort.missing("hepato")
    assert "The group of 21 patients is not known." in str(cb.finding(compared))
    assert "with it “Swollen”, without “Not”" in [row.cells[0] for row in table_of(compared).rows]


def test_the_model_is_that_of_the_imputed_data_sets(cohort, model):
    assert isinstance(model, ImputedModel)
    found = model.whole
    assert found.imputation.n_missing == {"stage": 6, "platelet": 11, "chol": 134}
    assert (found.complete, found.fit.n, len(found.imputation.tallies)) == (284, 418, 3)
    for tally in found.imputation.tallies:
        assert tally.columns == ["died", "age", "high", "stage"]
        assert tally.complete().total == 418
    again = pooled_logistic(found.imputation.tallies, outcome="died", terms=("age", "high", "stage"))
    assert again.pooled.estimates == near(found.fit.pooled.estimates)
    assert set(found.fit.terms) == {"intercept", "age", "high: high", "stage: 2", "stage: 3", "stage: 4"}
    assert set(found.fit.joint) == {"stage"}
    table = table_of(model)
    assert [row.cells[0] for row in table.rows][-1] == "Stage: all levels together"
    assert table.rows[-1].cells[2].startswith("F(3, ")
    assert "predictive mean matching (5 donors): Platelets (11), Cholesterol (134)" in " ".join(table.notes)
    assert "rests on 418 patients instead of the 284 complete ones" in str(cb.finding(model))


def test_the_same_seed_gives_the_same_model(cohort, model):
    pd.testing.assert_frame_equal(cb.imputed_model(cohort, model.study).frame, model.frame)


def test_levels_put_together_are_imputed_themselves(cohort, cox):
    assert isinstance(cox, ImputedCox)
    (one,) = cox.models
    # Of stage the model asks only whether it is late.
    assert one.imputation.n_missing == {"late": 6, "platelet": 11, "hepato": 106}
    assert one.fit.n == 418
    assert one.complete == 312
    assert table_of(cox).rows[0].cells[0] == "Survival: 161 events in 418 patients, 312 complete"
    assert "the Cox model of survival rests on 418 patients" in str(cb.finding(cox))


def test_a_level_that_no_complete_patient_has(folder, tmp_path):
    rows = pd.read_csv(folder / "pbc.csv", dtype=str)
    rows.loc[rows["stage"].isin(["1", "2"]), "chol"] = None
    rows.to_csv(tmp_path / "pbc.csv", index=False)
    cohort = study(tmp_path, ("cox: [age, hepato, late]", "cox: [age, chol, stage]"))
    model = cb.imputed_model(cohort, cb.study_model(cohort))
    assert "stage: 3" in model.whole.fit.terms
    assert "stage: 3" not in model.study.full.terms
    rows = [row.cells for row in table_of(model).rows]
    assert rows[rows.index(("Stage: 3", "", "", "", "")) + 2] == ("all candidates, complete", "–", "–", "–", "")
    assert "Stage: 3 " in str(cb.finding(model))
    cox = cb.imputed_cox(cohort, cb.study_cox(cohort))
    assert ("Stage: 3, complete", "–", "–", "–", "") in [row.cells for row in table_of(cox).rows]
    assert "Stage: 3 " in str(cb.finding(cox))


def test_times_and_competing_events_are_not_imputed(folder, tmp_path):
    rows = pd.read_csv(folder / "pbc.csv", dtype=str)
    rows.loc[:4, "time"] = None
    rows.to_csv(tmp_path / "pbc.csv", index=False)
    competing = "cox: [age, hepato], competing: {label: Swelling, event: swollen, time: time}"
    cohort = study(tmp_path, ("cox: [age, hepato, late]", competing))
    found = cb.imputed_cox(cohort, cb.study_cox(cohort))
    survival, swelling = found.models
    assert (survival.left_out, survival.fit.n) == (5, 413)
    assert swelling.left_out == 418 - swelling.fit.n > 21
    assert swelling.fit.terms == ("age", "hepato")
    assert f"Times and events are not imputed: 5 left out of {survival.label}." in table_of(found).notes


def test_strata_are_not_left_out_in_silence(folder, tmp_path):
    (tmp_path / "pbc.csv").write_text((folder / "pbc.csv").read_text())
    cohort = study(tmp_path, ("cox: [age, hepato, late]", "cox: [age, hepato], cox_strata: [late]"))
    found = cb.imputed_cox(cohort, cb.study_cox(cohort))
    assert found.reason == (
        "No imputed Cox model is fitted: none heeds the strata or clusters that are planned for the Cox model."
    )


def test_too_few_values_are_refused(folder, tmp_path):
    rows = pd.read_csv(folder / "pbc.csv", dtype=str)
    rows.loc[8:, "platelet"] = None
    rows.to_csv(tmp_path / "pbc.csv", index=False)
    cohort = study(tmp_path)
    assert cb.imputed_model(cohort, cb.study_model(cohort)).reason.startswith("Missing values were not imputed: 'platelet': ")
    assert cb.imputed_cox(cohort, cb.study_cox(cohort)).reason.endswith(
        "patients have a value; at least 10 are needed to draw the others from."
    )


def test_the_text_says_what_was_done(cohort, model):
    results = (cb.missing_study(cohort), cb.outcome_rate(cohort), cb.outcome_extremes(cohort), model.study, model)
    methods = str(methods_text(cohort, *results))
    assert "missing values (Stage; Platelets; Cholesterol) were also imputed by chained equations" in methods
    assert "3 data sets, 2 iterations), whose models held the outcome and all terms, with Platelets as auxiliary" in methods
    assert "as if none, and as if all, of the patients whose outcome is not known had it." in methods
    told = str(results_text(cohort, *results))
    assert "lack nothing that the analyses use" in told
    assert "With missing values imputed, the logistic model of death rests on 418 patients" in told


def test_small_counts_stay_hidden(folder, model, cox):
    hidden = cb.load_cohort(folder, suppress_below=7)
    results = (
        cb.missing_study(hidden),
        cb.outcome_extremes(hidden),
        cb.comparison_extremes(hidden),
        cb.imputed_model(hidden, model.study),
        cb.imputed_cox(hidden, cox.study),
    )
    assert all(isinstance(one, NotPlanned) and one.hidden for one in results)
    assert not any(character.isdigit() for one in results for character in one.reason)
    write_study(folder, extra=IMPUTE + "privacy: {suppress_below: 7}\n", text=STUDY)
    assert "Complete" not in in_words(check_study(str(folder)))


def test_check_tells_who_is_complete(cohort):
    assert "  Complete   Logistic model of Death: 284 of 418" in in_words(check_study(cohort.study)).splitlines()


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (
            "missing_data: {method: imputation, auxiliary: [platelets]}\n",
            r"missing_data\.auxiliary\.0: unknown variable 'platelets'; did you mean 'platelet'",
        ),
        ("missing_data: {method: impute}\n", r"missing_data\.method: expected .complete. or .imputation.; found .impute."),
        ("missing_data: {imputations: 1}\n", r"missing_data\.imputations: expected a number of at least 2; found 1"),
    ],
)
def test_errors_of_the_section(folder, tmp_path, section, message):
    (tmp_path / "pbc.csv").write_text((folder / "pbc.csv").read_text())
    with pytest.raises(StudyError, match=message):
        study(tmp_path, extra=section)
