"""Which printed figures cannot hold together: the shortest list to leave out, proven by the solver."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from printcheck.printed.claims import Claim, claims, planned_tests
from printcheck.printed.published import Figure, read_published
from printcheck.proof.solver import EFFORT, Block, ReconstructionError, Roster, deterministic_solver
from studyfile.cohort.values import derive_value
from studyfile.study.study import NO_YES, Study, nearest

#: What leaving a figure out costs beside the one that every figure costs: tables before text before narrated facts.
_WORTH = {"count": 40, "mean": 30, "min": 30, "max": 30, "model": 20, "test": 10, "value": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exceptions:
    """The shortest list of figures to leave out of one block so that all the others hold together.

    Attributes
    ----------
    variables : tuple of str
        The block's recorded variables; none for the sizes of groups.
    figures : tuple of str
        The claims to leave out.
    conflicts : tuple of tuple of str
        Claims that cannot hold together, each set proven; every list of exceptions takes one from each.
    cost : int
        What the list costs: a thousand an entry, and what it is worth. Two lists of equal cost are equally short.
    """

    variables: tuple[str, ...]
    figures: tuple[str, ...]
    conflicts: tuple[tuple[str, ...], ...]
    cost: int


def cost_of(claim: Claim) -> int:
    """Return what it costs to leave a claim out."""
    return 1000 + _WORTH[claim.kind] + 100 * claim.figures[0].source.startswith("Table")


def blocks_of(study: Study, roster: Roster, said: Sequence[Claim]) -> list[tuple[str, ...]]:
    """Return the recorded variables in blocks: two stand together when a claim, a rule or a criterion ties them."""
    parent = {name: name for name in study.file.variables}

    def root(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    ties = [tied_by(study, roster, claim) for claim in said]
    ties += [ruled_by(study, roster, rule) for rule in study.plan("reconstruction").rules]
    ties += [study.bases(name) for name in (*roster.groups, *(n for c in study.file.eligibility for n in c.keep))]
    for first, *others in filter(None, ties):
        for other in others:
            parent[root(other)] = root(first)
    together: dict[str, list[str]] = {}
    for name in study.file.variables:
        together.setdefault(root(name), []).append(name)
    return [tuple(names) for names in together.values()]


def tied_by(study: Study, roster: Roster, claim: Claim) -> tuple[str, ...]:
    """Return the recorded variables that a claim ties: not those of a grouping that is laid down before them."""
    outcome = {claim.by: ()} if claim.kind == "model" else {}
    return study.bases(*claim.variables, *roster.unsettled({**claim.where, **outcome}))


def ruled_by(study: Study, roster: Roster, rule: Any) -> tuple[str, ...]:
    """Return the recorded variables that a rule ties: not those of a grouping that is laid down before them."""
    names = [name for name in (*rule.when, *rule.then) if name not in roster.groups]
    if rule.sum_at_most:
        names += [*rule.sum_at_most[0], rule.sum_at_most[1]]
    return study.bases(*names, *(rule.not_after or ()))


def of_block(study: Study, roster: Roster, variables: Iterable[str], said: Sequence[Claim]) -> tuple[list[Claim], list[Any]]:
    """Return the claims and rules of a block."""
    inside = set(variables)
    mine = [c for c in said if (tied := tied_by(study, roster, c)) and set(tied) <= inside]
    return mine, [r for r in study.plan("reconstruction").rules if inside & set(ruled_by(study, roster, r))]


def grouping_of(study: Study, said: Sequence[Claim]) -> str:
    """Return the binary variable that is laid down first: the comparison's, else what most figures are told apart by."""
    if study.file.comparison and study.kind(study.file.comparison.groups) == "binary":
        return study.file.comparison.groups
    used = [next(iter(c.where)) for c in said if len(c.where) == 1]
    binary = [name for name in dict.fromkeys(used) if study.kind(name) == "binary"]
    return max(binary, key=used.count, default="")


def group_sizes(study: Study, grouping: str, said: Sequence[Claim]) -> list[set[int]]:
    """Return, for each figure that prints it, how many patients may be in the group."""
    patients, found = study.plan("reconstruction").patients, []
    for claim in said:
        of = claim.where if claim.kind == "count" and not claim.condition else claim.condition
        if claim.kind != "count" or list(of) != [grouping] or (claim.condition and claim.where):
            continue
        wanted = of[grouping] if isinstance(of[grouping], tuple) else (of[grouping],)
        if len(wanted) == 1:
            least, most = claim.interval.whole()
            sizes = range(max(least, 0), min(most, patients) + 1)
            found.append({size if wanted[0] == NO_YES[1] else patients - size for size in sizes})
    return found


