# Reference values of what is said of a Cox model as a whole: its three tests, its concordance, its Schoenfeld residuals.
# Run in this folder, after survival.R: Rscript cox_tests.R (package survival 3.5).
suppressPackageStartupMessages({library(survival); library(splines)})
source("cases.R")
tight <- coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 100)
said <- function(case, prefix, formula, data, ...) {
  fit <- do.call(coxph, list(formula, data, control = tight, ...))
  s <- summary(fit)
  c_index <- concordance(fit)
  found <- list(lr = s$logtest, score = s$sctest, wald = as.numeric(c(fit$wald.test, length(coef(fit)),
                  pchisq(fit$wald.test, length(coef(fit)), lower.tail = FALSE))),
                concordance = c(c_index$concordance, sqrt(c_index$var)))
  test <- cox.zph(fit, "rank", terms = FALSE)
  found <- c(found, list(zph_time = test$time, zph_rank = test$x, zph_y = as.vector(test$y)))
  # The lines of plot.cox.zph, which hands nothing back: a natural spline and two standard errors about it.
  x <- test$x; at <- seq(min(x), max(x), length.out = 40)
  basis <- ns(c(at, x), df = 4, intercept = TRUE)
  rows <- qr(basis[-(1:40), ]); inner <- backsolve(qr.R(rows), diag(4))
  width <- sapply(diag(test$var), function(v) 2 * sqrt(v * rowSums((basis[1:40, ] %*% inner)^2)))
  found <- c(found, list(smooth = as.vector(basis[1:40, ] %*% qr.coef(rows, test$y)), smooth_width = as.vector(width)))
  add(case, setNames(found, paste0(prefix, names(found))))
}
drawn <- case_of("drawn")
drawn$ward <- (seq_along(drawn$time) * 7) %% 17
said("drawn", "", Surv(time, event) ~ x1 + x2 + x3, drawn)
said("drawn", "late_", Surv(entry, time, event) ~ x1 + x2 + x3, drawn)
said("drawn", "strata_", Surv(time, event) ~ x1 + x2 + strata(stratum), drawn)
said("drawn", "late_strata_", Surv(entry, time, event) ~ x1 + x2 + strata(stratum), drawn)
said("drawn", "cluster_", Surv(time, event) ~ x1 + x2 + x3, drawn, cluster = drawn$ward)
said("remission", "", Surv(time, event) ~ group, case_of("remission"))
said("veteran", "", Surv(time, event) ~ x1 + group + x2 + x4, case_of("veteran"))
lung <- case_of("lung")
said("lung", "", Surv(time, event) ~ x1 + x2 + x4 + x5, lung[complete.cases(lung), ])
save_lines("cox_tests.csv")
