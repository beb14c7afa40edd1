"""Joint counts of binary terms under which a printed regression table comes out."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from printcheck.printed.published import Figure, prints_as
from studyfile.errors import CohortbookError
from tallystats.regression.logistic import fit_many
from tallystats.tolerance import SAME

#: More joint tables than this are not enumerated.
LIMIT = 200_000
#: Standard errors from an estimate to an end of its 95 % interval.
_Z = 1.959963984540054
#: Pattern counts with and without the outcome, each in the order of `itertools.product((0, 1), repeat=terms)`.
Table = tuple[tuple[int, ...], tuple[int, ...]]


def tables_with_margins(size: int, margins: Sequence[tuple[int, int]]) -> Iterator[tuple[int, ...]]:
    """Yield every way to spread patients over the patterns of binary terms, given how many show each term.

    Parameters
    ----------
    size : int
        How many patients.
    margins : sequence of (int, int)
        Of each term, the least and the most patients who show it.

    Yields
    ------
    tuple of int
        Counts in the order of `itertools.product((0, 1), repeat=len(margins))`; they sum to `size`.
    """
    patterns = list(itertools.product((0, 1), repeat=len(margins)))
    # The pattern that shows nothing comes last: it takes whoever is left.
    ordered = sorted(patterns, key=sum, reverse=True)

    def spread(k: int, left: int, room: tuple[int, ...]) -> Iterator[dict]:
        if k == len(ordered) - 1:
            if all(high - low >= spare for spare, (low, high) in zip(room, margins, strict=True)):
                yield {ordered[k]: left}
            return
        most = min([left, *(spare for bit, spare in zip(ordered[k], room, strict=True) if bit)])
        last_chance = [not any(p[t] for p in ordered[k + 1 :]) for t in range(len(margins))]
        for n in range(most + 1):
            after = tuple(spare - n * bit for bit, spare in zip(ordered[k], room, strict=True))
            if any(done and spare > high - low for done, spare, (low, high) in zip(last_chance, after, margins, strict=True)):
                continue
            for rest in spread(k + 1, left - n, after):
                yield {ordered[k]: n, **rest}

    for table in spread(0, size, tuple(high for _, high in margins)):
        yield tuple(table[pattern] for pattern in patterns)


def joint_tables(sizes: Sequence[int], margins: Sequence[Sequence[tuple[int, int]]], terms: Sequence[str]) -> list[Table]:
    """List every joint table of binary terms, with and without the outcome, that has the printed margins.

    Parameters
    ----------
    sizes : sequence of int
        Patients with and without the outcome.
    margins : sequence
        Least and most patients who show each term, with and without the outcome.
    terms : sequence of str
        Names of the terms, for the message.

    Raises
    ------
    CohortbookError
        When the printed counts leave more tables than `LIMIT`.

    Examples
    --------
    Of two patients with the outcome and three without, one each shows the only term.

    >>> joint_tables((2, 3), [[(1, 1)], [(1, 1)]], ["cement"])
    [((1, 1), (2, 1))]
    """
    halves = [
        list(itertools.islice(tables_with_margins(size, given), LIMIT + 1)) for size, given in zip(sizes, margins, strict=True)
    ]
    if math.prod(map(len, halves)) > LIMIT:
        raise CohortbookError(
            f"more than {LIMIT:,} joint tables of {', '.join(terms)} have the printed counts; "
            "print the counts of each term in both groups to narrow them"
        )
    return list(itertools.product(*halves))


def design_of(terms: int) -> tuple[np.ndarray, np.ndarray]:
    """Return design and outcome of the patterns of so many binary terms: those with the outcome, then those without."""
    patterns = np.array(list(itertools.product((0, 1), repeat=terms)), float).reshape(2**terms, terms)
    design = np.hstack([np.ones((2 * len(patterns), 1)), np.vstack([patterns, patterns])])
    return design, np.repeat([1.0, 0.0], len(patterns))


def joint_counts(
    sizes: Sequence[int], margins: Sequence[Sequence[tuple[int, int]]], printed: Sequence[Sequence[Figure]], max_iterations: int
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Find every joint table of the terms, with and without the outcome, that prints a model.

    Parameters
    ----------
    sizes : sequence of int
        Patients with and without the outcome.
    margins : sequence
        Least and most patients who show each term, with and without the outcome.
    printed : sequence of sequence of Figure
        What is printed of each term: its Wald P, its odds ratio; none for a term of which nothing is.
    max_iterations : int
        Newton steps after which the program that printed them stops.

    Returns
    -------
    list of (tuple of int, tuple of int)
        Pattern counts with and without the outcome, as `tables_with_margins` orders them.

    Raises
    ------
    CohortbookError
        When the printed counts leave more tables than `LIMIT`.

    Notes
    -----
    Every table with the printed margins is fitted; none is skipped, so what is returned is all there is.
    """
    tables = joint_tables(sizes, margins, dict.fromkeys(figure.variable for figures in printed for figure in figures))
    if not tables:
        return []
    counts = np.array([(*with_it, *without) for with_it, without in tables], float)
    fit = fit_many(*design_of(len(printed)), counts, max_iterations=max_iterations)
    columns = (fit.coefficients[:, 1:], fit.std_errors[:, 1:], fit.p_values[:, 1:])
    return list(itertools.compress(tables, printing(printed, *columns)))


def printing(
    printed: Sequence[Sequence[Figure]], estimates: np.ndarray, std_errors: np.ndarray, p_values: np.ndarray
) -> np.ndarray:
    """Say of many fits whether each prints all that is printed of its terms: P, odds ratio, Wald's 95 % interval.

    Parameters
    ----------
    printed : sequence of sequence of Figure
        What is printed of each term.
    estimates, std_errors, p_values : numpy.ndarray, shape (fits, terms)

    Returns
    -------
    numpy.ndarray of bool, shape (fits,)
    """
    good = np.ones(len(estimates), bool)
    for k, figure in ((k, figure) for k, figures in enumerate(printed) for figure in figures):
        if figure.statistic == "p":
            good &= _prints(figure, p_values[:, k])
            continue
        with np.errstate(all="ignore"):
            for name, step in (("estimate", 0), ("low", -_Z), ("high", _Z)):
                if text := figure.parts.get(name):
                    good &= _prints(replace(figure, value=text), np.exp(estimates[:, k] + step * std_errors[:, k]))
    return good


def _prints(figure: Figure, values: np.ndarray) -> np.ndarray:
    """Say of many values whether each prints as a figure's does, as `printcheck.printed.published.prints_as` says of one."""
    # Most are far off, or far below a limit; what is near is decided exactly.
    near = unsure = np.isfinite(values)
    if figure.value[:1] == "<" and np.all(values[near] >= 0):
        limit = float(figure.value[1:])
        near = near & (values <= limit * (1 + SAME))
        unsure = near & (values >= limit * (1 - SAME))
    elif figure.value[:1].isdigit():
        near = unsure = near & (np.abs(values - float(figure.value)) <= 0.51 * 10.0**-figure.decimals)
    near[unsure] = [prints_as(figure, float(value)) for value in values[unsure]]
    return near
