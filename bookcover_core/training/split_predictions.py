"""What a trained model, of whatever kind, makes of the books of a split: probabilities of the genres.

frozen                           stored features  ->  its head     ->  probabilities
fine-tuned, scratch, ensemble    stored when it was made           ->  probabilities
"""

import numpy as np
import numpy.typing as npt

from bookcover_core.models.systems import Kind, find_system
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import read_table
from bookcover_core.training.features import load_split
from bookcover_core.training.preparation_choice import split_model_name
from bookcover_core.training.stored_probabilities import read_probabilities


def predict_split(
    study: Study, model: str, split: str
) -> tuple[list[str], npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Keys, labels (books,) and probabilities (books, genres) of one split.

    Args:
        study: The study.
        model: A model of the study: "MobileNetV2-padded", "Ensemble-mean-padded".
        split: train, validation or test; of a model that is not frozen, validation or test.

    Raises:
        SettingsError: The study has no such model.
        StageOrderError: The features have not been computed, or the stored probabilities are missing or damaged.
        WeightsError: The head has not been trained, or its weights were altered.
    """
    name, preparation = split_model_name(model)
    folder = study.workspace.models / model
    if find_system(study.settings, name).kind is not Kind.FROZEN:
        keys, probabilities = read_probabilities(folder, split)
        return keys, labels_of(study, keys), probabilities
    from bookcover_core.models.networks import load_head  # noqa: PLC0415 - imports TensorFlow
    from bookcover_core.training.head_trainer import predict  # noqa: PLC0415 - imports TensorFlow

    head, card = load_head(folder)
    books = load_split(study, name, preparation, split, card.extra_inputs)
    return books.keys, books.labels, predict(head, books)


def labels_of(study: Study, keys: list[str]) -> npt.NDArray[np.int32]:
    """Labels (books,) of the books called `keys`, in their order."""
    books = read_table(study.workspace.splits, ("key", "label"), label="int32").set_index("key")["label"]
    return books.loc[keys].to_numpy(np.int32)
