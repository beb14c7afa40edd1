"""benchmarks/planted_errors.py: errors planted in clean tables are found, and nothing else; what hides is shown by patients."""

import csv
import math
import random
import re
import sys
from pathlib import Path

import pytest

from printcheck.audit.audit import audit_study
from printcheck.printed.published import COLUMNS, read_published
from studyfile.study.study import load_study

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import planted_errors
from planted_errors import KINDS, Planted, Planting, Tables, audit_planting, findings, witnessed

#: What the small tables are about: few enough for many audits.
KEPT = ("", "low", "age", "race", "smoke", "ht", "visits")


def small(folder, **changed):
    """Write the tables of births, a part of them, with some figures changed."""
    source = load_study("birthwt")
    (folder / "study.yml").write_bytes(source.path.read_bytes())
    with (folder / "published.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for figure in read_published(source):
            if figure.variable in KEPT:
                row = [getattr(figure, name) for name in COLUMNS]
                row[COLUMNS.index("value")] = changed.get(figure.id, figure.value)
                writer.writerow("" if value is None else value for value in row)
    return load_study(folder)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return Tables(small(tmp_path_factory.mktemp("births")))


def planting(tables, **change):
    errors = [Planted(kind="by hand", change={id: value}) for id, value in change.items()]
    return Planting(errors=tuple(errors))


def test_patients_print_the_clean_tables(tables):
    assert tables.witnesses.find(tables.figures) is not None


def test_nothing_is_found_in_the_clean_tables(tables):
    assert findings(audit_study(tables.study)) == []


@pytest.mark.parametrize("numbers", [range(1), pytest.param(range(len(KINDS)), marks=pytest.mark.slow)], ids=["one", "all"])
def test_errors_of_every_kind_are_found_and_nothing_else(tables, numbers):
    kinds = [kind for kind, errors in tables.errors.items() if errors]
    assert kinds == list(KINDS)
    outcomes = [audit_planting(tables, tables.plant(k, random.Random(f"test {k}"))) for k in numbers]
    assert {error.kind for outcome in outcomes for error in outcome.planting.errors} >= {kinds[k] for k in numbers}
    for outcome in outcomes:
        for error, hidden, found in zip(outcome.planting.errors, outcome.undetectable, outcome.found, strict=True):
            assert hidden != found, error
        assert outcome.alarms == ()
    assert sum(sum(outcome.found) for outcome in outcomes) >= len(numbers) - 1


@pytest.mark.slow
def test_what_patients_print_is_not_found_and_needs_a_witness(tables):
    # How often the second and the third level were counted is printed nowhere else.
    exchanged = {"t1_visits_1_n": "30", "t1_visits_1_pct": "15.9", "t1_visits_2_n": "47", "t1_visits_2_pct": "24.9"}
    hidden = Planting(errors=(Planted(kind="levels exchanged", change=exchanged),))
    assert witnessed(tables, hidden) == (True,)
    outcome = audit_planting(tables, hidden)
    assert outcome.found == (False,)
    assert outcome.alarms == ()
    # Half of it cannot be true.
    assert witnessed(tables, planting(tables, t1_visits_1_n="30")) == (False,)


def test_a_witness_is_recomputed_figure_by_figure(tables):
    patients = tables.witnesses.find(tables.figures)
    cohort = [figure for figure in tables.figures if figure.about == "cohort"]
    assert tables.witnesses.prints(patients, cohort)
    for id, value in (("t1_age_sd", "5.4"), ("t2_ht_p", "0.053"), ("t2_race_white_low_n", "24")):
        assert not tables.witnesses.prints(patients, [f for f in tables.altered({id: value}) if f.about == "cohort"])


def test_an_error_counts_once_with_all_that_its_conflict_holds(tables):
    outcome = audit_planting(tables, planting(tables, t2_smoke_p="0.062", t1_age_max="54"))
    assert outcome.found[0]
    assert outcome.alarms == ()


def test_tables_with_an_error_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"study.yml: no patients were found who print the unaltered tables"):
        Tables(small(tmp_path, t1_race_white_n="97"))


def test_errors_can_be_printed_and_differ_from_what_stands(tables):
    for errors in tables.errors.values():
        for figure, changes in errors.items():
            for change in changes:
                assert figure in change
                assert any(tables.by_id[id].value != value for id, value in change.items())
                assert all(float(value) >= 0 for value in change.values())
    assert {"t1_age_mean": "32.2"} in tables.errors["two digits swapped"]["t1_age_mean"]
    assert {"t2_race_p": "0.079"} not in tables.errors["P of another test"].get("t2_race_p", [])
    assert {"t2_smoke_p": "0.036"} in tables.errors["P of another test"]["t2_smoke_p"]  # Fisher's


def test_the_table_of_outcomes_counts_errors(tables, capsys):
    outcome = audit_planting(tables, planting(tables, t1_race_white_n="97"))
    planted_errors._print_table([outcome])
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.split() == ["all", "1", "0", "1", "1", "100.0", "%"]


@pytest.mark.slow
def test_shares_that_no_count_prints_are_told_one_after_another(tables):
    # Each alone is a conflict: to give up the first must not bring it back in place of the second.
    outcome = audit_planting(tables, planting(tables, t1_race_other_pct="34.5", t2_race_other_normal_pct="33.2"))
    assert outcome.found == (True, True)
    assert not outcome.alarms


def test_the_readme_tells_what_the_last_run_printed():
    root = Path(planted_errors.__file__).resolve().parents[1]
    printed = (root / "benchmarks" / "planted_errors.txt").read_text(encoding="utf-8")
    readme = " ".join((root / "README.md").read_text(encoding="utf-8").split())
    planted, hidden, detectable, found = re.search(r"^all +(\d+) +(\d+) +(\d+) +(\d+)", printed, re.MULTILINE).groups()
    assert f"Of {planted} errors, {hidden} are hidden" in readme
    assert f"all {found} others are found, and nothing else is" in readme
    assert found == detectable
    assert "findings in the unaltered tables: 0" in printed
    assert "plantings with a false alarm: 0 of" in printed
    taken = re.search(r"median (\S+), largest (\S+),", printed).groups()
    median, largest = (math.ceil(10 * float(seconds)) / 10 for seconds in taken)
    assert f"half of the audits take at most {median:g} s of one core, all at most {largest:g} s" in readme
