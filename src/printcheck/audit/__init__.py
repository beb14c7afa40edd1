"""The audit: a verdict for every printed figure, and why."""
