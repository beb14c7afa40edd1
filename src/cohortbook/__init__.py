"""From a study file and a table of patients to the report that a journal prints.

Everything that a notebook calls stands here by name and is imported when it is first used, so that `import cohortbook`
costs next to nothing.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from typing import Any

__version__ = "0.1.0"

_WHERE = {
    "study.study": ("load_study",),
    "cohort.cohort": ("load_cohort",),
    "plan.analysis": ("compare_groups", "descriptive_table", "descriptive_tables", "numeric_summaries", "outcome_rate"),
    "plan.comparisons": ("compare_pairs", "study_linear", "study_paired"),
    "plan.centres": ("study_clusters",),
    "plan.model_methods": ("model_methods",),
    "plan.model_checks": ("model_performance", "model_stability"),
    "plan.model_rows": ("model_rows",),
    "plan.models": ("full_model", "screen_candidates", "study_model"),
    "plan.endpoints": ("study_competing", "study_survival"),
    "plan.hazards": ("study_competing_models", "study_cox"),
    "plan.visits": ("study_visits",),
    "plan.missing": ("comparison_extremes", "missing_study", "outcome_extremes"),
    "plan.imputed": ("imputed_cox", "imputed_model"),
    "plan.questions": ("key_results", "scenario_results"),
    "tables.layouts": ("dictionary_table", "flow_table", "left_out_table", "missing_table"),
    "tables.layouts_groups": ("adjusted_table", "effects_table", "tests_table"),
    "tables.layouts_logistic": ("prediction_table", "separation_table"),
    "tables.layouts_models": (
        "full_model_table",
        "selection_table",
    ),
    "tables.layouts_survival": (
        "group_incidence_table",
        "group_mean_table",
        "group_test_table",
        "landmark_table",
        "rate_table",
        "stratum_table",
        "times_table",
    ),
    "tables.layouts_missing": ("missing_by_outcome_table",),
    "figures.figures_missing": ("plot_missing",),
    "figures.figures": ("plot_adjusted", "plot_effects", "plot_flow", "plot_histograms", "plot_outcome_rate"),
    "figures.figures_survival": ("plot_competing", "plot_competing_groups", "plot_strata", "plot_survival"),
    "figures.figures_hazards": ("plot_schoenfeld",),
    "figures.figures_visits": ("plot_visits",),
    "tables.layouts_visits": ("kind_table",),
    "text.findings": ("provenance_finding", "synthetic_banner"),
    "figures.figures_worth": ("plot_calibration", "plot_model", "plot_stability"),
    "text.findings_worth": ("verdict_finding",),
    "text.findings_models": (
        "carrying_finding",
        "selection_finding",
        "separation_finding",
    ),
    "text.findings_logistic": ("prediction_finding",),
    "text.findings_survival": (
        "follow_up_finding",
        "group_finding",
        "group_incidence_finding",
        "immortal_finding",
        "survival_finding",
    ),
    "notebook.output": ("save", "save_audit", "show"),
    "audit.audit": ("audit_study",),
    "reconstruct.undetermined": ("possible_results",),
    "tables.all_layouts": ("table_of",),
    "tables.style": ("use_journal",),
    "tables.layouts_scenarios": ("scenario_table",),
    "plan.stratified": ("compare_between",),
    "figures.figures_explore": ("plot_groups",),
    "notebook.menus": ("explore",),
    "text.manuscript": ("methods_text", "planned_results", "results_text", "strobe_table"),
    "text.findings_scenarios": ("scenario_finding",),
    "tables.layouts_audit": (
        "check_table",
        "conflict_table",
        "consequence_table",
        "printed_model_tables",
        "printed_test_tables",
        "range_table",
        "verdict_table",
    ),
    "figures.figures_audit": ("plot_ranges", "plot_verdicts"),
    # The last room knows every result.
    "text.findings_audit": ("audit_findings", "finding", "range_finding"),
}
_MODULE = {name: module for module, names in _WHERE.items() for name in names}
__all__ = sorted(_MODULE)


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"{__name__}.{_MODULE[name]}"), name)
    takes_results = _MODULE[name].split(".")[0] in ("plan", "tables", "figures", "text")
    return _passing(found) if takes_results and inspect.isfunction(found) else found


def _passing(function: Any) -> Any:
    """Let notebooks go on where there is no result: what is asked of an absent one is that it is absent.

    An analysis that has no rule for small counts, where the study hides them, gives an absent result too.
    """
    @functools.wraps(function)
    def passing(*arguments: Any, **options: Any) -> Any:
        from cohortbook.privacy.guard import NotShown
        from cohortbook.results import Absent

        absent = arguments[0] if arguments and isinstance(arguments[0], Absent) else None
        if absent is None:
            try:
                return function(*arguments, **options)
            except NotShown as error:
                absent = Absent(str(error), hidden=True)
        if ".text." in function.__module__:
            from cohortbook.text.paragraph import Text

            return Text(absent.reason)
        return absent

    return passing


def __dir__() -> list[str]:
    return [*globals(), *__all__]
