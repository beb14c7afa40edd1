"""Descriptive statistics of one variable: moments and quartiles, frequencies, normality, interval of a proportion."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from tallystats.results import CONSTANT, NAN, OneRow, Result, require_confidence_level, result, warn_undefined
from tallystats.statistics.counts import moments, require_numbers, value_counts
from tallystats.tally import Tally

NO_VALUE = "no patient has a value"


@result
class Summary(OneRow):
    """Location and spread of a numeric variable; `group` is the level the patients share, None for everyone."""

    term: str
    group: Any = None
    n: int
    n_missing: int
    mean: float
    std_dev: float
    median: float
    q1: float
    q3: float
    minimum: float
    maximum: float
    quantile_type: int
    reason: str | None
    provenance: str


@result
class Frequencies(Result):
    """Counts of each level; `percents` are of `total`, the patients with a value."""

    term: str
    group: Any = None
    levels: tuple
    counts: tuple[int, ...]
    percents: tuple[float, ...]
    total: int
    n_missing: int
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a level: `term`, `group`, `level`, `count`, `n` (patients with a value), `percent`, `n_missing`."""
        columns = {"level": self.levels, "count": self.counts, "n": self.total, "percent": self.percents}
        frame = pd.DataFrame({**columns, "n_missing": self.n_missing, "provenance": self.provenance})
        frame.insert(0, "term", self.term)
        frame.insert(1, "group", self.group)
        return frame


@result
class ShapiroWilk(OneRow):
    """Shapiro-Wilk's W and P; `reason` says why they are NaN; `group` as in `Summary`."""

    term: str
    group: Any = None
    statistic: float
    p_value: float
    n: int
    n_missing: int
    reason: str | None
    method: str = "Shapiro-Wilk"
    provenance: str


@result
class Proportion(OneRow):
    """A proportion (0 to 1) with its interval."""

    events: int
    total: int
    estimate: float
    conf_low: float
    conf_high: float
    confidence_level: float
    method: str
    provenance: str


def summarise(tally: Tally, variable: str, *, quantile_type: Literal[6, 7] = 6, group: Any = None) -> Summary:
    """Summarise a numeric variable: mean, standard deviation, median, quartiles and range.

    Parameters
    ----------
    tally : Tally
        Holds `variable`, numeric; results are in its unit. Missing values are counted and left out.
    variable : str
        The column.
    quantile_type : {6, 7}
        6 interpolates at rank (n + 1) p, as SPSS and Minitab do; 7 at rank (n - 1) p + 1, the default of R and numpy.
    group : optional
        What the patients of this tally have in common, kept as a label.

    Returns
    -------
    Summary
        The standard deviation has the denominator n - 1; it is NaN for one patient, all is NaN for none (`reason`).

    Raises
    ------
    ValueError
        If the column is not there or holds no numbers, or `quantile_type` is not 6 or 7.

    Notes
    -----
    R: ``mean``, ``sd``, ``quantile(x, type = 6)``. SPSS: EXAMINE, FREQUENCIES /NTILES=4 [1]_.

    References
    ----------
    .. [1] Hyndman RJ, Fan Y. Sample quantiles in statistical packages. Am Stat 1996; 50: 361-365.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> summary = summarise(Tally.from_rows(pd.DataFrame({"score": [6.0, 7, 9, 14, None]})), "score")
    >>> summary.mean, summary.q1, summary.median, summary.q3, summary.n_missing
    (9.0, 6.25, 8.0, 12.75, 1)
    """
    if quantile_type not in (6, 7):
        raise ValueError(f"quantile_type: {quantile_type!r}; expected 6 (SPSS) or 7 (R)")
    require_numbers(tally, variable)
    levels, counts, n_missing = value_counts(tally, variable)
    values, counts = np.array(levels, dtype=float)[counts > 0], counts[counts > 0]
    n, mean, squares = moments(values, counts)
    reason = NO_VALUE if n == 0 else "one patient has no standard deviation" if n == 1 else None
    warn_undefined(f"summary of {variable}", reason)
    minimum = q1 = median = q3 = maximum = NAN
    if n:
        ranks = np.array([0.25, 0.5, 0.75]) * (n + 1 if quantile_type == 6 else n - 1) + (quantile_type == 7)
        lower = np.clip(np.floor(ranks), 1, n)
        at, following = (values[counts.cumsum().searchsorted(k)] for k in (lower, np.minimum(lower + 1, n)))
        q1, median, q3 = (at + np.clip(ranks - lower, 0, 1) * (following - at)).tolist()
        minimum, maximum = float(values[0]), float(values[-1])
    return Summary(
        term=variable,
        group=group,
        n=n,
        n_missing=n_missing,
        mean=mean,
        median=median,
        q1=q1,
        q3=q3,
        minimum=minimum,
        std_dev=(squares / (n - 1)) ** 0.5 if n > 1 else NAN,
        maximum=maximum,
        quantile_type=quantile_type,
        reason=reason,
        provenance=tally.provenance,
    )


