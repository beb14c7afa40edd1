"""Counts that are hidden because they are small, and others that would reveal them."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Hashable, Mapping, Sequence

import numpy as np

Key = Hashable


def suppress(
    sizes: Sequence[int], counts: Mapping[Key, Collection[int]], below: int, *, fixed: Collection[Key] = ()
) -> frozenset[Key]:
    """Choose the counts to hide: every one from 1 to `below` - 1, and as few others as keep them from being computed.

    Parameters
    ----------
    sizes : sequence of int
        Patients in each cell; cells are disjoint.
    counts : mapping
        Name of a count that would be shown -> the cells that it adds up.
    below : int
        Counts of at least this size, and counts of nobody, may be shown.
    fixed : collection
        Names of counts that are shown whatever they are, such as the number of all patients.

    Returns
    -------
    frozenset
        Names of the hidden counts.

    Notes
    -----
    A reader knows the shown counts, what each adds up, that no count is negative, and that whatever is hidden counts
    somebody. A small count is safe when it may, for all that the reader knows, be as large as `below`: it is then neither
    determined nor known to be small, and so is what is hidden with it in sum. What each may be is found by integer
    programming. Of counts that make a small one safe the smallest is hidden; where no single one does, the first pair.
    This is secondary cell suppression as in [1]_, one small count after another, which need not be the fewest in all.

    References
    ----------
    .. [1] Hundepool A, Domingo-Ferrer J, Franconi L, et al. Statistical Disclosure Control. Chichester: Wiley, 2012,
       chapter 4.

    Examples
    --------
    >>> levels = {"mild": [0], "moderate": [1], "severe": [2], "all": [0, 1, 2]}
    >>> sorted(suppress([40, 12, 3], levels, 5, fixed=["all"]))
    ['moderate', 'severe']
    """
    values = {key: sum(sizes[i] for i in cells) for key, cells in counts.items()}
    order = {key: place for place, key in enumerate(counts)}
    hidden = {key for key, n in values.items() if 0 < n < below and key not in fixed}
    for key in sorted(hidden, key=lambda key: (values[key], order[key])):
        while greatest(sizes, counts, key, hidden) < below:
            shown = [other for other in counts if values[other] and other not in hidden and other not in fixed]
            shown.sort(key=lambda key: (values[key], order[key]))
            if not shown:
                break
            reach = {}
            for more in itertools.chain(itertools.combinations(shown, 1), itertools.combinations(shown, 2)):
                reach[more] = greatest(sizes, counts, key, hidden | set(more))
                if reach[more] >= below:
                    break
            hidden |= set(max(reach, key=reach.get))
    return frozenset(hidden)


def greatest(sizes: Sequence[int], counts: Mapping[Key, Collection[int]], key: Key, hidden: Collection[Key]) -> int:
    """Return the most that a hidden count may be, for all that the shown counts say."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    names = list(counts)
    # Cells that the same counts hold are one to the reader.
    members = {}
    for cell, size in enumerate(sizes):
        held = tuple(name for name in names if cell in counts[name])
        members[held] = members.get(held, 0) + size
    rows = np.array([[name in held for held in members] for name in names], float)
    values = rows @ np.array(list(members.values()), float)
    low = np.where([name in hidden for name in names], np.minimum(values, 1), values)
    high = np.where([name in hidden for name in names], np.inf, values)
    found = milp(
        -rows[names.index(key)],
        constraints=LinearConstraint(rows, low, high),
        integrality=np.ones(len(members)),
        bounds=Bounds(0, sum(sizes)),
    )
    return round(-found.fun)
