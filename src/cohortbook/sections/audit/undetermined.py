"""What the printed figures do not determine: the study's analyses over many cohorts that print the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict

from cohortbook.sections.scenarios.questions import Question, questions
from printcheck.audit.audit_patients import has_patients
from printcheck.audit.verdicts import Audit
from printcheck.reconstruct.possible import Drawer, Possible, figure_sets
from studyfile.cache import cached
from studyfile.cohort.cohort import Cohort
from studyfile.progress import Progress
from studyfile.study.study import Study
from tallystats.results import NAN, NotPlanned, quiet, result
from tallystats.tolerance import below

#: Two results that differ by less, relative to their size, are the same.
_SAME = 1e-9


@result
class Range:
    """One result over many cohorts that print the same.

    Attributes
    ----------
    name, label, group : str
        A short name; what is shown; the analysis that it belongs to.
    set : str
        Which figures the cohorts give up; empty where there is no choice, or the result does not hang on it.
    n : int
        The cohorts drawn.
    undefined : int
        Those in which the result is undefined.
    low, high, median : float
        Over the others; NaN when there are none.
    values : tuple of float
        Of every cohort, NaN where undefined.
    determined : bool
        Whether all cohorts give the same.
    threshold : float or None
        What a P value is held against; None for what is no P value.
    crosses : bool
        Whether P lies below the threshold in some cohorts and not in others.
    rests_on_assumed : bool
        Whether it uses a variable whose values are assumed, or of which nothing is printed.
    """

    name: str
    label: str
    group: str
    set: str
    n: int
    undefined: int
    low: float
    high: float
    median: float
    values: tuple[float, ...]
    determined: bool
    threshold: float | None
    crosses: bool
    rests_on_assumed: bool


def possible_results(
    audit: Audit, *, cohorts: int = 60, seed: int = 1, step: Callable[[], None] | None = None
) -> tuple[Range, ...] | NotPlanned:
    """Run the study's analyses over many cohorts that meet each largest set of printed figures.

    Parameters
    ----------
    audit : Audit
        Its repairs say which figures can hold together.
    cohorts : int
        Drawn for each set. More of them widen few ranges.
    seed : int
        Of the draws.
    step : callable, optional
        Called now and then, to show that work goes on; by default a progress bar shows it.

    Returns
    -------
    tuple of Range, or NotPlanned
        Comparisons, Firth's P and odds ratio of every term of the model, survival, competing risks, as far as they are
        planned and their variables can be drawn. NotPlanned where the patients themselves are at hand.

    Raises
    ------
    ValueError
        When fewer than 2 cohorts are asked for.

    Notes
    -----
    Every solution of a block of variables is recomputed by the notebooks' own statistics before it is used. Cohorts are
    driven apart on purpose, so ranges tell what is possible, not what is likely; they are as wide as the cohorts that were
    found, and the true limits may lie beyond. Kept by the hash of study file, figures and parameters
    (`studyfile.cache`).
    """
    if cohorts < 2:
        raise ValueError(f"cohorts: {cohorts}; expected 2 or more")
    study = audit.study
    if has_patients(study):
        return NotPlanned(f"The patients are in {study.file.study.data}: nothing needs to be drawn from printed figures.")
    files = [study.path.read_bytes(), (study.folder / study.plan("published").file).read_bytes()]
    given_up = sorted(id for repair in audit.repairs for id in (repair.id, *repair.figures))

    def make() -> list[dict]:
        with Progress(None, "cohorts that print the same") as bar:
            return [asdict(r) for r in _ranges(audit, cohorts, seed, step or bar.step)]

    rows = cached("possible", [*files, f"{cohorts} {seed}", *given_up], make)
    return tuple(Range(**{**row, "values": tuple(row["values"])}) for row in rows)


def _ranges(audit: Audit, cohorts: int, seed: int, step: Callable[[], None]) -> Iterator[Range]:
    study, sets = audit.study, figure_sets(audit.repairs)
    drawer = Drawer(study, [v.figure for v in audit.verdicts], seed, step)
    settled = [drawer.possible(one) for one in sets]
    asked = [
        q
        for q in questions(study, [v.figure.variable for v in audit.verdicts if _of_model(study, v.figure.group)])
        if all(pool.solutions for p in settled for pool in p.pools_of(q.variables))
    ]
    known: dict[tuple, list] = {}
    answers: dict[tuple[int, int], list[Sequence[float]]] = {}
    # A question whose variables come from the same pools under two sets has the same answers.
    first = {
        (k, s): next(t for t, other in enumerate(settled) if other.pools_of(q.variables) == p.pools_of(q.variables))
        for k, q in enumerate(asked)
        for s, p in enumerate(settled)
    }
    for s, possible in enumerate(settled):
        mine = [k for k, _ in enumerate(asked) if first[k, s] == s]
        for number in range(cohorts if mine else 0):
            cohort = possible.cohort(number, seed)
            for k in mine:
                answers.setdefault((k, s), []).append(_answer(asked[k], k, cohort, known))
            step()
    for k, question in enumerate(asked):
        own = [s for s, _ in enumerate(settled) if first[k, s] == s]
        for a, _ in enumerate(question.names):
            for s in own:
                name = sets[s].name if len(own) > 1 else ""
                yield _range(question, a, name, [found[a] for found in answers[k, s]], _assumed(settled[s], question))


def _of_model(study: Study, group: str) -> bool:
    found = study.plan("published").groups.get(group)
    return bool(found and found.model)


def _answer(question: Question, k: int, cohort: Cohort, known: dict[tuple, list]) -> Sequence[float]:
    """Ask a cohort, unless another with the same patterns was asked before."""
    columns = [cohort.data[name] for name in cohort.study.bases(*question.variables)]
    key = (k, *sorted(zip(*columns, strict=True)))
    if key not in known:
        with quiet():
            known[key] = [float(x) for x in question.ask(cohort)]
    return known[key]


def _assumed(possible: Possible, question: Question) -> bool:
    study = possible.study
    untold = not all(pool.claimed for pool in possible.pools_of(question.variables))
    return untold or study.provenance(*question.variables) == "assumed"


def _range(question: Question, a: int, set_name: str, values: Sequence[float], assumed: bool) -> Range:
    known = sorted(v for v in values if not math.isnan(v))
    low, high = (known[0], known[-1]) if known else (NAN, NAN)
    threshold = question.thresholds[a]
    same = bool(known) and len(known) == len(values) and high - low <= _SAME * max(1.0, abs(high))
    return Range(
        name=question.names[a],
        label=question.labels[a],
        group=question.group,
        set=set_name,
        n=len(values),
        undefined=len(values) - len(known),
        low=low,
        high=high,
        median=known[len(known) // 2] if known else NAN,
        values=tuple(values),
        determined=same,
        threshold=threshold,
        crosses=threshold is not None and bool(known) and below(low, threshold) and not below(high, threshold),
        rests_on_assumed=assumed,
    )
