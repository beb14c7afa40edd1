# Reference values for strata and robust variance in tests/test_cox.py, and for tests/test_cox_firth.py.
# Run in this folder, after survival.R: Rscript cox_variants.R (packages survival 3.5 and numDeriv).
suppressPackageStartupMessages({library(survival); library(numDeriv)})
source("cases.R")
tight <- coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 100)
numbers <- function(fit, ph = TRUE) {
  table <- summary(fit)$coefficients
  robust <- "robust se" %in% colnames(table)
  found <- list(coef = table[, 1], se = table[, if (robust) "robust se" else "se(coef)"], model_se = table[, "se(coef)"],
                z = table[, "z"], p = table[, ncol(table)], low = confint(fit, level = 0.9)[, 1],
                high = confint(fit, level = 0.9)[, 2], log_likelihood = fit$loglik[2])
  if (ph) {
    test <- cox.zph(fit, "rank", terms = FALSE)$table
    found <- c(found, list(ph = test[, 1]))
  }
  found
}
keep <- function(case, prefix, found) add(case, setNames(found, paste0(prefix, names(found))))

drawn <- case_of("drawn")
drawn$ward <- (seq_along(drawn$time) * 7) %% 17
add("drawn", list(data_ward = drawn$ward))
keep("drawn", "strata_", numbers(coxph(Surv(time, event) ~ x1 + x2 + x3 + strata(stratum), drawn, control = tight)))
keep("drawn", "late_strata_", numbers(coxph(Surv(entry, time, event) ~ x1 + x2 + strata(stratum), drawn, control = tight)))
keep("drawn", "robust_", numbers(coxph(Surv(time, event) ~ x1 + x2 + x3, drawn, robust = TRUE, control = tight)))
keep("drawn", "cluster_", numbers(coxph(Surv(time, event) ~ x1 + x2 + x3, drawn, cluster = ward, control = tight)))
keep("drawn", "late_cluster_", numbers(coxph(Surv(entry, time, event) ~ x1 + x2 + strata(stratum), drawn, cluster = ward, control = tight), ph = FALSE))
veteran <- case_of("veteran")
keep("veteran", "robust_", numbers(coxph(Surv(time, event) ~ x1 + group + x2 + x4, veteran, robust = TRUE, control = tight)))

# Firth, from the definition: loglik and information from coxph at given coefficients, derivatives by numDeriv.
firth <- function(formula, data, level = 0.9) {
  value <- function(b) {
    fit <- try(coxph(formula, data, init = b, control = coxph.control(iter.max = 0)), silent = TRUE)
    if (inherits(fit, "try-error")) return(-1e6) # a first step too far
    fit$loglik[length(fit$loglik)] - determinant(vcov(fit))$modulus / 2
  }
  p <- length(coef(coxph(formula, data, control = coxph.control(iter.max = 0))))
  best <- function(start, free) {
    f <- function(b) value(replace(start, free, b))
    b <- start[free]
    if (length(b)) {
      b <- optim(b, f, method = "BFGS", control = list(fnscale = -1, reltol = 1e-14))$par
      for (i in 1:5) b <- b - solve(hessian(f, b), grad(f, b))
    }
    list(b = replace(start, free, b), value = as.numeric(value(replace(start, free, b))))
  }
  top <- best(rep(0, p), 1:p)
  fit <- coxph(formula, data, init = top$b, control = coxph.control(iter.max = 0))
  se <- sqrt(diag(vcov(fit)))
  end <- function(k, sign) {
    height <- function(x) best(replace(top$b, k, x), setdiff(1:p, k))$value - top$value + qchisq(level, 1) / 2
    far <- 1; while (height(top$b[k] + sign * far * se[k]) > 0) far <- far * 1.5
    uniroot(height, sort(top$b[k] + sign * c(0.2, far) * se[k]), tol = 1e-11)$root
  }
  chisq <- sapply(1:p, function(k) 2 * (top$value - best(replace(top$b, k, 0), setdiff(1:p, k))$value))
  list(coef = top$b, se = se, statistic = chisq, p = pchisq(chisq, 1, lower.tail = FALSE), value = top$value,
       low = sapply(1:p, end, sign = -1), high = sapply(1:p, end, sign = 1))
}
keep("drawn", "firth_", firth(Surv(time, event) ~ x1 + x2, drawn))
keep("drawn", "late_firth_", firth(Surv(entry, time, event) ~ x1 + strata(stratum), drawn))
# Monotone in x, with ties; z varies beside it.
monotone <- data.frame(time = c(3, 4, 4, 7, 9, 9, 12, 15, 15, 20), event = c(1, 1, 1, 1, 0, 1, 0, 0, 0, 0),
                       x = c(1, 1, 1, 1, 1, 1, 0, 0, 0, 0), z = c(2, 5, 1, 4, 3, 6, 2, 5, 4, 1))
keep("monotone", "data_", as.list(monotone))
keep("monotone", "one_firth_", firth(Surv(time, event) ~ x, monotone))
keep("monotone", "firth_", firth(Surv(time, event) ~ x + z, monotone))
save_lines("cox_variants.csv")
