"""What a file is by its first bytes, whatever its name says."""

import stat
import zipfile
from enum import Enum
from pathlib import Path

from swinir.checkpoints.errors import CheckpointError


class Container(Enum):
    """How weights are stored."""

    ZIP = "torch zip"
    PICKLE = "torch legacy"
    SAFETENSORS = "safetensors"


_AGAIN = "fetch it again"
_IMPOSTORS = (
    (b"<!doctype", f"a web page, so the download failed; {_AGAIN}"),
    (b"<html", f"a web page, so the download failed; {_AGAIN}"),
    (b"<?xml", f"a server's error message, so the download failed; {_AGAIN}"),
    (b"{", f"text in JSON, perhaps a server's error message; {_AGAIN}"),
    (
        b"version https://git-lfs",
        "a Git LFS pointer, not the weights; run git lfs pull, or fetch the file itself",
    ),
    (b"\x89png", "a picture; give weights here and pictures to --folder"),
    (b"\xff\xd8\xff", "a picture; give weights here and pictures to --folder"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip archive; unpack it first"),
    (b"rar!", "a RAR archive; unpack it first"),
)
_HEAD = 512
_LONGEST_HEADER = 100_000_000


def container(path: Path) -> Container:
    """How the weights in ``path`` are stored.

    Raises:
        CheckpointError: it is no weights file; the line says what it is instead.
    """
    head = _head(path)
    if head.startswith(b"PK\x03\x04"):
        # The directory of a zip is at its end, so this also finds a transfer that broke off.
        if not zipfile.is_zipfile(path):
            raise CheckpointError(f"{path}: cut short or damaged; {_AGAIN}")
        return Container.ZIP
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < _LONGEST_HEADER:
        return Container.SAFETENSORS
    if head.startswith(b"\x80"):
        return Container.PICKLE
    raise CheckpointError(f"{path}: {_impostor(head)}")


def _head(path: Path) -> bytes:
    try:
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            raise CheckpointError(f"{path}: a folder; name one weights file in it")
        if not stat.S_ISREG(kind):
            # Opening a pipe would wait for somebody to write to it.
            raise CheckpointError(f"{path}: a pipe or a device; name a file that lies on the disk")
        with path.open("rb") as file:
            return file.read(_HEAD)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file") from None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror or error}") from None


def _impostor(head: bytes) -> str:
    if not head:
        return f"an empty file; {_AGAIN}"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for start, words in _IMPOSTORS:
        if text.startswith(start):
            return f"this is {words}"
    return "not a weights file (.pth, .pt, .bin, .ckpt or .safetensors), or a damaged one"
