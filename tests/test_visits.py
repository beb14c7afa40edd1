"""plan/visits.py, its table, figure and finding: an event seen only at visits, of few patients told by hand."""

import numpy as np
import pytest

import cohortbook as cb
from cohortbook.sections.manuscript.manuscript import methods_text
from cohortbook.sections.survival.visits import interval_tally
from studyfile.study.study import StudyError
from tiny import load

HEAD = "id,dose,ill,kind,failed,weeks,died,late\n"
#: failed, day of the CT, last follow-up, died; then the same looked for at visits: with `dose` for the first seen with it.
ONCE = [("no", 1, 2, "yes"), ("yes", 2, 5, "no"), ("no", 3, 6, "yes"), ("yes", 4, 7, "no")]
PLAN = "competing: {{label: Failure, event: failed, time: late, landmarks: [2, 5]{}}}\n  landmarks: [{{label"


def study(folder, patients, more):
    lines = [
        f"{k},{dose},no,x,{failed},{weeks},{died},{late}\n" for k, (failed, late, weeks, died, dose) in enumerate(patients)
    ]
    return load(folder, ("landmarks: [{label", PLAN.format(more)), rows=HEAD + "".join(lines))


def once(folder, patients=ONCE, more=", seen: visit"):
    return study(folder, [(*patient, 1) for patient in patients], more)


def between(folder, patients, more=", seen: between, last_negative: late, first_positive: dose"):
    return study(folder, patients, more)


def test_one_visit_by_hand(tmp_path):
    result = cb.study_visits(once(tmp_path))
    rows = result.landmarks.to_dict("records")
    assert [(r["n_examined"], r["n_events"]) for r in rows] == [(2, 1), (4, 2)]
    assert [r["living_at_least"] for r in rows] == pytest.approx([0.5, 1])
    # A quarter die at 2, on the day of the first failure at the latest; the first loss is after the last CT.
    assert [r["at_least"] for r in rows] == pytest.approx([0.5, 0.5 + 0.5 * 0.75])
    # By the day of detection: a quarter at 2 beside a death, then half of the last two at 4.
    assert [r["detected"] for r in rows] == pytest.approx([0.25, 0.5])
    assert (result.size, result.provenance, result.incidence.among_living.n) == (4, "observed", 4)
    assert result.frame["estimate"].tolist() == pytest.approx([r["at_least"] for r in rows])


def test_between_visits_by_hand(tmp_path):
    patients = [
        ("yes", 1, 9, "no", 2),
        ("yes", "", 9, "no", 3),
        ("no", 4, 9, "no", ""),
        ("no", "", 9, "no", ""),
        ("", 1, 9, "no", 2),
        ("yes", 1, 9, "no", ""),
    ]
    cohort = between(tmp_path, patients)
    counts = interval_tally(cohort).frame
    known = counts.dropna()
    assert sorted(zip(known["left"], known["right"], known["n"], strict=True)) == [(0, 3, 1), (1, 2, 1), (4, np.inf, 1)]
    # Who has no last look, nor another time, and who has no status or no first time with it, is left out and counted.
    living = cb.study_visits(cohort).incidence.among_living
    assert (living.n, living.n_missing, living.events) == (3, 3, 2)
    assert living.masses.left.tolist() == [1, 4]


def test_without_a_last_look_of_its_own_the_time_is_the_last_look(tmp_path):
    cohort = study(
        tmp_path,
        [("no", "", 9, "no", ""), ("yes", 2, 8, "no", 5)],
        ", seen: between, last_negative: late, first_positive: dose",
    ).study
    text = (tmp_path / "study.yml").read_text().replace("time: late, landmarks", "time: weeks, landmarks")
    (tmp_path / "study.yml").write_text(text)
    frame = interval_tally(cb.load_cohort(tmp_path)).frame
    assert cohort.file.survival.competing.time == "late"
    assert sorted(zip(frame["left"], frame["right"], strict=True)) == [(2, 5), (9, np.inf)]


