"""A study of four patients whose every number can be told by hand."""

from pathlib import Path

import cohortbook as cb

STUDY = """\
study: {title: Four, id: id, data: four.csv, procedure: the cure, units_per_year: 52}
variables:
  dose: {label: Dose, kind: continuous, unit: mg, range: [0, 100], measured: before}
  ill: {label: Ill, kind: binary, measured: before}
  kind: {label: Kind, kind: category, levels: [x, y, z], measured: after}
  failed: {label: Failed, kind: binary, measured: after}
  weeks: {label: Weeks, kind: count, measured: after}
  died: {label: Died, kind: binary, measured: after}
  late: {label: Late, kind: count, measured: before}
tables:
  first:
    number: "1"
    title: First
    rows: [{variable: dose}, {variable: kind}, {variable: ill, levels: ["yes"]}]
  second:
    number: "2"
    title: Second
    rows: [{variable: ill}]
outcome:
  variable: failed
  label: Failure
  elsewhere: [{label: Elsewhere, percent: 10, denominator: 30}, {label: Nowhere, percent: 50}]
comparison:
  number: "3"
  title: Failed or not
  groups: failed
  group_labels: [Failed, Held]
  rows: [{variable: dose, test: student_t}, {variable: kind}, {variable: ill}]
model: {number: "4", title: Failure, outcome: failed, candidates: [ill]}
survival:
  time: weeks
  event: died
  unit: weeks
  label: Survival
  origin: the cure
  strata: [ill]
  landmarks: [{label: 3 weeks, time: 3}]
"""

ROWS = """\
id,dose,ill,kind,failed,weeks,died,late
1,10,yes,x,yes,2,yes,0
2,20,no,y,no,3,no,1
3,,yes,,no,5,yes,4
4,40,no,x,yes,8,no,2
"""


def load(folder: Path, *changes: tuple[str, str], text: str = STUDY, rows: str = ROWS, name: str = "four.csv"):
    """Write the study, with texts of its file replaced, and return its cohort."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    (folder / "study.yml").write_text(text, encoding="utf-8")
    (folder / name).write_text(rows, encoding="utf-8")
    return cb.load_cohort(folder)
