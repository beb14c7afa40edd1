"""How alike patients of one centre are: the intracluster correlation."""

from __future__ import annotations

from tallystats.results import CONSTANT, NAN, OneRow, require_confidence_level, result, warn_undefined
from tallystats.statistics.counts import CrossTable, cross_tabulate, require_numbers
from tallystats.statistics.several_groups import group_moments
from tallystats.tally import Tally


@result
class IntraclusterCorrelation(OneRow):
    """The intracluster correlation of `term` in the clusters of `by`.

    Attributes
    ----------
    estimate, conf_low, conf_high : float
        1: patients of a cluster are all alike; 0: they are as different as any; it can fall below 0 by chance.
    clusters : int
        Clusters with a patient who has a value.
    mean_size : float
        The size of a cluster that the estimator takes.
    design_effect : float
        By what a variance grows that forgets the clusters: 1 + (mean_size - 1) times the correlation, and no less than 1.
    reason : str or None
        Why the estimate is NaN.
    """

    term: str
    by: str
    estimate: float
    conf_low: float
    conf_high: float
    confidence_level: float
    n: int
    n_missing: int
    clusters: int
    mean_size: float
    design_effect: float
    method: str
    reason: str | None
    provenance: str


def intracluster_correlation(
    tally: Tally, variable: str, by: str, *, confidence_level: float = 0.95
) -> IntraclusterCorrelation:
    """Estimate the intracluster correlation of a number, or of yes or no, by analysis of variance.

    Parameters
    ----------
    tally : Tally
        Holds both columns. Patients who lack either value are left out and counted.
    variable : str
        A numeric or boolean column; yes counts 1, no 0.
    by : str
        The clusters; empty ones do not count.
    confidence_level : float
        Of the interval.

    Returns
    -------
    IntraclusterCorrelation
        NaN with a `reason` when all have the same value, there is one cluster, or one patient in each.

    Raises
    ------
    ValueError
        If a column is not there, or `variable` holds neither numbers nor yes and no.

    Notes
    -----
    (MSB - MSW) / (MSB + (m - 1) MSW), with the mean squares between and within k clusters and m = (N - sum(n^2) / N) / (k - 1)
    [1]_ [2]_. The interval is Searle's, from the F distribution of MSB / MSW: exact for normal values in clusters of one size,
    else approximate, and rough for an event that is rare. R: ``ICCest`` of package ICC; ``anova(lm(y ~ factor(g)))``.

    References
    ----------
    .. [1] Donner A. A review of inference procedures for the intraclass correlation coefficient in the one-way random effects
       model. Int Stat Rev 1986; 54: 67-82.
    .. [2] Ridout MS, Demetrio CGB, Firth D. Estimating intraclass correlation for binary data. Biometrics 1999; 55: 137-148.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"score": [1.0, 2, 2, 5, 6, 7, 3, 4], "centre": list("AAABBBCC")})
    >>> found = intracluster_correlation(Tally.from_rows(rows), "score", "centre")
    >>> round(found.estimate, 3), round(found.mean_size, 3), round(found.design_effect, 3)
    (0.891, 2.625, 2.447)
    """
    from scipy import stats

    require_confidence_level(confidence_level)
    table = cross_tabulate(tally, variable, by)
    if table.levels != (False, True):
        require_numbers(tally, variable)
    n, mean, squares = (column[table.counts.any(axis=0)] for column in group_moments(table))
    k, total, reason = len(n), table.n, _undefined(table, n)
    warn_undefined(f"intracluster correlation of {variable} in {by}", reason)
    estimate = low = high = size = effect = NAN
    if not reason:
        between = float(n @ (mean - n @ mean / total) ** 2) / (k - 1)
        within = float(squares.sum()) / (total - k)
        size = float(total - (n**2).sum() / total) / (k - 1)
        estimate = (between - within) / (between + (size - 1) * within)
        effect = max(1 + (size - 1) * estimate, 1.0)
        low = high = estimate
        if within:
            tail = (1 - confidence_level) / 2
            ratios = [between / within / stats.f.isf(p, k - 1, total - k) for p in (tail, 1 - tail)]
            low, high = ((f - 1) / (f + size - 1) for f in ratios)
    return IntraclusterCorrelation(
        term=variable,
        by=by,
        estimate=estimate,
        conf_low=float(low),
        conf_high=float(high),
        n=total,
        clusters=k,
        confidence_level=confidence_level,
        n_missing=table.n_missing,
        mean_size=size,
        design_effect=effect,
        method="analysis of variance",
        reason=reason,
        provenance=table.provenance,
    )


def _undefined(table: CrossTable, sizes: object) -> str | None:
    if not table.n:
        return "no patient has both values"
    if len(sizes) < 2:
        return "there is one cluster"
    if len(table.used) < 2:
        return CONSTANT
    return "each cluster has one patient" if table.n == len(sizes) else None
