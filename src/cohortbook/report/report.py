"""Build the report from executed notebooks: one page, a Word file, a PDF, a spreadsheet, all with the same contents.

python -m cohortbook.report --study data/x --output build/x/report.html build/x/notebooks/*.ipynb
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from cohortbook.display.style import journal_style
from cohortbook.report.document import Document, read_document
from cohortbook.report.pdf import pdf_of
from cohortbook.report.report_html import page_of
from cohortbook.report.word import word_of
from cohortbook.report.workbook import workbook_of
from studyfile.errors import CohortbookError, command
from studyfile.files import write_whole
from studyfile.study.study import Study, load_study

#: How the name of a file ends -> what it is.
FORMATS = {".html": "a page", ".docx": "a Word file", ".pdf": "a PDF", ".xlsx": "a spreadsheet of the tables"}


class ReportError(CohortbookError):
    """A report that cannot be written."""


def build_report(study: Study, notebooks: Iterable[Path], *, figures: Path, form: str = ".html") -> str | bytes:
    """Return the report as one file that needs no other.

    Parameters
    ----------
    study : Study
        The study: title, citation, and the banner that says its patients are synthetic.
    notebooks : iterable of Path
        Executed notebooks, in order.
    figures : Path
        The folder with the figures' SVG and PNG files.
    form : str
        One of `FORMATS`.

    Raises
    ------
    ReportError
        When the format is none of `FORMATS`.
    """
    if form not in FORMATS:
        known = ", ".join(f"{end} ({what})" for end, what in FORMATS.items())
        raise ReportError(f"report: {form or 'no ending'!r}: expected a file that ends in {known}")
    document = read_document(list(notebooks), figures=figures)
    with journal_style(document.journal or study.file.study.journal):
        return _rendered(study, document, form)


def _rendered(study: Study, document: Document, form: str) -> str | bytes:
    match form:
        case ".docx":
            return word_of(study, document)
        case ".pdf":
            return pdf_of(study, document)
        case ".xlsx":
            return workbook_of(study, document)
    return page_of(study, document)


@command
def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m cohortbook.report", description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="executed notebooks, in order")
    parser.add_argument("--study", required=True, help="folder of the study, or the name of a bundled one")
    parser.add_argument("--output", required=True, type=Path, help="the file to write; its ending says the format")
    parser.add_argument("--figures", type=Path, help="folder of the figures (default: figures/ beside the page)")
    options = parser.parse_args(arguments)
    figures = options.figures or options.output.parent / "figures"
    form = options.output.suffix
    write_whole(options.output, build_report(load_study(options.study), options.notebooks, figures=figures, form=form))
    if form == ".html":
        print(f"Report: {options.output}")
