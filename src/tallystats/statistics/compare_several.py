"""Compare three or more groups in a variable; `tallystats.statistics.compare` hands such a comparison over."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tallystats.registry import NUMERIC, TRENDS, suiting
from tallystats.results import NAN, UndefinedWarning, warn_undefined
from tallystats.statistics.compare import Comparison, choose_test
from tallystats.statistics.counts import CrossTable, cross_tabulate, split
from tallystats.statistics.describe import frequencies, summarise
from tallystats.statistics.effects import Effect, standardised_difference
from tallystats.statistics.exact_tables import fisher_freeman_halton
from tallystats.statistics.several_groups import (
    SeveralGroupsTest,
    anova,
    group_moments,
    kruskal_wallis,
    several_result,
    welch_anova,
)
from tallystats.statistics.trend import cochran_armitage, jonckheere_terpstra, linear_by_linear
from tallystats.statistics.two_groups import pearson_chi_square, undefined
from tallystats.tally import Tally


def likelihood_ratio(tally: Tally, variable: str, by: str) -> SeveralGroupsTest:
    """Test two variables for independence by the likelihood ratio, G = 2 sum O log(O / E).

    As `tallystats.statistics.two_groups.pearson_chi_square`. SPSS: CROSSTABS, "Likelihood Ratio".
    """
    from scipy import stats

    table = cross_tabulate(tally, variable, by)
    reason = undefined(table)
    if reason:
        return several_result("Likelihood ratio chi-square", table, reason)
    statistic, p_value, df, _ = stats.chi2_contingency(table.used, correction=False, lambda_="log-likelihood")
    return several_result("Likelihood ratio chi-square", table, None, statistic=statistic, df=df, p_value=p_value)


#: name in a study's plan -> the test
TESTS = {
    test.__name__: test
    for test in (
        anova,
        welch_anova,
        kruskal_wallis,
        jonckheere_terpstra,
        pearson_chi_square,
        likelihood_ratio,
        linear_by_linear,
        cochran_armitage,
        fisher_freeman_halton,
    )
}
#: kind of variable -> the tests that suit it
SUITED = suiting("several")
#: test of all groups -> that of two of them, as `tallystats.statistics.pairwise.pairwise_comparisons` calls it
PAIRS = {
    "anova": "anova",
    "welch_anova": "welch_anova",
    "kruskal_wallis": "kruskal_wallis",
    "jonckheere_terpstra": "kruskal_wallis",
    "fisher_freeman_halton": "fisher_freeman_halton",
    **dict.fromkeys(("pearson_chi_square", "likelihood_ratio", "linear_by_linear", "cochran_armitage"), "pearson_chi_square"),
}


def compare_several(
    tally: Tally,
    variable: str,
    by: str,
    *,
    kind: str,
    test: str = "auto",
    significance: float = 0.05,
    group_labels: Sequence[str] | None = None,
) -> Comparison:
    """Compare a variable between three or more groups: as `tallystats.statistics.compare.compare_variable` of two.

    Parameters
    ----------
    tally, variable, by, kind, significance, group_labels
        As for `compare_variable`; `by` is a categorical, an ordered one for tests of a trend.
    test : str
        "auto", or one of `TESTS` that suits the kind (`SUITED`).

    Returns
    -------
    Comparison
        The effect is eta squared (numbers) or Cramer's V (levels), without an interval. Groups nobody is in do not count.

    Raises
    ------
    ValueError
        If a column is not there, the test does not suit the kind, or is one of a trend and the groups have no order.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> stage = pd.Categorical(["I"] * 4 + ["II"] * 4 + ["III"] * 4, ordered=True)
    >>> rows = pd.DataFrame({"age": [50.0, 54, 60, 61, 58, 63, 66, 70, 64, 71, 75, 79], "stage": stage})
    >>> result = compare_several(Tally.from_rows(rows), "age", "stage", kind="continuous")
    >>> result.choice.test, round(result.test.p_value, 3), round(result.effect.estimate, 3)
    ('anova', 0.009, 0.646)
    """
    if kind in SUITED and test not in ("auto", *SUITED[kind]):
        raise ValueError(
            f"test: {test!r} of a variable of kind {kind!r} in three or more groups; expected auto, {', '.join(SUITED[kind])}"
        )
    if test in TRENDS and not tally.frame[by].dtype.ordered:
        raise ValueError(f"test: {test!r} is of a trend, and the groups of {by!r} have no order")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedWarning)
        choice = choose_test(tally, variable, by, kind, significance=significance, group_labels=group_labels)
        if test != "auto":
            choice = replace(choice, test=test, reason="the analysis plan names the test")
        describe = summarise if kind in NUMERIC else frequencies
        groups = tuple(describe(part, variable, group=group) for group, part in split(tally, by).items())
        result, exact, below_5 = TESTS[choice.test](tally, variable, by), None, False
        if kind not in NUMERIC:
            below_5 = pearson_chi_square(tally, variable, by).share_below_5 > 0
            exact = fisher_freeman_halton(tally, variable, by) if below_5 else None
            below_5 = below_5 and choice.test != "fisher_freeman_halton"
        table = cross_tabulate(tally, variable, by)
        effect = _effect(table, numeric=kind in NUMERIC)
        distance = largest_difference(tally, variable, by)
    reasons = [part.reason for part in (result, effect, distance) if part.reason]
    warn_undefined(f"comparison of {variable} by {by}", "; ".join(dict.fromkeys(reasons)))
    return Comparison(
        term=variable,
        by=by,
        kind=kind,
        groups=groups,
        test=result,
        choice=choice,
        fisher=exact,
        effect=effect,
        expected_below_5=below_5,
        standardised_difference=distance,
        provenance=tally.provenance,
    )


def _effect(table: CrossTable, *, numeric: bool) -> Effect:
    """Measure how much of a variable goes with the groups, from 0 to 1."""
    reason, estimate = undefined(table), NAN
    if not reason:
        estimate = _eta_squared(table) if numeric else _cramers_v(table.used)
    name, method = ("eta squared", "sums of squares") if numeric else ("Cramér's V", "Pearson chi-square")
    return Effect(
        term=table.variable,
        by=table.by,
        effect=name,
        estimate=estimate,
        method=method,
        n=table.n,
        n_missing=table.n_missing,
        reason=reason,
        provenance=table.provenance,
    )


def _eta_squared(table: CrossTable) -> float:
    n, mean, squares = (column[table.counts.any(axis=0)] for column in group_moments(table))
    between = float(n @ (mean - n @ mean / table.n) ** 2)
    return between / (between + float(squares.sum()))


def _cramers_v(counts: np.ndarray) -> float:
    from scipy import stats

    chi_square = stats.chi2_contingency(counts, correction=False)[0]
    return float((chi_square / counts.sum() / (min(counts.shape) - 1)) ** 0.5)


def largest_difference(tally: Tally, variable: str, by: str) -> Effect:
    """Return the standardised difference of the two groups that lie furthest apart, without a sign.

    Groups nobody is in, and pairs whose difference is undefined, do not count; NaN with a `reason` where none is left.
    """
    parts = {group: part for group, part in split(tally, by).items() if part.total}
    found = []
    for first, second in itertools.combinations(parts, 2):
        frame = tally.frame[tally.frame[by].isin([first, second])]
        two = Tally(frame.assign(**{by: (frame[by] == second).astype("boolean")}), tally.provenance)
        found.append(standardised_difference(two, variable, by))
    table = cross_tabulate(tally, variable, by)
    defined = [abs(one.estimate) for one in found if not one.reason]
    return Effect(
        term=variable,
        by=by,
        effect="standardised difference",
        estimate=max(defined, default=NAN),
        n=table.n,
        method="largest of any two groups",
        n_missing=table.n_missing,
        provenance=tally.provenance,
        reason=None if defined else undefined(table) or "no two groups have a standardised difference",
    )
