"""Selection of terms as SPSS's forward methods do it: entry by the score test, removal by Wald, LR or conditional."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cohortbook.regression.design import Design, make_design
from cohortbook.regression.logistic import (
    BCON,
    ITERATE,
    LogisticFit,
    ManyFits,
    _derivatives,
    fit_logistic,
    fit_many,
    log_likelihood,
)
from cohortbook.results import NAN, OneRow

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from cohortbook.tally import Tally

REMOVAL_TESTS = ("wald", "lr", "conditional")
#: The share of a column's information below which the model determines the column (SPSS: EPS).
REDUNDANT = 1e-8


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockTest:
    """A test of a whole term: score (to enter), or Wald, likelihood ratio, conditional (to remove)."""

    term: str
    statistic: float
    df: int
    p_value: float
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a selection.

    Attributes
    ----------
    number : int
    action : {"start", "enter", "remove", "stop"}
    term : str
        The term that entered or left.
    test : BlockTest or None
        The test by which it did.
    model : LogisticFit or None
        The model after the step; None with the intercept alone.
    inside, outside : tuple of BlockTest
        Tests for removal of the terms in the model, and for entry of the "variables not in the model".
    """

    number: int
    action: str
    term: str
    test: BlockTest | None
    model: LogisticFit | None
    inside: tuple[BlockTest, ...]
    outside: tuple[BlockTest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A forward selection: its rules, its steps, and the terms it ended with.

    Attributes
    ----------
    candidates, selected : tuple of str
    entry, removal : float
        P below which a term enters, and above which it leaves.
    removal_test : {"wald", "lr", "conditional"}
    steps : tuple of Step
    stopped : str
        Why it ended.
    dropped : dict
        Candidate, or a level's column -> why it could not be tested.
    n, n_missing : int
        Patients with all candidates (listwise deletion), and without.
    """

    candidates: tuple[str, ...]
    selected: tuple[str, ...]
    entry: float
    removal: float
    removal_test: str
    steps: tuple[Step, ...]
    stopped: str
    dropped: dict[str, str]
    n: int
    n_missing: int
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a test at a step: `step, action, term, where, statistic, df, p_value, method`."""
        import pandas as pd

        rows = [
            {"step": step.number, "action": step.action, "changed": step.term, "where": where, "term": test.term,
             "statistic": test.statistic, "df": test.df, "p_value": test.p_value, "method": test.method}
            for step in self.steps
            for where, tests in (("in the model", step.inside), ("not in the model", step.outside))
            for test in tests
        ]  # fmt: skip
        return pd.DataFrame(rows)

    _repr_html_ = OneRow._repr_html_


def score_tests(design: Design, inside: Sequence[str], candidates: Sequence[str], fit: ManyFits) -> list[BlockTest]:
    """Test whether terms outside a model would improve it, by Rao's score test.

    Parameters
    ----------
    design : Design
        Holds all terms.
    inside : sequence of str
        The terms of the model.
    candidates : sequence of str
        The terms tested, each as a block.
    fit : ManyFits
        The model's fit.

    Notes
    -----
    U'V^-1 U with U the score of the block at the model's estimates and V its information given the model; NaN for a
    block that the model determines, in whole or in part. R: ``anova(small, large, test = "Rao")``. SPSS: "Variables not
    in the Equation".
    """
    import numpy as np
    from scipy.stats import chi2

    here = design.positions(inside)
    beta = np.zeros((1, design.x.shape[1]))
    beta[0, here] = fit.coefficients[0]
    score, information = _derivatives(design.x, design.y, design.n[None, :], beta)
    score, information = score[0], information[0]
    found = []
    for term in candidates:
        block = list(design.blocks.get(term, ()))
        statistic = NAN
        if block:
            given = _given(information, block, here)
            # What is left of each column's information, beside what the intercept alone leaves of it.
            with np.errstate(all="ignore"):
                unit = np.sqrt(np.diag(_given(information, block, [0])))
                left = given / unit / unit[:, None]
            if np.isfinite(left).all() and np.linalg.eigvalsh(left)[0] > REDUNDANT:
                statistic = float(score[block] @ np.linalg.solve(given, score[block]))
        p = float(chi2.sf(statistic, len(block))) if block else NAN
        found.append(BlockTest(term=term, statistic=statistic, df=len(block), p_value=p, method="score"))
    return found


def _given(information: np.ndarray, block: list[int], others: list[int]) -> np.ndarray:
    """Return the information of a block of columns given others; NaN where that of the others is singular."""
    import numpy as np

    cross = information[np.ix_(others, block)]
    try:
        return information[np.ix_(block, block)] - cross.T @ np.linalg.solve(information[np.ix_(others, others)], cross)
    except np.linalg.LinAlgError:
        return np.full((len(block), len(block)), NAN)


def removal_tests(
    design: Design, inside: Sequence[str], fit: ManyFits, *, method: str, max_iterations: int = ITERATE,
    tolerance: float = BCON,
) -> list[BlockTest]:  # fmt: skip
    """Test each term of a model for removal.

    Parameters
    ----------
    design, inside, fit
        As for `score_tests`.
    method : {"wald", "lr", "conditional"}
        Wald's chi-square of the block; twice the fall of the log-likelihood when the model is fitted without it; or the
        fall at conditional estimates of the others, without fitting anew.

    Notes
    -----
    The conditional estimates are b1 - V12 V22^-1 b2, with b2 and V22 of the block, b1 of the other columns, and V the
    covariance at the model's estimates: where the others would go, were the likelihood quadratic, when b2 is set to 0
    [1]_. R: ``drop1(fit, test = "LRT")`` for "lr". SPSS: "Model if Term Removed".

    References
    ----------
    .. [1] Lawless JF, Singhal K. Efficient screening of nonnormal regression models. Biometrics 1978; 34: 318-27.
    """
    import numpy as np
    from scipy.stats import chi2

    here = design.positions(inside)
    beta, covariance = fit.coefficients[0], fit.covariance[0]
    found = []
    for term in inside:
        out = [here.index(k) for k in design.blocks[term]]
        stay = [k for k in range(len(here)) if k not in out]
        within = np.linalg.solve(covariance[np.ix_(out, out)], beta[out])
        if method == "wald":
            statistic = float(beta[out] @ within)
        else:
            kept = design.x[:, [here[k] for k in stay]]
            if method == "lr":
                less = fit_many(kept, design.y, design.n, max_iterations=max_iterations, tolerance=tolerance)
                value = less.log_likelihood[0]
            else:
                value = log_likelihood(kept, design.y, design.n, beta[stay] - covariance[np.ix_(stay, out)] @ within)
            statistic = float(max(0.0, 2 * (fit.log_likelihood[0] - value)))
        found.append(BlockTest(term=term, statistic=statistic, df=len(out), p_value=float(chi2.sf(statistic, len(out))),
                               method=method))  # fmt: skip
    return found


def forward_selection(
    tally: Tally, *, outcome: str, candidates: Sequence[str], entry: float = 0.05, removal: float = 0.10,
    removal_test: Literal["wald", "lr", "conditional"] = "wald", max_iterations: int = ITERATE, tolerance: float = BCON,
    confidence_level: float = 0.95,
) -> Selection:  # fmt: skip
    """Select terms forwards as SPSS's FSTEP methods do.

    Parameters
    ----------
    tally : Tally
        Patterns of the outcome and all candidates; patients who lack any are left out of every step and counted.
    outcome : str
        A boolean column.
    candidates : sequence of str
        Terms; a categorical enters and leaves as a whole.
    entry, removal : float
        The term of the smallest score P enters when it is below `entry`; the term of the largest P leaves when it is
        above `removal` (SPSS: PIN, POUT; its defaults 0.05 and 0.10).
    removal_test : {"wald", "lr", "conditional"}
        SPSS: FSTEP(WALD), FSTEP(LR), FSTEP(COND).
    max_iterations, tolerance
        Newton's limits of every fit.

    Returns
    -------
    Selection

    Raises
    ------
    ValueError
        As `fit_logistic`; or for an unknown `removal_test` or a threshold outside 0 to 1.

    Notes
    -----
    Step by step: the term outside of the smallest score P enters; then terms leave, the largest P first, the model
    fitted anew after each, until none is above `removal`. It ends when nothing enters, or when the model is one it had
    before (otherwise it would go round for ever). SPSS: LOGISTIC REGRESSION /METHOD=FSTEP(...) /CRITERIA=PIN(...)
    POUT(...); its manual gives these rules [1]_, and leaves open whether it prints such a last removal. R has none of
    them: ``step`` goes by AIC. Terms that the model determines have a NaN score test and stay out; P values after a
    selection are too small [2]_.

    References
    ----------
    .. [1] IBM SPSS Statistics Command Syntax Reference: LOGISTIC REGRESSION, METHOD subcommand.
    .. [2] Harrell FE. Regression Modeling Strategies. 2nd ed. Springer, 2015. Section 4.3.

    Examples
    --------
    >>> import pandas as pd
    >>> from cohortbook.tally import Tally
    >>> cells = pd.DataFrame({"old": [False, False, True, True] * 2, "tall": [False] * 4 + [True] * 4,
    ...                       "died": [False, True] * 4, "n": [20, 5, 10, 15, 18, 4, 9, 13]})
    >>> found = forward_selection(Tally(cells), outcome="died", candidates=["old", "tall"])
    >>> [(step.action, step.term) for step in found.steps], found.stopped
    ([('start', ''), ('enter', 'old')], 'no term outside the model has P < 0.05')
    """
    if removal_test not in REMOVAL_TESTS:
        raise ValueError(f"removal_test: {removal_test!r}; expected one of {', '.join(REMOVAL_TESTS)}")
    for name, value in (("entry", entry), ("removal", removal)):
        if not 0 < value <= 1:
            raise ValueError(f"{name}: {value!r}; expected a P value above 0 and at most 1")
    design = make_design(tally, outcome=outcome, terms=candidates, keep_determined=True)
    if design.events in (0, design.total):
        raise ValueError(
            f"outcome: {outcome!r} is the same in all {design.total} complete patients; expected both values"
        )
    complete = tally.complete([outcome, *candidates])
    limits = {"max_iterations": max_iterations, "tolerance": tolerance}
    inside: list[str] = []
    seen = {frozenset[str]()}
    steps: list[Step] = []

    def fitted() -> ManyFits:
        return fit_many(design.x[:, design.positions(inside)], design.y, design.n, **limits)

    def record(action: str, test: BlockTest | None) -> tuple[list[BlockTest], list[BlockTest]]:
        fit = fitted()
        tests = removal_tests(design, inside, fit, method=removal_test, **limits)
        others = score_tests(design, inside, [c for c in candidates if c in design.blocks and c not in inside], fit)
        model = None
        if inside:
            model = fit_logistic(complete, outcome=outcome, terms=inside, confidence_level=confidence_level, **limits)
        steps.append(Step(number=len(steps), action=action, term=test.term if test else "", test=test, model=model,
                          inside=tuple(tests), outside=tuple(others)))  # fmt: skip
        return tests, others

    _, outside = record("start", None)
    while True:
        entering = min((t for t in outside if t.p_value < entry), key=lambda t: t.p_value, default=None)
        if entering is None:
            stopped = f"no term outside the model has P < {entry:g}"
            break
        inside.append(entering.term)
        tests, outside = record("enter", entering)
        while leaving := max((t for t in tests if t.p_value > removal), key=lambda t: t.p_value, default=None):
            inside.remove(leaving.term)
            tests, outside = record("remove", leaving)
        if frozenset(inside) in seen:
            stopped = "the model is one it had before"
            break
        seen.add(frozenset(inside))
    return Selection(
        candidates=tuple(candidates), selected=tuple(inside), entry=entry, removal=removal, removal_test=removal_test,
        steps=tuple(steps), stopped=stopped, dropped=design.dropped, n=design.total, n_missing=design.n_missing,
        provenance=tally.provenance,
    )  # fmt: skip
