"""How much better a model looks in the patients that it was made from than it is: Harrell's bootstrap."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from tallystats.regression.design import Design, make_design
from tallystats.regression.logistic import BCON, ITERATE, fit_many
from tallystats.regression.performance import delong, pseudo_r2, recalibration
from tallystats.regression.selection import Selection
from tallystats.regression.stability import chunks, live_columns, resampled_counts, select_many
from tallystats.results import NAN, Result, result
from tallystats.tally import Tally
from tallystats.tolerance import settled

MEASURES = ("c_statistic", "nagelkerke", "brier", "intercept", "slope")


@result
class Optimism(Result):
    """Measures of a model's performance, corrected for its having been fitted to the same patients.

    Attributes
    ----------
    measures : tuple of str
        `c_statistic, nagelkerke, brier, intercept, slope`: the last two of the recalibration of its log odds.
    apparent : tuple of float
        In the patients that the model was fitted to.
    training, test : tuple of float
        Mean over the resamples: of the model made anew, in its resample and in the patients themselves.
    used : tuple of int
        Resamples in which each measure is defined.
    resamples, unusable : int
        Drawn, and those in which all, or no, patients have the outcome, or nothing could be fitted.
    empty : int
        Usable resamples in which the selection kept nothing: everybody gets the rate there.
    selected_anew : bool
        Whether the selection was repeated in every resample, as it must be to count.
    terms : tuple of str
        Of the model itself.
    """

    measures: tuple[str, ...]
    apparent: tuple[float, ...]
    training: tuple[float, ...]
    test: tuple[float, ...]
    used: tuple[int, ...]
    resamples: int
    unusable: int
    empty: int
    selected_anew: bool
    terms: tuple[str, ...]
    seed: int
    n: int
    n_missing: int
    method: str
    provenance: str

    @property
    def optimism(self) -> tuple[float, ...]:
        """Return by how much each measure is too good: its mean in the resamples less that in the patients."""
        return tuple(a - b for a, b in zip(self.training, self.test, strict=True))

    @property
    def corrected(self) -> tuple[float, ...]:
        """Return the apparent measures less their optimism."""
        return tuple(a - o for a, o in zip(self.apparent, self.optimism, strict=True))

    def of(self, measure: str) -> float:
        """Return the corrected value of one measure."""
        return self.corrected[self.measures.index(measure)]

    @property
    def frame(self) -> pd.DataFrame:
        """One row a measure; `estimate` is the corrected one."""
        return pd.DataFrame(
            {
                "term": self.measures,
                "estimate": self.corrected,
                "apparent": self.apparent,
                "training": self.training,
                "test": self.test,
                "optimism": self.optimism,
                "n": self.n,
                "resamples": self.used,
                "method": self.method,
            }
        )


def bootstrap_optimism(
    tally: Tally,
    *,
    outcome: str,
    terms: Sequence[str] = (),
    selection: Selection | None = None,
    resamples: int = 200,
    seed: int = 1,
    max_iterations: int = ITERATE,
    tolerance: float = BCON,
    on_progress: Callable[[int], None] | None = None,
) -> Optimism:
    """Correct a logistic model's performance for optimism by Harrell's bootstrap.

    Parameters
    ----------
    tally : Tally
        Patterns of the outcome and all terms; patients who lack any are left out and counted.
    outcome : str
        A boolean column.
    terms : sequence of str
        Of the model, when nothing is selected.
    selection : Selection, optional
        The model is the one that it ends with, and every resample selects anew by its rules.
    resamples : int
    seed : int
        Of numpy's default generator.
    max_iterations, tolerance
        Newton's limits of every fit; a selection brings its own.
    on_progress : callable, optional
        Called with the number of resamples that were done.

    Returns
    -------
    Optimism
        A measure that no resample defines is NaN.

    Raises
    ------
    ValueError
        When `resamples` is below 1; both `terms` and `selection` are given, or neither; as `fit_logistic`.

    Notes
    -----
    The model is made anew in each resample and measured there (training) and in the patients themselves (test); the mean
    difference is its optimism, taken off the apparent measure [1]_. R: ``rms::validate(lrm(...), B = resamples)``, whose
    Dxy is 2 c - 1, and whose R2 in the patients themselves is likewise that of the recalibrated log odds. Terms or
    levels that do not vary in a resample are left out there.

    References
    ----------
    .. [1] Harrell FE, Lee KL, Mark DB. Multivariable prognostic models: issues in developing models, evaluating
       assumptions and adequacy, and measuring and reducing errors. Stat Med 1996; 15: 361-387.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cells = pd.DataFrame({"old": [False, False, True, True] * 2, "tall": [False] * 4 + [True] * 4,
    ...                       "died": [False, True] * 4, "n": [20, 5, 10, 15, 18, 4, 9, 13]})
    >>> found = bootstrap_optimism(Tally(cells), outcome="died", terms=["old", "tall"])
    >>> round(found.apparent[0], 3), found.of("c_statistic") < found.apparent[0], found.of("slope") < 1
    (0.715, True, True)
    """
    if resamples < 1:
        raise ValueError(f"resamples: {resamples!r}; expected at least 1")
    if bool(terms) == (selection is not None):
        raise ValueError("terms, selection: expected exactly one of them")
    everything = selection.candidates if selection else tuple(terms)
    design = make_design(tally, outcome=outcome, terms=everything, keep_determined=selection is not None)
    if design.events in (0, design.total):
        raise ValueError(f"outcome: {outcome!r} is the same in all {design.total} complete patients; expected both values")
    limits = {"max_iterations": max_iterations, "tolerance": tolerance}
    if selection:
        limits = {"max_iterations": selection.max_iterations, "tolerance": selection.tolerance}
    chosen = selection.selected if selection else tuple(design.blocks)
    (apparent,) = measures(design, design.n[None, :], *_fit(design, design.n[None, :], [chosen], limits), own=True).tolist()
    training, test, empty = [], [], 0
    for part in chunks(resampled_counts(design, resamples, seed)):
        events, totals = part @ design.y, part.sum(axis=1)
        if selection:
            models = [kept for kept, _ in select_many(design, part, selection)]
        else:
            models = [chosen if 0 < e < t else None for e, t in zip(events, totals, strict=True)]
        there = [k for k, kept in enumerate(models) if kept is not None]
        counts = part[there]
        odds, reached = _fit(design, counts, [models[k] for k in there], limits)
        empty += sum(not models[k] for k in there)
        training.append(measures(design, counts, odds, reached, own=True))
        test.append(measures(design, np.repeat(design.n[None, :], len(there), axis=0), odds, reached, own=False))
        if on_progress:
            on_progress(len(part))
    inside, outside = np.vstack(training), np.vstack(test)
    both = ~np.isnan(inside) & ~np.isnan(outside)
    used = both.sum(axis=0)
    with np.errstate(invalid="ignore"):
        means = [np.where(both, rows, 0.0).sum(axis=0) / used for rows in (inside, outside)]
    return Optimism(
        measures=MEASURES,
        apparent=tuple(apparent),
        training=tuple(means[0].tolist()),
        test=tuple(means[1].tolist()),
        used=tuple(used.tolist()),
        resamples=resamples,
        unusable=resamples - len(inside),
        empty=empty,
        selected_anew=selection is not None,
        terms=chosen,
        seed=seed,
        n=design.total,
        n_missing=design.n_missing,
        method=f"bootstrap optimism, {resamples} resamples, seed {seed}",
        provenance=tally.provenance,
    )


def _fit(design: Design, counts: np.ndarray, models: Sequence[tuple[str, ...]], limits: dict) -> tuple[np.ndarray, np.ndarray]:
    """Fit a model to each table of counts: the log odds that it gives each pattern, and its log-likelihood there."""
    live = live_columns(design, counts)
    odds, reached = np.full(counts.shape, NAN), np.full(len(counts), NAN)
    groups: dict[tuple, list[int]] = defaultdict(list)
    for row, terms in enumerate(models):
        groups[tuple(k for k in design.positions(terms) if live[row, k])].append(row)
    for here, rows in groups.items():
        x = design.x[:, list(here)]
        fit = fit_many(x, design.y, counts[rows], **limits)
        odds[rows], reached[rows] = fit.coefficients @ x.T, fit.log_likelihood
    return odds, reached


def measures(design: Design, counts: np.ndarray, odds: np.ndarray, reached: np.ndarray, *, own: bool) -> np.ndarray:
    """Measure log odds in tables of counts: `MEASURES`, one row a table; NaN where log odds, or a measure, are.

    Parameters
    ----------
    counts, odds : numpy.ndarray, shape (tables, patterns)
    reached : numpy.ndarray, shape (tables,)
        Log-likelihood of each model in its own table.
    own : bool
        Whether these are the tables that the models were fitted to: the recalibration is then 0 and 1, and R2 the model's.
    """
    from scipy.special import expit

    y, total, events = design.y, counts.sum(axis=1), counts @ design.y
    odds = np.array([settled(row) for row in odds])  # one pattern's log odds are the same with the outcome and without
    found = np.full((len(counts), len(MEASURES)), NAN)
    with np.errstate(all="ignore"):
        null = events * np.log(events / total) + (total - events) * np.log1p(-events / total)
        found[:, 2] = (counts * (y - expit(odds)) ** 2).sum(axis=1) / total
    high, low = (np.where(counts > 0, signed, -np.inf).max(axis=1) for signed in (odds, -odds))
    flat = high + low == 0  # the rate for everybody: nothing to recalibrate
    for row in np.flatnonzero(~np.isnan(odds[:, 0])):
        values = odds[row]
        order = np.argsort(values, kind="stable")
        n = counts[row][order]
        found[row, 0] = 0.5 if flat[row] else delong(values[order], n * y[order], n * (1 - y[order]))[0]
    if own:
        found[:, 3], found[:, 4] = 0.0, 1.0
    else:
        found[:, 3], found[:, 4] = recalibration(odds, y, counts)
        again = np.where(y == 1, -1, 1) * (found[:, 3:4] + found[:, 4:5] * odds)
        with np.errstate(invalid="ignore"):
            reached = -(counts * np.logaddexp(0, again)).sum(axis=1)
    found[:, 1] = pseudo_r2(reached, null, total)[1]
    found[flat, 1] = 0.0
    found[flat, 3:] = NAN
    found[np.isnan(odds[:, 0])] = NAN
    return found
