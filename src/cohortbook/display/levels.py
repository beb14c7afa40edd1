"""Which of the methods that a manuscript quotes do not keep their level where events are few."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cohortbook.display.findings import several
from cohortbook.display.level_methods import methods_told
from cohortbook.display.level_notes import clauses, missed_levels
from tallystats.statistics.calibration import PATIENTS


def level_sentences(*results: Any) -> Iterator[str]:
    """Yield a sentence on the methods of some results that miss their level at about their numbers of events.

    Results that rest on assumed values, of which a manuscript tells no number, are passed over.
    """
    missed = [
        one
        for result in results
        if getattr(result, "provenance", "") != "assumed"
        for events, used in methods_told(result)
        for one in missed_levels(used, events)
    ]
    for number in sorted({one.events for one in missed}):
        told = "; ".join(clauses([one for one in dict.fromkeys(missed) if one.events == number], shares=False))
        yield f"In simulations of {PATIENTS} patients with {several(number, 'event')} expected, {told}."
