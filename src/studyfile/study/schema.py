"""What a study file may hold: one pydantic model a section. What each key means stands here and nowhere else."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from studyfile.study.schema_comparison import ComparisonPlan, ComparisonRow, Linear, PairPlan
from studyfile.study.schema_parts import Condition, Mark, Part, WordOrNumber
from studyfile.study.schema_printed import FigureGroup, LeftOut, Published, Reconstruction, Rule, Shape

__all__ = [
    "ComparisonPlan",
    "ComparisonRow",
    "Condition",
    "FigureGroup",
    "LeftOut",
    "Linear",
    "PairPlan",
    "Published",
    "Reconstruction",
    "Rule",
    "Shape",
    "StudyFile",
]


#: Units of time in a year.
YEAR = {"days": 365.25, "weeks": 365.25 / 7, "months": 12.0, "years": 1.0}


class About(Part):
    """What the study is: names for titles, files that hold its data, and how results are to be read."""

    title: str = Field(description="what the study is called, on every page")
    question: str = Field("", description="the question it asks, in a sentence")
    citation: str = Field("", description="how to cite it")
    unit: str = Field("patient", description="what a row is, as sentences call it")
    plural: str = Field("", description="several of them, where an s does not make it: women, hips; empty: with an s")
    procedure: str = Field("treatment", description="what `measured: before, during, after` refers to")
    data: str = Field("cohort.csv", description="CSV, Excel, SPSS, Stata, SAS or Parquet: the name's end tells which")
    sheet: str = Field("", description="sheet of an Excel file; not needed where one alone is filled")
    dictionary: str = Field("", description="REDCap's data dictionary (CSV), where the data are its export")
    encoding: str = Field("", description="of a text file, such as utf-8 or cp1252; empty: found in the file")
    delimiter: Literal["", ",", ";", "tab", "|"] = Field("", description="of a CSV file; empty: found in the file")
    decimal: Literal["", ".", ","] = Field("", description="of numbers in a CSV file; empty: found in the file")
    id: str = Field(description="column that names each patient; row_number: none does, rows are counted")
    cluster: str = Field("", description="variable of clusters, such as the hospital; shown, and said of the tests")
    synthetic: str = Field("", description="shown on every page when the rows are not real patients")
    missing: tuple[Mark, ...] = Field(("", "NA"), description="marks of a missing value; an empty cell is one always")
    units_per_year: float | None = Field(
        None, gt=0, description="units of survival time in a year; empty: as the unit under survival: says"
    )
    journal: Literal["plain", "jama", "lancet", "nejm", "bmj"] = Field(
        "plain", description="whose style numbers are printed in: P values, decimal points, ranges, footnote marks"
    )


class Variable(Part):
    """One column of the cohort file."""

    label: str = Field(description="what tables and figures call it")
    kind: Literal["continuous", "count", "binary", "category", "ordered", "date"] = Field(
        description="continuous and count are numbers; ordered and category have levels; binary is yes or no"
    )
    unit: str = Field("", description="of a number, shown behind its label")
    levels: tuple[str, ...] = Field((), description="of an ordered variable or a category, in their order")
    codes: dict[str, str] = Field({}, description="code in the file -> level")
    missing: tuple[Mark, ...] = Field((), description="further marks of a missing value, such as 999 or n/a")
    date_order: Literal["ymd", "dmy", "mdy"] = Field("ymd", description="how dates are written as text")
    range: tuple[float, float] | None = Field(
        None, description="least and greatest plausible value; outside it a value is an error"
    )
    decimals: int | None = Field(None, ge=0, le=6, description="decimals recorded; 0 means whole numbers")
    measured: Literal["before", "during", "after"] | None = Field(
        None, description="when it is known: before, during or after the procedure; what is known after predicts nothing before"
    )
    provenance: Literal["observed", "printed", "implied", "assumed"] = Field(
        "observed", description="where values come from: observed in patients, or printed, implied, assumed in a reconstruction"
    )
    note: str = Field("", description="anything a reader of the dictionary should know")

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

    label: str = Field(description="name of the level")
    from_: float | None = Field(None, alias="from", description="least value inside")
    to: float | None = Field(None, description="greatest value inside")
    below: float | None = Field(None, description="least value above the band")


class Derived(Part):
    """A variable made from others: exactly one of bands, recode, member, change, transition or days_between."""

    label: str = Field(description="what tables and figures call it")
    from_: str | None = Field(None, alias="from", description="the variable that bands, recode or member read")
    bands: tuple[Band, ...] = Field((), description="levels of a number, in their order")
    recode: dict[str, tuple[str, ...]] = Field({}, description="new level -> levels of the variable")
    member: tuple[str, ...] = Field((), description="levels that make it yes")
    change: tuple[str, str] | None = Field(None, description="two ordered variables, before and after")
    change_levels: tuple[str, str, str] = Field(
        ("improved", "unchanged", "worse"), description="names of better, equal and worse"
    )
    transition: tuple[str, str] | None = Field(None, description="two variables with levels, before and after")
    days_between: tuple[str, str] | None = Field(None, description="two dates; their difference in days")
    unit: str = Field("", description="of the number that is made")
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
                f"'from' names the variable that {rules[0]} reads" if self.from_ is None else f"{rules[0]} takes no 'from'"
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
        kinds = {
            "bands": "ordered",
            "recode": "category",
            "member": "binary",
            "change": "ordered",
            "transition": "category",
            "days_between": "continuous",
        }
        return kinds[self.rule]


class Criterion(Part):
    """One step of the eligibility flow: who is kept, or how many were left out before this file was made."""

    label: str = Field(description="the criterion in words")
    keep: Condition = Field({}, description="who meets it; patients without a value are excluded and counted")
    excluded: int | None = Field(None, ge=0, description="patients excluded before the file was made; null: not reported")

    @model_validator(mode="after")
    def _counted_once(self) -> Criterion:
        if self.keep and self.excluded is not None:
            raise ValueError("takes keep, which counts who is excluded, or excluded; not both")
        return self


class TableRow(Part):
    """A row, or a block of rows, of a descriptive table."""

    variable: str | None = Field(None, description="what the row, or its block of levels, shows")
    heading: str | None = Field(None, description="a line above it")
    label: str | None = Field(None, description="instead of the variable's own")
    levels: tuple[WordOrNumber, ...] = Field((), description="shown levels, in this order; empty: all")
    labels: dict[str, str] = Field({}, description="level -> the label that the table prints")
    flat: bool = Field(False, description="no heading above the levels")


class TablePlan(Part):
    """A descriptive table: numbered and titled as the journal prints it."""

    number: str = Field(description="as the journal numbers it")
    title: str = Field(description="its title")
    decimals: int = Field(1, description="of percentages")
    rows: tuple[TableRow, ...] = Field(description="its rows")
    notes: tuple[str, ...] = Field((), description="footnotes")


class Model(Part):
    """The logistic model: outcome, candidates and the rules of selection."""

    number: str = Field(description="as the journal numbers it")
    title: str = Field(description="its title")
    outcome: str = Field(description="binary variable that is modelled")
    candidates: tuple[str, ...] = Field((), description="empty: those of the comparison with P below candidate_p")
    candidate_p: float = Field(0.10, gt=0, le=1, description="univariate P below which a variable is a candidate")
    reference: dict[str, str] = Field(
        {}, description="variable -> the level that its others are compared with; otherwise its first"
    )
    intervals: Literal["wald", "profile"] = Field(
        "wald", description="of maximum likelihood; the profile's exist under separation too"
    )
    exact: bool = Field(True, description="exact conditional tests and estimates beside, where they can be computed")
    method: Literal["forward", "backward", "enter"] = Field(
        "forward", description="selection forwards, backwards, or none: all candidates enter"
    )
    entry: float = Field(0.10, gt=0, le=1, description="P of the score test below which a term enters")
    removal: float = Field(0.10, gt=0, le=1, description="P above which a term is removed")
    removal_test: Literal["wald", "lr", "conditional"] = Field("wald", description="test for removal")
    max_iterations: int = Field(20, ge=1, description="after which a fit stops, converged or not")
    rows: tuple[str, ...] = Field((), description="order in which the table shows the terms; others follow")
    p_decimals: int | None = Field(None, description="decimals of P as printed; null: the journal's style")
    notes: tuple[str, ...] = Field((), description="footnotes")


class Landmark(Part):
    """A time at which survival is read, and the bands whose sum a paper prints for 'survived longer'."""

    label: str = Field(description="what the time is called")
    time: float = Field(gt=0, description="in the unit of the endpoint")
    longer: tuple[str, ...] = Field((), description="bands of survival that lie beyond it")


class Competing(Part):
    """Time to an event that death can forestall."""

    label: str = Field(description="what the event is called")
    event: str = Field(description="binary variable: whether it came about")
    time: str = Field(description="when it did, or the last look")
    seen: Literal["exact", "visit", "between"] = Field(
        "exact",
        description="exact: the day is known; visit: looked for once, at `time`, whether it had come; between: it came "
        "between `last_negative` and `first_positive`",
    )
    kinds: str | None = Field(None, description="category of the kind of event, its first level none; where seen: visit")
    last_negative: str | None = Field(None, description="last time without it; missing in whoever was never seen without")
    first_positive: str | None = Field(None, description="first time with it; missing in whoever was never seen with it")
    landmarks: tuple[float, ...] = Field((), description="times at which incidence is read; empty: those of survival")

    @model_validator(mode="after")
    def _bounds_where_it_came_between(self) -> Competing:
        bounds = [name for name in ("last_negative", "first_positive") if getattr(self, name)]
        if self.seen == "between" and len(bounds) < 2:
            raise ValueError("seen: between needs last_negative and first_positive, the times between which it came")
        if self.seen != "between" and bounds:
            raise ValueError(f"{bounds[0]} is read only where seen: between; here it is {self.seen}")
        if self.seen != "visit" and self.kinds:
            raise ValueError(f"kinds is read only where seen: visit; here it is {self.seen}")
        return self


GroupTest = Literal["log-rank", "gehan", "tarone-ware", "peto-peto", "fleming-harrington", "trend"]
NotNegative = Annotated[float, Field(ge=0)]


class Survival(Part):
    """The survival endpoint: entry, exit, event, strata and the times at which it is read."""

    time: str = Field(description="time to the event or to the last follow-up")
    event: str = Field(description="binary variable: whether it came about")
    label: str = Field("Survival", description="what the endpoint is called")
    origin: str = Field("entry into the study", description="what time is counted from")
    unit: str = Field("days", description="of time")
    entry: WordOrNumber | None = Field(None, description="follow-up that eligibility required, or a variable: delayed entry")
    bands: str | None = Field(None, description="derived variable with the bands that the paper prints")
    conf_type: Literal["log-log", "log", "plain"] = Field("log-log", description="scale of the intervals of the curves")
    quantiles: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        (0.25, 0.5, 0.75), description="shares with the event whose times are read off the curve"
    )
    strata: tuple[str, ...] = Field((), description="variables whose levels get a curve each")
    tests: Annotated[tuple[GroupTest, ...], Field(min_length=1)] = Field(
        ("log-rank",), description="tests between the levels; the figure shows the first, trend needs ordered levels"
    )
    fleming_harrington: tuple[NotNegative, NotNegative] = Field(
        (0, 1), description="powers rho and gamma of that test: 1, 0 for early differences, 0, 1 for late ones"
    )
    test_strata: tuple[str, ...] = Field((), description="variables within whose levels the tests are made once more")
    restricted_mean: float | None = Field(
        None, gt=0, description="time up to which mean survival is taken; empty: the last landmark that all groups reach"
    )
    cox: tuple[str, ...] = Field((), description="terms of the Cox model, and of the models of competing events")
    references: dict[str, str] = Field({}, description="term under cox: -> the level that its others are compared with")
    cox_strata: tuple[str, ...] = Field((), description="variables whose levels have a baseline hazard each")
    cluster: str | None = Field(None, description="variable whose patients may be alike, such as the centre")
    landmarks: tuple[Landmark, ...] = Field(
        (), description="times at which the curve is read; empty: the last usual ones that ten patients were followed to"
    )
    competing: Competing | None = Field(None, description="an event that death can forestall")


class MissingData(Part):
    """What is done where values are missing. Without this section, and beside it, patients who lack one are left out."""

    method: Literal["complete", "imputation"] = Field(
        "complete",
        description="complete: patients who lack a value are left out; imputation: regressions are also pooled over data "
        "sets in which missing values are drawn",
    )
    imputations: int = Field(20, ge=2, description="how many data sets are drawn")
    iterations: int = Field(10, ge=1, description="rounds through the variables before each data set")
    seed: int = Field(1, ge=0, description="of chance")
    auxiliary: tuple[str, ...] = Field((), description="further variables that tell missing values, or who lacks them")


class Rate(Part):
    """A rate reported elsewhere, set beside this study's."""

    label: str = Field(description="whose rate")
    percent: float = Field(description="the rate")
    denominator: int | None = Field(None, description="of how many")


