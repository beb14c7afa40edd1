"""What a study file may hold: one pydantic model a section. What each key means stands here and nowhere else."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, protected_namespaces=(), allow_inf_nan=False
    )


def _mark(value: Any) -> Any:
    """Take the mark of a missing value as it is written in a data file: 999 and "999" are one mark."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Mark = Annotated[str, BeforeValidator(_mark)]


class About(_Part):
    """What the study is: names for titles, files that hold its data, and how results are to be read."""

    title: str
    question: str = ""
    citation: str = ""
    unit: str = "patient"
    procedure: str = Field("treatment", description="what `measured: before, during, after` refers to")
    data: str = Field("cohort.csv", description="CSV, Excel, SPSS, Stata, SAS or Parquet: the name's end tells which")
    sheet: str = Field("", description="sheet of an Excel file; not needed where one alone is filled")
    dictionary: str = Field("", description="REDCap's data dictionary (CSV), where the data are its export")
    encoding: str = Field("", description="of a text file, such as utf-8 or cp1252; empty: found in the file")
    delimiter: Literal["", ",", ";", "tab", "|"] = Field("", description="of a CSV file; empty: found in the file")
    decimal: Literal["", ".", ","] = Field("", description="of numbers in a CSV file; empty: found in the file")
    id: str = Field(description="column that names each patient; row_number: none does, rows are counted")
    synthetic: str = Field("", description="shown on every page when the rows are not real patients")
    missing: tuple[Mark, ...] = Field(("", "NA"), description="marks of a missing value; an empty cell is one always")
    units_per_year: float = Field(365.25, description="time units in a year, for axes and rates")


class Variable(_Part):
    """One column of the cohort file."""

    label: str
    kind: Literal["continuous", "count", "binary", "category", "ordered", "date"]
    unit: str = ""
    levels: tuple[str, ...] = ()
    codes: dict[str, str] = Field({}, description="code in the file -> level")
    missing: tuple[Mark, ...] = Field((), description="further marks of a missing value, such as 999 or n/a")
    date_order: Literal["ymd", "dmy", "mdy"] = Field("ymd", description="how dates are written as text")
    range: tuple[float, float] | None = None
    decimals: int | None = Field(None, ge=0, le=6, description="decimals recorded; 0 means whole numbers")
    measured: Literal["before", "during", "after"] | None = None
    provenance: Literal["observed", "printed", "implied", "assumed"] = "observed"
    note: str = ""

    @model_validator(mode="after")
    def _levels_fit_kind(self) -> Variable:
        if self.kind in ("category", "ordered") and len(self.levels) < 2:
            raise ValueError(f"a variable of kind {self.kind!r} needs at least two levels")
        if self.kind not in ("category", "ordered") and self.levels:
            raise ValueError(f"a variable of kind {self.kind!r} takes no levels")
        if len(set(self.levels)) != len(self.levels):
            raise ValueError("a level stands twice")
        if self.range and self.kind not in ("continuous", "count"):
            raise ValueError(f"a variable of kind {self.kind!r} takes no range")
        if self.range and self.range[0] > self.range[1]:
            raise ValueError("range runs from the lower to the upper limit")
        return self


class Band(_Part):
    """One band of a numeric variable: inclusive `from` and `to`, or an exclusive upper limit `below`."""

    label: str
    from_: float | None = Field(None, alias="from")
    to: float | None = None
    below: float | None = None


class Derived(_Part):
    """A variable made from others: exactly one of bands, recode, member, change, transition or days_between."""

    label: str
    from_: str | None = Field(None, alias="from")
    bands: tuple[Band, ...] = ()
    recode: dict[str, tuple[str, ...]] = {}
    member: tuple[str, ...] = ()
    change: tuple[str, str] | None = None
    change_levels: tuple[str, str, str] = ("improved", "unchanged", "worse")
    transition: tuple[str, str] | None = None
    days_between: tuple[str, str] | None = None
    unit: str = ""
    provenance: Literal["observed", "printed", "implied", "assumed"] | None = Field(
        None, description="default: the weakest of what it is made from; printed where the paper prints it in full"
    )

    @model_validator(mode="after")
    def _one_rule(self) -> Derived:
        rules = [r for r in ("bands", "recode", "member", "change", "transition", "days_between") if getattr(self, r)]
        if len(rules) != 1:
            raise ValueError(
                "a derived variable takes exactly one of bands, recode, member, change, transition, days_between; "
                f"found {', '.join(rules) or 'none'}"
            )
        if (rules[0] in ("bands", "recode", "member")) != (self.from_ is not None):
            raise ValueError(
                f"'from' names the variable that {rules[0]} reads"
                if self.from_ is None
                else f"{rules[0]} takes no 'from'"
            )
        return self

    @property
    def rule(self) -> str:
        """The name of the rule that makes this variable."""
        names = ("bands", "recode", "member", "change", "transition", "days_between")
        return next(name for name in names if getattr(self, name))

    @property
    def parents(self) -> tuple[str, ...]:
        """The variables that this one is made from."""
        return (self.from_,) if self.from_ else (self.change or self.transition or self.days_between)

    @property
    def kind(self) -> str:
        """The kind of the variable made."""
        kinds = {"bands": "ordered", "recode": "category", "member": "binary", "change": "ordered",
                 "transition": "category", "days_between": "continuous"}  # fmt: skip
        return kinds[self.rule]


