"""What networks run on: a GPU where there is one, the processor otherwise, and how each is used best.

On a processor XLA is many times slower. On a GPU convolutions run in half precision, for which its tensor cores are
made, while weights, features and probabilities are float32; XLA is left to TensorFlow (TF_XLA_FLAGS). Measured on an
NVIDIA H200 (benchmarks/results/gpu.json), where the reading of pictures is the limit.
"""

from collections.abc import Collection
from dataclasses import dataclass

from bookcover_core.models.backbones import POOLING, PREPROCESSING
from bookcover_core.models.input_pipeline import BATCH
from bookcover_core.models.networks import GENRES
from bookcover_core.models.tensorflow_setup import keras, tf

# Layers that compute in float32 whatever the others do: on pixels of 0..255, features, and probabilities.
_FULL_PRECISION = {PREPROCESSING, POOLING, GENRES}

_HALF = "mixed_float16"


@dataclass(frozen=True)
class Accelerator:
    """How networks run on a kind of device."""

    precision: str = "float32"
    """Keras' name of the precision that layers compute in; weights are float32 in any."""
    batch: int = BATCH  # pictures that go through a network together where nothing is learnt from them
    device: str | None = None  # where pictures are put ahead of time; none: main memory
    jit_compile: bool | None = False  # whether XLA compiles graphs; None: TensorFlow's own setting
    folds: bool = True  # whether it pays to make the weights of a small frozen network constants


PROCESSOR = Accelerator()
GPU = Accelerator(precision=_HALF, batch=256, device="/GPU:0", jit_compile=None, folds=False)


def find_accelerator(kinds: Collection[str] | None = None) -> Accelerator:
    """How networks run on devices of these kinds, "CPU" and "GPU"; none given: on those that TensorFlow sees."""
    if kinds is None:
        kinds = {device.device_type for device in tf.config.get_visible_devices()}
    return GPU if "GPU" in kinds else PROCESSOR


def set_precision(network: keras.Model, precision: str) -> None:
    """Let the layers of `network`, built or traced from now on, compute in `precision`, but for those of float32."""
    for layer in network.layers:
        if layer.name in _FULL_PRECISION:
            continue
        if isinstance(layer, keras.Model):
            set_precision(layer, precision)
        else:
            layer.dtype_policy = precision


def scaled_optimizer(optimizer: keras.optimizers.Optimizer, precision: str) -> keras.optimizers.Optimizer:
    """An optimiser for `precision`: half precision loses small gradients unless the loss is scaled up before."""
    return keras.optimizers.LossScaleOptimizer(optimizer) if precision == _HALF else optimizer
