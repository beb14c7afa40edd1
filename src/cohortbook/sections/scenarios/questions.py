"""The numbers that a study's conclusions hang on, each a question that can be asked of any cohort of the study."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from cohortbook.sections.comparison.analysis import outcome_rate, protected
from cohortbook.sections.model.models import planned_selection
from cohortbook.sections.survival.competing import competing_tally, late_entry
from cohortbook.sections.survival.endpoints import planned_test, planned_tests
from studyfile.cohort.cohort import Cohort, load_cohort
from studyfile.plan import compare_row, model_tally
from studyfile.study.study import Study, load_study
from tallystats.regression.firth import firth_logistic
from tallystats.results import HIDDEN, MARK, NAN, NotPlanned, Result, quiet, result
from tallystats.survival.competing import aalen_johansen
from tallystats.survival.curves import SurvivalCurve, kaplan_meier

#: What the study is called among its scenarios.
AS_PLANNED = "As planned"
#: What P is held against where the study file names nothing else.
USUAL_THRESHOLD = 0.05


@dataclass(frozen=True, kw_only=True)
class Question:
    """Something that is asked of every cohort; one analysis may answer several.

    Attributes
    ----------
    names, labels : tuple of str
        One an answer.
    group : str
        The analysis.
    variables : tuple of str
        All that the answers hang on.
    ask : callable
        Takes a cohort, returns one number an answer; NaN where undefined.
    thresholds : tuple of (float or None)
        One an answer.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    group: str
    variables: tuple[str, ...]
    ask: Callable[[Cohort], Sequence[float]]
    thresholds: tuple[float | None, ...]


def questions(study: Study, printed_terms: Sequence[str] = ()) -> list[Question]:
    """Return what is asked of every cohort of a study, by its plan.

    Parameters
    ----------
    study : Study
    printed_terms : sequence of str
        The variables of the printed model.
    """
    found = []
    if study.file.comparison:
        found += _comparisons(study)
    if study.file.model and (terms := study.file.model.candidates or tuple(dict.fromkeys(printed_terms))):
        found.append(_firth(study, terms))
    if study.file.survival:
        found += _survival(study)
    return found


def _comparisons(study: Study) -> Iterator[Question]:
    plan = study.plan("comparison")
    for row in plan.rows:
        if row.variable:
            yield Question(
                names=(f"compare {row.variable}",),
                labels=(study.label(row.variable),),
                group=plan.title or "Comparison",
                variables=(plan.groups, row.variable),
                thresholds=(plan.threshold or USUAL_THRESHOLD,),
                ask=lambda c, name=row.variable: [compare_row(c, name).test.p_value],
            )


def _firth(study: Study, terms: tuple[str, ...]) -> Question:
    plan = study.plan("model")
    outcome = plan.outcome

    # A variable of several levels has a column for each but the reference.
    columns = {term: study.label(term) for term in terms if len(study.levels(term)) <= 2}
    columns |= {
        f"{term}: {level}": f"{study.label(term)}: {level}"
        for term in terms
        if term not in columns
        for level in study.levels(term)
        if level != plan.reference.get(term, study.levels(term)[0])
    }

    def ask(cohort: Cohort) -> Iterator[float]:
        fit = firth_logistic(model_tally(cohort, terms), outcome=outcome, terms=terms)
        for column in columns:
            known = column in fit.terms
            yield fit.p_value(column)
            yield math.exp(fit.estimates[fit.terms.index(column)]) if known else NAN

    return Question(
        names=tuple(f"firth {what} {column}" for column in columns for what in ("p", "odds ratio")),
        labels=tuple(text for label in columns.values() for text in (label, f"Odds ratio: {label}")),
        group="Firth’s penalised logistic regression",
        variables=(outcome, *terms),
        ask=ask,
        thresholds=(USUAL_THRESHOLD, None) * len(columns),
    )


def _survival(study: Study) -> Iterator[Question]:
    plan = study.plan("survival")
    late = (plan.entry,) if isinstance(plan.entry, str) else ()
    needed = (plan.time, plan.event, *late)
    where = {"time": plan.time, "event": plan.event, "entry": plan.entry or None}

    def curve(cohort: Cohort) -> SurvivalCurve:
        return kaplan_meier(cohort.tally(*needed), **where)

    yield Question(
        names=("survival median",),
        labels=(f"Median, {plan.unit}",),
        group=f"{plan.label}: median",
        variables=needed,
        ask=lambda c: [curve(c).median],
        thresholds=(None,),
    )
    if marks := plan.landmarks:
        yield Question(
            names=tuple(f"survival {mark.label}" for mark in marks),
            group=plan.label,
            variables=needed,
            labels=tuple(f"At {mark.label}, %" for mark in marks),
            thresholds=(None,) * len(marks),
            ask=lambda c: 100 * curve(c).at([mark.time for mark in marks])["estimate"],
        )
    for name in plan.strata:
        for test in planned_tests(study, name):
            yield Question(
                names=(f"{test} {name}",),
                labels=(f"{test.capitalize()} test: {study.label(name)}",),
                group=plan.label,
                variables=(*needed, name),
                thresholds=(USUAL_THRESHOLD,),
                ask=lambda c, name=name, test=test: [
                    planned_test(plan, test)(c.tally(*needed, name), by=name, **where).p_value
                ],
            )
    if plan.competing and plan.competing.landmarks:
        yield _competing(study)


