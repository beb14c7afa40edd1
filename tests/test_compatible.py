"""compatible.py: cohorts that print what the bundled one prints, where what is asked of them rests on assumed values."""

import pytest

import cohortbook as cb
from cohortbook.cohort.cohort import Cohort
from cohortbook.plan.reprint import reprint
from cohortbook.printed.published import prints_as, read_published
from cohortbook.reconstruct import possible
from cohortbook.results import Spread
from studies import write_study
from test_undetermined import HEAD, ROWS, STUDY

SYNTHETIC = STUDY.replace("study: {title: Ten,", 'study: {data: cohort.csv, synthetic: "Drawn.", title: Ten,').replace(
    "{label: Untold, kind: binary}", "{label: Untold, kind: binary, provenance: assumed}"
)
MORE = """\
reconstruction: {seed: 1, patients: 10, left_out: [{figure: dh, reason: A slip.}]}
scenarios: {no_x: {drop: {x: "yes"}}}
"""
PATIENTS = "id,failed,x,y,z,dose,weeks,died,untold,vast\n" + "".join(
    f"{k},{'yes' if k < 3 else 'no'},no,no,no,11,20,yes,no,1\n" for k in range(10)
)


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """Return a function that writes the study, its file changed, and draws."""
    monkeypatch.delenv("COHORTBOOK_CACHE", raising=False)

    def draw(*changes, scenario="", section="survival", cohorts=12, suppress_below=0, **options):
        text = SYNTHETIC + MORE
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        write_study(tmp_path, text=text)
        (tmp_path / "published.csv").write_text(HEAD + ROWS, encoding="utf-8")
        (tmp_path / "cohort.csv").write_text(PATIENTS, encoding="utf-8")
        patients = cb.load_cohort(f"{tmp_path}{scenario}", suppress_below=suppress_below)
        return patients, cb.compatible_cohorts(patients, section=section, cohorts=cohorts, **options)

    return draw


def test_each_prints_every_figure_but_those_left_out_and_they_differ(drawn):
    patients, spread = drawn()
    assert isinstance(spread, Spread)
    assert len(spread.parts) == 12
    for cohort in spread.parts:
        assert cohort.size == 10
        for figure in read_published(patients.study):
            if figure.id != "dh":
                assert prints_as(figure, reprint(figure, cohort)), figure.id
    left_out = {reprint(next(f for f in read_published(patients.study) if f.id == "dh"), one) for one in spread.parts}
    assert len(left_out) > 1
    assert len({tuple(cohort.data["weeks"]) for cohort in spread.parts}) > 1


def test_the_same_seed_draws_the_same_and_another_others(drawn):
    def columns(spread):
        return [cohort.data.to_dict("list") for cohort in spread.parts]

    first = columns(drawn()[1])
    assert columns(drawn()[1]) == first
    assert columns(drawn(seed=2)[1]) != first


def test_a_scenario_leaves_out_whom_it_leaves_out_in_each(drawn):
    patients, spread = drawn(scenario="@no_x")
    assert {cohort.study.file.study.title for cohort in spread.parts} == {patients.study.file.study.title}
    assert {cohort.size for cohort in spread.parts} == {7}  # three have x, as printed


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (('synthetic: "Drawn.", ', ""), "real patients"),
        (("kind: binary, provenance: assumed}", "kind: binary}"), "nothing assumed"),
        ((MORE, ""), "no reconstruction"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_otherwise_the_patients_are_taken_as_they_are(drawn, change, why):
    patients, found = drawn(change)
    assert found is patients


def test_a_model_asks_for_joint_counts_and_others_for_what_is_assumed(drawn):
    _, model = drawn(section="model")
    joint = {tuple(sorted(zip(cohort.data["x"], cohort.data["y"], strict=True))) for cohort in model.parts}
    assert len(joint) > 1  # each variable's own counts are printed
    patients, compared = drawn(section="comparison")
    assert isinstance(compared, Spread)  # it names an assumed variable
    less = ("         {variable: untold}, {variable: vast}]", "         {variable: vast}]")
    patients, compared = drawn(less, section="comparison")
    assert isinstance(compared, Cohort)
    assert compared is patients


def test_small_counts_are_hidden_in_each(drawn):
    _, spread = drawn(suppress_below=3, cohorts=2)
    assert {cohort.suppress_below for cohort in spread.parts} == {3}


def test_pools_are_kept_and_give_the_same(drawn, tmp_path, monkeypatch):
    first = [cohort.data.to_dict("list") for cohort in drawn()[1].parts]
    monkeypatch.setenv("COHORTBOOK_CACHE", str(tmp_path / "kept"))
    drawn()
    assert list((tmp_path / "kept").glob("drawn-*.json"))
    assert not list((tmp_path / "kept").glob("*.lock"))
    monkeypatch.delattr(possible._Search, "solutions")  # nothing is searched again
    _, spread = drawn()
    assert [cohort.data.to_dict("list") for cohort in spread.parts] == first


def test_too_few_cohorts_are_refused(drawn):
    with pytest.raises(ValueError, match=r"^cohorts: 1; expected 2 or more$"):
        drawn(cohorts=1)


def test_steps_are_told(drawn):
    told = []
    drawn(step=lambda: told.append(1), cohorts=2)
    assert told


def test_the_notebook_says_in_whom_it_computes(drawn):
    patients, spread = drawn()
    text = str(cb.analysed_finding(spread))
    assert text == (
        "**What follows is computed in each of 12 cohorts of 10 patients that print the same figures** and differ in what "
        "these leave open: values that are not printed (Death and Untold are assumed), and which values occur together. "
        "One number means that nothing is left open; a range, that the printed figures do not determine the answer."
    )
    assert str(cb.analysed_finding(patients)) == "All analyses are made in the 10 patients of cohort.csv."
