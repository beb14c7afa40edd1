# Reference values for tests/test_degenerate.py: what R says at the edges, where it says something.
# Run in this folder: Rscript degenerate.R (packages survival 3.5 and cmprsk).
suppressPackageStartupMessages({library(survival); library(cmprsk)})
source("cases.R")
times <- c(2, 3, 5, 5, 7, 8, 9, 11, 12, 14)
causes <- c(1, 0, 2, 1, 1, 0, 2, 1, 2, 0)
turns <- rep(c("a", "b"), 5)
cases <- list(
  "no events" = data.frame(time = times, cause = 0, group = turns),
  "all events" = data.frame(time = times, cause = 1, group = turns),
  "one group" = data.frame(time = times, cause = causes, group = "a"),
  "a group of one" = data.frame(time = times, cause = causes, group = rep(c("a", "b", "a"), c(4, 1, 5))),
  "all tied" = data.frame(time = 4, cause = causes, group = turns),
  "nobody followed" = data.frame(time = 0, cause = causes, group = turns))
tight <- coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 100)
ends <- function(y) { # the curve at its end, and when it is one half
  fit <- survfit(y ~ 1)
  c(tail(fit$surv, 1), tail(summary(fit, censored = TRUE)$std.err, 1), quantile(fit, 0.5, conf.int = FALSE))
}
for (case in names(cases)) {
  d <- cases[[case]]
  d$event <- as.integer(d$cause > 0)
  d$x <- ((seq_along(d$time) - 1) * 7) %% 10
  y <- Surv(d$time, d$event)
  add(case, list(kaplan_meier = ends(y), reverse = ends(Surv(d$time, 1 - d$event)),
                 quantiles = quantile(survfit(y ~ 1), c(0.25, 0.75), conf.int = FALSE)))
  area <- summary(survfit(y ~ 1), rmean = max(d$time))$table
  add(case, list(restricted_mean = c(area[["rmean"]], area[["se(rmean)"]])))
  if (sum(d$time)) {
    rate <- poisson.test(sum(d$event), sum(d$time))
    add(case, list(rate = c(sum(d$event), sum(d$time), rate$estimate, rate$conf.int[2])))
  }
  if (any(d$event == 1)) {
    state <- survfit(Surv(time, factor(cause, 0:2)) ~ 1, d, id = seq_along(time))
    last <- nrow(state$pstate)
    add(case, list(aalen_johansen = c(state$pstate[last, 2:3], state$std.err[last, 2])))
    own <- summary(coxph(Surv(time, event) ~ x, d, control = tight))$coefficients
    cause <- summary(coxph(Surv(time, cause == 1) ~ x, d, control = tight))$coefficients
    add(case, list(cox = own[c(1, 5)], cause_specific = cause[c(1, 5)]))
    sub <- crr(d$time, d$cause, d$x, gtol = 1e-12)
    add(case, list(fine_gray = c(sub$coef, 2 * pnorm(-abs(sub$coef / sqrt(sub$var)))))) # its summary rounds P
    if (length(unique(d$group)) > 1) {
      test <- survdiff(Surv(time, event) ~ group, d)
      group <- summary(coxph(Surv(time, event) ~ group, d, control = tight))$coefficients
      add(case, list(log_rank = c(test$chisq, 1, test$pvalue), gray = cuminc(d$time, d$cause, d$group)$Tests[1, c(1, 3, 2)],
                     "cox of a group" = group[c(1, 5)]))
    }
  }
}
save_lines("degenerate.csv")
