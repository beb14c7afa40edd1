"""Who lacks what: the patients that complete-case analysis leaves out, step by step, and the patterns of what is missing."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from tallystats.results import Result, result
from tallystats.statistics.counts import cross_tabulate
from tallystats.statistics.two_groups import TestResult, fisher_exact
from tallystats.tally import Tally


@result
class CompleteCases(Result):
    """What complete-case analysis costs, one entry a variable, in the order in which they are asked for.

    Attributes
    ----------
    terms : tuple of str
    n : int
        Patients in all.
    n_missing : tuple of int
        Patients who lack the variable.
    n_only : tuple of int
        Patients who lack it and no other: what the analysis would gain without it.
    remaining : tuple of int
        Patients who have this variable and all before it; the last is the number of complete patients.
    """

    terms: tuple[str, ...]
    n: int
    n_missing: tuple[int, ...]
    n_only: tuple[int, ...]
    remaining: tuple[int, ...]
    provenance: str

    @property
    def complete(self) -> int:
        """Patients who lack nothing."""
        return self.remaining[-1]

    @property
    def frame(self) -> pd.DataFrame:
        """One row a variable: `term, n, n_missing, n_only, remaining`."""
        return pd.DataFrame(
            {"term": self.terms, "n": self.n, "n_missing": self.n_missing, "n_only": self.n_only, "remaining": self.remaining}
        )


def complete_cases(tally: Tally, variables: Sequence[str]) -> CompleteCases:
    """Count who lacks each variable, who lacks it alone, and who is left after each.

    Parameters
    ----------
    tally : Tally
        Holds the variables.
    variables : sequence of str
        In the order in which they are asked for; it decides `remaining`, and nothing else.

    Raises
    ------
    ValueError
        When there is no variable, or one is not in the tally.

    Notes
    -----
    R: ``colSums(is.na(x))`` and, with k variables, ``sum(complete.cases(x[1:k]))``. SPSS: MVA.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"age": [50.0, None, 60, 70], "stage": [1.0, None, None, 3]})
    >>> found = complete_cases(Tally.from_rows(rows), ["age", "stage"])
    >>> found.n_missing, found.n_only, found.remaining
    ((1, 2), (0, 1), (3, 2))
    """
    names = _known(tally, variables)
    absent, n = tally.frame[names].isna().to_numpy(), tally.frame["n"].to_numpy()
    lacking = absent.sum(axis=1)
    return CompleteCases(
        terms=tuple(names),
        n=tally.total,
        n_missing=tuple(int(n[absent[:, k]].sum()) for k in range(len(names))),
        n_only=tuple(int(n[absent[:, k] & (lacking == 1)].sum()) for k in range(len(names))),
        remaining=tuple(int(n[~absent[:, : k + 1].any(axis=1)].sum()) for k in range(len(names))),
        provenance=tally.provenance,
    )


def _known(tally: Tally, variables: Sequence[str]) -> list[str]:
    names = list(dict.fromkeys(variables))
    if not names:
        raise ValueError("variables: none; expected at least one")
    if unknown := [name for name in names if name not in tally.columns]:
        raise ValueError(f"variables: {unknown[0]!r} is not in the tally; expected some of {', '.join(tally.columns)}")
    return names


@result
class MissingPatterns(Result):
    """Which variables are missing together.

    Attributes
    ----------
    terms : tuple of str
        The variables that somebody lacks, the most often missing first.
    patterns : tuple of tuple of str
        What is missing together, the most frequent first; nothing at all is the pattern `()`.
    counts : tuple of int
        Patients who show each pattern.
    """

    terms: tuple[str, ...]
    patterns: tuple[tuple[str, ...], ...]
    counts: tuple[int, ...]
    provenance: str

    @property
    def n(self) -> int:
        """Patients in all."""
        return sum(self.counts)

    @property
    def frame(self) -> pd.DataFrame:
        """One row a pattern: `n`, then a boolean column a variable, true where it is missing."""
        rows = [
            {"n": n, **{term: term in missing for term in self.terms}}
            for missing, n in zip(self.patterns, self.counts, strict=True)
        ]
        return pd.DataFrame(rows, columns=["n", *self.terms])


def missing_patterns(tally: Tally, variables: Sequence[str]) -> MissingPatterns:
    """Count the patterns of what is missing together.

    Parameters
    ----------
    tally, variables
        As for `complete_cases`; the order plays no part.

    Notes
    -----
    R: ``mice::md.pattern``. SPSS: MVA /TPATTERN.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"age": [50.0, None, 60, 70], "stage": [1.0, None, None, 3], "sex": [1.0, 1, 0, 0]})
    >>> found = missing_patterns(Tally.from_rows(rows), ["age", "stage", "sex"])
    >>> found.patterns, found.counts
    (((), ('stage',), ('stage', 'age')), (2, 1, 1))
    """
    names = _known(tally, variables)
    absent, n = tally.frame[names].isna(), tally.frame["n"]
    often = {name: int(n[absent[name]].sum()) for name in names}
    terms = sorted((name for name in names if often[name]), key=lambda name: (-often[name], names.index(name)))
    counts: dict[tuple[str, ...], int] = {}
    for row, count in zip(absent[terms].to_numpy(), n, strict=True):
        pattern = tuple(term for term, missing in zip(terms, row, strict=True) if missing)
        counts[pattern] = counts.get(pattern, 0) + int(count)
    order = sorted(counts, key=lambda pattern: (-counts[pattern], len(pattern), [terms.index(t) for t in pattern]))
    return MissingPatterns(
        terms=tuple(terms), patterns=tuple(order), counts=tuple(counts[p] for p in order), provenance=tally.provenance
    )


@result
class MissingByOutcome(Result):
    """How often a variable is missing in patients without and with the outcome.

    Attributes
    ----------
    term, outcome : str
    n_missing, totals : tuple of (int, int)
        Without the outcome, with it.
    unknown : int
        Patients who lack the variable and whose outcome is not known: in neither group.
    test : TestResult
        Fisher's exact test of missing or not by outcome.
    """

    term: str
    outcome: str
    n_missing: tuple[int, int]
    totals: tuple[int, int]
    unknown: int
    test: TestResult
    provenance: str

    @property
    def frame(self) -> pd.DataFrame:
        """One row: `term, outcome, missing_without, without, missing_with, with, unknown, p_value`."""
        (missing0, missing1), (total0, total1) = self.n_missing, self.totals
        return pd.DataFrame(
            [
                {
                    "term": self.term,
                    "outcome": self.outcome,
                    "missing_without": missing0,
                    "without": total0,
                    "missing_with": missing1,
                    "with": total1,
                    "unknown": self.unknown,
                    "p_value": self.test.p_value,
                }
            ]
        )


def missing_by_outcome(tally: Tally, variable: str, outcome: str) -> MissingByOutcome:
    """Count how often a variable is missing in patients without and with the outcome, and test whether that differs.

    Parameters
    ----------
    tally : Tally
        Holds both.
    variable : str
    outcome : str
        A boolean column.

    Notes
    -----
    A small P speaks against values that are missing completely at random; a large one for nothing, with few patients. Where
    the chance of a missing value hangs on the outcome, means of complete patients are biased; odds ratios of complete
    patients are so only if it hangs on the outcome and the covariates together [1]_. R: ``fisher.test(table(is.na(x), y))``.

    References
    ----------
    .. [1] Bartlett JW, Harel O, Carpenter JR. Asymptotically unbiased estimation of exposure odds ratios in complete
       records logistic regression. Am J Epidemiol 2015; 182: 730-736.

    Examples
    --------
    >>> import pandas as pd
    >>> from tallystats.tally import Tally
    >>> rows = pd.DataFrame({"age": [None, None, 3.0, 4, 5], "died": [True, True, False, False, True]})
    >>> found = missing_by_outcome(Tally.from_rows(rows), "age", "died")
    >>> found.n_missing, found.totals, round(found.test.p_value, 2)
    ((0, 2), (2, 3), 0.4)
    """
    _known(tally, [variable, outcome])
    frame = tally.frame[[outcome, "n"]].assign(missing=tally.frame[variable].isna().astype("boolean"))
    lacking = type(tally)(frame, tally.provenance)
    counts = cross_tabulate(lacking, "missing", outcome).counts
    unknown = int(frame.loc[frame["missing"] & frame[outcome].isna(), "n"].sum())
    return MissingByOutcome(
        term=variable,
        outcome=outcome,
        n_missing=tuple(counts[1].tolist()),
        totals=tuple(counts.sum(axis=0).tolist()),
        unknown=unknown,
        test=fisher_exact(lacking, "missing", outcome),
        provenance=tally.provenance,
    )
