"""Which parts of which stages make the systems of a study, in their order."""

from collections.abc import Iterator

from bookcover_core.errors import BookcoverError
from bookcover_core.models.systems import SCRATCH_NETWORKS, Kind, System
from bookcover_core.pipeline.graph import Part, find
from bookcover_core.pipeline.study import Study
from bookcover_core.training.preparation_choice import choosing_backbone, chosen_preparation


def maker(system: System) -> Part:
    """The part that makes `system`, when all before it is done."""
    return Part(find(system.stage), (system.name if system.kind is Kind.ENSEMBLE else system.network,))


def comparison(study: Study, backbone: str) -> Iterator[Part]:
    """The comparison of preparations by `backbone`."""
    for method in study.settings.preparation.methods:
        yield Part(find("features"), (backbone, str(method)))
        yield Part(find("short-training"), (str(method), backbone))
    yield Part(find("compare"), (backbone,))


def training(study: Study, network: str) -> Iterator[Part]:
    """The training of `network`; each part is given when those before it are done.

    Raises:
        StageOrderError: The preparation is not chosen, and the comparison of all networks is to choose it.
    """
    settings = study.settings
    if settings.training.preparation == "best" and settings.comparison.per_backbone:
        yield from comparison(study, choosing_backbone(settings, network))
    if network in SCRATCH_NETWORKS:
        yield Part(find("scratch"), (network,))
        return
    yield Part(find("features"), (network, str(chosen_preparation(study, network))))
    if settings.search.trials:
        yield Part(find("search"), (network,))
    yield Part(find("train"), (network,))
    if settings.fine_tuning.blocks:
        yield Part(find("finetune"), (network,))


def is_made(study: Study, system: System) -> bool:
    """Whether `system` is made by today's settings, and sound."""
    return maker(system).is_sound(study)


def is_trained(study: Study, network: str) -> bool:
    """Whether all parts of the training of `network` are sound."""
    return _are_sound(study, training(study, network))


def is_compared(study: Study, backbone: str) -> bool:
    """Whether all parts of the comparison of preparations by `backbone` are sound."""
    return _are_sound(study, comparison(study, backbone))


def _are_sound(study: Study, parts: Iterator[Part]) -> bool:
    try:
        return all(part.is_sound(study) for part in parts)
    except (BookcoverError, OSError):  # a part is not known before an earlier one is done
        return False
