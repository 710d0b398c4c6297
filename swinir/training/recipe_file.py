"""A recipe's file: TOML, with options overridden; a mistake is told in one line."""

import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from swinir.training.recipe import Recipe


def _schema_keys(place: Sequence[int | str]) -> list[str]:
    schema = TypeAdapter(Recipe).json_schema()
    node: dict[str, Any] = schema
    for step in place:
        node = node.get("properties", {}).get(step, {})
        reference = node.get("$ref") or next(
            (option["$ref"] for option in node.get("allOf", []) if "$ref" in option), None
        )
        if reference:
            node = schema["$defs"][reference.rsplit("/", 1)[-1]]
    return list(node.get("properties", {}))


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    *table, key = first["loc"] or ("recipe",)
    name = ".".join(map(str, (*table, key)))
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        known = _schema_keys(table)
        near = get_close_matches(str(key), known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
        return f"no option {name!r}; {hint}"
    if first["type"] == "missing":
        return f"option {name!r} is missing"
    if first["type"] == "value_error":
        return f"{name}: {first['msg'].removeprefix('Value error, ')}"
    return f"{name}: {first['msg']}, got {first['input']!r}"


def _set(table: dict[str, Any], assignment: str) -> None:
    dotted, equals, text = assignment.partition("=")
    if not equals or not dotted:
        raise ValueError(f"an override is written key=value, got {assignment!r}")
    *place, key = dotted.strip().split(".")
    for step in place:
        inner: Any = table.setdefault(step, {})
        if not isinstance(inner, dict):
            raise ValueError(f"{dotted!r} is not in the recipe: {step!r} is a value, not a table")
        table = inner
    if not text.strip():
        table.pop(key, None)
        return
    try:
        table[key] = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        table[key] = text


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe; ``overrides`` are ``table.key=value`` with TOML values, or bare text.

    An override without a value takes the option out of the recipe, so that its default holds.

    Raises:
        ValueError: no such file, not TOML, an unknown or missing option, or a value out of range.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: a recipe is a readable TOML file ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a TOML file: {error}") from error
    for assignment in overrides:
        _set(table, assignment)
    try:
        return Recipe.model_validate(table)
    except ValidationError as error:
        raise ValueError(f"{path}: {_explain(error)}") from error
