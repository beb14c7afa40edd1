# Reference values for tests/test_selection.py: stepwise selections as SPSS's manual describes FSTEP and BSTEP, by glm and
# anova alone (PSPP has no stepwise logistic regression, R's step goes by AIC).
# Run in this folder after logistic.R, which writes the data: Rscript selection.R      (Debian: r-base-core)
births <- read.csv("logistic_birthwt.csv", stringsAsFactors = TRUE)
births$race <- relevel(births$race, "black")
infertility <- read.csv("logistic_infert.csv")
infertility$education <- factor(infertility$education, c("0-5yrs", "6-11yrs", "12+ yrs"))
tight <- glm.control(epsilon = 1e-15, maxit = 100)
lines <- list()
add <- function(case, quantity, value) {
  if (is.numeric(value)) value <- sprintf("%.17g", value)
  lines[[length(lines) + 1]] <<- data.frame(case = case, quantity = quantity, value = value)
}

columns <- function(fit, name) {
  names(coef(fit))[attr(model.matrix(fit), "assign") == match(name, attr(terms(fit), "term.labels"))]
}
removal <- function(fit, name, test, fitted, inside) {
  of <- columns(fit, name); b <- coef(fit); v <- vcov(fit)
  chi <- switch(test,
    wald = as.numeric(b[of] %*% solve(v[of, of, drop = FALSE], b[of])),
    lr = 2 * as.numeric(logLik(fit) - logLik(fitted(setdiff(inside, name)))),
    conditional = {  # the likelihood at the others' estimates, were the likelihood quadratic, when these are 0
      stay <- setdiff(names(b), of)
      given <- b[stay] - v[stay, of, drop = FALSE] %*% solve(v[of, of, drop = FALSE], b[of])
      eta <- model.matrix(fit)[, stay, drop = FALSE] %*% given
      2 * (as.numeric(logLik(fit)) - sum(fit$y * eta - log1p(exp(eta))))
    })
  c(chi = chi, p = pchisq(chi, length(of), lower.tail = FALSE))
}

# At every model: the term in it of the largest P leaves when that is above `pout`; otherwise the term outside of the
# smallest score P enters when that is below `pin`; the end is when nothing changes, or when a model returns.
stepwise <- function(method, data, outcome, candidates, pin, pout, test) {
  case <- paste(outcome, method, test, pin, pout)
  fitted <- function(names) {
    glm(reformulate(if (length(names)) names else "1", outcome), binomial, data, control = tight)
  }
  score <- function(now, inside, names) anova(now, fitted(c(inside, names)), test = "Rao")[2, c("Rao", "Pr(>Chi)")]
  inside <- if (method == "backward") candidates else character(0)
  seen <- list(); log <- character(0)
  repeat {
    now <- fitted(inside); outside <- setdiff(candidates, inside)
    step <- paste0("step", length(log))
    add(case, paste0(step, ":minus_2_log_likelihood"), -2 * as.numeric(logLik(now)))
    entering <- sapply(outside, function(name) unlist(score(now, inside, name)))
    for (name in outside) add(case, paste(step, "outside", name, sep = ":"), entering[1, name])
    if (length(outside)) add(case, paste(step, "outside", "all", sep = ":"), unlist(score(now, inside, outside))[1])
    leaving <- sapply(inside, function(name) removal(now, name, test, fitted, inside))
    for (name in inside) add(case, paste(step, "inside", name, sep = ":"), leaving["chi", name])
    if (any(sapply(seen, setequal, inside))) break
    seen <- c(seen, list(inside))
    if (length(inside) && max(leaving["p", ]) > pout) {
      out <- names(which.max(leaving["p", ])); inside <- setdiff(inside, out); log <- c(log, paste0("-", out))
    } else if (length(outside) && min(entering[2, ]) < pin) {
      into <- outside[which.min(entering[2, ])]; inside <- c(inside, into); log <- c(log, paste0("+", into))
    } else break
  }
  add(case, "log", paste(log, collapse = " "))
}
for (method in c("forward", "backward"))
  for (test in c("wald", "lr", "conditional")) {
    for (limits in list(c(0.05, 0.1), c(0.2, 0.15), c(0.6, 0.1)))
      stepwise(method, births, "low", c("smoke", "ht", "ui", "ptl", "lwt", "race"), limits[1], limits[2], test)
    stepwise(method, infertility, "case", c("education", "age", "parity", "spontaneous", "induced"), 0.05, 0.1, test)
  }

# A factor outside of the model: the score tests of its single columns.
now <- glm(low ~ smoke, binomial, births, control = tight)
for (level in c("other", "white")) {
  births$one <- births$race == level
  add("columns", paste("race:", level),
      anova(now, glm(low ~ smoke + one, binomial, births, control = tight), test = "Rao")[2, "Rao"])
}
write.csv(do.call(rbind, lines), "selection.csv", row.names = FALSE, quote = FALSE)
