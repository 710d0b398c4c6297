"""A model card: what a trained network is, filled in from what its run came to."""

import math
import shlex
from dataclasses import dataclass
from pathlib import Path

from swinir import tasks
from swinir.lines import printable
from swinir.network import Head, Shape, SwinIRConfig
from swinir.tasks import TASKS, Task
from swinir.training.recipe import BicubicRecipe, JpegRecipe, NoiseRecipe, PairedRecipe, Recipe
from swinir.training.recipe_text import as_toml, last_name, portable

COLOURS = {1: "grey", 3: "colour"}
PURPOSES = {
    Head.PIXELSHUFFLE: "classical",
    Head.PIXELSHUFFLE_DIRECT: "lightweight",
    Head.NEAREST_CONV: "real-world",
    Head.RESIDUAL: "residual",
}
PIPELINES = {"bsrgan": "BSRGAN", "real-esrgan": "Real-ESRGAN"}
LOSSES = {
    "l1": "L1",
    "charbonnier": "Charbonnier",
    "frequency": "frequency (FFT)",
    "perceptual": "perceptual (VGG-19)",
    "gan": "adversarial (U-Net discriminator)",
}
STARTS = {
    "random": "at random",
    "interpolation": "as an interpolation",
    "identity": "as the identity",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a run was and came to.

    Attributes:
        recipe: all that decided it.
        weights: the file that it exported; of an absolute path the card tells the name alone.
        parameters: how many numbers the network learned.
        photographs: that it learned from.
        iterations: that it took.
        seconds: that its steps took.
        hardware: on what, see `restoration.hardware`.
        best: its best validation score in dB, not finite where there was none.
        best_iteration: after which that was.
        skipped: steps that were left out because their gradient was not finite.
        rollbacks: how often it went back after a spike of the loss.
        processes: that learned together, each from batches of its own.
    """

    recipe: Recipe
    weights: Path
    parameters: int
    photographs: int
    iterations: int
    seconds: float
    hardware: str
    best: float = -math.inf
    best_iteration: int = 0
    skipped: int = 0
    rollbacks: int = 0
    processes: int = 1


def card(facts: Facts) -> str:
    """The card in Markdown; of folders it tells the names alone."""
    rows = {
        "network": _network(facts),
        "data": _data(facts),
        "loss": _loss(facts.recipe),
        "steps": _steps(facts),
        "learning rate": _rate(facts.recipe),
        "start": _start(facts.recipe),
        "arithmetic": _arithmetic(facts.recipe),
        "time": f"{_hours(facts.seconds)} of steps",
        "hardware": printable(facts.hardware),
    }
    if math.isfinite(facts.best):
        rows["validation"] = _validation(facts)
    table = "\n".join(f"| {name} | {_cell(text)} |" for name, text in rows.items())
    parts = (
        f"# {facts.recipe.name}\n\n{_purpose(facts.recipe)}",
        f"## Use\n\n{_use(facts)}",
        f"## Training\n\n| | |\n|---|---|\n{table}",
        f"## Train it again\n\n{_again(facts)}",
    )
    return "\n\n".join(parts) + "\n"


def _purpose(recipe: Recipe) -> str:
    colour, scale = COLOURS[recipe.network.channels], recipe.network.scale
    match recipe.data.degradation:
        case BicubicRecipe():
            what = f"x{scale} super-resolution of {colour} photographs shrunk by MATLAB's bicubic"
        case NoiseRecipe(range=levels):
            what = f"{colour} denoising, Gaussian noise of sigma {_span(*levels)} (of 255)"
        case JpegRecipe(range=qualities):
            what = f"removal of JPEG artifacts from {colour} pictures, quality {_span(*qualities)}"
        case PairedRecipe():
            what = f"{colour} pictures, learned from pairs"
            what = f"x{scale} super-resolution of {what}" if scale > 1 else f"restoring {what}"
        case real:
            what = (
                f"x{scale} super-resolution of {colour} photographs as they are: blurred, noisy, "
                f"compressed (the pipeline of {PIPELINES[real.kind]})"
            )
    aim = " Trained with a discriminator, for sharpness rather than PSNR." * (recipe.loss.gan > 0)
    return f"SwinIR for {what}.{aim}"


def _network(facts: Facts) -> str:
    it = facts.recipe.network
    return (
        f"{PURPOSES[it.head]} SwinIR ({it.head} head, x{it.scale}), "
        f"{_counted(it.channels, 'image channel')}, {_width(it)}, "
        f"groups of {_row(it.depths)} blocks with {_row(it.num_heads)} heads, "
        f"window {it.window}, {facts.parameters:,} parameters"
    )


def _width(it: SwinIRConfig) -> str:
    if it.shape is Shape.FLAT:
        return f"{it.embed_dim} feature channels"
    widths = tuple(it.width(level) for level in range(it.levels))
    return f"a U of {it.levels} levels with {_row(widths)} feature channels"


def _data(facts: Facts) -> str:
    data, scale = facts.recipe.data, facts.recipe.network.scale
    crop = f"crops of {data.patch}x{data.patch} pixels"
    if scale > 1:
        crop += f" ({data.patch * scale}x{data.patch * scale} of the truth)"
    return f"{_counted(facts.photographs, 'photograph')}{_folder(data.train)}, {crop}"


def _loss(recipe: Recipe) -> str:
    weights = recipe.loss.weights | ({"gan": recipe.loss.gan} if recipe.loss.gan else {})
    return " + ".join(f"{weight:g} x {LOSSES[name]}" for name, weight in weights.items())


def _steps(facts: Facts) -> str:
    optim = facts.recipe.optim
    planned = f" of {optim.iterations:,}" if facts.iterations < optim.iterations else ""
    text = f"{facts.iterations:,}{planned} of Adam (0.9, {optim.beta2:g}), {optim.batch_size} crops"
    if optim.accumulate > 1:
        text += f" x {optim.accumulate} batches"
    if facts.processes > 1:
        text += f" x {facts.processes} processes"
    if optim.clip_norm:
        text += f", gradient clipped to a norm of {optim.clip_norm:g}"
    if facts.skipped:
        text += f"; {_counted(facts.skipped, 'step')} left out, the gradient not being finite"
    if facts.rollbacks:
        text += f"; went back {_counted(facts.rollbacks, 'time')} after a spike of the loss"
    return text


def _rate(recipe: Recipe) -> str:
    optim = recipe.optim
    text = f"{optim.learning_rate:g}"
    if optim.block_rate != 1:
        text += f", of the Swin blocks {optim.block_rate:g} times that"
    if optim.warmup:
        text += f"; rising over {_counted(optim.warmup, 'step')}"
    if optim.milestones:
        text += f"; halved after {', '.join(f'{it:,}' for it in optim.milestones)}"
    return text


def _start(recipe: Recipe) -> str:
    begun = STARTS[recipe.start]
    if recipe.warm_start:
        file = _code(last_name(recipe.warm_start))
        return f"with the weights of {file}, what does not fit {begun}; seed {recipe.seed}"
    return f"{begun}; seed {recipe.seed}"


def _arithmetic(recipe: Recipe) -> str:
    optim = recipe.optim
    precision = "bf16 on a GPU that has it, else fp32"
    if optim.precision != "auto":
        precision = optim.precision
    return f"{precision}; exported is the average of the weights, decay {optim.ema_decay:g} a step"


def _validation(facts: Facts) -> str:
    data, scale = facts.recipe.data, facts.recipe.network.scale
    what = f"of luma, {scale} pixels shaved" if scale > 1 else "of all channels, nothing shaved"
    middle = f", the middle {data.validation_side} pixels" if data.validation_side else ""
    where = _folder(data.validation) if data.validation else ""
    return (
        f"{facts.best:.2f} dB PSNR {what}, mean over the photographs{where}{middle}, degraded as "
        f"in training; after {_counted(facts.best_iteration, 'step')}, the best of the run, "
        "whose weights are in `best.safetensors`"
    )


def _use(facts: Facts) -> str:
    network = facts.recipe.network
    weights = portable(facts.weights)
    fitting = [
        task
        for task in TASKS.values()
        if (task.network.scale, task.network.channels) == (network.scale, network.channels)
    ]
    if not fitting:
        lines = (
            "from swinir.checkpoints import load_file",
            "from swinir.restoration import Restorer",
            "",
            f"restorer = Restorer(load_file(Path({str(weights)!r}))[0])",
            "restored = restorer.restore(image)  # (H, W, C) float32 in [0, 1]",
        )
        return _block("python", "\n".join(("from pathlib import Path", "", *lines)))
    task = min(fitting, key=lambda it: _distance(it, facts.recipe))
    command = ["python", "test.py", "--task", task.name, "--weights", weights]
    return _block("", shlex.join([*command, "--folder", "imgs/"]))


def _distance(task: Task, recipe: Recipe) -> tuple[bool, float, bool]:
    """How far a task is from what a recipe trains for: another kind, level, head."""
    head = task.network.head is not recipe.network.head
    wide = head or task.network.embed_dim != recipe.network.embed_dim
    match recipe.data.degradation, task.undoes:
        case NoiseRecipe(range=(least, most)), tasks.GaussianNoise(sigma=level):
            return False, abs(level - (least + most) / 2), wide
        case JpegRecipe(range=(least, most)), tasks.Jpeg(quality=level):
            return False, abs(level - (least + most) / 2), wide
        case (BicubicRecipe(), tasks.Bicubic()):
            return False, float(head), wide
        case (NoiseRecipe() | JpegRecipe() | BicubicRecipe(), _):
            return True, 0.0, wide
        case _:
            return not isinstance(task.undoes, tasks.RealWorld), 0.0, wide


def _again(facts: Facts) -> str:
    recipe = facts.recipe
    launcher = ["python"]
    if facts.processes > 1:
        launcher = ["torchrun", "--nproc-per-node", str(facts.processes)]
    command = [*launcher, "train.py", f"{recipe.name}.toml", "--set", "data.train=PHOTOS"]
    if recipe.data.validation:
        command += ["--set", "data.validation=MORE"]
    return (
        f"With the recipe below as `{recipe.name}.toml`, and folders of your own; the same command "
        "goes on with a run that was stopped, and with `--set optim.iterations=N` beyond its end.\n"
        f"\n{_block('', shlex.join(command))}\n\n{_block('toml', as_toml(recipe))}"
    )


def _folder(path: Path) -> str:
    name = last_name(path)
    return f" of {_code(name)}" if name else ""


def _code(name: str) -> str:
    plain = name.replace("`", "'")
    return f"`{plain}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _block(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _span(least: float, most: float) -> str:
    return f"{least:g}" if least == most else f"{least:g} to {most:g}"


def _row(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.2f} hours" if seconds >= 360 else f"{seconds:.0f} seconds"
