"""candidate_tests.py: what each test can print, held to all cohorts that print the other figures."""

import itertools
import math
import random
import statistics
from collections import Counter
from dataclasses import replace
from fractions import Fraction

import pytest
from numpy.testing import assert_allclose
from scipy import stats

from printcheck.audit import candidate_search, candidate_values
from printcheck.audit.candidate_question import suited
from printcheck.audit.candidate_tests import candidate_tests
from printcheck.printed.published import Figure, read_published
from printcheck.proof import solver_tests
from printcheck.proof.solver import Block
from studies import write_study
from studyfile.study.study import load_study
from tallystats.registry import suited as all_suited
from tallystats.statistics.printed_tests import COUNTED, TABLED
from tallystats.statistics.rank_and_t_tests import NUMBERED

TINY = """\
study: {title: Tiny, id: id}
variables:
  treated: {label: Treated, kind: binary}
  k: %s
  a: {label: A, kind: binary}
  c: {label: C, kind: %s, levels: [x, y, z]}
derived:
  in_x: {label: In x, from: c, member: [x]}
  k_band: {label: K in bands, from: k, bands: [{label: low, below: 2}, {label: high, from: 2}]}
comparison: {number: "1", title: T, groups: treated, rows: [{variable: k%s}, {variable: a}, {variable: c}]}
published:
  groups:
    yes: {where: {treated: yes}}
    no: {where: {treated: no}}
    with_a: {where: {a: yes}}
    test: {compare: treated}
reconstruction: {seed: 1, patients: %d%s}
"""
COUNT = "{label: K, kind: count, range: [0, 3]}"
WIDE = "{label: K, kind: continuous, decimals: 0, range: [0, 24]}"


def study_of(folder, sizes, k=COUNT, of_c="category", test="", rules=""):
    test, rules = f", test: {test}" if test else "", f", rules: [{rules}]" if rules else ""
    return load_study(write_study(folder, text=TINY % (k, of_c, test, sum(sizes), rules)))


