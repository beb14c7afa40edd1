"""solver_models.py: a printed model holds exactly where a cohort prints it, whatever groups are laid down first."""

import itertools
import random

import numpy as np
import pytest

from cohortbook import patterns, solver_models
from cohortbook.cells import SolverError
from cohortbook.claims import claims
from cohortbook.conflicts import blocks_of, rosters
from cohortbook.logistic import fit_many
from cohortbook.study import load_study
from studies import write_study
from test_solver import COUNT, EXAMPLES, TINY, Everyone, figures_of, holds, printed

#: The model is of another outcome than the two groups of the comparison.
OTHER = (TINY % (COUNT, "", "pearson_chi_square", 5, "")).replace(
    "  a: {label: A, kind: binary}\n", "  a: {label: A, kind: binary}\n  died: {label: Died, kind: binary}\n"
).replace("outcome: treated,", "outcome: died,").replace(
    "    with_a:", "    dead: {where: {died: yes}}\n    alive: {where: {died: no}}\n    with_a:"
)  # fmt: skip
BITS = list(itertools.product((0, 1), repeat=2))
DESIGN = np.array([(1.0, *bit) for bit in BITS] * 2), np.repeat([1.0, 0.0], 4)


@pytest.fixture
def study(tmp_path):
    return load_study(write_study(tmp_path, text=OTHER))


@pytest.fixture(scope="module")
def everyone():
    """Every cohort of two treated patients and three others, and what its model of death prints."""
    made = Everyone(list(itertools.product(("no", "yes"), ("no", "yes"), "xy")), (2, 3))  # died, a, c
    groups = {
        "all": lambda p: True, "dead": lambda p: p[0] == "yes", "alive": lambda p: p[0] == "no"
    }  # fmt: skip
    for group, inside in groups.items():
        for name, at, value in (("a", 1, "yes"), ("in_x", 2, "x")):
            made.say(("n", name, "yes", group), lambda t, o, at=at, value=value, inside=inside:
                     str(sum(p[at] == value for p in t + o if inside(p))))  # fmt: skip
    made.say(("n", "died", "yes", "all"), lambda t, o: str(sum(p[0] == "yes" for p in t + o)))
    made.say(("n", "died", "yes", "yes"), lambda t, o: str(sum(p[0] == "yes" for p in t)))
    counts = np.array([
        [sum((p[1] == "yes", p[2] == "x") == bit for p in t + o if p[0] == answer) for answer in ("yes", "no") for bit in BITS]
        for t, o in made.cohorts
    ], float)  # fmt: skip
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
    assert EXAMPLES // 12 < sum(found) < EXAMPLES * 11 // 12


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
    with pytest.raises(
        SolverError, match="Text: more than 3 joint tables of a have the printed counts; print the counts"
    ):
        holds(study, figures, lenient=False)


def test_an_outcome_that_is_not_counted_is_free_in_a_proof_and_refused_in_a_cohort(study, monkeypatch):
    monkeypatch.setattr(solver_models, "MOST_SIZES", 5)
    figures = figures_of({("p", "a", "", "model"): "0.99"}, (2, 3))
    assert holds(study, figures, lenient=True)
    with pytest.raises(SolverError, match="Text: no printed figure gives the number of patients with Died"):
        holds(study, figures, lenient=False)
