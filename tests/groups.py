"""What the tests of two groups share: reference values by R, and tallies of groups and of tables."""

import csv
from collections import defaultdict
from pathlib import Path

import pandas as pd

from tallystats.tally import Tally

REFERENCE = Path(__file__).parent / "reference"


def reference(topic):
    """Read R's output as {case: {data: {quantity: value}}}."""
    cases = defaultdict(lambda: defaultdict(dict))
    with (REFERENCE / f"{topic}.csv").open() as file:
        for row in csv.DictReader(file):
            cases[row["case"]][row["data"]][row["quantity"]] = float(row["value"].replace("NA", "nan"))
    return cases


def numbers(text):
    """Read '1 2 NA' as a list of floats."""
    return [float(number.replace("NA", "nan")) for number in text.split()]


def rows_of(compared, other):
    """Rows of `value` and the boolean `group`, True for the values compared; None is missing."""
    group = pd.array([True] * len(compared) + [False] * len(other), dtype="boolean")
    return pd.DataFrame({"value": pd.Series([*compared, *other], dtype=float), "group": group})


def tally_of(compared, other):
    """Tally `rows_of` the two groups."""
    return Tally.from_rows(rows_of(compared, other))


def table_of(cells):
    """Tally a table of counts: rows are the levels of `value` (two: False, True), columns the groups (likewise)."""
    heads = [[False, True] if size == 2 else list("abcdefgh"[:size]) for size in (len(cells), len(cells[0]))]
    frame = pd.DataFrame(
        [(level, group, n) for level, row in zip(heads[0], cells, strict=True) for group, n in zip(heads[1], row, strict=True)],
        columns=["value", "group", "n"],
    )
    for name, head in zip(("value", "group"), heads, strict=True):
        levels = pd.CategoricalDtype(head, ordered=True)
        frame[name] = frame[name].astype("boolean" if len(head) == 2 else levels)
    return Tally(frame.astype({"n": "int64"}))


def table(text):
    """Read '1 2 / 3 4' as a table of counts."""
    return [[int(number) for number in row.split()] for row in text.split("/")]
