"""study.py, study_yaml.py, study_checks.py: a study file is read whole, or every error in it is told by key and line."""

import os
import re

import pytest

from studies import BASE, write_study
from studyfile.study.study import Study, StudyError, load_study, nearest
from studyfile.study.study_checks import SUITED
from tallystats.registry import suited
from tallystats.statistics import compare

LINE = {line.split(":")[0].strip(): number for number, line in enumerate(BASE.splitlines(), start=1)}
LAST = len(BASE.splitlines())


def errors(path):
    """Return the lines of the message about a study file, the first without the folder."""
    with pytest.raises(StudyError) as caught:
        load_study(path)
    return str(caught.value).replace(f"{path.parent}{os.sep}", "").splitlines()


def test_a_sound_file_is_read(tmp_path):
    study = load_study(write_study(tmp_path))
    assert isinstance(study, Study)
    assert study.title == "A small study"
    assert study.folder == tmp_path
    assert [study.kind(name) for name in ("age", "age_band", "where", "high", "change", "course", "followed")] == [
        "continuous",
        "ordered",
        "category",
        "binary",
        "ordered",
        "category",
        "continuous",
    ]
    assert study.levels("smoker") == study.levels("high") == ("no", "yes")
    assert study.levels("age_band") == ("young", "old")
    assert study.levels("where") == ("here", "elsewhere")
    assert study.levels("course")[:2] == ("low to low", "low to mid")
    assert study.levels("change") == ("improved", "unchanged", "worse")
    assert study.levels("age") == study.levels("followed") == ()
    assert (study.unit("age"), study.unit("age_band"), study.unit("followed")) == ("years", "", "days")


def test_what_a_variable_rests_on(tmp_path):
    study = load_study(write_study(tmp_path))
    assert study.bases("long", "surgery", "change") == ("surgery", "seen", "grade", "later")
    assert study.measured("age_band") == "before"
    assert study.measured("change") == "after"
    assert study.measured("long") is None
    assert study.provenance() == "observed"
    assert study.provenance("age", "grade") == "printed"
    assert study.provenance("change") == "assumed"


def test_a_derived_variable_may_have_its_own_provenance(tmp_path):
    path = write_study(tmp_path, ("{label: Change, change", "{label: Change, provenance: implied, change"))
    assert load_study(path).provenance("change") == "implied"
    assert load_study(path).provenance("change", "later") == "assumed"


def test_yes_no_on_off_stay_words(tmp_path):
    path = write_study(tmp_path, ("[north, south, off]", "[yes, No, on, OFF, 'true']"), ("  where:", "  # where:"))
    assert load_study(path).levels("site") == ("yes", "No", "on", "OFF", "true")


def test_unknown_names_suggest_the_nearest(tmp_path):
    study = load_study(write_study(tmp_path))
    with pytest.raises(StudyError, match=r"study.yml: no variable 'smokes'; did you mean 'smoker'\?"):
        study["smokes"]
    with pytest.raises(StudyError, match="needs the section 'model', which the study file does not have"):
        study.plan("model")
    assert nearest("xyz", study.names) == ""


def test_a_study_is_found_by_file_folder_or_name(tmp_path):
    path = write_study(tmp_path)
    assert load_study(tmp_path).path == load_study(str(path)).path == path.resolve()
    assert load_study("spinal-metastases").folder.name == "spinal-metastases"
    assert load_study(path) is load_study(tmp_path)


def test_a_changed_file_is_read_again(tmp_path):
    path = write_study(tmp_path)
    first = load_study(path)
    write_study(tmp_path, ("A small study", "Another"))
    os.utime(path, ns=(1, 1))
    assert (first.title, load_study(path).title) == ("A small study", "Another")


