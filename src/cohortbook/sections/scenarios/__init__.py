"""Key results of a study, and which conclusions change under its scenarios."""