@pytest.mark.parametrize(
    ("patient", "message"),
    [
        (("no", 3, 9, "no", 5), "1 of 2 patients have a time in 'dose' without 'failed', such as 3 and 5; expected none"),
        (("yes", 6, 9, "no", 5), "1 of 2 patients have 'late' after 'dose', such as 6 and 5; expected none"),
    ],
)
def test_contradictions_are_refused(tmp_path, patient, message):
    cohort = between(tmp_path, [patient, ("no", 3, 9, "no", "")])
    with pytest.raises(ValueError, match=message):
        cb.study_visits(cohort)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (", seen: between", "seen: between needs last_negative and first_positive, the times between which it came"),
        (", seen: between, last_negative: late", "seen: between needs last_negative and first_positive"),
        (", seen: visit, first_positive: dose", "first_positive is read only where seen: between; here it is visit"),
        (", last_negative: dose", "last_negative is read only where seen: between; here it is exact"),
        (", seen: once", "expected 'exact', 'visit' or 'between'; found 'once'"),
        (", seen: between, last_negative: kind, first_positive: dose", "last_negative: 'kind' is category; expected"),
        (", seen: between, last_negative: late, first_positive: doze", "first_positive: unknown variable 'doze'; did you"),
    ],
)
def test_a_study_file_that_bounds_nothing_is_refused(tmp_path, more, message):
    with pytest.raises(StudyError, match=message):
        once(tmp_path, more=more)


def test_what_is_not_planned_or_seen_to_the_day_is_absent(tmp_path):
    assert cb.study_visits(load(tmp_path)).reason == "The study file plans no competing event."
    result = cb.study_visits(once(tmp_path, more=""))
    assert result.reason == "The study file says that the day of failure is known, so that no visit has to bound it."
    assert cb.plot_visits(result) is result
    assert str(cb.finding(result)) == result.reason


def test_table_says_what_lies_between(tmp_path):
    table = cb.table_of(cb.study_visits(once(tmp_path, [*ONCE, ("no", 6, 8, "yes")]), confidence_level=0.9))
    first = table.rows[0]
    assert table.head[3:5] == ("Of the living, % (90% interval)", "With death competing, % (90% interval)")
    assert first.cells[:3] == ("2 weeks", "1", "2")
    assert first.cells[3].startswith("50.0 (")
    assert "once a patient (late)" in table.notes[0]
    cohort = between(tmp_path, [("yes", 1, 9, "no", 4), ("no", 6, 9, "no", "")])
    table = cb.table_of(cb.study_visits(cohort))
    assert table.head[1:3] == ("Known with it", "Known without")
    assert table.rows[0].cells[1:4] == ("0", "1", "0.0 to 50.0 (0.0 to 98.7)")
    assert "came between two visits" in table.notes[0]


def test_finding_says_what_the_day_of_detection_hides(tmp_path):
    said = str(cb.finding(cb.study_visits(once(tmp_path))))
    assert said.startswith("Failure was looked for once in each and seen in 2 of 4 patients; the day it came is not known.")
    assert "Of those alive at 5 weeks, 100.0 % (" in said
    assert "its incidence is 87.5 % (" in said
    assert "The curve of the day of detection says 50.0 %" in said
    assert said.endswith("Nobody of 4 patients was examined later than that, so that there is no upper limit.")
    later = str(cb.finding(cb.study_visits(once(tmp_path, [*ONCE, ("no", 6, 8, "yes")]))))
    assert later.endswith("1 of 5 patients was examined later than that: the upper limit rests on them alone.")
    cohort = between(tmp_path, [("yes", 1, 9, "no", 4), ("no", 6, 9, "no", "")])
    assert str(cb.finding(cb.study_visits(cohort))).startswith("Failure was looked for at visits and seen in 1 of 2 patients")


@pytest.mark.parametrize("failed", ["yes", "no"])
def test_nobody_or_everybody_has_it(tmp_path, failed):
    cohort = once(tmp_path, [(failed, *patient[1:]) for patient in ONCE])
    result = cb.study_visits(cohort)
    share = "100.0" if failed == "yes" else "0.0"
    assert [row.cells[3].split(" (")[0].split(" to ")[0] for row in cb.table_of(result).rows] == [share, share]
    assert f"{share}" in str(cb.finding(result))
    assert cb.plot_visits(result).rendered("png")


def test_nobody_examined_is_said_so(tmp_path):
    result = cb.study_visits(once(tmp_path, [("", "", 5, "yes")]))
    assert str(cb.finding(result)) == "Failure cannot be bounded: no patient has a time and a status."
    assert cb.plot_visits(result).reason == "no patient has a time and a status"
    assert cb.table_of(result).rows[0].cells[3:5] == ("–", "–")


def test_boxes_stand_where_nothing_is_known(tmp_path):
    result = cb.study_visits(once(tmp_path))
    plot = cb.plot_visits(result)
    axis = plot.figure.axes[0]
    boxes = [patch.get_xy()[:2].tolist() for patch in axis.patches]
    assert boxes == [[[1, 0], [2, 0]], [[3, 0.5], [4, 0.5]]]
    assert "Ticks: each examination." in plot.caption
    assert "5 weeks: 100.0 % of the living, 87.5 % with death competing, 50.0 % by day of detection." in plot.alt
    between_visits = between(tmp_path, [("yes", 1, 9, "no", 4), ("no", 6, 9, "no", "")])
    assert "the first visit with it and the last without" in cb.plot_visits(cb.study_visits(between_visits)).caption


