"""The audit: a verdict for every printed figure, from proofs, arithmetic and the tests that may have printed it.

python -m printcheck.audit spinal-metastases
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from string import ascii_lowercase

from printcheck.audit.arithmetic import check_figures
from printcheck.audit.audit_case import Case
from printcheck.audit.audit_patients import beside_patients, has_patients
from printcheck.audit.audit_verdicts import verdicts
from printcheck.audit.audit_words import in_words
from printcheck.audit.candidate_tests import PrintedTest
from printcheck.audit.explanations import explain, number
from printcheck.audit.printed_model import study_printed_model
from printcheck.audit.verdicts import Audit, Consequence
from printcheck.printed.claims import claims, patients_of
from printcheck.printed.published import Figure, read_published
from printcheck.proof.repairs import provers
from studyfile.cache import PICKLE, cached
from studyfile.errors import command
from studyfile.progress import Progress
from studyfile.study.schema import Reconstruction
from studyfile.study.study import Study, load_study
from tallystats.registry import words_of

#: What a P value is held against where the study file names nothing else.
USUAL_THRESHOLD = 0.05


def audit_study(study: Study | str | Path, *, step: Callable[[], None] = lambda: None) -> Audit:
    """Audit the printed figures of a study; no cohort is needed, and real patients are asked last.

    Parameters
    ----------
    study : Study, str or Path
        A study that plans its section `published`, or where one is (`studyfile.study.study.load_study`).
    step : callable
        Called now and then, to show that work goes on.

    Returns
    -------
    Audit

    Raises
    ------
    PublishedError
        When the printed figures cannot be read.

    Notes
    -----
    Every figure is first put into what it says of the patients (`printcheck.printed.claims`); a half may have been
    rounded either way. The solver proves, block by block, which cannot hold together, and which follow from which;
    conflicts that another rule of rounding, another summary or another test would settle are told apart from those that
    nothing settles. Where real patients stand in the study's folder, they judge what the printed figures leave open. What
    follows from the figures alone is kept by the hash of the study's plan and figures (`studyfile.cache`).
    """
    study = study if isinstance(study, Study) else load_study(study)
    figures = read_published(study)
    study = _whole(study, figures)
    parts = [study.file.model_dump_json(), (study.folder / study.plan("published").file).read_bytes()]
    # The study's folder may be another than when it was kept.
    audit = replace(cached("audit", parts, lambda: _audit(study, figures, step), PICKLE), study=study)
    return replace(audit, verdicts=tuple(beside_patients(study, audit.verdicts))) if has_patients(study) else audit


def _audit(study: Study, figures: Sequence[Figure], step: Callable[[], None]) -> Audit:
    """Audit printed figures by themselves."""
    case = Case(study, figures, check_figures(study, figures))
    _, case.proven = provers(study, claims(study, figures, ties=True), step=step)
    explain(case)
    number(case)
    tests = tuple(_tests(case, step))
    case.model = study_printed_model(study, figures, out=case.out())
    step()
    consequences = tuple(_consequences(case))
    return Audit(
        study=study,
        verdicts=tuple(verdicts(case, tests, consequences)),
        checks=case.checks,
        conflicts=tuple(case.conflicts),
        repairs=tuple(case.repairs),
        consequences=consequences,
        tests=tests,
        models=(case.model,) if case.model else (),
        thresholds=thresholds(study),
    )


def _tests(case: Case, step: Callable[[], None]) -> Iterator[PrintedTest]:
    """Yield which tests print each P value, beside all that the repairs keep."""
    for figure in case.figures:
        if figure.statistic == "p" and figure.id not in case.unasked:
            yield from case.asked(figure.id, case.out())
            step()


def _whole(study: Study, figures: Sequence[Figure]) -> Study:
    """Give a study that plans no reconstruction what the proofs need of one: the number of patients as printed."""
    if study.file.reconstruction:
        return study
    made = Reconstruction(seed=1, patients=patients_of(study, figures))
    return Study(study.path, study.file.model_copy(update={"reconstruction": made}))


def thresholds(study: Study) -> tuple[float, ...]:
    """Return the thresholds of significance: the study's own, and 0.05."""
    own = study.file.comparison.threshold if study.file.comparison else None
    return tuple(dict.fromkeys(t for t in (own, USUAL_THRESHOLD) if t))


def _consequences(case: Case) -> Iterator[Consequence]:
    """Yield what each repair does to the P values that some repair gives up."""
    names = iter(case.repairs)
    for _, proof, dispute in case.disputes:
        tested = [s for s in proof.statements if s.id in dispute.disputed and s.claims[0].kind == "test"]
        for repair, name in zip(dispute.repairs[: len(ascii_lowercase)], names, strict=False):
            out = case.out(without=dispute) | set(case.figures_of(proof, repair))
            for id in (figure for s in tested for figure in s.figures):
                figure = case.by_id[id]
                rows = case.asked(id, out, bounds=True)
                stated = [t for t in rows if t.figure == id and t.stated and not t.coding]
                low, high = float(figure.interval.low), float(figure.interval.high)
                if id in out:
                    low, high = min(t.low for t in stated), max(t.high for t in stated)
                crosses = tuple(t for t in thresholds(case.study) if _crosses(figure, low, high, t))
                test = " or ".join(words_of(t.test) for t in stated)
                yield Consequence(
                    repair=name.id, figure=id, printed=figure.value, low=low, high=high, test=test, crosses=crosses
                )


def _crosses(figure: Figure, low: float, high: float, threshold: float) -> bool:
    if low != low:
        return False
    sides = {float(end) < threshold for end in (figure.interval.low, figure.interval.high)}
    return len(sides) == 1 and sides != {low < threshold, high < threshold}


@command
def main(arguments: Sequence[str] | None = None) -> None:
    """Audit the printed figures of a study and print the verdicts that are against it."""
    parser = argparse.ArgumentParser(prog="python -m printcheck.audit", description=main.__doc__)
    parser.add_argument("study", nargs="?", default="spinal-metastases", help="a study's folder, file or name")
    study = load_study(parser.parse_args(arguments).study)
    with Progress(None, "audit") as bar:
        audit = audit_study(study, step=bar.step)
    print("; ".join(f"{n} {verdict}" for verdict, n in audit.counts.items() if n))
    for v in audit.verdicts:
        if v.verdict not in ("reproduced", "compatible", "not checkable"):
            print(f"{in_words(study, v.figure)}: {v.verdict}{f' ({v.method})' if v.method else ''}: {v.reason}")
