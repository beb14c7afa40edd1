"""Every statistic of logistic models beside its counterpart: what the tests hold, and the table in reference/README.md."""

import functools
import itertools

import numpy as np
import pandas as pd

import performance_comparisons
from logistic_cases import birthwt, endometrial, separated, table
from survival_cases import reference
from survival_comparisons import ITERATIVE, Comparison
from tallystats.regression.exact import exact_logistic
from tallystats.regression.firth import firth_logistic
from tallystats.regression.flic import firth_predictions
from tallystats.regression.logistic import fit_logistic
from tallystats.regression.term_tests import term_tests
from tallystats.tally import Tally


def comparisons(topic=None):
    """Return the comparisons of one topic, or all."""
    return [c for made in (_tests, _firth, _exact, *performance_comparisons.MADE) for c in made() if topic in (None, c.topic)]


FIRTH = {
    "endometrial": (endometrial, "hg", ["nv", "pi", "eh"]),
    "separated": (separated, "failed", ["cement", "late", "weak"]),
    "birthwt": (birthwt, "low", ["smoke", "ht", "race", "lwt"]),
}


def _tests():
    for case, values in reference("term_tests").items():
        data, outcome, terms = FIRTH[case]
        for quantity, expected in values.items():
            first, second = quantity.split()
            if first == "profile":
                column = {"raceother": "race: other", "racewhite": "race: white"}.get(second, second)

                def found(data=data, outcome=outcome, terms=terms, column=column):
                    fit = fit_logistic(data(), outcome=outcome, terms=terms, intervals="profile")
                    return fit.frame.set_index("term").loc[column, ["conf_low", "conf_high"]]

                statistic, counterpart = "Profile-likelihood interval", "glm.fit(offset), uniroot"
            else:

                def found(data=data, outcome=outcome, terms=terms, term=first, method=second):
                    tests = term_tests(data(), outcome=outcome, terms=terms).tests
                    return next((t.statistic, t.p_value) for t in tests if (t.term, t.method) == (term, method))

                statistic = {"lr": "Likelihood ratio", "score": "Score", "wald": "Wald"}[second] + ", of terms and model"
                counterpart = {"lr": 'anova(test = "LRT")', "score": 'anova(test = "Rao")', "wald": "coef(), vcov()"}[second]
            yield Comparison(
                topic="term_tests",
                statistic=statistic,
                counterpart=counterpart,
                data=case,
                found=found,
                expected=expected,
                tolerance=ITERATIVE,
            )


def _firth():
    for case, values in reference("firth").items():
        data, outcome, terms = FIRTH[case]

        def fitted(data=data, outcome=outcome, terms=terms):
            return firth_logistic(data(), outcome=outcome, terms=terms)

        def predicted(data=data, outcome=outcome, terms=terms):
            return firth_predictions(data(), outcome=outcome, terms=terms)

        def probabilities(method, predicted=predicted):
            patterns = predicted().patterns
            if "race" in patterns:  # R orders by the columns of the design
                patterns = patterns.assign(race=patterns["race"].map({"black": 0, "white": 1, "other": 2}).astype(int))
            return patterns.sort_values(predicted().patterns.columns[:-5].tolist())[method]

        for quantity, expected in values.items():
            if quantity.startswith("test "):
                yield Comparison(
                    topic="firth",
                    statistic="Firth: likelihood-ratio tests of terms and model",
                    counterpart="the definition, by optim and nlm",
                    data=case,
                    expected=expected,
                    found=lambda f=fitted, t=quantity[5:]: f().tests[t],
                    tolerance=ITERATIVE,
                )
        brglm = 'brglm2::brglm_fit(type = "AS_mean")'
        for statistic, counterpart, found, quantity in (
            ("Firth: estimate", brglm, lambda f=fitted: f().estimates, "estimate"),
            ("Firth: standard error", brglm, lambda f=fitted: f().std_errors, "std_error"),
            ("FLIC: intercept", "glm(y ~ 1, offset), after brglm2", lambda f=predicted: f().flic[0], "flic_intercept"),
            ("FLIC: probabilities", "glm(y ~ 1, offset), after brglm2", lambda f=probabilities: f("flic"), "p_flic"),
            ("FLAC: estimates", "glm of the augmented data, after brglm2", lambda f=predicted: f().flac, "flac"),
            ("FLAC: probabilities", "glm of the augmented data, after brglm2", lambda f=probabilities: f("flac"), "p_flac"),
            ("Firth: probabilities", brglm, lambda f=probabilities: f("firth"), "p_firth"),
        ):
            yield Comparison(
                topic="firth",
                statistic=statistic,
                counterpart=counterpart,
                data=case,
                found=found,
                expected=values[quantity],
                tolerance=ITERATIVE,
            )


