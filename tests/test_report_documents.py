"""Word file, PDF, spreadsheet and LaTeX: each says what the table on the page says, whatever its words are."""

import io
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cohortbook.display.latex import LONG, escaped, latex_of
from cohortbook.display.tables import DisplayTable, Row
from cohortbook.report.arrange import GAP, TURNED, UPRIGHT, Paragraph, Title, arranged, breakable, fit, paragraphs
from cohortbook.report.document import FIGURE, Document, FigureBlock, ShownTable, TableBlock, parsed, read_document
from cohortbook.report.report import build_report, main
from cohortbook.report.workbook import number_format
from sample_notebooks import code, markdown, notebook, runnable, write
from studyfile.study.study import load_study

pytestmark = pytest.mark.build

#: Each is markup, a formula or a trap in at least one of the formats.
HOSTILE = (
    "=1+1",
    "+1 a",
    "-x",
    "@sum",
    '#eval(read("/etc/passwd"))',
    "*bold* _it_ $x$ `raw` \\input{x}",
    "<b>&amp;</b> & co",
    "100 % of A_1^2 ~ {x} [y] | \"q\" ''",
    "]]> --> </w:t>",
    "a\x01b\x0bc",
    "−2 to ∞ ≤ ≥ † ‡ § “q”",
    "Ünïcödé Привет α",
    "x" * 180,
)


def display(rows, head=("", "n", "%"), name="table-2", number="2", title="Who they were", notes=()):
    kinds = [row if isinstance(row, Row) else Row(tuple(row)) for row in rows]
    return DisplayTable(
        name=name, number=number, title=title, head=tuple(head), rows=tuple(kinds), notes=tuple(notes), frame=pd.DataFrame()
    )


def shown(table):
    """Return the output of a notebook that shows a table."""
    return table._repr_mimebundle_()


def png(width=70, height=40):
    from PIL import Image

    held = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(held, "PNG")
    return held.getvalue()


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="70" height="40"><rect width="9" height="9"/></svg>'