def figure(statistic, value, variable="", level="", group="all"):
    id = ":".join(map(str, (variable, level, group, statistic)))
    return Figure(
        id=id,
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


def within(shown):
    (interval,) = shown.intervals(ties=True).values()
    return interval


def p_of(test, treated, others, levels):
    """Return P of a test of values in two groups."""
    ones, zeros = ([group.count(level) for level in levels] for group in (treated, others))
    if test in NUMBERED:
        return NUMBERED[test](list(range(len(levels))) if isinstance(levels[0], str) else levels, ones, zeros)
    if len(levels) == 2:
        return COUNTED[test](ones[1], sum(ones), zeros[1], sum(zeros))
    return TABLED[test](tuple(ones), tuple(zeros))


class Everyone:
    """All cohorts of a tiny study: pairs of tuples of (k, a, c), the treated and the others."""

    def __init__(self, k, a, c, sizes):
        patterns = list(itertools.product(k, a, c))
        groups = [list(itertools.combinations_with_replacement(patterns, size)) for size in sizes]
        self.cohorts = list(itertools.product(*groups))
        self.k, self.c, self.a = list(k), list(c), list(a)

    def figures(self, rng, cohort, most):
        """Print some figures of a cohort: (figure, what says whether another cohort prints it)."""
        treated, others = cohort
        groups = {"all": lambda t, o: t + o, "yes": lambda t, o: t, "no": lambda t, o: o}
        if len(self.a) > 1:
            groups["with_a"] = lambda t, o: tuple(p for p in t + o if p[1] == "yes")
        made = []
        for name, of in groups.items():
            for statistic, decimals, value in (
                ("mean", 1, lambda g: Fraction(sum(p[0] for p in g), len(g))),
                ("max", 0, lambda g: max(p[0] for p in g)),
                ("min", 0, lambda g: min(p[0] for p in g)),
            ):
                if len(self.k) > 1 and of(treated, others):
                    shown = figure(statistic, f"{float(value(of(treated, others))):.{decimals}f}", "k", "", name)
                    made.append((shown, lambda t, o, s=shown, v=value, of=of: bool(of(t, o)) and v(of(t, o)) in within(s)))
            for variable, at, levels in (("a", 1, self.a), ("c", 2, self.c)):
                for level in levels if len(levels) > 1 else ():
                    count = sum(p[at] == level for p in of(treated, others))
                    made.append(
                        (
                            figure("n", count, variable, level, name),
                            lambda t, o, of=of, at=at, level=level, n=count: n == sum(p[at] == level for p in of(t, o)),
                        )
                    )
        return rng.sample(made, rng.randint(0, min(most, len(made))))


@pytest.mark.parametrize(
    ("variable", "k", "a", "c", "sizes", "kind"),
    [
        ("k", range(4), ["no"], ["x"], (2, 4), "category"),
        pytest.param("k", range(4), ["no", "yes"], ["x"], (2, 3), "category", marks=pytest.mark.slow),
        pytest.param("k", range(4), ["no", "yes"], ["x"], (3, 2), "category", marks=pytest.mark.slow),
        ("a", [0], ["no", "yes"], ["x"], (3, 7), "category"),
        ("a", range(3), ["no", "yes"], ["x"], (2, 3), "category"),
        ("c", [0], ["no"], ["x", "y", "z"], (3, 5), "ordered"),
        pytest.param("c", [0], ["no", "yes"], ["x", "y", "z"], (2, 3), "category", marks=pytest.mark.slow),
    ],
)
def test_what_each_test_prints_over_all_cohorts(tmp_path, variable, k, a, c, sizes, kind):
    study = study_of(tmp_path, sizes, k=COUNT.replace("3", str(max(max(k), 1))), of_c=kind)
    everyone, rng, seen = Everyone(k, a, c, sizes), random.Random(1), Counter()
    at, levels = {"k": (0, everyone.k), "a": (1, ["no", "yes"]), "c": (2, ["x", "y", "z"])}[variable]
    tests = suited(study, variable)
    for _ in range(25):
        one = rng.choice(everyone.cohorts)
        drawn = everyone.figures(rng, one, 8)
        values = [
            tuple([p[at] for p in group] for group in cohort)
            for cohort in everyone.cohorts
            if all(prints(*cohort) for _, prints in drawn)
        ]
        by = rng.choice(tests)
        p = p_of(by, *([p[at] for p in group] for group in rng.choice([one, rng.choice(everyone.cohorts)])), levels)
        asked = figure("p", "0.50" if p != p else f"{p:.2f}", variable, "", "test")
        held = [figure("total", sizes[0], group="yes"), *(f for f, _ in drawn)]
        if len(k) == 1:
            held += [figure("n", sum(sizes), "k", "0")]
        if a == ["no"]:
            held += [figure("n", 0, "a", "yes")]
        if c == ["x"]:
            held += [figure("n", sum(sizes), "c", "x")]
        found = {(r.coding, r.test): r for r in candidate_tests(study, [*held, asked]) if not r.coding}
        assert set(found) == {("", test) for test in tests}
        shown = {tuple(map(tuple, map(sorted, pair))) for pair in values}
        for test in tests:
            all_p = [p_of(test, *map(list, pair), levels) for pair in shown]
            row = found["", test]
            known = [p for p in all_p if p == p]
            printing = [p in within(asked) for p in all_p]
            expected = (
                "undefined" if not known else "never" if not any(printing) else "always" if all(printing) else "sometimes"
            )
            assert row.prints == expected, (test, asked.value, [f.in_words for f in held])
            seen[row.prints] += 1
            assert_allclose((row.low, row.high), (min(known), max(known)) if known else (math.nan, math.nan), rtol=1e-12)
    assert min(seen["always"] + seen["sometimes"], seen["never"]) > 3, seen


def of_pairs(treated, others):
    """Yield figures of two pairs of numbers, each with what says whether other pairs print it."""
    total, sums = sum(v < 2 for v in others), (sum(treated), sum(others))
    yield figure("mean", f"{sums[0] / 2:.1f}", "k", "", "yes"), lambda t, o: sum(t) == sums[0]
    yield figure("mean", f"{sums[1] / 2:.1f}", "k", "", "no"), lambda t, o: sum(o) == sums[1]
    yield figure("max", max(treated), "k", "", "yes"), lambda t, o: max(t) == max(treated)
    yield figure("min", min(treated + others), "k"), lambda t, o: min(t + o) == min(treated + others)
    yield figure("n", total, "k_band", "low", "no"), lambda t, o: sum(v < 2 for v in o) == total


@pytest.mark.slow
def test_runs_of_values_say_nothing_wrong(tmp_path):
    sizes = (2, 2)
    study = study_of(tmp_path, sizes, k=WIDE.replace("24", "12"))
    groups = list(itertools.combinations_with_replacement(range(13), 2))
    cohorts = list(itertools.product(groups, groups))
    p_values = {test: [p_of(test, t, o, sorted({*t, *o})) for t, o in cohorts] for test in NUMBERED}
    rng, seen = random.Random(3), Counter()
    for _ in range(15):
        here = rng.randrange(len(cohorts))
        drawn = rng.sample(list(of_pairs(*cohorts[here])), rng.randint(1, 4))
        by = rng.choice(sorted(NUMBERED))
        p = p_values[by][rng.choice([here, rng.randrange(len(cohorts))])]
        asked = figure("p", "0.50" if p != p else f"{p:.2f}", "k", "", "test")
        held = [figure("total", 2, group="yes"), *(f for f, _ in drawn)]
        left = [i for i, cohort in enumerate(cohorts) if all(prints(*cohort) for _, prints in drawn)]
        for row in candidate_tests(study, [*held, asked]):
            if row.coding:
                continue
            all_p = [p_values[row.test][i] for i in left]
            printing = [p in within(asked) for p in all_p]
            assert row.prints != "never" or not any(printing), (row, [f.in_words for f in held])
            assert row.prints != "always" or all(printing), (row, [f.in_words for f in held])
            assert row.prints != "sometimes" or any(printing), (row, [f.in_words for f in held])
            known = [p for p in all_p if p == p]
            if row.low == row.low and known:
                assert row.low <= min(known) * (1 + 1e-9), (row, min(known), [f.in_words for f in held])
                assert row.high >= max(known) * (1 - 1e-9), (row, max(known), [f.in_words for f in held])
            seen[row.prints] += 1
    assert seen["never"] > 5
    assert seen["sometimes"] > 12


def asked_of(study, figures, **options):
    return {(row.coding, row.test): row for row in candidate_tests(study, figures, **options)}


def fixed(treated, others):
    """Print the counts of k in both groups in full."""
    groups = (("yes", treated), ("no", others))
    return [figure("total", len(treated), group="yes")] + [
        figure("n", values.count(k), "k", str(k), name) for name, values in groups for k in range(4)
    ]


def test_another_coding_is_named_when_the_recorded_one_cannot_print_p(tmp_path):
    treated, others = [2, 3, 3, 2, 0], [0, 1, 1, 0, 0, 2, 1, 0]
    study = study_of(tmp_path, (5, 8), test="student_t")
    p = COUNTED["pearson_chi_square"](4, 5, 1, 8)
    found = asked_of(study, [*fixed(treated, others), figure("p", f"{p:.3f}", "k", "", "test")])
    recorded = {test: row for (coding, test), row in found.items() if not coding}
    assert set(recorded) == set(NUMBERED)
    assert recorded["student_t"].stated
    assert [row.stated for row in found.values()].count(True) == 1
    assert {row.prints for row in recorded.values()} == {"never"}
    row = found["K in bands (k_band)", "pearson_chi_square"]
    assert (row.prints, row.low, row.high, row.figure) == ("always", p, p, "k::test:p")
    # The cut that k_band makes is not named twice; of what is no coding in the file, only cuts in two.
    assert not [coding for coding, _ in found if coding.endswith("against 2 and above")]


def test_a_cut_that_the_study_file_does_not_make(tmp_path):
    treated, others = [1, 2, 3, 3, 1], [0, 1, 0, 0, 0, 0, 0, 0, 2]
    study = study_of(tmp_path, (5, 9), test="student_t")
    p = COUNTED["fisher_exact"](5, 5, 2, 9)
    found = asked_of(study, [*fixed(treated, others), figure("p", f"{p:.4f}", "k", "", "test")])
    assert found["K (k), up to 0 against 1 and above", "fisher_exact"].prints == "always"


def test_no_coding_is_named_when_the_recorded_one_prints_p(tmp_path):
    treated, others = [1, 2, 3, 3, 1], [0, 1, 0, 0, 0, 0, 0, 0, 2]
    study = study_of(tmp_path, (5, 9), test="student_t")
    p = NUMBERED["student_t"](range(4), *([g.count(k) for k in range(4)] for g in (treated, others)))
    found = asked_of(study, [*fixed(treated, others), figure("p", f"{p:.4f}", "k", "", "test")])
    assert found["", "student_t"].prints == "always"
    assert {coding for coding, _ in found} == {""}


def test_bands_of_a_variable_whose_values_are_runs(tmp_path):
    study = study_of(tmp_path, (5, 8), k=WIDE, test="student_t")
    counted = [figure("n", n, "k_band", "high", group) for n, group in ((4, "yes"), (1, "no"))]
    same = [figure("mean", "12.0", "k", "", group) for group in ("yes", "no")]
    p = COUNTED["pearson_chi_square"](4, 5, 1, 8)
    found = asked_of(
        study,
        [
            figure("total", 5, group="yes"),
            *counted[:1],
            figure("mean", "3.0", "k", "", "no"),
            counted[1],
            figure("mean", "2.0", "k", "", "yes"),
            figure("p", f"{p:.4f}", "k", "", "test"),
        ],
    )
    assert found["", "student_t"].prints == "never"
    assert found["K in bands (k_band)", "pearson_chi_square"].prints == "always"
    found = asked_of(study, [figure("total", 5, group="yes"), *same, figure("p", "1.00", "k", "", "test")])
    assert found["", "student_t"].prints == "always"


def test_a_variable_tied_to_another_by_a_rule(tmp_path):
    rules = "{when: {a: 'yes'}, then: {k: {min: 3}}}"
    study = study_of(tmp_path, (2, 4), rules=rules)
    held = [
        figure("total", 2, group="yes"),
        figure("n", 2, "a", "yes", "yes"),
        figure("n", 0, "a", "yes", "no"),
        figure("n", 4, "k", "0", "no"),
    ]
    found = asked_of(study, [*held, figure("p", "0.03", "k", "", "test")])
    p = NUMBERED["mann_whitney"]([0, 3], [0, 2], [4, 0])
    assert (found["", "mann_whitney"].low, found["", "mann_whitney"].high) == (p, p)
    assert found["", "mann_whitney"].prints == "always"
    assert found["", "student_t"].prints == "undefined"


def test_what_is_given_up_and_what_is_asked(tmp_path):
    study, steps = study_of(tmp_path, (2, 4)), []
    wrong = replace(figure("n", 2, "a", "yes", "no"), id="wrong")
    counts = [figure("n", 2, "a", "yes", "yes"), figure("n", 1, "a", "yes", "no"), wrong]
    tests = [figure("p", "0.08", "a", "", "test"), figure("p", "0.50", "k", "", "test")]
    figures = [figure("total", 2, group="yes"), *counts, figure("mean", "1.0", "k"), *tests]
    rows = candidate_tests(study, figures, out={"wrong", "a::test:p"}, progress=lambda: steps.append(1))
    assert len(steps) == 2
    assert {row.variable for row in rows} == {"a", "k"}
    found = {row.test: row.prints for row in rows if row.variable == "a"}
    assert found["n_minus_1_chi_square"] == "never"
    assert found["pearson_chi_square"] == "always"  # 6 * 6^2 / (2 * 4 * 3 * 3) = 3, P 0.083
    assert {row.variable for row in candidate_tests(study, figures, only={"k::test:p"})} == {"k"}
    # Without it the other figures contradict each other, so nothing follows.
    assert {row.prints for row in candidate_tests(study, figures, only={"a::test:p"})} == {"unknown"}


def test_nothing_is_known_without_the_groups(tmp_path):
    study = study_of(tmp_path, (2, 4))
    rows = candidate_tests(study, [figure("n", 2, "a", "yes"), figure("p", "0.08", "a", "", "test")])
    assert [row.test for row in rows] == list(COUNTED)
    assert {row.prints for row in rows} == {"unknown"}
    assert all(math.isnan(row.low) and math.isnan(row.high) for row in rows)


def test_sizes_that_contradict_each_other_are_both_tried(tmp_path):
    study = study_of(tmp_path, (2, 4))
    figures = [
        figure("total", 2, group="yes"),
        figure("n", 3, "treated", "yes"),
        figure("n", 1, "a", "yes", "yes"),
        figure("n", 0, "a", "yes", "no"),
        figure("p", "0.12", "a", "", "test"),
    ]
    found = asked_of(study, figures)
    p_values = [COUNTED["pearson_chi_square"](1, n, 0, 6 - n) for n in (2, 3)]
    row = found["", "pearson_chi_square"]
    assert (row.low, row.high, row.prints) == (min(p_values), max(p_values), "sometimes")


def test_the_bundled_study():
    study = load_study("spinal-metastases")
    figures = read_published(study)
    left_out = {entry.figure for entry in study.plan("reconstruction").left_out}
    asked = {f.id for f in figures if f.variable in ("instrumentation_levels", "percutaneous_screws", "kyphoplasty")}
    rows = candidate_tests(study, figures, out=left_out, only=asked)
    screws = [row for row in rows if row.variable == "percutaneous_screws"]
    assert {row.prints for row in screws} == {"undefined"}
    levels = {(row.coding, row.test): row for row in rows if row.variable == "instrumentation_levels"}
    assert {row.prints for (coding, _), row in levels.items() if not coding} == {"never"}
    (coding,) = {coding for coding, _ in levels if coding}
    assert levels[coding, "pearson_chi_square"].prints == "always"
    assert_allclose(levels[coding, "pearson_chi_square"].low, COUNTED["pearson_chi_square"](1, 3, 32, 69))
    cement = {row.test: row.prints for row in rows if row.variable == "kyphoplasty"}
    assert cement["pearson_chi_square"] == "always"
    assert cement["fisher_exact"] == "never"


def test_every_test_has_words():
    assert set(all_suited("two")) == {*COUNTED, *TABLED, *NUMBERED}


# --- the solver's constraints on further tests


def holds(study, figures, variable, test, *, lenient):
    """Say whether the solver finds all figures together feasible, P by one test."""
    from printcheck.audit.candidate_tables import feasible
    from printcheck.printed.claims import Claim, claims
    from printcheck.proof.conflicts import blocks_of, of_block, rosters

    held, asked = claims(study, figures[:-1], ties=True), figures[-1]
    held.append(Claim(figures=(asked,), kind="test", variable=variable, by="treated", interval=within(asked)))
    (roster,) = rosters(study, held)
    for variables in blocks_of(study, roster, held):
        mine, rules = of_block(study, roster, variables, held)
        block = Block(study, roster, variables, mine, rules, {variable: (test,)}, lenient=lenient)
        for literal in block.kept.values():
            block.model.add(literal == 1)
        if not feasible(block.model):
            return False
    return True


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variable", "test", "sizes"),
    [
        ("k", "mann_whitney_continuity", (2, 4)),
        ("k", "mann_whitney_exact", (2, 2)),
        *(("c", test, (2, 5)) for test in TABLED),
        *(("a", test, (3, 6)) for test in COUNTED),
    ],
)
def test_a_block_states_a_test_when_a_cohort_prints_it(tmp_path, variable, test, sizes):
    study = study_of(tmp_path, sizes, of_c="ordered")
    k, a, c = (
        values if name == variable else values[:1]
        for name, values in (("k", range(4)), ("a", ["no", "yes"]), ("c", ["x", "y", "z"]))
    )
    everyone, rng, seen = Everyone(k, a, c, sizes), random.Random(4), Counter()
    everyone.a, everyone.c = ["no", "yes"], ["x", "y", "z"]
    at, levels = {"k": (0, everyone.k), "a": (1, everyone.a), "c": (2, everyone.c)}[variable]
    p_values = [p_of(test, *([p[at] for p in group] for group in cohort), levels) for cohort in everyone.cohorts]
    untied = [len({p[0] for group in cohort for p in group}) == sum(sizes) for cohort in everyone.cohorts]
    for _ in range(30):
        drawn = [(f, prints) for f, prints in everyone.figures(rng, rng.choice(everyone.cohorts), 6) if f.variable == variable]
        p = rng.choice([p for p in p_values if p == p])
        asked = figure("p", f"{p:.2f}", variable, "", "test")
        held = [figure("total", sizes[0], group="yes"), *(f for f, _ in drawn), asked]
        printing = [
            p in within(asked) and all(prints(*cohort) for _, prints in drawn)
            for p, cohort in zip(p_values, everyone.cohorts, strict=True)
        ]
        proof, build = (holds(study, held, variable, test, lenient=lenient) for lenient in (True, False))
        if test == "mann_whitney_exact":  # stated of untied values; a proof allows whatever is tied
            assert build == any(p and u for p, u in zip(printing, untied, strict=True))
            assert proof or not any(printing)
        else:
            assert proof == build == any(printing), [f.in_words for f in held]
        seen[any(printing)] += 1
    assert len(seen) == 2, seen  # both answers were put to the test


