# Reference values for tests/test_survival.py, test_logrank.py, test_competing.py and test_cox.py.
# Run in this folder: Rscript survival.R (packages survival 3.5, cmprsk and etm).
suppressPackageStartupMessages({library(survival); library(cmprsk); library(etm)})
lines <- list()
add <- function(case, ...) {
  for (name in names(list(...))) {
    value <- list(...)[[name]]
    lines[[length(lines) + 1]] <<- data.frame(case = case, quantity = name, values = paste(
      if (is.character(value)) value else sprintf("%.17g", as.numeric(value)), collapse = " "))
  }
}

# Cases. cause: 0 censored, 1 and 2. Remission times: Freireich et al., Blood 1963; 21: 699-716.
remission <- data.frame(
  time = c(6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35,
           1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23),
  event = c(1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, rep(1, 21)),
  group = rep(c("a", "b"), each = 21))
small <- data.frame(
  time = c(3, 5, 5, 8, 8, 12, 12, 15, 20, 20, 25, 30), entry = c(0, 0, 2, 1, 0, 6, 5, 0, 10, 0, 13, 20),
  cause = c(0, 1, 2, 0, 1, 1, 0, 2, 0, 1, 2, 1), group = rep(c("a", "b", "b"), 4))
set.seed(2021)
n <- 90
drawn <- data.frame(x1 = rbinom(n, 1, 0.4), x2 = round(rnorm(n, 60, 10)), x3 = sample(letters[1:3], n, TRUE),
                    stratum = sample(c("u", "v"), n, TRUE))
hazard <- exp(-5 + 0.6 * drawn$x1 + 0.02 * (drawn$x2 - 60))
latent <- cbind(runif(n, 30, 500), rexp(n, hazard), rexp(n, 0.003))
drawn <- transform(drawn, time = 7 * ceiling(apply(latent, 1, min) / 7), cause = apply(latent, 1, which.min) - 1)
drawn <- transform(drawn, entry = pmax(0, time - 1 - floor(rexp(n, 1 / 80))), group = x3)
cases <- list(
  remission = remission, small = small, drawn = drawn,
  no_event = data.frame(time = c(4, 7, 7, 9), event = 0), all_event = data.frame(time = c(4, 7, 7, 9), event = 1),
  one_event = data.frame(time = 5, event = 1), one_censored = data.frame(time = 5, event = 0),
  all_tied = data.frame(time = rep(6, 5), event = c(1, 1, 0, 0, 0)),
  half_then_more = data.frame(time = c(2, 4, 6, 8), event = c(1, 1, 0, 1)),
  half_but_for_rounding = data.frame(time = 1:24, event = 1), # the product of 12 factors exceeds one half
  half_to_the_end = data.frame(time = c(2, 4, 6, 8), event = c(1, 1, 0, 0)),
  at_zero = data.frame(time = c(0, 0, 3, 5, 5), event = c(1, 0, 1, 1, 0)),
  # Everybody at risk dies at 4; others enter later.
  early_zero = data.frame(time = c(3, 4, 4, 9, 12, 15), entry = c(0, 0, 1, 4, 5, 6), cause = c(1, 1, 2, 2, 1, 0)),
  # The upper limit falls below one half and rises again, not above it.
  rising_limit = data.frame(time = rep(1:4, c(96, 61, 1, 2)), event = rep(c(1, 0, 1, 0), c(96, 61, 1, 2))))

curve <- function(case, prefix, fit, fit90, fitplain) {
  found <- list(time = fit$time, n_risk = fit$n.risk, n_events = fit$n.event, n_censored = fit$n.censor,
                survival = fit$surv, std_error = summary(fit, censored = TRUE)$std.err, low = fit$lower,
                high = fit$upper, low_log = fit90$lower, high_log = fit90$upper, low_plain = fitplain$lower,
                high_plain = fitplain$upper, median = unlist(quantile(fit, 0.5)))
  names(found) <- paste0(prefix, names(found))
  do.call(add, c(case, found))
}
tight <- coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 100)
cox <- function(case, prefix, formula, data, singular = FALSE) {
  fit <- do.call(coxph, list(formula, data, control = tight)) # cox.zph looks for the data by name
  table <- summary(fit)$coefficients
  test <- if (singular) NULL else cox.zph(fit, "rank", terms = FALSE)$table # else an error of solve()
  found <- list(coef = table[, 1], se = table[, 3], z = table[, 4], p = table[, 5], low = confint(fit, level = 0.9)[, 1],
                high = confint(fit, level = 0.9)[, 2], log_likelihood = fit$loglik[2],
                concordance = fit$concordance["concordance"], n = c(fit$n, fit$nevent))
  if (!singular) found <- c(found, list(ph = test[, 1], ph_p = test[, 3]))
  names(found) <- paste0(prefix, "cox_", names(found))
  do.call(add, c(case, found))
}

