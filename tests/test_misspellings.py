"""A slip of the pen in a study file: the message names the line and the word that was meant, at every level of the file."""

import re
from collections import Counter

import pytest
import yaml

from studyfile.study.schema import StudyFile
from studyfile.study.study import StudyError, bundled_studies, load_study
from studyfile.study.study_yaml import _known_keys

TEXT = (bundled_studies() / "spinal-metastases" / "study.yml").read_text(encoding="utf-8")
NODE = yaml.compose(TEXT)
CONTENT = load_study("spinal-metastases").file


def slips(word):
    """Return a word with two letters swapped, with one left out, and with one twice."""
    k = max(1, len(word) // 2 - 1)
    return (word[:k] + word[k + 1] + word[k] + word[k + 2 :], word[:k] + word[k + 1 :], word[: k + 1] + word[k:])


def scalars(node, key=()):
    """Yield every key and every plain value of the file: the key above it, its node, whether it is a key."""
    if node.id == "mapping":
        for name, value in node.value:
            yield key, name, True
            yield from scalars(value, (*key, name.value))
    elif node.id == "sequence":
        for i, value in enumerate(node.value):
            yield from scalars(value, (*key, i))
    else:
        yield key, node, False


def with_slip(node, slip):
    start, end = node.start_mark.index, node.end_mark.index
    quoted = TEXT[start] in "'\""
    return TEXT[:start] + (f"{TEXT[start]}{slip}{TEXT[start]}" if quoted else slip) + TEXT[end:]


def told(tmp_path, text):
    path = tmp_path / "study.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        load_study(path)
    return str(caught.value)


def keys():
    """One place for every key that the bundled study file uses, by the section and the key."""
    found = {}
    for above, node, is_key in scalars(NODE):
        known = _known_keys(StudyFile, tuple(map(str, above))) if is_key else []
        if node.value in known:
            where = tuple("*" if isinstance(part, int) else part for part in above[:1])
            found.setdefault((*where, node.value), (node, known))
    return found


def cases(found, quick=3):
    """Put each of them to the test, but in the quick run only the first ones of a section."""
    seen, made = Counter(), []
    for key in found:
        seen[key[0]] += 1
        slow = seen[key[0]] > quick
        made.append(pytest.param(key, marks=pytest.mark.slow if slow else (), id=".".join(key)))
    return made


KEYS = keys()


@pytest.mark.parametrize("key", cases(KEYS))
def test_a_key_with_a_slip_suggests_itself(tmp_path, key):
    node, known = KEYS[key]
    if len(node.value) < 4:
        return
    # One of the three slips for each key: which one, its length tells.
    slip = next(s for s in sorted(slips(node.value), key=lambda s: (len(s) + len(node.value)) % 3) if s not in known)
    said = told(tmp_path, with_slip(node, slip))
    line = re.search(rf"line {node.start_mark.line + 1}, \S*{re.escape(slip)}: unknown key; (.*)", said)
    assert line, said
    assert line[1] == f"did you mean {node.value!r}?", said


def test_the_keys_are_of_every_level():
    assert len(KEYS) > 70
    assert {
        "study",
        "variables",
        "derived",
        "tables",
        "comparison",
        "model",
        "survival",
        "published",
        "reconstruction",
        "scenarios",
        "outcome",
        "eligibility",
    } <= {key[0] for key in KEYS}


def test_a_key_too_short_to_guess_lists_what_is_known(tmp_path):
    node, _ = KEYS["derived", "to"]
    said = told(tmp_path, with_slip(node, "x"))
    assert "unknown key; known here: label, from, to, below" in said


NAMES = (*CONTENT.variables, *CONTENT.derived)


def uses():
    """One place in each section where each variable is named, outside of its own declaration."""
    found = {}
    for above, node, is_key in scalars(NODE):
        declared = is_key and above in (("variables",), ("derived",))
        if node.value in NAMES and not declared and above and above[-1] not in ("label", "figure", "title", "note", "why"):
            found.setdefault((above[0], node.value), node)
    return found


USES = uses()


@pytest.mark.parametrize("use", cases(USES, quick=1))
def test_a_variable_with_a_slip_suggests_itself(tmp_path, use):
    node = USES[use]
    slip = slips(node.value)[0]
    said = told(tmp_path, with_slip(node, slip))
    assert slip in said
    assert f"did you mean {node.value!r}?" in said


LEVELS = {level for v in CONTENT.variables.values() for level in v.levels if len(level) > 5} | {
    band.label for d in CONTENT.derived.values() for band in d.bands if len(band.label) > 5
}


def level_uses():
    found = {}
    for above, node, _ in scalars(NODE):
        holds = {"levels", "member", "recode", "longer", "weights", "keep", "drop"} & {*map(str, above)}
        if node.value in LEVELS and above[0] != "variables" and holds:
            found.setdefault((above[0], node.value), node)
    return found


USED_LEVELS = level_uses()


@pytest.mark.parametrize("use", cases(USED_LEVELS, quick=1))
def test_a_level_with_a_slip_suggests_itself(tmp_path, use):
    node = USED_LEVELS[use]
    slip = slips(node.value)[1]
    said = told(tmp_path, with_slip(node, slip))
    assert f"has no level {slip!r}" in said
    assert f"did you mean {node.value!r}?" in said


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("kind: ordered", "kind: orderd"),
        ("kind: binary", "kind: binray"),
        ("provenance: implied", "provenance: impleid"),
        ("measured: before", "measured: befor"),
        ("removal_test: wald", "removal_test: wold"),
    ],
)
def test_a_choice_with_a_slip_suggests_itself(tmp_path, right, wrong):
    said = told(tmp_path, TEXT.replace(right, wrong, 1))
    word, slip = right.split()[1], wrong.split()[1]
    assert re.search(rf"expected .*'{word}'.*; found '{slip}'; did you mean '{word}'\?", said), said


def test_a_scenario_with_a_slip_suggests_itself():
    with pytest.raises(StudyError, match="no scenario 'no_myelmoa'; did you mean 'no_myeloma'"):
        load_study("spinal-metastases@no_myelmoa")
