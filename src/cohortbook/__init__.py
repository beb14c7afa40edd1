"""From a study file and a table of patients to the report that a journal prints.

Everything that a notebook calls stands here by name and is imported when it is first used, so that `import cohortbook`
costs next to nothing.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from typing import Any

__version__ = "0.1.0"

_WHERE = {
    "studyfile.study.study": ("load_study",),
    "studyfile.cohort.cohort": ("load_cohort",),
    "cohortbook.sections.comparison.analysis": (
        "compare_groups",
        "descriptive_table",
        "descriptive_tables",
        "numeric_summaries",
        "outcome_rate",
    ),
    "cohortbook.sections.comparison.comparisons": ("compare_pairs", "study_linear", "study_paired"),
    "cohortbook.sections.missing.centres": ("study_clusters",),
    "cohortbook.sections.model.model_methods": ("model_methods",),
    "cohortbook.sections.model.model_checks": ("model_performance", "model_stability"),
    "cohortbook.sections.model.model_rows": ("model_rows",),
    "cohortbook.sections.model.models": ("full_model", "screen_candidates", "study_model"),
    "cohortbook.sections.survival.endpoints": ("study_competing", "study_survival"),
    "cohortbook.sections.survival.hazards": ("study_competing_models", "study_cox"),
    "cohortbook.sections.survival.visits": ("study_visits",),
    "cohortbook.sections.missing.missing": ("comparison_extremes", "missing_study", "outcome_extremes"),
    "cohortbook.sections.missing.imputed": ("imputed_cox", "imputed_model"),
    "cohortbook.sections.scenarios.questions": ("key_results", "scenario_results"),
    "cohortbook.display.layouts": ("dictionary_table", "flow_table", "left_out_table", "missing_table"),
    "cohortbook.sections.comparison.layouts_groups": ("adjusted_table", "effects_table", "tests_table"),
    "cohortbook.sections.model.layouts_logistic": ("prediction_table", "separation_table"),
    "cohortbook.sections.model.layouts_models": ("full_model_table", "selection_table"),
    "cohortbook.sections.survival.layouts_survival": (
        "group_incidence_table",
        "group_mean_table",
        "group_test_table",
        "landmark_table",
        "rate_table",
        "stratum_table",
        "times_table",
    ),
    "cohortbook.sections.missing.layouts_missing": ("missing_by_outcome_table",),
    "cohortbook.sections.missing.figures_missing": ("plot_missing",),
    "cohortbook.display.figures": ("plot_adjusted", "plot_effects", "plot_flow", "plot_histograms", "plot_outcome_rate"),
    "cohortbook.sections.survival.figures_survival": (
        "plot_competing",
        "plot_competing_groups",
        "plot_strata",
        "plot_survival",
    ),
    "cohortbook.sections.survival.figures_hazards": ("plot_schoenfeld",),
    "cohortbook.sections.survival.figures_visits": ("plot_visits",),
    "cohortbook.sections.survival.layouts_visits": ("kind_table",),
    "cohortbook.display.findings": ("provenance_finding", "synthetic_banner"),
    "cohortbook.sections.model.figures_worth": ("plot_calibration", "plot_model", "plot_stability"),
    "cohortbook.sections.model.findings_worth": ("verdict_finding",),
    "cohortbook.sections.model.findings_models": ("carrying_finding", "selection_finding", "separation_finding"),
    "cohortbook.sections.model.findings_logistic": ("prediction_finding",),
    "cohortbook.sections.survival.findings_survival": (
        "follow_up_finding",
        "group_finding",
        "group_incidence_finding",
        "immortal_finding",
        "survival_finding",
    ),
    "cohortbook.notebook.output": ("save", "save_audit", "show"),
    "printcheck.audit.audit": ("audit_study",),
    "cohortbook.sections.audit.undetermined": ("possible_results",),
    "cohortbook.display.all_layouts": ("table_of",),
    "cohortbook.display.style": ("use_journal",),
    "cohortbook.sections.scenarios.layouts_scenarios": ("scenario_table",),
    "cohortbook.sections.comparison.stratified": ("compare_between",),
    "cohortbook.sections.comparison.figures_explore": ("plot_groups",),
    "cohortbook.notebook.menus": ("explore",),
    "cohortbook.sections.manuscript.manuscript": ("methods_text", "planned_results", "results_text", "strobe_table"),
    "cohortbook.sections.scenarios.findings_scenarios": ("scenario_finding",),
    "cohortbook.sections.audit.layouts_audit": (
        "check_table",
        "conflict_table",
        "consequence_table",
        "printed_model_tables",
        "printed_test_tables",
        "range_table",
        "verdict_table",
    ),
    "cohortbook.sections.audit.figures_audit": ("plot_ranges", "plot_verdicts"),
    # It knows every result.
    "cohortbook.sections.audit.findings_audit": ("audit_findings", "finding", "range_finding"),
}
_MODULE = {name: module for module, names in _WHERE.items() for name in names}
__all__ = sorted(_MODULE)


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(_MODULE[name]), name)
    takes_results = _MODULE[name].startswith(("cohortbook.sections.", "cohortbook.display."))
    return _passing(found) if takes_results and inspect.isfunction(found) else found


def _passing(function: Any) -> Any:
    """Let notebooks go on where there is no result: what is asked of one that is not planned is that it is not.

    An analysis that has no rule for small counts, where the study hides them, gives such a result too.
    """

    @functools.wraps(function)
    def passing(*arguments: Any, **options: Any) -> Any:
        from studyfile.privacy.guard import NotShown
        from tallystats.results import NotPlanned

        not_planned = arguments[0] if arguments and isinstance(arguments[0], NotPlanned) else None
        if not_planned is None:
            try:
                return function(*arguments, **options)
            except NotShown as error:
                not_planned = NotPlanned(str(error), hidden=True)
        if function.__module__.rpartition(".")[2].startswith(("findings", "manuscript")):
            from cohortbook.display.paragraph import Text

            return Text(not_planned.reason)
        return not_planned

    return passing


def __dir__() -> list[str]:
    return [*globals(), *__all__]


def _register_formatters() -> None:
    """In a notebook, show results as tables."""
    if "IPython" in sys.modules and (shell := sys.modules["IPython"].get_ipython()):
        from cohortbook.display.formatters import register_formatters

        register_formatters(shell)


_register_formatters()
