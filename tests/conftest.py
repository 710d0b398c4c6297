"""What every test may ask for."""

from pathlib import Path

import pytest
import torch
from hypothesis import settings

settings.register_profile("swinir", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("swinir")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test measures is not kept, and what was measured elsewhere does not decide."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def _usual_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does not multiply in bf16, whichever is there; else auto would not be fp32."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict, raising=False)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of benchmark photographs that lies beside the repository on some machines."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "images").is_dir():
        pytest.skip("needs the benchmark photographs in ../shared/images")
    return folder
