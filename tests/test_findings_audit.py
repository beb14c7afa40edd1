"""findings_audit.py: sentences rendered from what the audit found, in the order of its consequence."""

import re
from dataclasses import replace

import pytest

import cohortbook as cb
from cohortbook.sections.audit.findings_audit import audit_findings, finding, range_finding
from printcheck.audit.arithmetic import Check
from printcheck.audit.audit_words import in_words
from printcheck.audit.verdicts import Conflict, Repair
from test_layouts_audit import MEAN, NAN, OTHER, PERCENT, N, P, audit_of, disputed, model_of, printed_by, range_of


def told(audit):
    """Return the findings without their numbers, which run from 1."""
    lines = re.split(r"\n(?=\d)", str(audit_findings(audit)))
    assert [line.partition(". ")[0] for line in lines] == [str(k) for k in range(1, len(lines) + 1)]
    return [line.partition(". ")[2] for line in lines]


def test_headline_counts_what_was_found():
    audit = disputed()
    text = str(finding(audit))
    assert text.startswith("Of 94 printed figures, all can be checked. **2 are contradicted by others** (1 conflict)")
    assert "0 follow from other figures, 90 are compatible with them, 1 is rounded otherwise, 1 could not be decided." in text
    assert text.endswith(f"on which side of a threshold P lies: {in_words(audit.study, audit.figure(P))}.")
    aside = audit_of(verdicts={N: {"verdict": "not checkable"}, P: {"verdict": "reproduced"}})
    assert str(finding(aside)).startswith("Of 94 printed figures, 93 can be checked. Nothing that is printed contradicts")
    assert "1 follows from other figures, 92 are" in str(finding(aside))


def test_nothing_found_is_said():
    assert str(finding(audit_of())).partition(". ")[2].startswith("Nothing that is printed contradicts anything else: ")
    assert str(audit_findings(audit_of())).startswith("Nothing that is printed contradicts anything else, and no test")
    assert str(finding(replace(audit_of(), verdicts=()))) == "No figure is printed."
    undecided = audit_of(verdicts={N: {"verdict": "not decided"}})
    assert "as far as it was decided" in str(finding(undecided))
    assert told(undecided) == ["1 figure could not be decided; nothing is said of it here."]


def test_a_conflict_names_its_figures_its_repairs_and_what_they_do():
    audit = disputed()
    n, percent, p = (in_words(audit.study, audit.figure(id)) for id in (N, PERCENT, P))
    first = told(audit)[0]
    assert first.startswith(f"**{n}; {percent}: cannot all be true (C1).** These leave 97, not 96.")
    assert (
        "P of Smoking during pregnancy by Pearson's chi-square, printed 0.026, would be 0.0512 to 0.200 after R1b, across "
        "0.05; after R1a it stays as printed. Give up any one of these"
    ) in first
    assert first.endswith(f":\n   - R1a: {n}\n   - R1b: {percent}, and with it {p}")


def test_repairs_that_cross_nothing_are_no_change_of_a_conclusion():
    audit = disputed()
    tame = replace(audit, consequences=(replace(audit.consequences[1], low=0.02, high=0.03, crosses=()),))
    assert "0.0200 to 0.0300 after R1b, on the same side of every threshold." in told(tame)[0]
    gone = replace(audit, consequences=(replace(audit.consequences[1], low=NAN, high=NAN, crosses=()),))
    assert "would be" not in told(gone)[0]
    lone = replace(audit, repairs=audit.repairs[:1], consequences=())
    assert f"All others can hold together without {in_words(audit.study, audit.figure(N))}." in told(lone)[0]


def test_conflicts_that_cross_a_threshold_come_first():
    audit = disputed()
    verdicts = tuple(
        replace(v, verdict="contradicted", conflicts=("C0",)) if v.figure.id == "t1_age_sd" else v for v in audit.verdicts
    )
    early = Conflict(id="C0", figures=("t1_age_sd",), variables=("age",), why="no such SD")
    both = replace(
        audit,
        verdicts=verdicts,
        conflicts=(early, *audit.conflicts),
        repairs=(Repair(id="R0", conflicts=("C0",), figures=("t1_age_sd",)), *audit.repairs),
    )
    ids = [text.partition(".**")[0][-4:] for text in told(both)[:2]]
    assert ids == ["(C1)", "(C0)"]
    calm = replace(both, consequences=())
    assert [text.partition(".**")[0][-4:] for text in told(calm)[:2]] == ["(C0)", "(C1)"]
    unrepaired = replace(both, repairs=both.repairs[1:])
    assert told(unrepaired)[1].endswith("No such SD.")


