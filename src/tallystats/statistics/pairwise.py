"""Every two of several groups compared, with P adjusted for their number."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd

from tallystats.results import NAN, Result, require_confidence_level, result, warn_undefined
from tallystats.statistics.counts import CrossTable, cross_tabulate, require_numbers
from tallystats.statistics.exact_tables import DRAWS, SEED, exact_p_value, random_p_value
from tallystats.statistics.multiplicity import adjust_p_values
from tallystats.statistics.several_groups import group_moments, midranks
from tallystats.statistics.two_groups import undefined
from tallystats.tally import Tally

#: How P of the pairs may be adjusted; Tukey's way is of means alone.
ADJUSTMENTS = ("holm", "bonferroni", "benjamini-hochberg", "tukey")


@result
class Pair:
    """Two groups compared: `group` less `reference`, the earlier one.

    Attributes
    ----------
    estimate, std_error, conf_low, conf_high : float
        Difference of means (or of mean ranks, which has no interval); NaN of levels.
    statistic, df : float
        t, z, Tukey's q or chi-square, and degrees of freedom.
    p_value, p_adjusted : float
        Unadjusted, and adjusted for the number of pairs; Tukey's is adjusted alone.
    reason : str or None
        Why P is NaN.
    """

    group: Any
    reference: Any
    estimate: float = NAN
    std_error: float = NAN
    statistic: float = NAN
    df: float = NAN
    p_value: float = NAN
    p_adjusted: float = NAN
    conf_low: float = NAN
    conf_high: float = NAN
    n: int
    reason: str | None = None


@result
class PairwiseComparisons(Result):
    """All pairs of the groups of `by`, compared in `term`; `adjustment` is one of `ADJUSTMENTS`."""

    term: str
    by: str
    method: str
    adjustment: str
    confidence_level: float
    pairs: tuple[Pair, ...]
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a pair, in the tidy vocabulary."""
        rows = [
            {
                "term": self.term,
                "by": self.by,
                **{f: getattr(pair, f) for f in Pair.__dataclass_fields__},
                "method": self.method,
                "adjustment": self.adjustment,
            }
            for pair in self.pairs
        ]
        return pd.DataFrame(rows)


def pairwise_comparisons(
    tally: Tally, variable: str, by: str, *, method: str, adjustment: str = "holm", confidence_level: float = 0.95
) -> PairwiseComparisons:
    """Compare every two groups by the test that follows a test of all, and adjust P for their number.

    Parameters
    ----------
    tally : Tally
        Holds both columns. Patients who lack either value are left out.
    variable, by : str
        The variable, and the groups; empty groups are left out.
    method : {"anova", "welch_anova", "kruskal_wallis", "pearson_chi_square", "fisher_freeman_halton"}
        The test of all groups. After `anova`, t tests with the standard deviation pooled over all groups; after
        `welch_anova`, Welch's t tests; after `kruskal_wallis`, Dunn's test of mean ranks among all patients; else the
        same test of the two groups.
    adjustment : {"holm", "bonferroni", "benjamini-hochberg", "tukey"}
        Tukey's, by the studentised range, is of means (`anova`: Tukey and Kramer; `welch_anova`: Games and Howell); of ranks
        and levels, "tukey" is an error.
    confidence_level : float
        Of intervals of differences of means: by Tukey's way for all of them at once, else for each alone.

    Returns
    -------
    PairwiseComparisons
        In the order of the groups. A pair that is undefined is NaN with a `reason` and does not count.

    Raises
    ------
    ValueError
        If a column is not there, the method or the adjustment is unknown, or they do not go together.

    Notes
    -----
    R: ``pairwise.t.test(x, g)``, ``pairwise.t.test(pool.sd = FALSE)``, ``TukeyHSD(aov(x ~ g))``; Dunn [1]_: z of the
    difference of mean ranks, corrected for ties, as SPSS's pairwise comparisons after NPTESTS (there times Bonferroni).

    References
    ----------
    .. [1] Dunn OJ. Multiple comparisons using rank sums. Technometrics 1964; 6: 241-252.
    .. [2] Games PA, Howell JF. Pairwise multiple comparison procedures with unequal n's. J Educ Stat 1976; 1: 113-125.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"age": [50.0, 60, 70, 61, 71, 81, 40, 44], "stage": list("IIIJJJKK")})
    >>> found = pairwise_comparisons(Tally.from_rows(rows), "age", "stage", method="anova", adjustment="tukey")
    >>> [(pair.group, pair.reference, pair.estimate, round(pair.p_adjusted, 3)) for pair in found.pairs]
    [('J', 'I', 11.0, 0.37), ('K', 'I', -18.0, 0.167), ('K', 'J', -29.0, 0.038)]
    """
    ways = {"anova": _means, "welch_anova": _means, "kruskal_wallis": _ranks}
    ways |= dict.fromkeys(("pearson_chi_square", "fisher_freeman_halton"), _levels)
    if method not in ways:
        raise ValueError(f"method: {method!r}; expected one of {', '.join(ways)}")
    if adjustment not in ADJUSTMENTS:
        raise ValueError(f"adjustment: {adjustment!r}; expected one of {', '.join(ADJUSTMENTS)}")
    if adjustment == "tukey" and ways[method] is not _means:
        raise ValueError(f"adjustment: 'tukey' is of means; after {method} expected holm, bonferroni, benjamini-hochberg")
    require_confidence_level(confidence_level)
    if ways[method] is _means:
        require_numbers(tally, variable)
    table = cross_tabulate(tally, variable, by)
    used = [g for g in range(len(table.groups)) if table.counts[:, g].any()]
    found = ways[method](table, used, method, adjustment, confidence_level)
    for pair in found:
        warn_undefined(f"{variable}, {pair['group']} against {pair['reference']}", pair.get("reason"))
    if adjustment != "tukey":
        adjusted = adjust_p_values([pair.get("p_value", NAN) for pair in found], method=adjustment).adjusted
        found = [{**pair, "p_adjusted": p} for pair, p in zip(found, adjusted, strict=True)]
    names = {
        "anova": "t, pooled standard deviation",
        "welch_anova": "Welch's t",
        "kruskal_wallis": "Dunn's z",
        "pearson_chi_square": "Pearson chi-square",
        "fisher_freeman_halton": "Fisher-Freeman-Halton exact",
    }
    if adjustment == "tukey":
        names |= {"anova": "Tukey-Kramer", "welch_anova": "Games-Howell"}
    return PairwiseComparisons(
        term=variable,
        by=by,
        method=names[method],
        adjustment=adjustment,
        confidence_level=confidence_level,
        pairs=tuple(
            Pair(**{k: float(v) if k not in ("group", "reference", "n", "reason") else v for k, v in pair.items()})
            for pair in found
        ),
        provenance=tally.provenance,
    )


