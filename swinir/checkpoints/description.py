"""What a weights file is, for people and machines."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from swinir.checkpoints.diagnosis import mismatch
from swinir.checkpoints.errors import CheckpointError
from swinir.checkpoints.header import stored
from swinir.checkpoints.inference import infer
from swinir.checkpoints.integrity import sha256
from swinir.checkpoints.reading import Contents, read
from swinir.checkpoints.unwrapping import Weights, unwrap
from swinir.network import Attention, Head, Norm, Shape, SwinIRConfig
from swinir.tasks import NETWORKS, TASKS, Checkpoint, Task


@dataclass(frozen=True, slots=True)
class Description:
    """What a weights file is; ``str`` of it is a page of text.

    Attributes:
        path: the file.
        bytes: its size.
        container: ``torch zip``, ``torch legacy`` or ``safetensors``.
        wrapper: what the weights were wrapped in.
        dtype: how they are stored; they are read as float32.
        derived_buffers: whether masks and position indices are stored along.
        config: the network.
        img_range_from: how ``config.img_range`` is known.
        window_from: how ``config.window`` is known.
        parameters: how many numbers are learned.
        tasks: names of the tasks that it may serve, the likeliest first.
        published: the published file that it equals by SHA-256, or is called like.
        verified: whether ``published`` rests on the SHA-256.
        metadata: texts in the header of the file.
    """

    path: Path
    bytes: int
    container: str
    wrapper: str
    dtype: str
    derived_buffers: bool
    config: SwinIRConfig
    img_range_from: str
    window_from: str
    parameters: int
    tasks: tuple[str, ...]
    published: str | None
    verified: bool
    metadata: Mapping[str, str]

    def __str__(self) -> str:
        """A line for each fact."""
        config = self.config
        rows = {
            "file": f"{self.path} ({self.bytes:,} bytes, {self.container})",
            "kind": f"{_family(config)}, {_PURPOSE[config.head]}",
            "tasks": ", ".join(self.tasks) or "none of the table",
            "published": self._published(),
            "scale": f"x{config.scale}",
            "channels": f"{config.channels} ({'grey' if config.channels == 1 else 'RGB'})",
            "head": f"{config.head}, groups closed by {config.group_conv}",
            "blocks": f"{config.attention} attention, {_NORMS[config.norm]}",
            "window": f"{config.window}x{config.window} ({self.window_from})",
            "shape": _shape_of(config),
            "embed_dim": str(config.embed_dim),
            "depths": _row(config.depths),
            "num_heads": _row(config.num_heads),
            "mlp_ratio": f"{config.mlp_ratio:g}",
            "img_range": f"{config.img_range:g} ({self.img_range_from})",
            "parameters": f"{self.parameters:,}",
            "stored": f"{self.dtype}, wrapper {self.wrapper}"
            + (", with derived buffers" if self.derived_buffers else ""),
        }
        for key, text in self.metadata.items():
            # Whoever made the file chose the text: it must not pass for one of our lines.
            if key not in rows and len(text) <= _SHORT and f"{key}{text}".isprintable():
                rows[key] = text
        width = max(map(len, rows)) + 2
        return "\n".join(f"{name:<{width}}{text}" for name, text in rows.items())

    def _published(self) -> str:
        if self.published is None:
            return "no, or with other bytes"
        proof = "same SHA-256" if self.verified else "by its name alone, not verified"
        return f"{self.published} ({proof})"


_SHORT = 200
_PURPOSE = {
    Head.PIXELSHUFFLE: "super-resolution",
    Head.PIXELSHUFFLE_AUX: "super-resolution of compressed pictures",
    Head.PIXELSHUFFLE_DIRECT: "lightweight super-resolution",
    Head.NEAREST_CONV: "real-world super-resolution",
    Head.RESIDUAL: "denoising or JPEG-artifact removal",
}


_NORMS = {Norm.PRE: "norms before it", Norm.POST: "norms after it"}


def _family(config: SwinIRConfig) -> str:
    choices = (config.attention, config.norm, config.projection, config.shape)
    if choices == (Attention.COSINE, Norm.POST, True, Shape.FLAT):
        return "Swin2SR"
    flat = choices == (Attention.DOT, Norm.PRE, False, Shape.FLAT)
    return "SwinIR" if flat else "a variant of SwinIR"


def _shape_of(config: SwinIRConfig) -> str:
    if config.shape is Shape.FLAT:
        return "flat, all groups at the size of the image"
    widths = tuple(config.width(level) for level in range(config.levels))
    return f"U, {config.levels} levels of {_row(widths)} channels, sides halved at each"


def describe(path: Path) -> Description:
    """Say what the file at ``path`` is.

    Raises:
        CheckpointError: it holds no SwinIR; the line says what it is.
    """
    return examine(path)[1]


def examine(path: Path) -> tuple[Mapping[str, Tensor], Description]:
    """The weights in a file, in float32 under the published names, and what they are.

    The weights fit the network of the description exactly.

    Raises:
        CheckpointError: it holds no SwinIR; the line says what it is.
    """
    contents = read(path)
    weights = unwrap(contents.stored, path)
    config = _shape(weights, path)
    published, verified = _published(path, config, told=weights.window)
    config, origin = _complete(contents, config, published, path)
    told_by = "read off the tensors"
    if config.attention is Attention.COSINE and not weights.window:
        told_by = origin or "guessed, nothing in the file tells"
    return weights.tensors, Description(
        path=path,
        bytes=path.stat().st_size,
        container=contents.container.value,
        wrapper=weights.wrapper,
        dtype=str(weights.dtype).removeprefix("torch."),
        derived_buffers=weights.derived,
        config=config,
        img_range_from=origin or f"guessed from window {config.window}",
        window_from=told_by,
        parameters=sum(tensor.numel() for tensor in weights.tensors.values()),
        tasks=_tasks(config, published),
        published=published,
        verified=verified,
        metadata=contents.metadata,
    )


def _shape(weights: Weights, path: Path) -> SwinIRConfig:
    try:
        config = infer(weights.tensors, weights.window)
    except ValueError as error:
        raise CheckpointError(f"{path}: {error}") from error
    problem = mismatch(weights.tensors, config)
    if problem:
        raise CheckpointError(f"{path}: {problem}")
    return config


def _published(path: Path, config: SwinIRConfig, *, told: int | None) -> tuple[str | None, bool]:
    size = path.stat().st_size
    same_size = [entry for entry in _official() if entry.bytes == size and entry.sha256]
    if same_size:
        got = sha256(path)
        for entry in same_size:
            if entry.sha256 == got:
                return entry.file, True
    # A file that only borrows the name has another shape.
    if path.name in NETWORKS and alike(NETWORKS[path.name], config, told=told):
        return path.name, False
    return None, False


def alike(published: SwinIRConfig, config: SwinIRConfig, *, told: int | None) -> bool:
    """Whether a published configuration equals one inferred, but for what was guessed.

    ``told`` is the window that the file told beside its tensors, if any.
    """
    guessed = config.attention is Attention.COSINE and told is None
    window = published.window if guessed else config.window
    return replace(config, img_range=published.img_range, window=window) == published


def _official() -> Iterator[Checkpoint]:
    for task in TASKS.values():
        yield from task.published


def _complete(
    contents: Contents, config: SwinIRConfig, published: str | None, path: Path
) -> tuple[SwinIRConfig, str]:
    """The configuration with what tensors do not tell, and who told; nobody for a guess."""
    unseen, origin = stored(contents.metadata, path), "from the file's header"
    if unseen is None:
        if published is None:
            return config, ""
        unseen, origin = NETWORKS[published], "as published"
    cosine = config.attention is Attention.COSINE
    found = replace(
        config,
        img_range=unseen.img_range,
        window=unseen.window if cosine else config.window,
        norm=unseen.norm or config.norm,
    )
    return found, origin


def _tasks(config: SwinIRConfig, published: str | None) -> tuple[str, ...]:
    if published is not None:
        return tasks_of(published)
    fitting = [task for task in TASKS.values() if fits(task, config)]
    equal = [task for task in fitting if config in (entry.network for entry in task.published)]
    same_head = [task for task in fitting if task.network.head is config.head]
    return tuple(task.name for task in equal or same_head or fitting)


def tasks_of(published: str) -> tuple[str, ...]:
    """The names of the tasks that a published file serves."""
    return tuple(
        task.name
        for task in TASKS.values()
        if published in (entry.file for entry in task.published)
    )


def fits(task: Task, config: SwinIRConfig) -> bool:
    """Whether weights of this configuration can serve ``task``: same enlargement and channels."""
    return (task.network.scale, task.network.channels) == (config.scale, config.channels)


def _row(numbers: tuple[int, ...]) -> str:
    return " ".join(map(str, numbers))
