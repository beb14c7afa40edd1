"""Missing values: who is left out for them, multiple imputation and its pooling, best and worst cases."""
