"""The text of a study file: YAML read safely, and errors told by key and line."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, get_args

import yaml
from pydantic import BaseModel, ValidationError

from studyfile.study.study import Key, StudyError, nearest

#: pydantic's name of an error -> what was expected instead
_EXPECTED = {
    "string_type": "a text",
    "dict_type": "keys with values",
    "model_type": "keys with values",
    "tuple_type": "a list",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of at most {le}",
}


class YamlFile:
    """A YAML file and the problems found in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: set[tuple[int, str, str]] = set()
        try:
            self.root = yaml.compose(path.read_text(encoding="utf-8-sig"), Loader=_loader())
        except UnicodeDecodeError as error:
            raise StudyError(f"{path}: not UTF-8 text at byte {error.start}; save the file as UTF-8") from None
        except yaml.YAMLError as error:
            self._not_yaml(error)

    def content(self) -> dict[str, Any]:
        """Return what the file holds; a key that stands twice is noted, and its first value taken."""
        if self.root is None:
            raise StudyError(f"{self.path}: the file is empty; expected keys such as study:, variables:, tables:")
        if self.root.id != "mapping":
            found = "a list" if self.root.id == "sequence" else "a text"
            raise StudyError(f"{self.path}: expected keys such as study:, variables:, tables:; found {found}")
        if self._check_keys(self.root, (), set()):
            self.stop()
        try:
            return _loader()("").construct_document(self.root)
        except yaml.YAMLError as error:
            self._not_yaml(error)

    def _not_yaml(self, error: yaml.YAMLError) -> NoReturn:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}, column {mark.column + 1}:" if mark else ""
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise StudyError(f"{self.path}:{where} not YAML: {what}") from None

    def _check_keys(self, node: yaml.Node, key: Key, above: set[int]) -> bool:
        """Note keys that stand twice; say whether a key is no plain word, or a part holds itself."""
        if node.id == "scalar":
            return False
        if id(node) in above:
            self._note(node, key, "holds itself")
            return True
        above = above | {id(node)}
        if node.id == "sequence":
            return bool([i for i, part in enumerate(node.value) if self._check_keys(part, (*key, i), above)])
        broken, first = False, {}
        for name, value in node.value:
            if name.id != "scalar":
                self._note(name, key, "holds a key that is no plain word")
                broken = True
            elif name.value in first:
                line = first[name.value][0].start_mark.line + 1
                self._note(name, (*key, name.value), f"stands twice, first in line {line}")
            else:
                first[name.value] = (name, value)
                broken |= self._check_keys(value, (*key, name.value), above)
        node.value = list(first.values())
        return broken

    def _note(self, node: yaml.Node, key: Key, text: str) -> None:
        self.problems.add((node.start_mark.line + 1, ".".join(map(str, key)), text))

    def problem(self, key: Key, text: str) -> None:
        """Note what is wrong with a key, at its line; at that of the nearest key above where it is missing itself."""
        node = at = self.root
        for part in key:
            if node.id == "sequence" and isinstance(part, int) and part < len(node.value):
                node = at = node.value[part]
            elif node.id == "mapping" and (pair := self._pair(node, str(part))):
                at, node = pair
            else:
                break
        self._note(at, key, text)

    @staticmethod
    def _pair(node: yaml.MappingNode, key: str) -> tuple[yaml.Node, yaml.Node] | None:
        return next((pair for pair in node.value if pair[0].value == key), None)

    def stop_if_wrong(self) -> None:
        """Raise one error that lists every problem in the order of the file."""
        if self.problems:
            self.stop()

    def stop(self) -> NoReturn:
        """Raise one error that lists every problem in the order of the file."""
        listed = "\n".join(f"  line {line}, {key}: {text}" for line, key, text in sorted(self.problems))
        raise StudyError(f"{self.path}: {len(self.problems)} error{'s' * (len(self.problems) > 1)}\n{listed}") from None


@functools.cache
def _loader() -> type[yaml.SafeLoader]:
    """Return a safe loader in which yes, no, on and off stay words."""

    class Loader(yaml.SafeLoader):
        pass

    # YAML 1.1 reads yes/no/on/off as truth values, which are levels here.
    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return Loader


def schema_problems(error: ValidationError, top: type[BaseModel], content: dict) -> Iterator[tuple[Key, str]]:
    """Yield what pydantic found, in plain words; take the unknown keys out of the content."""
    for found in error.errors():
        key = found["loc"]
        if key[-1] in ("[key]", "str", "float"):  # added for the keys of a mapping and for alternatives
            key = key[:-1]
        yield key, _in_words(found, key, top)
        if found["type"] == "extra_forbidden":
            part = content
            for step in key[:-1]:
                part = part[step]
            part.pop(key[-1], None)


def _in_words(error: dict, key: Key, top: type[BaseModel]) -> str:
    found, limits = error["input"], error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            known = _known_keys(top, key[:-1])
            return f"unknown key{nearest(key[-1], known) or '; known here: ' + ', '.join(known)}"
        case "missing":
            return "is missing and must be given"
        case "value_error":
            return str(limits["error"])
        case "literal_error":
            expected = limits["expected"]
            choices = re.findall("'([^']*)'", expected)
            return f"expected {expected}; found {shown(found)}{nearest(found, choices)}"
        case "too_short" | "too_long":
            expected = f"{limits.get('min_length', limits.get('max_length'))} values"
            return f"expected {expected}; found {limits['actual_length']}"
        case "string_type" if isinstance(found, int | float) or hasattr(found, "isoformat"):
            return f"expected a text; found {shown(found)}; put it in quotes"
    if error["type"] in _EXPECTED:
        return f"expected {_EXPECTED[error['type']].format_map(limits)}; found {shown(found)}"
    return f"{error['msg'][0].lower()}{error['msg'][1:]}; found {shown(found)}"


def shown(found: Any) -> str:
    """Show a value of the file as its writer knows it."""
    match found:
        case None:
            return "nothing"
        case dict():
            return "keys with values"
        case list() | tuple():
            return "a list"
        case bool():
            return str(found).lower()
        case int() | float():
            return str(found)
    return repr(str(found))


def _known_keys(model: type[BaseModel] | None, key: Key) -> list[str]:
    """Return the keys that a section knows, following `key` from the top of the study file."""

    def models(annotation: Any) -> list[type[BaseModel]]:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return [annotation]
        return [found for part in get_args(annotation) for found in models(part)]

    for part in key:
        field = next((f for name, f in model.model_fields.items() if part in (name, f.alias)), None)
        if field is not None:
            model = next(iter(models(field.annotation)), None)
        if model is None:
            return []
    return [field.alias or name for name, field in model.model_fields.items()]
