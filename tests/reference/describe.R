# Reference values for tests/test_describe.py. Run in this folder: Rscript describe.R
lines <- list()
add <- function(case, data, quantity, value) {
  lines[[length(lines) + 1]] <<- data.frame(
    case = case, data = paste(sprintf("%.15g", data), collapse = " "), quantity = quantity,
    value = sprintf("%.17g", value))
}

samples <- list(
  small = c(1, 2, 4), quartet = c(6, 7, 9, 14), tied = c(2, 2, 2, 3, 3, 5, 5, 5, 5, 8),
  days = c(0, 0, 0, 0, 30, 45, 61, 90, 122, 180, 365, 365, 545, 730, 1095, 1460, 2555),
  score = c(7, 8, 8, 9, 9, 9, 10, 10, 10, 10, 11, 11, 11, 12, 12, 12, 13, 13, 14, 15),
  fractions = c(0.1, 0.1, 0.1, 0.25, 0.3, 0.7, 12.5), large = 1e6 + c(0.5, 1, 1, 2, 3.5, 7),
  squares = (1:200)^2, levels = rep(2:6, c(50, 12, 6, 3, 1)))
for (case in names(samples)) {
  x <- samples[[case]]
  test <- shapiro.test(x)
  quantiles <- c(quantile(x, c(.25, .5, .75), type = 6), quantile(x, c(.25, .5, .75), type = 7))
  values <- c(n = length(x), mean = mean(x), std_dev = sd(x), q1_6 = quantiles[[1]], median_6 = quantiles[[2]],
              q3_6 = quantiles[[3]], q1_7 = quantiles[[4]], median_7 = quantiles[[5]], q3_7 = quantiles[[6]],
              minimum = min(x), maximum = max(x), shapiro_w = test$statistic[[1]], shapiro_p = test$p.value)
  for (quantity in names(values)) add(case, x, quantity, values[[quantity]])
}

for (pair in list(c(0, 1), c(1, 1), c(0, 72), c(3, 72), c(72, 72), c(1, 2), c(17, 23), c(999, 1000), c(41234, 100000))) {
  for (level in c(0.9, 0.95, 0.99)) {
    exact <- binom.test(pair[1], pair[2], conf.level = level)$conf.int
    score <- suppressWarnings(prop.test(pair[1], pair[2], conf.level = level, correct = FALSE))$conf.int
    values <- c("clopper-pearson_low" = exact[1], "clopper-pearson_high" = exact[2],
                wilson_low = score[1], wilson_high = score[2])
    for (quantity in names(values)) add("proportion", c(pair, level), quantity, values[[quantity]])
  }
}
write.csv(do.call(rbind, lines), "describe.csv", row.names = FALSE, quote = FALSE)
