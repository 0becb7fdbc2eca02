"""The blocks of a network, from its pictures up: what fine-tuning trains is so many of them, from the top.

What lies between two points where the graph of layers narrows to one tensor, and branches to be joined again, is a
block: a residual block, an Inception module. The chains between those are cut behind a pooling (VGG), between two
convolutions without a non-linearity (the linear bottlenecks of MobileNetV2), and before each further depthwise
convolution (MobileNet). NASNet narrows nowhere: it has one block for all cells.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

from bookcover_core.models.keras_graph import calls_within, leaf_layers, origin
from bookcover_core.models.tensorflow_setup import keras

# Classes of layers that do not make a linear function of a tensor non-linear.
_LINEAR = {"BatchNormalization", "ZeroPadding2D", "Cropping2D", "Dropout"}
_POOLING = {"MaxPooling2D", "AveragePooling2D"}
_DEPTHWISE = "DepthwiseConv2D"


class _Step(NamedTuple):
    """What lies between one narrow point of the graph and the next."""

    layers: list[Any]
    joins: bool  # whether it branches and is joined again, by anything but a product, which is a gate

    @property
    def last(self) -> str:
        """Class of the layer that it ends with."""
        return type(self.layers[-1]).__name__

    @property
    def has_kernel(self) -> bool:
        return any(len(weight.shape) > 1 for layer in self.layers for weight in getattr(layer, "weights", ()))

    @property
    def is_linear(self) -> bool:
        """Whether it is one layer with a kernel and without a non-linearity."""
        activation = getattr(self.layers[0], "activation", None)
        return self.has_kernel and len(self.layers) == 1 and activation is keras.activations.linear


def find_blocks(network: keras.Model) -> list[tuple[str, ...]]:
    """Names of the layers of each block of a functional network that uses no layer twice, from its pictures up."""
    chains: list[list[_Step]] = [[]]
    for step in _steps(network):
        if step.joins:
            chains += [[step], []]
        else:
            chains[-1].append(step)
    blocks: list[list[_Step]] = []
    for piece in chain.from_iterable(map(_cut, chains)):
        if blocks and not any(step.has_kernel for step in piece):
            blocks[-1] += piece
        else:
            blocks.append(piece)
    return [tuple(layer.name for step in block for layer in step.layers) for block in blocks]


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


def _cut(steps: Sequence[_Step]) -> list[list[_Step]]:
    """A chain, cut into pieces."""
    pieces: list[list[_Step]] = []
    linear = False
    for step in steps:
        last = [other.last for other in pieces[-1]] if pieces else []
        if (
            not pieces
            or last[-1] in _POOLING
            or (step.has_kernel and linear)
            or (step.last == _DEPTHWISE and _DEPTHWISE in last)
        ):
            pieces.append([])
        pieces[-1].append(step)
        linear = step.is_linear or (linear and step.last in _LINEAR)
    return pieces


def _steps(network: keras.Model) -> Iterator[_Step]:
    """The graph of `network`, cut behind every layer that leaves nothing open: all before it is used by then."""
    graph = list(calls_within(network))
    sources = [{origin(tensor)[0].name for tensor in call.input_tensors} for _, call in graph]
    last_use = {name: place for place, names in enumerate(sources) for name in names}
    start = needed_until = 0
    for place, (layer, _) in enumerate(graph):
        if needed_until <= place:
            layers = [each for each, _ in graph[start : place + 1]]
            yield _Step(layers, joins=len(sources[place]) > 1 and type(layer).__name__ != "Multiply")
            start = place + 1
        needed_until = max(needed_until, last_use.get(layer.name, place))
