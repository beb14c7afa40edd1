"""Plant errors in tables that hold none, audit them, and count what the audit finds and what it finds for nothing.

python benchmarks/planted_errors.py            (--plantings 240 --seed 1 --study birthwt)

A planting alters one error's figures, or two or three errors', as slips of the pen and of copying do. An error is found when a
finding holds one of its figures. It is undetectable only when patients are shown who print the altered tables, each figure
recomputed from them (`witnesses.py`); where none are shown, it counts as detectable. A finding that holds no altered figure is
a false alarm, and so is any finding in tables that patients print.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import math
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from witnesses import Witnesses

from printcheck.printed.published import COLUMNS, Figure, read_published
from studyfile.study.study import NUMERIC, Study, load_study

if TYPE_CHECKING:
    import pandas as pd

#: What is found when a figure gets it.
FINDINGS = ("contradicted", "rounded otherwise", "reproduced by another method")
#: One error a planting mostly, as errors are rare.
HOW_MANY = (1, 1, 1, 1, 1, 1, 1, 2, 2, 3)

#: Id of a figure -> what is printed instead.
Change = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """One error: its kind and the figures that it alters."""

    kind: str
    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Planting:
    """The errors planted in one copy of the tables."""

    errors: tuple[Planted, ...]

    @property
    def change(self) -> Change:
        """All altered figures."""
        return {id: value for error in self.errors for id, value in error.change.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an audit of one planting found.

    `undetectable` and `found` say so of each error; `alarms` are findings that hold no altered figure, or any in tables
    that patients print; `seconds` are the processor's, for the audit alone.
    """

    planting: Planting
    undetectable: tuple[bool, ...]
    found: tuple[bool, ...]
    alarms: tuple[frozenset[str], ...]
    seconds: float


