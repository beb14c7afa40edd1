# Reference values for tests/test_several_groups.py, test_pairwise.py, test_paired.py, test_linear.py and test_clusters.py.
# Run in this folder: Rscript several_groups.R   (Debian: r-base-core, r-cran-mass)
suppressMessages(library(MASS))
lines <- list()
add <- function(case, data, values) { # the data stand once, before the first values of their case
  known <- case %in% sapply(lines, function(line) line$case[1])
  first <- if (known) NULL else data.frame(case = case, quantity = "data", value = data)
  lines[[length(lines) + 1]] <<- rbind(first, data.frame(case = case, quantity = names(values),
                                                         value = sprintf("%.17g", unlist(values))))
}
text <- function(x) paste(sprintf("%.15g", x), collapse = " ")
grouped <- function(x, g) paste(tapply(x, g, text), collapse = " | ")

# Numbers in groups.
known <- airquality[!is.na(airquality$Ozone), ]
numbers <- list(
  birthwt_bwt_race = list(birthwt$bwt, birthwt$race), birthwt_age_race = list(birthwt$age, birthwt$race),
  warpbreaks = list(warpbreaks$breaks, warpbreaks$tension), PlantGrowth = list(PlantGrowth$weight, PlantGrowth$group),
  InsectSprays = list(InsectSprays$count, InsectSprays$spray), airquality = list(known$Ozone, known$Month),
  infert_age = list(infert$age, infert$education), infert_parity = list(infert$parity, infert$education),
  small = list(c(1, 2, 2, 2, 3, 4, 3, 5, 6), rep(1:3, each = 3)))
