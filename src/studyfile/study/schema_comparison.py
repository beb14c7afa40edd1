"""The sections of a study file that compare: groups, the same patients at two times, and a linear model of a number."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from studyfile.study.schema_parts import Part
from tallystats.registry import suited

TESTS_OF_GROUPS = tuple(suited("two") | suited("several"))
TESTS_OF_PAIRS = tuple(suited("paired"))


class ComparisonRow(Part):
    """A row of the comparison of groups."""

    variable: str = Field(description="what is compared")
    label: str | None = Field(None, description="instead of the variable's own")
    test: Literal["auto", *TESTS_OF_GROUPS] = Field(
        "auto", description="the test; auto chooses by kind, normality and number of groups"
    )
    decimals: int = Field(1, description="of means and percentages")
    p_decimals: int | None = Field(None, description="decimals of P as printed; null: the journal's style")


class ComparisonPlan(Part):
    """The comparison of groups: those of a binary variable, or of one with any number of levels."""

    number: str = Field(description="as the journal numbers it")
    title: str = Field(description="its title")
    groups: str = Field(description="variable whose groups are compared")
    group_labels: tuple[str, ...] = Field(
        (),
        description="heads of the columns: group true, group false (empty: yes, no); of a variable with levels, one a level "
        "in their order (empty: the levels)",
    )
    overall: bool = Field(False, description="true: a column of all patients before the groups")
    cells: Literal["short", "full"] = Field(
        "short", description="short: means and percentages; full: mean (SD) or median [quartiles], by the test, and n (%)"
    )
    rows: tuple[ComparisonRow, ...] = Field(description="its rows")
    pairwise: Literal["", "holm", "bonferroni", "benjamini-hochberg", "tukey"] = Field(
        "",
        description="of three groups or more: every two compared, and how P is adjusted; tukey: means by Tukey's (or Games "
        "and Howell's) way, the rest by Holm's; empty: no pairs",
    )
    normality: float = Field(0.05, gt=0, lt=1, description="Shapiro-Wilk P below which 'auto' leaves tests of means for ranks")
    significance: float = Field(0.05, gt=0, lt=1, description="P below which findings call a difference one")
    threshold: float | None = Field(None, gt=0, lt=1, description="the paper's own threshold, if it states one")
    threshold_label: str = Field("", description="what the paper calls its threshold")
    notes: tuple[str, ...] = Field((), description="footnotes")


class PairPlan(Part):
    """One variable before and after, in the same patients: two columns of the same kind, unit and levels."""

    before: str = Field(description="the variable at the first time")
    after: str = Field(description="the variable at the second time")
    label: str = Field("", description="what they are called; empty: the label of before:")
    test: Literal["auto", *TESTS_OF_PAIRS] = Field(
        "auto",
        description="the test; auto: of numbers paired_t or, where Shapiro-Wilk rejects normality of the changes, "
        "wilcoxon_signed_rank; of ordered levels wilcoxon_signed_rank; mcnemar_exact; stuart_maxwell",
    )
    decimals: int = Field(1, description="of means and percentages")


class Linear(Part):
    """The linear model: a number as outcome."""

    number: str = Field(description="as the journal numbers it")
    title: str = Field(description="its title")
    outcome: str = Field(description="numeric variable that is modelled")
    terms: Annotated[tuple[str, ...], Field(min_length=1)] = Field(description="its terms; all enter")
    decimals: int | None = Field(None, description="of coefficients; null: three significant digits")
    p_decimals: int | None = Field(None, description="decimals of P as printed; null: the journal's style")
    notes: tuple[str, ...] = Field((), description="footnotes")
