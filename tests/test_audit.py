"""audit.py: the findings on the bundled study, each proven again here by trying all patients, without the solver."""

import csv
import functools
import itertools
import math
import shutil
import warnings
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from scipy import stats

from printcheck.audit.audit import audit_study
from printcheck.audit.verdicts import VERDICTS
from printcheck.printed.published import prints_as
from printcheck.proof.repairs import provers
from printcheck.reconstruct.compatible import committed_solutions, draw_solutions, solutions_text
from printcheck.reconstruct.possible import Drawer, figure_sets
from printcheck.reconstruct.reprint import reprint
from studies import write_study
from studyfile.cohort.cohort import load_cohort
from studyfile.study.study import bundled_studies, load_study
from test_undetermined import HEAD, ROWS, STUDY

FAILED, OTHERS = 3, 69
FOLDER = bundled_studies() / "spinal-metastases"
PRINTED = {row["id"]: row for row in csv.DictReader((FOLDER / "published.csv").open(encoding="utf-8"))}


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    """Return the audit of the study and its printed figures alone: there is no cohort file."""
    folder = tmp_path_factory.mktemp("paper")
    for name in ("study.yml", "published.csv"):
        shutil.copy(FOLDER / name, folder)
    return audit_study(folder)


@pytest.fixture(scope="module")
def found(audit):
    return {verdict.figure.id: verdict for verdict in audit.verdicts}


# What prints so, by hand.


def prints(value, text):
    """Say whether a number may be printed so: rounded, a half either way."""
    if value is None:
        return False
    exact = value if isinstance(value, Fraction) else Fraction(repr(float(value)))
    digits = Decimal(1).scaleb(-len(text.partition(".")[2]))
    number = Decimal(exact.numerator) / Decimal(exact.denominator)
    return any(number.quantize(digits, rounding=rule) == Decimal(text) for rule in (ROUND_HALF_UP, ROUND_HALF_EVEN))


def pearson(a, b):
    """Return P of Pearson's chi-square of a of the failed against b of the others; None where all are alike."""
    if a + b in (0, FAILED + OTHERS):
        return None
    return stats.chi2_contingency([[a, FAILED - a], [b, OTHERS - b]], correction=False).pvalue


@functools.cache
def binary_states():
    """Return every way in which patients can show a binary variable: each of the failed, and how many of the others."""
    return [
        (told, b, pearson(sum(told), b)) for told in itertools.product((False, True), repeat=FAILED) for b in range(OTHERS + 1)
    ]


def holds(row, state):
    """Say whether a printed figure of a binary variable holds in a state."""
    told, b, p = state
    a, text = sum(told), row["value"]
    counts = {"all": (a + b, FAILED + OTHERS), "failure": (a, FAILED), "no_failure": (b, OTHERS)}
    if row["statistic"] == "p":
        return prints(p, text)
    if row["statistic"] == "value":
        return told[int(row["group"][-1]) - 1] == (text == "yes")
    n, of = counts[row["group"]]
    return n == int(text) if row["statistic"] == "n" else prints(Fraction(100 * n, of), text)


def possible(ids):
    """Return the states of a binary variable in which all of some printed figures hold."""
    return [state for state in binary_states() if all(holds(PRINTED[id], state) for id in ids)]


def binary(audit, figures):
    """Say whether figures are all about one binary variable that the three failures are told of."""
    return {audit.study.kind(PRINTED[id]["variable"]) for id in figures} == {"binary"}


def about(variable):
    return [id for id, row in PRINTED.items() if row["about"] == "cohort" and row["variable"] == variable]


# The verdicts as a whole.


def test_every_printed_figure_has_one_verdict_and_a_line(audit):
    assert [verdict.figure.id for verdict in audit.verdicts] == list(PRINTED)
    for verdict in audit.verdicts:
        assert verdict.verdict in VERDICTS
        assert verdict.reason
        assert "\n" not in verdict.reason
        known = {conflict.id for conflict in audit.conflicts}
        assert set(verdict.conflicts) <= known
        assert bool(verdict.conflicts) or verdict.verdict != "contradicted"
    assert audit.counts["not decided"] == 0
    assert sum(audit.counts.values()) == len(PRINTED)


def test_nothing_but_the_cohort_is_checkable(found):
    for id, verdict in found.items():
        assert (verdict.verdict == "not checkable") == (PRINTED[id]["about"] != "cohort"), id


