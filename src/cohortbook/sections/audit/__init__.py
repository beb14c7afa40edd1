"""The audit of reported values, as tables, figures and sentences."""