def test_what_cannot_be_stated_is_free_in_a_proof_and_refused_in_a_cohort(tmp_path, monkeypatch):
    study = study_of(tmp_path, (2, 3))
    total = figure("total", 2, group="yes")
    for variable, test in (("k", "welch_t"), ("c", "mann_whitney")):
        held = [total, figure("p", "0.001", variable, "", "test")]
        assert holds(study, held, variable, test, lenient=True)
        assert not holds(study, held, variable, test, lenient=False)
    held = [total, figure("p", "0.001", "c", "", "test")]
    assert not holds(study, held, "c", "pearson_chi_square", lenient=True)
    monkeypatch.setattr(solver_tests, "MOST_TABLES", 3)
    assert holds(study, held, "c", "pearson_chi_square", lenient=True)
    assert not holds(study, held, "c", "pearson_chi_square", lenient=False)


def test_what_is_tied_to_too_much_is_counted_alone(tmp_path, monkeypatch):
    study = study_of(tmp_path, (2, 4), rules="{when: {a: 'yes'}, then: {k: {min: 1}}}")
    held = [figure("total", 2, group="yes"), figure("n", 3, "a", "yes"), figure("p", "0.08", "a", "", "test")]
    before = asked_of(study, held)["", "pearson_chi_square"]
    monkeypatch.setattr("printcheck.proof.solver.MOST_PATTERNS", 4)
    after = asked_of(study, held)["", "pearson_chi_square"]
    assert (before.prints, after.prints) == ("sometimes", "unknown")
    assert (before.low, before.high) == (after.low, after.high)


