"""layouts.py: what each table of cohort, description and comparison shows."""

import pytest

import cohortbook as cb
from cohortbook.display.tables import UNDEFINED, decimal, interval, p_value
from second_study import FULL, hips, write_hips
from tiny import load


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return cb.load_cohort(write_hips(tmp_path_factory.mktemp("hips")))


@pytest.fixture(scope="module")
def comparison(cohort):
    return cb.compare_groups(cohort)


def cells(table):
    return [row.cells for row in table.rows]


def test_every_table_is_rectangular_and_named_apart(cohort, comparison):
    tables = [
        cb.flow_table(cohort),
        cb.missing_table(cohort),
        cb.dictionary_table(cohort),
        cb.table_of(comparison),
        cb.tests_table(comparison),
        cb.effects_table(comparison),
        cb.adjusted_table(comparison),
        cb.table_of(cb.numeric_summaries(cohort)),
        cb.table_of(cb.outcome_rate(cohort)),
        *map(cb.table_of, cb.descriptive_tables(cohort)),
    ]
    assert len({table.name for table in tables}) == len(tables)
    for table in tables:
        assert table.rows
        assert {len(row) for row in cells(table)} == {len(table.head)}, table.name
        assert all(isinstance(cell, str) for row in cells(table) for cell in row), table.name
        assert not any(word in cell for row in cells(table) for cell in row for word in ("nan", "None", "inf")), table.name


def test_flow_counts_those_excluded_for_a_missing_value(cohort):
    table = cb.flow_table(cohort)
    assert table.head[2] == "Hips remaining"
    assert cells(table)[0] == ("Registered", "12", "not reported")
    assert cells(table)[-1][1:] == ("3 (2 for a missing value)", str(cohort.size))
    assert table.frame["excluded"].tolist() == [12, 0, 3]


def test_missing_values_are_listed_most_first(cohort):
    table = cb.missing_table(cohort)
    counts = [int(row[1].split()[0]) for row in cells(table)]
    assert counts == sorted(counts, reverse=True)
    assert cells(table)[-1][0] == "No value missing: 8 of 11 variables"
    assert table.frame.set_index("term")["n_missing"]["stem"] == 3


def test_dictionary_tells_kind_time_and_making(cohort):
    table = {row[1]: row for row in cells(cb.dictionary_table(cohort))}
    assert table["heavy"][2] == "ordered; made from weight: under 80 kg, 80 kg or more"
    assert table["weight"] == ("Body weight, kg", "weight", "continuous; 30 to 200", "before", "observed")


def test_many_levels_are_counted_in_the_dictionary(tmp_path):
    levels = [f"level {k}" for k in range(21)]
    study = write_hips(
        tmp_path, ("levels: [woman, man]", f"levels: {levels}"), rows=[{**row, "gender": "level 3"} for row in hips()]
    )
    table = {row[1]: row for row in cells(cb.dictionary_table(cb.load_cohort(study)))}
    assert table["gender"][2] == "category; 21 levels"


def test_headings_and_labels_of_a_descriptive_table(tmp_path):
    plan = """\
    rows:
      - {variable: kind, heading: Sort, labels: {x: the first}}
      - {heading: Alone}
      - {variable: ill, levels: ["yes"], label: Sick}
      - {variable: kind, flat: true, levels: [y, z]}
      - {variable: late, levels: [0, 4]}
"""
    old = '    rows: [{variable: dose}, {variable: kind}, {variable: ill, levels: ["yes"]}]\n'
    table = cb.table_of(cb.descriptive_table(load(tmp_path, (old, plan)), "first"))
    assert [(row.cells[0], row.kind) for row in table.rows] == [
        ("Sort", "heading"),
        ("the first", "level"),
        ("y", "level"),
        ("z", "level"),
        ("Not recorded", "level"),
        ("Alone", "heading"),
        ("Sick", "level"),
        ("y", "level"),
        ("z", "level"),
        ("Not recorded", "level"),
        ("Late", "heading"),
        ("0", "level"),
        ("4", "level"),
    ]
    assert [row.cells[1] for row in table.rows[-2:]] == ["1", "1"]
    assert table.rows[6].cells == ("Sick", "2", "50.0")


def test_comparison_shows_each_kind_of_row(comparison):
    rows = cells(cb.table_of(comparison))
    weight, pain, stem = comparison.rows[:3]
    false, true = weight.groups
    assert rows[0] == (
        "Body weight, kg, mean",
        decimal(true.mean, 1),
        decimal(false.mean, 1),
        f"{p_value(weight.test.p_value)} a",
    )
    assert rows[1][1:3] == (decimal(pain.groups[1].mean, 2), decimal(pain.groups[0].mean, 2))
    assert rows[2][:3] == ("Stem, %", "", "")
    assert [row[0] for row in rows[3:6]] == ["cemented", "press-fit", "hybrid"]
    assert sum(float(row[1]) for row in rows[3:6]) == pytest.approx(100, abs=0.2)
    notes = cb.table_of(comparison).notes
    methods = list(dict.fromkeys(row.test.method for row in comparison.rows))
    assert notes[: len(methods)] == tuple(f"{mark} {name}." for mark, name in zip("abcdefgh", methods, strict=False))
    assert stem.test.method in notes[2]


