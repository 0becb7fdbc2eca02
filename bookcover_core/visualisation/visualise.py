"""The stage `visualise`: ideal pictures of genres, and heat maps of covers (section 5.3, Figure 5.6).

Where the dissertation ran out of memory after 1,000 steps, memory does not grow with them here; an ascent ends where it
has converged, and its state is kept (climb-*.npz): a stage that was cut off, or is to take more steps, resumes there.
"""

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from bookcover_core.errors import StageOrderError
from bookcover_core.evaluation.scores import read_scores
from bookcover_core.families.family import System, title_of
from bookcover_core.families.systems import find_system, system_to_visualise, systems, validation_figures_of
from bookcover_core.genres import Genre
from bookcover_core.listings.books import read_genres
from bookcover_core.models.model_cards import MODEL_WEIGHTS, ModelCard
from bookcover_core.pipeline.code import code_of
from bookcover_core.pipeline.engine import Inputs, Result, StageRun
from bookcover_core.pipeline.manifests import digest_of
from bookcover_core.pipeline.stage import stage
from bookcover_core.pipeline.study import Study
from bookcover_core.pipeline.workspace import write_bytes, write_json, write_table
from bookcover_core.training.preparation_choice import split_model_name
from bookcover_core.training.stored_probabilities import choose_by_validation
from bookcover_core.visualisation.network_insight import COURSE, INSIGHT, IdealPicture, NetworkInsight, insight_folder

if TYPE_CHECKING:
    from bookcover_core.training.image_trainer import PixelBooks
    from bookcover_core.visualisation.activation_ascent import ActivationMaximiser, MaximisationState

logger = logging.getLogger(__name__)

# Genres that are maximised together: three take about two thirds of the time that they take one after the other.
_TOGETHER = 3

# Steps after which the state is kept and logged, and after which progress is reported.
_STRETCH, _REPORTED = 50, 10

# Test covers of a genre that are scored together, and in all: their scores are set beside that of its ideal picture.
_BATCH, _MOST_COVERS = 16, 64

# The code that a kept state depends on, beside its network and settings.
_ASCENT = "bookcover_core.visualisation.activation_ascent:ActivationMaximiser"


def _inputs(study: Study) -> Inputs:
    system = chosen_system(study)
    model = system.model(study)
    return Inputs(model, after=["split", system.label(study), f"evaluate/{model}"])


def is_wanted(study: Study) -> bool:
    """Whether the settings ask for ideal pictures or heat maps, and a network can be visualised."""
    wanted = study.settings.visualisation
    return bool(wanted.genres or wanted.grad_cam) and any(each.explains for each in systems(study.settings))


@stage(
    "visualise",
    "Visualise a network",
    settings=("seed", "visualisation"),
    inputs=_inputs,
    parts=lambda study: [()] if is_wanted(study) else [],
    kept=True,
    apart=True,
    network_of=lambda study: chosen_system(study).network,
)
def visualise(study: Study, run: StageRun) -> Result:
    """Ideal pictures and heat maps of the network that `visualisation.model` names, or of the best by validation."""
    model = run.part
    from bookcover_core.models.networks import load_model  # noqa: PLC0415 - imports TensorFlow
    from bookcover_core.training.image_trainer import read_books  # noqa: PLC0415 - imports TensorFlow
    from bookcover_core.visualisation.grad_cam import explain_covers  # noqa: PLC0415 - imports TensorFlow

    network, card = load_model(study.workspace.models / model)
    books = read_books(study, card.preparation, "test")
    ideals, ideal_files = _maximise(study, run, network, card, books)
    seen, seen_files = explain_covers(study, network, card, books)
    insight = NetworkInsight(
        model=model,
        network=card.backbone,
        title=title_of(split_model_name(model)[0]),
        input_size=card.input_size,
        ideals=ideals,
        seen=seen,
    )
    file = insight_folder(study.workspace, model) / INSIGHT
    write_json(file, insight.model_dump(mode="json"))
    counts = {"ideal pictures": len(ideals), "converged": sum(each.converged for each in ideals)}
    return Result(
        outputs=[file, *ideal_files, *seen_files],
        counts={"model": model, **counts, "steps": sum(each.steps for each in ideals), "covers explained": len(seen)},
    )


def chosen_system(study: Study) -> System:
    """The network to visualise: the one that the settings name, or the best by validation accuracy.

    `SettingsError` where there is no such system, or it shows nothing; `StageOrderError` where none is evaluated.
    """
    if named := system_to_visualise(study.settings):
        return named
    models = {system.name: system.model(study) for system in systems(study.settings) if system.explains}
    figures = {
        name: validation_figures_of(study.workspace.models / model)
        for name, model in models.items()
        if study.manifest_file(f"evaluate/{model}").exists()
    }
    if not figures:
        what = "no network has been trained and evaluated that could be visualised"
        advice = "Run the stages `train` and `evaluate` first."
        raise StageOrderError(what, where=study.workspace.root, advice=advice)
    return find_system(study.settings, choose_by_validation(figures).names[0])


