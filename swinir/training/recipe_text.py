"""A recipe as text for others: TOML in which paths tell nothing of the machine."""

import json
from collections.abc import Iterator, Mapping
from pathlib import PurePath, PurePosixPath, PureWindowsPath
from typing import Any

from swinir.lines import printable
from swinir.training.recipe import Recipe


def as_toml(recipe: Recipe) -> str:
    """All options of a recipe, those left at their defaults too; `load_recipe` reads it back."""
    return "\n".join(_lines(recipe.model_dump(exclude_none=True), ""))


def portable(path: PurePath) -> str:
    """A path below the current folder as it is, of any other the last name."""
    text = str(path)
    outside = PurePosixPath(text).is_absolute() or PureWindowsPath(text).anchor
    if outside or ".." in path.parts or text.startswith("~"):
        return last_name(path)
    return printable(path.as_posix())


def last_name(path: PurePath) -> str:
    """Name of a file or folder without the folders above; empty where it has none."""
    name = PureWindowsPath(path).name if PureWindowsPath(path).anchor else path.name
    return "" if name == ".." else printable(name)


def _lines(table: Mapping[str, Any], place: str) -> Iterator[str]:
    for key, value in table.items():
        if not isinstance(value, Mapping):
            plain = portable(value) if isinstance(value, PurePath) else value
            yield f"{key} = {json.dumps(plain, ensure_ascii=False)}"
    for key, value in table.items():
        if isinstance(value, Mapping):
            inner = f"{place}.{key}" if place else key
            yield f"\n[{inner}]"
            yield from _lines(value, inner)
