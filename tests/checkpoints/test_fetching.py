"""Downloads from a server on this machine that misbehaves in every way."""

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from swinir.checkpoints import CheckpointError, fetch, fetching, load_file
from swinir.network import SwinIR
from swinir.tasks import TASKS, Checkpoint

FILE = "net.pth"
DATA = b"\x80\x02" + bytes(range(256)) * 400


def known(data: bytes = DATA) -> Checkpoint:
    return Checkpoint(FILE, "official", len(data), hashlib.sha256(data).hexdigest())


UNKNOWN = Checkpoint(FILE, "official")


@dataclass
class Site:
    """What the server does next, and what it was asked."""

    data: bytes = DATA
    statuses: list[int] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    ranges: bool = True
    lengths: bool = True
    moved: str = ""
    file: str = FILE
    asked: list[str | None] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, pretrained: Path) -> Iterator[Site]:
    """A server on the loopback interface that `fetch` takes for the mirror."""
    state = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.asked.append(wanted)
            status = state.statuses.pop(0) if state.statuses else 200
            if state.moved:
                self.send_response(302)
                self.send_header("Location", state.moved)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if status != 200 or self.path != f"/files/{state.file}":
                self.send_error(status if status != 200 else 404)
                return
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
            if wanted and state.ranges and start >= len(state.data):
                self.send_error(416)
                return
            partial = bool(wanted) and state.ranges
            body = state.data[start:] if partial else state.data
            self.send_response(206 if partial else 200)
            if state.lengths:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: state.cuts.pop(0)] if state.cuts else body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/files"
    monkeypatch.setenv("SWINIR_MIRROR", f"{state.url}/")
    monkeypatch.setattr(fetching, "WAITS", (0.0, 0.0))
    monkeypatch.setattr(fetching, "CHUNK", 500)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def genuine(network: SwinIR) -> bytes:
    """A file of weights, for where nobody published a hash."""
    content = io.BytesIO()
    torch.save({"params": network.state_dict()}, content, _use_new_zipfile_serialization=False)
    return content.getvalue()


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def failure(checkpoint: Checkpoint) -> str:
    """The line with which a download fails."""
    with pytest.raises(CheckpointError) as caught:
        fetch(checkpoint)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_is_downloaded_once_and_then_found(site: Site, pretrained: Path) -> None:
    path = fetch(known())
    assert path == pretrained / "official" / FILE
    assert path.read_bytes() == DATA
    assert fetch(known()) == path
    assert site.asked == [None]
    assert visible(path.parent) == [FILE]


