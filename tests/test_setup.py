"""Set-up: one lock for every route, and make, which runs what changed and nothing else."""

import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from sample_notebooks import PARAMETERS, runnable, write

pytestmark = pytest.mark.build

ROOT = Path(__file__).resolve().parents[1]


# The lock


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def locked():
    """Return name -> the requirements of that name (several where the version depends on the Python)."""
    found = {}
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        requirement = Requirement(line)
        found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


def test_every_version_is_pinned_and_no_index_is_named(locked):
    text = (ROOT / "requirements.lock").read_text()
    assert not re.search(r"://|--|@", text)
    for requirements in locked.values():
        for requirement in requirements:
            assert re.fullmatch(r"==[^*]+", str(requirement.specifier)), requirement


def test_the_lock_holds_what_the_project_asks_for(project, locked):
    for line in project["dependencies"] + project["optional-dependencies"]["test"]:
        wanted = Requirement(line)
        pinned = locked[canonicalize_name(wanted.name)]
        for requirement in pinned:
            (version,) = requirement.specifier
            assert wanted.specifier.contains(version.version), f"{line} but the lock has {version}"


def test_the_lock_is_complete(locked):
    from importlib import metadata

    for name, requirements in locked.items():
        if not any(r.marker is None or r.marker.evaluate() for r in requirements):
            continue
        for line in metadata.requires(name) or ():
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
                assert canonicalize_name(wanted.name) in locked, f"{name} needs {wanted}"


def test_conda_installs_the_same_lock(project):
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *conda, pip = environment["dependencies"]
    assert pip == {"pip": ["-r requirements.lock", "-e ."]}
    assert {"pip", "make"} <= set(conda)
    (python,) = (Requirement(line) for line in conda if line.startswith("python"))
    assert python.specifier == SpecifierSet(project["requires-python"])


def test_continuous_integration_runs_the_tests_that_make_runs():
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)
    lines = script.read_text().splitlines()
    assert "set -euo pipefail" in lines
    assert lines[-2:] == ["make test", "make test-all"]


def test_the_citation_names_the_paper_and_the_licence_both_licences():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    (paper,) = citation["references"]
    assert paper["doi"] == "10.1016/j.wneu.2021.01.047"
    assert len(paper["authors"]) == 7
    licence = (ROOT / "LICENSE").read_text()
    assert licence.startswith("BSD 3-Clause License")
    assert "CC0" in licence


def test_what_make_calls_starts_in_no_time():
    # Notebooks run in kernels of their own.
    heavy = {"numpy", "pandas", "scipy", "matplotlib", "seaborn", "statsmodels", "lifelines", "ortools", "papermill"}
    program = "import sys, cohortbook.run, cohortbook.report.report; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not heavy & set(done.stdout.split())


# Make


def make(folder, *arguments, python=sys.prefix, **settings):
    """Run make in a folder as a user does whose active environment holds the package."""
    foreign = ("COHORTBOOK_CACHE", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "CONDA_PREFIX", "VIRTUAL_ENV", "PYTHONPATH")
    environment = {key: value for key, value in os.environ.items() if key not in foreign}
    if python:
        environment["VIRTUAL_ENV"] = str(python)
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=environment | settings, capture_output=True, text=True, timeout=300
    )


def ran(done):
    """Return which notebooks make ran, from its lines."""
    return sorted(line.split()[0] for line in done.stdout.splitlines() if re.match(r"\d\d_", line))


def documented():
    return re.findall(r"^([a-z-]+):.* ## ", (ROOT / "Makefile").read_text(), re.M)


def test_make_alone_lists_every_target():
    done = make(ROOT)
    assert done.returncode == 0
    assert re.findall(r"^make ([a-z-]+) +\S", done.stdout, re.M) == documented()
    assert {"help", "report", "audit", "test", "lab", "cohort", "notebooks", "clean"} <= set(documented())
    phony = re.search(r"^\.PHONY: (.*)", (ROOT / "Makefile").read_text(), re.M)[1].split()
    assert set(phony) == {*documented(), "documents", "FORCE"}  # the documents belong to the report


