"""Cards: what a saved network is, so that its architecture can be built again and its results be understood."""

import math
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from bookcover_core.errors import WeightsError
from bookcover_core.genres import Genre
from bookcover_core.models.keras_graph import calls_within, leaf_layers
from bookcover_core.models.lenet_alexnet import SCRATCH
from bookcover_core.models.machine_info import Machine
from bookcover_core.pipeline.manifests import file_digest
from bookcover_core.pipeline.workspace import write_json
from bookcover_core.settings import EngineName, ExtraInput, HeadSettings, Precision, Preparation

CARD = "card.json"
HEAD_WEIGHTS = "head.weights.h5"
MODEL_WEIGHTS = "model.weights.h5"
ENCODER_FILE = "encoder"
"""Stem of the file that holds an encoder as it came."""
QUANTISED = ("quantised.xml", "quantised.bin")
"""Files that hold the backbone in int8."""


class Architecture(BaseModel, frozen=True):
    """The numbers of one network with its head, for one picture (Appendix A).

    A multiply-add, a "MAC" of the papers, is a multiplication whose product is added to a sum. Those of convolutions
    and dense layers count; all else is under 2 % in the networks of the dissertation.
    """

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


class Member(BaseModel, frozen=True):
    """A system that an ensemble joins."""

    model: str = Field(description="Name of its folder.")
    weight: float
    digest: str = Field(description="What its stage says of it.")
    validation_accuracy: float
    validation_loss: float


class ModelCard(BaseModel, frozen=True):
    """What stands beside a network's weights, a rule, or the probabilities of an ensemble."""

    name: str = Field(description='System and preparation: "MobileNetV2-padded", "MobileNetV2-finetuned-padded".')
    kind: str = Field(description="Family that it belongs to: frozen, fine-tuned, scratch and others.")
    backbone: str = Field(description="The network; where there is none of another name, the system itself.")
    preparation: str
    input_size: int = Field(default=0, description="Side of the square input in pixels; 0 without pictures.")
    preprocessing: str = Field(default="none", description="What becomes of its values of 0..255: see `Backbone`.")
    output: str = Field(default="", description="The output of an encoder that gives its features, if it was named.")
    weights: str = Field(default="none", description="Where the backbone's weights came from: see `WeightsSource`.")
    weights_file: str | None = Field(default=None, description="Name of the file of weights.")
    weights_digest: str = ""
    engine: EngineName = Field(default="tensorflow", description="What computed the features: tensorflow or openvino.")
    precision: Precision = Field(default="float32", description="What OpenVINO computed them in.")
    hidden_units: list[int] = Field(default=[], description="Units of the head's hidden layers.")
    dropout: float = Field(default=0.0, description="Dropout before each of the head's layers.")
    extra_inputs: list[ExtraInput] = Field(default=[], description="Extra inputs joined to the pooled features.")
    hyperparameters: dict[str, Any] = Field(default={}, description="What its head was trained with.")
    how: str = Field(default="", description="How an ensemble joins its members: mean, weighted or product.")
    members: list[Member] = []
    genres: list[Genre]
    settings: dict[str, Any] = Field(description="The settings that the training depends on.")
    inputs: dict[str, str] = Field(description="Digests of what it was trained on.")
    digests: dict[str, str] = Field(default={}, description="SHA-256 of the files of weights, by name.")
    metrics: dict[str, float] = Field(description="best_epoch, epochs, validation_accuracy and more.")
    parameters: dict[str, int] = Field(default={}, description="Numbers of weights: backbone, head, trainable.")
    architecture: Architecture | None = Field(default=None, description="The whole network in numbers.")
    software: dict[str, str] = Field(description="Versions.")
    machine: Machine | None = Field(default=None, description="The machine that it was trained on.")

    @property
    def square(self) -> tuple[Preparation, int]:
        """How the covers that it sees are made square, and the side in pixels."""
        return Preparation(self.preparation), self.input_size

    @property
    def head(self) -> HeadSettings:
        """How its head is built."""
        return HeadSettings.model_validate(self.model_dump(include=set(HeadSettings.model_fields)))

    @property
    def is_frozen(self) -> bool:
        """Whether its backbone is as it came, so that the study's pooled features are its own: it has a head apart."""
        return HEAD_WEIGHTS in self.digests

    @property
    def never_saw_pictures(self) -> bool:
        """Whether its backbone should have seen pictures before, and has random weights instead."""
        return self.weights == "random" and self.backbone not in SCRATCH


UNTRAINED = ", untrained"
"""What stands behind the names of systems of which `is_untrained` holds."""


def is_untrained(folder: Path) -> bool:
    """Whether a backbone of the system in `folder`, or of one that it joins, has random weights, if cards tell."""
    try:
        card = read_card(folder)
    except WeightsError:
        return False
    return card.never_saw_pictures or any(is_untrained(folder.parent / member.model) for member in card.members)


def write_card(folder: Path, card: ModelCard) -> Path:
    """The file that `card` was written to."""
    file = folder / CARD
    write_json(file, card.model_dump(mode="json"))
    return file


def whole_file(folder: Path, name: str, card: ModelCard) -> Path:
    """The file of that name in a system's folder, if it is as the card says; else raises `WeightsError`."""
    file = folder / name
    if not file.is_file() or file_digest(file) != card.digests.get(name):
        raise WeightsError("it is missing, or not as its card says", where=file, advice="Run the study again.")
    return file


def quantised_network(folder: Path, card: ModelCard) -> Path:
    """The file of the backbone in int8 in a system's folder; raises `WeightsError` as `whole_file` does."""
    graph, _weights = [whole_file(folder, name, card) for name in QUANTISED]
    return graph


def read_card(folder: Path) -> ModelCard:
    """The card of the system in `folder`; raises `WeightsError` where there is none, or it is no card."""
    file = folder / CARD
    try:
        return ModelCard.model_validate_json(file.read_bytes())
    except OSError:
        raise WeightsError(
            "there is no trained network", where=folder, advice="Run the stage `train` first, or name another folder."
        ) from None
    except ValidationError as error:
        raise WeightsError(
            f"the card is damaged ({error.error_count()} faults)", where=file, advice="Run the stage `train` again."
        ) from None


def software_versions(*more: str) -> dict[str, str]:
    """Versions of what a network's numbers depend on, `more` packages among it."""
    versions = {"python": python_version()}
    for package in ("bookcover", "keras", "tensorflow", "numpy", *more):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return versions
