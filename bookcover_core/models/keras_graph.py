"""How the layers of a Keras network are connected, for which Keras has no public way.

A layer may have been called several times, in this network and in others. `layer.input` tells of its first call alone.
All that the project needs of Keras' own is here: `_inbound_nodes` of an operation, and `_keras_history` of a tensor.
"""

from typing import Any


def calls(operation: Any) -> list[Any]:
    """All calls of an operation, in any network, each with its `input_tensors` and `output_tensors`."""
    return list(operation._inbound_nodes)  # noqa: SLF001 - see above


def origin(tensor: Any) -> tuple[Any, Any]:
    """The operation that a symbolic tensor came from, and the call of it."""
    history = tensor._keras_history  # noqa: SLF001 - see above
    return history.operation, calls(history.operation)[history.node_index]
