"""explore.py and what it shows: comparisons of one's own choice, menus that follow, and JupyterLab in a real browser."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import cohortbook as cb
from browser import CHROMIUM, browser
from cohortbook.notebook.notebook import read_notebook, source_of
from cohortbook.sections.comparison.stratified import compare_between
from studyfile.errors import CohortbookError
from tiny import STUDY, load

pytestmark = pytest.mark.build

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def patients():
    return cb.load_cohort("spinal-metastases")


def test_whole_is_what_the_plan_compares(patients):
    for row in cb.compare_groups(patients).rows:
        ((name, part),) = compare_between(patients, row.term, by="implant_failure", test=row.choice.test).parts
        assert name == ""
        assert part.test.p_value == pytest.approx(row.test.p_value, rel=1e-12, nan_ok=True)


def test_strata_are_the_patients_of_each_level(patients):
    found = compare_between(patients, "age_years", by="implant_failure", strata="sex", test="welch_t")
    data = patients.data
    assert [name for name, _ in found.parts] == ["female", "male"]
    for name, part in found.parts:
        mine = data[data["sex"] == name]
        failed = mine["implant_failure_type"] != "none"
        ages = mine["age_years"].astype(float)
        assert [group.n for group in part.groups] == [(~failed).sum(), failed.sum()]
        assert [group.mean for group in part.groups] == pytest.approx([ages[~failed].mean(), ages[failed].mean()])
    binary = compare_between(patients, "age_years", by="sex", strata="hypertension")
    assert [name for name, _ in binary.parts] == ["Hypertension: no", "Hypertension: yes"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"by": "sins_score"}, "by: SINS has no levels; expected a variable that makes groups"),
        ({"by": "primary_tumor", "test": "student_t"}, "in three or more groups; expected auto, anova, welch_anova"),
        ({"by": "primary_tumor", "test": "jonckheere_terpstra"}, "is of a trend, and Primary tumour has no order"),
        ({"by": "sex", "strata": "sins_score"}, "strata: SINS is a number; expected a variable with levels"),
        ({"by": "sex", "strata": "sex"}, "expected three different variables"),
        ({"by": "sex", "test": "fisher_exact"}, "expected auto, mann_whitney"),
        ({"by": "percutaneous_screws"}, "nobody with Age is in one of the groups of Percutaneous screws"),
    ],
)
def test_what_makes_no_sense_is_refused(patients, given, message):
    with pytest.raises(ValueError, match=message):
        compare_between(patients, "age_years", **given)


def test_tables_and_figures_say_what_is_compared(patients):
    table = cb.table_of(compare_between(patients, "kyphoplasty", by="implant_failure"))
    assert table.head[1:] == ("Implant failure: no", "Implant failure: yes", "Test", "P", "Effect")
    assert table.rows[0].cells[:3] == ("Kyphoplasty", "18 (26.1)", "3 (100.0)")
    assert any("Fisher's exact P: all 0.02" in note for note in table.notes)
    levels = cb.table_of(compare_between(patients, "escc_grade", by="sex", strata="location"))
    assert [row.cells[0] for row in levels.rows if row.kind != "level"] == ["T1-T6", "T7-T12", "L1-S1"]
    plot = cb.plot_groups(compare_between(patients, "age_years", by="sex", strata="location"))
    assert len(plot.figure.axes) == 3
    assert plot.caption.startswith("Age, years by sex, by location.")
    assert "T1-T6: female median" in plot.alt
    shares = cb.plot_groups(compare_between(patients, "kyphoplasty", by="implant_failure"))
    assert "no 26.1 % yes v yes 100.0 % yes" in shares.alt


def menus(box):
    (groups, test), code, table, figure = (column.children for column in box.children[0].children), *box.children[1:]
    return *groups, *test, code, table, figure


def test_menus_lead_the_table_the_figure_and_the_code(patients):
    by, variable, test, strata, code, table, figure = menus(cb.explore(patients))
    assert by.value == "implant_failure"
    variable.value = "age_years"
    assert code.value == "<code>cb.compare_between(patients, &#x27;age_years&#x27;, by=&#x27;implant_failure&#x27;)</code>"
    first, picture = table.value, figure.value
    test.value, strata.value = "welch_t", "sex"
    assert "strata=&#x27;sex&#x27;" in code.value
    assert "test=&#x27;welch_t&#x27;" in code.value
    assert "female" in table.value != first
    assert figure.value != picture
    variable.value = "kyphoplasty"  # which Welch's test does not suit
    assert test.value == "auto"
    strata.value = "implant_failure"
    assert "expected three different variables" in table.value
    assert figure.value == b""


def test_a_study_without_groups_says_so(tmp_path):
    head = STUDY[: STUDY.index("variables:")]
    with pytest.raises(CohortbookError, match="no variable has levels, so there are no groups to compare"):
        cb.explore(load(tmp_path, text=head + "variables: {dose: {label: Dose, kind: count}}\n", rows="id,dose\n1,3\n"))
    text = head + "variables: {kind: {label: Kind, kind: category, levels: [x, y, z]}}\n"
    with pytest.raises(CohortbookError, match="the study has one variable; a comparison takes two"):
        cb.explore(load(tmp_path, text=text, rows="id,kind\n1,x\n"))


def test_three_and_more_groups(patients):
    found = compare_between(patients, "age_years", by="sins_band")
    table = cb.table_of(found)
    assert table.head[1:4] == ("SINS: 1–6", "SINS: 7–12", "SINS: 13–18")
    assert all(len(row.cells) == len(table.head) for row in table.rows)
    assert "Effect: eta squared." in table.notes
    assert len(cb.plot_groups(found).figure.axes[0].get_xticks()) == 3
    levels = cb.table_of(compare_between(patients, "sex", by="primary_tumor"))
    assert any("; exact P: all" in note for note in levels.notes)
    by, variable, test, *_, table, _ = menus(cb.explore(patients))
    variable.value, by.value = "age_years", "sins_band"
    assert test.options == ("auto", "anova", "welch_anova", "kruskal_wallis", "jonckheere_terpstra")
    by.value = "primary_tumor"
    assert test.options == ("auto", "anova", "welch_anova", "kruskal_wallis")
    assert "Primary tumour: breast" in table.value


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_jupyterlab_in_a_browser(tmp_path):
    """Open the committed notebook as a reader does, run all cells, choose another variable: the table changes."""
    port = free_port()
    (tmp_path / "explore.ipynb").write_bytes((ROOT / "notebooks/explore.ipynb").read_bytes())
    folders = {
        name: str(tmp_path / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    }
    server = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "jupyterlab",
            "--no-browser",
            f"--port={port}",
            "--ServerApp.ip=127.0.0.1",
            "--IdentityProvider.token=",
            "--ServerApp.disable_check_xsrf=True",
            "--allow-root",
            "--LabApp.expose_app_in_browser=True",
            "--ServerApp.port_retries=0",
            f"--ServerApp.root_dir={tmp_path}",
        ],
        env={**os.environ, **folders, "JUPYTER_PREFER_ENV_PATH": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            with socket.socket() as found:
                if not found.connect_ex(("127.0.0.1", port)):
                    break
            time.sleep(0.2)
        with browser(f"http://127.0.0.1:{port}/lab/tree/explore.ipynb", tmp_path / "profile") as page:
            page.until("!!(window.jupyterapp && document.querySelector('.jp-Notebook .jp-Cell'))")
            page.until("jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'")
            page.run("jupyterapp.commands.execute('notebook:run-all-cells')")
            table = "document.querySelector('.jp-OutputArea table.cohortbook')?.innerText || ''"
            first = page.until(table)
            code = "[...document.querySelectorAll('.widget-html code')].map((c) => c.innerText).join()"
            assert "cb.compare_between(patients," in page.run(code)
            assert "Kyphoplasty" not in first
            page.run("""(() => {
              const menu = [...document.querySelectorAll('.widget-dropdown')]
                .find((d) => d.querySelector('label').innerText === 'Variable').querySelector('select');
              menu.value = [...menu.options].find((o) => o.text === 'Kyphoplasty').value;
              menu.dispatchEvent(new Event('change', {bubbles: true}));
            })()""")
            page.until(f"({table}).includes('Kyphoplasty')")
            assert "'kyphoplasty'" in page.run(code)
            assert page.run("document.querySelector('.widget-image').naturalWidth") > 300
            page.run("document.querySelector('.widget-dropdown').scrollIntoView()")
            page.picture(tmp_path / "lab.png")
    finally:
        server.terminate()
        server.wait(timeout=30)


def test_the_notebook_is_kept_without_outputs():
    cells = [cell for cell in read_notebook(ROOT / "notebooks/explore.ipynb")["cells"] if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells)
    assert source_of(cells[-1]) == "cb.explore(patients)"
