"""OpenVINO, which computes networks on processors: whether it is there, and networks compiled for a precision.

It is an extra, `openvino` or `text`. Importing it would tell its makers so, over the network, unless the person had
opted out; here it is imported without the package that does.
"""

import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from bookcover_core.errors import SettingsError
from bookcover_core.settings import Precision

# What OpenVINO calls the precisions. It must be told: left to itself it takes bfloat16 wherever the processor can. A
# quantised network says itself what is computed in int8; between, it is float32.
_TYPES = {"float32": "f32", "bfloat16": "bf16", "int8": "f32"}


def openvino_version() -> str:
    """The version that is installed; empty where none is."""
    try:
        return version("openvino")
    except PackageNotFoundError:
        return ""


def load_openvino() -> Any:
    """The package `openvino`, which tells nobody that it is used."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # Python's way to say "not installed"
    import openvino  # noqa: PLC0415 - an extra, and slow

    return openvino


def check_precision(precision: str, setting: str) -> None:
    """Raise `SettingsError` where this processor does not compute in `precision`, for which `setting` asks.

    OpenVINO would take float32 and call it bfloat16.
    """
    if precision != "bfloat16":
        return
    if "BF16" not in load_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        what = "this processor does not compute in bfloat16"
        raise SettingsError(what, where=setting, advice=f"Set {setting}=float32.")


def compile_network(network: Any, precision: Precision, **options: Any) -> Any:
    """An `openvino.Model` compiled for this processor, with further properties of OpenVINO's."""
    options |= {"INFERENCE_PRECISION_HINT": _TYPES[precision], "ENABLE_CPU_PINNING": False}
    return load_openvino().Core().compile_model(network, "CPU", options)


def requests_of(network: Any) -> list[Any]:
    """As many requests of a compiled network as it computes at a time."""
    return [network.create_infer_request() for _ in range(network.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))]


def computed(requests: Sequence[Any], inputs: Iterable[Any]) -> Iterator[Any]:
    """For each of the inputs, in their order, the request that has computed it; it is used again for a later one.

    No request calls back: OpenVINO's threads would want Python's lock, which Python holds while it drops a network and
    waits for these threads.
    """
    idle, running = deque(requests), deque[Any]()
    try:
        for each in inputs:
            if not idle:
                running[0].wait()
                yield running[0]
                idle.append(running.popleft())
            running.append(idle.popleft())
            running[-1].start_async(each)
        for request in running:
            request.wait()
            yield request
    finally:
        for request in running:
            request.wait()
