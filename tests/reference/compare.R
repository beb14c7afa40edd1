# Reference values for tests/test_compare.py, test_two_groups.py, test_effects.py and test_multiplicity.py.
# Run in this folder: Rscript compare.R
lines <- list()
add <- function(case, data, values) {
  lines[[length(lines) + 1]] <<- data.frame(
    case = case, data = data, quantity = names(values),
    value = sprintf("%.17g", values))
}
text <- function(x) paste(sprintf("%.15g", x), collapse = " ")

# Numbers: the group compared, then the other.
numbers <- list(
  untied = list(c(545, 0, 1460), c(12, 700, 90, 33, 365, 1095, 61, 2)),
  tied = list(c(12, 12, 11), c(7, 8, 8, 9, 9, 10, 10, 10, 11, 11, 12, 12, 13, 14, 15)),
  heavy_ties = list(c(2, 2, 3), rep(2:6, c(50, 10, 5, 3, 1))),
  one_patient = list(c(4.5), c(1, 2, 3.25, 8, 9)),
  far_apart = list(100 + (1:20) / 8, (1:25) / 4),
  equal_means = list(c(1, 2, 3), c(0, 2, 4)),
  constant_group = list(c(5, 5, 5), c(1, 2, 3, 4)))
for (case in names(numbers)) {
  x <- numbers[[case]][[1]]
  y <- numbers[[case]][[2]]
  data <- paste(text(x), "|", text(y))
  student <- t.test(x, y, var.equal = TRUE)
  add(case, data, c(student_t = student$statistic[[1]], student_df = student$parameter[[1]], student_p = student$p.value,
                    student_difference = mean(x) - mean(y), student_low = student$conf.int[1],
                    student_high = student$conf.int[2], student_se = student$stderr))
  if (length(x) > 1) {
    welch <- t.test(x, y, conf.level = 0.9)
    add(case, data, c(welch_t = welch$statistic[[1]], welch_df = welch$parameter[[1]], welch_p = welch$p.value,
                      welch_low = welch$conf.int[1], welch_high = welch$conf.int[2], welch_se = welch$stderr,
                      standardised = (mean(x) - mean(y)) / sqrt((var(x) + var(y)) / 2)))
  }
  rank_test <- function(...) suppressWarnings(wilcox.test(x, y, ...))
  plain <- rank_test(exact = FALSE, correct = FALSE)
  add(case, data, c(mann_whitney_u = plain$statistic[[1]], mann_whitney_p = plain$p.value,
                    mann_whitney_continuity_p = rank_test(exact = FALSE, correct = TRUE)$p.value))
  if (!anyDuplicated(c(x, y))) add(case, data, c(mann_whitney_exact_p = rank_test(exact = TRUE)$p.value))
}

# Levels (rows) by groups (columns), written row by row; the odds are those of the second row in the second column.
tables <- list(
  c(51, 0, 18, 3), c(61, 1, 8, 2), c(36, 1, 33, 2), c(63, 3, 6, 0), c(1, 1, 1, 1), c(10, 0, 0, 7), c(20, 30, 40, 10),
  c(250, 300, 410, 90), c(3000, 100, 200, 5), c(0, 5, 4, 3))
exact_limits <- function(t, level) { # both tails of the noncentral hypergeometric distribution, on the log scale
  m <- sum(t[1, ]); k <- sum(t[, 1]); n <- sum(t)
  support <- max(0, k + m - n):min(k, m)
  weight <- dhyper(support, m, n - m, k, log = TRUE)
  tail <- function(log_or, keep) {
    d <- weight + log_or * support
    d <- exp(d - max(d))
    sum(d[keep]) / sum(d)
  }
  solve <- function(keep) {
    root <- function(l) log(tail(l, keep)) - log((1 - level) / 2)
    suppressWarnings(exp(uniroot(root, c(-30, 30), tol = 1e-14, maxiter = 10000)$root)) # log(0) at the ends
  }
  mean_of <- function(l) {
    d <- weight + l * support
    d <- exp(d - max(d))
    sum(d * support) / sum(d)
  }
  at <- t[1, 1]
  ends <- range(support)
  c(if (at == ends[1]) 0 else solve(support >= at), if (at == ends[2]) Inf else solve(support <= at),
    if (at == ends[1]) 0 else if (at == ends[2]) Inf else
      exp(uniroot(function(l) mean_of(l) - at, c(-30, 30), tol = 1e-14, maxiter = 10000)$root))
}
for (cells in tables) {
  t <- matrix(cells, 2, byrow = TRUE)
  data <- paste(text(t[1, ]), "/", text(t[2, ]))
  pearson <- suppressWarnings(chisq.test(t, correct = FALSE))
  fisher <- fisher.test(t)
  exact <- exact_limits(t, 0.95)
  stopifnot(all.equal(c(fisher$conf.int), exact[1:2], tolerance = 0.01)) # fisher.test stops at 1e-4, absolute
  p <- t[2, ] / colSums(t)
  add("2x2", data, c(chi_square = pearson$statistic[[1]], df = pearson$parameter[[1]], p = pearson$p.value,
                     expected_minimum = min(pearson$expected), share_below_5 = mean(pearson$expected < 5),
                     fisher_p = fisher$p.value, odds_ratio = t[2, 2] * t[1, 1] / (t[1, 2] * t[2, 1]),
                     exact_low = exact[1], exact_high = exact[2], exact_estimate = exact[3],
                     standardised = if (all(p %in% 0:1)) NA else diff(p) / sqrt(mean(p * (1 - p)))))
  if (all(t > 0)) {
    fit <- glm(t(t)[, 2:1] ~ c(0, 1), family = binomial, control = glm.control(epsilon = 1e-13, maxit = 100))
    limits <- exp(suppressMessages(confint.default(fit))[2, ])
    add("2x2", data, c(woolf_low = limits[[1]], woolf_high = limits[[2]], woolf_se = sqrt(vcov(fit)[2, 2])))
  }
}

for (t in list(matrix(c(10, 20, 30, 5, 5, 5), 3), matrix(c(2, 3, 40, 12, 15, 1, 0, 2, 0, 0), 5),
               matrix(c(100, 200, 150, 90, 210, 170, 3, 0, 9), 3))) {
  pearson <- suppressWarnings(chisq.test(t, correct = FALSE))
  add("rxc", paste(apply(t, 1, text), collapse = " / "),
      c(chi_square = pearson$statistic[[1]], df = pearson$parameter[[1]], p = pearson$p.value,
        expected_minimum = min(pearson$expected), share_below_5 = mean(pearson$expected < 5)))
  if (ncol(t) == 2) {
    p <- apply(t, 2, function(n) n / sum(n))
    spread <- lapply(1:2, function(g) cov.wt(diag(nrow(t)), p[, g], method = "ML")$cov[-1, -1])
    distance <- sqrt(mahalanobis(p[-1, 2], p[-1, 1], (spread[[1]] + spread[[2]]) / 2))
    add("rxc", paste(apply(t, 1, text), collapse = " / "), c(standardised = distance))
  }
}

for (p in list(c(0.56, 0.59, 0.007, 0.66, NA, 0.006, 0.52, 0.59, 0.67, 0.007, 0.56, 0.56), c(0.04), c(NA, 0, 1),
               c(0.01, 0.02, 0.03, 0.04, 0.05))) {
  for (method in c("bonferroni", "holm", "BH")) {
    add("adjust", text(p), setNames(p.adjust(p, method), paste0(method, "_", seq_along(p))))
  }
}
write.csv(do.call(rbind, lines), "compare.csv", row.names = FALSE, quote = FALSE)
