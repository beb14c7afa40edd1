"""Scenarios: a study under another choice, its key results, and which conclusions move."""

import json

import pytest

import cohortbook as cb
from alike import assert_alike
from cohortbook.run import main as run
from cohortbook.sections.scenarios.layouts_scenarios import moved
from cohortbook.sections.scenarios.questions import KeyResult, KeyResults, key_results
from studyfile.study.schema import StudyFile
from studyfile.study.study import StudyError, bundled_studies, load_study
from tiny import STUDY, load

SCENARIOS = """\
scenarios:
  no_z: {label: Without z, drop: {kind: [z]}}
  low_dose: {keep: {dose: {max: 20}}}
  early: {plan: {survival: {landmarks: [{label: 2 weeks, time: 2}]}}}
"""


def study(folder, *changes, scenarios=SCENARIOS):
    load(folder, *changes, text=STUDY + scenarios)
    return folder


@pytest.mark.parametrize("name", sorted(p.name for p in bundled_studies().iterdir() if (p / "study.yml").is_file()))
def test_a_study_file_can_be_written_down_and_read_again(name):
    file = load_study(name).file
    assert StudyFile.model_validate(file.model_dump(by_alias=True, exclude_unset=True)) == file
    for scenario in file.scenarios:
        assert load_study(f"{name}@{scenario}").title.startswith(file.study.title)


def test_patients_are_left_out_by_a_step_of_their_own(tmp_path):
    planned = cb.load_cohort(study(tmp_path))
    low = cb.load_cohort(f"{tmp_path}@low_dose")
    assert (planned.size, low.size) == (4, 2)
    step = low.flow[-1]
    assert (step.label, step.excluded, step.excluded_missing, step.remaining) == ("low dose", 2, 1, 2)
    without = cb.load_cohort(f"{tmp_path}@no_z")
    assert (without.flow[-1].label, without.size) == ("Without z", 3)  # one kind is missing
    assert without.study.title == "Four (Without z)"


def test_the_plan_is_changed_where_the_scenario_says(tmp_path):
    changed = load_study(f"{study(tmp_path)}@early").file
    assert [mark.time for mark in changed.survival.landmarks] == [2]
    assert changed.survival.event == load_study(tmp_path).file.survival.event
    assert changed.comparison == load_study(tmp_path).file.comparison


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("  a: {label: A}\n", "a scenario takes keep, drop or plan; without one it changes nothing"),
        ("  a: {drop: {kind: w}}\n", "scenarios.a.drop.kind: 'kind' has no level 'w'"),
        ("  a: {drop: {dose: 10}}\n", "drop: dose: takes levels; for numbers, say whom to keep with min and max"),
        ("  a: {drop: {knid: x}}\n", "scenarios.a.drop.knid: unknown variable 'knid'; did you mean 'kind'?"),
        ("  a: {plan: {variables: {dose: {}}}}\n", "plan: variables: expected a section of the plan: "),
        ("  a: {plan: {modle: {entry: 0.1}}}\n", "survival; did you mean 'model'?"),
        ("  a: {plan: {model: {entyr: 0.1}}}\n", "model: entyr: unknown key; did you mean 'entry'?"),
        ("  a: {keep: {ill: maybe}}\n", "maybe"),
    ],
)
def test_what_makes_no_sense_is_told_with_its_key(tmp_path, text, message):
    folder = study(tmp_path, scenarios="")
    path = folder / "study.yml"
    path.write_text(path.read_text() + "scenarios:\n" + text, encoding="utf-8")
    with pytest.raises(StudyError) as found:
        load_study(f"{folder}@a")
    assert message in str(found.value)
    assert "scenarios" in str(found.value) or "variable" in str(found.value)


def test_an_unknown_scenario_is_told_from_the_known(tmp_path):
    with pytest.raises(StudyError, match="no scenario 'no_y'; did you mean 'no_z'\\?; known: no_z, low_dose, early"):
        load_study(f"{study(tmp_path)}@no_y")


