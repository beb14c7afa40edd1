"""solver.py and what it is made of: a model is feasible exactly when a cohort exists, found by trying all of them."""

import functools
import itertools
import math
import os
import random
import statistics
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

from groups import table_of
from printcheck.printed.cells import SolverError, cells_of
from printcheck.printed.claims import claims, planned_tests, unstated
from printcheck.printed.printed_effects import estimate_of, haldane, pairs_that_print
from printcheck.printed.published import Figure, prints, round_half_away
from printcheck.proof import solver, solver_tests
from printcheck.proof.conflicts import blocks_of, of_block, rosters
from printcheck.proof.solver import Block, Roster, deterministic_solver
from printcheck.reconstruct.reprint import reprint
from studies import write_study
from studyfile.cohort.cohort import load_cohort
from studyfile.study.study import load_study
from tallystats.interval import Interval
from tallystats.regression.logistic import fit_many
from tallystats.statistics import printed_tests
from tallystats.statistics.effects import odds_ratio
from tallystats.statistics.printed_tests import counts_that_print, fisher_p_value, pearson_p_value, student_limits, tie_window
from tallystats.statistics.two_groups import fisher_exact, pearson_chi_square

TINY = """\
study: {title: Tiny, id: id}
variables:
  treated: {label: Treated, kind: binary}
  k: %s
  l: {label: L, kind: count, range: [0, 2]}
  a: {label: A, kind: binary}
  c: {label: C, kind: category, levels: [x, y, z]}
derived:
  in_x: {label: In x, from: c, member: [x]}
  k_band: {label: K, from: k, bands: [{label: low, below: 7}, {label: mid, from: 7, below: 12}, {label: high, from: 12}]}
comparison: {number: "1", title: T, groups: treated, rows: [{variable: k%s}, {variable: a, test: %s}]}
model: {number: "2", title: M, outcome: treated, candidates: [a, in_x], max_iterations: 6}
published:
  groups:
    yes: {where: {treated: yes}}
    no: {where: {treated: no}}
    with_a: {where: {a: yes}}
    treated_with_a: {where: {treated: yes, a: yes}}
    test: {compare: treated}
    model: {model: true}
    first: {patient: 1}
reconstruction: {seed: 1, patients: %d%s}
"""
COUNT = "{label: K, kind: count, range: [0, 3]}"
TENTHS = "{label: K, kind: continuous, decimals: 1, range: [-0.1, 0.2]}"
#: Sets of figures that are put to the solver in each setting.
EXAMPLES = int(os.environ.get("COHORTBOOK_EXAMPLES", "12"))
WIDE = "{label: K, kind: continuous, decimals: 0, range: [0, 24]}"
BAND = TINY[TINY.index("  k_band") : TINY.index("comparison")]


def tiny(folder, k=COUNT, test="", of_a="pearson_chi_square", patients=5, rules=""):
    test = f", test: {test}" if test else ""
    rules = f", rules: [{rules}]" if rules else ""
    return load_study(write_study(folder, text=TINY % (k, test, of_a, patients, rules)))


def figure(statistic, value, variable="", level="", group="all", denominator=None, id=None):
    parts = (variable, level, group, statistic, value)
    return Figure(
        id=id or ":".join(map(str, parts)),
        source="Text",
        about="cohort",
        variable=variable,
        level=level,
        group=group,
        statistic=statistic,
        value=str(value),
        denominator=denominator,
        claim="",
        note="",
    )


def printed(value, decimals):
    """Print a number as a paper does; nothing is printed of what is undefined."""
    if value != value:
        return "undefined"
    return f"{float(round_half_away(value, decimals)):.{decimals}f}"


def holds(study, figures, *, lenient, tests=None, denied=None, ties=False):
    """Say whether the solver finds all figures together feasible, one of them denied or not."""
    said = claims(study, figures, ties=ties)
    (roster,) = rosters(study, said)
    if any(
        len(roster.members(study, c.where)) not in c.interval for c in said if not c.variables and not roster.unsettled(c.where)
    ):
        return False
    tests = tests or {c.variable: planned_tests(study, c.variable) for c in said if c.kind == "test"}
    for variables in blocks_of(study, roster, said):
        mine, rules = of_block(study, roster, variables, said)
        block = Block(study, roster, variables, mine, rules, tests, lenient=lenient)
        for id, literal in block.kept.items():
            block.model.add((block.deny(id) if id == denied else literal) == 1)
        solver = deterministic_solver(1)
        status = solver.status_name(solver.solve(block.model))
        assert status in ("OPTIMAL", "FEASIBLE", "INFEASIBLE")
        if status == "INFEASIBLE":
            return False
    return True


