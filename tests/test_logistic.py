"""logistic.py and design.py against R, at their edges, and under recoding, order and doubling."""

import doctest
import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import chi2_contingency

from alike import near
from logistic_cases import birthwt, endometrial, infert, mtcars, number, pspp, reference, separated, table
from tallystats.regression import design, logistic, separation
from tallystats.regression.design import make_design, with_references
from tallystats.regression.logistic import EXACT_CHANGE, EXACT_ITERATIONS, fit_logistic, fit_many
from tallystats.regression.separation import detect_separation
from tallystats.results import UndefinedWarning
from tallystats.tally import Tally

EXACT = {"max_iterations": EXACT_ITERATIONS, "tolerance": EXACT_CHANGE}
#: R's names of the columns -> ours.
COLUMNS = {
    "(Intercept)": "intercept",
    "smokeTRUE": "smoke",
    "smoke": "smoke",
    "ht": "ht",
    "lwt": "lwt",
    "raceother": "race: other",
    "racewhite": "race: white",
}


def fitted(**options):
    return fit_logistic(birthwt(), outcome="low", terms=["smoke", "ht", "race", "lwt"], **(EXACT | options))


@pytest.mark.parametrize("name", ["(Intercept)", "smoke", "ht", "raceother", "racewhite", "lwt"])
@pytest.mark.parametrize("quantity", ["estimate", "std_error", "p_value", "conf_low", "conf_high"])
def test_maximum_likelihood_equals_glm(name, quantity):
    row = fitted().frame.set_index("term").loc[COLUMNS[name]]
    assert_allclose(row[quantity], number("birthwt", f"{name}:{quantity}"), rtol=1e-8)


@pytest.mark.parametrize("quantity", ["estimate", "std_error", "p_value"])
def test_a_second_data_set_equals_glm(quantity):
    terms = ["education", "age", "parity", "spontaneous", "induced"]
    fit = fit_logistic(infert(), outcome="case", terms=terms, **EXACT)
    wanted = [number("infert", f"{name}:{quantity}") for name in fit.terms]
    assert_allclose(fit.frame[quantity], wanted, rtol=1e-8)
    assert_allclose(fit.log_likelihood, number("infert", "log_likelihood"), rtol=1e-12)


@pytest.mark.parametrize(
    ("case", "tally", "outcome"), [("birthwt smoke ht lwt", birthwt, "low"), ("separated late weak", separated, "failed")]
)
def test_default_limits_equal_pspp(case, tally, outcome):
    """Both stop when no estimate moves by 0.001, which leaves far less to go; PSPP's errors are of the step before."""
    terms = case.split()[1:]
    fit = fit_logistic(tally(), outcome=outcome, terms=terms)
    assert fit.converged
    found = fit.frame.set_index("term").loc[pspp()[case].index]
    assert_allclose(found["estimate"], pspp()[case]["estimate"], rtol=1e-6)
    assert_allclose(found["std_error"], pspp()[case]["std_error"], rtol=1e-4)
    assert_allclose(found["statistic"], pspp()[case]["statistic"], rtol=1e-4)


def test_pspp_stops_elsewhere_under_separation():
    """PSPP starts from the intercept alone, overshoots and gives up at once: there it cannot stand in for SPSS."""
    found = pspp()["separated cement late weak"]
    fit = fit_logistic(separated(), outcome="failed", terms=["cement", "late", "weak"])
    assert found.loc["cement", "estimate"] < 0 < fit.estimates[1]


def test_likelihoods_equal_glm():
    fit = fitted()
    assert_allclose(fit.log_likelihood, number("birthwt", "log_likelihood"), rtol=1e-12)
    assert_allclose(fit.null_log_likelihood, number("birthwt", "null_log_likelihood"), rtol=1e-12)
    assert (fit.n, fit.events, fit.n_missing, fit.converged) == (189, 59, 0, True)
    assert fit.events_per_variable == 59 / 5


