"""Patients who print given tables: explicit witnesses that the tables can be true.

Nothing of the audit is used to find them: levels are counted out by a small model of their own, numbers are drawn to the sums
and sums of squares that print, and each figure is recomputed from the patients (`printcheck.reconstruct.reprint.reprint`)
before they count as a witness. What is not found may still exist, so the lack of a witness says only that none was
shown.

This knows tables whose variables are tied by nothing but the two groups of the comparison, and no other tables.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from printcheck.printed.published import Figure, levels_of, prints_as
from printcheck.reconstruct.reprint import reprint
from studyfile.cohort.values import derive_value, meets
from studyfile.study.study import NO_YES, NUMERIC, Study

if TYPE_CHECKING:
    import pandas as pd

Column = list[Any]

#: Tables of counts that are tried for a P value or another figure that no sum states.
MOST_COUNTS = 60
#: Pairs of sums that are tried for a numeric variable.
MOST_SUMS = 40


class Witnesses:
    """Find patients who print a study's tables, one variable after the other; what was found is kept.

    Parameters
    ----------
    study : Study
        With a comparison of two groups.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self.grouping = study.file.comparison.groups
        self._known: dict[tuple, Column | None] = {}

    def find(self, figures: Sequence[Figure]) -> pd.DataFrame | None:
        """Return patients who print every figure about the cohort, or None when none were found."""
        figures = [figure for figure in figures if figure.about == "cohort"]
        sizes = self._sizes([f for f in figures if f.statistic == "total" or f.variable == self.grouping])
        if sizes is None:
            return None
        columns = {self.grouping: [NO_YES[1]] * sizes[0] + [NO_YES[0]] * sizes[1]}
        for name in self.study.file.variables:
            if name == self.grouping:
                continue
            mine = [f for f in figures if f.statistic != "total" and self.study.bases(f.variable) == (name,)]
            if not mine:
                continue
            column = self._column(name, sizes, mine)
            if column is None:
                return None
            columns[name] = column
        return found if self.prints(found := self._frame(columns), figures) else None

    def prints(self, patients: pd.DataFrame, figures: Sequence[Figure]) -> bool:
        """Recompute every figure from the patients; True when each prints as it is printed."""
        from studyfile.cohort.cohort import load_cohort

        cohort = load_cohort(self.study, patients)
        return all(prints_as(figure, reprint(figure, cohort)) for figure in figures)

    def _frame(self, columns: dict[str, Column]) -> pd.DataFrame:
        import pandas as pd

        size = len(columns[self.grouping])
        empty = {name: [None] * size for name in self.study.file.variables if name not in columns}
        return pd.DataFrame({self.study.file.study.id: range(1, size + 1), **columns, **empty})

    def _groups(self, figure: Figure) -> tuple[int, ...]:
        """Return the groups a figure is said of: 0 where the grouping is true, 1 where it is not."""
        if figure.group == "all":
            return (0, 1)
        group = self.study.plan("published").groups[figure.group]
        if group.compare == self.grouping:
            return (0, 1)
        wanted = group.where.get(self.grouping)
        if list(group.where) != [self.grouping] or wanted not in NO_YES:
            raise ValueError(f"{figure.id}: no witness is sought for figures of the group {figure.group!r}")
        return (NO_YES[::-1].index(wanted),)

    def _sizes(self, figures: Sequence[Figure]) -> tuple[int, int] | None:
        """Return how many patients are in the two groups, for which all that is said of them prints."""
        totals = {int(f.value) for f in figures if f.statistic == "total" and self._groups(f) == (0, 1)}
        pairs = [(true, size - true) for size in totals if len(totals) == 1 for true in range(size + 1)]
        return next((sizes for sizes in pairs if all(self._size_prints(f, sizes) for f in figures)), None)

    def _size_prints(self, figure: Figure, sizes: tuple[int, int]) -> bool:
        if figure.statistic == "total":
            return sum(sizes[g] for g in self._groups(figure)) == int(figure.value)
        wanted = levels_of(self.study, figure.variable, figure.level) or [NO_YES[1]]
        n = sum(size for size, answer in zip(sizes, NO_YES[::-1], strict=True) if answer in wanted)
        return prints_as(figure, n if figure.statistic == "n" else 100 * n / (figure.denominator or sum(sizes)))

    def _column(self, name: str, sizes: tuple[int, int], figures: Sequence[Figure]) -> Column | None:
        """Return the values of a variable, those of the true group first."""
        key = (name, sizes, tuple((f.id, f.value) for f in figures))
        if key not in self._known:
            counted = all(f.statistic in ("n", "percent") for f in figures if f.statistic != "p")
            numeric = self.study.kind(name) in NUMERIC and not (counted and figures)
            tried = self._numbers(name, sizes, figures) if numeric else self._levels(name, sizes, figures)
            truth = [NO_YES[1]] * sizes[0] + [NO_YES[0]] * sizes[1]
            self._known[key] = next(
                (c for c in tried if self.prints(self._frame({self.grouping: truth, name: c}), figures)), None
            )
        return self._known[key]

    def _level(self, name: str, base: Any) -> Any:
        """Return the level of a variable when the recorded one under it has the value `base`."""
        if name in self.study.file.variables:
            return base
        return derive_value(self.study, name, self._level(self.study.file.derived[name].parents[0], base))

    def _levels(self, name: str, sizes: tuple[int, int], figures: Sequence[Figure]) -> Iterator[Column]:
        """Yield columns whose counts print; other figures, such as P, are left to be checked."""
        from ortools.sat.python import cp_model

        low, high = self.study.range(name) or (0, 0)
        values = self.study.levels(name) or [float(value) for value in range(math.ceil(low), math.floor(high) + 1)]
        model = cp_model.CpModel()
        n = {(g, v): model.new_int_var(0, sizes[g], f"{g} {v}") for g in (0, 1) for v in values}
        for g in (0, 1):
            model.add(sum(n[g, v] for v in values) == sizes[g])
        for figure in figures:
            if figure.statistic not in ("n", "percent"):
                continue
            groups = self._groups(figure)
            of = figure.denominator or sum(sizes[g] for g in groups)
            fits = [k for k in range(sum(sizes) + 1) if prints_as(figure, k if figure.statistic == "n" else 100 * k / of)]
            wanted = tuple(levels_of(self.study, figure.variable, figure.level)) or (NO_YES[1],)
            shown = [v for v in values if meets(self.study, figure.variable, self._level(figure.variable, v), wanted)]
            count = sum(n[g, v] for g in groups for v in shown)
            model.add_linear_expression_in_domain(count, cp_model.Domain.from_values(fits))
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        for _ in range(MOST_COUNTS):
            if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
                return
            counts = {key: solver.value(variable) for key, variable in n.items()}
            yield [v for g in (0, 1) for v in values for _ in range(counts[g, v])]
            # Another table of counts than this one.
            differ = [model.new_bool_var("") for _ in counts]
            for literal, (key, count) in zip(differ, counts.items(), strict=True):
                model.add(n[key] != count).only_enforce_if(literal)
            model.add_bool_or(differ)

    def _numbers(self, name: str, sizes: tuple[int, int], figures: Sequence[Figure]) -> Iterator[Column]:
        """Yield columns with sums and sums of squares that print means, SDs and Student's P, and the printed extremes."""
        step, limits = self.study.step(name), self.study.range(name)
        said: dict[str, list[tuple[tuple[int, ...], Figure]]] = {}
        for figure in figures:
            said.setdefault(figure.statistic, []).append((self._groups(figure), figure))
        bounds = [[round(limits[0] / step), round(limits[1] / step)] for _ in (0, 1)]
        must: list[tuple[tuple[int, ...], int]] = []
        for statistic, end, tighter in (("min", 0, max), ("max", 1, min)):
            for groups, figure in said.get(statistic, ()):
                value = round(float(figure.value) / step)
                must.append((groups, value))
                for g in groups:
                    bounds[g][end] = tighter(bounds[g][end], value)
        middle = {round(float(f.value) / step) for groups, f in said.get("median", ()) if groups == (0, 1)}
        plausible = range(round(limits[0] / step), round(limits[1] / step) + 1)
        if any(low > high for low, high in bounds) or len(middle) > 1 or any(v not in plausible for _, v in must):
            return
        for sums, squares in itertools.islice(_moments(said, sizes, step), MOST_SUMS):
            for share in (0.0, 0.06, -0.06, 0.12, -0.12):
                column = _draw(sums, squares, sizes, bounds, must, min(middle, default=None), share)
                if column:
                    yield [value * step if step != 1 else value for value in column]