@pytest.mark.parametrize("asked", ["nowhere", "", "{empty}"])
def test_a_missing_study_says_what_was_expected(tmp_path, asked):
    asked = asked.format(empty=tmp_path)
    expected = f"no study at {asked!r}: expected a study file, a folder that holds study.yml, or the name of a bundled study"
    with pytest.raises(StudyError, match=re.escape(expected)):
        load_study(asked)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "study.yml: the file is empty; expected keys such as study:, variables:, tables:"),
        ("# nothing\n", "study.yml: the file is empty; expected keys such as study:, variables:, tables:"),
        ("- a\n", "study.yml: expected keys such as study:, variables:, tables:; found a list"),
        ("words\n", "study.yml: expected keys such as study:, variables:, tables:; found a text"),
        ("study: [\n  a: b\n", "study.yml: line 3, column 1: not YAML: expected ',' or ']', but got '<stream end>'"),
        ("study:\n\ttitle: a\n", r"study.yml: line 2, column 1: not YAML: found character '\t' that cannot start any token"),
        ("a: 1\n---\nb: 1\n", "study.yml: line 2, column 1: not YAML: but found another document"),
        ("title: A: b\n", "study.yml: line 1, column 9: not YAML: mapping values are not allowed here"),
        ("title: \x07\n", "study.yml: not YAML: unacceptable character #x0007: special characters are not allowed"),
        (
            "x: !!python/name:os.system\n",
            "study.yml: line 1, column 4: not YAML: could not determine a constructor for "
            "the tag 'tag:yaml.org,2002:python/name:os.system'",
        ),
    ],
)
def test_text_that_is_no_study(tmp_path, text, message):
    path = write_study(tmp_path, text=text)
    assert errors(path) == [message]


def test_a_file_in_another_encoding(tmp_path):
    path = tmp_path / "study.yml"
    path.write_bytes(BASE.replace("small", "smäll").encode("latin-1"))
    assert errors(path) == ["study.yml: not UTF-8 text at byte 20; save the file as UTF-8"]


def test_the_mark_that_windows_writes_first_is_no_error(tmp_path):
    path = tmp_path / "study.yml"
    path.write_text(BASE, encoding="utf-8-sig")
    assert load_study(path).title == "A small study"


