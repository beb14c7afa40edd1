"""Performance, collinearity, optimism and stepwise selection beside R: part of the table of logistic models."""

import functools

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from comparison import ITERATIVE, Comparison
from logistic_cases import REFERENCE, birthwt, infert, reference
from tallystats.regression.collinearity import variance_inflation
from tallystats.regression.design import make_design
from tallystats.regression.logistic import EXACT_CHANGE, EXACT_ITERATIONS, fit_many
from tallystats.regression.performance import calibration, concordance, hosmer_lemeshow, predictions, pseudo_r2
from tallystats.regression.selection import select_terms
from tallystats.regression.validation import MEASURES, _fit, measures
from tallystats.tally import Tally

EXACT = {"max_iterations": EXACT_ITERATIONS, "tolerance": EXACT_CHANGE}
#: Of each case: the data, the outcome, the terms.
CASES = {
    "birthwt": (birthwt, "low", ("smoke", "ht", "ui", "ptl", "lwt", "race")),
    "infert": (infert, "case", ("education", "age", "parity", "spontaneous", "induced")),
    "few": (birthwt, "low", ("smoke", "ht")),
}


def values(case, start=""):
    """Return R's values of a case by what follows a beginning, in their order."""
    found = {k.removeprefix(start): v for k, v in reference("performance")[case].items() if k.startswith(start)}
    return {k: float(v) for k, v in found.items()}


@functools.cache
def predicted(case):
    """Fit a case: its fit, and the tally of its predictions."""
    data, outcome, terms = CASES[case]
    design = make_design(data(), outcome=outcome, terms=terms)
    fit = fit_many(design.x, design.y, design.n[None, :], **EXACT)
    return fit, predictions(data(), design, fit.coefficients[0], outcome=outcome)


def wrong(case):
    """Return predictions that are too extreme and too high."""
    tally = predicted(case)[1]
    return Tally(tally.frame.assign(prediction=expit(0.3 + 1.7 * logit(tally.frame["prediction"]))))


def _performance():
    for case, (data, outcome, terms) in CASES.items():
        known = values(case)

        def one(statistic, counterpart, found, *quantities, expected=None, case=case, known=known):
            expected = [known[q] for q in quantities] if expected is None else expected
            return Comparison(
                topic="performance",
                statistic=statistic,
                counterpart=counterpart,
                data=case,
                found=found,
                expected=np.array(expected),
                tolerance=ITERATIVE,
            )

        def area(case=case, outcome=outcome):
            found = concordance(predicted(case)[1], outcome=outcome, prediction="prediction", confidence_level=0.9)
            return found.estimate, found.std_error, found.conf_low, found.conf_high

        def r2(case=case, outcome=outcome):
            fit, tally = predicted(case)
            n, events = tally.total, tally.frame.loc[tally.frame[outcome], "n"].sum()
            null = events * np.log(events / n) + (n - events) * np.log1p(-events / n)
            return pseudo_r2(fit.log_likelihood[0], null, n)

        yield one(
            "c-statistic, DeLong's interval",
            'pROC::ci.auc(y, p, method = "delong")',
            area,
            "c_statistic",
            "c_se",
            "c_low",
            "c_high",
        )
        yield one("R2 of Cox and Snell, of Nagelkerke", "rms::lrm(formula)$stats", r2, "cox_snell", "nagelkerke")
        yield one(
            "Brier score",
            "rms::val.prob(p, y)",
            lambda c=case, o=outcome: calibration(predicted(c)[1], outcome=o).brier,
            "brier",
        )

        def again(case=case, outcome=outcome):
            found = calibration(wrong(case), outcome=outcome)
            return found.in_the_large, found.intercept, found.slope, found.brier

        yield one(
            "Calibration in the large, intercept, slope, Brier score",
            "glm(y ~ offset(odds)), glm(y ~ odds)",
            again,
            "in_the_large",
            "intercept",
            "slope",
            "wrong_brier",
        )
        smooth = list(values(case, "smooth:").values())
        if smooth:
            yield one(
                "Smoothed calibration",
                'loess(y ~ p, degree = 1, surface = "direct")',
                lambda c=case, o=outcome: calibration(predicted(c)[1], outcome=o).smooth,
                expected=smooth,
            )
        for binning in ("blocks", "quantiles"):
            if f"{binning}:df" in known:

                def hosmer(case=case, outcome=outcome, binning=binning):
                    found = hosmer_lemeshow(predicted(case)[1], outcome=outcome, binning=binning)
                    return np.hstack([found.totals, found.events, found.expected, found.statistic, found.df, found.p_value])

                yield one(
                    f"Hosmer-Lemeshow, {binning}: groups, test",
                    "the definition, in R",
                    hosmer,
                    expected=list(values(case, f"{binning}:").values()),
                )

        def vif(data=data, outcome=outcome, terms=terms):
            return variance_inflation(data(), outcome=outcome, terms=terms).estimates

        yield one(
            "Generalised variance inflation",
            "car::vif(glm(formula)), by its definition in R",
            vif,
            *(f"gvif:{term}" for term in terms),
        )


