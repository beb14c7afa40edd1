"""What the tests of survival share: cases with R's values, and tallies of them."""

import csv
import functools
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd

from tallystats.tally import Tally

TEXT = ("data_group", "data_x3", "data_stratum")


@functools.cache
def reference(name="survival"):
    """Read R's output as {case: {quantity: array}}."""
    cases = defaultdict(dict)
    with (Path(__file__).parent / "reference" / f"{name}.csv").open() as file:
        for row in csv.DictReader(file):
            values = row["values"].replace("NaN", "nan").replace("NA", "nan").split()
            cases[row["case"]][row["quantity"]] = np.array(values if row["quantity"] in TEXT else list(map(float, values)))
    return dict(cases)


def rows_of(case, name="survival"):
    """Return the patients of a case with the types of a study: numbers, booleans, levels."""
    data = {name[5:]: values for name, values in reference(name)[case].items() if name.startswith("data_")}
    rows = pd.DataFrame(data)
    for name in {"group", "x3", "stratum"} & set(rows):
        rows[name] = pd.Categorical(rows[name])
    for name in {"event", "x1"} & set(rows):
        rows[name] = rows[name].astype("boolean")
    if "cause" in rows:
        rows["cause"] = pd.Categorical.from_codes(rows["cause"].astype(int), ["censored", "one", "two"])
    return rows


def survival_rows(times, events, **columns):
    """Return patients from lists; None is missing."""
    frame = {"time": pd.Series(times, dtype=float), "event": pd.array(events, dtype="boolean")}
    return pd.DataFrame({**frame, **columns})


def survival_tally(times, events, **columns):
    """Tally `survival_rows`."""
    return Tally.from_rows(survival_rows(times, events, **columns))
