"""The rows that researchers expect of a model: each variable and level, its patients by outcome, its odds ratios."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from cohortbook.sections.model.model_methods import ModelMethods
from cohortbook.sections.model.models import ModelStudy
from studyfile.privacy.guard import NO_RULE, withheld
from tallystats.regression.exact import ExactFit
from tallystats.regression.firth import FirthFit
from tallystats.regression.logistic import LogisticFit
from tallystats.results import NAN, NotPlanned, Result, result
from tallystats.statistics.counts import cross_tabulate, is_numeric, moments, split
from tallystats.tally import Tally


@result
class OddsRatio:
    """An odds ratio with its interval and P.

    Attributes
    ----------
    estimate, conf_low, conf_high, p_value : float
    infinite : int
        +1 or -1 where the log odds ratio has no finite estimate, and its sign; 0 otherwise. Estimate and P are then NaN, and
        so are the ends, but for those of a profile interval.
    """

    estimate: float = NAN
    conf_low: float = NAN
    conf_high: float = NAN
    p_value: float = NAN
    infinite: int = 0


@result
class ModelRow:
    """One row: a number, or one level of a variable with levels.

    Attributes
    ----------
    term : str
    level : str
        Empty for a number.
    first : bool
        The first row of its variable.
    reference : bool
        The level that the others are compared with.
    without, with_it : tuple of float
        By outcome: patients with the level; of a number mean, standard deviation and patients.
    univariable, multivariable, firth, exact : OddsRatio or None
        None for a reference, and for what is left out of the model; `exact` also where there is no exact result.
    reason : str
        Why a level or variable is left out of the model; empty when it is not.
    """

    term: str
    level: str
    first: bool
    reference: bool
    without: tuple[float, ...]
    with_it: tuple[float, ...]
    univariable: OddsRatio | None
    multivariable: OddsRatio | None
    firth: OddsRatio | None
    exact: OddsRatio | None
    reason: str


@result
class ModelRows(Result):
    """The rows of all candidates, in the order of the paper's table."""

    model: ModelStudy
    rows: tuple[ModelRow, ...]
    provenance: str

    @property
    def exact(self) -> bool:
        """Whether any row has an exact odds ratio."""
        return any(row.exact for row in self.rows)

    @property
    def frame(self) -> pd.DataFrame:
        """One row a row and model, in the tidy vocabulary; `estimate` is the odds ratio."""
        found = []
        for row in self.rows:
            for name in ("univariable", "multivariable", "firth", *["exact"] * self.exact):
                ratio = getattr(row, name) or OddsRatio()
                found.append(
                    {
                        "term": row.term,
                        "level": row.level,
                        "reference": row.reference,
                        "estimate": ratio.estimate,
                        "conf_low": ratio.conf_low,
                        "conf_high": ratio.conf_high,
                        "p_value": ratio.p_value,
                        "infinite": ratio.infinite,
                        "without": row.without,
                        "with_it": row.with_it,
                        "method": name,
                    }
                )
        return pd.DataFrame(found)


def model_rows(model: ModelStudy | NotPlanned, methods: ModelMethods | NotPlanned | None = None) -> ModelRows | NotPlanned:
    """Gather for each variable and level the patients by outcome and the odds ratios, alone and together.

    Parameters
    ----------
    model : ModelStudy or NotPlanned
        What `study_model` returns.
    methods : ModelMethods or NotPlanned, optional
        What `model_methods` returns: with it, exact odds ratios stand beside the others where there are any.

    Returns
    -------
    ModelRows or NotPlanned
        Patients by outcome are those with a value of the variable and of the outcome, as for the odds ratio of the
        variable alone; all candidates together are fitted to those who have all values.
    """
    if not model:
        return model
    if model.tally is None:
        return withheld(NO_RULE)
    terms = [t for t in dict.fromkeys([*model.plan.rows, *model.screening.candidates]) if t in model.screening.candidates]
    alone = dict(zip(model.screening.candidates, model.univariable, strict=True))
    rows = [row for term in terms for row in _rows(model, term, alone[term][0], methods.exact if methods else None)]
    return ModelRows(model=model, rows=tuple(rows), provenance=model.provenance)


def _rows(model: ModelStudy, term: str, alone: LogisticFit, exact: ExactFit | NotPlanned | None) -> Iterator[ModelRow]:
    outcome = model.plan.outcome
    tally = model.tally.complete([term, outcome])
    dropped = model.full.dropped
    if is_numeric(tally, term):
        without, with_it = _by_outcome(tally, term, outcome)
        yield _row(
            model, term, term, "", alone, exact, first=True, without=without, with_it=with_it, reason=dropped.get(term, "")
        )
        return
    table = cross_tabulate(tally, term, outcome)
    used = [k for k in range(len(table.levels)) if table.counts[k].any()]
    if table.levels == (False, True):
        columns = ["", term]
    else:
        names = [f"{term}: {level}" for level in table.levels]
        columns = [name if name in alone.terms or name in dropped else "" for name in names]
    for k in used:
        level = table.levels[k]
        name = {False: "no", True: "yes"}[level] if isinstance(level, bool) else str(level)
        a, b = (float(n) for n in table.counts[k])
        why = dropped.get(columns[k], "") if columns[k] else ""
        yield _row(model, term, columns[k], name, alone, exact, first=k == used[0], without=(a,), with_it=(b,), reason=why)


def _by_outcome(tally: Tally, term: str, outcome: str) -> tuple[tuple[float, ...], ...]:
    """Return mean, standard deviation and number of a numeric variable without and with the outcome."""
    found = []
    for part in split(tally, outcome).values():
        n, mean, squares = moments(part.frame[term].to_numpy(float), part.frame["n"].to_numpy())
        found.append((mean, float(np.sqrt(squares / (n - 1))) if n > 1 else NAN, float(n)))
    return tuple(found)


def _row(
    model: ModelStudy, term: str, column: str, level: str, alone: LogisticFit, exact: ExactFit | NotPlanned | None, **more: Any
) -> ModelRow:
    known = bool(column)
    return ModelRow(
        term=term,
        level=level,
        reference=not known,
        univariable=_ratio(alone, column) if known else None,
        multivariable=_ratio(model.full, column) if known else None,
        firth=_ratio(model.firth, column) if known else None,
        exact=_ratio(exact, column) if known and exact and column not in exact.problems else None,
        **more,
    )


def _ratio(fit: LogisticFit | FirthFit | ExactFit, column: str) -> OddsRatio | None:
    """Return the odds ratio of a column, as infinite where likelihood has no maximum; None when it is not in the model."""
    if column not in fit.terms:
        return None
    sign = fit.separation.directions.get(column, 0) if hasattr(fit, "separation") else 0
    row = fit.frame.set_index("term").loc[column]
    if sign:
        profile = getattr(fit, "intervals", "") == "profile"
        ends = {name: float(row[f"odds_ratio_{name[5:]}"]) for name in ("conf_low", "conf_high")} if profile else {}
        return OddsRatio(infinite=sign, **ends)
    return OddsRatio(
        estimate=float(row["odds_ratio"]),
        conf_low=float(row["odds_ratio_low"]),
        conf_high=float(row["odds_ratio_high"]),
        p_value=float(row["p_value"]),
    )