def rosters(study: Study, said: Sequence[Claim]) -> Iterator[Roster]:
    """Yield who the patients may be: how many, which are narrated, and in whom the grouping is true.

    One roster a size of the group that a figure prints; more than one only where figures contradict each other. Where no
    figure needs groups that are laid down, and what is printed does not settle them, there are none.
    """
    plan, grouping = study.plan("reconstruction"), grouping_of(study, said)
    narrated = max((c.patient for c in said if c.kind == "value"), default=0)
    printed = group_sizes(study, grouping, said)
    told = {i: _told(study, grouping, i, said) for i in range(narrated)} if grouping else {}
    true, untold = [i for i in told if told[i]], [i for i in told if told[i] is None]
    needed = any(c.kind in ("test", "model") for c in said)
    if not any(printed) or (untold and not needed):
        if needed:
            said_so = "the number printed" if printed else "no printed figure gives the number"
            too_many = f" is more than {plan.patients}, which are all" if printed else ""
            raise ReconstructionError(
                f"{study.path}: {said_so} with {grouping} = yes{too_many}; the comparison cannot be laid out"
            )
        yield Roster(plan.patients, narrated, {})
        return
    for size in sorted(set.intersection(*printed) or set.union(*printed)):
        if untold and len(true) < size:
            raise ReconstructionError(
                f"{study.path}: published: {grouping} of patient {untold[0] + 1} is not told; add a figure with the statistic "
                "'value' for each narrated patient"
            )
        if len(true) > size:
            raise ReconstructionError(
                f"{study.path}: published: {len(true)} patients are told with {grouping} = yes; the number printed is {size}"
            )
        yield Roster(plan.patients, narrated, {grouping: frozenset([*true, *range(narrated, plan.patients)][:size])})


def _told(study: Study, name: str, patient: int, said: Sequence[Claim]) -> bool | None:
    """Return what is told of a binary variable of a narrated patient; None when nothing is."""
    values = {}
    for claim in said:
        if claim.kind == "value" and claim.patient == patient + 1:
            values |= {variable: wanted[0] for variable, wanted in claim.condition.items()}

    def value(variable: str) -> Any:
        if variable in values:
            return values[variable]
        parents = [] if variable in study.file.variables else [value(p) for p in study.file.derived[variable].parents]
        return derive_value(study, variable, *parents) if parents and None not in parents else None

    found = value(name)
    return None if found is None else found == NO_YES[1]


#: Deterministic time of a short look.
SHORT_SEARCH = 0.02


def proving_solver(effort: float = EFFORT) -> Any:
    """Return a solver for proofs: it adds counts up, and prepares little, which costs more than it finds."""
    solver = deterministic_solver(1, effort=effort)
    solver.parameters.linearization_level = 2
    solver.parameters.cp_model_probing_level = 0
    solver.parameters.max_presolve_iterations = 1
    return solver


def short_solver(effort: float, *, adding: bool = True) -> Any:
    """Return a solver for a short look, which adds little or nothing up: what it cannot find may yet be there."""
    solver = proving_solver(min(effort, SHORT_SEARCH))
    solver.parameters.linearization_level = int(adding)
    return solver


def shortest_exceptions(study: Study, figures: Sequence[Figure] | None = None) -> list[Exceptions]:
    """Find, block by block, the shortest list of printed figures to leave out so that all the others hold together.

    Parameters
    ----------
    study : Study
    figures : sequence of Figure, optional
        Default: every printed figure of the study.

    Raises
    ------
    ReconstructionError
        When a block is not decided within the limits: never taken for consistent.

    Notes
    -----
    Claims are assumed; the solver answers with claims that cannot hold together, or that all can. The cheapest list that
    takes one from every such set is left out and the others are assumed again, until they hold. So no cheaper list is
    enough, and this one is. What the model cannot state exactly is allowed (P values of ranks within runs of values, of
    Student's t of such, of a model whose margins fall), so what is proven impossible is impossible.
    """
    said = claims(study, read_published(study) if figures is None else figures)
    lists = [_exceptions(study, roster, said) for roster in rosters(study, said)]
    return min(lists, key=lambda found: sum(e.cost for e in found))


