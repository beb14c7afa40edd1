# Reference values of tests/test_turnbull.py, test_current_status.py and test_seen_at_visits.py: run in this folder, Rscript visits.R
# (package survival 3.5). No Debian package has the estimates to all digits: they follow their definition here, apart from
# survfit's, which stops when no value moves by 5e-5.
suppressPackageStartupMessages(library(survival))
source("cases.R")

# Maximise sum w log(cover p): EM without the cells that come to nothing; whoever's gradient asks for more comes back.
em <- function(cover, w) {
  keep <- seq_len(ncol(cover)); p <- rep(1, length(keep)); n <- sum(w)
  repeat {
    p <- p / sum(p)
    for (i in 1:4000) p <- p * colSums(cover[, keep, drop = FALSE] * (w / as.vector(cover[, keep, drop = FALSE] %*% p))) / n
    all <- colSums(cover * (w / as.vector(cover[, keep, drop = FALSE] %*% p)))
    if (max(all) < n + 1e-9 && min(p) > 1e-4) break
    back <- setdiff(which(all > n + 1e-9), keep)
    keep <- c(keep[p > 1e-4], back); p <- c(p[p > 1e-4], rep(1e-3, length(back)))
  }
  mass <- numeric(ncol(cover)); mass[keep] <- p
  list(mass = mass, likelihood = sum(w * log(as.vector(cover %*% mass))))
}
# Cells whose pattern of cover lies within no other's; of equal ones the last.
most <- function(cover) which(sapply(seq_len(ncol(cover)), function(j) !any(sapply(seq_len(ncol(cover)), function(k)
  k != j && all(cover[, k] >= cover[, j]) && (any(cover[, k] > cover[, j]) || k > j)))))

# Turnbull: cells are the exact times and what lies between neighbouring ends.
turnbull <- function(left, right) {
  ends <- sort(unique(c(left, right)))
  lower <- c(ends, ends[-length(ends)]); upper <- c(ends, ends[-1])
  cover <- outer(seq_along(left), seq_along(lower), Vectorize(function(i, j)
    if (left[i] == right[i]) as.numeric(lower[j] == left[i] && upper[j] == right[i])
    else as.numeric(if (lower[j] == upper[j]) left[i] < lower[j] && upper[j] <= right[i] else left[i] <= lower[j] && upper[j] <= right[i])))
  use <- colSums(cover) > 0; cover <- cover[, use, drop = FALSE]; upper <- upper[use]
  cells <- most(cover)
  fit <- em(cover[, cells, drop = FALSE], rep(1, length(left)))
  list(ends = ends[is.finite(ends)], upto = sapply(ends[is.finite(ends)], function(t) sum(fit$mass[upper[cells] <= t])),
       likelihood = fit$likelihood)
}
radiotherapy <- "45- 25-37 37- 6-10 46- 0-5 0-7 26-40 18- 46- 46- 24- 46- 27-34 36- 7-16 36-44 5-11 17- 46- 19-35 7-14 36-48 17-25 37-44 37- 24- 0-8 40- 32- 4-11 17-25 33- 15- 46- 19-26 11-15 11-18 37- 22- 38- 34- 46- 5-12 36- 46-"
ends <- strsplit(strsplit(radiotherapy, " ")[[1]], "-")
# Time to breast retraction after radiotherapy, in months: Finkelstein DM, Wolfe RA. Biometrics 1985; 41: 933-945.
intervals <- list(cosmesis = list(left = as.numeric(sapply(ends, `[`, 1)), right = ifelse(lengths(ends) == 1, Inf, as.numeric(sapply(ends, `[`, 2)))))
set.seed(5)
start <- sample(0:40, 60, TRUE)
intervals$mixed <- list(left = start, right = ifelse(runif(60) < 0.3, Inf, start + sample(0:12, 60, TRUE)))
intervals$coarse <- with(list(l = sample(0:8, 150, TRUE)), list(left = l, right = ifelse(runif(150) < 0.4, Inf, l + sample(1:4, 150, TRUE))))
for (name in names(intervals)) {
  d <- intervals[[name]]
  found <- turnbull(d$left, d$right)
  fit <- survfit(Surv(ifelse(d$left == 0 & d$right > 0, NA, d$left), ifelse(is.finite(d$right), d$right, NA), type = "interval2") ~ 1)
  add(name, list(data_left = d$left, data_right = d$right, turnbull_time = found$ends, turnbull = found$upto,
                 turnbull_likelihood = found$likelihood))
  # Its steps lie in the middle of each interval: where one ends, both have climbed.
  steps <- found$ends[diff(c(0, found$upto)) > 1e-6]
  add(name, list(survfit_time = steps, survfit = stepfun(fit$time, c(1, fit$surv))(steps)))
}

