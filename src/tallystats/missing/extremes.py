"""Best and worst cases: what a result would be if all, or none, of those with an unknown outcome had had it."""

from __future__ import annotations

import pandas as pd

from tallystats.results import Result, result
from tallystats.statistics.counts import coded, value_counts
from tallystats.statistics.describe import Proportion, proportion_interval
from tallystats.tally import Tally


def assume_outcome(tally: Tally, outcome: str, *, yes: bool, by: str = "", level: object = None) -> Tally:
    """Give everybody whose outcome is unknown the same one; with `by`, those at one level of it the other.

    Parameters
    ----------
    tally : Tally
        Holds the outcome, a boolean column, and `by`.
    outcome : str
    yes : bool
        The outcome that is supposed of them; with `by`, of those at `level`, and its opposite of all others.
    by : str
        Groups that are supposed to differ as much as they can.
    level : object
        A level of `by`.

    Returns
    -------
    Tally
        Those whose outcome is unknown and who lack `by` keep it unknown.

    Raises
    ------
    ValueError
        When a column is not there, the outcome is not boolean, or `by` has no such level.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"old": [True, False, True], "failed": pd.array([True, None, None], dtype="boolean")})
    >>> worst = assume_outcome(Tally.from_rows(rows), "failed", yes=True, by="old", level=True)
    >>> worst.frame.to_dict("list")
    {'old': [False, True], 'failed': [False, True], 'n': [1, 2]}
    """
    levels, codes = coded(tally, outcome, "outcome")
    if levels != (False, True):
        raise ValueError(f"outcome: {outcome!r} is of type {tally.frame[outcome].dtype}; expected boolean")
    filled = pd.Series(yes, index=tally.frame.index, dtype="boolean")
    if by:
        groups, at = coded(tally, by, "by")
        if level not in groups:
            raise ValueError(f"level: {level!r} is no level of {by!r}; expected one of {', '.join(map(str, groups))}")
        filled = filled.mask(at != groups.index(level), not yes).mask(at < 0)
    values = tally.frame[outcome].astype("boolean")
    frame = tally.frame.assign(**{outcome: values.where(codes >= 0, filled)})
    counts = frame.groupby(tally.columns, dropna=False, observed=True, sort=True)["n"].sum().reset_index()
    return type(tally)(counts.astype({**frame.dtypes}), tally.provenance)


@result
class ExtremeRates(Result):
    """A rate among those with a known outcome, and if none or all of the others had it.

    Attributes
    ----------
    observed, none, everybody : Proportion
    unknown : int
        Patients whose outcome is not known.
    """

    observed: Proportion
    none: Proportion
    everybody: Proportion
    unknown: int
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a case: `case` and the columns of a proportion."""
        cases = {"observed": self.observed, "none": self.none, "everybody": self.everybody}
        return pd.concat([one.frame.assign(case=name) for name, one in cases.items()], ignore_index=True)


def extreme_rates(
    tally: Tally, outcome: str, *, method: str = "clopper-pearson", confidence_level: float = 0.95
) -> ExtremeRates:
    """Bound a rate by its best and its worst case.

    Parameters
    ----------
    tally : Tally
    outcome : str
        A boolean column.
    method, confidence_level
        As for `tallystats.statistics.describe.proportion_interval`.

    Notes
    -----
    No assumption on why values are missing narrows these bounds; any that holds lies between them.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cells = pd.DataFrame({"failed": pd.array([False, True, None], dtype="boolean"), "n": [60, 3, 9]})
    >>> found = extreme_rates(Tally(cells), "failed")
    >>> [f"{one.events} of {one.total}" for one in (found.observed, found.none, found.everybody)]
    ['3 of 63', '3 of 72', '12 of 72']
    """
    levels, counts, unknown = value_counts(tally, outcome)
    if levels != (False, True):
        raise ValueError(f"outcome: {outcome!r} is of type {tally.frame[outcome].dtype}; expected boolean")
    events, total = int(counts[1]), int(counts.sum())
    options = {"method": method, "confidence_level": confidence_level, "provenance": tally.provenance}
    return ExtremeRates(
        observed=proportion_interval(events, total, **options),
        none=proportion_interval(events, total + unknown, **options),
        everybody=proportion_interval(events + unknown, total + unknown, **options),
        unknown=unknown,
        provenance=tally.provenance,
    )
