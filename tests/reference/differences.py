"""Write the table of the survival statistics in README.md: run in this folder, `python differences.py`.

Each row holds every comparison of one statistic with one counterpart; the difference is the largest, rounded up.
"""

import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
README = Path(__file__).parent / "README.md"
START, END = "<!-- survival: written by differences.py -->", "<!-- end of survival -->"
HEAD = ("| statistic | counterpart and call | data sets | largest relative difference |", "|---|---|---|---|")


def rows():
    """Yield statistic, counterpart, data sets and the largest difference of each row."""
    from survival_comparisons import comparisons

    grouped = {}
    for one in comparisons():
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


def table():
    """Return the lines of the table."""
    return [*HEAD, *(f"| {s} | {c if '(' not in c else f'`{c}`'} | {d} | {words(x)} |" for s, c, d, x in rows())]


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(START)
    README.write_text("\n".join([before + START, "", *table(), "", END]) + rest.split(END)[1], encoding="utf-8")
