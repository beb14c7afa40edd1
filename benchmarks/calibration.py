"""How often intervals cover and tests reject at 72 patients and 3 to 20 events: `python benchmarks/calibration.py`.

What depends on a table of counts alone is computed over all tables, each with its probability; times, numbers and models of
several variables are drawn, seeded. It takes about twenty minutes on two cores. Writes `calibration.csv` beside the code that
looks it up (`tallystats.statistics.calibration`), one row a method and number of events.
"""

from __future__ import annotations

import argparse
import csv
import math
import os
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

from studyfile.progress import Progress
from tallystats.statistics.calibration import PATH
from tallystats.tally import Tally

PATIENTS, EXPOSED = 72, 21
EVENTS = (3, 5, 10, 20)
RATIO = 3.0
#: Shares of all draws that are made of what takes long: models of several variables, and fits of ten imputed data sets.
MODELS, IMPUTED = 0.4, 0.25
#: Tests of a term of a logistic model, by the name that `term_tests` gives them.
TERM_TESTS = {
    "wald": "maximum likelihood, Wald's test",
    "score": "maximum likelihood, score test",
    "lr": "maximum likelihood, likelihood-ratio test",
}
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
    from tallystats.regression.exact import exact_logistic
    from tallystats.regression.firth import firth_logistic
    from tallystats.regression.logistic import fit_logistic
    from tallystats.regression.term_tests import term_tests
    from tallystats.statistics.compare import TESTS
    from tallystats.statistics.effects import odds_ratio

    warnings.simplefilter("ignore")
    tally, marks = _table(*cell), {}
    for name in (
        "pearson_chi_square",
        "yates_chi_square",
        "n_minus_1_chi_square",
        "likelihood_ratio",
        "fisher_exact",
        "fisher_mid_p",
    ):
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
        by_term = term_tests(tally, **model)
        tests |= {name: by_term.p_value("exposed", test) for test, name in TERM_TESTS.items() if test != "wald"}
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
    chance = {
        key: np.outer(
            stats.binom.pmf(np.arange(EXPOSED + 1), EXPOSED, p1),
            stats.binom.pmf(np.arange(PATIENTS - EXPOSED + 1), PATIENTS - EXPOSED, p0),
        )
        for key, (p1, p0) in truths.items()
    }
    cells = [cell for cell in cells if max(table[cell] for table in chance.values()) > NEGLIGIBLE]
    marks = dict(zip(cells, pool.map(of_table, cells, chunksize=4), strict=True))
    methods = dict.fromkeys(key for one in marks.values() for key in one)
    for key in methods:
        ratio = RATIO if key[1].endswith(f"truly {RATIO:g}") else 1.0
        for events in EVENTS:
            yield _row(key, events, [(marks[cell].get(key), chance[events, ratio][cell]) for cell in cells], 0)


GRADE = PATIENTS // 3


def of_grades(cell: tuple[int, int, int]) -> Marks:
    """Apply every test of a table of the event by three levels in an order, as many patients in each."""
    from tallystats.statistics.compare import TESTS
    from tallystats.statistics.compare_several import TESTS as SEVERAL

    warnings.simplefilter("ignore")
    grades = pd.Categorical([0, 1, 2] * 2, ordered=True)
    counts = [*cell, *(GRADE - k for k in cell)]
    tally = Tally(pd.DataFrame({"event": pd.array([True] * 3 + [False] * 3, dtype="boolean"), "grade": grades, "n": counts}))
    found = [
        TESTS[name](tally, "grade", "event")
        for name in ("pearson_chi_square", "likelihood_ratio", "linear_by_linear", "fisher_freeman_halton")
    ]
    found.append(SEVERAL["cochran_armitage"](tally, "event", "grade"))
    return {("test", "association with three levels", test.method): rejects(test.p_value) for test in found}