@pytest.mark.parametrize("counts", [(20, 5, 10, 15), (51, 0, 18, 3), (1, 1, 1, 1)])
def test_likelihood_ratio_of_one_binary_term_is_the_g_test(counts):
    cells = [(*key, n) for key, n in zip(itertools.product((0, 1), repeat=2), counts, strict=True) if n]
    statistic, df, p = fit_logistic(table(cells, "x", "y"), outcome="y", terms=["x"], max_iterations=30).likelihood_ratio
    wanted = chi2_contingency(np.reshape(counts, (2, 2)), correction=False, lambda_="log-likelihood")
    assert_allclose((statistic, p), (wanted.statistic, wanted.pvalue), rtol=1e-8, atol=1e-12)
    assert df == 1


def test_likelihood_ratio_without_terms_is_undefined():
    fit = fit_logistic(table([(1, 0, 6), (1, 1, 3)], "x", "y"), outcome="y", terms=["x"])
    statistic, df, p = fit.likelihood_ratio
    assert (math.isnan(statistic), df, math.isnan(p)) == (True, 0, True)


def test_confidence_level_widens():
    assert all(a > b for a, b in zip(fitted().conf_low, fitted(confidence_level=0.99).conf_low, strict=True))
    with pytest.raises(ValueError, match="confidence_level: 95; expected a number between 0 and 1"):
        fitted(confidence_level=95)


@pytest.mark.parametrize("steps", [5, 20])
@pytest.mark.parametrize("quantity", ["estimate", "std_error", "p_value"])
def test_stopped_under_separation_equals_newton(steps, quantity):
    """Where no maximum exists, the numbers are those of the step at which the program stops."""
    terms = ["cement", "late", "weak"]
    fit = fit_logistic(separated(), outcome="failed", terms=terms, max_iterations=steps)
    assert (fit.iterations, fit.converged) == (steps, False)
    found = fit.frame.set_index("term")[quantity]
    wanted = [number(f"stopped{steps}", f"{name}:{quantity}") for name in ("intercept", *terms)]
    # The information is nearly singular: R and we lose the same digits of the separated column.
    assert_allclose(found.to_numpy(), wanted, rtol=1e-6)


def test_default_limits_print_the_papers_p_values():
    fit = fit_logistic(separated(), outcome="failed", terms=["cement", "late", "weak"])
    assert [f"{fit.p_value(t):.3f}" for t in ("cement", "weak", "late")] == ["0.997", "0.225", "0.483"]


@pytest.mark.parametrize(
    ("cells", "kind", "directions"),
    [
        ([(0, 0, 10), (0, 1, 5), (1, 0, 5), (1, 1, 9)], "none", {}),
        ([(0, 0, 51), (1, 0, 18), (1, 1, 3)], "quasi-complete", {"intercept": -1, "x": 1}),
        ([(0, 1, 4), (1, 0, 6), (1, 1, 3)], "quasi-complete", {"intercept": 1, "x": -1}),
        ([(0, 0, 5), (1, 1, 5)], "complete", {"intercept": -1, "x": 1}),
    ],
)
def test_separation_of_one_term(cells, kind, directions):
    found = detect_separation(table(cells, "x", "y"), outcome="y", terms=["x"])
    assert (found.kind, found.directions) == (kind, directions)
    assert bool(found.cells) == (kind != "none")


@pytest.mark.parametrize("case", [case for case in reference() if case.startswith("separation")])
def test_separation_equals_where_newton_goes_in_r(case):
    outcome, terms = case.split()[1].split("~")
    kind, signs = reference()[case]["kind"].split()
    tally = separated() if outcome == "failed" else mtcars()
    found = detect_separation(tally, outcome=outcome, terms=terms.split("+"))
    assert found.kind == kind
    wanted = {term: {"+": 1, "-": -1}[sign] for term, sign in zip(terms.split("+"), signs, strict=True) if sign != "0"}
    assert {term: sign for term, sign in found.directions.items() if term != "intercept"} == wanted


