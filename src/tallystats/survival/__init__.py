"""Times to events from tallies: curves, tests, models, competing risks. They know no study."""