def over_grades(pool: ProcessPoolExecutor) -> Iterator[dict]:
    """Yield how each test of three levels does, over all tables that are not negligible, with the same risk in each level."""
    each = {events: stats.binom.pmf(np.arange(GRADE + 1), GRADE, events / PATIENTS) for events in EVENTS}
    chance = {events: np.einsum("i,j,k->ijk", one, one, one) for events, one in each.items()}
    cells = [cell for cell in np.ndindex((GRADE + 1,) * 3) if max(table[cell] for table in chance.values()) > NEGLIGIBLE]
    with Progress(len(cells), "tables of three levels") as progress:
        marks = {}
        for cell, found in zip(cells, pool.map(of_grades, cells, chunksize=50), strict=True):
            marks[cell] = found
            progress.step()
    for key in dict.fromkeys(key for one in marks.values() for key in one):
        for events in EVENTS:
            yield _row(key, events, [(marks[cell].get(key), chance[events][cell]) for cell in cells], 0)


# A rate: every number of events


def over_rates() -> Iterator[dict]:
    """Yield how each interval of a proportion covers."""
    from tallystats.statistics.describe import proportion_interval

    for method in ("clopper-pearson", "wilson"):
        for events in EVENTS:
            chance = stats.binom.pmf(np.arange(PATIENTS + 1), PATIENTS, events / PATIENTS)
            found = [proportion_interval(k, PATIENTS, method=method) for k in range(PATIENTS + 1)]
            held = [(covers(f.conf_low, f.conf_high, events / PATIENTS), p) for f, p in zip(found, chance, strict=True)]
            yield _row(("interval", "proportion", found[0].method), events, held, 0)
    yield from _over_poisson()


def _over_poisson() -> Iterator[dict]:
    """Yield how the interval of a rate covers, over numbers of events in a fixed time at risk."""
    from tallystats.survival.rate import event_rate

    numbers = np.arange(PATIENTS + 1)
    flags = [pd.DataFrame({"time": 1.0, "event": pd.array(np.arange(PATIENTS) < k, dtype="boolean")}) for k in numbers]
    found = [event_rate(Tally.from_rows(rows), time="time", event="event") for rows in flags]
    for events in EVENTS:
        chance = stats.poisson.pmf(numbers, events)
        held = [(covers(f.conf_low, f.conf_high, events / PATIENTS), p) for f, p in zip(found, chance, strict=True)]
        yield _row(("interval", "rate of an event in time", found[0].method), events, held, 0)


# Numbers and times: drawn


def of_numbers(events: int, seed: int) -> Marks:
    """Draw a number, alike in all groups of which the smallest has so many patients, and apply every test and interval.

    The c-statistic is that of a normal number which lies higher in the event, so that it is truly 0.75.
    """
    from tallystats.regression.performance import concordance
    from tallystats.statistics.compare import TESTS
    from tallystats.statistics.compare_several import TESTS as SEVERAL
    from tallystats.statistics.effects import mean_difference

    warnings.simplefilter("ignore")
    chance, marks = np.random.default_rng([seed, events, 1]), {}
    event = np.arange(PATIENTS) < events
    group = pd.Categorical(np.where(event, 0, 1 + np.arange(PATIENTS) % 2), ordered=True)
    for shape, values in (("normal", chance.normal(60, 12, PATIENTS)), ("skewed", chance.lognormal(5, 1, PATIENTS))):
        rows = pd.DataFrame({"x": values.round(), "event": pd.array(event, dtype="boolean"), "group": group})
        tally = Tally.from_rows(rows)
        for name in ("student_t", "welch_t", "mann_whitney", "mann_whitney_continuity", "mann_whitney_exact"):
            found = TESTS[name](tally, "x", "event")
            marks["test", f"{shape} numbers in two groups", found.method] = rejects(found.p_value)
        for name in ("student", "welch"):
            found = mean_difference(tally, "x", "event", method=name)
            marks["interval", f"difference of means, {shape} numbers", found.method] = covers(
                found.conf_low, found.conf_high, 0.0
            )
        for name in ("anova", "welch_anova", "kruskal_wallis", "jonckheere_terpstra"):
            found = SEVERAL[name](tally, "x", "group")
            marks["test", f"{shape} numbers in three groups", found.method] = rejects(found.p_value)
    marker = stats.norm.cdf(chance.normal(0, 1, PATIENTS) + event * math.sqrt(2) * stats.norm.ppf(0.75))
    rows = pd.DataFrame({"event": pd.array(event, dtype="boolean"), "prediction": marker})
    found = concordance(Tally.from_rows(rows), outcome="event", prediction="prediction")
    marks["interval", "c-statistic of a given prediction", found.method] = covers(found.conf_low, found.conf_high, 0.75)
    return marks


