"""Notebooks run by papermill: in private, with checked parameters, all or nothing."""

import json
import os
import sys
from pathlib import Path

import pytest

from cohortbook.notebook.notebook import (
    NotebookError,
    check_parameters,
    declared_parameters,
    parse_assignments,
    parse_value,
    read_notebook,
)
from cohortbook.run import main, private_kernel, run_notebook
from sample_notebooks import PARAMETERS, notebook, runnable, write

pytestmark = pytest.mark.build

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


def outputs(path):
    return [output for cell in read_notebook(path)["cells"] for output in cell.get("outputs", ())]


def printed(path):
    return "".join("".join(output["text"]) for output in outputs(path) if output["output_type"] == "stream")


# Parameters


def test_declared_parameters_are_names_with_defaults():
    found = declared_parameters(runnable(parameters=PARAMETERS + "\nat = [90, 365]  # days"))
    assert found == {"study": "spinal-metastases", "output_dir": "", "level": 0.95, "at": [90, 365]}
    assert declared_parameters(notebook()) == {}


def test_parameters_must_be_plain_literals():
    with pytest.raises(NotebookError, match="more than plain literals"):
        declared_parameters(runnable(parameters="level = 1 - 0.05"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("removal", "'removal': expected name=value"),
        ("removal = lr", "expected name=value without spaces"),
        ("1st=2", "expected name=value"),
        ("a=1 a=2", "'a' is given twice"),
        ("study=x", "use make report STUDY=folder"),
        ("title='open", "No closing quotation"),
    ],
)
def test_assignments_that_are_none_say_so(text, message):
    with pytest.raises(NotebookError, match=message):
        parse_assignments([text])


@pytest.mark.parametrize(
    ("text", "default", "value"),
    [
        ("lr", "wald", "lr"),
        ("0.10", "wald", "0.10"),
        ("0.1", 0.05, 0.1),
        ("1", 0.05, 1.0),
        ("1e-8", 0.05, 1e-8),
        ("20", 5, 20),
        ("true", False, True),
        ("no", "yes", "no"),
        ("no", None, "no"),
        ("5", None, 5),
        ("[180, 365.5, yes]", [90], [180, 365.5, "yes"]),
        ("180", [90], [180]),
    ],
)
def test_values_are_read_in_the_light_of_the_default(text, default, value):
    found = parse_value("x", text, default)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "default", "message"),
    [
        ("high", 0.05, "x=high: expected a number, such as the default x=0.05"),
        ("0.5", 20, "expected a whole number"),
        ("yes", False, "expected true or false"),
        ("true", 0.05, "expected a number"),
        ("{a: 1}", [90], "expected a word, a number, true, false or a list"),
        ("[1, [2]]", [90], "expected a word"),
    ],
)
def test_values_of_another_kind_are_errors(text, default, message):
    with pytest.raises(NotebookError, match=message):
        parse_value("x", text, default)


def test_unknown_parameters_and_wrong_values_are_reported_together(tmp_path):
    path = write(tmp_path / "01_x.ipynb", runnable())
    with pytest.raises(NotebookError) as caught:
        check_parameters([path], {"levle": "1", "level": "high", "colour": "red"})
    assert str(caught.value).splitlines() == [
        "parameters: no notebook declares 'levle'; did you mean 'level'?",
        "parameters: level=high: expected a number, such as the default level=0.95",
        "parameters: no notebook declares 'colour'; declared: level",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "not a notebook"), ("[]", "not a notebook of format 4"), ('{"nbformat": 3}', "not a notebook of format 4")],
)
def test_a_file_that_is_no_notebook_says_so(tmp_path, content, message):
    path = tmp_path / "01_x.ipynb"
    path.write_text(content)
    with pytest.raises(NotebookError, match=message):
        read_notebook(path)
    with pytest.raises(NotebookError, match="No such file"):
        read_notebook(tmp_path / "none.ipynb")


# Running


