"""One shard of a network's features as a stage of its own, so that many machines can each compute some.

The stage `features` (`training.features`) is the same with it and without: it finds the shards that are there, and
computes the others.
"""

from collections.abc import Iterator
from dataclasses import replace

from bookcover_core.models.backbones import find_backbone
from bookcover_core.models.weights import weights_digest
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.manifests import digest_of, file_digest
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.preparation.prepare import shard_keys
from bookcover_core.training.features import compute_features, compute_shard, wanted_features
from bookcover_core.training.preparation_choice import model_name


def _inputs(study: Study, backbone: str, preparation: str, shard: int) -> Inputs:
    name = f"shard-{shard:04d}"
    weights = weights_digest(study.settings, find_backbone(backbone))
    return Inputs(
        f"{model_name(backbone, preparation)}/{name}",
        after=[f"prepare/{name}"],
        given={"backbone": backbone, "preparation": preparation, "weights": weights},
    )


def _parts(study: Study) -> Iterator[tuple[str, str, int]]:
    if study.settings.spreading.how:
        for backbone, preparation in wanted_features(study):
            yield from ((backbone, preparation, shard) for shard in shard_keys(study))


@stage(
    "feature-shard",
    "Compute a shard of pooled features",
    step="train",
    label="features",
    run_title="features of {backbone} on {preparation}, shard {shard}",
    settings=("models.input_size",),
    inputs=_inputs,
    parts=_parts,
    kept=True,
    apart=True,
    spreads=True,
)
def compute_feature_shard(study: Study, _: StageRun, backbone: str, preparation: str, shard: int) -> Result:
    """The manifest of one shard of the features that `backbone` gives of the covers prepared as `preparation`.

    Args:
        study: The study.
        backbone: A backbone of `models.backbones`.
        preparation: Of which pictures.
        shard: Number of the shard, from 1.

    Raises:
        SettingsError: There is no such backbone.
        StageOrderError: The shard's covers have not been prepared, its pictures are missing or damaged, or there is no
            such shard.
        WeightsError: The backbone's weights cannot be had.
    """
    shards = shard_keys(study)
    covers = len(shards.get(shard, ()))
    before = sum(len(keys) for number, keys in shards.items() if number < shard)
    telling = replace(study, progress=lambda done, _: study.progress(done - before, covers))
    file = compute_shard(telling, backbone, preparation, shard, digest_of(compute_features.code))
    study.progress(covers, covers)
    return Result(outputs=[file, file.with_suffix(".json")], digest=file_digest(file), counts={"covers": covers})
