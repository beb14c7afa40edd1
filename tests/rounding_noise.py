"""Another processor's rounding on this one: noise of a few units in the last place, for a whole test run.

`COHORTBOOK_TEST_NOISE=<seed> pytest tests/test_x.py` (see `conftest.py`) replaces functions of numpy, scipy.special and math
whose last digits depend on the processor (its SIMD and FMA, its BLAS, its libm) by ones whose results are off by up to four
units in the last place; an exact 0 of linear algebra or a sum becomes 1e-17 now and then, as cancellation makes it. Sums and
linear algebra say something else at every call, as they do where it matters how numbers lie in memory; the rest depends on the
seed and on what goes in alone. What every processor gets right stays right: square roots, whole numbers and their sums,
running sums (added one by one).
"""

import functools
import itertools
import math
import zlib

import numpy as np

LINEAR_ALGEBRA = ("inv", "solve", "cholesky", "eigvalsh", "eigh", "eigvals", "slogdet", "det", "lstsq", "qr", "svd", "pinv")
SUMS = ("einsum", "mean", "std", "var", "sum", "dot", "prod", "average", "matmul", "trapezoid", "cov")
ELEMENTWISE = ("exp", "expm1", "log", "log1p", "log2", "log10", "power", "sin", "cos", "tanh", "logaddexp")
SPECIAL = (
    "gammaln",
    "expit",
    "logit",
    "xlogy",
    "ndtr",
    "ndtri",
    "log_ndtr",
    "stdtr",
    "fdtrc",
    "chdtrc",
    "chdtr",
    "betainc",
    "betaincinv",
    "gammainc",
    "gammaincc",
    "erf",
    "erfc",
    "logsumexp",
    "binom",
    "betaln",
    "comb",
)
MATH = ("exp", "expm1", "log", "log1p", "log2", "log10", "lgamma", "gamma", "erf", "erfc", "sin", "cos")


def disturb(seed: int) -> None:
    """Replace the functions, in every module that calls them by attribute, for the rest of the process."""
    # These keep the functions that they find when they are imported, and want them to be numpy's own.
    import lifelines  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    import scipy.special
    import scipy.stats
    import statsmodels.api  # noqa: F401

    for place, names, kind in (
        (np.linalg, LINEAR_ALGEBRA, "algebra"),
        (np, SUMS, "sum"),
        (np, ELEMENTWISE, "each"),
        (scipy.special, SPECIAL, "each"),
        (math, MATH, "each"),
    ):
        for name in names:
            setattr(place, name, _Noisy(getattr(place, name), kind, seed))


class _Noisy:
    """A function whose results are a few units in the last place off; its other attributes are what they were."""

    def __init__(self, exact, kind: str, seed: int) -> None:
        self._exact, self._kind, self._seed, self._calls = exact, kind, seed, itertools.count()
        functools.update_wrapper(self, exact, updated=())

    def __getattr__(self, name):
        return getattr(self._exact, name)

    def __call__(self, *args, **options):
        found = self._exact(*args, **options)
        if "out" in options or any(isinstance(given, np.ndarray) and given.dtype == object for given in args):
            return found
        salt = self._seed
        if self._kind != "each":  # the order of the terms of a sum matters, an exponential is that of its number alone
            given = [np.asarray(one, dtype=float) for one in args if _is_numbers(one)]
            if self._kind == "sum" and all((one == np.rint(one)).all() for one in given):
                return found
            salt = zlib.crc32(next(self._calls).to_bytes(8, "little"), salt)
        return self._noisy(found, salt)

    def _noisy(self, found, salt: int):
        if isinstance(found, tuple):
            parts = [self._noisy(part, salt) for part in found]
            return type(found)(*parts) if hasattr(found, "_fields") else type(found)(parts)
        if type(found) not in (float, np.float64, np.ndarray) or np.asarray(found).dtype != float:
            return found
        values = np.array(found, dtype=float)
        bits = values.view(np.uint64) if values.ndim else np.array(values.item()).view(np.uint64)
        place = np.arange(values.size, dtype=np.uint64).reshape(values.shape) if self._kind == "algebra" else np.uint64(0)
        with np.errstate(over="ignore"):
            drawn = (bits ^ np.uint64(salt)) + place * np.uint64(0x9E3779B97F4A7C15)
            for factor in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB):  # splitmix64
                drawn = (drawn ^ (drawn >> np.uint64(29))) * np.uint64(factor)
        ulps = (drawn >> np.uint64(40)) % np.uint64(9)
        with np.errstate(invalid="ignore", over="ignore"):
            moved = values + (ulps.astype(float) - 4) * np.spacing(np.abs(values))
        kept = ~np.isfinite(values)
        if self._kind == "each":
            kept |= values == np.rint(values)
        # Nothing but rounding is left where terms cancel: on another processor it is another nothing.
        cancels = self._kind == "algebra" or getattr(self._exact, "__name__", "") in ("sum", "mean", "dot")
        nothing = np.where(ulps < 3, 1e-17 * (ulps.astype(float) - 1), 0.0) if cancels else values
        moved = np.where(kept, values, np.where(values == 0, nothing, moved))
        return moved if isinstance(found, np.ndarray) else type(found)(moved)


def _is_numbers(given) -> bool:
    return isinstance(given, (int, float, list, tuple, np.ndarray)) and np.asarray(given).dtype.kind in "fiub"
