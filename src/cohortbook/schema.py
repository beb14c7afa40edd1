"""What a study file may hold: one pydantic model a section. What each key means stands here and nowhere else."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from cohortbook.schema_parts import Condition, Mark, Part, WordOrNumber
from cohortbook.schema_printed import Group, LeftOut, Published, Reconstruction, Rule, Shape

__all__ = ["Condition", "Group", "LeftOut", "Published", "Reconstruction", "Rule", "Shape", "StudyFile"]


class About(Part):
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


class Variable(Part):
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


class Band(Part):
    """One band of a numeric variable: inclusive `from` and `to`, or an exclusive upper limit `below`."""

    label: str
    from_: float | None = Field(None, alias="from")
    to: float | None = None
    below: float | None = None


class Derived(Part):
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


class Criterion(Part):
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


class TableRow(Part):
    """A row, or a block of rows, of a descriptive table."""

    variable: str | None = None
    heading: str | None = None
    label: str | None = None
    levels: tuple[WordOrNumber, ...] = ()
    labels: dict[str, str] = Field({}, description="level -> the label that the table prints")
    flat: bool = Field(False, description="no heading above the levels")


class Table(Part):
    """A descriptive table: numbered and titled as the journal prints it."""

    number: str
    title: str
    decimals: int = 1
    rows: tuple[TableRow, ...]
    notes: tuple[str, ...] = ()


class ComparisonRow(Part):
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


class Comparison(Part):
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


class Model(Part):
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


class Landmark(Part):
    """A time at which survival is read, and the bands whose sum a paper prints for 'survived longer'."""

    label: str
    time: float = Field(gt=0)
    longer: tuple[str, ...] = ()


class Competing(Part):
    """Time to an event that death can forestall."""

    label: str
    event: str
    time: str
    landmarks: tuple[float, ...] = ()


class Survival(Part):
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


class Rate(Part):
    """A rate reported elsewhere, set beside this study's."""

    label: str
    percent: float
    denominator: int | None = None


class Outcome(Part):
    """The event whose rate the study reports."""

    variable: str
    label: str
    elsewhere: tuple[Rate, ...] = ()


class Scenario(Part):
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


class StudyFile(Part):
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
