# Reference values for tests/test_term_tests.py: tests of terms, and profile-likelihood intervals of maximum likelihood.
# Run in this folder: Rscript term_tests.R      (Debian: r-base-core)
# Reads logistic_birthwt.csv, logistic_separated.csv and firth_endometrial.csv, writes term_tests.csv. Under separation glm
# stops where the deviance stands still: the likelihood is then at its supremum, whatever the estimates are.
source("cases.R")
options(warn = -1)
tight <- glm.control(epsilon = 1e-16, maxit = 60)
birthwt <- read.csv("logistic_birthwt.csv")
birthwt$race <- factor(birthwt$race, c("black", "other", "white"))

profiled <- function(case, formula, data, infinite = character(0)) {
  x <- model.matrix(formula, data); y <- model.response(model.frame(formula, data))
  height <- function(columns, offset) -glm.fit(x[, columns, drop = FALSE], y, offset = offset, family = binomial(), control = tight)$deviance / 2
  all <- seq_len(ncol(x)); top <- height(all, rep(0, length(y)))
  fit <- glm.fit(x, y, family = binomial(), control = tight)
  for (k in all[-1]) {
    name <- colnames(x)[k]
    drop <- function(b) top - height(all[-k], b * x[, k]) - qchisq(0.95, 1) / 2
    scale <- 1 / sd(x[, k])
    from <- if (name %in% infinite) 0 else coef(fit)[k]
    while (drop(from) > 0) from <- from + 2 * scale  # towards an estimate of plus infinity
    ends <- sapply(c(-1, 1), function(side) {
      if (side > 0 && name %in% infinite) return(Inf)
      far <- scale / 2
      while (drop(from + side * far) < 0) far <- 1.5 * far
      uniroot(drop, sort(c(from, from + side * far)), tol = 1e-13)$root
    })
    add(case, setNames(list(ends), paste("profile", name)))
  }
}
profiled("birthwt", low ~ smoke + ht + race + lwt, birthwt)
profiled("separated", failed ~ cement + late + weak, read.csv("logistic_separated.csv"), "cement")
profiled("endometrial", hg ~ nv + pi + eh, read.csv("firth_endometrial.csv"), "nv")

tested <- function(case, formula, data, finite) {
  fit <- glm(formula, binomial, data, control = tight); null <- update(fit, . ~ 1)
  add(case, list("model lr" = anova(null, fit, test = "LRT")[2, c("Deviance", "Pr(>Chi)")],
                 "model score" = anova(null, fit, test = "Rao")[2, c("Rao", "Pr(>Chi)")]))
  of <- function(names) { b <- coef(fit)[names]; as.numeric(b %*% solve(vcov(fit)[names, names, drop = FALSE], b)) }
  if (finite) add(case, list("model wald" = { w <- of(names(coef(fit))[-1]); c(w, pchisq(w, length(coef(fit)) - 1, lower.tail = FALSE)) }))
  for (term in attr(terms(fit), "term.labels")) {
    columns <- names(coef(fit))[attr(model.matrix(fit), "assign") == match(term, attr(terms(fit), "term.labels"))]
    less <- update(fit, as.formula(paste(". ~ . -", term)))
    add(case, setNames(list(anova(less, fit, test = "LRT")[2, c("Deviance", "Pr(>Chi)")],
                            anova(less, fit, test = "Rao")[2, c("Rao", "Pr(>Chi)")]), paste(term, c("lr", "score"))))
    if (finite) { w <- of(columns); add(case, setNames(list(c(w, pchisq(w, length(columns), lower.tail = FALSE))), paste(term, "wald"))) }
  }
}
tested("birthwt", low ~ smoke + ht + race + lwt, birthwt, TRUE)
tested("separated", failed ~ cement + late + weak, read.csv("logistic_separated.csv"), FALSE)
save_lines("term_tests.csv")
