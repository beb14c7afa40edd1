"""several_groups.py of the audit: P values of three and more groups, from printed counts; what is refused, and how."""

import math

import pytest
from numpy.testing import assert_allclose

import births
import cohortbook as cb
from printcheck.audit.audit import audit_study
from studyfile.study.study import StudyError, load_study

HEAD = "id,source,about,variable,level,group,statistic,value,denominator,claim,note"
PUBLISHED = """\
published:
  groups:
    white: {where: {race: white}}
    black: {where: {race: black}}
    other: {where: {race: other}}
    by_race: {compare: race}
"""
SIZES = {"white": 96, "black": 26, "other": 67}
#: variable -> level -> the counts of the three groups
COUNTS = {
    "smoke": {"yes": (52, 10, 12)},
    "ht": {"yes": (5, 3, 4)},
    "band": {"light": (16, 4, 28), "mid": (47, 10, 27), "heavy": (33, 12, 12)},
}


def rows(p_values, counts=COUNTS, statistic="n"):
    for group, size in SIZES.items():
        yield f"size_{group},Table 2,cohort,,,{group},total,{size},,,"
    for variable, levels in counts.items():
        for level, numbers in levels.items():
            for (group, size), n in zip(SIZES.items(), numbers, strict=True):
                value = n if statistic == "n" else f"{100 * n / size:.0f}"
                yield f"{variable}_{level}_{group},Table 2,cohort,{variable},{level},{group},{statistic},{value},{size},,"
    for variable, p in p_values.items():
        yield f"{variable}_p,Table 2,cohort,{variable},,by_race,p,{p},,,"


def write(folder, p_values, *, changes=(), extra=PUBLISHED, **options):
    text = births.STUDY
    for old, new in (("data: births.csv, cluster: centre", "cluster: centre"), *changes):
        assert old in text, old
        text = text.replace(old, new, 1)
    (folder / "study.yml").write_text(text + extra + "reconstruction: {seed: 1, patients: 189}\n", encoding="utf-8")
    (folder / "published.csv").write_text("\n".join([HEAD, *rows(p_values, **options)]) + "\n", encoding="utf-8")
    return folder / "study.yml"


def verdict(audit, id):
    return next(v for v in audit.verdicts if v.figure.id == id)


def test_p_values_are_recomputed_from_printed_counts(tmp_path):
    audit = audit_study(write(tmp_path, {"smoke": "<0.001", "ht": "0.538", "band": "0.05", "age": "0.03", "ui": "0.65"}))
    smoke, ht, band, age, ui = (verdict(audit, f"{name}_p") for name in ("smoke", "ht", "band", "age", "ui"))
    assert (smoke.verdict, smoke.method, smoke.recomputed) == ("reproduced", "Pearson's chi-square test", "<0.0001")
    assert (ht.verdict, ht.method) == ("reproduced by another method", "the Fisher-Freeman-Halton exact test")
    assert band.verdict == "contradicted"
    assert "Pearson's chi-square test gives 0.00" in band.reason
    assert (age.verdict, ui.verdict) == ("not checkable", "not checkable")
    assert "needs every patient's value" in age.reason
    assert "not every count of its table is printed" in ui.reason
    assert [check.figures for check in audit.checks if check.kind == "several_groups"] == [("band_p",)]
    assert "(by arithmetic)" in str(cb.finding(audit))
    assert "contradicted by arithmetic" in str(cb.audit_findings(audit))
    assert "<table" in cb.verdict_table(audit).html


def test_the_planned_test_is_the_stated_one(tmp_path):
    change = (("- {variable: ht}", "- {variable: ht, test: fisher_freeman_halton}"),)
    found = verdict(audit_study(write(tmp_path, {"ht": "0.538"}, changes=change)), "ht_p")
    assert (found.verdict, found.recomputed) == ("reproduced", "0.5381")


def test_percentages_that_several_tables_print(tmp_path):
    counts = {"smoke": COUNTS["smoke"]}
    found = verdict(audit_study(write(tmp_path, {"smoke": "<0.001"}, counts=counts, statistic="percent")), "smoke_p")
    assert (found.verdict, found.method) == ("reproduced", "Pearson's chi-square test")


@pytest.mark.parametrize(
    ("changes", "extra", "message"),
    [
        (
            (
                ("levels: [north, south, closed]", "levels: [north, south]"),
                ("groups: race", "groups: centre"),
                ("  pairwise: tukey\n", ""),
                ("test: welch_anova", "test: welch_t"),
            ),
            "published: {groups: {by: {compare: centre}}}\n",
            "'centre' is category of two levels; expected a binary variable: make one under derived: (member)",
        ),
        ((), "published: {groups: {by: {compare: bwt}}}\n", "'bwt' is continuous; expected binary or category or ordered"),
    ],
)
def test_groups_that_cannot_be_compared_are_refused(tmp_path, changes, extra, message):
    with pytest.raises(StudyError) as caught:
        load_study(write(tmp_path, {}, changes=changes, extra=extra))
    assert message in str(caught.value)


def test_a_ratio_of_three_groups_is_refused(tmp_path):
    path = write(tmp_path, {})
    with (tmp_path / "published.csv").open("a", encoding="utf-8") as file:
        file.write("or,Table 2,cohort,smoke,yes,by_race,odds_ratio,2.0,,,\n")
    with pytest.raises(Exception, match="the odds_ratio of a comparison needs two groups, yes and no; 'race' has 3"):
        audit_study(path)


def test_the_notebooks_test_recomputes_it_from_patients(tmp_path):
    from printcheck.printed.published import read_published
    from printcheck.reconstruct.reprint import reprint

    cohort = births.load(tmp_path, ("linear: {number", PUBLISHED + "linear: {number"))
    (tmp_path / "published.csv").write_text("\n".join([HEAD, *rows({"age": "0.03"})]) + "\n", encoding="utf-8")
    figure = next(f for f in read_published(cohort.study) if f.id == "age_p")
    p_value = reprint(figure, cohort)
    assert not math.isnan(p_value)
    assert_allclose(p_value, cb.compare_groups(cohort).rows[0].test.p_value)
