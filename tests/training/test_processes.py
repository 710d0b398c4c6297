"""Several processes of one run, as torchrun starts them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from swinir.training.processes import join
from swinir.training.recipe_file import load_recipe
from swinir.training.run import train
from swinir.training.state import RunState, load_newest
from tests.training.runs import write_recipe

ROOT = Path(__file__).parents[2]
STEPS = ["optim.iterations=20", "optim.learning_rate=1e-4", "log.save_every=20"]

COUNTING_THREADS = """
import sys
from pathlib import Path
sys.path.insert(0, ROOT)
from swinir.cli.train import main
code = main(sys.argv[1:])
names = [task.read_text().strip() for task in Path("/proc/self/task").glob("*/comm")]
# In one piece, as another process writes here, too.
print(f"at the end of gloo {sum('gloo' in name for name in names)} threads\\n", end="")
sys.exit(code)
"""

pytestmark = pytest.mark.skipif(
    not torch.distributed.is_gloo_available(), reason="needs torch with gloo"
)


def words(path: Path, folder: str, *overrides: str) -> list[str]:
    command = [str(path), "--device", "cpu", "--output", str(path.parent / folder)]
    return [*command, *(word for each in overrides for word in ("--set", each))]


def together(
    path: Path, folder: str, *overrides: str, program: Path = ROOT / "train.py"
) -> "subprocess.Popen[str]":
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.Popen(
        [*run, str(program), *words(path, folder, *overrides)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process: "subprocess.Popen[str]") -> tuple[str, str]:
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    return out, err


def newest(path: Path, folder: str) -> RunState:
    state, complaints = load_newest(path.parent / folder / "states")
    assert complaints == []
    assert state is not None
    return state


def farthest(one: RunState, other: RunState) -> float:
    pairs = zip(one.network.items(), other.network.items(), strict=True)
    return max((ours - theirs).abs().max().item() for (_, ours), (_, theirs) in pairs)


def test_two_processes_learn_as_one_with_twice_the_batch(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, validation=True)
    cached = f"data.cache={tmp_path / 'cache'}"
    out, err = finished(together(path, "two", *STEPS, "optim.batch_size=2", cached))
    recipe = load_recipe(path, [*STEPS, "optim.batch_size=4"])
    train(recipe, tmp_path / "one", device=torch.device("cpu"))
    two, one = newest(path, "two"), newest(path, "one")
    assert two.processes == 2
    assert farthest(two, one) < 1e-5
    alone = train(load_recipe(path, STEPS), tmp_path / "half", device=torch.device("cpu"))
    assert alone.iterations == 20
    assert farthest(two, newest(path, "half")) > 1e-4
    scores = [(tmp_path / each / "scores.csv").read_text().splitlines() for each in ("one", "two")]
    assert len(scores[0]) == len(scores[1]) == 3
    # One process writes and speaks.
    assert out.count("wrote ") == out.count("\nwrote ") + 1
    assert out.count("20 iterations in ") == 1
    assert "reading photographs 6/6" in err


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux to name threads")
@pytest.mark.parametrize(("rate", "code"), [("1e-4", 0), ("1e9", 1)])
def test_no_thread_of_the_processes_outlives_the_run(tmp_path: Path, rate: str, code: int) -> None:
    path = write_recipe(tmp_path)
    change = [f"optim.learning_rate={rate}", "optim.iterations=50"]
    program = tmp_path / "counting.py"
    program.write_text(COUNTING_THREADS.replace("ROOT", repr(str(ROOT))))
    process = together(path, "two", *STEPS, *change, program=program)
    out, err = process.communicate(timeout=600)
    assert process.returncode == code, err
    assert ("training diverged" in err) == bool(code)
    assert out.count("at the end of gloo 0 threads\n") == 2, out


def test_a_stop_reaches_all_processes_and_the_run_goes_on(tmp_path: Path) -> None:
    path = write_recipe(tmp_path)
    long = [*STEPS, "optim.iterations=100000", "log.save_every=1000"]
    process = together(path, "two", *long)
    record = tmp_path / "two" / "losses.csv"
    for _ in range(600):
        time.sleep(0.1)
        if record.exists() and record.read_text().count("\n") > 3:
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    stopped = newest(path, "two").iteration
    assert 2 <= stopped < 100000
    finished(together(path, "two", *STEPS, f"optim.iterations={stopped + 2}"))
    assert newest(path, "two").iteration == stopped + 2


def test_auto_on_a_cpu_is_fp32_whatever_it_multiplies_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True}, raising=False)
    accelerator = join(torch.device("cpu"), "auto")
    assert accelerator.mixed_precision == "no"
    accelerator.end_training()


def test_half_precision_on_a_cpu_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match="fp16 on a GPU alone, got the CPU; take bf16 or fp32"):
        join(torch.device("cpu"), "fp16")


def test_a_refusal_ends_all_processes(tmp_path: Path) -> None:
    path = write_recipe(tmp_path)
    train(load_recipe(path, STEPS), tmp_path / "run", device=torch.device("cpu"))
    process = together(path, "run", *STEPS, "network.embed_dim=16")
    _, err = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "holds a run of another network than the recipe's" in err
    # The only one is that of torchrun, which tells that a process of its own has ended.
    assert err.count("Traceback") == 1
    assert "ChildFailedError" in err
