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

#: The rooms from the foundation up; a module imports from its own row and those above it.
ROOMS = (
    {"errors", "results"},
    {"tally"},
    {"schema_parts", "schema_printed", "schema", "study_yaml", "study_checks", "study", "study_scenarios", "key_reference"},
    {"csvfile", "readers", "readers_csv", "readers_excel", "readers_statistics", "readers_redcap", "values", "cohort"},
    {"counts", "describe", "printed_tests", "rank_and_t_tests", "two_groups", "effects", "multiplicity", "compare", "design",
     "separation", "logistic", "firth", "selection",
     "lifetable", "logrank", "survival", "competing", "gray", "restricted_mean", "partial_likelihood",
     "cox", "cox_firth", "fine_gray", "npmle", "turnbull", "current_status"},
    {"published", "published_checks"},
    {"analysis", "models", "endpoints", "questions", "stratified"},
    {"tables", "layouts", "layouts_models", "layouts_printed_audit", "layouts_audit", "figures", "figures_models",
     "figures_audit", "findings", "findings_models", "findings_printed_audit", "findings_audit", "layouts_scenarios",
     "findings_scenarios", "layouts_explore", "figures_explore", "all_layouts", "manuscript", "output", "menus"},
    {"notebook", "run", "report_html", "report", "draft_words", "draft_columns", "draft_ids", "draft", "check"},
)  # fmt: skip
#: Beside them: printed figures and the solver, which no room but these imports.
BESIDE = {
    # what figures say, as numbers and as constraints
    "patterns", "cells", "claims", "printed_effects", "solver", "solver_tests", "solver_models",
    "solver_summaries", "denials",
    # what can hold together, and patients who show it
    "conflicts", "statements", "proof_block", "prover", "repairs", "shapes", "reconstruct", "reprint", "possible",
    "undetermined",
    # the audit
    "rounding", "checks", "printed_counts", "printed_percentages", "grim", "printed_summaries", "printed_intervals",
    "significance", "arithmetic", "which_test", "which_question", "which_tables", "which_codings", "which_range",
    "which_values", "which_search", "printed_model",
    "model_tables", "model_methods", "verdicts", "audit_words", "audit_case", "explanations", "audit_verdicts", "audit",
    "progress", "cache",
}  # fmt: skip
RANK = {name: rank for rank, names in enumerate(ROOMS) for name in names}
STATISTICS = ROOMS[4]
#: (module, what it imports) against the order, each with its reason.
EXCEPTIONS = {
    ("published", "reprint"): "the same, by its old name",
    ("manuscript", "notebook"): "asks the study file what it has, as notebooks do",
    ("output", "notebook"): "writes a file whole or not at all",
    ("cache", "notebook"): "writes a file whole or not at all",
    ("reconstruct", "notebook"): "writes a file whole or not at all",
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
    """Yield the modules of this package that a module imports."""
    for name, function, typing in imports(path):
        if name.startswith("cohortbook."):
            yield name.split(".")[1], function, typing


MODULES = sorted(path.stem for path in SOURCE.glob("*.py") if path.stem != "__init__")


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
    free = [name for name in MODULES if RANK.get(name) in (0, 1, 4)]
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
    assert set(MODULES) <= set(RANK) | BESIDE


@pytest.mark.parametrize("name", [name for name in MODULES if name in RANK])
def test_rooms_import_one_way(name):
    allowed = set().union(*ROOMS[: RANK[name] + 1], BESIDE if name.endswith("_audit") else ())
    wrong = [(to, function) for to, function, typing in own(SOURCE / f"{name}.py")
             if to not in allowed and not typing and function != "_repr_html_" and (name, to) not in EXCEPTIONS]  # fmt: skip
    assert not wrong


@pytest.mark.parametrize("name", sorted(BESIDE & set(MODULES)))
def test_solver_stands_beside(name):
    shown = set().union(*ROOMS[7:])
    assert not [to for to, function, _ in own(SOURCE / f"{name}.py")
                if to in shown and function != "_repr_html_" and (name, to) not in EXCEPTIONS]  # fmt: skip


def test_exceptions_to_the_order_wait_until_they_are_used():
    for name, to in EXCEPTIONS:
        assert not [to for module, function, _ in own(SOURCE / f"{name}.py") if module == to and not function]


@pytest.mark.parametrize("name", sorted(STATISTICS & set(MODULES)))
def test_statistics_neither_format_nor_draw(name):
    for module, function, _ in imports(SOURCE / f"{name}.py"):
        if function != "_repr_html_":
            assert module.split(".")[0] not in ("matplotlib", "seaborn", "IPython"), module
            assert module not in {f"cohortbook.{room}" for room in ROOMS[7]}, module


def test_walk_sees_imports_in_functions(tmp_path):
    path = tmp_path / "module.py"
    path.write_text("from cohortbook import tables\ndef f():\n    if 1:\n        import cohortbook.figures as x\n"
                    "if TYPE_CHECKING:\n    from cohortbook.run import y\n")  # fmt: skip
    assert list(own(path)) == [("tables", "", False), ("figures", "f", False), ("run", "", True)]


def test_no_public_name_is_a_module():
    # Once imported, a module would stand where its namesake stood.
    assert not set(cohortbook.__all__) & set(MODULES)
