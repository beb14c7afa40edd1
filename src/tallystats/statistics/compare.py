"""Compare groups in a variable: summaries, the test and why it was chosen, the size of the effect."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import pandas as pd

from tallystats.registry import BY_NAME, NUMERIC, suited, suiting
from tallystats.results import NAN, Result, UndefinedWarning, result, warn_undefined
from tallystats.statistics.counts import cross_tabulate, split
from tallystats.statistics.describe import Frequencies, ShapiroWilk, Summary, frequencies, shapiro_wilk, summarise
from tallystats.statistics.effects import Effect, mean_difference, odds_ratio, standardised_difference
from tallystats.statistics.printed_tests import COUNTED, TABLED
from tallystats.statistics.rank_and_t_tests import NUMBERED
from tallystats.statistics.two_groups import (
    TestResult,
    fisher_exact,
    mann_whitney,
    pearson_chi_square,
    student_t,
    two_by_two,
    two_groups,
    undefined,
    welch_t,
)
from tallystats.tally import Tally
from tallystats.tolerance import below


def _p_alone(method: str, test: str, tally: Tally, variable: str, by: str) -> TestResult:
    """Compare two groups by a test of which P alone is told: see `printed_tests` and `rank_and_t_tests`."""
    table = two_groups(tally, variable, by)
    reason, p_value = undefined(table), NAN
    zeros, ones = (tuple(map(int, counts)) for counts in table.counts.T)
    if test not in (*TABLED, *NUMBERED):
        used = two_by_two(tally, variable, by).used
        if not reason:
            (b0, a0), (b1, a1) = used.tolist()
            p_value = COUNTED[test](a1, a0 + a1, b1, b0 + b1)
    elif not reason:
        p_value = TABLED[test](ones, zeros) if test in TABLED else NUMBERED[test](table.levels, ones, zeros)
    if not reason and p_value != p_value:
        reason = "an exact P would take too long to compute"
    warn_undefined(f"{method} of {variable} by {by}", reason)
    return TestResult(
        term=variable,
        by=by,
        method=method,
        p_value=float(p_value),
        reason=reason,
        n=table.n,
        n_missing=table.n_missing,
        provenance=table.provenance,
    )


#: name in a study's plan -> the test
TESTS = {test.__name__: test for test in (student_t, welch_t, mann_whitney, pearson_chi_square, fisher_exact)}
TESTS["mann_whitney_continuity"] = partial(mann_whitney, continuity=True)
TESTS |= {name: partial(_p_alone, BY_NAME[name].title, name) for name in suited("two") if name not in TESTS}
#: kind of variable -> the tests that suit it
SUITED = suiting("two")


@result
class TestChoice(Result):
    """The test chosen (of `TESTS`), the sentence that says why, and its evidence (Shapiro-Wilk, overall first)."""

    __test__ = False  # not for pytest to collect

    test: str
    reason: str
    evidence: tuple[ShapiroWilk, ...]
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row a Shapiro-Wilk test; `group` is None overall."""
        return (
            pd.concat([result.frame for result in self.evidence], ignore_index=True)
            if self.evidence
            else (pd.DataFrame(columns=list(ShapiroWilk.__dataclass_fields__)))
        )


@result
class Comparison(Result):
    """A variable compared between groups.

    Attributes
    ----------
    groups : tuple of Summary or of Frequencies
        The groups in the order of `by`'s levels (False, True), each with its own number missing.
    test, choice : TestResult, TestChoice
        The test, and why this one.
    fisher : TestResult or None
        Fisher's exact test beside it, for two levels by two groups; of more groups, that of Fisher, Freeman and Halton.
    expected_below_5 : bool
        A cell expects fewer than 5 patients, so the chi-square approximation is in doubt.
    effect : Effect or None
        Of two groups, a mean difference or an odds ratio, None for more than two levels; of more groups, eta squared or
        Cramer's V.
    standardised_difference : Effect
        Of more than two groups, the largest between any two.
    """

    term: str
    by: str
    kind: str
    groups: tuple[Summary, ...] | tuple[Frequencies, ...]
    test: TestResult
    choice: TestChoice
    fisher: TestResult | None
    expected_below_5: bool
    effect: Effect | None
    standardised_difference: Effect
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row: the test's columns; `effect` with `estimate`, its interval and `effect_method`; the rest beside."""
        effect = self.effect.frame.iloc[0] if self.effect else {}
        names = ("effect", "estimate", "std_error", "conf_low", "conf_high", "confidence_level")
        frame = self.test.frame.assign(**{name: effect.get(name, NAN) for name in names})
        return frame.assign(
            expected_below_5=self.expected_below_5,
            effect_method=effect.get("method"),
            standardised_difference=self.standardised_difference.estimate,
            fisher_p_value=self.fisher.p_value if self.fisher else NAN,
        )


