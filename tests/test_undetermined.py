"""possible.py and undetermined.py: every cohort drawn prints what is kept; what varies over them, against all cohorts."""

import itertools
import json
import math

import pandas as pd
import pytest

import cohortbook as cb
from alike import assert_alike
from cohortbook.sections.audit import undetermined
from cohortbook.sections.audit.undetermined import possible_results
from printcheck.audit.audit import audit_study
from printcheck.audit.verdicts import Repair
from printcheck.printed.published import prints_as, read_published
from printcheck.reconstruct.possible import MOST_SETS, Drawer, FigureSet, alike, figure_sets
from printcheck.reconstruct.reprint import reprint
from studies import write_study
from tallystats.regression.firth import firth_logistic
from tallystats.tally import Tally

STUDY = """\
study: {title: Ten, id: id}
variables:
  failed: {label: Failure, kind: binary}
  x: {label: X, kind: binary}
  y: {label: Y, kind: binary}
  z: {label: Z, kind: binary}
  dose: {label: Dose, kind: continuous, unit: mg, range: [0, 30], decimals: 0}
  weeks: {label: Weeks, kind: count, range: [1, 50]}
  died: {label: Death, kind: binary, provenance: assumed}
  untold: {label: Untold, kind: binary}
  vast: {label: Vast, kind: continuous}
comparison:
  number: "1"
  title: Failed or not
  groups: failed
  rows: [{variable: x, test: pearson_chi_square}, {variable: z, test: pearson_chi_square}, {variable: dose, test: mann_whitney},
         {variable: untold}, {variable: vast}]
model: {number: "2", title: Failure, outcome: failed, candidates: [x, y]}
survival: {time: weeks, event: died, unit: weeks, landmarks: [{label: 9 weeks, time: 9}], strata: [x],
           competing: {label: Failure, event: failed, time: weeks, landmarks: [9]}}
published:
  groups: {failed: {where: {failed: "yes"}}, held: {where: {failed: "no"}}, test: {compare: failed}}
"""
HEAD = "id,source,about,variable,level,group,statistic,value,denominator,claim,note\n"
#: Three of ten failed; two of them had x, and y; of the others one had x, and three y.
ROWS = """\
n,Table 1,cohort,,,all,total,10,,,
nf,Table 1,cohort,failed,yes,all,n,3,,,
xf,Table 1,cohort,x,yes,failed,n,2,,,
xh,Table 1,cohort,x,yes,held,n,1,,,
yf,Table 1,cohort,y,yes,failed,n,2,,,
yh,Table 1,cohort,y,yes,held,n,3,,,
zf,Table 1,cohort,z,yes,failed,n,1,,,
zh,Table 1,cohort,z,yes,held,n,4,,,
df,Table 1,cohort,dose,,failed,mean,12.0,,,
dh,Table 1,cohort,dose,,held,mean,11.0,,,
w,Table 1,cohort,weeks,,all,mean,20.0,,,
d,Table 1,cohort,died,yes,all,n,6,,,
"""


@pytest.fixture(scope="module", autouse=True)
def unkept():
    """Keep nothing between tests, whatever the environment says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COHORTBOOK_CACHE", raising=False)
        yield


def audit_with(folder, more=""):
    """Audit the study with rows added."""
    path = write_study(folder, text=STUDY)
    (folder / "published.csv").write_text(HEAD + ROWS + more, encoding="utf-8")
    return audit_study(path)


@pytest.fixture(scope="module")
def audit(tmp_path_factory, unkept):
    return audit_with(tmp_path_factory.mktemp("ten"))


@pytest.fixture(scope="module")
def ranges(audit):
    return possible_results(audit, cohorts=10)


def named(ranges, name):
    found = [r for r in ranges if r.name == name]
    assert found, [r.name for r in ranges]
    return found


def repair(id, *conflicts, figures=("f",)):
    return Repair(id=id, conflicts=conflicts, figures=tuple(figures))


def test_every_combination_of_alternatives_is_a_set():
    sets = figure_sets(
        [
            repair("R1", "C1", figures=["a"]),
            repair("R2a", "C2", "C3", figures=["b"]),
            repair("R2b", "C2", "C3", figures=["c"]),
            repair("R3a", "C4"),
            repair("R3b", "C4"),
        ]
    )
    assert [s.name for s in sets] == [f"without R2{a}, R3{b}" for a, b in itertools.product("ab", "ab")]
    assert sets[0].out == {"a", "b", "f"}
    assert sets[3].out == {"a", "c", "f"}
    assert figure_sets([]) == [FigureSet(name="", out=frozenset())]


def test_of_too_many_combinations_each_repair_is_taken_once():
    repairs = [repair(f"R{k}{letter}", f"C{k}") for k in range(4) for letter in "abc"]
    sets = figure_sets(repairs)
    assert MOST_SETS < 3**4
    assert len(sets) == 1 + 4 * 2
    assert {id for s in sets for id in s.name.removeprefix("without ").split(", ")} == {r.id for r in repairs}


def test_every_cohort_prints_what_is_kept_and_cohorts_differ(audit):
    figures = read_published(audit.study)
    possible = Drawer(audit.study, figures, 1).possible(FigureSet(name="", out=frozenset()))
    cohorts = [possible.cohort(number, 1) for number in range(12)]
    for cohort in cohorts:
        assert cohort.size == 10
        for figure in figures:
            assert prints_as(figure, reprint(figure, cohort)), figure
        assert cohort.data["vast"].isna().all()  # no range: cannot be drawn
    columns = ["failed", "x", "y", "z", "dose", "weeks", "died"]
    assert len({tuple(sorted(zip(*(c.data[name] for name in columns), strict=True))) for c in cohorts}) == 12
    again = possible.cohort(7, 1).data
    pd.testing.assert_frame_equal(again, cohorts[7].data)
    assert not again.equals(possible.cohort(7, 2).data)


def test_groups_stay_as_they_are_laid_down(audit):
    possible = Drawer(audit.study, read_published(audit.study), 1).possible(FigureSet(name="", out=frozenset()))
    assert sorted(map(len, alike(possible.roster))) == [3, 7]
    for number in range(10):
        data = possible.cohort(number, 1).data
        assert set(data.loc[list(possible.roster.groups["failed"]), "failed"]) == {"yes"}


def all_of_firth():
    """Return Firth's P of x and the odds ratio over every joint table with the printed margins."""
    found = []
    for both_f, both_h in itertools.product(range(1, 3), range(2)):
        counts = []
        for failed, x, y, both, n in ((True, 2, 2, both_f, 3), (False, 1, 3, both_h, 7)):
            counts += [
                (failed, True, True, both),
                (failed, True, False, x - both),
                (failed, False, True, y - both),
                (failed, False, False, n - x - y + both),
            ]
        frame = pd.DataFrame(counts, columns=["failed", "x", "y", "n"])
        fit = firth_logistic(Tally(frame[frame["n"] > 0].reset_index(drop=True)), outcome="failed", terms=["x", "y"])
        found.append((fit.p_value("x"), math.exp(fit.estimates[1])))
    return found