def test_what_is_printed_twice_is_reproduced(found):
    pairs = [(id, id.removesuffix("_pct") + "_n") for id in PRINTED if id.endswith("_pct")]
    tried = [(id, twin) for id, twin in pairs if twin in PRINTED and found[id].verdict == "reproduced"]
    assert len(tried) > 50
    for id, twin in tried:
        share = Fraction(100 * int(PRINTED[twin]["value"]), int(PRINTED[id]["denominator"]))
        assert prints(share, PRINTED[id]["value"]), id


# Conflicts and repairs, tried out.


def test_each_conflict_of_a_binary_variable_is_one_and_is_minimal(audit):
    tried = [conflict for conflict in audit.conflicts if binary(audit, conflict.figures)]
    assert {variable for conflict in tried for variable in conflict.variables} >= {"screw_augmentation", "percutaneous_screws"}
    for conflict in tried:
        assert not possible(conflict.figures), conflict
        for id in conflict.figures:
            assert possible(set(conflict.figures) - {id}), (conflict, id)


def cost(ids):
    """Count the printed places among figures; P is free beside a count of a group that is given up too."""
    free = {
        id
        for id in ids
        if PRINTED[id]["statistic"] == "p" and any(PRINTED[other]["group"] in ("failure", "no_failure") for other in ids)
    }
    return len({tuple(PRINTED[id][key] for key in ("source", "variable", "level", "group")) for id in set(ids) - free})


def test_repairs_of_binary_variables_are_all_the_cheapest(audit):
    tried = {}
    for repair in audit.repairs:
        if binary(audit, repair.figures):
            tried.setdefault(PRINTED[repair.figures[0]]["variable"], []).append(set(repair.figures))
    assert set(tried) == {"screw_augmentation", "percutaneous_screws"}
    for variable, repairs in tried.items():
        every = set(about(variable))
        least = min(map(cost, repairs))
        assert {cost(repair) for repair in repairs} == {least}
        for repair in repairs:
            assert possible(every - repair), repair
            for id in repair:
                assert not possible(every - repair | {id}), (repair, id)
        cheapest = []
        for k in range(len(every) + 1):
            for some in itertools.combinations(sorted(every), k):
                minimal = not any(smaller < set(some) for smaller in cheapest)
                if cost(some) <= least and minimal and possible(every - set(some)):
                    assert cost(some) == least, some
                    cheapest.append(set(some))
        assert sorted(map(sorted, cheapest)) == sorted(map(sorted, repairs))


def test_everything_contradicted_is_given_up_by_a_repair(audit, found):
    given_up = {id for repair in audit.repairs for id in repair.figures}
    contradicted = {id for id, verdict in found.items() if verdict.verdict == "contradicted"}
    assert contradicted
    assert contradicted <= given_up
    assert all(binary(audit, [id]) for id in contradicted)  # so each is tried out above
    in_conflict = {id for conflict in audit.conflicts for id in conflict.figures}
    for id in contradicted:
        same = {
            other
            for other in about(PRINTED[id]["variable"])
            if PRINTED[other]["source"] == PRINTED[id]["source"] and PRINTED[other]["group"] == PRINTED[id]["group"]
        }
        assert in_conflict & same, id


def test_consequences_are_the_p_values_that_the_repairs_leave(audit):
    repairs = {repair.id: repair for repair in audit.repairs}
    tried = 0
    for consequence in audit.consequences:
        row, repair = PRINTED[consequence.figure], repairs[consequence.repair]
        if not binary(audit, repair.figures) or consequence.figure not in repair.figures:
            continue
        p_values = [p for _, _, p in possible(set(about(row["variable"])) - set(repair.figures)) if p is not None]
        if p_values:
            tried += 1
            assert [consequence.low, consequence.high] == pytest.approx([min(p_values), max(p_values)], rel=1e-9)
            printed = float(row["value"])
            crossed = {
                t for t in audit.thresholds if (printed < t) != (max(p_values) < t) or (printed < t) != (min(p_values) < t)
            }
            assert set(consequence.crosses) == crossed
        else:
            assert math.isnan(consequence.low)
    assert tried == 2


# What another rule or method explains.