def test_a_folder_may_have_the_mark_in_its_name(tmp_path):
    folder = tmp_path / "a@b"
    folder.mkdir()
    assert load_study(study(folder)).title == "Four"
    assert load_study(f"{folder}@early").title == "Four (early)"


def test_key_results_are_what_the_notebooks_show(tmp_path):
    cohort = cb.load_cohort(study(tmp_path))
    rows = {row.name: row for row in key_results(cohort).rows}
    assert rows["rate"].value == pytest.approx(50)
    assert rows["compare dose"].value == pytest.approx(cb.compare_groups(cohort).rows[0].test.p_value, rel=1e-12, nan_ok=True)
    assert rows["selected"].words in ("no term", "no model", "Ill")
    # Two weeks, three censored, five: 3/4 after the first.
    assert rows["survival 3 weeks"].value == pytest.approx(75)


def test_results_kept_before_are_read_again(tmp_path):
    folder = study(tmp_path / "s") if (tmp_path / "s").mkdir() is None else None
    now = cb.scenario_results(folder)
    assert [result.scenario for result in now] == ["", "no_z", "low_dose", "early"]
    for result in now:
        cb.save(tmp_path / "kept" / (result.scenario or "as-planned"), result)
    kept = json.loads((tmp_path / "kept/early/tables/key-results.json").read_text())
    kept["results"][0]["value"] = 12.5
    (tmp_path / "kept/early/tables/key-results.json").write_text(json.dumps(kept))
    again = cb.scenario_results(folder, tmp_path / "kept")
    assert_alike(again[:3], now[:3])
    assert again[3].rows[0].value == 12.5


def p(value, threshold=0.05):
    return KeyResult(name="p", label="P of x", group="g", value=value, threshold=threshold)


@pytest.mark.parametrize(
    ("result", "planned", "expected"),
    [
        (p(0.04), p(0.06), True),
        (p(0.05), p(0.06), False),  # not below
        (p(0.04), p(0.01), False),
        (p(0.04), p(0.04, 0.001), True),
        (p(float("nan")), p(0.04), False),
        (None, p(0.04), False),
        (p(0.04), None, False),
    ],
)
def test_a_conclusion_moves_when_p_changes_sides(result, planned, expected):
    assert moved(result, planned) is expected


def test_the_table_marks_what_moves_and_the_finding_says_it():
    ends = [KeyResult(name="e", label="End", group="h", words=words) for words in ("A", "A", "B")]
    results = [
        KeyResults(scenario=name, label=label, size=size, rows=(p(value, threshold), end))
        for name, label, size, value, threshold, end in [
            ("", "As planned", 9, 0.06, 0.05, ends[0]),
            ("a", "One", 8, 0.04, 0.05, ends[1]),
            ("b", "Two", 9, 0.06, 0.1, ends[2]),
        ]
    ]
    table = cb.scenario_table(results)
    assert [row.cells for row in table.rows] == [
        ("Patients", "9", "8", "9"),
        ("g", "", "", ""),
        ("P of x", "0.06", "0.04 *", "0.06 *"),
        ("h", "", "", ""),
        ("End", "A", "A", "B *"),
    ]
    assert table.notes[0].startswith("* Another conclusion than as planned")
    said = str(cb.scenario_finding(results))
    assert "**One** (8 patients): P of x (P 0.06 as planned, P 0.04 here)." in said
    assert "P of x (P 0.06 against 0.05 as planned, P 0.06 against 0.1 here) and End (A as planned, B here)." in said
    assert said.endswith("0 others stand under every scenario.")
    assert str(cb.scenario_finding(results[:1])) == "No conclusion moves under any of the scenarios."


def test_the_command_names_the_scenarios(tmp_path, capsys):
    assert run(["scenarios", "--study", str(study(tmp_path))]) == 0
    assert capsys.readouterr().out == "as-planned no_z low_dose early\n"
    assert run(["scenarios", "--study", "birthwt"]) == 1
    assert "needs the section 'scenarios'" in capsys.readouterr().err
