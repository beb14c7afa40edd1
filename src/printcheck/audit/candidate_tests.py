"""Which test printed a P value: what each can be over all patients that the other printed figures allow."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from fractions import Fraction

from printcheck.audit.candidate_question import PrintedP, suited
from printcheck.audit.candidate_tables import UNKNOWN, Answer
from printcheck.printed.cells import SolverError
from printcheck.printed.claims import Claim, claims, planned_tests
from printcheck.printed.published import Figure
from printcheck.proof.conflicts import rosters
from printcheck.proof.solver import ReconstructionError
from studyfile.study.study import Study
from tallystats.interval import Interval
from tallystats.results import result

#: What a P that lies on the border of two printed values may be off by.
_SLACK = Fraction(1, 10**12)


@result
class PrintedTest:
    """Whether a test prints a printed P value.

    Attributes
    ----------
    figure, variable : str
        The id of the P value, and what it is printed of.
    coding : str
        Empty for the variable as recorded; else another coding of it in words, its variable's name in brackets.
    test : str
        As the study file names it.
    stated : bool
        Whether it is the test that the study file plans.
    low, high : float
        Least and largest P over the patients that the other figures allow: exact where their counts can be told one by
        one, bounds otherwise; NaN where P is undefined or nothing is known.
    prints : {"always", "sometimes", "never", "undefined", "unknown"}
        Whether P prints so: for all these patients, for some that were found, for none (proven), without a P for any.
    """

    figure: str
    variable: str
    coding: str = ""
    test: str
    stated: bool
    low: float = math.nan
    high: float = math.nan
    prints: str


def candidate_tests(
    study: Study,
    figures: Sequence[Figure],
    *,
    out: Collection[str] = frozenset(),
    only: Collection[str] | None = None,
    bounds: bool = False,
    progress: Callable[[], None] | None = None,
) -> tuple[PrintedTest, ...]:
    """Ask of every printed P of a comparison which tests print it, and under which coding.

    Parameters
    ----------
    study : Study
        Its `reconstruction` says how many patients there are.
    figures : sequence of Figure
        Every printed figure.
    out : collection of str
        Ids of figures that are given up: their P values are asked about, but they are not held.
    only : collection of str, optional
        Ask of these P values alone.
    bounds : bool
        Tell only what the stated tests can give, with no search for patients who print it; whether numbers print it stays
        "unknown" where bounds do not tell.
    progress : callable, optional
        Called after each P value.

    Returns
    -------
    tuple of PrintedTest
        For each P value the variable as recorded under every test that suits it; then other codings, where none of the
        stated tests can print P of the recorded one, and they do.

    Notes
    -----
    All other figures are held (`printcheck.proof.solver`). "never" and "always" are proofs; "sometimes" has a witness.
    Where the other figures contradict each other, or the groups cannot be told, everything is "unknown".
    """
    groups, found = study.plan("published").groups, []
    for figure in figures:
        group = groups.get(figure.group)
        two = group and group.compare and study.kind(group.compare) == "binary"
        if figure.about != "cohort" or not two or (only is not None and figure.id not in only):
            continue
        held = [f for f in figures if f.id != figure.id and f.id not in out]
        found += _of_figure(study, figure, group.compare, held, bounds)
        if progress:
            progress()
    return tuple(found)


def _of_figure(study: Study, figure: Figure, by: str, held: Sequence[Figure], bounds: bool) -> list[PrintedTest]:
    variable, stated = figure.variable, planned_tests(study, figure.variable)
    printed = next(iter(figure.intervals(ties=True).values()))
    low, high = (
        end + slack * has
        for end, slack, has in ((printed.low, -_SLACK, printed.has_low), (printed.high, _SLACK, printed.has_high))
    )
    wide = Interval(low, high, printed.has_low, printed.has_high)
    asked = Claim(figures=(figure,), kind="test", variable=variable, by=by, interval=wide)
    answers = []
    try:
        said = claims(study, held, ties=True)
        for roster in rosters(study, [*said, asked]):
            if by in roster.groups:
                answers.append(PrintedP(study, roster, said, asked).answer(stated, bounds=bounds))
    except (SolverError, ReconstructionError):
        answers = []
    keys = dict.fromkeys([("", test) for test in suited(study, variable) if not bounds or test in stated])
    keys |= dict.fromkeys(key for answer in answers for key in answer if not bounds or key in keys)
    return [
        PrintedTest(
            figure=figure.id,
            variable=variable,
            coding=coding,
            test=test,
            stated=not coding and test in stated,
            **dict(zip(("low", "high", "prints"), _joined([a.get((coding, test), UNKNOWN) for a in answers]), strict=True)),
        )
        for coding, test in keys
    ]


def _joined(answers: Sequence[Answer]) -> Answer:
    """Join what is found for each roster that may be."""
    if len(answers) == 1:
        return answers[0]
    said = {prints for *_, prints in answers}
    if not said or said == {"unknown"}:
        return UNKNOWN
    defined = [(low, high) for low, high, prints in answers if prints != "undefined"]
    ends = (min(low for low, _ in defined), max(high for _, high in defined)) if defined else (math.nan, math.nan)
    if len(said) == 1:
        return *ends, said.pop()
    if said <= {"never", "undefined"}:
        return *ends, "never"
    return *ends, "sometimes" if said & {"always", "sometimes"} else "unknown"
