# Reference values for tests/test_exact.py.
# Run in this folder: Rscript exact.R      (Debian: r-base-core)
# Writes exact.csv. fisher.test and mantelhaen.test(exact = TRUE) run as they are, their root finder alone set to more digits;
# what neither has is found by enumeration: every way in which the same number of patients may have the outcome.
source("cases.R")
tight <- function(test) {
  environment(test) <- list2env(list(uniroot = function(...) stats::uniroot(..., tol = 1e-15)), parent = environment(test))
  test
}
fisher <- tight(stats::fisher.test)
stratified <- tight(stats::mantelhaen.test)

# 1. One binary term: a, b have the term without and with the outcome; c, d lack it.
for (counts in list(c(18, 3, 51, 0), c(3, 7, 9, 4), c(1, 8, 10, 2), c(5, 5, 5, 6), c(2, 0, 9, 30), c(0, 1, 6, 1))) {
  test <- fisher(matrix(counts[c(2, 1, 4, 3)], 2))
  middle <- fisher(matrix(counts[c(2, 1, 4, 3)], 2), conf.level = 0.8)
  add(paste("fisher", paste(counts, collapse = "_")),
      list(counts = counts, p_value = test$p.value, estimate = test$estimate, conf = test$conf.int, conf80 = middle$conf.int))
}

# 2. One binary term within the strata of a factor.
tables <- list(
  rabbits = array(c(0, 0, 6, 5, 3, 0, 3, 6, 6, 2, 0, 4, 5, 6, 1, 0, 2, 5, 0, 0), c(2, 2, 5)),  # Agresti 1990, p. 233
  departments = UCBAdmissions[, , c(1, 5, 6)] %/% 6)
for (name in names(tables)) {
  cells <- tables[[name]]
  test <- stratified(cells, exact = TRUE)
  add(paste("strata", name), list(cells = as.vector(cells), p_value = test$p.value, estimate = test$estimate,
                                  conf = test$conf.int))
}

# 3. Everything, by enumeration.
law_of <- function(values, at) {  # the distribution of a statistic: its values less the observed one, and how many have it
  counted <- table(values)
  list(t = as.numeric(names(counted)) - at, c = as.numeric(counted))
}
probability <- function(law, b) { w <- law$c * exp(b * law$t - max(b * law$t)); w / sum(w) }
root <- function(f) {
  far <- 1
  while (f(-far) * f(far) > 0) far <- 2 * far
  uniroot(f, c(-far, far), tol = 1e-15)$root
}
upper <- function(law, level, middle = 1) root(function(b) {
  p <- probability(law, b); sum(p[law$t > 0]) + middle * p[law$t == 0] - level })
lower <- function(law, level, middle = 1) root(function(b) {
  p <- probability(law, b); sum(p[law$t < 0]) + middle * p[law$t == 0] - level })
tests <- function(ts, at) {  # of one or several statistics: ts has a row an outcome
  name <- apply(ts, 1, paste, collapse = "/")
  seen <- ts[!duplicated(name), , drop = FALSE]
  p <- as.numeric(table(factor(name, levels = unique(name)))) / nrow(ts)
  away <- sweep(seen, 2, colSums(p * seen))
  v <- t(away) %*% (away * p)
  parts <- eigen(v, symmetric = TRUE)  # statistics may hang together: the inverse is taken where there is one
  kept <- parts$values > 1e-9 * parts$values[1]
  turned <- away %*% parts$vectors[, kept, drop = FALSE]
  score <- rowSums(sweep(turned^2, 2, parts$values[kept], "/"))
  own <- which(apply(seen, 1, function(row) all(row == at)))
  like <- abs(p / p[own] - 1) < 1e-7; far <- abs(score / score[own] - 1) < 1e-7
  list(statistic = score[own], df = sum(kept), p_value = sum(p[p <= p[own] * (1 + 1e-7)]),
       mid_p_value = sum(p[p <= p[own] * (1 + 1e-7)]) - sum(p[like]) / 2,
       score_p_value = sum(p[score >= score[own] * (1 - 1e-7)]),
       score_mid_p_value = sum(p[score >= score[own] * (1 - 1e-7)]) - sum(p[far]) / 2)
}
enumerated <- function(case, x, blocks, y) {
  observed <- colSums(x[y == 1, , drop = FALSE])
  sums <- t(combn(nrow(x), sum(y), function(who) colSums(x[who, , drop = FALSE])))
  colnames(sums) <- colnames(x)
  given <- function(held) if (!length(held)) rep(TRUE, nrow(sums)) else
    apply(sums[, held, drop = FALSE], 1, function(row) all(row == observed[held]))
  for (name in colnames(x)) {
    law <- law_of(sums[given(setdiff(colnames(x), name)), name], observed[name])
    if (length(law$t) == 1) { add(case, setNames(list(1), paste0(name, ":degenerate"))); next }
    lowest <- min(law$t) == 0; highest <- max(law$t) == 0
    median <- mean(c(if (!lowest) upper(law, 0.5), if (!highest) lower(law, 0.5)))
    found <- list(estimate = if (lowest || highest) median else root(function(b) sum(probability(law, b) * law$t)),
                  median_unbiased = median,
                  conf = c(if (lowest) -Inf else upper(law, 0.025), if (highest) Inf else lower(law, 0.025)),
                  mid = c(if (lowest) -Inf else upper(law, 0.025, 0.5), if (highest) Inf else lower(law, 0.025, 0.5)))
    p <- probability(law, 0)
    found$tail_p_value <- min(1, 2 * min(sum(p[law$t <= 0]), sum(p[law$t >= 0])))
    add(case, setNames(found, paste(name, names(found), sep = ":")))
  }
  for (block in names(blocks)) {
    at <- blocks[[block]]
    rows <- given(setdiff(colnames(x), at))
    if (sum(!duplicated(sums[rows, at, drop = FALSE])) > 1) {
      found <- tests(sums[rows, at, drop = FALSE], observed[at])
      add(case, setNames(found, paste(block, names(found), sep = ":")))
    }
  }
}
set.seed(20260726)
draw <- function(case, n, events, effect) {
  data <- data.frame(a = rbinom(n, 1, 0.5), grade = sample(0:2, n, TRUE), dose = sample(c(0, 0.25, 0.75), n, TRUE))
  data$y <- 0
  data$y[order(-effect * data$a + data$dose + rnorm(n))[seq_len(events)]] <- 1
  x <- cbind(a = data$a, "grade: one" = data$grade == 1, "grade: two" = data$grade == 2, dose = data$dose)
  add(case, list(data_a = data$a, data_grade = data$grade, data_dose = data$dose, data_y = data$y))
  enumerated(case, x, list(a = "a", grade = c("grade: one", "grade: two"), dose = "dose", model = colnames(x)), data$y)
}
draw("drawn", 18, 7, 0)
draw("weak", 19, 6, 0.5)
draw("few", 20, 3, 2)
draw("separated", 16, 6, 9)
save_lines("exact.csv")
