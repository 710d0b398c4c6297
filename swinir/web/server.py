"""``python app.py``: the page on a port of this machine."""

import os
import signal
import sys
import tempfile
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import gradio as gr
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from gradio import themes

from swinir import __version__
from swinir.lines import is_expected, one_line, trace
from swinir.web.actions import Actions
from swinir.web.endpoints import Endpoints
from swinir.web.engines import Engines
from swinir.web.page import CSS, build
from swinir.web.restoring import Bench
from swinir.web.settings import Settings, parse
from swinir.web.sweeping import Sweeper
from swinir.writing import temporary_folder

FOLDER = "swinir-web"
"""Beginning of the name of the folder with visitors' files, in the system's temporary one."""

CACHE = "GRADIO_TEMP_DIR"
"""Environment variable by which gradio learns where uploads and results go."""


@dataclass(frozen=True, slots=True)
class Running:
    """A page that is served.

    Attributes:
        url: where it is.
        public: where it is for others, if it is shared; else empty.
        folder: where visitors' files are.
        engines: devices and networks.
    """

    url: str
    public: str
    folder: Path
    engines: Engines


@contextmanager
def serving(settings: Settings) -> Generator[Running]:
    """Serve the page until the block ends; nothing of its visitors stays.

    Raises:
        ValueError: a device that is not there.
        OSError: a port that is taken.
    """
    engines = Engines(settings.devices, settings.warm_megabytes << 20)
    before = os.environ.get(CACHE)
    with temporary_folder(FOLDER, Path(tempfile.gettempdir())) as folder:
        os.environ[CACHE] = str(folder)
        bench = Bench(engines, folder, settings.max_pixels)
        page = build(Actions(bench), Endpoints(bench), len(engines.devices))
        page.queue(max_size=settings.max_queue)
        sweeper = Sweeper(folder, settings.keep_minutes * 60)
        try:
            url, public = _launch(page, settings, engines)
            sweeper.start()
            yield Running(url, public, folder, engines)
        finally:
            sweeper.stop()
            page.close(verbose=False)
            if before is None:
                os.environ.pop(CACHE, None)
            else:
                os.environ[CACHE] = before


def _launch(page: gr.Blocks, settings: Settings, engines: Engines) -> tuple[str, str]:
    routes = [APIRoute("/health", lambda: _health(engines), methods=["GET", "HEAD"])]
    _, url, public = page.launch(
        server_name=settings.host,
        server_port=settings.port or None,
        share=settings.share,
        auth=list(settings.accounts) or None,
        prevent_thread_lock=True,
        quiet=True,
        show_error=True,
        max_file_size=settings.max_bytes,
        root_path=settings.root_path,
        app_kwargs={"routes": routes, "docs_url": None, "redoc_url": None},
        footer_links=["api", "settings"],
        run_history=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        theme=theme(),
        css_paths=CSS,
    )
    return url, public or ""


def theme() -> themes.Base:
    """Colours and letters of the page; letters are the system's, so that nothing is fetched."""
    letters = ["system-ui", "sans-serif"]
    return themes.Soft(primary_hue="blue", font=letters, font_mono=["ui-monospace", "monospace"])


def _health(engines: Engines) -> JSONResponse:
    """For a supervisor: 200 while jobs are taken."""
    state: dict[str, Any] = {
        "status": "ok",
        "version": __version__,
        "devices": list(engines.devices),
        "busy": engines.busy,
        "warm": engines.warm,
        "warm_bytes": engines.size,
    }
    return JSONResponse(state)


def main(words: Sequence[str] | None = None) -> int:
    """Serve until interrupted or told to end. Returns the exit code: 0, or 2 for bad arguments."""
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGTERM, end)
    try:
        with serving(parse(words)) as running:
            sys.stdout.write(f"SwinIR is at {running.public or running.url} (Ctrl-C ends it)\n")
            sys.stdout.flush()
            ended.wait()
    except KeyboardInterrupt:
        return 0
    except Exception as error:
        trace(error)
        sys.stderr.write(f"app.py: {one_line(error)}\n")
        return 2 if is_expected(error) else 1
    return 0