@pytest.mark.parametrize(
    ("study", "message"),
    [
        ("my data", "expected one folder whose path has neither a space nor a colon"),
        ("", "expected one folder whose path has neither a space nor a colon"),
        ("c:data", "neither a space nor a colon"),
        (".", "expected the folder by its name, such as data/spinal-metastases"),
        ("data/nowhere", "no study.yml there; expected a folder such as data/"),
    ],
)
def test_a_study_that_make_cannot_use_is_one_clear_line(study, message):
    done = make(ROOT, "report", f"STUDY={study}")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert f"STUDY={study}: " in done.stderr
    assert message in done.stderr
    for folder in re.findall(r"such as (data/[^.\s]*)", done.stderr):
        assert (ROOT / folder / "study.yml").is_file(), folder


def test_an_old_python_is_told_which_one_is_needed(tmp_path):
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "make", "awk", "mkdir", "rm", "tail", "touch", "cat", "getconf"):
        (tools / tool).symlink_to(shutil.which(tool))
    old = tools / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.6"\nexit 1\n')
    old.chmod(0o755)
    done = make(tmp_path, ".venv/.installed", python=None, PATH=str(tools))
    assert done.returncode != 0
    assert "cohortbook needs Python 3.11 or newer; python3 is Python 3.9.6." in done.stderr
    assert "make PYTHON=" in done.stderr
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize("holds_package", [True, False])
def test_an_active_environment_is_used_only_if_it_holds_the_package(tmp_path, holds_package):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").write_text(f"#!/bin/sh\nexit {0 if holds_package else 1}\n")
    (tmp_path / "bin/python").chmod(0o755)
    shown = make(ROOT, "-n", "cohort", python=tmp_path).stdout
    assert (f'"{tmp_path}/bin/python" -m printcheck.reconstruct' in shown) is holds_package
    assert (".venv/bin/python -m printcheck.reconstruct" in shown) is not holds_package


SMALL_STUDY = """\
study: {title: A small study, id: patient}
variables:
  age: {label: Age, kind: continuous}
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Return a project with three quick notebooks and a study of its own, under a path with a space in it."""
    folder = tmp_path_factory.mktemp("a project")
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for path in folder.rglob("*"):
        os.utime(path, (time.time() - 60,) * 2)
    (folder / "data/other").mkdir(parents=True)
    (folder / "data/other/study.yml").write_text(SMALL_STUDY)
    (folder / "data/other/notes of a meeting.txt").write_text("a name with spaces")
    save = "from pathlib import Path\nPath(output_dir, 'seen').write_text(f'{study} {level}')"
    write(folder / "notebooks/01_one.ipynb", runnable("study", save, title="One"))
    without_level = PARAMETERS.rsplit("\n", 1)[0]
    write(folder / "notebooks/02_two.ipynb", runnable("1", title="Two", parameters=without_level))
    absent = runnable("1 / 0", title="Three", parameters=without_level, needs="comparison")
    write(folder / "notebooks/03_three.ipynb", absent)
    done = make(folder, "report", "STUDY=data/other")
    assert done.returncode == 0, done.stderr
    assert ran(done) == ["01_one", "02_two", "03_three"]
    return folder


REPORT = "build/other/report.html"


def report(folder, *arguments):
    """Make the page alone: the other documents are made with it in the first run."""
    return make(folder, "report", "STUDY=data/other", "DOCUMENTS=", *arguments)


def test_make_runs_the_notebooks_and_builds_the_report(small):
    assert (small / "build/other/seen").read_text() == "data/other 0.95"
    text = (small / REPORT).read_text()
    assert "<h1>A small study</h1>" in text
    assert "the study file has no section <code>comparison</code>" in text


