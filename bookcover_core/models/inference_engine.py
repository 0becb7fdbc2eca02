"""What computes frozen networks: TensorFlow or, on a processor, OpenVINO, which is made for those.

Heads are trained, networks fine-tuned and explained with TensorFlow in any case: that takes gradients.
"""

import ctypes
from collections.abc import Callable
from ctypes.util import find_library
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from bookcover_core.errors import SettingsError
from bookcover_core.models.backbones import Scaling
from bookcover_core.models.machine_info import usable_cores
from bookcover_core.reading.openvino_runtime import (
    check_precision,
    compile_network,
    computed,
    load_openvino,
    openvino_version,
    requests_of,
)
from bookcover_core.settings import EngineName, ModelSettings, Precision

# Pictures that go through a network together, whatever number is given, in as many streams as the cores allow: on two
# cores that is 15 % faster than batches of any length on both, and no picture depends on those beside it.
_TOGETHER = 8

Pictures = npt.NDArray[np.uint8] | npt.NDArray[np.float32]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Engine:
    """What computes frozen networks, and in which precision."""

    name: EngineName = "tensorflow"
    precision: Precision = "float32"

    @property
    def title(self) -> str:
        """As people read it: "OpenVINO 2026.4.1, float32". On a GPU TensorFlow computes in half precision."""
        if self.name == "openvino":
            return f"OpenVINO {openvino_version()}, {self.precision}"
        return f"TensorFlow {version('tensorflow')}"


def choose_engine(models: ModelSettings) -> Engine:
    """The engine that the settings ask for on this machine."""
    name = models.engine
    if name == "auto":
        name = "openvino" if openvino_version() and not has_gpu() else "tensorflow"
    return Engine(name, models.precision)


def check_engine(models: ModelSettings) -> None:
    """Raise `SettingsError` where OpenVINO is not installed, or TensorFlow or the processor lacks the precision."""
    engine = choose_engine(models)
    if engine.name == "openvino" and not openvino_version():
        what = "OpenVINO is not installed"
        advice = 'Install it with `pip install "bookcover[openvino]"`, or set models.engine=tensorflow.'
        raise SettingsError(what, where="models.engine", advice=advice)
    if engine.name == "tensorflow" and engine.precision != "float32":
        what = f"{engine.precision} takes OpenVINO, and TensorFlow is to compute here"
        advice = 'Set models.engine=openvino (`pip install "bookcover[openvino]"`), or models.precision=float32.'
        raise SettingsError(what, where="models.precision", advice=advice)
    check_precision(engine.precision, "models.precision")


def nncf_version() -> str:
    """The version of NNCF, which takes networks to int8; empty where none is installed."""
    try:
        return version("nncf")
    except PackageNotFoundError:
        return ""


def check_quantiser(models: ModelSettings) -> None:
    """Raise `SettingsError` where networks are to be quantised and NNCF is missing."""
    if models.precision == "int8" and not nncf_version():
        what = "NNCF, which takes networks to int8, is not installed"
        advice = 'Install it with `pip install "bookcover[int8]"`, or set models.precision=float32.'
        raise SettingsError(what, where="models.precision", advice=advice)


