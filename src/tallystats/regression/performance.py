"""How well predictions fit what happened: discrimination, calibration, overall error; from tallies of predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from tallystats.regression.design import Design
from tallystats.regression.logistic import EXACT_CHANGE, EXACT_ITERATIONS
from tallystats.results import NAN, OneRow, Result, require_confidence_level, result, warn_undefined
from tallystats.tally import Tally
from tallystats.tolerance import settled

#: Groups of the Hosmer-Lemeshow test, and the share of patients whose values a smoothed point rests on (R: loess's span).
GROUPS, SPAN = 10, 0.75


@result
class Concordance(OneRow):
    """The c-statistic (area under the ROC curve) with DeLong's interval.

    Attributes
    ----------
    estimate : float
        Share of pairs, one patient with the outcome and one without, in which the first has the higher prediction; ties
        count a half.
    std_error, conf_low, conf_high : float
        DeLong's; the interval stays within 0 and 1. NaN where `reason` says why.
    n, events, n_missing : int
    """

    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    confidence_level: float
    n: int
    events: int
    n_missing: int
    method: str
    reason: str | None
    provenance: str


@result
class HosmerLemeshow(Result):
    """The Hosmer-Lemeshow test with its groups.

    Attributes
    ----------
    low, high, mean : tuple of float
        Least, greatest and mean prediction of each group.
    totals, events : tuple of int
    expected : tuple of float
        Sum of the predictions of each group.
    statistic, p_value : float
    df : int
        Groups less 2.
    binning : {"blocks", "quantiles"}
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    mean: tuple[float, ...]
    totals: tuple[int, ...]
    events: tuple[int, ...]
    expected: tuple[float, ...]
    statistic: float
    df: int
    p_value: float
    binning: str
    reason: str | None
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a group."""
        return pd.DataFrame(
            {
                "group": range(1, len(self.totals) + 1),
                "low": self.low,
                "high": self.high,
                "mean": self.mean,
                "n": self.totals,
                "events": self.events,
                "expected": self.expected,
                "statistic": self.statistic,
                "df": self.df,
                "p_value": self.p_value,
                "method": f"Hosmer-Lemeshow, {self.binning}",
            }
        )


@result
class ModelCalibration(OneRow):
    """Whether predictions are too high or too extreme, and their squared error.

    Attributes
    ----------
    in_the_large : float
        The log odds that must be added to all predictions so that their mean is the rate of the outcome; 0 is right.
    intercept, slope : float
        Of a logistic regression of the outcome on the log odds of the predictions; 0 and 1 are right, a slope below 1
        means predictions that are too extreme. NaN where `reason` says why.
    brier, brier_max, scaled_brier : float
        Mean squared error; that of predicting the rate for everybody; the share of the second that is saved.
    points, smooth : tuple of float
        Distinct predictions, and the smoothed share with the outcome there.
    """

    in_the_large: float
    intercept: float
    slope: float
    brier: float
    brier_max: float
    scaled_brier: float
    points: tuple[float, ...]
    smooth: tuple[float, ...]
    n: int
    events: int
    n_missing: int
    method: str
    reason: str | None
    provenance: str


def predictions(tally: Tally, design: Design, coefficients: Sequence[float], *, outcome: str) -> Tally:
    """Tally what a model predicts beside what happened.

    Parameters
    ----------
    tally : Tally
        What the design was made from; only its provenance is read.
    design : Design
    coefficients : sequence of float
        One for each column of the design, the intercept first.
    outcome : str
        Name of the outcome's column.

    Returns
    -------
    Tally
        Columns `outcome` and `prediction`, the probability of the outcome; complete patients alone.
    """
    from scipy.special import expit

    odds = design.x @ np.asarray(coefficients, float)
    frame = pd.DataFrame({outcome: design.y == 1, "prediction": expit(settled(odds)), "n": design.n.astype("int64")})
    counted = frame.groupby([outcome, "prediction"], as_index=False, sort=True)["n"].sum()
    return Tally(counted[counted["n"] > 0].reset_index(drop=True), tally.provenance)


def _known(tally: Tally, outcome: str, prediction: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Return predictions, outcomes (0 or 1), counts, sorted by prediction, and how many patients lack either."""
    for argument, name in (("outcome", outcome), ("prediction", prediction)):
        if name not in tally.columns:
            raise ValueError(f"{argument}: {name!r} is not in the tally; expected one of {', '.join(tally.columns)}")
    if not pd.api.types.is_bool_dtype(tally.frame[outcome].dtype):
        raise ValueError(f"outcome: {outcome!r} is of type {tally.frame[outcome].dtype}; expected boolean")
    frame = tally.complete([outcome, prediction]).frame
    if not frame["n"].sum():
        raise ValueError(f"tally: no patient has both {outcome!r} and {prediction!r}; expected at least one")
    p = frame[prediction].to_numpy(float)
    order = np.argsort(p, kind="stable")
    y, n = frame[outcome].to_numpy(float), frame["n"].to_numpy(float)
    kept = order[n[order] > 0]
    return p[kept], y[kept], n[kept], tally.total - int(n.sum())


