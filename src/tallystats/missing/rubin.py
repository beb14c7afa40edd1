"""Rubin's rules: one answer from the answers of several imputed data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tallystats.results import NAN, require_confidence_level, result
from tallystats.tolerance import SAME


@result
class Pooled:
    """Estimates pooled over imputed data sets; one entry a column.

    Attributes
    ----------
    estimates, std_errors, statistics, p_values, conf_low, conf_high : tuple of float
        Mean estimate, root of the total variance, Wald's t, P and interval.
    within, between, total : tuple of float
        Mean variance inside a data set, variance of estimates between them, and what they come to.
    df : tuple of float
        Barnard and Rubin's degrees of freedom.
    missing_information : tuple of float
        Fraction of the information that the missing values hold.
    simulation_errors : tuple of float
        Standard error of the estimates for having drawn so few data sets, and not endlessly many.
    imputations : int
    """

    estimates: tuple[float, ...]
    std_errors: tuple[float, ...]
    statistics: tuple[float, ...]
    p_values: tuple[float, ...]
    conf_low: tuple[float, ...]
    conf_high: tuple[float, ...]
    within: tuple[float, ...]
    between: tuple[float, ...]
    total: tuple[float, ...]
    df: tuple[float, ...]
    missing_information: tuple[float, ...]
    simulation_errors: tuple[float, ...]
    imputations: int
    confidence_level: float


@result
class JointTest:
    """A pooled Wald test of several coefficients at once: F with its degrees of freedom."""

    statistic: float
    df: int
    df_denominator: float
    p_value: float


def pool(
    estimates: np.ndarray, variances: np.ndarray, *, df_complete: float = float("inf"), confidence_level: float = 0.95
) -> Pooled:
    """Pool estimates of several imputed data sets by Rubin's rules.

    Parameters
    ----------
    estimates, variances : array_like, shape (imputations, columns)
        Of each imputed data set: the estimates, and their squared standard errors.
    df_complete : float
        Degrees of freedom that the analysis would have without missing values: patients less parameters in logistic
        regression, events less parameters in Cox regression.
    confidence_level : float

    Returns
    -------
    Pooled

    Raises
    ------
    ValueError
        With fewer than two data sets, or unequal shapes.

    Notes
    -----
    With m data sets, mean variance U and variance B of the estimates between them, T = U + (1 + 1/m) B [1]_; of it
    lambda = (1 + 1/m) B / T is due to missing values. Degrees of freedom are Barnard and Rubin's [2]_: 1 / (1 / a + 1 / b),
    a = (m - 1) / lambda^2, b = (1 - lambda) d (d + 1) / (d + 3), d those of complete data. The fraction of missing
    information is (r + 2 / (df + 3)) / (r + 1), r = lambda / (1 - lambda). R: ``mice::pool``, which takes lambda for no
    less than 0.0001. SPSS: pooled output of multiple imputation, with a for its degrees of freedom.

    References
    ----------
    .. [1] Rubin DB. Multiple Imputation for Nonresponse in Surveys. New York: Wiley, 1987.
    .. [2] Barnard J, Rubin DB. Small-sample degrees of freedom with multiple imputation. Biometrika 1999; 86: 948-955.

    Examples
    --------
    >>> found = pool([[1.0], [1.2], [1.4]], [[0.04], [0.05], [0.06]], df_complete=100)
    >>> round(found.estimates[0], 3), round(found.total[0], 4), round(found.df[0], 2)
    (1.2, 0.1033, 6.48)
    """
    from scipy.stats import t

    require_confidence_level(confidence_level)
    estimates, variances = np.asarray(estimates, float), np.asarray(variances, float)
    if estimates.ndim != 2 or estimates.shape != variances.shape or len(estimates) < 2:
        raise ValueError(
            f"estimates, variances: of shape {estimates.shape} and {variances.shape}; expected the same, "
            "at least two data sets by columns"
        )
    m = len(estimates)
    mean, within = estimates.mean(axis=0), variances.mean(axis=0)
    between = _but_rounding(estimates.var(axis=0, ddof=1), within)
    total = within + (1 + 1 / m) * between
    share = (1 + 1 / m) * between / total
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = share**2 / (m - 1)
        if np.isfinite(df_complete):
            parts = parts + (df_complete + 3) / (df_complete * (df_complete + 1) * (1 - share))
        df = 1 / parts
        information = (share / (1 - share) + 2 / (df + 3)) * (1 - share)
        statistics = mean / np.sqrt(total)
    reach = t.isf((1 - confidence_level) / 2, df) * np.sqrt(total)
    columns = {
        "estimates": mean,
        "std_errors": np.sqrt(total),
        "statistics": statistics,
        "p_values": 2 * t.sf(np.abs(statistics), df),
        "conf_low": mean - reach,
        "conf_high": mean + reach,
        "within": within,
        "between": between,
        "total": total,
        "df": df,
        "missing_information": information,
        "simulation_errors": np.sqrt(between / m),
    }
    return Pooled(
        **{name: tuple(values.tolist()) for name, values in columns.items()}, imputations=m, confidence_level=confidence_level
    )


def _but_rounding(between: np.ndarray, within: np.ndarray) -> np.ndarray:
    """Make 0 of a variance between data sets that are the same, whose estimates differ in the last digits only."""
    return np.where(between > SAME**2 * within, between, 0.0)


def pooled_test(estimates: np.ndarray, covariances: np.ndarray, *, df_complete: float = float("inf")) -> JointTest:
    """Test at once that several coefficients are 0: the indicators of a variable with levels.

    Parameters
    ----------
    estimates : array_like, shape (imputations, columns)
        Of each imputed data set.
    covariances : array_like, shape (imputations, columns, columns)
    df_complete : float
        As for `pool`.

    Returns
    -------
    JointTest
        NaN where the mean covariance is singular.

    Raises
    ------
    ValueError
        With fewer than two data sets, or shapes that do not fit.

    Notes
    -----
    D1 of Li, Raghunathan and Rubin [1]_, which takes the share of missing information to be the same for all coefficients;
    denominator degrees of freedom by Reiter [2]_ where `df_complete` is finite and there are more than 4 from the data
    sets, k (m - 1), else by [1]_. R: ``mice::D1(fit1, fit0, dfcom)``.

    References
    ----------
    .. [1] Li KH, Raghunathan TE, Rubin DB. Large-sample significance levels from multiply imputed data using moment-based
       statistics and an F reference distribution. J Am Stat Assoc 1991; 86: 1065-1073.
    .. [2] Reiter JP. Small-sample degrees of freedom for multi-component significance tests with multiple imputation for
       missing data. Biometrika 2007; 94: 502-508.

    Examples
    --------
    >>> apart = [[1.0, 0.5], [1.2, 0.4], [1.1, 0.7], [0.9, 0.6]]
    >>> found = pooled_test(apart, [[[0.1, 0.02], [0.02, 0.1]]] * 4)
    >>> round(found.statistic, 3), found.df, round(found.p_value, 4)
    (4.954, 2, 0.013)
    """
    from scipy.stats import f

    estimates, covariances = np.asarray(estimates, float), np.asarray(covariances, float)
    m, k = estimates.shape
    if m < 2 or covariances.shape != (m, k, k):
        raise ValueError(
            f"estimates, covariances: of shape {estimates.shape} and {covariances.shape}; expected at least two data sets, "
            "and a square for each"
        )
    mean, within = estimates.mean(axis=0), covariances.mean(axis=0)
    between = np.atleast_2d(np.cov(estimates.T))
    try:
        apart = _but_rounding(np.diag(between), np.diag(within)).any()
        r = (1 + 1 / m) * np.trace(np.linalg.solve(within, between)) / k if apart else 0.0
        statistic = float(mean @ np.linalg.solve(within, mean) / (k * (1 + r)))
    except np.linalg.LinAlgError:
        return JointTest(statistic=NAN, df=k, df_denominator=NAN, p_value=NAN)
    t = k * (m - 1)
    if r == 0:  # nothing differs between the data sets: as many as complete data have
        df = float(df_complete)
    elif np.isfinite(df_complete) and t > 4:
        df = _reiter(r, t, df_complete)
    else:
        df = 4 + (t - 4) * (1 + (1 - 2 / t) / r) ** 2 if t > 4 else t * (1 + 1 / k) * (1 + 1 / r) ** 2 / 2
    p_value = float(f.sf(statistic, k, min(df, 1e15)))
    return JointTest(statistic=statistic, df=k, df_denominator=float(df), p_value=p_value)


def _reiter(r: float, t: float, df_complete: float) -> float:
    """Return Reiter's denominator degrees of freedom."""
    a = r * t / (t - 2)
    known = (df_complete + 1) / (df_complete + 3) * df_complete
    c0, c1, c2 = 1 / (t - 4), known - 2 * (1 + a), known - 4 * (1 + a)
    if c2 <= 0:  # too few patients for the expansion: its limit
        return 4.0
    z = 1 / c2 + c0 * (
        a**2 * c1 / ((1 + a) ** 2 * c2)
        + 8 * a**2 * c1 / ((1 + a) * c2**2)
        + 4 * a**2 / ((1 + a) * c2)
        + 4 * a**2 / (c2 * c1)
        + 16 * a**2 * c1 / c2**3
        + 8 * a**2 / c2**2
    )
    return 4 + 1 / z


def pooled_terms(
    blocks: Mapping[str, Sequence[int]], estimates: np.ndarray, covariances: np.ndarray, *, df_complete: float
) -> dict[str, JointTest]:
    """Test each term of several columns at once; `blocks` gives the columns of each term."""
    found = {}
    for term, columns in blocks.items():
        if len(columns) > 1:
            at = list(columns)
            found[term] = pooled_test(estimates[:, at], covariances[:, at][:, :, at], df_complete=df_complete)
    return found
