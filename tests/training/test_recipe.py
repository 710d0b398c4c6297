"""A recipe is typed, and refuses what it does not know."""

from pathlib import Path

import pytest
import torch

from swinir.checkpoints import export
from swinir.network import Head, Shape, SwinIR
from swinir.training.recipe_file import load_recipe
from swinir.training.run import train
from tests.training.runs import RECIPE, write_photographs

OPTIONS = sorted((Path(__file__).parents[2] / "options").rglob("*.toml"))
SHRUNK = [
    "network.embed_dim=12",
    "network.window=4",
    "data.patch=8",
    "optim.iterations=2",
    "optim.batch_size=2",
    "adversary.width=4",
    "data.workers=0",
    "data.cache=",
]


GROUPS = {Shape.FLAT: 1, Shape.U: 3}
"""The fewest that a network of each shape has."""


def shrunk(file: Path) -> list[str]:
    """Overrides by which a recipe trains in a second, its network in its shape."""
    groups = GROUPS[load_recipe(file).network.shape]
    return [*SHRUNK, f"network.depths={[2] * groups}", f"network.num_heads={[2] * groups}"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE, "utf-8")
    return path


def test_there_are_recipes() -> None:
    assert OPTIONS


@pytest.mark.parametrize("file", OPTIONS, ids=lambda file: file.stem)
def test_every_recipe_bears_the_name_of_its_file(file: Path) -> None:
    assert load_recipe(file).name == file.stem


