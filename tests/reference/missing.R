# Reference values for tests/test_missing.py: imputed data sets, and what they pool to.
# Run in this folder: Rscript missing.R (packages mice 3.15 and survival 3.5). mice::D1 asks for a package (mitml) that Debian
# does not have: the joint test follows the definitions of Li, Raghunathan and Rubin (1991) and Reiter (2007).
suppressPackageStartupMessages({library(mice); library(survival)})
source("cases.R")

D1 <- function(fits, which, dfcom) {
  Q <- sapply(fits, function(f) coef(f)[which]); m <- ncol(Q); k <- nrow(Q)
  U <- Reduce(`+`, lapply(fits, function(f) vcov(f)[which, which])) / m
  q <- rowMeans(Q)
  r <- (1 + 1 / m) * sum(diag(cov(t(Q)) %*% solve(U))) / k
  F <- drop(q %*% solve(U) %*% q) / (k * (1 + r))
  nu <- k * (m - 1)
  large <- if (nu > 4) 4 + (nu - 4) * (1 + (1 - 2 / nu) / r)^2 else nu * (1 + 1 / k) * (1 + 1 / r)^2 / 2
  a <- r * nu / (nu - 2); v <- (dfcom + 1) / (dfcom + 3) * dfcom; d <- nu - 4
  c1 <- v - 2 * (1 + a); c2 <- v - 4 * (1 + a)
  z <- 1 / c2 + (a^2 * c1 / ((1 + a)^2 * c2) + 8 * a^2 * c1 / ((1 + a) * c2^2) + 4 * a^2 / ((1 + a) * c2) +
                 4 * a^2 / (c2 * c1) + 16 * a^2 * c1 / c2^3 + 8 * a^2 / c2^2) / d
  small <- if (nu > 4) 4 + 1 / z else large
  c(F, k, small, pf(F, k, small, lower.tail = FALSE), large, pf(F, k, large, lower.tail = FALSE))
}
pooled <- function(case, fits, which) {
  found <- pool(as.mira(fits))
  told <- summary(found, conf.int = TRUE, conf.level = 0.9)
  p <- found$pooled
  add(case, list(estimate = p$estimate, within = p$ubar, between = p$b, total = p$t, df = p$df, dfcom = p$dfcom[1],
                 fmi = p$fmi, p_value = told$p.value, low = told[["5 %"]], high = told[["95 %"]],
                 joint = D1(fits, which, p$dfcom[1])))
}

# Primary biliary cholangitis: patients with and without cholesterol, platelets, hepatomegaly and stage.
d <- with(pbc, data.frame(time, died = as.integer(status == 2), age, chol, platelet, hepato, stage = factor(stage)))
d$hepato <- factor(d$hepato)
imputed <- mice(d, m = 5, maxit = 5, seed = 20, printFlag = FALSE)
add("pbc", list(data_time = d$time, data_died = d$died, data_age = d$age, data_chol = d$chol, data_platelet = d$platelet,
                data_hepato = as.integer(as.character(d$hepato)), data_stage = as.integer(d$stage)))
for (k in 1:5) for (name in c("chol", "platelet", "hepato", "stage")) {
  drawn <- complete(imputed, k)[is.na(d[[name]]), name]
  add("pbc", setNames(list(as.numeric(as.character(drawn))), paste0("set", k, "_", name)))
}
sets <- complete(imputed, "all")
tight <- glm.control(epsilon = 1e-14, maxit = 100)
logistic <- function(s) {
  fit <- glm(died ~ age + chol + hepato + stage, binomial, s, control = tight)
  glm(died ~ age + chol + hepato + stage, binomial, s, control = tight, start = coef(fit)) # its errors are of the step before
}
pooled("logistic", lapply(sets, logistic), 5:7)
pooled("logistic_two", lapply(sets[1:2], logistic), 5:7)
exact <- coxph.control(eps = 1e-14, iter.max = 100, toler.chol = 1e-15)
pooled("cox", lapply(sets, function(s) coxph(Surv(time, died) ~ age + chol + hepato + stage, s, control = exact)), 4:6)

# The patterns of what is missing: count, then 1 where a variable is there; and who is complete, variable after variable.
pattern <- md.pattern(d, plot = FALSE)
asked <- c("age", "stage", "platelet", "hepato", "chol")
body <- pattern[-nrow(pattern), asked]
add("patterns", list(counts = as.integer(rownames(body)), there = as.vector(t(body)),
                     missing = colSums(is.na(d[asked])),
                     remaining = sapply(seq_along(asked), function(k) sum(complete.cases(d[asked[1:k]]))),
                     fisher = sapply(asked[-1], function(v) fisher.test(table(is.na(d[[v]]), d$died))$p.value)))
save_lines("missing.csv")
