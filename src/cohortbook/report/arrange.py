"""The document as a co-author wants it: text first, then tables, figures, the audit, the checklist, what it was made of.

Word file and PDF hold the results of the page in this order, without its code and its explanations; a spreadsheet takes
its tables from here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cohortbook.display.tables import Row
from cohortbook.report.document import Code, Document, FigureBlock, Heading, Printed, Prose, Section, TableBlock, across, plain
from cohortbook.report.provenance import changed_parameters, not_run, provenance
from studyfile.study.study import Study

#: What `cohortbook: part:` in a notebook's metadata may say: the texts of the manuscript, and the audit.
MANUSCRIPT, AUDIT = "manuscript", "audit"
#: What stands on every page of a study whose patients are not real.
SYNTHETIC = "Synthetic patients: no row describes a real person"


@dataclass(frozen=True, slots=True)
class Run:
    """Words in one face."""

    text: str
    bold: bool = False
    italic: bool = False
    code: bool = False


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Runs; `kind` is text, quote, item (with `mark`, `depth` deep), code or warning."""

    runs: tuple[Run, ...]
    kind: str = "text"
    mark: str = ""
    depth: int = 0

    @property
    def text(self) -> str:
        """Its words."""
        return "".join(run.text for run in self.runs)


@dataclass(frozen=True, slots=True)
class Title:
    """A heading, from 1 down."""

    level: int
    text: str


Piece = Title | Paragraph | TableBlock | FigureBlock


def arranged(study: Study, document: Document) -> list[Piece]:
    """Return what a manuscript holds, in its order; the title and the banner stand before it."""
    texts: list[Piece] = []
    lists: list[Piece] = []
    for section in _of_part(document, MANUSCRIPT):
        for group in _groups(study, section):
            if any(isinstance(piece, TableBlock) for piece in group):
                lists += _under(1, group)
            elif isinstance(group[0], Title):  # before the first heading, a notebook only says what it reads
                texts += _under(1, group)
    ordinary = _of_part(document, "")
    tables = [piece for section in ordinary for piece in _section(study, section)]
    figures = [block for section in ordinary for block in section.blocks if isinstance(block, FigureBlock)]
    audit = [piece for section in _of_part(document, AUDIT) for piece in _audit(study, section)]
    return [
        *texts,
        *([Title(1, "Tables"), *tables] if tables else []),
        *([Title(1, "Figures"), *figures] if figures else []),
        *audit,
        *lists,
        *_made_of(study, document),
    ]


def _of_part(document: Document, part: str) -> list[Section]:
    known = (MANUSCRIPT, AUDIT)
    return [s for s in document.sections if (s.part if s.part in known else "") == part]


def _section(study: Study, section: Section) -> Iterator[Piece]:
    """Return the findings and tables of a notebook, below its title."""
    if section.lacks:
        yield Title(2, section.title)
        yield Paragraph((Run(f"Not run: {''.join(not_run(study, section))}"),))
        return
    groups = [[piece for piece in group if not isinstance(piece, FigureBlock)] for group in _groups(study, section)]
    groups = [group for group in groups if any(not isinstance(piece, Title) for piece in group)]
    if groups:
        yield Title(2, section.title)
    for group in groups:
        yield from _under(3, group)


def _audit(study: Study, section: Section) -> Iterator[Piece]:
    if section.lacks:  # where there are no printed figures, there is nothing to audit, and nothing missing
        return
    yield Title(1, section.title)
    for group in _groups(study, section):
        yield from _under(2, group)


def _under(level: int, group: Iterable[Piece]) -> list[Piece]:
    return [replace(piece, level=level) if isinstance(piece, Title) else piece for piece in group]


def _groups(study: Study, section: Section) -> list[list[Piece]]:
    """Return the results below each heading that has any; explanations and code are for those who read the page."""
    banner = " ".join(study.file.study.synthetic.split())
    groups: list[list[Piece]] = [[]]
    for block in section.blocks:
        match block:
            case Heading():
                groups.append([Title(2, block.text)])
            case Prose(finding=True):
                said = paragraphs(block.tokens)
                # The banner heads the document. What is absent says so in place of its table, its figure and its finding.
                is_banner = banner and banner in " ".join(paragraph.text for paragraph in said)
                if not is_banner and said != groups[-1][-len(said) :]:
                    groups[-1] += said
            case Printed():
                kind = "warning" if block.warning else "code"
                groups[-1] += [Paragraph((Run(line, code=True),), kind) for line in block.text.splitlines()]
            case TableBlock() | FigureBlock():
                groups[-1].append(block)
            case Prose() | Code():
                pass
    return [group for group in groups if any(not isinstance(piece, Title) for piece in group)]


