"""A training recipe: one TOML file, typed, with nothing in it that nobody reads."""

import tomllib
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass as pydantic_dataclass

from swinir.network import SwinIRConfig

Positive = Annotated[int, Field(gt=0)]
PositiveReal = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@pydantic_dataclass(config=ConfigDict(extra="forbid"), frozen=True, kw_only=True)
class NetworkRecipe(SwinIRConfig):
    """Table [network]: the fields of `SwinIRConfig`, checked for type and for unknown names."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataRecipe(_Table):
    """Table [data]: photographs and crops."""

    train: Path
    """Folder of photographs to learn from; the network's input is made from them."""
    validation: Path | None = None
    """Folder of photographs to score on while training."""
    patch: Positive
    """Side of a crop of the network's input, in pixels."""


class OptimRecipe(_Table):
    """Table [optim]: Adam without weight decay and its steps."""

    iterations: Positive
    batch_size: Positive
    learning_rate: PositiveReal
    block_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    """Learning rate of the Swin blocks over that of the convolutions."""
    beta2: Annotated[float, Field(gt=0, lt=1)] = 0.999
    """Decay per iteration of Adam's average of squared gradients."""
    warmup: Annotated[int, Field(ge=0)] = 0
    """Iterations over which the learning rate rises from zero."""
    milestones: tuple[Positive, ...] = ()
    """Iterations after which the learning rate is halved."""
    clip_norm: PositiveReal | None = None
    """Largest norm of the gradient; larger ones are scaled down to it."""
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.999
    """Decay per iteration of the moving average of the weights, which is what is exported."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Arithmetic of the forward pass; auto is bf16 on a GPU that has it, else fp32."""

    @model_validator(mode="after")
    def _in_order(self) -> "OptimRecipe":
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError(f"milestones rise, got {list(self.milestones)}")
        return self


class LogRecipe(_Table):
    """Table [log]: how often, in iterations."""

    save_every: Positive = 500
    validate_every: Positive = 1000


class Recipe(_Table):
    """All that decides a training run."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
    seed: int = 0
    start: Literal["random", "interpolation"] = "random"
    """Weights before the first step; see `training.start`."""
    network: NetworkRecipe
    data: DataRecipe
    optim: OptimRecipe
    log: LogRecipe = LogRecipe()

    @model_validator(mode="after")
    def _of_super_resolution(self) -> "Recipe":
        network = self.network
        if network.scale == 1 or network.channels != 3:
            raise ValueError(
                "training is of super-resolution in RGB, network.scale above 1 and "
                f"network.channels 3, got {network.scale} and {network.channels}"
            )
        return self

    def learning_rate(self, iteration: int) -> float:
        """Learning rate of an iteration, counted from 0."""
        optim = self.optim
        halvings = sum(iteration >= milestone for milestone in optim.milestones)
        rise = min(1.0, (iteration + 1) / optim.warmup) if optim.warmup else 1.0
        return optim.learning_rate * rise * 0.5**halvings


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
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *place, key = dotted.strip().split(".")
    for step in place:
        inner: Any = table.setdefault(step, {})
        if not isinstance(inner, dict):
            raise ValueError(f"{dotted!r} is not in the recipe: {step!r} is a value, not a table")
        table = inner
    table[key] = value


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe; ``overrides`` are ``table.key=value`` with TOML values, or bare text.

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