def test_what_another_method_prints_is_told_once_a_method():
    cut = {"verdict": "rounded otherwise", "method": "truncated", "reason": "cut off, not rounded"}
    audit = audit_of(verdicts={MEAN: cut, "t1_age_sd": cut, P: {**cut, "method": "the chi-square", "reason": "it prints it"}})
    mean, sd = (in_words(audit.study, audit.figure(id)) for id in (MEAN, "t1_age_sd"))
    first, second = told(audit)
    assert first == f"**{mean}: rounded otherwise (truncated).** Cut off, not rounded. So too: {sd}."
    assert "(the chi-square).** It prints it." in second


def test_what_explains_a_conflict_is_said_in_its_place():
    verdicts = {
        N: {
            "verdict": "reproduced by another method",
            "method": "Fisher's exact test",
            "conflicts": ("C1",),
            "reason": "Table 1: 96 (race): printed so",
        }
    }
    audit = disputed(verdicts=verdicts)
    words = in_words(audit.study, audit.figure(N))
    assert told(audit)[0].startswith(f"**{words}: reproduced by another method (Fisher's exact test; C1).** Printed so. P of")
    assert len(told(replace(audit, consequences=()))) == 1
    known = disputed(verdicts={N: {**verdicts[N], "recomputed": "97 to 98"}})
    assert "Printed so. The other figures give 97 to 98. P of" in told(known)[0]


def test_order_of_consequence():
    checks = (
        Check(kind="expected_counts", figures=(P,), holds=None, recomputed="0.07", reason="expects 3"),
        Check(kind="comparisons", figures=(OTHER,), holds=None, reason="45 comparisons are printed"),
        Check(kind="threshold", figures=(OTHER,), holds=False, reason="Table 2: 0.010 (x): called significant"),
        Check(kind="order", figures=("t1_age_max",), holds=False, reason="Table 1: 45 (Age): below its mean"),
        Check(kind="levels", figures=("t1_age_min",), holds=None, reason="one level is left out"),
        Check(kind="rounding", figures=("t1_age_median",), holds=True, reason="holds"),
    )
    cut = {"verdict": "rounded otherwise", "method": "truncated", "reason": "cut off"}
    audit = audit_of(checks=checks, models=(model_of(),), verdicts={MEAN: cut, "t1_lwt_sd": {"verdict": "not decided"}})
    found = told(audit)
    keys = [
        "**Table 3: the estimate",
        "Age, greatest 45: contradicted by arithmetic.** Below its mean.",
        "truncated",
        "to be asked about.** One level",
        "called significant.**",
        "45 comparisons are printed.",
        "leans on a chi-square",
        "could not be decided",
    ]
    assert len(found) == len(keys)
    for text, key in zip(found, keys, strict=True):
        assert key in text
    assert not any("holds" in text for text in found)


@pytest.mark.parametrize(("low", "first"), [(0.06, True), (0.04, False)])
def test_an_exact_test_across_a_threshold_is_a_conclusion(low, first):
    checks = (
        Check(kind="comparisons", figures=(OTHER,), holds=None, reason="many"),
        Check(kind="expected_counts", figures=(P,), holds=None, recomputed="0.06", reason="expects 3"),
    )
    tests = printed_by(P, "smoke", pearson_chi_square=(0.026, 0.026, "always"), fisher_exact=(low, 0.07, "never"))
    found = told(audit_of(checks=checks, tests=tests))
    mine = found[0 if first else 1]
    assert mine.startswith("**1 P value leans on a chi-square that expects fewer than 5 births in a cell")
    assert ("on the other side of a threshold" in mine) is first
    assert f"Smoking during pregnancy {low:.4f} to 0.0700 (0.026 is printed)." in mine
    bare = told(audit_of(checks=(replace(checks[1], recomputed=""),)))
    assert bare[0].endswith("So too: Smoking during pregnancy.")


