"""What printed figures say, once each, and what a proof finds of it: conflicts, repairs, and what follows from what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from printcheck.printed.claims import Claim
from printcheck.printed.published import Figure


@dataclass(frozen=True)
class Statement:
    """What one or several printed figures say alike: 17, and 23.6 % of 72.

    Attributes
    ----------
    claims : tuple of Claim
        What its first figure says; the others say the same.
    figures : tuple of str
        Ids of all figures that say it, tables before text and counts before percentages.
    cells : frozenset
        Where it is printed: (source, variable, level, group, statistic); "17 (23.6)" is one place.
    """

    claims: tuple[Claim, ...]
    figures: tuple[str, ...]
    cells: frozenset[tuple[str, ...]]

    @property
    def id(self) -> str:
        """The id of its claims."""
        return self.claims[0].id

    @property
    def test(self) -> str:
        """The variable of a test or model whose P value it states; an empty text for anything else."""
        return " ".join(self.claims[0].variables) if self.claims[0].kind in ("test", "model") else ""


def statements(said: Sequence[Claim]) -> list[Statement]:
    """Put claims that say the same together."""
    by_id: dict[str, list[Claim]] = {}
    for claim in said:
        by_id.setdefault(claim.id, []).append(claim)
    alike: dict[Any, list[tuple[Claim, ...]]] = {}
    for claims in by_id.values():
        alike.setdefault(tuple(map(_content, claims)), []).append(tuple(claims))
    found = []
    for same in alike.values():
        same.sort(key=lambda claims: preference(claims[0].figures[0]))
        figures = [figure for claims in same for figure in claims[0].figures]
        found.append(Statement(same[0], tuple(f.id for f in figures), frozenset(map(_cell, figures))))
    return found


def _content(claim: Claim) -> tuple:
    def plain(condition: dict) -> tuple:
        return tuple(sorted((name, str(wanted)) for name, wanted in condition.items()))

    # Two printings of a test are two statements only if their digits differ.
    return (
        claim.kind,
        claim.variable,
        plain(claim.condition),
        plain(claim.where),
        claim.patient,
        claim.by,
        claim.terms,
        str(claim.interval.whole() if claim.kind == "count" else claim.interval),
    )


def preference(figure: Figure) -> tuple[bool, bool]:
    """Return what sorts tables before text, and counts before percentages."""
    return (not figure.source.startswith("Table"), figure.statistic == "percent")


def _cell(figure: Figure) -> tuple[str, ...]:
    statistic = "" if figure.statistic in ("n", "percent", "n/N") else figure.statistic
    return (figure.source, figure.variable, figure.level, figure.group, statistic)


@dataclass(frozen=True)
class Core:
    """Statements that cannot hold together, none of them superfluous; and the rules that this hangs on."""

    statements: tuple[str, ...]
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dispute:
    """Minimal conflicts that share statements, and every smallest set of statements to give up."""

    cores: tuple[Core, ...]
    repairs: tuple[frozenset[str], ...]

    @property
    def disputed(self) -> frozenset[str]:
        """The statements that some repair gives up."""
        return frozenset().union(*self.repairs)


@dataclass(frozen=True)
class Proof:
    """What was proven of one block.

    Attributes
    ----------
    statements : tuple of Statement
    disputes : tuple of Dispute
        What any repair leaves can hold together.
    support : dict
        P value -> the statements of its groups from which it follows.
    cost : int
        How many printed places the cheapest repair gives up.
    decided : bool
        Whether every question was settled within the limits.
    unasked : frozenset of str
        Statements of which nothing was asked: values of their variables are missing.
    """

    statements: tuple[Statement, ...]
    disputes: tuple[Dispute, ...] = ()
    support: dict[str, frozenset[str]] = field(default_factory=dict)
    cost: int = 0
    decided: bool = True
    unasked: frozenset[str] = frozenset()


def cost_of(given_up: Iterable[Statement], support: dict[str, frozenset[str]]) -> int:
    """Count the printed places of statements given up; a P value that falls with what it follows from is free."""
    given_up = list(given_up)
    ids = {s.id for s in given_up}
    return len(frozenset().union(*(s.cells for s in given_up if not ids & support.get(s.id, frozenset()))))
