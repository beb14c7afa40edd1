"""Multiple imputation by chained equations: every missing value drawn from what the other variables say of it.

statsmodels has `MICEData`, but it matches predicted means for every kind of variable, so that levels without an order cannot
be imputed, its matching takes the drawn parameters on both sides, and its pooling knows no degrees of freedom; scikit-learn's
imputer makes one data set. Hence these, held to simulations in benchmarks/missing_data.py.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from tallystats.missing.conditional import DONORS, draw_levels, draw_numbers
from tallystats.regression.design import Design
from tallystats.regression.separation import separated_columns
from tallystats.results import result
from tallystats.statistics.counts import coded, is_numeric
from tallystats.tally import Tally

#: Patients who must have a value of a variable before its missing values are drawn from theirs.
LEAST = 10


class ImputationError(ValueError):
    """Values that cannot be imputed, and why."""


@result(kw_only=False)
class Passive:
    """A variable that others determine: made again from their imputed values.

    Attributes
    ----------
    parents : tuple of str
    make : callable
        Takes a frame of the parents, one row a patient, none missing; returns the variable.
    """

    parents: tuple[str, ...]
    make: Callable[[pd.DataFrame], pd.Series]


@result(eq=False)
class Imputation:
    """Several data sets without a missing value.

    Attributes
    ----------
    tallies : tuple of Tally
        One an imputed data set: the wanted columns, none missing.
    methods : dict
        Imputed variable -> how, in words.
    n_missing : dict
        Imputed variable -> how many values were drawn, in each data set.
    separated : dict
        Imputed variable -> its levels that the others tell perfectly, so that an augmentation decides how surely they are
        drawn.
    chain_means : dict
        Imputed variable -> mean of its drawn values (of levels: their places), shape (imputations, iterations). Chains that
        mix show no trend and cross each other.
    n, incomplete : int
        Patients, and those of them who lack a value.
    iterations, seed : int
    """

    tallies: tuple[Tally, ...]
    methods: dict[str, str]
    n_missing: dict[str, int]
    separated: dict[str, tuple[str, ...]]
    chain_means: dict[str, np.ndarray]
    n: int
    incomplete: int
    iterations: int
    seed: int
    provenance: str


def impute(
    tally: Tally,
    *,
    wanted: Sequence[str] = (),
    passive: Mapping[str, Passive] | None = None,
    ordered: Sequence[str] = (),
    carried: Sequence[str] = (),
    imputations: int = 20,
    iterations: int = 10,
    seed: int = 1,
) -> Imputation:
    """Draw every missing value several times, by chained equations.

    Parameters
    ----------
    tally : Tally
        Patterns of all variables of the imputation model: numeric, boolean or categorical, any of them with missing values.
        It must hold the outcome and every variable of the analysis that follows.
    wanted : sequence of str
        Columns of the imputed tallies; default: all of `tally` and `passive`.
    passive : dict, optional
        Variables made from others. They help to impute what they are not made from.
    ordered : sequence of str
        Categorical columns whose order means something.
    carried : sequence of str
        Columns, none of them missing, that go with the patients and tell nothing: the time of survival, say, whose part in
        the imputation model a cumulative hazard takes.
    imputations, iterations : int
        How many data sets, and how many rounds through the variables before each.
    seed : int
        Of chance. The same tally, seed and numbers give the same values, whatever the order of the rows was.

    Returns
    -------
    Imputation
        With one and the same tally each time where nothing is missing.

    Raises
    ------
    ImputationError
        When fewer than 10 patients have a value of an incomplete variable, or no more than its regression has parameters.
    ValueError
        For fewer than two data sets, or no round.

    Notes
    -----
    Each incomplete variable in turn, the fewest missing first, is regressed on all others as they stand, and its missing
    values are drawn: numbers by predictive mean matching, two levels by logistic regression, more by a multinomial one or,
    in an order, by continuation ratios (`tallystats.missing.conditional`). Valid where the chance that a value is missing
    hangs on what is in the model alone ("missing at random"), which no data can tell [1]_.
    R: ``mice::mice(data, m, maxit = iterations)``, whose defaults are polyreg and polr for more levels.

    References
    ----------
    .. [1] White IR, Royston P, Wood AM. Multiple imputation using chained equations: issues and guidance for practice. Stat
       Med 2011; 30: 377-399.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"age": np.arange(40.0), "old": pd.array([False] * 20 + [True] * 20, dtype="boolean")})
    >>> rows.loc[[3, 33], "old"] = None
    >>> found = impute(Tally.from_rows(rows), imputations=5, seed=2)
    >>> found.n_missing, [tally.total for tally in found.tallies]
    ({'old': 2}, [40, 40, 40, 40, 40])
    """
    if imputations < 2 or iterations < 1:
        raise ValueError(f"imputations, iterations: {imputations!r}, {iterations!r}; expected at least 2 data sets and 1 round")
    passive = dict(passive or {})
    wanted = list(wanted) or [*tally.columns, *passive]
    data = _Data(tally, passive, ordered, carried)
    incomplete = int(data.frame.isna().any(axis=1).sum())
    data.require_enough()
    streams = np.random.SeedSequence(seed).spawn(imputations)
    chains = [_chain(data, iterations, np.random.default_rng(one), look=k == 0) for k, one in enumerate(streams)]
    return Imputation(
        tallies=tuple(Tally.from_rows(frame, wanted, tally.provenance) for frame, _, _ in chains),
        methods={name: data.method(name) for name in data.order},
        n_missing={name: int(data.missing[name].sum()) for name in data.order},
        separated=chains[0][2],
        chain_means={name: np.array([means[name] for _, means, _ in chains]) for name in data.order},
        n=tally.total,
        incomplete=incomplete,
        iterations=iterations,
        seed=seed,
        provenance=tally.provenance,
    )


class _Data:
    """One row a patient, in the order of the tally's patterns, coded once for all chains."""

    def __init__(self, tally: Tally, passive: Mapping[str, Passive], ordered: Sequence[str], carried: Sequence[str]) -> None:
        order = tally.frame.sort_values(tally.columns, kind="stable", ignore_index=True)
        rows = Tally(order, tally.provenance)
        self.frame, self.passive, self.ordered = rows.expand(), passive, set(ordered)
        self.each = order.index.repeat(order["n"])
        self.levels: dict[str, tuple] = {}
        self.values: dict[str, np.ndarray] = {}
        for name in [name for name in tally.columns if name not in carried]:
            if is_numeric(tally, name):
                self.values[name] = self.frame[name].to_numpy(dtype=float)
            else:
                self.levels[name], codes = coded(rows, name)
                self.values[name] = codes[self.each].astype(int)
        self.missing = {name: self.frame[name].isna().to_numpy() for name in tally.columns}
        self.order = sorted(
            (name for name in tally.columns if self.missing[name].any()), key=lambda name: int(self.missing[name].sum())
        )

    def method(self, name: str) -> str:
        """Say how a variable is imputed."""
        if name not in self.levels:
            return f"predictive mean matching ({DONORS} donors)"
        seen = len(set(self.values[name][~self.missing[name]].tolist()))
        if seen <= 2:
            return "logistic regression"
        return "continuation-ratio logistic regression" if name in self.ordered else "multinomial logistic regression"

    def require_enough(self) -> None:
        for name in self.order:
            seen = int((~self.missing[name]).sum())
            if seen < LEAST:
                raise ImputationError(
                    f"{name!r}: {seen} of {len(self.frame)} patients have a value; at least {LEAST} are needed to draw "
                    "the others from"
                )
            width = sum(self.coded(other, self.values).shape[1] for other in self.values if other != name)
            if seen < width + 2:
                raise ImputationError(
                    f"{name!r}: {seen} of {len(self.frame)} patients have a value; its regression on the other variables "
                    f"has {width + 1} parameters, and needs more patients than that"
                )

    def coded(self, name: str, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the columns of a variable: a number as it is, indicators of the levels that somebody has but the first."""
        if name not in self.levels:
            return values[name][:, None]
        seen = np.unique(self.values[name][~self.missing[name]])
        return (values[name][:, None] == seen[1:]).astype(float)

    def completed(self, values: Mapping[str, np.ndarray], names: Sequence[str]) -> pd.DataFrame:
        """Return columns as the tally holds them, with the values as they stand in a chain."""
        columns = {}
        for name in names:
            dtype = self.frame[name].dtype
            if not self.missing[name].any():
                columns[name] = self.frame[name]
            elif name not in self.levels:
                columns[name] = pd.Series(values[name], dtype=dtype)
            elif isinstance(dtype, pd.CategoricalDtype):
                columns[name] = pd.Series(pd.Categorical.from_codes(values[name], dtype=dtype))
            else:
                levels = np.array(self.levels[name], dtype=object)
                columns[name] = pd.Series(levels[values[name]], dtype=dtype)
        return pd.DataFrame(columns)


def _chain(
    data: _Data, iterations: int, rng: np.random.Generator, look: bool
) -> tuple[pd.DataFrame, dict[str, list[float]], dict[str, tuple[str, ...]]]:
    """Run one chain; return its data set, the means of what was drawn at each round and, if asked to look, what is told."""
    values = {name: column.copy() for name, column in data.values.items()}
    for name in data.order:
        missing = data.missing[name]
        values[name][missing] = rng.choice(values[name][~missing], missing.sum())
    columns = {name: data.coded(name, values) for name in values}
    made = {name: one.make(data.completed(values, one.parents)) for name, one in data.passive.items()}
    columns |= {name: _indicators(series) for name, series in made.items()}
    means: dict[str, list[float]] = {name: [] for name in data.order}
    separated: dict[str, tuple[str, ...]] = {}
    for iteration in range(iterations):
        for name in data.order:
            missing = data.missing[name]
            others = [
                column
                for other, column in columns.items()
                if other != name and name not in getattr(data.passive.get(other), "parents", ())
            ]
            x = _standardised(others, len(missing))
            if name in data.levels:
                drawn = draw_levels(x, values[name], missing, rng, ordered=name in data.ordered)
                if look and iteration == iterations - 1:
                    told = _told(x[~missing], values[name][~missing])
                    separated |= {name: tuple(_word(data.levels[name][code]) for code in told)} if told else {}
            else:
                drawn = draw_numbers(x, values[name], missing, rng)
            values[name][missing] = drawn
            means[name].append(float(drawn.mean()))
            columns[name] = data.coded(name, values)
            for other, one in data.passive.items():
                if name in one.parents:
                    made[other] = one.make(data.completed(values, one.parents))
                    columns[other] = _indicators(made[other])
    frame = data.completed(values, list(data.missing))
    return pd.concat([frame, pd.DataFrame(made)], axis=1), means, separated


def _word(level: object) -> str:
    return {True: "yes", False: "no"}.get(level, str(level)) if isinstance(level, bool) else str(level)


def _indicators(series: pd.Series) -> np.ndarray:
    """Code a variable that others determine; what the rule leaves open (a value in no band) is a level of its own."""
    if isinstance(series.dtype, pd.CategoricalDtype) or pd.api.types.is_bool_dtype(series.dtype):
        codes = pd.factorize(series, sort=True, use_na_sentinel=True)[0]
        return (codes[:, None] == np.unique(codes)[1:]).astype(float)
    return series.to_numpy(dtype=float)[:, None]


def _standardised(columns: Sequence[np.ndarray], rows: int) -> np.ndarray:
    """Put columns side by side, mean 0 and standard deviation 1, without those that are constant."""
    x = np.column_stack([np.zeros((rows, 0)), *columns])
    x = x[:, np.ptp(x, axis=0) > 0] if x.size else x
    return (x - x.mean(axis=0)) / x.std(axis=0)


def _told(x: np.ndarray, codes: np.ndarray) -> list[int]:
    """Return the levels that the columns tell, in some patients, without an error."""
    levels = np.unique(codes)
    found = []
    for level in levels[1:] if len(levels) == 2 else levels if len(levels) > 2 else []:
        design = Design(
            x=np.column_stack([np.ones(len(x)), x]),
            y=(codes == level).astype(float),
            n=np.ones(len(x)),
            blocks={},
            columns=(),
            dropped={},
            n_missing=0,
        )
        with contextlib.suppress(ArithmeticError):  # a warning that cannot be decided is not given
            if separated_columns(design)[0] != "none":
                found.append(int(level))
    return found
