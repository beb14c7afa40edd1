"""Build one self-contained page from executed notebooks: the report that goes to a co-author.

python -m cohortbook.report --study data/x --output build/x/report.html build/x/notebooks/*.ipynb
"""

from __future__ import annotations

import argparse
import hashlib
import html
import json
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cohortbook.errors import command
from cohortbook.files import write_whole
from cohortbook.notebook.notebook import FILES, at_key, declared_parameters, read_notebook, source_of
from cohortbook.report.report_html import (
    columns_named,
    highlighted,
    in_scrollers,
    numbers_aligned,
    picture_of,
    plain_text,
    taken_out,
)
from cohortbook.study.study import load_study

if TYPE_CHECKING:
    from cohortbook.study.study import Study

#: What marks a table of `cohortbook.tables.tables`, and a figure of `cohortbook.figures.figures`.
OWN_TABLE = '<table class="cohortbook"'
FIGURE = "application/vnd.cohortbook.figure+json"
#: A cell with this tag stays out of the report.
HIDDEN = "not-in-report"
#: Columns that fit on an upright page; a table with more is printed on a page of its own, turned.
WIDE = 8
#: Tables by name that get a filter, and the columns that it offers as lists, each with the word for all of it.
FILTERED = {"audit": {"Verdict": "All verdicts", "Where": "All places"}}
#: Verdicts that are no finding.
PLAIN = ("reproduced", "compatible", "not checkable")
ASSETS = Path(__file__).with_name("assets")


@dataclass(slots=True, kw_only=True)
class Entry:
    """A line of the table of contents."""

    id: str
    title: str
    number: str = ""


@dataclass(slots=True, kw_only=True)
class Section:
    """One notebook as a section of the report."""

    id: str
    name: str
    title: str = ""
    lacks: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    headings: list[Entry] = field(default_factory=list)
    blocks: list[str] = field(default_factory=list)


