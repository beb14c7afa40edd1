"""findings, findings_models, findings_survival: sentences that carry the numbers of the result, under any parameters."""

import pytest

import cohortbook as cb
from cohortbook.display.findings import listed, several
from cohortbook.display.tables import decimal, interval, p_value, percent, significant
from second_study import hips, write_hips


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return cb.load_cohort(write_hips(tmp_path_factory.mktemp("hips")))


@pytest.fixture(scope="module")
def models(cohort):
    return {test: cb.study_model(cohort, removal=test) for test in ("wald", "lr")}


@pytest.mark.parametrize(("names", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")])
def test_names_are_listed_as_in_a_sentence(names, text):
    assert listed(names) == text


def test_one_is_not_several():
    assert [several(n, "hip") for n in (0, 1, 2)] == ["0 hips", "1 hip", "2 hips"]


def test_cohort(cohort):
    text = str(cb.finding(cohort))
    assert text.startswith(f"{cohort.size} hips are analysed; 3 hips in the file were not eligible.")
    assert "Values are missing in Stem, Pain score and Months to revision." in text
    assert str(cb.synthetic_banner(cohort)) == "Data: hips.csv."
    assert str(cb.provenance_finding(cohort)) == "11 of 11 recorded variables are observed."


def test_assumed_variables_are_named(tmp_path):
    study = write_hips(tmp_path, ("label: Dead, kind: binary", "label: Dead, kind: binary, provenance: assumed"))
    text = str(cb.provenance_finding(cb.load_cohort(study)))
    assert text.startswith("10 of 11 recorded variables are observed; 1 of 11 recorded variables are assumed.")
    assert text.endswith("is a finding: Dead.")


def test_rate_moves_with_the_confidence_level(cohort):
    found = {}
    for level in (0.95, 0.99):
        result = cb.outcome_rate(cohort, confidence_level=level)
        exact = result.intervals[0]
        text = found[level] = str(cb.finding(result))
        assert f"{exact.events} of {exact.total} ({percent(exact.events, exact.total)} %)" in text
        assert f"from {interval(100 * exact.conf_low, 100 * exact.conf_high, 1)} %" in text
    assert found[0.95] != found[0.99]


def test_rates_elsewhere_are_inside_or_outside(tmp_path):
    change = ("label: Limping}", "label: Limping, elsewhere: [{label: Near, percent: 40}, {label: Far, percent: 2}]}")
    text = str(cb.finding(cb.outcome_rate(cb.load_cohort(write_hips(tmp_path, change)))))
    assert "told apart from Near; the rate of Far lies outside." in text


def test_comparison_names_what_is_below_the_level(cohort, tmp_path):
    result = cb.compare_groups(cohort)
    text = str(cb.finding(result))
    small = [(label, row) for label, row in zip(result.labels, result.rows, strict=True) if row.test.p_value < 0.05]
    assert small
    for label, row in small:
        assert f"{label} ({p_value(row.test.p_value)})" in text
    for method, values in result.adjusted.items():
        name = "-".join(part.capitalize() for part in method.split("-"))
        assert f"{sum(p < 0.05 for p in values)} by {name}" in text
    strict = write_hips(tmp_path, ("  groups: limp\n", "  groups: limp\n  significance: 1.0e-9\n  threshold: 0.5\n"))
    assert str(cb.finding(cb.compare_groups(cb.load_cohort(strict)))) == "5 tests are defined. None has P < 1e-09."


def test_one_test_is_one(tmp_path):
    rows = [{**row, "weight": "80", "stem": "hybrid", "gender": "man", "diabetic": "0"} for row in hips()]
    result = cb.compare_groups(cb.load_cohort(write_hips(tmp_path, rows=rows)))
    assert str(cb.finding(result)).startswith("1 test is defined. ")
    assert cb.adjusted_table(result).notes[0] == "1 test is defined, and so counts."


def test_normality_moves_with_the_significance(cohort):
    result = cb.numeric_summaries(cohort)
    text = str(cb.finding(result))
    p_values = {result.labels[s.term]: t.p_value for s, t in result.parts}
    rejected, others = text.split("; not for ")
    for label, p in p_values.items():
        assert label in (rejected if p < 0.05 else others)
    assert "for none; not for" in str(cb.finding(result, significance=1e-99))
    assert "not for" not in str(cb.finding(result, significance=0.999999))


def test_removal_changes_the_sentence(models):
    wald, lr = (str(cb.selection_finding(models[test])) for test in ("wald", "lr"))
    assert wald.startswith("Removal by Wald's test keeps ")
    assert lr.startswith("Removal by the likelihood ratio keeps ")
    for text, model in ((wald, models["wald"]), (lr, models["lr"])):
        for term in model.selection.selected:
            assert model.names[term] in text
        assert f"(after {several(len(model.selection.steps) - 1, 'step')};" in text


def test_another_conclusion_by_another_test_is_told(models):
    from dataclasses import replace

    model = models["wald"]
    assert str(cb.selection_finding(model)).endswith("So do the other tests for removal.")
    other = replace(model.alternatives[1], selected=("stem",))
    text = str(cb.selection_finding(replace(model, alternatives=(model.selection, other))))
    assert "Removal by the likelihood ratio keeps Stem. **The conclusion hangs on" in text


def test_model_sentences_carry_its_numbers(cohort, models):
    model, full = models["wald"], models["wald"].full
    carrying = str(cb.carrying_finding(model))
    assert (
        f"{full.events} events in {full.n} patients for 4 estimates: {decimal(full.events_per_variable, 1)} for each"
        in carrying
    )
    assert f"missing values: {full.n_missing} patients." in carrying
    assert f"converged after {full.iterations} steps" in str(cb.separation_finding(model))
    for level, result in ((0.95, model), (0.99, cb.study_model(cohort, confidence_level=0.99))):
        text = str(cb.finding(result))
        rows = result.firth.frame.set_index("term")
        assert result.firth.confidence_level == level
        for term in ("weight", "diabetic"):
            row = rows.loc[term]
            shown = interval(row["odds_ratio_low"], row["odds_ratio_high"], None)
            assert f"{significant(row['odds_ratio'])} ({shown}; P {p_value(row['p_value'])})" in text


@pytest.mark.parametrize("level", [0.95, 0.99])
def test_survival_sentences_carry_their_numbers(cohort, level):
    result = cb.study_survival(cohort, confidence_level=level)
    text = str(cb.finding(result))
    for row in result.landmarks.to_dict("records"):
        assert f"{decimal(100 * row['estimate'], 1)} % at {row['label']}" in text
    curve = result.overall
    assert f"median {decimal(curve.median, 0)} months ({decimal(curve.median_low, 0)} to " in text
    groups = str(cb.group_finding(result))
    for stratum in result.strata:
        assert f"{stratum.label}: log-rank P {p_value(stratum.test.p_value)}" in groups
        means = stratum.means
        ends = interval(means.conf_low[0], means.conf_high[0], 0)
        assert f"{means.means[1].group} {decimal(means.estimates[0], 0)} ({ends})" in groups
    follow_up = result.follow_up
    assert f"Median follow-up (reverse Kaplan-Meier) {decimal(follow_up.median, 0)} months" in str(cb.follow_up_finding(result))
    assert str(cb.survival_finding(result)) == " ".join([text, str(cb.follow_up_finding(result)), groups])
    competing = cb.study_competing(cohort, confidence_level=level)
    row = competing.event.at([60]).iloc[0]
    said = f"{decimal(100 * row['estimate'], 1)} % ({interval(100 * row['conf_low'], 100 * row['conf_high'], 1)}) at 60 months"
    assert said in str(cb.finding(competing))


def test_immortal_time_is_counted(cohort):
    result = cb.study_survival(cohort)
    text = str(cb.immortal_finding(result))
    lost = (result.naive_rate.time_at_risk - result.rate.time_at_risk) / 12
    assert f"{decimal(result.naive_rate.time_at_risk / 12, 1)} years at risk count {decimal(lost, 1)} in which" in text
    rates = [decimal(12 * rate.estimate, 2) for rate in (result.naive_rate, result.rate)]
    assert f"reads {rates[0]} a year instead of {rates[1]}." in text


def test_cox_sentence_follows_the_proportional_hazards_test(cohort):
    result = cb.study_cox(cohort)
    p_values = result.fit.ph_p_values
    assert "not proportional" not in str(cb.finding(result, significance=min(p_values) / 2))
    bent = str(cb.finding(result, significance=min(1, max(p_values) * 1.001)))
    assert "Hazards are not proportional for Body weight, kg and Diabetes (all terms P " in bent


def test_unknown_result_has_no_finding():
    with pytest.raises(TypeError, match="result: no finding is written for int"):
        cb.finding(3)
