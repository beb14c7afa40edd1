"""How stable a selection is: repeated in resampled patients, and without each patient in turn."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from tallystats.regression.block_tests import removal_statistics, score_statistics
from tallystats.regression.design import Design, make_design
from tallystats.regression.logistic import fit_many
from tallystats.regression.selection import REMOVE, STOP, Selection, next_changes, starting_terms
from tallystats.results import Result, result
from tallystats.tally import Tally

#: As many numbers of tables by patterns are held at once.
HELD = 2_000_000


@result
class Stability(Result):
    """How often a selection, repeated, ends with which terms.

    Attributes
    ----------
    candidates, selected : tuple of str
        Of the selection itself.
    inclusion : tuple of float
        Share of usable resamples in which each candidate is selected.
    sets : tuple of (tuple of str, int)
        Each set of terms that resamples end with, and in how many they do, the most frequent first.
    resamples, unusable : int
        Resamples drawn, and those in which all, or no, patients have the outcome: nothing can be selected there.
    tied : int
        Usable resamples in which two terms had the same P somewhere, so that their order in the list decided.
    left_out : tuple of (tuple of str, int)
        Each set that the selection ends with when one patient is left out, and for how many patients.
    left_out_inclusion : tuple of float
        Share of patients without whom each candidate is selected.
    left_out_unusable : int
        Patients without whom nobody, or everybody, has the outcome.
    seed : int
    n, n_missing : int
    method, provenance : str
    """

    candidates: tuple[str, ...]
    selected: tuple[str, ...]
    inclusion: tuple[float, ...]
    sets: tuple[tuple[tuple[str, ...], int], ...]
    resamples: int
    unusable: int
    tied: int
    left_out: tuple[tuple[tuple[str, ...], int], ...]
    left_out_inclusion: tuple[float, ...]
    left_out_unusable: int
    seed: int
    n: int
    n_missing: int
    method: str
    provenance: str

    @property
    def usable(self) -> int:
        """Resamples in which the selection could be repeated."""
        return self.resamples - self.unusable

    @property
    def same(self) -> float:
        """Return the share of usable resamples that end with the terms of the selection itself; NaN without any."""
        return dict(self.sets).get(self.selected, 0) / self.usable if self.usable else float("nan")

    @property
    def changing(self) -> int:
        """Patients without any one of whom the selection ends with other terms, or cannot be made."""
        return self.n - dict(self.left_out).get(self.selected, 0)

    @property
    def frame(self) -> pd.DataFrame:
        """One row a candidate: `estimate` is its share of resamples, `std_error` that of the simulation."""
        share = np.array(self.inclusion, float)
        error = np.sqrt(share * (1 - share) / self.usable) if self.usable else share
        return pd.DataFrame(
            {
                "term": self.candidates,
                "estimate": share,
                "std_error": error,
                "selected": [term in self.selected for term in self.candidates],
                "left_out": self.left_out_inclusion,
                "n": self.n,
                "resamples": self.usable,
                "method": self.method,
            }
        )

    @property
    def set_frame(self) -> pd.DataFrame:
        """One row a set of terms: resamples, and patients left out, with which the selection ends with it."""
        drawn, left = dict(self.sets), dict(self.left_out)
        rows = [
            {
                "terms": list(terms),
                "resamples": drawn.get(terms, 0),
                "left_out": left.get(terms, 0),
                "selected": terms == self.selected,
            }
            for terms in dict.fromkeys([*drawn, *left])
        ]
        return pd.DataFrame(rows, columns=["terms", "resamples", "left_out", "selected"])


def selection_stability(
    tally: Tally, selection: Selection, *, resamples: int = 500, seed: int = 1, on_progress: Callable[[int], None] | None = None
) -> Stability:
    """Repeat a selection in bootstrap samples of the patients, and without each patient in turn.

    Parameters
    ----------
    tally : Tally
        What the selection was made from.
    selection : Selection
        Its rules are repeated in full: entry, removal, listwise deletion over all candidates.
    resamples : int
        Bootstrap samples, each of as many patients as are complete.
    seed : int
        Of numpy's default generator.
    on_progress : callable
        Called with the number of tables that were done.

    Returns
    -------
    Stability

    Raises
    ------
    ValueError
        When `resamples` is below 1, or the selection entered all candidates without selecting.

    Notes
    -----
    Complete patients are drawn with replacement: the counts of the patterns are multinomial, so a resample costs what its
    patterns cost. All are selected in step: those that stand at the same model are fitted together. Levels that a
    resample lacks are left out of it, as SPSS would. A term's inclusion frequency is no probability that it is
    "true" [1]_; sets are told beside, as correlated terms stand in for each other. In R: sample rows with
    ``sample(n, replace = TRUE)`` and select again.

    References
    ----------
    .. [1] Heinze G, Wallisch C, Dunkler D. Variable selection - a review and recommendations for the practicing
       statistician. Biom J 2018; 60: 431-449.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.regression.selection import select_terms
    >>> from tallystats.tally import Tally
    >>> cells = pd.DataFrame({"old": [False, False, True, True] * 2, "tall": [False] * 4 + [True] * 4,
    ...                       "died": [False, True] * 4, "n": [20, 5, 10, 15, 18, 4, 9, 13]})
    >>> found = select_terms(Tally(cells), outcome="died", candidates=["old", "tall"])
    >>> stable = selection_stability(Tally(cells), found, resamples=200)
    >>> [round(share, 1) for share in stable.inclusion], stable.left_out, stable.changing
    ([1.0, 0.1], ((('old',), 94),), 0)
    """
    if resamples < 1:
        raise ValueError(f"resamples: {resamples!r}; expected at least 1")
    if selection.method == "enter":
        raise ValueError("selection: its method is 'enter', which selects nothing; expected 'forward' or 'backward'")
    design = make_design(tally, outcome=selection.outcome, terms=selection.candidates, keep_determined=True)
    drawn = resampled_counts(design, resamples, seed)
    present = np.flatnonzero(design.n)
    without = np.repeat(design.n[None, :], len(present), axis=0)
    without[np.arange(len(present)), present] -= 1
    chosen: list[tuple[tuple[str, ...] | None, bool]] = []
    for counts in (drawn, without):
        for part in chunks(counts):
            chosen += select_many(design, part, selection)
            if on_progress:
                on_progress(len(part))
    again, left = chosen[:resamples], chosen[resamples:]
    sets = Counter(terms for terms, _ in again if terms is not None)
    leaving: Counter = Counter()
    for (terms, _), n in zip(left, design.n[present].astype(int).tolist(), strict=True):
        leaving[terms] += n
    lost = leaving.pop(None, 0)
    usable = sum(sets.values())

    def share(counted: Counter, total: int) -> tuple[float, ...]:
        return tuple(
            sum(n for terms, n in counted.items() if term in terms) / total if total else float("nan")
            for term in selection.candidates
        )

    return Stability(
        candidates=selection.candidates,
        selected=selection.selected,
        inclusion=share(sets, usable),
        sets=_ordered(sets),
        resamples=resamples,
        unusable=resamples - usable,
        tied=sum(tied for terms, tied in again if terms is not None),
        left_out=_ordered(leaving),
        left_out_inclusion=share(leaving, design.total - lost),
        left_out_unusable=lost,
        seed=seed,
        n=design.total,
        n_missing=design.n_missing,
        method=f"{selection.method} selection repeated in {resamples} bootstrap samples, seed {seed}",
        provenance=tally.provenance,
    )


def _ordered(counted: Counter) -> tuple[tuple[tuple[str, ...], int], ...]:
    """Return sets with their counts, the most frequent first, then the smaller one, then by name."""
    return tuple(sorted(counted.items(), key=lambda item: (-item[1], len(item[0]), item[0])))


def resampled_counts(design: Design, resamples: int, seed: int) -> np.ndarray:
    """Draw bootstrap samples of the complete patients: counts of the patterns, one row a sample."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(design.total, design.n / design.total, size=resamples).astype(float)


