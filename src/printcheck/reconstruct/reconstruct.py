"""From printed figures to a cohort: synthetic patients who satisfy them jointly.

Variables that no figure ties together are solved apart; each such block is one CP-SAT model (`printcheck.proof.solver`). The
first solution settles levels and cells; a second, for numeric variables, the values within them, close to the shape that
the study file declares (`printcheck.reconstruct.shapes`). Everything is deterministic under the lock: one worker, one
seed, limits in deterministic time. What cannot hold together is proven by `printcheck.proof.conflicts`.
"""

from __future__ import annotations

import argparse
import csv
import io
import random
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from printcheck.audit.audit import audit_study
from printcheck.printed.claims import Claim, claims, planned_tests, unstated
from printcheck.printed.published import Figure, prints_as, read_published
from printcheck.proof.conflicts import blocks_of, check_left_out, of_block, rosters
from printcheck.proof.solver import EFFORT, PIECES, Block, ReconstructionError, Roster, UnsatisfiedError, deterministic_solver
from printcheck.reconstruct.compatible import draw_solutions, write_solutions
from printcheck.reconstruct.reprint import reprint
from printcheck.reconstruct.shapes import arrange, declared, fill, followed, shape_costs
from studyfile.cohort.cohort import load_cohort
from studyfile.errors import command
from studyfile.files import write_whole
from studyfile.plan import compare_row
from studyfile.progress import Progress
from studyfile.study.study import NUMERIC, Study, load_study

#: How often a cohort is made anew until the tests that the plan takes are those that printed its P values.
ATTEMPTS = 8
#: Among so few patients single ties decide a P value of ranks: where pieces of a range do not do, each value gets a cell.
FEW_PATIENTS, ALL_VALUES = 40, 128


def reconstruct(study: Study) -> list[dict[str, Any]]:
    """Make synthetic patients who satisfy every printed figure that the study file does not leave out.

    Returns
    -------
    list of dict
        One patient each: the id, then every recorded variable as it is written in the file.

    Raises
    ------
    ReconstructionError
        When no cohort satisfies them, or the search was not settled.

    Notes
    -----
    Where the plan leaves the test to the data (`auto`), the ranks are tried first; a variable that then turns out
    normal is made anew, so that the test that the plan takes is the one that prints its P. Every figure is then recomputed
    by the notebooks' own statistics; a cohort that does not print one is made anew too.
    """
    said = claims(study, kept_figures(study))
    try:
        return _searched(study, said, PIECES)
    except UnsatisfiedError:
        if study.plan("reconstruction").patients > FEW_PATIENTS:
            raise
        return _searched(study, said, ALL_VALUES)


def _searched(study: Study, said: Sequence[Claim], pieces: int) -> list[dict[str, Any]]:
    """Make cohorts until one shows every figure, by the tests that the plan takes."""
    planned = {c.variable: planned_tests(study, c.variable) for c in said if c.kind == "test"}
    auto = [name for name, allowed in planned.items() if len(allowed) > 1]
    tests, problem = {name: allowed[:1] for name, allowed in planned.items()}, ""
    for attempt in range(ATTEMPTS):
        try:
            patients = _made(study, said, tests, pieces, random.Random(study.plan("reconstruction").seed + attempt))
        except UnsatisfiedError as error:
            problem = str(error)
            tested = [name for name in error.variables if name in planned]
            if error.final:  # no other draw meets these figures by these tests
                planned |= {name: tuple(test for test in planned[name] if test not in tests[name]) for name in tested}
                if not tested or not all(planned.values()):
                    raise
            tests |= {name: planned[name][-1:] for name in tested}
            continue
        taken = _tests_taken(study, patients, auto)
        if not taken.items() <= tests.items():
            names = ", ".join(name for name in taken if taken[name] != tests[name])
            problem = f"{study.path}: `auto` takes another test of {names} than prints P; name it under comparison: rows:"
            tests |= {name: test for name, test in taken.items() if {*test} <= {*planned[name]}}
            continue
        differ, _ = verify(study, patients)
        if not differ:
            return patients
        problem = f"{study.path}: the cohort does not print:\n" + "\n".join(f"  {line}" for line in differ)
    raise UnsatisfiedError(f"{problem}\nThat was the last of {ATTEMPTS} attempts.", (), final=True)


def kept_figures(study: Study) -> list[Figure]:
    """Return the printed figures that the study file does not leave out."""
    out = {entry.figure for entry in study.plan("reconstruction").left_out}
    return [figure for figure in read_published(study) if figure.id not in out]


def _tests_taken(study: Study, patients: Sequence[dict[str, Any]], names: Sequence[str]) -> dict[str, tuple[str]]:
    """Return the test that the plan takes for each variable of the patients."""
    if not names:
        return {}
    cohort = _cohort(study, patients)
    return {name: (compare_row(cohort, name).choice.test,) for name in names}


def _cohort(study: Study, patients: Sequence[dict[str, Any]]):
    return load_cohort(study, pd.DataFrame(patients))


def _made(study: Study, said: Sequence[Claim], tests: dict, pieces: int, rng: random.Random) -> list[dict[str, Any]]:
    plan = study.plan("reconstruction")
    roster, *others = rosters(study, said)
    if others:
        raise ReconstructionError(f"{study.path}: printed figures disagree on the number with {', '.join(roster.groups)} = yes")
    columns: dict[str, list] = {}
    for variables in _in_order(study, blocks_of(study, roster, said)):
        settled = _settled(study, roster, variables, said, tests, pieces, rng)
        # Who is in a group is laid down, also where nothing else is printed of it.
        claimed = any(of_block(study, roster, variables, said)) or set(study.bases(*roster.groups)) & set(variables)
        columns |= arrange(study, roster, settled, columns, bool(claimed), rng)
    identifier = study.file.study.id
    return [
        {identifier: plan.id_format.format(i + 1), **{n: written(study, n, columns[n][i]) for n in study.file.variables}}
        for i in range(roster.size)
    ]


