"""The exact test of Fisher, Freeman and Halton of a table of any size, by network or by random tables."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tallystats.results import NAN
from tallystats.statistics.counts import cross_tabulate
from tallystats.statistics.several_groups import SeveralGroupsTest, several_result
from tallystats.statistics.two_groups import undefined
from tallystats.tally import Tally
from tallystats.tolerance import SAME, TIE

#: Steps that an exact P takes, at most: a second or two.
MOST_STEPS = 20_000_000
#: Random tables past that, and the confidence of the interval of their P, as SPSS has them.
DRAWS = 10_000
LEVEL = 0.99
SEED = 2_000_000


def fisher_freeman_halton(
    tally: Tally, variable: str, by: str, *, most_steps: int = MOST_STEPS, draws: int = DRAWS, seed: int = SEED
) -> SeveralGroupsTest:
    """Test two variables of any number of levels for independence by the exact test of Fisher, Freeman and Halton.

    Parameters
    ----------
    tally : Tally
        Holds both columns. Patients who lack either value are left out and counted.
    variable, by : str
        Columns of any number of levels; empty ones do not count.
    most_steps : int
        What the exact computation may take; past it, P is estimated from random tables of the same margins.
    draws : int
        How many of these; 0: none, and P is NaN with a `reason`.
    seed : int
        Of their chance, so that P is the same on every run.

    Returns
    -------
    SeveralGroupsTest
        P alone, the test has no statistic. Of random tables, `draws` tells how many, `p_low` and `p_high` are the limits
        of the exact 99 % interval.

    Raises
    ------
    ValueError
        If a column is not there.

    Notes
    -----
    P sums the tables of the same margins that are no more probable than the one seen [1]_. R: ``fisher.test(table)``; of
    random tables, P is (1 + k) / (1 + draws), as R's ``simulate.p.value = TRUE``. SPSS: CROSSTABS /METHOD=EXACT or MC,
    "Fisher-Freeman-Halton Exact Test"; its seed is 2000000 too, but its generator is another.

    References
    ----------
    .. [1] Freeman GH, Halton JH. Note on an exact treatment of contingency, goodness of fit and other problems of
       significance. Biometrika 1951; 38: 141-149.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cells = pd.DataFrame({"grade": list("AABBCC") + ["A", "B", "C"], "stage": list("IJIJIJKKK"),
    ...                       "n": [3, 1, 0, 4, 2, 2, 0, 1, 5]})
    >>> round(fisher_freeman_halton(Tally(cells), "grade", "stage").p_value, 4)
    0.048
    """
    table = cross_tabulate(tally, variable, by)
    reason = undefined(table)
    method = "Fisher-Freeman-Halton exact"
    if reason:
        return several_result(method, table, reason)
    cells = tuple(map(tuple, table.used.tolist()))
    p_value = exact_p_value(cells, most_steps)
    if p_value == p_value:
        return several_result(method, table, None, p_value=p_value)
    if not draws:
        return several_result(method, table, f"an exact P would take more than {most_steps} steps")
    p_value, low, high = random_p_value(table.used, draws, seed)
    return several_result(
        "Fisher-Freeman-Halton, random tables", table, None, p_value=p_value, p_low=low, p_high=high, draws=draws
    )


@lru_cache(maxsize=256)
def exact_p_value(cells: tuple[tuple[int, ...], ...], most_steps: int = MOST_STEPS) -> float:
    """Return P of the exact test for the counts of a table without empty rows and columns; NaN past so many steps.

    The lines of the longer side are dealt one after another. What can follow depends on the totals that are left alone, in
    any order: tables that leave the same, and are as probable so far, are carried on together. Where all that can follow
    are no more probable than the table seen, their sum is known; where none is, they are dropped.
    """
    from scipy import special

    lines = cells if len(cells) >= len(cells[0]) else tuple(zip(*cells, strict=True))
    totals = np.sort([sum(column) for column in zip(*lines, strict=True)])
    sizes = sorted(map(sum, lines), reverse=True)
    log = special.gammaln(np.arange(totals.sum() + 1) + 1.0)
    # A table weighs the product of 1 / cell!; all tables of some margins together, N! / (rows! columns!).
    seen = -sum(log[cell] for line in lines for cell in line)
    everything = log[totals.sum()] - log[totals].sum() - log[sizes].sum()
    nodes, weights, tables = totals[None, :], np.zeros(1), np.ones(1)
    inside, steps = 0.0, 0
    for at, size in enumerate(sizes):
        left = np.array(sizes[at + 1 :])
        starts = np.flatnonzero(np.r_[True, (nodes[1:] != nodes[:-1]).any(axis=1)])
        kept = []
        for first, last in zip(starts, np.r_[starts[1:], len(nodes)], strict=True):
            rest, here = _deals(nodes[first], size, log)
            steps += len(rest) * (last - first + 20) + 2000  # with what the bounds and a round of the loop take
            if steps > most_steps:
                return NAN
            here = here[:, None] + weights[first:last]
            most, least, total = (bound[:, None] for bound in _ends(rest, left, log))
            done = here + most <= seen + TIE
            inside += float((np.where(done, np.exp(here + total - everything), 0.0) @ tables[first:last]).sum())
            deal, old = np.nonzero(~done & (here + least <= seen + TIE))
            kept.append((rest[deal], here[deal, old], tables[first:last][old]))
        nodes, weights, tables = _merged(*(np.concatenate(parts) for parts in zip(*kept, strict=True)))
        if not len(nodes):
            break
    return min(inside, 1.0)


def _deals(node: np.ndarray, size: int, log: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what every way to deal a line of `size` leaves of the totals, ascending, and the weight of the line."""
    deals, dealt = np.zeros((1, 0), dtype=np.int64), np.zeros(1, dtype=np.int64)
    behind = node[::-1].cumsum()[::-1]
    for total, after in zip(node, [*behind[1:], 0], strict=True):
        low, high = np.maximum(0, size - dealt - after), np.minimum(total, size - dealt)
        ways = high - low + 1
        at = np.repeat(np.arange(len(deals)), ways)
        k = np.arange(len(at)) - np.repeat(ways.cumsum() - ways, ways) + low[at]
        deals, dealt = np.column_stack([deals[at], k]), dealt[at] + k
    return np.sort(node - deals, axis=1), -log[deals].sum(axis=1)


