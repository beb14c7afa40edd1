"""The report as HTML: blocks of the document as the page shows them."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from cohortbook.display.style import signs
from cohortbook.display.tables import Row
from cohortbook.report.document import Block, Code, Document, FigureBlock, Heading, Printed, Prose, Section, TableBlock, across
from cohortbook.report.provenance import changed_parameters, not_run, provenance
from studyfile.study.study import Study

#: Columns that fit on an upright page; a table with more is printed on a page of its own, turned.
WIDE = 8
#: Tables by name that get a filter, and the columns that it offers as lists, each with the word for all of it.
FILTERED = {"audit": {"Verdict": "All verdicts", "Where": "All places"}}
#: Verdicts that are no finding.
PLAIN = ("reproduced", "compatible", "not checkable")
ASSETS = Path(__file__).with_name("assets")


def page_of(study: Study, document: Document) -> str:
    """Return the report as one HTML page that needs no other file."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ASSETS), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    filtered = any(table.name in FILTERED for table in document.tables)
    return environment.get_template("report.html.jinja").render(
        study=study.file.study,
        page=document,
        css=(ASSETS / "report.css").read_text(encoding="utf-8"),
        lacks=lambda section: [Markup(html.escape(part, quote=False)) for part in not_run(study, section)],
        shown=shown,
        parameters=changed_parameters,
        filter_js=(ASSETS / "filter.js").read_text(encoding="utf-8") if filtered else "",
        code_css=HtmlFormatter(style="friendly").get_style_defs(".code pre"),
        provenance=provenance(study),
    )


def shown(section: Section) -> list[str]:
    """Return the blocks of a section as HTML."""
    return [_block(block) for block in section.blocks]


def _block(block: Block) -> str:
    match block:
        case Heading():
            tag = f"h{min(max(block.level, 2) + 1, 6)}"
            return f'<{tag} id="{block.id}">{_rendered(block.tokens)}</{tag}>\n'
        case Prose():
            text = in_scrollers(_rendered(block.tokens))
            return f'<div class="finding">{text}</div>' if block.finding else text
        case Code():
            code = "".join(f"<pre>{highlighted(source)}</pre>" for source in block.sources)
            return f'<details class="code"><summary>Code</summary>{code}</details>'
        case Printed():
            if block.html:
                return f'<div class="html">{in_scrollers(block.html)}</div>'
            return f'<pre class="{"warning" if block.warning else "printed"}">{html.escape(block.text)}</pre>'
        case TableBlock():
            return _table(block)
        case FigureBlock():
            return _figure(block)


def _rendered(tokens: Sequence[dict[str, Any]]) -> str:
    """Render mistune's tokens."""
    import mistune
    from mistune.plugins.formatting import strikethrough
    from mistune.plugins.table import table

    renderer = mistune.HTMLRenderer(escape=False)
    mistune.Markdown(renderer, plugins=[table, strikethrough])  # teaches the renderer both
    return str(renderer.render_tokens(tokens, mistune.BlockState()))


def _table(table: TableBlock) -> str:
    """Caption and footnotes stand outside the table: they stay in place when a wide one scrolls."""
    caption, label = f"{table.id}-caption", html.escape(f"Table {table.number}.")
    kind, about, columns = "table", "", [""] * len(table.head)
    if table.name in FILTERED:
        columns = [head.lower() for head in table.head]
        lists, plain_ones = (html.escape(json.dumps(value)) for value in (FILTERED[table.name], PLAIN))
        about = f' data-filters="{lists}" data-plain="{plain_ones}"'
    if len(table.head) > WIDE or about:
        kind += " wide"
    if about:
        kind += " filtered"
    numeric = table.numeric
    head = "".join(
        _cell("th", cell, column, "num" * right, ' scope="col"')
        for cell, column, right in zip(table.head, columns, numeric, strict=True)
    )
    body = "".join(_row(row, columns, numeric) for row in table.rows)
    notes = "".join(f"<p>{_text(note)}</p>" for note in table.notes)
    return (
        f'<figure class="{kind}" id="{table.id}"{about}><figcaption id="{caption}"><span class="number">{label}</span> '
        f'{_text(table.title)}</figcaption><div class="scroll" tabindex="0"><table aria-labelledby="{caption}">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        + (f'<div class="footnotes">{notes}</div>' if notes else "")
        + "</figure>"
    )


def _row(row: Row, columns: Sequence[str], numeric: Sequence[bool]) -> str:
    first, *rest = row.cells
    if across(row):
        spans = f' scope="rowgroup" colspan="{len(row.cells)}"'
        return f'<tr class="heading">{_cell("th", first, "", "", spans)}</tr>'
    cells = _cell("th", first, columns[0], "", ' scope="row"')
    for cell, column, right in zip(rest, columns[1:], numeric[1:], strict=True):
        # "61.6 (11.9)" stays on one line; a sentence in a cell may wrap.
        kind = "num" if right else "short" if 0 < len(cell) <= 20 else "long" if len(cell) >= 40 else ""
        cells += _cell("td", cell, column, kind)
    return f'<tr class="{row.kind}">{cells}</tr>'


def _cell(tag: str, text: str, column: str, kind: str, attributes: str = "") -> str:
    """Write a cell; in a table with a filter, it is named after its column, by which style sheet and filter go."""
    words = _text(text, head='scope="col"' in attributes)
    if column:
        if column == "verdict" and tag == "td":
            words = f'<span class="verdict" data-verdict="{words}">{words}</span>'
        elif column == "id":
            words = words.replace("_", "_<wbr>")  # where a long one may break
        return f'<{tag}{attributes} data-column="{html.escape(column)}">{words}</{tag}>'
    shape = f' class="{kind}"' if kind else ""
    return f"<{tag}{attributes}{shape}>{words}</{tag}>"


def _text(text: str, *, head: bool = False) -> str:
    """Escape a text; "n = 69" stays on one line."""
    parts = ((html.escape(part, quote=False), sign) for part, sign in signs(text, head=head))
    said = "".join(f"<i>{part}</i>" if sign else part for part, sign in parts)
    return re.sub(r"\bn = (\d)", "n\u00a0=\u00a0\\1", said)


def _figure(figure: FigureBlock) -> str:
    image = f'<img src="{picture_of(figure)}" alt="{html.escape(figure.alt)}">'
    if not figure.number:
        return f'<figure class="figure"><div class="scroll">{image}</div></figure>'
    caption = f'<span class="number">Figure {figure.number}.</span> {_text(figure.caption)}'
    return (
        f'<figure class="figure" id="{figure.id}"><div class="scroll">{image}</div><figcaption>{caption}</figcaption></figure>'
    )


def picture_of(figure: FigureBlock) -> str:
    """Return the best picture of a figure as a data address."""
    kind = next(kind for kind in ("image/svg+xml", "image/png", "image/jpeg") if kind in figure.pictures)
    return f"data:{kind};base64,{base64.b64encode(figure.pictures[kind]).decode()}"


def highlighted(source: str) -> str:
    """Colour Python code by its syntax."""
    return highlight(source, PythonLexer(), HtmlFormatter(nowrap=True))


def in_scrollers(text: str) -> str:
    """Put every table into a box of its own that scrolls sideways, reachable by keyboard; drop inner style sheets."""
    text = re.sub(r"<style scoped>.*?</style>", "", text, flags=re.S)
    text = re.sub(r"<table\b", '<div class="scroll" tabindex="0"><table', text)
    return text.replace("</table>", "</table></div>")
