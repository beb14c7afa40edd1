"""endpoints.py: survival of four patients told by hand; delayed entry, competing events with ties, Cox models."""

import math

import pytest

import cohortbook as cb
from cohortbook.sections.survival.competing import competing_tally, marked
from second_study import FULL, hips, write_hips
from tallystats.results import Hidden
from tallystats.survival.logrank import log_rank
from tiny import load


def test_curve_rate_and_landmark_by_hand(tmp_path):
    result = cb.study_survival(load(tmp_path))
    # Deaths at 2 (of 4) and 5 (of 2); censored at 3 and 8.
    assert result.overall.at([1, 2, 3, 5, 8])["estimate"].tolist() == [1, 0.75, 0.75, 0.375, 0.375]
    assert result.overall.median == 5
    assert (result.rate.events, result.rate.time_at_risk) == (2, 18)
    assert (result.entry, result.size, result.provenance) == (None, 4, "observed")
    mark = result.landmarks.iloc[0]
    assert (mark["label"], mark["estimate"]) == ("3 weeks", 0.75)
    assert math.isnan(mark["printed"])
    # Reverse: censored at 3 (of 3 still there) and at 8 (the last).
    assert result.follow_up.at([3, 7])["estimate"].tolist() == pytest.approx([2 / 3, 2 / 3])
    row = cb.rate_table(result).rows[1].cells
    assert row[:4] == ("From the entry, as planned", "2", "0.3", f"{2 / 18 * 52:.3f}")


@pytest.mark.parametrize(("unit", "year"), [("days", 365.25), ("weeks", 365.25 / 7), ("months", 12), ("years", 1)])
def test_the_unit_of_time_says_how_long_a_year_is(tmp_path, unit, year):
    cohort = load(tmp_path, (", units_per_year: 52", ""), ("  unit: weeks\n", f"  unit: {unit}\n"))
    assert cb.study_survival(cohort).units_per_year == year


def test_a_curve_is_read_at_usual_times_where_the_plan_names_none(tmp_path):
    # 40 hips, followed for 1, 2, ... 40 months: ten are at risk up to month 31.
    rows = [{**row, "months": month, "months_to_revision": month, "first_seen": 0} for month, row in enumerate(hips(40), 1)]
    none = ("  landmarks: [{label: 1 year, time: 12}, {label: 5 years, time: 60}]\n", "")
    cohort = cb.load_cohort(write_hips(tmp_path, none, (", landmarks: [12, 60]", ""), rows=rows))
    marks = cb.study_survival(cohort).landmarks
    assert list(marks["label"]) == ["6 months", "1 year", "2 years"]
    assert list(marks["time"]) == [6, 12, 24]
    assert cb.study_competing(cohort).plan.landmarks == (6, 12, 24)


def test_delayed_entry_as_a_column_by_hand(tmp_path):
    cohort = load(tmp_path, ("  event: died\n", "  event: died\n  entry: late\n"))
    result = cb.study_survival(cohort)
    # At 2, at risk: ids 1 (from 0) and 2 (from 1), not 4, who enters at 2, nor 3; at 5: ids 3 and 4.
    assert result.overall.at([2, 5])["estimate"].tolist() == [0.5, 0.25]
    assert result.naive.at([2, 5])["estimate"].tolist() == [0.75, 0.375]
    assert (result.rate.time_at_risk, result.naive_rate.time_at_risk) == (2 + 2 + 1 + 6, 18)
    assert result.entry == "Late"
    said = str(cb.immortal_finding(result))
    assert "before the entry (Late)" in said
    assert "moves by up to 25.0 points" in said


def test_delayed_entry_as_a_number(tmp_path):
    cohort = load(tmp_path, ("  event: died\n", "  event: died\n  entry: 1\n"))
    planned = cb.study_survival(cohort)
    assert (planned.entry, planned.rate.time_at_risk) == (1, 14)
    said = str(cb.immortal_finding(planned))
    assert "in the first 1 weeks" in said
    assert "The curve does not move" in said
    half = cb.study_survival(cohort, entry=0.5)
    assert half.rate.time_at_risk == 16
    assert "in the first 0.5 weeks" in str(cb.immortal_finding(half)), "the entry taken, not the one planned"
    texts = [text.get_text() for text in cb.plot_survival(half).figure.axes[0].texts]
    assert any("first 0.5 weeks" in text for text in texts)
    none = cb.study_survival(cohort, entry=0)
    assert (none.entry, none.rate.time_at_risk) == (None, 18)
    assert str(cb.immortal_finding(none)) == "Nobody enters late: every patient is at risk from the start."
    assert not any("first" in text.get_text() for text in cb.plot_survival(none).figure.axes[0].texts)


