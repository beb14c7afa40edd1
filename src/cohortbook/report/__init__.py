"""Executed notebooks as one report."""