def shapiro_wilk(tally: Tally, variable: str, *, group: Any = None) -> ShapiroWilk:
    """Test a numeric variable for normality by Shapiro and Wilk's W.

    Parameters
    ----------
    tally, variable, group
        As for `summarise`.

    Returns
    -------
    ShapiroWilk
        NaN with a `reason` for fewer than three patients or when all values are equal.

    Raises
    ------
    ValueError
        If the column is not there or holds no numbers.

    Notes
    -----
    Royston's algorithm AS R94 [1]_, by scipy; its P is approximate above 5000 patients (scipy warns).
    R: ``shapiro.test``. SPSS: EXAMINE /PLOT NPPLOT.

    References
    ----------
    .. [1] Royston P. Remark AS R94. J R Stat Soc C 1995; 44: 547-551.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> skewed = Tally.from_rows(pd.DataFrame({"days": [0.0, 1, 2, 3, 5, 8, 13, 21, 34, 400]}))
    >>> shapiro_wilk(skewed, "days").p_value < 0.001
    True
    """
    from scipy import stats

    require_numbers(tally, variable)
    levels, counts, n_missing = value_counts(tally, variable)
    n = int(counts.sum())
    reason = "fewer than three patients have a value" if n < 3 else CONSTANT if (counts > 0).sum() == 1 else None
    warn_undefined(f"Shapiro-Wilk of {variable}", reason)
    statistic, p_value = (NAN, NAN) if reason else stats.shapiro(np.repeat(np.array(levels, dtype=float), counts))
    return ShapiroWilk(
        term=variable,
        group=group,
        statistic=float(statistic),
        p_value=float(p_value),
        n=n,
        n_missing=n_missing,
        reason=reason,
        provenance=tally.provenance,
    )


def frequencies(tally: Tally, variable: str, *, group: Any = None) -> Frequencies:
    """Count the patients at each level.

    Parameters
    ----------
    tally, variable, group
        As for `summarise`, but of any type. A categorical's levels come in its order with the empty ones, a boolean's
        are False and True, those of other columns are the distinct values, sorted.

    Returns
    -------
    Frequencies
        Missing values are counted apart (`n_missing`) and are no part of the percents, which are NaN when nobody has
        a value.

    Raises
    ------
    ValueError
        If the column is not there.

    Notes
    -----
    R: ``prop.table(table(x))``. SPSS: FREQUENCIES, "valid percent".

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> grades = pd.Categorical(["I", "III", "I", None], categories=["I", "II", "III"], ordered=True)
    >>> result = frequencies(Tally.from_rows(pd.DataFrame({"grade": grades})), "grade")
    >>> result.levels, result.counts, result.total, result.n_missing
    (('I', 'II', 'III'), (2, 0, 1), 3, 1)
    """
    levels, counts, n_missing = value_counts(tally, variable)
    total = int(counts.sum())
    warn_undefined(f"percents of {variable}", None if total else NO_VALUE)
    return Frequencies(
        term=variable,
        group=group,
        levels=levels,
        counts=tuple(counts.tolist()),
        total=total,
        n_missing=n_missing,
        percents=tuple(100 * count / total if total else NAN for count in counts.tolist()),
        provenance=tally.provenance,
    )


def proportion_interval(
    count: int,
    total: int,
    *,
    method: Literal["wilson", "clopper-pearson"] = "wilson",
    confidence_level: float = 0.95,
    provenance: str = "observed",
) -> Proportion:
    """Estimate a proportion with Wilson's score interval or the exact interval of Clopper and Pearson.

    Parameters
    ----------
    count, total : int
        Patients with the event, and patients in all (those with a missing value belong to neither).
    method : {"wilson", "clopper-pearson"}
        Wilson's coverage is near the level on average; Clopper-Pearson's is never below it, hence wider.
    confidence_level : float
        Of the two-sided interval.
    provenance : str
        Where the counts come from.

    Returns
    -------
    Proportion
        Estimate and limits between 0 and 1; NaN when `total` is 0.

    Raises
    ------
    ValueError
        If the counts are not whole numbers with 0 <= count <= total, or for an unknown method or level.

    Notes
    -----
    By statsmodels. R: ``prop.test(count, total, correct = FALSE)`` [1]_ and ``binom.test(count, total)`` [2]_.
    SPSS: PROPORTIONS /ONESAMPLE CITYPES=WILSON_SCORE CLOPPER_PEARSON.

    References
    ----------
    .. [1] Wilson EB. Probable inference, the law of succession, and statistical inference. JASA 1927; 22: 209-212.
    .. [2] Clopper CJ, Pearson ES. The use of confidence or fiducial limits. Biometrika 1934; 26: 404-413.

    Examples
    --------
    >>> exact = proportion_interval(3, 72, method="clopper-pearson")
    >>> round(exact.estimate, 4), round(exact.conf_low, 4), round(exact.conf_high, 4)
    (0.0417, 0.0087, 0.117)
    """
    names = {"wilson": "wilson", "clopper-pearson": "beta"}
    if method not in names:
        raise ValueError(f"method: {method!r}; expected one of {', '.join(names)}")
    require_confidence_level(confidence_level)
    if not (int(count) == count and int(total) == total and 0 <= count <= total):
        raise ValueError(f"count, total: {count!r}, {total!r}; expected whole numbers with 0 <= count <= total")
    count, total = int(count), int(total)
    warn_undefined("proportion", None if total else "there is no patient")
    estimate = low = high = NAN
    if total:
        from statsmodels.stats.proportion import proportion_confint

        estimate = count / total
        low, high = map(float, proportion_confint(count, total, alpha=1 - confidence_level, method=names[method]))
        # both limits are exact at the ends; floating point leaves Wilson's a hair off
        low, high = (0.0 if count == 0 else low), (1.0 if count == total else high)
    return Proportion(
        events=count,
        total=total,
        estimate=estimate,
        conf_low=low,
        conf_high=high,
        method=method,
        confidence_level=confidence_level,
        provenance=provenance,
    )