def written(study: Study, name: str, value: Any) -> Any:
    """Return a value as the file holds it: numbers are counted in steps until here."""
    if study.kind(name) not in NUMERIC or study.step(name) == 1:
        return value
    return round(value * study.step(name), study.file.variables[name].decimals)


def _in_order(study: Study, blocks: list[tuple[str, ...]]) -> Iterable[tuple[str, ...]]:
    """Yield the blocks, each after those that its variables follow; a circle is broken where it was written first."""
    left = list(blocks)
    while left:
        waiting = {name for block in left for name in block}
        free = (b for b in left if not any((waiting - set(b)) & set(followed(study, name)) for name in b))
        left.remove(block := next(free, left[0]))
        yield block


def _settled(
    study: Study,
    roster: Roster,
    variables: tuple[str, ...],
    said: Sequence[Claim],
    tests: dict,
    pieces: int,
    rng: random.Random,
) -> dict:
    """Solve one block and return its columns, one value a patient, numbers in steps."""
    mine, rules = of_block(study, roster, variables, said)
    block = Block(study, roster, variables, mine, rules, tests, pieces=pieces)
    for literal in block.kept.values():
        block.model.add(literal == 1)
    costs = [20 * cost for name in variables if declared(study, name) for cost in shape_costs(block, name)]
    # What is told of nobody is drawn: without this, the solver would give the narrated patients its favourite pattern.
    costs += [
        rng.randrange(20) * n
        for unit, counts in zip(block.units, block.n, strict=True)
        if len(unit) == 1
        for n in counts.values()
    ]
    # Values crowd where one cell must not pass another that it overlaps; such pairs are kept few.
    crowded = [rule.not_after for rule in rules if rule.not_after]
    costs += [15 * block.count(range(len(block.units)), lambda p, a=a, b=b: block.overlap(p, a, b)) for a, b in crowded]
    block.model.minimize(sum(costs))
    solver = deterministic_solver(study.plan("reconstruction").seed, effort=EFFORT / 6)
    status = solver.status_name(solver.solve(block.model))
    if status not in ("OPTIMAL", "FEASIBLE"):
        found = "no cohort was found that shows all" if status == "INFEASIBLE" else "not decided within the limits:"
        message = f"{study.path}: {found} the printed figures of {', '.join(variables)}"
        raise UnsatisfiedError(message, variables, final=True)
    columns = columns_of(block, solver, rng)
    if block.parts:
        fill(block, columns, rng)
    return columns


def columns_of(block: Block, solver: Any, rng: random.Random) -> dict[str, list]:
    """Return what a solution gives each patient: levels, and runs of numbers; those who are alike in random order."""
    columns: dict[str, list] = {name: [None] * block.roster.size for name in block.variables}
    for unit, counts in zip(block.units, block.n, strict=True):
        drawn = [block.patterns[k] for k, n in counts.items() for _ in range(solver.value(n))]
        rng.shuffle(drawn)
        for i, pattern in zip(unit, drawn, strict=True):
            for name in block.variables:
                columns[name][i] = pattern[name]
    return columns


def verify(study: Study, patients: Sequence[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """Recompute every printed figure that is not left out from the patients, by the notebooks' own statistics.

    Returns
    -------
    list of str
        Figures that the patients were to show and do not.
    list of str
        Figures that no constraint states, and that they do not show.
    """
    cohort = _cohort(study, patients)
    differ, free = [], []
    for figure in kept_figures(study):
        if figure.about != "cohort":
            continue
        found = reprint(figure, cohort)
        if found == figure.value if isinstance(found, str) else prints_as(figure, found):
            continue
        reason = unstated(study, figure)
        shown = found if isinstance(found, str) else f"{found:.6g}"
        text = f"{figure.id}: printed {figure.value}, recomputed {shown}"
        (free if reason else differ).append(f"{text} ({reason})" if reason else text)
    return differ, free


def cohort_text(patients: Sequence[dict[str, Any]]) -> str:
    """Return patients as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(patients[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(patients)
    return text.getvalue()


@command
def main(arguments: Sequence[str] | None = None) -> None:
    """Prove the list of figures left out, make the cohort, verify it, write it; then cohorts that print the same."""
    parser = argparse.ArgumentParser(prog="python -m printcheck.reconstruct", description=main.__doc__)
    parser.add_argument("study", nargs="?", default="spinal-metastases", help="a study's folder, file or name")
    study = load_study(parser.parse_args(arguments).study)
    shortest = check_left_out(study)
    print(f"left out, and proven the shortest list: {sum(len(e.figures) for e in shortest)} printed figures", flush=True)
    patients = reconstruct(study)
    _, free = verify(study, patients)
    if free:
        print("not held to:\n" + "\n".join(f"  {line}" for line in free))
    path = study.folder / study.file.study.data
    write_whole(path, cohort_text(patients))
    print(f"{path.name}: {len(patients)} synthetic {study.units} who print every other figure", flush=True)
    with Progress(None, "cohorts that print the same") as bar:
        drawn = draw_solutions(audit_study(study, step=bar.step), bar.step)
    path = write_solutions(study, drawn)
    print(f"{path.name}: {sum(map(len, drawn.values()))} solutions of {len(drawn)} blocks of variables")


if __name__ == "__main__":
    raise SystemExit(main())