def _places(results: Sequence[ShapiroWilk], labels: dict) -> str:
    """Name where the tests were done: 'overall', 'overall and in group yes', ..."""
    places = ["overall" if result.group is None else f"in group {labels[result.group]}" for result in results]
    return " and ".join([", ".join(places[:-1]), places[-1]] if len(places) > 1 else places)


def choose_test(
    tally: Tally, variable: str, by: str, kind: str, *, significance: float = 0.05, group_labels: Sequence[str] | None = None
) -> TestChoice:
    """Choose the test that a clinical paper would: by normality for numbers, Pearson's chi-square for levels.

    Parameters
    ----------
    tally : Tally
        Holds both columns; patients who lack either value are left out.
    variable, by : str
        The variable, and the groups: a boolean, or a categorical of any number of levels.
    kind : {"continuous", "count", "binary", "category", "ordered"}
        What the study file says `variable` is.
    significance : float
        Shapiro-Wilk rejects normality when its P is smaller.
    group_labels : tuple of str, optional
        What the sentence calls the groups, in the order of `by`'s levels (False, True); default: no and yes.

    Returns
    -------
    TestChoice
        For numbers, `mann_whitney` when any Shapiro-Wilk test that is defined (overall, within each group) rejects
        normality, else `student_t`; of more than two groups, `kruskal_wallis` or `anova`.

    Raises
    ------
    ValueError
        If a column is not there, `by` is no boolean and no categorical, or for another kind.

    Notes
    -----
    A test of normality has little power in a small group and much in a large one: the rule repeats what papers do.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"days": [1.0, 2, 3, 4, 5, 90, 6, 7, 9, 8], "failed": [False] * 6 + [True] * 4})
    >>> choose_test(Tally.from_rows(rows), "days", "failed", "continuous").reason
    "Shapiro-Wilk rejects normality overall and in group no, hence Mann-Whitney's test"
    """
    if kind not in SUITED:
        raise ValueError(f"kind: {kind!r}; expected one of {', '.join(SUITED)}")
    several = count_groups(tally, by) > 2
    table = (cross_tabulate if several else two_groups)(tally, variable, by)
    if kind not in NUMERIC:
        reason = "levels are compared by Pearson's chi-square"
        return TestChoice(test="pearson_chi_square", reason=reason, evidence=(), provenance=tally.provenance)
    complete = tally.complete([variable, by])
    parts = {None: complete, **split(complete, by)}
    evidence = tuple(shapiro_wilk(part, variable, group=group) for group, part in parts.items())
    names = group_labels or [{False: "no", True: "yes"}[g] if isinstance(g, bool) else str(g) for g in table.groups]
    labels = dict(zip(table.groups, names, strict=True))
    undefined = [result for result in evidence if result.reason]
    rejecting = [result for result in evidence if below(result.p_value, significance)]
    accepting = [result for result in evidence if not result.reason and not below(result.p_value, significance)]
    ranks, means = ("mann_whitney", "Mann-Whitney's test"), ("student_t", "Student's t test")
    if several:
        ranks, means = ("kruskal_wallis", "Kruskal-Wallis's test"), ("anova", "analysis of variance")
    if rejecting:
        test, reason = ranks[0], f"Shapiro-Wilk rejects normality {_places(rejecting, labels)}, hence {ranks[1]}"
    elif accepting:
        test, reason = means[0], f"Shapiro-Wilk does not reject normality {_places(accepting, labels)}, hence {means[1]}"
    else:
        test, reason = means[0], f"nothing speaks against {means[1]}"
    if undefined:
        reason += f"; Shapiro-Wilk is undefined {_places(undefined, labels)}"
    return TestChoice(test=test, reason=reason, evidence=evidence, provenance=tally.provenance)