class Page:
    """The report in the making: its sections, and the numbers of its tables and figures.

    Parameters
    ----------
    figures : Path
        The folder with `<name>.svg`; a figure that is not there is shown as the picture that the notebook holds.
    """

    def __init__(self, figures: Path):
        self.figures_folder = figures
        self.sections: list[Section] = []
        self.tables: list[Entry] = []
        self.figures: list[Entry] = []
        self._ids: set[str] = set()
        self.filtered = False
        self._unnumbered = 0

    def add(self, name: str, notebook: Mapping[str, Any]) -> None:
        """Add an executed notebook as the next section."""
        about = notebook["metadata"].get("cohortbook", {})
        section = Section(id=self._new_id(name), name=name, lacks=about.get("skipped", ""))
        section.defaults = declared_parameters(notebook)
        section.parameters = about.get("parameters") or section.defaults
        self.sections.append(section)
        folded: list[str] = []
        for cell in notebook["cells"]:
            source = source_of(cell)
            if section.lacks and section.title:  # of a notebook that was not run, the title is all there is to show
                break
            if HIDDEN in cell["metadata"].get("tags", ()):
                continue
            if cell["cell_type"] == "markdown":
                self._unfold(section, folded)
                section.blocks.append(self._markdown(source, section))
            elif cell["cell_type"] == "code" and source.strip():
                folded.append(source)
                if cell["outputs"]:
                    self._unfold(section, folded)
                    section.blocks += [self._output(output, section) for output in cell["outputs"]]
        if section.lacks:
            section.blocks.clear()
            section.headings.clear()
        self._unfold(section, folded)
        section.title = section.title or name

    def _new_id(self, wanted: str) -> str:
        base = re.sub(r"[^a-z0-9]+", "-", wanted.lower()).strip("-") or "part"
        new, again = base, 1
        while new in self._ids:
            again += 1
            new = f"{base}-{again}"
        self._ids.add(new)
        return new

    def _unfold(self, section: Section, folded: list[str]) -> None:
        """Put code that waits behind one fold; several cells in a row without output share it."""
        if folded:
            code = "".join(f"<pre>{highlighted(source)}</pre>" for source in folded)
            section.blocks.append(f'<details class="code"><summary>Code</summary>{code}</details>')
            folded.clear()

    def _markdown(self, text: str, section: Section) -> str:
        """Render markdown one heading level down; the notebook's own title becomes the section's."""
        import mistune

        page = self

        class Renderer(mistune.HTMLRenderer):
            def heading(self, text: str, level: int, **attributes: Any) -> str:
                if level == 1 and not section.title:
                    section.title = re.sub(r"^\d+\.\s+", "", plain_text(text))  # the report numbers its sections itself
                    return ""
                entry = Entry(id=page._new_id(f"{section.name}-{plain_text(text)}"), title=plain_text(text))
                if level <= 2:
                    section.headings.append(entry)
                tag = f"h{min(max(level, 2) + 1, 6)}"
                return f'<{tag} id="{entry.id}">{text}</{tag}>\n'

        render = mistune.create_markdown(renderer=Renderer(escape=False), plugins=["table", "strikethrough"])
        return in_scrollers(str(render(text)))

    def _output(self, output: Mapping[str, Any], section: Section) -> str:
        if output["output_type"] == "stream":
            kind = "warning" if output["name"] == "stderr" else "printed"
            return f'<pre class="{kind}">{html.escape(_joined(output["text"]).rstrip())}</pre>'
        if output["output_type"] == "error":
            return f'<pre class="warning">{html.escape(output["ename"] + ": " + output["evalue"])}</pre>'
        data = {kind: value if kind.endswith("+json") else _joined(value) for kind, value in output["data"].items()}
        if OWN_TABLE in data.get("text/html", ""):
            return self._table(data["text/html"])
        if FIGURE in data:
            return self._figure(data, data[FIGURE])
        if "text/html" in data:
            return f'<div class="html">{in_scrollers(data["text/html"])}</div>'
        if "text/markdown" in data:
            return f'<div class="finding">{self._markdown(data["text/markdown"], section)}</div>'
        if picture := picture_of(data):
            alt = html.escape(data.get("text/plain", ""))
            return f'<figure class="figure"><div class="scroll"><img src="{picture}" alt="{alt}"></div></figure>'
        return f'<pre class="printed">{html.escape(data.get("text/plain", ""))}</pre>'

    def _table(self, text: str) -> str:
        """Number a table, and take caption and footnotes out of it: they stay in place when a wide table scrolls."""
        text, words = taken_out(text, "caption")
        numbered = re.match(r"(Table \S+)\. ", words)
        if not numbered:
            self._unnumbered += 1
        number = numbered[1] if numbered else f"Table S{self._unnumbered}"
        words = words.removeprefix(f"{number}. ")
        named = re.search(r'<table\b[^>]*? id="([^"]*)"', text)
        entry = Entry(id=self._new_id(named[1] if named else number), title=plain_text(words), number=number)
        self.tables.append(entry)
        text, notes = taken_out(text, "tfoot")
        text = re.sub(r'<table\b([^>]*?) id="[^"]*"', r"<table\1", text, count=1)
        text = re.sub(r' style="[^"]*"', "", text)  # what makes it readable in JupyterLab
        text = text.replace("<table", f'<table aria-labelledby="{entry.id}-caption"', 1)
        notes = re.sub(r"</?t[rhd]\b[^>]*>", "", notes)
        # "61.6 (11.9)" and "n = 69" stay on one line; a sentence in a cell may wrap.
        text = re.sub(r"\bn = (\d)", "n\u00a0=\u00a0\\1", text)
        text = re.sub(r"<td>([^<]{1,20})</td>", r'<td class="short">\1</td>', text)
        text = re.sub(r"<td>([^<]{40,})</td>", r'<td class="long">\1</td>', text)
        text = numbers_aligned(text)
        kind = " wide" if len(re.findall(r"<th\b", text.partition("</tr>")[0])) > WIDE else ""
        about = ""
        if named and named[1] in FILTERED:
            kind, text = " wide filtered", columns_named(text)
            lists, plain = (html.escape(json.dumps(value)) for value in (FILTERED[named[1]], PLAIN))
            about = f' data-filters="{lists}" data-plain="{plain}"'
            self.filtered = True
        return (
            f'<figure class="table{kind}" id="{entry.id}"{about}><figcaption id="{entry.id}-caption">'
            f'<span class="number">{html.escape(number)}.</span> {words}</figcaption>{in_scrollers(text)}'
            + (f'<div class="footnotes">{notes}</div>' if notes else "")
            + "</figure>"
        )

    def _figure(self, data: Mapping[str, str], about: Mapping[str, Any]) -> str:
        saved = self.figures_folder / f"{about['name']}.svg"
        bundle = {"image/svg+xml": saved.read_text(encoding="utf-8")} if saved.is_file() else data
        entry = Entry(
            id=self._new_id(f"figure-{about['name']}"),
            title=plain_text(about["caption"]),
            number=f"Figure {len(self.figures) + 1}",
        )
        self.figures.append(entry)
        image = f'<img src="{picture_of(bundle)}" alt="{html.escape(about["alt"])}">'
        caption = f'<figcaption><span class="number">{entry.number}.</span> {about["caption"]}</figcaption>'
        return f'<figure class="figure" id="{entry.id}"><div class="scroll">{image}</div>{caption}</figure>'


