"""Selection of terms as SPSS does it: score test to enter, Wald, LR or conditional to leave, forwards or backwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from tallystats.regression.block_tests import REMOVAL_TESTS, BlockTest, block_test, removal_tests, score_statistics, score_tests
from tallystats.regression.design import Design, make_design
from tallystats.regression.logistic import BCON, ITERATE, LogisticFit, ManyFits, fit_logistic, fit_many
from tallystats.results import Result, result
from tallystats.tally import Tally
from tallystats.tolerance import SAME

METHODS = ("forward", "backward", "enter")
#: Columns whose correlations have no eigenvalue below this are independent beyond doubt.
SURE = 1e-6
STOP, ENTER, REMOVE = 0, 1, 2


@result
class Step:
    """One step of a selection.

    Attributes
    ----------
    number : int
    action : {"start", "enter", "remove"}
    term : str
        The term that entered or left; empty at the start.
    test : BlockTest or None
        The test by which it did.
    tied : tuple of str
        Terms that could have entered, or left, as well: their P is the same. The first in the order of the candidates did.
    model : LogisticFit or None
        The model after the step; None with the intercept alone.
    log_likelihood : float
        Of the model after the step.
    inside, outside : tuple of BlockTest
        Tests for removal of the terms in the model, and for entry of the "variables not in the model".
    columns : tuple of BlockTest
        Score tests of the single columns of every term of several that is not in the model.
    overall : BlockTest or None
        Score test of all terms that are not in the model, together; None when none is left.
    """

    number: int
    action: str
    term: str
    test: BlockTest | None
    tied: tuple[str, ...]
    model: LogisticFit | None
    log_likelihood: float
    inside: tuple[BlockTest, ...]
    outside: tuple[BlockTest, ...]
    columns: tuple[BlockTest, ...]
    overall: BlockTest | None


@result
class Selection(Result):
    """A selection: its rules, its steps, and the terms it ended with.

    Attributes
    ----------
    outcome : str
    candidates, selected : tuple of str
    method : {"forward", "backward", "enter"}
    entry, removal : float
        P below which a term enters, and above which it leaves.
    removal_test : {"wald", "lr", "conditional"}
    max_iterations, tolerance
        Newton's limits of every fit.
    steps : tuple of Step
    stopped : str
        Why it ended.
    dropped : dict
        Candidate, or a level's column -> why it could not be tested.
    n, n_missing : int
        Patients with all candidates (listwise deletion), and without.
    """

    outcome: str
    candidates: tuple[str, ...]
    selected: tuple[str, ...]
    method: str
    entry: float
    removal: float
    removal_test: str
    max_iterations: int
    tolerance: float
    steps: tuple[Step, ...]
    stopped: str
    dropped: dict[str, str]
    n: int
    n_missing: int
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a test at a step: `step, action, changed, where, term, statistic, df, p_value, method`, and -2 log L."""
        rows = [
            {
                "step": step.number,
                "action": step.action,
                "changed": step.term,
                "where": where,
                "term": test.term,
                "statistic": test.statistic,
                "df": test.df,
                "p_value": test.p_value,
                "method": test.method,
                "minus_2_log_likelihood": -2 * step.log_likelihood,
            }
            for step in self.steps
            for where, tests in (
                ("in the model", step.inside),
                ("not in the model", step.outside),
                ("not in the model, its columns", step.columns),
                ("not in the model, all", [step.overall] if step.overall else []),
            )
            for test in tests
        ]
        return pd.DataFrame(rows)