# --- large groups: patients for a P of ranks are made by exchanges

NUMBERS = "{label: K, kind: continuous, decimals: 0, range: [0, 200]}"


def large(seed, sizes=(60, 70)):
    """Draw two large groups, and return them with what is printed of each."""
    rng = random.Random(seed)
    groups = [
        [min(200, max(0, round(rng.gauss(mean, 30)))) for _ in range(n)] for n, mean in zip(sizes, (90, 102), strict=True)
    ]
    told = []
    for name, values in zip(("yes", "no"), groups, strict=True):
        told += [
            figure("mean", f"{statistics.mean(values):.1f}", "k", group=name),
            figure("sd", f"{statistics.stdev(values):.1f}", "k", group=name),
            figure("n", len(values), "treated", name),
        ]
    every = [v for group in groups for v in group]
    told += [figure("total", len(every)), figure("min", min(every), "k"), figure("max", max(every), "k")]
    return groups, told


def p_of_ranks(groups):
    return stats.mannwhitneyu(*groups, method="asymptotic", use_continuity=False).pvalue


@pytest.mark.parametrize("seed", [6, 33])  # Student's P of these prints otherwise
def test_values_that_print_a_p_of_ranks_print_all_else_too(tmp_path, monkeypatch, seed):
    groups, told = large(seed)
    shown = f"{p_of_ranks(groups):.3f}"
    assert float(shown) > 0.001
    made = []
    monkeypatch.setattr(
        candidate_values, "_in_order", lambda claim, question, values: made.append([*map(list, values)]) or True
    )
    study = study_of(tmp_path, (60, 70), NUMBERS, test="student_t")
    asked = [*told, figure("p", shown, "k", group="test")]
    answers = {t.test: t.prints for t in candidate_tests(study, asked) if t.variable == "k" and not t.coding}
    assert answers["mann_whitney"] == "sometimes"
    assert answers["mann_whitney_exact"] == "unknown"  # not looked for among so many
    values = next(v for v in reversed(made) if f"{p_of_ranks(v):.3f}" == shown)
    assert list(map(len, values)) == [60, 70]
    for own, printed in zip(values, (told[:2], told[3:5]), strict=True):
        for made_of, one in zip((statistics.mean(own), statistics.stdev(own)), printed, strict=True):
            assert abs(made_of - float(one.value)) <= 0.05 + 1e-9  # a half may be rounded either way
    every = [v for group in values for v in group]
    assert [str(min(every)), str(max(every))] == [told[7].value, told[8].value]


