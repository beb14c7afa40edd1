# Reference values of quantiles of survival for tests/survival_comparisons.py.
# Run in this folder, after survival.R: Rscript quantiles.R (package survival 3.5).
suppressPackageStartupMessages(library(survival))
source("cases.R")
probabilities <- c(0.1, 0.25, 0.5, 0.75, 0.9)
quantiles <- function(y, conf_type) {
  found <- quantile(survfit(y ~ 1, conf.type = conf_type, conf.int = 0.9), probabilities)
  c(found$quantile, found$lower, found$upper)
}
for (case in c("remission", "small", "drawn", "veteran", "lung", "all_tied", "at_zero", "half_to_the_end", "half_then_more", "early_zero",
               "rising_limit")) {
  d <- case_of(case)
  for (conf_type in c("log-log", "log", "plain")) {
    add(case, setNames(list(quantiles(Surv(d$time, d$event), conf_type)), paste0("quantiles_", conf_type)))
    if (!is.null(d$entry))
      add(case, setNames(list(quantiles(Surv(d$entry, d$time, d$event), conf_type)), paste0("late_quantiles_", conf_type)))
  }
}
save_lines("quantiles.csv")
