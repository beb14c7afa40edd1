"""Executed notebooks as one document: sections of blocks, read once, that every format renders.

A table is read from what its notebook shows of it, so that HTML, Word, PDF and the spreadsheet say the same, and say
what the notebook says.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from cohortbook.display.tables import Row, marked
from cohortbook.notebook.notebook import declared_parameters, read_notebook, source_of
from tallystats.results import MARK

#: What marks a table of `cohortbook.display.tables`, and a figure of `cohortbook.display.figures`.
OWN_TABLE = '<table class="cohortbook"'
FIGURE = "application/vnd.cohortbook.figure+json"
#: A cell with this tag stays out of the report.
HIDDEN = "not-in-report"
_NUMBER = re.compile(rf"[−-]?[<>]?[·.]?\d[\d.,·]*|[–∞]?|{re.escape(MARK)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading below the section's own; `tokens` is its text as mistune parsed it."""

    id: str
    level: int
    text: str
    tokens: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prose:
    """Markdown as mistune parsed it: an explanation, or a finding that was rendered from a result."""

    tokens: list[dict[str, Any]]
    finding: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Cells in a row without output between them, as their sources."""

    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """Text that a program printed; `html` is how it shows itself on a page, where it knows."""

    text: str
    warning: bool = False
    html: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableBlock:
    """A table as it is printed; `id` names its place in the document, `name` its files."""

    id: str
    name: str
    number: str
    title: str
    head: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    @property
    def strings(self) -> list[list[str]]:
        """The displayed strings, head first."""
        return [list(self.head), *(list(row.cells) for row in self.rows)]

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Which columns hold nothing but single numbers, to be set flush right; the first names the rows."""
        if marked(self.rows):
            return (False,) * len(self.head)
        full = [row.cells for row in self.rows if not across(row)]
        return tuple(k > 0 and all(_NUMBER.fullmatch(cells[k].strip()) for cells in full) for k in range(len(self.head)))


def across(row: Row) -> bool:
    """Say whether a row is a heading over the width of the table."""
    return row.kind == "heading" and not any(row.cells[1:])


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureBlock:
    """A picture, as kinds of media and their contents; one without a number is a picture that nobody captioned."""

    id: str
    number: str
    caption: str
    alt: str
    pictures: Mapping[str, bytes]

    @property
    def title(self) -> str:
        """The caption, as a list of figures names it."""
        return self.caption


Block = Heading | Prose | Code | Printed | TableBlock | FigureBlock


@dataclass(slots=True, kw_only=True)
class Section:
    """One notebook as a section; `part` says which part of a manuscript it is, if it is one."""

    id: str
    name: str
    title: str = ""
    lacks: str = ""
    part: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)

    @property
    def headings(self) -> list[Heading]:
        """The headings that a table of contents lists."""
        return [block for block in self.blocks if isinstance(block, Heading) and block.level <= 2]


