"""patterns.py: every joint table with the printed margins, and those among them that print a model's P values."""

import doctest
import itertools
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from printcheck.printed import patterns
from printcheck.printed.patterns import design_of, joint_counts, joint_tables, printing, tables_with_margins
from printcheck.printed.published import Figure, prints_as, round_half_away
from studyfile.errors import CohortbookError
from tallystats.regression.logistic import fit_logistic, fit_many
from tallystats.tally import Tally


def printed(variable, value):
    parts = dict.fromkeys(("level", "claim", "note"), "")
    return Figure(
        id=f"{variable}={value}",
        source="Table 8",
        about="cohort",
        variable=variable,
        group="model",
        statistic="p",
        value=value,
        denominator=None,
        **parts,
    )


def compositions(size, cells):
    """Yield every way to spread patients over cells."""
    for bars in itertools.combinations(range(size + cells - 1), cells - 1):
        ends = (-1, *bars, size + cells - 1)
        yield tuple(b - a - 1 for a, b in itertools.pairwise(ends))


@given(size=st.integers(0, 5), data=st.data(), terms=st.integers(1, 3))
def test_tables_are_all_that_have_the_margins(size, data, terms):
    limits = st.tuples(st.integers(0, size), st.integers(0, size))
    margins = data.draw(st.lists(limits, min_size=terms, max_size=terms))
    bits = list(itertools.product((0, 1), repeat=terms))
    expected = [
        table
        for table in compositions(size, len(bits))
        if all(
            low <= sum(n for n, bit in zip(table, bits, strict=True) if bit[t]) <= high for t, (low, high) in enumerate(margins)
        )
    ]
    found = list(tables_with_margins(size, margins))
    assert len(found) == len(set(found))
    assert sorted(found) == sorted(expected)


def fitted(table):
    """Fit a table of two terms the way the notebooks do; return the P value of each."""
    rows = [
        {"failed": failed, "a": bool(a), "b": bool(b), "n": n}
        for failed, counts in zip((True, False), table, strict=True)
        for (a, b), n in zip(itertools.product((0, 1), repeat=2), counts, strict=True)
    ]
    fit = fit_logistic(Tally(pd.DataFrame(rows)), outcome="failed", terms=["a", "b"], max_iterations=20)
    return fit.p_value("a"), fit.p_value("b")


SIZES, MARGINS = (3, 6), [[(1, 3), (2, 2)], [(2, 3), (0, 3)]]


@pytest.mark.filterwarnings("ignore")
def test_joint_counts_are_all_tables_that_print():
    tables = list(itertools.product(*(tables_with_margins(s, m) for s, m in zip(SIZES, MARGINS, strict=True))))
    fits = {table: fitted(table) for table in tables}
    assert len(tables) > 40
    asked = {(f"{a:.2f}", f"{b:.2f}") for a, b in fits.values() if a == a and b == b}
    for of_a, of_b in sorted(asked)[::5]:
        figures = [[printed("a", of_a)], [printed("b", of_b), printed("b", of_b)]]
        expected = [t for t, (a, b) in fits.items() if prints_as(figures[0][0], a) and prints_as(figures[1][0], b)]
        assert sorted(joint_counts(SIZES, MARGINS, figures, 20)) == sorted(expected)
    everything = joint_counts(SIZES, MARGINS, [[], []], 20)
    assert sorted(everything) == sorted(tables)  # a term whose P is not printed narrows nothing


@pytest.mark.filterwarnings("ignore")
def test_an_undefined_model_prints_nothing():
    figures = [[printed("a", "0.50")], [printed("b", "0.50")]]
    assert joint_counts((2, 2), [[(0, 0), (1, 1)], [(0, 0), (1, 1)]], figures, 20) == []


def test_margins_that_contradict_each_other_leave_nothing():
    assert joint_counts((2, 2), [[(2, 1)], [(0, 2)]], [[printed("a", "0.50")]], 20) == []


def test_the_limit_is_kept(monkeypatch):
    monkeypatch.setattr(patterns, "LIMIT", 100)
    with pytest.raises(CohortbookError, match=r"more than 100 joint tables of a, b have the printed counts; print the counts"):
        joint_counts((3, 60), [[(0, 3), (0, 3)], [(0, 60), (0, 60)]], [[printed("a", "0.5")], [printed("b", "0.5")]], 20)


@pytest.mark.slow
def test_a_flood_of_tables_is_stopped_early():
    free = [(0, 70)] * 3
    figures = [[printed("a", "0.5")], [], []]
    with pytest.raises(CohortbookError, match="more than 200,000 joint tables of a have"):
        joint_counts((70, 70), [free, free], figures, 20)


@given(value=st.sampled_from(["<0.001", "<0.05", "0.05", "0.050", "1.00", "0.000", "0.3", "0"]), data=st.data())
def test_many_values_print_as_one_by_one(value, data):
    edges = [0.0, 1e-9, 0.0005, 0.001, 0.045, 0.0495, 0.05, 0.0505, 0.055, 0.25, 0.3, 0.35, 0.995, 1.0, float("nan")]
    p_values = data.draw(st.lists(st.one_of(st.sampled_from(edges), st.floats(0, 1)), max_size=8))
    figure, values = printed("a", value), np.array(p_values, float).reshape(-1, 1)
    found = printing([[figure]], values, values, values)
    assert found.tolist() == [prints_as(figure, p) for p in p_values]


@dataclass(frozen=True, kw_only=True)
class Ratio(Figure):
    """A printed odds ratio with its interval."""

    parts: dict[str, str] = field(default_factory=dict)


@pytest.mark.filterwarnings("ignore")
def test_odds_ratios_with_their_intervals_narrow_too():
    tables = joint_tables(SIZES, MARGINS, ["a", "b"])
    fit = fit_many(*design_of(2), np.array([(*one, *two) for one, two in tables], float), max_iterations=20)
    ends = {"estimate": 0, "low": -1.959963984540054, "high": 1.959963984540054}
    chosen = next(k for k in range(len(tables)) if fit.converged[k] and np.isfinite(fit.std_errors[k]).all())
    of_a = {
        name: f"{float(round_half_away(np.exp(fit.coefficients[chosen, 1] + z * fit.std_errors[chosen, 1]), 2)):.2f}"
        for name, z in ends.items()
    }
    ratio = Ratio(**vars(replace(printed("a", of_a["estimate"]), statistic="odds_ratio")), parts=of_a)
    expected = [
        table
        for k, table in enumerate(tables)
        if all(
            prints_as(replace(ratio, value=of_a[name]), float(np.exp(fit.coefficients[k, 1] + z * fit.std_errors[k, 1])))
            for name, z in ends.items()
        )
    ]
    found = joint_counts(SIZES, MARGINS, [[ratio], []], 20)
    assert tables[chosen] in found
    assert found == expected
    assert len(found) < len(tables)
    without = replace(ratio, parts={"estimate": of_a["estimate"]})  # one printed without its interval
    assert set(found) <= set(joint_counts(SIZES, MARGINS, [[without], []], 20))


def test_examples_are_true():
    failed, tried = doctest.testmod(patterns)
    assert tried
    assert not failed
