"""Many pictures through the API."""

import zipfile
from pathlib import Path

import numpy as np
from gradio_client import Client, handle_file

from swinir.images.files import read
from tests.web.conftest import Save, Site
from tests.web.test_endpoints import by_command


def test_files_and_zips_come_back_as_one_zip_with_a_line_each(
    client: Client, save: Save, tmp_path: Path, served: Site
) -> None:
    loose, zipped = save("a.png", seed=1), save("b.jpg", seed=2)
    (tmp_path / "words.png").write_text("no picture")
    archive = tmp_path / "in.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(zipped, "sub/a.jpg")
        file.write(loose, "sub/a.png")
    uploads = [handle_file(str(path)) for path in (loose, archive, tmp_path / "words.png")]
    made, report = client.predict(uploads, task="sr_x4", api_name="/batch")
    assert [each["file"] for each in report["files"]] == [
        "a.png", "sub/a.jpg", "sub/a.png", "words.png",
    ]  # fmt: skip
    assert (report["restored"], report["total"]) == (3, 4)
    assert report["files"][3]["result"].startswith("skipped: an image is PNG")
    with zipfile.ZipFile(made) as results:
        assert results.namelist() == ["a.png", "sub/a_jpg.png", "sub/a_png.png"]
        results.extract("a.png", tmp_path / "got")
    wanted = read(by_command(loose, tmp_path / "out")).pixels
    np.testing.assert_array_equal(read(tmp_path / "got" / "a.png").pixels, wanted)
    left = [path.name for path in served.folder.rglob("*") if path.name == "work"]
    assert not left, "what a batch needs on its way is removed"