def test_a_notebook_runs_with_its_parameters_and_leaves_no_trace_of_the_run(tmp_path, monkeypatch):
    # A kernel of the same name in the user's folder, which cannot start, is not the one that runs.
    write(tmp_path / "home/kernels/python3/kernel.json", {"argv": ["false"], "display_name": "x", "language": "python"})
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    cells = "import os, sys, warnings\nprint(sys.executable, os.getcwd())", "warnings.warn('odd')", "study, level"
    source = write(tmp_path / "01_x.ipynb", runnable(*cells))
    target = tmp_path / "build/notebooks/01_x.ipynb"
    before = dict(os.environ)

    told = run_notebook(source, target, study="data/x", output_dir="build", given={"level": "0.9", "other": "1"})

    assert told == "done"
    assert printed(target) == f"{sys.executable} {tmp_path}\nUserWarning: odd\n"
    assert outputs(target)[-1]["data"]["text/plain"] == ["('data/x', 0.9)"]
    assert read_notebook(target)["metadata"] == {
        "cohortbook": {"parameters": {"study": "data/x", "output_dir": "build", "level": 0.9}},
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {
            "file_extension": ".py",
            "mimetype": "text/x-python",
            "name": "python",
            "nbconvert_exporter": "python",
            "pygments_lexer": "ipython3",
        },
    }
    assert "papermill" not in target.read_text()
    assert [path.name for path in target.parent.iterdir()] == ["01_x.ipynb"]
    assert dict(os.environ) == before
    first = target.read_bytes()
    run_notebook(source, target, study="data/x", output_dir="build", given={"level": "0.9"})
    assert target.read_bytes() == first


def test_a_copy_run_with_the_same_parameters_is_kept(tmp_path):
    source = write(tmp_path / "01_x.ipynb", runnable("level"))
    target = tmp_path / "out.ipynb"
    assert run_notebook(source, target, given={"level": "0.9"}, unless_same=True) == "done"
    os.utime(target, (0, 0))
    assert run_notebook(source, target, given={"level": "0.90"}, unless_same=True) == "unchanged"
    assert target.stat().st_mtime > 0
    assert run_notebook(source, target, given={"level": "0.8"}, unless_same=True) == "done"


def test_kernels_live_in_a_short_lived_private_folder(monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "a notebook from which make was called")
    with private_kernel() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        assert len(str(folder / "k-5")) < 100
        kernels = Path(os.environ["JUPYTER_PATH"]) / "kernels"
        assert json.loads((kernels / "python3/kernel.json").read_text())["argv"][0] == sys.executable
        assert os.environ["JUPYTER_RUNTIME_DIR"] == str(folder)
        assert "JPY_SESSION_NAME" not in os.environ
    assert "JPY_SESSION_NAME" in os.environ
    assert not folder.exists()


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("x = 1\nx / 0", ["cell In [3] failed: x / 0", "ZeroDivisionError: division by zero"]),
        ("raise ValueError", ["cell In [3] failed: raise ValueError", "ValueError"]),
        (
            "from studyfile.errors import CohortbookError\nraise CohortbookError('row 3: not a number\\nrow 4: too')",
            ["cell In [3] failed", "row 3: not a number", "row 4: too"],
        ),
    ],
)
def test_a_failed_cell_is_named_and_nothing_is_replaced(tmp_path, monkeypatch, capsys, source, lines):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "01_x.ipynb", runnable(source, "1"))
    target = tmp_path / "build/notebooks/01_x.ipynb"
    target.parent.mkdir(parents=True)
    target.write_text("the last good copy")

    assert main(["notebook", "01_x.ipynb", str(target), "--output-dir", "build"]) == 1

    error = capsys.readouterr().err.splitlines()
    expected = [f"01_x.ipynb: {lines[0]}", *lines[1:], "  half-run notebook: build/failed/01_x.ipynb"]
    assert error == expected
    assert target.read_text() == "the last good copy"
    assert "output_type" in Path("build/failed/01_x.ipynb").read_text()