def _pair(table: CrossTable, first: int, second: int, **numbers: Any) -> dict[str, Any]:
    n = int(table.counts[:, [first, second]].sum())
    return {"group": table.groups[second], "reference": table.groups[first], "n": n, **numbers}


def _means(table: CrossTable, used: list[int], method: str, adjustment: str, level: float) -> list[dict[str, Any]]:
    from scipy import stats

    n, mean, squares = group_moments(table)
    df = sum(n[used]) - len(used)
    pooled = squares[used].sum() / df if df > 0 else NAN
    found = []
    for a, b in itertools.combinations(used, 2):
        pair = _pair(table, a, b, estimate=mean[b] - mean[a])
        if method == "anova":
            reason = None if pooled > 0 else "no group varies"
            share, of = (pooled / n[a], pooled / n[b]), df
        else:
            reason = "a group of one patient has no variance" if min(n[a], n[b]) < 2 else None
            reason = reason or (None if squares[a] + squares[b] else "neither group varies")
            share = tuple(NAN if reason else squares[g] / (n[g] - 1) / n[g] for g in (a, b))
            of = NAN if reason else sum(share) ** 2 / sum(s**2 / (n[g] - 1) for s, g in zip(share, (a, b), strict=True))
        if reason:
            found.append({**pair, "reason": reason})
            continue
        se = sum(share) ** 0.5
        t = pair["estimate"] / se
        if adjustment == "tukey":
            p = {"p_adjusted": range_p_value(abs(t) * 2**0.5, len(used), of)}
            wide = range_quantile(level, len(used), of) / 2**0.5
            t *= 2**0.5  # Tukey's q
        else:
            p = {"p_value": 2 * stats.t.sf(abs(t), of)}
            wide = stats.t.isf((1 - level) / 2, of)
        ends = {"conf_low": pair["estimate"] - wide * se, "conf_high": pair["estimate"] + wide * se}
        found.append({**pair, "std_error": se, "statistic": t, "df": of, **p, **ends})
    return found


def range_p_value(q: float, groups: int, df: float) -> float:
    """Return the upper tail of the studentised range of so many groups (R: ``ptukey(q, k, df, lower = FALSE)``)."""
    from scipy import stats

    return float(min(max(stats.studentized_range.sf(q, groups, df), 0.0), 1.0))


def range_quantile(level: float, groups: int, df: float) -> float:
    """Return the quantile of the studentised range of so many groups (R: ``qtukey(level, k, df)``)."""
    from scipy import optimize, stats

    top = 10.0
    while stats.studentized_range.cdf(top, groups, df) < level:
        top *= 2
    return float(optimize.brentq(lambda q: stats.studentized_range.cdf(q, groups, df) - level, 0, top, xtol=1e-9))


def _ranks(table: CrossTable, used: list[int], method: str, adjustment: str, level: float) -> list[dict[str, Any]]:
    from scipy import stats

    reason = undefined(table)
    ranks, ties = midranks(table)
    sizes = table.counts.sum(axis=0)
    n = table.n
    variance = n * (n + 1) / 12 - ties / (12 * (n - 1)) if n > 1 else NAN
    found = []
    for a, b in itertools.combinations(used, 2):
        means = [float(ranks @ table.counts[:, g] / sizes[g]) for g in (a, b)]
        pair = _pair(table, a, b, estimate=means[1] - means[0])
        if reason:
            found.append({**pair, "reason": reason})
            continue
        se = (variance * (1 / sizes[a] + 1 / sizes[b])) ** 0.5
        z = pair["estimate"] / se
        found.append({**pair, "std_error": se, "statistic": z, "p_value": 2 * stats.norm.sf(abs(z))})
    return found


def _levels(table: CrossTable, used: list[int], method: str, adjustment: str, level: float) -> list[dict[str, Any]]:
    found = []
    for a, b in itertools.combinations(used, 2):
        counts = table.counts[:, [a, b]]
        counts = counts[counts.any(axis=1)]
        pair = _pair(table, a, b)
        if len(counts) < 2:
            found.append({**pair, "reason": "both groups have the same value"})
        else:
            found.append({**pair, **(_chi_square(counts) if method == "pearson_chi_square" else _exact(counts))})
    return found


def _chi_square(counts: np.ndarray) -> dict[str, float]:
    from scipy import stats

    statistic, p_value, df, _ = stats.chi2_contingency(counts, correction=False)
    return {"statistic": statistic, "df": df, "p_value": p_value}


def _exact(counts: np.ndarray) -> dict[str, float]:
    p_value = exact_p_value(tuple(map(tuple, counts.tolist())))
    return {"p_value": p_value if p_value == p_value else random_p_value(counts, DRAWS, SEED)[0]}
