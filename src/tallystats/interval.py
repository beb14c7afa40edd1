"""Intervals of exact numbers, as printed ones stand for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

#: Significant digits that a computed number has on every processor.
KNOWN = 12


@dataclass(frozen=True, slots=True)
class Interval:
    """The numbers from `low` to `high`, each end included or not."""

    low: Fraction
    high: Fraction
    has_low: bool = True
    has_high: bool = True

    def __contains__(self, value: float | Fraction) -> bool:
        if value != value:
            return False
        # Most numbers lie far from both ends; exact arithmetic is for those that do not.
        if isinstance(value, float) and not self._near(value):
            return False
        if isinstance(value, float) and self._well_inside(value):
            return True
        exact = Fraction(value)
        if isinstance(value, float):  # what differs from an end in the last digits is the end
            exact = next((end for end in (self.low, self.high) if abs(exact - end) <= abs(end) / 10**KNOWN), exact)
        above = exact >= self.low if self.has_low else exact > self.low
        return above and (exact <= self.high if self.has_high else exact < self.high)

    def _near(self, value: float) -> bool:
        """Say whether a number lies between the ends, or next to one."""
        low, high = float(self.low), float(self.high)
        return low - 1e-9 * (1 + abs(low)) <= value <= high + 1e-9 * (1 + abs(high))

    def _well_inside(self, value: float) -> bool:
        """Say whether a number lies between the ends and next to neither."""
        low, high = float(self.low), float(self.high)
        return low + 1e-9 * (1 + abs(low)) < value < high - 1e-9 * (1 + abs(high))

    def whole(self, parts: int = 1, *, of: int = 1) -> tuple[int, int]:
        """Return the least and the greatest whole number of parts, each `of`/parts, inside; least above greatest for none."""
        low, high = self.low * parts / of, self.high * parts / of
        least, most = math.ceil(low), math.floor(high)
        return least + (not self.has_low and least == low), most - (not self.has_high and most == high)