class Outcome(Part):
    """The event whose rate the study reports."""

    variable: str = Field(description="binary variable: the outcome")
    label: str = Field(description="what it is called")
    elsewhere: tuple[Rate, ...] = Field((), description="rates of other studies, set beside")


class Scenario(Part):
    """The study under another choice: fewer patients, or another plan."""

    label: str = Field("", description="what it is called; empty: its name")
    keep: Condition = Field({}, description="patients who meet it are kept, beside the criteria under eligibility:")
    drop: Condition = Field({}, description="patients with one of these levels are left out")
    plan: dict[str, dict[str, Any]] = Field({}, description="section -> keys of it that get another value")

    @model_validator(mode="after")
    def _changes_something(self) -> Scenario:
        if not (self.keep or self.drop or self.plan):
            raise ValueError("a scenario takes keep, drop or plan; without one it changes nothing")
        return self


class Privacy(Part):
    """What is kept out of all that is shown."""

    suppress_below: int = Field(
        0, ge=0, description="counts from 1 to one less are hidden, with what would reveal them; 0: nothing is hidden"
    )


class StudyFile(Part):
    """Everything that `study.yml` may hold."""

    study: About = Field(description="what the study is")
    variables: Annotated[dict[str, Variable], Field(min_length=1)] = Field(description="columns of the data")
    derived: dict[str, Derived] = Field({}, description="variables made from others")
    eligibility: tuple[Criterion, ...] = Field((), description="who is analysed")
    outcome: Outcome | None = Field(None, description="the event whose rate is reported")
    tables: dict[str, TablePlan] = Field({}, description="descriptive tables")
    comparison: ComparisonPlan | None = Field(None, description="groups compared")
    paired: tuple[PairPlan, ...] = Field((), description="variables compared before and after, in the same patients")
    linear: Linear | None = Field(None, description="the linear model of a number")
    model: Model | None = Field(None, description="the logistic model")
    survival: Survival | None = Field(None, description="the survival endpoint")
    missing_data: MissingData | None = Field(None, description="what is done where values are missing")
    published: Published | None = Field(None, description="the figures that a paper prints")
    reconstruction: Reconstruction | None = Field(None, description="how a cohort is made from them")
    scenarios: dict[str, Scenario] = Field({}, description="the study under other choices")
    privacy: Privacy | None = Field(None, description="what is kept out of all that is shown")

    @property
    def units_per_year(self) -> float:
        """Units of survival time in a year; NaN where no study says it and the unit is none of time."""
        return self.study.units_per_year or YEAR.get(self.survival.unit if self.survival else "days", float("nan"))