def _joined(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else "".join(value)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def provenance(study: Study) -> dict[str, list[tuple[str, str]]]:
    """Collect what the report rests on: files, seed, revision of the code, and versions.

    Nothing in it changes from one run to the next when the inputs do not.
    """
    import platform
    from importlib import metadata

    wanted = [study.path.name, study.file.study.data]
    if study.file.published:
        wanted.append(study.file.published.file)
    files = [(name, sha256(study.folder / name)) for name in wanted if (study.folder / name).is_file()]
    made = [("Code", revision())]
    if study.file.reconstruction:
        made.append(("Seed of the reconstruction", str(study.file.reconstruction.seed)))
    made.append(("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"))
    try:
        required = [line for line in metadata.requires("cohortbook") or () if "extra ==" not in line]
        names = ["cohortbook", *sorted(re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in required)]
        packages = [(name, metadata.version(name)) for name in names]
    except metadata.PackageNotFoundError as error:
        packages = [(str(error.name), "not installed")]
    return {"files": files, "made": made, "packages": packages}


def revision() -> str:
    """Return the git revision of this code with the day of its commit, and whether files were changed since."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(Path(__file__).parent), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        commit, day = git("log", "-1", "--format=%H %cs").split()
        changed = git("status", "--porcelain", ":/")
    except (OSError, ValueError, subprocess.CalledProcessError):
        return "not in a git checkout"
    return f"git {commit} of {day}" + (", with changes that are not committed" if changed else "")


def _not_run(study: Study, section: Section) -> str:
    """Say why a section was not run, in a line; what it lacks is marked as code."""
    from markupsafe import Markup

    name = at_key(study.file, section.lacks)
    if section.lacks in FILES and name:
        line = "{} needs {}: there is no <code>{}</code> in the study's folder."
        return Markup(line).format(section.name, FILES[section.lacks], name)
    return Markup("the study file has no section <code>{}</code>, which {} needs.").format(section.lacks, section.name)


def build_report(study: Study, notebooks: Iterable[Path], *, figures: Path) -> str:
    """Return the report as one HTML page that needs no other file.

    Parameters
    ----------
    study : Study
        The study: title, citation, and the banner that says its patients are synthetic.
    notebooks : iterable of Path
        Executed notebooks, in order.
    figures : Path
        The folder with the figures' SVG files.
    """
    import jinja2
    from pygments.formatters import HtmlFormatter

    page = Page(figures)
    for path in notebooks:
        page.add(path.stem, read_notebook(path))
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ASSETS), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("report.html.jinja").render(
        study=study.file.study,
        page=page,
        css=(ASSETS / "report.css").read_text(encoding="utf-8"),
        lacks=lambda section: _not_run(study, section),
        filter_js=(ASSETS / "filter.js").read_text(encoding="utf-8") if page.filtered else "",
        code_css=HtmlFormatter(style="friendly").get_style_defs(".code pre"),
        provenance=provenance(study),
    )


@command
def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m cohortbook.report", description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="executed notebooks, in order")
    parser.add_argument("--study", required=True, help="folder of the study, or the name of a bundled one")
    parser.add_argument("--output", required=True, type=Path, help="the page to write")
    parser.add_argument("--figures", type=Path, help="folder of the SVG figures (default: figures/ beside the page)")
    options = parser.parse_args(arguments)
    figures = options.figures or options.output.parent / "figures"
    write_whole(options.output, build_report(load_study(options.study), options.notebooks, figures=figures))
    print(f"Report: {options.output}")
