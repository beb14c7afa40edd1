# A file of SAS, written by haven: numbers, an empty number, texts, an empty text, dates.
# Rscript tests/reference/readers.R
rows <- data.frame(
  id = 1:3,
  weight = c(1.5, NA, 2),
  word = c("a", "b", ""),
  seen = as.Date(c("2019-01-02", NA, "2020-02-29"))
)
suppressWarnings(haven::write_sas(rows, "tests/reference/readers.sas7bdat"))
system("gzip -9 -n -f tests/reference/readers.sas7bdat")
