# Reference values for tests/test_logistic.py, test_firth.py and test_selection.py.
# Run in this folder: Rscript logistic.R      (Debian: r-base-core, r-cran-mass)
# Writes logistic.csv and the data that it is made from: logistic_birthwt.csv (MASS::birthwt), logistic_infert.csv and
# logistic_mtcars.csv (R's own) and logistic_separated.csv.
suppressMessages(library(MASS))
lines <- list()
add <- function(case, values) {
  lines[[length(lines) + 1]] <<- data.frame(case = case, quantity = names(values), value = sprintf("%.17g", values))
}
weights_of <- data.frame(low = birthwt$low, smoke = birthwt$smoke, ht = birthwt$ht, ui = birthwt$ui,
                         ptl = as.integer(birthwt$ptl > 0), lwt = birthwt$lwt,
                         race = c("white", "black", "other")[birthwt$race])
# Three failures of 72, all with cement: one of the joint tables that print 0.997, 0.225, 0.483.
cells <- data.frame(cement = c(1, 1, 1, 0, 0, 0, 0, 1, 1, 1), late = c(1, 1, 0, 0, 1, 0, 1, 0, 1, 1),
                    weak = c(1, 0, 1, 0, 0, 1, 1, 0, 0, 1), failed = c(1, 1, 1, 0, 0, 0, 0, 0, 0, 0),
                    n = c(1, 1, 1, 40, 5, 6, 0, 15, 1, 2))
separated <- cells[rep(seq_len(nrow(cells)), cells$n), 1:4]
write.csv(weights_of, "logistic_birthwt.csv", row.names = FALSE, quote = FALSE)
write.csv(separated, "logistic_separated.csv", row.names = FALSE, quote = FALSE)
write.csv(data.frame(case = infert$case, education = infert$education, age = infert$age, parity = infert$parity,
                     spontaneous = infert$spontaneous > 0, induced = infert$induced > 0),
          "logistic_infert.csv", row.names = FALSE, quote = FALSE)
write.csv(mtcars[c("am", "vs", "gear", "cyl", "wt", "mpg", "hp", "qsec")], "logistic_mtcars.csv", row.names = FALSE)
weights_of$race <- relevel(factor(weights_of$race), "black")
tight <- glm.control(epsilon = 1e-15, maxit = 100)
labelled <- function(prefix, values, names) setNames(values, paste(prefix, names, sep = ":"))

# 1. Maximum likelihood, with a factor and a number.
fit <- glm(low ~ smoke + ht + race + lwt, binomial, weights_of, control = tight)
table <- summary(fit)$coefficients
for (k in seq_len(nrow(table))) {
  name <- rownames(table)[k]
  add("birthwt", labelled(name, c(table[k, 1], table[k, 2], table[k, 4], confint.default(fit)[k, ]),
                          c("estimate", "std_error", "p_value", "conf_low", "conf_high")))
}
infertility <- glm(case ~ education + age + parity + I(spontaneous > 0) + I(induced > 0), binomial, infert, control = tight)
rows <- summary(infertility)$coefficients
for (k in seq_len(nrow(rows)))
  add("infert", labelled(c("intercept", "education: 6-11yrs", "education: 12+ yrs", "age", "parity", "spontaneous",
                           "induced")[k], c(rows[k, c(1, 2, 4)]), c("estimate", "std_error", "p_value")))
add("infert", c("log_likelihood" = as.numeric(logLik(infertility))))
add("birthwt", c("log_likelihood" = as.numeric(logLik(fit)), "null_log_likelihood" = -fit$null.deviance / 2))

# 2. Score tests to enter and likelihood-ratio tests to leave.
small <- glm(low ~ smoke + ht, binomial, weights_of, control = tight)
rao <- add1(small, ~ . + race + lwt + ui + ptl, test = "Rao")
for (name in rownames(rao)[-1])
  add("enter", labelled(name, c(rao[name, "Rao score"], rao[name, "Pr(>Chi)"]), c("statistic", "p_value")))
ratio <- drop1(fit, test = "Chisq")
wald <- function(fit, names) {
  b <- coef(fit)[names]
  as.numeric(b %*% solve(vcov(fit)[names, names, drop = FALSE], b))
}
conditional <- function(fit, names) {  # likelihood at the others' estimates given that these are 0
  x <- model.matrix(fit); y <- fit$y; v <- vcov(fit); b <- coef(fit)
  stay <- setdiff(names(b), names)
  given <- b[stay] - v[stay, names, drop = FALSE] %*% solve(v[names, names, drop = FALSE], b[names])
  eta <- x[, stay, drop = FALSE] %*% given
  2 * (as.numeric(logLik(fit)) - sum(y * eta - log1p(exp(eta))))
}
terms <- list(smoke = "smoke", ht = "ht", race = c("raceother", "racewhite"), lwt = "lwt")
for (name in names(terms))
  add("leave", labelled(name, c(wald(fit, terms[[name]]), ratio[name, "LRT"], conditional(fit, terms[[name]])),
                        c("wald", "lr", "conditional")))

