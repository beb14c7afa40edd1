"""Sizes of the difference between two groups: of means, of odds, standardised."""

from __future__ import annotations

from typing import Literal

import numpy as np

from tallystats.results import NAN, OneRow, require_confidence_level, result, warn_undefined
from tallystats.statistics.counts import CrossTable, is_numeric, moments, require_numbers
from tallystats.statistics.two_groups import difference_of_means, two_by_two, two_groups, undefined
from tallystats.tally import Tally


@result
class Effect(OneRow):
    """The size of a difference: the group where `by` is True (or its last level) against the other.

    Attributes
    ----------
    effect : str
        "mean difference" (in the unit of `term`), "odds ratio" or "standardised difference" (no unit).
    estimate, std_error, conf_low, conf_high : float
        The standard error of an odds ratio is that of its logarithm. A standardised difference has no interval here.
    method : str
        How the interval, or the standardised difference, is computed.
    n, n_missing : int
        Patients with both values, and without.
    reason : str or None
        Why the estimate or its interval is NaN.
    """

    term: str
    by: str
    effect: str
    estimate: float
    std_error: float = NAN
    conf_low: float = NAN
    conf_high: float = NAN
    confidence_level: float = NAN
    method: str
    n: int
    n_missing: int
    reason: str | None
    provenance: str


def _effect(effect: str, method: str, table: CrossTable, reason: str | None, **numbers: float) -> Effect:
    """Build a public function's result, and warn for it."""
    warn_undefined(f"{effect} of {table.variable} by {table.by}", reason, depth=2)
    return Effect(
        term=table.variable,
        by=table.by,
        effect=effect,
        method=method,
        reason=reason,
        n=table.n,
        n_missing=table.n_missing,
        provenance=table.provenance,
        **{key: float(value) for key, value in numbers.items()},
    )


def mean_difference(
    tally: Tally, variable: str, by: str, *, method: Literal["student", "welch"] = "student", confidence_level: float = 0.95
) -> Effect:
    """Estimate the difference of two means with the interval that belongs to Student's or Welch's t test.

    Parameters
    ----------
    tally : Tally
        Holds both columns. Patients who lack either value are left out and counted.
    variable : str
        A numeric column.
    by : str
        The groups: a boolean, or a categorical of two levels; from the mean where it is True (or
        the last level) the other is taken.
    method : {"student", "welch"}
        Equal variances, or not.
    confidence_level : float
        Of the two-sided interval.

    Returns
    -------
    Effect
        In the unit of `variable`. The interval is NaN, with a `reason`, where the test is undefined.

    Raises
    ------
    ValueError
        If a column is not there, `variable` holds no numbers, `by` is not two groups, or an option is unknown.

    Notes
    -----
    R: ``t.test(x1, x0, var.equal = TRUE)$conf.int``. SPSS: T-TEST, "95% Confidence Interval of the Difference", with
    the opposite sign when its first group is the one that is not True.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"age": [50.0, 60, 70, 61, 71, 81], "failed": [False] * 3 + [True] * 3})
    >>> difference = mean_difference(Tally.from_rows(rows), "age", "failed")
    >>> difference.estimate, round(difference.conf_low, 3), round(difference.conf_high, 3)
    (11.0, -11.67, 33.67)
    """
    from scipy import stats

    if method not in ("student", "welch"):
        raise ValueError(f"method: {method!r}; expected one of student, welch")
    require_confidence_level(confidence_level)
    require_numbers(tally, variable)
    table = two_groups(tally, variable, by)
    estimate, std_error, df, reason = difference_of_means(table, equal_variance=method == "student")
    margin = NAN if reason else std_error * stats.t.isf((1 - confidence_level) / 2, df)
    return _effect(
        "mean difference",
        method.capitalize(),
        table,
        reason,
        estimate=estimate,
        std_error=std_error,
        conf_low=estimate - margin,
        conf_high=estimate + margin,
        confidence_level=confidence_level,
    )


