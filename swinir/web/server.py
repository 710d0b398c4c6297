"""``python app.py``: the page on a port of this machine."""

import signal
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from fastapi.routing import APIRoute

from swinir.lines import is_expected, one_line, trace
from swinir.web.engines import Engines
from swinir.web.hosting import HEALTH, health, hosted, options
from swinir.web.settings import Settings, parse


@dataclass(frozen=True, slots=True)
class Running:
    """A page that is served by this process.

    Attributes:
        url: where it is; where it is for others, if it is shared.
        folder: where visitors' files are.
    """

    url: str
    folder: Path


@contextmanager
def serving(settings: Settings) -> Generator[Running]:
    """Serve the page until the block ends; nothing of its visitors stays.

    Raises:
        ValueError: a device that is not there.
        OSError: a port that is taken.
    """
    engines = Engines(settings.devices, settings.warm_megabytes << 20)
    with hosted(settings, engines) as it:
        routes = [APIRoute(HEALTH, lambda: health(engines), methods=["GET", "HEAD"])]
        _, url, public = it.page.launch(
            server_name=settings.host,
            server_port=settings.port or None,
            share=settings.share,
            prevent_thread_lock=True,
            quiet=True,
            app_kwargs={"routes": routes, "docs_url": None, "redoc_url": None},
            **options(settings),
        )
        yield Running(public or url, it.folder)


@contextmanager
def _anywhere(settings: Settings) -> Generator[str]:
    """Serve the page as the settings say; yields its address."""
    if settings.replicas:
        with _replicas(settings) as url:
            yield url
    else:
        with serving(settings) as running:
            yield running.url


def _replicas(settings: Settings) -> AbstractContextManager[str]:
    try:
        from swinir.web.replicas import serving_replicas
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise ValueError("--replicas needs Ray: pip install -r requirements-ray.txt") from error
    return serving_replicas(settings)


def main(words: Sequence[str] | None = None) -> int:
    """Serve until interrupted or told to end. Returns the exit code: 0, or 2 for bad arguments."""
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGTERM, end)
    try:
        with _anywhere(parse(words)) as url:
            # Once more, because Ray takes it for itself.
            signal.signal(signal.SIGTERM, end)
            sys.stdout.write(f"SwinIR is at {url} (Ctrl-C ends it)\n")
            sys.stdout.flush()
            ended.wait()
    except KeyboardInterrupt:
        return 0
    except Exception as error:
        trace(error)
        sys.stderr.write(f"app.py: {one_line(error)}\n")
        return 2 if is_expected(error) else 1
    return 0
