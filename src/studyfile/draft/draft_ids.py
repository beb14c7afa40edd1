"""Which column of an unknown file names its patients, and which names say an outcome or a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from studyfile.cohort.readers import Source
from studyfile.draft import draft_words as words
from studyfile.draft.draft_columns import Column, Guess, counted, is_number, looks_like_day, read_column


@dataclass(frozen=True, kw_only=True)
class Identifier:
    """The column of ids and why it is taken; no name where there is none.

    `repeated` are columns named as ids that repeat; `visits` says that most ids of one do, as where a row is a visit.
    """

    name: str = ""
    why: str = "no column is different in every row and named as an id, so rows are counted"
    looks: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    visits: bool = False


def identifiers(source: Source, columns: Sequence[str]) -> Identifier:
    """Find the column that names each row's patient: one that is named as an id, or the first, if no value repeats."""
    named = [name for name in columns if words.ID.fullmatch(name)]
    looks, several, visits = [], [], False
    for name in named:
        column = read_column(source, name)
        repeated = [text for text, n in column.counts.items() if n > 1]
        if column.known == column.total and not repeated:
            why = "different in every row, and its name says an id"
            return Identifier(name=name, why=why, looks=tuple(looks), repeated=tuple(several))
        if len(column.counts) > 20 and 5 * len(column.counts) >= column.known:
            several.append(name)
            visits |= 2 * len(repeated) >= len(column.counts)
            told = []
            if repeated:
                told.append(
                    f"repeats (first in row {column.rows[repeated[0]]}; {counted(len(repeated), 'id')} in several rows)"
                )
            if column.known < column.total:
                told.append(f"is empty in {counted(column.total - column.known, 'row')}")
            looks.append(f"{name!r} {' and '.join(told)}: is one row one patient? When it is mended, it can be the id")
    first = read_column(source, columns[0])
    if first.known == first.total == len(first.counts) and _names_rows(first):
        why = "the first column, different in every row"
        return Identifier(name=first.name, why=why, looks=tuple(looks), repeated=tuple(several))
    return Identifier(looks=tuple(looks), repeated=tuple(several), visits=visits)


def _names_rows(column: Column) -> bool:
    """Say whether different values look like names of rows: words, or whole numbers without a gap."""
    texts = list(column.counts)
    if words.PERSON.fullmatch(column.name) or column.days or all(map(looks_like_day, texts)):
        return False
    if not all(map(is_number, texts)):
        return not any(map(is_number, texts))
    numbers = sorted(map(float, texts))
    return len(numbers) > 1 and numbers == [numbers[0] + i for i in range(len(numbers))]


def likely(guesses: Sequence[Guess], pattern: re.Pattern, suits: Callable[[Any], bool]) -> list[Guess]:
    """Return the guesses whose name says what is sought and whose kind suits."""
    return [found for found in guesses if not found.left_out and suits(found) and pattern.fullmatch(found.name)]
