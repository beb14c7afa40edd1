"""Comparisons between groups: tests, effect sizes, adjusted P values, paired and stratified comparisons."""
