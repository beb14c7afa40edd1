"""Tables 2-8 as saved show every figure that the paper prints, at its place; and whatever holds the rows, the same strings."""

import csv
import re

import pytest

import cohortbook as cb
from cohortbook.display.all_layouts import table_of

STUDY = "spinal-metastases"
NUMBERS = ("2", "3", "4", "5", "6", "7", "8")


@pytest.fixture(scope="module")
def study():
    return cb.load_study(STUDY)


@pytest.fixture(scope="module")
def cohort(study):
    return cb.load_cohort(study)


@pytest.fixture(scope="module")
def results(cohort):
    return (*cb.descriptive_tables(cohort), cb.compare_groups(cohort), cb.study_model(cohort))


@pytest.fixture(scope="module")
def saved(results, tmp_path_factory):
    """Save the tables as the notebooks do; read them back as number -> lines of cells."""
    folder = tmp_path_factory.mktemp("saved")
    cb.save(folder, *results)
    tables = {}
    for number in NUMBERS:
        with (folder / "tables" / f"table-{number}.csv").open(encoding="utf-8-sig", newline="") as file:
            tables[number] = list(csv.reader(file))
    return tables


@pytest.fixture(scope="module")
def printed(study):
    """The rows of published.csv by the number of their table; a figure of one patient is in no cell."""
    by_number = {number: [] for number in NUMBERS}
    with (study.path.parent / "published.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            number = row["source"].removeprefix("Table ")
            if number in by_number and row["statistic"] != "value":
                by_number[number].append(row)
    return by_number


def label_of(study, number, row):
    """Return what the study file calls the row of a printed figure, and the column it stands in."""
    if number in "78":
        plan = study.plan("comparison")
        column = {"failure": 1, "no_failure": 2, "failure_vs_no_failure": 3, "multivariable_model": 1}[row["group"]]
        labels = {r.variable: r.label for r in plan.rows} if number == "7" else {}
        return labels.get(row["variable"]) or study.label(row["variable"]), column
    planned = next(r for r in study.plan("tables")[f"table-{number}"].rows if r.variable == row["variable"])
    level = row["level"]
    if len(planned.levels) == 1:
        level = planned.labels.get(level) or planned.label or study.label(row["variable"])
    return planned.labels.get(level, level), {"n": 1, "percent": 2}[row["statistic"]]


def plain(cell):
    """Strip a row's name of marks, unit and kind of number."""
    return re.sub(r"( [†§])+|, (mean|%)$", "", cell)


def compare(study, number, rows, lines):
    """Find each printed figure from the last one's row on; return the ids that differ, and the lines that were used."""
    at, wrong, used = 1, [], {0}
    for row in rows:
        if row["statistic"] == "total":
            column = {"all": 0, "failure": 1, "no_failure": 2}[row["group"]]
            shown = re.search(r"[Nn] = (\d+)", lines[0][column])[1]
        else:
            label, column = label_of(study, number, row)
            unit = study.unit(row["variable"]) if number == "7" else ""
            wanted = f"{label}, {unit}" if unit else label
            while plain(lines[at][0]) != wanted or not any(lines[at][1:]):
                at += 1
                assert at < len(lines), f"{row['id']}: no row {wanted!r} from there on"
            used.add(at)
            shown = re.sub(r" [a-h]?‡?$", "", lines[at][column])
        if shown != row["value"]:
            wrong.append(row["id"])
    return wrong, used


@pytest.mark.parametrize("number", NUMBERS)
def test_every_printed_figure_stands_at_its_place_and_in_its_order(study, saved, printed, number):
    left_out = {entry.figure for entry in study.file.reconstruction.left_out}
    assert printed[number]
    wrong, used = compare(study, number, printed[number], saved[number])
    assert wrong == [row["id"] for row in printed[number] if row["id"] in left_out]
    headings = {k for k, line in enumerate(saved[number]) if not any(line[1:])}
    assert used | headings == set(range(len(saved[number]))), "a row shows what is printed nowhere"
    assert not used & headings


def test_a_changed_figure_is_found(study, saved, printed):
    rows = [{**row, "value": "0.57"} if row["id"] == "t7_survival_p" else row for row in printed["7"]]
    assert "t7_survival_p" in compare(study, "7", rows, saved["7"])[0]


def test_table_8_shows_the_papers_p_values(saved):
    assert [line[1] for line in saved["8"]] == ["P", "0.997", "0.225", "0.483"]


def test_patient_behind_the_printed_mean_is_there(cohort):
    frame = cohort.tally("implant_failure", "survival_days").frame
    assert 989 in set(frame.loc[frame["implant_failure"].fillna(False), "survival_days"])


def strings(results):
    """Every displayed string of the tables of some results."""
    tables = [table_of(result) for result in results]
    return {table.name: (table.strings, table.notes, table.title) for table in tables}


def everything(cohort):
    survival = cb.study_survival(cohort)
    return (
        *cb.descriptive_tables(cohort),
        cb.compare_groups(cohort),
        cb.study_model(cohort),
        cb.landmark_table(survival),
        cb.rate_table(survival),
        cb.stratum_table(survival),
        cb.study_competing(cohort),
        cb.study_cox(cohort),
    )


def shuffled_table(path, folder):
    """Put the rows of a file into a database, in another order."""
    import duckdb
    import pandas as pd

    database = duckdb.connect(str(folder / "cohort.duckdb"))
    database.register("source", pd.read_csv(path, keep_default_na=False).sample(frac=1, random_state=1))
    database.sql("create table patients as select * from source")
    return database.table("patients")


def test_a_database_in_another_order_prints_the_same_tables(study, results, tmp_path):
    cohort = cb.load_cohort(study, shuffled_table(study.path.parent / study.file.study.data, tmp_path))
    again = (*cb.descriptive_tables(cohort), cb.compare_groups(cohort), cb.study_model(cohort))
    assert strings(again) == strings(results)


@pytest.mark.slow
def test_same_strings_from_pandas_and_from_a_database(study, results, tmp_path):
    import duckdb
    import pandas as pd

    path = study.path.parent / study.file.study.data
    from_pandas = strings(everything(cb.load_cohort(study, pd.read_csv(path, keep_default_na=False))))
    assert set(from_pandas) == {*(f"table-{n}" for n in NUMBERS), "survival", "rate", "strata", "incidence", "cox"}
    assert {name: from_pandas[name] for name in strings(results)} == strings(results)
    assert strings(everything(cb.load_cohort(study, duckdb.read_csv(str(path))))) == from_pandas
    assert strings(everything(cb.load_cohort(study, shuffled_table(path, tmp_path)))) == from_pandas


def test_table_of_leaves_a_table_as_it_is(cohort):
    table = cb.missing_table(cohort)
    assert cb.table_of(table) is table
