"""From a file to what it holds, running nothing that the file brings along."""

import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import safe_open

from swinir.checkpoints.errors import CheckpointError
from swinir.checkpoints.sniffing import Container, container
from swinir.lines import printable

_FOREIGN = re.compile(r"GLOBAL (\S+)")


@dataclass(frozen=True, slots=True)
class Contents:
    """What a weights file holds, unwrapped by nobody yet.

    Attributes:
        stored: what was saved, a mapping in every file of weights.
        metadata: texts in the header of a safetensors file, or beside the weights in another.
        container: how the file is stored.
    """

    stored: object
    container: Container
    metadata: Mapping[str, str] = field(default_factory=dict)


def read(path: Path) -> Contents:
    """Read a weights file of any container onto the CPU.

    Raises:
        CheckpointError: it is no weights file, is damaged, or would run code when read.
    """
    kind = container(path)
    if kind is Container.SAFETENSORS:
        return _read_safetensors(path)
    stored = _read_torch(path, mapped=kind is Container.ZIP)
    items = stored.items() if isinstance(stored, Mapping) else ()
    return Contents(stored, kind, {str(key): text for key, text in items if isinstance(text, str)})


def _read_safetensors(path: Path) -> Contents:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return Contents(tensors, Container.SAFETENSORS, file.metadata() or {})
    except MemoryError:
        raise
    except Exception as error:
        # A hostile header may fail in its reader or in torch, with any exception.
        raise CheckpointError(
            f"{path}: cut short or damaged ({_first_line(error)}); fetch it again"
        ) from error


def _read_torch(path: Path, *, mapped: bool) -> object:
    try:
        if mapped:
            _check_archive(path)
        with warnings.catch_warnings():
            # torch warns of pickle protocols that it may not know; where it fails, we say so.
            warnings.simplefilter("ignore")
            return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except UnpicklingError as error:
        raise CheckpointError(_refusal(path, str(error))) from None
    except (CheckpointError, MemoryError):
        raise
    except Exception as error:
        # A damaged file may fail anywhere in torch's reader, with any exception.
        raise CheckpointError(
            f"{path}: cut short or damaged ({_first_line(error)}); fetch it again"
        ) from error


def _check_archive(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if not any(name.endswith("data.pkl") for name in names):
        inside = next((name for name in names if name.endswith((".pth", ".pt"))), None)
        hint = f"; unpack it and give {inside}" if inside else ""
        raise CheckpointError(f"{path}: a zip archive, not a weights file{hint}")
    if any(name.endswith("constants.pkl") for name in names):
        raise CheckpointError(
            f"{path}: a TorchScript program, not plain weights; give the .pth it was made from"
        )


def _refusal(path: Path, words: str) -> str:
    found = _FOREIGN.search(words)
    if not found:
        return (
            f"{path}: refused, because it is damaged or a pickle of more than plain tensors; "
            "fetch it again, or save the state_dict alone with torch.save"
        )
    return (
        f"{path}: refused, because reading it would call {printable(found.group(1))}; "
        "only files of plain tensors are read: save the state_dict alone"
    )


def _first_line(error: Exception) -> str:
    line = str(error).strip().partition("\n")[0].partition(". ")[0]
    return printable(line[:100]) or type(error).__name__