@pytest.mark.parametrize("origin", [0.0, 2015.0, 45_000.0, 1e6])
@pytest.mark.parametrize("unit", [0.001, 1.0, 1000.0])
@pytest.mark.parametrize(("flip", "kind"), [(None, "none"), (4, "quasi-complete"), (5, "complete")])
def test_separation_does_not_hang_on_units(origin, unit, flip, kind):
    """Years, or days since an epoch, separate as what they count does."""
    x = [0.0, 1, 2, 3, 3, 4, 5, 6]
    y = {None: [0, 1, 0, 0, 1, 0, 1, 1], 4: [0, 0, 0, 0, 1, 1, 1, 1], 5: [0, 0, 0, 0, 0, 1, 1, 1]}[flip]
    rows = pd.DataFrame({"x": [origin + unit * value for value in x], "y": pd.array(y, dtype="boolean")})
    found = detect_separation(Tally.from_rows(rows), outcome="y", terms=["x"])
    assert found.kind == kind
    assert found.directions.get("x", 0) == (0 if flip is None else 1)


def test_separation_by_a_number_and_by_a_combination():
    rows = pd.DataFrame({"dose": [1.0, 2, 3, 3, 4, 5], "y": [False, False, False, True, True, True]})
    assert detect_separation(Tally.from_rows(rows), outcome="y", terms=["dose"]).kind == "quasi-complete"
    # Neither term alone, but their sum tells the outcome.
    both = table([(0, 0, 0, 3), (1, 0, 1, 3), (0, 1, 1, 3), (1, 1, 1, 3)], "a", "b", "y")
    assert detect_separation(both, outcome="y", terms=["a"]).kind == "quasi-complete"
    assert detect_separation(both, outcome="y", terms=["a", "b"]).kind == "complete"


def test_what_separates_is_named_with_its_counts():
    """A level, a number's range, and a combination that no term tells alone; empty levels are not there."""
    found = detect_separation(separated(), outcome="failed", terms=["cement", "late"])
    shown = [(m.terms, m.levels, m.events, m.n, m.told) for m in found.margins]
    assert shown == [
        (("cement",), ("no",), 0, 51, True),
        (("cement",), ("yes",), 3, 21, False),
        (("late",), ("no",), 1, 62, False),
        (("late",), ("yes",), 2, 10, False),
    ]
    assert (found.n_told, found.combined, found.cells) == (51, (), ("cement = no: 0 of 51 with failed",))
    frame = found.frame.set_index(["term", "level"])
    assert frame["direction"].tolist() == [0, 1, 0, 0]
    assert found.separating[0].words("failure", {"cement": "Kyphoplasty"}) == "Kyphoplasty = no: 0 of 51 with failure"

    rows = pd.DataFrame({"dose": [1.0, 2, 3, 3, 4, 5], "y": [False, False, False, True, True, True]})
    by_number = detect_separation(Tally.from_rows(rows), outcome="y", terms=["dose"])
    assert by_number.cells == ("dose: 3 to 5 with y, 1 to 3 without",)
    assert (by_number.n_told, by_number.frame["direction"].tolist()) == (4, [1])

    cells = [(0, 0, 0, 3), (0, 1, 1, 2), (0, 1, 0, 2), (1, 0, 1, 2), (1, 0, 0, 1), (1, 1, 1, 4)]
    both = detect_separation(table(cells, "a", "b", "y"), outcome="y", terms=["a", "b"])
    assert not any(margin.told for margin in both.margins)
    assert set(both.cells) == {"a = no, b = no: 0 of 3 with y", "a = yes, b = yes: 4 of 4 with y"}
    assert both.n_told == 7

    levels = pd.Categorical(["I", "I", "II", "II", "IV"], categories=["I", "II", "III", "IV"])
    rows = pd.DataFrame({"stage": levels, "y": [True, False, True, False, True]})
    named = detect_separation(Tally.from_rows(rows), outcome="y", terms=["stage"])
    assert [margin.levels[0] for margin in named.margins] == ["I", "II", "IV"]
    assert named.directions == {"stage: IV": 1}
    assert named.frame["direction"].tolist() == [0, 0, 1]


