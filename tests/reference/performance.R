# Reference values for tests/test_performance.py, test_validation.py and test_collinearity.py.
# Run in this folder after logistic.R, which writes the data: Rscript performance.R   (Debian: r-cran-rms, r-cran-proc)
# Writes performance.csv, and performance_resamples.csv: which patients each of the fixed resamples holds.
suppressMessages({library(rms); library(pROC)})
births <- read.csv("logistic_birthwt.csv", stringsAsFactors = TRUE)
births$race <- relevel(births$race, "black")
infertility <- read.csv("logistic_infert.csv")
infertility$education <- factor(infertility$education, c("0-5yrs", "6-11yrs", "12+ yrs"))
tight <- glm.control(epsilon = 1e-15, maxit = 100)
lines <- list()
add <- function(case, ...) {
  values <- c(...)
  lines[[length(lines) + 1]] <<- data.frame(case = case, quantity = names(values), value = sprintf("%.17g", values))
}

# Groups of patients of equal prediction: by the rule that SAS documents for LACKFIT, and at quantiles.
blocks <- function(p, g) {
  sizes <- rle(sort(p))$lengths; n <- length(p); aim <- floor(n / g + 0.5)
  group <- 1; held <- sizes[1]; of <- 1
  for (size in sizes[-1]) {
    if (held < aim && held + floor(0.5 * size) <= aim) held <- held + size
    else { group <- group + 1; held <- size }
    of <- c(of, group)
  }
  if (group > 1 && held <= floor(0.05 * n * 10 / g)) of[of == group] <- group - 1
  rep(of, sizes)[rank(p, ties.method = "first")]
}
quantiles <- function(p, g) cut(p, unique(quantile(p, seq(0, 1, 1 / g))), include.lowest = TRUE, labels = FALSE)
hosmer <- function(y, p, groups) {
  n <- tapply(y, groups, length); o <- tapply(y, groups, sum); e <- tapply(p, groups, sum)
  chi <- sum((o - e)^2 / (e * (1 - e / n))); df <- length(n) - 2
  list(totals = n, events = o, expected = e, summary = c(statistic = chi, df = df, p_value = pchisq(chi, df, lower.tail = FALSE)))
}
gvif <- function(fit) {  # car::vif
  r <- cov2cor(vcov(fit)[-1, -1]); of <- attr(model.matrix(fit), "assign")[-1]
  sapply(setNames(unique(of), attr(terms(fit), "term.labels")), function(k)
    det(r[of == k, of == k, drop = FALSE]) * (if (all(of == k)) 1 else det(r[of != k, of != k, drop = FALSE])) / det(r))
}

measure <- function(case, formula, data) {
  fit <- glm(formula, binomial, data, control = tight)
  p <- round(fitted(fit), 12); y <- fit$y  # patients of one pattern are tied, whatever the last digit says
  odds <- qlogis(p)
  auc <- ci.auc(y, p, direction = "<", levels = c(0, 1), method = "delong", conf.level = 0.9)
  add(case, c_statistic = auc[2], c_low = auc[1], c_high = auc[3],
      c_se = sqrt(var(roc(y, p, direction = "<", levels = c(0, 1), quiet = TRUE))))
  lr <- lrm(formula, data, tol = 1e-14, eps = 1e-12)
  add(case, nagelkerke = lr$stats[["R2"]],
      cox_snell = 1 - exp((fit$deviance - fit$null.deviance) / length(y)), brier = mean((y - p)^2))
  # Predictions of another model, too extreme and too high: recalibration is not 0 and 1.
  wrong <- plogis(0.3 + 1.7 * odds)
  again <- val.prob(wrong, y, pl = FALSE)
  large <- glm(y ~ offset(qlogis(wrong)), family = binomial, control = tight)
  joint <- glm(y ~ qlogis(wrong), family = binomial, control = tight)
  stopifnot(all.equal(unname(again[c("Intercept", "Slope")]), unname(coef(joint)), tolerance = 1e-5))
  add(case, in_the_large = coef(large)[[1]], intercept = coef(joint)[[1]], slope = coef(joint)[[2]],
      wrong_brier = again[["Brier"]])
  first <- !duplicated(sort(p))
  if (sum(first) > 20) {  # points enough for lines
    smooth <- loess(y ~ p, degree = 1, span = 0.75, control = loess.control(surface = "direct"))
    add(case, setNames(fitted(smooth)[order(p)][first], paste0("smooth:", seq_len(sum(first)))))
  }
  for (binning in c("blocks", "quantiles")) {
    found <- hosmer(y, p, get(binning)(p, 10))
    for (part in c("totals", "events", "expected"))
      add(case, setNames(found[[part]], paste(binning, part, seq_along(found[[part]]), sep = ":")))
    if (found$summary["df"] > 0) add(case, setNames(found$summary, paste(binning, names(found$summary), sep = ":")))
  }
  vif <- gvif(fit)
  add(case, setNames(vif, paste0("gvif:", names(vif))))
}
measure("birthwt", low ~ smoke + ht + ui + ptl + lwt + race, births)
measure("infert", case ~ education + age + parity + spontaneous + induced, infertility)
measure("few", low ~ smoke + ht, births)

# Harrell's bootstrap with fixed resamples: the model made anew, measured in the resample and in the patients.
set.seed(20)
index <- function(odds, y) {
  refit <- lrm.fit(odds, y, tol = 1e-14, eps = 1e-12)
  c(c_statistic = unname(somers2(round(odds, 10), y)["C"]), nagelkerke = refit$stats[["R2"]],
    brier = mean((y - plogis(odds))^2), intercept = refit$coefficients[[1]], slope = refit$coefficients[[2]])
}
formula <- low ~ smoke + ht + ui + ptl + lwt + race
drawn <- replicate(6, sample(nrow(births), replace = TRUE))
write.csv(setNames(as.data.frame(drawn), 1:6), "performance_resamples.csv", row.names = FALSE)
for (k in 1:6) {
  part <- births[drawn[, k], ]
  fit <- glm(formula, binomial, part, control = tight)
  inside <- index(predict(fit), part$low)
  outside <- index(predict(fit, births), births$low)
  add("resamples", setNames(inside, paste("training", k, names(inside), sep = ":")))
  add("resamples", setNames(outside, paste("test", k, names(outside), sep = ":")))
}
# The same in distribution: rms's own bootstrap; Dxy is 2 c - 1.
checked <- validate(lrm(formula, births, x = TRUE, y = TRUE), B = 2000)
for (name in c("Dxy", "R2", "Intercept", "Slope", "B"))
  add("validate", setNames(checked[name, c("index.orig", "training", "test", "index.corrected")],
                           paste(name, c("apparent", "training", "test", "corrected"), sep = ":")))

# A small case by hand, as in the example of concordance().
y <- rep(c(0, 1, 0, 1), c(6, 2, 3, 4)); score <- rep(c(1, 1, 2, 2), c(6, 2, 3, 4))
auc <- ci.auc(y, score, direction = "<", levels = c(0, 1), method = "delong")
add("tied", c_statistic = auc[2], c_low = auc[1], c_high = auc[3])
write.csv(do.call(rbind, lines), "performance.csv", row.names = FALSE, quote = FALSE)
