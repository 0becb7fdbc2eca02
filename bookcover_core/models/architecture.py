"""What a network is in numbers (Appendix A): layers, depth, parameters, multiply-adds, read off the built network.

A multiply-add, a "MAC" of the papers, is a multiplication whose product is added to a sum. Those of convolutions and
dense layers count, for one picture; all else is under 2 % in the networks of the dissertation.
"""

import math
from typing import Any

from pydantic import BaseModel, Field

from bookcover_core.models.keras_graph import calls_within, leaf_layers


class Architecture(BaseModel, frozen=True):
    """The numbers of one network with its head, for one picture."""

    input_size: int = Field(description="Side of its square input in pixels.")
    layers: int = Field(description="All layers but inputs; those of networks within it, not these networks.")
    layers_with_weights: int
    depth: int = Field(description="Convolutions and dense layers on the longest way from the picture to the genres.")
    parameters: int = Field(description="Weights, those that are not trained too.")
    multiply_adds: int = Field(description="Of convolutions and dense layers.")


def measure(network: Any) -> Architecture:
    """The numbers of `network`, a functional `keras.Model` whose first input is pictures (n, size, size, 3)."""
    layers = [layer for layer in leaf_layers(network) if type(layer).__name__ != "InputLayer"]
    depth, multiply_adds = _follow(network)
    return Architecture(
        input_size=network.inputs[0].shape[1],
        layers=len(layers),
        layers_with_weights=sum(bool(layer.weights) for layer in layers),
        depth=depth,
        parameters=network.count_params(),
        multiply_adds=multiply_adds,
    )


def _follow(network: Any) -> tuple[int, int]:
    """Depth and multiply-adds of `network`, with those of the networks within it."""
    total, depths = 0, dict[int, int]()
    for operation, call in calls_within(network):
        if hasattr(operation, "layers"):
            further, products = _follow(operation)
        else:
            products = _products(operation, call.output_tensors[0].shape)
            further = int(products > 0)
        total += products
        depth = max((depths[id(tensor)] for tensor in call.input_tensors), default=0) + further
        depths |= {id(tensor): depth for tensor in call.output_tensors}
    return max(depths[id(tensor)] for tensor in network.outputs), total


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