DEMOGRAPHY = display(
    [
        Row(("Sex", "", ""), "heading"),
        Row(("women", "17", "23.6"), "level"),
        Row(("men", "55", "76.4"), "level"),
        ("Age", "−2.50", "<0.001"),
    ],
    notes=("Counts as printed.", "† Known only after."),
)
TRAPS = display([(text, text, "1") for text in HOSTILE], name="traps", number=None, title=HOSTILE[5], notes=HOSTILE)
WIDE = display(
    [[f"A long label of row {i}", *["61.6 (11.9 to 17.3)"] * 12] for i in range(5)],
    head=("", *(f"Column {i}" for i in range(12))),
    name="table-7",
    number="7",
    title="Many columns",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder of executed notebooks with a bit of everything, and its figures."""
    folder = tmp_path_factory.mktemp("documents")
    synthetic = load_study("spinal-metastases").file.study.synthetic
    first = runnable(title="Who they were")
    first["cells"] += [
        code("banner", {"text/markdown": f"> **Synthetic patients.** {synthetic}", "text/plain": "..."}),
        markdown("## Demography\n\nWhat to look for."),
        code("describe()", shown(DEMOGRAPHY)),
        code("finding", {"text/markdown": "The mean age was **61.4**:\n\n1. one\n2. two", "text/plain": "..."}),
        markdown("## Traps"),
        code("traps()", shown(TRAPS)),
        code("absent_plot()", {"text/markdown": "Nothing is planned.", "text/plain": ""}),
        code("absent_table()", {"text/markdown": "Nothing is planned.", "text/plain": ""}),
        code("warn()", {"output_type": "stream", "name": "stderr", "text": "UserWarning: <odd> #x\n"}),
        markdown("## Only words\n\nNothing is shown here."),
        markdown("## Wide"),
        code("wide()", shown(WIDE)),
        markdown("## Curves"),
        code(
            "plot()",
            {
                "image/png": "",
                "text/plain": "",
                FIGURE: {"name": "survival", "caption": "Survival & <more>", "alt": 'Curves that fall; "lung" first'},
            },
        ),
    ]
    audit = runnable(title="Audit", part="audit")
    audit["cells"] += [code("audit", {"text/markdown": "**8 are contradicted.**", "text/plain": ""})]
    words = runnable(title="Text", part="manuscript")
    words["cells"] += [
        markdown("## Methods\n\nHow it was written."),
        code("m", {"text/markdown": "Tests were run.", "text/plain": ""}),
        markdown("## Results\n\nWhat came out."),
        code("r", {"text/markdown": "72 were analysed.", "text/plain": ""}),
        markdown("## STROBE"),
        code("s", shown(display([("1", "Title", "x")], name="strobe", number=None, title="STROBE"))),
    ]
    absent = runnable("1 / 0", title="Who failed", skipped="comparison", needs="comparison")
    for name, held in (("01_who", first), ("03_failure", absent), ("06_audit", audit), ("07_text", words)):
        write(folder / f"notebooks/{name}.ipynb", held)
    (folder / "figures").mkdir()
    (folder / "figures/survival.svg").write_bytes(SVG)
    (folder / "figures/survival.png").write_bytes(png())
    return folder


@pytest.fixture(scope="module")
def notebooks(folder):
    return sorted((folder / "notebooks").iterdir())


@pytest.fixture(scope="module")
def document(folder, notebooks):
    return read_document(notebooks, figures=folder / "figures")


@pytest.fixture(scope="module")
def files(folder, notebooks):
    """Return every format as bytes."""
    study = load_study("spinal-metastases")
    return {form: build_report(study, notebooks, figures=folder / "figures", form=form) for form in (".docx", ".pdf", ".xlsx")}


def printable(text):
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "", text)


def joined(text):
    """Undo what lets words break and keeps them together."""
    return text.replace("\u200b", "").replace("\u00a0", " ")


# The document


cells = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\r\0"), max_size=12)


@given(st.lists(st.tuples(cells, cells, cells), max_size=4), st.tuples(cells, cells, cells), cells, st.lists(cells, max_size=2))
def test_a_shown_table_is_read_back_as_it_was(rows, head, title, notes):
    table = display(rows, head=head, title=title, notes=notes)
    found = ShownTable(table.html)
    assert [found.head, *(list(row.cells) for row in found.rows)] == table.strings
    assert (found.notes, found.caption, found.name) == (notes, f"Table 2. {title}", "table-2")


def test_kinds_of_rows_are_read_back():
    assert ShownTable(DEMOGRAPHY.html).rows == list(DEMOGRAPHY.rows)


def test_manuscript_has_its_order(document):
    pieces = arranged(load_study("spinal-metastases"), document)
    titles = [(piece.level, piece.text) for piece in pieces if isinstance(piece, Title)]
    assert titles == [
        (1, "Methods"),
        (1, "Results"),
        (1, "Tables"),
        (2, "Who they were"),
        (3, "Demography"),
        (3, "Traps"),
        (3, "Wide"),
        (2, "Who failed"),
        (1, "Figures"),
        (1, "Audit"),
        (1, "STROBE"),
        (1, "How this report was made"),
    ]
    words = [piece.text for piece in pieces if isinstance(piece, Paragraph)]
    assert words[:2] == ["Tests were run.", "72 were analysed."]
    assert words.count("Nothing is planned.") == 1
    assert "Not run: the study file has no section comparison, which 03_failure needs." in words
    assert not [text for text in words if "What to look for" in text or "Synthetic" in text]
    assert [piece.number for piece in pieces if isinstance(piece, TableBlock)][:4] == ["2", "S1", "7", "S2"]
    assert [piece.number for piece in pieces if isinstance(piece, FigureBlock)] == ["1"]


def test_markdown_becomes_paragraphs():
    text = "> **a** *b*\n\n- x\n  - y\n\n| h |\n|---|\n| c |\n\n```\ncode\n```\n\n[link](http://x) ~~old~~ `t`  \nnext"
    found = paragraphs(parsed(text))
    assert [(p.kind, p.mark, p.depth, p.text) for p in found] == [
        ("quote", "", 0, "a b"),
        ("item", "•", 1, "x"),
        ("item", "•", 2, "y"),
        ("text", "", 0, "h"),
        ("text", "", 0, "c"),
        ("code", "", 0, "code"),
        ("text", "", 0, "link old t next"),
    ]
    assert [(run.text, run.bold, run.italic) for run in found[0].runs] == [
        ("a", True, False),
        (" ", False, False),
        ("b", False, True),
    ]


@given(st.lists(st.lists(st.text("ab c", max_size=90), min_size=1, max_size=14), min_size=1, max_size=6), st.data())
def test_columns_fit_the_page(rows, data):
    width = max(map(len, rows))
    full = [[*row, *[""] * (width - len(row))] for row in rows]
    made = ShownTable(display(full[1:], head=full[0]).html)
    table = TableBlock(id="", name="", number="", title="", head=tuple(made.head), rows=tuple(made.rows))
    found = fit(table)
    page = TURNED if found.turned else UPRIGHT
    assert sum(found.columns) * found.scale <= page + 1e-6
    assert 0.7 <= found.scale <= 1
    assert min(found.columns) > GAP


@given(st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\u200b"), max_size=80), st.integers(2, 30))
def test_words_break_and_stay_the_same_words(text, longest):
    broken = breakable(text, longest)
    assert joined(broken) == joined(re.sub(r"\bn = (\d)", r"n = \1", text))
    parts = [part for word in broken.split() if "n\u00a0=" not in word for part in word.split("\u200b")]
    assert all(len(part) <= max(longest, 3) for part in parts)


# Word


@pytest.fixture(scope="module")
def word(files):
    import docx

    return docx.Document(io.BytesIO(files[".docx"]))


def test_word_tables_hold_what_is_displayed(word, document):
    found = [[[joined(cell.text) for cell in row.cells] for row in table.rows] for table in word.tables]
    for table in document.tables:
        wanted = [[printable(cell) for cell in row] for row in table.strings]
        merged = [[row[0]] * len(row) if row[0] and not any(row[1:]) and k else row for k, row in enumerate(wanted)]
        assert merged in found, table.title


def test_word_has_real_captions_headings_and_notes(word):
    by_style = {}
    for paragraph in word.paragraphs:
        by_style.setdefault(paragraph.style.name, []).append(joined(paragraph.text))
    about = load_study("spinal-metastases").file.study
    assert by_style["Title"] == [about.title]
    assert by_style["Banner"] == [f"Synthetic patients. {about.synthetic}"]
    assert by_style["Heading 1"][:2] == ["Methods", "Results"]
    assert [text.partition(". ")[2] for text in by_style["Caption"]] == [
        "Who they were",
        HOSTILE[5],
        "Many columns",
        "Survival & <more>",
        "STROBE",
    ]
    assert by_style["Table note"][:2] == ["Counts as printed.", "† Known only after."]
    assert "1.\tone" in by_style["Normal"]
    assert by_style["Warning"] == ["UserWarning: <odd> #x"]
    xml = word.element.xml
    counted = (("Table", 2), ("Table_S", 1), ("Table", 7), ("Figure", 1), ("Table_S", 2))
    assert re.findall(r'w:instr="([^"]*)"', xml) == [rf" SEQ {kind} \* ARABIC \r {n} " for kind, n in counted]
    assert xml.count("<w:tblHeader/>") == len(word.tables)


def test_word_turns_the_page_for_a_wide_table_alone(word):
    from docx.enum.section import WD_ORIENT

    assert [section.orientation for section in word.sections] == [WD_ORIENT.PORTRAIT, WD_ORIENT.LANDSCAPE, WD_ORIENT.PORTRAIT]
    turned = word.sections[1]
    assert turned.page_width > turned.page_height
    width = sum(int(column.width) for column in word.tables[2].columns)
    assert width <= turned.page_width - turned.left_margin - turned.right_margin


def test_word_says_on_every_page_that_patients_are_synthetic_and_describes_figures(word):
    assert "no row describes a real person" in word.sections[0].header.paragraphs[0].text
    shape = word.inline_shapes[0]
    assert shape._inline.docPr.get("descr") == 'Curves that fall; "lung" first'
    assert abs(shape.width / shape.height - 70 / 40) < 0.01


SOFFICE = shutil.which("soffice")


@pytest.mark.skipif(SOFFICE is None or not shutil.which("pdftotext"), reason="LibreOffice is not installed")
def test_libreoffice_opens_the_word_file_whole(files, tmp_path):
    (tmp_path / "report.docx").write_bytes(files[".docx"])
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    subprocess.run(
        [SOFFICE, profile, "--headless", "--convert-to", "pdf", "--outdir", tmp_path, tmp_path / "report.docx"],
        check=True,
        capture_output=True,
        timeout=180,
    )
    text = poppler("pdftotext", (tmp_path / "report.pdf").read_bytes(), tmp_path, "-layout")
    for part in ("Table 2. Who they were", "Table S1.", "Figure 1. Survival & <more>", "23.6", "† Known only after."):
        assert part in text


# PDF

needs_poppler = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler is not installed")


def poppler(program, content, tmp_path, *options):
    (tmp_path / "report.pdf").write_bytes(content)
    to_screen = ["-"] * (program == "pdftotext")
    command = [program, *options, tmp_path / "report.pdf", *to_screen]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@needs_poppler
def test_pdf_prints_hostile_words_as_they_are(files, tmp_path):
    text = " ".join(joined(poppler("pdftotext", files[".pdf"], tmp_path, "-layout")).split())
    for part in (
        "=1+1",
        '#eval(read("/etc/passwd"))',
        "*bold* _it_ $x$ `raw` \\input{x}",
        "<b>&amp;</b> & co",
        "Table 2. Who they were",
        "Figure 1. Survival & <more>",
        "UserWarning: <odd> #x",
        "Привет",
    ):
        assert part in text, part
    assert "no row describes a real person" in text
    assert re.search(r"\b1 ?/ ?\d\b", text)


@needs_poppler
def test_pdf_keeps_every_word_on_its_page_and_turns_pages(files, tmp_path):
    boxes = poppler("pdftotext", files[".pdf"], tmp_path, "-bbox")
    turned = 0
    for page in boxes.split("<page ")[1:]:
        width, height = map(float, re.match(r'width="([\d.]+)" height="([\d.]+)"', page).groups())
        turned += width > height
        for left, top, right, bottom, said in re.findall(
            r'xMin="([-\d.]+)" yMin="([-\d.]+)" xMax="([-\d.]+)" yMax="([-\d.]+)">([^<]*)<', page
        ):
            assert float(left) > 50, said
            assert float(right) < width - 50, said
            assert 20 < float(top) < float(bottom) < height - 15, said
    assert turned == 1
    fonts = poppler("pdffonts", files[".pdf"], tmp_path).splitlines()[2:]
    assert fonts
    assert all(line.split()[-5] == "yes" for line in fonts), "a font is not embedded"


# Spreadsheet


@pytest.fixture(scope="module")
def book(files):
    import openpyxl

    return openpyxl.load_workbook(io.BytesIO(files[".xlsx"]))


def as_displayed(cell):
    """Show a cell as a spreadsheet does."""
    if cell.value is None:
        return ""
    if isinstance(cell.value, str):
        return cell.value
    form = cell.number_format.partition(";")[0]
    places = len(form.partition(".")[2])
    text = f"{abs(cell.value):.{places}f}"
    text = text if form.startswith("0") else text.removeprefix("0")
    return f"−{text}" if cell.value < 0 else text


def test_sheets_hold_what_is_displayed_and_numbers_are_numbers(book, document):
    sheets = {table.number: book[f"Table {table.number}"] for table in document.tables}
    for table in document.tables:
        found = [[as_displayed(cell) for cell in row] for row in sheets[table.number].iter_rows(min_row=3)]
        assert found[: len(table.rows) + 1] == [[printable(cell) for cell in row] for row in table.strings]
    assert sheets["2"]["B5"].value == 17
    assert sheets["2"]["C5"].value == 23.6
    assert (sheets["2"]["B7"].value, sheets["2"]["C7"].value) == (-2.5, "<0.001")
    assert sheets["2"]["A9"].value == "Counts as printed."


def test_no_text_is_a_formula(book):
    for sheet in book:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f", cell.value
                if isinstance(cell.value, str):
                    assert cell.quotePrefix == cell.value.startswith(("=", "+", "-", "@")), cell.value


def test_formulas_are_nowhere_in_the_file(files):
    with zipfile.ZipFile(io.BytesIO(files[".xlsx"])) as archive:
        for name in archive.namelist():
            assert b"<f>" not in archive.read(name), name


def test_index_leads_to_every_sheet(book):
    index = book["Tables"]
    assert [row[:3] for row in index.iter_rows(min_row=5, values_only=True)] == [
        ("Table 2", "Who they were", "01_who"),
        ("Table S1", HOSTILE[5], "01_who"),
        ("Table 7", "Many columns", "01_who"),
        ("Table S2", "STROBE", "07_text"),
    ]
    assert index["A5"].hyperlink.location or index["A5"].hyperlink.target
    assert "no row describes a real person" in index["A2"].value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.10", 0.1),
        (".03", 0.03),
        ("0·25", 0.25),
        ("−0.125", -0.125),
        ("12", 12),
        ("−1", -1),
        ("007", None),
        ("1,234", None),
        ("12 (3)", None),
        ("–", None),
        (".", None),
        ("", None),
        ("1" * 16, None),
        ("٣", None),
    ],
)
def test_one_number_is_a_number(text, value):
    import openpyxl

    from cohortbook.report.workbook import _write

    cell = _write(openpyxl.Workbook().active.cell(1, 1), text, number=True)
    assert cell.value == (value if value is not None else text or None)
    if value is not None:
        assert as_displayed(cell).replace("·", ".") == text.replace("·", ".")
    assert number_format("1.5").count("0") == 2


# LaTeX


@pytest.mark.parametrize(
    ("text", "tex"),
    [
        ("50 % & $3 #1 _x", r"50 \% \& \$3 \#1 \_x"),
        ("{a}~^\\", r"\{a\}\textasciitilde{}\textasciicircum{}\textbackslash{}"),
        ("<0.001 >2", r"\textless{}0.001 \textgreater{}2"),
        ("−2 – ∞", r"$-$2 -- $\infty$"),
        ("a--b ''c", "a-{}-b '{}'c"),
        ("[x] *", "{[}x{]} {*}"),
        ("a\nb\x00c", "a bc"),
        ('"q" `r`', r"\textquotedbl{}q\textquotedbl{} \textasciigrave{}r\textasciigrave{}"),
    ],
)
def test_latex_escapes(text, tex):
    assert escaped(text) == tex


@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=60))
def test_latex_leaves_no_sign_with_a_meaning(text):
    plain = re.sub(
        r"\\text[a-z]+\{\}|\\[{}$&#%_]|\$\\?[a-zA-Z|-]+\$|\{\}|\{[\[\]*]\}|\\(S|P|dag|ddag)\{\}|\\,|~"
        r"|\\textsuperscript\{\d\}",
        "",
        escaped(text),
    )
    assert not re.search(r"[\\{}$&#%_^~\n]", plain), plain


def test_latex_table_has_rules_caption_and_notes(tmp_path):
    DEMOGRAPHY.save(tmp_path)
    lines = (tmp_path / "table-2.tex").read_text(encoding="utf-8").splitlines()
    assert lines[1:] == [
        r"\begin{table}",
        r"\centering",
        r"\caption*{Table 2. Who they were}",
        r"\begin{tabular}{lrr}",
        r"\toprule",
        r" & \textbf{n} & \textbf{\%} \\",
        r"\midrule",
        r"\multicolumn{3}{l}{\textbf{Sex}} \\",
        r"\quad women & 17 & 23.6 \\",
        r"\quad men & 55 & 76.4 \\",
        r"Age & $-$2.50 & \textless{}0.001 \\",
        r"\bottomrule",
        r"\end{tabular}",
        r"\par\footnotesize Counts as printed.",
        r"\par\footnotesize \dag{} Known only after.",
        r"\end{table}",
    ]


def test_a_long_latex_table_runs_over_pages_and_sentences_wrap():
    tex = latex_of(display([("a sentence of so many words that no column holds it", str(k), "") for k in range(LONG + 1)]))
    assert r"\begin{longtable}{>{\raggedright\arraybackslash}p{0.45\linewidth}rr}" in tex
    assert r"\endhead" in tex
    assert "longtable" in tex.splitlines()[0]


# All


def test_the_same_inputs_give_the_same_bytes(files, folder, notebooks):
    for form, content in files.items():
        again = build_report(load_study("spinal-metastases"), notebooks, figures=folder / "figures", form=form)
        assert again == content, form
    for form in (".docx", ".xlsx"):
        with zipfile.ZipFile(io.BytesIO(files[form])) as archive:
            assert {about.date_time for about in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
            assert b"1980-01-01T00:00:00Z" in archive.read("docProps/core.xml")


def test_an_ending_says_the_format_and_an_unknown_one_is_an_error(folder, notebooks, tmp_path, capsys):
    arguments = ["--study", "spinal-metastases", "--figures", str(folder / "figures"), *map(str, notebooks)]
    assert main([*arguments, "--output", str(tmp_path / "report.xlsx")]) == 0
    assert main([*arguments, "--output", str(tmp_path / "report.odt")]) == 1
    assert "'.odt': expected a file that ends in .html (a page), .docx (a Word file)" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["report.xlsx"]


def test_a_study_with_nothing_to_show_still_makes_documents(tmp_path):
    (tmp_path / "study.yml").write_text(
        "study: {title: A & B, id: patient}\nvariables:\n  age: {label: Age, kind: continuous}\n"
    )
    import docx

    study = load_study(tmp_path)
    for form, magic in ((".docx", b"PK"), (".pdf", b"%PDF"), (".xlsx", b"PK")):
        assert build_report(study, [], figures=tmp_path, form=form).startswith(magic)
    word = docx.Document(io.BytesIO(build_report(study, [], figures=tmp_path, form=".docx")))
    assert [p.text for p in word.paragraphs if p.style.name == "Heading 1"] == ["How this report was made"]
    assert "Synthetic" not in word.element.xml + word.sections[0].header._element.xml


def test_a_picture_without_caption_or_png_is_no_obstacle(tmp_path):
    import base64

    import docx

    picture = {"image/png": base64.b64encode(png()).decode(), "text/plain": "<Figure>"}
    drawing = {"image/svg+xml": SVG.decode(), "text/plain": "..."}
    own = {"image/svg+xml": SVG.decode(), FIGURE: {"name": "x", "caption": "Drawn", "alt": "Words instead"}, "text/plain": ""}
    path = write(tmp_path / "01_x.ipynb", notebook(markdown("# T\n\n## A"), code("a", picture, drawing, own)))
    study = load_study("spinal-metastases")
    assert build_report(study, [path], figures=tmp_path, form=".pdf").startswith(b"%PDF")
    word = docx.Document(io.BytesIO(build_report(study, [path], figures=tmp_path, form=".docx")))
    assert "Words instead" in [p.text for p in word.paragraphs]
    assert len(word.inline_shapes) == 1


@pytest.mark.slow
def test_committed_notebooks_make_all_documents():
    root = Path(__file__).resolve().parents[1]
    paths = sorted((root / "notebooks").glob("[0-9]*.ipynb"))
    document = Document(Path("nowhere"))
    study = load_study("spinal-metastases")
    for form in (".docx", ".pdf", ".xlsx"):
        assert build_report(study, paths, figures=Path("nowhere"), form=form)
    document = read_document(paths, figures=Path("nowhere"))
    titles = [piece.text for piece in arranged(study, document) if isinstance(piece, Title) and piece.level == 1]
    assert titles[:4] == ["Methods", "Results", "Tables", "Figures"]
    assert titles[-2:] == ["STROBE", "How this report was made"]


def test_p_is_in_italics_where_the_journal_wants_it(tmp_path):
    import docx

    from cohortbook.display.style import journal_style

    with journal_style("jama"):
        table = display([("Substance P", "1", ".03ᵃ")], head=("", "Limp, P (n = 3)", "Fisher's P"), notes=("ᵃExact. P = .03",))
    held = runnable(title="T", parameters='journal = ""')
    held["cells"] += [code("t", shown(table))]
    held["metadata"]["cohortbook"] = {"parameters": {"journal": "jama"}}
    path = write(tmp_path / "01_x.ipynb", held)
    study = load_study("spinal-metastases")
    page = build_report(study, [path], figures=tmp_path)
    assert "Fisher's <i>P</i></th>" in page
    assert "Limp, P (n" in page
    assert "<p>ᵃExact. <i>P</i> = .03</p>" in page
    word = docx.Document(io.BytesIO(build_report(study, [path], figures=tmp_path, form=".docx")))
    head, row = word.tables[0].rows[0].cells, word.tables[0].rows[1].cells
    assert [(run.text, run.italic) for run in head[2].paragraphs[0].runs] == [("Fisher's ", None), ("P", True)]
    assert [run.italic for cell in (head[1], row[0]) for run in cell.paragraphs[0].runs] == [None, None]
    assert build_report(study, [path], figures=tmp_path, form=".pdf").startswith(b"%PDF")
    with journal_style("jama"):
        assert r"\textbf{Fisher's \textit{P}}" in latex_of(table)
    assert r"\textbf{Fisher's P}" in latex_of(table)