ties <- function(x) sum(table(x)^3 - table(x))
jonckheere <- function(x, g) { # by its definition, with the variance of Lehmann (1975), A.101
  g <- as.integer(factor(g))
  j <- sum(sapply(seq_along(x), function(i) sum((x > x[i]) * (g > g[i])) + sum((x == x[i]) * (g > g[i])) / 2))
  n <- length(x); s <- as.numeric(table(g)); t <- as.numeric(table(x))
  v <- (n * (n - 1) * (2 * n + 5) - sum(s * (s - 1) * (2 * s + 5)) - sum(t * (t - 1) * (2 * t + 5))) / 72 +
    sum(s * (s - 1) * (s - 2)) * sum(t * (t - 1) * (t - 2)) / (36 * n * (n - 1) * (n - 2)) +
    sum(s * (s - 1)) * sum(t * (t - 1)) / (8 * n * (n - 1))
  z <- (j - (n^2 - sum(s^2)) / 4) / sqrt(v)
  c(jt_j = j, jt_z = z, jt_p = 2 * pnorm(-abs(z)))
}
dunn <- function(x, g) {
  r <- rank(x); n <- length(x); means <- tapply(r, g, mean); sizes <- table(g)
  v <- n * (n + 1) / 12 - ties(x) / (12 * (n - 1))
  pairs <- combn(length(means), 2)
  z <- (means[pairs[2, ]] - means[pairs[1, ]]) / sqrt(v * (1 / sizes[pairs[1, ]] + 1 / sizes[pairs[2, ]]))
  as.numeric(z)
}
games_howell <- function(x, g) {
  m <- tapply(x, g, mean); v <- tapply(x, g, var) / table(g); n <- table(g); pairs <- combn(length(m), 2)
  t(apply(pairs, 2, function(p) {
    s <- v[p[1]] + v[p[2]]
    df <- s^2 / (v[p[1]]^2 / (n[p[1]] - 1) + v[p[2]]^2 / (n[p[2]] - 1))
    q <- (m[p[2]] - m[p[1]]) / sqrt(s / 2)
    wide <- qtukey(0.95, length(m), df) * sqrt(s / 2)
    c(ptukey(abs(q), length(m), df, lower.tail = FALSE), m[p[2]] - m[p[1]] - wide, m[p[2]] - m[p[1]] + wide)
  }))
}
lower <- function(p) { # pairs in the order of combn: 2-1, 3-1, ..., 3-2, ...
  m <- p$p.value
  as.numeric(m[lower.tri(m, diag = TRUE)])
}
for (case in names(numbers)) {
  x <- numbers[[case]][[1]]
  g <- factor(numbers[[case]][[2]])
  data <- grouped(x, g)
  equal <- oneway.test(x ~ g, var.equal = TRUE)
  welch <- oneway.test(x ~ g)
  kw <- kruskal.test(x, g)
  add(case, data, c(anova_f = equal$statistic[[1]], anova_df = equal$parameter[[1]], anova_df_error = equal$parameter[[2]],
                    anova_p = equal$p.value, welch_f = welch$statistic[[1]], welch_df = welch$parameter[[1]],
                    welch_df_error = welch$parameter[[2]], welch_p = welch$p.value, kw_h = kw$statistic[[1]],
                    kw_df = kw$parameter[[1]], kw_p = kw$p.value, jonckheere(x, g)))
  pairs <- seq_len(choose(nlevels(g), 2))
  named <- function(name, values) setNames(values, paste0(name, "_", pairs))
  tukey <- TukeyHSD(aov(x ~ g))$g
  howell <- games_howell(x, g)
  z <- dunn(x, g)
  p <- 2 * pnorm(-abs(z))
  add(case, data, c(
    named("t_p", lower(pairwise.t.test(x, g, p.adjust.method = "none"))),
    named("t_holm", lower(pairwise.t.test(x, g, p.adjust.method = "holm"))),
    named("welch_p", lower(pairwise.t.test(x, g, pool.sd = FALSE, p.adjust.method = "none"))),
    named("welch_bonferroni", lower(pairwise.t.test(x, g, pool.sd = FALSE, p.adjust.method = "bonferroni"))),
    named("tukey_difference", tukey[, 1]), named("tukey_low", tukey[, 2]), named("tukey_high", tukey[, 3]),
    named("tukey_p", tukey[, 4]), named("howell_p", howell[, 1]), named("howell_low", howell[, 2]),
    named("howell_high", howell[, 3]), named("dunn_z", z), named("dunn_p", p), named("dunn_holm", p.adjust(p, "holm"))))
  # The intracluster correlation, by its definition.
  table <- anova(lm(x ~ g))
  n <- as.numeric(table(g)); k <- length(n)
  m <- (sum(n) - sum(n^2) / sum(n)) / (k - 1)
  icc <- function(f) (f - 1) / (f + m - 1)
  f <- table$"F value"[1]
  add(case, data, c(icc = icc(f), icc_size = m, icc_low = icc(f / qf(0.975, k - 1, sum(n) - k)),
                    icc_high = icc(f / qf(0.025, k - 1, sum(n) - k))))
}
events <- list(birthwt_low_race = list(birthwt$low, birthwt$race), infert_stratum = list(infert$case, infert$stratum))
for (case in names(events)) {
  x <- events[[case]][[1]]; g <- factor(events[[case]][[2]])
  table <- anova(lm(x ~ g)); n <- as.numeric(table(g)); k <- length(n)
  m <- (sum(n) - sum(n^2) / sum(n)) / (k - 1); f <- table$"F value"[1]
  add(case, grouped(x, g), c(event_icc = (f - 1) / (f + m - 1)))
}

# Levels (rows) by groups (columns).
tables <- list(
  smoke_race = table(birthwt$smoke, birthwt$race), ftv_race = table(pmin(birthwt$ftv, 3), birthwt$race),
  ptl_race = table(birthwt$ptl, birthwt$race), infert_induced = table(infert$induced, infert$education),
  infert_case = table(infert$case, infert$parity), HairEyeColor = apply(HairEyeColor, 1:2, sum)[, 1:3],
  esoph = matrix(c(10, 9, 4, 1, 7, 2, 0, 4, 5), 3), Job = matrix(c(1, 2, 1, 0, 3, 3, 6, 1, 10, 10, 14, 9, 6, 7, 12, 11), 4),
  empty = matrix(c(5, 0, 3, 1, 0, 0, 0, 2, 4), 3), tiny = matrix(c(3, 1, 0, 0, 4, 2, 2, 0, 5), 3))
