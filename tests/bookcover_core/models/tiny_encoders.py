"""Encoders of a few weights, in files as people bring them."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE, CHANNELS = 32, 6


def write_onnx(
    file: Path,
    *,
    number: str | int = "n",
    side: int = SIZE,
    channels: int = 3,
    outputs: tuple[str, ...] = ("maps", "vectors"),
    inputs: int = 1,
    factor: float = 1.0,
) -> Path:
    """A convolution over pictures (n, 3, side, side), with two outputs: its maps, and their mean."""
    weights = np.random.default_rng(5).normal(0, factor, (CHANNELS, channels, 4, 4)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["pictures", "weights"], ["convolved"], strides=[4, 4]),
        helper.make_node("Tanh" if factor == 1.0 else "Exp", ["convolved"], ["maps"]),
        helper.make_node("GlobalAveragePool", ["maps"], ["means"]),
        helper.make_node("Flatten", ["means"], ["vectors"]),
        helper.make_node("Reshape", ["maps", "rows"], ["tokens"]),
    ]
    rows = np.array([0, CHANNELS, -1], np.int64)
    shapes = {"maps": (number, CHANNELS, None, None), "vectors": (number, CHANNELS), "tokens": (number, CHANNELS, None)}
    pictures = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, (number, channels, side, side))
        for name in ("pictures", "more")[:inputs]
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        pictures,
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name]) for name in outputs],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(rows, "rows")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), file)
    return file


def write_keras(file: Path, *, side: int | None = SIZE, batch: int | None = None) -> Path:
    """A convolution over pictures (n, side, side, 3), the mean of its maps, and a layer on these."""
    from bookcover_core.models.tensorflow_setup import keras

    layers = keras.layers
    pictures = keras.Input((side, side, 3), batch_size=batch)
    kernel = keras.initializers.GlorotUniform(seed=3)
    maps = layers.Conv2D(CHANNELS, 4, strides=4, activation="tanh", kernel_initializer=kernel, name="maps")(pictures)
    means = layers.GlobalAveragePooling2D(name="means")(maps)
    last = layers.Dense(3, kernel_initializer=keras.initializers.GlorotUniform(seed=4), name="last")(means)
    keras.Model(pictures, last, name="tiny").save(file)
    return file


def write_sentence_encoder(folder: Path, meanings: dict[str, list[float]], *, factor: float = 1.0) -> Path:
    """A folder whose network gives each token the vector of its word, those of unknown words and of gaps alike."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    folder.mkdir(parents=True, exist_ok=True)
    words = {word: place for place, word in enumerate(["[gap]", "[unknown]", "[start]", *meanings])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[unknown]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing("[start] $A", special_tokens=[("[start]", 2)])
    tokenizer.save(str(folder / "tokenizer.json"))
    size = len(next(iter(meanings.values())))
    table = factor * np.array([[9.0] * size, [0.1] * size, [0.1] * size, *meanings.values()], np.float32)
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ("texts", "length"))
        for name in ("input_ids", "attention_mask")
    ]
    output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ("texts", "length", size))
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["vectors"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
        helper.make_node("Mul", ["column", "nothing"], ["zeros"]),
        helper.make_node("Add", ["vectors", "zeros"], ["last_hidden_state"]),
    ]
    constants = [
        numpy_helper.from_array(table, "table"),
        numpy_helper.from_array(np.array([-1], np.int64), "last"),
        numpy_helper.from_array(np.zeros(1, np.float32), "nothing"),
    ]
    graph = helper.make_graph(nodes, "tiny", inputs, [output], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / "model.onnx")
    return folder
