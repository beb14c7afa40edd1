"""What an audit finds: a verdict for every printed figure, conflicts with their repairs, and what each repair changes."""

from __future__ import annotations

import pandas as pd

from printcheck.audit.arithmetic import Check
from printcheck.audit.candidate_tests import PrintedTest
from printcheck.audit.printed_model import PrintedModel
from printcheck.printed.published import Figure
from studyfile.study.study import Study
from tallystats.results import Result, result

#: Every verdict, from the best to the worst, and what it means.
VERDICTS = {
    "reproduced": "follows from other printed figures",
    "compatible": "other printed figures neither refute nor determine it; the cohorts that are drawn print it",
    "reproduced by another method": "another method than the stated one prints it",
    "rounded otherwise": "another rule of rounding prints it",
    "contradicted": "cannot hold together with other printed figures",
    "not decided": "neither proven nor refuted within the limits",
    "not checkable": "no figure about this cohort's patients, such as a definition or a figure of other literature",
}


@result
class Verdict:
    """What the audit says of one printed figure.

    Attributes
    ----------
    figure : Figure
    verdict : str
        A key of `VERDICTS`.
    recomputed : str
        What the other figures give, with more digits than are printed: one value, or the least and the largest that they
        leave; of a P value by the stated test that prints it, and of one that cannot be true after each repair that gives
        it up. Of numbers, P is bounded, so that patients may reach less. Empty where nothing is computed.
    method : str
        What printed it, where that is known: a test, a rule of rounding; empty otherwise.
    conflicts : tuple of str
        The ids of the conflicts that it takes part in.
    reason : str
        One line in plain words.
    """

    figure: Figure
    verdict: str
    recomputed: str = ""
    method: str = ""
    conflicts: tuple[str, ...] = ()
    reason: str


@result
class Conflict:
    """Printed figures that cannot hold together: minimal, as any of them left out, the others can.

    Attributes
    ----------
    id : str
        C1, C2 and so on.
    figures : tuple of str
        Ids of the figures.
    variables : tuple of str
        The recorded variables that they are about; none for the sizes of groups.
    rules : tuple of str
        The rules of the study file (their reasons) without which they could hold together.
    why : str
        Why, in plain words.
    """

    id: str
    figures: tuple[str, ...]
    variables: tuple[str, ...]
    rules: tuple[str, ...] = ()
    why: str = ""


@result
class Repair:
    """A smallest list of figures to give up so that all others hold together.

    Attributes
    ----------
    id : str
        R1a, R1b and so on: repairs of the same number are alternatives.
    conflicts : tuple of str
        Ids of the conflicts that it settles.
    figures : tuple of str
        Ids of the figures given up.
    follow : tuple of str
        Those among them that fall with another: P values of variables whose counts are given up.
    """

    id: str
    conflicts: tuple[str, ...]
    figures: tuple[str, ...]
    follow: tuple[str, ...] = ()


@result
class Consequence:
    """What a repair does to a printed P value.

    Attributes
    ----------
    repair, figure : str
        Ids.
    printed : str
        The P value as printed.
    low, high : float
        The least and the largest P by the stated test over all counts that the repair leaves; NaN when there is no such test.
    test : str
        The test, in words.
    crosses : tuple of float
        Thresholds of which the printed P is on one side, and P after the repair on the other, or on both.
    """

    repair: str
    figure: str
    printed: str
    low: float
    high: float
    test: str
    crosses: tuple[float, ...] = ()


@result
class Audit(Result):
    """An audit: every verdict and what they rest on.

    Attributes
    ----------
    study : Study
        What was audited: its dictionary and plan.
    verdicts : tuple of Verdict
        One a row of `published.csv`, in its order.
    checks : tuple of Check
        Arithmetic that does not hold, claims of significance, tests that lean on too few patients.
    conflicts : tuple of Conflict
    repairs : tuple of Repair
    consequences : tuple of Consequence
    tests : tuple of PrintedTest
        Which test printed which P value.
    models : tuple of PrintedModel
        The printed regression tables, searched.
    thresholds : tuple of float
        Of significance: the paper's own first.
    """

    study: Study
    verdicts: tuple[Verdict, ...]
    checks: tuple[Check, ...]
    conflicts: tuple[Conflict, ...]
    repairs: tuple[Repair, ...]
    consequences: tuple[Consequence, ...]
    tests: tuple[PrintedTest, ...]
    models: tuple[PrintedModel, ...]
    thresholds: tuple[float, ...]

    @property
    def frame(self) -> pd.DataFrame:
        """One row a printed figure: `id, source, printed, recomputed, verdict, method, conflict, reason`."""
        rows = [
            (v.figure.id, v.figure.source, v.figure.value, v.recomputed, v.verdict, v.method, " ".join(v.conflicts), v.reason)
            for v in self.verdicts
        ]
        columns = ["id", "source", "printed", "recomputed", "verdict", "method", "conflict", "reason"]
        return pd.DataFrame(rows, columns=columns)

    @property
    def counts(self) -> dict[str, int]:
        """How many figures got each verdict."""
        given = [v.verdict for v in self.verdicts]
        return {verdict: given.count(verdict) for verdict in VERDICTS}

    def figure(self, id: str) -> Figure:
        """Return a printed figure by its id."""
        return next(v.figure for v in self.verdicts if v.figure.id == id)
