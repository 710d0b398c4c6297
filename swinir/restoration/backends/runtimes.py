"""The programs that run a graph, behind one small interface; imported when they are wanted."""

import importlib
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from threading import Lock, local
from typing import Any, Protocol

import torch
from torch import Tensor

from swinir.restoration.backends.names import INPUT

Run = Callable[[Tensor], Tensor]


class Backend(Protocol):
    """A program that runs graphs of ONNX.

    Attributes:
        name: as users call it.
        needs: what must be done before it can be used, for an error.
        device: the kind on which it computes.
        precisions: in which it can.
    """

    name: str
    needs: str
    device: str
    precisions: tuple[torch.dtype, ...]

    def installed(self) -> bool:
        """Whether it is there."""
        ...

    def compile(self, graph: bytes, *, threads: int, precision: torch.dtype) -> Run:
        """Make ready a graph of `onnx_graph`; what is given may be called by several threads.

        Args:
            graph: a whole ONNX file.
            threads: of the processor, for one call.
            precision: to compute in; images and results are float32.
        """
        ...


class ByBatch:
    """Calls what was compiled for just as many images: fixed sizes are faster."""

    def __init__(self, compile_for: Callable[[int], Run]) -> None:
        """``compile_for`` is called with the number of images, once for each."""
        self._compile_for = compile_for
        self._ready: dict[int, Run] = {}
        self._lock = Lock()

    def __call__(self, images: Tensor) -> Tensor:
        """``(B, C, h, w) -> (B, C, h*s, w*s)``, on the device of the images."""
        with self._lock:
            batch = len(images)
            if batch not in self._ready:
                self._ready[batch] = self._compile_for(batch)
        return self._ready[batch](images)


class OnnxRuntime:
    """ONNX Runtime on the CPU."""

    name = "onnxruntime"
    needs = "pip install -r requirements-onnx.txt"
    device = "cpu"
    precisions: tuple[torch.dtype, ...] = (torch.float32,)

    def installed(self) -> bool:
        """Whether ONNX Runtime is there, and onnx, which writes graphs."""
        return _is_there("onnx", "onnxruntime")

    def providers(self, precision: torch.dtype) -> list[tuple[str, dict[str, Any]]]:
        """What computes within ONNX Runtime, with its options."""
        del precision
        return [("CPUExecutionProvider", {})]

    def compile(self, graph: bytes, *, threads: int, precision: torch.dtype) -> Run:
        """See `Backend.compile`."""
        onnxruntime: Any = importlib.import_module("onnxruntime")
        wanted = self.providers(precision)

        def compile_for(batch: int) -> Run:
            options = onnxruntime.SessionOptions()
            options.log_severity_level = 3
            options.intra_op_num_threads = threads
            options.add_free_dimension_override_by_name("batch", batch)
            session = onnxruntime.InferenceSession(graph, options, providers=wanted)
            if session.get_providers()[0] != wanted[0][0]:
                # Else it would go on by itself, on the CPU.
                raise ValueError(f"backend {self.name} does not start here; use --backend torch")

            def run(images: Tensor) -> Tensor:
                (result,) = session.run(None, {INPUT: _array(images)})
                return torch.from_numpy(result).to(images.device)

            return run

        return ByBatch(compile_for)


class TensorRT(OnnxRuntime):
    """TensorRT by way of ONNX Runtime; written from its documentation, never run by us.

    It needs an NVIDIA GPU, the package onnxruntime-gpu in place of onnxruntime, and tensorrt. The
    first call for a size takes minutes, in which TensorRT tries its kernels.
    """

    name = "tensorrt"
    needs = (
        "it takes an NVIDIA GPU, and pip install onnxruntime-gpu tensorrt in place of onnxruntime"
    )
    device = "cuda"
    precisions = (torch.float32, torch.bfloat16, torch.float16)

    def installed(self) -> bool:
        """Whether ONNX Runtime knows TensorRT, and there is a GPU."""
        if not super().installed() or not torch.cuda.is_available():
            return False
        onnxruntime: Any = importlib.import_module("onnxruntime")
        return self.providers(torch.float32)[0][0] in onnxruntime.get_available_providers()

    def providers(self, precision: torch.dtype) -> list[tuple[str, dict[str, Any]]]:
        """TensorRT in a precision; what it cannot do falls to CUDA."""
        options = {
            "trt_fp16_enable": precision is torch.float16,
            "trt_bf16_enable": precision is torch.bfloat16,
        }
        return [("TensorrtExecutionProvider", options), ("CUDAExecutionProvider", {})]


class OpenVINO:
    """OpenVINO on the CPU."""

    name = "openvino"
    needs = "pip install -r requirements-openvino.txt"
    device = "cpu"
    precisions = (torch.float32, torch.bfloat16)

    def installed(self) -> bool:
        """Whether OpenVINO is there, and onnx, which writes graphs."""
        return _is_there("onnx", "openvino")

    def compile(self, graph: bytes, *, threads: int, precision: torch.dtype) -> Run:
        """See `Backend.compile`."""
        core = _openvino_core()
        options = {
            "INFERENCE_NUM_THREADS": threads,
            # Unless told, it takes bf16 where the processor has it.
            "INFERENCE_PRECISION_HINT": "bf16" if precision is torch.bfloat16 else "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }

        def compile_for(batch: int) -> Run:
            model = core.read_model(graph)
            _, *sides = model.input(0).partial_shape
            model.reshape([batch, *(side.get_length() for side in sides)])
            compiled = core.compile_model(model, "CPU", options)
            own = local()

            def run(images: Tensor) -> Tensor:
                # A request belongs to one thread, and so does the memory of its result.
                if not hasattr(own, "request"):
                    own.request = compiled.create_infer_request()
                results = own.request.infer([_array(images)])
                return torch.from_numpy(results[0].copy())

            return run

        return ByBatch(compile_for)


RUNTIMES: tuple[Backend, ...] = (OnnxRuntime(), OpenVINO(), TensorRT())


@cache
def _openvino_core() -> Any:
    """The one for this process, which stays until its end.

    On processors with AMX each puts a signal stack of its own in place and takes it away again with
    itself. Of two that do not go in the reverse order of their coming, a stack that is no longer
    mapped is left in place, and the next Ctrl-C ends the program by a segmentation fault.
    """
    openvino: Any = importlib.import_module("openvino")
    return openvino.Core()


def _is_there(*packages: str) -> bool:
    return all(find_spec(package) is not None for package in packages)


def _array(images: Tensor) -> Any:
    return images.detach().contiguous().cpu().numpy()