def test_entry_that_is_no_time_is_refused(tmp_path):
    with pytest.raises(ValueError, match="entry: 'soon'; expected 'plan' or a time in weeks"):
        cb.study_survival(load(tmp_path), entry="soon")


def test_bands_stand_beside_the_curve(tmp_path):
    cohort = load(
        tmp_path,
        (
            "outcome:\n",
            "derived:\n  band: {label: B, from: weeks, bands: [{label: short, to: 3}, {label: long, from: 4}]}\noutcome:\n",
        ),
        ("  event: died\n", "  event: died\n  bands: band\n"),
        ("time: 3}", "time: 3, longer: [long]}"),
    )
    mark = cb.study_survival(cohort).landmarks.iloc[0]
    assert (mark["printed"], mark["printed_n"], mark["estimate"]) == (0.5, 2, 0.75)
    row = cb.landmark_table(cb.study_survival(cohort)).rows[0].cells
    assert row[3] == "50.0 (2 of 4)"
    assert "25.0 points off the curve" in str(cb.finding(cb.study_survival(cohort)))
    assert len(cb.landmark_table(cb.study_survival(load(tmp_path))).head) == 3


def test_strata_and_their_log_rank_by_hand(tmp_path):
    stratum = cb.study_survival(load(tmp_path)).strata[0]
    assert [curve.group for curve in stratum.curves] == [False, True]
    # Not ill: censored at 3 and 8; ill: dead at 2 and 5. Expected among the ill: 2/4 + 1/2.
    assert stratum.test.expected == pytest.approx((1, 1))
    variance = 1 / 4 + 1 / 4
    assert stratum.test.statistic == pytest.approx(1 / variance)


def with_competing(tmp_path, rows):
    head = "id,dose,ill,kind,failed,weeks,died,late\n"
    lines = [f"{k},1,no,x,{failed},{weeks},{died},{late}\n" for k, (failed, weeks, died, late) in enumerate(rows)]
    cohort = load(
        tmp_path,
        (
            "landmarks: [{label",
            "competing: {label: Failure, event: failed, time: late, landmarks: [2, 5]}\n  landmarks: [{label",
        ),
        rows=head + "".join(lines),
    )
    return cohort


def test_competing_events_with_ties_by_hand(tmp_path):
    cohort = with_competing(
        tmp_path,
        [
            ("yes", 9, "yes", 2),
            ("yes", 2, "no", 2),
            ("no", 2, "yes", 1),
            ("no", 2, "no", 1),
            ("no", 5, "yes", 1),
            ("no", 6, "no", 1),
        ],
    )
    counts = competing_tally(cohort).frame
    assert counts.groupby(["time", "cause"], observed=True)["n"].sum().to_dict() == {
        (2.0, "Failure"): 2,
        (2.0, "Died"): 1,
        (2.0, "censored"): 1,
        (5.0, "Died"): 1,
        (6.0, "censored"): 1,
    }
    result = cb.study_competing(cohort)
    # At 2, of 6: two fail and one dies at once; then of 2, one dies.
    assert result.event.at([2, 5])["estimate"].tolist() == pytest.approx([2 / 6, 2 / 6])
    assert result.death.at([2, 5])["estimate"].tolist() == pytest.approx([1 / 6, 1 / 6 + 3 / 6 / 2])
    assert (result.event.events, result.death.events, result.size) == (2, 2, 6)
    assert result.event.at([5])["naive"].tolist() == pytest.approx([2 / 6])


def test_a_death_of_one_cause_competes_with_the_other_deaths(tmp_path):
    rows = [("yes", 4, "yes", 4), ("no", 9, "yes", ""), ("yes", 2, "yes", 2), ("no", 5, "no", "")]
    result = cb.study_competing(with_competing(tmp_path, rows))
    assert (result.event.cause, result.death.cause) == ("Failure", "Died (other)")
    assert (result.event.events, result.death.events) == (2, 1)
    later = [("yes", 4, "yes", 3), *rows[1:]]  # who dies after the event has two times
    assert cb.study_competing(with_competing(tmp_path, later)).death.cause == "Died"


def test_competing_event_without_its_time_is_missing(tmp_path):
    cohort = with_competing(tmp_path, [("yes", 9, "no", ""), ("", 9, "no", 2), ("no", 2, "", 1), ("no", 5, "yes", 1)])
    result = cb.study_competing(cohort)
    assert (result.event.n, result.event.n_missing) == (1, 3)
    assert result.death.at([5])["estimate"].tolist() == [1]


def test_what_is_not_planned_is_absent(tmp_path):
    cohort = load(tmp_path)
    for result, reason in (
        (cb.study_competing(cohort), "The study file plans no competing event."),
        (cb.study_competing_models(cohort), "The study file plans no competing event."),
        (cb.study_cox(cohort), "The study file plans no Cox model."),
    ):
        assert not result
        assert str(cb.finding(result)) == result.reason == reason
    assert cb.plot_competing(cb.study_competing(cohort)).reason
    assert cb.plot_competing_groups(cb.study_competing(cohort)).reason
    assert cb.plot_schoenfeld(cb.study_cox(cohort)).reason
    assert cb.group_incidence_table(cb.study_competing(cohort)).reason == "The study file plans no competing event."


