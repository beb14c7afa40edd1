"""From a study file and a table of patients to the report that a journal prints."""

__version__ = "0.1.0"
