"""Bias and coverage of pooled estimates where values are missing at random, with complete cases beside.

python benchmarks/missing_data.py [data sets] > benchmarks/missing_data.txt
"""

import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pandas as pd

from tallystats.missing.chained import impute
from tallystats.missing.pooled import pooled_logistic
from tallystats.regression.logistic import fit_logistic
from tallystats.tally import Tally

PATIENTS, IMPUTATIONS, ITERATIONS = 300, 10, 5
LEVEL = 0.95
#: Log odds ratios of the outcome: a number, a binary variable, an unordered and an ordered one of three levels.
TRUE = {"age": 0.5, "smoker": 0.8, "site: b": -0.6, "site: c": 0.4, "grade: mid": 0.5, "grade: high": 1.0}


def patients(rng):
    """Draw patients whose variables go together, and their outcome."""
    n = PATIENTS
    age = rng.normal(size=n)
    smoker = rng.random(n) < 1 / (1 + np.exp(0.4 - 0.6 * age))
    site = np.array([rng.choice(3, p=p) for p in np.column_stack([np.full(n, 0.4), 0.3 + 0.1 * smoker, 0.3 - 0.1 * smoker])])
    grade = np.digitize(0.7 * age + rng.logistic(size=n), [-0.5, 1.0])
    at = np.array([0.0, TRUE["site: b"], TRUE["site: c"]])[site] + np.array([0, TRUE["grade: mid"], TRUE["grade: high"]])[grade]
    died = rng.random(n) < 1 / (1 + np.exp(1.2 - TRUE["age"] * age - TRUE["smoker"] * smoker - at))
    return pd.DataFrame(
        {
            "died": pd.array(died, dtype="boolean"),
            "age": age,
            "smoker": pd.array(smoker, dtype="boolean"),
            "site": pd.Categorical(np.array(list("abc"))[site], list("abc"), ordered=True),
            "grade": pd.Categorical(np.array(["low", "mid", "high"])[grade], ["low", "mid", "high"], ordered=True),
        }
    )


def without_some(rows, rng):
    """Take values away at random, oftener in smokers who died: complete cases are then no sample of all."""
    rows = rows.copy()
    chance = 0.08 + 0.45 * (rows["died"] & rows["smoker"]).to_numpy(bool)
    for name in ("age", "site", "grade"):
        rows.loc[rng.random(len(rows)) < chance, name] = None
    rows.loc[rng.random(len(rows)) < 0.05 + 0.2 * rows["died"].to_numpy(bool), "smoker"] = None
    return rows


def one(seed):
    """Fit all patients, complete ones, and imputed ones of one data set."""
    rng = np.random.default_rng([2024, seed])
    whole = patients(rng)
    lacking = without_some(whole, rng)
    tally = Tally.from_rows(lacking)
    model = {"outcome": "died", "terms": ["age", "smoker", "site", "grade"], "confidence_level": LEVEL}
    sets = impute(tally, ordered=["grade"], imputations=IMPUTATIONS, iterations=ITERATIONS, seed=seed).tallies
    fits = {
        "all patients": fit_logistic(Tally.from_rows(whole), **model),
        "complete": fit_logistic(tally, **model),
        "imputed": pooled_logistic(sets, **model),
    }
    frames = [fit.frame.assign(how=how, complete=fits["complete"].n, seed=seed) for how, fit in fits.items()]
    return pd.concat(frames, ignore_index=True)[
        ["how", "seed", "complete", "term", "estimate", "std_error", "conf_low", "conf_high"]
    ]


def main(count):
    with ProcessPoolExecutor() as pool:
        found = pd.concat(pool.map(one, range(count), chunksize=10))
    found = found[found["term"].isin(TRUE)]
    found["true"] = found["term"].map(TRUE)
    found["covered"] = (found["conf_low"] <= found["true"]) & (found["true"] <= found["conf_high"])
    complete = found.groupby("seed")["complete"].first()
    chance = 100 * (LEVEL * (1 - LEVEL) / count) ** 0.5
    print(
        f"{count} data sets of {PATIENTS} patients; {complete.mean():.0f} complete on average. {IMPUTATIONS} imputed data "
        f"sets each, {ITERATIONS} rounds.\nAge, site and grade are missing oftener in smokers who died, whether one "
        f"smokes oftener in who died.\nCoverage of {100 * LEVEL:.0f}% intervals; its chance error is {chance:.1f} points, "
        f"that of a bias stands behind it.\n"
    )
    print(f"{'':14}{'true':>6}  {'all patients':^24}  {'complete cases':^24}  {'imputed and pooled':^24}")
    print(f"{'':20}" + f"  {'bias':>14}{'coverage':>10}" * 3)
    for term, true in TRUE.items():
        line = f"{term:14}{true:6.2f}"
        for how in ("all patients", "complete", "imputed"):
            part = found[(found["term"] == term) & (found["how"] == how)]
            bias, error = part["estimate"].mean() - true, part["estimate"].std() / count**0.5
            line += f"  {bias:+.3f} ({error:.3f})".rjust(16) + f"{100 * part['covered'].mean():9.1f}%"
        print(line)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
