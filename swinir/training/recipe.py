"""The tables of a training recipe, typed, with nothing in them that nobody reads."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass as pydantic_dataclass

from swinir.network import SwinIRConfig

Positive = Annotated[int, Field(gt=0)]
PositiveReal = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@pydantic_dataclass(config=ConfigDict(extra="forbid"), frozen=True, kw_only=True)
class NetworkRecipe(SwinIRConfig):
    """Table [network]: the fields of `SwinIRConfig`, checked for type and for unknown names."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Level = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Quality = Annotated[int, Field(ge=1, le=100)]


class BicubicRecipe(_Table):
    """Photographs shrunk as MATLAB does it; for super-resolution."""

    kind: Literal["bicubic"] = "bicubic"


class NoiseRecipe(_Table):
    """White Gaussian noise."""

    kind: Literal["noise"]
    sigma: Level | tuple[Level, Level]
    """Standard deviation in levels of 255, or its least and greatest."""

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest deviation."""
        return self.sigma if isinstance(self.sigma, tuple) else (self.sigma, self.sigma)


class JpegRecipe(_Table):
    """JPEG compression."""

    kind: Literal["jpeg"]
    quality: Quality | tuple[Quality, Quality]
    """1 to 100, or the least and the greatest."""

    @property
    def range(self) -> tuple[int, int]:
        """The least and the greatest quality."""
        return self.quality if isinstance(self.quality, tuple) else (self.quality, self.quality)


class RealWorldRecipe(_Table):
    """Blur, noise, compression and shrinking, by a pipeline of the literature."""

    kind: Literal["bsrgan", "real-esrgan"]


class PairedRecipe(_Table):
    """None is made: each photograph has a degraded image of its own, in a file called alike."""

    kind: Literal["paired"]
    inputs: Path
    """Folder of the degraded images of data.train: photo.png, or photox4.png for x4."""
    validation_inputs: Path | None = None
    """Folder of those of data.validation."""


Degradation = Annotated[
    BicubicRecipe | NoiseRecipe | JpegRecipe | RealWorldRecipe | PairedRecipe,
    Field(discriminator="kind"),
]


class DataRecipe(_Table):
    """Table [data]: photographs, crops, and what is to be undone."""

    train: Path
    """Folder of photographs to learn from; the network's input is made from them, unless paired."""
    degradation: Degradation = BicubicRecipe()
    validation: Path | None = None
    """Folder of photographs to score on while training."""
    validation_side: Positive | None = None
    """Pixels a side: of larger photographs only the middle is scored, which takes less time."""
    patch: Positive
    """Side of a crop of the network's input, in pixels."""
    draw: Literal["textured", "uniform"] = "textured"
    """Where crops are taken: rather where there is texture, or anywhere, as in the papers."""
    cache: Path | None = None
    """Folder where decoded photographs are kept, for those that do not fit into the memory."""
    workers: Annotated[int, Field(ge=0)] = 0
    """Processes that draw crops ahead of the network, for each process of the run; 0 for none."""

    @model_validator(mode="after")
    def _paired(self) -> "DataRecipe":
        if isinstance(self.degradation, PairedRecipe):
            given = (self.validation, self.degradation.validation_inputs)
            if any(given) and not all(given):
                raise ValueError(
                    "paired takes data.validation and data.degradation.validation_inputs together, "
                    f"got {given[0] or 'none'} and {given[1] or 'none'}"
                )
        return self


class LossRecipe(_Table):
    """Table [loss]: weights of the terms, see `training.losses`; l1 alone where it is left out."""

    l1: Level = 0.0
    charbonnier: Level = 0.0
    frequency: Level = 0.0
    perceptual: Level = 0.0
    gan: Level = 0.0
    vgg: Path | None = None
    """Weights of VGG-19 as torchvision publishes them, for the perceptual term."""

    @property
    def weights(self) -> dict[str, float]:
        """Weights of the terms in use but that of the discriminator, by name."""
        terms = self.model_dump(include={"l1", "charbonnier", "frequency", "perceptual"})
        return {name: weight for name, weight in terms.items() if weight}

    @model_validator(mode="after")
    def _complete(self) -> "LossRecipe":
        if not self.weights:
            raise ValueError("at least one term but gan has a weight above 0, as in l1 = 1.0")
        if self.perceptual and not self.vgg:
            raise ValueError("the perceptual term needs vgg, the file of VGG-19's weights")
        return self


class AdversaryRecipe(_Table):
    """Table [adversary]: the discriminator, where loss.gan is above 0."""

    width: Positive = 64
    """Channels at full size."""
    rate: PositiveReal = 1.0
    """Its learning rate over that of the network's convolutions."""


class OptimRecipe(_Table):
    """Table [optim]: Adam without weight decay and its steps."""

    iterations: Positive
    batch_size: Positive
    """Crops that a process learns from at once."""
    accumulate: Positive = 1
    """Batches to a step, one after the other: as one so many times larger, in less memory."""
    learning_rate: PositiveReal
    block_rate: PositiveReal = 1.0
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
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Arithmetic of the forward pass; auto is bf16 on a GPU that has it, else fp32."""
    spike: Level = 4.0
    """Go back to a saved state when the loss stays so many times above what it was; 0 for never."""
    checkpointing: bool = False
    """Compute the Swin blocks again in the backward pass: less memory, a third more time."""
    compile: bool = False
    """Compile the network first: minutes that a long run on a GPU wins back."""

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
    start: Literal["random", "interpolation", "identity"] = "random"
    """Weights before the first step; see `training.start`."""
    warm_start: Path | None = None
    """File of weights to begin with instead; what does not fit starts as ``start`` says."""
    network: NetworkRecipe
    data: DataRecipe
    loss: LossRecipe = LossRecipe(l1=1.0)
    adversary: AdversaryRecipe = AdversaryRecipe()
    optim: OptimRecipe
    log: LogRecipe = LogRecipe()

    @model_validator(mode="after")
    def _consistent(self) -> "Recipe":
        kind, scale = self.data.degradation.kind, self.network.scale
        enlarging = kind not in ("noise", "jpeg")
        if kind != "paired" and enlarging != (scale > 1):
            wanted = "above 1" if enlarging else "1"
            raise ValueError(f"{kind} is undone with network.scale {wanted}, got {scale}")
        if kind == "bsrgan" and scale not in (2, 4):
            raise ValueError(f"bsrgan is undone with network.scale 2 or 4, got {scale}")
        if self.loss.perceptual and self.network.channels != 3:
            raise ValueError(
                f"the perceptual term is of RGB, network.channels 3, got {self.network.channels}"
            )
        side = self.data.patch * scale
        if self.loss.gan and side % 8:
            raise ValueError(f"the discriminator takes crops of multiples of 8 pixels, got {side}")
        return self

    def learning_rate(self, iteration: int) -> float:
        """Learning rate of an iteration, counted from 0."""
        optim = self.optim
        halvings = sum(iteration >= milestone for milestone in optim.milestones)
        rise = min(1.0, (iteration + 1) / optim.warmup) if optim.warmup else 1.0
        return optim.learning_rate * rise * 0.5**halvings
