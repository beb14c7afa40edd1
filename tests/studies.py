"""What the tests of studies share: a small study of every kind of variable, written where a test wants it."""

import csv
from pathlib import Path

BASE = """\
study:
  title: A small study
  id: id
  data: rows.csv
variables:
  age: {label: Age, kind: continuous, unit: years, range: [18, 100], decimals: 0, measured: before, provenance: printed}
  grade: {label: Grade, kind: ordered, levels: &grades [low, mid, high], measured: before}
  later: {label: Grade later, kind: ordered, levels: *grades, measured: after, provenance: assumed}
  site: {label: Site, kind: category, levels: [north, south, off]}
  smoker: {label: Smoker, kind: binary, codes: {"1": yes, "0": no}}
  days: {label: Days followed, kind: continuous, unit: days, range: [-10, 4000]}
  visits: {label: Visits, kind: count}
  died: {label: Died, kind: binary}
  surgery: {label: Surgery, kind: date}
  seen: {label: Last seen, kind: date}
derived:
  age_band: {label: Age, from: age, bands: [{label: young, to: 40}, {label: old, from: 41}]}
  where: {label: Where, from: site, recode: {here: [north], elsewhere: [south, off]}}
  high: {label: High, from: grade, member: [high]}
  change: {label: Change, change: [grade, later]}
  course: {label: Course, transition: [grade, later]}
  followed: {label: Followed, days_between: [surgery, seen], unit: days}
  followed_band: {label: Followed, from: followed, bands: [{label: short, below: 365}, {label: long, from: 365}]}
  long: {label: Followed long, from: followed_band, member: [long]}
survival: {time: days, event: died}
"""

COLUMNS = ("id", "age", "grade", "later", "site", "smoker", "days", "visits", "died", "surgery", "seen")
ROWS = (
    ("P1", "30", "low", "high", "north", "1", "100", "3", "no", "2015-01-01", "2016-01-01"),
    ("P2", "41", "mid", "mid", "south", "0", "365.5", "0", "yes", "2015-03-01", "2015-03-31"),
    ("P3", "90", "high", "low", "off", "yes", "0", "12", "no", "2015-05-01", "2018-05-01"),
    ("P4", "", "", "low", "NA", "no", "7", "1", "yes", "", "2015-07-01"),
)


def write_study(folder: Path, *changes: tuple[str, str], extra: str = "", text: str | None = None) -> Path:
    """Write the base study with texts replaced and sections added; each text must be there to be replaced."""
    study = BASE if text is None else text
    for old, new in changes:
        assert old in study, old
        study = study.replace(old, new, 1)
    path = folder / "study.yml"
    path.write_text(study + extra, encoding="utf-8")
    return path


def write_rows(folder: Path, rows=ROWS, columns=COLUMNS, *, name: str = "rows.csv") -> Path:
    """Write patients as CSV."""
    path = folder / name
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


def changed(column: str, value: str, row: int = 1, rows=ROWS):
    """Return the rows with one value changed; row 1 is the first."""
    cells = [list(r) for r in rows]
    cells[row - 1][COLUMNS.index(column)] = value
    return cells