def odds_ratio(
    tally: Tally, variable: str, by: str, *, method: Literal["woolf", "exact"] = "woolf", confidence_level: float = 0.95
) -> Effect:
    """Estimate the odds ratio of two variables of two levels each.

    Parameters
    ----------
    tally : Tally
        Holds both columns. Patients who lack either value are left out and counted.
    variable, by : str
        Columns of two levels; further ones must be empty. The odds are those of True (or the later level in use).
    method : {"woolf", "exact"}
        The sample odds ratio ad / bc with Woolf's interval, or Fisher's conditional estimate with its exact interval.
    confidence_level : float
        Of the two-sided interval.

    Returns
    -------
    Effect
        With an empty cell both estimates are 0 or infinite; Woolf's interval is then NaN, with a `reason`, while the
        exact one stands, open on that side. All is NaN when either variable is constant.

    Raises
    ------
    ValueError
        If a column is not there, a variable has more than two levels in use, or for an unknown method or level.

    Notes
    -----
    Woolf [1]_: log OR -+ z sqrt(1/a + 1/b + 1/c + 1/d); SPSS: CROSSTABS /STATISTICS=RISK; R:
    ``confint.default(glm(y ~ x, binomial))``. Exact [2]_: both tails of Fisher's noncentral hypergeometric
    distribution, as R's ``fisher.test(table)``. No constant is added to the cells, as that moves the estimate too.

    References
    ----------
    .. [1] Woolf B. On estimating the relation between blood group and disease. Ann Hum Genet 1955; 19: 251-253.
    .. [2] Cornfield J. A statistical problem arising from retrospective studies. Proc Berkeley Symp 1956; 4: 135-148.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cells = pd.DataFrame({"cement": [False, False, True, True], "failed": [False, True] * 2, "n": [51, 0, 18, 3]})
    >>> exact = odds_ratio(Tally(cells), "cement", "failed", method="exact")
    >>> exact.estimate, round(exact.conf_low, 3), exact.conf_high
    (inf, 1.056, inf)
    """
    from scipy import stats

    names = {"woolf": "Woolf", "exact": "conditional exact"}
    if method not in names:
        raise ValueError(f"method: {method!r}; expected one of {', '.join(names)}")
    require_confidence_level(confidence_level)
    table = two_by_two(tally, variable, by)
    reason = undefined(table)
    if reason:
        return _effect("odds ratio", names[method], table, reason, estimate=NAN, confidence_level=confidence_level)
    conditional = stats.contingency.odds_ratio(table.used, kind="conditional" if method == "exact" else "sample")
    estimate, std_error, low, high = conditional.statistic, NAN, NAN, NAN
    if method == "exact":
        low, high = conditional.confidence_interval(confidence_level)
    elif table.used.all():
        std_error = np.sqrt((1 / table.used).sum())
        factor = np.exp(std_error * stats.norm.isf((1 - confidence_level) / 2))
        low, high = estimate / factor, estimate * factor
    else:
        reason = "a cell is empty, so Woolf's interval does not exist"
    return _effect(
        "odds ratio",
        names[method],
        table,
        reason,
        estimate=estimate,
        std_error=std_error,
        conf_low=low,
        conf_high=high,
        confidence_level=confidence_level,
    )


def standardised_difference(tally: Tally, variable: str, by: str) -> Effect:
    """Measure how far two groups lie apart, in standard deviations.

    Parameters
    ----------
    tally : Tally
        Holds both columns. Patients who lack either value are left out and counted.
    variable : str
        A column of numbers, or of levels; empty levels do not count.
    by : str
        The groups: a boolean, or a categorical of two levels.

    Returns
    -------
    Effect
        Signed (positive: higher where `by` is True, or its last level) for numbers and for two levels; a distance,
        never negative, for more. NaN with a `reason` when the groups' pooled standard deviation is 0 or undefined.

    Raises
    ------
    ValueError
        If a column is not there, or `by` is not two groups.

    Notes
    -----
    Means: (m1 - m0) / sqrt((s1^2 + s0^2) / 2). Levels: sqrt(T' S^-1 T), T the differences of the proportions of all
    levels but the first and S the mean of the groups' multinomial covariances [1]_; for two levels
    (p1 - p0) / sqrt((p1 (1 - p1) + p0 (1 - p0)) / 2). R: ``tableone::ExtractSmd``, ``stddiff``.

    References
    ----------
    .. [1] Yang D, Dalton JE. A unified approach to measuring the effect size between two groups using SAS. SAS Global
       Forum 2012, paper 335.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cells = pd.DataFrame({"cement": [False, False, True, True], "failed": [False, True] * 2, "n": [9, 1, 3, 3]})
    >>> round(standardised_difference(Tally(cells), "cement", "failed").estimate, 3)
    1.155
    """
    table = two_groups(tally, variable, by)
    reason = undefined(table)
    estimate = NAN
    if is_numeric(tally, variable):
        method = "pooled standard deviation"
        values = np.array(table.levels, dtype=float)
        (n0, mean0, squares0), (n1, mean1, squares1) = (moments(values, counts) for counts in table.counts.T)
        if not reason and min(n0, n1) < 2:
            reason = "a group of one patient has no variance"
        elif not reason and squares0 + squares1 == 0:
            reason = "neither group varies"
        if not reason:
            estimate = (mean1 - mean0) / ((squares1 / (n1 - 1) + squares0 / (n0 - 1)) / 2) ** 0.5
    else:
        method = "Yang and Dalton"
        if not reason and not table.used.all(axis=1).any():
            reason = "the groups have no level in common"
        if not reason:
            shares = (table.used / table.used.sum(axis=0))[1:].T
            apart = shares[1] - shares[0]
            covariance = sum(np.diag(share) - np.outer(share, share) for share in shares) / 2
            distance = np.sqrt(apart @ np.linalg.solve(covariance, apart))
            estimate = np.copysign(distance, apart[0]) if len(apart) == 1 else distance
    return _effect("standardised difference", method, table, reason, estimate=estimate)
