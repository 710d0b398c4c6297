"""The page as a visitor meets it, in Debian's Chromium."""

import shutil
import zipfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from swinir.images.files import read
from tests.web.conftest import Save, Site
from tests.web.test_endpoints import by_command

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

SECONDS = 60_000
"""What the page may take for a step, in milliseconds; generous, for machines that are busy."""

Open = Callable[..., Any]


@pytest.fixture(scope="session")
def chromium() -> Generator[Any]:
    """A browser without a window."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with _driver() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def _driver() -> Generator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with playwright.sync_playwright() as driver:
        yield driver


@pytest.fixture
def open_page(chromium: Any, served: Site) -> Generator[Open]:
    """Open the page, on a screen of some size."""
    contexts: list[Any] = []

    def page(width: int = 1280, height: int = 900, scheme: str = "light") -> Any:
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            is_mobile=width < 600,
            has_touch=width < 600,
            reduced_motion="reduce",
        )
        context.set_default_timeout(SECONDS)
        contexts.append(context)
        opened = context.new_page()
        opened.goto(served.url)
        button(opened, "Restore").wait_for()
        return opened

    yield page
    for context in contexts:
        context.close()


def button(page: Any, name: str) -> Any:
    """The visible button of this name."""
    return page.get_by_role("button", name=name, exact=True).locator("visible=true")


def give(page: Any, *paths: Path) -> None:
    """Put files into the first visible upload."""
    inputs = page.locator(
        ".tabitem:visible input[type=file], [role=tabpanel]:visible input[type=file]"
    )
    inputs.first.set_input_files([str(path) for path in paths])


def show_tab(page: Any, name: str) -> None:
    """Go to a tab, all of which are seen on a phone, too."""
    page.get_by_role("tab", name=name).locator("visible=true").click()
    page.locator("[role=tabpanel]:visible").wait_for()


def test_upload_enlarge_look_and_download(open_page: Open, save: Save, tmp_path: Path) -> None:
    source = save("photo.png", 60, 80)
    page = open_page()
    outside: list[str] = []
    page.on("request", lambda it: outside.append(it.url) if "127.0.0.1" not in it.url else None)
    give(page, source)
    page.get_by_text("80 x 60 pixels, PNG, colour, 8 bits").wait_for()
    button(page, "Restore").click()
    page.get_by_text("80 x 60 → 320 x 240 pixels").wait_for()
    shown = page.locator("#before-after img")
    shown.nth(1).wait_for()
    sizes = shown.evaluate_all("all => all.map(it => [it.naturalWidth, it.naturalHeight])")
    assert sizes == [[320, 240], [320, 240]]
    width = shown.nth(1).bounding_box()["width"]
    # Beside the line between both.
    shown.nth(1).hover(position={"x": width / 4, "y": 40}, force=True)
    for _ in range(10):
        page.mouse.wheel(0, -100)
    page.wait_for_function(
        "w => document.querySelectorAll('#before-after img')[1].getBoundingClientRect().width > w",
        arg=1.3 * width,
    )
    with page.expect_download() as download:
        page.locator("#download").click()
    assert download.value.suggested_filename == "photo_sr_x4.png"
    download.value.save_as(tmp_path / "got.png")
    wanted = read(by_command(source, tmp_path / "out")).pixels
    np.testing.assert_array_equal(read(tmp_path / "got.png").pixels, wanted)
    page.get_by_text("Do the same without this page").click()
    page.get_by_text("python test.py --task sr_x4 --folder photo.png").wait_for()
    assert not [url for url in outside if url.startswith("http")], "nothing is fetched elsewhere"


def test_cancel_stops_the_work(open_page: Open, save: Save) -> None:
    page = open_page()
    give(page, save("large.png", 700, 700))
    page.get_by_text("700 x 700 pixels").wait_for()
    page.get_by_text("Advanced").locator("visible=true").click()
    page.get_by_label("Average over 8 flips and turns").locator("visible=true").check()
    button(page, "Restore").click()
    page.get_by_text("left").locator("visible=true").first.wait_for()
    button(page, "Cancel").click()
    page.get_by_text("Cancelled. Nothing was kept.").wait_for()
    page.get_by_label("Average over 8 flips and turns").locator("visible=true").uncheck()
    give_again = page.get_by_label("Clear")
    if give_again.count():
        give_again.first.click()
    give(page, save("small.png"))
    page.get_by_text("32 x 24 pixels").wait_for()
    button(page, "Restore").click()
    page.get_by_text("32 x 24 → 128 x 96 pixels").wait_for()


def test_a_text_file_named_png_is_one_clear_line(
    open_page: Open, save: Save, tmp_path: Path
) -> None:
    bad = tmp_path / "words.png"
    bad.write_text("no picture at all")
    page = open_page()
    give(page, bad)
    page.get_by_text("This file cannot be used: an image is PNG, JPEG").wait_for()
    give(page, save("good.png"))
    page.get_by_text("32 x 24 pixels").wait_for()


def test_a_sample_is_one_click_away(open_page: Open) -> None:
    page = open_page()
    page.locator(".gallery-item, .gallery button").nth(1).click()
    page.get_by_text("150 x 100 pixels, PNG").wait_for()


def test_many_pictures_come_back_as_a_zip(open_page: Open, save: Save, tmp_path: Path) -> None:
    (tmp_path / "words.png").write_text("no picture")
    page = open_page()
    page.get_by_role("tab", name="Batch").click()
    give(page, save("a.png"), save("b.png", seed=1), tmp_path / "words.png")
    button(page, "Restore all").click()
    page.get_by_text("Restored 2 of 3; 1 could not be, see the table").wait_for()
    page.get_by_text("skipped: an image is PNG, JPEG").locator("visible=true").first.wait_for()
    with page.expect_download() as download:
        page.locator("#download-zip").click()
    download.value.save_as(tmp_path / "got.zip")
    with zipfile.ZipFile(tmp_path / "got.zip") as archive:
        assert archive.namelist() == ["a.png", "b.png"]


def test_two_weights_are_compared_with_a_truth(open_page: Open, save: Save) -> None:
    page = open_page()
    page.get_by_role("tab", name="Compare").click()
    give(page, save("small.png", 24, 32))
    inputs = page.locator("[role=tabpanel]:visible input[type=file]")
    inputs.last.set_input_files(str(save("truth.png", 96, 128)))
    page.get_by_text("truth.png").first.wait_for()
    button(page, "Compare").click()
    page.get_by_text("Done in").wait_for()
    page.get_by_text("PSNR-Y").first.wait_for()
    page.get_by_text("Error: black is none").wait_for()


def test_the_level_of_a_jpeg_is_read_and_shown(open_page: Open, tmp_path: Path, save: Save) -> None:
    from swinir.images.files import write

    write(tmp_path / "a.jpg", read(save("a.png")), quality=35)
    page = open_page()
    give(page, tmp_path / "a.jpg")
    page.get_by_text("JPEG of quality 35").wait_for()


def test_a_tiff_is_shown_though_browsers_do_not(open_page: Open, save: Save) -> None:
    page = open_page()
    give(page, save("a.tif", 40, 60))
    preview = page.get_by_role("img", name="Your picture")
    preview.wait_for()
    assert preview.evaluate("it => [it.naturalWidth, it.naturalHeight]") == [60, 40]
    assert not page.locator("#your-picture img").first.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out_of_any_screen(open_page: Open, scheme: str, width: int) -> None:
    page = open_page(width, 844, scheme)
    for tab in ("Restore", "Batch", "Compare", "About"):
        show_tab(page, tab)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    body = page.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = sum(int(part) for part in body[body.index("(") + 1 : -1].split(",")[:3]) < 300
    assert dark == (scheme == "dark")
