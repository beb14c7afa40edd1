"""How often intervals cover and tests reject at 72 patients and 3 to 20 events: `python benchmarks/calibration.py`.

What depends on a table of counts alone is computed over all tables, each with its probability; times and numbers are drawn,
seeded. Writes `calibration.csv` beside the code that looks it up (`cohortbook.statistics.calibration`), one row a method and
number of events.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np
import pandas as pd
from scipy import stats

from cohortbook.statistics.calibration import PATH
from cohortbook.tally import Tally

PATIENTS, EXPOSED = 72, 21
EVENTS = (3, 5, 10, 20)
RATIO = 3.0
#: Probability of a table below which it is left out.
NEGLIGIBLE = 1e-7
#: (kind, what, method) -> for each case whether it was right or rejected, None where the method gives nothing.
Marks = dict[tuple[str, str, str], "bool | None"]


def covers(low: float, high: float, value: float) -> bool | None:
    """Say whether an interval holds a value; None where there is no interval."""
    return None if low != low and high != high else not (low > value or high < value)


def rejects(p_value: float) -> bool | None:
    """Say whether a test rejects at 0.05; None where it is undefined."""
    return None if p_value != p_value else p_value < 0.05


# Tables of counts: every one


def _table(exposed: int, others: int) -> Tally:
    """Count patients by outcome and exposure."""
    flags = {"event": [True, True, False, False], "exposed": [True, False, True, False]}
    counts = [exposed, others, EXPOSED - exposed, PATIENTS - EXPOSED - others]
    return Tally(pd.DataFrame(flags, dtype="boolean").assign(n=counts))


def of_table(cell: tuple[int, int]) -> Marks:
    """Apply every method of a two by two table; coverage is of each odds ratio that is asked."""
    from cohortbook.regression.exact import exact_logistic
    from cohortbook.regression.firth import firth_logistic
    from cohortbook.regression.logistic import fit_logistic
    from cohortbook.statistics.compare import TESTS
    from cohortbook.statistics.effects import odds_ratio

    warnings.simplefilter("ignore")
    tally, marks = _table(*cell), {}
    for name in ("pearson_chi_square", "yates_chi_square", "n_minus_1_chi_square", "likelihood_ratio", "fisher_exact",
                 "fisher_mid_p"):  # fmt: skip
        found = TESTS[name](tally, "event", "exposed")
        marks["test", "association of two binary variables", found.method] = rejects(found.p_value)
    what = "odds ratio of a binary variable"
    model = {"outcome": "event", "terms": ["exposed"]}
    intervals, tests = {}, {}
    for method in ("woolf", "exact"):
        found = odds_ratio(tally, "event", "exposed", method=method)
        intervals[found.method] = (found.conf_low, found.conf_high)
    if 0 < sum(cell) < PATIENTS:
        for kind, name in (("wald", "Wald"), ("profile", "profile")):
            fit = fit_logistic(tally, **model, intervals=kind)
            ok = fit.converged and not any(map(math.isinf, fit.estimates))
            ends = (fit.conf_low[-1], fit.conf_high[-1]) if ok or kind == "profile" else (math.nan, math.nan)
            intervals[f"maximum likelihood, {name} interval"] = tuple(map(np.exp, ends))
            tests["maximum likelihood, Wald's test"] = fit.p_values[-1]
        firth = firth_logistic(tally, **model)
        intervals["Firth, profile interval"] = (np.exp(firth.conf_low[-1]), np.exp(firth.conf_high[-1]))
        tests["Firth, likelihood-ratio test"] = firth.p_values[-1]
        exact = exact_logistic(tally, **model)
        if exact.terms:
            intervals["exact conditional interval"] = (np.exp(exact.conf_low[-1]), np.exp(exact.conf_high[-1]))
            intervals["exact conditional, mid-P interval"] = (np.exp(exact.mid_p_low[-1]), np.exp(exact.mid_p_high[-1]))
            tests["exact conditional test"] = exact.p_values[-1]
            tests["exact conditional test, mid-P"] = exact.mid_p_values[-1]
    for method, p_value in tests.items():
        marks["test", what, method] = rejects(p_value)
    for method, ends in intervals.items():
        for ratio in (1.0, RATIO):
            marks["interval", f"{what}, truly {ratio:g}", method] = covers(*ends, ratio)
    return marks


def risks(events: float, ratio: float) -> tuple[float, float]:
    """Return the risks of the exposed and of the others that give so many events on average at an odds ratio."""
    from scipy.optimize import brentq

    def exposed(p: float) -> float:
        return ratio * p / (1 - p + ratio * p)

    p = brentq(lambda p: EXPOSED * exposed(p) + (PATIENTS - EXPOSED) * p - events, 1e-9, 1 - 1e-9)
    return exposed(p), p


def over_tables(pool: ProcessPoolExecutor) -> Iterator[dict]:
    """Yield how each method of a table does, over all tables that are not negligible."""
    truths = {(events, ratio): risks(events, ratio) for events in EVENTS for ratio in (1.0, RATIO)}
    cells = [(a, b) for a in range(EXPOSED + 1) for b in range(PATIENTS - EXPOSED + 1)]
    chance = {key: np.outer(stats.binom.pmf(np.arange(EXPOSED + 1), EXPOSED, p1),
                            stats.binom.pmf(np.arange(PATIENTS - EXPOSED + 1), PATIENTS - EXPOSED, p0))
              for key, (p1, p0) in truths.items()}  # fmt: skip
    cells = [cell for cell in cells if max(table[cell] for table in chance.values()) > NEGLIGIBLE]
    marks = dict(zip(cells, pool.map(of_table, cells, chunksize=4), strict=True))
    methods = dict.fromkeys(key for one in marks.values() for key in one)
    for key in methods:
        ratio = RATIO if key[1].endswith(f"truly {RATIO:g}") else 1.0
        for events in EVENTS:
            yield _row(key, events, [(marks[cell].get(key), chance[events, ratio][cell]) for cell in cells], 0)


# A rate: every number of events


def over_rates() -> Iterator[dict]:
    """Yield how each interval of a proportion covers."""
    from cohortbook.statistics.describe import proportion_interval

    for method in ("clopper-pearson", "wilson"):
        for events in EVENTS:
            chance = stats.binom.pmf(np.arange(PATIENTS + 1), PATIENTS, events / PATIENTS)
            found = [proportion_interval(k, PATIENTS, method=method) for k in range(PATIENTS + 1)]
            held = [(covers(f.conf_low, f.conf_high, events / PATIENTS), p) for f, p in zip(found, chance, strict=True)]
            yield _row(("interval", "proportion", found[0].method), events, held, 0)


# Numbers and times: drawn


def of_numbers(events: int, seed: int) -> Marks:
    """Draw a number in patients with and without the event, alike in both, and apply every test."""
    from cohortbook.statistics.compare import TESTS

    warnings.simplefilter("ignore")
    chance, marks = np.random.default_rng([seed, events, 1]), {}
    event = np.arange(PATIENTS) < events
    for shape, values in (("normal", chance.normal(60, 12, PATIENTS)), ("skewed", chance.lognormal(5, 1, PATIENTS))):
        rows = pd.DataFrame({"x": values.round(), "event": pd.array(event, dtype="boolean")})
        tally = Tally.from_rows(rows)
        for name in ("student_t", "welch_t", "mann_whitney", "mann_whitney_exact"):
            found = TESTS[name](tally, "x", "event")
            marks["test", f"{shape} numbers in two groups", found.method] = rejects(found.p_value)
    return marks


def drawn_times(events: int, seed: int) -> tuple[pd.DataFrame, float]:
    """Draw times to an event, death or the end of follow-up, alike in two groups; and the hazard of the event.

    Follow-up ends uniformly over the second half of its span; the hazards are such that so many events, and as many deaths,
    are expected.
    """
    from scipy.optimize import brentq

    def expected(hazard: float) -> float:
        ends = np.linspace(0.5, 1, 201)
        return PATIENTS * float(np.mean(1 - np.exp(-2 * hazard * ends))) / 2

    hazard = brentq(lambda h: expected(h) - events, 1e-6, 50)
    chance = np.random.default_rng([seed, events, 2])
    event, death = (chance.exponential(1 / hazard, PATIENTS) for _ in range(2))
    end = chance.uniform(0.5, 1, PATIENTS)
    time = np.minimum(np.minimum(event, death), end)
    cause = np.where(time == event, "event", np.where(time == death, "death", "none"))
    group = np.arange(PATIENTS) % 2 == 1
    rows = pd.DataFrame({
        "time": time, "event": pd.array(cause == "event", dtype="boolean"), "group": pd.array(group, dtype="boolean"),
        "cause": pd.Categorical(cause, categories=["none", "event", "death"], ordered=True),
    })  # fmt: skip
    return rows, hazard


def of_times(events: int, seed: int) -> Marks:
    """Draw times and apply every estimator and test of survival."""
    from cohortbook.survival.competing import aalen_johansen
    from cohortbook.survival.cox import cox_regression
    from cohortbook.survival.cox_firth import firth_cox
    from cohortbook.survival.curves import kaplan_meier
    from cohortbook.survival.fine_gray import fine_gray
    from cohortbook.survival.gray import gray_test
    from cohortbook.survival.logrank import log_rank
    from cohortbook.survival.restricted_mean import restricted_mean, restricted_mean_difference

    warnings.simplefilter("ignore")
    rows, hazard = drawn_times(events, seed)
    tally, marks, at = Tally.from_rows(rows), {}, 0.5
    what = {"time": "time", "event": "event"}
    for kind in ("plain", "log", "log-log"):
        curve = kaplan_meier(tally, **what, conf_type=kind).at([at]).iloc[0]
        marks["interval", "survival at a time", f"Kaplan-Meier, {kind} interval"] = covers(
            curve["conf_low"], curve["conf_high"], math.exp(-hazard * at))
    incidence = aalen_johansen(tally, time="time", cause="cause")["event"].at([at]).iloc[0]
    truth = (1 - math.exp(-2 * hazard * at)) / 2
    marks["interval", "cumulative incidence at a time", "Aalen-Johansen"] = covers(
        incidence["conf_low"], incidence["conf_high"], truth)
    mean = restricted_mean(tally, **what, tau=at)
    marks["interval", "restricted mean", "restricted mean survival time"] = covers(
        mean.conf_low, mean.conf_high, (1 - math.exp(-hazard * at)) / hazard)
    if rows["event"].any():
        two = "survival in two groups"
        for weight in ("log-rank", "gehan", "tarone-ware"):
            found = log_rank(tally, **what, by="group", weight=weight)
            marks["test", two, found.method] = rejects(found.p_value)
        difference = restricted_mean_difference(tally, **what, by="group", tau=at)
        marks["test", two, "difference of restricted means"] = rejects(difference.p_values[0])
        found = gray_test(tally, time="time", cause="cause", by="group")["event"]
        marks["test", "cumulative incidence in two groups", found.method] = rejects(found.p_value)
        ratio = "hazard ratio of a binary variable"
        cox = cox_regression(tally, **what, terms=["group"], events_per_column=0)
        if not cox.refused:
            marks["test", ratio, "Cox, Wald's test"] = rejects(cox.p_values[0])
            marks["interval", ratio, "Cox, Wald interval"] = covers(cox.conf_low[0], cox.conf_high[0], 0.0)
        firth = firth_cox(tally, **what, terms=["group"])
        if not firth.refused:
            marks["test", ratio, "Firth's Cox, likelihood-ratio test"] = rejects(firth.p_values[0])
            marks["interval", ratio, "Firth's Cox, profile interval"] = covers(firth.conf_low[0], firth.conf_high[0], 0.0)
        gray = fine_gray(tally, time="time", cause="cause", of="event", terms=["group"], events_per_column=0)
        if not gray.refused:
            marks["test", "subdistribution hazard ratio", "Fine and Gray, Wald's test"] = rejects(gray.p_values[0])
            marks["interval", "subdistribution hazard ratio", "Fine and Gray, Wald interval"] = covers(
                gray.conf_low[0], gray.conf_high[0], 0.0)
    return marks


def over_draws(pool: ProcessPoolExecutor, draw, draws: int) -> Iterator[dict]:
    """Yield how each method does over so many draws."""
    for events in EVENTS:
        found = defaultdict(list)
        for marks in pool.map(partial(draw, events), range(draws), chunksize=10):
            for key, mark in marks.items():
                found[key].append((mark, 1.0))
        for key, marks in found.items():
            yield _row(key, events, [*marks, *[(None, 1.0)] * (draws - len(marks))], draws)


def _row(key: tuple[str, str, str], events: int, marks: list[tuple[bool | None, float]], draws: int) -> dict:
    """Sum up: the share of cases with a result in which the interval covers or the test rejects."""
    known = sum(chance for mark, chance in marks if mark is not None)
    total = sum(chance for _, chance in marks)
    share = sum(chance for mark, chance in marks if mark) / known if known else math.nan
    kind, what, method = key
    error = math.sqrt(share * (1 - share) / (draws * known / total)) if draws and known else 0.0
    return {"kind": kind, "what": what, "method": method, "events": events, "share": f"{share:.4f}",
            "std_error": f"{error:.4f}", "undefined": f"{1 - known / total:.4f}", "draws": draws}  # fmt: skip


def main() -> None:
    """Compute, draw, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--output", type=Path, default=PATH)
    options = parser.parse_args()
    rows = list(over_rates())
    with ProcessPoolExecutor() as pool:
        for part in (over_tables(pool), over_draws(pool, of_numbers, options.draws), over_draws(pool, of_times, options.draws)):
            for row in part:
                rows.append(row)
                print(*row.values(), sep="  ", file=sys.stderr)
    with options.output.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    if options.output == PATH:
        write_page(Path(__file__).parents[1] / "docs")


def write_page(folder: Path) -> None:
    """Write docs/calibration.md and its figure from the file."""
    from cohortbook.figures.figures_calibration import plot_calibration
    from cohortbook.tables.level_notes import calibration_page

    (folder / "calibration.md").write_text(calibration_page(), encoding="utf-8")
    plot_calibration().figure.savefig(folder / "calibration.png", dpi=110)


if __name__ == "__main__":
    main()
