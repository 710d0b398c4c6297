"""Errors and names as a user is told them."""

from pathlib import Path

import pytest

from swinir.lines import one_line, printable, trace


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("a  b.png: is bad\n  and more"), "is bad and more"),
        (ValueError("c.png: is bad"), "c.png: is bad"),
        (PermissionError(13, "Permission denied", "out/a.png"), "out/a.png: Permission denied"),
        (PermissionError(13, "No", "out/.unfinished-12"), "out: No"),
        (FileExistsError(17, "File exists", b"out"), "out: a file, where a folder is needed"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError("odd"), "odd"),
        (PermissionError(13, "Permission denied", "a  b.png"), "Permission denied"),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you\ntried"),
            "not enough memory for this picture",
        ),
        (
            TypeError("int\nand str"),
            "a defect of the program: TypeError: int and str; SWINIR_TRACEBACK=1 shows where",
        ),
        (KeyError(), "a defect of the program: KeyError; SWINIR_TRACEBACK=1 shows where"),
        (
            RuntimeError("sizes differ"),
            "a defect of the program: RuntimeError: sizes differ; SWINIR_TRACEBACK=1 shows where",
        ),
        (MemoryError(), "not enough memory for this picture"),
        (MemoryError("too big"), "too big"),
    ],
)
def test_errors_are_told_in_one_line(error: Exception, line: str) -> None:
    assert one_line(error, Path("a  b.png")) == line


def test_names_are_printed_as_they_are_but_for_what_no_terminal_shows() -> None:
    assert printable("Äpfel & 梨  'x' 😀.png") == "Äpfel & 梨  'x' 😀.png"
    assert printable(Path("a\nb\x1b\udcff")) == "a\\nb\\x1b\\udcff"


@pytest.mark.parametrize(
    ("asked", "shown"), [("1", True), ("0", False), ("", False), (None, False)]
)
def test_a_traceback_is_shown_to_who_asks_for_it(
    asked: str | None,
    shown: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("SWINIR_TRACEBACK", raising=False)
    if asked is not None:
        monkeypatch.setenv("SWINIR_TRACEBACK", asked)
    try:
        raise TypeError("a mistake")
    except TypeError as error:
        trace(error)
    said = capsys.readouterr().err
    assert ("test_lines.py" in said and "TypeError: a mistake" in said) is shown
    assert bool(said) is shown