def _whole_in(figures: Sequence[Figure], parts: Fraction) -> range:
    """Return the whole numbers k for which k / parts prints as each figure does."""
    low = max(figure.interval.low for figure in figures)
    high = min(figure.interval.high for figure in figures)
    found = [
        k
        for k in range(math.floor(low * parts), math.ceil(high * parts) + 1)
        if all(prints_as(figure, float(Fraction(k) / parts)) for figure in figures)
    ]
    return range(found[0], found[-1] + 1) if found else range(0)


def _moments(said: dict, sizes: tuple[int, int], step: float) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield sums and sums of squares of the two groups, in steps, that print every mean, SD and P of Student's t."""
    total, parts = sum(sizes), Fraction(round(1 / step))

    def of(statistic: str, *groups: int) -> list[Figure]:
        return [figure for where, figure in said.get(statistic, ()) if where == groups]

    if not all(of("mean", g) for g in (0, 1)):
        return
    sums = [_whole_in(of("mean", g), sizes[g] * parts) for g in (0, 1)]
    both = _whole_in(of("mean", 0, 1), total * parts) if of("mean", 0, 1) else None
    pairs = [pair for pair in itertools.product(*sums) if both is None or sum(pair) in both]
    # From the middle outwards: the middle is the likeliest to leave room for the rest.
    centre = [sum(pair[g] for pair in pairs) / max(len(pairs), 1) for g in (0, 1)]
    for pair in sorted(pairs, key=lambda p: max(abs(p[g] - centre[g]) for g in (0, 1))):
        squares = [_squares(of("sd", g), sizes[g], pair[g], parts) for g in (0, 1)]
        low, high = _squares(of("sd", 0, 1), total, sum(pair), parts)
        for figure in of("p", 0, 1):
            least, most = _squares_by_p(figure, sizes, pair)
            low, high = max(low, least), min(high, most)
        low = max(low, squares[0][0] + squares[1][0])
        high = min(high, squares[0][1] + squares[1][1])
        if low > high:
            continue
        for share in (0.5, 0.3, 0.7, 0.1, 0.9):
            aim = math.ceil(low + share * (high - low))
            first = squares[0][0] + share * (squares[0][1] - squares[0][0])
            first = round(min(max(first, aim - squares[1][1]), aim - squares[1][0], squares[0][1]))
            first += (first - pair[0]) % 2  # a sum and its sum of squares are odd together
            second = aim - first
            second += (second - pair[1]) % 2
            if all(s[0] <= q <= s[1] for s, q in zip(squares, (first, second), strict=True)) and first + second <= high:
                yield pair, (first, second)


