"""What the sections of a study file that compare say wrongly: groups, rows and their tests, pairs."""

from __future__ import annotations

from collections.abc import Iterator

from studyfile.study.study import LEVELLED, NUMERIC, Key, Study, nearest
from tallystats.registry import TRENDS, suited

Problem = tuple[Key, str]

#: test -> the kinds of variable that it suits, of two groups
SUITED = suited("two")
#: The same of three or more groups.
SUITED_SEVERAL = suited("several")
#: The same of one variable before and after.
SUITED_PAIRED = suited("paired")


def check_name(study: Study, name: str, at: Key, kinds: tuple[str, ...] = ()) -> Iterator[Problem]:
    """Yield what is wrong with the name of a variable: unknown, or of a kind that does not fit."""
    if name not in study.names:
        yield at, f"unknown variable {name!r}{nearest(name, study.names)}"
    elif kinds and study.kind(name) not in kinds:
        yield at, f"{name!r} is {study.kind(name)}; expected {' or '.join(kinds)}"


def check_comparison(study: Study) -> Iterator[Problem]:
    """Yield what is wrong with the comparison of groups."""
    plan = study.file.comparison
    unknown = list(check_name(study, plan.groups, ("comparison", "groups"), LEVELLED))
    yield from unknown
    levels = () if unknown else study.levels(plan.groups)
    several = len(levels) > 2
    if levels and plan.group_labels and len(plan.group_labels) != len(levels):
        wanted = "the group true, the group false" if study.kind(plan.groups) == "binary" else ", ".join(levels)
        yield (
            ("comparison", "group_labels"),
            f"names {len(plan.group_labels)} groups; {plan.groups!r} has {len(levels)}: {wanted}",
        )
    if levels and plan.pairwise and not several:
        yield ("comparison", "pairwise"), f"is of three groups or more; {plan.groups!r} has two, which the test compares"
    for i, row in enumerate(plan.rows):
        at = ("comparison", "rows", i)
        wrong = list(check_name(study, row.variable, (*at, "variable"), (*NUMERIC, *LEVELLED)))
        yield from wrong
        if not wrong and row.variable == plan.groups:
            yield (*at, "variable"), f"{row.variable!r} makes the groups; it cannot be compared between them"
        elif not wrong and levels:
            yield from _check_test(study, row.variable, row.test, several, (*at, "test"))


def _check_test(study: Study, variable: str, test: str, several: bool, at: Key) -> Iterator[Problem]:
    suited = SUITED_SEVERAL if several else SUITED
    kind, groups = study.kind(variable), study.file.comparison.groups
    fitting = [name for name, kinds in suited.items() if kind in kinds]
    if several and study.kind(groups) != "ordered":
        fitting = [name for name in fitting if name not in TRENDS]
    if test == "auto" or test in fitting:
        return
    if several and test in TRENDS and kind in suited[test]:
        yield at, f"{test!r} is of a trend, and {groups!r} has no order; expected auto, {', '.join(fitting)}"
    elif test not in suited:
        of = f"{'of two groups' if several else 'of three or more groups'}; {groups!r} has {len(study.levels(groups))}"
        yield at, f"{test!r} is {of}; expected auto, {', '.join(fitting)}"
    else:
        yield at, f"{variable!r} is {kind}; expected auto, {', '.join(fitting)}"


def check_paired(study: Study) -> Iterator[Problem]:
    """Yield what is wrong with the pairs before and after."""
    for i, pair in enumerate(study.file.paired):
        at = ("paired", i)
        wrong = [
            problem
            for key in ("before", "after")
            for problem in check_name(study, getattr(pair, key), (*at, key), (*NUMERIC, *LEVELLED))
        ]
        yield from wrong
        if wrong:
            continue
        first, last = pair.before, pair.after
        kinds = [NUMERIC[0] if study.kind(name) in NUMERIC else study.kind(name) for name in (first, last)]
        if first == last:
            yield (*at, "after"), f"is {last!r} as before is; expected another variable"
        elif kinds[0] != kinds[1]:
            yield (*at, "after"), f"{last!r} is {study.kind(last)}, {first!r} {study.kind(first)}; expected the same kind"
        elif study.levels(first) != study.levels(last):
            yield (*at, "after"), f"{last!r} has other levels than {first!r}; expected {', '.join(study.levels(first))}"
        elif study.unit(first) != study.unit(last):
            units = [study.unit(name) or "no unit" for name in (last, first)]
            yield (*at, "after"), f"{last!r} is in {units[0]}, {first!r} in {units[1]}; expected the same unit"
        elif pair.test != "auto" and study.kind(first) not in SUITED_PAIRED[pair.test]:
            suited = [name for name, of in SUITED_PAIRED.items() if study.kind(first) in of]
            yield (*at, "test"), f"{first!r} is {study.kind(first)}; expected auto, {', '.join(suited)}"