def _probabilities(p: np.ndarray, prediction: str) -> None:
    if not ((p >= 0) & (p <= 1)).all():
        wrong = p[~((p >= 0) & (p <= 1))][0]
        raise ValueError(f"prediction: {prediction!r} holds {wrong:g}; expected probabilities from 0 to 1")


def concordance(tally: Tally, *, outcome: str, prediction: str, confidence_level: float = 0.95) -> Concordance:
    """Estimate the c-statistic of predictions with DeLong's interval.

    Parameters
    ----------
    tally : Tally
        Patterns of both columns. Patients who lack either are left out and counted.
    outcome : str
        A boolean column.
    prediction : str
        A numeric column: probabilities, or any score that is higher where the outcome is likelier.
    confidence_level : float

    Returns
    -------
    Concordance
        The interval is NaN, with a warning, with fewer than two patients on either side, and where the predictions
        tell all apart: the sample then holds no error to estimate from.

    Raises
    ------
    ValueError
        When a column is not there, the outcome is not boolean, or nobody has both.

    Notes
    -----
    With V10 of each patient with the outcome the share of the others below (ties a half), and V01 the like of the others,
    the variance is S10 / m + S01 / n, S their variances [1]_. The interval is symmetric and cut at 0 and 1. R:
    ``pROC::ci.auc(response, predictor, direction = "<", method = "delong")``. SPSS: ROC.

    References
    ----------
    .. [1] DeLong ER, DeLong DM, Clarke-Pearson DL. Comparing the areas under two or more correlated receiver operating
       characteristic curves: a nonparametric approach. Biometrics 1988; 44: 837-845.

    Examples
    --------
    >>> import pandas as pd
    >>> cells = pd.DataFrame({"died": [False, True, False, True], "score": [1.0, 1, 2, 2], "n": [6, 2, 3, 4]})
    >>> found = concordance(Tally(cells), outcome="died", prediction="score")
    >>> round(found.estimate, 4), round(found.conf_low, 4), round(found.conf_high, 4)
    (0.6667, 0.4033, 0.93)
    """
    from scipy.stats import norm

    require_confidence_level(confidence_level)
    p, y, n, lacking = _known(tally, outcome, prediction)
    estimate, error = delong(p, y * n, (1 - y) * n)
    events, total = int((y * n).sum()), int(n.sum())
    reason = None
    if events in (0, total):
        reason = f"{outcome} is the same in all {total} patients"
    elif min(events, total - events) < 2:
        reason = "one patient alone has the outcome, or lacks it: no variance"
    elif error == 0:
        reason = "the predictions tell all patients with the outcome from those without: no error to estimate from"
    warn_undefined(f"c-statistic of {prediction}, its interval", reason)
    reach = norm.isf((1 - confidence_level) / 2) * error if reason is None else NAN
    return Concordance(
        estimate=estimate,
        std_error=error if reason is None else NAN,
        conf_low=float(np.maximum(0.0, estimate - reach)),
        conf_high=float(np.minimum(1.0, estimate + reach)),
        confidence_level=confidence_level,
        n=total,
        events=events,
        n_missing=lacking,
        method="c-statistic, DeLong's interval",
        reason=reason,
        provenance=tally.provenance,
    )


def delong(p: np.ndarray, events: np.ndarray, others: np.ndarray) -> tuple[float, float]:
    """Return the c-statistic and DeLong's standard error of sorted predictions with counts of either outcome."""
    starts = np.flatnonzero(np.r_[True, np.diff(p) > 0])
    m, n = np.add.reduceat(events, starts), np.add.reduceat(others, starts)
    if not m.sum() or not n.sum():
        return NAN, NAN
    below = (np.cumsum(n) - n / 2) / n.sum()
    above = 1 - (np.cumsum(m) - m / 2) / m.sum()
    area = float(m @ below / m.sum())
    if m.sum() < 2 or n.sum() < 2:
        return area, NAN
    variance = m @ (below - area) ** 2 / (m.sum() - 1) / m.sum() + n @ (above - area) ** 2 / (n.sum() - 1) / n.sum()
    return area, float(np.sqrt(max(variance, 0.0)))


