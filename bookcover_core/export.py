"""A trained model on its way to other programs: as Keras and as ONNX, with what somebody needs who has nothing else.

    model.keras, model.onnx         picture (n, side, side, 3) of 0 to 255  ->  probabilities (n, genres)
    labels.txt                      the genres, in the order of the probabilities
    prepare.py                      how a cover becomes such a picture, in Pillow and numpy alone
    model-card.md, data-card.md     those of the report

Importing this module imports TensorFlow.
"""

import logging
import shutil
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template

import numpy as np
import pandas as pd

from bookcover_core.errors import SettingsError, StageOrderError
from bookcover_core.evaluation.metrics import read_predictions
from bookcover_core.evaluation.scores import sound_models
from bookcover_core.families.frozen import ENCODER
from bookcover_core.families.network_predictor import NetworkPredictor
from bookcover_core.families.systems import load_predictor
from bookcover_core.inference.cover_sources import prepared_as
from bookcover_core.inference.model_choice import TrainedModel, choose
from bookcover_core.listings.books import read_genres
from bookcover_core.models.model_cards import ENCODER_FILE, HEAD_WEIGHTS, ModelCard
from bookcover_core.models.tensorflow_setup import keras, without_chatter
from bookcover_core.pipeline.graph import parts
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import make_folder, read_table, refuse_within_study, write_text
from bookcover_core.training.features import load_features
from bookcover_core.training.stored_probabilities import LEAST

logger = logging.getLogger(__name__)


def export_model(study: Study, folder: Path, model: str = "") -> list[Path]:
    """The files in `folder` that a trained model was written to; default: the one that judges.

    Files of these names are replaced. Raises as `CoverStudy.export`.
    """
    refuse_within_study(folder.resolve(), "Name another one.")
    _check_installed("onnx", "tf2onnx")
    chosen = choose(study, model)
    network, card = _whole(study, chosen)
    make_folder(folder, "Name another one.")
    if rounded := [each.name for each in chosen.members if each.is_frozen and each.precision != "float32"]:
        what = "%s: judged in another precision here, it is written in float32, and some of its answers will differ"
        logger.warning(what, ", ".join(rounded))
    written = [folder / name for name in ("model.keras", "model.onnx", "labels.txt", "prepare.py")]
    with without_chatter():
        network(keras.ops.zeros((1, *network.inputs[0].shape[1:])))  # Keras exports what has been called
        network.save(written[0])
        network.export(written[1], format="onnx", verbose=False)
    write_text(written[2], "".join(f"{genre.name}\n" for genre in card.genres))
    write_text(written[3], _preparation(study, card))
    for name in ("model-card.md", "data-card.md"):
        told = study.workspace.report / name
        if told.is_file() and (name != "model-card.md" or f'"{chosen.name}"' in told.read_text("utf-8")):
            written.append(Path(shutil.copyfile(told, folder / name)))
    return written


def export_tables(study: Study, folder: Path) -> list[Path]:
    """The files that the study's predictions and features were written to.

    predictions.parquet has for every evaluated system and test book: system, key, label, and the probability of each
    genre under its slug; features-<backbone>-<preparation>.parquet the key, and a column for each channel.
    `StageOrderError` where no system has been evaluated, or features are damaged; else raises as `export_model`.
    """
    refuse_within_study(folder.resolve(), "Name another one.")
    _check_installed("pyarrow")
    table = _predictions(study)
    make_folder(folder, "Name another one.")
    written = [folder / "predictions.parquet"]
    table.to_parquet(written[0], index=False)
    keys = read_table(study.workspace.selection, ("key",))["key"]
    for backbone, preparation in (part.words for part in parts(study, "features") if part.is_sound(study)):
        rows = load_features(study, backbone, preparation)[np.arange(len(keys))]
        table = pd.DataFrame(rows).rename(columns=str)
        table.insert(0, "key", keys.to_numpy())
        written.append(folder / f"features-{backbone}-{preparation}.parquet")
        table.to_parquet(written[-1], index=False)
    return written


def _predictions(study: Study) -> pd.DataFrame:
    models = sound_models(study)
    if not models:
        raise StageOrderError("no system has been evaluated", where=study.workspace.root, advice="Run the study first.")
    slugs, tables = pd.Index([genre.slug for genre in read_genres(study.workspace)]), []
    for system, model in models.items():
        found = read_predictions(study.workspace.evaluation / model / "predictions.csv")
        about = pd.DataFrame({"system": system, "key": found.keys, "label": found.labels})
        shares = pd.DataFrame(found.probabilities.astype(np.float32), columns=slugs)
        tables.append(about.join(shares))
    return pd.concat(tables)


def _check_installed(*packages: str) -> None:
    if missing := [name for name in packages if find_spec(name) is None]:
        what = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed"
        raise SettingsError(what, where="export", advice="Install the extra: pip install 'bookcover[export]'.")


def _whole(study: Study, chosen: TrainedModel) -> tuple[keras.Model, ModelCard]:
    """The model as one network, and the card of its first member."""
    predictors = [load_predictor(study.workspace.models / card.name) for card in chosen.members]
    if encoders := [card.backbone for card in chosen.members if card.kind == ENCODER]:
        what = f"{' and '.join(encoders)} came as a file of yours, which cannot be joined with its head to one network"
        advice = f"Take {ENCODER_FILE}.onnx or .keras and {HEAD_WEIGHTS} from the model's folder."
        raise SettingsError(what, where=chosen.name, advice=advice)
    networks = [each for each in predictors if isinstance(each, NetworkPredictor)]
    squares = {each.square for each in networks}
    if len(networks) < len(predictors) or len(squares) > 1 or any(len(each.model.inputs) > 1 for each in networks):
        what = f"{chosen.title} takes more than one picture of a cover, or more than pictures, and cannot be one file"
        names = [each.card.name for each in networks if len(each.model.inputs) == 1]
        advice = f"Name a network that does: {', '.join(names) or 'none of its own'} (`--model`)."
        raise SettingsError(what, where=chosen.name, advice=advice)
    if len(networks) == 1:
        return networks[0].model, networks[0].card
    pictures = keras.Input(networks[0].model.inputs[0].shape[1:], name="pictures")
    terms = []
    for share, each in zip(chosen.shares, networks, strict=True):
        each.model.name = each.card.name
        found = each.model(pictures)
        if chosen.how == "product":
            found = keras.ops.log(keras.ops.maximum(found, LEAST))
        terms.append(keras.layers.Rescaling(share)(found))
    joined = keras.layers.Add()(terms)
    if chosen.how == "product":
        joined = keras.layers.Softmax(name="genres")(joined)
    return keras.Model(pictures, joined, name=chosen.name), networks[0].card


def _preparation(study: Study, card: ModelCard) -> str:
    """A program that prepares a cover as the model was shown them."""
    settings = prepared_as(study)
    return Template((files("bookcover_core") / "prepare_cover.txt").read_text("utf-8")).substitute(
        HOW=card.preparation,
        PREPARED=settings.size,
        SIDE=card.input_size,
        SCALING=settings.interpolation.name,
        FORMAT=settings.image_format.upper(),
        QUALITY=settings.jpeg_quality,
    )
