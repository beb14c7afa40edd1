"""Missing data: complete cases by analysis, sensitivity analyses, imputation; clustering by center."""
