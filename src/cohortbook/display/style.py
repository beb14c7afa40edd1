"""How journals print numbers: P values, decimal points, ranges, percentages and footnote marks, in one place.

Numbers are written by `cohortbook.display.tables` in the style in force; what is said around them (`P < 0.05`, `12 %`, the
marks of footnotes) is put into it where a table, a text or a figure is made.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from studyfile.errors import CohortbookError
from studyfile.study.study import load_study, nearest


class JournalError(CohortbookError):
    """A journal whose style is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalStyle:
    """What a journal asks of numbers.

    Attributes
    ----------
    name : str
        As parameter and study file call it.
    point : str
        Between a number and its decimals.
    leading_zero : bool
        Whether P below 1 begins with a zero.
    p : str
        The sign for a P value in running text, as markdown.
    spaced : bool
        Whether `P = 0.03` has spaces.
    p_smallest : float
        Below which P is only said to be smaller.
    p_digits : int
        Significant digits of P; 0: two decimals from 0.01 on, three below and where two would read 0.05.
    between : str
        Stands between the ends of a range of positive numbers; one with a negative end has `to`.
    percent_sign : bool
        Whether `n (%)` in a cell has the sign.
    marks : tuple of str
        Footnote marks in their order; empty: as the tables are laid out.
    """

    name: str
    point: str = "."
    leading_zero: bool = True
    p: str = "P"
    spaced: bool = False
    p_smallest: float = 0.001
    p_digits: int = 0
    between: str = " to "
    percent_sign: bool = False
    marks: tuple[str, ...] = ()


_SYMBOLS = ("*", "†", "‡", "§", "¶", "‖", "**", "††", "‡‡", "§§", "¶¶", "‖‖")
_BMJ = ("*", "†", "‡", "§", "¶", "**", "††", "‡‡", "§§", "¶¶", "***", "†††")
_LETTERS = tuple("ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖ")

#: Sources of the styles:
#: plain   this project's own, near to most journals: `P < 0.001`, `0.50 to 2.25`, `12 %`.
#: jama    AMA Manual of Style, 11th edition (2020), sections 4.1.2 (superscript letters a-z mark footnotes), 18.7.1 and
#:         19.5 (no zero before P: P = .03; P in italics; two digits, three below .01 and where two would change what is
#:         significant; <.001; >.99), and its hyphen in ranges within parentheses and tables (95% CI, 0.45-2.60).
#: lancet  The Lancet, Information for Authors (formatting guidelines): decimal points midline (23·4), absolute p values to
#:         two significant figures unless p<0·0001; house style as printed: small p, en rules in ranges, % in cells;
#:         symbols mark footnotes. The R package gtsummary follows the same point and sign (theme_gtsummary_journal).
#: nejm    New England Journal of Medicine, Statistical Reporting Guidelines (2019): P larger than 0.01 to two decimals,
#:         from 0.01 to 0.001 to three, otherwise P<0.001; house style as printed: "to" in ranges, symbols mark footnotes.
#: bmj     The BMJ, house style as printed: P=0.03, P<0.001, "1.2 to 3.4", no space before %, symbols mark footnotes.
STYLES = {
    style.name: style
    for style in (
        JournalStyle(name="plain", spaced=True),
        JournalStyle(name="jama", leading_zero=False, p="*P*", spaced=True, between="-", marks=_LETTERS),
        JournalStyle(
            name="lancet", point="·", p="p", p_smallest=0.0001, p_digits=2, between="–", percent_sign=True, marks=_SYMBOLS
        ),
        JournalStyle(name="nejm", marks=_SYMBOLS),
        JournalStyle(name="bmj", marks=_BMJ),
    )
}
PLAIN = STYLES["plain"]

# One notebook is one process and one style. A context variable would not do: Jupyter runs each cell in a context of its
# own, and what one cell sets is lost to the next.
_in_force = [PLAIN]


def current() -> JournalStyle:
    """Return the style in force."""
    return _in_force[-1]


def use_journal(journal: str, study: str | Path = "") -> None:
    """Print numbers from now on as a journal does: in tables, texts and figures.

    Parameters
    ----------
    journal : str
        A name of `STYLES`; empty: as the study file says under `study: journal:`.
    study : str or Path
        What `load_study` takes; needed where `journal` is empty.

    Raises
    ------
    JournalError
        When the journal is not known.
    """
    _in_force[-1] = _style(journal or _planned(study))


@contextlib.contextmanager
def journal_style(journal: str) -> Iterator[JournalStyle]:
    """Print numbers as a journal does for a while.

    Examples
    --------
    >>> from cohortbook.display.tables import p_value
    >>> with journal_style("jama"):
    ...     p_value(0.0004), p_value(0.034)
    ('<.001', '.03')
    """
    _in_force.append(_style(journal))
    try:
        yield current()
    finally:
        _in_force.pop()


def _planned(study: str | Path) -> str:
    return load_study(study).file.study.journal if str(study) else PLAIN.name


def _style(journal: str) -> JournalStyle:
    if journal in STYLES:
        return STYLES[journal]
    *others, last = STYLES
    raise JournalError(f"journal: {journal!r}: expected {', '.join(others)} or {last}{nearest(journal, STYLES)}")


def general(value: float) -> str:
    """Write a number of a plan, such as a threshold, without digits that it does not have.

    Examples
    --------
    >>> general(0.05), general(90.0)
    ('0.05', '90')
    """
    return f"{value:g}".replace(".", current().point)