def _ends(rest: np.ndarray, left: np.ndarray, log: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return bounds of the largest and the smallest weight of what can follow, and of all of it together."""
    if len(left) < 2:
        only = -log[rest].sum(axis=1)
        return only, only, only
    # A line weighs most when it is dealt evenly, least when it fills the largest totals one by one.
    even, more = np.divmod(rest, len(left))
    by_totals = -((len(left) - more) * log[even] + more * log[even + (more > 0)]).sum(axis=1)
    even, more = np.divmod(left, rest.shape[1])
    by_lines = -((rest.shape[1] - more) * log[even] + more * log[even + (more > 0)]).sum()
    filled, remaining = np.zeros(len(rest)), rest.copy()
    for size in left:
        part = np.minimum(remaining, size)
        filled += log[part].sum(axis=1)
        remaining -= part
    fullest, remaining = np.zeros(len(rest)), np.repeat(left[None, :], len(rest), axis=0)
    for total in rest.T[::-1]:
        part = np.minimum(remaining, total[:, None])
        fullest += log[part].sum(axis=1)
        remaining = remaining - part
    total = log[left.sum()] - log[rest].sum(axis=1) - log[left].sum()
    return np.minimum(by_totals, by_lines), -np.minimum(filled, fullest), total


def _merged(nodes: np.ndarray, weights: np.ndarray, tables: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Put together, in order, what leaves the same and weighs the same."""
    if not len(nodes):
        return nodes, weights, tables
    order = np.lexsort([weights, *nodes.T[::-1]])
    nodes, weights, tables = nodes[order], weights[order], tables[order]
    apart = (nodes[1:] != nodes[:-1]).any(axis=1) | (np.diff(weights) > SAME)
    first = np.flatnonzero(np.r_[True, apart])
    return nodes[first], weights[first], np.add.reduceat(tables, first)


def random_p_value(counts: np.ndarray, draws: int, seed: int) -> tuple[float, float, float]:
    """Estimate P of the exact test from random tables of the same margins; return it with its 99 % interval."""
    from scipy import special, stats

    log = special.gammaln(np.arange(counts.sum() + 1) + 1.0)
    tables = stats.random_table(counts.sum(axis=1), counts.sum(axis=0), seed=np.random.default_rng(seed))
    weights = -log[tables.rvs(draws).astype(np.int64)].sum(axis=(1, 2))
    inside = int((weights <= -log[counts].sum() + TIE).sum())
    tail = (1 - LEVEL) / 2
    low = float(stats.beta.ppf(tail, inside, draws - inside + 1)) if inside else 0.0
    high = float(stats.beta.isf(tail, inside + 1, draws - inside)) if inside < draws else 1.0
    return (1 + inside) / (1 + draws), low, high
