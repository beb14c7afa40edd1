"""Other codings of a variable, under which a test may have printed its P: derived variables, and cuts in two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from printcheck.audit.candidate_tables import Table
from studyfile.cohort.values import derive_value
from studyfile.study.study import NUMERIC, Study
from tallystats.statistics.printed_tests import COUNTED, TABLED

#: Tests of a coding that the study file does not declare: a cut in two at a value.
_OF_CUTS = ("pearson_chi_square", "yates_chi_square", "fisher_exact")


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """Another coding of a variable.

    Attributes
    ----------
    words : str
        What it is, its variable's name in brackets.
    derived : str
        The derived variable whose levels must be counted anew; empty where `codes` says it all.
    codes : tuple of int
        The code of each level or value of the variable.
    tests : tuple of str
        The tests that suit it.
    """

    words: str
    derived: str = ""
    codes: tuple[int, ...] = ()
    tests: tuple[str, ...]


def codings(study: Study, name: str, lines: Sequence[Any], tables: Sequence[Table]) -> Iterator[Coding]:
    """Yield other codings of a variable.

    Parameters
    ----------
    study, name
        The dictionary, and the variable as it is recorded.
    lines : sequence
        Its levels or values that `tables` count; none where these cannot be told one by one.
    tables : sequence
        The counts that the other figures allow.
    """
    declared = set()
    for coding in _declared(study, name, lines):
        if coding.codes:
            declared.add(_parts(coding.codes))
        if not coding.codes or len(set(coding.codes)) > 1:
            yield coding
    whole = study.kind(name) in NUMERIC and study.step(name) == 1
    if len(lines) < 3 or not (whole or study.kind(name) == "ordered"):
        return
    for k in range(1, len(lines)):
        codes = tuple(int(i >= k) for i in range(len(lines)))
        if _parts(codes) in declared:
            continue
        groups = [group for table in tables for group in table]
        if any(any(group[:k]) for group in groups) and any(any(group[k:]) for group in groups):
            below, above = (f"{line:g}" if isinstance(line, float) else line for line in lines[k - 1 : k + 1])
            words = f"{study.label(name)} ({name}), up to {below} against {above} and above"
            yield Coding(words=words, codes=codes, tests=_OF_CUTS)


def _declared(study: Study, name: str, lines: Sequence[Any]) -> Iterator[Coding]:
    """Yield the codings that the study file declares as derived variables."""
    for derived, rule in study.file.derived.items():
        if derived == name or rule.rule not in ("bands", "recode", "member") or not _comes_from(study, derived, name):
            continue
        levels = study.levels(derived)
        if study.kind(name) not in (*NUMERIC, "ordered") and len(levels) != 2:
            continue
        about = {"words": f"{study.label(derived)} ({derived})", "tests": tuple(COUNTED if len(levels) == 2 else TABLED)}
        coded = [_code(study, derived, name, line) for line in lines]
        if not lines:
            yield Coding(derived=derived, **about)
        elif None not in coded:
            yield Coding(codes=tuple(map(levels.index, coded)), **about)


def _comes_from(study: Study, derived: str, name: str) -> bool:
    """Say whether a derived variable is made of one variable alone, over other derived ones or not."""
    parents = study.file.derived[derived].parents
    return parents == (name,) or (
        len(parents) == 1 and parents[0] in study.file.derived and _comes_from(study, parents[0], name)
    )


def _code(study: Study, derived: str, name: str, line: Any) -> str | None:
    (parent,) = study.file.derived[derived].parents
    value = line if parent == name else _code(study, parent, name, line)
    return None if value is None else derive_value(study, derived, value)


def _parts(codes: Sequence[int]) -> frozenset:
    """Return which lines are coded alike, whatever the codes are called."""
    return frozenset(frozenset(i for i, code in enumerate(codes) if code == wanted) for wanted in codes)
