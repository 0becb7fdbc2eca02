"""Tests of `models.keras_graph`: what Keras does not offer, and the project reads all the same."""

import pytest

from bookcover_core.models.keras_graph import calls, origin


@pytest.fixture
def shared():
    """A layer that two networks call, and their outputs."""
    from bookcover_core.models.tensorflow_setup import keras

    layer = keras.layers.Dense(3)
    return layer, [layer(keras.Input((2,))) for _ in range(2)]


def test_keras_has_what_is_read_of_its_own(shared):
    """A Keras that keeps its graph elsewhere is named here, before trainings fail at it."""
    layer, [output, _] = shared
    for thing, name in ((layer, "_inbound_nodes"), (output, "_keras_history")):
        assert hasattr(thing, name), f"this Keras has no {name}: mend bookcover_core/models/keras_graph.py"
    for name in ("input_tensors", "output_tensors"):
        assert hasattr(layer._inbound_nodes[0], name), f"its nodes have no {name}: mend models/keras_graph.py"
    for name in ("operation", "node_index"):
        assert hasattr(output._keras_history, name), f"its history has no {name}: mend models/keras_graph.py"


def test_each_call_of_a_shared_layer_is_told_apart(shared):
    """An output leads to the call that it came from, not to the first one of its layer."""
    layer, outputs = shared
    assert len(calls(layer)) == 2
    for output in outputs:
        operation, call = origin(output)
        assert operation is layer
        assert call.output_tensors[0] is output
