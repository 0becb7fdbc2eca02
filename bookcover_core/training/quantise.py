"""The stage `quantise`: a frozen network in int8, calibrated on training covers, where `models.precision` asks for it.

NNCF quantises after training; the ranges of activations are those that it sees on covers of training books alone. What
it comes to depends a little on the machine, so the network is kept for features and judged covers.
"""

import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np

from bookcover_core.models.backbones import Backbone
from bookcover_core.models.encoders import find_network
from bookcover_core.models.inference_engine import check_quantiser, choose_engine, nncf_version
from bookcover_core.models.weights import weights_source
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.manifests import digest_of, file_digest
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import atomic
from bookcover_core.preparation.prepare import shard_keys
from bookcover_core.reading.openvino_runtime import load_openvino
from bookcover_core.settings import StudySettings
from bookcover_core.training.feature_store import quantised_files
from bookcover_core.training.features import (
    compared_features,
    prepared_pictures,
    shuffled_training_books,
    wanted_features,
)
from bookcover_core.training.preparation_choice import model_name

logger = logging.getLogger(__name__)

_COVERS = 300  # training covers that a network is calibrated on, at most: NNCF's own default


def _pictures(study: Study, preparation: str) -> list[tuple[str, str]]:
    """Path and digest of the pictures that networks are calibrated on; in the order of their draw."""
    drawn = shuffled_training_books(study, "calibration")[:_COVERS]
    return prepared_pictures(study, shard_keys(study), drawn, preparation)


def _inputs(study: Study, backbone: str, preparation: str) -> Inputs:
    prepared = [f"prepare/shard-{number:04d}" for number in shard_keys(study)]
    for label in ("split", *prepared):
        study.manifest(label)
    digests = [sha for _, sha in _pictures(study, preparation)]
    network = find_network(study.settings.models, backbone)
    return Inputs(
        model_name(backbone, preparation),
        given={
            "backbone": backbone,
            "preprocessing": network.preprocessing,
            "weights": weights_source(study.settings, network).digest,
            "covers": digest_of(digests),
            "nncf": nncf_version(),
        },
        reads=["split", *prepared],
        sizes={"covers": len(digests)},
    )


def _parts(study: Study) -> Iterator[tuple[str, str]]:
    if choose_engine(study.settings.models).precision == "int8":
        compared = compared_features(study)
        yield from compared
        yield from (each for each in wanted_features(study) if each not in compared)


@stage(
    "quantise",
    "Quantise the networks",
    step="train",
    run_title="quantise {backbone} for {preparation}",
    settings=("models.input_size",),
    inputs=_inputs,
    parts=_parts,
    kept=True,
    apart=True,
)
def quantise(study: Study, run: StageRun, backbone: str, preparation: str) -> Result:
    """The network from pictures (n, side, side, 3) of 0..255 to features, in int8; `SettingsError` without NNCF."""
    check_quantiser(study.settings.models)
    network = find_network(study.settings.models, backbone)
    pictures = [study.workspace.root / path for path, _ in _pictures(study, preparation)]
    graph, weights = quantised_files(study, run.part)
    with atomic(graph) as one, atomic(weights) as other:
        quantise_network(study.settings, network, pictures, one, other)
    logger.info("%s: calibrated on %d training covers by NNCF %s", run.label, len(pictures), nncf_version())
    counts = {"covers": len(pictures), "megabytes": round(weights.stat().st_size / 1e6, 1)}
    outputs, digest = [graph, weights], digest_of([file_digest(graph), file_digest(weights)])
    return Result(outputs=outputs, digest=digest, counts=counts)


def quantise_network(
    settings: StudySettings, network: Backbone, pictures: Sequence[Path], graph: Path, weights: Path
) -> None:
    """Write `network` in int8, calibrated on `pictures`, to two files: its graph (`.xml`) and its weights."""
    openvino = load_openvino()  # before NNCF, which would tell its makers that it is used
    import nncf  # noqa: PLC0415 - an extra

    from bookcover_core.models.input_pipeline import read_pictures  # noqa: PLC0415 - imports TensorFlow
    from bookcover_core.models.tensorflow_setup import without_chatter  # noqa: PLC0415 - as above
    from bookcover_core.training.feature_extraction import openvino_network  # noqa: PLC0415 - as above

    plain = openvino_network(settings, network).with_input((network.size, network.size), np.dtype(np.float32))
    covers = nncf.Dataset(pictures, lambda file: read_pictures([file], network.size))
    logging.getLogger("nncf").setLevel(logging.ERROR)
    with without_chatter(), redirect_stdout(io.StringIO()):
        quantised = nncf.quantize(plain, covers, subset_size=len(pictures))
    openvino.serialize(quantised, str(graph), str(weights))
