"""Arithmetic on printed figures, which needs no patients and no solver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from printcheck.audit.checks import Check, Sheet
from printcheck.audit.printed_counts import check_counts
from printcheck.audit.printed_intervals import check_intervals
from printcheck.audit.printed_percentages import check_percentages
from printcheck.audit.printed_summaries import check_summaries
from printcheck.audit.significance import check_tests
from printcheck.printed.published import Figure
from studyfile.study.study import Study


def check_figures(study: Study, figures: Sequence[Figure]) -> tuple[Check, ...]:
    """Check printed figures against each other by arithmetic alone.

    Parameters
    ----------
    study : Study
        Its dictionary and groups; neither a plan nor a cohort is needed.
    figures : sequence of Figure
        From `printcheck.printed.published.read_published`.

    Returns
    -------
    tuple of Check
        Only what is worth telling: what cannot be, what holds in an unusual way, and warnings.

    Notes
    -----
    Whatever is `holds=False` allows a half to be rounded either way, and other rules where none says otherwise.
    """
    sheet = Sheet(study, figures)
    added = list(check_counts(sheet))
    suspects = {id for check in added if check.holds is False for id in check.figures}
    rounded = list(check_percentages(sheet, suspects))
    odd = {id for check in rounded if check.holds is False for id in check.figures}
    added = [replace(c, figures=tuple(sorted(c.figures, key=lambda id: id not in odd))) for c in added]
    found = (*rounded, *added, *check_summaries(sheet), *check_intervals(sheet), *check_tests(sheet))
    return tuple(dict.fromkeys(found))
