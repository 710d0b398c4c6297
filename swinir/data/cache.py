"""Decoded images on disk, mapped into memory: for photographs that do not fit there.

An entry is a NumPy file with one line of JSON behind its array, where NumPy does not look: what the
array was made for, and its hash. It is written whole or not at all, so several processes may make
the same one: the last to end stays, and all have the same content. A damaged header, line or length
is noticed; that pixels changed on the disk is not, because they are not read at a start.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.lib import format as npy
from numpy.typing import NDArray
from torch import Tensor

from swinir.writing import replacing

VERSION = 1
"""Of the entries; raised whenever other arrays are made of the same files."""

LONGEST_NAME = 40
"""Characters of a photograph's name in that of its entry, for people who look into the folder."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An array in a file, of which only what is used is read, and which pickles as its place.

    Attributes:
        path: the NumPy file.
        offset: where its array begins, in bytes.
        shape: of the array.
        dtype: of the array, as NumPy writes it.
        digest: as `digest` of its content.
    """

    path: Path
    offset: int
    shape: tuple[int, ...]
    dtype: str
    digest: str

    def open(self) -> Tensor:
        """The array, mapped; what is written to it stays in this process.

        Raises:
            OSError: the file is gone.
            ValueError: it became shorter.
        """
        # Mapped anew for each use: a system limits open files and maps, not photographs.
        array = np.memmap(self.path, self.dtype, "c", self.offset, self.shape)
        return torch.from_numpy(np.asarray(array))


def digest(array: NDArray[Any]) -> str:
    """A hash of shape and content."""
    content = hashlib.sha256(repr(array.shape).encode())
    content.update(np.ascontiguousarray(array).data)
    return content.hexdigest()


def entry(folder: Path, sources: Sequence[Path], *options: object) -> Path:
    """Where an array belongs that is made from these files with these options; without a suffix."""
    named = repr(([str(path.resolve()) for path in sources], options))
    code = hashlib.sha256(named.encode(errors="surrogateescape")).hexdigest()
    # Folders of folders: to list one, as each writing does, stays quick.
    return folder / code[:2] / f"{sources[0].stem[:LONGEST_NAME]}-{code[2:18]}"


def stamp(sources: Sequence[Path]) -> str:
    """What tells whether files are those of which an array was made: their sizes and times.

    Raises:
        OSError: one is not there.
    """
    facts = [path.stat() for path in sources]
    return json.dumps([VERSION, *([fact.st_size, fact.st_mtime_ns] for fact in facts)])


def keep(
    paths: Sequence[Path],
    wanted: str,
    make: Callable[[], Sequence[NDArray[Any]]],
    complaints: list[str],
) -> list[Stored]:
    """Arrays that lie at ``paths`` and were made for ``wanted``; else they are made and put there.

    An entry that cannot be used is told in ``complaints``.

    Raises:
        OSError: the disk refuses; of what was being written nothing is left.
    """
    found = [_look(path, wanted, complaints) for path in paths]
    if all(found):
        return [each for each in found if each]
    return [_put(path, wanted, array) for path, array in zip(paths, make(), strict=True)]


def _look(path: Path, wanted: str, complaints: list[str]) -> Stored | None:
    """The entry, if it can be used."""
    try:
        with path.open("rb") as file:
            stored, made_for = _read(file, path)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        complaints.append(f"{path}: damaged ({str(error).splitlines()[0]})")
        return None
    if made_for != wanted:
        complaints.append(f"{path}: made from another version of its file")
        return None
    return stored


def _read(file: BinaryIO, path: Path) -> tuple[Stored, str]:
    if npy.read_magic(file) != (1, 0):
        raise ValueError("another format")
    shape, _, dtype = npy.read_array_header_1_0(file)
    offset = file.tell()
    file.seek(offset + int(np.prod(shape, dtype=np.int64)) * dtype.itemsize)
    facts = json.loads(file.read())
    return Stored(path, offset, shape, dtype.str, facts["digest"]), facts["made_for"]


def _put(path: Path, made_for: str, array: NDArray[Any]) -> Stored:
    array = np.ascontiguousarray(array)
    facts = {"digest": digest(array), "made_for": made_for}
    try:
        with replacing(path) as unfinished, unfinished.open("wb") as file:
            npy.write_array_header_1_0(file, npy.header_data_from_array_1_0(array))
            offset = file.tell()
            # Not ndarray.tofile, which hides the reason why the disk refuses.
            file.write(array.data)
            file.write(json.dumps(facts).encode())
    except OSError as error:
        reason = (
            f"the cache of decoded photographs cannot be written ({error.strerror or error}); name "
            "a folder with more room in data.cache, or leave it out"
        )
        raise OSError(error.errno, reason, str(path.parent.parent)) from error
    return Stored(path, offset, array.shape, array.dtype.str, facts["digest"])
