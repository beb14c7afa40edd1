"""What the tests of missing values share: patients of R's pbc with what they lack, and the data sets that R imputed."""

import functools

import numpy as np
import pandas as pd

from survival_cases import reference
from tallystats.tally import Tally

DRAWN = ("chol", "platelet", "hepato", "stage")
STAGES = ["1", "2", "3", "4"]


def _typed(data):
    stage = pd.Categorical.from_codes([-1 if v != v else int(v) - 1 for v in data["stage"]], STAGES, ordered=True)
    yes = {name: pd.array([None if v != v else v == 1 for v in data[name]], dtype="boolean") for name in ("died", "hepato")}
    return pd.DataFrame({**{name: data[name] for name in ("time", "age", "chol", "platelet")}, **yes, "stage": stage})


@functools.cache
def pbc(k=0):
    """Return the patients as they are (0), or as R completed them the k-th time."""
    known = reference("missing")["pbc"]
    data = {name.removeprefix("data_"): values.copy() for name, values in known.items() if name.startswith("data_")}
    for name in DRAWN if k else ():
        data[name][np.isnan(data[name])] = known[f"set{k}_{name}"]
    return _typed(data)


def imputed(sets=5):
    """Return the data sets that R imputed, as tallies."""
    return [Tally.from_rows(pbc(k)) for k in range(1, sets + 1)]