# 3. Newton's method from zero, stopped after a number of steps, information at the last estimate.
newton <- function(data, outcome, names, steps) {
  x <- cbind(1, as.matrix(data[names])); y <- data[[outcome]]; b <- rep(0, ncol(x))
  for (k in seq_len(steps)) {
    p <- plogis(x %*% b)[, 1]
    b <- b + solve(t(x) %*% (x * (p * (1 - p))), t(x) %*% (y - p))[, 1]
  }
  p <- plogis(x %*% b)[, 1]
  se <- sqrt(diag(solve(t(x) %*% (x * (p * (1 - p))))))
  list(b = b, se = se, p = 2 * pnorm(-abs(b / se)))
}
for (steps in c(5, 20)) {
  stopped <- newton(separated, "failed", c("cement", "late", "weak"), steps)
  names <- c("intercept", "cement", "late", "weak")
  add(paste0("stopped", steps), labelled(names, stopped$b, "estimate"))
  add(paste0("stopped", steps), labelled(names, stopped$se, "std_error"))
  add(paste0("stopped", steps), labelled(names, stopped$p, "p_value"))
}

# 4. Firth's penalised likelihood from its definition: maximised by Nelder-Mead and BFGS, profiled by uniroot.
penalised <- function(b, x, y) {
  eta <- (x %*% b)[, 1]; p <- plogis(eta)
  sum(y * eta - log1p(exp(eta))) + determinant(t(x) %*% (x * (p * (1 - p))))$modulus[1] / 2
}
highest <- function(x, y, fixed = integer(0), at = numeric(0), start = rep(0, ncol(x))) {
  free <- setdiff(seq_len(ncol(x)), fixed)
  b <- start; b[fixed] <- at
  # Gradient from the definition: score plus half the derivative of log|I|, which is h (1/2 - p).
  gradient <- function(v) {
    b[free] <- v
    p <- plogis((x %*% b)[, 1]); w <- p * (1 - p)
    h <- w * rowSums((x %*% solve(t(x) %*% (x * w))) * x)
    -(t(x) %*% (y - p + h * (0.5 - p)))[free, 1]
  }
  height <- function(v) { b[free] <- v; -penalised(b, x, y) }
  found <- optim(b[free], height, gradient, method = "BFGS", control = list(reltol = 1e-16, maxit = 2000))
  found <- nlm(function(v) structure(height(v), gradient = gradient(v)), found$par, gradtol = 1e-12, steptol = 1e-14,
               iterlim = 1000)
  b[free] <- found$estimate
  list(b = b, value = -found$minimum)
}
firth <- function(case, data, outcome, names, level = 0.95) {
  x <- cbind(1, as.matrix(data[names])); y <- data[[outcome]]
  best <- highest(x, y)
  p <- plogis((x %*% best$b)[, 1])
  se <- sqrt(diag(solve(t(x) %*% (x * (p * (1 - p))))))
  add(case, c("penalised_log_likelihood" = best$value))
  labels <- c("intercept", names)
  for (k in seq_along(labels)) {
    without <- highest(x, y, k, 0, best$b)
    drop <- function(v) best$value - highest(x, y, k, v, best$b)$value - qchisq(level, 1) / 2
    ends <- sapply(c(-1, 1), function(side) {
      far <- 1
      while (drop(best$b[k] + side * far * se[k]) < 0) far <- far * 1.5
      uniroot(drop, sort(best$b[k] + c(0, side * far * se[k])), tol = 1e-12)$root
    })
    chi <- 2 * (best$value - without$value)
    add(case, labelled(labels[k], c(best$b[k], se[k], chi, pchisq(chi, 1, lower.tail = FALSE), ends),
                       c("estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high")))
  }
}
firth("firth_separated", separated, "failed", c("cement", "late", "weak"))
firth("firth_birthwt", weights_of, "low", c("smoke", "ht", "ui"), 0.9)

# 5. Separation, without linear programming: under Newton's method an infinite estimate goes on by the same step for
# ever, a finite one stands still; complete where the estimates put every row on its side.
diverging <- function(formula, data) {
  x <- model.matrix(formula, data); y <- model.response(model.frame(formula, data))
  x[, -1] <- scale(x[, -1])
  b <- rep(0, ncol(x)); step <- b
  for (k in 1:26) {
    p <- plogis((x %*% b)[, 1]); w <- p * (1 - p)
    new <- qr.coef(qr(x * sqrt(w), tol = 1e-14), (y - p) / sqrt(w))
    if (anyNA(new)) break
    step <- new; b <- b + step
  }
  kind <- if (max(abs(step)) < 1e-6) "none" else if (min((2 * y - 1) * (x %*% b)[, 1]) > 0) "complete"
          else "quasi-complete"
  signs <- ifelse(abs(step) < 1e-6, 0, sign(step))[-1]
  terms <- paste(kind, paste(c("0", "+", "-")[match(signs, c(0, 1, -1))], collapse = ""))
  case <- paste("separation", gsub(" ", "", paste(deparse(formula[[2]]), deparse(formula[[3]]), sep = "~")))
  if (kind == "quasi-complete" && k < 26) stop("undecided: ", case)
  lines[[length(lines) + 1]] <<- data.frame(case = case, quantity = "kind", value = terms)
}
for (formula in c(am ~ gear, am ~ gear + wt, am ~ gear + mpg, am ~ gear + hp, vs ~ cyl + mpg, vs ~ wt + hp,
                  am ~ wt + qsec, vs ~ qsec, am ~ wt + hp))
  diverging(formula, mtcars)
diverging(failed ~ cement + late + weak, separated)
write.csv(do.call(rbind, lines), "logistic.csv", row.names = FALSE, quote = FALSE)
