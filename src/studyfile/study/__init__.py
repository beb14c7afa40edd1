"""The study file: its schema, its text and lines, and what its sections say of each other."""
