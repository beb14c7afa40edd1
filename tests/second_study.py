"""A second study, unlike the bundled one: hips followed to revision, simulated with a fixed seed."""

import csv
import random
from pathlib import Path
from typing import Any

HEAD = """\
study:
  title: Revision of hip implants
  unit: hip
  procedure: the operation
  id: hip
  data: hips.csv
  units_per_year: 12
"""

VARIABLES = """\
variables:
  weight: {label: Body weight, kind: continuous, unit: kg, range: [30, 200], decimals: 1, measured: before}
  gender: {label: Gender, kind: category, levels: [woman, man], measured: before}
  stem: {label: Stem, kind: category, levels: [cemented, press-fit, hybrid], measured: during}
  pain: {label: Pain score, kind: count, range: [0, 10], measured: before}
  diabetic: {label: Diabetes, kind: binary, codes: {"1": "yes", "0": "no"}, measured: before}
  limp: {label: Limping a year later, kind: binary, measured: after}
  first_seen: {label: First seen, kind: continuous, unit: months, range: [0, 24], measured: after}
  months: {label: Months followed, kind: continuous, unit: months, range: [0, 240], measured: after}
  dead: {label: Dead, kind: binary, measured: after}
  revised: {label: Revised, kind: binary, measured: after}
  months_to_revision: {label: Months to revision, kind: continuous, unit: months, range: [0, 240], measured: after}
derived:
  heavy: {label: Weight, from: weight, bands: [{label: under 80 kg, below: 80}, {label: 80 kg or more, from: 80}]}
"""

TABLES = """\
tables:
  table-a:
    number: "1"
    title: Hips
    rows:
      - {variable: weight}
      - {variable: heavy}
      - {variable: stem, heading: Fixation}
      - {heading: Illness}
      - {variable: diabetic, levels: ["yes"]}
      - {variable: pain, levels: [0, 1, 2, 3]}
"""

ANALYSES = """\
eligibility:
  - {label: Registered, excluded: 12}
  - {label: Weight known and at least 40 kg, keep: {weight: {min: 40}}}
outcome: {variable: limp, label: Limping}
comparison:
  number: "2"
  title: Hips with and without a limp
  groups: limp
  group_labels: [Limp, No limp]
  rows:
    - {variable: weight}
    - {variable: pain, test: mann_whitney, decimals: 2}
    - {variable: stem}
    - {variable: gender}
    - {variable: diabetic, test: fisher_exact}
model:
  number: "3"
  title: Predictors of a limp
  outcome: limp
  candidates: [weight, stem, diabetic]
  entry: 0.2
  removal: 0.25
survival:
  time: months
  event: dead
  entry: first_seen
  label: Survival of the patient
  origin: the operation
  unit: months
  strata: [stem, heavy]
  cox: [weight, diabetic]
  landmarks: [{label: 1 year, time: 12}, {label: 5 years, time: 60}]
  competing: {label: Revision, event: revised, time: months_to_revision, landmarks: [12, 60]}
"""

FULL = HEAD + VARIABLES + TABLES + ANALYSES
PLAIN = HEAD + VARIABLES + TABLES


def hips(n: int = 64, seed: int = 7) -> list[dict[str, str]]:
    """Simulate hips; weight, stem and diabetes make a limp more likely, and some values are missing."""
    draw, rows = random.Random(seed), []
    for k in range(n):
        weight = round(draw.gauss(78, 14), 1)
        stem = draw.choice(["cemented", "cemented", "press-fit", "hybrid"])
        diabetic = draw.random() < 0.3
        limp = draw.random() < 0.2 + 0.25 * (stem == "hybrid") + 0.3 * diabetic + 0.01 * (weight - 78)
        first = round(draw.uniform(0, 6), 1)
        months = round(first + 0.3 + draw.expovariate(1 / 30), 1)
        revised = draw.random() < 0.25
        rows.append(
            {
                "hip": f"H{k + 1:02d}",
                "weight": "" if k in (5, 17) else str(weight),
                "gender": draw.choice(["woman", "man"]),
                "stem": "" if k in (8, 30, 41) else stem,
                "pain": "NA" if k == 12 else str(min(10, int(draw.expovariate(0.4)))),
                "diabetic": str(int(diabetic)),
                "limp": "yes" if limp else "no",
                "first_seen": str(first),
                "months": str(months),
                "dead": "yes" if draw.random() < 0.5 else "no",
                "revised": "yes" if revised else "no",
                "months_to_revision": str(round(draw.uniform(0.5, months), 1)) if revised else "",
            }
        )
    return rows


