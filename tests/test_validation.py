"""validation.py against R's rms: fixed resamples exactly, its own bootstrap within the error of simulation."""

import doctest
import math

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from alike import near
from logistic_cases import birthwt, separated
from performance_comparisons import CASES, EXACT, _optimism, values
from tallystats.regression import validation
from tallystats.regression.design import make_design
from tallystats.regression.selection import select_terms
from tallystats.regression.stability import resampled_counts
from tallystats.regression.validation import MEASURES, bootstrap_optimism
from tallystats.tally import Tally

TERMS = CASES["birthwt"][2]


@pytest.mark.parametrize("one", list(_optimism()), ids=str)
def test_fixed_resamples_equal_r(one):
    assert one.difference() < one.tolerance


def test_bootstrap_agrees_with_rms_within_the_error_of_simulation():
    known, drawn = values("validate"), 2000
    found = bootstrap_optimism(birthwt(), outcome="low", terms=TERMS, resamples=drawn, seed=4)
    names = {"Dxy": "c_statistic", "R2": "nagelkerke", "B": "brier", "Intercept": "intercept", "Slope": "slope"}
    frame = found.frame.set_index("term")
    design = make_design(birthwt(), outcome="low", terms=TERMS)
    counts = resampled_counts(design, 200, 9)
    models = validation._fit(design, counts, [TERMS] * 200, EXACT)
    spread = np.nanstd(validation.measures(design, np.repeat(design.n[None], 200, axis=0), *models, own=False), axis=0)
    for theirs, ours in names.items():
        scale = 2 if theirs == "Dxy" else 1
        assert_allclose(scale * frame.loc[ours, "apparent"] - (scale - 1), known[f"{theirs}:apparent"], atol=1e-8)
        error = spread[MEASURES.index(ours)] * math.sqrt(2 / drawn)
        for part in ("training", "test"):
            off = frame.loc[ours, part] - (known[f"{theirs}:{part}"] + scale - 1) / scale
            assert abs(off) <= 5 * error


def test_corrected_is_apparent_less_optimism():
    found = bootstrap_optimism(birthwt(), outcome="low", terms=TERMS, resamples=30)
    frame = found.frame
    assert_allclose(frame["estimate"], frame["apparent"] - frame["training"] + frame["test"])
    assert found.of("slope") == frame["estimate"][4]
    assert (found.used, found.unusable, found.empty, found.selected_anew) == ((30,) * 5, 0, 0, False)


def test_selecting_anew_costs_more_than_the_model_admits():
    chosen = select_terms(birthwt(), outcome="low", candidates=TERMS)
    honest = bootstrap_optimism(birthwt(), outcome="low", selection=chosen, resamples=100)
    flattering = bootstrap_optimism(birthwt(), outcome="low", terms=chosen.selected, resamples=100)
    assert honest.terms == flattering.terms == chosen.selected
    assert honest.apparent == pytest.approx(flattering.apparent, rel=1e-6)
    assert honest.selected_anew
    assert honest.of("c_statistic") < flattering.of("c_statistic")


@pytest.mark.filterwarnings("ignore::tallystats.results.UndefinedWarning")
def test_resamples_that_select_nothing_give_everybody_the_rate():
    chosen = select_terms(separated(), outcome="failed", candidates=["cement", "late", "weak"], entry=0.1)
    assert chosen.selected == ()
    found = bootstrap_optimism(separated(), outcome="failed", selection=chosen, resamples=60)
    assert 0 < found.empty <= 60 - found.unusable
    assert found.apparent[:2] == (0.5, 0.0)
    assert math.isnan(found.apparent[4])
    assert found.used[4] <= 60 - found.unusable - found.empty
    assert found.unusable > 0


def test_rows_and_units_do_not_matter():
    rows = birthwt().expand().sample(frac=1, random_state=2)
    first = bootstrap_optimism(Tally.from_rows(rows), outcome="low", terms=TERMS, resamples=20)
    second = bootstrap_optimism(birthwt(), outcome="low", terms=TERMS, resamples=20)
    assert first == near(second)
    done = []
    frame = birthwt().frame
    other = bootstrap_optimism(
        Tally(frame.assign(lwt=1000 + frame["lwt"] / 2.2)), outcome="low", terms=TERMS, resamples=20, on_progress=done.append
    )
    assert_allclose(other.corrected, second.corrected, rtol=1e-6)
    assert sum(done) == 20


def test_errors():
    options = {"outcome": "low", "terms": ["smoke"]}
    with pytest.raises(ValueError, match="resamples: 0; expected at least 1"):
        bootstrap_optimism(birthwt(), **options, resamples=0)
    with pytest.raises(ValueError, match="terms, selection: expected exactly one of them"):
        bootstrap_optimism(birthwt(), outcome="low")
    rows = Tally.from_rows(pd.DataFrame({"x": [1.0, 2.0], "y": [True, True]}))
    with pytest.raises(ValueError, match="'y' is the same in all 2 complete patients"):
        bootstrap_optimism(rows, outcome="y", terms=["x"])


def test_examples():
    tested = doctest.testmod(validation)
    assert tested.attempted > 0
    assert tested.failed == 0
