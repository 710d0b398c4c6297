"""Uploads that are no pictures, or would burst the server; each is one line, and it lives on."""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client, handle_file
from PIL import Image

from swinir.web import archives
from tests.web.conftest import Save, Site


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG of this size, by its header."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        sum_ = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + sum_

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def large() -> bytes:
    """A hundred megapixels in a few kilobytes."""
    file = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(file, "PNG")
    return file.getvalue()


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty.png": (lambda: b"", "the file is empty"),
    "text.png": (lambda: b"only words, whatever the name", "an image is PNG, JPEG"),
    "drawing.svg": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an image is PNG, JPEG"),
    "named.png": (lambda: b"<svg onload='alert(1)'/>", "an image is PNG, JPEG"),
    "large.png": (large, "at most 1 megapixels here, got 10000x10000"),
    "bomb.png": (lambda: png(100_000, 100_000, bytes(1 << 20)), "at most 1 megapixels"),
    "torn.png": (lambda: png(64, 64), "damaged or incomplete"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_upload_is_refused_in_a_line_and_the_server_lives(
    client: Client, served: Site, tmp_path: Path, save: Save, name: str
) -> None:
    content, said = BAD[name]
    (tmp_path / name).write_bytes(content())
    with pytest.raises(Exception, match=said) as refusal:
        client.predict(handle_file(str(tmp_path / name)), task="sr_x4", api_name="/restore")
    assert len(str(refusal.value).splitlines()) == 1
    assert str(served.folder) not in str(refusal.value), "where files lie is nobody's business"
    _, report = client.predict(
        handle_file(str(save("good.png"))), task="sr_x4", api_name="/restore"
    )
    assert report["width"] == 128


def answered(served: Site, picture: dict[str, Any]) -> str:
    """What a program is told that sends ``picture`` to be restored."""
    sent = {"data": [picture, "sr_x4", "", 1.0, False, "auto"]}
    called = httpx.post(f"{served.url}gradio_api/call/restore", json=sent)
    event = called.json()["event_id"]
    return httpx.get(f"{served.url}gradio_api/call/restore/{event}", timeout=60).text


def test_a_file_that_was_not_uploaded_is_out_of_reach(served: Site) -> None:
    for path in ("/etc/passwd", "/etc/../etc/passwd", str(Path(__file__)), "app.py"):
        assert httpx.get(f"{served.url}gradio_api/file={path}").status_code == 403
        answer = answered(served, {"path": path, "meta": {"_type": "gradio.FileData"}})
        assert "event: error" in answer
        assert "receive enough input" not in answer


def test_the_server_fetches_no_address_for_a_visitor(served: Site) -> None:
    address = {"path": "http://192.0.2.1/a.png", "meta": {"_type": "gradio.FileData"}}
    assert "A picture is uploaded, not an address" in answered(served, address)


def test_visitors_files_are_for_this_user_alone(served: Site) -> None:
    assert stat.S_IMODE(served.folder.stat().st_mode) == 0o700


def test_health_needs_no_page(served: Site) -> None:
    answer = httpx.get(f"{served.url}health")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert answer.json()["devices"] == ["cpu"]


# Zips


def packed(path: Path, entries: dict[str, bytes]) -> Path:
    """A zip with these entries."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def test_a_path_that_leads_out_of_a_zip_is_named_and_left(
    client: Client, save: Save, tmp_path: Path, served: Site
) -> None:
    good = save("a.png").read_bytes()
    bad = ["../../out.png", "/out.png", "..\\out.png", "C:\\out.png"]
    path = packed(tmp_path / "in.zip", dict.fromkeys(bad, good) | {"sub/a.png": good})
    made, report = client.predict([handle_file(str(path))], task="sr_x4", api_name="/batch")
    assert (report["restored"], report["total"]) == (1, 5)
    assert [each["file"] for each in report["files"]][:2] == bad[:2]
    assert sum("leads out of the zip" in each["result"] for each in report["files"]) == 4
    with zipfile.ZipFile(made) as archive:
        assert archive.namelist() == ["sub/a.png"]
    assert not list(served.folder.parent.glob("out.png"))


def test_a_zip_bomb_is_refused_before_it_is_unpacked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(archives, "MOST_BYTES", 1 << 20)
    path = packed(tmp_path / "bomb.zip", {"a.png": bytes(1 << 20), "b.png": bytes(1 << 20)})
    (tmp_path / "out").mkdir()
    with pytest.raises(ValueError, match=r"unpacks to at most .* GiB, got .*; split it"):
        archives.unpack([path], tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_a_zip_that_understates_its_sizes_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "lies.zip", {"a.png": bytes(1 << 16)})
    data = path.read_bytes().replace(struct.pack("<I", 1 << 16), struct.pack("<I", 16))
    path.write_bytes(data)
    (tmp_path / "out").mkdir()
    with pytest.raises(ValueError, match=r"lies\.zip: the zip is damaged"):
        archives.unpack([path], tmp_path / "out")


def test_a_zip_of_too_many_files_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(archives, "MOST_FILES", 2)
    path = packed(tmp_path / "many.zip", dict.fromkeys("abc", b""))
    with pytest.raises(ValueError, match=r"many\.zip: a batch has at most 2 files, got 3"):
        archives.unpack([path], tmp_path)
    loose = [tmp_path / name for name in "abc"]
    for each in loose:
        each.touch()
    with pytest.raises(ValueError, match="a batch has at most 2 files, got 3"):
        archives.unpack(loose, tmp_path)


def test_a_damaged_zip_is_refused_and_a_link_in_one_is_named(tmp_path: Path) -> None:
    whole = packed(tmp_path / "torn.zip", {"a.png": bytes(range(256)) * 99})
    data = bytearray(whole.read_bytes())
    data[40] ^= 255
    whole.write_bytes(data)
    (tmp_path / "out").mkdir()
    with pytest.raises(ValueError, match=r"torn\.zip: the zip is damaged"):
        archives.unpack([whole], tmp_path / "out")
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        entry = zipfile.ZipInfo("link.png")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    (item,) = archives.unpack([tmp_path / "link.zip"], tmp_path / "out")
    assert item.problem == "it is a link, where a picture is needed"
    assert not item.path.exists()


def test_hidden_files_of_a_zip_are_left_out(tmp_path: Path) -> None:
    names = ("__MACOSX/._a.png", ".DS_Store", "b/.hidden/c.png", "b/c.png")
    path = packed(tmp_path / "in.zip", dict.fromkeys(names, b"x"))
    (tmp_path / "out").mkdir()
    assert [item.name for item in archives.unpack([path], tmp_path / "out")] == ["b/c.png"]


def test_an_empty_batch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one picture, got none"):
        archives.unpack([packed(tmp_path / "empty.zip", {})], tmp_path)
