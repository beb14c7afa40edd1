"""The four packages: cheap to import, complete by name, and each imports only from those below it."""

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import cohortbook

SOURCE = Path(cohortbook.__file__).parents[1]
#: From the foundation up: a module imports from its own package and those before it.
PACKAGES = ("tallystats", "studyfile", "printcheck", "cohortbook")
RANK = {name: rank for rank, name in enumerate(PACKAGES)}
HEAVY = (
    "pandas",
    "numpy",
    "matplotlib",
    "seaborn",
    "scipy",
    "statsmodels",
    "lifelines",
    "ortools",
    "pydantic",
    "IPython",
    "papermill",
    "duckdb",
    "narwhals",
    "yaml",
)
DRAWING = ("matplotlib", "seaborn", "IPython")


def imports(path):
    """Yield what a module imports, in functions and for types too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


FILES = {".".join(p.relative_to(SOURCE).with_suffix("").parts): p for p in sorted(SOURCE.rglob("*.py"))}
MODULES = {name: path for name, path in FILES.items() if not name.endswith(("__init__", "__main__"))}


def package(name):
    return name.partition(".")[0]


def run(code):
    """Run Python code in a fresh process and return the words that it prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_there_are_four_packages():
    assert {package(name) for name in FILES} == set(PACKAGES)


def test_import_brings_in_nothing_heavy():
    loaded = run("import sys, cohortbook; dir(cohortbook); print(*sys.modules)")
    assert "cohortbook" in loaded
    assert not set(HEAVY) & set(loaded)


def test_what_takes_long_to_import_waits_until_it_is_used():
    below = [name for name in MODULES if package(name) != "cohortbook"]
    loaded = run(f"import sys, importlib; [importlib.import_module(n) for n in {below}]; print(*sys.modules)")
    assert below[-1] in loaded
    assert not {"scipy.stats", "statsmodels", "lifelines", "ortools", "matplotlib", "IPython", "duckdb"} & set(loaded)


def test_every_public_name_is_there_and_documented():
    assert cohortbook.__all__ == sorted(set(cohortbook.__all__))
    for name in cohortbook.__all__:
        assert getattr(cohortbook, name).__doc__, name
        assert name in dir(cohortbook)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'cohortbook' has no attribute 'plot_survial'"):
        cohortbook.plot_survial  # noqa: B018


def test_no_public_name_is_a_module():
    # Once imported, a module would stand where its namesake stood.
    inside = {name.split(".")[1] for name in MODULES if package(name) == "cohortbook"}
    assert not set(cohortbook.__all__) & inside


def test_every_folder_says_what_it_is_for():
    for folder in {path.parent for path in MODULES.values()}:
        assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))), folder


def test_no_two_classes_bear_one_name():
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in FILES.values()]
    names = Counter(node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    assert [name for name, number in names.items() if number > 1] == []


@pytest.mark.parametrize("name", PACKAGES)
def test_packages_import_one_way(name):
    wrong = [
        (module, to)
        for module, path in FILES.items()
        if package(module) == name
        for to in imports(path)
        if RANK.get(package(to), 0) > RANK[name]
    ]
    assert not wrong


@pytest.mark.parametrize("name", PACKAGES[:-1])
def test_what_computes_neither_draws_nor_displays(name):
    wrong = [
        (module, to)
        for module, path in FILES.items()
        if package(module) == name
        for to in imports(path)
        if package(to) in DRAWING
    ]
    assert not wrong


def test_imports_in_functions_are_seen(tmp_path):
    path = tmp_path / "module.py"
    path.write_text("from a.b import c\ndef f():\n    import d.e as x\nif TYPE_CHECKING:\n    from g import y\n")
    assert sorted(imports(path)) == ["a.b", "d.e", "g"]
