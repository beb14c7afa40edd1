"""The committed notebooks: their anatomy, and outputs that every run gives again (nbval compares them)."""

import ast
import re
from pathlib import Path

import pytest

from cohortbook.notebook.notebook import declared_parameters, read_notebook, source_of
from studyfile.study.schema import StudyFile

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NUMBERED = sorted(FOLDER.glob("[0-9]*.ipynb"))
PATHS = [*NUMBERED, *sorted(FOLDER.glob("scenarios/*.ipynb"))]
LINES = 12  # that a cell may have
WORDS = range(30, 71)  # that a heading's text may have

each = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def tags(cell):
    return cell["metadata"].get("tags", [])


def cells(path, kind):
    return [cell for cell in read_notebook(path)["cells"] if cell["cell_type"] == kind]


def statements(cell):
    return ast.parse(source_of(cell)).body


def assigned(body):
    return [target for s in body if isinstance(s, ast.Assign) for target in s.targets]


def is_plain(cell):
    """Say whether a code cell is one that ends in a value to look at: not imports, parameters or saving."""
    only_imports = all(isinstance(s, ast.Import | ast.ImportFrom) for s in statements(cell))
    return not only_imports and "parameters" not in tags(cell)


def test_notebooks_are_numbered_from_one_without_gaps():
    assert [path.name[:3] for path in NUMBERED] == [f"{n:02d}_" for n in range(1, len(NUMBERED) + 1)]


@each
def test_every_code_cell_was_run_in_order(path):
    # nbval passes over a cell without a stored execution count.
    counts = [cell["execution_count"] for cell in cells(path, "code")]
    assert counts == list(range(1, len(counts) + 1)), "run `make notebooks`"


@each
def test_outputs_are_the_same_on_every_machine(path):
    notebook = read_notebook(path)
    text = path.read_text(encoding="utf-8")
    assert not re.findall(r"/(?:home|root|Users|tmp|work|private)/\S*", text)
    assert not re.findall(r"\b0x[0-9a-f]{6,}", text)
    assert not [output for cell in cells(path, "code") for output in cell["outputs"] if output["output_type"] == "error"]
    assert set(notebook["metadata"]) <= {"kernelspec", "language_info", "cohortbook"}
    assert "version" not in notebook["metadata"]["language_info"]
    assert {key for cell in notebook["cells"] for key in cell["metadata"]} <= {"tags"}
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)


@each
def test_no_output_shows_the_last_digits_of_a_number(path):
    for cell in cells(path, "code"):
        for output in cell["outputs"]:
            shown = {kind: text for kind, text in output.get("data", {}).items() if not kind.startswith("image/")}
            assert not re.findall(r"[1-9]\d*[.]\d{8,}|0[.]0*[1-9]\d{7,}", str(shown)), source_of(cell)


@each
def test_it_opens_with_title_question_imports_parameters_and_one_call(path):
    title, imports, parameters, load = read_notebook(path)["cells"][:4]
    text = source_of(title)
    assert text.startswith("# ")
    assert all(word in text for word in ("**Question.**", "Reads ", "Writes "))
    assert all(isinstance(s, ast.Import | ast.ImportFrom) for s in statements(imports))
    assert tags(parameters) == ["parameters"]
    assert "study" in source_of(load)
    assert sum("parameters" in tags(cell) for cell in cells(path, "code")) == 1


@each
def test_parameters_are_literals_one_a_line_each_with_a_comment(path):
    cell = next(cell for cell in cells(path, "code") if "parameters" in tags(cell))
    for line in source_of(cell).splitlines():
        assert re.fullmatch(r"[a-z_]+ = .+  # .+", line), line
    found = declared_parameters(read_notebook(path))
    assert len(found) == len(source_of(cell).splitlines())
    assert found["study"] == "spinal-metastases"
    assert found["output_dir"] == ""


@each
def test_what_it_needs_is_a_section_of_the_study_file(path):
    needs = read_notebook(path)["metadata"].get("cohortbook", {}).get("needs", [])
    for key in [needs] if isinstance(needs, str) else needs:
        assert key.split(".")[0] in StudyFile.model_fields


@each
def test_a_cell_is_one_idea_and_ends_in_a_value(path):
    for cell in cells(path, "code"):
        source = source_of(cell)
        assert len(source.splitlines()) <= LINES, source
        body = statements(cell)
        named = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.While, ast.With, ast.Try, ast.Lambda)
        assert not [node for node in ast.walk(ast.Module(body, [])) if isinstance(node, named)], source
        targets = [target for s in body if isinstance(s, ast.Assign) for target in s.targets]
        assert all(isinstance(target, ast.Name | ast.Tuple) for target in targets), f"changes what it did not make: {source}"
        assert not [s for s in body if isinstance(s, ast.AugAssign)], source
        if is_plain(cell):
            assert isinstance(body[-1], ast.Expr), f"ends in no value: {source}"


@each
def test_no_name_is_given_twice(path):
    targets = [t for cell in cells(path, "code") for s in statements(cell) if isinstance(s, ast.Assign) for t in s.targets]
    names = [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
    assert len(set(names)) == len(names)


@each
def test_every_heading_says_why_and_what_to_look_for(path):
    for cell in cells(path, "markdown")[1:]:
        if "not-in-report" in tags(cell):
            continue
        heading, _, text = source_of(cell).partition("\n")
        assert heading.startswith("## "), heading
        assert len(text.split()) in WORDS, f"{heading}: {len(text.split())} words"


@each
def test_it_ends_by_saving(path):
    *_, last = read_notebook(path)["cells"]
    assert "output_dir" in source_of(last)
    assert tags(last) == ["not-in-report"]
