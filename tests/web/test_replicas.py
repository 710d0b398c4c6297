"""The page on Ray Serve, as a user starts it, with two replicas."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
from gradio_client import Client, handle_file

from swinir.checkpoints import load_network
from swinir.images.files import read
from swinir.restoration import Restorer
from swinir.tasks import TASKS
from tests.web.conftest import Save
from tests.web.test_visitors import wait_until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def started(
    pretrained: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[subprocess.Popen[str]]:
    """``python app.py --replicas 2``; it ends on SIGTERM and leaves nothing."""
    pytest.importorskip("ray")
    place = tmp_path_factory.mktemp("tmp")
    environment = {
        **os.environ,
        "SWINIR_PRETRAINED": str(pretrained),
        "TMPDIR": str(place),
        "RAY_AUTH_MODE": "disabled",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    words = [sys.executable, "app.py", "--replicas", "2", "--port", "0", "--device", "cpu"]
    with subprocess.Popen(
        words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(120) == 0
            assert not list(place.glob("swinir-web*"))
        finally:
            process.kill()


@pytest.fixture(scope="module")
def url(started: subprocess.Popen[str]) -> str:
    """Where it is."""
    assert started.stdout
    for line in started.stdout:
        if line.startswith("SwinIR is at "):
            return line.split()[3]
    raise AssertionError("the page did not start")


@pytest.fixture
def call(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Path]]:
    """Restore a picture through the page."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    client = Client(url, verbose=False, download_files=str(tmp_path / "fetched"))

    def restore(path: Path, **how: object) -> Path:
        source = handle_file(str(path))
        return Path(client.predict(source, task="sr_x4", api_name="/restore", **how)[0])

    yield restore
    client.close()


def replicas(started: subprocess.Popen[str]) -> dict[int, psutil.Process]:
    """Processes that restore."""
    family = psutil.Process(started.pid).children(recursive=True)
    return {it.pid: it for it in family if "Workshop" in " ".join(it.cmdline())}


def busy(url: str) -> int:
    """Jobs that replicas have."""
    state: dict[str, object] = httpx.get(f"{url}health", timeout=60).json()
    assert state["replicas"] == 2
    return int(str(state["busy"]))


def test_two_replicas_share_the_work_and_make_what_one_process_makes(
    started: subprocess.Popen[str], url: str, call: Callable[..., Path], save: Save
) -> None:
    paths = [save(f"{at}.png", 96, 96, seed=at) for at in range(6)]
    both = replicas(started)
    assert len(both) == 2
    before = {pid: sum(it.cpu_times()[:2]) for pid, it in both.items()}
    with ThreadPoolExecutor(len(paths)) as crowd:
        results = list(crowd.map(lambda it: call(it, tile="16", tta=True), paths))
    for pid, it in both.items():
        assert sum(it.cpu_times()[:2]) > before[pid] + 0.2, "one replica had nothing to do"
    restorer = Restorer(load_network(TASKS["sr_x4"]), device="cpu", tile=16, tta=True)
    for path, result in zip(paths, results, strict=True):
        wanted = restorer.restore(read(path).pixels)
        np.testing.assert_allclose(read(result).pixels, wanted, atol=0.5001 / 255)
    assert busy(url) == 0


def test_a_bad_file_is_told_in_one_line(call: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(Exception, match="whatever its name; got a file that begins with"):
        call(tmp_path / "text.png")


def test_what_a_replica_refuses_is_told_in_one_line(
    call: Callable[..., Path], save: Save, pretrained: Path
) -> None:
    weights = pretrained / "light_sr_x4.safetensors"
    kept = weights.read_bytes()
    weights.write_bytes(kept[:-1])
    try:
        with pytest.raises(Exception, match=r"light_sr_x4\.safetensors"):
            call(save("a.png"))
    finally:
        weights.write_bytes(kept)


def test_a_job_that_is_cancelled_ends_in_its_replica(
    started: subprocess.Popen[str], url: str, call: Callable[..., Path], save: Save, tmp_path: Path
) -> None:
    assert call
    client = Client(url, verbose=False, download_files=str(tmp_path / "fetched"))
    source = handle_file(str(save("large.png", 600, 600)))
    job = client.submit(source, task="sr_x4", tile="8", tta=True, api_name="/restore")
    assert wait_until(lambda: bool(job.outputs()))
    job.cancel()
    assert wait_until(lambda: busy(url) == 0)
    client.close()

    def idle() -> bool:
        return all(it.cpu_percent(0.5) < 40 for it in replicas(started).values())

    assert wait_until(idle), "a replica goes on with what nobody wants"


def test_a_replica_that_is_killed_comes_back(
    started: subprocess.Popen[str], url: str, call: Callable[..., Path], save: Save
) -> None:
    source = save("large.png", 600, 600)
    with ThreadPoolExecutor(1) as one:
        job = one.submit(call, source, tile="8", tta=True)
        assert wait_until(lambda: busy(url) == 1)
        # The one that works is the one that computes.
        rates = {it: it.cpu_percent(1) for it in replicas(started).values()}
        killed = max(rates, key=lambda it: rates[it])
        os.kill(killed.pid, signal.SIGKILL)
        with pytest.raises(Exception, match="has ended; try again"):
            job.result(120)
    assert call(save("small.png")).is_file()
    assert wait_until(lambda: len(replicas(started)) == 2)


def test_a_port_that_is_taken_is_told_in_one_line(url: str) -> None:
    port = url.rstrip("/").rpartition(":")[2]
    words = [sys.executable, "app.py", "--replicas", "1", "--port", port]
    ended = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert "in use" in line
