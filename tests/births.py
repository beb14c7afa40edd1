"""A study of three groups, of two times, of a number and of clusters: births of R's MASS, as `linear_birthwt.csv` has them."""

from pathlib import Path

import pandas as pd

import cohortbook as cb
from several import REFERENCE

STUDY = """\
study: {title: Births, unit: birth, procedure: the visit, id: row_number, data: births.csv, cluster: centre}
variables:
  bwt: {label: Birth weight, kind: continuous, unit: g, measured: after}
  age: {label: Age, kind: continuous, unit: years, range: [10, 60], measured: before}
  lwt: {label: Weight, kind: continuous, unit: pounds, range: [60, 350], decimals: 0, measured: before}
  later: {label: Weight later, kind: continuous, unit: pounds, measured: after}
  race: {label: Race, kind: category, levels: [white, black, other], measured: before}
  race_too: {label: Race again, kind: category, levels: [white, black, other], measured: after}
  smoke: {label: Smoking, kind: binary, measured: before}
  ht: {label: Hypertension, kind: binary, measured: before}
  ui: {label: Irritability, kind: binary, measured: before}
  centre: {label: Centre, kind: category, levels: [north, south, closed]}
derived:
  band:
    label: Weight
    from: lwt
    bands: &bands [{label: light, below: 110}, {label: mid, from: 110, below: 140}, {label: heavy, from: 140}]
  later_band:
    label: Later
    from: later
    bands: *bands
outcome: {variable: ht, label: Hypertension}
comparison:
  number: "2"
  title: Mothers by race
  groups: race
  overall: true
  cells: full
  pairwise: tukey
  rows:
    - {variable: age}
    - {variable: bwt, test: welch_anova, decimals: 0}
    - {variable: smoke}
    - {variable: ht}
    - {variable: band, label: Weight band}
paired:
  - {before: lwt, after: later, label: Weight}
  - {before: band, after: later_band}
  - {before: smoke, after: ui}
  - {before: race, after: race_too}
linear: {number: "3", title: Linear regression, outcome: bwt, terms: [age, race, smoke, later]}
"""


def load(folder: Path, *changes: tuple[str, str]):
    """Write the study, with texts of its file replaced, and its births; return the cohort."""
    frame = pd.read_csv(REFERENCE / "linear_birthwt.csv")
    for name in ("smoke", "ht", "ui"):
        frame[name] = frame[name].map({0: "no", 1: "yes"})
    rank = pd.Series(range(len(frame)))
    frame["later"] = frame["lwt"] + rank * 7 % 11 - 4
    frame["centre"] = (rank % 3 > 0).map({True: "north", False: "south"})
    frame["race_too"] = frame["race"].where(rank % 5 > 0, "other")
    frame.loc[[2, 40], ["age", "later"]] = None
    frame.loc[7, "centre"] = None
    frame.to_csv(folder / "births.csv", index=False)
    text = STUDY
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    path = folder / "study.yml"
    path.write_text(text, encoding="utf-8")
    return cb.load_cohort(path)