def drawn_model(events: int, seed: int) -> pd.DataFrame:
    """Draw an outcome that depends on none of three variables: one of two values, a rarer one, and a number."""
    chance = np.random.default_rng([seed, events, 3])
    return pd.DataFrame(
        {
            "event": pd.array(chance.random(PATIENTS) < events / PATIENTS, dtype="boolean"),
            "exposed": pd.array(np.arange(PATIENTS) < EXPOSED, dtype="boolean"),
            "rarer": pd.array(chance.random(PATIENTS) < 0.2, dtype="boolean"),
            "number": chance.normal(0, 1, PATIENTS).round(2),
        }
    )


def of_models(events: int, seed: int) -> Marks:
    """Draw three variables, fit a logistic model of them, and mark what is told of one of them and of all."""
    from tallystats.regression.design import make_design
    from tallystats.regression.exact import exact_logistic
    from tallystats.regression.firth import firth_logistic
    from tallystats.regression.logistic import fit_logistic
    from tallystats.regression.performance import hosmer_lemeshow, predictions
    from tallystats.regression.term_tests import WHOLE, term_tests

    warnings.simplefilter("ignore")
    tally, marks = Tally.from_rows(drawn_model(events, seed)), {}
    if not 0 < tally.frame["event"].sum() < PATIENTS:
        return marks
    one, every = "odds ratio of one variable among three", "all of three variables"
    model = {"outcome": "event", "terms": ["exposed", "rarer", "number"]}
    for kind, name in (("wald", "Wald"), ("profile", "profile")):
        fit = fit_logistic(tally, **model, intervals=kind)
        known = "exposed" in fit.terms and (kind == "profile" or "exposed" not in fit.separation.directions)
        at = fit.terms.index("exposed") if known else 0
        ends = (fit.conf_low[at], fit.conf_high[at]) if known else (math.nan, math.nan)
        marks["interval", one, f"maximum likelihood, {name} interval"] = covers(*ends, 0.0)
    by_term = term_tests(tally, **model)
    for test, name in TERM_TESTS.items():
        marks["test", one, name] = rejects(by_term.p_value("exposed", test))
        marks["test", every, name] = rejects(by_term.p_value(WHOLE, test))
    if fit.converged and not fit.separation.directions:
        design = make_design(tally, **model)
        found = hosmer_lemeshow(predictions(tally, design, fit.estimates, outcome="event"), outcome="event")
        marks["test", "calibration of a model of three variables", "Hosmer-Lemeshow"] = rejects(found.p_value)
    firth = firth_logistic(tally, **model)
    at = firth.terms.index("exposed")
    marks["interval", one, "Firth, profile interval"] = covers(firth.conf_low[at], firth.conf_high[at], 0.0)
    for term, what in (("exposed", one), ("model", every)):
        marks["test", what, "Firth, likelihood-ratio test"] = rejects(firth.tests[term][2])
    exact = exact_logistic(tally, outcome="event", terms=["exposed", "rarer"])
    if "exposed" in exact.terms:
        at, what = exact.terms.index("exposed"), "odds ratio of one variable among two"
        marks["interval", what, "exact conditional interval"] = covers(exact.conf_low[at], exact.conf_high[at], 0.0)
        marks["interval", what, "exact conditional, mid-P interval"] = covers(exact.mid_p_low[at], exact.mid_p_high[at], 0.0)
        marks["test", what, "exact conditional test"] = rejects(exact.p_values[at])
        marks["test", what, "exact conditional test, mid-P"] = rejects(exact.mid_p_values[at])
    return marks