def _squares(figures: Sequence[Figure], size: int, total: int, parts: Fraction) -> tuple[float, float]:
    """Return the least and the largest sum of squares under which the SD prints."""
    least, most = float(Fraction(total**2, size)), math.inf
    for figure in figures:
        low, high = (
            float(end * parts) ** 2 * (size - 1) + total**2 / size
            for end in (max(figure.interval.low, Fraction(0)), figure.interval.high)
        )
        least, most = max(least, math.ceil(low)), min(most, math.ceil(high) - 1)
    return least, most


def _squares_by_p(figure: Figure, sizes: tuple[int, int], sums: tuple[int, int]) -> tuple[float, float]:
    """Return the least and the largest sum of squares of both groups under which Student's P prints."""
    from scipy import stats

    distance = sums[0] / sizes[0] - sums[1] / sizes[1]
    between = sum(total**2 / size for total, size in zip(sums, sizes, strict=True))
    freedom, spread = sum(sizes) - 2, 1 / sizes[0] + 1 / sizes[1]

    def squares(p: float) -> float:
        if p <= 0:
            return between
        t = float(stats.t.isf(min(p, 1) / 2, freedom))
        return between + (distance**2 * freedom / (t * t * spread) if t > 0 else math.inf)

    return math.ceil(squares(float(figure.interval.low))), math.ceil(squares(float(figure.interval.high))) - 1


