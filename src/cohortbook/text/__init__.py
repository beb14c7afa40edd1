"""Results in words: sentences rendered from results, never typed."""