for (case in names(cases)) {
  d <- cases[[case]]
  if (is.null(d$event)) d$event <- as.integer(d$cause > 0)
  for (column in names(d)) do.call(add, c(case, setNames(list(d[[column]]), paste0("data_", column))))
  for (late in c(FALSE, TRUE)[1:(1 + !is.null(d$entry))]) {
    y <- if (late) Surv(d$entry, d$time, d$event) else Surv(d$time, d$event)
    prefix <- if (late) "late_" else ""
    curve(case, prefix, survfit(y ~ 1, conf.type = "log-log"), survfit(y ~ 1, conf.type = "log", conf.int = 0.9),
          survfit(y ~ 1, conf.type = "plain"))
    reverse <- if (late) Surv(d$entry, d$time, 1 - d$event) else Surv(d$time, 1 - d$event)
    do.call(add, c(case, setNames(list(unlist(quantile(survfit(reverse ~ 1, conf.type = "log-log"), 0.5))),
                                  paste0(prefix, "follow_up"))))
    exposure <- sum(d$time - if (late) d$entry else 0)
    if (exposure > 0) {
      rate <- poisson.test(sum(d$event), exposure, conf.level = 0.9)
      do.call(add, c(case, setNames(list(c(exposure, rate$estimate, rate$conf.int)), paste0(prefix, "rate"))))
    }
  }
  # At times between exits and beyond the last; at exits only with delayed entry.
  within <- summary(survfit(Surv(time, event) ~ 1, d, conf.type = "log-log"), times = c(0, 1, 5, 7.5, 12, 1000), extend = TRUE)
  add(case, at_time = within$time, at_n_risk = within$n.risk, at_n_events = cumsum(within$n.event),
      at_n_censored = cumsum(within$n.censor), at_survival = within$surv)

  if (!is.null(d$cause)) {
    state <- survfit(Surv(time, factor(cause, 0:2)) ~ 1, d, id = seq_along(time), conf.type = "log-log")
    other <- timepoints(cuminc(d$time, d$cause), state$time)
    rows <- data.frame(id = seq_along(d$time), entry = d$entry, exit = d$time, from = 0,
                       to = ifelse(d$cause == 0, "cens", d$cause))
    tra <- matrix(FALSE, 3, 3); tra[1, 2:3] <- TRUE
    delayed <- summary(etm(rows, c("0", "1", "2"), tra, "cens", 0, covariance = TRUE))
    for (k in 1:2) {
      greenwood <- delayed[[paste("0", k)]]
      found <- list(state$pstate[, k + 1], state$std.err[, k + 1], state$lower[, k + 1], state$upper[, k + 1],
                    other$est[k, ], other$var[k, ], greenwood$time, greenwood$P, greenwood$var)
      names(found) <- paste0(c("incidence", "incidence_se", "incidence_low", "incidence_high", "cuminc", "cuminc_var",
                               "etm_time", "etm", "etm_var"), k)
      do.call(add, c(case, found))
    }
  }
  if (!is.null(d$group)) {
    for (by in c("", " + strata(stratum)")[1:(1 + !is.null(d$stratum))]) {
      test <- survdiff(as.formula(paste0("Surv(time, event) ~ group", by)), d)
      total <- function(x) if (is.matrix(x)) rowSums(x) else x
      prefix <- if (by == "") "" else "strata_"
      found <- list(test$chisq, test$pvalue, total(test$obs), total(test$exp))
      do.call(add, c(case, setNames(found, paste0(prefix, "logrank_", c("statistic", "p", "observed", "expected")))))
    }
    if (!is.null(d$entry)) {
      exact <- coxph(Surv(entry, time, event) ~ group, d, ties = "exact", control = coxph.control(iter.max = 0))
      add(case, late_logrank_statistic = exact$score)
    }
  }
  if (!is.null(d$x1)) {
    cox(case, "", Surv(time, event) ~ x1 + x2 + x3, d)
    cox(case, "late_", Surv(entry, time, event) ~ x1 + x2 + x3, d)
  }
}
# Cox models of one column, with ties and with exits at 0.
cox("remission", "", Surv(time, event) ~ group, remission)
zero <- transform(small, time = c(0, 0, time[-(1:2)]), event = as.integer(cause > 0), x = c(2, 5, 1, 4, 4, 3, 9, 6, 7, 1, 2, 3))
add("cox_at_zero", data_time = zero$time, data_event = zero$event, data_x = zero$x)
cox("cox_at_zero", "", Surv(time, event) ~ x, zero)
# The only carrier of z has the event early: the first step of Newton's method goes too far.
carrier <- data.frame(time = c(1, 2, 8, 7, 7, 8, 3, 5, 3, 1, 2, 1, 1, 4), event = c(0, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0, 1, 1, 1),
                      x = c(0, 3, 1, 2, 0, 3, 1, 0, 1, 1, 0, 3, 3, 2), z = rep(c(0, 1, 0), c(12, 1, 1)))
