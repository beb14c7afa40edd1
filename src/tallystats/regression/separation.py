"""Separation: whether the covariates tell the outcome so well that its likelihood has no finite maximum."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from tallystats.regression.design import Design, complete_patterns, make_design
from tallystats.results import Result, result
from tallystats.statistics.counts import coded, is_numeric
from tallystats.tally import Tally

#: Above the tolerance to which the linear programmes keep their constraints, of columns with standard deviation 1.
FEASIBLE = 1e-6


@result
class Margin:
    """The outcome among patients who share the values of one term, or of several.

    Attributes
    ----------
    terms, levels : tuple of str
        The terms, and the level of each; of a number alone no level: its range with the outcome and without stands instead.
    events, n : int
        Patients with the outcome, and all.
    with_it, without : tuple of float or None
        Of a number: least and greatest value with the outcome, and without; None where there is nobody.
    told : bool
        The values tell the outcome: everybody has it, or nobody.
    """

    terms: tuple[str, ...]
    levels: tuple[str, ...]
    events: int
    n: int
    with_it: tuple[float, float] | None = None
    without: tuple[float, float] | None = None
    told: bool = False

    def words(self, outcome: str, labels: Mapping[str, str]) -> str:
        """Say what it shows: `cement = no: 0 of 51 with failed`; of a number, its ranges."""
        names = [labels.get(term, term) for term in self.terms]
        if self.levels:
            where = ", ".join(f"{name} = {level}" for name, level in zip(names, self.levels, strict=True))
            return f"{where}: {self.events} of {self.n} with {outcome}"
        return f"{names[0]}: {span(self.with_it)} with {outcome}, {span(self.without)} without"


def span(ends: tuple[float, float] | None) -> str:
    """Say a range in words.

    Examples
    --------
    >>> span((1.0, 3.5)), span((2.0, 2.0)), span(None)
    ('1 to 3.5', '2', 'nobody')
    """
    return "nobody" if ends is None else f"{ends[0]:g}" if ends[0] == ends[1] else f"{ends[0]:g} to {ends[1]:g}"


@result
class Separation(Result):
    """Whether covariates separate the outcome, so that likelihood has no finite maximum.

    Attributes
    ----------
    kind : {"none", "quasi-complete", "complete"}
    directions : dict
        Column -> +1 or -1, the sign of its infinite estimate.
    outcome : str
    n_told : int
        Patients whose outcome a combination of the terms tells.
    margins : tuple of Margin
        Each term's levels, or a number's ranges, whether they separate or not.
    combined : tuple of Margin
        Combinations of values that tell an outcome which no term tells alone.
    provenance : str
    """

    kind: str
    directions: dict[str, int]
    outcome: str
    n_told: int
    margins: tuple[Margin, ...]
    combined: tuple[Margin, ...]
    provenance: str

    @property
    def separating(self) -> tuple[Margin, ...]:
        """What separates: the values, of one term or of several, at which everybody, or nobody, has the outcome."""
        return (*(margin for margin in self.margins if margin.told), *self.combined) if self.directions else ()

    @property
    def cells(self) -> tuple[str, ...]:
        """What separates, in words."""
        return tuple(margin.words(self.outcome, {}) for margin in self.separating)

    @property
    def frame(self) -> pd.DataFrame:
        """One row a level, a number, or a combination that separates: `term, level, events, n, told, direction, kind`.

        `direction` is the sign of the infinite estimate of the level's column, or of the term that has one; else 0.
        """
        rows = [
            {
                "term": ", ".join(m.terms),
                "level": ", ".join(m.levels),
                "events": m.events,
                "n": m.n,
                "told": m.told,
                "with_it": span(m.with_it) if not m.levels else "",
                "without": span(m.without) if not m.levels else "",
                "direction": self.direction(m),
                "kind": self.kind,
            }
            for m in (*self.margins, *self.combined)
        ]
        return pd.DataFrame(rows)

    def direction(self, margin: Margin) -> int:
        """Return the sign of the infinite estimate that belongs to a level, or to a number; 0 where it is finite."""
        if len(margin.terms) > 1:
            return 0
        column = margin.terms[0] if margin.levels in ((), ("yes",)) else f"{margin.terms[0]}: {margin.levels[0]}"
        return self.directions.get(column, 0)


def detect_separation(tally: Tally, *, outcome: str, terms: Sequence[str]) -> Separation:
    """Decide by linear programming whether the terms separate the outcome.

    Parameters
    ----------
    tally, outcome, terms
        As for `fit_logistic`.

    Returns
    -------
    Separation
        `complete` when a combination of the terms tells every patient's outcome, `quasi-complete` when one tells some
        patients' and errs for none.

    Notes
    -----
    Two linear programmes, after Konis [1]_, in b with s = (2y - 1) x'b >= 0 for every pattern, x with columns
    standardised. The first maximises the sum of min(s, 1): as b may grow, every pattern that any b tells apart reaches 1,
    and any such pattern is separation. The second finds the b of -1 <= b <= 1 that tells all of them by the widest margin:
    estimates with b other than 0 are infinite, with its sign. Konis maximises the sum of s over -1 <= b <= 1, which
    decides the same, but does not find every infinite estimate: its b may leave out a pattern, and a column, to gain on
    others. Some data allow an infinite estimate of either sign; the widest margin's is then given.
    R: ``detectseparation::detect_separation`` (Konis's programme). SPSS stops with a warning or after its last iteration.

    References
    ----------
    .. [1] Konis K. Linear programming algorithms for detecting separated data in binary logistic regression models.
       DPhil thesis, University of Oxford, 2007.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cells = pd.DataFrame({"cement": [False, True, True], "failed": [False, False, True], "n": [51, 18, 3]})
    >>> found = detect_separation(Tally(cells), outcome="failed", terms=["cement"])
    >>> found.kind, found.directions, found.cells
    ('quasi-complete', {'intercept': -1, 'cement': 1}, ('cement = no: 0 of 51 with failed',))
    """
    design = make_design(tally, outcome=outcome, terms=terms)
    kind, directions, told = separated_columns(design)
    names = ("intercept", *design.columns)
    complete = complete_patterns(tally, [outcome, *terms])
    margins = tuple(margin for term in dict.fromkeys(terms) for margin in _margins(complete, term, design))
    alone = np.zeros(len(told), bool)
    for margin in margins:
        if margin.told:
            alone |= _values(complete, margin.terms[0]) == margin.levels[0] if margin.levels else True
    infinite = [term for term, at in design.blocks.items() if set(at) & set(directions)]
    return Separation(
        kind=kind,
        directions={names[k]: sign for k, sign in directions.items()},
        outcome=outcome,
        n_told=int(design.n[told].sum()),
        margins=margins,
        combined=_combined(complete, infinite, design, told & ~alone),
        provenance=tally.provenance,
    )


def separated_columns(design: Design) -> tuple[str, dict[int, int], np.ndarray]:
    """Return the kind of separation, the signs of infinite estimates, and which patterns' outcomes are told."""
    from scipy import sparse
    from scipy.optimize import linprog

    # The programme's tolerances are absolute: years, or days since an epoch, would drown what separates in them.
    centre, spread = design.x.mean(axis=0), design.x.std(axis=0)
    centre[0], spread[0] = 0.0, 1.0
    signed = (design.x - centre) / spread * np.where(design.y == 1, 1.0, -1.0)[:, None]
    patterns, width = signed.shape
    apart = linprog(
        [*[0.0] * width, *[-1.0] * patterns],
        A_ub=sparse.hstack([-signed, sparse.eye_array(patterns)]),
        b_ub=np.zeros(patterns),
        bounds=[*[(-1 / FEASIBLE, 1 / FEASIBLE)] * width, *[(0, 1)] * patterns],
        method="highs",
    )
    if apart.status != 0:
        raise ArithmeticError(f"separation was not decided: {apart.message}")
    told = apart.x[width:] > 0.5
    if not told.any():
        return "none", {}, told
    margin = linprog(
        [*[0.0] * width, -1.0],
        A_ub=np.column_stack([-signed, told]),
        b_ub=np.zeros(patterns),
        bounds=[*[(-1, 1)] * width, (0, 1)],
        method="highs",
    )
    if margin.status != 0:
        raise ArithmeticError(f"the direction of separation was not found: {margin.message}")
    direction = margin.x[:-1]
    shift = direction * centre / spread
    infinite = {k: int(np.sign(b)) for k, b in enumerate(direction) if k and abs(b) > FEASIBLE}
    intercept = direction[0] - shift.sum()  # of the columns as they were
    if abs(intercept) > FEASIBLE * (1 + np.abs(shift).sum()):
        infinite = {0: int(np.sign(intercept)), **infinite}
    return ("complete" if told.all() else "quasi-complete"), infinite, told


def _margins(complete: Tally, term: str, design: Design) -> list[Margin]:
    """Count the outcome at each level of a term in use, or find a number's range with it and without."""
    if not is_numeric(complete, term):
        values, found = _values(complete, term), []
        levels, codes = coded(complete, term, "terms")
        for level in [_word(level) for k, level in enumerate(levels) if (codes == k).any()]:
            at = values == level
            events, n = int(design.n[at & (design.y == 1)].sum()), int(design.n[at].sum())
            found.append(Margin(terms=(term,), levels=(level,), events=events, n=n, told=events in (0, n)))
        return found
    numbers = complete.frame[term].to_numpy(dtype=float)
    sides = [numbers[design.y == y] for y in (1, 0)]
    with_it, without = ((float(side.min()), float(side.max())) if len(side) else None for side in sides)
    apart = with_it and without and (with_it[0] >= without[1] or with_it[1] <= without[0]) and np.ptp(numbers) > 0
    return [
        Margin(
            terms=(term,), levels=(), events=design.events, n=design.total, with_it=with_it, without=without, told=bool(apart)
        )
    ]


def _combined(complete: Tally, terms: list[str], design: Design, told: np.ndarray) -> tuple[Margin, ...]:
    """Gather told patterns by their values of the terms that have infinite estimates."""
    counts: dict[tuple[str, ...], list[int]] = {}
    values = [_values(complete, term) for term in terms]
    for at in told.nonzero()[0]:
        both = counts.setdefault(tuple(column[at] for column in values), [0, 0])
        both[0] += int(design.n[at] * design.y[at])
        both[1] += int(design.n[at])
    return tuple(Margin(terms=tuple(terms), levels=key, events=events, n=n, told=True) for key, (events, n) in counts.items())


def _values(complete: Tally, term: str) -> np.ndarray:
    """Return each pattern's value of a term in words."""
    if is_numeric(complete, term):
        return np.array([f"{value:g}" for value in complete.frame[term]], dtype=object)
    levels, codes = coded(complete, term, "terms")
    return np.array([_word(levels[k]) for k in codes], dtype=object)


def _word(level: object) -> str:
    return {False: "no", True: "yes"}[level] if isinstance(level, bool) else str(level)
