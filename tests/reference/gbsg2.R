# Reference values of data/gbsg2, as its study file plans them. Base R and survival.
#   Rscript tests/reference/gbsg2.R   (from the top of the checkout)
library(survival)
women <- read.csv("data/gbsg2/cohort.csv", stringsAsFactors = FALSE)
women$horTh <- women$horTh == "yes"
women$menostat <- factor(women$menostat, levels = c("Pre", "Post"))
women$tgrade <- factor(women$tgrade, levels = c("I", "II", "III"))
women$nodes_band <- cut(women$pnodes, c(0, 3, 9, Inf), labels = c("1 to 3", "4 to 9", "10 or more"))
women$receptor_positive <- women$progrec >= 20
women$grade_iii <- women$tgrade == "III"
women$premenopausal <- women$menostat == "Pre"
rows <- list()
put <- function(what, term, value) rows[[length(rows) + 1]] <<- data.frame(what, term, value = sprintf("%.17g", value))

for (name in c("age", "tsize", "pnodes", "progrec", "estrec")) {
  put("mean", name, mean(women[[name]])); put("sd", name, sd(women[[name]]))
  put("mann_whitney", name, wilcox.test(women[[name]] ~ women$horTh, exact = FALSE, correct = FALSE)$p.value)
}
for (name in c("menostat", "tgrade"))
  put("pearson_chi_square", name, chisq.test(table(women[[name]], women$horTh), correct = FALSE)$p.value)

curve <- survfit(Surv(time, cens) ~ 1, women, conf.type = "log-log")
at <- summary(curve, times = c(365, 1096, 1826))
for (k in 1:3) {
  put("survival", at$time[k], at$surv[k]); put("survival_low", at$time[k], at$lower[k])
  put("survival_high", at$time[k], at$upper[k]); put("at_risk", at$time[k], at$n.risk[k])
}
put("median", "time", summary(curve)$table[["median"]])
for (name in c("horTh", "tgrade", "nodes_band")) {
  test <- survdiff(Surv(women$time, women$cens) ~ women[[name]])
  put("log_rank", name, pchisq(test$chisq, length(test$n) - 1, lower.tail = FALSE))
}
fit <- coxph(Surv(time, cens) ~ horTh + age + menostat + tsize + tgrade + pnodes + progrec + estrec, women, ties = "efron",
             control = coxph.control(eps = 1e-12, iter.max = 50))
terms <- summary(fit)
for (name in rownames(terms$coefficients)) {
  put("cox", name, terms$coefficients[name, "coef"]); put("cox_se", name, terms$coefficients[name, "se(coef)"])
}
put("events", "cens", fit$nevent)
logistic <- glm(grade_iii ~ age + premenopausal + tsize + nodes_band + receptor_positive + estrec, binomial, women,
                epsilon = 1e-14, maxit = 50)
for (name in rownames(coef(summary(logistic)))) {
  put("logistic", name, coef(summary(logistic))[name, "Estimate"])
  put("logistic_se", name, coef(summary(logistic))[name, "Std. Error"])
}
write.csv(do.call(rbind, rows), "tests/reference/gbsg2.csv", row.names = FALSE, quote = FALSE)
