"""What a network is in numbers (Appendix A): layers, depth, parameters, multiply-adds, read off the built network.

A multiply-add is one multiplication whose product is added to a sum: "Mult-Adds" and "MACs" in the papers. Those of
convolutions and dense layers count, for one picture; all else is under 2 % in the networks of the dissertation.
"""

import math
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from bookcover_core.models.keras_graph import calls


class Architecture(BaseModel):
    """The numbers of one network with its head, for one picture."""

    model_config = ConfigDict(frozen=True)

    input_size: int = Field(description="Side of its square input in pixels.")
    layers: int = Field(description="All layers but inputs; those of networks within it, not these networks.")
    layers_with_weights: int
    depth: int = Field(description="Convolutions and dense layers on the longest way from the picture to the genres.")
    parameters: int = Field(description="Weights, those that are not trained too.")
    multiply_adds: int = Field(description="Of convolutions and dense layers.")


def measure(network: Any) -> Architecture:
    """The numbers of `network`, a functional `keras.Model` whose first input is pictures (n, size, size, 3)."""
    layers, with_weights, depth, multiply_adds = _walk(network)
    return Architecture(
        input_size=network.inputs[0].shape[1],
        layers=layers,
        layers_with_weights=with_weights,
        depth=depth,
        parameters=network.count_params(),
        multiply_adds=multiply_adds,
    )


def _walk(network: Any) -> tuple[int, int, int, int]:
    """Layers, layers with weights, depth and multiply-adds of `network` and of the networks within it."""
    from bookcover_core.models.tensorflow_setup import keras  # noqa: PLC0415 - TensorFlow takes seconds to import

    layers = with_weights = multiply_adds = 0
    depths: dict[int, int] = {}
    for operation in network.operations:
        within = _walk(operation) if isinstance(operation, keras.Model) else None
        if within is not None:
            layers += within[0]
            with_weights += within[1]
            multiply_adds += within[3]
        elif isinstance(operation, keras.layers.Layer) and not isinstance(operation, keras.layers.InputLayer):
            layers += 1
            with_weights += bool(operation.weights)
        for node in _calls(operation, depths):
            products = 0 if within is not None else _products(operation, node.output_tensors[0].shape)
            multiply_adds += products
            further = within[2] if within is not None else int(products > 0)
            depth = max((depths[id(tensor)] for tensor in node.input_tensors), default=0) + further
            depths |= {id(tensor): depth for tensor in node.output_tensors}
    return layers, with_weights, max(depths[id(tensor)] for tensor in network.outputs), multiply_adds


def _calls(operation: Any, known: dict[int, int]) -> list[Any]:
    """The calls of an operation that belong to this network: a layer may have been called in others as well."""
    return [node for node in calls(operation) if all(id(tensor) in known for tensor in node.input_tensors)]


def _products(layer: Any, shape: tuple[int | None, ...]) -> int:
    """Multiplications of one call of a layer, for one picture: at each position as many as the kernel has weights."""
    match type(layer).__name__:
        case "Conv2D" | "DepthwiseConv2D" | "Dense":
            kernel = math.prod(layer.kernel.shape)
        case "SeparableConv2D":
            kernel = math.prod(layer.depthwise_kernel.shape) + math.prod(layer.pointwise_kernel.shape)
        case _:
            return 0
    return int(kernel * math.prod(side for side in shape[1:-1] if side is not None))
