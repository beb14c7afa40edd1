# Reference values for tests/test_firth.py and test_flic.py.
# Run in this folder: Rscript firth.R      (Debian: r-base-core, r-cran-brglm2)
# Reads logistic_birthwt.csv and logistic_separated.csv, writes firth.csv and the data firth_endometrial.csv
# (brglm2::endometrial, after Heinze and Schemper 2002).
suppressMessages(library(brglm2))
source("cases.R")
data(endometrial)
names(endometrial) <- tolower(names(endometrial))
write.csv(endometrial, "firth_endometrial.csv", row.names = FALSE, quote = FALSE)
birthwt <- read.csv("logistic_birthwt.csv")
birthwt$race <- factor(birthwt$race, c("black", "other", "white"))
tight <- glm.control(epsilon = 1e-15, maxit = 200)

# Firth's estimates are brglm2's mean-bias-reduced ones; FLIC by its definition; FLAC by its definition: the added data have
# half of each patient's leverage for a weight, and an indicator.
both <- function(case, formula, data) {
  fit <- glm(formula, binomial, data, method = brglm_fit, type = "AS_mean", control = list(epsilon = 1e-13, maxit = 1000))
  table <- summary(fit)$coefficients
  x <- model.matrix(formula, data); y <- fit$y
  slopes <- (x[, -1, drop = FALSE] %*% coef(fit)[-1])[, 1]
  intercept <- coef(glm(y ~ 1, binomial, offset = slopes, control = tight))
  p <- plogis((x %*% coef(fit))[, 1]); w <- p * (1 - p)
  h <- w * rowSums((x %*% solve(t(x) %*% (x * w))) * x)
  stacked <- data.frame(rbind(x, x, x)[, -1, drop = FALSE], added = rep(c(0, 1, 1), each = length(y)))
  stacked$outcome <- c(y, y, 1 - y)
  flac <- suppressWarnings(glm(outcome ~ ., binomial, stacked, weights = c(rep(1, length(y)), h / 2, h / 2), control = tight))
  keep <- !duplicated(x)
  order <- do.call(order, as.data.frame(x[keep, , drop = FALSE]))
  by_pattern <- function(v) v[keep][order]
  add(case, list(estimate = table[, 1], std_error = table[, 2], flic_intercept = intercept,
                 flac = coef(flac)[seq_len(ncol(x))], p_firth = by_pattern(p), p_flic = by_pattern(plogis(intercept + slopes)),
                 p_flac = by_pattern(plogis((x %*% coef(flac)[seq_len(ncol(x))])[, 1]))))
}
# Penalised likelihood-ratio tests of blocks, from the definition: the information in the penalty is that of all columns.
penalised <- function(b, x, y) {
  eta <- (x %*% b)[, 1]; p <- plogis(eta)
  sum(y * eta - log1p(exp(eta))) + determinant(t(x) %*% (x * (p * (1 - p))))$modulus[1] / 2
}
highest <- function(x, y, fixed) {
  free <- setdiff(seq_len(ncol(x)), fixed); b <- rep(0, ncol(x))
  height <- function(v) { b[free] <- v; -penalised(b, x, y) }
  gradient <- function(v) {
    b[free] <- v
    p <- plogis((x %*% b)[, 1]); w <- p * (1 - p)
    h <- w * rowSums((x %*% solve(t(x) %*% (x * w))) * x)
    -(t(x) %*% (y - p + h * (0.5 - p)))[free, 1]
  }
  found <- optim(b[free], height, gradient, method = "BFGS", control = list(reltol = 1e-16, maxit = 5000))
  -nlm(function(v) structure(height(v), gradient = gradient(v)), found$par, gradtol = 1e-12, steptol = 1e-14, iterlim = 1000)$minimum
}
blocks <- function(case, formula, data, center = character(0)) {
  data[center] <- scale(data[center])  # in units that optim can walk in; no test hangs on them
  x <- model.matrix(formula, data); y <- model.response(model.frame(formula, data))
  at <- attr(x, "assign"); names <- attr(terms(formula), "term.labels")
  top <- highest(x, y, integer(0))
  test <- function(fixed) { chi <- 2 * (top - highest(x, y, fixed)); c(chi, length(fixed), pchisq(chi, length(fixed), lower.tail = FALSE)) }
  found <- lapply(seq_along(names), function(k) test(which(at == k)))
  add(case, setNames(c(found, list(test(which(at > 0)))), paste("test", c(names, "model"))))
}
blocks("endometrial", hg ~ nv + pi + eh, endometrial, c("pi", "eh"))
blocks("separated", failed ~ cement + late + weak, read.csv("logistic_separated.csv"))
blocks("birthwt", low ~ smoke + ht + race + lwt, birthwt, "lwt")
both("endometrial", hg ~ nv + pi + eh, endometrial)
both("separated", failed ~ cement + late + weak, read.csv("logistic_separated.csv"))
both("birthwt", low ~ smoke + ht + race + lwt, birthwt)
save_lines("firth.csv")
