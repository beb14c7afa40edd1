# Reference values for tests/test_fine_gray.py.
# Run in this folder, after survival.R and gray.R: Rscript fine_gray.R (packages cmprsk 2.2-11 and survival 3.5).
suppressPackageStartupMessages({library(survival); library(cmprsk)})
source("cases.R")
tight <- coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 100)
by_crr <- function(case, prefix, d, x, k) {
  fit <- crr(d$time, d$cause, x, failcode = k, cencode = 0, gtol = 1e-12, maxiter = 50)
  found <- list(coef = fit$coef, se = sqrt(diag(fit$var)), log_likelihood = fit$loglik)
  add(case, setNames(found, paste0(prefix, k, "_crr_", names(found))))
}
by_finegray <- function(case, prefix, d, formula, k, late = FALSE) {
  d$row <- seq_along(d$time)
  d$state <- factor(d$cause, 0:2)
  terms <- paste(all.vars(formula), collapse = " + ")
  y <- if (late) "Surv(entry, time, state)" else "Surv(time, state)"
  long <- finegray(as.formula(paste(y, "~", terms, "+ row")), d, etype = as.character(k), id = row)
  stopifnot(is.finite(long$fgwt))
  fit <- coxph(update(formula, Surv(fgstart, fgstop, fgstatus) ~ .), long, weights = fgwt, ties = "breslow", cluster = row,
               control = tight)
  table <- summary(fit)$coefficients
  found <- list(coef = table[, "coef"], se = table[, "robust se"], z = table[, "z"], p = table[, "Pr(>|z|)"],
                low = confint(fit, level = 0.9)[, 1], high = confint(fit, level = 0.9)[, 2], log_likelihood = fit$loglik[2])
  add(case, setNames(found, paste0(prefix, k, "_finegray_", names(found))))
}
drawn <- case_of("drawn")
untied <- transform(drawn, time = time + (seq_along(time) * 37 %% 97) / 1000)
add("untied", setNames(as.list(untied), paste0("data_", names(untied))))
# Entries after which others are always at risk: else finegray's weights are 0 / 0, and coxph leaves out all before.
entered <- transform(drawn, entry = floor(time * ((seq_along(time) * 37) %% 11) / 16))
add("entered", setNames(as.list(entered), paste0("data_", names(entered))))
biliary <- with(na.omit(pbc[c("time", "status", "age", "bili", "edema")]),
                data.frame(time, cause = status, x1 = as.integer(edema > 0), x2 = age, x4 = bili))
add("biliary", setNames(as.list(biliary), paste0("data_", names(biliary))))
uncensored <- transform(drawn[drawn$cause > 0, ], x4 = x2)
add("uncensored", setNames(as.list(uncensored), paste0("data_", names(uncensored))))
for (k in 1:2) {
  for (name in c("drawn", "untied")) {
    d <- get(name)
    by_crr(name, "", d, model.matrix(~ x1 + x2 + x3, d)[, -1], k)
    by_finegray(name, "", d, ~ x1 + x2 + x3, k)
  }
  by_finegray("entered", "late_", entered, ~ x1 + x2 + x3, k, late = TRUE)
  by_crr("biliary", "", biliary, as.matrix(biliary[c("x1", "x2", "x4")]), k)
  by_finegray("biliary", "", biliary, ~ x1 + x2 + x4, k)
  by_crr("uncensored", "", uncensored, as.matrix(uncensored[c("x1", "x2")]), k)
  by_finegray("uncensored", "", uncensored, ~ x1 + x2, k)
  fit <- coxph(Surv(time, cause == k) ~ x1 + x2 + x3, drawn, control = tight)
  add("drawn", setNames(list(coef(fit), sqrt(diag(vcov(fit)))), paste0(k, "_own_", c("coef", "se"))))
}
save_lines("fine_gray.csv")