@functools.cache
def resamples():
    """Return the design of birthwt and the fixed resamples as counts of its patterns."""
    data, outcome, terms = CASES["birthwt"]
    design = make_design(data(), outcome=outcome, terms=terms)
    frame = data().frame
    rows = pd.read_csv(REFERENCE / "logistic_birthwt.csv").astype({name: frame[name].dtype for name in data().columns})
    at = rows.merge(frame.assign(pattern=range(len(frame))), how="left", on=data().columns)["pattern"].to_numpy()
    drawn = pd.read_csv(REFERENCE / "performance_resamples.csv")
    counts = [np.bincount(at[drawn[k] - 1], minlength=len(frame)).astype(float) for k in drawn]
    return design, np.array(counts)


def _optimism():
    design, counts = resamples()
    terms = CASES["birthwt"][2]
    for part, own in (("training", True), ("test", False)):
        for k in range(len(counts)):

            def found(k=k, own=own):
                model = _fit(design, counts[k : k + 1], [terms], EXACT)
                table = counts[k : k + 1] if own else design.n[None, :]
                return measures(design, table, *model, own=own)[0, : 3 if own else None]

            known = values("resamples", f"{part}:{k + 1}:")
            expected = np.array([known[name] for name in MEASURES[: 3 if own else None]])
            yield Comparison(
                topic="optimism",
                statistic=f"Bootstrap optimism: {part} measures of fixed resamples",
                counterpart="rms::lrm.fit(odds, y), Hmisc::somers2",
                data=f"birthwt {k + 1}",
                found=found,
                expected=expected,
                tolerance=ITERATIVE,
            )


def _stepwise():
    for case, known in reference("selection").items():
        if " " not in case:
            continue
        outcome, method, test, entry, removal = case.split()
        name = "birthwt" if outcome == "low" else "infert"

        def found(outcome=outcome, name=name, method=method, test=test, entry=entry, removal=removal, known=known):
            data, _, terms = CASES[name]
            steps = select_terms(
                data(),
                outcome=outcome,
                candidates=terms,
                method=method,
                entry=float(entry),
                removal=float(removal),
                removal_test=test,
                **EXACT,
            ).steps
            seen = logged(steps)
            return [seen.get(quantity, np.nan) for quantity in known if quantity != "log"]

        words = {"wald": "Wald", "lr": "likelihood ratio", "conditional": "conditional statistic"}[test]
        yield Comparison(
            topic="stepwise",
            statistic=f"Stepwise {method}, removal by {words}: every step, every test",
            counterpart='the rules in R: glm, anova(test = "Rao")',
            data=f"{name} {entry}/{removal}",
            found=found,
            expected=np.array([float(v) for q, v in known.items() if q != "log"]),
            tolerance=ITERATIVE,
        )


def logged(steps):
    """Return every number of a selection's steps under the names of reference/selection.csv."""
    seen = {}
    for step in steps:
        seen[f"step{step.number}:minus_2_log_likelihood"] = -2 * step.log_likelihood
        tests = [("inside", t) for t in step.inside] + [("outside", t) for t in step.outside]
        seen |= {f"step{step.number}:{where}:{t.term}": t.statistic for where, t in tests}
        if step.overall:
            seen[f"step{step.number}:outside:all"] = step.overall.statistic
    return seen


MADE = (_performance, _optimism, _stepwise)
