"""Sizes and SHA-256: what a file must be, and lists of what files were."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import TypeAdapter

from swinir.checkpoints.errors import CheckpointError
from swinir.writing import replacing

MANIFEST = "manifest.json"
"""The list of our own weights, beside them."""

RECORD = "recorded.json"
"""The list of downloads without a published hash, as they were at first use, beside them."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Size and hash of a file; None where unknown."""

    bytes: int | None = None
    sha256: str | None = None

    @classmethod
    def of(cls, path: Path) -> Self:
        """Those of the file at ``path``."""
        return cls(path.stat().st_size, sha256(path))

    def differs(self, path: Path) -> str | None:
        """How ``path`` differs, in a few words; None where it does not."""
        size = path.stat().st_size
        if self.bytes is not None and size != self.bytes:
            return f"has {size} bytes instead of {self.bytes}"
        if self.sha256 is None:
            return None
        got = sha256(path)
        return None if got == self.sha256 else f"has SHA-256 {got} instead of {self.sha256}"


def sha256(path: Path) -> str:
    """SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def listed(listing: Path, file: str) -> Fingerprint | None:
    """What ``listing`` says about ``file``; None where it says nothing.

    Raises:
        CheckpointError: the list is not what this program writes.
    """
    return _read(listing).get(file)


def enlist(listing: Path, file: str, found: Fingerprint) -> None:
    """Write to ``listing`` what ``file`` is, keeping the other entries.

    Raises:
        CheckpointError: the list is not what this program writes.
    """
    entries = _read(listing)
    entries[file] = found
    with replacing(listing) as temporary:
        temporary.write_bytes(_LISTING.dump_json(dict(sorted(entries.items())), indent=2) + b"\n")


_LISTING = TypeAdapter(dict[str, Fingerprint])


def _read(listing: Path) -> dict[str, Fingerprint]:
    try:
        return _LISTING.validate_json(listing.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise CheckpointError(f"{listing}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise CheckpointError(
            f"{listing}: not a list of sizes and hashes; "
            "restore it, or delete it where it is a cache"
        ) from error