#: Python as make sees it: it makes the file that make waits for, and says which; what make decides is all that is tested.
STAND_IN = """\
#!/bin/sh
[ "$1" = -E ] && exit 0
module=$2 command=$3
case "$module $command" in
  "cohortbook.run notebook") mkdir -p "${5%/*}" && : > "$5" && echo "$(basename "$4" .ipynb) ran" ;;
  "cohortbook.report "*) while [ "$1" != --output ]; do shift; done; : > "$2" && echo "Report: $2" ;;
esac
"""


@pytest.fixture
def planned(tmp_path):
    """Return what runs `make report` in a project of three notebooks where everything is up to date."""
    python = tmp_path / "environment/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(STAND_IN)
    python.chmod(0o755)
    folder = tmp_path / "a project"
    names = [
        "Makefile",
        "requirements.lock",
        "data/other/study.yml",
        "src/tallystats/tally.py",
        "src/cohortbook/__init__.py",
        *(f"src/cohortbook/report/{name}" for name in ("report.py", "report_html.py", "assets/report.css")),
        *(f"notebooks/0{k}_{name}.ipynb" for k, name in enumerate(("one", "two", "three"), start=1)),
    ]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "data/other/notes of a meeting.txt").write_text("a name with spaces")
    for path in folder.rglob("*"):
        os.utime(path, (0, 0))

    def run(*arguments):
        return make(folder, "report", "STUDY=data/other", *arguments, python=python.parents[1])

    assert ran(run()) == ["01_one", "02_two", "03_three"]
    return folder, run


def test_a_second_make_has_nothing_to_do_and_says_so(planned):
    _, run = planned
    assert run().stdout == f"Nothing to do: {REPORT} is up to date.\n"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ("notebooks/02_two.ipynb", ["02_two"]),
        ("data/other/study.yml", ["01_one", "02_two", "03_three"]),
        ("src/tallystats/tally.py", ["01_one", "02_two", "03_three"]),
        ("requirements.lock", ["01_one", "02_two", "03_three"]),
        ("src/cohortbook/report/report.py", []),
        ("src/cohortbook/report/report_html.py", []),
        ("src/cohortbook/report/assets/report.css", []),
    ],
)
def test_a_change_runs_what_is_based_on_it_and_the_report(planned, changed, expected):
    folder, run = planned
    (folder / changed).touch()
    done = run("-j")
    assert (done.returncode, ran(done)) == (0, expected), done.stderr
    assert f"Report: {REPORT}\n" in done.stdout


def test_new_files_in_the_study_and_removed_notebooks_are_changes(planned):
    folder, run = planned
    (folder / "data/other/cohort.csv").touch()
    os.utime(folder / "data/other/cohort.csv", (0, 0))
    assert ran(run()) == ["01_one", "02_two", "03_three"]
    (folder / "notebooks/02_two.ipynb").unlink()
    done = run()
    assert (ran(done), f"Report: {REPORT}" in done.stdout) == ([], True)


@pytest.mark.slow
def test_parameters_go_to_the_notebooks_that_declare_them(small):
    report(small)
    done = report(small, "P=level=0.9")
    assert ran(done) == ["01_one"]
    assert (small / "build/other/seen").read_text() == "data/other 0.9"
    assert "<b><code>level = 0.9</code></b>" in (small / REPORT).read_text()
    assert ran(report(small, "P=level=0.9")) == []
    assert ran(report(small)) == ["01_one"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("levle=0.9", "parameters: no notebook declares 'levle'; did you mean 'level'?"),
        ("level=high", "parameters: level=high: expected a number, such as the default level=0.95"),
        ("it's", "No closing quotation"),
    ],
)
def test_wrong_parameters_are_told_before_any_notebook_runs(small, given, message):
    report(small)
    before = (small / REPORT).read_bytes()
    done = report(small, f"P={given}")
    assert done.returncode == 2
    assert ran(done) == []
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert (small / REPORT).read_bytes() == before


