"""The report as a PDF, set by typst: no LaTeX and no browser; fonts are embedded.

Words reach typst as data (JSON), never as markup, so that nothing needs to be escaped.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cohortbook.display.style import signs
from cohortbook.report.arrange import GAP, SYNTHETIC, TOGETHER, Paragraph, Piece, Title, arranged, breakable, fit
from cohortbook.report.document import Document, FigureBlock, TableBlock, across
from cohortbook.report.report_html import ASSETS
from studyfile.study.study import Study

#: Size of type in tables, and the width of a letter in it, in points.
SIZE, LETTER = 8.5, 4.6
#: Letters of a running title.
SHORT = 70


def pdf_of(study: Study, document: Document) -> bytes:
    """Return the report as a PDF: what `arranged` gives, with wide tables on turned pages."""
    import matplotlib
    import typst

    about = study.file.study
    files: dict[str, bytes] = {"main.typ": (ASSETS / "report.typ").read_bytes()}
    groups = [
        {"turned": turned, "pieces": [_piece(piece, files) for piece in pieces]}
        for turned, pieces in turned_together(arranged(study, document))
    ]
    short = about.title if len(about.title) <= SHORT else f"{about.title[: SHORT - 1].rstrip()}…"
    content = {
        "title": about.title,
        "question": about.question,
        "citation": about.citation,
        "synthetic": about.synthetic,
        "short": short,
        "banner": SYNTHETIC if about.synthetic else "",
        "groups": groups,
    }
    files["report.json"] = json.dumps(content, ensure_ascii=False).encode("utf-8", errors="replace")
    # Matplotlib's DejaVu Sans has the signs and alphabets that typst's own fonts lack.
    fonts = [str(Path(matplotlib.get_data_path()) / "fonts" / "ttf")]
    with tempfile.TemporaryDirectory() as folder:
        for name, held in files.items():
            (Path(folder) / name).write_bytes(held)
        return typst.compile(Path(folder) / "main.typ", format="pdf", font_paths=fonts)


def turned_together(pieces: Iterable[Piece]) -> list[tuple[bool, list[Piece]]]:
    """Group pieces by whether their page is turned; a heading goes with the table that it stands above.

    Examples
    --------
    >>> [(turned, [p.text for p in group]) for turned, group in turned_together([Title(1, "a"), Title(2, "b")])]
    [(False, ['a', 'b'])]
    """
    groups: list[tuple[bool, list[Piece]]] = []
    for piece in pieces:
        turned = isinstance(piece, TableBlock) and fit(piece).turned
        if not groups or groups[-1][0] != turned:
            headings: list[Piece] = []
            while turned and groups and groups[-1][1] and isinstance(groups[-1][1][-1], Title):
                headings.insert(0, groups[-1][1].pop())
            groups.append((turned, headings))
        groups[-1][1].append(piece)
    return [group for group in groups if group[1]]


def _piece(piece: Piece, files: dict[str, bytes]) -> dict[str, Any]:
    match piece:
        case Title():
            return {"is": "title", "level": piece.level, "text": piece.text}
        case Paragraph():
            runs = [
                {"text": breakable(run.text, 60), "bold": run.bold, "italic": run.italic, "code": run.code}
                for run in piece.runs
            ]
            return {"is": "paragraph", "style": piece.kind, "mark": piece.mark, "depth": piece.depth, "runs": runs}
        case TableBlock():
            return _table(piece)
        case FigureBlock():
            kind = next(kind for kind in ("image/svg+xml", "image/png", "image/jpeg") if kind in piece.pictures)
            file = f"figure-{len(files)}.{kind.partition('/')[2].removesuffix('+xml')}"
            files[file] = piece.pictures[kind]
            label = f"Figure {piece.number}" if piece.number else ""
            return {"is": "figure", "label": label, "caption": _signed(piece.caption), "alt": piece.alt, "file": file}


def _signed(text: str, longest: int = 60, *, head: bool = False) -> list[dict[str, Any]]:
    """Return a text as runs, with P in italics where the journal wants it."""
    return [
        {"text": breakable(part, longest), "bold": False, "italic": sign, "code": False}
        for part, sign in signs(text, head=head)
    ]


def _table(table: TableBlock) -> dict[str, Any]:
    fitted = fit(table)
    longest = [max(2, int(width - GAP)) for width in fitted.columns]

    def cells(texts: Sequence[str], head: bool = False) -> list[list[dict[str, Any]]]:
        return [_signed(text, most, head=head) for text, most in zip(texts, longest, strict=True)]

    rows = [
        {"kind": row.kind, "across": across(row), "cells": [_signed(row.cells[0])] if across(row) else cells(row.cells)}
        for row in table.rows
    ]
    return {
        "is": "table",
        "label": f"Table {table.number}" if table.number else "",
        "caption": _signed(table.title),
        "head": cells(table.head, head=True),
        "rows": rows,
        "notes": [_signed(note) for note in table.notes],
        "columns": [round(width * LETTER * fitted.scale, 2) for width in fitted.columns],
        "together": len(table.rows) <= TOGETHER,
        "size": round(SIZE * fitted.scale, 2),
        "right": list(table.numeric),
    }
