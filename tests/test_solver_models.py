"""solver_models.py: a printed model holds exactly where a cohort prints it, whatever groups are laid down first."""

import csv
import itertools
import random

import numpy as np
import pytest

from printcheck.audit.audit import audit_study
from printcheck.printed import patterns
from printcheck.printed.cells import SolverError
from printcheck.printed.claims import claims
from printcheck.printed.published import COLUMNS
from printcheck.proof import solver_models
from printcheck.proof.conflicts import blocks_of, rosters
from printcheck.reconstruct.reconstruct import reconstruct, verify
from studies import write_study
from studyfile.study.study import load_study
from tallystats.regression.logistic import fit_many
from test_solver import COUNT, EXAMPLES, TINY, Everyone, figure, figures_of, holds, printed

#: The model is of another outcome than the two groups of the comparison.
OTHER = (
    (TINY % (COUNT, "", "pearson_chi_square", 5, ""))
    .replace("  a: {label: A, kind: binary}\n", "  a: {label: A, kind: binary}\n  died: {label: Died, kind: binary}\n")
    .replace("outcome: treated,", "outcome: died,")
    .replace("    with_a:", "    dead: {where: {died: yes}}\n    alive: {where: {died: no}}\n    with_a:")
)
BITS = list(itertools.product((0, 1), repeat=2))
DESIGN = np.array([(1.0, *bit) for bit in BITS] * 2), np.repeat([1.0, 0.0], 4)


@pytest.fixture
def study(tmp_path):
    return load_study(write_study(tmp_path, text=OTHER))


@pytest.fixture(scope="module")
def everyone():
    """Every cohort of two treated patients and three others, and what its model of death prints."""
    made = Everyone(list(itertools.product(("no", "yes"), ("no", "yes"), "xy")), (2, 3))  # died, a, c
    groups = {"all": lambda p: True, "dead": lambda p: p[0] == "yes", "alive": lambda p: p[0] == "no"}
    for group, inside in groups.items():
        for name, at, value in (("a", 1, "yes"), ("in_x", 2, "x")):
            made.say(
                ("n", name, "yes", group),
                lambda t, o, at=at, value=value, inside=inside: str(sum(p[at] == value for p in t + o if inside(p))),
            )
    made.say(("n", "died", "yes", "all"), lambda t, o: str(sum(p[0] == "yes" for p in t + o)))
    made.say(("total", "", "", "dead"), lambda t, o: str(sum(p[0] == "yes" for p in t + o)))
    made.say(("n", "died", "no", "all"), lambda t, o: str(sum(p[0] == "no" for p in t + o)))
    made.say(("n", "died", "yes", "yes"), lambda t, o: str(sum(p[0] == "yes" for p in t)))
    counts = np.array(
        [
            [
                sum((p[1] == "yes", p[2] == "x") == bit for p in t + o if p[0] == answer)
                for answer in ("yes", "no")
                for bit in BITS
            ]
            for t, o in made.cohorts
        ],
        float,
    )
    p_values = fit_many(*DESIGN, counts, max_iterations=6).p_values
    for column, term in enumerate(("a", "in_x"), start=1):
        made.figures["p", term, "", "model"] = [printed(p, 2) for p in p_values[:, column]]
    return made


def test_a_model_of_another_outcome_holds_exactly_where_a_cohort_prints_it(study, everyone):
    rng, found = random.Random(2), []
    for _ in range(EXAMPLES):
        chosen = everyone.drawn(rng, 6)
        expected, figures = everyone.exist(chosen), figures_of(chosen, (2, 3))
        assert holds(study, figures, lenient=True) == expected, chosen
        assert holds(study, figures, lenient=False) == expected, chosen
        found.append(expected)
    assert EXAMPLES // 13 < sum(found) < EXAMPLES - EXAMPLES // 13