@pytest.mark.slow
def test_ranges_are_those_of_all_cohorts_where_all_can_be_tried(audit):
    ranges = possible_results(audit, cohorts=15)
    for k, name in enumerate(["firth p x", "firth odds ratio x"]):
        (found,) = named(ranges, name)
        values = sorted(one[k] for one in all_of_firth())
        assert values[0] < values[-1]
        assert [found.low, found.high] == pytest.approx([values[0], values[-1]], rel=1e-9)
        assert not found.determined
        assert len(found.values) == found.n == 15
        assert found.low <= found.median <= found.high


def test_what_counts_settle_is_determined_and_what_is_not_asked_is_left_out(ranges):
    (x,) = named(ranges, "compare x")
    assert x.determined
    # Pearson's chi-square of 2 of 3 against 1 of 7: n (ad - bc)^2 over the product of the margins, one degree of freedom.
    assert x.low == pytest.approx(math.erfc(math.sqrt(10 * (2 * 6 - 1 * 1) ** 2 / (3 * 7 * 3 * 7) / 2)), rel=1e-12)
    assert (x.set, x.undefined, x.threshold, x.crosses, x.rests_on_assumed) == ("", 0, 0.05, False, False)
    (dose,) = named(ranges, "compare dose")
    assert dose.low < 0.6
    assert dose.high > 0.9
    assert not dose.crosses
    assert "compare vast" not in {r.name for r in ranges}


def test_what_rests_on_assumed_or_untold_values_says_so(ranges):
    assumed = {r.name for r in ranges if r.rests_on_assumed}
    assert assumed == {"compare untold", "survival median", "survival 9 weeks", "log-rank x", "incidence 9"}
    (landmark,) = named(ranges, "survival 9 weeks")
    assert 0 <= landmark.low < landmark.high <= 100


def test_a_result_has_a_range_for_each_repair_only_where_it_hangs_on_it(tmp_path):
    audit = audit_with(tmp_path, "zp,Table 1,cohort,z,yes,failed,n,2,,,\n")
    assert [r.figures for r in audit.repairs] == [("zf",), ("zp",)] or {r.figures for r in audit.repairs} == {("zf",), ("zp",)}
    ranges = possible_results(audit, cohorts=5)
    z = named(ranges, "compare z")
    assert {r.set for r in z} == {f"without {r.id}" for r in audit.repairs}
    assert all(r.determined for r in z)
    assert z[0].low != z[1].low
    assert [r.set for r in named(ranges, "compare x")] == [""]


def test_what_cannot_be_computed_is_counted(tmp_path):
    audit = audit_with(tmp_path, "dead,Text,cohort,untold,yes,all,n,10,,,\n")
    (untold,) = named(possible_results(audit, cohorts=5), "compare untold")
    assert (untold.n, untold.undefined, untold.determined, untold.crosses) == (5, 5, False, False)
    assert untold.low != untold.low


def test_results_are_kept_until_something_changes(tmp_path, monkeypatch):
    monkeypatch.setenv("COHORTBOOK_CACHE", str(tmp_path / "kept"))
    audit = audit_with(tmp_path)
    first = possible_results(audit, cohorts=2)
    (file,) = (tmp_path / "kept").glob("possible-*.json")
    assert len(json.loads(file.read_text())) == len(first)
    calls = []
    real = undetermined._ranges
    monkeypatch.setattr(undetermined, "_ranges", lambda *given: calls.append(given) or real(*given))
    assert_alike(possible_results(audit, cohorts=2), first)
    assert not calls
    possible_results(audit, cohorts=3)
    possible_results(audit, cohorts=2, seed=2)
    (tmp_path / "published.csv").write_text(HEAD + ROWS + "note,Text,design,,,,n,1,,,\n", encoding="utf-8")
    possible_results(audit, cohorts=2)
    assert len(calls) == 3


def test_too_few_cohorts_are_refused(audit):
    with pytest.raises(ValueError, match="cohorts: 1; expected 2 or more"):
        possible_results(audit, cohorts=1)


def test_tables_and_figures_take_them(ranges):
    assert "Dose" in [row.cells[0] for row in cb.range_table(ranges).rows]
    assert "threshold" in str(cb.range_finding(ranges))
    assert cb.plot_ranges(ranges).caption
