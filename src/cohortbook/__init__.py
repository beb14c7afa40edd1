"""From a study file and a table of patients to the report that a journal prints.

Everything that a notebook calls stands here by name and is imported when it is first used, so that `import cohortbook`
costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_WHERE = {
    "study": ("load_study",),
    "cohort": ("load_cohort",),
    "analysis": (
        "compare_groups",
        "descriptive_table",
        "descriptive_tables",
        "numeric_summaries",
        "outcome_rate",
    ),
    "layouts": (
        "adjusted_table",
        "dictionary_table",
        "effects_table",
        "flow_table",
        "missing_table",
        "table_of",
        "tests_table",
    ),
    "figures": (
        "plot_adjusted",
        "plot_effects",
        "plot_flow",
        "plot_histograms",
        "plot_outcome_rate",
    ),
    "findings": ("finding", "provenance_finding", "synthetic_banner"),
    "output": ("save", "show"),
}
_MODULE = {name: module for module, names in _WHERE.items() for name in names}
__all__ = sorted(_MODULE)


def __getattr__(name: str) -> Any:
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