def test_published_separation():
    """Heinze and Schemper (2002): neovasculation alone separates; all 13 patients who have it are of high grade."""
    found = detect_separation(endometrial(), outcome="hg", terms=["nv", "pi", "eh"])
    assert (found.kind, found.directions) == ("quasi-complete", {"nv": 1})
    assert found.cells == ("nv = yes: 13 of 13 with hg",)


@given(st.lists(st.integers(0, 3), min_size=8, max_size=8))
def test_separation_is_what_brute_force_finds(counts):
    """Two binary terms: separated exactly when some line of the plane errs for nobody and tells somebody."""
    cells = [(a, b, y, n) for (a, b, y), n in zip(itertools.product((0, 1), repeat=3), counts, strict=True) if n]
    tally = table(cells, "a", "b", "y") if cells else None
    if not cells or len({y for *_, y, _ in cells}) < 2:
        return
    used = make_design(tally, outcome="y", terms=["a", "b"])
    grid = itertools.product(np.linspace(-1, 1, 9), repeat=used.x.shape[1])
    signed = used.x * np.where(used.y == 1, 1, -1)[:, None]
    scores = [signed @ np.array(b) for b in grid]
    apart = any((s >= -1e-12).all() and (s > 1e-12).any() for s in scores)
    complete = any((s > 1e-12).all() for s in scores)
    wanted = "complete" if complete else "quasi-complete" if apart else "none"
    assert detect_separation(tally, outcome="y", terms=["a", "b"]).kind == wanted


@given(st.lists(st.sampled_from([0, 0, 1, 2]), min_size=16, max_size=16))
def test_every_infinite_estimate_is_named_with_its_sign(counts):
    """Three binary terms: directions of small whole numbers that err for nobody say which estimates are infinite."""
    cells = [(*abc, y, n) for (*abc, y), n in zip(itertools.product((0, 1), repeat=4), counts, strict=True) if n]
    if len({cell[3] for cell in cells}) < 2:
        return
    tally = table(cells, "a", "b", "c", "y")
    used = make_design(tally, outcome="y", terms=["a", "b", "c"])
    signed = used.x * np.where(used.y == 1, 1, -1)[:, None]
    grid = np.array(list(itertools.product(range(-3, 4), repeat=used.x.shape[1])))
    harmless = grid[(grid @ signed.T >= 0).all(axis=1)]
    found = detect_separation(tally, outcome="y", terms=["a", "b", "c"])
    assert (found.kind == "none") == (not harmless.any())
    for name, up, down in zip(("intercept", *used.columns), harmless.max(axis=0), harmless.min(axis=0), strict=True):
        if not (up > 0 and down < 0):  # else the data allow either sign
            assert found.directions.get(name, 0) == np.sign(up + down), name


def test_columns_that_say_nothing_are_dropped_by_name():
    rows = pd.DataFrame({"x": [0.0, 1, 2, 3, 4, 5], "same": [1.0] * 6, "y": [False, True, False, True, True, False]})
    rows["twice"] = rows["x"] * 2
    fit = fit_logistic(Tally.from_rows(rows), outcome="y", terms=["x", "same", "twice"])
    assert fit.terms == ("intercept", "x")
    assert fit.dropped == {"same": "every patient has the same value", "twice": "the terms before it determine it"}
    assert math.isnan(fit.p_value("twice"))


def test_missing_values_are_left_out_and_counted():
    rows = pd.DataFrame({"x": [0.0, 1, 2, 3, None, 5], "y": pd.array([0, 1, 0, 1, 1, None], dtype="boolean")})
    fit = fit_logistic(Tally.from_rows(rows), outcome="y", terms=["x"])
    assert (fit.n, fit.n_missing) == (4, 2)


