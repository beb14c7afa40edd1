"""What fitted models have in common: their coefficients, one entry a column, and the tidy frame of these."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd

from tallystats.results import NAN, OneRow, result

#: The fields that are the frame's columns, there in the singular.
COLUMNS = ("terms", "estimates", "std_errors", "statistics", "p_values", "conf_low", "conf_high")


@result
class Coefficients(OneRow):
    """The coefficients of a model; where the model was refused, every tuple is empty.

    Attributes
    ----------
    terms : tuple of str
        The columns: a term, or `term: level` against the first level; `intercept` is the first where there is one.
    estimates, std_errors, statistics, p_values, conf_low, conf_high : tuple of float
        One a column, NaN where undefined: the estimate, its standard error, the test that it is 0, its interval.
    confidence_level : float
    dropped : dict
        Term or column -> why it is not in the model.
    n, n_missing : int
        Complete patients, and those left out for a missing value.
    method, provenance : str
    """

    #: What the exponentials are called ("": they mean nothing), further fields of one entry a column, and fields that the
    #: frame repeats in every row.
    RATIO: ClassVar[str] = ""
    FURTHER: ClassVar[tuple[str, ...]] = ()
    REPEATED: ClassVar[tuple[str, ...]] = ("n", "method")

    terms: tuple[str, ...] = ()
    estimates: tuple[float, ...] = ()
    std_errors: tuple[float, ...] = ()
    statistics: tuple[float, ...] = ()
    p_values: tuple[float, ...] = ()
    conf_low: tuple[float, ...] = ()
    conf_high: tuple[float, ...] = ()
    confidence_level: float
    dropped: dict[str, str]
    n: int
    n_missing: int
    method: str
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a column, in the tidy vocabulary; beside logarithms of ratios their exponentials."""
        frame = pd.DataFrame({name.removesuffix("s"): getattr(self, name) for name in COLUMNS + self.FURTHER})
        if self.RATIO:
            with np.errstate(over="ignore"):
                ratios = np.exp(frame[["estimate", "conf_low", "conf_high"]].astype(float))
            frame[[self.RATIO, f"{self.RATIO}_low", f"{self.RATIO}_high"]] = ratios
        return frame.assign(**{name: getattr(self, name) for name in self.REPEATED})


@result
class EventModel(Coefficients):
    """The coefficients of a model of who has an event; `events` is how many of the complete patients have it."""

    RATIO: ClassVar[str] = "odds_ratio"
    REPEATED: ClassVar[tuple[str, ...]] = ("n", "events", "n_missing", "method")

    events: int

    def p_value(self, column: str) -> float:
        """Return the P of a column; NaN when it is not in the model."""
        return self.p_values[self.terms.index(column)] if column in self.terms else NAN