def test_what_two_notebooks_fail_of_is_told_once(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("01_x", "02_y"):
        write(tmp_path / f"{name}.ipynb", runnable("raise ValueError('no cohort')"))
        assert main(["notebook", f"{name}.ipynb", f"build/{name}.ipynb", "--output-dir", "build"]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "02_y.ipynb: failed for the same reason as 01_x"


def test_a_kernel_that_dies_is_reported(tmp_path, capsys):
    source = write(tmp_path / "01_x.ipynb", runnable("import os\nos._exit(1)"))
    assert main(["notebook", str(source), str(tmp_path / "out.ipynb")]) == 1
    assert "01_x.ipynb: Kernel died" in capsys.readouterr().err
    assert not (tmp_path / "out.ipynb").exists()


def test_a_parameter_that_the_notebook_lacks_is_an_error(tmp_path, capsys):
    source = write(tmp_path / "01_x.ipynb", runnable("1"))
    assert main(["notebook", str(source), str(tmp_path / "out.ipynb"), "-p", "lvel=1"]) == 1
    assert capsys.readouterr().err == "parameters: no notebook declares 'lvel'; did you mean 'level'?\n"


MINIMAL_STUDY = """\
study: {title: A small study, id: patient}
variables:
  age: {label: Age, kind: continuous}
"""


@pytest.fixture
def study(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "study.yml").write_text(MINIMAL_STUDY)
    return folder


@pytest.mark.parametrize("needs", ["comparison", "survival.competing", ["variables", "model"]])
def test_a_notebook_whose_plan_the_study_file_lacks_is_skipped(tmp_path, study, needs):
    source = write(tmp_path / "03_x.ipynb", runnable("1 / 0", needs=needs))
    target = tmp_path / "out.ipynb"
    told = run_notebook(source, target, study=str(study))
    lacks = needs if isinstance(needs, str) else "model"
    assert told == f"skipped: the study file has no section {lacks!r}"
    assert read_notebook(target)["metadata"]["cohortbook"]["skipped"] == lacks
    assert outputs(target) == []


def test_a_notebook_whose_file_is_not_there_is_skipped_and_what_it_wrote_is_removed(tmp_path, study):
    needs = ["variables", "study.data"]
    source = write(tmp_path / "01_x.ipynb", runnable("1", needs=needs, writes=["x.csv"]))
    build, target = tmp_path / "build", tmp_path / "out.ipynb"
    build.mkdir()
    (build / "x.csv").touch()
    (build / "y.csv").touch()
    told = run_notebook(source, target, study=str(study), output_dir=str(build))
    assert told == "skipped: needs a cohort file: there is no cohort.csv in the study's folder"
    assert read_notebook(target)["metadata"]["cohortbook"]["skipped"] == "study.data"
    assert [path.name for path in build.iterdir()] == ["y.csv"]
    (study / "cohort.csv").touch()
    assert run_notebook(source, target, study=str(study), output_dir=str(build)) == "done"


def test_a_file_of_a_section_that_is_not_there_lacks_the_section(tmp_path, study):
    source = write(tmp_path / "01_x.ipynb", runnable("1 / 0", needs="published.file"))
    (study / "published.csv").touch()
    told = run_notebook(source, tmp_path / "out.ipynb", study=str(study))
    assert told == "skipped: the study file has no section 'published.file'"
    (study / "study.yml").write_text(MINIMAL_STUDY + "published: {file: other.csv}\n")
    told = run_notebook(source, tmp_path / "out.ipynb", study=str(study))
    assert told == "skipped: needs a file of printed figures: there is no other.csv in the study's folder"


def test_check_refuses_a_study_on_which_no_notebook_can_run(tmp_path, study, capsys):
    first = write(tmp_path / "01_x.ipynb", runnable("1", needs="study.data"))
    second = write(tmp_path / "02_x.ipynb", runnable("1", needs=["study.data", "model"]))
    third = write(tmp_path / "03_x.ipynb", runnable("1", needs="model"))
    arguments = ["check", "--study", str(study)]
    assert main([*arguments, str(first), str(second), str(third)]) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"{study / 'study.yml'}: there is nothing that a notebook could be run on",
        "needs a cohort file: there is no cohort.csv in the study's folder",
        "the study file has no section 'model'",
    ]
    assert main([*arguments, str(first), str(second), str(write(tmp_path / "04_x.ipynb", runnable("1")))]) == 0
    (study / "cohort.csv").touch()
    assert main([*arguments, str(first), str(third)]) == 0


def test_a_notebook_whose_plan_is_there_is_run(tmp_path, study):
    source = write(tmp_path / "03_x.ipynb", runnable("1", needs="study.title"))
    assert run_notebook(source, tmp_path / "out.ipynb", study=str(study)) == "done"


@pytest.mark.slow
@pytest.mark.skipif(not (NOTEBOOKS / "03_univariate.ipynb").exists(), reason="the notebook is not there yet")
def test_a_real_notebook_runs_with_other_parameters(tmp_path):
    def effects(level):
        run_notebook(
            NOTEBOOKS / "03_univariate.ipynb",
            tmp_path / f"{level}.ipynb",
            study="spinal-metastases",
            output_dir=str(tmp_path / level),
            given={"confidence_level": level},
        )
        results = json.loads((tmp_path / level / "tables/effects.json").read_text(encoding="utf-8"))["results"]
        return {row["term"]: row for row in results}

    usual, wider = effects("0.95"), effects("0.99")
    assert usual.keys() == wider.keys()
    both = [(usual[term], wider[term]) for term in usual]
    finite = [(a, b) for a, b in both if isinstance(a["estimate"], float) and isinstance(a["conf_high"], float)]
    assert len(finite) > 5
    for a, b in finite:
        assert b["estimate"] == a["estimate"] < a["conf_high"] < b["conf_high"]
    pictures = {path.suffix for path in (tmp_path / "0.99/figures").iterdir()}
    assert pictures == {".png", ".svg"}


def test_check_reports_a_wrong_study_file_before_any_notebook_runs(tmp_path, study, capsys):
    source = write(tmp_path / "01_x.ipynb", runnable("1"))
    arguments = ["check", str(source), "--study", str(study), "-p"]
    assert main([*arguments, "level=0.9"]) == 0
    assert main([*arguments, "levels=0.9"]) == 1
    (study / "study.yml").write_text(MINIMAL_STUDY + "tabels: {}\n")
    assert main([*arguments, ""]) == 1
    assert "tabels: unknown key; did you mean 'tables'?" in capsys.readouterr().err


def test_inplace_gives_the_same_bytes_again(tmp_path, capsys):
    content = runnable("import warnings\nwarnings.warn('odd')", "{1, 2}")
    content["nbformat_minor"] = 4  # before cells had ids
    content["metadata"] = {"kernelspec": {"name": "other"}, "language_info": {"name": "python", "version": "3.11.0"}}
    for cell in content["cells"]:
        cell["metadata"]["execution"] = {"iopub.execute_input": "2026-01-01"}
        del cell["id"]
    source = write(tmp_path / "01_x.ipynb", content)

    assert main(["inplace", str(source)]) == 0
    first = source.read_bytes()
    assert main(["inplace", str(source)]) == 0

    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [["01_x", "changed"], ["01_x", "unchanged"]]
    assert source.read_bytes() == first
    cells = read_notebook(source)["cells"]
    assert [cell["id"] for cell in cells] == ["cell-01", "cell-02", "cell-03", "cell-04"]
    assert [cell.get("execution_count") for cell in cells] == [None, 1, 2, 3]
    assert b"2026-01-01" not in first
    assert b"3.11.0" not in first
    assert str(tmp_path).encode() not in first