def _exceptions(study: Study, roster: Roster, said: Sequence[Claim]) -> list[Exceptions]:
    found = []
    settled = [c for c in said if not tied_by(study, roster, c)]
    if wrong := [c for c in settled if len(roster.members(study, c.where)) not in c.interval]:
        ids = tuple(c.id for c in wrong)
        found.append(Exceptions(variables=(), figures=ids, conflicts=tuple((id,) for id in ids), cost=sum(map(cost_of, wrong))))
    tests = {c.variable: planned_tests(study, c.variable) for c in said if c.kind == "test"}
    for variables in blocks_of(study, roster, said):
        mine, rules = of_block(study, roster, variables, said)
        if not mine:
            continue
        block, conflicts = Block(study, roster, variables, mine, rules, tests, lenient=True), []
        while conflict := _conflict(block, out := _cheapest(block, conflicts)):
            conflicts.append(conflict)
        if out:
            cost = sum(cost_of(c) for c in mine if c.id in out)
            found.append(Exceptions(variables=variables, figures=out, conflicts=tuple(conflicts), cost=cost))
    return found


def _cheapest(block: Block, conflicts: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the cheapest claims that take one from every conflict."""
    from ortools.sat.python import cp_model

    if not conflicts:
        return ()
    model = cp_model.CpModel()
    cost = {c.id: cost_of(c) for c in block.claims if any(c.id in conflict for conflict in conflicts)}
    taken = {id: model.new_bool_var(id) for id in cost}
    for conflict in conflicts:
        model.add_bool_or([taken[id] for id in conflict])
    model.minimize(sum(cost[id] * literal for id, literal in taken.items()))
    solver = deterministic_solver(block.study.plan("reconstruction").seed)
    solver.solve(model)
    return tuple(id for id, literal in taken.items() if solver.boolean_value(literal))


def _conflict(block: Block, out: Sequence[str]) -> tuple[str, ...]:
    """Return claims, none of them left out, that cannot hold together; an empty tuple when all can."""
    model, path = block.model, block.study.path
    model.clear_assumptions()
    model.add_assumptions([~literal if id in out else literal for id, literal in block.kept.items()])
    solver = proving_solver()
    status = solver.status_name(solver.solve(model))
    if status in ("OPTIMAL", "FEASIBLE"):
        return ()
    names = ", ".join(block.variables)
    if status != "INFEASIBLE":
        raise ReconstructionError(f"{path}: not decided within the limits: the printed figures of {names}")
    indices = set(solver.sufficient_assumptions_for_infeasibility())
    conflict = tuple(id for id, literal in block.kept.items() if literal.index in indices)
    if not conflict:
        raise ReconstructionError(
            f"{path}: no patient can have the ranges, the eligibility and the rules of reconstruction: for {names}"
        )
    return conflict


def check_left_out(study: Study) -> list[Exceptions]:
    """Prove that the study file's list of figures left out is as short as any.

    Then no entry can be put back either: a list without it would be shorter.

    Returns
    -------
    list of Exceptions
        The shortest list, as the solver finds it: the study file's own may differ where several are equally short.

    Raises
    ------
    ReconstructionError
        When an entry is unknown, when the list is longer than it must be, or too short.
    """
    where = f"{study.path}: reconstruction: left_out:"
    figures = read_published(study)
    said = claims(study, figures)
    listed = {entry.figure for entry in study.plan("reconstruction").left_out}
    known = [figure.id for claim in said for figure in claim.figures]
    if unknown := sorted(listed - set(known)):
        raise ReconstructionError(
            "\n".join(f"{where} no printed figure about the cohort is {id!r}{nearest(id, known)}" for id in unknown)
        )
    shortest = shortest_exceptions(study, figures)
    out = [c for c in said if any(figure.id in listed for figure in c.figures)]
    if sum(map(cost_of, out)) != sum(e.cost for e in shortest):
        wanted = [id for e in shortest for id in e.figures]
        raise ReconstructionError(
            f"{where} {len(out)} figures; {len(wanted)} must be left out. "
            f"Not needed: {', '.join(c.id for c in out if c.id not in wanted) or 'none'}. "
            f"Missing: {', '.join(id for id in wanted if id not in {c.id for c in out}) or 'none'}"
        )
    # Another list of the same cost is as good, if what it keeps can hold together.
    if {c.id for c in out} != {id for e in shortest for id in e.figures}:
        for left in shortest_exceptions(study, [figure for figure in figures if figure.id not in listed]):
            raise ReconstructionError(f"{where} what is kept cannot hold together: leave out {', '.join(left.figures)}")
    return shortest
