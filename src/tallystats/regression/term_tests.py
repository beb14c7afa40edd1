"""Wald's, score and likelihood-ratio tests of a logistic model: of the whole of it, and of each term given the others."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pandas as pd

from tallystats.regression.design import make_design
from tallystats.regression.logistic import ITERATE, fit_many
from tallystats.regression.selection import BlockTest, removal_tests, score_tests
from tallystats.regression.separation import separated_columns
from tallystats.results import Result, result
from tallystats.tally import Tally

#: The name under which all terms are tested together.
WHOLE = "model"
#: Newton goes on until nothing moves; under separation it stops at the limit, the likelihood then being at its supremum.
STILL = 1e-10


@result
class TermTests(Result):
    """Tests of the whole model and of each of its terms given the others.

    Attributes
    ----------
    tests : tuple of BlockTest
        For `model` and each term one by `score`, `lr` and `wald`; undefined ones are NaN.
    separated : tuple of str
        Terms with an infinite estimate: Wald's test says nothing of them, likelihood ratio and score do.
    n, events, n_missing : int
    """

    tests: tuple[BlockTest, ...]
    separated: tuple[str, ...]
    n: int
    events: int
    n_missing: int
    provenance: str

    def p_value(self, term: str, method: str) -> float:
        """Return the P of a term, or of `model`, by `score`, `lr` or `wald`; NaN when there is none."""
        return next((t.p_value for t in self.tests if (t.term, t.method) == (term, method)), float("nan"))

    @property
    def frame(self) -> pd.DataFrame:
        """One row a term and method: `term, statistic, df, p_value, n, method`."""
        return pd.DataFrame([dataclasses.asdict(test) for test in self.tests]).assign(n=self.n)


def term_tests(tally: Tally, *, outcome: str, terms: Sequence[str], max_iterations: int = ITERATE) -> TermTests:
    """Test a logistic model, whole and term by term, in the three ways that maximum likelihood offers.

    Parameters
    ----------
    tally, outcome, terms
        As for `tallystats.regression.logistic.fit_logistic`.
    max_iterations : int
        Newton's steps after which a fit stops.

    Returns
    -------
    TermTests

    Raises
    ------
    ValueError
        When a column is not there, the outcome is not boolean or the same in all, or no patient is complete.

    Notes
    -----
    Likelihood ratio: twice the fall of the log-likelihood without the term. Score: Rao's, of the term at the estimates
    without it. Wald: b'V^-1 b of its columns. R: ``drop1(fit, test = "LRT")`` and ``test = "Rao"``. SPSS: "Omnibus Tests",
    "Variables not in the Equation", "Variables in the Equation". They agree in large samples; where an estimate is
    infinite, Wald's goes to 0 while the others stay [1]_.

    References
    ----------
    .. [1] Hauck WW, Donner A. Wald's test as applied to hypotheses in logit analysis. J Am Stat Assoc 1977; 72: 851-3.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cells = pd.DataFrame({"cement": [False, True, True], "failed": [False, False, True], "n": [51, 18, 3]})
    >>> found = term_tests(Tally(cells), outcome="failed", terms=["cement"])
    >>> [round(found.p_value("cement", method), 4) for method in ("score", "lr", "wald")]
    [0.0058, 0.0055, 0.9972]
    """
    design = make_design(tally, outcome=outcome, terms=terms)
    if design.events in (0, design.total):
        raise ValueError(f"outcome: {outcome!r} is the same in all {design.total} complete patients; expected both values")
    limits = {"max_iterations": max_iterations, "tolerance": STILL}
    whole = dataclasses.replace(design, blocks={WHOLE: tuple(range(1, design.x.shape[1]))} if design.blocks else {})
    found: list[BlockTest] = []
    for part, blocks in ((whole, list(whole.blocks)), (design, list(design.blocks))):
        full = fit_many(part.x[:, part.positions(blocks)], part.y, part.n, **limits)
        for method in ("lr", "wald"):
            found += removal_tests(part, blocks, full, method=method, **limits)
        for term in blocks:
            others = [block for block in blocks if block != term]
            without = fit_many(part.x[:, part.positions(others)], part.y, part.n, **limits)
            found += score_tests(part, others, [term], without)
    _, directions, _ = separated_columns(design)
    return TermTests(
        tests=tuple(found),
        separated=tuple(t for t, at in design.blocks.items() if set(at) & set(directions)),
        n=design.total,
        events=design.events,
        n_missing=design.n_missing,
        provenance=tally.provenance,
    )
