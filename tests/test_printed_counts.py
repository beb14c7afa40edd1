"""printed_counts.py: levels and subtotals that do not add up are told, each error once."""

import pytest

from printcheck.audit.arithmetic import check_figures
from printcheck.audit.checks import covers
from printed_figures import PLAN, RANGED, figure, one, percent, printed_study, total
from studies import write_study
from studyfile.study.study import load_study


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return printed_study(tmp_path_factory.mktemp("study"))


def test_covers_are_every_partition():
    cells = {name: frozenset((c,) for c in name) for name in ("a", "b", "c", "ab", "bc", "abc", "cd")}
    found = {frozenset(cover) for cover in covers(cells["abc"], cells.values())}
    expected = {frozenset(cells[n] for n in names.split()) for names in ("abc", "ab c", "a bc", "a b c")}
    assert found == expected
    assert not list(covers(cells["cd"], [cells["c"]]))


@pytest.mark.parametrize(
    ("counts", "kind", "holds", "words"),
    [
        ([("site", "north", 5), ("site", "south", 3), ("site", "off", 2)], None, None, ""),
        (
            [("site", "north", 5), ("site", "south", 3), ("site", "off", 3)],
            "levels",
            False,
            "levels that exclude each other (Table 1: 5, 3 and 3) are 11 patients, but there are 10",
        ),
        ([("site", "north", 5), ("site", "south", 6)], "levels", False, "are 11 patients"),
        ([("site", "north", 5), ("site", "south", 3)], None, None, ""),
        (
            [("site", "north", 5), ("site", "south", 3), ("site", "off", 1)],
            "levels",
            None,
            "all levels (Table 1: 5, 3 and 1) are 9 of 10 patients; 1 would have no value",
        ),
        (
            [("site", "south", 3), ("site", "off", 2), ("site", "south or off", 6)],
            "subtotal",
            False,
            "its parts (Table 1: 3 and 2) make 5",
        ),
        ([("site", "south", 3), ("where", "elsewhere", 2)], "subtotal", False, "its parts (Table 1: 3) make 3"),
        ([("visits", "0", 7), ("visits", "1", 4)], "levels", False, "are 11 patients"),
        ([("visits", "0", 6), ("visits", "1", 3)], None, None, ""),
        # before and after: five of grade low cannot be six who went from low to high
        ([("grade", "low", 5), ("course", "low to high", 6)], "subtotal", False, "make 6"),
        (
            [
                ("course", "low to high", 2),
                ("course", "low to mid", 1),
                ("course", "mid to high", 2),
                ("change", "improved", 6),
            ],
            "subtotal",
            False,
            "make 5",
        ),
        (
            [("course", "low to high", 2), ("course", "low to mid", 1), ("course", "low to low", 1), ("grade", "low", 5)],
            "subtotal",
            None,
            "make 4",
        ),
        ([("grade", "low", 5), ("change", "improved or unchanged", 4)], "subtotal", None, "make 5"),
        ([("site", "north or south", 9), ("site", "north", 1), ("site", "off", 2)], "levels", False, "are 11 patients"),
        # nobody can improve from the highest level
        ([("grade", "high", 7), ("change", "improved", 4)], "levels", False, "are 11 patients"),
        ([("smoker", "", 11)], "subtotal", False, "more than 10"),
    ],
)
def test_levels_and_subtotals(study, counts, kind, holds, words):
    found = check_figures(study, [total(10), *(figure(v, "n", n, level=level) for v, level, n in counts)])
    if kind is None:
        assert not found
        return
    check = next(c for c in found if c.kind == kind)
    assert check.holds is holds
    assert words in check.reason


def test_parts_are_counted_though_their_sum_is_printed_roughly(study):
    rough = figure("site", "percent", "50", level="north or south", of=400)
    counts = [figure("site", "n", n, level=level) for level, n in (("north", 150), ("south", 53), ("off", 198))]
    assert "are 401 patients" in one(check_figures(study, [total(400), rough, *counts])).reason