@pytest.mark.parametrize("dead", ["yes", "no"])
def test_nobody_or_everybody_dies(tmp_path, dead, recwarn):
    result = cb.study_survival(cb.load_cohort(write_hips(tmp_path, rows=[{**row, "dead": dead} for row in hips()])))
    said = str(cb.finding(result))
    if dead == "no":
        assert "median not reached" in said
        assert all(row.cells[5] == "–" for row in cb.stratum_table(result).rows if row.kind == "heading")
        assert "– Stem: nobody has the event." in cb.stratum_table(result).notes
    else:
        assert result.follow_up.median != result.follow_up.median
        assert "Median follow-up (reverse Kaplan-Meier) not reached" in str(cb.follow_up_finding(result))
    assert not recwarn.list


def test_tests_and_scale_follow_the_plan(tmp_path):
    plan = (
        "  strata: [stem, heavy]\n",
        "  strata: [stem, heavy]\n  tests: [gehan, fleming-harrington, trend]\n  fleming_harrington: [1, 0]\n"
        "  test_strata: [gender, stem]\n  conf_type: plain\n  quantiles: [0.1, 0.5]\n  restricted_mean: 24\n",
    )
    cohort = cb.load_cohort(write_hips(tmp_path, plan))
    result = cb.study_survival(cohort)
    stem, heavy = result.strata
    # A trend needs three ordered levels; stem has three without an order, weight two.
    assert [test.method for test in stem.tests] == [
        "Gehan-Breslow",
        "Fleming-Harrington (rho 1; gamma 0)",
        "Gehan-Breslow, stratified by gender",
        "Fleming-Harrington (rho 1; gamma 0), stratified by gender",
    ]
    assert [test.method for test in heavy.tests[2:]] == [
        "Gehan-Breslow, stratified by gender, stem",
        "Fleming-Harrington (rho 1; gamma 0), stratified by gender, stem",
    ]
    assert stem.test is stem.tests[0]
    assert (stem.means.tau, result.mean.tau, result.conf_type) == (24, 24, "plain")
    assert result.quantiles["probability"].tolist() == [0.1, 0.5]
    assert result.overall.method == "Kaplan-Meier, plain interval"
    assert cb.study_survival(cohort, conf_type="log").overall.method == "Kaplan-Meier, log interval"
    table = cb.group_test_table(result)
    assert [row.cells[0] for row in table.rows][:3] == ["Stem", "Gehan-Breslow", "Fleming-Harrington (rho 1; gamma 0)"]
    assert cb.stratum_table(result).head[-1] == "Gehan-Breslow P"
    assert any("chosen before the data are seen" in note for note in table.notes)


def test_trend_along_ordered_levels(tmp_path):
    third = ("{label: 80 kg or more, from: 80}", "{label: 80 to 90 kg, from: 80, below: 90}, {label: above, from: 90}")
    cohort = cb.load_cohort(write_hips(tmp_path, third, ("  strata: [stem, heavy]\n", "  strata: [heavy]\n  tests: [trend]\n")))
    (heavy,) = cb.study_survival(cohort).strata
    assert heavy.test.method == "log-rank, trend by scores 1, 2, 3"
    assert cb.group_test_table(cb.study_survival(cohort)).rows[1].cells[0] == "Log-rank for trend"
    assert "Log-rank for trend" in cb.stratum_table(cb.study_survival(cohort)).head[-1]


def test_restricted_means_reach_the_last_landmark_that_all_groups_do(tmp_path):
    result = cb.study_survival(cb.load_cohort(write_hips(tmp_path)))
    last = [min(curve.times[-1] for curve in stratum.curves) for stratum in result.strata]
    for stratum, end in zip(result.strata, last, strict=True):
        assert stratum.means.tau == max([mark for mark in (12, 60) if mark <= end])
    table = cb.group_mean_table(result)
    means = result.strata[1].means
    row = table.rows[-1].cells
    assert row[3].startswith(f"{means.estimates[0]:.0f} (".replace("-", "\u2212"))
    times = cb.times_table(result)
    assert [r.cells[0] for r in times.rows] == [
        "25 % have had the event",
        "50 % have had the event",
        "75 % have had the event",
        "Mean up to 60 months",
        "Follow-up, median",
    ]
    assert times.rows[1].cells[1] == f"{result.overall.median:.0f}"


