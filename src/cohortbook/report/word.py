"""The report as a Word file: real headings, captions, tables and footnotes under them, wide tables on turned pages.

Styles are named as Word names them (Heading 1, Caption, Title) or say what they are for (Table note), so that a journal's
template can take their place. Captions number themselves by fields, which Word's own lists of tables and figures find.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from cohortbook.display.style import signs
from cohortbook.report.arrange import SYNTHETIC, TOGETHER, Paragraph, Piece, Run, Title, arranged, breakable, fit
from cohortbook.report.document import Document, FigureBlock, TableBlock, across
from cohortbook.report.office import printable, stable
from cohortbook.report.pdf import SHORT, turned_together
from studyfile.study.study import Study

if TYPE_CHECKING:
    from docx.document import Document as Word


FONT, MONO = "Arial", "Courier New"
#: Size of type in tables, the width of a letter in it, in points, and the room for text on a page, in centimetres.
SIZE, LETTER = 8.5, 4.6
WIDTH, HEIGHT = 17.0, 24.7
QUIET, ORANGE = "5C5C5C", "B34700"
TABLE_STYLE = "Cohort table"


def word_of(study: Study, document: Document) -> bytes:
    """Return the report as a Word file: what `arranged` gives."""
    import docx

    word = docx.Document()
    _styles(word)
    about = study.file.study
    word.core_properties.title = printable(about.title)
    word.core_properties.author = ""
    word.core_properties.comments = SYNTHETIC if about.synthetic else ""
    _page(word.sections[0], turned=False)
    _running(word.sections[0], about.title, SYNTHETIC if about.synthetic else "")
    word.add_paragraph(printable(about.title), style="Title")
    if about.question:
        word.add_paragraph(printable(about.question), style="Subtitle")
    if about.synthetic:
        banner = word.add_paragraph(style="Banner")
        banner.add_run("Synthetic patients. ").bold = True
        banner.add_run(printable(about.synthetic))
    if about.citation:
        word.add_paragraph(printable(about.citation), style="Citation")
    for k, (turned, pieces) in enumerate(turned_together(arranged(study, document))):
        if turned or k:
            _page(word.add_section(), turned=turned)
        for piece in pieces:
            _put(word, piece, turned)
    held = io.BytesIO()
    word.save(held)
    return stable(held.getvalue())


def _put(word: Word, piece: Piece, turned: bool) -> None:
    match piece:
        case Title():
            word.add_heading(printable(piece.text), level=piece.level)
        case Paragraph():
            _paragraph(word, piece)
        case TableBlock():
            _table(word, piece)
        case FigureBlock():
            _figure(word, piece, turned)


def _paragraph(word: Word, piece: Paragraph) -> None:
    from docx.shared import Cm

    styles = {"quote": "Quote", "item": "Normal", "code": "Printed", "warning": "Warning"}
    paragraph = word.add_paragraph(style=styles.get(piece.kind, "Normal"))
    runs = piece.runs
    if piece.kind == "item":
        paragraph.paragraph_format.left_indent = Cm(0.6 * piece.depth)
        paragraph.paragraph_format.first_line_indent = Cm(-0.6)
        paragraph.paragraph_format.tab_stops.add_tab_stop(Cm(0.6 * piece.depth))
        runs = (Run(f"{piece.mark}\t"), *runs)
    for run in runs:
        added = paragraph.add_run(printable(run.text))
        added.bold, added.italic = run.bold or None, run.italic or None
        if run.code:
            added.font.name = MONO


def _caption(word: Word, label: str, number: str, text: str, *, above: bool) -> None:
    """Write a caption that numbers itself: a field counts, and starts anew where the journal's numbers jump."""
    paragraph = word.add_paragraph(style="Caption")
    paragraph.paragraph_format.keep_with_next = above
    letters = number.rstrip("0123456789")
    digits = number[len(letters) :]
    paragraph.add_run(f"{label} {letters}").bold = True
    if digits:
        _field(paragraph, f"SEQ {label}{f'_{letters}' if letters.isalpha() else ''} \\* ARABIC \\r {digits}", digits)
    paragraph.add_run(". ").bold = True
    _say(paragraph, text)


def _say(paragraph: Any, text: str) -> None:
    """Add a text, with P in italics where the journal wants it."""
    for part, sign in signs(printable(text)):
        paragraph.add_run(part).italic = sign or None


