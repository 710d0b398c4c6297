"""The layout of the page, and which button does what."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from swinir.web import about, batches, comparing
from swinir.web.actions import Actions
from swinir.web.choices import choices, distinct, problems, scales, suited
from swinir.web.components import files_input, picture_input, two_pictures, work_buttons
from swinir.web.endpoints import Endpoints
from swinir.web.orders import TILES
from swinir.web.showing import BATCHED, COMPARED, RESTORED
from swinir.web.words import UPLOAD, plain

DEVICE = "device"
"""Name of the queue that waits for devices; `Engines` lends each to one job."""

CSS = Path(__file__).with_name("page.css")

SAMPLES = Path(__file__).parents[2] / "imgs"


@dataclasses.dataclass(frozen=True, slots=True)
class Wiring:
    """What handlers of buttons need to know: how many jobs run at once."""

    actions: Actions
    devices: int

    def work(
        self, button: gr.Button, fn: Callable[..., Any], inputs: list[Any], shown: dict[str, Any]
    ) -> None:
        """Let ``button`` begin work, whose outputs by name are ``shown``.

        Among them the status, which shows the place in the queue, too, and the button that
        cancels the work.
        """
        button.click(
            fn,
            inputs,
            list(shown.values()),
            show_progress_on=[shown["status"]],
            concurrency_id=DEVICE,
            concurrency_limit=self.devices,
            api_visibility="private",
        )
        cancel, names = shown["cancel"], tuple(shown)

        def end(request: gr.Request) -> Any:
            return self.actions.cancel(names, request)

        cancel.click(
            end, None, [cancel], queue=False, show_progress="hidden", api_visibility="private"
        )


def build(actions: Actions, endpoints: Endpoints, devices: int) -> gr.Blocks:
    """The page, with its API, for so many devices."""
    with gr.Blocks(title="SwinIR", analytics_enabled=False) as page:
        # First, because names of endpoints are given in the order of their making.
        _api(endpoints, devices)
        gr.Markdown(
            "# SwinIR\nEnlarge pictures, take noise or JPEG artifacts out, repair photos. "
            "Everything happens on this server, and your files are removed after an hour."
        )
        wiring = Wiring(actions, devices)
        with gr.Tab("Restore", id="restore"):
            _restore_tab(wiring)
        with gr.Tab("Batch", id="batch"):
            _batch_tab(wiring)
        with gr.Tab("Compare", id="compare"):
            _compare_tab(wiring)
        with gr.Tab("About", id="about"):
            about.tab()
    return page


def _restore_tab(wiring: Wiring) -> None:
    actions = wiring.actions
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=300):
            upload = picture_input(
                "Your picture", "Drop a picture here, paste one, or click", UPLOAD
            )
            told = gr.HTML(padding=False, min_height=0)
            samples = sorted(str(path) for path in SAMPLES.glob("*.png"))
            gr.Examples(samples, upload, label="Or take a sample", examples_per_page=8)
            problem, scale, level, advice, seen = _what_is_wrong()
            note = gr.HTML(padding=False, visible=False)
            strength, weights, tile, tta = _how()
            button, cancel = work_buttons("Restore")
        with gr.Column(scale=3, min_width=300):
            status = gr.HTML(plain("The result appears here."), padding=False)
            with gr.Column(visible=False) as results:
                slider = two_pictures("Before and after (scroll to zoom)", "before-after")
                download = gr.DownloadButton("Download PNG", variant="primary", elem_id="download")
                with gr.Row(elem_classes="pair"):
                    before, after = (
                        gr.Image(label=label, interactive=False, buttons=[], min_width=120)
                        for label in ("Detail before", "Detail after")
                    )
                with gr.Accordion("Do the same without this page", open=False):
                    command = gr.Code(label="On the command line", language="shell")
                    call = gr.Code(label="From Python, through this server", language="python")
    look = (actions.look, [upload, problem], [told, upload, level, advice, seen])
    weigh = (actions.weigh, [problem, scale, level, seen], [weights, note])
    quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    upload.clear(lambda: "", None, [told], **quiet)
    upload.change(*look, **quiet).then(*weigh, **quiet)
    problem.input(actions.pick, [problem, seen], [scale, level, advice], **quiet).then(
        *weigh, **quiet
    )
    gr.on([scale.input, level.release], *weigh, **quiet)
    shown: dict[str, Any] = dict(
        zip(
            RESTORED,
            (status, cancel, results, slider, before, after, download, command, call),
            strict=True,
        )
    )
    wiring.work(button, actions.restore, [upload, weights, strength, tta, tile], shown)


def _what_is_wrong() -> tuple[gr.Radio, gr.Radio, gr.Slider, gr.HTML, gr.State]:
    offered = problems()
    first = offered[0]
    seen = gr.State(None)
    problem = gr.Radio(
        [(each.title, each.key) for each in offered],
        value=first.key,
        label="What is wrong with it?",
        elem_classes="stacked",
    )
    sizes = scales(first)
    scale = gr.Radio(
        [(f"{each} times", each) for each in sizes],
        value=4 if 4 in sizes else sizes[-1],
        label="Enlarge",
        visible=sizes != [1],
    )
    level = gr.Slider(
        0,
        100,
        first.usual,
        step=1,
        label="Level",
        info="Decides among official weights, each for one level; ours find it themselves",
        visible=bool(first.level),
    )
    advice = gr.HTML(visible=bool(first.level), elem_classes="advice", padding=False)
    return problem, scale, level, advice, seen


def _how() -> tuple[gr.Slider, gr.Dropdown, gr.Dropdown, gr.Checkbox]:
    strength = gr.Slider(
        0, 1, 1, step=0.05, label="Strength", info="Less than 1 blends the result with your picture"
    )
    with gr.Accordion("Advanced", open=False):
        found = _first_choices()
        weights = gr.Dropdown(
            [(each.label, each.key) for each in found],
            value=found[0].key if found else None,
            label="Weights",
        )
        tile = gr.Dropdown(
            [(_tile_label(each), each) for each in TILES],
            value="auto",
            label="Tile",
            info="The picture is worked at in tiles; smaller ones need less memory",
        )
        tta = gr.Checkbox(
            label="Average over 8 flips and turns", info="A little better, 8 times slower"
        )
    return strength, weights, tile, tta


def _first_choices() -> list[Any]:
    first = problems()[0]
    sizes = scales(first)
    return suited(first, scale=4 if 4 in sizes else sizes[-1], level=first.usual)


def _tile_label(tile: str) -> str:
    return {"auto": "As the memory allows", "0": "The whole picture"}.get(tile, f"{tile} pixels")


def _every_choice(label: str, default: int = 0) -> gr.Dropdown:
    found = distinct(choices())
    value = found[min(default, len(found) - 1)].key if found else None
    return gr.Dropdown([(each.label, each.key) for each in found], value=value, label=label)


def _batch_tab(wiring: Wiring) -> None:
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=300):
            uploads = files_input("Pictures, or zips of them", several=True)
            weights = _every_choice("What to do, and with which weights")
            strength = gr.Slider(0, 1, 1, step=0.05, label="Strength")
            button, cancel = work_buttons("Restore all")
        with gr.Column(scale=3, min_width=300):
            status = gr.HTML(plain("A line for each file appears here."), padding=False)
            table = gr.Dataframe(
                headers=list(batches.HEADINGS), datatype="str", interactive=False, wrap=True
            )
            download = gr.DownloadButton(
                "Download the zip", variant="primary", interactive=False, elem_id="download-zip"
            )
    usual = gr.State(value=False), gr.State("auto")
    shown: dict[str, Any] = dict(zip(BATCHED, (status, cancel, table, download), strict=True))
    wiring.work(button, wiring.actions.batch, [uploads, weights, strength, *usual], shown)


def _compare_tab(wiring: Wiring) -> None:
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=300):
            upload = picture_input(
                "Your picture", "Drop a picture here, paste one, or click", "compared-picture"
            )
            truth = files_input("The truth, if you have it")
            one = _every_choice("One")
            other = _every_choice("The other", 1)
            button, cancel = work_buttons("Compare")
        with gr.Column(scale=3, min_width=300):
            status = gr.HTML(plain("Both results appear here."), padding=False)
            with gr.Column(visible=False) as results:
                slider = two_pictures("One and the other", "one-and-other")
                table = gr.Dataframe(
                    headers=list(comparing.HEADINGS), datatype="str", interactive=False, wrap=True
                )
                errors = gr.Gallery(
                    label="Error: black is none, white is 32 levels of 255 and more",
                    columns=2,
                    format="png",
                    buttons=["fullscreen"],
                    visible=False,
                )
    shown: dict[str, Any] = dict(
        zip(COMPARED, (status, cancel, results, slider, table, errors), strict=True)
    )
    wiring.work(button, wiring.actions.compare, [upload, truth, one, other], shown)


def _api(endpoints: Endpoints, devices: int) -> None:
    """Endpoints of their own, so that programs need not know the page's components."""
    limits: dict[str, Any] = {"concurrency_id": DEVICE, "concurrency_limit": devices}
    with gr.Column(visible=False):
        picture = files_input("picture")
        pictures = files_input("pictures", several=True)
        task, weights = gr.Textbox(label="task"), gr.Textbox("", label="weights")
        strength, tta = gr.Number(1.0, label="strength"), gr.Checkbox(label="tta")
        tile = gr.Textbox("auto", label="tile")
        file, report = gr.File(label="result"), gr.JSON(label="report")
        how = [task, weights, strength, tta, tile]
        gr.Button().click(
            endpoints.restore, [picture, *how], [file, report], api_name="restore", **limits
        )
        gr.Button().click(
            endpoints.batch, [pictures, *how], [file, report], api_name="batch", **limits
        )