# Current status: the max-min formula of isotonic regression, and one-sided binomial limits of the nearest m.
isotonic <- function(time, y) {
  at <- sort(unique(time))
  mean_of <- function(j, k) mean(y[time >= at[j] & time <= at[k]])
  sapply(seq_along(at), function(i) max(sapply(1:i, function(j) min(sapply(i:length(at), function(k) mean_of(j, k))))))
}
limits <- function(time, y, m, level) {
  at <- sort(unique(time)); tail <- (1 - level) / 2
  one <- function(t, below) {
    near <- sort(if (below) time[time <= t] else time[time >= t], decreasing = below)
    edge <- near[min(m, length(near))]
    z <- if (below) y[time <= t & time >= edge] else y[time >= t & time <= edge]
    if (below) binom.test(sum(z), length(z), alternative = "greater", conf.level = 1 - tail)$conf.int[1]
    else binom.test(sum(z), length(z), alternative = "less", conf.level = 1 - tail)$conf.int[2]
  }
  list(low = sapply(at, one, TRUE), high = sapply(at, one, FALSE))
}
draw <- function(n, causes, scale, ties = FALSE) {
  time <- if (ties) sample(1:6, n, TRUE) else round(runif(n, 0, 100), 3)
  came <- rexp(n, 1 / scale)
  list(time = time, cause = ifelse(came <= time, sample(seq_len(causes), n, TRUE), 0))
}
for (case in list(list("few", 72, 1, 900, FALSE), list("many", 72, 1, 60, FALSE), list("tied", 80, 1, 5, TRUE),
                  list("two_causes", 72, 2, 80, FALSE), list("three_causes", 90, 3, 4, TRUE))) {
  d <- draw(case[[2]], case[[3]], case[[4]], case[[5]]); at <- sort(unique(d$time)); K <- case[[3]]
  add(case[[1]], list(data_time = d$time, data_status = d$cause))
  if (K > 1) {  # of one, isotonic regression is the estimate
    cells <- expand.grid(time = at, cause = seq_len(K))
    cover <- t(sapply(seq_along(d$time), function(i) c(
      if (d$cause[i] == 0) cells$time > d$time[i] else cells$cause == d$cause[i] & cells$time <= d$time[i], d$cause[i] == 0))) * 1
    use <- most(cover); fit <- em(cover[, use, drop = FALSE], rep(1, length(d$time)))
    cells <- rbind(cells, c(Inf, 0))[use, ]
    add(case[[1]], list(likelihood = fit$likelihood))
  }
  for (k in seq_len(K)) {
    y <- as.numeric(d$cause == k)
    naive <- isotonic(d$time, y)
    estimate <- if (K == 1) naive else sapply(at, function(t) sum(fit$mass[cells$cause == k & cells$time <= t]))
    around <- limits(d$time, y, ceiling(length(y)^(2 / 3)), 0.9)
    add(case[[1]], setNames(list(estimate, naive, pmin(around$low, estimate), around$high),
                            paste0(c("estimate", "naive", "low", "high"), k)))
  }
}

# With death competing: the climbs of isotonic regression, each times survival just before it.
n <- 72
event <- rexp(n, 1 / 900); death <- rexp(n, 1 / 500); ct <- runif(n, 0, 300); end <- runif(n, 300, 900)
seen <- ct < pmin(death, end); ct <- ct[seen]; event <- event[seen]; death <- death[seen]; end <- end[seen]
d <- data.frame(time = round(ct, 3), status = as.numeric(event <= ct), days = round(pmin(death, end), 3), died = as.numeric(death <= end))
climb <- diff(c(0, isotonic(d$time, d$status))); at <- sort(unique(d$time))
fit <- survfit(Surv(days, died) ~ 1, d)
alive <- sapply(at, function(t) c(1, fit$surv)[1 + sum(fit$time < t)])
add("with_death", list(data_time = d$time, data_status = d$status, data_days = d$days, data_died = d$died, incidence = cumsum(climb * alive)))
save_lines("visits.csv")
