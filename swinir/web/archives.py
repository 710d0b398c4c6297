"""Uploads of many pictures: files and zips, unpacked with distrust."""

import lzma
import stat
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from swinir.lines import printable
from swinir.restoration.jobs import Job, result_names

MOST_FILES = 1000
"""Pictures in one batch."""

MOST_BYTES = 2 << 30
"""Bytes that the zips of one batch may unpack to."""

CHUNK = 1 << 20

DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,
)
"""What is raised on a zip that is torn, or packed by a method that Python does not know."""


@dataclass(frozen=True, slots=True)
class Item:
    """A file of a batch: its name for people, where it lies, and why it is not to be restored."""

    name: str
    path: Path
    problem: str = ""


def unpack(uploads: Sequence[Path], folder: Path) -> list[Item]:
    """The files of a batch, those within zips written to ``folder`` under names of our own.

    Entries whose path leads out of the zip, links and encrypted ones are not unpacked, and say why.
    Folders and hidden files are left out.

    Raises:
        ValueError: nothing to restore, too many files, or a zip that is damaged or unpacks to more
            than it may.
    """
    items: list[Item] = []
    left = MOST_BYTES
    for upload in uploads:
        if not zipfile.is_zipfile(upload):
            items.append(Item(upload.name, upload))
            continue
        try:
            with zipfile.ZipFile(upload) as archive:
                entries = _entries(archive, upload.name, MOST_FILES - len(items), left)
                for entry in entries:
                    items.append(_take(archive, entry, folder / f"{len(items):05d}"))
                    left -= entry.file_size
        except DAMAGED as error:
            raise ValueError(
                f"{printable(upload.name)}: the zip is damaged ({error}); pack it again"
            ) from None
    if not items:
        raise ValueError("a batch has at least one picture, got none; drop files or a zip")
    if len(items) > MOST_FILES:
        raise ValueError(f"a batch has at most {MOST_FILES} files, got {len(items)}; split it")
    return items


def _entries(
    archive: zipfile.ZipFile, name: str, most: int, most_bytes: int
) -> list[zipfile.ZipInfo]:
    """Entries that are files, once it is sure that they are few and small enough."""
    entries = [each for each in archive.infolist() if not each.is_dir() and not _hidden(each)]
    if len(entries) > most:
        raise ValueError(
            f"{printable(name)}: a batch has at most {MOST_FILES} files, got {len(entries)} in "
            "the zip; split it"
        )
    size = sum(entry.file_size for entry in entries)
    if size > most_bytes:
        raise ValueError(
            f"{printable(name)}: a batch unpacks to at most {MOST_BYTES / 2**30:.3g} GiB, got "
            f"{size / 2**30:.3g} GiB; split it"
        )
    return entries


def _hidden(entry: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
    return any(part.startswith((".", "__MACOSX")) and part != ".." for part in parts)


def _take(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> Item:
    name = entry.filename
    problem = _distrust(entry)
    if problem:
        return Item(name, target, problem)
    path = target.with_suffix(PurePosixPath(name).suffix[:8])
    with archive.open(entry) as packed, path.open("xb") as file:
        _copy(packed, file, entry.file_size)
    return Item(name, path)


def _distrust(entry: zipfile.ZipInfo) -> str:
    path = PurePosixPath(entry.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        return "its path leads out of the zip; pack it again without"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "it is a link, where a picture is needed"
    if entry.flag_bits & 1:
        return "it is encrypted; pack it without a password"
    return ""


def _copy(packed: IO[bytes], file: IO[bytes], size: int) -> None:
    # What the zip says of sizes was summed up; here it is held to that.
    while chunk := packed.read(CHUNK):
        size -= len(chunk)
        if size < 0:
            raise zipfile.BadZipFile("an entry is larger than it says")
        file.write(chunk)


def plan(items: Sequence[Item], folder: Path) -> dict[Path, tuple[str, Job]]:
    """Jobs by their source, with the name of the file and a target in ``folder``.

    Results are PNG and keep the folders of a zip; no two have one name.
    """
    names = result_names([_relative(item) for item in items], ".png")
    return {
        item.path: (item.name, Job(item.path, folder / name, item.problem))
        for item, name in zip(items, names, strict=True)
    }


def _relative(item: Item) -> Path:
    if item.problem:
        return Path("none.png")
    path = PurePosixPath(item.name.replace("\\", "/"))
    return Path(*path.parts) if path.name else Path("none.png")