def _word_or_number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        from cohortbook.study_yaml import shown

        quotes = "; put it in quotes" if isinstance(value, bool | date) else ""
        raise ValueError(f"expected a word or a number; found {shown(value)}{quotes}")
    return value


def _wanted(value: Any) -> Any:
    """Check what a condition wants, once for all its forms, so that an error does not name each of them."""
    if isinstance(value, dict) and value and set(value) <= {"min", "max"}:
        days = {end: datetime.combine(v, time()) for end, v in value.items() if isinstance(v, date)}
        if len(days) == len(value) or all(
            isinstance(v, int | float) and not isinstance(v, bool) for v in value.values()
        ):
            limits = {end: days.get(end, v) for end, v in value.items()}
            if "min" in limits and "max" in limits and limits["min"] > limits["max"]:
                raise ValueError("nothing lies between these limits: min is above max")
            return limits
    elif isinstance(value, list | tuple) and value:
        return tuple(map(_word_or_number, value))
    elif isinstance(value, str | int | float):
        return _word_or_number(value)
    raise ValueError("expected a level, a list of levels, or limits {min: ..., max: ...} that are numbers or dates")


WordOrNumber = Annotated[str | float, BeforeValidator(_word_or_number)]
#: variable -> a level, several levels, or limits {min:, max:} (both inclusive; of a date, a day)
Condition = dict[str, Annotated[Any, BeforeValidator(_wanted)]]


class Criterion(_Part):
    """One step of the eligibility flow: who is kept, or how many were left out before this file was made."""

    label: str
    keep: Condition = {}
    excluded: int | None = Field(
        None, ge=0, description="patients excluded before the file was made; null: not reported"
    )

    @model_validator(mode="after")
    def _counted_once(self) -> Criterion:
        if self.keep and self.excluded is not None:
            raise ValueError("takes keep, which counts who is excluded, or excluded; not both")
        return self


class TableRow(_Part):
    """A row, or a block of rows, of a descriptive table."""

    variable: str | None = None
    heading: str | None = None
    label: str | None = None
    levels: tuple[WordOrNumber, ...] = ()
    labels: dict[str, str] = Field({}, description="level -> the label that the table prints")
    flat: bool = Field(False, description="no heading above the levels")


class Table(_Part):
    """A descriptive table: numbered and titled as the journal prints it."""

    number: str
    title: str
    decimals: int = 1
    rows: tuple[TableRow, ...]
    notes: tuple[str, ...] = ()


class ComparisonRow(_Part):
    """A row of the comparison of two groups."""

    variable: str
    label: str | None = None
    test: Literal[
        "auto", "student_t", "welch_t", "mann_whitney", "mann_whitney_continuity", "mann_whitney_exact", "pearson_chi_square",
        "yates_chi_square", "n_minus_1_chi_square", "likelihood_ratio", "linear_by_linear", "fisher_exact", "fisher_mid_p",
        "fisher_freeman_halton",
    ] = "auto"  # fmt: skip
    decimals: int = 1
    p_decimals: int | None = Field(None, description="decimals of P as printed; null: the journal's style")


class Comparison(_Part):
    """The comparison of two groups."""

    number: str
    title: str
    groups: str
    group_labels: tuple[str, str] = Field(("yes", "no"), description="heads of the columns: group true, group false")
    rows: tuple[ComparisonRow, ...]
    normality: float = Field(0.05, gt=0, lt=1, description="Shapiro-Wilk P below which 'auto' leaves Student's t")
    significance: float = Field(0.05, gt=0, lt=1)
    threshold: float | None = Field(None, gt=0, lt=1, description="the paper's own threshold, if it states one")
    threshold_label: str = ""
    notes: tuple[str, ...] = ()


class Model(_Part):
    """The logistic model: outcome, candidates and the rules of selection."""

    number: str
    title: str
    outcome: str
    candidates: tuple[str, ...] = Field((), description="empty: those of the comparison with P below candidate_p")
    candidate_p: float = Field(0.10, gt=0, le=1)
    entry: float = Field(0.10, gt=0, le=1)
    removal: float = Field(0.10, gt=0, le=1)
    removal_test: Literal["wald", "lr", "conditional"] = "wald"
    max_iterations: int = Field(20, ge=1)
    rows: tuple[str, ...] = Field((), description="order in which the table shows the terms; others follow")
    p_decimals: int | None = None
    notes: tuple[str, ...] = ()


class Landmark(_Part):
    """A time at which survival is read, and the bands whose sum a paper prints for 'survived longer'."""

    label: str
    time: float = Field(gt=0)
    longer: tuple[str, ...] = ()


class Competing(_Part):
    """Time to an event that death can forestall."""

    label: str
    event: str
    time: str
    landmarks: tuple[float, ...] = ()


