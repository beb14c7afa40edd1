"""Whether an estimate, its interval and the P beside it belong together; whether survival only falls."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from fractions import Fraction
from statistics import NormalDist

from printcheck.audit.checks import Check, Sheet, span, told
from printcheck.printed.published import Figure, to_digits
from printcheck.printed.rounding import exceeds, loose
from tallystats.interval import Interval

#: P values are this far apart, in standard deviations of the normal, before two tests of one effect are told apart...
_FAR = 0.5
#: ... and before no honest pair of tests is thought of.
_TOO_FAR = 1.0
_LEAST_P = 1e-300


def implied_p(
    estimate: Interval, low: Interval, high: Interval, *, ratio: bool = True, level: float = 0.95
) -> tuple[float, float]:
    """Return the least and the greatest two-sided P of the Wald test whose interval prints so.

    Parameters
    ----------
    estimate, low, high : Interval
        What prints as the estimate and the ends of its interval.
    ratio : bool
        The interval is symmetric for the logarithm, and 1 is no effect; otherwise 0 is.
    level : float
        Of the interval.

    Returns
    -------
    tuple of float
        0 and 1 where an end of a ratio prints as 0 or the interval has no width.

    Notes
    -----
    z = estimate / SE with SE = (high - low) / (2 z_level), logarithms for a ratio (Altman and Bland, BMJ 2011; 343: d2304).

    Examples
    --------
    >>> from fractions import Fraction
    >>> about = lambda text: Interval(Fraction(text) - Fraction("0.005"), Fraction(text) + Fraction("0.005"))
    >>> [round(p, 3) for p in implied_p(about("2.31"), about("1.05"), about("5.07"))]
    [0.036, 0.038]
    """
    if ratio and min(estimate.low, low.low, high.low) <= 0:
        return 0.0, 1.0
    ends = [float(end) for interval in (estimate, low, high) for end in (interval.low, interval.high)]
    e1, e2, l1, l2, h1, h2 = map(math.log, ends) if ratio else ends
    if h1 <= l2:
        return 0.0, 1.0
    per_se = 2 * NormalDist().inv_cdf((1 + level) / 2)
    nearest = 0.0 if e1 <= 0 <= e2 else min(abs(e1), abs(e2))
    return _p(max(abs(e1), abs(e2)) * per_se / (h1 - l2)), _p(nearest * per_se / (h2 - l1))


def check_intervals(sheet: Sheet) -> Iterator[Check]:
    """Yield what is odd about estimates and their intervals, P beside them, and survival at several times."""
    for figure in sheet.figures:
        if {"estimate", "low", "high"} <= set(figure.parts):
            yield from _interval(sheet, figure)
    yield from _survival(sheet)


def _p(z: float) -> float:
    return math.erfc(z / math.sqrt(2))


def _z(p: float) -> float:
    return -NormalDist().inv_cdf(max(p, _LEAST_P) / 2) if p < 1 else 0.0


def _interval(sheet: Sheet, figure: Figure) -> Iterator[Check]:
    """Yield what is odd about an estimate and its interval, and about P beside them."""
    estimate, low, high = (figure.parts[name] for name in ("estimate", "low", "high"))
    said, ratio = sheet.said(figure), figure.statistic.endswith("ratio")
    if exceeds(low, estimate) or exceeds(estimate, high):
        yield told("interval", [figure], f"{said}: the estimate lies outside its interval")
        return
    if figure.statistic == "survival":  # symmetric on no scale in particular
        return
    ends = [loose(end) for end in (estimate, low, high)]
    if not ratio or min(end.low for end in ends) > 0:
        scale = math.log if ratio else float
        least, centre_least, most, centre_most = (
            scale(ends[0].low),
            (scale(ends[1].low) + scale(ends[2].low)) / 2,
            scale(ends[0].high),
            (scale(ends[1].high) + scale(ends[2].high)) / 2,
        )
        if centre_least > most + 1e-9 or centre_most < least - 1e-9:
            centre = (centre_least + centre_most) / 2
            given = to_digits(math.exp(centre) if ratio else centre, 4)
            where = "on the scale of logarithms, " if ratio else ""
            reason = f"{said}: the middle of the interval is {where}{given}, where Wald's has its estimate; profile and"
            reason += " exact intervals need not"
            yield told("interval", [figure], reason, holds=None, recomputed=given)
    same = [p for p in sheet.figures if p.statistic == "p" and (p.variable, p.group) == (figure.variable, figure.group)]
    same = [p for p in same if "p" in p.parts and (p.level == figure.level or not (p.level and figure.level))]
    for p in sorted(same, key=lambda p: p.source != figure.source)[:1]:
        yield from _p_of_interval(sheet, figure, p, ratio=ratio)


def _p_of_interval(sheet: Sheet, figure: Figure, p: Figure, *, ratio: bool) -> Iterator[Check]:
    """Yield a printed P value that is far from the one that the interval beside it gives."""
    noted = re.search(r"(\d{2}(?:\.\d+)?) ?% ?(?:CI|confidence|interval)", figure.note)
    level = float(noted[1]) / 100 if noted else 0.95
    estimate, low, high = (loose(figure.parts[name]) for name in ("estimate", "low", "high"))
    least, most = implied_p(estimate, low, high, ratio=ratio, level=level)
    printed = loose(p.parts["p"]) if p.value[:1] in "0123456789." else p.parts["p"]
    bottom, top = max(float(printed.low), _LEAST_P), min(float(printed.high), 1.0)
    if bottom <= most and top >= least:
        return
    gap = abs(_z(bottom) - _z(most)) if bottom > most else abs(_z(top) - _z(least))
    nothing = 1 if ratio else 0
    outside = low.low > nothing or high.high < nothing
    disagree = (outside and bottom > 1 - level) or (low.high < nothing < high.low and top < 1 - level)
    if disagree or gap > _FAR:
        given = span(*(to_digits(end, 2) for end in (least, most)))
        side = f"; the interval {'excludes' if outside else 'includes'} {nothing}" if disagree else ""
        reason = f"{sheet.said(figure)}: this interval gives P {given}, and {p.value} is printed ({p.source}){side}"
        holds = False if disagree and gap > _TOO_FAR else None
        yield told("p_of_interval", [p, figure], reason, holds=holds, recomputed=given)


def _survival(sheet: Sheet) -> Iterator[Check]:
    """Yield survival that rises."""
    read = [figure for figure in sheet.figures if figure.statistic == "survival" and "estimate" in figure.parts]
    for early, late in itertools.permutations(read, 2):
        later = Fraction(early.level) < Fraction(late.level)
        same = (early.variable, early.group) == (late.variable, late.group)
        if later and same and exceeds(late.parts["estimate"], early.parts["estimate"]):
            reason = f"{sheet.said(late)}: survival rises from {sheet.named([early])} at {early.level}"
            yield told("order", [late, early], reason)
