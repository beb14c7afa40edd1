"""Small counts are hidden so that an attacker who knows all shown numbers, and the rules, cannot tell them."""

import itertools
import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cohortbook as cb
from cohortbook.display.all_layouts import table_of
from cohortbook.display.tables import HIDDEN_NOTE
from cohortbook.privacy.protect import protect, read_at, safe_times
from second_study import FULL, hips, write_hips
from studyfile.cohort.cohort import CohortError, FlowStep
from studyfile.privacy.cells import greatest, suppress
from studyfile.privacy.counts import bars as bars_of
from studyfile.privacy.counts import protected_flow
from studyfile.privacy.guard import NotShown
from studyfile.study.study import load_study
from tallystats.results import HIDDEN, MARK, Hidden, NotPlanned
from tallystats.survival.curves import kaplan_meier
from tallystats.tally import Tally

# --- the attacker


def solutions(sizes, counts, hidden, below):
    """Try every way to fill the cells; yield what each hidden count would be where all that is shown would be the same.

    The attacker knows the shown counts, that a hidden one is somebody, and that one of the hidden is below the limit.
    """
    shown = {key: sum(sizes[i] for i in cells) for key, cells in counts.items() if key not in hidden}
    for cells in compositions(sum(sizes), len(sizes)):
        values = {key: sum(cells[i] for i in held) for key, held in counts.items()}
        told = [values[key] for key in hidden]
        if all(values[key] == n for key, n in shown.items()) and all(told) and any(n < below for n in told):
            yield {key: values[key] for key in hidden}


def compositions(total, parts):
    """Yield every way to divide a total into parts in order, nobody in some of them too."""
    for bars in itertools.combinations(range(total + parts - 1), parts - 1):
        yield [b - a - 1 for a, b in itertools.pairwise((-1, *bars, total + parts - 1))]


def attack(sizes, counts, hidden, below):
    """Return the hidden counts that one value alone fits, and those that every solution makes small."""
    found = list(solutions(sizes, counts, hidden, below))
    values = {key: sum(sizes[i] for i in counts[key]) for key in hidden}
    assert values in found or not hidden, "the truth is a solution"
    small = [key for key, n in values.items() if n < below]
    known = [key for key in small if len({one[key] for one in found}) == 1]
    surely = [key for key in small if all(one[key] < below for one in found)]
    return known, surely


levels = st.lists(st.integers(0, 9), min_size=2, max_size=4)


@given(levels, st.integers(2, 5))
def test_the_levels_of_a_variable_hold_against_the_attacker(sizes, below):
    total = sum(sizes)
    if total < below:
        return
    counts = {**{i: {i} for i in range(len(sizes))}, "all": set(range(len(sizes)))}
    hidden = suppress(sizes, counts, below, fixed=["all"])
    assert {i for i, n in enumerate(sizes) if 0 < n < below} <= hidden
    known, _ = attack(sizes, counts, hidden, below)
    # Nothing is left to hide where all are: then only the total may tell.
    assert not known or hidden >= {i for i, n in enumerate(sizes) if n}


@given(st.lists(st.integers(0, 6), min_size=4, max_size=4), st.integers(2, 4))
def test_a_recode_beside_its_variable_holds_against_the_attacker(sizes, below):
    if sum(sizes) < below:
        return
    counts = {**{i: {i} for i in range(4)}, "low": {0, 1}, "high": {2, 3}, "all": {0, 1, 2, 3}}
    hidden = suppress(sizes, counts, below, fixed=["all"])
    known, _ = attack(sizes, counts, hidden, below)
    assert not known or hidden >= {key for key, cells in counts.items() if key != "all" and sum(sizes[i] for i in cells)}