def _field(paragraph: Any, code: str, shown: str) -> None:
    """Add a field with the result that a reader sees before fields are updated."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), f" {code} ")
    run = paragraph.add_run(shown)
    run.bold = True
    paragraph._p.remove(run._r)
    field.append(run._r)
    paragraph._p.append(field)


def _table(word: Word, table: TableBlock) -> None:
    from docx.enum.table import WD_TABLE_ALIGNMENT
    from docx.shared import Pt

    if table.number:
        _caption(word, "Table", table.number, table.title, above=True)
    fitted = fit(table)
    made = word.add_table(rows=0, cols=len(table.head), style=TABLE_STYLE)
    made.autofit = False
    made.alignment = WD_TABLE_ALIGNMENT.LEFT
    widths = [int(Pt(width * LETTER * fitted.scale)) for width in fitted.columns]
    for column, width in zip(made.columns, widths, strict=True):
        column.width = width
    together = len(table.rows) <= TOGETHER
    body = [
        _row(
            row.cells,
            widths,
            table.numeric,
            fitted.scale,
            across=across(row),
            indent=row.kind == "level",
            next_too=row.kind == "heading" or (together and (k + 1 < len(table.rows) or bool(table.notes))),
        )
        for k, row in enumerate(table.rows)
    ]
    made._tbl.append(_row(table.head, widths, table.numeric, fitted.scale, head=True, next_too=True))
    for row in body:
        made._tbl.append(row)
    if table.number:
        _describe(made, table)
    for k, note in enumerate(table.notes):
        paragraph = word.add_paragraph(style="Table note")
        _say(paragraph, note)
        if not k:
            paragraph.paragraph_format.space_before = Pt(3)
        paragraph.paragraph_format.keep_with_next = k + 1 < len(table.notes)
    word.add_paragraph(style="After a table")


def _row(
    cells: Iterable[str],
    widths: list[int],
    right: tuple[bool, ...],
    scale: float,
    *,
    head: bool = False,
    across: bool = False,
    indent: bool = False,
    next_too: bool = False,
) -> Any:
    """Return a row as Word holds it; cell by cell through the library, long tables would take minutes."""
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls

    def cell(k: int, text: str) -> str:
        span = f'<w:gridSpan w:val="{len(widths)}"/>' if across else ""
        width = sum(widths) if across else widths[k]
        low = '<w:vAlign w:val="bottom"/>' if head else ""
        looks = ("<w:keepNext/>" if next_too else "") + ('<w:ind w:left="170"/>' if indent and not k else "")
        looks += '<w:jc w:val="right"/>' if right[k] else ""
        size = f'<w:sz w:val="{round(2 * SIZE * scale)}"/>' if scale < 1 else ""
        bold = "<w:b/>" if head or across else ""
        runs = "".join(
            f'<w:r><w:rPr>{bold}{"<w:i/>" * sign}{size}</w:rPr><w:t xml:space="preserve">{_xml(part)}</w:t></w:r>'
            for part, sign in signs(breakable(text, 60), head=head)
        )
        return (
            f'<w:tc><w:tcPr><w:tcW w:w="{width // 635}" w:type="dxa"/>{span}{low}</w:tcPr><w:p><w:pPr>'
            f'<w:pStyle w:val="Tabletext"/>{looks}</w:pPr>{runs}</w:p></w:tc>'
        )

    shown = [text for k, text in enumerate(cells) if not across or not k]
    repeated = "<w:tblHeader/>" if head else ""
    inside = "".join(cell(k, text) for k, text in enumerate(shown))
    return parse_xml(f"<w:tr {nsdecls('w')}><w:trPr><w:cantSplit/>{repeated}</w:trPr>{inside}</w:tr>")


def _xml(text: str) -> str:
    return escape(printable(text))


def _describe(made: Any, table: TableBlock) -> None:
    """Give a table its title and number as alternative text."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    about = OxmlElement("w:tblCaption")
    about.set(qn("w:val"), printable(f"Table {table.number}. {table.title}"))
    made._tbl.tblPr.append(about)


def _figure(word: Word, figure: FigureBlock, turned: bool) -> None:
    from docx.shared import Cm

    picture = next((figure.pictures[kind] for kind in ("image/png", "image/jpeg") if kind in figure.pictures), None)
    paragraph = word.add_paragraph(style="Picture")
    paragraph.paragraph_format.keep_with_next = bool(figure.number)
    if picture is None:  # Word takes no SVG without a picture beside it
        paragraph.add_run(printable(figure.alt))
    else:
        shape = paragraph.add_run().add_picture(io.BytesIO(picture))
        wide, high = (Cm(HEIGHT), Cm(WIDTH - 3)) if turned else (Cm(WIDTH), Cm(HEIGHT - 4))
        scale = min(wide / shape.width, high / shape.height)
        if figure.number or scale < 1:
            shape.width, shape.height = int(shape.width * scale), int(shape.height * scale)
        about = shape._inline.docPr
        about.set("descr", printable(figure.alt))
        about.set("name", f"Figure {figure.number}" if figure.number else "Picture")
    if figure.number:
        _caption(word, "Figure", figure.number, figure.caption, above=False)


# The looks


def _page(section: Any, *, turned: bool) -> None:
    """Set A4, upright or turned."""
    from docx.enum.section import WD_ORIENT
    from docx.shared import Cm

    section.orientation = WD_ORIENT.LANDSCAPE if turned else WD_ORIENT.PORTRAIT
    section.page_width, section.page_height = (Cm(29.7), Cm(21.0)) if turned else (Cm(21.0), Cm(29.7))
    section.left_margin = section.right_margin = section.top_margin = section.bottom_margin = Cm(2.0)
    section.header_distance = section.footer_distance = Cm(1.0)