def test_a_failed_notebook_fails_make_and_leaves_the_last_good_report(small):
    report(small)
    before = (small / REPORT).read_bytes()
    good = (small / "notebooks/02_two.ipynb").read_text()
    write(small / "notebooks/02_two.ipynb", runnable("odds = 1\nodds / 0", title="Two"))
    try:
        done = report(small)
        assert done.returncode == 2
        assert done.stderr.startswith(
            "notebooks/02_two.ipynb: cell In [3] failed: odds / 0\nZeroDivisionError: division by zero\n"
            "  half-run notebook: build/other/failed/02_two.ipynb\n"
        )
        assert "Traceback" not in done.stderr
        assert (small / REPORT).read_bytes() == before
    finally:
        (small / "notebooks/02_two.ipynb").write_text(good)
    done = report(small)
    assert ran(done) == ["02_two"]
    assert not (small / "build/other/failed").exists()


def test_a_wrong_study_file_is_told_once(small):
    report(small)
    try:
        (small / "data/other/study.yml").write_text(SMALL_STUDY + "tabels: {}\n")
        done = report(small)
        assert done.returncode == 2
        assert done.stderr.count("tabels: unknown key; did you mean 'tables'?") == 1
        assert ran(done) == []
    finally:
        (small / "data/other/study.yml").write_text(SMALL_STUDY)


@pytest.mark.slow
def test_make_notebooks_keeps_the_outputs_in_the_notebooks(small):
    paths = sorted((small / "notebooks").iterdir())
    before = {path: path.read_text() for path in paths}
    write(paths[0], runnable("1 + 1"))
    write(paths[2], runnable("2 + 2"))
    try:
        first = make(small, "notebooks")
        assert first.returncode == 0, first.stderr
        assert sorted(line.split()[:2] for line in first.stdout.splitlines()) == [
            ["01_one", "changed"],
            ["02_two", "changed"],
            ["03_three", "changed"],
        ]
        assert '"4"' in paths[2].read_text()
        assert " changed" not in make(small, "notebooks").stdout
    finally:
        for path, text in before.items():
            path.write_text(text)


def test_clean_removes_what_was_built(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "build/x").mkdir(parents=True)
    (tmp_path / ".venv").mkdir()
    assert make(tmp_path, "clean").returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [".venv", "Makefile"]


# The audit, with and without patients

TABLES_ALONE = SMALL_STUDY + "published: {}\n"
FIGURES = "id,source,about,variable,level,group,statistic,value,denominator,claim,note\n"
BAR = (
    "from pathlib import Path\nimport os, sys\n"
    "print('bar on a terminal' if sys.__stderr__.isatty() else 'no terminal', file=sys.__stderr__, flush=True)\n"
    "print('told in the notebook', file=sys.stderr)\n"
    "Path(output_dir, 'audit.csv').write_text(os.environ['COHORTBOOK_CACHE'])"
)


@pytest.fixture
def audited(tmp_path):
    """Return a project with an audit, and a study of which there are printed figures and no patients."""
    folder = tmp_path / "a project"
    folder.mkdir()
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "data/other").mkdir(parents=True)
    (folder / "data/other/study.yml").write_text(TABLES_ALONE)
    (folder / "data/other/published.csv").write_text(FIGURES)
    two = PARAMETERS.rsplit("\n", 1)[0]
    write(folder / "notebooks/01_one.ipynb", runnable("1 / 0", title="One", parameters=two, needs="study.data"))
    about = {"needs": ["published", "published.file"], "writes": ["audit.csv"]}
    write(folder / "notebooks/02_audit.ipynb", runnable(BAR, title="Audit", parameters=two, **about))
    return folder