def next_changes(
    inside: np.ndarray,
    inside_df: Sequence[int],
    outside: np.ndarray,
    outside_df: Sequence[int],
    *,
    entry: float,
    removal: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Decide, from the tests of a model, what changes next: the rules of SPSS's stepwise methods, in one place.

    Parameters
    ----------
    inside, outside : numpy.ndarray, shape (tables, terms)
        Statistics for removal of the terms in the model, for entry of those outside; NaN where undefined.
    inside_df, outside_df : sequence of int
    entry, removal : float

    Returns
    -------
    actions : numpy.ndarray, shape (tables,)
        `REMOVE` while a term in the model has P above `removal`; else `ENTER` when one outside has P below `entry`; else
        `STOP`.
    which : numpy.ndarray, shape (tables,)
        The term that leaves (the largest P) or enters (the smallest); the first of several that are tied.
    tied : numpy.ndarray of bool, shape (tables, max(terms))
        All terms whose P is the same as that one's, itself among them.
    """
    from scipy.stats import chi2

    tables, width = len(inside), max(inside.shape[1], outside.shape[1], 1)
    actions, which, tied = np.zeros(tables, int), np.zeros(tables, int), np.zeros((tables, width), bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        # In logarithms, so that P values too small for a number still have an order.
        leaving = np.where(np.isnan(inside), -np.inf, chi2.logsf(inside, inside_df))
        entering = np.where(np.isnan(outside), np.inf, chi2.logsf(outside, outside_df))
        # P at the limit, but for rounding, neither enters nor leaves.
        enters = entering.min(axis=1, initial=np.inf) < np.log(entry) - SAME
        leaves = leaving.max(axis=1, initial=-np.inf) > np.log(removal) + SAME
    actions[enters], actions[leaves] = ENTER, REMOVE
    for action, logs, end in ((ENTER, entering, np.min), (REMOVE, leaving, np.max)):
        rows = actions == action
        if rows.any():
            near = np.abs(logs[rows] - end(logs[rows], axis=1, keepdims=True)) < SAME
            tied[rows, : logs.shape[1]] = near
            which[rows] = near.argmax(axis=1)
    return actions, which, tied


def starting_terms(
    x: np.ndarray, y: np.ndarray, counts: np.ndarray, blocks: dict[str, Sequence[int]], *, method: str
) -> tuple[str, ...]:
    """Return the terms that a selection starts with: none, or all that those before them do not determine."""
    if method == "forward":
        return ()
    columns = x[np.ix_(counts > 0, [k for block in blocks.values() for k in block])]
    columns = columns - columns.mean(axis=0)
    columns = columns / np.linalg.norm(columns, axis=0)
    if not blocks or np.linalg.eigvalsh(columns.T @ columns)[0] > SURE:
        return tuple(blocks)
    inside: list[str] = []
    for term, block in blocks.items():
        here = [0, *(k for name in inside for k in blocks[name])]
        fit = fit_many(x[:, here], y, counts[None, :], max_iterations=1)
        if (score_statistics(x, y, counts[None, :], fit, here, [block]) >= 0).all():
            inside.append(term)
    return tuple(inside)


def select_terms(
    tally: Tally,
    *,
    outcome: str,
    candidates: Sequence[str],
    method: Literal["forward", "backward", "enter"] = "forward",
    entry: float = 0.05,
    removal: float = 0.10,
    removal_test: Literal["wald", "lr", "conditional"] = "wald",
    max_iterations: int = ITERATE,
    tolerance: float = BCON,
    confidence_level: float = 0.95,
) -> Selection:
    """Select terms as SPSS's FSTEP and BSTEP methods do, or enter all.

    Parameters
    ----------
    tally : Tally
        Patterns of the outcome and all candidates; patients who lack any are left out of every step and counted.
    outcome : str
        A boolean column.
    candidates : sequence of str
        Terms; a categorical enters and leaves as a whole.
    method : {"forward", "backward", "enter"}
        From the intercept alone (SPSS: FSTEP), from all candidates (BSTEP), or all candidates and no selection (ENTER).
    entry, removal : float
        The term of the smallest score P enters when it is below `entry`; the term of the largest P leaves when it is
        above `removal` (SPSS: PIN, POUT; its defaults 0.05 and 0.10).
    removal_test : {"wald", "lr", "conditional"}
        SPSS: FSTEP(WALD), FSTEP(LR), FSTEP(COND), and so BSTEP.
    max_iterations, tolerance
        Newton's limits of every fit.

    Returns
    -------
    Selection

    Raises
    ------
    ValueError
        As `fit_logistic`; or for an unknown `method` or `removal_test`, or a threshold outside 0 to 1.

    Notes
    -----
    At every model: the term in it of the largest P leaves when that is above `removal`; when none does, the term outside
    of the smallest score P enters when that is below `entry`; the model is fitted anew, and so on. It ends when nothing
    changes, or with a model that it had before (otherwise it would go round for ever). Backwards it starts with all
    candidates, but for those that the ones before them determine. SPSS: LOGISTIC REGRESSION /METHOD=FSTEP(...) or
    BSTEP(...) /CRITERIA=PIN(...) POUT(...). Its manual has it stop when the current model is the same as a previous
    one [1]_: the change that leads there has been made, and the model that returns is the last, as here. It does not
    say which model it then prints as final, nor which of two terms with the same P enters: here, the first of the
    candidates. R has none of these: ``step`` goes by AIC. Terms that the model determines have a NaN score test and stay
    out; P values after a selection are too small [2]_.

    References
    ----------
    .. [1] IBM SPSS Statistics Command Syntax Reference: LOGISTIC REGRESSION, METHOD subcommand.
       https://www.ibm.com/docs/en/spss-statistics/cd?topic=regression-method-subcommand-logistic-command
    .. [2] Harrell FE. Regression Modeling Strategies. 2nd ed. Springer, 2015. Section 4.3.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cells = pd.DataFrame({"old": [False, False, True, True] * 2, "tall": [False] * 4 + [True] * 4,
    ...                       "died": [False, True] * 4, "n": [20, 5, 10, 15, 18, 4, 9, 13]})
    >>> found = select_terms(Tally(cells), outcome="died", candidates=["old", "tall"])
    >>> [(step.action, step.term) for step in found.steps], found.stopped
    ([('start', ''), ('enter', 'old')], 'no term outside the model has P < 0.05')
    >>> backwards = select_terms(Tally(cells), outcome="died", candidates=["old", "tall"], method="backward")
    >>> [(step.action, step.term) for step in backwards.steps], backwards.selected
    ([('start', ''), ('remove', 'tall')], ('old',))
    """
    for name, value, known in (("method", method, METHODS), ("removal_test", removal_test, REMOVAL_TESTS)):
        if value not in known:
            raise ValueError(f"{name}: {value!r}; expected one of {', '.join(known)}")
    for name, value in (("entry", entry), ("removal", removal)):
        if not 0 < value <= 1:
            raise ValueError(f"{name}: {value!r}; expected a P value above 0 and at most 1")
    design = make_design(tally, outcome=outcome, terms=candidates, keep_determined=True)
    if design.events in (0, design.total):
        raise ValueError(f"outcome: {outcome!r} is the same in all {design.total} complete patients; expected both values")
    complete = tally.complete([outcome, *candidates])
    limits = {"max_iterations": max_iterations, "tolerance": tolerance}
    order = [term for term in candidates if term in design.blocks]
    inside = starting_terms(design.x, design.y, design.n, {t: design.blocks[t] for t in order}, method=method)
    seen, steps = {frozenset(inside)}, []
    action, test, tied = "start", None, ()
    while True:
        fit = fit_many(design.x[:, design.positions(inside)], design.y, design.n, **limits)
        within = removal_tests(design, inside, fit, method=removal_test, **limits)
        beyond = [term for term in order if term not in inside]
        without = score_tests(design, inside, beyond, fit)
        model = None
        if inside:
            model = fit_logistic(complete, outcome=outcome, terms=inside, confidence_level=confidence_level, **limits)
        steps.append(
            Step(
                number=len(steps),
                action=action,
                term=test.term if test else "",
                test=test,
                tied=tied,
                model=model,
                log_likelihood=float(fit.log_likelihood[0]),
                inside=tuple(within),
                outside=tuple(without),
                **_further_tests(design, inside, beyond, fit),
            )
        )
        if method == "enter":
            stopped = "the plan enters all terms"
            break
        if action != "start" and frozenset(inside) in seen:
            stopped = "the model is one it had before"
            break
        seen.add(frozenset(inside))
        (change,), (which,), (same,) = next_changes(
            np.array([[t.statistic for t in within]]),
            [t.df for t in within],
            np.array([[t.statistic for t in without]]),
            [t.df for t in without],
            entry=entry,
            removal=removal,
        )
        if change == STOP:
            stopped = f"no term outside the model has P < {entry:g}"
            if method == "backward":
                stopped = f"no term in the model has P > {removal:g}, and {stopped}"
            break
        tests = within if change == REMOVE else without
        action, test = "remove" if change == REMOVE else "enter", tests[which]
        tied = tuple(t.term for t, near in zip(tests, same, strict=False) if near and t is not test)
        inside = tuple(t for t in order if (t in inside) != (t == test.term))
    return Selection(
        outcome=outcome,
        candidates=tuple(candidates),
        selected=inside,
        method=method,
        entry=entry,
        removal=removal,
        removal_test=removal_test,
        steps=tuple(steps),
        stopped=stopped,
        dropped=design.dropped,
        n=design.total,
        n_missing=design.n_missing,
        provenance=tally.provenance,
        **limits,
    )


def _further_tests(design: Design, inside: Sequence[str], beyond: Sequence[str], fit: ManyFits) -> dict:
    """Return the tests that SPSS prints beside those which decide: of single columns, and of all terms outside."""
    names = ["", *design.columns]
    single = [k for term in beyond for k in design.blocks[term] if len(design.blocks[term]) > 1]
    every = [k for term in beyond for k in design.blocks[term]]
    blocks = [*([k] for k in single), *([every] if every else [])]
    (found,) = score_statistics(design.x, design.y, design.n[None, :], fit, design.positions(inside), blocks)
    tests = [
        block_test(names[block[0]], value, len(block), "score") for block, value in zip(blocks, found.tolist(), strict=True)
    ]
    overall = block_test("all", float(found[-1]), len(every), "score") if every else None
    return {"columns": tuple(tests[: len(single)]), "overall": overall}
