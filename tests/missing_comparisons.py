"""Regressions pooled over imputed data sets beside R's: what the tests hold, and the table in reference/README.md."""

import functools

import numpy as np

from comparison import CLOSED, ITERATIVE, Comparison
from missing_cases import imputed
from survival_cases import reference
from tallystats.missing.pooled import pooled_cox, pooled_logistic

TERMS = ["age", "chol", "hepato", "stage"]
QUANTITIES = {
    "estimate": "estimates",
    "within": "within",
    "between": "between",
    "total": "total",
    "df": "df",
    "fmi": "missing_information",
    "p_value": "p_values",
    "low": "conf_low",
    "high": "conf_high",
}
#: case -> data sets, whether Cox's, R's call
CASES = {
    "logistic": (5, False, "mice::pool(with(imputed, glm(family = binomial)))"),
    "logistic_two": (2, False, "mice::pool(with(imputed, glm(family = binomial)))"),
    "cox": (5, True, "mice::pool(with(imputed, coxph))"),
}


@functools.cache
def pooled_case(case):
    """Fit one case of reference/missing.csv."""
    sets, cox, _ = CASES[case]
    if cox:
        return pooled_cox(imputed(sets), time="time", event="died", terms=TERMS, confidence_level=0.9)
    return pooled_logistic(imputed(sets), outcome="died", terms=TERMS, confidence_level=0.9)


def comparisons(topic=None):
    """Return the comparisons of one topic, or all."""
    return [c for c in _pooled() if topic in (None, c.topic)]


def _pooled():
    for case, (sets, cox, call) in CASES.items():
        values = reference("missing")[case]
        name = f"Pooled {'Cox' if cox else 'logistic'} regression"
        known = {"topic": "pooled", "data": f"pbc imputed {sets} times", "tolerance": ITERATIVE if cox else CLOSED}

        def numbers(case=case):
            return np.concatenate([getattr(pooled_case(case).pooled, name) for name in QUANTITIES.values()])

        def joint(case=case):
            test = pooled_case(case).joint["stage"]
            return [test.statistic, test.df, test.df_denominator, test.p_value]

        yield Comparison(
            statistic=f"{name}: estimate, variances, df, missing information, P, interval",
            counterpart=call,
            found=numbers,
            expected=np.concatenate([values[q] for q in QUANTITIES]),
            **known,
        )
        yield Comparison(
            statistic=f"{name}: joint test of levels (D1)",
            counterpart="the definition, in R",
            found=joint,
            expected=values["joint"][:4],
            **known,
        )