@pytest.mark.parametrize(
    ("levels", "dropped"),
    [
        ("abc", {"level: b": "no complete patient has it"}),
        ("bca", {"level: b": "no complete patient has it; the others are compared with c"}),
    ],
)
def test_an_empty_level_makes_no_column_and_is_named(levels, dropped):
    level = pd.Categorical(["a", "a", "c", "c"], categories=list(levels))
    rows = pd.DataFrame({"level": level, "y": [True, False, True, False]})
    fit = fit_logistic(Tally.from_rows(rows), outcome="y", terms=["level"])
    assert fit.terms == ("intercept", "level: c" if levels == "abc" else "level: a")
    assert fit.dropped == dropped


@pytest.mark.parametrize("reference_level", ["black", "other", "white"])
def test_the_reference_level_can_be_chosen(reference_level):
    """The odds ratio of two levels is the same whatever they are compared with."""
    plain = dict(zip(fitted().terms, fitted().estimates, strict=True))
    tally = with_references(birthwt(), {"race": reference_level, "nowhere": "x"})
    fit = fit_logistic(tally, outcome="low", terms=["smoke", "ht", "race", "lwt"], **EXACT)
    against = plain.get(f"race: {reference_level}", 0.0)
    assert f"race: {reference_level}" not in fit.terms
    for name, estimate in zip(fit.terms, fit.estimates, strict=True):
        if name.startswith("race"):
            assert_allclose(estimate, plain.get(name, 0.0) - against, rtol=1e-8)
    assert_allclose(fit.log_likelihood, fitted().log_likelihood, rtol=1e-12)


@pytest.mark.parametrize(
    ("references", "text"),
    [
        ({"race": "green"}, "references: 'race' has no level 'green'; expected one of black, other, white"),
        ({"smoke": "no"}, "references: 'smoke' has no level 'no'; expected one of none"),
    ],
)
def test_a_reference_that_is_no_level_is_an_error(references, text):
    with pytest.raises(ValueError, match=text):
        with_references(birthwt(), references)


def test_patterns_that_nobody_shows_are_not_there():
    """A count of 0 neither separates, nor makes a constant vary, nor an outcome."""
    cells = [(0, 1, 0, 9), (1, 1, 0, 4), (0, 1, 1, 3), (1, 1, 1, 6), (0, 0, 0, 0), (1, 0, 1, 0)]
    without = fit_logistic(table(cells[:4], "a", "b", "y"), outcome="y", terms=["a", "b"])
    fit = fit_logistic(table(cells, "a", "b", "y"), outcome="y", terms=["a", "b"])
    assert fit == near(without)
    assert fit.dropped == {"b": "every patient has the same value"}
    with pytest.raises(ValueError, match="'y' is the same in all 9 complete patients"):
        fit_logistic(table([(0, 0, 9), (1, 1, 0)], "x", "y"), outcome="y", terms=["x"])
    with pytest.raises(ValueError, match="no patient has a value of all of y, x"):
        fit_logistic(table([(0, 0, 0), (1, 1, 0)], "x", "y"), outcome="y", terms=["x"])


@pytest.mark.parametrize(
    ("outcome", "terms", "text"),
    [
        ("y", ["z"], "terms: 'z' is not in the tally; expected one of x, y"),
        ("z", ["x"], "outcome: 'z' is not in the tally; expected one of x, y"),
        ("x", ["y"], "outcome: 'x' is of type float64; expected boolean"),
        ("y", ["x"], "outcome: 'y' is the same in all 2 complete patients; expected both values"),
    ],
)
def test_errors_name_what_was_expected(outcome, terms, text):
    rows = pd.DataFrame({"x": [0.0, 1.0], "y": [True, True]})
    with pytest.raises(ValueError, match=text):
        fit_logistic(Tally.from_rows(rows), outcome=outcome, terms=terms)