def test_the_bundled_study_sees_failure_at_one_ct():
    patients = cb.load_cohort("spinal-metastases")
    result = cb.study_visits(patients)
    assert result.plan.seen == "visit"
    assert result.provenance == "assumed"
    assert str(cb.finding(result)).startswith("*Illustration, not a finding: it rests on assumed values.*")
    assert cb.table_of(result).notes[-1] == "Illustration: rests on assumed values."
    assert cb.plot_visits(result).figure.get_suptitle().startswith("ILLUSTRATION")
    assert "isotonic regression, with Kim, Fay and Proschan's limits" in str(methods_text(patients, result))
    # Whatever the day of detection says lies below what one CT allows.
    last = result.landmarks.iloc[-1]
    assert last["detected"] < last["at_least"] < last["at_most"] < last["living_at_most"]
    assert last["conf_low"] <= last["at_least"]
    assert last["at_most"] <= last["conf_high"]


def test_delayed_entry_of_each_patient_goes_to_death(tmp_path):
    cohort = once(tmp_path)
    text = (tmp_path / "study.yml").read_text().replace("  event: died\n", "  event: died\n  entry: dose\n")
    (tmp_path / "study.yml").write_text(text)
    late = cb.study_visits(cb.load_cohort(tmp_path))
    assert late.incidence.survival.table.n_risk[0] == 4
    assert late.incidence.survival.table.entry.tolist() == [1] * 4
    assert cb.study_visits(cohort).incidence.survival.table.entry.max() < 0


KINDS = [("no", 1, "x"), ("yes", 2, "y"), ("yes", 3, "z"), ("yes", 4, "y")]


def with_kinds(folder, patients, more=", seen: visit, kinds: kind"):
    lines = [f"{k},1,no,{kind},{failed},9,no,{late}\n" for k, (failed, late, kind) in enumerate(patients)]
    return load(folder, ("landmarks: [{label", PLAN.format(more)), rows=HEAD + "".join(lines))


def test_kinds_of_the_event_by_hand(tmp_path):
    result = cb.study_visits(with_kinds(tmp_path, KINDS))
    assert [kind.cause for kind in result.kinds] == ["y", "z"]
    assert [kind.estimate[-1] for kind in result.kinds] == pytest.approx([2 / 3, 1 / 3])
    table = cb.kind_table(result)
    assert [row.cells[0] for row in table.rows] == [
        "y: seen in 2 of 4",
        "2 weeks",
        "5 weeks",
        "z: seen in 1 of 4",
        "2 weeks",
        "5 weeks",
    ]
    assert table.rows[2].cells[1].startswith("66.7 (")
    assert [table.rows[k].cells[2] for k in (2, 5)] == ["100.0", "50.0"]  # alone, more than all
    one = cb.kind_table(cb.study_visits(with_kinds(tmp_path, [*KINDS[:2], KINDS[3]])))
    assert "Not seen: z." in one.notes


def test_kinds_that_are_not_there(tmp_path):
    assert cb.kind_table(cb.study_visits(load(tmp_path))).reason == "The study file plans no competing event."
    assert cb.kind_table(cb.study_visits(once(tmp_path))).reason == "The study file plans no kinds of the event."
    none = cb.study_visits(with_kinds(tmp_path, [("no", 2, "x")]))
    assert cb.kind_table(none).reason == "No kind of the event was seen."


def test_kinds_that_contradict_the_event_are_refused(tmp_path):
    message = "kinds: 2 of 3 patients have 'failed' and the level 'x' of 'kind', or neither; expected one of the two"
    with pytest.raises(ValueError, match=message):
        cb.study_visits(with_kinds(tmp_path, [("yes", 2, "x"), ("no", 3, "y"), ("yes", 3, "y")]))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (", kinds: kind", "kinds is read only where seen: visit; here it is exact"),
        (", seen: visit, kinds: dose", "competing.kinds: 'dose' is continuous; expected category or ordered"),
    ],
)
def test_kinds_that_cannot_be_are_refused(tmp_path, more, message):
    with pytest.raises(StudyError, match=message):
        with_kinds(tmp_path, KINDS, more=more)


def test_where_small_counts_are_hidden_it_is_withheld(tmp_path):
    once(tmp_path)
    text = (tmp_path / "study.yml").read_text() + "privacy: {suppress_below: 3}\n"
    (tmp_path / "study.yml").write_text(text)
    result = cb.study_visits(cb.load_cohort(tmp_path))
    assert result.hidden
    assert cb.plot_visits(result) is cb.kind_table(result) is result
