r"""A table as LaTeX: booktabs, caption and notes, every sign escaped.

The first line of each file names the packages that it needs; any LaTeX since 2018 reads its UTF-8.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cohortbook.display.style import signs

if TYPE_CHECKING:
    from cohortbook.display.tables import DisplayTable

#: More rows than this become a longtable, which runs over pages; a cell of more letters gets a column of its own width.
LONG, SENTENCE = 40, 34
_SIGNS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",
    "]": "{]}",
    "*": r"{*}",
    "−": "$-$",
    "–": "--",
    "—": "---",
    "∞": r"$\infty$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "×": r"$\times$",
    "±": r"$\pm$",
    "·": r"\textperiodcentered{}",
    "†": r"\dag{}",
    "‡": r"\ddag{}",
    "§": r"\S{}",
    "¶": r"\P{}",
    "‖": r"$\Vert$",
    "≠": r"$\neq$",
    "≈": r"$\approx$",
    "•": r"\textbullet{}",
    "“": "``",
    "”": "''",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "χ": r"$\chi$",
    "κ": r"$\kappa$",
    "λ": r"$\lambda$",
    "μ": r"$\mu$",
    "ρ": r"$\rho$",
    "σ": r"$\sigma$",
    "√": r"$\surd$",
    "²": r"\textsuperscript{2}",
    "³": r"\textsuperscript{3}",
    "\0": "{}",
    "\u00a0": "~",
    "\u2009": r"\,",
    "●": r"$\bullet$",
    "○": r"$\circ$",
    "→": r"$\rightarrow$",
}
_SIGNS |= {raised: rf"\textsuperscript{{{mark}}}" for raised, mark in zip("ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖ", "abcdefghijklmnop", strict=True)}


def escaped(text: str) -> str:
    r"""Write a text so that LaTeX prints it, whatever it holds; it stays on one line.

    Examples
    --------
    >>> print(escaped("50 % of A_1 & <0.001, −2 to ∞"))
    50 \% of A\_1 \& \textless{}0.001, $-$2 to $\infty$
    """
    text = re.sub(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]", "", re.sub(r"[\t-\r]", " ", text))
    apart = re.sub(r"(?<=-)(?=-)|(?<=')(?=')", "\0", text)  # two hyphens would be a dash, two apostrophes a quotation mark
    return "".join(_SIGNS.get(sign, sign) for sign in apart)


def _said(text: str, *, head: bool = False) -> str:
    """Escape a text, with P in italics where the journal wants it."""
    return "".join(rf"\textit{{{part}}}" if sign else escaped(part) for part, sign in signs(text, head=head))


def latex_of(table: DisplayTable) -> str:
    r"""Return a table as a ``table`` with booktabs' rules, or as a ``longtable`` where it is longer than a page.

    Parameters
    ----------
    table : DisplayTable
        Its displayed strings become the cells, its number and title the caption, its notes stand below.
    """
    width = len(table.head)
    columns = "".join(_column(table, k) for k in range(width))
    head = " & ".join(rf"\textbf{{{_said(cell, head=True)}}}" if cell else "" for cell in table.head) + r" \\"
    body = [_row(list(row.cells), row.kind, width) for row in table.rows]
    number = f"Table {table.number}. " if table.number else ""
    caption = _said(f"{number}{table.title}")
    notes = [rf"\par\footnotesize {_said(note)}" for note in table.notes]
    if len(body) > LONG:
        start = [rf"\begin{{longtable}}{{{columns}}}", rf"\caption*{{{caption}}} \\"]
        repeated = [r"\toprule", head, r"\midrule", r"\endhead", r"\bottomrule", r"\endfoot"]
        lines = [*start, *repeated, *body, r"\end{longtable}", *notes]
        comment = r"% \usepackage{booktabs,longtable,array,caption}"
    else:
        lines = [
            r"\begin{table}",
            r"\centering",
            rf"\caption*{{{caption}}}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            head,
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            *notes,
            r"\end{table}",
        ]
        comment = r"% \usepackage{booktabs,array,caption}"
    return "\n".join([comment, *lines, ""])


def _column(table: DisplayTable, k: int) -> str:
    cells = [row.cells[k] for row in table.rows]
    longest = max(map(len, [table.head[k], *cells]), default=0)
    if longest > SENTENCE:
        share = round(min(0.45, longest / sum(min(60, max(map(len, column))) for column in _columns(table))), 2)
        return rf">{{\raggedright\arraybackslash}}p{{{max(share, 0.12)}\linewidth}}"
    number = re.compile(r"[<>]?−?[\d.,·]*[–∞]?( \S{1,3})?")
    return "r" if k and all(number.fullmatch(cell) for cell in cells) else "l"


def _columns(table: DisplayTable) -> list[tuple[str, ...]]:
    return list(zip(table.head, *(row.cells for row in table.rows), strict=True))


def _row(cells: list[str], kind: str, width: int) -> str:
    first, *rest = map(_said, cells)
    if kind == "heading" and not any(rest):
        return rf"\multicolumn{{{width}}}{{l}}{{\textbf{{{first}}}}} \\"
    return " & ".join([rf"\quad {first}" if kind == "level" else first, *rest]) + r" \\"