def test_the_share_of_two_locations_is_a_sum_of_rounded_parts(audit, found):
    verdict = found["text_location_t7_s1_pct"]
    assert (verdict.verdict, verdict.method) == ("rounded otherwise", "sum of rounded parts")
    text = PRINTED["text_location_t7_s1_pct"]["value"]
    assert not [n for n in range(73) if prints(Fraction(100 * n, 72), text)]
    parts = [PRINTED[f"t4_location_{part}_pct"]["value"] for part in ("lower_thoracic", "lumbosacral")]
    assert sum(map(Decimal, parts)) == Decimal(text)
    (alone,) = [conflict for conflict in audit.conflicts if "text_location_t7_s1_pct" in conflict.figures]
    assert alone.figures == ("text_location_t7_s1_pct",)


LEVELS = {
    int(row["level"]): int(row["value"]) for id, row in PRINTED.items() if id.startswith("t5_levels_") and id.endswith("_n")
}


def test_the_mean_of_levels_is_their_median(found):
    """Whole numbers of at least 2 with the printed mean of the failures can only be 2, 2 and 3."""
    fits = [
        c
        for c in itertools.combinations_with_replacement(LEVELS, FAILED)
        if prints(Fraction(sum(c), FAILED), PRINTED["t7_levels_failure_mean"]["value"])
    ]
    assert fits == [(2, 2, 3)]
    others = [level for level, n in LEVELS.items() for _ in range(n - fits[0].count(level))]
    assert len(others) == OTHERS
    text = PRINTED["t7_levels_no_failure_mean"]["value"]
    assert not prints(Fraction(sum(others), OTHERS), text)
    assert prints(Fraction(sorted(others)[OTHERS // 2]), text)
    verdict = found["t7_levels_no_failure_mean"]
    assert (verdict.verdict, verdict.method) == ("reproduced by another method", "the median")
    assert verdict.recomputed == f"{sum(others) / OTHERS:.3f}"


def test_the_p_value_of_levels_is_that_of_short_instrumentation(audit, found):
    failed, text = [2, 2, 3], PRINTED["t7_levels_p"]["value"]
    others = [level for level, n in LEVELS.items() for _ in range(n - failed.count(level))]
    # The plan takes the rank test: the whole distribution is printed, and is not normal.
    assert stats.shapiro([*failed, *others]).pvalue < 0.05
    ranks = stats.mannwhitneyu(failed, others, method="asymptotic", use_continuity=False).pvalue
    assert not prints(ranks, text)
    assert not prints(stats.ttest_ind(failed, others).pvalue, text)
    short = [[failed.count(2), failed.count(3)], [others.count(2), OTHERS - others.count(2)]]
    assert prints(stats.chi2_contingency(short, correction=False).pvalue, text)
    verdict = found["t7_levels_p"]
    assert verdict.verdict == "reproduced by another method"
    assert "Short instrumentation" in verdict.method
    (consequence,) = [c for c in audit.consequences if c.figure == "t7_levels_p"]
    assert min(ranks, stats.ttest_ind(failed, others).pvalue) == pytest.approx(consequence.low, rel=1e-6)
    assert max(ranks, stats.ttest_ind(failed, others).pvalue) == pytest.approx(consequence.high, rel=1e-6)


def rank_p_values(failed, threes):
    """Yield the least and largest P of ranks when so many have three levels and the others two, or four to fifteen.

    The rank sum hangs on how many have two; ties above three only on how those are spread, from evenly to all alike.
    """
    n = FAILED + OTHERS
    for twos in range(failed.count(2), n - threes + 1):
        above = n - threes - twos
        middle = {2: (twos + 1) / 2, 3: twos + (threes + 1) / 2}
        u = sum(middle[level] for level in failed) - FAILED * (FAILED + 1) / 2
        evenly = [above // 12 + (k < above % 12) for k in range(12)]
        ends = []
        for upper in ([above], evenly):
            ties = sum(t**3 - t for t in (twos, threes, *upper))
            variance = FAILED * OTHERS / 12 * (n + 1 - ties / (n * (n - 1)))
            ends.append(2 * stats.norm.sf(abs(u - FAILED * OTHERS / 2) / math.sqrt(variance)))
        yield min(ends), max(ends)


def printing(p, failed, threes):
    """Say whether P of ranks prints so for some number with three levels, with ties above three at one of their ends."""
    return any(prints(end, p) for count in threes for ends in rank_p_values(failed, count) for end in ends)


def test_each_conflict_of_levels_is_one_and_is_minimal(audit):
    tried = [conflict for conflict in audit.conflicts if conflict.variables == ("instrumentation_levels",)]
    assert tried
    p, low, high = (PRINTED[f"t7_levels_{what}"]["value"] for what in ("p", "no_failure_mean", "failure_mean"))
    threes = int(PRINTED["t5_levels_3_n"]["value"])
    for conflict in tried:
        match set(conflict.figures):
            case figures if figures == {"t5_levels_3_n", "t7_levels_no_failure_mean"}:
                # All others have two, and all three failures are among those with three: the least there can be.
                least = Fraction(2 * (OTHERS - threes + FAILED) + 3 * (threes - FAILED), OTHERS)
                assert least > Fraction(low) + Fraction(1, 200)
                assert prints(Fraction(2 * OTHERS, OTHERS), low)  # without the count
            case figures if figures == {"t5_levels_3_n", "t7_levels_failure_mean", "t7_levels_p"}:
                # For each number of twos, P lies between two ends; none reaches what prints so.
                for least, most in rank_p_values([2, 2, 3], threes):
                    assert most < float(p) - 0.005 or least >= float(p) + 0.005
                assert printing(p, [2, 2, 3], range(3, 40))  # without the count
                assert prints(Fraction(7, FAILED), high)  # without P
                assert printing(p, [2, 3, 3], [threes]) or printing(p, [2, 2, 2], [threes])  # without the mean
            case figures:
                pytest.fail(f"no proof is written down for {figures}")


def ends_without(level):
    """Yield the ends of P of ranks, with failures of 2, 2 and 3, when a level's count is given up.

    Its patients keep their level or have more than any level that is counted: 7 to 15, from all alike to evenly spread.
    """
    n = FAILED + OTHERS
    for left in range(LEVELS[level] + 1):
        counts = {**LEVELS, level: left}
        if counts[2] < 2 or counts[3] < 1:
            continue
        moved = LEVELS[level] - left
        middle = {k: sum(c for other, c in counts.items() if other < k) + (counts[k] + 1) / 2 for k in (2, 3)}
        u = 2 * middle[2] + middle[3] - FAILED * (FAILED + 1) / 2
        for above in ([moved], [moved // 9 + (k < moved % 9) for k in range(9)]):
            ties = sum(t**3 - t for t in (*counts.values(), *above))
            variance = FAILED * OTHERS / 12 * (n + 1 - ties / (n * (n - 1)))
            yield left, 2 * stats.norm.sf(abs(u - FAILED * OTHERS / 2) / math.sqrt(variance))


def test_the_repair_of_levels_is_the_only_one_of_two_places(audit):
    (repair,) = [r for r in audit.repairs if PRINTED[r.figures[0]]["variable"] == "instrumentation_levels"]
    assert set(repair.figures) == {"t7_levels_no_failure_mean", "t7_levels_p"}
    text = PRINTED["t7_levels_p"]["value"]
    # The mean must go: with all counts but one, the others' sum stays above what it prints.
    for level in LEVELS:
        most_twos = sorted([k for k, n in LEVELS.items() if k != level for _ in range(n)] + [2] * LEVELS[level])[:OTHERS]
        assert not prints(Fraction(sum(most_twos), OTHERS), PRINTED["t7_levels_no_failure_mean"]["value"])
    # Beside it, neither the failures' mean nor one count instead of P will do.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for failed in itertools.combinations_with_replacement(LEVELS, FAILED):
            others = [k for k, n in LEVELS.items() for _ in range(n - failed.count(k))]
            if len(others) == OTHERS:
                ranks = stats.mannwhitneyu(failed, others, method="asymptotic", use_continuity=False).pvalue
                assert not prints(ranks, text)
                assert not prints(stats.ttest_ind(failed, others).pvalue, text)
    for level in LEVELS:
        for _, same in itertools.groupby(ends_without(level), key=lambda found: found[0]):
            ends = [p for _, p in same]
            assert max(ends) < float(text) - 0.005 or min(ends) >= float(text) + 0.005, (level, ends)


def test_every_conflict_is_tried_out_here(audit):
    variables = {"screw_augmentation", "percutaneous_screws", "location", "instrumentation_levels"}
    assert {variable for conflict in audit.conflicts for variable in conflict.variables} == variables


# Other studies.


def small(folder, more="", text=STUDY, rows=ROWS):
    path = write_study(folder, text=text)
    (folder / "published.csv").write_text(HEAD + rows + more, encoding="utf-8")
    return audit_study(path)


def verdicts(audit):
    return {verdict.figure.id: verdict.verdict for verdict in audit.verdicts}


def test_the_order_of_rows_changes_nothing(tmp_path):
    more = "zp,Table 1,cohort,z,yes,failed,n,2,,,\npx,Table 1,cohort,x,,test,p,0.098,,,\n"
    lines = (ROWS + more).splitlines(keepends=True)
    given = verdicts(small(tmp_path, rows="".join(lines)))
    for order in (lines[::-1], lines[1::2] + lines[::2], sorted(lines)):
        assert verdicts(small(tmp_path, rows="".join(order))) == given
    assert {given["zf"], given["zp"]} == {"contradicted"}


def test_a_study_without_comparison_or_model_is_audited(tmp_path):
    plain = STUDY[: STUDY.index("comparison:")] + STUDY[STUDY.index("published:") :].replace(", test: {compare: failed}", "")
    given = verdicts(small(tmp_path, "w2,Text,cohort,weeks,,all,mean,60,,,\n", text=plain))
    assert given["w2"] == "contradicted"
    assert given["xf"] in ("reproduced", "compatible")


def test_what_reaches_its_limit_is_not_decided_and_never_consistent(tmp_path, monkeypatch):
    monkeypatch.delenv("COHORTBOOK_CACHE", raising=False)
    rows = ROWS + "px,Table 1,cohort,x,,test,p,0.098,,,\n"
    assert "not decided" not in verdicts(small(tmp_path, rows=rows)).values()
    monkeypatch.setitem(provers.__kwdefaults__, "effort", 1e-9)
    given = verdicts(small(tmp_path, rows=rows))
    # The number of patients needs no search; nothing else is called consistent.
    assert {id for id, verdict in given.items() if verdict != "not decided"} == {"n"}


def test_patients_print_whatever_is_called_compatible(found):
    """The committed cohort is the witness: it prints every figure that the audit leaves uncontradicted."""
    cohort = load_cohort("spinal-metastases")
    called = [v.figure for v in found.values() if v.verdict in ("compatible", "reproduced")]
    assert len(called) > 250
    for figure in called:
        shown = reprint(figure, cohort)
        assert shown == figure.value if isinstance(shown, str) else prints_as(figure, shown), figure.id


def test_no_cohort_is_drawn_as_solutions_are_committed(audit, monkeypatch):
    monkeypatch.delenv("COHORTBOOK_CACHE", raising=False)
    monkeypatch.setattr(Drawer, "_settle", lambda self, search: pytest.fail(f"draws {search.variables}: run `make cohort`"))
    committed = committed_solutions(load_study("spinal-metastases"))
    drawer = Drawer(audit.study, [v.figure for v in audit.verdicts], 1, committed=committed)
    for one in figure_sets(audit.repairs):
        assert all(pool.solutions for pool in drawer.possible(one).pools)
    assert drawer.drawn == committed


@pytest.mark.slow
def test_committed_solutions_are_drawn_again_alike(audit, monkeypatch):
    monkeypatch.delenv("COHORTBOOK_CACHE", raising=False)
    assert solutions_text(draw_solutions(audit)) == solutions_text(committed_solutions(load_study("spinal-metastases")))


def test_what_the_other_figures_give_stands_beside_what_is_printed(audit, found):
    """By hand: the mean of three narrated times; P of counts by scipy; a size; P of what cannot be true, once given up."""
    times = [int(PRINTED[f"text_failure{k}_time_to_sm_days"]["value"]) for k in (1, 2, 3)]
    assert found["t7_time_to_sm_failure_mean"].recomputed == f"{sum(times) / FAILED:.1f}"
    kyphoplasty = int(PRINTED["t5_kyphoplasty_n"]["value"])
    pearson = stats.chi2_contingency([[3, 0], [kyphoplasty - 3, 72 - kyphoplasty]], correction=False)[1]
    assert found["t7_kyphoplasty_p"].recomputed == f"{pearson:.3g}"
    assert found["t7_total_failure_n"].recomputed == str(FAILED)
    ends = [c for c in audit.consequences if c.figure == "t7_screw_augmentation_p" and c.crosses]
    low, high = found["t7_screw_augmentation_p"].recomputed.split(" to ")
    assert (low, float(high)) == ("<0.0001", pytest.approx(max(c.high for c in ends), rel=0.005))
    empty = [id for id, v in found.items() if v.verdict == "reproduced" and not v.recomputed]
    assert not empty
