"""What the tests of logistic models share: R's reference values and the data they were made from."""

import functools
from pathlib import Path

import pandas as pd

from tallystats.tally import Tally

REFERENCE = Path(__file__).parent / "reference"


@functools.cache
def reference(name: str = "logistic") -> dict[str, dict[str, str]]:
    """Return R's values by case and quantity, as text."""
    frame = pd.read_csv(REFERENCE / f"{name}.csv", dtype=str, keep_default_na=False)
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


@functools.cache
def infert() -> Tally:
    """Return R's infert as patterns."""
    rows = pd.read_csv(REFERENCE / "logistic_infert.csv")
    rows["education"] = pd.Categorical(rows["education"], categories=["0-5yrs", "6-11yrs", "12+ yrs"])
    return Tally.from_rows(rows.astype({"case": bool, "age": float, "parity": float}))


@functools.cache
def mtcars() -> Tally:
    """Return R's mtcars as patterns."""
    return Tally.from_rows(pd.read_csv(REFERENCE / "logistic_mtcars.csv").astype({"am": bool, "vs": bool}))


@functools.cache
def pspp() -> dict[str, pd.DataFrame]:
    """Return PSPP's "Variables in the Equation" by what the script echoes before them."""
    tables, case, rows = {}, "", None
    for line in (REFERENCE / "logistic_pspp.csv").read_text().splitlines():
        if rows is None and line.startswith(("birthwt", "separated")):
            case = line
        elif line == "Table: Variables in the Equation":
            rows = tables.setdefault(case, [])
        elif not line:
            rows = None
        elif rows is not None and line.startswith(("Step 1,", ",")) and line.split(",")[1]:
            rows.append(line.split(",")[1:5])
    return {
        case: pd.DataFrame(rows, columns=["term", "estimate", "std_error", "statistic"])
        .replace({"Constant": "intercept"})
        .set_index("term")
        .astype(float)
        for case, rows in tables.items()
    }


def table(cells: list[tuple], *names: str) -> Tally:
    """Return a tally of cells: the values of the named boolean columns, then the count."""
    frame = pd.DataFrame(cells, columns=[*names, "n"])
    return Tally(frame.astype(dict.fromkeys(names, "boolean")))


@functools.cache
def endometrial() -> Tally:
    """Return 79 patients with endometrial cancer (Heinze and Schemper 2002); neovasculation separates the histology."""
    rows = pd.read_csv(REFERENCE / "firth_endometrial.csv")
    return Tally.from_rows(rows.astype({"nv": bool, "hg": bool, "pi": float}))