class Document:
    """What all formats of the report hold, in the order of the notebooks.

    Parameters
    ----------
    figures : Path
        The folder with `<name>.svg` and `<name>.png`; a figure that is not there is shown as the notebook holds it.
    """

    def __init__(self, figures: Path):
        self.figures_folder = figures
        self.sections: list[Section] = []
        self._ids: set[str] = set()
        self._unnumbered = 0
        self._figures = 0

    def _all(self, kind: type) -> list[Any]:
        return [block for section in self.sections for block in section.blocks if isinstance(block, kind)]

    @property
    def journal(self) -> str:
        """The journal whose style the notebooks were told to print in; empty: none was named."""
        return next((s.parameters["journal"] for s in self.sections if s.parameters.get("journal")), "")

    @property
    def tables(self) -> list[TableBlock]:
        """All tables, in order."""
        return self._all(TableBlock)

    @property
    def figures(self) -> list[FigureBlock]:
        """All figures that have a caption, in order."""
        return [figure for figure in self._all(FigureBlock) if figure.number]

    def add(self, name: str, notebook: Mapping[str, Any]) -> None:
        """Add an executed notebook as the next section."""
        about = notebook["metadata"].get("cohortbook", {})
        section = Section(id=self._new_id(name), name=name, lacks=about.get("skipped", ""), part=about.get("part", ""))
        section.defaults = declared_parameters(notebook)
        section.parameters = about.get("parameters") or section.defaults
        self.sections.append(section)
        waiting: list[str] = []

        def unfold() -> None:
            if waiting:
                section.blocks.append(Code(sources=tuple(waiting)))
                waiting.clear()

        for cell in notebook["cells"]:
            source = source_of(cell)
            if section.lacks and section.title:  # of a notebook that was not run, the title is all there is to show
                break
            if HIDDEN in cell["metadata"].get("tags", ()):
                continue
            if cell["cell_type"] == "markdown":
                unfold()
                section.blocks += self._markdown(source, section)
            elif cell["cell_type"] == "code" and source.strip():
                waiting.append(source)
                if cell["outputs"]:
                    unfold()
                    for output in cell["outputs"]:
                        section.blocks += self._output(output, section)
        if section.lacks:
            section.blocks.clear()
            waiting.clear()
        unfold()
        section.title = section.title or name

    def _new_id(self, wanted: str) -> str:
        base = re.sub(r"[^a-z0-9]+", "-", wanted.lower()).strip("-") or "part"
        new, again = base, 1
        while new in self._ids:
            again += 1
            new = f"{base}-{again}"
        self._ids.add(new)
        return new

    def _markdown(self, text: str, section: Section, finding: bool = False) -> Iterator[Block]:
        """Split markdown at its headings; the notebook's own title becomes the section's."""
        prose: list[dict[str, Any]] = []
        for token in parsed(text):
            if token["type"] != "heading":
                prose.append(token)
                continue
            if any(token["type"] != "blank_line" for token in prose):
                yield Prose(tokens=prose, finding=finding)
            prose = []
            said, level = plain(token["children"]), token["attrs"]["level"]
            if level == 1 and not section.title:
                section.title = re.sub(r"^\d+\.\s+", "", said)  # the report numbers its sections itself
            else:
                id = self._new_id(f"{section.name}-{said}")
                yield Heading(id=id, level=level, text=said, tokens=token["children"])
        if any(token["type"] != "blank_line" for token in prose):
            yield Prose(tokens=prose, finding=finding)

    def _output(self, output: Mapping[str, Any], section: Section) -> Iterator[Block]:
        if output["output_type"] == "stream":
            yield Printed(text=_joined(output["text"]).rstrip(), warning=output["name"] == "stderr")
            return
        if output["output_type"] == "error":
            yield Printed(text=f"{output['ename']}: {output['evalue']}", warning=True)
            return
        data = {kind: value if kind.endswith("+json") else _joined(value) for kind, value in output["data"].items()}
        plainly = data.get("text/plain", "")
        if OWN_TABLE in data.get("text/html", ""):
            yield self._table(data["text/html"])
        elif FIGURE in data:
            yield self._figure(data, data[FIGURE])
        elif "text/html" in data:
            yield Printed(text=plainly, html=data["text/html"])
        elif "text/markdown" in data:
            yield from self._markdown(data["text/markdown"], section, finding=True)
        elif pictures := _pictures(data):
            yield FigureBlock(id="", number="", caption="", alt=plainly, pictures=pictures)
        else:
            yield Printed(text=plainly)

    def _table(self, text: str) -> TableBlock:
        """Number a table that the journal does not number."""
        found = ShownTable(text)
        numbered = re.match(r"Table (\S+)\. ", found.caption)
        if not numbered:
            self._unnumbered += 1
        return TableBlock(
            id=self._new_id(found.name or "table"),
            name=found.name,
            head=tuple(found.head),
            rows=tuple(found.rows),
            number=numbered[1] if numbered else f"S{self._unnumbered}",
            notes=tuple(found.notes),
            title=found.caption.removeprefix(numbered[0]) if numbered else found.caption,
        )

    def _figure(self, data: Mapping[str, str], about: Mapping[str, str]) -> FigureBlock:
        self._figures += 1
        saved = {
            kind: path.read_bytes()
            for kind, end in (("image/svg+xml", "svg"), ("image/png", "png"))
            if (path := self.figures_folder / f"{about['name']}.{end}").is_file()
        }
        return FigureBlock(
            id=self._new_id(f"figure-{about['name']}"),
            number=str(self._figures),
            caption=about["caption"],
            alt=about["alt"],
            pictures=_pictures(data) | saved,
        )


def read_document(notebooks: Sequence[Path], *, figures: Path) -> Document:
    """Read executed notebooks, in order, with their figures from a folder."""
    document = Document(figures)
    for path in notebooks:
        document.add(path.stem, read_notebook(path))
    return document


class ShownTable(HTMLParser):
    """Reads back a table that `DisplayTable.html` wrote: name, caption, head, rows with their kinds, notes."""

    def __init__(self, text: str):
        super().__init__()
        self.name = self.caption = ""
        self.head: list[str] = []
        self.rows: list[Row] = []
        self.notes: list[str] = []
        self._in, self._kind, self._cells = "", "plain", []
        self._span, self._words = 1, ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        about = dict(attributes)
        if tag == "table":
            self.name = about.get("id") or ""
        elif tag in ("thead", "tbody", "tfoot"):
            self._in = tag
        elif tag == "tr":
            self._kind, self._cells = about.get("class") or "plain", []
        if tag in ("caption", "th", "td", "p"):
            self._words, self._span = "", int(about.get("colspan") or 1)

    def handle_data(self, data: str) -> None:
        self._words += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "caption":
            self.caption = self._words
        elif tag == "p" and self._in == "tfoot":
            self.notes.append(self._words)
        elif tag in ("th", "td"):
            self._cells += [self._words, *[""] * (self._span - 1)]
        elif tag == "tr" and self._in == "thead":
            self.head = self._cells
        elif tag == "tr" and self._in == "tbody":
            cells = [*self._cells, *[""] * (len(self.head) - len(self._cells))]
            self.rows.append(Row(tuple(cells), self._kind))  # type: ignore[arg-type]


def parsed(markdown: str) -> list[dict[str, Any]]:
    """Parse markdown into mistune's tokens."""
    import mistune

    return mistune.create_markdown(renderer=None, plugins=["table", "strikethrough"])(markdown)  # type: ignore[return-value]


def plain(tokens: Sequence[Mapping[str, Any]]) -> str:
    """Return the words of tokens on one line."""
    words = (plain(token["children"]) if "children" in token else token.get("raw", " ") for token in tokens)
    return " ".join("".join(words).split())


def _joined(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else "".join(value)


def _pictures(data: Mapping[str, str]) -> dict[str, bytes]:
    """Return the pictures of a bundle by their kind."""
    found = {kind: base64.b64decode(data[kind]) for kind in ("image/png", "image/jpeg") if kind in data}
    if "image/svg+xml" in data:
        found["image/svg+xml"] = data["image/svg+xml"].encode()
    return found
