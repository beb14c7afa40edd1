"""proof_block.py and candidate_values.py: what values print is never refuted; sums that are refuted belong to no values."""

import itertools
import math
import random
import statistics

import pytest
from scipy import stats

from printcheck.audit.candidate_tests import candidate_tests
from printcheck.audit.candidate_values import made
from printcheck.printed.claims import claims
from printcheck.printed.published import COLUMNS, Figure, round_half_away
from printcheck.proof.repairs import provers
from studyfile.study.study import load_study

STUDY = """\
study: {title: Doses, id: id, procedure: treatment}
variables:
  treated: {label: Treated, kind: binary}
  dose: {label: Dose, kind: continuous, range: [10, 60], decimals: 0}
comparison:
  number: "2"
  title: Treated or not
  groups: treated
  rows: [{variable: dose, test: student_t}]
published:
  groups:
    treated: {where: {treated: "yes"}}
    others: {where: {treated: "no"}}
    test: {compare: treated}
reconstruction: {seed: 1, patients: PATIENTS}
"""


def study_of(folder, patients):
    (folder / "study.yml").write_text(STUDY.replace("PATIENTS", str(patients)), encoding="utf-8")
    (folder / "published.csv").write_text(",".join(COLUMNS) + "\n", encoding="utf-8")
    return load_study(folder)


def figure(statistic, value, group="all", variable="dose"):
    return Figure(
        id=f"{group}_{statistic}",
        source="Table 1",
        about="cohort",
        variable=variable,
        level="",
        group=group,
        statistic=statistic,
        value=value,
        denominator=None,
        claim="",
        note="",
    )


def shown(value, decimals):
    return f"{float(round_half_away(value, decimals)):.{decimals}f}"


def printed(treated, others, decimals=1):
    """Return what is printed of two groups of doses."""
    both = [*treated, *others]
    found = [figure("total", str(len(treated)), "treated", variable="")]
    for name, values in (("all", both), ("treated", treated), ("others", others)):
        found += [
            figure("mean", shown(statistics.fmean(values), decimals), name),
            figure("sd", shown(statistics.stdev(values), decimals), name),
        ]
    found += [figure("min", str(min(both))), figure("max", str(max(both)))]
    found += [figure("median", shown(statistics.median(both), 1))]
    return [*found, figure("p", shown(stats.ttest_ind(treated, others).pvalue, 3), "test")]


def draws(many, seed):
    rng = random.Random(seed)
    for _ in range(many):
        centre, spread, shift = rng.uniform(20, 50), rng.uniform(1, 15), rng.uniform(-8, 8)
        yield tuple(
            [min(max(round(rng.gauss(mean, spread)), 10), 60) for _ in range(rng.randint(2, 30))]
            for mean in (centre, centre + shift)
        )


def proven(study, figures):
    _, found = provers(study, claims(study, figures, ties=True))
    return next((prover, proof) for prover, proof in found if prover and "dose" in prover.variables)


def test_what_values_print_is_never_refuted(tmp_path):
    for k, (treated, others) in enumerate(draws(16, 1)):
        if len(set(treated)) > 1 < len(set(others)):
            study = study_of(tmp_path, len(treated) + len(others))
            prover, proof = proven(study, printed(treated, others))
            assert proof.decided
            assert proof.disputes == (), (treated, others)
            if k < 3:
                follows, undecided = prover.following(())
                assert not undecided
                assert "all_min" not in follows


@pytest.mark.slow
@pytest.mark.parametrize(("id", "wrong"), [("treated_sd", 3.0), ("others_mean", 2.5), ("all_sd", 2.5), ("test_p", 0.4)])
def test_a_wrong_figure_is_refuted(tmp_path, id, wrong):
    treated, others = [31, 35, 38, 40, 42, 47, 51, 33], [22, 25, 29, 30, 31, 34, 36, 28, 27]
    study = study_of(tmp_path, 17)
    figures = printed(treated, others, 2)
    _, proof = proven(study, figures)
    assert proof.disputes == ()
    altered = [figure(f.statistic, shown(float(f.value) + wrong, f.decimals), f.group) if f.id == id else f for f in figures]
    _, proof = proven(study, altered)
    assert any(id in repair for dispute in proof.disputes for repair in dispute.repairs)


def test_the_mean_of_all_follows_from_those_of_the_groups(tmp_path):
    study = study_of(tmp_path, 6)
    prover, _ = proven(study, printed([20, 30, 43], [25, 26, 27], 3))
    follows, _ = prover.following(())
    assert set(follows["all_mean"]) == {"treated_mean", "others_mean"}


def test_student_and_welch_are_told_apart_by_means_and_deviations(tmp_path):
    treated, others = [12, 14, 13, 15, 14, 13, 12, 15, 14, 13], [20, 55, 11, 40, 10]
    study = study_of(tmp_path, 15)
    welch = stats.ttest_ind(treated, others, equal_var=False).pvalue
    figures = printed(treated, others, 2)
    altered = [*figures[:-1], figure("p", shown(welch, 3), "test")]
    prints = {t.test: t.prints for t in candidate_tests(study, altered)}
    assert prints["student_t"] == "never"
    assert prints["welch_t"] in ("always", "sometimes")
    prints = {t.test: t.prints for t in candidate_tests(study, figures)}
    assert prints["student_t"] in ("always", "sometimes")
    assert prints["welch_t"] == "never"


def test_values_are_made_wherever_there_are_some():
    # All sums of squares of three values from 0 to 9 with a given sum: most are met, and none but those.
    met = possible = 0
    for total in range(1, 27, 5):
        real = {sum(v * v for v in values) for values in itertools.product(range(10), repeat=3) if sum(values) == total}
        for squares in range(min(real) - 1, max(real) + 2):
            found = made([((5, 14), 3, total)], squares, 5)
            if found is not None:
                assert sum(v - 5 for v in found) == total
                assert sum((v - 5) ** 2 for v in found) == squares
                assert all(5 <= v <= 14 for v in found)
            assert found is None or squares in real
            met, possible = met + (found is not None), possible + (squares in real)
    assert met > 0.8 * possible
    assert math.isclose(made([((7, 7), 2, 0)], 0, 7)[0], 7)
    assert made([((7, 7), 2, 0)], 1, 7) is None
