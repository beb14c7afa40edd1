"""What the tests of logistic models share: R's reference values and the data they were made from."""

import functools
from pathlib import Path

import pandas as pd

from cohortbook.tally import Tally

REFERENCE = Path(__file__).parent / "reference"


@functools.cache
def reference() -> dict[str, dict[str, str]]:
    """Return R's values by case and quantity, as text."""
    frame = pd.read_csv(REFERENCE / "logistic.csv", dtype=str)
    return {case: dict(zip(part["quantity"], part["value"], strict=True)) for case, part in frame.groupby("case")}


def number(case: str, quantity: str) -> float:
    """Return one of R's values."""
    return float(reference()[case][quantity])


@functools.cache
def birthwt() -> Tally:
    """Return MASS::birthwt as patterns; the races in alphabetical order, so that black is the reference."""
    rows = pd.read_csv(REFERENCE / "logistic_birthwt.csv")
    rows = rows.astype(dict.fromkeys(("low", "smoke", "ht", "ui", "ptl"), bool) | {"lwt": float})
    rows["race"] = pd.Categorical(rows["race"], categories=["black", "other", "white"])
    return Tally.from_rows(rows)


@functools.cache
def separated() -> Tally:
    """Return the table of 72 in which all three failures had cement."""
    return Tally.from_rows(pd.read_csv(REFERENCE / "logistic_separated.csv").astype(bool))


def table(cells: list[tuple], *names: str) -> Tally:
    """Return a tally of cells: the values of the named boolean columns, then the count."""
    frame = pd.DataFrame(cells, columns=[*names, "n"])
    return Tally(frame.astype(dict.fromkeys(names, "boolean")))
