"""The page on Ray Serve: one process has the page, replicas in others restore.

What takes time is replicated, the page is not: gradio keeps sessions, uploads and its queue in one
process, and a second page would not know the first one's visitors. Ray's ``GradioIngress`` is not
what serves it, because that never begins gradio's queue, so that no job is ever done (Ray 2.60 with
gradio 6); gradio's own app for mounting does, within Serve's ingress.
"""

import asyncio
import logging
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import gradio as gr
import ray
from fastapi import FastAPI
from ray import serve
from ray.exceptions import RayActorError
from ray.serve import Application
from ray.serve.handle import DeploymentHandle
from ray.serve.schema import LoggingConfig

from swinir.images.picture import Picture
from swinir.lines import is_expected
from swinir.restoration import Cancelled
from swinir.restoration.report import Report
from swinir.restoration.watch import Progress
from swinir.web.engines import Engines
from swinir.web.hosting import HEALTH, health, hosted, options
from swinir.web.jobs import PULSE, Step, Watch
from swinir.web.orders import Order
from swinir.web.settings import Settings

APPLICATION = "swinir"

CONNECTIONS = 1000
"""Requests to the page at once; each visitor who waits for a job has one open."""

Answer = Step | tuple[Picture, Report] | Exception


class Workshop:
    """A replica: a device of its own, which restores a picture at a time."""

    def __init__(self, device: str, budget: int) -> None:
        """Lend ``device``, with loaded networks of at most so many bytes."""
        self.engines = Engines([device], budget)

    async def restore(self, order: Order, picture: Picture) -> AsyncGenerator[Answer]:
        """Tell how far it is every `PULSE` seconds; at the end the result, or why there is none."""
        watch = Watch()

        def work() -> tuple[Picture, Report]:
            with self.engines.lend(order, watch.cancelled) as engine:
                restored = engine.restore_picture(
                    picture, progress=watch.tiles, cancelled=watch.cancelled
                )
                return restored, engine.report

        task = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            while not (await asyncio.wait([task], timeout=PULSE))[0]:
                yield watch.step
            yield _result(task)
        finally:
            # Also where the page asks for an end, which comes here as an error of asyncio.
            watch.stop.set()
            task.cancel()


def _result(task: asyncio.Future[tuple[Picture, Report]]) -> Answer:
    try:
        return task.result()
    except Exception as error:
        if not is_expected(error):
            raise
        return error


class Distant:
    """An engine in another process: each picture goes to a replica that is free."""

    def __init__(self, workshops: DeploymentHandle[Workshop], order: Order) -> None:
        """Ask ``workshops`` for what the order says."""
        self.scale = order.choice.task.network.scale
        self.report = Report()
        self._ask = partial(workshops.options(stream=True).restore.remote, order)

    def restore_picture(
        self,
        picture: Picture,
        *,
        progress: Progress | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Picture:
        """As by a `Restorer`.

        Raises:
            ValueError: also where the replica has ended meanwhile.
            Cancelled: ``cancelled`` said so.
        """
        answers: Any = self._ask(picture)
        try:
            for answer in answers:
                if cancelled and cancelled():
                    raise Cancelled("the restoration was cancelled")
                if isinstance(answer, Exception):
                    raise answer
                if isinstance(answer, tuple):
                    restored, self.report = answer
                    return restored
                if progress and answer.total:
                    progress(answer.done, answer.total)
        except RayActorError as error:
            raise ValueError("the process that restored this has ended; try again") from error
        finally:
            answers.cancel()
        raise RuntimeError("a replica went silent")


class Distance:
    """Lends engines that are elsewhere."""

    def __init__(self, workshops: DeploymentHandle[Workshop], replicas: int) -> None:
        """So many ``replicas`` of ``workshops`` are there."""
        self.workshops, self.places = workshops, replicas
        self._busy = 0
        self._lock = threading.Lock()

    @contextmanager
    def lend(self, order: Order, cancelled: Callable[[], bool]) -> Generator[Distant]:
        """An engine for an order; see `Engines.lend`."""
        del cancelled
        self._count(1)
        try:
            yield Distant(self.workshops, order)
        finally:
            self._count(-1)

    def state(self) -> dict[str, Any]:
        """For a supervisor: replicas, and jobs that they have."""
        return {"replicas": self.places, "busy": self._busy}

    def _count(self, jobs: int) -> None:
        with self._lock:
            self._busy += jobs


@serve.ingress()  # pyright: ignore[reportUntypedClassDecorator]
class Page:
    """The process that has the page."""

    def __init__(self, workshops: DeploymentHandle[Workshop], settings: Settings) -> None:
        """Serve the page, restoring by ``workshops``."""
        self.settings = settings
        self.engines = Distance(workshops, settings.replicas)
        self.until_the_end = ExitStack()
        self.page = self.until_the_end.enter_context(hosted(settings, self.engines)).page

    def __serve_build_asgi_app__(self) -> FastAPI:
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        app.add_api_route(HEALTH, lambda: health(self.engines), methods=["GET", "HEAD"])
        return gr.mount_gradio_app(app, self.page, path="/", **options(self.settings))

    def __del__(self) -> None:
        self.until_the_end.close()


@contextmanager
def serving_replicas(settings: Settings) -> Generator[str]:
    """Serve the page until the block ends, on the cluster that RAY_ADDRESS names, or on its own.

    Yields the address.

    Raises:
        ValueError: a device that is not there, or no room for so many replicas.
        OSError: a port that is taken.
    """
    port = _free_port(settings.host, settings.port)
    # What processes say goes to Ray's files alone: an open page would end in a traceback here.
    ray.init(include_dashboard=False, logging_level=logging.WARNING, log_to_driver=False)
    try:
        workshop = _workshop(settings, ray.cluster_resources())
        quiet = LoggingConfig(log_level="WARNING", enable_access_log=False)
        serve.start(http_options={"host": settings.host, "port": port}, logging_config=quiet)
        page: Any = serve.deployment(
            max_ongoing_requests=CONNECTIONS,
            # What it does takes next to nothing of a processor.
            ray_actor_options={"num_cpus": 0},
        )(Page)
        serve.run(page.bind(workshop, settings), name=APPLICATION, logging_config=quiet)
        yield f"http://{settings.host}:{port}{settings.root_path}/"
    finally:
        serve.shutdown()
        ray.shutdown()


def _workshop(settings: Settings, resources: Mapping[str, float]) -> Application:
    """The replicas: each has a GPU to itself, or its share of the processors.

    Raises:
        ValueError: fewer GPUs than replicas, or devices that Ray does not hand out.
    """
    (device,) = settings.devices
    kind, gpus = device.partition(":")[0], int(resources.get("GPU", 0))
    if kind == "auto":
        kind = "cuda" if gpus >= settings.replicas else "cpu"
    if kind == "cuda" and gpus < settings.replicas:
        raise ValueError(f"{settings.replicas} replicas need as many GPUs, Ray has {gpus}")
    share = resources.get("CPU", 1) / settings.replicas
    needs = {"num_gpus": 1} if kind == "cuda" else {"num_cpus": int(share) or share}
    made: Any = serve.deployment(
        num_replicas=settings.replicas, max_ongoing_requests=1, ray_actor_options=needs
    )(Workshop)
    return made.bind(kind, settings.warm_megabytes << 20)


def _free_port(host: str, port: int) -> int:
    """The port, or any for 0. Ray would go on trying to have one that is taken.

    Raises:
        OSError: it is taken.
    """
    with socket.create_server((host, port)) as there:
        return int(there.getsockname()[1])
