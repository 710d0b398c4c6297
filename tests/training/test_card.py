"""A model card tells what a run was, and nothing of the machine's folders."""

import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from swinir.checkpoints.description import fits
from swinir.cli.arguments import parse
from swinir.cli.train import parser
from swinir.network import SwinIRConfig
from swinir.tasks import find_task
from swinir.training.card import Facts, card
from swinir.training.recipe import Recipe
from swinir.training.recipe_file import load_recipe

ROOT = Path(__file__).parents[2]
OPTIONS = sorted((ROOT / "options").glob("*.toml"))


def facts(name: str, *overrides: str, **changes: Any) -> Facts:
    plain = Facts(
        recipe=load_recipe(ROOT / "options" / f"{name}.toml", overrides),
        weights=Path(f"runs/{name}/{name}.safetensors"),
        parameters=929_628,
        photographs=426,
        iterations=5000,
        seconds=6516.0,
        hardware="a fast machine",
    )
    return replace(plain, **changes)


def blocks(text: str, language: str = "") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)\n```$", text, re.DOTALL | re.MULTILINE)


def row(text: str, name: str) -> str:
    found = re.search(rf"^\| {name} \| (.*) \|$", text, re.MULTILINE)
    assert found, f"no row {name}"
    return found[1]


@pytest.mark.parametrize(
    ("name", "overrides", "purpose"),
    [
        ("light_sr_x4", (), "x4 super-resolution of colour photographs shrunk by MATLAB's bicubic"),
        ("color_dn", (), "colour denoising, Gaussian noise of sigma 5 to 55"),
        ("color_dn", ("data.degradation.sigma=25",), "Gaussian noise of sigma 25 (of 255)"),
        ("gray_dn", (), "grey denoising"),
        ("jpeg", ("data.degradation.quality=[10, 40]",), "grey pictures, quality 10 to 40"),
        ("real_sr_x4", (), "as they are: blurred, noisy, compressed (the pipeline of BSRGAN)"),
        ("real_sr_x4", ("loss.l1=1", "loss.gan=0.1"), "Trained with a discriminator"),
    ],
)
def test_the_first_sentence_says_what_it_is_for(
    name: str, overrides: tuple[str, ...], purpose: str
) -> None:
    assert purpose in card(facts(name, *overrides)).split("##")[0]


def test_the_table_tells_network_data_and_training() -> None:
    text = card(facts("light_sr_x4", best=31.3249, best_iteration=4500))
    for name, wanted in {
        "network": "pixelshuffledirect head, x4), 3 image channels, 60 feature channels",
        "data": "426 photographs of `train`, crops of 32x32 pixels (128x128 of the truth)",
        "loss": "1 x L1",
        "steps": "5,000 of Adam (0.9, 0.99), 8 crops, gradient clipped to a norm of 0.5",
        "learning rate": "0.0001, of the Swin blocks 18 times that; rising over 100 steps; halved "
        "after 3,300, 4,000, 4,500, 4,750",
        "start": "as an interpolation; seed 0",
        "arithmetic": "decay 0.995 a step",
        "time": "1.81 hours of steps",
        "hardware": "a fast machine",
        "validation": "31.32 dB PSNR of luma, 4 pixels shaved, mean over the photographs of "
        "`validation`, degraded as in training; after 4,500 steps, the best of the run",
    }.items():
        assert wanted in row(text, name)
    assert "929,628 parameters" in row(text, "network")


def test_what_went_wrong_and_what_was_shared_is_told() -> None:
    recipe = ("optim.iterations=9000", "optim.accumulate=2", "loss.l1=0.5", "loss.frequency=0.05")
    text = card(facts("light_sr_x4", *recipe, skipped=1, rollbacks=2, processes=4))
    steps = row(text, "steps")
    assert steps.startswith("5,000 of 9,000 of Adam")
    assert "8 crops x 2 batches x 4 processes" in steps
    assert "1 step left out, the gradient not being finite" in steps
    assert "went back 2 times after a spike" in steps
    assert row(text, "loss") == "0.5 x L1 + 0.05 x frequency (FFT)"


def test_what_did_not_happen_is_left_out() -> None:
    text = card(facts("light_sr_x4", "data.validation=", "optim.clip_norm=", "optim.warmup="))
    assert "| validation |" not in text
    assert "data.validation" not in text
    for word in ("left out", "went back", "processes", "clipped", "rising"):
        assert word not in text


def test_the_score_of_a_task_that_keeps_the_size_is_of_all_channels() -> None:
    text = card(facts("color_dn", best=30.0, best_iteration=500))
    assert "of all channels, nothing shaved" in row(text, "validation")
    assert "the middle 192 pixels" in row(text, "validation")


def test_the_levels_of_a_u_are_told() -> None:
    network = row(card(facts("u_color_dn")), "network")
    assert "a U of 3 levels with 60, 120, 240 feature channels, groups of 4, 4, 8, 4, 4" in network
    assert ", 60 feature channels, groups" in row(card(facts("color_dn")), "network")


def test_a_warm_start_is_told_with_the_name_of_its_file() -> None:
    text = card(facts("real_sr_x4", "warm_start=/home/somebody/light.safetensors"))
    assert row(text, "start").startswith("with the weights of `light.safetensors`")


@pytest.mark.parametrize("path", OPTIONS, ids=lambda path: path.stem)
def test_the_command_to_use_it_is_one_that_test_py_takes(path: Path) -> None:
    described = facts(path.stem)
    program, script, *words = shlex.split(blocks(card(described))[0])
    assert (program, script) == ("python", "test.py")
    options = parse(words)
    network = described.recipe.network
    assert isinstance(network, SwinIRConfig)
    assert fits(find_task(options.task), network)
    assert Path(options.weights) == described.weights
    assert (ROOT / options.folder).is_dir()


@pytest.mark.parametrize(
    ("name", "overrides", "task"),
    [
        ("light_sr_x2", (), "light_sr_x2"),
        ("light_sr_x4", ("network.head=pixelshuffle", "start=random"), "sr_x4"),
        ("light_sr_x4", ("network.scale=8",), "sr_x8"),
        ("real_sr_x4", (), "real_sr_x4"),
        ("real_sr_x4", ("data.degradation.kind=real-esrgan", "network.scale=3"), "light_sr_x3"),
        ("color_dn", ("data.degradation.sigma=[5, 20]",), "color_dn_15"),
        ("color_dn", (), "color_dn_25"),
        ("gray_dn", ("data.degradation.sigma=50",), "gray_dn_50"),
        ("jpeg", ("data.degradation.quality=30",), "jpeg_30"),
        ("color_jpeg", ("data.degradation.quality=[5, 12]",), "color_jpeg_10"),
    ],
)
def test_the_task_is_the_nearest_to_the_recipe(
    name: str, overrides: tuple[str, ...], task: str
) -> None:
    assert f"--task {task} " in card(facts(name, *overrides))


def test_a_network_without_a_task_is_used_from_python() -> None:
    text = card(facts("light_sr_x4", "network.channels=1"))
    assert "test.py" not in text
    (code,) = blocks(text, "python")
    compile(code, "card", "exec")
    assert "load_file(Path('runs/light_sr_x4/light_sr_x4.safetensors'))" in code


def read_again(text: str, folder: Path) -> Recipe:
    """The recipe that a card holds."""
    (toml,) = blocks(text, "toml")
    path = folder / "again.toml"
    path.write_text(toml, "utf-8")
    return load_recipe(path)


@pytest.mark.parametrize("path", OPTIONS, ids=lambda path: path.stem)
def test_the_recipe_in_a_card_is_the_recipe(path: Path, tmp_path: Path) -> None:
    described = facts(path.stem)
    assert read_again(card(described), tmp_path) == described.recipe


def test_the_command_to_train_it_again_is_one_that_train_py_takes() -> None:
    for processes, launcher in ((1, ["python"]), (2, ["torchrun", "--nproc-per-node", "2"])):
        words = shlex.split(blocks(card(facts("light_sr_x4", processes=processes)))[1])
        assert words[: len(launcher) + 1] == [*launcher, "train.py"]
        options = parser().parse_args(words[len(launcher) + 1 :])
        assert options.recipe == Path("light_sr_x4.toml")
        assert options.set == ["data.train=PHOTOS", "data.validation=MORE"]


@pytest.mark.parametrize("root", ["/home/somebody/secret", "C:/Users/somebody/secret", "../secret"])
def test_no_folder_of_the_machine_is_told(root: str, tmp_path: Path) -> None:
    paths = [f"{key}={root}/mine" for key in ("data.train", "data.validation", "warm_start")]
    described = facts("color_dn", *paths, weights=Path(root, "mine.safetensors"))
    text = card(replace(described, best=30.0))
    assert "secret" not in text
    assert "somebody" not in text
    assert "`mine`" in row(text, "data")
    assert read_again(text, tmp_path).data.train == Path("mine")


def test_a_name_cannot_break_out_of_its_place(tmp_path: Path) -> None:
    recipe = facts("light_sr_x4").recipe
    odd = recipe.model_copy(
        update={"data": recipe.data.model_copy(update={"train": Path('a|b`c\n# d "é\x7f')})}
    )
    text = card(facts("light_sr_x4", recipe=odd))
    assert "\n# d" not in text
    assert "a\\|b'c\\n# d" in row(text, "data")
    assert read_again(text, tmp_path).data.train == Path('a|b`c\\n# d "é\\x7f')
