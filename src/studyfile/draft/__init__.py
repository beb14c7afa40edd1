"""A study file drafted from a table of patients."""
