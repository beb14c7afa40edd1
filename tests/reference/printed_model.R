# Reference values for tests/test_printed_model.py: what each method prints for joint tables of three binary terms.
# Run in this folder: Rscript printed_model.R      (Debian: r-base-core); it writes printed_model.csv.
lines <- list()
add <- function(case, quantity, values) {
  lines[[length(lines) + 1]] <<- data.frame(case = case, quantity = paste(quantity, c("a", "b", "c"), sep = ":"),
                                            value = sprintf("%.17g", values))
}
# Patients of each pattern of a, b, c (000, 001, ... 111), first with the outcome, then without it. The first two are
# separated by a; the third is not.
tables <- list(first = c(0, 0, 0, 0, 0, 1, 1, 1, 40, 5, 6, 0, 15, 1, 0, 2),
               second = c(0, 0, 0, 0, 1, 0, 0, 2, 45, 0, 1, 5, 14, 2, 1, 1),
               whole = c(2, 3, 1, 2, 4, 3, 2, 5, 20, 7, 9, 3, 11, 4, 6, 2))
bits <- as.matrix(expand.grid(c = 0:1, b = 0:1, a = 0:1))[, 3:1]
wald <- function(b, se) 2 * pnorm(-abs(b / se))[-1]

newton <- function(x, y, steps) {  # from zero; standard errors at the last estimates, and at those of the step before
  b <- rep(0, ncol(x))
  se <- function(b) { p <- plogis((x %*% b)[, 1]); sqrt(diag(solve(t(x) %*% (x * (p * (1 - p)))))) }
  for (k in seq_len(steps)) {
    p <- plogis((x %*% b)[, 1])
    old <- b
    b <- b + solve(t(x) %*% (x * (p * (1 - p))), t(x) %*% (y - p))[, 1]
  }
  list(b = b, last = se(b), before = se(old))
}

penalised <- function(x, y, fixed = integer(0)) {  # Newton's method with Firth's score; the penalty is that of all columns
  free <- setdiff(seq_len(ncol(x)), fixed)
  b <- rep(0, ncol(x))
  for (k in 1:2000) {
    p <- plogis((x %*% b)[, 1]); w <- p * (1 - p)
    information <- t(x) %*% (x * w)
    h <- w * rowSums((x %*% solve(information)) * x)
    step <- solve(information[free, free], (t(x) %*% (y - p + h * (0.5 - p)))[free])
    step <- step * min(1, 1 / max(abs(step)))
    b[free] <- b[free] + step
    if (max(abs(step)) < 1e-13) break
  }
  p <- plogis((x %*% b)[, 1])
  information <- t(x) %*% (x * (p * (1 - p)))
  list(b = b, se = sqrt(diag(solve(information))),
       value = sum(y * log(p) + (1 - y) * log1p(-p)) + determinant(information)$modulus[1] / 2)
}

for (case in names(tables)) {
  rows <- rep(1:16, tables[[case]])
  data <- data.frame(bits[(rows - 1) %% 8 + 1, ], y = as.integer(rows <= 8))
  x <- cbind(1, as.matrix(data[c("a", "b", "c")])); y <- data$y
  for (steps in c(1, 5, 20, 21)) {
    fit <- newton(x, y, steps)
    add(case, paste("wald", steps), wald(fit$b, fit$last))
    add(case, paste("before", steps), wald(fit$b, fit$before))
  }
  fit <- suppressWarnings(glm(y ~ a + b + c, binomial, data))  # R's own limits
  add(case, "glm", summary(fit)$coefficients[-1, 4])
  add(case, "glm estimate", coef(fit)[-1])
  tight <- glm.control(epsilon = 1e-13, maxit = 100)
  fit <- suppressWarnings(glm(y ~ a + b + c, binomial, data, control = tight))
  add(case, "ratio", suppressWarnings(drop1(fit, test = "Chisq"))[-1, "Pr(>Chi)"])
  score <- sapply(c("a", "b", "c"), function(term) {
    others <- suppressWarnings(glm(reformulate(setdiff(c("a", "b", "c"), term), "y"), binomial, data, control = tight))
    suppressWarnings(add1(others, reformulate(c(".", term)), test = "Rao"))[2, "Pr(>Chi)"]
  })
  add(case, "score", score)
  best <- penalised(x, y)
  add(case, "firth estimate", best$b[-1])
  add(case, "firth wald", wald(best$b, best$se))
  add(case, "firth ratio", sapply(2:4, function(k)
    pchisq(2 * (best$value - penalised(x, y, k)$value), 1, lower.tail = FALSE)))
  add(case, "alone", sapply(c("a", "b", "c"), function(term) {
    one <- newton(cbind(1, data[[term]]), y, 5)
    wald(one$b, one$last)
  }))
}
write.csv(do.call(rbind, lines), "printed_model.csv", row.names = FALSE, quote = FALSE)