def hosmer_lemeshow(
    tally: Tally,
    *,
    outcome: str,
    prediction: str = "prediction",
    groups: int = GROUPS,
    binning: Literal["blocks", "quantiles"] = "blocks",
) -> HosmerLemeshow:
    """Test calibration in groups of equal size by prediction.

    Parameters
    ----------
    tally, outcome
        As for `concordance`.
    prediction : str
        A column of probabilities.
    groups : int
        Groups aimed at; equal predictions stay together, so there may be fewer.
    binning : {"blocks", "quantiles"}
        How groups are made: see Notes.

    Returns
    -------
    HosmerLemeshow
        P is NaN, with a warning, with fewer than three groups.

    Raises
    ------
    ValueError
        As for `concordance`; when a prediction is no probability; for fewer than 3 `groups`, or an unknown `binning`.

    Notes
    -----
    Sum of (O - E)^2 / (E (1 - E / n)) over the groups, chi-square with groups - 2 degrees of freedom [1]_. "blocks":
    patients of equal prediction are a block; with M = floor(N / groups + 1/2), a block joins the present group while
    that has fewer than M patients and half the block (rounded down) still fits below M; a last group of no more than
    N / (2 groups) joins the one before. This is what SAS documents for PROC LOGISTIC's LACKFIT. "quantiles": cut at the
    quantiles of the predictions (R's type 7), closed on the right, equal cuts taken once, as
    ``ResourceSelection::hoslem.test`` does. The two may differ much: with few patients the test says little either way.

    References
    ----------
    .. [1] Hosmer DW, Lemeshow S, Sturdivant RX. Applied Logistic Regression. 3rd ed. Wiley, 2013. Section 5.2.2.

    Examples
    --------
    >>> import pandas as pd
    >>> cells = pd.DataFrame({"died": [False, True] * 3, "prediction": [0.1, 0.1, 0.3, 0.3, 0.6, 0.6],
    ...                       "n": [9, 1, 6, 4, 5, 5]})
    >>> found = hosmer_lemeshow(Tally(cells), outcome="died")
    >>> found.totals, found.events, round(found.statistic, 4), found.df
    ((10, 10, 10), (1, 4, 5), 0.8929, 1)
    """
    from scipy.stats import chi2

    if groups < 3:
        raise ValueError(f"groups: {groups!r}; expected at least 3")
    if binning not in ("blocks", "quantiles"):
        raise ValueError(f"binning: {binning!r}; expected blocks or quantiles")
    p, y, n, _ = _known(tally, outcome, prediction)
    _probabilities(p, prediction)
    starts = np.flatnonzero(np.r_[True, np.diff(p) > 0])
    values, sizes, events = p[starts], np.add.reduceat(n, starts), np.add.reduceat(n * y, starts)
    firsts = (_blocks if binning == "blocks" else _quantiles)(values, sizes, groups)
    totals, observed, expected = (np.add.reduceat(v, firsts) for v in (sizes, events, sizes * values))
    ends = [*firsts[1:], len(values)]
    spread = expected * (1 - expected / totals)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(observed == expected, 0.0, (observed - expected) ** 2 / spread)
    statistic, df = float(parts.sum()), len(firsts) - 2
    reason = None if df >= 1 else f"equal predictions leave {len(firsts)} groups; at least 3 are needed"
    warn_undefined("Hosmer-Lemeshow test", reason)
    return HosmerLemeshow(
        low=tuple(values[firsts].tolist()),
        high=tuple(values[k - 1].item() for k in ends),
        mean=tuple((expected / totals).tolist()),
        totals=tuple(totals.astype(int).tolist()),
        events=tuple(observed.astype(int).tolist()),
        expected=tuple(expected.tolist()),
        statistic=statistic if df >= 1 else NAN,
        df=max(df, 0),
        p_value=float(chi2.sf(statistic, df)) if df >= 1 else NAN,
        binning=binning,
        reason=reason,
        provenance=tally.provenance,
    )


