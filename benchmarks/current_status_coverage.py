"""How often intervals hold the truth where an event is seen only at a visit, as the data of a small cohort draw it.

python benchmarks/current_status_coverage.py            (--cohorts 1000 --resamples 400 --seed 1)

Each cohort has patients followed from day 90 on: an event and death, exponential and apart from each other, and one CT at a
lognormal time; who dies or is lost before it is not in the cohort. So many events are expected as the table says. At
three landmarks it counts how often an interval of 95% lies above the truth, or below it, and its mean width:

- valid: Kim, Fay and Proschan's, of the share of the living with the event; what `current_status` gives
- likelihood ratio: Banerjee and Wellner's, which holds in large cohorts
- bootstrap: percentiles of the estimate in patients drawn with replacement
- with death: of the cumulative incidence, what `seen_at_visits` gives
- detection: Aalen and Johansen's of the same incidence, the day of the CT taken for the day of the event
- between visits: of the same events looked for about every 90 days, what `turnbull` gives

The last lines show how many patients the bootstrap asks for, and how rare the event may be.
"""

from __future__ import annotations

import argparse
import sys
import warnings

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression
from scipy.special import xlogy

from tallystats.survival.competing import aalen_johansen
from tallystats.survival.current_status import current_status
from tallystats.survival.seen_at_visits import seen_at_visits
from tallystats.survival.turnbull import turnbull
from tallystats.tally import Tally

LANDMARKS = np.array([182.0, 365.0, 730.0])
ENTRY, DEATH, PATIENTS = 90.0, 1 / 690, 72
#: Banerjee and Wellner's limit of the likelihood ratio at 95% (Ann Stat 2001; 29: 1699-1731, Table 2).
CRITICAL = 2.26916
CAUSES = ["censored", "event", "death"]


def draw(rng: np.random.Generator, hazard: float, size: int = PATIENTS) -> pd.DataFrame:
    """Draw patients who live and are followed until their CT."""
    found = []
    while sum(map(len, found)) < size:
        event, death = rng.exponential(1 / hazard, 4 * size), ENTRY + rng.exponential(1 / DEATH, 4 * size)
        end, ct = rng.uniform(ENTRY, 2500, 4 * size), ENTRY + rng.lognormal(np.log(200), 0.9, 4 * size)
        rows = pd.DataFrame({"event": event, "ct": ct, "days": np.minimum(death, end), "died": death <= end})
        found.append(rows[rows["ct"] < rows["days"]])
    rows = pd.concat(found, ignore_index=True)[:size]
    rows["failed"] = (rows["event"] <= rows["ct"]).astype("boolean")
    return rows.astype({"died": "boolean"})