SCENARIOS = "scenarios:\n  women: {label: Women only, keep: {gender: woman}}\n"
#: What is planted, and how it can be told in any output.
ID, WORDS, PERSON = "QZX-PLANTED-", "told the nurse of Xyzzyville", "Quuxina Plantagenet"
#: Values that one patient alone has, none of them an extreme or a quartile.
VALUES = {"weight": "74.3179", "months": "23.5813"}


def planted() -> list[dict[str, str]]:
    """Simulate hips whose ids, names and notes nobody could mistake, two columns of them unknown to the study file."""
    rows = hips()
    for k, row in enumerate(rows):
        row |= {"hip": f"{ID}{k + 1:04d}", "surname": f"{PERSON} {k}", "remarks": f'{WORDS} {k}, "quoted"; =1+1'}
    rows[20] |= VALUES
    return rows


def planted_build(factory: Any, stages: int = 5) -> Path:
    """Return the folder where the planted study is built once for all tests of a session, up to one of five stages.

    The first notebooks; models; survival; the last ones; the report, and the scenarios beside it.
    """
    from in_process import shared

    folder = shared(factory, "planted", _first_planted)
    for stage in (_models_planted, _survival_planted, _last_planted, _report_planted)[: stages - 1]:
        shared(factory, f"planted{stage.__name__}", lambda _, make=stage: make(folder))
    return folder


def _first_planted(folder: Path) -> None:
    from in_process import numbered, run_notebooks

    fine = ("decimals: 1, measured", "decimals: 4, measured")
    study = write_hips(folder / "hips", fine, text=FULL + SCENARIOS, rows=planted())
    run_notebooks(study, folder / "build", numbered("0[1-3]*"), resamples="20")


def _models_planted(folder: Path) -> None:
    from in_process import numbered, run_notebooks

    run_notebooks(folder / "hips", folder / "build", numbered("04*"), resamples="20")


def _survival_planted(folder: Path) -> None:
    from in_process import numbered, run_notebooks

    run_notebooks(folder / "hips", folder / "build", numbered("05*"), resamples="20")


def _last_planted(folder: Path) -> None:
    from in_process import numbered, run_notebooks

    run_notebooks(folder / "hips", folder / "build", numbered("0[67]*"), resamples="20")


def _report_planted(folder: Path) -> None:
    from in_process import NOTEBOOKS, build, numbered, report_of, run_notebook

    study = folder / "hips"
    report_of(study, folder / "build", numbered())
    kept = folder / "build" / "scenarios"
    for name, scenario in (("as-planned", str(study)), ("women", f"{study}@women")):
        one = NOTEBOOKS / "scenarios" / "one.ipynb"
        run_notebook(one, kept / name / "one.ipynb", study=scenario, output_dir=str(kept / name))
    build(study, folder / "build", [NOTEBOOKS / "scenarios" / "all.ipynb"], page="scenarios.html", folder=str(kept))


def write_hips(folder: Path, *changes: tuple[str, str], text: str = FULL, rows=None) -> Path:
    """Write the study, with texts of its file replaced, and its rows; each text must be there to be replaced."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    rows = hips() if rows is None else rows
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.yml").write_text(text, encoding="utf-8")
    with (folder / "hips.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder
