"""Folders and addresses of weights, each settable by an environment variable."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from swinir.checkpoints.errors import CheckpointError
from swinir.tasks import ADDRESSES, RELEASE


def shipped() -> Path:
    """The folder of our own weights: ``SWINIR_PRETRAINED``, else ``pretrained/`` beside us."""
    return _chosen("SWINIR_PRETRAINED") or Path(__file__).parents[2] / "pretrained"


def cache() -> Path:
    """The folder of downloaded weights: ``SWINIR_CACHE``, else ``official/`` in `shipped`."""
    return _chosen("SWINIR_CACHE") or shipped() / "official"


def address(file: str) -> str:
    """Where to download a published file: ``SWINIR_MIRROR`` replaces what precedes its name.

    Raises:
        CheckpointError: the mirror is no address on the web.
    """
    mirror = os.environ.get("SWINIR_MIRROR", "")
    if mirror and not _on_the_web(mirror):
        raise CheckpointError(
            f"SWINIR_MIRROR is an address with http:// or https://, got {mirror!r}; "
            "for files on this machine set SWINIR_CACHE to their folder"
        )
    if mirror:
        return f"{mirror.rstrip('/')}/{file}"
    return ADDRESSES.get(file, f"{RELEASE}/{file}")


def offline() -> bool:
    """Whether ``SWINIR_OFFLINE`` forbids the network."""
    return os.environ.get("SWINIR_OFFLINE", "").lower() not in ("", "0", "false", "no")


def at_home(path: str) -> Path:
    """``path`` with a leading ``~`` or ``~user`` replaced by that home folder.

    Raises:
        CheckpointError: nobody's home folder is known by that name.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        user = Path(path).parts[0]
        raise CheckpointError(
            f"{path}: {user} is nobody's home folder here; write the whole path, "
            f"or ./{user} for a folder of that name"
        ) from None


def _chosen(variable: str) -> Path | None:
    chosen = os.environ.get(variable)
    try:
        return at_home(chosen) if chosen else None
    except CheckpointError as error:
        raise CheckpointError(f"{variable}={error}") from None


def _on_the_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