for (case in names(tables)) {
  t <- tables[[case]]
  data <- paste(apply(t, 1, text), collapse = " / ")
  used <- t[rowSums(t) > 0, colSums(t) > 0, drop = FALSE]
  score <- function(n, i) rep(i, n)
  r <- cor(rep(row(t), t), rep(col(t), t))
  n <- sum(t)
  exact <- if (case == "HairEyeColor") NA else fisher.test(used, workspace = 2e8)$p.value
  chi <- suppressWarnings(chisq.test(used, correct = FALSE))
  add(case, data, c(fisher_p = exact, chi_p = chi$p.value, chi = chi$statistic[[1]], lbl = (n - 1) * r^2,
                    lbl_p = pchisq((n - 1) * r^2, 1, lower.tail = FALSE)))
  if (nrow(t) == 2) {
    trend <- prop.trend.test(t[2, ], colSums(t))
    add(case, data, c(trend = trend$statistic[[1]], trend_p = trend$p.value))
  }
  pairs <- combn(ncol(t), 2)
  p <- apply(pairs, 2, function(k) {
    s <- t[, k]; s <- s[rowSums(s) > 0, , drop = FALSE]
    if (nrow(s) < 2 || any(colSums(s) == 0)) NA else suppressWarnings(chisq.test(s, correct = FALSE)$p.value)
  })
  add(case, data, setNames(c(p, p.adjust(p, "holm")), c(paste0("pair_p_", seq_along(p)), paste0("pair_holm_", seq_along(p)))))
}

# Pairs of numbers: before | after.
wide <- reshape(as.data.frame(ChickWeight[ChickWeight$Time %in% c(0, 2), ]), direction = "wide", idvar = "Chick", timevar = "Time")
pairs <- list(sleep = list(sleep$extra[1:10], sleep$extra[11:20]), anorexia = list(anorexia$Prewt, anorexia$Postwt),
              immer = list(immer$Y1, immer$Y2), shoes = list(shoes$A, shoes$B), chicks = list(wide$weight.0, wide$weight.2),
              tied = list(c(1, 2, 3, 4, 5, 6, 7, 8), c(2, 2, 5, 3, 7, 8, 7, 6)))
every_sign <- function(d) { # by counting them
  d <- d[abs(d) > 1e-9]
  r <- rank(signif(abs(d), 12)); m <- length(d)
  w <- as.matrix(expand.grid(rep(list(0:1), m))) %*% r
  mean(abs(w - sum(r) / 2) >= abs(sum(r[d > 0]) - sum(r) / 2) - 1e-9)
}
for (case in names(pairs)) {
  x <- pairs[[case]][[1]]; y <- pairs[[case]][[2]]
  data <- paste(text(x), "|", text(y))
  d <- signif(y - x, 12)
  t <- t.test(y, x, paired = TRUE)
  rank_test <- function(...) suppressWarnings(wilcox.test(d, ...))
  plain <- rank_test(exact = FALSE, correct = FALSE)
  add(case, data, c(paired_t = t$statistic[[1]], paired_df = t$parameter[[1]], paired_p = t$p.value,
                    paired_mean = t$estimate[[1]], paired_low = t$conf.int[1], paired_high = t$conf.int[2],
                    wilcoxon_w = plain$statistic[[1]], wilcoxon_p = plain$p.value,
                    wilcoxon_continuity_p = rank_test(exact = FALSE, correct = TRUE)$p.value))
  if (sum(abs(d) > 0) <= 16) add(case, data, c(wilcoxon_exact_p = every_sign(d)))
  if (!any(duplicated(abs(d))) && all(d != 0)) add(case, data, c(wilcoxon_r_exact_p = rank_test(exact = TRUE)$p.value))
}