def test_gray_is_withheld_where_events_are_few(tmp_path):
    one = [("  strata: [stem, heavy]\n", "  strata: [heavy]\n"), ("  entry: first_seen\n", "")]
    cohort = cb.load_cohort(write_hips(tmp_path, *one))
    (group,) = cb.study_competing(cohort).groups
    assert group.refusal(group.event) is None
    assert [level for level, _, _ in group.curves] == ["under 80 kg", "80 kg or more"]
    rows = [{**row, "revised": "yes" if k < 3 else "no"} for k, row in enumerate(hips())]
    rows = [{**row, "months_to_revision": row["months"]} for row in rows]
    few = cb.study_competing(cb.load_cohort(write_hips(tmp_path, *one, rows=rows)))
    why = "3 events for 1 degree of freedom; at least 5 for each are needed"
    assert few.groups[0].refusal(few.groups[0].event) == why
    table = cb.group_incidence_table(few)
    assert table.rows[0].cells[4] == "\u2013"
    assert f"\u2013 Weight, revision: {why}." in table.notes
    assert str(cb.group_incidence_finding(few)) == f"Gray\u2019s test of revision is not made: {why}."
    assert not any("Gray" in text.get_text() for text in cb.plot_competing_groups(few)[0].figure.axes[0].texts)


def test_late_entries_hold_for_competing_events(tmp_path):
    cohort = cb.load_cohort(write_hips(tmp_path, ("  strata: [stem, heavy]\n", "  strata: [heavy]\n")))
    result = cb.study_competing(cohort)
    rows = [row for row in hips() if row["weight"] and float(row["weight"]) >= 40]
    rows = [
        (float(r["first_seen"]), float(r["months_to_revision"] or r["months"]), r["revised"] == "yes", r["dead"] == "yes")
        for r in rows
    ]
    early = [row for row in rows if row[1] <= row[0]]
    rows = [row for row in rows if row[1] > row[0]]
    assert early
    assert result.before_entry == len(early)
    # Aalen and Johansen's estimate by hand, at risk from the entry on.
    free, incidence = 1.0, 0.0
    for time in sorted({exit for _, exit, revised, dead in rows if (revised or dead) and exit <= 12}):
        at_risk = sum(entry < time <= exit for entry, exit, _, _ in rows)
        revised, left = (sum(exit == time and (r or d * any_) for _, exit, r, d in rows) for any_ in (False, True))
        incidence += free * revised / at_risk
        free *= 1 - left / at_risk
    assert result.event.at([12])["estimate"].tolist() == pytest.approx([incidence], rel=1e-12)
    from_start = cb.study_competing(cb.load_cohort(write_hips(tmp_path / "all", ("  entry: first_seen\n", ""))))
    assert from_start.event.at([12])["estimate"].tolist() != pytest.approx([incidence], rel=1e-3)
    (group,) = result.groups
    assert group.event.p_value == pytest.approx(
        log_rank(
            marked(competing_tally(cohort, "heavy"), "Revision"), time="time", event="event", by="heavy", entry="first_seen"
        ).p_value
    )
    table = cb.group_incidence_table(result)
    assert table.head[4:] == ("Log-rank P: revision", "Log-rank P: dead")
    said = f"Left out, as they had revision by then: {len(early)}."
    for notes in (table.notes, cb.table_of(result).notes):
        assert any(
            note.endswith(said) and note.startswith("At risk from the entry (First seen).")
            for note in [" ".join(notes[k : k + 2]) for k in range(len(notes))]
        )
    assert any("has no form for late entries" in note for note in table.notes)
    found = str(cb.group_incidence_finding(result))
    assert found.startswith("Log-rank test of revision: Weight P ")
    assert "Gray\u2019s test of the incidence supposes" in found
    assert "log-rank P" in cb.plot_competing_groups(result)[0].figure.axes[0].texts[0].get_text()
    assert "log-rank test of each cause's own hazard" in str(cb.methods_text(cohort, result))


@pytest.mark.parametrize("few", [0, 2, 4])
def test_how_many_had_the_event_before_a_late_entry_is_hidden_where_they_are_few(tmp_path, few):
    early = [k for k, r in enumerate(hips()) if r["revised"] == "yes" and r["weight"] and float(r["months"]) > 3][:few]
    rows = [
        {**row, "first_seen": "0", **({"first_seen": "3", "months_to_revision": "3"} if k in early else {})}
        for k, row in enumerate(hips())
    ]
    cohort = cb.load_cohort(write_hips(tmp_path, text=FULL + "privacy: {suppress_below: 3}\n", rows=rows))
    result = cb.study_competing(cohort)
    told = [note for note in cb.table_of(result).notes if note.startswith("Left out")]
    assert isinstance(result.before_entry, Hidden) == isinstance(result.event.n, Hidden) == (few == 2)
    assert [note[-9:] for note in told] == {0: [], 2: ["[hidden]."], 4: [" then: 4."]}[few]