def test_one_error_is_told_once(tmp_path):
    again = ("  where: {label", "  back: {label: Back, transition: [later, grade]}\n  where: {label")
    study = load_study(write_study(tmp_path, RANGED, again, extra=PLAN))
    counts = [figure("grade", "n", n, level=level) for level, n in (("low", 5), ("mid", 6))]
    assert one(check_figures(study, [total(10), *counts])).kind == "levels"


def test_counts_of_others_are_left_alone(study):
    assert not check_figures(study, [percent("50.0", 10), figure("smoker", "n", 4, of=8)])
    assert not check_figures(study, [figure("visits", "mean", "5.0", of=20), figure("visits", "mean", "5.2", of=18, id="b")])
    counts = [figure("visits", "n", n, level=level) for level, n in (("0", 2), ("4", 3), ("6", 5))]
    assert not check_figures(study, [total(10), *counts, figure("visits", "mean", "4.4", of=9)])
    assert not check_figures(study, [total(12), *counts, figure("visits", "mean", "4.4", of=10)])


def test_the_same_patients_counted_twice(study):
    check = one(check_figures(study, [figure("smoker", "n", 4), figure("smoker", "n", 5, level="yes", id="text")]))
    assert (check.kind, check.holds, check.figures) == ("subtotal", False, ("text", "smoker__all_n"))
    check = one(check_figures(study, [total(10), total(11, id="other")]))
    assert check.figures == ("other", "__all_total")
    assert not check_figures(study, [percent("75", 72, id="text"), percent("75.0", 72)])
    assert one(check_figures(study, [percent("75", 72), percent("76.4", 72, id="b")])).kind == "subtotal"


def test_groups_add_up_to_all(study):
    sizes = [total(10), total(4, "dead"), total(6, "alive")]
    groups = [percent("25.0", 4, group="dead"), percent("50.0", 6, group="alive")]
    assert not check_figures(study, [*sizes, *groups, figure("smoker", "n", 4)])
    for wrong in (3, 5):
        check = one(check_figures(study, [*sizes, *groups, figure("smoker", "n", wrong)]))
        assert (check.kind, check.holds, check.figures[0]) == ("subtotal", False, "smoker__all_n")
        assert "make 4" in check.reason
    # without all patients in the groups, only too many is wrong
    fewer = [total(12), *sizes[1:]]
    assert one(check_figures(study, [*fewer, *groups, figure("smoker", "n", 5)]), "subtotal").holds is None
    assert one(check_figures(study, [*fewer, *groups, figure("smoker", "n", 3)]), "subtotal").holds is False
    # the sizes are counts of the variable that makes the groups
    found = check_figures(study, [total(10), total(4, "dead"), total(7, "alive")])
    assert one(found).kind == "levels"
    assert one(check_figures(study, [total(4, "dead"), figure("died", "n", 3)])).kind == "subtotal"


def test_a_percentage_of_more_than_there_are_is_told(study):
    check = one(check_figures(study, [total(4, "dead"), percent("20.0", 5, group="dead")]))
    assert (check.kind, check.holds, check.figures[1]) == ("subtotal", None, "__dead_total")
    assert ": of 5, but there are only 4, dead" in check.reason


def test_the_count_that_does_not_add_up_is_blamed_first(study):
    shares = [percent("40.0", 10), figure("smoker", "percent", "60.0", level="no", of=10)]
    right, wrong = figure("smoker", "n", 6, level="no"), figure("smoker", "n", 5, level="yes")
    found = check_figures(study, [total(10), *shares, right, wrong])
    assert one(found, "rounding").figures[0] == wrong.id
    assert one(found, "levels").figures[0] == wrong.id
    found = check_figures(study, [total(10), percent("50.0", 10), right, figure("smoker", "n", 4, level="yes")])
    assert one(found).figures[0] == "smoker__all_percent"
