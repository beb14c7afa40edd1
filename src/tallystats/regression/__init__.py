"""Logistic regression from tallies: likelihood, penalised likelihood, separation, selection. It knows no study."""
