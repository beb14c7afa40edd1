"""The logistic model: candidates, selection, separation, penalized and exact estimates, performance."""