@given(levels, st.integers(0, 6), st.integers(2, 4))
def test_missing_values_hold_against_percentages(sizes, missing, below):
    """The percentage of a shown level tells how many have a value, so that number is a count of its own."""
    cells = [*sizes[:3], missing]
    if sum(cells) < below:
        return
    last = len(cells) - 1
    counts = {**{i: {i} for i in range(last)}, "recorded": set(range(last)), "missing": {last}, "all": set(range(last + 1))}
    hidden = suppress(cells, counts, below, fixed=["all"])
    known, _ = attack(cells, counts, hidden, below)
    assert not known or hidden >= {key for key, held in counts.items() if key != "all" and sum(cells[i] for i in held)}
    if 0 < missing < below:
        assert "recorded" in hidden, "percentages are hidden where the number of missing values is"


def test_the_attacker_can_win():
    counts = {"a": {0}, "b": {1}, "all": {0, 1}}
    assert attack([3, 69 - 60], counts, {"a"}, 5) == (["a"], ["a"]), "the smallest alone is no secret"
    assert attack([3, 9], counts, {"a", "b"}, 5) == ([], [])
    assert greatest([3, 9], counts, "a", {"a", "b"}) == 11


def test_nothing_is_hidden_that_need_not_be():
    counts = {**{i: {i} for i in range(4)}, "all": set(range(4))}
    assert suppress([40, 30, 20, 3], counts, 5, fixed=["all"]) == {3, 2}
    assert suppress([40, 30, 2, 3], counts, 5, fixed=["all"]) == {3, 2, 1}, "together they are five, and as good as told"
    assert suppress([40, 30, 4, 4], counts, 5, fixed=["all"]) == {3, 2}
    assert suppress([40, 30, 5, 0], counts, 5, fixed=["all"]) == frozenset()
    assert suppress([40, 30, 1, 0], counts, 5, fixed=["all"]) == {2, 1}, "nobody may be told, and hides nobody"


# --- a hidden number


def test_a_hidden_number_stays_hidden():
    for made in (HIDDEN + 1, 1 - HIDDEN, 100 * HIDDEN / 3, -HIDDEN, abs(HIDDEN), sum([1, HIDDEN])):
        assert isinstance(made, Hidden)
    assert not any([HIDDEN < 5, HIDDEN > 5, HIDDEN <= 5, HIDDEN >= 5, HIDDEN == 5])
    same = HIDDEN
    assert same != HIDDEN
    frame = pd.DataFrame({"n": [3, HIDDEN]})
    assert frame.to_dict("records") == [{"n": 3}, {"n": frame["n"][1]}]
    assert f"{frame['n'][1]:.1f} of 72" == f"{MARK} of 72"


# --- cohorts


def cohort_of(folder, below=5, rows=None, *changes):
    return cb.load_cohort(write_hips(folder, *changes, text=FULL, rows=rows), suppress_below=below)


def test_levels_percentages_and_missing_values_of_a_table(tmp_path):
    table = table_of(cb.descriptive_table(cohort_of(tmp_path, 5), "table-a"))
    rows = {row.cells[0]: row.cells[1:] for row in table.rows}
    assert rows["Not recorded"] == (MARK, "")
    assert [rows[stem][1] for stem in ("cemented", "press-fit", "hybrid")] == [MARK] * 3, "their sum would tell the missing"
    assert sum(rows[stem][0] == MARK for stem in ("cemented", "press-fit", "hybrid")) == 1
    assert rows["Range"][0] == MARK
    assert HIDDEN_NOTE in table.notes
    assert MARK in json.dumps(json.loads(_saved(table, tmp_path)))


def _saved(table, folder):
    table.save(folder)
    return (folder / f"{table.name}.json").read_text(encoding="utf-8")


@pytest.mark.slow
def test_without_a_limit_nothing_changes(tmp_path):
    study = write_hips(tmp_path)
    plain, told = cb.load_cohort(study), cb.load_cohort(study, suppress_below=1)
    for make in (cb.descriptive_tables, cb.numeric_summaries, cb.compare_groups, cb.study_cox, cb.key_results):
        one, other = make(plain), make(told)
        for a, b in zip(one, other, strict=True) if isinstance(one, tuple) else [(one, other)]:
            assert str(table_of(a)) == str(table_of(b))
            assert MARK not in str(table_of(a))
    assert plain.suppress_below == cb.load_cohort(study, suppress_below=0).suppress_below == 0
    assert plain.protection is told.protection is None


