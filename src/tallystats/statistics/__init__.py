"""Statistics of one variable, and of one variable in groups, from tallies. They know no study."""
