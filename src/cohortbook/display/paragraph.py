"""A paragraph that shows itself in a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cohortbook.display.style import worded


@dataclass(frozen=True)
class Text:
    """A sentence or two rendered from results, so that it stays true under other parameters."""

    markdown: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "markdown", worded(self.markdown, markdown=True))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/markdown": self.markdown, "text/plain": self.markdown}

    def __str__(self) -> str:
        return self.markdown