def test_a_model_of_another_outcome_is_denied_exactly_where_a_cohort_prints_another(study, everyone):
    rng, found = random.Random(5), []
    of_model = [key for key in everyone.figures if key[3] == "model"]
    for _ in range(EXAMPLES // 2):
        chosen = everyone.drawn(rng, 5)
        for key in of_model:
            chosen.pop(key, None)
        at = rng.randrange(len(everyone.cohorts))
        key = rng.choice(of_model)
        if everyone.figures[key][at] == "undefined":
            continue
        chosen[key] = everyone.figures[key][at]
        expected, figures = everyone.exist(chosen, denied=key), figures_of(chosen, (2, 3))
        assert holds(study, figures, lenient=True, denied=figures[-1].id) >= expected, chosen
        found.append(expected)
    assert any(found)


def test_the_outcome_ties_its_variable_to_the_terms(study):
    said = claims(study, figures_of({("p", "a", "", "model"): "0.50"}, (2, 3)))
    (roster,) = rosters(study, said)
    assert ["a", "c", "died"] in [sorted(block) for block in blocks_of(study, roster, said)]


def test_more_tables_than_can_be_tried_are_free_in_a_proof_and_refused_in_a_cohort(study, monkeypatch):
    monkeypatch.setattr(patterns, "LIMIT", 3)
    figures = figures_of({("n", "died", "yes", "all"): "2", ("p", "a", "", "model"): "0.99"}, (2, 3))
    assert holds(study, figures, lenient=True)
    with pytest.raises(SolverError, match="Text: more than 3 joint tables of a have the printed counts; print the counts"):
        holds(study, figures, lenient=False)


@pytest.mark.parametrize(
    "counted", [("n", "died", "yes", "all"), ("n", "died", "no", "all"), ("total", "", "", "dead"), ("total", "", "", "alive")]
)
def test_the_number_with_the_outcome_is_read_from_any_count_of_it(study, monkeypatch, counted):
    monkeypatch.setattr(solver_models, "MOST_SIZES", 1)
    value = "2" if counted[2:] in (("yes", "all"), ("", "dead")) else "3"
    no_such = figures_of({counted: value, ("p", "a", "", "model"): "0.123"}, (2, 3))
    assert not holds(study, no_such, lenient=True)


def test_an_outcome_that_is_not_counted_is_free_in_a_proof_and_refused_in_a_cohort(study, monkeypatch):
    monkeypatch.setattr(solver_models, "MOST_SIZES", 5)
    figures = figures_of({("p", "a", "", "model"): "0.99"}, (2, 3))
    assert holds(study, figures, lenient=True)
    with pytest.raises(SolverError, match="Text: no printed figure gives the number of patients with Died"):
        holds(study, figures, lenient=False)


def test_a_cohort_is_made_that_prints_a_model_of_another_outcome(tmp_path):
    """Nothing but sizes is printed of the groups of the comparison, which stay as they are laid down."""
    rng, size = random.Random(3), 24
    patients = [tuple(rng.random() < share for share in (0.4, 0.5, 0.35, 0.3)) for _ in range(size)]
    of = {"treated": 0, "died": 1, "a": 2, "in_x": 3}
    study = load_study(write_study(tmp_path, text=OTHER.replace("patients: 5", f"patients: {size}")))
    counts = [[sum(p[2:] == bit for p in patients if p[1] == died) for bit in BITS] for died in (True, False)]
    p_values = fit_many(*DESIGN, np.array([counts[0] + counts[1]], float), max_iterations=6).p_values[0]
    made = [figure("p", f"{p:.3f}", term, group="model") for term, p in zip(("a", "in_x"), p_values[1:], strict=True)]
    for group, inside in {"yes": (0, True), "no": (0, False), "dead": (1, True), "alive": (1, False)}.items():
        mine = [p for p in patients if p[inside[0]] == inside[1]]
        made += [figure("total", len(mine), group=group)]
        made += [figure("n", sum(p[of[name]] for p in mine), name, "yes", group) for name in ("a", "in_x")]
    with (tmp_path / "published.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({name: getattr(f, name) or "" for name in COLUMNS} for f in made)
    assert verify(study, reconstruct(study)) == ([], [])
    audit = audit_study(study)
    assert not audit.counts["contradicted"] + audit.counts["not decided"]
    assert {v.verdict for v in audit.verdicts if v.figure.group == "model"} <= {"compatible", "reproduced"}
