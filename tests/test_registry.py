"""registry.py: every method once, and what follows from it."""

import importlib
import inspect
from pathlib import Path

import pandas as pd
import pytest

from studyfile.study.schema_comparison import ComparisonRow, PairPlan
from tallystats import registry
from tallystats.registry import BY_NAME, BY_TITLE, METHODS, suited, suiting, words_of
from tallystats.statistics import compare, compare_several, paired
from tallystats.tally import Tally

ROOT = Path(__file__).resolve().parents[1]
STAGES = pd.CategoricalDtype(["I", "II", "III"], ordered=True)
ROWS = pd.DataFrame(
    {
        "age": [61.0, 70, 58, 66, 72, 49, 63, 57, 68, 75],
        "later": [62.0, 69, 60, 66, 75, 50, 61, 59, 70, 74],
        "ill": [True, False, True, True, False, False, True, False, True, False],
        "well": [True, True, False, True, False, True, True, False, False, False],
        "failed": [True, False, False, True, False, True, False, False, True, False],
        "stage": pd.Series(["I", "II", "III", "I", "II", "III", "I", "II", "III", "I"], dtype=STAGES),
        "then": pd.Series(["II", "II", "III", "I", "III", "II", "I", "I", "III", "III"], dtype=STAGES),
    }
)
COLUMN = {"continuous": "age", "binary": "ill", "ordered": "stage"}


def test_the_document_is_that_of_the_registry():
    assert (ROOT / "docs" / "methods.md").read_text(encoding="utf-8") == registry.as_markdown()


def test_no_name_and_no_title_stands_twice():
    assert len(BY_TITLE) == len(METHODS)
    assert len(BY_NAME) == len([method for method in METHODS if method.name])


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.title)
def test_every_method_is_there_and_says_what_computes_it(method):
    module, _, name = method.function.rpartition(".")
    assert inspect.isfunction(getattr(importlib.import_module(f"tallystats.{module}"), name))
    assert method.library or method.why
    assert method.r or method.spss


@pytest.mark.parametrize(("comparison", "tests"), [("two", compare.TESTS), ("several", compare_several.TESTS)])
def test_results_of_groups_bear_the_title(comparison, tests):
    by = "failed" if comparison == "two" else "stage"
    assert set(tests) == set(suited(comparison))
    for name, kinds in suited(comparison).items():
        kind = next(kind for kind in kinds if kind in COLUMN and COLUMN[kind] != by)
        found = tests[name](Tally.from_rows(ROWS), COLUMN[kind], by)
        assert found.method == BY_NAME[name].title


def test_results_of_pairs_bear_the_title():
    tally = Tally.from_rows(ROWS)
    pairs = {"continuous": ("age", "later"), "binary": ("ill", "well"), "category": ("stage", "then")}
    for name, kinds in suited("paired").items():
        function = getattr(paired, BY_NAME[name].function.rpartition(".")[2])
        options = {
            option: name.endswith(option)
            for option in ("exact", "continuity")
            if option in inspect.signature(function).parameters
        }
        kind = next(kind for kind in kinds if kind in pairs)
        assert function(tally, *pairs[kind], **options).method == BY_NAME[name].title


def test_study_files_take_the_names():
    for part, comparisons in ((ComparisonRow, ("two", "several")), (PairPlan, ("paired",))):
        names = {name for comparison in comparisons for name in suited(comparison)}
        assert set(part.model_json_schema()["properties"]["test"]["enum"]) == {"auto", *names}


def test_kinds_and_names_are_two_views_of_the_same():
    for comparison in ("two", "several", "paired"):
        seen = {(name, kind) for kind, names in suiting(comparison).items() for name in names}
        assert seen == {(name, kind) for name, kinds in suited(comparison).items() for kind in kinds}


def test_a_name_that_no_study_file_knows_stays_itself():
    assert words_of("mann_whitney") == "the Mann-Whitney U test"
    assert words_of("sign") == "sign"