#: what is replaced by what; the line and the message that follow
WRONG = {
    "wrong key": ("unit: years", "units: years", "age", "variables.age.units: unknown key; did you mean 'unit'?"),
    "wrong section": ("survival:", "survvial:", "survival", "survvial: unknown key; did you mean 'survival'?"),
    "wrong key in a list": (
        "{label: old, from:",
        "{label: old, form:",
        "age_band",
        "derived.age_band.bands.1.form: unknown key; did you mean 'from'?",
    ),
    "key like no other": (
        "unit: years",
        "xyz: 1",
        "age",
        "variables.age.xyz: unknown key; known here: label, kind, unit, "
        "levels, codes, missing, date_order, range, decimals, measured, provenance, note",
    ),
    "missing key": ("label: Died, ", "", "died", "variables.died.label: is missing and must be given"),
    "nothing": ("{label: Died, kind: binary}", "", "died", "variables.died: expected keys with values; found nothing"),
    "a word": ("{label: Died, kind: binary}", "binary", "died", "variables.died: expected keys with values; found 'binary'"),
    "unknown kind": (
        "kind: count",
        "kind: counts",
        "visits",
        "variables.visits.kind: expected 'continuous', 'count', "
        "'binary', 'category', 'ordered' or 'date'; found 'counts'; did you mean 'count'?",
    ),
    "number for text": (
        "label: Died",
        "label: 12",
        "died",
        "variables.died.label: expected a text; found 12; put it in quotes",
    ),
    "truth for text": (
        "[north, south, off]",
        "[true, south, off]",
        "site",
        "variables.site.levels.0: expected a text; found true; put it in quotes",
    ),
    "date for text": (
        "A small study",
        "2020-01-01",
        "title",
        "study.title: expected a text; found '2020-01-01'; put it in quotes",
    ),
    "code without quotes": (
        '"1": yes',
        "1: yes",
        "smoker",
        "variables.smoker.codes.1: expected a text; found 1; put it in quotes",
    ),
    "text for number": (
        "decimals: 0",
        "decimals: none",
        "age",
        "variables.age.decimals: expected a whole number; found 'none'",
    ),
    "number too small": (
        "decimals: 0",
        "decimals: -1",
        "age",
        "variables.age.decimals: expected a number of at least 0; found -1",
    ),
    "one limit": ("[18, 100]", "[18]", "age", "variables.age.range.1: is missing and must be given"),
    "three limits": ("[18, 100]", "[18, 100, 3]", "age", "variables.age.range: expected 2 values; found 3"),
    "no limit": ("[18, 100]", "[18, .inf]", "age", "variables.age.range.1: expected a finite number; found inf"),
    "limits reversed": ("[18, 100]", "[100, 18]", "age", "variables.age: range runs from the lower to the upper limit"),
    "range of words": (
        "kind: ordered,",
        "kind: ordered, range: [1, 2],",
        "grade",
        "variables.grade: a variable of kind 'ordered' takes no range",
    ),
    "one level": (
        "[north, south, off]",
        "[north]",
        "site",
        "variables.site: a variable of kind 'category' needs at least two levels",
    ),
    "levels of a number": (
        "kind: count",
        "kind: count, levels: [a, b]",
        "visits",
        "variables.visits: a variable of kind 'count' takes no levels",
    ),
    "level twice": ("[north, south, off]", "[north, south, off, north]", "site", "variables.site: a level stands twice"),
    "code of no level": (
        '"1": yes',
        '"1": yess',
        "smoker",
        "variables.smoker.codes.1: has no level 'yess'; its levels: no, yes; did you mean 'yes'?",
    ),
    "code of no number": (
        "kind: count",
        "kind: count, codes: {none: zero}",
        "visits",
        "variables.visits.codes.none: a count variable has no level 'zero'; codes stand for levels",
    ),
    "code that is missing": (
        '"1": yes',
        '"": yes',
        "smoker",
        "variables.smoker: '' marks a missing value (study: missing:); it cannot be a level or code too",
    ),
    "name of the counts": ("  visits:", "  n:", "visits", "variables.n: the name 'n' is taken by the counts; choose another"),
    "name of the id": ("  visits:", "  id:", "visits", "variables.id: is the id (study: id: id), which is no variable"),
    "recorded and derived": (
        "  high:",
        "  grade:",
        "high",
        "derived.grade: is a recorded variable too; a name stands for one variable",
    ),
    "unknown variable": (
        "from: age,",
        "from: agee,",
        "age_band",
        "derived.age_band: unknown variable 'agee'; did you mean 'age'?",
    ),
    "no rule": (
        ", member: [high]",
        "",
        "high",
        "derived.high: a derived variable takes exactly one of bands, recode, "
        "member, change, transition, days_between; found none",
    ),
    "two rules": (
        "member: [high]",
        "member: [high], recode: {a: [low, mid, high]}",
        "high",
        "derived.high: a derived "
        "variable takes exactly one of bands, recode, member, change, transition, days_between; "
        "found recode, member",
    ),
    "no from": ("from: grade, ", "", "high", "derived.high: 'from' names the variable that member reads"),
    "from too many": ("{label: Change,", "{label: Change, from: grade,", "change", "derived.change: change takes no 'from'"),
    "made from itself": ("from: followed_band,", "from: long,", "long", "derived.long: is made from itself"),
    "bands of words": (
        "from: age,",
        "from: grade,",
        "age_band",
        "derived.age_band: bands needs continuous or count; 'grade' is ordered",
    ),
    "days between numbers": (
        "[surgery, seen]",
        "[surgery, days]",
        "followed",
        "derived.followed: days_between needs date; 'days' is continuous",
    ),
    "change of other levels": (
        "levels: *grades",
        "levels: [high, mid, low]",
        "change",
        "derived.change.change: both variables need the same levels in the same order",
    ),
    "change levels": (
        "{label: Change,",
        "{label: Change, change_levels: [a, b, a],",
        "change",
        "derived.change.change_levels: a level stands twice",
    ),
    "level forgotten": ("[south, off]", "[south]", "where", "derived.where.recode: leaves out the level 'off'"),
    "unknown level": (
        "[south, off]",
        "[south, off, nort]",
        "where",
        "derived.where.recode: 'site' has no level 'nort'; its levels: north, south, off; did you mean 'north'?",
    ),
    "level in two": ("[south, off]", "[south, off, north]", "where", "derived.where.recode: the level 'north' stands twice"),
    "unknown member": (
        "member: [high]",
        "member: [hihg]",
        "high",
        "derived.high.member: 'grade' has no level 'hihg'; its levels: low, mid, high; did you mean 'high'?",
    ),
    "gap": ("from: 41", "from: 42", "age_band", "derived.age_band.bands.1: leaves out values between 'young' and 'old'"),
    "gap without decimals": (
        ", decimals: 0",
        "",
        "age_band",
        "derived.age_band.bands.1: leaves out values between 'young' "
        "and 'old'; end a band with 'below', or give the variable its decimals",
    ),
    "overlap": (
        "from: 41",
        "from: 40",
        "age_band",
        "derived.age_band.bands.1: overlaps the band 'young'; a value belongs to one band",
    ),
    "left out below": (
        "{label: young, to",
        "{label: young, from: 19, to",
        "age_band",
        "derived.age_band.bands.0: leaves out values below 19, which the range of 'age' allows",
    ),
    "left out above": (
        "from: 41",
        "from: 41, to: 99",
        "age_band",
        "derived.age_band.bands.1: leaves out values above 99, which the range of 'age' allows",
    ),
    "left out at the end": (
        "from: 41",
        "from: 41, below: 100",
        "age_band",
        "derived.age_band.bands.1: leaves out values above 100, which the range of 'age' allows",
    ),
    "left out without range": ("range: [18, 100], ", "", "age_band", None),
    "empty band": (
        "from: 41}",
        "from: 41, to: 39}",
        "age_band",
        "derived.age_band.bands.1: holds no value: it ends before it begins",
    ),
    "two ends": (
        "to: 40",
        "to: 40, below: 41",
        "age_band",
        "derived.age_band.bands.0: takes 'to' (inclusive) or 'below' (exclusive), not both",
    ),
    "no beginning": (", from: 41", "", "age_band", "derived.age_band.bands.1: needs 'from'"),
    "no end": (", to: 40", "", "age_band", "derived.age_band.bands.0: needs 'to' or 'below'"),
    "label twice": ("label: old", "label: young", "age_band", "derived.age_band.bands.1: the label 'young' stands twice"),
    "between two values": (
        "to: 40",
        "to: 40.5",
        "age_band",
        "derived.age_band.bands.0: the limit 40.5 lies between two values as they are recorded, in steps of 1",
    ),
    "event of words": ("event: died", "event: grade", "survival", "survival.event: 'grade' is ordered; expected binary"),
}


@pytest.mark.parametrize(("old", "new", "key", "message"), WRONG.values(), ids=WRONG)
def test_an_error_names_key_line_and_what_was_expected(tmp_path, old, new, key, message):
    path = write_study(tmp_path, (old, new))
    if message is None:  # an open band needs no range
        assert load_study(path).range("age") is None
    else:
        assert errors(path) == ["study.yml: 1 error", f"  line {LINE[key]}, {message}"]


TABLE = "tables: {{t1: {{number: '1', title: T, rows: [{}]}}}}"
COMPARISON = "comparison: {{number: '1', title: C, groups: {}, rows: [{}]}}"
MODEL = "model: {{number: '1', title: M, outcome: {}, candidates: [{}]}}"
KEEP = "eligibility: [{{label: a, keep: {}}}]"
RECONSTRUCTION = "reconstruction: {{seed: 1, patients: 3, {}}}"

#: the section added, and the messages that follow
ADDED = {
    "criterion on no variable": (
        KEEP.format("{agee: {min: 3}}"),
        "eligibility.0.keep.agee: unknown variable 'agee'; did you mean 'age'?",
    ),
    "criterion on no level": (
        KEEP.format("{grade: [low, hihg]}"),
        "eligibility.0.keep.grade: 'grade' has no level 'hihg'; its levels: low, mid, high; did you mean 'high'?",
    ),
    "criterion on a derived level": (
        KEEP.format("{age_band: yung}"),
        "eligibility.0.keep.age_band: 'age_band' has no level 'yung'; its levels: young, old; did you mean 'young'?",
    ),
    "limits of words": (
        KEEP.format("{grade: {min: 3}}"),
        "eligibility.0.keep.grade: 'grade' is ordered; limits (min, max) need numbers or dates",
    ),
    "limits of a date": (
        KEEP.format("{surgery: {min: 3}}"),
        "eligibility.0.keep.surgery: 'surgery' is date; expected limits that are dates (2019-12-31)",
    ),
    "limits of a number": (
        KEEP.format("{age: {min: 2019-12-31}}"),
        "eligibility.0.keep.age: 'age' is continuous; expected limits that are numbers",
    ),
    "limits misspelt": (
        KEEP.format("{age: {mini: 3}}"),
        "eligibility.0.keep.age: expected a level, a list of levels, or limits {min: ..., max: ...} that are numbers or dates",
    ),
    "limits reversed": (
        KEEP.format("{age: {min: 3, max: 2}}"),
        "eligibility.0.keep.age: nothing lies between these limits: min is above max",
    ),
    "level of a number": (
        KEEP.format("{age: old}"),
        "eligibility.0.keep.age: 'age' is continuous; expected numbers, found 'old'",
    ),
    "level of a date": (
        KEEP.format("{surgery: first}"),
        "eligibility.0.keep.surgery: 'surgery' is a date, which has no levels; expected limits {min: ..., max: ...}",
    ),
    "truth for a level": (
        KEEP.format("{smoker: true}"),
        "eligibility.0.keep.smoker: expected a word or a number; found true; put it in quotes",
    ),
    "kept and counted": (
        "eligibility: [{label: a, keep: {smoker: yes}, excluded: 3}]",
        "eligibility.0: takes keep, which counts who is excluded, or excluded; not both",
    ),
    "row on no variable": (
        TABLE.format("{variable: grad}"),
        "tables.t1.rows.0.variable: unknown variable 'grad'; did you mean 'grade'?",
    ),
    "row on no level": (
        TABLE.format("{variable: grade, levels: [lo]}"),
        "tables.t1.rows.0.levels: 'grade' has no level 'lo'; its levels: low, mid, high; did you mean 'low'?",
    ),
    "row labels no level": (
        TABLE.format("{variable: smoker, labels: {Yes: Smokes}}"),
        "tables.t1.rows.0.labels: 'smoker' has no level 'Yes'; its levels: no, yes; did you mean 'yes'?",
    ),
    "row on a word": (
        TABLE.format("{variable: age, levels: [x]}"),
        "tables.t1.rows.0.levels: 'age' is continuous; expected numbers, found 'x'",
    ),
    "row of nothing": (TABLE.format("{label: x}"), "tables.t1.rows.0: a row shows a variable or a heading"),
    "number of a table": (
        TABLE.format("{variable: age}").replace("'1'", "1"),
        "tables.t1.number: expected a text; found 1; put it in quotes",
    ),
    "outcome": ("outcome: {variable: dide, label: x}", "outcome.variable: unknown variable 'dide'; did you mean 'died'?"),
    "groups of numbers": (
        COMPARISON.format("days", "{variable: age}"),
        "comparison.groups: 'days' is continuous; expected binary or category or ordered",
    ),
    "row that makes the groups": (
        COMPARISON.format("grade", "{variable: grade}"),
        "comparison.rows.0.variable: 'grade' makes the groups; it cannot be compared between them",
    ),
    "test of two groups for three": (
        COMPARISON.format("grade", "{variable: age, test: student_t}"),
        "comparison.rows.0.test: 'student_t' is of two groups; 'grade' has 3; expected auto, "
        "anova, welch_anova, kruskal_wallis, jonckheere_terpstra",
    ),
    "test of three groups for two": (
        COMPARISON.format("died", "{variable: visits, test: anova}"),
        "comparison.rows.0.test: 'anova' is of three or more groups; 'died' has 2; expected auto, "
        + ", ".join(test for test, kinds in SUITED.items() if "count" in kinds),
    ),
    "trend without an order": (
        COMPARISON.format("site", "{variable: age, test: jonckheere_terpstra}"),
        "comparison.rows.0.test: 'jonckheere_terpstra' is of a trend, and 'site' has no order; expected "
        "auto, anova, welch_anova, kruskal_wallis",
    ),
    "test of three groups that does not suit": (
        COMPARISON.format("grade", "{variable: site, test: anova}"),
        "comparison.rows.0.test: 'site' is category; expected auto, "
        "pearson_chi_square, likelihood_ratio, fisher_freeman_halton",
    ),
    "labels of other groups": (
        COMPARISON.format("grade, group_labels: [a, b]", "{variable: age}"),
        "comparison.group_labels: names 2 groups; 'grade' has 3: low, mid, high",
    ),
    "labels of a yes and no": (
        COMPARISON.format("died, group_labels: [a]", "{variable: age}"),
        "comparison.group_labels: names 1 groups; 'died' has 2: the group true, the group false",
    ),
    "pairs of two groups": (
        COMPARISON.format("died, pairwise: holm", "{variable: age}"),
        "comparison.pairwise: is of three groups or more; 'died' has two, which the test compares",
    ),
    "pair of nothing": (
        "paired: [{before: grad, after: later}]",
        "paired.0.before: unknown variable 'grad'; did you mean 'grade'?",
    ),
    "pair of itself": (
        "paired: [{before: grade, after: grade}]",
        "paired.0.after: is 'grade' as before is; expected another variable",
    ),
    "pair of two kinds": (
        "paired: [{before: grade, after: age}]",
        "paired.0.after: 'age' is continuous, 'grade' ordered; expected the same kind",
    ),
    "pair of other levels": (
        "paired: [{before: grade, after: age_band}]",
        "paired.0.after: 'age_band' has other levels than 'grade'; expected low, mid, high",
    ),
    "pair of two units": (
        "paired: [{before: age, after: days}]",
        "paired.0.after: 'days' is in days, 'age' in years; expected the same unit",
    ),
    "test of a pair": (
        "paired: [{before: grade, after: later, test: mcnemar}]",
        "paired.0.test: 'grade' is ordered; expected "
        "auto, wilcoxon_signed_rank, wilcoxon_signed_rank_continuity, wilcoxon_signed_rank_exact, "
        "stuart_maxwell, bowker",
    ),
    "outcome that is no number": (
        "linear: {number: '1', title: L, outcome: died, terms: [age]}",
        "linear.outcome: 'died' is binary; expected continuous or count",
    ),
    "outcome that is a term": (
        "linear: {number: '1', title: L, outcome: age, terms: [age]}",
        "linear.terms.0: 'age' is the outcome; it is no term of its own model",
    ),
    "row compares no variable": (
        COMPARISON.format("died", "{variable: grad}"),
        "comparison.rows.0.variable: unknown variable 'grad'; did you mean 'grade'?",
    ),
    "test that does not suit": (
        COMPARISON.format("died", "{variable: grade, test: student_t}"),
        "comparison.rows.0.test: "
        "'grade' is ordered; expected auto, " + ", ".join(test for test, kinds in SUITED.items() if "ordered" in kinds),
    ),
    "unknown test": (
        COMPARISON.format("died", "{variable: grade, test: t}"),
        "comparison.rows.0.test: expected "
        + ", ".join(map(repr, ("auto", *(suited("two") | suited("several")))))[::-1].replace(" ,", " ro ", 1)[::-1]
        + "; found 't'",
    ),
    "outcome of a model": (MODEL.format("grade", "age"), "model.outcome: 'grade' is ordered; expected binary"),
    "candidate": (
        MODEL.format("died", "surgery"),
        "model.candidates.0: 'surgery' is date; expected continuous or count or binary or category or ordered",
    ),
    "no candidates": (MODEL.format("died", ""), "model: needs candidates, or a comparison to take them from"),
    "group of everything": (
        "published: {groups: {a: {}}}",
        "published.groups.a: a group is exactly one of where, compare, patient or model: true",
    ),
    "group on no level": (
        "published: {groups: {a: {where: {died: maybe}}}}",
        "published.groups.a.where.died: 'died' has no level 'maybe'; its levels: no, yes",
    ),
    "group compares nothing": (
        "published: {groups: {a: {compare: died}}}",
        "published.groups.a.compare: expected the variable of comparison: groups:, whose tests printed the P values",
    ),
    "group of no model": ("published: {groups: {a: {model: true}}}", "published.groups.a.model: needs the section model:"),
    "rule of nothing": (
        RECONSTRUCTION.format("rules: [{when: {age: 3}}]"),
        "reconstruction.rules.0: a rule is one of when/then, not_after or sum_at_most",
    ),
    "rule on no level": (
        RECONSTRUCTION.format("rules: [{when: {age: 20}, then: {grade: lo}}]"),
        "reconstruction.rules.0.then.grade: 'grade' has no level 'lo'; its levels: low, mid, high; did you mean 'low'?",
    ),
    "rule compares words": (
        RECONSTRUCTION.format("rules: [{not_after: [grade, days]}]"),
        "reconstruction.rules.0: 'grade' is ordered; expected continuous or count",
    ),
    "rule compares derived": (
        RECONSTRUCTION.format("rules: [{not_after: [followed, days]}]"),
        "reconstruction.rules.0: 'followed' is derived; expected a recorded variable",
    ),
    "shape of nothing": (
        RECONSTRUCTION.format("shapes: {agee: {distribution: uniform}}"),
        "reconstruction.shapes.agee: unknown variable 'agee'; did you mean 'age'?",
    ),
    "shape without centre": (
        RECONSTRUCTION.format("shapes: {age: {distribution: normal}}"),
        "reconstruction.shapes.age: a normal distribution needs centre and spread",
    ),
    "shape below zero": (
        RECONSTRUCTION.format("shapes: {age: {distribution: lognormal, centre: 0, spread: 1}}"),
        "reconstruction.shapes.age: the centre of a lognormal distribution is its median, above 0",
    ),
    "shape without weights": (
        RECONSTRUCTION.format("shapes: {grade: {distribution: levels, weights: {low: 0}}}"),
        "reconstruction.shapes.grade: a distribution of levels needs weights, none below 0 and one above",
    ),
    "shape on no level": (
        RECONSTRUCTION.format("shapes: {grade: {distribution: levels, weights: {lo: 1}}}"),
        "reconstruction.shapes.grade.weights: 'grade' has no level 'lo'; its levels: low, mid, high; did you mean 'low'?",
    ),
    "shape of words": (
        RECONSTRUCTION.format("shapes: {grade: {distribution: uniform}}"),
        "reconstruction.shapes.grade: 'grade' is ordered; its shape is levels with weights",
    ),
    "shape of numbers": (
        RECONSTRUCTION.format("shapes: {age: {distribution: levels, weights: {'1': 1}}}"),
        "reconstruction.shapes.age: 'age' is continuous; its shape is normal, lognormal or uniform",
    ),
    "shape that follows itself": (
        RECONSTRUCTION.format("shapes: {age: {follows: {age: 0.5}}}"),
        "reconstruction.shapes.age.follows.age: expected another recorded variable",
    ),
    "shape too strict": (
        RECONSTRUCTION.format("shapes: {age: {follows: {days: 1}}}"),
        "reconstruction.shapes.age.follows.days: expected a number below 1.0; found 1",
    ),
    "ids alike": (
        RECONSTRUCTION.format("id_format: SYNTHETIC"),
        "reconstruction: id_format: 'SYNTHETIC' gives no id a patient; expected such as 'SYNTHETIC-{:03d}'",
    ),
    "left out twice": (
        RECONSTRUCTION.format("left_out: [{figure: a, reason: b}, {figure: a, reason: c}]"),
        "reconstruction.left_out.1: 'a' stands twice",
    ),
    "patient of none": (
        "published: {groups: {a: {patient: 4}}}\n" + RECONSTRUCTION.format(""),
        "published.groups.a.patient: is 4; reconstruction: patients: is 3",
    ),
    "no section": ("tables:", "tables: expected keys with values; found nothing"),
}


