"""What the tests of several groups and of pairs share: reference values by R, and tallies of their data."""

import csv
from pathlib import Path

import pandas as pd

from tallystats.tally import Tally

REFERENCE = Path(__file__).parent / "reference"


def reference():
    """Read R's output as {case: {quantity: value}}; "data" is text."""
    cases = {}
    with (REFERENCE / "several_groups.csv").open() as file:
        for row in csv.DictReader(file):
            value = row["value"] if row["quantity"] == "data" else float(row["value"].replace("NA", "nan"))
            cases.setdefault(row["case"], {})[row["quantity"]] = value
    return cases


R = reference()


def cases(quantity):
    """Return the cases that have a quantity."""
    return [case for case, found in R.items() if quantity in found]


def names(size, first="a"):
    """Return names of levels: a, b, c ..."""
    return [f"{first}{k:02d}" for k in range(size)]


def rows_of(groups):
    """Rows of `value` and the ordered categorical `group`, from a list of numbers each."""
    labels = names(len(groups))
    frame = pd.DataFrame(
        [(float(x), label) for label, values in zip(labels, groups, strict=True) for x in values], columns=["value", "group"]
    )
    return frame.astype({"value": float, "group": pd.CategoricalDtype(labels, ordered=True)})


def groups_of(case):
    """Tally the groups of a case of R."""
    return Tally.from_rows(rows_of([[float(x) for x in part.split()] for part in R[case]["data"].split("|")]))


def counts_of(case):
    """Return the table of counts of a case of R."""
    return [[int(x) for x in row.split()] for row in R[case]["data"].split("/")]


def table_of(counts, columns=("value", "group")):
    """Tally a table of counts: rows are the ordered levels of the first column, columns those of the second.

    Of a square table, both have the same levels.
    """
    square = len(counts) == len(counts[0])
    sides = names(len(counts)), names(len(counts[0]), "a" if square else "g")
    cells = [(a, b, n) for a, row in zip(sides[0], counts, strict=True) for b, n in zip(sides[1], row, strict=True)]
    frame = pd.DataFrame(cells, columns=[*columns, "n"])
    for column, side in zip(columns, sides, strict=True):
        frame[column] = frame[column].astype(pd.CategoricalDtype(side, ordered=True))
    return Tally(frame.astype({"n": "int64"}))
