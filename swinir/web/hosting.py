"""The page with all that it needs of this machine, for whatever serves it."""

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi.responses import JSONResponse
from gradio import themes

from swinir import __version__
from swinir.web.actions import Actions
from swinir.web.endpoints import Endpoints
from swinir.web.engines import Lender
from swinir.web.page import CSS, build
from swinir.web.restoring import Bench
from swinir.web.settings import Settings
from swinir.web.sweeping import Sweeper
from swinir.writing import temporary_folder

FOLDER = "swinir-web"
"""Beginning of the name of the folder with visitors' files, in the system's temporary one."""

CACHE = "GRADIO_TEMP_DIR"
"""Environment variable by which gradio learns where uploads and results go."""

HEALTH = "/health"


@dataclass(frozen=True, slots=True)
class Hosted:
    """A page that can be served.

    Attributes:
        page: to be served.
        folder: where visitors' files are.
    """

    page: gr.Blocks
    folder: Path


@contextmanager
def hosted(settings: Settings, engines: Lender) -> Generator[Hosted]:
    """A page over these engines; nothing of its visitors stays when the block ends."""
    before = os.environ.get(CACHE)
    with temporary_folder(FOLDER, Path(tempfile.gettempdir())) as folder:
        os.environ[CACHE] = str(folder)
        bench = Bench(engines, folder, settings.max_pixels)
        page = build(Actions(bench), Endpoints(bench), engines.places)
        page.queue(max_size=settings.max_queue)
        sweeper = Sweeper(folder, settings.keep_minutes * 60)
        sweeper.start()
        try:
            yield Hosted(page, folder)
        finally:
            sweeper.stop()
            page.close(verbose=False)
            if before is None:
                os.environ.pop(CACHE, None)
            else:
                os.environ[CACHE] = before


def options(settings: Settings) -> dict[str, Any]:
    """What gradio is told of the page, whether it serves it itself or is mounted in an app."""
    return {
        "auth": list(settings.accounts) or None,
        "show_error": True,
        "max_file_size": settings.max_bytes,
        "root_path": settings.root_path,
        "footer_links": ["api", "settings"],
        "run_history": False,
        "ssr_mode": False,
        "pwa": False,
        "mcp_server": False,
        "theme": theme(),
        "css_paths": CSS,
    }


def theme() -> themes.Base:
    """Colours and letters of the page; letters are the system's, so that nothing is fetched."""
    letters = ["system-ui", "sans-serif"]
    return themes.Soft(primary_hue="blue", font=letters, font_mono=["ui-monospace", "monospace"])


def health(engines: Lender) -> JSONResponse:
    """For a supervisor: 200 while jobs are taken."""
    return JSONResponse({"status": "ok", "version": __version__, **engines.state()})