class Tables:
    """A study's printed figures and the errors that can be planted in them.

    Parameters
    ----------
    study : Study
        Whose figures hold no error.

    Raises
    ------
    ValueError
        When no patients are found who print the figures: then they are not known to be free of errors.
    """

    def __init__(self, study: Study) -> None:
        from studyfile.cohort.cohort import load_cohort

        self.study = study
        self.figures = read_published(study)
        self.witnesses = Witnesses(study)
        patients = self.witnesses.find(self.figures)
        if patients is None:
            raise ValueError(f"{study.path}: no patients were found who print the unaltered tables")
        self.patients = load_cohort(study, patients)
        self.by_id = {figure.id: figure for figure in self.figures}
        self.cohort = [figure for figure in self.figures if figure.about == "cohort"]
        self.errors = {
            kind: {f.id: found for f in self.cohort if (found := [*self._valid(f, way(self, f))])}
            for kind, way in KINDS.items()
        }

    def _valid(self, figure: Figure, changes: Iterator[Change]) -> Iterator[Change]:
        """Yield the changes that alter what is printed to something that can be printed, each once."""
        seen = []
        for change in changes:
            altered = [(self.by_id[id], value) for id, value in change.items()]
            if change not in seen and any(f.value != value for f, value in altered) and all(map(_printable, altered)):
                seen.append(change)
                yield change

    def like(self, figure: Figure, **wanted: str) -> list[Figure]:
        """Return the figures like one but for what is wanted; `*` stands for anything."""
        wanted = {name: getattr(figure, name) for name in ("source", "variable", "level", "group", "statistic")} | wanted
        return [f for f in self.cohort if all(getattr(f, name) == value for name, value in wanted.items() if value != "*")]

    def size(self, group: str) -> int:
        """Return how many patients are in a group, as printed."""
        return next(int(f.value) for f in self.cohort if f.statistic == "total" and f.group == group)

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups whose size is printed."""
        return tuple(dict.fromkeys(f.group for f in self.cohort if f.statistic == "total"))

    def altered(self, change: Change) -> tuple[Figure, ...]:
        """Return the figures with some altered."""
        return tuple(replace(f, value=change[f.id]) if f.id in change else f for f in self.figures)

    def plant(self, number: int, rng: random.Random) -> Planting:
        """Draw the errors of one planting; the first is of each kind in turn."""
        kinds = [kind for kind, errors in self.errors.items() if errors]
        first, errors = kinds[number % len(kinds)], []
        wanted = rng.choice(HOW_MANY)
        while len(errors) < wanted:
            kind = first if not errors else rng.choice(kinds)
            figure = rng.choice(list(self.errors[kind]))
            change = rng.choice(self.errors[kind][figure])
            if not any(change.keys() & error.change.keys() for error in errors):
                errors.append(Planted(kind=kind, change=change))
        return Planting(errors=tuple(errors))

    def write(self, folder: Path, change: Change) -> Study:
        """Write the study with some figures altered and read it again."""
        (folder / "study.yml").write_bytes(self.study.path.read_bytes())
        with (folder / self.study.plan("published").file).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for figure in self.altered(change):
                writer.writerow("" if (value := getattr(figure, name)) is None else value for name in COLUMNS)
        return load_study(folder)


def _printable(altered: tuple[Figure, str]) -> bool:
    """Say whether a value is one that nobody would stop at: a count, a percentage up to 100, a P up to 1."""
    figure, value = altered
    whole = value.partition(".")[0]
    if len(whole) > 1 and whole.startswith("0"):
        return False
    most = {"percent": 100, "p": 1}.get(figure.statistic, math.inf)
    return 0 <= float(value) <= most and not (figure.statistic == "total" and not int(value))


def _number(figure: Figure) -> bool:
    return figure.value.replace(".", "", 1).isdigit()


def _shown(figure: Figure, value: float) -> str:
    return f"{value:.{figure.decimals}f}"


def swapped_digits(tables: Tables, figure: Figure) -> Iterator[Change]:
    """Two digits beside each other change places; a point between them stays."""
    at = [k for k, sign in enumerate(figure.value) if sign.isdigit()] if _number(figure) else []
    for a, b in itertools.pairwise(at):
        signs = list(figure.value)
        signs[a], signs[b] = signs[b], signs[a]
        yield {figure.id: "".join(signs)}


def changed_digit(tables: Tables, figure: Figure) -> Iterator[Change]:
    """One digit is another."""
    for k, sign in enumerate(figure.value if _number(figure) else ""):
        for digit in "0123456789" if sign.isdigit() else "":
            yield {figure.id: figure.value[:k] + digit + figure.value[k + 1 :]}


def other_denominator(tables: Tables, figure: Figure) -> Iterator[Change]:
    """The percentage is of another group."""
    for n in tables.like(figure, statistic="n") if figure.statistic == "percent" else ():
        for group in tables.groups:
            yield {figure.id: _shown(figure, 100 * int(n.value) / tables.size(group))}


def neighbour(tables: Tables, figure: Figure) -> Iterator[Change]:
    """The percentage is that of another level or another group."""
    if figure.statistic == "percent":
        for other in (*tables.like(figure, level="*"), *tables.like(figure, group="*")):
            yield {figure.id: other.value}


def miscounted(tables: Tables, figure: Figure) -> Iterator[Change]:
    """A count is off by one or by ten."""
    if figure.statistic in ("n", "total"):
        yield from ({figure.id: str(int(figure.value) + off)} for off in (-10, -1, 1, 10) if int(figure.value) + off >= 0)


def other_test(tables: Tables, figure: Figure) -> Iterator[Change]:
    """P is that of another test of the same patients: Pearson, likelihood ratio, Yates, Fisher; Student, Welch, ranks."""
    if figure.statistic == "p" and _number(figure):
        found = _of_numbers if tables.study.kind(figure.variable) in NUMERIC else _of_levels
        names = (figure.variable, tables.study.file.comparison.groups)
        yield from ({figure.id: _shown(figure, p)} for p in found(tables.patients.tally(*names).frame, *names))


def _of_levels(tally: pd.DataFrame, variable: str, grouping: str) -> Iterator[float]:
    from scipy import stats

    table = tally.pivot_table(index=grouping, columns=variable, values="n", aggfunc="sum", observed=True, fill_value=0)
    yield stats.chi2_contingency(table, correction=False)[1]
    yield stats.chi2_contingency(table, correction=False, lambda_="log-likelihood")[1]
    if table.shape[1] == 2:
        yield stats.chi2_contingency(table, correction=True)[1]
        yield stats.fisher_exact(table)[1]


def _of_numbers(tally: pd.DataFrame, variable: str, grouping: str) -> Iterator[float]:
    from scipy import stats

    members = [tally[tally[grouping].astype(bool) == true] for true in (True, False)]
    values = [group[variable].repeat(group["n"]) for group in members]
    yield stats.ttest_ind(*values, equal_var=True)[1]
    yield stats.ttest_ind(*values, equal_var=False)[1]
    yield stats.mannwhitneyu(*values, method="asymptotic")[1]


def other_group(tables: Tables, figure: Figure) -> Iterator[Change]:
    """The mean, or the SD, is that of another group."""
    if figure.statistic in ("mean", "sd"):
        yield from ({figure.id: other.value} for other in tables.like(figure, source="*", group="*"))


def standard_error(tables: Tables, figure: Figure) -> Iterator[Change]:
    """The standard error stands for the SD."""
    if figure.statistic == "sd":
        yield {figure.id: _shown(figure, float(figure.value) / math.sqrt(tables.size(figure.group)))}


def exchanged_levels(tables: Tables, figure: Figure) -> Iterator[Change]:
    """Two levels change places, with their counts and percentages."""
    if figure.statistic == "n":
        for other in tables.like(figure, level="*"):
            pairs = [(figure, other)]
            pairs += zip(tables.like(figure, statistic="percent"), tables.like(other, statistic="percent"), strict=True)
            yield {one.id: two.value for pair in pairs for one, two in (pair, pair[::-1])}


#: Kind of error -> the ways in which a figure can be altered so.
KINDS: dict[str, Callable[[Tables, Figure], Iterator[Change]]] = {
    "two digits swapped": swapped_digits,
    "a digit changed": changed_digit,
    "percentage of another denominator": other_denominator,
    "percentage of a neighbour": neighbour,
    "count off by one or ten": miscounted,
    "P of another test": other_test,
    "mean or SD of another group": other_group,
    "standard error for SD": standard_error,
    "levels exchanged": exchanged_levels,
}


def findings(audit) -> list[frozenset[str]]:
    """Return what an audit finds, each as the figures that it holds."""
    found = []
    for conflict in audit.conflicts:
        held = {verdict.figure.id for verdict in audit.verdicts if conflict.id in verdict.conflicts}
        found.append(held.union(conflict.figures))
    for verdict in audit.verdicts:
        if verdict.verdict in FINDINGS and not any(verdict.figure.id in figures for figures in found):
            found.append(frozenset([verdict.figure.id]))
    return found


def witnessed(tables: Tables, planting: Planting) -> tuple[bool, ...]:
    """Say of each error whether patients print the tables that it alters, alone or with others of the planting."""
    errors, shown = planting.errors, set()
    for many in range(1, len(errors) + 1):
        for some in itertools.combinations(range(len(errors)), many):
            change = {id: value for k in some for id, value in errors[k].change.items()}
            if not shown.issuperset(some) and tables.witnesses.find(tables.altered(change)) is not None:
                shown.update(some)
    return tuple(k in shown for k in range(len(errors)))


def audit_planting(tables: Tables, planting: Planting) -> Outcome:
    """Plant errors, audit the tables, and hold what is found against what was planted."""
    from printcheck.audit.audit import audit_study

    start = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        study = tables.write(Path(folder), planting.change)
        found = findings(audit_study(study))
    seconds = time.process_time() - start
    undetectable = witnessed(tables, planting)
    printed = all(undetectable) and tables.witnesses.find(tables.altered(planting.change)) is not None
    return Outcome(
        planting=planting,
        undetectable=undetectable,
        found=tuple(any(figures & error.change.keys() for figures in found) for error in planting.errors),
        alarms=tuple(figures for figures in found if printed or not figures & planting.change.keys()),
        seconds=seconds,
    )


def main() -> None:
    """Plant, audit, count, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plantings", type=int, default=240)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--study", default="birthwt", help="a study whose tables hold no error")
    parser.add_argument("--show", action="store_true", help="name every error that is missed and every false alarm")
    options = parser.parse_args()
    from printcheck.audit.audit import audit_study

    tables = Tables(load_study(options.study))
    clean = findings(audit_study(tables.study))
    outcomes = []
    for number in range(options.plantings):
        planting = tables.plant(number, random.Random(f"{options.seed} {number}"))
        outcomes.append(outcome := audit_planting(tables, planting))
        if sys.stderr.isatty():
            print(f"\r{number + 1} of {options.plantings}", end="", file=sys.stderr, flush=True)
        if options.show:
            _tell(tables, number, outcome)
    print(f"{len(outcomes)} plantings in the tables of {options.study}, seed {options.seed}\n")
    _print_table(outcomes)
    print(f"\nfindings in the unaltered tables: {len(clean)} {[sorted(figures) for figures in clean] or ''}")
    print(f"plantings with a false alarm: {sum(bool(o.alarms) for o in outcomes)} of {len(outcomes)}")
    taken = [outcome.seconds for outcome in outcomes]
    print(
        f"seconds of the processor an audit: median {statistics.median(taken):.2f}, largest {max(taken):.2f}, "
        f"above 3 in {sum(one > 3 for one in taken)}"
    )


