# The tables of a paper that was never written, made from 189 real births: birthwt of R's package MASS.
#
#   Rscript data/birthwt/tables.R > data/birthwt/published.csv
#
# Every figure is computed from the rows and printed by sprintf, as R's users print; none is typed.

suppressPackageStartupMessages(library(MASS))

births <- transform(birthwt,
  low = low == 1,
  race = c("white", "black", "other")[race],
  smoke = ifelse(smoke == 1, "yes", "no"),
  ht = ifelse(ht == 1, "yes", "no"),
  ui = ifelse(ui == 1, "yes", "no"),
  any_ptl = ifelse(ptl > 0, "one or more", "none"),
  visits = cut(ftv, c(-Inf, 0, 1, 2, Inf), labels = c("0", "1", "2", "3 or more")))
groups <- list(all = rep(TRUE, nrow(births)), low = births$low, normal = !births$low)
shown <- list(race = c("white", "black", "other"), smoke = "yes", ht = "yes", ui = "yes", ptl = c("0", "1", "2", "3"),
              visits = c("0", "1", "2", "3 or more"), any_ptl = "one or more")

row <- function(id, source, variable = "", level = "", group = "all", statistic, value, denominator = "", claim = "",
                note = "", about = "cohort") {
  cat(id, source, about, variable, level, group, statistic, value, denominator, claim, note, sep = ",", fill = FALSE)
  cat("\n")
}

word <- function(text) gsub("[^a-z0-9]+", "_", tolower(text))

# n and percent of the levels of a variable in a group; the percentage is of the group.
counted <- function(table, variable, group = "all") {
  members <- births[groups[[group]], ]
  for (level in shown[[variable]]) {
    n <- sum(members[[variable]] == level)
    id <- paste(c(sub("Table ", "t", table), variable, word(level), if (group != "all") group), collapse = "_")
    row(paste0(id, "_n"), table, variable, level, group, "n", n, nrow(members))
    row(paste0(id, "_pct"), table, variable, level, group, "percent", sprintf("%.1f", 100 * n / nrow(members)), nrow(members))
  }
}

# Mean and SD to one decimal; ages and pounds themselves are whole numbers.
summarised <- function(table, variable, group = "all", extremes = FALSE) {
  values <- births[groups[[group]], variable]
  id <- paste(c(sub("Table ", "t", table), variable, if (group != "all") group), collapse = "_")
  row(paste0(id, "_mean"), table, variable, "", group, "mean", sprintf("%.1f", mean(values)))
  row(paste0(id, "_sd"), table, variable, "", group, "sd", sprintf("%.1f", sd(values)))
  if (!extremes) return(invisible())
  row(paste0(id, "_median"), table, variable, "", group, "median", sprintf("%.0f", median(values)))
  row(paste0(id, "_min"), table, variable, "", group, "min", min(values))
  row(paste0(id, "_max"), table, variable, "", group, "max", max(values))
}

# P to three decimals: Student's t with one variance; Pearson's chi-square without correction, Fisher's exact test where an
# expected count is below 5.
p_value <- function(variable) {
  values <- births[[variable]]
  if (is.numeric(values)) return(t.test(values ~ births$low, var.equal = TRUE)$p.value)
  test <- suppressWarnings(chisq.test(values, births$low, correct = FALSE))
  if (all(test$expected >= 5)) test$p.value else fisher.test(values, births$low)$p.value
}
tested <- function(source, variable, id = paste0("t2_", variable, "_p")) {
  p <- p_value(variable)
  row(id, source, variable, "", "low_v_normal", "p", if (p < 0.001) "<0.001" else sprintf("%.3f", p),
      # Seven tests in Table 2: significant below Bonferroni's threshold.
      claim = if (p < 0.05 / 7) "significant" else "")
}

cat("id,source,about,variable,level,group,statistic,value,denominator,claim,note\n")

table <- "Table 1"
row("t1_total", table, "", "", "all", "total", nrow(births))
for (variable in c("age", "lwt")) summarised(table, variable, extremes = TRUE)
for (variable in c("race", "smoke", "ht", "ui", "ptl", "visits")) counted(table, variable)

table <- "Table 2"
for (group in c("low", "normal")) row(paste0("t2_total_", group), table, "", "", group, "total", sum(groups[[group]]))
for (variable in c("age", "lwt")) {
  for (group in c("low", "normal")) summarised(table, variable, group)
  tested(table, variable)
}
for (variable in c("race", "smoke", "ht", "ui", "any_ptl")) {
  for (group in c("low", "normal")) counted(table, variable, group)
  tested(table, variable)
}

text <- "Results"
percent <- function(condition) sprintf("%.1f", 100 * mean(condition))
row("text_total", text, "", "", "all", "total", nrow(births))
row("text_low_n", text, "low", "yes", "all", "n", sum(births$low), nrow(births))
row("text_low_pct", text, "low", "yes", "all", "percent", percent(births$low), nrow(births))
row("text_age_mean", text, "age", "", "all", "mean", sprintf("%.1f", mean(births$age)))
row("text_smoke_pct", text, "smoke", "yes", "all", "percent", percent(births$smoke == "yes"), nrow(births))
row("text_smoke_low_pct", text, "smoke", "yes", "low", "percent", percent(births$smoke[births$low] == "yes"), sum(births$low))
row("text_smoke_normal_pct", text, "smoke", "yes", "normal", "percent", percent(births$smoke[!births$low] == "yes"),
    sum(!births$low))
tested(text, "smoke", "text_smoke_p")
row("text_threshold", text, statistic = "threshold", value = "0.05", about = "design", note = "two-sided")
row("text_year", text, statistic = "year", value = "1986", about = "design")