def chunks(counts: np.ndarray) -> Iterator[np.ndarray]:
    """Cut many tables into parts that fit into memory."""
    size = max(1, HELD // max(1, counts.shape[1]) // 20)
    for start in range(0, len(counts), size):
        yield counts[start : start + size]


def live_columns(design: Design, counts: np.ndarray) -> np.ndarray:
    """Say which columns vary in each table of counts, shape (tables, columns); the intercept's always lives.

    Where a table has nobody at a term's reference, the first of its levels that it has takes that place.
    """
    there = counts > 0
    low = np.where(there[:, :, None], design.x[None], np.inf).min(axis=1)
    high = np.where(there[:, :, None], design.x[None], -np.inf).max(axis=1)
    live = low < high
    live[:, 0] = True
    for block in design.blocks.values():
        if len(block) > 1:
            total = design.x[:, list(block)].sum(axis=1)
            nobody = np.where(there, total, np.inf).min(axis=1) == 1  # everybody is at one of the other levels
            first = np.array(block)[live[:, list(block)].argmax(axis=1)]
            live[nobody, first[nobody]] = False
    return live


def select_many(design: Design, counts: np.ndarray, rules: Selection) -> list[tuple[tuple[str, ...] | None, bool]]:
    """Repeat a selection in many tables of counts, in step: those at the same model are fitted together.

    Returns
    -------
    list of (tuple of str or None, bool)
        For each table the terms that it ends with, in the order of the candidates (None where the outcome is the same
        in all), and whether two terms were tied on the way.
    """
    x, y = design.x, design.y
    order = [term for term in rules.candidates if term in design.blocks]
    live = live_columns(design, counts)
    events, totals = counts @ y, counts.sum(axis=1)
    limits = {"max_iterations": rules.max_iterations, "tolerance": rules.tolerance}

    def blocks(table: int) -> dict[str, list[int]]:
        return {term: [k for k in design.blocks[term] if live[table, k]] for term in order}

    inside: list[tuple[str, ...] | None] = [None] * len(counts)
    going = [int(b) for b in np.flatnonzero((events > 0) & (events < totals))]
    for b in going:
        inside[b] = starting_terms(x, y, counts[b], {t: k for t, k in blocks(b).items() if k}, method=rules.method)
    seen = [{inside[b]} for b in range(len(counts))]
    tied = np.zeros(len(counts), bool)
    while going:
        groups: dict[tuple, list[int]] = defaultdict(list)
        for b in going:
            groups[inside[b], live[b].tobytes()].append(b)
        going = []
        for (terms, _), members in groups.items():
            columns = blocks(members[0])
            here = [0, *(k for term in terms for k in columns[term])]
            table = counts[members]
            fit = fit_many(x[:, here], y, table, **limits)
            beyond = [term for term in order if term not in terms]
            out, into = [columns[t] for t in terms], [columns[t] for t in beyond]
            leave = removal_statistics(x, y, table, fit, here, out, method=rules.removal_test, **limits)
            enter = score_statistics(x, y, table, fit, here, into)
            actions, which, same = next_changes(
                leave, [len(k) or 1 for k in out], enter, [len(k) or 1 for k in into], entry=rules.entry, removal=rules.removal
            )
            tied[members] |= same.sum(axis=1) > 1
            for b, action, at in zip(members, actions.tolist(), which.tolist(), strict=True):
                if action == STOP:
                    continue
                change = terms[at] if action == REMOVE else beyond[at]
                inside[b] = tuple(term for term in order if (term in terms) != (term == change))
                if inside[b] not in seen[b]:
                    seen[b].add(inside[b])
                    going.append(b)
    return list(zip(inside, tied.tolist(), strict=True))