def _draw(
    sums: Sequence[int],
    squares: Sequence[int],
    sizes: Sequence[int],
    bounds: Sequence[Sequence[int]],
    must: Sequence[tuple[tuple[int, ...], int]],
    middle: int | None,
    share: float,
) -> list[int] | None:
    """Draw whole numbers with the sums and sums of squares, extremes and median wanted; None when that fails."""
    from statistics import NormalDist

    rng, total = random.Random(1), sum(sizes)
    held = [[], []]
    for groups, value in must:
        if not any(value in held[g] for g in groups):
            held[max((g for g in groups), key=lambda g: sizes[g])].append(value)
    below = [0, 0]
    if middle is not None:
        if any(not low <= middle <= high for low, high in bounds):
            return None
        ones = 2 - total % 2
        held[max((0, 1), key=lambda g: sizes[g])] += [middle] * ones
        half = (total - ones) // 2
        sds = [math.sqrt(max(q / n - (s / n) ** 2, 0.01)) for q, s, n in zip(squares, sums, sizes, strict=True)]
        first = sizes[0] * min(max(NormalDist(sums[0] / sizes[0], sds[0]).cdf(middle) + share, 0.0), 1.0)
        below = [round(first), half - round(first)]
    drawn = []
    for g in (0, 1):
        low, high = bounds[g]
        free = sizes[g] - len(held[g])
        under = min(max(below[g] - sum(1 for v in held[g] if middle is not None and v < middle), 0), free)
        limits = [(low, high)] * free if middle is None else [(low, middle)] * under + [(middle, high)] * (free - under)
        values = _fit(sums[g] - sum(held[g]), squares[g] - sum(v * v for v in held[g]), limits, rng)
        if values is None:
            return None
        drawn += [*held[g], *values]
    return drawn


def _fit(total: int, squares: int, limits: list[tuple[int, int]], rng: random.Random) -> list[int] | None:
    """Return one whole number within each limits with this sum and this sum of squares."""
    from statistics import NormalDist

    free = len(limits)
    if not free:
        return [] if total == 0 and squares == 0 else None
    spread = math.sqrt(max(squares / free - (total / free) ** 2, 0.01))
    normal = NormalDist(total / free, spread)
    limits = sorted(limits)
    values = [min(max(round(normal.inv_cdf((k + 0.5) / free)), low), high) for k, (low, high) in enumerate(limits)]
    for _ in range(50 * free * 10):
        if not (gap := total - sum(values)):
            break
        k = rng.randrange(free)
        values[k] = min(max(values[k] + (1 if gap > 0 else -1), limits[k][0]), limits[k][1])
    gap = squares - sum(v * v for v in values)
    if sum(values) != total:
        return None
    for _ in range(60_000):
        if not gap:
            return values
        # One more here, one less there: the sum stays.
        a, b = rng.randrange(free), rng.randrange(free)
        change = 2 * (values[a] - values[b]) + 2
        if a != b and abs(gap - change) < abs(gap) and values[a] < limits[a][1] and values[b] > limits[b][0]:
            values[a] += 1
            values[b] -= 1
            gap -= change
    return None