def probability(text: str) -> str:
    """Put a written P value into the style: its point, and its leading zero or none."""
    style = current()
    text = text.replace(".", style.point)
    return text if style.leading_zero else re.sub(rf"(?<!\d)0(?={re.escape(style.point)})", "", text)


def spanned(low: str, high: str) -> str:
    """Write a range from its ends; "to" where a dash could be taken for a minus sign, or an end is a word."""
    simple = all(re.fullmatch(r"[\d.·]+", end) for end in (low, high))
    return f"{low}{current().between if simple else ' to '}{high}"


_STATED = re.compile(r"(?<![\w-])P (?:([<>=]) ?)?([<>]?)((?:\d+|\d*[.·]\d+))(?![\d:.·]\d)")
_LIMIT = re.compile(r"(?<![\w-])(P (?:below|above|of) )(0[.·]\d+)")
#: P where it is the sign of a P value, and not a word of somebody's label.
_SIGN = re.compile(
    r"(?<![\w-])P(?= values?\b| (?:by|after|before|below|above|lies|varies|speaks|of) | \(log| ?[<>=] ?[\d.·]|, as "
    r"|[:;.](?:\s|$))"
)
#: The same in the head of a column; a head with the size of a group is somebody's label.
_HEAD_SIGN = re.compile(r"(?<![\w-])P(?![A-Za-z0-9_-])(?!.*\(n[ \u00a0]=)")
_PERCENT = re.compile(r"(?<=\d) %(?![\w(])")


def worded(text: str, *, markdown: bool = False, head: bool = False) -> str:
    """Put what is said around numbers into the style; in the plain style, nothing changes.

    Parameters
    ----------
    text : str
    markdown : bool
        Whether the text is markdown, so that P can be in italics.
    head : bool
        Whether the text is the head of a column.

    Examples
    --------
    >>> with journal_style("nejm"):
    ...     worded("Kyphoplasty (P 0.006) in 4.2 %; P < 0.05")
    'Kyphoplasty (P=0.006) in 4.2%; P<0.05'
    """
    style = current()
    if style is PLAIN:
        return text
    sign = style.p if markdown else style.p.strip("*")
    space = " " if style.spaced else ""

    def stated(found: re.Match) -> str:
        return f"{sign}{space}{found[2] or found[1] or '='}{space}{probability(found[3])}"

    text = _LIMIT.sub(lambda found: found[1] + probability(found[2]), text)
    text = _STATED.sub(stated, text)
    return _PERCENT.sub("%", (_HEAD_SIGN if head else _SIGN).sub(sign, text))


def signs(text: str, *, head: bool = False) -> list[tuple[str, bool]]:
    """Cut a text where a journal wants P in italics: parts, each with whether it is such a sign.

    Examples
    --------
    >>> with journal_style("jama"):
    ...     signs("Fisher's P", head=True), signs("Substance P, ng/l")
    ([("Fisher's ", False), ('P', True)], [('Substance P, ng/l', False)])
    """
    if not current().p.startswith("*"):
        return [(text, False)]
    parts, at = [], 0
    for found in (_HEAD_SIGN if head else _SIGN).finditer(text):
        parts += [(text[at : found.start()], False), (found[0], True)]
        at = found.end()
    return [(part, sign) for part, sign in [*parts, (text[at:], False)] if part] or [(text, False)]


# Footnote marks

_NOTE = re.compile(r"([a-t]|[*†‡§¶‖]+) (?=\S)|([ᵃ-ᵿⁱⁿ]) ?(?=\S)")
_CELL = re.compile(r" ([*†‡§¶‖]+(?: [*†‡§¶‖]+)*)(?=[\s,;:)]|$)|(?<=[\d–]) ([a-t])([*†‡§¶‖]*)$")


def remarked(
    head: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str]
) -> tuple[list[str], list[list[str]], list[str]]:
    """Give the footnotes of a table the journal's marks, in the order in which a reader meets them.

    Examples
    --------
    >>> with journal_style("lancet"):
    ...     remarked(["", "p"], [["Age †", "0·03 b‡"]], ["† After.", "b Fisher.", "‡ Few.", "All."])
    (['', 'p'], [['Age*', '0·03†‡']], ['* After.', '† Fisher.', '‡ Few.', 'All.'])
    """
    style = current()
    known = {mark[1]: note for note in notes if (mark := _NOTE.match(note)) and mark[1]}
    if not style.marks or not known:
        return list(head), [list(row) for row in rows], list(notes)
    met: dict[str, str] = {}
    letters = style.marks is _LETTERS  # raised, so that they need no space, but a comma between two
    between, gap = (",", "") if letters else ("", " ")

    def marks(found: re.Match) -> str:
        single = [*(found[2] or ""), *(found[1] or found[3] or "").replace(" ", "")]
        if not all(mark in known for mark in single) or len(met.keys() | set(single)) > len(style.marks):
            return found[0]
        return between.join(met.setdefault(mark, style.marks[len(met)]) for mark in single)

    new_head = [_CELL.sub(marks, cell) for cell in head]
    new_rows = [[_CELL.sub(marks, cell) for cell in row] for row in rows]
    marked = [f"{mark}{gap}{known[old][len(old) + 1 :]}" for old, mark in met.items()]
    others = [note for note in notes if not ((found := _NOTE.match(note)) and found[1] in met)]
    return new_head, new_rows, [*marked, *others]
