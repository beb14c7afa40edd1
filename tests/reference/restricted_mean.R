# Reference values for tests/test_restricted_mean.py.
# Run in this folder, after survival.R: Rscript restricted_mean.R (package survival 3.5).
# The means are survfit's; differences and ratios follow the definitions that survRM2 (not in Debian) prints.
suppressPackageStartupMessages(library(survival))
source("cases.R")
area <- function(y, tau) {
  table <- summary(survfit(y ~ 1), rmean = tau)$table
  c(table[["rmean"]], table[["se(rmean)"]])
}
for (case in c("remission", "small", "drawn", "veteran", "all_tied", "at_zero", "half_to_the_end")) {
  d <- case_of(case)
  for (share in c(0.5, 1)) {
    tau <- max(d$time) * share
    if (tau < min(d$time)) next # refused there
    add(case, setNames(list(c(tau, area(Surv(d$time, d$event), tau))), paste0("mean_", share)))
    if (!is.null(d$entry)) add(case, setNames(list(c(tau, area(Surv(d$entry, d$time, d$event), tau))), paste0("late_", share)))
  }
  if (is.null(d$group)) next
  tau <- min(tapply(d$time, d$group, max))
  each <- sapply(sort(unique(d$group)), function(g) with(d[d$group == g, ], area(Surv(time, event), tau)))
  m <- each[1, ]; s <- each[2, ]; k <- ncol(each); z <- qnorm(0.95)
  if (any(s == 0)) next # a variance of 0 is no knowledge: refused in the package
  difference <- m[-1] - m[1]; se <- sqrt(s[-1]^2 + s[1]^2)
  log_se <- sqrt((s[-1] / m[-1])^2 + (s[1] / m[1])^2)
  v <- cbind(-1, diag(k - 1)) %*% diag(s^2) %*% t(cbind(-1, diag(k - 1)))
  add(case, list(tau = tau, difference = difference, se = se, p = 2 * pnorm(-abs(difference / se)),
                 low = difference - z * se, high = difference + z * se, ratio = m[-1] / m[1],
                 ratio_low = exp(log(m[-1] / m[1]) - z * log_se), ratio_high = exp(log(m[-1] / m[1]) + z * log_se),
                 joint = difference %*% solve(v, difference)))
}
save_lines("restricted_mean.csv")
