"""Every layout: importing this module teaches `table_of` all results; what shows or saves them imports it from here."""

from cohortbook.tables import (
    layouts_audit,
    layouts_comparisons,
    layouts_explore,
    layouts_groups,
    layouts_hazards,
    layouts_logistic,
    layouts_missing,
    layouts_models,
    layouts_printed_audit,
    layouts_scenarios,
    layouts_survival,
    layouts_visits,
    layouts_worth,
)
from cohortbook.tables.layouts import table_of

__all__ = [
    "layouts_audit",
    "layouts_comparisons",
    "layouts_explore",
    "layouts_groups",
    "layouts_hazards",
    "layouts_logistic",
    "layouts_missing",
    "layouts_models",
    "layouts_printed_audit",
    "layouts_scenarios",
    "layouts_survival",
    "layouts_visits",
    "layouts_worth",
    "table_of",
]