@pytest.mark.parametrize(("section", "message"), ADDED.values(), ids=ADDED)
def test_an_error_in_the_plan(tmp_path, section, message):
    path = write_study(tmp_path, extra=section + "\n")
    assert errors(path) == ["study.yml: 1 error", f"  line {LAST + 1}, {message}"]


SURVIVAL = {
    "time": ("time: days", "time: site", "time: 'site' is category; expected continuous or count"),
    "strata": ("died}", "died, strata: [age]}", "strata.0: 'age' is continuous; expected binary or category or ordered"),
    "cox": ("died}", "died, cox: [agee]}", "cox.0: unknown variable 'agee'; did you mean 'age'?"),
    "entry": ("died}", "died, entry: site}", "entry: 'site' is category; expected continuous or count"),
    "entry a list": ("died}", "died, entry: [1]}", "entry: expected a word or a number; found a list"),
    "bands": ("died}", "died, bands: site}", "bands: 'site' is category; expected ordered"),
    "landmark": ("died}", "died, landmarks: [{label: a, time: 0}]}", "landmarks.0.time: expected a number above 0.0; found 0"),
    "longer": (
        "died}",
        "died, bands: age_band, landmarks: [{label: a, time: 1, longer: [odl]}]}",
        "landmarks.0.longer: 'age_band' has no level 'odl'; its levels: young, old; did you mean 'old'?",
    ),
    "longer of nothing": (
        "died}",
        "died, landmarks: [{label: a, time: 1, longer: [old]}]}",
        "landmarks.0.longer: names bands; say of which variable under bands:",
    ),
    "competing": (
        "died}",
        "died, competing: {label: x, event: long, time: site}}",
        "competing.time: 'site' is category; expected continuous or count",
    ),
    "competing with itself": (
        "died}",
        "died, competing: {label: x, event: died, time: days}}",
        "competing.event: 'died' is survival: event: too; expected the event that it can forestall",
    ),
    "competing label": (
        "died}",
        "died, competing: {label: Died, event: long, time: days}}",
        "competing.label: 'Died' is the label of 'died' too; expected another, as both stand in one table",
    ),
    "unit": (
        "died}",
        "died, unit: cycles}",
        "unit: 'cycles' is none of days, weeks, months, years; expected study: units_per_year:, how many of them make a year",
    ),
}


