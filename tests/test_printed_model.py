"""printed_model.py and what it is made of: every joint table against all cohorts, every method against R."""

import csv
import doctest
import functools
import itertools
import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from printcheck.audit import model_methods, model_tables, printed_model
from printcheck.audit.model_methods import (
    FIRTH_RATIO,
    FIRTH_WALD,
    RATIO,
    SCORE,
    STEPS,
    WALD,
    WALD_BEFORE,
    WALD_R,
    firth_many,
    newton_steps,
    printouts_both_ways,
)
from printcheck.audit.model_tables import UncountableError, printed_margins, printed_sizes, roster_of, tables_left
from printcheck.audit.printed_model import study_printed_model
from printcheck.printed import patterns
from printcheck.printed.claims import claims
from printcheck.printed.patterns import design_of, joint_tables
from printcheck.printed.published import Figure, read_published
from studies import write_study
from studyfile.errors import CohortbookError
from studyfile.study.study import load_study
from tallystats.regression.firth import firth_logistic
from tallystats.regression.logistic import fit_logistic, fit_many
from tallystats.tally import Tally

# Methods, against R.

TABLES = {
    "first": (0, 0, 0, 0, 0, 1, 1, 1, 40, 5, 6, 0, 15, 1, 0, 2),
    "second": (0, 0, 0, 0, 1, 0, 0, 2, 45, 0, 1, 5, 14, 2, 1, 1),
    "whole": (2, 3, 1, 2, 4, 3, 2, 5, 20, 7, 9, 3, 11, 4, 6, 2),
}
#: Separated tables whose information is singular, at once or on the way, beside those that are whole.
SPOILT = [(0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 5, 60, 0, 0, 0), (3, 0, 0, 0, 0, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 4)]