def _competing(study: Study) -> Question:
    survival = study.plan("survival")
    plan, late = survival.competing, [survival.entry] if isinstance(survival.entry, str) else []

    def ask(cohort: Cohort) -> list[float]:
        found = aalen_johansen(competing_tally(cohort), time="time", cause="cause", entry=late_entry(cohort))[plan.label]
        return list(100 * found.at(plan.landmarks)["estimate"])

    return Question(
        names=tuple(f"incidence {time:g}" for time in plan.landmarks),
        labels=tuple(f"By {time:g} {survival.unit}, %" for time in plan.landmarks),
        group=f"{plan.label}: cumulative incidence, death competing",
        variables=(plan.event, plan.time, survival.event, survival.time, *late),
        ask=ask,
        thresholds=(None,) * len(plan.landmarks),
    )


@result
class KeyResult:
    """One number that a conclusion hangs on, or the words that a procedure ended with.

    Attributes
    ----------
    name, label, group : str
        A short name; what is shown; the analysis that it belongs to.
    value : float
        NaN where it is undefined, or words.
    threshold : float or None
        What a P value is held against; None for what is no P value.
    words : str
    rests_on_assumed : bool
        Whether it uses a variable whose values are assumed: then there is no value.
    """

    name: str
    label: str
    group: str
    value: float = NAN
    threshold: float | None = None
    words: str = ""
    rests_on_assumed: bool = False


@result
class KeyResults(Result):
    """The numbers that a study's conclusions hang on, under one choice of patients and plan.

    Attributes
    ----------
    scenario : str
        The scenario's name; empty for the study as planned.
    label : str
    size : int
        The patients analysed.
    rows : tuple of KeyResult
    """

    scenario: str
    label: str
    size: int
    rows: tuple[KeyResult, ...]

    @property
    def frame(self) -> pd.DataFrame:
        """One row a result: `scenario, name, label, group, value, threshold, words`."""
        frame = pd.DataFrame([asdict(row) for row in self.rows], dtype=object)
        return frame.assign(scenario=self.scenario, size=self.size)


@protected
@quiet()
def key_results(cohort: Cohort, *, scenario: str = "", label: str = "") -> KeyResults:
    """Compute the numbers that a study's conclusions hang on: rate, comparisons, model, survival, as far as planned.

    Parameters
    ----------
    cohort : Cohort
    scenario, label : str
        What to call them.

    Returns
    -------
    KeyResults
    """
    study, rows = cohort.study, []
    if study.file.outcome and not isinstance(rate := outcome_rate(cohort), NotPlanned):
        rows.append(KeyResult(name="rate", label=f"{rate.label}, %", group="Outcome", value=100 * rate.intervals[0].estimate))
    if study.file.model:
        rows.append(_selected(cohort))
    terms = study.file.model.rows or study.file.model.candidates if study.file.model else ()
    for asked in questions(study, terms):
        if study.provenance(*asked.variables) == "assumed":
            # A number of one cohort would look like a finding, and move for no reason that the scenario has.
            rows.append(
                KeyResult(name=" ".join(asked.names), label="; ".join(asked.labels), group=asked.group, rests_on_assumed=True)
            )
            continue
        values = [float(value) for value in asked.ask(cohort)]
        for name, text, value, threshold in zip(asked.names, asked.labels, values, asked.thresholds, strict=True):
            rows.append(KeyResult(name=name, label=text, group=asked.group, value=value, threshold=threshold))
    return KeyResults(scenario=scenario, label=label or AS_PLANNED, size=cohort.size, rows=tuple(rows))


def _selected(cohort: Cohort) -> KeyResult:
    found = planned_selection(cohort)
    if isinstance(found, NotPlanned):
        words = "no model"
    else:
        words = ", ".join(cohort.study.label(term) for term in found.selected) or "no term"
    return KeyResult(name="selected", label="Selection ends with", group="Stated selection", words=words)


def scenario_results(study: str | Path, folder: str | Path = "") -> tuple[KeyResults, ...]:
    """Return the key results of a study as planned and under each of its scenarios.

    Parameters
    ----------
    study : str or Path
        What `load_study` takes.
    folder : str or Path
        Where each scenario was run before and kept `<scenario>/tables/key-results.json`; what is not there is computed now.

    Raises
    ------
    StudyError
        When the study file has no scenarios.
    """
    scenarios, found = load_study(study).plan("scenarios"), []
    for name in ["", *scenarios]:
        label = (scenarios[name].label or name.replace("_", " ")) if name else AS_PLANNED
        kept = Path(folder) / (name or "as-planned") / "tables" / "key-results.json"
        if folder and kept.is_file():
            rows = json.loads(kept.read_text(encoding="utf-8"))["results"]
            found.append(_read(rows, name, label))
        else:
            found.append(key_results(load_cohort(f"{study}@{name}" if name else study), scenario=name, label=label))
    return tuple(found)


def _read(rows: Sequence[dict], name: str, label: str) -> KeyResults:
    """Return key results from the records of their frame; JSON has no word for an undefined number."""
    fields = KeyResult.__dataclass_fields__
    words = {None: NAN, MARK: HIDDEN}
    read = [KeyResult(**{key: row[key] for key in fields} | {"value": words.get(row["value"], row["value"])}) for row in rows]
    return KeyResults(scenario=name, label=label, size=words.get(rows[0]["size"], rows[0]["size"]), rows=tuple(read))
