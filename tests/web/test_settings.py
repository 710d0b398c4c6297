"""What ``app.py`` takes."""

import sys
from pathlib import Path

import pytest

from swinir.web.server import main
from swinir.web.settings import Settings, parse, read_accounts


def test_by_default_the_page_is_for_this_machine_alone() -> None:
    settings = parse([])
    assert settings == Settings()
    assert settings.host == "127.0.0.1"
    assert not settings.share
    assert settings.accounts == ()


def test_options_are_taken(tmp_path: Path) -> None:
    (tmp_path / "accounts").write_text("# who may come\n\nann:a:b\nbob: c\n")
    words = "--host 0.0.0.0 --port 80 --share on --max-megapixels 2.5 --max-queue 3 --device cpu"
    settings = parse([*words.split(), "--auth", str(tmp_path / "accounts")])
    assert settings == Settings(
        host="0.0.0.0",
        port=80,
        share=True,
        accounts=(("ann", "a:b"), ("bob", " c")),
        max_megapixels=2.5,
        max_queue=3,
        devices=("cpu",),
    )
    assert settings.max_pixels == 2_500_000


@pytest.mark.parametrize(
    ("content", "said"),
    [("ann", "line 1 is user:password, got no password"), ("# none\n", "at least one line")],
)
def test_accounts_that_cannot_be_meant_are_refused(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "accounts").write_text(content)
    with pytest.raises(ValueError, match=said):
        read_accounts(tmp_path / "accounts")


@pytest.mark.parametrize(
    "words",
    [
        "--port 99999",
        "--max-queue 0",
        "--max-megapixels -1",
        "--share maybe",
        "--nonsense",
        "--replicas 0",
        "--replicas 2 --share on",
        "--replicas 2 --device cpu cuda",
    ],
)
def test_a_mistake_is_one_line_and_code_2(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words.split())
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("app.py: ")


def test_what_cannot_be_served_is_one_line_too(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["--device", "cuda:77"]) == 2
    assert main(["--auth", str(tmp_path / "none")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_replicas_without_ray_are_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "swinir.web.replicas", raising=False)
    assert main(["--replicas", "2"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "app.py: --replicas needs Ray: pip install -r requirements-ray.txt"
