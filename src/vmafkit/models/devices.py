"""Where a tiny model runs: what onnxruntime offers on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vmafkit.errors import CapabilityMissing, ModelRefused, UsageError

# In the order in which `auto` tries them.
PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "rocm": "ROCMExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
DEVICES = ("auto", *PROVIDERS)


def check_device(device: str) -> None:
    """Refuse a word that is no device.

    Raises:
        UsageError: it is not one of DEVICES.
    """
    if device not in DEVICES:
        raise UsageError(f"device {device!r} is not known", hint=f"one of {', '.join(DEVICES)}")


def open_session(data: bytes, device: str) -> tuple[Any, str, str]:
    """Give checked bytes to onnxruntime.

    Args:
        data: a model that `onnx_file.inspect` accepted.
        device: one of DEVICES; `auto` takes the first of PROVIDERS that works.

    Returns:
        The session, the device it runs on, and how that came about.

    Raises:
        CapabilityMissing: onnxruntime, or the device asked for by name, is not here.
        ModelRefused: onnxruntime cannot read the model.
    """
    check_device(device)
    runtime = _runtime()
    offered = set(runtime.get_available_providers())
    wanted = tuple(PROVIDERS) if device == "auto" else (device,)
    passed: list[str] = []
    for name in wanted:
        provider = PROVIDERS[name]
        if provider not in offered:
            passed.append(f"{name}: not in this onnxruntime")
            continue
        try:
            session = _session(runtime, data, provider)
        except Exception as error:
            if name == "cpu":
                raise ModelRefused(
                    "onnxruntime cannot read the model", reason="runtime", detail=str(error)[:2000]
                ) from error
            passed.append(f"{name}: {_first_line(error)}")
            continue
        # A provider that finds no device gives way to the CPU without an error.
        if session.get_providers()[0] == provider:
            return session, name, _note(device, name, passed)
        passed.append(f"{name}: no such device here")
    raise CapabilityMissing(
        f"--tiny-device {device} cannot be used ({'; '.join(passed)})",
        hint="use --tiny-device cpu, or install an onnxruntime that offers it",
    )


def _runtime() -> Any:
    try:
        import onnxruntime  # pyright: ignore[reportMissingTypeStubs]
    except ImportError as error:
        raise CapabilityMissing(
            "tiny models need onnxruntime", hint="pip install onnxruntime"
        ) from error
    return onnxruntime


def _session(runtime: Any, data: bytes, provider: str) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    # Further rewriting gains nothing at this size, and rounds some constants to float32.
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    return runtime.InferenceSession(data, sess_options=options, providers=[provider])


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]


def _note(asked: str, used: str, passed: Sequence[str]) -> str:
    if asked != "auto":
        return f"{used}, as asked"
    return f"{used}, chosen by auto" + (f" ({'; '.join(passed)})" if passed else "")
