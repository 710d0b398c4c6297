"""Components that several tabs have; inputs hand on the very file that was uploaded."""

from typing import Any

import gradio as gr


def picture_input(label: str, placeholder: str, name: str) -> gr.Image:
    """A picture to drop, paste or choose; its handler gets the path of the file as it came.

    ``name`` is its id in the page.
    """
    component = gr.Image(
        type="filepath",
        sources=["upload", "clipboard"],
        label=label,
        placeholder=placeholder,
        image_mode=None,
        height=280,
        elem_id=name,
        buttons=["fullscreen"],
    )
    return _as_it_came(component)


def files_input(label: str, *, several: bool = False) -> gr.File:
    """A file to drop or choose, or several; its handler gets their paths."""
    component = gr.File(label=label, file_count="multiple" if several else "single", height=190)
    return _as_it_came(component)


def work_buttons(label: str) -> tuple[gr.Button, gr.Button]:
    """The button that begins work, and the one that cancels it."""
    with gr.Row():
        return (
            gr.Button(label, variant="primary", scale=3, min_width=140),
            gr.Button("Cancel", interactive=False, scale=1, min_width=90),
        )


def two_pictures(label: str, name: str) -> gr.ImageSlider:
    """Two pictures of one size with a line between to drag; ``name`` is its id in the page."""
    return gr.ImageSlider(
        type="filepath",
        label=label,
        format="png",
        buttons=["fullscreen"],
        interactive=False,
        elem_id=name,
        max_height=640,
    )


def _as_it_came(component: Any) -> Any:
    """Keep gradio from decoding a file before we have looked at it, and from fetching addresses.

    Its own reading of a picture re-encodes some and breaks on others with an error of Pillow's;
    that of files leaves an empty one behind each time. A subclass would do, were it not that gradio
    writes a stub beside the source of each.
    """
    move = component.async_move_resource_to_block_cache

    async def only_uploads(path: Any) -> str | None:
        if str(path).lower().startswith(("http://", "https://")):
            raise gr.Error("A picture is uploaded, not an address", print_exception=False)
        return await move(path)

    vars(component)["preprocess"] = _paths
    vars(component)["async_move_resource_to_block_cache"] = only_uploads
    return component


def _paths(payload: Any) -> Any:
    if payload is None:
        return None
    if isinstance(getattr(payload, "root", None), list):
        return [_paths(each) for each in payload.root]
    if not payload.path:
        raise gr.Error(
            "A picture is uploaded as a file, not within the call", print_exception=False
        )
    return str(payload.path)