def test_small_expected_counts_and_late_variables_are_marked(tmp_path):
    study = write_hips(
        tmp_path,
        (
            "label: Gender, kind: category, levels: [woman, man], measured: before",
            "label: Gender, kind: category, levels: [woman, man], measured: after",
        ),
        rows=hips(12),
    )
    table = cb.table_of(cb.compare_groups(cb.load_cohort(study)))
    stem = next(row for row in cells(table) if row[0].startswith("Stem"))
    assert stem[3].endswith("‡")
    assert any(note.startswith("‡ A cell of the table expects fewer than 5") for note in table.notes)
    assert any(row[0].startswith("Gender †") for row in cells(table))
    assert "† Known only after the operation: it cannot predict what it follows." in table.notes


def test_why_a_test_was_taken(comparison):
    why = {row[0]: row[1:3] for row in cells(cb.tests_table(comparison))}
    assert why["Body weight, kg"] == ("Student's t", "normality not rejected")
    assert why["Pain score"] == ("Mann-Whitney U", "planned")
    assert why["Stem"][1] == "levels"
    assert why["Diabetes"] == ("Fisher's exact", "planned")


def test_effects_name_the_level_and_the_interval(cohort):
    result = cb.compare_groups(cohort, confidence_level=0.99)
    table = cb.effects_table(result)
    rows = {row[0]: row[1:] for row in cells(table)}
    assert table.head[3] == "99% interval"
    effect = result.rows[3].effect
    assert rows["Gender: man"][0] == "Odds ratio"
    assert rows["Gender: man"][2] == interval(effect.conf_low, effect.conf_high, None)
    assert rows["Stem"][:3] == (UNDEFINED,) * 3
    assert "Diabetes" in rows


def test_adjusted_values_stand_in_the_order_of_p(comparison, tmp_path):
    p_values = [row.test.p_value for row in comparison.rows]
    order = sorted(range(5), key=lambda k: p_values[k])
    rows = cells(cb.adjusted_table(comparison))
    assert [row[0] for row in rows] == [comparison.labels[k] for k in order]
    assert [row[5] for row in rows] == ["yes" if p_values[k] < 0.05 else "no" for k in order]
    study = write_hips(tmp_path, ("  groups: limp\n", "  groups: limp\n  threshold: 0.9\n  threshold_label: ours\n"))
    table = cb.adjusted_table(cb.compare_groups(cb.load_cohort(study)))
    assert table.head[-2:] == ("P < 0.05", "P < 0.9")
    assert [row[6] for row in cells(table)] == ["yes" if p_values[k] < 0.9 else "no" for k in order]
    assert table.notes[-1] == "0.9: ours."


def test_undefined_tests_come_last_without_a_verdict(tmp_path):
    rows = [{**row, "weight": "80"} for row in hips()]
    table = cb.adjusted_table(cb.compare_groups(cb.load_cohort(write_hips(tmp_path, rows=rows))))
    assert cells(table)[-1] == ("Body weight, kg", *[UNDEFINED] * 5)


def test_nothing_left_out_is_said(cohort):
    assert cb.left_out_table(cohort).reason == "No printed figure is left out."


def test_rates_elsewhere_are_named_as_such(cohort, tmp_path):
    assert cb.table_of(cb.outcome_rate(cohort)).title == "Limping: how often"
    study = write_hips(
        tmp_path, text=FULL.replace("label: Limping}", "label: Limping, elsewhere: [{label: A, percent: 3.14}]}")
    )
    table = cb.table_of(cb.outcome_rate(cb.load_cohort(study)))
    assert table.title == "Limping: how often, here and elsewhere"
    assert cells(table)[-1] == ("A, reported elsewhere", UNDEFINED, "3.1", UNDEFINED, UNDEFINED)


def test_every_numeric_variable_takes_a_row(cohort):
    table = cb.table_of(cb.numeric_summaries(cohort))
    assert len(table.rows) == 5
    assert dict(zip(table.head, cells(table)[1], strict=True))["Missing"] == "1"


@pytest.mark.parametrize(
    ("low", "high", "shown"), [("0.3", "2.5", "0.3 to 2.5"), ("2", "28", "2 to 28"), ("2.0", "2.55", "2.0 to 2.6")]
)
def test_a_range_is_whole_where_its_ends_are(tmp_path, low, high, shown):
    rows = f"id,dose,ill,kind,failed,weeks,died,late\n1,{low},yes,x,yes,2,yes,0\n2,{high},no,y,no,3,no,1\n"
    cohort = load(tmp_path, rows=rows)
    assert cells(cb.table_of(cb.descriptive_tables(cohort)[0]))[3] == ("Range", shown, "")
    assert cells(cb.table_of(cb.numeric_summaries(cohort)))[0][7] == shown