@pytest.mark.parametrize(("old", "new", "message"), SURVIVAL.values(), ids=SURVIVAL)
def test_an_error_in_the_survival_endpoint(tmp_path, old, new, message):
    text, survival = BASE.rsplit("\n", 2)[0], BASE.splitlines()[-1]
    found = errors(write_study(tmp_path, text=text + "\n" + survival.replace(old, new) + "\n"))
    assert found == ["study.yml: 1 error", f"  line {LAST}, survival.{message}"]


def test_several_errors_are_reported_at_once_in_the_order_of_the_file(tmp_path):
    path = write_study(
        tmp_path,
        ("title:", "titel:"),
        ("unit: years", "units: years"),
        ("kind: binary}", "kind: boolean}"),
        ("[surgery, seen], unit", "[surgery, seen], label: F, unit"),
    )
    assert errors(path) == [
        "study.yml: 5 errors",
        "  line 1, study.title: is missing and must be given",
        "  line 2, study.titel: unknown key; did you mean 'title'?",
        f"  line {LINE['age']}, variables.age.units: unknown key; did you mean 'unit'?",
        f"  line {LINE['died']}, variables.died.kind: expected 'continuous', 'count', 'binary', 'category', 'ordered' or "
        "'date'; found 'boolean'",
        f"  line {LINE['followed']}, derived.followed.label: stands twice, first in line {LINE['followed']}",
    ]