def test_one_patient_has_one_outcome():
    with pytest.raises(ValueError, match="'y' is the same in all 1 complete patients"):
        fit_logistic(table([(1, 1, 1)], "x", "y"), outcome="y", terms=["x"])


def test_without_terms_the_intercept_is_the_log_odds():
    fit = fit_logistic(table([(1, 0, 6), (1, 1, 3)], "x", "y"), outcome="y", terms=["x"], **EXACT)
    assert fit.terms == ("intercept",)
    assert_allclose(fit.estimates[0], math.log(3 / 6), rtol=1e-12)
    assert_allclose(fit.log_likelihood, fit.null_log_likelihood, rtol=1e-12)
    assert math.isnan(fit.events_per_variable)


def test_years_are_no_intercept_and_their_copies_are_dropped():
    rows = pd.DataFrame({"year": [2015.0, 2016, 2017, 2018, 2019, 2020], "age": [40.0, 44, 39, 61, 50, 47]})
    rows["born"] = rows["year"] - rows["age"]
    rows["y"] = pd.array([0, 1, 0, 1, 1, 0], dtype="boolean")
    used = make_design(Tally.from_rows(rows), outcome="y", terms=["year", "age", "born"])
    assert used.columns == ("year", "age")
    assert used.dropped == {"born": "the terms before it determine it"}
    kept = make_design(Tally.from_rows(rows), outcome="y", terms=["year", "age", "born"], keep_determined=True)
    assert kept.columns == ("year", "age", "born")


def test_complete_on_leaves_out_who_lacks_another_column():
    rows = pd.DataFrame({"x": [0.0, 1, 2], "z": [1.0, None, 1], "y": pd.array([0, 1, 0], dtype="boolean")})
    used = make_design(Tally.from_rows(rows), outcome="y", terms=["x"], complete_on=["z"])
    assert (used.total, used.n_missing, used.columns) == (2, 1, ("x",))
    with pytest.raises(ValueError, match="complete_on: 'w' is not in the tally"):
        make_design(Tally.from_rows(rows), outcome="y", terms=["x"], complete_on=["w"])


def test_nobody_complete_is_an_error():
    rows = pd.DataFrame({"x": [None, 1.0], "y": pd.array([True, None], dtype="boolean")})
    with pytest.raises(ValueError, match="no patient has a value of all of y, x"):
        fit_logistic(Tally.from_rows(rows), outcome="y", terms=["x"])


def test_a_nearly_singular_table_is_undefined_not_noise():
    x = np.array([[1.0, 1e9], [1, 1e9 + 1], [1, 1e9 + 2], [1, 1e9 + 3]])
    fits = fit_many(x, np.array([0.0, 1, 0, 1]), np.array([[5, 5, 5, 5]]))
    assert np.isnan(fits.std_errors).all()
    assert not fits.converged[0]


def test_a_singular_table_spoils_no_other():
    x = np.array([[1.0, 0], [1, 0], [1, 1], [1, 1]])
    y = np.array([0.0, 1, 0, 1])
    fits = fit_many(x, y, np.array([[5, 5, 5, 9], [5, 5, 0, 0], [7, 2, 4, 4]]), **EXACT)
    assert np.isnan(fits.p_values[1]).all()
    alone = fit_many(x, y, np.array([7, 2, 4, 4]), **EXACT)
    assert_allclose(fits.coefficients[2], alone.coefficients[0], rtol=1e-12)
    assert fits.converged.tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        (35, "at the last of 35 Newton steps is singular: no standard errors"),
        (60, "before 60 Newton steps were done: no estimates"),
    ],
)
def test_a_singular_fit_is_undefined_and_says_why(steps, text):
    options = {"outcome": "failed", "terms": ["cement", "late"], "max_iterations": steps}
    with pytest.warns(UndefinedWarning, match=f"logistic model of failed: the information .*{text}") as caught:
        fit = fit_logistic(separated(), **options)
    assert caught[0].filename == __file__
    assert fit.problems["model"].endswith(text)
    assert np.isnan(fit.p_values).all()
    assert not fit.converged
    assert fit.separation.kind == "quasi-complete"


