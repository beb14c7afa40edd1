"""What the tables of printed tests and of printed regression tables show; `table_of` learns them here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from cohortbook.display.layouts import table_of
from cohortbook.display.style import probability, spanned
from cohortbook.display.tables import PRINTS, UNDEFINED, DisplayTable, Row, decimal, significant
from cohortbook.sections.model.layouts_models import removal_in_words
from printcheck.audit.audit_words import in_words, listed
from printcheck.audit.candidate_tests import PrintedTest
from printcheck.audit.printed_model import PrintedModel
from printcheck.audit.verdicts import Audit
from studyfile.study.study import NUMERIC
from tallystats.registry import suited, words_of
from tallystats.results import lower_first

#: Behind P of the stated test.
STATED = "†"


def p_shown(value: float | None) -> str:
    """Format P so that it can be told from a threshold: three decimals, below 0.1 three significant digits.

    Examples
    --------
    >>> p_shown(0.00342), p_shown(0.5), p_shown(0.00001), p_shown(0.99999), p_shown(float("nan"))
    ('0.00342', '0.500', '<0.0001', '>0.999', '–')
    """
    if value is None or value != value:
        return UNDEFINED
    if value < 0.0001:
        return probability("<0.0001")
    if value > 0.9995:
        return probability("1.000" if value == 1 else ">0.999")
    return probability(decimal(value, 3) if value >= 0.1 else significant(value))


def p_span(low: float, high: float) -> str:
    """Format a range of P values; one value where its ends read alike."""
    ends = list(dict.fromkeys(p_shown(end) for end in (low, high)))
    return spanned(*ends) if len(ends) == 2 else ends[0]


def said(audit: Audit, ids: Sequence[str], most: int = 6) -> str:
    """Say printed figures in words, by their ids; `most` of them by name."""
    return listed([in_words(audit.study, audit.figure(id)) for id in ids], most)


def frame_of(results: Sequence, *names: str) -> pd.DataFrame:
    """Return fields of results as a frame, a row for each."""
    return pd.DataFrame([[getattr(result, name) for name in names] for result in results], columns=list(names))


def printed_test_tables(audit: Audit) -> tuple[DisplayTable, ...]:
    """Lay out which test prints each printed P value: a table for each family of tests, such as those of counts."""
    families = _families(audit.tests)
    return tuple(_test_table(audit, figures, f"-{k}" if len(families) > 1 else "") for k, figures in enumerate(families, 1))


def _families(tests: Sequence[PrintedTest]) -> list[list[str]]:
    """Put printed P values together whose variables, as they are recorded, suit the same tests."""
    families: dict[tuple[str, ...], list[str]] = {}
    for id in dict.fromkeys(t.figure for t in tests):
        families.setdefault(tuple(t.test for t in tests if t.figure == id and not t.coding), []).append(id)
    return list(families.values())


def _test_table(audit: Audit, figures: Sequence[str], suffix: str) -> DisplayTable:
    mine = [t for t in audit.tests if t.figure in figures]
    columns = [test for test in dict.fromkeys([*suited("two"), *(t.test for t in mine)]) if any(t.test == test for t in mine)]
    rows = []
    for id in figures:
        figure = audit.figure(id)
        for coding in dict.fromkeys(t.coding for t in sorted(mine, key=lambda t: bool(t.coding)) if t.figure == id):
            found = {t.test: t for t in mine if (t.figure, t.coding) == (id, coding)}
            if coding and not any(t.prints in PRINTS for t in found.values()):
                continue  # Another coding is of interest where it explains the digits.
            cells = [_test_cell(found.get(test)) for test in columns]
            head = (coding, "") if coding else (said(audit, [id]), figure.value)
            rows.append(Row((*head, *cells), "level" if coding else "plain"))
    notes = [
        f"P over all patients that the other figures allow. {PRINTS['always']} Prints the printed digits for all of them; "
        f"{PRINTS['sometimes']} for some; no mark: for none."
    ]
    if any(t.stated for t in mine):
        notes.append(f"{STATED} The stated test.")
    if any(t.prints == "unknown" for t in mine):
        notes.append(
            "? Not known: the search reached its limit, the other figures do not tell the groups apart, or the groups "
            "are too large to look for a test that is not stated."
        )
    if any(row.kind == "level" for row in rows):
        notes.append("Below a P value: other codings of its variable under which a test prints it.")
    return DisplayTable(
        name=f"printed-tests{suffix}",
        title=f"Which test printed which P value{_of_kind(audit, figures)}",
        rows=tuple(rows),
        notes=tuple(notes),
        head=("", "Printed", *(_capital(words_of(test).removeprefix("the ")) for test in columns)),
        frame=frame_of(mine, "figure", "variable", "coding", "test", "stated", "low", "high", "prints"),
    )


def _of_kind(audit: Audit, figures: Sequence[str]) -> str:
    """Say whether the variables of a family are numbers or levels."""
    kinds = {audit.study.kind(audit.figure(id).variable) in NUMERIC for id in figures}
    return "" if len(kinds) > 1 else ": numbers" if True in kinds else ": levels"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _test_cell(test: PrintedTest | None) -> str:
    if test is None:
        return ""
    if test.prints == "unknown" and test.low != test.low:
        return "?"
    marks = [PRINTS.get(test.prints, ""), STATED if test.stated else ""]
    return " ".join(filter(None, [p_span(test.low, test.high), *marks]))


@table_of.register
def _(result: PrintedModel) -> DisplayTable:
    """Show the methods and limits that print the table, and in how many joint tables."""
    rows = [
        Row((r.method, "all terms together" if r.together else "each term alone", r.limit, str(r.tables), str(r.searched)))
        for r in result.readings
    ]
    terms = ", ".join(result.labels[t] for t in result.terms)
    notes = (
        [_capital(result.reason) + "."]
        if result.reason
        else [
            f"Joint tables of {terms} with {lower_first(result.labels[result.outcome])}: {result.searched} have the printed "
            f"margins, and {result.possible} of them are left by all other figures."
        ]
    )
    if not result.decided:
        notes.append("Which of them the other figures leave was not decided within the limits: all count as left.")
    return DisplayTable(
        name="printed-model",
        title=f"Which method printed {' and '.join(result.sources)}",
        rows=tuple(rows),
        head=("Method", "Terms", "Stops", "Tables left that it prints", "Of all with the margins"),
        frame=frame_of(result.readings, "method", "together", "limit", "steps", "tables", "searched"),
        notes=tuple(notes),
    )


def printed_model_tables(audit: Audit) -> tuple[DisplayTable, ...]:
    """Lay out each searched regression table: what prints it, its terms, and where the stated selection ends."""
    found = []
    for k, model in enumerate(audit.models):
        tables = [table_of(model), *([] if model.reason else [_term_table(model), _selection_table(model)])]
        found += [replace(table, name=f"{table.name}-{k + 1}") if k else table for table in tables]
    return tuple(found)


def _term_table(model: PrintedModel) -> DisplayTable:
    rows = []
    for term in model.terms:
        infinite = "always" if term in model.separated_in_all else "for some" if term in model.separated_in_some else "no"
        cells = [
            p_span(*found[term]) if term in found else UNDEFINED
            for found in (model.ratio_range, model.firth_range, model.firth_range_possible)
        ]
        rows.append(
            Row(
                (
                    model.labels[term],
                    ", ".join(model.printed[term]) or UNDEFINED,
                    infinite if model.tables else UNDEFINED,
                    *cells,
                )
            )
        )
    return DisplayTable(
        name="printed-model-terms",
        title=f"The terms of {' and '.join(model.sources)} by methods that exist under separation",
        head=("", "Printed P", "Infinite estimate", "P, likelihood ratio", "P, Firth", "P, Firth, all tables left"),
        rows=tuple(rows),
        frame=model.frame,
        notes=(
            f"Ranges over the {len(model.tables)} joint tables that print the model by the stated method; the last column "
            f"over all {model.possible} that the other figures leave.",
        ),
    )


def _selection_table(model: PrintedModel) -> DisplayTable:
    rows, records = [], []
    for k, test in enumerate(model.removal_tests):
        planned = ", as planned" if not k else ""
        rows.append(Row((f"Removal by {removal_in_words(test)}{planned}", "", ""), "heading"))
        for terms, tables in model.selections[test].items():
            kept = ", ".join(model.labels[t] for t in terms) or "no term at all"
            printed = "yes" if terms == printed_terms(model) else "no"
            rows.append(Row((kept, str(tables), printed), "level"))
            records.append((test, terms, tables))
    some = f" (spread evenly over the {len(model.tables)})" if model.followed < len(model.tables) else ""
    return DisplayTable(
        name="printed-model-selection",
        title=f"Where the stated selection ends, for {' and '.join(model.sources)}",
        head=("Ends with", "Tables", "As printed"),
        rows=tuple(rows),
        frame=pd.DataFrame(records, columns=["removal_test", "selected", "tables"]),
        notes=(f"Followed in {model.followed} joint tables that print the model{some}.",),
    )


def printed_terms(model: PrintedModel) -> tuple[str, ...]:
    """Return the terms of which the printed table shows a figure."""
    return tuple(term for term in model.terms if model.printed[term])
