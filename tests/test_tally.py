"""tally.py: counts of patterns that add up, expand again, and are the same from every kind of frame."""

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystats.tally import PROVENANCE, Tally, count_patterns, weakest

LEVELS = pd.CategoricalDtype(["low", "mid", "high"], ordered=True)
PATIENTS = st.lists(
    st.tuples(
        st.sampled_from([None, 0.0, 0.1, 1.0, 7.0]),
        st.sampled_from([None, True, False]),
        st.sampled_from([None, "low", "high"]),
    ),
    max_size=30,
)


def rows_of(patients):
    """One row a patient: a number, a truth value and an ordered level, each of which may be missing."""
    number, truth, level = zip(*patients, strict=True) if patients else ((), (), ())
    return pd.DataFrame(
        {
            "dose": pd.Series(number, dtype="float64"),
            "died": pd.Series(truth, dtype="boolean"),
            "grade": pd.Series(pd.Categorical(level, dtype=LEVELS)),
        }
    )


def counted(patients):
    """Count patterns with a dictionary, the long way round."""
    found = {}
    for patient in patients:
        found[patient] = found.get(patient, 0) + 1
    return found


def as_dict(tally):
    """Return {pattern: n}, with None for missing."""
    return {
        tuple(None if pd.isna(v) else v for v in pattern[:-1]): pattern[-1] for pattern in tally.frame.itertuples(index=False)
    }


@given(PATIENTS)
def test_counts_are_those_of_the_rows(patients):
    tally = Tally.from_rows(rows_of(patients))
    assert as_dict(tally) == counted(patients)
    assert tally.total == len(patients)
    assert tally.columns == ["dose", "died", "grade"]


@given(PATIENTS)
def test_types_survive_tallying(patients):
    rows = rows_of(patients)
    frame = Tally.from_rows(rows).frame
    assert frame.dtypes.to_dict() == {**rows.dtypes.to_dict(), "n": np.dtype("int64")}


@given(PATIENTS, st.randoms(use_true_random=False))
def test_order_of_rows_changes_nothing(patients, random):
    shuffled = list(patients)
    random.shuffle(shuffled)
    pd.testing.assert_frame_equal(Tally.from_rows(rows_of(patients)).frame, Tally.from_rows(rows_of(shuffled)).frame)


@given(PATIENTS, PATIENTS)
def test_tallies_of_two_sites_add_up(here, there):
    whole = Tally.from_rows(rows_of([*here, *there]), provenance="printed")
    parts = Tally.from_rows(rows_of(here), provenance="printed") + Tally.from_rows(rows_of(there))
    pd.testing.assert_frame_equal(parts.frame, whole.frame)
    assert parts.provenance == "printed"


@given(PATIENTS)
def test_expanding_undoes_tallying(patients):
    tally = Tally.from_rows(rows_of(patients))
    expanded = tally.expand()
    assert len(expanded) == len(patients)
    pd.testing.assert_frame_equal(Tally.from_rows(expanded).frame, tally.frame)


@given(PATIENTS)
def test_complete_cases_are_those_without_a_missing_value(patients):
    tally = Tally.from_rows(rows_of(patients))
    assert as_dict(tally.complete()) == counted(p for p in patients if None not in p)
    assert as_dict(tally.complete(["died"])) == counted(p for p in patients if p[1] is not None)


def test_columns_may_be_chosen_and_ordered():
    tally = Tally.from_rows(rows_of([(1.0, True, "low"), (7.0, True, "low"), (1.0, False, None)]), ["grade", "died"])
    assert as_dict(tally) == {("low", True): 2, (None, False): 1}


def test_sum_takes_columns_in_any_order():
    rows = rows_of([(1.0, True, "low")])
    both = Tally.from_rows(rows, ["dose", "died"]) + Tally.from_rows(rows, ["died", "dose"])
    assert as_dict(both) == {(1.0, True): 2}


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ([], r"columns: \[\]; expected at least one"),
        (["n"], "none of them called 'n'"),
        (["dose", "weight"], "columns: no column 'weight'; expected some of dose, died, grade"),
    ],
)
def test_columns_that_cannot_be_tallied(columns, text):
    with pytest.raises(ValueError, match=text):
        Tally.from_rows(rows_of([(1.0, True, "low")]), columns)


def test_sum_of_other_columns_is_an_error():
    rows = rows_of([(1.0, True, "low")])
    with pytest.raises(ValueError, match=r"other: a tally of \['died'\]; expected one of \['dose'\]"):
        Tally.from_rows(rows, ["dose"]) + Tally.from_rows(rows, ["died"])


def test_sum_of_other_levels_is_an_error():
    here = rows_of([(1.0, True, "low")])
    there = here.assign(grade=here["grade"].cat.reorder_categories(["high", "mid", "low"], ordered=True))
    with pytest.raises(ValueError, match=r"other: 'grade' has other levels.*expected \['low', 'mid', 'high'\]"):
        Tally.from_rows(here) + Tally.from_rows(there)


def test_weakest_provenance():
    assert weakest([]) == "observed"
    assert weakest(["printed", "assumed", "implied"]) == "assumed"
    assert [weakest([p, "observed"]) for p in PROVENANCE] == list(PROVENANCE)


def pandas_frame(rows):
    return rows


def polars_frame(rows):
    return pytest.importorskip("polars", reason="Polars is not installed").from_dicts(rows.to_dict("records"))


def duckdb_relation(rows):
    return duckdb.from_df(rows)


@pytest.mark.parametrize("kind", [pandas_frame, polars_frame, duckdb_relation])
@settings(max_examples=20)
@given(patients=PATIENTS.filter(len))
def test_patterns_are_the_same_from_every_kind_of_frame(kind, patients):
    rows = rows_of(patients).astype(object).where(lambda f: f.notna(), None)
    rows["dose"] = rows["dose"].astype("float64")
    found = count_patterns(kind(rows), ["grade", "dose"])
    pairs = {tuple(None if pd.isna(v) else v for v in p[:2]): p[2] for p in found.itertuples(index=False)}
    assert pairs == counted((level, number) for number, _, level in patients)
    assert list(found.columns) == ["grade", "dose", "n"]
    assert found["n"].dtype == "int64"