do.call(add, c("early_carrier", setNames(as.list(carrier), paste0("data_", names(carrier)))))
cox("early_carrier", "", Surv(time, event) ~ x + z, carrier, singular = TRUE)
# A group that leaves before the first event, and one that is alone when it comes.
early <- data.frame(time = c(1, 2, 5, 6, 7, 8, 9, 4), event = c(0, 0, 1, 1, 0, 1, 1, 1), group = c("a", "a", "b", "c", "b", "c", "b", "c"))
add("left_early", data_time = early$time, data_event = early$event, data_group = early$group)
test <- survdiff(Surv(time, event) ~ group, early)
add("left_early", logrank_statistic = test$chisq, logrank_p = test$pvalue, logrank_observed = test$obs, logrank_expected = test$exp)
# Data sets of the package survival: Veterans' lung cancer (hazards not proportional), lung cancer with missing values.
plain <- with(veteran, data.frame(time, event = status, x1 = as.integer(trt == 2), group = as.character(celltype), x2 = karno,
                                  x4 = age))
do.call(add, c("veteran", setNames(as.list(plain), paste0("data_", names(plain)))))
cox("veteran", "", Surv(time, event) ~ x1 + group + x2 + x4, plain)
test <- survdiff(Surv(time, event) ~ group, plain)
add("veteran", logrank_statistic = test$chisq, logrank_p = test$pvalue, logrank_observed = test$obs, logrank_expected = test$exp)
plain <- with(lung, data.frame(time, event = status - 1, x1 = as.integer(sex == 2), x2 = age, x4 = ph.karno, x5 = wt.loss))
do.call(add, c("lung", setNames(as.list(plain), paste0("data_", names(plain)))))
cox("lung", "", Surv(time, event) ~ x1 + x2 + x4 + x5, plain)
# Competing risks read at some times: transplantation (1) and death (2) in primary biliary cholangitis.
add("pbc", data_time = pbc$time, data_cause = pbc$status)
at <- summary(survfit(Surv(time, factor(status, 0:2)) ~ 1, pbc, id = id, conf.type = "log-log"), times = c(100, 365, 730.5, 1826, 4000))
for (k in 1:2) {
  found <- list(at$time, at$pstate[, k + 1], at$std.err[, k + 1], at$lower[, k + 1], at$upper[, k + 1],
                timepoints(cuminc(pbc$time, pbc$status), at$time)$est[k, ])
  names(found) <- paste0(c("at_time", "at_incidence", "at_se", "at_low", "at_high", "at_cuminc"), k)
  do.call(add, c("pbc", found))
}
write.csv(do.call(rbind, lines), "survival.csv", row.names = FALSE, quote = FALSE)
