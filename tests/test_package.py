"""The package as a whole: cheap to import, complete by name, and its rooms import one way."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import cohortbook

SOURCE = Path(cohortbook.__file__).parent
HEAVY = ("pandas", "numpy", "matplotlib", "seaborn", "scipy", "statsmodels", "lifelines", "ortools", "pydantic", "IPython",
         "papermill", "duckdb", "narwhals", "yaml")  # fmt: skip

#: The rooms from the foundation up: a module imports from its own room and those above it in this list.
ROOMS = (
    {"errors", "results", "tally", "tolerance", "files", "progress", "cache"},
    {"study"},
    {"privacy"},
    {"cohort"},
    {"statistics", "regression", "survival", "missing"},
    {"printed"},
    {"plan"},
    {"tables"},
    {"figures"},
    {"text"},
    {"notebook"},
    {"run", "report", "draft", "check"},
)
#: Beside them: printed figures and the solver, which no room but what shows the audit imports.
BESIDE = {"proof", "reconstruct", "audit"}
SHOWN = {"tables", "figures", "text", "notebook"}
STATISTICS = {"statistics", "regression", "survival", "missing"}
RANK = {name: rank for rank, names in enumerate(ROOMS) for name in names}
#: (module, what it imports) against the order, each with its reason.
EXCEPTIONS = {
    ("text.manuscript", "notebook"): "asks the study file what it has, as notebooks do",
}


def imports(path):
    """Yield what a module imports, in functions too: (module, inside which function, only for types)."""

    def walk(node, function, typing):
        for child in ast.iter_child_nodes(node):
            inside = child.name if isinstance(child, ast.FunctionDef) else function
            for_types = typing or (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test))
            if isinstance(child, ast.Import):
                yield from ((alias.name, inside, for_types) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                names = [child.module]
                if child.module == "cohortbook":
                    names = [f"cohortbook.{alias.name}" for alias in child.names]
                yield from ((name, inside, for_types) for name in names)
            else:
                yield from walk(child, inside, for_types)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")), "", False)


def own(path):
    """Yield the rooms of this package that a module imports from."""
    for name, function, typing in imports(path):
        if name.startswith("cohortbook."):
            yield name.split(".")[1], function, typing


FILES = {".".join(path.relative_to(SOURCE).with_suffix("").parts): path for path in sorted(SOURCE.rglob("*.py"))}
MODULES = {name: path for name, path in FILES.items() if not name.endswith(("__init__", "__main__"))}


def room(name):
    return name.split(".")[0]


def run(code):
    """Run Python code in a fresh process and return the lines that it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_import_brings_in_nothing_heavy():
    loaded = run("import sys, cohortbook; dir(cohortbook); print(*sys.modules)")
    assert "cohortbook" in loaded
    assert not set(HEAVY) & set(loaded)


def test_every_module_is_cheap_until_it_is_used():
    # The study file is validated by pydantic: those who read one pay for it.
    free = [name for name in MODULES if RANK.get(room(name)) == 0 or room(name) in STATISTICS]
    loaded = run(
        f"import sys, importlib; [importlib.import_module('cohortbook.' + n) for n in {free}]; print(*sys.modules)"
    )
    assert f"cohortbook.{free[-1]}" in loaded
    assert not set(HEAVY) & set(loaded)


def test_every_public_name_is_there_and_documented():
    assert cohortbook.__all__ == sorted(set(cohortbook.__all__))
    for name in cohortbook.__all__:
        assert getattr(cohortbook, name).__doc__, name
        assert name in dir(cohortbook)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'cohortbook' has no attribute 'plot_survial'"):
        cohortbook.plot_survial  # noqa: B018


def test_every_module_has_its_room():
    assert {room(name) for name in MODULES} == set(RANK) | BESIDE


def test_every_room_says_what_it_is_for():
    for name, path in FILES.items():
        if name.endswith(".__init__"):
            assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), name


@pytest.mark.parametrize("name", [name for name in MODULES if room(name) in RANK])
def test_rooms_import_one_way(name):
    audit = name.endswith("_audit") or room(name) == "notebook"
    allowed = set().union(*ROOMS[: RANK[room(name)] + 1], BESIDE if audit else ())
    wrong = [(to, function) for to, function, typing in own(MODULES[name])
             if to not in allowed and not typing and function != "_repr_html_" and (name, to) not in EXCEPTIONS]  # fmt: skip
    assert not wrong


@pytest.mark.parametrize("name", [name for name in MODULES if room(name) in BESIDE])
def test_solver_stands_beside(name):
    assert not [to for to, function, _ in own(MODULES[name])
                if to in SHOWN and function != "_repr_html_" and (name, to) not in EXCEPTIONS]  # fmt: skip


def test_exceptions_to_the_order_wait_until_they_are_used():
    for name, to in EXCEPTIONS:
        assert [function for room, function, _ in own(MODULES[name]) if room == to and function]
        assert not [to for room, function, _ in own(MODULES[name]) if room == to and not function]


@pytest.mark.parametrize("name", [name for name in MODULES if room(name) in STATISTICS])
def test_statistics_neither_format_nor_draw(name):
    for module, function, _ in imports(MODULES[name]):
        if function != "_repr_html_":
            assert module.split(".")[0] not in ("matplotlib", "seaborn", "IPython"), module
    assert not [to for to, function, _ in own(MODULES[name]) if to in SHOWN and function != "_repr_html_"]


def test_walk_sees_imports_in_functions(tmp_path):
    path = tmp_path / "module.py"
    path.write_text("from cohortbook import tables\ndef f():\n    if 1:\n        import cohortbook.figures as x\n"
                    "if TYPE_CHECKING:\n    from cohortbook.run import y\n")  # fmt: skip
    assert list(own(path)) == [("tables", "", False), ("figures", "f", False), ("run", "", True)]


def test_no_public_name_is_a_module():
    # Once imported, a module would stand where its namesake stood.
    assert not set(cohortbook.__all__) & {room(name) for name in MODULES}