def test_the_study_file_hides_and_a_parameter_can_only_hide_more(tmp_path):
    study = write_hips(tmp_path, ("variables:\n", "privacy: {suppress_below: 4}\nvariables:\n"))
    assert [cb.load_cohort(study, suppress_below=n).suppress_below for n in (0, 3, 7)] == [4, 4, 7]
    assert load_study(study).file.privacy.suppress_below == 4
    with pytest.raises(CohortError, match="fewer than 100, so nothing can be shown of them"):
        cb.load_cohort(study, suppress_below=100)


def test_a_small_group_is_not_compared(tmp_path):
    rows = hips()
    limping = [row for row in rows if row["limp"] == "yes"]
    for row in limping[3:]:
        row["limp"] = "no"
    cohort = cohort_of(tmp_path, 5, rows)
    for absent in (cb.outcome_rate(cohort), cb.compare_groups(cohort), cb.study_model(cohort)):
        assert isinstance(absent, NotPlanned)
        assert absent.hidden
        assert absent.reason.startswith("Not shown, to protect patients: a count in it is too small")
    words = str(cb.results_text(cohort, *cb.planned_results(cohort)))
    assert "Some results are not shown, to protect patients." in words
    assert " 3 of 6" not in words


def test_a_row_with_a_small_cell_is_left_out_and_named(tmp_path):
    cohort = cohort_of(tmp_path, 5)
    plain = cb.load_cohort(tmp_path)
    whole, safe = cb.compare_groups(plain), cb.compare_groups(cohort)
    assert {row.term for row in safe.rows} < {row.term for row in whole.rows}
    assert set(safe.withheld) == set(whole.labels) - set(safe.labels)
    for row in safe.rows:
        assert not cohort.protection.small(row.term, "limp")
    for label in safe.withheld:
        shown = [str(table_of(safe)), str(cb.finding(safe))]
        assert all("Not shown" in text and label in text.split("Not shown", 1)[1] for text in shown)
        assert label not in str(cb.effects_table(safe))
    assert safe.n_tests == len(safe.rows)


def test_what_has_no_rule_is_withheld(tmp_path):
    cohort = cohort_of(tmp_path)
    with pytest.raises(NotShown, match="no rule says yet how to keep small counts out of this result"):
        cohort.tally("stem")
    assert protect(object(), cohort) == protect(3.5, cohort)
    assert protect(3.5, cohort).hidden
    assert cb.full_model(cohort).reason.startswith("Not shown")


def test_an_absent_result_passes_through_what_notebooks_call(tmp_path):
    absent = NotPlanned("Not here.")
    for passed in (cb.tests_table(absent), cb.plot_adjusted(absent), cb.effects_table(absent), *cb.plot_strata(absent)):
        assert passed is absent
    assert str(cb.finding(absent)) == str(cb.selection_finding(absent)) == "Not here."


def test_a_scenario_that_leaves_out_few_is_hidden_whole(tmp_path):
    rows = hips()
    few = [row["hip"] for row in rows if row["gender"] == "man"][2:]
    rows = [row | {"gender": "woman"} if row["hip"] in few else row for row in rows]
    text = FULL + "privacy: {suppress_below: 5}\nscenarios:\n  women: {keep: {gender: woman}}\n"
    study = write_hips(tmp_path, text=text, rows=rows)
    planned, women = cb.scenario_results(study)
    assert planned.size > 50
    assert women.size is HIDDEN
    assert all(row.value is HIDDEN for row in women.rows)
    assert any(row.value is not HIDDEN for row in planned.rows)
    assert f"Patients  {MARK}" in " ".join(str(cb.scenario_table([women])).split()).replace("Patients ", "Patients  ")
    cb.save(tmp_path / "women", women)
    saved = json.loads((tmp_path / "women" / "tables" / "key-results.json").read_text())
    assert {row["value"] for row in saved["results"]} == {MARK}