def test_the_cache_can_be_elsewhere(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWINIR_CACHE", str(tmp_path / "elsewhere"))
    assert fetch(known()) == tmp_path / "elsewhere" / FILE
    assert site.asked == [None]


def test_a_transfer_that_breaks_is_resumed(site: Site) -> None:
    site.cuts = [1000, 500]
    assert fetch(known()).read_bytes() == DATA
    assert site.asked == [None, "bytes=1000-", "bytes=1500-"]


def test_a_server_without_ranges_starts_anew(site: Site) -> None:
    site.cuts, site.ranges = [1000], False
    assert fetch(known()).read_bytes() == DATA
    assert site.asked == [None, "bytes=1000-"]


def test_a_later_call_goes_on_where_one_gave_up(site: Site, pretrained: Path) -> None:
    site.cuts = [1000, 500, 1]
    assert "put it at" in failure(known())
    assert visible(pretrained / "official") == []
    assert fetch(known()).read_bytes() == DATA
    assert site.asked[-1] == "bytes=1500-"


def test_a_finished_part_is_not_downloaded_again(site: Site, pretrained: Path) -> None:
    part = pretrained / "official" / f".{FILE}.part"
    part.parent.mkdir()
    part.write_bytes(DATA)
    assert fetch(known()).read_bytes() == DATA
    assert site.asked == []


def test_a_wrong_part_is_thrown_away(site: Site, pretrained: Path) -> None:
    part = pretrained / "official" / f".{FILE}.part"
    part.parent.mkdir()
    for wrong in (b"x" * 500, b"x" * len(DATA), b"x" * (len(DATA) + 9)):
        part.write_bytes(wrong)
        path = fetch(known())
        assert path.read_bytes() == DATA
        path.unlink()


def test_a_busy_server_is_asked_again(site: Site) -> None:
    site.statuses = [503, 429]
    assert fetch(known()).read_bytes() == DATA
    assert len(site.asked) == 3


def test_a_wrong_hash_keeps_nothing(site: Site, pretrained: Path) -> None:
    site.data = DATA[:-1] + b"!"
    line = failure(known())
    assert "has SHA-256" in line
    assert known().sha256 in line  # type: ignore[operator]
    assert list((pretrained / "official").glob("*.part")) == []
    assert visible(pretrained / "official") == []


def test_a_wrong_size_is_told_as_such(site: Site) -> None:
    site.data = DATA + b"more"
    assert f"has {len(DATA) + 4} bytes instead of {len(DATA)}" in failure(known())


def test_a_missing_file_is_not_asked_for_twice(site: Site, pretrained: Path) -> None:
    site.statuses = [404, 404]
    line = failure(known())
    assert "the server answers 404" in line
    assert (
        f"fetch {site.url}/{FILE} yourself and put it at {pretrained / 'official' / FILE}" in line
    )
    assert len(site.asked) == 1


def test_a_server_that_is_down_is_one_line(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing listens on the discard port of this machine.
    monkeypatch.setenv("SWINIR_MIRROR", "http://127.0.0.1:9")
    line = failure(known())
    assert "cannot be reached" in line
    assert f"fetch http://127.0.0.1:9/{FILE} yourself" in line
    assert site.asked == []


def test_offline_never_asks_and_says_where_to_put_the_file(
    site: Site, pretrained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWINIR_OFFLINE", "1")
    line = failure(known())
    assert "SWINIR_OFFLINE forbids the network" in line
    path = pretrained / "official" / FILE
    path.parent.mkdir()
    path.write_bytes(DATA)
    assert fetch(known()) == path
    path.write_bytes(DATA[:-1])
    assert f"{path} has {len(DATA) - 1} bytes" in failure(known())
    assert site.asked == []


def test_a_damaged_file_in_the_cache_is_fetched_again(site: Site) -> None:
    path = fetch(known())
    path.write_bytes(b"x" * len(DATA))
    assert fetch(known()).read_bytes() == DATA
    assert len(site.asked) == 2


def test_without_a_published_hash_the_first_download_is_recorded(
    site: Site, pretrained: Path, genuine: bytes
) -> None:
    site.data = genuine
    path = fetch(UNKNOWN)
    record = json.loads((pretrained / "official" / "recorded.json").read_text(encoding="utf-8"))
    assert record == {FILE: {"bytes": len(genuine), "sha256": hashlib.sha256(genuine).hexdigest()}}
    path.write_bytes(genuine[:-1] + b"!")
    assert fetch(UNKNOWN).read_bytes() == genuine
    assert visible(pretrained / "official") == [FILE, "recorded.json"]


def test_another_file_than_the_recorded_one_is_refused_by_naming_the_record(
    site: Site, pretrained: Path, genuine: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.data = genuine
    path = fetch(UNKNOWN)
    record = pretrained / "official" / "recorded.json"
    path.unlink()
    site.data = genuine + b"another file"
    words = f"as {record} says of the first one used: if this one is right, delete its entry there"
    assert failure(UNKNOWN).startswith(f"{site.url}/{FILE} has {len(genuine) + 12} bytes instead")
    assert words in failure(UNKNOWN)
    path.write_bytes(site.data)
    monkeypatch.setenv("SWINIR_MIRROR", "http://127.0.0.1:9")
    assert words in failure(UNKNOWN)
    monkeypatch.setenv("SWINIR_OFFLINE", "1")
    assert words in failure(UNKNOWN)
    assert path.read_bytes() == site.data
    record.write_text("{}", encoding="utf-8")
    assert fetch(UNKNOWN) == path


def test_a_file_put_in_the_cache_by_hand_is_recorded_too(
    site: Site, pretrained: Path, genuine: bytes
) -> None:
    path = pretrained / "official" / FILE
    path.parent.mkdir()
    path.write_bytes(genuine)
    assert fetch(UNKNOWN) == path
    assert FILE in (path.parent / "recorded.json").read_text(encoding="utf-8")
    assert site.asked == []


def test_a_wrong_file_put_in_the_cache_is_not_recorded_but_replaced(
    site: Site, pretrained: Path, genuine: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pretrained / "official" / FILE
    path.parent.mkdir()
    path.write_bytes(genuine[: len(genuine) // 2])
    monkeypatch.setenv("SWINIR_OFFLINE", "1")
    line = failure(UNKNOWN)
    assert f"{path}: cut short or damaged" in line
    assert "SWINIR_OFFLINE forbids the network" in line
    assert visible(path.parent) == [FILE]
    monkeypatch.delenv("SWINIR_OFFLINE")
    site.data = genuine
    assert fetch(UNKNOWN).read_bytes() == genuine


def test_a_good_file_in_a_cache_that_cannot_be_written_is_used(
    site: Site, pretrained: Path, genuine: bytes
) -> None:
    path = pretrained / "official" / FILE
    # A folder where the lock of the record would be refuses like a disk that only reads.
    (path.parent / ".recorded.json.lock").mkdir(parents=True)
    path.write_bytes(genuine)
    assert fetch(UNKNOWN) == path
    assert visible(path.parent) == [FILE]
    path.unlink()
    site.data = genuine
    assert "set SWINIR_CACHE to a folder with room that you may write to" in failure(UNKNOWN)
    assert visible(path.parent) == []


def test_a_file_that_is_no_weights_does_not_lock_out_the_right_one(
    site: Site, pretrained: Path, genuine: bytes
) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("readme.txt", "weights moved")
    site.data = content.getvalue()
    line = failure(UNKNOWN)
    assert line.startswith(f"{site.url}/{FILE}: a zip archive, not a weights file")
    assert "nothing was kept" in line
    assert visible(pretrained / "official") == []
    site.data = genuine
    assert load_file(fetch(UNKNOWN))[0].config.scale == 4


def test_half_a_file_from_a_server_that_tells_no_length_is_not_kept(
    site: Site, pretrained: Path, genuine: bytes
) -> None:
    site.lengths = False
    site.data = genuine[: len(genuine) // 2]
    assert failure(UNKNOWN).startswith(f"{site.url}/{FILE}: cut short or damaged")
    assert visible(pretrained / "official") == []
    site.data = genuine
    assert fetch(UNKNOWN).read_bytes() == genuine


def test_another_network_under_a_published_name_is_refused(
    site: Site, pretrained: Path, genuine: bytes
) -> None:
    checkpoint = TASKS["jpeg_10"].from_source("official")[0]
    assert checkpoint.sha256 is None
    site.file, site.data = checkpoint.file, genuine
    assert "a network of another shape than the published file" in failure(checkpoint)
    assert visible(pretrained / "official") == []


def test_files_recorded_at_once_are_all_recorded(
    site: Site, pretrained: Path, genuine: bytes
) -> None:
    folder = pretrained / "official"
    folder.mkdir()
    files = [f"net{number}.pth" for number in range(6)]
    for file in files:
        (folder / file).write_bytes(genuine)
    threads = [
        threading.Thread(target=fetch, args=(Checkpoint(file, "official"),)) for file in files
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(json.loads((folder / "recorded.json").read_text(encoding="utf-8"))) == files
    assert site.asked == []


@pytest.mark.parametrize(
    "mirror",
    ["file:///srv/weights", "ftp://host/x", "host/files", "/srv", "http://", "http://[::1"],
)
def test_a_mirror_that_is_no_address_on_the_web_is_refused_at_once(
    site: Site, pretrained: Path, monkeypatch: pytest.MonkeyPatch, mirror: str
) -> None:
    monkeypatch.setenv("SWINIR_MIRROR", mirror)
    monkeypatch.setattr(fetching, "sleep", lambda _: pytest.fail("it was tried again"))
    line = failure(known())
    assert line.startswith(f"SWINIR_MIRROR is an address with http:// or https://, got {mirror!r}")
    assert list((pretrained / "official").glob("*.part")) == []


def test_a_server_that_points_off_the_web_is_asked_once(site: Site) -> None:
    site.moved = "file:///etc/hosts"
    assert "InvalidSchema" in failure(known())
    assert site.asked == [None]


def test_a_record_that_cannot_be_read_is_explained(site: Site, pretrained: Path) -> None:
    (pretrained / "official" / "recorded.json").mkdir(parents=True)
    assert "recorded.json: cannot be read" in failure(UNKNOWN)


def test_a_web_page_is_not_recorded_as_weights(site: Site, pretrained: Path) -> None:
    site.data = b"<html>please log in</html>"
    line = failure(UNKNOWN)
    assert line.startswith(f"{site.url}/{FILE}: this is a web page")
    assert visible(pretrained / "official") == []


def test_a_damaged_record_is_explained(site: Site, pretrained: Path) -> None:
    folder = pretrained / "official"
    folder.mkdir()
    (folder / "recorded.json").write_text("[1]", encoding="utf-8")
    assert "not a list of sizes and hashes" in failure(UNKNOWN)
    assert site.asked == []


def test_a_cache_that_cannot_be_written_is_one_line(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("SWINIR_CACHE", str(tmp_path / "file" / "cache"))
    assert "set SWINIR_CACHE" in failure(known())
    assert site.asked == []


@pytest.mark.parametrize("published", [True, False], ids=["known hash", "unknown hash"])
def test_downloads_of_one_file_at_once_do_not_disturb_each_other(
    site: Site, genuine: bytes, *, published: bool
) -> None:
    checkpoint = known(genuine) if published else UNKNOWN
    site.data, site.cuts = genuine, [20_000]
    read: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: read.append(fetch(checkpoint).read_bytes()))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read == [genuine] * 4
    assert site.asked == [None, "bytes=20000-"]
