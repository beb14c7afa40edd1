"""How far rounding moves a computed number: tolerances with which decisions do not depend on the processor.

Another processor adds in another order, or rounds once where this one rounds twice: last digits differ. What is decided from
computed numbers (a tie, a step uphill, a matrix that is singular) is therefore decided with one of these.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

#: Computed numbers that differ by less than this, relatively (or logarithms, absolutely), are equal.
SAME = 1e-9
#: In exact tests, what is as probable as what was observed, or as far away, but for this much, relatively (R: fisher.test).
TIE = 1e-7
#: The smallest eigenvalue of a covariance of columns of unit spread, below which they do not vary apart.
APART = 1e-12
#: What rounding makes of a log-likelihood, of its size: a sum of thousands of logarithms is known no better.
LIKELIHOOD = 1e-12
#: The share of the gain that a step promises which it must keep (Armijo).
KEPT = 1e-4


def below(p_value: float, limit: float) -> bool:
    """Say whether a P value lies below a limit; one that equals it, but for rounding, does not, nor does NaN.

    Examples
    --------
    >>> below(0.049, 0.05), below(0.04999999999999999, 0.05), below(float("nan"), 0.05)
    (True, False, False)
    """
    return bool(p_value < limit * (1 - SAME))


def at_most_one(numbers: Mapping[str, float]) -> dict[str, float]:
    """Return a result's numbers as floats, a P value of twice a half as 1 whatever rounding makes of it.

    Examples
    --------
    >>> at_most_one({"z": 1.5, "p_value": 1.0000000000000002})
    {'z': 1.5, 'p_value': 1.0}
    """
    floats = {name: float(number) for name, number in numbers.items()}
    return floats | {"p_value": 1.0} if floats.get("p_value", 0.0) > 1 else floats


def vary_apart(spread: np.ndarray, *, least: float = APART) -> bool:
    """Say whether a covariance, or an information matrix, is of columns that vary, each apart from the others.

    A variance that may be 0 must be computed so that it then is 0 exactly: from deviations from a value of the data.

    Examples
    --------
    >>> import numpy as np
    >>> [vary_apart(np.array(spread)) for spread in ([[4.0, 1], [1, 2]], [[4.0, 2], [2, 1]], [[4.0, 0], [0, 0]])]
    [True, False, False]
    """
    size = np.sqrt(np.abs(np.diag(spread)))
    return bool(size.all() and np.linalg.eigvalsh(spread / np.outer(size, size))[0] > least)


def uphill(after: float, before: float, promised: float) -> bool:
    """Say whether a step of Newton's method leads up: by a part of what its slope promises, or as far as rounding tells.

    Examples
    --------
    >>> uphill(-9.5, -10.0, 1.0), uphill(-10.5, -10.0, 1.0), uphill(-10.0 - 2e-15, -10.0, 1e-14)
    (True, False, True)
    """
    return bool(after >= before + KEPT * promised - LIKELIHOOD * (1 + abs(before)))


def settled(values: np.ndarray) -> np.ndarray:
    """Make equal what rounding alone tells apart: patients of one pattern are tied, whatever the last digit says.

    The tolerance is of the largest value, of whose size the terms were that added up to the others.

    Examples
    --------
    >>> import numpy as np
    >>> settled(np.array([0.3, 0.1 + 0.2, 0.1])).tolist()
    [0.3, 0.3, 0.1]
    """
    order = np.argsort(values, kind="stable")
    sorted_values = values[order]
    largest = np.abs(values[np.isfinite(values)]).max(initial=0.0)
    with np.errstate(invalid="ignore"):  # infinite ones, whose difference is NaN, are equal too
        apart = np.diff(sorted_values) > SAME * largest
    starts = np.r_[True, apart | np.isnan(sorted_values[1:])][: len(values)]
    found = np.empty(len(values))
    found[order] = sorted_values[starts][np.cumsum(starts) - 1]
    return found