@functools.cache
def reference():
    with (Path(__file__).parent / "reference" / "printed_model.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = {}
    for row in rows:
        found.setdefault((row["case"], row["quantity"][:-2]), []).append(float(row["value"]))
    return found


@functools.cache
def printed_for_all():
    """Return what each method prints for R's tables, among tables that are spoilt."""
    counts = np.array([*TABLES.values(), *SPOILT], float)
    return {(p.method, p.step, together): p for together, p in printouts_both_ways(*design_of(3), counts)}


@pytest.mark.parametrize("case", TABLES)
@pytest.mark.parametrize(
    ("quantity", "key", "rtol"),
    [
        *((f"wald {k}", (WALD, k, True), 1e-9 if k == 1 else 1e-6) for k in (1, 5, 20, 21)),
        *((f"before {k}", (WALD_BEFORE, k, True), 1e-9 if k == 1 else 1e-6) for k in (1, 5, 20, 21)),
        ("glm", (WALD_R, None, True), 1e-7),
        ("ratio", (RATIO, None, True), 1e-7),
        ("score", (SCORE, None, True), 1e-5),
        ("firth ratio", (FIRTH_RATIO, None, True), 1e-8),
        ("firth wald", (FIRTH_WALD, None, True), 1e-8),
    ],
)
def test_methods_equal_r(case, quantity, key, rtol):
    if case == "whole" and key[1] and key[1] > 1:
        rtol = 1e-5  # Newton's steps end when none moves an estimate by 0.001
    row = list(TABLES).index(case)
    assert_allclose(printed_for_all()[key].p_values[row], reference()[case, quantity], rtol=rtol)


@pytest.mark.parametrize("case", TABLES)
def test_estimates_equal_r(case):
    row = list(TABLES).index(case)
    assert_allclose(printed_for_all()[WALD_R, None, True].estimates[row], reference()[case, "glm estimate"], rtol=1e-7)
    firth = printed_for_all()[FIRTH_WALD, None, True].estimates[row]
    assert_allclose(firth, reference()[case, "firth estimate"], rtol=1e-8)
    alone = printed_for_all()[WALD, 5, False].p_values[row]
    assert_allclose(alone, reference()[case, "alone"], rtol=1e-6)


def test_a_singular_table_prints_nothing_and_spoils_no_other():
    for (method, step, together), found in printed_for_all().items():
        if together:
            assert np.isnan(found.p_values[len(TABLES) :]).any(axis=1).all(), (method, step)
        # As the table is when it comes alone.
        assert np.isfinite(found.p_values[2]).all(), (method, step)


def test_examples_are_true():
    failed, tried = doctest.testmod(model_methods)
    assert tried
    assert not failed


def random_tables(tables, terms=2, size=14, seed=3):
    rng = np.random.default_rng(seed)
    cells = 2 ** (terms + 1)
    return np.array([rng.multinomial(size, rng.dirichlet([1] * cells)) for _ in range(tables)], float)


def test_newton_steps_are_fits_under_each_limit():
    x, y = design_of(2)
    counts = random_tables(60)
    for k, (beta, errors, _) in enumerate(newton_steps(x, y, counts, steps=20), 1):
        fit = fit_many(x, y, counts, max_iterations=k)
        # Some of the matrices are nearly singular.
        assert_allclose(beta, fit.coefficients, rtol=1e-6, atol=1e-12)
        assert_allclose(errors, fit.std_errors, rtol=1e-6)


def as_tally(counts, terms=2):
    names = ["failed", *"abc"[:terms]]
    rows = [(y, *bits) for y in (True, False) for bits in itertools.product((False, True), repeat=terms)]
    frame = pd.DataFrame(rows, columns=names).assign(n=np.asarray(counts, int))
    return Tally(frame[frame["n"] > 0].reset_index(drop=True))


def test_firth_for_many_is_firth_for_one():
    counts = random_tables(14)
    beta, errors, p_values = firth_many(*design_of(2), counts)
    compared = 0
    for k in range(len(counts)):
        tally = as_tally(counts[k])
        if tally.frame["failed"].nunique() < 2:
            continue
        one = firth_logistic(tally, outcome="failed", terms=["a", "b"])
        if one.dropped:
            assert np.isnan(p_values[k, 1:]).all()
            continue
        assert_allclose(beta[k], one.estimates, rtol=1e-6, atol=1e-7)
        assert_allclose(errors[k], one.std_errors, rtol=1e-6)
        assert_allclose(p_values[k, 1:], one.p_values[1:], rtol=1e-6, atol=1e-12)
        compared += 1
    assert compared > 7


# Joint tables, against all cohorts of a small study.

STUDY = """\
study: {title: Small, id: id}
variables:
  failed: {label: Failed, kind: binary}
  grade: {label: Grade, kind: ordered, levels: [low, mid, high]}
  kind: {label: Kind, kind: category, levels: [none, x, y]}
  b: {label: B, kind: binary}
derived:
  severe: {label: Severe, from: grade, member: [high]}
  ill: {label: Ill, from: kind, member: [x, y]}
model: {number: "2", title: M, outcome: failed, candidates: [TERMS], max_iterations: 6}
published:
  groups:
    failed: {where: {failed: yes}}
    held: {where: {failed: no}}
    model: {model: true}
    first: {patient: 1}
reconstruction: {seed: 1, patients: PATIENTS, rules: [RULES]}
"""
RULE = "{why: none, when: {grade: high}, then: {kind: [none, x]}}"
LEVELS = {
    "grade": ("low", "mid", "high"),
    "kind": ("none", "x", "y"),
    "b": ("no", "yes"),
    "severe": ("no", "yes"),
    "ill": ("no", "yes"),
}


def small(folder, *, patients, terms="severe, ill, b", rules=RULE, changes=()):
    text = STUDY.replace("TERMS", terms).replace("PATIENTS", str(patients)).replace("RULES", rules)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return load_study(write_study(folder, text=text))


def figure(statistic, value, variable="", level="", group="all"):
    key = (variable, level, group, statistic, value)
    return Figure(
        id=":".join(map(str, key)),
        source="Text",
        about="cohort",
        variable=variable,
        level=level,
        group=group,
        statistic=statistic,
        value=str(value),
        denominator=None,
        claim="",
        note="",
    )


def of_patient(patient, name):
    grade, kind, b = patient
    found = {"grade": grade, "kind": kind, "b": b, "severe": grade == "high", "ill": kind != "none"}[name]
    return found if isinstance(found, str) else ("no", "yes")[found]


class Cohorts:
    """All cohorts of the small study; the first patient has failed and is described alone."""

    def __init__(self, sizes, *, rule, terms):
        self.sizes = sizes
        self.states = [
            p
            for p in itertools.product(*(LEVELS[n] for n in ("grade", "kind", "b")))
            if not (rule and p[0] == "high" and p[1] == "y")
        ]
        more = itertools.combinations_with_replacement(self.states, sizes[0] - 1)
        self.failed = [(one, *others) for one, others in itertools.product(self.states, list(more))]
        self.held = list(itertools.combinations_with_replacement(self.states, sizes[1]))
        self.halves = [[self._table(half, terms) for half in side] for side in (self.failed, self.held)]

    @staticmethod
    def _table(half, terms):
        shown = [tuple(int(of_patient(p, term) == "yes") for term in terms) for p in half]
        return tuple(shown.count(bits) for bits in itertools.product((0, 1), repeat=len(terms)))

    def drawn(self, rng, most):
        """Return figures that one cohort prints, and the joint tables of all cohorts that print them."""
        cohort = rng.choice(self.failed), rng.choice(self.held)
        good = np.ones((len(self.failed), len(self.held)), bool)
        figures = [figure("total", self.sizes[0], group="failed"), figure("value", "yes", "failed", group="first")]
        for _ in range(rng.randint(2, most)):
            name, group = rng.choice(sorted(LEVELS)), rng.choice(["failed", "held", "all", "first"])
            if group == "first" and name not in ("severe", "ill"):
                level = of_patient(cohort[0][0], name)
                figures.append(figure("value", level, name, group="first"))
                good &= np.array([of_patient(half[0], name) == level for half in self.failed])[:, None]
                continue
            group = "all" if group == "first" else group
            level = rng.choice(LEVELS[name])
            counts = [
                np.array([sum(of_patient(p, name) == level for p in half) for half in side])
                for side in ([*self.failed, cohort[0]], [*self.held, cohort[1]])
            ]
            use = (group != "held", group != "failed")
            value = sum(int(c[-1]) for c, used in zip(counts, use, strict=True) if used)
            good &= use[0] * counts[0][:-1, None] + use[1] * counts[1][:-1] == value
            figures.append(figure("n", value, name, level, group))
        tables = {(self.halves[0][i], self.halves[1][j]) for i, j in zip(*np.nonzero(good), strict=True)}
        return list({f.id: f for f in figures}.values()), tables


@pytest.mark.parametrize(
    ("rule", "terms"),
    [
        pytest.param(RULE, "severe, ill, b", marks=pytest.mark.slow),
        pytest.param(RULE, "b, ill, severe", marks=pytest.mark.slow),
        ("", "ill, b"),
    ],
)
def test_tables_left_are_those_of_all_cohorts(tmp_path, rule, terms):
    names, sizes = terms.split(", "), (2, 2)
    study = small(tmp_path, patients=sum(sizes), rules=rule, terms=terms)
    cohorts, rng, narrowed = Cohorts(sizes, rule=rule, terms=names), random.Random(len(terms)), 0
    for _ in range(12):
        figures, expected = cohorts.drawn(rng, 7)
        said = claims(study, figures)
        assert printed_sizes(study, said, "failed") == [sizes]
        assert tables_left(study, roster_of(study, said, "failed", sizes), said, names) == expected
        margins = [printed_margins(study, said, "failed", term, sizes) for term in names]
        listed = joint_tables(sizes, [[m[k] for m in margins] for k in (0, 1)], names)
        assert expected <= set(listed)
        narrowed += len(expected) < len(listed)
    assert narrowed > 4


def test_terms_that_are_tied_only_by_the_solver_s_rule_do_not_meet_freely(tmp_path):
    figures = [figure("total", 1, group="failed"), figure("n", 2, "severe", "yes"), figure("n", 1, "kind", "y")]
    said = claims(tied := small(tmp_path, patients=3, terms="severe, ill"), figures)
    # The rule sets y and high apart: with two of three high, the third is the one with y.
    found = tables_left(tied, roster_of(tied, said, "failed", (1, 2)), said, ["severe", "ill"])
    assert found
    assert all(a[1] + b[1] == 1 for a, b in found)
    said = claims(free := small(tmp_path, patients=3, terms="severe, ill", rules=""), figures)
    more = tables_left(free, roster_of(free, said, "failed", (1, 2)), said, ["severe", "ill"])
    assert found < more


# A printed model, searched.

BITS = list(itertools.product((0, 1), repeat=2))


def counts_of(table, terms):
    """Print the counts of each term in both groups."""
    for group, counts in zip(("failed", "held"), table, strict=True):
        yield figure("total", sum(counts), group=group)
        for k, term in enumerate(terms):
            yield figure("n", sum(n for n, bits in zip(counts, BITS, strict=True) if bits[k]), term, "yes", group)


def printed_of(table, step):
    """Return P of each term as SPSS prints it: `fit_logistic`, one table at a time; None where there is none."""
    tally = as_tally([*table[0], *table[1]])
    if tally.frame["failed"].nunique() < 2:
        return None
    fit = fit_logistic(tally, outcome="failed", terms=["a", "b"], max_iterations=step)
    values = (fit.p_value("a"), fit.p_value("b"))
    return None if any(map(math.isnan, values)) else tuple(f"{value + 1e-12:.3f}" for value in values)


TRUTH = ((1, 0, 1, 2), (4, 1, 2, 1))
TERMS = ("severe", "b")


@pytest.mark.filterwarnings("ignore")
def test_all_tables_that_print_the_model_are_found(tmp_path):
    study = small(tmp_path, patients=12, terms="severe, b")
    counts = list(counts_of(TRUTH, TERMS))
    margins = [tuple(tuple(sum(n for n, bits in zip(half, BITS, strict=True) if bits[k]) for k in (0, 1)) for half in TRUTH)]
    everything = [
        (one, two)
        for one in itertools.product(range(5), repeat=4)
        if sum(one) == 4
        for two in itertools.product(range(9), repeat=4)
        if sum(two) == 8
        if tuple(tuple(sum(n for n, bits in zip(half, BITS, strict=True) if bits[k]) for k in (0, 1)) for half in (one, two))
        == margins[0]
    ]
    wanted = printed_of(TRUTH, 6)
    model = study_printed_model(
        study, [*counts, *(figure("p", p, t, group="model") for p, t in zip(wanted, TERMS, strict=True))]
    )
    assert (model.searched, model.possible, model.decided, model.reason) == (len(everything),) * 2 + (True, "")
    expected = {table for table in everything if printed_of(table, 6) == wanted}
    assert {(t.with_outcome, t.without_outcome) for t in model.tables} == expected
    assert expected
    assert len(expected) < len(everything)
    stated = model.readings[0]
    assert (stated.method, stated.together, stated.tables) == (WALD, True, len(expected))
    assert 6 in stated.steps
    assert 6 in model.limits
    for k in (1, 2, 3, 4, 6, 10):
        assert (k in model.limits) == any(printed_of(table, k) == wanted for table in everything)


@pytest.mark.filterwarnings("ignore")
def test_a_table_says_what_the_single_fits_say(tmp_path):
    study = small(tmp_path, patients=12, terms="severe, b")
    wanted = printed_of(TRUTH, 6)
    model = study_printed_model(
        study, [*counts_of(TRUTH, TERMS), *(figure("p", p, t, group="model") for p, t in zip(wanted, TERMS, strict=True))]
    )
    for table in model.tables:
        tally = as_tally([*table.with_outcome, *table.without_outcome])
        fit = fit_logistic(tally, outcome="failed", terms=["a", "b"], max_iterations=6)
        firth = firth_logistic(tally, outcome="failed", terms=["a", "b"])
        assert_allclose([*table.p_values.values()], fit.p_values[1:], rtol=1e-8)
        assert_allclose([*table.firth_p_values.values()], firth.p_values[1:], rtol=1e-6)
        assert_allclose([*table.firth_odds_ratios.values()], np.exp(firth.estimates[1:]), rtol=1e-6)
        assert table.separation == fit.separation.kind
        names = dict(zip("ab", TERMS, strict=True))
        assert table.infinite == {names[k]: sign for k, sign in fit.separation.directions.items() if k in names}
        assert list(table.selections) == ["wald", "lr", "conditional"]
    frame = model.frame
    assert len(frame) == 2 * len(model.tables)
    assert set(frame["term"]) == set(TERMS)
    for term in TERMS:
        of_term = frame[frame["term"] == term]
        assert model.firth_range[term] == (of_term["firth_p_value"].min(), of_term["firth_p_value"].max())
        assert model.ratio_range[term] == (of_term["ratio_p_value"].min(), of_term["ratio_p_value"].max())
        low, high = model.firth_range_possible[term]
        assert low <= model.firth_range[term][0]
        assert high >= model.firth_range[term][1]
        one = [as_tally([*table.with_outcome, *table.without_outcome]) for table in model.tables]
        for step in (1, 3, 6):
            fits = [fit_logistic(t, outcome="failed", terms=["a", "b"], max_iterations=step) for t in one]
            p_values = [fit.p_values[1 + TERMS.index(term)] for fit in fits]
            assert_allclose(model.p_by_step[term][step - 1], (min(p_values), max(p_values)), rtol=1e-9)
    for test, ends in model.selections.items():
        assert sum(ends.values()) == model.followed == len(model.tables)
        assert model.ends_with_printed[test] == ends.get(TERMS, 0)


@pytest.mark.parametrize(
    ("method", "together"),
    [(WALD_R, True), (RATIO, True), (SCORE, True), (FIRTH_RATIO, True), (FIRTH_WALD, True), (RATIO, False), (SCORE, False)],
)
def test_a_model_that_another_method_printed_is_read_so(tmp_path, method, together):
    truth = ((1, 0, 1, 6), (14, 1, 9, 3))
    study = small(tmp_path, patients=35, terms="severe, b")
    found = {(p.method, t): p for t, p in printouts_both_ways(*design_of(2), np.array([[*truth[0], *truth[1]]], float))}
    p_values = found[method, together].p_values[0]
    figures = [figure("p", f"{p + 1e-13:.6f}", t, group="model") for p, t in zip(p_values, TERMS, strict=True)]
    model = study_printed_model(study, [*counts_of(truth, TERMS), *figures])
    readings = [(r.method, r.together) for r in model.readings if r.tables]
    assert (method, together) in readings
    # R's own limits print the same as SPSS's where nothing is separated, to six digits or not at all.
    assert method == WALD_R or (WALD, True) not in readings
    if (WALD, True) not in readings:
        assert model.tables == ()
        assert model.selections == {}
        assert math.isnan(model.firth_range["b"][0])
        assert next(r for r in model.readings if r.method == WALD and r.together).limit == f"after 1 to {STEPS} steps"


def test_other_figures_exclude_what_their_margins_do_not(tmp_path):
    study = small(tmp_path, patients=12, terms="severe, b")
    p = [figure("p", "0.500", term, group="model") for term in TERMS]
    told = [
        figure("value", "yes", "failed", group="first"),
        figure("value", "low", "grade", group="first"),
        figure("value", "yes", "b", group="first"),
    ]
    free = study_printed_model(study, [*counts_of(TRUTH, TERMS), *p])
    narrated = study_printed_model(study, [*counts_of(TRUTH, TERMS), *p, *told])
    assert narrated.searched == free.searched == free.possible > narrated.possible > 0
    given_up = study_printed_model(study, [*counts_of(TRUTH, TERMS), *p, *told], out={told[2].id})
    assert given_up.possible == free.possible
    against = [figure("value", "low", "grade", group="first"), *counts_of(((0, 0, 0, 4), TRUTH[1]), TERMS)]
    nothing = study_printed_model(study, [*against, *told[:1], *p])
    assert (nothing.possible, nothing.decided, nothing.tables) == (0, True, ())
    assert nothing.searched


def test_a_half_may_have_been_rounded_to_even(tmp_path):
    """1 of 8 is 12.5 %: 13 away from zero, 12 to even, which floating point has too."""
    study = small(tmp_path, patients=12, terms="severe, b")
    p = [figure("p", "0.500", term, group="model") for term in TERMS]
    counts = [f for f in counts_of(((1, 1, 1, 1), (6, 1, 1, 0)), TERMS) if (f.variable, f.group) != ("severe", "held")]
    of_held = replace(figure("percent", "12", "severe", "yes", "held"), denominator=8)
    model = study_printed_model(study, [*counts, of_held, *p])
    assert not model.reason
    assert model.searched == study_printed_model(study, [*counts, figure("n", 1, "severe", "yes", "held"), *p]).searched


# What cannot be searched says so.

P = [figure("p", "0.500", "severe", group="model")]


def test_no_model_is_none(tmp_path):
    assert study_printed_model(small(tmp_path, patients=12), [figure("total", 12)]) is None


@pytest.mark.parametrize(
    ("figures", "terms", "reason"),
    [
        (P, "severe, grade", "not searched: only models of terms that are yes or no are, and Grade is another kind"),
        (P, "severe", "not searched: no printed figure gives the number of patients with Failed"),
        (
            [*P, figure("total", 4, group="failed"), figure("total", 9, group="held")],
            "severe",
            "not searched: the printed numbers of patients with Failed contradict each other",
        ),
        (
            [*P, figure("total", 4, group="failed"), figure("n", 5, "severe", "yes", "failed")],
            "severe",
            "not searched: the printed counts of its terms contradict each other",
        ),
        (
            [*P, figure("total", 4, group="failed"), figure("n", 2, "severe", "yes"), figure("n", 3, "severe", "no")],
            "severe",
            "not searched: the printed counts of its terms contradict each other",
        ),
    ],
)
def test_what_is_not_searched_says_why(tmp_path, figures, terms, reason):
    model = study_printed_model(small(tmp_path, patients=12, terms=terms), figures)
    assert (model.reason, model.searched, model.possible, model.tables) == (reason, 0, 0, ())


def test_too_many_tables_are_a_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(patterns, "LIMIT", 10)
    model = study_printed_model(small(tmp_path, patients=12), [*P, figure("total", 4, group="failed")])
    assert model.reason.startswith("not searched: more than 10 joint tables of Severe, Ill, B have the printed counts")


def test_what_the_solver_does_not_settle_counts_as_possible(tmp_path, monkeypatch):
    monkeypatch.setattr(model_tables, "MOST_SOLVED", 1)
    study = small(tmp_path, patients=12, terms="severe, b")
    model = study_printed_model(study, [*P, *counts_of(TRUTH, TERMS), figure("n", 1, "ill", "yes")])
    assert model.decided  # the counts leave one way for each block
    open_counts = [figure("total", 4, group="failed"), figure("n", 2, "severe", "yes"), figure("n", 3, "b", "yes")]
    model = study_printed_model(study, [*P, *open_counts])
    assert not model.decided
    assert model.possible == model.searched > 1
    said = claims(study, open_counts)
    with pytest.raises(UncountableError, match=r"not decided within the limits: the joint counts of severe"):
        tables_left(study, roster_of(study, said, "failed", (4, 8)), said, ["severe", "b"])


def test_a_narrated_patient_whose_outcome_is_open_is_not_decided(tmp_path):
    study = small(tmp_path, patients=12, terms="severe, b")
    told = figure("value", "no", "b", group="first")
    said = claims(study, [told, *counts_of(TRUTH, TERMS)])
    with pytest.raises(UncountableError, match="Failed of the patients described one by one is not settled"):
        roster_of(study, said, "failed", (4, 8))
    model = study_printed_model(study, [*P, told, *counts_of(TRUTH, TERMS)])
    assert not model.decided
    assert model.possible == model.searched


def test_too_many_tables_left_are_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(model_tables, "LIMIT", 1)
    study = small(tmp_path, patients=12, terms="severe, b")
    said = claims(study, list(counts_of(TRUTH, TERMS)))
    with pytest.raises(CohortbookError, match="the other figures leave more than 1 joint tables of severe, b"):
        tables_left(study, roster_of(study, said, "failed", (4, 8)), said, TERMS)


def test_selections_are_followed_in_some_tables_spread_over_all(tmp_path, monkeypatch):
    monkeypatch.setattr(printed_model, "MOST_FOLLOWED", 2)
    study = small(tmp_path, patients=12, terms="severe, b")
    model = study_printed_model(study, [figure("p", "<0.999", "severe", group="model"), *counts_of(TRUTH, TERMS)])
    assert len(model.tables) > 2 == model.followed
    assert [bool(t.selections) for t in model.tables] == [True, *[False] * (len(model.tables) - 2), True]
    assert {sum(ends.values()) for ends in model.selections.values()} == {2}


# The bundled study.

#: The terms of its printed model.
BUNDLED = ("kyphoplasty", "postop_complication", "preop_ais_c_or_worse")


@functools.cache
def bundled():
    study = load_study("spinal-metastases")
    out = {entry.figure for entry in study.file.reconstruction.left_out}
    return study_printed_model(study, read_published(study), out=out)


@pytest.mark.slow
def test_the_bundled_model_is_printed_only_where_its_limit_stops_it():
    model = bundled()
    assert model.terms == BUNDLED
    assert (model.searched, model.decided, model.reason) == (1650, True, "")
    assert 0 < model.possible < model.searched
    assert len(model.tables) == 12
    assert model.limits == (model.max_iterations,)
    assert [r.method for r in model.readings if r.tables and r.method != WALD_BEFORE] == [WALD]
    # Each of the tables is separated, so no estimate of that term exists, and no method without a limit prints it.
    assert {t.separation for t in model.tables} == {"quasi-complete"}
    assert model.separated_in_all
    assert not any(model.ends_with_printed.values())
    assert set(model.removal_tests) == {"wald", "lr", "conditional"}
    assert model.followed == 12


@pytest.mark.slow
def test_the_bundled_tables_hold_the_two_that_r_fits():
    found = {(*t.with_outcome, *t.without_outcome) for t in bundled().tables}
    assert {TABLES["first"], TABLES["second"]} <= found


def test_what_other_figures_exclude_of_the_bundled_tables_follows_from_one_patient():
    study = load_study("spinal-metastases")
    out = {entry.figure for entry in study.file.reconstruction.left_out}
    figures = [f for f in read_published(study) if f.id not in out and f.group != "multivariable_model"]
    said, terms = claims(study, figures), BUNDLED
    tables = model_tables.printed_tables(study, said, "implant_failure", terms)
    left, decided = model_tables.allowed_tables(study, said, "implant_failure", terms, tables)
    assert decided
    # The one patient who got worse went from C to A, is the one with paraplegia, and kept the implant: among those who
    # kept it, somebody has both a complication and C or worse.
    patterns_ = list(itertools.product((0, 1), repeat=3))
    both = [
        k
        for k, bits in enumerate(patterns_)
        if bits[terms.index("postop_complication")] and bits[terms.index("preop_ais_c_or_worse")]
    ]
    assert left == {table for table in tables if sum(table[1][k] for k in both) >= 1}
