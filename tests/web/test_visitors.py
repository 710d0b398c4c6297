"""Many visitors, visitors who leave, and a server that is killed."""

import json
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from gradio_client import Client, handle_file

from swinir.checkpoints import load_network
from swinir.images.files import read
from swinir.restoration import Restorer
from swinir.tasks import TASKS
from swinir.web import sweeping
from swinir.web.settings import Settings
from tests.web.conftest import Save, Site, site

VISITORS = 20


def wait_until(holds: Callable[[], bool], seconds: float = 60) -> bool:
    """Whether it comes to hold within so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.1)
    return False


def busy(served: Site) -> int:
    """Devices that work."""
    state: dict[str, Any] = httpx.get(f"{served.url}health", timeout=60).json()
    return int(state["busy"])


def upload(served: Site, path: Path) -> dict[str, Any]:
    """Upload a file and refer to it."""
    with path.open("rb") as file:
        (there,) = httpx.post(f"{served.url}gradio_api/upload", files={"files": file}).json()
    return {"path": there, "meta": {"_type": "gradio.FileData"}, "orig_name": path.name}


def call(served: Site, picture: dict[str, Any], **options: Any) -> str:
    """Ask for a restoration; returns the name of the job."""
    how = {"weights": "", "strength": 1.0, "tta": False, "tile": "auto"} | options
    body = {"data": [picture, "sr_x4", *how.values()]}
    answer = httpx.post(f"{served.url}gradio_api/call/restore", json=body, timeout=60)
    return str(answer.json()["event_id"])


def answers(served: Site, paths: list[Path]) -> list[Path]:
    """What visitors who come at once with a picture each are given."""
    pictures = [upload(served, path) for path in paths]
    jobs = [call(served, picture) for picture in pictures]

    def follow(job: str) -> Path:
        address = f"{served.url}gradio_api/call/restore/{job}"
        with httpx.stream("GET", address, timeout=1200) as answer:
            lines = answer.iter_lines()
            for line in lines:
                if line == "event: complete":
                    return Path(json.loads(next(lines).removeprefix("data: "))[0]["path"])
        raise AssertionError(f"no answer to {job}")

    with ThreadPoolExecutor(len(paths)) as crowd:
        return list(crowd.map(follow, jobs))


def check_answers(served: Site, paths: list[Path], most_memory: int) -> None:
    """Everybody is answered, in order, with their own picture, in so many more bytes of memory."""
    memory = psutil.Process(served.pid).memory_info().rss
    results = answers(served, paths)
    grown = psutil.Process(served.pid).memory_info().rss - memory
    assert grown < most_memory, f"grown by {grown >> 20} MiB"
    # Answers cross on their way; when each was made is written on it.
    made_at = [path.stat().st_mtime_ns for path in results]
    assert made_at == sorted(made_at)
    restorer = Restorer(load_network(TASKS["sr_x4"]), device="cpu")
    for path, result in zip(paths, results, strict=True):
        wanted = restorer.restore(read(path).pixels)
        np.testing.assert_allclose(read(result).pixels, wanted, atol=0.5001 / 255)


def test_twenty_visitors_are_all_answered_in_order_each_with_their_own(
    served: Site, save: Save
) -> None:
    paths = [save(f"{at}.png", 64, 64, seed=at) for at in range(VISITORS)]
    check_answers(served, paths, 200 << 20)


@pytest.mark.slow
def test_twenty_visitors_with_larger_pictures_and_the_shipped_weights(
    pretrained: Path, save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pretrained
    monkeypatch.delenv("SWINIR_PRETRAINED")
    paths = [save(f"{at}.png", 256, 256, seed=at) for at in range(VISITORS)]
    with site(Settings(port=0, devices=("cpu",))) as full:
        check_answers(full, paths, 2 << 30)


def test_a_visitor_who_leaves_frees_the_worker(served: Site, save: Save) -> None:
    picture = upload(served, save("large.png", 600, 600))
    job = call(served, picture, tile="8", tta=True)
    address = f"{served.url}gradio_api/call/restore/{job}"
    with httpx.stream("GET", address, timeout=300) as answer:
        # Kept, because the connection ends with it.
        lines = answer.iter_lines()
        assert "generating" in next(lines)
        assert wait_until(lambda: busy(served) == 1)
    assert wait_until(lambda: busy(served) == 0)


def test_a_job_that_is_cancelled_frees_the_worker(served: Site, client: Client, save: Save) -> None:
    source = handle_file(str(save("large.png", 600, 600)))
    job = client.submit(source, task="sr_x4", tile="8", tta=True, api_name="/restore")
    assert wait_until(lambda: bool(job.outputs()))
    job.cancel()
    assert wait_until(lambda: busy(served) == 0)
    _, report = client.predict(
        handle_file(str(save("small.png"))), task="sr_x4", api_name="/restore"
    )
    assert report["width"] == 128


def test_more_than_may_wait_are_told_so(pretrained: Path, save: Save) -> None:
    assert pretrained
    source = save("large.png", 600, 600)
    with site(Settings(port=0, devices=("cpu",), max_queue=1)) as narrow:
        picture = upload(narrow, source)
        first = call(narrow, picture, tile="8", tta=True)
        assert wait_until(lambda: busy(narrow) == 1)
        call(narrow, picture)
        body = {"data": [picture, "sr_x4", "", 1.0, False, "auto"]}
        refusal = httpx.post(f"{narrow.url}gradio_api/call/restore", json=body, timeout=60)
        assert refusal.status_code == 503
        assert "queue is full" in refusal.text.lower()
        assert first


def test_a_killed_server_leaves_nothing_once_it_runs_again(
    pretrained: Path, save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pretrained
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    settings = Settings(port=0, devices=("cpu",))
    source = save("large.png", 600, 600)
    with site(settings) as doomed:
        call(doomed, upload(doomed, source), tile="8", tta=True)
        assert wait_until(lambda: busy(doomed) == 1)
        os.kill(doomed.pid, signal.SIGKILL)
    assert doomed.folder.is_dir()
    assert any(doomed.folder.rglob("large.png"))
    with site(settings) as again:
        assert list(place.iterdir()) == [again.folder]
        assert busy(again) == 0
    assert not list(place.iterdir())


def test_files_of_a_visitor_are_removed_after_an_hour(
    pretrained: Path, save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pretrained
    monkeypatch.setattr(sweeping, "PAUSE", 0.2)
    source = save("mine.png")
    with site(Settings(port=0, devices=("cpu",))) as brief:
        upload(brief, source)
        (there,) = brief.folder.rglob("mine.png")
        assert not wait_until(lambda: not there.exists(), 1)
        for age, stays in ((59, True), (61, False)):
            os.utime(there, (time.time() - 60 * age,) * 2)
            assert wait_until(lambda: not there.exists(), 1 if stays else 20) != stays
        assert any(brief.folder.rglob("chelsea.png")), "the samples stay"


def test_who_has_no_account_sees_nothing(
    pretrained: Path, save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pretrained
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    settings = Settings(port=0, devices=("cpu",), accounts=(("ann", "secret"),))
    with site(settings) as closed:
        assert httpx.get(f"{closed.url}config").status_code == 401
        body = {"data": []}
        assert httpx.post(f"{closed.url}gradio_api/call/restore", json=body).status_code == 401
        assert httpx.get(f"{closed.url}health").status_code == 200
        client = Client(
            closed.url,
            verbose=False,
            auth=("ann", "secret"),
            download_files=str(tmp_path / "fetched"),
        )
        source = handle_file(str(save("a.png")))
        _, report = client.predict(source, task="sr_x4", api_name="/restore")
        client.close()
        assert report["width"] == 128
