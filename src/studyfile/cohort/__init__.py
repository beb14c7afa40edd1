"""Patients: data files of many formats, read, checked against the dictionary, made eligible, derived."""
