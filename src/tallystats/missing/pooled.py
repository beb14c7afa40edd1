"""Regressions fitted in every imputed data set and pooled by Rubin's rules."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd

from tallystats.missing.rubin import JointTest, Pooled, pool, pooled_terms
from tallystats.regression.design import make_design
from tallystats.regression.firth import firth_many
from tallystats.regression.logistic import EXACT_CHANGE, EXACT_ITERATIONS, fit_many
from tallystats.results import Result, UndefinedWarning, result
from tallystats.survival.cox import cox_regression
from tallystats.tally import Tally


@result
class PooledFit(Result):
    """A regression pooled over imputed data sets, or why there is none; one entry a column.

    Attributes
    ----------
    refused : str or None
        Why nothing was pooled; then there are no columns.
    terms : tuple of str
        The columns; of a logistic model the intercept first.
    pooled : Pooled or None
        Log odds or hazard ratios with Rubin's variances, degrees of freedom, fraction of missing information.
    joint : dict
        Term of more than one column -> pooled test of all of them.
    scale : str
        What the exponential of an estimate is: `odds_ratio` or `hazard_ratio`.
    n : int
        Patients of each data set.
    events : tuple of (int, int)
        Fewest and most events of a data set.
    """

    refused: str | None
    terms: tuple[str, ...] = ()
    pooled: Pooled | None = None
    joint: dict[str, JointTest]
    scale: str
    n: int
    events: tuple[int, int]
    method: str
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a column, in the tidy vocabulary; an entry `term (joint)` for each test of several columns."""
        if self.pooled is None:
            return pd.DataFrame([{"refused": self.refused, "n": self.n}])
        names = {
            "estimate": "estimates",
            "std_error": "std_errors",
            "statistic": "statistics",
            "p_value": "p_values",
            "conf_low": "conf_low",
            "conf_high": "conf_high",
            "within": "within",
            "between": "between",
            "df": "df",
            "missing_information": "missing_information",
            "simulation_error": "simulation_errors",
        }
        frame = pd.DataFrame({"term": self.terms, **{key: getattr(self.pooled, name) for key, name in names.items()}})
        ratios = np.exp(frame[["estimate", "conf_low", "conf_high"]].astype(float))
        frame[[self.scale, f"{self.scale}_low", f"{self.scale}_high"]] = ratios
        tests = [
            {"term": f"{term} (joint)", "statistic": test.statistic, "df": test.df_denominator, "p_value": test.p_value}
            for term, test in self.joint.items()
        ]
        if tests:
            frame = pd.concat([frame, pd.DataFrame(tests)], ignore_index=True)
        return frame.assign(n=self.n, method=self.method)


def pooled_logistic(
    tallies: Sequence[Tally], *, outcome: str, terms: Sequence[str], confidence_level: float = 0.95
) -> PooledFit:
    """Fit a logistic model in each imputed data set and pool it.

    Parameters
    ----------
    tallies : sequence of Tally
        Imputed data sets: patterns of the outcome and the terms.
    outcome, terms
        As for `tallystats.regression.logistic.fit_logistic`.
    confidence_level : float

    Returns
    -------
    PooledFit
        By maximum likelihood; by Firth's penalised likelihood where the terms separate the outcome in one of the data
        sets, as infinite estimates have no mean (`method` says which). Refused when the outcome is the same in all.

    Notes
    -----
    Intervals and P are Wald's, with Rubin's variance: profiles of likelihoods do not pool by these rules. Degrees of freedom
    of complete data: patients less parameters. R: ``mice::pool(with(imputed, glm(..., family = binomial)))``.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cells = pd.DataFrame({"old": [False, False, True, True], "died": [False, True] * 2})
    >>> sets = [Tally(cells.assign(n=n)) for n in ([20, 5, 10, 15], [19, 6, 11, 14], [21, 4, 10, 15])]
    >>> fit = pooled_logistic(sets, outcome="died", terms=["old"])
    >>> fit.frame["odds_ratio"].round(3).tolist(), round(fit.pooled.p_values[1], 4)
    ([0.247, 5.753], 0.0348)
    """
    together, counts = _stacked(tallies, [outcome, *terms])
    design = make_design(together, outcome=outcome, terms=terms)
    complete = together.frame[[outcome, *terms]].notna().all(axis=1).to_numpy()
    counts = counts[:, complete]
    events = counts @ design.y
    sizes = counts.sum(axis=1)
    known = {
        "scale": "odds_ratio",
        "n": int(sizes[0]),
        "events": (int(events.min()), int(events.max())),
        "provenance": together.provenance,
    }
    if (events == 0).any() or (events == sizes).any():
        return PooledFit(
            refused=f"{outcome} is the same in all patients of an imputed data set",
            joint={},
            method="maximum likelihood",
            **known,
        )
    with np.errstate(all="ignore"):
        fits = fit_many(design.x, design.y, counts, max_iterations=EXACT_ITERATIONS, tolerance=EXACT_CHANGE)
    estimates, covariances = fits.coefficients, fits.covariance
    method = "maximum likelihood"
    if not fits.converged.all() or not np.isfinite(covariances).all():
        estimates, covariances, converged = firth_many(design.x, design.y, counts)
        method = "Firth's penalised likelihood"
        if not converged.all():
            return PooledFit(refused="the fit did not converge in an imputed data set", joint={}, method=method, **known)
    return _pooled(
        ("intercept", *design.columns),
        design.blocks,
        estimates,
        covariances,
        known["n"] - design.x.shape[1],
        method,
        confidence_level,
        known,
    )


