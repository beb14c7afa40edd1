"""Printed figures as constraints: what can hold together, minimal conflicts, smallest repairs."""
