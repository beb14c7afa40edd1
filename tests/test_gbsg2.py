"""The study of real women, as its file plans it, held to R (reference/gbsg2.R) and to what a book prints of it."""

import csv
import shutil
from pathlib import Path

import pytest
from numpy.testing import assert_allclose

from cohortbook.sections.audit.undetermined import possible_results
from cohortbook.sections.comparison.analysis import compare_groups, numeric_summaries
from cohortbook.sections.model.models import full_model
from cohortbook.sections.survival.endpoints import study_survival
from cohortbook.sections.survival.hazards import study_cox
from printcheck.audit.audit import audit_study
from studyfile.cohort.cohort import load_cohort
from studyfile.study.study import bundled_studies
from tallystats.results import NotPlanned

with (Path(__file__).parent / "reference" / "gbsg2.csv").open(encoding="utf-8") as file:
    R = {(row["what"], row["term"]): float(row["value"]) for row in csv.DictReader(file)}


METHODS = {"Mann-Whitney U": "mann_whitney", "Pearson chi-square": "pearson_chi_square"}


@pytest.fixture(scope="module")
def women():
    return load_cohort("gbsg2")


def values(what):
    """Return the reference values of one statistic by term, as R names it."""
    return {term: value for (name, term), value in R.items() if name == what}


def test_numbers_of_women(women):
    found = {summary.term: summary for summary, _ in numeric_summaries(women).parts}
    for what, attribute in (("mean", "mean"), ("sd", "std_dev")):
        for term, value in values(what).items():
            assert_allclose(getattr(found[term], attribute), value, rtol=1e-12)


def test_women_with_and_without_hormonal_therapy(women):
    tested = 0
    for row in compare_groups(women).rows:
        expected = R[METHODS[row.test.method], row.term]
        assert_allclose(row.test.p_value, expected, rtol=1e-8)
        tested += 1
    assert tested == len(values("mann_whitney")) + len(values("pearson_chi_square"))


def test_survival_without_recurrence(women):
    survival = study_survival(women)
    at = survival.overall.at([float(time) for time in values("survival")])
    for column, what in (
        ("estimate", "survival"),
        ("conf_low", "survival_low"),
        ("conf_high", "survival_high"),
        ("n_risk", "at_risk"),
    ):
        assert_allclose(at[column], list(values(what).values()), rtol=1e-10)
    assert survival.overall.median == R["median", "time"]
    assert {s.name: s.tests[0].p_value for s in survival.strata} == pytest.approx(values("log_rank"), rel=1e-8)


def test_cox_model_of_all_that_is_recorded(women):
    fit = study_cox(women).fit
    frame = fit.frame.set_index("term")
    assert fit.events == R["events", "cens"]
    names = {"horThTRUE": "horTh", "menostatPost": "menostat: Post", "tgradeII": "tgrade: II", "tgradeIII": "tgrade: III"}
    for term, value in values("cox").items():
        mine = frame.loc[names.get(term, term)]
        assert_allclose(mine["estimate"], value, rtol=1e-6)
        assert_allclose(mine["std_error"], R["cox_se", term], rtol=1e-6)


def test_logistic_model_of_grade(women):
    frame = full_model(women).frame.set_index("term")
    names = {
        "(Intercept)": "intercept",
        "premenopausalTRUE": "premenopausal",
        "receptor_positiveTRUE": "receptor_positive: 20 or more",
        "nodes_band4 to 9": "nodes_band: 4 to 9",
        "nodes_band10 or more": "nodes_band: 10 or more",
    }
    for term, value in values("logistic").items():
        mine = frame.loc[names.get(term, term)]
        assert_allclose(mine["estimate"], value, rtol=1e-6)
        assert_allclose(mine["std_error"], R["logistic_se", term], rtol=1e-6)


def test_the_women_print_what_the_book_prints():
    audit = audit_study("gbsg2")
    assert audit.counts["reproduced"] == len(audit.verdicts) > 0
    treated = next(v for v in audit.verdicts if v.figure.id == "hr_horth")
    assert (treated.recomputed, treated.reason) == ("0.7073 (0.5492 to 0.9109)", "the patients in cohort.csv print it")
    nothing = possible_results(audit)
    assert isinstance(nothing, NotPlanned)
    assert nothing.reason == "The patients are in cohort.csv: nothing needs to be drawn from printed figures."


@pytest.mark.slow
def test_a_figure_that_the_patients_do_not_print_is_contradicted(tmp_path):
    shutil.copytree(bundled_studies() / "gbsg2", tmp_path / "gbsg2")
    path = tmp_path / "gbsg2" / "published.csv"
    text = path.read_text(encoding="utf-8").replace("1.050 (1.035-1.065)", "1.050 (1.035-1.056)")
    path.write_text(text.replace("n,299,686", "n,298,686"), encoding="utf-8")
    found = {v.figure.id: v for v in audit_study(tmp_path / "gbsg2").verdicts}
    nodes, events = found["hr_pnodes"], found["events"]
    assert (nodes.verdict, nodes.reason) == ("contradicted", "the patients in cohort.csv give 1.0500 (1.0348 to 1.0654)")
    assert (events.verdict, events.reason) == ("contradicted", "the patients in cohort.csv give 299")
