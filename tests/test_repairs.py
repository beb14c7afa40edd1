"""repairs.py: every conflict, every smallest repair and all that follows, against all cohorts tried one by one."""

import itertools
import random
from dataclasses import replace
from fractions import Fraction

import pytest

from printcheck.printed.claims import claims
from printcheck.proof.conflicts import rosters
from printcheck.proof.prover import Prover
from printcheck.proof.repairs import Statement, cost_of, provers, statements
from test_solver import COUNT, EXAMPLES, all_of, figure, figures_of, tiny


class Brute:
    """What all cohorts say of some statements."""

    def __init__(self, everyone, chosen, figures):
        self.figures = figures
        keys = dict(zip((f.id for f in figures[1:]), chosen, strict=True))
        columns = [everyone.figures[keys[f.id]] for f in figures[1:]]
        wanted = tuple(chosen[keys[f.id]] for f in figures[1:])
        prints = {tuple(a == b for a, b in zip(row, wanted, strict=True)) for row in zip(*columns, strict=True)}
        self.prints = [{figures[0].id, *(f.id for f, p in zip(figures[1:], row, strict=True) if p)} for row in prints]

    def exist(self, ids, denied=()):
        """Say whether a cohort prints all the figures and none of those denied."""
        return any(set(ids) <= row and not set(denied) & row for row in self.prints)


def disputed(tmp_path, k="mann_whitney", seed=1, most=8):
    """Yield studies' proofs beside what all cohorts say, for figures drawn from one cohort and altered by another."""
    sizes = (2, 3)
    study = tiny(tmp_path, COUNT, k, patients=sum(sizes))
    everyone = all_of((0, 1, 2, 3), 1, sizes, {"k": k, "a": "pearson_chi_square"})
    rng = random.Random(seed)
    for _ in range(EXAMPLES):
        chosen = everyone.drawn(rng, most)
        figures = figures_of(chosen, sizes)
        _, proven = provers(study, claims(study, figures, ties=True))
        yield Brute(everyone, chosen, figures), proven


@pytest.mark.filterwarnings("ignore:Precision loss:RuntimeWarning")
def test_conflicts_are_minimal_and_repairs_are_all_the_smallest(tmp_path):
    seen = 0
    for brute, proven in disputed(tmp_path):
        given_up = []
        for prover, proof in proven:
            assert proof.decided
            known = {s.id: s for s in proof.statements}
            for dispute in proof.disputes:
                seen += 1
                for core in dispute.cores:
                    assert not brute.exist(core.statements)
                    for id in core.statements:
                        assert brute.exist(set(core.statements) - {id})
                if prover:
                    assert sorted(map(sorted, smallest(brute, proof, dispute))) == sorted(map(sorted, dispute.repairs))
            given_up += [id for dispute in proof.disputes for s in dispute.repairs[0] for id in known[s].figures]
        assert brute.exist({f.id for f in brute.figures} - set(given_up))
    assert seen > EXAMPLES // 8


def smallest(brute, proof, dispute):
    """Return the sets of the dispute's statements that cost least to give up, by trying all."""
    mine = [s for s in proof.statements if any(s.id in core.statements for core in dispute.cores)]
    others = {s.id for s in proof.statements if s not in mine} - {
        id for other in proof.disputes if other is not dispute for id in other.repairs[0]
    }
    found = {}
    for k in range(1, len(mine) + 1):
        for some in itertools.combinations(mine, k):
            ids = frozenset(s.id for s in some)
            if not any(smaller < ids for smaller in found) and brute.exist(others | {s.id for s in mine} - ids):
                found[ids] = cost_of(some, proof.support)
    least = min(found.values())
    return [ids for ids, cost in found.items() if cost == least]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Precision loss:RuntimeWarning")
def test_what_follows_follows_in_every_cohort(tmp_path):
    yes = no = 0
    for brute, proven in disputed(tmp_path, k="student_t", seed=2):
        for prover, proof in proven:
            if prover is None:
                continue
            disputes = {id for dispute in proof.disputes for id in dispute.disputed}
            follows, undecided = prover.following(disputes)
            held = {s.id for s in proof.statements} - disputes
            assert not undecided
            for statement in proof.statements:
                if statement.id in held and len(statement.figures) == 1:
                    expected = not brute.exist(held - {statement.id}, denied=[statement.id])
                    # The mean of a group of open size is not denied exactly: what follows may go unseen, nothing else.
                    unseen = statement.claims[0].kind == "mean" and "a" in statement.claims[0].where
                    assert (statement.id in follows) == expected or (unseen and expected), statement
                    yes, no = yes + expected, no + (not expected)
    assert yes
    assert no


