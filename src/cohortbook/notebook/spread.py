"""What a cell does when it is given many cohorts that print the same: run in each, and join what comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cohortbook.results import Absent, Spread

if TYPE_CHECKING:
    from cohortbook.cohort.cohort import Cohort
    from cohortbook.text.paragraph import Text


def over(function: Callable[..., Any], arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """Call a function of the notebooks in each of many cohorts, and join the results.

    Parameters
    ----------
    function : callable
    arguments : sequence
        At least one is a `Spread`; the others are the same in every cohort.
    options : mapping

    Returns
    -------
    Spread, DisplayTable, Text, Plot or Absent
        Results stay apart; tables and sentences show ranges; a figure shows where curves can run.
    """
    from cohortbook.figures import figures_spread
    from cohortbook.tables.spread import joined_table
    from cohortbook.tables.tables import DisplayTable
    from cohortbook.text.findings import ranged
    from cohortbook.text.paragraph import Text

    if ".figures." in function.__module__:
        drawn = getattr(figures_spread, function.__name__, None)
        return drawn(*arguments) if drawn else Absent("The picture of one cohort would say nothing of the others.")
    number = next(len(one.parts) for one in arguments if isinstance(one, Spread))
    found = [function(*(one.parts[k] if isinstance(one, Spread) else one for one in arguments), **options)
             for k in range(number)]  # fmt: skip
    if all(isinstance(one, Absent) for one in found):
        return found[0]
    if all(isinstance(one, Text) for one in found):
        return ranged(found)
    tables = [one for one in found if isinstance(one, DisplayTable)]
    return joined_table(tables) if tables else Spread(tuple(found))


def analysed_finding(analysed: Cohort | Spread) -> Text:
    """Say in whom the analyses that follow are made, and why in many cohorts where they are."""
    from cohortbook.text.findings import listed
    from cohortbook.text.paragraph import Text

    first = analysed.parts[0] if isinstance(analysed, Spread) else analysed
    if first is analysed:
        return Text(f"All analyses are made in the {first.size} {first.study.units} of {first.source}.")
    study = first.study
    assumed = [study.label(name) for name in study.file.variables if study.provenance(name) == "assumed"]
    values = f" ({listed(assumed)} are assumed)" if assumed else ""
    return Text(
        f"**What follows is computed in each of {len(analysed.parts)} cohorts of {first.size} {study.units} that print the "
        f"same figures** and differ in what these leave open: values that are not printed{values}, and which values "
        "occur together. One number means that nothing is left open; a range, that the printed figures do not determine the "
        "answer."
    )
