"""The blocks of a network, from its pictures up: what fine-tuning trains is so many of them, from the top.

Wherever the graph of layers narrows to one tensor, it can be cut. What lies between two such points and branches, to be
joined again, is a block: a residual block, an Inception module. The chains between those are cut behind a pooling
(VGG), between two convolutions without a non-linearity between them (the linear bottlenecks of MobileNetV2), and before
each further depthwise convolution (MobileNet). NASNet narrows nowhere: it has one block for all cells.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bookcover_core.models.random_weights import leaf_layers
from bookcover_core.models.tensorflow_setup import keras

# Classes of layers that do not make a linear function of a tensor non-linear.
_LINEAR = {"BatchNormalization", "ZeroPadding2D", "Cropping2D", "Dropout"}
_POOLING = {"MaxPooling2D", "AveragePooling2D"}
_DEPTHWISE = "DepthwiseConv2D"


@dataclass(frozen=True)
class _Step:
    """What lies between one narrow point of the graph and the next."""

    names: tuple[str, ...]
    last: str
    """Class of the layer that it ends with."""
    joins: bool
    """Whether it branches and is joined again, by anything but a product, which is a gate."""
    kernel: bool
    linear: bool
    """Whether it is one layer with a kernel and without a non-linearity."""


def find_blocks(network: keras.Model) -> list[tuple[str, ...]]:
    """Names of the layers of each block of a functional network that uses no layer twice, from its pictures up."""
    pieces: list[list[_Step]] = []
    chain: list[_Step] = []
    for step in _steps(network):
        if step.joins:
            pieces += [*_cut(chain), [step]]
            chain = []
        else:
            chain.append(step)
    blocks: list[list[_Step]] = []
    for piece in [*pieces, *_cut(chain)]:
        if blocks and not any(step.kernel for step in piece):
            blocks[-1] += piece
        else:
            blocks.append(piece)
    return [tuple(name for step in block for name in step.names) for block in blocks]


def unfreeze_top(network: keras.Model, blocks: int) -> list[str]:
    """Names of the layers of `network` that can be trained from now on: those with weights in its top blocks.

    All others are frozen, and all batch normalisations, which small batches of other pictures would spoil. More blocks
    than there are means all.
    """
    top = {name for block in find_blocks(network)[-blocks:] for name in block} if blocks else set()
    network.trainable = True
    for layer in network.layers:
        layer.trainable = layer.name in top
    for layer in leaf_layers(network):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    return [layer.name for layer in network.layers if layer.trainable_variables]


def _cut(chain: Sequence[_Step]) -> list[list[_Step]]:
    """A chain, cut into pieces."""
    pieces: list[list[_Step]] = []
    linear = False
    for step in chain:
        last = [other.last for other in pieces[-1]] if pieces else []
        if (
            not pieces
            or last[-1] in _POOLING
            or (step.kernel and linear)
            or (step.last == _DEPTHWISE and _DEPTHWISE in last)
        ):
            pieces.append([])
        pieces[-1].append(step)
        linear = step.linear or (linear and step.last in _LINEAR)
    return pieces


def _steps(network: keras.Model) -> Iterator[_Step]:
    """The graph of `network`, cut behind every layer that leaves nothing open: all before it is used by then."""
    graph: list[dict[str, Any]] = network.get_config()["layers"]
    sources = [set(_names_of_inputs(layer["inbound_nodes"])) for layer in graph]
    last_use = {name: place for place, names in enumerate(sources) for name in names}
    with_kernel = {layer.name for layer in network.layers if any(len(variable.shape) > 1 for variable in layer.weights)}
    start = needed_until = 0
    for place, layer in enumerate(graph):
        if needed_until <= place:
            names = tuple(other["name"] for other in graph[start : place + 1])
            kernel = not with_kernel.isdisjoint(names)
            yield _Step(
                names=names,
                last=layer["class_name"],
                joins=len(sources[place]) > 1 and layer["class_name"] != "Multiply",
                kernel=kernel,
                linear=kernel and len(names) == 1 and layer["config"].get("activation") == "linear",
            )
            start = place + 1
        needed_until = max(needed_until, last_use.get(layer["name"], place))


def _names_of_inputs(value: Any) -> Iterator[str]:
    """Names of the layers whose outputs a node of a network's configuration takes."""
    if isinstance(value, dict):
        if "keras_history" in value:
            yield value["keras_history"][0]
        for part in value.values():
            yield from _names_of_inputs(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _names_of_inputs(part)
