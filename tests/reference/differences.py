"""Write the tables of statistics and counterparts in README.md: run in this folder, `python differences.py [table ...]`.

Each row holds every comparison of one statistic with one counterpart; the difference is the largest, rounded up.
"""

import importlib
import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
README = Path(__file__).parent / "README.md"
#: Each table, and the module of tests/ that makes its comparisons.
TABLES = {"logistic": "logistic_comparisons", "survival": "survival_comparisons", "missing": "missing_comparisons"}
HEAD = ("| statistic | counterpart and call | data sets | largest relative difference |", "|---|---|---|---|")


def marks(name):
    """Return the lines between which a table stands."""
    return f"<!-- {name}: written by differences.py -->", f"<!-- end of {name} -->"


def rows(name):
    """Yield statistic, counterpart, data sets and the largest difference of each row."""
    grouped = {}
    for one in importlib.import_module(TABLES[name]).comparisons():
        grouped.setdefault((one.statistic, one.counterpart), []).append(one)
    for (statistic, counterpart), group in grouped.items():
        yield (
            statistic,
            counterpart,
            ", ".join(dict.fromkeys(one.data for one in group)),
            max(one.difference() for one in group),
        )


def words(difference):
    """Round a difference up to one digit."""
    if difference < 1e-15:
        return "< 1e-15"
    power = math.floor(math.log10(difference))
    return f"{math.ceil(difference / 10**power - 1e-9) * 10**power:.0e}"


def table(name):
    """Return the lines of a table."""
    return [*HEAD, *(f"| {s} | {c if '(' not in c else f'`{c}`'} | {d} | {words(x)} |" for s, c, d, x in rows(name))]


if __name__ == "__main__":
    for name in sys.argv[1:] or TABLES:
        start, end = marks(name)
        before, rest = README.read_text(encoding="utf-8").split(start)
        text = "\n".join([before + start, "", *table(name), "", end]) + rest.split(end)[1]
        README.write_text(text, encoding="utf-8")
