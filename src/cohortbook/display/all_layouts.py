"""Every layout: importing this module teaches `table_of` all results; what shows or saves them imports it from here."""

from cohortbook.display.layouts import table_of
from cohortbook.sections.audit import layouts_audit, layouts_printed_audit
from cohortbook.sections.comparison import layouts_comparisons, layouts_explore, layouts_groups
from cohortbook.sections.missing import layouts_missing
from cohortbook.sections.model import layouts_logistic, layouts_models, layouts_worth
from cohortbook.sections.scenarios import layouts_scenarios
from cohortbook.sections.survival import layouts_hazards, layouts_survival, layouts_visits

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
