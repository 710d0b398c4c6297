"""From arguments to the engine that restores."""

import argparse

from swinir.checkpoints import load_network
from swinir.restoration.backends.choice import pick_backend, precisions_of
from swinir.restoration.devices import pick_device, pick_precision
from swinir.restoration.forward import Padding
from swinir.restoration.restorer import Restorer
from swinir.tasks import Task


def check(options: argparse.Namespace) -> None:
    """Refuse a device or a backend that is not there, before weights are fetched for it.

    Raises:
        ValueError: no such device, precision or backend.
    """
    device = pick_device(options.device)
    able = precisions_of(options.backend)
    pick_backend(options.backend, device, pick_precision(options.precision, device, able))


def build(
    options: argparse.Namespace,
    task: Task,
    weights: str | None,
    *,
    tta: bool = False,
    strength: float = 1.0,
    padding: Padding = "needed",
    exact: bool = False,
) -> Restorer:
    """A restorer with the chosen weights for a task, as the arguments on the engine want it.

    Where padding is the published one an automatic tile is the whole picture, of which the papers'
    figures were made; so that figures are those of any machine, ``exact`` makes an automatic
    precision fp32.

    Raises:
        ValueError: weights that cannot be had or do not fit, or a device that is not there.
    """
    check(options)
    extra = {} if options.overlap is None else {"overlap": options.overlap}
    whole = padding == "published" and options.tile == "auto"
    return Restorer(
        load_network(task, weights),
        device=options.device,
        precision="fp32" if exact and options.precision == "auto" else options.precision,
        tile=0 if whole else options.tile,
        tta=tta,
        strength=strength,
        padding=padding,
        backend=options.backend,
        **extra,
    )
