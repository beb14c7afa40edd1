"""which_test.py: what each test can print, held to all cohorts that print the other figures."""

import itertools
import math
import random
from collections import Counter
from fractions import Fraction

import pytest
from numpy.testing import assert_allclose

from cohortbook.printed_tests import COUNTED, NUMBERED, TABLED
from cohortbook.published import Figure
from cohortbook.study import load_study
from cohortbook.which_test import WORDS, suited, which_tests
from studies import write_study

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
    return Figure(id=id, source="Text", about="cohort", variable=variable, level=level, group=group, statistic=statistic,
                  value=str(value), denominator=None, claim="", note="")  # fmt: skip


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
            for statistic, decimals, value in (("mean", 1, lambda g: Fraction(sum(p[0] for p in g), len(g))),
                                               ("max", 0, lambda g: max(p[0] for p in g)),
                                               ("min", 0, lambda g: min(p[0] for p in g))):  # fmt: skip
                if len(self.k) > 1 and of(treated, others):
                    shown = figure(statistic, f"{float(value(of(treated, others))):.{decimals}f}", "k", "", name)
                    made.append(
                        (shown, lambda t, o, s=shown, v=value, of=of: bool(of(t, o)) and v(of(t, o)) in within(s))
                    )
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
        ("k", range(4), ["no", "yes"], ["x"], (2, 3), "category"),
        ("k", range(4), ["no", "yes"], ["x"], (3, 2), "category"),
        ("a", [0], ["no", "yes"], ["x"], (3, 7), "category"),
        ("a", range(3), ["no", "yes"], ["x"], (2, 3), "category"),
        ("c", [0], ["no"], ["x", "y", "z"], (3, 5), "ordered"),
        ("c", [0], ["no", "yes"], ["x", "y", "z"], (2, 3), "category"),
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
        values = [tuple([p[at] for p in group] for group in cohort) for cohort in everyone.cohorts
                  if all(prints(*cohort) for _, prints in drawn)]  # fmt: skip
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
        found = {(r.coding, r.test): r for r in which_tests(study, [*held, asked]) if not r.coding}
        assert set(found) == {("", test) for test in tests}
        shown = {tuple(map(tuple, map(sorted, pair))) for pair in values}
        for test in tests:
            all_p = [p_of(test, *map(list, pair), levels) for pair in shown]
            row = found["", test]
            known = [p for p in all_p if p == p]
            printing = [p in within(asked) for p in all_p]
            expected = ("undefined" if not known else "never" if not any(printing) else "always" if all(printing)
                        else "sometimes")  # fmt: skip
            assert row.prints == expected, (test, asked.value, [f.in_words for f in held])
            seen[row.prints] += 1
            assert_allclose(
                (row.low, row.high), (min(known), max(known)) if known else (math.nan, math.nan), rtol=1e-12
            )
    assert min(seen["always"] + seen["sometimes"], seen["never"]) > 3, seen


def of_pairs(treated, others):
    """Yield figures of two pairs of numbers, each with what says whether other pairs print it."""
    total, sums = sum(v < 2 for v in others), (sum(treated), sum(others))
    yield figure("mean", f"{sums[0] / 2:.1f}", "k", "", "yes"), lambda t, o: sum(t) == sums[0]
    yield figure("mean", f"{sums[1] / 2:.1f}", "k", "", "no"), lambda t, o: sum(o) == sums[1]
    yield figure("max", max(treated), "k", "", "yes"), lambda t, o: max(t) == max(treated)
    yield figure("min", min(treated + others), "k"), lambda t, o: min(t + o) == min(treated + others)
    yield figure("n", total, "k_band", "low", "no"), lambda t, o: sum(v < 2 for v in o) == total


def test_runs_of_values_say_nothing_wrong(tmp_path):
    sizes = (2, 2)
    study = study_of(tmp_path, sizes, k=WIDE.replace("24", "20"))
    groups = list(itertools.combinations_with_replacement(range(21), 2))
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
        for row in which_tests(study, [*held, asked]):
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


def test_every_test_has_words():
    assert set(WORDS) == {*COUNTED, *TABLED, *NUMBERED}
