"""Small counts: which numbers are hidden, so that none of them can be computed from those that are shown."""
