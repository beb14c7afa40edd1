"""What each printed figure says of a cohort: one constraint, stated once.

`printcheck.proof.solver` turns claims into constraints; `printcheck.reconstruct.reprint` recomputes what they came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from printcheck.printed.published import Figure, PublishedError, levels_of
from studyfile.study.schema import Condition, FigureGroup
from studyfile.study.study import NUMERIC, Study
from tallystats.interval import Interval
from tallystats.statistics.printed_tests import COUNTED, TABLED

#: Tests of numbers, of two levels and of more, whose P a constraint can state.
STATED = {
    "numbers": ("mann_whitney", "mann_whitney_continuity", "mann_whitney_exact", "student_t"),
    "levels": tuple(COUNTED),
    "more levels": tuple(TABLED),
}
#: What `auto` chooses from: for numbers, and for levels.
AUTO = {"numbers": ("mann_whitney", "student_t"), "levels": ("pearson_chi_square",)}


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What one figure, or one printed model, says of the patients.

    Attributes
    ----------
    figures : tuple of Figure
        The figures that say it: one, or every P value of a printed model.
    kind : str
        What `interval` bounds: "count", how many patients meet `condition`; "mean", "sd", "se", "median", "q1", "q3", "min"
        or "max" of `variable`; "value", nothing, but the value of a patient; "test", a P value; "model", nothing, but every
        P of a printed model; "odds_ratio", "risk_ratio" or "risk_difference" of `condition`, of the `part` printed.
    condition : dict
        Variable -> level or levels; empty for the size of a group.
    where : dict
        The group it is said of; empty for everybody.
    by : str
        The grouping variable of a test or an effect, the outcome of a model.
    patient : int or None
        Whose value it is, counted from 1.
    terms : tuple of str
        The terms of a model, in order.
    part : str
        Of an effect: "estimate", "low" or "high".
    """

    figures: tuple[Figure, ...]
    kind: str
    variable: str = ""
    condition: Condition = field(default_factory=dict)
    where: Condition = field(default_factory=dict)
    patient: int | None = None
    by: str = ""
    interval: Interval | None = None
    terms: tuple[str, ...] = ()
    part: str = ""

    @property
    def id(self) -> str:
        """The id of its figure, or of its figures; the claims of a figure that prints several numbers share it."""
        return "+".join(figure.id for figure in self.figures)

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables it constrains together, the group aside."""
        return self.terms or tuple(self.condition) or ((self.variable,) if self.variable else ())


def planned_tests(study: Study, variable: str) -> tuple[str, ...]:
    """Return the tests that the study file lets compare a variable: the one it names, or those `auto` chooses from."""
    rows = study.file.comparison.rows if study.file.comparison else ()
    test = next((row.test for row in rows if row.variable == variable), "auto")
    if test != "auto":
        return (test,)
    return AUTO["numbers" if study.kind(variable) in NUMERIC else "levels"]


def unstated(study: Study, figure: Figure, *, strict: bool = False) -> str:
    """Return why no constraint states a figure about the cohort; an empty text when one does.

    Parameters
    ----------
    study : Study
    figure : Figure
    strict : bool
        Say also what a proof states but a cohort is not held to.
    """
    group, words = study.plan("published").groups.get(figure.group), figure.statistic.replace("_", " ")
    if figure.statistic in ("hazard_ratio", "survival"):
        return f"no constraint states a {words}"
    if group and group.model and figure.statistic != "p":
        return f"no constraint states the {words} of a model"
    if group and group.compare and len(study.levels(group.compare)) > 2:
        return "no constraint states a test of three or more groups"
    if group and group.compare and figure.statistic == "p":
        numbers = study.kind(figure.variable) in NUMERIC
        of = "numbers" if numbers else "levels" if len(study.levels(figure.variable)) < 3 else "more levels"
        if not set(planned_tests(study, figure.variable)) & set(STATED[of]):
            more = " of more than two levels" if of == "more levels" else ""
            return f"no constraint states the test {planned_tests(study, figure.variable)[0]}{more}"
    if group and group.model and any(study.kind(term) != "binary" for term in _terms(study, figure.variable)):
        return "no constraint states a model whose terms are not all binary"
    if strict and figure.statistic in ("sd", "se"):
        return f"a cohort is held to a {words} only where each value is told apart"
    if strict and figure.statistic in ("q1", "q3", "iqr") and group:
        return "a cohort is held to quartiles only in groups that are laid down first"
    return ""


def _terms(study: Study, *printed: str) -> tuple[str, ...]:
    return study.plan("model").candidates or tuple(dict.fromkeys(printed))


def patients_of(study: Study, figures: Sequence[Figure]) -> int:
    """Return how many patients a study has: by its reconstruction, else the total of all that is printed most often.

    Raises
    ------
    PublishedError
        When neither says it.
    """
    if study.file.reconstruction:
        return study.file.reconstruction.patients
    totals = [f.value for f in figures if (f.about, f.statistic, f.group) == ("cohort", "total", "all")]
    if not totals:
        raise PublishedError(
            f"{study.path}: nothing says how many patients there are; add a row to {study.plan('published').file} with the "
            "statistic 'total' of the group 'all'"
        )
    return int(max(dict.fromkeys(totals), key=totals.count))


def claims(study: Study, figures: Sequence[Figure], *, ties: bool = False) -> list[Claim]:
    """Turn printed figures about the cohort into what they say of its patients.

    Figures that say nothing of patients (design, literature) or that no constraint states (`unstated`) give no claim;
    the P values of the printed model give one claim together.

    Parameters
    ----------
    study : Study
    figures : sequence of Figure
    ties : bool
        A half may have been rounded either way, to even, or by binary floating point: for proofs, which must hold
        whatever rounded. Otherwise halves are rounded away from zero.

    Raises
    ------
    PublishedError
        When a percentage of all patients is printed and nothing says how many they are.
    """
    groups = study.plan("published").groups
    found, model = [], []
    for figure in figures:
        if figure.about != "cohort" or unstated(study, figure):
            continue
        group = groups.get(figure.group)
        if group and group.model:
            model.append(figure)
        else:
            found += _claims(study, figure, group, figures, figure.intervals(ties=ties))
    if model:
        terms = _terms(study, *(figure.variable for figure in model))
        found.append(Claim(figures=tuple(model), kind="model", by=study.plan("model").outcome, terms=terms))
    return found


def _claims(
    study: Study, figure: Figure, group: FigureGroup | None, figures: Sequence[Figure], printed: dict[str, Interval]
) -> list[Claim]:
    where, name, statistic = group.where if group else {}, figure.variable, figure.statistic
    said = {"figures": (figure,), "where": where}
    match statistic:
        case "total":
            return [Claim(kind="count", interval=_exactly(figure.value), **said)]
        case "n" | "percent" | "n/N":
            if statistic == "percent":
                fits = _counts(figure.denominator or patients_of(study, figures), printed["percent"])
            else:
                fits = _exactly(figure.texts["n"])
            condition = {name: tuple(levels_of(study, name, figure.level)) or ("yes",)}
            counted = [Claim(kind="count", condition=condition, interval=fits, **said)]
            if statistic == "n/N":
                counted.append(Claim(kind="count", interval=_exactly(figure.texts["total"]), **said))
            return counted
        case "value":
            value = float(figure.value) if study.kind(name) in NUMERIC else figure.value
            return [Claim(figures=(figure,), kind="value", condition={name: (value,)}, patient=group.patient)]
        case "p":
            return [Claim(figures=(figure,), kind="test", variable=name, by=group.compare, interval=printed["p"])]
        case "odds_ratio" | "risk_ratio" | "risk_difference":
            level = figure.level or study.levels(name)[-1]
            said = {"figures": (figure,), "condition": {name: (level,)}, "by": group.compare}
            scale = 100 if figure.in_points else 1
            return [
                Claim(kind=statistic, part=part, interval=replace(i, low=i.low / scale, high=i.high / scale), **said)
                for part, i in printed.items()
            ]
    return [Claim(kind=part, variable=name, interval=interval, **said) for part, interval in printed.items()]


def _exactly(count: str) -> Interval:
    return Interval(Fraction(count), Fraction(count))


def _counts(of: int, percent: Interval) -> Interval:
    """Return the counts whose percentage prints so; an interval that holds none where no count does."""
    least, most = percent.whole(of, of=100)
    least, most = max(least, 0), min(most, of)
    return Interval(Fraction(least), Fraction(most)) if least <= most else Interval(Fraction(1), Fraction(0))
