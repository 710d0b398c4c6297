"""Published weights: found in the cache or downloaded, verified either way."""

import os
from contextlib import ExitStack, suppress
from pathlib import Path
from time import sleep
from typing import Any, BinaryIO

from filelock import FileLock
from pooch import HTTPDownloader
from requests import HTTPError, RequestException, Response
from tqdm import tqdm

from swinir.checkpoints import places
from swinir.checkpoints.description import alike, examine
from swinir.checkpoints.errors import CheckpointError
from swinir.checkpoints.integrity import RECORD, Fingerprint, enlist, listed
from swinir.tasks import NETWORKS, Checkpoint
from swinir.writing import settle

WAITS = (0.5, 2.0, 5.0)
"""Seconds to wait before each further attempt."""

TIMEOUT = (15.0, 60.0)
"""Seconds to wait for a connection, and for the next bytes."""

CHUNK = 1 << 18
"""Bytes written at a time, and lost at most where a transfer breaks."""

_REFUSED = range(400, 500)
_WORTH_ANOTHER = frozenset((408, 416, 425, 429))


def fetch(checkpoint: Checkpoint) -> Path:
    """The verified file of a published checkpoint, downloaded where the cache lacks it.

    A transfer that breaks is resumed, now or at the next call. A file whose hash nobody published
    has to be a network of the published shape; then it is recorded at first use and must be the
    same from then on.

    Raises:
        CheckpointError: it cannot be had; the line says what to fetch and where to put it.
    """
    path = places.cache() / checkpoint.file
    expected = _expected(checkpoint)
    problem = _problem(path, checkpoint, expected, str(path)) if path.is_file() else None
    if path.is_file() and not problem:
        if expected.sha256 is None:
            # A cache that others have filled may forbid writing, and is good all the same.
            with suppress(OSError):
                _record(path, checkpoint)
        return path
    if places.offline():
        state = problem or "it is not in the cache"
        raise _out_of_reach(path, f"{state}, and SWINIR_OFFLINE forbids the network")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{path.name}.lock")):
            return _fetch_alone(path, checkpoint)
    except RequestException as error:
        reason = _reason(error)
        raise _out_of_reach(path, f"{problem}; {reason}" if problem else reason) from error
    except OSError as error:
        raise CheckpointError(
            f"cannot write {path}: {error.strerror or error}; "
            "set SWINIR_CACHE to a folder with room that you may write to"
        ) from error


def _expected(checkpoint: Checkpoint) -> Fingerprint:
    if checkpoint.sha256 is not None:
        return Fingerprint(checkpoint.bytes, checkpoint.sha256)
    recorded = listed(places.cache() / RECORD, checkpoint.file)
    return recorded or Fingerprint(checkpoint.bytes)


def _problem(path: Path, checkpoint: Checkpoint, expected: Fingerprint, name: str) -> str | None:
    """Why the file at ``path`` is not the published one, calling it ``name``; None where it is."""
    differs = expected.differs(path)
    if differs and checkpoint.sha256 is None:
        return (
            f"{name} {differs}, as {places.cache() / RECORD} says of the first one used: "
            "if this one is right, delete its entry there and try again"
        )
    if differs:
        return f"{name} {differs}: not the published file"
    return _unlike_published(path, checkpoint, name) if expected.sha256 is None else None


def _unlike_published(path: Path, checkpoint: Checkpoint, name: str) -> str | None:
    try:
        config = examine(path)[1].config
    except CheckpointError as error:
        return str(error).replace(str(path), name)
    network = NETWORKS.get(checkpoint.file)
    if network and not alike(network, config, told=None):
        return f"{name}: a network of another shape than the published file"
    return None


def _fetch_alone(path: Path, checkpoint: Checkpoint) -> Path:
    expected = _expected(checkpoint)
    if path.is_file() and expected.sha256 is not None and expected.differs(path) is None:
        return path
    part = path.with_name(f".{path.name}.part")
    resumed = part.is_file()
    complete = resumed and expected.sha256 is not None and expected.differs(part) is None
    if not complete:
        _download(part, path.name)
    url = places.address(path.name)
    problem = _problem(part, checkpoint, expected, url)
    if problem and resumed:
        part.unlink()
        _download(part, path.name)
        problem = _problem(part, checkpoint, expected, url)
    if problem:
        part.unlink()
        raise CheckpointError(f"{problem}; nothing was kept; a right file can be put at {path}")
    if expected.sha256 is None:
        # Before the file has its name, so that nobody finds it there without a record.
        _record(part, checkpoint)
    settle(part, path)
    return path


def _record(path: Path, checkpoint: Checkpoint) -> None:
    record = places.cache() / RECORD
    with FileLock(record.with_name(f".{RECORD}.lock")):
        enlist(record, checkpoint.file, Fingerprint.of(path))


def _download(part: Path, file: str) -> None:
    url = places.address(file)
    for wait in (*WAITS, None):
        try:
            with part.open("ab") as target:
                _transfer(url, target, file)
            return
        except RequestException as error:
            status = _status(error)
            if status == 416:
                part.unlink()
            if wait is None or _is_final(error):
                if part.is_file() and not part.stat().st_size:
                    part.unlink()
                raise
            sleep(wait)


def _transfer(url: str, target: BinaryIO, title: str) -> None:
    start = target.seek(0, os.SEEK_END)

    def answered(response: Response, *_: object, **__: object) -> None:
        # A transfer that breaks off would leave the connection open.
        answers.callback(response.close)
        if response.status_code == 200:
            target.seek(0)
            target.truncate()

    headers = {"Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    # pooch takes any bar, though its annotation says otherwise, and one with a total of its own
    # until it knows the right one.
    bar: Any
    with (
        ExitStack() as answers,
        tqdm(desc=title, total=1, unit="B", unit_scale=True, disable=None) as bar,
    ):
        download = HTTPDownloader(
            progressbar=bar,
            chunk_size=CHUNK,
            timeout=TIMEOUT,
            headers=headers,
            hooks={"response": answered},
        )
        download(url=url, output_file=target, pooch=None)


def _is_final(error: RequestException) -> bool:
    """Whether another attempt would fail alike: a wrong address, or a server that says no."""
    status = _status(error)
    return isinstance(error, ValueError) or (status in _REFUSED and status not in _WORTH_ANOTHER)


def _status(error: RequestException) -> int | None:
    return None if error.response is None else error.response.status_code


def _reason(error: RequestException) -> str:
    if isinstance(error, HTTPError):
        return f"the server answers {_status(error)}"
    return f"the server cannot be reached or broke off ({type(error).__name__})"


def _out_of_reach(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(
        f"cannot download {path.name}: {reason}; "
        f"fetch {places.address(path.name)} yourself and put it at {path}"
    )