@functools.cache
def exact_case(case, *confidence_level):
    """Fit one case of reference/exact.csv."""
    kind, _, _ = case.partition(" ")
    values = reference("exact")[case]
    if kind == "fisher":
        cells = zip([(1, 0), (1, 1), (0, 0), (0, 1)], values["counts"].astype(int), strict=True)
        tally, terms = table([(*key, n) for key, n in cells], "a", "y"), ["a"]
    elif kind == "strata":
        keys = itertools.product(range(len(values["cells"]) // 4), (True, False), (True, False))
        rows = pd.DataFrame([(s, y, a) for s, y, a in keys], columns=["stratum", "y", "a"])
        if case == "strata rabbits":  # rows are the delay, columns the response
            rows[["a", "y"]] = rows[["y", "a"]].to_numpy()
        rows["stratum"] = pd.Categorical(rows["stratum"])
        tally, terms = Tally(rows.assign(n=values["cells"].astype(int))), ["a", "stratum"]
    else:
        tally, terms = Tally.from_rows(exact_rows(case)), ["a", "grade", "dose"]
    return exact_logistic(tally, outcome="y", terms=terms, **dict(zip(["confidence_level"], confidence_level, strict=False)))


def exact_rows(case):
    """Return the patients of an enumerated case."""
    rows = pd.DataFrame({name[5:]: v for name, v in reference("exact")[case].items() if name.startswith("data_")})
    grade = pd.Categorical.from_codes(rows["grade"].astype(int), ["none", "one", "two"])
    return rows.assign(grade=grade, a=rows["a"].astype(bool), y=rows["y"].astype(bool))


def _exact():
    for case, values in reference("exact").items():
        kind, _, name = case.partition(" ")

        def one(statistic, counterpart, found, expected, data):
            return Comparison(
                topic="exact",
                statistic=statistic,
                counterpart=counterpart,
                data=data,
                found=found,
                expected=expected,
                tolerance=ITERATIVE,
            )

        def interval(*level, case=case):
            fit = exact_case(case, *level)
            return np.exp([fit.conf_low[0], fit.conf_high[0]])

        if kind in ("fisher", "strata"):
            call = "fisher.test(x)" if kind == "fisher" else "mantelhaen.test(x, exact = TRUE)"
            what = "Exact, one term" if kind == "fisher" else "Exact, a term given a factor"
            name = name.replace("_", " ")
            yield one(f"{what}: P", call, lambda c=case: exact_case(c).p_values[0], values["p_value"], name)
            yield one(f"{what}: interval", call, interval, values["conf"], name)
            if "conf80" in values:
                yield one(f"{what}: interval", call, lambda f=interval: f(0.8), values["conf80"], name)
            if 0 < values["estimate"][0] < np.inf:
                found = lambda c=case: np.exp(exact_case(c).estimates[0])  # noqa: E731
                yield one(f"{what}: estimate", call, found, values["estimate"], name)
            continue
        for quantity, expected in values.items():
            column, _, what = quantity.rpartition(":")
            if column and what != "degenerate":
                label = {
                    "estimate": "estimate",
                    "median_unbiased": "median-unbiased estimate",
                    "conf": "interval",
                    "mid": "mid-P interval",
                    "tail_p_value": "twice the smaller tail",
                }.get(what)
                label = label or "score and probability tests, mid-P"

                def found(case=case, column=column, what=what):
                    fit = exact_case(case)
                    return getattr(fit.tests[column], what) if label_of(what) else _of_column(fit, column, what)

                yield one(f"Exact: {label}", "every outcome enumerated, in R", found, expected, case)


def label_of(quantity):
    """Say whether a quantity belongs to the tests of whole terms."""
    return quantity == "statistic" or quantity == "df" or (quantity.endswith("p_value") and "tail" not in quantity)


def _of_column(fit, column, what):
    at = fit.terms.index(column)
    names = {
        "conf": ("conf_low", "conf_high"),
        "mid": ("mid_p_low", "mid_p_high"),
        "estimate": ("estimates",),
        "tail_p_value": ("tail_p_values",),
        "median_unbiased": ("median_unbiased",),
    }[what]
    return [getattr(fit, name)[at] for name in names]
