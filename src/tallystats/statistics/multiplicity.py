"""P values adjusted for their number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from tallystats.results import Result, result
from tallystats.tolerance import SAME


@result
class AdjustedPValues(Result):
    """P values and the same adjusted for their number; `n_tests` counts those that are defined."""

    p_values: tuple[float, ...]
    adjusted: tuple[float, ...]
    method: str
    n_tests: int

    @property
    def frame(self) -> pd.DataFrame:
        """One row a P value, in the order given: `p_value`, `p_adjusted`, `method`, `n_tests`."""
        columns = {"p_value": self.p_values, "p_adjusted": self.adjusted}
        return pd.DataFrame(columns, dtype=float).assign(method=self.method, n_tests=self.n_tests)


def adjust_p_values(
    p_values: Sequence[float], *, method: Literal["bonferroni", "holm", "benjamini-hochberg"] = "bonferroni"
) -> AdjustedPValues:
    """Adjust P values for multiple testing.

    Parameters
    ----------
    p_values : sequence of float
        Between 0 and 1; NaN stands for an undefined test, which stays NaN and does not count.
    method : {"bonferroni", "holm", "benjamini-hochberg"}
        The first two hold the chance of any false finding, the last the expected share of false findings.

    Returns
    -------
    AdjustedPValues
        In the order given.

    Raises
    ------
    ValueError
        If a value is not between 0 and 1, or the method is unknown.

    Notes
    -----
    By statsmodels. R: ``p.adjust(p, "bonferroni" | "holm" | "BH")``, which leaves NA out of the count too [1]_.

    References
    ----------
    .. [1] Benjamini Y, Hochberg Y. Controlling the false discovery rate. J R Stat Soc B 1995; 57: 289-300.

    Examples
    --------
    >>> result = adjust_p_values([0.01, float("nan"), 0.04], method="holm")
    >>> result.adjusted, result.n_tests
    ((0.02, nan, 0.04), 2)
    """
    names = {"bonferroni": "bonferroni", "holm": "holm", "benjamini-hochberg": "fdr_bh"}
    if method not in names:
        raise ValueError(f"method: {method!r}; expected one of {', '.join(names)}")
    values = np.array(p_values, dtype=float)
    defined = ~np.isnan(values)
    values[(values > 1) & (values <= 1 + SAME)] = 1.0  # what rounding makes of twice a half
    if ((values[defined] < 0) | (values[defined] > 1)).any():
        raise ValueError(f"p_values: {list(p_values)!r}; expected numbers between 0 and 1, or NaN")
    adjusted = values.copy()
    if defined.any():
        from statsmodels.stats.multitest import multipletests

        adjusted[defined] = multipletests(values[defined], method=names[method])[1]
    return AdjustedPValues(
        p_values=tuple(values.tolist()), adjusted=tuple(adjusted.tolist()), method=method, n_tests=int(defined.sum())
    )
