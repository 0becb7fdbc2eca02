"""How the layers of a Keras network are connected, for which Keras has no public way.

A layer may have been called several times, in this network and in others; `layer.input` tells of its first call alone.
All that the project needs of Keras' own is here: `_inbound_nodes`, `_keras_history`, and `_functional` of a Sequential.
"""
# ruff: noqa: SLF001 - see above

from collections.abc import Iterator
from typing import Any


def calls(operation: Any) -> list[Any]:
    """All calls of an operation, in any network, each with its `input_tensors` and `output_tensors`."""
    return list(operation._inbound_nodes)


def origin(tensor: Any) -> tuple[Any, Any]:
    """The operation that a symbolic tensor came from, and the call of it."""
    history = tensor._keras_history
    return history.operation, calls(history.operation)[history.node_index]


def calls_within(network: Any) -> Iterator[tuple[Any, Any]]:
    """Each operation of a network with each call of it that belongs to the network, from the inputs to the outputs."""
    known: set[int] = set()
    for operation in getattr(network, "_functional", network).operations:
        for call in calls(operation):
            if all(id(tensor) in known for tensor in call.input_tensors):
                known |= {id(tensor) for tensor in call.output_tensors}
                yield operation, call


def leaf_layers(network: Any) -> Iterator[Any]:
    """Layers of a network, those of networks within it too, in order."""
    for layer in network.layers:
        if hasattr(layer, "layers"):
            yield from leaf_layers(layer)
        else:
            yield layer