def count_groups(tally: Tally, by: str) -> int:
    """Return how many levels the groups have, empty ones included; 0 for a column that has none."""
    dtype = tally.frame[by].dtype if by in tally.columns else None
    if isinstance(dtype, pd.CategoricalDtype):
        return len(dtype.categories)
    return 2 if dtype is not None and pd.api.types.is_bool_dtype(dtype) else 0


def compare_variable(
    tally: Tally,
    variable: str,
    by: str,
    *,
    kind: str,
    test: str = "auto",
    confidence_level: float = 0.95,
    significance: float = 0.05,
    group_labels: Sequence[str] | None = None,
) -> Comparison:
    """Compare a variable between groups: summaries, test, size of the effect.

    Parameters
    ----------
    tally, variable, by, kind, significance, group_labels
        As for `choose_test`. Patients who lack either value are left out of the test and counted.
    test : str
        "auto", or one that suits the kind: of two groups, in `SUITED`; of more, in `compare_several.SUITED`.
    confidence_level : float
        Of the effect's interval.

    Returns
    -------
    Comparison
        The effect is a mean difference (Student's interval beside Student's test, else Welch's, which does without
        equal variances) or, for two levels, an odds ratio (Woolf's interval; with an empty cell the conditional exact
        one); of more than two groups, eta squared or Cramer's V. What is undefined is NaN with its `reason`, and one warning
        gives all reasons.

    Raises
    ------
    ValueError
        As `choose_test`; or if the test does not suit the kind.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> cells = pd.DataFrame({"cement": [False, False, True, True], "failed": [False, True] * 2, "n": [51, 0, 18, 3]})
    >>> result = compare_variable(Tally(cells), "cement", "failed", kind="binary")
    >>> [round(group.percents[1], 1) for group in result.groups], round(result.test.p_value, 3), result.expected_below_5
    ([26.1, 100.0], 0.006, True)
    """
    if count_groups(tally, by) > 2:
        from tallystats.statistics.compare_several import compare_several

        return compare_several(tally, variable, by, kind=kind, test=test, significance=significance, group_labels=group_labels)
    if kind in SUITED and test not in ("auto", *SUITED[kind]):
        raise ValueError(f"test: {test!r} of a variable of kind {kind!r}; expected auto, {', '.join(SUITED[kind])}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedWarning)
        choice = choose_test(tally, variable, by, kind, significance=significance, group_labels=group_labels)
        if test != "auto":
            choice = replace(choice, test=test, reason="the analysis plan names the test")
        describe = summarise if kind in NUMERIC else frequencies
        groups = tuple(describe(part, variable, group=group) for group, part in split(tally, by).items())
        result = TESTS[choice.test](tally, variable, by)
        fisher, effect, chi_square = None, None, result
        if kind in NUMERIC:
            method = "student" if choice.test == "student_t" else "welch"
            effect = mean_difference(tally, variable, by, method=method, confidence_level=confidence_level)
        else:
            chi_square = pearson_chi_square(tally, variable, by)
            if len(cross_tabulate(tally, variable, by).used) <= 2:
                fisher = fisher_exact(tally, variable, by)
                effect = odds_ratio(tally, variable, by, confidence_level=confidence_level)
                if effect.reason and not fisher.reason:
                    effect = odds_ratio(tally, variable, by, method="exact", confidence_level=confidence_level)
        distance = standardised_difference(tally, variable, by)
    reasons = [part.reason for part in (result, effect, distance) if part and part.reason]
    warn_undefined(f"comparison of {variable} by {by}", "; ".join(dict.fromkeys(reasons)))
    return Comparison(
        term=variable,
        by=by,
        kind=kind,
        groups=groups,
        test=result,
        choice=choice,
        fisher=fisher,
        effect=effect,
        expected_below_5=chi_square.share_below_5 > 0,
        standardised_difference=distance,
        provenance=tally.provenance,
    )
