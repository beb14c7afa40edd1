"""Joint counts of binary terms under which a printed regression table comes out."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from cohortbook.errors import CohortbookError

if TYPE_CHECKING:
    from cohortbook.published import Figure

#: More joint tables than this are not enumerated.
LIMIT = 200_000


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
            if any(done and spare > high - low for done, spare, (low, high) in
                   zip(last_chance, after, margins, strict=True)):  # fmt: skip
                continue
            for rest in spread(k + 1, left - n, after):
                yield {ordered[k]: n, **rest}

    for table in spread(0, size, tuple(high for _, high in margins)):
        yield tuple(table[pattern] for pattern in patterns)


def joint_counts(
    sizes: Sequence[int],
    margins: Sequence[Sequence[tuple[int, int]]],
    printed: Sequence[Sequence[Figure]],
    max_iterations: int,
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Find every joint table of the terms, with and without the outcome, that prints the P values of a model.

    Parameters
    ----------
    sizes : sequence of int
        Patients with and without the outcome.
    margins : sequence
        Least and most patients who show each term, with and without the outcome.
    printed : sequence of sequence of Figure
        The printed Wald P of each term, as often as it is printed; none for a term whose P is not.
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
    import numpy as np

    from cohortbook.logistic import fit_many
    from cohortbook.published import prints_as

    halves = [
        list(itertools.islice(tables_with_margins(size, given), LIMIT + 1))
        for size, given in zip(sizes, margins, strict=True)
    ]
    if math.prod(map(len, halves)) > LIMIT:
        terms = ", ".join(dict.fromkeys(figure.variable for figures in printed for figure in figures))
        raise CohortbookError(
            f"more than {LIMIT:,} joint tables of {terms} have the printed counts; "
            "print the counts of each term in both groups to narrow them"
        )
    tables = list(itertools.product(*halves))
    if not tables:
        return []
    patterns = np.array(list(itertools.product((0, 1), repeat=len(printed))), float)
    design = np.vstack([patterns, patterns])
    design = np.hstack([np.ones((len(design), 1)), design])
    outcome = np.repeat([1.0, 0.0], len(patterns))
    counts = np.array([(*with_it, *without) for with_it, without in tables], float)
    p_values = fit_many(design, outcome, counts, max_iterations=max_iterations).p_values[:, 1:]
    return [
        table
        for table, row in zip(tables, p_values, strict=True)
        if all(prints_as(figure, p) for figures, p in zip(printed, row, strict=True) for figure in figures)
    ]
