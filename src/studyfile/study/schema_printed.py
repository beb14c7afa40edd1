"""The sections of a study file about what a paper prints: its figures, and how a cohort is made from them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from studyfile.study.schema_parts import Condition, Part


class FigureGroup(Part):
    """What a group named in published.csv stands for."""

    where: Condition = Field({}, description="patients who meet a condition")
    compare: str | None = Field(None, description="variable of comparison: groups:, whose groups are compared")
    patient: int | None = Field(None, ge=1, description="one patient who is described alone, by number")
    model: bool = Field(False, description="true: the regression model")

    @model_validator(mode="after")
    def _one_meaning(self) -> FigureGroup:
        if sum(map(bool, (self.where, self.compare, self.patient, self.model))) != 1:
            raise ValueError("a group is exactly one of where, compare, patient or model: true")
        return self

    @property
    def meaning(self) -> str:
        """What the group is: where, compare, patient or model."""
        return next(name for name in ("where", "compare", "patient", "model") if getattr(self, name))


class Published(Part):
    """The printed figures of the study."""

    file: str = Field("published.csv", description="the figures, one a row")
    groups: dict[str, FigureGroup] = Field({}, description="what the names in its column group stand for")


class LeftOut(Part):
    """A printed figure that cannot hold together with the others."""

    figure: str = Field(description="its id")
    reason: str = Field(description="why it cannot hold with the others")


class Rule(Part):
    """Plain clinical sense that no table prints: exactly one of the three forms."""

    why: str = Field("", description="the rule in words; named where a conflict hangs on it")
    when: Condition = Field({}, description="whoever meets this")
    then: Condition = Field({}, description="meets that too")
    not_after: tuple[str, str] | None = Field(None, description="two variables, the first never above the second")
    sum_at_most: tuple[tuple[str, ...], str] | None = Field(
        None, description="variables whose sum, or count of yes, another bounds"
    )

    @model_validator(mode="after")
    def _one_form(self) -> Rule:
        if (bool(self.when and self.then) + bool(self.not_after) + bool(self.sum_at_most)) != 1:
            raise ValueError("a rule is one of when/then, not_after or sum_at_most")
        return self


class Shape(Part):
    """How a variable's values spread where the printed figures leave them open."""

    distribution: Literal["normal", "lognormal", "uniform", "levels"] | None = Field(None, description="of the variable")
    centre: float | None = Field(None, description="mean (normal) or median (lognormal)")
    spread: float | None = Field(None, gt=0, description="SD (normal) or SD of the logarithm (lognormal)")
    weights: dict[str, float] = Field({}, description="level -> how often, of distribution: levels")
    follows: dict[str, Annotated[float, Field(gt=-1, lt=1)]] = Field(
        {}, description="variable -> rank correlation to aim at among free patients"
    )

    @model_validator(mode="after")
    def _whole(self) -> Shape:
        if self.distribution in ("normal", "lognormal") and (self.centre is None or self.spread is None):
            raise ValueError(f"a {self.distribution} distribution needs centre and spread")
        if self.distribution == "lognormal" and self.centre <= 0:
            raise ValueError("the centre of a lognormal distribution is its median, above 0")
        if self.distribution == "levels" and (min(self.weights.values(), default=0) < 0 or not sum(self.weights.values())):
            raise ValueError("a distribution of levels needs weights, none below 0 and one above")
        return self


class Reconstruction(Part):
    """How a cohort is made from the printed figures alone."""

    seed: int = Field(description="of chance")
    patients: int = Field(gt=0, description="how many")
    id_format: str = Field("SYNTHETIC-{:03d}", description="of the ids")
    left_out: tuple[LeftOut, ...] = Field((), description="figures that cannot hold with the rest")
    rules: tuple[Rule, ...] = Field((), description="plain clinical sense")
    shapes: dict[str, Shape] = Field({}, description="variable -> how its values spread")

    @model_validator(mode="after")
    def _ids_differ(self) -> Reconstruction:
        try:
            differ = self.id_format.format(1) != self.id_format.format(2)
        except (IndexError, KeyError, ValueError):
            differ = False
        if not differ:
            raise ValueError(f"id_format: {self.id_format!r} gives no id a patient; expected such as 'SYNTHETIC-{{:03d}}'")
        return self
