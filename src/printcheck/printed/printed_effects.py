"""What a printed ratio or difference of two proportions says in whole numbers: the counts that print it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction

from tallystats.interval import Interval

#: The 97.5th percentile of the normal distribution, which 95 % intervals reach to.
Z = 1.959963984540054
Number = float | Fraction


def estimate_of(effect: str, a: Number, n1: Number, b: Number, n0: Number) -> tuple[Number, float, float]:
    """Estimate an effect and its 95 % interval from a of n1 against b of n0.

    Parameters
    ----------
    effect : {"odds_ratio", "risk_ratio", "risk_difference"}
    a, n1, b, n0 : int
        Patients who show it and all patients, in the first group and in the second.

    Returns
    -------
    estimate : Fraction or float
        Exact; infinite or NaN where it is undefined.
    low, high : float
        NaN where the interval is undefined.

    Notes
    -----
    Odds ratio: Woolf's interval, as `tallystats.statistics.effects.odds_ratio`; undefined with an empty cell. Risk
    ratio: Katz's, exp(log RR -+ z sqrt(1/a - 1/n1 + 1/b - 1/n0)). Risk difference: Wald's, without continuity
    correction. R: ``epitools::oddsratio.wald``, ``epitools::riskratio.wald``, ``prop.test(correct = FALSE)``.

    Examples
    --------
    >>> ratio, low, high = estimate_of("odds_ratio", 12, 20, 30, 100)
    >>> float(ratio), round(low, 2), round(high, 2)
    (3.5, 1.3, 9.43)
    """
    none = (math.nan, math.nan, math.nan)
    if not n1 or not n0:
        return none
    if effect == "risk_difference":
        p1, p0 = Fraction(a, n1), Fraction(b, n0)
        reach = Z * math.sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)
        return p1 - p0, float(p1 - p0) - reach, float(p1 - p0) + reach
    if effect == "odds_ratio":
        if a + b in (0, n1 + n0):
            return none
        over, under = a * (n0 - b), b * (n1 - a)
        cells = (a, n1 - a, b, n0 - b)
        variance = sum(1 / cell for cell in cells) if all(cells) else math.nan
    else:
        over, under = a * n0, b * n1
        variance = 1 / a - 1 / n1 + 1 / b - 1 / n0 if a and b else math.nan
    if not under:
        return (math.inf if over else math.nan), math.nan, math.nan
    factor = math.exp(Z * math.sqrt(max(variance, 0.0))) if variance == variance else math.nan
    return Fraction(over, under), over / under / factor, over / under * factor


def haldane(effect: str, a: int, n1: int, b: int, n0: int) -> tuple[Number, float, float]:
    """Estimate a ratio from cells to each of which one half is added, as some programs do where one is empty.

    Notes
    -----
    Haldane and Anscombe's correction, as in ``metafor::escalc(add = 1/2)`` and RevMan: n1 and n0 grow by 1 for an odds
    ratio, and for a risk ratio too.
    """
    if effect == "risk_difference" or not n1 or not n0:
        return math.nan, math.nan, math.nan
    # Twice all counts, as an estimate is of whole numbers; the variance is that of the halves.
    a, n1, b, n0 = 2 * a + 1, 2 * n1 + 2, 2 * b + 1, 2 * n0 + 2
    over, under = (a * (n0 - b), b * (n1 - a)) if effect == "odds_ratio" else (a * n0, b * n1)
    inverse = (1 / a + 1 / (n1 - a) + 1 / b + 1 / (n0 - b)) if effect == "odds_ratio" else 1 / a - 1 / n1 + 1 / b - 1 / n0
    factor = math.exp(Z * math.sqrt(2 * inverse))
    return Fraction(over, under), over / under / factor, over / under * factor


def pairs_that_print(
    effect: str, n1: int, n0: int, printed: Mapping[str, Interval], *, corrected: bool
) -> Iterator[tuple[int, int, int]]:
    """Yield, for each count in the first group, the runs (first, last) of counts in the second that print an effect.

    Parameters
    ----------
    effect, n1, n0
        As for `estimate_of`.
    printed : mapping
        What is printed: any of "estimate", "low", "high".
    corrected : bool
        An empty cell may have been corrected by one half, as in `haldane`: for proofs.
    """

    def prints(found: tuple[Number, float, float]) -> bool:
        values = dict(zip(("estimate", "low", "high"), found, strict=True))
        return all(math.isfinite(values[name]) and values[name] in interval for name, interval in printed.items())

    for a in range(n1 + 1):
        start = None
        for b in range(n0 + 2):
            inside = b <= n0 and (
                prints(estimate_of(effect, a, n1, b, n0))
                or (corrected and not (a and b and n1 - a and n0 - b) and prints(haldane(effect, a, n1, b, n0)))
            )
            if inside and start is None:
                start = b
            elif not inside and start is not None:
                yield a, start, b - 1
                start = None