def test_a_p_of_ranks_that_no_such_values_have_is_not_found(tmp_path):
    _, told = large(1)
    study = study_of(tmp_path, (60, 70), NUMBERS, test="student_t")
    asked = [*told, figure("p", "0.999", "k", group="test")]
    answers = {t.test: t.prints for t in candidate_tests(study, asked) if t.variable == "k" and not t.coding}
    assert answers["student_t"] == "never"
    assert answers["mann_whitney"] in ("never", "unknown")


def test_nothing_is_told_of_a_p_beside_two_standard_deviations_of_one_group(tmp_path):
    _, told = large(1)
    other = replace(told[1], id="another", value=f"{float(told[1].value) + 1:.1f}")
    study = study_of(tmp_path, (60, 70), NUMBERS, test="student_t")
    asked = [*told, other, figure("p", "0.100", "k", group="test")]
    assert {row.prints for row in candidate_tests(study, asked)} == {"unknown"}


@pytest.mark.parametrize(("planned", "sought"), [("mann_whitney", False), ("mann_whitney_exact", True)])
def test_an_exact_p_of_many_is_sought_where_it_is_planned(tmp_path, monkeypatch, planned, sought):
    groups, told = large(6)
    asked = []
    monkeypatch.setattr(
        candidate_search, "_solutions", lambda question, values, groups, tests, found: asked.extend(tests) or ()
    )
    study = study_of(tmp_path, (60, 70), NUMBERS, test=planned)
    candidate_tests(study, [*told, figure("p", f"{p_of_ranks(groups):.3f}", "k", group="test")], only=["k::test:p"])
    assert ("mann_whitney_exact" in asked) == sought
