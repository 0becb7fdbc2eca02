"""Encoders that people bring, each with a trained head: frozen networks of which only the file is known.

Their heads are searched for, trained and repeated as those of other frozen networks are (`families.frozen`). Nothing
shows what they see: a file tells no gradients.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bookcover_core.families.family import System
from bookcover_core.families.frozen import ENCODER, Frozen
from bookcover_core.families.prediction import Floats, PredictorInput
from bookcover_core.models.encoders import Encoder
from bookcover_core.models.extra_inputs import extra_values
from bookcover_core.models.inference_engine import Engine, OpenVinoNetwork, check_engine
from bookcover_core.models.model_cards import ENCODER_FILE, HEAD_WEIGHTS, QUANTISED, read_card, whole_file
from bookcover_core.settings import EncoderSettings, ModelSettings, StudySettings


class EncoderPredictor:
    """An encoder of a folder and its head, at work on covers from outside the study.

    Raises `SettingsError` where its engine is not installed, `WeightsError` where a file is missing or altered.
    """

    def __init__(self, folder: Path) -> None:
        self.card = card = read_card(folder)
        self.squares = {card.square}
        for name in card.digests:
            whole_file(folder, name, card)
        check_engine(ModelSettings(engine=card.engine))
        [file] = folder.glob(f"{ENCODER_FILE}.*")
        described = {"file": str(file), "size": card.input_size, "scaling": card.preprocessing, "output": card.output}
        encoder = Encoder.of(EncoderSettings.model_validate({"name": card.backbone} | described))
        self._encode = (
            OpenVinoNetwork.of_file(folder / QUANTISED[0], card.input_size)
            if card.precision == "int8"
            else encoder.network(Engine(card.engine, card.precision))
        )
        self._weights = folder / HEAD_WEIGHTS

    def predict(self, covers: Sequence[PredictorInput]) -> tuple[Floats, Floats | None]:
        """Probabilities (n, genres), and features (n, channels)."""
        from bookcover_core.models.networks import build_head  # noqa: PLC0415 - imports TensorFlow

        features = self._encode(np.stack([cover.pictures[self.card.square] for cover in covers]))
        card, inputs = self.card, [features]
        if card.extra_inputs:
            inputs.append(extra_values([cover.measurements for cover in covers], card.extra_inputs))
        head = build_head(features.shape[1], len(card.genres), shape=card.head)
        head.load_weights(self._weights)
        return head(inputs if len(inputs) > 1 else features, training=False).numpy(), features


class Encoders(Frozen):
    """An encoder as it came, with a trained head."""

    name = ENCODER
    explains = False
    predictor = EncoderPredictor

    def systems(self, settings: StudySettings) -> list[System]:
        """One for each encoder that is among the backbones of the settings."""
        names = {each.name for each in settings.models.encoders}
        return [System(name, self, name) for name in settings.training.backbones if name in names]
