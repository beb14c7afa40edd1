"""The reference of the study file, written from its schema: every key, what it takes, its default, what it means.

python -m studyfile.study.key_reference > docs/study-file.md
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from studyfile.errors import command
from studyfile.study.schema import StudyFile

HEAD = """\
# The study file

`study.yml` says everything that the notebooks know of a study. This page is written from the schema that checks the file
(`python -m studyfile.study.key_reference > docs/study-file.md`); a key that is not here is an error, told with its
line and the nearest key that is known.
"""
_WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false"}


def reference() -> str:
    """Return the reference as Markdown: a section for each part of the study file, in the order of the schema."""
    parts = [HEAD, "\n".join(_section(StudyFile, "The file", 2))]
    for key, part, where in _parts(StudyFile):
        parts.append("\n".join([*_section(part, f"`{key}`", 2 if "." not in key and "[" not in key else 3, where)]))
    return "\n".join(parts)


def _parts(model: Any, path: str = "", seen: set | None = None) -> Iterator[tuple[str, Any, str]]:
    """Yield every part of the file once, under the first key that holds it."""
    seen = set() if seen is None else seen
    for name, field in model.model_fields.items():
        for part, where in _models(field.annotation):
            if part not in seen:
                seen.add(part)
                key = f"{path}{field.alias or name}"
                yield key, part, where
                yield from _parts(part, f"{key}.", seen)


def _models(annotation: Any) -> Iterator[tuple[Any, str]]:
    """Yield the models inside a type, and how often they stand there."""
    origin, inside = typing.get_origin(annotation), typing.get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, ""
    elif origin is dict:
        yield from ((model, "Any number, each under a name of its own.") for model, _ in _models(inside[1]))
    elif origin is tuple:
        yield from ((model, "A list of them.") for model, _ in _models(inside[0]))
    else:
        for one in inside:
            if not isinstance(one, str):
                yield from _models(one)


def _section(model: Any, title: str, depth: int, where: str = "") -> Iterator[str]:
    yield f"{'#' * depth} {title}"
    yield ""
    yield " ".join([*(model.__doc__ or "").split(), where]).strip()
    yield ""
    yield "| key | takes | default | means |"
    yield "|---|---|---|---|"
    for name, field in model.model_fields.items():
        takes, meaning = _takes(field.annotation), field.description or ""
        yield f"| `{field.alias or name}` | {takes} | {_default(field)} | {meaning} |"
    yield ""


def _takes(annotation: Any) -> str:
    """Say in words what a key takes."""
    origin, inside = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return "level, levels or limits" if inside[0] is Any else _takes(inside[0])
    if origin is typing.Literal:
        return ", ".join(f"`{one}`" for one in inside if one).replace("|", "\\|")
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(_takes(one) for one in inside if one is not type(None)))
    if origin is tuple:
        if len(inside) == 2 and inside[1] is Ellipsis:
            return f"list of {_takes(inside[0])}"
        return f"list of {len(inside)}: " + ", ".join(dict.fromkeys(map(_takes, inside)))
    if origin is dict:
        return f"name: {_takes(inside[1])}"
    return _WORDS.get(annotation) or "a section below"


def _default(field: Any) -> str:
    if field.is_required():
        return "**must be given**"
    if field.default in (None, "", (), {}):
        return ""
    shown = field.default
    if isinstance(shown, tuple):
        shown = f"[{', '.join(repr('') if one == '' else str(one) for one in shown)}]"
    return f"`{str(shown).lower() if isinstance(shown, bool) else shown}`"


@command
def main(arguments: Any = None) -> None:
    """Print the reference."""
    print(reference(), end="")


if __name__ == "__main__":
    raise SystemExit(main())