@pytest.mark.slow
def test_make_audit_needs_no_patients_and_runs_the_audit_alone(audited):
    done = make(audited, "audit", "STUDY=data/other/")
    assert done.returncode == 0, done.stderr
    assert ran(done) == ["02_audit"]
    assert done.stdout.endswith("Report: build/other/audit.html\n")
    assert "Audit</h2>" in (audited / "build/other/audit.html").read_text()
    assert not (audited / REPORT).exists()
    assert make(audited, "audit", "STUDY=data/other").stdout == ("Nothing to do: build/other/audit.html is up to date.\n")

    done = report(audited)
    assert ran(done) == ["01_one"], "the audit is not run again"
    assert "skipped: needs a cohort file: there is no cohort.csv in the study's folder" in done.stdout
    text = (audited / REPORT).read_text()
    assert "Not run: 01_one needs a cohort file: there is no <code>cohort.csv</code> in the study's folder.</p>" in text
    assert text.index("One</h2>") < text.index("Audit</h2>"), "the audit starts first and stands last"


@pytest.mark.slow
def test_what_is_kept_between_runs_stands_where_clean_finds_it(audited):
    make(audited, "audit", "STUDY=data/other")
    assert (audited / "build/other/audit.csv").read_text() == str(audited / "build/.cache")
    make(audited, "audit", "STUDY=data/other", "-B", COHORTBOOK_CACHE="/elsewhere")
    assert (audited / "build/other/audit.csv").read_text() == "/elsewhere"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lost", "line"),
    [
        (
            "published.csv",
            "02_audit needs a file of printed figures: there is no <code>published.csv</code> in the study's folder.",
        ),
        ("study.yml", "the study file has no section <code>published</code>, which 02_audit needs."),
    ],
)
def test_a_study_without_printed_figures_skips_the_audit_with_a_line(audited, lost, line):
    make(audited, "audit", "STUDY=data/other")
    (audited / "data/other/cohort.csv").write_text("patient,age\n1,50\n")
    write(audited / "notebooks/01_one.ipynb", runnable("1", title="One", needs="study.data"))
    (audited / "data/other" / lost).unlink()
    if lost == "study.yml":
        (audited / "data/other" / lost).write_text(SMALL_STUDY)
    done = report(audited)
    assert done.returncode == 0, done.stderr
    assert ran(done) == ["01_one", "02_audit"]
    assert "02_audit             skipped: " in done.stdout
    assert f"Not run: {line}</p>" in (audited / REPORT).read_text()
    assert not (audited / "build/other/audit.csv").exists(), "of an audit that no longer is"
    assert make(audited, "audit", "STUDY=data/other").returncode == 0
    assert f"Not run: {line}</p>" in (audited / "build/other/audit.html").read_text()


@pytest.mark.parametrize("target", ["audit", "report"])
def test_a_study_of_which_there_is_nothing_is_an_error(audited, target):
    (audited / "data/other/published.csv").unlink()
    done = make(audited, target, "STUDY=data/other")
    assert done.returncode == 2
    assert ran(done) == []
    assert done.stderr.splitlines()[:3] == [
        f"{audited}/data/other/study.yml: there is nothing that a notebook could be run on",
        "needs a cohort file: there is no cohort.csv in the study's folder",
        "needs a file of printed figures: there is no published.csv in the study's folder",
    ]


@pytest.mark.slow
def test_a_bar_of_progress_is_seen_on_the_terminal_and_not_in_the_notebook(audited):
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    # ipykernel takes no hold of what is written to the terminal where it believes that it is tested.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "MAKE", "MFLAGS"))}
    done = subprocess.Popen(
        ["make", "audit", "STUDY=data/other"],
        cwd=audited,
        env=environment | {"VIRTUAL_ENV": sys.prefix},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=follower,
    )
    os.close(follower)
    seen = b""
    try:
        while some := os.read(leader, 1024):
            seen += some
    except OSError:  # what Linux says at the end of a terminal
        pass
    os.close(leader)
    assert done.wait(timeout=60) == 0, seen
    assert seen.split() == [b"bar", b"on", b"a", b"terminal"]
    run = (audited / "build/other/notebooks/02_audit.ipynb").read_text()
    assert "told in the notebook\\n" in run.partition('"outputs"')[2]
    assert run.count("bar on a terminal") == 1, "in the source alone"
