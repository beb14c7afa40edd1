"""What the tests of printed figures share: a study, and figures of it as a paper prints them."""

from fractions import Fraction

from printcheck.printed.published import COLUMNS, Figure, round_half_away
from studies import write_study
from studyfile.study.study import load_study
from tallystats.interval import Interval

PLAN = """\
comparison:
  number: "7"
  title: C
  groups: died
  rows: [{variable: grade}, {variable: smoker}, {variable: where, test: fisher_exact}, {variable: visits}]
published:
  groups:
    dead: {where: {died: "yes"}}
    alive: {where: {died: "no"}}
    test: {compare: died}
    model: {model: true}
    second: {patient: 2}
model: {number: "8", title: M, outcome: died, candidates: [smoker, high]}
"""
RANGED = ("visits: {label: Visits, kind: count}", "visits: {label: Visits, kind: count, range: [0, 30]}")


def printed_study(folder):
    """Write the study and read it."""
    return load_study(write_study(folder, RANGED, extra=PLAN))


def figure(variable, statistic, value, *, level="", group="all", of=None, id="", source="Table 1", **more):
    row = dict.fromkeys(COLUMNS, "") | {"about": "cohort", "source": source, "value": str(value)} | more
    return Figure(
        **row
        | {
            "id": id or f"{variable}_{level}_{group}_{statistic}",
            "variable": variable,
            "level": level,
            "group": group,
            "statistic": statistic,
            "denominator": of,
        }
    )


def total(value, group="all", **more):
    return figure("", "total", value, group=group, **more)


def percent(value, of, **more):
    return figure("smoker", "percent", value, of=of, **more)


def one(found, kind=None):
    """Return the only check, of a kind where one is given."""
    found = [check for check in found if kind in (None, check.kind)]
    assert len(found) == 1, found
    return found[0]


def about(text):
    unit = Fraction(1, 10 ** len(text.partition(".")[2]))
    return Interval(Fraction(text) - unit / 2, Fraction(text) + unit / 2)


def printed(value, decimals):
    return f"{float(round_half_away(value, decimals)):.{decimals}f}"
