"""Where sessions run: on the CPU, or on a GPU if ONNX Runtime can use it, which is checked."""

from dataclasses import dataclass
from functools import cache
from typing import Literal

import onnxruntime as ort

from imaml.runtime.portability import GraphError

Device = Literal["auto", "cpu", "cuda"]

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_QUIET, _USUAL = 4, 2  # ONNX Runtime's log levels: what it cannot do is told here, in one line

# y = Identity(x), to try a GPU with before any model is loaded.
_PROBE = bytes.fromhex(
    "08083a2f0a100a017812017922084964656e74697479120570726f62655a090a017812040a02080162090a017912040a"
    "02080142040a001012"
)

# Its wheels report what they run to their maker unless they are told not to.
ort.disable_telemetry_events()


class DeviceError(RuntimeError):
    """A device that was asked for and cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Chosen:
    """Where sessions run, and why not on a GPU where that was wished for."""

    device: Literal["cpu", "cuda"]
    fallback: str | None = None


@cache
def choose(device: Device) -> Chosen:
    """The device for a setting; `auto` is a GPU that works, else the CPU. Raises DeviceError for `cuda`."""
    if device == "cpu":
        return Chosen("cpu")
    reason = _why_no_gpu()
    if reason is None:
        return Chosen("cuda")
    if device == "cuda":
        raise DeviceError(f"IMAML_DEVICE is cuda, but {reason}; mend that, or set it to auto or cpu.")
    return Chosen("cpu", reason)


def session(name: str, graph: bytes, threads: int, device: Literal["cpu", "cuda"]) -> ort.InferenceSession:
    """Load a graph. Raises GraphError where it is none, DeviceError where it fell back to the CPU."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Threads wait actively while a call runs, and not between calls: other adaptations need the cores.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    # It would guess the format from the content, and only this one has been checked.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        loaded = ort.InferenceSession(graph, options, providers=[_CUDA, _CPU] if device == "cuda" else [_CPU])
    except Exception as error:  # ONNX Runtime raises many types, none of them public
        reason = f"{error}".partition("\n")[0]
        raise GraphError(f"The graph {name!r} cannot be loaded: {reason}") from error
    if device == "cuda" and loaded.get_providers()[0] != _CUDA:
        raise DeviceError(f"The graph {name!r} fell back to the CPU; look whether the GPU is out of memory.")
    return loaded


def _why_no_gpu() -> str | None:
    """Why ONNX Runtime cannot use a GPU here; None where it can."""
    if _CUDA not in ort.get_available_providers():
        return "this ONNX Runtime is built for CPUs alone"
    ort.set_default_logger_severity(_QUIET)
    try:
        loaded = ort.InferenceSession(_PROBE, providers=[_CUDA, _CPU])
    finally:
        ort.set_default_logger_severity(_USUAL)
    if loaded.get_providers()[0] == _CUDA:
        return None
    return "ONNX Runtime finds no GPU that it can use, or not the CUDA and cuDNN libraries that it needs"
