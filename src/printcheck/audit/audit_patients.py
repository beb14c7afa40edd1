"""Printed figures held against the patients themselves, where their data are at hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from printcheck.audit.verdicts import Verdict
from printcheck.printed.published import Figure, fixed, prints
from printcheck.reconstruct.reprint import reprint
from studyfile.cohort.cohort import load_cohort
from studyfile.study.study import Study


def has_patients(study: Study) -> bool:
    """Say whether real patients stand in the study's folder: a data file that is not said to be synthetic."""
    about = study.file.study
    return not about.synthetic and (study.folder / about.data).is_file()


def beside_patients(study: Study, given: Iterable[Verdict]) -> Iterator[Verdict]:
    """Yield the verdicts, those that other printed figures leave open judged by the patients.

    Parameters
    ----------
    study : Study
        With real patients (`has_patients`).
    given : iterable of Verdict

    Notes
    -----
    What the printed figures alone prove stays as it is. A figure that they neither refute nor determine is recomputed by
    the statistics of the notebooks (`printcheck.reconstruct.reprint`): it is reproduced, or contradicted by the data.
    """
    cohort = load_cohort(study)
    for verdict in given:
        figure = verdict.figure
        if figure.about != "cohort" or verdict.verdict not in ("compatible", "not decided"):
            yield verdict
            continue
        value = reprint(figure, cohort)
        numbers = value if isinstance(value, tuple) else (value,)
        if any(number != number for number in numbers):
            yield verdict
            continue
        shown = _shown(figure, numbers)
        agrees = prints(figure, value)
        reason = f"the patients in {study.file.study.data} " + ("print it" if agrees else f"give {shown}")
        yield replace(verdict, verdict="reproduced" if agrees else "contradicted", recomputed=shown, reason=reason)


def _shown(figure: Figure, numbers: tuple[float | str, ...]) -> str:
    """Write recomputed numbers with one digit more than is printed, counts whole."""
    digits = 0 if figure.statistic in ("n", "n/N", "total") else figure.decimals + 1
    texts = [n if isinstance(n, str) else fixed(n, digits) for n in numbers]
    if len(texts) < 3:
        return " to ".join(texts)
    return f"{texts[0]} ({' to '.join(texts[1:])})"
