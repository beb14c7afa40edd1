"""The tables of reference/README.md name every comparison that is made, and no other."""

import importlib
import runpy
from pathlib import Path

import pytest

SCRIPT = runpy.run_path(str(Path(__file__).parent / "reference" / "differences.py"))


@pytest.mark.parametrize("name", SCRIPT["TABLES"])
def test_table_is_complete(name):
    start, end = SCRIPT["marks"](name)
    text = SCRIPT["README"].read_text(encoding="utf-8").split(start)[1].split(end)[0]
    written = {
        tuple(cell.strip().strip("`") for cell in line.split("|")[1:4]) for line in text.splitlines() if line.startswith("|")
    }
    rows = {}
    for one in importlib.import_module(SCRIPT["TABLES"][name]).comparisons():
        rows.setdefault((one.statistic, one.counterpart), {})[one.data] = None
    made = {(*key, ", ".join(data)) for key, data in rows.items()}
    head = tuple(cell.strip() for cell in SCRIPT["HEAD"][0].split("|")[1:4])
    assert written == {*made, head, ("---", "---", "---")}


def test_differences_are_rounded_up_to_one_digit():
    assert [SCRIPT["words"](x) for x in (0, 2.1e-13, 2e-9, 9.5e-7)] == ["< 1e-15", "3e-13", "2e-09", "1e-06"]