def of_imputed(events: int, seed: int) -> Marks:
    """Draw the same, take a fifth of one variable's values away at random, and pool the fits of imputed data sets.

    What is marked is the procedure as a whole: maximum likelihood, or Firth's where an imputed data set is separated.
    """
    from tallystats.missing.chained import impute
    from tallystats.missing.pooled import pooled_logistic

    warnings.simplefilter("ignore")
    rows, marks = drawn_model(events, seed), {}
    rows.loc[np.random.default_rng([seed, events, 4]).random(PATIENTS) < 0.2, "exposed"] = None
    if not 0 < rows["event"].sum() < PATIENTS:
        return marks
    sets = impute(Tally.from_rows(rows), imputations=10, iterations=5, seed=seed).tallies
    fit = pooled_logistic(sets, outcome="event", terms=["exposed", "rarer", "number"])
    if not fit.refused:
        row = fit.frame.set_index("term").loc["exposed"]
        what = "odds ratio of one variable among three, imputed"
        marks["interval", what, "pooled by Rubin's rules"] = covers(row["conf_low"], row["conf_high"], 0.0)
        marks["test", what, "pooled by Rubin's rules"] = rejects(row["p_value"])
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
    rows = pd.DataFrame(
        {
            "time": time,
            "event": pd.array(cause == "event", dtype="boolean"),
            "group": pd.array(group, dtype="boolean"),
            "cause": pd.Categorical(cause, categories=["none", "event", "death"], ordered=True),
            "stage": pd.Categorical(np.arange(PATIENTS) // 2 % 3, ordered=True),
        }
    )
    return rows, hazard


def of_times(events: int, seed: int) -> Marks:
    """Draw times and apply every estimator and test of survival."""
    from tallystats.survival.competing import aalen_johansen
    from tallystats.survival.cox import cox_regression
    from tallystats.survival.cox_firth import firth_cox
    from tallystats.survival.curves import kaplan_meier
    from tallystats.survival.fine_gray import fine_gray
    from tallystats.survival.gray import gray_test
    from tallystats.survival.logrank import log_rank, trend_log_rank
    from tallystats.survival.restricted_mean import restricted_mean, restricted_mean_difference

    warnings.simplefilter("ignore")
    rows, hazard = drawn_times(events, seed)
    tally, marks, at = Tally.from_rows(rows), {}, 0.5
    what = {"time": "time", "event": "event"}
    for kind in ("plain", "log", "log-log"):
        curve = kaplan_meier(tally, **what, conf_type=kind)
        row = curve.at([at]).iloc[0]
        marks["interval", "survival at a time", curve.method] = covers(
            row["conf_low"], row["conf_high"], math.exp(-hazard * at)
        )
        for share in (0.1, 0.25):
            row = curve.quantiles([share]).iloc[0]
            marks["interval", f"time by which {100 * share:.0f} % have the event", f"quantile of {curve.method}"] = covers(
                row["conf_low"], row["conf_high"], -math.log(1 - share) / hazard
            )
    incidence = aalen_johansen(tally, time="time", cause="cause")["event"].at([at]).iloc[0]
    truth = (1 - math.exp(-2 * hazard * at)) / 2
    marks["interval", "cumulative incidence at a time", "Aalen-Johansen"] = covers(
        incidence["conf_low"], incidence["conf_high"], truth
    )
    mean = restricted_mean(tally, **what, tau=at)
    marks["interval", "restricted mean", mean.method] = covers(
        mean.conf_low, mean.conf_high, (1 - math.exp(-hazard * at)) / hazard
    )
    if rows["event"].any():
        two = "survival in two groups"
        for weight in ("log-rank", "gehan", "tarone-ware", "peto-peto"):
            found = log_rank(tally, **what, by="group", weight=weight)
            marks["test", two, found.method] = rejects(found.p_value)
        found = log_rank(tally, **what, by="group", weight="fleming-harrington", gamma=1.0)
        marks["test", two, "Fleming-Harrington"] = rejects(found.p_value)
        found = log_rank(tally, **what, by="group", strata="stage")
        marks["test", two, "log-rank, stratified"] = rejects(found.p_value)
        for test, name in ((log_rank, "log-rank"), (trend_log_rank, "log-rank, trend")):
            marks["test", "survival in three groups", name] = rejects(test(tally, **what, by="stage").p_value)
        difference = restricted_mean_difference(tally, **what, by="group", tau=at)
        marks["test", two, difference.method] = rejects(difference.p_values[0])
        marks["interval", "difference of restricted means", difference.method] = covers(
            difference.conf_low[0], difference.conf_high[0], 0.0
        )
        found = gray_test(tally, time="time", cause="cause", by="group")["event"]
        marks["test", "cumulative incidence in two groups", found.method] = rejects(found.p_value)
        ratio = "hazard ratio of a binary variable"
        cox = cox_regression(tally, **what, terms=["group"], events_per_column=0)
        if not cox.refused:
            marks["test", ratio, "Cox, Wald's test"] = rejects(cox.p_values[0])
            marks["interval", ratio, "Cox, Wald interval"] = covers(cox.conf_low[0], cox.conf_high[0], 0.0)
            for test in cox.tests:
                if test.name != "Wald":
                    marks["test", ratio, f"Cox, {test.name.replace(' ', '-')} test"] = rejects(test.p_value)
            marks["test", "proportional hazards", "Schoenfeld's residuals"] = rejects(cox.ph_p_values[0])
        firth = firth_cox(tally, **what, terms=["group"])
        if not firth.refused:
            marks["test", ratio, "Firth's Cox, likelihood-ratio test"] = rejects(firth.p_values[0])
            marks["interval", ratio, "Firth's Cox, profile interval"] = covers(firth.conf_low[0], firth.conf_high[0], 0.0)
        gray = fine_gray(tally, time="time", cause="cause", of="event", terms=["group"], events_per_column=0)
        if not gray.refused:
            marks["test", "subdistribution hazard ratio", "Fine and Gray, Wald's test"] = rejects(gray.p_values[0])
            marks["interval", "subdistribution hazard ratio", "Fine and Gray, Wald interval"] = covers(
                gray.conf_low[0], gray.conf_high[0], 0.0
            )
    return marks


def over_draws(pool: ProcessPoolExecutor, draw, draws: int) -> Iterator[dict]:
    """Yield how each method does over so many draws."""
    for events in EVENTS:
        found = defaultdict(list)
        with Progress(draws, f"{draw.__name__.removeprefix('of_')}, {events} events") as progress:
            for marks in pool.map(partial(draw, events), range(draws), chunksize=10):
                progress.step()
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
    return {
        "kind": kind,
        "what": what,
        "method": method,
        "events": events,
        "share": f"{share:.4f}",
        "std_error": f"{error:.4f}",
        "undefined": f"{1 - known / total:.4f}",
        "draws": draws,
    }


def main() -> None:
    """Compute, draw, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--workers", type=int, help="processes; default: one a core")
    parser.add_argument("--output", type=Path, default=PATH)
    options = parser.parse_args()
    rows = list(over_rates())
    with ProcessPoolExecutor(options.workers) as pool:
        shares = {of_numbers: 1.0, of_models: MODELS, of_imputed: IMPUTED, of_times: 1.0}
        drawn = [(draw, max(int(share * options.draws), 1)) for draw, share in shares.items()]
        for part in (over_tables(pool), over_grades(pool), *(over_draws(pool, *one) for one in drawn)):
            rows += part
    write(rows, options.output)
    if options.output == PATH:
        write_page(Path(__file__).parents[1] / "docs")


def write(rows: list[dict], path: Path) -> None:
    """Write the rows to a file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_page(folder: Path) -> None:
    """Write docs/calibration.md and its figure from the file."""
    from cohortbook.display.figures_calibration import plot_calibration
    from cohortbook.display.level_notes import calibration_page

    (folder / "calibration.md").write_text(calibration_page(), encoding="utf-8")
    plot_calibration().figure.savefig(folder / "calibration.png", dpi=110)


if __name__ == "__main__":
    main()
