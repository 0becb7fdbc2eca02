"""One shard of a network's features as a stage of its own, so that many machines can each compute some.

The stage `features` (`training.features`) is the same with it and without: it finds the shards that are there, and
computes the others.
"""

from dataclasses import replace

from bookcover_core.models.backbones import find_backbone
from bookcover_core.models.weights import weights_digest
from bookcover_core.pipeline.manifests import Manifest
from bookcover_core.pipeline.study import Study
from bookcover_core.training.feature_store import shard_keys
from bookcover_core.training.features import compute_shard, model_name


def compute_feature_shard(study: Study, backbone: str, preparation: str, shard: int) -> Manifest:
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
    name = f"shard-{shard:04d}"
    weights = weights_digest(study.settings, find_backbone(backbone))
    run = study.stage(
        "features",
        f"{model_name(backbone, preparation)}/{name}",
        after=[f"prepare/{name}"],
        given={"backbone": backbone, "preparation": preparation, "weights": weights},
    )
    if run.done:
        return run.done
    shards = shard_keys(study)
    covers = len(shards.get(shard, ()))
    before = sum(len(keys) for number, keys in shards.items() if number < shard)
    telling = replace(study, progress=lambda done, _: study.progress(done - before, covers))
    file = compute_shard(telling, backbone, preparation, shard)
    study.progress(covers, covers)
    return run.finish(outputs=[file], counts={"covers": covers})
