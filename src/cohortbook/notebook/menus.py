"""Explore a cohort by hand in JupyterLab: choose, look, and take the line of code that shows the same."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from cohortbook.sections.comparison.figures_explore import plot_groups
from cohortbook.sections.comparison.layouts_explore import table_of
from cohortbook.sections.comparison.stratified import compare_between
from studyfile.cohort.cohort import Cohort
from studyfile.errors import CohortbookError
from studyfile.study.study import NUMERIC
from tallystats.results import NotPlanned
from tallystats.statistics import compare, compare_several

if TYPE_CHECKING:
    from ipywidgets import VBox

#: What the choice of no strata, and of the planned survival endpoint, is called.
ALL = "all patients together"


def explore(cohort: Cohort, *, name: str = "patients") -> VBox:
    """Show menus of a cohort's variables: what is compared, between which groups, by which test, in which strata.

    Parameters
    ----------
    cohort : Cohort
    name : str
        What the notebook calls the cohort, for the line of code.

    Returns
    -------
    ipywidgets.VBox
        Menus, the line of code, the table and the figure; these follow every choice.

    Raises
    ------
    CohortbookError
        When the study has no variable with levels, and so no groups to compare.
    """
    import ipywidgets as widgets

    study = cohort.study
    grouping = [v for v in study.names if study.levels(v)]
    if not grouping:
        raise CohortbookError(f"{study.path}: no variable has levels, so there are no groups to compare")
    kinds = [v for v in study.names if study.kind(v) != "date"]
    planned = [
        v
        for v in (study.file.comparison and study.file.comparison.groups, study.file.outcome and study.file.outcome.variable)
        if v in grouping
    ]
    wide = {"description_width": "8em"}
    if len(kinds) < 2:
        raise CohortbookError(f"{study.path}: the study has one variable; a comparison takes two")
    by = _menu(widgets, "Groups", study, grouping, (planned or grouping)[0], wide)
    variable = _menu(widgets, "Variable", study, kinds, next(v for v in kinds if v != by.value), wide)
    test = widgets.Dropdown(description="Test", style=wide)
    strata = widgets.Dropdown(
        description="Strata",
        style=wide,
        value="",
        options=[(ALL, ""), *((study.label(v), v) for v in study.names if study.levels(v) and study.kind(v) != "date")],
    )
    code, table, figure = widgets.HTML(), widgets.HTML(), widgets.Image(format="png", layout={"max_width": "48em"})

    def suit(_: Any = None) -> None:
        kept, several = test.value, len(study.levels(by.value)) > 2
        suited = (compare_several if several else compare).SUITED[study.kind(variable.value)]
        if several and study.kind(by.value) != "ordered":
            suited = [name for name in suited if name not in compare_several.TRENDS]
        test.options = ("auto", *suited)
        test.value = kept if kept in test.options else "auto"

    def show(_: Any = None) -> None:
        asked = {"by": by.value, "test": test.value, "strata": strata.value}
        options = {key: value for key, value in asked.items() if value not in ("", "auto")}
        words = ", ".join([repr(variable.value), *(f"{key}={value!r}" for key, value in options.items())])
        code.value = f"<code>cb.compare_between({name}, {html.escape(words)})</code>"
        table.value, figure.value = _drawn(cohort, variable.value, options)
        figure.layout.display = None if figure.value else "none"

    suit()
    for menu in (by, variable):
        menu.observe(suit, "value")
    for menu in (by, variable, test, strata):
        menu.observe(show, "value")
    show()
    return widgets.VBox([widgets.HBox([widgets.VBox([by, variable]), widgets.VBox([test, strata])]), code, table, figure])


def _menu(widgets: Any, label: str, study: Any, names: list[str], value: str, style: dict) -> Any:
    options = [
        (f"{study.label(v)}{', ' + study.unit(v) if study.kind(v) in NUMERIC and study.unit(v) else ''}", v) for v in names
    ]
    twice = {text for text, _ in options if [t for t, _ in options].count(text) > 1}
    options = [(f"{text} ({v})" if text in twice else text, v) for text, v in options]
    return widgets.Dropdown(description=label, options=options, value=value, style=style)


def _drawn(cohort: Cohort, variable: str, options: dict) -> tuple[str, bytes]:
    """Return a comparison as HTML and PNG; a choice that makes no sense as its message."""
    try:
        result = compare_between(cohort, variable, **options)
    except (CohortbookError, ValueError) as error:
        return f"<p>{html.escape(str(error))}</p>", b""
    if isinstance(result, NotPlanned):
        return f"<p>{html.escape(result.reason)}</p>", b""
    return table_of(result).html, plot_groups(result).rendered("png", dpi=100)