def test_a_proof_that_stopped_goes_on_from_there(tmp_path):
    resumed = 0
    for _, proven in disputed(tmp_path, seed=3):
        for prover, proof in proven:
            if prover is None or not proof.cost:
                continue
            again = Prover(prover.study, prover.roster, prover.variables, prover.statements, prover.rules, prover.tests)
            for most in range(proof.cost):
                assert again.prove(most=most) is None
            assert again.prove(most=proof.cost) == proof
            resumed += 1
    assert resumed


def test_of_several_sizes_the_one_is_taken_that_gives_least_up(tmp_path):
    """Every size that a figure prints is laid out by itself; what is found is the first of those that cost least."""
    study = tiny(tmp_path, patients=5)
    rng, chosen = random.Random(4), set()
    for k in range(EXAMPLES // 4):
        second = replace(figure("total", 1, group="yes", id="second"), source="Table")
        figures = [figure("total", 2, group="yes"), second]
        everyone = [rng.randrange(4) for _ in range(5)]
        for group, members in (("yes", everyone[: 1 + k % 2]), ("all", everyone)):
            slips = [rng.choice((0, 0, 0, 1)) for _ in range(4)]
            figures += [figure("n", members.count(v) + slips[v], "k", str(v), group=group) for v in range(4)]
        said = claims(study, figures, ties=True)
        open_ = list(rosters(study, said))
        alone = []
        for roster in open_:
            size = len(roster.groups["treated"])
            others = [f for f in figures if f.statistic != "total"]
            _, proven = provers(study, claims(study, [*others, figure("total", size, group="yes")], ties=True))
            wrong = sum(int(f.value) != size for f in figures if f.statistic == "total")
            alone.append(wrong + sum(proof.cost for _, proof in proven))
        roster, proven = provers(study, said)
        assert sum(proof.cost for _, proof in proven) == min(alone)
        chosen.add((len(open_), len(roster.groups["treated"])))
    assert {size for many, size in chosen if many > 1} == {1, 2}


def test_limits_are_the_least_and_the_largest(tmp_path):
    study = tiny(tmp_path, patients=5)
    figures = [
        figure("total", 2, group="yes"),
        figure("mean", "1.50", "k", group="yes"),
        figure("mean", "1.00", "k"),
        figure("n", 2, "k", "3"),
    ]
    _, proven = provers(study, claims(study, figures, ties=True))
    prover = next(p for p, _ in proven if p and "k" in p.variables)
    # Two treated sum to 3, five to 5: the three others sum to 2, so at most one of all has 3.
    assert prover.limits(figures[3].id, [f.id for f in figures[1:]]) == (0, 1)
    assert prover.limits(figures[2].id, [figures[1].id]) == (Fraction(3, 5), Fraction(12, 5))


def test_one_place_is_counted_once_and_a_p_value_falls_with_its_counts(tmp_path):
    study = tiny(tmp_path, patients=5)
    same = [figure("n", 3, "a", "yes"), figure("percent", "60", "a", "yes", denominator=5), figure("n", 2, "a", "no")]
    said = statements(claims(study, same, ties=True))
    assert [s.figures for s in said] == [(same[0].id, same[1].id), (same[2].id,)]
    assert cost_of(said[:1], {}) == 1
    p = Statement(said[1].claims, ("p",), frozenset([("Table", "a", "", "test")]))
    assert cost_of([said[0], p], {}) == 2
    assert cost_of([said[0], p], {p.id: frozenset([said[0].id])}) == 1


def test_what_cannot_be_looked_at_is_not_decided(tmp_path, monkeypatch):
    study = tiny(tmp_path, patients=5)
    said = claims(study, [figure("total", 2, group="yes"), figure("n", 3, "a", "yes"), figure("n", 1, "k", "3")], ties=True)
    monkeypatch.setattr("printcheck.proof.solver.MOST_PATTERNS", 3)
    _, proven = provers(study, said)
    assert {s.claims[0].variables: proof.decided for _, proof in proven for s in proof.statements} == {
        (): True,
        ("a",): True,
        ("k",): False,
    }