# --- the flow


def step(label, excluded, missing, remaining):
    return FlowStep(label=label, excluded=excluded, excluded_missing=missing, remaining=remaining)


def test_a_small_exclusion_hides_what_remained_before():
    flow = (step("Registered", 3, 0, None), step("In the file", 0, 0, 64), step("Adult", 2, 0, 62), step("Known", 12, 1, 50))
    found = protected_flow(flow, 5)
    assert [s.excluded for s in found[1:]] == [0, HIDDEN, 12] or found[2].excluded is HIDDEN
    assert found[0].excluded is HIDDEN
    assert found[-1].remaining == 50
    assert found[-1].excluded_missing == 0, "how twelve split into one and eleven is not told"
    assert found[1].remaining is HIDDEN
    assert protected_flow(flow, 2)[2] == flow[2]


# --- curves


@given(st.lists(st.tuples(st.integers(1, 60), st.booleans()), min_size=12, max_size=60), st.integers(2, 6))
def test_between_shown_times_nobody_or_many_leave(patients, below):
    rows = pd.DataFrame(patients, columns=["time", "died"]).astype({"time": float})
    if rows["died"].sum() < below:
        return
    curve = kaplan_meier(Tally.from_rows(rows), time="time", event="died")
    times = safe_times([curve], [12, 24], below)
    if not len(times):
        return
    shown = read_at(curve, times)
    for reason in (True, False):
        moments = rows.loc[rows["died"] == reason, "time"]
        cut = np.histogram(moments, [-np.inf, *np.nextafter(times, np.inf), np.inf])[0]
        assert not [n for n in cut if 0 < n < below]
    assert (rows["time"] > times[-1]).sum() >= below
    exact = curve.at(times)["estimate"].fillna(curve.survival[-1])
    np.testing.assert_allclose(shown.survival, exact, rtol=1e-12)
    inside = [t + 0.25 for t in times]
    assert all(isinstance(value, Hidden) for value in shown.at(inside)["estimate"])
    assert all(isinstance(n, Hidden) for n in shown.table.at_risk(inside))
    assert shown.median is HIDDEN or shown.median != shown.median


def test_the_survival_of_a_study_says_at_which_times_it_is_read(tmp_path):
    survival = cb.study_survival(cohort_of(tmp_path, 3))
    assert "read at times between which at least 3 patients leave for each reason" in str(cb.landmark_table(survival))
    assert ("50 % have had the event", "[hidden]", "[hidden]") in [row.cells for row in cb.times_table(survival).rows]
    plot = cb.plot_survival(survival)
    assert "at least 3 patients" in plot.caption


# --- histograms


def test_bars_begin_at_round_numbers_and_hide_what_is_rare(tmp_path):
    assert all(float(edge) % 5 == 0 for edge in bars_of([41.3, 55.2, 108.9]))
    cohort = cohort_of(tmp_path, 5)
    found = cohort.protection.bars("weight")
    assert not [n for *_, n in found if not isinstance(n, Hidden) and 0 < n < 5]
    assert any(isinstance(n, Hidden) for *_, n in found)
    assert "hatched" in cb.plot_histograms(cohort).caption


# --- everything at once


def test_no_small_count_is_in_the_tables_of_a_study(tmp_path):
    cohort = cohort_of(tmp_path, 5)
    tables = [
        *map(table_of, cb.descriptive_tables(cohort)),
        cb.missing_table(cohort),
        cb.flow_table(cohort),
        table_of(cb.numeric_summaries(cohort)),
        table_of(cb.compare_groups(cohort)),
    ]
    for table in tables:
        for column, head in enumerate(table.head):
            if head in ("n", "Missing", "Excluded", "Hips remaining", "Missing, n (%)"):
                counts = [re.match(r"\d+", row.cells[column]) for row in table.rows if "(" not in row.cells[column][:1]]
                small = [int(n[0]) for n in counts if n and 0 < int(n[0]) < 5 and "." not in n.string.split(" ")[0]]
                assert not small, (table.title, head, small)