def _maximise(
    study: Study, run: StageRun, network: object, card: ModelCard, books: "PixelBooks"
) -> tuple[list[IdealPicture], list[Path]]:
    """The ideal pictures of the genres with the best recall, and their files."""
    import pandas as pd  # noqa: PLC0415 - slow to import, as all of these
    from scipy.special import softmax  # noqa: PLC0415

    from bookcover_core.models.input_pipeline import read_pictures  # noqa: PLC0415
    from bookcover_core.visualisation.activation_ascent import ActivationMaximiser  # noqa: PLC0415
    from bookcover_core.visualisation.contact_sheet import encoded  # noqa: PLC0415

    settings = study.settings.visualisation
    evaluated = read_scores(study.workspace.evaluation / card.name / "metrics.json")
    genres = {genre.label: genre for genre in read_genres(study.workspace)}
    tested = sorted((each for each in evaluated.genres if each.books), key=lambda each: -each.recall[1].value)
    chosen = [(genres[each.label], each.recall[1].value) for each in tested[: settings.genres]]
    if not chosen:
        return [], []
    maximiser = ActivationMaximiser(
        network, total_variation=settings.total_variation, l2=settings.l2, seed=study.settings.seed
    )
    ideals, files, folder = [], [], insight_folder(study.workspace, card.name) / "ideal"
    for start in range(0, len(chosen), _TOGETHER):
        together = chosen[start : start + _TOGETHER]
        state = _ascend(study, run, maximiser, card, [genre for genre, _ in together], (start, len(chosen)))
        scores, converged = maximiser.score(state.in_place), state.converged(settings.plateau)
        for place, (genre, recall) in enumerate(together):
            picture, course = folder / f"{genre.slug}.png", folder / f"{genre.slug}.csv"
            write_bytes(picture, encoded(Image.fromarray(state.in_place[place]), "PNG"))
            columns = [np.arange(state.step), state.scores[:, place], *state.penalties[:, place].T]
            write_table(course, pd.DataFrame(dict(zip(COURSE, columns, strict=True))).round(5))
            files += [picture, course]
            own = np.flatnonzero(np.asarray(books.labels) == genre.label)[:_MOST_COVERS]
            batches = [[books.files[each] for each in own[at : at + _BATCH]] for at in range(0, len(own), _BATCH)]
            shown = [maximiser.score(read_pictures(batch, maximiser.size))[:, genre.label] for batch in batches]
            beside = np.concatenate([np.empty(0, np.float32), *shown])
            ideals.append(
                IdealPicture(
                    genre=genre,
                    recall=recall,
                    picture=study.workspace.relative(picture),
                    course=study.workspace.relative(course),
                    steps=state.step,
                    converged=bool(converged[place]),
                    score=float(scores[place, genre.label]),
                    probability=float(softmax(scores[place].astype(np.float64))[genre.label]),
                    covers=len(beside),
                    median_cover=float(np.median(beside)) if len(beside) else None,
                    best_cover=float(beside.max()) if len(beside) else None,
                )
            )
    return ideals, files


def _ascend(
    study: Study,
    run: StageRun,
    maximiser: "ActivationMaximiser",
    card: ModelCard,
    genres: Sequence[Genre],
    share: tuple[int, int],
) -> "MaximisationState":
    """The ascent of some genres from where it was left to its end; `share`: genres done before them, and in all."""
    from bookcover_core.visualisation.activation_ascent import MaximisationState  # noqa: PLC0415 - imports TensorFlow

    settings = study.settings.visualisation
    labels = [genre.label for genre in genres]
    weights = [study.settings.seed, settings.total_variation, settings.l2, settings.plateau]
    key = digest_of([card.digests[MODEL_WEIGHTS], labels, weights, digest_of(code_of(_ASCENT))])
    file = insight_folder(study.workspace, card.name) / f"climb-{genres[0].slug}.npz"
    state = MaximisationState.read(file, key)
    if state is None or state.step > settings.steps:
        state = MaximisationState.start(maximiser.size, labels, study.settings.seed)
    if state.step:
        logger.info("%s: resumes at step %d", run.label, state.step)

    def report(step: int) -> None:
        if step % _REPORTED == 0:
            study.progress(share[0] * settings.steps + len(genres) * step, share[1] * settings.steps)

    while state.step < settings.steps and not state.converged(settings.plateau).all():
        started = time.perf_counter()
        steps = min(_STRETCH - state.step % _STRETCH, settings.steps - state.step)
        state = maximiser.ascend(state, labels, steps, report)
        state.write(file, key)
        scores = [f"{genre.name} {score:.1f}" for genre, score in zip(genres, state.scores[-1], strict=True)]
        pace = (time.perf_counter() - started) / steps
        told = (run.label, state.step, settings.steps, ", ".join(scores), pace)
        logger.info("%s: step %d of %d, scores %s, %.2f s a step", *told)
    return state