def test_a_model_says_what_prints_it_and_that_estimates_do_not_exist():
    text = str(cb.finding(model_of()))
    assert "Table 3 is printed" in text
    assert "by maximum likelihood, Wald, after 18 to 20 steps (in 1 of 5)." in text
    assert "**Table 3: the estimate of Irritability does not exist**" in text
    assert "stopped (18 to 20 steps)" in text
    assert "with Hypertension where removal is by Wald's test; with Hypertension and Irritability where" in text
    assert text.endswith("Irritability below 0.05 in all of these tables, Hypertension in some.")
    assert "none below 0.01 in all of these tables." in str(cb.finding(model_of(), significance=0.01))


def test_a_model_whose_selection_always_ends_alike_hangs_on_nothing():
    ends = {("ht", "ui"): 1}
    same = model_of(selections={"wald": ends, "lr": ends}, separated_in_all=(), separated_in_some=(), firth_range={})
    text = str(finding(same))
    assert text.endswith("ends with Hypertension and Irritability under every test for removal, as printed.")
    assert "hangs" not in text
    assert "does not exist" not in text
    assert audit_findings(audit_of(models=(same,))).markdown.startswith("Nothing that is printed")
    some = str(finding(model_of(separated_in_all=())))
    assert "In some joint tables that print Table 3 the estimate of Irritability would be infinite." in some


def test_a_model_that_nothing_prints_or_that_was_not_searched():
    none = model_of(readings=(), tables=(), limits=(), selections={}, separated_in_all=(), separated_in_some=(), firth_range={})
    assert str(finding(none)).startswith("No method that was tried prints Table 3 for any of the 5 joint tables")
    assert "nor for any of the 12 with its margins" in str(finding(none))
    assert told(audit_of(models=(none,))) == [str(finding(none))]
    unsearched = model_of(reason="not searched: no margins")
    assert str(finding(unsearched)) == "Not searched: no margins."
    assert "1." not in str(audit_findings(audit_of(models=(unsearched,))))
    assert "not fully decided" in str(finding(model_of(decided=False)))
    assert str(finding(())) == "No regression table is printed."
    assert str(finding((model_of(), unsearched))) == f"{finding(model_of())}\n\n{finding(unsearched)}"


def test_ranges_name_what_is_open_and_what_is_not():
    ranges = (
        range_of("age", 0.2, 0.2, threshold=0.05),
        range_of("smoking", 0.02, 0.3, threshold=0.05, crosses=True),
        range_of("weight", 0.06, 0.3, threshold=0.05),
        range_of("odds", 2.0, 3.0),
        range_of("deaths", 3.0, 12.5, rests_on_assumed=True),
        range_of("nothing", NAN, NAN),
    )
    text = str(finding(ranges))
    assert text == str(range_finding(ranges))
    assert text.startswith(
        "**What is printed does not determine on which side of its threshold P lies: Smoking (0.0200 to 0.300).**"
    )
    assert "one side of its threshold in all cohorts that were drawn: Weight (0.0600 to 0.300)." in text
    assert "Not determined either: Odds (2.00 to 3.00)." in text
    assert "The same in all: Age (0.200)." in text
    assert text.endswith("*Illustration, not a finding, as it rests on assumed values:* Deaths (3.00 to 12.5).")
    assert "Nothing" not in text


def test_ranges_without_a_crossing_or_without_anything():
    calm = str(finding((range_of("weight", 0.06, 0.3, threshold=0.05),)))
    assert calm.startswith("No P value crosses its threshold in the 200 cohorts that were drawn.")
    assert calm.endswith("Nothing is the same in all cohorts.")
    assert str(finding((range_of("odds", 2.0, 3.0),))).startswith("Not determined: Odds")
    assert (
        str(finding((range_of("x", NAN, NAN),)))
        == str(range_finding(()))
        == "No result is defined in the cohorts that were drawn."
    )
    sets = (range_of("age", 0.2, 0.2, threshold=0.05), range_of("age", 0.1, 0.1, threshold=0.05, set="without Table 2"))
    assert "Age (0.200) and Age (without Table 2: 0.100)" in str(finding(sets))
    lone = str(finding((range_of("deaths", 3.0, 12.5, rests_on_assumed=True),)))
    assert lone.startswith("*Illustration, not a finding")
