"""Sentences and marks of the page."""

from base64 import b64encode
from html import escape

from swinir.web.jobs import Step

UPLOAD = "your-picture"
"""Id in the page of the picture that is uploaded."""


def duration(seconds: float) -> str:
    """Seconds as people say them: 3.2 s, 45 s, 3 min 20 s."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def size(count: int) -> str:
    """Bytes as people say them."""
    return f"{count / 1e3:.0f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"


def progress(step: Step) -> str:
    """A bar with the tiles done and the time left, as HTML."""
    said = ["Working" if step.total else "Preparing"]
    if step.about:
        said = [step.about]
    if step.total:
        said.append(f"tile {min(step.done + 1, step.total)} of {step.total}")
    if step.left is not None:
        said.append(f"about {duration(step.left)} left")
    bar = f'value="{step.done}" max="{step.total}"' if step.total else ""
    return (
        f'<div class="working" role="status"><span>{escape(", ".join(said))}</span>'
        f"<progress {bar}></progress></div>"
    )


def done(text: str) -> str:
    """That all went well, as HTML."""
    return f'<div class="done" role="status">{escape(text)}</div>'


def seen(text: str, preview: bytes) -> str:
    """What an upload is, with a PNG of it where the page could not show it otherwise, as HTML."""
    if not preview:
        return done(text)
    address = f"data:image/png;base64,{b64encode(preview).decode()}"
    broken = f"<style>#{UPLOAD} img {{ visibility: hidden; }}</style>"
    return f'{done(text)}{broken}<img class="preview" alt="Your picture" src="{address}">'


def plain(text: str) -> str:
    """What should be known, as HTML."""
    return f'<div class="idle">{escape(text)}</div>'


def wrong(text: str) -> str:
    """That something did not, as HTML."""
    return f'<div class="wrong" role="alert">{escape(text)}</div>'