@pytest.mark.parametrize(("unit", "origin"), [(1.0, 2015.0), (86400.0, 1.4e9), (1e-6, 0.0), (8.64e13, 1.4e18)])
def test_units_and_origin_of_a_number_do_not_matter(unit, origin):
    """Pounds as they are, or as though they were years, seconds or nanoseconds since an epoch."""
    rows = birthwt().expand()
    fit = fitted()
    other = fit_logistic(
        Tally.from_rows(rows.assign(lwt=rows["lwt"] * unit + origin)),
        outcome="low",
        terms=["smoke", "ht", "race", "lwt"],
        max_iterations=20,
        tolerance=1e-10,
    )
    at = fit.terms.index("lwt")
    assert other.problems == {}
    assert_allclose(other.p_values[1:], fit.p_values[1:], rtol=1e-6)
    assert_allclose(other.estimates[at] * unit, fit.estimates[at], rtol=1e-6)


COUNTS = st.lists(st.integers(1, 30), min_size=4, max_size=4)


@given(COUNTS)
def test_one_binary_term_is_the_odds_ratio_of_its_table(counts):
    a, b, c, d = counts
    fit = fit_logistic(table([(0, 0, a), (0, 1, b), (1, 0, c), (1, 1, d)], "x", "y"), outcome="y", terms=["x"], **EXACT)
    assert_allclose(fit.frame["odds_ratio"][1], a * d / (b * c), rtol=1e-8)
    assert_allclose(fit.std_errors[1], math.sqrt(sum(1 / k for k in counts)), rtol=1e-8)


@given(COUNTS)
def test_recoding_doubling_and_order(counts):
    a, b, c, d = counts
    cells = [(0, 0, a), (0, 1, b), (1, 0, c), (1, 1, d)]
    fit = fit_logistic(table(cells, "x", "y"), outcome="y", terms=["x"], **EXACT)
    turned = fit_logistic(table([(1 - x, y, n) for x, y, n in cells], "x", "y"), outcome="y", terms=["x"], **EXACT)
    assert_allclose(turned.estimates[1], -fit.estimates[1], rtol=1e-8, atol=1e-12)
    assert_allclose(turned.log_likelihood, fit.log_likelihood, rtol=1e-12)
    twice = fit_logistic(table([(x, y, 2 * n) for x, y, n in cells], "x", "y"), outcome="y", terms=["x"], **EXACT)
    assert_allclose(twice.estimates, fit.estimates, rtol=1e-8, atol=1e-12)
    assert_allclose(twice.std_errors, np.array(fit.std_errors) / math.sqrt(2), rtol=1e-8)
    rows = table(cells[::-1], "x", "y").expand()
    assert_allclose(
        fit_logistic(Tally.from_rows(rows), outcome="y", terms=["x"], **EXACT).estimates, fit.estimates, rtol=1e-8, atol=1e-12
    )


@given(st.lists(st.integers(0, 9), min_size=8, max_size=8), st.randoms(use_true_random=False))
def test_order_and_expansion_change_nothing(counts, random):
    cells = [(a, b, y, n + 1) for (a, b, y), n in zip(itertools.product((0, 1), repeat=3), counts, strict=True)]
    options = {"outcome": "y", "terms": ["a", "b"], **EXACT}
    fit = fit_logistic(table(cells, "a", "b", "y"), **options)
    rows = table(cells, "a", "b", "y").expand()
    random.shuffle(cells)
    for other in (table(cells, "a", "b", "y"), Tally(rows.assign(n=1))):
        again = fit_logistic(other, **options)
        assert_allclose(again.estimates, fit.estimates, rtol=1e-8, atol=1e-10)
        assert_allclose(again.std_errors, fit.std_errors, rtol=1e-8)


@pytest.mark.parametrize("module", [logistic, design, separation])
def test_examples(module):
    assert doctest.testmod(module).failed == 0
