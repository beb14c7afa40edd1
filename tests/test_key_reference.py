"""key_reference.py: the committed reference is the schema's, and no key goes without a meaning."""

from pathlib import Path

from pydantic import BaseModel

from studyfile.study.key_reference import _parts, main, reference
from studyfile.study.schema import StudyFile

PAGE = Path(__file__).resolve().parents[1] / "docs/study-file.md"


def test_the_committed_page_is_the_schema_s():
    assert PAGE.read_text(encoding="utf-8") == reference(), "run python -m studyfile.study.key_reference > docs/study-file.md"


def test_every_key_of_every_part_has_a_meaning():
    parts = {part: key for key, part, _ in _parts(StudyFile)} | {StudyFile: ""}
    inside = {
        one
        for one in vars(__import__("studyfile.study.schema", fromlist=["x"])).values()
        if isinstance(one, type) and issubclass(one, BaseModel) and one.model_fields
    }
    assert inside <= set(parts)
    for part, key in parts.items():
        for name, field in part.model_fields.items():
            assert field.description, f"{key}.{name}"


def test_what_a_key_takes_is_said_in_words():
    lines = reference().splitlines()
    assert "| `kind` | `continuous`, `count`, `binary`, `category`, `ordered`, `date` | **must be given** |" in "\n".join(lines)
    assert all(line.count(" | ") == 3 for line in lines if line.startswith("| `"))
    assert any(line.startswith("| `missing` | list of text | `['', NA]` |") for line in lines)


def test_the_command_prints_it(capsys):
    assert main([]) == 0
    assert capsys.readouterr().out == reference()
