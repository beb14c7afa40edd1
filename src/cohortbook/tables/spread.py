"""One table, or one text, of many: what the same result says in each of many cohorts, as ranges.

What is displayed is joined, not what it was made from: rounding keeps the order of numbers, so that the least of many
rounded numbers is the least of them, rounded. Where the words around the numbers differ too, it is counted who says which.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from cohortbook.results import MARK
from cohortbook.tables.style import current, spanned
from cohortbook.tables.tables import PROVENANCE_NOTES, UNDEFINED, DisplayTable, Row, p_value

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")

NOT_REACHED = "not reached"
_NUMBER = (
    r"(?:(?<![\w.·])[<>]?−?(?:\d+(?:[.·]\d+)?|[.·]\d+)(?:e[+-]?\d+)?(?![\w·]|\.\d)"
    rf"|−?∞|(?<!\w){UNDEFINED}(?!\w)|{NOT_REACHED}|{re.escape(MARK)})"
)
_NUMBERS = re.compile(_NUMBER)
#: A number, or two that are the ends of a range: where all else agrees, texts differ in numbers alone.
_QUANTITY = re.compile(f"{_NUMBER}(?:(?: to |-|–){_NUMBER})?")
_HOLE = "\0"
#: Things counted: one event, two events.
_COUNTED = re.compile(f"({_HOLE} [a-z]+?)s?\\b")
#: Where a sentence ends, and where a part of one does.
_BREAK = re.compile(r"(?<=[.!?]) +(?=[^\Wa-z_]|\*)|(?<=;) +(?![^(]*\))")
#: Most different cells that are told one by one.
_MOST_TOLD = 2


def ranges_note(n: int, *, intervals: bool = True) -> str:
    """Say what the numbers of a joined table are, and its intervals, where it has any."""
    return (
        f"Ranges over {n} cohorts that print the same figures, as different as they can be: what is possible, not what is "
        "likely." + " An interval reaches from the least lower to the greatest upper limit." * intervals
    )


def spread_of(values: Sequence[float]) -> str:
    """Write the range of P values.

    Examples
    --------
    >>> spread_of([0.2, 0.0004, float("nan")])
    '<0.001 to 0.20'
    """
    return _range([p_value(value) for value in values])


def joined_table(tables: Sequence[DisplayTable]) -> DisplayTable:
    """Join what one table shows in each of many cohorts.

    Parameters
    ----------
    tables : sequence of DisplayTable
        Of the same layout, one a cohort. Rows that only some have stand after the row that they follow there.

    Returns
    -------
    DisplayTable
        Each number as a range; its frame has the least and the greatest of each number, `over` says which.
    """
    first = tables[0]
    names = _naming(tables)
    rows = _aligned([[*zip(_row_keys(table.rows, names), table.rows, strict=True)] for table in tables])
    notes = [note for note in joined_parts([table.notes for table in tables]) if note not in PROVENANCE_NOTES.values()]
    return DisplayTable(
        name=first.name, number=first.number, title=joined_text([table.title for table in tables]), head=first.head,
        rows=tuple(_joined_row([*found.values()]) for found in rows), frame=_frame([table.frame for table in tables]),
        notes=(*notes, ranges_note(len(tables))),
    )  # fmt: skip


def joined_text(texts: Sequence[str]) -> str:
    """Join what sentences say in each of many cohorts, sentence by sentence; of one that only some say, count them.

    Examples
    --------
    >>> joined_text(["P 0.03. All agree.", "P 0.5. All agree."])
    'P 0.03 to 0.5. All agree.'
    >>> joined_text(["1.2 % (0.1 to 6.6).", "0.9 % (0.2 to 5.0)."])
    '0.9 to 1.2 % (0.1 to 6.6).'
    >>> joined_text(["Mean 5; none alike.", "Mean 6; two of 9 alike.", "Mean 7; two of 8 alike."])
    'Mean 5 to 7; two of 8 to 9 alike (in 2 of 3); none alike (in 1 of 3).'
    """
    parts = joined_parts([_BREAK.split(text) for text in texts])
    for k, (part, after) in enumerate(itertools.pairwise(parts)):
        # What came first among some may follow other parts among others.
        end = ";" if after[0].islower() else "." if after[0].isupper() else part[-1]
        parts[k] = part[:-1] + end if part[-1] in ".;" else part
    return " ".join(parts)


def joined_parts(texts: Sequence[Sequence[str]]) -> list[str]:
    """Join texts in parts, such as the notes of a table; what several parts in a row say of the same cohorts counts once."""
    found = _aligned([[((_key(part.rstrip(".;")),), part) for part in parts] for parts in texts])
    joined = []
    for told, after in itertools.zip_longest(found, found[1:]):
        text = _joined([*told.values()])
        if len(told) < len(texts) and not (text.endswith(";") and after and after.keys() == told.keys()):
            end = text[-1] if text[-1] in ".;!?" else ""
            text = f"{text.removesuffix(end)} (in {len(told)} of {len(texts)}){end}"
        joined.append(text)
    return joined


def _aligned(sequences: Sequence[Sequence[tuple[tuple[str, ...], T]]]) -> list[dict[int, T]]:
    """Bring together what has the same key in several sequences; what is new stands after what it follows.

    Parameters
    ----------
    sequences : sequence of sequence of (key, item)
        A key that begins a part, as a heading does, is one twice over; new parts stand after whole ones.
    """
    order: list[Hashable] = []
    found: dict[Hashable, dict[int, T]] = {}
    for number, sequence in enumerate(sequences):
        at, met = 0, set()
        for key, item in sequence:
            while key in met:
                key = (*key, "")
            met.add(key)
            if key in found:
                at = order.index(key) + 1
            else:
                if len(key) > 1 and key[0] == key[1]:
                    at = next((k for k in range(at, len(order)) if order[k][0] == order[k][1]), len(order))
                order.insert(at, key)
                at += 1
            found.setdefault(key, {})[number] = item
    return [found[key] for key in order]


def _naming(tables: Sequence[DisplayTable]) -> int:
    """Return how many columns name a row: the first, and those beside it that hold no number in any table."""
    rows = [row for table in tables for row in table.rows if row.kind != "heading"]
    columns = zip(*(row.cells[1:-1] for row in rows), strict=True)
    return 1 + len([*itertools.takewhile(lambda cells: not any(map(_QUANTITY.search, cells)), columns)])


def _row_keys(rows: Iterable[Row], names: int) -> list[tuple[str, ...]]:
    """Give each row a key that does not hang on numbers: its heading and the cells that name it."""
    keys, heading = [], ""
    for row in rows:
        name = _key(" ".join(row.cells[:names]))
        heading = name if row.kind == "heading" else heading
        keys.append((heading, name if row.kind == "heading" else f"{name} "))
    return keys


def _joined_row(rows: Sequence[Row]) -> Row:
    return Row(tuple(_joined_cell(cells) for cells in zip(*(row.cells for row in rows), strict=True)), rows[0].kind)


def _joined_cell(cells: Sequence[str]) -> str:
    """Join one cell of many tables: as a range, else each if they are few."""
    different = list(dict.fromkeys(cells))
    fullest = max(different, key=_length)
    if all(_key(fullest).startswith(_key(cell)) for cell in different):  # an interval may be missing
        return _joined(different)
    return " / ".join(different) if len(different) <= _MOST_TOLD else "differs"


def _words(text: str) -> str:
    return _QUANTITY.sub(_HOLE, text)


def _key(text: str) -> str:
    return _COUNTED.sub(r"\1", _words(text))


def _joined(texts: Sequence[str]) -> str:
    """Put ranges into the longest text, of each of its quantities: from the least that any text has to the greatest."""
    quantities = itertools.zip_longest(*(_QUANTITY.findall(text) for text in texts), fillvalue=UNDEFINED)
    ranges = iter([_range(found) for found in quantities])
    return _QUANTITY.sub(lambda _: next(ranges), max(texts, key=_length))


def _length(text: str) -> tuple[int, int]:
    """Return how many quantities a text has, and how long it is without: "events" is longer than "event"."""
    return len(_QUANTITY.findall(text)), len(_words(text))


def _range(quantities: Sequence[str]) -> str:
    """Write the range of written numbers and ranges; undefined ones count only where there are no others.

    Examples
    --------
    >>> _range(["0.03", "<0.001", "0.5"]), _range(["7–12", "7–12"]), _range(["9 to 10", "not reached"]), _range(["–", "3"])
    ('<0.001 to 0.5', '7–12', '9 to not reached', '3')
    """
    if len(set(quantities)) == 1:
        return quantities[0]
    numbers = [number for quantity in quantities for number in _NUMBERS.findall(quantity)]
    if MARK in numbers:
        return MARK
    known = [number for number in numbers if number != UNDEFINED]
    low, high = min(known, key=_value), max(known, key=_value)
    return low if low == high else spanned(low, high)


def _value(number: str) -> tuple[float, int]:
    """Return what a written number is worth, for the order: smaller than 0.001 comes before 0.001."""
    beside = {"<": -1, ">": 1}.get(number[0], 0)
    text = number.lstrip("<>").replace("−", "-").replace(current().point, ".")
    return (math.inf if text in ("∞", NOT_REACHED) else -math.inf if text == "-∞" else float(text)), beside


def _frame(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the least and the greatest of each number; frames of unlike shape stand below each other, by cohort."""
    import pandas as pd

    if any(list(one.columns) != list(frames[0].columns) or len(one) != len(frames[0]) for one in frames):
        return pd.concat([one.assign(cohort=k + 1) for k, one in enumerate(frames)], ignore_index=True)
    numeric = [name for name in frames[0] if all(pd.api.types.is_numeric_dtype(one[name]) for one in frames)]
    stacked = pd.concat([one[numeric].assign(row=range(len(one))) for one in frames]).groupby("row")
    ends = [frames[0].assign(**{name: found[name].to_numpy() for name in numeric}, over=over)
            for over, found in (("least", stacked.min()), ("greatest", stacked.max()))]  # fmt: skip
    return pd.concat(ends, ignore_index=True)
