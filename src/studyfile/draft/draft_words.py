"""Words that a draft goes by: yes and no in several languages, scales and their order, units and usual names."""

from __future__ import annotations

import re
from collections.abc import Sequence

YES = frozenset(
    {
        "yes",
        "y",
        "true",
        "t",
        "si",
        "sí",
        "sì",
        "s",
        "ja",
        "j",
        "oui",
        "o",
        "sim",
        "tak",
        "da",
        "present",
        "positive",
        "pos",
        "+",
    }
)
NO = frozenset(
    {"no", "n", "false", "f", "nein", "non", "nej", "nee", "não", "nao", "nie", "ne", "absent", "negative", "neg", "-"}
)

#: Texts that can stand for nothing but a missing value in a column of numbers or dates.
MARKS = frozenset(
    {
        "n/a",
        "na",
        "n.a.",
        "nan",
        "null",
        "none",
        "missing",
        "miss",
        "unknown",
        "unk",
        "nk",
        "not known",
        "not done",
        "nd",
        "n.d.",
        "#n/a",
        "#null!",
        "#div/0!",
        "#value!",
        ".",
        "-",
        "--",
        "?",
        "x",
        "k.a.",
        "nc",
        "<na>",
    }
)
#: Levels that may stand for a missing value.
UNSAID = frozenset(
    {
        "unknown",
        "missing",
        "n/a",
        "not known",
        "unk",
        "not recorded",
        "?",
        "none recorded",
        "unbekannt",
        "inconnu",
        "sconosciuto",
        "desconocido",
    }
)
CODES = (99, 999, 9999, 99999, 88, 888, 8888, 77, 777, 98, 998, 9998, 97, 997)

#: Scales, lowest first; several words may stand for one place.
SCALES = (
    (
        "none/absent/no/nil",
        "minimal/trace/slight",
        "mild/light",
        "moderate/medium",
        "severe/marked/serious",
        "very severe/critical",
    ),
    ("very low", "low", "medium/mid/middle/moderate/intermediate/normal", "high", "very high"),
    ("small", "medium/moderate", "large/big", "very large"),
    ("very poor", "poor/bad", "fair", "good", "very good", "excellent"),
    ("never", "rarely", "sometimes/occasionally/some", "often/regularly/freq/frequently", "always"),
    ("strongly disagree", "disagree", "neutral/undecided", "agree", "strongly agree"),
    ("worse", "unchanged/stable/same", "improved/better"),
    ("early", "intermediate", "late/advanced"),
    ("well", "moderate/moderately", "poor/poorly", "undifferentiated"),
    ("primary", "secondary", "tertiary"),
)
_SCALES = tuple({word: place for place, words in enumerate(scale) for word in words.split("/")} for scale in SCALES)
_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6}
_STEP = re.compile(
    r"(grade|stage|class|level|ecog|asa|nyha|who|ps|child|score|quartile|tertile|q|g|t|n|m|)[ _-]?(\d|vi|i{1,3}|iv|v)([a-d]?)"
)
_BAND = re.compile(
    r"(?:(<=|>=|<|>|≤|≥|under|over|up to)\s*)?(\d+(?:\.\d+)?)\s*"
    r"(?:(?:-|–|to)\s*(\d+(?:\.\d+)?)|(\+|or more|or over|and over))?(?:\s*[a-z]+)?"
)
_UNDER = ("<", "<=", "≤", "under", "up to")

#: end of a name -> unit
_UNITS = {
    "years": "years",
    "year": "years",
    "yrs": "years",
    "yr": "years",
    "months": "months",
    "month": "months",
    "mo": "months",
    "weeks": "weeks",
    "days": "days",
    "day": "days",
    "hours": "hours",
    "hrs": "hours",
    "min": "minutes",
    "minutes": "minutes",
    "kg": "kg",
    "g": "g",
    "mg": "mg",
    "lb": "lb",
    "lbs": "lb",
    "cm": "cm",
    "mm": "mm",
    "m": "m",
    "ml": "mL",
    "l": "L",
    "mmhg": "mmHg",
    "bpm": "bpm",
    "pct": "%",
    "percent": "%",
    "mg_dl": "mg/dL",
    "g_dl": "g/dL",
    "g_l": "g/L",
    "mmol_l": "mmol/L",
    "umol_l": "µmol/L",
    "ng_ml": "ng/mL",
    "iu_l": "IU/L",
    "u_l": "U/L",
    "kg_m2": "kg/m²",
    "celsius": "°C",
}
_ENDING = re.compile(rf"(.+?)[_. ]({'|'.join(sorted(_UNITS, key=len, reverse=True))})", re.IGNORECASE)
_CHOICES = re.compile(r"\d+\s*[-–/]\s*\d+|.*[=;,].*|[a-z]/[a-z]", re.IGNORECASE)  # (0-10), (1=yes), (m/f)
_BRACKET = re.compile(r"(.+?)\s*[(\[]\s*([^()\[\]]{1,15})\s*[)\]]")


def _named(*names: str, start: str = r"(.*[_. ])?", end: str = r"([_. ].*)?") -> re.Pattern:
    return re.compile(rf"{start}({'|'.join(names)}){end}", re.IGNORECASE)


