"""Whole networks: the head on pooled features, a backbone with a head on it, and both to and from a folder.

A head is trained on pooled features alone (`training.heads`). Assembled, backbone and head are one network from pixels
to genres: the one that people judge covers with and that activation maximisation and Grad-CAM look into.
"""

from pathlib import Path

from bookcover_core.errors import WeightsError
from bookcover_core.manifests import file_digest
from bookcover_core.models.backbones import Backbone, find_backbone
from bookcover_core.models.cards import HEAD_WEIGHTS, MODEL_WEIGHTS, ModelCard, read_card
from bookcover_core.models.engine import keras
from bookcover_core.models.pooled import build_pooled
from bookcover_core.workspace import atomic

# Name of the layer that gives the probabilities.
GENRES = "genres"


def build_head(channels: int, genres: int, seed: int = 0) -> keras.Model:
    """Pooled features (n, channels) to probabilities (n, genres): one dense layer with softmax, as in section 4.1.

    Args:
        channels: Length of a pooled feature.
        genres: Number of genres.
        seed: Seed of the kernel's first values (Glorot uniform, Keras' default; biases are 0).
    """
    features = keras.Input((channels,), name="features")
    kernel = keras.initializers.GlorotUniform(seed=seed)
    probabilities = keras.layers.Dense(genres, activation="softmax", kernel_initializer=kernel, name=GENRES)(features)
    return keras.Model(features, probabilities, name="head")


def assemble(backbone: Backbone, network: keras.Model, head: keras.Model) -> keras.Model:
    """Pictures (n, size, size, 3) in 0..255, of float or integer type, to probabilities (n, genres).

    Layers: `preprocessing`, the frozen backbone under its own name, `pooling`, `genres` (shared with `head`).
    """
    network.trainable = False
    pooled = build_pooled(backbone, network)
    probabilities = head.get_layer(GENRES)(pooled.output)
    return keras.Model(pooled.input, probabilities, name=f"{backbone.name}-genres")


def save_weights(model: keras.Model, file: Path) -> str:
    """SHA-256 of `file` after the weights of `model` were written to it; the name ends in `.weights.h5`.

    Raises:
        DiskFullError, WorkspaceError: The disk is full, or the folder cannot be written.
    """
    # Keras wants the name to end in .weights.h5, which that of a temporary file beside it does not.
    with atomic(file) as temporary:
        partial = temporary.with_suffix(".weights.h5")
        try:
            model.save_weights(partial)
            partial.replace(temporary)
        finally:
            partial.unlink(missing_ok=True)
    return file_digest(file)


def load_model(folder: Path) -> tuple[keras.Model, ModelCard]:
    """The assembled network in `folder`, built in code with the weights saved there, and its card.

    Raises:
        WeightsError: There is none, or its weights are missing, altered or of another network.
    """
    card = read_card(folder)
    file = _checked(folder, MODEL_WEIGHTS, card)
    backbone = find_backbone(card.backbone)
    model = assemble(backbone, backbone.build(), build_head(backbone.channels, len(card.genres)))
    _load(model, file, card)
    return model, card


def load_head(folder: Path) -> tuple[keras.Model, ModelCard]:
    """The head alone of the network in `folder`, and its card.

    Raises:
        WeightsError: As for `load_model`.
    """
    card = read_card(folder)
    file = _checked(folder, HEAD_WEIGHTS, card)
    head = build_head(find_backbone(card.backbone).channels, len(card.genres))
    _load(head, file, card)
    return head, card


def _load(model: keras.Model, file: Path, card: ModelCard) -> None:
    try:
        model.load_weights(file)
    except (ValueError, KeyError, OSError) as error:
        reason = " ".join(str(error).split())[:300]
        raise WeightsError(
            f"these are not the weights of {card.name} ({reason})", where=file, advice="Run the stage `train` again."
        ) from error


def _checked(folder: Path, name: str, card: ModelCard) -> Path:
    """The file `name` in `folder`, if it is the one that the card was written for."""
    file = folder / name
    if not file.is_file() or file_digest(file) != card.digests.get(name):
        raise WeightsError(
            "the weights are missing or not those that the card beside them names",
            where=file,
            advice="Run the stage `train` again.",
        )
    return file
