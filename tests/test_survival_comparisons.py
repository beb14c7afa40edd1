"""The table of reference/README.md names every comparison that is made, and no other."""

import runpy
from pathlib import Path

from survival_comparisons import comparisons

SCRIPT = runpy.run_path(str(Path(__file__).parent / "reference" / "differences.py"))


def test_table_is_complete():
    written = {
        tuple(cell.strip().strip("`") for cell in line.split("|")[1:4])
        for line in SCRIPT["README"]
        .read_text(encoding="utf-8")
        .split(SCRIPT["START"])[1]
        .split(SCRIPT["END"])[0]
        .splitlines()
        if line.startswith("|")
    }
    rows = {}
    for one in comparisons():
        rows.setdefault((one.statistic, one.counterpart), {})[one.data] = None
    made = {(*key, ", ".join(data)) for key, data in rows.items()}
    head = tuple(cell.strip() for cell in SCRIPT["HEAD"][0].split("|")[1:4])
    assert written == {*made, head, ("---", "---", "---")}


def test_differences_are_rounded_up_to_one_digit():
    assert [SCRIPT["words"](x) for x in (0, 2.1e-13, 2e-9, 9.5e-7)] == ["< 1e-15", "3e-13", "2e-09", "1e-06"]