def _running(section: Any, title: str, banner: str) -> None:
    """Write the running head, with the banner, and the number of the page below."""
    from docx.enum.text import WD_ALIGN_PARAGRAPH

    short = title if len(title) <= SHORT else f"{title[: SHORT - 1].rstrip()}…"
    head = section.header.paragraphs[0]
    head.style = "Header"
    head.add_run(printable(short))
    if banner:
        _coloured(head.add_run(f"  |  {banner}"))
    foot = section.footer.paragraphs[0]
    foot.style = "Footer"
    foot.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _field(foot, "PAGE", "1")


def _coloured(run: Any, colour: str = ORANGE) -> None:
    from docx.shared import RGBColor

    run.font.color.rgb = RGBColor.from_string(colour)


def _styles(word: Word) -> None:
    """Set the styles that the file uses; those that Word does not have are added."""
    from docx.enum.style import WD_STYLE_TYPE
    from docx.oxml import parse_xml
    from docx.oxml.ns import nsdecls, qn
    from docx.shared import Pt, RGBColor

    def style(
        name: str,
        size: float,
        *,
        before: float = 0,
        after: float = 4,
        colour: str = "",
        based: str = "Normal",
        bold: bool | None = None,
        italic: bool | None = None,
        font: str = FONT,
    ) -> Any:
        known = {one.name for one in word.styles}
        made = word.styles[name] if name in known else word.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
        if name != "Normal" and name not in known:
            made.base_style = word.styles[based]
        made.font.name, made.font.size, made.font.bold, made.font.italic = font, Pt(size), bold, italic
        fonts = made.element.get_or_add_rPr().get_or_add_rFonts()
        for kind in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{kind}"), None)
        for kind in ("eastAsia", "cs"):
            fonts.set(qn(f"w:{kind}"), font)
        made.font.color.rgb = RGBColor.from_string(colour or "000000")
        made.paragraph_format.space_before, made.paragraph_format.space_after = Pt(before), Pt(after)
        return made

    style("Normal", 10, after=6).paragraph_format.line_spacing = 1.15
    title = style("Title", 20, after=4, bold=True)
    for border in title.element.findall(f".//{qn('w:pBdr')}"):
        border.getparent().remove(border)
    subtitle = style("Subtitle", 12, after=8, italic=True, colour="333333")
    for spaced in subtitle.element.findall(f".//{qn('w:rPr')}/{qn('w:spacing')}"):
        spaced.getparent().remove(spaced)
    style("Citation", 8.5, after=10, colour=QUIET)
    for level, size in ((1, 16), (2, 13), (3, 11)):
        style(f"Heading {level}", size, before=22 - 4 * level, after=6, bold=True).paragraph_format.keep_with_next = True
    style("Caption", 9.5, before=10, after=4, bold=False)
    style("Table text", SIZE, after=0).paragraph_format.line_spacing = 1.0
    style("Table note", 8, after=2).paragraph_format.line_spacing = 1.0
    style("After a table", 6, after=4).paragraph_format.line_spacing = 1.0
    style("Picture", 10, before=8, after=2)
    style("Printed", 8.5, after=0, font=MONO)
    style("Header", 8, colour=QUIET)
    style("Footer", 8, colour=QUIET)
    for name, fill in (("Banner", "FFF1E0"), ("Quote", "FFFFFF"), ("Warning", "FFF4E5")):
        made = style(name, 10, before=4, after=8, italic=False)
        shade = parse_xml(f'<w:shd {nsdecls("w")} w:val="clear" w:color="auto" w:fill="{fill}"/>')
        line = parse_xml(f'<w:pBdr {nsdecls("w")}><w:left w:val="single" w:sz="18" w:space="6" w:color="{ORANGE}"/></w:pBdr>')
        looks = made.element.get_or_add_pPr()
        for old in looks.findall(qn("w:pBdr")) + looks.findall(qn("w:shd")):
            looks.remove(old)
        before = ("w:shd", "w:tabs", "w:suppressAutoHyphens", "w:spacing", "w:ind", "w:jc", "w:outlineLvl")
        looks.insert_element_before(line, *before)
        looks.insert_element_before(shade, *before[1:])
    rule = '<w:{} w:val="single" w:sz="{}" w:space="0" w:color="000000"/>'
    word.styles.element.append(
        parse_xml(
            f'<w:style {nsdecls("w")} w:type="table" w:customStyle="1" w:styleId="CohortTable"><w:name w:val="{TABLE_STYLE}"/>'
            '<w:basedOn w:val="TableNormal"/><w:uiPriority w:val="59"/><w:qFormat/>'
            f"<w:tblPr><w:tblBorders>{rule.format('top', 8)}{rule.format('bottom', 8)}</w:tblBorders>"
            '<w:tblCellMar><w:top w:w="20" w:type="dxa"/><w:left w:w="60" w:type="dxa"/><w:bottom w:w="20" w:type="dxa"/>'
            '<w:right w:w="60" w:type="dxa"/></w:tblCellMar></w:tblPr>'
            f'<w:tblStylePr w:type="firstRow"><w:rPr><w:b/></w:rPr><w:tcPr><w:tcBorders>{rule.format("bottom", 4)}'
            "</w:tcBorders></w:tcPr></w:tblStylePr></w:style>"
        )
    )
