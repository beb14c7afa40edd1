"""The report: one page, numbered, self-contained, readable on every screen."""

import base64
import html
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cohortbook.report.document import FIGURE, Document
from cohortbook.report.provenance import revision, sha256
from cohortbook.report.report import build_report, main
from cohortbook.report.report_html import ASSETS, PLAIN
from cohortbook.report.report_html import shown as as_html
from sample_notebooks import code, markdown, notebook, runnable, write
from studyfile.study.study import load_study

pytestmark = pytest.mark.build

ROOT = Path(__file__).resolve().parents[1]
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="700" height="400"><rect width="9" height="9"/></svg>'
PNG = base64.b64encode(b"\x89PNG").decode()


def table(name="table-2", number="2", title="Who they were", head=("", "n = 72"), rows=(("Age", "61.4 (11.9)"),)):
    label = f"Table {number}. " if number else ""
    heads = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    cells = ("".join(f"<td>{html.escape(cell)}</td>" for cell in rest) for _, *rest in rows)
    body = "".join(f'<tr><th scope="row">{row[0]}</th>{rest}</tr>' for row, rest in zip(rows, cells, strict=True))
    foot = f'<tfoot><tr><td colspan="{len(head)}"><p>Mean (SD).</p></td></tr></tfoot>'
    text = (
        f'<table class="cohortbook" id="{name}"><caption>{label}{title}</caption><thead><tr>{heads}</tr></thead>'
        f"<tbody>{body}</tbody>{foot}</table>"
    )
    return {"text/html": text, "text/plain": "..."}


def figure(name="survival", caption="Survival, with 95% bands", alt='Curves that fall; "lung" first'):
    return {"image/png": PNG, "text/plain": "...", FIGURE: {"name": name, "caption": caption, "alt": alt}}


def blocks(*cells, figures=Path("nowhere"), **about):
    """Return the HTML of a section made from cells."""
    document = Document(figures)
    document.add("01_x", notebook(*cells, **about))
    return "\n".join(as_html(document.sections[0]))