@pytest.mark.parametrize("file", OPTIONS, ids=lambda file: file.stem)
def test_every_recipe_trains_when_shrunk(
    file: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    photographs = write_photographs(tmp_path / "photos")
    overrides = [*shrunk(file), f"data.train={photographs}", f"data.validation={photographs}"]
    if load_recipe(file).loss.vgg:
        overrides.append(f"loss.vgg={request.getfixturevalue('vgg')}")
    if load_recipe(file).warm_start:
        begun = load_recipe(file, [*shrunk(file), "warm_start="]).network
        export(SwinIR(begun), tmp_path / "begun.safetensors")
        overrides.append(f"warm_start={tmp_path / 'begun.safetensors'}")
    recipe = load_recipe(file, overrides)
    outcome = train(recipe, tmp_path / "run", device=torch.device("cpu"))
    assert outcome.iterations == 2
    assert outcome.network.config.scale == recipe.network.scale
    assert outcome.network.config.shape == load_recipe(file).network.shape


def test_values_arrive_in_their_types(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe.network.head is Head.PIXELSHUFFLE_DIRECT
    assert recipe.network.depths == (2,)
    assert recipe.data.train == Path("PHOTOS")
    assert recipe.data.validation is None
    assert recipe.optim.milestones == (20,)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["optim.itertions=5"], "no option 'optim.itertions'; did you mean 'iterations'"),
        (["optm.iterations=5"], "no option 'optm'; did you mean 'optim'"),
        (["network.embed_dims=60"], "no option 'network.embed_dims'; did you mean 'embed_dim'"),
        (["log.zzz=1"], "no option 'log.zzz'; known are save_every, validate_every"),
        (["optim.batch_size=many"], "optim.batch_size: .*integer.*got 'many'"),
        (["optim.batch_size=0"], "optim.batch_size: .*greater than 0, got 0"),
        (["optim.learning_rate=-1e-4"], "optim.learning_rate: .*greater than 0, got -0.0001"),
        (["optim.learning_rate=inf"], "optim.learning_rate: .*finite"),
        (["optim.learning_rate=nan"], "optim.learning_rate: "),
        (["optim.ema_decay=1"], "optim.ema_decay: .*less than 1, got 1"),
        (["optim.milestones=[5, 3]"], r"milestones rise, got \[5, 3\]"),
        (["optim.milestones=[3, 3]"], r"milestones rise, got \[3, 3\]"),
        (["optim.precision=fp8"], "optim.precision: .*'fp32'.*got 'fp8'"),
        (["network.head=pixelshufle"], "network.head: .*'pixelshuffle'.*got 'pixelshufle'"),
        (["network.scale=5"], "network: a pixelshuffledirect head has scale 2, 3, 4, 8, got sc"),
        (["network.num_heads=[5]"], "network: embed_dim is a multiple of num_heads, got 12 and 5"),
        (
            ["network.head=residual", "network.scale=1"],
            "bicubic is undone with network.scale above 1, got 1",
        ),
        (
            ["data.degradation.kind=noise", "data.degradation.sigma=25"],
            "noise is undone with network.scale 1, got 2",
        ),
        (["data.degradation.kind=bsrgan", "network.scale=3"], "network.scale 2 or 4, got 3"),
        (["data.degradation.kind=rain"], "data.degradation.*'rain'"),
        (["data.degradation.kind=jpeg"], "data.degradation.jpeg.quality' is missing"),
        (
            ["data.degradation.kind=noise", "data.degradation.sigma=-1"],
            "greater than or equal to 0",
        ),
        (["loss.l1=0"], "loss: at least one term but gan has a weight above 0"),
        (["loss.gan=1", "loss.l1=0"], "loss: at least one term but gan"),
        (
            ["loss.gan=1", "loss.l1=1", "data.patch=10"],
            "the discriminator takes crops of multiples of 8 pixels, got 20",
        ),
        (["data.draw=anywhere"], "data.draw: .*'uniform'.*got 'anywhere'"),
        (["optim.accumulate=0"], "optim.accumulate: .*greater than 0, got 0"),
        (["loss.perceptual=1"], "needs vgg, the file of VGG-19's weights"),
        (
            ["loss.perceptual=1", "loss.vgg=a.pth", "network.channels=1"],
            "the perceptual term is of RGB, network.channels 3, got 1",
        ),
        (["name=a/b"], "name: .*got 'a/b'"),
        (["name=.."], r"name: .*got '\.\.'"),
        (["start=warm"], "start: .*'interpolation'.*got 'warm'"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_means_nothing_is_refused_in_one_line(
    path: Path, overrides: list[str], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as refusal:
        load_recipe(path, overrides)
    assert str(refusal.value).startswith(f"{path}: ")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("line", ["patch = 8", "learning_rate = 1e-3", 'name = "tiny"'])
def test_a_missing_option_is_named(path: Path, line: str) -> None:
    path.write_text(RECIPE.replace(line, ""), "utf-8")
    with pytest.raises(ValueError, match=f"option '.*{line.split()[0]}' is missing"):
        load_recipe(path)


def test_a_missing_table_is_named(path: Path) -> None:
    path.write_text(RECIPE.partition("[optim]")[0], "utf-8")
    with pytest.raises(ValueError, match="option 'optim' is missing"):
        load_recipe(path)


def test_a_file_that_is_no_recipe_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nosuch\.toml: .*No such file"):
        load_recipe(tmp_path / "nosuch.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("name = = 3", "utf-8")
    with pytest.raises(ValueError, match=r"broken\.toml: not a TOML file: .*line 1"):
        load_recipe(broken)
    broken.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"broken\.toml: not a TOML file"):
        load_recipe(broken)


@pytest.mark.parametrize(
    ("override", "table", "key", "value"),
    [
        ("optim.iterations=7", "optim", "iterations", 7),
        ("optim.learning_rate=2e-4", "optim", "learning_rate", 2e-4),
        ("optim.milestones=[1, 2]", "optim", "milestones", (1, 2)),
        ("data.train=my photos/a=b", "data", "train", Path("my photos/a=b")),
        ("data.train='quoted'", "data", "train", Path("quoted")),
        ("data.validation=held out", "data", "validation", Path("held out")),
        (" log.save_every =3", "log", "save_every", 3),
    ],
)
def test_an_override_takes_a_toml_value_or_bare_text(
    path: Path, override: str, table: str, key: str, value: object
) -> None:
    assert getattr(getattr(load_recipe(path, [override]), table), key) == value


def test_an_override_without_a_value_brings_the_default_back(path: Path) -> None:
    assert load_recipe(path, ["optim.milestones="]).optim.milestones == ()
    assert load_recipe(path, ["data.validation=somewhere", "data.validation="]) == load_recipe(path)
    with pytest.raises(ValueError, match=r"option 'optim\.batch_size' is missing"):
        load_recipe(path, ["optim.batch_size="])


def test_the_last_override_of_an_option_holds(path: Path) -> None:
    assert load_recipe(path, ["seed=1", "seed=2"]).seed == 2


@pytest.mark.parametrize("override", ["optim.iterations", "=3", ""])
def test_an_override_without_key_or_value_is_refused(path: Path, override: str) -> None:
    with pytest.raises(ValueError, match="written key=value, got"):
        load_recipe(path, [override])


def test_an_override_inside_a_value_is_refused(path: Path) -> None:
    with pytest.raises(ValueError, match="'iterations' is a value, not a table"):
        load_recipe(path, ["optim.iterations.x=3"])


def test_the_learning_rate_rises_and_is_halved_at_the_milestones(path: Path) -> None:
    recipe = load_recipe(path, ["optim.milestones=[20, 25]"])
    rates = [recipe.learning_rate(iteration) for iteration in range(30)]
    assert rates[:5] == pytest.approx([2e-4, 4e-4, 6e-4, 8e-4, 1e-3])
    assert rates[5:20] == [1e-3] * 15
    assert rates[20:25] == [5e-4] * 5
    assert rates[25:] == [2.5e-4] * 5


def test_without_warmup_the_first_step_has_the_full_rate(path: Path) -> None:
    assert load_recipe(path, ["optim.warmup=0"]).learning_rate(0) == 1e-3
