"""Pieces of HTML as the report shows them: tables that scroll, columns set flush right, pictures that need no file."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping


def taken_out(text: str, tag: str) -> tuple[str, str]:
    """Take the first element of a kind out of a piece of HTML: what is left, and what the element held."""
    found = re.search(rf"<{tag}\b[^>]*>(.*?)</{tag}>", text, re.S)
    return (text.replace(found[0], "", 1), found[1].strip()) if found else (text, "")


def numbers_aligned(text: str) -> str:
    """Mark the cells of columns that hold nothing but single numbers, to be set flush right."""
    rows = [re.findall(r"<td\b[^>]*>(.*?)</td>", row, re.S) for row in re.findall(r"<tr\b.*?</tr>", text, re.S)]
    rows = [row for row in rows if row]
    width = max(map(len, rows), default=0)
    full = [row for row in rows if len(row) == width]
    single = re.compile(r"[−-]?(?:&[lg]t;)?\d[\d.,]*|[–∞]?")
    numeric = {i for i in range(width) if all(single.fullmatch(row[i].strip()) for row in full)}

    def marked(row: re.Match) -> str:
        cells = re.findall(r"<t[hd]\b[^>]*>.*?</t[hd]>", row[0], re.S)
        if len(cells) != width + 1:  # a heading across the table
            return row[0]
        for i in numeric:
            cell = cells[i + 1]
            new = cell.replace(' class="short"', "").replace("<td", '<td class="num"').replace("<th", '<th class="num"')
            cells[i + 1] = new
        return row[1] + "".join(cells) + "</tr>"

    return re.sub(r"(<tr\b[^>]*>).*?</tr>", marked, text, flags=re.S)


def columns_named(text: str) -> str:
    """Name each cell after its column, and a verdict by its own word: style sheet and filter go by them."""
    heads = [
        plain_text(head).lower() for head in re.findall(r"<th\b[^>]*>(.*?)</th>", text.partition("</tr>")[0], re.S)
    ]

    def row(found: re.Match) -> str:
        columns = iter(heads)

        def cell(parts: re.Match) -> str:
            tag, attributes, words = parts.groups()
            column = next(columns, "")
            attributes = re.sub(r' class="[^"]*"', "", attributes)
            if column == "verdict" and tag == "td":
                words = f'<span class="verdict" data-verdict="{words}">{words}</span>'
            elif column == "id":
                words = words.replace("_", "_<wbr>")  # where a long one may break
            return f'<{tag}{attributes} data-column="{column}">{words}</{tag}>'

        return re.sub(r"<(t[hd])\b([^>]*)>(.*?)</\1>", cell, found[0], flags=re.S)

    return re.sub(r"<tr\b.*?</tr>", row, text, flags=re.S)


def plain_text(text: str) -> str:
    """Return the text of a piece of HTML on one line."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", text)).split())


def highlighted(source: str) -> str:
    """Colour Python code by its syntax."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return highlight(source, PythonLexer(), HtmlFormatter(nowrap=True))


def picture_of(data: Mapping[str, str]) -> str:
    """Return the best picture of a bundle as a data address, or an empty text."""
    if "image/svg+xml" in data:
        return f"data:image/svg+xml;base64,{base64.b64encode(data['image/svg+xml'].encode()).decode()}"
    kind = next((kind for kind in ("image/png", "image/jpeg") if kind in data), None)
    return f"data:{kind};base64,{''.join(data[kind].split())}" if kind else ""


def in_scrollers(text: str) -> str:
    """Put every table into a box of its own that scrolls sideways, reachable by keyboard; drop inner style sheets."""
    text = re.sub(r"<style scoped>.*?</style>", "", text, flags=re.S)
    text = re.sub(r"<table\b", '<div class="scroll" tabindex="0"><table', text)
    return text.replace("</table>", "</table></div>")