def _blocks(values: np.ndarray, sizes: np.ndarray, groups: int) -> list[int]:
    """Return where groups begin, by the rule that SAS documents."""
    total = int(sizes.sum())
    aim = int(total / groups + 0.5)
    firsts, held = [0], int(sizes[0])
    for k, size in enumerate(sizes[1:].astype(int).tolist(), start=1):
        if held < aim and held + size // 2 <= aim:
            held += size
        else:
            firsts.append(k)
            held = size
    if len(firsts) > 1 and held <= int(total / (2 * groups)):
        firsts.pop()
    return firsts


def _quantiles(values: np.ndarray, sizes: np.ndarray, groups: int) -> list[int]:
    """Return where groups begin when predictions are cut at their quantiles."""
    patients = np.repeat(values, sizes.astype(int))
    # In whole numbers: 0.1 x 30 is a little more than 3, and would put the patient at the cut into either group.
    below, parts = np.divmod(np.arange(groups + 1) * (len(patients) - 1), groups)
    after = np.minimum(below + 1, len(patients) - 1)
    cuts = np.unique(patients[below] + parts / groups * (patients[after] - patients[below]))
    at = np.searchsorted(cuts[1:-1], values, side="left")
    return np.flatnonzero(np.r_[True, np.diff(at) > 0]).tolist()


def calibration(tally: Tally, *, outcome: str, prediction: str = "prediction", span: float = SPAN) -> ModelCalibration:
    """Measure calibration and squared error of predictions, and smooth the share with the outcome along them.

    Parameters
    ----------
    tally, outcome, prediction
        As for `hosmer_lemeshow`.
    span : float
        Share of the patients, above 0 and at most 1, whose values a smoothed point rests on.

    Returns
    -------
    Calibration

    Raises
    ------
    ValueError
        As for `hosmer_lemeshow`; for a `span` outside its limits.

    Notes
    -----
    The intercept in the large is that of a logistic regression with the log odds of the predictions as an offset; slope
    and intercept those of one with them as the only term (R: ``rms::val.prob``) [1]_. The maximum-likelihood model has 0
    and 1 by construction in the patients that it was fitted to. Predictions of exactly 0 or 1 have no log odds: then only
    the Brier score and the smooth are defined. Smooth: local lines, tricube weights over the nearest `span` of the
    patients, as ``loess(degree = 1, surface = "direct")``; cut at 0 and 1.

    References
    ----------
    .. [1] Van Calster B, McLernon DJ, van Smeden M, Wynants L, Steyerberg EW. Calibration: the Achilles heel of
       predictive analytics. BMC Med 2019; 17: 230.

    Examples
    --------
    >>> import pandas as pd
    >>> cells = pd.DataFrame({"died": [False, True] * 2, "prediction": [0.1, 0.1, 0.9, 0.9], "n": [8, 2, 3, 7]})
    >>> found = calibration(Tally(cells), outcome="died")
    >>> round(found.slope, 4), round(found.brier, 4), round(found.scaled_brier, 4)
    (0.5083, 0.21, 0.1515)
    """
    from scipy.special import expit, logit

    if not 0 < span <= 1:
        raise ValueError(f"span: {span!r}; expected a share above 0 and at most 1")
    p, y, n, lacking = _known(tally, outcome, prediction)
    _probabilities(p, prediction)
    total, events = n.sum(), (n * y).sum()
    rate = events / total
    brier, worst = float(n @ (p - y) ** 2 / total), float(rate * (1 - rate))
    reason = None
    if events in (0, total):
        reason = f"{outcome} is the same in all {int(total)} patients"
    elif not ((p > 0) & (p < 1)).all():
        reason = "a prediction is exactly 0 or 1"
    large = intercept = slope = NAN
    if reason is None:
        odds = logit(p)
        intercept, slope = (value.item() for value in recalibration(odds, y, n))
        if slope != slope:
            reason = "the predictions are all the same" if np.ptp(odds) == 0 else "the predictions separate the outcome"
        large, step = 0.0, 1.0
        while abs(step) > 1e-12:
            q = expit(odds + large)
            step = float((events - n @ q) / (n @ (q * (1 - q))))
            large += float(np.clip(step, -2, 2))
    warn_undefined(f"calibration of {prediction}", reason)
    points, smooth = _smooth(p, y, n, span)
    return ModelCalibration(
        in_the_large=large,
        intercept=intercept,
        slope=slope,
        brier=brier,
        brier_max=worst,
        scaled_brier=1 - brier / worst if worst else NAN,
        points=tuple(points.tolist()),
        smooth=tuple(smooth.tolist()),
        n=int(total),
        events=int(events),
        n_missing=lacking,
        method=f"recalibration, local lines with span {span:g}",
        reason=reason,
        provenance=tally.provenance,
    )