def _made_of(study: Study, document: Document) -> Iterator[Piece]:
    made = provenance(study)
    yield Title(1, "How this report was made")
    yield Paragraph(
        (Run("Each section is one notebook, run from top to bottom. The same files, code and packages give the same report."),)
    )
    yield _facts(("File", "SHA-256"), made["files"])
    parameters = [
        (
            section.name,
            "not run"
            if section.lacks
            else ", ".join(
                f"{name} = {value}" + " (changed)" * changed for name, value, changed in changed_parameters(section)
            ),
        )
        for section in document.sections
    ]
    yield _facts(("Notebook", "Parameters"), parameters)
    packages = ", ".join(f"{name}\u00a0{version}" for name, version in made["packages"])
    yield _facts(("Code and versions", ""), [*made["made"], ("Packages", packages)])


def _facts(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> TableBlock:
    """Return a table without number or title."""
    return TableBlock(id="", name="", number="", title="", head=head, rows=tuple(Row(tuple(row)) for row in rows))


def paragraphs(tokens: Sequence[Mapping[str, Any]], kind: str = "text", depth: int = 0) -> list[Paragraph]:
    """Turn mistune's tokens into paragraphs of runs.

    Examples
    --------
    >>> from cohortbook.report.document import parsed
    >>> [(p.mark, p.text) for p in paragraphs(parsed("P **0.03**:\\n\\n1. one\\n2. two"))]
    [('', 'P 0.03:'), ('1.', 'one'), ('2.', 'two')]
    """
    made: list[Paragraph] = []
    for token in tokens:
        children = token.get("children", [])
        match token["type"]:
            case "paragraph" | "block_text" | "heading":
                made.append(Paragraph(_runs(children, bold=token["type"] == "heading"), kind, depth=depth))
            case "block_quote":
                made += paragraphs(children, "quote", depth)
            case "list":
                number = token["attrs"].get("start", 1)
                for k, item in enumerate(children):
                    mark = f"{number + k}." if token["attrs"].get("ordered") else "•"
                    first, *rest = paragraphs(item["children"], "item", depth + 1) or [Paragraph((), "item", "", depth + 1)]
                    made += [replace(first, mark=mark), *rest]
            case "table":
                rows = [cell for part in children for cell in (part["children"] if part["type"] == "table_body" else [part])]
                made += [
                    Paragraph((Run(" | ".join(plain(cell["children"]) for cell in row["children"])),), kind, depth=depth)
                    for row in rows
                ]
            case "block_code" | "block_html":
                made += [Paragraph((Run(line, code=True),), "code", depth=depth) for line in token["raw"].splitlines()]
    return made


def _runs(tokens: Sequence[Mapping[str, Any]], **face: bool) -> tuple[Run, ...]:
    runs: list[Run] = []
    for token in tokens:
        match token["type"]:
            case "strong":
                runs += _runs(token["children"], **{**face, "bold": True})
            case "emphasis":
                runs += _runs(token["children"], **{**face, "italic": True})
            case "codespan":
                runs.append(Run(token["raw"], **{**face, "code": True}))
            case "softbreak" | "linebreak":
                runs.append(Run(" ", **face))
            case "inline_html":
                pass
            case _ if "children" in token:
                runs += _runs(token["children"], **face)
            case _:
                runs.append(Run(token.get("raw", ""), **face))
    return tuple(runs)


# How wide a table is

#: A table of at most so many rows is not divided between pages.
TOGETHER = 24
#: Room for letters on a line of an upright and of a turned page, in the size that tables are set in.
UPRIGHT, TURNED = 104, 158
#: Letters that lie between two columns.
GAP = 2
#: More letters than this in a cell, or in a word, are broken into lines before a page is turned for them.
SENTENCE, WORD = 22, 26
#: How far type is scaled down before a page is turned, in turned tables full of sentences, and at most.
SMALL, SMALLER, SMALLEST = 0.88, 0.85, 0.7


@dataclass(frozen=True, slots=True)
class Fit:
    """How a table fits a page: turned or not, its columns in letters, and how far its type is scaled down."""

    turned: bool
    columns: tuple[float, ...]
    scale: float


def fit(table: TableBlock) -> Fit:
    """Fit a table to a page: an upright one where its words have room there, otherwise a turned one.

    Notes
    -----
    A column is as wide as its widest cell, if all have room; otherwise each is at least as wide as its longest word, and
    what is left goes, a little at a time, to the column whose cells make the table longest. Type becomes smaller before a
    page is turned for it, in a turned table full of sentences, and where the longest words alone do not fit; what is still
    too long is broken by `breakable`.
    """
    indent = "\u00a0" * 3
    rows = [
        table.head,
        *((indent * (row.kind == "level") + row.cells[0], *row.cells[1:]) for row in table.rows if not across(row)),
    ]
    columns = list(zip(*rows, strict=True))
    most = [max(map(len, column)) + GAP for column in columns]
    words = [[len(word) for cell in column for word in re.split(r"\s+|(?<=[-/])", cell)] for column in columns]
    # Heads are bold, and so a little wider.
    least = [
        min(max(*found, len(max(head.split(), key=len, default="")) + 1), WORD) + GAP
        for head, found in zip(table.head, words, strict=True)
    ]
    most = [max(a, b) for a, b in zip(least, most, strict=True)]
    wanted = sum(max(a, min(m, SENTENCE)) for a, m in zip(least, most, strict=True))
    turned = wanted > UPRIGHT / SMALL
    page = TURNED if turned else UPRIGHT
    smallest = SMALLER if turned and sum(most) > 1.5 * TURNED else 1.0 if turned else min(1.0, UPRIGHT / wanted)
    scale = max(SMALLEST, min(smallest, page / sum(least)))
    room = int(page / scale)
    if sum(most) <= room:
        return Fit(turned, tuple(map(float, most)), scale)
    if sum(least) >= room:
        return Fit(turned, tuple(a * room / sum(least) for a in least), scale)
    return Fit(turned, tuple(map(float, _shared(rows, least, most, room))), scale)


def _shared(rows: Sequence[Sequence[str]], least: Sequence[int], most: Sequence[int], room: int) -> list[int]:
    """Share the room among columns so that the rows need few lines."""
    widths = list(least)
    lengths = [[len(cell) for cell in row] for row in rows]
    while sum(widths) < room:
        gain = [0.0] * len(widths)
        for row in lengths:
            needs = [length / (width - GAP) for length, width in zip(row, widths, strict=True)]
            k = max(range(len(needs)), key=needs.__getitem__)
            others = max((need for j, need in enumerate(needs) if j != k), default=0.0)
            gain[k] += needs[k] - max(row[k] / (widths[k] - GAP + 1), others, 1.0) if needs[k] > 1 else 0.0
        k = max(range(len(gain)), key=gain.__getitem__)
        if gain[k] <= 0:  # several columns are alike in the rows that are left: any that wants more may have it
            wanting = [j for j in range(len(widths)) if widths[j] < most[j]]
            if not wanting:
                break
            k = max(wanting, key=lambda j: most[j] / widths[j])
        widths[k] += 1
    return widths


def breakable(text: str, longest: int) -> str:
    """Let words that are longer than a column break: behind a joint where there is one, otherwise anywhere.

    Examples
    --------
    >>> breakable("a_long_name", 6).split(chr(0x200B)), breakable("short", 6)
    (['a_', 'long_', 'name'], 'short')
    """
    text = re.sub(r"\bn = (\d)", "n\u00a0=\u00a0\\1", text)  # "n = 69" stays on one line

    def broken(word: str) -> str:
        if len(word) <= longest:
            return word
        parts = re.findall(r"[^_/.:;,=|-]*[_/.:;,=|-]?", word)
        pieces = [part[k : k + longest] for part in parts for k in range(0, len(part), longest)]
        return "\u200b".join(pieces)

    return re.sub(r"\S+", lambda found: broken(found[0]), text)
