# Reference values for tests/test_printed_tests.py. Run in this folder: Rscript candidate_tests.R
# Writes candidate_tests.csv: a case of counts or numbers of two groups, a test, its P with 17 digits.
lines <- list()
add <- function(case, test, p) {
  lines[[length(lines) + 1]] <<- data.frame(case = case, test = test, p = sprintf("%.17g", p))
}
text <- function(x) paste(sprintf("%.15g", x), collapse = " ")
chi <- function(x, df) pchisq(x, df, lower.tail = FALSE)
linear <- function(m) { # (N - 1) r^2 of the group with the scores 1, 2, 3 and so on
  level <- c(rep(seq_along(m[1, ]), m[1, ]), rep(seq_along(m[2, ]), m[2, ]))
  group <- rep(1:0, rowSums(m))
  chi((sum(m) - 1) * cor(level, group)^2, 1)
}
ratio <- function(m) {
  m <- m[, colSums(m) > 0, drop = FALSE]
  e <- outer(rowSums(m), colSums(m)) / sum(m)
  chi(2 * sum(ifelse(m > 0, m * log(m / e), 0)), ncol(m) - 1)
}
mid <- function(m) { # SAS, StatXact: less probable tables, and half of those equally probable
  k <- sum(m[, 2]); n1 <- sum(m[1, ]); n0 <- sum(m[2, ])
  p <- dhyper(max(0, k - n0):min(k, n1), n1, n0, k)
  p0 <- dhyper(m[1, 2], n1, n0, k)
  equal <- abs(p - p0) <= 1e-10 * p0
  sum(p[p < p0 & !equal]) + sum(p[equal]) / 2
}

# a of n1 against b of n0
counts <- list(c(3, 3, 18, 69), c(2, 3, 8, 69), c(2, 3, 33, 69), c(0, 3, 6, 69), c(1, 2, 1, 2), c(0, 10, 7, 7),
               c(7, 20, 11, 35), c(250, 660, 300, 390), c(5, 9, 3, 6), c(4, 8, 4, 8), c(1, 1, 0, 50))
for (x in counts) {
  m <- rbind(c(x[2] - x[1], x[1]), c(x[4] - x[3], x[3]))
  case <- paste("counts", text(x))
  quiet <- function(...) suppressWarnings(chisq.test(m, ...))
  pearson <- quiet(correct = FALSE)
  add(case, "pearson_chi_square", pearson$p.value)
  add(case, "yates_chi_square", quiet()$p.value)
  add(case, "likelihood_ratio", ratio(m))
  add(case, "fisher_exact", fisher.test(m)$p.value)
  add(case, "fisher_mid_p", mid(m))
  add(case, "n_minus_1_chi_square", chi(pearson$statistic[[1]] * (sum(m) - 1) / sum(m), 1))
}

# Counts of each level: the first group, then the other.
tables <- list(list(c(2, 1, 0), c(37, 5, 27)), list(c(0, 1, 2), c(14, 31, 24)), list(c(5, 9, 1, 3), c(12, 4, 7, 7)),
               list(c(3, 0, 2), c(1, 0, 9)), list(c(1, 0, 0, 0, 2), c(38, 6, 22, 4, 0)), list(c(20, 30), c(15, 44)))
for (x in tables) {
  m <- rbind(x[[1]], x[[2]])
  used <- m[, colSums(m) > 0]
  case <- paste("levels", text(x[[1]]), "|", text(x[[2]]))
  add(case, "pearson_chi_square", suppressWarnings(chisq.test(used, correct = FALSE))$p.value)
  add(case, "likelihood_ratio", ratio(m))
  add(case, "fisher_freeman_halton", fisher.test(used)$p.value)
  add(case, "linear_by_linear", linear(m))
}

# Numbers: the first group, then the other. A tied exact P is that of all deals of the pooled numbers.
numbers <- list(list(c(545, 0, 1460), c(12, 700, 90, 33, 365, 1095, 61, 2)),
                list(c(12, 12, 11), c(7, 8, 8, 9, 9, 10, 10, 10, 11, 11, 12, 12, 13, 14, 15)),
                list(c(2, 2, 3), rep(2:6, c(10, 5, 3, 2, 1))), list(c(1, 2, 3, 8), c(2, 4, 6, 7)),
                list(c(5, 5, 5), c(1, 2, 3, 4)), list((1:12) / 4, (3:13) / 3.5))
for (x in numbers) {
  a <- x[[1]]; b <- x[[2]]; all <- c(a, b)
  case <- paste("numbers", text(a), "|", text(b))
  w <- function(...) suppressWarnings(wilcox.test(a, b, ...))$p.value
  add(case, "mann_whitney", w(exact = FALSE, correct = FALSE))
  add(case, "mann_whitney_continuity", w(exact = FALSE, correct = TRUE))
  if (!anyDuplicated(all)) {
    add(case, "mann_whitney_exact", w(exact = TRUE))
  } else {
    r <- rank(all)
    apart <- abs(colSums(combn(r, length(a))) - length(a) * mean(r))
    here <- abs(sum(r[seq_along(a)]) - length(a) * mean(r))
    add(case, "mann_whitney_exact", mean(apart >= here - 1e-9))
  }
  add(case, "student_t", t.test(a, b, var.equal = TRUE)$p.value)
  add(case, "welch_t", t.test(a, b)$p.value)
}
write.csv(do.call(rbind, lines), "candidate_tests.csv", row.names = FALSE, quote = FALSE)
