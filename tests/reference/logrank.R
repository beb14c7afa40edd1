# Reference values for the weighted and trend tests of tests/test_logrank.py.
# Run in this folder, after survival.R: Rscript logrank.R (packages survival 3.5 and survMisc 0.5.6).
suppressPackageStartupMessages({library(survival); library(survMisc)})
source("cases.R")
weights <- c("1", "n", "sqrtN", "S1", "FH_p=1_q=0", "FH_p=0_q=1", "FH_p=0.5_q=2")
names(weights) <- c("logrank", "gehan", "tarone_ware", "peto_peto", "fh_1_0", "fh_0_1", "fh_0.5_2")

# From the definition, for strata and delayed entry, which survMisc has not: sums over strata of U and V.
by_hand <- function(entry, time, event, group, stratum, weight) {
  levels <- sort(unique(group)); k <- length(levels); u <- numeric(k); v <- matrix(0, k, k)
  for (s in unique(stratum)) {
    on <- stratum == s; km <- peto <- 1
    for (t in sort(unique(time[on & event == 1]))) {
      risk <- on & entry < t & time >= t
      y <- sapply(levels, function(l) sum(risk & group == l)); n <- sum(y)
      dead <- sapply(levels, function(l) sum(risk & group == l & time == t & event == 1)); d <- sum(dead)
      peto <- peto * (1 - d / (n + 1))
      w <- switch(weight, logrank = 1, gehan = n, tarone_ware = sqrt(n), peto_peto = peto, fh_1_0 = km, fh_0_1 = 1 - km,
                  fh_0.5_2 = km^0.5 * (1 - km)^2)
      u <- u + w * (dead - d * y / n)
      if (n > 1) v <- v + w^2 * d * (n - d) / (n - 1) * (diag(y / n, k) - outer(y / n, y / n))
      km <- km * (1 - d / n)
    }
  }
  c(u[-1] %*% solve(v[-1, -1], u[-1]), sum(1:k * u)^2 / (1:k %*% v %*% 1:k))
}

for (case in c("remission", "drawn", "veteran")) {
  d <- case_of(case)
  k <- length(unique(d$group))
  tests <- ten(Surv(time, event) ~ group, data = d)
  # It writes its results into `tests`, and takes the groups in the order first, last, ..., second.
  invisible(capture.output(comp(tests, p = c(1, 0, 0.5), q = c(0, 1, 2), scores = c(1, k:2))))
  all <- attr(tests, "lrt"); trend <- attr(tests, "tft")$tft
  # Of two groups survMisc's variance is another than survdiff's, so that these are left to `by_hand`.
  if (k > 2) for (name in names(weights)) {
    found <- list(all$chiSq[all$W == weights[name]], trend$Z[trend$W == weights[name]]^2)
    add(case, setNames(found, paste0(name, c("_statistic", "_trend"))))
  }
  test <- survdiff(Surv(time, event) ~ group, d, rho = 1)
  add(case, list(survdiff_statistic = test$chisq, survdiff_excess = test$obs - test$exp))
}
for (name in names(weights)) {
  add("remission", setNames(list(with(case_of("remission"), by_hand(-Inf, time, event, group, 1, name))), paste0(name, "_by_hand")))
  found <- with(case_of("drawn"), list(by_hand(-Inf, time, event, group, 1, name), by_hand(-Inf, time, event, group, stratum, name),
                                       by_hand(entry, time, event, group, stratum, name)))
  add("drawn", setNames(found, paste0(name, c("_by_hand", "_strata", "_late_strata"))))
}
test <- survdiff(Surv(time, event) ~ group + strata(stratum), case_of("drawn"), rho = 1)
add("drawn", list(strata_survdiff_statistic = test$chisq, strata_survdiff_excess = rowSums(test$obs - test$exp)))
save_lines("logrank.csv")