@cache
def has_gpu() -> bool:
    """Whether TensorFlow would find a GPU: NVIDIA's driver does, and the libraries that TensorFlow needs are there."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
        number = ctypes.c_int()
        if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(number)) or not number.value:
            return False
        return bool(version("nvidia-cudnn-cu12"))
    except OSError:
        return False
    except PackageNotFoundError:
        return find_library("cudnn") is not None


class OpenVinoNetwork:
    """A network from pictures (n, side, side, 3) in 0..255 to (n, channels), computed by OpenVINO.

    Pictures of any side are scaled within it, as `input_pipeline.scale_picture` does: bilinear with antialiasing.
    """

    batch = _TOGETHER * max(4, 2 * usable_cores())
    """Pictures that it is best given at a time: no stream waits for long."""

    def __init__(
        self, convert: Callable[[], Any], side: int, precision: Precision, scaling: Scaling | None = None
    ) -> None:
        """A network that `convert` gives as an `openvino.Model`; pixels of 0..1 are scaled before it if so asked."""
        self._convert, self._side, self._precision, self._scaling = convert, side, precision, scaling
        self._requests = lru_cache(maxsize=1)(self._compile)
        self._turn = Lock()

    @classmethod
    def of_file(cls, file: Path, side: int) -> "OpenVinoNetwork":
        """A network in int8 that the stage `quantise` left in a file; it scales pixels itself."""
        return cls(lambda: load_openvino().Core().read_model(file), side, "int8")

    @classmethod
    def of_keras(cls, network: Any, precision: Precision) -> "OpenVinoNetwork":
        """The same as a Keras network, which scales pixels itself; its weights are copied."""

        def convert() -> Any:
            from bookcover_core.models.tensorflow_setup import tf, without_chatter  # noqa: PLC0415 - slow

            pictures = tf.TensorSpec(network.inputs[0].shape, tf.float32)
            graph = tf.function(lambda x: network(x, training=False), input_signature=[pictures])
            openvino = load_openvino()
            from openvino.frontend.tensorflow import utils  # noqa: PLC0415 - an extra

            # Its own function fails in Python 3.13, where `exec` changes no variable of who calls it (PEP 667).
            utils.get_environment_setup = lambda _: {"tensorflow": tf.__version__}
            with without_chatter():
                return openvino.convert_model(graph.get_concrete_function())

        return cls(convert, network.inputs[0].shape[1], precision)

    def __call__(self, pictures: Pictures) -> Floats:
        """What it gives for pictures (n, rows, columns, 3) of one size."""
        missing = -len(pictures) % _TOGETHER
        batches = np.pad(pictures, [(0, missing), (0, 0), (0, 0), (0, 0)]).reshape(-1, _TOGETHER, *pictures.shape[1:])
        with self._turn:
            requests = self._requests(pictures.shape[1:3], pictures.dtype)
            done = computed(requests, ([batch] for batch in batches))
            return np.concatenate([each.get_output_tensor().data.copy() for each in done])[: len(pictures)]

    def with_input(self, shape: tuple[int, int], dtype: "np.dtype[Any]") -> Any:
        """The `openvino.Model` that takes pictures (n, *shape, 3) of 0..255 of this type."""
        openvino = load_openvino()
        from openvino import preprocess  # noqa: PLC0415 - an extra

        model = self._convert()
        steps = preprocess.PrePostProcessor(model)
        tensor, first = steps.input().tensor(), steps.input().preprocess()
        tensor.set_element_type(openvino.Type(dtype)).set_layout(openvino.Layout("NHWC"))
        steps.input().model().set_layout(openvino.Layout("NCHW" if is_channels_first(model) else "NHWC"))
        first.convert_element_type(openvino.Type.f32)
        if shape != (self._side, self._side):
            tensor.set_spatial_static_shape(*shape)
            first.resize(preprocess.ResizeAlgorithm.RESIZE_BILINEAR_PILLOW)
        if self._scaling is not None:
            mean, deviation = ([255 * each for each in values] for values in self._scaling)
            first.mean(mean).scale(deviation)
        return steps.build()

    def _compile(self, shape: tuple[int, int], dtype: "np.dtype[Any]") -> list[Any]:
        model = self.with_input(shape, dtype)
        model.reshape([_TOGETHER, *shape, 3])
        return requests_of(compile_network(model, self._precision, PERFORMANCE_HINT="THROUGHPUT"))


def is_channels_first(model: Any) -> bool:
    """Whether an `openvino.Model` takes pictures (n, 3, rows, columns)."""
    channels = model.input().partial_shape[1]
    return bool(channels.is_static and channels.get_length() == 3)