def _tell(tables: Tables, number: int, outcome: Outcome) -> None:
    """Print what was missed and what was found for nothing."""
    changes = ", ".join(f"{id} {tables.by_id[id].value} -> {value}" for id, value in outcome.planting.change.items())
    for error, undetectable, found in zip(outcome.planting.errors, outcome.undetectable, outcome.found, strict=True):
        if not found and not undetectable:
            print(f"{number}: missed ({error.kind}): {', '.join(error.change)} among {changes}", flush=True)
    for figures in outcome.alarms:
        print(f"{number}: false alarm: {', '.join(sorted(figures))} while {changes}", flush=True)


def _print_table(outcomes: Sequence[Outcome]) -> None:
    """Print a row a kind of error, and a row for all."""
    planted, undetectable, found = Counter(), Counter(), Counter()
    for outcome in outcomes:
        for error, hidden, hit in zip(outcome.planting.errors, outcome.undetectable, outcome.found, strict=True):
            planted[error.kind] += 1
            undetectable[error.kind] += hidden
            found[error.kind] += hit and not hidden
    head = ("kind of error", "planted", "witness shown", "detectable", "found", "recall")
    print("{:<36}{:>9}{:>15}{:>12}{:>8}{:>9}".format(*head))
    for kind in (*KINDS, "all"):
        n, hidden, hit = (c.total() if kind == "all" else c[kind] for c in (planted, undetectable, found))
        share = f"{100 * hit / (n - hidden):.1f} %" if n > hidden else "-"
        print(f"{kind:<36}{n:>9}{hidden:>15}{n - hidden:>12}{hit:>8}{share:>9}")


if __name__ == "__main__":
    main()
