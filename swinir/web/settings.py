"""What ``app.py`` takes."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

Accounts = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the page is served.

    Attributes:
        host: address to listen at; the loopback is reached from this machine alone.
        port: 0 for any that is free.
        share: let gradio's servers make the page public.
        accounts: pairs of user and password; without any everybody may come.
        max_megapixels: of an uploaded picture.
        max_queue: jobs that may wait; further ones are refused.
        devices: each does one job at a time.
        warm_megabytes: memory that loaded networks may take.
        root_path: path below which a proxy serves the page.
        replicas: processes of Ray Serve that restore, a job each; 0 to restore in this one.
        keep_minutes: after which a visitor's files are removed.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    share: bool = False
    accounts: Accounts = ()
    max_megapixels: float = 16.0
    max_queue: int = 32
    devices: tuple[str, ...] = ("auto",)
    warm_megabytes: int = 1024
    root_path: str = ""
    replicas: int = 0
    keep_minutes: float = 60.0

    @property
    def max_pixels(self) -> int:
        """Pixels of an uploaded picture."""
        return round(self.max_megapixels * 1e6)

    @property
    def max_bytes(self) -> int:
        """Bytes of an uploaded file: room for 16 bits RGBA of the largest picture, or for a zip."""
        return max(512 << 20, 10 * self.max_pixels)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see --help\n")


def _parser() -> _Parser:
    usual = Settings()
    arguments = _Parser(
        prog="app.py", allow_abbrev=False, description="Serve the page that restores pictures."
    )
    add = arguments.add_argument
    add("--host", default=usual.host, help="address to listen at (default this machine alone)")
    add("--port", type=_port, default=usual.port, help=f"0 for any (default {usual.port})")
    add(
        "--share", choices=("off", "on"), default="off", help="a public address by gradio's servers"
    )
    add("--auth", type=Path, metavar="FILE", help="who may come: a line user:password for each")
    add("--max-megapixels", type=_positive, default=usual.max_megapixels, help="of a picture (16)")
    add("--max-queue", type=_whole, default=usual.max_queue, help="jobs that may wait (32)")
    add("--device", nargs="+", default=list(usual.devices), help="auto, cpu, cuda, cuda:1 ..., mps")
    add(
        "--warm-megabytes",
        type=_whole,
        default=usual.warm_megabytes,
        help="memory that loaded networks may take (1024)",
    )
    add("--root-path", default="", help="path below which a proxy serves the page, as /swinir")
    add("--replicas", type=_whole, default=0, help="restore in so many processes of Ray Serve")
    return arguments


def parse(words: Sequence[str] | None) -> Settings:
    """Parse; exits with 2 and one line on a mistake.

    Raises:
        ValueError: a file of accounts that cannot be understood.
        OSError: one that cannot be read.
    """
    parser = _parser()
    options = parser.parse_args(words)
    if options.replicas and (options.share == "on" or len(options.device) > 1):
        parser.error("--replicas goes with one --device, which each has to itself, and no --share")
    return Settings(
        host=options.host,
        port=options.port,
        share=options.share == "on",
        accounts=read_accounts(options.auth) if options.auth else (),
        max_megapixels=options.max_megapixels,
        max_queue=options.max_queue,
        devices=tuple(options.device),
        warm_megabytes=options.warm_megabytes,
        root_path=options.root_path,
        replicas=options.replicas,
    )


def read_accounts(path: Path) -> Accounts:
    """Pairs of user and password, one ``user:password`` a line; empty lines and # are left out.

    Raises:
        ValueError: a line without a user or a password, or no line at all.
        OSError: the file cannot be read.
    """
    accounts: list[tuple[str, str]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        user, colon, password = line.strip().partition(":")
        if not user or user.startswith("#"):
            continue
        if not colon or not password:
            raise ValueError(f"{path}: line {number} is user:password, got no password")
        accounts.append((user, password))
    if not accounts:
        raise ValueError(f"{path}: at least one line user:password is needed, got none")
    return tuple(accounts)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"a number from 0 to 65535, got {text!r}")
    return int(text)


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number, at least 1, got {text!r}")
    return int(text)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"a number above 0, got {text!r}")
    return value