class Everyone:
    """All cohorts of a tiny study: `treated` of `size` patients are treated; the first is described alone or not.

    `figures` maps each figure's key to what every cohort prints there.
    """

    def __init__(self, patterns, sizes, narrated=False):
        self.patterns = patterns
        first = [(p,) for p in patterns] if narrated else [()]
        others = list(itertools.combinations_with_replacement(patterns, sizes[0] - narrated))
        rest = list(itertools.combinations_with_replacement(patterns, sizes[1]))
        self.cohorts = [(one + two, three) for one in first for two in others for three in rest]
        self.figures = {}

    def say(self, key, of, decimals=None):
        """Note what every cohort prints for a figure; `of` takes the treated and the others."""
        values = [of(*cohort) for cohort in self.cohorts]
        if decimals is not None:
            texts = {value: printed(value, decimals) for value in set(values)}
            values = [texts[value] for value in values]
        self.figures[key] = values

    def exist(self, chosen, denied=None):
        """Say whether any cohort prints all the chosen figures, but not the one that is denied."""
        columns = [self.figures[key] for key in chosen]
        wanted = [(value, key != denied) for key, value in chosen.items()]
        return any(
            all((shown == value) == kept for shown, (value, kept) in zip(row, wanted, strict=True))
            for row in zip(*columns, strict=True)
        )

    def drawn(self, rng, most):
        """Draw figures that one cohort prints, some of them then replaced by another cohort's."""
        while True:
            keys = rng.sample(sorted(self.figures), rng.randint(2, most))
            one = rng.randrange(len(self.cohorts))
            chosen = {key: self.figures[key][one] for key in keys}
            another = rng.randrange(len(self.cohorts))
            for key in rng.sample(keys, rng.choice([0, len(keys) // 2, len(keys) // 2])):
                chosen[key] = self.figures[key][another]
            if "undefined" not in chosen.values():
                return chosen


@functools.cache
def mean(values):
    return Fraction(sum(values), len(values)) if values else math.nan


def sorted_k(patients):
    """Return the values of k in order, so that what is made of them is made once for all groups that have them."""
    return tuple(sorted(p[0] for p in patients))


def two_groups(test, at):
    """Return P of a test of the values at a position of the patterns, by scipy."""

    def p_value(treated, others):
        return of(*(tuple(sorted(p[at] for p in group)) for group in (treated, others)))

    @functools.cache
    def of(one, two):
        if len(set(one + two)) < 2:
            return math.nan
        if test == "mann_whitney":
            return stats.mannwhitneyu(one, two, use_continuity=False, method="asymptotic").pvalue
        if test == "student_t":
            within = sum((v - sum(g) / len(g)) ** 2 for g in (one, two) for v in g)
            return stats.ttest_ind(one, two).pvalue if within > 1e-12 else math.nan
        table = [[g.count(value) for g in (one, two)] for value in ("no", "yes")]
        if test == "fisher_exact":
            return stats.fisher_exact(table)[1]
        return stats.chi2_contingency(table, correction=False)[1]

    return p_value


def figures_of(chosen, sizes):
    """Write the chosen figures down; the size of the treated group is always printed."""
    made = [figure("total", sizes[0], group="yes")]
    for (statistic, variable, level, group), value in chosen.items():
        denominator = int(group[3:]) if statistic == "percent" and group[:3] == "of " else None
        made.append(figure(statistic, value, variable, level, group="all" if denominator else group, denominator=denominator))
    return made


def all_of(k_values, scale, sizes, tests, narrated=False):
    """Describe every cohort of k and a: counts, means, extremes, tests, and the first patient's values."""
    everyone = Everyone(list(itertools.product(k_values, ("no", "yes"))), sizes, narrated)
    decimals = 2 if scale == 1 else 3
    groups = {
        "all": lambda t, o: t + o,
        "yes": lambda t, o: t,
        "no": lambda t, o: o,
        "with_a": lambda t, o: tuple(p for p in t + o if p[1] == "yes"),
        "treated_with_a": lambda t, o: tuple(p for p in t if p[1] == "yes"),
    }

    @functools.cache
    def scaled(value):
        return value / scale if value == value else value

    def least(values):
        return Fraction(values[0]) if values else math.nan

    def most(values):
        return Fraction(values[-1]) if values else math.nan

    for name, of in groups.items():
        everyone.say(("mean", "k", "", name), lambda t, o, of=of: scaled(mean(sorted_k(of(t, o)))), decimals)
        everyone.say(("min", "k", "", name), lambda t, o, of=of: scaled(least(sorted_k(of(t, o)))), 1)
        everyone.say(("max", "k", "", name), lambda t, o, of=of: scaled(most(sorted_k(of(t, o)))), 0)
        everyone.say(("total", "", "", name), lambda t, o, of=of: str(len(of(t, o))))
        level = f"{k_values[1] / scale:g} or {k_values[3] / scale:g}"
        everyone.say(
            ("n", "k", level, name), lambda t, o, of=of: str(sum(p[0] in (k_values[1], k_values[3]) for p in of(t, o)))
        )
    everyone.say(
        ("percent", "a", "yes", f"of {sum(sizes)}"),
        lambda t, o: Fraction(100 * sum(p[1] == "yes" for p in t + o), sum(sizes)),
        0,
    )
    del everyone.figures["total", "", "", "yes"]
    for variable, test in tests.items():
        everyone.say(("p", variable, "", "test"), two_groups(test, "ka".index(variable)), 3)
    if narrated:
        everyone.say(("value", "k", "", "first"), lambda t, o: f"{t[0][0] / scale:g}")
        everyone.say(("value", "a", "", "first"), lambda t, o: t[0][1])
        everyone.say(("value", "treated", "", "first"), lambda t, o: "yes")
    return everyone


@pytest.mark.slow
@pytest.mark.parametrize(
    ("k", "values", "scale", "sizes", "of_k", "of_a", "narrated"),
    [
        (COUNT, (0, 1, 2, 3), 1, (2, 3), "mann_whitney", "pearson_chi_square", False),
        (COUNT, (0, 1, 2, 3), 1, (2, 2), "student_t", "fisher_exact", True),
        (COUNT, (0, 1, 2, 3), 1, (1, 4), "mann_whitney", "pearson_chi_square", True),
        (TENTHS, (-1, 0, 1, 2), 10, (2, 2), "student_t", "pearson_chi_square", False),
        (TENTHS, (-1, 0, 1, 2), 10, (3, 1), "mann_whitney", "fisher_exact", False),
    ],
)
@pytest.mark.filterwarnings("ignore:Precision loss:RuntimeWarning")
def test_a_model_is_feasible_exactly_when_a_cohort_exists(tmp_path, k, values, scale, sizes, of_k, of_a, narrated):
    study = tiny(tmp_path, k, of_k, of_a, patients=sum(sizes))
    everyone = all_of(values, scale, sizes, {"k": of_k, "a": of_a}, narrated)
    rng, found = random.Random(1), []
    for _ in range(EXAMPLES):
        chosen = everyone.drawn(rng, 7)
        if narrated:
            chosen["value", "treated", "", "first"] = "yes"
        expected = everyone.exist(chosen)
        figures = figures_of(chosen, sizes)
        assert holds(study, figures, lenient=True) == expected, chosen
        assert holds(study, figures, lenient=False) == expected, chosen
        found.append(expected)
    assert EXAMPLES // 13 < sum(found) < EXAMPLES - EXAMPLES // 13  # both answers were put to the test


# --- medians, quartiles, standard deviations, effects; what denies a figure


@functools.cache
def quartile(values, which):
    """Return SPSS's quartile of sorted values, at rank (n + 1) p."""
    rank = Fraction((len(values) + 1) * which, 4)
    at = min(max(math.floor(rank), 1), len(values))
    part = min(max(rank - at, 0), 1)
    return values[at - 1] + part * (values[min(at, len(values) - 1)] - values[at - 1])


@functools.cache
def spread(values):
    return statistics.stdev(values) if len(values) > 1 else math.nan


def effects(treated, others):
    """Return what a prints by its counts: the odds ratio, risk ratio and risk difference, each with its interval."""
    return effects_of(*(count for g in (treated, others) for count in (sum(p[1] == "yes" for p in g), len(g))))


@functools.cache
def effects_of(a, n1, b, n0):
    found, z = dict.fromkeys(("odds_ratio", "risk_ratio"), "undefined"), stats.norm.ppf(0.975)

    def ratio(name, value, variance):
        low, high = (float(value) * math.exp(s * z * math.sqrt(abs(variance))) for s in (-1, 1))
        found[name] = f"{printed(value, 2)} ({printed(low, 2)}–{printed(high, 2)})"

    if 0 < a < n1 and 0 < b < n0:
        ratio("odds_ratio", Fraction(a * (n0 - b), b * (n1 - a)), 1 / a + 1 / b + 1 / (n1 - a) + 1 / (n0 - b))
    if a and b:
        ratio("risk_ratio", Fraction(a * n0, b * n1), 1 / a + 1 / b - 1 / n1 - 1 / n0)
    p1, p0 = Fraction(a, n1), Fraction(b, n0)
    reach = z * math.sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)
    low, high = (float(p1 - p0) + s * reach for s in (-1, 1))
    return found | {"risk_difference": f"{printed(p1 - p0, 2)} [{printed(low, 2)}, {printed(high, 2)}]"}


def summaries_of(k_values, scale, sizes, decimals=2):
    """Describe every cohort of k and a: all that a descriptive table prints, and the effects."""
    everyone = Everyone(list(itertools.product(k_values, ("no", "yes"))), sizes)
    groups = {"all": lambda t, o: t + o, "yes": lambda t, o: t, "with_a": lambda t, o: tuple(p for p in t + o if p[1] == "yes")}

    numbers = {
        "sd": spread,
        "se": lambda v: spread(v) / math.sqrt(len(v)) if v else math.nan,
        "median": lambda v: quartile(v, 2) if v else math.nan,
        "mean": mean,
    }
    for group, of in groups.items():
        for name, number in numbers.items():
            number = functools.cache(lambda values, number=number: number(values) / scale)
            everyone.say((name, "k", "", group), lambda t, o, of=of, number=number: number(sorted_k(of(t, o))), decimals)

        def pair(ends, places, of=of):
            @functools.cache
            def text(values):
                values = tuple(Fraction(v, scale) for v in values)
                return "–".join(printed(end, places) for end in ends(values)) if values else "undefined"

            return lambda t, o: text(sorted_k(of(t, o)))

        everyone.say(("range", "k", "", group), pair(lambda v: (min(v), max(v)), 1))
        everyone.say(("iqr", "k", "", group), pair(lambda v: (quartile(v, 1), quartile(v, 3)), decimals))
        third = functools.cache(lambda values: quartile(values, 3) / Fraction(scale) if values else math.nan)
        everyone.say(("q3", "k", "", group), lambda t, o, of=of, third=third: third(sorted_k(of(t, o))), decimals)
        everyone.say(("n/N", "a", "yes", group), lambda t, o, of=of: f"{sum(p[1] == 'yes' for p in of(t, o))}/{len(of(t, o))}")
    for name in ("odds_ratio", "risk_ratio", "risk_difference"):
        everyone.say((name, "a", "", "test"), lambda t, o, name=name: effects(t, o)[name])
    everyone.say(
        ("odds_ratio", "a", "no", "test"),
        lambda t, o: effects(*([(0, "no" if p[1] == "yes" else "yes") for p in g] for g in (t, o)))["odds_ratio"],
    )
    return everyone


QUARTILES = {"iqr", "q3"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("k", "values", "scale", "sizes"),
    [(COUNT, (0, 1, 2, 3), 1, (2, 3)), (COUNT, (0, 1, 2, 3), 1, (3, 3)), (TENTHS, (-1, 0, 1, 2), 10, (4, 1))],
)
def test_summaries_are_feasible_exactly_when_a_cohort_exists(tmp_path, k, values, scale, sizes):
    study, everyone = tiny(tmp_path, k, patients=sum(sizes)), summaries_of(values, scale, sizes, 2 if scale == 1 else 3)
    rng, found = random.Random(6), []
    for _ in range(EXAMPLES):
        chosen = everyone.drawn(rng, 5)
        exists, figures = everyone.exist(chosen), figures_of(chosen, sizes)
        proven, built = not holds(study, figures, lenient=True), holds(study, figures, lenient=False)
        assert not (exists and proven), chosen
        # A quartile may be of any definition in a proof, and one of a group of open size is left to chance in a cohort.
        if not any(key[0] in QUARTILES and key[3] == "with_a" for key in chosen):
            assert built == exists, chosen
        assert built or not exists, chosen
        if not any(key[0] in QUARTILES for key in chosen) and chosen.keys().isdisjoint(
            {("odds_ratio", "a", "", "test"), ("odds_ratio", "a", "no", "test"), ("risk_ratio", "a", "", "test")}
        ):
            assert proven == (not exists), chosen
        found.append(exists)
    assert EXAMPLES // 13 < sum(found) < EXAMPLES - EXAMPLES // 13


@pytest.mark.slow
def test_summaries_of_runs_of_values_prove_no_more_than_there_is(tmp_path, monkeypatch):
    """Medians of runs are as good as of values where a cohort has them; squares are not told apart without cells."""
    study = tiny(tmp_path, WIDE.replace("24", "14"), patients=4)
    everyone = Everyone([(k,) for k in range(15)], (2, 2))
    for group, of in {"all": lambda t, o: t + o, "yes": lambda t, o: t}.items():
        for name, number in {
            "median": lambda v: quartile(v, 2),
            "mean": mean,
            "q1": lambda v: quartile(v, 1),
            "sd": spread,
        }.items():
            everyone.say(
                (name, "k", "", group), lambda t, o, of=of, number=number: number(tuple(sorted(p[0] for p in of(t, o)))), 0
            )
        everyone.say(("n", "k_band", "mid", group), lambda t, o, of=of: str(sum(7 <= p[0] <= 11 for p in of(t, o))))
    for single in (True, False):
        if not single:
            monkeypatch.setattr(solver, "single_values", lambda study, name: [])
        rng, found, proven, built = random.Random(8), [], [], []
        for _ in range(3 * EXAMPLES):
            chosen = everyone.drawn(rng, 4)
            exists, figures = everyone.exist(chosen), figures_of(chosen, (2, 2))
            proven.append(not holds(study, figures, lenient=True))
            built.append(holds(study, figures, lenient=False))
            assert not (proven[-1] and exists), chosen
            names = {key[0] for key in chosen}
            if "sd" not in names:  # what is built is a cohort, for every draw of its values but those of the means
                assert exists or not built[-1], chosen
            if single and "sd" in names:
                assert built[-1] == exists, chosen
                if "q1" not in names:
                    assert proven[-1] == (not exists), chosen
            found.append(exists)
        assert 0 < sum(found) < len(found)
        assert sum(proven) > (len(found) - sum(found)) / 4
        assert sum(built) > sum(found) / 2


#: Denials of these are relaxed: of quartiles, and of the mean of a group of open size.
RELAXED = {("iqr", "k"), ("q3", "k")}


@pytest.mark.slow
@pytest.mark.parametrize("of_k", ["mann_whitney", "student_t"])
@pytest.mark.parametrize("summaries", [True, False])
@pytest.mark.filterwarnings("ignore:Precision loss:RuntimeWarning")
def test_a_denied_figure_is_one_that_a_cohort_does_not_print(tmp_path, of_k, summaries):
    sizes, values = (2, 3), (0, 1, 2, 3)
    study = tiny(tmp_path, COUNT, of_k, "fisher_exact")
    tests = {"k": of_k, "a": "fisher_exact"}
    everyone = summaries_of(values, 1, sizes) if summaries else all_of(values, 1, sizes, tests)
    rng, found, kinds = random.Random(7), [], set()
    for _ in range(4 * EXAMPLES):
        chosen = everyone.drawn(rng, 4)
        figures = figures_of(chosen, sizes)
        key = rng.choice([key for key in chosen if key[:1] + key[3:] not in [("total", "all"), ("total", "no")]] or [None])
        if key is None or any(other[0] in QUARTILES for other in chosen if other != key):
            continue
        denied = figures[1 + list(chosen).index(key)].id
        exists = everyone.exist(chosen, denied=key)
        feasible = holds(study, figures, lenient=True, denied=denied)
        assert feasible or not exists, (chosen, denied)
        exact = key[:2] not in RELAXED and not (key[0] in ("mean", "n/N") and key[3] == "with_a")
        exact &= key[:1] + key[3:] != ("mean", "treated_with_a")
        if exact and not any(other[0] in ("odds_ratio", "risk_ratio") for other in chosen if other != key):
            assert feasible == exists, (chosen, denied)
            kinds.add(key[0])
            found.append(exists)
    assert len(kinds) > 4
    assert 0 < sum(found) < len(found)


def test_runs_of_values_prove_and_build_no_more_than_there_is(tmp_path):
    study = tiny(tmp_path, WIDE.replace("24", "14"), patients=4)
    everyone = Everyone([(k,) for k in range(15)], (2, 2))
    said = {"all": lambda t, o: t + o, "yes": lambda t, o: t, "no": lambda t, o: o}
    for group, of in said.items():
        everyone.say(("mean", "k", "", group), lambda t, o, of=of: mean(sorted_k(of(t, o))), 1)
        everyone.say(("max", "k", "", group), lambda t, o, of=of: max(p[0] for p in of(t, o)), 0)
        everyone.say(("n", "k_band", "mid", group), lambda t, o, of=of: str(sum(7 <= p[0] <= 11 for p in of(t, o))))
    everyone.say(("p", "k", "", "test"), ranked, 2)
    rng, found, lost = random.Random(2), [], 0
    for _ in range(EXAMPLES):
        chosen = everyone.drawn(rng, 5)
        exists, figures = everyone.exist(chosen), figures_of(chosen, (2, 2))
        proven = not holds(study, figures, lenient=True, tests={"k": ("mann_whitney",)})
        built = holds(study, figures, lenient=False, tests={"k": ("mann_whitney",)})
        assert not (proven and exists), chosen
        assert exists or not built, chosen
        if ("p", "k", "", "test") not in chosen:
            assert exists == built == (not proven), chosen
        lost += exists and not built
        found.append(exists)
    assert EXAMPLES // 13 < sum(found) < EXAMPLES - EXAMPLES // 13
    assert lost <= EXAMPLES // 10  # a cohort that is there is nearly always found


def test_two_runs_of_values_that_keep_an_order(tmp_path):
    wide = WIDE.replace("24", "14")
    path = tmp_path / "study.yml"
    tiny(tmp_path, wide, patients=2, rules="{not_after: [k, l]}")
    path.write_text(path.read_text().replace("{label: L, kind: count, range: [0, 2]}", wide.replace("K", "L")))
    study = load_study(path)
    everyone = Everyone([(k, n) for k in range(15) for n in range(k, 15)], (1, 1))
    said = {"all": lambda t, o: t + o, "yes": lambda t, o: t, "no": lambda t, o: o}
    for at, name in enumerate("kl"):
        for group, of in said.items():
            everyone.say(("mean", name, "", group), lambda t, o, of=of, at=at: mean(tuple(p[at] for p in of(t, o))), 0)
        everyone.say(("max", name, "", "all"), lambda t, o, at=at: max(p[at] for p in t + o), 0)
    everyone.say(("n", "k_band", "mid", "all"), lambda t, o: str(sum(7 <= p[0] <= 11 for p in t + o)))
    rng, found = random.Random(5), []
    for _ in range(EXAMPLES):
        chosen = everyone.drawn(rng, 6)
        expected, figures = everyone.exist(chosen), figures_of(chosen, (1, 1))
        assert holds(study, figures, lenient=True) == expected, chosen
        assert holds(study, figures, lenient=False) == expected, chosen
        found.append(expected)
    assert EXAMPLES // 13 < sum(found) < EXAMPLES - EXAMPLES // 13


def ranked(treated, others):
    """Return Mann and Whitney's P, from pairs."""
    one, two = [p[0] for p in treated], [p[0] for p in others]
    n1, n0, n = len(one), len(two), len(one) + len(two)
    u = sum((x > y) + (x == y) / 2 for x in one for y in two)
    ties = sum((one + two).count(v) ** 2 - 1 for v in one + two)
    if ties == n**3 - n:
        return math.nan
    variance = n1 * n0 / 12 * (n + 1 - ties / (n * (n - 1)))
    return math.erfc(abs(u - n1 * n0 / 2) / math.sqrt(2 * variance))


RULES = (
    "{not_after: [k, l]}, {sum_at_most: [[a, k], l]}, {when: {a: yes}, then: {k: [0, 1]}}, "
    "{when: {treated: yes}, then: {l: {min: 1}}}"
)


def test_rules_and_eligibility_are_obeyed(tmp_path):
    sizes = (2, 3)
    tiny(tmp_path, rules=RULES)
    path = tmp_path / "study.yml"
    path.write_text(path.read_text() + "eligibility: [{label: E, keep: {k: {max: 2}, c: [x, y]}}]\n")
    study = load_study(path)
    allowed = [
        (k, n, a)
        for k, n, a in itertools.product((0, 1, 2), (0, 1, 2), ("no", "yes"))
        if k <= n and (a == "yes") + k <= n and (a == "no" or k <= 1)
    ]
    everyone = Everyone(allowed, sizes)
    legal = [all(n >= 1 for _, n, _ in treated) for treated, _ in everyone.cohorts]
    everyone.cohorts = [cohort for cohort, obeys in zip(everyone.cohorts, legal, strict=True) if obeys]
    for at, name in enumerate("kl"):
        everyone.say(("mean", name, "", "all"), lambda t, o, at=at: mean(tuple(p[at] for p in t + o)), 1)
        everyone.say(("mean", name, "", "yes"), lambda t, o, at=at: mean(tuple(p[at] for p in t)), 1)
        everyone.say(("max", name, "", "no"), lambda t, o, at=at: max(p[at] for p in o), 0)
        everyone.say(("n", name, "2", "all"), lambda t, o, at=at: str(sum(p[at] == 2 for p in t + o)))
    everyone.say(("n", "a", "yes", "all"), lambda t, o: str(sum(p[2] == "yes" for p in t + o)))
    rng, found = random.Random(3), []
    for _ in range(EXAMPLES):
        chosen = everyone.drawn(rng, 6)
        expected, figures = everyone.exist(chosen), figures_of(chosen, sizes)
        assert holds(study, figures, lenient=True) == expected, chosen
        assert holds(study, figures, lenient=False) == expected, chosen
        found.append(expected)
    assert EXAMPLES // 13 < sum(found) < EXAMPLES - EXAMPLES // 13
    assert holds(study, figures_of({("n", "c", "x or y", "all"): "5"}, sizes), lenient=True)
    assert not holds(study, figures_of({("n", "c", "z", "all"): "1"}, sizes), lenient=True)


def test_a_printed_model_holds_exactly_where_a_cohort_prints_it(tmp_path):
    sizes = (2, 5)
    study = tiny(tmp_path, patients=7)
    everyone = Everyone(list(itertools.product(("no", "yes"), "xyz")), sizes)
    for group, of in {"yes": lambda t, o: t, "no": lambda t, o: o, "all": lambda t, o: t + o}.items():
        everyone.say(("n", "a", "yes", group), lambda t, o, of=of: str(sum(p[0] == "yes" for p in of(t, o))))
        everyone.say(("n", "in_x", "yes", group), lambda t, o, of=of: str(sum(p[1] == "x" for p in of(t, o))))
        everyone.say(("n", "c", "y", group), lambda t, o, of=of: str(sum(p[1] == "y" for p in of(t, o))))
    bits = list(itertools.product((0, 1), repeat=2))
    design = np.array([(1.0, *bit) for bit in bits] * 2)
    counts = np.array(
        [
            [sum((p[0] == "yes", p[1] == "x") == bit for p in group) for group in cohort for bit in bits]
            for cohort in everyone.cohorts
        ],
        float,
    )
    p_values = fit_many(design, np.repeat([1.0, 0.0], 4), counts, max_iterations=6).p_values
    for column, term in enumerate(("a", "in_x"), start=1):
        everyone.figures["p", term, "", "model"] = [printed(p, 2) for p in p_values[:, column]]
    rng, found = random.Random(4), []
    for _ in range(EXAMPLES):
        chosen = everyone.drawn(rng, 6)
        expected, figures = everyone.exist(chosen), figures_of(chosen, sizes)
        assert holds(study, figures, lenient=True) == expected, chosen
        assert holds(study, figures, lenient=False) == expected, chosen
        found.append(expected)
    assert EXAMPLES // 13 < sum(found) < EXAMPLES - EXAMPLES // 13


def test_what_is_told_of_a_patient_or_printed_of_a_model_can_be_denied(tmp_path):
    sizes = (2, 5)
    study = tiny(tmp_path, patients=7)
    size, told = figure("total", 2, group="yes"), figure("value", "yes", "a", group="first")
    treated = figure("value", "yes", "treated", group="first")
    nobody, everybody = (figure("n", count, "a", "yes", "yes") for count in (0, 2))
    assert holds(study, [size, treated, told, everybody], lenient=True)
    assert not holds(study, [size, treated, told, everybody], lenient=True, denied=told.id)
    assert holds(study, [size, treated, told, nobody], lenient=True, denied=told.id)
    bits = list(itertools.product((0, 1), repeat=2))
    design = np.array([(1.0, *bit) for bit in bits] * 2)
    counts = figures_of(
        {
            ("n", "a", "yes", "yes"): "1",
            ("n", "a", "yes", "no"): "2",
            ("n", "in_x", "yes", "yes"): "1",
            ("n", "in_x", "yes", "no"): "1",
        },
        sizes,
    )
    tables = [
        [[one[bit] for bit in bits], [two[bit] for bit in bits]]
        for one, two in itertools.product(*(of_margins(*margins) for margins in ((2, 1, 1), (5, 2, 1))))
    ]
    values = fit_many(design, np.repeat([1.0, 0.0], 4), np.array([t[0] + t[1] for t in tables], float), max_iterations=6)
    texts = {tuple(printed(p, 2) for p in row[1:]) for row in values.p_values}
    assert len(texts) > 1
    for text in texts:
        model = [figure("p", p, term, group="model") for term, p in zip(("a", "in_x"), text, strict=True)]
        assert holds(study, [*counts, *model], lenient=True, denied="+".join(f.id for f in model))
    of_nobody = figures_of({("n", name, "yes", group): "0" for name in ("a", "in_x") for group in ("yes", "no")}, sizes)
    model = figure("p", "0.50", "a", group="model")
    assert holds(study, [*of_nobody, model], lenient=True, denied=model.id)


def of_margins(size, first, second):
    """Yield every joint table of two binary variables with these counts."""
    for both in range(max(0, first + second - size), min(first, second) + 1):
        yield {(0, 0): size - first - second + both, (0, 1): second - both, (1, 0): first - both, (1, 1): both}


# --- a cohort's own figures

DECIMALS = st.sampled_from([0, 1, 2])


@pytest.mark.slow
@settings(max_examples=max(3, EXAMPLES // 5))
@given(
    patients=st.lists(st.tuples(st.integers(0, 24), st.sampled_from("xyz"), st.booleans()), min_size=3, max_size=12),
    treated=st.integers(1, 2),
    places=DECIMALS,
    data=st.data(),
)
@pytest.mark.filterwarnings("ignore")
def test_what_a_cohort_prints_is_never_in_conflict(tmp_path_factory, patients, treated, places, data):
    folder = tmp_path_factory.mktemp("cohort")
    of_k = data.draw(st.sampled_from(["mann_whitney", "student_t"]))
    study = tiny(folder, WIDE, of_k, patients=len(patients))
    rows = [
        {
            "id": f"SYNTHETIC-{i + 1:03d}",
            "treated": "yes" if i < treated else "no",
            "k": k,
            "l": 0,
            "a": "yes" if a else "no",
            "c": c,
        }
        for i, (k, c, a) in enumerate(patients)
    ]
    cohort = load_cohort(study, pd.DataFrame(rows))
    asked = [figure("total", "1", group=group) for group in ("all", "yes", "no", "with_a")]
    for group in ("all", "yes", "with_a"):
        asked += [figure(name, "1", "k", group=group) for name in ("mean", "sd", "se", "median", "q1", "q3", "min", "max")]
        asked += [figure(name, "1-1", "k", group=group) for name in ("range", "iqr")]
        asked += [figure("n/N", "1/1", "c", "x", group), figure("n", "1", "k_band", "low or high", group)]
    asked += [figure("percent", "1", "a", "yes"), figure("p", "1", "k", group="test"), figure("p", "1", "a", group="test")]
    asked += [
        figure(name, text, "a", group="test")
        for name in ("odds_ratio", "risk_ratio", "risk_difference")
        for text in ("1", "1 (1-1)")
    ]
    figures = []
    for k, one in enumerate(asked):
        found = reprint(one, cohort)
        values = found if isinstance(found, tuple) else (found,)
        if all(math.isfinite(value) for value in values):
            whole = one.statistic in ("n", "total", "n/N")
            texts = [f"{float(round_half_away(value, 0 if whole else places)):.{0 if whole else places}f}" for value in values]
            shapes = {"n/N": "{}/{}", "range": "{} to {}", "iqr": "{} to {}"}
            shape = "{}" if len(texts) == 1 else shapes.get(one.statistic, "{} ({} to {})")
            figures.append(replace(one, id=f"f{k}", value=shape.format(*texts)))
            assert prints(figures[-1], found)
    assert holds(study, figures, lenient=True, ties=data.draw(st.booleans()))
    assert holds(study, figures[:2] + data.draw(st.lists(st.sampled_from(figures), max_size=4, unique=True)), lenient=True)


# --- printed P values in whole numbers


@pytest.mark.filterwarnings("ignore::tallystats.results.UndefinedWarning")
@given(n1=st.integers(0, 8), n0=st.integers(0, 40), data=st.data())
def test_closed_forms_are_the_notebooks_tests(n1, n0, data):
    a, b = data.draw(st.integers(0, n1)), data.draw(st.integers(0, n0))
    tally = table_of([[n0 - b, n1 - a], [b, a]])
    for mine, theirs in ((pearson_p_value, pearson_chi_square), (fisher_p_value, fisher_exact)):
        expected = theirs(tally, "value", "group").p_value
        np.testing.assert_allclose(mine(a, n1, b, n0), expected, rtol=1e-12)


@given(n1=st.integers(1, 9), n0=st.integers(1, 40), data=st.data())
@pytest.mark.filterwarnings("ignore")
def test_closed_forms_of_effects_are_those_of_other_programs(n1, n0, data):
    a, b = data.draw(st.integers(0, n1)), data.draw(st.integers(0, n0))
    crude = odds_ratio(table_of([[n0 - b, n1 - a], [b, a]]), "value", "group")
    found = tuple(map(float, estimate_of("odds_ratio", a, n1, b, n0)))
    np.testing.assert_allclose(found, (crude.estimate, crude.conf_low, crude.conf_high), rtol=1e-12)
    if a and b:
        relative = stats.contingency.relative_risk(a, n1, b, n0)
        low, high = relative.confidence_interval()
        np.testing.assert_allclose(
            tuple(map(float, estimate_of("risk_ratio", a, n1, b, n0))), (relative.relative_risk, low, high), rtol=1e-9
        )
    interval = confint_proportions_2indep(a, n1, b, n0, method="wald", compare="diff")
    np.testing.assert_allclose(
        tuple(map(float, estimate_of("risk_difference", a, n1, b, n0))), (a / n1 - b / n0, *interval), atol=1e-12
    )
    half = Fraction(1, 2)
    added = estimate_of("odds_ratio", a + half, n1 + 1, b + half, n0 + 1)
    np.testing.assert_allclose(tuple(map(float, haldane("odds_ratio", a, n1, b, n0))), tuple(map(float, added)), rtol=1e-12)
    added = estimate_of("risk_ratio", a + half, n1 + 1, b + half, n0 + 1)
    np.testing.assert_allclose(tuple(map(float, haldane("risk_ratio", a, n1, b, n0))), tuple(map(float, added)), rtol=1e-12)


@pytest.mark.parametrize("effect", ["odds_ratio", "risk_ratio", "risk_difference"])
def test_effects_of_empty_groups_are_undefined(effect):
    assert all(value != value for form in (estimate_of, haldane) for value in form(effect, 0, 0, 1, 3))


def test_an_empty_cell_prints_a_ratio_only_when_it_is_corrected():
    printed = figure("odds_ratio", "11.00 (0.46–263.53)").parts
    (pair,) = set(pairs_that_print("odds_ratio", 4, 9, printed, corrected=True))
    a, b, _ = pair
    assert 0 in (a, b, 4 - a, 9 - b)
    assert list(pairs_that_print("odds_ratio", 4, 9, printed, corrected=False)) == []


@pytest.mark.parametrize("test", ["pearson_chi_square", "fisher_exact"])
@pytest.mark.parametrize("value", ["0.00", "0.05", "0.31", "1.00", "<0.05"])
def test_counts_that_print_are_all_there_are(test, value):
    interval = figure("p", value).interval
    runs = {(a, b) for a, first, last in counts_that_print(test, 4, 9, interval) for b in range(first, last + 1)}
    of = printed_tests.COUNTED[test]
    assert runs == {(a, b) for a in range(5) for b in range(10) if of(a, 4, b, 9) in interval}


@given(
    n1=st.integers(1, 4),
    n0=st.integers(1, 12),
    data=st.data(),
    value=st.one_of(
        st.integers(0, 100).map(lambda p: f"{p / 100:.2f}"),
        st.integers(0, 10).map(lambda p: f"{p / 10:.1f}"),
        st.sampled_from(["1", "0", "<0.001", "<0.5", "0.999", "1.000"]),
    ),
)
def test_tie_window_is_where_the_p_value_prints(n1, n0, data, value):
    n, interval = n1 + n0, figure("p", value).interval
    u2 = data.draw(st.integers(0, 2 * n1 * n0))

    def prints(ties):
        variance = n1 * n0 / 12 * (n + 1 - ties / (n * (n - 1)))
        return variance > 0 and math.erfc(abs(u2 - n1 * n0) / 2 / math.sqrt(2 * variance)) in interval

    window = tie_window(u2, n1, n0, interval)
    top = (n - 1) ** 3 - (n - 1)
    assert [t for t in range(top + 1) if prints(t)] == (list(range(window[0], window[1] + 1)) if window else [])


def test_an_empty_group_has_no_p_value():
    assert tie_window(0, 0, 4, figure("p", "1.0").interval) is None
    assert list(counts_that_print("pearson_chi_square", 0, 4, figure("p", "1.0").interval)) == []


@pytest.mark.parametrize("value", ["0.03", "0.50", "0.00", "1.00"])
@pytest.mark.parametrize("outward", [True, False])
def test_student_limits_enclose_or_are_enclosed(value, outward):
    interval = figure("p", value).interval
    least, most, scale = student_limits(12, 10**6, interval, outward=outward)
    for t2 in np.linspace(0, 30, 2001):
        p_value = 2 * stats.t.sf(math.sqrt(t2), 10)
        inside = least <= t2 * scale and (most is None or t2 * scale <= most)
        assert inside or not (outward and p_value in interval)
        assert p_value in interval or outward or not inside


def test_student_limits_too_large_to_state():
    assert student_limits(400, 10**17, figure("p", "0.05").interval, outward=True) is None


# --- cells, roster, errors


def test_cells_part_a_range_where_something_can_be_told(tmp_path):
    study = tiny(tmp_path, WIDE)
    said = claims(study, [figure("max", "19", "k"), figure("n", "2", "k", "3"), figure("mean", "8", "k")])
    assert cells_of(study, "k", said, []) == [(0, 2), (3, 3), (4, 6), (7, 11), (12, 18), (19, 19), (20, 24)]
    assert cells_of(study, "l", said, []) == [(0, 0), (1, 1), (2, 2)]
    assert cells_of(study, "c", said, []) == ["x", "y", "z"]
    fine = cells_of(study, "k", [], [], pieces=5)
    assert fine == [(0, 4), (5, 6), (7, 9), (10, 11), (12, 14), (15, 19), (20, 24)]


def test_cells_count_in_steps_of_the_precision(tmp_path):
    study = tiny(tmp_path, "{label: K, kind: continuous, decimals: 2, range: [-1, 2.5]}")
    rule = SimpleNamespace(when={"k": {"min": 0.1}}, then={"k": {"max": 0.29}})
    assert cells_of(study, "k", claims(study, [figure("min", "-0.4", "k")]), [rule]) == [
        (-100, -45),
        (-44, -35),
        (-34, 9),
        (10, 29),
        (30, 250),
    ]


@pytest.mark.parametrize(
    ("k", "text"),
    [
        ("{label: K, kind: continuous, range: [0, 5]}", "variables: k: needs decimals:, for a value drawn for it must be"),
        ("{label: K, kind: count}", "variables: k: needs range:, for a proof must know what values there can be"),
        ("{label: K, kind: date}", "variables: k: is a date; a reconstruction needs days, a numeric variable"),
    ],
)
def test_variables_that_cannot_be_drawn(tmp_path, k, text):
    path = write_study(tmp_path, text=TINY % (k, "", "auto", 5, ""), extra="")
    path.write_text(path.read_text().replace("{variable: k}, ", "").replace(BAND, ""))
    with pytest.raises(SolverError, match=text):
        cells_of(load_study(path), "k", [], [])


def test_too_many_patterns(tmp_path):
    rules = ", ".join(f"{{when: {{a: yes}}, then: {{v{i}: yes}}}}" for i in range(15))
    extra = "".join(f"  v{i}: {{label: V, kind: binary}}\n" for i in range(15))
    text = (TINY % (COUNT, "", "auto", 5, f", rules: [{rules}]")).replace("derived:\n", extra + "derived:\n")
    study = load_study(write_study(tmp_path, text=text))
    with pytest.raises(SolverError, match=r"tie a, v0, .*, v14 together, which have 65,536 joint patterns; at most 20,000"):
        holds(study, [figure("total", 2, group="yes")], lenient=True)


def test_a_roster_settles_groups_of_the_comparison(tmp_path):
    study = tiny(tmp_path)
    roster = Roster(5, 1, {"treated": frozenset({0, 1})})
    assert roster.members(study, {}) == [0, 1, 2, 3, 4]
    assert roster.members(study, {"treated": "yes"}) == roster.members(study, {"treated": ("yes",), "a": "no"}) == [0, 1]
    assert roster.members(study, {"treated": "no"}) == [2, 3, 4]
    assert roster.unsettled({"treated": "yes", "a": "no"}) == {"a": "no"}


def test_what_no_constraint_states(tmp_path):
    study = tiny(tmp_path, WIDE, test="welch_t")
    assert unstated(study, figure("hazard_ratio", "1.2", "k", group="test")) == "no constraint states a hazard ratio"
    assert unstated(study, figure("survival", "80", "k", "3")) == "no constraint states a survival"
    assert unstated(study, figure("odds_ratio", "2", "a", group="model")) == "no constraint states the odds ratio of a model"
    assert unstated(study, figure("p", "0.2", "k", group="test")) == "no constraint states the test welch_t"
    assert unstated(study, figure("p", "0.2", "c", group="test")) == ""
    for group in ("test", "model"):
        assert unstated(study, figure("p", "0.2", "a", group=group)) == ""
    for stated in (figure("odds_ratio", "2", "a", group="test"), figure("median", "2", "k"), figure("sd", "1", "k")):
        assert unstated(study, stated) == ""
    assert claims(study, [figure("survival", "80", "k", "3"), figure("p", "0.2", "k", group="test")]) == []


def test_what_a_cohort_is_not_held_to(tmp_path):
    study = tiny(tmp_path, WIDE)
    assert unstated(study, figure("se", "1.2", "k"), strict=True) == (
        "a cohort is held to a se only where each value is told apart"
    )
    assert unstated(study, figure("q1", "2", "k", group="with_a"), strict=True) == (
        "a cohort is held to quartiles only in groups that are laid down first"
    )
    for held in (figure("q1", "2", "k"), figure("median", "2", "k"), figure("mean", "2", "k")):
        assert unstated(study, held, strict=True) == ""


# --- intervals of printed numbers


@given(st.fractions(-20, 20, max_denominator=400), st.integers(0, 3))
def test_an_interval_holds_what_prints_so(value, decimals):
    text = f"{float(round_half_away(value, decimals)):.{decimals}f}"
    assert value in figure("mean", text).interval
    step = Fraction(1, 10**decimals)
    for other in (Fraction(text) + step, Fraction(text) - step):
        assert value not in figure("mean", f"{float(other):.{decimals}f}").interval


@given(st.integers(-300, 300), st.integers(0, 2), st.integers(1, 30))
def test_whole_parts_of_an_interval(digits, decimals, parts):
    interval = figure("mean", f"{digits / 10**decimals:.{decimals}f}").interval
    least, most = interval.whole(parts)
    around = range(math.floor(interval.low * parts) - 2, math.ceil(interval.high * parts) + 3)
    assert [k for k in around if Fraction(k, parts) in interval] == list(range(least, most + 1))


def test_an_interval_knows_its_ends():
    assert Interval(Fraction(1), Fraction(2)).whole() == (1, 2)
    assert Interval(Fraction(1), Fraction(2), has_low=False, has_high=False).whole() == (2, 1)
    assert math.nan not in Interval(Fraction(0), Fraction(1))


LIMITS = st.tuples(st.integers(0, 4), st.integers(0, 4)).map(sorted)


@given(st.tuples(st.integers(0, 6), st.integers(0, 6)), st.lists(st.tuples(LIMITS, LIMITS, LIMITS), min_size=1, max_size=3))
def test_every_table_within_limits_is_told_once(sizes, lines):
    first, second, both = zip(*lines, strict=True)
    expected = {
        (ones, zeros)
        for ones in itertools.product(*(range(low, high + 1) for low, high in first))
        if sum(ones) == sizes[0]
        for zeros in itertools.product(*(range(low, high + 1) for low, high in second))
        if sum(zeros) == sizes[1]
        if all(low <= a + b <= high for a, b, (low, high) in zip(ones, zeros, both, strict=True))
    }
    found = solver_tests._tables(sizes, [first, second], both)
    assert len(found) == len(set(found))
    assert set(found) == expected