class Checker(HTMLParser):
    """Collects ids, links and addresses, and checks that every element is closed."""

    void = ("meta", "link", "img", "br", "hr", "input", "col", "source", "wbr")

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.addresses, self.open, self.tags = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.append((tag, found))
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"][1:]] if found.get("href", "").startswith("#") else []
        self.addresses += [found[key] for key in ("src", "href") if key in found and not found[key].startswith("#")]
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return the folder of a report with everything in it."""
    folder = tmp_path_factory.mktemp("built")
    wide = table(
        "table-7",
        "7",
        "Failure or not",
        head=("", *(f"Column {i}" for i in range(14))),
        rows=[(f"Row {i}", *(["61.6 (11.9)"] * 14)) for i in range(5)],
    )
    first = runnable(title="Who they were")
    first["cells"] += [
        markdown("## Demography\n\nWhat *matters* here."),
        code("describe()", table()),
        code("steps()", table("step-log", None, "Steps of the selection")),
        code("compare()", wide),
        code("print(1)", {"output_type": "stream", "name": "stderr", "text": "UserWarning: <odd>\n"}),
        code("finding", {"text/markdown": "The mean age was **61.4**.", "text/plain": "..."}),
        code("frame", {"text/html": '<style scoped>td {}</style><table border="1"><tr><td>1</td></tr></table>'}),
    ]
    first["metadata"]["cohortbook"] = {"parameters": {"study": "x", "output_dir": "build/x", "level": 0.9}}
    second = runnable(title="How long they lived")
    second["cells"] += [markdown("## Curves"), code("plot()", figure()), code("plot2()", figure("forest", "Effects"))]
    absent = runnable("1 / 0", title="Who failed", skipped="comparison", needs="comparison")
    write(folder / "notebooks/01_cohort.ipynb", first)
    write(folder / "notebooks/02_survival.ipynb", second)
    write(folder / "notebooks/03_failure.ipynb", absent)
    (folder / "figures").mkdir()
    (folder / "figures/survival.svg").write_text(SVG)
    assert (
        main(
            [
                "--study",
                "spinal-metastases",
                "--output",
                str(folder / "report.html"),
                *map(str, sorted((folder / "notebooks").iterdir())),
            ]
        )
        == 0
    )
    return folder


@pytest.fixture(scope="module")
def page(built):
    return (built / "report.html").read_text(encoding="utf-8")


def test_the_page_is_well_formed_and_needs_no_other_file(page):
    found = Checker(page)
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    assert set(found.links) <= set(found.ids)
    assert all(address.startswith("data:") for address in found.addresses)
    assert "@import" not in page
    assert not re.findall(r"url\((?!data:)", page)
    assert all("alt" in attributes and attributes["alt"] for tag, attributes in found.tags if tag == "img")


def test_the_page_says_what_it_is_about_and_that_the_patients_are_synthetic(page):
    about = load_study("spinal-metastases").file.study
    assert f"<title>{about.title}</title>" in page
    assert f"<strong>Synthetic patients.</strong> {about.synthetic}</aside>" in page
    assert '@bottom-left { content: "Synthetic patients' in page
    assert about.citation in page


def test_tables_keep_the_journals_number_or_get_one_and_figures_are_counted(page):
    captions = re.findall(r'<span class="number">((?:Table|Figure) [^<]*)</span> ([^<]*)<', page)
    assert captions == [
        ("Table 2.", "Who they were"),
        ("Table S1.", "Steps of the selection"),
        ("Table 7.", "Failure or not"),
        ("Figure 1.", "Survival, with 95% bands"),
        ("Figure 2.", "Effects"),
    ]
    for entry in ('#table-7"><b>Table 7.</b> Failure or not', '#figure-forest"><b>Figure 2.</b> Effects'):
        assert f'<a href="{entry}</a>' in page


def test_a_table_scrolls_alone_between_its_caption_and_its_notes():
    shown = blocks(code("describe()", table()))
    order = [shown.index(part) for part in ("<figcaption", '<div class="scroll"', "<table", "</table></div>", "Mean (SD)")]
    assert order == sorted(order)
    assert "<caption" not in shown
    assert "<tfoot" not in shown
    assert 'aria-labelledby="table-2-caption"' in shown
    assert shown.count('id="table-2"') == 1
    assert "n\u00a0=\u00a072" in shown
    assert '<td class="short">61.4 (11.9)</td>' in shown


def test_only_a_table_of_many_columns_is_turned_in_print():
    assert 'class="table"' in blocks(code("t", table(head=[""] * 8)))
    assert 'class="table wide"' in blocks(code("t", table(head=[""] * 9)))


def test_columns_of_single_numbers_are_set_flush_right():
    rows = [("Age", "61.4", "<0.001", "17 (23.6)"), ("SINS", "−2", "–", "3")]
    shown = blocks(code("t", table(head=("", "Mean", "P", "n (%)"), rows=rows)))
    assert re.findall(r'<t[hd][^>]* ?class="num"[^>]*>([^<]*)<', shown) == ["Mean", "P", "61.4", "&lt;0.001", "−2", "–"]


def test_the_saved_drawing_is_shown_and_else_the_picture_in_the_notebook(tmp_path):
    (tmp_path / "survival.svg").write_text(SVG)
    shown = blocks(code("plot()", figure()), code("plot()", figure("forest")), figures=tmp_path)
    assert f'src="data:image/svg+xml;base64,{base64.b64encode(SVG.encode()).decode()}"' in shown
    assert f'src="data:image/png;base64,{PNG}"' in shown
    assert 'alt="Curves that fall; &quot;lung&quot; first"' in shown


def test_code_is_folded_and_cells_without_output_share_a_fold():
    shown = blocks(code("import a"), code("b = 1 < 2"), code("b", {"text/plain": "True"}), markdown("x"), code("save()"))
    assert shown.count("<details") == 2
    assert "<details open" not in shown
    assert shown.index("import") < shown.index("&lt;") < shown.index("True") < shown.index("save")


def test_text_is_escaped_and_markdown_is_rendered():
    shown = blocks(
        code("f()", {"text/plain": "<Study 'a'>"}),
        code("g()", {"text/markdown": "An **odds ratio** of 2\n"}),
        code("h()", {"output_type": "error", "ename": "E", "evalue": "<b>", "traceback": []}),
        markdown("| a | b |\n|---|---|\n| 1 | 2 |"),
    )
    assert "&lt;Study &#x27;a&#x27;&gt;" in shown
    assert "An <strong>odds ratio</strong> of 2" in shown
    assert "E: &lt;b&gt;" in shown
    assert shown.count('<div class="scroll" tabindex="0"><table>') == 1


def test_a_notebook_that_was_not_run_is_a_line_with_the_reason(page):
    assert "Not run: the study file has no section <code>comparison</code>, which 03_failure needs." in page
    assert "Who failed</a>" in page
    assert "1</span> <span class" not in page.partition("Not run:")[2].partition("</section>")[0]


def test_a_cell_can_stay_out_of_the_report():
    shown = blocks(code("shown", {"text/plain": "1"}), code("save()", {"text/plain": "2"}, tags=["not-in-report"]))
    assert "shown" in shown
    assert "save" not in shown


def test_a_title_loses_the_number_of_its_notebook():
    document = Document(Path("nowhere"))
    document.add("04_x", notebook(markdown("# 4. The *model*")))
    assert document.sections[0].title == "The model"


def test_headings_move_one_level_down_and_names_stay_apart():
    shown = blocks(markdown("# Title\n\n## Part\n\n### Deeper"), markdown("## Part"))
    assert re.findall(r'<(h\d) id="([^"]*)">', shown) == [("h3", "01-x-part"), ("h4", "01-x-deeper"), ("h3", "01-x-part-2")]


def test_the_page_tells_what_it_was_made_from(page):
    study = load_study("spinal-metastases")
    assert sha256(study.path) in page
    assert sha256(study.folder / "published.csv") in page
    assert f"<td>{study.file.reconstruction.seed}</td>" in page
    assert "<b><code>level = 0.9</code></b>" in page
    assert "<code>level = 0.95</code>" in page
    assert "output_dir =" not in page.partition('id="provenance"')[2]
    assert f"Python</th><td>{sys.version.split()[0]}" in page
    for name in ("pandas", "statsmodels", "lifelines"):
        assert re.search(rf"{name}&nbsp;\d", page)


def test_the_revision_says_when_files_were_changed(tmp_path, monkeypatch):
    import cohortbook.report.provenance as provenance

    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "report.py"))
    assert revision() == "not in a git checkout"
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "-m", "x"], check=True)
    clean = revision()
    assert re.fullmatch(r"git [0-9a-f]{40} of \d{4}-\d\d-\d\d", clean)
    (tmp_path / "report.py").touch()
    assert revision() == f"{clean}, with changes that are not committed"


def test_the_same_inputs_give_the_same_page(built, page):
    study = load_study("spinal-metastases")
    again = build_report(study, sorted((built / "notebooks").iterdir()), figures=built / "figures")
    assert again == page
    assert str(built) not in page


def test_a_study_of_real_patients_has_no_banner(tmp_path):
    (tmp_path / "study.yml").write_text(
        "study: {title: A & B, id: patient}\nvariables:\n  age: {label: Age, kind: continuous}\n"
    )
    shown = build_report(load_study(tmp_path), [], figures=tmp_path)
    assert "<h1>A &amp; B</h1>" in shown
    assert "Synthetic patients" not in shown
    assert Checker(shown).open == []


def test_a_broken_notebook_leaves_the_last_good_page(built, tmp_path, capsys):
    target = tmp_path / "report.html"
    target.write_text("the last good page")
    (tmp_path / "01_x.ipynb").write_text("{")
    assert main(["--study", "spinal-metastases", "--output", str(target), str(tmp_path / "01_x.ipynb")]) == 1
    assert "01_x.ipynb: not a notebook" in capsys.readouterr().err
    assert target.read_text() == "the last good page"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["01_x.ipynb", "report.html"]


# The table of verdicts


def verdicts(n=60):
    """Return a table of verdicts as `cohortbook.sections.audit.layouts_audit` lays it out."""
    import pandas as pd

    from cohortbook.display.tables import DisplayTable, Row
    from cohortbook.sections.audit.layouts_audit import VERDICTS

    words = list(VERDICTS)
    rows = [
        Row(
            (
                f"t{k % 3}_{'very_long_name_' * (k % 2)}{k}",
                f"Table {k % 3}",
                f"{k}.5",
                "",
                words[k % len(words)],
                "",
                "C1" if words[k % len(words)] == "contradicted" else "",
                f"Reason {k}: P < 0.05 & more words that wrap " * 2,
            )
        )
        for k in range(n)
    ]
    head = ("ID", "Where", "Printed", "Recomputed", "Verdict", "Method", "Conflict", "Reason")
    return DisplayTable(name="audit", title="Every printed figure", head=head, rows=tuple(rows), frame=pd.DataFrame())


def test_the_table_of_verdicts_says_of_each_cell_what_it_is():
    shown = blocks(code("verdicts", verdicts(3)._repr_mimebundle_()))
    assert re.findall(r'<th scope="col" data-column="([^"]*)">', shown) == [
        "id",
        "where",
        "printed",
        "recomputed",
        "verdict",
        "method",
        "conflict",
        "reason",
    ]
    chip = '<td data-column="verdict"><span class="verdict" data-verdict="reproduced by another method">'
    assert f"{chip}reproduced by another method</span></td>" in shown
    assert '<th scope="row" data-column="id">t1_<wbr>very_<wbr>long_<wbr>name_<wbr>1</th>' in shown
    assert 'class="table wide filtered" id="audit" data-filters="{&quot;Verdict&quot;: &quot;All verdicts&quot;' in shown
    assert Checker(shown).open == []


def test_only_a_page_with_a_long_table_holds_the_filter(page):
    assert "figure.filtered" not in page.partition("<script>")[2]
    assert 'class="table filtered' not in page


def test_verdicts_have_the_colours_of_the_figure():
    from cohortbook.sections.audit.figures_audit import TILES
    from printcheck.audit.verdicts import VERDICTS

    css = (ASSETS / "report.css").read_text()
    found = dict(re.findall(r'\.verdict\[data-verdict="([^"]*)"\] \{ background: ([^;]*);', css))
    assert found == {verdict: fill.lower() for verdict, (fill, *_) in TILES.items()}
    assert found.keys() == VERDICTS.keys()
    assert set(PLAIN) < set(VERDICTS)


# In a browser

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

# Loads the page in a frame of a given width and writes down what a reader would meet.
PROBE = """<!DOCTYPE html><body style="margin:0">
<iframe src="report.html" style="width:{width}px;height:3000px"></iframe>
<script>
addEventListener("load", () => {{
  const page = document.querySelector("iframe").contentDocument, root = page.documentElement;
  const box = (tag) => page.querySelector(tag).getBoundingClientRect();
  const found = {{
    overflow: root.scrollWidth - root.clientWidth,
    headings: page.querySelectorAll("main h2").length,
    contents: page.getElementById("contents").open,
    beside: box("main").left > box("nav").right,
    unfolded: page.querySelectorAll("details.code[open]").length,
    broken: [...page.images].filter((i) => i.src.includes("svg") && !i.naturalWidth).length,
    scrolls: [...page.querySelectorAll("figure.wide .scroll")].map((s) => s.scrollWidth > s.clientWidth),
    small: [...page.querySelectorAll("main *")].filter((e) => e.textContent.trim() && parseFloat(
      page.defaultView.getComputedStyle(e).fontSize) < 11).length,
    loaded: performance.getEntriesByType("resource").filter((r) => r.name.startsWith("http")).length,
  }};
  document.body.dataset.found = JSON.stringify(found);
}});
</script>"""


def browse(folder, width, page=PROBE):
    """Open `report.html` of a folder at a width and return what the probe, a page around it, found."""
    probe = folder / f"probe-{width}.html"
    probe.write_text(page.format(width=width))
    with_profile = ["--user-data-dir=" + str(folder / f"profile-{width}"), f"--window-size={max(width, 600)},3000"]
    done = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
            *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
            *("--allow-file-access-from-files", "--virtual-time-budget=5000", *with_profile),
            *("--dump-dom", probe.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = re.search(r'data-found="([^"]*)"', done.stdout)
    assert found, done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads(html.unescape(found[1]))


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_it_on_a_phone_and_on_a_desk(built, width):
    found = browse(built, width)
    wide = width > 1024
    assert found == {
        "overflow": 0,
        "headings": 4,
        "contents": wide,
        "beside": wide,
        "unfolded": 0,
        "broken": 0,
        "scrolls": [True],
        "small": 0,
        "loaded": 0,
    }


@needs_chromium
def test_the_committed_notebooks_make_a_report_that_a_browser_shows(tmp_path):
    notebooks = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
    if not notebooks:
        pytest.skip("there are no notebooks yet")
    text = build_report(load_study("spinal-metastases"), notebooks, figures=tmp_path)
    (tmp_path / "report.html").write_text(text, encoding="utf-8")
    assert Checker(text).open == []
    for width in (390, 1280):
        found = browse(tmp_path, width)
        assert found["headings"] == len(notebooks) + 1
        assert (found["overflow"], found["unfolded"], found["broken"], found["loaded"]) == (0, 0, 0, 0)
    for number in range(2, 9):
        assert f'<span class="number">Table {number}.</span>' in text


# Uses the filter above the table of verdicts as a reader would, and writes down how many rows are left.
FILTER_PROBE = """<!DOCTYPE html><body style="margin:0">
<iframe src="report.html" {sandbox} style="width:{width}px;height:900px"></iframe>
<script>
addEventListener("load", async () => {{
  const page = document.querySelector("iframe").contentDocument, figure = page.querySelector("figure.filtered");
  const controls = [...figure.querySelectorAll(".filter :is(input, select, button)")];
  const scroll = figure.querySelector(".scroll"), head = figure.querySelector("thead th");
  const left = () => [...figure.querySelectorAll("tbody tr")].filter((row) => row.offsetParent !== null).length;
  const found = {{
    overflow: page.documentElement.scrollWidth - page.documentElement.clientWidth,
    controls: controls.map((c) => [...(c.labels[0] ?? c).childNodes].map((n) => n.data ?? "").join("").trim()),
    reachable: controls.every((c) => c.tabIndex === 0) && scroll.tabIndex === 0,
    all: left(), bounded: scroll.clientHeight < 721 && scroll.scrollHeight > scroll.clientHeight,
    sideways: scroll.scrollWidth > scroll.clientWidth,
    reason: figure.querySelector('td[data-column="reason"]').clientWidth,
  }};
  scroll.scrollTop = 500;
  found.head = !head.offsetParent || Math.abs(head.getBoundingClientRect().top - scroll.getBoundingClientRect().top) < 3;
  if (controls.length) {{
    const [find, verdict, where, findings, clear] = controls;
    const put = (control, value) => {{
      control[control.type === "checkbox" ? "checked" : "value"] = value;
      control.dispatchEvent(new Event("input", {{ bubbles: true }}));
      return [left(), figure.querySelector("output").textContent];
    }};
    found.typed = put(find, "wrap REASON 17:");
    found.nothing = put(find, "no such words");
    clear.click();
    await new Promise((done) => setTimeout(done, 50));
    found.cleared = [left(), figure.querySelector("output").textContent, find.value];
    found.verdicts = [...verdict.options].map((option) => option.text);
    found.verdict = put(verdict, "contradicted");
    found.both = put(where, "Table 1");
    verdict.value = where.value = "";
    found.findings = put(findings, true);
  }}
  document.body.dataset.found = JSON.stringify(found);
}});
</script>"""


@pytest.fixture(scope="module")
def long_table(tmp_path_factory):
    """Return the folder of a report with a table of verdicts."""
    folder = tmp_path_factory.mktemp("verdicts")
    notebook = runnable(title="Audit")
    notebook["cells"] += [markdown("## Every figure"), code("verdicts", verdicts()._repr_mimebundle_())]
    path = write(folder / "06_audit.ipynb", notebook)
    text = build_report(load_study("spinal-metastases"), [path], figures=folder)
    (folder / "report.html").write_text(text, encoding="utf-8")
    return folder


@needs_chromium
@pytest.mark.parametrize("width", [400, 1280])
def test_a_reader_filters_the_table_of_verdicts(long_table, width):
    found = browse(long_table, width, FILTER_PROBE.replace("{sandbox}", ""))
    assert found.pop("reason") > 200
    assert found == {
        "overflow": 0,
        "controls": ["Find", "Verdict", "Where", "Only findings", "Show all"],
        "reachable": True,
        "all": 60,
        "bounded": True,
        "sideways": False,
        "head": True,
        "typed": [1, "1 of 60 rows"],
        "nothing": [0, "0 of 60 rows"],
        "cleared": [60, "60 rows", ""],
        "verdicts": [
            "All verdicts",
            "reproduced (9)",
            "compatible (9)",
            "reproduced by another method (9)",
            "rounded otherwise (9)",
            "contradicted (8)",
            "not decided (8)",
            "not checkable (8)",
        ],
        "verdict": [8, "8 of 60 rows"],
        "both": [3, "3 of 60 rows"],
        "findings": [34, "34 of 60 rows"],
    }


@needs_chromium
def test_without_scripts_the_table_of_verdicts_is_whole(long_table):
    found = browse(long_table, 1281, FILTER_PROBE.replace("{sandbox}", 'sandbox="allow-same-origin"'))
    assert (found["controls"], found["all"], found["overflow"], "typed" in found) == ([], 60, 0, False)
