# Reference values for tests/test_gray.py and for Aalen's variance in tests/test_competing.py.
# Run in this folder, after survival.R: Rscript gray.R (packages cmprsk 2.2-11 and survival 3.5).
suppressPackageStartupMessages({library(survival); library(cmprsk)})
source("cases.R")

# Transplantation (1) and death (2) in primary biliary cholangitis, by sex and by stage.
biliary <- with(na.omit(pbc[c("time", "status", "sex", "stage", "edema")]),
                data.frame(time, cause = status, group = paste0("s", stage), stratum = as.character(sex), x1 = as.integer(edema > 0)))
keep <- function(case, data) add(case, setNames(as.list(data), paste0("data_", names(data))))
keep("biliary", biliary)
cases <- list(small = case_of("small"), drawn = case_of("drawn"), biliary = biliary,
              # A group of one patient; a group with nobody of either cause; all at one time.
              lone = data.frame(time = c(1, 2, 3, 4, 5, 6, 7, 8), cause = c(1, 2, 1, 0, 1, 2, 1, 1), group = c("a", "a", "a", "a", "b", "a", "a", "a")),
              without = data.frame(time = c(1, 2, 3, 4, 5, 6, 7, 8), cause = c(1, 0, 1, 0, 1, 0, 2, 0), group = c("a", "b")),
              all_tied = data.frame(time = rep(4, 9), cause = c(1, 1, 2, 0, 1, 2, 2, 0, 0), group = rep(c("a", "b", "c"), each = 3)),
              uncensored = data.frame(time = c(1, 1, 2, 3, 3, 4, 5, 6, 6, 7), cause = c(1, 2, 1, 1, 2, 2, 1, 1, 1, 2), group = c("a", "b")))
for (name in c("lone", "without", "all_tied", "uncensored")) keep(name, cases[[name]])
for (name in names(cases)) {
  d <- cases[[name]]
  for (rho in c(0, 1, -0.5)) for (strata in c("", "strata_")) {
    if (strata != "" && is.null(d$stratum)) next
    tests <- cuminc(d$time, d$cause, d$group, if (strata == "") rep(1, nrow(d)) else d$stratum, rho = rho)$Tests
    for (k in rownames(tests)) {
      found <- list(tests[k, 1:2])
      names(found) <- paste0(strata, "test", k, "_rho", rho)
      add(name, found)
    }
  }
  est <- cuminc(d$time, d$cause)
  times <- sort(unique(d$time))
  at <- timepoints(est, times)
  for (k in 1:2) add(name, setNames(list(at$var[k, ]), paste0("cuminc_var", k)))
}
save_lines("gray.csv")
