"""The arguments of ``test.py``, and what the official script called them."""

import argparse
import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn

FORMATS = ("png", "jpg", "webp", "tiff", "bmp", "same")

# Of `restoration.backends`, which would bring torch along.
BACKENDS = ("auto", "torch", "onnxruntime", "openvino", "tensorrt")

EXPORTS = ("onnx",)
"""Kinds of files that a network can be exported to."""

# Flags of the official main_test_swinir.py, so that a command copied from there gets an answer.
OFFICIAL = {
    "--folder_lq": "--folder DIR",
    "--folder_gt": "--gt DIR, beside --folder with the low-quality pictures",
    "--scale": "the task: --task sr_x2, sr_x3, sr_x4 or sr_x8",
    "--noise": "the task: --task color_dn_15, color_dn_25 or color_dn_50",
    "--jpeg": "the task: --task jpeg_10, jpeg_20, jpeg_30 or jpeg_40",
    "--training_patch_size": "--weights with the file's name; the patch size no longer matters",
    "--large_model": "the task: --task real_sr_x4_large",
    "--model_path": "--weights FILE",
    "--tile_overlap": "--overlap N",
}


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line that says what to do."""

    def error(self, message: str) -> NoReturn:
        """Print the line and exit with 2."""
        self.exit(2, f"{self.prog}: {message}; see --help\n")


def _tile(text: str) -> int | str:
    if text == "auto":
        return text
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(
            f"auto, a number of pixels, or 0 for the whole picture, got {text!r}"
        )
    return int(text)


def _device(text: str) -> str:
    if text not in ("auto", "cpu", "mps") and not re.fullmatch(r"cuda(:\d+)?", text):
        raise argparse.ArgumentTypeError(f"auto, cpu, cuda, cuda:N or mps, got {text!r}")
    return text


def _fraction(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"a number from 0 to 1, got {text!r}")
    return value


def _at_least(least: int, most: int | None = None) -> Callable[[str], int]:
    def bounded(text: str) -> int:
        limits = f"at least {least}" if most is None else f"{least} to {most}"
        if not text.isdecimal() or int(text) < least or (most and int(text) > most):
            raise argparse.ArgumentTypeError(f"a whole number, {limits}, got {text!r}")
        return int(text)

    return bounded


def parser() -> Parser:
    """The arguments, with help."""
    arguments = Parser(
        prog="test.py",
        allow_abbrev=False,
        description="Restore pictures: super-resolution, denoising, JPEG-artifact removal.",
        epilog="Exit code: 0 all done, 1 some pictures could not be restored (or scored), "
        "2 bad arguments, 130 interrupted.",
    )
    what = arguments.add_argument_group("what to do")
    what.add_argument("--task", help="what to undo, as in sr_x4; --list shows all")
    what.add_argument("--folder", type=Path, help="a folder of pictures, or one file")
    what.add_argument(
        "--output", type=Path, default=Path("results"), help="where results go (default results/)"
    )
    what.add_argument(
        "--weights",
        help="ours, official, swin2sr, a published file's name, or a path (default: the first of "
        "these that the task has)",
    )
    files = arguments.add_argument_group("files")
    files.add_argument(
        "--format", choices=FORMATS, default="png", help="of the results (default png)"
    )
    files.add_argument(
        "--quality", type=_at_least(1, 100), default=95, help="of JPEG results (default 95)"
    )
    files.add_argument(
        "--skip-existing", action="store_true", help="go on with an interrupted batch"
    )
    files.add_argument(
        "--sheet",
        type=Path,
        nargs="?",
        const=Path(),
        metavar="FILE",
        help="also write a before-and-after sheet (default comparison-sheet.png in --output)",
    )
    files.add_argument(
        "--gt",
        type=Path,
        metavar="DIR",
        help="ground truth: print the PSNR of each result; with --lq, all figures",
    )
    files.add_argument(
        "--max-megapixels", type=_at_least(1), metavar="N", help="refuse larger pictures"
    )
    engine = arguments.add_argument_group("engine")
    engine.add_argument(
        "--tile",
        type=_tile,
        default="auto",
        help="auto, side of a tile in pixels, or 0 for the whole picture (default auto)",
    )
    engine.add_argument("--overlap", type=_at_least(0), help="pixels shared by neighbouring tiles")
    engine.add_argument(
        "--device",
        type=_device,
        default="auto",
        metavar="{auto,cpu,cuda,cuda:N,mps}",
        help="cuda is all GPUs, cuda:N the one with that number from 0 (default auto)",
    )
    engine.add_argument(
        "--precision",
        choices=("auto", "fp32", "bf16", "fp16"),
        default="auto",
        help="auto is bf16 where the hardware multiplies in it and these weights come within 50 dB "
        "of fp32, else fp32; figures of benchmarks are made in fp32 (default auto)",
    )
    engine.add_argument(
        "--backend",
        choices=BACKENDS,
        default="auto",
        help="what computes the network (default auto: the fastest that is known to be)",
    )
    engine.add_argument(
        "--tta", action="store_true", help="average over 8 flips and turns (8 times slower)"
    )
    engine.add_argument(
        "--strength",
        type=_fraction,
        default=1.0,
        metavar="S",
        help="0 to 1: less than 1 blends the result with the input (default 1)",
    )
    measuring = arguments.add_argument_group("measuring, in place of --folder")
    measuring.add_argument(
        "--benchmark",
        type=Path,
        nargs="+",
        metavar="DIR",
        help="sets of ground truth, as Set5/ with HR/ and perhaps LRx4/ in it, or folders of sets",
    )
    measuring.add_argument(
        "--lq", type=Path, metavar="DIR", help="pictures to restore, whose truth is in --gt"
    )
    measuring.add_argument(
        "--compare", nargs="+", metavar="WEIGHTS", help="several weights side by side"
    )
    measuring.add_argument(
        "--reproduce", metavar="TABLE", help="do a paper's table again, as lightweight_sr, or all"
    )
    measuring.add_argument(
        "--protocol",
        choices=("ours", "paper"),
        help="padding: as needed, or as in the papers' script (default with --reproduce)",
    )
    measuring.add_argument(
        "--expect", type=float, metavar="FIGURE", help="a figure from elsewhere: say why it differs"
    )
    measuring.add_argument(
        "--metrics", nargs="+", metavar="NAME", help="further metrics of pyiqa, as lpips niqe"
    )
    measuring.add_argument(
        "--workers",
        type=_at_least(1),
        default=1,
        metavar="N",
        help="threads that read and score beside the network (default 1)",
    )
    measuring.add_argument(
        "--no-sheets", action="store_true", help="write figures alone, no comparison sheets"
    )
    about = arguments.add_argument_group("instead")
    about.add_argument("--list", action="store_true", help="print the tasks and their weights")
    about.add_argument("--describe", type=Path, metavar="FILE", help="print what a weights file is")
    about.add_argument(
        "--export",
        nargs=2,
        metavar=("KIND", "FILE"),
        help="write the network of --task as another kind of file: onnx, for tiles of --tile",
    )
    arguments.add_argument("--json", action="store_true", help="print for machines, as JSON")
    return arguments


def parse(words: Sequence[str] | None) -> argparse.Namespace:
    """Parse; exits with 2 and one line on a mistake."""
    arguments = parser()
    options, unknown = arguments.parse_known_args(words)
    for word in unknown:
        flag = word.partition("=")[0]
        if flag in OFFICIAL:
            arguments.error(f"{flag} is called differently here: {OFFICIAL[flag]}")
    if unknown:
        known = re.findall(r"--[a-z-]+", arguments.format_usage())
        near = get_close_matches(unknown[0].partition("=")[0], known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        arguments.error(f"unknown argument {unknown[0]!r}{hint}")
    if options.sheet == Path():
        options.sheet = options.output / "comparison-sheet.png"
    if not options.protocol:
        options.protocol = "paper" if options.reproduce else "ours"
    mistake = "" if options.list or options.describe else _mistake(options)
    if mistake:
        arguments.error(mistake)
    return options


# What does not hold, and what is then said; the first that applies.
_MISTAKES: tuple[tuple[Callable[[argparse.Namespace], object], str], ...] = (
    (
        lambda it: it.reproduce and not it.benchmark,
        "--reproduce needs --benchmark DIR, a folder of benchmark sets",
    ),
    (
        lambda it: it.reproduce and (it.task or it.compare or it.expect),
        "--reproduce takes tasks and figures from its table; --task, --compare and --expect are "
        "for --benchmark alone",
    ),
    (
        lambda it: not it.task and not it.reproduce,
        "--task is missing, as in --task sr_x4; --list shows all tasks",
    ),
    (
        lambda it: it.export and it.export[0] not in EXPORTS,
        f"--export takes a kind and a file, and the kinds are: {', '.join(EXPORTS)}",
    ),
    (
        lambda it: it.export and it.tile == 0,
        "--export takes tiles of one size: --tile auto or a number of pixels, got 0",
    ),
    (
        lambda it: sum(map(bool, (it.folder, it.benchmark, it.lq, it.export))) > 1,
        "one of --folder, --benchmark, --lq and --export is wanted, got more",
    ),
    (lambda it: it.lq and not it.gt, "--lq needs --gt DIR, the ground truth"),
    (
        lambda it: it.compare and not (it.benchmark or it.lq),
        "--compare needs --benchmark DIR, or --lq DIR and --gt DIR",
    ),
    (
        lambda it: it.compare and it.weights,
        "--compare names all the weights, so --weights is not wanted",
    ),
    (
        lambda it: not (it.folder or it.benchmark or it.lq or it.export),
        "--folder is missing: a folder of pictures, or one file",
    ),
)


def _mistake(options: argparse.Namespace) -> str:
    return next((text for applies, text in _MISTAKES if applies(options)), "")