def truths(hazard: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of the living with the event, and the incidence with death competing, at the landmarks."""
    living = 1 - np.exp(-hazard * LANDMARKS)
    later = hazard * np.exp(-hazard * ENTRY) * (1 - np.exp(-(hazard + DEATH) * (LANDMARKS - ENTRY))) / (hazard + DEATH)
    return living, 1 - np.exp(-hazard * ENTRY) + later


def fitted(times: np.ndarray, had: np.ndarray, of: np.ndarray, when: np.ndarray) -> np.ndarray:
    """Return the estimate by each landmark, from sorted times."""
    values = isotonic_regression(had / of, weights=of).x
    return np.concatenate([[0.0], values])[np.searchsorted(times, when, side="right")]


def bootstrap(rng: np.random.Generator, rows: pd.DataFrame, resamples: int, when: np.ndarray) -> np.ndarray:
    """Return the 2.5th and 97.5th percentile of the estimate over patients drawn with replacement."""
    rows = rows.sort_values("ct")
    times, had = rows["ct"].to_numpy(), rows["failed"].to_numpy(float)
    found = []
    for of in rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), resamples):
        drawn = of > 0
        found.append(fitted(times[drawn], (had * of)[drawn], of[drawn], when))
    return np.percentile(found, [2.5, 97.5], axis=0)


def likelihood_ratio(rows: pd.DataFrame, when: float, truth: float) -> float:
    """Return twice the log of the likelihood over that of the best estimate which has the truth at a time."""
    rows = rows.sort_values("ct")
    had, before = rows["failed"].to_numpy(float), rows["ct"].to_numpy() <= when
    free = isotonic_regression(had).x
    held = np.concatenate(
        [
            np.minimum(isotonic_regression(had[before]).x, truth) if before.any() else [],
            np.maximum(isotonic_regression(had[~before]).x, truth) if (~before).any() else [],
        ]
    )
    return 2 * sum((sign * (xlogy(had, p) + xlogy(1 - had, 1 - p)).sum()) for sign, p in ((1, free), (-1, held)))


def visited(rng: np.random.Generator, rows: pd.DataFrame) -> pd.DataFrame:
    """Look for the same events about every 90 days until death, the end, or the event; keep who was seen at all."""
    left, right = [], []
    for event, last in zip(rows["event"], rows["days"], strict=True):
        visits = np.cumsum(rng.uniform(60, 120, 60))
        visits = visits[visits < last]
        right.append(visits[visits >= event].min(initial=np.inf))
        left.append(visits[visits < event].max(initial=0.0))
    return pd.DataFrame({"left": left, "right": right})


def intervals(rng: np.random.Generator, rows: pd.DataFrame, resamples: int) -> dict[str, np.ndarray]:
    """Return both limits of each method at the landmarks."""
    tally = Tally.from_rows(rows[["ct", "failed", "days", "died"]])
    living = current_status(tally, time="ct", event="failed")
    incidence = seen_at_visits(living, tally, time="days", death="died", entry=ENTRY)
    cause = pd.Categorical.from_codes(np.where(rows["failed"], 1, np.where(rows["died"], 2, 0)), CAUSES)
    detected = pd.DataFrame({"time": np.where(rows["failed"], rows["ct"], rows["days"]), "cause": cause})
    naive = aalen_johansen(Tally.from_rows(detected), time="time", cause="cause")["event"].at(LANDMARKS)
    # No event seen yet: the naive curve is 0, and so would everybody read it.
    naive = naive.fillna({"conf_low": naive["estimate"], "conf_high": naive["estimate"]}).fillna(0)
    between = turnbull(Tally.from_rows(visited(rng, rows)), left="left", right="right")
    limits = {"valid": living.limits(LANDMARKS, 0.95), "between visits": between.limits(LANDMARKS, 0.95)}
    read = {"with death": incidence.at(LANDMARKS), "detection": naive}
    limits |= {name: (frame["conf_low"], frame["conf_high"]) for name, frame in read.items()}
    limits["bootstrap"] = bootstrap(rng, rows, resamples, LANDMARKS)
    return {name: np.array(ends, float) for name, ends in limits.items()}


METHODS = {"valid": 0, "likelihood ratio": 0, "bootstrap": 0, "with death": 1, "detection": 1, "between visits": 0}


def simulate(expected: float, cohorts: int, resamples: int, seed: int) -> dict[str, np.ndarray]:
    """Return for each method, at each landmark: intervals above the truth, below it, mean width, as rows."""
    rng = np.random.default_rng([seed, int(expected)])
    hazard = hazard_for(expected)
    truth = truths(hazard)
    sums = {name: np.zeros((3, len(LANDMARKS))) for name in METHODS}
    for _ in range(cohorts):
        rows = draw(rng, hazard)
        for name, (low, high) in intervals(rng, rows, resamples).items():
            value = truth[METHODS[name]]
            sums[name] += [low > value + 1e-12, high < value - 1e-12, high - low]
        ratios = np.array([likelihood_ratio(rows, when, value) for when, value in zip(LANDMARKS, truth[0], strict=True)])
        above = np.array([current > value for current, value in zip(estimates(rows), truth[0], strict=True)])
        sums["likelihood ratio"] += [(ratios > CRITICAL) & above, (ratios > CRITICAL) & ~above, np.full(3, np.nan)]
    return {name: values / cohorts for name, values in sums.items()}


def estimates(rows: pd.DataFrame) -> np.ndarray:
    """Return the estimate at the landmarks."""
    rows = rows.sort_values("ct")
    return fitted(rows["ct"].to_numpy(), rows["failed"].to_numpy(float), np.ones(len(rows)), LANDMARKS)


def hazard_for(expected: float) -> float:
    """Return the hazard that brings so many events to a CT, in the mean of a large cohort."""
    from scipy.optimize import brentq

    ct = draw(np.random.default_rng(0), 1e-4, 20_000)["ct"].to_numpy()
    return brentq(lambda hazard: PATIENTS * (1 - np.exp(-hazard * ct)).mean() - expected, 1e-7, 1e-1)


def of_more(size: int, share: float, cohorts: int, resamples: int, seed: int) -> tuple[float, float]:
    """Return the coverage of both intervals where a share has had the event, in the middle of the times of one CT each."""
    rng, when = np.random.default_rng([seed, size]), np.array([1.0])
    held = np.zeros(2)
    for _ in range(cohorts):
        ct = rng.uniform(0, 2, size)
        event = rng.exponential(-1 / np.log1p(-share), size)
        rows = pd.DataFrame({"ct": ct, "failed": pd.array(event <= ct, dtype="boolean")})
        valid = current_status(Tally.from_rows(rows), time="ct", event="failed").limits(when, 0.95)
        for k, (low, high) in enumerate((valid, bootstrap(rng, rows, resamples, when))):
            held[k] += low[0] <= share <= high[0]
    return tuple(held / cohorts)


def main() -> None:
    """Print coverage and width of every method."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cohorts", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"{options.cohorts} cohorts of {PATIENTS} patients, intervals of 95 %, seed {options.seed}; coverage in %, and of")
    print("what is missed, how often the interval lies above and below the truth; the mean width in points\n")
    print(f"{'events':>6}  {'day':>4}  {'truth':>6}  {'method':<17}{'coverage':>9}{'above':>7}{'below':>7}{'width':>7}")
    for expected in (3, 8, 20):
        found, truth = simulate(expected, options.cohorts, options.resamples, options.seed), truths(hazard_for(expected))
        for k, day in enumerate(LANDMARKS):
            for name, values in found.items():
                (above, below, width), true = 100 * values[:, k], 100 * truth[METHODS[name]][k]
                print(
                    f"{expected:>6}  {day:>4.0f}  {true:>6.1f}  {name:<17}{100 - above - below:>9.1f}"
                    f"{above:>7.1f}{below:>7.1f}{'' if np.isnan(width) else f'{width:.1f}':>7}".rstrip()
                )
        sys.stdout.flush()
    print(f"\nMore patients, {options.cohorts // 5} cohorts: one CT each at a uniform time, in the middle of which a share has")
    print("had the event; coverage in %\n")
    print(f"{'share':>6}  {'patients':>8}{'valid':>8}{'bootstrap':>11}")
    for share in (0.02, 0.05, 0.5):
        for size in (72, 300, 1200):
            valid, drawn = of_more(size, share, options.cohorts // 5, options.resamples, options.seed)
            print(f"{100 * share:>6.0f}  {size:>8}{100 * valid:>8.1f}{100 * drawn:>11.1f}")


if __name__ == "__main__":
    main()
