"""Cells: the parts of a variable within which no printed figure, band or rule can tell two values apart."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from printcheck.printed.claims import Claim
from studyfile.errors import CohortbookError
from studyfile.study.study import NUMERIC, Study

#: A level, or the first and the last of a run of numbers, counted in steps of the variable's precision.
Cell = str | tuple[int, int]

#: A numeric variable with at most this many values gets a cell for each of them.
FEW_VALUES = 20
#: One with at most this many can be given a cell for each, where a printed figure needs them told apart.
MANY_VALUES = 400


class SolverError(CohortbookError):
    """A study whose printed figures cannot be put to the solver."""


def parts(study: Study, name: str) -> int:
    """Return how many steps of a numeric variable make 1: 1 for whole numbers, 10 for one decimal.

    Raises
    ------
    SolverError
        When the study file does not say how precisely the variable is recorded.
    """
    step = study.step(name)
    if not step:
        raise SolverError(f"{study.path}: variables: {name}: needs decimals:, for a value drawn for it must be written down")
    return round(1 / step)


def steps(study: Study, name: str, value: Any) -> Fraction:
    """Return a value of a numeric variable in its steps; no whole number when it lies between two of them."""
    return Fraction(str(value)) * parts(study, name)


def cells_of(study: Study, name: str, said: Sequence[Claim], rules: Sequence, *, pieces: int = 0) -> list[Cell]:
    """Return the levels of a variable, or runs of its numbers that no claim, band or rule can tell values apart within.

    Parameters
    ----------
    study, name, said, rules
        The dictionary, the recorded variable, and what is said of the block it is in.
    pieces : int
        Cut long runs further, into about so many pieces of the range, so that groups can be ranked by their cells.
    """
    variable = study.file.variables[name]
    if variable.kind == "date":
        raise SolverError(f"{study.path}: variables: {name}: is a date; a reconstruction needs days, a numeric variable")
    if variable.kind not in NUMERIC:
        return list(study.levels(name))
    if variable.range is None:
        raise SolverError(f"{study.path}: variables: {name}: needs range:, for a proof must know what values there can be")
    low, high = math.ceil(steps(study, name, variable.range[0])), math.floor(steps(study, name, variable.range[1]))
    if high - low < FEW_VALUES:
        return [(value, value) for value in range(low, high + 1)]
    starts = {low, *_starts(study, name, said, rules)}
    if pieces:
        length = (high - low + 1) / pieces
        starts |= {low + math.ceil(k * length) for k in range(1, pieces)}
    cuts = sorted(start for start in starts if low <= start <= high)
    return [(a, b - 1) for a, b in itertools.pairwise([*cuts, high + 1])]


def single_values(study: Study, name: str) -> list[Cell]:
    """Return a cell for each value of a numeric variable; none where there are too many."""
    low, high = (steps(study, name, end) for end in study.file.variables[name].range)
    values = range(math.ceil(low), math.floor(high) + 1)
    return [(value, value) for value in values] if len(values) <= MANY_VALUES else []


def _starts(study: Study, name: str, said: Sequence[Claim], rules: Sequence) -> Iterable[int]:
    """Yield the first value of every run that something said sets apart."""
    for derived in study.file.derived.values():
        if derived.from_ == name:
            yield from (math.ceil(steps(study, name, b.from_)) for b in derived.bands if b.from_ is not None)
    conditions = [part for claim in said for part in (claim.condition, claim.where)]
    conditions += [part for rule in rules for part in (rule.when, rule.then)]
    conditions += [criterion.keep for criterion in study.file.eligibility]
    for wanted in (condition[name] for condition in conditions if name in condition):
        if isinstance(wanted, dict):
            if "min" in wanted:
                yield math.ceil(steps(study, name, wanted["min"]))
            if "max" in wanted:
                yield math.floor(steps(study, name, wanted["max"])) + 1
        else:
            for value in wanted if isinstance(wanted, tuple) else (wanted,):
                yield from (math.ceil(steps(study, name, value)), math.floor(steps(study, name, value)) + 1)
    for claim in said:
        if claim.kind in ("min", "max", "median", "q1", "q3") and claim.variable == name:
            least, most = claim.interval.whole(parts(study, name))
            yield from (least, most + 1)
