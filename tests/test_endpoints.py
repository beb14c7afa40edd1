"""endpoints.py: survival of four patients told by hand; delayed entry, competing events with ties, Cox models."""

import math

import numpy as np
import pytest

import cohortbook as cb
from cohortbook.plan.endpoints import competing_tally
from cohortbook.survival.cox import cox_regression
from second_study import hips, write_hips
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
        tmp_path, ("outcome:\n", "derived:\n  band: {label: B, from: weeks, bands: [{label: short, to: 3}, "
                   "{label: long, from: 4}]}\noutcome:\n"), ("  event: died\n", "  event: died\n  bands: band\n"),
        ("time: 3}", "time: 3, longer: [long]}"),
    )  # fmt: skip
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
    cohort = load(tmp_path, ("landmarks: [{label", "competing: {label: Failure, event: failed, time: late, "
                             "landmarks: [2, 5]}\n  landmarks: [{label"), rows=head + "".join(lines))  # fmt: skip
    return cohort


def test_competing_events_with_ties_by_hand(tmp_path):
    cohort = with_competing(tmp_path, [
        ("yes", 9, "yes", 2), ("yes", 2, "no", 2), ("no", 2, "yes", 1), ("no", 2, "no", 1), ("no", 5, "yes", 1),
        ("no", 6, "no", 1),
    ])  # fmt: skip
    counts = competing_tally(cohort).frame
    assert counts.groupby(["time", "cause"], observed=True)["n"].sum().to_dict() == {
        (2.0, "Failure"): 2, (2.0, "Died"): 1, (2.0, "censored"): 1, (5.0, "Died"): 1, (6.0, "censored"): 1,
    }  # fmt: skip
    result = cb.study_competing(cohort)
    # At 2, of 6: two fail and one dies at once; then of 2, one dies.
    assert result.event.at([2, 5])["estimate"].tolist() == pytest.approx([2 / 6, 2 / 6])
    assert result.death.at([2, 5])["estimate"].tolist() == pytest.approx([1 / 6, 1 / 6 + 3 / 6 / 2])
    assert (result.event.events, result.death.events, result.size) == (2, 2, 6)
    assert result.event.at([5])["naive"].tolist() == pytest.approx([2 / 6])


def test_competing_event_without_its_time_is_missing(tmp_path):
    cohort = with_competing(tmp_path, [("yes", 9, "no", ""), ("", 9, "no", 2), ("no", 2, "", 1), ("no", 5, "yes", 1)])
    result = cb.study_competing(cohort)
    assert (result.event.n, result.event.n_missing) == (1, 3)
    assert result.death.at([5])["estimate"].tolist() == [1]


def test_what_is_not_planned_is_absent(tmp_path):
    cohort = load(tmp_path)
    for result, reason in ((cb.study_competing(cohort), "The study file plans no competing event."),
                           (cb.study_cox(cohort), "The study file plans no Cox model.")):  # fmt: skip
        assert not result
        assert str(cb.finding(result)) == result.reason == reason
    assert cb.plot_competing(cb.study_competing(cohort)).reason


def test_cox_models_take_entry_and_cause(tmp_path):
    cohort = cb.load_cohort(write_hips(tmp_path))
    result = cb.study_cox(cohort, confidence_level=0.9)
    (name, overall), (specific_name, specific) = result.models
    tally = cohort.tally("months", "dead", "first_seen", "weight", "diabetic")
    options = {"terms": ("weight", "diabetic"), "confidence_level": 0.9}
    late = cox_regression(tally, time="months", event="dead", entry="first_seen", **options)
    assert overall.estimates == late.estimates
    assert overall.estimates != cox_regression(tally, time="months", event="dead", **options).estimates
    assert (name, specific_name) == ("Survival of the patient", "Revision, cause-specific")
    assert result.labels == {"weight": "Body weight, kg", "diabetic": "Diabetes"}
    rows = [row for row in hips() if row["weight"] and float(row["weight"]) >= 40]
    times = [float(row["months_to_revision"] if row["revised"] == "yes" else row["months"]) for row in rows]
    events = [row["revised"] == "yes" for row in rows]
    assert (specific.n, specific.events) == (len(rows), sum(events))
    # At the estimates the score, as Breslow counts it without ties, is zero.
    x = np.array([[float(row["weight"]), row["diabetic"] == "1"] for row in rows], float)
    risk = np.exp(x @ np.array(specific.estimates))
    score = sum(x[i] - (x.T * risk * (np.array(times) >= times[i])).sum(1) / (risk * (np.array(times) >= times[i])).sum()
                for i in range(len(rows)) if events[i])  # fmt: skip
    assert len(set(np.array(times)[events])) == sum(events)
    np.testing.assert_allclose(score, 0, atol=1e-4)
    assert cb.table_of(result).head[2] == "90% interval"


def test_cox_is_refused_with_its_reason(tmp_path):
    cohort = load(tmp_path, ("  strata: [ill]\n", "  strata: [ill]\n  cox: [ill, dose]\n"))
    result = cb.study_cox(cohort)
    fit = result.models[0][1]
    assert fit.refused
    assert fit.refused in str(cb.finding(result))
    table = cb.table_of(result)
    assert table.rows[1].cells == ("not fitted", "–", "–", "–", "–")
    assert f"Survival, not fitted: {fit.refused}." in table.notes
    assert result.frame["refused"].tolist() == [fit.refused]


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
        assert "Median follow-up (reverse Kaplan-Meier) not reached" in said
    assert not recwarn.list