class Survival(_Part):
    """The survival endpoint: entry, exit, event, strata and the times at which it is read."""

    time: str
    event: str
    label: str = "Survival"
    origin: str = "entry into the study"
    unit: str = "days"
    entry: WordOrNumber | None = Field(
        None, description="follow-up that eligibility required, or a variable: delayed entry"
    )
    bands: str | None = Field(None, description="derived variable with the bands that the paper prints")
    strata: tuple[str, ...] = ()
    cox: tuple[str, ...] = ()
    landmarks: tuple[Landmark, ...] = ()
    competing: Competing | None = None


class Rate(_Part):
    """A rate reported elsewhere, set beside this study's."""

    label: str
    percent: float
    denominator: int | None = None


class Outcome(_Part):
    """The event whose rate the study reports."""

    variable: str
    label: str
    elsewhere: tuple[Rate, ...] = ()


class Group(_Part):
    """What a group named in published.csv stands for."""

    where: Condition = {}
    compare: str | None = None
    patient: int | None = Field(None, ge=1)
    model: bool = False

    @model_validator(mode="after")
    def _one_meaning(self) -> Group:
        if sum(map(bool, (self.where, self.compare, self.patient, self.model))) != 1:
            raise ValueError("a group is exactly one of where, compare, patient or model: true")
        return self

    @property
    def meaning(self) -> str:
        """What the group is: where, compare, patient or model."""
        return next(name for name in ("where", "compare", "patient", "model") if getattr(self, name))


class Published(_Part):
    """The printed figures of the study."""

    file: str = "published.csv"
    groups: dict[str, Group] = {}


class LeftOut(_Part):
    """A printed figure that cannot hold together with the others."""

    figure: str
    reason: str


class Rule(_Part):
    """Plain clinical sense that no table prints: exactly one of the three forms."""

    why: str = ""
    when: Condition = {}
    then: Condition = {}
    not_after: tuple[str, str] | None = None
    sum_at_most: tuple[tuple[str, ...], str] | None = None

    @model_validator(mode="after")
    def _one_form(self) -> Rule:
        if (bool(self.when and self.then) + bool(self.not_after) + bool(self.sum_at_most)) != 1:
            raise ValueError("a rule is one of when/then, not_after or sum_at_most")
        return self


class Shape(_Part):
    """How a variable's values spread where the printed figures leave them open."""

    distribution: Literal["normal", "lognormal", "uniform", "levels"] | None = None
    centre: float | None = Field(None, description="mean (normal) or median (lognormal)")
    spread: float | None = Field(None, gt=0, description="SD (normal) or SD of the logarithm (lognormal)")
    weights: dict[str, float] = {}
    follows: dict[str, Annotated[float, Field(gt=-1, lt=1)]] = Field(
        {}, description="variable -> rank correlation to aim at among free patients"
    )

    @model_validator(mode="after")
    def _whole(self) -> Shape:
        if self.distribution in ("normal", "lognormal") and (self.centre is None or self.spread is None):
            raise ValueError(f"a {self.distribution} distribution needs centre and spread")
        if self.distribution == "lognormal" and self.centre <= 0:
            raise ValueError("the centre of a lognormal distribution is its median, above 0")
        if self.distribution == "levels" and (
            min(self.weights.values(), default=0) < 0 or not sum(self.weights.values())
        ):
            raise ValueError("a distribution of levels needs weights, none below 0 and one above")
        return self


class Reconstruction(_Part):
    """How a cohort is made from the printed figures alone."""

    seed: int
    patients: int = Field(gt=0)
    id_format: str = "SYNTHETIC-{:03d}"
    left_out: tuple[LeftOut, ...] = ()
    rules: tuple[Rule, ...] = ()
    shapes: dict[str, Shape] = {}

    @model_validator(mode="after")
    def _ids_differ(self) -> Reconstruction:
        try:
            differ = self.id_format.format(1) != self.id_format.format(2)
        except (IndexError, KeyError, ValueError):
            differ = False
        if not differ:
            raise ValueError(
                f"id_format: {self.id_format!r} gives no id a patient; expected such as 'SYNTHETIC-{{:03d}}'"
            )
        return self


class Scenario(_Part):
    """The study under another choice: fewer patients, or another plan."""

    label: str = ""
    keep: Condition = Field({}, description="patients who meet it are kept, beside the criteria under eligibility:")
    drop: Condition = Field({}, description="patients with one of these levels are left out")
    plan: dict[str, dict[str, Any]] = Field({}, description="section -> keys of it that get another value")

    @model_validator(mode="after")
    def _changes_something(self) -> Scenario:
        if not (self.keep or self.drop or self.plan):
            raise ValueError("a scenario takes keep, drop or plan; without one it changes nothing")
        return self


class StudyFile(_Part):
    """Everything that `study.yml` may hold."""

    study: About
    variables: Annotated[dict[str, Variable], Field(min_length=1)]
    derived: dict[str, Derived] = {}
    eligibility: tuple[Criterion, ...] = ()
    outcome: Outcome | None = None
    tables: dict[str, Table] = {}
    comparison: Comparison | None = None
    model: Model | None = None
    survival: Survival | None = None
    published: Published | None = None
    reconstruction: Reconstruction | None = None
    scenarios: dict[str, Scenario] = {}
