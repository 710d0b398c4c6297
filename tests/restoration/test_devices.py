import pytest
import torch

from swinir.restoration.devices import one_of, pick_device, pick_precision


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.usefixtures("bare")
def test_auto_is_the_cpu_where_there_is_nothing_else() -> None:
    assert pick_device("auto") == torch.device("cpu")


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("name", ["cuda", "cuda:1", "mps"])
def test_an_absent_device_is_one_clear_line(name: str) -> None:
    with pytest.raises(ValueError, match=f"device '{name}' was asked for.*try auto"):
        pick_device(name)


@pytest.mark.parametrize("name", ["gpu", "cuda:x", ""])
def test_an_unknown_device_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="device is auto, cpu, cuda"):
        pick_device(name)


def test_auto_takes_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto") == torch.device("cuda")


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert pick_device("cuda:0") == torch.device("cuda:0")
    with pytest.raises(ValueError, match="'cuda:1' was asked for, but there are 1"):
        pick_device("cuda:1")


@pytest.mark.parametrize(
    ("kind", "capability", "units", "expected"),
    [
        ("cpu", (9, 0), {"amx_bf16": False, "avx512_bf16": True}, torch.float32),
        ("cpu", (7, 5), {"amx_bf16": True}, torch.bfloat16),
        ("cpu", (7, 5), {}, torch.float32),
        ("mps", (9, 0), {"amx_bf16": True}, torch.float32),
        ("cuda", (7, 5), {"amx_bf16": True}, torch.float32),
        ("cuda", (8, 0), {}, torch.bfloat16),
        ("cuda", (9, 0), {}, torch.bfloat16),
    ],
)
def test_auto_precision_is_low_where_the_hardware_has_it(
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    capability: tuple[int, int],
    units: dict[str, bool],
    expected: torch.dtype,
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: units, raising=False)
    assert pick_precision("auto", torch.device(kind)) is expected


@pytest.mark.parametrize(
    ("name", "one"), [("cuda", "cuda:0"), ("cuda:2", "cuda:2"), ("cpu", "cpu"), ("mps", "mps")]
)
def test_of_all_gpus_one_can_be_had(name: str, one: str) -> None:
    assert one_of(torch.device(name)) == torch.device(one)


def test_a_torch_that_does_not_tell_computes_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert pick_precision("auto", torch.device("cpu")) is torch.float32


def test_a_named_precision_is_taken() -> None:
    assert pick_precision("fp16", torch.device("cpu")) is torch.float16
