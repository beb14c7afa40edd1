"""Patients who print the same figures: one cohort, or many as far apart as they can be."""