# Square tables: before (rows) by after (columns).
squares <- list(
  approval = matrix(c(794, 86, 150, 570), 2), few = matrix(c(20, 3, 11, 40), 2), one_way = matrix(c(20, 0, 6, 40), 2),
  vision = matrix(c(1520, 266, 124, 66, 234, 1512, 432, 78, 117, 362, 1772, 205, 36, 82, 179, 492), 4, byrow = TRUE),
  housing = matrix(c(20, 3, 0, 10, 30, 5, 5, 15, 40), 3), islands = matrix(c(5, 2, 0, 0, 7, 9, 0, 0, 0, 0, 4, 6, 0, 0, 1, 8), 4))
for (case in names(squares)) {
  t <- squares[[case]]
  data <- paste(apply(t, 1, text), collapse = " / ")
  k <- nrow(t)
  if (k == 2) {
    up <- t[1, 2]; down <- t[2, 1]
    plain <- mcnemar.test(t, correct = FALSE)
    exact <- binom.test(up, up + down)
    add(case, data, c(mcnemar = plain$statistic[[1]], mcnemar_p = plain$p.value,
                      mcnemar_corrected_p = mcnemar.test(t)$p.value, mcnemar_exact_p = exact$p.value,
                      odds = up / down, odds_low = exact$conf.int[1] / (1 - exact$conf.int[1]),
                      odds_high = exact$conf.int[2] / (1 - exact$conf.int[2])))
  }
  d <- rowSums(t) - colSums(t)
  s <- -(t + t(t)); diag(s) <- rowSums(t) + colSums(t) - 2 * diag(t)
  if (case == "islands") { # two pairs of levels, between which nobody moves
    statistic <- d[1]^2 / s[1, 1] + d[3]^2 / s[3, 3]; df <- 2
  } else {
    statistic <- drop(d[-k] %*% solve(s[-k, -k], d[-k])); df <- k - 1
  }
  there <- t[upper.tri(t)]; back <- t(t)[upper.tri(t)]
  moved <- there + back > 0
  b <- sum((there - back)[moved]^2 / (there + back)[moved])
  if (all(moved) && k > 2) stopifnot(all.equal(b, mcnemar.test(t)$statistic[[1]]))
  add(case, data, c(stuart = statistic, stuart_df = df, stuart_p = pchisq(statistic, df, lower.tail = FALSE), bowker = b,
                    bowker_df = sum(moved), bowker_p = pchisq(b, sum(moved), lower.tail = FALSE)))
}

# Linear models: the data stand in linear_*.csv beside.
models <- list(
  birthwt = list(transform(birthwt, race = factor(race, labels = c("white", "black", "other"))), bwt ~ age + lwt + race + smoke + ht + ui),
  mtcars = list(transform(mtcars, cyl = factor(cyl, labels = c("four", "six", "eight")), late = 1e6 + qsec / 10), mpg ~ wt + cyl + late),
  warpbreaks = list(transform(warpbreaks, twice = as.integer(wool == "B") * 2), breaks ~ wool + tension + twice))
for (case in names(models)) {
  data <- models[[case]][[1]]; f <- models[[case]][[2]]
  write.csv(data[all.vars(f)], paste0("linear_", case, ".csv"), row.names = FALSE, quote = FALSE)
  fit <- lm(f, data)
  found <- summary(fit)
  b <- coef(found); ends <- confint(fit)[rownames(b), ]
  case <- paste0("linear_", case)
  for (k in seq_len(nrow(b))) add(case, "beside", setNames(c(b[k, ], ends[k, ]), paste(
    rownames(b)[k], c("estimate", "std_error", "t", "p", "low", "high"))))
  add(case, "beside", c(r_squared = found$r.squared, adjusted = found$adj.r.squared, residual_sd = found$sigma,
                       f = found$fstatistic[[1]], f_p = pf(found$fstatistic[1], found$fstatistic[2], found$fstatistic[3],
                                                           lower.tail = FALSE)[[1]]))
  dropped <- drop1(fit, test = "F")
  for (term in rownames(dropped)[-1]) if (isTRUE(dropped[term, "Df"] > 0)) {
    add(case, "beside", setNames(c(dropped[term, "F value"], dropped[term, "Pr(>F)"]), paste("drop", term, c("f", "p"))))
  }
}
write.csv(do.call(rbind, lines), "several_groups.csv", row.names = FALSE, quote = FALSE)
