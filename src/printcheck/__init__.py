"""Reported values of a cohort study, and what they say of its patients.

`printcheck.printed` reads them with their precision, `printcheck.proof` states them as constraints and proves which cannot be
true together, `printcheck.audit` gives each a verdict, and `printcheck.reconstruct` makes patients who print them.
"""