def _stacked(tallies: Sequence[Tally], columns: Sequence[str]) -> tuple[Tally, np.ndarray]:
    """Return the patterns of all data sets, and how many patients of each data set show them."""
    columns = list(dict.fromkeys(columns))
    both = pd.concat([tally.frame[[*columns, "n"]].assign(set=k) for k, tally in enumerate(tallies)], ignore_index=True)
    both = both[both["n"] > 0]
    groups = both.groupby(columns, dropna=False, observed=True, sort=True)
    frame = groups["n"].sum().reset_index().astype({name: both[name].dtype for name in [*columns, "n"]})
    counts = np.zeros((len(tallies), len(frame)))
    np.add.at(counts, (both["set"].to_numpy(), groups.ngroup().to_numpy()), both["n"].to_numpy())
    return Tally(frame, tallies[0].provenance), counts


def _pooled(
    names: Sequence[str],
    blocks: dict,
    estimates: np.ndarray,
    covariances: np.ndarray,
    df: float,
    method: str,
    confidence_level: float,
    known: dict,
) -> PooledFit:
    df = max(float(df), 1.0)
    variances = np.diagonal(covariances, axis1=1, axis2=2)
    return PooledFit(
        refused=None,
        terms=tuple(names),
        pooled=pool(estimates, variances, df_complete=df, confidence_level=confidence_level),
        joint=pooled_terms(blocks, estimates, covariances, df_complete=df),
        method=f"{method} in {len(estimates)} imputed data sets, pooled by Rubin's rules",
        **known,
    )


def pooled_cox(
    tallies: Sequence[Tally],
    *,
    time: str,
    event: str,
    terms: Sequence[str],
    entry: str | float | None = None,
    confidence_level: float = 0.95,
) -> PooledFit:
    """Fit a Cox model in each imputed data set and pool it.

    Parameters
    ----------
    tallies : sequence of Tally
        Imputed data sets: patterns of time, event, entry and terms.
    time, event, terms, entry
        As for `tallystats.survival.cox.cox_regression`.
    confidence_level : float

    Returns
    -------
    PooledFit
        Refused where the model is refused in one of the data sets, with its reason.

    Notes
    -----
    Efron's ties; degrees of freedom of complete data: events less parameters, as R's ``mice::pool`` takes them of
    ``coxph``.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"days": [5.0, 8, 12, 20, 3, 4, 9, 10, 15, 30], "died": [True] * 3 + [False] + [True] * 6,
    ...                      "cement": [False] * 5 + [True] * 5})
    >>> other = rows.assign(cement=[True] + [False] * 4 + [True] * 5)
    >>> fit = pooled_cox([Tally.from_rows(one) for one in (rows, other)], time="days", event="died", terms=["cement"])
    >>> fit.frame["hazard_ratio"].round(3).tolist(), fit.pooled.imputations
    ([0.891], 2)
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedWarning)  # tests of proportional hazards are not pooled
        fits = [cox_regression(one, time=time, event=event, terms=terms, entry=entry) for one in tallies]
    known = {
        "scale": "hazard_ratio",
        "n": fits[0].n,
        "provenance": tallies[0].provenance,
        "events": (min(fit.events for fit in fits), max(fit.events for fit in fits)),
    }
    method = "Cox regression (Efron's ties)"
    if refused := next((fit.refused for fit in fits if fit.refused), None):
        return PooledFit(refused=f"in an imputed data set, {refused}", joint={}, method=method, **known)
    names = fits[0].terms
    if any(fit.terms != names for fit in fits):
        return PooledFit(refused="the imputed data sets do not have the same columns", joint={}, method=method, **known)
    blocks: dict[str, list[int]] = {}
    for k, name in enumerate(names):
        blocks.setdefault(next(t for t in terms if name == t or name.startswith(f"{t}: ")), []).append(k)
    return _pooled(
        names,
        blocks,
        np.array([fit.estimates for fit in fits]),
        np.array([fit.covariance for fit in fits]),
        fits[0].events - len(names),
        method,
        confidence_level,
        known,
    )
