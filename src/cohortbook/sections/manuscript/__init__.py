"""The Methods and Results paragraphs, and the STROBE checklist."""