def recalibration(odds: np.ndarray, y: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Regress the outcome on log odds, for each row of them: intercepts and slopes, NaN where there is no finite maximum.

    Parameters
    ----------
    odds : numpy.ndarray, shape (rows, patterns)
    y : numpy.ndarray, shape (patterns,)
    n : numpy.ndarray, shape (rows, patterns)
        Counts of the patterns.
    """
    from scipy.special import expit

    odds, n = np.atleast_2d(odds), np.atleast_2d(n)
    total = n.sum(axis=1, keepdims=True)
    with np.errstate(all="ignore"):
        centre = (n * odds).sum(axis=1, keepdims=True) / total
        spread = np.sqrt((n * (odds - centre) ** 2).sum(axis=1, keepdims=True) / total)
        x = (odds - centre) / spread
        a, b, going = np.zeros(len(odds)), np.zeros(len(odds)), np.ones(len(odds), bool)
        for _ in range(EXACT_ITERATIONS):
            p = expit(a[:, None] + b[:, None] * x)
            weight, left = n * p * (1 - p), n * (y - p)
            i0, i1, i2 = weight.sum(axis=1), (weight * x).sum(axis=1), (weight * x**2).sum(axis=1)
            u0, u1 = left.sum(axis=1), (left * x).sum(axis=1)
            within = i0 * i2 - i1**2
            steps = (i2 * u0 - i1 * u1) / within, (i0 * u1 - i1 * u0) / within
            a, b = a + np.where(going, steps[0], 0), b + np.where(going, steps[1], 0)
            going &= ~(np.maximum(np.abs(steps[0]), np.abs(steps[1])) < EXACT_CHANGE)
            if not going.any():
                break
        ends = [[np.where((n > 0) & (y == side), sign * x, -np.inf).max(axis=1) for sign in (1, -1)] for side in (0, 1)]
        # All with the outcome above all without, or below: the slope has no maximum, whatever rounding finds.
        going |= (ends[0][0] <= -ends[1][1]) | (ends[1][0] <= -ends[0][1])
        a[going], b[going] = NAN, NAN
        slope = b / spread[:, 0]
        return a - slope * centre[:, 0], slope


def _smooth(p: np.ndarray, y: np.ndarray, n: np.ndarray, span: float) -> tuple[np.ndarray, np.ndarray]:
    """Smooth the outcome along predictions, sorted, by local lines."""
    points = np.unique(p)
    reach = max(1, int(np.floor(n.sum() * span + 1e-5)))
    smooth = np.empty(len(points))
    for k, at in enumerate(points):
        distance = np.abs(p - at)
        order = np.argsort(distance, kind="stable")
        width = distance[order][np.searchsorted(np.cumsum(n[order]), reach)]
        if width == 0:  # so many patients share this prediction that none beside it counts
            near = distance == 0
            smooth[k] = n[near] @ y[near] / n[near].sum()
            continue
        weight = n * np.where(distance < width, (1 - np.minimum(distance / width, 1) ** 3) ** 3, 0.0)
        middle, level = weight @ p / weight.sum(), weight @ y / weight.sum()
        across = weight @ (p - middle) ** 2
        slope = weight @ ((p - middle) * (y - level)) / across if across > 1e-12 * width**2 * weight.sum() else 0.0
        smooth[k] = level + slope * (at - middle)
    return points, np.clip(smooth, 0, 1)


def pseudo_r2(log_likelihood: float, null_log_likelihood: float, n: float) -> tuple[float, float]:
    """Return Cox and Snell's and Nagelkerke's R2, as SPSS's model summary prints them; of arrays, arrays.

    Notes
    -----
    1 - exp(2 (l0 - l) / n), and that divided by its largest value, 1 - exp(2 l0 / n) [1]_. R: ``rms::lrm`` (the second).

    References
    ----------
    .. [1] Nagelkerke NJD. A note on a general definition of the coefficient of determination. Biometrika 1991; 78: 691-2.

    Examples
    --------
    >>> [round(float(value), 4) for value in pseudo_r2(-50.0, -60.0, 100)]
    [0.1813, 0.2594]
    """
    plain = -np.expm1(2 * (null_log_likelihood - log_likelihood) / n)
    return plain, plain / -np.expm1(2 * null_log_likelihood / n)