def test_unknown_keys_do_not_hide_unknown_variables(tmp_path):
    path = write_study(tmp_path, ("unit: years", "units: years"), ("from: age,", "from: agee,"))
    assert [line.split(": ")[0] for line in errors(path)[1:]] == [
        f"  line {LINE['age']}, variables.age.units",
        f"  line {LINE['age_band']}, derived.age_band",
    ]


def test_a_key_that_stands_twice_names_both_lines(tmp_path):
    path = write_study(tmp_path, ("  died:", "  age:"), ("event: died", "event: smoker"))
    assert errors(path) == [
        "study.yml: 1 error",
        f"  line {LINE['died']}, variables.age: stands twice, first in line {LINE['age']}",
    ]


@pytest.mark.parametrize(
    ("text", "message"), [("? [a]\n: 1\n", ": holds a key that is no plain word"), ("x: &a [*a]\n", "x.0: holds itself")]
)
def test_yaml_that_no_study_needs(tmp_path, text, message):
    path = write_study(tmp_path, extra=text)
    assert errors(path)[-1] == f"  line {LAST + 1}, {message}"


def test_variables_made_from_each_other_in_a_circle(tmp_path):
    path = write_study(
        tmp_path,
        extra="",
        text=BASE.replace(
            "member: [high]}", "member: [high]}\n  a: {label: A, from: b, member: [x]}\n  b: {label: B, from: a, member: [x]}"
        ),
    )
    assert [line.split(", ")[1] for line in errors(path)[1:]] == [
        "derived.a: is made from itself",
        "derived.b: is made from itself",
    ]


def test_bands_may_meet_below_a_limit(tmp_path):
    bands = "bands: [{label: a, below: 0.5}, {label: b, from: 0.5, below: 7}, {label: c, from: 7, to: 4000}]"
    study = load_study(write_study(tmp_path, ("survival:", f"  days_band: {{label: D, from: days, {bands}}}\nsurvival:")))
    assert study.levels("days_band") == ("a", "b", "c")


def test_an_error_is_shown_without_a_traceback(tmp_path):
    with pytest.raises(StudyError) as caught:
        load_study(write_study(tmp_path, text=""))
    assert caught.value._render_traceback_() == str(caught.value).splitlines()


def test_tests_suit_the_kinds_that_the_comparison_takes():
    kinds = {kind: {test for test, suited in SUITED.items() if kind in suited} for kind in compare.SUITED}
    assert kinds == {kind: set(tests) for kind, tests in compare.SUITED.items()}


def test_the_bundled_study_is_sound():
    study = load_study("spinal-metastases")
    assert {study.provenance(name) for name in study.names} == {"printed", "implied", "assumed"}
    assert None not in {study.measured(name) for name in study.names}
