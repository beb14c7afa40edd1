"""The sections of the report, a folder each: the plan carried out, its tables, figures and sentences."""
