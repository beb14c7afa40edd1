"""clusters.py against R, at its edges."""

import doctest
import math

import pandas as pd
import pytest
from numpy.testing import assert_allclose

from several import R, cases, groups_of, rows_of
from tallystats.results import UndefinedWarning
from tallystats.statistics import clusters
from tallystats.statistics.clusters import intracluster_correlation
from tallystats.tally import Tally


@pytest.mark.parametrize("case", cases("icc"))
def test_numbers_equal_r(case):
    found = intracluster_correlation(groups_of(case), "value", "group")
    values = (found.estimate, found.mean_size, found.conf_low, found.conf_high)
    assert_allclose(values, [R[case][q] for q in ("icc", "icc_size", "icc_low", "icc_high")], rtol=1e-8)
    assert found.conf_low <= found.estimate <= found.conf_high
    assert found.design_effect >= 1


@pytest.mark.parametrize("case", cases("event_icc"))
def test_yes_and_no_count_one_and_nothing(case):
    tally = groups_of(case)
    events = Tally(tally.frame.assign(value=tally.frame["value"].astype(bool).astype("boolean")))
    found = intracluster_correlation(events, "value", "group")
    assert_allclose(found.estimate, R[case]["event_icc"], rtol=1e-9)


def test_patients_who_are_all_alike_in_their_cluster():
    found = intracluster_correlation(Tally.from_rows(rows_of([[1, 1], [2, 2, 2], [5, 5]])), "value", "group")
    assert (found.estimate, found.conf_low, found.conf_high) == (1, 1, 1)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([[1, 2, 3]], "there is one cluster"),
        ([[1], [2], [3]], "each cluster has one patient"),
        ([[4, 4], [4]], "every patient has the same value"),
        ([[], []], "no patient has both values"),
    ],
)
def test_undefined_is_nan_with_a_reason(values, reason):
    with pytest.warns(UndefinedWarning, match=reason):
        found = intracluster_correlation(Tally.from_rows(rows_of(values)), "value", "group")
    assert (math.isnan(found.estimate), found.reason) == (True, reason)


def test_levels_are_refused():
    tally = Tally.from_rows(pd.DataFrame({"value": list("abc"), "group": list("xxy")}))
    with pytest.raises(ValueError, match="expected numbers"):
        intracluster_correlation(tally, "value", "group")


def test_examples_run():
    tested = doctest.testmod(clusters)
    assert tested.attempted
    assert not tested.failed