ID = re.compile(
    r"(.*[_. ])?(id|ids|pid|patid|caseid|subjid|usubjid|studyid)|(nr|no|number)|"
    r"(patient|subject|record|case|participant|person)[_. ]?(id|no|nr|num|number|code)?|study[_. ]?(id|no|nr|number)",
    re.IGNORECASE,
)
PERSON = _named(
    "name",
    "surname",
    "forename",
    "firstname",
    "lastname",
    "initials",
    "address",
    "street",
    "phone",
    "telephone",
    "mobile",
    "email",
    "mail",
    "mrn",
    "nhs",
    "ssn",
    "dob",
    "birthdate",
    "birth[_. ]date",
    "date[_. ]of[_. ]birth",
    "geburtsdatum",
    "nombre",
    "apellido",
    "cognome",
    "nom",
    "prenom",
)
EVENT = _named(
    "died",
    "dead",
    "death",
    "deceased",
    "mortality",
    "event",
    "status",
    "stat",
    r"cens\w*",
    "delta",
    r"fail\w*",
    "fstat",
    r"relapse\w*",
    r"recur\w*",
    "outcome",
    r"complication\w*",
    r"readmi\w*",
    "low",
    "case",
    "class",
    "type",
    "response",
)
#: Events that survival is about.
FATAL = _named(
    "died",
    "dead",
    "death",
    "deceased",
    "event",
    "status",
    "stat",
    r"cens\w*",
    "delta",
    "fstat",
    r"relapse\w*",
    r"recur\w*",
    r"progress\w*",
)
#: Such a name says of a 1 that the event came, or that it did not.
CENSORING = _named(r"cens\w*")
TIME = _named(r"\w*time", "follow_?up", "fu", r"surv\w*", "os", "pfs", "dfs", "rfs", "efs", "tte", "days", "months")
STEPS = _named(
    "stage",
    "grade",
    "class",
    "score",
    "ecog",
    "asa",
    "nyha",
    "differ",
    "extent",
    "degree",
    "severity",
    "karno",
    "apgar",
    start=r".*",
)
COUNTS = re.compile(
    r"(n|num|no|number|count)[_. ].*|.*([_. ]count|[_. ]n|visits|nodes|children|parity|episodes|number|levels|sibs)",
    re.IGNORECASE,
)
SEX = _named("sex", "gender", "sexo", "sesso", "sexe", "geschlecht")
CODED = _named(
    "status",
    "event",
    "outcome",
    "type",
    "group",
    "arm",
    "treatment",
    "rx",
    "race",
    r"ethnic\w*",
    "region",
    "centre",
    "center",
    "site",
    "hospital",
    "code",
    "cause",
    "sex",
    end="",
)
#: name -> the limits of what can be
PLAUSIBLE = (
    (re.compile(r"age([_. ].*)?|.*[_. ]age", re.IGNORECASE), (0, 120)),
    (re.compile(r"bmi([_. ].*)?", re.IGNORECASE), (8, 100)),
    (re.compile(r".*(pct|percent)", re.IGNORECASE), (0, 100)),
    (re.compile(r"height[_. ]?\(?cm\)?", re.IGNORECASE), (30, 250)),
    (re.compile(r"weight[_. ]?\(?kg\)?", re.IGNORECASE), (0.3, 350)),
)


def label_and_unit(name: str) -> tuple[str, str]:
    """Divide the name of a column into a label and a unit.

    Examples
    --------
    >>> label_and_unit("age_years"), label_and_unit("Tumour size (mm)"), label_and_unit("sex")
    (('Age', 'years'), ('Tumour size', 'mm'), ('Sex', ''))
    """
    unit, text = "", name
    if (found := _BRACKET.fullmatch(name)) and not _CHOICES.fullmatch(found[2]):
        text, unit = found[1], found[2].strip()
    elif found := _ENDING.fullmatch(name):
        text, unit = found[1], _UNITS[found[2].lower()]
    text = " ".join(re.sub(r"[_.]+", " ", text).split()) or name
    return text[0].upper() + text[1:], unit


def yes_no(texts: Sequence[str]) -> dict[str, str]:
    """Return what says yes and what says no, when every text is one of these and both are there; else nothing.

    Examples
    --------
    >>> yes_no(["Ja", "nein"]), yes_no(["yes", "maybe"]), yes_no(["N", "Y", "y"])
    ({'Ja': 'yes', 'nein': 'no'}, {}, {'N': 'no', 'Y': 'yes', 'y': 'yes'})
    """
    found = {text: "yes" if text.casefold() in YES else "no" if text.casefold() in NO else "" for text in texts}
    return found if set(found.values()) == {"yes", "no"} else {}


def in_order(levels: Sequence[str]) -> tuple[list[str], str]:
    """Return levels from low to high and what tells their order; nothing where their words do not.

    Examples
    --------
    >>> in_order(["severe", "mild", "none"])
    (['none', 'mild', 'severe'], 'words of a scale')
    >>> in_order(["60+", "<50", "50-59"])
    (['<50', '50-59', '60+'], 'bands of numbers')
    >>> in_order(["north", "south"])
    ([], '')
    """
    words = {level: " ".join(level.casefold().split()) for level in levels}
    for scale in _SCALES:
        if all(word in scale for word in words.values()) and len({scale[word] for word in words.values()}) == len(levels):
            return sorted(levels, key=lambda level: scale[words[level]]), "words of a scale"
    steps = {level: _STEP.fullmatch(word) for level, word in words.items()}
    if all(steps.values()) and len({found[1] for found in steps.values()}) == 1:
        prefix = next(iter(steps.values()))[1]
        if prefix or all(found[2] in _ROMAN for found in steps.values()):

            def place(level: str) -> tuple:
                found = steps[level]
                return (_ROMAN.get(found[2]) or int(found[2]), found[3])

            return sorted(levels, key=place), "numbered steps"
    bands = {level: _BAND.fullmatch(word) for level, word in words.items()}
    if all(bands.values()) and any(found[1] or found[3] or found[4] for found in bands.values()):
        return sorted(levels, key=lambda level: _limits(bands[level])), "bands of numbers"
    return [], ""


def _limits(found: re.Match) -> tuple[float, float]:
    low = float(found[2])
    if found[1] in _UNDER:
        return (low, -1.0)
    return (low, 1.0 if found[1] else 0.0)
