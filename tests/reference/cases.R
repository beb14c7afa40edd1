# What the reference scripts of the survival statistics share: the cases of survival.csv, and lines of output.
lines <- list()

# Keep some quantities (a named list) of a case, with all digits.
add <- function(case, quantities) {
  for (name in names(quantities)) {
    value <- quantities[[name]]
    lines[[length(lines) + 1]] <<- data.frame(case = case, quantity = name, values = paste(
      if (is.character(value)) value else sprintf("%.17g", as.numeric(value)), collapse = " "))
  }
}
save_lines <- function(path) write.csv(do.call(rbind, lines), path, row.names = FALSE, quote = FALSE)

# The patients of a case as a data frame.
case_of <- function(case) {
  table <- read.csv("survival.csv", colClasses = "character")
  table <- table[table$case == case & startsWith(table$quantity, "data_"), ]
  columns <- lapply(strsplit(table$values, " "), type.convert, as.is = TRUE)
  data <- as.data.frame(setNames(columns, sub("data_", "", table$quantity)))
  if (is.null(data$event) && !is.null(data$cause)) data$event <- as.integer(data$cause > 0)
  data
}
