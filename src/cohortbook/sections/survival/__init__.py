"""Survival curves, tests, competing risks, hazard models, interval-censored outcomes."""
