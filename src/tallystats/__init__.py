"""Statistics from counts of distinct values.

A `tallystats.tally.Tally` holds distinct patterns of some columns and how many patients show each; every method takes one and
returns a frozen result with a tidy `frame`. Nothing here knows a study, a file or a format.
"""
